"""The records of a csv text, counted as a spreadsheet counts rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

SEPARATORS = (",", "\t", ";", "|")
FIELD_MAX = 1 << 16
"""Longest text of one field; beyond it a quote was not closed."""
RECORD_LINES_MAX = 50
"""Most lines of one record; beyond it a quote was not closed."""


def records(source: Path, separator: str) -> Iterator[tuple[int, list[str] | None]]:
    """Yield (row, fields) of a UTF-8 csv text; None for a record whose quote is not closed, where reading ends."""
    with source.open("r", encoding="utf-8-sig", newline="", errors="strict") as stream:
        reader = csv.reader(stream, delimiter=separator, strict=True)
        row_no, line = 0, 0
        while True:
            row_no += 1
            try:
                record = next(reader, None)
            except csv.Error:
                yield row_no, None
                if reader.line_num - line > RECORD_LINES_MAX:
                    return
                line = reader.line_num
                continue
            if record is None:
                return
            if reader.line_num - line > RECORD_LINES_MAX or any(len(text) > FIELD_MAX for text in record):
                yield row_no, None
                return
            line = reader.line_num
            yield row_no, record
