"""Formulas too wide for the engine: the evaluator computes them for the rows of a card, and the card gains the result.

    what the formula reads, as columns of the card ──► Fractions, row by row ──► a column of whole numbers

Nothing is meant here: formulas, bounds, days and rounding are those of `rulebook.explain`. What the formula would have
been in SQL tells only what kind of figure it is and at which scale, so that a run's digest does not depend on who computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.lines import FEN, FINEST, Card, causes_in, undefined_in
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.line import Share, is_held, line_figure, points_of_spells, sum_of_spells
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.values import Traced, Unknown, Value
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Bool, Compiled, Day, Num, Pair, TooWide, Word
from guanhu.rulebook.run.scalar import Compiler
from guanhu.rulebook.run.sheet import Sheet
from guanhu.rulebook.run.template import table_named
from guanhu.values import units
from guanhu.values.exact import invariant, round_half_away
from guanhu.values.problem import Place, Problem

LEAVES = (
    t.MeasureRef,
    t.LineRef,
    t.InputRef,
    t.SubjectValue,
    t.InstanceValue,
    t.Group,
    t.Streak,
    t.Times,
    t.OverInstances,
    t.Previous,
    t.State,
    t.Balance,
    t.LotFigure,
    t.Pool,
)
NOTHING = Unknown("", "absent")
"""What a column without a value means: its cause is told by `causes_in`."""
UNDEFINED = Unknown("undefined", "undefined")
"""What a quotient kept as two columns means where its divisor is 0: both figures are there, so it is no cause."""


def add_wide_line(card: Card, line: t.Line) -> None:
    """Give a card a line that is too wide for the engine, with its cause where it is unknown.

    In spells a line that adds up has `<line>~paid` beside it: what the spells of each subject come to.

    Errors:   raises TooWide when the line itself does not fit.
    """
    reading = Reading(card, line.formulas)
    meaning = reading.meaning(line.value)
    by_days = card.group.spells and line.adds_up
    days = card.instance.days.days
    rows = reading.rows()
    figures: list[tuple[Traced, Value]] = []
    for row in rows:
        part = Fraction(row.spell_days, days) if by_days else Fraction(1)
        figures.append(line_figure(line, evaluate(line.value, row), row, Share(part, days)))
    kept = [traced.value for traced, _ in figures]
    if isinstance(meaning, Num):
        meaning = replace(meaning, scale=_scale(line, meaning, reading))
    columns = [Column(line.id, meaning, kept), _causes(card, line.id, line.formulas, rows, kept)]
    bounded = line.least is not None or line.most is not None
    if by_days and (not line.sums_lines or bounded):
        exact = [value for _, value in figures]
        paid = _by_subject(rows, exact, lambda own: sum_of_spells((x for x, _ in own), line.unit))
        columns.append(Column(f"{line.id}~paid", meaning, paid))
        if line.sums_lines:
            held: list[Value] = [is_held(traced) for traced, _ in figures]
            columns.append(Column(f"{line.id}~held", Bool(exp.Null()), held))
    _keep(card, line.id, rows, columns)


def add_wide_condition(card: Card, name: str, when: t.Expr) -> None:
    """Give a card a check or decision whose condition is too wide for the engine, with its cause where it is unknown."""
    rows = Reading(card, [when]).rows()
    values = [evaluate(when, row).value for row in rows]
    _keep(
        card, name, rows, [Column(name, Bool(exp.Null()), values), _causes(card, name, [when], rows, values)]
    )


def add_wide_answer(card: Card, name: str, formula: t.Expr, *, is_money: bool) -> None:
    """Give a card what a formula comes to that is too wide for the engine: a condition, or an amount in whole fen.

    Errors:   raises TooWide when an amount itself does not fit.
    """
    rows = Reading(card, [formula]).rows()
    values = [evaluate(formula, row).value for row in rows]
    if is_money:
        values = [round_half_away(x, 2) if isinstance(x, Fraction) else x for x in values]
    meaning = Num(exp.Null(), FEN, 0, 1) if is_money else Bool(exp.Null())
    _keep(card, name, rows, [Column(name, meaning, values)])


def add_wide_cause(card: Card, name: str, roots: Sequence[t.Expr]) -> None:
    """Give a card the causes of a line that the engine has computed, where to tell them is too wide for it."""
    reading = Reading(card, roots, card.lines[name])
    rows = reading.rows()
    values = [row.values[-1] for row in rows]
    _joined(card, rows, [_causes(card, name, roots, rows, values)])


def wide_whole(card: Card, line: t.Line, value: Num) -> Num:
    """Return what the spells of a line come to, as a column of the card, where their sum is too wide for the engine.

    Errors:   raises TooWide when what they come to does not fit.
    """
    adds_up = line.adds_up
    rows = _fetched(card, [card.lines[f"{line.id}~raw"] if adds_up else value])
    figures = [row.values[0] for row in rows]
    whole = _by_subject(
        rows,
        figures,
        lambda own: sum_of_spells((x for x, _ in own), line.unit) if adds_up else points_of_spells(own),
    )
    meaning = Num(exp.Null(), FEN if line.unit == units.MONEY else FINEST, 0, 1)
    name = f"{line.id}~paid/{card.flushes}"
    found = _joined(card, rows, [Column(name, meaning, whole)])[name]
    card.evaluated[line.id] = len(rows)
    if not isinstance(found, Num):
        raise TypeError(line.id)
    return found


def too_wide(line: t.Declaration) -> Problem:
    """Return why a run is refused: a figure that neither the engine nor a column can hold."""
    return Problem(
        "RUN021",
        line.place,
        f"{line.title} 的中间数超过 126 位二进制, 不能保证精确",
        f"a figure inside {line.id} needs more than 126 bits",
        "在公式里先用 round(…, 位数) 取整平均数或比率",
        "round an average or ratio first with round(…, places)",
        clause=line.clause,
    )


def too_wide_in(instance: Instance, rulebook: t.Rulebook) -> Problem:
    """Return why a run is refused where no declaration can be named: what earlier instances come to, for one."""
    return Problem(
        "RUN021",
        Place(rulebook.id),
        f"{instance.key}: 有一个读入的数(以前各期的数及 previous 的后备值、期初数等)超过 126 位二进制, 不能保证精确",
        f"{instance.key}: a figure that is read in (of earlier instances or what stands instead, of the opening state …) needs more than 126 bits",
        "检查期初数、以前各期的结果和 previous(…, 后备值) 是否大得或细得不合情理",
        "look whether the opening state, earlier results or previous(…, instead) are large or fine beyond all reason",
    )


@dataclass(frozen=True, slots=True)
class Column:
    """A column to be: its name, what kind of figure it holds and at which scale, and a value for each row."""

    name: str
    meaning: Compiled
    values: Sequence[Value]


class Row:
    """A row of a card, as the evaluator finds the leaves of formulas in it."""

    def __init__(
        self, key: tuple[int, int], spell_days: int, values: list[Value], reading: Reading | None
    ) -> None:
        """Take the figures that were read for it."""
        self.key, self.spell_days, self.values, self.reading = key, spell_days, values, reading
        self.formulas: dict[str, Traced] = {}

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table and its rows in force."""
        return self._reading().table_rows(name)

    def leaf(self, node: t.Expr) -> Traced:
        """Return the value of a leaf; of a measure that is itself too wide, its formula's."""
        reading = self._reading()
        place = reading.places.get(id(node))
        if place is not None:
            return Traced(node, self.values[place])
        measure = reading.formula(node)
        if measure.id not in self.formulas:
            self.formulas[measure.id] = evaluate(measure.expr, self)
        return self.formulas[measure.id]

    def _reading(self) -> Reading:
        if self.reading is None:
            raise TypeError("a row without formulas")
        return self.reading


