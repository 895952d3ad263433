"""A pool pays out to the last fen: parts sum to it, none is a whole fen off, ties go to the smaller id."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from guanhu.rulebook.explain.groups import parts_of
from guanhu.rulebook.load.folder import load_string

IDS = st.text("ab01", min_size=1, max_size=3)
SHARES = st.dictionaries(IDS, st.fractions(0, 1000, max_denominator=999), min_size=1, max_size=12)


@given(amount=st.integers(0, 10**12), shares=SHARES.filter(lambda shares: sum(shares.values()) > 0))
def test_parts_sum_to_the_pool(amount: int, shares: dict[str, Fraction]) -> None:
    parts = parts_of(amount, shares)
    total = sum(shares.values())
    assert sum(parts.values()) == amount
    assert all(abs(parts[each] - amount * share / total) < 1 for each, share in shares.items())
    assert all(parts[each] == 0 for each, share in shares.items() if not share)


# Pool in fen, figures by person, parts in fen.
PARTS = [
    (10000, {"p1": 1, "p2": 1, "p3": 1}, {"p1": 3334, "p2": 3333, "p3": 3333}),
    (10000, {"p3": 1, "p2": 1, "p10": 1}, {"p10": 3334, "p2": 3333, "p3": 3333}),
    (10000, {"p1": 1, "p2": 2, "p3": 4}, {"p1": 1429, "p2": 2857, "p3": 5714}),
    (1, {"p1": 1, "p2": 2}, {"p1": 0, "p2": 1}),
    (2, {"p1": 0, "p2": 5, "p3": 5, "p4": 5}, {"p1": 0, "p2": 1, "p3": 1, "p4": 0}),
    (0, {"p1": 1}, {"p1": 0}),
]


@pytest.mark.parametrize(("amount", "shares", "wanted"), PARTS)
def test_parts(amount: int, shares: dict[str, int], wanted: dict[str, int]) -> None:
    assert parts_of(amount, {key: Fraction(value) for key, value in shares.items()}) == wanted


RULES = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "patterns" / "30-pool.yaml").read_text(
    "utf-8"
)
POOL = "pool(奖金总额, 得分 among managers by institution)"
# What is written in the formula's place → what is told of it.
REFUSED = [
    ("pool(奖金总额, 评分 among managers)", "shares by a line"),
    ("pool(得分, 得分 among managers)", "shares out an amount of money"),
    ("pool(奖金总额, 得分 among managers, self out)", "has no options"),
    ("pool(奖金总额, 得分 among others)", "has to say among whom"),
    ("pool(奖金总额, 得分)", "has to say among whom"),
    ("pool(sum(奖金总额 among managers), 得分 among managers)", "another among"),
    ("pool(奖金总额)", "takes 2 arguments"),
]


@pytest.mark.parametrize(("formula", "told"), REFUSED)
def test_a_pool_that_has_no_meaning_is_refused(formula: str, told: str) -> None:
    _, problems = load_string(RULES.replace(POOL, formula))
    assert [told in problem.text("en") for problem in problems] == [True]
