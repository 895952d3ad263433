"""Where two versions of a rulebook differ: ranges of one figure, each proved, and what holds elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.ask import OPEN, PROVED, Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.leaves import LEAVES, Book, Leaf, key_of, leaf_of
from guanhu.rulebook.prove.replay import Point, shown_value
from guanhu.rulebook.prove.terms import (
    Num,
    Sym,
    Term,
    Truth,
    Yes,
    both,
    choose_truth,
    compared,
    either,
    mul,
    no,
)
from guanhu.rulebook.prove.two_books import TwoBooks, differ, gains_of, hull, known_apart, values_in
from guanhu.values import units
from guanhu.values.units import Unit

MIXED, UNPROVED = "mixed", "open"
EVERYBODY, THERE, NOWHERE = "everybody", "there", "nowhere"
CUTS_MAX = 4
"""So often a range is cut anew at values that speak against it."""


@dataclass(frozen=True, slots=True)
class Region:
    """Values of one figure, the ends included, the other figures as at a point, and what the new version does there.

    `gains`: more, less, other are proved of every value on the figure's grid; mixed tells that the sign changes
    within, or that some are equal; open that nothing is proved.
    """

    figure: str
    low: str
    high: str
    gains: str


def regions_of(asker: TwoBooks, name: str, point: Point) -> tuple[tuple[Region, ...], str]:
    """Return, figure by figure with the others as at the point, where the versions differ, and for whom they are equal elsewhere.

    When one figure decides it alone, outside its regions they are proved equal whatever the other figures are.
    """
    told: list[tuple[bool, int, list[Region]]] = []
    complete = True
    for leaf in _leaves(asker, name, point):
        spans, no_more = _proved_spans(asker, name, point, leaf)
        ends = sum(end is None for low, high, _ in spans for end in (low, high))
        if not spans or (len(spans) == 1 and ends == 2 and spans[0][2] != MIXED):
            continue
        regions = [
            Region(leaf.title, _shown_end(low, leaf), _shown_end(high, leaf), gains)
            for low, high, gains in spans
        ]
        alone = not _covers_all(spans, leaf) and _equal_elsewhere(asker, name, point, leaf, spans)
        told.append((alone, ends, regions))
        complete = complete and no_more
    exact = [x for x in told if x[0]]
    if exact:
        return tuple(min(exact, key=lambda x: (x[1], len(x[2])))[2]), EVERYBODY
    every = tuple(region for _, _, regions in told for region in regions)
    return every, THERE if every and complete else NOWHERE


def _covers_all(spans: list[_Span], leaf: Leaf) -> bool:
    """Tell whether no value of a figure lies outside the spans: then to be equal elsewhere says nothing."""
    low, high = spans[0][0], spans[-1][1]
    closed = all(
        b is not None and c is not None and c - b <= leaf.step for (_, b, _), (c, _, _) in pairwise(spans)
    )
    starts = low is None or (leaf.low is not None and low <= leaf.low)
    return closed and starts and (high is None or (leaf.high is not None and high >= leaf.high))


def _shown_end(end: Fraction | None, leaf: Leaf) -> str:
    return shown_value(end, leaf.unit) if end is not None else ""


def _leaves(asker: TwoBooks, name: str, point: Point) -> list[Leaf]:
    found: dict[str, Leaf] = {}
    for book in (asker.book, asker.other):
        for node in book.closure(name):
            if (
                not isinstance(node, LEAVES)
                or units.is_choice(node.unit)
                or node.unit in (units.YES_NO, units.DATE)
            ):
                continue
            key = key_of(node, point.figures)  # type: ignore[arg-type]
            if isinstance(point.figures.get(key), Fraction):
                leaf = leaf_of(book, node, point.figures)  # type: ignore[arg-type]
                found[key] = hull(found[key], leaf) if key in found else leaf
    return list(found.values())


_Span = tuple[Fraction | None, Fraction | None, str]


def _proved_spans(asker: TwoBooks, name: str, point: Point, leaf: Leaf) -> tuple[list[_Span], bool]:
    """Return the ranges of a figure in which the versions differ, others as at the point, and whether there are no more.

    Each is proved, or said to be open. A value that speaks against them cuts them anew, a few times; if there are ever
    more, all is mixed.
    """
    against: dict[_Span, Fraction | str] = {}
    seen: frozenset[Fraction] = frozenset()
    for _ in range(CUTS_MAX):
        spans = _spans(asker, name, point, leaf, seen)
        for span in spans:
            if span not in against:
                against[span] = _against(asker, name, point, leaf, span)
        beside = _beside(asker, name, point, leaf, spans)
        more = {x for x in (beside, *(against[span] for span in spans)) if isinstance(x, Fraction)}
        if not more:
            told = [(a, b, g if against[a, b, g] == PROVED else UNPROVED) for a, b, g in spans]
            return told, beside == PROVED
        seen |= more
    return [(None, None, MIXED)], True


def _beside(asker: TwoBooks, name: str, point: Point, leaf: Leaf, spans: list[_Span]) -> Fraction | str:
    """Return whether the versions are proved equal outside the spans, others as at the point, or a value where not."""

    def holds(pair: list[Encoder]) -> Truth:
        return both(_outside(_figure_in(name, point, leaf, pair), leaf, spans), differ(name, pair))

    question = Question((name,), holds, lambda _: False, two_books=True)
    state, value = asker.at_point(question, point, leaf.key)
    if value is None:
        return state
    return value if gains_of(*values_in(asker, name, point.at(leaf.key, value))) else OPEN


def _outside(at: Term, leaf: Leaf, spans: list[_Span]) -> Truth:
    """Return that a figure lies outside the spans."""
    away: list[Truth] = []
    for low, high, _ in spans:
        below = compared("<=", at, low - leaf.step) if low is not None else False
        above = compared(">=", at, high + leaf.step) if high is not None else False
        away.append(either(below, above))
    return both(*away)


def _against(asker: TwoBooks, name: str, point: Point, leaf: Leaf, span: _Span) -> Fraction | str:
    """Return whether a span is proved to be what it is said to be, or a value in it that is otherwise."""
    low, high, mark = span

    def holds(pair: list[Encoder]) -> Truth:
        at = _figure_in(name, point, leaf, pair)
        above = compared(">=", at, low) if low is not None else True
        below = compared("<=", at, high) if high is not None else True
        return both(above, below, no(_claim(mark, *(encoder.line(name) for encoder in pair))))

    question = Question((name,), holds, lambda _: False, two_books=True)
    state, value = asker.at_point(question, point, leaf.key)
    if value is None:
        return state
    inside = (low is None or value >= low) and (high is None or value <= high)
    otherwise = gains_of(*values_in(asker, name, point.at(leaf.key, value))) != mark
    return value if inside and otherwise else OPEN


def _claim(mark: str, first: Sym, second: Sym) -> Truth:
    """Return that the second is what a mark says of it."""
    if isinstance(first, Num) and isinstance(second, Num):
        if mark == "other":
            return known_apart(first, second)
        op = ">" if mark == "more" else "<"
        return both(first.k, second.k, compared(op, mul(second.n, first.d), mul(first.n, second.d)))
    if isinstance(first, Yes) and isinstance(second, Yes):
        apart = choose_truth(first.v, no(second.v), second.v)
        return either(both(first.k, second.k, apart), known_apart(first, second))
    return False


def _figure_in(name: str, point: Point, leaf: Leaf, pair: list[Encoder]) -> Term:
    """Return the term of a figure in the encoder that reads it."""
    for encoder in pair:
        for node in encoder.book.closure(name):
            if isinstance(node, LEAVES) and key_of(node, point.figures) == leaf.key:  # type: ignore[arg-type]
                return encoder.number(node).n
    raise KeyError(leaf.key)


def _spans(asker: TwoBooks, name: str, point: Point, leaf: Leaf, more: frozenset[Fraction]) -> list[_Span]:
    """Return the ranges of a figure in which the versions differ as tried at and beside their edges; None is an open end."""
    here = point.figures[leaf.key]
    ends = ({Fraction(str(here))} if isinstance(here, Fraction) else set()) | more
    for book in (asker.book, asker.other):
        ends |= set(_edges(book, name, leaf.unit))
    ends |= {e for e in (leaf.low, leaf.high) if e is not None}
    far = max((abs(e) for e in ends), default=Fraction(1)) * 10 + 1000
    ends |= {-far, far}
    tried = sorted(
        x
        for e in ends
        for x in {(e - leaf.step), e, (e + leaf.step)}
        if (leaf.low is None or x >= leaf.low) and (leaf.high is None or x <= leaf.high)
    )
    tried = sorted({(x / leaf.step).__floor__() * leaf.step for x in tried})

    def gains(x: Fraction) -> str:
        return gains_of(*values_in(asker, name, point.at(leaf.key, x)))

    spans: list[_Span] = []
    marks = [(x, gains(x)) for x in tried]
    start: Fraction | None = None
    for (x, mark), (y, after) in zip(marks, [*marks[1:], (None, "end")], strict=True):
        if start is None and mark:
            start = x
        if mark and mark != after:
            edge = x if y is None else _last(gains, mark, x, y, leaf.step)
            spans.append((start, edge, mark))
            start = None
        if y is not None and after and mark != after:
            start = _first(gains, after, x, y, leaf.step)
    outer_low, outer_high = (tried[0], tried[-1]) if tried else (None, None)
    return [(None if a == outer_low else a, None if b == outer_high else b, g) for a, b, g in spans]


def _last(gains: Any, mark: str, x: Fraction, y: Fraction, step: Fraction) -> Fraction:
    while (y - x) > step:
        middle = x + ((y - x) / step / 2).__floor__() * step
        x, y = (middle, y) if gains(middle) == mark else (x, middle)
    return x


def _first(gains: Any, mark: str, x: Fraction, y: Fraction, step: Fraction) -> Fraction:
    while (y - x) > step:
        middle = x + ((y - x) / step / 2).__floor__() * step
        x, y = (x, middle) if gains(middle) == mark else (middle, y)
    return y


def _edges(book: Book, name: str, unit: Unit) -> Iterator[Fraction]:
    for node in book.closure(name):
        if isinstance(node, t.Compare):
            yield from (x.value for x in (node.left, node.right) if isinstance(x, t.Const))
        elif isinstance(node, t.Const) and node.unit == unit:
            yield node.value
        elif isinstance(node, t.Lookup):
            for version in book.rulebook.tables[node.table].versions:
                for row in version.rows:
                    for cell in row.cells:
                        if isinstance(cell, t.RangeCell):
                            yield from (e for e in (cell.low, cell.high) if e is not None)


def _equal_elsewhere(asker: TwoBooks, name: str, point: Point, leaf: Leaf, spans: list[_Span]) -> bool:
    """Tell whether the versions are proved equal wherever a figure lies outside the spans, whatever the others are."""

    def holds(pair: list[Encoder]) -> Truth:
        at = _figure_in(name, point, leaf, pair)
        return both(_outside(at, leaf, spans), differ(name, pair))

    question = Question((name,), holds, lambda _: False, two_books=True)
    before = len(asker.clashes)
    verdict = asker.ask(question)
    del asker.clashes[before:]
    return verdict.state == PROVED
