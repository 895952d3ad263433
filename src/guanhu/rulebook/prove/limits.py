"""Caps and floors that never bind, divisions by zero, figures too wide, weights that do not sum, rules that never apply."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.prove.ask import PROVED, Question
from guanhu.rulebook.prove.cases import unreached_atom
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, NOTICE, Finding, clauses_of
from guanhu.rulebook.prove.leaves import LEAVES, key_of, leaf_of, optional_keys
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.terms import Num, Truth, Yes, both, compared, mul, no
from guanhu.rulebook.prove.uses import (
    Guards,
    Use,
    came_to,
    comes_to,
    guarded_nodes,
    own_nodes,
    title_of,
    uses,
)
from guanhu.values import units

WIDTH_BITS = 126
"""A figure wider than this is computed by the evaluator, row by row, or refused by a run (RUN056, RUN021)."""
_LARGEST = {
    units.MONEY: Fraction(10**11),
    units.MONEY_DAY: Fraction(10**13),
    units.MONEY_YEAR: Fraction(10**11),
    units.COUNT: Fraction(10**6),
    units.DAYS: Fraction(10**4),
}


def bounds_of_lines(proof: Proof, names: list[str]) -> None:
    """Ask of each `most` and `least`: does it ever bind, and can the floor lie above the cap."""
    for name in names:
        line = proof.rulebook.lines.get(name)
        if line is None:
            continue
        for node, key in ((line.most, "most"), (line.least, "least")):
            if node is not None:
                _bound(proof, line, node, key)
        if line.least is not None and line.most is not None:
            crossed(proof, line, line.least, line.most)


_HOLDS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}


def _bound(proof: Proof, line: t.Line, node: t.Expr, key: str) -> None:
    op, word, word_en = (">", "封顶", "cap") if key == "most" else ("<", "保底", "floor")
    code = "PRV006" if key == "most" else "PRV007"
    zh, en = f"{line.title}的{word}会不会起作用", f"whether the {word_en} of {line.title} can bind"
    beyond = _beyond(proof, line.id, [line.value], node, op)
    limit = shown_value(node.value, line.unit) if isinstance(node, t.Const) else ""
    if proof.ask(beyond, code, (line.path,), zh, en).state != PROVED:
        _always(proof, line, line.id, [line.value], node, key == "most", limit)
        return
    proof.add(
        Finding(
            code=code,
            severity=_severity(proof, line.id, [line.value], node, op),
            subjects=(line.path,),
            clauses=clauses_of(line.clause),
            zh=f"{line.title}的{word} {limit} 从不起作用: 算出来的数不会{'更高' if key == 'most' else '更低'}",
            en=f"the {word_en} {limit} of {line.title} never binds: no figure comes out {'above' if key == 'most' else 'below'} it",
        )
    )


def _always(
    proof: Proof,
    owner: t.Line | t.Decision,
    name: str,
    values: Sequence[t.Expr],
    limit: t.Expr,
    is_cap: bool,
    said: str,
    guards: Guards = (),
) -> None:
    """Ask of a bound that can bind: does it ever not, so that what is bounded is for something."""
    if not any(isinstance(n, LEAVES) for n in proof.book.reached(values)):
        return
    word, word_en = ("封顶", "cap") if is_cap else ("保底", "floor")
    zh, en = (
        f"{owner.title}会不会不到{word} {said}" if is_cap else f"{owner.title}会不会高过{word} {said}",
        f"whether {owner.title} can come out {'below' if is_cap else 'above'} its {word_en} {said}",
    )
    inside = _beyond(proof, name, values, limit, "<" if is_cap else ">", guards)
    if proof.ask(inside, "PRV004", (owner.path,), zh, en).state != PROVED:
        return
    proof.add(
        Finding(
            code="PRV004",
            severity=DEFECT,
            subjects=(owner.path,),
            clauses=clauses_of(owner.clause),
            zh=f"{owner.title}总是{word} {said}: 算出来的数从不{'低于' if is_cap else '高过'}它, 算式等于没写",
            en=f"{owner.title} is always at its {word_en} {said}: no figure comes out {'below' if is_cap else 'above'} it, so that the formula says nothing",
        )
    )


def _beyond(
    proof: Proof, name: str, values: Sequence[t.Expr], limit: t.Expr, op: str, guards: Guards = ()
) -> Question:
    """Return the question whether all of several figures can lie beyond a limit, where it is reckoned at all."""

    def holds(copies: list[Encoder]) -> Truth:
        edge = copies[0].number(limit)
        numbers = [copies[0].number(x) for x in values]
        past = [both(x.k, compared(op, mul(x.n, edge.d), mul(edge.n, x.d))) for x in numbers]
        return both(comes_to(copies[0], guards), edge.k, *past)

    def confirm(points: tuple[Point, ...]) -> bool:
        edge = expression_at(proof.rulebook, limit, points[0]).value
        found = [expression_at(proof.rulebook, x, points[0]).value for x in values]
        return (
            came_to(proof, guards, points[0])
            and isinstance(edge, Fraction)
            and all(isinstance(v, Fraction) and _HOLDS[op](v, edge) for v in found)
        )

    return Question((name,), holds, confirm)


def _severity(
    proof: Proof, name: str, values: Sequence[t.Expr], limit: t.Expr, op: str, guards: Guards = ()
) -> str:
    """Return notice for a bound that is a precaution: a floor of 0, or one that is just reached."""
    if op == "<" and isinstance(limit, t.Const) and limit.value == 0:
        return NOTICE
    reached = proof.asker.ask(_beyond(proof, name, values, limit, f"{op}=", guards))
    return NOTICE if shown(reached) else DEFECT


def crossed(proof: Proof, line: t.Line, least: t.Expr, most: t.Expr) -> None:
    """Ask of two bounds of a line: can the floor lie above the cap."""

    def holds(copies: list[Encoder]) -> Truth:
        low, high = copies[0].number(least), copies[0].number(most)
        return both(low.k, high.k, compared(">", mul(low.n, high.d), mul(high.n, low.d)))

    def confirm(points: tuple[Point, ...]) -> bool:
        low, high = (expression_at(proof.rulebook, x, points[0]).value for x in (least, most))
        return isinstance(low, Fraction) and isinstance(high, Fraction) and low > high

    zh, en = f"{line.title}的保底会不会高过封顶", f"whether the floor of {line.title} can lie above its cap"
    verdict = proof.ask(Question((line.id,), holds, confirm), "PRV008", (line.path,), zh, en)
    if shown(verdict):
        low, high = (expression_at(proof.rulebook, x, verdict.points[0]).value for x in (least, most))
        a, b = shown_value(low, line.unit), shown_value(high, line.unit)
        proof.add(
            Finding(
                code="PRV008",
                severity=DEFECT,
                subjects=(line.path,),
                clauses=clauses_of(line.clause),
                zh=f"{line.title}的保底 {a} 高过封顶 {b}",
                en=f"the floor {a} of {line.title} lies above its cap {b}",
                line=line.id,
                points=verdict.points,
            )
        )


def bounds_in_formulas(proof: Proof, names: list[str]) -> None:
    """Ask of each number in a `min` or `max`: does it ever decide."""
    for use in [*uses(proof, names, t.Least), *uses(proof, names, t.Most)]:
        node = use.node
        if not isinstance(node, t.Least | t.Most):
            continue
        others = [x for x in node.terms if not isinstance(x, t.Const)]
        for edge in (x for x in node.terms if isinstance(x, t.Const)):
            if others:
                _edge(proof, use, node, edge, others)


def _edge(proof: Proof, use: Use, node: t.Least | t.Most, edge: t.Const, others: Sequence[t.Expr]) -> None:
    name = use.name
    is_cap = isinstance(node, t.Least)
    op = ">" if is_cap else "<"
    owner = proof.book.owner(name)
    code, word, word_en = ("PRV006", "封顶", "cap") if is_cap else ("PRV007", "保底", "floor")
    limit = shown_value(edge.value, others[0].unit)
    zh, en = (
        f"{owner.title}里的{word} {limit} 会不会起作用",
        f"whether the {word_en} {limit} in {owner.title} can bind",
    )
    beyond = _beyond(proof, name, others, edge, op, use.guards)
    state = proof.ask(beyond, code, (owner.path,), zh, en).state
    if state != PROVED and len(others) == 1:
        _always(proof, owner, name, others, edge, is_cap, limit, use.guards)
    if state == PROVED:
        proof.add(
            Finding(
                code=code,
                severity=_severity(proof, name, others, edge, op, use.guards),
                subjects=(owner.path,),
                clauses=clauses_of(owner.clause),
                zh=f"{owner.title}里的{word} {limit} 从不起作用",
                en=f"the {word_en} {limit} in {owner.title} never binds",
            )
        )


def conditions(proof: Proof, names: list[str]) -> None:
    """Ask of each check, decision and comparison with a number: can it ever hold."""
    for name in names:
        owner = proof.book.owner(name)
        root = owner.when if isinstance(owner, t.Decision) else owner.value
        if root.unit != units.YES_NO:
            for use in [n for n in own_nodes(proof, name) if isinstance(n, t.Cases)]:
                for case in use.cases:
                    unreached_atom(proof, name, case.when)
            continue

        def holds(copies: list[Encoder], name: str = name) -> Truth:
            found = copies[0].line(name)
            return found.holds if isinstance(found, Yes) else False

        def confirm(points: tuple[Point, ...], name: str = name) -> bool:
            return proof.value(name, points[0]) is True

        zh, en = f"{owner.title}会不会成立", f"whether {owner.title} can hold"
        verdict = proof.ask(Question((name,), holds, confirm), "PRV004", (owner.path,), zh, en)
        if unreached_atom(proof, name, root) is None and verdict.state == PROVED:
            proof.add(
                Finding(
                    code="PRV004",
                    severity=DEFECT,
                    subjects=(owner.path,),
                    clauses=clauses_of(owner.clause),
                    zh=f"{owner.title}的条件永远不会成立",
                    en=f"the condition of {owner.title} can never hold",
                )
            )


# -- divisions --


def divisions(proof: Proof, names: list[str]) -> None:
    """Ask of each division without a value for it: can its divisor be zero, so that the line is unknown."""
    done: set[int] = set()
    for name in names:
        for node, guards in guarded_nodes(proof, name):
            if isinstance(node, t.Quotient) and node.undefined is None and id(node) not in done:
                done.add(id(node))
                _division(proof, name, node, guards)


def _division(proof: Proof, name: str, node: t.Quotient, guards: Guards) -> None:
    owner = proof.book.owner(name)

    def zero(copies: list[Encoder]) -> Truth:
        above, below = copies[0].number(node.dividend), copies[0].number(node.divisor)
        bad = compared("<=" if node.positive else "=", below.n, Fraction(0))
        return both(comes_to(copies[0], guards), above.k, below.k, bad)

    def holds(copies: list[Encoder]) -> Truth:
        line = copies[0].line(name)
        return both(zero(copies), no(line.k) if isinstance(line, Num | Yes) else False)

    def confirm(points: tuple[Point, ...]) -> bool:
        found = expression_at(proof.rulebook, node, points[0]).value
        value = proof.value(name, points[0])
        unknown = isinstance(found, Unknown) and isinstance(value, Unknown)
        return unknown and came_to(proof, guards, points[0])

    divisor = title_of(proof, node.divisor)
    zh, en = (
        f"{owner.title}的除数{divisor}会不会为零",
        f"whether the divisor {divisor} of {owner.title} can be zero",
    )
    whole = frozenset(n.name for n in t.walk(node) if isinstance(n, t.MeasureRef))
    inside = _measure_of(proof, node)
    # What it divides by is what has to become zero: it is not fixed to make the question linear.
    keys = {key_of(n, {}) for n in proof.book.reached([node.divisor]) if isinstance(n, LEAVES)}
    question = Question(
        (name,), holds, confirm, varied=frozenset(keys), whole=whole | ({inside.id} if inside else set())
    )
    subjects = (owner.path, *((inside.path,) if inside else ()))
    # Whether the divisor can be zero at all is the simpler question, and mostly says it.
    verdict = proof.asker.ask(replace(question, holds=zero), proof.limits.seconds / 4)
    # Who is shown has all figures then; of those that need not be given the whole line has to say which are.
    whole_line = optional_keys(proof.book, proof.book.closure(name), {})
    # A line that is unknown only for what the question left out is none that the divisor makes so.
    whole_points = tuple(proof.asker.completed(point, (name,)) for point in verdict.points)
    if verdict.state == PROVED or (shown(verdict) and not whole_line and confirm(whole_points)):
        proof.counted()
    else:
        verdict = proof.ask(question, "PRV022", subjects, zh, en)
    if shown(verdict):
        point = verdict.points[0]
        value = expression_at(proof.rulebook, node.divisor, point).value
        said = shown_value(value, node.divisor.unit)
        when, when_en = (
            f"{divisor}为 {said} 时除不了",
            f"with {divisor} at {said} there is nothing to divide by",
        )
        if not isinstance(node.divisor, (*LEAVES, t.LineRef)):
            parts = _parts_of(proof, node.divisor, point)
            when = f"{parts} 时除数为{'零' if value == 0 else ' ' + said}"
            when_en = f"with {parts} the divisor is {'zero' if value == 0 else said}"
        proof.add(
            Finding(
                code="PRV022",
                severity=DEFECT,
                subjects=subjects,
                clauses=clauses_of(owner.clause, inside.clause if inside else ""),
                zh=f"{when}, {owner.title}没有结果; 可写 undefined 或另写一种情形",
                en=f"{when_en}, and {owner.title} is unknown; write undefined, or a case",
                line=name,
                points=verdict.points,
            )
        )


def _parts_of(proof: Proof, node: t.Expr, point: Point) -> str:
    """Return the figures of an expression with their values: 不良率 100%、出勤天数 0 天."""
    found: dict[str, str] = {}
    for part in t.walk(node):
        is_name = units.is_choice(part.unit) and isinstance(part, t.SubjectValue | t.State)
        figures = (*LEAVES, t.LineRef, t.InstanceValue, t.Between)
        if is_name or (isinstance(part, figures) and part.unit in units.SCALARS):
            value = expression_at(proof.rulebook, part, point).value
            found.setdefault(title_of(proof, part), shown_value(value, part.unit))
    return "、".join(f"{title} {value}" for title, value in found.items())


def _measure_of(proof: Proof, node: t.Expr) -> t.FormulaMeasure | None:
    for measure in proof.rulebook.measures.values():
        if isinstance(measure, t.FormulaMeasure) and any(part is node for part in t.walk(measure.expr)):
            return measure
    return None


# -- width --


def widths(proof: Proof, names: list[str]) -> None:
    """Bound the width of every product: what is wider than the engine carries is computed row by row. Exact, by the ranges."""
    done: set[str] = set()
    for name in names:
        line = proof.rulebook.lines.get(name)
        if line is None:
            continue
        proof.counted()
        for node in own_nodes(proof, name):
            scale, size = _width(proof, node, 0)
            bits = int(scale * size).bit_length() + 1
            if isinstance(node, t.Product) and bits > WIDTH_BITS and name not in done:
                done.add(name)
                proof.add(
                    Finding(
                        code="PRV023",
                        severity=DEFECT,
                        subjects=(line.path,),
                        clauses=clauses_of(line.clause),
                        zh=f"{line.title}中间的数可能要 {bits} 位, 批量计算最多 {WIDTH_BITS} 位, 更宽的要逐行算; 最好先把一部分 round",
                        en=f"a figure inside {line.title} can need {bits} bits; an engine carries {WIDTH_BITS}, wider ones are computed row by row: better round a part first",
                    )
                )


def _width(proof: Proof, node: t.Expr, depth: int) -> tuple[int, Fraction]:
    """Return a scale at which an expression is whole, and a bound of its size."""
    deeper = [(_width(proof, child, depth + 1)) for child in node.children()] if depth < 40 else []
    match node:
        case t.Const(value=value):
            return value.denominator, max(abs(value), Fraction(1))
        case t.Settled(places=places) | t.Round(places=places):
            return 10**places, deeper[0][1] if deeper else Fraction(10**6)
        case t.Product():
            return deeper[0][0] * deeper[1][0], deeper[0][1] * deeper[1][1]
        case t.Quotient():
            return 1, Fraction(10**6)
        case t.MeasureRef() | t.InputRef() | t.OverInstances() | t.Previous() | t.Balance() | t.LotFigure():
            if units.is_choice(node.unit) or node.unit in (units.YES_NO, units.DATE):
                return 1, Fraction(1)
            leaf = leaf_of(proof.book, node, {})
            ends = [abs(x) for x in (leaf.low, leaf.high) if x is not None]
            size = max(ends) if leaf.high is not None else _LARGEST.get(node.unit, Fraction(10**3))
            return (1 / leaf.step).numerator, max(size, Fraction(1))
        case t.LineRef(name=name):
            owner = proof.book.owner(name)
            unit = owner.unit if isinstance(owner, t.Line) else units.YES_NO
            return 100 if unit == units.MONEY else 10**12, _LARGEST.get(unit, Fraction(10**3))
        case t.Steps(size=size):
            return 1, (deeper[0][1] if deeper else Fraction(1)) / size
        case t.Sum():
            return lcm(*(d[0] for d in deeper)), sum((d[1] for d in deeper), Fraction(0))
        case t.Lookup(table=name):
            gives = [
                _width(proof, g, depth + 1)
                for v in proof.rulebook.tables[name].versions
                for r in v.rows
                for g in r.gives
            ]
            return lcm(*(g[0] for g in gives)) if gives else 1, max(
                (g[1] for g in gives), default=Fraction(1)
            )
        case _:
            if not deeper:
                return 1, Fraction(10**3)
            return lcm(*(d[0] for d in deeper)), max(d[1] for d in deeper)
