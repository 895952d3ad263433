"""Figures that a decision keeps for later periods, and earlier figures several instances back."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.appraisal.published import publish
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.print.reading_back import read_back
from tests.engines.agreement.fixed import MEASURES, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import Compared, compare, write_rulebook
from tests.engines.agreement.world import World

LINES: Section = {
    "day": {"unit": "number", "value": "month(period_end) * 100 + 0.25"},
    "amount": {"pay": "if(month(period_end) = 2, never, 12元 * month(period_end))"},
    "read": {"unit": "number", "value": "first_given(基数, -1)"},
    "held": {"unit": "money", "value": "first_given(底数, 0元) + 1元"},
    "two_back": {"unit": "number", "value": "previous(day, 7, 2 back)"},
    "marked": {"unit": "number", "value": "if(given(基数), 1, 0)"},
}
DECISIONS: Section = {
    "keep": {"when": "month(period_end) <= 2", "sets": {"基数": "day"}, "says": "存"},
    "keep_amount": {"when": "month(period_end) <= 3", "sets": {"底数": "amount"}, "says": "存"},
}


def compared(folder: Path, world: World | None = None, period: str = "2025Q1", **more: Section) -> Compared:
    text = rulebook_text("month", "none", LINES, measures=MEASURES, decisions=DECISIONS, **more)
    bank = (world or fixed_world()).bank(folder)
    found = compare(bank, write_rulebook(folder / "rules", text), period)
    assert found.found == []
    assert found.unread == []
    return found


def of(found: Compared, person: str, line: str) -> list[object]:
    return [trace.whole[line] for trace in found.traces[person]]


def test_a_kept_figure_is_read_from_the_next_period_on(tmp_path: Path) -> None:
    found = compared(tmp_path)
    assert of(found, "p2", "read") == [-1, Fraction("100.25"), Fraction("200.25")]
    assert of(found, "p2", "marked") == [0, 1, 1]


def test_an_unknown_figure_is_not_kept_and_the_person_is_named(tmp_path: Path) -> None:
    found = compared(tmp_path)
    assert of(found, "p2", "held") == [1, 13, 13]
    changes = [row for row in found.ran.outcome.changes if row[1] == "p2" and row[2] == "keep_amount"]
    assert [(row[5], row[7]) for row in changes] == [("12", False), ("", True), ("36", False)]


def test_an_earlier_figure_is_read_two_instances_back(tmp_path: Path) -> None:
    found = compared(tmp_path)
    assert of(found, "p2", "two_back") == [7, 7, Fraction("100.25")]
    assert of(found, "p3", "two_back") == [7, 7]


def test_a_figure_of_the_opening_state_is_read(tmp_path: Path) -> None:
    world = fixed_world()
    world.add("opening_state", ("probe", "p2", "基数", "month", "2024-12-31", "88.5"))
    assert of(compared(tmp_path, world), "p2", "read")[0] == Fraction("88.5")


def test_a_published_run_hands_the_figure_on(tmp_path: Path) -> None:
    text = rulebook_text("month", "none", LINES, measures=MEASURES, decisions=DECISIONS)
    bank = fixed_world().bank(tmp_path)
    rules = write_rulebook(tmp_path / "rules", text)
    first = compare(bank, rules, "2025-01")
    publish(bank.path, first.ran.folder)
    second = compare(bank, rules, "2025-02")
    assert first.found == second.found == []
    assert of(second, "p2", "read") == [Fraction("100.25")]


BAD = {
    "of another unit": ({"two": {"when": "day > 1", "sets": {"基数": "amount"}, "says": "存"}}, "RUL069"),
    "no unit": ({"two": {"when": "day > 1", "sets": {"新": "bare"}, "says": "存"}}, "RUL069"),
    "yearly": ({"two": {"when": "day > 1", "sets": {"新": "yearly"}, "says": "存"}}, "RUL042"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_kept_is_refused(case: str) -> None:
    decisions, code = BAD[case]
    lines = {**LINES, "bare": {"value": "day + 1"}, "yearly": {"every": "year", "pay": "1元"}}
    text = rulebook_text("month", "none", lines, measures=MEASURES, decisions={**DECISIONS, **decisions})
    _, problems = load_string(text)
    assert code in {p.code for p in problems}


def test_it_is_read_back() -> None:
    rulebook, problems = load_string(
        rulebook_text("month", "none", LINES, measures=MEASURES, decisions=DECISIONS)
    )
    assert problems == []
    assert rulebook is not None
    told = "\n".join(read_back(rulebook))
    assert "状态“基数”改为“day”, 下期起生效" in told
    assert "前第 2 期“day”(没有时取 7)" in told


def test_unknown_stays_unknown_where_nothing_was_kept(tmp_path: Path) -> None:
    lines: Section = {**LINES, "bare": {"unit": "number", "value": "基数 * 2"}}
    text = rulebook_text("month", "none", lines, measures=MEASURES, decisions=DECISIONS)
    bank = fixed_world().bank(tmp_path)
    found = compare(bank, write_rulebook(tmp_path / "rules", text), "2025Q1")
    assert found.found == []
    values = of(found, "p2", "bare")
    assert isinstance(values[0], Unknown)
    assert values[1:] == [Fraction("200.5"), Fraction("400.5")]
