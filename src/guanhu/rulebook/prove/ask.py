"""Questions to z3: is there a manager for whom this holds? Proved that there is none, shown one, or not decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

import z3

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.load.typing import is_quotient
from guanhu.rulebook.prove.encode import Encoder, never_falls, own_day
from guanhu.rulebook.prove.figures import Figures
from guanhu.rulebook.prove.kinds import Kinds
from guanhu.rulebook.prove.leaves import LEAVES, Book, Leaf, key_of, leaf_of, optional_keys
from guanhu.rulebook.prove.ordinary import beside_on_grid, on_grid, round_figures, sensible
from guanhu.rulebook.prove.replay import Point, Values, missing_at
from guanhu.rulebook.prove.sampled import Marks, Second, Trial, tries
from guanhu.rulebook.prove.terms import Truth, both
from guanhu.values import units

PROVED, SHOWN, OPEN = "proved", "shown", "open"
OUT_OF_TIME = "out of time"
SHARE_OF_LEFT = 10
"""A question takes at most this part of the time that is left for all."""
LEAST_SECONDS = Fraction(1, 20)
_TRYING = Fraction(2, 5)
"""This part of the time of a question goes into trying managers, where figures are multiplied."""
CHOICES_MAX = 96
"""So many combinations of names and days are asked about one by one; more are not decided."""

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
    second   what the varied figure of the second copy may be, so that pairs can be tried
    also     names of a second state of the same manager, where the question is about two
    later    gives the period of a second instance, where the question is about two one after the other: points are
             then those of the first, and those of the second
    apart    streaks and counts that are varied themselves: these copies of a manager have not one past
    """

    names: tuple[str, ...]
    holds: Callable[[list[Encoder]], Truth]
    confirm: Callable[[tuple[Point, ...]], bool]
    varied: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    fixed_choices: Mapping[str, object] = field(default_factory=dict)
    also: Mapping[str, object] = field(default_factory=dict)
    copies: int = 1
    second: Second | None = None
    two_books: bool = False
    later: Callable[[str], str] | None = None
    apart: frozenset[str] = frozenset()


