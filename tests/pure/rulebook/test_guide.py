"""The guide tells the truth: each pattern loads and holds, each snippet is a file's own text, nothing is left out."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.examples import tried_examples
from guanhu.rulebook.load import build_measures, build_tables, credit_day, fields, takes
from guanhu.rulebook.load.folder import SECTIONS, load, load_string
from guanhu.rulebook.load.functions import FUNCTIONS
from guanhu.values.problem import Problem
from guanhu.values.units import ANNUAL_RATE, COUNT, DATE, DAYS, MONEY, NUMBER, POINTS, RATIO

DOCS = Path(__file__).resolve().parents[3] / "docs"
GUIDE = DOCS / "guide"
PATTERNS = sorted(
    (p for p in (GUIDE / "patterns").glob("*.yaml") if not p.name.endswith(".examples.yaml")),
    key=lambda path: int(path.name.split("-")[0]),
)
LANGUAGES = {"zh": DOCS / "rulebook-guide.zh.md", "en": DOCS / "rulebook-guide.md"}
LEAST_PATTERNS, LEAST_MISTAKES = 60, 20
HEADING = re.compile(r"^#### (\d{2,3}) (.+)$", re.MULTILINE)
INDEXED = re.compile(r"^\| (.+?) \|.*\[(\d{2,3})\]\(#p\d{2,3}\) \|$", re.MULTILINE)
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def guide(lang: str) -> str:
    return LANGUAGES[lang].read_text("utf-8")


def chapter(lang: str, number: int) -> str:
    """Return one numbered chapter of a guide."""
    parts = re.split(r"^## (?=\d)", guide(lang), flags=re.MULTILINE)
    return next(part for part in parts if part.startswith(f"{number} "))


def examples_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".yaml") + ".examples.yaml")


def opened(path: Path) -> t.Rulebook:
    rulebook, problems = load_string(path.read_text("utf-8"))
    assert [problem.text("en") for problem in problems] == []
    assert rulebook is not None
    return rulebook


def failures(rulebook: t.Rulebook, folder: Path) -> list[str]:
    tried, problems = tried_examples(rulebook, folder)
    assert tried
    wrong = [f"{x.name}: wanted {x.wanted}, found {x.found}" for x in tried if not x.holds]
    return wrong + [problem.text("en") for problem in problems]


@pytest.mark.parametrize("path", PATTERNS, ids=lambda path: path.stem)
def test_a_pattern_loads_and_its_examples_hold(path: Path, tmp_path: Path) -> None:
    rulebook = opened(path)
    (tmp_path / "rulebook.yaml").write_text(path.read_text("utf-8"), "utf-8")
    (tmp_path / "examples.yaml").write_text(examples_of(path).read_text("utf-8"), "utf-8")
    assert failures(rulebook, tmp_path) == []


def test_there_are_patterns_enough() -> None:
    assert len(PATTERNS) >= LEAST_PATTERNS
    assert [path.name.split("-")[0] for path in PATTERNS] == [f"{n:02}" for n in range(1, len(PATTERNS) + 1)]
    assert all(examples_of(path).is_file() for path in PATTERNS)


@pytest.mark.parametrize("name", ["example", "table-file", "levels", "deferral"])
def test_the_rulebooks_of_the_guide_load_and_their_examples_hold(name: str) -> None:
    rulebook, problems = load(GUIDE / name)
    assert problems == []
    assert rulebook is not None
    assert failures(rulebook, GUIDE / name) == []


def test_the_other_reading_of_each_doubt_loads() -> None:
    for path in (*PATTERNS, GUIDE / "example" / "rulebook.yaml"):
        text = path.read_text("utf-8")
        names = re.findall(r"name: (\S+?), says: [^{}]*?, other:", text)
        names += re.findall(r"doubt:\n\s+name: (\S+)\n\s+says: .*\n\s+other:", text)
        for name in names:
            assert load_string(text, {name: "other"})[1] == []


def test_each_clause_of_the_regulation_is_encoded_or_said_to_be_out_of_scope() -> None:
    clauses = re.findall(
        r"^\*\*(第\S+条)\*\*", (GUIDE / "example" / "regulation.zh.md").read_text("utf-8"), re.MULTILINE
    )
    text = (GUIDE / "example" / "rulebook.yaml").read_text("utf-8")
    assert clauses
    assert [c for c in clauses if f"clause: {c}" not in text and f"  {c}:" not in text] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_index_and_the_headings_name_each_pattern(lang: str) -> None:
    wanted = [path.name.split("-")[0] for path in PATTERNS]
    headings = HEADING.findall(guide(lang))
    assert [number for number, _ in headings] == wanted
    assert [number for _, number in INDEXED.findall(guide(lang))] == wanted
    assert [phrase for phrase, _ in INDEXED.findall(guide(lang))] == [phrase for _, phrase in headings]


def test_both_languages_have_the_same_patterns() -> None:
    assert HEADING.findall(guide("zh")) == HEADING.findall(guide("en"))
    assert FENCE.findall(chapter("zh", 3)) == FENCE.findall(chapter("en", 3))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_pattern_shows_the_lines_of_its_file(lang: str) -> None:
    parts = re.split(HEADING, chapter(lang, 3))[1:]
    for number, body in zip(parts[::3], parts[2::3], strict=True):
        path = next(p for p in PATTERNS if p.name.startswith(f"{number}-"))
        snippets = FENCE.findall(body)
        assert snippets
        assert [s for s in snippets if s not in path.read_text("utf-8")] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_other_snippet_stands_in_a_file(lang: str) -> None:
    files = [p.read_text("utf-8") for p in sorted(GUIDE.rglob("*.*")) if p.is_file()]
    wrong = [case["lines"] for case in mistakes()["mistakes"]]
    for number in (1, 2, 4, 5):
        missing = [
            s for s in FENCE.findall(chapter(lang, number)) if not any(s in text for text in (*files, *wrong))
        ]
        assert missing == []


COLUMNS = re.compile(r"^\| (`\w+`|events|事件) \| (`.+?) \| (`.+?) \|$", re.MULTILINE)
"""A row of the card of columns: the kind, its own columns, and the tables that go on from it."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_formula_over_one_row_knows_the_columns_of_the_card(lang: str) -> None:
    rows = COLUMNS.findall(chapter(lang, 2))
    assert len(rows) == 7
    head = (GUIDE / "patterns/17-each-breach.yaml").read_text("utf-8").partition("measures:")[0]
    everywhere = ["institution.level", "institution.area", "person.grade", "person.post"]
    for number, (kind, own, others) in enumerate(rows):
        names = [*re.findall(r"`(\w+)`", own), *re.findall(r"`(\w+\.\w+)`", others), *everywhere]
        names += ["account.opened_on"] if "`account.`" in others else []
        names += ["loan.granted_on"] if "`loan.`" in others else []
        names += ["customer.customer_kind", "customer.tier"] if "`customer.`" in others else []
        source = kind.strip("`") if kind.startswith("`") else "违规"
        measures = "".join(
            f"  甲{number}{at}: {{clause: 第三条, from: {source}, where: {name} = {name}, take: count}}\n"
            for at, name in enumerate(names)
        )
        rulebook, problems = load_string(
            f"{head}measures:\n{measures}lines:\n  乙: {{clause: 第三条, score: 1}}\n"
        )
        assert [p.text() for p in problems] == []
        assert rulebook is not None


