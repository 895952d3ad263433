# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""Where rows of a batch may lie: the covered days, for each account or loan when institutions are listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from guanhu.facts import sql
from guanhu.facts.coverage import VIA_ACCOUNT
from guanhu.facts.regions import Cell
from guanhu.facts.view import ACCOUNT_SPANS, in_scope
from guanhu.kinds.schema import Kind
from guanhu.values.dates import Span

if TYPE_CHECKING:
    import duckdb


def covered_spans(cells: Iterable[Cell]) -> list[Span]:
    """Return the days that any of the cells covers, as spans that neither overlap nor touch."""
    done: list[Span] = []
    for span in sorted(cell.span for cell in cells):
        if done and span.start <= done[-1].end:
            done[-1] = Span(done[-1].start, max(span.end, done[-1].end))
        else:
            done.append(span)
    return done


def spans_relation(spans: Iterable[Span]) -> str:
    """Return spans as a relation (start_day, end_day)."""
    rows = ", ".join(f"({sql.day(span.start)}, {sql.day(span.end)})" for span in spans)
    return f"(SELECT * FROM (VALUES {rows}) AS v(start_day, end_day))"


def is_whole_bank(cells: Sequence[Cell]) -> bool:
    """Tell whether all cells hold all institutions."""
    return all(cell.scope.is_all for cell in cells)


def make_pieces(connection: duckdb.DuckDBPyConnection, kind: Kind, cells: Sequence[Cell]) -> tuple[str, str]:
    """Return the relation of covered pieces of a CHANGE kind and the condition that joins it to rows `s`.

    For the whole bank the pieces are the covered spans. Where institutions are listed they are made for
    each key: the days on which its account or loan belongs to a covered institution.

    Shapes:   out(start_day, end_day, and the key where institutions are listed).
    """
    if is_whole_bank(cells):
        return spans_relation(covered_spans(cells)), "true"
    key = sql.name(kind.key[0])
    if kind.name in VIA_ACCOUNT:
        held = (
            "SELECT a.account_id, i.institution_id, i.from_day, i.to_day "
            f"FROM {ACCOUNT_SPANS} AS i JOIN f_accounts AS a ON a.account_no = i.account_no"
        )
    else:
        held = "SELECT loan_id, institution_id, DATE '0001-01-01', DATE '9999-12-31' FROM f_loans"
    parts = " UNION ALL ".join(
        f"SELECT key, greatest(from_day, {sql.day(cell.span.start)}) AS start_day, "
        f"least(to_day, {sql.day(cell.span.end)}) AS end_day FROM held "
        f"WHERE {in_scope('institution_id', cell.scope)} AND from_day < {sql.day(cell.span.end)} "
        f"AND to_day > {sql.day(cell.span.start)}"
        for cell in cells
    )
    table = sql.name(f"p_{kind.name}")
    connection.execute(
        f"""CREATE TABLE {table} AS
WITH held(key, institution_id, from_day, to_day) AS ({held}),
parts AS ({parts}),
marked AS (
    SELECT *, CASE WHEN max(end_day) OVER w >= start_day THEN 0 ELSE 1 END AS is_new FROM parts
    WINDOW w AS (PARTITION BY key ORDER BY start_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
islands AS (SELECT *, sum(is_new) OVER (PARTITION BY key ORDER BY start_day) AS island FROM marked)
SELECT key AS {key}, min(start_day) AS start_day, max(end_day) AS end_day FROM islands GROUP BY key, island"""
    )
    return str(table), f"c.{key} = s.{key}"