class Reading:
    """What formulas read, as columns of a card."""

    def __init__(self, card: Card, roots: Iterable[t.Expr], *more: Compiled) -> None:
        """Bring the leaves of formulas onto the card, and more columns after them."""
        self.card = card
        self.sheet = Sheet(table_named(card.table), "_w")
        self.measured: dict[t.Expr, Compiled] = {}
        self.places: dict[int, int] = {}
        self.leaves: list[Compiled] = []
        self._by_node: dict[t.Expr, int] = {}
        self._formulas: set[str] = set()
        given = list(roots)
        for root in [*given, *(node for _, node in causes_in(given, card.rulebook))]:
            self._bring(root)
        self.leaves += more
        card.flush()

    def _bring(self, node: t.Expr) -> None:
        if isinstance(node, LEAVES):
            self._bring_leaf(node)
            return
        if isinstance(node, t.Lookup):
            table, rows = self.card.table_rows(node.table)
            for given in [*(row.gives for row in rows), table.no_row or ()]:
                for give in given:
                    self._bring(give)
        for child in node.children():
            self._bring(child)

    def _bring_leaf(self, node: t.Expr) -> None:
        if node not in self._by_node:
            try:
                found = self.card.compiler.compile(node)
            except TooWide:
                if isinstance(node, t.Group):
                    found = self._gathered(node)
                else:
                    self._bring_formula(node)
                    return
            self._by_node[node] = len(self.leaves)
            self.leaves.append(found)
        self.places[id(node)] = self._by_node[node]

    def _gathered(self, node: t.Group) -> Compiled:
        """Return a figure of others where what is gathered is too wide: the evaluator computes it for each of them."""
        card = self.card
        other = card if node.among == card.group.id else card.others[node.among]
        with other.gathered(node):
            part = Reading(other, [node.of])
            rows, meaning = part.rows(), part.meaning(node.of)
            values = [evaluate(node.of, row).value for row in rows]
            if node.how == "rank":
                meaning, values = Num(exp.Null(), Fraction(1), 0, 1), _places(values)
            column = Column(f"_wide{other.flushes}", meaning, values)
            other.measured[node.of] = _joined(other, rows, [column])[column.name]
        return card.compiler.compile(node)

    def _bring_formula(self, node: t.Expr) -> None:
        measure = self.formula(node)
        if measure.id not in self._formulas:
            self._formulas.add(measure.id)
            self._bring(measure.expr)

    def formula(self, node: t.Expr) -> t.FormulaMeasure:
        """Return the measure that a leaf names, one made of others.

        Errors:   raises TooWide for any other leaf: what it stands for cannot be made smaller here.
        """
        measure = self.card.rulebook.measures.get(node.name) if isinstance(node, t.MeasureRef) else None
        if not isinstance(measure, t.FormulaMeasure):
            raise TooWide(type(node).__name__)
        return measure

    def rows(self) -> list[Row]:
        """Return the rows of the card, in order."""
        return _fetched(self.card, self.leaves, self)

    # -- what the formula would be in SQL --

    def meaning(self, node: t.Expr) -> Compiled:
        """Return what an expression would be were there no limit: its kind and scale, nothing to run."""
        with n.any_width():
            return Compiler(self).unbound(node)

    def leaf(self, node: t.Expr) -> Compiled:
        """Return a leaf's column, or the formula of a measure that is itself too wide."""
        place = self._by_node.get(node)
        return self.leaves[place] if place is not None else Compiler(self).compile(self.formula(node).expr)

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table and its rows in force."""
        return self.card.table_rows(name)


def _scale(line: t.Line, value: Num, reading: Reading) -> Fraction:
    """Return the scale at which a line is kept, as `lines.settled` would."""
    if line.unit == units.MONEY:
        return FEN
    scale = value.scale
    for node in (line.least, line.most):
        limit = reading.meaning(node) if node is not None else None
        if isinstance(limit, Num):
            scale = n.common_scale(scale, limit.scale)
    if line.for_days:
        scale *= n.constant(Fraction(reading.card.instance.days.days, line.for_days)).scale
    return scale if (scale / FINEST).denominator == 1 else FINEST


def _places(values: Sequence[Value]) -> list[Value]:
    """Return in place of each value its place among all of them: of a rank nothing but the order matters.

    >>> _places([Fraction(7, 3), NOTHING, Fraction(-1), Fraction(7, 3)])[0] == Fraction(1)
    True
    """
    order = sorted({value for value in values if isinstance(value, Fraction)})
    places: dict[Value, Value] = {value: Fraction(place) for place, value in enumerate(order)}
    return [places.get(value, NOTHING) for value in values]


def _columns(found: Compiled) -> list[exp.Expr]:
    return [found.dividend.sql, found.divisor.sql] if isinstance(found, Pair) else [found.sql]


def _value(found: Compiled, cells: Sequence[object]) -> Value:
    """Return the figure that the cells of a compiled one hold."""
    if any(cell is None for cell in cells):
        return NOTHING
    match found:
        case Num():
            return int(str(cells[0])) * found.scale
        case Pair():
            divisor = int(str(cells[1])) * found.divisor.scale
            return int(str(cells[0])) * found.dividend.scale / divisor if divisor else UNDEFINED
        case Bool():
            return bool(cells[0])
        case Day():
            return date.fromisoformat(str(cells[0])[:10])
        case Word():
            return str(cells[0])


def _fetched(card: Card, figures: Sequence[Compiled], reading: Reading | None = None) -> list[Row]:
    """Return the rows of a card that stands as a table, each with the values of some figures."""
    cells = [_columns(found) for found in figures]
    columns = [exp.alias_(sql, f"c{i}") for i, sql in enumerate(sql for own in cells for sql in own)]
    query = exp.select("subject_no", "spell_no", "spell_days", *columns).from_(
        table_named(card.table), copy=False
    )
    rows: list[Row] = []
    for subject_no, spell_no, spell_days, *given in card.engine.rows(
        query.order_by("subject_no", "spell_no")
    ):
        rest = iter(given)
        values = [_value(found, [next(rest) for _ in own]) for found, own in zip(figures, cells, strict=True)]
        rows.append(Row((int(subject_no), int(spell_no)), int(spell_days), values, reading))
    return rows


def _causes(
    card: Card, name: str, roots: Sequence[t.Expr], rows: Sequence[Row], values: Sequence[Value]
) -> Column:
    """Return, for each row without a value, the path of the first figure read that is unknown."""
    paths: dict[str, t.Expr] = {}
    for label, node in causes_in(roots, card.rulebook):
        paths.setdefault(label, node)
    found: list[Value] = []
    for row, value in zip(rows, values, strict=True):
        if not isinstance(value, Unknown):
            found.append(NOTHING)
            continue
        found.append(
            next((path for path, node in paths.items() if _is_cause(node, row)), undefined_in(roots))
        )
    return Column(f"{name}~cause", Word(exp.Null()), found)


def _is_cause(node: t.Expr, row: Row) -> bool:
    value = evaluate(node, row).value
    return isinstance(value, Unknown) and not (isinstance(node, LEAVES) and value == UNDEFINED)


def _by_subject(
    rows: Sequence[Row], values: Sequence[Value], rule: Callable[[list[tuple[Value, int]]], Value]
) -> list[Value]:
    """Return for each row what all values of its subject, each with the days of its spell, come to."""
    own: dict[int, list[tuple[Value, int]]] = {}
    for row, value in zip(rows, values, strict=True):
        own.setdefault(row.key[0], []).append((value, row.spell_days))
    whole = {subject: rule(found) for subject, found in own.items()}
    return [whole[row.key[0]] for row in rows]


def _keep(card: Card, name: str, rows: Sequence[Row], columns: Sequence[Column]) -> None:
    """Give a card the columns of a line or condition, and note that the evaluator computed them."""
    for key, found in _joined(card, rows, columns).items():
        if key != f"{name}~cause":
            card.lines[key] = found
    card.kept.append(name)
    card.evaluated[name] = len(rows)


def _joined(card: Card, rows: Sequence[Row], columns: Sequence[Column]) -> dict[str, Compiled]:
    """Give a card columns of values and return what they mean, with the bounds that the values prove."""
    found: dict[str, Compiled] = {}
    cells: list[list[object]] = []
    for column in columns:
        found[column.name], given = _cells(column)
        cells.append(given)
    card.flushes += 1
    table = f"{card.name}/{card.flushes}"
    types = [(column.name, _type(column.meaning)) for column in columns]
    loaded = [(*row.key, *own) for row, *own in zip(rows, *cells, strict=True)]
    card.engine.load(f"{table}/wide", [("subject_no", "BIGINT"), ("spell_no", "BIGINT"), *types], loaded)
    names = [exp.column(column.name, table="j", quoted=True) for column in columns]
    query = (
        exp.select(exp.column(exp.Star(), table="s"), *names)
        .from_(exp.alias_(table_named(card.table), "s", table=True), copy=False)
        .join(
            exp.alias_(table_named(f"{table}/wide"), "j", table=True),
            on="j.subject_no = s.subject_no AND j.spell_no = s.spell_no",
            join_type="left",
            copy=False,
        )
    )
    card.engine.create(table, query)
    card.stand_on(table)
    return found


def _cells(column: Column) -> tuple[Compiled, list[object]]:
    """Return what a column means, and its cells: of a figure its whole numbers."""
    known = exp.column(column.name, quoted=True)
    if isinstance(column.meaning, Num):
        scale = column.meaning.scale
        wholes = [value / scale if isinstance(value, Fraction) else None for value in column.values]
        invariant(all(x is None or x.denominator == 1 for x in wholes), "INV-E1", f"{column.name} at {scale}")
        numbers = [None if x is None else x.numerator for x in wholes]
        low, high = min([0, *(x for x in numbers if x)]), max([1, *(x for x in numbers if x)])
        if max(-low, high) >= n.WIDE:
            raise TooWide(column.name)
        return Num(known, scale, low, high), list(numbers)
    if isinstance(column.meaning, Pair):
        raise TypeError(column.name)
    cells = [None if isinstance(value, Unknown) else value for value in column.values]
    return replace(column.meaning, sql=known, level=0), list(cells)


def _type(meaning: Compiled) -> str:
    match meaning:
        case Bool():
            return "BOOLEAN"
        case Day():
            return "DATE"
        case Word():
            return "VARCHAR"
    return "HUGEINT"
