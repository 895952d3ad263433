"""Cubes of balances that a run keeps: one for each way of crediting, read by every linear measure and window."""

from __future__ import annotations

from itertools import count

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.rows import flat_name
from guanhu.appraisal.things import Cube, CubePlan
from guanhu.rulebook.run import cube as c
from guanhu.rulebook.run.fold import Segment, segments_of
from guanhu.rulebook.run.template import filled

Key = tuple[str, bool]
"""The table of pieces, and whether single days are taken of it: their cube is apart, as its days would cut every month."""
SEGMENT_COLUMNS = (("seg_no", "INTEGER"), ("start_day", "DATE"), ("end_day", "DATE"), ("month_start", "DATE"))


class Cubes:
    """Makes cubes of what is planned, and a new one when more is asked for than was planned."""

    def __init__(self, engine: Engine) -> None:
        """Stand on the ground tables in `engine`."""
        self.engine = engine
        self.plans: dict[Key, CubePlan] = {}
        self.ranges: dict[str, tuple[int, int]] = {}
        """The least and greatest sum in each cube; they choose the width of every figure."""
        self._made: dict[Key, Cube] = {}
        self._built_of: dict[Key, CubePlan] = {}
        self._classes_made: set[str] = set()
        self._numbers = count()

    def expect(self, key: Key, wanted: CubePlan) -> None:
        """Note what will be asked of a cube, so that one serves all."""
        self.plans.setdefault(key, CubePlan()).add(wanted)

    def cube(self, key: Key, wanted: CubePlan) -> Cube:
        """Return the cube that holds these days and attributes, built now if none does yet."""
        self.expect(key, wanted)
        # The plan may have grown since the cube was built: what counts is what the cube was built of.
        built = self._built_of.get(key)
        if built is None or not built.holds(wanted):
            plan = CubePlan()
            plan.add(self.plans[key])
            self._built_of[key] = plan
            self._made[key] = self._built(key[0], plan)
        return self._made[key]

    def forget(self) -> None:
        """Drop all cubes; what was planned stays."""
        for cube in self._made.values():
            self.engine.drop(cube.table)
        self._made.clear()
        self._built_of.clear()

    def _built(self, pieces: str, plan: CubePlan) -> Cube:
        coarse = segments_of(plan.spans, plan.cuts, by_month=False)
        parts = segments_of([s.span for s in coarse], plan.cuts)
        fine = [Segment(_number_of(coarse, s), s.span, s.month) for s in parts]
        of_account = sorted(a for a in plan.attributes if a[0] != "person")
        classes = self._classes(of_account) if of_account else ""
        name = f"cube/{next(self._numbers)}"
        tables: list[str] = []
        sums = self._parts(name, pieces, fine, f"{classes}/of" if classes else "", tables)
        flat = filled("SELECT q.* FROM sums AS q", sums=c.one_row_each(sums))
        if isinstance(flat, exp.Select):
            self._described(flat, classes, plan)
        self.engine.create(name, flat)
        for table in tables:
            self.engine.drop(table)
        ((low, high),) = self.engine.rows(filled("SELECT min(days_sum), max(days_sum) FROM r", r=name))
        self.ranges[name] = (int(low or 0), int(high or 1))
        return Cube(name, tuple(coarse))

    def _parts(
        self, name: str, pieces: str, fine: list[Segment], classes: str, tables: list[str]
    ) -> list[exp.Expr]:
        """Return the sums that make up a cube; `tables` gathers what they read and is to be dropped."""
        months = [s for s in fine if s.month is not None]
        days = [s for s in fine if s.month is None]
        found: list[exp.Expr] = []
        for number, (quarter, its) in enumerate(c.by_quarter(months).items()):
            table = f"{name}/quarter/{number}"
            tables.append(table)
            self.engine.create(table, c.quarter_query(pieces, classes, quarter, its))
            found += c.of_quarter(table, its)
        if months:
            found += self._edges(name, pieces, months, classes, tables)
        if days:
            tables.append(self.segments(days))
            found += c.day_sums(pieces, tables[-1], classes)
        return found

    def _edges(
        self, name: str, pieces: str, months: list[Segment], classes: str, tables: list[str]
    ) -> list[exp.Expr]:
        of_months, stored = self.segments(months), f"{name}/stored"
        tables += [of_months, stored]
        edges = c.edges_query(pieces, of_months, months)
        self.engine.create(stored, c.stored_sums(edges, classes))
        found = [c.of_stored(stored)]
        # The balances are only opened when an edge is not stored: reading them is most of a fold.
        if self.engine.rows(filled("SELECT 1 FROM stored WHERE lacking > 0 LIMIT 1", stored=stored)):
            found.append(c.interval_sums(edges, classes))
        return found

    def _described(self, flat: exp.Select, classes: str, plan: CubePlan) -> None:
        """Add the attributes of the account's class and of the person's post to the rows of a cube."""
        if classes:
            class_of = exp.alias_(exp.Table(this=exp.to_identifier(classes, quoted=True)), "d", table=True)
            flat.join(class_of, on="d.class_no = q.class_no", copy=False)
            flat.select("d.* EXCLUDE (class_no)", copy=False, dialect="duckdb")
        posts = sorted(column for table, column in plan.attributes if table == "person")
        if posts:
            flat.join("w_span AS sp", on="sp.span_no = q.span_no", join_type="left", copy=False)
        for column in posts:
            shown = exp.alias_(exp.column(column, table="sp"), flat_name("person", column), quoted=True)
            flat.select(shown, copy=False)

    def segments(self, segments: list[Segment]) -> str:
        """Return a new table of segments."""
        name = f"segments/{next(self._numbers)}"
        rows = [(s.number, s.span.start, s.span.end, s.month) for s in segments]
        self.engine.load(name, SEGMENT_COLUMNS, rows)
        return name

    def _classes(self, attributes: list[tuple[str, str]]) -> str:
        """Return the table of distinct attribute combinations; `<name>/of` says which an account is of."""
        names = [flat_name(*a) for a in attributes]
        name = f"classes/{'|'.join(names)}"
        if name in self._classes_made:
            return name
        self._classes_made.add(name)
        columns: list[exp.Expr] = [
            exp.alias_(
                exp.column(column, table="a" if table == "account" else "c"),
                flat_name(table, column),
                quoted=True,
            )
            for table, column in attributes
        ]
        query = filled(
            "SELECT a.account_no FROM f_accounts AS a LEFT JOIN f_customers AS c ON c.customer_id = a.customer_id"
        )
        if not isinstance(query, exp.Select):
            raise TypeError("not a select")
        flat = query.select(*columns, copy=False)
        grouped: list[exp.Expr] = [exp.column(x, quoted=True) for x in names]
        number = exp.alias_(
            exp.Cast(
                this=filled("SELECT dense_rank() OVER (ORDER BY 1) AS x").expressions[0].this,
                to=exp.DataType.build("INTEGER"),
            ),
            "class_no",
        )
        if grouped:
            window = number.find(exp.Window)
            if window is not None:
                window.set("order", exp.Order(expressions=[exp.Ordered(this=g.copy()) for g in grouped]))
        self.engine.create(
            f"{name}/all", exp.select("*", number).from_(flat.subquery("f", copy=False), copy=False)
        )
        self.engine.create(f"{name}/of", filled("SELECT account_no, class_no FROM x", x=f"{name}/all"))
        self.engine.create(name, filled("SELECT DISTINCT * EXCLUDE (account_no) FROM x", x=f"{name}/all"))
        self.engine.drop(f"{name}/all")
        return name


def _number_of(coarse: list[Segment], part: Segment) -> int:
    """Return the number of the segment that a part of it lies in."""
    return next(s.number for s in coarse if part.span.start in s.span)
