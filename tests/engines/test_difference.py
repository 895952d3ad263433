"""Two runs of one period told apart: each cause alone, all together, and the sum is the difference to the fen."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from guanhu.appraisal.difference import CAUSES, Difference, Explained, alike, by_subject, in_total, lines_of
from guanhu.appraisal.running import run_rulebook
from guanhu.appraisal.runs import RunFolder
from guanhu.bank.generate import generate
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.rulebook.load.folder import load_string
from tests.engines.agreement.running import make_engine, write_rulebook
from tests.engines.test_runs import guanhu
from tests.engines.test_whatif import PARAMETERS, RULES

PERIOD = "2025Q4"
Rows = list[dict[str, str]]


class World:
    """A bank of two quarters whose second may be imported again, changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        generate(folder / "files", 500, 20, 2, 5)
        self.bank = Bank.create(folder / "bank", "小银行")
        for quarter in self.quarters():
            (quarter / "parameters.csv").write_text(PARAMETERS, "utf-8")
            assert not [p for p in import_folder(quarter, self.bank).problems if p.severity == "error"]

    def quarters(self) -> list[Path]:
        return sorted((self.folder / "files").iterdir())

    def again(self, changes: dict[str, Callable[[Rows], None]]) -> None:
        """Import the second quarter once more with some files changed."""
        quarter = self.folder / f"again{len(list(self.folder.iterdir()))}"
        shutil.copytree(self.quarters()[-1], quarter)
        for name, change in changes.items():
            path = quarter / f"{name}.csv"
            with path.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            heads = list(rows[0])
            change(rows)
            with path.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, heads)
                writer.writeheader()
                writer.writerows(rows)
        result = import_folder(quarter, self.bank)
        assert [p.text("en") for p in result.problems if p.severity == "error"] == []

    def run(self, rules: str = RULES) -> RunFolder:
        folder = write_rulebook(self.folder / f"rules{len(list(self.folder.iterdir()))}", rules)
        return run_rulebook(make_engine, self.bank, folder, PERIOD).folder


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def told(world: World, first: RunFolder, second: RunFolder) -> tuple[Explained, list[Explained]]:
    steps = Difference(make_engine, world.bank, first, second).steps()
    total, people = in_total(steps), by_subject(steps)
    for one in (total, *people):
        assert one.before + sum(one.causes.values()) == one.after
    assert sum(x.change for x in people) == total.change
    return total, people


def only(total: Explained, *causes: str) -> None:
    assert {c for c in CAUSES if total.causes[c]} == set(causes), total.causes


def raised(rows: Rows) -> None:
    for row in rows[:200]:
        row["balance"] = str(int(float(row["balance"])) + 100_000)


def handed_over(rows: Rows) -> None:
    people = sorted({row["person_id"] for row in rows})
    for row in rows[:60]:
        row["person_id"] = people[(people.index(row["person_id"]) + 1) % len(people)]


def dearer(rows: Rows) -> None:
    for row in rows:
        if row["input"] == "grade_bonus":
            row["value"] = str(int(row["value"]) + 50)


def test_nothing_changed(world: World) -> None:
    first = world.run()
    total, people = told(world, first, first)
    assert (total.change, people) == (0, [])
    assert "相同" in guanhu("difference", first.path, first.path)


def test_each_cause_alone_and_all_together(world: World) -> None:
    first = world.run()
    world.again({"balances": raised})
    facts = world.run()
    only(told(world, first, facts)[0], "facts")
    world.again({"balances": raised, "assignments": handed_over})
    credited = world.run()
    total, people = told(world, facts, credited)
    assert {c for x in people for c in CAUSES if x.causes[c]} == {"assignments"}
    world.again({"balances": raised, "assignments": handed_over, "parameters": dearer})
    priced = world.run()
    only(told(world, credited, priced)[0], "parameters")
    stricter = RULES.replace("most: 5000元", "most: 1元")
    ruled = world.run(stricter)
    only(told(world, priced, ruled)[0], "clauses")
    rounding = stricter.replace("pay: grade_bonus(grade)}", 'pay: "round(grade_bonus(grade) / 7, 0)"}')
    coarse = stricter.replace("pay: grade_bonus(grade)}", 'pay: "round(grade_bonus(grade) / 7, 1)"}')
    fine, rough = world.run(rounding), world.run(coarse)
    only(told(world, fine, rough)[0], "rounding")
    total, people = told(world, first, rough)
    assert total.causes["facts"] > 0
    assert total.causes["clauses"] < 0
    assert {c for x in people for c in CAUSES if x.causes[c]} >= {
        "facts",
        "assignments",
        "parameters",
        "clauses",
    }
    # Whatever the way, the ends are those of the runs.
    back, _ = told(world, rough, first)
    assert (back.before, back.after) == (total.after, total.before)


