"""One manager in two versions of a rulebook: asked of both at once, over the same figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.prove.ask import Asker, Question
from guanhu.rulebook.prove.encode import Encoder, rounds_alike
from guanhu.rulebook.prove.figures import Figures
from guanhu.rulebook.prove.kinds import Kinds
from guanhu.rulebook.prove.leaves import LEAVES, Book, Leaf, leaf_of, optional_keys
from guanhu.rulebook.prove.reading_down import of_name
from guanhu.rulebook.prove.replay import Point, value_at
from guanhu.rulebook.prove.terms import (
    Name,
    Num,
    Picked,
    Sym,
    Truth,
    Yes,
    both,
    choose_truth,
    compared,
    either,
    mul,
    no,
)
from guanhu.rulebook.shape import shape
from guanhu.values import units


class TwoBooks(Asker):
    """Asks of two rulebooks at once: the first encoder reads the old, the second the new, over the same figures."""

    def __init__(self, one: Book, other: Book) -> None:
        super().__init__(one)
        self.other, self.other_kinds = other, Kinds(other)

    def encoders(self, question: Question, figures: Figures, period: str) -> list[Encoder]:
        """Return the two readings of one manager."""
        books = (self.book, self.other)
        found_in = [[n for name in question.names for n in b.closure(name)] for b in books]
        for book, found in zip(books, found_in, strict=True):
            figures.optional |= optional_keys(book, found, figures.chosen)
        cuts = self.cuts(question) & Asker(self.other).cuts(question)
        cuts = frozenset(name for name in cuts if name in self.rulebook.measures)
        same = {name for name in cuts if _measure(self.book, name) == _measure(self.other, name)}
        figures.wider = self._wider(found_in, figures.chosen)
        figures.loose = self._loose()
        return [Encoder(figures, book, period, "", frozenset(), frozenset(same)) for book in books]

    def _wider(self, found_in: list[list[t.Expr]], chosen: Mapping[str, Any]) -> dict[str, Leaf]:
        """Return the figures that may be what either of the two versions expects, where they expect otherwise."""
        seen: dict[str, list[Leaf]] = {}
        for book, nodes in zip((self.book, self.other), found_in, strict=True):
            for key, leaf in {x.key: x for x in numbers_in(book, nodes, chosen)}.items():
                seen.setdefault(key, []).append(leaf)
        return {key: hull(*two) for key, two in seen.items() if len(two) == 2 and two[0] != two[1]}

    def _loose(self) -> frozenset[str]:
        """Return the formula measures of which the two versions expect otherwise: of these nothing is expected."""
        one, other = self.rulebook.measures, self.other.rulebook.measures
        both_have = [(one[name], other[name]) for name in one if name in other]
        return frozenset(a.id for a, b in both_have if (a.low, a.high) != (b.low, b.high))

    def between(self, encoders: list[Encoder]) -> list[Any]:
        """Return that the two round alike."""
        return rounds_alike(encoders[0], encoders[1])

    def contexts(self, question: Question) -> Iterator[tuple[dict[str, Any], str, bool]]:
        """Yield the combinations of both rulebooks."""
        yielded: set[object] = set()
        books = (self.book, self.other)
        choices = [c for b in books for n in question.names for c in b.choices(n) if c.values]
        more = {c.key: c.values[0] for c in choices if c.key != "period"}
        for kinds in (self.kinds, self.other_kinds):
            for kind in kinds.all(question.names, question.fixed_choices):
                full = {**more, **kind.chosen}
                mark = self.signature(question, full, kind.period)
                if mark not in yielded:
                    yielded.add(mark)
                    yield full, kind.period, kind.all_said

    def signature(
        self, question: Question, chosen: Mapping[str, Any], period: str, *, any_day: bool = False
    ) -> object:
        """Return what the formulas of both make of names, days and period."""
        both_kinds = (self.kinds, self.other_kinds)
        return tuple(k.signature(question.names, chosen, period, any_day=any_day) for k in both_kinds)


def numbers_in(book: Book, nodes: list[t.Expr], chosen: Mapping[str, Any]) -> Iterator[Leaf]:
    """Yield the figures among expressions that are numbers."""
    for node in nodes:
        if isinstance(node, LEAVES) and node.unit in units.SCALARS:
            yield leaf_of(book, node, chosen)


def hull(one: Leaf, other: Leaf) -> Leaf:
    """Return a figure that may be what either of two may be, on the finer of their grids."""
    low = None if one.low is None or other.low is None else min(one.low, other.low)
    high = None if one.high is None or other.high is None else max(one.high, other.high)
    return replace(one, low=low, high=high, step=min(one.step, other.step))


def _measure(book: Book, name: str) -> object:
    return shape(getattr(book.rulebook.measures.get(name), "expr", None))


def differ(name: str, pair: list[Encoder]) -> Truth:
    """Return that a line is not the same in both: another value, or known in one only."""
    first, second = (encoder.line(name) for encoder in pair)
    raw = (pair[0].raw.get(name), pair[1].raw.get(name))
    if isinstance(first, Num) and isinstance(second, Num):
        if raw[0] is not None and raw[1] is not None and not pair[0].figures.exact:
            first, second = raw[0], raw[1]
        other = no(compared("=", mul(first.n, second.d), mul(second.n, first.d)))
        return either(both(first.k, second.k, other), known_apart(first, second))
    if isinstance(first, Yes) and isinstance(second, Yes):
        apart = choose_truth(first.v, no(second.v), second.v)
        return either(both(first.k, second.k, apart), known_apart(first, second))
    if isinstance(first, Name | Picked) and isinstance(second, Name | Picked):
        apart_by_name = of_name(first, lambda a: of_name(second, lambda b: Yes(a.value != b.value, True)))
        known = [of_name(x, lambda _: Yes(True, True)).k for x in (first, second)]
        return either(apart_by_name.holds, both(known[0], no(known[1])), both(no(known[0]), known[1]))
    return True


def moved(name: str, pair: list[Encoder], gains: str) -> Truth:
    """Return that a number is known in both and more, or less, in the new version."""
    first, second = (encoder.line(name) for encoder in pair)
    raw = (pair[0].raw.get(name), pair[1].raw.get(name))
    if not isinstance(first, Num) or not isinstance(second, Num):
        return False
    if raw[0] is not None and raw[1] is not None and not pair[0].figures.exact:
        first, second = raw[0], raw[1]
    low, high = (first, second) if gains == "more" else (second, first)
    return both(first.k, second.k, compared("<", mul(low.n, high.d), mul(high.n, low.d)))


def known_apart(first: Sym, second: Sym) -> Truth:
    """Return that one of two is known and the other is not."""
    if isinstance(first, Num | Yes) and isinstance(second, Num | Yes):
        return either(both(first.k, no(second.k)), both(no(first.k), second.k))
    return False


def values_in(asker: TwoBooks, name: str, point: Point) -> tuple[Value, Value]:
    """Return what a line comes to in the old version and in the new."""
    found = [value_at(b.rulebook, name, point) for b in (asker.book, asker.other)]
    # An unknown is an unknown, whatever stood in the way.
    before, after = (Unknown("", "") if isinstance(v, Unknown) else v for v in found)
    return before, after


def gains_of(before: Value, after: Value) -> str:
    """Return whether the second is more, less, something other than a number, or nothing where both are the same."""
    if isinstance(before, Fraction) and isinstance(after, Fraction) and before != after:
        return "more" if after > before else "less"
    return "" if before == after else "other"
