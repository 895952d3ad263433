"""Where expressions stand, what they are called, and whether two say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guanhu.kinds.catalogue import CATALOGUE
from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.leaves import leaf_of
from guanhu.rulebook.prove.proof import Proof
from guanhu.rulebook.prove.replay import Point, expression_at
from guanhu.rulebook.prove.terms import Truth, both

Guards = tuple[tuple[t.Expr, bool], ...]
"""The conditions under which an expression is reckoned at all: those of the cases around it, holding or not."""


@dataclass(frozen=True, slots=True)
class Use:
    """Where a table or cases stand: the line that reads them, and under which conditions it does."""

    name: str
    node: t.Expr
    guards: Guards = ()


def owners(proof: Proof, wanted: str = "") -> list[str]:
    """Return the lines and decisions to ask about."""
    return [wanted] if wanted else [x.id for x in proof.rulebook.evaluated()]


def own_nodes(proof: Proof, name: str) -> Iterator[t.Expr]:
    """Yield the expressions of a line itself, and of the formula measures and tables that it reads, not of other lines."""
    for node, _ in guarded_nodes(proof, name):
        yield node


def guarded_nodes(proof: Proof, name: str) -> Iterator[tuple[t.Expr, Guards]]:
    """Yield the expressions of a line itself with the conditions around each; those of a formula measure have none."""
    waiting, seen = list(proof.book.roots(name)), set[str]()
    while waiting:
        for node, guards in guarded(waiting.pop(), ()):
            yield node, guards
            if isinstance(node, t.MeasureRef) and node.name not in seen:
                seen.add(node.name)
                measure = proof.rulebook.measures[node.name]
                if isinstance(measure, t.FormulaMeasure):
                    waiting.append(measure.expr)


def guarded(node: t.Expr, guards: Guards) -> Iterator[tuple[t.Expr, Guards]]:
    """Yield an expression and all inside it, each with the conditions under which it is reckoned."""
    yield node, guards
    if not isinstance(node, t.Cases):
        for child in node.children():
            yield from guarded(child, guards)
        return
    for case in node.cases:
        yield from guarded(case.when, guards)
        yield from guarded(case.value, (*guards, (case.when, True)))
        guards = (*guards, (case.when, False))
    if node.otherwise is not None:
        yield from guarded(node.otherwise, guards)


def uses(proof: Proof, names: list[str], kind: type[t.Node]) -> list[Use]:
    """Return where expressions of a kind stand, each once."""
    found: dict[int, Use] = {}
    for name in names:
        for node, guards in guarded_nodes(proof, name):
            if isinstance(node, kind):
                found.setdefault(id(node), Use(name, node, guards))
    return list(found.values())


def comes_to(encoder: Encoder, guards: Guards) -> Truth:
    """Return that the conditions around an expression are such that it is reckoned."""
    asked = [(encoder.condition(when), wanted) for when, wanted in guards]
    return both(*(found.holds if wanted else found.fails for found, wanted in asked))


def came_to(proof: Proof, guards: Guards, point: Point) -> bool:
    """Tell whether *explain* comes to an expression at a point."""
    return all(expression_at(proof.rulebook, when, point).value is wanted for when, wanted in guards)


def column_title(column: str) -> str:
    """Return what people call a column.

    >>> column_title("grade"), column_title("amount"), column_title("扣分")
    ('等级', '金额', '扣分')
    """
    named = {"grade": "等级", "post": "岗位", "area": "区域", "level": "层级"}
    columns = {each.name: each.zh for kind in CATALOGUE for each in kind.columns}
    return named.get(column) or columns.get(column, column)


def title_of(proof: Proof, node: t.Expr) -> str:
    """Return what people call a key or compared figure."""
    match node:
        case t.MeasureRef(name=name):
            return proof.rulebook.measures[name].title
        case t.LineRef(name=name):
            return proof.book.owner(name).title
        case t.InputRef(name=name):
            return proof.rulebook.inputs[name].title
        case t.SubjectValue(column=column) | t.RowValue(column=column):
            return column_title(column)
        case t.DatePart(part=part):
            return {"year": "年份", "month": "月份", "day": "日子"}.get(part, part)
        case t.InstanceValue(name=name):
            return {"period_days": "当期天数", "spell_days": "在岗天数"}.get(name, name)
        case t.Between(what=what):
            return "相隔的天数" if what == "days" else "相隔的月数"
        case t.Group(how=how):
            return _GROUPS.get(how, how)
        case t.Settled(x=x) | t.Negative(x=x):
            return title_of(proof, x)
        case t.Streak() | t.Times() | t.OverInstances() | t.Previous() | t.Balance() | t.LotFigure():
            return leaf_of(proof.book, node, {}).title
        case _:
            named = t.MeasureRef | t.LineRef | t.Group | t.InputRef
            first = next((p for p in t.walk(node) if isinstance(p, named)), None)
            return title_of(proof, first) if first is not None else "数值"


_GROUPS = {
    "count": "合条件的人数",
    "sum": "大家的合计",
    "average": "大家的平均",
    "rank": "名次",
    "highest": "大家的最高",
    "lowest": "大家的最低",
}
