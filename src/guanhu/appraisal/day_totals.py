"""Figures of a subject's totals of single days, in SQL: the lowest, the highest, days on which a condition holds.

Each credited interval adds its amount on its first day and takes it off after its last; the running sum between two such
days is the total of the days between. Counted are the days on which the subject held a post: a person's own spans, all
days of the window for institutions, teams, the bank and things.

    totals(subject_no, spell_no, start_day, end_day, total, bad)
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from guanhu.appraisal.figure import Figure, Wanted, spell_table
from guanhu.appraisal.rows import RowEnv
from guanhu.rulebook import tree as t
from guanhu.rulebook.run.fold import WEIGHT_WHOLE, segments_of
from guanhu.rulebook.run.numeric import Compiled, Num
from guanhu.rulebook.run.template import filled, union_all

if TYPE_CHECKING:
    from datetime import date

    from guanhu.appraisal.measures import Fold

_HELD_IN_SPELLS = "SELECT s.subject_no, s.spell_no, s.start_day, s.end_day FROM spells AS s"
_HELD_BY_PEOPLE = """
SELECT w.subject_no, 0 AS spell_no, greatest(w.start_day, :start) AS start_day, least(w.end_day, :stop) AS end_day
FROM w_span AS w WHERE w.post IS NOT NULL AND w.start_day < :stop AND w.end_day > :start
"""
_ALL_DAYS = "SELECT w.subject_no, 0 AS spell_no, :start AS start_day, :stop AS end_day FROM subjects AS w"
_THE_BANK = "SELECT 0 AS subject_no, 0 AS spell_no, :start AS start_day, :stop AS end_day"
_ACCOUNTS = "SELECT a.account_no AS subject_no, 0 AS spell_no, :start AS start_day, :stop AS end_day FROM f_accounts AS a"
_PARTS = {
    "spells": "SELECT r.subject_no, s.spell_no, r.first_day, r.days, r.amount, r.is_bad FROM rows_ AS r JOIN spells AS s ON s.span_no = r.span_no",
    "above": "SELECT w.above_no AS subject_no, 0 AS spell_no, r.first_day, r.days, r.amount, r.is_bad FROM rows_ AS r JOIN w_above AS w ON w.subject_no = r.subject_no",
    "": "SELECT r.subject_no, 0 AS spell_no, r.first_day, r.days, r.amount, r.is_bad FROM rows_ AS r",
}
_TOTALS = """
WITH steps AS (
  SELECT subject_no, spell_no, first_day AS day, amount AS more, CAST(is_bad AS BIGINT) AS worse, 0 AS held FROM parts
  UNION ALL
  SELECT subject_no, spell_no, first_day + CAST(days AS INTEGER), -amount, -CAST(is_bad AS BIGINT), 0 FROM parts
  UNION ALL
  SELECT subject_no, spell_no, start_day, 0, 0, 1 FROM held
  UNION ALL
  SELECT subject_no, spell_no, end_day, 0, 0, -1 FROM held
  UNION ALL
  SELECT h.subject_no, h.spell_no, c.day, 0, 0, 0 FROM held AS h JOIN cuts AS c ON c.day > h.start_day AND c.day < h.end_day
), by_day AS (
  SELECT subject_no, spell_no, day, sum(more) AS more, sum(worse) AS worse, sum(held) AS held
  FROM steps GROUP BY subject_no, spell_no, day
), running AS (
  SELECT subject_no, spell_no, day AS start_day, lead(day) OVER w AS end_day,
         sum(more) OVER w AS total, sum(worse) OVER w AS bad, sum(held) OVER w AS held
  FROM by_day WINDOW w AS (PARTITION BY subject_no, spell_no ORDER BY day)
)
SELECT subject_no, spell_no, start_day, end_day, CAST(total AS HUGEINT) AS total, bad FROM running WHERE held > 0
"""
_IN_POST = "SELECT r.* FROM rows_ AS r JOIN w_span AS w ON w.span_no = r.span_no WHERE w.post IS NOT NULL"
_OVER_HELD = """
SELECT h.subject_no, h.spell_no, coalesce(f.num, 0) AS num, h.days AS den, coalesce(f.bad, 0) AS bad
FROM (SELECT subject_no, spell_no, CAST(sum(date_diff('day', start_day, end_day)) AS BIGINT) AS days FROM held GROUP BY subject_no, spell_no) AS h
LEFT JOIN figure AS f ON f.subject_no = h.subject_no AND f.spell_no = h.spell_no
"""
_EDGE = """
SELECT subject_no, spell_no, :edge AS num, CAST(1 AS BIGINT) AS den, count(*) FILTER (WHERE bad > 0) AS bad
FROM totals GROUP BY subject_no, spell_no
"""
_DAYS = """
SELECT subject_no, spell_no, CAST(sum(CASE WHEN holds THEN date_diff('day', start_day, end_day) ELSE 0 END) AS BIGINT) AS num,
       CAST(1 AS BIGINT) AS den, count(*) FILTER (WHERE bad > 0 OR holds IS NULL) AS bad
