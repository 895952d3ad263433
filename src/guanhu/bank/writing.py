"""One import folder as files: csv by kind of fact, and the `coverage.yaml` that says what they cover."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TextIO

from guanhu.kinds.catalogue import KINDS, event_kind
from guanhu.kinds.schema import Column, Kind
from guanhu.values.dates import Span

Cells = Sequence[str | int | date]
"""One row; dates and whole numbers are written as they read."""


def event_named(name: str, zh: str, columns: Sequence[tuple[str, str, str]]) -> Kind:
    """Return a kind of event; each column is its name, type and Chinese heading."""
    return event_kind(
        name, zh, [Column(column, type_name, heading) for column, type_name, heading in columns]
    )


def make_empty(folder: Path) -> None:
    """Make a folder, or take one that is empty; in any other, old files would mix with new ones.

    Errors:   FileExistsError when there is something in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")


@dataclass(slots=True)
class ImportFolder:
    """A folder that is being written; every kind that gets a file is covered for the days of `span`."""

    path: Path
    span: Span
    events: Mapping[str, Kind] = field(default_factory=dict)
    covered: dict[Span, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the folder."""
        make_empty(self.path)

    @contextmanager
    def opened(self, kind: str, columns: Sequence[str], span: Span | None = None) -> Iterator[TextIO]:
        """Open the file of a kind with its heading written."""
        known = self.events[kind] if kind in self.events else KINDS[kind]
        expected = {column.name for column in known.file_columns}
        required = {column.name for column in known.file_columns if column.required}
        if not required <= set(columns) <= expected:
            raise ValueError(f"{kind} has columns {sorted(expected)}, not {', '.join(columns)}")
        self.covered.setdefault(span or self.span, []).append(kind)
        with (self.path / f"{kind}.csv").open("w", encoding="utf-8", newline="") as stream:
            stream.write(",".join(columns) + "\n")
            yield stream

    def write(
        self, kind: str, columns: Sequence[str], rows: Iterable[Cells], span: Span | None = None
    ) -> None:
        """Write the file of a kind; its coverage is `span`, or that of the folder."""
        with self.opened(kind, columns, span) as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)

    def close(self) -> None:
        """Write `coverage.yaml` for what was written."""
        lines = ["coverage:"]
        for span, kinds in self.covered.items():
            lines.append(f"  - {{kinds: [{', '.join(kinds)}], from: {span.start}, to: {span.last_day}}}")
        if self.events:
            lines.append("events:")
        common = {column.name for column in event_kind("x", "x", ()).columns}
        for name, kind in self.events.items():
            own = [column for column in kind.columns if column.name not in common]
            columns = ", ".join(f"{column.name}: {{type: {column.type}, zh: {column.zh}}}" for column in own)
            lines.append(f"  {name.removeprefix('event_')}: {{name: {kind.zh}, columns: {{{columns}}}}}")
        (self.path / "coverage.yaml").write_text("\n".join(lines) + "\n", "utf-8")
