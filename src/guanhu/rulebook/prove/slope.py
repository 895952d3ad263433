"""Which way a formula goes when one figure rises, by its form alone: an exact argument that needs no solver.

A sum of what rises rises; so does a product of what rises and is not negative; rounding, steps and bounds never turn a
direction. Where the form does not tell, the solver is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.prove.leaves import LEAVES, Book, Chosen, days_for, key_of, leaf_of
from guanhu.rulebook.prove.replay import Point, expression_at
from guanhu.values import units
from guanhu.values.exact import round_half_away

End = Fraction | None
"""An end of an interval; None is open."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a formula goes: +1 never falls, −1 never rises, 0 does not move, None is not told; and between which ends."""

    turn: int | None
    low: End = None
    high: End = None

    @property
    def is_positive(self) -> bool:
        """Tell whether it is never below 0."""
        return self.low is not None and self.low >= 0


def joined(turns: Iterable[int | None]) -> int | None:
    """Return the direction of what goes along with several.

    >>> joined([0, 1, 1]), joined([1, -1]), joined([0, 0])
    (1, None, 0)
    """
    found = 0
    for turn in turns:
        if turn is None or (found and turn and found != turn):
            return None
        found = found or turn
    return found


class Slope:
    """The directions of formulas in one figure, for fixed names, days and period."""

    def __init__(self, book: Book, key: str, chosen: Chosen, period: str) -> None:
        """Take the figure that rises."""
        self.book, self.rulebook, self.key = book, book.rulebook, key
        self.chosen, self.period = chosen, period
        self.lines: dict[str, Way] = {}

    def line(self, name: str) -> Way:
        """Return the direction of a line, bounds and rounding included."""
        if name not in self.lines:
            line = self.rulebook.lines.get(name)
            if line is None or line.unit not in units.SCALARS:
                self.lines[name] = self._truth(self.book.roots(name))
                return self.lines[name]
            way = self.of(line.value)
            for node, is_floor in ((line.least, True), (line.most, False)):
                if node is not None:
                    way = _extreme([way, self.of(node)], lowest=not is_floor)
            self.lines[name] = _rounded(self._by_days(line, way), 2 if line.unit == units.MONEY else 12)
        return self.lines[name]

    def _by_days(self, line: t.Line, way: Way) -> Way:
        if not line.for_days:
            return way
        part = Fraction(days_for(self.period).days, line.for_days)
        low, high = (None if end is None else end * part for end in (way.low, way.high))
        return Way(way.turn, low, high)

    def of(self, node: t.Expr) -> Way:
        """Return the direction of a formula."""
        match node:
            case t.Const(value=value):
                return Way(0, value, value)
            case t.LineRef(name=name):
                return self.line(name)
            case t.Sum(terms=terms):
                ways = [self.of(x) for x in terms]
                return Way(
                    joined(w.turn for w in ways), _total(w.low for w in ways), _total(w.high for w in ways)
                )
            case t.Negative(x=x):
                way = self.of(x)
                return Way(_against(way.turn), _minus(way.high), _minus(way.low))
            case t.Product(left=left, right=right):
                return _product(self.of(left), self.of(right))
            case t.Quotient():
                return self._quotient(node)
            case t.Settled(x=x, places=places):
                return _rounded(self.of(x), places)
            case t.Round(x=x, places=places):
                way = self.of(x)
                low, high = (None if e is None else e * 10**places for e in (way.low, way.high))
                way = _outward(Way(way.turn, low, high))
                low, high = (None if e is None else e / 10**places for e in (way.low, way.high))
                return Way(way.turn, low, high)
            case t.Steps(x=x, size=size):
                way = self.of(x)
                low, high = (None if e is None else e / size for e in (way.low, way.high))
                return _outward(Way(way.turn, low, high))
            case t.Least(terms=terms) | t.Most(terms=terms):
                return _extreme([self.of(x) for x in terms], lowest=isinstance(node, t.Least))
            case t.FirstGiven(terms=terms):
                return _hull([self.of(x) for x in terms])
            case t.ByDays(x=x):
                return self.of(x)
            case t.Cases() | t.Lookup():
                return self._chosen(node)
            case t.Pool(amount=amount, of=of):
                # More of one's own makes one's part larger, whether the others stay or the sum does.
                shared, own = self.of(amount), self.of(of)
                is_positive = shared.is_positive and own.is_positive
                turn = joined((shared.turn, own.turn)) if is_positive else None
                return Way(turn, Fraction(0) if is_positive else None, shared.high if is_positive else None)
            case _:
                return self._leaf(node)

    def _leaf(self, node: t.Expr) -> Way:
        if isinstance(node, t.MeasureRef):
            measure = self.rulebook.measures[node.name]
            if isinstance(measure, t.FormulaMeasure) and key_of(node, self.chosen) != self.key:
                way = self.of(measure.expr)
                return Way(way.turn, _higher(way.low, measure.low), _lower(way.high, measure.high))
        if isinstance(node, LEAVES) and node.unit in units.SCALARS:
            leaf = leaf_of(self.book, node, self.chosen)
            way = Way(1 if leaf.key == self.key else 0, leaf.low, leaf.high)
            if isinstance(node, t.Previous) and node.otherwise is not None:
                return _hull([way, self.of(node.otherwise)])
            return way
        if isinstance(node, t.InstanceValue | t.DatePart | t.Between):
            value = expression_at(self.rulebook, node, Point(self.period, self.chosen)).value
            return Way(0, value, value) if isinstance(value, Fraction) else Way(0)
        return self._truth([node])

    def _truth(self, roots: Sequence[t.Expr]) -> Way:
        return Way(None if self.reads(roots) else 0)

    def reads(self, roots: Iterable[t.Expr]) -> bool:
        """Tell whether formulas stand on the figure."""
        return any(
            isinstance(n, LEAVES) and key_of(n, self.chosen) == self.key for n in self.book.reached(roots)
        )

    def _quotient(self, node: t.Quotient) -> Way:
        above, below = self.of(node.dividend), self.of(node.divisor)
        divisor_positive = node.positive or below.is_positive
        if not divisor_positive:
            return Way(None)
        turn: int | None = None
        if below.turn == 0:
            turn = above.turn
        elif above.is_positive:
            turn = joined((above.turn, _against(below.turn)))
        low = Fraction(0) if above.is_positive else None
        if node.undefined is None:
            return Way(turn, low, None)
        instead = self.of(node.undefined)
        # The divisor decides whether there is a quotient: if that moves, the two may stand anyhow.
        return Way(
            joined((turn, instead.turn)) if below.turn == 0 else None, _lower_low(low, instead.low), None
        )

    def _chosen(self, node: t.Cases | t.Lookup) -> Way:
        if isinstance(node, t.Cases):
            values = [c.value for c in node.cases] + ([node.otherwise] if node.otherwise is not None else [])
            way = _hull([self.of(x) for x in values])
            moves = self.reads([c.when for c in node.cases])
            return Way(None, way.low, way.high) if moves else way
        table = self.rulebook.tables[node.table]
        index = table.columns.index(node.column)
        rows = rows_in_force(table, days_for(self.period).last_day)
        ways = [self.of(r.gives[index]) for r in rows] + (
            [self.of(table.no_row[index])] if table.no_row else []
        )
        if not ways:
            return Way(0)
        if table.how in ("marginal", "per piece"):
            return self._marginal(node, rows, ways)
        way = _hull(ways)
        if not self.reads(node.keys):
            return way
        turn = self._along(node, rows, ways) if table.no_row is None else None
        return Way(turn, way.low, way.high)

    def _marginal(self, node: t.Lookup, rows: Sequence[t.TableRow], ways: list[Way]) -> Way:
        key = self.of(node.keys[0])
        good = all(w.is_positive and w.turn == 0 for w in ways) and not self.reads(node.keys[1:])
        inside = all(isinstance(r.cells[0], t.RangeCell) for r in rows)
        return Way(
            key.turn if good and inside else None, Fraction(0) if good and key.is_positive else None, None
        )

    def _along(self, node: t.Lookup, rows: Sequence[t.TableRow], ways: list[Way]) -> int | None:
        """Return the direction of a look-up by one moving key: that of its rows in the order of their ranges."""
        at = [i for i, key in enumerate(node.keys) if self.reads([key])]
        if len(at) != 1 or any(w.turn != 0 or w.low is None or w.low != w.high for w in ways[: len(rows)]):
            return None
        key = self.of(node.keys[at[0]])
        others = [i for i in range(len(node.keys)) if i != at[0]]
        groups: dict[object, list[tuple[Fraction, int]]] = {}
        for number, row in enumerate(rows):
            cell = row.cells[at[0]]
            if not isinstance(cell, t.RangeCell):
                return None
            ends = [e for e in (cell.low, cell.high) if e is not None]
            start = cell.low if cell.low is not None else ends[0] - 1 if ends else Fraction(0)
            groups.setdefault(tuple(row.cells[i] for i in others), []).append((start, number))
        turns: list[int | None] = []
        if len(groups) > 1 and any(not isinstance(c, t.ChoiceCell) for cells in groups for c in cells):  # type: ignore[attr-defined]
            return None
        for found in groups.values():
            values = [ways[number].low or Fraction(0) for _, number in sorted(found)]
            rises = all(a <= b for a, b in pairwise(values))
            falls = all(a >= b for a, b in pairwise(values))
            turns.append(0 if rises and falls else 1 if rises else -1 if falls else None)
        order = joined(turns)
        return None if order is None or key.turn is None else order * key.turn


