"""What a patch does, as a page to print and as a workbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from guanhu.appraisal.pages.charts import Panel, drawn, in_words
from guanhu.appraisal.pages.kept import Names
from guanhu.appraisal.whatif.chains import Chain
from guanhu.appraisal.whatif.effects import Effects, Person, Share, everybody, pay_lines
from guanhu.appraisal.whatif.laboratory import Laboratory, Sweep, Tried
from guanhu.files.paper import for_paper
from guanhu.rulebook import tree as t
from guanhu.rulebook.print import blocks as b
from guanhu.rulebook.print.html import html
from guanhu.values import units
from guanhu.values.exact import money_shown, shown
from guanhu.values.language import ZH

FORMATS = (".html", ".xlsx")
PLACES_MAX = 20
WAITING = (
    "办法有待付账本: 推迟支付的也不在成本里, 少付不等于省下; 记入和待付看账本的各行。",
    "The rulebook keeps pay that waits: what is postponed is not in the cost either, and to pay less now is no saving; see the lines of its ledgers.",
)
_BINS = (-1_000_000, -100_000, -10_000, -1_000, 0, 1_000, 10_000, 100_000, 1_000_000)
"""Edges, in fen, between which the changes of pay are counted."""


@dataclass(frozen=True, slots=True)
class Study:
    """A patch that was tried, and the values of a sweep: everything that a page shows."""

    laboratory: Laboratory
    tried: Tried
    names: Names
    sweep: Sweep | None = None
    swept: Sequence[tuple[Fraction, Effects]] = ()
    chosen: int | None = None
    """The place of the value that meets the budget."""
    budget: int | None = None
    of_total: bool = False
    """Whether the budget is for all that is paid, not for what the patch costs beside the run."""
    chains: Sequence[Chain] = ()
    """Why the largest changes are what they are."""

    @property
    def rulebook(self) -> t.Rulebook:
        """Return the draft."""
        return self.tried.outcome.rulebook

    @property
    def paid(self) -> list[str]:
        """Return the lines whose sum is the cost."""
        return pay_lines(self.rulebook, self.tried.outcome)


def changes_told(study: Study, lang: str = ZH) -> list[str]:
    """Return what the patch changes: the bank's name for it, the path, what stood there and what is put there."""
    found: list[str] = []
    for change in study.tried.patch.changes:
        section, name = change.path[:2]
        stores: Mapping[str, Mapping[str, t.Declaration]] = {
            "inputs": study.rulebook.inputs,
            "tables": study.rulebook.tables,
            "measures": study.rulebook.measures,
            "decisions": study.rulebook.decisions,
            "words": study.rulebook.words,
            "ledgers": {**study.rulebook.ledgers, **study.rulebook.lots},
        }
        declared = stores.get(section, study.rulebook.lines).get(name)
        title = f"{declared.title} " if declared is not None and declared.title != name else ""
        found.append(title + change.text(lang, study.laboratory.was(change, lang)))
    return found


def write_study(study: Study, out: Path) -> None:
    """Write the page (`.html`) or the workbook (`.xlsx`), whole or not at all."""
    if out.suffix == ".xlsx":
        _write_workbook(study, out)
    else:
        b.write_whole(out, html(page_of(study)).encode())


def page_of(study: Study) -> b.Page:
    """Return the page of a study."""
    record, patch = study.laboratory.record, study.tried.patch
    return b.Page(
        title=f"试算: {patch.name}",
        subtitle=f"{study.rulebook.title}, {record['period_text']}, 与运行 {study.laboratory.run.path.name} 比较",
        running=f"试算: {patch.name}",
        foot=f"运行摘要 {record['digest'][:12]}",
        blocks=tuple(_blocks(study)),
        facts=(("理由", patch.reason),) if patch.reason else (),
        wide=True,
    )


