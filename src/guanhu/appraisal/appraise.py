"""One run: the rulebook's own order of measures, lines, groups and decisions, period by period.

    PASSES = (read inputs, lay ground, then for each instance in time order:
              figures of measures → cards → lines level by level → decisions → the past grows)

Nothing is written here; `freeze` keeps what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Protocol

from sqlglot import exp

from guanhu.appraisal.engine import Engine, Facts
from guanhu.appraisal.events import EventFold
from guanhu.appraisal.figure import Figure, Wanted
from guanhu.appraisal.ground import lay_ground
from guanhu.appraisal.history import History, read_opening
from guanhu.appraisal.joining import Joiner
from guanhu.appraisal.levels import add_levels, steps
from guanhu.appraisal.lines import Card, Known
from guanhu.appraisal.lost import NO_POSTS, POSTS, needs_of, told_lost, told_without_posts, uncovered
from guanhu.appraisal.lots import RunLots
from guanhu.appraisal.measures import OBJECT_OF, Fold, Statistics, date_sql
from guanhu.appraisal.parameters import Parameters, read_parameters
from guanhu.appraisal.people import cards
from guanhu.appraisal.persons import join_wholes, person_table
from guanhu.appraisal.pools import join_pools
from guanhu.appraisal.supplied import supplied_figure
from guanhu.appraisal.wide import add_wide_cause, add_wide_condition, add_wide_line, too_wide, too_wide_in
from guanhu.kinds.catalogue import CATALOGUE
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past
from guanhu.rulebook.instances import Instance, evaluated_in, planned
from guanhu.rulebook.lots import Moved
from guanhu.rulebook.parts import parts_of
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Compiled, Num, TooWide
from guanhu.rulebook.run.scalar import Compiler
from guanhu.rulebook.run.sheet import Sheet
from guanhu.rulebook.run.template import filled, table_named
from guanhu.rulebook.windows import span_of
from guanhu.values.dates import Span
from guanhu.values.problem import Place, Problem, Refused

GROUND_KINDS = (
    "institutions",
    "staff",
    "posts",
    "teams",
    "customers",
    "accounts",
    "account_institutions",
    "balances",
    "balance_cuts",
    "balance_quarters",
    "account_rates",
    "loans",
    "assignments",
    "figures",
    "parameters",
    "human_decisions",
    "opening_state",
)


def kinds_read(rulebook: t.Rulebook) -> list[str]:
    """Return the kinds of fact that a run of a rulebook reads: those of the ground, and those of its measures."""
    return sorted({*GROUND_KINDS, *rulebook.kinds()})


class View(Facts, Protocol):
    """What a run asks of the bank's facts."""

    def supplies(self, kind_name: str) -> bool:
        """Tell whether any batch holds a kind."""

    def missing(self, kind_name: str, span: Span) -> list[Span]:
        """Return the days of a span that no batch covers."""

    def holes(self, kind_name: str) -> Iterable[Any]:
        """Return the rows known to be missing, each with its `span`."""

    def statistics(self, kind_name: str, column: str) -> tuple[int, int, int] | None:
        """Return least, most and number of rows of a column of whole numbers."""


@dataclass(slots=True)
class Result:
    """What one group's cards in one instance came to: `lines`, `decisions` in `persons`, `cards` the same in `spells`."""

    instance: Instance
    group: t.GroupOfSubjects
    spells: str
    persons: str
    lines: dict[str, Compiled]
    measures: dict[str, Compiled]
    decisions: dict[str, Compiled]
    cards: dict[str, Compiled]


@dataclass(slots=True)
class Outcome:
    """Everything that a run found."""

    rulebook: t.Rulebook
    period: Span
    results: list[Result] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    changes: list[tuple[str, str, str, str, str, str, date, bool]] = field(default_factory=list)
    reconciled: list[tuple[str, ...]] = field(default_factory=list)
    credited: list[str] = field(default_factory=list)
    """Tables of the credited rows to keep."""
    lots: list[Moved] = field(default_factory=list)


Progress = Callable[[str, int, int], None]


def quiet(_what: str, _done: int, _all: int) -> None:
    """Show no progress."""


