"""Text to tree: YAML with places, formulas, declarations, types."""
