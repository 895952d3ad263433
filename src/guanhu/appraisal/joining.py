"""Figures joined to a card, one column each."""

from __future__ import annotations

from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.figure import Figure
from guanhu.appraisal.lines import Card
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Compiled, Pair
from guanhu.rulebook.run.template import filled, table_named

_OF_INSTITUTIONS = (
    "SELECT f.*, w.subject_id FROM figure AS f JOIN w_institution AS w ON w.subject_no = f.subject_no"
)


class Joiner:
    """Joins figures to a card, one column each, with the bounds that their data prove."""

    def __init__(self, engine: Engine, card: Card) -> None:
        """Take the card that gains the columns."""
        self.engine = engine
        self.card = card

    def join(self, joined: list[tuple[str, Figure, str]]) -> None:
        """Join figures, each with its measure's name and the way in which it is joined."""
        card = self.card
        query = exp.select(exp.column(exp.Star(), table="s")).from_(
            exp.alias_(table_named(card.table), "s", table=True), copy=False
        )
        for number, (name, figure, how) in enumerate(joined):
            alias = f"f{number}"
            columns = _value_columns(alias, name, figure)
            query = query.select(*columns, copy=False)
            if figure.table:
                source = _source(figure, how, alias)
                query = query.join(source, on=_condition(alias, figure, how), join_type="left", copy=False)
        card.flushes += 1
        table = f"{card.name}/{card.flushes}"
        self.engine.create(table, query)
        card.stand_on(table)
        bounds = self._bounds(table, joined)
        for name, figure, _ in joined:
            low, high = bounds.get(f"m:{name}", (0, 0))
            num = n.column(f"m:{name}", figure.scale, min(low, 0), max(high, 1))
            value: Compiled = num
            if figure.is_mean:
                below, above = bounds.get(f"n:{name}", (0, 0))
                value = Pair(num, n.column(f"n:{name}", Fraction(1), max(below, 0), max(above, 1)))
            card.leaves[f"measure:{name}"] = value

    def _bounds(self, table: str, joined: list[tuple[str, Figure, str]]) -> dict[str, tuple[int, int]]:
        names = [f"m:{name}" for name, _, _ in joined] + [
            f"n:{name}" for name, figure, _ in joined if figure.is_mean
        ]
        columns: list[exp.Expr] = []
        for name in names:
            column = exp.column(name, quoted=True)
            columns += [exp.Min(this=column), exp.Max(this=column.copy())]
        (row,) = self.engine.rows(exp.select(*columns).from_(table_named(table), copy=False))
        return {name: (int(row[2 * i] or 0), int(row[2 * i + 1] or 0)) for i, name in enumerate(names)}


def _source(figure: Figure, how: str, alias: str) -> exp.Expr:
    """Return a figure's rows as `alias`: an institution's computed figure with the id that cards know it by."""
    if how != "institution" or figure.table.startswith("supplied/"):
        return exp.alias_(table_named(figure.table), alias, table=True)
    return exp.Subquery(
        this=filled(_OF_INSTITUTIONS, figure=figure.table),
        alias=exp.TableAlias(this=exp.to_identifier(alias)),
    )


def _condition(alias: str, figure: Figure, how: str) -> exp.Expr:
    def same(left: str, right: str) -> exp.Expr:
        return exp.EQ(this=exp.column(left, table=alias), expression=exp.column(right, table="s"))

    match how:
        case "institution":
            return same("subject_id", "institution_id")
        case "team":
            return same("subject_id", "team_id")
        case "bank":
            return exp.EQ(this=exp.column("subject_id", table=alias), expression=exp.Literal.string("bank"))
        case "subject_id":
            return same("subject_id", "subject_id")
    condition = same("subject_no", "subject_no")
    return exp.And(this=condition, expression=same("spell_no", "spell_no")) if figure.by_spell else condition


def _value_columns(alias: str, name: str, figure: Figure) -> list[exp.Expr]:
    """Return the value column: 0 where there is no row, unknown where a row's figure was."""
    if not figure.table:
        return [
            exp.alias_(exp.Cast(this=exp.Null(), to=exp.DataType.build("BIGINT")), f"m:{name}", quoted=True)
        ]
    num: exp.Expr = exp.column("num", table=alias)
    if figure.by_days:
        num = exp.Mul(this=num, expression=exp.column("spell_days", table="s"))
    none = exp.Is(this=exp.column("bad", table=alias), expression=exp.Null())
    missing: exp.Expr = n.integer(0) if figure.empty_is_zero else exp.Null()
    bad = exp.GT(this=exp.column("bad", table=alias), expression=n.integer(0))
    columns: list[exp.Expr] = [
        exp.alias_(n.case([(none, missing), (bad, exp.Null())], num), f"m:{name}", quoted=True)
    ]
    if figure.is_mean:
        columns.append(exp.alias_(exp.column("den", table=alias), f"n:{name}", quoted=True))
    return columns
