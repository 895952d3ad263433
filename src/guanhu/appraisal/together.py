"""Measures that sum the same days of the same cube, computed in one query.

Planning a query costs the engine more than summing a few thousand rows of a cube. What an instance asks
of one cube is known beforehand (`expect`), so the first figure that is asked for brings its peers along:

    wide(subject_no, spell_no, den, num_0, bad_0, num_1, bad_1, ...)

and each figure is a view of its own two columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from guanhu.appraisal import shapes
from guanhu.appraisal.figure import Figure, Wanted, in_spells, spell_table
from guanhu.appraisal.rows import RowEnv
from guanhu.appraisal.things import CubePlan
from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.fold import WEIGHT_WHOLE, Segment, taken_spans
from guanhu.rulebook.run.numeric import Num, TooWide
from guanhu.rulebook.run.template import filled, union_all
from guanhu.values.dates import Span

if TYPE_CHECKING:
    from guanhu.appraisal.measures import Fold

Prices = tuple[tuple[date, tuple[int, ...]], ...]
"""The numbers of the segments by the day of their prices."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What figures must have in common to be computed together."""

    pieces: str
    source: str
    spans: tuple[Span, ...]
    prices: Prices
    by_spell: bool
    is_rolled: bool


class Together:
    """Computes figures with their peers."""

    def __init__(self, fold: Fold) -> None:
        """Stand on a fold."""
        self.fold = fold
        self._expected: dict[tuple[object, ...], dict[Wanted, None]] = {}
        self._ready: dict[Wanted, Figure] = {}

    def expect(self, wanted: Wanted) -> None:
        """Note a figure of a cube that will be asked for."""
        self._expected.setdefault(_instance_of(wanted), {})[wanted] = None

    def forget(self) -> None:
        """Drop what was computed and not asked for yet."""
        self._ready.clear()

    def figure(self, wanted: Wanted) -> Figure | None:
        """Return a figure of a cube, or None when it has no peers and is better computed alone."""
        if wanted in self._ready:
            return self._ready.pop(wanted)
        expected = self._expected.get(_instance_of(wanted), {})
        if wanted not in expected or wanted.only:
            return None
        shape = self._shape(wanted)
        cube = self.fold.cube_key(wanted)
        # Only what reads the same cube is looked at: that of others may not be made yet.
        others = (w for w in expected if w != wanted and self.fold.cube_key(w) == cube)
        peers = [wanted, *(w for w in others if self._shape(w) == shape)]
        if len(peers) == 1:
            return None
        try:
            self._ready.update(zip(peers, self._computed(shape, peers), strict=True))
        except TooWide:
            # Alone, the measure that is too wide is told from the others.
            return None
        return self._ready.pop(wanted)

    def _shape(self, wanted: Wanted) -> Shape:
        fold, measure = self.fold, wanted.measure
        spans = taken_spans(measure.take, wanted.span)[0]
        key = fold.cube_key(wanted)
        cuts = fold.price_cuts(measure, wanted.span)
        cube = fold.cubes.cube(key, CubePlan(set(spans), cuts, fold.attributes(measure)))
        prices = fold.by_price(measure, cube.inside(spans), wanted)
        return Shape(
            key[0],
            cube.table,
            tuple(spans),
            tuple((day, tuple(s.number for s in segments)) for day, segments in prices.items()),
            in_spells(wanted),
            wanted.subject == "institution" and wanted.rolled,
        )

    def _computed(self, shape: Shape, peers: list[Wanted]) -> list[Figure]:
        fold = self.fold
        measures = [w.measure for w in peers]
        parts = [self._part(shape, measures, day, numbers) for day, numbers in shape.prices]
        scales = [_common([nums[i].scale for _, nums in parts]) for i in range(len(peers))]
        rows = union_all([_scaled(query, nums, scales) for query, nums in parts])
        lost = fold.lost_rows(measures[0], shape.pieces, list(shape.spans))
        if lost is not None:
            rows = union_all([rows, _bad_for_all(lost, len(peers))])
        wide = f"figures/{fold.count}"
        fold.count += 1
        fold.engine.create(
            wide, _gathered(rows, shape, spell_table(peers[0].instance, cut=peers[0].cut), len(peers))
        )
        if shape.is_rolled:
            fold.engine.create(wide, _above(wide, len(peers)))
        return [self._view(wide, i, w, scales[i], shape) for i, w in enumerate(peers)]

    def _part(
        self, shape: Shape, measures: list[t.Measure], day: date, numbers: tuple[int, ...]
    ) -> tuple[exp.Select, list[Num]]:
        """Return (subject_no, span_no, amount_i, is_bad_i) rows at the prices of one day."""
        fold = self.fold
        chosen = filled("SELECT * FROM rows_", rows_=shape.source)
        if not isinstance(chosen, exp.Select):
            raise TypeError("not a select")
        chosen.where(segments_in(numbers), copy=False)
        balance = Num(exp.column("days_sum"), Fraction(1, 100), *fold.cubes.ranges[shape.source])
        bounds = fold.statistics.bounds(measures[0])
        table = chosen.subquery("r", copy=False)
        env = RowEnv(table, measures[0].kind, fold.rulebook, fold.parameters, day, bounds, balance)
        columns: list[exp.Expr] = [exp.column("subject_no"), exp.column("span_no")]
        nums: list[Num] = []
        for i, measure in enumerate(measures):
            value, bad, num = amount_of(env, measure)
            columns += [exp.alias_(value, f"amount_{i}"), exp.alias_(bad, f"is_bad_{i}")]
            nums.append(num)
        return env.sheet.select(columns), nums

    def _view(self, wide: str, i: int, wanted: Wanted, scale: Fraction, shape: Shape) -> Figure:
        fold = self.fold
        divisor = taken_spans(wanted.measure.take, wanted.span)[1]
        if wanted.measure.base:
            own, _ = taken_spans(wanted.measure.take, wanted.instance.days)
            divisor *= sum(span.days for span in own)
        # Not a name of a kept figure: a view and a table cannot stand in for each other.
        name = f"shown/{fold.count}"
        fold.count += 1
        query = filled(
            "SELECT subject_no, spell_no, :num AS num, den, :bad AS bad FROM w",
            w=wide,
            num=exp.column(f"num_{i}"),
            bad=exp.column(f"bad_{i}"),
        )
        fold.engine.show(name, query)
        return Figure(name, scale / WEIGHT_WHOLE / divisor, shape.by_spell)


