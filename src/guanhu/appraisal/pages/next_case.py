"""What the next case of a line needs: which figure has to move how far, and what the line comes to then.

    完成率不低于 100% 的 → A;  不低于 50% 的 → B;  其余 → 0          now 30%: 再增 20 个百分点, 得 B

Nothing is guessed: the figures of a condition are set to its edge, all others stay as they are, and the meaning of
the formula itself (`explain/scalar.py`) says what comes of it. Only what pays or scores more is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.subject import CardTrace
from guanhu.rulebook.explain.values import LineNote, Traced, Unknown
from guanhu.rulebook.expressions import NOWHERE
from guanhu.values import units
from guanhu.values.exact import round_half_away

_FALSE_OF = {">=": "<", ">": "<=", "<=": ">", "<": ">="}
_MIRRORED = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}
_GRAIN = Fraction(1, 10**12)
_FEN = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Move:
    """How far a figure is from the edge of a condition. `beyond`: the edge itself is not enough."""

    traced: Traced
    gap: Fraction
    is_up: bool
    beyond: bool

    @property
    def value(self) -> Fraction:
        """Return the figure once it has moved so far, by the least that can be seen where the edge is not enough."""
        if not isinstance(self.traced.value, Fraction):
            raise TypeError(f"{self.traced.node} does not move")
        grain = _FEN if self.traced.node.unit == units.MONEY else _GRAIN
        far = self.gap + (grain if self.beyond else 0)
        return self.traced.value + (far if self.is_up else -far)


@dataclass(frozen=True, slots=True)
class NextCase:
    """A case that pays or scores more: what has to move, its condition, and the line's value then, None when not known.

    `asks_more`: the condition has parts of which the card does not know whether they hold.
    """

    moves: tuple[Move, ...]
    when: t.Expr | None
    value: Fraction | None
    asks_more: bool = False


class Asker:
    """Asks what a line would come to if figures of its card moved, all others staying as they are."""

    def __init__(self, rulebook: t.Rulebook, card: CardTrace, line: t.Line) -> None:
        """Take a card and one of its lines."""
        self.rulebook, self.card, self.line = rulebook, card, line
        self.formula = bare(line.value)
        note = card.lines[line.id].note
        self.now = unwrapped(note.formula if isinstance(note, LineNote) else card.lines[line.id])
        self.known: dict[t.Expr, Traced] = {}
        for traced in card.lines.values():
            for part in _all(traced):
                self.known.setdefault(bare(part.node), part)

    def next_case(self) -> NextCase | None:
        """Return the case that gives the least more than now; None where there is none or the line is no pay or score."""
        if self.line.role not in ("score", "pay") or self.line.unit not in (units.MONEY, units.POINTS):
            return None
        now = self.bounded(self.formula)
        cases = self.now.node
        if now is None or not isinstance(cases, t.Cases):
            return None
        better: list[tuple[Fraction, NextCase]] = []
        unseen: list[NextCase] = []
        for moves in self.candidates(cases):
            moved = self.moved(moves)
            then = unwrapped(evaluate(moved, self))
            hit = then.hit
            case = cases.cases[hit] if 0 <= hit < len(cases.cases) else None
            value = self.bounded(moved)
            if value is not None and value > now:
                better.append((value, NextCase(moves, case.when if case else None, value)))
            elif case is not None and (
                value is None or (_is_fixed(self.now) and not isinstance(case.value, t.Const))
            ):
                # From a fixed figure to a formula that begins there, or to what nobody has asked for yet.
                asks_more = isinstance(then.parts[hit].value, Unknown)
                unseen.append(NextCase(moves, case.when, None, asks_more=asks_more))
        if better:
            return min(better, key=lambda x: x[0])[1]
        return unseen[0] if unseen else None

    def candidates(self, cases: t.Cases) -> Iterator[tuple[Move, ...]]:
        """Yield what has to move to make each case above the one that holds come true, nearest first, or that one no more."""
        hit = self.now.hit
        for case in reversed(cases.cases[:hit]):
            moves = self.to_hold(case.when)
            if moves:
                yield moves
        if hit < len(cases.cases):
            when = cases.cases[hit].when
            for atom in when.terms if isinstance(when, t.And) else (when,):
                if isinstance(atom, t.Compare) and (move := self.to(atom, _FALSE_OF.get(atom.op, ""))):
                    yield (move,)

    def to_hold(self, when: t.Expr) -> tuple[Move, ...]:
        """Return what has to move for a condition to hold; none where that is more than figures reaching marks."""
        found: list[Move] = []
        for atom in when.terms if isinstance(when, t.And) else (when,):
            held = evaluate(atom, self).value
            if held is True:
                continue
            if isinstance(held, Unknown):
                # Behind a part that does not hold the others were not looked at.
                continue
            move = self.to(atom, atom.op) if isinstance(atom, t.Compare) else None
            if move is None:
                return ()
            found.append(move)
        return tuple(found)

    def to(self, atom: t.Compare, op: str) -> Move | None:
        """Return how far the figure of a comparison is from what makes `op` hold."""
        left, right = atom.left, atom.right
        if isinstance(left, t.Const):
            left, right, op = right, left, _MIRRORED.get(op, "")
        if op not in _FALSE_OF or not self.may_move(left, is_up=op in (">", ">=")):
            return None
        value, edge = evaluate(left, self).value, evaluate(right, self).value
        if not isinstance(value, Fraction) or not isinstance(edge, Fraction):
            return None
        traced = self.known.get(_inside(left), Traced(left, value))
        return Move(traced, abs(edge - value), is_up=op in (">", ">="), beyond=op in (">", "<"))

    def may_move(self, node: t.Expr, *, is_up: bool) -> bool:
        """Tell whether a figure is the subject's doing, and its rulebook does not count it the other way."""
        inner = _inside(node)
        if isinstance(inner, t.MeasureRef):
            return self.rulebook.measures[inner.name].better in ("", "more" if is_up else "less")
        return any(isinstance(x, t.MeasureRef | t.LineRef) for x in t.walk(inner))

    def moved(self, moves: tuple[Move, ...]) -> t.Expr:
        """Return the formula with figures in the place of what has moved."""
        places = {_inside(bare(x.traced.node)): x for x in moves}

        def change(node: t.Expr) -> t.Expr | None:
            move = places.get(node)
            if move is None:
                return None
            return t.Const(value=move.value, text="", unit=node.unit, place=NOWHERE)

        return rebuilt(self.formula, change)

    def bounded(self, formula: t.Expr) -> Fraction | None:
        """Return what the line comes to by a formula, between its bounds; None where it is not known."""
        value = evaluate(formula, self).value
        if not isinstance(value, Fraction):
            return None
        for bound, pick in ((self.line.least, max), (self.line.most, min)):
            if bound is not None:
                edge = evaluate(bare(bound), self).value
                if not isinstance(edge, Fraction):
                    return None
                value = pick(value, edge)
        return round_half_away(value, 2) if self.line.unit == units.MONEY else value

    # -- leaves --

    def leaf(self, node: t.Expr) -> Traced:
        """Return a figure as the card has it; unknown where nobody has asked for it."""
        node = bare(node)
        if node in self.known:
            return Traced(node, self.known[node].value)
        if isinstance(node, t.MeasureRef) and node.name in self.card.measures:
            return Traced(node, self.card.measures[node.name].value)
        if isinstance(node, t.LineRef) and not node.whole and node.name in self.card.lines:
            return Traced(node, self.card.lines[node.name].value)
        if isinstance(node, t.InstanceValue):
            return Traced(node, self.card.instance_value(node.name))
        return Traced(node, Unknown("", "absent"))

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table as it stands on the instance's last day."""
        table = self.rulebook.tables[name]
        return table, rows_in_force(table, self.card.instance.days.last_day)