FROM tested GROUP BY subject_no, spell_no
"""
_LONGEST_RUN = """
WITH marked AS (
  SELECT *, CASE WHEN holds AND lag(holds) OVER w AND lag(end_day) OVER w = start_day THEN 0 ELSE 1 END AS is_new
  FROM tested WINDOW w AS (PARTITION BY subject_no, spell_no ORDER BY start_day)
), numbered AS (
  SELECT *, sum(is_new) OVER (PARTITION BY subject_no, spell_no ORDER BY start_day) AS run_no FROM marked
), runs AS (
  SELECT subject_no, spell_no, run_no, sum(CASE WHEN holds THEN date_diff('day', start_day, end_day) ELSE 0 END) AS days,
         count(*) FILTER (WHERE bad > 0 OR holds IS NULL) AS bad
  FROM numbered GROUP BY subject_no, spell_no, run_no
)
SELECT subject_no, spell_no, CAST(max(days) AS BIGINT) AS num, CAST(1 AS BIGINT) AS den, sum(bad) AS bad
FROM runs GROUP BY subject_no, spell_no
"""


def held_days(wanted: Wanted, *, by_spell: bool) -> exp.Expr:
    """Return the query of the days of the window on which each subject held a post."""
    from guanhu.appraisal.measures import date_sql  # noqa: PLC0415 - the fold asks for this module

    days = {"start": date_sql(wanted.span.start), "stop": date_sql(wanted.span.end)}
    match wanted.subject:
        case "person" if by_spell:
            return filled(_HELD_IN_SPELLS, spells=spell_table(wanted.instance, cut=wanted.cut))
        case "person":
            return filled(_HELD_BY_PEOPLE, **days)
        case "bank":
            return filled(_THE_BANK, **days)
        case "account":
            return filled(_ACCOUNTS, **days)
        case subject:
            return filled(_ALL_DAYS, subjects=f"w_{subject}", **days)


def figure_of_days(fold: Fold, wanted: Wanted) -> Figure:
    """Return the figure of a measure that takes totals of single days."""
    measure = wanted.measure
    by_spell = wanted.subject == "person" and measure.window.is_own
    rows, scale = fold.daily_amounts(
        wanted, segments_of([wanted.span], fold.price_cuts(measure, wanted.span), by_month=False)
    )
    how = "spells" if by_spell else "above" if wanted.subject == "institution" else ""
    spells = spell_table(wanted.instance, cut=wanted.cut)
    name = f"figure/{fold.count}"
    fold.count += 1
    cuts = sorted(_condition_cuts(fold, wanted))
    fold.engine.load(f"{name}/cuts", (("day", "DATE"),), [(day,) for day in cuts])
    parts = filled(_PARTS[how], rows_=rows, spells=spells)
    held = held_days(wanted, by_spell=by_spell)
    fold.engine.create(f"{name}/parts", parts)
    totals = filled(_TOTALS, parts=f"{name}/parts", held=held, cuts=f"{name}/cuts")
    fold.engine.create(f"{name}/totals", totals)
    per_total = scale / WEIGHT_WHOLE
    if measure.take.condition is None:
        edge = filled("SELECT min(total)" if measure.take.how == "lowest" else "SELECT max(total)")
        fold.engine.create(name, filled(_EDGE, totals=f"{name}/totals", edge=edge.expressions[0]))
        found = Figure(name, per_total, by_spell, empty_is_zero=False)
    else:
        tested = union_all(list(_tested(fold, wanted, f"{name}/totals", per_total, cuts)))
        shape = _DAYS if measure.take.how == "days" else _LONGEST_RUN
        fold.engine.create(name, filled(shape, tested=tested))
        found = Figure(name, Fraction(1), by_spell)
    for table in ("cuts", "parts", "totals"):
        fold.engine.drop(f"{name}/{table}")
    return found


def in_post(wanted: Wanted, rows: exp.Expr) -> exp.Expr:
    """Return the rows of days on which the person held a post; those of others as they are."""
    return filled(_IN_POST, rows_=rows) if wanted.subject == "person" else rows


def over_days_held(fold: Fold, wanted: Wanted, found: Figure) -> Figure:
    """Return a figure of balance-days as a mean over the days on which each subject held a post in the window."""
    held = held_days(wanted, by_spell=found.by_spell)
    name = f"{found.table}/held"
    fold.engine.create(name, filled(_OVER_HELD, held=held, figure=found.table))
    return replace(found, table=name, is_mean=True, empty_is_zero=False)


def _condition_cuts(fold: Fold, wanted: Wanted) -> set[date]:
    """Return the days inside the window on which an input of the condition changes."""
    measure = wanted.measure
    condition = measure.take.condition
    if condition is None or measure.prices_at not in ("each day", "row's day"):
        return set()
    names = {x.name for x in t.walk(condition) if isinstance(x, t.InputRef)}
    return fold.parameters.cuts(names, wanted.span)


class _DayEnv(RowEnv):
    """Where the condition of a day finds its leaves: the day's total, and inputs."""

    total: Num

    def leaf(self, node: t.Expr) -> Compiled:
        """Return the total or an input."""
        return self.total if isinstance(node, t.RowValue) else super().leaf(node)


