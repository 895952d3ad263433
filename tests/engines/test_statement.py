"""A statement: the run's own figures, the rule in words, what is missing and why, nothing left to guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from typer.testing import CliRunner

from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.pages.card import GroupPart
from guanhu.appraisal.pages.charts import HEIGHT, WIDTH, Panel, drawn, in_words
from guanhu.appraisal.pages.kept import Names, top_money
from guanhu.appraisal.pages.reasons import Reasons, distance_to_steps
from guanhu.appraisal.running import run_rulebook
from guanhu.appraisal.statement import agree_with_run, statement, write_statement
from guanhu.cli.main import app
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.store import Bank
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.print.blocks import Drawing, Figures, Mark, Page, Rule, plain
from guanhu.rulebook.run.template import filled
from guanhu.values.exact import InvariantBroken, money_shown, truncate
from guanhu.values.problem import Refused
from tests.engines.kept_runs import NASTY_NAME, Kept, kept_run


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return kept_run(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def opened(kept: Kept) -> Iterator[OpenRun]:
    run = kept.open()
    yield run
    run.close()


def settled_manager(kept: Kept, instances: int = 3) -> str:
    """Return a manager with a score, one card, and pay in every month."""
    query = f"""
        SELECT subject_id FROM '{kept.run.table("lines")}' WHERE group_id = 'managers' AND spell_no = 0
        GROUP BY 1 HAVING count(*) FILTER (line = 'total' AND state = 'ok') = 1
            AND count(*) FILTER (line = 'stock_pay' AND num > 0) = {instances}
        ORDER BY 1 LIMIT 1
    """
    ((subject,),) = duckdb.sql(query).fetchall()
    return str(subject)


def text_of(page: Page) -> str:
    return "\n".join([page.title, *(x for fact in page.facts for x in fact), *plain(page.blocks), page.foot])


def kept_value(kept: Kept, subject: str, line: str) -> Fraction:
    query = f"SELECT sum(num), max(den) FROM '{kept.run.table('lines')}' WHERE spell_no = 0 AND subject_id = '{subject}' AND line = '{line}'"
    ((num, den),) = duckdb.sql(query).fetchall()
    return Fraction(int(num), int(den))


def test_the_headline_is_score_and_pay(kept: Kept, opened: OpenRun) -> None:
    subject = settled_manager(kept)
    page = statement(opened, subject)
    (figures,) = [block for block in page.blocks if isinstance(block, Figures)]
    said = {label: (value, word) for label, value, word in figures.figures}
    pay = money_shown(int(kept_value(kept, subject, "stock_pay") * 100))
    assert said["存量计酬合计"] == (f"{pay} 元", "3 期合计")
    assert said["另计合计"] == ("未结清", "3 期没有结清")
    assert said["@总分"][0].endswith(" 分")
    assert dict(page.facts)["编号"] == subject
    assert dict(page.facts)["姓名"] == NASTY_NAME
    assert "示例市" in dict(page.facts)["机构"]


def test_every_line_is_there_with_its_rule_and_clause(kept: Kept, opened: OpenRun) -> None:
    page = statement(opened, settled_manager(kept))
    rules = {block.title: block for block in page.blocks if isinstance(block, Rule)}
    assert rules.keys() == {"增长得分", "规模得分", "@总分", "存量计酬", "另计"}
    assert all(rule.clause and rule.value for rule in rules.values())
    said = "\n".join(plain(rules["增长得分"].parts))
    assert "40 + (((“存款日均”比“上季存款日均”的增长率) − 5%)每 1% 计一步的步数(不满一步不计)) × 2" in said
    assert "最低 0, 最高 60" in said


def test_what_is_open_is_said_in_words(kept: Kept, opened: OpenRun) -> None:
    page = statement(opened, settled_manager(kept))
    marks = [block.text for block in page.blocks if isinstance(block, Mark) and block.kind == "open"]
    assert marks == ["2025-10 至 2025-12: 参数“计酬率”没有提供, 因此“另计”没有结清。"]
    assert "疑点\n另计\n另计: 没有写价" in text_of(page)
    assert "假设\n规模得分\n上限归上一档" in text_of(page)


def test_a_run_under_the_other_reading_says_so(kept: Kept, opened: OpenRun) -> None:
    assert dict(statement(opened, settled_manager(kept)).facts)["疑点读法"] == "各处疑点都取第一种读法"
    ran = run_rulebook(
        DuckDBEngine, Bank(kept.bank), kept.bank.parent / "rules", "2025Q4", readings={"档次": "other"}
    )
    other = OpenRun(DuckDBEngine, Bank(kept.bank), ran.folder)
    page = statement(other, settled_manager(kept))
    other.close()
    assert dict(page.facts)["疑点读法"] == "“档次”取另一种读法, 其余疑点取第一种读法"
    text = text_of(page)
    assert "上限归上一档" not in text
    (doubt,) = [line for line in text.splitlines() if line.startswith("档次: ")]
    assert doubt.startswith("档次: 本次运行取另一种读法: < 200万 → 10; >= 200万 → 20")
    assert doubt.endswith("对第一种读法的说明是“按一百万分档”, 本次不适用。")


def test_no_id_stands_where_the_bank_has_a_name(kept: Kept, opened: OpenRun) -> None:
    text = text_of(statement(opened, settled_manager(kept)))
    for jargon in ("growth_points", "stock_pay", "deposits", "managers", "measures.", "lines.", "inputs."):
        assert jargon not in text
    # No number with more decimals than a person reads.
    assert re.findall(r"\d\.\d{5,}", text) == []


def test_pay_under_a_yearly_cap_stands_for_itself() -> None:
    """Nothing of the statement's headline was left: 累计 took up 实奖, 前月 took up 累计 and 实奖 took up 前月."""
    path = Path(__file__).parents[2] / "docs/guide/patterns/31-annual-cap.yaml"
    rulebook, _ = load_string(path.read_text("utf-8"))
    assert rulebook is not None
    assert [x.id for x in top_money(rulebook, "managers")] == ["实奖"]


