"""What has become of the rows that have lots, by the last day of an instance: of their loans, or by an event of theirs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lost import Holes, lost_days, uncovered
from guanhu.appraisal.measures import date_sql
from guanhu.kinds.catalogue import BAD_CLASSES
from guanhu.kinds.schema import Kind
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import Span

Become = dict[str, dict[str, bool | None]]
"""What is asked (loan repaid, loan bad, a kind of event) → row → whether it has come true; None is unknown."""
_STATES = f"""
SELECT x.id, CASE
  WHEN s.loan_class IS NULL THEN NULL
  WHEN s.loan_class IN {BAD_CLASSES} THEN 'loan bad'
  WHEN s.balance = 0 THEN 'loan repaid'
  ELSE '' END AS state
FROM wanted AS x
LEFT JOIN f_loan_states AS s ON s.loan_id = x.id AND s.from_day <= :day AND s.to_day > :day
"""
_BEHIND = """
SELECT x.id, l.loan_id FROM wanted AS x
LEFT JOIN rows_ AS r ON :key = x.id LEFT JOIN f_loans AS l ON l.loan_id = r.loan_id
"""
_EVENTS = """
SELECT x.id, bool_or(coalesce(e.day <= :day, FALSE)) AS happened
FROM wanted AS x LEFT JOIN events AS e ON :key = x.id
GROUP BY x.id
"""


def become_of(
    engine: Engine, view: Holes, asked: Iterable[str], rows: set[str], kind: Kind, days: Span
) -> Become:
    """Return what has become of rows of a kind by the end of an instance.

    An event names its row by the key of the kind; the loan behind a row that is no loan is the one that it names.
    """
    key = kind.key[0]
    found: Become = {}
    name = f"lots/rows/{days}"
    if rows:
        engine.load(name, (("id", "VARCHAR"),), [(row,) for row in sorted(rows)])
    for what in asked:
        if not rows:
            found[what] = {}
        elif what.startswith("loan "):
            loans = _loans_behind(engine, name, rows, kind)
            states = _of_loans(
                engine,
                view,
                f"{name}/loans",
                {loan for loan in loans.values() if loan is not None},
                days.last_day,
                what,
            )
            found[what] = {row: states[loan] if loan is not None else None for row, loan in loans.items()}
        elif uncovered(view, what, days):
            found[what] = dict.fromkeys(rows)
        else:
            query = filled(
                _EVENTS,
                wanted=name,
                events=f"f_{what}",
                day=date_sql(days.last_day),
                key=exp.column(key, table="e"),
            )
            found[what] = dict(engine.rows(query))
    return found


def _loans_behind(engine: Engine, name: str, rows: set[str], kind: Kind) -> dict[str, str | None]:
    """Return the loan behind each row: a loan itself, or the one that the row names; None of a row that is gone."""
    if kind.name == "loans":
        return {row: row for row in rows}
    key = exp.column(kind.key[0], table="r")
    return dict(engine.rows(filled(_BEHIND, wanted=name, rows_=f"f_{kind.name}", key=key)))


def _of_loans(
    engine: Engine, view: Holes, name: str, loans: set[str], day: date, what: str
) -> dict[str, bool | None]:
    """Return whether loans are repaid, or bad: what was written off is bad, though nothing is owed on it."""
    engine.load(name, (("id", "VARCHAR"),), [(loan,) for loan in sorted(loans)])
    found: dict[str, bool | None] = dict.fromkeys(loans)
    if uncovered(view, "loan_states", Span(day, day + timedelta(days=1))):
        return found
    for loan, state in engine.rows(filled(_STATES, wanted=name, day=date_sql(day))):
        found[loan] = None if state is None else state == what
    for loan, lost in lost_days(view, "loan_states"):
        if loan in found and day in lost:
            found[loan] = None
    return found


__all__ = ["Become", "become_of"]
