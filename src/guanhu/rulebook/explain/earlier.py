"""Figures from earlier instances of the same subject, each with whence it was read."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past, Value as PastValue
from guanhu.rulebook.explain.values import PastNote, PastRow, Traced, Unknown, Value
from guanhu.rulebook.instances import Instance
from guanhu.values import units
from guanhu.values.dates import Span, instances
from guanhu.values.exact import decimal_of


def previous_figure(node: t.Previous, past: Past, subject: str, before: Instance) -> Traced:
    """Return the figure of the instance before, which is known to be there."""
    value = (past.at(node.line, before.days) or {})[subject]
    row = _row(past, node.line, before, subject, value)
    return Traced(node, row.value, note=PastNote((row,)))


def state_value(node: t.State, state: tuple[date, str] | None) -> Value:
    """Return what a decision has set; a figure is kept as decimal text."""
    absent = Unknown(f"state.{node.name}", "absent")
    if state is None:
        return absent
    if units.is_choice(node.unit):
        return state[1]
    found = decimal_of(state[1])
    return absent if found is None else found


def over_instances(node: t.OverInstances, past: Past, subject: str, days: Span) -> Traced:
    """Return a figure over the shorter instances of an instance, and each of them."""
    known = {span: past.at(node.line, span) for span in instances(node.every, days)}
    rows = tuple(
        _row(past, node.line, Instance(span, node.every), subject, values[subject])
        for span, values in known.items()
        if values is not None and subject in values
    )
    values = [x[subject] for x in known.values() if x is not None and subject in x]
    if any(x is None for x in known.values()) or any(v is None for v in values) or not values:
        return Traced(node, Unknown(f"past.{node.line}", "past"), note=PastNote(rows))
    return Traced(node, _taken(node, values), note=PastNote(rows))


def _row(past: Past, line: str, instance: Instance, subject: str, value: PastValue) -> PastRow:
    """Return an earlier value and whence it was read: as published, as opened, or as just computed."""
    is_past = subject in past.published.get((line, instance.days), {})
    was = "published" if (instance.every, instance.days) in past.held else "opening"
    return PastRow(instance.key, _value(value, line), was if is_past else "computed")


def _taken(node: t.OverInstances, values: list[PastValue]) -> Value:
    numbers = [
        Fraction(int(v)) if isinstance(v, bool) else v for v in values if isinstance(v, bool | Fraction)
    ]
    match node.how:
        case "sum" | "count":
            return sum(numbers, Fraction(0))
        case "average":
            return sum(numbers, Fraction(0)) / len(numbers)
        case "highest":
            return max(numbers)
        case "lowest":
            return min(numbers)
        case _:
            return _value(values[-1], node.line)


def _value(value: PastValue, line: str) -> Value:
    return Unknown(f"past.{line}", "past") if value is None else value


__all__ = ["over_instances", "previous_figure", "state_value"]
