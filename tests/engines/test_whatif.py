"""A patch tried on a kept run gives what a whole run of the patched rulebook gives, and says what it does."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from guanhu.appraisal.pages.kept import adds_up, read_names, top_money
from guanhu.appraisal.running import run_rulebook
from guanhu.appraisal.runs import RunFolder
from guanhu.appraisal.whatif.chains import Chains, chains
from guanhu.appraisal.whatif.effects import Person, pay_lines
from guanhu.appraisal.whatif.laboratory import Laboratory, Tried, sweep_of
from guanhu.appraisal.whatif.page import Study, page_of
from guanhu.appraisal.whatif.patch import Patch, read_patch
from guanhu.bank.generate import generate
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.print.html import html
from guanhu.values.dates import period_of
from guanhu.values.problem import Refused
from tests.engines.agreement.fixed import fixed_world, rulebook_text
from tests.engines.agreement.rulebooks import make_rulebook
from tests.engines.agreement.running import make_engine, write_rulebook
from tests.engines.agreement.world import FIRST, World, make_world
from tests.engines.test_runs import guanhu

PAIRS = range(int(os.environ.get("GUANHU_WHATIF", "20")))
VALUES = ("score", "pay", "value")
_LINES = """
SELECT subject_id, spell_no, instance, every, group_id, line, text, state, CAST(num AS HUGEINT), CAST(den AS HUGEINT)
FROM {} ORDER BY ALL
"""


def rows_of(laboratory: Laboratory, table: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    found = {}
    for *key, text, state, num, den in laboratory.engine.connection.execute(_LINES.format(table)).fetchall():
        value = Fraction(num, den) if num is not None else None
        found[tuple(key)] = (text, state, value)
    return found


def as_text(book: dict[str, Any]) -> str:
    return "".join(
        f"{key}: {json.dumps(value, ensure_ascii=False, indent=1)}\n" for key, value in book.items()
    )


def edits(book: dict[str, Any], pair: int) -> dict[str, str]:
    """Return a few changes of a generated rulebook, each still of the right unit."""
    chance = random.Random(pair)
    found: dict[str, str] = {}
    for name, line in chance.sample(sorted(book["lines"].items()), min(2, len(book["lines"]))):
        field = next((x for x in VALUES if x in line), None)
        if field is not None:
            found[f"lines.{name}.{field}"] = f"({line[field]}) + ({line[field]})"
    if pair % 3 == 0:
        name, decision = chance.choice(
            sorted({**book.get("decisions", {}), **book.get("checks", {})}.items())
        )
        section = "decisions" if name in book.get("decisions", {}) else "checks"
        found[f"{section}.{name}.when"] = f"not ({decision['when']})"
    if pair % 4 == 1:
        ruled = [x for x in sorted(book["measures"].items()) if isinstance(x[1].get("where"), str)]
        if ruled:
            name, measure = chance.choice(ruled)
            found[f"measures.{name}.where"] = f"not ({measure['where']})"
    return found


def new_value(pair: int) -> tuple[str, str, date | None]:
    """Return an input of a generated rulebook, a value for it, and from when; None: for always."""
    chance = random.Random(f"value {pair}")
    name, values = chance.choice(
        [("floor_pay", ("10000元", "0元", "30000.01元"))] * 3
        + [("price", ("0.65%", "2%")), ("late_price", ("1%",)), ("product_price", ("20%",))]
    )
    return name, chance.choice(values), chance.choice([None, None, date(2025, 2, 1), date(2025, 2, 17)])


def with_value(world: World, name: str, value: str, start: date | None) -> World:
    """Return a world whose bank has given another value for an input, for all its keys."""
    copied = copy.deepcopy(world)
    rows: list[tuple[object, ...]] = []
    keys = {}
    for row in world.rows["parameters"]:
        rulebook, of, key, first, last, _ = row
        if of != name:
            rows.append(row)
            continue
        keys[key] = rulebook
        if start is not None and str(first) < str(start):
            before = str(start - timedelta(days=1))
            rows.append((*row[:4], min(str(last) or before, before), row[5]))
    rows += [(rulebook, name, key, start or FIRST, "", value) for key, rulebook in keys.items()]
    copied.rows["parameters"] = rows
    return copied


def edited(book: dict[str, Any], changes: dict[str, str]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(book))
    for path, value in changes.items():
        *way, last = path.split(".")
        place = copied
        for key in way:
            place = place[key]
        place[last] = value
    return copied


def explained_otherwise(laboratory: Laboratory, tried: Tried) -> list[tuple[Any, ...]]:
    """Return the lines of whole subjects that the evaluator does not find as the draft was scored."""
    scored = {key: row for key, row in rows_of(laboratory, "draft/lines".join('""')).items() if key[1] == 0}
    found: list[tuple[Any, ...]] = []
    explained = Chains(laboratory, tried)
    try:
        for subject, group in sorted({(key[0], key[4]) for key in scored}):
            for trace in explained.traces(Person(subject, group, "", "", None, None))[1]:
                if trace.group != group:
                    continue
                mark = (subject, 0, trace.instance.key, trace.instance.every, trace.group)
                for name, value in trace.whole.items():
                    text, state, number = scored.pop((*mark, name))
                    known = number if text is None else text
                    seen = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
                    if (isinstance(seen, Unknown), seen) != (state != "ok", known if state == "ok" else seen):
                        found.append((*mark, name, known, seen))
    finally:
        explained.close()
    return [*found, *scored]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_patch_is_what_a_run_of_the_patched_rulebook_gives(pair: int, tmp_path: Path) -> None:
    world = make_world(pair)
    text = make_rulebook(pair, world.amounts(), counts_days=True)
    book: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
    changes: dict[str, Any] = edits(book, pair)
    wanted = as_text(edited(book, changes))
    if load_string(text)[0] is None or load_string(wanted)[0] is None:
        return  # Counted by the next test.
    bank, folder = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    try:
        kept = run_rulebook(make_engine, bank, folder, "2025Q1").folder
        other = bank
        if pair % 4 != 3:
            name, value, start = new_value(pair)
            other = with_value(world, name, value, start).bank(tmp_path / "other")
            changes[f"inputs.{name}"] = {"to": value, **({"from": str(start)} if start else {})}
        whole = run_rulebook(make_engine, other, write_rulebook(tmp_path / "draft", wanted), "2025Q1").folder
    except Refused as refused:
        if {p.code for p in refused.problems} != {"RUN021"}:
            raise
        return
    path = tmp_path / "patch.yaml"
    path.write_text(as_text({"changes": changes}), "utf-8")
    laboratory = Laboratory(make_engine, bank, kept)
    try:
        tried = laboratory.tried(read_patch(path))
        assert rows_of(laboratory, "draft/lines".join('""')) == rows_of(
            laboratory, f"read_parquet('{whole.table('lines')}')"
        )
        assert explained_otherwise(laboratory, tried) == []
    finally:
        laboratory.close()


def test_few_patches_are_refused() -> None:
    """A patch that is mostly refused would test the loader."""
    good = 0
    for pair in PAIRS:
        text = make_rulebook(pair, make_world(pair).amounts(), counts_days=True)
        book = yaml.load(text, Loader=yaml.BaseLoader)
        changes = edits(book, pair)
        good += bool(changes) and load_string(as_text(edited(book, changes)))[0] is not None
    assert good >= len(PAIRS) - 3


FULL_DAYS = {"full_days": {"from": "balances", "take": "days of balance >= floor_pay"}}
RULES = """\
rulebook: trial
name: 试行办法
calendar: {every: month}
who: {clause: 第一条, is: post = 客户经理}
words:
  posts: {of: post, are: [客户经理]}
  grades: {of: grade, are: [初级, 中级, 高级], ladder: yes}
