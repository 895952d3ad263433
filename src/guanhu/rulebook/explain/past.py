"""What earlier instances gave: computed earlier in this run, published by an earlier run, or opening state.

An instance that was published, or is in `opening_state`, is read as it stood then; else as this run
has just computed it. Values are kept as (subject id → exact value); unknown is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from guanhu.values.dates import Span

Value = Fraction | bool | str | None


@dataclass(slots=True)
class Past:
    """Earlier values by line. `published` wins over `computed`.

    `held` are the instances (calendar unit, days) that earlier runs published: their decisions have been taken.
    """

    published: dict[tuple[str, Span], dict[str, Value]] = field(default_factory=dict)
    computed: dict[tuple[str, Span], dict[str, Value]] = field(default_factory=dict)
    states: dict[str, dict[str, list[tuple[date, str]]]] = field(default_factory=dict)
    held: set[tuple[str, Span]] = field(default_factory=set)

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

    def streak(self, line: str, day: date, resets: dict[str, list[date]]) -> dict[str, int | None]:
        """Return, by subject, how many known instances in a row before `day` held; None after an unknown one.

        An instance in which a subject was not appraised neither counts nor breaks. `resets` are the days on
        which a decision that reads the streak came true: counting starts anew after them.
        """
        found: dict[str, int | None] = {}
        for span, values in self.before(line, day):
            for subject, value in values.items():
                before = found.get(subject, 0)
                if value is None:
                    found[subject] = None
                elif not value:
                    found[subject] = 0
                else:
                    found[subject] = None if before is None else before + 1
                if span.end in resets.get(subject, ()):
                    found[subject] = 0
        return found

    def times(self, line: str, first_day: date, day: date) -> dict[str, int | None]:
        """Return, by subject, in how many known instances from `first_day` and ending by `day` the line held."""
        found: dict[str, int | None] = {}
        for span, values in self.before(line, day):
            if span.start < first_day:
                continue
            for subject, value in values.items():
                before = found.get(subject, 0)
                found[subject] = None if value is None or before is None else before + int(bool(value))
        return found

    def balance(self, adds: str, uses: str, lapses_after: int, day: date) -> dict[str, Fraction | None]:
        """Return, by subject, what was entered before `day`, is not used up and has not lapsed; None is unknown.

        Entries are used oldest first. One lapses once `lapses_after` instances have ended after its own.
        """
        entered = dict(self.before(adds, day))
        used = dict(self.before(uses, day))
        lots: dict[str, list[tuple[int, Fraction]]] = {}
        unknown: set[str] = set()
        spans = sorted({*entered, *used})
        for number, span in enumerate(spans):
            for values, store in ((used.get(span, {}), False), (entered.get(span, {}), True)):
                for subject, value in values.items():
                    if not isinstance(value, Fraction):
                        unknown.add(subject)
                        continue
                    own = [
                        x for x in lots.get(subject, []) if not lapses_after or number - x[0] <= lapses_after
                    ]
                    lots[subject] = [*own, (number, value)] if store else _taken(own, value)
        last = len(spans)
        found: dict[str, Fraction | None] = dict.fromkeys(unknown)
        for subject, own in lots.items():
            alive = [amount for number, amount in own if not lapses_after or last - number <= lapses_after]
            found.setdefault(subject, sum(alive, Fraction(0)))
        return found

    def state(self, name: str, day: date) -> dict[str, tuple[date, str]]:
        """Return, by subject, the value of a state in force on `day` and since when."""
        found: dict[str, tuple[date, str]] = {}
        for subject, changes in self.states.get(name, {}).items():
            current = [change for change in changes if change[0] <= day]
            if current:
                found[subject] = max(current)
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
