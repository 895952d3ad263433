"""Ordinary figures: what a counterexample has where nothing depends on it, and within what it is looked for first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import z3

from guanhu.rulebook.prove.figures import Figures
from guanhu.rulebook.prove.leaves import Leaf
from guanhu.rulebook.prove.replay import Point
from guanhu.rulebook.prove.terms import ONE
from guanhu.values import units
from guanhu.values.exact import round_half_away
from guanhu.values.units import Unit

_COARSE = {
    units.MONEY: Fraction(10000),
    units.MONEY_YEAR: Fraction(10000),
    units.RATIO: Fraction(1, 100),
    units.ANNUAL_RATE: Fraction(1, 1000),
    units.POINTS: Fraction(1),
    units.NUMBER: Fraction(1),
}
_SENSIBLE: dict[Unit, tuple[int | Fraction, ...]] = {
    units.MONEY: (1000000, 100000, 1000, 100, 100000000),
    units.MONEY_YEAR: (100000, 1000, 1000000, 100, 1),
    units.RATIO: (Fraction(1, 2), 1, Fraction(1, 10), Fraction(1, 100), Fraction(9, 10)),
    units.ANNUAL_RATE: (
        Fraction(1, 100),
        Fraction(1, 50),
        Fraction(1, 1000),
        Fraction(1, 20),
        Fraction(1, 10),
    ),
    units.POINTS: (80, 100, 60, 10, 1),
    units.COUNT: (10, 1, 5, 2, 100),
    units.DAYS: (10, 1, 120, 5, 30),
    units.NUMBER: (1, 10, 2, 100, Fraction(1, 2)),
}


_ORDINARY = {
    units.RATIO: 10,
    units.ANNUAL_RATE: 1,
    units.POINTS: 1000,
    units.COUNT: 1000,
    units.DAYS: 366,
    units.NUMBER: 1000,
}
_ORDINARY_STREAK = 24
"""Beyond these a figure convinces nobody: looked for first within them."""


_PARTS = (Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(3, 4), Fraction(0))
"""Where in its range a figure is tried first."""


def round_figures(figures: Figures, varied: frozenset[str], *, negative: bool = False) -> list[Any]:
    """Return that all figures but the varied ones are round, none enormous, nor negative unless that is asked for."""
    rules: list[Any] = []
    leaves = [(key, mark, leaf) for key, leaf in figures.leaves.items() for mark in ("", "+")]
    for key, mark, leaf in leaves:
        var = figures.vars.get(key + mark)
        coarse = _COARSE.get(leaf.unit)
        if var is None or leaf.unit == units.YES_NO:
            continue
        if leaf.high is not None and coarse is not None and coarse > leaf.high:
            continue
        if (mark or key not in varied) and coarse is not None:
            rules.append(
                var == z3.ToReal(z3.Int(f"{key}{mark} coarse")) * z3.Q(coarse.numerator, coarse.denominator)
            )
        if not negative and (leaf.low is None or leaf.low >= 0):
            rules.append(var >= 0)
        rules.append(
            var <= (_ORDINARY_STREAK if key.startswith("streak(") else _ORDINARY.get(leaf.unit, 10**8))
        )
    return rules


def beside_on_grid(
    points: tuple[Point, ...], varied: frozenset[str], leaves: Mapping[str, Leaf]
) -> Iterator[tuple[Point, ...]]:
    """Yield pairs of managers beside a pair found off the grid: a few steps farther apart, or moved together.

    What turns between two roundings turns some steps away on the grid.
    """
    if len(points) != 2 or len(varied) != 1:
        return
    (key,) = varied
    leaf = leaves.get(key)
    x, y = (p.figures.get(key) for p in points)
    counts = key.startswith(("streak(", "times("))
    if leaf is None or counts or not isinstance(x, Fraction) or not isinstance(y, Fraction):
        return
    away = 1 if y >= x else -1
    apart = [(0, away * n) for n in (1, 4, 10, 100)] + [(-away * n, away * n) for n in (1, 10, 100)]
    together = [(n, n) for n in (1, -1, 2, -2, 4, -4, 5, -5)]
    for first, second in (*apart, *together):
        moved = (x + first * leaf.step, y + second * leaf.step)
        low, high = leaf.low, leaf.high
        if all((low is None or v >= low) and (high is None or v <= high) for v in moved):
            yield points[0].at(key, moved[0]), points[1].at(key, moved[1])


def sensible(leaf: Leaf, at: int = 0) -> Fraction:
    """Return a sensible value of a leaf on its grid and in its range: the `at`th of a few."""
    values = [x * ONE for x in _SENSIBLE.get(leaf.unit, (1, 10, 2, 100, 3))]
    if leaf.low is None:
        values[1] = -values[1]
    value = values[at % len(values)]
    if leaf.low is not None and leaf.high is not None and not leaf.low <= value <= leaf.high:
        value = leaf.low + (leaf.high - leaf.low) * _PARTS[at % 5]
    if leaf.low is not None and value < leaf.low:
        value = leaf.low + values[at % len(values)]
    if leaf.high is not None and value > leaf.high:
        value = leaf.high
    return on_grid(value, leaf.step)


def on_grid(value: Fraction, step: Fraction) -> Fraction:
    """Return the number on a grid next to a value.

    >>> on_grid(Fraction(10, 3), Fraction(1, 100))
    Fraction(333, 100)
    """
    return round_half_away(value / step) * step
