"""Questions about one row: what a larger loan brings, a divisor that a row can have at zero, bounds and cases that no row meets.

A formula over rows (`each`, under `where`) is asked about as a line is, with the columns of the row as figures. What a
step of a column does to one row is carried on to the reward that the measure is in: there it may be a cliff.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, product

import z3

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.prove.ask import CHOICES_MAX, OPEN, PROVED, SHOWN, Verdict
from guanhu.rulebook.prove.encode import Encoder, never_falls
from guanhu.rulebook.prove.figures import Figures
from guanhu.rulebook.prove.finding import DEFECT, NOTICE, Finding, clauses_of
from guanhu.rulebook.prove.leaves import LEAVES, days_for, key_of, period_for
from guanhu.rulebook.prove.ordinary import on_grid, round_figures, sensible
from guanhu.rulebook.prove.proof import Proof
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.slope import Slope, Way
from guanhu.rulebook.prove.terms import Truth, both, compared, mul
from guanhu.rulebook.prove.uses import Guards, column_title, guarded, title_of
from guanhu.rulebook.prove.work import moved_by, rewards
from guanhu.values import units

QUANTITIES = {
    "balances": ("balance",),
    "loan_states": ("balance",),
    "loans": ("amount",),
    "fees": ("amount",),
    "interest": ("received",),
}
"""What is more work in a row of a kind of fact; of an event, every amount and count that it declares."""
_KEPT = frozenset(["amount", "balance", "due", "received", "overdue_days"])
"""Columns that are not negative in what is asked."""
SECONDS = Fraction(1, 2)
FORMS_MAX = 1000
"""So many kinds of rows are looked at by the form of a formula; of the solver fewer are asked."""
Made = Callable[[list[Encoder]], Truth]


class _RowSlope(Slope):
    """The directions of a formula over rows in one column of the row."""

    def _leaf(self, node: t.Expr) -> Way:
        if isinstance(node, t.RowValue) and node.unit in units.SCALARS:
            low = Fraction(0) if node.column in _KEPT or node.unit in (units.COUNT, units.DAYS) else None
            return Way(1 if node.column == self.key else 0, low)
        return super()._leaf(node)

    def reads(self, roots: object) -> bool:
        """Tell whether formulas stand on the column."""
        nodes = self.book.reached(roots)  # type: ignore[arg-type]
        return any(isinstance(n, t.RowValue) and n.column == self.key for n in nodes)

    def scales(self, node: t.Expr) -> bool:
        """Tell whether a formula is what rises with the column, times what does not move: above nothing it never falls."""
        if not self.reads([node]):
            return True
        match node:
            case t.Product(left=left, right=right) if self.reads([left]) != self.reads([right]):
                moving = left if self.reads([left]) else right
                way = self.of(moving)
                return self.scales(moving) or (way.turn == 1 and way.is_positive)
            case t.Settled(x=x) | t.Round(x=x) | t.Negative(x=x):
                return self.scales(x)
            case t.Cases(cases=cases, otherwise=otherwise) if not self.reads([c.when for c in cases]):
                values = [*(c.value for c in cases), *([otherwise] if otherwise is not None else [])]
                return all(self.scales(x) for x in values)
            case _:
                way = self.of(node)
                return way.turn == 1 and way.is_positive


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a measure: what their formulas tell apart by names, and whether days are in it too."""

    proof: Proof
    measure: t.Measure
    kinds: tuple[dict[str, str], ...]
    dated: bool
    period: str = "2025-07"

    @property
    def conditions(self) -> list[t.Expr]:
        """Return the conditions on a row that name no day."""
        where = self.measure.where
        terms = where.terms if isinstance(where, t.And) else (where,) if where is not None else ()
        return [x for x in terms if not any(n.unit == units.DATE for n in t.walk(x))]

    def ask(self, made: Made, confirm: Callable[[tuple[Point, ...]], bool], varied: str = "") -> Verdict:
        """Return whether there is a row, or one and the same with more in a column, for which something holds."""
        still_open = ""
        if len(self.kinds) > CHOICES_MAX:
            return Verdict(OPEN, why="too many combinations of names and days")
        until = min(time.monotonic() + float(self.proof.limits.seconds), self.proof.asker.end)
        for chosen in self.kinds:
            if time.monotonic() > until:
                return Verdict(OPEN, why="out of time")
            for exact in (False, True):
                state, points = self._asked(made, chosen, varied, until, exact=exact)
                if state == z3.unsat:
                    break
                if points is not None and confirm(points):
                    return Verdict(SHOWN, points)
            else:
                still_open = "explain does not confirm it" if state == z3.sat else "out of time"
        return Verdict(OPEN, why=still_open) if still_open or self.dated else Verdict(PROVED)

    def _asked(
        self, made: Made, chosen: dict[str, str], varied: str, until: float, *, exact: bool
    ) -> tuple[object, tuple[Point, ...] | None]:
        figures = Figures(chosen, exact=exact)
        marks = ("", "′") if varied else ("",)
        copies = [Encoder(figures, self.proof.book, self.period, mark, frozenset([varied])) for mark in marks]
        holds = both(made(copies), *(c.condition(x).holds for c in copies for x in self.conditions))
        if holds is False:
            return z3.unsat, None
        rules = [*figures.rules, *figures.heavy, holds if holds is not True else z3.BoolVal(True)]
        for key, var in figures.vars.items():
            if key.removesuffix("′") in _KEPT:
                rules.append(var >= 0)
        if len(copies) == 2:
            rules += never_falls(copies[0], copies[1])
        for more in (round_figures(figures, frozenset([varied])), []):
            solver = z3.Solver()
            left = min(float(SECONDS), until - time.monotonic())
            solver.set("timeout", max(50, int(left * 1000)))
            solver.add(*rules, *more)
            state = solver.check()
            if state == z3.sat:
                return state, tuple(self._point(figures, solver.model(), m, varied) for m in marks)
        return state, None

    def _point(self, figures: Figures, model: object, mark: str, varied: str) -> Point:
        values: dict[str, object] = dict(figures.chosen)
        for key, leaf in figures.leaves.items():
            var = figures.vars.get(key + (mark if key == varied else ""))
            if leaf.unit == units.YES_NO:
                values[key] = bool(z3.is_true(model.eval(var, model_completion=True)))  # type: ignore[attr-defined]
                continue
            if var is None:
                values[key] = sensible(leaf)
                continue
            found = model.eval(var, model_completion=True)  # type: ignore[attr-defined]
            found = found if z3.is_rational_value(found) else found.approx(20)
            values[key] = on_grid(Fraction(found.numerator_as_long(), found.denominator_as_long()), leaf.step)
        return Point(self.period, values)  # type: ignore[arg-type]

    def holds_at(self, point: Point, guards: Guards = ()) -> bool:
        """Tell whether *explain* counts a row, and comes to an expression inside it."""
        said = [expression_at(self.proof.rulebook, x, point).value is True for x in self.conditions]
        around = [expression_at(self.proof.rulebook, w, point).value is wanted for w, wanted in guards]
        return all(said) and all(around)

    def around(self, copy: Encoder, guards: Guards) -> Truth:
        """Return that an expression inside is reckoned."""
        asked = [(copy.condition(when), wanted) for when, wanted in guards]
        return both(*(found.holds if wanted else found.fails for found, wanted in asked))