inputs:
  rate: {name: 计酬率, clause: 第四条, unit: ratio, allowed: "[0%, 5%]"}
  grade_bonus: {name: 等级津贴, clause: 第四条, by: [grade], unit: money}
tables:
  points: {clause: 第二条, by: [deposits], gives: {points: points}, assume: 归上一档,
           rows: [["< 100万", 10], ["[100万, 1000万)", 20], [">= 1000万", 30]]}
measures:
  deposits: {name: 存款日均, clause: 第二条, from: balances}
  current:  {name: 活期日均, clause: 第二条, from: balances, where: product = 活期}
lines:
  score: {name: 得分, clause: 第二条, score: points(deposits), most: 100, least: 0}
  part:  {name: 提成, clause: 第四条, pay: deposits * rate, least: 0, most: 5000元}
  bonus: {name: 津贴, clause: 第四条, pay: grade_bonus(grade)}
  pay:   {name: 绩效, clause: 第四条, total: [part, bonus]}
  year:  {name: 全年绩效, clause: 第五条, every: quarter, value: sum of pay over its months}
checks:
  low: {name: 偏低, clause: 第五条, when: score < 20, says: 得分偏低}
decisions:
  down: {name: 降级, clause: 第五条, when: streak(low) >= 2, sets: {grade: down}, says: 连续两月偏低}
