"""What a measure reads and of which days: windows, takes, price days, inputs and columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.facts import Assignment
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.values import InputNote, Traced, Unknown, Value
from guanhu.rulebook.parts import parts_of
from guanhu.values.dates import Span, add_months, month_start, unit_containing

_RANKS = {"event": 0, "account": 1, "loan": 1, "customer": 2}


class Inputs(Protocol):
    """The bank's inputs by day."""

    def read(self, name: str, keys: tuple[str, ...], day: date) -> tuple[Value, InputNote]:
        """Return the value in force, or unknown (absent)."""

    def changes(self, names: set[str], span: Span) -> set[date]:
        """Return the days inside the span on which one of these inputs changes."""

    def parsed(self, name: str, text: str) -> Value | None:
        """Return a person's decision in the input's unit, or None when it is not of it."""


def read_input(node: t.InputRef, inputs: Inputs, day: date, env: object) -> Traced:
    """Return an input for the keys of the row or subject on a day."""
    keys = tuple(evaluate(key, env) for key in node.keys)  # type: ignore[arg-type]
    for key in keys:
        if isinstance(key.value, Unknown):
            return Traced(node, key.value, keys)
    value, note = inputs.read(node.name, tuple(str(key.value) for key in keys), day)
    return Traced(node, value, keys, note=note)


@dataclass(frozen=True, slots=True)
class Question:
    """Which figure is asked for: a measure, over which days, for which spell of the subject's own window."""

    measure: t.Measure
    window: Span
    own: Span
    spell: Span | None
    every: str = "month"


@dataclass(frozen=True, slots=True)
class Reads:
    """What the rows of a measure read, and whether `each` is the balance times something else.

    `derives`: they read figures of their own account, loan or customer.
    """

    columns: frozenset[tuple[str, str]]
    inputs: frozenset[str]
    changes: frozenset[date]
    linear: bool
    derives: bool


def rows_in_force(table: t.Table, day: date) -> tuple[t.TableRow, ...]:
    """Return the rows of the newest version that has begun by `day`; none before the first."""
    begun = [version for version in table.versions if version.start <= day]
    return begun[-1].rows if begun else ()


def most_specific(candidates: list[Assignment]) -> Iterator[Assignment]:
    """Yield assignments cut so that on each day only those of the most specific grain remain."""
    if len({_RANKS[a.grain] for a in candidates}) < 2:
        yield from candidates
        return
    edges = sorted({day for a in candidates for day in (a.start, a.end)})
    for first, last in pairwise(edges):
        alive = [a for a in candidates if a.start <= first and a.end >= last]
        best = min((_RANKS[a.grain] for a in alive), default=0)
        for a in alive:
            if _RANKS[a.grain] == best:
                yield Assignment(a.grain, a.object_id, a.person_id, a.role, a.book, a.share, first, last)


def taken(take: t.Take, window: Span) -> tuple[list[Span], Fraction]:
    """Return the days that a measure takes of its window, and what their sum is divided by."""
    match take.how:
        case "daily average":
            return [window], Fraction(window.days)
        case "balance days":
            return [window], Fraction(1)
        case "month-end average" | "named days":
            wanted = (0,) if take.how == "month-end average" else take.days
            days = sorted(set(_named_days(wanted, window)))
            return [Span(day, day + timedelta(days=1)) for day in days], Fraction(max(len(days), 1))
        case _:
            return [Span(window.last_day, window.end)], Fraction(1)


def _named_days(wanted: tuple[int, ...], window: Span) -> Iterator[date]:
    day = month_start(window.start)
    while day < window.end:
        length = unit_containing("month", day).days
        for number_ in wanted:
            chosen = day.replace(day=length if number_ == 0 else min(number_, length))
            if chosen in window:
                yield chosen
        day = add_months(day, 1)


def credit_day(question: Question) -> date | None:
    """Return the one day on which credit is looked up; None where each day or row has its own."""
    return {
        "window start": question.window.start,
        "window end": question.window.last_day,
        "evaluation end": question.own.last_day,
    }.get(question.measure.credit_at)


def price_day(measure: t.Measure, day: date, question: Question) -> date:
    """Return the day whose prices apply."""
    match measure.prices_at:
        case "each day" | "row's day":
            return day
        case "window end":
            return question.window.last_day
        case _:
            return question.own.last_day


def _formulas(measure: t.Measure, rulebook: t.Rulebook) -> Iterator[t.Expr]:
    return parts_of(measure.formulas, rulebook.tables)


def inputs_of(measure: t.Measure, rulebook: t.Rulebook) -> set[str]:
    """Return the inputs that a measure's rows read."""
    return {part.name for part in _formulas(measure, rulebook) if isinstance(part, t.InputRef)}


def table_changes(measure: t.Measure, rulebook: t.Rulebook) -> set[date]:
    """Return the days on which a table that a measure's rows read changes."""
    tables = {part.table for part in _formulas(measure, rulebook) if isinstance(part, t.Lookup)}
    return {version.start for name in tables for version in rulebook.tables[name].versions}


def columns_of(measure: t.Measure, rulebook: t.Rulebook) -> set[tuple[str, str]]:
    """Return the columns that a measure's rows read."""
    return {
        (part.table, part.column) for part in _formulas(measure, rulebook) if isinstance(part, t.RowValue)
    }


def reads_figures(measure: t.Measure, rulebook: t.Rulebook) -> bool:
    """Tell whether a measure's rows read figures of their own account, loan or customer."""
    return any(isinstance(part, t.MeasureRef) for part in _formulas(measure, rulebook))


def is_balance_times(node: t.Expr | None) -> bool:
    """Tell whether a formula is the balance times something that does not read it."""
    if isinstance(node, t.RowValue):
        return (node.table, node.column) == ("", "balance")
    return isinstance(node, t.Product) and is_balance_times(node.left) != is_balance_times(node.right)


def tests_balance(measure: t.Measure) -> bool:
    """Tell whether a measure reads the balance more than once, or rounds each row."""
    reads = [
        p
        for root in measure.formulas
        for p in t.walk(root)
        if isinstance(p, t.RowValue) and (p.table, p.column) == ("", "balance")
    ]
    return len(reads) > 1 or (measure.round_to is not None and measure.round_per == "row")
