"""Measures of rows that happen on a day (fees, interest, events, loans granted, accounts opened).

A row is credited on its own day, by the most specific assignment: to the person it names (declared
events), else by its event, loan or account, else by its customer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.by_customer import by_customer
from guanhu.appraisal.credited import LOT_ROWS, ROW_COLUMNS, kept_query, lot_measures
from guanhu.appraisal.figure import Figure, Wanted, spell_table
from guanhu.appraisal.measures import THINGS, Fold, credit_day, date_sql
from guanhu.appraisal.rows import RowEnv, columns_read, flat_name
from guanhu.appraisal.things import ALIASES, with_derived
from guanhu.kinds.schema import Kind
from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.fold import WEIGHT_WHOLE
from guanhu.rulebook.run.numeric import Num
from guanhu.rulebook.run.template import filled, union_all
from guanhu.values.dates import Span

ADDED = ("sum", "count")
"""How rows are taken that add up."""


class EventFold:
    """Computes measures of dated rows."""

    def __init__(self, fold: Fold) -> None:
        """Share the engine, the parameters and the statistics of the fold."""
        self.fold = fold
        self.engine = fold.engine
        self.rulebook = fold.rulebook

    def figure(self, wanted: Wanted) -> Figure:
        """Return the figure of a measure over dated rows."""
        measure = wanted.measure
        credited = self.credited(wanted)
        rows, scale, own = self._amounts(measure, credited, wanted)
        by_spell = wanted.subject == "person" and measure.window.is_own and wanted.rolled
        name = f"figure/{self.fold.count}"
        self.fold.count += 1
        if measure.round_per == "customer":
            return by_customer(self.fold, wanted, rows, scale / WEIGHT_WHOLE)
        self.engine.create(f"{name}/rows", rows)
        self.engine.create(name, self._gather(measure, f"{name}/rows", wanted, by_spell=by_spell))
        if self._is_kept(wanted):
            kept = f"kept/{name}"
            self.engine.create(kept, kept_query(f"{name}/rows", measure, wanted.instance, scale))
            self.fold.credited_rows.append(kept)
            if measure.id in lot_measures(self.rulebook):
                self._keep_for_lots(wanted, f"{name}/rows")
        self.engine.drop(f"{name}/rows")
        how = measure.take.how
        return Figure(
            name,
            (scale / WEIGHT_WHOLE if how in ADDED else own) if how != "distinct" else Fraction(1),
            by_spell,
            is_mean=how == "mean",
            empty_is_zero=how in (*ADDED, "distinct"),
        )

    def _is_kept(self, wanted: Wanted) -> bool:
        """Tell whether the rows behind a figure are kept: those of people, of an instance's own days."""
        measure = wanted.measure
        is_own = measure.window.is_own and wanted.subject == "person" and wanted.rolled
        return is_own and measure.take.how in ADDED and measure.id in self.fold.kept_measures

    def _keep_for_lots(self, wanted: Wanted, rows: str) -> None:
        """Keep what each row counts in each spell, for the lots of the instance."""
        name = f"lot rows/{rows}"
        spells = spell_table(wanted.instance, cut=wanted.cut)
        self.engine.create(name, filled(LOT_ROWS, rows_=rows, spells=spells))
        self.fold.lot_rows[wanted.measure.id, wanted.instance, wanted.cut] = name

    def credited(self, wanted: Wanted) -> str:
        """Return the table of credited rows of a kind: row number, subject, span, weight, day."""
        measure, subject = wanted.measure, wanted.subject
        kind = measure.kind
        at = credit_day(wanted) if measure.credit_at else None
        name = f"credited/{kind.name}/{subject}/{measure.credit}/{measure.book}/{measure.role}/{at or ''}"
        if name not in self.fold.made:
            self.fold.made.add(name)
            self.engine.create(name, self._credited_query(wanted, at))
        return name

    def _credited_query(self, wanted: Wanted, at: date | None) -> exp.Expr:
        measure, kind, subject = wanted.measure, wanted.measure.kind, wanted.subject
        parts: dict[str, exp.Expr | str] = {
            "facts": f"f_{kind.name}",
            "day": exp.column(kind.day, table="r"),
            "at": date_sql(at) if at is not None else exp.column(kind.day, table="r"),
            "whole": n.integer(WEIGHT_WHOLE),
        }
        if subject == "institution":
            return _to_institution(kind, parts)
        if subject == "bank":
            return filled(
                "SELECT r.batch_no, r.row_no, 0 AS subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, :day AS day FROM facts AS r WHERE :day IS NOT NULL",
                **parts,
            )
        if subject == "rest":
            return filled(_REST, credited=self.credited(replace(wanted, subject="person")), **parts)
        names = {c.name for c in kind.columns}
        if subject in THINGS:
            return filled(_TO_THING[subject, "loan" if "loan_id" in names else "account"], **parts)
        if measure.credit == "person" and "person_id" in names:
            own = filled(_TO_PERSON, **parts)
            return filled(_TO_TEAM, credited=own) if subject == "team" else own
        routes = self._routes(kind, names, parts)
        weight: exp.Expr = exp.column("share", table="g")
        if measure.credit in ("lead only", "each in full"):
            weight = exp.Cast(this=n.integer(WEIGHT_WHOLE), to=exp.DataType.build("BIGINT"))
        roles: exp.Expr = exp.Boolean(this=True)
        if measure.credit == "lead only":
            roles = filled("SELECT g.role IS NULL OR g.role IN ('主办', 'lead')").expressions[0]
        elif measure.role:
            roles = exp.EQ(this=exp.column("role", table="g"), expression=exp.Literal.string(measure.role))
        book = exp.Literal.string(measure.book or "main")
        found = filled(_MOST_SPECIFIC, routes=union_all(routes), weight=weight, roles=roles, book=book)
        if subject == "team":
            return filled(_TO_TEAM, credited=found)
        return found

    def _routes(self, kind: Kind, names: set[str], parts: dict[str, exp.Expr | str]) -> list[exp.Expr]:
        key = exp.column(kind.key[0], table="r")
        routes = [filled(_ROUTE_EVENT, key=key, **parts)]
        if "loan_id" in names:
            routes.append(filled(_ROUTE_LOAN, **parts))
        elif "account_id" in names:
            routes.append(filled(_ROUTE_ACCOUNT, **parts))
        if "customer_id" in names and "loan_id" not in names:
            unless = (
                exp.Is(this=exp.column("account_id", table="r"), expression=exp.Null())
                if "account_id" in names and kind.name != "accounts"
                else exp.Boolean(this=kind.name != "accounts")
            )
            routes.append(filled(_ROUTE_CUSTOMER, unless=unless, **parts))
        return routes

    def _amounts(
        self, measure: t.Measure, credited: str, wanted: Wanted
    ) -> tuple[exp.Expr, Fraction, Fraction]:
        """Return amounts of the credited rows in the window; the scale with and without the weight."""
        days = sorted({wanted.span.start, *self.fold.price_cuts(measure, wanted.span)})
        if measure.prices_at not in ("each day", "row's day"):
            days = [wanted.span.start]
        ends = [*days[1:], wanted.span.end]
        queries: list[exp.Expr] = []
        nums: list[Num] = []
        plain = Fraction(1)
        for start, end in zip(days, ends, strict=True):
            query, num, plain = self._amount_query(measure, credited, Span(start, end), wanted)
            queries.append(query)
            nums.append(num)
        scale = nums[0].scale
        for num in nums[1:]:
            scale = n.common_scale(scale, num.scale)
        brought = [
            filled(
                "SELECT * REPLACE (:x AS amount) FROM q",
                x=n.typed(
                    n.rescaled(Num(exp.column("amount"), num.scale, num.low, num.high), scale).sql, num.size
                ),
                q=query,
            )
            if num.scale != scale
            else query
            for query, num in zip(queries, nums, strict=True)
        ]
        return union_all(brought), scale, plain

    def _amount_query(
        self, measure: t.Measure, credited: str, span: Span, wanted: Wanted
    ) -> tuple[exp.Expr, Num, Fraction]:
        day = self.fold.price_day(measure, span.start, wanted)
        source = self._flat(wanted, credited, span)
        derived = {name: d.column for name, d in self.fold.derived_made(measure).items()}
        env = RowEnv(
            source,
            measure.kind,
            self.rulebook,
            self.fold.parameters,
            day,
            self.fold.statistics.bounds(measure),
            derived=derived,
        )
        amount: Num = (
            env.compiler.number(measure.each) if measure.each is not None else n.constant(Fraction(1))
        )
        if measure.round_to is not None and measure.round_per == "row":
            amount = n.rounded(amount, Fraction(1, 10**measure.round_to))
        plain = amount.scale
        if measure.take.how in ADDED:
            amount = n.multiply(amount, Num(exp.column("weight"), Fraction(1), 0, WEIGHT_WHOLE))
        bound = env.sheet.bind(amount)
        if not isinstance(bound, Num):
            raise TypeError(measure.id)
        where = (
            env.compiler.condition(measure.where).sql if measure.where is not None else exp.Boolean(this=True)
        )
        bad = n.any_of(
            [n.is_null(where), exp.And(this=n.wrap(where), expression=n.wrap(n.is_null(bound.sql)))]
        )
        columns = [
            exp.column("subject_no"),
            exp.column("span_no"),
            exp.alias_(n.typed(bound.sql, bound.size), "amount"),
            exp.alias_(bad, "is_bad"),
            exp.alias_(_thing_of(measure), "thing"),
            *([exp.column(x) for x in ROW_COLUMNS] if self._is_kept(wanted) else []),
        ]
        query = env.sheet.select(columns).where(n.any_of([where, n.is_null(where)]), copy=False)
        return query, bound, plain

    def _flat(self, wanted: Wanted, credited: str, span: Span) -> exp.Expr:
        """Return the credited rows of a window with the columns that the formulas read."""
        measure = wanted.measure
        kind = measure.kind
        read = sorted(columns_read(measure.formulas, self.rulebook.tables))
        tables = {table for table, _ in read}
        query = filled(
            "SELECT k.subject_no, k.span_no, k.weight, k.day FROM credited AS k JOIN facts AS b ON b.batch_no = k.batch_no AND b.row_no = k.row_no WHERE k.day >= :start AND k.day < :stop",
            credited=credited,
            facts=f"f_{kind.name}",
            start=date_sql(span.start),
            stop=date_sql(span.end),
        )
        if not isinstance(query, exp.Select):
            raise TypeError("not a select")
        names = {c.name for c in kind.columns}
        derived = self.fold.derived_figures(measure, wanted.instance)
        if any(d.thing == "customer" for d in derived.values()) or measure.round_per == "customer":
            tables.add("customer")
        query = _with_things(query, tables, names, kind.name)
        owners = {"account": "b.account_id", "loan": "b.loan_id", "customer": "cu.customer_id"}
        query = with_derived(query, derived, owners)
        columns = [
            exp.alias_(exp.column(column, table=ALIASES[table]), flat_name(table, column), quoted=True)
            for table, column in read
        ]
        if measure.take.column:
            columns.append(
                exp.alias_(exp.column(measure.take.column, table="b"), f"_{measure.take.column}", quoted=True)
            )
        if measure.round_per == "customer":
            key = f"coalesce('c:' || cu.customer_id, 'r:' || b.{kind.key[0]}) AS \"_customer\""
            query = query.select(key, copy=False, dialect="duckdb")
        if self._is_kept(wanted):
            source = exp.alias_(exp.column(kind.key[0], table="b"), "source")
            columns += [exp.column("batch_no", table="k"), exp.column("row_no", table="k"), source]
        return query.select(*columns, copy=False).subquery("r", copy=False)

    def _gather(self, measure: t.Measure, rows: str, wanted: Wanted, *, by_spell: bool) -> exp.Expr:
        shapes = {
            "distinct": ("count(DISTINCT r.thing)", "CAST(1 AS BIGINT)"),
            "mean": ("sum(r.amount)", "count(*)"),
            "lowest": ("min(r.amount)", "CAST(1 AS BIGINT)"),
            "highest": ("max(r.amount)", "CAST(1 AS BIGINT)"),
        }
        num, den = shapes.get(measure.take.how, ("sum(r.amount)", "CAST(1 AS BIGINT)"))
        tail = "count(*) FILTER (WHERE r.is_bad) AS bad FROM rows_ AS r"
        if wanted.subject == "institution" and wanted.rolled:
            text = f"SELECT w.above_no AS subject_no, 0 AS spell_no, {num} AS num, {den} AS den, {tail} JOIN w_above AS w ON w.subject_no = r.subject_no GROUP BY w.above_no"
        elif by_spell:
            text = f"SELECT r.subject_no, s.spell_no, {num} AS num, {den} AS den, {tail} JOIN spells AS s ON s.span_no = r.span_no GROUP BY r.subject_no, s.spell_no"
        else:
            text = f"SELECT r.subject_no, 0 AS spell_no, {num} AS num, {den} AS den, {tail} GROUP BY r.subject_no"
        return filled(text, rows_=rows, spells=spell_table(wanted.instance, cut=wanted.cut))


