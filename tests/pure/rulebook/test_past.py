"""The past: streaks that break, restart and become unknown; ledgers used oldest first, with lapse."""

from __future__ import annotations

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
    ([True, True, True], [], 3),
    ([True, False, True], [], 1),
    ([True, "absent", True], [], 2),
    ([True, None, True], [], None),
    ([True, None, False, True], [], 1),
    ([True, True, True], [date(2025, 3, 1)], 1),
]


@pytest.mark.parametrize(("values", "resets", "wanted"), STREAKS)
def test_streak(values: list[Value], resets: list[date], wanted: int | None) -> None:
    past = past_of(low=values)
    assert past.streak("low", date(2026, 1, 1), {"p": resets})["p"] == wanted


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
]


@pytest.mark.parametrize(("adds", "uses", "lapses", "wanted"), LEDGERS)
def test_ledger(adds: list[int], uses: list[int], lapses: int, wanted: int) -> None:
    past = past_of(a=[Fraction(x) for x in adds], u=[Fraction(x) for x in uses])
    assert past.balance("a", "u", lapses, date(2025, 5, 1))["p"] == wanted


def test_an_unknown_entry_makes_the_balance_unknown() -> None:
    past = past_of(a=[Fraction(1), None], u=[Fraction(0), Fraction(0)])
    assert past.balance("a", "u", 0, date(2025, 5, 1))["p"] is None
