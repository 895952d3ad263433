"""Formulas to SQL: one case per node of the tree, with the same meaning as the evaluator's.

The columns that a formula reads come from an `Env`: the figures of a subject, or the row of a fact.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from sqlglot import exp

from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Bool, Compiled, Day, Num, Pair, Word
from guanhu.rulebook.run.sheet import Sheet
from guanhu.values import units
from guanhu.values.dates import FAR_FUTURE


class Env(Protocol):
    """Where the leaves of a formula are found."""

    sheet: Sheet
    measured: dict[t.Expr, Compiled]
    """Parts that stand as columns already, with the bounds that their data prove."""

    def leaf(self, node: t.Expr) -> Compiled:
        """Return the column of a measure, line, input, attribute, state or group figure."""

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table and its rows in force for this context."""


class Compiler:
    """Compiles formulas in one environment."""

    def __init__(self, env: Env) -> None:
        """Keep the environment."""
        self.env = env

    def compile(self, node: t.Expr) -> Compiled:
        """Return the SQL of an expression, bound as a column when it is not one already."""
        # First the value: a figure of another group may put a new sheet in the old one's place.
        found = self.unbound(node)
        return self.env.sheet.bind(found)

    def unbound(self, node: t.Expr) -> Compiled:
        """Return the SQL of an expression for who names it once; what it is made of is bound where that is needed."""
        measured = self.env.measured.get(node) if self.env.measured else None
        return measured if measured is not None else self._compile(node)

    def number(self, node: t.Expr) -> Num:
        """Return a figure that is a number; the checker has settled quotients where one is needed."""
        found = self.compile(node)
        if not isinstance(found, Num):
            raise TypeError(f"{type(node).__name__} at {node.place} is not a number")
        return found

    def figure(self, node: t.Expr) -> Num | Pair:
        """Return a number or an exact quotient."""
        found = self.compile(node)
        if not isinstance(found, Num | Pair):
            raise TypeError(f"{type(node).__name__} at {node.place} is not a figure")
        return found

    def term(self, node: t.Expr) -> Num | Pair:
        """Return a part of a sum or product: it is named once there, so sums in sums are reckoned in place."""
        if not isinstance(node, t.Negative | t.Sum | t.Product):
            return self.figure(node)
        found = self.unbound(node)
        if isinstance(found, Num):
            return found
        bound = self.env.sheet.bind(found)
        if not isinstance(bound, Pair):
            raise TypeError(f"{type(node).__name__} at {node.place} is not a figure")
        return bound

    def condition(self, node: t.Expr) -> Bool:
        """Return a condition."""
        found = self.compile(node)
        if not isinstance(found, Bool):
            raise TypeError(f"{type(node).__name__} at {node.place} is not a condition")
        return found

    def _compile(self, node: t.Expr) -> Compiled:
        match node:
            case t.Const():
                return n.constant(node.value)
            case t.WordConst():
                return Word(exp.Literal.string(node.value))
            case t.DateConst():
                return Day(
                    exp.Cast(this=exp.Literal.string(node.value.isoformat()), to=exp.DataType.build("DATE"))
                )
            case t.YesNoConst():
                return Bool(exp.Boolean(this=node.value))
            case t.Negative():
                return _on_dividend(self.term(node.x), n.negative)
            case t.Sum():
                return self._sum(node)
            case t.Product():
                return self._product(node)
            case t.Quotient():
                return self._quotient(node)
            case t.Settled():
                found = self.figure(node.x)
                return (
                    n.quotient_rounded(found, node.places, self._bound)
                    if isinstance(found, Pair)
                    else self._settled(found, node.places)
                )
            case t.Round():
                return self._round(node)
            case t.Least() | t.Most():
                how = "least" if isinstance(node, t.Least) else "most"
                return n.extreme([self.number(x) for x in node.terms], how)
            case t.Absolute():
                return n.absolute(self.number(node.x))
            case t.Steps():
                return self._steps(node)
            case t.ByDays():
                return self._by_days(node)
            case t.Cases():
                return self._cases([(c.when, c.value) for c in node.cases], node.otherwise)
            case t.Lookup():
                return self._lookup(node)
            case t.FirstGiven():
                return self._first_given(node)
            case t.Given():
                return Bool(
                    exp.Not(this=n.wrap(n.is_null(_sql_of(self.compile(node.x))))),
                    _level(self.compile(node.x)),
                )
            case t.Compare():
                return self._compare(node)
            case t.In():
                x = self.compile(node.x)
                choices = [exp.Literal.string(c) for c in node.choices]
                return Bool(exp.In(this=n.wrap(_sql_of(x)), expressions=choices), _level(x))
            case t.And() | t.Or():
                return self._joined(node)
            case t.Not():
                x = self.condition(node.x)
                return Bool(exp.Not(this=n.wrap(x.sql)), x.level)
            case t.CountTrue():
                return self._count_true(node)
            case t.DatePart():
                return self._date_part(node)
            case t.Between():
                return self._between(node)
            case _:
                return self.env.leaf(node)

    def _settled(self, found: Num, places: int) -> Num:
        target = Fraction(1, 10**places)
        return found if (found.scale / target).denominator == 1 else n.rounded(found, target)

    def _sum(self, node: t.Sum) -> Num | Pair:
        figures = [self.term(x) for x in node.terms]
        pair = next((f for f in figures if isinstance(f, Pair)), None)
        if pair is None:
            return self._added([f for f in figures if isinstance(f, Num)])
        rest = [n.multiply(f, pair.divisor) if isinstance(f, Num) else f.dividend for f in figures]
        return Pair(self._added(rest), pair.divisor)

    def _added(self, terms: list[Num]) -> Num:
        found = terms[0]
        for term in terms[1:]:
            found = n.add(found, term)
        return found

    def _product(self, node: t.Product) -> Num | Pair:
        left, right = self.term(node.left), self.term(node.right)
        if isinstance(left, Pair) and isinstance(right, Num):
            return Pair(n.multiply(left.dividend, right), left.divisor)
        if isinstance(right, Pair) and isinstance(left, Num):
            return Pair(n.multiply(right.dividend, left), right.divisor)
        if isinstance(left, Num) and isinstance(right, Num):
            return n.multiply(left, right)
        raise TypeError(f"a product of two quotients at {node.place}")

    def _quotient(self, node: t.Quotient) -> Pair:
        dividend, divisor = self.number(node.dividend), self.number(node.divisor)
        bad = n.comparison("<=" if node.positive else "=", divisor.sql, n.integer(0))
        level = max(dividend.level, divisor.level)
        if node.undefined is None:
            if not node.positive:
                return Pair(dividend, divisor)
            # A divisor that is not above 0 becomes 0, which every use of a pair answers with unknown.
            held = Num(
                n.case([(bad, n.integer(0))], divisor.sql), divisor.scale, 0, max(divisor.high, 0), level
            )
            return Pair(dividend, self._bound(held))
        fallback = self.number(node.undefined)
        scale = n.common_scale(dividend.scale, fallback.scale)
        above, instead = n.rescaled(dividend, scale), n.rescaled(fallback, scale)
        one = n.rescaled(n.constant(Fraction(1)), n.common_scale(divisor.scale, Fraction(1)))
        below = n.rescaled(divisor, one.scale)
        known = n.is_null(above.sql)
        level = max(above.level, instead.level, below.level)
        size = max(above.size, instead.size)
        top = Num(n.case([(known, exp.Null()), (bad, instead.sql)], above.sql), scale, -size, size, level)
        low = 0 if node.positive else min(below.low, one.low)
        bottom = Num(n.case([(bad, one.sql)], below.sql), one.scale, low, max(below.high, one.high), level)
        return Pair(self._bound(top), self._bound(bottom))

    def _bound(self, num: Num) -> Num:
        found = self.env.sheet.bind(num)
        return found if isinstance(found, Num) else num

    def _round(self, node: t.Round) -> Num:
        found = self.figure(node.x)
        target = Fraction(1, 10**node.places)
        if node.mode == "half":
            return (
                n.quotient_rounded(found, node.places, self._bound)
                if isinstance(found, Pair)
                else n.rounded(found, target)
            )
        num = n.quotient_rounded(found, 12, self._bound) if isinstance(found, Pair) else found
        ratio = target / num.scale
        if ratio.numerator == 1:
            return num
        finer = n.rescaled(num, num.scale / ratio.denominator)
        cut = n.away(finer, ratio.numerator) if node.mode == "up" else n.truncated(finer, ratio.numerator)
        return Num(cut.sql, target, cut.low, cut.high, cut.level)

    def _steps(self, node: t.Steps) -> Num:
        found = self.figure(node.x)
        inverse = n.constant(1 / node.size)
        if isinstance(found, Pair):
            scaled = Pair(n.multiply(found.dividend, inverse), found.divisor)
            if node.how == "proportional":
                return n.quotient_rounded(scaled, 12, self._bound)
            return self._pair_steps(scaled, node.how)
        scaled_num = self._bound(n.multiply(found, inverse))
        if node.how == "proportional":
            return scaled_num
        # whole × scale, cut to whole steps: whole × numerator ÷ denominator.
        times = self._bound(n.rescaled(scaled_num, scaled_num.scale / scaled_num.scale.numerator))
        cut = n.truncated if node.how == "completed" else n.away
        whole = cut(times, times.scale.denominator)
        return Num(whole.sql, Fraction(1), whole.low, whole.high, whole.level)

    def _pair_steps(self, pair: Pair, how: str) -> Num:
        ratio = pair.dividend.scale / pair.divisor.scale
        above = self._bound(n.rescaled(pair.dividend, pair.dividend.scale / ratio.numerator))
        below = self._bound(n.rescaled(pair.divisor, pair.divisor.scale / ratio.denominator))
        size = above.size + below.size
        level = max(above.level, below.level)
        top: exp.Expr = exp.Abs(this=n.typed(above.sql, size))
        bottom = exp.Abs(this=n.typed(below.sql, size))
        if how == "started":
            top = exp.Sub(this=n.wrap(exp.Add(this=top, expression=bottom)), expression=n.integer(1))
        whole = exp.IntDiv(this=n.wrap(top), expression=n.wrap(bottom))
        opposite = exp.NEQ(
            this=n.wrap(exp.LT(this=n.wrap(above.sql), expression=n.integer(0))),
            expression=n.wrap(exp.LT(this=n.wrap(below.sql), expression=n.integer(0))),
        )
        zero = exp.EQ(this=n.wrap(below.sql), expression=n.integer(0))
        sql = n.case([(zero, exp.Null()), (opposite, exp.Neg(this=n.wrap(whole)))], whole)
        bound = above.size + 1
        return Num(sql, Fraction(1), -bound, bound, level)

    def _by_days(self, node: t.ByDays) -> Num | Pair:
        """Return an amount by the days of the spell: those of the instance are a constant, those of a person not."""
        part, days = n.multiply(self.number(node.x), self.number(node.part)), self.number(node.of)
        if days.constant is None:
            return Pair(part, days)
        return n.multiply(part, n.constant(Fraction(1, days.constant)))

    def _cases(self, arms: list[tuple[t.Expr, t.Expr]], otherwise: t.Expr | None) -> Compiled:
        conditions = [self.condition(when) for when, _ in arms]
        values = [self.compile(value) for _, value in arms]
        last = self.compile(otherwise) if otherwise is not None else None
        return self.picked(conditions, values, last)

    def picked(self, conditions: list[Bool], values: list[Compiled], last: Compiled | None) -> Compiled:
        """Return the value of the first condition that holds; an unknown one before it makes it unknown."""
        everything = [*values, *([last] if last is not None else [])]
        level = max([c.level for c in conditions] + [_level(v) for v in everything])
        pick = _Aligned(everything)
        sql = n.first_that_holds(
            [condition.sql for condition in conditions],
            pick.sqls[: len(conditions)],
            pick.sqls[-1] if last is not None else None,
        )
        return pick.like(sql, level)

    def _lookup(self, node: t.Lookup) -> Compiled:
        table, rows = self.env.table_rows(node.table)
        index = table.columns.index(node.column)
        keys = [self.compile(key) for key in node.keys]
        if table.how in ("marginal", "per piece"):
            return self._marginal(table, rows, index, keys)
        conditions: list[Bool] = []
        values: list[Compiled] = []
        taken = Taken()
        for row in rows:
            cells = [taken.shortened(row.cells[0], keys[0])] if len(keys) == 1 else row.cells
            tests = [self.cell(cell, key) for cell, key in zip(cells, keys, strict=True)]
            conditions.append(_all([test for test in tests if test is not None]))
            values.append(self.compile(row.gives[index]))
        last = self.compile(table.no_row[index]) if table.no_row is not None else None
        if not conditions:
            return last if last is not None else Num(exp.Null(), Fraction(1), 0, 0)
        # An unknown key is unknown even where a row takes any value of it only after others were tried.
        return self.picked(conditions, values, last)

    def cell(self, cell: t.Cell, key: Compiled) -> Bool | None:
        """Return the test of a cell; None for `any`."""
        match cell:
            case t.AnyCell():
                return None
            case t.ChoiceCell():
                words = [exp.Literal.string(c) for c in cell.choices]
                return Bool(exp.In(this=n.wrap(_sql_of(key)), expressions=words), _level(key))
            case t.RangeCell():
                if not isinstance(key, Num | Pair):
                    raise TypeError("a range over something that is not a number")
                tests: list[Bool] = []
                if cell.low is not None:
                    tests.append(n.compare(">=" if cell.low_in else ">", key, n.constant(cell.low)))
                if cell.high is not None:
                    tests.append(n.compare("<=" if cell.high_in else "<", key, n.constant(cell.high)))
                return _all(tests)

    def _marginal(
        self, table: t.Table, rows: tuple[t.TableRow, ...], index: int, keys: list[Compiled]
    ) -> Num:
        x = keys[0]
        if not isinstance(x, Num):
            raise TypeError("a marginal table over something that is not a number")
        total: Num | None = None
        piece = Fraction(1) if table.how == "per piece" else Fraction(0)
        for row in rows:
            cell = row.cells[0]
            low = high = None
            if isinstance(cell, t.RangeCell):
                low, high = bracket_edges(cell, piece)
            part = self._part_inside(x, low, high)
            others = [self.cell(c, k) for c, k in zip(row.cells[1:], keys[1:], strict=True)]
            rate = self.compile(row.gives[index])
            if not isinstance(rate, Num):
                raise TypeError("a marginal table gives numbers")
            amount: Compiled = n.multiply(self._bound(part), rate)
            tests = [test for test in others if test is not None]
            if tests:
                amount = self.picked([_all(tests)], [amount], n.constant(Fraction(0)))
            bound = self.env.sheet.bind(amount)
            if isinstance(bound, Num):
                total = bound if total is None else n.add(total, bound)
        return total if total is not None else n.constant(Fraction(0))

    def _part_inside(self, x: Num, low: Fraction | None, high: Fraction | None) -> Num:
        """Return how much of x lies between low and high: most(0, least(x, high) − low)."""
        part = n.extreme([x, n.constant(high)], "least") if high is not None else x
        part = self._bound(part)
        if low is not None:
            part = self._bound(n.add(part, n.constant(-low)))
            part = n.extreme([part, n.constant(Fraction(0))], "most")
        return self._bound(part)

    def _first_given(self, node: t.FirstGiven) -> Compiled:
        counts = node.unit in units.SCALARS
        terms: list[Compiled] = [self.number(x) if counts else self.compile(x) for x in node.terms]
        pick = _Aligned(terms)
        arms = [
            (exp.Not(this=n.wrap(n.is_null(_sql_of(term)))), sql)
            for term, sql in zip(terms[:-1], pick.sqls, strict=False)
        ]
        return pick.like(n.case(arms, pick.sqls[-1]), max(_level(term) for term in terms))

    def _compare(self, node: t.Compare) -> Bool:
        left, right = self.compile(node.left), self.compile(node.right)
        if isinstance(left, Num | Pair) and isinstance(right, Num | Pair):
            return n.compare(node.op, left, right)
        return Bool(n.comparison(node.op, _sql_of(left), _sql_of(right)), max(_level(left), _level(right)))

    def _joined(self, node: t.And | t.Or) -> Bool:
        terms = [self.condition(x) for x in node.terms]
        kind = exp.And if isinstance(node, t.And) else exp.Or
        sql = terms[0].sql
        for term in terms[1:]:
            sql = kind(this=n.wrap(sql), expression=n.wrap(term.sql))
        return Bool(sql, max(term.level for term in terms))

    def _count_true(self, node: t.CountTrue) -> Num:
        found: Num | None = None
        for x in node.terms:
            test = self.condition(x)
            sql = n.case([(n.is_null(test.sql), exp.Null()), (test.sql, n.integer(1))], n.integer(0))
            one = Num(sql, Fraction(1), 0, 1, test.level)
            found = one if found is None else n.add(found, one)
        return found if found is not None else n.constant(Fraction(0))

    def _date_part(self, node: t.DatePart) -> Num:
        x = self.compile(node.x)
        sql = exp.Extract(this=exp.Var(this=node.part.upper()), expression=n.wrap(_sql_of(x)))
        return Num(
            exp.Cast(this=sql, to=exp.DataType.build("BIGINT")), Fraction(1), 0, FAR_FUTURE.year, _level(x)
        )

    def _between(self, node: t.Between) -> Num:
        first, last = self.compile(node.first), self.compile(node.last)
        level = max(_level(first), _level(last))
        if node.what == "days":
            sql: exp.Expr = exp.Sub(this=n.wrap(_sql_of(last)), expression=n.wrap(_sql_of(first)))
        else:
            # Whole months passed; the engine counts from a later to an earlier day as negative.
            sql = exp.Anonymous(
                this="datesub",
                expressions=[exp.Literal.string("month"), _sql_of(first), _sql_of(last)],
            )
        days_max = 4_000_000
        return Num(
            exp.Cast(this=sql, to=exp.DataType.build("BIGINT")), Fraction(1), -days_max, days_max, level
        )


