"""More work, less reward: lines that fall, cliffs, and chains that only show when clauses are read together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Value
from guanhu.rulebook.prove.ask import CHOICES_MAX, PROVED, Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.joined import summed
from guanhu.rulebook.prove.leaves import LEAVES, Leaf, key_of, leaf_of, period_for
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, shown_value
from guanhu.rulebook.prove.sampled import better_values, next_value
from guanhu.rulebook.prove.slope import Slope, left_of
from guanhu.rulebook.prove.terms import Num, Truth, add, both, compared, either, mul
from guanhu.values import units

REWARDS = ("pay", "score")


@dataclass(frozen=True, slots=True)
class Work:
    """A figure that a line stands on and that can rise; `paid` is pay of shorter instances, which counts with the line."""

    leaf: Leaf
    node: t.Expr
    paid: bool = False


def is_reward(proof: Proof, name: str) -> bool:
    """Tell whether a line is pay or a score, or a total of such: what should not fall while work rises."""
    line = proof.rulebook.lines.get(name)
    if line is None:
        return False
    if line.role == "total":
        return any(is_reward(proof, term) for term in line.terms)
    return line.role in REWARDS


def rewards(proof: Proof, wanted: str = "") -> list[str]:
    """Return the lines that are rewards, in the order in which they are evaluated; only `wanted` if it is named."""
    if wanted:
        line = proof.rulebook.lines.get(wanted)
        return [wanted] if line is not None and line.unit != units.YES_NO else []
    return [name for name in proof.rulebook.order if is_reward(proof, name)]


def work_of(proof: Proof, name: str) -> list[Work]:
    """Return the figures under a line of which the rulebook says which way is better."""
    found: dict[str, Work] = {}
    for node in proof.book.closure(name):
        if not isinstance(node, t.MeasureRef | t.OverInstances | t.Group):
            continue
        if isinstance(node, t.MeasureRef) and (units.is_choice(node.unit) or node.unit == units.YES_NO):
            continue
        leaf = leaf_of(proof.book, node, {})
        if leaf.better and node.unit != units.YES_NO:
            found.setdefault(key_of(node, {}), Work(leaf, node))
    return list(found.values())


def gathered(proof: Proof, name: str) -> list[Work]:
    """Return what a line gathers of a shorter one, or counts of a check, that moves with work though nothing says so.

    Pay that was paid counts with the line that gathers it: a settlement takes it off, and is right to do so.
    """
    found: dict[str, Work] = {}
    for node in proof.book.closure(name):
        of_past = isinstance(node, t.OverInstances | t.Streak | t.Times)
        leaf = leaf_of(proof.book, node, {}) if of_past else None
        if leaf is None or leaf.better or not isinstance(node, t.OverInstances | t.Streak | t.Times):
            continue
        if isinstance(node, t.Streak | t.Times) and _is_met_once(proof, name, leaf.key):
            continue
        better = _better_of(proof, node.line)
        owner = proof.rulebook.lines.get(node.line)
        paid = isinstance(node, t.OverInstances) and node.unit == units.MONEY and _is_paid(proof, node.line)
        if better and owner is not None and (not paid or getattr(node, "how", "") == "sum"):
            found.setdefault(leaf.key, Work(replace(leaf, better=better), node, paid))
    return list(found.values())


def _is_met_once(proof: Proof, name: str, key: str) -> bool:
    """Tell whether a line asks for a count exactly: what is given at the third month is no less work at the fourth."""
    return any(
        isinstance(n, t.Compare)
        and n.op in ("=", "<>")
        and any(isinstance(x, t.Streak | t.Times) and key_of(x, {}) == key for x in (n.left, n.right))
        for n in proof.book.closure(name)
    )


def _is_paid(proof: Proof, name: str) -> bool:
    """Tell whether a line is pay, or an amount that pay of the same instance is made of."""
    return is_reward(proof, name) or any(
        is_reward(proof, x.id) and x.unit == units.MONEY
        for x in proof.rulebook.lines.values()
        if any(isinstance(n, t.LineRef) and n.name == name for n in proof.book.closure(x.id))
    )


def _better_of(proof: Proof, name: str) -> str:
    """Return which way a line or check goes as every figure of work under it gets better, by its form; '' if that is not told."""
    line = proof.rulebook.lines.get(name)
    if line is None:
        return ""
    turns: set[int] = set()
    for work in work_of(proof, name):
        slope = Slope(proof.book, work.leaf.key, {}, period_for(line.every))
        turn = slope.truth(line.value) if line.unit == units.YES_NO else slope.line(name).turn
        turns.add(0 if turn is None else turn if work.leaf.better == "more" else -turn)
    return {1: "more", -1: "less"}.get(turns.pop(), "") if len(turns) == 1 else ""


GROUP_SIZES = (2, 10)
"""How many an average is of, where a fall is looked for."""


def improves(work: Work, points: tuple[Point, ...]) -> bool:
    """Tell whether a figure is really better at the second of two points."""
    x, y = (p.figures.get(work.leaf.key) for p in points)
    if not isinstance(x, Fraction) or not isinstance(y, Fraction):
        return False
    return x < y if work.leaf.better == "more" else x > y


def along(proof: Proof, name: str, key: str, how: str = "sum") -> list[t.Group]:
    """Return the sums (or averages) of a group that rise with a figure, because one's own part is in them."""
    found: dict[str, t.Group] = {}
    for node in proof.book.closure(name):
        if not isinstance(node, t.Group) or node.how != how or not node.self_in or node.below:
            continue
        reads = any(isinstance(n, LEAVES) and key_of(n, {}) == key for n in proof.book.reached([node.of]))
        if reads and node.of.unit in units.SCALARS:
            found.setdefault(key_of(node, {}), node)
    return list(found.values())