def _against(turn: int | None) -> int | None:
    return None if turn is None else -turn


def _minus(end: End) -> End:
    return None if end is None else -end


def _total(ends: Iterable[End]) -> End:
    found = Fraction(0)
    for end in ends:
        if end is None:
            return None
        found += end
    return found


def _higher(one: End, other: End) -> End:
    return max((e for e in (one, other) if e is not None), default=None)


def _lower(one: End, other: End) -> End:
    return min((e for e in (one, other) if e is not None), default=None)


def _lower_low(one: End, other: End) -> End:
    return None if one is None or other is None else min(one, other)


def _hull(ways: list[Way]) -> Way:
    lows, highs = [w.low for w in ways], [w.high for w in ways]
    low = None if None in lows else min(e for e in lows if e is not None)
    high = None if None in highs else max(e for e in highs if e is not None)
    return Way(joined(w.turn for w in ways), low, high)


def _extreme(ways: list[Way], *, lowest: bool) -> Way:
    lows, highs = [w.low for w in ways], [w.high for w in ways]
    if lowest:
        low = None if None in lows else min(e for e in lows if e is not None)
        high = min((e for e in highs if e is not None), default=None)
    else:
        low = max((e for e in lows if e is not None), default=None)
        high = None if None in highs else max(e for e in highs if e is not None)
    return Way(joined(w.turn for w in ways), low, high)


