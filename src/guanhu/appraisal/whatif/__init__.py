"""What-if: a patch on an unchanged rulebook, scored beside a kept run."""
