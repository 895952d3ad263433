"""What the evaluator knows of one subject: plain rows, as the bank supplied them, read once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from guanhu.values.dates import Span

Attributes = dict[tuple[str, str], Any]
"""(table, column) → value at rest; `''` is the row itself."""
Interval = tuple[date, date, Attributes]
"""From a day up to another, that day excluded, the values stayed the same."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One line of the book: who is credited with a thing, with what share, on which days."""

    grain: str
    object_id: str
    person_id: str
    role: str
    book: str
    share: int
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class PostSpan:
    """Days on which a person's post, grade, institution and team stayed the same."""

    start: date
    end: date
    post: str | None
    grade: str | None
    institution_id: str | None
    team_id: str | None


@dataclass(slots=True)
class Thing:
    """An account or loan: what does not change with days, and what does."""

    id: str
    attributes: Attributes
    customer_id: str | None
    closed_on: date | None = None
    intervals: dict[str, list[Interval]] = field(default_factory=dict)
    """By kind: spans of equal values, in order of days; no two share a day."""
    places: list[tuple[date, date, str]] = field(default_factory=list)
    rates: list[tuple[date, date, int | None, str | None]] = field(default_factory=list)
    lost: dict[str, list[tuple[date, date]]] = field(default_factory=dict)
    """By kind: days that are unknown because a row of them was refused."""

    def within(self, kind: str, start: date, end: date) -> Iterator[Interval]:
        """Yield the intervals of a kind that share a day with those from `start` to `end`."""
        held = self.intervals.get(kind, [])
        for place in range(bisect_right(held, start, key=_end), len(held)):
            interval = held[place]
            if interval[0] >= end:
                return
            yield interval


def _end(interval: Interval) -> date:
    return interval[1]


@dataclass(slots=True)
class EventRow:
    """A row of a dated kind of fact."""

    id: str
    day: date
    attributes: Attributes
    person_id: str | None
    account_id: str | None
    loan_id: str | None
    customer_id: str | None
    institution_id: str | None


@dataclass(slots=True)
class SubjectFacts:
    """Everything that bears on one subject, over the days that a run looks at."""

    kind: str
    subject_id: str
    staff: dict[str, Any] = field(default_factory=dict)
    spans: list[PostSpan] = field(default_factory=list)
    members: dict[str, list[PostSpan]] = field(default_factory=dict)
    team_institution: str | None = None
    below: frozenset[str] = frozenset()
    accounts: dict[str, Thing] = field(default_factory=dict)
    loans: dict[str, Thing] = field(default_factory=dict)
    lot_loans: dict[str, Thing] = field(default_factory=dict)
    """Loans of which a row may have a lot, credited any more or not."""
    lot_loan_of: dict[tuple[str, str], str] = field(default_factory=dict)
    """By ledger and row that may have a lot: the loan that it is, or that it names."""
    lot_events: dict[tuple[str, str, str], list[date]] = field(default_factory=dict)
    """By ledger, kind of event and row that may have a lot: on which days."""
    events: dict[str, list[EventRow]] = field(default_factory=dict)
    assignments: list[Assignment] = field(default_factory=list)
    figures: dict[tuple[str, str, str], list[tuple[date, date, Fraction]]] = field(default_factory=dict)
    decided: dict[str, list[tuple[date, str]]] = field(default_factory=dict)
    institutions: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[tuple[str, Span], bool] = field(default_factory=dict)
