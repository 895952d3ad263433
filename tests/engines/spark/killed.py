"""A run on a little cluster of which an executor is killed while it works on a task.

    python -m tests.engines.spark.killed BANK RULEBOOK PERIOD

Prints the number of executors killed and the digest of the run.
"""

import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

from guanhu.appraisal.running import run_rulebook
from guanhu.engines.spark import SparkEngine, spark_session
from guanhu.facts.store import Bank

BACKEND = b"CoarseGrainedExecutorBackend"


def executors() -> list[int]:
    """Return the processes of executors that descend from this one's Java."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and BACKEND in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # It ended meanwhile.
    return found


def main(bank: str, rulebook: str, period: str) -> None:
    before = set(executors())
    killed = []
    settings = {"spark.sql.shuffle.partitions": "2", "spark.executor.memory": "600m"}
    with spark_session("local-cluster[2,1,700]", settings) as session:
        tracker = session.sparkContext.statusTracker()

        def kill() -> None:
            while not killed:
                stages = [tracker.getStageInfo(x) for x in tracker.getActiveStageIds()]
                if any(stage and stage.numActiveTasks for stage in stages):
                    own = sorted(set(executors()) - before)
                    if own:
                        os.kill(own[0], signal.SIGKILL)
                        killed.append(own[0])
                time.sleep(0.002)

        def step(_what: str, done: int, everything: int) -> None:
            if done == 1 and not killed and not thread.is_alive() and everything < 17:
                thread.start()

        thread = threading.Thread(target=kill, daemon=True)
        run = run_rulebook(
            partial(SparkEngine, session, home_rows=20),
            Bank(Path(bank)),
            Path(rulebook),
            period,
            progress=step,
        )
    print(len(killed), run.folder.record["digest"])


if __name__ == "__main__":
    main(*sys.argv[1:])
