"""The cube of balances as SQL: Σ balance·days by subject, span, weight, class of account and segment.

Three sources, each opened only where the one before does not serve:

    the month index    months that a piece holds at their end: the whole month counts
    edges              a piece that begins or ends inside a month: the sum from the month's first day up
                       to that day, added at its end, taken off at its beginning; such sums are stored for
                       the days on which credit was known to change, and else made from the intervals
    the intervals      days of a segment that is no whole month (a window that cuts a month)

    month      |--------------------|        piece ends at e      + sum to e
    piece   ---------e    b-----------       piece begins at b    + whole month − sum to b

An account's intervals follow each other without a gap from its first one on, so a piece that begins after
an interval of its month has days in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlglot import exp

from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.fold import Segment
from guanhu.rulebook.run.template import filled, union_all
from guanhu.values.dates import unit_containing

# Pieces that hold none of the months are joined too: to leave them out first costs more than it saves.
QUARTER = """
SELECT p.subject_no, p.span_no, p.weight, c.class_no,
       sum(x.month_1) FILTER (WHERE p.holds_1) AS days_1,
       sum(x.month_2) FILTER (WHERE p.holds_2) AS days_2,
       sum(x.month_3) FILTER (WHERE p.holds_3) AS days_3
FROM f_balance_quarters AS x
JOIN (
  SELECT q.account_no, q.subject_no, q.span_no, q.weight, :holds_1 AS holds_1, :holds_2 AS holds_2, :holds_3 AS holds_3
  FROM pieces AS q
) AS p ON p.account_no = x.account_no
JOIN classes AS c ON c.account_no = p.account_no
WHERE x.quarter_start = :quarter
GROUP BY ALL
"""
HOLDS = "q.start_day < :month_end AND q.end_day >= :month_end"
OF_QUARTER = """
SELECT q.subject_no, q.span_no, q.weight, q.class_no, :seg AS seg_no, :days AS days_sum FROM quarter AS q WHERE :some
"""
EDGES = """
SELECT d.account_no, d.subject_no, d.span_no, d.weight, f.seg_no, f.month_start, d.day, d.sign
FROM (
  SELECT p.account_no, p.subject_no, p.span_no, p.weight, p.end_day AS day, 1 AS sign
  FROM pieces AS p WHERE p.end_day > :first AND p.end_day < :last
  UNION ALL
  SELECT p.account_no, p.subject_no, p.span_no, p.weight, p.start_day, -1
  FROM pieces AS p WHERE p.start_day > :first AND p.start_day < :last
) AS d
JOIN fine AS f ON d.day > f.start_day AND d.day < f.end_day
"""
EDGES_STORED = """
SELECT e.subject_no, e.span_no, e.weight, c.class_no, e.seg_no, sum(e.sign * x.balance_days) AS days_sum,
       count(*) FILTER (WHERE x.day IS NULL) AS lacking
FROM edges AS e
JOIN classes AS c ON c.account_no = e.account_no
LEFT JOIN f_balance_cuts AS x ON x.account_no = e.account_no AND x.day = e.day
GROUP BY ALL
"""
OF_STORED = "SELECT q.* EXCLUDE (lacking) FROM stored AS q WHERE q.days_sum IS NOT NULL"
LACKING = """
SELECT e.* FROM edges AS e ANTI JOIN f_balance_cuts AS x ON x.account_no = e.account_no AND x.day = e.day
"""
EDGES_SUMMED = """
SELECT e.subject_no, e.span_no, e.weight, c.class_no, e.seg_no,
       sum(e.sign * b.balance * date_diff('day', greatest(b.from_day, e.month_start), least(b.to_day, e.day))) AS days_sum
FROM edges AS e
JOIN f_balances AS b ON b.account_no = e.account_no AND b.from_day < e.day AND b.to_day > e.month_start
JOIN classes AS c ON c.account_no = e.account_no
GROUP BY ALL
"""
DAYS_HELD = """
SELECT p.subject_no, p.span_no, p.weight, c.class_no, x.seg_no, sum(x.days_sum) AS days_sum
FROM pieces AS p
JOIN fine AS s ON p.start_day <= s.start_day AND p.end_day >= s.end_day
JOIN (
  SELECT b.account_no, f.seg_no, f.start_day,
         sum(b.balance * date_diff('day', greatest(b.from_day, f.start_day), least(b.to_day, f.end_day))) AS days_sum
  FROM f_balances AS b JOIN fine AS f ON b.from_day < f.end_day AND b.to_day > f.start_day
  GROUP BY ALL
) AS x ON x.account_no = p.account_no AND x.start_day = s.start_day
JOIN classes AS c ON c.account_no = p.account_no
GROUP BY ALL
"""
DAYS_CUT = """
SELECT k.subject_no, k.span_no, k.weight, c.class_no, k.seg_no,
       sum(b.balance * date_diff('day', greatest(b.from_day, k.start_day), least(b.to_day, k.end_day))) AS days_sum
