"""The printed regulation holds everything that its tree says, in every format, and nothing of it is markup."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path

import pytest
import typst
import yaml

from guanhu.cli.starter import write_starter
from guanhu.rulebook import tree as t
from guanhu.rulebook.load.folder import load, load_string
from guanhu.rulebook.print.blocks import Page, Text, plain, write_whole
from guanhu.rulebook.print.document import document, write_document
from guanhu.rulebook.print.html import html
from guanhu.rulebook.print.markdown import escaped, markdown
from guanhu.rulebook.print.pdf import TEMPLATE, fonts, page_json, pdf
from guanhu.rulebook.print.reading_back import read_back
from guanhu.values.exact import shown

RULEBOOKS = sorted((Path(__file__).resolve().parents[3] / "rulebooks").glob("*/rulebook.yaml"))


def opened(folder: Path) -> t.Rulebook:
    rulebook, problems = load(folder)
    assert rulebook is not None, [p.text("en") for p in problems]
    return rulebook


@cache
def printed(folder: Path) -> tuple[t.Rulebook, Page]:
    rulebook = opened(folder)
    return rulebook, document(rulebook, folder)


def declared(rulebook: t.Rulebook) -> Iterator[t.Declaration]:
    for store in (
        rulebook.groups,
        rulebook.words,
        rulebook.inputs,
        rulebook.tables,
        rulebook.measures,
        rulebook.lines,
        rulebook.decisions,
        rulebook.ledgers,
    ):
        yield from (x for key, x in store.items() if " over " not in key)


def formulas(each: t.Declaration) -> Iterator[t.Expr]:
    """Yield every expression directly inside a declaration, the rows of a table included."""
    for field in dataclasses.fields(each):
        value = getattr(each, field.name)
        if isinstance(value, t.Node):
            yield value  # type: ignore[misc]
    if isinstance(each, t.Table):
        for version in each.versions:
            yield from (give for row in version.rows for give in row.gives)
        yield from each.no_row or ()


def numbers(node: t.Expr) -> Iterator[str]:
    """Yield every number and choice of an expression as the text writes it."""
    for x in t.walk(node):
        match x:
            case t.Const():
                yield from (part.lstrip("-") for part in re.split(r" × |1/", x.text) if part)
            case t.WordConst():
                yield x.value
            case t.DateConst():
                yield x.value.isoformat()
            case t.In():
                yield from x.choices
            case t.Steps():
                yield x.size_text
            case t.Round():
                yield str(x.places)
            case t.Times():
                yield str(x.last)
            case t.Group() if x.least_size > 1:
                yield str(x.least_size)
            case t.Cases():
                yield from (case.clause for case in x.cases if case.clause)
            case _:
                pass


def said_by(each: t.Declaration) -> Iterator[str]:
    """Yield what the print of a declaration must hold."""
    yield from (x for x in (each.title, each.clause, each.assume) if x)
    if each.doubt is not None:
        # What only points to another doubt of the same name is printed in full.
        yield from (x for x in (each.doubt.name, each.doubt.says) if x != "同上")
    for root in formulas(each):
        yield from numbers(root)
    match each:
        case t.ChoiceSet():
            yield from each.choices
        case t.Input():
            yield each.id
            percent = each.unit.kind in ("ratio", "annual rate")
            yield from (shown(x * 100 if percent else x) for x in (each.low, each.high) if x is not None)
        case t.Table():
            yield from cells(each)
        case t.Measure():
            yield from (str(day) for day in each.take.days if day)
            yield from (x for x in (each.book, each.role) if x)
            yield from (str(x) for x in (each.window.months, each.round_to) if x)
        case t.FigureMeasure():
            yield each.item
        case t.Line() | t.Decision():
            yield from (x for x in (each.text,) if x)
            yield from (str(x) for x in (getattr(each, "for_days", 0), each.once and each.once.months) if x)


def cells(table: t.Table) -> Iterator[str]:
    yield from (version.start.isoformat() for version in table.versions if version.start.year > 1)
    for cell in (c for v in table.versions for row in v.rows for c in row.cells):
        if isinstance(cell, t.ChoiceCell):
            yield from cell.choices
        elif isinstance(cell, t.RangeCell):
            yield cell.text


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.parent.name)
def test_everything_that_the_tree_says_is_printed(path: Path) -> None:
    rulebook, page = printed(path.parent)
    text = "\n".join([page.title, *(x for fact in page.facts for x in fact), *plain(page.blocks)])
    wanted = [piece for each in declared(rulebook) for piece in said_by(each)]
    wanted += [*rulebook.out_of_scope, *rulebook.out_of_scope.values(), rulebook.preamble.strip()]
    wanted += [column.zh for kind in rulebook.events.values() for column in kind.columns[6:]]
    wanted += [rulebook.title, rulebook.digest[:12]]
    assert sorted({piece for piece in wanted if piece not in text}) == []
    assert len(wanted) > 50


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.parent.name)
def test_html_and_markdown_say_what_the_blocks_say(path: Path) -> None:
    _, page = printed(path.parent)
    pieces = [x for x in plain(page.blocks) if x]
    words = unescape(re.sub(r"<[^>]*>", "\n", html(page)))
    # A mark is set as label and text apart.
    assert [x for x in pieces if x not in words and any(y not in words for y in x.split(": "))] == []
    text = markdown(page)
    lines = [line for x in pieces for part in x.split(": ") for line in part.splitlines()]
    assert [x for x in lines if escaped(x) not in text and escaped(x).replace("|", "\\|") not in text] == []


def test_the_pdf_holds_the_same_blocks_and_is_the_same_each_time() -> None:
    _, page = printed(RULEBOOKS[0].parent)
    options = {"font_paths": [str(fonts())], "ignore_system_fonts": True}
    pages = typst.compile(str(TEMPLATE), format="svg", sys_inputs={"page": page_json(page)}, **options)
    assert isinstance(pages, list)
    assert len(pages) >= 2
    content = pdf(page)
    assert content.startswith(b"%PDF")
    assert content == pdf(page)


def test_no_text_of_a_rulebook_is_markup(tmp_path: Path) -> None:
    write_starter(tmp_path)
    path = tmp_path / "rulebook.yaml"
    nasty = "<script>alert(1)</script> *重* #let x = 1 | [a](b) `c` $x$ @ref"
    path.write_text(path.read_text("utf-8").replace("name: 增长得分", f"name: '{nasty}'"), "utf-8")
    page = document(opened(tmp_path), tmp_path)
    assert nasty in list(plain(page.blocks))
    assert "<script" not in html(page)
    assert escaped(nasty) in markdown(page)
    assert r"\*重\*" in markdown(page)
    assert pdf(page).startswith(b"%PDF")


RARE = ["䶮", "𠮷", "😀", "\x07", "\x00", "\u202e", "\ue000"]


@pytest.mark.parametrize("name", RARE, ids=ascii)
def test_a_rare_or_broken_character_never_stops_a_page(name: str) -> None:
    page = Page(title=name, subtitle="", running=name, foot=name, blocks=(Text(f"甲{name}乙"),))
    assert pdf(page).startswith(b"%PDF")
    shown_as = name if name.isprintable() else "〓"
    assert f"甲{shown_as}乙" in html(page)
    assert f"甲{shown_as}乙" in markdown(page)


def test_a_name_that_two_rules_share_is_said_with_its_number(tmp_path: Path) -> None:
    write_starter(tmp_path)
    path = tmp_path / "rulebook.yaml"
    path.write_text(path.read_text("utf-8").replace("name: 上年存款日均", "name: 存款日均"), "utf-8")
    text = "\n".join(plain(document(opened(tmp_path), tmp_path).blocks))
    assert re.search(r"“存款日均〔(\d)\.1〕”比“存款日均〔\1\.2〕”的增长率", text)


def test_the_other_reading_of_a_doubt_is_printed(tmp_path: Path) -> None:
    write_starter(tmp_path)
    path = tmp_path / "rulebook.yaml"
    doubt = "    doubt: {name: 满分, says: 没有写满分, other: {most: 120}}\n    most: 100"
    path.write_text(path.read_text("utf-8").replace("    most: 100", doubt), "utf-8")
    text = "\n".join(plain(document(opened(tmp_path), tmp_path).blocks))
    assert re.search(r"另一种读法: .*最高 120", text)
    rulebook, _ = load(tmp_path, {"满分": "other"})
    assert rulebook is not None
    other = "\n".join(plain(document(rulebook, tmp_path).blocks))
    assert "最低 0; 最高 120" in other
    assert "(这里取另一种读法)" in other


CHANGES = [
    ("10%, 1%, completed", "11%, 1%, completed", "a number"),
    ("10%, 1%, completed", "10%, 1%, started", "how steps are counted"),
    ("least: 0\n", "least: 1\n", "a bound"),
    ("spells", "spells", "nothing"),
    ("by: [grade]", "by: [post]", "the key of an input"),
    ("[0, 1%]", "[0, 2%]", "what is allowed"),
    ("take: daily average", "take: at end", "how a measure is taken"),
    ("over: base of last year", "over: last year", "a window"),
    ("streak(low) >= 2", "streak(low) > 2", "a comparison"),
    ("pay: deposits * price", "pay: deposits_before * price", "a figure"),
    ("is: post = 客户经理", "is: post <> 客户经理", "who is appraised"),
]


@pytest.mark.parametrize(("old", "new", "what"), CHANGES, ids=[what for _, _, what in CHANGES])
def test_two_rulebooks_that_differ_never_print_alike(tmp_path: Path, old: str, new: str, what: str) -> None:
    write_starter(tmp_path)
    path = tmp_path / "rulebook.yaml"
    before = list(plain(document(opened(tmp_path), tmp_path).blocks))
    text = path.read_text("utf-8")
    path.write_text(text.replace(old, new), "utf-8")
    after = list(plain(document(opened(tmp_path), tmp_path).blocks))
    assert (before != after) == (what != "nothing")


def test_a_failed_write_leaves_the_earlier_file(tmp_path: Path) -> None:
    out = tmp_path / "a.md"
    write_whole(out, b"first")
    with pytest.raises(TypeError):
        write_whole(out, "not bytes")  # type: ignore[arg-type]
    assert out.read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


@pytest.mark.parametrize("format_", ["html", "md", "pdf"])
def test_a_document_is_written_in_each_format(tmp_path: Path, format_: str) -> None:
    folder = tmp_path / "rules"
    write_starter(folder)
    out = tmp_path / "new" / f"document.{format_}"
    write_document(opened(folder), folder, format_, out)
    assert out.stat().st_size > 1000
    with pytest.raises(ValueError, match="docx"):
        write_document(opened(folder), folder, "docx", out)


def test_a_condition_that_looks_at_other_days_is_read_back_with_them() -> None:
    rulebook, problems = load_string(
        """\
