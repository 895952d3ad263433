"""Lines of one group in one instance: cards become scores, pay, checks and decisions.

A `Card` gains a column for each figure that its lines read, then one for each line in the order of the
tree. Group figures are window functions over the card; figures of another group are joined after that
group's card has been kept as a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.among import Window, member_sql
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.figure import Figure
from guanhu.appraisal.leaves import input_column, rows_in_force
from guanhu.appraisal.measures import date_sql
from guanhu.appraisal.parameters import Parameters
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Bool, Compiled, Day, Num, Pair, TooWide, Word
from guanhu.rulebook.run.scalar import Compiler, level_of, sql_of
from guanhu.rulebook.run.sheet import Sheet
from guanhu.rulebook.run.template import filled, table_named
from guanhu.values import units
from guanhu.values.exact import QUOTIENT_PLACES

DATES = ("hired_on", "left_on")
FEN = Fraction(1, 100)
FINEST = Fraction(1, 10**QUOTIENT_PLACES)


@dataclass(slots=True)
class Known:
    """What a card can read from outside: figures of measures, the past, inputs."""

    figures: dict[str, Figure]
    supplied: dict[str, Figure]
    parameters: Parameters
    past: Past
    streaks: dict[str, dict[str, int | None]] = field(default_factory=dict)


class Card:
    """One group's cards in one instance, gaining columns."""

    def __init__(
        self,
        engine: Engine,
        rulebook: t.Rulebook,
        group: t.GroupOfSubjects,
        instance: Instance,
        known: Known,
        table: str,
    ) -> None:
        """Stand on the cards of those who belong to the group."""
        self.engine = engine
        self.rulebook = rulebook
        self.group = group
        self.instance = instance
        self.known = known
        self.name = f"card/{instance.every}/{instance.days}/{group.id}"
        self.table = table
        self.sheet = Sheet(table_named(table), "_m")
        self.leaves: dict[str, Compiled] = {}
        self.lines: dict[str, Compiled] = {}
        self.wholes: dict[str, Compiled] = {}
        self.reads_wholes = False
        self.kept: list[str] = []
        self.others: dict[str, Card] = {}
        self.compiler = Compiler(self)
        self.measured: dict[t.Expr, Compiled] = {}
        self.below: dict[t.Expr, Compiled] = {}
        self.evaluated: dict[str, int] = {}
        """Lines and conditions that the evaluator computed, being too wide for the engine: for how many rows."""
        self.flushes = 0
        self.size = int(engine.rows(filled("SELECT count(*) FROM c", c=table))[0][0])

    def stand_on(self, table: str) -> None:
        """Continue on a kept table; every column so far is a plain one."""
        self.sheet = Sheet(table_named(table), f"_{self.flushes}_")
        self.table = table
        self.leaves = {key: plain(value) for key, value in self.leaves.items()}
        self.lines = {key: plain(value) for key, value in self.lines.items()}

    def flush(self) -> None:
        """Keep the card with all its columns as a table."""
        self.flushes += 1
        name = f"{self.name}/{self.flushes}"
        self.engine.create(name, exp.select(exp.Star()).from_(self.sheet.table(), copy=False))
        self.stand_on(name)

    def join(self, query: exp.Expr, columns: list[str]) -> None:
        """Add columns of a query (subject_no, columns…) to the card, by subject."""
        self.flushes += 1
        name = f"{self.name}/{self.flushes}"
        wanted = [exp.column(c, table="j", quoted=True) for c in columns]
        joined = (
            exp.select(exp.column(exp.Star(), table="s"))
            .select(*wanted, copy=False)
            .from_(_aliased(self.sheet.table(), "s"), copy=False)
        )
        self.engine.create(
            name,
            joined.join(
                query.subquery("j", copy=False) if isinstance(query, exp.Query) else query,
                on="j.subject_no = s.subject_no",
                join_type="left",
                copy=False,
            ),
        )
        self.stand_on(name)

    # -- environment of formulas --

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table and its rows in force at the end of the instance."""
        table = self.rulebook.tables[name]
        return table, rows_in_force(table, self.instance.days.last_day)

    def leaf(self, node: t.Expr) -> Compiled:
        """Return the column of a leaf."""
        match node:
            case t.MeasureRef():
                return self.measure(node)
            case t.LineRef(whole=True):
                return self.wholes.get(node.name, self.lines[node.name])
            case t.LineRef():
                return self.line(node.name)
            case t.InputRef():
                declared = self.rulebook.inputs[node.name]
                if declared.by_person:
                    return self.leaves[f"input:{node.name}"]
                return input_column(
                    self.compiler, node, declared, self.known.parameters, self.instance.days.last_day
                )
            case t.SubjectValue():
                sql = exp.column(node.column, quoted=True)
                return Day(sql) if node.column in DATES else Word(sql)
            case t.InstanceValue():
                return self.instance_value(node)
            case t.Group():
                return self.group_figure(node)
            case t.Streak() | t.Times():
                return self.counted(node)
            case t.OverInstances() | t.Previous() | t.State() | t.Balance() | t.LotFigure() | t.Pool():
                return self.leaves[leaf_key(node)]
            case _:
                raise TypeError(f"{type(node).__name__} has no meaning in a line ({node.place})")

    def line(self, name: str) -> Compiled:
        """Return the column of a line: of the card, or, in a check or decision, of the whole instance."""
        return self.wholes.get(name, self.lines[name]) if self.reads_wholes else self.lines[name]

    @contextmanager
    def reading(self, *, wholes: bool) -> Iterator[None]:
        """Read lines of the whole instance, or of the card, for a while."""
        before, self.reads_wholes = self.reads_wholes, wholes
        try:
            yield
        finally:
            self.reads_wholes = before

    @contextmanager
    def gathered(self, node: t.Group) -> Iterator[None]:
        """Read lines of the whole instance: what is gathered is what the statements print."""
        from guanhu.appraisal.persons import join_wholes  # noqa: PLC0415 - cards and persons need each other

        join_wholes(self.engine, self, self.rulebook, node.of)
        with self.reading(wholes=True):
            yield

    def measure(self, node: t.MeasureRef) -> Compiled:
        """Return the column of a measure; a formula measure is compiled where it is used, and stays a pair."""
        key = f"measure:{node.name}"
        if key not in self.leaves:
            measure = self.rulebook.measures[node.name]
            if not isinstance(measure, t.FormulaMeasure):
                raise KeyError(node.name)
            self.leaves[key] = self.compiler.compile(measure.expr)
        return self.leaves[key]

    def instance_value(self, node: t.InstanceValue) -> Compiled:
        """Return a figure of the instance."""
        days = self.instance.days
        match node.name:
            case "period_days":
                return n.constant(Fraction(days.days))
            case "spell_days":
                return n.column("spell_days", Fraction(1), 0, days.days)
            case "own_days":
                return n.column("own_days", Fraction(1), 1, days.days)
            case "period_start":
                return Day(date_sql(days.start))
            case _:
                return Day(date_sql(days.last_day))

    def counted(self, node: t.Streak | t.Times) -> Num:
        """Return a streak or count with this instance's own condition added to the earlier ones."""
        key = leaf_key(node)
        before = self.leaves[key]
        condition = self.lines[node.line]
        if not isinstance(before, Num):
            raise TypeError(node.line)
        sql = sql_of(condition)
        there = exp.column(f"{key}/there", quoted=True)
        unknown = exp.And(
            this=n.wrap(exp.Not(this=n.wrap(n.is_null(there)))), expression=n.wrap(n.is_null(before.sql))
        )
        earlier = exp.Coalesce(this=before.sql, expressions=[n.integer(0)])
        more = n.case([(unknown, exp.Null())], exp.Add(this=n.wrap(earlier), expression=n.integer(1)))
        # A streak that breaks is 0 whatever came before; a count of the last n keeps what it had.
        none: exp.Expr = (
            n.integer(0) if isinstance(node, t.Streak) else n.case([(unknown, exp.Null())], earlier)
        )
        built = n.case([(n.is_null(sql), exp.Null()), (sql, more)], none)
        return Num(built, Fraction(1), 0, before.high + 1, max(before.level, level_of(condition)))

    def group_figure(self, node: t.Group) -> Compiled:
        """Return a figure of the others."""
        if node.below:
            from guanhu.appraisal.levels import below_figure  # noqa: PLC0415 - cards and levels need each other

            return below_figure(self, node)
        if node.among != self.group.id:
            return self.figure_of_other(node)
        # What is gathered is the whole instance, as it is printed: its lines were joined before the formula began.
        with self.reading(wholes=True):
            value = self.compiler.compile(node.of)
        return Window(node, value, self.size, self.sheet.bind).result()

    def figure_of_other(self, node: t.Group) -> Compiled:
        """Return a figure of another group, by the attributes that both share."""
        other = self.others[node.among]
        with other.gathered(node):
            value = other.compiler.compile(node.of)
        other.flush()
        value = plain(value)
        found = Window(node, value, other.size, other.sheet.bind).aggregated()
        by = [exp.column(b, quoted=True) for b in node.by]
        source = table_named(other.table)
        columns = [exp.alias_(sql, name, quoted=True) for name, sql in found.columns]
        query = exp.select(*by, *columns).from_(source, copy=False).where(member_sql(node), copy=False)
        if by:
            query = query.group_by(*by, copy=False)
        self.flushes += 1
        name = f"{self.name}/{self.flushes}"
        names = [exp.column(c, table="j", quoted=True) for c, _ in found.columns]
        base = (
            exp.select(exp.column(exp.Star(), table="s"))
            .select(*names, copy=False)
            .from_(_aliased(self.sheet.table(), "s"), copy=False)
        )
        condition: exp.Expr = exp.Boolean(this=True)
        for b in node.by:
            condition = exp.And(
                this=condition,
                expression=exp.NullSafeEQ(
                    this=exp.column(b, table="j", quoted=True),
                    expression=exp.column(b, table="s", quoted=True),
                ),
            )
        self.engine.create(
            name, base.join(query.subquery("j", copy=False), on=condition, join_type="left", copy=False)
        )
        self.stand_on(name)
        return found.value

    # -- lines --

    def add_line(self, line: t.Line) -> None:
        """Compile a line and bind its value under its own name.

        Where the bounds that can be proved are too wide, its quotients are computed first and their real
        bounds read from the data; TooWide is raised only when those are too wide as well.
        """
        try:
            self._add_line(line)
        except TooWide:
            self.forget(line.id)
            self.measure_parts(list(line.formulas))
            try:
                self._add_line(line)
            except TooWide:
                self.forget(line.id)
                raise

    def add_condition(self, name: str, when: t.Expr) -> None:
        """Compile a check or decision and bind it under its own name; of what is too wide it does as `add_line`."""
        try:
            found = self.compiler.condition(when)
        except TooWide:
            self.measure_parts([when])
            found = self.compiler.condition(when)
        self.keep(name, found)

    def add_unknown(self, line: t.Line | t.Decision, cause: str) -> None:
        """Bind a line, check or decision that is unknown for everybody, with its cause."""
        value = Bool(exp.Null()) if isinstance(line, t.Decision) else _nothing(line.unit)
        if isinstance(value, Num) and isinstance(line, t.Line) and self.group.spells and line.adds_up:
            self.lines[f"{line.id}~raw"] = self.sheet.bind(value, f"{line.id}~raw")
        self.keep(line.id, value)
        self.sheet.bind(Word(exp.Literal.string(cause)), f"{line.id}~cause")

    def forget(self, name: str) -> None:
        """Take back what was bound of a line that turned out too wide."""
        beside = {f"{name}~raw", f"{name}~held"}
        self.sheet.forget({name, *beside})
        for key in beside:
            self.lines.pop(key, None)

    def measure_parts(self, roots: list[t.Expr]) -> None:
        """Keep every settled quotient of some formulas as a column, with the least and most it really has."""
        for root in roots:
            for node in reversed(list(t.walk(root))):
                if not isinstance(node, t.Settled) or node in self.measured:
                    continue
                found = self.compiler.number(node)
                name = f"_measured{len(self.measured)}"
                self.sheet.bind(found, name)
                self.flush()
                column = exp.column(name, quoted=True)
                query = exp.select(exp.Min(this=column), exp.Max(this=column)).from_(table_named(self.table))
                ((low, high),) = self.engine.rows(query)
                self.measured[node] = n.column(
                    name, found.scale, min(int(low or 0), 0), max(int(high or 0), 1)
                )

    def _add_line(self, line: t.Line) -> None:
        value = self.compiler.unbound(line.value)
        if not isinstance(value, Num):
            self.keep(line.id, value)
            return
        bounded = line.least is not None or line.most is not None
        if bounded:
            value = self._number(value)
        raw = self._held(line, value)
        if line.for_days:
            share = n.constant(Fraction(self.instance.days.days, line.for_days))
            raw = self._number(n.multiply(raw, share))
        if self.group.spells and line.adds_up and (not line.sums_lines or bounded):
            raw = self._number(raw)
            self.sheet.bind(raw, f"{line.id}~raw")
            self.lines[f"{line.id}~raw"] = raw
            if line.sums_lines:
                self.lines[f"{line.id}~held"] = self.sheet.bind(
                    n.compare("<>", raw, self._number(value)), f"{line.id}~held"
                )
        kept = settled(raw, line.unit)
        # Rounding names the figure more than once.
        self.keep(line.id, kept if kept.sql is raw.sql else settled(self._number(raw), line.unit))

    def _number(self, value: Num) -> Num:
        found = self.sheet.bind(value)
        if not isinstance(found, Num):
            raise TypeError("not a number")
        return found

    def _held(self, line: t.Line, value: Num) -> Num:
        """Return the value held between least and most; in a spell bounds of what adds up count by days."""
        by_days = self.group.spells and line.adds_up
        wanted = (("most", line.least), ("least", line.most))
        limits = {how: self.compiler.number(node) for how, node in wanted if node is not None}
        least, most = limits.get("most"), limits.get("least")
        if (
            least is not None
            and most is not None
            and not by_days
            and None not in (least.constant, most.constant)
        ):
            return n.held(value, least, most)
        for how, bound in limits.items():
            limit = bound
            if by_days:
                part = n.multiply(bound, n.column("spell_days", Fraction(1), 0, self.instance.days.days))
                limit = self._number(n.multiply(part, n.constant(Fraction(1, self.instance.days.days))))
            value = n.extreme([self._number(value), limit], how)
        return value

    def keep(self, name: str, value: Compiled) -> None:
        """Bind a value under the line's own name, and the first cause where it is unknown."""
        bound = self.sheet.bind(value, name)
        self.lines[name] = bound
        self.kept.append(name)

    def add_cause(self, name: str, nodes: Sequence[t.Expr]) -> None:
        """Bind, where the value is unknown, the path of the first figure read that is unknown."""
        value = self.lines[name]
        level = level_of(value)
        arms: list[tuple[exp.Expr, exp.Expr]] = [(exp.Not(this=n.wrap(n.is_null(sql_of(value)))), exp.Null())]
        seen: set[str] = set()
        for label, node in causes_in(nodes, self.rulebook):
            if label in seen:
                continue
            seen.add(label)
            found = self.compiler.compile(node)
            level = max(level, level_of(found))
            arms.append((n.is_null(sql_of(found)), exp.Literal.string(label)))
        sql = n.case(arms, exp.Literal.string(undefined_in(nodes)))
        self.sheet.bind(Word(sql, level), f"{name}~cause")


