"""What is printed and told under the other reading of a doubt is that reading's: no assumption of the first one stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.print.as_written import as_taken, notes, taken_text
from guanhu.rulebook.print.blocks import plain
from guanhu.rulebook.print.document import document
from guanhu.rulebook.print.reading_back import read_back

TEXT = """\
rulebook: t
name: 试行
calendar: {every: quarter}
who:
  managers: {name: 客户经理, clause: 一, is: post = 客户经理, note: 不含见习的}
words:
  岗位: {of: post, are: [客户经理]}
tables:
  task:
    name: 任务
    clause: 二
    by: [post]
    gives: {额: money}
    rows: [[客户经理, 300元]]
    assume: 两档同一量级
    doubt: {name: 任务数, says: 按 300 元, other: {rows: [[客户经理, 300万元]]}}
measures:
  fees: {name: 中收, clause: 三, like: 中间业务收入}
lines:
  wanted: {name: 任务数额, clause: 二, unit: money, value: task}
  paid:
    name: 提成
    clause: 三
    pay: fees * 1%
    note: 百分之一
    assume: 满一百元才算
    doubt: {name: 零头, says: 零头不算, other: {pay: fees * 2%, assume: 零头也算, note: 百分之二}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rulebook.yaml").write_text(TEXT, "utf-8")
    return tmp_path


def read(folder: Path, *others: str) -> t.Rulebook:
    rulebook, problems = load(folder, dict.fromkeys(others, "other"))
    assert [p.text() for p in problems] == []
    assert rulebook is not None
    return rulebook


# Which doubts are read the other way → what is assumed of the table and of the line, the note of the line.
ASSUMED: list[tuple[tuple[str, ...], str, str, str]] = [
    ((), "两档同一量级", "满一百元才算", "百分之一"),
    (("任务数",), "", "满一百元才算", "百分之一"),
    (("零头",), "两档同一量级", "零头也算", "百分之二"),
    (("任务数", "零头"), "", "零头也算", "百分之二"),
]


@pytest.mark.parametrize(("others", "of_table", "of_line", "note"), ASSUMED)
def test_what_is_assumed_is_of_the_reading_that_is_taken(
    folder: Path, others: tuple[str, ...], of_table: str, of_line: str, note: str
) -> None:
    rulebook = as_taken(read(folder, *others), folder)
    assert (rulebook.tables["task"].assume, rulebook.lines["paid"].assume) == (of_table, of_line)
    assert notes(rulebook, folder)["lines.paid"] == (note,)


def test_the_print_says_which_readings_it_is_of(folder: Path) -> None:
    first = document(read(folder), folder)
    assert dict(first.facts)["读法"] == "各处疑点都取第一种读法"
    other = document(read(folder, "任务数"), folder)
    assert dict(other.facts)["读法"] == "“任务数”取另一种读法, 其余疑点取第一种读法"
    said = list(plain(other.blocks))
    assert not any("两档同一量级" in text for text in said)
    (doubt,) = [text for text in said if text.endswith("按 300 元") and text != "按 300 元"]
    assert "上面写的就是另一种读法" in doubt
    assert "取的是它" in said


def test_the_print_of_the_first_reading_says_what_the_other_assumes(folder: Path) -> None:
    said = [text for text in plain(document(read(folder), folder).blocks) if "× 2%" in text]
    assert any(text.endswith("假设: 零头也算。") for text in said)


def test_check_says_which_reading_is_taken(folder: Path) -> None:
    said = list(read_back(read(folder, "任务数")))
    assert "疑点 任务数 [二]: 按 300 元(这里取另一种读法)" in said
    assert "疑点 零头 [三]: 零头不算(有另一种读法)" in said


def test_readings_in_words(folder: Path) -> None:
    assert taken_text(read(folder), "en") == "the first reading of every doubt"
    both = (
        "the other reading of “任务数”, the other reading of “零头”, the first reading of every other doubt"
    )
    assert taken_text(read(folder, "任务数", "零头"), "en") == both