def rows_of(proof: Proof, measure: t.Measure) -> Rows:
    """Return the rows of a measure, one kind of all that names tell apart."""
    roots = [*measure.formulas]
    nodes = list(proof.book.reached(roots))
    names: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        if isinstance(node, t.RowValue | t.SubjectValue | t.State) and units.is_choice(node.unit):
            names.setdefault(key_of(node, {}), proof.book.values_of(node.unit.of))
    dated = any(n.unit == units.DATE and isinstance(n, (*LEAVES, t.RowValue)) for n in nodes)
    of_each = list(t.walk(measure.each)) if measure.each is not None else []
    dated = dated and any(n.unit == units.DATE for n in of_each)
    period = period_for(proof.rulebook.every)
    rows = Rows(proof, measure, (), dated, period)
    by_name = [
        x
        for x in rows.conditions
        if all(_is_name(n) for n in t.walk(x) if isinstance(n, (*LEAVES, t.RowValue)))
    ]
    kinds: dict[object, dict[str, str]] = {}
    for values in product(*names.values()):
        chosen = dict(zip(names, values, strict=True))
        point = Point(period, chosen)
        if all(expression_at(proof.rulebook, x, point).value is not False for x in by_name):
            kinds.setdefault(_alike(proof, nodes, point), chosen)
    return replace(rows, kinds=tuple(kinds.values()))