"""
PARAMETERS = """\
rulebook,input,keys,value,from_day,to_day,document,approved_by
trial,rate,,1‰,2024-01-01,,文件一,甲
trial,grade_bonus,初级,100,2024-01-01,,文件一,甲
trial,grade_bonus,中级,200,2024-01-01,,文件一,甲
trial,grade_bonus,高级,300,2024-01-01,,文件一,甲
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a bank and a kept run of a quarter."""
    folder = tmp_path_factory.mktemp("whatif")
    generate(folder / "files", 500, 20, 2, 5)
    bank = Bank.create(folder / "bank", "小银行")
    for quarter in sorted((folder / "files").iterdir()):
        (quarter / "parameters.csv").write_text(PARAMETERS, "utf-8")
        result = import_folder(quarter, bank)
        assert [p.text("en") for p in result.problems if p.severity == "error"] == []
    rules = write_rulebook(folder / "rules", RULES)
    ran = run_rulebook(make_engine, bank, rules, "2025Q4")
    return bank.path, ran.folder.path


@pytest.fixture(scope="module")
def laboratory(kept: tuple[Path, Path]) -> Iterator[Laboratory]:
    opened = Laboratory(make_engine, Bank(kept[0]), RunFolder(kept[1]))
    yield opened
    opened.close()


def tried(laboratory: Laboratory, tmp_path: Path, text: str) -> Tried:
    path = tmp_path / "patch.yaml"
    path.write_text(text, "utf-8")
    return laboratory.tried(read_patch(path))


def refused(laboratory: Laboratory, tmp_path: Path, text: str) -> str:
    with pytest.raises(Refused) as caught:
        tried(laboratory, tmp_path, text)
    return "\n".join(p.text() for p in caught.value.problems)


def test_nothing_changed_changes_nothing(laboratory: Laboratory) -> None:
    found = laboratory.tried(Patch("空", "", ()))
    assert found.effects.cost == found.effects.gain == found.effects.lose == found.effects.scores == 0
    assert found.effects.subjects == found.effects.same > 0
    assert found.again == ()
    assert found.outcome.results == []


def test_the_same_figures_come_out_when_everything_is_scored_again(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    found = tried(laboratory, tmp_path, "changes: {inputs.rate: 1‰, inputs.grade_bonus: {to: 200, by: 中级}}")
    assert found.outcome.results
    assert (found.effects.cost, found.effects.scores, found.again) == (0, 0, ())


def test_a_rate_from_a_day_on_touches_only_the_months_after_it(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    found = tried(laboratory, tmp_path, "changes: {inputs.rate: {to: 2‰, from: 2025-12-01}}")
    assert {r.instance.key for r in found.outcome.results} == {"2025-12", "2025Q4"}
    assert found.effects.cost > 0
    assert found.effects.lose == 0
    whole = tried(laboratory, tmp_path, "changes: {inputs.rate: 2‰}")
    assert whole.effects.cost > found.effects.cost


def test_a_rule_from_a_day_on_leaves_the_months_before_it(laboratory: Laboratory, tmp_path: Path) -> None:
    found = tried(laboratory, tmp_path, "from: 2025-12-01\nchanges: {lines.part.most: 100元}")
    assert {r.instance.key for r in found.outcome.results} == {"2025-12", "2025Q4"}
    assert all(line.instance in ("2025-12", "2025Q4") for x in found.effects.largest for line in x.lines)


def test_the_largest_changes_are_explained_before_and_after(laboratory: Laboratory, tmp_path: Path) -> None:
    found = tried(
        laboratory,
        tmp_path,
        "changes: {lines.part.most: {to: 6000元, from: 2025-12-01}, inputs.rate: {to: 4‰, from: 2025-12-01}}",
    )
    told = chains(laboratory, found, found.effects.largest)
    assert [x.person for x in told] == list(found.effects.largest)
    assert {(x.line.line, x.line.instance) for x in told} == {("pay", "2025-12")}
    for chain in told:
        before, after = ("\n".join(x) for x in zip(*chain.rows, strict=True))
        assert "0.1%" in before
        assert "0.4%" in after
        assert not any(a == b == "" for a, b in chain.rows)
    assert explained_otherwise(laboratory, found) == []


def test_where_no_pay_changes_the_largest_changes_of_scores_are_told(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    found = tried(laboratory, tmp_path, "changes: {lines.score.most: {to: 5, from: 2025-12-01}}")
    largest = found.effects.largest
    assert found.effects.cost == 0
    assert [x.change for x in largest] == [0] * 10
    moved = [max(line.moved for line in x.lines if line.line == "score") for x in largest]
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 0
    told = chains(laboratory, found, largest)
    assert {x.line.line for x in told} == {"score"}
    page = html(page_of(Study(laboratory, found, read_names(laboratory.engine), chains=told)))
    assert "下面是得分变化最大的" in page
    assert "得分 lines.score.most: 100 → 5, 自 2025-12-01 起" in page


def test_what_is_paid_is_counted_once(laboratory: Laboratory, tmp_path: Path) -> None:
    found = tried(laboratory, tmp_path, "changes: {inputs.grade_bonus: {to: 1100, by: 高级}}")
    (high,) = (x for x in found.effects.by_grade if x.name == "高级")
    # 800 yuan more a month for three months, to each of them who kept the grade.
    assert found.effects.cost >= high.gain * 240_000 > 0
    assert sum(x.after - x.before for x in found.effects.by_grade) == found.effects.cost
    assert sum(x.after - x.before for x in found.effects.by_institution) == found.effects.cost


def test_who_the_patch_leaves_unsettled_costs_nothing_less(laboratory: Laboratory, tmp_path: Path) -> None:
    unknown = "if(grade = 中级, 1元 * (deposits / (current - current)), grade_bonus(grade))"
    found = tried(laboratory, tmp_path, f"changes: {{lines.bonus.pay: '{unknown}'}}")
    (middle,) = (x for x in found.effects.by_grade if x.name == "中级")
    assert found.effects.unsettled_after > 0
    assert (found.effects.cost, middle.before, middle.after) == (0, 0, 0)
    assert sum(x.after for x in found.effects.by_grade) == found.effects.after > 0


def test_a_changed_measure_is_folded_again_and_named(laboratory: Laboratory, tmp_path: Path) -> None:
    found = tried(laboratory, tmp_path, "changes: {lines.part.pay: current * rate}")
    assert found.again == ("活期日均",)
    assert found.effects.cost < 0


def test_an_input_that_only_a_day_is_tested_against_is_reached(tmp_path: Path) -> None:
    """The same 30 people: a limit of 1 yuan counts more days than one of 10,000 yuan, in run and what-if alike."""
    told = []
    for limit in ("10000", "1"):
        text = rulebook_text(
            "quarter", "none", {"full": {"unit": "days", "value": "full_days"}}, measures=FULL_DAYS
        )
        world = with_value(fixed_world(), "floor_pay", limit, None)
        bank = world.bank(tmp_path / limit)
        kept = run_rulebook(
            make_engine, bank, write_rulebook(tmp_path / limit / "rules", text), "2025Q1"
        ).folder
        told.append(Laboratory(make_engine, bank, kept))
    before, after = told
    found = tried(before, tmp_path, "changes: {inputs.floor_pay: 1元}")
    assert found.again == ("full_days",)
    lines = "read_parquet('{}')".format
    assert rows_of(before, "draft/lines".join('""')) == rows_of(after, lines(after.run.table("lines")))
    assert rows_of(before, "draft/lines".join('""')) != rows_of(before, lines(before.run.table("lines")))
    for opened in told:
        opened.close()


def test_what_another_input_allows_is_reached(tmp_path: Path) -> None:
    """A person's decision of 150 yuan may be up to `floor_pay`: 200 yuan, and 100 in the patch."""
    lines = {"fined": {"pay": "0元 - first_given(fine_of, 0元)"}}
    inputs = {"fine_of": {"unit": "money", "from": "person", "allowed": "[0, floor_pay]", "clause": "一"}}
    text = rulebook_text(
        "quarter", "none", lines, inputs={**inputs, "floor_pay": {"unit": "money", "clause": "一"}}
    )
    world = with_value(fixed_world(), "floor_pay", "200", None)
    world.rows["parameters"] = [row for row in world.rows["parameters"] if row[1] == "floor_pay"]
    world.rows["human_decisions"] = [("h1", "2025-02-01", "probe", "p2", "fine_of", "150", "事由", "行长")]
    bank = world.bank(tmp_path)
    kept = run_rulebook(make_engine, bank, write_rulebook(tmp_path / "rules", text), "2025Q1").folder
    opened = Laboratory(make_engine, bank, kept)
    assert tried(opened, tmp_path, "changes: {inputs.floor_pay: 199元}").effects.cost == 0
    assert tried(opened, tmp_path, "changes: {inputs.floor_pay: 100元}").effects.cost == 150_00
    opened.close()


