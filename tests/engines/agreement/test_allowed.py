"""What an input may be, as a formula of other inputs: decisions outside are none, prices outside are refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.appraisal.running import run_rulebook
from guanhu.rulebook.explain.values import Unknown
from guanhu.values.problem import Refused
from tests.engines.agreement.fixed import PERIOD, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, make_engine, write_rulebook
from tests.engines.agreement.world import World

INPUTS = {
    "cut": {"unit": "money", "from": "person", "allowed": "(floor_pay, top(grade) * 100元]", "clause": "一"},
    "top": {"unit": "number", "by": ["grade"], "clause": "一"},
    "rate": {"unit": "ratio", "by": ["grade"], "allowed": "[low, high_of.x]", "clause": "一"},
    "low": {"unit": "ratio", "by": ["grade"], "clause": "一"},
    "floor_pay": {"unit": "money", "clause": "一"},
}
TABLES = {
    "high_of": {
        "by": ["grade"],
        "gives": {"x": "ratio"},
        "rows": [["高级", "10%"], ["中级", "8%"], ["初级", "low * 2"]],
    }
}
LINES = {"cut_pay": {"pay": "0元 - first_given(cut, 1元)"}, "rated": {"pay": "10000元 * rate"}}


def world_with(*rows: tuple[str, str, str, str, str], cuts: tuple[tuple[str, str, str], ...] = ()) -> World:
    """Return the fixed bank with parameters (input, keys, from, to, value) and decisions (day, person, value)."""
    world = fixed_world()
    world.rows["parameters"] = [row for row in world.rows["parameters"] if row[1] != "floor_pay"]
    for name, keys, first, last, value in rows:
        world.add("parameters", ("probe", name, keys, first, last, value))
    for number, (day, person, value) in enumerate(cuts):
        world.add("human_decisions", (f"h{number}", day, "probe", person, "cut", value, "事由", "行长"))
    return world


def rules(folder: Path) -> Path:
    return write_rulebook(folder, rulebook_text("quarter", "none", LINES, tables=TABLES, inputs=INPUTS))


SINCE = "2024-01-01"
TOPS = (("top", "高级", SINCE, "", "3"), ("top", "初级", SINCE, "", "2"), ("floor_pay", "", SINCE, "", "100"))
LOWS = (
    ("low", "高级", SINCE, "", "0.01"),
    ("low", "初级", SINCE, "", "0.02"),
    ("low", "中级", SINCE, "", "0.03"),
)
# p2 is 高级 at the end of the quarter: more than 100, up to 300. p1 is 中级, whose top is not supplied.
CUTS = {
    "on the open end": ((("2025-02-01", "p2", "100"),), "p2", Fraction(-1)),
    "on the closed end": ((("2025-02-01", "p2", "300"),), "p2", Fraction(-300)),
    "above": ((("2025-02-01", "p2", "300.01"),), "p2", Fraction(-1)),
    "an older one stands": ((("2025-02-01", "p2", "200"), ("2025-03-01", "p2", "301")), "p2", Fraction(-200)),
    "the newest of two": ((("2025-02-01", "p2", "200"), ("2025-03-01", "p2", "201")), "p2", Fraction(-201)),
    "of another quarter": ((("2024-12-31", "p2", "200"),), "p2", Fraction(-1)),
    "an end that is unknown": ((("2025-02-01", "p1", "200"),), "p1", Fraction(-1)),
    "the lower grade's top": ((("2025-02-01", "p3", "201"),), "p3", Fraction(-1)),
}  # fmt: skip


@pytest.mark.parametrize("case", CUTS)
def test_a_decision_outside_the_range_is_none(case: str, tmp_path: Path) -> None:
    cuts, person, wanted = CUTS[case]
    bank = world_with(*TOPS, *LOWS, cuts=cuts).bank(tmp_path)
    compared = compare(bank, rules(tmp_path / "rules"), PERIOD)
    assert compared.found == []
    assert compared.traces[person][-1].whole["cut_pay"] == wanted


RATES = {
    "inside": (("rate", "高级", SINCE, "", "0.1"), "p2", Fraction(1000)),
    "by a table of another input": (("rate", "初级", SINCE, "", "0.04"), "p3", Fraction(400)),
}


@pytest.mark.parametrize("case", RATES)
def test_a_price_inside_its_range_is_read(case: str, tmp_path: Path) -> None:
    row, person, wanted = RATES[case]
    bank = world_with(*TOPS, *LOWS, row).bank(tmp_path)
    compared = compare(bank, rules(tmp_path / "rules"), PERIOD)
    assert compared.found == []
    assert compared.traces[person][-1].whole["rated"] == wanted


OUTSIDE = {
    "above": (("rate", "高级", SINCE, "", "0.1001"), "2024-01-01 起"),
    "below": (("rate", "初级", SINCE, "", "0.0199"), "2024-01-01 起"),
    "outside once the other changes": (("rate", "初级", SINCE, "", "0.03"), "2025-03-01 起"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_a_price_outside_its_range_is_refused(case: str, tmp_path: Path) -> None:
    row, word = OUTSIDE[case]
    later = [("low", "初级", "2025-03-01", "", "0.04")] if "changes" in case else []
    lows = [(*low[:3], "2025-02-28", low[4]) if later and low[1] == "初级" else low for low in LOWS]
    bank = world_with(*TOPS, *lows, *later, row).bank(tmp_path)
    with pytest.raises(Refused) as refused:
        run_rulebook(make_engine, bank, rules(tmp_path / "rules"), PERIOD)
    (problem,) = refused.value.problems
    assert problem.code == "RUN012"
    assert word in problem.zh


def test_a_price_whose_range_is_not_known_counts_as_not_given(tmp_path: Path) -> None:
    bank = world_with(*TOPS, LOWS[0], ("rate", "初级", SINCE, "", "0.03")).bank(tmp_path)
    compared = compare(bank, rules(tmp_path / "rules"), PERIOD)
    assert compared.found == []
    assert isinstance(compared.traces["p3"][-1].whole["rated"], Unknown)
    assert [p.code for p in compared.ran.problems if p.place.sheet == "rate"] == ["RUN014"]
