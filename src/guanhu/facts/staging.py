"""From an open file to a staged table: every cell at its value, bad cells NULL with a bit in `bad`.

    t_<kind>   the rows of the file, in its order: columns of the kind, bad
    s_<kind>   the same with `row_no`, the row as a spreadsheet counts it (headings are row 1)

The tables live in the connection of one import.
"""

# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

from __future__ import annotations

from typing import TYPE_CHECKING

from guanhu.facts import sql
from guanhu.facts.cells import at_rest_of, bad_of, value_of
from guanhu.facts.reading.opened import Opened
from guanhu.files.sheets import HEADING_ROW

if TYPE_CHECKING:
    import duckdb


def stage(connection: duckdb.DuckDBPyConnection, opened: Opened) -> int:
    """Make `t_<kind>` and `s_<kind>` from an open file and return the number of rows.

    Errors:   duckdb.Error when the file cannot be parsed to its end.
    """
    name = opened.kind.name
    inner, outer, bits = [], [], []
    for index, column in enumerate(opened.kind.file_columns):
        text = opened.text_of(column)
        inner.append(f"{text} AS x{index}, {value_of(column, text, opened.native_of(column))} AS v{index}")
        outer.append(f"{at_rest_of(column, f'v{index}')} AS {sql.name(column.name)}")
        if opened.kind.name == "assignments" and column.type == "share":
            text_seen = f"CAST(x{index} AS VARCHAR)"
            outer.append(f"CASE WHEN contains({text_seen}, '/') THEN {text_seen} END AS share_fraction")
        bits.append(f"CASE WHEN {bad_of(column, f'x{index}', f'v{index}')} THEN {1 << index} ELSE 0 END")
    if opened.row_no:
        inner.append(f"CAST(s.{sql.name(opened.row_no)} AS BIGINT) AS row_no")
        outer.append("row_no")
    bad = f"CAST({' + '.join(bits)} AS BIGINT) AS bad"
    connection.execute(
        f"CREATE TABLE {sql.name('t_' + name)} AS SELECT {', '.join(outer)}, {bad} "
        f"FROM (SELECT {', '.join(inner)} FROM {opened.relation} AS s)"
    )
    placed = "*" if opened.row_no else f"*, rowid + {HEADING_ROW + 1} AS row_no"
    connection.execute(f"CREATE VIEW {sql.name('s_' + name)} AS SELECT {placed} FROM {sql.name('t_' + name)}")
    row = connection.execute(f"SELECT count(*) FROM {sql.name('t_' + name)}").fetchone()
    return int(row[0]) if row else 0
