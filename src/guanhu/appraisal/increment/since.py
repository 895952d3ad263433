"""A run since an earlier one: measures by difference, lines anew.

    earlier run's measures − those of what was touched, as it was + those of what was touched, as it is

is exact for every measure that adds up over things; others that late facts may concern are computed in full. All
lines and decisions are evaluated on these measures, so a rank or a pool needs no care of its own, and the digest is
that of a whole run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from sqlglot import exp

from guanhu.appraisal.appraise import Appraisal, Progress, kinds_read
from guanhu.appraisal.credited import kept_measures
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.ground import lay_ground, lay_people
from guanhu.appraisal.increment.measured import MeasuredOnly, Scales, is_additive
from guanhu.appraisal.increment.touched import Touched, touched_between
from guanhu.appraisal.parameters import Parameters, inputs_in, read_parameters
from guanhu.appraisal.reconcile import SIDES, reconciled, row_of
from guanhu.appraisal.rows import columns_read
from guanhu.appraisal.runs import RunFolder, kept_rows, made_rows
from guanhu.appraisal.whatif.frozen import Frozen, FrozenAppraisal
from guanhu.appraisal.whatif.reach import Reach
from guanhu.facts.few import OF_ACCOUNTS, FewView, Shared
from guanhu.facts.store import FactView
from guanhu.kinds.schema import Kind
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past
from guanhu.rulebook.instances import Instance, planned
from guanhu.rulebook.run.fold import is_linear
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import Span
from guanhu.values.problem import Problem

OF_THINGS = (
    "assignments",
    "accounts",
    "account_institutions",
    "account_rates",
    "customers",
    "loans",
    "balances",
)
"""Kinds that rows of other kinds may read, or be credited by."""
_COMBINED = """
SELECT coalesce(k.subject_id, x.subject_id, o.subject_id) AS subject_id, coalesce(k.spell_no, x.spell_no, o.spell_no) AS spell_no,
  coalesce(k.instance, x.instance, o.instance) AS instance, coalesce(k.every, x.every, o.every) AS every,
  coalesce(k.group_id, x.group_id, o.group_id) AS group_id, coalesce(k.measure, x.measure, o.measure) AS measure,
  CASE WHEN (k.subject_id IS NOT NULL AND k.num IS NULL) OR (x.subject_id IS NOT NULL AND x.num IS NULL) THEN NULL
       ELSE CAST(coalesce(k.num, 0) AS HUGEINT) + CAST(coalesce(x.num, 0) AS HUGEINT) - CAST(coalesce(o.num, 0) AS HUGEINT) END AS num,
  coalesce(k.den, x.den, o.den) AS den, k.divisor
FROM kept AS k
LEFT JOIN later AS x USING (subject_id, spell_no, instance, every, group_id, measure)
LEFT JOIN earlier AS o USING (subject_id, spell_no, instance, every, group_id, measure)
"""
_DOUBTFUL = """
SELECT DISTINCT k.measure FROM kept AS k
JOIN later AS x USING (subject_id, spell_no, instance, every, group_id, measure)
JOIN earlier AS o USING (subject_id, spell_no, instance, every, group_id, measure)
WHERE (k.num IS NULL AND o.num IS NULL) OR k.den <> x.den OR k.den <> o.den OR k.divisor IS DISTINCT FROM 1
"""


@dataclass(frozen=True, slots=True)
class Delta:
    """What was touched, measured at both moments: files of measures, their scales, sums for reconciliation."""

    earlier: Path
    later: Path
    scales: Scales
    sums: dict[tuple[str, str], list[Fraction]]
    """(instance, measure) → what each side gained."""


class Since(FrozenAppraisal):
    """An appraisal of a moment from an earlier run's measures and what has been touched since."""

    earlier: RunFolder
    delta: Delta

    def list_left_out(self, everyone: str, instance: Instance) -> None:
        """List who is appraised by no group, as a whole run does."""
        Appraisal.list_left_out(self, everyone, instance)

    def reconcile(self) -> list[tuple[str, ...]]:
        """Return the reconciliation: of measures computed in full anew, of others the kept sums and what they gained."""
        anew = self.again()
        found = [row for row in reconciled(self) if row[1] in anew]
        instances = {i.key: i for i in planned(self.rulebook, self.outcome.period)}
        rows = self.engine.rows(
            filled("SELECT instance, measure, exact FROM k", k=kept_rows(self.earlier, "reconcile"))
        )
        for instance, name, exact in rows:
            if name in anew:
                continue
            gained = self.delta.sums.get((instance, name), [Fraction(0)] * len(SIDES))
            parts = dict(
                zip(SIDES, (Fraction(x) + y for x, y in zip(exact.split(), gained, strict=True)), strict=True)
            )
            measure = self.rulebook.measures[name]
            if isinstance(measure, t.Measure):
                found.append(row_of(self, measure, instances[instance], parts))
        return sorted(found)


