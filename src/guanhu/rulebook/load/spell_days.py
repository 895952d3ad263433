"""Amounts of a spell: what is the whole period's counts by days, or each spell would be paid all of it.

A measure of a spell is the spell's own; that of the institution, or a figure of the others, is none. A fixed amount is for the whole instance: it counts by its days. An
earlier figure (a sum over months, the period before, a ledger, a measure of the year to date or of last year) is the
person's, who has it once: it counts by the days of the person's own spells, which add up to all of it.

A measure that is a formula counts as if the formula stood in the line: where a part of it is no spell's own, the line
reads a measure `NAME over own days` in which that part counts by days. A score or a ratio goes on reading NAME.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.adding_up import AddingUp
from guanhu.rulebook.load.typing import as_number
from guanhu.values import units

_OF_THE_TEXT = (t.Const, t.InputRef, t.SubjectValue, t.DateConst)
_OF_PARTS = (
    t.Negative,
    t.Sum,
    t.Product,
    t.Quotient,
    t.Settled,
    t.Round,
    t.Least,
    t.Most,
    t.Absolute,
    t.FirstGiven,
    t.DatePart,
    t.Between,
)

_BY_PARTS = ("marginal", "per piece")
"""Tables by parts: what they give for the spells adds up, as far as their key does."""
_EARLIER = (t.OverInstances, t.Previous, t.Balance, t.State)


Marking = Callable[[t.Expr], t.Expr]
"""What makes of the formula of a measure the one that counts in a spell."""


class SpellDays:
    """Marks the amounts of a money line that are no spell's own."""

    def __init__(
        self,
        table_of: Callable[[str], t.Table | None],
        adds_up: AddingUp,
        by_own_days: Callable[[t.MeasureRef, Marking], t.MeasureRef],
    ) -> None:
        """Take how a table is found by its name, what tells whether the values of spells add up, and what marks a measure."""
        self.table_of = table_of
        self.adds_up = adds_up
        self.by_own_days = by_own_days

    def marked(self, node: t.Expr) -> t.Expr:
        """Return a formula of money in which each amount that reads no figure of the spell counts by days.

        Terms of a sum and values of cases are looked at one by one; what a condition reads does not matter.
        """
        if isinstance(node, t.Negative):
            return replace(node, x=self.marked(node.x))
        if self.fixed(node) or (node.unit == units.MONEY and self.adds_up.is_whole(node)):
            return _by_days(node, "period_days")
        if self.fixed(node, earlier=True):
            return as_number(_by_days(node, "own_days"))
        match node:
            case t.Cases():
                cases = tuple(replace(case, value=self.marked(case.value)) for case in node.cases)
                last = self.marked(node.otherwise) if node.otherwise is not None else None
                return replace(node, cases=cases, otherwise=last)
            case t.Sum():
                return replace(node, terms=tuple(self.marked(x) for x in node.terms))
            case t.Least() | t.Most() | t.FirstGiven():
                return replace(node, terms=tuple(self.marked(x) for x in node.terms))
            case t.Round() | t.Absolute():
                return replace(node, x=self.marked(node.x))
            case t.Product() | t.Quotient() | t.Settled() if not self.adds_up(node):
                return self._part(node)
            case t.Product() | t.Quotient() | t.Settled() | t.Steps() | t.Lookup():
                return self.quantity(node)
            case t.MeasureRef():
                return self.by_own_days(node, self._measured)
            case _:
                return node

    def _measured(self, node: t.Expr) -> t.Expr:
        """Return the formula of a measure as it would count in the line that reads it."""
        return self.marked(node) if node.unit == units.MONEY else self.quantity(node)

    def _part(self, node: t.Expr) -> t.Expr:
        """Return a part of an amount (times a rate, a score, a coefficient) in which the amount counts by days."""
        if node.unit != units.MONEY:
            return node
        if self.adds_up.is_whole(node):
            return self.marked(node)
        match node:
            case t.Product(left=left, right=right):
                return replace(node, left=self._part(left), right=self._part(right))
            case t.Quotient(dividend=dividend):
                return replace(node, dividend=self._part(dividend))
            case t.Settled(x=x):
                return replace(node, x=self._part(x))
        return self.marked(node)

    def quantity(self, node: t.Expr) -> t.Expr:
        """Return a quantity that adds up in which terms that do not count by days: (own - last year's - 100) × rate."""
        if not self.adds_up(node):
            return node
        match node:
            case t.MeasureRef():
                return self.by_own_days(node, self._measured)
            case t.Product(left=left, right=right):
                return replace(node, left=self.quantity(left), right=self.quantity(right))
            case t.Quotient(dividend=dividend):
                return replace(node, dividend=self.quantity(dividend))
            case t.Settled(x=x) | t.Negative(x=x) | t.Round(x=x) | t.Absolute(x=x) | t.Steps(x=x):
                return replace(node, x=self.quantity(x))
            case t.Sum() | t.Least() | t.Most() | t.FirstGiven():
                return replace(node, terms=tuple(self._term(x) for x in node.terms))
            case t.Cases():
                cases = tuple(replace(case, value=self._term(case.value)) for case in node.cases)
                last = self._term(node.otherwise) if node.otherwise is not None else None
                return replace(node, cases=cases, otherwise=last)
            case t.Lookup() if (
                isinstance(table := self.table_of(node.table), t.Table) and table.how in _BY_PARTS
            ):
                return replace(node, keys=(self.quantity(node.keys[0]), *node.keys[1:]))
        return node

    def _term(self, node: t.Expr) -> t.Expr:
        if isinstance(node, t.Negative):
            return replace(node, x=self._term(node.x))
        if self.fixed(node) or self.adds_up.is_whole(node):
            return _by_days(node, "period_days")
        if self.fixed(node, earlier=True):
            return as_number(_by_days(node, "own_days"))
        return self.quantity(node)

    def fixed(self, node: t.Expr, *, earlier: bool = False) -> bool:
        """Tell whether a value is made of numbers of the text, inputs and attributes alone, and of earlier figures."""
        match node:
            case t.InstanceValue():
                # What reads the days of the spell has been counted by days already.
                return node.name != "spell_days"
            case t.Cases():
                values = [case.value for case in node.cases]
                return all(self.fixed(x, earlier=earlier) for x in (*values, node.otherwise) if x is not None)
            case t.Lookup():
                return self._fixed_table(node, earlier=earlier)
            case t.MeasureRef():
                return earlier and self.adds_up.is_earlier(node)
            case t.LotFigure():
                return earlier and node.is_at_start
        if isinstance(node, _OF_THE_TEXT) or (earlier and isinstance(node, _EARLIER)):
            return True
        return isinstance(node, _OF_PARTS) and all(self.fixed(x, earlier=earlier) for x in node.children())

    def _fixed_table(self, node: t.Lookup, *, earlier: bool) -> bool:
        table = self.table_of(node.table)
        if table is None:
            return False
        if table.how in _BY_PARTS and not (earlier and self.adds_up.is_earlier(node.keys[0])):
            return False
        index = table.columns.index(node.column)
        rows = [row.gives[index] for version in table.versions for row in version.rows]
        return all(self.fixed(x) for x in (*rows, *((table.no_row[index],) if table.no_row else ())))


def _by_days(node: t.Expr, of: str) -> t.Expr:
    if isinstance(node, t.Const) and not node.value:
        return node

    def days(name: str) -> t.InstanceValue:
        return t.InstanceValue(name=name, unit=units.DAYS, place=node.place)

    return t.ByDays(
        x=as_number(node),
        part=days("spell_days"),
        of=days(of),
        unit=node.unit,
        place=node.place,
    )