rulebook: t
name: 试行
calendar: {every: quarter}
who:
  managers: {clause: 一, is: post = 客户经理}
words:
  岗位: {of: post, are: [客户经理]}
measures:
  客户日均: {clause: 一, like: 存款日均, per: customer}
  有效户: {clause: 一, from: balances, where: 客户日均 >= 1万元, take: count}
  上季有效户: {clause: 一, like: 有效户, over: base of last quarter}
lines:
  净增: {clause: 一, value: 有效户 - 上季有效户, unit: count}
"""
    )
    assert problems == []
    assert rulebook is not None
    said = [line for line in read_back(rulebook) if "有效户 [" in line]
    assert said == [
        "指标 有效户 [一]: 本期的余额, 只计“客户日均”不低于 1万元的, 取期末户数, 按分配比例归属",
        "指标 上季有效户 [一]: 上季(作为基数, 按本期末那一天的管户和比例归属)的余额, 只计“客户日均”不低于 1万元的, 取期末户数, 按分配比例归属, 条件里的“客户日均”是本期的",
    ]


def test_a_range_of_formulas_is_printed_as_sentences(tmp_path: Path) -> None:
    (tmp_path / "rulebook.yaml").write_text(
        """\
rulebook: t
name: 试行
calendar: {every: quarter}
who: {clause: 一, is: post = 客户经理}
words:
  posts: {of: post, are: [客户经理]}
