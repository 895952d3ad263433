"""Values of the evaluator: exact numbers, yes or no, names, days, and unknown with its cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from guanhu.rulebook import tree as t


@dataclass(frozen=True, slots=True)
class Unknown:
    """No value. `cause` is the path of what was missing, `why` a short code.

    why: absent (not supplied), undefined (0/0, growth over nothing), no row, coverage, stop, past.
    """

    cause: str
    why: str

    def __bool__(self) -> bool:
        """Refuse to be taken for yes or no by accident."""
        raise TypeError("unknown is neither yes nor no")


Value = Fraction | bool | str | date | Unknown


@dataclass(frozen=True, slots=True)
class Traced:
    """A value and how it came about.

    `node` is the expression; `parts` the values it was made of; `hit` the case or table row that held;
    `note` what only the leaf knows: the dated input, the measure's credited rows, the line's own trace.
    """

    node: t.Expr
    value: Value
    parts: tuple[Traced, ...] = ()
    hit: int = -1
    note: object = None


@dataclass(frozen=True, slots=True)
class GivenNote:
    """That a figure was given by who asks: in a worked example, or when a line is tried."""


@dataclass(frozen=True, slots=True)
class InputNote:
    """Which supplied value was read: its keys, since when, from which document."""

    name: str
    keys: tuple[str, ...]
    since: date | None
    document: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class RowTrace:
    """How one row came about: the day of its prices, its condition and its formula; None where there is none."""

    day: date
    where: Traced | None
    each: Traced | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days on which what a thing holds stayed the same: the balance in yuan, None where there is none (a loan's state)."""

    start: date
    end: date
    balance: Fraction | None

    @property
    def days(self) -> int:
        """Return how many days these are."""
        return (self.end - self.start).days


@dataclass(frozen=True, slots=True)
class CreditedRow:
    """What one thing adds to a measure: its weighted amount, exact.

    `weight` is in parts per billion (for a moving baseline × days of the window); `days` the days counted;
    `quantity` the balance-days of a linear measure, else the days (or pieces) with equal rows. `thing` is
    what a distinct count counts. `trace` is kept when somebody asked for rows.
    """

    object_id: str
    start: date
    end: date
    weight: int
    days: int
    quantity: Fraction
    amount: Fraction | Unknown
    thing: object = None
    trace: RowTrace | None = None
    stretches: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True)
class DayTotal:
    """Days on which a subject's total stays the same, and whether they count: for the figure, or for its condition."""

    start: date
    end: date
    total: Fraction
    counts: bool | Unknown
    rows: tuple[CreditedRow, ...] = ()

    @property
    def days(self) -> int:
        """Return how many days these are."""
        return (self.end - self.start).days


@dataclass(frozen=True, slots=True)
class MeasureNote:
    """How a measure came about: its window, divisor and credited rows; `totals` where single days' totals count.

    `is_linear`: rows hold balance-days, and their formula is that of a balance of one yuan. `own_days` are the
    days taken of the instance's own window, by which the weights of a moving baseline count; else 0.
    """

    name: str
    start: date
    end: date
    divisor: Fraction
    rows: tuple[CreditedRow, ...]
    take: str = "sum"
    is_linear: bool = False
    own_days: int = 0
    totals: tuple[DayTotal, ...] = ()
    customers: tuple[tuple[object, Fraction, Fraction], ...] = ()
    """Where customers are rounded: each with what it comes to, exact and rounded."""


@dataclass(frozen=True, slots=True)
class PastRow:
    """One earlier instance that a figure was made of. `source`: published, opening or computed."""

    instance: str
    value: Value
    source: str


@dataclass(frozen=True, slots=True)
class PastNote:
    """Which instances a figure over instances was made of."""

    rows: tuple[PastRow, ...]


@dataclass(frozen=True, slots=True)
class LotRow:
    """What one lot adds to a figure: when it was granted, when it falls due (None: not known yet), how much.

    `source` is what it was granted for: a line, opening_state, or a row of fact.
    """

    lot: str
    granted_on: date
    due_on: date | None
    amount: Fraction
    source: str = ""


@dataclass(frozen=True, slots=True)
class LotNote:
    """Which lots a figure of a ledger was made of."""

    rows: tuple[LotRow, ...]


@dataclass(frozen=True, slots=True)
class LineNote:
    """How a line came about: the value before its bounds, the bound that held, the value as kept."""

    name: str
    before: Value
    bound: str
    value: Value
    formula: Traced
    extra: tuple[Traced, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class PoolNote:
    """How a part of a pool came about: the pool and its left-over fen, the shares, who takes part, the part cut to the fen."""

    amount: Fraction
    weight: Fraction
    total: Fraction
    members: int
    odd_fen: int
    cut: Fraction


def known_or(unknown: Unknown | None, value: Value) -> Value:
    """Return the unknown if there is one, else the value."""
    return value if unknown is None else unknown


def first_unknown(parts: tuple[Traced, ...] | list[Traced]) -> Unknown | None:
    """Return the first unknown among values, in reading order."""
    return next((part.value for part in parts if isinstance(part.value, Unknown)), None)
