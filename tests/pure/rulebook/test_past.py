"""The past: streaks that break, restart and become unknown; ledgers used oldest first, with lapse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pytest

from guanhu.rulebook.explain.past import Past, Value
from guanhu.values.dates import Span, instances, period_of


def months() -> list[Span]:
    year = period_of("2025")
    assert year is not None
    return instances("month", year)


def past_of(**lines: list[Value]) -> Past:
    past = Past()
    for line, values in lines.items():
        for span, value in zip(months(), values, strict=False):
            past.computed[line, span] = {} if value == "absent" else {"p": value}
    return past


# Yes and no by month, "absent" for a month without appraisal, None for an unknown one.
STREAKS = [
    ([True, True, True], date.min, 3),
    ([True, False, True], date.min, 1),
    ([True, "absent", True], date.min, 2),
    ([True, None, True], date.min, None),
    ([True, None, False, True], date.min, 1),
    ([True, True, True], date(2025, 3, 1), 1),
    ([None, True, True], date(2025, 2, 1), 2),
]


@pytest.mark.parametrize(("values", "since", "wanted"), STREAKS)
def test_streak(values: list[Value], since: date, wanted: int | None) -> None:
    past = past_of(low=values)
    assert past.streak("low", date(2026, 1, 1), {"p": since})["p"] == wanted


# The same of a count, of the instances from February on.
TIMES = [
    ([True, True, False, True], date.min, 2),
    ([True, True, False, True], date(2025, 3, 1), 1),
    ([True, None, True], date.min, None),
    ([True, None, True], date(2025, 3, 1), 1),
    ([True, "absent", True], date.min, 1),
]


@pytest.mark.parametrize(("values", "since", "wanted"), TIMES)
def test_times(values: list[Value], since: date, wanted: int | None) -> None:
    past = past_of(low=values)
    assert past.times("low", date(2025, 2, 1), date(2026, 1, 1), {"p": since})["p"] == wanted


@dataclass(frozen=True)
class LeadsTo:
    states: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()


JANUARY, MARCH, MAY = date(2025, 1, 1), date(2025, 3, 1), date(2025, 5, 1)
# Set by decisions, the bank's own rows, the days on which the state changed last before July.
CHANGES = [
    ([], [(JANUARY, "高级")], None),
    ([(MARCH, "初级")], [(JANUARY, "高级")], MARCH),
    ([(MARCH, "高级")], [(JANUARY, "高级")], None),
    ([(MARCH, "初级")], [], MARCH),
    ([(MARCH, "初级")], [(JANUARY, "高级"), (MAY, "初级")], MARCH),
    ([(MARCH, "初级")], [(JANUARY, "高级"), (MAY, "高级")], MAY),
    ([], [(JANUARY, "高级"), (MAY, "初级")], MAY),
    ([], [(JANUARY, "高级"), (date(2025, 7, 1), "初级")], None),
]


@pytest.mark.parametrize(("decided", "supplied", "wanted"), CHANGES)
def test_a_count_starts_anew_when_its_state_changes(
    decided: list[tuple[date, str]], supplied: list[tuple[date, str]], wanted: date | None
) -> None:
    past = Past(states={"grade": {"p": decided}, "watch": {"p": [(MAY, "观察")]}})
    found = past.changes(LeadsTo(("grade",)), date(2025, 7, 1), {"grade": {"p": supplied}})
    assert found.get("p") == wanted


def test_what_is_known_at_the_opening_is_no_change() -> None:
    known = [(JANUARY, "观察")]
    past = Past(states={"watch": {"p": list(known)}}, opening={"watch": {"p": known}})
    assert past.changes(LeadsTo(("watch",)), MAY, {}) == {}


def test_a_decision_without_a_state_stands_for_itself() -> None:
    past = past_of(said=[False, True, False], low=[True, True, True])
    assert past.changes(LeadsTo(decisions=("said",)), MAY, {}) == {"p": MARCH}


def test_a_published_value_wins_over_a_computed_one() -> None:
    past = past_of(low=[True])
    past.published["low", months()[0]] = {"p": False}
    assert past.streak("low", date(2026, 1, 1), {})["p"] == 0


# Entered and used by month, lapse, balance at the start of month 5.
LEDGERS = [
    ([100, 0, 0, 0], [0, 0, 0, 0], 0, 100),
    ([100, 50, 0, 0], [0, 0, 120, 0], 0, 30),
    ([100, 0, 0, 0], [0, 0, 0, 0], 4, 100),
    ([100, 0, 0, 0], [0, 0, 0, 0], 3, 0),
    ([100, 50, 0, 0], [0, 30, 0, 0], 3, 50),
    # Used in the month in which it was entered: nothing is left of it, and what is older goes first.
    ([0, 0, 60, 0], [0, 0, 60, 0], 1, 0),
    ([0, 0, 80, 30], [0, 0, 50, 60], 0, 0),
    ([0, 0, 80, 30], [0, 0, 50, 40], 1, 20),
    ([0, 0, 80, 30], [0, 0, 50, 10], 1, 30),
]


@pytest.mark.parametrize(("adds", "uses", "lapses", "wanted"), LEDGERS)
def test_ledger(adds: list[int], uses: list[int], lapses: int, wanted: int) -> None:
    past = past_of(a=[Fraction(x) for x in adds], u=[Fraction(x) for x in uses])
    assert past.balance("a", "u", lapses, date(2025, 5, 1))["p"] == wanted


def test_an_unknown_entry_makes_the_balance_unknown() -> None:
    past = past_of(a=[Fraction(1), None], u=[Fraction(0), Fraction(0)])
    assert past.balance("a", "u", 0, date(2025, 5, 1))["p"] is None
