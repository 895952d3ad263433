"""Why a line came to its value, in few words: the figures it used, the bound that held, what is next.

A trace has everything; a statement has room for what a manager asks. How far the next step or bracket
is comes from the same trace, so it is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from guanhu.appraisal.pages.causes import unknown_text
from guanhu.appraisal.pages.next_case import Asker, unwrapped
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.subject import CardTrace
from guanhu.rulebook.explain.told import POINTS_PLACES, count_word
from guanhu.rulebook.explain.values import InputNote, LineNote, MeasureNote, Traced, Unknown, Value
from guanhu.rulebook.print.sentence import Speaker
from guanhu.values import units
from guanhu.values.dates import Span
from guanhu.values.exact import money_shown, round_half_away, shown, truncate
from guanhu.values.units import Unit

PLACES = POINTS_PLACES
SHORT_MAX = 3


@dataclass(frozen=True, slots=True)
class Used:
    """A figure that a line used. kind: measure, input, table, line, figure."""

    kind: str
    name: str
    value: str
    note: str = ""
    key: str = ""

    def __str__(self) -> str:
        """Return the figure with its note.

        >>> str(Used("input", "含量", "0.06%", "按高级"))
        '含量 0.06%(按高级)'
        """
        return f"{self.name} {self.value}" + (f"({self.note})" if self.note else "")


class Reasons:
    """Tells the reasons of one rulebook's lines."""

    def __init__(self, rulebook: t.Rulebook) -> None:
        """Take the rulebook."""
        self.rulebook = rulebook
        self.speaker = Speaker(rulebook)
        self.days: Span | None = None

    def shown(self, value: Value | None, unit: Unit) -> str:
        """Return a value as a manager reads it: money to the fen, shares in percent, at most four places."""
        match value:
            case None:
                return ""
            case Unknown():
                return "未知"
            case bool():
                return "是" if value else "否"
            case Fraction() if unit.kind.startswith("money"):
                tail = {"money per year": " 元/年", "money day": " 元·天"}.get(unit.kind, " 元")
                return money_shown(int(round_half_away(value * 100))) + tail
            case Fraction() if unit in (units.RATIO, units.ANNUAL_RATE):
                return f"{shown(value * 100, PLACES)}%"
            case Fraction():
                return shown(value, PLACES) + {"points": " 分", "days": " 天"}.get(unit.kind, "")
            case _:
                return str(value)

    def bare(self, value: Value | None, unit: Unit) -> str:
        """Return a value for a column whose heading says the unit."""
        return self.shown(value, unit).removesuffix(" 元").removesuffix(" 分")

    def used(self, traced: Traced, days: Span) -> list[Used]:
        """Return the figures that a formula used, each once, in reading order; `days` are the instance's own."""
        found: dict[tuple[str, str], Used] = {}
        self.days = days
        for used in self._used(traced):
            found.setdefault((used.kind, used.name), used)
        return list(found.values())

    def _used(self, traced: Traced) -> Iterator[Used]:
        node = traced.node
        said = self.shown(traced.value, node.unit)
        match node:
            case t.MeasureRef():
                measure = self.rulebook.measures[node.name]
                kind = measure.kind.name if isinstance(measure, t.Measure) else ""
                window = measure_window(traced, self.days, kind)
                yield Used(
                    "measure",
                    self.speaker.name(node.name),
                    self.shown(traced.value, measure.unit),
                    window,
                    node.name,
                )
                if isinstance(measure, t.FormulaMeasure):
                    for part in traced.parts:
                        yield from self._used(part)
            case t.LineRef():
                yield Used("line", self.speaker.name(node.name), said, key=node.name)
            case t.InputRef():
                yield Used(
                    "input", self.rulebook.inputs[node.name].title, said, _input_note(traced), node.name
                )
            case t.Lookup():
                yield Used("table", f"查《{self.rulebook.tables[node.table].title}》得", said, key=node.table)
                for part in traced.parts:
                    yield from self._used(part)
            case t.Cases():
                yield from self._case(traced, node)
            case (
                t.SubjectValue()
                | t.LotFigure()
                | t.State()
                | t.Previous()
                | t.OverInstances()
                | t.Streak()
                | t.Times()
                | t.Group()
                | t.Pool()
            ):
                yield Used("figure", self.speaker.say(node), said)
            case t.FirstGiven() if 0 <= traced.hit < len(traced.parts):
                yield from self._used(traced.parts[traced.hit])
            case _:
                for part in traced.parts:
                    yield from self._used(part)

    def _case(self, traced: Traced, node: t.Cases) -> Iterator[Used]:
        if traced.hit < len(node.cases):
            yield Used("case", "适用的情形:", self.speaker.say(node.cases[traced.hit].when))
        else:
            yield Used("case", "适用的情形:", "其余")
        for part in traced.parts:
            yield from self._used(part)

    def in_short(self, declared: t.Line | t.Decision, card: CardTrace) -> str:
        """Return in one line why a line, check or decision came to its value; '' for a total, whose lines say it."""
        if isinstance(declared, t.Line) and declared.role == "total":
            return ""
        traced = card.lines[declared.id]
        note = traced.note
        formula = note.formula if isinstance(note, LineNote) else traced
        bracket = self._bracket(formula)
        # What the formula's own look-up gives is the line itself.
        left_out = ("case", "table") if bracket else ("case",)
        used = self.used(formula, card.instance.days)
        said = [f"{x.name} {x.value}" for x in used if x.kind not in left_out]
        if said:
            said[0] += bracket
        bound = (
            self.bound(declared, note) if isinstance(declared, t.Line) and isinstance(note, LineNote) else ""
        )
        return "; ".join([*said[:SHORT_MAX], *([bound] if bound else [])])

    def _bracket(self, traced: Traced) -> str:
        """Return the bracket that a formula's own look-up hit."""
        traced = unwrapped(traced)
        if not isinstance(traced.node, t.Lookup) or traced.hit < 0:
            return ""
        table = self.rulebook.tables[traced.node.table]
        rows = traced.note if isinstance(traced.note, tuple) else table.versions[-1].rows
        if table.how not in ("whole", "ladder") or traced.hit >= len(rows):
            return ""
        cells = [cell.text for cell in rows[traced.hit].cells if isinstance(cell, t.RangeCell)]
        return f", 在“{'、'.join(cells)}”一档" if cells else ""

    def bound(self, line: t.Line, note: LineNote) -> str:
        """Return which bound held; '' when none did."""
        node = {"least": line.least, "most": line.most}.get(note.bound)
        if node is None:
            return ""
        word = "最低" if note.bound == "least" else "最高"
        return f"算得 {self.shown(note.before, line.unit)}, 取{word} {self.speaker.say(node)}"

    # -- what is next --

    def next_steps(self, line: t.Line, card: CardTrace) -> list[str]:
        """Return what is missing to the next step, bracket, case or bound of a line of a card, in words."""
        note = card.lines[line.id].note
        if not isinstance(note, LineNote):
            return []
        at_most = isinstance(line.most, t.Const) and note.value == line.most.value
        if note.bound == "most" or at_most:
            return ["已到上限。"]
        short = Fraction(0)
        if note.bound == "least" and isinstance(note.before, Fraction) and isinstance(note.value, Fraction):
            short = note.value - note.before
        found = list(self._next(note.formula, Fraction(1), line.unit, short))
        found.extend(self._next_case(line, card))
        if isinstance(line.most, t.Const) and isinstance(note.value, Fraction) and line.unit == units.POINTS:
            found.append(
                f"距最高 {line.most.text} 分还差 {self.shown(line.most.value - note.value, line.unit)}。"
            )
        return list(dict.fromkeys(found))

    def _next(self, traced: Traced, factor: Fraction, unit: Unit, short: Fraction) -> Iterator[str]:
        """Yield the next steps and brackets inside a formula; `short` is what lies below the least."""
        node = traced.node
        match node:
            case t.Steps():
                yield from self._next_step(traced, node, factor, unit, short)
            case t.Lookup() if not short:
                yield from self._next_bracket(traced, node)
            case t.Product():
                left, right = traced.parts
                for part, other in ((left, right), (right, left)):
                    if isinstance(other.node, t.Const) and isinstance(other.value, Fraction):
                        yield from self._next(part, factor * other.value, unit, short)
            case t.Negative():
                yield from self._next(traced.parts[0], -factor, unit, short)
            case t.Sum() | t.Settled() | t.Round():
                for part in traced.parts:
                    yield from self._next(part, factor, unit, short)
            case t.Cases() if traced.parts:
                yield from self._next(traced.parts[-1], factor, unit, short)
            case _:
                return

    def _next_case(self, line: t.Line, card: CardTrace) -> Iterator[str]:
        case = Asker(self.rulebook, card, line).next_case()
        if case is None:
            return
        moved = "、".join(
            f"{self._subject(x.traced.node)}{self._verb(x.gap, is_up=x.is_up, beyond=x.beyond)}"
            f"{self._far(x.gap, x.traced)}"
            for x in case.moves
        )
        named = f"{self.speaker.say(case.when)}的" if case.when is not None else "其余"
        if case.asks_more:
            yield f"{moved}, 并且合乎其余条件, 就按{named}情形算。"
        elif case.value is None:
            yield f"{moved}, 就按{named}情形算。"
        else:
            gain = "" if line.for_days else f", 得 {self.shown(case.value, line.unit)}"
            yield f"{moved}, 就是{named}情形{gain}(其他数不变)。"

    def _verb(self, gap: Fraction, *, is_up: bool, beyond: bool) -> str:
        """Return in which direction a figure has to move; one that stands at the edge only has to leave it."""
        if not gap:
            return "只要再增一点" if is_up else "只要再减一点"
        return ("再增" if is_up else "再减") + ("超过" if beyond else "")

    def _far(self, gap: Fraction, traced: Traced) -> str:
        """Return a distance with what it is in money; '' where there is none."""
        return f" {self.gap(gap, traced.node.unit)}{self._about(traced, gap)}" if gap else ""

    def _next_step(
        self, traced: Traced, node: t.Steps, factor: Fraction, unit: Unit, short: Fraction
    ) -> Iterator[str]:
        x, steps = traced.parts[0].value, traced.value
        if node.how != "completed" or not isinstance(x, Fraction) or not isinstance(steps, Fraction):
            return
        if not factor:
            return
        more = 1 + truncate(short / abs(factor))
        sign = 1 if factor > 0 else -1
        gap, beyond = distance_to_steps(x * sign, steps * sign + more, node.size)
        moved = f"{self._verb(gap, is_up=sign > 0, beyond=beyond)}{self._far(gap, traced.parts[0])}"
        gain = self.shown(abs(factor) * more - short, unit)
        yield f"{self._subject(node.x)}{moved}, 多得 {gain}。"

    def _next_bracket(self, traced: Traced, node: t.Lookup) -> Iterator[str]:
        table = self.rulebook.tables[node.table]
        rows = table.versions[-1].rows
        if table.how not in ("whole", "ladder") or not 0 <= traced.hit < len(rows) or len(table.versions) > 1:
            return
        index = table.columns.index(node.column)
        now = traced.value
        best: tuple[Fraction, str] | None = None
        for position, cell in enumerate(rows[traced.hit].cells):
            key = traced.parts[position]
            if not isinstance(cell, t.RangeCell) or not isinstance(key.value, Fraction):
                continue
            for row in rows:
                give, other = row.gives[index], row.cells[position]
                same = all(
                    a == b
                    for i, (a, b) in enumerate(zip(row.cells, rows[traced.hit].cells, strict=True))
                    if i != position
                )
                if not same or not isinstance(other, t.RangeCell) or not isinstance(give, t.Const):
                    continue
                if not isinstance(now, Fraction) or give.value <= now:
                    continue
                gap, is_up, beyond = _to_range(key.value, other)
                moved = f"{self._verb(gap, is_up=is_up, beyond=beyond)}{self._far(gap, key)}"
                said = f"{self._subject(key.node)}{moved}, 到“{other.text}”一档, 得 {self.shown(give.value, node.unit)}。"
                if best is None or gap < best[0]:
                    best = (gap, said)
        if best is not None:
            yield best[1]

    def _subject(self, node: t.Expr) -> str:
        """Return what has to move: a line, or the first measure of a formula."""
        if isinstance(node, t.LineRef):
            return self.speaker.say(node)
        found = next((x for x in t.walk(node) if isinstance(x, t.MeasureRef)), None)
        return f"“{self.speaker.name(found.name)}”" if found is not None else self.speaker.say(node)

    def gap(self, gap: Fraction, unit: Unit) -> str:
        """Return a distance: of ratios in percentage points."""
        # Rounded up: who goes as far as is said has arrived.
        if unit in (units.RATIO, units.ANNUAL_RATE):
            return f"{shown(_up(gap * 100, PLACES))} 个百分点"
        return self.shown(_up(gap, 2 if unit == units.MONEY else PLACES), unit)

    def _about(self, traced: Traced, gap: Fraction) -> str:
        """Return what a distance in a ratio of money comes to in money, with everything else as it is."""
        quotient = _first_quotient(traced)
        if quotient is None or len(quotient.parts) < 2:
            return ""
        divisor = quotient.parts[1]
        if divisor.node.unit != units.MONEY or not isinstance(divisor.value, Fraction) or divisor.value <= 0:
            return ""
        amount = gap * divisor.value
        return f"(按现在的数约合 {self.gap(amount, units.MONEY)})" if amount else ""

    # -- what is open --

    def open(self, traced: Traced) -> list[str]:
        """Return the causes at the ends of a trace: what is missing, in words, each once."""
        return list(dict.fromkeys(self._open(traced)))

    def _open(self, traced: Traced) -> Iterator[str]:
        if not isinstance(traced.value, Unknown):
            return
        below = [x for part in _below(traced) for x in self._open(part)]
        if below:
            yield from below
        else:
            yield unknown_text(self.rulebook, traced.value)


