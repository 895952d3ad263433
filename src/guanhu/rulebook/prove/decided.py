"""Decisions: two that set one state at once, work that is punished by them, and what a new state does to pay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.ask import CHOICES_MAX, Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.outcomes import at_year_end
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, shown_value, value_at
from guanhu.rulebook.prove.slope import Turned
from guanhu.rulebook.prove.terms import Num, Truth, Yes, add, both, compared, mul
from guanhu.rulebook.prove.uses import column_title
from guanhu.rulebook.prove.work import Work, improves, is_reward, whole_of, work_of
from guanhu.values import units
from guanhu.values.dates import MONTHS_OF


def decisions_of(proof: Proof, names: list[str]) -> list[t.Decision]:
    """Return the decisions among names."""
    return [proof.rulebook.decisions[n] for n in names if n in proof.rulebook.decisions]


def at_once(proof: Proof, names: list[str]) -> None:
    """Ask of each two decisions of one calendar that set one state from one day: can both hold."""
    for one, other in combinations(decisions_of(proof, names), 2):
        if not one.state or (one.group, one.state) != (other.group, other.state):
            continue
        if one.every != other.every:
            at_year_end(proof, *sorted((one, other), key=lambda d: MONTHS_OF.get(d.every, 12)))
            continue
        if one.once != other.once or _first_day(one) != _first_day(other):
            continue

        def holds(copies: list[Encoder], pair: tuple[t.Decision, t.Decision] = (one, other)) -> Truth:
            found = [copies[0].line(d.id) for d in pair]
            return both(*(x.holds if isinstance(x, Yes) else False for x in found))

        def confirm(points: tuple[Point, ...], pair: tuple[t.Decision, t.Decision] = (one, other)) -> bool:
            return all(proof.value(d.id, points[0]) is True for d in pair)

        zh, en = (
            f"{one.title}和{other.title}会不会同时成立",
            f"whether {one.title} and {other.title} can hold together",
        )
        question = Question((one.id, other.id), holds, confirm)
        verdict = proof.ask(question, "PRV020", (one.path, other.path), zh, en)
        if shown(verdict):
            proof.add(
                Finding(
                    code="PRV020",
                    severity=DEFECT,
                    subjects=(one.path, other.path),
                    clauses=clauses_of(one.clause, other.clause),
                    zh=f"{one.title}和{other.title}可以同时成立, 都要改“{column_title(one.state)}”: 这个人只能列为未决",
                    en=f"{one.title} and {other.title} can hold together and both set {one.state}: the person stays undecided",
                    line=one.id,
                    points=verdict.points,
                )
            )


def _first_day(decision: t.Decision) -> str:
    """Return from which day a decision is in force: months end with instances, so only campaigns tell these apart."""
    return decision.in_force if decision.every in ("campaign", "once") else "next"


# -- what decisions do to those who work more --


@dataclass(frozen=True, slots=True)
class Move:
    """More work leads from one state to another, by way of decisions."""

    state: str
    before: str
    after: str
    work: Work
    decisions: tuple[t.Decision, ...]


def _ladder(proof: Proof, state: str) -> tuple[str, ...]:
    return next((w.choices for w in proof.rulebook.words.values() if w.of == state and w.ladder), ())


def contrary(proof: Proof, names: list[str]) -> None:
    """Ask of each decision up or down a ladder: can more work undo a promotion, or bring a demotion."""
    for decision in decisions_of(proof, names):
        direction = decision.step
        ladder = _ladder(proof, decision.state)
        if not direction and isinstance(decision.becomes, t.WordConst) and len(ladder) > 1:
            direction = {ladder[-1]: 1, ladder[0]: -1}.get(decision.becomes.value, 0)
        if direction:
            for work in work_of(proof, decision.id):
                _contrary(proof, decision, work, direction)


def _contrary(proof: Proof, decision: t.Decision, work: Work, direction: int) -> None:
    def holds(copies: list[Encoder]) -> Truth:
        first, second = (copy.line(decision.id) for copy in copies)
        if not isinstance(first, Yes) or not isinstance(second, Yes):
            return False
        turn = (first.holds, second.fails) if direction > 0 else (first.fails, second.holds)
        # Who is spared a harsher decision, and so gets this one, is no worse off.
        apart = [x.fails for copy in copies for x in _other_decisions(proof, decision, copy)]
        return both(*turn, *apart, better(copies, work))

    def confirm(points: tuple[Point, ...]) -> bool:
        turned = [proof.value(decision.id, p) for p in points] == [direction > 0, direction < 0]
        return turned and improves(work, points)

    leaf = work.leaf
    question = Question((decision.id,), holds, confirm, varied=frozenset([leaf.key]), copies=2)
    zh, en = (
        f"{leaf.title}变好时{decision.title}会不会反转",
        f"whether {decision.title} turns while {leaf.title} gets better",
    )
    verdict = proof.ask(question, "PRV014", (decision.path,), zh, en)
    if not shown(verdict):
        return
    a, b = (shown_value(p.figures[leaf.key], leaf.unit) for p in verdict.points)
    zh = f"{leaf.title}从 {a} 到 {b} 是变好, {decision.title}却从{'成立变为不成立' if direction > 0 else '不成立变为成立'}"
    turned = "no longer holds" if direction > 0 else "begins to hold"
    proof.add(
        Finding(
            code="PRV014",
            severity=DEFECT,
            subjects=(decision.path,),
            clauses=clauses_of(decision.clause, leaf.clause),
            zh=zh,
            en=f"{leaf.title} goes from {a} to {b}, which is better, and {decision.title} {turned}",
            line=decision.id,
            points=verdict.points,
        )
    )


def _other_decisions(proof: Proof, decision: t.Decision, copy: Encoder) -> list[Yes]:
    """Return the other decisions that the condition of one reads."""
    names = {n.name for n in t.walk(decision.when) if isinstance(n, t.LineRef)} & set(
        proof.rulebook.decisions
    )
    return [x for x in (copy.line(name) for name in sorted(names)) if isinstance(x, Yes)]


def better(copies: list[Encoder], work: Work) -> Truth:
    """Return that a figure is better in the second copy."""
    x, y = (copy.number(work.node) for copy in copies)
    return compared("<" if work.leaf.better == "more" else ">", x.n, y.n)


def chains(proof: Proof, names: list[str]) -> None:
    """Follow more work through decisions to the state that they set, and ask what pay that state gets."""
    told: set[tuple[str, str, str]] = set()
    payers = [n for n in proof.rulebook.order if is_reward(proof, n) and _is_money(proof, n)]
    for state in dict.fromkeys(
        d.state for d in decisions_of(proof, list(proof.rulebook.decisions)) if d.state
    ):
        readers = [
            n for n in payers if _reads_state(proof, n, state) and not _reads_price_by(proof, n, state)
        ]
        if not readers or not (set(readers) & set(names) or set(names) & set(proof.rulebook.decisions)):
            continue
        for move in _moves(proof, state):
            for name in readers:
                terms = {n.name for n in proof.book.closure(name) if isinstance(n, t.LineRef)}
                known = {(x, move.before, move.after) for x in terms}
                if (
                    (name, move.before, move.after) not in told
                    and not known & told
                    and _pays_less(proof, name, move)
                ):
                    told.add((name, move.before, move.after))
    _ladders(proof, payers, names, told)


def _is_money(proof: Proof, name: str) -> bool:
    return proof.rulebook.lines[name].unit == units.MONEY


def _reads_state(proof: Proof, name: str, state: str) -> bool:
    return any(
        (isinstance(n, t.SubjectValue) and n.column == state) or (isinstance(n, t.State) and n.name == state)
        for root in _roots_below(proof, name)
        for n in t.walk(root)
    )


def _roots_below(proof: Proof, name: str) -> Iterator[t.Expr]:
    yield from proof.book.reached(proof.book.roots(name))


def _reads_price_by(proof: Proof, name: str, state: str) -> bool:
    """Tell whether a line reads an input that the bank sets for each value of the state: then pay is the bank's to set."""
    return any(
        isinstance(n, t.InputRef)
        and any(
            (isinstance(k, t.SubjectValue) and k.column == state)
            or (isinstance(k, t.State) and k.name == state)
            for k in n.keys
        )
        for n in proof.book.reached(proof.book.roots(name))
    )