def test_one_person_by_line(world: World) -> None:
    first = world.run()
    world.again({"balances": raised, "parameters": dearer})
    second = world.run()
    steps = Difference(make_engine, world.bank, first, second).steps()
    person = by_subject(steps)[0].subject
    lines = lines_of(steps, person)
    assert {key[3] for key, _ in lines} >= {"pay"}
    assert all(len(way) == len(steps) for _, way in lines)
    shown = guanhu("difference", first.path, second.path, person)
    assert "绩效" in shown
    assert person in shown
    record = json.loads(guanhu("difference", first.path, second.path, person, "--json"))
    assert record["steps"] == ["before", "facts", "assignments", "parameters"]
    assert record["total"]["after_fen"] - record["total"]["before_fen"] == sum(
        record["total"][f"{cause}_fen"] for cause in CAUSES
    )
    assert "合计" in guanhu("difference", first.path, second.path)


def test_who_is_not_settled_is_not_shown_as_nothing(world: World) -> None:
    first = world.run()

    def unpriced(rows: Rows) -> None:
        rows[:] = [row for row in rows if row["keys"] != "中级"]

    world.again({"parameters": unpriced})
    second = world.run()
    steps = Difference(make_engine, world.bank, first, second).steps()
    total, people = in_total(steps), by_subject(steps)
    (someone, *_) = (x for x in people if x.open == (0, 1))
    assert total.open[0] == 0
    assert total.open[1] == len([x for x in people if x.open[1]]) > 0
    shown = guanhu("difference", first.path, second.path, someone.subject)
    assert "未结清" in shown.splitlines()[2]
    assert f"先 0 个对象, 后 {total.open[1]} 个" in shown
    record = json.loads(guanhu("difference", first.path, second.path, someone.subject, "--json"))
    assert record["people"][0]["not_settled_after"] == 1


def test_a_person_of_neither_run_is_refused(world: World) -> None:
    first = world.run()
    told = guanhu("difference", first.path, first.path, "E9", wanted=1)
    assert "E9: RUN050: 这次运行里没有 E9" in told


def test_runs_of_other_periods_and_changed_runs_are_refused(world: World) -> None:
    first = world.run()
    rules = write_rulebook(world.folder / "more", RULES)
    month = run_rulebook(make_engine, world.bank, rules, "2025-12").folder
    assert "RUN046" in guanhu("difference", first.path, month.path, wanted=1)
    (month.path / "lines.parquet").write_bytes((month.path / "people.parquet").read_bytes())
    assert "RUN045" in guanhu("difference", month.path, first.path, wanted=1)
    assert "RUN061" in guanhu("difference", first.path, "none", wanted=1)


def test_rounding_is_told_from_other_changes() -> None:
    def line(text: str) -> object:
        rulebook, problems = load_string(RULES.replace("pay: grade_bonus(grade)}", f'pay: "{text}"}}'))
        assert rulebook is not None, problems
        return rulebook.lines["bonus"]

    one, other = line("round(grade_bonus(grade), 0)"), line("round(grade_bonus(grade), 1)")
    assert not alike(one, other)
    assert alike(one, other, rounding=False)
    assert alike(line("grade_bonus(grade)"), one, rounding=False)
    assert not alike(line("grade_bonus(grade) * 2"), one, rounding=False)


def test_a_past_run_repeats_after_everything_has_moved_on(world: World) -> None:
    first = world.run()
    guanhu("publish", first.path)
    world.again({"balances": raised, "assignments": handed_over, "parameters": dearer})
    second = world.run(RULES.replace("most: 5000元", "most: 1元"))
    for run in (first, second, first):
        found = json.loads(guanhu("replay", run.path, "--json"))
        assert found == {"kept": run.record["digest"], "now": run.record["digest"], "same": True}
    assert len([x for x in (world.bank.path / "runs").iterdir() if not x.name.startswith(".")]) == 2
    assert "RUN005" in guanhu(
        "run", "--bank", world.bank.path, "--rulebook", first.rulebook_folder, "--period", PERIOD,
        "--as-of", "2020-01-01T00:00:00", wanted=1,
    )  # fmt: skip


def test_a_run_whose_past_is_gone_is_not_repeated_in_silence(world: World) -> None:
    rules = write_rulebook(world.folder / "months", RULES)
    month = run_rulebook(make_engine, world.bank, rules, "2025-10").folder
    guanhu("publish", month.path)
    later = run_rulebook(make_engine, world.bank, rules, "2025-11").folder
    (world.bank.path / "published.jsonl").unlink()
    assert "RUN048" in guanhu("replay", later.path, wanted=1)
    assert "摘要" in guanhu("replay", month.path)
