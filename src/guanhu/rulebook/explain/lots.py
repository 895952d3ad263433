"""Lots of one person, followed from instance to instance exactly as the text says.

For each ledger: what is rated again, then what is clawed back, then what a leaver loses, then what falls due; and
when the lines of the instance are there, the new lot. An instance that was published is followed anew; what then differs from what was
published is the correction, and stands where the next instance that was not published begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from guanhu.kinds.catalogue import BAD_CLASSES
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.decided import decided
from guanhu.rulebook.explain.lot_parts import (
    FEN,
    NOTHING,
    Lot,
    Step,
    as_kept,
    split,
    split_by_row,
    taken,
    together,
)
from guanhu.rulebook.explain.reads import read_input, rows_in_force
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.values import LotNote, LotRow, Traced, Unknown, Value
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.lots import OPENING, RATED, Moved, rated_as
from guanhu.rulebook.windows import span_of
from guanhu.values.dates import FAR_FUTURE, Span, add_months, unit_containing
from guanhu.values.exact import round_half_away

if TYPE_CHECKING:
    from guanhu.rulebook.explain.subject import SubjectEvaluator, SubjectTrace

_OF_STAFF = ("person_kind", "hired_on", "left_on")


@dataclass(slots=True)
class _Instance:
    """What happened in one instance of a ledger: the steps, or why they are not known.

    `tier` is the line by which lots are rated in it; None where they are not.
    """

    steps: list[Step]
    unknown: Unknown | None = None
    read: tuple[Traced, ...] = ()
    tier: str | Unknown | None = None


class LotsOfSubject:
    """The lots of one subject in all ledgers of the rulebook."""

    def __init__(self, owner: SubjectEvaluator) -> None:
        """Take the evaluator whose facts and past they are."""
        self.owner = owner
        self.subject = owner.facts.subject_id
        self.books: dict[str, dict[str, Lot]] = {}
        self.happened: dict[tuple[str, Span], _Instance] = {}
        self.moved: list[Moved] = []
        self.waiting_for_a_day: dict[str, list[Moved]] = {}
        self.last: dict[str, Span] = {}

    @property
    def ledgers(self) -> list[t.LotLedger]:
        """Return the ledgers of the rulebook that holds; only a person has lots."""
        return list(self.owner.rulebook.lots.values()) if self.owner.facts.kind == "person" else []

    # -- figures of formulas --

    def figure(self, node: t.LotFigure, instance: Instance, whole: Mapping[str, Value]) -> Traced:
        """Return what the lots come to for a formula of an instance; `whole` are the lines that are there already."""
        ledger = self.owner.rulebook.lots[node.ledger]
        book = self._book(ledger, instance.days)
        if node.is_at_start:
            there = [(lot, lot.waiting if node.what == "waiting" else lot.paid) for lot in book.values()]
            return Traced(node, sum((x for _, x in there), NOTHING), note=_note(there))
        found = self._happened(ledger, instance, whole)
        if found.unknown is not None:
            return Traced(node, Unknown(f"ledgers.{ledger.id}", found.unknown.why), found.read)
        kinds = {"released": ("paid",), "clawed_back": ("clawed_back", "recovered")}.get(
            node.what, (node.what,)
        )
        steps = [(lot, amount) for lot, kind, amount in found.steps if kind in kinds]
        return Traced(node, sum((x for _, x in steps), NOTHING), found.read, note=_note(steps))

    # -- from instance to instance --

    def finish(self, instance: Instance, traces: Iterable[SubjectTrace]) -> None:
        """Take what happened in an instance for done, and grant its lots; `traces` are those of its groups."""
        by_group = {trace.group: trace for trace in traces}
        for ledger in self.ledgers:
            if ledger.every != instance.every or instance.window is not None:
                continue
            trace = by_group.get(ledger.group)
            whole = trace.whole if trace is not None else {}
            book = self._book(ledger, instance.days)
            found = self._happened(ledger, instance, whole)
            was = self._published(ledger, instance.days)
            steps = found.steps
            is_held = (ledger.every, instance.days) in self.owner.past.held
            if found.unknown is not None:
                steps = _still_there(book, was) if is_held else []
            for lot, kind, amount in steps:
                lot.history.append((kind, amount))
            line = found.tier if found.tier is not None else ledger.defers
            if isinstance(line, Unknown):
                # Of an unknown tier what was published stands; where nothing was, the tier foreseen.
                line = "" if is_held else ledger.defers
            then = was if is_held else []
            granted = self._granted(ledger, instance, trace, then, line)
            ratings: list[Step] = []
            if ledger.rerates is not None and found.tier is None and trace is not None:
                ratings = self._ratings(ledger, instance, trace, then, granted)
            for lot, kind, amount in ratings:
                lot.history.append((kind, amount))
            book.update({lot.id: lot for lot, _, _ in (*granted, *ratings)})
            self._keep(ledger, instance, [*steps, *granted, *ratings], was, is_held=is_held)
            self.last[ledger.id] = instance.days

    def rows(self) -> list[Moved]:
        """Return all movements that the run makes, those that correct a published instance last of all dated."""
        found = list(self.moved)
        for name, corrections in self.waiting_for_a_day.items():
            found += [_dated(x, self.last[name].last_day) for x in corrections]
        return found

    def waiting(self) -> list[tuple[str, str, date, date | None, Fraction]]:
        """Return what waits after the last instance: ledger, lot, granted on, due on, amount."""
        return [
            (name, lot.id, lot.granted_on, self._due(self.owner.rulebook.lots[name], lot), lot.waiting)
            for name, book in self.books.items()
            for lot in sorted(book.values(), key=lambda x: x.age)
            if lot.waiting
        ]

    def _book(self, ledger: t.LotLedger, days: Span) -> dict[str, Lot]:
        """Return the lots of a ledger; at first those that are there when the run begins."""
        if ledger.id in self.books:
            return self.books[ledger.id]
        book: dict[str, Lot] = {}
        past = self.owner.past
        first = min((span.start for every, span in past.held if every == ledger.every), default=days.start)
        for opening in past.opening_lots:
            if (opening.ledger, opening.subject_id) != (
                ledger.id,
                self.subject,
            ) or opening.of.end > days.start:
                continue
            of = Instance(opening.of, ledger.every)
            for lot, _, amount in split(ledger, of, opening.amount, opening.row):
                if lot.due_on is not None and lot.due_on < min(first, days.start):
                    lot.history.append(("paid", amount))
                lot.source = opening.row or OPENING
                book[lot.id] = lot
        for x in past.lots:
            if (x.ledger, x.subject_id) == (ledger.id, self.subject) and x.of.end <= days.start:
                lot = book.setdefault(x.lot, Lot(x.lot, x.source, x.granted_on, x.due_on))
                lot.history.append((x.kind, x.fen * FEN))
        self.books[ledger.id] = book
        return book

    def _published(self, ledger: t.LotLedger, days: Span) -> list[Moved]:
        return [
            x
            for x in self.owner.past.lots
            if (x.ledger, x.subject_id, x.of) == (ledger.id, self.subject, days)
        ]

    def _granted(
        self,
        ledger: t.LotLedger,
        instance: Instance,
        trace: SubjectTrace | None,
        was: list[Moved],
        line: str,
    ) -> list[Step]:
        """Return the lots that a line grants; of an unknown one, or of none, those that were published."""
        amount: Value | None = NOTHING
        if trace is not None:
            amount = trace.whole.get(line, NOTHING) if line else None
        if trace is None or isinstance(amount, Fraction):
            return split_by_row(ledger, instance, trace, line, amount) if trace is not None else []
        return [(lot, "granted", amount) for lot, amount in as_kept(was, "granted")]

    def _ratings(
        self,
        ledger: t.LotLedger,
        instance: Instance,
        trace: SubjectTrace,
        was: list[Moved],
        granted: list[Step],
    ) -> list[Step]:
        """Return what each line would have granted of every lot, nothing included; of an unknown one what was published."""
        lots = {lot.id: lot for lot, _, _ in granted}
        by_line: dict[str, dict[str, Fraction]] = {}
        is_known = isinstance(trace.whole.get(ledger.defers, NOTHING), Fraction)
        for line, _ in ledger.granting:
            amount = trace.whole.get(line, NOTHING)
            found = as_kept(was, rated_as(line))
            if is_known and isinstance(amount, Fraction):
                found = [(lot, part) for lot, _, part in split_by_row(ledger, instance, trace, line, amount)]
            elif not any(x.kind == rated_as(line) for x in was):
                continue
            by_line[line] = {lot.id: part for lot, part in found}
            for lot, _ in found:
                lots.setdefault(lot.id, Lot(lot.id, lot.source, lot.granted_on, lot.due_on))
        return [
            (lot, rated_as(line), parts.get(name, NOTHING))
            for line, parts in by_line.items()
            for name, lot in lots.items()
        ]

    # -- what is kept --

    def _keep(
        self, ledger: t.LotLedger, instance: Instance, steps: list[Step], was: list[Moved], *, is_held: bool
    ) -> None:
        days = instance.days
        made = [
            Moved(
                ledger.id,
                self.subject,
                lot.id,
                lot.source,
                lot.granted_on,
                lot.due_on,
                days,
                days.last_day,
                kind,
                int(amount * 100),
            )
            for lot, kind, amount in together(steps)
            if amount or kind.startswith(RATED)
        ]
        if not is_held:
            before = self.waiting_for_a_day.pop(ledger.id, [])
            self.moved += [_dated(x, days.start) for x in before]
            self.moved += made
            return
        for name, kind in sorted({(x.lot, x.kind) for x in (*made, *was)}):
            now = [x for x in made if (x.lot, x.kind) == (name, kind)]
            then = [x for x in was if (x.lot, x.kind) == (name, kind)]
            fen = sum(x.fen for x in now) - sum(x.fen for x in then)
            if fen or (kind.startswith(RATED) and not then):
                x = (now or then)[0]
                corrected = Moved(
                    x.ledger, x.subject_id, x.lot, x.source, x.granted_on, x.due_on, days, x.day, kind, fen
                )
                self.waiting_for_a_day.setdefault(ledger.id, []).append(corrected)

    # -- one instance --

    def _happened(self, ledger: t.LotLedger, instance: Instance, whole: Mapping[str, Value]) -> _Instance:
        key = (ledger.id, instance.days)
        if key not in self.happened:
            self.happened[key] = self._steps(ledger, instance, whole)
        return self.happened[key]

    def _steps(self, ledger: t.LotLedger, instance: Instance, whole: Mapping[str, Value]) -> _Instance:
        lots = sorted(self._book(ledger, instance.days).values(), key=lambda x: x.age)
        read: list[Traced] = []
        tier = self._tier(ledger, instance, whole, read)
        again = _rated_in(ledger, instance, lots) if tier is not None else []
        if not again and not any(lot.waiting or (ledger.claws_paid and lot.paid) for lot in lots):
            return _Instance([], tier=tier)
        found = self._steps_of(ledger, instance, whole, lots, again, tier, read)
        if isinstance(found, Unknown):
            return _Instance([], found, tuple(read), tier)
        return _Instance(found, read=tuple(read), tier=tier)

    def _tier(
        self, ledger: t.LotLedger, instance: Instance, whole: Mapping[str, Value], read: list[Traced]
    ) -> str | Unknown | None:
        """Return the line of the tier really reached, in an instance that rates lots again; None in another."""
        if ledger.rerates is None or _unit_of(ledger.rerates, instance).last_day != instance.days.last_day:
            return None
        traced = evaluate(ledger.rerates.chosen, _HolderLeaves(self.owner, ledger, instance, whole, self))
        read += [part for part in traced.parts if not isinstance(part.node, t.Const)]
        place = traced.value
        if isinstance(place, Unknown):
            return place
        if not isinstance(place, Fraction):
            raise TypeError("not a place")
        return ledger.rerates.lines[int(place)]

    def _steps_of(
        self,
        ledger: t.LotLedger,
        instance: Instance,
        whole: Mapping[str, Value],
        lots: list[Lot],
        again: list[Lot],
        tier: str | Unknown | None,
        read: list[Traced],
    ) -> list[Step] | Unknown:
        env = _HolderLeaves(self.owner, ledger, instance, whole, self)
        steps: list[Step] = []
        left = {lot.id: lot.waiting for lot in lots}
        paid = {lot.id: lot.paid for lot in lots}
        more: dict[str, Fraction] = {}
        for lot in again:
            if isinstance(tier, Unknown):
                return tier
            was, now = lot.rating(ledger.defers), lot.rating(tier or "")
            if was is None or now is None:
                return Unknown(f"lines.{tier}", "past")
            if now > was:
                steps.append((lot, "raised", now - was))
                left[lot.id] += now - was
                more[lot.id] = now - was
            fewer = max(was - now, NOTHING)
            of_waiting = min(fewer, left[lot.id])
            of_paid = min(fewer - of_waiting, paid[lot.id])
            steps += [(lot, "clawed_back", of_waiting), (lot, "recovered", of_paid)]
            left[lot.id] -= of_waiting
            paid[lot.id] -= of_paid
        if ledger.claws is not None:
            read.append(evaluate(ledger.claws, env))
            demand = read[-1].value
            if isinstance(demand, Unknown):
                return demand
            clawed = taken(lots, left, _fen_of(demand), "clawed_back")
            steps += clawed
            if ledger.claws_paid:
                still = _fen_of(demand) - sum((x for _, _, x in clawed), NOTHING)
                steps += taken(lots, paid, still, "recovered")
        if ledger.loses:
            become = {
                lot.id: self._became(ledger, lot, instance, ledger.loses) for lot in lots if left[lot.id]
            }
            for found in become.values():
                if isinstance(found, Unknown):
                    return found
            lost = [lot for lot in lots if become.get(lot.id) is True]
            steps += [(lot, "forfeited", left[lot.id]) for lot in lost]
            left.update((lot.id, NOTHING) for lot in lost)
        gone = self.owner.facts.staff.get("left_on")
        is_gone = gone is not None and gone <= instance.days.last_day
        if is_gone and ledger.leaver == "forfeited":
            return [*steps, *((lot, "forfeited", left[lot.id]) for lot in lots if left[lot.id])]
        due = self._falling_due(
            ledger, instance, lots, left, env, read, everything=is_gone and ledger.leaver == "paid"
        )
        if isinstance(due, Unknown):
            return due
        if ledger.rerates is not None and ledger.rerates.at_once:
            due += _more_than(due, lots, left, more)
        kind = "paid"
        if due and ledger.when is not None:
            read.append(evaluate(ledger.when, env))
            holds = read[-1].value
            if isinstance(holds, Unknown):
                return holds
            kind = "paid" if holds else ledger.otherwise
        return [*steps, *((lot, kind, amount) for lot, amount in due if kind != "waits")]

    def _falling_due(
        self,
        ledger: t.LotLedger,
        instance: Instance,
        lots: list[Lot],
        left: dict[str, Fraction],
        env: _HolderLeaves,
        read: list[Traced],
        *,
        everything: bool,
    ) -> list[tuple[Lot, Fraction]] | Unknown:
        """Return the lots that fall due and how much of each; what is clawed back is gone from `left`."""
        if ledger.amount is not None and not everything and any(left.values()):
            read.append(evaluate(ledger.amount, env))
            amount = read[-1].value
            if isinstance(amount, Unknown):
                return amount
            return [(lot, part) for lot, _, part in taken(lots, dict(left), _fen_of(amount), "paid")]
        if ledger.release.how == "row" and not everything:
            fallen: list[tuple[Lot, Fraction]] = []
            for lot in lots:
                if left[lot.id]:
                    found = self._became(ledger, lot, instance, ledger.release.column)
                    if isinstance(found, Unknown):
                        return found
                    fallen += [(lot, left[lot.id])] if found else []
            return fallen
        last = instance.days.last_day
        return [
            (lot, left[lot.id])
            for lot in lots
            if left[lot.id] and (everything or ((due := self._due(ledger, lot)) is not None and due <= last))
        ]

    def _became(self, ledger: t.LotLedger, lot: Lot, instance: Instance, what: str) -> bool | Unknown:
        """Tell whether something has come true of a lot's row by the end of an instance; of a lot without one nothing has."""
        if not ledger.is_row(lot.source):
            return False
        facts, coverage, day = self.owner.facts, self.owner.coverage, instance.days.last_day
        unknown = Unknown(f"ledgers.{ledger.id}", "coverage")
        if not what.startswith("loan "):
            if coverage.missing(what, instance.days):
                return unknown
            return any(
                happened <= day for happened in facts.lot_events.get((ledger.id, what, lot.source), ())
            )
        loan = facts.lot_loans.get(facts.lot_loan_of.get((ledger.id, lot.source), ""))
        if loan is None or coverage.missing("loan_states", Span(day, day + timedelta(days=1))):
            return unknown
        if any(start <= day < end for start, end in loan.lost.get("loan_states", ())):
            return unknown
        for start, end, state in loan.intervals.get("loan_states", ()):
            if start <= day < end:
                is_bad = state["", "loan_class"] in BAD_CLASSES
                return is_bad if what == "loan bad" else state["", "balance"] == 0 and not is_bad
        return unknown

    def _due(self, ledger: t.LotLedger, lot: Lot) -> date | None:
        """Return the day on which a lot falls due; None while nobody can know it."""
        if ledger.release.how != "event":
            return lot.due_on
        gone = self.owner.facts.staff.get("left_on")
        if ledger.release.column == "left_post":
            ended = self._left_post(lot.granted_on)
            gone = min((x for x in (gone, ended) if x is not None), default=None)
        return add_months(gone, ledger.release.months) if gone is not None else None

    def _left_post(self, held_on: date) -> date | None:
        """Return the first day without the post held on a day; who held none by then had left it before."""
        held = [x for x in self.owner.facts.spans if x.post is not None and x.start <= held_on]
        if not held:
            return None
        last = max(held, key=lambda x: x.start)
        end = last.end
        for span in sorted(self.owner.facts.spans, key=lambda x: x.start):
            if span.start == end and span.post == last.post:
                end = span.end
        return end if end < FAR_FUTURE else None


