"""Formulas too wide for the engine: the evaluator computes them, to the fen, and the run says so."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import duckdb
import pytest

from guanhu.appraisal import appraise, lot_holders
from guanhu.appraisal.lines import Card
from guanhu.appraisal.replay import replayed
from guanhu.appraisal.running import Ran, run_rulebook
from guanhu.appraisal.whatif.laboratory import Laboratory
from guanhu.appraisal.whatif.patch import read_patch
from guanhu.facts.store import Bank
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.run.numeric import TooWide
from guanhu.values.problem import errors_in
from tests.engines.agreement.fixed import PERIOD, TABLES, TOPICS, fixed_world, rulebook_text
from tests.engines.agreement.rulebooks import make_rulebook
from tests.engines.agreement.running import Refused, compare, make_engine, write_rulebook
from tests.engines.agreement.test_agreement import period_for
from tests.engines.agreement.world import make_world
from tests.engines.test_since import COVERAGE, changed, import_folder, once_more, write_folder
from tests.engines.test_whatif import rows_of

# Two quotients at 12 places times a sum of money: about 140 bits. `vast` is known for p1, p2 and p4, not for p3, whose goal is 0.
VAST = "stock * (edge / goal) * (goal / edge)"
MEASURES = {
    "goal": {"item": "目标", "scope": "person", "unit": "money"},
    "edge": {"item": "边", "scope": "person", "unit": "money"},
    "one": {"item": "只一人", "scope": "person", "unit": "count"},
    "stock": {"from": "balances"},
    "vast": {"is": VAST},
    "share": {"is": f"({VAST} + 1元) / (stock + 3元)"},
}
LINES = {
    "plain": {"pay": "stock"},
    "wide": {"pay": f"{VAST} * 0.35%"},
    "of_vast": {"pay": "vast * 30%"},
    "of_share": {"pay": "plain * share"},
    "half_up": {"pay": f"{VAST} * 0 + 0.005元"},
    "half_down": {"pay": f"{VAST} * 0 - 0.005元"},
    "minus": {"pay": f"0元 - {VAST}"},
    "by_half": {"pay": f"{VAST} * 50%"},
    "named": {"pay": f"{VAST} + one * 1元"},
    "never_given": {"pay": f"floor_pay + {VAST} + never"},
    "held_low": {"pay": f"{VAST} * 1%", "least": "90元"},
    "held_high": {"pay": f"{VAST} * 1%", "most": "50.01元"},
    "held_vastly": {"pay": "plain", "least": "0元", "most": f"{VAST} * 0.7"},
    "most_unknown": {"pay": f"{VAST}", "most": "one * 1元"},
    "by_year": {"pay": f"{VAST} * 10% - 100元", "for_days": "actual/365"},
    "points": {"score": f"steps({VAST}, 3元, proportional)"},
    "whole_points": {"score": f"steps({VAST}, 300元, started)", "most": "9.5"},
    "ratio": {"value": f"{VAST} / (stock + 3元)", "unit": "ratio"},
    "cased": {
        "cases": [
            {"when": f"{VAST} * (goal / edge) > 1万元", "pay": f"{VAST} * 1%"},
            {"when": "grade = 初级", "pay": "stock * 2%"},
            {"otherwise": "0元"},
        ]
    },
    "banded": {"score": f"marks({VAST} * (goal / edge))"},
    "taxed": {"pay": f"parts({VAST})"},
    "given": {"pay": f"first_given(never, {VAST} * 2)"},
    "rank_of": {"score": f"rank({VAST} + 0元 among managers)"},
    "far_above": {"score": f"count({VAST} * (goal / edge) > 1万元 among managers by grade)"},
    "placed": {"score": "rank(wide among managers)"},
    "all_of": {"total": ["wide", "half_up", "held_low"]},
    "all_held": {"total": ["wide", "half_up", "plain"], "least": f"{VAST}"},
    "all_capped": {"total": ["wide", "plain"], "most": "30元"},
}
CHECKS = {
    "far": {"when": f"{VAST} * (goal / edge) > 1万元", "says": "看"},
    "paid": {"when": f"wide > 10元 and {VAST} * (goal / edge) * 3 > wide", "says": "看"},
}
DECISIONS = {
    "down": {"when": f"far or {VAST} * (goal / edge) < 0元", "sets": {"watch": "观察"}},
    "said": {"when": f"wide * (edge / goal) * (goal / edge) > {VAST}", "says": "看"},
}
PAIRS_ONCE_REFUSED = (15, 34, 83, 95, 128, 144, 163, 183, 200)
"""Generated pairs with a formula that needs more than 126 bits."""


def text_of(spells: str, every: str = "quarter", lines: dict[str, dict[str, object]] | None = None) -> str:
    if lines is not None:
        return rulebook_text(every, spells, lines, measures=MEASURES)
    tables = {name: TABLES[name] for name in ("marks", "parts")}
    return rulebook_text(
        every, spells, LINES, measures=MEASURES, tables=tables, checks=CHECKS, decisions=DECISIONS
    )


def told_of(ran: Ran) -> list[str]:
    return [x.text("en").split(": RUN056: ")[1] for x in ran.problems if x.code == "RUN056"]


@pytest.mark.parametrize("spells", ["by days", "none"])
def test_wide_formulas_are_what_explain_gives(spells: str, tmp_path: Path) -> None:
    text = text_of(spells)
    assert [problem.text("en") for problem in load_string(text)[1]] == []
    bank, rules = fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    compared = compare(bank, rules, PERIOD)
    assert compared.found == []
    assert compared.unread == []
    told = {x.split("inside ")[1].split(" ")[0] for x in told_of(compared.ran)}
    assert told == {*LINES, *CHECKS, *DECISIONS} - {"plain", "placed", "all_of", "all_capped"}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bank, Path, Ran]:
    """Return a bank, a rulebook of wide formulas and its run, in spells."""
    folder = tmp_path_factory.mktemp("wide")
    bank, rules = fixed_world().bank(folder), write_rulebook(folder / "rules", text_of("by days"))
    return bank, rules, run_rulebook(make_engine, bank, rules, PERIOD)


def kept(ran: Ran, what: str, line: str) -> dict[str, object]:
    """Return a column of the kept lines of whole subjects."""
    query = f"SELECT subject_id, {what} FROM read_parquet(?) WHERE line = ? AND spell_no = 0"
    with duckdb.connect() as connection:
        return dict(connection.execute(query, [str(ran.folder.table("lines")), line]).fetchall())


def test_half_a_fen_goes_away_from_zero(wide: tuple[Bank, Path, Ran]) -> None:
    """p1 has half a fen over two spells: one fen together, and none in either; p4, who leaves early, has less than half."""
    _, _, ran = wide
    assert kept(ran, "CAST(num AS INT)", "half_up") == {"p1": 1, "p2": 1, "p3": None, "p4": 0}
    assert kept(ran, "CAST(num AS INT)", "half_down") == {"p1": -1, "p2": -1, "p3": None, "p4": 0}


def test_the_cause_is_the_first_figure_that_is_unknown(wide: tuple[Bank, Path, Ran]) -> None:
    _, _, ran = wide
    nobody = dict.fromkeys(("p1", "p2", "p3", "p4"))
    assert kept(ran, "cause", "wide") == nobody | {"p3": "undefined"}
    assert kept(ran, "cause", "named") == nobody | dict.fromkeys(("p2", "p4"), "measures.one") | {
        "p3": "measures.one"
    }
    assert kept(ran, "cause", "never_given") == dict.fromkeys(nobody, "inputs.never")


def test_the_run_says_once_of_each_line_who_computed_it(wide: tuple[Bank, Path, Ran]) -> None:
    _, _, ran = wide
    (told,) = (x for x in told_of(ran) if " wide " in x)
    said = "2025Q1: a figure inside wide needs more than 126 bits; the evaluator computed 5 rows one by one, just as exact [第一条]"
    assert told.partition("\n")[0] == said
    written = json.loads((ran.folder.path / "problems.json").read_text("utf-8"))
    assert [x["code"] for x in written].count("RUN056") == len(told_of(ran)) > len(DECISIONS)


def test_again_it_has_the_same_digest(wide: tuple[Bank, Path, Ran]) -> None:
    bank, _, ran = wide
    assert replayed(make_engine, bank, ran.folder).is_same


def test_a_patch_gives_what_a_run_of_the_patched_rulebook_gives(
    wide: tuple[Bank, Path, Ran], tmp_path: Path
) -> None:
    bank, _, ran = wide
    patch = tmp_path / "patch.yaml"
    patch.write_text("changes: {lines.held_high.most: 60.01元}\n", "utf-8")
    draft = write_rulebook(tmp_path / "draft", text_of("by days").replace("50.01元", "60.01元"))
    whole = run_rulebook(make_engine, bank, draft, PERIOD).folder
    laboratory = Laboratory(make_engine, bank, ran.folder)
    try:
        tried = laboratory.tried(read_patch(patch))
        assert tried.again == ()
        assert rows_of(laboratory, "draft/lines".join('""')) == rows_of(
            laboratory, f"read_parquet('{whole.table('lines')}')"
        )
    finally:
        laboratory.close()


def test_since_an_earlier_run_gives_the_digest_of_a_whole_one(tmp_path: Path) -> None:
    world = fixed_world()
    bank, rules = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text_of("by days"))
    first = run_rulebook(make_engine, bank, rules, PERIOD).folder
    later = changed(world, ["balances"], random.Random(1))
    assert (
        errors_in(import_folder(write_folder(tmp_path / "late", later.files(), COVERAGE), bank).problems)
        == []
    )
    since, whole, _ = once_more(bank, rules, first)
    assert since.record["digest"] == whole.record["digest"] != first.record["digest"]


@pytest.mark.parametrize("pair", PAIRS_ONCE_REFUSED)
def test_a_pair_that_was_refused_is_compared(pair: int, tmp_path: Path) -> None:
    world = make_world(pair)
    text = make_rulebook(pair, world.amounts())
    rules = write_rulebook(tmp_path / "rules", text)
    compared = compare(world.bank(tmp_path), rules, period_for(pair, text))
    assert compared.found == []
    assert compared.unread == []
    assert told_of(compared.ran)


def too_wide(*_: object, **__: object) -> None:
    raise TooWide


@pytest.mark.parametrize("what", [*TOPICS, 2, 7, 8, 22])
def test_whoever_computes_the_digest_is_the_same(
    what: str | int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures, scales and causes: every line and condition by the evaluator, and none."""
    world, text, period = fixed_world(), TOPICS.get(str(what), ""), PERIOD
    if isinstance(what, int):
        world = make_world(what)
        text = make_rulebook(what, world.amounts())
        period = period_for(what, text)
    bank, rules = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    engine = run_rulebook(make_engine, bank, rules, period).folder.record["digest"]
    shutil.rmtree(bank.path / "runs")
    monkeypatch.setattr(Card, "_add_line", too_wide)
    monkeypatch.setattr(Card, "add_condition", too_wide)
    monkeypatch.setattr(lot_holders, "_compiled", too_wide)
    ran = run_rulebook(make_engine, bank, rules, period)
    assert told_of(ran)
    assert ran.folder.record["digest"] == engine


