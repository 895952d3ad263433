"""The view as SQL: for each covered cell the newest batch that covers it, cut to what it still owns.

    one source, whole            SELECT … FROM read_parquet([…]): no join, no window
    a source cut in time         greatest(from_day, …), least(to_day, …)
    a source cut by institution  own column, or the account's institution on each day
    SPAN with several cells      neighbours with equal values become one row; kept as a table
    ENTITY with several batches  the newest batch's row of each id; kept as a table

Balances of disjoint imports of the whole bank are the common case and stay plain.
"""

# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from guanhu.facts import sql
from guanhu.facts.at_rest import HAS_ACCOUNT_NO, columns_of, values_of
from guanhu.facts.coverage import VIA_ACCOUNT, VIA_LOAN
from guanhu.facts.regions import NONE, Cell, Scope
from guanhu.kinds.schema import Dated, Kind
from guanhu.values.dates import FAR_FUTURE

ACCOUNT_SPANS = "f_account_spans"
"""Each account's institution on each day: account_no, institution_id, from_day, to_day."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one batch says of a kind: where its rows are, what it declared and what it still owns."""

    relation: str
    """The path of a Parquet file, or a table's name when `is_table`."""
    columns: tuple[str, ...]
    batch_no: int
    declared: tuple[Cell, ...]
    owned: tuple[Cell, ...] = ()
    is_table: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether all rows are visible as they stand."""
        return self.owned == self.declared and all(cell.scope.is_all for cell in self.owned)

    @property
    def source(self) -> str:
        """Return what stands after FROM."""
        return self.relation if self.is_table else sql.parquet([self.relation])


@dataclass(frozen=True, slots=True)
class Relation:
    """The SQL of one `f_` relation. `is_kept` says that it is worth keeping as a table."""

    query: str
    is_kept: bool = False


def relation_of(kind: Kind, pieces: Sequence[Piece]) -> Relation:
    """Return the SQL of the view of one kind over its pieces, oldest first.

    Shapes:   out(columns of `at_rest.columns_of`). Rows: SPAN and CHANGE cut to owned cells; DAY rows
              whose day is owned; ENTITY the newest row of each id.
    Bounds:   `from_day` included, `to_day` excluded.
    """
    seen = [piece for piece in pieces if piece.owned]
    if not seen:
        return Relation(empty_query(columns_of(kind)))
    if kind.dated is Dated.ENTITY:
        return _entity(kind, seen)
    selects = [_select(kind, columns, source) for source, columns in _grouped(p for p in seen if p.is_whole)]
    for piece in seen:
        if not piece.is_whole:
            selects += [_cut(kind, piece, cell) for cell in piece.owned]
    query = "\nUNION ALL\n".join(selects)
    if kind.dated is Dated.SPAN and sum(len(piece.owned) for piece in seen) > 1:
        return Relation(_merged(kind, query), is_kept=True)
    return Relation(query)


def empty_query(columns: Iterable[tuple[str, str]]) -> str:
    """Return a query without rows that has the given columns."""
    return (
        "SELECT "
        + ", ".join(f"CAST(NULL AS {kind}) AS {sql.name(name)}" for name, kind in columns)
        + " WHERE false"
    )


def _grouped(pieces: Iterable[Piece]) -> list[tuple[str, tuple[str, ...]]]:
    """Return what to read whole: files with equal columns together, tables one by one."""
    files: dict[tuple[str, ...], list[str]] = {}
    found = []
    for piece in pieces:
        if piece.is_table:
            found.append((piece.source, piece.columns))
        else:
            files.setdefault(piece.columns, []).append(piece.relation)
    return [(sql.parquet(paths), columns) for columns, paths in files.items()] + found


def _select(kind: Kind, stored: tuple[str, ...], source: str, tail: str = "", **replaced: str) -> str:
    """Return a select of all columns at rest from `source AS r`; a column that the file lacks is NULL."""
    shown = []
    for name, type_name in columns_of(kind):
        quoted = sql.name(name)
        if name in replaced:
            shown.append(f"{replaced[name]} AS {quoted}")
        elif name in stored:
            shown.append(f"r.{quoted}")
        else:
            shown.append(f"CAST(NULL AS {type_name}) AS {quoted}")
    return f"SELECT {', '.join(shown)} FROM {source} AS r{tail}"


def _cut(kind: Kind, piece: Piece, cell: Cell) -> str:
    """Return the rows of a piece inside one owned cell, spans cut at its edges."""
    start, end = sql.day(cell.span.start), sql.day(cell.span.end)
    join, conditions = "", []
    first, last = [start, "r.from_day"], [end, "r.to_day"]
    if not cell.scope.is_all:
        column = f"r.{sql.name(kind.institution)}"
        if kind.name in VIA_ACCOUNT:
            join, column = f" JOIN {ACCOUNT_SPANS} AS i ON i.account_no = r.account_no", "i.institution_id"
            first.append("i.from_day")
            last.append("i.to_day")
        elif kind.name in VIA_LOAN:
            join, column = " LEFT JOIN f_loans AS i ON i.loan_id = r.loan_id", "i.institution_id"
        conditions.append(in_scope(column, cell.scope))
    replaced = {}
    if kind.dated is Dated.DAY:
        day = f"r.{sql.name(kind.day)}"
        conditions += [f"{day} >= {start}", f"{day} < {end}"]
    else:
        from_day, to_day = f"greatest({', '.join(first)})", f"least({', '.join(last)})"
        conditions += [f"r.from_day < {end}", f"r.to_day > {start}", f"{from_day} < {to_day}"]
        replaced = {"from_day": from_day, "to_day": to_day}
    return _select(kind, piece.columns, piece.source, f"{join} WHERE {' AND '.join(conditions)}", **replaced)


def in_scope(column: str, scope: Scope) -> str:
    """Return the condition that an institution is in `scope`; rows without one belong to 'all' only."""
    if scope.is_all:
        return "true"
    ids = sql.strings(sorted(scope.ids))
    return f"({column} IS NULL OR {column} NOT IN {ids})" if scope.is_all_but else f"{column} IN {ids}"


def _merged(kind: Kind, query: str) -> str:
    """Return the spans of `query` with neighbours of equal values as one row, placed by the first.

    Spans of equal values never overlap, so a group whose days fill the time from its first to its last
    day is one row; only groups with a gap are looked at in order.
    """
    names = values_of(kind)
    values = sql.names(names)
    same = " AND ".join(f"c.{sql.name(name)} IS NOT DISTINCT FROM g.{sql.name(name)}" for name in names)
    joined = (
        "min(from_day) AS from_day, max(to_day) AS to_day, "
        "arg_min(batch_no, from_day) AS batch_no, arg_min(row_no, from_day) AS row_no"
    )
    columns = sql.names(name for name, _ in columns_of(kind))
    return f"""
