"""A scheme run on balances that nobody made up: what the bank, its branches and its managers come to."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.appraisal.appraise import Appraisal, Outcome
from guanhu.appraisal.history import exact
from guanhu.appraisal.reconcile import reconciled
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.rulebook.explain.examples import run_examples
from guanhu.rulebook.load.folder import load
from guanhu.values.dates import period_of

BERKA = Path(__file__).resolve().parents[2] / "examples" / "berka"
RULEBOOK = BERKA / "rulebook"
PERIOD = "1994-01-01..1994-03-30"
DAYS = 89


@pytest.fixture(scope="module")
def appraisal(berka_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appraisal]:
    """Yield the appraisal of the 89 days, run on folders that know nothing later."""
    folder = tmp_path_factory.mktemp("berka")
    command = [sys.executable, BERKA / "convert.py", "--data", berka_folder, "--out", folder / "files"]
    subprocess.run(command, check=True)
    bank = Bank.create(folder / "bank", "Berka")
    for name in ("1993", "1994"):
        problems = import_folder(folder / "files" / name, bank).problems
        assert [problem.code for problem in problems] in ([], ["FAC093"])
    rulebook, problems = load(RULEBOOK)
    assert problems == []
    assert rulebook is not None
    with closing(DuckDBEngine(threads=2)) as engine:
        found = Appraisal(engine, bank.view(), rulebook, period_of(PERIOD))
        found.run()
        yield found


@pytest.fixture(scope="module")
def outcome(appraisal: Appraisal) -> Outcome:
    return appraisal.outcome


def values(appraisal: Appraisal, line: str) -> dict[str, Fraction | None]:
    """Return the values of a line by subject."""
    result = next(result for result in appraisal.outcome.results if line in result.lines)
    query = f'SELECT subject_id, "{line}" FROM "{result.persons}"'
    rows = appraisal.engine.connection.execute(query).fetchall()
    return {subject: exact(cell, result.lines[line]) for subject, cell in rows}


def amount(shown: str) -> Decimal:
    """Return an amount shown with separators."""
    return Decimal(shown.replace(",", ""))


# line of the bank, what the source adds up to
CONTROL = [
    ("bank_deposits", "36764061.61"),
    ("bank_deposits_before", "17286307.90"),
    ("bank_increment", "19477753.71"),
    ("bank_fees", "28178.20"),
]


@pytest.mark.parametrize(("line", "total"), CONTROL)
def test_the_bank_is_what_the_source_adds_up_to(appraisal: Appraisal, line: str, total: str) -> None:
    assert values(appraisal, line) == {"bank": Fraction(total)}


def test_nothing_is_missing(outcome: Outcome) -> None:
    assert [problem.text("en") for problem in outcome.problems] == []


def test_managers_and_nobody_are_the_bank_to_the_last_part(appraisal: Appraisal) -> None:
    """Σ managers + unassigned = Σ branches = bank = the supplied total, on unrounded crowns × days."""
    rows = {row[1]: row for row in reconciled(appraisal)}
    assert set(rows) == {"deposits", "balance_days", "fees", "bad"}
    assert all(row[-1] == "yes" for row in rows.values())
    people, nobody, branches, bank, control = (amount(part) for part in rows["balance_days"][3:8])
    assert branches == bank == control
    assert abs(people + nobody - bank) <= Decimal("0.01"), "each is shown to the cent"
    assert nobody > 0
    assert amount(rows["fees"][6]) == Decimal("28178.20")
    assert round(bank / DAYS, 2) == Decimal("36764061.61")


def test_district_45_is_what_nobody_has(appraisal: Appraisal) -> None:
    """All managers and district 45 are the bank, but for a rounding to the cent for each."""
    by_branch = values(appraisal, "branch_deposits")
    managed = sum(values(appraisal, "managed_deposits").values())
    assert abs(managed + by_branch["D45"] - Fraction("36764061.61")) < Fraction("0.15")


def test_branches_are_the_bank(appraisal: Appraisal) -> None:
    by_branch = values(appraisal, "branch_deposits")
    assert len(by_branch) == 77
    assert abs(sum(by_branch.values()) - Fraction("36764061.61")) < Fraction("0.4")
    assert sum(values(appraisal, "branch_bad").values()) == values(appraisal, "bank_bad")["bank"]


def test_all_twenty_managers_are_settled(appraisal: Appraisal) -> None:
    totals = values(appraisal, "total")
    assert len(totals) == 20
    assert None not in totals.values()
    assert min(values(appraisal, "place").values()) == 1


def test_the_one_bad_loan_costs_its_manager_the_points(appraisal: Appraisal) -> None:
    assert values(appraisal, "bank_bad") == {"bank": Fraction("88362.80")}
    assert sorted(values(appraisal, "loan_points").values())[:2] == [0, 20]


def test_worked_examples_hold() -> None:
    assert [problem.text("en") for problem in run_examples(RULEBOOK)] == []
