"""Figures of a subject's totals of single days: the lowest, the highest, days on which a condition holds.

A day's total is the sum of what the subject is credited with on that day, after `where` and `each`. A day without any
account counts as 0. Counted are the days of the window on which the subject held a post (institutions, teams and the
bank: all days); in a spell those of the spell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.facts import SubjectFacts
from guanhu.rulebook.explain.reads import Inputs, Question, price_day, read_input
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.values import CreditedRow, DayTotal, MeasureNote, Traced, Unknown, Value
from guanhu.values.dates import Span
from guanhu.values.exact import PPB


def days_held(facts: SubjectFacts, question: Question) -> list[Span]:
    """Return the days of a window on which the subject held a post; in a spell of the own window those of the spell."""
    window = question.window
    if facts.kind != "person":
        return [window]
    spell = question.spell if question.measure.window.is_own else None
    first, last = (
        (max(window.start, spell.start), min(window.end, spell.end)) if spell else (window.start, window.end)
    )
    held = [(max(span.start, first), min(span.end, last)) for span in facts.spans if span.post is not None]
    return [Span(start, end) for start, end in held if start < end]


class _DayLeaves:
    """Leaves of the condition of a day: the day's total, and inputs on the prices' day."""

    def __init__(self, inputs: Inputs, total: Fraction, day: date) -> None:
        self.inputs, self.total, self.day = inputs, total, day

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        raise TypeError(f"a condition of days reads no table ({name})")

    def leaf(self, node: t.Expr) -> Traced:
        if isinstance(node, t.RowValue):
            return Traced(node, self.total)
        if isinstance(node, t.InputRef):
            return read_input(node, self.inputs, self.day, self)
        raise TypeError(f"{type(node).__name__} has no meaning for a day's total")


class DayTotals:
    """The totals of the days of one question, in the order of the days."""

    def __init__(self, inputs: Inputs, question: Question, held: list[Span], rows: list[CreditedRow]) -> None:
        """Take the days that count and the credited rows, each as long as its balance stayed the same."""
        self.inputs, self.question, self.held, self.rows = inputs, question, held, rows
        self.take = question.measure.take
        self.totals = list(self._totals())

    def figure(self, *, keeps_rows: bool) -> tuple[Value, MeasureNote]:
        """Return the figure and how it came about."""
        unknown = next((x for x in self.totals if isinstance(x.counts, Unknown)), None)
        if unknown is not None and isinstance(unknown.counts, Unknown):
            return unknown.counts, self._note(tuple(x for x in self.rows if isinstance(x.amount, Unknown)))
        if self.take.condition is None:
            return self._edge()
        counted = self.totals if self.take.how == "days" else self._in_longest_run()
        if keeps_rows:
            counted = [replace(x, rows=tuple(self._rows_on(x.start))) for x in counted]
        days = sum(x.days for x in counted if x.counts is True)
        return Fraction(days), self._note(tuple(self.rows), tuple(counted))

    def _edge(self) -> tuple[Value, MeasureNote]:
        if not self.totals:
            return Unknown(f"measures.{self.question.measure.id}", "undefined"), self._note(())
        best = (min if self.take.how == "lowest" else max)(self.totals, key=lambda x: x.total)
        same = tuple(replace(x, counts=True) for x in self.totals if x.total == best.total)
        day, after = best.start, best.start + timedelta(days=1)
        rows = (
            replace(
                row,
                start=day,
                end=after,
                days=1,
                quantity=Fraction(1),
                stretches=tuple(replace(x, start=day, end=after) for x in row.stretches),
            )
            for row in self._rows_on(day)
        )
        return best.total, self._note(tuple(rows), same)

    def _note(self, rows: tuple[CreditedRow, ...], totals: tuple[DayTotal, ...] = ()) -> MeasureNote:
        measure, window = self.question.measure, self.question.window
        return MeasureNote(
            measure.id, window.start, window.end, Fraction(PPB), rows, self.take.how, totals=totals
        )

    def _rows_on(self, day: date) -> Iterator[CreditedRow]:
        return (row for row in self.rows if row.start <= day < row.end)

    def _totals(self) -> Iterator[DayTotal]:
        """Yield the days on which the total stays the same, cut where an input of the condition changes."""
        changes: dict[date, tuple[Fraction, int]] = {}
        for row in self.rows:
            known = row.amount if isinstance(row.amount, Fraction) else Fraction(0)
            bad = int(isinstance(row.amount, Unknown))
            for day, sign in ((row.start, 1), (row.end, -1)):
                more, worse = changes.get(day, (Fraction(0), 0))
                changes[day] = more + sign * known, worse + sign * bad
        edges = {*changes, *self._price_changes()}
        for span in self.held:
            edges |= {span.start, span.end}
        total, unknown = Fraction(0), 0
        for start, end in pairwise(sorted(edges)):
            more, worse = changes.get(start, (Fraction(0), 0))
            total, unknown = total + more, unknown + worse
            if any(span.start <= start and end <= span.end for span in self.held):
                yield DayTotal(start, end, total / PPB, self._holds(start, total / PPB, unknown))

    def _price_changes(self) -> set[date]:
        if self.take.condition is None or self.question.measure.prices_at not in ("each day", "row's day"):
            return set()
        names = {x.name for x in t.walk(self.take.condition) if isinstance(x, t.InputRef)}
        return self.inputs.changes(names, self.question.window) if names else set()

    def _holds(self, day: date, total: Fraction, unknown: int) -> bool | Unknown:
        if unknown:
            return next(x.amount for x in self._rows_on(day) if isinstance(x.amount, Unknown))
        if self.take.condition is None:
            return False
        prices = price_day(self.question.measure, day, self.question)
        held = evaluate(self.take.condition, _DayLeaves(self.inputs, total, prices)).value
        return held if isinstance(held, Unknown) else held is True

    def _in_longest_run(self) -> list[DayTotal]:
        """Return the days, those outside the first longest run as not counting."""
        runs: list[list[DayTotal]] = []
        for each in self.totals:
            if each.counts is not True:
                continue
            if runs and runs[-1][-1].end == each.start:
                runs[-1].append(each)
            else:
                runs.append([each])
        longest = max(runs, key=lambda run: sum(x.days for x in run), default=[])
        return [x if x in longest else replace(x, counts=False) for x in self.totals]


__all__ = ["DayTotals", "days_held"]
