"""Reconciliation: managers + unassigned = institutions = bank = the supplied control total.

For each measure credited by share, within its book, unrounded (balances and loans on money·days). What nobody
is credited with is computed on its own: from the shares that are missing on each day. Most accounts are one manager's
throughout, and only of the others the days must be put in order. A row of fact need not name an institution; then the
institutions come to less than the bank, and only managers + unassigned = bank is asked. Why other measures do not add up
says `why_not`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from guanhu.appraisal.by_customer import reads_customers
from guanhu.appraisal.events import ADDED, EventFold
from guanhu.appraisal.figure import Wanted
from guanhu.appraisal.measures import OBJECT_OF, Fold, date_sql
from guanhu.appraisal.rows import columns_read
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance, planned
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.fold import WEIGHT_WHOLE
from guanhu.rulebook.run.template import filled
from guanhu.rulebook.windows import span_of
from guanhu.values.exact import FIGURE_SCALE, money_shown, round_half_away
from guanhu.values.problem import Place, Problem

if TYPE_CHECKING:
    from guanhu.appraisal.appraise import Appraisal

_REST = """
WITH held AS (
  SELECT object AS thing, min(start_day) AS start_day, max(end_day) AS end_day, max(share) AS share, count(*) AS pieces
  FROM credit WHERE book = :book GROUP BY object
), parted AS (
  SELECT c.object, c.start_day, c.end_day, c.share
  FROM credit AS c JOIN held AS h ON h.thing = c.object AND h.pieces > 1 WHERE c.book = :book
), edges AS (
  SELECT object AS thing, start_day AS day, share AS more FROM parted
  UNION ALL
  SELECT object, end_day, -share FROM parted
), levels AS (
  SELECT thing, day, sum(more) AS more FROM edges GROUP BY thing, day
), running AS (
  SELECT thing, day AS start_day, sum(more) OVER (PARTITION BY thing ORDER BY day) AS held,
         coalesce(lead(day) OVER (PARTITION BY thing ORDER BY day), DATE '9999-12-31') AS end_day
  FROM levels
), rest AS (
  SELECT thing, start_day, end_day, :whole - held AS weight FROM running WHERE held < :whole
  UNION ALL
  SELECT thing, DATE '0001-01-01', start_day, :whole FROM held
  UNION ALL
  SELECT thing, start_day, end_day, :whole - share FROM held WHERE pieces = 1 AND share < :whole
  UNION ALL
  SELECT thing, end_day, DATE '9999-12-31', :whole FROM held WHERE pieces = 1
  UNION ALL
  SELECT a.object_key, DATE '0001-01-01', DATE '9999-12-31', :whole
  FROM things AS a ANTI JOIN held AS l ON l.thing = a.object_key
)
SELECT thing AS object_key, 0 AS subject_no, 0 AS span_no, CAST(weight AS BIGINT) AS weight, start_day, end_day FROM rest WHERE weight > 0
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


def told_unowned(appraisal: Appraisal, rows: Iterable[tuple[str, ...]]) -> list[Problem]:
    """Return a warning where balances are in nobody's charge on some days of the last instance that is reconciled."""
    found = [
        (row, measure)
        for row in rows
        if isinstance(measure := appraisal.rulebook.measures[row[1]], t.Measure)
        and measure.kind.name == "balances"
        and Fraction(row[-2].split()[SIDES.index("rest")])
    ]
    if not found:
        return []
    days = {i.key: i.days for i in planned(appraisal.rulebook, appraisal.outcome.period)}
    row, measure = max(found, key=lambda x: (days[x[0][0]].end, x[0][0]))
    span = days[row[0]]
    query = filled(
        _UNOWNED,
        rest=f"pieces/rest/account_no/{measure.book or 'main'}/{measure.role}/{measure.credit}",
        start=date_sql(span.start),
        stop=date_sql(span.end),
    )
    ((count, first),) = appraisal.engine.rows(query)
    if not count:
        return []
    return [
        Problem(
            "RUN062",
            Place("assignments"),
            f"{row[0]}: {count} 个有余额的账户有日子没有管户人(如 {first}), {measure.title} {row[4]} 归在对账的“无人管户”",
            f"{row[0]}: {count} accounts with a balance have days without anybody in charge (such as {first}); {row[4]} of {measure.id} stands as unassigned in the reconciliation",
            "要归到人的, 补上管户关系后重新导入; 本来无人管的不用改",
            "to have them credited import their assignments; where nobody is in charge nothing has to change",
            severity="warning",
        )
    ]


