"""Earlier values, by subject id, as columns of a card."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.rulebook.explain.past import Value
from guanhu.rulebook.run.numeric import Bool, Compiled, Num, Word
from guanhu.rulebook.run.template import filled
from guanhu.values import units


def loaded_values(engine: Engine, name: str, values: Mapping[str, Value | int], unit: units.Unit) -> Compiled:
    """Keep values by subject id as the table `name`(subject_id, value) and return what the column means."""
    if unit == units.YES_NO:
        engine.load(
            name,
            (("subject_id", "VARCHAR"), ("value", "BOOLEAN")),
            [(k, v) for k, v in sorted(values.items())],
        )
        return Bool(exp.column("value"))
    if units.is_choice(unit):
        engine.load(
            name,
            (("subject_id", "VARCHAR"), ("value", "VARCHAR")),
            [(k, v) for k, v in sorted(values.items())],
        )
        return Word(exp.column("value"))
    fractions = {k: Fraction(v) for k, v in values.items() if isinstance(v, Fraction | int)}
    scale = lcm(*(f.denominator for f in fractions.values())) if fractions else 1
    wholes = {k: (f * scale).numerator for k, f in fractions.items()}
    rows = [(k, str(wholes[k]) if k in wholes else None) for k in sorted(values)]
    engine.load(name, (("subject_id", "VARCHAR"), ("value", "HUGEINT")), rows)
    low, high = (min(wholes.values(), default=0), max(wholes.values(), default=0))
    return Num(exp.column("value"), Fraction(1, scale), min(low, 0), max(high, 1))


def past_query(table: str, column: str, cards: str) -> exp.Expr:
    """Return (subject_no, column, column/there): earlier values by subject number."""
    return filled(
        "SELECT c.subject_no, v.value AS value_, TRUE AS there_ FROM vals AS v JOIN (SELECT DISTINCT subject_no, subject_id FROM cards) AS c ON c.subject_id = v.subject_id",
        vals=table,
        cards=cards,
    ).transform(
        lambda node: (
            exp.to_identifier({"value_": column, "there_": f"{column}/there"}[node.name], quoted=True)
            if isinstance(node, exp.Identifier) and node.name in ("value_", "there_")
            else node
        )
    )
