"""Tables beside the rulebook, as csv or xlsx: read as YAML scalars would be, refused with file, row and column."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path

import pytest
import xlsxwriter

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.folder import load, load_string
from guanhu.rulebook.print.document import write_document
from guanhu.values.problem import Problem

TEXT = """\
rulebook: t
name: 试行
calendar: {every: quarter}
who: {clause: 一, is: post = 客户经理}
words:
  posts: {of: post, are: [客户经理]}
  grades: {of: grade, are: [初级, 高级], ladder: yes}
inputs:
  base: {clause: 一, unit: ratio}
measures:
  deposits: {name: 存款余额, clause: 一, from: balances}
tables:
  rate: {clause: 一, by: [grade, deposits], gives: {rate: ratio, bonus: money}, rows: ROWS}
lines:
  pay: {clause: 一, pay: deposits * rate + rate.bonus}
"""
ROWS = ['[高级, "< 800万", 30%, 1.5元]', '[高级, ">= 800万", base + 4‰, 0元]', "[初级, any, 0.1, 800万元]"]
CSV = """\
等级,存款余额,rate,bonus
高级,< 800万,30%,1.5元

高级,≥ 800万,base + 4‰,0元
初级,any,0.1,800万元
"""


def opened(
    folder: Path, rows: str = "{file: 价目.csv}", files: dict[str, bytes] | None = None
) -> tuple[t.Rulebook | None, list[Problem]]:
    folder.mkdir(exist_ok=True)
    (folder / "rulebook.yaml").write_text(TEXT.replace("ROWS", rows), "utf-8")
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
    return load(folder)


def table_of(rulebook: t.Rulebook | None) -> list[tuple[object, ...]]:
    """Return cells and what they give, without their places."""
    assert rulebook is not None
    (version,) = rulebook.tables["rate"].versions
    return [(row.cells, *(shape_of(give) for give in row.gives)) for row in version.rows]


def shape_of(node: t.Expr) -> object:
    parts = [shape_of(x) for x in t.walk(node) if x is not node]
    return (type(node).__name__, getattr(node, "value", None), getattr(node, "name", None), parts)


def from_yaml() -> list[tuple[object, ...]]:
    return table_of(load_string(TEXT.replace("ROWS", f"[{', '.join(ROWS)}]"))[0])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_csv_says_what_the_rows_would(tmp_path: Path, encoding: str, separator: str) -> None:
    content = CSV.replace(",", separator).replace("≥", ">=").encode(encoding)
    rulebook, problems = opened(tmp_path, files={"价目.csv": content})
    assert problems == []
    assert [row[1:] for row in table_of(rulebook)] == [row[1:] for row in from_yaml()]
    assert [row[0] for row in table_of(rulebook)] == [row[0] for row in from_yaml()]


def test_headings_stand_in_any_order_and_a_remark_is_not_read(tmp_path: Path) -> None:
    content = 'bonus,rate,备注,档,grade\n0元,1%,随便,"[0, 100)",初级 | 高级\n'.encode()
    rulebook, problems = opened(tmp_path, "{file: a.csv, headings: {档: deposits}}", {"a.csv": content})
    assert problems == []
    assert rulebook is not None
    (row,) = rulebook.tables["rate"].versions[0].rows
    assert row.cells[0] == t.ChoiceCell(("初级", "高级"))
    assert isinstance(row.cells[1], t.RangeCell)
    assert (row.cells[1].low, row.cells[1].high) == (0, 100)


def workbook(path: Path, *rows: tuple[object, ...], name: str = "表", hidden: bool = False) -> bytes:
    book = xlsxwriter.Workbook(path / "made.xlsx")
    sheet = book.add_worksheet(name)
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, dt.date):
                sheet.write_datetime(at, column, cell, day)
            else:
                sheet.write(at, column, cell)
    if hidden:
        book.add_worksheet("另一张")
        book.get_worksheet_by_name("另一张").activate()
        sheet.hide()
    book.close()
    return (path / "made.xlsx").read_bytes()


HEAD = ("grade", "deposits", "rate", "bonus")


def test_a_number_of_a_workbook_is_the_decimal_it_shows(tmp_path: Path) -> None:
    rows = (
        HEAD,
        ("高级", "< 100万", 0.1, 0.1 + 0.2),
        ("高级", 1_000_000, 1e-7, 800),
        ("高级", "> 100万", "4‰", "800万元"),
        ("初级", "any", 0.07, 1234.56),
    )
    rulebook, problems = opened(tmp_path, "{file: a.xlsx}", {"a.xlsx": workbook(tmp_path, *rows)})
    assert problems == []
    assert rulebook is not None
    gives = [give.value for row in rulebook.tables["rate"].versions[0].rows for give in row.gives]  # type: ignore[union-attr]
    assert gives == [
        Fraction(x) for x in ("0.1", "0.3", "0.0000001", "800", "0.004", "8000000", "0.07", "1234.56")
    ]


BAD_CSV = {
    "an absent file": ("{file: 没有.csv}", {}, "RUL110", (0, 0), "没有文件"),
    "a file outside": ("{file: ../a.csv}", {}, "RUL110", (0, 0), "不能作表格文件"),
    "an absolute path": ("{file: /etc/a.csv}", {}, "RUL110", (0, 0), "不能作表格文件"),
    "another sort of file": ("{file: a.txt}", {"a.txt": b"x"}, "RUL110", (0, 0), "不能作表格文件"),
    "no heading": ("{file: a.csv}", {"a.csv": b"grade,deposits,rate\n"}, "RUL113", (1, 0), "bonus"),
    "an unknown heading": (
        "{file: a.csv}",
        {"a.csv": b"grade,deposits,rate,bonus,colour\n"},
        "RUL113",
        (1, 5),
        "colour",
    ),
    "a heading twice": (
        "{file: a.csv}",
        {"a.csv": b"grade,deposits,rate,bonus,rate\n"},
        "RUL113",
        (1, 5),
        "两列都叫",
    ),
    "nothing": ("{file: a.csv}", {"a.csv": b""}, "RUL110", (0, 0), "第一行写标题 grade、deposits、rate、bonus"),
    "too many rows": ("{file: a.csv}", {"a.csv": b"grade,deposits,rate,bonus\n" + b"a,any,1,1\n" * 5001}, "RUL110", (0, 0), "作为参数导入"),
    "loud letters": ("{file: a.CSV}", {"a.CSV": b"x"}, "RUL110", (0, 0), "用小写 .csv"),
    "a comma without quotes": ("{file: a.csv}", {"a.csv": "grade,deposits,rate,bonus\n初级,any,1%,1,000元\n".encode()}, "RUL055", (2, 5), "写 1000元; 含逗号的格要加引号"),
    "a comma under a blank heading": ("{file: a.csv}", {"a.csv": "grade,deposits,rate,bonus,\n初级,any,1%,1,000元\n".encode()}, "RUL055", (2, 5), "000元"),
    "only headings": ("{file: a.csv}", {"a.csv": b"grade,deposits,rate,bonus\n"}, "RUL013", (0, 0), "没有一行"),
    "an empty cell": ("{file: a.csv}", {"a.csv": "grade,deposits,rate,bonus\n初级,any,,1\n".encode()}, "RUL114", (2, 3), "空的"),
    "too few cells": ("{file: a.csv}", {"a.csv": "grade,deposits,rate,bonus\n初级,any,1\n".encode()}, "RUL055", (2, 0), "3 格"),
    "a broken formula": ("{file: a.csv}", {"a.csv": "grade,deposits,rate,bonus\n初级,any,1 +,1\n".encode()}, "RUL020", (2, 3), ""),
    "a wrong unit": ("{file: a.csv}", {"a.csv": "grade,deposits,rate,bonus\n初级,any,1元,1\n".encode()}, "RUL031", (2, 3), "ratio"),
    "an unknown choice": ("{file: a.csv}", {"a.csv": "grade,deposits,rate,bonus\n\n特级,any,1,1\n".encode()}, "RUL045", (3, 1), "特级"),
    "a range that is none": ("{file: a.csv}", {"a.csv": "grade,deposits,rate,bonus\n初级,多,1,1\n".encode()}, "RUL049", (2, 2), ""),
    "a row never reached": (
        "{file: a.csv}",
        {"a.csv": "grade,deposits,rate,bonus\n初级,any,1,1\n初级,< 5,1,1\n".encode()},
        "RUL053",
        (3, 0),
        "第 2 行",
    ),
    "an open quote": ("{file: a.csv}", {"a.csv": 'grade,deposits,rate,bonus\n"初级,any,1,1\n'.encode()}, "RUL110", (2, 0), "双引号"),
    "two encodings": (
        "{file: a.csv}",
        {"a.csv": "grade,deposits,rate,bonus\n初级,any,1,1\n".encode() + "高级,any,1,1\n".encode("gbk")},
        "RUL112",
        (2, 0),
        "编码",
    ),
    "a line end in a cell": ("{file: a.csv}", {"a.csv": 'grade,deposits,rate,bonus\n初级,any,"1\n+ 2",1\n'.encode()}, "RUL114", (2, 3), "换行"),
    "no workbook": ("{file: a.xlsx}", {"a.xlsx": b"PK nonsense"}, "RUL110", (0, 0), "打不开"),
    "an unknown key": ("{file: a.csv, page: 2}", {"a.csv": b""}, "RUL011", (12, 0), "page"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CSV)
def test_a_bad_file_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    rows, files, code, (line, column), word = BAD_CSV[case]
    rulebook, problems = opened(tmp_path / "it", rows, files)
    assert rulebook is None
    told = [p for p in problems if p.code == code]
    assert told, [p.text() for p in problems]
    assert word in told[0].text(), told[0].text()
    assert told[0].en
    if line and code != "RUL011":
        assert told[0].place.line == line
        assert told[0].place.column == column or not column
        assert told[0].place.file in files


BAD_SHEETS = {
    "a formula": (
        (HEAD, ("高级", "any", "=1+1", 1)),
        {},
        "RUL114",
        (2, 3),
        "选择性粘贴为数值",
    ),
    "a cell beside the table": (
        (HEAD, ("高级", "any", 1, 1, "", "看")),
        {},
        "RUL055",
        (2, 6),
        "没有标题: 看",
    ),
    "a long number": ((HEAD, ("高级", "any", 1, 1e15)), {}, "RUL114", (2, 4), "15 位"),
    "a hidden sheet": ((HEAD, ("高级", "any", 1, 1)), {"hidden": True}, "RUL110", (0, 0), "没有可见的工作表"),
    "a blank first row": ((("",), HEAD, ("高级", "any", 1, 1)), {}, "RUL113", (1, 0), "没有标题"),
}


@pytest.mark.parametrize("case", BAD_SHEETS)
def test_a_bad_sheet_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    rows, more, code, (line, column), word = BAD_SHEETS[case]
    content = workbook(tmp_path, *rows, **more)
    rulebook, problems = opened(tmp_path / "it", "{file: a.xlsx, sheet: 表}", {"a.xlsx": content})
    assert rulebook is None
    assert problems[0].code == code, problems[0].text()
    assert word in problems[0].text()
    assert (problems[0].place.line, problems[0].place.column) == (line, column)
    assert problems[0].place.file == "a.xlsx"


def test_a_bomb_is_not_opened(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * (30 << 20))
    content = (tmp_path / "bomb.xlsx").read_bytes()
    _, problems = opened(tmp_path / "it", "{file: a.xlsx}", {"a.xlsx": content})
    assert problems[0].code == "RUL111"
    assert "1:" in problems[0].zh


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_bytes(CSV.replace("≥", ">=").encode())
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "价目.csv").symlink_to(tmp_path / "secret.csv")
    _, problems = opened(tmp_path / "it")
    assert problems[0].code == "RUL110"
    assert "是指向办法文件夹以外的链接" in problems[0].zh
    (tmp_path / "it" / "表.csv").mkdir()
    _, problems = opened(tmp_path / "it", "{file: 表.csv}")
    assert (problems[0].code, "是文件夹" in problems[0].zh) == ("RUL110", True)


def test_blank_cells_at_the_end_of_a_row_are_nothing(tmp_path: Path) -> None:
    content = CSV.replace("≥", ">=").replace("元\n", "元,, \n").encode()
    rulebook, problems = opened(tmp_path, files={"价目.csv": content})
    assert problems == []
    assert table_of(rulebook) == from_yaml()


def test_without_a_folder_there_is_no_file() -> None:
    _, problems = load_string(TEXT.replace("ROWS", "{file: 价目.csv}"))
    assert problems[0].code == "RUL110"


def test_the_digest_covers_the_file(tmp_path: Path) -> None:
    content = CSV.replace("≥", ">=").encode()
    first, _ = opened(tmp_path, files={"价目.csv": content})
    second, _ = opened(tmp_path, files={"价目.csv": content.replace(b"1.5", b"1.6")})
    assert first is not None
    assert second is not None
    assert first.digest != second.digest


def test_print_shows_the_rows_and_their_file(tmp_path: Path) -> None:
    rulebook, _ = opened(tmp_path, files={"价目.csv": CSV.replace("≥", ">=").encode()})
    assert rulebook is not None
    write_document(rulebook, tmp_path, "md", tmp_path / "out.md")
    text = (tmp_path / "out.md").read_text("utf-8")
    assert "见文件 价目.csv" in text
    assert "8000000" in text.replace(",", "") or "800" in text
    assert text.count("高级") >= 2


def test_a_long_list_is_checked_quickly_for_rows_never_reached(tmp_path: Path) -> None:
    words = [f"p{number}" for number in range(3000)]
    text = TEXT.replace("by: [grade, deposits]", "by: [product]").replace(
        "lines:\n  pay: {clause: 一, pay: deposits * rate + rate.bonus}",
        "  paid: {clause: 一, from: balances, each: balance * rate}\nlines:\n  pay: {clause: 一, pay: paid}",
    )
    text = text.replace("measures:\n  deposits", "measures:\n  deposits", 1)
    text = text.replace("words:\n", f"words:\n  p: {{of: product, are: [{', '.join(words)}]}}\n")
    head, _, tables = text.partition("tables:\n")
    table, _, rest = tables.partition("  paid:")
    text = head + "  paid:" + rest.replace("lines:", f"tables:\n{table}lines:", 1)
    text = text.replace("ROWS", "{file: a.csv}")
    (tmp_path / "rulebook.yaml").write_text(text, "utf-8")
    rows = "".join(f"{word},1%,1\n" for word in words)
    (tmp_path / "a.csv").write_text(f"产品,rate,bonus\n{rows}p7,2%,1\n", "utf-8")
    rulebook, problems = load(tmp_path)
    assert rulebook is None
    assert [(p.code, p.place.line) for p in problems] == [("RUL053", 3002)]


def test_all_bad_cells_are_told_at_once(tmp_path: Path) -> None:
    content = "grade,deposits,rate,bonus\n初级,any,,1\n高级,any,1元,1\n".encode()
    _, problems = opened(tmp_path, "{file: a.csv}", {"a.csv": content})
    assert [(p.code, p.place.line, p.place.column) for p in problems] == [("RUL114", 2, 3), ("RUL031", 3, 3)]