_UNOWNED = """
SELECT count(DISTINCT a.account_id), min(a.account_id)
FROM rest AS r
JOIN f_balances AS b ON b.account_no = r.account_no AND b.from_day < r.end_day AND b.to_day > r.start_day
JOIN f_accounts AS a ON a.account_no = r.account_no
WHERE r.start_day < :stop AND r.end_day > :start AND b.from_day < :stop AND b.to_day > :start AND b.balance <> 0
"""
SIDES = ("person", "rest", "institution", "bank")


def _reconcilable(appraisal: Appraisal) -> list[tuple[t.Measure, Instance]]:
    """Return the measures of people that add up to the bank, once for each instance."""
    found: dict[tuple[str, Instance], t.Measure] = {}
    for (name, instance, subject, _), figure in appraisal.figures.items():
        measure = appraisal.rulebook.measures[name]
        if subject != "person" or not figure.table or not isinstance(measure, t.Measure):
            continue
        if instance.window is None and why_not(measure, appraisal.rulebook) is None:
            found.setdefault((name, instance), measure)
    return [(measure, instance) for (_, instance), measure in found.items()]


def why_not(measure: t.Measure, rulebook: t.Rulebook) -> tuple[str, str] | None:
    """Return why a measure of people does not add up to the bank's, in two languages; None where it does."""
    if measure.credit in ("lead only", "each in full"):
        return "不按比例分, 各人相加多于全行", "not shared out: the people come to more than the bank"
    if measure.credit != "share":
        return "不按管户分", "not credited by who is in charge"
    if measure.role:
        return "只算一种角色的人", "of one role only"
    if measure.base:
        return "移动基数按本期的管户折算, 不是当时的数", "a moving baseline goes by those in charge now"
    if not measure.window.is_own:
        return "不是本期的窗口", "not of the instance's own days"
    if reads_customers(measure):
        return "按客户计头数或逐户取整", "counted by head, or rounded by customer"
    if measure.take.over_held or measure.take.is_of_days:
        return "看各人自己的天数", "of each person's own days"
    if measure.kind.name not in OBJECT_OF and measure.take.how not in ADDED:
        return (
            "平均、最高、最低或去重的数不能相加",
            "an average, a most, a least or a count of different ones does not add up",
        )
    # Whoever tests the credited person has nothing to say of an institution or of what nobody has.
    if any(table == "person" for table, _ in columns_read(measure.formulas, rulebook.tables)):
        return "看管户人的岗位或等级", "asks for the post or grade of who is in charge"
    return None


def _wanted(measure: t.Measure, instance: Instance, subject: str) -> Wanted:
    span = span_of(measure.window, instance.days, instance.every) or instance.days
    return Wanted(measure, instance, subject, span, cut=False, rolled=False)


def _sums(appraisal: Appraisal, measure: t.Measure, instance: Instance) -> dict[str, Fraction]:
    fold = appraisal.fold
    if fold is None:
        raise RuntimeError(measure.id)
    stands = measure.kind.name in OBJECT_OF
    if stands:
        _make_rest(appraisal, fold, measure)
    parts: dict[str, Fraction] = {}
    for subject in SIDES:
        wanted = _wanted(measure, instance, subject)
        figure = fold.standing(wanted) if stands else EventFold(fold).figure(wanted)
        ((total,),) = appraisal.engine.rows(filled("SELECT sum(num) FROM f", f=figure.table))
        parts[subject] = Fraction(int(total or 0)) * figure.scale
    return parts


def _make_rest(appraisal: Appraisal, fold: Fold, measure: t.Measure) -> None:
    """Make the pieces of accounts or loans that nobody is credited with, once for each book."""
    key = "account_no" if OBJECT_OF[measure.kind.name] == "account_no" else "loan_id"
    rest = fold.pieces_name(measure, "rest", key)
    if rest in fold.made:
        return
    fold.made.add(rest)
    credit, things = (
        ("w_credit_account", "f_accounts") if key == "account_no" else ("w_credit_loan", "f_loans")
    )
    query = filled(
        _REST.replace("object_key", key),
        book=exp.Literal.string(measure.book or "main"),
        whole=n.integer(WEIGHT_WHOLE),
        credit=credit,
        things=things,
    )
    appraisal.engine.create(rest, query)


def row_of(
    appraisal: Appraisal, measure: t.Measure, instance: Instance, parts: dict[str, Fraction]
) -> tuple[str, ...]:
    """Return the row of a measure and instance from the exact sums of the four sides."""
    control = _control(appraisal, measure, instance)
    holds = parts["person"] + parts["rest"] == parts["bank"]
    if measure.kind.name in OBJECT_OF:
        holds = holds and parts["institution"] == parts["bank"]
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