class _HolderLeaves:
    """Leaves of a ledger's own formulas: the person as a whole, appraised in the instance or not."""

    def __init__(
        self,
        owner: SubjectEvaluator,
        ledger: t.LotLedger,
        instance: Instance,
        whole: Mapping[str, Value],
        lots: LotsOfSubject,
    ) -> None:
        self.owner, self.ledger, self.instance, self.whole, self.lots = owner, ledger, instance, whole, lots
        cards = owner.cards(instance, owner.rulebook.groups[ledger.group])
        self.cards = cards[-1:]

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        table = self.owner.rulebook.tables[name]
        return table, rows_in_force(table, self.instance.days.last_day)

    def leaf(self, node: t.Expr) -> Traced:
        owner, days = self.owner, self.instance.days
        match node:
            case t.InputRef():
                if owner.rulebook.inputs[node.name].by_person:
                    return decided(node, owner, days, owner.facts.decided, self)
                return read_input(node, owner.inputs, days.last_day, self)
            case t.MeasureRef():
                return Traced(node, self._supplied(node.name))
            case t.LineRef():
                return Traced(node, self.whole.get(node.name, Unknown(f"lines.{node.name}", "past")))
            case t.SubjectValue():
                return Traced(node, self._attribute(node.column))
            case t.InstanceValue():
                found: dict[str, Value] = {"period_start": days.start, "period_end": days.last_day}
                return Traced(node, found.get(node.name, Fraction(days.days)))
            case t.LotFigure():
                return self.lots.figure(node, self.instance, self.whole)
            case _:
                raise TypeError(type(node).__name__)

    def _attribute(self, column: str) -> Value:
        """Return an attribute of the person's last card in the instance; of one without a card what staff says."""
        if self.cards:
            found = self.cards[-1].attributes.get(column)
        else:
            found = self.owner.facts.staff.get(column) if column in _OF_STAFF else None
        return found if isinstance(found, str | date) else Unknown(f"subject.{column}", "absent")

    def _supplied(self, name: str) -> Value:
        """Return a figure that the bank supplies, for the whole instance."""
        measure, instance = self.owner.rulebook.measures[name], self.instance
        span = None
        if isinstance(measure, t.FigureMeasure):
            span = span_of(measure.window, instance.days, instance.every)
        if not isinstance(measure, t.FigureMeasure) or span is None:
            return Unknown(f"measures.{name}", "coverage")
        place = {"institution": "institution_id", "team": "team_id"}.get(measure.scope, "")
        subject = {"bank": "bank", "person": self.owner.facts.subject_id}.get(measure.scope)
        where = subject or str(self._attribute(place))
        return self.owner.supplied_figure(measure, where, span)


