"""A file or sheet that is open for reading: its rows as a relation, its columns found by their headings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from guanhu.facts import sql
from guanhu.facts.cells import is_readable
from guanhu.facts.problems import problem
from guanhu.files.sheets import HEADING_ROW
from guanhu.kinds.schema import Column, Kind
from guanhu.values.problem import Place, Problem

SHOWN_MAX = 20
HEADING_SHOWN_MAX = 40
ALSO_CALLED = {"from": "from_day", "to": "to_day", "起": "from_day", "止": "to_day"}
"""Other headings that are understood everywhere."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where a column comes from: its heading, the name in the relation, and its SQL type there."""

    heading: str
    name: str
    native: str = "VARCHAR"


@dataclass(frozen=True, slots=True)
class Opened:
    """One file or sheet of a kind."""

    kind: Kind
    file: str
    relation: str
    """What stands after FROM; its rows come in the order of the file."""
    fields: Mapping[str, Field]
    sheet: str = ""
    row_no: str = ""
    """The column of the relation that holds the row's number in the file, when counting would be wrong."""
    source_sha256: str = ""
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The bank's own codes by column, each with our word for it."""

    def place(self, row: int = 0, column: str = "") -> Place:
        """Return the place of a row, and of the column's cell when one is named."""
        at = list(self.fields).index(column) + 1 if row and column in self.fields else 0
        return Place(self.file, row, at, self.sheet)

    def text_of(self, column: Column) -> str:
        """Return the SQL of a column's source value, NULL when the file does not have it or it is empty."""
        found = self.fields.get(column.name)
        if found is None:
            return "CAST(NULL AS VARCHAR)"
        quoted = "s." + sql.name(found.name)
        if found.native != "VARCHAR":
            return quoted
        spoken = dict(zip(column.allowed_zh, column.allowed, strict=True)) if column.allowed_zh else {}
        codes = spoken | dict(self.codes.get(column.name) or {})
        if not codes:
            return f"nullif({quoted}, '')"
        arms = " ".join(f"WHEN {sql.literal(own)} THEN {sql.literal(word)}" for own, word in codes.items())
        return f"nullif(CASE {quoted} {arms} ELSE {quoted} END, '')"

    def native_of(self, column: Column) -> str:
        """Return the SQL type of a column's source."""
        found = self.fields.get(column.name)
        return found.native if found else "VARCHAR"


def engine_said(error: Exception, path: Path) -> str:
    """Return the first line of what the engine said of a file, without the folder it stands in.

    >>> engine_said(ValueError("IO Error: File '/a/b.csv' too small"), Path("/a/b.csv"))
    "File 'b.csv' too small"
    """
    line = str(error).splitlines()[0].replace(str(path), path.name)
    return re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", line)


def matched(
    kind: Kind,
    place: Place,
    headings: Sequence[str],
    natives: Sequence[str] = (),
    own: Mapping[str, str] | None = None,
) -> tuple[dict[str, Field], list[Problem]]:
    """Return the columns found under `headings`, in file order, and what is wrong with the headings.

    `own` maps the bank's own headings to columns. Fields are named `c0`, `c1` … when the source has no
    types of its own (text), else by their heading.

    Errors:   FAC022 unknown, FAC023 missing, FAC024 doubled, FAC025 a type that cannot be read.
    """
    called = {text: column for column in kind.file_columns for text in (column.name, column.zh)}
    for text, name in ALSO_CALLED.items():
        target = next((c for c in kind.file_columns if c.name == name), None)
        if target is not None:
            called.setdefault(text, target)
    for text, name in (own or {}).items():
        target = next((c for c in kind.file_columns if c.name == name), None)
        if target is not None:
            called[text] = target
    found: dict[str, Field] = {}
    problems = []
    unknown = 0
    for index, heading in enumerate(headings):
        at = Place(place.file, HEADING_ROW, index + 1, place.sheet)
        column = called.get(heading)
        if column is None:
            unknown += 1
            if unknown <= SHOWN_MAX:
                shown = heading if len(heading) <= HEADING_SHOWN_MAX else heading[:HEADING_SHOWN_MAX] + "…"
                problems.append(problem("FAC022", at, heading=shown, kind=kind.name))
            continue
        if column.name in found:
            first = found[column.name].heading
            problems.append(problem("FAC024", at, column=column.name, first=first, second=heading))
            continue
        native = natives[index] if natives else "VARCHAR"
        if not is_readable(column, native):
            problems.append(problem("FAC025", at, column=column.name, seen=native, type=column.type))
        found[column.name] = Field(heading, heading if natives else f"c{index}", native)
    if unknown > SHOWN_MAX:
        problems.append(problem("FAC060", place, count=unknown - SHOWN_MAX, sort="FAC022", column="-"))
    for column in kind.file_columns:
        if column.required and column.name not in found:
            at = Place(place.file, HEADING_ROW, sheet=place.sheet)
            problems.append(problem("FAC023", at, column=column.name, zh=column.zh))
    return found, problems


def recognised(kind: Kind, headings: Sequence[str], own: Mapping[str, str] | None = None) -> int:
    """Return how many of the headings name a column of the kind."""
    called = {text for column in kind.file_columns for text in (column.name, column.zh)}
    return sum(heading in called or heading in ALSO_CALLED or heading in (own or {}) for heading in headings)
