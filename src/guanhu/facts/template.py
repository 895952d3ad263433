"""A workbook to be filled in: a sheet for each kind of fact that is needed, `coverage.yaml` beside it.

Headings are Chinese, one row, frozen; columns of ids are text, so that no leading zero is lost; columns
with few allowed values offer them. The notes sheet says of every column how it is written.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guanhu.facts.coverage import FILE_NAME
from guanhu.facts.folder import NOTES_SHEET
from guanhu.facts.problems import problem
from guanhu.files.paper import for_paper, text_width
from guanhu.files.workbook_guard import ROWS_MAX
from guanhu.kinds.catalogue import CATALOGUE, event_kind
from guanhu.kinds.schema import Column, Dated, Kind
from guanhu.values.dates import Span
from guanhu.values.problem import Place, Refused

FILL_IN = "YYYY-MM-DD"
"""What stands for a day that the template cannot know; an import answers it with a problem."""
SHEET_NAME_MAX = 31
HEADING_HEIGHT, LINE_HEIGHT = 22, 15
_WRITTEN = {
    "text": ("文字", "text"),
    "id": ("编号, 文本格式, 不含空格", "an id as text, without blanks"),
    "choice": ("名称", "a name"),
    "date": ("日期, 如 2025-01-31", "a date, 2025-01-31"),
    "money": ("金额, 元, 最多两位小数", "yuan, at most two decimals"),
    "rate": ("利率, 如 2.275%", "a rate, 2.275%"),
    "share": ("比例, 如 60% 或 1/3", "a share, 60% or 1/3"),
    "number": ("数值, 最多六位小数", "a number, at most six decimals"),
    "count": ("整数", "a whole number"),
    "yesno": ("是 / 否", "yes / no"),
}
_FORMATS = {"date": "yyyy-mm-dd", "money": "0.00", "number": "General", "count": "0"}
_HOW_DATED = {
    Dated.SPAN: ("一行管一段日子; 截止日空着表示至今", "a row holds from its first to its last day"),
    Dated.CHANGE: (
        "一行管到同一编号的下一行为止; 覆盖范围的第一天要有起始行",
        "a row holds until the next of its key; the first covered day needs an opening row",
    ),
    Dated.DAY: ("一行是一天的一笔", "a row is one event on one day"),
    Dated.ENTITY: ("一个编号一行", "one row for each id"),
}


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """A parameter that a rulebook leaves to the bank: its place, and what is said about it."""

    rulebook: str
    input: str
    keys: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure, parameter or decision that a rulebook asks for by name, and what is to be written for it."""

    kind: str
    name: str
    zh: str
    en: str


