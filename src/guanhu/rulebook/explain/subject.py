"""One subject through the instances of a run, in time order, exactly as the text says.

For each instance: its spells, the group that each belongs to, the lines in the tree's order, then the
whole subject (points by days, pay added and rounded), then what decisions set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Protocol

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.decided import decided
from guanhu.rulebook.explain.earlier import over_instances, previous_figure, state_value
from guanhu.rulebook.explain.facts import PostSpan, SubjectFacts
from guanhu.rulebook.explain.groups import Asker, Member, Others, group_figure, pool_part
from guanhu.rulebook.explain.line import Share, is_held, line_figure, points_of_spells, sum_of, sum_of_spells
from guanhu.rulebook.explain.lots import LotsOfSubject
from guanhu.rulebook.explain.measures import MeasureEvaluator, read_input
from guanhu.rulebook.explain.past import Given, Past
from guanhu.rulebook.explain.reads import Inputs, Question, credit_day, rows_in_force
from guanhu.rulebook.explain.scalar import Env, evaluate
from guanhu.rulebook.explain.values import (
    MeasureNote,
    Traced,
    Unknown,
    Value,
)
from guanhu.rulebook.instances import Instance, evaluated_in
from guanhu.rulebook.windows import previous_instance, span_of
from guanhu.values import units
from guanhu.values.dates import Span, add_months
from guanhu.values.exact import shown

_PERIODS = {"month": 1, "quarter": 3, "half": 6, "year": 12}


class Coverage(Protocol):
    """Whether the facts cover what a measure needs."""

    def missing(self, kind: str, span: Span) -> bool:
        """Tell whether a day of the span is covered by no batch."""


@dataclass(slots=True)
class CardTrace:
    """One card: a spell of an instance (or all of it), who it belongs to and its lines."""

    instance: Instance
    group: str
    spell_no: int
    days: Span
    spell_days: int
    attributes: dict[str, Value]
    is_last: bool = True
    own_days: int = 0
    lines: dict[str, Traced] = field(default_factory=dict)
    raw: dict[str, Value] = field(default_factory=dict)
    measures: dict[str, Traced] = field(default_factory=dict)

    def instance_value(self, name: str) -> Value:
        """Return what a formula reads of the instance or of the spell itself."""
        days = self.instance.days
        match name:
            case "period_days":
                return Fraction(days.days)
            case "spell_days":
                return Fraction(self.spell_days)
            case "own_days":
                return Fraction(self.own_days)
            case "period_start":
                return days.start
            case _:
                return days.last_day


@dataclass(slots=True)
class SubjectTrace:
    """All cards of a subject in one instance, and what they come to together.

    `published` is the run that published the instance: then the figures are those that stood there.
    """

    instance: Instance
    group: str
    cards: list[CardTrace]
    whole: dict[str, Value]
    published: str = ""


class SubjectEvaluator:
    """Evaluates one subject."""

    def __init__(
        self,
        rulebook: t.Rulebook,
        inputs: Inputs,
        facts: SubjectFacts,
        coverage: Coverage,
        others: Others,
        past: Past,
        *,
        keeps_rows: bool = False,
    ) -> None:
        """Take the subject's facts, the inputs, what others got, what is past; whether rows keep how they came about."""
        self.rulebook = rulebook
        self.inputs = inputs
        self.facts = facts
        self.coverage = coverage
        self.others = others
        self.past = past
        self.keeps_rows = keeps_rows
        self.measures = MeasureEvaluator(rulebook, inputs, facts, keeps_rows=keeps_rows)
        self.institutions: dict[str, MeasureEvaluator] = {}
        self.whole: dict[str, Value] = {}
        self.given = given_states(facts)
        self.lots = LotsOfSubject(self)

    def turn_to(self, rulebook: t.Rulebook) -> None:
        """Take another version of the rulebook for the instances that come."""
        if rulebook is not self.rulebook:
            self.rulebook = rulebook
            self.measures = MeasureEvaluator(rulebook, self.inputs, self.facts, keeps_rows=self.keeps_rows)
            self.institutions = {}

    def evaluate_instance(self, instance: Instance) -> list[SubjectTrace]:
        """Return one trace for each group that the subject belongs to in the instance; they come in time order."""
        found: list[SubjectTrace] = []
        for line in evaluated_in(self.rulebook, instance):
            # An instance in which the subject is not appraised is known too: it does not count.
            self.past.computed.setdefault((line.id, instance.days), {})
        for group in self.rulebook.groups.values():
            if group.subject != self.facts.kind or not self._names(instance, group.id):
                continue
            cards = [card for card in self.cards(instance, group) if self._belongs(card, group)]
            for card in cards:
                card.is_last = card is cards[-1]
                card.own_days = sum(x.spell_days for x in cards)
            if cards:
                found.append(self._evaluated(instance, group, cards))
        self.lots.finish(instance, found)
        return found

    def _names(self, instance: Instance, group: str) -> list[str]:
        wanted = {x.id for x in evaluated_in(self.rulebook, instance, group)}
        return [name for name in self.rulebook.order if name in wanted]

    def _evaluated(
        self, instance: Instance, group: t.GroupOfSubjects, cards: list[CardTrace]
    ) -> SubjectTrace:
        trace = SubjectTrace(instance, group.id, cards, {})
        self.whole = trace.whole
        for name in self._names(instance, group.id):
            for card in cards:
                self._line(_CardLeaves(self, card, group), trace, card, name)
            trace.whole[name] = self._whole(name, cards, trace.whole)
        self._remember(trace)
        return trace

    # -- who --

    def cards(self, instance: Instance, group: t.GroupOfSubjects) -> list[CardTrace]:
        """Return the cards of an instance, whether or not they belong to the group."""
        days = instance.days
        if group.subject != "person":
            attributes: dict[str, Value] = {}
            if group.subject == "team":
                attributes = _known(
                    {"team_id": self.facts.subject_id, "institution_id": self.facts.team_institution}
                )
            if group.subject == "institution":
                attributes = _known(
                    {
                        "institution_id": self.facts.subject_id,
                        **self.facts.institutions.get(self.facts.subject_id, {}),
                    }
                )
            return [CardTrace(instance, group.id, 1, days, days.days, attributes)]
        spells = spells_of(self.facts.spans, days, cut=group.spells)
        states = self.past.state("grade", days.start).get(self.facts.subject_id)
        found: list[CardTrace] = []
        for number_, spell in enumerate(spells, 1):
            last = spell[-1]
            grade = last.grade
            if states is not None and states[0] > last.start:
                grade = states[1]
            inside = Span(max(spell[0].start, days.start), min(last.end, days.end))
            length = sum((min(s.end, days.end) - max(s.start, days.start)).days for s in spell)
            place = self.facts.institutions.get(last.institution_id or "", {})
            attributes = _known(
                {
                    "post": last.post,
                    "grade": grade,
                    "institution_id": last.institution_id,
                    "team_id": last.team_id,
                    "area": place.get("area"),
                    "level": place.get("level"),
                    **{k: self.facts.staff.get(k) for k in ("person_kind", "hired_on", "left_on")},
                }
            )
            found.append(CardTrace(instance, group.id, number_, inside, length, attributes))
        return found

    def _belongs(self, card: CardTrace, group: t.GroupOfSubjects) -> bool:
        held = evaluate(group.condition, _CardLeaves(self, card, group)).value
        return held is True

    # -- lines --

    def _line(self, env: _CardLeaves, trace: SubjectTrace, card: CardTrace, name: str) -> None:
        decision = self.rulebook.decisions.get(name)
        if self.facts.kind == "person" and self.coverage.missing("posts", card.instance.days):
            root = decision.when if decision is not None else self.rulebook.lines[name].value
            card.lines[name] = Traced(root, Unknown("facts.posts", "coverage"))
            return
        wholes = _WholeLeaves(env, trace.whole, trace.cards)
        if decision is not None:
            card.lines[name] = evaluate(decision.when, wholes)
            return
        line = self.rulebook.lines[name]
        formula = evaluate(line.value, wholes if line.role == "check" else env)
        days = card.instance.days.days
        part = Fraction(card.spell_days, days) if env.group.spells else Fraction(1)
        card.lines[name], value = line_figure(line, formula, env, Share(part, days))
        if isinstance(formula.value, Fraction):
            card.raw[name] = value

    def _whole(self, name: str, cards: list[CardTrace], whole: dict[str, Value]) -> Value:
        """Return a line of the whole subject: points by days, what adds up added and then rounded, else the last spell's."""
        line = self.rulebook.lines.get(name)
        last = cards[-1].lines[name].value
        if len(cards) == 1 or line is None or line.role == "check":
            return last
        if line.adds_up:
            if line.sums_lines and not any(is_held(card.lines[name]) for card in cards):
                return sum_of(whole[term] for term in line.terms)
            return sum_of_spells((card.raw.get(name, card.lines[name].value) for card in cards), line.unit)
        if line.unit == units.POINTS:
            return points_of_spells((card.lines[name].value, card.spell_days) for card in cards)
        return last

    # -- measures --

    def measure(self, name: str, card: CardTrace, env: _CardLeaves) -> Traced:
        """Return a measure for a card."""
        measure = self.rulebook.measures[name]
        node = t.MeasureRef(name=name, unit=measure.unit, place=measure.place)
        if isinstance(measure, t.FormulaMeasure):
            formula = evaluate(measure.expr, env)
            return Traced(node, formula.value, (formula,))
        span = span_of(measure.window, card.instance.days, card.instance.every)
        if span is None:
            return Traced(node, Unknown(f"measures.{name}", "coverage"))
        if isinstance(measure, t.FigureMeasure):
            return Traced(node, self._supplied(measure, span, card))
        if self._uncovered(measure, span, card):
            return Traced(node, Unknown(f"measures.{name}", "coverage"))
        evaluator = self.measures
        spell: Span | None = (
            card.days if self.rulebook.groups[card.group].spells and self.facts.kind == "person" else None
        )
        if measure.credit == "institution" and self.facts.kind == "person":
            place = card.attributes.get("institution_id")
            if not isinstance(place, str):
                return Traced(node, Fraction(0))
            evaluator, spell = self._institution(place), None
        value, note = evaluator.figure(
            Question(measure, span, card.instance.days, spell, card.instance.every)
        )
        return Traced(node, value, note=note)

    def _institution(self, place: str) -> MeasureEvaluator:
        if place not in self.institutions:
            self.institutions[place] = MeasureEvaluator(
                self.rulebook, self.inputs, self.others.institution(place), keeps_rows=self.keeps_rows
            )
        return self.institutions[place]

    def _uncovered(self, measure: t.Measure, span: Span, card: CardTrace) -> bool:
        if self._rows_uncovered(measure, span, card):
            return True
        by_institution = self.facts.kind == "institution" or measure.credit == "institution"
        if by_institution and self._places_uncovered(measure, span):
            return True
        through_people = self.facts.kind == "person" and measure.credit not in ("person", "institution")
        at = credit_day(Question(measure, span, card.instance.days, None))
        days = card.instance.days if measure.base else span
        if at or measure.is_of_last_day:
            at = at or days.last_day
            days = Span(at, at + timedelta(days=1))
        return through_people and self.coverage.missing("assignments", days)

    def _rows_uncovered(self, measure: t.Measure, span: Span, card: CardTrace) -> bool:
        """Tell whether its rows, or what they ask of an account, a customer or a loan, lie on days of which nothing is known."""
        if self.coverage.missing(
            measure.kind.name, Span(span.last_day, span.end) if measure.is_of_last_day else span
        ):
            return True
        last = Span(span.last_day, span.end) if measure.is_of_last_day else span
        read = {table for table, _ in self.measures.reads(measure).columns}
        if "account_rates" in read and self.coverage.missing("account_rates", last):
            return True
        if "institution" in read and self._places_uncovered(measure, span):
            return True
        own = card.instance
        for node in (part for formula in measure.formulas for part in t.walk(formula)):
            asked = self.rulebook.measures[node.name] if isinstance(node, t.MeasureRef) else None
            if isinstance(asked, t.Measure) and self._rows_uncovered(
                asked, span_of(asked.window, own.days, own.every) or own.days, card
            ):
                return True
        return False

    def _places_uncovered(self, measure: t.Measure, span: Span) -> bool:
        """Tell whether it is not known where the accounts of its rows were kept."""
        days = Span(span.last_day, span.end) if measure.is_of_last_day else span
        return measure.kind.name in ("balances", "account_rates") and self.coverage.missing(
            "account_institutions", days
        )

    def _supplied(self, measure: t.FigureMeasure, span: Span, card: CardTrace) -> Value:
        if measure.scope == "person" and self.facts.kind != "person":
            return Unknown(f"measures.{measure.id}", "absent")
        subject = {
            "institution": card.attributes.get("institution_id"),
            "team": card.attributes.get("team_id"),
            "bank": "bank",
        }.get(measure.scope, self.facts.subject_id)
        value = self.supplied_figure(measure, str(subject), span)
        if isinstance(value, Fraction) and measure.by_days and self.rulebook.groups[card.group].spells:
            return value * card.spell_days / card.instance.days.days
        return value

    def supplied_figure(self, measure: t.FigureMeasure, subject: str, span: Span) -> Value:
        """Return the figure of a subject that is in force on the last day of a window."""
        rows = self.facts.figures.get((measure.scope, subject, measure.item), [])
        found = [row for row in rows if row[0] <= span.last_day < row[1]]
        if not found:
            return Unknown(f"measures.{measure.id}", "absent")
        return max(found, key=lambda row: (row[0], -row[1].toordinal()))[2]

    # -- the past --

    def earlier(self, node: t.Expr, card: CardTrace, env: _CardLeaves) -> Traced:
        """Return an earlier figure of the subject."""
        subject, days = self.facts.subject_id, card.instance.days
        match node:
            case t.Previous():
                before = Instance(
                    previous_instance(days, card.instance.every, node.back), card.instance.every
                )
                values = self.past.at(node.line, before.days) or {}
                if subject not in values:
                    return (
                        evaluate(node.otherwise, env)
                        if node.otherwise is not None
                        else Traced(node, Unknown(f"past.{node.line}", "past"))
                    )
                return previous_figure(node, self.past, subject, before)
            case t.OverInstances():
                return over_instances(node, self.past, subject, days)
            case t.Streak():
                since = self.past.changes(node, days.end, self.given)
                return self._counted(
                    node, card, self.past.streak(node.line, days.start, since).get(subject, 0)
                )
            case t.Times():
                first = add_months(days.start, -_PERIODS.get(card.instance.every, 12) * (node.last - 1))
                since = self.past.changes(node, days.end, self.given)
                return self._counted(
                    node, card, self.past.times(node.line, first, days.start, since).get(subject, 0)
                )
            case t.Balance():
                ledger = self.rulebook.ledgers[node.ledger]
                kept = self.past.balance(ledger.adds, ledger.uses, ledger.lapses_after, days.start)
                held = kept.get(subject, Fraction(0))
                return Traced(node, held if held is not None else Unknown(f"ledgers.{node.ledger}", "past"))
            case t.State():
                state = self.past.state(node.name, days.start).get(subject)
                return Traced(node, state_value(node, state))
            case _:
                raise TypeError(type(node).__name__)

    def _counted(self, node: t.Streak | t.Times, card: CardTrace, before: int | None) -> Traced:
        now = card.lines[node.line]
        if isinstance(now.value, Unknown):
            return Traced(node, now.value, (now,))
        if not now.value and isinstance(node, t.Streak):
            return Traced(node, Fraction(0), (now,))
        if before is None:
            return Traced(node, Unknown(f"past.{node.line}", "past"), (now,))
        return Traced(node, Fraction(before + (1 if now.value else 0)), (now,))

    def _remember(self, trace: SubjectTrace) -> None:
        subject, days = self.facts.subject_id, trace.instance.days
        for name, value in trace.whole.items():
            kept = None if isinstance(value, Unknown | date) else value
            self.past.computed.setdefault((name, days), {})[subject] = kept
        if (trace.instance.every, days) in self.past.held:
            return
        fired = [
            self.rulebook.decisions[n]
            for n, v in trace.whole.items()
            if n in self.rulebook.decisions and v is True
        ]
        sets: dict[tuple[str, date], list[t.Decision]] = {}
        for decision in fired:
            if decision.state:
                sets.setdefault((decision.state, in_force_day(decision, days)), []).append(decision)
        for (state, day), decisions in sets.items():
            if len(decisions) == 1:
                after = self._becomes(decisions[0], trace)
                if after is None:
                    continue
                self.past.states.setdefault(state, {}).setdefault(subject, []).append((day, after))

    def _becomes(self, decision: t.Decision, trace: SubjectTrace) -> str | None:
        """Return what a state becomes; None when the figure to be kept is unknown."""
        if isinstance(decision.becomes, t.LineRef):
            figure = trace.whole[decision.becomes.name]
            return shown(figure) if isinstance(figure, Fraction) else None
        if isinstance(decision.becomes, t.WordConst):
            return decision.becomes.value
        before = trace.cards[-1].attributes.get(decision.state)
        if decision.state not in ("grade", "post"):
            held = self.past.state(decision.state, trace.instance.days.last_day).get(self.facts.subject_id)
            before = held[1] if held else ""
        ladder = next(
            (w.choices for w in self.rulebook.words.values() if w.of == decision.state and w.ladder), ()
        )
        if not isinstance(before, str) or before not in ladder:
            return before if isinstance(before, str) else ""
        return ladder[min(max(ladder.index(before) + decision.step, 0), len(ladder) - 1)]


