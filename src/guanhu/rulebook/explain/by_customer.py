"""What each customer comes to, rounded, and the sum of it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from guanhu.rulebook.explain.values import MeasureNote
from guanhu.values.exact import round_half_away


def rounded_by_customer(note: MeasureNote, places: int) -> tuple[Fraction, MeasureNote]:
    """Return the sum of the customers' rounded amounts, and the note with each; `thing` of a row is its customer.

    A row of nobody's is a customer by itself: its account or loan.
    """
    exact: dict[object, Fraction] = {}
    for row in note.rows:
        if isinstance(row.amount, Fraction):
            key = customer_of(row.thing, row.object_id)
            exact[key] = exact.get(key, Fraction(0)) + row.amount / note.divisor
    customers = tuple((key, x, round_half_away(x, places)) for key, x in exact.items())
    return sum((x for _, _, x in customers), Fraction(0)), replace(note, customers=customers)


def customer_of(thing: object, object_id: str) -> object:
    """Return whose a row is.

    >>> customer_of(("customer", "c1"), "a1"), customer_of(None, "a2")
    (('customer', 'c1'), ('row', 'a2'))
    """
    return thing if thing is not None else ("row", object_id)
