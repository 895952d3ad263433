"""Checking a folder of files, and importing it into a bank's folder as one batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from guanhu.facts.at_rest import MONTHS
from guanhu.facts.intake import Intake, Progress
from guanhu.facts.manifest import Batch, StoredFile
from guanhu.facts.store import BATCHES, Bank
from guanhu.facts.writing import (
    KEY_COLUMNS,
    KEYS,
    partial_folder,
    remove,
    seal,
    write_file,
    write_kind,
    write_months,
)
from guanhu.values.problem import Problem


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


def check_folder(
    folder: Path | str, bank: Bank | None = None, *, progress: Progress | None = None
) -> Checked:
    """Return what is wrong with a folder of files, as if it were imported into `bank` now; change nothing.

    Without a bank, references are looked up in the folder alone.
    """
    import duckdb  # noqa: PLC0415 - it costs 0.2 s, which only who needs it pays

    with duckdb.connect() as connection:
        intake = Intake(connection, Path(folder), bank.batches() if bank else (), progress)
        intake.run()
        return Checked(tuple(intake.problems), dict(intake.counts))


def import_folder(
    folder: Path | str,
    bank: Bank,
    *,
    accept_good: bool = False,
    note: str = "",
    progress: Progress | None = None,
) -> ImportResult:
    """Import a folder of files as one batch, or nothing when there is a problem.

    With `accept_good`, rows with problems are left out and kept as holes; a problem of a whole file or
    of the coverage still stops the import.
    """
    import duckdb  # noqa: PLC0415 - it costs 0.2 s, which only who needs it pays

    with duckdb.connect() as connection:
        batches = bank.batches()
        intake = Intake(connection, Path(folder), batches, progress)
        intake.run()
        problems = tuple(intake.problems)
        if intake.has_errors:
            return ImportResult(None, problems, {})
        last = batches[-1].imported_at if batches else None
        batch = _write(intake, bank, _moment_after(last), note)
        return ImportResult(batch.number, problems, batch.counts)


def _moment_after(last: datetime | None) -> datetime:
    """Return now, or just after `last` when the clock has gone backwards."""
    now = datetime.now(UTC)
    return now if last is None else max(now, last + timedelta(microseconds=1))


def _write(intake: Intake, bank: Bank, moment: datetime, note: str) -> Batch:
    """Write the checked rows as the next batch."""
    batches = bank.path / BATCHES
    batches.mkdir(exist_ok=True)
    folder = partial_folder(batches)
    try:
        files: dict[str, StoredFile] = {}
        for name, opened in intake.files.items():
            stored = write_kind(intake.connection, folder, opened.kind)
            files[name] = replace(stored, source=opened.file, source_sha256=opened.source_sha256)
        if "balances" in files:
            files[MONTHS] = write_months(intake.connection, folder, intake.cells["balances"])
        if "accounts" in files:
            query = "SELECT account_no, account_id FROM new_keys ORDER BY account_no"
            files[KEYS] = write_file(intake.connection, folder, KEYS, query, KEY_COLUMNS)
        final = batches / f"{intake.number:04d}"
        batch = Batch(intake.number, moment, final, intake.cells, files, intake.declared.events, 0, note, "")
        seal(batch, folder, [], final)
    except BaseException:
        remove(folder)
        raise
    return batch
