"""The whole of a run: its memory, and how its time grows with the number of accounts.

Each run is a process of its own, from the files of a bank to a kept run: facts, ground tables, fold,
lines and the frozen folder. Memory is the most that the process ever held (of a bank of a million
accounts), as its own address space counts it: the system's figure for a finished process may be that of the
process it was started from. Growth is the exponent of accounts in time, by least squares over the logarithms: 1 is linear.
Each size counts with its best run, as a machine's other work only ever adds; a run of the smallest bank
before all others warms the files of the program.
"""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterable

from bench.banks import FULL, RULEBOOKS, bank_of
from bench.measure import THREADS, Plan, Row

MIB = 2**20
MEMORY_MIB = 2048
EXPONENT = 1.1
RUN = """
import json, re, sys, time
from pathlib import Path
from guanhu.appraisal.running import run_rulebook
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.store import Bank
bank, rulebook, threads = sys.argv[1:]
start = time.perf_counter()
run_rulebook(lambda: DuckDBEngine(threads=int(threads)), Bank(Path(bank)), Path(rulebook), "2025Q1")
took = time.perf_counter() - start
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps([took, int(peak.group(1)) * 1024]))
"""


def run(accounts: int) -> tuple[float, int]:
    """Return the seconds and the peak bytes of one run in a process of its own."""
    bank = bank_of(accounts)
    shutil.rmtree(bank.path / "runs", ignore_errors=True)
    command = [sys.executable, "-c", RUN, str(bank.path), str(RULEBOOKS / "fold"), str(THREADS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    took, peak = json.loads(done.stdout.splitlines()[-1])
    return took, peak


def exponent(points: dict[int, float]) -> float:
    """Return the slope of log(time) over log(accounts) by least squares.

    >>> round(exponent({1: 2.0, 2: 4.0, 4: 8.0}), 6)
    1.0
    """
    logs = [(math.log(accounts), math.log(took)) for accounts, took in points.items()]
    x_mean, y_mean = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    above = sum((x - x_mean) * (y - y_mean) for x, y in logs)
    return above / sum((x - x_mean) ** 2 for x, _ in logs)


def rows(plan: Plan) -> Iterable[Row]:
    """Measure memory and growth."""
    sizes = [FULL // 4, FULL // 2, FULL] + ([] if plan.quick else [2 * FULL])
    run(sizes[0])
    best = dict.fromkeys(sizes, math.inf)
    peak = 0
    for _ in range(1 if plan.quick else 3):
        for size in sizes:
            took, held = run(size)
            best[size] = min(best[size], took)
            peak = max(peak, held) if size == FULL else peak
    yield Row("memory", peak / MIB, MEMORY_MIB, f"run of {FULL:,} accounts, {best[FULL]:.1f} s", unit="MiB")
    shown = ", ".join(f"{size:,}: {took:.1f} s" for size, took in best.items())
    yield Row("linear", exponent(best), EXPONENT, shown, unit="power")
