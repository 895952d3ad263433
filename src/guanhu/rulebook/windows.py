"""Windows: over which days a measure looks, seen from the instance that is evaluated.

`over:` accepts

    period                         the instance's own days (default)
    to date                        from 1 January of the instance's last day, to its end
    to date since 2025-04-01       from that day on
    month | quarter | half | year  the calendar unit that holds the instance's last day, to the instance's end
    same period last year          the instance, one year earlier
    last year | half | quarter | month   the whole unit before the one that holds the instance's first day
    last year end | half end | …   the last day of that unit: 31 December of the year before
    previous period                the instance before
    last 3 months                  whole months, ending with the instance
    2025-01-01..2025-03-31         named days, both included
    hired_on + 6 months            from a person's own date, the day itself included
    hired_on + 30 days             so many days from it, the day itself the first
    base of …                      any of these, credited as the instance's own window is (moving baseline)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from guanhu.values.dates import (
    MONTHS_OF,
    Span,
    add_months,
    date_of,
    period_of,
    shift_span,
    unit_containing,
)

OWN_DAYS = "own days"
"""What stands after `over` in the name of a measure whose parts of other days count by days; no text writes it."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window as written. `span_of` gives its days."""

    how: str
    unit: str = ""
    months: int = 0
    days: int = 0
    span: Span | None = None
    since: date | None = None
    date_column: str = ""

    @property
    def is_own(self) -> bool:
        """Tell whether the window is the instance itself."""
        return self.how == "period"


_ROLLING = re.compile(r"last ([1-9][0-9]?) months", re.ASCII)
_OWN = re.compile(
    r"(?P<column>hired_on|left_on) \+ (?:(?P<months>[1-9][0-9]?) months|(?P<days>[1-9][0-9]{0,2}) days)",
    re.ASCII,
)


def window_of(text: str) -> Window | None:
    """Return the window that `text` (without `base of`) names, or None.

    >>> window_of("last 3 months").months, window_of("last year").unit, window_of("sometimes")
    (3, 'year', None)
    >>> window_of("hired_on + 30 days").days, window_of("hired_on + 6 months").months
    (30, 6)
    """
    words = " ".join(text.split())
    if words in ("period", "to date", "same period last year", "previous period"):
        return Window(words)
    if words in MONTHS_OF:
        return Window("unit", unit=words)
    if words.startswith("to date since "):
        since = date_of(words.removeprefix("to date since "))
        return Window("since", since=since) if since else None
    if words.startswith("last ") and (unit := words.removeprefix("last ").removesuffix(" end")) in MONTHS_OF:
        return Window("last end" if words.endswith(" end") else "last", unit=unit)
    if found := _ROLLING.fullmatch(words):
        return Window("rolling", months=int(found[1]))
    if found := _OWN.fullmatch(words):
        months, days = int(found["months"] or 0), int(found["days"] or 0)
        return Window("own", months=months, days=days, date_column=found["column"])
    span = period_of(words) if ".." in words else None
    return Window("days", span=span) if span else None


def plural_of(every: str) -> str:
    """Return the word after `over its`: the calendar units that a longer line gathers.

    >>> plural_of("month"), plural_of("half")
    ('months', 'halves')
    """
    return "halves" if every == "half" else f"{every}s"


def span_of(window: Window, instance: Span, every: str, own_date: date | None = None) -> Span | None:
    """Return the days of `window` seen from `instance` of the unit `every`; None when it has none.

    >>> from guanhu.values.dates import period_of
    >>> str(span_of(window_of("same period last year"), period_of("2025Q1"), "quarter"))
    '2024-01-01..2024-03-31'
    >>> str(span_of(window_of("to date"), period_of("2025-05"), "month"))
    '2025-01-01..2025-05-31'
    >>> str(span_of(window_of("hired_on + 30 days"), period_of("2025-03"), "once", date(2025, 2, 14)))
    '2025-02-14..2025-03-15'
    >>> str(span_of(window_of("last year end"), period_of("2025Q3"), "quarter"))
    '2024-12-31..2024-12-31'
    """
    match window.how:
        case "period":
            return instance
        case "to date":
            return Span(date(instance.last_day.year, 1, 1), instance.end)
        case "since" if window.since is not None:
            return Span(window.since, instance.end) if window.since < instance.end else None
        case "unit":
            return Span(unit_containing(window.unit, instance.last_day).start, instance.end)
        case "same period last year":
            return shift_span(instance, -12)
        case "last" | "last end":
            unit = unit_containing(window.unit, instance.start)
            whole = Span(add_months(unit.start, -MONTHS_OF[window.unit]), unit.start)
            return whole if window.how == "last" else Span(whole.last_day, whole.end)
        case "previous period":
            return previous_instance(instance, every)
        case "rolling":
            return Span(add_months(instance.end, -window.months), instance.end)
        case "days":
            return window.span
        case "own" if own_date is not None:
            return Span(own_date, add_months(own_date, window.months) + timedelta(window.days))
        case _:
            return None


def previous_instance(instance: Span, every: str, back: int = 1) -> Span:
    """Return the instance before, or `back` of them: the calendar unit before, or as many days before a campaign."""
    if back > 1:
        return previous_instance(previous_instance(instance, every), every, back - 1)
    if every in MONTHS_OF:
        return Span(add_months(instance.start, -MONTHS_OF[every]), instance.start)
    return Span(instance.start - (instance.end - instance.start), instance.start)
