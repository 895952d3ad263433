"""One import at a time: a lock on the bank's folder that the system releases when a process is killed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from guanhu.facts.problems import problem
from guanhu.values.problem import Place, Refused

LOCK_FILE = ".import-lock"


@contextmanager
def import_lock(bank_path: Path) -> Iterator[None]:
    """Hold the lock of a bank's folder.

    Errors:   Refused with FAC080 when another import holds it, FAC088 when the folder cannot be written.
    """
    path = bank_path / LOCK_FILE
    try:
        opened = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise Refused([problem("FAC088", Place(str(bank_path)), seen=error.strerror)]) from error
    with opened as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            seen = stream.read().strip() or "?"
            raise Refused([problem("FAC080", Place(str(path)), seen=seen)]) from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
        stream.flush()
        yield
