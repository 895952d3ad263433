"""Questions to z3: is there a manager for whom this holds? Proved that there is none, shown one, or not decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from itertools import product
from typing import Any

import z3

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.load.typing import is_quotient
from guanhu.rulebook.prove.encode import Encoder, never_falls, own_day
from guanhu.rulebook.prove.figures import Figures
from guanhu.rulebook.prove.leaves import (
    LEAVES,
    Book,
    Choice,
    Leaf,
    key_of,
    leaf_of,
    optional_keys,
    period_for,
)
from guanhu.rulebook.prove.replay import Point, expression_at, missing_at
from guanhu.rulebook.prove.terms import ONE, Truth, both
from guanhu.values import units
from guanhu.values.exact import round_half_away
from guanhu.values.units import Unit

PROVED, SHOWN, OPEN = "proved", "shown", "open"
OUT_OF_TIME = "out of time"
SHARE_OF_LEFT = 8
"""A question takes at most this part of the time that is left for all."""
LEAST_SECONDS = Fraction(1, 20)
CHOICES_MAX = 96
"""So many combinations of names and days are asked about one by one; more are not decided."""

_COARSE = {
    units.MONEY: Fraction(10000),
    units.MONEY_YEAR: Fraction(10000),
    units.RATIO: Fraction(1, 100),
    units.ANNUAL_RATE: Fraction(1, 1000),
    units.POINTS: Fraction(1),
    units.NUMBER: Fraction(1),
}
_SENSIBLE: dict[Unit, tuple[int | Fraction, ...]] = {
    units.MONEY: (1000000, 100000, 1000, 100, 100000000),
    units.MONEY_YEAR: (100000, 1000, 1000000, 100, 1),
    units.RATIO: (Fraction(1, 2), 1, Fraction(1, 10), Fraction(1, 100), Fraction(9, 10)),
    units.ANNUAL_RATE: (
        Fraction(1, 100),
        Fraction(1, 50),
        Fraction(1, 1000),
        Fraction(1, 20),
        Fraction(1, 10),
    ),
    units.POINTS: (80, 100, 60, 10, 1),
    units.COUNT: (10, 1, 5, 2, 100),
    units.DAYS: (10, 1, 5, 2, 30),
    units.NUMBER: (1, 10, 2, 100, Fraction(1, 2)),
}


_ORDINARY = {
    units.RATIO: 10,
    units.ANNUAL_RATE: 1,
    units.POINTS: 1000,
    units.COUNT: 1000,
    units.DAYS: 366,
    units.NUMBER: 1000,
}
_ORDINARY_STREAK = 24
"""Beyond these a figure convinces nobody: looked for first within them."""

_PARTS = (Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(3, 4), Fraction(0))
"""Where in its range a figure is tried first."""
_MARGINS = (Fraction(100), Fraction(1), Fraction(1, 50))
"""By how much a fall is to be shown, if it can be: a hundred yuan tell more than a fen."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a question: `points` are the managers that show it, `why` what stood in the way."""

    state: str
    points: tuple[Point, ...] = ()
    why: str = ""


@dataclass(slots=True)
class Question:
    """A question: is there a manager of whom `holds` is true.

    names    the lines that it is about
    holds    makes the condition from one encoder, or from two when `varied` figures differ between them
    confirm  tells whether *explain* shows it at the points found
    """

    names: tuple[str, ...]
    holds: Callable[[list[Encoder]], Truth]
    confirm: Callable[[tuple[Point, ...]], bool]
    varied: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    fixed_choices: Mapping[str, object] = field(default_factory=dict)
    copies: int = 1
    two_books: bool = False


