# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""Holes: what is known to be missing after the good rows were accepted.

A refused row leaves its key unknown for its days; where the days cannot be read, for all covered days;
where the key cannot be read, every key of the kind is in doubt on these days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from guanhu.facts import faults, sql
from guanhu.facts.checks import last_day_excluded
from guanhu.facts.manifest import Hole
from guanhu.facts.pieces import covered_spans
from guanhu.facts.regions import Cell
from guanhu.facts.rows import Rows
from guanhu.kinds.schema import Dated
from guanhu.values.dates import Span


def holes_of(rows: Rows, batch_no: int, cells: Sequence[Cell]) -> list[Hole]:
    """Return the holes that the refused rows of one kind leave in what the batch covers."""
    kind = rows.kind
    spans = covered_spans(cells)
    required = [sql.name(c.name) for c in kind.columns if c.name in kind.key and c.required]
    key_known = " AND ".join(f"s.{column} IS NOT NULL" for column in required)
    key = ", ".join(f"coalesce(CAST(s.{sql.name(column)} AS VARCHAR), '')" for column in kind.key)
    institution = f"s.{sql.name(kind.institution)}" if kind.institution else "NULL"
    first, end = _days(rows)
    fetched = rows.all(
        f"SELECT s.row_no, f.code, CASE WHEN {key_known} THEN [{key}] END, {first}, {end}, {institution} "
        f"FROM {rows.staged} AS s JOIN (SELECT row_no, min(code) AS code FROM faults "
        f"WHERE kind = {sql.literal(kind.name)} AND {faults.REFUSING} GROUP BY row_no) AS f "
        "ON f.row_no = s.row_no ORDER BY s.row_no"
    )
    found = []
    for row_no, code, key_values, start, stop, institution_id in fetched:
        known = None if key_values is None else tuple(key_values)
        found += [
            Hole(kind.name, known, span, batch_no, row_no, code, institution_id or "")
            for span in _within(start, stop, spans)
        ]
    return found + _unopened(rows, batch_no, spans)


def _days(rows: Rows) -> tuple[str, str]:
    """Return the SQL of the first day that a refused row concerns and of the first day after."""
    match rows.kind.dated:
        case Dated.DAY:
            day = f"s.{sql.name(rows.kind.day)}"
            return day, f"{day} + 1"
        case Dated.SPAN:
            return "s.from_day", f"CASE WHEN s.from_day IS NOT NULL THEN {last_day_excluded('s.to_day')} END"
        case Dated.CHANGE:
            key = sql.name(rows.kind.key[0])
            later = f"n.{key} = s.{key} AND n.from_day > s.from_day"
            following = f"(SELECT min(n.from_day) FROM {rows.staged} AS n WHERE {later})"
            return "s.from_day", f"coalesce({following}, DATE '9999-12-31')"
        case _:
            return "CAST(NULL AS DATE)", "CAST(NULL AS DATE)"


def _within(start: date | None, stop: date | None, spans: Sequence[Span]) -> list[Span]:
    """Return the covered days of a refused row; all of them when its days are not known."""
    if start is None or stop is None or start >= stop:
        return list(spans)
    own = Span(start, stop)
    return [common for span in spans if (common := own.overlap(span))]


def _unopened(rows: Rows, batch_no: int, spans: Sequence[Span]) -> list[Hole]:
    """Return a hole for each key without an opening row: from the start of its piece to its first row."""
    if rows.kind.dated is not Dated.CHANGE:
        return []
    key = sql.name(rows.kind.key[0])
    fetched = rows.all(
        f"SELECT f.row_no, f.code, f.params[1], CAST(f.params[2] AS DATE), "
        f"(SELECT min(n.from_day) FROM {rows.staged} AS n WHERE n.{key} = f.params[1] "
        f"AND n.from_day > CAST(f.params[2] AS DATE)) FROM faults AS f "
        f"WHERE f.kind = {sql.literal(rows.kind.name)} AND NOT ({faults.REFUSING}) ORDER BY f.params[1]"
    )
    found = []
    for row_no, code, key_value, start, stop in fetched:
        found += [
            Hole(rows.kind.name, (key_value,), span, batch_no, row_no, code)
            for span in _within(start, stop or date.max, spans)
        ]
    return found
