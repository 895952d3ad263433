"""Figures of single days' totals: run and explain agree, and both say what a clerk counts on the calendar."""

from __future__ import annotations

import json
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.rulebook.explain.values import Unknown
from tests.engines.agreement.fixed import PERIOD, fixed_world, rulebook_text
from tests.engines.agreement.running import Compared, compare, write_rulebook
from tests.engines.agreement.world import make_world

TAKES = {
    "least": "lowest",
    "most": "highest",
    "of_days": "days of balance >= 10000元",
    "in_a_row": "longest run of balance >= 10000元",
    "poor": "days of balance < 10000元",
    "poor_run": "longest run of balance < 10000元",
    "above_price": "days of balance * price > floor_pay",
    "never_known": "days of balance > never",
}
KINDS = {
    "": {},
    "_where": {"where": "product = 活期 or customer_kind = 对公"},
    "_each": {"each": "max(balance, 0元) * price"},
    "_rated": {"each": "if(account.rate > 0.01, balance, 5元)"},
    "_last": {"over": "last year"},
    "_before": {"over": "previous period", "prices_at": "window end"},
    "_full": {"credit": "each in full"},
    "_placed": {"credit": "institution"},
    "_lent": {"from": "loan_states"},
}
MEASURES = {
    f"{take}{kind}": {"from": "balances", "take": text, **more}
    for row, (take, text) in enumerate(TAKES.items())
    for column, (kind, more) in enumerate(KINDS.items())
    if not kind or (row + column) % 3 == 0
} | {
    "whole_least": {"from": "balances", "take": "lowest", "per": "customer"},
    "whole_days": {"from": "balances", "take": "days of balance > 0元", "per": "account"},
    "steady": {"from": "balances", "where": "whole_least > 0元 and whole_days >= 30"},
}
LINES = {
    f"x_{name}": {"value": name, "unit": "money" if name.startswith(("least", "most", "steady")) else "days"}
    for name in MEASURES
    if not name.startswith("whole")
}
GROUPS = {
    "managers": {"is": "post = 经理", "spells": "by days", "clause": "第一条"},
    "whole_period": {"is": "post = 经理", "spells": "none", "clause": "第一条"},
    "places": {"subject": "institution", "is": "level in (支行, 网点, 总行)", "clause": "第一条"},
    "squads": {"subject": "team", "clause": "第一条"},
    "whole": {"subject": "bank", "clause": "第一条"},
}


def text_of(
    every: str, group: str, lines: dict[str, dict[str, object]], measures: dict[str, dict[str, object]]
) -> str:
    """Return a rulebook for one group of subjects."""
    text = rulebook_text(every, "by days", lines, measures=measures)
    start = text.index("who: ")
    stop = text.index("\n", start)
    return text[:start] + "who: " + json.dumps({group: GROUPS[group]}, ensure_ascii=False) + text[stop:]


@pytest.mark.parametrize("group", GROUPS)
def test_run_and_explain_agree_on_the_fixed_bank(group: str, tmp_path: Path) -> None:
    text = text_of("quarter", group, LINES, MEASURES)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.figures
    assert compared.found == []


@pytest.mark.parametrize("seed", range(3, 7))
def test_run_and_explain_agree_on_invented_banks(seed: int, tmp_path: Path) -> None:
    text = text_of("month", "managers" if seed % 2 else "places", LINES, MEASURES)
    compared = compare(make_world(seed).bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.figures
    assert compared.found == []


def kept(compared: Compared, subject: str, line: str) -> object:
    """Return what the first card of a subject has on a line."""
    return compared.traces[subject][0].whole[line]


ALONE = {
    "low": {"from": "balances", "take": "lowest"},
    "high": {"from": "balances", "take": "highest"},
    "at_most": {"from": "balances", "take": "days of balance <= 0元"},
    "above": {"from": "balances", "take": "days of balance > 0元"},
    "run": {"from": "balances", "take": "longest run of balance = 0元"},
    "low_last_year": {"from": "balances", "take": "lowest", "over": "last year"},
    "days_last_year": {"from": "balances", "take": "days of balance = 0元", "over": "last year"},
}
ALONE_LINES = {
    name: {"value": name, "unit": "money" if name.startswith(("low", "high")) else "days"} for name in ALONE
}


def test_days_are_counted_as_a_clerk_counts_them(tmp_path: Path) -> None:
    """p3 joins on 10 February and has one account, a7 with 65.43 yuan, from 1 March on."""
    text = rulebook_text("quarter", "by days", {f"x_{k}": v for k, v in ALONE_LINES.items()}, measures=ALONE)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    without = Fraction((date(2025, 3, 1) - date(2025, 2, 10)).days)
    assert kept(compared, "p3", "x_low") == 0
    assert kept(compared, "p3", "x_high") == Fraction("65.43")
    assert kept(compared, "p3", "x_at_most") == without
    assert kept(compared, "p3", "x_above") == 31
    assert kept(compared, "p3", "x_run") == without
    # No day of last year was held: there is no lowest day, and none to count.
    assert kept(compared, "p3", "x_low_last_year") == Unknown("measures.low_last_year", "undefined")
    assert kept(compared, "p3", "x_days_last_year") == 0


def test_a_day_and_its_total_stand_on_the_calendar(tmp_path: Path) -> None:
    """The days of the evaluator's totals are all days held, each once."""
    text = rulebook_text("quarter", "by days", {"x": {"value": "above", "unit": "days"}}, measures=ALONE)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    for traces in compared.traces.values():
        for card in (card for trace in traces for card in trace.cards):
            totals = card.measures["above"].note.totals  # type: ignore[attr-defined]
            days = [x.start + timedelta(n) for x in totals for n in range(x.days)]
            assert days == [card.days.start + timedelta(n) for n in range(card.spell_days)]
