"""Scoring from frozen measures: a kept run's figures under another text of its lines, tables and decisions.

    kept run: measures, lines, decisions         ──┐
    posts, inputs, past as of the run's moment     ├─► cards → lines → decisions of the instances reached
    the patched rulebook, from its day on        ──┘

Nothing is folded again but the measures that the patch itself changes; those are named in `again`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from math import lcm

from sqlglot import exp

from guanhu.appraisal.appraise import Appraisal, Outcome, Progress, View, kinds_read, measures_read, quiet
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.history import read_opening
from guanhu.appraisal.lines import Card
from guanhu.appraisal.runs import RunFolder, kept_rows, made_rows, value_kept
from guanhu.appraisal.whatif.reach import Reach, past_lines
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past, Value
from guanhu.rulebook.instances import Instance, Version, evaluated_in, planned, version_at
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Compiled, Pair
from guanhu.rulebook.run.template import filled, table_named
from guanhu.values.dates import Span

MISSED = "_missed"


def _text(text: str) -> Value:
    return text == "yes" if text in ("yes", "no") else text


class Frozen:
    """The figures of a kept run, ready to be joined to cards and to be read as the past."""

    def __init__(self, engine: Engine) -> None:
        """Stand on the tables of a run, `kept/…`."""
        self.engine = engine
        self.numerators: dict[tuple[str, str, str], dict[str, int]] = {}
        """Of measures whose scale is no 1/n: by what their kept whole numbers were multiplied."""
        self.misses = False
        """Whether some card has no row among the kept ones: somebody is appraised who was not."""
        query = filled(
            "SELECT instance, every, group_id, measure, list(DISTINCT den), count(*) FILTER (WHERE divisor IS DISTINCT FROM 1) > 0 FROM k GROUP BY ALL",
            k="kept/measures",
        )
        self._kept: dict[tuple[str, str, str], dict[str, tuple[set[int], bool]]] = {}
        for instance, every, group, measure, dens, is_mean in engine.rows(query):
            found = self._kept.setdefault((instance, every, group), {})
            found[measure] = ({int(d) for d in dens}, bool(is_mean))

    @classmethod
    def of(cls, engine: Engine, run: RunFolder) -> Frozen:
        """Return the figures of a run, as the run made them."""
        for name in ("people", "measures", "lines"):
            engine.create(f"kept/{name}", made_rows(run, name))
        engine.create("kept/decisions", kept_rows(run, "decisions"))
        return cls(engine)

    def values(self, instance: Instance, names: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return the kept values of lines over all spells, by line and subject."""
        found: dict[str, dict[str, Value]] = {name: {} for name in names}
        if not names:
            return found
        query = filled(
            "SELECT line, subject_id, num, den, text, state FROM k WHERE spell_no = 0 AND instance = :instance AND every = :every AND list_contains(:names, line)",
            k="kept/lines",
            names=exp.Array(expressions=[exp.Literal.string(name) for name in names]),
            **self._marks(instance),
        )
        for line, subject, num, den, text, state in self.engine.rows(query):
            known = None if state != "ok" else value_kept(num, den) if text is None else _text(text)
            found[line][subject] = known
        return found

    def decided(self, instance: Instance) -> list[tuple[str, str, date, str]]:
        """Return the states that decisions of an instance set: state, subject, from when, what."""
        query = filled(
            "SELECT sets, subject_id, in_force, after FROM k WHERE instance = :instance AND sets <> '' AND NOT undecided ORDER BY ALL",
            k="kept/decisions",
            instance=exp.Literal.string(instance.key),
        )
        return [(str(x), str(s), day, str(value)) for x, s, day, value in self.engine.rows(query)]

    def _marks(self, instance: Instance) -> dict[str, exp.Expr]:
        return {
            "instance": exp.Literal.string(instance.key),
            "every": exp.Literal.string(instance.every),
        }

    def names(self, instance: Instance, group: str) -> set[str]:
        """Return the measures that were kept of a group in an instance."""
        return set(self._kept.get((instance.key, instance.every, group), ()))

    def join(self, card: Card, names: Sequence[str]) -> None:
        """Give a card one column for each measure, its exact figure in the run."""
        # Nobody's own window ends there: then there is nobody to have a figure.
        kept = self._kept.get((card.instance.key, card.instance.every, card.group.id), {})
        numerators = self.numerators.get((card.instance.key, card.instance.every, card.group.id), {})
        columns: list[exp.Expr] = [exp.column("subject_id"), exp.column("spell_no")]
        shown: list[str] = []
        for name in names:
            scales, is_mean = kept.get(name, ({1}, False))
            columns.append(_pivoted(f"m:{name}", _numerator(scales, numerators.get(name, 1)), name))
            shown.append(f"m:{name}")
            if is_mean:
                columns.append(_pivoted(f"n:{name}", "divisor", name))
                shown.append(f"n:{name}")
        rows = filled(
            "SELECT * FROM k WHERE instance = :instance AND every = :every AND group_id = :grp",
            k="kept/measures",
            **self._marks(card.instance),
            grp=exp.Literal.string(card.group.id),
        )
        if not isinstance(rows, exp.Select):
            raise TypeError("not a select")
        wide = (
            exp.select(*columns)
            .from_(rows.subquery("k", copy=False), copy=False)
            .group_by("subject_id", "spell_no", copy=False)
        )
        query = (
            exp.select(
                exp.column(exp.Star(), table="s"), *(exp.column(c, table="w", quoted=True) for c in shown)
            )
            .select(
                filled("SELECT w.subject_id IS NULL AS x").expressions[0].this.as_(f"{MISSED}{card.flushes}"),
                copy=False,
            )
            .from_(exp.alias_(table_named(card.table), "s", table=True), copy=False)
            .join(
                wide.subquery("w", copy=False),
                on="w.subject_id = s.subject_id AND w.spell_no = s.spell_no",
                join_type="left",
                copy=False,
            )
        )
        card.flushes += 1
        table = f"{card.name}/{card.flushes}"
        self.engine.create(table, query)
        card.stand_on(table)
        missed = exp.column(f"{MISSED}{card.flushes - 1}")
        ((count,),) = self.engine.rows(
            filled("SELECT count(*) FILTER (WHERE :missed) FROM c", c=table, missed=missed)
        )
        self.misses |= bool(count)
        bounds = self._bounds(table, shown)
        for name in names:
            scales, is_mean = kept.get(name, ({1}, False))
            scale = Fraction(numerators.get(name, 1), lcm(*scales))
            num = n.column(f"m:{name}", scale, *bounds[f"m:{name}"])
            value: Compiled = num
            if is_mean:
                low, high = bounds[f"n:{name}"]
                value = Pair(num, n.column(f"n:{name}", Fraction(1), max(low, 0), max(high, 1)))
            card.leaves[f"measure:{name}"] = value

    def _bounds(self, table: str, names: list[str]) -> dict[str, tuple[int, int]]:
        columns: list[exp.Expr] = []
        for name in names:
            columns += [
                exp.Min(this=exp.column(name, quoted=True)),
                exp.Max(this=exp.column(name, quoted=True)),
            ]
        (row,) = self.engine.rows(exp.select(*columns).from_(table_named(table), copy=False))
        return {
            name: (min(int(row[2 * i] or 0), 0), max(int(row[2 * i + 1] or 0), 1))
            for i, name in enumerate(names)
        }


