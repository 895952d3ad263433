"""How far a patch reaches: which measures, lines, decisions and instances can come out otherwise.

    text or value changed ─► rows of measures ─► lines ─► lines that read them, in this and later instances
                                                     └─► decisions ─► states ─► whoever reads the state

What is not reached is not evaluated: its kept figures stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from guanhu.appraisal.credited import lot_measures
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance, Version, evaluated_in
from guanhu.rulebook.parts import parts_of
from guanhu.rulebook.shape import shape

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
        tables = _changed(rulebook.tables, base.tables)
        inputs = _held(rulebook, valued | _changed(rulebook.inputs, base.inputs), tables)
        figures = _changed(rulebook.measures, base.measures)
        folded = _measures(rulebook, inputs, tables, figures)
        # Of lots by row the single rows are needed, which are no frozen figure.
        measures |= folded | lot_measures(rulebook)
        # Lots go from instance to instance: where there are any, everything is evaluated again.
        ledgers_change = _changed(rulebook.ledgers, base.ledgers) or rulebook.lots or base.lots
        if _changed(rulebook.words, base.words) or ledgers_change:
            lines |= {x.id for x in rulebook.evaluated()}
        lines |= _changed(rulebook.lines, base.lines) | _changed(rulebook.decisions, base.decisions)
        for x in rulebook.evaluated():
            if _reads_any(x, rulebook, inputs, tables, folded | figures):
                lines.add(x.id)
    if base.lots or any(rulebook.lots for _, rulebook in versions):
        since = date.min
    _follow(lines, versions)
    return Reach(frozenset(measures), frozenset(lines), since)


def _held(rulebook: t.Rulebook, inputs: set[str], tables: set[str]) -> set[str]:
    """Return these inputs, and those whose range is made of them: a value that left its range is none."""
    found = set(inputs)
    ranges = {
        name: list(parts_of((declared.least, declared.most), rulebook.tables))
        for name, declared in rulebook.inputs.items()
    }
    while more := {name for name, parts in ranges.items() if _reads(parts, found, tables)} - found:
        found |= more
    return found


def _changed(now: Mapping[str, Any], before: Mapping[str, Any]) -> set[str]:
    """Return the names of declarations that say another thing than before, or are gone."""
    return {x for x in {*now, *before} if shape(now.get(x)) != shape(before.get(x))}


def past_lines(rulebook: t.Rulebook, evaluated: Iterable[Evaluated]) -> set[str]:
    """Return the lines whose earlier instances are read."""
    found: set[str] = set()
    for x in evaluated:
        for node in _parts(x, rulebook):
            if isinstance(node, _PAST):
                found.add(node.line)
            if isinstance(node, t.Streak | t.Times):
                found.update(node.decisions)
            if isinstance(node, t.Balance):
                ledger = rulebook.ledgers[node.ledger]
                found.update((ledger.adds, ledger.uses))
    return found


def _measures(rulebook: t.Rulebook, inputs: set[str], tables: set[str], figures: set[str]) -> set[str]:
    """Return the measures whose rows come out otherwise: by their text, their tables, an input, another figure."""
    found: set[str] = set()
    read: dict[str, set[str]] = {}
    for name, measure in rulebook.measures.items():
        if isinstance(measure, t.FormulaMeasure):
            continue
        if name in figures:
            found.add(name)
        if not isinstance(measure, t.Measure):
            continue
        parts = list(parts_of(measure.all_formulas, rulebook.tables))
        read[name] = {part.name for part in parts if isinstance(part, t.MeasureRef)}
        if _reads(parts, inputs, tables):
            found.add(name)
    while more := {name for name, others in read.items() if others & found} - found:
        found |= more
    return found


def _reads(parts: Iterable[t.Expr], inputs: set[str], tables: set[str]) -> bool:
    """Tell whether parts of formulas read one of these inputs or tables."""
    return any(
        (isinstance(part, t.InputRef) and part.name in inputs)
        or (isinstance(part, t.Lookup) and part.table in tables)
        for part in parts
    )


def _parts(x: Evaluated, rulebook: t.Rulebook) -> list[t.Expr]:
    """Return every part of a line's formulas, of the rows of its tables and of the measures it is made of."""
    return list(parts_of(x.formulas, rulebook.tables, rulebook.measures))


def _reads_any(
    x: Evaluated, rulebook: t.Rulebook, inputs: set[str], tables: set[str], measures: set[str]
) -> bool:
    parts = _parts(x, rulebook)
    return _reads(parts, inputs, tables) or any(
        isinstance(part, t.MeasureRef) and part.name in measures for part in parts
    )


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
    for node in _parts(x, rulebook):
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
