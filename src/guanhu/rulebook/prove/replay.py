"""Figures of a question given to *explain*: what it says of them is what is reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.examples import try_line
from guanhu.rulebook.explain.given import Given, GivenProblem
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.values import Traced, Unknown, Value
from guanhu.rulebook.prove.leaves import plain
from guanhu.values import units
from guanhu.values.exact import shown
from guanhu.values.problem import Place
from guanhu.values.units import Unit


@dataclass(frozen=True, slots=True)
class Point:
    """One manager: figures by the name that an example gives them, and the period."""

    period: str
    figures: Mapping[str, Value] = field(default_factory=dict)

    def given(self) -> dict[str, str]:
        """Return the figures as a worked example writes them.

        >>> Point("2025", {"a": Fraction(1, 4), "b": True}).given()
        {'period': '2025', 'a': '0.25', 'b': 'yes'}
        """
        return {"period": self.period, **{key: written(value) for key, value in self.figures.items()}}

    def at(self, key: str, value: Value) -> Point:
        """Return the same manager with another value of one figure."""
        return Point(self.period, {**self.figures, key: value})


def written(value: Value) -> str:
    """Return a value as an example writes it."""
    if isinstance(value, Unknown):
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(value) if isinstance(value, Fraction) else str(value)


class _AtPoint(Given):
    """The leaves of a worked example, taken from a point instead of from text."""

    def __init__(self, rulebook: t.Rulebook, point: Point) -> None:
        super().__init__(rulebook, {"period": point.period})
        self.point = point

    def value(self, keys: list[str], unit: Unit, place: Place) -> Value | None:
        """Return what the point has under the first of the keys that it has."""
        del unit, place
        found = next((key for key in map(plain, keys) if key in self.point.figures), None)
        return None if found is None else self.point.figures[found]


def line_at(rulebook: t.Rulebook, name: str, point: Point) -> Traced:
    """Return a line, check or decision at a point, evaluated by *explain*."""
    return _AtPoint(rulebook, point).line(name)


def value_at(rulebook: t.Rulebook, name: str, point: Point) -> Value:
    """Return the value of a line at a point."""
    return line_at(rulebook, name, point).value


class Values:
    """Values of lines at points, the last ones remembered: a manager that is tried is asked about more than once."""

    def __init__(self, rulebook: t.Rulebook, most: int = 200) -> None:
        """Remember so many."""
        self.rulebook, self.most = rulebook, most
        self._held: dict[tuple[str, int], tuple[Point, Value]] = {}

    def at(self, name: str, point: Point) -> Value:
        """Return the value of a line at a point."""
        held = self._held.get((name, id(point)))
        if held is None:
            if len(self._held) >= self.most:
                self._held.clear()
            held = self._held[name, id(point)] = (point, value_at(self.rulebook, name, point))
        return held[1]


def missing_at(rulebook: t.Rulebook, name: str, point: Point) -> list[str]:
    """Return the figures that a line needs at a point and that the point does not have."""
    figures = _AtPoint(rulebook, point)
    figures.line(name)
    return [plain(key) for key in figures.missing]


def expression_at(rulebook: t.Rulebook, node: t.Expr, point: Point) -> Traced:
    """Return the value of an expression at a point."""
    return evaluate(node, _AtPoint(rulebook, point))


def replayed(rulebook: t.Rulebook, name: str, point: Point) -> Value | None:
    """Return what `guanhu rulebook try` gives for a line at a point; None when it cannot be tried there."""
    try:
        return try_line(rulebook, name, point.given()).value
    except GivenProblem:
        return None


def shown_value(value: Value | None, unit: Unit) -> str:
    """Return a value with its unit, as a sentence has it.

    >>> (
    ...     shown_value(Fraction(3, 10), units.RATIO),
    ...     shown_value(Fraction(1234), units.MONEY),
    ...     shown_value(None, units.COUNT),
    ... )
    ('30%', '1234 元', '未知')
    """
    if value is None or isinstance(value, Unknown):
        return "未知"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, date) or not isinstance(value, Fraction):
        return str(value)
    if unit in (units.RATIO, units.ANNUAL_RATE):
        return f"{shown(value * 100)}%"
    return f"{shown(value)}{_SUFFIX.get(unit, '')}"


_SUFFIX = {units.MONEY: " 元", units.POINTS: " 分", units.DAYS: " 天", units.MONEY_YEAR: " 元/年"}
