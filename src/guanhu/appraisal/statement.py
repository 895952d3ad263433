"""One subject's statement: a page that a manager understands without help.

    姓名 → 得分、计酬、结论 → 没有结清的 → 各期 → 每一行怎样得来、离下一档多远 → 检查和决定
    → 指标、参数 → 假设和疑点

Everything comes from the subject's own traces, so each figure on the page can be explained down to the
account; the page shows what fits on one to three sheets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlglot import exp

from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.pages import corrected, waiting
from guanhu.appraisal.pages.card import GroupPart
from guanhu.appraisal.pages.kept import Names, read_names
from guanhu.appraisal.pages.reasons import Reasons
from guanhu.appraisal.published import literal
from guanhu.appraisal.replay import refuse_another_language
from guanhu.appraisal.runs import value_kept
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.subject import SubjectTrace
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.print import blocks as b
from guanhu.rulebook.print.as_written import as_taken, is_other, taken_text
from guanhu.rulebook.print.document import Printer
from guanhu.rulebook.print.html import html
from guanhu.rulebook.print.names import state_name
from guanhu.rulebook.print.pdf import pdf
from guanhu.rulebook.print.plan import NumberedSpeaker, Plan
from guanhu.rulebook.run.template import filled
from guanhu.values.exact import invariant

FORMATS = ("html", "pdf")
FIGURES_MAX = 4


def write_statement(opened: OpenRun, person: str, format_: str, out: Path) -> None:
    """Write the statement of a person, institution or the bank: `html` or `pdf`, whole or not at all.

    Errors:   Refused RUN050 or RUN051 for one who is not in the run, RUN047 for one whose figures are of another
              version of the language and would differ; OSError when it cannot be written;
              ValueError for another format.
    """
    if format_ not in FORMATS:
        raise ValueError(f"{format_} is none of {FORMATS}")
    page = statement(opened, person)
    made = datetime.fromisoformat(opened.record["created_at"])
    b.write_whole(out, html(page).encode() if format_ == "html" else pdf(page, made))


def statement(opened: OpenRun, person: str) -> b.Page:
    """Return the page of a subject."""
    explained = opened.explained(person)
    traces = explained.traces
    agree_with_run(opened, person, traces)
    names = read_names(opened.engine)
    rulebook = as_taken(opened.rulebook, opened.run.rulebook_folder)
    reasons = Reasons(rulebook)
    # The card in force at the end comes first: who became a head reads the head's card first.
    newest = sorted(traces, key=lambda x: (x.cards[-1].days.end, x.instance.days.days), reverse=True)
    groups = dict.fromkeys(x.group for x in newest)
    parts = [
        GroupPart(rulebook, reasons, names, group, [x for x in traces if x.group == group])
        for group in groups
    ]
    decided = decisions_of(opened, person)
    record = opened.record
    return b.Page(
        title=f"{names.of(person) or person} 考核单",
        subtitle=f"{opened.rulebook.title} · {opened.period.start} 至 {opened.period.last_day}",
        running=f"{person} · {record['period_text']}",
        foot=(
            f"由 guanhu 依据办法自动生成 · 运行 {opened.run.path.name} · 结果摘要 {record['digest'][:12]} · "
            f"数据截至第 {record['facts_as_of']} 批"
        ),
        facts=(*who(person, traces, names), *readings(rulebook)),
        blocks=(
            *headline(parts, decided, list(corrected.headline(reasons, explained))),
            *unsettled(parts),
            *corrected.blocks(reasons, explained),
            *(block for part in parts for block in part.blocks()),
            *waiting.blocks(opened, person),
            *checks(parts),
            *figures(parts),
            *remarks(parts, Printer(rulebook, opened.run.rulebook_folder)),
        ),
    )


def agree_with_run(opened: OpenRun, person: str, traces: list[SubjectTrace]) -> None:
    """INV-E1: refuse to print a figure that the run does not hold.

    Errors:   Refused RUN047 where it differs because the run is of another version of the language.
    """
    rows = opened.engine.rows(
        filled(_KEPT, path=literal(opened.run.table("lines")), subject=exp.Literal.string(person))
    )
    kept = {(i, g, line): (value_kept(num, den), text, state) for i, g, line, num, den, text, state in rows}
    for trace in traces:
        for name, value in trace.whole.items():
            number, text, state = kept.get((trace.instance.key, trace.group, name), (None, None, "absent"))
            held: object = number if text is None else text
            if state != "ok":
                held = None
            seen: object = None if isinstance(value, Unknown) else value
            if isinstance(value, bool):
                seen = "yes" if value else "no"
            if held != seen:
                refuse_another_language(opened.run)
            invariant(
                held == seen, "INV-E1", f"{person} {trace.instance.key} {name}: run {held}, explain {seen}"
            )


def who(person: str, traces: list[SubjectTrace], names: Names) -> Iterator[tuple[str, str]]:
    """Yield who the page is about: id, name, post, grade and institution at the end of the run."""
    if not traces:
        # Not appraised any more: there is only what is corrected.
        yield ("姓名", names.of(person) or person)
        yield ("编号", person)
        return
    # Of instances that end together the shortest has the newest grade.
    last = max(traces, key=lambda x: (x.cards[-1].days.end, x.instance.days.start))
    card = last.cards[-1]
    yield ("姓名" if card.attributes.get("post") else "名称", names.of(person) or person)
    if person != "bank":
        yield ("编号", person)
    held = [str(card.attributes[x]) for x in ("post", "grade") if x in card.attributes]
    if held:
        yield ("岗位、等级", " · ".join(held))
    place = str(card.attributes.get("institution_id", ""))
    if place and place != person:
        yield ("机构", f"{names.places.get(place, '')} {place}".strip())
    if held:
        yield ("在岗天数", f"{days_in_post(traces)} 天")


def days_in_post(traces: list[SubjectTrace]) -> int:
    """Return the days of the run on which the subject was appraised, whatever the calendar unit."""
    spans = {(card.days.start, card.days.end): card.spell_days for x in traces for card in x.cards}
    total, reached = 0, min(start for start, _ in spans)
    for (start, end), days in sorted(spans.items()):
        # Shorter instances lie inside longer ones: what has been counted is not counted again.
        total += days if start >= reached else max((end - reached).days, 0)
        reached = max(reached, end)
    return total


def headline(
    parts: list[GroupPart], decided: list[Decided], corrections: list[tuple[str, str, str]]
) -> Iterator[b.Block]:
    """Yield score, pay, what is corrected of earlier pay, and what follows."""
    found: list[tuple[str, str, str]] = []
    lines = {part.group.title: list(part.headlines()) for part in parts}
    for group, figures_ in lines.items():
        label = f"{group}: " if sum(1 for x in lines.values() if x) > 1 else ""
        found.extend((label + name, value, word) for name, value, word in figures_)
    found = [*found[: FIGURES_MAX - len(corrections)], *corrections]
    if found:
        yield b.Figures(tuple(found))
    for each in decided:
        yield b.Mark("open" if each.undecided else "good", f"{each.instance} {each.title}", each.said)
    if not decided:
        yield b.Text("期内没有成立的决定。")


def unsettled(parts: list[GroupPart]) -> Iterator[b.Block]:
    """Yield what is not settled, and why."""
    for text in dict.fromkeys(x for part in parts for x in part.open_texts()):
        yield b.Mark("open", "没有结清", text)


def checks(parts: list[GroupPart]) -> Iterator[b.Block]:
    """Yield the checks and decisions that came true or could not be decided, and name the others."""
    rows = [row for part in parts for row in part.checks()]
    found = tuple(row for row in rows if row[1])
    quiet = list(dict.fromkeys(row[0] for row in rows if not row[1]))
    if rows:
        yield b.Heading("检查和决定", 1)
    if found:
        yield b.Grid(("事项", "结果", "期间", "条款"), found, widths=(4, 5, 4, 2))
    if quiet:
        yield b.Text(f"{'其余' if found else ''}{len(quiet)} 项没有发现: {'、'.join(quiet)}。")


def figures(parts: list[GroupPart]) -> Iterator[b.Block]:
    """Yield the measures that were read, with their values."""
    rows = tuple(dict.fromkeys(row for part in parts for row in part.measures()))
    if rows:
        yield b.Heading("用到的指标", 1)
        heads = ("指标", "数值", "期间", "怎样算")
        yield b.Grid(heads, rows, align="lrll", widths=(4, 4, 0, 9))


def readings(rulebook: t.Rulebook) -> Iterator[tuple[str, str]]:
    """Yield which readings of the doubts the figures stand on."""
    if taken := taken_text(rulebook):
        yield ("疑点读法", taken)


def remarks(parts: list[GroupPart], printer: Printer) -> Iterator[b.Block]:
    """Yield the assumptions and doubts that these figures rest on, those of the readings that the run took."""
    used = {path: declared for part in parts for path, declared in part.used.items()}
    said: dict[tuple[str, str, str], list[str]] = {}
    for declared in used.values():
        if declared.assume:
            said.setdefault(("假设", declared.assume, declared.clause), []).append(declared.title)
    for declared in used.values():
        if declared.doubt is not None:
            kind, text = doubt_of(declared, declared.doubt, printer)
            said.setdefault((kind, text, declared.clause), []).append(declared.title)
    if said:
        rows = tuple(
            (kind, "、".join(dict.fromkeys(titles)), text, clause)
            for (kind, text, clause), titles in said.items()
        )
        yield b.Heading("所依据的假设和疑点", 1)
        yield b.Grid(("", "所在", "内容", "条款"), rows, widths=(0, 3, 7, 2))


def doubt_of(declared: t.Declaration, doubt: t.Doubt, printer: Printer) -> tuple[str, str]:
    """Return a doubt and what was made of it; where the other reading is taken, what that says."""
    if not is_other(printer.rulebook, declared):
        return "疑点", f"{doubt.name}: {doubt.says}"
    taken = printer.in_one_line(declared, NumberedSpeaker(printer.rulebook, Plan()))
    return "疑点, 取另一种读法", (
        f"{doubt.name}: 本次运行取另一种读法: {taken}对第一种读法的说明是“{doubt.says}”, 本次不适用。"
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that came true for the subject."""

    instance: str
    title: str
    said: str
    undecided: bool


