"""Which days have to be covered: those that a figure looks at, those of its condition too, and none besides."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.facts.store import Bank
from tests.engines.agreement.fixed import PERIOD, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, write_rulebook

# The facts begin on 1 January 2024.
BEFORE = "2022-07-01..2022-12-31"
UNKNOWN: dict[str, Section] = {
    "a customer's figure in the condition": {
        "then": {"from": "balances", "per": "customer", "over": BEFORE},
        "asked": {"from": "balances", "where": "then < 5元", "take": "distinct customer_id"},
    },
    "an account's figure in each": {
        "then": {"from": "balances", "per": "account", "over": BEFORE},
        "asked": {"from": "balances", "each": "min(balance, then) / 1元", "unit": "number"},
    },
    "a condition of dated rows": {
        "then": {"from": "balances", "per": "customer", "over": BEFORE},
        "asked": {"from": "fees", "where": "then < 5元", "take": "count"},
    },
    "an average": {"asked": {"from": "balances", "each": "balance / 1元", "unit": "number", "over": "2023-07-01..2024-01-31"}},
}  # fmt: skip
KNOWN: dict[str, Section] = {
    "at end": {"asked": {"from": "balances", "take": "at end", "each": "balance / 1元", "unit": "number", "over": "2023-07-01..2024-01-31"}},
    "a moving base": {"asked": {"from": "balances", "take": "count", "over": "base of 2023-07-01..2024-01-31"}},
    "customers": {"asked": {"from": "balances", "take": "distinct customer_id", "over": "2023-07-01..2024-01-31"}},
    "a customer's": {
        "then": {"from": "balances", "per": "customer", "take": "at end", "over": "2023-07-01..2024-01-31"},
        "asked": {"from": "balances", "where": "then >= 0元", "take": "distinct customer_id"},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return fixed_world().bank(tmp_path_factory.mktemp("needed"))


@pytest.mark.parametrize("spells", ["none", "by days"])
@pytest.mark.parametrize("what", [*UNKNOWN, *KNOWN])
def test_a_figure_is_unknown_where_a_day_that_it_reads_is(
    bank: Bank, tmp_path: Path, what: str, spells: str
) -> None:
    measures = {**UNKNOWN, **KNOWN}[what]
    text = rulebook_text("quarter", spells, {"x": {"unit": "number", "value": "asked"}}, measures=measures)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    known = {isinstance(traces[-1].whole["x"], Fraction) for traces in compared.traces.values() if traces}
    assert known == {what in KNOWN}