def measure_window(traced: Traced, own: Span | None, kind: str = "") -> str:
    """Return the days that a measure looked at, unless the instance's own, and how many things it counted."""
    note = traced.note
    if not isinstance(note, MeasureNote):
        return ""
    things = f"{len({row.object_id for row in note.rows})} {count_word(kind)}"
    if own is not None and (note.start, note.end) == (own.start, own.end):
        return things
    return f"{note.start} 至 {note.end - timedelta(days=1)}, {things}"


def _input_note(traced: Traced) -> str:
    note = traced.note
    if not isinstance(note, InputNote):
        return ""
    parts = [
        f"按{'、'.join(note.keys)}" if note.keys else "",
        f"{note.since} 起" if note.since is not None and note.since.year > 1 else "",
        note.document,
    ]
    return ", ".join(part for part in parts if part)


def _below(traced: Traced) -> tuple[Traced, ...]:
    if isinstance(traced.note, LineNote):
        return (traced.note.formula, *traced.note.extra)
    return traced.parts


def _first_quotient(traced: Traced) -> Traced | None:
    if isinstance(traced.node, t.Quotient):
        return traced
    if isinstance(traced.node, t.LineRef) and traced.parts and isinstance(traced.parts[0].note, LineNote):
        return _first_quotient(traced.parts[0].note.formula)
    if isinstance(traced.node, t.MeasureRef | t.Sum | t.Settled):
        return next((found for part in traced.parts if (found := _first_quotient(part)) is not None), None)
    return None


