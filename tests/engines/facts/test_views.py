"""What a view tells of itself: sources, coverage, what is missing, digest, statistics; and small cases of each rule."""

from datetime import date
from pathlib import Path

import pytest

from guanhu.facts.importing import check_folder, import_folder
from guanhu.facts.store import Bank
from guanhu.values.dates import Span
from tests.engines.facts.folders import BASICS, COVERED, covering, put, rows, write_folder

OPENING = "account_id,from_day,balance\n001,2025-01-01,1.00\n002,2025-01-01,2.00\n003,2025-01-01,3.00\n"
QUARTER = covering("balances", "2025-01-01", "2025-03-31")
POST_HEADING = "person_id,from_day,to_day,post,institution_id\n"


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(bank, tmp_path / "basics", BASICS, COVERED)
    return bank


def add(bank: Bank, coverage: str, **files: str) -> int:
    number = len(bank.batches())
    named = {name + ".csv": text for name, text in files.items()}
    return put(bank, bank.path.parent / f"in{number}", named, "coverage:\n" + coverage)


def test_a_balance_ends_where_the_coverage_has_a_gap(bank: Bank) -> None:
    later = OPENING.partition("\n")[2].replace("2025-01-01", "2025-03-01")
    twice = covering("balances", "2025-01-01", "2025-01-31") + covering(
        "balances", "2025-03-01", "2025-03-31"
    )
    add(bank, twice, balances=OPENING + later)
    query = "SELECT from_day, to_day FROM f_balances WHERE account_id = '001' ORDER BY from_day"
    assert rows(bank.view(), query) == [
        (date(2025, 1, 1), date(2025, 2, 1)),
        (date(2025, 3, 1), date(2025, 4, 1)),
    ]
    assert [
        str(span) for span in bank.view().missing("balances", Span(date(2025, 1, 1), date(2025, 4, 1)))
    ] == ["2025-02-01..2025-02-28"]


@pytest.mark.parametrize(
    ("opened", "closed", "is_told"),
    [
        ("2024-12-31", "", True),
        ("2025-01-01", "", False),
        ("", "", True),
        ("2020-01-01", "2025-01-02", True),
        ("2020-01-01", "2025-01-01", False),
    ],
)
def test_who_lived_before_the_coverage_has_an_opening_row(
    tmp_path: Path, opened: str, closed: str, is_told: bool
) -> None:
    heading = "account_id,product,currency,institution_id,opened_on,closed_on\n"
    files = {
        **BASICS,
        "accounts.csv": heading + f"001,活期,CNY,A,{opened},{closed}\n",
        "balances.csv": "account_id,from_day,balance\n",
    }
    checked = check_folder(write_folder(tmp_path / "in", files, COVERED + QUARTER))
    assert [problem.code for problem in checked.problems] == ["FAC058"] * is_told


def test_the_newest_row_of_a_thing_counts_and_what_is_no_longer_told_goes(bank: Bank) -> None:
    query = "SELECT account_id, product FROM f_accounts ORDER BY account_id"
    heading = BASICS["accounts.csv"].partition("\n")[0] + "\n"
    add(
        bank,
        covering("accounts", "2026-01-01", "2026-12-31"),
        accounts=heading + "002,活期,CNY,A,2020-01-01\n",
    )
    assert rows(bank.view(), query) == [("001", "活期"), ("002", "活期"), ("003", "活期")]
    assert rows(bank.view(as_of=1), query) == [("001", "活期"), ("002", "定期"), ("003", "活期")]
    add(
        bank,
        covering("accounts", "2020-01-01", "2025-12-31"),
        accounts=heading + "001,定期,CNY,A,2020-01-01\n",
    )
    assert rows(bank.view(), query) == [("001", "定期"), ("002", "活期")]


def test_things_of_one_branch_leave_those_of_others_alone(bank: Bank) -> None:
    heading = BASICS["accounts.csv"].partition("\n")[0] + "\n"
    one = heading + "001,定期,CNY,A,2020-01-01\n"
    add(bank, covering("accounts", "2020-01-01", "2030-12-31", "A"), accounts=one)
    query = "SELECT account_id, product FROM f_accounts ORDER BY account_id"
    assert rows(bank.view(), query) == [("001", "定期"), ("003", "活期")]


def test_unchanged_spans_of_neighbouring_batches_are_one_row(bank: Bank) -> None:
    for first, last in (
        ("2025-01-01", "2025-03-31"),
        ("2025-04-01", "2025-06-30"),
        ("2025-10-01", "2025-12-31"),
    ):
        add(bank, covering("posts", first, last), posts=POST_HEADING + "p1,2020-01-01,,rm,A\n")
    assert rows(bank.view(), "SELECT from_day, to_day, batch_no, row_no FROM f_posts ORDER BY from_day") == [
        (date(2025, 1, 1), date(2025, 7, 1), 2, 2),
        (date(2025, 10, 1), date(2026, 1, 1), 4, 2),
    ]


