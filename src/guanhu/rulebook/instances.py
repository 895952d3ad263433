"""Which instances a run evaluates, in time order: every unit of each line's calendar that ends in the period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from guanhu.rulebook import tree as t
from guanhu.rulebook.windows import Window
from guanhu.values.dates import MONTHS_OF, Span, instances

Version = tuple[date, t.Rulebook]
"""A rulebook, and the day from which it holds."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One month, quarter, half, year or campaign. For `once`, a window from a person's own date.

    `days` are the days evaluated; a `once` instance belongs to the unit in which it ends.
    """

    days: Span
    every: str
    window: Window | None = None

    @property
    def key(self) -> str:
        """Return a short name, as people write the period.

        >>> from guanhu.values.dates import period_of
        >>> Instance(period_of("2025Q3"), "quarter").key, Instance(period_of("2025-07"), "month").key
        ('2025Q3', '2025-07')
        """
        start = self.days.start
        match self.every:
            case "month":
                return f"{start:%Y-%m}"
            case "quarter":
                return f"{start.year}Q{(start.month - 1) // 3 + 1}"
            case "half":
                return f"{start.year}H{(start.month - 1) // 6 + 1}"
            case "year":
                return f"{start.year}"
            case _:
                return str(self.days)


_LENGTH = {**MONTHS_OF, "campaign": 99}


def planned(rulebook: t.Rulebook, period: Span) -> list[Instance]:
    """Return the instances of a run in time order; of those that end together, the shorter first."""
    units = {rulebook.every if x.every == "once" else x.every for x in rulebook.evaluated()}
    found = [Instance(span, every) for every in units for span in instances(every, period)]
    return sorted(found, key=lambda i: (i.days.end, _LENGTH[i.every]))


def evaluated_in(rulebook: t.Rulebook, instance: Instance, group: str = "") -> list[t.Line | t.Decision]:
    """Return what is evaluated in an instance, for one group when it is named."""
    return [
        x
        for x in rulebook.evaluated()
        if x.every == instance.every and x.once == instance.window and (not group or x.group == group)
    ]


def version_at(versions: Sequence[Version], instance: Instance) -> t.Rulebook:
    """Return the rulebook that holds for an instance: the last whose day is not after its end. The first holds from ever."""
    return [rulebook for day, rulebook in versions if day <= instance.days.last_day][-1]