def measured_delta(
    make_engine: Callable[[], Engine],
    old: FactView,
    new: FactView,
    rulebook: t.Rulebook,
    period: Span,
    touched: Touched,
    shared: Shared,
) -> Delta:
    """Return the measures of what was touched as it was and as it is, measured side by side; files go into `shared`."""
    kinds = _measured_kinds(rulebook)
    measures = [x for x in rulebook.measures.values() if isinstance(x, t.Measure)]
    by_rows = any(x.kind.name == "balances" and not is_linear(x) for x in measures)

    def measured(name: str, view: FactView, other: FactView) -> tuple[Path, Scales, list[tuple[str, ...]]]:
        engine = make_engine()
        try:
            few = FewView(view, touched.ids, kinds, other, shared, touched.near, reads_intervals=by_rows)
            appraisal = MeasuredOnly(engine, view, few, rulebook, period)
            appraisal.run()
            scales = appraisal.kept("measured")
            path = shared.folder / f"measures of {name}.parquet"
            engine.write(filled("SELECT * FROM m", m="measured"), path)
            return path, scales, reconciled(appraisal)
        finally:
            engine.close()

    # Each is many small statements, which the engine plans on one core.
    with ThreadPoolExecutor(2) as pool:
        was = pool.submit(measured, "earlier", old, new)
        now = pool.submit(measured, "later", new, old)
        (earlier, _, before), (later, scales, after) = was.result(), now.result()
    sums: dict[tuple[str, str], list[Fraction]] = {}
    for sign, rows in ((-1, before), (1, after)):
        for row in rows:
            parts = [sign * Fraction(x) for x in row[-2].split()]
            known = sums.get((row[0], row[1]), [Fraction(0)] * len(SIDES))
            sums[row[0], row[1]] = [x + y for x, y in zip(known, parts, strict=True)]
    return Delta(earlier, later, scales, sums)


def lay_known(engine: Engine, new: FactView, rulebook: t.Rulebook) -> tuple[Parameters, list[Problem]]:
    """Lay what is the same whatever late facts touch: who there is. Return the inputs, which are read with them."""
    engine.facts(new, [x for x in kinds_read(rulebook) if x not in OF_ACCOUNTS])
    found = read_parameters(engine, rulebook)
    lay_people(engine)
    return found


def since(
    engine: Engine,
    new: FactView,
    rulebook: t.Rulebook,
    period: Span,
    past: Past,
    earlier: RunFolder,
    touched: Touched,
    parameters: tuple[Parameters, list[Problem]],
    measured: Callable[[], Delta],
    progress: Progress,
) -> Since:
    """Return the appraisal of a moment since an earlier run, ready to be run.

    The engine stands as `lay_known` left it; `measured` is asked for the delta, and may wait for it.
    """
    delta = measured()
    kept = made_rows(earlier, "measures")
    files = {
        name: filled("SELECT * FROM read_parquet(:path)", path=exp.Literal.string(str(path)))
        for name, path in (("earlier", delta.earlier), ("later", delta.later))
    }
    in_full = _in_full(rulebook, touched)
    in_full |= {
        str(x) for (x,) in engine.rows(filled(_DOUBTFUL, kept=kept, **files)) if x in _added(rulebook)
    }
    engine.create("kept/measures", filled(_COMBINED, kept=kept, **files))
    frozen = Frozen(engine)
    frozen.numerators = {
        key: {name: scale.numerator for name, scale in scales.items() if scale.numerator != 1}
        for key, scales in delta.scales.items()
    }
    lines = frozenset(x.id for x in rulebook.evaluated())
    reach = Reach(frozenset(in_full), lines, date.min)
    found = Since(engine, new, [(date.min, rulebook)], period, past, frozen, reach, progress)
    found.earlier, found.delta = earlier, delta
    found.parameters, problems = parameters
    found.outcome.problems.extend(problems)
    if any(isinstance(rulebook.measures[x], t.Measure) for x in found.again()):
        engine.facts(new, [x for x in kinds_read(rulebook) if x in OF_ACCOUNTS])
        lay_ground(engine)
    return found


def _added(rulebook: t.Rulebook) -> set[str]:
    return {name for name, measure in rulebook.measures.items() if is_additive(measure)}


def _in_full(rulebook: t.Rulebook, touched: Touched) -> set[str]:
    """Return the measures to compute in full: those that do not add up, whose rows a run keeps, or whose prices changed."""
    changed = set(touched.rows)
    found: set[str] = set(kept_measures(rulebook))
    for name, measure in rulebook.measures.items():
        if isinstance(measure, t.FigureMeasure):
            found.add(name)
        if not isinstance(measure, t.Measure):
            continue
        concerned = changed & {measure.kind.name, *OF_THINGS}
        priced = "parameters" in changed and inputs_in(measure.all_formulas, rulebook.tables)
        of_people = any(table == "person" for table, _ in columns_read(measure.formulas, rulebook.tables))
        if (
            (concerned and not is_additive(measure))
            or priced
            or of_people
            or touched.extended & {measure.kind.name, "assignments"}
        ):
            found.add(name)
    return found


def _measured_kinds(rulebook: t.Rulebook) -> list[Kind]:
    kinds = [x.kind for x in rulebook.measures.values() if isinstance(x, t.Measure)]
    return list({kind.name: kind for kind in kinds}.values())


def touched_since(old: FactView, new: FactView, rulebook: t.Rulebook, shared: Shared) -> Touched:
    """Return what the batches after an earlier run's moment touch; files for the delta go into `shared`."""
    kinds: Sequence[str] = [
        name for name in kinds_read(rulebook) if name not in ("balance_cuts", "balance_quarters")
    ]
    found = touched_between(old, new, kinds, _measured_kinds(rulebook), shared)
    found.groups = _read_each_other(rulebook)
    return found


def _read_each_other(rulebook: t.Rulebook) -> tuple[str, ...]:
    """Return the titles of the groups whose members' figures some line gathers."""
    groups: dict[str, None] = {}
    for x in rulebook.evaluated():
        for root in x.formulas:
            groups.update((n.among, None) for n in t.walk(root) if isinstance(n, t.Group | t.Pool))
    return tuple(rulebook.groups[name].title for name in groups if name in rulebook.groups)
