"""Shares written as fractions make exactly one, on every day, by largest remainder."""

import tempfile
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings, strategies as st

from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from tests.engines.facts.folders import BASICS, COVERED, covering, csv_of, put, rows, write_folder

FIRST = date(2025, 1, 1)
HEADING = "grain,object_id,person_id,from_day,to_day,share"
COVERAGE = COVERED + covering("assignments", "2025-01-01", "2025-03-31")
SHARES = ("1/3", "1/6", "1/2", "2/7", "33.33%", "0.25", "0", "1/1", "0.000000001")


def test_three_thirds_are_one_and_the_smaller_id_has_the_odd_part(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    lines = [("account", "001", person, FIRST, "", "1/3") for person in ("p3", "p1", "p2")]
    put(bank, tmp_path / "in", {**BASICS, "assignments.csv": csv_of(HEADING, lines)}, COVERAGE)
    assert rows(bank.view(), "SELECT person_id, share FROM f_assignments ORDER BY person_id") == [
        ("p1", 333333334),
        ("p2", 333333333),
        ("p3", 333333333),
    ]


def test_rounded_thirds_leave_a_rest(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    lines = [("account", "001", person, FIRST, "", "33.33%") for person in ("p3", "p1", "p2")]
    put(bank, tmp_path / "in", {**BASICS, "assignments.csv": csv_of(HEADING, lines)}, COVERAGE)
    assert rows(bank.view(), "SELECT sum(share) FROM f_assignments") == [(999900000,)]


holdings = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2", "p3"]), st.integers(0, 12), st.integers(0, 12), st.sampled_from(SHARES)
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda holding: holding[0],
)


def exact(text: str) -> Fraction:
    return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


@settings(max_examples=40)
@given(holdings)
def test_sums_are_exact_on_every_day(held: list[tuple[str, int, int, str]]) -> None:
    lines, by_day = [], {}
    for person, start, length, share in held:
        first, last = FIRST + timedelta(days=start), FIRST + timedelta(days=start + length)
        lines.append(("account", "001", person, first, last, share))
        for index in range(start, start + length + 1):
            by_day.setdefault(FIRST + timedelta(days=index), []).append(exact(share))
    totals = {day: sum(shares) for day, shares in by_day.items()}
    with tempfile.TemporaryDirectory() as place:
        bank = Bank.create(Path(place) / "bank", "样行")
        files = {**BASICS, "assignments.csv": csv_of(HEADING, lines)}
        result = import_folder(write_folder(Path(place) / "in", files, COVERAGE), bank)
        if max(totals.values()) > 1:
            assert {problem.code for problem in result.problems} == {"FAC061"}
            return
        assert result.problems == ()
        seen = rows(bank.view(), "SELECT person_id, from_day, to_day, share FROM f_assignments")
    for day, total in totals.items():
        there = [share for _, start, end, share in seen if start <= day < end]
        assert sum(there) == total * 10**9 // 1
        assert len(there) == len(by_day[day])