def others_stay(copies: list[Encoder], groups: list[t.Group], size: int = 1) -> list[Truth]:
    """Return that what the others bring into a sum, or into an average of so many, is the same in both copies."""
    rules: list[Truth] = []
    for node in groups:
        sums, owns = [copy.number(node) for copy in copies], [copy.number(node.of) for copy in copies]
        # One of the group who is unknown makes the figure of all unknown.
        rules += [x.k for x in owns if x.k is not True]
        if not any(x.is_pair for x in (*sums, *owns)):
            rest = [add(mul(x.n, Fraction(size)), -own.n) for x, own in zip(sums, owns, strict=True)]
            rules.append(compared("=", rest[0], rest[1]))
            low, high = copies[0].book.ends_of_group(node) if size > 1 else (None, None)
            if low is not None:
                rules.append(compared(">=", rest[0], low * (size - 1)))
            if high is not None:
                rules.append(compared("<=", rest[0], high * (size - 1)))
    return rules


def falls(proof: Proof, names: list[str]) -> None:
    """Ask of each reward and each figure under it: can the figure get better and the reward less."""
    fallen: dict[str, set[str]] = {}
    undecided: set[tuple[str, str]] = set()
    for name in names:
        line = proof.rulebook.lines[name]
        read = {n.name for n in proof.book.closure(name) if isinstance(n, t.LineRef)}
        whole = whole_of(proof, line)
        for work in _wholes(proof, name):
            key = work.leaf.key
            if read & fallen.get(key, set()) or (whole, key) in undecided:
                continue
            if proof.proved_lines.get((name, key)):
                continue
            moves = work.paid or bool(
                along(proof, name, key) or proof.book.counts_along([name], frozenset([key]))
            )
            if _by_terms(proof, line, key) or (not moves and _by_form(proof, name, work.leaf)):
                proof.counted()
                proof.proved_lines[name, key] = True
                if _falls_with_average(proof, line, work, read):
                    fallen.setdefault(key, set()).add(name)
                continue
            before = proof.undecided
            if _falls(proof, line, work, read):
                fallen.setdefault(key, set()).add(name)
            if proof.undecided > before:
                undecided.add((name, key))


def whole_of(proof: Proof, line: t.Line) -> str:
    """Return the line that a line is a fixed part of: what is asked of the one is answered by the other. '' is none."""
    bounded = line.least is not None or line.most is not None or line.for_days
    value = line.value
    if bounded or not isinstance(value, t.Product | t.Sum):
        return ""
    if isinstance(value, t.Sum):
        found = left_of(proof.rulebook, value.terms)
        return found or ""
    sides = (value.left, value.right)
    reads = [x.name for x in sides if isinstance(x, t.LineRef)]
    shares = [x.value for x in sides if isinstance(x, t.Const)]
    return reads[0] if len(reads) == 1 and len(shares) == 1 and 0 < shares[0] <= 1 else ""


