"""What a statement says about a subject as a member of one group: its lines, periods, checks and figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from guanhu.appraisal.pages import charts
from guanhu.appraisal.pages.kept import LENGTH, Names, adds_up, top_money
from guanhu.appraisal.pages.reasons import Reasons, Used
from guanhu.appraisal.pages.sheets import spans_text
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.subject import CardTrace, SubjectTrace
from guanhu.rulebook.explain.values import LineNote, Unknown, Value
from guanhu.rulebook.print import blocks as b
from guanhu.rulebook.print.reading_back import measure_sentence
from guanhu.rulebook.print.sentence import EVERY, UNIT
from guanhu.values import units
from guanhu.values.units import Unit

USED_MAX = 7
COLUMNS_MAX = 6
CHARTS_MAX = 3
BESIDE_MAX = 6
"""Charts of at most this many bars stand beside each other."""


class GroupPart:
    """A subject's traces in one group of a run, in time order."""

    def __init__(
        self, rulebook: t.Rulebook, reasons: Reasons, names: Names, group: str, traces: list[SubjectTrace]
    ) -> None:
        """Take the traces; those of the longest calendar unit come to the front of the page."""
        self.rulebook = rulebook
        self.reasons = reasons
        self.names = names
        self.group = rulebook.groups[group]
        self.traces = traces
        self.units = sorted(
            {x.instance.every for x in traces if self._lines(x.instance.every)}, key=lambda u: -LENGTH[u]
        )
        self.used: dict[str, t.Declaration] = {}

    def _lines(self, every: str) -> list[t.Line]:
        order = {name: place for place, name in enumerate(self.rulebook.order)}
        found = [
            x
            for x in self.rulebook.lines.values()
            if x.group == self.group.id and x.every == every and x.role != "check"
        ]
        return sorted(found, key=lambda x: order.get(x.id, 0)) if every == "once" else found

    def of(self, every: str) -> list[SubjectTrace]:
        """Return the traces of a calendar unit."""
        return [x for x in self.traces if x.instance.every == every]

    # -- headline --

    def headlines(self) -> Iterator[tuple[str, str, str]]:
        """Yield score and pay."""
        score = self.score_line()
        if score is not None:
            last = self.of(score.every)[-1]
            value = last.whole.get(score.id)
            yield (score.title, self.reasons.shown(value, score.unit), last.instance.key)
        for line in top_money(self.rulebook, self.group.id):
            traces = self.of(line.every)
            if not traces:
                continue
            values = [x.whole.get(line.id) for x in traces]
            if not adds_up(line):
                if values[-1] == 0:
                    # An amount for information that has come to nothing is no headline.
                    continue
                said = self.reasons.shown(values[-1], line.unit)
                yield (
                    line.title,
                    "未结清" if isinstance(values[-1], Unknown) else said,
                    traces[-1].instance.key,
                )
                continue
            total = total_of(values)
            open_count = sum(1 for v in values if isinstance(v, Unknown))
            several = len(values) > 1
            count = f"{len(values)} 期合计" if several else traces[-1].instance.key
            said = self.reasons.shown(total, units.MONEY) if total is not None else "未结清"
            title = line.title + ("合计" if several and not line.title.endswith("合计") else "")
            yield (title, said, f"{open_count} 期没有结清" if open_count else count)

    def score_line(self) -> t.Line | None:
        """Return the line that stands for the score: the points total of the longest unit, else the last score."""
        for every in self.units:
            points = [x for x in self._lines(every) if x.unit == units.POINTS]
            taken = {term for x in points for term in x.terms}
            totals = [x for x in points if x.role == "total" and x.id not in taken]
            if totals or points:
                return (totals or points)[-1]
        return None

    def open_texts(self) -> Iterator[str]:
        """Yield what is not settled and why, instances with the same cause together."""
        found: dict[tuple[str, str], list[str]] = {}
        for trace in self.traces:
            for name, value in trace.whole.items():
                line = self.rulebook.lines.get(name)
                if not isinstance(value, Unknown) or line is None or line.role == "check":
                    continue
                for card in trace.cards:
                    for why in self.reasons.open(card.lines[name]):
                        instances = found.setdefault((why, line.title), [])
                        if trace.instance.key not in instances:
                            instances.append(trace.instance.key)
        by_cause: dict[tuple[str, str], list[str]] = {}
        for (why, title), instances in found.items():
            by_cause.setdefault((why, self.when(instances)), []).append(title)
        for (why, when), titles in by_cause.items():
            yield f"{when}: {why}, 因此{'、'.join(f'“{x}”' for x in titles)}没有结清。"

    def when(self, keys: list[str]) -> str:
        """Return instances in words, those without a gap as a span."""
        every = next((x.instance.every for x in self.traces if x.instance.key in keys), "")
        return spans_text(keys, [x.instance.key for x in self.of(every)])

    # -- blocks --

    def blocks(self) -> Iterator[b.Block]:
        """Yield everything about this group."""
        for every in self.units:
            traces = self.of(every)
            yield b.Heading(f"{self.group.title} · {EVERY[every]}", 1)
            if len(traces) > 1:
                yield from self.periods(every, traces)
            yield from self.spells(traces[-1])
            if len(traces) > 1:
                yield b.Heading(f"怎样得来(以 {traces[-1].instance.key} 为例)", 2)
            for line in self._lines(every):
                yield self.line(line, traces[-1], with_value=True)

    def spells(self, trace: SubjectTrace) -> Iterator[b.Block]:
        """Yield the spells of an instance when there are several."""
        if len(trace.cards) < 2:
            return
        rows = tuple(self.spell(card) for card in trace.cards)
        yield b.Text(
            f"{trace.instance.key} 内岗位或机构有变动, 分 {len(rows)} 段考核: 得分按天数加权, 计酬和数量相加; "
            "检查和决定看各行全期的数, 指标看最后一段的。"
        )
        yield b.Grid(("段", "起", "止", "天数", "岗位", "机构"), rows, align="lllrll")

    def spell(self, card: CardTrace) -> tuple[str, ...]:
        """Return one spell: its days, post and institution."""
        place = str(card.attributes.get("institution_id", ""))
        return (
            f"第 {card.spell_no} 段",
            str(card.days.start),
            str(card.days.last_day),
            str(card.spell_days),
            str(card.attributes.get("post", "")),
            self.names.places.get(place, place),
        )

    def periods(self, every: str, traces: list[SubjectTrace]) -> Iterator[b.Block]:
        """Yield the lines of several instances: a chart of pay and score, and the numbers as tables."""
        lines = self._lines(every)
        one_year = len({x.instance.days.last_day.year for x in traces}) == 1
        labels = [short_key(x.instance.key, every, one_year=one_year) for x in traces]
        # A chart that says nothing would take the place of one that does.
        money = [x for x in top_money(self.rulebook, self.group.id) if x.every == every]
        chosen = [line for line in money if says_something([x.whole.get(line.id) for x in traces])]
        chosen = chosen[:CHARTS_MAX]
        score = self.score_line()
        if score is not None and score.every == every:
            chosen.append(score)
        panels = [
            charts.Panel(
                f"{line.title}{_unit_tail(line.unit)}",
                labels,
                [number_or_none(x.whole.get(line.id)) for x in traces],
                is_money=line.unit == units.MONEY,
            )
            for line in chosen
        ]
        panels = [x for x in panels if any(value is not None for value in x.values)]
        side_by_side = CHARTS_MAX if len(labels) <= BESIDE_MAX else 1
        for start in range(0, len(panels), side_by_side):
            row = panels[start : start + side_by_side]
            yield b.Drawing(charts.drawn(row), "; ".join(charts.in_words(x) for x in row))
        if len(lines) > COLUMNS_MAX and len(traces) <= COLUMNS_MAX:
            yield self.turned(lines, traces)
            return
        for start in range(0, len(lines), COLUMNS_MAX):
            yield self.listed(every, lines[start : start + COLUMNS_MAX], traces)

    def listed(self, every: str, lines: list[t.Line], traces: list[SubjectTrace]) -> b.Grid:
        """Return a table with a row for each instance, and a sum where sums mean something."""
        rows = [
            (
                _marked(x),
                *(self.reasons.bare(x.whole.get(line.id), line.unit) for line in lines),
            )
            for x in traces
        ]
        sums = [self.sum_of(line, traces) for line in lines]
        if any(sums):
            rows.append(("合计", *sums))
        heads = (UNIT[every], *(f"{line.title}{_unit_tail(line.unit)}" for line in lines))
        return b.Grid(heads, tuple(rows), align="l" + "r" * len(lines), widths=(0, *(1 for _ in lines)))

    def turned(self, lines: list[t.Line], traces: list[SubjectTrace]) -> b.Grid:
        """Return a table with a row for each line, for many lines and few instances."""
        rows = tuple(
            (
                f"{line.title}{_unit_tail(line.unit)}",
                *(self.reasons.bare(x.whole.get(line.id), line.unit) for x in traces),
                self.sum_of(line, traces),
            )
            for line in lines
        )
        heads = ("", *(_marked(x) for x in traces), "合计")
        count = len(traces) + 1
        return b.Grid(heads, rows, align="l" + "r" * count, widths=(2, *(1 for _ in range(count))))

    def sum_of(self, line: t.Line, traces: list[SubjectTrace]) -> str:
        """Return the sum of a pay line over instances; '' where a sum means nothing, 未知 where one is unknown."""
        if not adds_up(line):
            return ""
        total = total_of([x.whole.get(line.id) for x in traces])
        return self.reasons.bare(total, units.MONEY) if total is not None else "未知"

    def line(self, line: t.Line, trace: SubjectTrace, *, with_value: bool) -> b.Rule:
        """Return one line: its value, its rule as a sentence, what it used, the bound, what is next."""
        if trace.published:
            return self.as_published(line, trace)
        card = trace.cards[-1]
        traced = card.lines[line.id]
        parts: list[b.Block] = [b.Text(self.sentence(line), quiet=True)]
        several = len(trace.cards) > 1
        if several:
            each = (
                f"第 {x.spell_no} 段 {self.reasons.shown(x.lines[line.id].value, line.unit)}"
                for x in trace.cards
            )
            parts.append(b.Text("; ".join(each) + "。"))
        for spell in trace.cards:
            said = self.figures_of(line, spell, trace)
            if said:
                parts.append(b.Text((f"第 {spell.spell_no} 段: " if several else "") + said))
        if isinstance(traced.note, LineNote):
            bound = self.reasons.bound(line, traced.note)
            steps = self.reasons.next_steps(line, card)
            # Who moved can still change the last spell; what that adds to the whole goes by its days.
            whose = f"第 {card.spell_no} 段: " if several else ""
            if bound:
                parts.append(b.Mark("assume", "上下限", whose + bound))
            if steps:
                parts.append(b.Mark("good", "下一步", whose + " ".join(steps)))
        value = self.reasons.shown(trace.whole.get(line.id), line.unit) if with_value else ""
        return b.Rule(line.title, value=value, clause=line.clause, parts=tuple(parts))

    def figures_of(self, line: t.Line, card: CardTrace, trace: SubjectTrace) -> str:
        """Return the figures that a line used in one spell, and keep them for the lists at the end of the page."""
        traced = card.lines[line.id]
        formula = traced.note.formula if isinstance(traced.note, LineNote) else traced
        used = self.reasons.used(formula, trace.instance.days)
        self.remember(line, used)
        said = [str(x) for x in used if x.kind != "case"][:USED_MAX]
        return "; ".join(said) + "。" if said and line.role != "total" else ""

    def as_published(self, line: t.Line, trace: SubjectTrace) -> b.Rule:
        """Return one line of a published instance: its value, and where its explanation stands."""
        parts = (
            b.Text(self.sentence(line), quiet=True),
            b.Text(f"已发布的数, 怎样得来见运行 {trace.published}。", quiet=True),
        )
        self.remember(line, ())
        value = self.reasons.shown(trace.whole.get(line.id), line.unit)
        return b.Rule(line.title, value=value, clause=line.clause, parts=parts)

    def sentence(self, line: t.Line) -> str:
        """Return the rule of a line in words."""
        bounds = [
            f"{word} {self.reasons.speaker.say(node)}"
            for node, word in ((line.least, "最低"), (line.most, "最高"))
            if node is not None
        ]
        days = [f"乘以天数再除以 {line.for_days}"] if line.for_days else []
        return ", ".join([self.reasons.speaker.say(line.value), *bounds, *days]) + "。"

    def remember(self, line: t.Line, used: Iterable[Used]) -> None:
        """Keep what was used, for the lists at the end of the page."""
        self.used[line.path] = line
        stores = {
            "measure": self.rulebook.measures,
            "input": self.rulebook.inputs,
            "table": self.rulebook.tables,
        }
        for each in used:
            found = stores[each.kind].get(each.key) if each.kind in stores else None
            if found is not None:
                self.used[found.path] = found

    def checks(self) -> Iterator[tuple[str, ...]]:
        """Yield what was checked or decided: what, the outcome, when, clause. The outcome is '' when nothing was found."""
        names: list[t.Line | t.Decision] = [
            *(x for x in self.rulebook.lines.values() if x.group == self.group.id and x.role == "check"),
            *(x for x in self.rulebook.decisions.values() if x.group == self.group.id),
        ]
        for declared in names:
            traces = [x for x in self.of(declared.every) if declared.id in x.whole]
            held = [x.instance.key for x in traces if x.whole[declared.id] is True]
            unknown = [x for x in traces if isinstance(x.whole[declared.id], Unknown)]
            kind = "决定" if isinstance(declared, t.Decision) else "检查"
            if held:
                yield (f"{kind}: {declared.title}", declared.text or "成立", self.when(held), declared.clause)
            if unknown:
                causes = dict.fromkeys(
                    why for x in unknown for why in self.reasons.open(x.cards[-1].lines[declared.id])
                )
                when = self.when([x.instance.key for x in unknown])
                yield (f"{kind}: {declared.title}", f"未知: {'; '.join(causes)}", when, declared.clause)
            if traces and not held and not unknown:
                yield (declared.title, "", "", declared.clause)

    def measures(self) -> Iterator[tuple[str, ...]]:
        """Yield the measures that the shown lines used: name, value, instance, how."""
        for every in self.units:
            trace = self.of(every)[-1]
            card = trace.cards[-1]
            for name, traced in card.measures.items():
                measure = self.rulebook.measures[name]
                if measure.path not in self.used:
                    continue
                yield (
                    self.reasons.speaker.name(name),
                    self.reasons.shown(traced.value, measure.unit),
                    trace.instance.key,
                    measure_sentence(self.reasons.speaker, measure),
                )