def _moves(proof: Proof, state: str) -> Iterator[Move]:
    """Yield how more work changes a state: to a higher step, off a lower one, or from one decision to another."""
    decisions = [d for d in proof.rulebook.decisions.values() if d.state == state]
    ladder = _ladder(proof, state)
    for decision in decisions:
        if decision.step and len(ladder) > 1:
            for work in work_of(proof, decision.id)[:1]:
                for low, high in pairwise(ladder):
                    yield Move(state, low, high, work, (decision,))
    fixed = [d for d in decisions if isinstance(d.becomes, t.WordConst)]
    if len(decisions) == 1 and fixed:
        yield from _moves_alone(proof, fixed[0])
    for one in fixed:
        for other in fixed:
            if (
                one is not other
                and one.becomes != other.becomes
                and (one.group, one.every) == (other.group, other.every)
            ):
                for work in work_of(proof, other.id):
                    if _leads(proof, one, other, work):
                        before, after = one.becomes, other.becomes
                        if isinstance(before, t.WordConst) and isinstance(after, t.WordConst):
                            yield Move(state, before.value, after.value, work, (one, other))
                        break


def _moves_alone(proof: Proof, decision: t.Decision) -> Iterator[Move]:
    """Yield how more work leads to the only state that is decided, from each other that the rulebook names."""
    if not isinstance(decision.becomes, t.WordConst):
        return
    after = decision.becomes.value
    for work in work_of(proof, decision.id):
        if _begins(proof, decision, work):
            for before in proof.book.values_of(decision.state):
                if before != after:
                    yield Move(decision.state, before, after, work, (decision,))
            return