class Asker:
    """Asks questions within their time; remembers how many there were and how they ended."""

    def __init__(self, book: Book, seconds: Fraction = Fraction(2), total: Fraction = Fraction(30)) -> None:
        """Take the rulebook, the seconds of one question and those of all."""
        self.book, self.rulebook = book, book.rulebook
        self.seconds = seconds
        self.end = time.monotonic() + float(total)
        self.clashes: list[tuple[tuple[str, ...], Point]] = []

    def ask(self, question: Question, seconds: Fraction | None = None) -> Verdict:
        """Return the verdict on a question, after so many seconds at most."""
        until = self._until(self.seconds if seconds is None else seconds)
        if question.varied:
            moved = self.book.counts_along(question.names, question.varied)
            question = replace(question, varied=question.varied | moved)
        still_open, sampled, count = "", False, 0
        at_once: dict[str, bool] = {}
        for chosen, period, all_said in self.contexts(question):
            # To build a formula takes time too: what is not decided by then is not built any more.
            if count and time.monotonic() > until:
                still_open = OUT_OF_TIME
                break
            names = [(k, v) for k, v in sorted(chosen.items()) if isinstance(v, str)]
            if repr(names) not in at_once:
                at_once[repr(names)] = self._at_any_time(question, chosen, period, until)
            if at_once[repr(names)]:
                continue
            sampled = sampled or not all_said
            count += 1
            if count > CHOICES_MAX:
                still_open = "too many combinations of names and days"
                break
            verdict = self._in_context(question, chosen, period, until)
            if verdict.state == SHOWN:
                points = tuple(self.completed(point, question.names) for point in verdict.points)
                return Verdict(SHOWN, points if question.confirm(points) else verdict.points)
            if verdict.state == OPEN:
                still_open = verdict.why
        if still_open or sampled:
            return Verdict(OPEN, why=still_open or "days are only sampled")
        return Verdict(PROVED)

    def _until(self, seconds: Fraction) -> float:
        """Return when to stop thinking about a question: the last ones get less, so that none is left unasked."""
        now = time.monotonic()
        share = max((self.end - now) / SHARE_OF_LEFT, float(LEAST_SECONDS))
        return now + min(float(seconds), share)

    def contexts(self, question: Question) -> Iterator[tuple[dict[str, Any], str, bool]]:
        """Yield the combinations of names, days and period; those for whom the lines are not are left out."""
        choices: dict[str, Choice] = {}
        for name in question.names:
            choices.update({c.key: c for c in self.book.choices(name)})
        every = self.book.owner(question.names[0]).every
        periods = choices.pop("period").values if "period" in choices else (period_for(every),)
        for key, value in question.fixed_choices.items():
            choices[key] = Choice(key, (value,))  # type: ignore[arg-type]
        all_said = not any(c.sampled for c in choices.values())
        for period in periods:
            for values in product(*(c.values for c in choices.values())):
                chosen = dict(zip(choices, values, strict=True))
                if all(self._belongs(name, chosen, str(period)) for name in question.names):
                    yield chosen, str(period), all_said

    def _belongs(self, name: str, chosen: Mapping[str, Any], period: str) -> bool:
        held = expression_at(self.rulebook, self.book.condition(name), Point(period, chosen))
        return held.value is not False

    def cuts(self, question: Question) -> frozenset[str]:
        """Return the quotients that may be taken as figures of their own: nothing else reads what they are made of."""
        readers: dict[str, set[str]] = {}
        found: dict[str, set[str]] = {}
        nodes = [n for name in question.names for n in self.book.closure(name)]
        inside: dict[int, str] = {}
        for name in {n.name for n in nodes if isinstance(n, t.MeasureRef)}:
            measure = self.rulebook.measures[name]
            if isinstance(measure, t.FormulaMeasure):
                for part in t.walk(measure.expr):
                    inside[id(part)] = name
                if is_quotient(measure.expr):
                    found[name] = set()
        for node in nodes:
            if isinstance(node, t.MeasureRef):
                readers.setdefault(node.name, set()).add(inside.get(id(node), ""))
        kept: set[str] = set()
        for name in found:
            measure = self.rulebook.measures[name]
            parts = [p for p in t.walk(measure.expr) if not isinstance(p, t.Const)]  # type: ignore[union-attr]
            refs = {p.name for p in parts if isinstance(p, t.MeasureRef)}
            alone = all(readers.get(ref, set()) <= {name} for ref in refs)
            plain_parts = not any(isinstance(p, t.InputRef | t.SubjectValue | t.Lookup) for p in parts)
            formulas = any(isinstance(self.rulebook.measures[ref], t.FormulaMeasure) for ref in refs)
            if (
                alone
                and plain_parts
                and not formulas
                and not refs & question.varied
                and name not in question.whole
            ):
                kept.add(name)
        return frozenset(kept)

    def _at_any_time(self, question: Question, chosen: dict[str, Any], period: str, until: float) -> bool:
        """Tell whether nobody is there in any month and with any day of entry, asked at once.

        Only where no more is read than the number of the month, and the months or days since a day of one's own.
        """
        nodes = [n for name in question.names for n in self.book.closure(name)]
        parts = [n for n in nodes if isinstance(n, t.DatePart)]
        between = [n for n in nodes if isinstance(n, t.Between) and own_day(n) is not None]
        own_days = sum(n.unit == units.DATE and isinstance(n, LEAVES) for n in nodes)
        counted = any(isinstance(n, t.InstanceValue) and n.unit != units.DATE for n in nodes) and bool(parts)
        months = all(n.part == "month" and isinstance(n.x, t.InstanceValue) for n in parts)
        if not (parts or between) or counted or not months or own_days != len(between) or question.two_books:
            return False
        built = self._built(question, chosen, period, exact=False, fixed={}, any_time=True)
        if built is None:
            return True
        figures, _, condition = built
        state, _ = _checked([*figures.rules, condition], until, share=Fraction(2, 5))
        return bool(state == z3.unsat)

    def completed(self, point: Point, names: tuple[str, ...]) -> Point:
        """Return a manager with every figure that trying the lines needs; what the question left open is sensible."""
        leaves: dict[str, Leaf] = {}
        for name in names:
            for node in self.book.closure(name):
                if isinstance(node, LEAVES) and (node.unit in units.SCALARS or node.unit == units.YES_NO):
                    leaf = leaf_of(self.book, node, point.figures)  # type: ignore[arg-type]
                    leaves.setdefault(leaf.key, leaf)
        for name in names:
            for _ in range(8):
                missing = [key for key in missing_at(self.rulebook, name, point) if key in leaves]
                if not missing:
                    break
                for key in missing:
                    leaf = leaves[key]
                    point = point.at(key, False if leaf.unit == units.YES_NO else _sensible(leaf, 0))
        return point

    def at_point(self, question: Question, point: Point, free: str) -> tuple[str, Fraction | None]:
        """Ask a question of one free figure, all others as at a point; return the verdict and a value on its grid."""
        until = min(time.monotonic() + float(self.seconds / 2), self.end)
        state, value = self._at_point(question, point, free, until, exact=False)
        return (state, value) if state == PROVED else self._at_point(question, point, free, until, exact=True)

    def _at_point(
        self, question: Question, point: Point, free: str, until: float, *, exact: bool
    ) -> tuple[str, Fraction | None]:
        chosen = {k: v for k, v in point.figures.items() if isinstance(v, str | date)}
        fixed = {k: v for k, v in point.figures.items() if isinstance(v, Fraction) and k != free}
        built = self._built(question, chosen, point.period, exact=exact, fixed=fixed)
        if built is None:
            return PROVED, None
        figures, _, condition = built
        rules = [*figures.rules, *figures.heavy, condition]
        for key, known in figures.given.items():
            rules.append(known == (not isinstance(point.figures.get(key, Unknown(key, "")), Unknown)))
        for key, leaf in figures.leaves.items():
            value = point.figures.get(key)
            if leaf.unit == units.YES_NO and isinstance(value, bool) and key in figures.vars:
                rules.append(figures.vars[key] == value)
        state, model = _checked(rules, until, share=Fraction(1, 2))
        if state != z3.sat or not exact:
            return (PROVED if state == z3.unsat else OPEN), None
        found = _value(figures.vars.get(free), figures.leaves[free], model, _said_by(model), None)
        return SHOWN, found if isinstance(found, Fraction) else None

    # -- one context --

    def _in_context(self, question: Question, chosen: dict[str, Any], period: str, until: float) -> Verdict:
        built = self._built(question, chosen, period, exact=False, fixed={})
        if built is None:
            return Verdict(PROVED)
        figures, encoders, condition = built
        for more in ([], figures.heavy) if figures.heavy else ([],):
            state, _ = _checked([*figures.rules, *more, condition], until, share=Fraction(2, 5))
            if state == z3.unsat:
                return Verdict(PROVED)
        near = self._nearby(question, chosen, period, until)
        if near is not None:
            return near
        fixes = self._to_fix(encoders, question.varied) | ({"sum"} & set(figures.leaves))
        if not fixes:
            return self._exactly(question, chosen, period, until, {}, closes=True)
        leaves = [figures.leaves[key] for key in sorted(fixes) if key in figures.leaves]
        for at in range(5):
            fixed = {leaf.key: _sensible(leaf, at) for leaf in leaves}
            verdict = self._exactly(question, chosen, period, until, fixed, closes=False)
            if verdict.state == SHOWN or time.monotonic() > until:
                return verdict
        return Verdict(OPEN, why="not linear")

    def _nearby(
        self, question: Question, chosen: dict[str, Any], period: str, until: float
    ) -> Verdict | None:
        """Look for a manager off the grid, with a margin for roundings, and take the one on the grid beside it."""
        tries = [(m, n) for m in (_MARGINS if question.copies == 2 else _MARGINS[-1:]) for n in (False, True)]
        for margin, negative in tries:
            if time.monotonic() > until:
                return None
            built = self._built(question, chosen, period, exact=False, fixed={}, margin=margin)
            if built is None:
                continue
            figures, _, condition = built
            rules = [*figures.rules, *_round_figures(figures, question.varied, negative=negative), condition]
            state, model = _checked(rules, until, share=Fraction(1, 8))
            if state == z3.sat:
                points = self._points(figures, model, period, question)
                if question.confirm(points):
                    return Verdict(SHOWN, points)
        return None

    def _exactly(
        self,
        question: Question,
        chosen: dict[str, Any],
        period: str,
        until: float,
        fixed: dict[str, Fraction],
        *,
        closes: bool,
    ) -> Verdict:
        """Look for a manager on the grid: first one with round figures, then any."""
        if time.monotonic() > until:
            return Verdict(OPEN, why=OUT_OF_TIME)
        built = self._built(question, chosen, period, exact=True, fixed=fixed)
        if built is None:
            return Verdict(PROVED if closes else OPEN)
        figures, _, condition = built
        for rules in (_round_figures(figures, question.varied), []):
            state, model = _checked(
                [*figures.rules, *figures.heavy, *rules, condition], until, share=Fraction(1, 2)
            )
            if state == z3.sat:
                points = self._points(figures, model, period, question)
                if question.confirm(points):
                    return Verdict(SHOWN, points)
                if closes and not rules:
                    self.clashes.append((question.names, points[0]))
                    return Verdict(OPEN, why="explain does not confirm it")
            elif state == z3.unsat and not rules:
                return Verdict(PROVED if closes else OPEN, why="not linear")
        return Verdict(OPEN, why=OUT_OF_TIME)

    def _built(
        self,
        question: Question,
        chosen: dict[str, Any],
        period: str,
        *,
        exact: bool,
        fixed: dict[str, Fraction],
        margin: Fraction = Fraction(0),
        any_time: bool = False,
    ) -> tuple[Figures, list[Encoder], Any] | None:
        """Return the figures, the copies and the condition; None when the condition folds to no."""
        figures = Figures(chosen, exact=exact, fixed=fixed)
        figures.margin, figures.any_time = margin, any_time
        encoders = self.encoders(question, figures, period)
        condition = question.holds(encoders)
        if len(encoders) == 2 and not isinstance(condition, bool):
            figures.rules += self.between(encoders)
        if condition is False:
            return None
        who = both(*(encoders[0].condition(self.book.condition(name)).holds for name in question.names))
        condition = both(condition, who)
        if condition is False:
            return None
        return figures, encoders, z3.BoolVal(True) if condition is True else condition

    def encoders(self, question: Question, figures: Figures, period: str) -> list[Encoder]:
        """Return the copies of a manager that a question is about."""
        nodes = [n for name in question.names for n in self.book.closure(name)]
        figures.optional = optional_keys(self.book, nodes, figures.chosen)
        cuts = self.cuts(question)
        marks = ["", "′"][: question.copies]
        return [Encoder(figures, self.book, period, mark, question.varied, cuts) for mark in marks]

    def between(self, encoders: list[Encoder]) -> list[Any]:
        """Return what is known of the roundings of two copies."""
        return never_falls(encoders[0], encoders[1])

    def _to_fix(self, encoders: list[Encoder], varied: frozenset[str]) -> set[str]:
        """Return the figures to fix so that what is left is linear."""
        fixed: set[str] = set()
        for encoder in encoders:
            for left, right in encoder.products:
                one, other = keys_in(left, encoder), keys_in(right, encoder)
                if not one - fixed or not other - fixed:
                    continue
                fixed |= (
                    min(
                        (one, other),
                        key=lambda keys: (bool(keys & varied), _measures(keys, encoder), len(keys)),
                    )
                    - varied
                )
        return fixed

    def _points(self, figures: Figures, model: Any, period: str, question: Question) -> tuple[Point, ...]:
        """Return the managers of a model, one for each copy."""
        found: list[Point] = []
        said = _said_by(model)
        for mark in ["", "′"][: question.copies]:
            values: dict[str, Value] = dict(figures.chosen)
            for key, leaf in figures.leaves.items():
                known = figures.given.get(key)
                if known is not None and not z3.is_true(model.eval(known, model_completion=True)):
                    if not key.startswith("previous("):
                        values[key] = Unknown(key, "absent")
                    continue
                var = figures.vars.get(key + (mark if key in question.varied else ""))
                values[key] = _value(var, leaf, model, said, figures.fixed.get(key))
            found.append(Point(period, values))
        return tuple(found)


