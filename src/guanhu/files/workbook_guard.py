"""Before a workbook is opened: whether it is safe, and what its cells do not show (formulas, errors).

An xlsx file is a zip of XML parts. Bombs, far cells and DTDs are refused from the bytes of the parts,
before anything is built from them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import normpath
from xml.etree import ElementTree as ET

from guanhu.files.unfit import Unfit

FILE_BYTES_MAX = 20 << 20
UNPACKED_BYTES_MAX = 200 << 20
RATIO_MAX = 100
PARTS_MAX = 500
ROWS_MAX = 200_000
COLUMNS_MAX = 100
_SMALL = 1 << 16
"""Below this size the ratio of packing says nothing."""
_DTD = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_FAR_COLUMN = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{3,}|[D-Z][A-Z]|C[W-Z])[0-9]')
_FAR_ROW = re.compile(rb'<(?:\w+:)?(?:row|c)\s[^>]*?\br="[A-Z]*([0-9]{6,})"')
_CELL_OR_FORMULA = re.compile(rb"<(?:\w+:)?(?:c\s(?P<cell>[^>]*)>|f[\s>/](?P<formula>))")
_REFERENCE = re.compile(rb'\br="([A-Z]+)([0-9]+)"')
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True, slots=True)
class SheetMarks:
    """Cells of a sheet, as (row, column) from 1, that hold a formula, and that hold an error value."""

    formulas: frozenset[tuple[int, int]] = field(default_factory=frozenset)
    errors: frozenset[tuple[int, int]] = field(default_factory=frozenset)


def guarded(path: Path) -> tuple[Mapping[str, SheetMarks], list[Unfit]]:
    """Return what cells of each sheet hold besides values, and why the workbook must not be opened."""
    size = path.stat().st_size
    if size > FILE_BYTES_MAX:
        return {}, [Unfit("large", f"{size:,} B", f"{FILE_BYTES_MAX:,} B")]
    try:
        with zipfile.ZipFile(path) as archive:
            unsafe = _unsafe(archive, size)
            if unsafe:
                return {}, [Unfit("unsafe", unsafe)]
            return _marks(archive)
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        KeyError,
    ) as error:
        return {}, [Unfit("broken", _said(error))]
    except ET.ParseError as error:
        return {}, [Unfit("broken", f"XML: {error}")]


def _said(error: Exception) -> str:
    """Return an error of the archive in few words."""
    return "not a zip" if isinstance(error, zipfile.BadZipFile) and "not a zip" in str(error) else str(error)


def _unsafe(archive: zipfile.ZipFile, size: int) -> str:
    """Return why the archive is not safe to unpack, or nothing."""
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > PARTS_MAX:
        return f"{len(parts)} parts, at most {PARTS_MAX}"
    if unpacked > UNPACKED_BYTES_MAX:
        return f"{unpacked:,} B unpacked, at most {UNPACKED_BYTES_MAX:,} B"
    if unpacked > _SMALL and unpacked > RATIO_MAX * size:
        return f"packed 1:{unpacked // size}, at most 1:{RATIO_MAX}"
    if len({part.filename for part in parts}) < len(parts):
        return "two parts of one name"
    for part in parts:
        if part.filename.endswith((".xml", ".rels")) and _DTD.search(_utf8(archive.read(part))):
            return f"DTD in {part.filename}"
    return ""


def _utf8(xml: bytes) -> bytes:
    """Return an XML part as UTF-8 bytes.

    Errors:   ValueError when it says another encoding: the patterns here would not see through it.
    """
    head = xml[:200]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise ValueError("XML part is not UTF-8")
    declared = re.search(rb"encoding=[\"']([^\"']+)", head)
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        raise ValueError("XML part is not UTF-8")
    return xml


def _marks(archive: zipfile.ZipFile) -> tuple[Mapping[str, SheetMarks], list[Unfit]]:
    """Return the marks of every sheet, or why one of them is too large."""
    found: dict[str, SheetMarks] = {}
    unfit: list[Unfit] = []
    for name, part in _sheet_parts(archive).items():
        xml = archive.read(part)
        rows = max((int(row) for row in _FAR_ROW.findall(xml)), default=0)
        if rows > ROWS_MAX + 1:
            unfit.append(Unfit("large", f"{rows:,} rows", f"{ROWS_MAX:,}", name))
        elif far := _FAR_COLUMN.search(xml):
            unfit.append(Unfit("large", f"column {far[1].decode()}", str(COLUMNS_MAX), name))
        else:
            found[name] = _marks_in(xml)
    return found, unfit


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the part of each sheet by the sheet's name."""
    book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - no DTD, see above
    relations = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    targets = {each.get("Id", ""): each.get("Target", "") for each in relations}
    found = {}
    for sheet in book.iter(f"{_MAIN}sheet"):
        target = targets.get(sheet.get(_RELATION, ""), "")
        part = target.lstrip("/") if target.startswith("/") else normpath(f"xl/{target}")
        found[sheet.get("name", "")] = part
    return found


def _marks_in(xml: bytes) -> SheetMarks:
    """Return the cells of one sheet that hold a formula or an error."""
    if b"<f" not in xml and b":f" not in xml and b't="e"' not in xml:
        return SheetMarks()
    formulas, errors = set(), set()
    at = (0, 0)
    for each in _CELL_OR_FORMULA.finditer(xml):
        if each["cell"] is None:
            formulas.add(at)
            continue
        reference = _REFERENCE.search(each["cell"])
        at = (int(reference[2]), _column_number(reference[1])) if reference else (0, 0)
        if b't="e"' in each["cell"]:
            errors.add(at)
    return SheetMarks(frozenset(formulas), frozenset(errors))


def _column_number(letters: bytes) -> int:
    """Return the number of a column from its letters.

    >>> _column_number(b"A"), _column_number(b"AB")
    (1, 28)
    """
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
