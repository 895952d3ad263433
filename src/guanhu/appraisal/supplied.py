"""Figures that the bank supplies: targets, ratings, salaries, control totals."""

from __future__ import annotations

from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.figure import Figure
from guanhu.appraisal.measures import date_sql
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run.template import filled
from guanhu.rulebook.windows import span_of
from guanhu.values.exact import FIGURE_SCALE

_SUPPLIED = """
SELECT subject_id, CAST(value AS HUGEINT) AS num, CAST(1 AS BIGINT) AS den, CAST(0 AS BIGINT) AS bad, 0 AS spell_no
FROM f_figures WHERE item = :item AND scope = :scope AND from_day <= :day AND to_day > :day
QUALIFY row_number() OVER (PARTITION BY subject_id ORDER BY from_day DESC, to_day) = 1
"""


def supplied_figure(
    engine: Engine, measure: t.FigureMeasure, instance: Instance, group: t.GroupOfSubjects
) -> Figure:
    """Return the figure in force on the last day of the window; one that is not supplied is unknown, not zero.

    One that counts `by_days` is multiplied by the days of the spell when it is joined, over those of the instance.
    """
    span = span_of(measure.window, instance.days, instance.every)
    # A person's figure is no figure of an institution, team or bank.
    if span is None or (measure.scope == "person" and group.subject != "person"):
        return Figure("", Fraction(1, FIGURE_SCALE), by_spell=False, unknown="window")
    name = f"supplied/{measure.id}/{span}/{group.id}"
    day = date_sql(span.last_day)
    engine.create(
        name,
        filled(
            _SUPPLIED, item=exp.Literal.string(measure.item), scope=exp.Literal.string(measure.scope), day=day
        ),
    )
    by_days = measure.by_days and group.spells
    scale = Fraction(1, FIGURE_SCALE) / (instance.days.days if by_days else 1)
    return Figure(name, scale, by_spell=False, empty_is_zero=False, by_days=by_days)
