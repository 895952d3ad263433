"""What a sheet is: a name, columns with headings and number formats, a maker of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

Cell = str | int | Fraction | date | None
Row = tuple[Cell, ...]
UNKNOWN = "未知"
NOT_OF_IT = "—"
"""What stands where a column is not of the row's subject; a blank is a figure that is unknown."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, its width in half-width characters, the kind of its numbers."""

    heading: str
    width: int = 12
    number: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name for people, its name as a file, its columns, and a maker of its rows."""

    title: str
    code: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterable[Row]]
    frozen: int = 0
