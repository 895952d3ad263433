"""Measure, print a table, write `bench/results.json`; exit 1 when a bar is missed."""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

from bench.measure import THREADS, Plan, Row

# Before the libraries that read it are imported.
for variable in (
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "ARROW_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "TOKIO_WORKER_THREADS",
):
    os.environ.setdefault(variable, str(THREADS))

MODULES = {
    "fold": ("fold-vs-hand", "fold-vs-own", "fold-vs-scan", "fold-vs-pandas", "fold-vs-polars"),
    "windows": ("windows",),
    "scorecard": ("scorecard", "quotient"),
    "rule_engines": (
        "engine-guanhu",
        "engine-openfisca",
        "engine-openfisca64",
        "engine-policyengine",
        "engine-policyengine64",
        "engine-zen",
    ),
    "explain": ("explain",),
    "imports": ("import-csv", "import-parquet"),
    "whatif": ("whatif-10k", "whatif-100k"),
    "since": ("since",),
    "whole": ("memory", "linear"),
    "startup": ("help",),
}
RESULTS = Path(__file__).parent / "results.json"


def shown(row: Row) -> str:
    """Return a row of the table."""
    sign = "≥" if row.at_least else "≤"
    bar = "no bar" if row.bar is None else f"{sign} {number(row.bar)}"
    verdict = "" if row.bar is None else "ok" if row.ok else "MISS"
    return f"{row.name:21s} {number(row.measured):>12s} {row.unit:7s} {bar:>14s}  {verdict:4s}  {row.detail}"


def number(value: float) -> str:
    """Return a number with as many digits as tell."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure guanhu against its peers.")
    parser.add_argument("--quick", action="store_true", help="3 pairs instead of 7, and smaller sizes")
    parser.add_argument("--only", metavar="NAME", choices=[*MODULES, *sum(MODULES.values(), ())])
    asked = parser.parse_args()
    plan = Plan(asked.quick)
    found: list[Row] = []
    for module, names in MODULES.items():
        if asked.only is None or asked.only == module or asked.only in names:
            for row in importlib.import_module(f"bench.{module}").rows(plan):
                print(shown(row), flush=True)
                found.append(row)
    cores = min(THREADS, os.cpu_count() or 1)
    keys = ("name", "measured", "bar", "ok", "detail")
    listed = [{**{key: getattr(row, key) for key in keys}, "cores": cores} for row in found]
    names = {row.name for row in found}
    before = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() and asked.only else []
    listed = [*(one for one in before if one["name"] not in names), *listed]
    RESULTS.write_text(json.dumps(listed, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0 if all(row.ok for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
