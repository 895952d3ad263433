"""What the name of a ledger of lots stands for in a formula: `X` waits; `X.released`, `X.paid` and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.refusals import TypeProblem
from guanhu.rulebook.load.scope import LineScope, Scope
from guanhu.rulebook.load.text import Fields, Text, Tree
from guanhu.values import units
from guanhu.values.problem import Place

if TYPE_CHECKING:
    from guanhu.rulebook.load.build import Builder

AT_START = ("waiting", "paid")
"""What lots come to when the instance begins: nothing of the instance itself is in it."""
WITHIN = ("released", "forfeited", "clawed_back", "recovered")
"""What becomes of lots in the instance."""


def is_of_lots(tree: Tree | None) -> bool:
    """Tell whether a ledger keeps lots: it says what it defers."""
    return isinstance(tree, Fields) and "defers" in tree.fields


def lot_figure(builder: Builder, name: str, scope: Scope, place: Place) -> t.LotFigure | None:
    """Return the figure of a ledger of lots that a name stands for; None when it names none.

    Errors:   TypeProblem RUL051 no such figure, RUL042 another calendar, RUL130 not in a line, RUL068 another group.
    """
    ledger, _, what = name.rpartition(".")
    ledger, what = (ledger, what) if ledger else (name, "waiting")
    tree = builder.raw["ledgers"].get(ledger)
    if not is_of_lots(tree):
        return None
    if what not in (*AT_START, *WITHIN):
        raise TypeProblem(
            "RUL051",
            place,
            f"{ledger} 没有列 {what}",
            f"{ledger} has no column {what}",
            f"可写: {'、'.join((*AT_START, *WITHIN))}",
            f"known: {', '.join((*AT_START, *WITHIN))}",
        )
    if not isinstance(scope, LineScope) or not scope.every:
        raise TypeProblem(
            "RUL130",
            place,
            f"{name} 是每人的账, 只能用在行、条件和决定里",
            f"{name} is kept for each person: it belongs in lines, checks and decisions",
        )
    _refuse_other(builder, ledger, tree, scope, place)
    if what in WITHIN:
        # What moves in the instance is known only after what the ledger's own formulas read.
        from guanhu.rulebook.load.lots import lot_ledger  # noqa: PLC0415 - names and ledgers need each other

        lot_ledger(builder, ledger, place)
    return t.LotFigure(ledger=ledger, what=what, unit=units.MONEY, place=place)


def _refuse_other(builder: Builder, ledger: str, tree: Tree | None, scope: LineScope, place: Place) -> None:
    """Refuse a formula of another calendar unit or group than the ledger's."""
    every, who = (tree.get(key) if isinstance(tree, Fields) else None for key in ("every", "who"))
    own = every.text if isinstance(every, Text) else builder.every
    if scope.every != own:
        raise TypeProblem(
            "RUL042",
            place,
            f"账本 {ledger} 按{own}记, 这里按{scope.every}计算",
            f"ledger {ledger} is kept every {own}; this is every {scope.every}",
        )
    if isinstance(who, Text) and scope.group and who.text != scope.group:
        raise TypeProblem(
            "RUL068",
            place,
            f"{ledger} 是 {who.text} 的账本, 这里是 {scope.group}",
            f"{ledger} is a ledger of {who.text}; this is one of {scope.group}",
        )


__all__ = ["AT_START", "WITHIN", "is_of_lots", "lot_figure"]
