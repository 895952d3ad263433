"""What a line stands on: the figures that a question may choose freely, their grids and ranges.

A leaf is called as a worked example calls it (`explain.given`), so that a counterexample can be tried again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.given import group_keys
from guanhu.rulebook.prove.titles import group_title, over_title
from guanhu.rulebook.shape import shape
from guanhu.rulebook.windows import plural_of
from guanhu.values import units
from guanhu.values.dates import MONTHS_OF, Span, add_months, period_of
from guanhu.values.units import Unit

_STEPS = {
    units.MONEY: Fraction(1, 100),
    units.MONEY_DAY: Fraction(1, 100),
    units.MONEY_YEAR: Fraction(1, 100),
    units.RATIO: Fraction(1, 10**4),
    units.ANNUAL_RATE: Fraction(1, 10**5),
    units.POINTS: Fraction(1, 100),
    units.COUNT: Fraction(1),
    units.DAYS: Fraction(1),
    units.NUMBER: Fraction(1, 100),
}
_PERIODS = {"month": "2025-07", "quarter": "2025Q3", "half": "2025H2", "year": "2025"}
_NOT_NEGATIVE = (units.COUNT, units.DAYS)
_PRICES = {units.RATIO: Fraction(10), units.ANNUAL_RATE: Fraction(1), units.NUMBER: None}
"""Units in which a bank sets prices and coefficients: not negative, nor beyond these, unless it says so."""
OTHER_CHOICE = "其他"
"""The choice that stands for all that the rulebook does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A figure that a question chooses: `step` is its grid, `low` and `high` its range, both ends included.

    `ranged` tells that the rulebook declares both ends; `optional` that it may be not given; `better` is more, less or ''.
    """

    key: str
    title: str
    unit: Unit
    clause: str = ""
    step: Fraction = Fraction(1)
    low: Fraction | None = None
    high: Fraction | None = None
    ranged: bool = False
    better: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A figure that is a name or a day: each of `values` is asked about by itself. `sampled`: there are more than these."""

    key: str
    values: tuple[str | date, ...]
    sampled: bool = False


Chosen = Mapping[str, str | date]
LEAVES = (
    t.SubjectValue,
    t.MeasureRef,
    t.InputRef,
    t.OverInstances,
    t.Previous,
    t.Streak,
    t.Times,
    t.State,
    t.Balance,
    t.LotFigure,
    t.Group,
)
"""What a worked example gives; a measure that is a formula may be given, or made of others."""


def plain(key: str) -> str:
    """Return a key without blanks, as keys are compared."""
    return re.sub(r"\s+", "", key)


def period_for(every: str, month: int = 7) -> str:
    """Return a period in which a line of this calendar unit is asked about; a shorter unit may choose its month."""
    match every:
        case "month":
            return f"2025-{month:02}"
        case "quarter":
            return f"2025Q{(month - 1) // 3 + 1}"
        case "half":
            return f"2025H{(month - 1) // 6 + 1}"
        case _:
            return _PERIODS.get(every, "2025")


