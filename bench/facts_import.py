"""Speed of an import: rows per second from csv and from Parquet, all checks, sorting and month index included.

    python bench/facts_import.py [rows, by default 3000000]

Makes its own files: 300,000 accounts of one quarter, each with an opening row and changes of balance.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank

CHANGES_PER_ACCOUNT = 10
COVERAGE = """coverage:
  - {kinds: [institutions, accounts], from: 2024-01-01, to: 2025-03-31}
  - {kinds: [balances], from: 2025-01-01, to: 2025-03-31}
"""


def make_folder(folder: Path, rows: int, suffix: str) -> None:
    """Write the files of one import."""
    folder.mkdir()
    (folder / "coverage.yaml").write_text(COVERAGE, "utf-8")
    (folder / "institutions.csv").write_text(
        "institution_id,from_day,to_day,name,level\nA,2020-01-01,,甲,支行\n", "utf-8"
    )
    connection = duckdb.connect()
    accounts = rows // CHANGES_PER_ACCOUNT
    connection.execute(
        "CREATE TABLE accounts AS SELECT '62' || lpad((n * 7919 % 1000000007)::VARCHAR, 15, '0') AS account_id, n, "
        "'活期' AS product, 'CNY' AS currency, 'A' AS institution_id, DATE '2020-01-01' AS opened_on "
        f"FROM range({accounts}) AS r(n)"
    )
    options = "FORMAT csv, HEADER" if suffix == "csv" else "FORMAT parquet"
    connection.execute(f"COPY (SELECT * EXCLUDE n FROM accounts) TO '{folder}/accounts.{suffix}' ({options})")
    connection.execute(
        "COPY (SELECT account_id, DATE '2025-01-01' + (k * 9)::INTEGER AS from_day, "
        "((hash(n * 31 + k) % 100000000)::BIGINT / 100)::DECIMAL(18,2) AS balance "
        f"FROM accounts, range({CHANGES_PER_ACCOUNT}) AS r(k) ORDER BY hash(account_id), from_day) "
        f"TO '{folder}/balances.{suffix}' ({options})"
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """One import: its rows, its time and that of each step."""

    rows: int
    seconds: float
    steps: tuple[tuple[str, float], ...]

    @property
    def rate(self) -> float:
        """Return rows per second."""
        return self.rows / self.seconds


def measured(rows: int, suffix: str) -> Measured:
    """Import so many balances from one kind of file into a bank of their own."""
    with tempfile.TemporaryDirectory() as place:
        make_folder(Path(place) / "in", rows, suffix)
        bank = Bank.create(Path(place) / "bank", "样行")
        began: list[tuple[str, float]] = []

        def progress(what: str, _done: int, _count: int) -> None:
            began.append((what, time.perf_counter()))

        start = time.perf_counter()
        result = import_folder(Path(place) / "in", bank, progress=progress)
        end = time.perf_counter()
        assert result.problems == (), result.problems[:3]
    ends = [*(moment for _, moment in began[1:]), end]
    steps = tuple((what, ended - moment) for (what, moment), ended in zip(began, ends, strict=True))
    return Measured(sum(result.counts.values()), end - start, steps)


def main() -> None:
    """Measure both kinds of file and print a line for each."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000_000
    for suffix in ("csv", "parquet"):
        found = measured(rows, suffix)
        print(f"{suffix:8s} {found.rows:>10,} rows  {found.seconds:6.2f} s  {found.rate:>12,.0f} rows/s")
        for what, took in found.steps:
            print(f"           {what:24s} {took:6.2f} s")


if __name__ == "__main__":
    main()
