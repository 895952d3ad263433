"""Harm that comes only in the next instance: more work now brings less now and then together.

A line may read what itself or another came to in the instance before: a target set by the last result, a drop that is
punished. So one manager is asked about in two instances, one after the other: once as he is and once with a better
figure in the first. In the second his figures are the same both times, but for what it reads of the first.

    now   W      → pay, and what the next instance reads of it
    now   W′     → pay′, and the same
    next  others → pay given the first; pay given the second
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Value
from guanhu.rulebook.prove.ask import CHOICES_MAX, Question
from guanhu.rulebook.prove.bounds import top_lines
from guanhu.rulebook.prove.encode import Encoder, never_falls
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.leaves import LEAVES, days_for, key_of, period_holding
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, shown_value
from guanhu.rulebook.prove.slope import Slope
from guanhu.rulebook.prove.terms import Num, Sym, Term, Truth, add, both, compared, mul
from guanhu.rulebook.prove.work import Work, improves, work_of
from guanhu.values import units
from guanhu.values.dates import MONTHS_OF

LEAST = {units.MONEY: Fraction(1), units.POINTS: Fraction(1, 10)}
"""A fall of the sum by no more than this is none: each of the figures in it is rounded."""
_ODD = (t.Group, t.Pool, t.Streak, t.Times, t.Balance, t.LotFigure)
"""What a second instance would need to know more of than of one manager: nothing is asked of lines that read these."""
LATER = "+"
"""The mark of the figures of the next instance."""


def following(period: str, every: str) -> str:
    """Return the period after one.

    >>> following("2025-12", "month"), following("2025Q3", "quarter")
    ('2026-01', '2025Q4')
    """
    return period_holding(every, days_for(period).last_day + timedelta(days=1))


class _Next(Encoder):
    """The same manager in the next instance: figures of its own, and what it reads of the first."""

    def __init__(self, first: Encoder, period: str, before: Mapping[str, Sym]) -> None:
        super().__init__(first.figures, first.book, period, LATER, frozenset(), first.cuts)
        self.before = before

    def _leaf(self, node: t.Expr) -> Sym:
        if isinstance(node, t.Previous):
            found = self.before.get(key_of(node, {}))
            if found is not None:
                return found
        return super()._leaf(node)

    def _figure(self, node: t.Expr) -> Sym:  # type: ignore[override]
        return self.figures.term(node, LATER, self.book)


def lasting(proof: Proof, names: list[str]) -> None:
    """Ask of the rewards of a group together: can more work now bring less in this instance and the next."""
    by_kind: dict[tuple[str, str, object], list[str]] = {}
    for name in _tops(proof, names):
        line = proof.rulebook.lines[name]
        if line.unit in LEAST and line.every in MONTHS_OF and line.once is None:
            by_kind.setdefault((line.group, line.every, line.unit), []).append(name)
    for found in by_kind.values():
        for work in _works(proof, found):
            _ask(proof, found, work)


def _tops(proof: Proof, names: list[str]) -> list[str]:
    """Return the rewards at the top of what can be followed: those that no other such reward is made of."""
    known = [n for n in names if not any(isinstance(x, _ODD) for x in proof.book.closure(n))]
    gathered = {
        n.line
        for name in proof.rulebook.lines
        for n in proof.book.closure(name)
        if isinstance(n, t.OverInstances)
    }
    read = {n.name for name in known for n in proof.book.closure(name) if isinstance(n, t.LineRef)}
    # What a longer instance gathers may be taken off there: that is settled, and no harm.
    return [n for n in known if n not in read and (n not in gathered or n in top_lines(proof))]


def _works(proof: Proof, names: list[str]) -> list[Work]:
    """Return the figures of the instance itself that the next one reads something of."""
    found: dict[str, Work] = {}
    for name in names:
        for node in _read_before(proof, name):
            for work in work_of(proof, node.line):
                if isinstance(work.node, t.MeasureRef) and _is_of_now(proof, work.node.name):
                    found.setdefault(work.leaf.key, work)
    return list(found.values())


def _read_before(proof: Proof, name: str) -> list[t.Previous]:
    """Return what a line reads of the instance before; nothing where it reads more than can be followed."""
    nodes = proof.book.closure(name)
    before = [n for n in nodes if isinstance(n, t.Previous)]
    odd = any(isinstance(n, _ODD) for n in nodes) or any(n.back != 1 for n in before)
    known = all(n.line in proof.rulebook.lines and n.unit in units.SCALARS for n in before)
    return before if known and not odd else []


def _is_of_now(proof: Proof, name: str) -> bool:
    """Tell whether a measure is of the instance's own days, with all that it is made of."""
    measure = proof.rulebook.measures[name]
    if isinstance(measure, t.FormulaMeasure):
        parts = [n.name for n in t.walk(measure.expr) if isinstance(n, t.MeasureRef)]
        return all(_is_of_now(proof, part) for part in parts)
    return measure.window.is_own


