"""DuckDB: the default engine. One connection in memory; it spills to a folder of its own when a run is large."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

_INLINE_ROWS = 500


class DuckDBEngine:
    """Executes syntax trees in DuckDB."""

    def __init__(self, memory_limit: str = "", threads: int = 0) -> None:
        """Open a connection in memory.

        `memory_limit` is DuckDB's own setting (such as 1GB); threads 0 means one for each core.
        """
        self._spill = tempfile.TemporaryDirectory(prefix="guanhu-")
        self.connection = duckdb.connect()
        self.connection.execute(f"SET temp_directory = '{self._spill.name}'")
        self.connection.execute(f"SET threads = {threads or os.cpu_count() or 1}")
        self.connection.execute("SET preserve_insertion_order = false")
        if memory_limit:
            self.connection.execute(f"SET memory_limit = '{memory_limit}'")

    def facts(self, view: Any, kinds: Sequence[str]) -> None:
        """Make the facts of these kinds readable as `f_<kind>`."""
        view.register(self.connection, kinds)

    def execute(self, query: exp.Expr) -> None:
        """Execute a statement."""
        self.connection.execute(self.text(query))

    def rows(self, query: exp.Expr) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        found: list[tuple[Any, ...]] = self.connection.execute(self.text(query)).fetchall()
        return found

    def create(self, name: str, query: exp.Expr) -> None:
        """Keep the rows of a query as the temporary table `name`."""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {_quoted(name)} AS {self.text(query)}")

    def show(self, name: str, query: exp.Expr) -> None:
        """Make the rows of a query readable as `name` without keeping them."""
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {_quoted(name)} AS {self.text(query)}")

    def load(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        """Keep given rows as the temporary table `name`; many rows go through a file, as binding each is slow."""
        described = ", ".join(f"{_quoted(column)} {kind}" for column, kind in columns)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {_quoted(name)} ({described})")
        if not rows:
            return
        if len(rows) <= _INLINE_ROWS:
            holes = ", ".join("?" for _ in columns)
            self.connection.executemany(
                f"INSERT INTO {_quoted(name)} VALUES ({holes})", [list(row) for row in rows]
            )
            return
        path = Path(self._spill.name) / f"{abs(hash(name))}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
            writer.writerows([["\\N" if value is None else value for value in row] for row in rows])
        types = ", ".join(f"'{column}': '{kind}'" for column, kind in columns)
        self.connection.execute(
            f"INSERT INTO {_quoted(name)} SELECT * FROM read_csv('{path}', header = false, nullstr = '\\N', columns = {{{types}}})"
        )
        path.unlink()

    def reside(self, name: str, keys: Sequence[str]) -> None:
        """Hold the rows of a relation in memory from now on, with an index on each of the key columns."""
        # A temporary table is found before the view of the same name.
        table = f"temp.main.{_quoted(name)}"
        self.connection.execute(f"CREATE TEMP TABLE {_quoted(name)} AS SELECT * FROM {_quoted(name)}")
        for key in keys:
            self.connection.execute(f"CREATE INDEX {_quoted(f'{name}/{key}')} ON {table} ({_quoted(key)})")
        # By default an index is only used where it finds very few rows.
        self.connection.execute("SET index_scan_max_count = 1000000")

    def drop(self, name: str) -> None:
        """Forget a table."""
        self.connection.execute(f"DROP TABLE IF EXISTS {_quoted(name)}")

    def write(self, query: exp.Expr, path: Path) -> None:
        """Write the rows of a query as one Parquet file."""
        target = str(path).replace("'", "''")
        self.connection.execute(f"COPY ({self.text(query)}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")

    def close(self) -> None:
        """Close the connection and remove what was spilled."""
        self.connection.close()
        self._spill.cleanup()

    @staticmethod
    def text(query: exp.Expr) -> str:
        """Return the query in DuckDB's words."""
        # DuckDB's generator changes nothing in the tree that it would not find again: no copy is needed.
        return query.sql(dialect=DuckDB, copy=False)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
