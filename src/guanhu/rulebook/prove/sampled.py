"""Managers to try before the solver looks for one: figures at the marks of a rulebook, where it turns.

A manager that is tried is only shown when *explain* confirms him and the formulas of the question hold for him too.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.prove.leaves import Book, Leaf
from guanhu.rulebook.prove.replay import Point
from guanhu.values import units

TRIES = 4000
BEGIN_MAX = 60
_NOT_GIVEN = 6
"""One in so many figures that need not be given is not."""


class Marks:
    """The numbers at which a rulebook turns, by unit."""

    def __init__(self, book: Book) -> None:
        """Take them from comparisons, from the ranges of tables, and from what steps are counted from."""
        self._found: dict[units.Unit, set[Fraction]] = {}
        for unit, value in book.constants():
            self._found.setdefault(unit, set()).add(value)
        for node in book.steps():
            found = self._found.setdefault(node.x.unit, set())
            for part in t.walk(node.x):
                if isinstance(part, t.Const):
                    found |= {abs(part.value) + count * node.size for count in (-1, 0, 1)}

    def of(self, leaf: Leaf, sensible: Sequence[Fraction]) -> list[Fraction]:
        """Return values of a figure worth trying: at its marks and a step beside them, its ends, and a few sensible ones."""
        found = set(sensible)
        for mark in self._found.get(leaf.unit, ()):
            found |= {mark - leaf.step, mark, mark + leaf.step} if mark else {mark, leaf.step}
        found |= {end for end in (leaf.low, leaf.high) if end is not None}
        if leaf.unit == units.DAYS:
            found |= {Fraction(92), Fraction(93), Fraction(120)}
        low, high = leaf.low, leaf.high
        return sorted(x for x in found if (low is None or x >= low) and (high is None or x <= high))


Second = Callable[[Fraction, Sequence[Fraction]], Sequence[Fraction]]
"""To a value of the varied figure and all that are worth trying, those that the second copy may have."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What managers are tried: their figures with the values worth trying, and managers to begin from.

    `value` is what the line in question comes to, `also` a second state of the same manager, `varied` the figure in which
    pairs differ, `second` what the other of a pair may have.
    """

    leaves: Mapping[str, Leaf]
    worth: Mapping[str, Sequence[Fraction]]
    optional: frozenset[str]
    begin: Sequence[Point]
    value: Callable[[Point], Value]
    also: Mapping[str, object]
    varied: str = ""
    second: Second | None = None


def tries(trial: Trial, until: float) -> Iterator[tuple[Point, ...]]:
    """Yield managers to try, or pairs of them that differ in the varied figure; the same ones at each call.

    Each is one of those to begin from with a few figures changed: these were right in all but products and roundings. One
    to whom the line gives what it has given to nobody yet, in size or sign, is begun from in turn.
    """
    known, begin = set[object](), list(trial.begin)
    dice = random.Random("".join(sorted(trial.leaves)))  # noqa: S311 - the same at each run
    for at in range(TRIES):
        if time.monotonic() > until:
            return
        first = _changed(trial, begin[-1 - at % len(begin)], dice, everything=at % 5 == 4)
        pairs = list(_pairs(trial, first, dice))
        yield from pairs
        told = _told(trial, first, pairs) if len(begin) < BEGIN_MAX else None
        if told is not None and told not in known:
            known.add(told)
            begin.append(first)


def _changed(trial: Trial, point: Point, dice: random.Random, *, everything: bool) -> Point:
    keys = sorted(trial.leaves)
    figures = dict(point.figures)
    for key in keys if everything else dice.sample(keys, min(len(keys), dice.randrange(5))):
        value = _value(trial, key, dice)
        figures.pop(key, None)
        if value is not None:
            figures[key] = value
    return Point(point.period, figures)


def _pairs(trial: Trial, first: Point, dice: random.Random) -> Iterator[tuple[Point, ...]]:
    if not trial.varied or trial.second is None:
        yield (first,)
        return
    values = trial.worth[trial.varied]
    for here in dice.sample(values, min(4, len(values))):
        others = list(trial.second(here, values))
        for there in dice.sample(others, min(2, len(others))):
            yield (first.at(trial.varied, here), first.at(trial.varied, there))


def _told(trial: Trial, first: Point, pairs: Sequence[tuple[Point, ...]]) -> object:
    """Return by what a manager is told from others: what the line gives, and whether it gives the other of a pair more or less."""
    first, other = (pairs[0][0], pairs[0][-1]) if pairs else (first, first)
    value = trial.value(first)
    for key, name in trial.also.items():
        other = other.at(key, name)  # type: ignore[arg-type]
    there = value if other is first else trial.value(other)
    both_known = isinstance(value, Fraction) and isinstance(there, Fraction)
    order = (value > there) - (value < there) if both_known else None  # type: ignore[operator]
    return _size(value), order


def _size(value: Value) -> object:
    """Return by what a value of a line is told from others: unknown, yes or no, or its sign and how large it is."""
    if not isinstance(value, Fraction):
        return value if isinstance(value, bool) else "unknown"
    return value > 0, int(abs(value) * 100).bit_length()


def _value(trial: Trial, key: str, dice: random.Random) -> Value | None:
    """Return a value to try; None of an earlier figure that there is not."""
    if key in trial.optional and dice.randrange(_NOT_GIVEN) == 0:
        return None if key.startswith("previous(") else Unknown(key, "absent")
    if trial.leaves[key].unit == units.YES_NO:
        return bool(dice.randrange(2))
    return dice.choice(trial.worth[key])


def better_values(better: str) -> Second:
    """Return what the second copy may have where its figure is to be better."""
    if better == "more":
        return lambda here, all_: [x for x in all_ if x > here]
    return lambda here, all_: [x for x in all_ if x < here]


def next_value(step: Fraction, high: Fraction | None) -> Second:
    """Return what the second copy may have where its figure is to be one step more."""
    return lambda here, _: [here + step] if high is None or here + step <= high else []


__all__ = ["Marks", "Second", "Trial", "better_values", "next_value", "tries"]
