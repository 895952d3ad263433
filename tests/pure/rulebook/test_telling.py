"""A tried line is told with its bounds, each figure once, and what is missing by the bank's name for it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from guanhu.appraisal.pages.reasons import Reasons
from guanhu.rulebook.explain.examples import try_line, unit_of
from guanhu.rulebook.explain.telling import Teller, divided, value_text
from guanhu.rulebook.explain.values import MeasureNote
from guanhu.rulebook.load.folder import load_string
from guanhu.values import units

TEXT = """\
rulebook: t
name: 试行
calendar: {every: quarter}
who:
  managers: {clause: 一, is: post = 客户经理}
words:
  岗位: {of: post, are: [客户经理]}
tables:
  单价: {clause: 一, by: [plan], gives: {率: ratio}, rows: [["< 10万元", 1‰]]}
  分段: {clause: 一, by: [deposits], how: marginal, gives: {率: ratio}, rows: [["< 100万元", 1‰], [">= 100万元", 2‰]], assume: 归上}
measures:
  deposits: {name: 存款, clause: 一, like: 存款日均}
  before: {name: 上年存款, clause: 一, like: deposits, over: base of last year}
  increment: {name: 增量, clause: 一, is: deposits - before}
  plan: {name: 存款计划数, clause: 一, item: 存款计划, unit: money}
lines:
  growth_points: {clause: 一, score: "growth(deposits, before) * 100", most: 20, least: 0}
  done: {clause: 一, score: "completion(deposits, plan) * 100", most: 120, least: 0}
  rate: {clause: 一, unit: ratio, value: 单价}
  parts: {clause: 一, pay: 分段}
  paid: {clause: 一, unit: number, value: parts / 100元}
  advance: {clause: 一, pay: "900元 - paid_before"}
  paid_before: {clause: 一, unit: money, value: "previous(advance, 0元)"}
  total: {clause: 一, total: [parts, advance]}
  more: {clause: 一, pay: increment * 1%}
  open: {clause: 一, cases: [{when: not given(plan), score: 5}, {otherwise: 0}]}
