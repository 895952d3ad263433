"""The free figures of a question: what the solver may choose."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import z3

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.leaves import Book, Chosen, Leaf, key_of, leaf_of
from guanhu.rulebook.prove.terms import ONE, Num, Truth, Yes, real
from guanhu.values import units
from guanhu.values.units import Unit


class Figures:
    """The free figures of a question: one variable for each leaf, with its range and, if wanted, its grid."""

    def __init__(self, chosen: Chosen, *, exact: bool, fixed: Mapping[str, Fraction] | None = None) -> None:
        """Choose names and days; `exact` puts every figure on its grid and rounds exactly."""
        self.chosen, self.exact = chosen, exact
        self.fixed = dict(fixed or {})
        self.leaves: dict[str, Leaf] = {}
        self.vars: dict[str, Any] = {}
        self.given: dict[str, Any] = {}
        self.rules: list[Any] = []
        self.heavy: list[Any] = []
        self.optional: set[str] = set()
        self.counter = 0
        self.margin, self.any_time = Fraction(0), False
        self.wider: Mapping[str, Leaf] = {}
        self.loose: frozenset[str] = frozenset()
        self.in_part = False
        self.groups: frozenset[str] | None = None
        self.apart: frozenset[str] = frozenset()

    def term(self, node: t.Expr, mark: str, book: Book) -> Num | Yes:
        """Return the variable of a leaf of a book; `mark` tells the copies of one that a question varies."""
        key = key_of(node, self.chosen)
        if key not in self.leaves:
            self.leaves[key] = self.wider.get(key) or leaf_of(book, node, self.chosen)
        leaf = self.leaves[key]
        known = self._known(key)
        if node.unit == units.YES_NO:
            return Yes(self._var(key + mark, leaf, yes_no=True), known)
        if key in self.fixed and mark in ("", "+"):
            return Num(self.fixed[key], ONE, known)
        return Num(self._var(key + mark, leaf, yes_no=False), ONE, known)

    def _known(self, key: str) -> Truth:
        if key not in self.optional:
            return True
        if key not in self.given:
            self.given[key] = z3.Bool(f"given {key}")
        return self.given[key]

    def _var(self, name: str, leaf: Leaf, *, yes_no: bool) -> Any:
        if name in self.vars:
            return self.vars[name]
        if yes_no:
            self.vars[name] = z3.Bool(name)
            return self.vars[name]
        var = self.vars[name] = z3.Real(name)
        if leaf.low is not None:
            self.rules.append(var >= real(leaf.low))
        if leaf.high is not None:
            self.rules.append(var <= real(leaf.high))
        if self.exact:
            self.rules.append(var == z3.ToReal(z3.Int(f"{name} steps")) * real(leaf.step))
        return var

    def past(self, key: str, most: int | None) -> Any:
        """Return how often a condition held before this instance: the same for all copies of a manager."""
        name = f"~past {key}"
        if name not in self.vars:
            count = z3.Int(name)
            self.rules.append(count >= 0)
            if most is not None:
                self.rules.append(count <= most)
            self.vars[name] = z3.ToReal(count)
        return self.vars[name]

    def since(self, what: str, key: str) -> Any:
        """Return how many months or days lie between a day of one's own and the instance: any number."""
        name = f"~{what} {key}"
        if name not in self.vars:
            count = z3.Int(name)
            self.rules += [count >= -40000, count <= 40000]
            self.vars[name] = z3.ToReal(count)
        return self.vars[name]

    def pool_sum(self, unit: Unit) -> Any:
        """Return what a pool is shared by, all together; no fen is left over in what is looked for."""
        self.leaves["sum"] = Leaf(
            key="sum", title="大家的合计", unit=unit, low=Fraction(0), step=Fraction(1, 100)
        )
        self.leaves["oddfen"] = Leaf(
            key="oddfen", title="余分", unit=units.COUNT, low=Fraction(0), high=Fraction(0)
        )
        self.fixed["oddfen"] = Fraction(0)
        return (
            self.fixed["sum"] if "sum" in self.fixed else self._var("sum", self.leaves["sum"], yes_no=False)
        )

    def month(self) -> Any:
        """Return the month, any of the twelve."""
        if "~month" not in self.vars:
            month = z3.Int("~month")
            self.rules += [month >= 1, month <= 12]
            self.vars["~month"] = z3.ToReal(month)
        return self.vars["~month"]

    def fresh(self) -> Any:
        """Return a new real."""
        self.counter += 1
        return z3.Real(f"~{self.counter}")
