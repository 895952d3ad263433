"""Which constructs have met which situations: read off the evaluator's traces, not off the rulebooks' text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from fractions import Fraction

from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.subject import CardTrace, SubjectTrace
from guanhu.rulebook.explain.values import LineNote, MeasureNote, Traced, Unknown

THIRDS = (333_333_333, 333_333_334)


class Situation(Enum):
    """What a construct may meet."""

    BELOW = "below an edge"
    AT = "at an edge"
    ABOVE = "above an edge"
    MISSING = "missing"
    ZERO_BASE = "zero base"
    NEGATIVE = "negative"
    POST = "post changed in mid-period"
    THREE = "shared three ways"


class Reason(Enum):
    """Why a construct can never meet a situation."""

    NO_EDGE = "has no edge of its own"
    NO_BASE = "has no base"
    NO_NUMBER = "is no number"
    NEVER_NEGATIVE = "counts from 0 upwards"
    NEVER_MISSING = "tells whether something is missing"
    NO_SHARES = "is not shared out"


EDGES = (Situation.BELOW, Situation.AT, Situation.ABOVE)
_NO_EDGE = dict.fromkeys(EDGES, Reason.NO_EDGE)
_NO_BASE = {Situation.ZERO_BASE: Reason.NO_BASE}
_PLAIN = {**_NO_EDGE, **_NO_BASE}
_YES_NO = {**_PLAIN, Situation.NEGATIVE: Reason.NO_NUMBER}
_COUNTED = {**_PLAIN, Situation.NEGATIVE: Reason.NEVER_NEGATIVE}
SENSELESS: dict[str, dict[Situation, Reason]] = {
    "comparison": _NO_BASE,
    "look-up": _NO_BASE,
    "marginal look-up": _NO_BASE,
    "look-up by piece": {**_NO_BASE, Situation.NEGATIVE: Reason.NEVER_NEGATIVE},
    "steps": _NO_BASE,
    "rounding": _NO_BASE,
    "min and max": _NO_BASE,
    "least and most of a line": _NO_BASE,
    "growth and completion": _NO_EDGE,
    "division": _NO_EDGE,
    "cases": _PLAIN,
    "first given": _PLAIN,
    "given": {**_YES_NO, Situation.MISSING: Reason.NEVER_MISSING, Situation.THREE: Reason.NO_SHARES},
    "count of conditions": _COUNTED,
    "and, or, not": _YES_NO,
    "highest row that holds": _NO_BASE,
    "table of several versions": _NO_BASE,
    "figure of a group": _PLAIN,
    "pool": _PLAIN,
    "what a ledger holds": _COUNTED,
    "pay in lots": _COUNTED,
    "pay in lots rated again": _COUNTED,
    "state in force": {**_YES_NO, Situation.THREE: Reason.NO_SHARES},
    "streak and times": _COUNTED,
    "earlier figure": _PLAIN,
    "total": _PLAIN,
    "line for days": _PLAIN,
    "line of points with a weight": _PLAIN,
    "check": _YES_NO,
    "decision": _YES_NO,
    "balances": _PLAIN,
    "moving baseline": _NO_EDGE,
    "loan states": {**_PLAIN, Situation.NEGATIVE: Reason.NEVER_NEGATIVE},
    "totals of single days": _PLAIN,
    "rows of a day": _PLAIN,
    "rounding of each row or customer": _PLAIN,
    "price of each day": _PLAIN,
    "price of one day": _PLAIN,
    "row that tests a figure of its own": _PLAIN,
    "figure supplied": {**_PLAIN, Situation.THREE: Reason.NO_SHARES},
    "input": {**_PLAIN, Situation.THREE: Reason.NO_SHARES},
}
"""Construct → the situations that have no sense for it, each with its reason. All other cells must be met."""

Marks = Counter[tuple[str, Situation]]


def construct_of(node: t.Expr, rulebook: t.Rulebook) -> str:
    """Return the row of a traced expression, or ''."""
    match node:
        case t.Lookup():
            how = rulebook.tables[node.table].how
            return {"marginal": "marginal look-up", "per piece": "look-up by piece"}.get(how, "look-up")
        case t.Quotient():
            return "growth and completion" if node.positive else "division"
        case t.MeasureRef():
            return _measure(rulebook.measures[node.name])
    return next((name for kinds, name in _KINDS if isinstance(node, kinds)), "")


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (t.Compare, "comparison"),
    (t.Steps, "steps"),
    (t.Round, "rounding"),
    ((t.Least, t.Most), "min and max"),
    (t.Cases, "cases"),
    (t.FirstGiven, "first given"),
    (t.Given, "given"),
    (t.CountTrue, "count of conditions"),
    ((t.And, t.Or, t.Not), "and, or, not"),
    (t.Group, "figure of a group"),
    (t.Pool, "pool"),
    (t.Balance, "what a ledger holds"),
    (t.LotFigure, "pay in lots"),
    (t.State, "state in force"),
    ((t.Streak, t.Times), "streak and times"),
    ((t.Previous, t.OverInstances), "earlier figure"),
    (t.InputRef, "input"),
)


def also(node: t.Expr, rulebook: t.Rulebook) -> Iterator[str]:
    """Yield further rows of a traced expression: what is special about the table or measure that it reads."""
    if isinstance(node, t.Lookup):
        table = rulebook.tables[node.table]
        if table.how == "ladder":
            yield "highest row that holds"
        if len(table.versions) > 1:
            yield "table of several versions"
    measure = rulebook.measures[node.name] if isinstance(node, t.MeasureRef) else None
    if not isinstance(measure, t.Measure):
        return
    inner = [part for root in (measure.where, measure.each) if root is not None for part in t.walk(root)]
    if measure.round_per:
        yield "rounding of each row or customer"
    if any(isinstance(part, t.MeasureRef) for part in inner):
        yield "row that tests a figure of its own"
    if any(isinstance(part, t.InputRef) for part in inner):
        yield "price of each day" if measure.prices_at in ("each day", "row's day") else "price of one day"


def _measure(measure: t.AnyMeasure) -> str:
    if isinstance(measure, t.FigureMeasure):
        return "figure supplied"
    if not isinstance(measure, t.Measure):
        return ""
    if measure.base:
        return "moving baseline"
    if measure.take.is_of_days and measure.kind.dated is Dated.CHANGE:
        return "totals of single days"
    return {"balances": "balances", "loan_states": "loan states"}.get(measure.kind.name, "rows of a day")


def marks_of(traces: Iterable[SubjectTrace], rulebook: t.Rulebook) -> Marks:
    """Return how often each construct met each situation in the traces of a subject."""
    found: Marks = Counter()
    traces = list(traces)
    # What is rated again are the rows of earlier months too.
    moved_before = any(len(trace.cards) > 1 for trace in traces)
    for trace in traces:
        for card in trace.cards:
            for name, line in card.lines.items():
                reader = _Reader(card, rulebook, len(trace.cards) > 1, moved_before)
                reader.line(name, line)
                found.update(reader.found)
    return found


class _Reader:
    """Reads the trace of one line of one card."""

    def __init__(self, card: CardTrace, rulebook: t.Rulebook, moved: bool, moved_before: bool) -> None:
        self.card, self.rulebook, self.moved, self.moved_before = card, rulebook, moved, moved_before
        self.found: Marks = Counter()

    def mark(self, construct: str, situation: Situation) -> None:
        if construct and situation not in SENSELESS[construct]:
            self.found[construct, situation] += 1

    def line(self, name: str, traced: Traced) -> None:
        line = self.rulebook.lines.get(name)
        if isinstance(traced.note, LineNote):
            self.bounds(traced.note)
            inside = [self.node(x) for x in (traced.note.formula, *traced.note.extra)]
            shared = any(inside)
        else:
            shared = self.node(traced)
        construct = "decision" if line is None else {"check": "check", "total": "total"}.get(line.role, "")
        self.common(construct, [traced], shared)
        if line is not None and line.for_days:
            self.common("line for days", [traced], shared)
        if line is not None and line.weight is not None:
            self.common("line of points with a weight", [traced], shared)

    def bounds(self, note: LineNote) -> None:
        name = "least and most of a line"
        for limit in note.extra:
            self.edge(name, note.before, limit.value)
        if note.extra:
            self.common(name, [note.formula, *note.extra], self.thirds(note.formula))

    def node(self, traced: Traced) -> bool:
        """Mark an expression and all inside it; tell whether something shared three ways went into it."""
        inside = [self.node(part) for part in traced.parts]
        shared = any(inside) or self.own_thirds(traced)
        if isinstance(traced.note, LineNote):
            return shared
        for construct in (construct_of(traced.node, self.rulebook), *also(traced.node, self.rulebook)):
            if construct:
                self.common(construct, [traced, *traced.parts], shared)
                self.edges(construct, traced)
        if self.rates_again(traced):
            self.common("pay in lots rated again", [traced, *traced.parts], shared)
            if self.moved_before:
                self.mark("pay in lots rated again", Situation.POST)
        return shared

    def rates_again(self, traced: Traced) -> bool:
        """Tell whether a figure of lots asked for a tier: ledgers of the fixed bank that do ask for nothing else."""
        node = traced.node
        if not isinstance(node, t.LotFigure) or self.rulebook.lots[node.ledger].rerates is None:
            return False
        return bool(traced.parts)

    def common(self, construct: str, values: list[Traced], shared: bool) -> None:
        if any(isinstance(x.value, Unknown) for x in values):
            self.mark(construct, Situation.MISSING)
        if any(isinstance(x.value, Fraction) and x.value < 0 for x in values):
            self.mark(construct, Situation.NEGATIVE)
        if self.moved:
            self.mark(construct, Situation.POST)
        if shared:
            self.mark(construct, Situation.THREE)

    def edge(self, construct: str, seen: object, edge: object) -> None:
        if type(seen) is type(edge) and not isinstance(seen, Unknown | bool | str):
            where = Situation.BELOW if seen < edge else Situation.ABOVE if seen > edge else Situation.AT  # type: ignore[operator]
            self.mark(construct, where)

    def edges(self, construct: str, traced: Traced) -> None:
        node, parts = traced.node, traced.parts
        match node:
            case t.Compare() | t.Least() | t.Most():
                self.edge(construct, parts[0].value, parts[1].value)
            case t.Lookup():
                for low_or_high in self.bracket_edges(node):
                    self.edge(construct, parts[0].value, low_or_high)
            case t.Steps() if isinstance(parts[0].value, Fraction):
                self.nearest(construct, parts[0].value / node.size, Fraction(0))
            case t.Round() if isinstance(parts[0].value, Fraction) and node.mode == "half":
                self.nearest(construct, abs(parts[0].value) * 10**node.places, Fraction(1, 2))
            case t.Quotient() if parts[1].value == 0:
                self.mark(construct, Situation.ZERO_BASE)
            case t.MeasureRef() if construct == "moving baseline" and traced.value == 0:
                self.mark(construct, Situation.ZERO_BASE)

    def nearest(self, construct: str, x: Fraction, edge: Fraction) -> None:
        """Mark on which side of its nearest edge a number lies; edges are one apart."""
        away = (x - edge + Fraction(1, 2)) % 1 - Fraction(1, 2)
        self.edge(construct, away, Fraction(0))

    def bracket_edges(self, node: t.Lookup) -> Iterator[Fraction]:
        for version in self.rulebook.tables[node.table].versions:
            for row in version.rows:
                cell = row.cells[0]
                if isinstance(cell, t.RangeCell):
                    yield from (x for x in (cell.low, cell.high) if x is not None)

    def thirds(self, traced: Traced) -> bool:
        return self.own_thirds(traced) or any(self.thirds(part) for part in traced.parts)

    def own_thirds(self, traced: Traced) -> bool:
        """Tell whether a leaf is a measure with a row shared three ways, or stands for one."""
        node, note = traced.node, traced.note
        if isinstance(note, MeasureNote):
            # Of a moving baseline the weight is the share × days.
            return any(row.weight and row.weight % third == 0 for row in note.rows for third in THIRDS)
        if isinstance(node, t.Group | t.Pool):
            read = [x.name for x in t.walk(node.of) if isinstance(x, t.MeasureRef)]
            return any(self.thirds(self.card.measures[name]) for name in read if name in self.card.measures)
        if isinstance(node, t.Streak | t.Times | t.Previous) and node.line in self.card.lines:
            line = self.card.lines[node.line]
            return line is not traced and self.thirds(line)
        return isinstance(node, t.OverInstances | t.Balance | t.LotFigure) and any(
            self.thirds(x) for x in self.card.measures.values()
        )


def empty_cells(marks: Marks) -> list[tuple[str, str]]:
    """Return the cells that make sense and that nothing has met."""
    return [
        (construct, situation.value)
        for construct, senseless in SENSELESS.items()
        for situation in Situation
        if situation not in senseless and not marks[construct, situation]
    ]


def counted(marks: Marks) -> str:
    """Return the table with how often each cell was met."""
    width = max(map(len, SENSELESS))
    lines = [" " * width + " | " + " | ".join(situation.value for situation in Situation)]
    for construct, senseless in SENSELESS.items():
        cells = [("-" if s in senseless else str(marks[construct, s])).rjust(len(s.value)) for s in Situation]
        lines.append(f"{construct:<{width}} | {' | '.join(cells)}")
    return "\n".join(lines)


def document(marks: Marks) -> str:
    """Return the page: each cell is met, or names its reason."""
    heading = "| construct | " + " | ".join(situation.value for situation in Situation) + " |"
    lines = [heading, "|---" * (len(Situation) + 1) + "|"]
    for construct, senseless in SENSELESS.items():
        cells = [
            senseless[s].value if s in senseless else "met" if marks[construct, s] else "**empty**"
            for s in Situation
        ]
        lines.append(f"| {construct} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