class _Aligned:
    """Several values brought to one scale, so that a CASE may return any of them."""

    def __init__(self, values: list[Compiled]) -> None:
        nums = [v for v in values if isinstance(v, Num)]
        self.first = values[0]
        if nums and len(nums) == len(values):
            scale = nums[0].scale
            for num in nums[1:]:
                scale = n.common_scale(scale, num.scale)
            aligned = [n.rescaled(num, scale) for num in nums]
            size = max(a.size for a in aligned)
            self.low, self.high, self.scale = min(a.low for a in aligned), max(a.high for a in aligned), scale
            self.sqls = [n.typed(a.sql, size) for a in aligned]
        else:
            self.low = self.high = 0
            self.scale = Fraction(1)
            self.sqls = [_sql_of(v) for v in values]

    def like(self, sql: exp.Expr, level: int) -> Compiled:
        match self.first:
            case Num():
                return Num(sql, self.scale, self.low, self.high, level)
            case Bool():
                return Bool(sql, level)
            case Day():
                return Day(sql, level)
            case _:
                return Word(sql, level)


class Taken:
    """Which figures the earlier rows of a table with one key have taken: all below or above some edge.

    A row that begins where those before it end need not test that it is there.

    >>> taken, x = Taken(), n.column("x", Fraction(1), -5, 200)
    >>> first, second = (
    ...     t.RangeCell(Fraction(a), True, Fraction(b), False, "") for a, b in ((-5, 40), (40, 60))
    ... )
    >>> [taken.shortened(cell, x).low for cell in (first, second)]
    [None, None]
    """

    def __init__(self) -> None:
        """Start before the first row."""
        self.below: tuple[Fraction, bool] | None = None
        self.above: tuple[Fraction, bool] | None = None

    def shortened(self, cell: t.Cell, key: Compiled) -> t.Cell:
        """Return the cell without the end that needs no test; one end always stays, as an unknown key is unknown."""
        if not isinstance(cell, t.RangeCell):
            return cell
        low, high = cell.low, cell.high
        starts = low is None or self._nothing_below(low, key, edge_itself=not cell.low_in)
        ends = high is None or self._nothing_above(high, key, edge_itself=not cell.high_in)
        if starts and high is not None:
            self.below = (high, cell.high_in)
        if ends and low is not None:
            self.above = (low, cell.low_in)
        if starts and high is not None:
            return replace(cell, low=None)
        return replace(cell, high=None) if ends and low is not None else cell

    def _nothing_below(self, edge: Fraction, key: Compiled, *, edge_itself: bool) -> bool:
        """Tell whether no figure is left below an edge (nor on it, where it is not in the row itself)."""
        if isinstance(key, Num) and _clears(edge, key.low * key.scale, edge_itself=edge_itself):
            return True
        if self.below is None:
            return False
        return edge < self.below[0] or (edge == self.below[0] and (self.below[1] or not edge_itself))

    def _nothing_above(self, edge: Fraction, key: Compiled, *, edge_itself: bool) -> bool:
        if isinstance(key, Num) and _clears(-edge, -key.high * key.scale, edge_itself=edge_itself):
            return True
        if self.above is None:
            return False
        return edge > self.above[0] or (edge == self.above[0] and (self.above[1] or not edge_itself))


