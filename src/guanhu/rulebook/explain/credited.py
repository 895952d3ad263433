"""Credited rows as sentences: what each account or row adds to a measure, on which days and why.

What the rows of an account add sums to what the account adds, and that to the figure, for each way of taking:
of a mean each row adds its part, of the lowest or highest only the row that was taken, of a distinct count
the first row of each thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.by_customer import customer_of
from guanhu.rulebook.explain.substituted import substituted
from guanhu.rulebook.explain.told import Told, odd_told, value_text
from guanhu.rulebook.explain.values import CreditedRow, MeasureNote, Stretch, Traced, Unknown, Value, known_or
from guanhu.rulebook.print.sentence import Speaker
from guanhu.values import units
from guanhu.values.exact import PPB, shown
from guanhu.values.language import ZH
from guanhu.values.units import Unit

_BALANCE = ("", "balance")
_PERCENT_PLACES = 9
_FACTOR_PLACES = 12
Said = Callable[[Value | None, Unit], str]


def added(note: MeasureNote) -> list[Value]:
    """Return what each credited row adds to the figure, in the order of the rows; together they are the figure."""
    known = [row.amount for row in note.rows if isinstance(row.amount, Fraction)]
    taken: set[object] = set()
    found: list[Value] = []
    edge = None if note.totals else {"lowest": min, "highest": max}.get(note.take)
    for row in note.rows:
        if isinstance(row.amount, Unknown):
            found.append(row.amount)
        elif edge is not None:
            is_first = row.amount == edge(known) and not taken
            taken |= {row.amount} if is_first else set()
            found.append(row.amount if is_first else Fraction(0))
        elif note.take == "distinct":
            found.append(Fraction(int(row.thing is not None and row.thing not in taken)))
            taken.add(row.thing)
        else:
            found.append(row.amount / (len(known) if note.take == "mean" else note.divisor or 1))
    return found


def total(values: list[Value]) -> Value:
    """Return a sum, or the first unknown."""
    unknown = next((v for v in values if isinstance(v, Unknown)), None)
    return known_or(unknown, sum((v for v in values if isinstance(v, Fraction)), Fraction(0)))


def days_text(start: date, end: date) -> str:
    """Return a row's days, both included.

    >>> days_text(date(2025, 7, 1), date(2025, 10, 1)), days_text(date(2025, 7, 1), date(2025, 7, 2))
    ('2025-07-01..2025-09-30', '2025-07-01')
    """
    last = end - timedelta(days=1)
    return f"{start}" if last == start else f"{start}..{last}"


class CreditedTeller:
    """Tells the credited rows of one measure. `inside` tells what a formula was made of."""

    def __init__(
        self,
        rulebook: t.Rulebook,
        measure: t.Measure,
        note: MeasureNote,
        said: Said,
        inside: Callable[[Traced], list[Told]],
        lang: str = ZH,
    ) -> None:
        """Take the measure and how it came about."""
        self.rulebook, self.measure, self.note, self.said, self.inside = (
            rulebook,
            measure,
            note,
            said,
            inside,
        )
        self.lang, self.speaker = lang, Speaker(rulebook, lang)
        self.put = self.speaker.put
        self.is_standing = measure.kind.dated is Dated.CHANGE

    def told(self, *, rows: bool) -> Iterator[Told]:
        """Yield what each account, loan or row adds, and with `rows` on which days and how; under customers where those are rounded."""
        adding = list(zip(self.note.rows, added(self.note), strict=True))
        if not self.note.customers:
            yield from self._objects(adding, rows=rows)
            return
        for key, exact, rounded in self.note.customers:
            kind, name = key if isinstance(key, tuple) else ("row", str(key))
            title = (
                self.put("客户 {x}", "customer {x}", x=name)
                if kind == "customer"
                else self.put("没有客户的 {x}", "{x}, without a customer", x=name)
            )
            text = self.put(
                "{title}: {exact} 取整为 {rounded}",
                "{title}: {exact} is rounded to {rounded}",
                title=title,
                exact=self.said(exact, self.measure.unit),
                rounded=self.said(rounded, self.measure.unit),
            )
            told = Told(text, rounded, "customer", name, facts={"exact": str(exact)})
            own = [x for x in adding if customer_of(x[0].thing, x[0].object_id) == key]
            told.parts.extend(self._objects(own, rows=rows))
            places = self.measure.round_to or 0
            zh, en = "四舍五入到 {places} 位, 差 {odd}", "rounded to {places} places, {odd} apart"
            text = self.put(zh, en, places=places, odd=self.said(rounded - exact, self.measure.unit))
            told.parts.append(Told(text, rounded - exact, "rounded off"))
            told.parts.extend(self.odd(rounded, told.parts))
            yield told

    def odd(self, whole: Value | None, parts: Iterable[Told]) -> Iterator[Told]:
        """Yield what the printed parts lack of the measure's printed figure, or of an account's."""
        return odd_told(whole, parts, self.measure.unit, self.lang)

    def _objects(self, adding: list[tuple[CreditedRow, Value]], *, rows: bool) -> Iterator[Told]:
        by_object: dict[str, list[tuple[CreditedRow, Value]]] = {}
        for row, adds in adding:
            by_object.setdefault(row.object_id, []).append((row, adds))
        for key, unsorted in by_object.items():
            # The engine gives assignments in any order; what is told is the same each time.
            own = sorted(unsorted, key=lambda x: (x[0].start, x[0].weight))
            adds = total([x for _, x in own])
            held = self.held([row for row, _ in own])
            shares = (self.put("{x} 份额 {y}", "{x} at {y}", x=x, y=y) for y, x in held.items())
            text = self.put(
                "{key}: 计入 {adds}({held})",
                "{key}: adds {adds} ({held})",
                key=key,
                adds=self.said(adds, self.measure.unit),
                held=self.speaker.joined(shares),
            )
            told = Told(
                text,
                adds,
                "account",
                key,
                facts={"held": [{"days": x, "share": y} for y, x in held.items()]},
            )
            if rows:
                told.parts.extend(self.row(row, x) for row, x in own)
                told.parts.extend(self.odd(adds, told.parts))
            yield told

    def days_that_count(self, *, rows: bool) -> Iterator[Told]:
        """Yield for the lowest or highest day which it was, else each stretch of days, and with `rows` what made up its total."""
        condition = self.measure.take.condition
        if condition is None:
            days = sum(x.days for x in self.note.totals)
            first = self.note.totals[0].start
            word = self.put("最低", "lowest") if self.note.take == "lowest" else self.put("最高", "highest")
            text = self.put("{word}的一天是 {day}", "the {word} day is {day}", word=word, day=first)
            if days > 1:
                text += self.put("(共 {n} 天如此)", " ({n} days are so)", n=days)
            yield Told(text, kind="day taken")
            return
        yield Told(self.put("条件 {x}", "condition {x}", x=self.speaker.say(condition)), kind="where")
        for each in self.note.totals:
            counts = Fraction(each.days if each.counts is True else 0)
            how = (
                self.put("计 {n} 天", "{n} days count", n=each.days)
                if counts
                else self.put("不计", "does not count")
            )
            unit = self.measure.each.unit if self.measure.each is not None else units.COUNT
            text = self.put(
                "{days}: 当天合计 {total}, {how}",
                "{days}: {total} on the day, {how}",
                days=days_text(each.start, each.end),
                total=self.said(each.total, unit),
                how=how,
            )
            told = Told(
                text,
                counts,
                "stretch of days",
                facts={
                    "from": str(each.start),
                    "to": str(each.end - timedelta(days=1)),
                    "total": str(each.total),
                },
            )
            for row in each.rows if rows else ():
                if isinstance(row.amount, Fraction):
                    part = row.amount / PPB
                    text = self.put(
                        "{id}: {part}(份额 {share})",
                        "{id}: {part} (share {share})",
                        id=row.object_id,
                        part=self.said(part, unit),
                        share=self.percent(row),
                    )
                    told.parts.append(Told(text, part, "part of a day", row.object_id))
            told.parts.extend(odd_told(each.total, told.parts, unit, self.lang))
            yield told

    def held(self, rows: list[CreditedRow]) -> dict[str, str]:
        """Return by share the days on which it counted: how many of a standing thing, which day of a row."""
        spans: dict[str, set[tuple[date, date]]] = {}
        for row in rows:
            spans.setdefault(self.percent(row), set()).add((row.start, row.end))
        return {
            share: self.put("{n} 天", "{n} days", n=sum((end - start).days for start, end in days))
            if self.is_standing
            else self.speaker.joined(days_text(*x) for x in sorted(days))
            for share, days in spans.items()
        }

    def percent(self, row: CreditedRow) -> str:
        """Return a row's share; of a moving baseline the mean share over the days of the own window."""
        return f"{shown(Fraction(row.weight, PPB * max(self.note.own_days, 1)) * 100, _PERCENT_PLACES)}%"

    def share(self, row: CreditedRow) -> str:
        """Return a row's share, of a moving baseline with the share × days that it comes from."""
        own, text = self.note.own_days, self.percent(row)
        if not own:
            return text
        return self.put(
            "{text}(本期 {weight} 份额·天 ÷ {own} 天)",
            "{text} (in the period {weight} share·days ÷ {own} days)",
            text=text,
            weight=shown(Fraction(row.weight, PPB)),
            own=own,
        )

    def row(self, row: CreditedRow, adds: Value) -> Told:
        """Return one row: its days and share, its arithmetic, and each figure with its date and source."""
        told = Told(
            self.put(
                "{days} 份额 {share}: 计入 {adds}",
                "{days} share {share}: adds {adds}",
                days=days_text(row.start, row.end),
                share=self.share(row),
                adds=self.said(adds, self.measure.unit),
            ),
            adds,
            "days",
            row.object_id,
            facts={
                "from": str(row.start),
                "to": str(row.end - timedelta(days=1)),
                "days": row.days,
                "quantity": str(row.quantity),
                "weight": str(Fraction(row.weight, PPB)),
            },
        )
        told.parts.extend(self.quantity(row))
        if row.trace is None:
            return told
        each, where = row.trace.each, row.trace.where
        named = (_BALANCE,) if self.note.is_linear else ()
        if where is not None:
            is_known = not isinstance(where.value, Unknown)
            held = self.put("符合", "holds") if is_known else self.put("未知", "unknown")
            zh, en = "条件 {x}: {held}", "condition {x}: {held}"
            text = self.put(zh, en, x=self.speaker.say(where.node), held=held)
            told.parts.append(Told(text, kind="where", parts=self.inside(where)))
        if each is not None:
            numbers = substituted(self.rulebook, each, self.said, named, self.lang)
            text = self.put("每笔算式 {x}", "each row {x}", x=self.speaker.say(each.node))
            shown_value = "" if self.note.is_linear else f" = {self.said(each.value, each.node.unit)}"
            formula = Told(f"{text}{f': {numbers}' if numbers else ''}{shown_value}", each.value, "formula")
            formula.parts.extend(x for x in self.inside(each) if not (named and x.path == "balance"))
            told.parts.append(formula)
        if isinstance(row.amount, Fraction):
            told.parts.append(
                Told(
                    self.arithmetic(row, adds, each), adds, "arithmetic", facts={"priced": str(row.trace.day)}
                )
            )
        return told

    def quantity(self, row: CreditedRow) -> Iterator[Told]:
        """Yield how much stands on how many days."""
        if self.note.is_linear:
            text = self.put(
                "余额积数 {sum}, {n} 天, 日均余额 {mean}",
                "balance × days {sum}, {n} days, daily average {mean}",
                sum=value_text(row.quantity, units.MONEY_DAY, self.lang),
                n=row.days,
                mean=value_text(row.quantity / row.days, units.MONEY, self.lang),
            )
            yield Told(text, row.quantity, "balance days", parts=self.stretches(row))
        elif self.is_standing:
            zh, en = "同样的行 {n} 天(共 {all} 天)", "the same row for {n} days (of {all})"
            text = self.put(zh, en, n=shown(row.quantity), all=row.days)
            yield Told(text, row.quantity, "days held", parts=self.stretches(row))

    def stretches(self, row: CreditedRow) -> list[Told]:
        """Return the stretches of equal balance of a row; where files meet, one goes on in the next."""
        found: list[Stretch] = []
        for each in row.stretches:
            if found and (found[-1].end, found[-1].balance) == (each.start, each.balance):
                found[-1] = replace(found[-1], end=each.end)
            else:
                found.append(each)
        return [self.stretch(x) for x in found]

    def stretch(self, stretch: Stretch) -> Told:
        """Return the days on which a balance stayed the same: balance × days for a linear measure, else the days."""
        days, balance = days_text(stretch.start, stretch.end), stretch.balance
        facts: dict[str, object] = {
            "from": str(stretch.start),
            "to": str(stretch.end - timedelta(days=1)),
            "days": stretch.days,
        }
        value = Fraction(stretch.days)
        if balance is None:
            text = self.put("{span}: {n} 天", "{span}: {n} days", span=days, n=stretch.days)
            return Told(text, value, "stretch", facts=facts)
        facts["balance"] = str(balance)
        said = value_text(balance, units.MONEY, self.lang)
        if not self.note.is_linear:
            zh, en = "{span}: 余额 {said}, {n} 天", "{span}: balance {said}, {n} days"
            text = self.put(zh, en, span=days, said=said, n=stretch.days)
            return Told(text, value, "stretch", facts=facts)
        value *= balance
        text = self.put(
            "{span}: 余额 {said} × {n} 天 = {product}",
            "{span}: balance {said} × {n} days = {product}",
            span=days,
            said=said,
            n=stretch.days,
            product=value_text(value, units.MONEY_DAY, self.lang),
        )
        return Told(text, value, "stretch", facts=facts)

    def arithmetic(self, row: CreditedRow, adds: Value, each: Traced | None) -> str:
        """Return how a row comes to what it adds."""
        unit = self.measure.unit
        if self.note.take in ("lowest", "highest", "mean", "distinct") and not self.note.totals:
            count = len(self.note.rows)
            how = {
                "mean": self.put(
                    ", {n} 行平均, 各计 1/{n}", ", the mean of {n} rows, each counts 1/{n}", n=count
                ),
                "distinct": self.put(", 同一个只计一次", ", the same thing counts once"),
            }.get(
                self.note.take,
                self.put(", 取此行", ", this row was taken")
                if adds or adds == row.amount
                else self.put(", 没有取此行", ", this row was not taken"),
            )
            said = self.said(row.amount, unit)
            return self.put("这一行 {said}{how}", "this row {said}{how}", said=said, how=how)
        factors: list[str] = []
        weighted = row.quantity * row.weight
        per = (row.amount if isinstance(row.amount, Fraction) else Fraction(0)) / (weighted or 1)
        if self.note.is_linear:
            factors.append(value_text(row.quantity, units.MONEY_DAY, self.lang))
            if per != 1:
                factors.append(self.factor(per, each))
        else:
            factors.append(self.said(per, each.node.unit if each is not None else units.COUNT))
            if self.is_standing and row.quantity != 1:
                factors.append(self.put("{n} 天", "{n} days", n=shown(row.quantity)))
        own = max(self.note.own_days, 1)
        factors.append(self.put("份额 {x}", "share {x}", x=self.percent(row)))
        divisor = self.note.divisor / PPB / own if self.note.divisor >= PPB else Fraction(1)
        tail = f" ÷ {shown(divisor)}" if divisor != 1 else ""
        return f"{' × '.join(factors)}{tail} = {self.said(adds, unit)}"

    def factor(self, per: Fraction, each: Traced | None) -> str:
        """Return by what a linear measure multiplies the balance: a yearly rate as such, else a number."""
        if each is not None and each.node.unit == units.MONEY_YEAR:
            return f"{shown(per * 100, _FACTOR_PLACES)}%"
        return shown(per, _FACTOR_PLACES)


__all__ = ["CreditedTeller", "added", "total"]
