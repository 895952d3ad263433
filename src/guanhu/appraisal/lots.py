"""Lots of pay in a run: who has what waiting, and what becomes of it in each instance.

    before the instance        published movements, opening_state, what this run has moved so far
    the ledger's own formulas  one row for each holder, appraised or not ──► SQL ──► fen, yes or no
    the movements              whole fen in Python, for each holder by itself
    back to the cards          one column for each figure that a line reads
    after the lines            what the deferred line came to is granted

An instance that was published before is moved anew on today's facts; what comes out otherwise than it was
published is a correction, and is dated on the day on which the next instance that was not published begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Protocol

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.history import History
from guanhu.appraisal.lines import Card, Known, leaf_key
from guanhu.appraisal.lost import Holes
from guanhu.appraisal.lot_amounts import amounts_by_row, shared_out
from guanhu.appraisal.lot_book import Lot, Lots, Steps, age, as_published, moved_of, taken
from guanhu.appraisal.lot_holders import Answers, Holders, Leaving
from guanhu.appraisal.lot_ratings import differences, due_at_once, merged, rate, to_be_rated, unit_ended
from guanhu.appraisal.lot_things import Become, become_of
from guanhu.appraisal.measures import Fold
from guanhu.appraisal.past_columns import loaded_values, past_query
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past, Value
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.lots import OPENING, Moved, rated_as, rating_of
from guanhu.rulebook.parts import parts_of
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Num
from guanhu.rulebook.run.template import filled
from guanhu.values import units
from guanhu.values.dates import Span, add_months


class Run(Protocol):
    """The run that the lots belong to."""

    engine: Engine
    rulebook: t.Rulebook
    past: Past
    history: History
    fold: Fold | None

    @property
    def view(self) -> Holes:
        """The bank's facts, and what is missing of them."""

    def known(self) -> Known:
        """Return what a card can read from outside."""


