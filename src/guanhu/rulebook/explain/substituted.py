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
            self.by_name[traced.node.name] = traced
        elif isinstance(traced.node, _LEAVES):
            self.by_node[id(traced.node)] = traced
        if not isinstance(traced.node, _LEAVES):
            for part in traced.parts:
                self._gather(part)

    def say(self, node: t.Expr) -> str:
        """Return the phrase of an expression; what is unknown or was not looked at keeps its name."""
        return self._figure(node) or super().say(node)

    def inner(self, node: t.Expr, needed: int = ONE) -> str:
        """Return the phrase of a part; a figure needs no brackets."""
        return self._figure(node) or super().inner(node, needed)

    def _figure(self, node: t.Expr) -> str:
        if isinstance(node, t.RowValue) and (node.table, node.column) in self.named:
            return ""
        found = (
            self.by_name.get(node.name)
            if isinstance(node, t.MeasureRef | t.LineRef)
            else self.by_node.get(id(node))
        )
        if found is None or isinstance(found.value, Unknown):
            return ""
        text = self.said(found.value, node.unit)
        return f"({text})" if text.startswith("-") else text


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
    if not speaker.by_name and not speaker.by_node:
        return ""
    return speaker.say(traced.node)


__all__ = ["substituted"]
