"""Cases, and parts of a sum, that are written as brackets: overlaps of them and holes between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.tables import covers, meet
from guanhu.rulebook.prove.ask import Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.terms import Truth, both
from guanhu.rulebook.prove.uses import Use, came_to, comes_to, title_of, uses
from guanhu.rulebook.shape import shape
from guanhu.values import units
from guanhu.values.units import Unit


@dataclass(frozen=True, slots=True)
class Bracket:
    """A condition that is a range of one figure."""

    figure: t.Expr
    cell: t.RangeCell


def bracket_of(condition: t.Expr) -> Bracket | None:
    """Return the range that a condition writes, or None when it is anything else."""
    return _bracket(condition.terms if isinstance(condition, t.And) else (condition,))


def box_of(condition: t.Expr) -> tuple[Bracket, ...]:
    """Return the ranges of several figures that a condition writes, by figure; nothing when it is anything else."""
    terms = condition.terms if isinstance(condition, t.And) else (condition,)
    sides: dict[str, list[t.Expr]] = {}
    for term in terms:
        if not isinstance(term, t.Compare):
            return ()
        figure = term.right if isinstance(term.left, t.Const) else term.left
        sides.setdefault(repr(shape(figure)), []).append(term)
    found = [_bracket(sides[key]) for key in sorted(sides)]
    return tuple(b for b in found if b is not None) if None not in found else ()


def _bracket(terms: Sequence[t.Expr]) -> Bracket | None:
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


@dataclass(frozen=True, slots=True)
class Part:
    """A condition with what it gives: a case, or a part of a sum that is paid on a condition. `which` tells its place."""

    condition: t.Expr
    value: t.Expr
    which: int
    clause: str
    box: tuple[Bracket, ...]


def bracket_cases(proof: Proof, names: list[str]) -> None:
    """Look at cases that are written as brackets: overlaps and holes between them."""
    for use in uses(proof, names, t.Cases):
        node = use.node
        # Of a choice among lines the numbers are places, and say nothing of what is more.
        if not isinstance(node, t.Cases) or use.name in proof.untried:
            continue
        parts = [
            Part(c.when, c.value, at + 1, c.clause, box)
            for at, c in enumerate(node.cases)
            if (box := box_of(c.when))
        ]
        above = [c.when for c in node.cases]
        _overlaps(proof, use, parts, above, node.unit, of_sum=False)
        same = [b for c in node.cases if (b := bracket_of(c.when)) is not None]
        figures = {repr(shape(b.figure)) for b in same}
        if len(same) > 1 and len(same) == len(node.cases) and len(figures) == 1:
            _case_hole(proof, use, node, same)
    for name in names:
        for use, terms in _sums(proof, name):
            parts = [part for at, term in enumerate(terms) if (part := _paid_on(term, at + 1)) is not None]
            _overlaps(proof, use, parts, [], use.node.unit, of_sum=True)


def _sums(proof: Proof, name: str) -> Iterator[tuple[Use, list[t.Expr]]]:
    """Yield the sums of a line, and a total as the sum of what its lines are."""
    for use in uses(proof, [name], t.Sum):
        if isinstance(use.node, t.Sum):
            lines = proof.rulebook.lines
            yield (
                use,
                [
                    lines[x.name].value if isinstance(x, t.LineRef) and x.name in lines else x
                    for x in use.node.terms
                ],
            )


def _paid_on(term: t.Expr, which: int) -> Part | None:
    """Return a part of a sum that is paid in one bracket and is nothing outside it; None when it is anything else."""
    if not isinstance(term, t.Cases) or len(term.cases) != 1:
        return None
    case, rest = term.cases[0], term.otherwise
    box = box_of(case.when)
    if not box or not isinstance(rest, t.Const) or rest.value != 0:
        return None
    return Part(case.when, case.value, which, case.clause, box)


def _overlaps(
    proof: Proof, use: Use, parts: list[Part], above: list[t.Expr], unit: Unit, *, of_sum: bool
) -> None:
    asked = False
    for one, other in combinations(parts, 2):
        figures = [[repr(shape(b.figure)) for b in part.box] for part in (one, other)]
        if figures[0] != figures[1]:
            continue
        if not asked:
            proof.counted()
            asked = True
        if _suspicious(one.box, other.box, of_sum=of_sum):
            _overlap(proof, use, (one, other), above, unit, of_sum=of_sum)


def _suspicious(one: tuple[Bracket, ...], other: tuple[Bracket, ...], *, of_sum: bool) -> bool:
    """Tell whether two boxes overlap as neighbours do that were meant to part: neither holds the other.

    Of several figures each has to be bounded from below in one and from above in the other; parts of a sum have to be
    bounded on one side each, or they are meant to add up.
    """
    pairs = [(a.cell, b.cell) for a, b in zip(one, other, strict=True)]
    if not all(meet(a, b) for a, b in pairs):
        return False
    if all(covers(b, a) for a, b in pairs) or all(covers(a, b) for a, b in pairs):
        return False
    return (len(pairs) == 1 and not of_sum) or all(_opposed(a, b) for a, b in pairs)


def _opposed(one: t.RangeCell, other: t.RangeCell) -> bool:
    """Tell whether one range goes on below where the other begins, and ends in it."""
    low, high = (
        (one, other) if (other.low is not None and (one.low is None or one.low < other.low)) else (other, one)
    )
    return low.high is not None and high.low is not None and (high.high is None or high.high > low.high)


def _overlap(
    proof: Proof, use: Use, parts: tuple[Part, Part], above: list[t.Expr], unit: Unit, *, of_sum: bool
) -> None:
    one, other = parts
    before = above[: one.which - 1]

    def holds(copies: list[Encoder]) -> Truth:
        first, second = (copies[0].condition(part.condition) for part in parts)
        earlier = [copies[0].condition(c).fails for c in before]
        return both(comes_to(copies[0], use.guards), first.holds, second.holds, *earlier)

    def confirm(points: tuple[Point, ...]) -> bool:
        conditions = [expression_at(proof.rulebook, part.condition, points[0]).value for part in parts]
        return conditions == [True, True] and came_to(proof, use.guards, points[0])

    owner = proof.book.owner(use.name)
    kind, kind_en = ("部分", "part") if of_sum else ("种情形", "case")
    zh, en = f"{owner.title}的两{kind}会不会重叠", f"whether two {kind_en}s of {owner.title} overlap"
    verdict = proof.ask(Question((use.name,), holds, confirm), "PRV002", (owner.path,), zh, en)
    if not shown(verdict):
        return
    point = verdict.points[0]
    given = [expression_at(proof.rulebook, part.value, point).value for part in parts]
    if given[0] == given[1] and not of_sum:
        return
    values = [(b.figure, expression_at(proof.rulebook, b.figure, point).value) for b in one.box]
    figures = [f"{title_of(proof, figure)} {shown_value(value, figure.unit)}" for figure, value in values]
    said, said_en = "、".join(figures), " and ".join(figures)
    a, b = (shown_value(v, unit) for v in given)
    how, how_en = ("两份都算, 一份", "both are counted, one") if of_sum else ("一个", "one")
    again = "一份" if of_sum else "一个"
    proof.add(
        Finding(
            code="PRV002",
            severity=DEFECT,
            subjects=(owner.path,),
            clauses=clauses_of(owner.clause, one.clause, other.clause),
            zh=f"{owner.title}: {said} 同时属于第 {one.which} 和第 {other.which} {kind}, {how}得 {a}, {again}得 {b}",
            en=f"{owner.title}: {said_en} belongs to {kind_en} {one.which} and to {kind_en} {other.which}; {how_en} gives {a}, the other {b}",
            line=use.name,
            points=(point,),
        )
    )


def _is_in_the_middle(
    proof: Proof, node: t.Cases, cells: list[t.RangeCell], hole: Fraction, point: Point
) -> bool:
    """Tell whether `otherwise` gives what lies between what the cases on both sides give: the middle bracket is meant."""
    if node.otherwise is None or isinstance(
        hole_value := expression_at(proof.rulebook, node, point).value, bool
    ):
        return False
    below = max((c for c in cells if c.high is not None and c.high <= hole), key=lambda c: c.high or 0)
    above = min((c for c in cells if c.low is not None and c.low >= hole), key=lambda c: c.low or 0)
    sides = [node.cases[cells.index(c)].value for c in (below, above)]
    values = [expression_at(proof.rulebook, x, point).value for x in (sides[0], sides[1])]
    numbers = [v for v in (values[0], hole_value, values[1]) if isinstance(v, Fraction)]
    return (
        len(numbers) == 3
        and (numbers == sorted(numbers) or numbers[::-1] == sorted(numbers))
        and numbers[0] != numbers[2]
    )


def _case_hole(proof: Proof, use: Use, node: t.Cases, found: list[Bracket]) -> None:
    """Ask whether a figure can fall between two brackets of the cases, and so to `otherwise`."""
    cells = [b.cell for b in found]
    edges = sorted({e for c in cells for e in (c.low, c.high) if e is not None})
    tried = sorted([*edges, *((a + b) / 2 for a, b in pairwise(edges))])
    holes = [v for v in tried if not any(c.holds(v) for c in cells)]
    owner = proof.book.owner(use.name)
    for hole in holes:
        low = max((c.high for c in cells if c.high is not None and c.high <= hole), default=None)
        high = min((c.low for c in cells if c.low is not None and c.low >= hole), default=None)
        if low is None or high is None:
            continue

        def holds(copies: list[Encoder], low: Fraction | None = low, high: Fraction | None = high) -> Truth:
            one = copies[0]
            inside = one.row_holds((t.RangeCell(low, True, high, True, ""),), [one.number(found[0].figure)])
            return both(inside.holds, *(one.condition(c.when).fails for c in node.cases))

        def confirm(points: tuple[Point, ...]) -> bool:
            return all(expression_at(proof.rulebook, c.when, points[0]).value is False for c in node.cases)

        zh, en = f"{owner.title}的各种情形之间有没有空缺", f"whether the cases of {owner.title} leave a gap"
        verdict = proof.ask(Question((use.name,), holds, confirm), "PRV001", (owner.path,), zh, en)
        if not shown(verdict) or _is_in_the_middle(proof, node, cells, hole, verdict.points[0]):
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
