"""A daily average over the days held: run and explain agree, and it is what a clerk divides."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.rulebook.explain.values import Unknown
from tests.engines.agreement.fixed import PERIOD, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, write_rulebook
from tests.engines.agreement.test_day_totals import GROUPS, text_of
from tests.engines.agreement.world import make_world

HELD = "daily average over days held"
MEASURES: dict[str, dict[str, object]] = {
    "own": {"from": "balances", "take": HELD},
    "stepped": {"from": "balances", "take": HELD, "each": "max(balance, 0元)"},
    "corporate": {"from": "balances", "take": HELD, "where": "customer_kind = 对公"},
    "last": {"from": "balances", "take": HELD, "over": "last year"},
    "before": {"from": "loan_states", "take": HELD, "over": "previous period"},
    "goal": {"item": "目标", "scope": "person", "unit": "money"},
    "done": {"is": "own / goal"},
}
LINES: dict[str, dict[str, object]] = {
    **{f"x_{name}": {"pay": name} for name in MEASURES if name != "done"},
    "x_done": {"value": "done", "unit": "ratio"},
    "x_high": {"score": "if(own >= 100元, 1, 0)"},
}


@pytest.mark.parametrize("group", GROUPS)
def test_run_and_explain_agree_on_the_fixed_bank(group: str, tmp_path: Path) -> None:
    text = text_of("quarter", group, LINES, MEASURES)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.figures
    assert compared.found == []


@pytest.mark.parametrize("seed", range(4))
def test_run_and_explain_agree_on_invented_banks(seed: int, tmp_path: Path) -> None:
    text = text_of("month", "managers" if seed % 2 else "whole_period", LINES, MEASURES)
    compared = compare(make_world(seed).bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.figures
    assert compared.found == []


def test_the_days_in_post_divide(tmp_path: Path) -> None:
    """p3 joins on 10 February (50 days in the quarter) and has 65.43 yuan on the 31 days of March."""
    text = rulebook_text("quarter", "by days", LINES, measures=MEASURES)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    (card,) = compared.traces["p3"][0].cards
    assert card.measures["own"].value == Fraction("65.43") * 31 / 50
    assert card.measures["last"].value == Unknown("measures.last", "undefined")
    # Each spell of p1 has the level of its own days; the plain average would share them out.
    assert [card.spell_days for card in compared.traces["p1"][0].cards] == [48, 42]
    assert all(isinstance(card.measures["own"].value, Fraction) for card in compared.traces["p1"][0].cards)
