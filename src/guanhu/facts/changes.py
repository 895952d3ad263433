# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""Change rows turned into intervals, with one sort.

    o_<kind>   good rows in the order of key and day, each with the covered piece it lies in
    r_<kind>   the same as intervals: a row holds until the next one of its key, at most to the piece's end

The rows are sorted once and then looked at with `lag` and `lead` over the table as it lies, which is four
times cheaper than windows that sort again. That the table lies in order is checked, not believed.

A refused row whose key and day are known still ends the interval before it: what holds after it is not
known. A row that changes nothing (a daily snapshot) is left out.
"""

from __future__ import annotations

from guanhu.facts import sql
from guanhu.facts.at_rest import HAS_ACCOUNT_NO
from guanhu.facts.checks import check_doubles
from guanhu.facts.rows import Rows
from guanhu.values.exact import invariant


def make_changes(rows: Rows, pieces: str, joined: str, selected: str) -> None:
    """Make `r_<kind>` of the good rows of a CHANGE kind; tell doubled rows (FAC050) on the way.

    `selected` are the columns at rest of a row `s` that has `next_day` and `end_day`.
    """
    doubles, unchanged = _ordered(rows, pieces, joined)
    if doubles:
        check_doubles(rows)
        _, unchanged = _ordered(rows, pieces, joined)
    source = sql.name(f"o_{rows.kind.name}")
    if unchanged:
        kept = sql.name(f"k_{rows.kind.name}")
        rows.connection.execute(
            f"CREATE TABLE {kept} AS SELECT * EXCLUDE is_same FROM "
            f"(SELECT *, {_is_same(rows)} AS is_same FROM {source}) WHERE NOT is_same"
        )
        source = kept
    key = _order_key(rows)
    stops = "NOT s.is_stop AND s.from_day IS DISTINCT FROM s.next_day" if rows.has_faults else "true"
    rows.connection.execute(
        f"CREATE TABLE {sql.name('r_' + rows.kind.name)} AS {selected} FROM (SELECT *, "
        f"CASE WHEN lead({key}) OVER () = {key} AND lead(start_day) OVER () = start_day "
        f"THEN lead(from_day) OVER () END AS next_day FROM {source}) AS s WHERE {stops}"
    )


def _order_key(rows: Rows) -> str:
    """Return the column by which the rows of one key lie together."""
    return "account_no" if rows.kind.name in HAS_ACCOUNT_NO else sql.name(rows.kind.key[0])


def _ordered(rows: Rows, pieces: str, joined: str) -> tuple[int, int]:
    """Make `o_<kind>` and return how many rows are doubled and how many change nothing."""
    table, key = sql.name(f"o_{rows.kind.name}"), sql.name(rows.kind.key[0])
    number, accounts = "", ""
    if rows.kind.name in HAS_ACCOUNT_NO:
        number, accounts = "k.account_no, ", " JOIN f_accounts AS k ON k.account_id = s.account_id"
    source, dropped = rows.good, ""
    if rows.has_faults:
        source = (
            f"(SELECT *, false AS is_stop FROM {rows.good} UNION ALL BY NAME "
            f"SELECT DISTINCT ON ({key}, from_day) *, true AS is_stop FROM {rows.refused} "
            f"WHERE {key} IS NOT NULL AND from_day IS NOT NULL)"
        )
        dropped = (
            f" WHERE s.{key} NOT IN (SELECT {key} FROM {rows.refused} "
            f"WHERE {key} IS NOT NULL AND from_day IS NULL)"
        )
    stop = ", is_stop" if rows.has_faults else ""
    rows.connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT {number}s.* EXCLUDE bad, c.start_day, c.end_day "
        f"FROM {source} AS s{accounts} "
        f"JOIN {pieces} AS c ON {joined} AND s.from_day >= c.start_day AND s.from_day < c.end_day{dropped} "
        f"ORDER BY {_order_key(rows)}, from_day{stop}"
    )
    own = _order_key(rows)
    good = "NOT is_stop AND NOT lag(is_stop) OVER ()" if rows.has_faults else "true"
    doubles, unchanged, behind = rows.all(
        "SELECT count(*) FILTER (is_double), count(*) FILTER (is_same), count(*) FILTER (is_behind) "
        "FROM (SELECT "
        f"lag({own}) OVER () = {own} AND lag(from_day) OVER () = from_day AND {good} AS is_double, "
        f"{_is_same(rows)} AS is_same, lag({own}) OVER () > {own} OR "
        f"(lag({own}) OVER () = {own} AND lag(from_day) OVER () > from_day) AS is_behind FROM {table})"
    )[0]
    invariant(behind == 0, "INV-F3", f"{behind} rows of {rows.kind.name} lie out of order")
    return int(doubles), int(unchanged)


def _is_same(rows: Rows) -> str:
    """Return the SQL that tells whether a row says what the row before it says, of the same key and piece."""
    own = _order_key(rows)
    compared = [column.name for column in rows.kind.columns if column.name not in rows.kind.key]
    if rows.has_faults:
        compared.append("is_stop")
    equal = " AND ".join(f"lag({sql.name(v)}) OVER () IS NOT DISTINCT FROM {sql.name(v)}" for v in compared)
    return f"coalesce(lag({own}) OVER () = {own} AND lag(start_day) OVER () = start_day AND {equal}, false)"
