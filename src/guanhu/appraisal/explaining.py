"""Explaining a kept run: one subject's traces from the facts as the run saw them.

The evaluator reads the facts anew, and of the run only what others got (ranks, averages, pools).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction

from guanhu.appraisal.appraise import View
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lost import uncovered
from guanhu.appraisal.parameters import Parameters, value_of
from guanhu.appraisal.reading import SubjectReader
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.facts import SubjectFacts
from guanhu.rulebook.explain.groups import Member
from guanhu.rulebook.explain.past import Past
from guanhu.rulebook.explain.subject import SubjectEvaluator, SubjectTrace
from guanhu.rulebook.explain.values import InputNote, Unknown, Value
from guanhu.rulebook.instances import Instance, Version, version_at
from guanhu.rulebook.lots import Moved
from guanhu.values.dates import Span


class KnownInputs:
    """The bank's inputs for the evaluator."""

    def __init__(self, rulebook: t.Rulebook, parameters: Parameters) -> None:
        """Take the values in all their versions."""
        self.rulebook, self.parameters = rulebook, parameters

    def read(self, name: str, keys: tuple[str, ...], day: date) -> tuple[Value, InputNote]:
        """Return the value in force, or unknown (absent)."""
        found = self.parameters.at(name, keys, day)
        if found is None:
            return Unknown(f"inputs.{name}", "absent"), InputNote(name, keys, None, "", "")
        return found.value, InputNote(name, keys, found.days.start, found.document, found.approved_by)

    def changes(self, names: set[str], span: Span) -> set[date]:
        """Return the days inside the span on which one of these inputs changes."""
        return self.parameters.cuts(names, span)

    def parsed(self, name: str, text: str) -> Value | None:
        """Return a person's decision in the input's unit."""
        return value_of(self.rulebook.inputs[name].unit, text)


class KnownCoverage:
    """Coverage for the evaluator, asked once for each kind and span."""

    def __init__(self, view: View) -> None:
        """Take the view."""
        self.view = view
        self.asked: dict[tuple[str, Span], bool] = {}

    def missing(self, kind: str, span: Span) -> bool:
        """Tell whether a day of the span is covered by no batch."""
        if (kind, span) not in self.asked:
            self.asked[kind, span] = bool(uncovered(self.view, kind, span))
        return self.asked[kind, span]


class KeptOthers:
    """Other subjects' kept results, and institutions' facts."""

    def __init__(self, reader: SubjectReader, members: dict[tuple[str, str], list[Member]]) -> None:
        """Take the kept results by (instance, group)."""
        self.reader = reader
        self.kept = members
        self._institutions: dict[str, SubjectFacts] = {}

    def members(self, instance_key: str, group: str) -> list[Member]:
        """Return the members of a group in an instance."""
        return self.kept.get((instance_key, group), [])

    def institution(self, institution_id: str) -> SubjectFacts:
        """Return the facts of an institution and all below it."""
        if institution_id not in self._institutions:
            self._institutions[institution_id] = self.reader.institution(institution_id)
        return self._institutions[institution_id]


class Explainer:
    """Explains subjects of one run."""

    def __init__(
        self,
        engine: Engine,
        view: View,
        rulebook: t.Rulebook,
        parameters: Parameters,
        past: Past,
        members: dict[tuple[str, str], list[Member]],
        versions: Sequence[Version] = (),
    ) -> None:
        """Take the facts, the inputs, the past before the run, and what the run kept of everybody.

        `versions` are rulebooks that hold each from its day on, the last of them `rulebook`; none: it holds always.
        """
        self.rulebook = rulebook
        self.versions = versions or [(date.min, rulebook)]
        self.reader = SubjectReader(engine, rulebook, view)
        self.inputs = KnownInputs(rulebook, parameters)
        self.coverage = KnownCoverage(view)
        self.others = KeptOthers(self.reader, members)
        self.past = past
        self.lots: dict[str, list[Moved]] = {}
        """By subject what the evaluator moved when it was last explained."""

    def subject(
        self,
        subject_id: str,
        kind: str,
        planned: Iterable[Instance],
        facts: SubjectFacts | None = None,
        *,
        keeps_rows: bool = False,
    ) -> list[SubjectTrace]:
        """Return the traces of a subject in all instances of a run, in time order; of each credited row if asked.

        Whoever has read the facts of the subject gives them.
        """
        facts = facts or self.facts(subject_id, kind)
        states, opening = (
            copy.deepcopy({s: {k: v for k, v in by.items() if k == subject_id} for s, by in store.items()})
            for store in (self.past.states, self.past.opening)
        )
        lots = [x for x in self.past.lots if x.subject_id == subject_id]
        if kind == "person":
            before = {x.row for x in self.past.opening_lots if x.subject_id == subject_id}
            self.reader.rows_of_lots(facts, before | {x.source for x in lots})
        own = Past(self.past.published, {}, states, self.past.held, opening, lots, self.past.opening_lots)
        evaluator = SubjectEvaluator(
            self.rulebook, self.inputs, facts, self.coverage, self.others, own, keeps_rows=keeps_rows
        )
        traces: list[SubjectTrace] = []
        for instance in planned:
            evaluator.turn_to(version_at(self.versions, instance))
            traces.extend(evaluator.evaluate_instance(instance))
        self.lots[subject_id] = evaluator.lots.rows()
        return traces

    def facts(self, subject_id: str, kind: str) -> SubjectFacts:
        """Return the facts of a subject."""
        match kind:
            case "person":
                return self.reader.person(subject_id)
            case "institution":
                return self.reader.institution(subject_id)
            case "team":
                return self.reader.team(subject_id)
            case _:
                return self.reader.bank()


__all__ = ["Explainer", "Fraction", "KnownInputs"]
