"""Which kinds of manager a question is asked of: names, days and periods, one of all that the formulas cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import product
from math import ceil, floor
from typing import Any

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.prove.leaves import (
    Book,
    Choice,
    days_for,
    key_of,
    period_for,
    period_from,
    period_holding,
)
from guanhu.rulebook.prove.replay import Point, expression_at
from guanhu.values import units
from guanhu.values.dates import MONTHS_OF, add_months

_CONSTANTS = (t.Const, t.WordConst, t.DateConst, t.YesNoConst)
_LONG_AGO = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of manager: names and days, and the period. `all_said` is false where more days are possible than are tried."""

    chosen: dict[str, Any]
    period: str
    all_said: bool


class Kinds:
    """The kinds of manager of a rulebook, remembered by lines."""

    def __init__(self, book: Book) -> None:
        """Take the rulebook."""
        self.book, self.rulebook = book, book.rulebook
        self._fixed: dict[tuple[str, ...], tuple[list[t.Expr], bool]] = {}
        self._held: dict[object, object] = {}
        self._depends: dict[int, tuple[tuple[str, ...], bool]] = {}

    def all(self, names: Sequence[str], fixed_choices: Mapping[str, object]) -> Iterator[Kind]:
        """Yield the combinations of names, days and period; those for whom the lines are not are left out."""
        choices: dict[str, Choice] = {}
        for name in names:
            choices.update({c.key: c for c in self.book.choices(name)})
        every = self.book.owner(names[0]).every
        periods = choices.pop("period").values if "period" in choices else (period_for(every),)
        periods = tuple(
            dict.fromkeys((*periods, *self._of_versions(names, every), *self._at_days(names, every)))
        )
        for key, choice in choices.items():
            if choice.sampled:
                choices[key] = self._days(names, choice, [str(period) for period in periods])
        for key, value in fixed_choices.items():
            choices[key] = Choice(key, (value,))  # type: ignore[arg-type]
        all_said = not any(c.sampled for c in choices.values())
        for period in periods:
            for values in product(*(c.values for c in choices.values())):
                chosen = dict(zip(choices, values, strict=True))
                if all(self._belongs(name, chosen, str(period)) for name in names):
                    yield Kind(chosen, str(period), all_said)

    def _of_versions(self, names: Sequence[str], every: str) -> tuple[str, ...]:
        """Return a period for each version of the tables that lines read, where there are several."""
        read = {n.table for name in names for n in self.book.closure(name) if isinstance(n, t.Lookup)}
        tables = [self.rulebook.tables[name] for name in sorted(read)]
        starts = {v.start for table in tables if len(table.versions) > 1 for v in table.versions}
        return tuple(period_from(every, start) for start in sorted(starts)) if every in MONTHS_OF else ()

    def _at_days(self, names: Sequence[str], every: str) -> Iterator[str]:
        """Yield the periods that days of the text cut: the one that holds such a day, and one on each side.

        Days of one's own are cut by days of the text too: who was hired since, and so many months ago, is there later.
        Where months are told apart, all of a year on each side; where the length of the instance is, all lengths.
        """
        if every not in MONTHS_OF:
            return
        nodes = [n for name in names for n in self.book.closure(name)]
        length = MONTHS_OF[every]
        if any(isinstance(n, t.Compare | t.Lookup) and _reads_length(n) for n in nodes):
            yield from (period_holding(every, date(2028, month, 1)) for month in range(1, 13, length))
            yield from (period_holding(every, date(2025, month, 1)) for month in range(1, 13, length))
        if any(isinstance(n, t.InstanceValue) and n.unit == units.DATE for n in nodes):
            parts = any(isinstance(n, t.DatePart) for n in nodes)
            back = range(-12, 12 + length, length) if parts else (-length, 0, length)
            for day in sorted(set(_days_that_cut(nodes))):
                for months in back:
                    yield period_holding(every, add_months(day, months))

    def _belongs(self, name: str, chosen: Mapping[str, Any], period: str) -> bool:
        return self._value(self.book.condition(name), chosen, period) is not False

    # -- what the formulas can tell apart --

    def signature(
        self, names: Sequence[str], chosen: Mapping[str, Any], period: str, *, any_day: bool = False
    ) -> object:
        """Return what the formulas of lines make of names, days and period: where two agree the formulas are the same.

        `any_day` leaves out what hangs on days and on the period.
        """
        fixed, mergeable = self._fixed_parts(tuple(names))
        if not mergeable:
            return repr([(k, v) for k, v in sorted(chosen.items()) if not any_day or isinstance(v, str)])
        found: list[object] = []
        for node in fixed:
            if isinstance(node, t.InputRef):
                found.append(key_of(node, chosen))
            elif isinstance(node, t.Lookup):
                found.append(self._rows(node, chosen, period, any_day=any_day))
            elif not any_day or not self._hangs_on_days(node):
                found.append(repr(self._value(node, chosen, period)))
        if not any_day and any(x.for_days for x in self._lines(names)):
            found.append(days_for(period).days)
        return tuple(found)

    def _lines(self, names: Sequence[str]) -> Iterator[t.Line]:
        for name in names:
            read = {n.name for n in self.book.closure(name) if isinstance(n, t.LineRef)} | {name}
            yield from (self.rulebook.lines[x] for x in read if x in self.rulebook.lines)

    def _rows(self, node: t.Lookup, chosen: Mapping[str, Any], period: str, *, any_day: bool) -> object:
        """Return which rows of a table are in force, and which of them the names among its keys leave open."""
        rows = rows_in_force(self.rulebook.tables[node.table], days_for(period).last_day)
        names = [(at, chosen.get(key_of(x, {}))) for at, x in enumerate(node.keys) if _is_name(x)]
        left = tuple(
            all(not isinstance(c := row.cells[at], t.ChoiceCell) or name in c.choices for at, name in names)
            for row in rows
        )
        return left, tuple(name is None for _, name in names), "" if any_day else id(rows)

    def _fixed_parts(self, names: tuple[str, ...]) -> tuple[list[t.Expr], bool]:
        """Return the largest expressions that hang on names, days and period alone; and whether kinds may be merged at all."""
        if names not in self._fixed:
            found: dict[int, t.Expr] = {}
            mergeable = True
            for name in names:
                roots = (*self.book.roots(name), self.book.condition(name))
                for root in self.book.roots_reached(roots):
                    for node in self._largest(root):
                        found[id(node)] = node
                        odd = isinstance(node, t.MeasureRef | t.InputRef) and units.is_choice(node.unit)
                        mergeable = mergeable and not odd
            self._fixed[names] = list(found.values()), mergeable
        return self._fixed[names]

    def _largest(self, node: t.Expr) -> Iterator[t.Expr]:
        if self._is_fixed(node):
            if not isinstance(node, _CONSTANTS):
                yield node
            return
        if isinstance(node, t.InputRef | t.Lookup) or (
            isinstance(node, t.MeasureRef) and units.is_choice(node.unit)
        ):
            yield node
        for child in node.children():
            if not (isinstance(node, t.Lookup) and _is_name(child)):
                yield from self._largest(child)

    def _is_fixed(self, node: t.Expr) -> bool:
        match node:
            case t.Const() | t.WordConst() | t.DateConst() | t.YesNoConst() | t.InstanceValue():
                return True
            case t.SubjectValue() | t.State() | t.RowValue():
                return units.is_choice(node.unit) or node.unit == units.DATE
            case t.Compare() | t.In() | t.DatePart() | t.Between():
                return all(self._is_fixed(child) for child in node.children())
            case _:
                # Of what is put together each part is looked at: a question may be about one of them.
                return False

    def _hangs_on_days(self, node: t.Expr) -> bool:
        _, on_period = self._keys(node)
        return on_period or any(n.unit == units.DATE for n in t.walk(node))

    def _keys(self, node: t.Expr) -> tuple[tuple[str, ...], bool]:
        """Return the names and days that an expression hangs on, and whether it hangs on the period."""
        if id(node) not in self._depends:
            parts = list(t.walk(node))
            keys = {key_of(p, {}) for p in parts if isinstance(p, t.SubjectValue | t.State | t.RowValue)}
            on_period = any(isinstance(p, t.InstanceValue) for p in parts)
            self._depends[id(node)] = tuple(sorted(keys)), on_period
        return self._depends[id(node)]

    def _value(self, node: t.Expr, chosen: Mapping[str, Any], period: str) -> object:
        keys, on_period = self._keys(node)
        asked = (id(node), tuple(chosen.get(key) for key in keys), period if on_period else "")
        if asked not in self._held:
            self._held[asked] = expression_at(self.rulebook, node, Point(period, dict(chosen))).value
        return self._held[asked]

    # -- days of one's own --

    def _days(self, names: Sequence[str], choice: Choice, periods: list[str]) -> Choice:
        """Return the days to try: where a day is only compared, both sides of every mark, and then there are no others."""
        marks: set[date] = set()
        turning: list[t.Expr] = []
        seen = 0
        for name in names:
            for root in self.book.roots_reached((*self.book.roots(name), self.book.condition(name))):
                for node in t.walk(root):
                    seen += _is_day(node, choice.key)
                    if isinstance(node, t.Compare):
                        turns = list(_marks(node, choice.key, periods))
                        turning += [node] if turns else []
                        marks.update(turns)
        if not seen or seen != len(turning):
            return choice
        beside = {mark + timedelta(days=days) for mark in marks for days in range(-3, 4)}
        ordinary = [day for day in choice.values if isinstance(day, date)]
        alike: dict[object, date] = {}
        for day in [*ordinary, *sorted(beside), _LONG_AGO]:
            found = tuple(self._value(n, {choice.key: day}, period) for n in turning for period in periods)
            alike.setdefault(found, day)
        return Choice(choice.key, tuple(alike.values()))