def _alike(proof: Proof, nodes: Sequence[t.Expr], point: Point) -> object:
    """Return what the formulas over rows make of names: which rows of tables they leave, which conditions on names hold."""
    found: list[object] = []
    for node in nodes:
        if isinstance(node, t.Lookup):
            keys = [(at, point.figures.get(key_of(k, {}))) for at, k in enumerate(node.keys) if _is_name(k)]
            for version in proof.rulebook.tables[node.table].versions:
                cells = [[(row.cells[at], name) for at, name in keys] for row in version.rows]
                left = [
                    all(not isinstance(c, t.ChoiceCell) or name in c.choices for c, name in row)
                    for row in cells
                ]
                found.append(tuple(left))
        elif isinstance(node, t.Compare | t.In) and _of_names(node):
            found.append(expression_at(proof.rulebook, node, point).value is True)
        elif _is_name(node) and not isinstance(node, t.RowValue | t.SubjectValue):
            found.append(point.figures.get(key_of(node, {})))
    return tuple(found)


def _of_names(node: t.Compare | t.In) -> bool:
    inside = [n for n in t.walk(node) if not isinstance(n, t.Compare | t.In)]
    return all(_is_name(n) or isinstance(n, t.WordConst) for n in inside)


def _is_name(node: t.Expr) -> bool:
    return isinstance(node, t.RowValue | t.SubjectValue | t.State) and units.is_choice(node.unit)


def _titled(measure: t.Measure, column: t.RowValue) -> str:
    """Return what a column of the rows of a measure is called."""
    own = {c.name: c.zh for c in measure.kind.columns}
    return own.get(column.column) or column_title(column.column)


def row_work(proof: Proof, line: str) -> None:
    """Ask about the formulas over rows of the rulebook's own measures; not when one line only is asked about."""
    if line:
        return
    for measure in proof.rulebook.measures.values():
        own = isinstance(measure, t.Measure) and not measure.place.file.startswith("library/")
        if not own or not isinstance(measure, t.Measure) or measure.each is None:
            continue
        found = rows_of(proof, measure)
        _divisions(found)
        if found.dated:
            continue
        _edges(found)
        for column in _columns(proof, measure):
            if not _falls(found, column):
                _cliffs(found, column)


def _columns(proof: Proof, measure: t.Measure) -> list[t.RowValue]:
    """Return the columns of which more is more work: where the measure is better with more, or the reward that reads it."""
    if measure.take.how in ("count", "distinct") or measure.each is None:
        return []
    if measure.better != "more" and (measure.better or not _rewarded(proof, measure)):
        return []
    own = QUANTITIES.get(measure.kind.name, ())
    found: dict[str, t.RowValue] = {}
    for node in proof.book.reached([measure.each]):
        if isinstance(node, t.RowValue) and not node.table:
            of_event = measure.kind.name not in QUANTITIES and node.unit in (units.MONEY, units.COUNT)
            if node.column in own or (of_event and measure.better == "more"):
                found.setdefault(node.column, node)
    return list(found.values())


def _rewarded(proof: Proof, measure: t.Measure) -> bool:
    """Tell whether a reward reads a measure and, by its form, rises with it."""
    for name in rewards(proof):
        if any(isinstance(n, t.MeasureRef) and n.name == measure.id for n in proof.book.closure(name)):
            every = proof.rulebook.lines[name].every
            if Slope(proof.book, measure.id, {}, period_for(every)).line(name).turn == 1:
                return True
    return False


# -- more of a row, less of the measure --