def _measures(keys: set[str], encoder: Encoder) -> int:
    """Return how many figures are measures: prices are fixed rather than work."""
    return sum(key in encoder.rulebook.measures for key in keys)


def keys_in(node: t.Expr, encoder: Encoder) -> set[str]:
    """Return the figures that a formula stands on."""
    found: set[str] = set()
    chosen = encoder.figures.chosen
    waiting = [node]
    for part in encoder.book.reached(waiting):
        if isinstance(part, t.MeasureRef):
            measure = encoder.rulebook.measures[part.name]
            if isinstance(measure, t.FormulaMeasure) and part.name not in encoder.cuts:
                continue
        elif not isinstance(part, LEAVES):
            continue
        key = key_of(part, chosen)
        if key in encoder.figures.leaves:
            found.add(key)
    return found


def _said_by(model: Any) -> frozenset[str]:
    """Return the names of what a model says something about."""
    return frozenset(d.name() for d in model.decls())


def _value(var: Any, leaf: Leaf, model: Any, said: frozenset[str], fixed: Fraction | None) -> Value:
    if fixed is not None:
        return fixed
    if var is None:
        return False if leaf.unit == units.YES_NO else _sensible(leaf, 0)
    if leaf.unit == units.YES_NO:
        return bool(z3.is_true(model.eval(var, model_completion=True)))
    if not {var.decl().name(), f"{var.decl().name()} steps"} & said:
        return _sensible(leaf, 0)
    found = model.eval(var, model_completion=True)
    if not z3.is_rational_value(found):
        found = found.approx(20)
    return on_grid(Fraction(found.numerator_as_long(), found.denominator_as_long()), leaf.step)


