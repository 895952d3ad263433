"""What has become of the loans whose rows have lots, on the last day of an instance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lost import Holes, lost_days, uncovered
from guanhu.appraisal.measures import date_sql
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import Span

Fate = Literal["runs", "repaid", "bad"] | None
"""None is unknown: no batch says it, or the row that did was refused."""
_STATES = """
SELECT x.id, CASE
  WHEN s.loan_class IS NULL THEN NULL
  WHEN s.loan_class IN ('次级', '可疑', '损失') THEN 'bad'
  WHEN s.balance = 0 THEN 'repaid'
  ELSE 'runs' END AS fate
FROM wanted AS x
LEFT JOIN f_loan_states AS s ON s.loan_id = x.id AND s.from_day <= :day AND s.to_day > :day
"""


def fates(engine: Engine, view: Holes, loans: Iterable[str], day: date) -> dict[str, Fate]:
    """Return what has become of loans by a day: a loan that was written off is bad, though nothing is owed on it."""
    wanted = sorted(set(loans))
    if not wanted:
        return {}
    found: dict[str, Fate] = dict.fromkeys(wanted)
    if uncovered(view, "loan_states", Span(day, day + timedelta(days=1))):
        return found
    name = f"lots/loans/{day}"
    engine.load(name, (("id", "VARCHAR"),), [(loan,) for loan in wanted])
    found.update(dict(engine.rows(filled(_STATES, wanted=name, day=date_sql(day)))))
    for loan, days in lost_days(view, "loan_states"):
        if loan in found and day in days:
            found[loan] = None
    return found


__all__ = ["Fate", "fates"]