FROM (
  SELECT p.account_no, p.subject_no, p.span_no, p.weight, f.seg_no,
         greatest(p.start_day, f.start_day) AS start_day, least(p.end_day, f.end_day) AS end_day
  FROM pieces AS p
  JOIN fine AS f ON p.start_day < f.end_day AND p.end_day > f.start_day
    AND (p.start_day > f.start_day OR p.end_day < f.end_day)
) AS k
JOIN f_balances AS b ON b.account_no = k.account_no AND b.from_day < k.end_day AND b.to_day > k.start_day
JOIN classes AS c ON c.account_no = k.account_no
GROUP BY ALL
"""
ONE_ROW_EACH = """
SELECT subject_no, span_no, weight, class_no, seg_no, sum(days_sum) AS days_sum FROM parts GROUP BY ALL
"""


def by_quarter(months: Sequence[Segment]) -> dict[date, dict[int, Segment]]:
    """Return whole months by quarter and place in it, 1 to 3."""
    found: dict[date, dict[int, Segment]] = {}
    for segment in months:
        start = unit_containing("quarter", segment.span.start).start
        found.setdefault(start, {})[1 + segment.span.start.month - start.month] = segment
    return found


def quarter_query(pieces: str, classes: str, quarter: date, months: dict[int, Segment]) -> exp.Expr:
    """Return the sums of one quarter of the index, its months side by side.

    One row of the index is joined to a piece once for three months; which of them the piece holds is told
    beforehand, row by row of the pieces.

    Shapes:   in pieces(account_no, subject_no, span_no, weight, start_day, end_day), classes(account_no, class_no)
              or '' for none -> out(subject_no, span_no, weight, class_no, days_1?, days_2?, days_3?): NULL where
              nothing was held.
    """
    ends = {place: _day(segment.span.end) for place, segment in months.items()}
    holds = {
        f"holds_{place}": filled(f"SELECT {HOLDS}", month_end=ends[place]).expressions[0]
        if place in months
        else exp.Boolean(this=False)
        for place in (1, 2, 3)
    }
    return filled(
        _classed(QUARTER, classes),
        pieces=pieces,
        classes=classes,
        quarter=_day(quarter),
        **holds,
    )


def of_quarter(table: str, months: dict[int, Segment]) -> list[exp.Expr]:
    """Return the rows of a table of `quarter_query` by segment."""
    found = []
    for number in dict.fromkeys(segment.number for segment in months.values()):
        columns = [exp.column(f"days_{i}", table="q") for i, s in months.items() if s.number == number]
        some = n.any_of([exp.Not(this=n.wrap(n.is_null(column.copy()))) for column in columns])
        days: exp.Expr = columns[0]
        if len(columns) > 1:
            days = exp.Coalesce(this=columns[0], expressions=[n.integer(0)])
            for column in columns[1:]:
                days = exp.Add(this=days, expression=exp.Coalesce(this=column, expressions=[n.integer(0)]))
        found.append(filled(OF_QUARTER, quarter=table, seg=n.integer(number), days=days, some=some))
    return found


def edges_query(pieces: str, table: str, months: Sequence[Segment]) -> exp.Expr:
    """Return where pieces begin or end inside whole months, which are also the rows of `table`."""
    first, last = (_day(day) for day in (months[0].span.start, months[-1].span.end))
    return filled(EDGES, pieces=pieces, fine=table, first=first, last=last)


def stored_sums(edges: exp.Expr, classes: str) -> exp.Expr:
    """Return what edges add and take off by the stored cuts, and how many edges `lacking` there have none."""
    return filled(_classed(EDGES_STORED, classes), edges=edges, classes=classes)


def of_stored(table: str) -> exp.Expr:
    """Return the rows of a table of `stored_sums` that hold something."""
    return filled(OF_STORED, stored=table)


def interval_sums(edges: exp.Expr, classes: str) -> exp.Expr:
    """Return what the edges that have no stored cut add and take off, by the intervals."""
    lacking = filled(LACKING, edges=edges)
    return filled(_classed(EDGES_SUMMED, classes), edges=lacking, classes=classes)


def day_sums(pieces: str, days: str, classes: str) -> list[exp.Expr]:
    """Return the sums of segments that are no whole months: held from end to end, and cut by a piece."""
    return [
        filled(_classed(shape, classes), pieces=pieces, fine=days, classes=classes)
        for shape in (DAYS_HELD, DAYS_CUT)
    ]


def one_row_each(parts: list[exp.Expr]) -> exp.Expr:
    """Return the parts as one cube: a row for each subject, span, weight, class and segment."""
    return filled(ONE_ROW_EACH, parts=union_all(parts))


def _classed(shape: str, classes: str) -> str:
    """Return the shape without the join of classes where no attribute is asked for: all accounts are of class 0."""
    if classes:
        return shape
    lines = [line for line in shape.splitlines() if "JOIN classes" not in line]
    return "\n".join(lines).replace("c.class_no", "0 AS class_no")


def _day(day: date) -> exp.Expr:
    return exp.Cast(this=exp.Literal.string(day.isoformat()), to=exp.DataType.build("DATE"))
