"""Formulas to values: one case per node of the tree, written to be read beside the regulation."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Any, Protocol

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Traced, Unknown, Value, first_unknown, known_or
from guanhu.rulebook.load.typing import is_quotient
from guanhu.values.dates import add_months
from guanhu.values.exact import QUOTIENT_PLACES, round_half_away, truncate

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Env(Protocol):
    """Where the leaves of a formula are found."""

    def leaf(self, node: t.Expr) -> Traced:
        """Return the value of a measure, line, input, attribute, state, earlier figure or group figure."""

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table and its rows in force for this context."""


def number(traced: Traced) -> Fraction:
    """Return the number of a value that is known to be one."""
    if isinstance(traced.value, Fraction):
        return traced.value
    raise TypeError(f"{type(traced.node).__name__} at {traced.node.place} is not a number: {traced.value!r}")


def evaluate(node: t.Expr, env: Env) -> Traced:
    """Return the exact value of an expression and how it came about."""
    match node:
        case t.Const() | t.WordConst() | t.DateConst() | t.YesNoConst():
            return Traced(node, node.value)
        case t.Negative():
            return _of_numbers(node, (evaluate(node.x, env),), lambda x: -x)
        case t.Sum():
            terms = tuple(evaluate(x, env) for x in node.terms)
            return _of_numbers(node, terms, lambda *xs: sum(xs, Fraction(0)))
        case t.Product():
            return _of_numbers(
                node, (evaluate(node.left, env), evaluate(node.right, env)), lambda x, y: x * y
            )
        case t.Quotient():
            return _quotient(node, env)
        case t.Settled():
            return _of_numbers(node, (evaluate(node.x, env),), lambda x: round_half_away(x, node.places))
        case t.Round():
            return _of_numbers(node, (evaluate(node.x, env),), lambda x: _rounded(node, x))
        case t.Least():
            return _of_numbers(node, tuple(evaluate(x, env) for x in node.terms), lambda *xs: min(xs))
        case t.Most():
            return _of_numbers(node, tuple(evaluate(x, env) for x in node.terms), lambda *xs: max(xs))
        case t.Absolute():
            return _of_numbers(node, (evaluate(node.x, env),), abs)
        case t.Steps():
            return _of_numbers(node, (evaluate(node.x, env),), lambda x: _steps(node, x))
        case t.Cases():
            return _cases(node, env)
        case t.Lookup():
            return _lookup(node, env)
        case t.FirstGiven():
            parts = tuple(evaluate(x, env) for x in node.terms)
            chosen = next(
                (i for i, part in enumerate(parts) if not isinstance(part.value, Unknown)), len(parts) - 1
            )
            return Traced(node, parts[chosen].value, parts, hit=chosen)
        case t.Given():
            x = evaluate(node.x, env)
            return Traced(node, not isinstance(x.value, Unknown), (x,))
        case t.Compare():
            return _compare(node, env)
        case t.In():
            x = evaluate(node.x, env)
            return Traced(node, x.value if isinstance(x.value, Unknown) else x.value in node.choices, (x,))
        case t.And() | t.Or():
            return _joined(node, env)
        case t.Not():
            x = evaluate(node.x, env)
            return Traced(node, x.value if isinstance(x.value, Unknown) else not x.value, (x,))
        case t.CountTrue():
            parts = tuple(evaluate(x, env) for x in node.terms)
            unknown = first_unknown(parts)
            return Traced(
                node, known_or(unknown, Fraction(sum(1 for part in parts if part.value is True))), parts
            )
        case t.DatePart():
            x = evaluate(node.x, env)
            return Traced(
                node, Fraction(getattr(x.value, node.part)) if isinstance(x.value, date) else x.value, (x,)
            )
        case t.Between():
            return _between(node, env)
        case t.ByDays():
            parts = tuple(evaluate(x, env) for x in (node.x, node.part, node.of))
            return _of_numbers(node, parts, lambda amount, days, period: amount * days / period)
        case _:
            return env.leaf(node)


