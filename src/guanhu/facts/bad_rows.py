"""The file in which bad rows come back: one line per fault, with its place, value, reason and remedy."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from guanhu.facts.faults import all_faults, fault_problem
from guanhu.facts.reading.opened import Opened

if TYPE_CHECKING:
    import duckdb

HEADINGS = ("文件", "工作表", "行", "列", "所见", "代码", "原因", "提示")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\0")
"""A spreadsheet takes a cell that begins with one of these for a formula."""


def escaped(text: str) -> str:
    """Return text as a cell that no spreadsheet takes for a formula.

    >>> escaped("=1+1"), escaped("001")
    ("'=1+1", '001')
    """
    return "'" + text if text.startswith(FORMULA_SIGNS) else text


def lines(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Opened]) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the file, in order of kind and row."""
    for kind, row_no, column, code, params in all_faults(connection):
        opened = files[kind]
        said = fault_problem(opened, row_no, column, code, params)
        field = opened.fields.get(column)
        seen = params[0] if params and params[0] is not None else ""
        heading = field.heading if field else column
        yield tuple(
            escaped(each)
            for each in (
                opened.file,
                opened.sheet,
                str(row_no or ""),
                heading,
                seen,
                code,
                said.zh,
                said.hint_zh,
            )
        )


def write_bad_rows(path: Path, found: Iterable[tuple[str, ...]]) -> None:
    """Write lines as xlsx when the path says so, else as csv that a spreadsheet opens in Chinese."""
    if path.suffix.lower() == ".xlsx":
        _write_xlsx(path, found)
        return
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADINGS)
        writer.writerows(found)


def _write_xlsx(path: Path, found: Iterable[tuple[str, ...]]) -> None:
    """Write lines as a workbook of one sheet, every cell as text."""
    import xlsxwriter  # noqa: PLC0415 - only who asks for a workbook pays for it

    with xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("坏行")
        for row, line in enumerate((HEADINGS, *found)):
            for column, text in enumerate(line):
                sheet.write_string(row, column, text)
