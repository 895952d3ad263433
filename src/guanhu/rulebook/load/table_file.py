"""The rows of a table from a csv or xlsx file beside the rulebook: each cell as the text that YAML would hold.

`rows: {file: prices.csv}` or `rows: {file: prices.xlsx, sheet: 卡价, headings: {品名: product}}`. The first
row holds the headings; a problem tells file, row and column.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from guanhu.files.csv_records import SEPARATORS, records
from guanhu.files.encoding import encoding_of, surveyed, transcoded
from guanhu.files.sheets import EXACT_MAX, HEADING_ROW, Sheet, sheets_of
from guanhu.kinds.catalogue import CATALOGUE
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.text import Fields, Items, Text, Tree
from guanhu.values.problem import Place

SUFFIXES = (".csv", ".xlsx")
ROWS_MAX = 5_000
CSV_BYTES_MAX = 8 << 20
_UNSEEN = re.compile("[\x00-\x1f\x7f\u0085\u00a0\u2028\u2029\u3000\ufeff]")
REMARKS = ("备注", "note")
"""Headings of a column that is not read."""


class FileProblem(Exception):
    """A file or sheet that cannot be read as a whole: its code, its place and the sentence in both languages."""

    def __init__(
        self, code: str, place: Place, zh: str, en: str, hint_zh: str = "", hint_en: str = ""
    ) -> None:
        """Keep what is told."""
        self.told = (code, place, zh, en, hint_zh, hint_en)
        super().__init__(en)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell's text, or in `wrong` (zh, en) why it has none, and in `hint` what to do."""

    text: str
    place: Place
    wrong: tuple[str, str] = ("", "")
    hint: tuple[str, str] = ("写上一个值; 任意值写 any", "give it a value; for every value write any")


@dataclass(frozen=True, slots=True)
class _Row:
    place: Place
    cells: list[_Cell]

    @property
    def is_blank(self) -> bool:
        return not any(cell.text or cell.wrong[0] for cell in self.cells)


def rows_of_file(
    builder: Builder, reader: Reader, tree: Fields, wanted: Sequence[str]
) -> tuple[str, Tree | None]:
    """Return the file's name and its rows, cells in the order of `wanted` (the keys, then the columns).

    Errors:   RUL110 unreadable, RUL111 not safe, RUL112 another encoding, RUL113 headings, RUL114 a cell,
              RUL055 cells missing, or under no heading. None when nothing can be read; all are reported.
    """
    inner = Reader(tree, f"{reader.label} 的 rows", ("file", "sheet", "headings"), reader.problems)
    name, sheet = inner.required("file"), inner.text("sheet")
    own = inner.tree("headings")
    called = (
        {key: value.text for key, value in own if isinstance(value, Text)} if isinstance(own, Fields) else {}
    )
    shown = f"{name}[{sheet}]" if sheet else name
    memory = (name, sheet, *wanted, *called, *called.values())
    if memory not in builder.table_files:
        found: Tree | None = None
        try:
            path = _path(builder.folder, name, inner.place_of("file"))
            called = {**_usual_headings(builder, wanted), **called}
            rows = list(
                _csv_rows(path, name, called) if path.suffix == ".csv" else _sheet_rows(path, name, sheet)
            )
            found = _arranged(reader, rows, wanted, called, Place(name, sheet=sheet))
        except FileProblem as error:
            reader.add(*error.told)
        builder.table_files[memory] = found
    return shown, builder.table_files[memory]