def write_template(
    path: Path | str,
    kinds: Sequence[Kind],
    events: Sequence[Kind] = (),
    parameters: Sequence[ParameterRow] = (),
    asked: Sequence[Asked] = (),
    *,
    covers: Span | None = None,
) -> Path:
    """Write the workbook at `path` (or `facts.xlsx` in that folder) and return its path.

    `coverage.yaml` is written beside it, with the days of `covers` or with days to be filled in. The notes tell of
    each thing in `asked` what is to be written.

    Errors:   Refused FAC092 where one of the two stands there already and says something else: it may have been filled in;
              OSError when it cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() != ".xlsx":
        target = target / "facts.xlsx"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".template-", dir=target.parent) as folder:
        made = Path(folder) / target.name
        beside = Path(folder) / FILE_NAME
        wanted = _write_workbook(made, kinds, events, parameters, asked)
        beside.write_text(coverage_text(wanted, covers), "utf-8")
        there = [
            target.parent / each.name for each in (made, beside) if _stands_otherwise(target.parent, each)
        ]
        if there:
            raise Refused([problem("FAC092", Place(str(each))) for each in there])
        made.replace(target)
        beside.replace(target.parent / FILE_NAME)
    return target


def _stands_otherwise(folder: Path, made: Path) -> bool:
    """Tell whether a file of that name is in the folder and is not the same."""
    known = folder / made.name
    return known.exists() and (not known.is_file() or known.read_bytes() != made.read_bytes())


def _write_workbook(
    target: Path,
    kinds: Sequence[Kind],
    events: Sequence[Kind],
    parameters: Sequence[ParameterRow],
    asked: Sequence[Asked],
) -> list[Kind]:
    """Write the workbook, the same bytes for the same needs, and return the kinds that it has sheets for."""
    import xlsxwriter  # noqa: PLC0415 - only who writes a workbook pays for it

    order = {kind.name: index for index, kind in enumerate(CATALOGUE)}
    wanted = sorted(
        {kind.name: kind for kind in kinds}.values(), key=lambda kind: order.get(kind.name, len(order))
    )
    wanted += [kind for kind in events if kind.name not in {each.name for each in wanted}]
    # A fixed moment, so that the same template is the same file.
    with xlsxwriter.Workbook(str(target), {"strings_to_formulas": False}) as book:
        book.set_properties({"created": dt.datetime(2025, 1, 1)})  # noqa: DTZ001 - the format has no zone
        formats = _formats(book)
        _notes_sheet(book, formats, wanted, asked)
        for kind in wanted:
            sheet = _kind_sheet(book, formats, kind)
            if kind.name == "parameters":
                _fill_parameters(sheet, kind, parameters)
    return wanted


def _formats(book: Any) -> dict[str, Any]:
    """Return the cell formats by the type of column, and those of headings."""
    found = {name: book.add_format({"num_format": _FORMATS.get(name, "@")}) for name in _WRITTEN}
    found["required"] = book.add_format({"bold": True, "bg_color": "#DDEBF7", "bottom": 1})
    found["optional"] = book.add_format({"bg_color": "#F2F2F2", "bottom": 1})
    found["wrapped"] = book.add_format({"text_wrap": True, "valign": "top"})
    return found


def sheet_name(kind: Kind) -> str:
    """Return the name of a kind's sheet: Chinese, unless a spreadsheet cannot have such a name."""
    is_fit = 0 < len(kind.zh) <= SHEET_NAME_MAX and not re.search(r"[\[\]:*?/\\]|^'|'$", kind.zh)
    return kind.zh if is_fit else kind.name


def _kind_sheet(book: Any, formats: dict[str, Any], kind: Kind) -> Any:
    """Add the sheet of one kind."""
    sheet = book.add_worksheet(sheet_name(kind))
    sheet.freeze_panes(1, 0)
    for index, column in enumerate(kind.file_columns):
        sheet.set_column(index, index, max(14, 2 * len(column.zh) + 4), formats[column.type])
        heading = "required" if column.required else "optional"
        sheet.write_string(0, index, column.zh, formats[heading])
        listed = column.allowed_zh or column.allowed or (("是", "否") if column.type == "yesno" else ())
        rule: dict[str, Any]
        if listed:
            rule = {"validate": "list", "source": list(listed)}
        elif column.type == "date":
            rule = {
                "validate": "date",
                "criteria": ">=",
                "value": dt.date(1900, 1, 1),
                "error_type": "warning",
            }
        else:
            continue
        sheet.data_validation(1, index, ROWS_MAX, index, rule)
    _for_paper(sheet)
    return sheet


def _for_paper(sheet: Any) -> None:
    """Set a sheet for A4: as wide as the page, its headings on each."""
    sheet.set_row(0, HEADING_HEIGHT)
    sheet.repeat_rows(0)
    for_paper(sheet)


def _fill_parameters(sheet: Any, kind: Kind, parameters: Sequence[ParameterRow]) -> None:
    """Write the parameters to be filled in, value and days left empty."""
    at = {column.name: index for index, column in enumerate(kind.file_columns)}
    for row, each in enumerate(parameters, start=1):
        sheet.write_string(row, at["rulebook"], each.rulebook)
        sheet.write_string(row, at["input"], each.input)
        sheet.write_string(row, at["keys"], each.keys)
        if each.note:
            sheet.write_comment(row, at["value"], each.note)


