"""The Berka folders add up to the control totals of the source, taken here day by day, and see no future."""

import csv
import gzip
import subprocess
import sys
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.values.problem import errors_in

CONVERT = Path(__file__).resolve().parents[3] / "examples" / "berka" / "convert.py"
BAD = ("次级", "可疑", "损失")
CENT = Decimal("0.01")
Row = dict[str, str]


@pytest.fixture(scope="module")
def folders(berka_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("berka")
    subprocess.run([sys.executable, CONVERT, "--data", berka_folder, "--out", out], check=True)
    return out


def rows(folder: Path, kind: str) -> list[Row]:
    with (folder / f"{kind}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def totals_by_day(folder: Path, first: date, last: date) -> dict[date, Decimal]:
    """Return the sum of all balances at the end of each day."""
    changes: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows(folder, "balances"):
        changes[row["from_day"]].append(row)
    held: dict[str, Decimal] = {}
    totals = {}
    day = first
    while day <= last:
        held.update({row["account_id"]: Decimal(row["balance"]) for row in changes[str(day)]})
        totals[day] = sum(held.values(), Decimal(0))
        day += timedelta(days=1)
    return totals


def fees(folder: Path) -> Decimal:
    return sum((Decimal(row["amount"]) for row in rows(folder, "fees")), Decimal(0))


# folder, first day, last day, days, daily average, fees
PERIODS = [
    ("1993", date(1993, 1, 1), date(1993, 12, 31), 365, "17286307.90", "49921.60"),
    ("1994", date(1994, 1, 1), date(1994, 3, 30), 89, "36764061.61", "28178.20"),
]
# day, total of all balances at its end
TOTALS = [
    ("1993", date(1993, 3, 31), "5777769.90"),
    ("1993", date(1993, 6, 30), "15946199.00"),
    ("1993", date(1993, 9, 30), "25676123.50"),
    ("1993", date(1993, 12, 31), "36575946.10"),
    ("1994", date(1994, 2, 28), "36710603.70"),
    ("1994", date(1994, 3, 30), "39296762.80"),
]


@pytest.mark.parametrize(
    ("name", "first", "last", "days", "average", "fee_sum"), PERIODS, ids=["1993", "1994"]
)
def test_daily_average_and_fees(folders, name, first, last, days, average, fee_sum) -> None:
    totals = totals_by_day(folders / name, first, last)
    assert len(totals) == days
    assert (sum(totals.values()) / days).quantize(CENT) == Decimal(average)
    assert fees(folders / name) == Decimal(fee_sum)


@pytest.mark.parametrize(("name", "day", "total"), TOTALS, ids=[str(day) for _, day, _ in TOTALS])
def test_total_of_all_balances_at_the_end_of_the_day(folders, name, day, total) -> None:
    assert totals_by_day(folders / name, date(int(name), 1, 1), day)[day] == Decimal(total)


@pytest.mark.parametrize(("name", "first", "last"), [period[:3] for period in PERIODS], ids=["1993", "1994"])
def test_ledger_totals_are_in_the_figures(folders, name, first, last) -> None:
    figures = {
        row["item"]: Decimal(row["value"])
        for row in rows(folders / name, "figures")
        if row["scope"] == "bank" and (row["from_day"], row["to_day"]) == (str(first), str(last))
    }
    totals = totals_by_day(folders / name, first, last)
    assert figures == {"存款积数总账": sum(totals.values()), "中收总账": fees(folders / name)}


def test_fees_of_the_whole_source_file(berka_folder: Path) -> None:
    """What is not in the two folders lies on the incomplete 1994-03-31."""
    with gzip.open(berka_folder / "trans_19930101_19940331.asc.gz", "rt", encoding="ascii") as stream:
        source = [row for row in csv.DictReader(stream, delimiter=";") if row["k_symbol"] == "SLUZBY"]
    assert sum(Decimal(row["amount"]) for row in source) == Decimal("93455.00")
    last_day = sum(Decimal(row["amount"]) for row in source if row["date"] == "940331")
    assert last_day == Decimal("93455.00") - Decimal("49921.60") - Decimal("28178.20")


def test_repayments_are_those_of_the_ledger(folders: Path) -> None:
    received = [
        Decimal(row["received"]) for name in ("1993", "1994") for row in rows(folders / name, "interest")
    ]
    assert sum(received) == Decimal("483565.80")
    assert sum(amount > 0 for amount in received) == 123


def test_every_account_has_an_opening_row(folders: Path) -> None:
    for name, first in (("1993", "1993-01-01"), ("1994", "1994-01-01")):
        opening: dict[str, str] = {}
        for row in rows(folders / name, "balances"):
            opening.setdefault(row["account_id"], row["from_day"])
        accounts = rows(folders / name, "accounts")
        assert opening == {row["account_id"]: max(first, row["opened_on"]) for row in accounts}


def test_76_loans_are_bad_at_the_end_of_1998_and_5_of_them_were_granted_by_then(folders: Path) -> None:
    granted_on = {row["loan_id"]: row["granted_on"] for row in rows(folders / "1998", "loans")}
    bad = [row["loan_id"] for row in rows(folders / "1998", "loan_states") if row["loan_class"] in BAD]
    assert (len(granted_on), len(bad)) == (682, 76)
    assert sum(granted_on[loan_id] <= "1994-03-30" for loan_id in bad) == 5


def test_the_class_of_1994_is_what_the_ledger_showed_in_1994(folders: Path) -> None:
    """Five loans of 1994 end badly; in 1994 only the one shows that has not been paid for months."""
    later_bad = {row["loan_id"] for row in rows(folders / "1998", "loan_states") if row["loan_class"] in BAD}
    now = {row["loan_id"]: row for row in rows(folders / "1994", "loan_states")}
    assert [loan_id for loan_id, row in now.items() if row["loan_class"] in BAD] == ["5314"]
    assert now["5314"]["balance"] == "88362.80"
    assert len(later_bad & now.keys()) == 5


# loan 5314: granted 1993-07-05, due on each 12th, one instalment of 8,033.20 paid on 1994-03-12
STATES_OF_5314 = [
    ("1993", "1993-07-05", "96396.00", "正常", "0"),
    ("1993", "1993-07-13", "96396.00", "正常", "1"),
    ("1993", "1993-08-12", "96396.00", "关注", "31"),
    ("1993", "1993-10-11", "96396.00", "次级", "91"),
    ("1994", "1994-01-01", "96396.00", "次级", "173"),
    ("1994", "1994-01-09", "96396.00", "可疑", "181"),
    ("1994", "1994-03-12", "88362.80", "可疑", "212"),
]


def test_states_of_the_loan_in_arrears(folders: Path) -> None:
    found = [
        (name, row["from_day"], row["balance"], row["loan_class"], row["overdue_days"])
        for name in ("1993", "1994")
        for row in rows(folders / name, "loan_states")
        if row["loan_id"] == "5314"
    ]
    assert found == STATES_OF_5314


def test_nothing_of_the_incomplete_day_is_there(folders: Path) -> None:
    for path in sorted((folders / "1994").glob("*.csv")):
        assert "1994-03-31" not in path.read_text("utf-8"), path.name


def test_books_hold_what_managers_csv_says(folders: Path) -> None:
    district = {
        row[key]: row["institution_id"]
        for key, kind in (("account_id", "accounts"), ("loan_id", "loans"))
        for row in rows(folders / "1994", kind)
    }
    held: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in rows(folders / "1994", "assignments"):
        line = (row["person_id"], row["role"], row["share"], row["to_day"])
        if row["from_day"] in ("1994-01-01", "1994-02-15"):
            held[district[row["object_id"]]].add((row["from_day"], *line))
    assert {row["grain"] for row in rows(folders / "1994", "assignments")} == {"account", "loan"}
    assert len(set(district.values())) == 77
    assert len(held) == 76, "district 45 is nobody's"
    assert held["D01"] == {
        ("1994-01-01", "M08", "lead", "60%", "1994-03-30"),
        ("1994-01-01", "M11", "second", "40%", "1994-03-30"),
    }
    assert {
        ("1994-01-01", "M03", "lead", "100%", "1994-02-14"),
        ("1994-02-15", "M12", "lead", "100%", "1994-03-30"),
    } <= held["D06"]


def test_the_folders_are_imported_without_a_problem(folders: Path, tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "Berka")
    for name in ("1993", "1994", "1998"):
        assert [
            problem.text("en") for problem in errors_in(import_folder(folders / name, bank).problems)
        ] == []
