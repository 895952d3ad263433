"""Numbers put together: sums over one divisor, the part in a bracket, spans of days."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.scalar import whole_months
from guanhu.rulebook.prove.terms import (
    ONE,
    ZERO,
    Name,
    Num,
    Sym,
    Term,
    add,
    both,
    choose,
    compared,
    mul,
)


def summed(terms: list[Num]) -> Num:
    """Return a sum, over one divisor."""
    known = both(*(x.k for x in terms))
    divisors = [x.d for x in terms if x.is_pair]
    if not divisors:
        return Num(add(*(x.n for x in terms)), ONE, known)
    below = divisors[0]
    for one in divisors[1:]:
        below = mul(below, one)
    above: list[Term] = []
    for at, x in enumerate(terms):
        part = x.n
        for other_at, other in enumerate(terms):
            if other_at != at and other.is_pair:
                part = mul(part, other.d)
        above.append(part)
    return Num(add(*above), below, known)


def part_inside(cell: t.Cell, x: Num, *, pieces: bool) -> Term:
    """Return how much of x lies in a bracket."""
    if not isinstance(cell, t.RangeCell):
        return x.n
    low, high = cell.low, cell.high
    if pieces:
        low = low - 1 if low is not None and cell.low_in else low
        high = high - 1 if high is not None and not cell.high_in else high
    top = x.n if high is None else choose(compared("<=", x.n, high), x.n, high)
    if low is None:
        return top
    part = add(top, -low)
    return choose(compared(">", part, ZERO), part, ZERO)


def between(what: str, first: Sym, last: Sym) -> Num:
    """Return the days or whole months between two days."""
    a = first.value if isinstance(first, Name) else None
    b = last.value if isinstance(last, Name) else None
    if not isinstance(a, date) or not isinstance(b, date):
        return Num(ZERO, ONE, False)
    return Num(Fraction((b - a).days if what == "days" else whole_months(a, b)), ONE, True)
