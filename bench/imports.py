"""Imports: three million balances from csv and from Parquet to a batch that may be read.

Counted from the call to its end: reading, every check, numbering of accounts, sorting, the month index
and the manifest. There is no peer; the bars are rows per second. `facts_import.py` makes the files, and
shows the steps when it is run by itself.
"""

from collections.abc import Iterable

from bench.facts_import import measured
from bench.measure import Plan, Row

ROWS = 3_000_000
BARS = {"csv": 300_000, "parquet": 1_000_000}


def rows(plan: Plan) -> Iterable[Row]:
    """Measure both kinds of file, each with its best import."""
    for suffix, bar in BARS.items():
        found = [measured(ROWS, suffix) for _ in range(1 if plan.quick else 3)]
        best = max(found, key=lambda one: one.rate)
        detail = f"{best.rows:,} rows in {best.seconds:.2f} s"
        yield Row(f"import-{suffix}", best.rate, bar, detail, unit="rows/s", at_least=True)
