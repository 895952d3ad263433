"""How far a patch reaches: which measures, lines, decisions and instances can come out otherwise.

    text or value changed ─► rows of measures ─► lines ─► lines that read them, in this and later instances
                                                     └─► decisions ─► states ─► whoever reads the state

What is not reached is not evaluated: its kept figures stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Any

from guanhu.appraisal.parameters import inputs_in
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance, evaluated_in

Version = tuple[date, t.Rulebook]
"""A rulebook and the first day of the instances that it holds for."""
Evaluated = t.Line | t.Decision
_PAST = t.OverInstances | t.Previous | t.Streak | t.Times


@dataclass(frozen=True, slots=True)
class Reach:
    """What a patch reaches: measures to fold again, lines and decisions, and from which day on."""

    measures: frozenset[str]
    lines: frozenset[str]
    since: date

    def touches(self, rulebook: t.Rulebook, instance: Instance) -> bool:
        """Tell whether anything that is evaluated in an instance can come out otherwise."""
        return instance.days.end > self.since and any(
            x.id in self.lines for x in evaluated_in(rulebook, instance)
        )

    def touches_own_windows(self, rulebook: t.Rulebook) -> bool:
        """Tell whether a line over a window from a person's own date can come out otherwise."""
        return any(x.once is not None and x.id in self.lines for x in rulebook.evaluated())


def reach_of(base: t.Rulebook, versions: Sequence[Version], valued: set[str], since: date) -> Reach:
    """Return how far versions of a rulebook and new values of inputs reach, from a day on."""
    measures: set[str] = set()
    lines: set[str] = set()
    for _, rulebook in versions:
        inputs = valued | {x for x in rulebook.inputs if not same(rulebook.inputs[x], base.inputs.get(x))}
        tables = {x for x in rulebook.tables if not same(rulebook.tables[x], base.tables.get(x))}
        measures |= _measures(base, rulebook, inputs, tables)
        # Lots go from instance to instance: where there are any, everything is evaluated again.
        ledgers_stand = same(rulebook.ledgers, base.ledgers) and not (rulebook.lots or base.lots)
        if not same(rulebook.words, base.words) or not ledgers_stand:
            lines |= {x.id for x in rulebook.evaluated()}
        for x in rulebook.evaluated():
            before = base.lines.get(x.id) or base.decisions.get(x.id)
            if not same(x, before) or _reads_any(x, rulebook, inputs, tables, measures, base):
                lines.add(x.id)
    if base.lots or any(rulebook.lots for _, rulebook in versions):
        since = date.min
    _follow(lines, versions)
    return Reach(frozenset(measures), frozenset(lines), since)


def past_lines(rulebook: t.Rulebook, evaluated: Iterable[Evaluated]) -> set[str]:
    """Return the lines whose earlier instances are read."""
    found: set[str] = set()
    for x in evaluated:
        for node in _nodes(roots_of(x), rulebook):
            if isinstance(node, _PAST):
                found.add(node.line)
            if isinstance(node, t.Streak | t.Times):
                found.update(node.decisions)
            if isinstance(node, t.Balance):
                ledger = rulebook.ledgers[node.ledger]
                found.update((ledger.adds, ledger.uses))
    return found


def roots_of(x: Evaluated) -> list[t.Expr]:
    """Return the formulas of a line or decision."""
    if isinstance(x, t.Decision):
        return [x.when]
    return [e for e in (x.value, x.least, x.most) if e is not None]


def same(left: Any, right: Any) -> bool:
    """Tell whether two parts of a tree say the same, wherever they stand in their texts."""
    if type(left) is not type(right):
        return False
    if is_dataclass(left):
        return all(
            same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left) if f.name != "place"
        )
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return bool(left == right)


def _measures(base: t.Rulebook, rulebook: t.Rulebook, inputs: set[str], tables: set[str]) -> set[str]:
    """Return the measures whose rows come out otherwise: by their text, their tables, an input, another figure."""
    found: set[str] = set()
    read: dict[str, set[str]] = {}
    for name, measure in rulebook.measures.items():
        if not isinstance(measure, t.Measure):
            if isinstance(measure, t.FigureMeasure) and not same(measure, base.measures.get(name)):
                found.add(name)
            continue
        own = [x for x in (measure.where, measure.each) if x is not None]
        nodes = [part for node in own for part in t.walk(node)]
        read[name] = {part.name for part in nodes if isinstance(part, t.MeasureRef)}
        looked_up = {part.table for part in nodes if isinstance(part, t.Lookup)}
        if (
            not same(measure, base.measures.get(name))
            or inputs & inputs_in(own, rulebook.tables)
            or tables & looked_up
        ):
            found.add(name)
    while more := {name for name, others in read.items() if others & found} - found:
        found |= more
    return found


def _nodes(roots: Iterable[t.Expr], rulebook: t.Rulebook) -> Iterator[t.Expr]:
    """Yield every node of formulas, of the rows of their tables and of formula measures, once each."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        for part in t.walk(waiting.pop()):
            yield part
            if isinstance(part, t.Lookup) and f"table {part.table}" not in seen:
                seen.add(f"table {part.table}")
                versions = rulebook.tables[part.table].versions
                waiting += [give for version in versions for row in version.rows for give in row.gives]
            elif isinstance(part, t.MeasureRef) and part.name not in seen:
                seen.add(part.name)
                measure = rulebook.measures[part.name]
                if isinstance(measure, t.FormulaMeasure):
                    waiting.append(measure.expr)


def _reads_any(
    x: Evaluated,
    rulebook: t.Rulebook,
    inputs: set[str],
    tables: set[str],
    measures: set[str],
    base: t.Rulebook,
) -> bool:
    for node in _nodes(roots_of(x), rulebook):
        match node:
            case t.InputRef(name=name) if name in inputs:
                return True
            case t.Lookup(table=table) if table in tables:
                return True
            case t.MeasureRef(name=name):
                measure = rulebook.measures[name]
                changed = isinstance(measure, t.FormulaMeasure) and not same(measure, base.measures.get(name))
                if name in measures or changed:
                    return True
            case _:
                pass
    return False


def _follow(lines: set[str], versions: Sequence[Version]) -> None:
    """Add whatever reads a line or decision that is reached, over and over."""
    while True:
        before = len(lines)
        for _, rulebook in versions:
            states = {d.state for d in rulebook.decisions.values() if d.id in lines and d.state}
            if states & {"grade", "post"}:
                # Who has which grade is read by prices, groups and cards alike.
                lines.update(x.id for x in rulebook.evaluated())
            for x in rulebook.evaluated():
                if x.id not in lines and _reads_reached(x, rulebook, lines, states):
                    lines.add(x.id)
        if len(lines) == before:
            return


def _reads_reached(x: Evaluated, rulebook: t.Rulebook, lines: set[str], states: set[str]) -> bool:
    if isinstance(x, t.Line) and lines.intersection(x.terms):
        return True
    for node in _nodes(roots_of(x), rulebook):
        match node:
            case t.LineRef(name=name) if name in lines:
                return True
            case t.State(name=name) if name in states:
                return True
            case t.Streak() | t.Times() if lines.intersection(
                (node.line, *node.decisions)
            ) or states.intersection(node.states):
                return True
            case t.OverInstances() | t.Previous() if node.line in lines:
                return True
            case t.Balance(ledger=ledger):
                kept = rulebook.ledgers[ledger]
                if lines.intersection((kept.adds, kept.uses)):
                    return True
            case _:
                pass
    return False
