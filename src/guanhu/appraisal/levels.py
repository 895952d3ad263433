"""Figures of the institutions below, and lines that read themselves there.

A line that reads itself below is evaluated for all institutions again and again, each time with what the last
turn gave those below: after as many turns as the tree has levels every figure stands on settled ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.among import Window
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lines import Card, plain
from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Bool, Compiled, Num, Pair
from guanhu.rulebook.run.template import filled, table_named
from guanhu.values import units

Step = list[t.Line | t.Decision]


def steps(rulebook: t.Rulebook, evaluated: Iterable[t.Line | t.Decision]) -> Iterator[Step]:
    """Yield the lines and decisions of an instance in order, those of one ring of levels together."""
    wanted = {x.id: x for x in evaluated}
    ring: Step = []
    for name in rulebook.order:
        x = wanted.get(name)
        if x is None:
            continue
        joins = name in rulebook.levels and all(_reach(rulebook, name, y.id) for y in ring)
        if ring and not joins:
            yield ring
            ring = []
        if name in rulebook.levels:
            ring.append(x)
        else:
            yield [x]
    if ring:
        yield ring


def _reach(rulebook: t.Rulebook, name: str, other: str) -> bool:
    """Tell whether two lines of levels belong to one group: then they may take their turns together."""
    return rulebook.lines[name].group == rulebook.lines[other].group


def add_levels(
    engine: Engine, card: Card, lines: Step, add: Callable[[Card, t.Line | t.Decision], None]
) -> None:
    """Add the lines of a ring to a card, from the lowest institutions upwards."""
    card.flush()
    names = {line.id for line in lines}
    nodes = {
        node: None
        for line in lines
        for root in line.formulas
        for node in t.walk(root)
        if isinstance(node, t.Group) and node.below and _reads(node, names)
    }
    below = dict(card.below)
    base = (
        card.table,
        dict(card.leaves),
        dict(card.lines),
        dict(card.wholes),
        list(card.kept),
        dict(card.measured),
    )
    for line in lines:
        card.lines[line.id] = _unknown(line)
    for _turn in range(_height(engine, card) + 1):
        found = {node: _figures(engine, card, card, node) for node in nodes}
        card.leaves, card.lines, card.wholes = dict(base[1]), dict(base[2]), dict(base[3])
        card.kept, card.measured = list(base[4]), dict(base[5])
        card.stand_on(base[0])
        card.below = dict(below)
        for node, figures in found.items():
            card.below[node] = _joined(card, node, *figures)
        for line in lines:
            add(card, line)
    card.below = below


def below_figure(card: Card, node: t.Group) -> Compiled:
    """Return a figure of the institutions directly below each of a card."""
    if node not in card.below:
        other = card if node.among == card.group.id else card.others[node.among]
        card.below[node] = _joined(card, node, *_figures(card.engine, card, other, node))
    return card.below[node]


def _reads(node: t.Group, names: set[str]) -> bool:
    return any(isinstance(part, t.LineRef) and part.name in names for part in t.walk(node.of))


def _unknown(line: t.Line | t.Decision) -> Compiled:
    if isinstance(line, t.Decision) or line.unit == units.YES_NO:
        return Bool(exp.Cast(this=exp.Null(), to=exp.DataType.build("BOOLEAN")))
    return Num(exp.Cast(this=exp.Null(), to=exp.DataType.build("BIGINT")), Fraction(1), 0, 1)


def _height(engine: Engine, card: Card) -> int:
    """Return how many levels of the group's institutions stand below its highest one."""
    rows = engine.rows(filled("SELECT subject_id, above_id FROM c", c=card.table))
    above = {str(subject): over for subject, over in rows}
    highest = 0
    for subject in above:
        seen = [subject]
        while (over := above[seen[-1]]) in above and over not in seen:
            seen.append(str(over))
        highest = max(highest, len(seen) - 1)
    return highest


def _figures(engine: Engine, card: Card, other: Card, node: t.Group) -> tuple[str, Compiled, list[str]]:
    """Return the table of what is gathered for each institution above, what it means, and its columns.

    The bounds are those of the data: they would grow with each level if they were proved from those before.
    """
    with other.gathered(node):
        value = other.compiler.compile(node.of)
    other.flush()
    found = Window(node, plain(value), other.size, other.sheet.bind).aggregated()
    columns = [exp.alias_(sql, name, quoted=True) for name, sql in found.columns]
    there = f"{found.columns[0][0]}/there"
    name = f"{card.name}/below/{card.flushes}/{there}"
    query = (
        exp.select("above_id", *columns, exp.alias_(exp.Boolean(this=True), there, quoted=True))
        .from_(table_named(other.table), copy=False)
        .where("is_last AND above_id IS NOT NULL", copy=False)
        .group_by("above_id", copy=False)
    )
    engine.create(name, query)
    return name, _bounded(engine, name, found.value), [*(column for column, _ in found.columns), there]


def _bounded(engine: Engine, table: str, value: Compiled) -> Compiled:
    match value:
        case Num():
            ends = [exp.Min(this=value.sql), exp.Max(this=value.sql)]
            ((low, high),) = engine.rows(exp.select(*ends).from_(table_named(table), copy=False))
            return Num(value.sql, value.scale, min(int(low or 0), 0), max(int(high or 0), 1), value.level)
        case Pair():
            dividend, divisor = (
                _bounded(engine, table, value.dividend),
                _bounded(engine, table, value.divisor),
            )
            if isinstance(dividend, Num) and isinstance(divisor, Num):
                return Pair(dividend, divisor)
    raise TypeError(type(value).__name__)


def _joined(card: Card, node: t.Group, table: str, value: Compiled, columns: list[str]) -> Compiled:
    """Join what is gathered to the cards of those above; of nobody a count is 0, and a sum that asks for nobody."""
    query = filled(
        "SELECT w.subject_no, f.* FROM figures AS f JOIN w_institution AS w ON w.subject_id = f.above_id",
        figures=table,
    )
    card.join(query, columns)
    if node.least_size or node.how not in ("sum", "count") or not isinstance(value, Num):
        return value
    none = n.is_null(exp.column(columns[-1], quoted=True))
    sql = n.case([(none, n.typed(n.integer(0), value.size))], n.typed(value.sql, value.size))
    return Num(sql, value.scale, value.low, value.high, value.level)
