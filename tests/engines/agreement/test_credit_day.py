"""`credit_at`: whoever is in charge on one day has the whole window, in both readings and on the calendar."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.engines.agreement.fixed import PERIOD, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, write_rulebook
from tests.engines.agreement.test_day_totals import GROUPS, text_of
from tests.engines.agreement.world import make_world

DAYS = ("window start", "window end", "evaluation end")
SHAPES: dict[str, dict[str, object]] = {
    "plain": {"from": "balances"},
    "stepped": {"from": "balances", "each": "max(balance, 0元) * price"},
    "graded": {"from": "balances", "where": "person.grade <> 初级"},
    "counted": {"from": "balances", "take": "count"},
    "low": {"from": "balances", "take": "lowest"},
    "last": {"from": "balances", "over": "last year"},
    "last_high": {"from": "balances", "over": "last year", "take": "highest"},
    "in_post": {"from": "balances", "take": "daily average over days held"},
    "placed": {"from": "balances", "credit": "institution"},
    "led": {"from": "balances", "credit": "lead only"},
    "lent": {"from": "loan_states", "take": "month-end average"},
    "fees": {"from": "fees"},
    "fees_mean": {"from": "fees", "take": "mean"},
    "fees_before": {"from": "fees", "over": "previous period"},
    "fees_placed": {"from": "fees", "credit": "institution"},
    "due": {"from": "interest", "each": "due"},
    "lent_new": {"from": "loans"},
    "opened": {"from": "accounts", "take": "count"},
    "conduct": {"from": "violation", "each": "points * 1元", "credit": "share"},
}
MEASURES = {
    f"{name}_{number}": {**shape, "credit_at": day}
    for place, (name, shape) in enumerate(SHAPES.items())
    for number, day in enumerate(DAYS)
    if name in ("plain", "fees") or place % len(DAYS) == number
}
LINES = {
    f"x_{name}": {"value": name, "unit": "count" if name.startswith(("counted", "opened")) else "money"}
    for name in MEASURES
}


@pytest.mark.parametrize("group", GROUPS)
def test_run_and_explain_agree_on_the_fixed_bank(group: str, tmp_path: Path) -> None:
    text = text_of("quarter", group, LINES, MEASURES)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.figures
    assert compared.found == []
    assert {row[-1] for row in compared.ran.outcome.reconciled} <= {"yes"}


@pytest.mark.parametrize("seed", range(2))
def test_run_and_explain_agree_on_invented_banks(seed: int, tmp_path: Path) -> None:
    text = text_of("month", "managers" if seed % 2 else "places", LINES, MEASURES)
    compared = compare(make_world(seed).bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.figures
    assert compared.found == []


def test_the_whole_quarter_goes_to_whoever_is_in_charge_on_the_day(tmp_path: Path) -> None:
    """a7 opens on 20 January with p4, goes to p3 on 1 March: 0.01 for 39 days, then 65.43 for 32."""
    of_a7 = {"from": "balances", "where": "opened_on = 2025-01-20", "take": "balance days"}
    measures: dict[str, dict[str, object]] = {
        "by_day": of_a7,
        "at_end": {**of_a7, "credit_at": "window end"},
        "at_start": {**of_a7, "credit_at": "window start"},
    }
    lines: dict[str, dict[str, object]] = {f"x_{k}": {"pay": f"{k} / period_days"} for k in measures}
    text = rulebook_text("quarter", "by days", lines, measures=measures)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []

    def figures(person: str) -> list[object]:
        measured = compared.traces[person][0].cards[-1].measures
        return [measured[name].value for name in measures]

    early, late = Fraction("0.01") * 39, Fraction("65.43")
    assert figures("p3") == [late * 31, early + late * 32, 0]
    assert figures("p4") == [early + late, 0, 0]
