"""`rerates`: lots that are granted at a tier foreseen, and rated again at the tier really reached.

  逐笔:
    defers: 提成                      # 提成 prices each row at the tier foreseen
    per: row
    release: after 12 months
    rerates: year                    # month, quarter, half or year: in its last instance
    at:                              # read from the top; the conditions are those of that instance
      - {when: 完成率 >= 120%, line: 提成三档}
      - {when: 完成率 < 100%, line: 提成一档}
      - {otherwise: 提成}
    more: with its lot               # or: at once

Each tier is a line of its own, of a measure that is the deferred one but for `each`: the same rows, looked up at that
tier. So what a row is at each tier is a figure that is printed, explained and kept like any other.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.lot_per_row import measure_of_rows
from guanhu.rulebook.load.refusals import Silent
from guanhu.rulebook.load.text import Items, Text
from guanhu.rulebook.load.typing import Typer
from guanhu.rulebook.shape import shape
from guanhu.values import units
from guanhu.values.dates import MONTHS_OF
from guanhu.values.problem import Place

_ITEM = ("when", "line", "otherwise", "clause", "note")


def rerating(builder: Builder, reader: Reader, typer: Typer, every: str) -> t.Rerating | None:
    """Return by what lots are rated again; None where they never are. What lines they are is checked later.

    Errors:   RUL133 `at` or `more` without `rerates`, RUL137 the unit is no longer than the ledger's,
              RUL013 and RUL064 as in the cases of a line.
    """
    if not reader.has("rerates"):
        for key in ("at", "more"):
            if reader.has(key):
                reader.add(
                    "RUL133",
                    reader.place_of(key),
                    f"{reader.label} 的 {key} 和别的项矛盾",
                    f"{key} of {reader.label} contradicts another key",
                    f"{key} 要和 rerates 一起写",
                    f"{key} goes with rerates",
                )
        return None
    unit = reader.one_of("rerates", tuple(MONTHS_OF), "year")
    if MONTHS_OF[unit] <= MONTHS_OF[every]:
        reader.add(
            "RUL137",
            reader.place_of("rerates"),
            f"{reader.label} 按{every}记, rerates: {unit} 不比它长, 没有更早的笔可以重新定档",
            f"{reader.label} is kept every {every}; rerates: {unit} is not longer, so there is no earlier lot to rate again",
            "写比 every 长的 quarter、half 或 year",
            "write quarter, half or year, longer than `every`",
        )
    chosen, lines = _chosen(builder, reader, typer)
    at_once = reader.one_of("more", ("with its lot", "at once"), "with its lot") == "at once"
    return t.Rerating(unit, chosen, lines, at_once=at_once)


def of_the_same_rows(builder: Builder, reader: Reader, ledger: t.LotLedger) -> t.Rerating:
    """Return the re-rating with the measures of its lines, which have to be of the deferred one's rows.

    Errors:   RUL030 no such line, RUL138 a line of something else.
    """
    found = ledger.rerates
    if found is None:
        raise TypeError(ledger.id)
    place = reader.place_of("at")
    for name in found.lines:
        if name not in builder.raw["lines"]:
            reader.add("RUL030", place, f"没有叫 {name} 的行", f"no line is called {name}")
            raise Silent(ledger.id)
    lines = [builder.line(name, place) for name in found.lines]
    rows: list[str] = []
    for line in lines:
        if (line.group, line.every, line.unit) != (ledger.group, ledger.every, units.MONEY):
            _refuse(
                reader,
                f"{line.id} 是 {line.group} 按{line.every}算的 {line.unit}, 不是和 {ledger.defers} 同一组按同一周期算的金额",
                f"{line.id} is {line.unit} of {line.group} every {line.every}, not money of the same group and calendar as {ledger.defers}",
            )
            continue
        rows.append(measure_of_rows(builder, reader, line) if ledger.rows else "")
        if ledger.rows and _rows_of(builder, rows[-1]) != _rows_of(builder, ledger.rows):
            _refuse(
                reader,
                f"{line.id} 的指标 {rows[-1]} 和 {ledger.rows} 不是同一批笔",
                f"{rows[-1]}, the measure of {line.id}, is not of the same rows as {ledger.rows}",
            )
    return replace(found, rows=tuple(rows))


def _chosen(builder: Builder, reader: Reader, typer: Typer) -> tuple[t.Expr, tuple[str, ...]]:
    """Return the formula of the place of the chosen line, and the lines: first the deferred one."""
    lines = [reader.text("defers")]
    cases: list[t.Case] = []
    otherwise: t.Expr | None = None
    tree = reader.tree("at")
    items = tree.items if isinstance(tree, Items) else ()
    ended = False
    for item in items:
        inner = Reader(item, f"{reader.label}.at", _ITEM, builder.problems)
        if inner.has("otherwise"):
            ended = True
            name = inner.text("otherwise")
            if name not in ("unknown", "stop and list"):
                otherwise = _place(name, lines, inner.place)
            continue
        when = inner.formula("when") if inner.has("when") else None
        if when is None or not isinstance(inner.tree("line"), Text):
            if not inner.has("when") or not inner.has("line"):
                inner.add("RUL013", inner.place, "每个情形要有 when 和 line", "each case needs when and line")
            continue
        value = _place(inner.text("line"), lines, inner.place)
        condition = typer.condition(when)
        cases.append(t.Case(when=condition, value=value, clause=inner.text("clause"), place=inner.place))
    if not ended:
        reader.add(
            "RUL064",
            reader.place_of("at"),
            "at 的最后要有 otherwise",
            "the last of `at` has to be otherwise",
            "写 - otherwise: 行, 或 unknown",
            "write - otherwise: a line, or unknown",
        )
        raise Silent(reader.label)
    place = reader.place_of("at")
    return t.Cases(cases=tuple(cases), otherwise=otherwise, unit=units.NUMBER, place=place), tuple(lines)


def _place(name: str, lines: list[str], place: Place) -> t.Const:
    if name not in lines:
        lines.append(name)
    number = lines.index(name)
    return t.Const(value=Fraction(number), text=name, unit=units.NUMBER, place=place)


def _rows_of(builder: Builder, name: str) -> object:
    """Return what makes the rows of a measure: all of it but what a row counts."""
    measure = builder.measures[name]
    if not isinstance(measure, t.Measure):
        raise TypeError(name)
    said = (measure.where, measure.window, measure.credit, measure.credit_at, measure.role, measure.book)
    return measure.kind.name, shape(said)


def _refuse(reader: Reader, zh: str, en: str) -> None:
    reader.add(
        "RUL138",
        reader.place_of("at"),
        zh,
        en,
        "at 的每一行用和 defers 同样的笔, 只有指标的 each 不同: {like: 指标, each: …}",
        "each line of `at` is of the same rows as the deferred one, and only `each` of its measure differs: {like: MEASURE, each: …}",
    )


__all__ = ["of_the_same_rows", "rerating"]
