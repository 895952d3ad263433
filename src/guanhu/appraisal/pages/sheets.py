"""A kept run as sheets: columns with headings and number formats, rows made one after the other.

The workbook and the csv files are written from the same sheets, so they never say different things.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from guanhu.appraisal.lost import NO_CARD
from guanhu.appraisal.pages.correction_sheet import Corrections
from guanhu.appraisal.pages.kept import Card, Figure, KeptRun, adds_up, in_time, top_money
from guanhu.appraisal.pages.lot_sheet import lot_sheets
from guanhu.appraisal.pages.sheet import NOT_OF_IT, UNKNOWN, Cell, Column, Row, Sheet
from guanhu.appraisal.reconcile import why_not
from guanhu.appraisal.runs import value_kept
from guanhu.rulebook import tree as t
from guanhu.rulebook.print.names import state_name
from guanhu.rulebook.print.reading_back import SCOPE
from guanhu.rulebook.print.sentence import EVERY, UNIT, Speaker
from guanhu.rulebook.print.unit_words import unit_text
from guanhu.values.dates import FAR_FUTURE
from guanhu.values.exact import decimal_of
from guanhu.values.units import MONEY, RATIO, Unit

Paid = dict[tuple[str, str], tuple[Fraction, list[str]]]
"""(subject, line) → what was paid over the run, and the instances in which it is unknown."""
_BOOKS = {"main": "主账簿"}
_YES_NO = {"yes": "是", "no": "否"}


def who_columns(group_width: int) -> tuple[Column, ...]:
    """Return the columns that say whose row it is."""
    return (
        Column("对象号", 12),
        Column("姓名/名称", 16),
        Column("考核对象", group_width),
        Column("期间", 12),
        Column("岗位", 14),
        Column("等级", 8),
        Column("机构号", 10),
        Column("机构名称", 30),
        Column("在岗天数", 9, "days"),
    )


REMARK = Column("备注: 未结清的原因", 60)


class Sheets:
    """Makes the sheets of one kept run."""

    def __init__(self, kept: KeptRun) -> None:
        """Take the run."""
        self.kept = kept
        self.rulebook = kept.rulebook
        self.groups = list(self.rulebook.groups.values())
        width = max((2 * len(group.title) + 2 for group in self.groups), default=0)
        self.group_width = min(max(width, 12), 32)
        # Days of a person's own window are written out.
        self.instance_width = 24 if any(x.once is not None for x in self.rulebook.evaluated()) else 12
        self.who_columns = who_columns(self.group_width)
        self.corrections = Corrections(kept, self.group_width)
        self.speaker = Speaker(self.rulebook)

    def every(self) -> list[Sheet]:
        """Return all sheets in the order in which they are read: what came out, then what it came from."""
        return [
            self.results(),
            *self.periods(),
            self.lines(),
            *([self.corrections.sheet()] if self.kept.held else []),
            *lot_sheets(self.kept),
            self.left_out(),
            self.decisions(),
            self.checks(),
            self.reconcile(),
            self.parameters(),
        ]

    def who(self, card: Card) -> Row:
        """Return the cells that say whose row it is."""
        names = self.kept.names
        return (
            card.subject,
            names.of(card.subject),
            self.rulebook.groups[card.group].title,
            card.instance,
            card.post,
            card.grade,
            card.place,
            names.places.get(card.place, ""),
            card.days,
        )

    # -- one row per subject and instance --

    def results(self) -> Sheet:
        """Return the results: a row for each subject in the longest unit, with its pay over the whole run.

        A group that has no lines of that unit has one row for each subject, with the pay only.
        """
        longest = self.kept.units()[0] if self.kept.units() else ""
        wide = Wide(self.rulebook, [x for x in self._lines() if x.every == longest])
        pays = {
            group.id: [x for x in top_money(self.rulebook, group.id) if adds_up(x) and x.every != longest]
            for group in self.groups
        }
        titles = list(dict.fromkeys(_summed(line) for lines in pays.values() for line in lines))
        columns = (
            *self.who_columns,
            *wide.columns,
            *(Column(title, 18, "money") for title in titles),
            *([Column("更正(对已发布各期)", 18, "money")] if self.kept.held else []),
            REMARK,
        )

        def rows() -> Iterator[Row]:
            paid, latest, seen = self._paid(pays)
            corrected = self.corrections.by_subject()
            for instance, every in self.kept.instances():
                for card in self.kept.cards(instance, every) if every == longest else ():
                    if not card.spell:
                        cells, remark = wide.cells(card)
                        sums, more = self._sums(card, pays, titles, paid)
                        # A correction stands once, beside the first row of its subject.
                        own, open_ = self.corrections.taken(card, corrected)
                        remarks = "; ".join(x for x in (remark, more, open_) if x)
                        yield (*self.who(card), *cells, *sums, *own, remarks)
                        seen.add((card.subject, card.group))
            for key, card in latest.items():
                if key not in seen and self.kept.longest(card.group) != longest:
                    sums, more = self._sums(card, pays, titles, paid)
                    own, open_ = self.corrections.taken(card, corrected)
                    who = self.who(card)
                    blank = [NOT_OF_IT] * len(wide.keys)
                    remarks = "; ".join(x for x in (more, open_) if x)
                    yield (
                        *who[:3],
                        self.kept.record["period_text"],
                        *who[4:8],
                        None,
                        *blank,
                        *sums,
                        *own,
                        remarks,
                    )
            for subject, group in list(corrected):
                # Who has nothing but a correction.
                card = Card(subject, self.kept.record["period_text"], longest, group, 0)
                own, open_ = self.corrections.taken(card, corrected)
                blank = [NOT_OF_IT] * (len(wide.keys) + len(titles))
                yield (*self.who(card)[:8], None, *blank, *own, open_)

        return Sheet("结果", "results", columns, rows, frozen=2)

    def _sums(
        self, card: Card, pays: dict[str, list[t.Line]], titles: list[str], paid: Paid
    ) -> tuple[list[Cell], str]:
        """Return what a subject was paid over the run, and which sums are unknown because of which instances."""
        cells: dict[str, Cell] = {}
        remarks: list[str] = []
        for line in pays[card.group]:
            total, unknown = paid.get((card.subject, line.id), (None, []))
            cells[_summed(line)] = None if unknown else total
            if unknown:
                remarks.append(f"{'、'.join(unknown)}的{line.title}未结清")
        return [cells.get(title, NOT_OF_IT) for title in titles], "; ".join(remarks)

    def periods(self) -> list[Sheet]:
        """Return one sheet for each shorter calendar unit."""
        units = self.kept.units()[1:]
        lines = {unit: [x for x in self._lines() if x.every == unit] for unit in units}
        return [self._period(unit, found) for unit, found in lines.items() if found]

    def _period(self, unit: str, lines: list[t.Line]) -> Sheet:
        wide = Wide(self.rulebook, lines)
        groups = {line.group for line in lines}

        def rows() -> Iterator[Row]:
            for instance, every in self.kept.instances():
                if every != unit:
                    continue
                for card in self.kept.cards(instance, every):
                    if not card.spell and card.group in groups:
                        cells, remark = wide.cells(card)
                        yield (*self.who(card), *cells, remark)

        name = "一次" if unit == "once" else UNIT[unit]
        return Sheet(
            f"各期({name})", f"periods_{unit}", (*self.who_columns, *wide.columns, REMARK), rows, frozen=2
        )

    def _lines(self) -> list[t.Line]:
        return [x for x in self.rulebook.lines.values() if x.role != "check"]

    def _paid(
        self, pays: dict[str, list[t.Line]]
    ) -> tuple[Paid, dict[tuple[str, str], Card], set[tuple[str, str]]]:
        """Return what each subject was paid by each line over all instances, and the newest card of each."""
        found: Paid = {}
        latest: dict[tuple[str, str], Card] = {}
        for instance, every in self.kept.instances():
            for card in self.kept.cards(instance, every):
                if card.spell:
                    continue
                if card.lines.keys() & {x.id for x in self._lines()}:
                    latest[card.subject, card.group] = card
                for line in pays[card.group]:
                    figure = card.lines.get(line.id)
                    if figure is None:
                        continue
                    total, unknown = found.get((card.subject, line.id), (Fraction(0), []))
                    more = [instance] if figure.value is None else []
                    found[card.subject, line.id] = (total + (figure.value or 0), [*unknown, *more])
        return found, latest, set()

    # -- long --

    def lines(self) -> Sheet:
        """Return every line, long: value, state, cause, clause; spells where a subject has several."""
        columns = (
            Column("对象号", 12),
            Column("姓名/名称", 16),
            Column("考核对象", self.group_width),
            Column("期间", self.instance_width),
            Column("段", 6),
            Column("行", 26),
            Column("行号", 20),
            Column("数值", 18, "mixed"),
            Column("文字", 10),
            Column("单位", 8),
            Column("状态", 8),
            Column("未知的原因", 50),
            Column("条款", 18),
        )

        def rows() -> Iterator[Row]:
            for instance, every in self.kept.instances():
                for card in self.kept.cards(instance, every):
                    for name, figure in card.lines.items():
                        yield self._line(card, name, figure)

        return Sheet("明细行", "lines", columns, rows, frozen=2)

    def _line(self, card: Card, name: str, figure: Figure) -> Row:
        line = self.rulebook.lines.get(name)
        declared = line or self.rulebook.decisions.get(name)
        return (
            card.subject,
            self.kept.names.of(card.subject),
            self.rulebook.groups[card.group].title,
            card.instance,
            f"第 {card.spell} 段" if card.spell else "全部",
            declared.title if declared is not None else name,
            name,
            figure.value,
            _YES_NO.get(figure.text, figure.text),
            unit_text(line.unit) if line is not None else "是否",
            UNKNOWN if not figure.known else "已发布" if card.instance in self.kept.held else "已算",
            figure.why,
            declared.clause if declared is not None else "",
        )

    def measures(self) -> Sheet:
        """Return every measure of every card."""
        columns = (
            Column("对象号", 12),
            Column("姓名/名称", 16),
            Column("期间", self.instance_width),
            Column("段", 6),
            Column("指标", 26),
            Column("指标号", 20),
            Column("数值", 20, "mixed"),
            Column("单位", 8),
            Column("条款", 18),
        )

        def rows() -> Iterator[Row]:
            names = "subject_id, spell_no, instance, measure, num, den, divisor"
            for subject, spell, instance, name, num, den, divisor in self.kept.rows(
                "measures", names, "1, 3, 2, 4"
            ):
                measure = self.rulebook.measures.get(name)
                value = value_kept(num, den)
                shown = value / int(divisor) if value is not None and divisor else None
                yield (
                    str(subject),
                    self.kept.names.of(str(subject)),
                    str(instance),
                    f"第 {spell} 段",
                    measure.title if measure is not None else str(name),
                    str(name),
                    shown,
                    unit_text(measure.unit) if measure is not None else "",
                    measure.clause if measure is not None else "",
                )

        return Sheet("指标", "measures", columns, rows, frozen=2)

    # -- findings --

    def left_out(self) -> Sheet:
        """Return who was not appraised and why, with the instances of each reason together."""
        columns = (
            Column("员工号", 12),
            Column("姓名", 16),
            Column("周期", 8),
            Column("原因", 34),
            Column("期数", 6, "count"),
            Column("期间", 60),
        )

        def rows() -> Iterator[Row]:
            found: dict[tuple[str, str, str, str], list[str]] = {}
            names = "subject_id, every, reason, post, instance"
            for subject, every, reason, post, instance in self.kept.rows("left_out", names, "1, 2, 3, 4, 5"):
                found.setdefault((str(subject), str(every), str(reason), str(post or "")), []).append(
                    str(instance)
                )
            order: dict[str, list[str]] = {}
            for instance, every in self.kept.instances():
                order.setdefault(every, []).append(instance)
            for (subject, every, reason, post), instances in found.items():
                when = spans_text(instances, order.get(every, []))
                why = NO_CARD[reason][0] if reason in NO_CARD else f"岗位“{post}”不在考核对象之内"
                yield (
                    subject,
                    self.kept.names.of(subject),
                    EVERY[every],
                    why,
                    len(instances),
                    when,
                )

        return Sheet("未参加", "left_out", columns, rows, frozen=2)

    def decisions(self) -> Sheet:
        """Return the decisions that came true."""
        columns = (
            Column("对象号", 12),
            Column("姓名/名称", 16),
            Column("期间", 24),
            Column("决定", 24),
            Column("结论", 36),
            Column("改变", 14),
            Column("由", 12),
            Column("成为", 16),
            Column("自何日生效", 12, "date"),
            Column("状态", 22),
            Column("条款", 18),
        )

        def rows() -> Iterator[Row]:
            names = "subject_id, instance, decision, sets, before, after, in_force, undecided"
            for subject, instance, name, sets, before, after, day, undecided in self.kept.rows(
                "decisions", names, "1, 2, 3"
            ):
                decision = self.rulebook.decisions.get(name)
                yield (
                    str(subject),
                    self.kept.names.of(str(subject)),
                    str(instance),
                    decision.title if decision is not None else str(name),
                    decision.text if decision is not None else "",
                    state_name(sets, rulebook=self.rulebook) if sets else "",
                    str(before or ""),
                    str(after or ""),
                    day,
                    "未决: 同日有两个决定" if undecided else "生效",
                    decision.clause if decision is not None else "",
                )

        return Sheet("决定", "decisions", columns, rows, frozen=2)

    def checks(self) -> Sheet:
        """Return the checks that found something, and those that could not be decided."""
        columns = (
            Column("对象号", 12),
            Column("姓名/名称", 16),
            Column("考核对象", self.group_width),
            Column("期间", self.instance_width),
            Column("检查", 26),
            Column("结论", 40),
            Column("结果", 8),
            Column("未知的原因", 50),
            Column("条款", 18),
        )

        def rows() -> Iterator[Row]:
            for instance, every in self.kept.instances():
                for card in self.kept.cards(instance, every):
                    for name, figure in card.lines.items() if not card.spell else ():
                        line = self.rulebook.lines.get(name)
                        if line is None or line.role != "check" or (figure.known and figure.text != "yes"):
                            continue
                        yield (
                            card.subject, self.kept.names.of(card.subject), self.rulebook.groups[card.group].title,
                            card.instance, line.title, line.text if figure.known else "", "发现" if figure.known else UNKNOWN,
                            figure.why, line.clause,
                        )  # fmt: skip

        return Sheet("检查", "checks", columns, rows, frozen=2)

    def reconcile(self) -> Sheet:
        """Return the reconciliation: managers + unassigned = institutions = bank = control total."""
        columns = (
            Column("期间", 24),
            Column("指标", 26),
            Column("账簿", 10),
            Column("各经理合计", 20, "money"),
            Column("无人管户", 20, "money"),
            Column("各机构合计", 20, "money"),
            Column("全行", 20, "money"),
            Column("总账", 20, "money"),
            Column("差额", 16, "money"),
            Column("结论", 8),
            Column("说明", 40),
        )

        def rows() -> Iterator[Row]:
            names = "instance, measure, book, managers, unassigned, institutions, bank, control, holds"
            found = sorted(self.kept.rows("reconcile", names, "1, 2, 3"), key=lambda row: in_time(row[0]))
            for instance, name, book, *amounts, holds in found:
                measure = self.rulebook.measures.get(name)
                managers, rest, places, bank, control = (_amount(x) for x in amounts)
                # Each amount is rounded to the fen on its own; whether they agree was decided before that.
                gap = Fraction(0) if holds == "yes" else _gap(managers, rest, places, bank, control)
                note = "有的行没有机构" if holds == "yes" and places != bank else ""
                yield (
                    str(instance), measure.title if measure is not None else str(name), _BOOKS.get(book, str(book)), managers, rest, places,
                    bank, control, gap, "平" if holds == "yes" else "不平", note,
                )  # fmt: skip
            shown = {row[1] for row in found}
            for measure in self.rulebook.measures.values():
                if isinstance(measure, t.Measure) and not measure.per and measure.id not in shown:
                    why = why_not(measure, self.rulebook)
                    if why is not None:
                        empty = (None,) * 6
                        yield (
                            "",
                            measure.title,
                            _BOOKS.get(measure.book or "main", measure.book),
                            *empty,
                            "不适用",
                            why[0],
                        )

        return Sheet("对账", "reconcile", columns, rows, frozen=2)

    def parameters(self) -> Sheet:
        """Return the inputs as the bank supplied them, and those that it did not."""
        columns = (
            Column("参数", 26),
            Column("报送名", 22),
            Column("键", 18),
            Column("值", 14),
            Column("起", 12, "date"),
            Column("止", 12, "date"),
            Column("依据", 30),
            Column("批准", 12),
            Column("条款", 18),
        )

        def rows() -> Iterator[Row]:
            supplied = self.kept.parameters()
            seen = {row[0] for row in supplied}
            for name, keys, value, start, end, document, approved in supplied:
                declared = self.rulebook.inputs.get(name)
                last = end.fromordinal(end.toordinal() - 1) if end < FAR_FUTURE else None
                yield (
                    declared.title if declared is not None else "(办法中没有)", str(name), str(keys), str(value), start, last,
                    str(document), str(approved), declared.clause if declared is not None else "",
                )  # fmt: skip
            for name, declared in self.rulebook.inputs.items():
                if name not in seen:
                    by = "、".join(self.speaker.key(key) for key in declared.by)
                    what = "由有权人逐人决定" if declared.by_person else "没有提供"
                    yield (declared.title, name, by, what, None, None, "", "", declared.clause)

        return Sheet("参数", "parameters", columns, rows, frozen=1)

    def subjects_text(self) -> str:
        """Return the groups and what kind of subject each is."""
        return "; ".join(f"{group.title}(按{SCOPE[group.subject]})" for group in self.groups)


class Wide:
    """Lines as columns by their Chinese title; lines of two groups with one title and unit share a column."""

    def __init__(self, rulebook: t.Rulebook, lines: list[t.Line]) -> None:
        """Lay out the columns of the lines, in the order of the rulebook."""
        doubled = Counter((line.group, line.title, line.unit) for line in lines)
        self.rulebook = rulebook
        self.key: dict[str, tuple[str, Unit]] = {}
        for line in lines:
            twice = doubled[line.group, line.title, line.unit] > 1
            self.key[line.id] = (f"{line.title}({line.id})" if twice else line.title, line.unit)
        self.keys = list(dict.fromkeys(self.key.values()))

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns."""
        return tuple(
            Column(
                title if unit == RATIO else f"{title}({unit_text(unit)})",
                18 if unit == MONEY else 13,
                unit.kind,
            )
            for title, unit in self.keys
        )

    def cells(self, card: Card) -> tuple[Row, str]:
        """Return the cells of a card, blank where a line is unknown, and why; a dash for lines of other groups."""
        values: dict[tuple[str, Unit], Cell] = {}
        remarks: dict[str, list[str]] = {}
        for name, figure in card.lines.items():
            if name not in self.key:
                continue
            values[self.key[name]] = (
                figure.value if figure.value is not None else _YES_NO.get(figure.text, figure.text)
            )
            if not figure.known:
                remarks.setdefault(figure.why, []).append(self.rulebook.lines[name].title)
        remark = "; ".join(f"{why}: {'、'.join(titles)}未结清" for why, titles in remarks.items())
        return tuple(values.get(key, NOT_OF_IT) for key in self.keys), remark


