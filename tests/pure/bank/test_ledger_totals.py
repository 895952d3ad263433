"""The control totals of the demo bank equal a sum taken day by day from its files."""

import csv
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from guanhu.bank.generate import generate
from guanhu.bank.timeline import quarters_before_end

QUARTERS = quarters_before_end(2)
Row = dict[str, str]
Totals = dict[str, Decimal]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    generate(folder, 500, 24, 2, 3)
    return folder


def rows(folder: Path, kind: str) -> list[Row]:
    with (folder / f"{kind}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def places_by_day(folder: Path, kind: str, key: str) -> dict[str, str]:
    return {row[key]: row["institution_id"] for row in rows(folder, kind)}


def sum_day_by_day(
    folder: Path, kind: str, key: str, place: dict[str, str], first: date, days: int
) -> Totals:
    """Go through the days one by one, set the balances that change on each and add all of them up."""
    changes: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows(folder, kind):
        changes[row["from_day"]].append(row)
    moves = rows(folder, "account_institutions")
    balance: dict[str, Decimal] = {}
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for number in range(days):
        today = str(first + timedelta(days=number))
        balance.update({row[key]: Decimal(row["balance"]) for row in changes[today]})
        moved = {
            row["account_id"]: row["institution_id"]
            for row in moves
            if row["from_day"] <= today <= row["to_day"]
        }
        for object_id, amount in balance.items():
            totals[moved.get(object_id, place[object_id])] += amount
    return totals


def figures(folder: Path, item: str, scope: str) -> Totals:
    return {
        row["subject_id"]: Decimal(row["value"])
        for row in rows(folder, "figures")
        if (row["item"], row["scope"]) == (item, scope)
    }


def test_some_account_moves_inside_a_quarter(folder: Path) -> None:
    """Otherwise the totals below would not prove that its days are divided."""
    starts = {str(quarter.span.start) for quarter in QUARTERS}
    moves = [row for quarter in QUARTERS for row in rows(folder / quarter.name, "account_institutions")]
    assert any(row["from_day"] not in starts for row in moves)


@pytest.mark.parametrize("quarter", QUARTERS, ids=lambda quarter: quarter.name)
@pytest.mark.parametrize(
    ("item", "kind", "things", "key"),
    [
        ("存款积数总账", "balances", "accounts", "account_id"),
        ("贷款积数总账", "loan_states", "loans", "loan_id"),
    ],
)
def test_balance_days_are_exact(folder, quarter, item, kind, things, key) -> None:
    here = folder / quarter.name
    place = places_by_day(here, things, key)
    found = sum_day_by_day(here, kind, key, place, quarter.span.start, quarter.span.days)
    assert figures(here, item, "institution") == found
    assert figures(here, item, "bank") == {"bank": sum(found.values())}


@pytest.mark.parametrize("quarter", QUARTERS, ids=lambda quarter: quarter.name)
def test_daily_average_is_balance_days_over_the_days_of_the_quarter(folder, quarter) -> None:
    here = folder / quarter.name
    balance_days = figures(here, "存款积数总账", "institution") | figures(here, "存款积数总账", "bank")
    averages = figures(here, "存款日均总账", "institution") | figures(here, "存款日均总账", "bank")
    assert averages.keys() == balance_days.keys()
    for subject_id, value in averages.items():
        assert abs(value - balance_days[subject_id] / quarter.span.days) <= Decimal("0.0000005")


@pytest.mark.parametrize("quarter", QUARTERS, ids=lambda quarter: quarter.name)
def test_fees_add_up(folder, quarter) -> None:
    here = folder / quarter.name
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows(here, "fees"):
        found[row["institution_id"]] += Decimal(row["amount"])
    assert figures(here, "中收总账", "institution") == found
    assert figures(here, "中收总账", "bank") == {"bank": sum(found.values())}
