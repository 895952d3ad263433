"""Business dates: half-open spans of days, periods as people write them, instances of a calendar unit.

People write and read both days of a span; inside, a span is `[start, end)`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

FAR_FUTURE = date(9999, 12, 31)
"""The open end of a dated row."""

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The zone in which moments are shown, and of one that names none; every bank of a rulebook keeps its books by it."""

LAST_YEAR = 9000
"""Periods end before it: instances after them have to exist too."""

MONTHS_OF = {"month": 1, "quarter": 3, "half": 6, "year": 12}
"""Length in months of each calendar unit that a line, total or decision may have as `every`."""


def in_beijing(moment: datetime | str) -> datetime:
    """Return a moment, or one in ISO form, as clocks in Beijing show it.

    >>> in_beijing("2026-11-27T17:51:36+00:00").isoformat()
    '2026-11-28T01:51:36+08:00'
    """
    return (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone(BEIJING)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Days from `start` (included) to `end` (not included)."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Return the number of calendar days."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """Return the last day that belongs to the span."""
        return self.end - timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        """Tell whether `day` belongs to the span."""
        return self.start <= day < self.end

    def overlap(self, other: Span) -> Span | None:
        """Return the days in both spans, or None when there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None

    def __str__(self) -> str:
        """Return both days, as people write them.

        >>> str(Span(date(2025, 1, 1), date(2025, 4, 1)))
        '2025-01-01..2025-03-31'
        """
        return f"{self.start}..{self.last_day}"


def month_start(day: date) -> date:
    """Return the first day of the month of `day`."""
    return day.replace(day=1)


def add_months(day: date, months: int) -> date:
    """Return the day `months` later; a day that the month lacks becomes its last one.

    >>> add_months(date(2024, 1, 31), 1), add_months(date(2024, 2, 29), -12)
    (datetime.date(2024, 2, 29), datetime.date(2023, 2, 28))
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def shift_span(span: Span, months: int) -> Span:
    """Return the span moved by whole months; both ends move as starts of days."""
    return Span(add_months(span.start, months), add_months(span.end, months))


def unit_containing(every: str, day: date) -> Span:
    """Return the month, quarter, half or year that holds `day`.

    >>> str(unit_containing("quarter", date(2025, 5, 9)))
    '2025-04-01..2025-06-30'
    """
    length = MONTHS_OF[every]
    first = date(day.year, (day.month - 1) // length * length + 1, 1)
    return Span(first, add_months(first, length))


def instances(every: str, period: Span) -> list[Span]:
    """Return the instances of a calendar unit that end inside `period`, in time order.

    A period that is not made of calendar units (a campaign, `FROM..TO`) is one instance of its own
    for `campaign`; for the other units only whole units count.

    >>> [str(s) for s in instances("quarter", Span(date(2025, 1, 1), date(2025, 7, 1)))]
    ['2025-01-01..2025-03-31', '2025-04-01..2025-06-30']
    """
    if every == "campaign":
        return [period]
    found: list[Span] = []
    unit = unit_containing(every, period.start)
    while unit.end <= period.end:
        found.append(unit)
        unit = unit_containing(every, unit.end)
    return found


def month_starts(span: Span) -> list[date]:
    """Return the month edges strictly inside `span`.

    >>> month_starts(Span(date(2025, 1, 10), date(2025, 3, 1)))
    [datetime.date(2025, 2, 1)]
    """
    edges: list[date] = []
    day = add_months(month_start(span.start), 1)
    while day < span.end:
        edges.append(day)
        day = add_months(day, 1)
    return edges


_YEAR = re.compile(
    r"(?P<year>[0-9]{4})(?:H(?P<half>[12])|Q(?P<quarter>[1-4])|-(?P<month>[0-9]{2}))?", re.ASCII
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def date_of(text: str) -> date | None:
    """Return the date of `YYYY-MM-DD` text, or None when it is not one or no such day exists.

    >>> date_of("2025-02-28"), date_of("2025-02-30"), date_of("2025-2-3")
    (datetime.date(2025, 2, 28), None, None)
    """
    if _DAY.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def period_of(text: str) -> Span | None:
    """Return the span that `2025`, `2025H1`, `2025Q3`, `2025-07` or `FROM..TO` names; None otherwise.

    Bounds:   `FROM..TO` includes both days.

    >>> str(period_of("2025H2")), period_of("2025-07").days, str(period_of("2025-01-05..2025-01-06"))
    ('2025-07-01..2025-12-31', 31, '2025-01-05..2025-01-06')
    >>> period_of("2025-13") is None and period_of("2025-02-02..2025-02-01") is None
    True
    """
    if ".." in text:
        first, _, last = text.partition("..")
        start, end = date_of(first), date_of(last)
        return (
            Span(start, end + timedelta(days=1))
            if start and end and start <= end and end.year <= LAST_YEAR
            else None
        )
    found = _YEAR.fullmatch(text)
    if found is None or not 1900 <= int(found["year"]) <= LAST_YEAR:
        return None
    year = int(found["year"])
    if found["half"]:
        return unit_containing("half", date(year, int(found["half"]) * 6, 1))
    if found["quarter"]:
        return unit_containing("quarter", date(year, int(found["quarter"]) * 3, 1))
    if found["month"]:
        month = int(found["month"])
        return unit_containing("month", date(year, month, 1)) if 1 <= month <= 12 else None
    return unit_containing("year", date(year, 1, 1))