def decisions_of(opened: OpenRun, person: str) -> list[Decided]:
    """Return the decisions that the run kept for a subject, in time order."""
    rows = opened.engine.rows(
        filled(_DECIDED, path=literal(opened.run.table("decisions")), subject=exp.Literal.string(person))
    )
    found: list[Decided] = []
    for instance, name, state, before, after, day, undecided in rows:
        decision = opened.rulebook.decisions.get(name)
        text = decision.text if decision is not None else ""
        change = ""
        if state in ("grade", "post"):
            change = f"{state_name(state, rulebook=opened.rulebook)}由{before or '无'}改为{after}"
        elif after and after not in text:
            change = str(after)
        parts = [text, change, f"自 {day} 起"]
        said = ", ".join(x for x in parts if x)
        if undecided:
            said += "(未决: 同日有两个决定)"
        found.append(
            Decided(
                str(instance), decision.title if decision is not None else str(name), said, bool(undecided)
            )
        )
    return found


_KEPT = """
SELECT instance, group_id, line, num, den, text, state FROM read_parquet(:path)
WHERE subject_id = :subject AND spell_no = 0
"""
_DECIDED = """
SELECT instance, decision, coalesce(sets, ''), coalesce(before, ''), coalesce(after, ''), in_force, undecided
FROM read_parquet(:path) WHERE subject_id = :subject ORDER BY in_force, instance, decision
"""
