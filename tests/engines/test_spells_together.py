"""What a person's spells come to together: quantities add up, groups and `whole` ask what the statement prints.

p1 is 48 days of the first quarter of 2025 in one branch, then 42 in another.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.facts.store import Bank
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.telling import Teller
from guanhu.rulebook.load.folder import load_string
from tests.engines.agreement.fixed import PERIOD, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, write_rulebook

MOVED = "p1"
MEASURES: Section = {"edge": {"item": "边", "scope": "person", "unit": "money"}}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return fixed_world().bank(tmp_path_factory.mktemp("spells"))


POINTS: Section = {"points": {"from": "violation", "each": "points"}, **MEASURES}
ADDED = {
    "of rows": ({"value": "points"}, (6, Fraction("2.5")), Fraction("8.5")),
    "times a number": ({"value": "points * 2"}, (12, 5), 17),
    "at most so many": (
        {"value": "points", "most": "9"},
        (Fraction("4.8"), Fraction("2.5")),
        Fraction("7.3"),
    ),
    "more than a mark": ({"value": "points - 9"}, (Fraction("1.2"), Fraction("-1.7")), Fraction("-0.5")),
    "with what was before": (
        {"value": "min(points + previous(x, 90), 99)"},
        (Fraction("52.8"), Fraction("44.5")),
        Fraction("97.3"),
    ),
    "of each case": (
        {"cases": [{"when": "points > 3", "value": "points"}, {"otherwise": "0"}]},
        (6, 0),
        6,
    ),
    "a rank does not": ({"value": "rank(edge among managers)"}, (3, 3), 3),
    "a rate does not": ({"value": "if(points > 3, 2, 1)"}, (2, 1), 1),
}
"""6 points before p1 moved and 2.5 after: a quantity of the whole is what the spells add up to, or its bounds would count twice."""


@pytest.mark.parametrize("what", ADDED)
def test_a_quantity_adds_up_over_spells(bank: Bank, tmp_path: Path, what: str) -> None:
    line, spells, whole = ADDED[what]
    text = rulebook_text("quarter", "by days", {"x": {"unit": "number", **line}}, measures=POINTS)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    trace = compared.traces[MOVED][-1]
    assert tuple(card.lines["x"].value for card in trace.cards) == spells
    assert trace.whole["x"] == whole


def test_a_total_of_quantities_and_what_is_paid_for_them_agree(bank: Bank, tmp_path: Path) -> None:
    lines: Section = {
        "x": {"unit": "number", "value": "points"},
        "all": {"total": ["x", "x"]},
        "paid": {"pay": "all * 10元"},
    }
    text = rulebook_text("quarter", "by days", lines, measures=POINTS)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    trace = compared.traces[MOVED][-1]
    assert (trace.whole["all"], trace.whole["paid"]) == (17, 170)
    rulebook, _ = load_string(text)
    assert rulebook is not None
    said = [line for told in Teller(rulebook).subject(trace) for _, line in told.lines()]
    assert "各段相加" in said


# What p1 has in the quarter over both spells is 19999.98; the others have 10000, 10000.01 and -10000.05.
GATHERED = {
    "average(own among managers)": Fraction("7499.985"),
    "highest(own among managers)": Fraction("19999.98"),
    "sum(own among managers, self out)": Fraction("9999.96"),
    "sum(own among managers by institution)": Fraction("9999.93"),
}


@pytest.mark.parametrize("formula", GATHERED)
def test_a_group_gathers_what_the_statement_prints(bank: Bank, tmp_path: Path, formula: str) -> None:
    lines: Section = {
        "own": {"pay": "edge"},
        "place": {"unit": "count", "value": "rank(own among managers)"},
        "x": {"unit": "number", "value": f"({formula}) / 1元"},
        "part": {"unit": "number", "value": "share(own among managers) * 100"},
    }
    text = rulebook_text("quarter", "by days", lines, measures=MEASURES)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    trace = compared.traces[MOVED][-1]
    assert trace.whole["x"] == GATHERED[formula]
    # The first place, though each of the two spells alone would be third.
    assert trace.whole["place"] == 1
    assert [card.lines["place"].value for card in trace.cards] == [1, 1]
    assert trace.whole["part"] == Fraction("66.666733333466")


def test_a_head_is_paid_by_what_the_managers_were_paid(bank: Bank, tmp_path: Path) -> None:
    lines: Section = {
        "own": {"who": "managers", "pay": "edge"},
        "head": {"who": "heads", "pay": "average(own among managers)"},
    }
    text = rulebook_text("quarter", "by days", lines, measures=MEASURES)
    text = text.replace(
        "who: {", 'who: {"heads": {"clause": "一", "is": "post = 行长", "spells": "none"}, ', 1
    )
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    # 29999.94 over four.
    assert compared.traces["p5"][-1].whole["head"] == Fraction("7499.99")


def test_a_spell_may_read_the_whole_period(bank: Bank, tmp_path: Path) -> None:
    """The coefficient of the year goes by the score that is printed, not by what each spell would have scored."""
    lines: Section = {
        "points_of": {"score": "80 + points * 2"},
        "factor": {"unit": "number", "value": "if(whole(points_of) >= 88, 1.5, 1)"},
        "own": {"pay": "edge"},
        "paid": {"pay": "own * factor"},
        "all": {"pay": "whole(own) * factor"},
        "more": {"pay": "own - whole(own) / 2"},
        "pieces": {"unit": "number", "value": "points"},
        "of_all": {"unit": "number", "value": "pieces / whole(pieces)"},
    }
    text = rulebook_text("quarter", "by days", lines, measures=POINTS)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    trace = compared.traces[MOVED][-1]
    # 92 for 48 days and 85 for 42.
    assert trace.whole["points_of"] == Fraction("88.733333333333")
    assert [card.lines["factor"].value for card in trace.cards] == [Fraction("1.5")] * 2
    assert trace.whole["paid"] == Fraction("29999.97")
    assert trace.whole["all"] == Fraction("29999.97")
    assert trace.whole["more"] == Fraction("9999.99")
    assert trace.whole["of_all"] == 1
    said = [line for told in Teller(compared_rulebook(text)).subject(trace) for _, line in told.lines()]
    assert "points_of(全期) = 88.7333 分(见该行)" in said


def compared_rulebook(text: str) -> t.Rulebook:
    rulebook, _ = load_string(text)
    assert rulebook is not None
    return rulebook
