"""What both kinds of environment share: inputs and tables as SQL."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from math import lcm

from sqlglot import exp

from guanhu.appraisal.parameters import Dated, Parameters
from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Compiled, Day, Num, Word
from guanhu.rulebook.run.scalar import Compiler, sql_of
from guanhu.values import units


def rows_in_force(table: t.Table, day: date) -> tuple[t.TableRow, ...]:
    """Return the rows of the version in force on a day; none before the first."""
    found = [version for version in table.versions if version.start <= day]
    return found[-1].rows if found else ()


def input_column(
    compiler: Compiler, node: t.InputRef, declared: t.Input, parameters: Parameters, day: date
) -> Compiled:
    """Return an input's value for the keys of the row, as one CASE over the values in force on `day`."""
    values = parameters.in_force(node.name, day)
    keys = [compiler.compile(key) for key in node.keys]
    if not keys:
        found = values.get(())
        return _constant(found.value) if found else _nothing(declared.unit)
    if not values:
        return _nothing(declared.unit)
    level = max(getattr(key, "level", 0) for key in keys)
    known = _constants(values)
    arms: list[tuple[exp.Expr, exp.Expr]] = []
    for wanted, value in known:
        tests = [
            exp.EQ(this=n.wrap(sql_of(key)), expression=exp.Literal.string(w))
            for key, w in zip(keys, wanted, strict=True)
        ]
        condition: exp.Expr = tests[0]
        for test in tests[1:]:
            condition = exp.And(this=condition, expression=test)
        arms.append((condition, value.sql))
    sql = n.case(arms, exp.Null())
    first = known[0][1]
    if isinstance(first, Num):
        numbers = [value for _, value in known if isinstance(value, Num)]
        return Num(sql, first.scale, min(v.low for v in numbers), max(v.high for v in numbers), level)
    return Day(sql, level) if isinstance(first, Day) else Word(sql, level)


def _constants(values: dict[tuple[str, ...], Dated]) -> list[tuple[tuple[str, ...], Num | Word | Day]]:
    fractions = [d.value for d in values.values() if isinstance(d.value, Fraction)]
    scale = lcm(*(f.denominator for f in fractions)) if fractions else 1
    found: list[tuple[tuple[str, ...], Num | Word | Day]] = []
    for keys, dated in sorted(values.items()):
        if isinstance(dated.value, Fraction):
            whole = (dated.value * scale).numerator
            found.append((keys, Num(n.integer(whole), Fraction(1, scale), whole, whole)))
        else:
            found.append((keys, _constant(dated.value)))
    return found


def _constant(value: Fraction | date | str) -> Num | Word | Day:
    if isinstance(value, Fraction):
        return n.constant(value)
    if isinstance(value, date):
        return Day(exp.Cast(this=exp.Literal.string(value.isoformat()), to=exp.DataType.build("DATE")))
    return Word(exp.Literal.string(value))


def _nothing(unit: units.Unit) -> Compiled:
    """Return unknown: an absent input refuses the lines that need it, and is never zero."""
    if unit == units.DATE:
        return Day(exp.Cast(this=exp.Null(), to=exp.DataType.build("DATE")))
    if units.is_choice(unit):
        return Word(exp.Cast(this=exp.Null(), to=exp.DataType.build("VARCHAR")))
    return Num(exp.Cast(this=exp.Null(), to=exp.DataType.build("BIGINT")), Fraction(1), 0, 1, 1)