def _path(folder: Path | None, name: str, place: Place) -> Path:
    """Return the path of a table file, which has to stand inside the rulebook's folder."""
    parts = PurePosixPath(name).parts
    inside = bool(parts) and not name.startswith("/") and "\\" not in name and ":" not in name
    if not inside or any(part.startswith(".") for part in parts) or not name.endswith(SUFFIXES):
        is_loud = name.lower().endswith(SUFFIXES) and not name.endswith(SUFFIXES)
        raise FileProblem(
            "RUL110",
            place,
            f"{name} 不能作表格文件",
            f"{name} cannot be a table file",
            "扩展名用小写 .csv 或 .xlsx: 把文件改名, 这里照写"
            if is_loud
            else "写办法文件夹里一份 .csv 或 .xlsx 的文件名, 如 rows: {file: 价目.csv}",
            "the ending is .csv or .xlsx in small letters: rename the file and write the same here"
            if is_loud
            else "name a .csv or .xlsx file in the rulebook's folder, such as rows: {file: prices.csv}",
        )
    path = (folder or Path()) / name
    if folder is not None and path.is_dir():
        raise FileProblem(
            "RUL110",
            place,
            f"{name} 是文件夹, 应当是文件",
            f"{name} is a folder; it is to be a file",
            "写文件夹里那份文件, 如 rows: {file: 价目/2025.csv}",
            "name the file in it, such as rows: {file: prices/2025.csv}",
        )
    if folder is not None and path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise FileProblem(
            "RUL110",
            place,
            f"{name} 是指向办法文件夹以外的链接, 没有读",
            f"{name} is a link out of the rulebook's folder and was not read",
            "把文件本身拷到 rulebook.yaml 旁边",
            "copy the file itself beside rulebook.yaml",
        )
    if folder is None or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise FileProblem(
            "RUL110",
            place,
            f"办法文件夹里没有文件 {name}",
            f"there is no file {name} in the rulebook's folder",
            "把它放在 rulebook.yaml 旁边",
            "put it beside rulebook.yaml",
        )
    return path


def _usual_headings(builder: Builder, wanted: Sequence[str]) -> dict[str, str]:
    """Return what each key may be called: by the Chinese name of its column, or by its own `name`."""
    found: dict[str, list[str]] = {}
    columns = [column for kind in CATALOGUE for column in kind.columns]
    for key in wanted:
        last = key.rpartition(".")[2]
        names = {column.zh for column in columns if column.name in (last, f"{last}_id")}
        for section in ("measures", "lines"):
            declared = builder.raw[section].get(key)
            title = declared.get("name") if isinstance(declared, Fields) else None
            names |= {title.text} if isinstance(title, Text) else set()
        for name in names - set(wanted):
            found.setdefault(name, []).append(key)
    return {name: keys[0] for name, keys in found.items() if len(keys) == 1}


def _arranged(
    reader: Reader, rows: list[_Row], wanted: Sequence[str], called: Mapping[str, str], place: Place
) -> Tree | None:
    """Return the rows below the headings, their cells in the order of `wanted`."""
    if not rows:
        raise FileProblem(
            "RUL110",
            place,
            "表格文件是空的, 应当有一行标题和 1 行以上",
            "the table file is empty; it is to have a row of headings and 1 row or more",
            f"第一行写标题 {'、'.join(wanted)}, 以下每行一条",
            f"write the headings {', '.join(wanted)} in the first row, and the rows below",
        )
    if len(rows) - 1 > ROWS_MAX:
        raise FileProblem(
            "RUL110",
            place,
            f"表格文件有 {len(rows) - 1} 行, 最多 {ROWS_MAX} 行",
            f"the table file has {len(rows) - 1} rows; it may have {ROWS_MAX}",
            "逐项的价目作为参数导入(inputs, 用 by 写键), 或按类分成几张表",
            "import prices of single things as parameters (inputs with `by`), or make several tables of it",
        )
    head, *below = rows
    before = len(reader.problems)
    at = _positions(reader, head, wanted, called)
    if len(reader.problems) > before:
        return None
    found: list[Tree] = []
    for row in below:
        texts = [_text(reader, row, head, at[name]) for name in wanted]
        if None not in texts and not _is_beyond(reader, row, head):
            found.append(Items(tuple(text for text in texts if text is not None), row.place))
    # The other rows are read on, so that all that is wrong is told at once.
    return Items(tuple(found), head.place) if found or len(reader.problems) == before else None


def _positions(
    reader: Reader, head: _Row, wanted: Sequence[str], called: Mapping[str, str]
) -> dict[str, int]:
    """Return in which cell of a row each key and column stands."""
    at: dict[str, int] = {}
    known = "、".join(wanted)
    for index, cell in enumerate(head.cells):
        name = cell.text if cell.text in wanted else called.get(cell.text, cell.text)
        if name in REMARKS or not cell.text:
            continue
        if name in wanted and name not in at:
            at[name] = index
            continue
        zh, en = (
            ("两列都叫", "two columns are called")
            if name in at
            else ("这张表没有列", "the table has no column")
        )
        reader.add(
            "RUL113",
            cell.place,
            f"{zh} {cell.text}",
            f"{en} {cell.text}",
            f"标题写 {known}; 不读的列标题写 备注, 别的叫法写在 headings 里",
            f"the headings are {known}; a column that is not read is headed note, other words go into headings",
        )
    for name in wanted:
        if name not in at:
            reader.add(
                "RUL113",
                head.place,
                f"第一行没有标题 {name}",
                f"the first row has no heading {name}",
                f"标题写 {known}",
                f"the headings are {known}",
            )
    return at


