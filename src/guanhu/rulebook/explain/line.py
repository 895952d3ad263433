"""A line from its formula: held between least and most, counted by days, rounded; and what spells come to together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.scalar import Env, evaluate, number
from guanhu.rulebook.explain.values import LineNote, Traced, Unknown, Value
from guanhu.values import units
from guanhu.values.exact import QUOTIENT_PLACES, round_half_away

FEN_PLACES = 2


@dataclass(frozen=True, slots=True)
class Share:
    """What part of an instance a card is: bounds of money count by `part`, a line `for_days` by the `days` of the instance."""

    part: Fraction
    days: int


def line_figure(line: t.Line, formula: Traced, env: Env, share: Share) -> tuple[Traced, Value]:
    """Return a line of a card as it is kept, and its exact value before that.

    Rounding: money to the fen, everything else at 12 places, half away from zero, once, after least and most.
    """
    if not isinstance(formula.value, Fraction):
        note = LineNote(line.id, formula.value, "", formula.value, formula)
        return Traced(line.value, formula.value, (formula,), note=note), formula.value
    value, bound, extra = _held(line, formula.value, env, share)
    if line.for_days and isinstance(value, Fraction):
        value = value * Fraction(share.days, line.for_days)
    kept = settled(value, line.unit) if isinstance(value, Fraction) else value
    note = LineNote(line.id, formula.value, bound, kept, formula, extra)
    return Traced(line.value, kept, (formula,), note=note), value


def _held(line: t.Line, value: Fraction, env: Env, share: Share) -> tuple[Value, str, tuple[Traced, ...]]:
    """Return the value between least and most; in a spell bounds of what adds up count by days."""
    held: Value = value
    bound = ""
    extra: list[Traced] = []
    for node, what in ((line.least, "least"), (line.most, "most")):
        if node is None or not isinstance(held, Fraction):
            continue
        limit = evaluate(node, env)
        extra.append(limit)
        if isinstance(limit.value, Unknown):
            held = limit.value
            continue
        edge = number(limit)
        if line.adds_up:
            edge = edge * share.part
        if (what == "least" and held < edge) or (what == "most" and held > edge):
            held, bound = edge, what
    return held, bound, tuple(extra)


def is_held(traced: Traced) -> bool:
    """Tell whether a bound decides a line of a card: it is touched, or unknown."""
    return isinstance(traced.value, Unknown) or (
        isinstance(traced.note, LineNote) and traced.note.bound != ""
    )


def settled(value: Fraction, unit: units.Unit) -> Fraction:
    """Return a line's value as it is kept: money to the fen, everything else at 12 places."""
    return round_half_away(value, FEN_PLACES if unit == units.MONEY else QUOTIENT_PLACES)


def sum_of(values: Iterable[Value]) -> Value:
    """Return the sum, or the first of them that is unknown."""
    total = Fraction(0)
    for value in values:
        if not isinstance(value, Fraction):
            return value
        total += value
    return total


def sum_of_spells(values: Iterable[Value], unit: units.Unit = units.MONEY) -> Value:
    """Return what the exact figures of spells come to: added, then rounded once, money to the fen."""
    total = sum_of(values)
    return settled(total, unit) if isinstance(total, Fraction) else total


def points_of_spells(spells: Iterable[tuple[Value, int]]) -> Value:
    """Return what points and days of spells come to: Σ(points × days) ÷ Σ days at 12 places.

    >>> points_of_spells([(Fraction(80), 30), (Fraction(90), 60)])
    Fraction(86666666666667, 1000000000000)
    """
    rows = list(spells)
    total = sum_of(value * days if isinstance(value, Fraction) else value for value, days in rows)
    days = sum(days for _, days in rows)
    return round_half_away(total / days, QUOTIENT_PLACES) if isinstance(total, Fraction) else total
