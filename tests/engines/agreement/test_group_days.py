"""On which day a member of a group belongs to it: any day of the period, its last or its first."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.facts.store import Bank
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.print.reading_back import read_back
from tests.engines.agreement.fixed import MEASURES, PERIOD, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, write_rulebook

# p3 joins on 10 February, p4 leaves on 20 March; p1 and p2 are there throughout, p1 in two spells.
EDGE = {"p1": "9999.99", "p2": "10000", "p3": "10000.01", "p4": "-10000.05"}
FIGURES = {
    "sum(edge among managers)": "19999.95",
    "sum(edge among managers, at end)": "30000",
    "sum(edge among managers, at start)": "9999.94",
    "highest(edge among managers, at start)": "10000",
    "lowest(edge among managers, at end)": "9999.99",
    "average(edge among managers, at end) * 1": "10000",
    "sum(edge among managers, self out, at end)": "20000.01",
    "sum(edge among managers, at end, at least 4) * 1": None,
}
COUNTS = {
    "count(edge > 0元 among managers, at end)": 3,
    "count(edge > 0元 among managers, at start)": 2,
    "rank(edge among managers)": 3,
    "rank(edge among managers, at start)": 2,
    "rank(edge among managers, lowest first, at end)": 1,
}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return fixed_world().bank(tmp_path_factory.mktemp("days"))


@pytest.mark.parametrize("spells", ["none", "by days"])
def test_a_member_belongs_on_the_named_day(spells: str, bank: Bank, tmp_path: Path) -> None:
    lines: Section = {
        **{f"m{i}": {"unit": "number", "value": f"({x}) / 1元"} for i, x in enumerate(FIGURES)},
        **{f"c{i}": {"unit": "count", "value": x} for i, x in enumerate(COUNTS)},
        **{f"s{i}": {"score": x} for i, x in enumerate(COUNTS)},
    }
    checks: Section = {f"k{i}": {"when": f"{x} > 2", "says": "看"} for i, x in enumerate(COUNTS)}
    text = rulebook_text("quarter", spells, lines, measures=MEASURES, checks=checks)
    found = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert found.found == []
    whole = found.traces["p1"][-1].whole
    for number, wanted in enumerate(FIGURES.values()):
        value = whole[f"m{number}"]
        assert (value if isinstance(value, Fraction) else None) == (
            None if wanted is None else Fraction(wanted)
        )
    assert [whole[f"c{number}"] for number in range(len(COUNTS))] == list(COUNTS.values())


def test_who_has_left_is_ranked_among_those_of_the_last_day(bank: Bank, tmp_path: Path) -> None:
    lines: Section = {"place": {"unit": "count", "value": "rank(edge among managers, at end)"}}
    text = rulebook_text("quarter", "none", lines, measures=MEASURES)
    found = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert found.found == []
    places = {person: found.traces[person][-1].whole["place"] for person in EDGE}
    assert places == {"p1": 3, "p2": 2, "p3": 1, "p4": 4}


def test_it_is_read_back() -> None:
    text = rulebook_text(
        "quarter", "none", {"x": {"pay": "sum(edge among managers, at end)"}}, measures=MEASURES
    )
    rulebook, problems = load_string(text)
    assert problems == []
    assert rulebook is not None
    assert "期末在册的managers的“edge”之和" in "\n".join(read_back(rulebook))