@cache
def mistakes() -> dict:
    return yaml.safe_load((GUIDE / "mistakes.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", mistakes()["mistakes"], ids=lambda case: case["code"])
def test_a_mistake_is_answered_as_the_guide_says(case: dict) -> None:
    _, problems = load_string(mistakes()["head"] + case["lines"])
    told = [(p.code, p.zh, p.hint_zh, p.en, p.hint_en) for p in problems]
    assert (case["code"], case["zh"], case["hint_zh"], case["en"], case["hint_en"]) in told
    for lang in LANGUAGES:
        assert f"```yaml\n{case['lines']}```" in chapter(lang, 5)
        assert case[lang] in chapter(lang, 5)


def test_there_are_mistakes_enough() -> None:
    assert len(mistakes()["mistakes"]) >= LEAST_MISTAKES


EVERYTHING = """
rulebook: everything
name: all declarations once
calendar: {every: year}
who: {people: {clause: c, is: post = 客户经理}}
words: {岗位: {of: post, are: [客户经理]}}
events: {called: {columns: {how: {type: choice, name: how}}}}
inputs: {price: {clause: c, unit: ratio, doubt: {name: d, says: s}}}
tables: {t: {clause: c, by: [n], gives: {x: ratio}, versions: [{from: 2025-01-01, rows: [[any, 1]]}]}}
measures: {n: {clause: c, from: called, take: count}}
lines:
  a: {clause: c, pay: 1元 * t}
  b: {clause: c, cases: [{when: n > 0, pay: 1元}, {otherwise: 0元}]}
checks: {k: {clause: c, when: n > 0, says: s}}
decisions: {z: {clause: c, when: k, says: s}}
ledgers:
  l: {clause: c, adds: a, uses: b}
  m: {clause: c, defers: a, release: in 3 equal parts every year, sound_pay: {of: a, when: n > 0}}
"""


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """Every key that some reader of the loader knows, heard from the readers themselves."""
    heard: set[str] = set()
    read = fields.Reader.__init__

    def listening(
        self: fields.Reader, tree: object, label: str, known: tuple[str, ...], problems: list[Problem]
    ) -> None:
        heard.update(known)
        read(self, tree, label, known, problems)  # type: ignore[arg-type]

    monkeypatch.setattr(fields.Reader, "__init__", listening)
    rulebook, problems = load_string(EVERYTHING)
    assert [problem.text("en") for problem in problems] == []
    assert rulebook is not None
    (tmp_path / "examples.yaml").write_text(
        "examples:\n  - {name: e, line: k, given: {n: 1}, gives: yes}\n", "utf-8"
    )
    assert failures(rulebook, tmp_path) == []
    return heard


def code_words(lang: str) -> set[str]:
    """Return the words that stand in code marks in the reference card."""
    spans = re.findall(r"`([^`\n]+)`", chapter(lang, 2))
    return {word for span in spans for word in re.findall(r"[a-z_']+", span)} | set(spans)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_reference_card_has_every_key(lang: str, keys: set[str]) -> None:
    wanted = keys | set(SECTIONS)
    assert {"weight", "lapses_after", "required", "line", "given"} <= wanted
    assert wanted - code_words(lang) == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_reference_card_has_every_function_word_and_unit(lang: str) -> None:
    units = [str(u) for u in (MONEY, RATIO, ANNUAL_RATE, POINTS, COUNT, DAYS, NUMBER, DATE)]
    words = [
        *FUNCTIONS,
        *units,
        *build_measures.CREDITS,
        *takes.INTERVAL_TAKES,
        *(begin.strip() for begin in takes.DAY_COUNTS),
        *(take for take in takes.ROW_TAKES if take != "distinct"),
        *build_measures._PRICES,
        *credit_day.CREDIT_DAYS,
        *build_tables._HOW,
    ]
    spans = code_words(lang)
    shown = " ".join(spans)
    assert [word for word in words if word not in spans and f"{word} " not in shown] == []