inputs:
  limit: {name: 上限, clause: 一, by: [grade], unit: money}
  cut: {name: 扣减, clause: 一, unit: money, from: person, allowed: "(0, limit * 2]"}
lines:
  pay: {clause: 一, pay: cut}
""",
        "utf-8",
    )
    rulebook, problems = load(tmp_path)
    assert problems == []
    assert rulebook is not None
    write_document(rulebook, tmp_path, "md", tmp_path / "out.md")
    assert "高于 0 元, 不高于 《上限》(按等级) × 2" in (tmp_path / "out.md").read_text("utf-8")


OF_LOANS_AND_ACCOUNTS = """\
rulebook: t
name: 试行
calendar: {every: quarter}
who: {clause: 一, is: post = 客户经理}
words: {岗位: {of: post, are: [客户经理]}, 品种: {of: product, are: [活期, 按揭, 金卡]}}
events: {card: {name: 发卡, columns: {product: {type: choice, name: 卡种}}}}
inputs: {factor: {name: 系数, clause: 一, by: [product], unit: number}}
tables: {价: {clause: 一, by: [product], gives: {率: number}, rows: [[活期, 1], [any, 2]]}}
measures:
  made: {name: 新增贷款, clause: 一, from: loans, where: product = 按揭, take: count}
  owed: {name: 贷款余额, clause: 一, from: loan_states, each: balance * factor, where: loan.product = 按揭}
  kept: {name: 存款, clause: 一, from: balances, each: balance * 价, where: product = 活期}
  new: {name: 新开户, clause: 一, from: accounts, where: product = 活期, take: count}
  fees: {name: 手续费, clause: 一, from: fees, where: account.product = 活期, take: sum}
  cards: {name: 发卡, clause: 一, from: card, where: product = 金卡, take: count}