def _summed(line: t.Line) -> str:
    return f"{line.title}(全期合计)"


def spans_text(keys: list[str], order: list[str]) -> str:
    """Return keys in words; of those that follow each other in `order` only the first and the last.

    >>> spans_text(["2025-01", "2025-02", "2025-03", "2025-06"], [f"2025-{m:02d}" for m in range(1, 13)])
    '2025-01 至 2025-03、2025-06'
    """
    places = {key: place for place, key in enumerate(order)}
    spans: list[list[str]] = []
    for key in keys:
        if spans and places.get(key, -1) == places.get(spans[-1][-1], -9) + 1:
            spans[-1].append(key)
        else:
            spans.append([key])
    return "、".join(f"{span[0]} 至 {span[-1]}" if len(span) > 2 else "、".join(span) for span in spans)


def _amount(text: str) -> Fraction | None:
    return decimal_of(text.replace(",", "")) if text else None


def _gap(
    managers: Fraction | None,
    rest: Fraction | None,
    places: Fraction | None,
    bank: Fraction | None,
    control: Fraction | None,
) -> Fraction | None:
    """Return the first difference of the chain; 0 when all agree at two places."""
    if managers is None or rest is None or places is None or bank is None:
        return None
    gaps = [managers + rest - places, places - bank, *([bank - control] if control is not None else [])]
    return next((gap for gap in gaps if gap), Fraction(0))