class RunLots:
    """The lots of everybody in all ledgers, from instance to instance."""

    def __init__(self, run: Run) -> None:
        """Take the run."""
        self.run = run
        self.lots: dict[str, Lots] = {}
        self.steps: dict[tuple[str, Span], dict[str, Steps | None]] = {}
        self.rows: list[Moved] = []
        self.undated: dict[str, list[Moved]] = {}
        self.last: dict[str, Span] = {}
        self.leaving: Leaving | None = None
        self.by_row: dict[tuple[str, str, Span], dict[str, dict[str, int]]] = {}
        """Ledger, line and instance → subject → row of fact → what it counts, where each row has a lot."""
        self.chosen: dict[tuple[str, Span], dict[str, int | None]] = {}
        """Ledger and instance that rates again → subject → the place of the line; None is unknown."""
        self.count = 0

    # -- columns of a card --

    def join(self, card: Card, roots: Iterable[t.Expr | None]) -> None:
        """Give a card of people the columns of the lots that formulas read."""
        for node in self._figures(roots):
            key = leaf_key(node)
            if key not in card.leaves:
                ledger = self.run.rulebook.lots[node.ledger]
                card.leaves[key] = self._column(
                    card, node, self._values(ledger, node.what, card.instance, card)
                )

    def _figures(self, roots: Iterable[t.Expr | None]) -> Iterable[t.LotFigure]:
        """Yield the figures of lots that formulas read, in the rows of their tables too."""
        if self.run.rulebook.lots:
            parts = parts_of(roots, self.run.rulebook.tables)
            yield from (part for part in parts if isinstance(part, t.LotFigure))

    def _column(self, card: Card, node: t.LotFigure, values: Mapping[str, int | None]) -> Num:
        """Return the column of a figure: 0 for who has no lots, and of what moves in the cards before the last."""
        key = leaf_key(node)
        self.count += 1
        table = f"lots/{self.count}"
        yuan: dict[str, Value | int] = {
            subject: None if fen is None else Fraction(fen, 100) for subject, fen in values.items()
        }
        meaning = loaded_values(self.run.engine, table, yuan, units.MONEY)
        card.join(past_query(table, key, card.table), [key, f"{key}/there"])
        if not isinstance(meaning, Num):
            raise TypeError(key)
        column, there = exp.column(key, quoted=True), exp.column(f"{key}/there", quoted=True)
        nobody: list[exp.Expr] = [n.is_null(there)]
        if not node.is_at_start:
            nobody.append(exp.Not(this=exp.column("is_last")))
        sql = n.case([(n.any_of(nobody), n.typed(n.integer(0), meaning.size))], n.typed(column, meaning.size))
        return Num(sql, meaning.scale, min(meaning.low, 0), max(meaning.high, 0))

    def _values(
        self, ledger: t.LotLedger, what: str, instance: Instance, card: Card
    ) -> Mapping[str, int | None]:
        """Return a figure by subject, in fen."""
        if what in ("waiting", "paid"):
            book = self._book(ledger, instance.days)
            return {who: sum(getattr(x, what) for x in lots.values()) for who, lots in book.items()}
        kinds = {"released": ("paid",), "clawed_back": ("clawed_back", "recovered")}.get(what, (what,))
        return {
            who: None if steps is None else sum(fen for _, kind, fen in steps if kind in kinds)
            for who, steps in self._moved(ledger, card).items()
        }

    # -- from instance to instance --

    def move(self, card: Card) -> None:
        """Move the lots of the ledgers of a card's group, once the lines that they read stand there."""
        for ledger in self._ledgers(card.instance, card.group.id):
            self._moved(ledger, card)
            for line, measure in ledger.granting:
                if measure and self.run.fold is not None:
                    rows = amounts_by_row(self.run.engine, self.run.fold, measure, card)
                    self.by_row[ledger.id, line, card.instance.days] = rows

    def close(self, instance: Instance) -> None:
        """Enter what happened in an instance, and grant its new lots; its lines have been remembered."""
        for ledger in self._ledgers(instance):
            book = self._book(ledger, instance.days)
            was = self._published(ledger, instance.days)
            is_held = (ledger.every, instance.days) in self.run.past.held
            made: list[Moved] = []
            for subject, found in self.steps.get((ledger.id, instance.days), {}).items():
                steps = found
                if steps is None:
                    # Where it cannot be followed anew, what was published stands.
                    old = [x for x in was if x.subject_id == subject] if is_held else []
                    steps = as_published(old, book[subject])
                for lot, kind, fen in steps:
                    book[subject][lot].put(kind, fen)
                    made.append(moved_of(ledger, subject, book[subject][lot], instance.days, kind, fen))
            made += self._grant(ledger, instance, was if is_held else [], is_held=is_held)
            self._keep(ledger, instance.days, made, was, is_held=is_held)
            self.last[ledger.id] = instance.days

    def finish(self) -> list[Moved]:
        """Return all movements: what was there, what this run moved, and its corrections."""
        for name, corrections in self.undated.items():
            self.rows += [replace(x, day=self.last[name].last_day) for x in corrections]
        self.undated = {}
        return self.rows

    def _ledgers(self, instance: Instance, group: str = "") -> list[t.LotLedger]:
        if instance.window is not None:
            return []
        found = [x for x in self.run.rulebook.lots.values() if x.every == instance.every]
        return [x for x in found if not group or x.group == group]

    def _book(self, ledger: t.LotLedger, days: Span) -> Lots:
        """Return the lots of a ledger; at first those that are there when the run begins."""
        if ledger.id not in self.lots:
            self.lots[ledger.id] = {}
            for x in (*self._opening(ledger, days), *self.run.past.lots):
                if x.ledger != ledger.id:
                    continue
                if x.of.end <= days.start:
                    self._enter(ledger, x)
                    self.rows.append(x)
        return self.lots[ledger.id]

    def _enter(self, ledger: t.LotLedger, x: Moved) -> None:
        own = self.lots[ledger.id].setdefault(x.subject_id, {})
        own.setdefault(x.lot, Lot(x.lot, x.source, x.granted_on, x.due_on)).put(x.kind, x.fen)

    def _opening(self, ledger: t.LotLedger, days: Span) -> Iterable[Moved]:
        """Yield the lots of `opening_state`; what fell due before anything was run has been paid."""
        known = [span.start for every, span in self.run.past.held if every == ledger.every]
        first = min([days.start, *known])
        for opening in self.run.past.opening_lots:
            if opening.ledger != ledger.id:
                continue
            instance = Instance(opening.of, ledger.every)
            fen = int(opening.amount * 100)
            for lot in split(ledger, instance, fen, opening.row):
                lot.source = opening.row or OPENING
                kinds = ["granted"]
                if lot.due_on is not None and lot.due_on < first:
                    kinds.append("paid")
                for kind in kinds:
                    moved = moved_of(ledger, opening.subject_id, lot, opening.of, kind, lot.granted)
                    yield replace(moved, origin="opening")

    def _published(self, ledger: t.LotLedger, days: Span) -> list[Moved]:
        return [x for x in self.run.past.lots if (x.ledger, x.of) == (ledger.id, days)]

    def _grant(
        self, ledger: t.LotLedger, instance: Instance, was: list[Moved], *, is_held: bool
    ) -> list[Moved]:
        """Grant what the line came to; of an unknown one in a published instance, what was granted then."""
        book = self.lots[ledger.id]
        made: list[Moved] = []
        for subject in self.run.past.computed.get((ledger.defers, instance.days), {}):
            own = [x for x in was if x.subject_id == subject]
            line = self._granting(ledger, instance.days, subject, is_held=is_held)
            lots = self._lots_of(ledger, instance, subject, line, "granted", own)
            if ledger.rerates is not None and unit_ended(ledger.rerates, instance.days) is None:
                self._rate(ledger, instance, subject, lots, own)
            for lot in lots.values():
                book.setdefault(subject, {})[lot.lot] = lot
                kinds = {"granted": lot.granted} if lot.granted else {}
                kinds.update((rated_as(line), fen) for line, fen in lot.rated.items())
                made += [moved_of(ledger, subject, lot, instance.days, *x) for x in kinds.items()]
        return made

    def _granting(self, ledger: t.LotLedger, days: Span, subject: str, *, is_held: bool) -> str:
        """Return the line that grants somebody's lots: in an instance that rates again that of the tier reached.

        "" where the tier is unknown and the instance was published: then what was granted stands.
        """
        if ledger.rerates is None or unit_ended(ledger.rerates, days) is None:
            return ledger.defers
        chosen = self.chosen.get((ledger.id, days), {}).get(subject)
        if chosen is None:
            return "" if is_held else ledger.defers
        return ledger.rerates.lines[chosen]

    def _value(self, line: str, days: Span, subject: str) -> Fraction | None:
        found = self.run.past.computed.get((line, days), {}).get(subject)
        return found if isinstance(found, Fraction) else None

    def _lots_of(
        self, ledger: t.LotLedger, instance: Instance, subject: str, line: str, kind: str, was: list[Moved]
    ) -> dict[str, Lot]:
        """Return the lots that a line grants somebody, by id; of an unknown one, what was published."""
        value = self._value(line, instance.days, subject)
        if value is not None:
            return {x.lot: x for x in self._new(ledger, instance, subject, line, int(value * 100))}
        kept: dict[str, Lot] = {}
        for x in was:
            if x.kind == kind:
                kept.setdefault(x.lot, Lot(x.lot, x.source, x.granted_on, x.due_on)).granted += x.fen
        return kept

    def _rate(
        self, ledger: t.LotLedger, instance: Instance, subject: str, lots: dict[str, Lot], was: list[Moved]
    ) -> None:
        """Put to each lot what every line would have granted for it; a row may have a lot for its ratings alone."""
        is_known = self._value(ledger.defers, instance.days, subject) is not None
        rated: dict[str, dict[str, Lot]] = {}
        for line, _ in ledger.granting:
            name, kind = line if is_known else "", rated_as(line)
            if self._value(name, instance.days, subject) is not None or any(x.kind == kind for x in was):
                rated[line] = self._lots_of(ledger, instance, subject, name, kind, was)
        for found in rated.values():
            for x in found.values():
                lots.setdefault(x.lot, Lot(x.lot, x.source, x.granted_on, x.due_on))
        for line, found in rated.items():
            for name, lot in lots.items():
                lot.put(rated_as(line), found[name].granted if name in found else 0)

    def _new(self, ledger: t.LotLedger, instance: Instance, subject: str, line: str, fen: int) -> list[Lot]:
        """Return the lots of an amount, of each row those of its part; without a row above 0 it is one amount."""
        parts = shared_out(fen, self.by_row.get((ledger.id, line, instance.days), {}).get(subject, {}))
        if not parts:
            return split(ledger, instance, fen)
        return [lot for row, part in parts.items() for lot in split(ledger, instance, part, row)]

    def _keep(
        self, ledger: t.LotLedger, days: Span, made: list[Moved], was: list[Moved], *, is_held: bool
    ) -> None:
        """Keep what was moved; of a published instance what was published, and what differs from it."""
        if not is_held:
            self.rows += [replace(x, day=days.start) for x in self.undated.pop(ledger.id, [])]
            self.rows += made
            return
        self.rows += was
        there = {(x.subject_id, x.lot, x.kind) for x in was}
        total: Counter[tuple[str, str, str]] = Counter()
        like: dict[tuple[str, str, str], Moved] = {}
        for sign, moved in ((-1, was), (1, made)):
            for x in moved:
                key = (x.subject_id, x.lot, x.kind)
                total[key] += sign * x.fen
                like[key] = x
        self.undated.setdefault(ledger.id, []).extend(
            replace(like[key], fen=fen, origin="corrected")
            for key, fen in sorted(total.items())
            # A rating of nothing says that it is known.
            if fen or (rating_of(key[2]) and key not in there)
        )

    # -- one instance --

    def _moved(self, ledger: t.LotLedger, card: Card) -> dict[str, Steps | None]:
        """Return what happens to everybody's lots in the instance of a card; None where it is unknown."""
        key = (ledger.id, card.instance.days)
        if key not in self.steps:
            self.steps[key] = self._find_steps(ledger, card)
        return self.steps[key]

    def _find_steps(self, ledger: t.LotLedger, card: Card) -> dict[str, Steps | None]:
        book = self._book(ledger, card.instance.days)
        rerates, days = ledger.rerates, card.instance.days
        holders = {
            who: sorted(lots.values(), key=age)
            for who, lots in sorted(book.items())
            if any(x.waiting or (ledger.claws_paid and x.paid) for x in lots.values())
            or to_be_rated(rerates, days, lots.values())
        }
        subjects = list(holders)
        if unit_ended(rerates, days) is not None:
            # Who has no lots yet is granted some at the tier reached.
            query = filled("SELECT DISTINCT subject_id FROM card ORDER BY 1", card=card.table)
            subjects = sorted({*subjects, *(str(who) for (who,) in self.run.engine.rows(query))})
        at_start: dict[str, dict[str, int | None]] = {
            what: {who: sum(getattr(x, what) for x in book.get(who, {}).values()) for who in subjects}
            for what in ("waiting", "paid")
        }
        answers = Holders(self.run).answers(ledger, card, subjects, at_start)
        self.chosen[ledger.id, days] = {who: answer.chosen for who, answer in answers.items()}
        if self.leaving is None and holders:
            self.leaving = Leaving(self.run.engine)
        rows = {x.source for lots in holders.values() for x in lots if ledger.is_row(x.source)}
        measure = self.run.rulebook.measures.get(ledger.rows)
        become: Become = {}
        if isinstance(measure, t.Measure):
            become = become_of(self.run.engine, self.run.view, ledger.of_rows, rows, measure.kind, days)
        return {
            who: self._steps_of(ledger, days, who, lots, answers[who], become)
            for who, lots in holders.items()
        }

    def _steps_of(
        self,
        ledger: t.LotLedger,
        days: Span,
        who: str,
        lots: list[Lot],
        answer: Answers,
        become: Become,
    ) -> Steps | None:
        """Return what happens to one person's lots: rated again, clawed back, lost by row or leaving, fallen due."""
        steps: Steps = []
        left, paid = {x.lot: x.waiting for x in lots}, {x.lot: x.paid for x in lots}
        worth: dict[str, int] | None = {}
        if ledger.rerates is not None:
            worth = differences(ledger.rerates, to_be_rated(ledger.rerates, days, lots), answer.chosen)
        if answer.claws is None or worth is None:
            return None
        rate(steps, worth, left, paid)
        demand, last_day = answer.claws, days.last_day
        for x in lots:
            demand -= taken(steps, x.lot, "clawed_back", left, demand)
        if ledger.claws_paid:
            for x in lots:
                demand -= taken(steps, x.lot, "recovered", paid, demand)
        if ledger.loses:
            lost = become[ledger.loses]
            if any(left[x.lot] and lost.get(x.source, False) is None for x in lots):
                return None
            for x in lots:
                if lost.get(x.source):
                    taken(steps, x.lot, "forfeited", left, left[x.lot])
        gone = self.leaving.left_on.get(who) if self.leaving else None
        has_left = gone is not None and gone <= last_day
        if has_left and ledger.leaver == "forfeited":
            return merged([*steps, *((lot, "forfeited", fen) for lot, fen in left.items() if fen)])
        everything = has_left and ledger.leaver == "paid"
        due = (
            _come_true(lots, left, become[ledger.release.column])
            if ledger.release.how == "row" and not everything
            else self._due(ledger, last_day, who, lots, left, answer, everything=everything)
        )
        if due is not None and ledger.rerates is not None and ledger.rerates.at_once:
            due = due_at_once(due, worth, left)
        if due is None or (due and answer.when is None):
            return None
        kind = "paid" if answer.when else ledger.otherwise
        return merged(steps if kind == "waits" else [*steps, *((lot, kind, fen) for lot, fen in due)])

    def _due(
        self,
        ledger: t.LotLedger,
        last_day: date,
        who: str,
        lots: list[Lot],
        left: dict[str, int],
        answer: Answers,
        *,
        everything: bool,
    ) -> list[tuple[str, int]] | None:
        """Return what falls due of each lot by a day; None where the amount is unknown."""
        if ledger.release.how == "oldest" and not everything and any(left.values()):
            if answer.amount is None:
                return None
            found: Steps = []
            amount, rest = answer.amount, dict(left)
            for x in lots:
                amount -= taken(found, x.lot, "paid", rest, amount)
            return [(lot, fen) for lot, _, fen in found]
        return [
            (x.lot, left[x.lot])
            for x in lots
            if left[x.lot] and (everything or ((day := self._due_on(ledger, who, x)) and day <= last_day))
        ]

    def _due_on(self, ledger: t.LotLedger, who: str, lot: Lot) -> date | None:
        if ledger.release.how != "event" or self.leaving is None:
            return lot.due_on
        day = self.leaving.day(who, ledger.release.column, lot.granted_on)
        return add_months(day, ledger.release.months) if day is not None else None


