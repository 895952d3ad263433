"""The only arithmetic an engine is given: exact whole numbers with a static scale and a proved bound.

A `Num` is a SQL whole number; its value is the whole number × `scale`. `low`/`high` bound the whole
number, and choose the narrowest type that cannot overflow: INTEGER below 2^30, BIGINT below 2^62, HUGEINT
below 2^126. Wider than that raises `TooWide`: the caller lets the evaluator compute those rows (`appraisal/wide.py`), so
that width never changes a figure.

Division, rounding and comparison of quotients are nodes of ours with one definition, because dialects
disagree. SQLGlot adds no parentheses to a tree built from nodes, so every operand is wrapped here.
NULL is *unknown*: nothing here skips it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

from sqlglot import exp

NARROWEST = 2**30
NARROW = 2**62
WIDE = 2**126
QUOTIENT_MAX = 10**27
"""The largest whole number of a rounded quotient where its operands prove no smaller bound."""
OVERFLOW = "guanhu: a quotient is too large"


class TooWide(Exception):
    """A figure whose bound does not fit 126 bits."""


_ANY_WIDTH: ContextVar[bool] = ContextVar("any width", default=False)


@contextmanager
def any_width() -> Iterator[None]:
    """Compile formulas whatever their width, for a while: to learn what they give and at which scale, never to run them."""
    token = _ANY_WIDTH.set(True)
    try:
        yield
    finally:
        _ANY_WIDTH.reset(token)


@dataclass(frozen=True, slots=True)
class Num:
    """A whole number in SQL. Its value is `sql` × `scale`; `low` ≤ `sql` ≤ `high`."""

    sql: exp.Expr
    scale: Fraction
    low: int
    high: int
    level: int = 0

    @property
    def size(self) -> int:
        """Return the largest size of the whole number."""
        return max(abs(self.low), abs(self.high))

    @property
    def constant(self) -> int | None:
        """Return the whole number when it is the same for every row."""
        inner = self.sql.this if isinstance(self.sql, exp.Neg | exp.Cast) else self.sql
        # A column whose values all agree is no constant: it may hold NULL, which is unknown.
        return self.low if self.low == self.high and isinstance(inner, exp.Literal) else None


@dataclass(frozen=True, slots=True)
class Pair:
    """An exact quotient: dividend ÷ divisor. A NULL on either side, or a divisor of 0, is unknown."""

    dividend: Num
    divisor: Num


@dataclass(frozen=True, slots=True)
class Bool:
    """A condition in SQL; NULL is unknown."""

    sql: exp.Expr
    level: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """A choice or text in SQL."""

    sql: exp.Expr
    level: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """A date in SQL."""

    sql: exp.Expr
    level: int = 0


Compiled = Num | Pair | Bool | Word | Day


def integer(value: int) -> exp.Expr:
    """Return a literal; one that does not fit 64 bits is cast from text, as a plain one may become a double."""
    if abs(value) < 2**63:
        literal = exp.Literal.number(abs(value))
        return exp.Neg(this=literal) if value < 0 else literal
    return exp.Cast(this=exp.Literal.string(str(value)), to=exp.DataType.build("INT128"))


def wrap(sql: exp.Expr) -> exp.Expr:
    """Return the expression in parentheses, unless it is one word."""
    # Trees are printed, never changed in place, so that they may share their parts: copying took most of the time.
    if isinstance(sql, exp.Column | exp.Literal | exp.Cast | exp.Paren | exp.Case | exp.Anonymous):
        return sql
    return exp.Paren(this=sql)


def _limit(size: int) -> int:
    """Return the limit of the narrowest type that holds `size`."""
    for limit in (NARROWEST, NARROW, WIDE):
        if size < limit:
            return limit
    if _ANY_WIDTH.get():
        return WIDE
    raise TooWide(str(size))


# Shared by all casts: to build a type is to parse its name.
_TYPES = {
    NARROWEST: exp.DataType.build("INT"),
    NARROW: exp.DataType.build("BIGINT"),
    WIDE: exp.DataType.build("INT128"),
}


def typed(sql: exp.Expr, size: int) -> exp.Expr:
    """Return the expression cast to the narrowest type that holds `size`."""
    limit = _limit(size)
    if limit == NARROWEST and isinstance(sql, exp.Literal) and not sql.is_string:
        return sql
    return exp.Cast(this=sql, to=_TYPES[limit])


def _widened(num: Num, size: int) -> exp.Expr:
    """Return the operand of an operation whose result may be as large as `size`."""
    limit = _limit(size)
    if num.constant is not None and limit <= NARROW:
        return wrap(num.sql)
    # A column is at least as wide as its bound says; what is not a column yet has the type of its own operands.
    return (
        wrap(num.sql)
        if isinstance(num.sql, exp.Column) and limit == _limit(num.size)
        else typed(num.sql, size)
    )


def constant(value: Fraction) -> Num:
    """Return a constant of the text."""
    return Num(integer(value.numerator), Fraction(1, value.denominator), value.numerator, value.numerator)


def column(name: str, scale: Fraction, low: int, high: int, level: int = 0) -> Num:
    """Return a column of whole numbers."""
    return Num(exp.column(name, quoted=True), scale, low, high, level)


def rescaled(num: Num, scale: Fraction) -> Num:
    """Return the number at a finer scale; the ratio of the scales is a whole number."""
    factor = num.scale / scale
    if factor == 1:
        return num
    times = factor.numerator
    if num.constant is not None:
        return Num(integer(num.low * times), scale, num.low * times, num.low * times, num.level)
    size = num.size * times
    sql = exp.Mul(this=_widened(num, size), expression=integer(times))
    return Num(sql, scale, num.low * times, num.high * times, num.level)


def common_scale(one: Fraction, other: Fraction) -> Fraction:
    """Return the largest scale of which both are whole multiples.

    >>> common_scale(Fraction(1, 100), Fraction(1, 6))
    Fraction(1, 300)
    """
    above = gcd(one.numerator * other.denominator, other.numerator * one.denominator)
    return Fraction(above, one.denominator * other.denominator)


def add(left: Num, right: Num) -> Num:
    """Return left + right."""
    scale = common_scale(left.scale, right.scale)
    a, b = rescaled(left, scale), rescaled(right, scale)
    low, high = a.low + b.low, a.high + b.high
    if a.constant is not None and b.constant is not None:
        return Num(integer(low), scale, low, low)
    size = max(abs(low), abs(high), a.size, b.size)
    sql = exp.Add(this=_widened(a, size), expression=_widened(b, size))
    return Num(sql, scale, low, high, max(a.level, b.level))


def negative(x: Num) -> Num:
    """Return −x."""
    if x.constant is not None:
        return Num(integer(-x.low), x.scale, -x.low, -x.low)
    return Num(exp.Neg(this=wrap(x.sql)), x.scale, -x.high, -x.low, x.level)


def multiply(left: Num, right: Num) -> Num:
    """Return left × right."""
    corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    scale, low, high = left.scale * right.scale, min(corners), max(corners)
    if left.constant is not None and right.constant is not None:
        return Num(integer(low), scale, low, low)
    for one, other in ((left, right), (right, left)):
        if one.constant == 1:
            return Num(other.sql, scale, other.low, other.high, other.level)
    size = max(abs(low), abs(high), left.size, right.size)
    sql = exp.Mul(this=_widened(left, size), expression=_widened(right, size))
    return Num(sql, scale, low, high, max(left.level, right.level))


def absolute(x: Num) -> Num:
    """Return the size of x."""
    return Num(exp.Abs(this=x.sql), x.scale, 0, x.size, x.level)


def is_null(sql: exp.Expr) -> exp.Expr:
    """Return the test for unknown."""
    return exp.Is(this=wrap(sql), expression=exp.Null())


def any_of(conditions: list[exp.Expr]) -> exp.Expr:
    """Return the conditions joined by OR."""
    found = conditions[0]
    for condition in conditions[1:]:
        found = exp.Or(this=wrap(found), expression=wrap(condition))
    return found


def case(arms: Sequence[tuple[exp.Expr, exp.Expr]], otherwise: exp.Expr) -> exp.Expr:
    """Return CASE WHEN … THEN … ELSE … END."""
    built = exp.Case()
    for condition, value in arms:
        built = built.when(condition, value, copy=False)
    return built.else_(otherwise, copy=False)


Columns = frozenset[tuple[str, str]]
"""Columns, each as its table and name."""


def deciding(sql: exp.Expr) -> Columns | None:
    """Return the columns of which each NULL, and nothing else, makes an expression NULL; None where that is not told.

    >>> x, y = exp.column("x", quoted=True), exp.column("y", quoted=True)
    >>> sorted(deciding(exp.LT(this=x, expression=exp.Add(this=y, expression=integer(1)))))
    [('', 'x'), ('', 'y')]
    >>> deciding(
    ...     exp.Or(
    ...         this=exp.LT(this=x, expression=integer(1)), expression=exp.GT(this=y, expression=integer(2))
    ...     )
    ... )
    """
    match sql:
        case exp.Column():
            return frozenset([(sql.table, sql.name)])
        case exp.Literal() | exp.Boolean():
            return frozenset()
        case exp.Cast() | exp.Paren() | exp.Neg() | exp.Not() | exp.Abs():
            return deciding(sql.this)
        case exp.In() if all(isinstance(one, exp.Literal) for one in sql.expressions):
            return deciding(sql.this)
        case exp.And() | exp.Or():
            # FALSE AND NULL is FALSE: only where one column decides both sides is the whole as unknown as they are.
            left, right = deciding(sql.this), deciding(sql.expression)
            return left if left == right else None
        case (
            exp.Add()
            | exp.Sub()
            | exp.Mul()
            | exp.EQ()
            | exp.NEQ()
            | exp.LT()
            | exp.LTE()
            | exp.GT()
            | exp.GTE()
        ):
            left, right = deciding(sql.this), deciding(sql.expression)
            return None if left is None or right is None else left | right
        case _:
            return None


def first_that_holds(
    conditions: Sequence[exp.Expr], values: Sequence[exp.Expr], otherwise: exp.Expr | None
) -> exp.Expr:
    """Return the value of the first condition that holds; an unknown one before it makes the whole unknown.

    A test for NULL stands only where it tells something: not of what was tested before, and not where nothing after
    it could hold either, as everything reads the same columns and there is no other value.

    >>> x = exp.column("x")
    >>> tests = [exp.LT(this=x, expression=integer(limit)) for limit in (5, 9)]
    >>> first_that_holds(tests, [integer(1), integer(2)], None).sql()
    'CASE WHEN x < 5 THEN 1 WHEN x < 9 THEN 2 ELSE NULL END'
    >>> first_that_holds(tests, [integer(1), integer(2)], integer(3)).sql()
    'CASE WHEN (x < 5) IS NULL THEN NULL WHEN x < 5 THEN 1 WHEN x < 9 THEN 2 ELSE 3 END'
    """
    reads = [deciding(condition) for condition in conditions]
    after: list[Columns | None] = [None if otherwise is None else deciding(otherwise) or frozenset()]
    for read in reversed(reads[1:]):
        # None stands for all columns: where nothing comes after, everything is unknown anyhow.
        own = Columns() if read is None else read
        after.append(own if after[-1] is None else own & after[-1])
    after.reverse()
    known = Columns()
    arms: list[tuple[exp.Expr, exp.Expr]] = []
    for condition, value, read, later in zip(conditions, values, reads, after, strict=True):
        if read is None:
            arms.append((is_null(condition), exp.Null()))
        else:
            doubtful = read - known
            if doubtful and later is not None and not doubtful <= later:
                arms.append((is_null(condition), exp.Null()))
                known |= read
        arms.append((condition, value))
    return case(arms, exp.Null() if otherwise is None else otherwise)


def truncated(x: Num, divisor: int) -> Num:
    """Return x ÷ a positive whole constant, cut towards zero (the engine's `//` truncates)."""
    sql = exp.IntDiv(this=wrap(x.sql), expression=integer(divisor))
    low = -(abs(x.low) // divisor) if x.low < 0 else x.low // divisor
    high = -(abs(x.high) // divisor) if x.high < 0 else x.high // divisor
    return Num(sql, x.scale, low, high, x.level)


def away(x: Num, divisor: int) -> Num:
    """Return x ÷ a positive whole constant, away from zero."""
    size = x.size + divisor
    up = exp.IntDiv(
        this=wrap(exp.Add(this=_widened(x, size), expression=integer(divisor - 1))),
        expression=integer(divisor),
    )
    down = exp.IntDiv(
        this=wrap(exp.Sub(this=_widened(x, size), expression=integer(divisor - 1))),
        expression=integer(divisor),
    )
    sql = case([(exp.GTE(this=wrap(x.sql), expression=integer(0)), up)], down)
    bound = x.size // divisor + 1
    return Num(sql, x.scale, -bound if x.low < 0 else 0, bound, x.level)


def rounded(x: Num, scale: Fraction) -> Num:
    """Return x rounded half away from zero to a coarser scale (a fine enough x is only rescaled)."""
    ratio = scale / x.scale
    if ratio.numerator == 1:
        return rescaled(x, scale)
    finer = rescaled(x, x.scale / ratio.denominator) if ratio.denominator != 1 else x
    divisor = ratio.numerator
    # Half a divisor is put to the size and the rest cut off: of an odd divisor its lower half, as nothing lies between.
    half = divisor // 2
    size = finer.size + half
    above = finer if finer.low >= 0 else absolute(finer)
    sum_ = exp.Add(this=_widened(above, size), expression=integer(half))
    whole = exp.IntDiv(this=wrap(sum_), expression=integer(divisor))
    return _signed(finer, whole, scale, finer.size // divisor + 1)


def _signed(x: Num, size_sql: exp.Expr, scale: Fraction, bound: int) -> Num:
    if x.low >= 0:
        return Num(size_sql, scale, 0, bound, x.level)
    below = exp.LT(this=wrap(x.sql), expression=integer(0))
    sql = case([(below, exp.Neg(this=wrap(size_sql)))], size_sql)
    return Num(sql, scale, -bound, bound if x.high > 0 else 0, x.level)


Bind = Callable[[Num], Num]
"""Binds a number as a column, so that what names it several times stays short."""


def quotient_rounded(pair: Pair, places: int, bind: Bind) -> Num:
    """Return a quotient rounded half away from zero at `places` places; NULL where the divisor is 0.

    Directly where twice the dividend at that many places fits 126 bits, else by long division: the whole
    part first, then as many digits at a time as the divisor leaves room for.
    """
    target = Fraction(1, 10**places)
    ratio = pair.dividend.scale / pair.divisor.scale
    n, d = bind(_times(pair.dividend, ratio.numerator)), bind(_times(pair.divisor, ratio.denominator))
    size_n, size_d = bind(absolute(n)), bind(absolute(d))
    if 2 * n.size * 10**places + d.size < WIDE:
        doubled = add(multiply(_plain(size_n), _whole(2 * 10**places)), _plain(size_d))
        whole = _divided(doubled, multiply(_plain(size_d), _whole(2)))
    else:
        whole = _long_division(_plain(size_n), _plain(size_d), places, bind)
    zero = exp.EQ(this=wrap(d.sql), expression=integer(0))
    opposite = exp.NEQ(this=wrap(below_zero(n.sql)), expression=wrap(below_zero(d.sql)))
    may_be_negative = n.low < 0 or d.low < 0
    signed = case([(opposite, exp.Neg(this=wrap(whole.sql)))], whole.sql) if may_be_negative else whole.sql
    smallest = max(1, d.low if d.low > 0 else -d.high if d.high < 0 else 1)
    bound = n.size * 10**places // smallest + 1
    level = max(n.level, d.level, whole.level)
    arms: list[tuple[exp.Expr, exp.Expr]] = [(zero, exp.Null())]
    if bound > QUOTIENT_MAX:
        arms.append(_vast(whole, QUOTIENT_MAX))
        bound = QUOTIENT_MAX
    return Num(case(arms, signed), target, -bound if may_be_negative else 0, bound, level)


def below_zero(sql: exp.Expr) -> exp.Expr:
    """Return the test for a negative number."""
    return exp.LT(this=wrap(sql), expression=integer(0))


def _plain(num: Num) -> Num:
    return Num(num.sql, Fraction(1), num.low, num.high, num.level)


def _whole(value: int) -> Num:
    return constant(Fraction(value))


def _divided(above: Num, below: Num) -> Num:
    """Return above ÷ below, both not negative, cut to a whole number; NULL where below is 0."""
    size = max(above.size, below.size)
    quotient = exp.IntDiv(this=wrap(_widened(above, size)), expression=wrap(_widened(below, size)))
    zero = exp.EQ(this=wrap(below.sql), expression=integer(0))
    return Num(
        case([(zero, exp.Null())], quotient), Fraction(1), 0, above.size, max(above.level, below.level)
    )


def _rest(above: Num, below: Num) -> Num:
    size = max(above.size, below.size)
    rest = exp.Mod(this=wrap(_widened(above, size)), expression=wrap(_widened(below, size)))
    zero = exp.EQ(this=wrap(below.sql), expression=integer(0))
    return Num(case([(zero, exp.Null())], rest), Fraction(1), 0, below.size, max(above.level, below.level))


def _vast(num: Num, most: int) -> tuple[exp.Expr, exp.Expr]:
    """Return the arm that stops the engine, loudly, where a quotient is vast: nothing proves a divisor not tiny."""
    stop = exp.Anonymous(this="error", expressions=[exp.Literal.string(OVERFLOW)])
    return exp.GT(this=wrap(num.sql), expression=integer(most)), stop


def _guarded(num: Num, most: int) -> Num:
    if num.high <= most:
        return num
    return Num(case([_vast(num, most)], num.sql), num.scale, num.low, most, num.level)


def _long_division(above: Num, below: Num, places: int, bind: Bind) -> Num:
    digits = 0
    while digits < places and 2 * below.size * 10 ** (digits + 1) < WIDE:
        digits += 1
    if not digits:
        if not _ANY_WIDTH.get():
            raise TooWide(str(below.size))
        digits = places
    whole, rest = (
        bind(_guarded(_divided(above, below), QUOTIENT_MAX // 10**places)),
        bind(_rest(above, below)),
    )
    left = places
    while left:
        step = min(digits, left)
        more = bind(multiply(rest, _whole(10**step)))
        whole = bind(add(multiply(whole, _whole(10**step)), _divided(more, below)))
        rest = bind(_rest(more, below))
        left -= step
    up = exp.GTE(this=wrap(multiply(rest, _whole(2)).sql), expression=wrap(below.sql))
    one = Num(case([(up, integer(1))], integer(0)), Fraction(1), 0, 1, max(rest.level, below.level))
    return add(whole, one)


def _times(num: Num, factor: int) -> Num:
    """Return the whole number itself × factor, at a scale of one: only the whole number matters."""
    return rescaled(num, num.scale / factor) if factor != 1 else num


_OPS: dict[str, type[exp.Expr]] = {
    "=": exp.EQ,
    "<>": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}
_FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def comparison(op: str, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Return left op right."""
    return _OPS[op](this=wrap(left), expression=wrap(right))


def compare(op: str, left: Num | Pair, right: Num | Pair) -> Bool:
    """Return left op right, without dividing: cross-multiplied, turned where a divisor is below 0."""
    if isinstance(left, Pair) or isinstance(right, Pair):
        return _compare_pairs(op, left, right)
    scale = common_scale(left.scale, right.scale)
    a, b = rescaled(left, scale), rescaled(right, scale)
    return Bool(comparison(op, a.sql, b.sql), max(a.level, b.level))


def _compare_pairs(op: str, left: Num | Pair, right: Num | Pair) -> Bool:
    one = constant(Fraction(1))
    n1, d1 = (left.dividend, left.divisor) if isinstance(left, Pair) else (left, one)
    n2, d2 = (right.dividend, right.divisor) if isinstance(right, Pair) else (right, one)
    a, b = multiply(n1, d2), multiply(n2, d1)
    scale = common_scale(a.scale, b.scale)
    a, b = rescaled(a, scale), rescaled(b, scale)
    plain = comparison(op, a.sql, b.sql)
    level = max(a.level, b.level)
    divisors = [d for d in (d1, d2) if d is not one and d.low <= 0]
    if not divisors:
        return Bool(plain, level)
    zero = any_of([exp.EQ(this=wrap(d.sql), expression=integer(0)) for d in divisors])
    # NULL operands must stay unknown: `x = 0` is NULL then, the arm is passed and the comparison is NULL.
    below = [exp.LT(this=wrap(d.sql), expression=integer(0)) for d in divisors if d.low < 0]
    if not below:
        return Bool(case([(zero, exp.Null())], plain), level)
    turned: exp.Expr = below[0]
    for other in below[1:]:
        turned = exp.NEQ(this=wrap(turned), expression=wrap(other))
    return Bool(case([(zero, exp.Null()), (turned, comparison(_FLIPPED[op], a.sql, b.sql))], plain), level)


def extreme(terms: list[Num], how: str) -> Num:
    """Return the `least` or `most` of several at one scale; unknown when one is unknown."""
    scale = terms[0].scale
    for term in terms[1:]:
        scale = common_scale(scale, term.scale)
    aligned = [rescaled(term, scale) for term in terms]
    found = aligned[0]
    for term in aligned[1:]:
        found = _nearer(found, term, how)
    return found


def _nearer(one: Num, other: Num, how: str) -> Num:
    if one.constant is not None:
        one, other = other, one
    pick = min if how == "least" else max
    if one.constant is not None:
        return pick(one, other, key=lambda term: term.low)
    low, high = pick(one.low, other.low), pick(one.high, other.high)
    # A constant is never unknown: where the other already keeps to it there is nothing to do.
    if other.constant is not None and (one.low, one.high) == (low, high):
        return one
    passed: exp.Expr = comparison(">" if how == "least" else "<", one.sql, other.sql)
    if other.constant is None:
        passed = any_of([is_null(other.sql), passed])
    # Where the first is NULL the comparison is NULL too, and what is left is the first.
    return Num(case([(passed, other.sql)], one.sql), one.scale, low, high, max(one.level, other.level))


def held(x: Num, least: Num, most: Num) -> Num:
    """Return x, but not below `least` and not above `most`, both of them constants and `least` the smaller."""
    scale = common_scale(common_scale(x.scale, least.scale), most.scale)
    x, least, most = rescaled(x, scale), rescaled(least, scale), rescaled(most, scale)
    if x.low >= least.low or x.high <= most.low or least.low > most.low:
        return extreme([extreme([x, least], "most"), most], "least")
    below, above = comparison("<", x.sql, least.sql), comparison(">", x.sql, most.sql)
    return Num(case([(below, least.sql), (above, most.sql)], x.sql), scale, least.low, most.low, x.level)