def _thing_of(measure: t.Measure) -> exp.Expr:
    """Return what a row is counted or rounded by."""
    if measure.round_per == "customer":
        return exp.column("_customer", quoted=True)
    return exp.column(f"_{measure.take.column}", quoted=True) if measure.take.column else exp.Null()


def _with_things(query: exp.Select, tables: set[str], names: set[str], kind: str) -> exp.Select:
    """Return the query with the account, loan, customer, institution and post of each row joined."""
    # A row belongs to the customer that it names, else to that of its account or loan.
    owners = ["b.customer_id"] if "customer_id" in names else []
    if "account_id" in names and kind != "accounts":
        owners.append("a.customer_id")
    if "loan_id" in names and kind != "loans":
        owners.append("l.customer_id")
    if tables & {"account", "account_rates"} or ("customer" in tables and "a.customer_id" in owners):
        query = query.join("f_accounts AS a", on="a.account_id = b.account_id", join_type="left", copy=False)
    through_loan = "loan_id" in names and kind != "loans"
    if tables & {"loan"} or (through_loan and tables & {"customer", "institution"}):
        query = query.join("f_loans AS l", on="l.loan_id = b.loan_id", join_type="left", copy=False)
    if "customer" in tables:
        owner = owners[0] if len(owners) == 1 else f"coalesce({', '.join(owners)})"
        query = query.join("f_customers AS cu", on=f"cu.customer_id = {owner}", join_type="left", copy=False)
    if "account_rates" in tables:
        query = query.join(
            "w_rate AS ra",
            on="ra.account_no = a.account_no AND ra.start_day <= k.day AND ra.end_day > k.day",
            join_type="left",
            copy=False,
        )
    if "institution" in tables:
        newest = (
            exp.select("*")
            .from_("f_institutions", copy=False)
            .qualify("row_number() OVER (PARTITION BY institution_id ORDER BY from_day DESC) = 1")
        )
        query = query.join(
            newest.subquery("i", copy=False),
            on=f"i.institution_id = {'b' if 'institution_id' in names else 'l'}.institution_id",
            join_type="left",
            copy=False,
        )
    if "person" in tables:
        query = query.join("w_span AS sp", on="sp.span_no = k.span_no", join_type="left", copy=False)
    return query