def test_a_narrower_range_takes_a_value_inside_it(laboratory: Laboratory, tmp_path: Path) -> None:
    found = tried(laboratory, tmp_path, "changes: {inputs.rate.allowed: '[2‰, 5%]', inputs.rate: 2‰}")
    assert found.effects.cost == tried(laboratory, tmp_path, "changes: {inputs.rate: 2‰}").effects.cost > 0


def test_what_another_input_forbids_is_refused_where_the_patch_says_it(tmp_path: Path) -> None:
    """`price` may be up to `cap`, which the bank has given as 1%; without a value of `cap` it is never known."""
    inputs = {
        "price": {"unit": "ratio", "allowed": "[0%, cap]", "clause": "一"},
        "cap": {"unit": "ratio", "clause": "一"},
    }
    lines = {"paid": {"pay": "10000元 * price"}}
    text = rulebook_text("quarter", "none", lines, inputs=inputs)
    world = with_value(fixed_world(), "price", "0.5%", None)
    world.rows["parameters"] = [row for row in world.rows["parameters"] if row[1] == "price"]
    world.add("parameters", ("probe", "cap", "", FIRST, "", "1%"))
    bank = world.bank(tmp_path)
    kept = run_rulebook(make_engine, bank, write_rulebook(tmp_path / "rules", text), "2025Q1").folder
    opened = Laboratory(make_engine, bank, kept)
    for wrong, says in (
        ("changes: {inputs.price: 2%}", "patch.yaml:1:11: RUN012: inputs.price 改后, 参数 price"),
        ("changes: {inputs.cap: 0.4%}", "patch.yaml:1:11: RUN012: inputs.cap 改后, 参数 price"),
        ("changes: {inputs.cap: 0.4%}", "值 0.005 不在允许的范围内"),
    ):
        assert says in refused(opened, tmp_path, wrong)
    assert tried(opened, tmp_path, "changes: {inputs.cap: 2%, inputs.price: 2%}").effects.cost == 4 * 150_00
    opened.close()