def _begins(proof: Proof, decision: t.Decision, work: Work) -> bool:
    """Tell whether a decision can begin to hold while a figure gets better."""

    def holds(copies: list[Encoder]) -> Truth:
        first, second = (copy.line(decision.id) for copy in copies)
        if not isinstance(first, Yes) or not isinstance(second, Yes):
            return False
        return both(first.fails, second.holds, better(copies, work))

    def confirm(points: tuple[Point, ...]) -> bool:
        return [proof.value(decision.id, p) for p in points] == [False, True] and improves(work, points)

    question = Question((decision.id,), holds, confirm, varied=frozenset([work.leaf.key]), copies=2)
    zh, en = (
        f"{work.leaf.title}变好会不会带来{decision.title}",
        f"whether better {work.leaf.title} brings {decision.title}",
    )
    return shown(proof.ask(question, "PRV012", (decision.path,), zh, en))


def _leads(proof: Proof, one: t.Decision, other: t.Decision, work: Work) -> bool:
    """Tell whether more of a figure can lead from one decision to another."""

    def holds(copies: list[Encoder]) -> Truth:
        before = [copies[0].line(d.id) for d in (one, other)]
        after = [copies[1].line(d.id) for d in (one, other)]
        if not all(isinstance(x, Yes) for x in (*before, *after)):
            return False
        held = (before[0].holds, before[1].fails, after[0].fails, after[1].holds)  # type: ignore[union-attr]
        return both(*held, better(copies, work))

    def confirm(points: tuple[Point, ...]) -> bool:
        values = [[proof.value(d.id, p) for d in (one, other)] for p in points]
        return values == [[True, False], [False, True]] and improves(work, points)

    question = Question((one.id, other.id), holds, confirm, varied=frozenset([work.leaf.key]), copies=2)
    zh, en = f"{one.title}变为{other.title}", f"from {one.title} to {other.title}"
    return shown(proof.ask(question, "PRV012", (one.path, other.path), zh, en))


def _pays_less(proof: Proof, name: str, move: Move) -> bool:
    points = _two_states(proof, name, move.state, move.before, move.after)
    if points is None:
        return False
    line = proof.rulebook.lines[name]
    u, v = (shown_value(proof.value(name, p), line.unit) for p in points)
    decisions = "、".join(d.title for d in move.decisions)
    leaf = move.work.leaf
    proof.add(
        Finding(
            code="PRV012",
            severity=DEFECT,
            subjects=(line.path, *(d.path for d in move.decisions)),
            clauses=clauses_of(leaf.clause, *(d.clause for d in move.decisions), line.clause),
            zh=f"{leaf.title}变好 → {decisions} → {column_title(move.state)}从{move.before}变为{move.after} → 同样的业绩, {line.title}从 {u} 减到 {v}",
            en=f"{leaf.title} gets better → {decisions} → {move.state} goes from {move.before} to {move.after} → for the same work {line.title} falls from {u} to {v}",
            line=name,
            points=points,
        )
    )
    return True