def _still_there(book: Mapping[str, Lot], was: list[Moved]) -> list[Step]:
    """Return what was published of lots, which stands where it cannot be followed anew, and no more than they have."""
    found: list[Step] = []
    for name, lot in sorted(book.items()):
        waiting, paid = lot.waiting, lot.paid
        for kind in ("raised", "clawed_back", "recovered", "forfeited", "paid"):
            amount = sum((x.fen * FEN for x in was if (x.lot, x.kind) == (name, kind)), NOTHING)
            if kind == "raised":
                waiting += amount
            elif kind == "recovered":
                amount = min(amount, paid)
            else:
                amount = min(amount, waiting)
                waiting -= amount
            found.append((lot, kind, amount))
    return found


def _unit_of(rerates: t.Rerating, instance: Instance) -> Span:
    return unit_containing(rerates.every, instance.days.start)


def _rated_in(ledger: t.LotLedger, instance: Instance, lots: list[Lot]) -> list[Lot]:
    """Return the lots that an instance rates again: those of its year, half or quarter that have ratings."""
    if ledger.rerates is None:
        return []
    unit = _unit_of(ledger.rerates, instance)
    return [lot for lot in lots if lot.is_rated and unit.start <= lot.granted_on < unit.end]


def _more_than(
    due: list[tuple[Lot, Fraction]],
    lots: list[Lot],
    left: Mapping[str, Fraction],
    more: Mapping[str, Fraction],
) -> list[tuple[Lot, Fraction]]:
    """Return of what lots are worth more the part that waits and does not fall due anyhow."""
    there = {lot.id: part for lot, part in due}
    parts = [
        (lot, min(more[lot.id], left[lot.id] - there.get(lot.id, NOTHING))) for lot in lots if lot.id in more
    ]
    return [(lot, part) for lot, part in parts if part > 0]


def _fen_of(value: Value) -> Fraction:
    """Return an amount to the fen, half away from zero; nothing for one below zero."""
    if not isinstance(value, Fraction):
        raise TypeError("not an amount")
    return max(round_half_away(value, 2), NOTHING)


def _note(amounts: Iterable[tuple[Lot, Fraction]]) -> LotNote:
    return LotNote(
        tuple(LotRow(lot.id, lot.granted_on, lot.due_on, x, lot.source) for lot, x in amounts if x)
    )


def _dated(moved: Moved, day: date) -> Moved:
    """Return a correction with the day on which it stands."""
    return Moved(
        moved.ledger,
        moved.subject_id,
        moved.lot,
        moved.source,
        moved.granted_on,
        moved.due_on,
        moved.of,
        day,
        moved.kind,
        moved.fen,
        "corrected",
    )


__all__ = ["LotsOfSubject"]
