"""What a worked example leaves out, or calls by a name that nothing has, is told with what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from guanhu.rulebook.explain.examples import not_evaluated, tried_examples, try_line, value_shown
from guanhu.rulebook.explain.given import GivenProblem
from guanhu.rulebook.load.folder import load, load_string
from guanhu.rulebook.load.formula import FormulaError
from guanhu.values.problem import Place

TEXT = """\
rulebook: t
name: 试行
calendar: {every: quarter}
who:
  managers: {clause: 一, is: post = 客户经理}
words:
  岗位: {of: post, are: [客户经理]}
  等级: {of: grade, are: [初级, 高级], ladder: yes}
tables:
  单价: {clause: 一, by: [grade], gives: {率: ratio}, rows: [[初级, 1‰], [高级, 2‰]]}
measures:
  存款: {clause: 一, like: 存款日均}
  中收: {clause: 一, like: 中间业务收入}
lines:
  绩效: {clause: 一, pay: 存款 * 单价 + 中收 * 1%, least: 0元}
  累计: {clause: 一, unit: money, value: "中收 + previous(累计, 0元)"}
  去年: {clause: 一, unit: money, value: "previous(累计, 0元, 4 back)"}
  人均: {clause: 一, unit: money, value: average(绩效 among managers by institution)}
checks:
  不足: {clause: 一, when: 存款 < 100万元, says: 不足}
decisions:
  提醒: {clause: 一, when: streak(不足) >= 2, says: 提醒}
"""


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("累计", "previous(累计)"),
        ("累计", "previous(累计, 0元)"),
        ("去年", "previous(累计, 4 back)"),
        ("去年", "previous(累计, 0元, 4 back)"),
    ],
)
def test_what_was_before_is_given_as_the_formula_writes_it(line: str, key: str) -> None:
    """With the second term it was taken for another figure, and the line began from nothing."""
    rulebook, _ = load_string(TEXT)
    assert rulebook is not None
    assert try_line(rulebook, line, {"中收": "0", key: "900"}).value == 900


# line, given, the sentence, a word of the hint
TOLD = [
    ("绩效", {}, "没有给出 存款、grade、中收", "存款=…"),
    ("提醒", {}, "没有给出 streak(不足)", "'streak(不足)=…'"),
    ("人均", {}, "没有给出 average(绩效 among managers by institution)", "average"),
    ("绩效", {"存款": "1000万元", "grade": "特级", "中收": "0"}, "grade 的选项里没有 特级", "初级、高级"),
    ("绩效", {"存款": "一千", "grade": "高级", "中收": "0"}, "一千 不是数", "800万元"),
    ("绩效", {"存款": "9分", "grade": "高级", "中收": "0"}, "数字 9 后面紧跟着 分", "只写 9"),
    ("绩效", {"存款": "9", "grade": "高级", "中收": "0", "中收额": "0"}, "没有叫 中收额 的量", "是不是 中收"),
    ("绩效额", {}, "没有叫 绩效额 的行", "是不是 绩效"),
    ("存款", {}, "存款 是指标, 不是行", "explain"),
    ("绩效", {"period": "三季度"}, "period 应当是一个期间", "2025Q3"),
]


@pytest.mark.parametrize(("line", "given", "sentence", "hint"), TOLD)
def test_what_keeps_a_line_from_being_tried_is_told(
    line: str, given: dict[str, str], sentence: str, hint: str
) -> None:
    rulebook, _ = load_string(TEXT)
    assert rulebook is not None
    with pytest.raises((GivenProblem, FormulaError)) as caught:
        try_line(rulebook, line, given)
    problem = not_evaluated(caught.value, Place("examples.yaml"), "甲")
    assert problem.zh.startswith(f"例子“甲”算不出来: {sentence}")
    assert hint in problem.hint_zh
    assert problem.en
    assert problem.hint_en


@pytest.mark.parametrize(
    "key",
    [
        "average(绩效 among managers by institution)",
        "average(绩效 among managers)",
        "average(among managers)",
        "average",
    ],
)
def test_a_figure_of_a_group_may_be_called_as_the_formula_has_it(key: str) -> None:
    rulebook, _ = load_string(TEXT)
    assert rulebook is not None
    assert value_shown(try_line(rulebook, "人均", {key: "300元"}).value) == "300"


def test_a_known_figure_that_the_line_does_not_need_may_be_given() -> None:
    rulebook, _ = load_string(TEXT)
    assert rulebook is not None
    given = {
        "存款": "0",
        "grade": "高级",
        "中收": "100元",
        "人均": "5",
        "streak(不足)": "1",
        "hired_on": "2025-01-01",
    }
    assert value_shown(try_line(rulebook, "绩效", given).value) == "1"


DOUBTED = TEXT.replace(
    "when: 存款 < 100万元, says: 不足",
    "when: 存款 < 100万元, says: 不足, doubt: {name: 含本数, says: 没写, other: {when: 存款 <= 100万元}}",
)
READ = """\
examples:
  - {name: 不说, line: 不足, given: {存款: 100万元}, gives: NOT_SAID}
  - {name: 第一种, line: 不足, given: {存款: 100万元}, reading: {含本数: first}, gives: no}
  - {name: 另一种, line: 不足, given: {存款: 100万元}, reading: {含本数: other}, gives: yes}
"""


def doubted(folder: Path, examples: str) -> Path:
    assert DOUBTED != TEXT
    (folder / "rulebook.yaml").write_text(DOUBTED, "utf-8")
    (folder / "examples.yaml").write_text(examples, "utf-8")
    return folder


@pytest.mark.parametrize(("readings", "not_said"), [({}, "no"), ({"含本数": "other"}, "yes")])
def test_an_example_is_tried_in_the_reading_it_names_and_else_in_that_of_the_call(
    readings: dict[str, str], not_said: str, tmp_path: Path
) -> None:
    folder = doubted(tmp_path, READ.replace("NOT_SAID", not_said))
    rulebook, problems = load(folder, readings)
    assert rulebook is not None
    tried, wrong = tried_examples(rulebook, folder)
    assert problems == wrong == []
    assert [(x.name, x.holds) for x in tried] == [("不说", True), ("第一种", True), ("另一种", True)]


@pytest.mark.parametrize(
    ("reading", "code"),
    [("{含不含: other}", "RUL070"), ("{含本数: others}", "RUL014"), ("other", "RUL010")],
)
def test_a_reading_that_there_is_not_is_told_at_its_place(reading: str, code: str, tmp_path: Path) -> None:
    text = f"examples:\n  - {{name: 甲, line: 不足, given: {{存款: 1}}, gives: yes, reading: {reading}}}\n"
    folder = doubted(tmp_path, text)
    rulebook, _ = load(folder)
    assert rulebook is not None
    _, wrong = tried_examples(rulebook, folder)
    assert [(problem.code, problem.place.file) for problem in wrong] == [(code, "examples.yaml")]


def test_an_example_may_tell_how_long_a_spell_is() -> None:
    """In ten of thirty days a fixed amount is a third; without them the spell is the whole period."""
    rulebook, _ = load_string(
        TEXT.replace(
            "  去年:",
            '  短期: {clause: 一, pay: "if(spell_days < 15, 0元, 900元)"}\n  津贴: {clause: 一, pay: 900元}\n  去年:',
        ).replace("every: quarter", "every: month")
    )
    assert rulebook is not None
    june = {"period": "2025-06"}
    assert [try_line(rulebook, name, june).value for name in ("短期", "津贴")] == [900, 900]
    ten = {**june, "spell_days": "10"}
    assert [try_line(rulebook, name, ten).value for name in ("短期", "津贴")] == [0, 300]
