"""Why somebody is not settled is told in the language of the call; names of the rulebook stay as it writes them."""

from __future__ import annotations

import re

import pytest

from guanhu.appraisal.pages.causes import cause_text
from guanhu.rulebook.load.folder import load_string

TEXT = """
rulebook: t
name: t
calendar: {every: quarter}
who: {managers: {name: Managers, clause: 1, is: post = 客户经理}}
words: {posts: {of: post, are: [客户经理]}}
inputs: {price: {name: Price, clause: 1, unit: ratio}}
tables: {rates: {name: Rates, clause: 1, by: [deposits], gives: {x: ratio}, rows: [["> 5元", 1%]]}}
measures: {deposits: {name: Deposits, clause: 1, from: balances}}
lines: {pay: {name: Pay, clause: 1, pay: deposits * price * rates}}
"""
CAUSES = [
    ("inputs.price", "参数“Price”没有提供", "the input “Price” is not supplied"),
    (
        "measures.deposits over last year",
        "指标“Deposits”的数据没有提供, 或其中用到的参数没有提供",
        "the measure “Deposits” lacks facts, or an input that it reads",
    ),
    ("lines.pay", "“Pay”未知", "“Pay” is unknown"),
    ("past.pay", "以前各期的“Pay”未知", "“Pay” of earlier instances is unknown"),
    ("tables.rates", "表“Rates”没有符合的行", "the table “Rates” has no row for it"),
    ("subject.grade", "没有等级", "there is no grade"),
    ("account_rates.rate", "账户利率的执行利率没有提供", "rate of account rates was not supplied"),
    ("state.mark", "没有状态“mark”", "there is no state “mark”"),
    (
        "group.managers",
        "“Managers”的人数不足, 不计名次和平均",
        "too few in “Managers” for a rank or an average",
    ),
    (
        "members.managers",
        "“Managers”中有人未结清, 或人数不足",
        "somebody in “Managers” is not settled, or they are too few",
    ),
    (
        "undefined",
        "没有定义(除数为 0, 或基数不大于 0)",
        "a figure is not defined (the divisor is 0, or the base not above 0)",
    ),
    ("otherwise", "按规定不结算并列出", "a figure is not settled and listed, as the rule says"),
    ("what", "未知", "unknown"),
]


@pytest.mark.parametrize(("cause", "zh", "en"), CAUSES)
def test_a_cause_is_told_in_both_languages(cause: str, zh: str, en: str) -> None:
    rulebook, problems = load_string(TEXT)
    assert [p.text("en") for p in problems] == []
    assert rulebook is not None
    assert cause_text(rulebook, cause) == zh
    assert cause_text(rulebook, cause, lang="en") == en


@pytest.mark.parametrize("why", ["absent", "undefined", "no row", "coverage", "stop", "past", "pool"])
def test_no_reason_is_left_in_chinese(why: str) -> None:
    rulebook, _ = load_string(TEXT)
    assert rulebook is not None
    for cause in ("inputs.price", "measures.deposits", "pool.managers", why):
        assert not re.search(r"[一-鿿]", cause_text(rulebook, cause, why, "en")), cause