def _checked(rules: Iterable[Any], until: float, *, share: Fraction) -> tuple[Any, Any]:
    """Return whether the rules can hold together, and a model of them."""
    left = until - time.monotonic()
    if left <= 0:
        return z3.unknown, None
    solver = z3.Solver()
    solver.set("timeout", max(50, int(left * 1000 * float(share))))
    solver.add(*rules)
    state = solver.check()
    return state, solver.model() if state == z3.sat else None


def _round_figures(figures: Figures, varied: frozenset[str], *, negative: bool = False) -> list[Any]:
    """Return that all figures but the varied ones are round, none enormous, nor negative unless that is asked for."""
    rules: list[Any] = []
    for key, leaf in figures.leaves.items():
        var = figures.vars.get(key)
        coarse = _COARSE.get(leaf.unit)
        if var is None or leaf.unit == units.YES_NO:
            continue
        if leaf.high is not None and coarse is not None and coarse > leaf.high:
            continue
        if key not in varied and coarse is not None:
            rules.append(
                var == z3.ToReal(z3.Int(f"{key} coarse")) * z3.Q(coarse.numerator, coarse.denominator)
            )
        if not negative and (leaf.low is None or leaf.low >= 0):
            rules.append(var >= 0)
        rules.append(
            var <= (_ORDINARY_STREAK if key.startswith("streak(") else _ORDINARY.get(leaf.unit, 10**8))
        )
    return rules


