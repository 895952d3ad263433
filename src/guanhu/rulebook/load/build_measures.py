"""Building measures: rows of fact, formulas of other measures, supplied figures; `like` narrows one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from guanhu.kinds.catalogue import KINDS
from guanhu.kinds.schema import Dated, Kind
from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.credit_day import both_days, credit_day
from guanhu.rulebook.load.fields import COMMON, Reader
from guanhu.rulebook.load.formula import Raw
from guanhu.rulebook.load.proof_marks import range_of
from guanhu.rulebook.load.refusals import Silent, TypeProblem, each_of
from guanhu.rulebook.load.rounding import rounding_of
from guanhu.rulebook.load.scope import LineScope, RowScope
from guanhu.rulebook.load.takes import (
    check_days_held,
    refuse_base as refuse_base_of_days,
    take_of,
    with_condition,
)
from guanhu.rulebook.load.text import Fields, Text, Tree
from guanhu.rulebook.load.typing import Typer, as_number
from guanhu.rulebook.windows import Window, window_of
from guanhu.values import units
from guanhu.values.problem import Place
from guanhu.values.units import Unit, is_choice, product_of, unit_named

_KNOWN = (
    "from",
    "where",
    "each",
    "take",
    "over",
    "prices_at",
    "credit",
    "credit_at",
    "per",
    "book",
    "role",
    "round",
    "like",
    "is",
    "item",
    "scope",
    "unit",
    "undefined",
    "better",
    "range",
    "by_days",
)
CREDITS = ("share", "lead only", "each in full", "institution", "person")
_PRICES = ("each day", "row's day", "window end", "evaluation end")


def build_measure(builder: Builder, name: str) -> t.AnyMeasure:
    """Return the measure `name`, of the rulebook or of the library."""
    own = name in builder.raw["measures"]
    tree = builder.raw["measures"][name] if own else builder.library[name]
    tree = _with_like(builder, name, tree)
    reader = Reader(tree, f"measures.{name}", (*COMMON, *_KNOWN), builder.problems)
    if reader.has("is"):
        return _formula(builder, reader, name, own=own)
    if reader.has("item"):
        return _figure(builder, reader, name, own=own)
    if not reader.has("from"):
        reader.add(
            "RUL056",
            reader.place,
            f"{reader.label} 要有 from(从事实汇总)、is(由别的指标算)或 item(银行提供)之一",
            f"{reader.label} needs from (rows of fact), is (a formula) or item (supplied by the bank)",
        )
        raise Silent(name)
    return _Rows(builder, reader, name).build()


def _with_like(builder: Builder, name: str, tree: Tree) -> Tree:
    """Return the declaration with the fields of the one it is `like`, its own fields winning."""
    seen = {name}
    fields = dict(tree.fields) if isinstance(tree, Fields) else {}
    while "like" in fields:
        place, target = fields.pop("like")
        other = target.text if isinstance(target, Text) else ""
        parent = builder.raw["measures"].get(other) or builder.library.get(other)
        if not isinstance(parent, Fields) or other in seen:
            raise TypeProblem(
                "RUL057",
                place,
                f"like 指向的 {other} 不存在或绕回自己",
                f"like names {other}, which does not exist or comes back to itself",
            )
        seen.add(other)
        inherited = {
            k: v
            for k, v in parent.fields.items()
            if k not in fields and k not in ("name", "doubt", "assume", "accept")
        }
        if "where" in fields and "where" in parent.fields:
            fields["where"] = _both(fields["where"], parent.fields["where"])
        fields.update(inherited)
    return Fields(fields, tree.place)


def _both(own: tuple[Place, Tree], inherited: tuple[Place, Tree]) -> tuple[Place, Tree]:
    if isinstance(own[1], Text) and isinstance(inherited[1], Text):
        text = f"({own[1].text}) and ({inherited[1].text})"
        # The column stays that of the narrower's own text, shifted by the bracket before it.
        place = replace(own[1].place, column=max(own[1].place.column - 1, 1))
        return own[0], Text(text, place, quoted=True)
    return own


def _unit_of(reader: Reader, default: Unit) -> Unit:
    text = reader.text("unit")
    if not text:
        return default
    found = unit_named(text)
    if found is None:
        reader.add("RUL048", reader.place_of("unit"), f"不认识单位 {text}", f"{text} is not a unit")
    return found or default


def _proof_marks(reader: Reader) -> dict[str, Any]:
    better = reader.one_of("better", ("more", "less", ""), "")
    low, high = range_of(reader)
    return {"better": better, "low": low, "high": high}


def _formula(builder: Builder, reader: Reader, name: str, *, own: bool) -> t.FormulaMeasure:
    node = reader.formula("is")
    if node is None:
        raise Silent(name)
    typer = Typer(builder, LineScope())
    expr = typer.expr(node)
    typer.need_scalar(expr)
    for part in t.walk(expr):
        if isinstance(part, t.LineRef | t.Group | t.Pool | t.OverInstances | t.Previous | t.Streak | t.Times):
            raise TypeProblem(
                "RUL058",
                part.place,
                f"指标 {name} 只能由别的指标算出, 不能读行",
                f"measure {name} may read other measures, not lines",
                "把它写成一行(value)",
                "write it as a line (value)",
            )
    if reader.has("undefined"):
        expr = _with_undefined(builder, reader, expr)
    unit = _unit_of(reader, expr.unit)
    common = builder.common(reader, name, "measures", clause=own)
    return t.FormulaMeasure(expr=expr, unit=unit, **_proof_marks(reader), **common)


def _with_undefined(builder: Builder, reader: Reader, expr: t.Expr) -> t.Expr:
    node = reader.formula("undefined")
    if node is None or not isinstance(expr, t.Quotient):
        reader.add(
            "RUL059",
            reader.place_of("undefined"),
            "undefined 只用于整个公式是一个除法、增长率或完成率时",
            "undefined belongs to a formula that is one division, growth or completion",
        )
        return expr
    return replace(
        expr, undefined=as_number(Typer(builder, LineScope()).number(node, expr.unit, "undefined"))
    )


def _figure(builder: Builder, reader: Reader, name: str, *, own: bool) -> t.FigureMeasure:
    scope = reader.one_of("scope", ("person", "institution", "team", "bank"), "person")
    window, _ = _window(reader)
    common = builder.common(reader, name, "measures", clause=own)
    return t.FigureMeasure(
        item=reader.required("item"),
        scope=scope,
        unit=_unit_of(reader, units.NUMBER),
        window=window,
        by_days=reader.yes("by_days"),
        **_proof_marks(reader),
        **common,
    )


def _window(reader: Reader) -> tuple[Window, bool]:
    text = reader.text("over", "period")
    base = text.startswith("base of ")
    window = window_of(text.removeprefix("base of "))
    if window is None:
        reader.add(
            "RUL044",
            reader.place_of("over"),
            f"看不懂时间窗 {text}",
            f"the window {text} is not one",
            "例如 period、last year、last year end、to date、last 3 months、base of last year",
            "such as period, last year, last year end, to date, last 3 months, base of last year",
        )
        window = Window("period")
    return window, base


def refuse_base(reader: Reader, kind: Kind) -> None:
    """Refuse a moving baseline of dated rows: a row of last year has no holder in this one."""
    reader.add(
        "RUL073",
        reader.place_of("over"),
        f"{kind.zh}是逐笔发生的, 不能作移动基数",
        f"{kind.name} happen on a day and cannot be a moving baseline",
        "去掉 base of, 用 last year 或 same period last year(按当时的管户)",
        "drop `base of`: last year's rows go to those in charge then",
    )


def rewindowed(
    builder: Builder, measure: t.AnyMeasure, full: str, window: Window, base: bool, place: Place
) -> t.AnyMeasure:
    """Return the measure in another window; a formula re-windows every measure that it reads."""
    if isinstance(measure, t.FormulaMeasure):
        words = full.removeprefix(f"{measure.id} over ")
        return replace(
            measure,
            id=full,
            path=f"{measure.path}@{words}",
            expr=_rewindowed_expr(builder, measure.expr, words, place),
        )
    changed = {
        "id": full,
        "path": f"{measure.path}@{full.removeprefix(measure.id).strip()}",
        "window": window,
    }
    if isinstance(measure, t.Measure):
        if base and measure.kind.dated is not Dated.CHANGE:
            raise TypeProblem(
                "RUL073",
                place,
                f"{measure.kind.zh}是逐笔发生的, 不能作移动基数",
                f"{measure.kind.name} happen on a day and cannot be a moving baseline",
                "去掉 base of",
                "drop `base of`",
            )
        if base:
            refuse_base_of_days(measure.take, place)
        if base and measure.credit_at:
            raise TypeProblem(*both_days(measure.credit_at, place))
        return replace(measure, base=base, **changed)  # type: ignore[arg-type]
    return replace(measure, **changed)  # type: ignore[arg-type]


def _rewindowed_expr(builder: Builder, expr: t.Expr, words: str, place: Place) -> t.Expr:
    if isinstance(expr, t.MeasureRef):
        read = builder.measure(expr.name, place)
        if not isinstance(read, t.FormulaMeasure) and not read.window.is_own:
            # In one window both would be the same figure: a growth would be 0, silently.
            raise TypeProblem(
                "RUL044",
                place,
                f"{expr.name} 已有自己的时间窗, 读它的指标不能整个换到 {words}",
                f"{expr.name} has a window of its own; what reads it cannot be put into {words}",
                "另写一个指标, 两边各写明时间窗",
                "write a measure of its own and say the window of each side",
            )
        return builder.windowed(expr.name, words, LineScope(), place)
    changes: dict[str, object] = {}
    for item in expr.__dataclass_fields__:
        value = getattr(expr, item)
        if isinstance(value, t.Node):
            changes[item] = _rewindowed_expr(builder, value, words, place)  # type: ignore[arg-type]
        elif isinstance(value, tuple) and value and all(isinstance(v, t.Node) for v in value):
            changes[item] = tuple(_rewindowed_expr(builder, v, words, place) for v in value)
    return replace(expr, **changes)  # type: ignore[arg-type]


class _Rows:
    """Builds a measure of rows of fact."""

    def __init__(self, builder: Builder, reader: Reader, name: str) -> None:
        self.builder = builder
        self.reader = reader
        self.name = name
        self.kind = self.kind_of()
        self.typer = Typer(builder, RowScope(self.kind))

    def kind_of(self) -> Kind:
        text = self.reader.text("from")
        found = KINDS.get(text) or self.builder.events.get(text)
        if found is None:
            known = "、".join([*KINDS, *self.builder.events])
            self.reader.add(
                "RUL060",
                self.reader.place_of("from"),
                f"没有叫 {text} 的事实",
                f"no kind of fact is called {text}",
                f"可写: {known}",
                f"known: {known}",
            )
            raise Silent(self.name)
        return found

    def build(self) -> t.Measure:
        reader, kind = self.reader, self.kind
        where_node = reader.formula("where") if reader.has("where") else None
        each_node = reader.formula("each") if reader.has("each") else None
        where, each = self.formulas(where_node, each_node)
        take = take_of(reader, kind, self.name)
        each = self.default_each(each, take)
        take = with_condition(self.builder, reader, take, each.unit if each is not None else units.COUNT)
        window, base = _window(reader)
        if base and kind.dated is not Dated.CHANGE:
            refuse_base(reader, kind)
        elif base:
            refuse_base_of_days(take, reader.place_of("over"))
        unit = _unit_of(reader, self.unit_of(take, each))
        credit = reader.one_of(
            "credit",
            CREDITS,
            "person" if "person_id" in [c.name for c in kind.columns] and kind.declared else "share",
        )
        check_days_held(reader, take, reader.text("per"), credit)
        each_day = kind.dated is Dated.CHANGE
        round_to, round_per = rounding_of(reader, take)
        common = self.builder.common(
            reader, self.name, "measures", clause=self.name in self.builder.raw["measures"]
        )
        return t.Measure(
            kind=kind,
            where=where,
            each=each,
            take=take,
            window=window,
            base=base,
            unit=unit,
            credit=credit,
            credit_at=credit_day(reader, kind, credit, base=base),
            prices_at=reader.one_of("prices_at", _PRICES, "each day" if each_day else "row's day"),
            per=reader.one_of("per", ("", "account", "customer", "loan"), ""),
            book=reader.text("book"),
            role=reader.text("role"),
            round_to=round_to,
            round_per=round_per,
            **_proof_marks(reader),
            **common,
        )

    def formulas(self, where: Raw | None, each: Raw | None) -> tuple[t.Expr | None, t.Expr | None]:
        """Return the condition and the formula of a row; where they fail, what else is wrong is told with them."""
        makes: list[Callable[[], t.Expr | None]] = [
            lambda: self.typer.condition(where) if where is not None else None,
            lambda: as_number(self.typer.expr(each)) if each is not None else None,
        ]
        try:
            found = each_of(*makes)
        except (TypeProblem, Silent):
            _window(self.reader)
            _unit_of(self.reader, units.NUMBER)
            self.reader.one_of("credit", CREDITS, CREDITS[0])
            take_of(self.reader, self.kind, self.name)
            raise
        return found[0], found[1]

    def default_each(self, each: t.Expr | None, take: t.Take) -> t.Expr | None:
        if each is not None or take.how in ("count", "distinct"):
            return each
        if self.kind.column("balance") is not None:
            return t.RowValue(table="", column="balance", unit=units.MONEY, place=self.reader.place)
        if self.kind.column("amount") is not None:
            return t.RowValue(table="", column="amount", unit=units.MONEY, place=self.reader.place)
        self.reader.missing("each")
        raise Silent(self.name)

    def unit_of(self, take: t.Take, each: t.Expr | None) -> Unit:
        if take.how in ("count", "distinct"):
            return units.COUNT if each is None else each.unit
        unit = each.unit if each is not None else units.COUNT
        if is_choice(unit):
            raise TypeProblem(
                "RUL034", self.reader.place, f"{unit} 不能汇总", f"{unit} cannot be taken together"
            )
        if take.how in ("days", "longest run"):
            return units.DAYS
        if take.how == "balance days":
            return product_of(unit, units.DAYS) or unit
        return unit