def _days_that_cut(nodes: Sequence[t.Expr]) -> Iterator[date]:
    """Yield the days of the text, the beginnings of its years, and days so long after them as spans are asked about."""
    days = [n.value for n in nodes if isinstance(n, t.DateConst)]
    spans: list[tuple[str, int]] = []
    for node in nodes:
        sides = (node.left, node.right) if isinstance(node, t.Compare) else ()
        for one, other in (sides, sides[::-1]) if sides else ():
            if not isinstance(other, t.Const):
                continue
            if isinstance(one, t.DatePart) and one.part == "year" and 1900 < other.value < 2200:
                days += [date(floor(other.value), 1, 1), date(floor(other.value) + 1, 1, 1)]
            if isinstance(one, t.Between) and abs(other.value) < 40000:
                spans.append((one.what, ceil(other.value)))
    yield from days
    for day in days:
        for what, count in spans:
            yield add_months(day, count) if what == "months" else day + timedelta(days=count)


def _reads_length(node: t.Compare | t.Lookup) -> bool:
    sides = node.keys if isinstance(node, t.Lookup) else (node.left, node.right)
    return any(isinstance(x, t.InstanceValue) and x.name == "period_days" for x in sides)


def _is_name(node: t.Expr) -> bool:
    return isinstance(node, t.SubjectValue | t.State | t.RowValue) and units.is_choice(node.unit)