def _wholes(proof: Proof, name: str) -> list[Work]:
    """Return the figures under a line, without those that are in it only as a part of a quotient that is asked about itself."""
    found = [*work_of(proof, name), *gathered(proof, name)]
    asked = {work.leaf.key for work in found}
    inside = _inside_quotients(proof, name)
    return [work for work in found if inside.get(work.leaf.key, "") not in asked]


def _inside_quotients(proof: Proof, name: str) -> dict[str, str]:
    """Return the quotients that may stand for themselves, by the measures that they are made of."""
    inside: dict[str, str] = {}
    for quotient in proof.asker.cuts(Question((name,), lambda _: False, lambda _: False)):
        measure, line = proof.rulebook.measures.get(quotient), proof.rulebook.lines.get(quotient)
        made_of = measure.expr if isinstance(measure, t.FormulaMeasure) else line.value if line else None
        if made_of is not None:
            inside.update({p.name: quotient for p in t.walk(made_of) if isinstance(p, t.MeasureRef)})
    return inside


def _by_form(proof: Proof, name: str, leaf: Leaf) -> bool:
    """Tell whether the form of a line alone says that it does not fall while a figure gets better."""
    wanted = 1 if leaf.better == "more" else -1
    question = Question((name,), lambda _: False, lambda _: False)
    for count, (chosen, period, _) in enumerate(proof.asker.contexts(question)):
        way = Slope(proof.book, leaf.key, chosen, period).line(name)
        if way.turn not in (0, wanted) or count > CHOICES_MAX:
            return False
    return True


def _by_terms(proof: Proof, line: t.Line, key: str) -> bool:
    """Tell whether a total cannot fall because none of its terms can: a sum of what never falls."""
    if line.role != "total" or line.least is not None or line.most is not None:
        return False
    if any((proof.rulebook.lines[term].weight or 0) < 0 for term in line.terms):
        return False
    for term in line.terms:
        reads = any(
            isinstance(n, t.MeasureRef | t.OverInstances | t.Group) and key_of(n, {}) == key
            for n in proof.book.closure(term)
        )
        if reads and not proof.proved_lines.get((term, key), False):
            return False
    return True


def _falls(proof: Proof, line: t.Line, work: Work, read: set[str]) -> bool:
    verdict = proof.ask(*_fall_question(proof, line, work, along(proof, line.id, work.leaf.key), 1))
    proof.proved_lines[line.id, work.leaf.key] = verdict.state == PROVED
    if shown(verdict):
        if _made_up_for(proof, line, work):
            return False
        _tell_fall(proof, line, work, read, verdict.points)
        return True
    return verdict.state == PROVED and _falls_with_average(proof, line, work, read)


def _made_up_for(proof: Proof, line: t.Line, work: Work) -> bool:
    """Tell whether every total that a line is a term of is proved not to fall: a deduction in percent of pay is no defect."""
    key = work.leaf.key
    totals = [x for x in proof.rulebook.lines.values() if line.id in x.terms and is_reward(proof, x.id)]
    for total in totals:
        if (total.id, key) not in proof.proved_lines and _by_form(proof, total.id, work.leaf):
            proof.counted()
            proof.proved_lines[total.id, key] = True
        if (total.id, key) not in proof.proved_lines:
            verdict = proof.ask(*_fall_question(proof, total, work, along(proof, total.id, key), 1))
            proof.proved_lines[total.id, key] = verdict.state == PROVED
    return bool(totals) and all(proof.proved_lines[total.id, key] for total in totals)


def _falls_with_average(proof: Proof, line: t.Line, work: Work, read: set[str]) -> bool:
    """Look for a fall by way of an average that one's own part moves: in small groups only, which proves nothing of others."""
    groups = along(proof, line.id, work.leaf.key, "average")
    for size in GROUP_SIZES if groups else ():
        question, *_ = _fall_question(proof, line, work, groups, size)
        verdict = proof.asker.ask(question, proof.limits.seconds / 4)
        if shown(verdict):
            proof.counted()
            _tell_fall(proof, line, work, read, verdict.points)
            return True
    return False


