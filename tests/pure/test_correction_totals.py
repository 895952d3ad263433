"""What corrections add to the pay: the sum of those that count, unknown when one of them is."""

from fractions import Fraction

import pytest

from guanhu.appraisal.pages.corrected import total_of
from guanhu.appraisal.paid import Correction
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.tree import Line
from guanhu.values.dates import period_of

RULES = """\
rulebook: paid
name: 已付
calendar: {every: month}
who:
  managers: {name: 客户经理, clause: 第一条, is: post = 客户经理}
words:
  posts: {of: post, are: [客户经理]}
lines:
  pay: {clause: 第二条, pay: 100元}
"""
UNKNOWN = Unknown("measures.deposits", "coverage")


@pytest.fixture(scope="module")
def line() -> Line:
    rulebook, _ = load_string(RULES)
    assert rulebook is not None
    return rulebook.lines["pay"]


def correction(line: Line, recomputed: Value, *, counts: bool = True) -> Correction:
    month = period_of("2025-07")
    assert month is not None
    of = Instance(month, "month")
    return Correction(line, of, "run", Fraction(100), Fraction(0), recomputed, counts, None)


def test_those_that_count_add_up(line: Line) -> None:
    found = [correction(line, Fraction(130)), correction(line, Fraction(90), counts=False)]
    assert total_of(found) == 30


def test_one_unknown_makes_the_total_unknown(line: Line) -> None:
    assert total_of([correction(line, Fraction(130)), correction(line, UNKNOWN)]) == UNKNOWN


def test_an_unknown_one_that_does_not_count_changes_nothing(line: Line) -> None:
    assert total_of([correction(line, Fraction(130)), correction(line, UNKNOWN, counts=False)]) == 30
