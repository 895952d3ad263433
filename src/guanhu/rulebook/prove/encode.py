"""Formulas to terms: one case per node of the tree, as in `explain.scalar`, but for all figures at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Any

import z3

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.load.typing import is_quotient
from guanhu.rulebook.prove.figures import Figures
from guanhu.rulebook.prove.joined import between, part_inside, summed
from guanhu.rulebook.prove.leaves import LEAVES, Book, days_for, key_of
from guanhu.rulebook.prove.reading_down import merged, of_name, read_down
from guanhu.rulebook.prove.slope import Slope
from guanhu.rulebook.prove.terms import (
    HALF,
    ONE,
    ZERO,
    Name,
    Num,
    Picked,
    Sym,
    Term,
    Truth,
    Yes,
    add,
    both,
    choose,
    choose_truth,
    compared,
    cut,
    each_step,
    either,
    grid_of,
    half_away,
    is_stepwise,
    mul,
    neg,
    no,
    outward,
    plain_number,
    real,
)
from guanhu.values import units
from guanhu.values.exact import QUOTIENT_PLACES, round_half_away

_EXTREMES: dict[type, str] = {t.Least: "<=", t.Most: ">="}


class Encoder:
    """One copy of a manager: the lines of a rulebook over the figures of a question.

    `varied` are the leaves that this copy has for itself. `cuts` are formula measures taken as figures. Roundings that
    cannot be said exactly are boxed in: nearer than half a step, and never falling where the exact number rises.
    """

    def __init__(
        self,
        figures: Figures,
        book: Book,
        period: str,
        mark: str = "",
        varied: frozenset[str] = frozenset(),
        cuts: frozenset[str] = frozenset(),
    ) -> None:
        """Take the figures, the period and what is this copy's own."""
        self.figures, self.book, self.rulebook = figures, book, book.rulebook
        self.days_text, self.days = period, days_for(period)
        self.state: tuple[str, str] | None = None
        self.mark, self.varied, self.cuts = mark, varied, cuts
        self.lines: dict[str, Sym] = {}
        self.raw: dict[str, Num] = {}
        self.rounded: dict[object, tuple[Term, Term, Term]] = {}
        self.roundings: list[tuple[tuple[str, Fraction], tuple[Term, Term, Term]]] = []
        self.products: list[tuple[t.Expr, t.Expr]] = []
        self.kept: dict[int, tuple[t.Expr, Sym]] = {}

    # -- lines --

    def line(self, name: str) -> Sym:
        """Return a line, check or decision, bounds and rounding included, as a worked example gives it."""
        if name not in self.lines:
            self.lines[name] = self._line(name)
        return self.lines[name]

    def _line(self, name: str) -> Sym:
        line = self.rulebook.lines.get(name)
        if line is None:
            return self.encode(self.rulebook.decisions[name].when)
        value = self.encode(line.value)
        if not isinstance(value, Num):
            return value
        for node, op in ((line.least, "<"), (line.most, ">")):
            if node is not None:
                limit = self.number(node)
                beyond = self._compared(op, value, limit)
                value = merged(beyond, limit, value, both(value.k, limit.k))
        if line.for_days:
            value = Num(mul(value.n, Fraction(self.days.days, line.for_days)), value.d, value.k)
        self.raw[name] = value
        places = 2 if line.unit == units.MONEY else QUOTIENT_PLACES
        return self._rounded(("line", name), value, places)

    # -- expressions --

    def number(self, node: t.Expr) -> Num:
        """Return an expression that is a number."""
        found = self.encode(node)
        return found if isinstance(found, Num) else Num(ZERO, ONE, False)

    def condition(self, node: t.Expr) -> Yes:
        """Return an expression that is a condition."""
        found = self.encode(node)
        return found if isinstance(found, Yes) else Yes(False, False)

    def encode(self, node: t.Expr) -> Sym:
        """Return the value of an expression for all figures."""
        held = self.kept.get(id(node))
        if held is None:
            held = self.kept[id(node)] = (node, self._encode(node))
        return held[1]

    def _encode(self, node: t.Expr) -> Sym:
        match node:
            case t.Const(value=value):
                return Num(value, ONE, True)
            case t.WordConst(value=word):
                return Name(word)
            case t.DateConst(value=day):
                return Name(day)
            case t.YesNoConst(value=yes):
                return Yes(yes, True)
            case t.Negative(x=x):
                found = self.number(x)
                return Num(neg(found.n), found.d, found.k)
            case t.Sum(terms=terms):
                return summed([self.number(x) for x in terms])
            case t.Product(left=left, right=right):
                return self._product(node, left, right)
            case t.Quotient():
                return self._quotient(node)
            case t.Settled(x=t.ByDays(x=x)) if not self.figures.in_part and isinstance(
                x, (*LEAVES, t.LineRef)
            ):
                # Of the whole instance it is the whole, which has fewer places already.
                return self.number(x)
            case t.Settled(x=x, places=places):
                self._note_divisor(x)
                return self._rounded(("node", id(node)), self.number(x), places)
            case t.Round():
                return self._round(node)
            case t.Least(terms=terms) | t.Most(terms=terms):
                numbers = [self.number(x) for x in terms]
                found = numbers[0]
                for one in numbers[1:]:
                    first = self._compared(_EXTREMES[type(node)], found, one)
                    found = merged(first, found, one, both(found.k, one.k))
                return found
            case t.Absolute(x=x):
                found = self.number(x)
                return Num(choose(compared("<", found.n, ZERO), neg(found.n), found.n), found.d, found.k)
            case t.Steps():
                return self._steps(node)
            case t.ByDays(x=x, part=part, of=of):
                found, days, period = self.number(x), self.number(part), self.number(of)
                return plain_number(mul(found.n, days.n), mul(found.d, period.n), found.k)
            case _:
                return self._choice(node)

    def _choice(self, node: t.Expr) -> Sym:
        match node:
            case t.Cases(cases=cases, otherwise=otherwise):
                rows = [(self.condition(c.when), partial(self.encode, c.value)) for c in cases]
                return read_down(rows, (lambda: self.encode(otherwise)) if otherwise is not None else None)
            case t.Lookup():
                return self._lookup(node)
            case t.FirstGiven(terms=terms):
                found = self.encode(terms[-1])
                for x in reversed(terms[:-1]):
                    one = self.encode(x)
                    if isinstance(one, Num) and isinstance(found, Num):
                        found = merged(one.k, one, found, either(one.k, found.k))
                return found
            case t.Given(x=x):
                one = self.encode(x)
                named = of_name(one, lambda _: Yes(True, True))
                return Yes(named.k if isinstance(one, Name | Picked) else one.k, True)
            case t.Compare(op=op, left=left, right=right):
                return self._comparison(op, self.encode(left), self.encode(right))
            case t.In(x=x, choices=choices):
                return of_name(self.encode(x), lambda name: Yes(name.value in choices, True))
            case t.And(terms=terms):
                parts = [self.condition(x) for x in terms]
                yes, nope = both(*(p.holds for p in parts)), either(*(p.fails for p in parts))
                return Yes(yes, either(yes, nope))
            case t.Or(terms=terms):
                parts = [self.condition(x) for x in terms]
                yes, nope = either(*(p.holds for p in parts)), both(*(p.fails for p in parts))
                return Yes(yes, either(yes, nope))
            case t.Not(x=x):
                part = self.condition(x)
                return Yes(no(part.v), part.k)
            case t.CountTrue(terms=terms):
                parts = [self.condition(x) for x in terms]
                return Num(add(*(choose(p.v, ONE, ZERO) for p in parts)), ONE, both(*(p.k for p in parts)))
            case t.DatePart() if self.figures.any_time:
                return Num(self.figures.month(), ONE, True)
            case t.DatePart(part=part, x=x):
                day = self.encode(x)
                known = isinstance(day, Name) and isinstance(day.value, date)
                return Num(Fraction(getattr(day.value, part)) if known else ZERO, ONE, known)  # type: ignore[union-attr]
            case t.Between(what=what) if self.figures.any_time and own_day(node) is not None:
                return Num(self.figures.since(what, str(own_day(node))), ONE, True)
            case t.Between(what=what, first=first, last=last):
                return between(what, self.encode(first), self.encode(last))
            case _:
                return self._leaf(node)

    # -- numbers --

    def _product(self, node: t.Expr, left: t.Expr, right: t.Expr) -> Num:
        x, y = self.number(left), self.number(right)
        if not is_stepwise(x.n) and not is_stepwise(y.n):
            self.products.append((left, right))
        if x.is_pair or y.is_pair:
            self._note_divisor(node)
        return plain_number(mul(x.n, y.n), mul(x.d, y.d), both(x.k, y.k))

    def _quotient(self, node: t.Quotient) -> Num:
        above, below = self.number(node.dividend), self.number(node.divisor)
        n, d = mul(above.n, below.d), mul(below.n, above.d)
        bad = compared("<=" if node.positive else "=", d, ZERO)
        if not node.positive:
            negative = compared("<", d, ZERO)
            n, d = choose(negative, neg(n), n), choose(negative, neg(d), d)
        known = both(above.k, below.k)
        if node.undefined is None:
            if bad is True:
                return Num(ZERO, ONE, False)
            return plain_number(n, d, both(known, no(bad)))
        instead = self.number(node.undefined)
        if isinstance(bad, bool):
            return Num(instead.n, instead.d, both(known, instead.k)) if bad else plain_number(n, d, known)
        return Num(
            choose(bad, instead.n, n),
            choose(bad, instead.d, d),
            both(known, choose_truth(bad, instead.k, True)),
        )

    def _note_divisor(self, node: t.Expr) -> None:
        """Remember the quotients of an expression: their divisors make it more than linear."""
        for part in t.walk(node):
            if isinstance(part, t.Quotient):
                self.products.append((part.dividend, part.divisor))
            elif isinstance(part, t.MeasureRef) and part.name not in self.cuts:
                measure = self.rulebook.measures[part.name]
                if isinstance(measure, t.FormulaMeasure):
                    self._note_divisor(measure.expr)

    def _rounded(self, path: object, x: Num, places: int) -> Num:
        """Return x at some places, a half away from zero."""
        scale = Fraction(10**places)
        # An average or a share may lie off its grid, so this is left to where it makes no fen: many places.
        if not x.is_pair and places >= QUOTIENT_PLACES and self._has_places(x.n, scale):
            return x
        if not x.is_pair and is_stepwise(x.n):
            return Num(each_step(x.n, lambda value: round_half_away(value, places)), ONE, x.k)
        if not x.is_pair and self.figures.exact:
            return Num(mul(half_away(mul(x.n, scale)), 1 / scale), ONE, x.k)
        return self._boxed(path, x, ("near", HALF / scale))

    def _has_places(self, x: Term, scale: Fraction) -> bool:
        """Tell whether a term has no more places than it is rounded at, its figures being on their grids."""
        steps = {
            key + mark: leaf.step for key, leaf in self.figures.leaves.items() for mark in ("", "′", "+")
        }
        grid = None if isinstance(x, Fraction) else grid_of(x, steps)
        return grid is not None and (grid * scale).denominator == 1

    def _boxed(self, path: object, x: Num, how: tuple[str, Fraction]) -> Num:
        """Return a number that is not farther from x than allowed, on the same side of zero."""
        s = self.figures.fresh()
        kind, width = how
        scaled = mul(s, x.d)
        rules = self.figures.rules
        # With a free divisor these multiply two unknowns: the solver first tries without them.
        heavy = self.figures.heavy if x.is_pair else rules
        room = mul(width, x.d)
        within = [
            real(add(scaled, neg(x.n))) <= real(room),
            real(add(x.n, neg(scaled))) <= real(room),
        ]
        rules.append(z3.Implies(real(x.n) >= 0, s >= 0))
        rules.append(z3.Implies(real(x.n) <= 0, s <= 0))
        if kind == "cut":
            within.append(z3.Implies(real(x.n) >= 0, real(scaled) <= real(x.n)))
            within.append(z3.Implies(real(x.n) <= 0, real(scaled) >= real(x.n)))
        if kind == "out":
            within.append(z3.Implies(real(x.n) >= 0, real(scaled) >= real(x.n)))
            within.append(z3.Implies(real(x.n) <= 0, real(scaled) <= real(x.n)))
        # Over a divisor of 0 there is nothing to round: the box must not forbid that there is such a manager.
        heavy += [z3.Implies(x.d > 0, rule) for rule in within] if x.is_pair else within
        self.rounded[path] = (x.n, x.d, s)
        self.roundings.append((how, (x.n, x.d, s)))
        return Num(s, ONE, x.k)

    def _round(self, node: t.Round) -> Num:
        x = self.number(node.x)
        if node.mode == "half":
            self._note_divisor(node.x)
            return self._rounded(("node", id(node)), x, node.places)
        if is_quotient(node.x):
            self._note_divisor(node.x)
            x = self._rounded(("settled", id(node)), x, QUOTIENT_PLACES)
        scale = Fraction(10**node.places)
        if not self.figures.exact and not is_stepwise(x.n):
            return self._boxed(("node", id(node)), x, ("out" if node.mode == "up" else "cut", 1 / scale))
        whole = (outward if node.mode == "up" else cut)(mul(x.n, scale))
        return Num(mul(whole, 1 / scale), ONE, x.k)

    def _steps(self, node: t.Steps) -> Num:
        x = self.number(node.x)
        exact = Num(mul(x.n, 1 / node.size), x.d, x.k)
        path = ("node", id(node))
        if node.how == "proportional":
            if not is_quotient(node.x):
                return exact
            self._note_divisor(node.x)
            return self._rounded(path, exact, QUOTIENT_PLACES)
        if exact.is_pair:
            self._note_divisor(node.x)
            found = self._boxed(path, exact, ("cut" if node.how == "completed" else "out", ONE))
            steps = z3.Int(f"steps {found.n}")
            self.figures.rules.append(found.n == z3.ToReal(steps))
            return found
        return Num((cut if node.how == "completed" else outward)(exact.n), ONE, x.k)

    # -- conditions and choices --

    def _compared(self, op: str, x: Num, y: Num) -> Truth:
        return compared(op, mul(x.n, y.d), mul(y.n, x.d))

    def _comparison(self, op: str, left: Sym, right: Sym) -> Yes:
        if isinstance(left, Num) and isinstance(right, Num):
            return Yes(self._compared(op, left, right), both(left.k, right.k))
        if isinstance(left, Picked) or isinstance(right, Picked):
            return of_name(left, lambda a: of_name(right, lambda b: self._comparison(op, a, b)))
        if isinstance(left, Name) and isinstance(right, Name):
            a, b = left.value, right.value
            if a is None or b is None:
                return Yes(False, False)
            found: dict[str, Callable[[Any, Any], bool]] = {
                "=": lambda p, q: p == q,
                "<>": lambda p, q: p != q,
                "<": lambda p, q: p < q,
                "<=": lambda p, q: p <= q,
                ">": lambda p, q: p > q,
                ">=": lambda p, q: p >= q,
            }
            return Yes(found[op](a, b), True)
        if isinstance(left, Yes) and isinstance(right, Yes):
            same = choose_truth(left.v, right.v, no(right.v))
            return Yes(same if op == "=" else no(same), both(left.k, right.k))
        return Yes(False, False)

    def rows(self, name: str) -> tuple[t.TableRow, ...]:
        """Return the rows of a table in force."""
        return rows_in_force(self.rulebook.tables[name], self.days.last_day)

    def row_holds(self, cells: tuple[t.Cell, ...], keys: list[Sym]) -> Yes:
        """Return whether the keys fall in the cells of a row."""
        held = [self._cell(cell, key) for cell, key in zip(cells, keys, strict=True)]
        yes, nope = both(*(h.holds for h in held)), either(*(h.fails for h in held))
        return Yes(yes, either(yes, nope))

    def _cell(self, cell: t.Cell, key: Sym) -> Yes:
        if isinstance(cell, t.AnyCell):
            return Yes(True, True)
        if isinstance(cell, t.ChoiceCell):
            choices = cell.choices
            return of_name(key, lambda name: Yes(name.value in choices, True))
        if not isinstance(key, Num):
            return Yes(False, True)
        parts: list[Truth] = []
        if cell.low is not None:
            parts.append(self._compared(">=" if cell.low_in else ">", key, Num(cell.low, ONE, True)))
        if cell.high is not None:
            parts.append(self._compared("<=" if cell.high_in else "<", key, Num(cell.high, ONE, True)))
        return Yes(both(*parts), key.k)

    def _lookup(self, node: t.Lookup) -> Sym:
        table = self.rulebook.tables[node.table]
        index = table.columns.index(node.column)
        keys = [self.encode(key) for key in node.keys]
        if table.how in ("marginal", "per piece"):
            return self._marginal(node.table, index, keys)
        rows = [
            (self.row_holds(row.cells, keys), partial(self.encode, row.gives[index]))
            for row in self.rows(node.table)
        ]
        last = table.no_row
        return read_down(rows, (lambda: self.encode(last[index])) if last is not None else None)

    def _marginal(self, name: str, index: int, keys: list[Sym]) -> Num:
        table = self.rulebook.tables[name]
        x = keys[0] if isinstance(keys[0], Num) else Num(ZERO, ONE, False)
        terms: list[Num] = [Num(ZERO, ONE, x.k)]
        for row in self.rows(name):
            held = self.row_holds(row.cells[1:], keys[1:])
            rate = self.number(row.gives[index])
            part = part_inside(row.cells[0], x, pieces=table.how == "per piece")
            if not is_stepwise(part) and not is_stepwise(rate.n):
                self.products.append((row.gives[index], row.gives[index]))
            known = both(held.k, choose_truth(held.v, rate.k, True))
            terms.append(Num(choose(held.v, mul(part, rate.n), ZERO), ONE, known))
        return summed(terms)

    # -- leaves --

    def _leaf(self, node: t.Expr) -> Sym:
        match node:
            case t.LineRef(name=name):
                return self._figure(node) if name in self.cuts else self.line(name)
            case t.InstanceValue(name="spell_days") if self.figures.in_part:
                return self._spell(node)
            case t.InstanceValue(name=name):
                return self._instance(name)
            case t.MeasureRef(name=name):
                measure = self.rulebook.measures[name]
                if isinstance(measure, t.FormulaMeasure) and name not in self.cuts:
                    return self._formula(measure)
            case t.Pool():
                return self._pool(node)
            case t.Previous(otherwise=otherwise) if otherwise is not None:
                one, instead = self._figure(node), self.encode(otherwise)
                if isinstance(one, Num) and isinstance(instead, Num):
                    return merged(one.k, one, instead, either(one.k, instead.k))
                return one
            case _:
                pass
        if units.is_choice(node.unit) or node.unit == units.DATE:
            key = key_of(node, self.figures.chosen)
            if self.state is not None and key == self.state[0]:
                return Name(self.state[1])
            return Name(self.figures.chosen.get(key))
        found = self._figure(node)
        if isinstance(node, t.InputRef) and isinstance(found, Num):
            self._allowed(node, found)
        if isinstance(node, t.Group) and isinstance(found, Num):
            self._group(node, found)
        if (
            isinstance(node, t.Streak | t.Times)
            and isinstance(found, Num)
            and not isinstance(found.n, Fraction)
        ):
            return self._counted(node, found)
        return found

    def _counted(self, node: t.Streak | t.Times, found: Num) -> Num:
        """Return a count of instances, with what it is made of: what was before, and whether the condition holds now."""
        now, streak = self.line(node.line), isinstance(node, t.Streak)
        if not isinstance(now, Yes):
            return found
        key = key_of(node, self.figures.chosen)
        rule = choose_truth(
            now.v, compared(">=", found.n, ONE), compared("=", found.n, ZERO) if streak else True
        )
        if key in self.varied and key not in self.figures.apart:
            # Two copies of a manager have the same past.
            past = self.figures.past(key, node.last - 1 if isinstance(node, t.Times) else None)
            before = ZERO if streak else past
            counted = compared("=", found.n, choose(now.v, add(past, ONE), before))
            rule = both(rule, either(no(now.k), counted))
            found = Num(found.n, found.d, both(found.k, now.k))
        if rule is not True:
            self.figures.rules.append(rule if not isinstance(rule, bool) else z3.BoolVal(rule))
        return found

    def _group(self, node: t.Group, found: Num) -> None:
        """Add that oneself is counted, and that the sum or the highest of what is not negative is at least one's own."""
        belongs = self.figures.groups is None or node.among in self.figures.groups
        if not node.self_in or node.below or not belongs:
            return
        if node.how == "count":
            one = self.encode(node.of)
            counted = one.holds if isinstance(one, Yes) else node.of.unit == units.YES_NO
            rule = either(no(counted), compared(">=", found.n, ONE))
        elif node.how in ("sum", "highest") and node.of.unit in units.SCALARS:
            if not Slope(self.book, "", self.figures.chosen, self.days_text).of(node.of).is_positive:
                return
            own = self.number(node.of)
            rule = either(no(own.k), self._compared(">=", found, own))
        else:
            return
        if not isinstance(rule, bool):
            self.figures.rules.append(rule)

    def _allowed(self, node: t.InputRef, found: Num) -> None:
        """Add that an input lies between the formulas that say what is allowed, where these are of the same keys."""
        declared = self.rulebook.inputs[node.name]
        if not all(isinstance(key, t.SubjectValue) for key in node.keys):
            return
        for end, op in ((declared.least, ">="), (declared.most, "<=")):
            if end is not None:
                limit = self.number(end)
                inside = either(no(both(found.k, limit.k)), self._compared(op, found, limit))
                if not isinstance(inside, bool):
                    self.figures.rules.append(inside)

    def _figure(self, node: t.Expr) -> Num | Yes:
        key = key_of(node, self.figures.chosen)
        return self.figures.term(node, self.mark if key in self.varied else "", self.book)

    def _formula(self, measure: t.FormulaMeasure) -> Sym:
        found = self.encode(measure.expr)
        if (
            isinstance(found, Num)
            and not isinstance(found.n, Fraction)
            and measure.id not in self.figures.loose
        ):
            for edge, op in ((measure.low, ">="), (measure.high, "<=")):
                if edge is not None:
                    inside = either(no(found.k), self._compared(op, found, Num(edge, ONE, True)))
                    if not isinstance(inside, bool):
                        self.figures.rules.append(inside)
        return found

    def _pool(self, node: t.Pool) -> Num:
        """Return a part of a pool: amount × of ÷ sum, cut to the fen; the sum of all is at least one's own."""
        amount, own = self.number(node.amount), self.number(node.of)
        total = self.figures.pool_sum(node.of.unit)
        self.products.append((node.amount, node.of))
        rules = [compared(">=", mul(total, own.d), own.n), compared(">", total, ZERO)]
        self.figures.rules += [rule for rule in rules if not isinstance(rule, bool)]
        known = both(amount.k, own.k, compared(">=", own.n, ZERO))
        part = plain_number(mul(amount.n, own.n), mul(mul(amount.d, own.d), total), known)
        if not part.is_pair and self.figures.exact:
            return Num(mul(cut(mul(part.n, Fraction(100))), Fraction(1, 100)), ONE, known)
        return self._boxed(("pool", id(node)), part, ("cut", Fraction(1, 50)))

    def _spell(self, node: t.InstanceValue) -> Num | Yes:
        """Return the days of a spell: any of those of the instance."""
        found = self._figure(node)
        if isinstance(found, Num):
            self.figures.rules.append(real(found.n) <= real(Fraction(self.days.days)))
        return found

    def _instance(self, name: str) -> Sym:
        if name == "period_start":
            return Name(self.days.start)
        if name == "period_end":
            return Name(self.days.last_day)
        return Num(Fraction(self.days.days), ONE, True)


