"""Formulas that stand in no line: what ledgers of lots ask, and between what an input may lie.

They are read as lines of their own, called `LEDGER.when` or `INPUT.allowed`, so that whatever is asked of a line is asked
of them. Nobody can try such a line: a manager that shows something of it is told without the command.

Lots that are rated again are more: the tier really reached is a choice among lines of the same rows. More work may
lead to a line of which a row is worth less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.ask import Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.limits import crossed
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.row_work import rows_of, said_of_row
from guanhu.rulebook.prove.terms import Num, Truth, both, compared, mul
from guanhu.rulebook.prove.work import Work, improves, work_of
from guanhu.values import units

_ASKS = {"when": "的支付条件", "claws": "的扣回额", "amount": "的到期额", "at": "的重新定档"}


def with_asides(rulebook: t.Rulebook) -> t.Rulebook:
    """Return a rulebook with a line for each formula that stands in none."""
    more = {line.id: line for line in (*_of_ledgers(rulebook), *_of_inputs(rulebook))}
    return replace(rulebook, lines={**rulebook.lines, **more}) if more else rulebook


def _of_ledgers(rulebook: t.Rulebook) -> Iterator[t.Line]:
    for ledger in rulebook.lots.values():
        chosen = ledger.rerates.chosen if ledger.rerates is not None else None
        found = {"when": ledger.when, "claws": ledger.claws, "amount": ledger.amount, "at": chosen}
        for what, node in found.items():
            if node is not None and not isinstance(node, t.Const | t.YesNoConst):
                title = f"{ledger.title}{_ASKS[what]}"
                yield _line(f"{ledger.id}.{what}", title, ledger, ledger.group, ledger.every, node)


def _of_inputs(rulebook: t.Rulebook) -> Iterator[t.Line]:
    group = next(iter(rulebook.groups), "")
    for declared in rulebook.inputs.values():
        ends = _ends(declared)
        if ends is not None and group:
            value = t.Sum(unit=declared.unit, place=declared.place, terms=ends)
            title = f"{declared.title}可给的范围"
            yield _line(f"{declared.id}.allowed", title, declared, group, rulebook.every, value)


def _ends(declared: t.Input) -> tuple[t.Expr, t.Expr] | None:
    """Return both ends of what an input may be, where one of them is a formula and there are two."""
    found: list[t.Expr] = []
    for formula, number in ((declared.least, declared.low), (declared.most, declared.high)):
        if formula is not None:
            found.append(formula)
        elif number is not None:
            found.append(t.Const(unit=declared.unit, place=declared.place, value=number, text=""))
    formulas = declared.least is not None or declared.most is not None
    return (found[0], found[1]) if formulas and len(found) == 2 else None


def _line(name: str, title: str, about: t.Declaration, group: str, every: str, node: t.Expr) -> t.Line:
    return t.Line(
        id=name,
        title=title,
        clause=about.clause,
        place=about.place,
        path=about.path,
        accepts=about.accepts,
        role="check" if node.unit == units.YES_NO else "value",
        group=group,
        every=every,
        unit=node.unit,
        value=node,
    )


def allowed_ends(proof: Proof) -> None:
    """Ask of each input with formulas for its ends: can the lower lie above the upper, so that nothing is allowed."""
    for declared in proof.rulebook.inputs.values():
        ends = _ends(declared)
        line = proof.rulebook.lines.get(f"{declared.id}.allowed")
        if ends is not None and line is not None:
            crossed(proof, line, *ends)


# -- rated again --


@dataclass(frozen=True, slots=True)
class Tier:
    """What lots are rated by: a line that is a measure of rows, times a number."""

    place: int
    line: t.Line
    measure: t.Measure
    times: Fraction


def rated_again(proof: Proof) -> None:
    """Ask of lots that are rated again by rows: can a better figure lead to a tier at which a row is worth less."""
    for ledger in proof.rulebook.lots.values():
        line = proof.rulebook.lines.get(f"{ledger.id}.at")
        if line is None or ledger.rerates is None or not ledger.rows:
            continue
        tiers = [
            x for at, name in enumerate(ledger.rerates.lines) if (x := _tier(proof, at, name)) is not None
        ]
        less = {
            (a.place, b.place): row for a, b in permutations(tiers, 2) if (row := _worth_less(proof, a, b))
        }
        for work in work_of(proof, line.id):
            _rated(proof, ledger, line, work, tiers, less)


def _tier(proof: Proof, place: int, name: str) -> Tier | None:
    line = proof.rulebook.lines[name]
    factors, waiting = Fraction(1), [line.value]
    measures: list[t.Measure] = []
    while waiting:
        match waiting.pop():
            case t.Product(left=left, right=right):
                waiting += [left, right]
            case t.Settled(x=x):
                waiting.append(x)
            case t.Const(value=value):
                factors *= value
            case t.MeasureRef(name=read) if isinstance(found := proof.rulebook.measures[read], t.Measure):
                measures.append(found)
            case _:
                return None
    bounded = line.least is not None or line.most is not None
    is_one = len(measures) == 1 and not bounded and measures[0].each is not None and factors > 0
    return Tier(place, line, measures[0], factors) if is_one else None


def _worth_less(proof: Proof, one: Tier, other: Tier) -> Point | None:
    """Return a row that is worth less at another tier; None when there is none, or none is found."""
    rows = rows_of(proof, one.measure)
    first, second = one.measure.each, other.measure.each
    if first is None or second is None:
        return None
    node, next_node = first, second

    def made(copies: list[Encoder]) -> Truth:
        x, y = copies[0].number(node), copies[0].number(next_node)
        before, after = mul(mul(x.n, y.d), one.times), mul(mul(y.n, x.d), other.times)
        return both(x.k, y.k, compared(">", x.n, Fraction(0)), compared(">", before, after))

    def confirm(points: tuple[Point, ...]) -> bool:
        x, y = (expression_at(proof.rulebook, e, points[0]).value for e in (node, next_node))
        numbers = isinstance(x, Fraction) and isinstance(y, Fraction)
        return numbers and x * one.times > y * other.times and rows.holds_at(points[0])  # type: ignore[operator]

    verdict = rows.ask(made, confirm)
    zh = f"{other.line.title}会不会比{one.line.title}少"
    en = f"whether {other.line.title} can be less than {one.line.title}"
    return verdict.points[0] if proof.settle(verdict, "PRV012", one.line, zh, en) else None


def _rated(
    proof: Proof,
    ledger: t.LotLedger,
    line: t.Line,
    work: Work,
    tiers: list[Tier],
    less: dict[tuple[int, int], Point],
) -> None:
    for one, other in permutations(tiers, 2):
        row = less.get((one.place, other.place))
        points = _leads(proof, line, work, one, other) if row is not None else None
        if points is not None and row is not None:
            _tell(proof, ledger, work, (one, other), points, row)
            return


def _leads(proof: Proof, line: t.Line, work: Work, one: Tier, other: Tier) -> tuple[Point, ...] | None:
    """Return two managers, the second of whom is better in a figure and rated by another line."""
    wanted = (Fraction(one.place), Fraction(other.place))

    def holds(copies: list[Encoder]) -> Truth:
        x, y = (c.number(work.node) for c in copies)
        found = [c.line(line.id) for c in copies]
        up = compared("<" if work.leaf.better == "more" else ">", x.n, y.n)
        rated = [
            both(f.k, compared("=", f.n, mul(place, f.d))) if isinstance(f, Num) else False
            for f, place in zip(found, wanted, strict=True)
        ]
        return both(up, *rated)

    def confirm(points: tuple[Point, ...]) -> bool:
        return tuple(proof.value(line.id, p) for p in points) == wanted and improves(work, points)

    zh = f"{work.leaf.title}变好时会不会从{one.line.title}改按{other.line.title}"
    en = f"whether better {work.leaf.title} leads from {one.line.title} to {other.line.title}"
    question = Question((line.id,), holds, confirm, varied=frozenset([work.leaf.key]), copies=2)
    verdict = proof.ask(question, "PRV012", (line.path,), zh, en)
    return verdict.points if shown(verdict) else None


def _tell(
    proof: Proof,
    ledger: t.LotLedger,
    work: Work,
    tiers: tuple[Tier, Tier],
    points: tuple[Point, ...],
    row: Point,
) -> None:
    leaf = work.leaf
    a, b = (shown_value(p.figures[leaf.key], leaf.unit) for p in points)
    worth = []
    for tier in tiers:
        value = (
            expression_at(proof.rulebook, tier.measure.each, row).value
            if tier.measure.each is not None
            else None
        )
        worth.append(shown_value(value * tier.times if isinstance(value, Fraction) else value, units.MONEY))
    one, other = (tier.line.title for tier in tiers)
    said = said_of_row(proof, tiers[0].measure, row)
    proof.add(
        Finding(
            code="PRV012",
            severity=DEFECT,
            subjects=(ledger.path, *(tier.line.path for tier in tiers)),
            clauses=clauses_of(ledger.clause, leaf.clause, *(tier.line.clause for tier in tiers)),
            zh=f"{leaf.title}从 {a} 到 {b} 是变好, {ledger.title}重新定档却从{one}改按{other}: 同一笔{said}从 {worth[0]} 减到 {worth[1]}",
            en=f"{leaf.title} goes from {a} to {b}, which is better, and {ledger.title} is rated by {other} instead of {one}: "
            f"the same row{said} falls from {worth[0]} to {worth[1]}",
            line=f"{ledger.id}.at",
            points=points,
            facts={"figure": leaf.key, "from": a, "to": b, "before": worth[0], "after": worth[1]},
        )
    )


__all__ = ["allowed_ends", "rated_again", "with_asides"]