def test_accounts_are_counted_as_accounts_and_rows_as_rows(kept: Kept, opened: OpenRun) -> None:
    text = text_of(statement(opened, settled_manager(kept)))
    assert re.search(r"存款日均 [\d,.]+ 元\(\d+ 户\)", text)
    assert not re.search(r"存款日均 [\d,.]+ 元\([^)]*\d+ 笔\)", text)


def test_who_moved_reads_the_figures_of_each_spell_and_what_the_last_lacks(opened: OpenRun) -> None:
    told = 0
    for subject in opened.subjects():
        for rule in (block for block in statement(opened, subject).blocks if isinstance(block, Rule)):
            said = list(plain(rule.parts))
            if rule.title != "增长得分" or not any(text.startswith("第 1 段 ") for text in said):
                continue
            assert any(text.startswith("第 1 段: ") for text in said)
            steps = [text for text in said if text.startswith("下一步")]
            assert all(re.match(r"下一步: 第 \d+ 段: ", text) for text in steps)
            told += len(steps)
    assert told


def test_no_distance_is_nothing(opened: OpenRun) -> None:
    for subject in opened.subjects():
        text = text_of(statement(opened, subject))
        assert "约合 0.00 元" not in text
        assert " 0 个百分点" not in text


def test_a_chart_of_nothing_but_zeros_behind_the_first_is_left_out(opened: OpenRun, kept: Kept) -> None:
    traces = [x for x in opened.explain(settled_manager(kept)) if x.instance.every == "month"]
    part = GroupPart(opened.rulebook, Reasons(opened.rulebook), Names({}, {}), "managers", traces)

    def charted() -> str:
        return "".join(x.alt for x in part.periods("month", traces) if isinstance(x, Drawing))

    assert "存量计酬" in charted()
    for trace in traces[1:]:
        trace.whole["stock_pay"] = Fraction(0)
    assert "存量计酬" not in charted()
    traces[0].whole["stock_pay"] = Fraction(0)
    assert "存量计酬" not in charted()


def test_the_foot_quotes_the_run(kept: Kept, opened: OpenRun) -> None:
    page = statement(opened, settled_manager(kept))
    assert kept.run.path.name in page.foot
    assert kept.run.record["digest"][:12] in page.foot
    assert "由 guanhu 依据办法自动生成" in page.foot


def test_an_institution_has_a_statement_too(kept: Kept, opened: OpenRun) -> None:
    place = next(subject for subject, kind in opened.subjects().items() if kind == "institution")
    text = text_of(statement(opened, place))
    assert "示例市商业银行" in text
    assert money_shown(int(kept_value(kept, place, "place_deposits") * 100)) in text


def test_everybody_in_the_run_has_a_statement(opened: OpenRun) -> None:
    pages = [statement(opened, subject) for subject in opened.subjects()]
    assert len(pages) > 20


def test_a_figure_that_the_run_does_not_hold_is_never_printed(kept: Kept, opened: OpenRun) -> None:
    subject = settled_manager(kept)
    traces = opened.explain(subject)
    agree_with_run(opened, subject, traces)
    first = next(name for name, value in traces[0].whole.items() if isinstance(value, Fraction))
    value = traces[0].whole[first]
    assert isinstance(value, Fraction)
    traces[0].whole[first] = value + Fraction(1, 100)
    with pytest.raises(InvariantBroken, match="INV-E1"):
        agree_with_run(opened, subject, traces)


