"""The typed tree of a rulebook: its declarations. Expressions are in `expressions` and offered here too.

Every declaration has an id, a name, a clause and a path that never changes while the text stays
(`lines.increment_pay.pay`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from guanhu.kinds.schema import Dated, Kind
from guanhu.rulebook.expressions import (
    Absolute as Absolute,
    And as And,
    Balance as Balance,
    Between as Between,
    ByDays as ByDays,
    Case as Case,
    Cases as Cases,
    Compare as Compare,
    Const as Const,
    CountTrue as CountTrue,
    DateConst as DateConst,
    DatePart as DatePart,
    Expr as Expr,
    FirstGiven as FirstGiven,
    Given as Given,
    Group as Group,
    In as In,
    InputRef as InputRef,
    InstanceValue as InstanceValue,
    Least as Least,
    LineRef as LineRef,
    Lookup as Lookup,
    LotFigure as LotFigure,
    MeasureRef as MeasureRef,
    Most as Most,
    Negative as Negative,
    Node as Node,
    Not as Not,
    Or as Or,
    OverInstances as OverInstances,
    Pool as Pool,
    Previous as Previous,
    Product as Product,
    Quotient as Quotient,
    Round as Round,
    RowValue as RowValue,
    Settled as Settled,
    State as State,
    Steps as Steps,
    Streak as Streak,
    SubjectValue as SubjectValue,
    Sum as Sum,
    Times as Times,
    WordConst as WordConst,
    YesNoConst as YesNoConst,
    walk as walk,
    with_parts as with_parts,
)
from guanhu.rulebook.lots import OPENING, Release as Release, Rerating as Rerating
from guanhu.rulebook.windows import Window
from guanhu.values.problem import Place
from guanhu.values.units import MONEY, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What is unclear in the text: a name, our words, and possibly another reading (a patch of keys)."""

    name: str
    says: str
    other: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A finding of *prove* that the bank takes as it is: its code, and why."""

    code: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What every declaration has. `title` is its name in the bank's words."""

    id: str
    title: str
    clause: str
    place: Place
    path: str
    assume: str = ""
    doubt: Doubt | None = None
    accepts: tuple[Accepted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOfSubjects(Declaration):
    """Who is appraised together. `subject` is person, team, institution or bank.

    `spells` tells whether a change of post or institution cuts the instance (each spell its own card).
    """

    subject: str
    condition: Expr
    spells: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceSet(Declaration):
    """A set of choices of one attribute; `ladder` when their order is from low to high."""

    of: str
    choices: tuple[str, ...]
    ladder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Declaration):
    """What the text leaves to the bank or to a person. Absent is refused, never zero.

    `by` names the key attributes; `by_person` marks a person's decision (kind human_decisions, reason required)
    instead of a parameter. What is allowed lies between `low` and `high`, or, where the text names no number,
    between the formulas `least` and `most` of its keys and of other inputs; the ends belong to it as `_in` says.
    `range` is what to expect of it: proofs take it, nothing is refused for it.
    """

    unit: Unit
    by: tuple[str, ...]
    low: Fraction | None = None
    high: Fraction | None = None
    low_in: bool = True
    high_in: bool = True
    least: Expr | None = None
    most: Expr | None = None
    by_person: bool = False
    range_low: Fraction | None = None
    range_high: Fraction | None = None

    @property
    def closed(self) -> str:
        """Return by brackets which ends of what is allowed belong to it: `[]`, `(]` and so on."""
        return ("[" if self.low_in else "(") + ("]" if self.high_in else ")")

    def allows(self, value: Fraction, low: Fraction | None = None, high: Fraction | None = None) -> bool:
        """Tell whether a value lies in the range; `low` and `high` are what the formulas came to."""
        low, high = self.low if low is None else low, self.high if high is None else high
        above = low is None or value > low or (self.low_in and value == low)
        return above and (high is None or value < high or (self.high_in and value == high))


@dataclass(frozen=True, slots=True)
class AnyCell:
    """A table cell that every value falls in."""


@dataclass(frozen=True, slots=True)
class ChoiceCell:
    """A table cell of one or several choices."""

    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RangeCell:
    """A table cell of numbers; None is an open end. `text` is how it is written."""

    low: Fraction | None
    low_in: bool
    high: Fraction | None
    high_in: bool
    text: str

    def holds(self, value: Fraction) -> bool:
        """Tell whether the value falls in the range."""
        above = self.low is None or value > self.low or (self.low_in and value == self.low)
        below = self.high is None or value < self.high or (self.high_in and value == self.high)
        return above and below


