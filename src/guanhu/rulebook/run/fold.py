"""Measures of standing things (balances, loan states) to SQL: the fold over account-days.

The idea: a *piece* says that an object counts for a subject, with a weight, from a day to a day. The
days of a run are cut into *segments* at window edges, price changes and months. Then

    cube(subject, span, weight, class, segment) → Σ balance·days

is built once (`cube`) and every linear measure in every window reads it. A measure whose `each`
is not linear in the balance, or whose `where` tests the balance, is evaluated row by row instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from guanhu.rulebook import tree as t
from guanhu.values.dates import Span, add_months, month_start, month_starts, unit_containing

WEIGHT_WHOLE = 1_000_000_000
"""The weight of a whole share."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Days that no window edge or price change cuts; `month` when it is a whole calendar month."""

    number: int
    span: Span
    month: date | None


def segments_of(spans: Iterable[Span], cuts: Iterable[date], *, by_month: bool = True) -> list[Segment]:
    """Return the disjoint segments that all spans are unions of, cut at `cuts` and, `by_month`, at months too.

    >>> from guanhu.values.dates import period_of
    >>> [(str(s.span), s.month is not None) for s in segments_of([period_of("2025-01-10..2025-02-28")], [])]
    [('2025-01-10..2025-01-31', False), ('2025-02-01..2025-02-28', True)]
    """
    wanted = sorted(set(spans))
    edges: set[date] = set(cuts)
    for span in wanted:
        edges.update((span.start, span.end, *(month_starts(span) if by_month else ())))
    ordered = sorted(edges)
    found: list[Segment] = []
    for start, end in pairwise(ordered):
        piece = Span(start, end)
        if any(span.start <= start and end <= span.end for span in wanted):
            whole = start == month_start(start) and end == add_months(start, 1)
            found.append(Segment(len(found), piece, start if whole else None))
    return found


def day_spans(days: tuple[int, ...], span: Span) -> list[Span]:
    """Return the named days of each month inside `span`, each a span of one day; 0 is the month's last.

    A day that a month lacks is its last day.
    """
    found: set[Span] = set()
    day = month_start(span.start)
    while day < span.end:
        month = unit_containing("month", day)
        for wanted in days:
            number = month.days if wanted == 0 else min(wanted, month.days)
            chosen = date(day.year, day.month, number)
            if chosen in span:
                found.add(Span(chosen, date.fromordinal(chosen.toordinal() + 1)))
        day = add_months(day, 1)
    return sorted(found)


def taken_spans(take: t.Take, span: Span) -> tuple[list[Span], int]:
    """Return the days that a measure takes of its window, and the number it divides by.

    daily average: all days ÷ their number. balance days: all days ÷ 1. month-end average and named days:
    those days ÷ their number. at end, count: the last day ÷ 1.
    """
    match take.how:
        case "daily average":
            return [span], span.days
        case "balance days":
            return [span], 1
        case "month-end average":
            found = day_spans((0,), span)
            return found, max(len(found), 1)
        case "named days":
            found = day_spans(take.days, span)
            return found, max(len(found), 1)
        case _:
            return [Span(span.last_day, span.end)], 1


def is_linear(measure: t.Measure) -> bool:
    """Tell whether `each` is balance × something without the balance, and nothing else reads the balance."""
    if (
        measure.take.how in ("count", "distinct")
        or measure.take.is_of_days
        or measure.round_per
        or not _is_balance_product(measure.each)
    ):
        return False
    reads = [
        node
        for node in _all_nodes(measure)
        if isinstance(node, t.RowValue) and node.table == "" and node.column != ""
    ]
    derived = any(isinstance(node, t.MeasureRef) for node in _all_nodes(measure))
    return (
        not derived
        and sum(1 for node in reads if node.column in ("balance", "overdue_days", "loan_class")) <= 1
    )


def _all_nodes(measure: t.Measure) -> list[t.Expr]:
    return [node for root in measure.formulas for node in t.walk(root)]


def _is_balance_product(node: t.Expr | None) -> bool:
    match node:
        case t.RowValue(table="", column="balance"):
            return True
        case t.Product(left=left, right=right):
            return _is_balance_product(left) != _is_balance_product(right)
        case _:
            return False