def _two_states(proof: Proof, name: str, state: str, before: str, after: str) -> tuple[Point, Point] | None:
    """Return one manager in two states, paid less in the second; None when there is none or it is not decided."""
    whole = whole_of(proof, proof.rulebook.lines[name])
    asked = (name, state, before, after)
    if (whole, state, before, after) in proof.two_states and asked not in proof.two_states:
        # A fixed part of what has been asked about: it is less where that is less.
        proof.two_states[asked] = None
    if asked not in proof.two_states:
        proof.two_states[asked] = _asked_two_states(proof, name, state, before, after)
    return proof.two_states[asked]


def _by_form(proof: Proof, question: Question, state: str, after: str) -> bool:
    """Tell whether the form of a line alone says that it is not less in the second state."""
    (name,) = question.names
    for count, (chosen, period, _) in enumerate(proof.asker.contexts(question)):
        if (
            Turned(proof.book, state, after, chosen, period).line(name).turn not in (0, 1)
            or count > CHOICES_MAX
        ):
            return False
    return True


def _asked_two_states(
    proof: Proof, name: str, state: str, before: str, after: str
) -> tuple[Point, Point] | None:
    line = proof.rulebook.lines[name]

    def holds(copies: list[Encoder]) -> Truth:
        first = copies[0].line(name)
        again = Encoder(
            copies[0].figures, copies[0].book, copies[0].days_text, "", frozenset(), copies[0].cuts
        )
        again.state = (state, after)
        second = again.line(name)
        if not isinstance(first, Num) or not isinstance(second, Num):
            return False
        more = add(second.n, mul(again.figures.margin, second.d))
        return both(first.k, second.k, compared(">", mul(first.n, second.d), mul(more, first.d)))

    def confirm(points: tuple[Point, ...]) -> bool:
        one = proof.value(name, points[0])
        other = value_at(proof.rulebook, name, points[0].at(state, after))
        return isinstance(one, Fraction) and isinstance(other, Fraction) and other < one

    question = Question((name,), holds, confirm, fixed_choices={state: before}, also={state: after})
    if _by_form(proof, question, state, after):
        proof.counted()
        return None
    zh, en = (
        f"{column_title(state)}从{before}到{after}, {line.title}会不会减少",
        f"whether {line.title} falls as {state} goes from {before} to {after}",
    )
    verdict = proof.ask(question, "PRV013", (line.path,), zh, en)
    if not shown(verdict):
        return None
    return verdict.points[0], verdict.points[0].at(state, after)


def _ladders(proof: Proof, payers: list[str], names: list[str], told: set[tuple[str, str, str]]) -> None:
    """Ask of each ladder and each pay line that reads it directly: does a higher step get less for the same work."""
    for words in proof.rulebook.words.values():
        if not words.ladder:
            continue
        for name in payers:
            line = proof.rulebook.lines[name]
            if (
                name not in names
                or line.role == "total"
                or not _reads_state(proof, name, words.of)
                or _reads_price_by(proof, name, words.of)
            ):
                continue
            for low, high in pairwise(words.choices):
                if (name, low, high) in told:
                    continue
                points = _two_states(proof, name, words.of, low, high)
                if points is None:
                    continue
                u, v = (shown_value(proof.value(name, p), line.unit) for p in points)
                proof.add(
                    Finding(
                        code="PRV013",
                        severity=DEFECT,
                        subjects=(line.path, words.path),
                        clauses=clauses_of(words.clause, line.clause),
                        zh=f"同样的业绩, {low}的{line.title}是 {u}, {high}只有 {v}",
                        en=f"for the same work {line.title} is {u} for {low} and only {v} for {high}",
                        line=name,
                        points=points,
                    )
                )
                break