WIDE_OF_LOTS = {
    "claws": "max(plain * (edge / goal) * (goal / edge) * 1% - 0.5元, 0元)",
    "when": "plain * (edge / goal) * (goal / edge) >= 0元",
    "amount": "D * (edge / goal) * (goal / edge) * 30%",
}


@pytest.mark.parametrize("formula", WIDE_OF_LOTS)
def test_what_a_ledger_asks_may_be_too_wide(formula: str, tmp_path: Path) -> None:
    ledger = {
        "name": "延期",
        "defers": "plain",
        "release": "after 3 months",
        "claws_from": "waiting then paid",
    }
    ledger |= {"claws": "0元", formula: WIDE_OF_LOTS[formula]}
    if formula == "amount":
        ledger["release"] = "oldest first"
    lines = {"plain": {"pay": "stock"}, "given": {"pay": "D.released - D.recovered + D"}}
    text = rulebook_text("month", "by days", lines, measures=MEASURES, ledgers={"D": ledger})
    assert [problem.text("en") for problem in load_string(text)[1]] == []
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    assert compared.unread == []


WIDE_TOGETHER = {
    "paid": {"pay": "edge * (goal / edge) * 0.987654321987654"},
    "scored": {"score": "steps(one, 7, proportional) * 3000000000000000000000000"},
}