def _numerator(scales: set[int], by: int) -> str:
    """Return the whole number over the common denominator of all rows of a measure."""
    common = lcm(*scales)
    if by != 1:
        return f"num // {by}"
    cases = " ".join(f"WHEN den = {scale} THEN num * {common // scale}" for scale in sorted(scales))
    return "num" if len(scales) == 1 else f"CASE {cases} END"


def _pivoted(column: str, value: str, measure: str) -> exp.Expr:
    found = filled(
        f"SELECT CAST(max(CASE WHEN measure = :name THEN {value} END) AS HUGEINT) AS x",
        name=exp.Literal.string(measure),
    ).expressions[0]
    return exp.alias_(found.this, column, quoted=True)


def plain_measures(rulebook: t.Rulebook, names: Iterable[str]) -> list[str]:
    """Return the measures among them that are read from facts, and not made of others by a formula."""
    return [x for x in names if isinstance(rulebook.measures[x], t.Measure | t.FigureMeasure)]


class FrozenAppraisal(Appraisal):
    """An appraisal of what a patch reaches, from the frozen measures, lines and decisions of a kept run.

    People and posts, and what is credited when something is folded, are laid in the engine by who makes it.
    """

    def __init__(
        self,
        engine: Engine,
        view: View,
        versions: Sequence[Version],
        period: Span,
        past: Past,
        frozen: Frozen,
        reach: Reach,
        progress: Progress = quiet,
    ) -> None:
        """Take the facts and the past as the run saw them, and the rulebooks, each from its day on."""
        super().__init__(engine, view, versions[-1][1], period, past, progress)
        self.versions = versions
        self.frozen = frozen
        self.reach = reach

    def again(self) -> set[str]:
        """Return the measures that are folded again: changed ones, and those that the run did not need."""
        found: set[str] = set()
        for instance in planned(self.rulebook, self.outcome.period):
            self.turn_to(instance)
            if not self.reach.touches(self.rulebook, instance):
                continue
            for group in self.rulebook.groups.values():
                names = measures_read(self.roots(instance, group.id), self.rulebook)
                plain = set(plain_measures(self.rulebook, names))
                found |= (plain & self.reach.measures) | (plain - self.frozen.names(instance, group.id))
        if self.reach.touches_own_windows(self.rulebook):
            roots = [root for x in self.rulebook.evaluated() if x.once is not None for root in x.formulas]
            found |= self.reach.measures & set(measures_read(roots, self.rulebook))
        return found

    def turn_to(self, instance: Instance) -> None:
        """Take the rulebook that holds for an instance: the last whose day is not after its end."""
        self.rulebook = version_at(self.versions, instance)
        self.history.rulebook = self.rulebook

    def run(self) -> Outcome:
        """Return the outcome of the instances that the patch reaches; the others stand as they were kept."""
        self.prepare()
        instances = planned(self.rulebook, self.outcome.period)
        read: set[str] = set()
        for instance in instances:
            if self.reach.touches(self.rulebook, instance):
                read |= past_lines(self.rulebook, evaluated_in(self.rulebook, instance))
        for number, instance in enumerate(instances):
            self.progress(f"{instance.key}", number, len(instances))
            if self.reach.touches(self.rulebook, instance):
                self.evaluate(instance)
            else:
                self.keep(instance, read)
            if instance.every == self.rulebook.every and self.reach.touches_own_windows(self.rulebook):
                self.once_ending_in(instance)
        self.progress("", len(instances), len(instances))
        if self.fold is not None:
            self.outcome.credited.extend(self.fold.credited_rows)
        self.outcome.lots.extend(self.lots.finish())
        return self.outcome

    def prepare(self) -> None:
        """Read the opening state; make ready to fold when something is."""
        if self.again():
            self.make_fold(kinds_read(self.rulebook))
            self.expect()
        read_opening(self.engine, self.rulebook, self.past)

    def keep(self, instance: Instance, read: set[str]) -> None:
        """Let an instance stand as it was kept: what later ones read of it becomes their past."""
        names = [x.id for x in evaluated_in(self.rulebook, instance) if x.id in read]
        for name, values in self.frozen.values(instance, names).items():
            self.past.computed[name, instance.days] = values
        for state, subject, day, value in self.frozen.decided(instance):
            self.past.states.setdefault(state, {}).setdefault(subject, []).append((day, value))

    def expect_one(self, measure: t.Measure, instance: Instance, group: t.GroupOfSubjects) -> None:
        """Tell the fold a figure that is not frozen."""
        kept = self.frozen.names(instance, group.id) - self.reach.measures
        if measure.id not in kept and self.reach.touches(self.rulebook, instance):
            super().expect_one(measure, instance, group)

    def evaluate(self, instance: Instance, own: tuple[str, date] | None = None) -> None:
        """Evaluate an instance under the rulebook that holds for it."""
        self.turn_to(instance)
        super().evaluate(instance, own)

    def join_measures(self, card: Card, roots: list[t.Expr]) -> None:
        """Join frozen figures, and fold what the patch changes."""
        names = plain_measures(self.rulebook, measures_read(roots, self.rulebook))
        kept = set(names) if card.instance.window else self.frozen.names(card.instance, card.group.id)
        kept -= self.reach.measures
        frozen = [x for x in names if x in kept]
        if frozen:
            self.frozen.join(card, frozen)
        self.join_named(card, [x for x in names if x not in kept])

    def list_left_out(self, everyone: str, instance: Instance) -> None:
        """List nobody: a patch does not change who is appraised."""
