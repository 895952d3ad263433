"""Formulas as phrases with the figures put in: what was added, multiplied and compared."""

from __future__ import annotations

from collections.abc import Callable

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Traced, Unknown, Value
from guanhu.rulebook.print.sentence import ONE, Speaker
from guanhu.values.language import ZH
from guanhu.values.units import Unit

_LEAVES = (
    t.MeasureRef,
    t.LineRef,
    t.InputRef,
    t.RowValue,
    t.SubjectValue,
    t.InstanceValue,
    t.State,
    t.Lookup,
    t.Cases,
    t.FirstGiven,
    t.Between,
    t.DatePart,
    t.Steps,
    t.Balance,
    t.LotFigure,
    t.OverInstances,
    t.Previous,
    t.Streak,
    t.Times,
    t.Group,
    t.Pool,
)


class Substituted(Speaker):
    """Says one traced formula with each figure in the place of its name; `named` columns keep their name."""

    def __init__(
        self,
        rulebook: t.Rulebook,
        traced: Traced,
        said: Callable[[Value, Unit], str],
        named: tuple[tuple[str, str], ...] = (),
        lang: str = ZH,
    ) -> None:
        """Take the formula as it was evaluated and how values are said."""
        super().__init__(rulebook, lang)
        self.said, self.named = said, named
        self.by_node: dict[int, Traced] = {}
        self.by_name: dict[str, Traced] = {}
        self._gather(traced)

    def _gather(self, traced: Traced) -> None:
        if isinstance(traced.node, t.MeasureRef | t.LineRef):
            self.by_name[_key(traced.node)] = traced
        elif isinstance(traced.node, _LEAVES):
            self.by_node[id(traced.node)] = traced
        if not isinstance(traced.node, _LEAVES):
            for part in traced.parts:
                self._gather(part)

    def say(self, node: t.Expr) -> str:
        """Return the phrase of an expression; what is unknown or was not looked at keeps its name."""
        whole = self.whole(node)
        return self._figure(whole) or super().say(whole)

    def inner(self, node: t.Expr, needed: int = ONE) -> str:
        """Return the phrase of a part; a figure needs no brackets."""
        whole = self.whole(node)
        return self._figure(whole) or super().inner(whole, needed)

    def whole(self, node: t.Expr) -> t.Expr:
        """Return the amount itself where its days are all days there are: who did not move has all of it."""
        if isinstance(node, t.Settled):
            return self.whole(node.x)
        if not isinstance(node, t.ByDays):
            return node
        part, of = self.by_node.get(id(node.part)), self.by_node.get(id(node.of))
        return self.whole(node.x) if part and of and part.value == of.value else node

    def _figure(self, node: t.Expr) -> str:
        if isinstance(node, t.RowValue) and (node.table, node.column) in self.named:
            return ""
        found = (
            self.by_name.get(_key(node))
            if isinstance(node, t.MeasureRef | t.LineRef)
            else self.by_node.get(id(node))
        )
        if found is None or isinstance(found.value, Unknown):
            return ""
        text = self.said(found.value, node.unit)
        return f"({text})" if text.startswith("-") else text


def _key(node: t.MeasureRef | t.LineRef) -> str:
    """Return what a figure is found by: a formula may read a line of the spell and of the whole period."""
    return f"{node.name} whole" if isinstance(node, t.LineRef) and node.whole else node.name


def substituted(
    rulebook: t.Rulebook,
    traced: Traced,
    said: Callable[[Value, Unit], str],
    named: tuple[tuple[str, str], ...] = (),
    lang: str = ZH,
) -> str:
    """Return a formula with its figures, or nothing when it has no figures or is itself but one figure."""
    if isinstance(traced.node, _LEAVES):
        return ""
    speaker = Substituted(rulebook, traced, said, named, lang)
    if (not speaker.by_name and not speaker.by_node) or isinstance(speaker.whole(traced.node), _LEAVES):
        return ""
    return speaker.say(traced.node)


__all__ = ["substituted"]
