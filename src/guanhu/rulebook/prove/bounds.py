"""The least and the most that a manager can get, and what a staff can cost at most: where the ranges are declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Value
from guanhu.rulebook.prove.ask import CHOICES_MAX, OPEN, Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import FACT, Finding, clauses_of
from guanhu.rulebook.prove.leaves import LEAVES, Leaf, key_of, leaf_of
from guanhu.rulebook.prove.ordinary import sensible
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, shown_value, value_at
from guanhu.rulebook.prove.slope import Slope
from guanhu.rulebook.prove.terms import Num, Truth, both, compared, mul
from guanhu.rulebook.prove.work import is_reward
from guanhu.values import units

_ROUNDS = 3


def top_lines(proof: Proof, wanted: str = "") -> list[str]:
    """Return the rewards that no other reward is made of: what a manager gets in the end."""
    found = [n for n in proof.rulebook.order if is_reward(proof, n)]
    if wanted:
        return [n for n in found if n == wanted]
    read = {
        p.name if isinstance(p, t.LineRef) else p.line
        for n in found
        for root in proof.book.roots(n)
        for p in t.walk(root)
        if isinstance(p, t.LineRef | t.OverInstances)
    }
    return [n for n in found if n not in read]


def bounds(proof: Proof, wanted: str = "") -> None:
    """Report the least and the most of each reward at the top, where every figure under it has a range."""
    for name in top_lines(proof, wanted):
        if (missing := unranged(proof, name)) is None or missing:
            continue
        line = proof.rulebook.lines[name]
        low, low_at, low_sure = extreme(proof, name, -1, {})
        high, high_at, high_sure = extreme(proof, name, 1, {})
        if low is None or high is None or low_at is None or high_at is None:
            continue
        a, b = shown_value(low, line.unit), shown_value(high, line.unit)
        sure = low_sure and high_sure
        proof.add(
            Finding(
                code="PRV030",
                severity=FACT,
                subjects=(line.path,),
                clauses=clauses_of(line.clause),
                zh=f"{line.title}最少 {a}, 最多 {b}"
                + ("" if sure else " (已找到的; 没有判定是否还能更少或更多)"),
                en=f"{line.title} is at least {a} and at most {b}"
                + ("" if sure else " as far as found; whether it can go beyond is not decided"),
                line=name,
                points=(low_at, high_at),
                facts={"least": a, "most": b, "exact": sure},
            )
        )


def unranged(proof: Proof, name: str) -> list[str] | None:
    """Return the figures under a line that have no range; None when it stands on what has none by nature."""
    found: dict[str, Leaf] = {}
    for node in proof.book.closure(name):
        if isinstance(node, t.Group | t.Pool | t.Previous | t.Balance | t.LotFigure):
            return None
        if (
            not isinstance(node, LEAVES)
            or units.is_choice(node.unit)
            or node.unit in (units.YES_NO, units.DATE)
        ):
            continue
        if isinstance(node, t.MeasureRef) and isinstance(
            proof.rulebook.measures[node.name], t.FormulaMeasure
        ):
            continue
        leaf = leaf_of(proof.book, node, {})
        found[leaf.key] = leaf
    natural = (units.COUNT, units.DAYS)
    return [
        leaf.title
        for leaf in found.values()
        if not leaf.ranged and not (leaf.low is not None and leaf.high is not None and leaf.unit in natural)
    ]


def extreme(
    proof: Proof, name: str, sign: int, fixed: Mapping[str, object]
) -> tuple[Fraction | None, Point | None, bool]:
    """Return the most (sign 1) or least (−1) of a line, who gets it, and whether it is proved that nobody goes beyond."""
    best: Fraction | None = None
    at: Point | None = None
    question = Question((name,), lambda _: False, lambda _: False, fixed_choices=dict(fixed))
    for count, (chosen, period, _) in enumerate(proof.asker.contexts(question)):
        if count >= 24:
            break
        value, point = _climbed(proof, name, sign, Point(period, chosen))
        if value is not None and (best is None or sign * value > sign * best):
            best, at = value, point
    if best is not None and best == _end_by_form(proof, question, sign):
        proof.counted()
        return best, at, True
    for _ in range(6):
        if best is None:
            return None, None, False
        verdict = proof.ask(_beyond(proof, name, sign, best, fixed), "PRV030", (name,), *_asked(proof, name))
        if verdict.state == OPEN:
            return best, at, False
        if not shown(verdict):
            return best, at, True
        value, point = _climbed(proof, name, sign, verdict.points[0])
        if value is None or sign * value <= sign * best:
            return best, at, False
        best, at = value, point
    return best, at, False


def _end_by_form(proof: Proof, question: Question, sign: int) -> Fraction | None:
    """Return the most (or least) that the form of a line alone leaves room for; None where it is open."""
    (name,) = question.names
    ends: list[Fraction] = []
    for count, (chosen, period, all_said) in enumerate(proof.asker.contexts(question)):
        way = Slope(proof.book, "", chosen, period).line(name)
        end = way.high if sign > 0 else way.low
        if end is None or count > CHOICES_MAX or not (all_said or _days_only_choose(proof, name)):
            return None
        ends.append(end)
    return (max(ends) if sign > 0 else min(ends)) if ends else None


def _days_only_choose(proof: Proof, name: str) -> bool:
    """Tell whether days of one's own only choose among cases and rows, and are reckoned with in none."""
    waiting = list(proof.book.roots_reached(proof.book.roots(name)))
    while waiting:
        node = waiting.pop()
        if isinstance(node, t.Between | t.DatePart):
            return False
        if isinstance(node, t.Cases):
            waiting += [
                *(c.value for c in node.cases),
                *([node.otherwise] if node.otherwise is not None else []),
            ]
        elif not isinstance(node, t.Lookup | t.Compare):
            waiting += node.children()
    return True