def test_a_stranger_is_refused(opened: OpenRun, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="RUN050"):
        write_statement(opened, "nobody", "html", tmp_path / "x.html")
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_answered_with_the_id(opened: OpenRun) -> None:
    ((name, person),) = opened.engine.rows(
        filled(
            "SELECT name, min(person_id) FROM f_staff WHERE name IS NOT NULL GROUP BY name ORDER BY 2 LIMIT 1"
        )
    )
    with pytest.raises(Refused) as refused:
        opened.explain(str(name))
    (problem,) = refused.value.problems
    assert problem.code == "RUN050"
    assert problem.hint_zh.startswith(f"写员工号: {person}")


class Tags(HTMLParser):
    """Collects the tags of a page and what they ask for from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.asked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.asked += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]


def test_html_is_one_file_and_a_name_is_only_text(kept: Kept, opened: OpenRun, tmp_path: Path) -> None:
    out = tmp_path / "statement.html"
    write_statement(opened, settled_manager(kept), "html", out)
    text = out.read_text("utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.asked == []
    assert {"script", "link", "img", "b", "iframe"} & set(tags.seen) <= {"b"}
    assert "<b>|" not in text
    assert "&lt;b&gt;|*名*" in text
    assert "svg" in tags.seen
    assert "url(" not in text


def test_pdf_is_the_same_each_time(kept: Kept, opened: OpenRun, tmp_path: Path) -> None:
    subject = settled_manager(kept)
    for name in ("a.pdf", "b.pdf"):
        write_statement(opened, subject, "pdf", tmp_path / name)
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content == (tmp_path / "b.pdf").read_bytes()


# x in hundredths, steps wanted, size in hundredths → distance in hundredths, beyond the point?
STEPS = [
    (25, 3, 10, 5, False),
    (30, 4, 10, 10, False),
    (0, 1, 10, 10, False),
    (-5, 1, 10, 15, False),
    (-25, -1, 10, 5, True),
    (-20, -1, 10, 0, True),
    (-15, 0, 10, 5, True),
]


@pytest.mark.parametrize(("x", "wanted", "size", "distance", "beyond"), STEPS)
def test_the_distance_to_the_next_step_is_enough_and_not_too_much(
    x: int, wanted: int, size: int, distance: int, *, beyond: bool
) -> None:
    at, step = Fraction(x, 100), Fraction(size, 100)
    assert distance_to_steps(at, Fraction(wanted), step) == (Fraction(distance, 100), beyond)
    grain = Fraction(1, 10**9)
    reached = at + Fraction(distance, 100) + (grain if beyond else 0)
    assert truncate(reached / step) == wanted
    assert truncate((reached - grain * (2 if beyond else 1)) / step) < wanted


def test_a_chart_draws_every_value_and_says_it_in_words() -> None:
    values = [Fraction(12345), None, Fraction(-500), Fraction(0)]
    panel = Panel("计酬(元)<", ["一季", "二季", "三季", "四季"], values, is_money=True)
    svg = drawn([panel])
    assert svg.count("<rect") == 4
    for label in ("1.23万", "未知", "-500", "计酬(元)&lt;"):
        assert f">{label}</text>" in svg
    places = [float(x) for x in re.findall(r' y="(-?[\d.]+)"', svg)]
    assert all(0 <= place <= HEIGHT for place in places)
    assert max(float(x) for x in re.findall(r' x="(-?[\d.]+)"', svg)) <= WIDTH
    assert in_words(panel) == "计酬(元)<: 一季 12,345.00 元, 二季 未知, 三季 -500.00 元, 四季 0.00 元"


def test_a_page_tells_how_far_the_next_bracket_is(opened: OpenRun) -> None:
    """A manager below the next bracket reads the distance, and by that distance reaches it."""
    found = 0
    for subject in opened.subjects():
        page = statement(opened, subject)
        for rule in (block for block in page.blocks if isinstance(block, Rule) and block.title == "规模得分"):
            # Of who moved the last spell is told what it lacks.
            measured = re.findall(r"存款日均 ([\d,.]+) 元", "\n".join(plain(rule.parts)))
            told = re.search(
                r"再增 ([\d,.]+) 元, 到“(\[100万, 1000万\)|>= 1000万)”一档", "\n".join(plain(rule.parts))
            )
            if measured and told:
                edge = 1_000_000 if told[2].startswith("[") else 10_000_000
                now, gap = (Fraction(x.replace(",", "")) for x in (measured[-1], told[1]))
                assert abs(now + gap - edge) <= Fraction(1, 100)
                found += 1
    assert found > 3


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_line_of_another_group_is_not_explained_silently(kept: Kept, form: list[str]) -> None:
    words = ["explain", str(kept.run.path), settled_manager(kept), "--line", "place_deposits", *form]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 1
    assert told.stdout == ("[]\n" if form else "")
    assert "“机构存款”是“机构”的行" in told.stderr


def test_formats_are_closed(opened: OpenRun, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="docx"):
        write_statement(SimpleNamespace(), "E1", "docx", tmp_path / "x")  # type: ignore[arg-type]
    assert opened.record["rulebook"] == "small"