class Asker:
    """Asks questions within their time; remembers how many there were and how they ended."""

    def __init__(self, book: Book, seconds: Fraction = Fraction(2), total: Fraction = Fraction(30)) -> None:
        """Take the rulebook, the seconds of one question and those of all."""
        self.book, self.rulebook = book, book.rulebook
        self.kinds, self.values = Kinds(book), Values(book.rulebook)
        self._marks: Marks | None = None
        self._contexts: dict[str, list[tuple[dict[str, Any], str, bool]]] = {}
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
            names = repr(self.signature(question, chosen, period, any_day=True))
            if names not in at_once:
                at_once[names] = self._at_any_time(question, chosen, period, until)
            if at_once[names]:
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
        """Yield the combinations of names, days and period, one of all that the formulas cannot tell apart."""
        asked = repr((question.names, question.fixed_choices, question.also, question.later is not None))
        if asked not in self._contexts:
            self._contexts[asked] = list(self._told_apart(question))
        yield from self._contexts[asked]

    def _told_apart(self, question: Question) -> Iterator[tuple[dict[str, Any], str, bool]]:
        seen: set[object] = set()
        for kind in self.kinds.all(question.names, question.fixed_choices):
            periods = (kind.period, *([question.later(kind.period)] if question.later else []))
            alike = tuple(
                self.signature(question, {**kind.chosen, **more}, period)
                for more in ({}, question.also)
                for period in periods
            )
            if alike not in seen:
                seen.add(alike)
                yield kind.chosen, kind.period, kind.all_said

    def signature(
        self, question: Question, chosen: Mapping[str, Any], period: str, *, any_day: bool = False
    ) -> object:
        """Return what the formulas of a question make of names, days and period."""
        return self.kinds.signature(question.names, chosen, period, any_day=any_day)

    def cuts(self, question: Question) -> frozenset[str]:
        """Return the quotients that may be taken as figures of their own: nothing else reads what they are made of.

        They are measures, or lines that are a quotient and nothing more.
        """
        nodes = [n for name in question.names for n in self.book.closure(name)]
        found: dict[str, t.Expr] = {}
        for node in nodes:
            quotient = self._quotient(node)
            if quotient is not None and isinstance(node, t.MeasureRef | t.LineRef):
                found[node.name] = quotient
        inside = {id(part): name for name, quotient in found.items() for part in t.walk(quotient)}
        for node in nodes:
            if isinstance(node, t.MeasureRef) and id(node) not in inside:
                measure = self.rulebook.measures[node.name]
                if isinstance(measure, t.FormulaMeasure):
                    inside.update({id(part): node.name for part in t.walk(measure.expr)})
        readers: dict[str, set[str]] = {}
        for node in nodes:
            if isinstance(node, t.MeasureRef):
                readers.setdefault(node.name, set()).add(inside.get(id(node), ""))
        kept: set[str] = set()
        for name, quotient in found.items():
            parts = [p for p in t.walk(quotient) if not isinstance(p, t.Const)]
            refs = {p.name for p in parts if isinstance(p, t.MeasureRef)}
            alone = all(readers.get(ref, set()) <= {name} for ref in refs)
            odd = (t.InputRef, t.SubjectValue, t.Lookup, t.LineRef, t.Group, t.Previous, t.OverInstances)
            plain_parts = not any(isinstance(p, odd) for p in parts)
            formulas = any(isinstance(self.rulebook.measures[ref], t.FormulaMeasure) for ref in refs)
            free = not refs & question.varied and name not in question.whole | set(question.names)
            if alone and plain_parts and not formulas and free:
                kept.add(name)
        return frozenset(kept)

    def _quotient(self, node: t.Expr) -> t.Expr | None:
        """Return the quotient that a measure or a line is."""
        match node:
            case t.MeasureRef(name=name):
                measure = self.rulebook.measures[name]
                is_one = isinstance(measure, t.FormulaMeasure) and is_quotient(measure.expr)
                return measure.expr if is_one else None  # type: ignore[union-attr]
            case t.LineRef(name=name) if name in self.rulebook.lines:
                line = self.rulebook.lines[name]
                value = line.value.x if isinstance(line.value, t.Settled) else line.value
                bounded = line.least is not None or line.most is not None or line.for_days
                return value if isinstance(value, t.Quotient) and not bounded else None
            case _:
                return None

    def _at_any_time(self, question: Question, chosen: dict[str, Any], period: str, until: float) -> bool:
        """Tell whether nobody is there in any month and with any day of entry, asked at once.

        Only where no more is read than the number of the month, and the months or days since a day of one's own.
        """
        nodes = [n for name in question.names for n in self.book.closure(name)]
        parts = [n for n in nodes if isinstance(n, t.DatePart)]
        between = [n for n in nodes if isinstance(n, t.Between) and own_day(n) is not None]
        versions = any(
            len(self.rulebook.tables[n.table].versions) > 1 for n in nodes if isinstance(n, t.Lookup)
        )
        own_days = sum(n.unit == units.DATE and isinstance(n, LEAVES) for n in nodes)
        counted = any(isinstance(n, t.InstanceValue) and n.unit != units.DATE for n in nodes) and bool(parts)
        months = all(n.part == "month" and isinstance(n.x, t.InstanceValue) for n in parts)
        if not (parts or between) or counted or not months or own_days != len(between) or question.two_books:
            return False
        if versions or question.later:
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
                    point = point.at(key, False if leaf.unit == units.YES_NO else sensible(leaf, 0))
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
        state, model = _checked([*figures.rules, condition], until, share=Fraction(1, 5))
        if state == z3.unsat:
            return Verdict(PROVED)
        found = self._nearby(question, chosen, period, until, {})
        if found is None and state == z3.sat and encoders[0].products:
            found = self._tried(question, figures, self._points(figures, model, period, question), until)
        found = found or self._nearby(question, chosen, period, until, {}, first=False)
        if found is not None:
            return found
        if figures.heavy:
            state, _ = _checked([*figures.rules, *figures.heavy, condition], until, share=Fraction(1, 5))
            if state == z3.unsat:
                return Verdict(PROVED)
        fixes = self._to_fix(encoders, question.varied) | ({"sum"} & set(figures.leaves))
        if not fixes:
            return self._exactly(question, chosen, period, until, {}, closes=True)
        leaves = [figures.leaves[key] for key in sorted(fixes) if key in figures.leaves]
        sets = [{leaf.key: sensible(leaf, at) for leaf in leaves} for at in range(5)]
        for fixed in sets:
            near = self._nearby(question, chosen, period, until, fixed)
            if near is not None:
                return near
        for fixed in sets:
            verdict = self._exactly(question, chosen, period, until, fixed, closes=False)
            if verdict.state == SHOWN or time.monotonic() > until:
                return verdict
        return Verdict(OPEN, why="not linear")

    def _tried(
        self, question: Question, figures: Figures, near: tuple[Point, ...], until: float
    ) -> Verdict | None:
        """Try managers beside those that are nearly right; None when none of them shows it."""
        if question.two_books or len(question.varied) > 1 or (question.copies == 2) != bool(question.second):
            return None
        if self._marks is None:
            self._marks = Marks(self.book)
        leaves = figures.leaves
        worth = {k: self._marks.of(x, [sensible(x, at) for at in range(5)]) for k, x in leaves.items()}
        (varied,) = question.varied or ("",)
        if varied and varied not in leaves:
            return None
        now = time.monotonic()
        optional, name = frozenset(figures.given), question.names[0]
        trial = Trial(
            leaves,
            worth,
            optional,
            near,
            lambda p: self.values.at(name, p),
            question.also,
            varied,
            question.second,
        )
        for points in tries(trial, now + (until - now) * float(_TRYING)):
            if question.confirm(points) and self._holds_at(question, points):
                return Verdict(SHOWN, points)
        return None

    def _holds_at(self, question: Question, points: tuple[Point, ...]) -> bool:
        """Tell whether the formulas of a question hold at points."""
        chosen = {k: v for k, v in points[0].figures.items() if isinstance(v, str | date)}
        built = self._built(question, chosen, points[0].period, exact=True, fixed={})
        if built is None:
            return False
        figures, _, condition = built
        rules = [*figures.rules, *figures.heavy, condition]
        for key, known in figures.given.items():
            rules.append(
                known == (key in points[0].figures and not isinstance(points[0].figures[key], Unknown))
            )
        for mark, point in zip(["", "′"], points, strict=False):
            for key in figures.leaves:
                var = figures.vars.get(key + mark)
                value = point.figures.get(key)
                if var is not None and isinstance(value, bool):
                    rules.append(var == value)
                elif var is not None and isinstance(value, Fraction):
                    rules.append(var == z3.Q(value.numerator, value.denominator))
        state, _ = _checked(rules, time.monotonic() + 1, share=Fraction(1, 2))
        return bool(state == z3.sat)

    def _nearby(
        self,
        question: Question,
        chosen: dict[str, Any],
        period: str,
        until: float,
        fixed: dict[str, Fraction],
        *,
        first: bool = True,
    ) -> Verdict | None:
        """Look for a manager off the grid, with a margin for roundings, and take the one on the grid beside it.

        The `first` time without figures below 0.
        """
        two = question.copies == 2 or bool(question.also)
        margins = _MARGINS if two else _MARGINS[-1:]
        plain = [(margin, False) for margin in (margins[-1:] if fixed else margins)]
        for margin, negative in plain if first else [(margin, True) for margin in margins]:
            if time.monotonic() > until:
                return None
            built = self._built(question, chosen, period, exact=False, fixed=fixed, margin=margin)
            if built is None:
                continue
            figures, _, condition = built
            rules = [*figures.rules, *round_figures(figures, question.varied, negative=negative), condition]
            state, model = _checked(rules, until, share=Fraction(1, 12))
            if state == z3.sat:
                points = self._points(figures, model, period, question)
                for tried in (points, *beside_on_grid(points, question.varied, figures.leaves)):
                    if question.confirm(tried):
                        return Verdict(SHOWN, tried)
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
        for rules in (round_figures(figures, question.varied), []):
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
        figures.in_part = any(self.book.in_part(name) for name in question.names)
        figures.apart = question.apart
        figures.groups = frozenset(self.book.owner(name).group for name in question.names)
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
        if question.later is not None:
            later = self._later(figures, model, question.later(period))
            found += [later] * question.copies
        return tuple(found)

    def _later(self, figures: Figures, model: Any, period: str) -> Point:
        """Return the manager of a model in the instance after."""
        values: dict[str, Value] = dict(figures.chosen)
        said = _said_by(model)
        for key, leaf in figures.leaves.items():
            var = figures.vars.get(f"{key}+")
            known = figures.given.get(key)
            if var is None:
                if key in figures.fixed:
                    values[key] = figures.fixed[key]
                continue
            is_given = known is None or z3.is_true(model.eval(known, model_completion=True))
            values[key] = _value(var, leaf, model, said, None) if is_given else Unknown(key, "absent")
        return Point(period, values)


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
        elif not isinstance(part, LEAVES) and not (isinstance(part, t.LineRef) and part.name in encoder.cuts):
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
        return False if leaf.unit == units.YES_NO else sensible(leaf, 0)
    if leaf.unit == units.YES_NO:
        return bool(z3.is_true(model.eval(var, model_completion=True)))
    if not {var.decl().name(), f"{var.decl().name()} steps"} & said:
        return sensible(leaf, 0)
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
