"""Two versions: who fares the other way than who was found first is told, or proved not to be there."""

from __future__ import annotations

from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.prove.difference import compared, told
from guanhu.rulebook.tree import Rulebook


def wages(senior: str, middle: str, junior: str) -> Rulebook:
    rulebook, problems = load_string(f"""\
rulebook: wage
name: 工资
calendar: {{every: month}}
who: {{clause: 第一条, is: post = 客户经理}}
words:
  posts: {{of: post, are: [客户经理]}}
  grades: {{of: grade, are: [初级, 中级, 高级], ladder: yes}}
tables:
  base:
    clause: 第二条
    by: [grade]
    gives: {{pay: money}}
    rows: [[高级, {senior}], [中级, {middle}], [初级, {junior}]]
lines:
  wage: {{name: 工资, clause: 第二条, pay: base}}
""")
    assert rulebook is not None, problems
    return rulebook


def test_winners_are_told_beside_losers() -> None:
    (found,) = compared(wages("5000元", "4000元", "3000元"), wages("6000元", "4000元", "2500元"))
    assert found.contrary is not None
    assert found.contrary.state == "found"
    ways = {
        found.gains: (found.before, found.after),
        found.contrary.gains: (found.contrary.before, found.contrary.after),
    }
    assert ways == {"less": ("3000 元", "2500 元"), "more": ("5000 元", "6000 元")}
    text = told([found], "zh")
    assert "5000 元 → 6000 元" in text
    assert "3000 元 → 2500 元" in text
    assert found.record()["contrary"]["shown_by"]["grade"] == "高级" or found.gains == "more"


def test_that_nobody_loses_is_proved() -> None:
    (found,) = compared(wages("5000元", "4000元", "3000元"), wages("6000元", "4000元", "3000元"))
    assert (found.gains, found.contrary and found.contrary.state) == ("more", "none")
    assert "没有人少得(已证明)" in told([found], "zh")
    assert "nobody gets less (proved)" in told([found], "en")