def test_a_decision_moves_who_is_paid_by_grade(laboratory: Laboratory, tmp_path: Path) -> None:
    found = tried(laboratory, tmp_path, 'changes: {checks.low.when: "score < 100"}')
    assert {r.instance.key for r in found.outcome.results} == {"2025-10", "2025-11", "2025-12", "2025Q4"}
    assert {x: (b, a) for x, b, a in found.effects.decided}["low"][1] > 0


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("changes: {lines.nope.most: 1元}", "PAT004", "有的是: score"),
        ("changes: {lines.part.nope.deeper: 1元}", "PAT004", "nope"),
        ("changes: {tables.points.rows.9: [any, 1]}", "PAT004", "1..3"),
        ("changes: {inputs.nope: 1}", "PAT004", "rate"),
        ("changes: {inputs.rate: 6%}", "PAT005", "允许的范围"),
        ("changes: {inputs.rate: 甲}", "PAT005", "ratio"),
        ("changes: {inputs.rate: {to: 1%, by: 高级}}", "PAT006", "键"),
        ("changes: {inputs.grade_bonus: {to: 1, by: [高级, 甲]}}", "PAT006", "grade"),
        ("changes: {inputs.grade_bonus: {to: 1, by: 特级}}", "PAT006", "初级"),
        ("changes: {lines.part.most: {to: 1元, by: 高级}}", "PAT006", "by 只用于银行给的参数值"),
        ("changes: {inputs.rate.allowed: {to: '[0%, 9%]', by: 高级}}", "PAT006", "by 只用于"),
        ("changes: {inputs.grade_bonus: {to: 1, by: {grade: 高级}}}", "PAT001", "by: [高级, 城区]"),
        ("changes: {inputs.grade_bonus: {to: 1, by: []}}", "PAT001", "by: 活期"),
        ("changes: {inputs.rate.allowed: '[2‰, 5%]'}", "PAT005", "改后, 银行给的值不合: 计酬率 不能取 0.001"),
        ("changes: {inputs.rate.allowed: '[2‰, 5%]', inputs.rate: 1.9‰}", "PAT005", "1.9‰"),
        ("changes: {inputs.grade_bonus: 1.5万}", "PAT005", "写成 15000"),
        ("changes: {who.is: post = 甲}", "PAT003", "who"),
        ("changes: {calendar.every: year}", "PAT003", "calendar"),
        ("changes: {lines.part.most: {to: 1元, from: 2025-02-31}}", "PAT002", "日期"),
        ("changes: {lines.part.most: {value: 1元}}", "PAT001", "{to: 新值, from: 日期, by: 键}"),
        (
            "changes: {lines.part.most: {value: 1元}}",
            "PAT001",
            "写成 lines.part.most: {to: …, from: 2026-01-01}",
        ),
        ("change: {lines.part.most: 1元}", "PAT001", "change"),
        ("changes: {}", "PAT001", "changes"),
        ("- a", "PAT001", "changes"),
        ("changes: {lines.part.most: 3%}", "RUL031", "money"),
        ("changes: {tables.points.rows.1: ['< 200万', 10]}", "RUL", ""),
        ("changes: {lines.part.pay: deposits * rat}", "RUL030", "rat"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    laboratory: Laboratory, tmp_path: Path, text: str, code: str, says: str
) -> None:
    told = refused(laboratory, tmp_path, text)
    assert code in told
    assert says in told
    assert "patch.yaml" in told or "rulebook.yaml" in told


