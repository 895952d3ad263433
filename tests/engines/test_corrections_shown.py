"""Corrections are told wherever a run is read: explain, statement, workbook, csv, parquet, JSON."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guanhu.appraisal.exporting import export_run
from guanhu.appraisal.running import Ran
from guanhu.appraisal.statement import statement
from guanhu.cli.main import app
from guanhu.rulebook.print.blocks import plain
from tests.engines.agreement.running import make_engine, opened
from tests.engines.test_corrections import Story, late_balance, posts_changed, rows

LATE = "p1"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    story = Story(tmp_path_factory.mktemp("story"))
    story.publish(story.run("2025-02"))
    story.facts(late_balance)
    return story


@pytest.fixture(scope="module")
def corrected(story: Story) -> Ran:
    return story.run("2025Q1")


def due(ran: Ran, subject: str) -> Fraction:
    """Return what a person's corrections add to the pay."""
    found = rows(ran, "corrections", "subject_id, counts, correction_fen")
    own = (Fraction(int(fen), 100) for who, counts, fen in found if counts and who == subject)
    return sum(own, Fraction(0))


def shown(amount: Fraction) -> str:
    return f"{float(amount):,.2f}"


def guanhu(*words: str | Path) -> str:
    done = CliRunner().invoke(app, ["--quiet", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.stdout


def explained(story: Story, ran: Ran, line: str, instance: str) -> dict:
    told = json.loads(
        guanhu("explain", ran.folder.path, "p2", "--bank", story.bank.path, "--line", line, "--json")
    )
    ((found,),) = ([x["lines"] for x in told if x["instance"] == instance],)
    return next(x for x in found if x["kind"] == "line")


def under(told: dict, kind: str) -> list[dict]:
    return [
        found
        for part in told.get("parts", [])
        for found in ([part] if part["kind"] == kind else []) + under(part, kind)
    ]


def test_a_sum_over_months_lists_each_and_which_was_published(story: Story, corrected: Ran) -> None:
    told = explained(story, corrected, "q_pay", "2025Q1")
    for figure in (x for x in under(told, "figure") if "各月" in x["text"]):
        months = [(x["facts"]["instance"], x["facts"]["source"]) for x in under(figure, "instance")]
        assert months == [("2025-01", "computed"), ("2025-02", "published"), ("2025-03", "computed")]
        values = [Fraction(x["value"]) for x in under(figure, "instance")]
        assert sum(values) == Fraction(figure["value"])
    assert under(told, "instance")


def test_a_named_line_tells_the_lines_that_it_reads(story: Story, corrected: Ran) -> None:
    told = explained(story, corrected, "m_total", "2025-03")
    read = {x["path"]: x for x in under(told, "line ref")}
    assert set(read) >= {"lines.m_pay", "lines.m_extra"}
    assert [x["kind"] for x in read["lines.m_pay"]["parts"]][:2] == ["rule", "substituted"]
    assert under(read["lines.m_pay"], "measure")
    assert not any("见该行" in x["text"] for x in under(told, "line ref"))
    parts = [read[x] for x in ("lines.m_pay", "lines.m_extra")]
    assert sum(Fraction(x["value"]) for x in parts) == Fraction(told["value"])


def test_explain_tells_corrections_in_english(story: Story, corrected: Ran) -> None:
    told = guanhu("--lang", "en", "explain", corrected.folder.path, LATE, "--bank", story.bank.path)
    for words in ("correction 2025", "published ", " (run ", "computed anew "):
        assert words in told
    assert not any(words in told for words in ("更正", "已发布", "重算", "运行"))


def test_explain_tells_both_figures_and_the_run(story: Story, corrected: Ran) -> None:
    told = json.loads(guanhu("explain", corrected.folder.path, LATE, "--bank", story.bank.path, "--json"))
    assert told[-1]["instance"] == "2025Q1"
    found = {x["path"]: x for x in told[-1]["lines"] if x["kind"] == "correction"}
    total = found["corrections.m_total.2025-02"]
    assert Fraction(total["value"]) == due(corrected, LATE)
    values = {x["kind"]: Fraction(x["value"]) for x in total["parts"] if "value" in x}
    assert values["recomputed"] - values["published"] == due(corrected, LATE)
    published = corrected.folder.record["published_instances"]["2025-02"]
    assert published in total["parts"][0]["text"]
    february = next(x for x in told if x["instance"] == "2025-02")
    assert all(published in x["parts"][0]["text"] for x in february["lines"])


def test_the_run_told_as_json_has_each_correction(story: Story, corrected: Ran) -> None:
    words = ("run", "--bank", story.bank.path, "--rulebook", story.rules, "--period", "2025Q1", "--json")
    record = json.loads(guanhu(*words))
    assert record["run"] == str(corrected.folder.path)
    own = [x for x in record["corrections"]["rows"] if x["subject_id"] == LATE and x["counts"]]
    assert sum(x["correction_fen"] for x in own) == due(corrected, LATE) * 100
    assert record["corrections"]["count"] == len(record["corrections"]["rows"])


def test_the_statement_has_the_correction(story: Story, corrected: Ran) -> None:
    with opened(story.bank, corrected) as run:
        texts = " ".join(plain(statement(run, LATE).blocks))
    assert "对已发布各期的更正(列入 2025Q1)" in texts
    assert shown(due(corrected, LATE)) in texts
    assert "2025-02(已发布)" in texts


def test_exports_have_the_correction(story: Story, corrected: Ran, tmp_path: Path) -> None:
    from python_calamine import CalamineWorkbook

    amount = due(corrected, LATE)
    folder = export_run(make_engine, story.bank.path, corrected.folder, "csv", tmp_path / "csv")
    with (folder / "corrections.csv").open(encoding="utf-8-sig", newline="") as file:
        found = [row for row in csv.DictReader(file) if row["对象号"] == LATE and row["计入合计"] == "是"]
    assert sum(Fraction(row["更正"]) for row in found) == amount
    assert all(Fraction(r["重算"]) - Fraction(r["已发布"]) == Fraction(r["更正"]) for r in found)
    book = CalamineWorkbook.from_path(
        str(export_run(make_engine, story.bank.path, corrected.folder, "xlsx", tmp_path / "run.xlsx"))
    )
    head, *lines = book.get_sheet_by_name("结果").to_python()
    column = head.index("更正(对已发布各期)")
    sums = [line[column] for line in lines if line[0] == LATE and line[column] != ""]
    assert sums == [float(amount)]
    assert len(book.get_sheet_by_name("更正").to_python()) > len(found)
    states = {line[3]: line[10] for line in book.get_sheet_by_name("明细行").to_python()[1:]}
    assert (states["2025-02"], states["2025-03"]) == ("已发布", "已算")
    kept = export_run(make_engine, story.bank.path, corrected.folder, "parquet", tmp_path / "parquet")
    assert (kept / "corrections.parquet").read_bytes() == corrected.folder.table("corrections").read_bytes()


def test_who_is_not_appraised_any_more_has_a_statement_of_the_correction(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.publish(story.run("2025-01"))
    story.facts(posts_changed)
    ran = story.run("2025-01")
    with opened(story.bank, ran) as run:
        for person in ("p2", "p5"):
            texts = " ".join(plain(statement(run, person).blocks))
            assert shown(due(ran, person)) in texts
    export_run(make_engine, story.bank.path, ran.folder, "xlsx", tmp_path / "run.xlsx")
