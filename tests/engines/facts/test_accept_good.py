"""Good rows can be accepted without the bad ones: what is missing is then known, never taken for zero."""

import csv
from datetime import date
from pathlib import Path

import pytest

from guanhu.facts.importing import ImportResult, import_folder
from guanhu.facts.store import Bank
from tests.engines.facts.folders import BASICS, COVERED, covering, put, rows, write_folder

QUARTER = covering("balances", "2025-01-01", "2025-03-31")
OPENING = "account_id,from_day,balance\n001,2025-01-01,1.00\n002,2025-01-01,2.00\n003,2025-01-01,3.00\n"
BALANCES = (
    "SELECT account_id, from_day, to_day, balance FROM f_balances WHERE account_id = '001' ORDER BY from_day"
)
MONTHS = "SELECT account_id, month(month_start) FROM f_balance_months JOIN f_accounts USING (account_no)"
ALL_MONTHS = {(account, month) for account in ("001", "002", "003") for month in (1, 2, 3)}


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(bank, tmp_path / "basics", BASICS, COVERED)
    return bank


def accepted(bank: Bank, balances: str, **files: str) -> ImportResult:
    folder = bank.path.parent / f"in{len(bank.batches())}"
    named = {name + ".csv": text for name, text in files.items()}
    extra = COVERED.removeprefix("coverage:\n") if "accounts.csv" in named else ""
    coverage = "coverage:\n" + QUARTER + extra
    write_folder(folder, {**(BASICS if extra else {}), "balances.csv": balances, **named}, coverage)
    return import_folder(folder, bank, accept_good=True)


def seen_holes(bank: Bank, kind: str = "balances") -> set[tuple]:
    return {(hole.key, str(hole.span), hole.code) for hole in bank.view().holes(kind)}


def test_nothing_is_imported_unless_asked(bank: Bank, tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path / "in", {"balances.csv": OPENING + "001,2025-02-10,x\n"}, "coverage:\n" + QUARTER
    )
    result = import_folder(folder, bank)
    assert result.batch_no is None
    assert [problem.code for problem in result.problems] == ["FAC033"]
    assert len(bank.batches()) == 1


def test_a_bad_balance_is_unknown_until_the_next_change(bank: Bank) -> None:
    accepted(bank, OPENING + "001,2025-02-10,x\n001,2025-02-20,5\n")
    assert rows(bank.view(), BALANCES) == [
        ("001", date(2025, 1, 1), date(2025, 2, 10), 100),
        ("001", date(2025, 2, 20), date(2025, 4, 1), 500),
    ]
    assert seen_holes(bank) == {(("001",), "2025-02-10..2025-02-19", "FAC033")}
    assert set(rows(bank.view(), MONTHS)) == ALL_MONTHS - {("001", 2)}


def test_a_bad_day_makes_the_whole_account_unknown(bank: Bank) -> None:
    accepted(bank, OPENING + "001,2025-02-30,5\n")
    assert rows(bank.view(), BALANCES) == []
    assert seen_holes(bank) == {(("001",), "2025-01-01..2025-03-31", "FAC032")}


def test_a_row_without_key_concerns_every_account(bank: Bank) -> None:
    accepted(bank, OPENING + ",2025-02-10,5\n")
    assert seen_holes(bank) == {(None, "2025-02-10..2025-03-31", "FAC030")}
    assert set(rows(bank.view(), MONTHS)) == {(account, 1) for account in ("001", "002", "003")}


def test_doubled_rows_leave_both_out(bank: Bank) -> None:
    accepted(bank, OPENING + "001,2025-02-10,5\n001,2025-02-10,6\n")
    assert rows(bank.view(), BALANCES) == [("001", date(2025, 1, 1), date(2025, 2, 10), 100)]
    assert seen_holes(bank) == {(("001",), "2025-02-10..2025-03-31", "FAC050")}


def test_a_good_row_on_the_day_of_a_bad_one_is_not_believed(bank: Bank) -> None:
    accepted(bank, OPENING + "001,2025-02-10,5\n001,2025-02-10,x\n")
    assert rows(bank.view(), BALANCES) == [("001", date(2025, 1, 1), date(2025, 2, 10), 100)]


def test_without_opening_row_the_days_before_the_first_are_unknown(bank: Bank) -> None:
    accepted(bank, OPENING.replace("001,2025-01-01", "001,2025-01-11").replace("003,2025-01-01,3.00\n", ""))
    assert rows(bank.view(), BALANCES) == [("001", date(2025, 1, 11), date(2025, 4, 1), 100)]
    assert seen_holes(bank) == {
        (("001",), "2025-01-01..2025-01-10", "FAC058"),
        (("003",), "2025-01-01..2025-03-31", "FAC058"),
    }


def test_what_refers_to_a_refused_row_is_refused_too(bank: Bank) -> None:
    accounts = BASICS["accounts.csv"] + "004,活期,CNY,A,2025-02-30\n"
    result = accepted(bank, OPENING + "004,2025-02-10,5\n", accounts=accounts)
    assert {problem.code for problem in result.problems} == {"FAC032", "FAC059"}
    assert seen_holes(bank, "accounts") == {(("004",), "2024-01-01..2025-12-31", "FAC032")}
    assert seen_holes(bank) == {(("004",), "2025-02-10..2025-03-31", "FAC059")}


def test_a_later_batch_mends_the_days_it_covers(bank: Bank, tmp_path: Path) -> None:
    accepted(bank, OPENING + "001,2025-02-10,x\n")
    mended = OPENING.replace("2025-01-01", "2025-02-01")
    put(
        bank,
        tmp_path / "mended",
        {"balances.csv": mended},
        "coverage:\n" + covering("balances", "2025-02-01", "2025-02-28"),
    )
    assert seen_holes(bank) == {(("001",), "2025-03-01..2025-03-31", "FAC033")}
    assert set(rows(bank.view(), MONTHS)) == ALL_MONTHS - {("001", 3)}
    assert {hole.batch_no for hole in bank.view(as_of=2).holes("balances")} == {2}


def test_bad_rows_come_back_with_their_place_and_reason(bank: Bank, tmp_path: Path) -> None:
    result = accepted(bank, OPENING + "001,2025-02-10,=1+1\n")
    assert result.bad_rows_file == tmp_path / "in1-bad-rows.csv"
    with result.bad_rows_file.open(encoding="utf-8-sig", newline="") as stream:
        heading, line = csv.reader(stream)
    assert heading == ["文件", "工作表", "行", "列", "所见", "代码", "原因", "提示"]
    assert line[:6] == ["balances.csv", "", "5", "balance", "'=1+1", "FAC033"]
    assert line[6] == "「余额」的值「=1+1」不是金额 (元)"


def test_a_missing_column_stops_even_the_good_rows(bank: Bank) -> None:
    result = accepted(bank, "account_id,from_day\n001,2025-01-01\n")
    assert result.batch_no is None
    assert [problem.code for problem in result.problems] == ["FAC023"]


def test_days_turned_round_leave_the_key_unknown_for_all_covered_days(bank: Bank, tmp_path: Path) -> None:
    text = "person_id,from_day,to_day,post,institution_id\np1,2025-02-10,2025-02-01,rm,A\n"
    coverage = "coverage:\n" + covering("posts", "2025-01-01", "2025-03-31")
    import_folder(write_folder(tmp_path / "in", {"posts.csv": text}, coverage), bank, accept_good=True)
    assert seen_holes(bank, "posts") == {(("p1",), "2025-01-01..2025-03-31", "FAC052")}
