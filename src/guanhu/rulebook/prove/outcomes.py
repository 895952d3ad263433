"""Decisions that set one state, side by side: of a month and of the year that it ends, and marks that leave a hole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from itertools import pairwise

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Value
from guanhu.rulebook.prove.ask import Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.leaves import LEAVES, key_of, leaf_of, period_for
from guanhu.rulebook.prove.overlaps import Bracket, bracket_of
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.slope import ends_of_line
from guanhu.rulebook.prove.terms import Term, Truth, Yes, add, both, compared, mul
from guanhu.rulebook.prove.uses import column_title, title_of
from guanhu.rulebook.shape import shape
from guanhu.values.dates import MONTHS_OF

Also = Callable[[Encoder], Truth]
Whether = Callable[[Point], bool]


# -- a month, and the year that it ends --


def at_year_end(proof: Proof, short: t.Decision, long: t.Decision) -> None:
    """Ask of two decisions of different calendars that set one state: can both hold where their instances end together.

    What the year gathers of a line that the month reads is made of that month too; other figures of the month's own
    days are not asked about: what they are of the year's is not known.
    """
    ends_alike = {short.every, long.every} <= set(MONTHS_OF) and "at once" not in (
        short.in_force,
        long.in_force,
    )
    nodes = [list(proof.book.closure(d.id)) for d in (short, long)]
    if not ends_alike or any(isinstance(n, t.DatePart | t.DateConst) for n in (*nodes[0], *nodes[1])):
        return
    shared = _shared(proof, nodes)
    if shared is None:
        return
    read = {n.name for n in nodes[0] if isinstance(n, t.LineRef)} | {short.id}
    gathered = [n for n in nodes[1] if isinstance(n, t.OverInstances) and n.line in read]
    first = _holding(proof, short, {}, lambda _: True, lambda _: True)
    if first is None:
        return
    values = {n.line: proof.value(n.line, first) for n in gathered}
    same = {k: v for k, v in first.figures.items() if k in shared}

    def made_of(copy: Encoder) -> Truth:
        alike = []
        for node in nodes[1]:
            value = same.get(key_of(node, {})) if isinstance(node, LEAVES) else None
            if isinstance(value, Fraction):
                alike.append(compared("=", copy.number(node).n, value))
        return both(*alike, *(_made_of(proof, n, copy.number(n).n, values[n.line]) for n in gathered))

    def really(point: Point) -> bool:
        found = [(n, expression_at(proof.rulebook, n, point).value) for n in gathered]
        parts = [_made_of(proof, n, v, values[n.line]) for n, v in found if isinstance(v, Fraction)]
        return len(parts) == len(gathered) and all(part is True for part in parts)

    fixed = {k: v for k, v in first.figures.items() if isinstance(v, str | date)}
    second = _holding(proof, long, fixed, made_of, really)
    if second is None or any(second.figures.get(k, v) != v for k, v in {**fixed, **same}.items()):
        return
    told = [
        (
            leaf_of(proof.book, n, {}).title,
            shown_value(expression_at(proof.rulebook, n, second).value, n.unit),
        )
        for n in gathered
    ]
    _tell(proof, (short, long), first, told)


def _shared(proof: Proof, nodes: list[list[t.Expr]]) -> set[str] | None:
    """Return the figures that both read and that are the same on the last day; None where both read others."""
    figures: list[dict[str, t.Expr]] = [
        {key_of(n, {}): n for n in found if isinstance(n, LEAVES) and not isinstance(n, t.SubjectValue)}
        for found in nodes
    ]
    shared = set(figures[0]) & set(figures[1])
    for key in shared:
        node = figures[0][key]
        measure = proof.rulebook.measures.get(node.name) if isinstance(node, t.MeasureRef) else None
        of_day = isinstance(measure, t.FigureMeasure) and measure.window.is_own and not measure.by_days
        if not of_day and not (isinstance(node, t.InputRef) and not node.keys):
            return None
    return shared


def _made_of(proof: Proof, node: t.OverInstances, whole: Term, part: Value) -> Truth:
    """Return that what is gathered over instances can be, where the last of them came to `part`."""
    count = proof.book.instances_in(node)
    if not isinstance(part, bool | Fraction):
        return False
    value = Fraction(part)
    low: Fraction | None = Fraction(0)
    high: Fraction | None = Fraction(1)
    if node.how != "count":
        low, high = ends_of_line(proof.book, node.line, period_for(proof.rulebook.lines[node.line].every))
    match node.how:
        case "last":
            return compared("=", whole, value)
        case "highest":
            return compared(">=", whole, value)
        case "lowest":
            return compared("<=", whole, value)
        case _:
            all_together = mul(whole, Fraction(count)) if node.how == "average" else whole
            rest = add(all_together, -value)
            ends = [(">=", low), ("<=", high)]
            return both(*(compared(op, rest, end * (count - 1)) for op, end in ends if end is not None))


def _holding(
    proof: Proof, decision: t.Decision, fixed: Mapping[str, object], also: Also, really: Whether
) -> Point | None:
    """Return a manager for whom a decision holds, with names and days as `fixed`, and what is also asked of him."""

    def holds(copies: list[Encoder]) -> Truth:
        found = copies[0].line(decision.id)
        return both(found.holds, also(copies[0])) if isinstance(found, Yes) else False

    def confirm(points: tuple[Point, ...]) -> bool:
        return proof.value(decision.id, points[0]) is True and really(points[0])

    keys = {c.key for c in proof.book.choices(decision.id)}
    zh, en = f"{decision.title}在期末会不会成立", f"whether {decision.title} can hold at the end"
    question = Question(
        (decision.id,), holds, confirm, fixed_choices={k: v for k, v in fixed.items() if k in keys}
    )
    verdict = proof.ask(question, "PRV020", (decision.path,), zh, en)
    return verdict.points[0] if shown(verdict) else None


def _tell(
    proof: Proof, decisions: tuple[t.Decision, t.Decision], first: Point, gathered: list[tuple[str, str]]
) -> None:
    short, long = decisions
    said = "、".join(f"{title} {value}" for title, value in gathered)
    so, so_en = (f"({said})", f" (with {said})") if said else ("", "")
    zh = f"{short.title}和{long.title}可以同时成立{so}, 从同一天起都要改“{column_title(short.state)}”: 以哪一项为准没有说"
    en = f"{short.title} and {long.title} can hold together{so_en} and set {short.state} from the same day: which of them counts is not said"
    proof.add(
        Finding(
            code="PRV020",
            severity=DEFECT,
            subjects=(short.path, long.path),
            clauses=clauses_of(short.clause, long.clause),
            zh=zh,
            en=en,
            line=short.id,
            points=(first,),
        )
    )


# -- marks that leave a hole --


def marks(proof: Proof, names: list[str]) -> None:
    """Look at decisions that mark a figure by ranges, each with a word of its own: is there a figure that gets no mark."""
    groups: dict[object, list[tuple[t.Decision, Bracket]]] = {}
    for name in names:
        decision = proof.rulebook.decisions.get(name)
        if decision is None or not decision.state or not isinstance(decision.becomes, t.WordConst):
            continue
        bracket = bracket_of(decision.when)
        key = (decision.group, decision.every, decision.state)
        if bracket is not None:
            groups.setdefault((key, repr(shape(bracket.figure))), []).append((decision, bracket))
    of_state: dict[str, int] = {}
    for found in proof.rulebook.decisions.values():
        of_state[found.state] = of_state.get(found.state, 0) + 1
    for marked in groups.values():
        # One that sets the same state on other grounds may be meant for those in the hole.
        if len(marked) > 1 and of_state[marked[0][0].state] == len(marked):
            proof.counted()
            _hole(proof, marked)


def _hole(proof: Proof, marked: list[tuple[t.Decision, Bracket]]) -> None:
    cells = [b.cell for _, b in marked]
    if all(c.low is not None for c in cells) or all(c.high is not None for c in cells):
        return
    edges = sorted({e for c in cells for e in (c.low, c.high) if e is not None})
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    points = [e for e in edges if not any(c.holds(e) for c in cells)]
    between = [m for m in middles if not any(c.holds(m) for c in cells)]
    # Of two marks one may be for the worst and one for the best only; a single figure between them is never meant.
    holes = [*between, *points] if len(marked) > 2 else [] if between else points
    if not holes:
        return
    hole = holes[0]
    low = max(c.high for c in cells if c.high is not None and c.high <= hole)
    high = min(c.low for c in cells if c.low is not None and c.low >= hole)
    figure = marked[0][1].figure
    decisions = tuple(d for d, _ in marked)

    def holds(copies: list[Encoder]) -> Truth:
        at = copies[0].number(figure)
        found = [copies[0].line(d.id) for d in decisions]
        inside = both(at.k, compared(">=", at.n, mul(low, at.d)), compared("<=", at.n, mul(high, at.d)))
        return both(inside, *(x.fails if isinstance(x, Yes) else False for x in found))

    def confirm(points: tuple[Point, ...]) -> bool:
        return all(proof.value(d.id, points[0]) is False for d in decisions)

    titles = "、".join(d.title for d in decisions)
    zh, en = f"{titles}之间有没有空缺", f"whether {titles} leave a gap"
    question = Question(tuple(d.id for d in decisions), holds, confirm)
    verdict = proof.ask(question, "PRV001", tuple(d.path for d in decisions), zh, en)
    if not shown(verdict):
        return
    value = expression_at(proof.rulebook, figure, verdict.points[0]).value
    what, said = title_of(proof, figure), shown_value(value, figure.unit)
    state = column_title(decisions[0].state)
    proof.add(
        Finding(
            code="PRV001",
            severity=DEFECT,
            subjects=tuple(d.path for d in decisions),
            clauses=clauses_of(*(d.clause for d in decisions)),
            zh=f"{what} {said} 落在{titles}之间, “{state}”没有人定",
            en=f"{what} {said} falls between {titles}: no decision sets {state}",
            line=decisions[0].id,
            points=verdict.points,
        )
    )


__all__ = ["at_year_end", "marks"]