class _CardLeaves:
    """Leaves of a line's formula."""

    def __init__(self, owner: SubjectEvaluator, card: CardTrace, group: t.GroupOfSubjects) -> None:
        self.owner, self.card, self.group = owner, card, group

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        table = self.owner.rulebook.tables[name]
        return table, rows_in_force(table, self.card.instance.days.last_day)

    def leaf(self, node: t.Expr) -> Traced:
        owner, card = self.owner, self.card
        match node:
            case t.MeasureRef():
                if node.name not in card.measures:
                    card.measures[node.name] = owner.measure(node.name, card, self)
                return card.measures[node.name]
            case t.LineRef(whole=True):
                return Traced(node, owner.whole[node.name])
            case t.LineRef():
                found = card.lines[node.name]
                return Traced(node, found.value, (found,))
            case t.InputRef():
                if owner.rulebook.inputs[node.name].by_person:
                    return decided(node, owner, card.instance.days, owner.facts.decided, self)
                return read_input(node, owner.inputs, card.instance.days.last_day, self)
            case t.SubjectValue():
                return Traced(
                    node, card.attributes.get(node.column, Unknown(f"subject.{node.column}", "absent"))
                )
            case t.InstanceValue():
                return Traced(node, self.card.instance_value(node.name))
            case t.Group():
                return self.group_figure(node, _WholeLeaves(self, owner.whole))
            case t.LotFigure():
                if not card.is_last and not node.is_at_start:
                    return Traced(node, Fraction(0))
                return owner.lots.figure(node, card.instance, owner.whole)
            case t.Pool():
                if not card.is_last:
                    return Traced(node, Fraction(0))
                amount, figure = evaluate(node.amount, self), owner.whole[node.of.name]
                asker = Asker(owner.facts.subject_id, card.attributes, amount, card.is_last)
                members = owner.others.members(card.instance.key, node.among)
                return pool_part(node, members, asker, figure, self)
            case _:
                return owner.earlier(node, card, self)

    def group_figure(self, node: t.Group, env: Env) -> Traced:
        """Return a figure of the others; `env` tells what the subject itself stands there with."""
        card = self.card
        own = evaluate(node.of, env) if node.among == self.group.id and not node.below else None
        members = self.owner.others.members(card.instance.key, node.among)
        asker = Asker(self.owner.facts.subject_id, card.attributes, own, card.is_last, card.instance.days)
        return group_figure(node, members, asker, self)

    def input_for(self, node: t.InputRef, member: Member, env: Env) -> Traced:
        """Return an input for the keys of another member of a group."""
        if self.owner.rulebook.inputs[node.name].by_person:
            return decided(node, self.owner, self.card.instance.days, member.decided, env)
        return read_input(node, self.owner.inputs, self.card.instance.days.last_day, env)


