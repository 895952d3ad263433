"""Measures of a run: each (measure, instance, kind of subject) becomes a small table (`figure`)."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal import shapes
from guanhu.appraisal.by_customer import by_customer, reads_customers
from guanhu.appraisal.credited import kept_measures
from guanhu.appraisal.cubes import Cubes
from guanhu.appraisal.day_totals import figure_of_days, in_post, over_days_held
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.figure import Figure, Wanted, in_spells, spell_table
from guanhu.appraisal.lost import OWN_KINDS, Holes, lost_days
from guanhu.appraisal.parameters import Parameters, inputs_in
from guanhu.appraisal.rows import JOINED, RowEnv, columns_read, flat_name
from guanhu.appraisal.things import (
    ALIASES,
    CubePlan,
    Derived,
    joined_things,
    measures_of_rows,
    pieces_of_things,
    with_derived,
)
from guanhu.appraisal.together import Together, amount_of, by_last_change, segments_in
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.parts import parts_of
from guanhu.rulebook.run import fold, numeric as n
from guanhu.rulebook.run.fold import WEIGHT_WHOLE, Segment, segments_of, taken_spans
from guanhu.rulebook.run.numeric import Num
from guanhu.rulebook.run.template import filled, union_all
from guanhu.rulebook.windows import span_of
from guanhu.values.dates import Span

OBJECT_OF = {"balances": "account_no", "account_rates": "account_no", "loan_states": "loan_id"}
THINGS = ("account", "customer", "loan")
"""Things that may have a figure of their own, for the `where` of other measures."""
DAY_TAKES = ("month-end average", "named days", "at end", "count")
"""Takes of single days: their cube is apart, as its days would cut every month."""


class Fold:
    """Computes measures of standing things and of rows; keeps the cubes that several measures share."""

    def __init__(
        self,
        engine: Engine,
        rulebook: t.Rulebook,
        parameters: Parameters,
        statistics: Statistics,
        view: Holes,
    ) -> None:
        """Stand on the ground tables in `engine`."""
        self.engine = engine
        self.rulebook = rulebook
        self.parameters = parameters
        self.statistics = statistics
        self.made: set[str] = set()
        self.cubes = Cubes(engine)
        self.together = Together(self)
        self.lost_days = {kind: lost_days(view, kind) for kind in OWN_KINDS}
        self.kept_measures = kept_measures(rulebook)
        self.credited_rows: list[str] = []
        """Tables of credited rows that the run keeps."""
        self.lot_rows: dict[tuple[str, Instance, bool], str] = {}
        """By measure, instance and whether people are cut into spells: what each row counts, for lots."""
        self.derived: dict[tuple[str, Instance], Derived] = {}
        self.latest: dict[str, Derived] = {}
        self.count = 0

    # -- pieces: object, subject, span, weight, days --

    def pieces(self, measure: t.Measure, subject: str, object_key: str) -> str:
        """Return the table of pieces that a measure's credit gives to a kind of subject."""
        name = self.pieces_name(measure, subject, object_key)
        if name in self.made:
            return name
        self.made.add(name)
        self.engine.create(name, self._pieces_query(measure, subject, object_key, measure.book or "main"))
        return name

    def pieces_name(self, measure: t.Measure, subject: str, object_key: str) -> str:
        """Return the name of the table of pieces."""
        return f"pieces/{subject}/{object_key}/{measure.book or 'main'}/{measure.role}/{measure.credit}"

    def _pieces_query(self, measure: t.Measure, subject: str, object_key: str, book: str) -> exp.Expr:
        credit = "w_credit_account" if object_key == "account_no" else "w_credit_loan"
        weight: exp.Expr = exp.column("share", table="c")
        conditions = ["TRUE"]
        if subject == "institution":
            if object_key == "account_no":
                return filled(
                    "SELECT p.account_no, p.subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, p.start_day, p.end_day FROM w_account_place AS p",
                    whole=n.integer(WEIGHT_WHOLE),
                )
            return filled(shapes.LOAN_PLACES, whole=n.integer(WEIGHT_WHOLE))
        if subject == "bank":
            objects = "SELECT account_no" if object_key == "account_no" else "SELECT loan_id"
            table = "f_accounts" if object_key == "account_no" else "f_loans"
            return filled(
                f"{objects}, 0 AS subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, DATE '0001-01-01' AS start_day, DATE '9999-12-31' AS end_day FROM {table}",
                whole=n.integer(WEIGHT_WHOLE),
            )
        if subject in THINGS:
            return pieces_of_things(subject, object_key)
        if measure.credit == "lead only":
            conditions.append("c.role IS NULL OR c.role IN ('主办', 'lead')")
        if measure.credit in ("lead only", "each in full"):
            weight = exp.Cast(this=n.integer(WEIGHT_WHOLE), to=exp.DataType.build("BIGINT"))
        who = "c.subject_no"
        join = ""
        if subject == "team":
            who = "tm.subject_no"
            join = "JOIN w_span AS s ON s.span_no = c.span_no JOIN w_team AS tm ON tm.subject_id = s.team_id"
        where = " AND ".join(f"({c})" for c in conditions)
        role = "AND c.role = :role" if measure.role else ""
        return filled(
            f"SELECT c.object AS {object_key}, {who} AS subject_no, c.span_no, :weight AS weight, c.start_day, c.end_day "
            f"FROM {credit} AS c {join} WHERE c.book = :book AND {where} {role}",
            weight=weight,
            book=exp.Literal.string(book),
            role=exp.Literal.string(measure.role),
        )

    def _few(self, pieces: str, only: str) -> str:
        """Return the pieces of the few subjects of a card."""
        name = f"{pieces}/of {only}"
        if name not in self.made:
            self.made.add(name)
            self.engine.create(
                name,
                filled(
                    "SELECT p.* FROM pieces AS p SEMI JOIN c AS c ON c.subject_no = p.subject_no",
                    pieces=pieces,
                    c=only,
                ),
            )
        return name

    def pieces_on(self, pieces: str, day: date) -> str:
        """Return the pieces of one day, for always: who is in charge then has the whole window."""
        name = pieces_on_name(pieces, day)
        if name not in self.made:
            self.made.add(name)
            self.engine.create(name, filled(shapes.PIECES_ON, pieces=pieces, day=date_sql(day)))
        return name

    def base_pieces(
        self, measure: t.Measure, subject: str, plain: str, object_key: str, own: Span
    ) -> tuple[str, int]:
        """Return pieces whose weight is share × the days that the measure takes of the instance's own window.

        The divisor is the number of those days. A closed thing stays with its last owner: what covers the
        day before closing goes on for ever.
        """
        spans, _ = taken_spans(measure.take, own)
        name = self.base_name(measure, plain, own)
        if name not in self.made:
            self.made.add(name)
            of_accounts = shapes.BASE_ACCOUNTS_OF_PEOPLE if subject == "person" else shapes.BASE_ACCOUNTS
            template = of_accounts if object_key == "account_no" else shapes.BASE_LOANS
            days = self.cubes.segments([Segment(i, span, None) for i, span in enumerate(spans)])
            self.engine.create(name, filled(template, pieces=plain, spans=days))
            self.engine.drop(days)
        return name, sum(span.days for span in spans)

    def base_name(self, measure: t.Measure, plain: str, own: Span) -> str:
        """Return the name of the pieces of a moving baseline."""
        days = (
            ""
            if measure.take.how in ("daily average", "balance days")
            else f"/{measure.take.how}{measure.take.days}"
        )
        return f"base/{plain}/{own}{days}"

    # -- standing things --

    def standing(self, wanted: Wanted) -> Figure:
        """Return the figure of a measure over balances or loan states."""
        measure = wanted.measure
        if measure.take.is_of_days:
            return figure_of_days(self, wanted)
        spans, divisor = taken_spans(measure.take, wanted.span)
        object_key = OBJECT_OF[measure.kind.name]
        pieces = self.pieces(measure, wanted.subject, object_key)
        if wanted.only:
            pieces = self._few(pieces, wanted.only)
        if measure.credit_at:
            pieces = self.pieces_on(pieces, credit_day(wanted))
        if measure.base:
            pieces, days = self.base_pieces(measure, wanted.subject, pieces, object_key, wanted.instance.days)
            divisor *= days
        linear = self.is_cubed(measure)
        if linear:
            found = self.together.figure(wanted)
            if found is not None:
                return found
            key = (pieces, measure.take.how in DAY_TAKES)
            planned = self._planned(measure, spans, self.price_cuts(measure, wanted.span))
            cube = self.cubes.cube(key, planned)
            source, segments = cube.table, cube.inside(spans)
        else:
            segments = segments_of(spans, self.price_cuts(measure, wanted.span))
            source = self._interval_source(wanted, pieces, object_key, segments)
        rows, scale = self._amounts(measure, source, segments, wanted, linear=linear)
        lost = self.lost_rows(measure, pieces, spans)
        if lost is not None:
            rows = union_all([rows, lost])
        if reads_customers(measure):
            return by_customer(self, wanted, rows, scale / WEIGHT_WHOLE / divisor)
        if measure.take.over_held:
            rows = in_post(wanted, rows)
            return over_days_held(self, wanted, self._gathered(wanted, rows, scale / WEIGHT_WHOLE))
        return self._gathered(wanted, rows, scale / WEIGHT_WHOLE / divisor)

    def daily_amounts(self, wanted: Wanted, segments: list[Segment]) -> tuple[exp.Expr, Fraction]:
        """Return (subject_no, span_no, amount, is_bad, first_day, days): what each interval adds on each of its days."""
        measure = wanted.measure
        object_key = OBJECT_OF[measure.kind.name]
        pieces = self.pieces(measure, wanted.subject, object_key)
        if wanted.only:
            pieces = self._few(pieces, wanted.only)
        if measure.credit_at:
            pieces = self.pieces_on(pieces, credit_day(wanted))
        source = self._interval_source(wanted, pieces, object_key, segments)
        rows, scale = self._amounts(measure, source, segments, wanted, linear=False)
        lost = self.lost_rows(measure, pieces, [wanted.span])
        return (rows if lost is None else union_all([rows, lost])), scale

    def lost_rows(self, measure: t.Measure, pieces: str, spans: list[Span]) -> exp.Expr | None:
        """Return a bad row for everyone credited with an account or loan of which a row was refused."""
        kind = measure.kind.name
        found = [
            (key, common.start, common.end)
            for key, days in self.lost_days.get(kind, ())
            for span in spans
            if (common := span.overlap(days)) is not None
        ]
        if not found:
            return None
        name = f"lost/{self.count}"
        self.count += 1
        self.engine.load(name, (("id", "VARCHAR"), ("start_day", "DATE"), ("end_day", "DATE")), found)
        shape = shapes.LOST_ACCOUNTS if OWN_KINDS[kind] == "account_no" else shapes.LOST_LOANS
        query = filled(shape, pieces=pieces, lost=name)
        if measure.take.is_of_days and isinstance(query, exp.Select):
            query = query.select(*shapes.LOST_DAYS, copy=False, dialect="duckdb")
        if reads_customers(measure) and isinstance(query, exp.Select):
            query = query.select("CAST(NULL AS VARCHAR) AS thing", copy=False, dialect="duckdb")
        return query

    def is_cubed(self, measure: t.Measure) -> bool:
        """Tell whether a measure reads the cube: linear in the balance, and no attribute that changes by day."""
        if measure.kind.name != "balances" or not fold.is_linear(measure):
            return False
        read = columns_read(measure.formulas, self.rulebook.tables)
        return not any(table in ("account_rates", "institution") for table, _ in read)

    def expect(self, wanted: Wanted) -> None:
        """Note what a figure will need, so that one cube serves all measures and windows of its pieces."""
        measure = wanted.measure
        if measure.kind.name not in OBJECT_OF or not self.is_cubed(measure):
            return
        spans = taken_spans(measure.take, wanted.span)[0]
        self.cubes.expect(
            self.cube_key(wanted), self._planned(measure, spans, self.price_cuts(measure, wanted.span))
        )
        if not measure.take.over_held:
            self.together.expect(wanted)

    def cube_key(self, wanted: Wanted) -> tuple[str, bool]:
        """Return what tells the cube of a figure from others."""
        measure = wanted.measure
        pieces = self.pieces_name(measure, wanted.subject, "account_no")
        if measure.credit_at:
            pieces = pieces_on_name(pieces, credit_day(wanted))
        if measure.base:
            pieces = self.base_name(measure, pieces, wanted.instance.days)
        return pieces, measure.take.how in DAY_TAKES

    def forget(self) -> None:
        """Drop all cubes, and figures that nobody has asked for yet; what was planned stays."""
        self.cubes.forget()
        self.together.forget()

    def _planned(self, measure: t.Measure, spans: list[Span], cuts: set[date]) -> CubePlan:
        return CubePlan(set(spans), cuts, self.attributes(measure))

    def attributes(self, measure: t.Measure) -> set[tuple[str, str]]:
        """Return the attributes that the rows of a measure read."""
        return columns_read(measure.formulas, self.rulebook.tables) - {("", "balance")}

    def price_cuts(self, measure: t.Measure, span: Span) -> set[date]:
        """Return the days inside the window on which a price or table that the rows read changes."""
        if measure.prices_at not in ("each day", "row's day"):
            return set()
        names = inputs_in(measure.formulas, self.rulebook.tables)
        cuts = self.parameters.cuts(names, span)
        for part in parts_of(measure.formulas, self.rulebook.tables):
            if isinstance(part, t.Lookup):
                cuts.update(v.start for v in self.rulebook.tables[part.table].versions if v.start in span)
        return cuts

    def by_price(
        self, measure: t.Measure, segments: list[Segment], wanted: Wanted
    ) -> dict[date, list[Segment]]:
        """Return segments by the day whose prices apply to their rows."""
        if measure.prices_at in ("each day", "row's day"):
            return by_last_change(segments, self.price_cuts(measure, wanted.span), wanted.span.start)
        return {self.price_day(measure, wanted.span.start, wanted): segments}

    def price_day(self, measure: t.Measure, day: date, wanted: Wanted) -> date:
        """Return the day whose prices apply to a row of `day`."""
        match measure.prices_at:
            case "each day" | "row's day":
                return day
            case "window end":
                return wanted.span.last_day
            case _:
                return wanted.instance.days.last_day

    def _interval_source(self, wanted: Wanted, pieces: str, object_key: str, segments: list[Segment]) -> str:
        """Return the flat table of pieces × segments × intervals, with the columns that are read."""
        measure = wanted.measure
        seg = self.cubes.segments(segments)
        read = sorted(columns_read(measure.formulas, self.rulebook.tables))
        tables = {table for table, _ in read}
        derived = self.derived_figures(measure, wanted.instance)
        tables |= {"account"} if derived and object_key == "account_no" else {"loan"} if derived else set()
        shape = (
            shapes.INTERVALS_LOAN
            if object_key == "loan_id"
            else shapes.INTERVALS_RATED
            if "account_rates" in tables
            else shapes.INTERVALS_ACCOUNT
        )
        query = filled(shape, pieces=pieces, segments=seg, facts=f"f_{measure.kind.name}")
        if not isinstance(query, exp.Select):
            raise TypeError("not a select")
        if reads_customers(measure):
            tables |= {"account" if object_key == "account_no" else "loan"}
        query = joined_things(query, tables, object_key)
        thing = "a" if object_key == "account_no" else "l"
        owners = {"account": "a.account_id", "loan": "b.loan_id", "customer": f"{thing}.customer_id"}
        query = with_derived(query, derived, owners)
        columns = [
            exp.alias_(exp.column(column, table=ALIASES[table]), flat_name(table, column), quoted=True)
            for table, column in read
        ]
        if reads_customers(measure):
            owner = shapes.OWNER_OF_ACCOUNT if object_key == "account_no" else shapes.OWNER_OF_LOAN
            query = query.select(owner[measure.round_per], copy=False, dialect="duckdb")
        if measure.take.is_of_days:
            first = (
                "greatest(b.from_day, k.start_day, ra.start_day)"
                if shape is shapes.INTERVALS_RATED
                else "greatest(b.from_day, k.start_day)"
            )
            query = query.select(f"{first} AS first_day", copy=False, dialect="duckdb")
        name = f"rows/{self.count}"
        self.count += 1
        self.engine.create(name, query.select(*columns, copy=False))
        self.engine.drop(seg)
        return name

    # -- figures of the things that rows belong to --

    def derived_figures(self, measure: t.Measure, instance: Instance) -> dict[str, Derived]:
        """Return the figures of accounts, customers or loans that a measure's rows read, in this instance."""
        found: dict[str, Derived] = {}
        for name in measures_of_rows(measure):
            other = self.rulebook.measures[name]
            if not isinstance(other, t.Measure):
                continue
            key = (name, instance)
            if key not in self.derived:
                self.derived[key] = self._derived(other, instance)
            found[name] = self.derived[key]
            self.latest[name] = found[name]
        return found

    def derived_made(self, measure: t.Measure) -> dict[str, Derived]:
        """Return the figures joined last for a measure."""
        return {name: self.latest[name] for name in measures_of_rows(measure) if name in self.latest}

    def _derived(self, measure: t.Measure, instance: Instance) -> Derived:
        from guanhu.appraisal.events import EventFold  # noqa: PLC0415 - the two folds need each other here

        span = span_of(measure.window, instance.days, instance.every) or instance.days
        for thing, id_table in (("customer", shapes.CUSTOMERS), ("loan", shapes.LOANS)):
            if f"w_{thing}" not in self.made:
                self.made.add(f"w_{thing}")
                self.engine.create(f"w_{thing}", filled(id_table))
        wanted = Wanted(measure, instance, measure.per, span, cut=False, rolled=False)
        figure = self.standing(wanted) if measure.kind.name in OBJECT_OF else EventFold(self).figure(wanted)
        name = f"derived/{measure.id}/{instance.days}"
        self.engine.create(name, filled(shapes.DERIVED[measure.per], figure=figure.table))
        ((low, high),) = self.engine.rows(filled("SELECT min(value), max(value) FROM d", d=name))
        column = n.column(f"m:{measure.id}", figure.scale, min(int(low or 0), 0), max(int(high or 0), 1))
        return Derived(name, measure.per, column)

    # -- amounts of rows --

    def _amounts(
        self, measure: t.Measure, source: str, segments: list[Segment], wanted: Wanted, *, linear: bool
    ) -> tuple[exp.Expr, Fraction]:
        """Return (subject_no, span_no, amount, bad) rows and the scale of the amount."""
        by_price = self.by_price(measure, segments, wanted)
        parts: list[tuple[exp.Expr, Num]] = []
        for day, its in by_price.items():
            chosen = filled("SELECT * FROM rows_", rows_=source)
            if (linear or len(by_price) > 1) and isinstance(chosen, exp.Select):
                chosen = chosen.where(segments_in(tuple(s.number for s in its)), copy=False)
            parts.append(self._amount_query(measure, chosen, source, day, linear=linear))
        return _aligned(parts)

    def _amount_query(
        self, measure: t.Measure, chosen: exp.Expr, source: str, day: date, *, linear: bool
    ) -> tuple[exp.Expr, Num]:
        table = chosen.subquery("r", copy=False) if isinstance(chosen, exp.Query) else chosen
        bounds = self.statistics.bounds(measure)
        derived = {name: d.column for name, d in self.derived_made(measure).items()}
        balance = (
            Num(exp.column("days_sum"), Fraction(1, 100), *self.cubes.ranges[source]) if linear else None
        )
        env = RowEnv(table, measure.kind, self.rulebook, self.parameters, day, bounds, balance, derived)
        has_days = linear or measure.take.is_of_days
        days = None if has_days else Num(exp.column("days"), Fraction(1), 0, 4000)
        value, bad, bound = amount_of(env, measure, days)
        thing: exp.Expr = exp.column("thing")
        if reads_customers(measure) and measure.where is not None:
            thing = n.case([(env.compiler.condition(measure.where).sql, thing)], exp.Null())
        columns = [
            exp.column("subject_no"),
            exp.column("span_no"),
            exp.alias_(value, "amount"),
            exp.alias_(bad, "is_bad"),
            *([exp.column(x) for x in ("first_day", "days")] if measure.take.is_of_days else []),
            *([exp.alias_(thing, "thing")] if reads_customers(measure) else []),
        ]
        return env.sheet.select(columns), bound

    def _gathered(self, wanted: Wanted, rows: exp.Expr, scale: Fraction) -> Figure:
        """Sum the amounts by subject and, in the instance's own window, by spell."""
        by_spell = in_spells(wanted)
        name = f"figure/{self.count}"
        self.count += 1
        self.engine.create(
            name,
            filled(
                shapes.GATHER_SPELLS if by_spell else shapes.GATHER,
                rows_=rows,
                spells=spell_table(wanted.instance, cut=wanted.cut),
            ),
        )
        if wanted.subject == "institution" and wanted.rolled:
            self.engine.create(name, filled(shapes.GATHER_ABOVE, rows_=name))
        return Figure(name, scale, by_spell)


