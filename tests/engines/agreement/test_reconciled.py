"""What adds up is reconciled: balances, loans and dated rows; of the rest it is said why not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from guanhu.appraisal.reconcile import why_not
from guanhu.rulebook import tree as t
from tests.engines.agreement.fixed import PERIOD, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import Compared, compare, write_rulebook

ADDS: Section = {
    "stock": {"from": "balances"},
    "loans": {"from": "loan_states", "take": "at end"},
    "earned": {"from": "fees"},
    "paid": {"from": "interest", "each": "received", "unit": "money"},
    "sold": {"from": "fees", "take": "count"},
}
DOES_NOT: dict[str, tuple[dict[str, object], str]] = {
    "full": ({"from": "balances", "credit": "each in full"}, "各人相加多于全行"),
    "before": ({"from": "balances", "over": "base of last year"}, "移动基数"),
    "year": ({"from": "fees", "over": "to date"}, "不是本期的窗口"),
    "heads": ({"from": "fees", "take": "distinct customer_id"}, "不能相加"),
    "held": ({"from": "violation", "each": "points", "unit": "number", "credit": "person"}, "不按管户分"),
    "graded": ({"from": "fees", "where": "person.grade = 高级"}, "看管户人的岗位或等级"),
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    folder = tmp_path_factory.mktemp("reconciled")
    measures: Section = {**ADDS, **{name: spec for name, (spec, _) in DOES_NOT.items()}}
    lines: Section = {f"of_{name}": {"value": f"{name} * 1"} for name in measures}
    text = rulebook_text("quarter", "by days", lines, measures=measures)
    return compare(fixed_world().bank(folder), write_rulebook(folder / "rules", text), PERIOD)


def test_balances_loans_fees_and_interest_add_up(compared: Compared) -> None:
    rows = {row[1]: row for row in compared.ran.outcome.reconciled}
    assert set(rows) == set(ADDS)
    for name, row in rows.items():
        people, rest, _, bank = (Fraction(x) for x in row[-2].split())
        assert people + rest == bank != 0, name
        assert row[-1] == "yes", name
    assert any(Fraction(row[-2].split()[1]) for row in rows.values()), "somebody's things are nobody's"


def test_of_the_rest_it_is_said_why(compared: Compared) -> None:
    rulebook = compared.ran.outcome.rulebook
    for name, (_, wanted) in DOES_NOT.items():
        measure = rulebook.measures[name]
        assert isinstance(measure, t.Measure)
        told = why_not(measure, rulebook)
        assert told is not None, name
        assert wanted in told[0], name


def test_balances_that_are_nobodys_are_told_with_an_account(compared: Compared) -> None:
    (told,) = [x for x in compared.ran.outcome.problems if x.code == "RUN062"]
    rest = next(row for row in compared.ran.outcome.reconciled if row[1] == "stock")[4]
    assert told.severity == "warning"
    assert f"stock {rest} 归在对账的“无人管户”" in told.zh
