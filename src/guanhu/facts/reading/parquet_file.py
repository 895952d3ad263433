# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""A Parquet file as a relation with its own column types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from guanhu.facts import sql
from guanhu.facts.manifest import sha256_of
from guanhu.facts.problems import problem
from guanhu.facts.reading.opened import Opened, engine_said, matched
from guanhu.kinds.schema import Kind
from guanhu.values.problem import Place, Problem

if TYPE_CHECKING:
    import duckdb


ROWS_MAX = 2_000_000_000
"""A Parquet file may have so many rows; a small file can claim any number."""


def open_parquet(
    connection: duckdb.DuckDBPyConnection, path: Path, kind: Kind, own: Mapping[str, str]
) -> tuple[Opened | None, list[Problem]]:
    """Return the Parquet file as an open relation and its problems.

    Errors:   FAC020 and those of `matched`.
    """
    import duckdb  # noqa: PLC0415 - it costs 0.2 s, which only who needs it pays

    place = Place(path.name)
    relation = sql.parquet([path])
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        counted = connection.execute(f"SELECT count(*) FROM {relation}").fetchone() or (0,)
    except duckdb.Error as error:
        return None, [problem("FAC020", place, seen=engine_said(error, path))]
    if counted[0] > ROWS_MAX:
        return None, [problem("FAC029", place, seen=f"{counted[0]:,} rows", most=f"{ROWS_MAX:,}")]
    fields, problems = matched(kind, place, [row[0] for row in described], [row[1] for row in described], own)
    return Opened(kind, path.name, relation, fields, source_sha256=sha256_of(path)), problems
