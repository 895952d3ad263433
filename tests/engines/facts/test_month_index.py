"""The month index and the cuts are day-by-day sums of balances, for every account and whole month covered."""

import tempfile
from collections import defaultdict
from datetime import date
from pathlib import Path

from hypothesis import given, settings, strategies as st

from guanhu.facts.store import Bank
from tests.engines.facts.folders import BASICS, COVERED, covering, csv_of, put, rows

ACCOUNTS = ("001", "002", "003")
FIRST, LAST = date(2025, 1, 20), date(2025, 5, 10)
CUT_DAYS = [date(2025, 2, 11), date(2025, 3, 31), date(2025, 5, 5)]
"""Days on which account 001 changes hands; the last lies in a month that is not wholly covered."""
WHOLE_MONTHS = [date(2025, 2, 1), date(2025, 3, 1), date(2025, 4, 1)]

HANDS = [
    ("account", "001", "p1", *span, 1)
    for span in (
        ("2025-01-01", "2025-02-10"),
        ("2025-02-11", "2025-03-30"),
        ("2025-03-31", "2025-05-04"),
        ("2025-05-05", "2025-12-31"),
    )
]

changes = st.dictionaries(
    st.dates(FIRST, LAST), st.integers(-(10**15) + 1, 10**15 - 1), min_size=0, max_size=8
)


@settings(max_examples=15)
@given(st.lists(changes, min_size=3, max_size=3))
def test_index_is_the_sum_of_days(books: list[dict[date, int]]) -> None:
    lines = []
    expected: dict[tuple[str, date], int] = defaultdict(int)
    before: dict[date, int] = defaultdict(int)
    for account, book in zip(ACCOUNTS, books, strict=True):
        balance = 0
        for ordinal in range(FIRST.toordinal(), LAST.toordinal() + 1):
            day = date.fromordinal(ordinal)
            if day in book or day == FIRST:
                balance = book.get(day, 0)
                sign = "-" if balance < 0 else ""
                lines.append((account, day, f"{sign}{abs(balance) // 100}.{abs(balance) % 100:02d}"))
            expected[account, day.replace(day=1)] += balance
            for cut in CUT_DAYS:
                if account == "001" and day < cut and day.month == cut.month:
                    before[cut] += balance
    with tempfile.TemporaryDirectory() as place:
        bank = Bank.create(Path(place) / "bank", "样行")
        files = {
            **BASICS,
            "balances.csv": csv_of("account_id,from_day,balance", lines),
            "assignments.csv": csv_of("grain,object_id,person_id,from_day,to_day,share", HANDS),
        }
        covered = covering("balances", str(FIRST), str(LAST))
        covered += covering("assignments", "2025-01-01", "2025-12-31")
        put(bank, Path(place) / "in", files, COVERED + covered)
        seen = rows(
            bank.view(),
            "SELECT account_id, month_start, balance_days "
            "FROM f_balance_months JOIN f_accounts USING (account_no)",
        )
        cuts = rows(bank.view(), "SELECT day, balance_days FROM f_balance_cuts ORDER BY day")
    assert cuts == [(day, before[day]) for day in CUT_DAYS[:2]]
    assert {(account, month): total for account, month, total in seen} == {
        (account, month): expected[account, month] for account in ACCOUNTS for month in WHOLE_MONTHS
    }