def _nothing(unit: units.Unit) -> Compiled:
    """Return a value of a unit that is unknown."""
    if unit == units.YES_NO:
        return Bool(exp.Null())
    if unit == units.DATE:
        return Day(exp.Null())
    if units.is_choice(unit):
        return Word(exp.cast(exp.Null(), "VARCHAR"))
    return Num(exp.cast(exp.Null(), "BIGINT"), FEN if unit == units.MONEY else FINEST, 0, 0)


def _own_parts(node: t.Expr) -> Iterator[t.Expr]:
    """Yield the parts of a formula but for what is gathered from others: that is theirs."""
    if isinstance(node, t.Group):
        yield node
        return
    if not isinstance(node, t.Lookup | t.Pool):
        yield node
    for child in node.children():
        yield from _own_parts(child)
    if isinstance(node, t.Lookup | t.Pool):
        # A key that is unknown comes before the table that has no row for it, an own figure before the pool.
        yield node


def causes_in(nodes: Iterable[t.Expr], rulebook: t.Rulebook) -> list[tuple[str, t.Expr]]:
    """Return the (path, leaf) of every figure that formulas read, in reading order."""
    found: list[tuple[str, t.Expr]] = []
    for node in nodes:
        for part in _own_parts(node):
            match part:
                case t.MeasureRef(name=name):
                    measure = rulebook.measures[name]
                    if isinstance(measure, t.FormulaMeasure):
                        found.extend(causes_in([measure.expr], rulebook))
                    found.append((f"measures.{name}", part))
                case t.LineRef(name=name):
                    found.append((f"lines.{name}", part))
                case t.InputRef(name=name):
                    found.append((f"inputs.{name}", part))
                case t.SubjectValue(column=column):
                    found.append((f"subject.{column}", part))
                case t.OverInstances() | t.Previous() | t.Streak() | t.Times():
                    found.append((f"past.{part.line}", part))
                case t.Balance(ledger=name) | t.LotFigure(ledger=name):
                    found.append((f"ledgers.{name}", part))
                case t.State(name=name):
                    found.append((f"state.{name}", part))
                case t.Pool(among=group):
                    found.append((f"pool.{group}", part))
                case t.Lookup():
                    found.append((f"tables.{part.table.split('@', maxsplit=1)[0]}", part))
                case _:
                    continue
    return found