def _of_numbers(node: t.Expr, parts: tuple[Traced, ...], rule: Callable[..., Fraction]) -> Traced:
    unknown = first_unknown(parts)
    if unknown is not None:
        return Traced(node, unknown, parts)
    return Traced(node, rule(*(number(part) for part in parts)), parts)


def _quotient(node: t.Quotient, env: Env) -> Traced:
    dividend, divisor = evaluate(node.dividend, env), evaluate(node.divisor, env)
    parts = (dividend, divisor)
    unknown = first_unknown(parts)
    if unknown is not None:
        return Traced(node, unknown, parts)
    if number(divisor) == 0 or (node.positive and number(divisor) < 0):
        if node.undefined is None:
            return Traced(node, Unknown("undefined", "undefined"), parts)
        instead = evaluate(node.undefined, env)
        return Traced(node, instead.value, (*parts, instead), hit=1)
    return Traced(node, number(dividend) / number(divisor), parts, hit=0)


def _rounded(node: t.Round, x: Fraction) -> Fraction:
    if node.mode == "half":
        return round_half_away(x, node.places)
    # A quotient is settled before it is cut, as everywhere else where it is used as a number.
    settled = round_half_away(x, QUOTIENT_PLACES) if is_quotient(node.x) else x
    scale = 10**node.places
    whole = truncate(settled * scale)
    if node.mode == "up" and whole != settled * scale:
        whole += 1 if settled > 0 else -1
    return Fraction(whole, scale)


def _steps(node: t.Steps, x: Fraction) -> Fraction:
    exact = x / node.size
    if node.how == "proportional":
        return round_half_away(exact, QUOTIENT_PLACES) if is_quotient(node.x) else exact
    whole = truncate(exact)
    if node.how == "started" and whole != exact:
        whole += 1 if exact > 0 else -1
    return Fraction(whole)


def _cases(node: t.Cases, env: Env) -> Traced:
    """Read the cases top-down; those below the first that holds are not looked at."""
    seen: list[Traced] = []
    for index, case in enumerate(node.cases):
        condition = evaluate(case.when, env)
        seen.append(condition)
        if isinstance(condition.value, Unknown):
            return Traced(node, condition.value, tuple(seen), hit=index)
        if condition.value:
            value = evaluate(case.value, env)
            return Traced(node, value.value, (*seen, value), hit=index)
    if node.otherwise is None:
        return Traced(node, Unknown("otherwise", "stop"), tuple(seen), hit=len(node.cases))
    value = evaluate(node.otherwise, env)
    return Traced(node, value.value, (*seen, value), hit=len(node.cases))


def cell_holds(cell: t.Cell, value: Value) -> Value:
    """Tell whether a value falls in a table cell; an unknown value falls in `any` only."""
    if isinstance(cell, t.AnyCell):
        return True
    if isinstance(value, Unknown):
        return value
    if isinstance(cell, t.ChoiceCell):
        return value in cell.choices
    return isinstance(value, Fraction) and cell.holds(value)


def _row_holds(cells: tuple[t.Cell, ...], values: list[Value]) -> Value:
    found: Value = True
    for cell, value in zip(cells, values, strict=True):
        held = cell_holds(cell, value)
        if held is False:
            return False
        if isinstance(held, Unknown):
            found = held
    return found


def _lookup(node: t.Lookup, env: Env) -> Traced:
    table, rows = env.table_rows(node.table)
    index = table.columns.index(node.column)
    keys = tuple(evaluate(key, env) for key in node.keys)
    values = [key.value for key in keys]
    if table.how in ("marginal", "per piece"):
        return _marginal(node, env, table, rows, index, keys)
    for position, row in enumerate(rows):
        held = _row_holds(row.cells, values)
        if isinstance(held, Unknown):
            return Traced(node, held, keys, hit=position, note=rows)
        if held:
            given = evaluate(row.gives[index], env)
            return Traced(node, given.value, (*keys, given), hit=position, note=rows)
    if table.no_row is not None:
        given = evaluate(table.no_row[index], env)
        return Traced(node, given.value, (*keys, given), hit=len(rows), note=rows)
    return Traced(node, Unknown(f"tables.{table.id}", "no row"), keys, hit=len(rows), note=rows)


