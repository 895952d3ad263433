"""What a subject was paid by published runs, for explaining: instances as published, corrections traced anew.

The published figures are read from the run that published them; the recomputed ones are the evaluator's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.corrections import held_instances, path_of, pay_lines
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.published import kept_value
from guanhu.appraisal.runs import RunFolder
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.subject import CardTrace, SubjectTrace
from guanhu.rulebook.explain.values import Traced, Unknown, Value
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run.template import filled
from guanhu.values import units
from guanhu.values.dates import Span


@dataclass(frozen=True, slots=True)
class Correction:
    """recomputed − published − corrected so far, of one pay line in one published instance; unknown stays unknown.

    `counts` tells whether it adds to the pay; one that another line of its instance takes up does not.
    """

    line: t.Line
    of: Instance
    run: str
    published: Value | None
    corrected: Fraction
    recomputed: Value
    counts: bool
    anew: SubjectTrace | None

    @property
    def amount(self) -> Value:
        """Return what is due (above 0) or owed."""
        if not isinstance(self.recomputed, Fraction):
            return self.recomputed
        before = self.published if isinstance(self.published, Fraction) else Fraction(0)
        return self.recomputed - before - self.corrected


@dataclass(slots=True)
class Explained:
    """A subject's instances as the run shows them, and the corrections that it pays in `current`."""

    traces: list[SubjectTrace]
    corrections: list[Correction] = field(default_factory=list)
    current: str = ""


class Paid:
    """What published runs paid."""

    def __init__(self, engine: Engine, rulebook: t.Rulebook, runs: Sequence[RunFolder]) -> None:
        """Take the runs that were published before the one that is explained, in the order of publication."""
        self.engine = engine
        self.rulebook = rulebook
        self.runs = runs
        self.held = held_instances(engine, runs)
        self._lines: dict[tuple[str, str], set[str]] = {}

    def explained(
        self, subject: str, made: list[SubjectTrace], instances: list[Instance], current: str
    ) -> Explained:
        """Return what was made of a subject with each published instance as published, and the corrections."""
        found = Explained([x for x in made if not self.is_held(x.instance)], current=current)
        for instance in instances:
            if not self.is_held(instance):
                continue
            anew = [x for x in made if (x.instance.key, x.instance.every) == (instance.key, instance.every)]
            shown = self._published(subject, instance)
            found.traces.extend(shown)
            found.corrections.extend(self._corrections(subject, instance, shown, anew))
        order = {(x.key, x.every): place for place, x in enumerate(instances)}
        found.traces.sort(key=lambda x: order.get((x.instance.key, x.instance.every), len(order)))
        return found

    def is_held(self, instance: Instance) -> bool:
        """Tell whether an instance was published before."""
        return (instance.key, instance.every) in self.held

    def _corrections(
        self, subject: str, instance: Instance, shown: list[SubjectTrace], anew: list[SubjectTrace]
    ) -> Iterable[Correction]:
        known = self._known_lines(instance)
        corrected = self._corrected(subject, instance)
        run = self.held[instance.key, instance.every].path.name
        for pay in pay_lines(self.rulebook):
            line = pay.line
            if line.every != instance.every or line.id not in known:
                continue
            was = next((x.whole[line.id] for x in shown if line.id in x.whole), None)
            trace = next((x for x in anew if line.id in x.whole), None)
            now: Value = trace.whole[line.id] if trace is not None else Fraction(0)
            found = Correction(
                line, instance, run, was, corrected.get(line.id, Fraction(0)), now, pay.counts, trace
            )
            before = was if isinstance(was, Fraction) else Fraction(0)
            due = now if isinstance(now, Fraction) else Fraction(0)
            if due != before + found.corrected:
                yield found

    def _known_lines(self, instance: Instance) -> set[str]:
        """Return the lines that the published run kept of an instance, for anybody."""
        key = (instance.key, instance.every)
        if key not in self._lines:
            rows = self.engine.rows(filled(_KNOWN, **self._at(instance)))
            self._lines[key] = {str(line) for (line,) in rows}
        return self._lines[key]

    def _at(self, instance: Instance, name: str = "lines") -> dict[str, exp.Expr]:
        return {
            "path": path_of(self.held[instance.key, instance.every], name),
            "instance": exp.Literal.string(instance.key),
            "every": exp.Literal.string(instance.every),
        }

    def _corrected(self, subject: str, instance: Instance) -> dict[str, Fraction]:
        """Return by line what earlier runs have paid as corrections of an instance."""
        found: dict[str, Fraction] = {}
        for run in self.runs:
            if not run.table("corrections").is_file():
                continue
            where = self._at(instance) | {"path": path_of(run, "corrections")}
            for line, fen in self.engine.rows(
                filled(_CORRECTED, subject=exp.Literal.string(subject), **where)
            ):
                found[line] = found.get(line, Fraction(0)) + Fraction(int(fen), 100)
        return found

    # -- as published --

    def _published(self, subject: str, instance: Instance) -> list[SubjectTrace]:
        """Return a subject's published cards and lines of an instance; their explanation is the published run's."""
        who = exp.Literal.string(subject)
        found: dict[str, SubjectTrace] = {}
        run = self.held[instance.key, instance.every].path.name
        for group, spell, post, grade, place, first, end, days in self.engine.rows(
            filled(_PEOPLE, subject=who, **self._at(instance, "people"))
        ):
            if group not in self.rulebook.groups:
                continue
            attributes: dict[str, Value] = {
                key: value
                for key, value in (("post", post), ("grade", grade), ("institution_id", place))
                if value is not None
            }
            trace = found.setdefault(group, SubjectTrace(instance, group, [], {}, published=run))
            trace.cards.append(
                CardTrace(instance, group, int(spell), Span(first, end), int(days), attributes)
            )
        for group, spell, name, num, den, text, state, cause in self.engine.rows(
            filled(_LINES, subject=who, **self._at(instance))
        ):
            trace_or_none = found.get(group)
            declared = self.rulebook.declared(name)
            if trace_or_none is None or declared is None:
                continue
            unit = declared.unit if isinstance(declared, t.Line) else units.YES_NO
            kept = kept_value(unit, num, den, text, state)
            value: Value = Unknown(cause or "undefined", _why(cause)) if kept is None else kept
            traced = Traced(t.LineRef(name=name, unit=unit, place=declared.place), value)
            _put(trace_or_none, int(spell), name, traced)
        for trace in found.values():
            for card in trace.cards[:-1]:
                card.is_last = False
        return [found[group] for group in self.rulebook.groups if group in found and found[group].whole]


