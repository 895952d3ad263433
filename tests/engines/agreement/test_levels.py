"""Figures of the institutions below, and lines that read themselves there, level by level in both readings."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.print.reading_back import read_back
from tests.engines.agreement.fixed import Section, fixed_world
from tests.engines.agreement.rulebooks import CLAUSE, WORDS
from tests.engines.agreement.running import compare, write_rulebook
from tests.engines.agreement.world import World

# H is over A and B, A over A1 and A2, A1 over A11; N stands alone.
PLACES = {"H": "", "A": "H", "B": "H", "A1": "A", "A2": "A", "A11": "A1", "N": ""}
OWN = {"A11": "80", "A2": "50", "B": "91", "N": "7", "A1": "10", "H": "1"}
MEASURES = {"own": {"item": "自评", "scope": "institution", "unit": "points"}}


def world_of(own: dict[str, str]) -> World:
    world = fixed_world()
    world.rows["institutions"] = [
        (place, "2020-01-01", "", place, "总行" if place == "H" else "支行", above, "城区")
        for place, above in PLACES.items()
    ]
    world.rows["teams"] = [("T1", "一队", "A"), ("T2", "二队", "B")]
    for place, value in own.items():
        world.add("figures", ("institution", place, "自评", "2024-01-01", "", value))
    return world


def text_of(lines: Section, checks: Section | None = None) -> str:
    parts = {
        "rulebook": "probe",
        "name": "试办法",
        "calendar": {"every": "quarter"},
        "who": {
            "places": {"subject": "institution", "is": "level in (支行, 总行)", "clause": CLAUSE},
            "heads": {"subject": "institution", "is": "level = 总行", "clause": CLAUSE},
            "managers": {"is": "post = 经理", "clause": CLAUSE},
        },
        "words": WORDS,
        "measures": {n: {"clause": CLAUSE, **m} for n, m in MEASURES.items()},
        "lines": {n: {"clause": CLAUSE, "who": "places", **x} for n, x in lines.items()},
        "checks": {n: {"clause": CLAUSE, "who": "places", **x} for n, x in (checks or {}).items()},
    }
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in parts.items())


def figures(
    lines: Section, name: str, folder: Path, own: dict[str, str] = OWN, **more: Section
) -> dict[str, object]:
    bank = world_of(own).bank(folder)
    compared = compare(bank, write_rulebook(folder / "rules", text_of(lines, **more)), "2025Q1")
    assert compared.found == []
    assert compared.unread == []
    return {
        place: trace.whole[name]
        for place in PLACES
        for trace in compared.traces.get(place, [])
        if name in trace.whole
    }


SCORE: Section = {
    "score": {
        "cases": [
            {"when": "count(yes among places, directly below) = 0", "score": "own"},
            {"otherwise": "average(score among places, directly below)"},
        ]
    }
}


def test_a_score_is_the_average_of_those_below_down_to_the_lowest(tmp_path: Path) -> None:
    found = figures(SCORE, "score", tmp_path)
    assert found == {"A11": 80, "A1": 80, "A2": 50, "A": 65, "B": 91, "H": 78, "N": 7}


def test_an_unknown_one_below_is_unknown_up_to_the_top(tmp_path: Path) -> None:
    found = figures(SCORE, "score", tmp_path, {k: v for k, v in OWN.items() if k != "A11"})
    assert {place for place, value in found.items() if isinstance(value, Unknown)} == {"A11", "A1", "A", "H"}
    assert found["B"] == 91


def test_a_ring_goes_through_other_lines_and_checks(tmp_path: Path) -> None:
    lines: Section = {
        "total": {"unit": "points", "value": "first_given(own, 0) + under"},
        "under": {"unit": "points", "value": "sum(total among places, directly below, at least 0)"},
        "marked": {"score": "if(weak, 0, 100)"},
    }
    checks: Section = {
        "weak": {"when": "total < 20 or count(weak among places, directly below) >= 1", "says": "弱"}
    }
    found = figures(lines, "total", tmp_path / "one", checks=checks)
    assert found == {"A11": 80, "A1": 90, "A2": 50, "A": 140, "B": 91, "H": 232, "N": 7}
    own = {**OWN, "A2": "19"}
    marked = figures(lines, "marked", tmp_path / "two", own, checks=checks)
    assert marked == {"A11": 100, "A1": 100, "A2": 0, "A": 0, "B": 100, "H": 0, "N": 0}


def test_one_group_reads_another_below_it(tmp_path: Path) -> None:
    lines: Section = {
        "head": {"who": "heads", "score": "highest(branch among places, directly below) + lowest(own among places, directly below) * 0"},
        "branch": {"score": "first_given(own, 5) * 2"},
    }  # fmt: skip
    own = {**OWN, "A": "3"}
    assert figures(lines, "head", tmp_path, own) == {"H": 182}


def test_the_tree_is_that_of_the_last_day(tmp_path: Path) -> None:
    world = world_of(OWN)
    world.rows["institutions"] = [
        row for row in world.rows["institutions"] if row[0] != "B"
    ] + [
        ("B", "2020-01-01", "2025-03-30", "B", "支行", "H", "城区"),
        ("B", "2025-03-31", "2025-06-30", "B", "支行", "A", "城区"),
        ("B", "2025-07-01", "", "B", "支行", "H", "城区"),
    ]  # fmt: skip
    compared = compare(world.bank(tmp_path), write_rulebook(tmp_path / "rules", text_of(SCORE)), "2025Q1")
    assert compared.found == []
    assert compared.traces["A"][-1].whole["score"] == Fraction("73.666666667")
    assert compared.traces["H"][-1].whole["score"] == Fraction("73.666666667")


BAD = {
    "RUL039": {"score": {"score": "rank(score among places, directly below)"}},
    "RUL040": {"score": {"score": "average(score among places)"}},
    "RUL074": {
        "head": {"who": "heads", "score": "average(score among places, directly below)"},
        "score": {"score": "sum(head among heads) + 1"},
    },
}  # fmt: skip


@pytest.mark.parametrize("code", BAD)
def test_other_rings_are_refused(code: str) -> None:
    rulebook, problems = load_string(text_of(BAD[code]))
    assert rulebook is None
    assert code in {p.code for p in problems}


def test_of_people_there_is_nobody_below() -> None:
    _, problems = load_string(
        text_of({"pay": {"who": "managers", "score": "sum(own among managers, directly below)"}})
    )
    assert {p.code for p in problems} == {"RUL039"}


def test_a_line_below_is_of_the_group_that_is_asked() -> None:
    _, problems = load_string(
        text_of(
            {
                "head": {"who": "heads", "score": "1"},
                "score": {"score": "average(head among places, directly below)"},
            }
        )
    )
    assert {p.code for p in problems} == {"RUL068"}


def test_it_is_read_back() -> None:
    rulebook, problems = load_string(text_of(SCORE))
    assert problems == []
    assert rulebook is not None
    assert rulebook.levels == {"score"}
    (line,) = [line for line in read_back(rulebook) if line.startswith("行 score")]
    assert "直接下级的places的“score”平均" in line
