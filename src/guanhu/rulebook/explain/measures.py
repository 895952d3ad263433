"""Measures of one subject from its own rows: where → each → credit → days → round → take.

Credit is resolved day by day here, from the assignments as the bank wrote them: on each day the most
specific grain that assigns a thing wins. Nothing of the compiler's cube is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.by_customer import rounded_by_customer
from guanhu.rulebook.explain.day_totals import DayTotals, days_held
from guanhu.rulebook.explain.facts import Assignment, EventRow, PostSpan, SubjectFacts, Thing
from guanhu.rulebook.explain.pieces import Piece, as_base, clipped, in_spell, of_credit_day
from guanhu.rulebook.explain.reads import (
    Inputs,
    Question,
    Reads,
    columns_of,
    credit_day,
    inputs_of,
    is_balance_times,
    most_specific,
    price_day,
    read_input,
    reads_figures,
    rows_in_force,
    table_changes,
    taken,
    tests_balance,
)
from guanhu.rulebook.explain.row_leaves import RowLeaves
from guanhu.rulebook.explain.scalar import evaluate, number
from guanhu.rulebook.explain.values import CreditedRow, MeasureNote, RowTrace, Stretch, Traced, Unknown, Value
from guanhu.rulebook.windows import span_of
from guanhu.values import units
from guanhu.values.dates import FAR_FUTURE, Span
from guanhu.values.exact import PPB, round_half_away

WHOLE = PPB
_BALANCE = ("", "balance")
_LEAD = ("", "主办", "lead")
RowAmount = tuple[Fraction | Unknown | None, RowTrace | None]
"""What one row comes to (None: it does not count), and how, when that is kept."""


class MeasureEvaluator:
    """Figures of measures for one subject."""

    def __init__(
        self, rulebook: t.Rulebook, inputs: Inputs, facts: SubjectFacts, *, keeps_rows: bool = False
    ) -> None:
        """Take the subject's facts, and whether each credited row keeps how it came about."""
        self.keeps_rows = keeps_rows
        self.rulebook = rulebook
        self.inputs = inputs
        self.facts = facts
        self._pieces: dict[tuple[str, str, str, str, str], list[Piece]] = {}
        self._read: dict[str, Reads] = {}
        self._alike: dict[tuple[str, date, tuple[object, ...]], RowAmount] = {}
        self._derived: dict[tuple[str, str, Span], tuple[Value, MeasureNote]] = {}
        self._by_object: dict[tuple[str, str], list[Assignment]] = defaultdict(list)
        for assignment in facts.assignments:
            self._by_object[assignment.grain, assignment.object_id].append(assignment)

    def figure(self, question: Question) -> tuple[Value, MeasureNote]:
        """Return a measure's value and its credited rows."""
        if question.measure.kind.dated is Dated.CHANGE:
            return self.standing(question)
        return self.dated_rows(question)

    def reads(self, measure: t.Measure) -> Reads:
        """Return what a measure's rows read; found out once."""
        if measure.id not in self._read:
            columns = frozenset(columns_of(measure, self.rulebook))
            linear = (
                ("", "balance") in columns and is_balance_times(measure.each) and not tests_balance(measure)
            )
            self._read[measure.id] = Reads(
                columns,
                frozenset(inputs_of(measure, self.rulebook)),
                frozenset(table_changes(measure, self.rulebook)),
                linear,
                reads_figures(measure, self.rulebook),
            )
        return self._read[measure.id]

    # -- credit --

    def pieces(self, thing: Thing, kind: str, measure: t.Measure) -> list[Piece]:
        """Return on which days, and with what weight, a thing counts for the subject."""
        key = (kind, thing.id, measure.book, measure.role, measure.credit)
        if key not in self._pieces:
            self._pieces[key] = list(self._credit(thing, kind, measure))
        return self._pieces[key]

    def _credit(self, thing: Thing, kind: str, measure: t.Measure) -> Iterator[Piece]:
        facts = self.facts
        if facts.kind == "bank":
            yield Piece(date.min, FAR_FUTURE, WHOLE, None)
        elif facts.kind == "institution":
            for start, end, place in thing.places:
                if place in facts.below:
                    yield Piece(start, end, WHOLE, None)
        else:
            candidates = [
                *self._by_object[kind, thing.id],
                *self._by_object["customer", thing.customer_id or ""],
            ]
            for assignment in most_specific([a for a in candidates if a.book == (measure.book or "main")]):
                yield from self._cut_by_post(assignment, measure)

    def _cut_by_post(self, assignment: Assignment, measure: t.Measure) -> Iterator[Piece]:
        weight = self.weight_of(assignment, measure)
        if weight is None:
            return
        for span in self._spans_of(assignment.person_id):
            start, end = max(assignment.start, span.start), min(assignment.end, span.end)
            if start < end:
                yield Piece(start, end, weight, span)

    def _spans_of(self, person_id: str | None) -> list[PostSpan]:
        """Return the post spans in which a person counts for the subject: its own, or those in the team."""
        facts = self.facts
        if facts.kind == "team":
            return [s for s in facts.members.get(person_id or "", []) if s.team_id == facts.subject_id]
        return facts.spans if person_id == facts.subject_id else []

    def weight_of(self, assignment: Assignment, measure: t.Measure) -> int | None:
        """Return the weight of an assignment under a measure's way of crediting, or None when it does not count."""
        if measure.role and assignment.role != measure.role:
            return None
        if measure.credit == "lead only":
            return WHOLE if assignment.role in _LEAD else None
        return WHOLE if measure.credit == "each in full" else assignment.share

    # -- standing things --

    def standing(self, question: Question) -> tuple[Value, MeasureNote]:
        """Return a figure over balances or loan states."""
        measure = question.measure
        if measure.take.is_of_days:
            days = days_held(self.facts, question)
            daily = list(self.daily_rows(question, days))
            return DayTotals(self.inputs, question, days, daily).figure(keeps_rows=self.keeps_rows)
        spans, divisor = taken(measure.take, question.window)
        kind = "loan" if measure.kind.name == "loan_states" else "account"
        things = self.facts.loans if kind == "loan" else self.facts.accounts
        rows: list[CreditedRow] = []
        for thing in sorted(things.values(), key=lambda x: x.id):
            pieces = self.pieces(thing, kind, measure)
            if measure.credit_at:
                pieces = [p for p in of_credit_day(pieces, question) if in_spell(p, question)]
            elif measure.base:
                held = self._with_last_owner(pieces, thing)
                pieces = list(as_base([p for p in held if in_spell(p, question)], question))
            elif measure.window.is_own:
                own = question.spell or question.window
                pieces = [clipped(p, own) for p in pieces if in_spell(p, question)]
            elif measure.take.over_held:
                pieces = [p for p in pieces if in_spell(p, question)]
            rows.extend(self._thing_rows(thing, pieces, spans, question))
        if measure.take.over_held:
            in_post = sum(span.days for span in days_held(self.facts, question))
            return self._summed(question, rows, Fraction(WHOLE) * in_post)
        if measure.take.how == "distinct":
            return self._taken_rows(question, [self._of_customer(row, things) for row in rows])
        if measure.round_per == "customer":
            rows = [self._of_customer(row, things) for row in rows]
        own_days = sum(span.days for span in taken(measure.take, question.own)[0])
        per = Fraction(WHOLE) * divisor * (own_days if measure.base else 1)
        return self._summed(question, rows, per, own_days if measure.base else 0)

    def daily_rows(self, question: Question, held: list[Span]) -> Iterator[CreditedRow]:
        """Yield the credited rows of the days held, each as long as its balance and its prices stay the same."""
        measure = question.measure
        kind = "loan" if measure.kind.name == "loan_states" else "account"
        things = self.facts.loans if kind == "loan" else self.facts.accounts
        for thing in sorted(things.values(), key=lambda x: x.id):
            pieces = self.pieces(thing, kind, measure)
            for piece in of_credit_day(pieces, question) if measure.credit_at else pieces:
                if not in_spell(piece, question):
                    continue
                for span in held:
                    yield from self._daily(thing, clipped(piece, span), question)

    def _daily(self, thing: Thing, piece: Piece, question: Question) -> Iterator[CreditedRow]:
        measure, name = question.measure, question.measure.kind.name
        for first, last in thing.lost.get(name, ()):
            start, end = max(first, piece.start), min(last, piece.end)
            if start < end:
                unknown = Unknown(f"measures.{measure.id}", "coverage")
                yield CreditedRow(
                    thing.id, start, end, piece.weight, (end - start).days, Fraction(0), unknown
                )
        for cut in self._cuts(thing, piece.start, piece.end, question):
            day = price_day(measure, cut.start, question)
            for first, last, attributes in thing.within(name, cut.start, cut.end):
                start, end = max(first, cut.start), min(last, cut.end)
                amount, trace = self._amount(thing, piece, cut, attributes, day, question)
                if amount is not None:
                    days = (end - start).days
                    weighted = amount if isinstance(amount, Unknown) else amount * piece.weight
                    held = (Stretch(start, end, attributes.get(_BALANCE)),) if self.keeps_rows else ()
                    yield CreditedRow(
                        thing.id,
                        start,
                        end,
                        piece.weight,
                        days,
                        Fraction(days),
                        weighted,
                        trace=trace,
                        stretches=held,
                    )

    @staticmethod
    def _of_customer(row: CreditedRow, things: dict[str, Thing]) -> CreditedRow:
        """Return a row with its customer; rounded by itself where it has none, and then not counted by head."""
        customer = things[row.object_id].customer_id
        return replace(row, thing=("customer", customer) if customer else None)

    def _with_last_owner(self, pieces: list[Piece], thing: Thing) -> list[Piece]:
        """Return the pieces with a closed account staying with its last owner, through all later post spans."""
        if thing.closed_on is None:
            return pieces
        found: list[Piece] = []
        for piece in pieces:
            if piece.start >= thing.closed_on:
                continue
            found.append(piece)
            if piece.end < thing.closed_on:
                continue
            if self.facts.kind != "person":
                found[-1] = Piece(piece.start, FAR_FUTURE, piece.weight, piece.post)
                continue
            later = [s for s in self.facts.spans if s.end > piece.end]
            found.extend(Piece(max(s.start, piece.end), s.end, piece.weight, s) for s in later)
        return found

    def _thing_rows(
        self, thing: Thing, pieces: list[Piece], spans: list[Span], question: Question
    ) -> Iterator[CreditedRow]:
        measure = question.measure
        for piece in pieces:
            for span in spans:
                first, last = max(piece.start, span.start), min(piece.end, span.end)
                if any(max(first, a) < min(last, b) for a, b in thing.lost.get(measure.kind.name, ())):
                    unknown = Unknown(f"measures.{measure.id}", "coverage")
                    days = (last - first).days
                    yield CreditedRow(thing.id, first, last, piece.weight, days, Fraction(0), unknown)
                    continue
                for cut in self._cuts(thing, first, last, question):
                    yield from self._cut_rows(thing, piece, cut, question)

    def _cuts(self, thing: Thing, start: date, end: date, question: Question) -> Iterator[Span]:
        """Yield the days between start and end, cut where a price or the thing's own rate changes."""
        if start >= end:
            return
        edges = {start, end}
        if question.measure.prices_at in ("each day", "row's day"):
            reads = self.reads(question.measure)
            if reads.inputs:
                edges |= self.inputs.changes(set(reads.inputs), Span(start, end))
            edges |= {day for day in reads.changes if start < day < end}
        if any(table == "account_rates" for table, _ in self.reads(question.measure).columns):
            edges |= {day for rate in thing.rates for day in rate[:2] if start < day < end}
        ordered = sorted(edges)
        for first, last in pairwise(ordered):
            yield Span(first, last)

    def _cut_rows(self, thing: Thing, piece: Piece, cut: Span, question: Question) -> Iterator[CreditedRow]:
        """Sum the days of equal rows first, as whole numbers; then one formula for each different row."""
        measure = question.measure
        day = price_day(measure, cut.start, question)
        days_of: dict[object, int] = defaultdict(int)
        rows: dict[object, dict[tuple[str, str], object]] = {}
        held: dict[object, list[Stretch]] = defaultdict(list)
        reads = self.reads(measure)
        linear = reads.linear
        names = sorted(k for k in reads.columns if not (linear and k == _BALANCE))
        for start, end, attributes in thing.within(measure.kind.name, cut.start, cut.end):
            stretch = Stretch(max(start, cut.start), min(end, cut.end), attributes.get(_BALANCE))
            days = stretch.days
            equal = tuple((k, str(attributes[k])) for k in names if k in attributes) if names else ()
            if linear:
                # A balance is a whole number of fen.
                balance: Fraction = attributes[_BALANCE]
                days *= 100 * balance.numerator // balance.denominator
            days_of[equal] += days
            if self.keeps_rows:
                held[equal].append(stretch)
            if equal not in rows:
                rows[equal] = {**attributes, _BALANCE: Fraction(1)} if linear else attributes
        for key, attributes in rows.items():
            amount, trace = self._amount(thing, piece, cut, attributes, day, question)
            if amount is None:
                continue
            count = Fraction(days_of[key], 100) if linear else Fraction(days_of[key])
            weighted = amount if isinstance(amount, Unknown) else amount * count * piece.weight
            yield CreditedRow(
                thing.id,
                cut.start,
                cut.end,
                piece.weight,
                cut.days,
                count,
                weighted,
                trace=trace,
                stretches=tuple(held[key]),
            )

    def _amount(
        self,
        thing: Thing,
        piece: Piece,
        cut: Span,
        attributes: dict[tuple[str, str], object],
        day: date,
        question: Question,
    ) -> RowAmount:
        """Return `each` for one row, None when `where` is no."""
        measure = question.measure

        def values(table: str, column: str) -> object:
            if (table, column) in attributes:
                return attributes[table, column]
            if table == "account_rates":
                rate = next((r for r in thing.rates if r[0] <= cut.start < r[1]), None)
                found = (rate[2] if column == "rate" else rate[3]) if rate else None
                return Fraction(found, 10**10) if isinstance(found, int) else found
            if table == "person":
                return getattr(piece.post, column) if piece.post is not None else None
            if table == "institution":
                place = thing.attributes.get(("account", "institution_id")) or thing.attributes.get(
                    ("loan", "institution_id")
                )
                return self.facts.institutions.get(str(place), {}).get(column)
            return thing.attributes.get((table, column))

        derived = self.derived(thing.id, thing.customer_id, question)
        leaves = RowLeaves(self.rulebook, self.inputs, values, day, derived)
        reads = self.reads(measure)
        if reads.derives:
            return self.row_amount(measure, leaves)
        # Rows that read the same values on the same prices' day come to the same: most accounts are alike.
        key = (measure.id, day, tuple(values(*column) for column in reads.columns))
        if key not in self._alike:
            self._alike[key] = self.row_amount(measure, leaves)
        return self._alike[key]

    def derived(self, thing_id: str, customer_id: str | None, question: Question) -> Callable[[str], Traced]:
        """Return what gives the figure of a row's own account, loan or customer, in the same instance."""

        def figure(name: str) -> Traced:
            measure = self.rulebook.measures[name]
            node = t.MeasureRef(name=name, unit=measure.unit, place=measure.place)
            if not isinstance(measure, t.Measure):
                raise TypeError(f"{name} is no figure of rows")
            owner = customer_id if measure.per == "customer" else thing_id
            key = (name, owner or "", question.own)
            if not owner:
                # A row that belongs to nobody has no rows of its customer: they come to 0.
                return Traced(node, Fraction(0))
            if key not in self._derived:
                self._derived[key] = self._figure_of_thing(measure, owner, question)
            value, note = self._derived[key]
            return Traced(node, value, note=note if self.keeps_rows else None)

        return figure

    def _figure_of_thing(
        self, measure: t.Measure, owner: str | None, question: Question
    ) -> tuple[Value, MeasureNote]:
        """Return a figure of one account, loan or customer: all of it, whoever is credited."""
        facts = self.facts

        def belongs(thing: Thing) -> bool:
            return (thing.customer_id if measure.per == "customer" else thing.id) == owner

        def concerns(row: EventRow) -> bool:
            return owner in {"account": (row.account_id,), "loan": (row.loan_id,)}.get(
                measure.per, (self._customer_of(row),)
            )

        alone = SubjectFacts(
            "bank",
            "bank",
            accounts={k: v for k, v in facts.accounts.items() if belongs(v)},
            loans={k: v for k, v in facts.loans.items() if belongs(v)},
            events={kind: [row for row in rows if concerns(row)] for kind, rows in facts.events.items()},
            institutions=facts.institutions,
        )
        window = span_of(measure.window, question.own, question.every) or question.own
        evaluator = MeasureEvaluator(self.rulebook, self.inputs, alone)
        return evaluator.figure(Question(measure, window, question.own, None, question.every))

    def _customer_of(self, row: EventRow) -> str | None:
        thing = self.facts.loans.get(row.loan_id or "") or self.facts.accounts.get(row.account_id or "")
        return row.customer_id or (thing.customer_id if thing else None)

    def row_amount(self, measure: t.Measure, env: RowLeaves) -> RowAmount:
        """Return where → each → round for one row, and how when that is kept; None when the row does not count."""
        where = None if measure.where is None else evaluate(measure.where, env)
        if where is not None and where.value is False:
            return None, None
        unknown = where is not None and isinstance(where.value, Unknown)
        each = None if measure.each is None or unknown else evaluate(measure.each, env)
        trace = RowTrace(env.day, where, each) if self.keeps_rows else None
        for part in (where, each):
            if part is not None and isinstance(part.value, Unknown):
                return part.value, trace
        if each is None:
            return Fraction(1), trace
        amount = number(each)
        is_rounded = measure.round_to is not None and measure.round_per == "row"
        return (round_half_away(amount, measure.round_to or 0) if is_rounded else amount), trace

    # -- dated rows --

    def dated_rows(self, question: Question) -> tuple[Value, MeasureNote]:
        """Return a figure over rows that happen on a day."""
        measure = question.measure
        rows: list[CreditedRow] = []
        for event in self.facts.events.get(measure.kind.name, ()):
            if event.day not in question.window:
                continue
            at = credit_day(question) or event.day
            if question.spell is not None and measure.window.is_own and at not in question.spell:
                continue
            for weight, post in self.credit_of(event, measure, at):
                if measure.window.is_own and post is not None and post.post is None:
                    continue
                amount, trace = self._event_amount(event, post, question)
                if amount is None:
                    continue
                weighted = (
                    amount
                    if isinstance(amount, Unknown) or measure.take.how not in ("sum", "count")
                    else amount * weight
                )
                thing = event.attributes.get(("", measure.take.column))
                if measure.round_per == "customer":
                    customer = self._customer_of(event)
                    thing = ("customer", customer) if customer else ("row", event.id)
                end = event.day + timedelta(days=1)
                rows.append(
                    CreditedRow(event.id, event.day, end, weight, 1, Fraction(1), weighted, thing, trace)
                )
        return self._taken_rows(question, rows)

    def credit_of(
        self, event: EventRow, measure: t.Measure, at: date
    ) -> Iterator[tuple[int, PostSpan | None]]:
        """Yield the weights with which a row counts for the subject on the day of its credit."""
        facts = self.facts
        if facts.kind == "bank":
            yield WHOLE, None
        elif facts.kind == "institution":
            if self._place_of(event, measure, at) in facts.below:
                yield WHOLE, None
        elif measure.credit == "person":
            spans = self._spans_of(event.person_id)
            yield from ((WHOLE, span) for span in spans if span.start <= at < span.end)
        else:
            for assignment in self._owners(event, measure, at):
                weight = self.weight_of(assignment, measure)
                spans = self._spans_of(assignment.person_id) if weight is not None else []
                yield from ((weight or 0, span) for span in spans if span.start <= at < span.end)

    def _place_of(self, event: EventRow, measure: t.Measure, at: date) -> str | None:
        """Return the institution of a row: its own, else that of its account on the day of its credit."""
        account = self.facts.accounts.get(event.account_id or "")
        own = event.attributes.get(("", "institution_id"))
        if not measure.credit_at or account is None or own is not None:
            return event.institution_id
        return next((place for start, end, place in account.places if start <= at < end), None)

    def _owners(self, event: EventRow, measure: t.Measure, at: date) -> list[Assignment]:
        book = measure.book or "main"
        routes = [("event", event.id)]
        if event.loan_id is not None:
            thing = self.facts.loans.get(event.loan_id)
            routes += [("loan", event.loan_id), ("customer", (thing.customer_id if thing else None) or "")]
        elif event.account_id is not None:
            account = self.facts.accounts.get(event.account_id)
            routes += [
                ("account", event.account_id),
                ("customer", (account.customer_id if account else None) or ""),
            ]
        else:
            routes.append(("customer", event.customer_id or ""))
        for route in routes:
            found = [a for a in self._by_object[route] if a.book == book and a.start <= at < a.end]
            if found:
                return found
        return []

    def _event_amount(self, event: EventRow, post: PostSpan | None, question: Question) -> RowAmount:
        measure = question.measure

        def values(table: str, column: str) -> object:
            if table == "person":
                return getattr(post, column) if post is not None else None
            if table == "account_rates":
                thing = self.facts.accounts.get(event.account_id or "")
                rate = next((r for r in thing.rates if r[0] <= event.day < r[1]), None) if thing else None
                found = (rate[2] if column == "rate" else rate[3]) if rate else None
                return Fraction(found, 10**10) if isinstance(found, int) else found
            if table == "institution":
                own = ("", "institution_id")
                place = event.attributes.get(own if own in event.attributes else ("loan", "institution_id"))
                return self.facts.institutions.get(str(place), {}).get(column)
            return event.attributes.get((table, column))

        day = price_day(measure, event.day, question)
        derived = self.derived(event.loan_id or event.account_id or "", self._customer_of(event), question)
        return self.row_amount(measure, RowLeaves(self.rulebook, self.inputs, values, day, derived))

    def _taken_rows(self, question: Question, rows: list[CreditedRow]) -> tuple[Value, MeasureNote]:
        how = question.measure.take.how
        if how in ("sum", "count"):
            return self._summed(question, rows, Fraction(WHOLE))
        window = question.window
        note = MeasureNote(question.measure.id, window.start, window.end, Fraction(1), tuple(rows), how)
        bad = next((r.amount for r in rows if isinstance(r.amount, Unknown)), None)
        if bad is not None:
            return bad, note
        if how == "distinct":
            return Fraction(len({r.thing for r in rows if r.thing is not None})), note
        amounts = [r.amount for r in rows if isinstance(r.amount, Fraction)]
        if not amounts:
            return Unknown(f"measures.{question.measure.id}", "undefined"), note
        if how == "mean":
            return sum(amounts, Fraction(0)) / len(amounts), note
        return (min(amounts) if how == "lowest" else max(amounts)), note

    def _summed(
        self, question: Question, rows: list[CreditedRow], per: Fraction, own_days: int = 0
    ) -> tuple[Value, MeasureNote]:
        measure, window = question.measure, question.window
        linear = measure.kind.dated is Dated.CHANGE and self.reads(measure).linear
        note = MeasureNote(
            measure.id, window.start, window.end, per, tuple(rows), measure.take.how, linear, own_days
        )
        bad = next((r.amount for r in rows if isinstance(r.amount, Unknown)), None)
        if bad is not None:
            return bad, note
        if measure.round_per == "customer":
            return rounded_by_customer(note, measure.round_to or 0)
        if per == 0:
            return Unknown(f"measures.{measure.id}", "undefined"), note
        return sum((r.amount for r in rows if isinstance(r.amount, Fraction)), Fraction(0)) / per, note


__all__ = ["MeasureEvaluator", "Question", "read_input", "rows_in_force", "units"]
