"""Measures of standing things (balances, loan states) to SQL: the fold over account-days.

The idea: a *piece* says that an object counts for a subject, with a weight, from a day to a day. The
days of a run are cut into *segments* at window edges, price changes and months. Then

    cube(subject, span, weight, class, segment) → Σ balance·days

is built once and every linear measure in every window reads it. Whole months come from the stored
month index; intervals are opened only where a piece or a segment cuts a month. A measure whose `each`
is not linear in the balance, or whose `where` tests the balance, is evaluated row by row instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from sqlglot import exp

from guanhu.rulebook import tree as t
from guanhu.rulebook.run.template import filled, union_all
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
    if measure.take.how == "count" or measure.round_per or not _is_balance_product(measure.each):
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
    found: list[t.Expr] = []
    for root in (measure.where, measure.each):
        if root is not None:
            found.extend(t.walk(root))
    return found


def _is_balance_product(node: t.Expr | None) -> bool:
    match node:
        case t.RowValue(table="", column="balance"):
            return True
        case t.Product(left=left, right=right):
            return _is_balance_product(left) != _is_balance_product(right)
        case _:
            return False


CUBE_WHOLE = """
SELECT p.subject_no, p.span_no, p.weight, c.class_no, s.seg_no, sum(x.days_sum) AS days_sum
FROM pieces AS p
JOIN coarse AS s ON p.start_day <= s.start_day AND p.end_day >= s.end_day
JOIN sums AS x ON x.account_no = p.account_no AND x.seg_no = s.seg_no
JOIN classes AS c ON c.account_no = p.account_no
GROUP BY ALL
"""
MONTH_SUMS = """
SELECT m.account_no, f.seg_no, sum(m.balance_days) AS days_sum
FROM f_balance_months AS m JOIN fine AS f ON f.month_start = m.month_start
GROUP BY ALL
"""
CUT_SUMS = """
SELECT b.account_no, f.seg_no,
       sum(b.balance * (least(b.to_day, f.end_day) - greatest(b.from_day, f.start_day))) AS days_sum
FROM f_balances AS b
JOIN fine AS f ON f.month_start IS NULL AND b.from_day < f.end_day AND b.to_day > f.start_day
GROUP BY ALL
"""
CUBE_PART_MONTHS = """
SELECT k.subject_no, k.span_no, k.weight, c.class_no, k.seg_no, sum(m.balance_days) AS days_sum
FROM cut AS k
JOIN f_balance_months AS m ON m.account_no = k.account_no AND m.month_start = k.month_start
JOIN classes AS c ON c.account_no = k.account_no
WHERE k.is_month GROUP BY ALL
"""
CUBE_PART = """
SELECT k.subject_no, k.span_no, k.weight, c.class_no, k.seg_no,
       sum(b.balance * (least(b.to_day, k.end_day) - greatest(b.from_day, k.start_day))) AS days_sum
FROM cut AS k
JOIN f_balances AS b ON b.account_no = k.account_no AND b.from_day < k.end_day AND b.to_day > k.start_day
JOIN classes AS c ON c.account_no = k.account_no
WHERE NOT k.is_month GROUP BY ALL
"""
CUT_PIECES = """
SELECT p.account_no, p.subject_no, p.span_no, p.weight, f.seg_no, f.month_start,
       greatest(p.start_day, f.start_day) AS start_day, least(p.end_day, f.end_day) AS end_day,
       f.month_start IS NOT NULL AND p.start_day <= f.start_day AND p.end_day >= f.end_day AS is_month
FROM pieces AS p
JOIN coarse AS s ON p.start_day < s.end_day AND p.end_day > s.start_day
  AND (p.start_day > s.start_day OR p.end_day < s.end_day)
JOIN fine AS f ON f.seg_no = s.seg_no AND p.start_day < f.end_day AND p.end_day > f.start_day
"""


def cube_query(
    pieces: str, coarse: str, fine: str, classes: str, cut: str, *, whole_months: bool
) -> exp.Expr:
    """Return the cube of balances.

    A piece that holds a whole segment reads the account's sum over it, made once for all who share the
    account; a piece that cuts a segment reads whole months from the index and opens intervals only where
    it cuts a month. `whole_months` says that no segment itself cuts a month.

    Shapes:   in pieces(account_no, subject_no, span_no, weight, start_day, end_day),
              coarse(seg_no, start_day, end_day), fine(seg_no, start_day, end_day, month_start DATE?),
              classes(account_no, class_no) or '' for none, cut: the table of `CUT_PIECES`
              -> out(subject_no, span_no, weight, class_no, seg_no, days_sum fen·days).
    """
    sums = filled(MONTH_SUMS, fine=fine)
    if not whole_months:
        sums = exp.Union(this=sums, expression=filled(CUT_SUMS, fine=fine), distinct=False)
    whole = filled(_classed(CUBE_WHOLE, classes), pieces=pieces, coarse=coarse, sums=sums, classes=classes)
    months = filled(_classed(CUBE_PART_MONTHS, classes), cut=cut, classes=classes)
    part = filled(_classed(CUBE_PART, classes), cut=cut, classes=classes)
    return union_all([whole, months, part])


def _classed(shape: str, classes: str) -> str:
    """Return the shape without the join of classes where no attribute is asked for: all accounts are of class 0."""
    if classes:
        return shape
    lines = [line for line in shape.splitlines() if "JOIN classes" not in line]
    return "\n".join(lines).replace("c.class_no", "0 AS class_no")
