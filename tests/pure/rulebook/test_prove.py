"""Proofs find what is planted, raise no false alarm on the shipped rulebooks, and say what explain says."""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guanhu.cli import proving
from guanhu.cli.main import app
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.load.folder import load, load_string
from guanhu.rulebook.prove.ask import OPEN, Asker, Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.figures import Figures
from guanhu.rulebook.prove.finding import CODES, DEFECT, FAULT
from guanhu.rulebook.prove.leaves import LEAVES, Book, key_of, leaf_of
from guanhu.rulebook.prove.ordinary import sensible
from guanhu.rulebook.prove.planted import planted_in, tried
from guanhu.rulebook.prove.proof import Limits
from guanhu.rulebook.prove.reading import prove
from guanhu.rulebook.prove.replay import Point, replayed, value_at
from guanhu.rulebook.prove.slope import Slope
from guanhu.rulebook.prove.terms import Name, Num, Sym, Yes, compared, mul
from guanhu.values import units

ROOT = Path(__file__).parents[3]
PLANTED = Path(__file__).parent / "planted"
SHIPPED = sorted(p.parent for p in (ROOT / "rulebooks").glob("*/rulebook.yaml"))
SOUND = Path(__file__).parent / "sound"
"""Rulebooks that look suspicious and have no defect."""
PLANTED_MIN = 25
PATIENT = Limits(seconds=Fraction(5), total=Fraction(120))
"""More time than a user has: these tests run beside others, and a slow machine is no false alarm."""


def opened(folder: Path) -> t.Rulebook:
    rulebook, problems = load(folder)
    assert [p.text("en") for p in problems if p.severity == "error"] == []
    assert rulebook is not None
    return rulebook


# -- what is planted --


@pytest.mark.parametrize("planted", planted_in(PLANTED), ids=lambda planted: planted.name)
def test_a_planted_defect_is_found_and_nothing_else(planted) -> None:
    found = tried(planted, PATIENT)
    assert (found.found, found.undecided) == (planted.codes, 0)


