"""Cases and conditions: hidden ones, impossible ones, overlaps and holes where cases are written as brackets."""

from __future__ import annotations

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.ask import PROVED, Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.terms import Truth, Yes, both
from guanhu.rulebook.prove.uses import Use, came_to, comes_to, title_of, uses
from guanhu.values import units


def for_somebody(proof: Proof, names: list[str]) -> list[str]:
    """Return the lines and decisions that are for somebody; a group to which nobody can belong is told, and no more asked of it."""
    empty: dict[str, list[str]] = {}
    for name in names:
        if not any(proof.asker.kinds.all([name], {})):
            empty.setdefault(proof.book.owner(name).group, []).append(name)
    for group, found in empty.items():
        declared = proof.rulebook.groups[group]
        # Days of one's own are only sampled: somebody may have come on another.
        if any(n.unit == units.DATE for n in t.walk(declared.condition)):
            continue
        proof.counted()
        proof.add(
            Finding(
                code="PRV004",
                severity=DEFECT,
                subjects=(declared.path,),
                clauses=clauses_of(declared.clause),
                zh=f"{declared.title}: 没有人符合这一组的条件, {'、'.join(proof.book.owner(n).title for n in found)}对谁都不算",
                en=f"{declared.title}: nobody fulfils the condition of this group: "
                f"{', '.join(proof.book.owner(n).title for n in found)} is for no one",
            )
        )
    left_out = {name for found in empty.values() for name in found}
    return [name for name in names if name not in left_out]


def unreached_cases(proof: Proof, names: list[str]) -> None:
    """Ask of each case: can it ever be the one? Hidden by those above, or never true by itself."""
    for use in uses(proof, names, t.Cases):
        if isinstance(use.node, t.Cases):
            for at in range(len(use.node.cases)):
                _case(proof, use, use.node, at)


def _case_question(
    proof: Proof, use: Use, node: t.Cases, at: int, above: tuple[int, ...], *, inside: bool = True
) -> Question:
    guards = use.guards if inside else ()

    def holds(copies: list[Encoder]) -> Truth:
        conditions = [copies[0].condition(case.when) for case in node.cases]
        return both(comes_to(copies[0], guards), conditions[at].holds, *(conditions[i].fails for i in above))

    def confirm(points: tuple[Point, ...]) -> bool:
        found = expression_at(proof.rulebook, node.cases[at].when, points[0]).value
        others = [expression_at(proof.rulebook, node.cases[i].when, points[0]).value for i in above]
        return found is True and all(v is False for v in others) and came_to(proof, guards, points[0])

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
    nested = bool(use.guards)
    alone = (
        proof.ask(_case_question(proof, use, node, at, (), inside=False), "PRV004", (owner.path,), zh, en)
        if at or nested
        else None
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
        if not nested
        and proof.ask(_case_question(proof, use, node, at, (i,)), "PRV003", (owner.path,), zh, en).state
        == PROVED
    ]
    who = (
        f"第 {hiding[0] + 1} 种情形"
        if hiding
        else "外层的条件和前面的情形"
        if nested
        else "前面各种情形合起来"
    )
    who_en = (
        f"case {hiding[0] + 1}"
        if hiding
        else "the condition around it, with the cases above,"
        if nested
        else "the cases above together"
    )
    others = [node.cases[i].clause for i in (hiding or range(at))]
    proof.add(
        Finding(
            code="PRV003",
            zh=f"{owner.title}的{which}永远轮不到: {who}{'已经把它排除' if nested else '已经包含它'}",
            en=f"{which_en} of {owner.title} is never reached: {who_en} {'rules it out' if nested else 'holds all of it'}",
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
        if any(isinstance(x, t.DatePart) for x in (node.left, node.right)):
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
