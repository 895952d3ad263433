"""The view agrees with a slow oracle that asks, day by day, which newest batch covers a day and institution.

Random batches cover random days of the whole bank or of one branch; an account moves between branches,
and later batches may say that it belonged elsewhere all along. After every batch, and for every earlier
moment, each relation is opened to single days and compared.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from guanhu.facts.store import Bank, FactView
from tests.engines.facts.folders import covering, csv_of, put, rows

FIRST, LAST = date(2025, 1, 1), date(2025, 3, 31)
ALL_DAYS = [FIRST + timedelta(days=index) for index in range((LAST - FIRST).days + 1)]
ACCOUNTS, PEOPLE, BRANCHES = ("001", "002", "003"), {"p1": "A", "p2": "B"}, ("A", "B")
INSTITUTIONS = "institution_id,from_day,to_day,name,level\nA,2020-01-01,,甲,支行\nB,2020-01-01,,乙,支行\n"
STAFF = "person_id,name\np1,王一\np2,李二\n"

Homes = dict[str, str]
Move = tuple[str, date, str] | None
Covers = list[tuple[date, date, str]]


@dataclass
class Said:
    """What one batch says: its coverage per kind, and its facts by day or id."""

    covers: dict[str, Covers]
    balances: dict[tuple[str, date], int] = field(default_factory=dict)
    posts: dict[tuple[str, date], tuple[str, str]] = field(default_factory=dict)
    fees: dict[str, tuple[date, str, int]] = field(default_factory=dict)
    homes: Homes = field(default_factory=dict)
    moves: list[tuple[str, date, str]] = field(default_factory=list)

    def covered(self, kind: str, day: date, branch: str | None = None) -> bool:
        return any(
            first <= day <= last and (not listed or branch is None or branch == listed)
            for first, last, listed in self.covers.get(kind, [])
        )


def newest(batches: list[Said], kind: str, day: date, branch: str) -> Said | None:
    return next((batch for batch in reversed(batches) if batch.covered(kind, day, branch)), None)


def home_of(batches: list[Said], account: str, day: date) -> str:
    """Return the branch of an account on a day, as the batches have it."""
    mover = next((batch for batch in reversed(batches) if batch.covered("account_institutions", day)), None)
    if mover is not None:
        for moved, since, branch in mover.moves:
            if moved == account and day >= since:
                return branch
    return next(batch.homes[account] for batch in reversed(batches) if account in batch.homes)


@st.composite
def coverage(draw: Callable, *, with_branch: bool = True) -> Covers:
    """Draw one or two stretches of days, each of the bank or of one branch."""
    covers = []
    for _ in range(draw(st.integers(1, 2))):
        first = draw(st.sampled_from([FIRST, date(2025, 2, 1), date(2025, 3, 1), date(2025, 2, 11)]))
        last = draw(st.sampled_from([date(2025, 1, 31), date(2025, 2, 20), date(2025, 2, 28), LAST]))
        if first <= last:
            covers.append((first, last, draw(st.sampled_from(["", "", "A", "B"])) if with_branch else ""))
    return covers or [(FIRST, LAST, "")]


some_changes = st.dictionaries(st.sampled_from(ALL_DAYS), st.integers(-500, 500), max_size=4)
some_turns = st.dictionaries(st.sampled_from(ALL_DAYS), st.sampled_from([None, "rm", "head"]), max_size=4)
some_fees = st.lists(
    st.tuples(st.sampled_from(ALL_DAYS), st.sampled_from(BRANCHES), st.integers(-100, 100)), max_size=4
)


@st.composite
def stories(draw: Callable) -> list[Said]:
    """Draw a first batch with the basics and some batches of facts and corrections after it."""
    batches = [
        Said({"account_institutions": [(FIRST, LAST, "")]}, homes=dict.fromkeys(ACCOUNTS, "A") | {"003": "B"})
    ]
    if draw(st.booleans()):
        batches[0].moves.append(("002", date(2025, 2, 15), "B"))
    for number in range(draw(st.integers(1, 3))):
        said = Said({kind: draw(coverage()) for kind in ("balances", "posts", "fees")})
        if draw(st.integers(0, 3)) == 0:
            said.homes = dict.fromkeys(ACCOUNTS, "A") | {draw(st.sampled_from(ACCOUNTS)): "B"}
        known = [*batches, said]
        for account in ACCOUNTS:
            changes, before = draw(some_changes), None
            for day in ALL_DAYS:
                if not said.covered("balances", day, home_of(known, account, day)):
                    before = None
                elif before is None or day in changes:
                    before = changes.get(day, number)
                if before is not None:
                    said.balances[account, day] = before
        for person, branch in PEOPLE.items():
            turns = draw(some_turns)
            post = None
            for day in ALL_DAYS:
                post = turns.get(day, post)
                if post and said.covered("posts", day, branch):
                    said.posts[person, day] = (post, branch)
        for index, (day, branch, fen) in enumerate(draw(some_fees)):
            if said.covered("fees", day, branch):
                said.fees[f"f{number}-{index}"] = (day, branch, fen)
        batches.append(said)
    return batches


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def files_of(said: Said, *, is_first: bool) -> tuple[dict[str, str], str]:
    """Return the files and the coverage text of a batch."""
    text, files = "coverage:\n", {}
    if is_first:
        files = {"institutions.csv": INSTITUTIONS, "staff.csv": STAFF}
        text += covering("institutions, staff", "2020-01-01", "2030-12-31")
    if said.homes:
        heading = "account_id,product,currency,institution_id,opened_on"
        lines = [(account, "活期", "CNY", home, "2020-01-01") for account, home in said.homes.items()]
        files["accounts.csv"] = csv_of(heading, lines)
        text += covering("accounts", "2020-01-01", "2030-12-31")
    for kind, covers in said.covers.items():
        text += "".join(covering(kind, str(first), str(last), listed) for first, last, listed in covers)
    if "account_institutions" in said.covers:
        moves = [(account, since, LAST, branch) for account, since, branch in said.moves]
        files["account_institutions.csv"] = csv_of("account_id,from_day,to_day,institution_id", moves)
    if "balances" in said.covers:
        lines = []
        for (account, day), balance in said.balances.items():
            if said.balances.get((account, day - timedelta(days=1))) != balance:
                lines.append((account, day, yuan(balance)))
        files["balances.csv"] = csv_of("account_id,from_day,balance", lines)
        spans = []
        for (person, day), (post, branch) in said.posts.items():
            if said.posts.get((person, day - timedelta(days=1))) != (post, branch):
                end = day
                while said.posts.get((person, end + timedelta(days=1))) == (post, branch):
                    end += timedelta(days=1)
                spans.append((person, day, end, post, branch))
        files["posts.csv"] = csv_of("person_id,from_day,to_day,post,institution_id", spans)
        fees = [(key, day, "结算", yuan(fen), branch) for key, (day, branch, fen) in said.fees.items()]
        files["fees.csv"] = csv_of("fee_id,day,item,amount,institution_id", fees)
    return files, text


def by_day(found: list[tuple]) -> dict[tuple[str, date], tuple]:
    """Open rows (key, from, to, values …) to single days; a day told twice fails."""
    opened: dict[tuple[str, date], tuple] = {}
    for key, start, end, *values in found:
        for ordinal in range(start.toordinal(), end.toordinal()):
            day = date.fromordinal(ordinal)
            assert (key, day) not in opened, f"{key} has two rows on {day}"
            opened[key, day] = tuple(values)
    return opened


def check(view: FactView, batches: list[Said]) -> None:
    balances = {}
    for account in ACCOUNTS:
        for day in ALL_DAYS:
            source = newest(batches, "balances", day, home_of(batches, account, day))
            if source is not None and (account, day) in source.balances:
                balances[account, day] = (source.balances[account, day],)
    seen = by_day(rows(view, "SELECT account_id, from_day, to_day, balance FROM f_balances"))
    assert seen == balances

    posts = {}
    for batch in batches:
        for (person, day), post in batch.posts.items():
            if newest(batches, "posts", day, post[1]) is batch:
                posts.setdefault((person, day), []).append(post)
    told = rows(
        view,
        "SELECT person_id || post || institution_id, from_day, to_day, post, institution_id FROM f_posts",
    )
    assert len(by_day(told)) == sum(len(group) for group in posts.values())
    if len(view.coverage("posts")) > 1:
        starts = {(key, start) for key, start, *_ in told}
        assert not [key for key, _, end, *_ in told if (key, end) in starts], "neighbours were not merged"

    fees = {
        key: fee
        for batch in batches
        for key, fee in batch.fees.items()
        if newest(batches, "fees", fee[0], fee[1]) is batch
    }
    assert {k: v for k, *v in rows(view, "SELECT fee_id, day, institution_id, amount FROM f_fees")} == {
        key: list(fee) for key, fee in fees.items()
    }
    check_months(view, batches, {key: value[0] for key, value in balances.items()})


def check_months(view: FactView, batches: list[Said], balances: dict[tuple[str, date], int]) -> None:
    columns = "account_id, month_start, balance_days"
    query = f"SELECT {columns} FROM f_balance_months JOIN f_accounts USING (account_no)"
    index = {(account, month): total for account, month, total in rows(view, query)}
    for account in ACCOUNTS:
        for number in (1, 2, 3):
            days = [day for day in ALL_DAYS if day.month == number]
            is_whole = all(
                newest(batches, "balances", day, home_of(batches, account, day)) is not None for day in days
            )
            month = days[0]
            if is_whole:
                assert index.get((account, month), 0) == sum(balances.get((account, day), 0) for day in days)
    assert all(
        newest(batches, "balances", month.replace(day=15), home_of(batches, account, month.replace(day=15)))
        for account, month in index
    )


@pytest.mark.slow
@settings(max_examples=25)
@given(stories())
def test_view_is_what_the_newest_batches_say(batches: list[Said]) -> None:
    with tempfile.TemporaryDirectory() as place:
        bank = Bank.create(Path(place) / "bank", "样行")
        for number, said in enumerate(batches):
            files, text = files_of(said, is_first=number == 0)
            put(bank, Path(place) / f"in{number}", files, text)
        for number in range(1, len(batches) + 1):
            check(bank.view(as_of=number), batches[:number])