def _fall_question(
    proof: Proof, line: t.Line, work: Work, groups: list[t.Group], size: int
) -> tuple[Question, str, tuple[str, ...], str, str]:
    leaf, name = work.leaf, line.id

    def holds(copies: list[Encoder]) -> Truth:
        one, other = copies
        x, y = one.number(work.node), other.number(work.node)
        first, second = one.line(name), other.line(name)
        if not isinstance(first, Num) or not isinstance(second, Num):
            return False
        if not one.figures.exact:
            first, second = one.raw[name], other.raw[name]
        if work.paid:
            first, second = summed([first, x]), summed([second, y])
        lower = add(second.n, mul(one.figures.margin, second.d))
        fall = compared(">", mul(first.n, second.d), mul(lower, first.d))
        up = compared("<" if leaf.better == "more" else ">", x.n, y.n)
        return both(first.k, second.k, up, fall, *others_stay(copies, groups, size))

    def confirm(points: tuple[Point, ...]) -> bool:
        before, after = (_with_paid(work, p, proof.value(name, p)) for p in points)
        return improves(work, points) and _less(before, after)

    varied = frozenset([leaf.key, *(key_of(node, {}) for node in groups)])
    zh, en = (
        f"{leaf.title}变好时{line.title}会不会减少",
        f"whether {line.title} can fall while {leaf.title} gets better",
    )
    apart = frozenset([leaf.key] if isinstance(work.node, t.Streak | t.Times) else [])
    question = Question(
        (name,), holds, confirm, varied=varied, copies=2, second=better_values(leaf.better), apart=apart
    )
    return question, "PRV010", (line.path,), zh, en


def _with_paid(work: Work, point: Point, value: Value) -> Value:
    """Return what a line comes to, together with what was paid before where the figure is that."""
    paid = point.figures.get(work.leaf.key) if work.paid else Fraction(0)
    return value + paid if isinstance(value, Fraction) and isinstance(paid, Fraction) else value


def _tell_fall(proof: Proof, line: t.Line, work: Work, read: set[str], points: tuple[Point, ...]) -> None:
    leaf, name = work.leaf, line.id
    verb = "升" if leaf.better == "more" else "降"
    moved = [n for how in ("sum", "average") for n in along(proof, name, leaf.key, how)]
    if not moved and not proof.book.counts_along([name], frozenset([leaf.key])):
        points = closer(proof, name, leaf, points)
    before, after = (proof.value(name, p) for p in points)
    x, y = (p.figures[leaf.key] for p in points)
    chain = [proof.rulebook.lines[n] for n in proof.rulebook.order if n in read and n in proof.rulebook.lines]
    is_chain = bool(chain) and line.role != "total"
    through = "".join(f" → {c.title}" for c in chain[-3:]) if is_chain else ""
    more, more_en = (", 减的比增的多", ", more than was gained") if work.paid else ("", "")
    a, b = shown_value(x, leaf.unit), shown_value(y, leaf.unit)
    u, v = shown_value(before, line.unit), shown_value(after, line.unit)
    proof.add(
        Finding(
            code="PRV012" if is_chain else "PRV010",
            severity=DEFECT,
            subjects=(line.path, *_path_of(proof, leaf)),
            clauses=clauses_of(line.clause, leaf.clause, *(c.clause for c in chain[-3:] if is_chain)),
            zh=f"{leaf.title}从 {a} {verb}到 {b}, {line.title}反而从 {u} 减到 {v}"
            + more
            + (f" (经过{through} → {line.title})" if through else ""),
            en=f"{leaf.title} goes from {a} to {b}, which is better, and {line.title} falls from {u} to {v}"
            + more_en
            + (f" (by way of{through} → {line.title})" if through else ""),
            line=name,
            points=points,
            facts={"figure": leaf.key, "from": a, "to": b, "before": u, "after": v},
        )
    )


def _path_of(proof: Proof, leaf: Leaf) -> tuple[str, ...]:
    measure = proof.rulebook.measures.get(leaf.key)
    return (measure.path,) if measure is not None else ()