lines:
  sum: {clause: 一, unit: number, value: made + new + cards}
"""


def test_a_column_is_called_what_its_own_kind_calls_it() -> None:
    """Loans, accounts and the cards of this rulebook all have a `product`, and each means another thing by it."""
    rulebook, problems = load_string(OF_LOANS_AND_ACCOUNTS)
    assert rulebook is not None, [p.text("en") for p in problems]
    said = {line.split(" ")[1]: line for line in read_back(rulebook) if line.startswith("指标")}
    assert "只计贷款品种为按揭" in said["新增贷款"]
    assert "贷款品种" in said["贷款余额"]
    assert "贷款产品" not in said["贷款余额"]
    assert "账户产品" in said["存款"]
    assert "每笔取余额 ×" in said["存款"]
    assert "每笔取贷款余额 ×" in said["贷款余额"]
    assert "账户产品" in said["手续费"]
    assert "只计产品为活期" in said["新开户"]
    assert "只计卡种为金卡" in said["发卡"]


LIBRARY = """
rulebook: t
name: 试行
calendar: {every: quarter}
who: {managers: {clause: 一, is: post = 客户经理}}
words:
  岗位: {of: post, are: [客户经理]}
lines:
  奖: {clause: 三, pay: 存款日均 * 0.1%}
"""


def test_a_measure_of_the_library_is_read_back_as_one_of_the_library() -> None:
    """It has no clause, and was read back with empty brackets."""
    rulebook, _ = load_string(LIBRARY)
    assert rulebook is not None
    assert [line.partition(":")[0] for line in read_back(rulebook)] == [
        "指标 存款日均 [通用指标]",
        "行 奖 [三]",
    ]


@pytest.mark.parametrize(("clause", "column"), [("", False), (", clause: 二", True)])
def test_sets_of_words_without_any_clause_have_no_column_for_it(
    tmp_path: Path, clause: str, column: bool
) -> None:
    text = LIBRARY.replace("are: [客户经理]}", f"are: [客户经理]{clause}}}")
    (tmp_path / "rulebook.yaml").write_text(text, "utf-8")
    said = markdown(document(opened(tmp_path), tmp_path))
    assert ("| 包括 | 条款 |" in said) is column
    assert "| 用语 | 属于 | 包括 |" in said


def notes_written(tree: object) -> Iterator[str]:
    """Yield every note of YAML as it was read, those of other readings apart."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "note":
                yield str(value)
            elif key != "other":
                yield from notes_written(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from notes_written(value)


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.parent.name)
def test_every_note_is_printed(path: Path) -> None:
    _, page = printed(path.parent)
    text = "\n".join(plain(page.blocks))
    assert [note for note in notes_written(yaml.safe_load(path.read_text("utf-8"))) if note not in text] == []