"""

TOLD = [
    (
        "growth_points",
        {"deposits": "130万元", "before": "100万元"},
        [
            "growth_points = 20 分",
            "“存款”比“上年存款”的增长率 = 30%",
            "存款 = 1,300,000.00 元",
            "上年存款 = 1,000,000.00 元",
            "最低 0: 未触及(算得 30 分)",
            "最高 20: 触及, 取此数(算得 30 分)",
        ],
    ),
    (
        "done",
        {"deposits": "130万元", "plan": "unknown"},
        [
            "done = 未知(没有提供: plan)",
            "“存款”对“存款计划数”的完成率 = 未知(没有提供: plan)",
            "存款 = 1,300,000.00 元",
            "存款计划数 = 未知(没有提供: plan)(银行提供)",
        ],
    ),
    (
        "rate",
        {"plan": "10万元"},
        [
            "rate = 未知(表中没有对应的行: 单价)",
            "查《单价》得 未知(表中没有对应的行: 单价)",
            "没有命中任何一行",
            "存款计划数 = 100,000.00 元(银行提供)",
        ],
    ),
    (
        "parts",
        {"deposits": "130万元"},
        [
            "parts = 1,600.00 元",
            "查《分段》得 1,600.00 元",
            "分段累计: 各段内的数量 × 该段的值, 相加",
            "< 100万元: 1,000,000.00 元 × 0.1% = 1,000.00 元",
            ">= 100万元: 300,000.00 元 × 0.2% = 600.00 元",
            "存款 = 1,300,000.00 元",
        ],
    ),
    (
        "paid",
        {"deposits": "50万元"},
        [
            "paid = 5",
            "parts = 500.00 元 [一]",
            "规则: 按“存款”在《分段》分段累计",
            "查《分段》得 500.00 元",
            "分段累计: 各段内的数量 × 该段的值, 相加",
            "< 100万元: 500,000.00 元 × 0.1% = 500.00 元",
            "存款 = 500,000.00 元",
        ],
    ),
    (
        "open",
        {"plan": "unknown"},
        [
            "open = 5 分",
            "情形 1(未给出“存款计划数”): 适用",
            "存款计划数 = 未知(没有提供: plan)(银行提供)",
            "取 5 = 5 分",
        ],
    ),
]


@pytest.mark.parametrize(("line", "given", "lines"), TOLD, ids=[row[0] for row in TOLD])
def test_a_tried_line_is_told(line: str, given: dict[str, str], lines: list[str]) -> None:
    rulebook, problems = load_string(TEXT)
    assert [p.text() for p in problems] == []
    assert rulebook is not None
    told = Teller(rulebook, is_expanding=True).tried(
        line, try_line(rulebook, line, given), unit_of(rulebook, line)
    )
    assert [text for _, text in told.lines()] == lines


@pytest.mark.parametrize(
    ("divisor", "own_days", "text"),
    [
        (Fraction(1), 0, ""),  # people counted by head: no shares to divide by
        (Fraction(10**9), 0, ""),  # a sum of shares
        (Fraction(92 * 10**9), 0, ", 除以 92"),
        (Fraction(366 * 92 * 10**9), 92, ", 除以 366"),  # a row's share is told as the mean over 92 days
        (Fraction(3 * 10**9), 0, ", 除以 3"),
    ],
    ids=["heads", "sum", "days", "base", "month ends"],
)
def test_what_a_sum_is_divided_by_is_told_when_it_is_divided(
    divisor: Fraction, own_days: int, text: str
) -> None:
    days = 366 if own_days else 92
    end = date.fromordinal(date(2025, 1, 1).toordinal() + days)
    note = MeasureNote("deposits", date(2025, 1, 1), end, divisor, (), own_days=own_days)
    assert divided(note) == text


GIVEN = [
    # A line that was typed in points to no other line, and a formula measure shows no formula that was not used.
    (
        "total",
        {"parts": "30元", "advance": "5元"},
        ["total = 35.00 元", "parts = 30.00 元(给出的数)", "advance = 5.00 元(给出的数)"],
    ),
    ("more", {"increment": "100元"}, ["more = 1.00 元", "增量 = 100.00 元"]),
    # Nobody moves in an example: 900 and what was paid before are all there.
    (
        "advance",
        {"previous(advance)": "6元"},
        [
            "advance = 894.00 元",
            "paid_before = 6.00 元 [一]",
            "规则: 上期“advance”(没有时取 0元)(按在岗天数)",
            "上期“advance”(没有时取 0元) = 6.00 元",
        ],
    ),
]


@pytest.mark.parametrize(("line", "given", "wanted"), GIVEN)
def test_what_was_given_is_told_as_given_and_whole_days_not_at_all(
    line: str, given: dict[str, str], wanted: list[str]
) -> None:
    rulebook, problems = load_string(TEXT)
    assert problems == []
    assert rulebook is not None
    traced = try_line(rulebook, line, given)
    told = Teller(rulebook, is_expanding=True).tried(line, traced, unit_of(rulebook, line))
    assert [text for _, text in told.lines()] == wanted


def test_a_score_has_the_same_places_on_the_statement_and_in_explain() -> None:
    rulebook, _ = load_string(TEXT)
    assert rulebook is not None
    score = Fraction(450, 7)
    assert value_text(score, units.POINTS) == Reasons(rulebook).shown(score, units.POINTS) == "64.2857 分"


def test_a_distance_between_shares_is_in_percentage_points() -> None:
    rulebook, _ = load_string(
        TEXT.replace("率: ratio", "率: money")
        .replace("by: [plan]", "by: [share]")
        .replace('[["< 10万元", 1‰]]', '[["< 10%", 1元], [">= 10%", 2元]]')
        .replace("unit: ratio, value: 单价", "pay: 单价")
        .replace("measures:\n", "measures:\n  share: {name: 占比, clause: 一, item: 占比, unit: ratio}\n")
        .replace('1‰], [">= 100万元", 2‰]', '1元], [">= 100万元", 2元]')
        .replace("how: marginal, ", "")
    )
    assert rulebook is not None
    told = Teller(rulebook).tried("rate", try_line(rulebook, "rate", {"share": "7.5%"}), units.MONEY)
    assert "距上一档的界限还有 2.5 个百分点" in [text for _, text in told.lines()]