def _put(trace: SubjectTrace, spell: int, name: str, traced: Traced) -> None:
    """Put a kept line where it belongs: 0 is the whole subject, and the card of one that has no spells."""
    if not spell:
        trace.whole[name] = traced.value
    for card in trace.cards:
        if card.spell_no == spell or not spell:
            card.lines.setdefault(name, traced)


def _why(cause: str | None) -> str:
    """Return why a kept figure is unknown, as far as its cause says."""
    section = (cause or "undefined").partition(".")[0]
    return {"past": "past", "tables": "no row", "pool": "pool", "undefined": "undefined"}.get(
        section, "absent"
    )


_KNOWN = "SELECT DISTINCT line FROM read_parquet(:path) WHERE spell_no = 0 AND instance = :instance AND every = :every"
_CORRECTED = """
SELECT line, correction_fen FROM read_parquet(:path)
WHERE subject_id = :subject AND of_instance = :instance AND every = :every AND state = 'ok'
"""
_PEOPLE = """
SELECT group_id, spell_no, post, grade, institution_id, first_day, CAST(last_day + 1 AS DATE), days FROM read_parquet(:path)
WHERE subject_id = :subject AND instance = :instance AND every = :every ORDER BY group_id, spell_no
"""
_LINES = """
SELECT group_id, spell_no, line, num, den, text, state, cause FROM read_parquet(:path)
WHERE subject_id = :subject AND instance = :instance AND every = :every ORDER BY group_id, spell_no DESC
"""
