"""Sheets of an xlsx workbook as relations: each cell becomes the text that a csv file would hold.

What text cannot carry is marked: the marked cell fails its pattern and its fault says why.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from guanhu.facts.problems import problem
from guanhu.facts.reading.csv_file import ROW_NO, csv_relation
from guanhu.facts.reading.marks import DATE, ERROR, FORMULA, LONG_NUMBER, MARK
from guanhu.facts.reading.opened import Opened, matched
from guanhu.files.sheets import EXACT_MAX, HEADING_ROW, Sheet, sheets_of
from guanhu.kinds.schema import Column, Kind
from guanhu.values.problem import Place, Problem

MERGED_SHOWN_MAX = 20


_UNFIT = {"large": "FAC029", "broken": "FAC070", "unsafe": "FAC071"}


def opened_book(path: Path) -> tuple[list[Sheet], list[Problem]]:
    """Return the sheets of a workbook in order, and why it cannot be read.

    Errors:   FAC029, FAC070, FAC071.
    """
    sheets, unfit = sheets_of(path)
    return sheets, [
        problem(_UNFIT[each.why], Place(path.name, sheet=each.sheet), seen=each.seen, most=each.most)
        for each in unfit
    ]


def open_sheet(
    sheet: Sheet, kind: Kind, own: Mapping[str, str], work: Path
) -> tuple[Opened | None, list[Problem]]:
    """Return a sheet as an open relation and its problems; its text goes into the folder `work`.

    Errors:   FAC021, FAC073, FAC074 and those of `matched`.
    """
    place = Place(sheet.file, sheet=sheet.name)
    headings = sheet.headings
    if not headings:
        return None, [problem("FAC021", place)]
    fields, problems = matched(kind, place, headings, own=own)
    if sheet.is_hidden:
        problems.append(problem("FAC073", place, sheet=sheet.name))
    for (first_row, first_column), (last_row, last_column) in sheet.merged[:MERGED_SHOWN_MAX]:
        if last_row >= HEADING_ROW:
            seen = f"{_cell_name(first_row, first_column)}:{_cell_name(last_row, last_column)}"
            at = Place(sheet.file, first_row + 1, first_column + 1, sheet.name)
            problems.append(problem("FAC074", at, seen=seen))
    columns: list[Column | None] = [None] * len(headings)
    for column in kind.file_columns:
        if column.name in fields:
            columns[int(fields[column.name].name[1:])] = column
    target = work / f"{kind.name}.sheet.csv"
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([ROW_NO, *(f"c{index}" for index in range(len(headings)))])
        writer.writerows(_lines(sheet, columns))
    relation = csv_relation(target, len(headings), row_no=ROW_NO)
    opened = Opened(kind, sheet.file, relation, fields, sheet.name, ROW_NO, source_sha256=sheet.source_sha256)
    return opened, problems


def _cell_name(row: int, column: int) -> str:
    """Return the name of a cell from its numbers, counted from 0.

    >>> _cell_name(2, 0), _cell_name(9, 27)
    ('A3', 'AB10')
    """
    letters, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"


def _lines(sheet: Sheet, columns: list[Column | None]) -> Iterator[list[str]]:
    """Yield the rows below the headings as text, blank ones left out, each with its number in front."""
    for index, row in enumerate(sheet.rows):
        if index < HEADING_ROW:
            continue
        texts = []
        for position, column in enumerate(columns):
            cell = row[position] if position < len(row) else ""
            text = text_of(cell, column)
            if (index + 1, position + 1) in sheet.marks.formulas:
                text = FORMULA + (text[2:] if text.startswith(MARK) else text)
            elif (index + 1, position + 1) in sheet.marks.errors:
                text = ERROR + text
            texts.append(text)
        if any(texts):
            yield [str(index + 1), *texts]


def text_of(cell: Any, column: Column | None) -> str:
    """Return a cell as the text that a csv file would hold, marked where text cannot carry it.

    >>> [text_of(cell, None) for cell in (60.0, 1234.56, True, dt.date(2025, 2, 28))]
    ['60', '1234.56', '1', '2025-02-28']
    """
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, int | float):
        if cell == cell // 1:
            return str(int(cell)) if abs(cell) < EXACT_MAX else f"{LONG_NUMBER}{int(cell)}"
        return repr(cell)
    if isinstance(cell, dt.date | dt.time | dt.timedelta):
        text = str(cell)
        return text if column is None or (column.type == "date" and type(cell) is dt.date) else DATE + text
    return str(cell)
