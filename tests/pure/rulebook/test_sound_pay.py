"""The guideline on sound pay: a ledger that asks for it gets a check, and is told of a schedule that is too short."""

from __future__ import annotations

import pytest

from guanhu.rulebook.load.folder import load_string

RULES = """
rulebook: probe
name: 试行
calendar: {every: year}
who: {people: {clause: 一, is: "post in (行长, 经理)", spells: none}}
words: {岗位: {of: post, are: [行长, 经理]}}
measures: {base: {clause: 一, like: 应发工资}}
lines:
  bonus: {clause: 一, unit: money, value: base * 6}
  put: {clause: 一, unit: money, value: bonus * 40%}
ledgers:
  later: {clause: 二, defers: put, release: SCHEDULE, sound_pay: {of: bonus, when: post = 行长}}
"""

SCHEDULES = {
    "in 3 equal parts every year": False,
    "in 5 equal parts every year": False,
    "in 6 equal parts every half": False,
    "in parts of 20% 30% 50% every 12 months": False,
    "in parts of 50% 30% 20% every 12 months": True,
    "in 2 equal parts every year": True,
    "after 36 months": False,
    "after 35 months": True,
    "left_on + 36 months": True,
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedule(schedule: str) -> None:
    rulebook, problems = load_string(RULES.replace("SCHEDULE", schedule))
    assert rulebook is not None
    assert ["RUL134"] * SCHEDULES[schedule] == [p.code for p in problems]
    assert rulebook.lines["later_sound_pay"].role == "check"


def test_what_is_missing_is_told() -> None:
    text = RULES.replace("SCHEDULE", "in 3 equal parts every year").replace("of: bonus, ", "")
    rulebook, problems = load_string(text)
    assert rulebook is None
    assert {p.code for p in problems} == {"RUL013"}


def test_a_higher_share_may_be_asked() -> None:
    text = RULES.replace("SCHEDULE", "in 3 equal parts every year").replace(
        "of: bonus,", "of: bonus, least: 50%,"
    )
    rulebook, problems = load_string(text)
    assert problems == []
    assert rulebook is not None
    assert "50%" in rulebook.lines["later_sound_pay"].title