def _come_true(
    lots: list[Lot], left: dict[str, int], became: Mapping[str, bool | None]
) -> list[tuple[str, int]] | None:
    """Return what waits of the rows of which it has come true; None where of one nobody knows."""
    waiting = [(x, became.get(x.source, False)) for x in lots if left[x.lot]]
    if any(is_true is None for _, is_true in waiting):
        return None
    return [(x.lot, left[x.lot]) for x, is_true in waiting if is_true]


def split(ledger: t.LotLedger, instance: Instance, fen: int, row: str = "") -> list[Lot]:
    """Return the lots of an amount: its parts by largest remainder, odd fen to the earlier ones; none of nothing.

    `row` is the row of fact that the amount is of, where each has a lot.
    """
    if fen <= 0:
        return []
    days = instance.days
    name, source = (f"{instance.key}/{row}", row) if row else (instance.key, ledger.defers)
    if ledger.release.how != "lag":
        return [Lot(name, source, days.last_day, None, fen)]
    shares = [share for _, share in ledger.release.parts]
    cut = [fen * x.numerator // x.denominator for x in shares]
    rests = [Fraction(fen * x.numerator % x.denominator, x.denominator) for x in shares]
    first = sorted(range(len(shares)), key=lambda place: (-rests[place], place))
    for place in first[: fen - sum(cut)]:
        cut[place] += 1
    single = len(shares) == 1
    return [
        Lot(
            name if single else f"{name}#{place + 1}",
            source,
            days.last_day,
            add_months(days.end, months) - timedelta(days=1),
            part,
        )
        for place, ((months, _), part) in enumerate(zip(ledger.release.parts, cut, strict=True))
        if part
    ]
