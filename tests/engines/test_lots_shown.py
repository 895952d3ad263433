"""Pay that waits is shown: on the statement, in the explanation and in the export, for who has left too."""

from __future__ import annotations

import copy
import csv
from fractions import Fraction
from pathlib import Path

import pytest
from sqlglot import exp

from guanhu.appraisal.exporting import export_run
from guanhu.appraisal.history import exact
from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.pages.waiting import told
from guanhu.appraisal.running import Ran
from guanhu.appraisal.statement import statement
from guanhu.appraisal.whatif.laboratory import Laboratory
from guanhu.appraisal.whatif.patch import read_patch
from guanhu.rulebook.print import blocks as b
from guanhu.rulebook.print.html import html
from guanhu.rulebook.run.template import table_named
from tests.engines.agreement.lot_histories import LotStory, text_of
from tests.engines.agreement.running import make_engine
from tests.engines.agreement.test_lot_stories import LEFT, POST_ENDS, THREE, decision, world_of
from tests.engines.test_since import once_more


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[LotStory, Ran, Ran]:
    """Return a bank whose one person left in February: the first two months, and the four after them."""
    world = world_of(staff=LEFT, posts=POST_ENDS, human_decisions=[decision("2025-03", "back", "10")])
    ledger = {"defers": "put", "release": THREE, "claws": "first_given(back, 0元)"}
    made = LotStory(tmp_path_factory.mktemp("lots"), world, text_of(ledger))
    first, _ = made.run("2025-01-01..2025-02-28")
    second, _ = made.run("2025-03-01..2025-06-30")
    return made, first.ran, second.ran


def grids(page: b.Page) -> list[b.Grid]:
    return [x for x in page.blocks if isinstance(x, b.Grid) and "到期" in x.head]


def test_the_statement_lists_each_lot_with_its_day(story: tuple[LotStory, Ran, Ran]) -> None:
    made, first, _ = story
    opened = OpenRun(make_engine, made.bank, first.folder)
    try:
        page = statement(opened, "p1")
    finally:
        opened.close()
    (grid,) = grids(page)
    assert grid.rows == (
        ("2025-01#1", "2025-01-31", "2025-02-28", "33.34", "33.34", "0.00", "0.00", "0.00"),
        ("2025-01#2", "2025-01-31", "2025-03-31", "33.34", "0.00", "0.00", "0.00", "33.34"),
        ("2025-01#3", "2025-01-31", "2025-04-30", "33.33", "0.00", "0.00", "0.00", "33.33"),
        ("合计", "", "", "100.01", "33.34", "0.00", "0.00", "66.67"),
    )
    assert "待付的薪酬" in html(page)


def test_who_has_left_is_explained_and_has_a_statement(story: tuple[LotStory, Ran, Ran]) -> None:
    made, _, second = story
    opened = OpenRun(make_engine, made.bank, second.folder)
    try:
        assert opened.explain("p1") == []
        (grid,) = grids(statement(opened, "p1"))
        lines = [line.strip() for x in told(opened, "p1") for _, line in x.lines()]
    finally:
        opened.close()
    assert grid.rows[-1][3:] == ("100.01", "90.01", "0.00", "10.00", "0.00")
    assert "2025-03-31 追回 10.00 元" in lines
    assert "2025-04-30 支付 33.33 元" in lines


def test_the_export_has_a_row_for_each_lot(story: tuple[LotStory, Ran, Ran], tmp_path: Path) -> None:
    made, _, second = story
    export_run(make_engine, made.bank.path, second.folder, "csv", tmp_path / "out")
    with (tmp_path / "out" / "lots.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["笔"], row["已付"], row["其中本次运行"], row["追回"]) for row in rows] == [
        ("2025-01#1", "33.34", "0", "0"),
        ("2025-01#2", "23.34", "23.34", "10"),
        ("2025-01#3", "33.33", "33.33", "0"),
    ]
    export_run(make_engine, made.bank.path, second.folder, "xlsx", tmp_path / "out.xlsx")


def test_a_patch_is_followed_through_the_lots(story: tuple[LotStory, Ran, Ran], tmp_path: Path) -> None:
    """Half as much is put aside in January: half as much comes back in February."""
    made, first, _ = story
    path = tmp_path / "patch.yaml"
    path.write_text("changes:\n  lines.put.value: bonus * 20%\n", "utf-8")
    laboratory = Laboratory(make_engine, made.bank, first.folder)
    try:
        outcome = laboratory.tried(read_patch(path)).outcome
        found = {}
        for result in outcome.results:
            query = exp.select("subject_id", "out").from_(table_named(result.persons), copy=False)
            for subject, value in laboratory.engine.rows(query):
                found[result.instance.key, subject] = exact(value, result.lines["out"])
    finally:
        laboratory.close()
    # 250 − 50; −0.10 + 0.02 + 16.67
    assert found == {("2025-01", "p1"): 200, ("2025-02", "p1"): Fraction("16.59")}


def test_a_run_since_an_earlier_one_moves_the_same_lots(tmp_path: Path) -> None:
    """A late clawback: the run that goes on from the earlier one has the digest of a whole run."""
    world = world_of()
    made = LotStory(
        tmp_path, world, text_of({"defers": "put", "release": THREE, "claws": "first_given(back, 0元)"})
    )
    first, _ = made.run("2025-01-01..2025-04-30", publishes=False)
    late = copy.deepcopy(world)
    late.add("human_decisions", decision("2025-03", "back", "12.34"))
    made.facts(late)
    made_since, whole, _ = once_more(made.bank, made.rules, first.ran.folder)
    assert made_since.record["digest"] == whole.record["digest"] != first.ran.folder.record["digest"]