def _reads(proof: Proof, name: str, key: str) -> bool:
    return any(isinstance(n, LEAVES) and key_of(n, {}) == key for n in proof.book.closure(name))


def _ask(proof: Proof, names: list[str], work: Work) -> None:
    key = work.leaf.key
    moved = tuple(
        name
        for name in names
        if _reads(proof, name, key) or any(_reads(proof, n.line, key) for n in _read_before(proof, name))
    )
    followed = all(_read_before(proof, n) or not _has_before(proof, n) for n in moved)
    if not followed or not any(_read_before(proof, n) for n in moved):
        return
    if _by_form(proof, moved, work):
        proof.counted()
        return
    titles = "、".join(proof.rulebook.lines[n].title for n in moved)
    zh = f"本期{work.leaf.title}变好时{titles}两期合计会不会减少"
    en = f"whether {titles} of this instance and the next can fall together while {work.leaf.title} gets better now"
    paths = tuple(proof.rulebook.lines[n].path for n in moved)
    verdict = proof.ask(_question(proof, moved, work), "PRV015", paths, zh, en)
    if shown(verdict):
        _tell(proof, moved, work, linked(proof, moved, verdict.points))


def _has_before(proof: Proof, name: str) -> bool:
    return any(isinstance(n, t.Previous) for n in proof.book.closure(name))


def _by_form(proof: Proof, names: tuple[str, ...], work: Work) -> bool:
    """Tell whether the form alone says that neither instance gets less: what is read of the first moves the right way."""
    wanted = 1 if work.leaf.better == "more" else -1
    question = Question(names, lambda _: False, lambda _: False)
    for count, (chosen, period, _) in enumerate(proof.asker.contexts(question)):
        now = Slope(proof.book, work.leaf.key, chosen, period)
        if count > CHOICES_MAX or any(now.line(n).turn not in (0, wanted) for n in names):
            return False
        for name in names:
            for node in _read_before(proof, name):
                turn = now.line(node.line).turn
                later = Slope(proof.book, key_of(node, {}), chosen, period).line(name).turn
                if turn is None or later is None or turn * later not in (0, wanted):
                    return False
    return True


def _question(proof: Proof, names: tuple[str, ...], work: Work) -> Question:
    every = proof.rulebook.lines[names[0]].every
    least = LEAST[proof.rulebook.lines[names[0]].unit]
    lines = {key_of(n, {}): n.line for name in names for n in _read_before(proof, name)}

    def holds(copies: list[Encoder]) -> Truth:
        later = following(copies[0].days_text, every)
        afterwards = [_Next(c, later, {key: c.line(line) for key, line in lines.items()}) for c in copies]
        x, y = (copy.number(work.node) for copy in copies)
        up = compared("<" if work.leaf.better == "more" else ">", x.n, y.n)
        sums: list[Term] = []
        known: list[Truth] = []
        for pair in zip(copies, afterwards, strict=True):
            found = [encoder.line(name) for encoder in pair for name in names]
            numbers = [n for n in found if isinstance(n, Num)]
            if len(numbers) < len(found) or any(n.is_pair for n in numbers):
                return False
            sums.append(add(*(n.n for n in numbers)))
            known += [n.k for n in numbers]
        copies[0].figures.rules += never_falls(*afterwards)
        more = mul(copies[0].figures.margin, Fraction(1))
        return both(*known, up, compared(">", sums[0], add(sums[1], least, more)))

    def confirm(points: tuple[Point, ...]) -> bool:
        if len(points) != 4 or not improves(work, points[:2]):
            return False
        found = totals(proof, names, linked(proof, names, points))
        return found is not None and found[0] - found[1] > least

    return Question(
        names,
        holds,
        confirm,
        varied=frozenset([work.leaf.key]),
        copies=2,
        later=lambda period: following(period, every),
    )