NOTED = """\
rulebook: t
name: 试行
calendar: {every: month}
who:
  managers: {name: 客户经理, clause: 一, is: post = 客户经理, note: 说明甲}
  部门: {clause: 一, subject: team}
  whole: {name: 全行, clause: 一, subject: bank}
events:
  breach: {name: 违规, columns: {weight: {type: number, name: 扣分}, rank: {type: choice, name: 档次}}, note: 说明乙}
words:
  岗位: {of: post, are: [客户经理], note: 说明丙}
  合同: {of: contract, are: [解除]}
  级别: {of: rank, are: [轻, 重]}
inputs:
  price: {name: 价, clause: 二, by: [institution], unit: ratio, note: 说明丁}
tables:
  of_rank: {name: 各档, clause: 二, by: [rank], gives: {元: money}, note: 说明戊,
            versions: [{from: 2024-01-01, note: 说明己, rows: [[轻, 1元], [重, 2元]]}]}
measures:
  held: {name: 旬均, clause: 二, from: balances, take: "mean of days 10 20 end", where: currency <> CNY}
  breaches: {name: 违规额, clause: 二, from: breach, each: of_rank, book: 部门账, role: 协办}
lines:
  paid:
    clause: 三
    who: managers
    cases:
      - {when: held > 0元, pay: held * price, note: 说明庚}
      - {otherwise: 0元, note: 说明辛}
  fined: {clause: 三, who: managers, pay: breaches}
checks:
  low: {name: 低, clause: 三, who: managers, when: paid < 1元, says: 低, note: 说明壬}
decisions:
  a: {name: 甲, clause: 四, who: managers, when: low, sets: {contract: 解除}, says: 走}
  b: {name: 乙, clause: 四, who: managers, when: low, sets: {hire: 降聘}, says: 降}
  c: {name: 丙, clause: 四, who: managers, when: low, sets: {blame: 处分}, says: 罚, note: 说明癸}
"""


def noted(tmp_path: Path) -> list[str]:
    (tmp_path / "rulebook.yaml").write_text(NOTED, "utf-8")
    return list(plain(document(opened(tmp_path), tmp_path).blocks))


def test_notes_are_printed_wherever_they_may_stand(tmp_path: Path) -> None:
    text = "\n".join(noted(tmp_path))
    assert [note for note in notes_written(yaml.safe_load(NOTED)) if note not in text] == []
    assert NOTED.count("note: ") == 10


SAID_OF = [
    "按团队考核, 所有团队都参加。",
    "按全行考核。",
    "按人员考核。条件: 岗位为客户经理。",
    "取每月 10 日、20 日、月末的平均",
    "只计账户币种不是 CNY的",
    "只看“账簿”一栏写 部门账 的分配",
    "只看“角色”一栏写 协办 的分配",
    "状态“合同”改为解除",
    "状态一改为降聘",
    "状态二改为处分",
]


@pytest.mark.parametrize("phrase", SAID_OF)
def test_the_print_speaks_as_a_bank_does(phrase: str, tmp_path: Path) -> None:
    assert phrase in "\n".join(noted(tmp_path))


def test_keys_and_states_go_by_names(tmp_path: Path) -> None:
    rulebook_ids = {"institution", "contract", "hire", "blame", "rank"}
    shown = [x for x in noted(tmp_path) if x in rulebook_ids]
    # The columns of an event are what the bank has to head its file with.
    assert shown == ["rank"]


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.parent.name)
def test_no_doubt_only_points_to_another(path: Path) -> None:
    _, page = printed(path.parent)
    assert not any(text.endswith("同上") for text in plain(page.blocks))