def _blocks(study: Study) -> Iterator[b.Block]:
    effects = study.tried.effects
    yield b.Figures(
        (
            (
                "成本变化",
                signed(effects.cost),
                f"{money_shown(effects.before)} → {money_shown(effects.after)} 元",
            ),
            ("增加", str(effects.gain), "个对象"),
            ("减少", str(effects.lose), "个对象"),
            ("不变", str(effects.same), f"其中 {effects.scores} 个有别的行变化"),
        )
    )
    counted = "、".join(study.rulebook.titled(name) for name in study.paid)
    yield b.Text(
        f"成本是这些行的合计: {counted}。" if counted else "办法里没有计酬的行, 成本为 0。", quiet=True
    )
    if study.rulebook.lots:
        yield b.Text(WAITING[0], quiet=True)
    if effects.unsettled_after or effects.unsettled_before:
        yield b.Mark(
            "open",
            "没有结清",
            f"原来 {effects.unsettled_before} 个, 试算 {effects.unsettled_after} 个; 他们不计入成本和增减",
        )
    yield b.Heading("改了什么", 1)
    yield b.Listed(tuple(changes_told(study)))
    again = study.tried.again
    yield b.Text(
        f"重新汇总了 {'、'.join(again)}; 其余指标用原运行存下的数。"
        if again
        else "指标全部用原运行存下的数, 没有重新汇总。",
        quiet=True,
    )
    if study.sweep is not None:
        yield from _sweep(study, study.sweep)
    yield b.Heading("增减分布", 1)
    panel = Panel("对象数", *_binned(effects.changes), is_money=False)
    yield b.Drawing(drawn([panel]), in_words(panel), "按全期计酬的变化(元)分组的对象数")
    yield b.Grid(
        ("百分位", "原来", "试算", "变化"),
        tuple((f"{p}%", money_shown(x), money_shown(y), signed(y - x)) for p, x, y in effects.spread),
        align="lrrr",
    )
    yield from _largest(study)
    yield b.Heading("按等级", 1)
    yield _shares(effects.by_grade, lambda name: name or "(无等级)")
    yield b.Heading("按机构", 1)
    places = effects.by_institution
    yield _shares(places[:PLACES_MAX], lambda name: place_name(study.names, name))
    if len(places) > PLACES_MAX:
        yield b.Text(f"还有 {len(places) - PLACES_MAX} 个机构, 在工作簿里。", quiet=True)
    changed = [(x, before, after) for x, before, after in effects.decided if before != after]
    yield b.Heading("检查和决定", 1)
    if changed:
        rows = tuple((study.rulebook.titled(x), str(x1), str(x2)) for x, x1, x2 in changed)
        yield b.Grid(("事项", "原来成立", "试算成立"), rows, align="lrr")
    else:
        yield b.Text("成立的对象数没有变化。")