@pytest.mark.parametrize("path", sorted(SOUND.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_only_looks_suspicious_raises_no_alarm(path: Path) -> None:
    rulebook, problems = load_string(path.read_text("utf-8"))
    assert rulebook is not None, problems
    proof = prove(rulebook, limits_=PATIENT)
    assert [f.text("zh") for f in proof.findings if f.severity in (DEFECT, FAULT)] == []
    assert proof.undecided == 0


def test_enough_is_planted_of_every_kind() -> None:
    planted = planted_in(PLANTED)
    assert len(planted) >= PLANTED_MIN
    assert all(p.says and p.codes for p in planted)
    kinds = {code for code in CODES if code < "PRV030"}
    assert kinds - {code for p in planted for code in p.codes} == set()


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_counts_what_is_planted(readme: str) -> None:
    """A file counts once, under the first code that it plants."""
    counted = Counter(planted.codes[0] for planted in planted_in(PLANTED))
    text = (Path(__file__).parents[3] / readme).read_text("utf-8")
    told = re.findall(r"^\|.*\| (PRV[^|]*) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    for codes, count, found in told:
        first, last = (re.findall(r"PRV\d+", codes) * 2)[:1] + re.findall(r"PRV\d+", codes)[-1:]
        wanted = sum(n for code, n in counted.items() if first <= code <= last)
        assert (int(count), int(found)) == (wanted, wanted), codes
    assert f"| {counted.total()} | {counted.total()} |" in text
    assert sum(int(count) for _, count, _ in told) == counted.total()


@pytest.mark.parametrize("planted", planted_in(PLANTED), ids=lambda planted: planted.name)
def test_every_manager_that_is_shown_can_be_tried(planted) -> None:
    rulebook, _ = load_string(planted.text)
    assert rulebook is not None
    proof = prove(rulebook)
    for finding in proof.findings:
        # What a ledger or an input asks is a line of the proof's own.
        book = proof.rulebook if finding.aside else rulebook
        for point in finding.points:
            assert replayed(book, finding.line, point) == value_at(book, finding.line, point)


# -- the shipped rulebooks --


LEAST_QUESTIONS = {"sound-pay": 8}
"""What lots come to is free in a proof: a rulebook that is mostly ledger leaves little to ask."""


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_rulebook_has_known_findings_only(folder: Path) -> None:
    """No false alarm, at most a tenth undecided; what is accepted is still found, and the notes tell it."""
    rulebook = opened(folder)
    proof = prove(rulebook, limits_=PATIENT)
    wrong = [f.text("zh") for f in proof.findings if f.severity in (DEFECT, FAULT)]
    assert wrong == []
    assert proof.undecided * 10 <= proof.questions
    assert proof.questions > LEAST_QUESTIONS.get(folder.name, 15)
    stores = (rulebook.lines, rulebook.decisions, rulebook.measures, rulebook.tables, rulebook.inputs)
    accepted = {(d.path, a.code) for store in stores for d in store.values() for a in d.accepts}
    known = [f for f in proof.findings if f.why]
    assert accepted - {(path, f.code) for f in known for path in f.subjects} == set()
    notes = (folder / "NOTES.md").read_text("utf-8")
    assert {f.code for f in known} - set(re.findall(r"PRV\d{3}", notes)) == set()
    for finding in known:
        for point in finding.points:
            assert replayed(rulebook, finding.line, point) == value_at(rulebook, finding.line, point)


# -- the formulas and explain agree --


def constant(book: Book, name: str, point: Point) -> Sym:
    """Return a line as the formulas for the solver have it, with every figure fixed."""
    chosen = {key: value for key, value in point.figures.items() if isinstance(value, str)}
    fixed = {key: value for key, value in point.figures.items() if isinstance(value, Fraction)}
    figures = Figures(chosen, exact=True, fixed=fixed)
    return Encoder(figures, book, point.period).line(name)


def random_points(book: Book, name: str, how_many: int, seed: int):
    rng = random.Random(seed)
    contexts = list(Asker(book).contexts(Question((name,), lambda _: False, lambda _: False)))
    for at in range(how_many):
        chosen, period, _ = rng.choice(contexts)
        figures = dict(chosen)
        for node in book.closure(name):
            if isinstance(node, LEAVES) and node.unit in units.SCALARS:
                key = key_of(node, chosen)
                measure = book.rulebook.measures.get(key)
                if isinstance(measure, t.FormulaMeasure):
                    continue
                leaf = leaf_of(book, node, chosen)
                value = sensible(leaf, rng.randrange(5)) + leaf.step * rng.choice((-1, 0, 1, 7)) * at
                low = value if leaf.low is None else max(value, leaf.low)
                figures.setdefault(key, low if leaf.high is None else min(low, leaf.high))
        yield Point(period, figures)


def lines_of(book: Book) -> list[str]:
    """Return the lines whose figures are all numbers or names: the others need the solver to say yes or no."""
    return [
        x.id
        for x in book.rulebook.evaluated()
        if not any(isinstance(n, LEAVES) and n.unit == units.YES_NO for n in book.closure(x.id))
        and list(Asker(book).contexts(Question((x.id,), lambda _: False, lambda _: False)))
    ]


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_the_formulas_say_what_explain_says(folder: Path) -> None:
    book = Book(opened(folder))
    seen = 0
    for number, name in enumerate(lines_of(book)):
        for point in random_points(book, name, 6, number):
            wanted, found = value_at(book.rulebook, name, point), constant(book, name, point)
            assert not isinstance(found, Name)
            if found.k is False:
                assert isinstance(wanted, Unknown), (name, point)
            elif isinstance(found, Yes):
                assert found.v is wanted, (name, point)
            elif isinstance(found, Num) and isinstance(found.n, Fraction):
                assert found.n / found.d == wanted, (name, point)
                seen += 1
    assert seen > 10


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_direction_told_by_form_is_the_one_that_explain_shows(folder: Path) -> None:
    book = Book(opened(folder))
    told = 0
    for number, name in enumerate(n for n in lines_of(book) if n in book.rulebook.lines):
        for point in random_points(book, name, 4, number):
            for key, value in list(point.figures.items()):
                if not isinstance(value, Fraction):
                    continue
                way = Slope(
                    book, key, {k: v for k, v in point.figures.items() if isinstance(v, str)}, point.period
                ).line(name)
                before, after = (
                    value_at(book.rulebook, name, point.at(key, x)) for x in (value, value * 2 + 1)
                )
                if way.turn is not None and isinstance(before, Fraction) and isinstance(after, Fraction):
                    told += 1
                    gap = (after - before) * (1 if value * 2 + 1 > value else -1)
                    assert gap * way.turn >= 0 if way.turn else gap == 0, (name, key, point)
                    assert way.low is None or min(before, after) >= way.low, (name, key)
                    assert way.high is None or max(before, after) <= way.high, (name, key)
    assert told > 10 or folder.name == "cixi"


def test_a_proof_that_explain_does_not_confirm_is_told_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The formulas are spoilt on purpose: they read at least as less than."""
    planted = next(p for p in planted_in(PLANTED) if p.name == "cliff-of-pay")
    rulebook, _ = load_string(planted.text)
    assert rulebook is not None
    assert not {f.code for f in prove(rulebook).findings} & {"PRV010", "PRV099"}
    right = Encoder._comparison
    monkeypatch.setattr(
        Encoder, "_comparison", lambda self, op, x, y: right(self, "<" if op == ">=" else op, x, y)
    )
    faults = [f for f in prove(rulebook).findings if f.severity == FAULT]
    assert {f.code for f in faults} == {"PRV099"}
    assert "请报告给我们" in faults[0].zh


# -- bounds --

BUDGET = """\
rulebook: b
name: 预算
calendar: {every: month}
who: {managers: {clause: 一, is: post = 客户经理}}
words:
  岗位: {of: post, are: [客户经理]}
  等级: {of: grade, are: [初级, 高级], ladder: yes}
tables:
  base: {clause: 二, by: [grade], gives: {amount: money}, rows: [[初级, 3000元], [高级, 5000元]]}
measures:
  fees: {clause: 三, item: 收入, unit: money, range: "[0, 10万元]", better: more}
lines:
  pay: {clause: 四, pay: "base + min(fees * 2%, 1500元)"}
"""


def test_least_most_and_the_ceiling_of_a_staff() -> None:
    rulebook, problems = load_string(BUDGET)
    assert rulebook is not None, problems
    proof = prove(rulebook, staff={"初级": 10, "高级": 2})
    bound = next(f for f in proof.findings if f.code == "PRV030")
    assert (bound.facts["least"], bound.facts["most"], bound.facts["exact"]) == ("3000 元", "6500 元", True)
    ceiling = next(f for f in proof.findings if f.code == "PRV031")
    assert (ceiling.facts["ceiling"], ceiling.facts["exact"]) == ("58000 元", True)


def test_without_a_range_no_bound_is_told() -> None:
    rulebook, _ = load_string(BUDGET.replace(', range: "[0, 10万元]"', ""))
    assert rulebook is not None
    assert not [f for f in prove(rulebook).findings if f.code in ("PRV030", "PRV031")]


def test_a_figure_of_the_others_is_called_in_words() -> None:
    (planted,) = (x for x in planted_in(PLANTED) if x.name == "second-beats-first")
    rulebook, _ = load_string(planted.text)
    assert rulebook is not None
    told = [finding.zh for finding in prove(rulebook).findings if finding.code == "PRV010"]
    assert told
    assert all("客户经理中" in zh and "的名次" in zh and "among" not in zh for zh in told)


def test_a_cliff_below_nothing_is_wrong_use() -> None:
    for option in ("--cliff", "--cliff-points"):
        told = CliRunner().invoke(app, ["rulebook", "prove", str(SHIPPED[0]), option, "-1"])
        assert told.exit_code == 2
        assert f"{option} -1: 写 0 或以上的整数" in told.output


def test_the_planted_are_found_from_any_folder(tmp_path: Path) -> None:
    assert proving.PLANTED == PLANTED
    told = CliRunner().invoke(app, ["rulebook", "prove", str(tmp_path / "none"), "--planted"])
    assert told.exit_code == 2
    assert "写出埋有缺陷的办法的文件夹" in told.output


def test_a_smaller_limit_makes_more_cliffs() -> None:
    planted = next(p for p in planted_in(PLANTED) if p.name == "cliff-of-pay")
    rulebook, _ = load_string(planted.text)
    assert rulebook is not None
    for limit, codes in ((4999, ["PRV011"]), (5000, [])):
        proof = prove(rulebook, limits_=Limits(cliff_money=Fraction(limit)))
        assert [f.code for f in proof.findings if f.severity == DEFECT] == codes


# -- documents and the command line --


def test_every_code_is_documented_once() -> None:
    text = (ROOT / "docs/reference/prove.md").read_text("utf-8")
    rows = re.findall(r"^\| (PRV\d{3}) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(code, zh, en) for code, (zh, en) in CODES.items()]
    source = "".join(p.read_text("utf-8") for p in (ROOT / "src/guanhu/rulebook/prove").glob("*.py"))
    assert set(re.findall(r'"(PRV\d{3})"', source)) == set(CODES)


def called(*words: str):
    return CliRunner().invoke(app, list(words))


def test_exit_is_1_with_a_defect_and_0_when_it_is_accepted(tmp_path: Path) -> None:
    text = next(p.text for p in planted_in(PLANTED) if p.name == "cliff-of-pay")
    (tmp_path / "rulebook.yaml").write_text(text, "utf-8")
    found = called("rulebook", "prove", str(tmp_path))
    assert found.exit_code == 1
    assert "PRV011 [缺陷]" in found.stdout
    assert "试算: guanhu rulebook try" in found.stdout
    assert "PRV011 [defect]" in called("--lang", "en", "rulebook", "prove", str(tmp_path)).stdout
    (tmp_path / "rulebook.yaml").write_text(
        text.replace('0元)"}', '0元)", accept: {PRV011: 原文如此}}'), "utf-8"
    )
    found = called("rulebook", "prove", str(tmp_path), "--json")
    assert found.exit_code == 0
    record = json.loads(found.stdout)
    assert [(f["code"], f["severity"], f["accepted_because"]) for f in record["findings"]] == [
        ("PRV011", "accepted", "原文如此"),
    ] + [(f["code"], f["severity"], "") for f in record["findings"][1:]]
    assert record["undecided"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("prove",),
        ("prove", "rulebooks/cixi", "--line", "没有"),
        ("prove", "rulebooks/cixi", "--staff", "managers"),
        ("prove", "rulebooks/cixi", "--staff", "没有=3"),
        ("prove", "没有", "--planted"),
    ],
)
def test_wrong_use_exits_2(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert called("rulebook", *words).exit_code == 2


def test_a_ceiling_that_cannot_be_given_says_what_lacks_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """A staff was asked about, and nothing said."""
    monkeypatch.chdir(ROOT)
    found = called("rulebook", "prove", "rulebooks/cixi", "--staff", "managers=50")
    assert found.exit_code == 0
    assert "“绩效薪酬”没有给出预算上限: 这些数没有写 range: 中间业务收入、" in found.stdout


def test_the_table_of_what_is_planted_is_printed(tmp_path: Path) -> None:
    for name in ("dead-cap", "gap-of-a-grade"):
        (tmp_path / f"{name}.yaml").write_text((PLANTED / f"{name}.yaml").read_text("utf-8"), "utf-8")
    found = called("rulebook", "prove", str(tmp_path), "--planted")
    assert found.exit_code == 0
    assert "2 个埋下的缺陷找到 2 个" in found.stdout


# -- in its time --


def test_a_large_rulebook_is_all_but_decided_in_its_time() -> None:
    """Twenty-seven clauses: a pool shared by points, ranks, steps, marginal rates, lots; supplied figures without ranges."""
    proof = prove(opened(Path(__file__).parent / "large"), limits_=Limits(total=Fraction(40)))
    assert proof.questions > 150
    assert proof.undecided * 10 <= proof.questions
    assert proof.seconds < 45
    shown = [f for f in proof.findings if f.points]
    assert len(shown) > 8
    for finding in shown:
        for point in finding.points:
            assert proof.replay_agrees(finding.line, point), finding.zh


# -- kinds of manager --

KINDS = """\
rulebook: k
name: 新老有别
calendar: {every: month}
who: {managers: {clause: 一, is: "post in (客户经理, 理财经理)"}}
words:
  岗位: {of: post, are: [客户经理, 理财经理, 柜员]}
  等级: {of: grade, are: [初级, 中级, 高级], ladder: yes}
tables:
  k: {clause: 二, by: [grade], gives: {x: number}, rows: [[初级 | 中级, 1], [高级, 1.2]]}
measures:
  fees: {clause: 三, item: 收入, unit: money, range: "[0, 10万元]", better: more}
lines:
  pay: {clause: 四, pay: "fees * 1‰ * k * if(months_between(hired_on, period_end) < 3, 80%, 100%)"}
"""


def test_kinds_that_the_formulas_cannot_tell_apart_are_asked_about_once() -> None:
    rulebook, problems = load_string(KINDS)
    assert rulebook is not None, problems
    question = Question(("pay",), lambda _: False, lambda _: False)
    kinds = list(Asker(Book(rulebook)).contexts(question))
    assert len(kinds) == 4
    assert {(k["grade"] == "高级", k["hired_on"] > date(2025, 5, 1)) for k, _, _ in kinds} == {
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    }
    assert all(all_said for _, _, all_said in kinds)


def test_a_day_that_is_taken_apart_is_only_sampled() -> None:
    rulebook, _ = load_string(KINDS.replace("months_between(hired_on, period_end) < 3", "day(hired_on) < 20"))
    assert rulebook is not None
    question = Question(("pay",), lambda _: False, lambda _: False)
    assert not any(all_said for _, _, all_said in Asker(Book(rulebook)).contexts(question))


def test_nothing_is_built_once_the_time_of_a_question_is_over() -> None:
    """Building a formula can take longer than deciding it; a question over 18 kinds of manager would build hundreds."""
    book = Book(opened(ROOT / "rulebooks" / "huangshi"))
    name = "increment_pay"
    built: list[int] = []

    def holds(copies: list[Encoder]) -> object:
        built.append(1)
        time.sleep(0.2)
        pay = copies[0].line(name)
        assert isinstance(pay, Num)
        return compared(">", mul(pay.n, pay.n), mul(Fraction(2), mul(pay.d, pay.d)))

    question = Question((name,), holds, lambda _: False)
    contexts = len(list(Asker(book).contexts(question)))
    verdict = Asker(book, seconds=Fraction(1, 10)).ask(question)
    assert (verdict.state, verdict.why) == (OPEN, "out of time")
    assert len(built) <= 2 < contexts * 2


BOTH_ENDS = """\
rulebook: t
name: 首末
calendar: {every: year}
who: {people: {clause: 一, is: post = 客户经理}}
words: {posts: {of: post, are: [客户经理]}}
measures:
  rated: {clause: 一, item: 评分, unit: points, range: "[0, 100]"}
lines:
  points: {clause: 一, score: rated}
  many: {clause: 一, unit: count, value: "count(points >= 0 among people)"}
checks:
  first: {clause: 一, when: "rank(points among people) <= 1", says: 第一}
  last: {clause: 一, when: "rank(points among people, lowest first) <= 1 and not first", says: 末位}
"""


def test_the_last_is_another_rank_than_the_first() -> None:
    rulebook, problems = load_string(BOTH_ENDS)
    assert problems == []
    assert rulebook is not None
    assert [x.code for x in prove(rulebook).findings if x.code == "PRV004"] == []