def _rounded(way: Way, places: int) -> Way:
    """Return a direction after rounding, which turns nothing: its ends are rounded too."""
    low, high = (None if end is None else round_half_away(end, places) for end in (way.low, way.high))
    return Way(way.turn, low, high)


def _outward(way: Way) -> Way:
    """Return a direction after a cut to whole numbers, either way: it stays between the whole numbers around its ends."""
    low = None if way.low is None else Fraction(floor(way.low))
    high = None if way.high is None else Fraction(ceil(way.high))
    return Way(way.turn, low, high)


def ends_of(book: Book, node: t.Expr, period: str) -> tuple[End, End]:
    """Return between which ends a formula lies, whoever it is for."""
    way = Slope(book, "", {}, period).of(node)
    return way.low, way.high


def ends_of_line(book: Book, name: str, period: str) -> tuple[End, End]:
    """Return between which ends a line lies, whoever it is for."""
    way = Slope(book, "", {}, period).line(name)
    return way.low, way.high


def _product(one: Way, other: Way) -> Way:
    ends = (one.low, one.high, other.low, other.high)
    low: End = None
    high: End = None
    if None not in ends:
        corners = [
            a * b
            for a in (one.low, one.high)
            for b in (other.low, other.high)
            if a is not None and b is not None
        ]
        low, high = min(corners), max(corners)
    elif one.is_positive and other.is_positive:
        low = Fraction(0)
    turn: int | None = None
    if one.is_positive and other.is_positive:
        turn = joined((one.turn, other.turn))
    elif one.turn == 0 and other.turn == 0:
        turn = 0
    else:
        for fixed, moving in ((one, other), (other, one)):
            if fixed.turn == 0 and fixed.is_positive:
                turn = moving.turn
            elif fixed.turn == 0 and fixed.high is not None and fixed.high <= 0:
                turn = _against(moving.turn)
    return Way(turn, low, high)
