"""Growth on one machine, from a quarter of a million to twenty million accounts, on both engines.

    make bench-scale                          all sizes, both engines
    make bench-scale ARGS="--up-to 1000000"   the smaller ones

Each size is a bank of one quarter, eleven balances to an account; a run is a process of its own, from the files of
the bank to a kept run. Memory is what the process and all it starts (Spark's Java) hold together, looked at
twenty times a second. DuckDB may use 3 GiB and Spark's Java 2 GiB: a larger bank has to go through the disk. The figures go to
`bench/scale.json`; `docs/SCALE.md` says what follows from them.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.banks import DATA, RULEBOOKS, bank_of
from bench.whole import exponent

SIZES = (250_000, 1_000_000, 4_000_000, 20_000_000)
ENGINES = ("duckdb", "spark")
GIB = 2**30
MOST_GIB = 6.0
BYTES_PER_ACCOUNT = 1_200
"""On the disk while a bank is made: its import folder, the bank, and what the engine spills of 220 m rows in one import."""
SECONDS_PER_MILLION = {"made": 50, "duckdb": 4, "spark": 35}
RESULTS = Path(__file__).parent / "scale.json"
RUN = """
import sys, time
from pathlib import Path
from guanhu.appraisal.running import run_rulebook
from guanhu.facts.store import Bank
name, bank, rulebook = sys.argv[1:]
start = time.perf_counter()
if name == "duckdb":
    from guanhu.engines.duckdb import DuckDBEngine
    ran = run_rulebook(lambda: DuckDBEngine(memory_limit="3GB", threads=2), Bank(Path(bank)), Path(rulebook), "2025Q1")
else:
    from guanhu.engines.spark import SparkEngine, spark_session
    with spark_session("local[2]", {"spark.driver.memory": "2g"}) as session:
        start = time.perf_counter()
        ran = run_rulebook(lambda: SparkEngine(session, threads=2), Bank(Path(bank)), Path(rulebook), "2025Q1")
print(time.perf_counter() - start, ran.folder.record["digest"])
"""


def family(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit():
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # It ended meanwhile.
    found = [root]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def held(root: int) -> int:
    """Return the bytes that a process and its descendants hold in memory."""
    total = 0
    for process in family(root):
        try:
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue
    return total * os.sysconf("SC_PAGE_SIZE")


def run(engine: str, accounts: int) -> tuple[float, int, str]:
    """Return the seconds, the peak bytes and the digest of one run."""
    bank = bank_of(accounts)
    shutil.rmtree(bank.path / "runs", ignore_errors=True)
    command = [sys.executable, "-W", "ignore", "-c", RUN, engine, str(bank.path), str(RULEBOOKS / "fold")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0

    def look() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, held(process.pid))
            time.sleep(0.05)

    watch = threading.Thread(target=look)
    watch.start()
    told, _ = process.communicate()
    watch.join()
    if process.returncode:
        raise SystemExit(f"{engine} failed at {accounts:,} accounts")
    took, digest = told.splitlines()[-1].split()
    return float(took), peak, digest


def main() -> int:
    """Say what it takes, then measure."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale", description="Measure growth on one machine."
    )
    parser.add_argument("--up-to", type=int, default=SIZES[-1], metavar="ACCOUNTS")
    parser.add_argument("--engine", choices=ENGINES)
    asked = parser.parse_args()
    sizes = [size for size in SIZES if size <= asked.up_to]
    engines = [name for name in ENGINES if asked.engine in (None, name)]
    millions = sum(sizes) / 1e6
    minutes = millions * (SECONDS_PER_MILLION["made"] + sum(SECONDS_PER_MILLION[x] for x in engines)) / 60
    disk = max(sizes) * BYTES_PER_ACCOUNT / GIB
    free = shutil.disk_usage(DATA.parent).free / GIB
    print(
        f"about {math.ceil(minutes)} minutes and {disk:.0f} GiB of disk ({free:.0f} GiB are free)", flush=True
    )
    if free < disk:
        print("hint: free some, or measure less: --up-to ACCOUNTS")
        return 1
    found = []
    for engine in engines:
        for size in sizes:
            took, peak, digest = run(engine, size)
            found.append(
                {
                    "engine": engine,
                    "accounts": size,
                    "seconds": round(took, 2),
                    "GiB": round(peak / GIB, 2),
                    "digest": digest,
                }
            )
            print(f"{engine:8s} {size:>12,} accounts {took:>9.1f} s {peak / GIB:>6.2f} GiB", flush=True)
    for engine in engines:
        points = {x["accounts"]: x["seconds"] for x in found if x["engine"] == engine}
        if len(points) > 1:
            print(f"{engine}: seconds grow with accounts to the power {exponent(points):.2f}")
    digests = {size: {x["digest"] for x in found if x["accounts"] == size} for size in sizes}
    same = all(len(each) == 1 for each in digests.values())
    print(f"the engines give {'the same digests' if same else 'DIFFERENT DIGESTS'}")
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0 if same and all(x["GiB"] <= MOST_GIB for x in found) else 1


if __name__ == "__main__":
    sys.exit(main())
