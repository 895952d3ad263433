"""Cases and conditions: hidden ones, impossible ones, overlaps and holes where cases are written as brackets."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.ask import PROVED, Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.terms import Truth, Yes, both
from guanhu.rulebook.prove.uses import Use, title_of, uses
from guanhu.rulebook.shape import shape
from guanhu.values import units


def unreached_cases(proof: Proof, names: list[str]) -> None:
    """Ask of each case: can it ever be the one? Hidden by those above, or never true by itself."""
    for use in uses(proof, names, t.Cases):
        if isinstance(use.node, t.Cases):
            for at in range(len(use.node.cases)):
                _case(proof, use, use.node, at)


def _case_question(proof: Proof, use: Use, node: t.Cases, at: int, above: tuple[int, ...]) -> Question:
    def holds(copies: list[Encoder]) -> Truth:
        conditions = [copies[0].condition(case.when) for case in node.cases]
        return both(conditions[at].holds, *(conditions[i].fails for i in above))

    def confirm(points: tuple[Point, ...]) -> bool:
        found = expression_at(proof.rulebook, node.cases[at].when, points[0]).value
        others = [expression_at(proof.rulebook, node.cases[i].when, points[0]).value for i in above]
        return found is True and all(v is False for v in others)

    return Question((use.name,), holds, confirm)


def _case(proof: Proof, use: Use, node: t.Cases, at: int) -> None:
    owner = proof.book.owner(use.name)
    which = f"第 {at + 1} 种情形" if len(node.cases) > 1 else "这个条件"
    which_en = f"case {at + 1}" if len(node.cases) > 1 else "the condition"
    zh, en = f"{owner.title}的{which}能不能轮到", f"whether {which_en} of {owner.title} can be reached"
    clause = node.cases[at].clause
    verdict = proof.ask(
        _case_question(proof, use, node, at, tuple(range(at))), "PRV003", (owner.path,), zh, en
    )
    if verdict.state != PROVED:
        return
    alone = (
        proof.ask(_case_question(proof, use, node, at, ()), "PRV004", (owner.path,), zh, en) if at else None
    )
    common = {"severity": DEFECT, "subjects": (owner.path,)}
    if alone is None or alone.state == PROVED:
        if unreached_atom(proof, use.name, node.cases[at].when) is None:
            proof.add(
                Finding(
                    code="PRV004",
                    zh=f"{owner.title}的{which}永远不会成立",
                    en=f"{which_en} of {owner.title} can never hold",
                    clauses=clauses_of(owner.clause, clause),
                    **common,  # type: ignore[arg-type]
                )
            )
        return
    if not shown(alone):
        return
    hiding = [
        i
        for i in range(at)
        if proof.ask(_case_question(proof, use, node, at, (i,)), "PRV003", (owner.path,), zh, en).state
        == PROVED
    ]
    who = f"第 {hiding[0] + 1} 种情形" if hiding else "前面各种情形合起来"
    who_en = f"case {hiding[0] + 1}" if hiding else "the cases above together"
    others = [node.cases[i].clause for i in (hiding or range(at))]
    proof.add(
        Finding(
            code="PRV003",
            zh=f"{owner.title}的{which}永远轮不到: {who}已经包含它",
            en=f"{which_en} of {owner.title} is never reached: {who_en} holds all of it",
            clauses=clauses_of(owner.clause, clause, *others),
            line=use.name,
            points=alone.points,
            **common,  # type: ignore[arg-type]
        )
    )


def unreached_atom(proof: Proof, name: str, root: t.Expr) -> t.Compare | None:
    """Return a comparison with a number inside a condition that nobody can make true, and report it."""
    owner = proof.book.owner(name)
    for node in t.walk(root):
        if not isinstance(node, t.Compare) or not any(
            isinstance(x, t.Const) for x in (node.left, node.right)
        ):
            continue

        def holds(copies: list[Encoder], node: t.Compare = node) -> Truth:
            found = copies[0].encode(node)
            return found.holds if isinstance(found, Yes) else False

        def confirm(points: tuple[Point, ...], node: t.Compare = node) -> bool:
            return expression_at(proof.rulebook, node, points[0]).value is True

        figure, edge = (node.left, node.right) if isinstance(node.right, t.Const) else (node.right, node.left)
        what = title_of(proof, figure)
        number = shown_value(edge.value, figure.unit) if isinstance(edge, t.Const) else ""
        zh, en = (
            f"{owner.title}里{what} {node.op} {number} 够不够得着",
            f"whether {what} {node.op} {number} can be reached",
        )
        verdict = proof.ask(Question((name,), holds, confirm), "PRV005", (owner.path,), zh, en)
        if verdict.state == PROVED:
            proof.add(
                Finding(
                    code="PRV005",
                    severity=DEFECT,
                    subjects=(owner.path,),
                    clauses=clauses_of(owner.clause, _clause_of(proof, figure)),
                    zh=f"{owner.title}: {what} {node.op} {number} 谁也达不到",
                    en=f"{owner.title}: nobody can reach {what} {node.op} {number}",
                )
            )
            return node
    return None


def _clause_of(proof: Proof, node: t.Expr) -> str:
    for part in t.walk(node):
        if isinstance(part, t.MeasureRef):
            return proof.rulebook.measures[part.name].clause
        if isinstance(part, t.LineRef):
            return proof.book.owner(part.name).clause
    return ""


# -- overlaps and holes of cases that are written as brackets --


@dataclass(frozen=True, slots=True)
class Bracket:
    """A condition that is a range of one figure."""

    figure: t.Expr
    cell: t.RangeCell


def bracket_of(condition: t.Expr) -> Bracket | None:
    """Return the range that a condition writes, or None when it is anything else."""
    terms = condition.terms if isinstance(condition, t.And) else (condition,)
    figure: t.Expr | None = None
    low: Fraction | None = None
    high: Fraction | None = None
    low_in = high_in = True
    for term in terms:
        if not isinstance(term, t.Compare):
            return None
        left, right, op = term.left, term.right, term.op
        if isinstance(left, t.Const):
            left, right, op = right, left, _TURNED.get(op, op)
        if not isinstance(right, t.Const) or (figure is not None and shape(figure) != shape(left)):
            return None
        figure, edge = left, right.value
        match op:
            case ">" | ">=" if low is None or edge > low:
                low, low_in = edge, op == ">="
            case "<" | "<=" if high is None or edge < high:
                high, high_in = edge, op == "<="
            case "=":
                low = high = edge
            case _:
                return None
    if figure is None or figure.unit not in units.SCALARS:
        return None
    return Bracket(figure, t.RangeCell(low, low_in, high, high_in, ""))


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def bracket_cases(proof: Proof, names: list[str]) -> None:
    """Look at cases that are written as brackets of one figure: overlaps and holes between them. Exact, by the ends."""
    for use in uses(proof, names, t.Cases):
        node = use.node
        if not isinstance(node, t.Cases):
            continue
        found = [(at, b) for at, c in enumerate(node.cases) if (b := bracket_of(c.when)) is not None]
        for group in {repr(shape(b.figure)) for _, b in found}:
            same = [(at, b) for at, b in found if repr(shape(b.figure)) == group]
            if len(same) > 1:
                proof.counted()
                for (i, one), (j, other) in product(same, same):
                    if i < j:
                        _overlap(proof, use, node, (i, one), (j, other))
                if len(same) == len(node.cases):
                    _case_hole(proof, use, node, [b for _, b in same])


def _points_of(cell: t.RangeCell) -> list[Fraction]:
    found = [e for e in (cell.low, cell.high) if e is not None]
    if cell.low is not None and cell.high is not None:
        found.append((cell.low + cell.high) / 2)
    return [*found, *(e - 1 for e in found[:1]), *(e + 1 for e in found[-1:])]


def _overlap(
    proof: Proof, use: Use, node: t.Cases, upper: tuple[int, Bracket], lower: tuple[int, Bracket]
) -> None:
    one, other = upper[1].cell, lower[1].cell
    tried = [*_points_of(one), *_points_of(other)]
    shared = [v for v in tried if one.holds(v) and other.holds(v)]
    if not shared or _inside(one, other) or _inside(other, one):
        return

    def holds(copies: list[Encoder]) -> Truth:
        first, second = (copies[0].condition(node.cases[i].when) for i in (upper[0], lower[0]))
        return both(
            first.holds, second.holds, *(copies[0].condition(c.when).fails for c in node.cases[: upper[0]])
        )

    def confirm(points: tuple[Point, ...]) -> bool:
        cases = [node.cases[i] for i in (upper[0], lower[0])]
        conditions = [expression_at(proof.rulebook, c.when, points[0]).value for c in cases]
        return conditions == [True, True]

    owner = proof.book.owner(use.name)
    zh, en = f"{owner.title}的两种情形会不会重叠", f"whether two cases of {owner.title} overlap"
    verdict = proof.ask(Question((use.name,), holds, confirm), "PRV002", (owner.path,), zh, en)
    if not shown(verdict):
        return
    point = verdict.points[0]
    given = [expression_at(proof.rulebook, node.cases[i].value, point).value for i in (upper[0], lower[0])]
    if given[0] == given[1]:
        return
    value = expression_at(proof.rulebook, upper[1].figure, point).value
    what, said = title_of(proof, upper[1].figure), shown_value(value, upper[1].figure.unit)
    a, b = (shown_value(v, node.unit) for v in given)
    proof.add(
        Finding(
            code="PRV002",
            severity=DEFECT,
            subjects=(owner.path,),
            clauses=clauses_of(owner.clause, node.cases[upper[0]].clause, node.cases[lower[0]].clause),
            zh=f"{owner.title}: {what} {said} 同时属于第 {upper[0] + 1} 和第 {lower[0] + 1} 种情形, 一个得 {a}, 一个得 {b}",
            en=f"{owner.title}: {what} {said} belongs to case {upper[0] + 1} and to case {lower[0] + 1}; one gives {a}, the other {b}",
            line=use.name,
            points=(point,),
        )
    )


def _inside(one: t.RangeCell, other: t.RangeCell) -> bool:
    """Tell whether a range lies in another."""
    low = other.low is None or (
        one.low is not None
        and (one.low > other.low or (one.low == other.low and (other.low_in or not one.low_in)))
    )
    high = other.high is None or (
        one.high is not None
        and (one.high < other.high or (one.high == other.high and (other.high_in or not one.high_in)))
    )
    return low and high


def _case_hole(proof: Proof, use: Use, node: t.Cases, found: list[Bracket]) -> None:
    """Ask whether a figure can fall between two brackets of the cases, and so to `otherwise`."""
    cells = [b.cell for b in found]
    edges = sorted({e for c in cells for e in (c.low, c.high) if e is not None})
    tried = sorted([*edges, *((a + b) / 2 for a, b in pairwise(edges))])
    holes = [v for v in tried if not any(c.holds(v) for c in cells)]
    owner = proof.book.owner(use.name)
    for hole in holes[:1]:
        low = max((c.high for c in cells if c.high is not None and c.high <= hole), default=None)
        high = min((c.low for c in cells if c.low is not None and c.low >= hole), default=None)

        def holds(copies: list[Encoder], low: Fraction | None = low, high: Fraction | None = high) -> Truth:
            one = copies[0]
            inside = one.row_holds((t.RangeCell(low, True, high, True, ""),), [one.number(found[0].figure)])
            return both(inside.holds, *(one.condition(c.when).fails for c in node.cases))

        def confirm(points: tuple[Point, ...]) -> bool:
            return all(expression_at(proof.rulebook, c.when, points[0]).value is False for c in node.cases)

        zh, en = f"{owner.title}的各种情形之间有没有空缺", f"whether the cases of {owner.title} leave a gap"
        verdict = proof.ask(Question((use.name,), holds, confirm), "PRV001", (owner.path,), zh, en)
        if not shown(verdict):
            continue
        value = expression_at(proof.rulebook, found[0].figure, verdict.points[0]).value
        what, said = title_of(proof, found[0].figure), shown_value(value, found[0].figure.unit)
        result = shown_value(expression_at(proof.rulebook, node, verdict.points[0]).value, node.unit)
        proof.add(
            Finding(
                code="PRV001",
                severity=DEFECT,
                subjects=(owner.path,),
                clauses=clauses_of(owner.clause, *(c.clause for c in node.cases)),
                zh=f"{owner.title}: {what} {said} 落在两种情形之间, 只能按“其余”得 {result}",
                en=f"{owner.title}: {what} {said} falls between two cases and is left to otherwise, which gives {result}",
                line=use.name,
                points=verdict.points,
            )
        )
