"""Traces as a tree of sentences: why a figure is what it is, down to clause, parameter, account and day.

A `Told` is one line of the explanation with what stands under it. `value` is the exact figure, so that
the parts under a figure can be added up by whoever doubts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.credited import CreditedTeller
from guanhu.rulebook.explain.scalar import cell_holds, part_inside
from guanhu.rulebook.explain.subject import CardTrace, SubjectTrace
from guanhu.rulebook.explain.substituted import substituted
from guanhu.rulebook.explain.told import (
    WHY,
    Told,
    count_word,
    gap_text,
    odd_told,
    told_lots,
    value_text,
)
from guanhu.rulebook.explain.values import (
    GivenNote,
    InputNote,
    LineNote,
    LotNote,
    MeasureNote,
    PastNote,
    PoolNote,
    Traced,
    Unknown,
    Value,
)
from guanhu.rulebook.print.english import kind_text
from guanhu.rulebook.print.names import missing_name
from guanhu.rulebook.print.sentence import Speaker, window_text
from guanhu.values import units
from guanhu.values.exact import PPB, shown
from guanhu.values.language import ZH, worded
from guanhu.values.units import Unit

_SOURCES = {
    "published": ("已发布", "published"),
    "opening": ("期初状态", "opening state"),
    "computed": ("本次运行算得", "computed in this run"),
}
_SECTIONS = frozenset(("inputs", "measures", "lines", "tables"))


class Teller:
    """Tells traces of one rulebook. `depth` is `clause`, `account` or `day`.

    With `is_expanding` a line that another reads is told in full under it, each once in a card.
    `lang` is the language of the program's own words; names, clauses and numbers of the rulebook stay as written.
    """

    def __init__(
        self, rulebook: t.Rulebook, depth: str = "clause", *, is_expanding: bool = False, lang: str = ZH
    ) -> None:
        """Take the rulebook, how deep to tell, whether lines that others read are told under them, and the language."""
        self.rulebook = rulebook
        self.is_expanding = is_expanding
        self._days = 0
        self._expanded: set[str] = set()
        self.depth = depth
        self.lang = lang
        self.speaker = Speaker(rulebook, lang)
        self.put = self.speaker.put

    def subject(self, trace: SubjectTrace, line: str = "") -> list[Told]:
        """Return the lines of one instance; only `line` when it is named."""
        found: list[Told] = []
        names = [line] if line else list(trace.whole)
        for name in names:
            if name not in trace.whole:
                continue
            told = self.whole(trace, name)
            found.append(told)
        return found

    def whole(self, trace: SubjectTrace, name: str) -> Told:
        """Return a line of the whole subject: one card's own telling, or its spells under it."""
        if trace.published:
            told = self._head(name, trace.whole[name], self.unit(name))
            told.parts.append(
                Told(
                    self.put(
                        "已发布, 怎样得来见运行 {run}",
                        "published; how it came about is in run {run}",
                        run=trace.published,
                    ),
                    kind="published",
                )
            )
            return told
        if len(trace.cards) == 1:
            return self.line(trace.cards[0], name)
        unit = self.unit(name)
        head = self._head(name, trace.whole[name], unit)
        for card in trace.cards:
            part = self.line(card, name)
            part.text = self.put(
                "第 {no} 段 {span}({days} 天): {text}",
                "spell {no} {span} ({days} days): {text}",
                no=card.spell_no,
                span=card.days,
                days=card.spell_days,
                text=part.text,
            )
            head.parts.append(part)
        line = self.rulebook.lines.get(name)
        if line is not None and line.adds_up:
            head.parts.extend(odd_told(head.value, head.parts, unit, self.lang))
        if rounding := self._over_spells(line):
            head.parts.append(Told(rounding, kind="rounding"))
        return head

    def _over_spells(self, line: t.Line | None) -> str:
        """Return how the figures of spells become that of the whole."""
        if line is not None and line.unit == units.POINTS:
            zh = "各段得分按天数加权平均, 取 12 位小数"
            return self.put(zh, "the points of the spells, averaged by days, at 12 decimal places")
        if line is not None and line.unit == units.MONEY:
            return self.put(
                "各段计酬相加后四舍五入到分", "the pay of the spells, added, then rounded to the fen"
            )
        if line is not None and line.adds_up:
            return self.put("各段相加", "the figures of the spells, added")
        if line is None or line.role == "check":
            zh = "看各行全期的数, 指标看最后一段的"
            return self.put(zh, "it reads lines of the whole period, and measures of the last spell")
        return ""

    def unit(self, name: str) -> Unit:
        """Return the unit of a line or decision."""
        line = self.rulebook.lines.get(name)
        return line.unit if line is not None else units.YES_NO

    def _head(self, name: str, value: Value, unit: Unit) -> Told:
        declared: t.Line | t.Decision = self.rulebook.lines.get(name) or self.rulebook.decisions[name]
        clause = f" [{declared.clause}]" if declared.clause else ""
        return Told(
            f"{declared.title} = {self.said(value, unit)}{clause}",
            value,
            "line",
            declared.path,
            declared.clause,
        )

    def line(self, card: CardTrace, name: str) -> Told:
        """Return one line of one card."""
        traced = card.lines[name]
        told = self._head(name, traced.value, self.unit(name))
        self._days, self._expanded = card.instance.days.days, {name}
        told.parts.extend(self._under(name, traced))
        return told

    def _under(self, name: str, traced: Traced) -> Iterator[Told]:
        """Yield what stands under a line: its rule in words and with figures, what it read, its bounds."""
        line = self.rulebook.lines.get(name)
        if line is None:
            decision = self.rulebook.decisions[name]
            yield Told(
                self.put("条件: {x}", "condition: {x}", x=self.speaker.say(decision.when)), kind="rule"
            )
            yield from self.inside(traced)
            return
        rule = self.put("规则: {x}", "rule: {x}", x=self.speaker.say(line.value))
        yield Told(rule, kind="rule", clause=line.clause)
        if line.assume:
            yield Told(self.put("假设: {x}", "assumed: {x}", x=line.assume), kind="assume")
        note = traced.note
        if not isinstance(note, LineNote):
            yield from self.inside(traced)
            return
        numbers = substituted(self.rulebook, note.formula, self.said, lang=self.lang)
        if numbers and not isinstance(note.before, Unknown):
            before = self.said(note.before, line.unit)
            text = self.put("代入: {x} = {before}", "with figures: {x} = {before}", x=numbers, before=before)
            yield Told(text, note.before, "substituted")
        read = self.inside(note.formula)
        yield from read
        if line.role == "total" and all(x.kind == "line ref" for x in read):
            yield from odd_told(note.before, read, line.unit, self.lang)
        yield from self._bounds(line, note, self._days)

    def line_read(self, traced: Traced, node: t.LineRef) -> Told:
        """Return a line that another reads: in full the first time when that is asked for."""
        of = self.put("(全期)", " (whole period)") if node.whole else ""
        text = f"{self.speaker.name(node.name)}{of} = {self.said(traced.value, node.unit)}"
        told = Told(text, traced.value, "line ref", f"lines.{node.name}")
        if isinstance(traced.note, GivenNote):
            told.text += self.put("(给出的数)", " (as given)")
        elif not self.is_expanding or not traced.parts:
            told.text += self.put("(见该行)", " (see that line)")
        elif node.name in self._expanded:
            told.text += self.put("(见上)", " (see above)")
        else:
            self._expanded.add(node.name)
            declared: t.Line | t.Decision = (
                self.rulebook.lines.get(node.name) or self.rulebook.decisions[node.name]
            )
            told.text += f" [{declared.clause}]" if declared.clause else ""
            told.clause = declared.clause
            told.parts.extend(self._under(node.name, traced.parts[0]))
        return told

    def tried(self, name: str, traced: Traced, unit: Unit) -> Told:
        """Return a line that was tried with given figures: its formula's figures and what bounds did."""
        told = Told(f"{name} = {self.said(traced.value, unit)}", traced.value)
        note, line = traced.note, self.rulebook.lines.get(name)
        if line is None or not isinstance(note, LineNote):
            told.parts.extend(self.inside(traced))
            return told
        told.parts.extend(self.inside(note.formula))
        told.parts.extend(self._bounds(line, note, 0))
        return told

    def said(self, value: Value | None, unit: Unit) -> str:
        """Return a value as people read it; what is missing goes by the bank's name for it."""
        if not isinstance(value, Unknown):
            return value_text(value, unit, self.lang)
        section, _, name = value.cause.partition(".")
        declared = getattr(self.rulebook, section).get(name) if section in _SECTIONS else None
        declared = self.rulebook.lots.get(name) if section == "ledgers" else declared
        named = declared.title if declared else missing_name(value.cause, self.lang)
        return value_text(replace(value, cause=named) if named else value, unit, self.lang)

    def _bounds(self, line: t.Line, note: LineNote, days: int) -> Iterator[Told]:
        words = (self.put("最低", "at least"), self.put("最高", "at most"))
        for node, what, word in ((line.least, "least", words[0]), (line.most, "most", words[1])):
            if node is None or isinstance(note.before, Unknown):
                continue
            is_held = note.bound == what
            held = (
                self.put("触及, 取此数", "held, so it is this")
                if is_held
                else self.put("未触及", "not reached")
            )
            text = self.put(
                "{word} {bound}: {held}(算得 {before})",
                "{word} {bound}: {held} (it came to {before})",
                word=word,
                bound=self.speaker.say(node),
                held=held,
                before=self.said(note.before, line.unit),
            )
            yield Told(text, kind="bound")
        if line.for_days and days:
            zh, en = "× 天数 {days} ÷ {of}", "× {days} days ÷ {of}"
            yield Told(self.put(zh, en, days=days, of=line.for_days), kind="days")

    # -- formulas --

    def inside(self, traced: Traced) -> list[Told]:
        """Return what a formula was made of: its figures, inputs, cases and look-ups, in reading order."""
        node = traced.node
        match node:
            case t.MeasureRef():
                return [self.measure(traced, node)]
            case t.LineRef():
                return [self.line_read(traced, node)]
            case t.InputRef():
                return [self.input(traced, node)]
            case t.Cases():
                return self.cases(traced, node)
            case t.Lookup():
                return [self.lookup(traced, node)]
            case t.RowValue():
                text = f"{self.speaker.say(node)} = {self.said(traced.value, node.unit)}"
                return [Told(text, traced.value, "column", f"{node.table}.{node.column}".lstrip("."))]
            case (
                t.SubjectValue()
                | t.InstanceValue()
                | t.Balance()
                | t.LotFigure()
                | t.State()
                | t.Previous()
                | t.OverInstances()
                | t.Streak()
                | t.Times()
                | t.Group()
            ):
                return [self.figure(traced, node)]
            case t.Pool():
                return [self.pool(traced, node)]
            case t.ByDays():
                amount, days, period = traced.parts
                if days.value == period.value:
                    return self.inside(amount)
                is_own = node.of.name == "own_days"
                told = self.put(
                    "× 在岗 {days} 天 ÷ {whose} {all} 天",
                    "× {days} days in the post ÷ {all} days {whose}",
                    days=value_text(days.value, units.COUNT),
                    whose=self.put("本人各段共", "of all own spells")
                    if is_own
                    else self.put("本期", "of the period"),
                    all=value_text(period.value, units.COUNT),
                )
                return [*self.inside(amount), Told(told, traced.value, "days")]
            case t.Quotient() | t.Steps():
                text = f"{self.speaker.say(node)} = {self.said(traced.value, node.unit)}"
                return [
                    Told(
                        text,
                        traced.value,
                        "formula",
                        parts=_each_once(x for part in traced.parts for x in self.inside(part)),
                    )
                ]
            case _:
                return [x for part in traced.parts for x in self.inside(part)]

    def figure(self, traced: Traced, node: t.Expr) -> Told:
        """Return a figure of the subject, of other instances or of others; of instances each with whence it was read."""
        text = f"{self.speaker.say(node)} = {self.said(traced.value, node.unit)}"
        told = Told(text, traced.value, "figure")
        if isinstance(traced.note, LotNote):
            told.parts.extend(told_lots(traced.note, node.unit, self.lang))
            told.parts.extend(x for part in traced.parts for x in self.inside(part))
        if isinstance(traced.note, PastNote):
            for row in traced.note.rows:
                text = self.put(
                    "{instance}: {value}({source})",
                    "{instance}: {value} ({source})",
                    instance=row.instance,
                    value=self.said(row.value, node.unit),
                    source=self.put(*_SOURCES[row.source]),
                )
                facts = {"instance": row.instance, "source": row.source}
                told.parts.append(Told(text, row.value, "instance", facts=facts))
            if isinstance(node, t.OverInstances) and node.how == "sum":
                told.parts.extend(odd_told(traced.value, told.parts, node.unit, self.lang))
            if isinstance(node, t.OverInstances) and node.how == "average" and traced.note.rows:
                text = self.put("合计 ÷ {n}", "sum ÷ {n}", n=len(traced.note.rows))
                told.parts.append(Told(text, kind="divided"))
        return told

    def pool(self, traced: Traced, node: t.Pool) -> Told:
        """Return a part of a pool: the pool, the own figure and that of all, the cut part and the fen left over."""
        text = f"{self.speaker.say(node)} = {value_text(traced.value, node.unit, self.lang)}"
        told = Told(text, traced.value, "figure")
        note = traced.note
        if isinstance(note, PoolNote) and isinstance(traced.value, Fraction):
            text = self.put(
                "总额 {amount} × {weight} ÷ 全部 {n} 个的 {total}, 舍到分为 {cut}",
                "whole {amount} × {weight} ÷ {total} of all {n}, cut to the fen {cut}",
                amount=value_text(note.amount, node.unit, self.lang),
                weight=value_text(note.weight, node.of.unit, self.lang),
                n=note.members,
                total=value_text(note.total, node.of.unit, self.lang),
                cut=value_text(note.cut, node.unit, self.lang),
            )
            told.parts.append(Told(text, note.cut, "formula"))
            text = self.put(
                "余下 {all} 分按余数分, 这里得 {own} 分",
                "{all} fen are left over and go by remainders; {own} fen of them here",
                all=note.odd_fen,
                own=abs(traced.value - note.cut) * 100,
            )
            told.parts.append(Told(text, kind="rounding"))
        told.parts.extend(x for part in traced.parts for x in self.inside(part))
        return told

    def input(self, traced: Traced, node: t.InputRef) -> Told:
        """Return an input with its date and source."""
        declared = self.rulebook.inputs[node.name]
        zh, en = "参数 {title} = {value}", "input {title} = {value}"
        text = self.put(zh, en, title=declared.title, value=self.said(traced.value, node.unit))
        if isinstance(traced.note, InputNote):
            text += self._given(traced.note)
        told = Told(text, traced.value, "input", declared.path, declared.clause)
        if declared.by_person:
            # What somebody decided has to lie between these.
            told.parts.extend(x for part in traced.parts for x in self.inside(part))
        if isinstance(traced.note, InputNote):
            note = traced.note
            said = {"keys": list(note.keys), "since": str(note.since or ""), "document": note.document}
            told.facts = {k: v for k, v in {**said, "approved_by": note.approved_by}.items() if v}
        return told

    def _given(self, note: InputNote) -> str:
        """Return for which keys, since when, by what document and by whom an input was given."""
        text = ""
        if note.keys:
            text += self.put("(按 {keys})", " (by {keys})", keys=self.speaker.joined(note.keys))
        if note.since:
            text += self.put(", {day} 起", ", since {day}", day=note.since)
        if note.document:
            text += self.put(", 依据: {x}", ", document: {x}", x=note.document)
        if note.approved_by:
            text += self.put(", 批准: {x}", ", approved by: {x}", x=note.approved_by)
        return text

    def cases(self, traced: Traced, node: t.Cases) -> list[Told]:
        """Return which case held, and of those above why not."""
        found: list[Told] = []
        for index, case in enumerate(node.cases[: traced.hit + 1]):
            held = traced.parts[index].value
            word = (
                self.put("未知", "unknown")
                if isinstance(held, Unknown)
                else self.put("适用", "applies")
                if held
                else self.put("不适用", "does not apply")
            )
            zh, en = "情形 {n}({when}): {word}", "case {n} ({when}): {word}"
            text = self.put(zh, en, n=index + 1, when=self.speaker.say(case.when), word=word)
            told = Told(text, held, "case", clause=case.clause)
            told.parts.extend(self.inside(traced.parts[index]))
            found.append(told)
        if traced.hit == len(node.cases):
            found.append(Told(self.put("其余情形: 适用", "all other cases: applies"), kind="case"))
        last = (
            traced.parts[-1]
            if traced.parts and len(traced.parts) > min(traced.hit + 1, len(node.cases))
            else None
        )
        if last is not None:
            zh, en = "取 {x} = {value}", "it is {x} = {value}"
            text = self.put(zh, en, x=self.speaker.say(last.node), value=self.said(last.value, node.unit))
            found.append(Told(text, last.value, "value", parts=self.inside(last)))
        return found

    def lookup(self, traced: Traced, node: t.Lookup) -> Told:
        """Return the row that was hit and how far the next bracket is."""
        table = self.rulebook.tables[node.table]
        zh, en = "查《{title}》得 {value}", "table “{title}” gives {value}"
        text = self.put(zh, en, title=table.title, value=self.said(traced.value, node.unit))
        told = Told(text, traced.value, "table", table.path, table.clause)
        rows = traced.note if isinstance(traced.note, tuple) else table.versions[-1].rows
        since = next((v.start for v in table.versions if v.rows is rows), date.min)
        if since > table.versions[0].start:
            told.text += self.put("({day} 起的表)", " (as it stands since {day})", day=since)
        if table.how in ("marginal", "per piece"):
            told.parts.append(
                Told(
                    self.put(
                        "分段累计: 各段内的数量 × 该段的值, 相加",
                        "bracket by bracket: the part inside × its value, added",
                    ),
                    kind="bracket",
                )
            )
            brackets = list(self._brackets(traced, node, table, rows))
            told.parts.extend((*brackets, *odd_told(traced.value, brackets, node.unit, self.lang)))
        elif 0 <= traced.hit < len(rows):
            cells = self.speaker.joined(cell_text(cell, self.lang) for cell in rows[traced.hit].cells)
            text = self.put("命中第 {n} 行: {cells}", "row {n} holds: {cells}", n=traced.hit + 1, cells=cells)
            told.parts.append(Told(text, kind="bracket"))
            told.parts.extend(self._distance(traced, rows))
        else:
            told.parts.append(Told(self.put("没有命中任何一行", "no row holds"), kind="bracket"))
        for part in traced.parts:
            told.parts.extend(self.inside(part))
        return told

    def _brackets(
        self, traced: Traced, node: t.Lookup, table: t.Table, rows: tuple[t.TableRow, ...]
    ) -> Iterator[Told]:
        """Yield what each bracket of a table that is summed by parts adds."""
        keys, rates = traced.parts[: len(node.keys)], iter(traced.parts[len(node.keys) :])
        amount = keys[0].value
        if not isinstance(amount, Fraction) or isinstance(traced.value, Unknown):
            return
        for row in rows:
            if not all(cell_holds(c, k.value) is True for c, k in zip(row.cells[1:], keys[1:], strict=True)):
                continue
            rate = next(rates).value
            part = part_inside(row.cells[0], amount, pieces=table.how == "per piece")
            if not isinstance(rate, Fraction) or not part:
                continue
            text = f"{cell_text(row.cells[0], self.lang)}: {self.said(part, keys[0].node.unit)} × {self.said(rate, row.gives[table.columns.index(node.column)].unit)} = {self.said(part * rate, node.unit)}"
            yield Told(text, part * rate, "bracket part")

    def _distance(self, traced: Traced, rows: tuple[t.TableRow, ...]) -> Iterator[Told]:
        """Yield how far the edges of the bracket that was hit are."""
        for position, cell in enumerate(rows[traced.hit].cells):
            key = traced.parts[position]
            if not isinstance(cell, t.RangeCell) or not isinstance(key.value, Fraction):
                continue
            for edge, zh, en in (
                (cell.low, "距下一档的界限还有 {gap}", "{gap} to the edge of the bracket below"),
                (cell.high, "距上一档的界限还有 {gap}", "{gap} to the edge of the bracket above"),
            ):
                if edge is not None:
                    gap = gap_text(abs(key.value - edge), key.node.unit, self.lang)
                    yield Told(self.put(zh, en, gap=gap), kind="distance")

    # -- measures --

    def measure(self, traced: Traced, node: t.MeasureRef) -> Told:
        """Return a measure: its window, and its credited rows as deep as asked."""
        measure = self.rulebook.measures[node.name]
        told = Told(
            f"{self.speaker.name(node.name)} = {self.said(traced.value, measure.unit)}",
            traced.value,
            "measure",
            measure.path,
            measure.clause,
        )
        if isinstance(measure, t.FormulaMeasure):
            if isinstance(traced.note, GivenNote):
                return told
            text = self.put("公式: {x}", "formula: {x}", x=self.speaker.say(measure.expr))
            told.parts.append(Told(text, kind="rule"))
            told.parts.extend(x for part in traced.parts for x in self.inside(part))
            return told
        note = traced.note
        if isinstance(measure, t.FigureMeasure) or not isinstance(note, MeasureNote):
            if isinstance(measure, t.FigureMeasure):
                told.text += self.put("(银行提供)", " (supplied by the bank)")
            return told
        last = note.end - timedelta(days=1)
        things = len({row.object_id for row in note.rows})
        text = self.put(
            "{window} {first}..{last}, {kind} {n} {word}{divided}",
            "{window} {first}..{last}, {kind}: {n}{divided}",
            window=window_text(
                measure.window, base=measure.base, at_end=measure.is_of_last_day, lang=self.lang
            ),
            first=note.start,
            last=last,
            kind=measure.kind.zh if self.lang == ZH else kind_text(measure.kind),
            n=things,
            word=count_word(measure.kind.name),
            divided=divided(note, self.lang),
        )
        told.parts.append(Told(text, kind="window"))
        if self.depth in ("account", "day"):
            rows = CreditedTeller(self.rulebook, measure, note, self.said, self.inside, self.lang)
            if note.totals:
                told.parts.extend(rows.days_that_count(rows=self.depth == "day" and not measure.per))
                if measure.take.condition is not None:
                    return told
            # Of a figure of one customer or account, read by a row, its accounts are enough.
            added = list(rows.told(rows=self.depth == "day" and not measure.per))
            told.parts.extend((*added, *rows.odd(traced.value, added)))
        return told


def _each_once(told: Iterable[Told]) -> list[Told]:
    """Return what is told without what is told again: a growth reads its base twice."""
    found: list[Told] = []
    for each in told:
        if each not in found:
            found.append(each)
    return found


def divided(note: MeasureNote, lang: str = ZH) -> str:
    """Return by what the sum is divided, when it is: days; of a moving baseline shares are means over the own days."""
    divisor = note.divisor / PPB / max(note.own_days, 1)
    return worded(lang, ", 除以 {x}", ", divided by {x}", x=shown(divisor)) if divisor > 1 else ""


def cell_text(cell: t.Cell, lang: str = ZH) -> str:
    """Return a table cell as written."""
    match cell:
        case t.AnyCell():
            return worded(lang, "任意", "any")
        case t.ChoiceCell():
            return worded(lang, "或", " or ").join(cell.choices)
        case t.RangeCell():
            return cell.text


__all__ = ["WHY", "Teller", "Told", "date", "value_text"]
