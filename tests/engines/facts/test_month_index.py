"""The month index is the day-by-day sum of balances, for every account and whole month covered."""

import tempfile
from collections import defaultdict
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from guanhu.facts.store import Bank
from tests.engines.facts.folders import BASICS, COVERED, covering, csv_of, put, rows

ACCOUNTS = ("001", "002", "003")
FIRST, LAST = date(2025, 1, 20), date(2025, 5, 10)
WHOLE_MONTHS = [date(2025, 2, 1), date(2025, 3, 1), date(2025, 4, 1)]

changes = st.dictionaries(
    st.dates(FIRST, LAST), st.integers(-(10**15) + 1, 10**15 - 1), min_size=0, max_size=8
)


@settings(max_examples=15)
@given(st.lists(changes, min_size=3, max_size=3))
def test_index_is_the_sum_of_days(books: list[dict[date, int]]) -> None:
    lines = []
    expected: dict[tuple[str, date], int] = defaultdict(int)
    for account, book in zip(ACCOUNTS, books, strict=True):
        balance = 0
        for ordinal in range(FIRST.toordinal(), LAST.toordinal() + 1):
            day = date.fromordinal(ordinal)
            if day in book or day == FIRST:
                balance = book.get(day, 0)
                sign = "-" if balance < 0 else ""
                lines.append((account, day, f"{sign}{abs(balance) // 100}.{abs(balance) % 100:02d}"))
            expected[account, day.replace(day=1)] += balance
    with tempfile.TemporaryDirectory() as place:
        bank = Bank.create(Path(place) / "bank", "样行")
        files = {**BASICS, "balances.csv": csv_of("account_id,from_day,balance", lines)}
        put(bank, Path(place) / "in", files, COVERED + covering("balances", str(FIRST), str(LAST)))
        seen = rows(
            bank.view(),
            "SELECT account_id, month_start, balance_days "
            "FROM f_balance_months JOIN f_accounts USING (account_no)",
        )
    assert {(account, month): total for account, month, total in seen} == {
        (account, month): expected[account, month] for account in ACCOUNTS for month in WHOLE_MONTHS
    }
