"""Reconciliation: managers + unassigned = institutions = bank = the supplied control total.

For each measure of balances credited by share, within its book, on unrounded money·days. What nobody
is credited with is computed on its own: from the shares that are missing on each day. Most accounts are one manager's
throughout, and only of the others the days must be put in order.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from guanhu.appraisal.by_customer import reads_customers
from guanhu.appraisal.figure import Wanted
from guanhu.appraisal.measures import date_sql
from guanhu.appraisal.rows import columns_read
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.fold import WEIGHT_WHOLE
from guanhu.rulebook.run.template import filled
from guanhu.rulebook.windows import span_of
from guanhu.values.exact import FIGURE_SCALE, money_shown, round_half_away

if TYPE_CHECKING:
    from guanhu.appraisal.appraise import Appraisal

_REST = """
WITH held AS (
  SELECT object AS account_no, min(start_day) AS start_day, max(end_day) AS end_day, max(share) AS share, count(*) AS pieces
  FROM w_credit_account WHERE book = :book GROUP BY object
), parted AS (
  SELECT c.object, c.start_day, c.end_day, c.share
  FROM w_credit_account AS c JOIN held AS h ON h.account_no = c.object AND h.pieces > 1 WHERE c.book = :book
), edges AS (
  SELECT object AS account_no, start_day AS day, share AS more FROM parted
  UNION ALL
  SELECT object, end_day, -share FROM parted
), levels AS (
  SELECT account_no, day, sum(more) AS more FROM edges GROUP BY account_no, day
), running AS (
  SELECT account_no, day AS start_day, sum(more) OVER (PARTITION BY account_no ORDER BY day) AS held,
         coalesce(lead(day) OVER (PARTITION BY account_no ORDER BY day), DATE '9999-12-31') AS end_day
  FROM levels
), rest AS (
  SELECT account_no, start_day, end_day, :whole - held AS weight FROM running WHERE held < :whole
  UNION ALL
  SELECT account_no, DATE '0001-01-01', start_day, :whole FROM held
  UNION ALL
  SELECT account_no, start_day, end_day, :whole - share FROM held WHERE pieces = 1 AND share < :whole
  UNION ALL
  SELECT account_no, end_day, DATE '9999-12-31', :whole FROM held WHERE pieces = 1
  UNION ALL
  SELECT a.account_no, DATE '0001-01-01', DATE '9999-12-31', :whole
  FROM f_accounts AS a ANTI JOIN held AS l ON l.account_no = a.account_no
)
SELECT account_no, 0 AS subject_no, 0 AS span_no, CAST(weight AS BIGINT) AS weight, start_day, end_day FROM rest WHERE weight > 0
"""


def reconciled(appraisal: Appraisal) -> list[tuple[str, ...]]:
    """Return one row for each measure and instance: managers, unassigned, institutions, bank, control, whether it holds."""
    fold = appraisal.fold
    if fold is None:
        return []
    chosen = _reconcilable(appraisal)
    for measure, instance in chosen:
        for subject in SIDES:
            fold.expect(_wanted(measure, instance, subject))
    return [
        row_of(appraisal, measure, instance, _sums(appraisal, measure, instance))
        for measure, instance in chosen
    ]


SIDES = ("person", "rest", "institution", "bank")


def _reconcilable(appraisal: Appraisal) -> list[tuple[t.Measure, Instance]]:
    """Return the measures of balances credited by share to people, once for each instance."""
    found: dict[tuple[str, Instance], t.Measure] = {}
    for (name, instance, subject, _), figure in appraisal.figures.items():
        measure = appraisal.rulebook.measures[name]
        if subject != "person" or not figure.table or not isinstance(measure, t.Measure):
            continue
        plain = (
            measure.kind.name == "balances"
            and measure.credit == "share"
            and not measure.base
            and not measure.role
            and not measure.take.is_of_days
            and not measure.take.over_held
            and not reads_customers(measure)
        )
        # Whoever tests the credited person has nothing to say of an institution or of what nobody has.
        read = columns_read(measure.formulas, appraisal.rulebook.tables)
        if any(table == "person" for table, _ in read):
            continue
        if plain and measure.window.is_own and instance.window is None:
            found.setdefault((name, instance), measure)
    return [(measure, instance) for (_, instance), measure in found.items()]


def _wanted(measure: t.Measure, instance: Instance, subject: str) -> Wanted:
    span = span_of(measure.window, instance.days, instance.every) or instance.days
    return Wanted(measure, instance, subject, span, cut=False, rolled=False)


def _sums(appraisal: Appraisal, measure: t.Measure, instance: Instance) -> dict[str, Fraction]:
    fold = appraisal.fold
    if fold is None:
        raise RuntimeError(measure.id)
    book = measure.book or "main"
    rest = f"pieces/rest/account_no/{book}/{measure.role}/{measure.credit}"
    if rest not in fold.made:
        fold.made.add(rest)
        appraisal.engine.create(
            rest, filled(_REST, book=exp.Literal.string(book), whole=n.integer(WEIGHT_WHOLE))
        )
    parts: dict[str, Fraction] = {}
    for subject in SIDES:
        figure = fold.standing(_wanted(measure, instance, subject))
        ((total,),) = appraisal.engine.rows(filled("SELECT sum(num) FROM f", f=figure.table))
        parts[subject] = Fraction(int(total or 0)) * figure.scale
    return parts


def row_of(
    appraisal: Appraisal, measure: t.Measure, instance: Instance, parts: dict[str, Fraction]
) -> tuple[str, ...]:
    """Return the row of a measure and instance from the exact sums of the four sides."""
    control = _control(appraisal, measure, instance)
    holds = parts["person"] + parts["rest"] == parts["institution"] == parts["bank"]
    if control is not None:
        holds = holds and round_half_away(parts["bank"], 6) == control
    shown = [
        money_shown(int(round_half_away(parts[x] * 100))) for x in ("person", "rest", "institution", "bank")
    ]
    return (
        instance.key,
        measure.id,
        measure.book or "main",
        *shown,
        money_shown(int(round_half_away(control * 100))) if control is not None else "",
        str(measure.unit),
        " ".join(str(parts[x]) for x in SIDES),
        "yes" if holds else "no",
    )


def _control(appraisal: Appraisal, measure: t.Measure, instance: Instance) -> Fraction | None:
    """Return the control total that the bank supplies: item `<name of the measure>总账` for exactly these days."""
    query = filled(
        "SELECT CAST(value AS HUGEINT) FROM f_figures WHERE scope = 'bank' AND item = :item AND from_day = :start AND to_day = :stop",
        item=exp.Literal.string(f"{measure.title}总账"),
        start=date_sql(instance.days.start),
        stop=date_sql(instance.days.end),
    )
    rows = appraisal.engine.rows(query)
    return Fraction(int(rows[0][0]), FIGURE_SCALE) if rows else None
