"""Where expressions stand, what they are called, and whether two say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.proof import Proof


@dataclass(frozen=True, slots=True)
class Use:
    """Where a table or cases stand: the line that reads them."""

    name: str
    node: t.Expr


def owners(proof: Proof, wanted: str = "") -> list[str]:
    """Return the lines and decisions to ask about."""
    return [wanted] if wanted else [x.id for x in proof.rulebook.evaluated()]


def own_nodes(proof: Proof, name: str) -> Iterator[t.Expr]:
    """Yield the expressions of a line itself, and of the formula measures and tables that it reads, not of other lines."""
    waiting, seen = list(proof.book.roots(name)), set[str]()
    while waiting:
        for node in t.walk(waiting.pop()):
            yield node
            if isinstance(node, t.MeasureRef) and node.name not in seen:
                seen.add(node.name)
                measure = proof.rulebook.measures[node.name]
                if isinstance(measure, t.FormulaMeasure):
                    waiting.append(measure.expr)


def uses(proof: Proof, names: list[str], kind: type[t.Node]) -> list[Use]:
    """Return where expressions of a kind stand, each once."""
    found: dict[int, Use] = {}
    for name in names:
        for node in own_nodes(proof, name):
            if isinstance(node, kind):
                found.setdefault(id(node), Use(name, node))
    return list(found.values())


def title_of(proof: Proof, node: t.Expr) -> str:
    """Return what people call a key or compared figure."""
    match node:
        case t.MeasureRef(name=name):
            return proof.rulebook.measures[name].title
        case t.LineRef(name=name):
            return proof.book.owner(name).title
        case t.InputRef(name=name):
            return proof.rulebook.inputs[name].title
        case t.SubjectValue(column=column):
            return {"grade": "等级", "post": "岗位", "area": "区域"}.get(column, column)
        case t.Group(how=how):
            return _GROUPS.get(how, how)
        case t.Settled(x=x) | t.Negative(x=x):
            return title_of(proof, x)
        case _:
            first = next((p for p in t.walk(node) if isinstance(p, t.MeasureRef | t.LineRef | t.Group)), None)
            return title_of(proof, first) if first is not None else "数值"


_GROUPS = {
    "count": "合条件的人数",
    "sum": "大家的合计",
    "average": "大家的平均",
    "rank": "名次",
    "highest": "大家的最高",
    "lowest": "大家的最低",
}
