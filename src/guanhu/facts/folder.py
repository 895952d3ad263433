"""Which file of a folder is of which kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guanhu.facts.coverage import FILE_NAME, Declared, kind_called
from guanhu.facts.problems import problem
from guanhu.facts.reading.workbook import opened_book
from guanhu.files.sheets import Sheet
from guanhu.kinds.schema import Kind
from guanhu.values.problem import Place, Problem

MAPPING = "mapping.yaml"
BAD_ROWS = "bad-rows"
"""How the names of the files begin in which bad rows come back; they are not read again."""
READABLE = (".csv", ".parquet")
NOTES_SHEET = "说明"
"""The sheet of a template that explains the others."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file of a kind, or one sheet of a workbook."""

    kind: Kind
    path: Path
    sheet: Sheet | None = None

    @property
    def shown(self) -> str:
        """Return the name of the file, with the sheet."""
        return f"{self.path.name}[{self.sheet.name}]" if self.sheet else self.path.name


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder that may hold facts, in order of name."""
    left_out = (FILE_NAME, MAPPING)
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in left_out and not path.name.startswith((".", "~$", BAD_ROWS))
    ]


def find(folder: Path, declared: Declared) -> tuple[list[Found], list[Problem]]:
    """Return the files of covered kinds in the folder, and what is wrong with the folder as a whole.

    An empty sheet of a workbook gives way to a file of its kind.

    Errors:   FAC009 … FAC012, FAC015, FAC029, FAC070 … FAC073.
    """
    candidates: list[Found] = []
    problems = []
    for path in files_in(folder):
        place = Place(path.name)
        suffix = path.suffix.lower()
        if suffix == ".xlsx":
            try:
                sheets, told = _sheets(path, declared)
            except OSError as error:
                sheets, told = [], [problem("FAC070", place, seen=error.strerror)]
            candidates += sheets
            problems += told
        elif suffix not in READABLE:
            problems.append(problem("FAC015", place, suffix=path.suffix or path.name))
        elif kind := kind_called(path.stem, declared.events):
            candidates.append(Found(kind, path))
        else:
            problems.append(problem("FAC011", place, file=path.name))
    found: dict[str, Found] = {}
    for each in sorted(candidates, key=_is_empty_sheet):
        name = each.kind.name
        if name in found:
            if not _is_empty_sheet(each):
                told_at = Place(each.path.name)
                both = {"first": found[name].shown, "second": each.shown}
                problems.append(problem("FAC012", told_at, kind=name, **both))
        elif name in declared.cells:
            found[name] = each
        elif not _is_empty_sheet(each):
            problems.append(problem("FAC009", Place(each.path.name), file=each.shown, kind=name))
    unread = any(each.code in ("FAC029", "FAC070", "FAC071") for each in problems)
    problems += [] if unread else absent(declared, found)
    return list(found.values()), problems


def _is_empty_sheet(found: Found) -> bool:
    """Tell whether it is a sheet without rows."""
    return found.sheet is not None and not found.sheet.has_rows


def _sheets(path: Path, declared: Declared) -> tuple[list[Found], list[Problem]]:
    """Return the sheets of a workbook that are named after kinds."""
    sheets, problems = opened_book(path)
    found = []
    for sheet in sheets:
        kind = kind_called(sheet.name, declared.events)
        if kind is None and len(sheets) == 1:
            kind = kind_called(path.stem, declared.events)
        if kind is not None:
            found.append(Found(kind, path, sheet))
        elif sheet.name != NOTES_SHEET and any(cell != "" for row in sheet.rows for cell in row):
            problems.append(problem("FAC072", Place(path.name, sheet=sheet.name), sheet=sheet.name))
    return found, problems


def absent(declared: Declared, found: Mapping[str, Found]) -> list[Problem]:
    """Return a problem for each covered kind that has no file."""
    return [problem("FAC010", Place(FILE_NAME), kind=name) for name in declared.cells if name not in found]