def _asked(proof: Proof, name: str) -> tuple[str, str]:
    title = proof.rulebook.lines[name].title
    return f"{title}还能不能更多或更少", f"whether {title} can go beyond"


def _beyond(proof: Proof, name: str, sign: int, best: Fraction, fixed: Mapping[str, object]) -> Question:
    line = proof.rulebook.lines[name]
    half = Fraction(1, 200) if line.unit == units.MONEY else Fraction(1, 10**9)

    def holds(copies: list[Encoder]) -> Truth:
        one = copies[0]
        value = one.line(name)
        if not isinstance(value, Num):
            return False
        if not one.figures.exact:
            value = one.raw[name]
            limit = best + sign * half
            return both(value.k, compared(">=" if sign > 0 else "<=", value.n, mul(limit, value.d)))
        return both(value.k, compared(">" if sign > 0 else "<", value.n, mul(best, value.d)))

    def confirm(points: tuple[Point, ...]) -> bool:
        value = proof.value(name, points[0])
        return isinstance(value, Fraction) and sign * value > sign * best

    return Question((name,), holds, confirm, fixed_choices=dict(fixed))


def _climbed(proof: Proof, name: str, sign: int, start: Point) -> tuple[Fraction | None, Point]:
    """Return the best that changing one figure at a time finds, from a few beginnings."""
    nodes = [n for n in proof.book.closure(name) if isinstance(n, LEAVES) and not units.is_choice(n.unit)]
    leaves: dict[str, Leaf] = {}
    for node in nodes:
        if node.unit in (units.YES_NO, units.DATE):
            continue
        if isinstance(node, t.MeasureRef) and isinstance(
            proof.rulebook.measures[node.name], t.FormulaMeasure
        ):
            continue
        leaf = leaf_of(proof.book, node, start.figures)  # type: ignore[arg-type]
        leaves[key_of(node, start.figures)] = leaf  # type: ignore[arg-type]
    found: tuple[Fraction | None, Point] = (None, start)
    for begin in ("low", "high", "sensible"):
        values: dict[str, Value] = {}
        for key, leaf in leaves.items():
            end = leaf.low if begin == "low" else leaf.high if begin == "high" else None
            values[key] = end if end is not None else sensible(leaf)
        point = Point(start.period, {**values, **start.figures})
        value = value_at(proof.rulebook, name, point)
        best = value if isinstance(value, Fraction) else None
        for _ in range(_ROUNDS):
            before = best
            for key, leaf in leaves.items():
                for tried in candidates(proof, leaf):
                    there = point.at(key, tried)
                    value = value_at(proof.rulebook, name, there)
                    if isinstance(value, Fraction) and (best is None or sign * value > sign * best):
                        best, point = value, there
            if best == before:
                break
        if best is not None and (found[0] is None or sign * best > sign * found[0]):
            found = (best, point)
    return found