WITH cut AS ({query}),
groups AS (
    SELECT {values}, {joined}, sum(date_diff('day', from_day, to_day)) = date_diff('day', min(from_day), max(to_day)) AS is_whole
    FROM cut GROUP BY {values}
),
marked AS (
    SELECT c.*, CASE WHEN lag(c.to_day) OVER w = c.from_day THEN 0 ELSE 1 END AS is_new
    FROM cut AS c SEMI JOIN (FROM groups WHERE NOT is_whole) AS g ON {same}
    WINDOW w AS (PARTITION BY {sql.names(names, "c")} ORDER BY c.from_day)
),
islands AS (
    SELECT *, sum(is_new) OVER (PARTITION BY {values} ORDER BY from_day ROWS UNBOUNDED PRECEDING) AS island
    FROM marked
)
SELECT {columns} FROM groups WHERE is_whole
UNION ALL
SELECT {columns} FROM (SELECT {values}, {joined} FROM islands GROUP BY {values}, island)"""


def _entity(kind: Kind, pieces: Sequence[Piece]) -> Relation:
    """Return the newest row of each id among the batches that still own something."""
    selects = []
    for piece in pieces:
        scope = NONE
        for cell in piece.owned:
            scope = scope.joined(cell.scope)
        where = "" if scope.is_all else f" WHERE {in_scope('r.' + sql.name(kind.institution), scope)}"
        selects.append(_select(kind, piece.columns, piece.source, where))
    if len(selects) == 1:
        return Relation(selects[0])
    query = "\nUNION ALL\n".join(selects)
    key = ("account_no",) if kind.name in HAS_ACCOUNT_NO else kind.key
    on = " AND ".join(f"n.{sql.name(name)} = r.{sql.name(name)}" for name in key)
    newest = f"SELECT {sql.names(key)}, max(batch_no) AS newest FROM ({query}) GROUP BY {sql.names(key)}"
    joined = f"SELECT r.* FROM ({query}) AS r JOIN ({newest}) AS n ON {on} AND n.newest = r.batch_no"
    return Relation(joined, is_kept=True)


def account_spans_query() -> str:
    """Return the SQL of `f_account_spans`: the dated institution of an account, else the one that opened it.

    Shapes:   in(f_accounts, f_account_institutions) -> out(account_no, institution_id, from_day, to_day).
    """
    far = sql.day(FAR_FUTURE)
    return f"""
WITH moved AS (
    SELECT a.account_no, a.institution_id AS home, m.institution_id, m.from_day, m.to_day,
        lag(m.to_day, 1, DATE '0001-01-01') OVER w AS before, lead(m.from_day) OVER w AS after
    FROM f_account_institutions AS m JOIN f_accounts AS a ON a.account_id = m.account_id
    WINDOW w AS (PARTITION BY m.account_id ORDER BY m.from_day)
)
SELECT account_no, institution_id, from_day, to_day FROM moved
UNION ALL
SELECT account_no, home, before, from_day FROM moved WHERE before < from_day
UNION ALL
SELECT account_no, home, to_day, {far} FROM moved WHERE after IS NULL AND to_day < {far}
UNION ALL
SELECT account_no, institution_id, DATE '0001-01-01', {far} FROM f_accounts AS a
WHERE account_no NOT IN (SELECT account_no FROM moved)"""