def amount_of(env: RowEnv, measure: t.Measure, days: Num | None = None) -> tuple[exp.Expr, exp.Expr, Num]:
    """Return the amount of a row, whether it is unknown, and the number that the amount is bound as.

    Shapes:   in(env: a flat table with `weight`) -> out(amount, is_bad, num); `days` multiplies where the
              row has the balance of a day. An amount that `where` leaves out is 0.
    """
    weight = Num(exp.column("weight"), Fraction(1), 0, WEIGHT_WHOLE * 366)
    amount = env.compiler.number(measure.each) if measure.each is not None else n.constant(Fraction(1))
    if measure.round_to is not None and measure.round_per == "row":
        amount = n.rounded(amount, Fraction(1, 10**measure.round_to))
    amount = n.multiply(amount, weight)
    if days is not None:
        amount = n.multiply(amount, days)
    bound = env.sheet.bind(amount)
    if not isinstance(bound, Num):
        raise TypeError(measure.id)
    if measure.where is None:
        return bound.sql, n.is_null(bound.sql), bound
    where = env.compiler.condition(measure.where)
    unknown = exp.And(this=n.wrap(where.sql.copy()), expression=n.wrap(n.is_null(bound.sql)))
    bad = n.any_of([n.is_null(where.sql), unknown])
    return n.case([(where.sql.copy(), bound.sql)], n.typed(n.integer(0), bound.size)), bad, bound


def segments_in(numbers: tuple[int, ...]) -> exp.Expr:
    """Return the condition that chooses segments of a cube."""
    return exp.In(this=exp.column("seg_no"), expressions=[n.integer(x) for x in numbers])


def by_last_change(segments: list[Segment], changes: set[date], first: date) -> dict[date, list[Segment]]:
    """Return segments by the day whose prices they have: that of the last change, else the `first` day."""
    found: dict[date, list[Segment]] = {}
    for segment in segments:
        day = max((c for c in changes if c <= segment.span.start), default=first)
        found.setdefault(day, []).append(segment)
    return dict(sorted(found.items()))


def _instance_of(wanted: Wanted) -> tuple[object, ...]:
    return wanted.instance, wanted.subject, wanted.cut, wanted.rolled


def _common(scales: list[Fraction]) -> Fraction:
    found = scales[0]
    for scale in scales[1:]:
        found = n.common_scale(found, scale)
    return found


def _scaled(query: exp.Select, nums: list[Num], scales: list[Fraction]) -> exp.Expr:
    """Return the rows of one price day with each amount brought to the scale of all price days."""
    if all(num.scale == scale for num, scale in zip(nums, scales, strict=True)):
        return query
    found: list[exp.Expr] = [exp.column("subject_no"), exp.column("span_no")]
    for i, (num, scale) in enumerate(zip(nums, scales, strict=True)):
        amount = n.rescaled(Num(exp.column(f"amount_{i}"), num.scale, num.low, num.high), scale)
        found.append(exp.alias_(n.typed(amount.sql, amount.size), f"amount_{i}"))
        found.append(exp.column(f"is_bad_{i}"))
    return exp.select(*found).from_(query.subquery("q", copy=False), copy=False)


def _bad_for_all(lost: exp.Expr, count: int) -> exp.Expr:
    """Return rows of which nothing is known as bad rows of every peer."""
    found: list[exp.Expr] = [exp.column("subject_no"), exp.column("span_no")]
    for i in range(count):
        found.append(exp.alias_(exp.column("amount"), f"amount_{i}"))
        found.append(exp.alias_(exp.column("is_bad"), f"is_bad_{i}"))
    source = lost.subquery("q", copy=False) if isinstance(lost, exp.Query) else lost
    return exp.select(*found).from_(source, copy=False)


def _gathered(rows: exp.Expr, shape: Shape, spells: str, count: int) -> exp.Expr:
    template = shapes.GATHER_WIDE_SPELLS if shape.by_spell else shapes.GATHER_WIDE
    query = filled(template, rows_=rows, spells=spells)
    sums = [
        f"sum(amount_{i}) AS num_{i}, count(*) FILTER (WHERE is_bad_{i}) AS bad_{i}" for i in range(count)
    ]
    return _with_columns(query, sums)


def _above(wide: str, count: int) -> exp.Expr:
    query = filled(shapes.GATHER_WIDE_ABOVE, rows_=wide)
    return _with_columns(query, [f"sum(num_{i}) AS num_{i}, sum(bad_{i}) AS bad_{i}" for i in range(count)])


def _with_columns(query: exp.Expr, columns: list[str]) -> exp.Expr:
    if not isinstance(query, exp.Select):
        raise TypeError("not a select")
    more = filled(f"SELECT {', '.join(columns)}")
    return query.select(*more.expressions, copy=False)