def candidates(proof: Proof, leaf: Leaf) -> list[Fraction]:
    """Return values of a figure worth trying: its ends, and the numbers of the rulebook in its unit, a step to each side."""
    inside: set[Fraction] = {x for x in (leaf.low, leaf.high) if x is not None}
    for edge in edges_in(proof, leaf):
        inside |= {edge - leaf.step, edge, edge + leaf.step}
    return sorted(
        x for x in inside if (leaf.low is None or x >= leaf.low) and (leaf.high is None or x <= leaf.high)
    )[:60]


def edges_in(proof: Proof, leaf: Leaf) -> Iterator[Fraction]:
    """Yield the numbers that the rulebook compares figures of a unit with."""
    for owner in proof.rulebook.evaluated():
        for node in proof.book.closure(owner.id):
            if isinstance(node, t.Compare) and node.left.unit == leaf.unit:
                yield from (x.value for x in (node.left, node.right) if isinstance(x, t.Const))
    for table in proof.rulebook.tables.values():
        for at, unit in enumerate(table.key_units):
            if unit == leaf.unit:
                for row in table.versions[-1].rows:
                    cell = row.cells[at]
                    if isinstance(cell, t.RangeCell):
                        yield from (x for x in (cell.low, cell.high) if x is not None)


def ceiling(proof: Proof, staff: Mapping[str, int]) -> None:
    """Report what a staff can cost at most in one instance; `staff` counts by group or by a choice such as a grade."""
    total: dict[str, Fraction] = {}
    parts: dict[str, list[str]] = {}
    sure = True
    for who, count in staff.items():
        fixed = _fixed(proof, who)
        if fixed is None:
            continue
        for name in top_lines(proof):
            line = proof.rulebook.lines[name]
            if (
                line.unit != units.MONEY
                or (who in proof.rulebook.groups and line.group != who)
                or unranged(proof, name) != []
            ):
                continue
            most, _, is_sure = extreme(proof, name, 1, fixed)
            if most is None:
                continue
            sure = sure and is_sure
            total[line.every] = total.get(line.every, Fraction(0)) + most * count
            parts.setdefault(line.every, []).append(
                f"{who} {count} × {line.title} {shown_value(most, units.MONEY)}"
            )
    for every, amount in total.items():
        said, said_parts = shown_value(amount, units.MONEY), "; ".join(parts[every])
        proof.add(
            Finding(
                code="PRV031",
                severity=FACT,
                subjects=(),
                clauses=(),
                zh=f"每期({every})最多 {said}: {said_parts}" + ("" if sure else " (未判定是否还能更多)"),
                en=f"at most {said} each {every}: {said_parts}"
                + ("" if sure else " (whether it can be more is not decided)"),
                facts={"every": every, "ceiling": said, "exact": sure},
            )
        )


def _fixed(proof: Proof, who: str) -> dict[str, object] | None:
    if who in proof.rulebook.groups:
        return {}
    for words in proof.rulebook.words.values():
        if who in words.choices:
            return {words.of: who}
    return None


__all__ = ["bounds", "ceiling", "top_lines"]
