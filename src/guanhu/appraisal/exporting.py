"""Exporting a kept run: the bank's workbook, csv files, or the run's own Parquet tables.

An export is written under a name that begins with a dot and renamed: it is there whole or not at all.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from guanhu.appraisal.corrections import COLUMNS, path_of
from guanhu.appraisal.pages.kept import KeptRun
from guanhu.appraisal.pages.sheet import Cell, Sheet
from guanhu.appraisal.pages.sheets import Sheets
from guanhu.appraisal.running import EngineMaker
from guanhu.appraisal.runs import TABLES, RunFolder
from guanhu.appraisal.workbook import write_workbook
from guanhu.facts.bad_rows import escaped
from guanhu.rulebook.run.template import filled
from guanhu.values.exact import shown

FORMATS = ("xlsx", "csv", "parquet")
IDENTITY = "run.json"
DIGEST_HEADING = "结果摘要"


def export_run(make_engine: EngineMaker, bank: Path, run: RunFolder, format_: str, out: Path) -> Path:
    """Write a kept run as `xlsx` (one file), `csv` or `parquet` (a folder each) and return where it is.

    Errors:   Refused RUN045 a run that was changed by hand, OSError when it cannot be written, FileExistsError when `out` is a folder that is no earlier
              export; ValueError for another format.
    """
    if format_ not in FORMATS:
        raise ValueError(f"{format_} is none of {FORMATS}")
    run.verify()
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    _removed(partial)
    try:
        if format_ == "parquet":
            partial.mkdir()
            for name in TABLES:
                # A run that was kept before there were corrections has fewer tables.
                if run.table(name).is_file():
                    shutil.copyfile(run.table(name), partial / f"{name}.parquet")
            shutil.copyfile(run.path / IDENTITY, partial / IDENTITY)
        else:
            engine = make_engine()
            try:
                kept = KeptRun(engine, bank, run)
                if format_ == "xlsx":
                    write_workbook(kept, partial)
                else:
                    _write_csv(kept, partial)
            finally:
                engine.close()
        _put_in_place(partial, out)
    finally:
        _removed(partial)
    return out


def corrections_of(make_engine: EngineMaker, run: RunFolder) -> list[dict[str, object]]:
    """Return a run's corrections as plain data, amounts in fen; null is unknown or was never published."""
    engine = make_engine()
    try:
        query = filled("SELECT * FROM read_parquet(:path) ORDER BY ALL", path=path_of(run, "corrections"))
        rows = engine.rows(query)
    finally:
        engine.close()
    return [
        {name: int(x) if isinstance(x, Decimal) else x for name, x in zip(COLUMNS, row, strict=True)}
        for row in rows
    ]


def _write_csv(kept: KeptRun, folder: Path) -> None:
    folder.mkdir()
    sheets = Sheets(kept)
    digest = kept.record["digest"]
    for sheet in (*sheets.every(), sheets.measures()):
        _write_sheet(folder / f"{sheet.code}.csv", sheet, digest)
    (folder / IDENTITY).write_text(json.dumps(kept.record, ensure_ascii=False, indent=1), encoding="utf-8")


def _write_sheet(path: Path, sheet: Sheet, digest: str) -> None:
    """Write a sheet with a byte order mark, by which a spreadsheet knows that the text is UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(escaped(column.heading) for column in sheet.columns), DIGEST_HEADING])
        writer.writerows([*map(_written, row), digest] for row in sheet.rows())


def _written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Fraction() | int():
            return shown(Fraction(cell))
        case date():
            return cell.isoformat()
        case str():
            return escaped(cell)


def _put_in_place(partial: Path, out: Path) -> None:
    """Rename the export to its name, in place of an earlier one of the same kind."""
    if out.is_dir():
        if partial.is_file() or not ((out / IDENTITY).is_file() or _is_empty(out.iterdir())):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(out))
        earlier = out.parent / f".{out.name}.earlier-{os.getpid()}"
        out.rename(earlier)
        partial.rename(out)
        _removed(earlier)
        return
    if partial.is_dir() and out.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(out))
    partial.replace(out)


def _is_empty(found: Iterable[Path]) -> bool:
    return next(iter(found), None) is None


def _removed(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