def _sensible(leaf: Leaf, at: int) -> Fraction:
    """Return a sensible value of a leaf on its grid and in its range."""
    values = [x * ONE for x in _SENSIBLE.get(leaf.unit, (1, 10, 2, 100, 3))]
    if leaf.low is None:
        values[1] = -values[1]
    value = values[at % len(values)]
    if leaf.low is not None and leaf.high is not None and not leaf.low <= value <= leaf.high:
        value = leaf.low + (leaf.high - leaf.low) * _PARTS[at % 5]
    if leaf.low is not None and value < leaf.low:
        value = leaf.low + values[at % len(values)]
    if leaf.high is not None and value > leaf.high:
        value = leaf.high
    return on_grid(value, leaf.step)


def on_grid(value: Fraction, step: Fraction) -> Fraction:
    """Return the number on a grid next to a value.

    >>> on_grid(Fraction(10, 3), Fraction(1, 100))
    Fraction(333, 100)
    """
    return round_half_away(value / step) * step


def sensible(leaf: Leaf, at: int = 0) -> Fraction:
    """Return a sensible value of a leaf: the `at`th of a few."""
    return _sensible(leaf, at)


__all__ = ["OPEN", "PROVED", "SHOWN", "Asker", "Question", "Verdict", "sensible"]
