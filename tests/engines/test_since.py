"""A run since an earlier one is a whole run: the same digest and the same sums, whatever kind of fact came late."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
from pathlib import Path

import duckdb
import pytest

from guanhu.appraisal import running
from guanhu.appraisal.increment.touched import Touched
from guanhu.appraisal.running import run_rulebook
from guanhu.appraisal.runs import RunFolder
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.rulebook.load.folder import load_string
from guanhu.values.problem import Refused, errors_in
from tests.engines.agreement.fixed import fixed_world, rulebook_text
from tests.engines.agreement.rulebooks import make_rulebook
from tests.engines.agreement.running import make_engine, write_rulebook
from tests.engines.agreement.world import (
    COVERAGE,
    FIRST,
    HEADINGS,
    LAST,
    World,
    csv_of,
    make_world,
    write_folder,
)
from tests.engines.test_difference import World as BankOfTwoQuarters, handed_over, raised
from tests.engines.test_runs import guanhu
from tests.engines.test_whatif import FULL_DAYS, RULES, with_value

PAIRS = range(int(os.environ.get("GUANHU_SINCE", "26")))
PERIOD = "2025Q1"
NEW_VALUES = {
    "balances": ("balance", ("-12.34", "0.00", "98765.43", "10000.00")),
    "fees": ("amount", ("-5.00", "0.07", "321.00")),
    "assignments": ("person_id", ("p1", "p2", "p3", "p4", "p5")),
    "account_rates": ("rate", ("3.3%", "0.1%")),
    "loan_states": ("balance", ("0.00", "7777.77")),
    "loans": ("guarantee", ("抵押", "")),
    "accounts": ("product", ("活期", "通知")),
    "figures": ("value", ("7.5", "-3")),
    "customers": ("tier", ("重点", "普通", "")),
    "interest": ("received", ("1.23", "0.00")),
    "event_violation": ("points", ("4", "-1")),
    "posts": ("grade", ("高级", "初级")),
    "parameters": ("value", ("0.02", "150", "10000")),
}
"""Kind → a column and what a late row may say there."""


def columns(kind: str) -> list[str]:
    heading = HEADINGS[kind]
    return heading.split(",") if isinstance(heading, str) else list(heading)


def changed(world: World, kinds: list[str], draw: random.Random) -> World:
    later = copy.deepcopy(world)
    for kind in kinds:
        column, values = NEW_VALUES[kind]
        rows = later.rows[kind]
        for _ in range(draw.choice((1, 2))):
            if rows:
                place = draw.randrange(len(rows))
                row = list(rows[place])
                row[columns(kind).index(column)] = draw.choice(values)
                rows[place] = tuple(row)
    return later


def once_more(bank: Bank, rules: Path, first: RunFolder) -> tuple[RunFolder, RunFolder, Touched]:
    """Return the run since the first, moved away, and a whole run of the same moment."""
    told: list[Touched] = []
    made = run_rulebook(make_engine, bank, rules, first.record["period_text"], since=first, told=told.append)
    away = bank.path / "away"
    shutil.move(str(made.folder.path), away)
    whole = run_rulebook(make_engine, bank, rules, first.record["period_text"]).folder
    return RunFolder(away), whole, told[0]


@pytest.mark.parametrize("pair", PAIRS)
def test_late_facts_of_every_kind(pair: int, tmp_path: Path) -> None:
    world = make_world(pair)
    text = make_rulebook(pair, world.amounts(), counts_days=True)
    if load_string(text)[0] is None:
        return
    bank, rules = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    try:
        first = run_rulebook(make_engine, bank, rules, PERIOD).folder
    except Refused as refused:
        if {p.code for p in refused.problems} != {"RUN021"}:
            raise
        return
    draw = random.Random(pair)
    # Each kind comes about, alone and with others.
    kinds = [
        sorted(NEW_VALUES)[pair % len(NEW_VALUES)],
        *draw.sample(sorted(NEW_VALUES), draw.choice((0, 1, 2))),
    ]
    result = import_folder(
        write_folder(tmp_path / "late", changed(world, kinds, draw).files(), COVERAGE), bank
    )
    if any(p.severity == "error" for p in result.problems):
        return
    since, whole, _ = once_more(bank, rules, first)
    assert since.record["digest"] == whole.record["digest"]
    with duckdb.connect() as connection:
        rows = [
            sorted(connection.execute("FROM read_parquet(?)", [str(x.table("reconcile"))]).fetchall())
            for x in (since, whole)
        ]
    assert rows[0] == rows[1]


def test_a_limit_given_late_that_only_a_day_is_tested_against(tmp_path: Path) -> None:
    text = rulebook_text(
        "quarter", "none", {"full": {"unit": "days", "value": "full_days"}}, measures=FULL_DAYS
    )
    world = with_value(fixed_world(), "floor_pay", "10000", None)
    bank, rules = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    first = run_rulebook(make_engine, bank, rules, PERIOD).folder
    later = with_value(world, "floor_pay", "1", None)
    assert (
        errors_in(import_folder(write_folder(tmp_path / "late", later.files(), COVERAGE), bank).problems)
        == []
    )
    since, whole, touched = once_more(bank, rules, first)
    assert set(touched.rows) == {"parameters"}
    assert since.record["digest"] == whole.record["digest"] != first.record["digest"]


def late_of(world: World, institution: str) -> tuple[dict[str, str], str] | None:
    """Return the files and coverage of one institution's balances, loans' states and interest, delivered with new figures."""

    def ids(kind: str) -> set[object]:
        place = columns(kind).index("institution_id")
        return {row[0] for row in world.rows[kind] if row[place] == institution}

    rows = {
        kind: [
            list(row) for row in world.rows[kind] if row[columns(kind).index(key)] in ids(of)
        ]
        for kind, key, of in (
            ("balances", "account_id", "accounts"),
            ("loan_states", "loan_id", "loans"),
            ("interest", "loan_id", "loans"),
        )
    }  # fmt: skip
    if not rows["balances"] or not rows["loan_states"]:
        return None
    for kind, late in rows.items():
        column, values = NEW_VALUES[kind]
        for number, row in enumerate(late):
            row[columns(kind).index(column)] = values[number % len(values)]
    files = {
        f"{kind}.csv": csv_of(",".join(columns(kind)), [tuple(r) for r in late])
        for kind, late in rows.items()
    }
    coverage = f"coverage:\n  - {{kinds: [{', '.join(rows)}], institutions: [{institution}], from: {FIRST}, to: {LAST}}}\n"
    return files, coverage


# Of the other pairs of the first eight, the import refuses what one institution delivers alone.
@pytest.mark.parametrize("pair", [0, 1, 2, 4, 6])
def test_late_facts_of_one_institution(pair: int, tmp_path: Path) -> None:
    world = make_world(pair)
    text = make_rulebook(pair, world.amounts())
    place = columns("loans").index("institution_id")
    lates = [late_of(world, str(x)) for x in dict.fromkeys(row[place] for row in world.rows["loans"]) if x]
    late = next((x for x in lates if x is not None), None)
    assert late is not None
    assert load_string(text)[0] is not None
    bank, rules = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    first = run_rulebook(make_engine, bank, rules, PERIOD).folder
    result = import_folder(write_folder(tmp_path / "late", *late), bank)
    assert not any(p.severity == "error" for p in result.problems)
    since, whole, touched = once_more(bank, rules, first)
    assert "balances" in touched.rows
    assert since.record["digest"] == whole.record["digest"]


def test_the_whole_bank_after_one_institution(tmp_path: Path) -> None:
    """What the run knew of listed institutions only, the whole delivery says of all."""
    world = make_world(0)
    late = next(x for x in (late_of(world, name) for name in ("A", "A1", "B")) if x is not None)
    text = rulebook_text("quarter", "none", {"x": {"pay": "stock"}}, measures={"stock": {"from": "balances"}})
    bank, rules = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    assert import_folder(write_folder(tmp_path / "late", *late), bank).batch_no
    first = run_rulebook(make_engine, bank, rules, PERIOD).folder
    later = changed(world, ["balances"], random.Random(1))
    assert import_folder(write_folder(tmp_path / "whole", later.files(), COVERAGE), bank).batch_no
    since, whole, touched = once_more(bank, rules, first)
    assert "balances" in touched.rows
    assert since.record["digest"] == whole.record["digest"] != first.record["digest"]


@pytest.fixture
def world(tmp_path: Path) -> BankOfTwoQuarters:
    return BankOfTwoQuarters(tmp_path)


def test_only_what_is_touched_is_measured(world: BankOfTwoQuarters, monkeypatch: pytest.MonkeyPatch) -> None:
    first = world.run()
    world.again({"balances": raised, "assignments": handed_over})
    measured: list[int] = []
    original = running.measured_delta

    def counted(*args: object) -> object:
        found = original(*args)  # type: ignore[arg-type]
        measured.append(1)
        return found

    monkeypatch.setattr(running, "measured_delta", counted)
    since, whole, touched = once_more(world.bank, first.rulebook_folder, first)
    assert since.record["digest"] == whole.record["digest"] != first.record["digest"]
    assert measured == [1]
    assert set(touched.rows) == {"balances", "assignments"}
    assert 0 < len(touched.ids["account"]) < 500
    assert touched.people


def test_the_same_facts_once_more_change_nothing(world: BankOfTwoQuarters) -> None:
    first = world.run()
    world.again({})
    since, whole, touched = once_more(world.bank, first.rulebook_folder, first)
    assert touched.rows == {}
    assert since.record["digest"] == whole.record["digest"] == first.record["digest"]


def test_from_the_command_line_it_says_whom_it_touches(world: BankOfTwoQuarters) -> None:
    ranked = RULES.replace(
        "lines:\n",
        'lines:\n  place: {name: 名次, clause: 二, unit: count, value: "rank(score among everyone)"}\n',
    )
    first = world.run(ranked)
    world.again({"balances": raised})
    told = guanhu(
        "run", "--bank", world.bank.path, "--rulebook", first.rulebook_folder, "--period", "2025Q4", "--since", first.path
    )  # fmt: skip
    assert "balances" in told
    assert "牵动" in told
    assert "全组" in told
    found = json.loads(
        guanhu(
            "run", "--bank", world.bank.path, "--rulebook", first.rulebook_folder, "--period", "2025Q4", "--since", first.path, "--json"
        )
    )["touched"]  # fmt: skip
    assert "balances" in found["rows"]
    assert found["people"]
    assert found["groups"] == ["考核对象"]
    assert found["everything_because"] is None
    nothing = guanhu(
        "run", "--bank", world.bank.path, "--rulebook", first.rulebook_folder, "--period", "2025Q4", "--as-of", "1",
        "--since", first.path, wanted=1,
    )  # fmt: skip
    assert "RUN049" in nothing
    other = world.run()
    assert "RUN049" in guanhu(
        "run", "--bank", world.bank.path, "--rulebook", other.rulebook_folder, "--period", "2025Q4",
        "--since", first.path, wanted=1,
    )  # fmt: skip
    assert "RUN061" in guanhu(
        "run", "--bank", world.bank.path, "--rulebook", other.rulebook_folder, "--period", "2025Q4",
        "--since", "none", wanted=1,
    )  # fmt: skip