def test_a_hole_of_a_branch_is_mended_by_that_branch_alone(bank: Bank, tmp_path: Path) -> None:
    coverage = "coverage:\n" + covering("posts", "2025-01-01", "2025-03-31")
    folder = write_folder(
        tmp_path / "bad", {"posts.csv": POST_HEADING + "p1,2025-01-01,2025-13-01,rm,B\n"}, coverage
    )
    import_folder(folder, bank, accept_good=True)
    add(bank, covering("posts", "2025-01-01", "2025-03-31", "A"), posts=POST_HEADING)
    (hole,) = bank.view().holes("posts")
    assert (hole.key, hole.institution_id, str(hole.span)) == (("p1",), "B", "2025-01-01..2025-03-31")
    add(bank, covering("posts", "2025-01-01", "2025-03-31", "B"), posts=POST_HEADING)
    assert bank.view().holes("posts") == ()


def test_sources_say_which_days_and_institutions_of_a_file_count(bank: Bank) -> None:
    add(bank, covering("posts", "2025-01-01", "2025-03-31"), posts=POST_HEADING)
    add(bank, covering("posts", "2025-02-01", "2025-02-28", "A"), posts=POST_HEADING)
    told = [(str(s.span), s.institutions, s.all_but, s.batch_no) for s in bank.view().sources("posts")]
    assert told == [
        ("2025-01-01..2025-01-31", None, (), 2),
        ("2025-02-01..2025-02-28", None, ("A",), 2),
        ("2025-03-01..2025-03-31", None, (), 2),
        ("2025-02-01..2025-02-28", ("A",), (), 3),
    ]
    assert all(source.path.is_file() for source in bank.view().sources("posts"))


def test_days_are_missing_when_one_known_institution_lacks_them(bank: Bank) -> None:
    add(bank, covering("posts", "2025-01-01", "2025-03-31", "A"), posts=POST_HEADING)
    span = Span(date(2025, 3, 1), date(2025, 5, 1))
    told = [
        (str(cell.span), cell.institutions, cell.all_but) for cell in bank.view().missing_cells("posts", span)
    ]
    assert told == [("2025-03-01..2025-03-31", ("B",), ()), ("2025-04-01..2025-04-30", None, ())]
    add(bank, covering("posts", "2025-01-01", "2025-04-30", "B"), posts=POST_HEADING)
    assert [str(each) for each in bank.view().missing("posts", span)] == ["2025-04-01..2025-04-30"]


def test_digest_follows_what_is_said_not_when_it_came(tmp_path: Path) -> None:
    digests = []
    for name, balance in (("a", "1.00"), ("b", "1.00"), ("c", "1.01")):
        bank = Bank.create(tmp_path / name / "bank", "样行")
        files = {**BASICS, "balances.csv": OPENING.replace("1.00", balance)}
        put(bank, tmp_path / name / "in", files, COVERED + QUARTER)
        digests.append(bank.view().digest)
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_statistics_bound_what_is_seen(bank: Bank) -> None:
    assert bank.view().statistics("balances", "balance") is None
    add(bank, QUARTER, balances=OPENING + "001,2025-02-01,-7.5\n")
    assert bank.view().statistics("balances", "balance") == (-750, 300, 4)
    low, high, count = bank.view().statistics("balance_quarters", "month_3") or (0, 0, 0)
    assert (low, high, count) == (-750 * 31, 300 * 31, 3)
    add(bank, covering("balances", "2025-02-01", "2025-02-28"), balances=OPENING.replace("01-01", "02-01"))
    assert bank.view().statistics("balances", "balance") == (-750, 300, 4 * 2 + 3)


def test_kinds_without_facts_are_empty_with_their_columns(bank: Bank) -> None:
    for kind in bank.view().kinds:
        assert isinstance(rows(bank.view(), f"SELECT * FROM f_{kind}"), list)
    assert (
        rows(bank.view(), "SELECT account_no, account_id, from_day, to_day, rate FROM f_account_rates") == []
    )


def test_a_view_can_be_registered_again_over_another(bank: Bank) -> None:
    import duckdb

    add(bank, covering("accounts", "2026-01-01", "2026-12-31"), accounts=BASICS["accounts.csv"])
    with duckdb.connect() as connection:
        for as_of in (1, 2, 1):
            bank.view(as_of=as_of).register(connection)
            assert connection.execute("SELECT count(*) FROM f_accounts").fetchone() == (3,)
