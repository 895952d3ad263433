"""Customers by head, and what a customer comes to rounded: both readings agree, with each other and with a clerk."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.engines.agreement.fixed import PERIOD, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, write_rulebook
from tests.engines.agreement.test_day_totals import GROUPS, text_of
from tests.engines.agreement.world import make_world

MEASURES: dict[str, dict[str, object]] = {
    "heads": {"from": "balances", "take": "distinct customer_id"},
    "heads_rich": {"from": "balances", "take": "distinct customer_id", "where": "whole >= 10000元"},
    "heads_on": {"from": "balances", "take": "distinct customer_id", "where": "balance > 0元"},
    "heads_base": {"from": "balances", "take": "distinct customer_id", "over": "base of last year"},
    "heads_last": {"from": "balances", "take": "distinct customer_id", "over": "last year"},
    "heads_then": {"from": "balances", "take": "distinct customer_id", "credit_at": "window start"},
    "heads_lent": {"from": "loan_states", "take": "distinct customer_id"},
    "heads_unknown": {"from": "balances", "take": "distinct customer_id", "where": "customer_kind = 对公"},
    "whole": {"from": "balances", "take": "at end", "per": "customer"},
    "cut": {"from": "balances", "round": "fen per customer"},
    "cut_whole": {"from": "balances", "round": "places 0 per customer", "each": "balance * price"},
    "cut_ends": {"from": "balances", "round": "places 1 per customer", "take": "month-end average"},
    "cut_base": {"from": "balances", "round": "fen per customer", "over": "base of last year"},
    "cut_unknown": {"from": "balances", "round": "fen per customer", "where": "customer_kind = 对公"},
    "cut_lent": {"from": "loan_states", "round": "fen per customer", "each": "balance * 0.3333"},
    "cut_fees": {"from": "fees", "round": "places 0 per customer", "each": "amount * 0.3"},
    "cut_due": {
        "from": "interest",
        "round": "places 0 per customer",
        "each": "due * 0.37",
        "over": "to date",
    },
    "cut_lends": {"from": "loans", "round": "places 0 per customer", "each": "amount * 0.333"},
    "cut_conduct": {"from": "violation", "round": "places 0 per customer", "each": "points * 1元"},
}
LINES = {
    f"x_{name}": {"value": name, "unit": "count" if name.startswith("heads") else "money"}
    for name in MEASURES
    if name != "whole"
}


@pytest.mark.parametrize("group", GROUPS)
def test_run_and_explain_agree_on_the_fixed_bank(group: str, tmp_path: Path) -> None:
    text = text_of("quarter", group, LINES, MEASURES)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.figures
    assert compared.found == []


@pytest.mark.parametrize("seed", range(2))
def test_run_and_explain_agree_on_invented_banks(seed: int, tmp_path: Path) -> None:
    text = text_of("month", "managers" if seed % 2 else "places", LINES, MEASURES)
    compared = compare(make_world(seed).bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.figures
    assert compared.found == []


def test_customers_are_counted_by_head_and_rounded_each(tmp_path: Path) -> None:
    """p2 has a4 and a third of a3 (both of c2), 40 % of c1, and on 31 March nothing else: two heads."""
    measures = {name: MEASURES[name] for name in ("heads", "heads_rich", "whole", "cut_fees")}
    lines = {name: LINES[name] for name in ("x_heads", "x_heads_rich", "x_cut_fees")}
    text = rulebook_text("quarter", "by days", lines, measures=measures)
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    (card,) = compared.traces["p2"][0].cards
    assert card.measures["heads"].value == 2
    # On 31 March c1 has 777.77 + 33.33 and c2 has 39,999.99.
    assert card.measures["heads_rich"].value == 1
    # Fees: of c1 40 % of f1, f2 and f4, and f7 whole (a2 was p2's on 7 February); of c2 a third of f6, 90 % of nothing.
    of_c1 = (Fraction("100") + Fraction("33.33") + Fraction("12.34")) * Fraction(4, 10) + 5
    of_c2 = Fraction("7.77") * Fraction(333_333_333, 10**9)
    cut = [round(x * Fraction(3, 10)) for x in (of_c1, of_c2)]
    assert card.measures["cut_fees"].value == sum(cut)
