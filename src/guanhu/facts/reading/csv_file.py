"""A csv file as a relation of text columns `c0`, `c1` …: encoding, separator and headings from its beginning.

A sound UTF-8 file is read by the engine as it lies. Anything else (another encoding, blank lines, lines
of the wrong width) is first written out anew, with the number of each row in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from guanhu.facts import sql
from guanhu.facts.problems import problem
from guanhu.facts.reading.opened import Opened, matched, recognised
from guanhu.files.csv_records import SEPARATORS, records
from guanhu.files.encoding import UTF8, encoding_of, surveyed, transcoded
from guanhu.kinds.schema import Kind
from guanhu.values.problem import Place, Problem

BYTES_MAX = 20 << 30
"""A csv file may have 20 GiB."""
ROW_NO = "row_no"
HEADINGS_WRONG = frozenset({"FAC022", "FAC023", "FAC024"})
"""After these nothing can be said of the rows."""
SHOWN_MAX = 20


def open_csv(
    path: Path, kind: Kind, own: Mapping[str, str], work: Path, *, is_mended: bool = False
) -> tuple[Opened | None, list[Problem]]:
    """Return the csv file as an open relation and its problems; copies go into the folder `work`.

    With `is_mended` the file is written out anew even when it looks sound: the engine could not read it.

    Errors:   FAC020, FAC021, FAC026 … FAC029 and those of `matched`.
    """
    place = Place(path.name)
    if path.stat().st_size > BYTES_MAX:
        size = path.stat().st_size
        return None, [problem("FAC029", place, seen=f"{size:,} B", most=f"{BYTES_MAX:,} B")]
    survey = surveyed(path)
    if not survey.start.strip():
        return None, [problem("FAC021", place)]

    def known(text: str) -> int:
        return recognised(kind, _headings(text, kind, own)[1], own)

    encoding, start = encoding_of(survey, known)
    separator, headings = _headings(start, kind, own)
    fields, problems = matched(kind, place, headings, own=own)
    if any(each.code in HEADINGS_WRONG for each in problems):
        return None, problems
    source, number = path, ""
    if encoding != UTF8 or not survey.is_utf8:
        source = work / f"{kind.name}.utf8.csv"
        try:
            bad = transcoded(path, encoding, source)
        except UnicodeError:
            return None, [*problems, problem("FAC020", place, seen=f"{encoding}?")]
        for line, text in bad[:SHOWN_MAX]:
            problems.append(problem("FAC027", Place(path.name, line), encoding=encoding, seen=text))
        problems += _and_more(place, "FAC027", len(bad))
        is_mended = is_mended or bool(bad)
    if is_mended or survey.has_blank_lines:
        mended = work / f"{kind.name}.rows.csv"
        problems += _mended(source, mended, path.name, len(headings), separator)
        source, separator, number = mended, ",", ROW_NO
    relation = csv_relation(source, len(headings), separator, number)
    return Opened(kind, path.name, relation, fields, row_no=number, source_sha256=survey.sha256), problems


def _headings(text: str, kind: Kind, own: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the separator under which most headings are known, and the headings."""
    best: tuple[int, str, list[str]] = (-1, ",", [])
    for separator in SEPARATORS:
        try:
            headings = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
        except csv.Error:
            continue
        headings = [heading.removeprefix("\ufeff").strip() for heading in headings]
        known = recognised(kind, headings, own)
        if known > best[0]:
            best = (known, separator, headings)
    return best[1], best[2]


def csv_relation(path: Path, width: int, separator: str = ",", row_no: str = "") -> str:
    """Return the table function that reads a csv file as `width` text columns, its heading row left out."""
    names = ([row_no] if row_no else []) + [f"c{index}" for index in range(width)]
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    delimited = f"auto_detect=false, header=true, delim={sql.literal(separator)}"
    return (
        f"read_csv({sql.literal(sql.unglobbed(path))}, {delimited}, "
        f"quote='\"', escape='\"', columns={{{columns}}}, strict_mode=true)"
    )


def _mended(source: Path, target: Path, shown: str, width: int, separator: str) -> list[Problem]:
    """Write the sound records of a UTF-8 csv file with their row numbers, and return the others as problems.

    A row is counted as a spreadsheet does: one for each record, blank ones too.
    """
    problems: list[Problem] = []
    count = 0
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([ROW_NO, *(f"c{index}" for index in range(width))])
        for row_no, record in records(source, separator):
            if row_no == 1 or record == []:
                continue
            if record is not None and len(record) == width + 1 and not record[-1]:
                record = record[:-1]  # noqa: PLW2901 - a separator at the end of the line
            if record is not None and len(record) == width:
                writer.writerow([row_no, *record])
                continue
            count += 1
            if count <= SHOWN_MAX:
                at = Place(shown, row_no)
                code = "FAC028" if record is None else "FAC026"
                problems.append(problem(code, at, seen=len(record or ()), expected=width))
    return problems + _and_more(Place(shown), "FAC026", count)


def _and_more(place: Place, code: str, count: int) -> list[Problem]:
    """Return one problem for those that are not shown one by one."""
    if count <= SHOWN_MAX:
        return []
    return [problem("FAC060", place, count=count - SHOWN_MAX, sort=code, column="-")]
