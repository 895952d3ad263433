"""Which way a formula goes when one figure rises, by its form alone: an exact argument that needs no solver.

A sum of what rises rises; so does a product of what rises and is not negative; rounding, steps and bounds never turn a
direction. Where the form does not tell, the solver is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.prove.leaves import LEAVES, Book, Chosen, days_for, key_of, leaf_of
from guanhu.rulebook.prove.replay import Point, expression_at
from guanhu.rulebook.shape import shape
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
        # What the cases around a formula say: pairs of which the first is not above the second.
        self.below: frozenset[object] = frozenset()

    def line(self, name: str) -> Way:
        """Return the direction of a line, bounds and rounding included."""
        if name not in self.lines:
            # A line is remembered: what the cases of its reader say holds there only.
            around, self.below = self.below, frozenset()
            self.lines[name] = self._line(name)
            self.below = around
        return self.lines[name]

    def _line(self, name: str) -> Way:
        line = self.rulebook.lines.get(name)
        if line is None or line.unit not in units.SCALARS:
            return self._truth(self.book.roots(name))
        way = self.of(line.value)
        for node, is_floor in ((line.least, True), (line.most, False)):
            if node is not None:
                way = _extreme([way, self.of(node)], lowest=not is_floor)
        return _rounded(self._by_days(line, way), 2 if line.unit == units.MONEY else 12)

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
                ways = self._with_what_is_left(terms)
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
                way = self.of(x)
                if not any(self.book.in_part(y.id) for y in self.rulebook.evaluated()):
                    return way
                # Of a part of the instance it is a part.
                return Way(way.turn, _toward_zero(way.low, min), _toward_zero(way.high, max))
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

    def _with_what_is_left(self, terms: Sequence[t.Expr]) -> list[Way]:
        """Return the directions of the terms of a sum, of a line and a part taken off it as of one term."""
        for one in terms:
            for other in terms:
                rest = self._left((one, other)) if other is not one else None
                if rest is not None:
                    return [
                        rest,
                        *self._with_what_is_left([x for x in terms if x is not one and x is not other]),
                    ]
        return [self.of(x) for x in terms]

    def _left(self, terms: Sequence[t.Expr]) -> Way | None:
        """Return the direction of a line less a part of it, or with its own deduction in percent: a fen more leaves no fen less."""
        if len(terms) != 2 or not isinstance(terms[0], t.LineRef) or terms[0].unit != units.MONEY:
            return None
        whole, other = terms[0].name, terms[1]
        taken = other.x if isinstance(other, t.Negative) else None
        owner = other if isinstance(other, t.LineRef) else taken
        line = self.rulebook.lines.get(owner.name) if isinstance(owner, t.LineRef) else None
        if line is None or line.least is not None or line.most is not None or line.for_days:
            return None
        value = line.value if taken is not None else _taken_off(line.value)
        if line.unit != units.MONEY or whole not in self.rulebook.lines or value is None:
            return None
        share, within = self._share(value, whole)
        if share is None or share > 1:
            return None
        way = self.line(whole)
        return Way(way.turn, *((Fraction(0), way.high) if way.is_positive and within else (None, None)))

    def _share(self, node: t.Expr, whole: str) -> tuple[End, bool]:
        """Return by how much at most a formula rises with a line that it reads, and whether it is at most so much of it.

        None is not told; what stands still beside the line rises by 0.
        """
        if not any(isinstance(n, t.LineRef) and n.name == whole for n in self.book.reached([node])):
            return (Fraction(0) if self.of(node).turn == 0 else None), False
        match node:
            case t.LineRef():
                return (Fraction(1), True) if node.name == whole else (None, False)
            case t.Settled(x=x):
                return self._share(x, whole)
            case t.Product(left=left, right=right):
                for moving, still in ((left, right), (right, left)):
                    way = self.of(still)
                    share, within = self._share(moving, whole)
                    reads = any(
                        isinstance(n, t.LineRef) and n.name == whole for n in self.book.reached([still])
                    )
                    if (
                        not reads
                        and way.turn == 0
                        and way.is_positive
                        and way.high is not None
                        and share is not None
                    ):
                        return share * way.high, within
                return None, False
            case t.Least(terms=terms):
                shares = [self._share(x, whole) for x in terms]
                highest = [s for s, _ in shares if s is not None]
                is_told = len(highest) == len(shares)
                return (max(highest) if is_told else None), any(within for _, within in shares)
            case _:
                return None, False

    def truth(self, node: t.Expr) -> int | None:
        """Return where a condition goes: +1 once it holds it goes on to hold, −1 once it fails, 0 it does not move."""
        if not self.reads([node]):
            return 0
        match node:
            case t.Compare(op=op, left=left, right=right) if left.unit in units.SCALARS:
                turn = joined((self.of(left).turn, _against(self.of(right).turn)))
                if turn is None or op in ("=", "<>"):
                    return 0 if turn == 0 else None
                return turn if op in (">", ">=") else -turn
            case t.And(terms=terms) | t.Or(terms=terms):
                return joined(self.truth(x) for x in terms)
            case t.Not(x=x):
                return _against(self.truth(x))
            case t.LineRef(name=name):
                return self.truth(self.book.owner(name).formulas[0]) if self._is_check(name) else None
            case _:
                return None

    def _is_check(self, name: str) -> bool:
        owner = self.book.owner(name)
        return isinstance(owner, t.Decision) or owner.unit == units.YES_NO

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
        if isinstance(node, t.InstanceValue) and node.name == "spell_days":
            return Way(0, Fraction(0), Fraction(days_for(self.period).days))
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
        gained = self._gained(node)
        if gained is not None:
            return gained
        turn: int | None = None
        if below.turn == 0:
            turn = above.turn
        elif above.is_positive:
            turn = joined((above.turn, _against(below.turn)))
        low = Fraction(0) if above.is_positive else None
        high = Fraction(1) if (shape(node.dividend), shape(node.divisor)) in self.below else None
        if above.is_positive and above.high is not None and below.low is not None and below.low > 0:
            high = _lower(high, above.high / below.low)
        if node.undefined is None:
            return Way(turn, low, high)
        instead = self.of(node.undefined)
        # The divisor decides whether there is a quotient: if that moves, the two may stand anyhow.
        return Way(
            joined((turn, instead.turn)) if below.turn == 0 else None, _lower_low(low, instead.low), None
        )

    def _gained(self, node: t.Quotient) -> Way | None:
        """Return the direction of a growth, (x − base) ÷ base: that of x ÷ base, less one. None of anything else."""
        terms = node.dividend.terms if isinstance(node.dividend, t.Sum) else ()
        taken = terms[1].x if len(terms) == 2 and isinstance(terms[1], t.Negative) else None
        if taken is None or node.undefined is not None or shape(taken) != shape(node.divisor):
            return None
        now, base = self.of(terms[0]), self.of(node.divisor)
        if base.turn == 0:
            return Way(now.turn, Fraction(-1) if now.is_positive else None)
        if not now.is_positive:
            return None
        return Way(joined((now.turn, _against(base.turn))), Fraction(-1))

    def _ways_down(self, node: t.Cases) -> list[Way]:
        """Return the directions of what cases give, each where its condition holds and none above it does."""
        ways: list[Way] = []
        around = self.below
        for case in node.cases:
            self.below = around | _not_above(case.when, holds=True)
            ways.append(self.of(case.value))
            around |= _not_above(case.when, holds=False)
        if node.otherwise is not None:
            self.below = around
            ways.append(self.of(node.otherwise))
        return ways

    def _chosen(self, node: t.Cases | t.Lookup) -> Way:
        if isinstance(node, t.Cases):
            around = self.below
            ways = self._ways_down(node)
            self.below = around
            way = _hull(ways)
            if not self.reads([c.when for c in node.cases]):
                return way
            return Way(self._through(node, ways), way.low, way.high)
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

    def _through(self, node: t.Cases, ways: list[Way]) -> int | None:
        """Return the direction of cases whose conditions move: what is come to is worth no less than what is left."""
        truths = [self.truth(case.when) for case in node.cases]
        if None in truths:
            return None
        for wanted in (1, -1):
            turns = [(at, turn * wanted) for at, turn in enumerate(truths) if turn]
            worth = all(
                _reaches(ways[at], later) if turn > 0 else _reaches(later, ways[at])
                for at, turn in turns
                for later in ways[at + 1 :]
            )
            if worth and all(way.turn in (0, wanted) for way in ways):
                return wanted
        return None

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


def _not_above(condition: t.Expr, *, holds: bool) -> frozenset[object]:
    """Return the pairs of figures of which a condition, holding or failing, says that the first is not above the second."""
    terms = condition.terms if isinstance(condition, t.And) and holds else (condition,)
    found: set[object] = set()
    for term in terms:
        if isinstance(term, t.Compare):
            op = term.op if holds else _FAILING.get(term.op, "")
            if op in ("<", "<=", "="):
                found.add((shape(term.left), shape(term.right)))
            if op in (">", ">=", "="):
                found.add((shape(term.right), shape(term.left)))
    return frozenset(found)


_FAILING = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "<>": "="}


def _factors(node: t.Expr | None) -> list[t.Expr]:
    """Return what a product is made of."""
    if isinstance(node, t.Settled):
        return _factors(node.x)
    if not isinstance(node, t.Product):
        return [node] if node is not None else []
    return [*_factors(node.left), *_factors(node.right)]


def _taken_off(node: t.Expr) -> t.Expr | None:
    """Return what a deduction takes off: of `0 - x` and of `-x`."""
    terms = (
        [x for x in node.terms if not isinstance(x, t.Const) or x.value]
        if isinstance(node, t.Sum)
        else [node]
    )
    return terms[0].x if len(terms) == 1 and isinstance(terms[0], t.Negative) else None


def left_of(rulebook: t.Rulebook, terms: Sequence[t.Expr]) -> str | None:
    """Return the line of which another that is a part of it is taken off: a fen more of it leaves no fen less."""
    if len(terms) != 2 or not isinstance(terms[0], t.LineRef) or not isinstance(terms[1], t.Negative):
        return None
    part = terms[1].x
    line = rulebook.lines.get(part.name) if isinstance(part, t.LineRef) else None
    whole = rulebook.lines.get(terms[0].name)
    if line is None or whole is None or not isinstance(line.value, t.Product):
        return None
    sides = (line.value.left, line.value.right)
    reads = [x for x in sides if isinstance(x, t.LineRef) and x.name == whole.id]
    shares = [x.value for x in sides if isinstance(x, t.Const)]
    bounded = line.least is not None or line.most is not None or line.for_days
    in_fen = line.unit == whole.unit == units.MONEY
    fits = in_fen and not bounded and len(reads) == 1 and len(shares) == 1 and 0 <= shares[0] <= 1
    return whole.id if fits else None


def _toward_zero(end: End, further: Callable[[Fraction, Fraction], Fraction]) -> End:
    return None if end is None else further(end, Fraction(0))


def _reaches(one: Way, other: Way) -> bool:
    """Tell whether one is nowhere below another."""
    return one.low is not None and other.high is not None and one.low >= other.high


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


class Turned(Slope):
    """The directions of formulas when a state goes from one name to another, all figures staying: +1 is not less."""

    def __init__(self, book: Book, state: str, after: str, chosen: Chosen, period: str) -> None:
        """Take the state and what it becomes; `chosen` has what it is."""
        super().__init__(book, state, chosen, period)
        self.after = {**chosen, state: after}

    def _chosen(self, node: t.Cases | t.Lookup) -> Way:
        taken = self._taken(node)
        if taken is None:
            return super()._chosen(node)
        before, after = (self.of(x) for x in taken)
        hull = _hull([before, after])
        if taken[0] is taken[1]:
            return before
        turn = 1 if _reaches(after, before) else -1 if _reaches(before, after) else None
        if _reaches(after, before) and _reaches(before, after):
            turn = 0
        return Way(turn, hull.low, hull.high)

    def _taken(self, node: t.Cases | t.Lookup) -> tuple[t.Expr, t.Expr] | None:
        """Return what is given before and after, where names and days alone decide; None where anything else does."""
        roots = [c.when for c in node.cases] if isinstance(node, t.Cases) else list(node.keys)
        if isinstance(node, t.Lookup) and self.rulebook.tables[node.table].how not in ("whole", "ladder"):
            return None
        free = any(isinstance(n, LEAVES) and n.unit in units.SCALARS for n in self.book.reached(roots))
        if free or not self.reads(roots):
            return None
        found = [self._given(node, chosen) for chosen in (self.chosen, self.after)]
        return (found[0], found[1]) if found[0] is not None and found[1] is not None else None

    def _given(self, node: t.Cases | t.Lookup, chosen: Chosen) -> t.Expr | None:
        point = Point(self.period, chosen)
        if isinstance(node, t.Lookup):
            table = self.rulebook.tables[node.table]
            rows = rows_in_force(table, days_for(self.period).last_day)
            hit = expression_at(self.rulebook, node, point).hit
            return rows[hit].gives[table.columns.index(node.column)] if 0 <= hit < len(rows) else None
        for case in node.cases:
            held = expression_at(self.rulebook, case.when, point).value
            if held is not False:
                return case.value if held is True else None
        return node.otherwise


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
