"""What earlier instances gave: computed earlier in this run, published by an earlier run, or opening state.

An instance that was published, or is in `opening_state`, is read as it stood then; else as this run
has just computed it. Values are kept as (subject id → exact value); unknown is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Protocol

from guanhu.rulebook.lots import Moved, OpeningLot
from guanhu.values.dates import Span

Value = Fraction | bool | str | None

Dated = list[tuple[date, str]]
Given = Mapping[str, Mapping[str, Dated]]
"""State → subject → since when it has which value."""


class Counted(Protocol):
    """A streak or count: the states and decisions that it leads to."""

    @property
    def states(self) -> tuple[str, ...]:
        """The states that decisions set by it."""

    @property
    def decisions(self) -> tuple[str, ...]:
        """The decisions by it that set no state."""


@dataclass(slots=True)
class Past:
    """Earlier values by line. `published` wins over `computed`.

    `held` are the instances (calendar unit, days) that earlier runs published: their decisions have been taken.
    """

    published: dict[tuple[str, Span], dict[str, Value]] = field(default_factory=dict)
    computed: dict[tuple[str, Span], dict[str, Value]] = field(default_factory=dict)
    states: dict[str, dict[str, list[tuple[date, str]]]] = field(default_factory=dict)
    held: set[tuple[str, Span]] = field(default_factory=set)
    opening: dict[str, dict[str, list[tuple[date, str]]]] = field(default_factory=dict)
    """Those of `states` that opening_state tells: they are known from that day, and may have begun before."""
    lots: list[Moved] = field(default_factory=list)
    """Movements of lots that earlier runs published."""
    opening_lots: list[OpeningLot] = field(default_factory=list)

    def at(self, line: str, days: Span) -> dict[str, Value] | None:
        """Return the values of a line in an instance by subject, or None when it is not known."""
        found = self.published.get((line, days))
        own = self.computed.get((line, days))
        if found is None:
            return own
        return {**(own or {}), **found}

    def before(self, line: str, day: date) -> list[tuple[Span, dict[str, Value]]]:
        """Return all known instances of a line that end on or before `day`, in time order."""
        spans = {span for name, span in (*self.published, *self.computed) if name == line and span.end <= day}
        return [(span, self.at(line, span) or {}) for span in sorted(spans)]

    def changes(self, node: Counted, day: date, given: Given) -> dict[str, date]:
        """Return, by subject, the last day before `day` on which something changed that a streak or count leads to.

        `given` are states that no decision of the run has set: the bank's own posts. The first value that is
        known of a state is a change when a decision has set it, else only what was there before.
        """
        found: dict[str, date] = {}
        for state in node.states:
            decided, supplied = self.states.get(state, {}), given.get(state, {})
            opening = self.opening.get(state, {})
            for subject in {*decided, *supplied}:
                own = _changed_on(
                    decided.get(subject, []), [*opening.get(subject, []), *supplied.get(subject, [])]
                )
                days = [x for x in own if x < day]
                if days:
                    found[subject] = max(days[-1], found.get(subject, date.min))
        for decision in node.decisions:
            for span, values in self.before(decision, day):
                for subject, value in values.items():
                    if value:
                        found[subject] = max(span.end, found.get(subject, date.min))
        return found

    def streak(self, line: str, day: date, since: Mapping[str, date]) -> dict[str, int | None]:
        """Return, by subject, how many known instances in a row before `day` held; None after an unknown one.

        An instance in which a subject was not appraised neither counts nor breaks. One that ended by the
        subject's day in `since` does not count: what it led to has changed.
        """
        found: dict[str, int | None] = {}
        for span, values in self.before(line, day):
            for subject, value in values.items():
                if span.end <= since.get(subject, date.min):
                    continue
                before = found.get(subject, 0)
                if value is None:
                    found[subject] = None
                elif not value:
                    found[subject] = 0
                else:
                    found[subject] = None if before is None else before + 1
        return found

    def times(
        self, line: str, first_day: date, day: date, since: Mapping[str, date]
    ) -> dict[str, int | None]:
        """Return, by subject, in how many known instances from `first_day` and ending by `day` the line held.

        One that ended by the subject's day in `since` does not count.
        """
        found: dict[str, int | None] = {}
        for span, values in self.before(line, day):
            if span.start < first_day:
                continue
            for subject, value in values.items():
                if span.end <= since.get(subject, date.min):
                    continue
                before = found.get(subject, 0)
                found[subject] = None if value is None or before is None else before + int(bool(value))
        return found

    def balance(self, adds: str, uses: str, lapses_after: int, day: date) -> dict[str, Fraction | None]:
        """Return, by subject, what was entered before `day`, is not used up and has not lapsed; None is unknown."""
        return self._kept(adds, uses, lapses_after, day)[0]

    def overdrawn(
        self, adds: str, uses: str, lapses_after: int, day: date
    ) -> list[tuple[Span, str, Fraction]]:
        """Return where an instance before `day` uses more than is there: its days, the subject, and by how much."""
        return self._kept(adds, uses, lapses_after, day)[1]

    def _kept(
        self, adds: str, uses: str, lapses_after: int, day: date
    ) -> tuple[dict[str, Fraction | None], list[tuple[Span, str, Fraction]]]:
        """Return what is there on `day`, and where more was used than there was.

        What an instance enters it may use itself, after what it had: entries are used oldest first. One
        lapses once `lapses_after` instances have ended after its own.
        """
        entered = dict(self.before(adds, day))
        used = dict(self.before(uses, day))
        lots: dict[str, list[tuple[int, Fraction]]] = {}
        unknown: set[str] = set()
        short: list[tuple[Span, str, Fraction]] = []
        spans = sorted({*entered, *used})
        for number, span in enumerate(spans):
            for values, store in ((entered.get(span, {}), True), (used.get(span, {}), False)):
                for subject, value in values.items():
                    if not isinstance(value, Fraction):
                        unknown.add(subject)
                        continue
                    own = [
                        x for x in lots.get(subject, []) if not lapses_after or number - x[0] <= lapses_after
                    ]
                    if not store and subject not in unknown:
                        more = value - sum((held for _, held in own), Fraction(0))
                        short.extend([(span, subject, more)] if more > 0 else [])
                    lots[subject] = [*own, (number, value)] if store else _taken(own, value)
        last = len(spans)
        found: dict[str, Fraction | None] = dict.fromkeys(unknown)
        for subject, own in lots.items():
            alive = [amount for number, amount in own if not lapses_after or last - number <= lapses_after]
            found.setdefault(subject, sum(alive, Fraction(0)))
        return found, short

    def state(self, name: str, day: date) -> dict[str, tuple[date, str]]:
        """Return, by subject, the value of a state in force on `day` and since when."""
        found: dict[str, tuple[date, str]] = {}
        for subject, changes in self.states.get(name, {}).items():
            current = [change for change in changes if change[0] <= day]
            if current:
                found[subject] = max(current)
        return found


def _changed_on(decided: Dated, known: Dated) -> list[date]:
    """Return the days on which a state changed; on one day the bank's own row stands after a decision.

    >>> march, may = date(2025, 3, 1), date(2025, 5, 1)
    >>> _changed_on([(march, "low")], [(date(2025, 1, 1), "high"), (may, "low")]) == [march]
    True
    """
    own = [(day, 0, value) for day, value in decided if (day, value) not in known]
    merged = sorted([*own, *((day, 1, value) for day, value in known)], key=lambda x: x[:2])
    found: list[date] = []
    before: str | None = None
    for day, rank, value in merged:
        if value != before and (before is not None or not rank):
            found.append(day)
        before = value
    return found


def _taken(lots: list[tuple[int, Fraction]], amount: Fraction) -> list[tuple[int, Fraction]]:
    """Return the lots after an amount was taken from them, the oldest first."""
    left: list[tuple[int, Fraction]] = []
    for number, held in lots:
        part = min(held, amount)
        amount -= part
        if held > part:
            left.append((number, held - part))
    return left