def own_day(node: t.Between) -> str | None:
    """Return the person's own day that a span begins or ends with, the other end being the instance's or a fixed one."""
    ends = [x for x in (node.first, node.last) if isinstance(x, t.SubjectValue)]
    fixed = [x for x in (node.first, node.last) if isinstance(x, t.InstanceValue | t.DateConst)]
    if len(ends) != 1 or len(fixed) != 1:
        return None
    turned = "to" if node.first is ends[0] else "from"
    return f"{ends[0].column} {turned} {fixed[0].name if isinstance(fixed[0], t.InstanceValue) else fixed[0].value}"


def never_falls(one: Encoder, other: Encoder) -> list[Any]:
    """Return that a boxed rounding of two copies of a manager does not fall where its exact number rises."""
    pairs = [(found, other.rounded[path]) for path, found in one.rounded.items() if path in other.rounded]
    return [rule for first, second in pairs for rule in _in_step(first, second)]


def rounds_alike(one: Encoder, other: Encoder) -> list[Any]:
    """Return that two rulebooks round alike: of any two boxed roundings of one kind."""
    pairs = [(a, b) for how, a in one.roundings for same, b in other.roundings if how == same]
    return [rule for first, second in pairs[:400] for rule in _in_step(first, second)]


def _in_step(first: tuple[Term, Term, Term], second: tuple[Term, Term, Term]) -> list[Any]:
    (n, d, s), (n2, d2, s2) = first, second
    fixed = isinstance(d, Fraction) and isinstance(d2, Fraction)
    same = d == d2 if fixed else not isinstance(d, Fraction) and not isinstance(d2, Fraction) and z3.eq(d, d2)
    left, right = (n, n2) if same else (mul(n, d2), mul(n2, d))
    return [z3.Implies(real(left) <= real(right), s <= s2), z3.Implies(real(right) <= real(left), s2 <= s)]
