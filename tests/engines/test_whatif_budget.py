"""A budget of the change and of the whole; what the workbook draws."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.engines.test_runs import guanhu
from tests.engines.test_whatif import kept as make_kept

kept = pytest.fixture(scope="module")(make_kept.__wrapped__)
SWEEP = "inputs.rate=1‰..3‰/0.5‰"


def met(run: Path, limit: str) -> str | None:
    found: dict[str, str | None] = json.loads(
        guanhu("whatif", "--run", run, "--sweep", SWEEP, "--meet", limit, "--json")
    )
    return found["meets_budget"]


def test_a_total_is_for_all_that_is_paid(kept: tuple[Path, Path]) -> None:
    """The run pays so much at 1‰: within that whole nothing more fits, and a change of so much fits everything."""
    run = kept[1]
    base = json.loads(guanhu("whatif", "--run", run, "--sweep", SWEEP, "--json"))["cost_before_fen"]
    assert met(run, f"total={base / 100:.2f}") == "1‰"
    assert met(run, f"total={(base - 1) / 100:.2f}") is None
    assert met(run, f"budget={base / 100:.2f}") in ("2‰", "2.5‰", "3‰")
    told = guanhu("whatif", "--run", run, "--sweep", SWEEP, "--meet", f"total={base / 100:.2f}")
    assert "是不超过总额" in told


def test_the_workbook_draws_the_spread_and_the_sweep(kept: tuple[Path, Path], tmp_path: Path) -> None:
    guanhu("whatif", "--run", kept[1], "--sweep", SWEEP, "--out", tmp_path / "w.xlsx")
    with zipfile.ZipFile(tmp_path / "w.xlsx") as book:
        assert len([x for x in book.namelist() if x.startswith("xl/charts/chart")]) == 2
