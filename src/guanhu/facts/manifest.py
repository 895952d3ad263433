"""A batch and its manifest: `batches/0001/manifest.json` beside the Parquet files it lists.

A batch is written once and never changed. Its manifest is what the view is planned from, without
opening a single Parquet file. It names the manifest of the batch before it by its digest, so the batches
are a chain: one that was replaced or edited afterwards is told by the next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from guanhu.facts.coverage import cells_of_plain, coverage_as_plain, events_as_plain, events_of_plain
from guanhu.facts.regions import Cell
from guanhu.kinds.schema import Kind
from guanhu.values.dates import Span

FORMAT = 1
"""Version of the batch format; a newer one is refused."""
MANIFEST = "manifest.json"
HOLES = "holes.jsonl"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One Parquet file of a batch: its kind (or index), rows, digest, columns and ranges of whole numbers."""

    kind: str
    file: str
    rows: int
    sha256: str
    columns: tuple[str, ...]
    ranges: Mapping[str, tuple[int, int]]
    source: str = ""
    source_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Hole:
    """What is known to be missing: rows refused when the good ones were accepted.

    `key` holds the key columns' values; None means that it could not be read, so that any key of the
    kind may be concerned. `institution_id` is '' when not known.
    """

    kind: str
    key: tuple[str, ...] | None
    span: Span
    batch_no: int
    row_no: int
    code: str
    institution_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """One import: what it covers, what it holds, when it came."""

    number: int
    imported_at: datetime
    path: Path
    cells: Mapping[str, tuple[Cell, ...]]
    files: Mapping[str, StoredFile]
    events: tuple[Kind, ...]
    hole_count: int
    note: str
    digest: str
    """SHA-256 over what the batch says: number, coverage, files, holes; not when it came."""
    manifest_sha256: str = ""
    """SHA-256 of its manifest's bytes: by this the next batch names it."""
    before_sha256: str = ""
    """`manifest_sha256` of the batch before it when this one was imported; '' for the first, and where the manifest
    does not say: batches imported by an earlier guanhu."""

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of rows of each kind."""
        return {name: self.files[name].rows for name in self.cells if name in self.files}

    def file_path(self, kind: str) -> Path:
        """Return the Parquet file of a kind or index."""
        return self.path / self.files[kind].file

    def holes(self) -> tuple[Hole, ...]:
        """Return the holes of the batch, read from its list."""
        if not self.hole_count:
            return ()
        lines = (self.path / HOLES).read_text("utf-8").splitlines()
        return tuple(_hole(json.loads(line), self.number) for line in lines)


def _hole(plain: Mapping[str, Any], batch_no: int) -> Hole:
    """Return a hole from its line."""
    key = None if plain["key"] is None else tuple(plain["key"])
    span = Span(date.fromisoformat(plain["from"]), date.fromisoformat(plain["end"]))
    return Hole(plain["kind"], key, span, batch_no, plain["row"], plain["code"], plain["institution"])


def hole_line(hole: Hole) -> str:
    """Return a hole as a line of its list; `end` is the first day after it."""
    plain = {
        "kind": hole.kind,
        "key": None if hole.key is None else list(hole.key),
        "from": hole.span.start.isoformat(),
        "end": hole.span.end.isoformat(),
        "row": hole.row_no,
        "code": hole.code,
        "institution": hole.institution_id,
    }
    return json.dumps(plain, ensure_ascii=False)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def manifest_text(batch: Batch, holes_sha256: str) -> str:
    """Return the manifest of a batch as JSON text."""
    plain = {
        "format": FORMAT,
        "number": batch.number,
        "imported_at": batch.imported_at.isoformat(),
        "note": batch.note,
        "before": {"number": batch.number - 1, "sha256": batch.before_sha256}
        if batch.before_sha256
        else None,
        "coverage": coverage_as_plain(batch.cells),
        "events": events_as_plain(batch.events),
        "files": [
            {
                "kind": each.kind,
                "file": each.file,
                "rows": each.rows,
                "sha256": each.sha256,
                "columns": list(each.columns),
                "ranges": {column: list(ends) for column, ends in each.ranges.items()},
                "source": {"file": each.source, "sha256": each.source_sha256},
            }
            for each in batch.files.values()
        ],
        "holes": {"rows": batch.hole_count, "sha256": holes_sha256},
    }
    return json.dumps(plain, ensure_ascii=False, indent=1) + "\n"


def load_batch(folder: Path) -> Batch:
    """Return the batch in `folder`.

    Errors:   OSError, ValueError or KeyError when the manifest is damaged or of a newer format.
    """
    text = (folder / MANIFEST).read_bytes()
    plain = json.loads(text)
    if plain["format"] != FORMAT:
        message = f"format {plain['format']}, expected {FORMAT}"
        raise ValueError(message)
    number = int(plain["number"])
    if folder.name.isdigit() and int(folder.name) != number:
        message = f"number {number}, expected {int(folder.name)} by the name of the folder"
        raise ValueError(message)
    before = plain.get("before") or {"number": number - 1, "sha256": ""}
    if int(before["number"]) != number - 1:
        message = f"before: number {before['number']}, expected {number - 1}"
        raise ValueError(message)
    files = {}
    for each in plain["files"]:
        ranges = {column: (int(ends[0]), int(ends[1])) for column, ends in each["ranges"].items()}
        files[each["kind"]] = StoredFile(
            each["kind"],
            each["file"],
            int(each["rows"]),
            each["sha256"],
            tuple(each["columns"]),
            ranges,
            each["source"]["file"],
            each["source"]["sha256"],
        )
    said = {
        "number": number,
        "coverage": plain["coverage"],
        "events": plain["events"],
        "files": {each.kind: each.sha256 for each in files.values()},
        "holes": plain["holes"],
    }
    return Batch(
        number,
        datetime.fromisoformat(plain["imported_at"]),
        folder,
        cells_of_plain(plain["coverage"], number),
        files,
        events_of_plain(plain["events"]),
        int(plain["holes"]["rows"]),
        plain["note"],
        hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest(),
        hashlib.sha256(text).hexdigest(),
        str(before["sha256"]),
    )
