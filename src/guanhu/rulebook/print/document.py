"""A rulebook as a regulation: everything that its tree says, in Chinese, for people to read and to check.

Every number, choice, clause, assumption and doubt of the tree occurs. Whoever has only the print can
write the rulebook again and gets the same pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.print import blocks as b
from guanhu.rulebook.print.as_written import as_taken, is_other, notes, taken_text
from guanhu.rulebook.print.conventions import CONVENTIONS
from guanhu.rulebook.print.html import html
from guanhu.rulebook.print.lots import lot_sentence
from guanhu.rulebook.print.markdown import markdown
from guanhu.rulebook.print.names import attribute_name
from guanhu.rulebook.print.pdf import pdf
from guanhu.rulebook.print.plan import NumberedSpeaker, Plan, Section, declarations, plan_of
from guanhu.rulebook.print.reading_back import (
    SCOPE,
    clause_of,
    decision_sentence,
    ledger_sentence,
    measure_sentence,
)
from guanhu.rulebook.print.sentence import EVERY
from guanhu.rulebook.print.unit_words import COLUMN_TYPES, allowed_text, unit_text
from guanhu.values.exact import shown

FORMATS = ("html", "md", "pdf")
_SAME = ("同上", "同前")
_OTHER_TAKEN = "上面写的就是另一种读法。对第一种读法的说明(这里不适用): "
_ROLE = {"score": "得分", "pay": "计酬", "value": "数值", "total": "合计"}
_HOW = {
    "whole": "自上而下, 取第一行符合的。",
    "ladder": "自上而下, 取第一行符合的; 各行的范围可以重叠。",
    "marginal": "分段累计: 第一个键落在各段内的部分乘以该段的值, 相加。",
    "per piece": "按件分段累计: 第一个键的件数落在各段内的部分乘以该段的值, 相加; [1, 10] 是前十件。",
}


def write_document(rulebook: t.Rulebook, folder: Path, format_: str, out: Path) -> None:
    """Write a rulebook as a regulation: `html`, `md` or `pdf`. The file is there whole or not at all.

    Errors:   OSError when it cannot be written; ValueError for another format.
    """
    page = document(rulebook, folder)
    match format_:
        case "html":
            content = html(page).encode()
        case "md":
            content = markdown(page).encode()
        case "pdf":
            content = pdf(page)
        case _:
            raise ValueError(f"{format_} is none of {FORMATS}")
    b.write_whole(out, content)


def document(rulebook: t.Rulebook, folder: Path) -> b.Page:
    """Return the page of a rulebook; `folder` is asked for the other readings of its doubts."""
    return Printer(rulebook, folder).page()


class Printer:
    """Prints one rulebook."""

    def __init__(self, rulebook: t.Rulebook, folder: Path) -> None:
        """Take the rulebook and where its text stands."""
        self.rulebook = rulebook = as_taken(rulebook, folder)
        self.folder = folder
        self.plan = plan_of(rulebook)
        self.speaker = NumberedSpeaker(rulebook, self.plan)
        self.others: dict[str, t.Rulebook | None] = {}
        self.notes = notes(rulebook, folder)

    def page(self) -> b.Page:
        """Return the whole page."""
        book = self.rulebook
        short = book.digest[:12]
        facts = [
            ("编号", book.id),
            ("考核周期", f"{EVERY[book.every]}(各条另有写明的除外)"),
            ("规则摘要", short),
            ("读法", taken_text(book) or "没有疑点有另一种读法"),
        ]
        blocks = [b.Text(book.preamble.strip())] if book.preamble.strip() else []
        return b.Page(
            title=book.title,
            subtitle="由规则文件逐条打印, 与计算所用的是同一份规则",
            running=f"规则摘要 {short}",
            foot=f"由 guanhu 打印自规则 {book.id}, 摘要 {short}",
            facts=tuple(facts),
            blocks=(*blocks, *(x for section in self.plan.sections for x in self.section(section))),
        )

    def section(self, section: Section) -> Iterator[b.Block]:
        """Yield a section: its heading and what stands under it."""
        yield b.Heading(section.title, 1, section.number)
        match section.key:
            case "words":
                yield self.words(section)
            case "events":
                yield from self.events()
            case "inputs":
                yield from self.inputs(section)
            case "out_of_scope":
                rows = tuple(self.rulebook.out_of_scope.items())
                yield b.Grid(("条款", "为什么不在计算之内"), rows, widths=(0, 1))
            case "doubts":
                yield self.doubts()
            case "assumptions":
                yield self.assumptions()
            case "conventions":
                yield b.Text("下列约定适用于全文, 除非某一条另有写明。")
                yield b.Listed(CONVENTIONS, ordered=True)
                if (self.folder / "NOTES.md").is_file():
                    yield b.Text("原文的残缺、疑义和处理理由, 见规则文件夹中的 NOTES.md。")
            case _:
                for place, (heading, declared) in enumerate(section.parts, 1):
                    if heading:
                        yield b.Heading(heading, 2, f"{section.number}.{place}")
                    yield from (self.rule(each) for each in declared)

    def rule(self, declared: t.Declaration) -> b.Rule:
        """Return one declaration as a rule with its remarks."""
        return b.Rule(
            declared.title,
            number=self.plan.numbers[declared.path],
            clause=clause_of(declared),
            code=declared.id if declared.id != declared.title else "",
            parts=(*self.body(declared, self.speaker), *self.remarks(declared)),
        )

    def remarks(self, declared: t.Declaration) -> Iterator[b.Block]:
        """Yield what was assumed, what is in doubt, and what the other reading says."""
        yield from (b.Mark("note", "说明", text) for text in self.notes_of(declared))
        if declared.assume:
            yield b.Mark("assume", "假设", declared.assume)
        if declared.doubt is None:
            return
        taken = is_other(self.rulebook, declared)
        label = f"疑点“{declared.doubt.name}”" + ("(这里取另一种读法)" if taken else "")
        says = self.says(declared.doubt)
        yield b.Mark("doubt", label, _OTHER_TAKEN + says if taken else says)
        if declared.doubt.other and not taken:
            said = self.other_reading(declared)
            yield b.Mark("other", "另一种读法", said or "见规则文件")

    def notes_of(self, declared: t.Declaration) -> tuple[str, ...]:
        """Return the notes of a declaration; a check may stand in the text under its own section."""
        section, _, name = declared.path.partition(".")
        found = self.notes.get(declared.path)
        return found or (self.notes.get(f"checks.{name}", ()) if section == "lines" else ())

    def says(self, doubt: t.Doubt) -> str:
        """Return what a doubt says; one that only points to the first of its name says what that says."""
        if doubt.says not in _SAME:
            return doubt.says
        first = (x.doubt.says for x in declarations(self.rulebook) if x.doubt and x.doubt.name == doubt.name)
        return next((x for x in first if x not in _SAME), doubt.says)

    def other_reading(self, declared: t.Declaration) -> str:
        """Return what a declaration says in the other reading of its doubt; '' when it cannot be loaded."""
        name = declared.doubt.name if declared.doubt is not None else ""
        if name not in self.others:
            book = load(self.folder, {**self.rulebook.readings, name: "other"})[0]
            self.others[name] = book and as_taken(book, self.folder)
        book = self.others[name]
        found = (
            next((x for x in declarations(book) if x.path == declared.path), None)
            if book is not None
            else None
        )
        if book is None or found is None:
            return ""
        assumed = f"假设: {found.assume}。" if found.assume and found.assume != declared.assume else ""
        return self.in_one_line(found, NumberedSpeaker(book, Plan(numbers=self.plan.numbers))) + assumed

    def in_one_line(self, declared: t.Declaration, speaker: NumberedSpeaker) -> str:
        """Return what a declaration says as one line of text."""
        body = list(self.body(declared, speaker))
        grids = [block for block in body if isinstance(block, b.Grid)]
        said = "; ".join(_one_line(block).rstrip("。") for block in grids or body) + "。"
        return said.replace(":; ", ": ")

    # -- bodies --

    def body(self, declared: t.Declaration, speaker: NumberedSpeaker) -> Iterator[b.Block]:
        """Yield what a declaration says, without its remarks."""
        match declared:
            case t.GroupOfSubjects():
                yield from self.group(declared, speaker)
            case t.Table():
                yield from self.table(declared, speaker)
            case t.Measure() | t.FormulaMeasure() | t.FigureMeasure():
                yield b.Text(f"{measure_sentence(speaker, declared)}。单位: {unit_text(declared.unit)}。")
            case t.Line() if declared.role == "check":
                yield b.Text(f"{speaker.say(declared.value)}的, 列出“{declared.text or declared.title}”。")
            case t.Line():
                yield from self.line(declared, speaker)
            case t.Decision():
                said = decision_sentence(speaker, declared).partition(": ")[2]
                yield b.Text(f"{said}。")
            case t.Ledger():
                yield b.Text(self.ledger(declared, speaker))
            case t.LotLedger():
                yield b.Text(f"{lot_sentence(speaker, declared)}。")
            case t.Input():
                yield b.Text(f"{unit_text(declared.unit)} {self.allowed(declared)}")

    def group(self, group: t.GroupOfSubjects, speaker: NumberedSpeaker) -> Iterator[b.Block]:
        """Yield who belongs to a group and what a change of post does."""
        who = f"按{SCOPE[group.subject]}考核"
        if isinstance(group.condition, t.YesNoConst):
            # Whom the group is of needs no condition: every team, the bank.
            every = "" if group.subject == "bank" else f", 所有{SCOPE[group.subject]}都参加"
            yield b.Text(f"{who}{every if group.condition.value else ', 没有人参加'}。")
        else:
            yield b.Text(f"{who}。条件: {speaker.say(group.condition)}。")
        if group.subject == "person":
            cut = "期内岗位或机构变动的, 按变动分段, 每段一张考核卡。"
            whole = "不分段, 全期一张考核卡, 按期末岗位。"
            yield b.Text(cut if group.spells else whole)

    def line(self, line: t.Line, speaker: NumberedSpeaker) -> Iterator[b.Block]:
        """Yield a line: its formula or cases, then its bounds, in the order in which they are applied."""
        lead = f"{_ROLE[line.role]}({unit_text(line.unit)})"
        if isinstance(line.value, t.Cases):
            yield b.Text(f"{lead}: 自上而下, 取第一个成立的情形:")
            yield b.Listed(tuple(cases(line.value, speaker)), ordered=True)
        else:
            yield b.Text(f"{lead} = {speaker.say(line.value)}")
        after = [
            f"{word} {speaker.say(node)}"
            for node, word in ((line.least, "最低"), (line.most, "最高"))
            if node is not None
        ]
        if line.for_days:
            after.append(f"乘以本期天数再除以 {line.for_days}")
        if line.weight is not None:
            after.append(f"权重 {shown(line.weight)}")
        if after:
            yield b.Text("; ".join(after) + "。")

    def ledger(self, ledger: t.Ledger, speaker: NumberedSpeaker) -> str:
        """Return what a carry-over says."""
        return f"{ledger_sentence(speaker, ledger)}。"

    def table(self, table: t.Table, speaker: NumberedSpeaker) -> Iterator[b.Block]:
        """Yield a table with all its rows, how it is read, and what happens when no row fits."""
        heads = [
            *(speaker.key(key) if (said := speaker.name(key)) == key else said for key in table.by),
            *(
                f"{column}({unit_text(unit)})" if len(table.columns) > 1 else f"值({unit_text(unit)})"
                for column, unit in zip(table.columns, table.units, strict=True)
            ),
        ]
        for version in table.versions:
            rows = tuple(
                (*(cell_text(cell) for cell in row.cells), *(speaker.say(give) for give in row.gives))
                for row in version.rows
            )
            dated = f"自 {version.start} 起" if len(table.versions) > 1 or version.start.year > 1 else ""
            dated += f"(见文件 {version.source})" if version.source else ""
            yield b.Grid(
                tuple(heads), rows, caption=dated, align="l" * len(table.by) + "r" * len(table.columns)
            )
        yield b.Text(f"{_HOW[table.how]}{self.no_row(table, speaker)}")

    def no_row(self, table: t.Table, speaker: NumberedSpeaker) -> str:
        """Return what happens when no row fits."""
        if table.how in ("marginal", "per piece"):
            return ""
        if table.no_row is not None:
            return f"没有符合的行时取 {speaker.say(table.no_row[0])}。"
        return "没有符合的行时不结算" + ("并列出。" if table.stops else "。")

    # -- lists --

    def words(self, section: Section) -> b.Grid:
        """Return the sets of choices."""
        rows = tuple(
            (
                self.plan.numbers[word.path],
                word.title,
                self.belongs(word.of),
                ("由低到高: " if word.ladder else "") + "、".join(word.choices),
                word.clause,
                "; ".join(self.notes_of(word)),
            )
            for word in (x for _, part in section.parts for x in part)
            if isinstance(word, t.ChoiceSet)
        )
        heads, widths = ("", "用语", "属于", "包括", "条款", "说明"), (0, 0, 0, 1, 0, 1)
        filled = [column for column in range(len(heads)) if column < 4 or any(row[column] for row in rows)]
        return b.Grid(
            tuple(heads[x] for x in filled),
            tuple(tuple(row[x] for x in filled) for row in rows),
            widths=tuple(widths[x] for x in filled),
        )

    def belongs(self, of: str) -> str:
        """Return what a set of choices belongs to: an attribute, a column, a state, or the key of an input."""
        said = attribute_name(of)
        columns = (kind.column(of) for kind in self.rulebook.events.values())
        own = "状态" if of in self.rulebook.states else "参数的键"
        return next((x.zh for x in columns if x is not None), said if said != of else own)

    def events(self) -> Iterator[b.Block]:
        """Yield each kind of event that the rulebook declares, with its own columns."""
        for name, kind in self.rulebook.events.items():
            common = ("event_id", "day", "person_id", "customer_id", "account_id", "institution_id")
            rows = tuple(
                (column.zh, column.name, COLUMN_TYPES[column.type])
                for column in kind.columns
                if column.name not in common
            )
            yield b.Rule(
                kind.zh,
                code=name,
                parts=(
                    b.Text("每笔有流水号和日期, 并可写明员工、客户、账户和机构。"),
                    *([b.Grid(("本办法另要的栏", "栏名", "类型"), rows)] if rows else []),
                    *(b.Mark("note", "说明", text) for text in self.notes.get(f"events.{name}", ())),
                ),
            )

    def inputs(self, section: Section) -> Iterator[b.Block]:
        """Yield the inputs as a table, then their remarks."""
        declared = [x for _, part in section.parts for x in part if isinstance(x, t.Input)]
        rows = tuple(
            (
                self.plan.numbers[x.path],
                x.title,
                x.id,
                "、".join(self.speaker.key(key) for key in x.by) or "(无)",
                unit_text(x.unit),
                self.allowed(x) or "不限",
                "有权人, 须有理由" if x.by_person else "银行",
                x.clause,
            )
            for x in declared
        )
        heads = ("", "参数", "报送名", "按", "单位", "范围", "由谁给定", "条款")
        yield b.Grid(heads, rows, widths=(0, 3, 3, 2, 0, 2, 2, 2))
        yield b.Text("没有给定的参数不当作零: 用到它的行不结算, 并写明缺什么。")
        for each in declared:
            remarks = tuple(self.remarks(each))
            if remarks:
                yield b.Rule(each.title, number=self.plan.numbers[each.path], parts=remarks)

    def allowed(self, declared: t.Input) -> str:
        """Return the range of an input."""
        return allowed_text(declared, NumberedSpeaker(self.rulebook, self.plan))

    def doubts(self) -> b.Grid:
        """Return all doubts with the place where each stands."""
        rows = tuple(
            (
                x.doubt.name,
                self.says(x.doubt),
                f"{self.plan.numbers[x.path]} {x.title}",
                x.clause,
                "取的是它" if is_other(self.rulebook, x) else "有" if x.doubt.other else "无",
            )
            for x in declarations(self.rulebook)
            if x.doubt is not None
        )
        heads = ("疑点", "哪里不清楚", "所在", "条款", "另一种读法")
        return b.Grid(heads, rows, widths=(2, 5, 3, 2, 0))

    def assumptions(self) -> b.Grid:
        """Return all assumptions with the place where each stands."""
        rows = tuple(
            (f"{self.plan.numbers[x.path]} {x.title}", x.assume, x.clause)
            for x in declarations(self.rulebook)
            if x.assume
        )
        return b.Grid(("所在", "假设", "条款"), rows, widths=(3, 6, 2))


def cases(node: t.Cases, speaker: NumberedSpeaker) -> Iterator[str]:
    """Yield each case of a line as a sentence, the last for all others."""
    for case in node.cases:
        clause = f" [{case.clause}]" if case.clause else ""
        yield f"{speaker.say(case.when)}的, 为 {speaker.say(case.value)}{clause}"
    yield f"其余为 {speaker.say(node.otherwise)}" if node.otherwise is not None else "其余不结算并列出"


def cell_text(cell: t.Cell) -> str:
    """Return a table cell as written."""
    match cell:
        case t.AnyCell():
            return "任意"
        case t.ChoiceCell():
            return "、".join(cell.choices)
        case t.RangeCell():
            return cell.text


def _one_line(block: b.Block) -> str:
    if isinstance(block, b.Grid):
        return "; ".join(" → ".join(row) for row in block.rows)
    return "; ".join(b.plain((block,)))