@pytest.mark.parametrize("line", WIDE_TOGETHER)
def test_spells_are_too_wide_only_together(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appraise, "add_wide_line", too_wide)
    text = text_of("by days", lines={line: WIDE_TOGETHER[line]})
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    assert told_of(compared.ran)


@pytest.mark.parametrize(
    "line",
    [
        {"score": "steps(one, 0.000000000001, completed) * 100000000000000 * 100000000000000"},
        {"pay": f"sum({VAST} among managers)"},
    ],
    ids=["of the line", "of what is gathered"],
)
def test_a_result_that_does_not_fit_is_refused(line: dict[str, object], tmp_path: Path) -> None:
    text = text_of("none", lines={"x": line})
    with pytest.raises(Refused) as refused:
        compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    assert [problem.code for problem in refused.value.problems] == ["RUN021"]


def test_what_is_read_of_the_past_may_be_too_fine(tmp_path: Path) -> None:
    lines: dict[str, dict[str, object]] = {
        "ratio": {"every": "month", "unit": "ratio", "value": "edge / goal"},
        "then": {
            "every": "month",
            "unit": "ratio",
            "value": f"previous(ratio, 0.{'0' * 18}1 * 0.{'0' * 18}1)",
        },
    }
    text = text_of("by days", "month", lines)
    with pytest.raises(Refused) as refused:
        compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), PERIOD)
    (problem,) = refused.value.problems
    assert problem.text("en").startswith("probe: RUN021: 2025-01: a figure that is read in (of earlier")