def _sweep(study: Study, sweep: Sweep) -> Iterator[b.Block]:
    yield b.Heading(f"{sweep.path} 的取值", 1)
    if study.budget is not None:
        yield _met(study, sweep, study.budget)
    few = (
        study.swept if len(study.swept) <= PLACES_MAX else study.swept[:: -(-len(study.swept) // PLACES_MAX)]
    )
    labels = [sweep.text(value) for value, _ in few]
    panel = Panel("成本变化", labels, [Fraction(e.cost, 100) for _, e in few], is_money=True)
    yield b.Drawing(drawn([panel]), in_words(panel), "每个取值下全期计酬与原来相比(元)")
    yield b.Grid(SWEPT, tuple(swept_rows(study, sweep)), align="lrrrrrrr")


SWEPT = ("取值", "成本变化", "增加", "减少", "不变", "中位数", "最低", "最高")


def swept_rows(study: Study, sweep: Sweep) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a sweep: value, cost, how many gain, lose and stay, and the spread of pay."""
    for place, (value, effects) in enumerate(study.swept):
        spread = {p: after for p, _, after in effects.spread}
        mark = " ◀" if place == study.chosen else ""
        yield (
            sweep.text(value) + mark,
            signed(effects.cost),
            str(effects.gain),
            str(effects.lose),
            str(effects.same),
            *(money_shown(spread[p]) for p in (50, 0, 100)),
        )


def met_text(study: Study, sweep: Sweep, budget: int) -> str:
    """Return which value meets a budget, as a sentence."""
    if study.chosen is None:
        what = "成本" if study.of_total else "成本变化"
        return f"这些取值的{what}都超过预算 {money_shown(budget)} 元"
    value, effects = study.swept[study.chosen]
    if study.of_total:
        return f"取 {sweep.text(value)} 时成本 {money_shown(effects.after)} 元, 是不超过总额 {money_shown(budget)} 元的最后一个取值"
    return f"取 {sweep.text(value)} 时成本变化 {signed(effects.cost)} 元, 是不超过预算 {money_shown(budget)} 元的最后一个取值"


def _met(study: Study, sweep: Sweep, budget: int) -> b.Block:
    return b.Mark("open" if study.chosen is None else "good", "预算", met_text(study, sweep, budget))


def _largest(study: Study) -> Iterator[b.Block]:
    largest = study.tried.effects.largest
    yield b.Heading("变化最大的对象", 1)
    if not largest:
        yield b.Text("没有人的计酬或得分变化。")
    elif not any(person.change for person in largest):
        yield b.Text("没有人的计酬变化; 下面是得分变化最大的。")
    for person in largest:
        yield b.Rule(
            title=f"{person.subject} {study.names.of(person.subject)}".strip(),
            value=f"{signed(person.change)} 元",
            code=f"{place_name(study.names, person.institution)} {person.grade}".strip(),
            parts=(
                b.Grid(
                    ("期间", "行", "原来", "试算", "变化"), tuple(line_rows(study, person)), align="llrrr"
                ),
                *_chain(study, person),
            ),
        )


def _chain(study: Study, person: Person) -> Iterator[b.Block]:
    """Yield why the line that moved most did, before and after side by side."""
    for chain in study.chains:
        if chain.person == person:
            title = study.rulebook.titled(chain.line.line)
            yield b.Text(
                f"{title}在 {chain.line.instance} 为什么变了: 只列不同的句子和它们所属的行。", quiet=True
            )
            yield b.Grid(("原来", "试算"), chain.rows, widths=(1, 1))


LINES_MAX = 8


def line_rows(study: Study, person: Person) -> Iterator[tuple[str, ...]]:
    """Yield the changed lines of a person, the instances with the largest change first."""
    lines = sorted(person.lines, key=lambda x: -x.moved)[:LINES_MAX]
    for line in sorted(lines, key=person.lines.index):
        declared = study.rulebook.declared(line.line)
        unit = declared.unit if isinstance(declared, t.Line) else units.YES_NO
        change = ""
        if isinstance(line.before, Fraction) and isinstance(line.after, Fraction):
            change = ("+" if line.after > line.before else "") + said(line.after - line.before, unit)
        clause = f" [{declared.clause}]" if declared is not None and declared.clause else ""
        title = study.rulebook.titled(line.line) + clause
        yield line.instance, title, said(line.before, unit), said(line.after, unit), change
    if len(person.lines) > LINES_MAX:
        yield "…", f"另有 {len(person.lines) - LINES_MAX} 行变化", "", "", ""


CHAINS = ("编号", "姓名", "期间", "行", "原来", "试算")


def chain_rows(study: Study) -> Iterator[tuple[str, ...]]:
    """Yield why the largest changes are what they are: a row for each sentence that differs."""
    for chain in study.chains:
        subject, line = chain.person.subject, chain.line
        for before, after in chain.rows:
            named = (subject, study.names.of(subject), line.instance, study.rulebook.titled(line.line))
            yield *named, before, after


def _shares(shares: Sequence[Share], name: Any) -> b.Grid:
    rows = tuple(
        (
            name(x.name),
            str(x.subjects),
            money_shown(x.before),
            money_shown(x.after),
            signed(x.after - x.before),
            str(x.gain),
            str(x.lose),
        )
        for x in shares
    )
    return b.Grid(SHARES, rows, align="lrrrrrr")


SHARES = ("", "对象", "原来", "试算", "变化", "增加", "减少")


def _binned(changes: Sequence[int]) -> tuple[list[str], list[Fraction]]:
    labels = [f"< {shown(Fraction(_BINS[0], 100))}"]
    counts = [sum(1 for x in changes if x < _BINS[0])]
    for low, high in pairwise(_BINS):
        if low == 0:
            labels.append("不变")
            counts.append(sum(1 for x in changes if x == 0))
        labels.append(f"{shown(Fraction(low, 100))}~{shown(Fraction(high, 100))}")
        counts.append(sum(1 for x in changes if low <= x < high and x))
    labels.append(f"≥ {shown(Fraction(_BINS[-1], 100))}")
    counts.append(sum(1 for x in changes if x >= _BINS[-1]))
    return labels, [Fraction(x) for x in counts]


def signed(fen: int) -> str:
    """Return an amount with its sign.

    >>> signed(123), signed(-5), signed(0)
    ('+1.23', '-0.05', '0.00')
    """
    return ("+" if fen > 0 else "") + money_shown(fen)


def said(value: Fraction | str | None, unit: units.Unit) -> str:
    """Return a value of a line as it is written."""
    if value is None:
        return "未知"
    if isinstance(value, str):
        return {"yes": "是", "no": "否"}.get(value, value)
    return money_shown(int(value * 100)) if unit == units.MONEY else shown(value, 6)


def place_name(names: Names, place: str) -> str:
    """Return an institution with its name."""
    return f"{place} {names.of(place)}".strip() or "(无机构)"


def _write_workbook(study: Study, out: Path) -> None:
    import xlsxwriter  # noqa: PLC0415 - only who writes a workbook pays for it

    partial = out.with_name(f".{out.name}.partial")
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_format_properties": {"font_name": "Microsoft YaHei", "font_size": 10},
    }
    with xlsxwriter.Workbook(str(partial), options) as book:
        _Sheets(study, book).write()
    partial.replace(out)


_WIDTHS = {("汇总", 0): 24, ("汇总", 1): 80, ("按机构", 0): 36, ("对象", 2): 36} | {
    ("变化最大", column): width for column, width in ((3, 24), (4, 60), (5, 60))
}
"""Sheet and column → its width, where names need more room than figures."""


class _Sheets:
    def __init__(self, study: Study, book: Any) -> None:
        self.study, self.book = study, book
        colours = {"bg_color": "#1B4F72", "font_color": "#FFFFFF", "border": 1, "border_color": "#D5DAE1"}
        head = {"bold": True, "text_wrap": True, "valign": "vcenter", **colours}
        self.head = book.add_format(head)
        self.number_head = book.add_format({**head, "align": "right"})
        self.text = book.add_format({"text_wrap": True, "valign": "top"})
        self.count = book.add_format({"num_format": "0_ ", "valign": "top"})
        self.left = {
            True: book.add_format(
                {"num_format": "#,##0.00;[Red]-#,##0.00", "align": "left", "valign": "top"}
            ),
            False: book.add_format({"num_format": "0", "align": "left", "valign": "top"}),
        }
        self.money = book.add_format({"num_format": "#,##0.00_ ;[Red]-#,##0.00_ ", "valign": "top"})

    def write(self) -> None:
        study, effects = self.study, self.study.tried.effects
        self.sheet("汇总", ("项目", "数"), self.summary())
        if study.sweep is not None:
            rows = [
                (
                    study.sweep.text(value),
                    e.cost,
                    str(e.gain),
                    str(e.lose),
                    str(e.same),
                    *(next(after for p, _, after in e.spread if p == wanted) for wanted in (50, 0, 100)),
                )
                for value, e in study.swept
            ]
            self.sheet("取值", SWEPT, rows)
        for title, shares in (("按机构", effects.by_institution), ("按等级", effects.by_grade)):
            rows = [
                (
                    place_name(study.names, x.name) if title == "按机构" else x.name,
                    str(x.subjects),
                    x.before,
                    x.after,
                    x.after - x.before,
                    str(x.gain),
                    str(x.lose),
                )
                for x in shares
            ]
            self.sheet(title, (title[1:], *SHARES[1:]), rows)
        if study.chains:
            self.sheet("变化最大", CHAINS, chain_rows(study))
        labels, counts = _binned(effects.changes)
        self.sheet(
            "分布", ("计酬变化(元)", "对象数"), [(x, str(y)) for x, y in zip(labels, counts, strict=True)]
        )
        self.chart("分布", "按全期计酬的变化(元)分组的对象数", len(labels), "column")
        if study.sweep is not None:
            self.chart("取值", "每个取值的成本变化(元)", len(study.swept), "line")
        people = [
            (
                x.subject,
                study.names.of(x.subject),
                place_name(study.names, x.institution),
                x.grade,
                x.before,
                x.after,
                x.change,
            )
            for x in everybody(study.laboratory.engine)
        ]
        self.sheet("对象", ("编号", "姓名", "机构", "等级", "原来", "试算", "变化"), people)

    def chart(self, title: str, caption: str, count: int, kind: str) -> None:
        """Put a chart of the second column beside the rows of a sheet."""
        chart = self.book.add_chart({"type": kind})
        chart.add_series(
            {
                "categories": [title, 1, 0, count, 0],
                "values": [title, 1, 1, count, 1],
                "fill": {"color": "#1B4F72"},
            }
        )
        chart.set_title({"name": caption, "name_font": {"size": 11}})
        chart.set_legend({"none": True})
        chart.set_size({"width": 760, "height": 340})
        self.book.get_worksheet_by_name(title).insert_chart(1, 9 if title == "取值" else 3, chart)

    def summary(self) -> Iterator[tuple[Any, ...]]:
        study, effects = self.study, self.study.tried.effects
        yield "补丁", study.tried.patch.name
        yield "理由", study.tried.patch.reason
        for change in changes_told(study):
            yield "改动", change
        yield "原运行", study.laboratory.run.path.name
        yield "原运行摘要", study.laboratory.record["digest"]
        yield "重新汇总的指标", "、".join(study.tried.again) or "无"
        yield "成本是这些行的合计", "、".join(study.rulebook.titled(name) for name in study.paid) or "无"
        yield "原来成本", effects.before
        yield "试算成本", effects.after
        yield "成本变化", effects.cost
        for name, count in (("增加", effects.gain), ("减少", effects.lose), ("不变", effects.same)):
            yield f"{name}的对象", str(count)
        yield "原来没有结清", str(effects.unsettled_before)
        yield "试算没有结清", str(effects.unsettled_after)
        if study.sweep is not None and study.budget is not None:
            yield "预算", met_text(study, study.sweep, study.budget)

    def sheet(self, title: str, heads: tuple[str, ...], rows: Any) -> None:
        """Write a sheet: whole numbers are fen, text of digits is a count."""
        sheet = self.book.add_worksheet(title)
        texts = {"对象": 4, "汇总": len(heads), "变化最大": len(heads)}.get(title, 1)
        for column, head in enumerate(heads):
            sheet.write_string(0, column, head, self.head if column < texts else self.number_head)
            sheet.set_column(column, column, _WIDTHS.get((title, column), 16))
        last = 0
        is_list = title == "汇总"
        money, count = (self.left[True], self.left[False]) if is_list else (self.money, self.count)
        for last, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, int):
                    sheet.write_number(last, column, cell / 100, money)
                elif isinstance(cell, str) and cell.isdigit() and title not in ("对象", "变化最大"):
                    sheet.write_number(last, column, int(cell), count)
                elif cell is not None:
                    sheet.write_string(last, column, str(cell), self.text)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, max(last, 1), len(heads) - 1)
        sheet.repeat_rows(0)
        for_paper(sheet)