def _less(before: Value, after: Value) -> bool:
    return isinstance(before, Fraction) and isinstance(after, Fraction) and after < before


def closer(proof: Proof, name: str, leaf: Leaf, points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return two managers a step of the grid apart between whom the line falls, when most of the fall is there."""
    first, second = points
    x, y = first.figures[leaf.key], second.figures[leaf.key]
    before, after = proof.value(name, first), proof.value(name, second)
    if not all(isinstance(v, Fraction) for v in (x, y, before, after)):
        return points
    low, high = Fraction(str(x)), Fraction(str(y))
    floor = before
    for _ in range(80):
        steps = (high - low) / leaf.step
        if abs(steps) <= 1:
            break
        middle = low + Fraction(int(steps / 2)) * leaf.step
        value = proof.value(name, first.at(leaf.key, middle))
        if not isinstance(value, Fraction):
            return points
        if value < Fraction(str(floor)):
            high = middle
        else:
            low, floor = middle, value
    near = (first.at(leaf.key, low), first.at(leaf.key, high))
    fall = [proof.value(name, p) for p in near]
    if all(isinstance(v, Fraction) for v in fall) and _less(fall[0], fall[1]):
        whole = Fraction(str(before)) - Fraction(str(after))
        if (Fraction(str(fall[0])) - Fraction(str(fall[1]))) * 2 >= whole:
            return near
    return points


def cliffs(proof: Proof, names: list[str]) -> None:
    """Ask of each reward: can one step of a figure move it by more than the limit."""
    steep: dict[str, set[str]] = {}
    undecided: set[tuple[str, str]] = set()
    for name in names:
        line = proof.rulebook.lines[name]
        whole = whole_of(proof, line)
        if line.unit not in (units.MONEY, units.POINTS):
            continue
        read = {n.name for n in proof.book.closure(name) if isinstance(n, t.LineRef)}
        for work in _movers(proof, name):
            if read & steep.get(work.leaf.key, set()) or line.role == "total":
                continue
            if (whole, work.leaf.key) in undecided:
                continue
            if _within(proof, line, work.leaf):
                proof.counted()
                continue
            before = proof.undecided
            if _cliff(proof, line, work):
                steep.setdefault(work.leaf.key, set()).add(name)
            if proof.undecided > before:
                undecided.add((name, work.leaf.key))


def _limit(proof: Proof, line: t.Line) -> Fraction:
    return proof.limits.cliff_money if line.unit == units.MONEY else proof.limits.cliff_points


def _within(proof: Proof, line: t.Line, leaf: Leaf) -> bool:
    """Tell whether all that a line can be lies so near together that nothing is a cliff."""
    for count, (chosen, period, _) in enumerate(
        proof.asker.contexts(Question((line.id,), lambda _: False, lambda _: False))
    ):
        way = Slope(proof.book, leaf.key, chosen, period).line(line.id)
        if (
            count > CHOICES_MAX
            or way.low is None
            or way.high is None
            or way.high - way.low > _limit(proof, line)
        ):
            return False
    return True


def _movers(proof: Proof, name: str) -> list[Work]:
    """Return the figures that a step moves: a quotient instead of what it is made of, where it can stand for itself.

    A fen more is no small step of a growth over next to nothing; a hundredth of a percent is.
    """
    inside = _inside_quotients(proof, name)
    refs = [n for n in proof.book.closure(name) if isinstance(n, t.MeasureRef | t.LineRef)]
    nodes = {n.name: n for n in refs if n.name in set(inside.values())}
    found: dict[str, Work] = {}
    counted = [x for x in gathered(proof, name) if isinstance(x.node, t.OverInstances)]
    for work in (*work_of(proof, name), *counted):
        quotient = inside.get(work.leaf.key, "")
        if quotient:
            work = Work(leaf_of(proof.book, nodes[quotient], {}), nodes[quotient])  # noqa: PLW2901 - it stands for the part
        found.setdefault(work.leaf.key, work)
    return list(found.values())


def _ordinary(copy: Encoder, name: str) -> list[Truth]:
    """Return that what a formula divides by is of ordinary size: ten thousand yuan, one of anything else; a pool is shared by 100."""
    rules: list[Truth] = []
    for node in copy.book.closure(name):
        if isinstance(node, t.Quotient):
            below = copy.number(node.divisor)
            least = Fraction(10000) if node.divisor.unit == units.MONEY else Fraction(1)
            if not isinstance(below.n, Fraction):
                rules.append(compared(">=", below.n, mul(least, below.d)))
        if isinstance(node, t.Pool):
            copy.number(node)
            least = Fraction(10000) if node.of.unit == units.MONEY else Fraction(100)
            rules.append(compared(">=", copy.figures.pool_sum(node.of.unit), least))
    return rules


def _cliff_question(proof: Proof, line: t.Line, work: Work, step: Fraction) -> Question:
    """Return the question whether a step of a figure moves a line by more than the limit."""
    name, leaf, limit = line.id, work.leaf, _limit(proof, line)

    def holds(copies: list[Encoder]) -> Truth:
        one, other = copies
        x, y = one.number(work.node), other.number(work.node)
        first, second = one.line(name), other.line(name)
        if not isinstance(first, Num) or not isinstance(second, Num):
            return False
        gap = add(mul(second.n, first.d), -mul(first.n, second.d))
        room = mul(limit, mul(first.d, second.d))
        far = either(compared(">", gap, room), compared("<", gap, -room))
        return both(first.k, second.k, compared("=", y.n, add(x.n, step)), far, *_ordinary(one, name))

    def confirm(points: tuple[Point, ...]) -> bool:
        one, other = (proof.value(name, p) for p in points)
        x, y = (p.figures.get(leaf.key) for p in points)
        apart = isinstance(x, Fraction) and isinstance(y, Fraction) and y - x == step
        return (
            apart and isinstance(one, Fraction) and isinstance(other, Fraction) and abs(one - other) > limit
        )

    varied = frozenset([leaf.key])
    return Question((name,), holds, confirm, varied=varied, copies=2, second=next_value(step, leaf.high))


def moved_by(proof: Proof, line: t.Line, measure: str, jump: Fraction) -> tuple[Point, ...] | None:
    """Return two managers, a jump of a measure apart, between whom a line moves by more than the limit; None else."""
    nodes = (n for n in proof.book.closure(line.id) if isinstance(n, t.MeasureRef) and n.name == measure)
    node = next(nodes)
    leaf = leaf_of(proof.book, node, {})
    zh, en = (
        f"一笔使{leaf.title}变动时{line.title}会不会差很多",
        f"whether one row that moves {leaf.title} moves {line.title} much",
    )
    question = _cliff_question(proof, line, Work(leaf, node), jump)
    verdict = proof.ask(question, "PRV011", (line.path,), zh, en)
    return verdict.points if shown(verdict) else None


def _cliff(proof: Proof, line: t.Line, work: Work) -> bool:
    name, leaf, limit = line.id, work.leaf, _limit(proof, line)
    question = _cliff_question(proof, line, work, leaf.step)
    zh, en = (
        f"{leaf.title}差一点时{line.title}会不会差很多",
        f"whether one step of {leaf.title} moves {line.title} much",
    )
    verdict = proof.ask(question, "PRV011", (line.path,), zh, en)
    if not shown(verdict):
        return False
    one, other = verdict.points
    u, v = shown_value(proof.value(name, one), line.unit), shown_value(proof.value(name, other), line.unit)
    a, b = shown_value(one.figures[leaf.key], leaf.unit), shown_value(other.figures[leaf.key], leaf.unit)
    proof.add(
        Finding(
            code="PRV011",
            severity=DEFECT,
            subjects=(line.path, *_path_of(proof, leaf)),
            clauses=clauses_of(line.clause, leaf.clause),
            zh=f"{leaf.title}只从 {a} 到 {b}, {line.title}就从 {u} 变到 {v}, 超过 {shown_value(limit, line.unit)}",
            en=f"{leaf.title} goes only from {a} to {b}, and {line.title} from {u} to {v}: more than {shown_value(limit, line.unit)}",
            line=name,
            points=verdict.points,
            facts={"figure": leaf.key, "at": a, "next": b, "before": u, "after": v},
        )
    )
    return True