def _is_day(node: t.Expr, key: str) -> bool:
    return isinstance(node, t.SubjectValue) and node.unit == units.DATE and key_of(node, {}) == key


def _marks(node: t.Compare, key: str, periods: Iterable[str]) -> Iterator[date]:
    """Yield the days at which a comparison of a day of one's own turns; none when it is not of the kind that only turns there."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if _is_day(one, key):
            for period in periods:
                end = _end(other, period)
                if end is not None:
                    yield end
        if isinstance(one, t.Between) and isinstance(other, t.Const):
            sides = [one.first, one.last]
            mine = [x for x in sides if _is_day(x, key)]
            fixed = [x for x in sides if not _is_day(x, key)]
            if len(mine) != 1 or len(fixed) != 1:
                continue
            for period in periods:
                end = _end(fixed[0], period)
                if end is not None:
                    yield from _away(end, one.what, other.value)


def _end(node: t.Expr, period: str) -> date | None:
    match node:
        case t.DateConst(value=value):
            return value
        case t.InstanceValue(name="period_start"):
            return days_for(period).start
        case t.InstanceValue(name="period_end"):
            return days_for(period).last_day
        case _:
            return None


def _away(end: date, what: str, value: Fraction) -> Iterator[date]:
    for whole in {floor(value) - 1, floor(value), ceil(value), ceil(value) + 1}:
        for count in (whole, -whole):
            yield add_months(end, count) if what == "months" else end + timedelta(days=count)


__all__ = ["Kind", "Kinds"]
