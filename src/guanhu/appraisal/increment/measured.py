"""The measures of what was touched, at one moment: an appraisal of nothing but those accounts, loans and events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.appraise import GROUND_KINDS, Appraisal, Result, View, measures_read
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.increment.touched import OBJECTS, Touched
from guanhu.appraisal.lines import Card, Known
from guanhu.appraisal.measures import date_sql
from guanhu.appraisal.people import cards
from guanhu.appraisal.runs import create_measures
from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run.numeric import Num
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import Span

Scales = dict[tuple[str, str, str], dict[str, Fraction]]
"""(instance, calendar unit, group) → measure → the scale of its whole numbers."""
ADDITIVE = ("daily average", "balance days", "month-end average", "named days", "at end", "count", "sum")


def is_additive(measure: t.AnyMeasure) -> bool:
    """Tell whether the figure of all things is the sum of the figures of each."""
    if not isinstance(measure, t.Measure) or measure.take.how not in ADDITIVE:
        return False
    nodes = [n for root in measure.formulas for n in t.walk(root)]
    return not (
        measure.per
        or measure.take.over_held
        or measure.round_per == "customer"
        or any(isinstance(n, t.MeasureRef) for n in nodes)
    )


class MeasuredOnly(Appraisal):
    """An appraisal that stops when the measures stand beside the cards."""

    def __init__(
        self, engine: Engine, view: View, rulebook: t.Rulebook, period: Span, touched: Touched
    ) -> None:
        """Take the facts of one moment and what of them counts."""
        super().__init__(engine, view, rulebook, period, Past())
        self.touched = touched
        self.names = {name for name, measure in rulebook.measures.items() if is_additive(measure)}

    def prepare(self) -> None:
        """Leave of the facts only what was touched, and lay the ground on it."""
        kinds = sorted({*GROUND_KINDS, *self.rulebook.kinds()})
        self.engine.facts(self.view, kinds)
        _restrict(self.engine, self.rulebook, self.touched, kinds)
        self.lay(kinds)

    def evaluate(self, instance: Instance, own: tuple[str, date] | None = None) -> None:
        """Make the cards of an instance with their measures, and nothing more."""
        for group in self.rulebook.groups.values():
            if not self.roots(instance, group.id):
                continue
            card = self._card_of(instance, group, own)
            measures = {
                key.removeprefix("measure:"): value
                for key, value in card.leaves.items()
                if key.startswith("measure:")
            }
            self.outcome.results.append(Result(instance, group, card.table, card.table, {}, measures, {}, {}))

    def _card_of(self, instance: Instance, group: t.GroupOfSubjects, own: tuple[str, date] | None) -> Card:
        """Return the cards of everybody, whoever belongs to the group: what is left over is not read."""
        table = cards(self.engine, instance, group)
        if own is not None:
            few = filled(
                "SELECT * FROM c WHERE :column = :day",
                c=table,
                column=exp.column(own[0]),
                day=date_sql(own[1]),
            )
            table = f"{table}/own"
            self.engine.create(table, few)
        known = Known({}, {}, self.parameters, self.past)
        card = Card(self.engine, self.rulebook, group, instance, known, table)
        names = measures_read(self.roots(instance, group.id), self.rulebook)
        self.join_named(card, [x for x in names if x in self.names])
        return card

    def list_left_out(self, everyone: str, instance: Instance) -> None:
        """List nobody."""

    def kept(self, name: str) -> Scales:
        """Keep the measures as the table `name` and return their scales."""
        create_measures(self.engine, name, self.outcome.results)
        found: Scales = {}
        for result in self.outcome.results:
            key = (result.instance.key, result.instance.every, result.group.id)
            scales: Mapping[str, Fraction] = {
                x: value.scale for x, value in result.measures.items() if isinstance(value, Num)
            }
            found.setdefault(key, {}).update(scales)
        return found


def _restrict(engine: Engine, rulebook: t.Rulebook, touched: Touched, kinds: list[str]) -> None:
    """Put tables of what was touched in the place of the facts; all is kept that decides who is credited with it."""
    for name in OBJECTS:
        engine.load(f"only/{name}", (("id", "VARCHAR"),), [(x,) for x in sorted(touched.ids[name])])
    declared = {
        kind.name: kind for m in rulebook.measures.values() if isinstance(m, t.Measure) for kind in [m.kind]
    }
    events: list[str] = []
    for name, kind in declared.items():
        if kind.dated is not Dated.DAY:
            continue
        columns = {c.name for c in kind.columns}
        tests = [f"f.{kind.key[0]} IN (SELECT id FROM only_event)"]
        tests += ["f.account_id IN (SELECT id FROM only_account)"] if "account_id" in columns else []
        tests += ["f.loan_id IN (SELECT id FROM only_loan)"] if "loan_id" in columns else []
        tests += ["f.customer_id IN (SELECT id FROM only_customer)"] if "customer_id" in columns else []
        _replace(engine, name, f"SELECT f.* FROM f_{name} AS f WHERE {' OR '.join(tests)}")
        events.append(name)
    _replace(
        engine,
        "accounts",
        "SELECT f.* FROM f_accounts AS f WHERE f.account_id IN (SELECT id FROM only_account)",
    )
    _replace(engine, "loans", "SELECT f.* FROM f_loans AS f WHERE f.loan_id IN (SELECT id FROM only_loan)")
    numbers = "IN (SELECT a.account_no FROM f_accounts AS a)"
    for name in ("balances", "balance_cuts", "balance_quarters", "account_rates"):
        if name in kinds:
            _replace(engine, name, f"SELECT f.* FROM f_{name} AS f WHERE f.account_no {numbers}")
    for name, test in (
        ("account_institutions", "f.account_id IN (SELECT id FROM only_account)"),
        ("loan_states", "f.loan_id IN (SELECT id FROM only_loan)"),
    ):
        if name in kinds:
            _replace(engine, name, f"SELECT f.* FROM f_{name} AS f WHERE {test}")
    customers = ["SELECT a.customer_id FROM f_accounts AS a", "SELECT l.customer_id FROM f_loans AS l"]
    rows = ["SELECT id FROM only_event"]
    for name in events:
        rows.append(f"SELECT e.{declared[name].key[0]} FROM f_{name} AS e")
        if any(c.name == "customer_id" for c in declared[name].columns):
            customers.append(f"SELECT e.customer_id FROM f_{name} AS e")
    _replace(
        engine,
        "assignments",
        "SELECT f.* FROM f_assignments AS f WHERE (f.grain = 'account' AND f.object_id IN (SELECT id FROM only_account)) "
        "OR (f.grain = 'loan' AND f.object_id IN (SELECT id FROM only_loan)) "
        f"OR (f.grain = 'customer' AND f.object_id IN ({' UNION ALL '.join(customers)})) "
        f"OR (f.grain = 'event' AND f.object_id IN ({' UNION ALL '.join(rows)}))",
    )


def _replace(engine: Engine, kind: str, text: str) -> None:
    parts: dict[str, exp.Expr | str] = {f"only_{x}": f"only/{x}" for x in OBJECTS}
    engine.create(f"f_{kind}", filled(text, **parts))