class Appraisal:
    """A run over one bank's facts."""

    def __init__(
        self,
        engine: Engine,
        view: View,
        rulebook: t.Rulebook,
        period: Span,
        past: Past | None = None,
        progress: Progress = quiet,
    ) -> None:
        """Take the engine, the facts as of a moment, a checked rulebook, and what earlier runs published."""
        self.engine = engine
        self.view = view
        self.rulebook = rulebook
        self.outcome = Outcome(rulebook, period)
        self.past = past or Past()
        self.progress = progress
        self.parameters = Parameters()
        self.history = History(engine, rulebook, self.past)
        self.lots = RunLots(self)
        self.fold: Fold | None = None
        self.figures: dict[tuple[str, Instance, str, bool], Figure] = {}

    def run(self) -> Outcome:
        """Return the outcome of all instances of the period."""
        self.prepare()
        instances = planned(self.rulebook, self.outcome.period)
        for number, instance in enumerate(instances):
            self.progress(f"{instance.key}", number, len(instances))
            self.evaluate(instance)
            if instance.every == self.rulebook.every:
                self.once_ending_in(instance)
        self.progress("", len(instances), len(instances))
        if self.fold is not None:
            self.outcome.credited.extend(self.fold.credited_rows)
        self.outcome.lots.extend(self.lots.finish())
        self.outcome.problems.extend(self.history.overdrawn(self.outcome.period))
        return self.outcome

    def prepare(self) -> None:
        """Read the inputs and lay the ground tables."""
        kinds = kinds_read(self.rulebook)
        self.engine.facts(self.view, kinds)
        self.lay(kinds)

    def lay(self, kinds: Iterable[str]) -> None:
        """Read the inputs and lay the ground tables, on facts that the engine has."""
        self.parameters, problems = read_parameters(self.engine, self.rulebook)
        self.outcome.problems.extend(problems)
        lay_ground(self.engine)
        self.outcome.problems.extend(told_lost(self.view, self.outcome.period))
        self.make_fold(kinds)
        read_opening(self.engine, self.rulebook, self.past)
        self.expect()

    def make_fold(self, kinds: Iterable[str]) -> None:
        """Make ready to fold, on the ground that is laid."""
        statistics = Statistics(self._bounds(kinds))
        self.fold = Fold(self.engine, self.rulebook, self.parameters, statistics, self.view)

    def expect(self) -> None:
        """Tell the fold everything that the run will ask, so that each source is passed over once."""
        for instance in planned(self.rulebook, self.outcome.period):
            for group in self.rulebook.groups.values():
                for name in measures_read(self.roots(instance, group.id), self.rulebook):
                    measure = self.rulebook.measures[name]
                    if isinstance(measure, t.Measure):
                        self.expect_one(measure, instance, group)

    def expect_one(self, measure: t.Measure, instance: Instance, group: t.GroupOfSubjects) -> None:
        """Tell the fold one figure."""
        span = span_of(measure.window, instance.days, instance.every)
        if span is None or self.fold is None:
            return
        subject = (
            "institution" if measure.credit == "institution" and group.subject == "person" else group.subject
        )
        self.fold.expect(Wanted(measure, instance, subject, span, group.spells))

    def _bounds(self, kinds: Iterable[str]) -> dict[tuple[str, str], tuple[int, int]]:
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for measure in self.rulebook.measures.values():
            if not isinstance(measure, t.Measure):
                continue
            for column in measure.kind.columns:
                seen = (
                    self.view.statistics(measure.kind.name, column.name)
                    if column.type in ("money", "rate", "number", "count", "share")
                    else None
                )
                if seen is not None:
                    found[measure.kind.name, column.name] = (seen[0], seen[1])
        for kind, name in (("account_rates", "rate"), ("loans", "rate"), ("loans", "amount")):
            seen = self.view.statistics(kind, name) if kind in kinds else None
            if seen is not None:
                found[kind, name] = (seen[0], seen[1])
        return found

    # -- one instance --

    def evaluate(self, instance: Instance, own: tuple[str, date] | None = None) -> None:
        """Evaluate the lines and decisions of an instance; `own` restricts to people with that own date."""
        try:
            self._evaluate(instance, own)
        except TooWide as error:
            raise Refused([too_wide_in(instance, self.rulebook)]) from error

    def _evaluate(self, instance: Instance, own: tuple[str, date] | None) -> None:
        # A group without lines of its own has cards where others gather its figures.
        groups = [
            g
            for g in self.rulebook.groups.values()
            if self._names(instance, g.id) or self.roots(instance, g.id)
        ]
        made = {group.id: self._card(instance, group, own) for group in groups}
        for card in made.values():
            card.others = {key: other for key, other in made.items() if other is not card}
        no_posts = self._told_without_posts(instance, groups)
        for step in steps(self.rulebook, evaluated_in(self.rulebook, instance)):
            card = made[step[0].group]
            if no_posts and card.group.subject == "person":
                card.add_unknown(step[0], NO_POSTS)
                continue
            try:
                if step[0].id in self.rulebook.levels:
                    add_levels(self.engine, card, step, self._add)
                else:
                    self._add(card, step[0])
            except TooWide as error:
                raise Refused([too_wide(step[0])]) from error
        for group in groups:
            self.lots.move(made[group.id])
            self._close(made[group.id], instance)
        self.lots.close(instance)

    def _told_without_posts(self, instance: Instance, groups: list[t.GroupOfSubjects]) -> bool:
        """Tell whether the posts of an instance that appraises people are not known, and say so once."""
        if all(group.subject != "person" for group in groups):
            return False
        told = told_without_posts(self.view, instance)
        if told is not None and told not in self.outcome.problems:
            self.outcome.problems.append(told)
        return told is not None

    def _names(self, instance: Instance, group: str) -> list[str]:
        return [x.id for x in evaluated_in(self.rulebook, instance, group)]

    def _add(self, card: Card, line: t.Line | t.Decision) -> None:
        roots = list(line.formulas)
        join_pools(self.engine, card, self.rulebook, roots)
        self.lots.join(card, roots)
        if isinstance(line, t.Line) and line.role != "check":
            for node in (part for root in roots for part in t.walk(root)):
                if isinstance(node, t.Group) and node.among == card.group.id and not node.below:
                    join_wholes(self.engine, card, self.rulebook, node.of)
                elif isinstance(node, t.LineRef) and node.whole:
                    join_wholes(self.engine, card, self.rulebook, node)
            try:
                card.add_line(line)
            except TooWide:
                add_wide_line(card, line)
            else:
                _add_cause(card, line.id, roots)
            return
        when = line.when if isinstance(line, t.Decision) else line.value
        join_wholes(self.engine, card, self.rulebook, when)
        with card.reading(wholes=True):
            try:
                card.add_condition(line.id, when)
            except TooWide:
                add_wide_condition(card, line.id, when)
            else:
                _add_cause(card, line.id, [when])

    def known(self) -> Known:
        """Return what a card can read from outside."""
        return Known({}, {}, self.parameters, self.past)

    def _card(self, instance: Instance, group: t.GroupOfSubjects, own: tuple[str, date] | None) -> Card:
        table = self._members(instance, group, own)
        card = Card(self.engine, self.rulebook, group, instance, self.known(), table)
        roots = self.roots(instance, group.id)
        self.join_measures(card, roots)
        self.history.join(card, roots)
        return card

    def _members(self, instance: Instance, group: t.GroupOfSubjects, own: tuple[str, date] | None) -> str:
        everyone = cards(self.engine, instance, group)
        everyone = self.history.with_states(everyone, instance)
        probe = Card(self.engine, self.rulebook, group, instance, self.known(), everyone)
        # Its columns stay in the table: they may not have the names that the card will give to its own.
        probe.sheet.prefix = "_who"
        condition = probe.compiler.condition(group.condition)
        chosen = (
            exp.select(exp.Star()).from_(probe.sheet.table(), copy=False).where(condition.sql, copy=False)
        )
        if own is not None:
            chosen = chosen.where(exp.EQ(this=exp.column(own[0]), expression=date_sql(own[1])), copy=False)
        name = f"members/{instance.every}/{instance.days}/{group.id}"
        # The last card is the last one in this group: who became a head keeps the manager's card.
        self.engine.create(
            name,
            filled(
                _LAST_OF_GROUP,
                chosen=chosen,
                start=date_sql(instance.days.start),
                stop=date_sql(instance.days.end),
            ),
        )
        if group.subject == "person" and own is None:
            self.list_left_out(everyone, instance)
        return name

    def list_left_out(self, everyone: str, instance: Instance) -> None:
        """List those whose last card of the instance belongs to no group of this calendar unit."""
        groups = [
            g for g in self.rulebook.groups.values() if g.subject == "person" and self._names(instance, g.id)
        ]
        if any((instance.key, instance.every) == (row[0], row[1]) for row in self.outcome.left_out):
            return
        tests: list[exp.Expr] = []
        for group in groups:
            probe = Card(self.engine, self.rulebook, group, instance, self.known(), everyone)
            compiled = Compiler(_Flat(probe)).condition(group.condition)
            tests.append(exp.Coalesce(this=n.wrap(compiled.sql), expressions=[exp.Boolean(this=False)]))
        query = exp.select("subject_id", "coalesce(post, '')").from_(table_named(everyone), copy=False)
        query = (
            query.where("is_last", copy=False)
            .where(exp.Not(this=exp.Paren(this=n.any_of(tests))), copy=False)
            .order_by("subject_id", copy=False)
        )
        for subject, post in self.engine.rows(query):
            self.outcome.left_out.append((instance.key, instance.every, str(subject), "post", str(post)))
        without = filled(
            "SELECT p.subject_id FROM w_person AS p ANTI JOIN seen AS s ON s.subject_no = p.subject_no ORDER BY 1",
            seen=everyone,
        )
        reason = "posts not known" if uncovered(self.view, POSTS, instance.days) else "no post"
        for (subject,) in self.engine.rows(without):
            self.outcome.left_out.append((instance.key, instance.every, str(subject), reason, ""))

    def roots(self, instance: Instance, group: str) -> list[t.Expr]:
        """Return the formulas evaluated for a group in an instance, those that others gather from it included."""
        found: list[t.Expr] = []
        for x in evaluated_in(self.rulebook, instance):
            nodes = (node for root in x.formulas for node in t.walk(root))
            gathered = (g.of for g in nodes if isinstance(g, t.Group) and g.among == group)
            found.extend(x.formulas if x.group == group else gathered)
        return found

    # -- measures of a card --

    def join_measures(self, card: Card, roots: list[t.Expr]) -> None:
        """Give a card the figures that its formulas read."""
        self.join_named(card, measures_read(roots, self.rulebook))

    def join_named(self, card: Card, names: Iterable[str]) -> None:
        """Give a card the figures of these measures."""
        joined: list[tuple[str, Figure, str]] = []
        for name in names:
            measure = self.rulebook.measures[name]
            if isinstance(measure, t.Measure):
                joined.append((name, *self._figure(measure, card)))
            elif isinstance(measure, t.FigureMeasure):
                joined.append(
                    (
                        name,
                        supplied_figure(self.engine, measure, card.instance, card.group),
                        "subject_id" if measure.scope == card.group.subject else measure.scope,
                    )
                )
        if joined:
            Joiner(self.engine, card).join(joined)

    def _figure(self, measure: t.Measure, card: Card) -> tuple[Figure, str]:
        """Return the figure of a measure for a card and how it is joined."""
        subject = card.group.subject
        how = "subject_no"
        if measure.credit == "institution" and subject == "person":
            subject, how = "institution", "institution"
        key = (measure.id, card.instance, subject, card.group.spells)
        if key not in self.figures:
            self.figures[key] = self._computed(measure, card, subject)
        return self.figures[key], how

    def _computed(self, measure: t.Measure, card: Card, subject: str) -> Figure:
        instance = card.instance
        if self.fold is None:
            raise RuntimeError("prepare first")
        span = span_of(measure.window, instance.days, instance.every)
        if span is None:
            return Figure("", Fraction(1), by_spell=False, unknown="window")
        for need in needs_of(measure, subject, span, instance, self.rulebook):
            gaps = uncovered(self.view, need.kind, need.days)
            if gaps:
                self._tell_gap(need.measure, need.kind, gaps, instance)
                return Figure("", Fraction(1), by_spell=False, unknown="coverage")
        few = card.table if instance.window is not None and subject == card.group.subject else ""
        order = Wanted(measure, instance, subject, span, card.group.spells, only=few)
        try:
            return (
                self.fold.standing(order)
                if measure.kind.name in OBJECT_OF
                else EventFold(self.fold).figure(order)
            )
        except TooWide as error:
            raise Refused([too_wide(measure)]) from error

    def _tell_gap(self, measure: t.Measure, kind: str, gaps: list[Span], instance: Instance) -> None:
        shown = "、".join(str(gap) for gap in gaps[:3])
        zh = next((x.zh for x in CATALOGUE if x.name == kind), measure.kind.zh)
        self.outcome.problems.append(
            Problem(
                "RUN020",
                Place(kind),
                f"{instance.key}: 指标 {measure.title} 要用的 {zh} 缺 {shown}, 相关的行不结算",
                f"{instance.key}: measure {measure.id} needs {kind} for {shown}, which no batch covers; lines that read it are not settled",
                "导入覆盖这些日子的批次后重新运行; 没有发生过的, 也要交一份只有标题的表",
                "import a batch that covers these days and run again; where nothing happened, a file of headings",
                severity="warning",
            )
        )

    # -- after the lines --

    def _close(self, card: Card, instance: Instance) -> None:
        card.flush()
        try:
            persons, lines = person_table(self.engine, card, self.rulebook)
        except TooWide as error:
            raise Refused([too_wide(self.rulebook.lines[str(error)])]) from error
        found = {x.id: x for x in evaluated_in(self.rulebook, instance, card.group.id)}
        self.outcome.problems.extend(
            _told_wide(found[name], instance, rows) for name, rows in card.evaluated.items() if rows
        )
        names = list(found)
        decisions = {x: lines[x] for x in names if x in self.rulebook.decisions}
        result = Result(
            instance,
            card.group,
            card.table,
            persons,
            {x: lines[x] for x in names if x in self.rulebook.lines},
            {
                key.removeprefix("measure:"): value
                for key, value in card.leaves.items()
                if key.startswith("measure:")
            },
            decisions,
            {x: card.lines[x] for x in names},
        )
        self.outcome.results.append(result)
        self.history.remember(result, self.outcome)

    def once_ending_in(self, instance: Instance) -> None:
        """Evaluate `once` lines for people whose own window ends inside the instance."""
        for window in {x.once for x in self.rulebook.evaluated() if x.once is not None}:
            query = filled(
                "SELECT DISTINCT :col AS d FROM f_staff WHERE :col IS NOT NULL ORDER BY 1",
                col=exp.column(window.date_column),
            )
            for (own,) in self.engine.rows(query):
                span = span_of(window, instance.days, "once", own)
                if span is not None and span.last_day in instance.days:
                    self.evaluate(Instance(span, "once", window), (window.date_column, own))