def period_from(every: str, day: date) -> str:
    """Return the first period that begins on a day or later.

    >>> (
    ...     period_from("month", date(2025, 7, 1)),
    ...     period_from("quarter", date(2025, 7, 2)),
    ...     period_from("year", date(2026, 1, 1)),
    ... )
    ('2025-07', '2025Q4', '2026')
    """
    length = MONTHS_OF[every]
    at = day.year * 12 + day.month - 1 + (day.day > 1)
    year, month = divmod(-(-at // length) * length, 12)
    return str(year) + period_for(every, month + 1).removeprefix("2025")


def period_holding(every: str, day: date) -> str:
    """Return the period that holds a day.

    >>> period_holding("month", date(2025, 7, 1)), period_holding("quarter", date(2026, 3, 31))
    ('2025-07', '2026Q1')
    """
    return str(day.year) + period_for(every, day.month).removeprefix("2025")


def days_for(period: str) -> Span:
    """Return the days of a period."""
    found = period_of(period)
    if found is None:
        raise ValueError(period)
    return found


class Book:
    """A rulebook with what the questions ask of it again and again."""

    def __init__(self, rulebook: t.Rulebook) -> None:
        """Keep the rulebook; closures are found when they are asked for."""
        self.rulebook = rulebook
        self._closures: dict[str, tuple[t.Expr, ...]] = {}
        self._steps: dict[Unit, Fraction] = {}
        self._ends: dict[str, tuple[Fraction | None, Fraction | None]] = {}
        self._pooled: frozenset[str] | None = None
        self._in_part: dict[str, bool] = {}

    def roots(self, name: str) -> tuple[t.Expr, ...]:
        """Return the formulas of a line or decision."""
        return self.owner(name).formulas

    def owner(self, name: str) -> t.Line | t.Decision:
        """Return a line or a decision."""
        return self.rulebook.lines[name] if name in self.rulebook.lines else self.rulebook.decisions[name]

    def condition(self, name: str) -> t.Expr:
        """Return who a line or decision is for."""
        return self.rulebook.groups[self.owner(name).group].condition

    def closure(self, name: str) -> tuple[t.Expr, ...]:
        """Return every expression that a line stands on, those of the lines, measures and tables that it reads too."""
        if name not in self._closures:
            self._closures[name] = tuple(self.reached((*self.roots(name), self.condition(name))))
        return self._closures[name]

    def reached(self, roots: Iterable[t.Expr], *, allowed: bool = True) -> Iterator[t.Expr]:
        """Yield the expressions of formulas and of all that these read in the same instance, each once."""
        for root in self.roots_reached(roots, allowed=allowed):
            yield from t.walk(root)

    def roots_reached(self, roots: Iterable[t.Expr], *, allowed: bool = True) -> Iterator[t.Expr]:
        """Yield formulas and those of all that they read in the same instance, each once.

        With `allowed` also those that say within what an input lies.
        """
        waiting, seen = list(roots), set[str]()
        while waiting:
            root = waiting.pop()
            yield root
            for node in t.walk(root):
                more: tuple[t.Expr, ...] = ()
                match node:
                    case t.LineRef(name=name) | t.Streak(line=name) | t.Times(line=name):
                        key = f"line {name}"
                        more = self.roots(name)
                    case t.MeasureRef(name=name):
                        key = f"measure {name}"
                        measure = self.rulebook.measures[name]
                        more = (measure.expr,) if isinstance(measure, t.FormulaMeasure) else ()
                    case t.InputRef(name=name) if allowed:
                        key = f"input {name}"
                        declared = self.rulebook.inputs[name]
                        more = tuple(x for x in (declared.least, declared.most) if x is not None)
                    case t.Lookup(table=name):
                        key = f"table {name}"
                        more = tuple(table_formulas(self.rulebook.tables[name]))
                    case _:
                        continue
                if key not in seen:
                    seen.add(key)
                    waiting.extend(more)

    def in_part(self, name: str) -> bool:
        """Tell whether a line asks how many days a spell has, so that less than the whole instance is another case."""
        if name not in self._in_part:
            self._in_part[name] = any(_asks_of_spell(node) for node in self.closure(name))
        return self._in_part[name]

    def counts_along(self, names: Iterable[str], keys: frozenset[str]) -> frozenset[str]:
        """Return the streaks and counts under lines that a figure moves, because it decides whether their check holds now."""
        found: set[str] = set()
        for name in names:
            for node in self.closure(name):
                if isinstance(node, t.Streak | t.Times) and any(
                    isinstance(n, LEAVES) and key_of(n, {}) in keys for n in self.closure(node.line)
                ):
                    found.add(key_of(node, {}))
        return frozenset(found)

    def choices(self, name: str) -> list[Choice]:
        """Return the names and days that a line depends on."""
        found: dict[str, Choice] = {}
        for node in self.closure(name):
            if isinstance(node, t.SubjectValue | t.State | t.MeasureRef | t.InputRef | t.RowValue):
                self._choice(node, found)
            if isinstance(node, t.DatePart):
                found.setdefault("period", Choice("period", ()))
        if "period" in found:
            every = self.owner(name).every
            count = 12 // MONTHS_OF.get(every, 12)
            months = [1 + at * MONTHS_OF.get(every, 12) for at in range(count)]
            found["period"] = Choice("period", tuple(period_for(every, month) for month in months))
        return list(found.values())

    def _choice(self, node: t.Expr, found: dict[str, Choice]) -> None:
        key = key_of(node, {})
        if key in found:
            return
        if units.is_choice(node.unit):
            found[key] = Choice(key, self.values_of(node.unit.of))
        elif node.unit == units.DATE:
            found[key] = Choice(key, tuple(_days_to_try()), sampled=True)

    def values_of(self, of: str) -> tuple[str, ...]:
        """Return the choices of an attribute: those declared, else those that the rulebook names."""
        ladder = [w.choices for w in self.rulebook.words.values() if w.of == of and w.ladder]
        words = [c for w in self.rulebook.words.values() if w.of == of for c in w.choices]
        found = list(dict.fromkeys([*(c for choices in ladder for c in choices), *words]))
        if found:
            return tuple(found)
        named: dict[str, None] = {}
        for node in self._all():
            match node:
                case t.Compare(left=left, right=t.WordConst(value=value)) if left.unit.of == of:
                    named[value] = None
                case t.In(x=x, choices=choices) if x.unit.of == of:
                    named.update(dict.fromkeys(choices))
        for table in self.rulebook.tables.values():
            for at, unit in enumerate(table.key_units):
                if units.is_choice(unit) and unit.of == of:
                    for version in table.versions:
                        for row in version.rows:
                            cell = row.cells[at]
                            named.update(
                                dict.fromkeys(cell.choices if isinstance(cell, t.ChoiceCell) else ())
                            )
        for decision in self.rulebook.decisions.values():
            if decision.state == of and isinstance(decision.becomes, t.WordConst):
                named[decision.becomes.value] = None
        return tuple(named) or (OTHER_CHOICE,)

    def ends_of_formula(self, measure: t.FormulaMeasure) -> tuple[Fraction | None, Fraction | None]:
        """Return between which ends a formula measure lies: as declared, else by its form."""
        from guanhu.rulebook.prove.slope import ends_of  # noqa: PLC0415 - slopes stand on leaves

        if measure.id not in self._ends:
            low, high = ends_of(self, measure.expr, "2025")
            self._ends[measure.id] = (
                low if measure.low is None else measure.low,
                high if measure.high is None else measure.high,
            )
        return self._ends[measure.id]

    def ends_of_group(self, node: t.Group) -> tuple[Fraction | None, Fraction | None]:
        """Return between which ends a figure of a group lies: where what it is made of lies; a sum has no upper end."""
        from guanhu.rulebook.prove.slope import ends_of  # noqa: PLC0415 - slopes stand on leaves

        if node.below or node.of.unit not in units.SCALARS:
            return None, None
        key = f"group {key_of(node, {})}"
        if key not in self._ends:
            self._ends[key] = (None, None)
            low, high = ends_of(self, node.of, "2025")
            is_sum = node.how == "sum"
            self._ends[key] = (
                (Fraction(0) if low is not None and low >= 0 else None) if is_sum else low,
                None if is_sum else high,
            )
        return self._ends[key]

    def pooled(self) -> frozenset[str]:
        """Return the supplied figures that are the amount of a pool: nobody shares less than nothing unless a range says so."""
        if self._pooled is None:
            amounts = [n.amount for n in self._all() if isinstance(n, t.Pool)]
            refs = {n.name for amount in amounts for n in t.walk(amount) if isinstance(n, t.MeasureRef)}
            supplied = (m for m in self.rulebook.measures.values() if isinstance(m, t.FigureMeasure))
            self._pooled = frozenset(refs & {m.id for m in supplied})
        return self._pooled

    def instances_in(self, node: t.OverInstances) -> int:
        """Return how many instances of a shorter line the line that gathers them has at most."""
        inside = MONTHS_OF.get(node.every, 1)
        owners = [
            x
            for x in self.rulebook.evaluated()
            if any(n is node for r in self.roots(x.id) for n in t.walk(r))
        ]
        return max((MONTHS_OF.get(x.every, 12) // inside for x in owners), default=12 // inside)

    def _all(self) -> Iterator[t.Expr]:
        for group in self.rulebook.groups.values():
            yield from t.walk(group.condition)
        for item in self.rulebook.evaluated():
            for root in self.roots(item.id):
                yield from t.walk(root)

    def step_of(self, unit: Unit) -> Fraction:
        """Return the grid of a unit: its own, or finer where the rulebook's own numbers are."""
        if not self._steps:
            self._steps = dict(_STEPS)
            for found, value in self.constants():
                self._steps[found] = finer(self._steps.get(found, Fraction(1, 100)), value)
        return self._steps.get(unit, Fraction(1, 100))

    def steps(self) -> Iterator[t.Steps]:
        """Yield what is counted in steps."""
        yield from (node for node in self._all() if isinstance(node, t.Steps))

    def constants(self) -> Iterator[tuple[Unit, Fraction]]:
        """Yield the numbers that figures are compared with or looked up between, each with its unit."""
        for node in self._all():
            if isinstance(node, t.Compare):
                for one, other in ((node.left, node.right), (node.right, node.left)):
                    if isinstance(other, t.Const) and one.unit not in _NOT_NEGATIVE:
                        yield one.unit, other.value
        for table in self.rulebook.tables.values():
            for version in table.versions:
                for row in version.rows:
                    for unit, cell in zip(table.key_units, row.cells, strict=True):
                        if isinstance(cell, t.RangeCell) and unit not in _NOT_NEGATIVE:
                            yield from ((unit, edge) for edge in (cell.low, cell.high) if edge is not None)


def _asks_of_spell(node: t.Expr) -> bool:
    sides = node.keys if isinstance(node, t.Lookup) else ()
    if isinstance(node, t.Compare) and any(
        isinstance(x, t.Const | t.InstanceValue) for x in (node.left, node.right)
    ):
        sides = (node.left, node.right)
    return any(isinstance(x, t.InstanceValue) and x.name == "spell_days" for x in sides)


def finer(step: Fraction, value: Fraction) -> Fraction:
    """Return a decimal grid that holds `value`, not coarser than `step` nor finer than 1e-9.

    >>> finer(Fraction(1, 100), Fraction(1, 8)), finer(Fraction(1, 100), Fraction(1, 3))
    (Fraction(1, 1000), Fraction(1, 100))
    """
    fine = step
    while (value / fine).denominator != 1:
        fine /= 10
        if fine < Fraction(1, 10**9):
            return step
    return fine


def table_formulas(table: t.Table) -> Iterator[t.Expr]:
    """Yield what the rows of a table give."""
    for version in table.versions:
        for row in version.rows:
            yield from row.gives
    yield from table.no_row or ()


def _days_to_try() -> list[date]:
    """Return days of entry to try: the last of a year, and whole months and years before."""
    end = date(2025, 12, 31)
    back = [*range(14), 18, 24, 35, 36, 37, 48, 60, 61, 120]
    return [add_months(end, -months) for months in back]


def key_of(node: t.Expr, chosen: Chosen) -> str:
    """Return what a worked example calls a leaf."""
    match node:
        case t.MeasureRef(name=name) | t.State(name=name) | t.LineRef(name=name):
            return plain(name)
        case t.Balance(ledger=name) | t.LotFigure(ledger=name, what="waiting"):
            return plain(name)
        case t.LotFigure(ledger=name, what=what):
            return plain(f"{name}.{what}")
        case t.SubjectValue(column=column) | t.RowValue(column=column):
            return column
        case t.InstanceValue(name=name):
            return name
        case t.InputRef(name=name, keys=keys):
            written = "|".join(str(_word(key, chosen)) for key in keys)
            return plain(f"{name}({written})") if keys else plain(name)
        case t.OverInstances():
            return plain(f"{node.how} of {node.line} over its {plural_of(node.every)}")
        case t.Previous(line=name, back=back):
            return plain(f"previous({name})" if back == 1 else f"previous({name},{back} back)")
        case t.Streak(line=name):
            return plain(f"streak({name})")
        case t.Times():
            return plain(f"times({node.line},{node.last})")
        case t.Group():
            return plain(group_keys(node)[0])
        case _:
            raise TypeError(type(node).__name__)


def _word(key: t.Expr, chosen: Chosen) -> object:
    if isinstance(key, t.WordConst):
        return key.value
    return chosen.get(key_of(key, chosen), "")


def leaf_of(book: Book, node: t.Expr, chosen: Chosen) -> Leaf:
    """Return a leaf of numbers or of yes and no, with its grid and range."""
    rulebook, key = book.rulebook, key_of(node, chosen)
    found = Leaf(key=key, title=key, unit=node.unit, step=book.step_of(node.unit))
    match node:
        case t.MeasureRef(name=name):
            return _measured(book, found, rulebook.measures[name])
        case t.InputRef(name=name):
            declared = rulebook.inputs[name]
            title = declared.title + key[len(plain(name)) :]
            low, high = _tighter(declared, found.step)
            ranged = None not in (low, high)
            if low is None and declared.unit in _PRICES and not declared.by_person:
                low = Fraction(0)
                high = _PRICES[declared.unit] if high is None else high
            step = finer(finer(found.step, low or Fraction(0)), high or Fraction(0))
            return replace(
                found,
                title=title,
                clause=declared.clause,
                low=low,
                high=high,
                step=step,
                ranged=ranged,
            )
        case t.LineRef(name=name):
            owner = book.owner(name)
            return replace(found, title=owner.title, clause=owner.clause)
        case t.OverInstances():
            return _over(book, replace(found, title=over_title(rulebook, node)), node)
        case t.Previous(line=name):
            owner = book.owner(name)
            return replace(found, title=f"前 {node.back} 期{owner.title}", clause=owner.clause)
        case t.Streak(line=name):
            owner = book.owner(name)
            return replace(found, title=f"连续{owner.title}期数", clause=owner.clause, low=Fraction(0))
        case t.Times(line=name, last=last):
            owner = book.owner(name)
            title = f"近{last}期{owner.title}次数"
            return replace(found, title=title, clause=owner.clause, low=Fraction(0), high=Fraction(last))
        case t.Group(how=how):
            low = Fraction(1) if how == "rank" else Fraction(0) if how == "count" else None
            better = ("more" if node.lowest_first else "less") if how == "rank" else ""
            low, high = book.ends_of_group(node) if how in _OF_PARTS else (low, None)
            return replace(found, title=group_title(rulebook, node), low=low, high=high, better=better)
        case t.InstanceValue():
            return replace(found, title="在岗天数", low=Fraction(1))
        case t.Balance():
            return replace(found, title=rulebook.ledgers[node.ledger].title, low=Fraction(0))
        case t.LotFigure():
            return replace(found, title=rulebook.lots[node.ledger].title, low=Fraction(0))
        case _:
            return found


def _tighter(declared: t.Input, step: Fraction) -> tuple[Fraction | None, Fraction | None]:
    """Return the tighter of what is allowed and what is expected; an open end lies a step inside."""
    low = declared.low if declared.low is None or declared.low_in else declared.low + step
    high = declared.high if declared.high is None or declared.high_in else declared.high - step
    lows = [x for x in (low, declared.range_low) if x is not None]
    highs = [x for x in (high, declared.range_high) if x is not None]
    return max(lows, default=None), min(highs, default=None)


def _measured(book: Book, found: Leaf, measure: t.AnyMeasure) -> Leaf:
    counted = (
        isinstance(measure, t.Measure) and measure.take.how in ("count", "distinct") and measure.each is None
    )
    low = measure.low
    high = measure.high
    if low is None and (counted or found.unit in _NOT_NEGATIVE or measure.id in book.pooled()):
        low = Fraction(0)
    if isinstance(measure, t.FormulaMeasure) and None in (low, high):
        low, high = book.ends_of_formula(measure)
    step = finer(finer(found.step, low or Fraction(0)), measure.high or Fraction(0))
    return replace(
        found,
        title=measure.title,
        clause=measure.clause,
        step=step,
        low=low,
        high=high,
        ranged=measure.low is not None and measure.high is not None,
        better="" if is_baseline(measure) or _is_before(book.rulebook, measure) else measure.better,
    )


def is_baseline(measure: t.AnyMeasure) -> bool:
    """Tell whether a measure is what another is compared with: of an earlier window, so that it is no work of now."""
    if isinstance(measure, t.FormulaMeasure):
        return False
    return (isinstance(measure, t.Measure) and measure.base) or measure.window.how in (
        "last",
        "same period last year",
        "previous period",
    )


def _is_before(rulebook: t.Rulebook, measure: t.AnyMeasure) -> bool:
    """Tell whether a measure of named days is what the same measure of the instance itself is compared with."""
    if not isinstance(measure, t.Measure) or measure.window.how != "days":
        return False
    made = [shape(x) if x is not None else None for x in (measure.where, measure.each)]
    others = [m for m in rulebook.measures.values() if isinstance(m, t.Measure) and m.window.is_own]
    return any(
        (m.kind, m.take) == (measure.kind, measure.take)
        and [shape(x) if x is not None else None for x in (m.where, m.each)] == made
        for m in others
    )


_OF_PARTS = ("average", "highest", "lowest", "sum")


def _over(book: Book, found: Leaf, node: t.OverInstances) -> Leaf:
    """Return what is gathered from shorter instances, between the ends that the shorter line has."""
    from guanhu.rulebook.prove.slope import ends_of_line  # noqa: PLC0415 - slopes stand on leaves

    count = book.instances_in(node)
    if node.how == "count":
        return replace(found, low=Fraction(0), high=Fraction(count))
    line = book.rulebook.lines.get(node.line)
    if line is None or line.unit not in units.SCALARS:
        return found
    # Pay that was paid is no work: a settlement takes it off what is due, and is right to do so.
    better = "more" if line.role in ("pay", "score", "total") and line.unit != units.MONEY else ""
    low, high = ends_of_line(book, node.line, period_for(line.every))
    if node.how == "sum":
        # A person may have been there in fewer instances, or in none.
        low = None if low is None else min(low * count, Fraction(0) if low > 0 else low * count)
        high = None if high is None else max(high * count, high)
    return replace(found, clause=line.clause, better=better, low=low, high=high)


def optional_keys(book: Book, nodes: Iterable[t.Expr], chosen: Chosen) -> set[str]:
    """Return the leaves that may be not given by design: those of `first_given`, `given` and `previous(x, otherwise)`."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case t.FirstGiven(terms=terms):
                inside: tuple[t.Expr, ...] = terms[:-1]
            case t.Given(x=x):
                inside = (x,)
            case t.Previous(otherwise=otherwise) if otherwise is not None:
                found.add(key_of(node, chosen))
                continue
            case _:
                continue
        for part in book.reached(inside, allowed=False):
            if isinstance(part, t.MeasureRef | t.InputRef):
                found.add(key_of(part, chosen))
    return found
