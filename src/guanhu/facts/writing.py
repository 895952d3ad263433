"""Writing a batch: Parquet files and manifest in a partial folder, flushed to disk, then renamed.

A batch is there as a whole or not at all: what a killed import leaves is a folder `.partial-…` that no
reader looks at and that the next import removes.
"""

# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from guanhu.facts import sql
from guanhu.facts.at_rest import CUT_COLUMNS, CUTS, QUARTER_COLUMNS, QUARTERS, columns_of, order_of
from guanhu.facts.manifest import HOLES, MANIFEST, Batch, Hole, StoredFile, manifest_text, sha256_of
from guanhu.facts.months import by_quarter, cuts_query, months_within, sums_query, without_holes
from guanhu.facts.regions import Cell
from guanhu.kinds.schema import Kind

if TYPE_CHECKING:
    import duckdb

PARTIAL = ".partial-"
ROW_GROUP = 100_000
KEYS = "keys"
"""The numbers that a batch gave to accounts it saw first: account_no, account_id."""
KEY_COLUMNS = (("account_no", "INTEGER"), ("account_id", "VARCHAR"))
_RANGED = ("INTEGER", "BIGINT", "DECIMAL(38,0)")


def partial_folder(batches: Path) -> Path:
    """Make and return a new partial folder."""
    folder = batches / f"{PARTIAL}{secrets.token_hex(8)}"
    folder.mkdir()
    return folder


def leftovers(batches: Path) -> list[Path]:
    """Return the partial folders that killed imports left."""
    return sorted(path for path in batches.iterdir() if path.name.startswith(PARTIAL))


def write_file(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    name: str,
    query: str,
    columns: Sequence[tuple[str, str]],
) -> StoredFile:
    """Write the rows of `query` as `<name>.parquet` and return its entry for the manifest."""
    path = folder / f"{name}.parquet"
    options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}"
    connection.execute(f"COPY ({query}) TO {sql.literal(str(path))} ({options})")
    ranged = [column for column, type_name in columns if type_name in _RANGED]
    ends = "".join(f", min({sql.name(column)}), max({sql.name(column)})" for column in ranged)
    row = connection.execute(f"SELECT count(*){ends} FROM {sql.parquet([path])}").fetchone() or (0,)
    pairs = zip(ranged, row[1::2], row[2::2], strict=True)
    ranges = {column: (int(low), int(high)) for column, low, high in pairs if low is not None}
    return StoredFile(
        name, path.name, int(row[0]), sha256_of(path), tuple(each for each, _ in columns), ranges
    )


def write_kind(connection: duckdb.DuckDBPyConnection, folder: Path, kind: Kind) -> StoredFile:
    """Write the checked rows `r_<kind>`, which are in order already."""
    columns = columns_of(kind)
    query = f"SELECT {sql.names(name for name, _ in columns)} FROM {sql.name('r_' + kind.name)}"
    return write_file(connection, folder, kind.name, query, columns)


def write_indexes(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    cells: Sequence[Cell],
    holes: Sequence[Hole],
    days: str,
) -> dict[str, StoredFile]:
    """Write the month index and the cuts of the checked balances, for months wholly in cells of all institutions.

    `days` is a query of (account_no, day): where the credit of an account changes.
    """
    months = months_within(cell for cell in cells if cell.scope.is_all)
    keys = "(SELECT DISTINCT account_no, account_id FROM r_balances)"
    lost = [hole for hole in holes if hole.kind == "balances"]
    sums = by_quarter(without_holes(sums_query("r_balances", months), keys, lost))
    query = f"SELECT * FROM ({sums}) ORDER BY account_no, quarter_start"
    # A hole makes the sums before it doubtful too: such a batch is summed from the intervals.
    cuts = (
        f"SELECT * FROM ({cuts_query('r_balances', days, [] if lost else months)}) ORDER BY account_no, day"
    )
    return {
        QUARTERS: write_file(connection, folder, QUARTERS, query, QUARTER_COLUMNS),
        CUTS: write_file(connection, folder, CUTS, cuts, CUT_COLUMNS),
    }


def order_by(kind: Kind) -> str:
    """Return the ORDER BY of a kind's file."""
    return f"ORDER BY {sql.names(order_of(kind))}"


def seal(
    batch: Batch, folder: Path, hole_lines: Sequence[str], final: Path, about_to_rename: Callable[[], None]
) -> None:
    """Write holes and manifest, flush everything to disk, and give the folder its name."""
    holes = folder / HOLES
    holes.write_text("".join(line + "\n" for line in hole_lines), "utf-8")
    text = manifest_text(batch, sha256_of(holes))
    (folder / MANIFEST).write_text(text, "utf-8")
    for path in folder.iterdir():
        flush(path)
    flush(folder)
    about_to_rename()
    folder.rename(final)
    flush(final.parent)


def flush(path: Path) -> None:
    """Flush a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(folder: Path) -> None:
    """Remove a partial folder."""
    shutil.rmtree(folder)