def test_a_sweep_tells_each_value_and_the_one_that_meets_a_budget(laboratory: Laboratory) -> None:
    sweep = sweep_of("inputs.rate=0.5‰..2‰/0.1‰")
    swept = laboratory.swept(Patch("率", "", ()), sweep)
    costs = [effects.cost for _, effects in swept]
    assert len(costs) == 16
    assert costs == sorted(costs)
    assert costs[5] == 0
    met, place = laboratory.meeting(Patch("率", "", ()), sweep, costs[9])
    assert place is not None
    assert met[place][0] == sweep.values[9]
    assert len(met) < len(costs)
    assert laboratory.meeting(Patch("率", "", ()), sweep, costs[0] - 1)[1] is None
    everything, last = laboratory.meeting(Patch("率", "", ()), sweep, costs[-1])
    assert everything[last or 0][0] == sweep.values[-1]


@pytest.mark.parametrize(
    "text", ["x", "inputs.rate=1%..3%", "inputs.rate=3%..1%/1%", "a=0..1/0", "a=0..1/0.0001"]
)
def test_a_sweep_of_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        sweep_of(text)
    assert caught.value.problems[0].code == "PAT007"


def test_a_sweep_that_breaks_the_rulebook_says_at_which_value(laboratory: Laboratory) -> None:
    with pytest.raises(Refused) as caught:
        laboratory.swept(Patch("率", "", ()), sweep_of("inputs.rate=4%..6%/1%"))
    assert "取 6% 时" in caught.value.problems[0].zh


