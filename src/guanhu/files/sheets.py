"""The sheets of a workbook that is safe to open, cell by cell."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guanhu.files.unfit import Unfit
from guanhu.files.workbook_guard import SheetMarks, guarded

EXACT_MAX = 10**15
"""A spreadsheet keeps 15 digits of a number; from here on the last ones are made up."""
HEADING_ROW = 1
"""The row of the headings; the first row of what the file tells is the next."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook: its rows of cells and what else is known about them."""

    file: str
    name: str
    rows: list[list[Any]]
    marks: SheetMarks
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    is_hidden: bool
    source_sha256: str

    @property
    def headings(self) -> list[str]:
        """Return the headings; empty ones at the end are left out."""
        found = [str(cell).strip() for cell in self.rows[0]] if self.rows else []
        while found and not found[-1]:
            found.pop()
        return found

    @property
    def has_rows(self) -> bool:
        """Tell whether anything stands below the headings."""
        return any(cell != "" for row in self.rows[HEADING_ROW:] for cell in row)


def sheets_of(path: Path) -> tuple[list[Sheet], list[Unfit]]:
    """Return the sheets of a workbook in order, and why it cannot be read; nothing unsafe is opened."""
    import python_calamine  # noqa: PLC0415 - only who reads a workbook pays for it

    marks, unfit = guarded(path)
    if unfit:
        return [], unfit
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        with python_calamine.load_workbook(path) as book:
            visible = {each.name: each.visible for each in book.sheets_metadata}
            found = []
            for name in book.sheet_names:
                sheet = book.get_sheet_by_name(name)
                found.append(
                    Sheet(
                        path.name,
                        name,
                        sheet.to_python(skip_empty_area=False),
                        marks.get(name, SheetMarks()),
                        tuple(sheet.merged_cell_ranges or ()),
                        visible[name] != python_calamine.SheetVisibleEnum.Visible,
                        digest,
                    )
                )
    except Exception as error:  # noqa: BLE001 - a broken part may fail in any way inside the reader
        return [], [Unfit("broken", type(error).__name__)]
    return found, []