class _WholeLeaves:
    """Leaves of a check, a decision or what a group gathers: lines of the whole instance, all else of the card."""

    def __init__(
        self, card: _CardLeaves, whole: Mapping[str, Value], cards: Sequence[CardTrace] = ()
    ) -> None:
        self.card, self.whole, self.cards = card, whole, cards

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        return self.card.table_rows(name)

    def leaf(self, node: t.Expr) -> Traced:
        if isinstance(node, t.Group):
            return self.card.group_figure(node, self)
        if not isinstance(node, t.LineRef):
            return self.card.leaf(node)
        spells = tuple(card.lines[node.name] for card in self.cards)
        return Traced(node, self.whole[node.name], spells)


def given_states(facts: SubjectFacts) -> Given:
    """Return the states that the bank's own rows give: a person's grade and post, from the first day of each row."""
    return {
        name: {
            facts.subject_id: [
                (span.start, value)
                for span in facts.spans
                if (value := {"grade": span.grade, "post": span.post}[name]) is not None
            ]
        }
        for name in ("grade", "post")
    }


def spells_of(spans: list[PostSpan], days: Span, *, cut: bool) -> list[list[PostSpan]]:
    """Return the post spans of an instance, those of one spell together: same post, same institution, no gap."""
    inside = [
        s
        for s in sorted(spans, key=lambda s: s.start)
        if s.post is not None and s.start < days.end and s.end > days.start
    ]
    found: list[list[PostSpan]] = []
    for span in inside:
        before = found[-1][-1] if found else None
        same = before is not None and (
            not cut
            or (
                before.post == span.post
                and before.institution_id == span.institution_id
                and before.end == span.start
            )
        )
        if same:
            found[-1].append(span)
        else:
            found.append([span])
    return found


def in_force_day(decision: t.Decision, days: Span) -> date:
    """Return from which day a decision of an instance is in force."""
    if decision.in_force != "next month" or days.end.day == 1:
        return days.end
    return add_months(days.end.replace(day=1), 1)


def _known(values: dict[str, object]) -> dict[str, Value]:
    return {key: value for key, value in values.items() if isinstance(value, str | date)}


__all__ = ["CardTrace", "MeasureNote", "SubjectEvaluator", "SubjectTrace", "spells_of"]