def _tested(fold: Fold, wanted: Wanted, totals: str, scale: Fraction, cuts: list[date]) -> list[exp.Expr]:
    """Return the totals with `holds`, for each stretch of days with the same inputs."""
    from guanhu.appraisal.measures import date_sql  # noqa: PLC0415 - the fold asks for this module

    measure = wanted.measure
    if measure.take.condition is None:
        raise TypeError(measure.id)
    ((low, high),) = fold.engine.rows(filled("SELECT min(total), max(total) FROM x", x=totals))
    found: list[exp.Expr] = []
    starts = [wanted.span.start, *(day for day in cuts if day > wanted.span.start)]
    for start, stop in zip(starts, [*starts[1:], wanted.span.end], strict=True):
        inside = filled(
            "SELECT * FROM x AS x WHERE x.start_day >= :start AND x.start_day < :stop",
            x=totals,
            start=date_sql(start),
            stop=date_sql(stop),
        )
        if not isinstance(inside, exp.Query):
            raise TypeError("not a query")
        day = fold.price_day(measure, start, wanted)
        env = _DayEnv(inside.subquery("r", copy=False), measure.kind, fold.rulebook, fold.parameters, day, {})
        env.total = Num(exp.column("total"), scale, int(low or 0), int(high or 0))
        holds = env.compiler.condition(measure.take.condition)
        columns = [exp.column(x) for x in ("subject_no", "spell_no", "start_day", "end_day", "bad")]
        found.append(env.sheet.select([*columns, exp.alias_(holds.sql, "holds")]))
    return found


__all__ = ["figure_of_days", "held_days"]
