"""Terms for z3 that fold what is already a number: what the text fixes never reaches the solver.

A term is a `Fraction` or a real expression; a truth is a `bool` or a boolean expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm, prod
from typing import Any

import z3

Term = Any
"""A `Fraction`, or a real of z3 (whose types are loose)."""
Truth = Any
"""A `bool`, or a boolean of z3."""

ZERO, ONE, HALF = Fraction(0), Fraction(1), Fraction(1, 2)


def real(x: Term) -> Any:
    """Return a term as an expression of z3."""
    return _number(x) if isinstance(x, Fraction) else x


@lru_cache(maxsize=10_000)
def _number(x: Fraction) -> Any:
    # Made once: the solver takes its time over each, and a rulebook has the same few numbers everywhere.
    return z3.Q(x.numerator, x.denominator)


def add(*terms: Term) -> Term:
    """Return a sum."""
    fixed = sum((x for x in terms if isinstance(x, Fraction)), ZERO)
    free = [x for x in terms if not isinstance(x, Fraction)]
    if not free:
        return fixed
    return z3.Sum([*free, real(fixed)]) if fixed else (free[0] if len(free) == 1 else z3.Sum(free))


_STEPS_MAX = 200


def is_stepwise(x: Term) -> bool:
    """Tell whether a term takes a few fixed values only, as a look-up of numbers does."""
    return isinstance(x, Fraction) or _leaves(x, _STEPS_MAX) > 0


def _leaves(x: Any, room: int) -> int:
    """Return how many numbers a choice among numbers has; 0 when it is anything else or has too many."""
    if z3.is_rational_value(x):
        return 1
    if room <= 1 or not z3.is_app_of(x, z3.Z3_OP_ITE):
        return 0
    one = _leaves(x.arg(1), room - 1)
    other = _leaves(x.arg(2), room - one) if one else 0
    return one + other if one and other else 0


def each_step(x: Term, change: Callable[[Fraction], Term]) -> Term:
    """Return a stepwise term with each of its values changed."""
    if isinstance(x, Fraction):
        return change(x)
    if z3.is_rational_value(x):
        return change(Fraction(x.numerator_as_long(), x.denominator_as_long()))
    return choose(x.arg(0), each_step(x.arg(1), change), each_step(x.arg(2), change))


def mul(x: Term, y: Term) -> Term:
    """Return a product; one with a stepwise term stays linear: each step is multiplied."""
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return x * y
    if ZERO in (x if isinstance(x, Fraction) else ONE, y if isinstance(y, Fraction) else ONE):
        return ZERO
    if isinstance(x, Fraction):
        return y if x == 1 else real(x) * y
    if isinstance(y, Fraction):
        return x if y == 1 else real(y) * x
    if is_stepwise(x):
        return each_step(x, lambda value: mul(value, y))
    if is_stepwise(y):
        return each_step(y, lambda value: mul(x, value))
    return x * y


def grid_of(x: Any, steps: Mapping[str, Fraction], room: int = 60) -> Fraction | None:
    """Return a number of which a term is a multiple, its variables being multiples of their steps; None when that is not told.

    >>> grid_of(z3.Real("a") * z3.Q(1, 4) + z3.Q(1, 10), {"a": Fraction(1, 100)})
    Fraction(1, 400)
    """
    if z3.is_rational_value(x):
        return Fraction(x.numerator_as_long(), x.denominator_as_long())
    if room <= 0 or not z3.is_app(x):
        return None
    if z3.is_const(x):
        return steps.get(x.decl().name())
    inside = list(x.children())
    if z3.is_app_of(x, z3.Z3_OP_ITE):
        inside = inside[1:]
    elif not (z3.is_add(x) or z3.is_sub(x) or z3.is_mul(x) or z3.is_app_of(x, z3.Z3_OP_UMINUS)):
        return None
    found = [grid_of(y, steps, room // len(inside)) for y in inside]
    grids = [g for g in found if g is not None]
    if len(grids) < len(found):
        return None
    if z3.is_mul(x):
        return prod(grids, start=ONE)
    below = lcm(*(g.denominator for g in grids))
    return Fraction(gcd(*(int(g * below) for g in grids)), below)


def neg(x: Term) -> Term:
    """Return −x."""
    return -x


def compared(op: str, x: Term, y: Term) -> Truth:
    """Return x op y."""
    left, right = (x, y) if isinstance(x, Fraction) and isinstance(y, Fraction) else (real(x), real(y))
    match op:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "=":
            return left == right
        case _:
            return left != right


def both(*truths: Truth) -> Truth:
    """Return whether all hold."""
    free = []
    for x in truths:
        if x is False:
            return False
        if x is not True:
            free.append(x)
    return True if not free else free[0] if len(free) == 1 else z3.And(free)


def either(*truths: Truth) -> Truth:
    """Return whether one holds."""
    free = []
    for x in truths:
        if x is True:
            return True
        if x is not False:
            free.append(x)
    return False if not free else free[0] if len(free) == 1 else z3.Or(free)


def no(x: Truth) -> Truth:
    """Return whether it does not hold."""
    return (not x) if isinstance(x, bool) else z3.Not(x)


def choose(condition: Truth, yes: Term, otherwise: Term) -> Term:
    """Return one of two terms."""
    if isinstance(condition, bool):
        return yes if condition else otherwise
    if isinstance(yes, Fraction) and isinstance(otherwise, Fraction) and yes == otherwise:
        return yes
    return z3.If(condition, real(yes), real(otherwise))


def choose_truth(condition: Truth, yes: Truth, otherwise: Truth) -> Truth:
    """Return one of two truths."""
    if isinstance(condition, bool):
        return yes if condition else otherwise
    if isinstance(yes, bool) and isinstance(otherwise, bool):
        return yes if yes == otherwise else (condition if yes else z3.Not(condition))
    return z3.If(condition, yes, otherwise)


def whole_below(x: Term) -> Term:
    """Return the greatest whole number not above x."""
    return Fraction(x.numerator // x.denominator) if isinstance(x, Fraction) else z3.ToReal(z3.ToInt(x))


def cut(x: Term) -> Term:
    """Return x cut towards zero."""
    return choose(compared(">=", x, ZERO), whole_below(x), neg(whole_below(neg(x))))


def outward(x: Term) -> Term:
    """Return x taken away from zero to a whole number."""
    return choose(compared(">=", x, ZERO), neg(whole_below(neg(x))), whole_below(x))


def half_away(x: Term) -> Term:
    """Return x as the nearest whole number, a half away from zero."""
    return choose(compared(">=", x, ZERO), whole_below(add(x, HALF)), neg(whole_below(add(neg(x), HALF))))


@dataclass(slots=True)
class Num:
    """A number n/d with d above 0, and whether it is known."""

    n: Term
    d: Term
    k: Truth

    @property
    def is_pair(self) -> bool:
        """Tell whether the divisor is no fixed number."""
        return not isinstance(self.d, Fraction)


@dataclass(slots=True)
class Yes:
    """A condition, and whether it is known."""

    v: Truth
    k: Truth

    @property
    def holds(self) -> Truth:
        """Tell whether it is known to hold."""
        return both(self.k, self.v)

    @property
    def fails(self) -> Truth:
        """Tell whether it is known not to hold."""
        return both(self.k, no(self.v))


@dataclass(slots=True)
class Name:
    """A name or a day that the question has fixed; None is unknown."""

    value: str | date | None


@dataclass(frozen=True, slots=True)
class Picked:
    """A name that conditions choose (a grade that a table gives): that of the first that holds, read top-down.

    No `last` is unknown where none holds.
    """

    rows: tuple[tuple[Yes, Name | Picked], ...]
    last: Name | Picked | None


Sym = Num | Yes | Name | Picked


def plain_number(n: Term, d: Term, k: Truth) -> Num:
    """Return n/d, folded when d is a number."""
    if isinstance(d, Fraction) and d != 1:
        return Num(mul(n, 1 / d), ONE, k)
    return Num(n, d, k)
