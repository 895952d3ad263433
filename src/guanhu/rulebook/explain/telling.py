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
from guanhu.rulebook.explain.told import WHY, Told, told_lots, value_text
from guanhu.rulebook.explain.values import (
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
from guanhu.rulebook.print.sentence import Speaker, window_text
from guanhu.values import units
from guanhu.values.exact import shown
from guanhu.values.units import Unit

_SOURCES = {"published": "已发布", "opening": "期初状态", "computed": "本次运行算得"}
_SECTIONS = frozenset(("inputs", "measures", "lines", "tables"))


class Teller:
    """Tells traces of one rulebook. `depth` is `clause`, `account` or `day`.

    With `is_expanding` a line that another reads is told in full under it, each once in a card.
    """

    def __init__(self, rulebook: t.Rulebook, depth: str = "clause", *, is_expanding: bool = False) -> None:
        """Take the rulebook, how deep to tell, and whether lines that others read are told under them."""
        self.rulebook = rulebook
        self.is_expanding = is_expanding
        self._days = 0
        self._expanded: set[str] = set()
        self.depth = depth
        self.speaker = Speaker(rulebook)

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
            told.parts.append(Told(f"已发布, 怎样得来见运行 {trace.published}", kind="published"))
            return told
        if len(trace.cards) == 1:
            return self.line(trace.cards[0], name)
        unit = self.unit(name)
        head = self._head(name, trace.whole[name], unit)
        for card in trace.cards:
            part = self.line(card, name)
            part.text = f"第 {card.spell_no} 段 {card.days}({card.spell_days} 天): {part.text}"
            head.parts.append(part)
        line = self.rulebook.lines.get(name)
        if line is not None and line.unit == units.POINTS:
            head.parts.append(Told("各段得分按天数加权平均, 取 12 位小数", kind="rounding"))
        elif line is not None and line.unit == units.MONEY:
            head.parts.append(Told("各段计酬相加后四舍五入到分", kind="rounding"))
        elif line is None or line.role == "check":
            head.parts.append(Told("看各行全期的数, 指标看最后一段的", kind="rounding"))
        return head

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
            yield Told(f"条件: {self.speaker.say(decision.when)}", kind="rule")
            yield from self.inside(traced)
            return
        yield Told(f"规则: {self.speaker.say(line.value)}", kind="rule", clause=line.clause)
        if line.assume:
            yield Told(f"假设: {line.assume}", kind="assume")
        note = traced.note
        if not isinstance(note, LineNote):
            yield from self.inside(traced)
            return
        numbers = substituted(self.rulebook, note.formula, self.said)
        if numbers and not isinstance(note.before, Unknown):
            yield Told(f"代入: {numbers} = {self.said(note.before, line.unit)}", note.before, "substituted")
        yield from self.inside(note.formula)
        yield from self._bounds(line, note, self._days)

    def line_read(self, traced: Traced, node: t.LineRef) -> Told:
        """Return a line that another reads: in full the first time when that is asked for."""
        text = f"{self.speaker.name(node.name)} = {self.said(traced.value, node.unit)}"
        told = Told(text, traced.value, "line ref", f"lines.{node.name}")
        if not self.is_expanding or not traced.parts:
            told.text += "(见该行)"
        elif node.name in self._expanded:
            told.text += "(见上)"
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
            return value_text(value, unit)
        section, _, name = value.cause.partition(".")
        declared = getattr(self.rulebook, section).get(name) if section in _SECTIONS else None
        declared = self.rulebook.lots.get(name) if section == "ledgers" else declared
        return value_text(replace(value, cause=declared.title) if declared else value, unit)

    def _bounds(self, line: t.Line, note: LineNote, days: int) -> Iterator[Told]:
        for node, what, zh in ((line.least, "least", "最低"), (line.most, "most", "最高")):
            if node is None or isinstance(note.before, Unknown):
                continue
            held = "触及, 取此数" if note.bound == what else "未触及"
            yield Told(
                f"{zh} {self.speaker.say(node)}: {held}(算得 {self.said(note.before, line.unit)})",
                kind="bound",
            )
        if line.for_days and days:
            yield Told(f"× 天数 {days} ÷ {line.for_days}", kind="days")

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
                whose = "本人各段共" if node.of.name == "own_days" else "本期"
                told = f"× 在岗 {value_text(days.value, units.COUNT)} 天 ÷ {whose} {value_text(period.value, units.COUNT)} 天"
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
            told.parts.extend(told_lots(traced.note, node.unit))
            told.parts.extend(x for part in traced.parts for x in self.inside(part))
        if isinstance(traced.note, PastNote):
            for row in traced.note.rows:
                told.parts.append(
                    Told(
                        f"{row.instance}: {self.said(row.value, node.unit)}({_SOURCES[row.source]})",
                        row.value,
                        "instance",
                        facts={"instance": row.instance, "source": row.source},
                    )
                )
            if isinstance(node, t.OverInstances) and node.how == "average" and traced.note.rows:
                told.parts.append(Told(f"合计 ÷ {len(traced.note.rows)}", kind="divided"))
        return told

    def pool(self, traced: Traced, node: t.Pool) -> Told:
        """Return a part of a pool: the pool, the own figure and that of all, the cut part and the fen left over."""
        told = Told(
            f"{self.speaker.say(node)} = {value_text(traced.value, node.unit)}", traced.value, "figure"
        )
        note = traced.note
        if isinstance(note, PoolNote) and isinstance(traced.value, Fraction):
            odd = abs(traced.value - note.cut) * 100
            text = f"总额 {value_text(note.amount, node.unit)} × {value_text(note.weight, node.of.unit)} ÷ 全部 {note.members} 个的 {value_text(note.total, node.of.unit)}"
            told.parts.append(
                Told(f"{text}, 舍到分为 {value_text(note.cut, node.unit)}", note.cut, "formula")
            )
            told.parts.append(Told(f"余下 {note.odd_fen} 分按余数分, 这里得 {odd} 分", kind="rounding"))
        told.parts.extend(x for part in traced.parts for x in self.inside(part))
        return told

    def input(self, traced: Traced, node: t.InputRef) -> Told:
        """Return an input with its date and source."""
        declared = self.rulebook.inputs[node.name]
        text = f"参数 {declared.title} = {self.said(traced.value, node.unit)}"
        if isinstance(traced.note, InputNote):
            keys = f"(按 {'、'.join(traced.note.keys)})" if traced.note.keys else ""
            since = f", {traced.note.since} 起" if traced.note.since else ""
            source = "".join(
                f", {label}: {x}"
                for label, x in (("依据", traced.note.document), ("批准", traced.note.approved_by))
                if x
            )
            text += f"{keys}{since}{source}"
        told = Told(text, traced.value, "input", declared.path, declared.clause)
        if declared.by_person:
            # What somebody decided has to lie between these.
            told.parts.extend(x for part in traced.parts for x in self.inside(part))
        if isinstance(traced.note, InputNote):
            note = traced.note
            said = {"keys": list(note.keys), "since": str(note.since or ""), "document": note.document}
            told.facts = {k: v for k, v in {**said, "approved_by": note.approved_by}.items() if v}
        return told

    def cases(self, traced: Traced, node: t.Cases) -> list[Told]:
        """Return which case held, and of those above why not."""
        found: list[Told] = []
        for index, case in enumerate(node.cases[: traced.hit + 1]):
            held = traced.parts[index].value
            word = "未知" if isinstance(held, Unknown) else "适用" if held else "不适用"
            told = Told(
                f"情形 {index + 1}({self.speaker.say(case.when)}): {word}", held, "case", clause=case.clause
            )
            told.parts.extend(self.inside(traced.parts[index]))
            found.append(told)
        if traced.hit == len(node.cases):
            found.append(Told("其余情形: 适用", kind="case"))
        last = (
            traced.parts[-1]
            if traced.parts and len(traced.parts) > min(traced.hit + 1, len(node.cases))
            else None
        )
        if last is not None:
            found.append(
                Told(
                    f"取 {self.speaker.say(last.node)} = {self.said(last.value, node.unit)}",
                    last.value,
                    "value",
                    parts=self.inside(last),
                )
            )
        return found

    def lookup(self, traced: Traced, node: t.Lookup) -> Told:
        """Return the row that was hit and how far the next bracket is."""
        table = self.rulebook.tables[node.table]
        told = Told(
            f"查《{table.title}》得 {self.said(traced.value, node.unit)}",
            traced.value,
            "table",
            table.path,
            table.clause,
        )
        rows = traced.note if isinstance(traced.note, tuple) else table.versions[-1].rows
        since = next((v.start for v in table.versions if v.rows is rows), date.min)
        if since > table.versions[0].start:
            told.text += f"({since} 起的表)"
        if table.how in ("marginal", "per piece"):
            told.parts.append(Told("分段累计: 各段内的数量 × 该段的值, 相加", kind="bracket"))
            told.parts.extend(self._brackets(traced, node, table, rows))
        elif 0 <= traced.hit < len(rows):
            cells = "、".join(cell_text(cell) for cell in rows[traced.hit].cells)
            told.parts.append(Told(f"命中第 {traced.hit + 1} 行: {cells}", kind="bracket"))
            told.parts.extend(self._distance(traced, rows))
        else:
            told.parts.append(Told("没有命中任何一行", kind="bracket"))
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
            text = f"{cell_text(row.cells[0])}: {self.said(part, keys[0].node.unit)} × {self.said(rate, row.gives[table.columns.index(node.column)].unit)} = {self.said(part * rate, node.unit)}"
            yield Told(text, part * rate, "bracket part")

    def _distance(self, traced: Traced, rows: tuple[t.TableRow, ...]) -> Iterator[Told]:
        """Yield how far the edges of the bracket that was hit are."""
        for position, cell in enumerate(rows[traced.hit].cells):
            key = traced.parts[position]
            if not isinstance(cell, t.RangeCell) or not isinstance(key.value, Fraction):
                continue
            for edge, word in ((cell.low, "下"), (cell.high, "上")):
                if edge is not None:
                    gap = self.said(abs(key.value - edge), key.node.unit)
                    yield Told(f"距{word}一档的界限还有 {gap}", kind="distance")

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
            told.parts.append(Told(f"公式: {self.speaker.say(measure.expr)}", kind="rule"))
            told.parts.extend(x for part in traced.parts for x in self.inside(part))
            return told
        note = traced.note
        if isinstance(measure, t.FigureMeasure) or not isinstance(note, MeasureNote):
            told.text += "(银行提供)" if isinstance(measure, t.FigureMeasure) else ""
            return told
        last = note.end - timedelta(days=1)
        things = len({row.object_id for row in note.rows})
        told.parts.append(
            Told(
                f"{window_text(measure.window, base=measure.base)} {note.start}..{last}, {measure.kind.zh} {things} 笔{divided(note)}",
                kind="window",
            )
        )
        if self.depth in ("account", "day"):
            rows = CreditedTeller(self.rulebook, measure, note, self.said, self.inside)
            if note.totals:
                told.parts.extend(rows.days_that_count(rows=self.depth == "day" and not measure.per))
                if measure.take.condition is not None:
                    return told
            # Of a figure of one customer or account, read by a row, its accounts are enough.
            told.parts.extend(rows.told(rows=self.depth == "day" and not measure.per))
        return told


def _each_once(told: Iterable[Told]) -> list[Told]:
    """Return what is told without what is told again: a growth reads its base twice."""
    found: list[Told] = []
    for each in told:
        if each not in found:
            found.append(each)
    return found


def divided(note: MeasureNote) -> str:
    """Return by what the sum is divided, when it is: days, or days of the window by days of the period."""
    divisor, days = note.divisor / 10**9, (note.end - note.start).days
    if divisor <= 1:
        return ""
    times = divisor / days
    return f", 除以 {days} × {times}" if times.denominator == 1 and times > 1 else f", 除以 {shown(divisor)}"


def cell_text(cell: t.Cell) -> str:
    """Return a table cell as written."""
    match cell:
        case t.AnyCell():
            return "任意"
        case t.ChoiceCell():
            return "或".join(cell.choices)
        case t.RangeCell():
            return cell.text


__all__ = ["WHY", "Teller", "Told", "date", "value_text"]
