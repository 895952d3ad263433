"""Credited rows as sentences: what each account or row adds to a measure, on which days and why.

What the rows of an account add sums to what the account adds, and that to the figure, for each way of taking:
of a mean each row adds its part, of the lowest or highest only the row that was taken, of a distinct count
the first row of each thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction

from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.by_customer import customer_of
from guanhu.rulebook.explain.substituted import substituted
from guanhu.rulebook.explain.told import Told, value_text
from guanhu.rulebook.explain.values import CreditedRow, MeasureNote, Traced, Unknown, Value, known_or
from guanhu.rulebook.print.sentence import Speaker
from guanhu.values import units
from guanhu.values.exact import PPB, shown
from guanhu.values.units import Unit

_BALANCE = ("", "balance")
_PERCENT_PLACES = 9
_FACTOR_PLACES = 12
_ODD_PLACES = 12
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
    ) -> None:
        """Take the measure and how it came about."""
        self.rulebook, self.measure, self.note, self.said, self.inside = (
            rulebook,
            measure,
            note,
            said,
            inside,
        )
        self.speaker = Speaker(rulebook)
        self.is_standing = measure.kind.dated is Dated.CHANGE

    def told(self, *, rows: bool) -> Iterator[Told]:
        """Yield what each account, loan or row adds, and with `rows` on which days and how; under customers where those are rounded."""
        adding = list(zip(self.note.rows, added(self.note), strict=True))
        if not self.note.customers:
            yield from self._objects(adding, rows=rows)
            return
        for key, exact, rounded in self.note.customers:
            kind, name = key if isinstance(key, tuple) else ("row", str(key))
            title = f"客户 {name}" if kind == "customer" else f"没有客户的 {name}"
            text = f"{title}: {self.said(exact, self.measure.unit)} 取整为 {self.said(rounded, self.measure.unit)}"
            told = Told(text, rounded, "customer", name, facts={"exact": str(exact)})
            own = [x for x in adding if customer_of(x[0].thing, x[0].object_id) == key]
            told.parts.extend(self._objects(own, rows=rows))
            places = self.measure.round_to or 0
            odd = Told(
                f"四舍五入到 {places} 位, 差 {shown(rounded - exact, _ODD_PLACES)}",
                rounded - exact,
                "rounded off",
            )
            told.parts.append(odd)
            yield told

    def _objects(self, adding: list[tuple[CreditedRow, Value]], *, rows: bool) -> Iterator[Told]:
        by_object: dict[str, list[tuple[CreditedRow, Value]]] = {}
        for row, adds in adding:
            by_object.setdefault(row.object_id, []).append((row, adds))
        for key, unsorted in by_object.items():
            # The engine gives assignments in any order; what is told is the same each time.
            own = sorted(unsorted, key=lambda x: (x[0].start, x[0].weight))
            adds = total([x for _, x in own])
            held = self.held([row for row, _ in own])
            told = Told(
                f"{key}: 计入 {self.said(adds, self.measure.unit)}({'、'.join(f'{x} 份额 {y}' for y, x in held.items())})",
                adds,
                "account",
                key,
                facts={"held": [{"days": x, "share": y} for y, x in held.items()]},
            )
            if rows:
                told.parts.extend(self.row(row, x) for row, x in own)
            yield told

    def days_that_count(self, *, rows: bool) -> Iterator[Told]:
        """Yield for the lowest or highest day which it was, else each stretch of days, and with `rows` what made up its total."""
        condition = self.measure.take.condition
        if condition is None:
            days = sum(x.days for x in self.note.totals)
            first = self.note.totals[0].start
            word = "最低" if self.note.take == "lowest" else "最高"
            yield Told(
                f"{word}的一天是 {first}" + (f"(共 {days} 天如此)" if days > 1 else ""), kind="day taken"
            )
            return
        yield Told(f"条件 {self.speaker.say(condition)}", kind="where")
        for each in self.note.totals:
            counts = Fraction(each.days if each.counts is True else 0)
            how = f"计 {each.days} 天" if counts else "不计"
            unit = self.measure.each.unit if self.measure.each is not None else units.COUNT
            told = Told(
                f"{days_text(each.start, each.end)}: 当天合计 {self.said(each.total, unit)}, {how}",
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
                    text = f"{row.object_id}: {self.said(part, unit)}(份额 {self.percent(row)})"
                    told.parts.append(Told(text, part, "part of a day", row.object_id))
            yield told

    def held(self, rows: list[CreditedRow]) -> dict[str, str]:
        """Return by share the days on which it counted: how many of a standing thing, which day of a row."""
        spans: dict[str, set[tuple[date, date]]] = {}
        for row in rows:
            spans.setdefault(self.percent(row), set()).add((row.start, row.end))
        return {
            share: f"{sum((end - start).days for start, end in days)} 天"
            if self.is_standing
            else "、".join(days_text(*x) for x in sorted(days))
            for share, days in spans.items()
        }

    def percent(self, row: CreditedRow) -> str:
        """Return a row's share; of a moving baseline the mean share over the days of the own window."""
        return f"{shown(Fraction(row.weight, PPB * max(self.note.own_days, 1)) * 100, _PERCENT_PLACES)}%"

    def share(self, row: CreditedRow) -> str:
        """Return a row's share, of a moving baseline with the share × days that it comes from."""
        own, text = self.note.own_days, self.percent(row)
        return f"{text}(本期 {shown(Fraction(row.weight, PPB))} 份额·天 ÷ {own} 天)" if own else text

    def row(self, row: CreditedRow, adds: Value) -> Told:
        """Return one row: its days and share, its arithmetic, and each figure with its date and source."""
        told = Told(
            f"{days_text(row.start, row.end)} 份额 {self.share(row)}: 计入 {self.said(adds, self.measure.unit)}",
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
            held = "未知" if isinstance(where.value, Unknown) else "符合"
            told.parts.append(
                Told(f"条件 {self.speaker.say(where.node)}: {held}", kind="where", parts=self.inside(where))
            )
        if each is not None:
            numbers = substituted(self.rulebook, each, self.said, named)
            text = f"每笔算式 {self.speaker.say(each.node)}"
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
            text = f"余额积数 {value_text(row.quantity, units.MONEY_DAY)}, {row.days} 天, 日均余额 {value_text(row.quantity / row.days, units.MONEY)}"
            yield Told(text, row.quantity, "balance days")
        elif self.is_standing:
            yield Told(f"同样的行 {shown(row.quantity)} 天(共 {row.days} 天)", row.quantity, "days held")

    def arithmetic(self, row: CreditedRow, adds: Value, each: Traced | None) -> str:
        """Return how a row comes to what it adds."""
        unit = self.measure.unit
        if self.note.take in ("lowest", "highest", "mean", "distinct") and not self.note.totals:
            count = len(self.note.rows)
            how = {"mean": f", {count} 行平均, 各计 1/{count}", "distinct": ", 同一个只计一次"}.get(
                self.note.take, ", 取此行" if adds or adds == row.amount else ", 没有取此行"
            )
            return f"这一行 {self.said(row.amount, unit)}{how}"
        factors: list[str] = []
        weighted = row.quantity * row.weight
        per = (row.amount if isinstance(row.amount, Fraction) else Fraction(0)) / (weighted or 1)
        if self.note.is_linear:
            factors.append(value_text(row.quantity, units.MONEY_DAY))
            if per != 1:
                factors.append(self.factor(per, each))
        else:
            factors.append(self.said(per, each.node.unit if each is not None else units.COUNT))
            if self.is_standing and row.quantity != 1:
                factors.append(f"{shown(row.quantity)} 天")
        own = max(self.note.own_days, 1)
        factors.append(f"份额 {self.percent(row)}")
        divisor = self.note.divisor / PPB / own if self.note.divisor >= PPB else Fraction(1)
        tail = f" ÷ {shown(divisor)}" if divisor != 1 else ""
        return f"{' × '.join(factors)}{tail} = {self.said(adds, unit)}"

    def factor(self, per: Fraction, each: Traced | None) -> str:
        """Return by what a linear measure multiplies the balance: a yearly rate as such, else a number."""
        if each is not None and each.node.unit == units.MONEY_YEAR:
            return f"{shown(per * 100, _FACTOR_PLACES)}%"
        return shown(per, _FACTOR_PLACES)


__all__ = ["CreditedTeller", "added", "total"]