def _is_beyond(reader: Reader, row: _Row, head: _Row) -> bool:
    """Report the first cell that stands under no heading, as a comma without quotes makes one, and tell whether there is one."""
    headed = {index for index, cell in enumerate(head.cells) if cell.text}
    beyond = [
        cell for index, cell in enumerate(row.cells) if index not in headed and (cell.text or cell.wrong[0])
    ]
    if not beyond:
        return False
    reader.add(
        "RUL055",
        beyond[0].place,
        f"这一格上面没有标题: {beyond[0].text or beyond[0].wrong[0]}; 标题有 {len(headed)} 格",
        f"this cell stands under no heading: {beyond[0].text or beyond[0].wrong[1]}; there are {len(headed)} headings",
        '数不写千分位, 写 1000元; 含逗号的格要加引号, 如 "[0, 100)"; 不读的列标题写 备注',
        'write 1000元 without a comma; quote cells that hold one, such as "[0, 100)"; a column that is not read is headed note',
    )
    return True


def _text(reader: Reader, row: _Row, head: _Row, index: int) -> Text | None:
    """Return one cell as the text that YAML would hold, or report why it is none."""
    if index >= len(row.cells):
        have, want = len(row.cells), len(head.cells)
        reader.add(
            "RUL055",
            row.place,
            f"这一行有 {have} 格, 应当有 {want} 格",
            f"this row has {have} cells; it is to have {want}",
            "含逗号的格要加引号",
            "quote cells that hold a comma",
        )
        return None
    cell = row.cells[index]
    zh, en = cell.wrong
    if not zh and not cell.text:
        zh, en = "是空的", "is empty"
    elif not zh and _UNSEEN.search(cell.text):
        zh, en = "有换行、制表符或全角空格", "holds a line end, a tab or a full-width blank"
    if zh:
        reader.add(
            "RUL114",
            cell.place,
            f"这一格{zh}",
            f"this cell {en}",
            *cell.hint,
        )
        return None
    return Text(cell.text, cell.place)


# -- csv --


def _csv_rows(path: Path, shown: str, called: Mapping[str, str]) -> Iterator[_Row]:
    """Yield the rows of a csv file that are not blank, in whichever encoding and separator it has."""
    if path.stat().st_size > CSV_BYTES_MAX:
        raise FileProblem("RUL110", Place(shown), "表格文件太大", "the table file is too large")

    def known(text: str) -> int:
        return max(sum(heading in called for heading in _headings(text, each)) for each in SEPARATORS)

    survey = surveyed(path)
    encoding, start = encoding_of(survey, known)
    separator = max(SEPARATORS, key=lambda each: len(_headings(start, each)))
    with tempfile.TemporaryDirectory() as work:
        plain = Path(work) / "table.csv"
        try:
            bad = transcoded(path, encoding, plain)
        except UnicodeError:
            bad = [(1, "")]
        for line, seen in bad:
            raise FileProblem(
                "RUL112",
                Place(shown, line),
                f"这一行不是 {encoding} 编码: {seen}",
                f"this line is not {encoding}: {seen}",
                "整份文件用同一种编码 (UTF-8 或 GB18030) 重新导出",
                "export the whole file again in one encoding (UTF-8 or GB18030)",
            )
        for number, record in records(plain, separator):
            if record is None:
                raise FileProblem(
                    "RUL110",
                    Place(shown, number),
                    "从这一行开始的双引号没有配对",
                    "a double quote that opens in this line is not closed",
                    "内容里的双引号写成两个, 整格用双引号括起来",
                    "write a quote inside text twice and put the whole field in quotes",
                )
            cells = [
                _Cell(text.strip(" "), Place(shown, number, column, is_cell=True))
                for column, text in enumerate(record, 1)
            ]
            row = _Row(Place(shown, number), cells)
            if not row.is_blank:
                yield row


