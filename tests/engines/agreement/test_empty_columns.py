"""Columns of an event that may be empty: unknown, three-valued, asked with `given` and `first_given`."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.load.folder import load_string
from guanhu.values.problem import errors_in
from tests.engines.agreement.fixed import fixed_world
from tests.engines.agreement.rulebooks import CLAUSE, WORDS
from tests.engines.agreement.running import compare, write_rulebook
from tests.engines.agreement.world import COVERAGE
from tests.engines.facts.folders import write_folder

EVENT = "  sale: {name: 卖, columns: {额: {type: money}, 赎: {type: date, required: no}, 等: {type: choice, required: no}, 费: {type: money, required: no}}}\n"
ROWS = """\
event_id,day,person_id,customer_id,account_id,institution_id,额,赎,等,费
s1,2025-01-10,p1,,,,100,2025-03-01,甲,5
s2,2025-01-20,p1,,,,1000,,,
s3,2025-01-10,p2,,,,100,2025-03-01,甲,5
"""
FORMULAS = {
    "a condition": ({"where": "赎 >= 2025-02-01"}, None, 100),
    "unknown and no": ({"where": "赎 >= 2025-02-01 and 额 < 500元"}, 100, 100),
    "unknown or yes": ({"where": "赎 >= 2025-02-01 or 额 > 500元"}, 1100, 100),
    "not": ({"where": "not (赎 >= 2025-02-01)"}, None, 0),
    "a choice": ({"where": "等 = 甲"}, None, 100),
    "a choice in a list": ({"where": "等 in (甲, 乙)"}, None, 100),
    "given": ({"where": "given(赎)"}, 100, 100),
    "not given": ({"where": "not given(等)"}, 1000, 0),
    "given first": ({"where": "given(赎) and 赎 >= 2025-02-01"}, 100, 100),
    "a first date": ({"where": "first_given(赎, 2025-01-01) >= 2025-02-01"}, 100, 100),
    "a first choice": ({"where": "first_given(等, 等) = 甲"}, None, 100),
    "an amount": ({"each": "额 - 费"}, None, 95),
    "a first amount": ({"each": "额 - first_given(费, 1元)"}, 1094, 95),
    "days": ({"each": "额 * days_between(day, first_given(赎, day))", "unit": "money"}, 5000, 5000),
    "a case": ({"each": "if(given(费), 费, 额)"}, 1005, 5),
}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    folder = tmp_path_factory.mktemp("empty")
    coverage = COVERAGE.replace("coverage:\n", f"{EVENT}coverage:\n").replace(
        "event_violation]", "event_violation, event_sale]"
    )
    files = {**fixed_world().files(), "event_sale.csv": ROWS}
    bank = Bank.create(folder / "bank", "样行")
    result = import_folder(write_folder(folder / "in", files, coverage), bank)
    assert [p.text("en") for p in errors_in(result.problems)] == []
    return bank


def text_of(measure: dict[str, str]) -> str:
    parts = {
        "rulebook": "probe",
        "name": "试办法",
        "calendar": {"every": "quarter"},
        "who": {"managers": {"is": "post = 经理", "spells": "none", "clause": CLAUSE}},
        "words": {**WORDS, "等": {"of": "等", "are": ["甲", "乙"]}},
        "events": {
            "sale": {
                "name": "卖",
                "columns": {
                    "额": "money",
                    "赎": {"type": "date", "required": "no"},
                    "等": {"type": "choice", "required": "no"},
                    "费": {"type": "money", "required": "no"},
                },
            }
        },
        "measures": {"sold": {"clause": CLAUSE, "from": "sale", "each": "额", **measure}},
        "lines": {"x": {"clause": CLAUSE, "pay": "sold"}},
    }
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in parts.items())


@pytest.mark.parametrize("case", FORMULAS)
def test_an_empty_cell_is_unknown(case: str, bank: Bank, tmp_path: Path) -> None:
    measure, first, second = FORMULAS[case]
    compared = compare(bank, write_rulebook(tmp_path / "rules", text_of(measure)), "2025Q1")
    assert compared.found == []
    mine, other = (compared.traces[person][-1].whole["x"] for person in ("p1", "p2"))
    assert (None if isinstance(mine, Unknown) else mine) == (None if first is None else Fraction(first))
    assert other == second


def test_a_date_and_an_amount_are_not_one_another() -> None:
    _, problems = load_string(text_of({"each": "额 + first_given(赎, 额)"}))
    assert [p.code for p in problems] == ["RUL034"]
