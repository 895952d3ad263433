"""The measures of what was touched, at one moment: an appraisal of nothing but those accounts, loans and events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.appraise import Appraisal, Result, View, kinds_read, measures_read
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lines import Card, Known
from guanhu.appraisal.long_tables import create_measures
from guanhu.appraisal.measures import date_sql
from guanhu.appraisal.people import cards
from guanhu.facts.few import FewView
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

    def __init__(self, engine: Engine, view: View, few: FewView, rulebook: t.Rulebook, period: Span) -> None:
        """Take the facts of one moment, and what of them counts."""
        super().__init__(engine, view, rulebook, period, Past())
        self.few = few
        self.names = {name for name, measure in rulebook.measures.items() if is_additive(measure)}

    def prepare(self) -> None:
        """Leave of the facts only what was touched, and lay the ground on it."""
        kinds = kinds_read(self.rulebook)
        self.engine.facts(self.few, kinds)
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
