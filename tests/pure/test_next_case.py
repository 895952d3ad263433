"""Why a line is what it is, in one line, and what its next case needs and pays, by the formula itself."""

from __future__ import annotations

from fractions import Fraction

import pytest

from guanhu.appraisal.pages.next_case import Asker
from guanhu.appraisal.pages.reasons import Reasons
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.examples import try_line
from guanhu.rulebook.explain.subject import CardTrace
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.load.folder import load_string
from guanhu.values.dates import period_of
from guanhu.values.exact import shown

TEXT = """\
rulebook: t
name: 试行
calendar: {every: quarter}
who:
  managers: {clause: 一, is: post = 客户经理}
words:
  岗位: {of: post, are: [客户经理]}
measures:
  lent: {name: 放款, clause: 一, item: 放款, unit: money, better: more}
  plan: {name: 计划, clause: 一, item: 计划, unit: money}
  bad: {name: 不良率, clause: 一, item: 不良率, unit: ratio, better: less}
  other: {name: 另一数, clause: 一, item: 另一数, unit: money}
tables:
  steps: {name: 档, clause: 一, by: [bad], gives: {分: points}, rows: [["<= 2%", 30], ["> 2%", 0]]}
lines:
  looked_up: {clause: 一, score: steps}
  held: {clause: 一, pay: lent * 10%, most: 5元}
  falling:
    {clause: 一, cases: [{when: lent >= 100元, pay: 10元}, {when: lent >= 50元, pay: 6元}, {otherwise: 0元}]}
  rising:
    {clause: 一, cases: [{when: lent < 50元, pay: 0元}, {when: lent < 100元, pay: lent * 1%}, {otherwise: 5元}]}
  strict: {clause: 一, cases: [{when: lent > 50元, pay: 6元}, {otherwise: 0元}]}
  both: {clause: 一, cases: [{when: "lent >= 50元 and bad <= 2%", pay: 6元}, {otherwise: 0元}]}
  done: {clause: 一, unit: ratio, value: "completion(lent, plan)"}
  of_line: {clause: 一, cases: [{when: done >= 50%, pay: 6元}, {otherwise: 0元}]}
  by_formula: {clause: 一, cases: [{when: "completion(lent, plan) >= 50%", pay: 6元}, {otherwise: 0元}]}
  unseen: {clause: 一, cases: [{when: lent >= 50元, pay: other * 1%}, {otherwise: 0元}]}
  wrong_way: {clause: 一, cases: [{when: lent >= 50元, pay: 1元}, {otherwise: 6元}]}
  capped: {clause: 一, cases: [{when: lent >= 50元, pay: 9元}, {otherwise: 6元}], most: 6元}
  chosen: {clause: 一, unit: number, cases: [{when: lent >= 50元, value: 2}, {otherwise: 1}]}
"""

# Line, figures → what the statement says of the next case; '' where none pays more.
SAID = [
    (
        "falling",
        {"lent": "20元"},
        "“放款”再增 30.00 元, 就是“放款”不低于 50元的情形, 得 6.00 元(其他数不变)。",
    ),
    (
        "falling",
        {"lent": "50元"},
        "“放款”再增 50.00 元, 就是“放款”不低于 100元的情形, 得 10.00 元(其他数不变)。",
    ),
    ("falling", {"lent": "100元"}, ""),
    ("rising", {"lent": "20元"}, "“放款”再增 30.00 元, 就是“放款”低于 100元的情形, 得 0.50 元(其他数不变)。"),
    ("rising", {"lent": "60元"}, "“放款”再增 40.00 元, 就是其余情形, 得 5.00 元(其他数不变)。"),
    (
        "strict",
        {"lent": "20元"},
        "“放款”再增超过 30.00 元, 就是“放款”高于 50元的情形, 得 6.00 元(其他数不变)。",
    ),
    ("strict", {"lent": "50元"}, "“放款”只要再增一点, 就是“放款”高于 50元的情形, 得 6.00 元(其他数不变)。"),
    (
        "both",
        {"lent": "20元", "bad": "5%"},
        "“放款”再增 30.00 元, 并且合乎其余条件, 就按“放款”不低于 50元,且“不良率”不高于 2%的情形算。",
    ),
    (
        "both",
        {"lent": "60元", "bad": "5%"},
        "“不良率”再减 3 个百分点, 就是“放款”不低于 50元,且“不良率”不高于 2%的情形, 得 6.00 元(其他数不变)。",
    ),
    (
        "of_line",
        {"lent": "30元", "plan": "100元"},
        "“done”再增 20 个百分点(按现在的数约合 20.00 元), 就是“done”不低于 50%的情形, 得 6.00 元(其他数不变)。",
    ),
    (
        "by_formula",
        {"lent": "30元", "plan": "100元"},
        "“放款”再增 20 个百分点(按现在的数约合 20.00 元), 就是“放款”对“计划”的完成率不低于 50%的情形, 得 6.00 元(其他数不变)。",
    ),
    ("unseen", {"lent": "20元"}, "“放款”再增 30.00 元, 就按“放款”不低于 50元的情形算。"),
    ("wrong_way", {"lent": "60元"}, ""),  # nobody is told to lend less
    ("capped", {"lent": "20元"}, ""),
    ("chosen", {"lent": "20元"}, ""),  # whether more is better is not known
]


def card_of(line: str, given: dict[str, str]) -> tuple[t.Rulebook, CardTrace]:
    rulebook, problems = load_string(TEXT)
    assert [p.text() for p in problems] == []
    assert rulebook is not None
    days = period_of("2025Q3")
    assert days is not None
    card = CardTrace(Instance(days, "quarter"), "managers", 1, days, 92, {})
    card.lines[line] = try_line(rulebook, line, given)
    return rulebook, card


@pytest.mark.parametrize(("line", "given", "wanted"), SAID)
def test_the_next_case_is_said(line: str, given: dict[str, str], wanted: str) -> None:
    rulebook, card = card_of(line, given)
    steps = [x for x in Reasons(rulebook).next_steps(rulebook.lines[line], card) if "情形" in x]
    assert steps == ([wanted] if wanted else [])


@pytest.mark.parametrize(("line", "given", "wanted"), [row for row in SAID if ", 得 " in row[2]])
def test_who_goes_as_far_as_is_said_gets_what_is_said(line: str, given: dict[str, str], wanted: str) -> None:
    """The line is evaluated again with the figure moved, by the evaluator itself."""
    rulebook, card = card_of(line, given)
    case = Asker(rulebook, card, rulebook.lines[line]).next_case()
    assert case is not None, wanted
    moved = dict(given)
    for move in case.moves:
        name = getattr(move.traced.node, "name", "")
        if name in ("lent", "bad"):
            moved[name] = shown(move.value)
        else:
            # A completion of a plan of 100 yuan.
            moved["lent"] = shown(move.value * 100)
    assert try_line(rulebook, line, moved).value == case.value
    assert isinstance(case.value, Fraction)


SHORT = [
    ("looked_up", {"bad": "7.3%"}, "不良率 7.3%, 在“> 2%”一档"),
    ("held", {"lent": "90元"}, "放款 90.00 元; 算得 9.00 元, 取最高 5元"),
    ("done", {"lent": "30元", "plan": "100元"}, "放款 30.00 元; 计划 100.00 元"),
]


@pytest.mark.parametrize(("line", "given", "wanted"), SHORT)
def test_a_reason_fits_one_line(line: str, given: dict[str, str], wanted: str) -> None:
    rulebook, card = card_of(line, given)
    assert Reasons(rulebook).in_short(rulebook.lines[line], card) == wanted
