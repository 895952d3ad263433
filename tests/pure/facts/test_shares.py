"""Parts per billion of exact shares: nothing is lost, nothing is made, ties go to the smaller person id."""

from datetime import date
from fractions import Fraction

from hypothesis import given, strategies as st

from guanhu.facts.shares import Held, Part, parts_per_billion, shared_out

THIRD = Fraction(1, 3)
FIRST, MIDDLE, END = date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)


@given(st.lists(st.tuples(st.integers(1, 999), st.integers(1, 999)), min_size=1, max_size=6))
def test_whole_shares_make_one(weights: list[tuple[int, int]]) -> None:
    exact = [Fraction(*weight) for weight in weights]
    total = sum(exact)
    shares = [(share / total, f"p{index}") for index, share in enumerate(exact)]
    parts = parts_per_billion(shares)
    assert sum(parts) == 10**9
    assert all(abs(part - share * 10**9) < 1 for part, (share, _) in zip(parts, shares, strict=True))


def test_the_odd_part_goes_to_the_larger_remainder_before_the_smaller_id() -> None:
    assert parts_per_billion([(Fraction(1, 3), "a"), (Fraction(2, 3), "b")]) == [333333333, 666666667]


def test_a_row_is_cut_only_where_its_share_changes() -> None:
    group = [
        Held(1, "c", FIRST, END, THIRD),
        Held(2, "a", FIRST, MIDDLE, THIRD),
        Held(3, "b", FIRST, MIDDLE, THIRD),
        Held(4, "d", MIDDLE, END, 2 * THIRD),
    ]
    parts, over = shared_out(group)
    assert over is None
    assert sorted(parts, key=lambda part: (part.row_no, part.start)) == [
        Part(1, FIRST, END, 333333333),
        Part(2, FIRST, MIDDLE, 333333334),
        Part(3, FIRST, MIDDLE, 333333333),
        Part(4, MIDDLE, END, 666666667),
    ]


def test_the_first_day_above_one_is_told() -> None:
    group = [Held(1, "a", FIRST, END, Fraction(1, 2)), Held(2, "b", MIDDLE, END, Fraction(501, 1000))]
    assert shared_out(group) == ([], (MIDDLE, Fraction(1001, 1000)))