def linked(proof: Proof, names: tuple[str, ...], points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the points with what the next instance reads of the first, as *explain* has it there."""
    now, then = list(points[:2]), list(points[2:])
    for at, first in enumerate(now):
        for name in names:
            for node in _read_before(proof, name):
                then[at] = then[at].at(key_of(node, {}), proof.value(node.line, first))
    return (*now, *then)


def totals(
    proof: Proof, names: tuple[str, ...], points: tuple[Point, ...]
) -> tuple[Fraction, Fraction] | None:
    """Return what the lines come to in both instances together, without and with the better figure."""
    values: list[Value] = []
    sums = []
    for now, then in ((points[0], points[2]), (points[1], points[3])):
        values = [proof.value(name, p) for p in (now, then) for name in names]
        numbers = [v for v in values if isinstance(v, Fraction)]
        if len(numbers) < len(values):
            return None
        sums.append(sum(numbers, Fraction(0)))
    return sums[0], sums[1]


def _looking_back(proof: Proof, names: tuple[str, ...]) -> list[t.Line]:
    """Return the lines under others in whose own formulas the instance before is read."""
    under = {n.name for name in names for n in proof.book.closure(name) if isinstance(n, t.LineRef)}
    lines = [
        proof.rulebook.lines[n] for n in proof.rulebook.order if n in under and n in proof.rulebook.lines
    ]
    return [x for x in lines if any(isinstance(n, t.Previous) for root in x.formulas for n in t.walk(root))]


def _tell(proof: Proof, names: tuple[str, ...], work: Work, points: tuple[Point, ...]) -> None:
    leaf, lines = work.leaf, [proof.rulebook.lines[n] for n in names]
    unit = lines[0].unit
    a, b = (shown_value(p.figures[leaf.key], leaf.unit) for p in points[:2])

    def of(at: int) -> str:
        values = [proof.value(n, points[at]) for n in names]
        return shown_value(sum((v for v in values if isinstance(v, Fraction)), Fraction(0)), unit)

    both_instances = totals(proof, names, points) or (Fraction(0), Fraction(0))
    u, v = (shown_value(x, unit) for x in both_instances)
    titles = "、".join(line.title for line in lines)
    read = dict.fromkeys(n.line for name in names for n in _read_before(proof, name))
    verb = "升" if leaf.better == "more" else "降"
    proof.add(
        Finding(
            code="PRV015",
            severity=DEFECT,
            subjects=tuple(line.path for line in lines),
            clauses=clauses_of(
                *(x.clause for x in (*lines, *_looking_back(proof, names))),
                leaf.clause,
                *(proof.rulebook.lines[n].clause for n in read),
            ),
            zh=f"本期{leaf.title}从 {a} {verb}到 {b}, {titles}本期从 {of(0)} 到 {of(1)}, 下期却从 {of(2)} 到 {of(3)}, 两期合计从 {u} 减到 {v}",
            en=f"{leaf.title} now goes from {a} to {b}, which is better: {titles} goes from {of(0)} to {of(1)} now and from {of(2)} to {of(3)} "
            f"in the next instance, together from {u} down to {v}",
            line=names[0],
            points=points,
            facts={"figure": leaf.key, "from": a, "to": b, "before": u, "after": v},
        )
    )


__all__ = ["following", "lasting", "linked", "totals"]
