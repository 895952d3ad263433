"""What spells come to, counted by hand: p1 is 48 days of the first quarter of 2025 in one branch, then 42 in another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.facts.store import Bank
from guanhu.rulebook.explain.subject import SubjectTrace
from tests.engines.agreement.fixed import PERIOD, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, write_rulebook

MOVED = "p1"
MEASURES: Section = {"edge": {"item": "边", "scope": "person", "unit": "money"}}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return fixed_world().bank(tmp_path_factory.mktemp("spells"))


def quarter_of(bank: Bank, folder: Path, lines: Section, **more: Section) -> SubjectTrace:
    """Return what both readings say of the one who moved in the quarter."""
    text = rulebook_text("quarter", "by days", lines, measures=MEASURES, **more)
    compared = compare(bank, write_rulebook(folder, text), PERIOD)
    assert compared.found == []
    return compared.traces[MOVED][-1]


# What the lines of a total come to in a spell is 9999.99 each time; 9000 is 4800 in 48 days and 4200 in 42.
TOTALS = [
    ({"most": "9000元"}, (4800, 4200), 9000),
    ({"least": "90000元"}, (48000, 42000), 90000),
    ({"most": "20000元"}, (Fraction("9999.99"), Fraction("9333.33")), Fraction("19333.32")),
    ({"most": "90000元"}, (Fraction("9999.99"), Fraction("9999.99")), Fraction("19999.98")),
]


@pytest.mark.parametrize(("bounds", "spells", "whole"), TOTALS)
def test_a_bounded_total_keeps_its_earlier_spell(
    bank: Bank, tmp_path: Path, bounds: dict[str, str], spells: tuple[Fraction, ...], whole: Fraction
) -> None:
    lines: Section = {"own": {"pay": "edge"}, "all": {"total": ["own"], **bounds}}
    trace = quarter_of(bank, tmp_path / "rules", lines)
    assert tuple(card.lines["all"].value for card in trace.cards) == spells
    assert trace.whole["all"] == whole


def test_a_total_of_totals_adds_what_they_came_to(bank: Bank, tmp_path: Path) -> None:
    lines: Section = {
        "own": {"pay": "edge"},
        "held": {"total": ["own"], "most": "9000元"},
        "free": {"total": ["own"]},
        "all": {"total": ["held", "free"]},
    }
    trace = quarter_of(bank, tmp_path / "rules", lines)
    assert trace.whole["all"] == 9000 + Fraction("19999.98")