def _to_institution(kind: Kind, parts: dict[str, exp.Expr | str]) -> exp.Expr:
    names = {c.name for c in kind.columns}
    if kind.name in ("accounts", "loans"):
        return filled(_AT_OWN_PLACE, **parts)
    if "loan_id" in names:
        return filled(_AT_LOAN_PLACE, **parts)
    return filled(_AT_ROW_PLACE, **parts)


_TO_PERSON = """
SELECT r.batch_no, r.row_no, s.subject_no, s.span_no, CAST(:whole AS BIGINT) AS weight, :day AS day
FROM facts AS r JOIN w_person AS p ON p.subject_id = r.person_id
JOIN w_span AS s ON s.subject_no = p.subject_no AND s.start_day <= :at AND s.end_day > :at
"""
_THING = "SELECT r.batch_no, r.row_no, k.subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, :day AS day FROM facts AS r "
_TO_THING = {
    (
        "account",
        "account",
    ): "SELECT r.batch_no, r.row_no, k.account_no AS subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, :day AS day FROM facts AS r JOIN f_accounts AS k ON k.account_id = r.account_id",
    ("customer", "account"): _THING
    + "LEFT JOIN f_accounts AS ac ON ac.account_id = r.account_id JOIN w_customer AS k ON k.subject_id = coalesce(r.customer_id, ac.customer_id)",
    ("customer", "loan"): _THING
    + "JOIN f_loans AS ln ON ln.loan_id = r.loan_id JOIN w_customer AS k ON k.subject_id = ln.customer_id",
    ("loan", "loan"): _THING + "JOIN w_loan AS k ON k.subject_id = r.loan_id",
}
_ROUTE_EVENT = """
SELECT r.batch_no, r.row_no, g.subject_no, g.span_no, g.role, g.book, g.share, :day AS day, 1 AS rank
FROM facts AS r JOIN w_credit_event AS g ON g.object = :key AND g.start_day <= :at AND g.end_day > :at
"""
_ROUTE_LOAN = """
SELECT r.batch_no, r.row_no, g.subject_no, g.span_no, g.role, g.book, g.share, :day AS day, 2 AS rank
FROM facts AS r JOIN w_credit_loan AS g ON g.object = r.loan_id AND g.start_day <= :at AND g.end_day > :at
"""
_ROUTE_ACCOUNT = """
SELECT r.batch_no, r.row_no, g.subject_no, g.span_no, g.role, g.book, g.share, :day AS day, 2 AS rank
FROM facts AS r JOIN f_accounts AS ac ON ac.account_id = r.account_id
JOIN w_credit_account AS g ON g.object = ac.account_no AND g.start_day <= :at AND g.end_day > :at
"""
_ROUTE_CUSTOMER = """
SELECT r.batch_no, r.row_no, g.subject_no, g.span_no, g.role, g.book, g.share, :day AS day, 3 AS rank
FROM facts AS r JOIN w_credit_customer AS g ON g.object = r.customer_id AND g.start_day <= :at AND g.end_day > :at
WHERE :unless
"""
_MOST_SPECIFIC = """
SELECT g.batch_no, g.row_no, g.subject_no, g.span_no, :weight AS weight, g.day
FROM (
  SELECT * FROM routes WHERE book = :book
  QUALIFY rank = min(rank) OVER (PARTITION BY batch_no, row_no)
) AS g
WHERE :roles
"""
_REST = """
SELECT r.batch_no, r.row_no, 0 AS subject_no, 0 AS span_no,
       CAST(greatest(:whole - coalesce(any_value(c.weight), 0), 0) AS BIGINT) AS weight, :day AS day
FROM facts AS r LEFT JOIN (
  SELECT batch_no, row_no, sum(weight) AS weight FROM credited GROUP BY batch_no, row_no
) AS c ON c.batch_no = r.batch_no AND c.row_no = r.row_no
WHERE :day IS NOT NULL GROUP BY ALL
"""
_TO_TEAM = """
SELECT c.batch_no, c.row_no, tm.subject_no, c.span_no, c.weight, c.day
FROM credited AS c JOIN w_span AS s ON s.span_no = c.span_no JOIN w_team AS tm ON tm.subject_id = s.team_id
"""
_AT_OWN_PLACE = """
SELECT r.batch_no, r.row_no, i.subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, :day AS day
FROM facts AS r JOIN w_institution AS i ON i.subject_id = r.institution_id WHERE :day IS NOT NULL
"""
_AT_LOAN_PLACE = """
SELECT r.batch_no, r.row_no, i.subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, :day AS day
FROM facts AS r JOIN f_loans AS l ON l.loan_id = r.loan_id JOIN w_institution AS i ON i.subject_id = l.institution_id
"""
_AT_ROW_PLACE = """
SELECT r.batch_no, r.row_no, i.subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, :day AS day
FROM facts AS r JOIN w_institution AS i ON i.subject_id = r.institution_id
UNION ALL
SELECT r.batch_no, r.row_no, w.subject_no, 0, CAST(:whole AS BIGINT), :day
FROM facts AS r JOIN f_accounts AS ac ON ac.account_id = r.account_id
JOIN w_account_place AS w ON w.account_no = ac.account_no AND w.start_day <= :at AND w.end_day > :at
WHERE r.institution_id IS NULL
"""