_LAST_OF_GROUP = """
SELECT * REPLACE (row_number() OVER (PARTITION BY subject_no ORDER BY spell_no DESC) = 1 AS is_last),
       CAST(sum(spell_days) OVER (PARTITION BY subject_no) AS BIGINT) AS own_days,
       min(spell_start) OVER (PARTITION BY subject_no) <= :start AS at_start,
       max(spell_end) OVER (PARTITION BY subject_no) >= :stop AS at_end
FROM chosen
"""


def _told_wide(line: t.Line | t.Decision, instance: Instance, rows: int) -> Problem:
    return Problem(
        "RUN056",
        line.place,
        f"{instance.key}: {line.title} 的中间数超过 126 位二进制, {rows} 行由解释程序逐行算出, 结果同样精确",
        f"{instance.key}: a figure inside {line.id} needs more than 126 bits; the evaluator computed {rows} rows one by one, just as exact",
        "不必改; 嫌慢可以在公式里先用 round(…, 位数) 取整平均数或比率, 但那样结果可能不同",
        "nothing has to change; if it is slow, round an average or ratio first with round(…, places), which may give other figures",
        clause=line.clause,
        severity="warning",
    )


def _add_cause(card: Card, name: str, roots: list[t.Expr]) -> None:
    try:
        card.add_cause(name, roots)
    except TooWide:
        add_wide_cause(card, name, roots)


class _Flat:
    """A card's environment whose leaves are plain columns: for conditions over the table itself."""

    def __init__(self, card: Card) -> None:
        self.sheet = Sheet(exp.to_table("x"))
        self.sheet.bind = lambda value, _name="": value  # type: ignore[method-assign,assignment]
        self.card = card
        self.measured: dict[t.Expr, Compiled] = {}

    def leaf(self, node: t.Expr) -> Compiled:
        return self.card.leaf(node)

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        return self.card.table_rows(name)


def measures_read(roots: Iterable[t.Expr], rulebook: t.Rulebook) -> list[str]:
    """Return the names of all measures that formulas read, those inside formula measures and tables included."""
    parts = parts_of(roots, rulebook.tables, rulebook.measures)
    return list(dict.fromkeys(part.name for part in parts if isinstance(part, t.MeasureRef)))


__all__ = ["Appraisal", "Num", "Outcome", "Result", "measures_read"]