def _clears(edge: Fraction, least: Fraction, *, edge_itself: bool) -> bool:
    return edge < least or (edge == least and not edge_itself)


def bracket_edges(cell: t.RangeCell, piece: Fraction) -> tuple[Fraction | None, Fraction | None]:
    """Return the amounts between which a bracket lies.

    Of counted pieces (`piece` 1) the bracket `[1, 10]` is the first ten: the amounts 0 to 10; `(10, ∞)`
    begins after the tenth.

    >>> bracket_edges(t.RangeCell(Fraction(1), True, Fraction(10), True, ""), Fraction(1))
    (Fraction(0, 1), Fraction(10, 1))
    """
    low, high = cell.low, cell.high
    if piece and low is not None and cell.low_in:
        low -= piece
    if piece and high is not None and not cell.high_in:
        high -= piece
    return low, high


def _on_dividend(found: Num | Pair, change: object) -> Num | Pair:
    if not callable(change):
        raise TypeError("change")
    return Pair(change(found.dividend), found.divisor) if isinstance(found, Pair) else change(found)


def _sql_of(value: Compiled) -> exp.Expr:
    if isinstance(value, Pair):
        # Only null tests come here: a pair is unknown when either side is.
        return n.case([(n.is_null(value.divisor.sql), exp.Null())], value.dividend.sql)
    return value.sql


def _level(value: Compiled) -> int:
    return max(value.dividend.level, value.divisor.level) if isinstance(value, Pair) else value.level


def _all(tests: list[Bool]) -> Bool:
    if not tests:
        return Bool(exp.Boolean(this=True))
    sql = tests[0].sql
    for test in tests[1:]:
        sql = exp.And(this=n.wrap(sql), expression=n.wrap(test.sql))
    return Bool(sql, max(test.level for test in tests))


sql_of, level_of, all_of = _sql_of, _level, _all