def credit_day(wanted: Wanted) -> date:
    """Return the day on which the credit of a measure with `credit_at` is looked up."""
    match wanted.measure.credit_at:
        case "window start":
            return wanted.span.start
        case "window end":
            return wanted.span.last_day
        case _:
            return wanted.instance.days.last_day


def pieces_on_name(pieces: str, day: date) -> str:
    """Return the name of the pieces of one day."""
    return f"{pieces}/on {day}"


class Statistics:
    """Bounds of the whole numbers at rest, from the batches; they choose the width of every figure."""

    def __init__(self, bounds: dict[tuple[str, str], tuple[int, int]]) -> None:
        """Keep (kind, column) → (least, most)."""
        self._bounds = bounds

    def bounds(self, measure: t.Measure) -> dict[tuple[str, str], tuple[int, int]]:
        """Return the bounds of the columns that a row of this kind may read."""
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for (kind, column), bound in self._bounds.items():
            if kind == measure.kind.name:
                found["", column] = bound
            for table, joined in JOINED.items():
                if joined.name == kind:
                    found[table, column] = bound
        return found


def _aligned(parts: list[tuple[exp.Expr, Num]]) -> tuple[exp.Expr, Fraction]:
    """Return the queries of several price days as one, their amounts brought to one scale."""
    scale = parts[0][1].scale
    for _, num in parts[1:]:
        scale = n.common_scale(scale, num.scale)
    found: list[exp.Expr] = []
    for query, num in parts:
        factor = num.scale / scale
        amount = n.rescaled(Num(exp.column("amount"), num.scale, num.low, num.high), scale)
        sql = filled(
            "SELECT * REPLACE (:amount AS amount) FROM q",
            amount=n.typed(amount.sql, amount.size),
            q=query,
        )
        found.append(sql if factor != 1 or len(parts) > 1 else query)
    return union_all(found), scale


def date_sql(day: date) -> exp.Expr:
    """Return a date literal."""
    return exp.Cast(this=exp.Literal.string(day.isoformat()), to=exp.DataType.build("DATE"))