def _marginal(
    node: t.Lookup,
    env: Env,
    table: t.Table,
    rows: tuple[t.TableRow, ...],
    index: int,
    keys: tuple[Traced, ...],
) -> Traced:
    """Return Σ (part of the first key inside the bracket × value). Counted pieces: `[1, 10]` is the first ten."""
    total = Fraction(0)
    parts: list[Traced] = list(keys)
    unknown: Unknown | None = first_unknown(keys[:1])
    for row in rows:
        held = _row_holds(row.cells[1:], [key.value for key in keys[1:]])
        rate = evaluate(row.gives[index], env)
        if isinstance(held, Unknown):
            unknown = held if unknown is None else unknown
        elif held and isinstance(rate.value, Unknown):
            unknown = rate.value if unknown is None else unknown
        elif held and unknown is None:
            total += part_inside(row.cells[0], number(keys[0]), pieces=table.how == "per piece") * number(
                rate
            )
            parts.append(rate)
    return Traced(node, known_or(unknown, total), tuple(parts), note=rows)


def part_inside(cell: t.Cell, x: Fraction, *, pieces: bool) -> Fraction:
    """Return how much of `x` lies in a bracket, counted from zero upwards.

    >>> part_inside(t.RangeCell(Fraction(1), True, Fraction(10), True, ""), Fraction(12), pieces=True)
    Fraction(10, 1)
    """
    if not isinstance(cell, t.RangeCell):
        return x
    low, high = cell.low, cell.high
    if pieces:
        low = low - 1 if low is not None and cell.low_in else low
        high = high - 1 if high is not None and not cell.high_in else high
    top = x if high is None else min(x, high)
    return top if low is None else max(top - low, Fraction(0))


def _compare(node: t.Compare, env: Env) -> Traced:
    left, right = evaluate(node.left, env), evaluate(node.right, env)
    unknown = first_unknown((left, right))
    if unknown is not None:
        return Traced(node, unknown, (left, right))
    return Traced(node, _OPERATORS[node.op](left.value, right.value), (left, right))


def _joined(node: t.And | t.Or, env: Env) -> Traced:
    """Join conditions: unknown and no is no; unknown or yes is yes."""
    decisive = isinstance(node, t.Or)
    parts: list[Traced] = []
    for x in node.terms:
        parts.append(evaluate(x, env))
        if parts[-1].value is decisive:
            return Traced(node, decisive, tuple(parts))
    return Traced(node, known_or(first_unknown(parts), not decisive), tuple(parts))


def _between(node: t.Between, env: Env) -> Traced:
    first, last = evaluate(node.first, env), evaluate(node.last, env)
    parts = (first, last)
    if not isinstance(first.value, date) or not isinstance(last.value, date):
        return Traced(node, known_or(first_unknown(parts), Unknown("date", "absent")), parts)
    if node.what == "days":
        return Traced(node, Fraction((last.value - first.value).days), parts)
    return Traced(node, Fraction(whole_months(first.value, last.value)), parts)


def whole_months(first: date, last: date) -> int:
    """Return how many whole months have passed from one day to another; negative when it is earlier.

    >>> whole_months(date(2025, 1, 31), date(2025, 2, 28)), whole_months(date(2025, 1, 15), date(2025, 3, 14))
    (1, 1)
    """
    if last < first:
        return -whole_months(last, first)
    months = (last.year - first.year) * 12 + last.month - first.month
    return months if add_months(first, months) <= last else months - 1
