"""Engines: they print a syntax tree in their own dialect, execute it, and know nothing of rules."""
