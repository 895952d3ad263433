"""Everything that is wrong with a declaration is told at once, each with its clause."""

from __future__ import annotations

from guanhu.rulebook.load.folder import load_string
from guanhu.values.problem import Problem

HEAD = """\
rulebook: trial
name: 试行办法
calendar: {every: quarter}
who: {clause: 第一条, is: post = 客户经理}
words:
  posts: {of: post, are: [客户经理]}
"""


def told(text: str) -> list[Problem]:
    rulebook, problems = load_string(text)
    assert rulebook is None
    return problems


def seen(problems: list[Problem]) -> list[str]:
    return [x.zh.partition(" 的")[0].removeprefix("没有叫 ") for x in problems if x.code == "RUL030"]


def test_a_line_with_many_wrong_names_tells_them_all() -> None:
    problems = told(
        HEAD
        + """\
lines:
  pay:
    clause: 第二条
    least: floor_pay
    most: top_pay
    cases:
      - {when: grade_a > 1 and grade_b > 2, pay: price_a * amount_a}
      - {when: "min(grade_c, 3) > 2", pay: "if(flag, amount_b, amount_c)"}
      - otherwise: rest
  total: {clause: 第三条, total: [one, two]}
"""
    )
    names = [
        "floor_pay",
        "top_pay",
        "grade_a",
        "grade_b",
        "price_a",
        "amount_a",
        "grade_c",
        "flag",
        "amount_b",
        "amount_c",
        "rest",
    ]
    assert seen([x for x in problems if x.clause == "第二条"]) == names
    assert {"one", "two"} == {x.zh.split()[1] for x in problems if x.clause == "第三条"}
    assert {x.clause for x in problems} == {"第二条", "第三条"}


def test_a_measure_tells_its_formulas_and_its_other_keys() -> None:
    problems = told(
        HEAD
        + """\
measures:
  cost:
    clause: 第二条
    from: balances
    where: curency = CNY and prodct = 活期
    each: balanc * rat
    over: last yeer
    unit: moneys
    credit: shares
lines:
  pay: {clause: 第三条, pay: cost}
"""
    )
    codes = [x.code for x in problems]
    assert seen(problems) == ["curency", "prodct", "balanc", "rat"]
    assert {"RUL044", "RUL048", "RUL014"} <= set(codes)
    assert {x.clause for x in problems} == {"第二条"}
    hints = {x.zh.split()[1]: x.hint_zh for x in problems if x.code == "RUL030"}
    assert hints["curency"] == "是不是 account.currency?"
    assert next(x.hint_zh for x in problems if x.code == "RUL014") == "是不是 share?"


def test_who_is_appraised_has_to_be_said() -> None:
    (problem,) = told(HEAD.replace("{clause: 第一条, is: post = 客户经理}", "{}") + "lines: {}\n")
    assert (problem.code, problem.hint_zh) == ("RUL013", "补上 who")


def test_lines_of_a_group_that_is_wrong_are_still_checked() -> None:
    text = HEAD.replace("post = 客户经理", "pots = 客户经理 and levl > 3")
    problems = told(text + "lines:\n  pay: {clause: 第二条, pay: nothing * 2}\n")
    assert seen(problems) == ["pots", "levl", "nothing"]
    assert [x.clause for x in problems] == ["第一条", "第一条", "第二条"]
