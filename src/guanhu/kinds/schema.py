"""What a kind of fact is: a named table with typed columns.

How a column is written in a file and how it rests (`Column.type`):

    text      any text                       VARCHAR
    id        text without blanks            VARCHAR
    choice    a name of the bank's own code  VARCHAR (mapped to the rulebook's words)
    date      2025-07-01                     DATE
    money     yuan, at most two decimals     BIGINT fen
    rate      2.275% or 0.02275              BIGINT, 1e-10
    share     60%, 0.6 or 1/3                BIGINT, parts per billion
    number    decimal, at most six places    DECIMAL(38,0), 1e-6
    count     whole number                   BIGINT
    yesno     是 / 否, yes / no, 1 / 0        BOOLEAN
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from guanhu.values import units
from guanhu.values.exact import FEN_PER_YUAN, FIGURE_SCALE, PPB, RATE_SCALE
from guanhu.values.units import Unit


class Dated(Enum):
    """How a kind of fact stands in time."""

    SPAN = "span"
    """`from`..`to`, both days included in files; at rest `from_day`, `to_day` half-open."""
    CHANGE = "change"
    """`from` only: the row holds until the next row of the same key; `to_day` is filled at import."""
    DAY = "day"
    """An event on one day (`day`)."""
    ENTITY = "entity"
    """A thing with an id: the newest known row of the id."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `name` is the English heading and the name at rest; `zh` the Chinese heading.

    A file may write each of `allowed` by its Chinese word too: `allowed_zh`, in the same order.
    """

    name: str
    type: str
    zh: str
    required: bool = True
    refers: str = ""
    note_zh: str = ""
    note_en: str = ""
    allowed: tuple[str, ...] = ()
    allowed_zh: tuple[str, ...] = ()

    @property
    def listed(self) -> str:
        """Return the allowed values, each with its Chinese word."""
        if not self.allowed_zh:
            return " / ".join(self.allowed)
        return " / ".join(f"{word} {zh}" for word, zh in zip(self.allowed, self.allowed_zh, strict=True))

    @property
    def unit(self) -> Unit:
        """Return the unit that a formula sees; a text or id column is a choice set of its own name."""
        return _UNITS.get(self.type) or units.choice(self.name)

    @property
    def scale(self) -> int:
        """Return what the whole number at rest is divided by to give the value in its unit."""
        return _SCALES.get(self.type, 1)


_UNITS = {
    "date": units.DATE,
    "money": units.MONEY,
    "rate": units.ANNUAL_RATE,
    "share": units.RATIO,
    "number": units.NUMBER,
    "count": units.COUNT,
    "yesno": units.YES_NO,
}
_SCALES = {"money": FEN_PER_YUAN, "rate": RATE_SCALE, "share": PPB, "number": FIGURE_SCALE}
SQL_TYPES = {
    "text": "VARCHAR",
    "id": "VARCHAR",
    "choice": "VARCHAR",
    "date": "DATE",
    "money": "BIGINT",
    "rate": "BIGINT",
    "share": "BIGINT",
    "number": "DECIMAL(38,0)",
    "count": "BIGINT",
    "yesno": "BOOLEAN",
}
"""The type at rest of each column type (DuckDB and Parquet names)."""


_DECLARED_NAME = re.compile(r"[^\W\d_]\w{0,24}")


def is_declared_name(text: str) -> bool:
    """Tell whether a kind of event, or a column of one, may be called `text`.

    The name is the name of a file, a sheet, a heading and a column at rest: letters of any script, digits
    and low lines, a letter first, no capitals, because the engines do not tell them apart. With `event_`
    before it, it must fit the 31 characters of a sheet's name.

    >>> [is_declared_name(text) for text in ("violation", "违规", "Violation", "3月", "违 规")]
    [True, True, False, False, False]
    """
    return _DECLARED_NAME.fullmatch(text) is not None and text == text.lower()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fact.

    `key` names the columns that, with the date, identify a row. `grain` says what a row belongs to,
    most specific first: the columns through which an assignment finds its owner. `institution` names
    the column that says which institution's coverage the row falls under ('' when it has none).
    """

    name: str
    zh: str
    dated: Dated
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    grain: tuple[str, ...] = ()
    day: str = "day"
    institution: str = ""
    note_zh: str = ""
    note_en: str = ""
    declared: bool = False
    """True for kinds of event that a rulebook declares itself."""

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)

    @property
    def file_columns(self) -> tuple[Column, ...]:
        """Return the columns as a file has them, the date columns included, in order."""
        first = Column("from_day", "date", "起始日", note_zh="含当日", note_en="included")
        last = Column(
            "to_day",
            "date",
            "截止日",
            required=False,
            note_zh="含当日;空=至今",
            note_en="included; empty = open",
        )
        day = Column(self.day, "date", "日期")
        keys = tuple(c for c in self.columns if c.name in self.key)
        rest = tuple(c for c in self.columns if c.name not in self.key)
        match self.dated:
            case Dated.SPAN:
                return (*keys, first, last, *rest)
            case Dated.CHANGE:
                return (*keys, first, *rest)
            case Dated.DAY if self.column(self.day) is None:
                return (*keys, day, *rest)
            case _:
                return (*keys, *rest)