Cell = AnyCell | ChoiceCell | RangeCell


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row: a cell for each key, an expression for each column it gives."""

    cells: tuple[Cell, ...]
    gives: tuple[Expr, ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    """The rows in force from a day on; `source` is the file that they stand in, when not in the text itself."""

    start: date
    rows: tuple[TableRow, ...]
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Declaration):
    """A look-up, rows read top-down.

    how       whole     the first row whose cells all hold
              ladder    the same, rows may overlap (highest row whose minimums all hold)
              marginal  Σ (part of the first key inside the bracket × value)
              per piece the same over counted pieces: the bracket `[1, 10]` is the first ten
    no_row    a value for each column, or None: unknown ("stop and list" and "unknown" alike)
    stops     True when a missing row is listed as a finding of the run
    """

    by: tuple[str, ...]
    key_units: tuple[Unit, ...]
    columns: tuple[str, ...]
    units: tuple[Unit, ...]
    versions: tuple[TableVersion, ...]
    how: str
    no_row: tuple[Expr, ...] | None
    stops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """How the rows become one figure.

    how: sum, count, distinct, mean, lowest, highest (rows); daily average, balance days, month-end
    average, named days (mean of the days of each month in `days`; 0 is the month's last), at end, count
    (things that stand on the window's last day). `column` is for distinct.
    Of balances, of the subject's totals of single days: lowest, highest, days (how many fulfil `condition`),
    longest run (of such days that follow each other).
    `over_held`: a daily average divides by the days of the window on which the subject held a post.
    """

    how: str
    column: str = ""
    days: tuple[int, ...] = ()
    condition: Expr | None = None
    over_held: bool = False

    @property
    def is_of_days(self) -> bool:
        """Tell whether totals of single days count: takes of balances that are no sum over account-days."""
        return self.how in ("lowest", "highest", "days", "longest run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(Declaration):
    """A figure of a subject from rows of one kind of fact: where → each → credit → days → round → take.

    credit       share | lead only | each in full | institution | person
    prices_at    each day | row's day | window end | evaluation end
    credit_at    '' (each day, the row's own day) | window start | window end | evaluation end: whoever is in
                 charge on that day has the whole window
    per          account, customer or loan: a figure of that thing, for use in the `where` of others
    base         True: credited by the days and shares of the instance's own window (moving baseline)
    round_to     places at which each row's or customer's result is rounded, with `round_per`
    """

    kind: Kind
    where: Expr | None
    each: Expr | None
    take: Take
    window: Window
    base: bool
    unit: Unit
    credit: str
    prices_at: str
    credit_at: str = ""
    per: str = ""
    book: str = ""
    role: str = ""
    round_to: int | None = None
    round_per: str = ""
    better: str = ""
    low: Fraction | None = None
    high: Fraction | None = None

    @property
    def formulas(self) -> tuple[Expr, ...]:
        """Return the formulas over its rows: which count, and what each comes to."""
        return tuple(x for x in (self.where, self.each) if x is not None)

    @property
    def is_of_last_day(self) -> bool:
        """Tell whether it counts what stands on the window's last day, and asks nothing of the days before."""
        return self.kind.dated is Dated.CHANGE and self.take.how in ("at end", "count", "distinct")

    @property
    def all_formulas(self) -> tuple[Expr, ...]:
        """Return every formula: those over its rows, and the condition on a day's total, which reads no row."""
        return self.formulas if self.take.condition is None else (*self.formulas, self.take.condition)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaMeasure(Declaration):
    """A measure made of other measures (不良率, 收息率). Its quotient stays exact."""

    expr: Expr
    unit: Unit
    better: str = ""
    low: Fraction | None = None
    high: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureMeasure(Declaration):
    """A figure that the bank supplies for the subject (target, rating, salary): kind `figures`.

    The row whose dates hold the window's last day. `scope` is person, institution, team or bank.
    In a spell it counts by days when `by_days`.
    """

    item: str
    scope: str
    unit: Unit
    window: Window
    by_days: bool = False
    better: str = ""
    low: Fraction | None = None
    high: Fraction | None = None


AnyMeasure = Measure | FormulaMeasure | FigureMeasure


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Declaration):
    """A score or pay formula, a total, a check, or any named figure of a group of subjects.

    role      score | pay | value | total | check
    The value is `value` held between `least` and `most`, times days/365 where `for_days` says so, then
    money to the fen, points and other numbers at 12 places. `terms` are the lines of a total. Where a person has
    spells, `adds_up` says that the whole is their sum (money, counts); else points average and the last speaks.
    """

    role: str
    group: str
    every: str
    unit: Unit
    value: Expr
    least: Expr | None = None
    most: Expr | None = None
    weight: Fraction | None = None
    for_days: int = 0
    terms: tuple[str, ...] = ()
    text: str = ""
    once: Window | None = None
    adds_up: bool = False

    @property
    def sums_lines(self) -> bool:
        """Tell whether the whole subject's figure is the sum of the rounded lines: of a total of money, where no bound holds it."""
        return self.role == "total" and self.unit == MONEY

    @property
    def formulas(self) -> tuple[Expr, ...]:
        """Return its formulas: the value, and its bounds where there are any."""
        return tuple(x for x in (self.value, self.least, self.most) if x is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Declaration):
    """What follows from the figures: when `when` holds, `state` becomes `becomes`.

    `becomes` is a choice, or a step along the state's ladder (`step`, +1 or −1), or a line whose figure is kept.
    `in_force` is `next period`, `next month`, `at once`; `text` is the outcome in the bank's words.
    """

    group: str
    every: str
    when: Expr
    state: str
    becomes: Expr | None
    step: int
    in_force: str
    text: str
    once: Window | None = None

    @property
    def formulas(self) -> tuple[Expr, ...]:
        """Return its formulas: the condition."""
        return (self.when,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger(Declaration):
    """A carry-over: what `adds` brings in is kept by instance of entry and used oldest first by `uses`, from its own instance on.

    What is unused lapses after `lapses_after` instances (0: never). Its name in a formula is the balance
    at the start of the instance.
    """

    group: str
    every: str
    adds: str
    uses: str
    lapses_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LotLedger(Declaration):
    """A ledger of pay in dated lots: what the line `defers` comes to in an instance waits until it is released.

    In each instance, for each person: what is rated again (`rerates`) is more or less from then on; `claws` takes its
    amount, the oldest lot first (with `claws_paid`, what is still missing then from what had been paid); a person who
    has left keeps what waits, loses it or is paid it (`leaver`); what has fallen due is paid when `when` holds, else
    forfeited or kept waiting (`otherwise`); then the new lot is granted. An unknown condition or amount moves nothing.
    `rows` names the measure of which each credited row has a lot of its own; a lot is forfeited once `loses` has
    come true of its row: `loan bad`, or a kind of event.
    """

    group: str
    every: str
    defers: str
    release: Release
    rows: str = ""
    loses: str = ""
    amount: Expr | None = None
    when: Expr | None = None
    otherwise: str = "forfeited"
    leaver: str = "keeps"
    claws: Expr | None = None
    claws_paid: bool = False
    rerates: Rerating | None = None

    def formulas(self) -> list[Expr]:
        """Return the formulas that are evaluated for whoever has lots."""
        chosen = self.rerates.chosen if self.rerates is not None else None
        return [x for x in (self.claws, self.amount, self.when, chosen) if x is not None]

    @property
    def granting(self) -> tuple[tuple[str, str], ...]:
        """Return the lines that may grant its lots, each with the measure of its rows; first the one that it defers."""
        if self.rerates is None:
            return ((self.defers, self.rows),)
        rows = self.rerates.rows or ("",) * len(self.rerates.lines)
        return tuple(zip(self.rerates.lines, rows, strict=True))

    @property
    def of_rows(self) -> tuple[str, ...]:
        """Return what it asks about the rows of its lots."""
        return tuple(x for x in (self.loses, self.release.column * (self.release.how == "row")) if x)

    def is_row(self, source: str) -> bool:
        """Tell whether what a lot was granted for is a row of fact: not the line, nor the opening state."""
        return source not in (self.defers, OPENING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A worked example: figures in, the value of one line out, with its arithmetic in words."""

    name: str
    clause: str
    line: str
    given: Mapping[str, str]
    says: str
    gives: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """A checked rulebook. `order` lists measures, lines and decisions so that each stands after what it reads.

    `levels` are the lines of `order` that read themselves, or each other, among the institutions below: those that
    stand together in `order` are evaluated together, from the lowest institutions upwards.
    """

    id: str
    title: str
    every: str
    groups: Mapping[str, GroupOfSubjects]
    words: Mapping[str, ChoiceSet]
    inputs: Mapping[str, Input]
    tables: Mapping[str, Table]
    measures: Mapping[str, AnyMeasure]
    lines: Mapping[str, Line]
    decisions: Mapping[str, Decision]
    ledgers: Mapping[str, Ledger]
    events: Mapping[str, Kind]
    out_of_scope: Mapping[str, str]
    order: tuple[str, ...] = ()
    digest: str = ""
    readings: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, Unit] = field(default_factory=dict)
    preamble: str = ""
    levels: frozenset[str] = frozenset()
    lots: Mapping[str, LotLedger] = field(default_factory=dict)

    def evaluated(self) -> list[Line | Decision]:
        """Return everything that is evaluated in an instance: lines, totals, checks, decisions."""
        return [*self.lines.values(), *self.decisions.values()]

    def declared(self, name: str) -> Line | Decision | None:
        """Return the line, check or decision of a name, or None."""
        return self.lines.get(name) or self.decisions.get(name)

    def titled(self, name: str) -> str:
        """Return the bank's name of a line, check or decision; the name itself where there is none."""
        found = self.declared(name)
        return found.title if found is not None else name

    def knows_staff(self, name: str) -> bool:
        """Tell whether people can be counted by a name: a group of subjects, or a choice such as a grade."""
        return name in self.groups or any(name in words.choices for words in self.words.values())

    def kinds(self) -> set[str]:
        """Return the names of the kinds of fact that the rulebook reads."""
        found = {m.kind.name for m in self.measures.values() if isinstance(m, Measure)}
        asked = {x for ledger in self.lots.values() for x in ledger.of_rows}
        return found | {"loan_states" if x.startswith("loan ") else x for x in asked}
