"""An incremental run: what late facts touch is computed again, all else is taken from an earlier run."""
