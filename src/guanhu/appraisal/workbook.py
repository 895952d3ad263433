"""A run as the bank's workbook: real numbers, Chinese headings, every cause in words, the digest in it.

Rows are written from top to bottom, so that a large run needs no memory for its cells. A sheet holds at
most 1,048,576 rows; a longer one goes on in a second sheet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

from guanhu.appraisal.pages.kept import KeptRun
from guanhu.appraisal.pages.sheet import NOT_OF_IT, Cell, Column, Row, Sheet
from guanhu.appraisal.pages.sheets import Sheets
from guanhu.facts.bad_rows import escaped
from guanhu.files.paper import for_paper, text_width
from guanhu.rulebook.print.sentence import EVERY
from guanhu.values.dates import in_beijing
from guanhu.values.exact import FEN_PER_YUAN, QUOTIENT_PLACES, round_half_away

ROWS_MAX = 1_048_000
LARGE = 20_000
TEXT_MAX = 32_000
PAGE_WIDTH = 190
"""So many half-width characters still print legibly across a landscape A4; a wider sheet takes more pages across."""
_LINE_HEIGHT = 15
_MARGINS = {"left": 2 / 5, "right": 2 / 5, "top": 1 / 2, "bottom": 3 / 5}
"""In inches."""
_FORMATS = {
    "money": "#,##0.00_ ",
    "money per year": "#,##0.00_ ",
    "money day": "#,##0.00_ ",
    "points": "#,##0.00##_ ",
    "ratio": "0.00%_ ",
    "annual rate": "0.0000%_ ",
    "count": "0_ ",
    "days": "0_ ",
    "date": "yyyy-mm-dd",
    "mixed": "#,##0.00##########_ ",
}
"""`_ ` leaves a blank behind a number, so that it does not touch the text of the next column."""
_NOTES = (
    "结果: 每个对象一行, 列是办法中最长周期的各行; 较短周期的计酬列出全期合计。",
    "各期: 较短周期的同样的表。",
    "明细行: 每个对象、每期、每一行一条; 期内岗位或机构有变动的, 另列各段。",
    "更正: 已发布各期按发布时的数列示, 重算与已付的差额列在这里, 计入本次运行的最后一期; 没有已发布的期间时没有这张表。",
    "检查、决定: 检查发现的事项和成立的决定。",
    "未参加: 谁没有参加考核, 为什么。",
    "对账: 各经理 + 无人管户 = 各机构 = 全行 = 总账; “不平”表示有差额, “不适用”的指标不能相加, 说明里写为什么。平不平按未取整的数判断, 各栏各自取到分, 相加可差一分。",
    "参数: 办法留给银行决定的数, 以及没有提供的。",
    "空白表示未知, 不是零; 原因写在“备注”或“未知的原因”一栏。“—”表示这一栏不适用于这个对象, 如别的考核对象的行。金额单位是元, 已取到分。",
    "同一份规则、同一期间、同一批数据, 任何时候重新运行, 摘要相同。",
)


def write_workbook(kept: KeptRun, path: Path) -> None:
    """Write the workbook of a kept run."""
    import xlsxwriter  # noqa: PLC0415 - only who writes a workbook pays for it

    ((count,),) = kept.rows("lines", "count(*)", "1")
    # No default date: the moment of the run, so that the same run gives the same file.
    made = in_beijing(kept.record["created_at"]).replace(tzinfo=None)
    options = {
        "constant_memory": count > LARGE,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_format_properties": {"font_name": "Microsoft YaHei", "font_size": 10},
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": made, "title": kept.rulebook.title, "author": "guanhu"})
        Writer(kept, book).write()


class Writer:
    """Writes the sheets of one run."""

    def __init__(self, kept: KeptRun, book: Any) -> None:
        """Take the run and the workbook, and make its formats."""
        self.kept = kept
        self.book = book
        top = {"valign": "top"}
        self.plain = book.add_format(top)
        self.wrapped = book.add_format({**top, "text_wrap": True})
        self.dash = book.add_format({**top, "align": "right", "indent": 1, "font_color": "#5B6675"})
        head = {
            "bold": True,
            "text_wrap": True,
            "valign": "vcenter",
            "bg_color": "#1B4F72",
            "font_color": "#FFFFFF",
            "border": 1,
            "border_color": "#D5DAE1",
        }
        self.head = book.add_format(head)
        self.row_line = book.add_format({"bottom": 1, "bottom_color": "#D5DAE1"})
        self.number_head = book.add_format({**head, "align": "right"})
        self.title = book.add_format({"bold": True, "font_size": 16, "font_color": "#1B4F72"})
        self.label = book.add_format({**top, "font_color": "#5B6675"})
        self.warning = book.add_format({"bold": True, "font_color": "#9B2C1F", "bg_color": "#FBF1EF"})
        self.numbers = {
            kind: book.add_format({**top, "num_format": form, "align": "left" if kind == "date" else "right"})
            for kind, form in _FORMATS.items()
        }

    def write(self) -> None:
        """Write all sheets; the notes first."""
        sheets = Sheets(self.kept)
        self.notes(sheets)
        for sheet in sheets.every():
            self.sheet(sheet)

    def notes(self, sheets: Sheets) -> None:
        """Write what this workbook is and how to read it."""
        record = self.kept.record
        page = self.book.add_worksheet("说明")
        page.hide_gridlines(2)
        page.set_column(0, 0, 18)
        page.set_column(1, 1, 90)
        page.write_string(0, 0, escaped(f"{self.kept.rulebook.title} 考核结果"), self.title)
        page.set_row(0, 28)
        readings = "、".join(name for name, how in record["readings"].items() if how == "other")
        counts = record["counts"]
        facts = (
            ("期间", record["period"].replace("..", " 至 ")),
            ("考核周期", EVERY[self.kept.rulebook.every]),
            ("考核对象", sheets.subjects_text()),
            ("参加考核", f"{counts['appraised']} 个"),
            ("其中未结清", f"{counts['not_settled']} 个"),
            ("未参加", f"{counts['left_out']} 个"),
            ("结果摘要", record["digest"]),
            ("运行编号", record["identity"]),
            ("规则摘要", record["rulebook_digest"]),
            ("数据截至", f"第 {record['facts_as_of']} 批, 摘要 {record['facts_digest']}"),
            ("疑点的另一种读法", readings or "没有采用"),
            ("运行时刻", f"{in_beijing(record['created_at']):%Y-%m-%d %H:%M:%S}(北京时间)"),
        )
        row = 2
        for label, text in facts:
            page.write_string(row, 0, label, self.label)
            page.write_string(row, 1, escaped(text), self.wrapped)
            row += 1
        for index, text in enumerate(_NOTES):
            page.write_string(row + 1 + index, 0, "如何读" if index == 0 else "", self.label)
            page.write_string(row + 1 + index, 1, text, self.wrapped)
            # Not every program makes a row as high as its wrapped text needs.
            page.set_row(row + 1 + index, _LINE_HEIGHT * -(-text_width(text) // 96))
        self.paper(page)

    def sheet(self, sheet: Sheet) -> None:
        """Write one sheet, and more of it when it is longer than a sheet may be."""
        rows = iter(sheet.rows())
        number = 1
        while True:
            first = next(rows, None)
            if first is None and number > 1:
                return
            part = chain([first] if first is not None else [], islice(rows, ROWS_MAX - 1))
            self.part(sheet, sheet.title if number == 1 else f"{sheet.title}{number}", part)
            number += 1

    def part(self, sheet: Sheet, title: str, rows: Iterator[Row]) -> None:
        """Write the rows of one sheet under its headings."""
        page = self.book.add_worksheet(title)
        for index, column in enumerate(sheet.columns):
            page.set_column(index, index, column.width)
            is_number = column.number not in ("", "date")
            page.write_string(0, index, escaped(column.heading), self.number_head if is_number else self.head)
        lines = max(-(-text_width(column.heading) // column.width) for column in sheet.columns)
        page.set_row(0, max(32, _LINE_HEIGHT * lines + 2))
        last = 0
        for last, row in enumerate(rows, 1):
            for index, (column, cell) in enumerate(zip(sheet.columns, row, strict=True)):
                self.cell(page, last, index, column, cell)
        page.freeze_panes(1, sheet.frozen)
        page.autofilter(0, 0, max(last, 1), len(sheet.columns) - 1)
        if sheet.code == "reconcile" and last:
            rule = {"type": "cell", "criteria": "==", "value": '"不平"', "format": self.warning}
            page.conditional_format(1, len(sheet.columns) - 1, last, len(sheet.columns) - 1, rule)
        page.repeat_rows(0)
        across = max(1, round(sum(column.width for column in sheet.columns) / PAGE_WIDTH))
        if across > 1 and sheet.frozen:
            page.repeat_columns(0, sheet.frozen - 1)
        if last:
            # One rule for the sheet instead of a border for each cell, the empty ones too.
            everywhere = {"type": "formula", "criteria": "=TRUE", "format": self.row_line}
            page.conditional_format(1, 0, last, len(sheet.columns) - 1, everywhere)
        self.paper(page, across)

    def paper(self, page: Any, across: int = 1) -> None:
        """Set the sheet for A4, so many pages across, with the digest at the foot of every page."""
        page.set_margins(**_MARGINS)
        for_paper(page, f"摘要 {self.kept.record['digest'][:12]}", across)

    def cell(self, page: Any, row: int, index: int, column: Column, cell: Cell) -> None:
        """Write one cell as what it is: a number, a date, or text that no spreadsheet takes for a formula."""
        match cell:
            case None | "":
                return
            case Fraction() | int():
                page.write_number(
                    row,
                    index,
                    cell_number(Fraction(cell), column.number),
                    self.numbers.get(column.number, self.plain),
                )
            case date():
                page.write_datetime(
                    row, index, datetime.combine(cell, datetime.min.time()), self.numbers["date"]
                )
            case str():
                form = self.wrapped if column.width >= 50 else self.plain
                page.write_string(
                    row, index, escaped(cell[:TEXT_MAX]), self.dash if cell == NOT_OF_IT else form
                )


def cell_number(value: Fraction, kind: str) -> float:
    """Return an exact value as a cell holds it.

    A cell of a workbook is a binary double: this is the one place where an exact figure becomes one, at
    the very edge and after every rounding. Money goes through whole fen, so that it is the double nearest
    to its two decimals; below 90 million million yuan no fen is lost.

    >>> cell_number(Fraction(12345, 100), "money"), cell_number(Fraction(1, 3), "ratio")
    (123.45, 0.333333333333)
    """
    if kind == "money":
        return int(round_half_away(value * FEN_PER_YUAN)) / FEN_PER_YUAN
    return float(round_half_away(value, QUOTIENT_PLACES))
