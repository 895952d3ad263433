"""Starting: `guanhu --help` as a process of its own, from the call to its end; the best of five.

It is what every command pays before it does anything, and what a shell's completion waits for.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.measure import Plan, Row, seconds

PROCESSES = 5
ALLOWED_SECONDS = 0.4


def rows(_plan: Plan) -> Iterable[Row]:
    """Measure the best of the processes."""
    command = [str(Path(sys.executable).with_name("guanhu")), "--help"]
    work = [
        seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(PROCESSES)
    ]
    yield Row("help", min(work), ALLOWED_SECONDS, f"slowest of {PROCESSES}: {max(work):.2f} s", unit="s")
