"""Figures of a group: as windows over its own cards, and as aggregates for the cards of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from sqlglot import exp

from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Compiled, Num, Pair
from guanhu.rulebook.run.scalar import level_of, sql_of


@dataclass(slots=True)
class Aggregated:
    """What a group comes to: columns of an aggregate, and what they mean together."""

    columns: list[tuple[str, exp.Expr]]
    value: Compiled


def member_sql(node: t.Group) -> exp.Expr:
    """Return whether a card stands for a member: the last one of whoever belongs to the group on the named day."""
    last: exp.Expr = exp.column("is_last")
    return exp.And(this=last, expression=exp.column(f"at_{node.on}")) if node.on else last


class Window:
    """A group figure as window functions, or as aggregates for another group's card.

    Only the card in force at the end of the instance represents a subject: an earlier spell meets its own
    later card like those of the others. One unknown member, or fewer than the least number, make the figure
    unknown.
    """

    def __init__(
        self, node: t.Group, value: Compiled, size: int, bind: Callable[[Compiled], Compiled]
    ) -> None:
        """Take the figure asked for, its value on each card, and how many cards there are."""
        self.node = node
        self.size = max(size, 1)
        self.value = value
        self.level = level_of(value)
        self.x = sql_of(value)
        self.bind = bind

    def over(self, function: exp.Expr, *, own: bool = False, also: exp.Expr | None = None) -> exp.Expr:
        """Return an aggregate of the last cards among the members, or of the subject's own last card there."""
        condition: exp.Expr = member_sql(self.node)
        if also is not None:
            condition = exp.And(this=condition, expression=n.wrap(also))
        partition = [exp.column(b, quoted=True) for b in self.node.by]
        if own:
            partition.append(exp.column("subject_no"))
        chosen = exp.Filter(this=function, expression=exp.Where(this=condition))
        return exp.Window(this=chosen, partition_by=partition)

    def better(self) -> exp.Expr:
        """Return how many last cards come before this one's value, its peers left out."""
        order = exp.Order(
            expressions=[exp.Ordered(this=self.x, desc=not self.node.lowest_first, nulls_first=False)]
        )
        before = exp.WindowSpec(
            kind="RANGE", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW", exclude="GROUP"
        )
        found = self.over(exp.Count(this=exp.Star()))
        found.set("order", order)
        found.set("spec", before)
        return found

    def number(self, function: str) -> exp.Expr:
        """Return an aggregate of the value; a condition counts its yes."""
        argument: exp.Expr = self.x
        if self.node.how == "count":
            argument = n.case([(self.x, n.integer(1))], n.integer(0))
        if isinstance(self.value, Num) and function == "sum":
            argument = exp.Cast(this=argument, to=exp.DataType.build("INT128"))
        return {"sum": exp.Sum, "min": exp.Min, "max": exp.Max}[function](this=argument)

    def result(self) -> Compiled:
        """Return the figure as a window over the card itself."""
        node = self.node
        size = self.over(exp.Count(this=exp.Star()))
        members = size
        if not node.self_in:
            members = exp.Sub(this=size, expression=self.over(exp.Count(this=exp.Star()), own=True))
        guards: list[exp.Expr] = [
            exp.LT(this=n.wrap(self.over(exp.Count(this=self.x))), expression=n.wrap(size)),
            exp.LT(this=n.wrap(members), expression=n.integer(node.least_size)),
        ]
        if node.how == "rank":
            guards.append(n.is_null(self.x))
        guard = n.any_of(guards)
        if node.how == "rank":
            return Num(n.case([(guard, exp.Null())], self.rank()), Fraction(1), 1, self.size + 1, self.level)
        gathered, level = self.gathered()
        scale, low, high = self.bounds()
        num = Num(n.case([(guard, exp.Null())], gathered), scale, low, high, level)
        if node.how != "average":
            return num
        return Pair(num, Num(members, Fraction(1), 0, self.size, self.level))

    def rank(self) -> exp.Expr:
        """Return 1 and the number of others that are better; a subject is never before itself."""
        own = self.over(exp.Max(this=self.x), own=True)
        op = exp.LT if self.node.lowest_first else exp.GT
        itself = n.case([(op(this=n.wrap(own), expression=n.wrap(self.x)), n.integer(1))], n.integer(0))
        others = exp.Sub(this=n.wrap(self.better()), expression=n.wrap(itself))
        return exp.Add(this=n.wrap(others), expression=n.integer(1))

    def gathered(self) -> tuple[exp.Expr, int]:
        """Return the sum, highest or lowest of the members, without the subject itself where it is left out."""
        function = {"highest": "max", "lowest": "min"}.get(self.node.how, "sum")
        everything = self.over(self.number(function))
        if self.node.self_in:
            return everything, self.level
        own = self.over(self.number(function), own=True)
        if function == "sum":
            none = exp.Coalesce(this=own, expressions=[n.integer(0)])
            return exp.Sub(this=n.wrap(everything), expression=n.wrap(none)), self.level
        # The next one, where the subject alone holds the first place.
        first, mine = self._column(everything), self._column(own)
        same = exp.EQ(this=n.wrap(self.x), expression=n.wrap(first.sql))
        alone = exp.EQ(this=self.over(exp.Count(this=exp.Star()), also=same), expression=n.integer(1))
        other = self.over(self.number(function), also=exp.NEQ(this=n.wrap(self.x), expression=first.sql))
        holds = exp.And(this=exp.EQ(this=mine.sql, expression=first.sql), expression=alone)
        return n.case([(holds, other)], first.sql), max(first.level, mine.level)

    def _column(self, sql: exp.Expr) -> Num:
        scale, low, high = self.bounds()
        found = self.bind(Num(sql, scale, low, high, self.level))
        if not isinstance(found, Num):
            raise TypeError(self.node.how)
        return found

    def bounds(self) -> tuple[Fraction, int, int]:
        """Return scale, least and most of what is gathered."""
        if self.node.how == "count" or not isinstance(self.value, Num):
            return Fraction(1), 0, self.size
        if self.node.how in ("highest", "lowest"):
            return self.value.scale, self.value.low, self.value.high
        return self.value.scale, min(self.value.low, 0) * self.size, max(self.value.high, 0) * self.size

    def aggregated(self) -> Aggregated:
        """Return the figure as aggregates, one row for each part of the group."""
        node = self.node
        function = {"highest": "max", "lowest": "min"}.get(node.how, "sum")
        size = exp.Count(this=exp.Star())
        unknown = exp.LT(this=exp.Count(this=self.x), expression=size)
        few = exp.LT(this=size, expression=n.integer(node.least_size))
        scale, low, high = self.bounds()
        name = f"{node.how}@{node.among}/{node.place.line}:{node.place.column}"
        columns: list[tuple[str, exp.Expr]] = [
            (name, n.case([(n.any_of([unknown, few]), exp.Null())], self.number(function)))
        ]
        num = n.column(name, scale, low, high)
        if node.how != "average":
            return Aggregated(columns, num)
        columns.append((f"{name}/n", size))
        return Aggregated(columns, Pair(num, n.column(f"{name}/n", Fraction(1), 0, self.size)))
