"""The days of the invented bank: whole quarters, the last of which ends on 2025-12-31."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from guanhu.values.dates import Span, add_months

END = date(2026, 1, 1)
"""The first day after the last quarter."""
MIDDLE_FIRST, MIDDLE_LAST = 10, 75
"""What happens 'in the middle' of a quarter happens on one of these days of it, counted from 0."""


@dataclass(frozen=True, slots=True)
class Quarter:
    """One quarter; its name is that of its import folder."""

    name: str
    span: Span

    @property
    def is_first_of_year(self) -> bool:
        """Tell whether the quarter begins a year."""
        return self.span.start.month == 1

    @property
    def year(self) -> Span:
        """Return the calendar year of the quarter."""
        first = date(self.span.start.year, 1, 1)
        return Span(first, add_months(first, 12))


def quarters_before_end(count: int) -> tuple[Quarter, ...]:
    """Return the last `count` quarters before `END`, in time order.

    >>> [str(q.span) for q in quarters_before_end(2)]
    ['2025-07-01..2025-09-30', '2025-10-01..2025-12-31']
    """
    found = []
    for back in range(count, 0, -1):
        first = add_months(END, -3 * back)
        name = f"{first.year}Q{(first.month + 2) // 3}"
        found.append(Quarter(name, Span(first, add_months(first, 3))))
    return tuple(found)


def day_in_middle(rng: Random, quarter: Quarter) -> date:
    """Return a day inside the quarter that is neither near its begin nor near its end."""
    return quarter.span.start + timedelta(days=rng.randint(MIDDLE_FIRST, MIDDLE_LAST))


def day_in(rng: Random, span: Span) -> date:
    """Return any day of the span."""
    return span.start + timedelta(days=rng.randrange(span.days))