def _headings(text: str, separator: str) -> list[str]:
    """Return the headings of a csv text."""
    try:
        return [
            each.strip() for each in next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
        ]
    except csv.Error:
        return []


# -- workbooks --

_WHY = {
    "large": ("太大", "is too large"),
    "broken": ("打不开", "cannot be opened"),
    "unsafe": ("不安全, 没有读", "is not safe and was not read"),
}


def _sheet_rows(path: Path, shown: str, wanted: str) -> Iterator[_Row]:
    """Yield the rows of a workbook's sheet that are not blank."""
    sheets, unfit = sheets_of(path)
    for each in unfit:
        zh, en = _WHY[each.why]
        raise FileProblem(
            "RUL111" if each.why == "unsafe" else "RUL110",
            Place(shown, sheet=each.sheet),
            f"工作簿{zh}: {each.seen}",
            f"the workbook {en}: {each.seen}",
            "把表抄到一份空白工作簿, 不设密码, 另存为 xlsx",
            "copy the table into an empty workbook and save it as xlsx without a password",
        )
    sheet = _sheet(sheets, shown, wanted)
    for (first_row, first_column), _ in sheet.merged:
        raise FileProblem(
            "RUL110",
            Place(shown, first_row + 1, first_column + 1, sheet.name),
            "有合并的单元格",
            "there are merged cells",
            "取消合并, 每格都填",
            "unmerge them and fill each cell",
        )
    for number, cells in enumerate(sheet.rows, 1):
        row = _Row(
            Place(shown, number, sheet=sheet.name),
            [
                _sheet_cell(sheet, cell, Place(shown, number, column, sheet.name, is_cell=True))
                for column, cell in enumerate(cells, 1)
            ],
        )
        if not row.is_blank or number == HEADING_ROW:
            yield row


def _sheet(sheets: Sequence[Sheet], shown: str, wanted: str) -> Sheet:
    """Return the sheet that is meant: the named one, or the only one that is not hidden."""
    open_ones = [sheet for sheet in sheets if not sheet.is_hidden]
    found = [sheet for sheet in open_ones if sheet.name == wanted] if wanted else open_ones
    if len(found) == 1:
        return found[0]
    names = "、".join(sheet.name for sheet in open_ones)
    raise FileProblem(
        "RUL110",
        Place(shown),
        f"没有可见的工作表 {wanted}" if wanted else f"工作簿有 {len(open_ones)} 张可见的工作表, 没写是哪一张",
        f"there is no visible sheet {wanted}"
        if wanted
        else f"the workbook has {len(open_ones)} visible sheets; none is named",
        f"写 sheet: {names} 之一",
        f"write sheet: one of {names}",
    )


def _sheet_cell(sheet: Sheet, cell: Any, place: Place) -> _Cell:
    """Return a cell as the text that stands in it as a spreadsheet shows it with all its digits."""
    if (place.line, place.column) in sheet.marks.formulas:
        hint = ("复制这一列, 选择性粘贴为数值", "copy the column and paste it as values")
        return _Cell("", place, ("是公式", "is a formula"), hint)
    if (place.line, place.column) in sheet.marks.errors:
        hint = ("改成算得出的值", "give it a value that can be computed")
        return _Cell("", place, ("是错误值", "is an error"), hint)
    text = cell_text(cell)
    if text is None:
        hint = ("把这一格设为文本再写", "make it a cell of text and write it again")
        return _Cell("", place, ("的数超过 15 位或带钟点", "has more than 15 digits, or a time of day"), hint)
    return _Cell(text, place)


def cell_text(cell: Any) -> str | None:
    """Return the text of a workbook's cell; None when it carries more than a spreadsheet keeps.

    A number is the decimal that its 15 digits show, never the tail of its binary form.

    >>> [cell_text(cell) for cell in (60.0, 0.1 + 0.2, 1e-7, True, dt.date(2025, 2, 28), " 30% ", 1e15)]
    ['60', '0.3', '0.0000001', 'yes', '2025-02-28', '30%', None]
    """
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT_MAX:
            return None
        return str(int(cell)) if cell == cell // 1 else f"{Decimal(f'{cell:.15g}'):f}"
    if isinstance(cell, dt.datetime):
        return str(cell.date()) if cell.time() == dt.time() else None
    if isinstance(cell, dt.date):
        return str(cell)
    return None if isinstance(cell, dt.time | dt.timedelta) else str(cell).strip(" ")