def _falls(rows: Rows, column: t.RowValue) -> bool:
    proof, measure = rows.proof, rows.measure
    each = measure.each
    if each is None:
        return False
    slopes = [
        _RowSlope(proof.book, column.column, chosen, rows.period) for chosen in rows.kinds[: CHOICES_MAX + 1]
    ]
    if len(slopes) <= CHOICES_MAX and all(x.of(each).turn in (0, 1) or x.scales(each) for x in slopes):
        proof.counted()
        return False

    def made(copies: list[Encoder]) -> Truth:
        x, y = (c.number(column) for c in copies)
        before, after = (c.number(each) for c in copies)
        # What brings less than nothing brings still less when there is more of it: that is its sign, not a fall.
        earns = compared(">", before.n, Fraction(0))
        fall = compared(">", mul(before.n, after.d), mul(after.n, before.d))
        return both(before.k, after.k, compared("<", x.n, y.n), earns, fall)

    def confirm(points: tuple[Point, ...]) -> bool:
        x, y = (p.figures.get(column.column) for p in points)
        u, v = (expression_at(proof.rulebook, each, p).value for p in points)
        numbers = all(isinstance(n, Fraction) for n in (x, y, u, v))
        return numbers and x < y and u > max(v, Fraction(0)) and all(map(rows.holds_at, points))  # type: ignore[operator, type-var]

    verdict = rows.ask(made, confirm, column.column)
    title = _titled(measure, column)
    zh, en = (
        f"单笔{title}变大时{measure.title}会不会减少",
        f"whether {measure.title} can fall while {title} of a row rises",
    )
    if not proof.settle(verdict, "PRV010", measure, zh, en):
        return False
    one, other = verdict.points
    a, b = (shown_value(p.figures[column.column], column.unit) for p in (one, other))
    u, v = (shown_value(expression_at(proof.rulebook, each, p).value, measure.unit) for p in (one, other))
    proof.add(
        Finding(
            code="PRV010",
            severity=DEFECT,
            subjects=(measure.path,),
            clauses=clauses_of(measure.clause),
            zh=f"一笔的{title}从 {a} 升到 {b}{said_of_row(proof, measure, one, column)}, 它在{measure.title}里反而从 {u} 减到 {v}",
            en=f"{title} of a row goes from {a} to {b}{said_of_row(proof, measure, one, column)}, and what it counts in {measure.title} falls from {u} to {v}",
            facts={"column": column.column, "from": a, "to": b, "before": u, "after": v},
        )
    )
    return True


def said_of_row(proof: Proof, measure: t.Measure, point: Point, but: t.RowValue | None = None) -> str:
    """Return the columns of a row that a measure reads, all but one: (产品 活期, 利率 2%)."""
    found: dict[str, str] = {}
    for node in proof.book.reached(measure.formulas):
        if isinstance(node, (*LEAVES, t.RowValue)) and (but is None or key_of(node, {}) != but.column):
            key = key_of(node, point.figures)  # type: ignore[arg-type]
            if key in point.figures and not isinstance(point.figures[key], Unknown):
                found.setdefault(title_of(proof, node), shown_value(point.figures[key], node.unit))
    return f" ({', '.join(f'{k} {v}' for k, v in found.items())})" if found else ""


# -- a step of a row --


def _marks(rows: Rows, column: t.RowValue) -> list[Fraction]:
    """Return the numbers that a column is compared with, or looked up between."""
    found: set[Fraction] = set()
    for node in rows.proof.book.reached(rows.measure.formulas):
        match node:
            case t.Compare(left=left, right=right):
                for one, other in ((left, right), (right, left)):
                    if (
                        isinstance(one, t.RowValue)
                        and one.column == column.column
                        and isinstance(other, t.Const)
                    ):
                        found.add(other.value)
            case t.Lookup(keys=keys):
                at = [
                    i for i, k in enumerate(keys) if isinstance(k, t.RowValue) and k.column == column.column
                ]
                table = rows.proof.rulebook.tables[node.table]
                for row in rows_in_force(table, days_for(rows.period).last_day) if at else ():
                    cell = row.cells[at[0]]
                    if isinstance(cell, t.RangeCell):
                        found |= {e for e in (cell.low, cell.high) if e is not None}
    return sorted(found)


