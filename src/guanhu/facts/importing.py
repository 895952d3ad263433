"""Checking a folder of files, and importing it into a bank's folder as one batch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from guanhu.facts.bad_rows import lines, write_bad_rows
from guanhu.facts.intake import Intake, Progress
from guanhu.facts.lock import import_lock
from guanhu.facts.manifest import Batch, StoredFile, hole_line
from guanhu.facts.mapping import OwnWords, load_words, save_words
from guanhu.facts.problems import problem
from guanhu.facts.store import BATCHES, Bank
from guanhu.facts.writing import (
    KEY_COLUMNS,
    KEYS,
    leftovers,
    partial_folder,
    remove,
    seal,
    write_file,
    write_indexes,
    write_kind,
)
from guanhu.values.dates import BEIJING
from guanhu.values.problem import Place, Problem, Refused

CLOCK_SLIP = timedelta(minutes=2)
"""So far back a clock may be set by a machine itself."""

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking a folder found: problems, and rows per kind as read."""

    problems: tuple[Problem, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did. `batch_no` is None when nothing was imported; `counts` are rows imported."""

    batch_no: int | None
    problems: tuple[Problem, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    bad_rows_file: Path | None = None
    hole_count: int = 0


def check_folder(
    folder: Path | str, bank: Bank | None = None, *, progress: Progress | None = None
) -> Checked:
    """Return what is wrong with a folder of files, as if it were imported into `bank` now; change nothing.

    Without a bank, references are looked up in the folder alone.
    """
    try:
        with _connected(Path(folder)) as (connection, work):
            words, told = load_words(bank.path) if bank else (OwnWords(), [])
            batches = bank.batches() if bank else ()
            intake = Intake(connection, Path(folder), batches, work, words=words, progress=progress)
            intake.run()
            return Checked((*told, *intake.problems, *intake.fault_problems), dict(intake.counts))
    except Refused as refused:
        return Checked(refused.problems, {})


def import_folder(
    folder: Path | str,
    bank: Bank,
    accept_good: bool = False,
    progress: Progress | None = None,
    *,
    note: str = "",
    bad_rows: Path | None = None,
) -> ImportResult:
    """Import a folder of files as one batch, or nothing when there is a problem.

    With `accept_good`, rows with problems are left out and kept as holes; a problem of a whole file or
    of the coverage still stops the import. Bad rows come back in `bad_rows` (csv or xlsx), by default
    beside the folder under its name with `-bad-rows.csv`.
    """
    try:
        with import_lock(bank.path):
            return _import(
                Path(folder), bank, accept_good=accept_good, progress=progress, note=note, bad_rows=bad_rows
            )
    except Refused as refused:
        return ImportResult(None, refused.problems)


def _import(
    folder: Path,
    bank: Bank,
    *,
    accept_good: bool,
    progress: Progress | None,
    note: str,
    bad_rows: Path | None,
) -> ImportResult:
    """Import under the lock."""
    told = _cleared(bank.path / BATCHES)
    batches = bank.batches()
    words, problems = load_words(bank.path)
    told += problems
    with _connected(bank.path) as (connection, work):
        intake = Intake(
            connection, folder, batches, work, words=words, accept_good=accept_good, progress=progress
        )
        intake.run()
        written = None
        if intake.fault_problems:
            written = bad_rows or folder.parent / f"{folder.name}-bad-rows.csv"
            try:
                write_bad_rows(written, lines(connection, intake.files))
            except OSError as error:
                told.append(problem("FAC084", Place(str(written)), seen=error.strerror))
                written = None
        said = (*told, *intake.problems, *intake.fault_problems)
        if intake.is_stopped or (intake.fault_problems and not accept_good):
            return ImportResult(None, said, {}, written)
        last = batches[-1] if batches else None
        batch = _write(intake, bank, last, note, progress or (lambda _what, _done, _all: None))
        if intake.words != words:
            save_words(bank.path, intake.words)
        return ImportResult(batch.number, said, batch.counts, written, batch.hole_count)


@contextmanager
def _connected(at: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Give an engine and a folder for copies and for what does not fit into memory; both go at the end.

    Errors:   Refused with FAC088 or FAC089 at `at` when disk or memory is short.
    """
    import duckdb  # noqa: PLC0415 - it costs 0.2 s, which only who needs it pays

    try:
        with (
            tempfile.TemporaryDirectory(prefix="guanhu-") as place,
            duckdb.connect(config={"temp_directory": f"{place}/spill"}) as connection,
        ):
            yield connection, Path(place)
    except duckdb.OutOfMemoryException as error:
        raise Refused([problem("FAC089", Place(str(at)), seen=str(error).splitlines()[0])]) from error
    except (OSError, duckdb.IOException) as error:
        said = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise Refused([problem("FAC088", Place(str(at)), seen=said)]) from error


def _cleared(batches: Path) -> list[Problem]:
    """Remove what killed imports left, and say so."""
    told = []
    for left in leftovers(batches):
        remove(left)
        told.append(problem("FAC081", Place(str(left)), seen=left.name))
    return told


def _moment_after(last: datetime | None) -> datetime:
    """Return now, or just after `last` where the clock was set back by no more than it is set right by itself.

    Errors:   Refused FAC094 when it has gone back further: moments would say another order than that of the batches.
    """
    now = datetime.now(UTC)
    if last is None:
        return now
    if last - now > CLOCK_SLIP:
        seen, wanted = (x.astimezone(BEIJING).isoformat(sep=" ", timespec="seconds") for x in (now, last))
        raise Refused([problem("FAC094", Place("batches"), now=seen, last=wanted)])
    return max(now, last + timedelta(microseconds=1))


def _write(intake: Intake, bank: Bank, last: Batch | None, note: str, progress: Progress) -> Batch:
    """Write the checked rows as the batch after `last`."""
    moment = _moment_after(last.imported_at if last else None)
    batches = bank.path / BATCHES
    folder = partial_folder(batches)
    try:
        files: dict[str, StoredFile] = {}
        count = len(intake.files) + 2
        for done, (name, opened) in enumerate(intake.files.items()):
            progress(f"write {name}", done, count)
            stored = write_kind(intake.connection, folder, opened.kind)
            files[name] = replace(stored, source=opened.file, source_sha256=opened.source_sha256)
        if "balances" in files:
            progress("write index", count - 2, count)
            files |= write_indexes(
                intake.connection, folder, intake.cells["balances"], intake.holes, intake.credit_days()
            )
        if "accounts" in files:
            query = "SELECT account_no, account_id FROM new_keys ORDER BY account_no"
            files[KEYS] = write_file(intake.connection, folder, KEYS, query, KEY_COLUMNS)
        final = batches / f"{intake.number:04d}"
        holes = [hole_line(hole) for hole in intake.holes]
        batch = Batch(
            intake.number,
            moment,
            final,
            intake.cells,
            files,
            intake.declared.events,
            len(holes),
            note,
            "",
            before_sha256=last.manifest_sha256 if last else "",
        )
        progress("seal", count - 2, count)
        seal(batch, folder, holes, final, lambda: progress("rename", count - 1, count))
    except BaseException:
        remove(folder)
        raise
    return batch
