"""What people decided about subjects, as columns of a card: the newest decision that lies in the allowed range."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lines import Card
from guanhu.appraisal.parameters import value_of
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Value
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Bool, Compiled, Num
from guanhu.rulebook.run.scalar import all_of
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import Span
from guanhu.values.units import Unit

Joined = Callable[[Card, Mapping[str, Value | int], Unit, str], Compiled]


def join_decided(engine: Engine, rulebook: t.Rulebook, card: Card, node: t.InputRef, joined: Joined) -> None:
    """Give a card the column of what people decided for an input.

    Where the range is made of formulas each decision of a subject is a column of its own, the newest first, and
    the first that lies in the range stands.
    """
    declared = rulebook.inputs[node.name]
    found = _decisions(engine, rulebook, declared, card.instance.days)
    key = f"input:{node.name}"
    if declared.least is None and declared.most is None:
        newest: dict[str, Value] = {subject: values[0] for subject, values in found.items()}
        card.leaves[key] = joined(card, newest, node.unit, key)
        return
    tests: list[Bool] = []
    columns: list[Compiled] = []
    for place in range(max((len(values) for values in found.values()), default=1)):
        of_place: dict[str, Value] = {s: v[place] for s, v in found.items() if len(v) > place}
        name = f"{key}/{place}"
        column = joined(card, of_place, node.unit, name)
        tests.append(_inside(card, declared, column, exp.column(f"{name}/there", quoted=True)))
        columns.append(column)
    card.leaves[key] = card.sheet.bind(card.compiler.picked(tests, columns, None), key)
    card.flush()


def _inside(card: Card, declared: t.Input, column: Compiled, there: exp.Expr) -> Bool:
    """Return whether a decision is there and lies in the range: no where it is not there, unknown with an end."""
    if not isinstance(column, Num):
        raise TypeError(declared.id)
    exists = Bool(exp.Not(this=n.wrap(n.is_null(there))))
    tests = [exists]
    for end, number, op in (
        (declared.least, declared.low, ">=" if declared.low_in else ">"),
        (declared.most, declared.high, "<=" if declared.high_in else "<"),
    ):
        bound = (
            card.compiler.number(end)
            if end is not None
            else n.constant(number)
            if number is not None
            else None
        )
        if bound is not None:
            tests.append(n.compare(op, column, bound))
    return all_of(tests)


def _decisions(
    engine: Engine, rulebook: t.Rulebook, declared: t.Input, days: Span
) -> dict[str, list[Fraction | str]]:
    """Return each subject's decisions dated inside the instance, newest first; outside fixed ends it is none."""
    query = filled(
        "SELECT person_id, day, value FROM f_human_decisions WHERE rulebook = :id AND input = :input ORDER BY day, value",
        id=exp.Literal.string(rulebook.id),
        input=exp.Literal.string(declared.id),
    )
    found: dict[str, list[Fraction | str]] = {}
    for subject, day, text in engine.rows(query):
        value = value_of(declared.unit, text)
        inside = not isinstance(value, Fraction) or declared.allows(value)
        if day in days and inside and isinstance(value, Fraction | str):
            found.setdefault(subject, []).insert(0, value)
    return found