def rebuilt(node: t.Expr, change: Callable[[t.Expr], t.Expr | None]) -> t.Expr:
    """Return an expression with each part replaced for which `change` has something else."""
    instead = change(node)
    return instead if instead is not None else t.with_parts(node, lambda part: rebuilt(part, change))


def bare(node: t.Expr) -> t.Expr:
    """Return an expression without its places in the text, so that equal ones are equal."""
    return replace(t.with_parts(node, bare), place=NOWHERE)


def _inside(node: t.Expr) -> t.Expr:
    return bare(node.x if isinstance(node, t.Settled) else node)


def unwrapped(traced: Traced) -> Traced:
    """Return what the text says of a formula, out of the rounding and the days of a spell that were put around it."""
    while isinstance(traced.node, t.Settled | t.ByDays) and traced.parts:
        traced = traced.parts[0]
    return traced


def _is_fixed(traced: Traced) -> bool:
    """Tell whether the case that holds gives a number of the text."""
    node = traced.parts[-1].node if traced.parts else traced.node
    return isinstance(node.x if isinstance(node, t.ByDays) else node, t.Const)


def _all(traced: Traced) -> Iterator[Traced]:
    yield traced
    below = (traced.note.formula, *traced.note.extra) if isinstance(traced.note, LineNote) else traced.parts
    for part in below:
        yield from _all(part)