def test_a_run_that_was_changed_by_hand_is_refused(kept: tuple[Path, Path], tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    shutil.copytree(kept[0], bank)
    run = bank / "runs" / kept[1].name
    for name, change in (
        ("lines.parquet", lambda p: shutil.copy(run / "people.parquet", p)),
        ("rulebook/rulebook.yaml", lambda p: p.write_text(RULES.replace("1000万", "2000万"), "utf-8")),
        (
            "run.json",
            lambda p: p.write_text(p.read_text("utf-8").replace('"appraised": ', '"appraised": 1'), "utf-8"),
        ),
    ):
        before = (run / name).read_bytes()
        change(run / name)
        told = guanhu("whatif", "--run", run, "--sweep", "inputs.rate=1‰..2‰/1‰", wanted=1)
        assert "RUN045" in told
        assert name in told
        (run / name).write_bytes(before)
    guanhu("whatif", "--run", run, "--sweep", "inputs.rate=1‰..2‰/1‰")


def test_from_the_command_line_a_page_and_a_workbook(kept: tuple[Path, Path], tmp_path: Path) -> None:
    patch = tmp_path / "p.yaml"
    patch.write_text("patch: 提成封顶<b>\nreason: 预算\nchanges: {lines.part.most: 100元}\n", "utf-8")
    told = guanhu("whatif", "--run", kept[1], "--patch", patch, "--out", tmp_path / "w.html")
    assert "没有重新汇总" in told
    assert "◆" in told
    assert "成本是这些行的合计: 绩效" in told
    page = (tmp_path / "w.html").read_text("utf-8")
    assert "提成封顶&lt;b&gt;" in page
    assert "<svg" in page
    assert "成本是这些行的合计: 绩效" in page
    guanhu("whatif", "--run", kept[1], "--patch", patch, "--out", tmp_path / "w.xlsx")
    assert (tmp_path / "w.xlsx").read_bytes()[:2] == b"PK"
    found = json.loads(
        guanhu("whatif", "--run", kept[1], "--sweep", "inputs.rate=1‰..3‰/1‰", "--meet", "budget=0", "--json")
    )
    assert found["meets_budget"] == "1‰"
    assert found["cost_before_fen"] == found["cost_after_fen"]
    assert found["cost_of_lines"] == ["pay"]
    assert sorted(p.name for p in kept[1].parent.iterdir()) == [kept[1].name]
    for wrong in (["--run", kept[1]], ["--run", kept[1], "--patch", patch, "--out", "w.doc"]):
        guanhu("whatif", *wrong, wanted=2)
    guanhu("whatif", "--run", kept[1], "--patch", patch, "--meet", "budget=1", wanted=2)
    sweep = ("--run", kept[1], "--sweep", "inputs.rate=1‰..3‰/1‰", "--meet")
    assert "(budget=500000)" in guanhu("whatif", *sweep, "budget=50万", wanted=2)
    assert "是不超过预算 0.00 元的最后一个取值" in guanhu("whatif", *sweep, "budget=0")
    english = guanhu("--lang", "en", "whatif", *sweep, "budget=0")
    assert "it is the last value within the budget of 0.00" in english
    patch.write_text("changes: {inputs.rate: {to: 2‰, from: 2025-12-01}}", "utf-8")
    english = guanhu("--lang", "en", "whatif", "--run", kept[1], "--patch", patch)
    assert "inputs.rate: 0.1% → 2‰, from 2025-12-01 on" in english
    (tmp_path / "d.html").mkdir()
    told = guanhu("whatif", "--run", kept[1], "--patch", patch, "--out", tmp_path / "d.html", wanted=1)
    assert f"{tmp_path}/d.html: RUN090" in told
    guanhu("whatif", "--run", kept[1], "--sweep", "inputs.rate=1‰..3‰/1‰", "--meet", "budget=x", wanted=2)
    assert "RUL001" in guanhu("whatif", "--run", kept[1], "--patch", tmp_path / "none.yaml", wanted=1)


MADE_OF = """\
rulebook: t
name: 试行
calendar: {every: month}
who:
  managers: {clause: 一, is: post = 客户经理}
words:
  岗位: {of: post, are: [客户经理]}
measures:
  收入: {clause: 一, like: 中间业务收入}
lines:
  预发: {clause: 一, pay: 收入 * 1%}
  清算: {clause: 一, every: year, pay: 5万元 - sum of 预发 over its months}
  前月: {clause: 一, unit: money, value: "previous(累计, 0元)"}
  实奖: {clause: 一, pay: "min(收入, 10万元 - 前月)"}
  累计: {clause: 一, unit: money, value: 前月 + 实奖}
  应发: {clause: 一, pay: 收入 * 2%}
  扣款: {clause: 一, pay: 收入 * 0.1%}
  实发: {clause: 一, pay: 应发 - 扣款}
  月奖: {clause: 一, pay: 收入 * 3%}
  年奖: {clause: 一, every: year, pay: sum of 月奖 over its months}
"""


def test_an_advance_is_paid_beside_its_settlement_and_nothing_takes_itself_up() -> None:
    """预发 less was cost as nothing, and 实奖 as taken up by its own total of the months before."""
    rulebook, problems = load_string(MADE_OF)
    assert [x.text() for x in problems] == []
    assert rulebook is not None
    outcome: Any = SimpleNamespace(period=period_of("2025"))
    assert set(pay_lines(rulebook, outcome)) == {"预发", "清算", "实奖", "实发", "年奖"}
    tops = {x.id for x in top_money(rulebook, "managers") if adds_up(x)}
    assert tops == {"预发", "清算", "实奖", "实发", "年奖"}