def _notes_sheet(book: Any, formats: dict[str, Any], kinds: Sequence[Kind], asked: Sequence[Asked]) -> None:
    """Add the sheet that explains the others."""
    sheet = book.add_worksheet(NOTES_SHEET)
    headings = ("工作表", "列", "column", "必填", "怎样填", "how it is written")
    widths = (16, 16, 18, 6, 46, 46)
    for index, (heading, width) in enumerate(zip(headings, widths, strict=True)):
        sheet.set_column(index, index, width, formats["wrapped"])
        sheet.write_string(0, index, heading, formats["required"])
    sheet.freeze_panes(1, 0)
    row = 1
    for kind in kinds:
        how_zh, how_en = _HOW_DATED[kind.dated]
        lines = [("", kind.name, "", "。".join(filter(None, (how_zh, kind.note_zh))), kind.note_en or how_en)]
        for column in kind.file_columns:
            zh, en = _how(column)
            lines.append((column.zh, column.name, "是" if column.required else "", zh, en))
        lines += [(each.name, each.name, "是", each.zh, each.en) for each in asked if each.kind == kind.name]
        for line in lines:
            for index, text in enumerate((sheet_name(kind), *line)):
                sheet.write_string(row, index, text)
            # Not every program makes a row as high as its wrapped text needs.
            height = max(-(-text_width(x) // width) for x, width in zip(line, widths[1:], strict=True))
            sheet.set_row(row, LINE_HEIGHT * max(height, 1))
            row += 1
    sheet.autofilter(0, 0, max(row - 1, 1), len(headings) - 1)
    _for_paper(sheet)


def _how(column: Column) -> tuple[str, str]:
    """Return how a column is written, in two languages."""
    zh, en = _WRITTEN[column.type]
    listed = column.listed
    return (
        "; ".join(filter(None, (zh, listed, column.note_zh))),
        "; ".join(filter(None, (en, listed, column.note_en))),
    )


def coverage_text(kinds: Sequence[Kind], covers: Span | None = None) -> str:
    """Return the text of `coverage.yaml` for these kinds; days that are not known are to be filled in."""
    first, last = (str(covers.start), str(covers.last_day)) if covers else (FILL_IN, FILL_IN)
    moving = [kind.name for kind in kinds if kind.dated is not Dated.ENTITY]
    things = [kind.name for kind in kinds if kind.dated is Dated.ENTITY]
    lines = [
        "# 这批数据覆盖哪些日子, 两端都含当日。范围之内, 文件没有写的就是没有。",
        "# The days that these files cover, both included. Inside them, what the files do not say is not so.",
        "coverage:",
    ]
    lines += [
        f"  - {{kinds: [{', '.join(group)}], from: {first}, to: {last}}}"
        for group in (moving, things)
        if group
    ]
    declared = [kind for kind in kinds if kind.declared]
    if declared:
        lines.append("events:")
    common = {column.name for column in event_kind("x", "x", ()).columns}
    for kind in declared:
        own = [_declared(column) for column in kind.columns if column.name not in common]
        name = kind.name.removeprefix("event_")
        lines.append(f"  {name}: {{name: {_quoted(kind.zh)}, columns: {{{', '.join(own)}}}}}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return text as a YAML scalar, quoted unless it is one word (JSON text is YAML)."""
    return text if re.fullmatch(r"\w+", text) else json.dumps(text, ensure_ascii=False)


def _declared(column: Column) -> str:
    """Return one own column of an event as `coverage.yaml` declares it."""
    parts = [f"type: {column.type}", f"zh: {_quoted(column.zh)}"]
    parts += ["required: yes"] if column.required else []
    parts += [f"allowed: [{', '.join(map(_quoted, column.allowed))}]"] if column.allowed else []
    return f"{column.name}: {{{', '.join(parts)}}}"