def _jumps(rows: Rows, column: t.RowValue) -> Iterator[tuple[Fraction, Point, Point]]:
    """Yield what one step of a column at a mark does to what a row counts, the other columns being ordinary."""
    proof, each = rows.proof, rows.measure.each
    step = proof.book.step_of(column.unit)
    if each is None:
        return
    for chosen in rows.kinds[:CHOICES_MAX]:
        figures = Figures(chosen, exact=False)
        encoder = Encoder(figures, proof.book, rows.period)
        encoder.encode(each)
        for condition in rows.conditions:
            encoder.encode(condition)
        values = {k: sensible(x) for k, x in figures.leaves.items() if x.unit != units.YES_NO}
        point = Point(rows.period, {**chosen, **values})
        for mark in _marks(rows, column):
            points = [point.at(column.column, mark + d) for d in (-step, Fraction(0), step)]
            found = [(expression_at(proof.rulebook, each, p).value, p) for p in points]
            for (u, p), (v, q) in pairwise(found):
                if isinstance(u, Fraction) and isinstance(v, Fraction) and all(map(rows.holds_at, (p, q))):
                    yield v - u, p, q


def _cliffs(rows: Rows, column: t.RowValue) -> None:
    """Ask of each reward that reads the measure: does the largest jump of one row move it by more than the limit."""
    proof, measure = rows.proof, rows.measure
    found = max(_jumps(rows, column), key=lambda jump: abs(jump[0]), default=None)
    if found is None or abs(found[0]) < 1:
        return
    jump, one, other = found
    for name in rewards(proof):
        line = proof.rulebook.lines[name]
        reads = any(isinstance(n, t.MeasureRef) and n.name == measure.id for n in proof.book.closure(name))
        told = any(
            f.code == "PRV011" and f.line == name and f.facts.get("figure") == measure.id
            for f in proof.findings
        )
        if line.role == "total" or not reads or told or line.unit not in (units.MONEY, units.POINTS):
            continue
        if _cliff(rows, column, line, jump, (one, other)):
            return


def _cliff(rows: Rows, column: t.RowValue, line: t.Line, jump: Fraction, beside: tuple[Point, Point]) -> bool:
    proof, measure = rows.proof, rows.measure
    limit = proof.limits.cliff_money if line.unit == units.MONEY else proof.limits.cliff_points
    points = moved_by(proof, line, measure.id, jump)
    if points is None:
        return False
    a, b = (shown_value(p.figures[column.column], column.unit) for p in beside)
    u, v = (shown_value(proof.value(line.id, p), line.unit) for p in points)
    title = _titled(measure, column)
    said = said_of_row(proof, measure, beside[0], column)
    proof.add(
        Finding(
            code="PRV011",
            severity=DEFECT,
            subjects=(line.path, measure.path),
            clauses=clauses_of(line.clause, measure.clause),
            zh=f"一笔的{title}只从 {a} 到 {b}{said}, {measure.title}就变 {shown_value(abs(jump), measure.unit)}, "
            f"{line.title}从 {u} 变到 {v}, 超过 {shown_value(limit, line.unit)}",
            en=f"{title} of a row goes only from {a} to {b}{said}: {measure.title} moves by {shown_value(abs(jump), measure.unit)} "
            f"and {line.title} from {u} to {v}, more than {shown_value(limit, line.unit)}",
            line=line.id,
            points=points,
            facts={"column": column.column, "at": a, "next": b, "before": u, "after": v},
        )
    )
    return True


# -- divisors, bounds --


def _nodes(rows: Rows) -> Iterator[tuple[t.Expr, Guards]]:
    if rows.measure.each is not None:
        yield from guarded(rows.measure.each, ())