def total_of(values: Iterable[Value | None]) -> Fraction | None:
    """Return the sum of values; None when one is unknown."""
    total = Fraction(0)
    for value in values:
        if not isinstance(value, Fraction):
            return None
        total += value
    return total


def says_something(values: list[Value | None]) -> bool:
    """Tell whether a chart of these values says more than a number: not all are 0 or unknown, nor all but the first.

    >>> says_something([Fraction(5000), Fraction(0), Fraction(0)]), says_something([Fraction(0), Fraction(5)])
    (False, True)
    """
    numbers = [number_or_none(x) for x in values]
    if len(numbers) > 1 and all(x == 0 for x in numbers[1:]):
        return False
    return any(numbers)


def number_or_none(value: Value | None) -> Fraction | None:
    """Return a number, or None for what is unknown."""
    return value if isinstance(value, Fraction) else None


def short_key(key: str, every: str, *, one_year: bool) -> str:
    """Return an instance as a label under a bar.

    >>> short_key("2025-03", "month", one_year=True), short_key("2025Q2", "quarter", one_year=True)
    ('3月', '二季')
    """
    if not one_year:
        return key
    match every:
        case "month":
            return f"{int(key[5:])}月"
        case "quarter":
            return f"{'一二三四'[int(key[-1]) - 1]}季"
        case "half":
            return "上半年" if key.endswith("1") else "下半年"
        case _:
            return key


def _marked(trace: SubjectTrace) -> str:
    """Return the name of an instance, marked when it stands as it was published."""
    return f"{trace.instance.key}(已发布)" if trace.published else trace.instance.key


def _unit_tail(unit: Unit) -> str:
    return {"money": "(元)", "points": "(分)"}.get(unit.kind, "")