def distance_to_steps(x: Fraction, target: Fraction, size: Fraction) -> tuple[Fraction, bool]:
    """Return how far `x` is from `target` completed steps, and whether it has to go beyond that point.

    Steps are cut towards zero: −2 steps last until just above −2 sizes.

    >>> tenth = Fraction(1, 10)
    >>> distance_to_steps(Fraction(25, 100), Fraction(3), tenth)
    (Fraction(1, 20), False)
    >>> distance_to_steps(Fraction(-25, 100), Fraction(-1), tenth)
    (Fraction(1, 20), True)
    """
    edge = target * size if target > 0 else (target - 1) * size
    return max(edge - x, Fraction(0)), target <= 0


def _up(value: Fraction, places: int) -> Fraction:
    scale = 10**places
    whole = truncate(value * scale)
    return Fraction(whole + (1 if whole < value * scale else 0), scale)


def _to_range(value: Fraction, cell: t.RangeCell) -> tuple[Fraction, bool, bool]:
    """Return how far a value is from a range, whether the range lies above, and whether its edge is outside of it."""
    if cell.low is not None and value <= cell.low:
        return cell.low - value, True, not cell.low_in
    if cell.high is not None and value >= cell.high:
        return value - cell.high, False, not cell.high_in
    return Fraction(0), True, False