def _divisions(rows: Rows) -> None:
    """Ask of each division in a formula over rows: can a row have its divisor at zero, so that its holder is unknown."""
    proof, measure = rows.proof, rows.measure
    for node, guards in _nodes(rows):
        if not isinstance(node, t.Quotient) or node.undefined is not None:
            continue
        if any(n.unit == units.DATE for n in t.walk(node.divisor)):
            continue

        def made(copies: list[Encoder], node: t.Quotient = node, guards: Guards = guards) -> Truth:
            above, below = copies[0].number(node.dividend), copies[0].number(node.divisor)
            bad = compared("<=" if node.positive else "=", below.n, Fraction(0))
            return both(above.k, below.k, bad, rows.around(copies[0], guards))

        def confirm(points: tuple[Point, ...], node: t.Quotient = node, guards: Guards = guards) -> bool:
            found = expression_at(proof.rulebook, node, points[0]).value
            return isinstance(found, Unknown) and rows.holds_at(points[0], guards)

        divisor = title_of(proof, node.divisor)
        zh, en = (
            f"{measure.title}里一笔的{divisor}会不会为零",
            f"whether {divisor} of a row in {measure.title} can be zero",
        )
        verdict = rows.ask(made, confirm)
        if proof.settle(verdict, "PRV022", measure, zh, en):
            value = shown_value(
                expression_at(proof.rulebook, node.divisor, verdict.points[0]).value, node.divisor.unit
            )
            proof.add(
                Finding(
                    code="PRV022",
                    severity=DEFECT,
                    subjects=(measure.path,),
                    clauses=clauses_of(measure.clause),
                    zh=f"有一笔的{divisor}为 {value} 时除不了, 有这一笔的人{measure.title}没有结果; 可在 where 里排除, 或写 divide(a, b, 0)",
                    en=f"with {divisor} of a row at {value} there is nothing to divide by, and {measure.title} of its holder is unknown; "
                    "leave it out in where, or write divide(a, b, 0)",
                )
            )


def _edges(rows: Rows) -> None:
    """Ask of each number in a `min` or `max` of a formula over rows: does it ever decide."""
    for node, guards in _nodes(rows):
        if isinstance(node, t.Least | t.Most):
            others = [x for x in node.terms if not isinstance(x, t.Const)]
            for edge in node.terms:
                if isinstance(edge, t.Const) and others:
                    _edge(rows, node, edge, others, guards)


def _edge(
    rows: Rows, node: t.Least | t.Most, edge: t.Const, others: Sequence[t.Expr], guards: Guards
) -> None:
    proof, measure = rows.proof, rows.measure
    is_cap = isinstance(node, t.Least)

    def question(op: str) -> Verdict:
        def made(copies: list[Encoder]) -> Truth:
            numbers = [copies[0].number(x) for x in others]
            past = [both(x.k, compared(op, x.n, mul(edge.value, x.d))) for x in numbers]
            return both(rows.around(copies[0], guards), *past)

        def confirm(points: tuple[Point, ...]) -> bool:
            found = [expression_at(proof.rulebook, x, points[0]).value for x in others]
            beyond = [isinstance(v, Fraction) and _PAST[op](v, edge.value) for v in found]
            return all(beyond) and rows.holds_at(points[0], guards)

        return rows.ask(made, confirm)

    code, word, word_en = ("PRV006", "封顶", "cap") if is_cap else ("PRV007", "保底", "floor")
    limit = shown_value(edge.value, others[0].unit)
    zh, en = (
        f"{measure.title}里一笔的{word} {limit} 会不会起作用",
        f"whether the {word_en} {limit} of a row in {measure.title} can bind",
    )
    verdict = question(">" if is_cap else "<")
    proof.settle(verdict, code, measure, zh, en)
    if verdict.state != PROVED:
        return
    reached = question(">=" if is_cap else "<=").state == SHOWN
    proof.add(
        Finding(
            code=code,
            severity=NOTICE if reached or (not is_cap and edge.value == 0) else DEFECT,
            subjects=(measure.path,),
            clauses=clauses_of(measure.clause),
            zh=f"{measure.title}里一笔的{word} {limit} 从不起作用",
            en=f"the {word_en} {limit} of a row in {measure.title} never binds",
        )
    )


_PAST: dict[str, Callable[[Fraction, Fraction], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


__all__ = ["Rows", "row_work", "rows_of", "said_of_row"]
