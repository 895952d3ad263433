"""What the invented banks write is imported without a problem, and adds up to their ledger totals."""

from pathlib import Path

import duckdb
import pytest

from guanhu.bank.generate import generate
from guanhu.bank.scale import generate_scale
from guanhu.bank.timeline import quarters_before_end
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.values.problem import errors_in

QUARTERS = quarters_before_end(3)

# Σ fen × days of each supplied span, and the supplied total at 1e-6 yuan, which is 1e-4 fen.
RECONCILE = """
SELECT t.from_day, t.value,
    sum(b.balance * (least(b.to_day, t.to_day) - greatest(b.from_day, t.from_day))) * 10000
FROM f_figures AS t
JOIN {view} AS b ON b.from_day < t.to_day AND b.to_day > t.from_day
WHERE t.scope = 'bank' AND t.item = '{item}'
GROUP BY ALL ORDER BY ALL
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    folder = tmp_path_factory.mktemp("demo")
    generate(folder / "files", 500, 24, len(QUARTERS), 5)
    bank = Bank.create(folder / "bank", "示例市商业银行")
    for quarter in QUARTERS:
        result = import_folder(folder / "files" / quarter.name, bank)
        assert [problem.text("en") for problem in errors_in(result.problems)] == []
    return bank


def totals(bank: Bank, view: str, item: str) -> list[tuple]:
    with duckdb.connect() as connection:
        bank.view().register(connection)
        return connection.execute(RECONCILE.format(view=view, item=item)).fetchall()


@pytest.mark.parametrize(
    ("view", "item"), [("f_balances", "存款积数总账"), ("f_loan_states", "贷款积数总账")]
)
def test_the_demo_bank_adds_up_after_import(demo: Bank, view: str, item: str) -> None:
    found = totals(demo, view, item)
    assert [start for start, _, _ in found] == [quarter.span.start for quarter in QUARTERS]
    assert all(supplied == summed for _, supplied, summed in found)


def test_a_plan_of_a_year_is_one_figure_after_import(demo: Bank) -> None:
    """It is written in each quarter, cut to it; equal neighbours are joined."""
    with duckdb.connect() as connection:
        demo.view().register(connection, ["figures"])
        query = "SELECT count(*) FROM f_figures WHERE scope = 'bank' AND item = '存款计划'"
        assert connection.execute(query).fetchone() == (1,)


def test_the_large_folder_adds_up_after_import(tmp_path: Path) -> None:
    generate_scale(tmp_path / "files", 1000, 20, 1)
    bank = Bank.create(tmp_path / "bank", "示例市商业银行")
    assert errors_in(import_folder(tmp_path / "files", bank).problems) == []
    ((_, supplied, summed),) = totals(bank, "f_balances", "存款积数总账")
    assert supplied == summed
