"""Figures that need the customer of each row: customers counted by head, and what a customer comes to, rounded."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from guanhu.appraisal.figure import Figure, Wanted, in_spells, spell_table
from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Num
from guanhu.rulebook.run.template import filled

if TYPE_CHECKING:
    from guanhu.appraisal.measures import Fold

_PARTS = {
    "spells": "SELECT r.subject_no, s.spell_no, r.thing, r.amount, r.is_bad FROM rows_ AS r JOIN spells AS s ON s.span_no = r.span_no",
    "above": "SELECT w.above_no AS subject_no, 0 AS spell_no, r.thing, r.amount, r.is_bad FROM rows_ AS r JOIN w_above AS w ON w.subject_no = r.subject_no",
    "": "SELECT r.subject_no, 0 AS spell_no, r.thing, r.amount, r.is_bad FROM rows_ AS r",
}
_HEADS = """
SELECT subject_no, spell_no, count(DISTINCT thing) AS num, CAST(1 AS BIGINT) AS den, count(*) FILTER (WHERE is_bad) AS bad
FROM parts GROUP BY subject_no, spell_no
"""
_CUSTOMERS = """
SELECT subject_no, spell_no, thing, sum(amount) AS amount, count(*) FILTER (WHERE is_bad) AS bad
FROM parts GROUP BY subject_no, spell_no, thing
"""
_ROUNDED = """
SELECT subject_no, spell_no, sum(:amount) AS num, CAST(1 AS BIGINT) AS den, sum(bad) AS bad
FROM customers GROUP BY subject_no, spell_no
"""


def reads_customers(measure: t.Measure) -> bool:
    """Tell whether a measure needs the customer of each row: customers by head, or rounded by customer."""
    by_head = measure.take.how == "distinct" and measure.kind.dated is Dated.CHANGE
    return by_head or measure.round_per == "customer"


def by_customer(fold: Fold, wanted: Wanted, rows: exp.Expr | str, scale: Fraction) -> Figure:
    """Return the figure of rows (subject_no, span_no, amount, is_bad, thing), `scale` being that of their sum."""
    measure = wanted.measure
    by_spell = in_spells(wanted)
    above = wanted.subject == "institution" and wanted.rolled
    spells = spell_table(wanted.instance, cut=wanted.cut)
    parts = filled(_PARTS["spells" if by_spell else "above" if above else ""], rows_=rows, spells=spells)
    name = f"figure/{fold.count}"
    fold.count += 1
    if measure.round_to is None or measure.round_per != "customer":
        fold.engine.create(name, filled(_HEADS, parts=parts))
        return Figure(name, Fraction(1), by_spell)
    fold.engine.create(f"{name}/customers", filled(_CUSTOMERS, parts=parts))
    ((low, high),) = fold.engine.rows(filled("SELECT min(amount), max(amount) FROM x", x=f"{name}/customers"))
    whole = Num(exp.column("amount"), scale, int(low or 0), int(high or 0))
    kept = n.rounded(whole, Fraction(1, 10**measure.round_to))
    fold.engine.create(
        name, filled(_ROUNDED, customers=f"{name}/customers", amount=n.typed(kept.sql, kept.size))
    )
    fold.engine.drop(f"{name}/customers")
    return Figure(name, kept.scale, by_spell)


__all__ = ["by_customer", "reads_customers"]