def undefined_in(nodes: Iterable[t.Expr]) -> str:
    """Return why a formula is unknown of which every figure read is known: the others', or a quotient."""
    parts = (part for node in nodes for part in t.walk(node))
    return next((f"members.{part.among}" for part in parts if isinstance(part, t.Group)), "undefined")


def settled(value: Num, unit: units.Unit) -> Num:
    """Return a line's value as it is kept: money to the fen, everything else at 12 places at most.

    Rounding: half away from zero, once, after least and most.
    """
    target = FEN if unit == units.MONEY else FINEST
    if (value.scale / target).denominator == 1 and unit != units.MONEY:
        return value
    return n.rounded(value, target)


def leaf_key(node: t.Expr) -> str:
    """Return the name under which a joined leaf is kept."""
    match node:
        case t.OverInstances():
            return f"{node.how} of {node.line} over {node.every}"
        case t.Previous():
            return f"previous {node.line} {node.back} {id_of(node.otherwise)}"
        case t.Streak():
            return f"streak {node.line}{_anew(node)}"
        case t.Times():
            return f"times {node.line} {node.last}{_anew(node)}"
        case t.State():
            return f"state {node.name}"
        case t.Balance():
            return f"balance {node.ledger}"
        case t.LotFigure():
            return f"lots {node.ledger}.{node.what}"
        case t.Pool():
            return f"pool {node.place.line}:{node.place.column}"
        case _:
            raise TypeError(type(node).__name__)


def _anew(node: t.Streak | t.Times) -> str:
    after = (*node.states, *(f"decision {name}" for name in node.decisions))
    return f" after {', '.join(after)}" if after else ""


def id_of(node: t.Expr | None) -> str:
    """Return a name for a fallback expression, by its place."""
    return f"{node.place.line}:{node.place.column}" if node is not None else ""


def plain(value: Compiled) -> Compiled:
    """Return a value as the plain column that it is once the card has been kept."""
    match value:
        case Num():
            return Num(value.sql, value.scale, value.low, value.high, 0)
        case Pair():
            dividend, divisor = plain(value.dividend), plain(value.divisor)
            if not isinstance(dividend, Num) or not isinstance(divisor, Num):
                raise TypeError("pair")
            return Pair(dividend, divisor)
        case Bool():
            return Bool(value.sql, 0)
        case Word():
            return Word(value.sql, 0)
        case Day():
            return Day(value.sql, 0)


def _aliased(table: exp.Expr, alias: str) -> exp.Expr:
    if isinstance(table, exp.Subquery):
        return exp.Subquery(this=table.this, alias=exp.TableAlias(this=exp.to_identifier(alias)))
    return exp.alias_(table, alias, table=True)
