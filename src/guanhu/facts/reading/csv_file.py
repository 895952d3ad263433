"""A csv file as a relation of text columns `c0`, `c1` …: separator and headings from its first line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from guanhu.facts import sql
from guanhu.facts.manifest import sha256_of
from guanhu.facts.problems import problem
from guanhu.facts.reading.opened import Opened, matched, recognised
from guanhu.kinds.schema import Kind
from guanhu.values.problem import Place, Problem

SEPARATORS = (",", "\t", ";", "|")
HEADING_BYTES = 1 << 16
"""How much of a file is looked at to find its heading row."""


def open_csv(path: Path, kind: Kind, own: Mapping[str, str]) -> tuple[Opened | None, list[Problem]]:
    """Return the csv file as an open relation and its problems.

    Errors:   FAC020, FAC021 and those of `matched`.
    """
    place = Place(path.name)
    with path.open("rb") as stream:
        start = stream.read(HEADING_BYTES)
    if not start.strip():
        return None, [problem("FAC021", place)]
    text = start.decode("utf-8-sig", errors="ignore")
    separator, headings = _headings(text, kind, own)
    fields, problems = matched(kind, place, headings, own=own)
    relation = csv_relation(path, len(headings), separator)
    return Opened(kind, path.name, relation, fields, source_sha256=sha256_of(path)), problems


def _headings(text: str, kind: Kind, own: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the separator under which most headings are known, and the headings."""
    best: tuple[int, str, list[str]] = (-1, ",", [])
    for separator in SEPARATORS:
        headings = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
        known = recognised(kind, headings, own)
        if known > best[0]:
            best = (known, separator, headings)
    return best[1], best[2]


def csv_relation(path: Path, width: int, separator: str = ",") -> str:
    """Return the table function that reads a csv file as `width` text columns, its heading row left out."""
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    delimited = f"auto_detect=false, header=true, delim={sql.literal(separator)}"
    return (
        f"read_csv({sql.literal(sql.unglobbed(path))}, {delimited}, "
        f"quote='\"', escape='\"', columns={{{columns}}}, strict_mode=true)"
    )
