"""Marks on a cell whose text does not carry what it was: the marked text fails every pattern, and says why.

They begin with a control character, so that no cell of a file can be taken for one by chance.
"""

from __future__ import annotations

MARK = "\x1a"
FORMULA, ERROR, LONG_NUMBER, DATE = "\x1aF", "\x1aE", "\x1aN", "\x1aD"
"""A formula's cached result, an error value, a number of more than 15 digits, a date out of place."""
