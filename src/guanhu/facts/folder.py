"""Which file of a folder is of which kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guanhu.facts.coverage import FILE_NAME, Declared, kind_called
from guanhu.facts.problems import problem
from guanhu.kinds.schema import Kind
from guanhu.values.problem import Place, Problem

MAPPING = "mapping.yaml"
BAD_ROWS = "bad-rows"
"""How the names of the files begin in which bad rows come back; they are not read again."""
READABLE = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Found:
    """One file of a kind."""

    kind: Kind
    path: Path


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder that may hold facts, in order of name."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and path.name not in (FILE_NAME, MAPPING)
        and not path.name.startswith((".", "~$", BAD_ROWS))
    ]


def find(folder: Path, declared: Declared) -> tuple[list[Found], list[Problem]]:
    """Return the files of covered kinds in the folder, and what is wrong with the folder as a whole.

    Errors:   FAC009 … FAC012, FAC015.
    """
    found: dict[str, Found] = {}
    problems = []
    for path in files_in(folder):
        place = Place(path.name)
        if path.suffix.lower() not in READABLE:
            problems.append(problem("FAC015", place, suffix=path.suffix or path.name))
            continue
        kind = kind_called(path.stem, declared.events)
        if kind is None:
            problems.append(problem("FAC011", place, file=path.name))
        elif kind.name in found:
            first = found[kind.name].path.name
            problems.append(problem("FAC012", place, kind=kind.name, first=first, second=path.name))
        elif kind.name not in declared.cells:
            problems.append(problem("FAC009", place, file=path.name, kind=kind.name))
        else:
            found[kind.name] = Found(kind, path)
    problems += absent(declared, found)
    return list(found.values()), problems


def absent(declared: Declared, found: Sequence[str] | dict[str, Found]) -> list[Problem]:
    """Return a problem for each covered kind that has no file."""
    return [problem("FAC010", Place(FILE_NAME), kind=name) for name in declared.cells if name not in found]
