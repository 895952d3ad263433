"""The regulations that are shipped as rulebooks: they load, their worked examples hold, every clause is there, they run."""

import re
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from guanhu.appraisal.appraise import Appraisal, Outcome
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.store import Bank
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.examples import tried_examples
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.load.text import load_text
from guanhu.values.dates import period_of
from tests.invented import invented_bank

ROOT = Path(__file__).resolve().parents[3] / "rulebooks"
RULEBOOKS = sorted(path.name for path in ROOT.iterdir() if path.is_dir())
DIGITS = "一二三四五六七八九"


def numeral(number: int) -> str:
    """Return a number below 100 as a clause has it."""
    tens, ones = divmod(number, 10)
    head = ("" if tens == 1 else DIGITS[tens - 1]) + "十" if tens else ""
    return head + (DIGITS[ones - 1] if ones else "")


CLAUSES = {
    "huangshi": tuple(f"第{numeral(number)}条" for number in range(1, 35)),
    "cixi": (
        "第一条",
        "第二条",
        "第三条",
        "第四条(一)",
        "第四条(二)1",
        "第四条(二)2",
        "第四条(二)3",
        "第四条4",
        "第四条5",
    ),
    "virtual-profit": (
        "统计期",
        "效益模型",
        "虚拟利润",
        "业务收入",
        "资金成本",
        "贷款损失",
        "双重记账",
        "竞标",
    ),
    "sound-pay": ("适用人员", "延期支付", "追索扣回"),
    "changji": ("考核办法", "考核指标", "考核任务", "具体指标", "设想五"),
    "industrial-oil": (
        "一",
        "二",
        "二注1",
        "二注2",
        "二注3",
        "二注4",
        "四(一)",
        "四(二)",
        "四(三)",
        "五",
        "五(对账)",
        "六",
    ),
}
"""The clauses that each regulation has, numbered as it numbers them."""
LEAST_EXAMPLES = {"huangshi": 15}


@cache
def loaded(name: str) -> t.Rulebook:
    rulebook, problems = load(ROOT / name)
    assert [problem.text("en") for problem in problems] == []
    assert rulebook is not None
    return rulebook


def examples() -> Iterator[object]:
    """Yield every worked example, so that each is a test of its own and a failure names its clause."""
    for name in RULEBOOKS:
        tried, problems = tried_examples(loaded(name), ROOT / name)
        yield pytest.param(None, problems, id=f"{name}-file")
        for example in tried:
            yield pytest.param(example, problems, id=f"{name}-{example.clause}-{example.name}")


@pytest.mark.parametrize(("example", "problems"), list(examples()))
def test_worked_example_holds(example: object, problems: list) -> None:
    if example is None:
        assert [problem.text("en") for problem in problems] == []
    else:
        assert example.holds, (
            f"{example.line}: {example.says}; it gives {example.found}, not {example.wanted}"
        )


def declarations(rulebook: t.Rulebook) -> Iterator[t.Declaration]:
    for section in (
        "groups",
        "words",
        "inputs",
        "tables",
        "measures",
        "lines",
        "decisions",
        "ledgers",
        "lots",
    ):
        yield from getattr(rulebook, section).values()


def doubts(name: str) -> list[str]:
    """Return the doubts of a rulebook that have another reading."""
    found = [d.doubt.name for d in declarations(loaded(name)) if d.doubt is not None and d.doubt.other]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("name", RULEBOOKS)
def test_every_clause_is_encoded_or_out_of_scope(name: str) -> None:
    rulebook = loaded(name)
    calendar = (
        load_text(ROOT / name / "rulebook.yaml", "rulebook.yaml", []).get("calendar").get("clause").text
    )
    cited = " ".join([calendar, *(d.clause for d in declarations(rulebook)), *rulebook.out_of_scope])
    missing = [clause for clause in CLAUSES[name] if not re.search(re.escape(clause), cited)]
    assert missing == [], "hint: encode the clause, or say under out_of_scope why not"


@pytest.mark.parametrize("name", RULEBOOKS)
def test_there_are_enough_examples_and_each_line_of_the_clause_table_is_told(name: str) -> None:
    tried, _ = tried_examples(loaded(name), ROOT / name)
    assert len(tried) >= LEAST_EXAMPLES.get(name, 6)
    notes = (ROOT / name / "NOTES.md").read_text("utf-8")
    untold = [
        doubt.name for d in declarations(loaded(name)) if (doubt := d.doubt) and doubt.name not in notes
    ]
    assert untold == [], "hint: list the doubt in NOTES.md"


@pytest.mark.parametrize(("name", "doubt"), [(name, doubt) for name in RULEBOOKS for doubt in doubts(name)])
def test_the_other_reading_of_each_doubt_loads(name: str, doubt: str) -> None:
    rulebook, problems = load(ROOT / name, {doubt: "other"})
    assert [problem.text("en") for problem in problems] == []
    assert rulebook is not None
    assert rulebook.readings == {doubt: "other"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return invented_bank(tmp_path_factory.mktemp("demo"), accounts=2000, managers=40)


def run(rulebook: t.Rulebook, bank: Bank, period: str) -> tuple[Outcome, dict[str, int]]:
    """Return the outcome, and for how many people each line and decision has a value."""
    settled: dict[str, int] = {}
    with closing(DuckDBEngine(threads=2)) as engine:
        view = bank.view(events=tuple(rulebook.events.values()))
        outcome = Appraisal(engine, view, rulebook, period_of(period)).run()
        for result in outcome.results:
            for name in (*result.lines, *result.decisions):
                query = f'SELECT count(*) FROM "{result.persons}" WHERE "{name}" IS NOT NULL'
                ((count,),) = engine.connection.execute(query).fetchall()
                settled[name] = settled.get(name, 0) + count
    return outcome, settled


PERIODS = {
    "huangshi": "2025",
    "changji": "2025H2",
    "cixi": "2025H2",
    "virtual-profit": "2025H2",
    "sound-pay": "2025",
}
ELSEWHERE = {"industrial-oil": "tests/engines/test_industrial_oil.py"}
"""Rulebooks that no bank could run, and where they run on facts of their own."""


def test_every_rulebook_runs_somewhere() -> None:
    assert sorted({*PERIODS, *ELSEWHERE}) == RULEBOOKS
    assert all((ROOT.parent / path).is_file() for path in ELSEWHERE.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", PERIODS)
def test_it_runs_on_the_demo_bank(name: str, demo: Bank) -> None:
    rulebook = loaded(name)
    outcome, settled = run(rulebook, demo, PERIODS[name])
    assert [problem.text("en") for problem in outcome.problems] == []
    unsettled = [line for line in (*rulebook.lines, *rulebook.decisions) if not settled.get(line)]
    assert unsettled == [], "nobody has a value; hint: the demo bank has to supply what these lines read"
