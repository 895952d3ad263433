"""Cases that days of the text tell apart: an old rule, a new one, and a period between them that neither holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.leaves import days_for, period_holding
from guanhu.rulebook.prove.proof import Proof
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.uses import Use, uses
from guanhu.values import units
from guanhu.values.dates import MONTHS_OF, add_months


def dated_cases(proof: Proof, names: list[str]) -> None:
    """Look at cases that only days decide: does one period fall between those that hold before and after it."""
    for use in uses(proof, names, t.Cases):
        node = use.node
        if isinstance(node, t.Cases) and not use.guards and all(_is_dated(c.when) for c in node.cases):
            every = proof.book.owner(use.name).every
            if every in MONTHS_OF and len(node.cases) > 1:
                proof.counted()
                _between(proof, use, node, every)


def _is_dated(condition: t.Expr) -> bool:
    """Tell whether a condition compares days of the instance with days of the text, and nothing else."""
    for part in t.walk(condition):
        match part:
            case t.And() | t.Or() | t.Not() | t.DateConst():
                continue
            case t.Compare(left=left, right=right) if left.unit == right.unit == units.DATE:
                continue
            case t.InstanceValue(unit=units.DATE):
                continue
            case _:
                return False
    return True


def _periods(node: t.Cases, every: str) -> list[str]:
    """Return the periods in order of time, from well before the first day of the text to well after the last."""
    days = [part.value for c in node.cases for part in t.walk(c.when) if isinstance(part, t.DateConst)]
    length = MONTHS_OF[every]
    found: list[str] = []
    at = add_months(min(days), -2 * length)
    while at <= add_months(max(days), 2 * length):
        found.append(period_holding(every, at))
        at = days_for(found[-1]).last_day + timedelta(days=1)
    return found


def _between(proof: Proof, use: Use, node: t.Cases, every: str) -> None:
    """Report a single period that no case holds where cases hold in every other one: a day is off by one."""
    periods = _periods(node, every)
    left = [p for p in periods if not _held(proof, node.cases, p)]
    if len(left) != 1 or left[0] in (periods[0], periods[-1]):
        return
    owner = proof.book.owner(use.name)
    point = proof.asker.completed(Point(left[0], {}), (use.name,))
    result = shown_value(expression_at(proof.rulebook, node, point).value, node.unit)
    proof.add(
        Finding(
            code="PRV001",
            severity=DEFECT,
            subjects=(owner.path,),
            clauses=clauses_of(owner.clause, *(c.clause for c in node.cases)),
            zh=f"{owner.title}: {left[0]} 之前和之后都有一种情形, 这一期却没有, 只能按“其余”得 {result}",
            en=f"{owner.title}: a case holds before {left[0]} and one after it, none in it: it is left to otherwise, which gives {result}",
            line=use.name,
            points=(point,),
        )
    )


def _held(proof: Proof, cases: Sequence[t.Case], period: str) -> bool:
    return any(expression_at(proof.rulebook, c.when, Point(period, {})).value is True for c in cases)


__all__ = ["dated_cases"]
