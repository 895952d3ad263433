# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""From good staged rows to rows at rest: cut to the coverage, numbered, in order."""

from __future__ import annotations

from collections.abc import Sequence

from guanhu.facts import sql
from guanhu.facts.at_rest import HAS_ACCOUNT_NO, columns_of, order_of
from guanhu.facts.changes import make_changes
from guanhu.facts.checks import last_day_excluded
from guanhu.facts.pieces import covered_spans, is_whole_bank, spans_relation
from guanhu.facts.regions import Cell
from guanhu.facts.rows import Rows
from guanhu.facts.view import in_scope
from guanhu.kinds.schema import Dated


def make_rest(
    rows: Rows, batch_no: int, cells: Sequence[Cell], pieces: str = "", joined: str = "true"
) -> None:
    """Make `r_<kind>` of the good rows. `pieces` and `joined` say where rows of a CHANGE kind may lie."""
    kind = rows.kind
    match kind.dated:
        case Dated.CHANGE:
            selected = _select(rows, batch_no, to_day="coalesce(s.next_day, s.end_day)")
            make_changes(rows, pieces, joined, selected)
            return
        case Dated.SPAN if kind.name == "assignments":
            query = _assignments(rows, batch_no, cells)
        case Dated.SPAN:
            query = _spans(rows, rows.good, batch_no, cells)
        case _:
            query = _plain(rows, batch_no)
    rows.connection.execute(
        f"CREATE TABLE {sql.name('r_' + kind.name)} AS {query} ORDER BY {sql.names(order_of(kind))}"
    )


def _select(rows: Rows, batch_no: int, **replaced: str) -> str:
    """Return the columns at rest of a row `s`, some replaced."""
    replaced["batch_no"] = f"CAST({batch_no} AS INTEGER)"
    shown = []
    for name, _ in columns_of(rows.kind):
        quoted = sql.name(name)
        shown.append(f"{replaced[name]} AS {quoted}" if name in replaced else f"s.{quoted}")
    return "SELECT " + ", ".join(shown)


def _plain(rows: Rows, batch_no: int) -> str:
    """Return rows of DAY and ENTITY kinds as they stand."""
    if rows.kind.name not in HAS_ACCOUNT_NO:
        return f"{_select(rows, batch_no)} FROM {rows.good} AS s"
    selected = _select(rows, batch_no, account_no="k.account_no")
    return f"{selected} FROM {rows.good} AS s JOIN keys AS k ON k.account_id = s.account_id"


def _spans(rows: Rows, source: str, batch_no: int, cells: Sequence[Cell], **replaced: str) -> str:
    """Return spans cut to the covered days; a row over a gap in the coverage becomes several."""
    end = last_day_excluded("s.to_day")
    selected = _select(
        rows,
        batch_no,
        from_day="greatest(s.from_day, c.start_day)",
        to_day=f"least({end}, c.end_day)",
        **replaced,
    )
    meets = f"s.from_day < c.end_day AND {end} > c.start_day"
    if is_whole_bank(cells):
        return f"{selected} FROM {source} AS s JOIN {spans_relation(covered_spans(cells))} AS c ON {meets}"
    column = f"s.{sql.name(rows.kind.institution)}"
    return " UNION ALL ".join(
        f"{selected} FROM {source} AS s JOIN {spans_relation([cell.span])} AS c ON {meets} "
        f"WHERE {in_scope(column, cell.scope)}"
        for cell in cells
    )


def _assignments(rows: Rows, batch_no: int, cells: Sequence[Cell]) -> str:
    """Return assignments with the number of their account; shares of `share_parts` replace written ones."""
    source = f"""(
SELECT s.* FROM {rows.good} AS s ANTI JOIN share_parts AS p ON p.row_no = s.row_no
UNION ALL
SELECT s.* REPLACE (p.share AS share, p.from_day AS from_day,
    CASE WHEN p.end_day = DATE '9999-12-31' THEN NULL ELSE p.end_day - 1 END AS to_day)
FROM {rows.good} AS s JOIN share_parts AS p ON p.row_no = s.row_no)"""
    query = _spans(rows, source, batch_no, cells, account_no="CAST(NULL AS INTEGER)")
    return (
        f"SELECT q.* REPLACE (k.account_no AS account_no) FROM ({query}) AS q "
        "LEFT JOIN f_accounts AS k ON q.grain = 'account' AND k.account_id = q.object_id"
    )
