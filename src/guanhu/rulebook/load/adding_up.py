"""Whether the values of a person's spells add up to that of the whole period: a count does, a rate does not.

An amount times what adds up is a price times a quantity, and adds up too. An amount times what does not (a
completion, a score, a coefficient) is an amount of the whole period: it counts by the days of the spell.
"""

from __future__ import annotations

from typing import Protocol

from guanhu.rulebook import tree as t
from guanhu.values import units

_ADDED = ("mean", "lowest", "highest")
"""Takes whose figures of two spells do not add up."""
_AMOUNTS = (units.MONEY, units.COUNT, units.POINTS)
_ANY_OF = (t.Sum, t.Negative, t.Settled, t.Round, t.Least, t.Most, t.Absolute, t.FirstGiven, t.Steps)


class Declared(Protocol):
    """What has been declared so far."""

    lines: dict[str, t.Line]
    measures: dict[str, t.AnyMeasure]
    tables: dict[str, t.Table]


class AddingUp:
    """Tells for the formulas of one rulebook."""

    def __init__(self, declared: Declared) -> None:
        """Take the declarations; each is there before a formula that reads it."""
        self.declared = declared

    def __call__(self, node: t.Expr) -> bool:
        """Tell whether the values of the spells add up."""
        match node:
            case t.MeasureRef(name=name):
                return self._measure(self.declared.measures.get(name))
            case t.LineRef(whole=True):
                return False
            case t.LineRef(name=name):
                return self._line(self.declared.lines.get(name))
            case t.Product(left=left, right=right):
                return self(left) or self(right)
            case t.Quotient(dividend=dividend, divisor=divisor):
                return self(dividend) and not self(divisor)
            case t.Cases():
                values = [case.value for case in node.cases]
                return any(self(x) for x in (*values, node.otherwise) if x is not None)
            case t.Lookup():
                return self._table(node)
            case t.InstanceValue(name=name):
                return name == "spell_days"
            case t.ByDays() | t.Pool():
                return True
            case t.LotFigure():
                return not node.is_at_start
        return isinstance(node, _ANY_OF) and any(self(x) for x in node.children())

    def is_whole(self, node: t.Expr) -> bool:
        """Tell whether a figure is the whole period's for each spell: of the institution, of the others, or `whole(line)`."""
        if isinstance(node, t.Settled):
            return isinstance(node.x, t.Group)
        if isinstance(node, t.MeasureRef) and not self(node):
            return self._reads_institution(self.declared.measures.get(node.name))
        return isinstance(node, t.Group) or (isinstance(node, t.LineRef) and node.whole)

    def is_earlier(self, node: t.Expr) -> bool:
        """Tell whether a figure is the person's of other days than the instance's: each spell has all of it."""
        return isinstance(node, t.MeasureRef) and self._of_other_days(self.declared.measures.get(node.name))

    def _of_other_days(self, measure: t.AnyMeasure | None) -> bool:
        match measure:
            case t.Measure():
                return measure.credit != "institution" and not _is_of_spell(measure)
            case t.FormulaMeasure() if measure.unit in _AMOUNTS:
                refs = [part for part in t.walk(measure.expr) if isinstance(part, t.MeasureRef)]
                return bool(refs) and all(self.is_earlier(part) for part in refs)
        return False

    def _reads_institution(self, measure: t.AnyMeasure | None) -> bool:
        if isinstance(measure, t.FormulaMeasure):
            refs = [part for part in t.walk(measure.expr) if isinstance(part, t.MeasureRef)]
            return any(self._reads_institution(self.declared.measures.get(part.name)) for part in refs)
        return isinstance(measure, t.Measure) and measure.credit == "institution"

    def _measure(self, measure: t.AnyMeasure | None) -> bool:
        match measure:
            case t.Measure():
                own = measure.credit != "institution" and _is_of_spell(measure)
                return own and measure.take.how not in _ADDED
            case t.FormulaMeasure():
                return self(measure.expr)
            case t.FigureMeasure():
                return measure.by_days
        return False

    def _line(self, line: t.Line | None) -> bool:
        if line is None or line.unit == units.POINTS:
            return False
        return line.unit == units.MONEY or self(line.value)

    def _table(self, node: t.Lookup) -> bool:
        table = self.declared.tables[node.table]
        if table.how in ("marginal", "per piece"):
            return self(node.keys[0])
        index = table.columns.index(node.column)
        return any(self(row.gives[index]) for version in table.versions for row in version.rows)


def _is_of_spell(measure: t.Measure) -> bool:
    """Tell whether each spell has a figure of its own: a year to date or a year before is not cut."""
    return measure.window.is_own or measure.base
