"""Building tables and look-ups. A table is typed in the scope that uses it: a row of fact, or a subject."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from guanhu.rulebook import tree as t
from guanhu.rulebook.load import formula as raw
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.refusals import Silent, TypeProblem
from guanhu.rulebook.load.scope import RowScope, Scope
from guanhu.rulebook.load.table_file import rows_of_file
from guanhu.rulebook.load.tables import CellProblem, cell_of, overlap_of
from guanhu.rulebook.load.text import Fields, Items, Text, Tree
from guanhu.rulebook.load.typing import Typer, as_number
from guanhu.values import units
from guanhu.values.dates import date_of
from guanhu.values.problem import Place
from guanhu.values.units import Unit, fits, is_choice, sum_of, unit_named

_HOW = ("whole", "ladder", "marginal", "per piece")
_KNOWN = ("by", "gives", "rows", "versions", "how", "no_row")
_ALWAYS = date(1, 1, 1)


def build_lookup(
    builder: Builder, name: str, keys: Sequence[raw.Raw] | None, scope: Scope, place: Place
) -> t.Expr | None:
    """Return a look-up: `name` is a table or `table.column`."""
    table_name, _, column = (name, "", "") if name in builder.raw["tables"] else name.rpartition(".")
    if table_name not in builder.raw["tables"]:
        return None
    reader = builder.reader("tables", table_name, _KNOWN)
    by = [key for key, _ in reader.names("by")]
    if keys is not None and len(keys) != len(by):
        raise TypeProblem(
            "RUL038",
            place,
            f"{table_name} 有 {len(by)} 个键, 这里写了 {len(keys)} 个",
            f"{table_name} has {len(by)} keys; {len(keys)} are written here",
        )
    typer = Typer(builder, scope)
    unwritten: list[raw.Raw | None] = [None] * len(by)
    typed = [
        typer.key(written, _written_unit(key))
        if written is not None
        else builder.key_in(key, scope, place, table_name)
        for key, written in zip(by, keys if keys is not None else unwritten, strict=True)
    ]
    key_units = tuple(k.unit for k in typed)
    store = f"{table_name}@{scope.key}" if scope.key else table_name
    table = builder.on_demand(
        f"table:{store}",
        builder.tables,
        store,
        place,
        lambda: _TableBuilder(builder, reader, table_name, scope).build(tuple(by), key_units),
    )
    for key, unit in zip(typed, table.key_units, strict=True):
        if key.unit != unit and sum_of(key.unit, unit) is None:
            raise TypeProblem(
                "RUL035",
                place,
                f"{table_name} 的键要 {unit}, 给的是 {key.unit}",
                f"a key of {table_name} is {unit}; this is {key.unit}",
            )
    index = table.columns.index(column) if column in table.columns else 0
    if column and column not in table.columns:
        raise TypeProblem(
            "RUL051",
            place,
            f"{table_name} 没有列 {column}",
            f"{table_name} has no column {column}",
            f"列: {'、'.join(table.columns)}",
            f"columns: {', '.join(table.columns)}",
        )
    if table.how in ("marginal", "per piece"):
        typed = [as_number(k) for k in typed]
    # What a marginal table gives is a rate per unit of the first key: rate × key.
    unit = table.units[index]
    if table.how in ("marginal", "per piece"):
        unit = units.product_of(typed[0].unit, unit) or unit
    return t.Lookup(table=store, column=table.columns[index], keys=tuple(typed), unit=unit, place=place)


def _written_unit(key: str) -> Unit:
    found = RowScopeColumns.get(key)
    return found or units.choice(key.rpartition(".")[2])


RowScopeColumns: dict[str, Unit] = {"hired_on": units.DATE, "left_on": units.DATE}


class _TableBuilder:
    """Builds one table in one scope."""

    def __init__(self, builder: Builder, reader: Reader, name: str, scope: Scope) -> None:
        self.builder = builder
        self.reader = reader
        self.name = name
        self.scope = scope
        self.typer = Typer(builder, scope)
        self.headings: tuple[str, ...] = ()

    def build(self, by: tuple[str, ...], key_units: tuple[Unit, ...]) -> t.Table:
        reader = self.reader
        if not by:
            reader.missing("by")
        how = reader.one_of("how", _HOW, "whole")
        columns, column_units = self.columns()
        self.headings = (*by, *columns)
        versions = self.versions(key_units, column_units, how)
        no_row, stops = self.no_row(column_units)
        common = self.builder.common(reader, self.name, "tables")
        return t.Table(
            by=by,
            key_units=key_units,
            columns=columns,
            units=column_units,
            versions=versions,
            how=how,
            no_row=no_row,
            stops=stops,
            **common,
        )

    def columns(self) -> tuple[tuple[str, ...], tuple[Unit, ...]]:
        gives = self.reader.tree("gives")
        found: dict[str, Unit] = {}
        for column, value in gives if isinstance(gives, Fields) else ():
            unit = self.unit(value.text) if isinstance(value, Text) else None
            if unit is None:
                self.reader.add(
                    "RUL048",
                    value.place,
                    f"列 {column} 的单位不认识",
                    f"the unit of column {column} is not one",
                    "写 money、points、ratio、number 一类; 给的是等级一类的词, 写它在 words 里的 of, 如 grade",
                    "write money, points, ratio, number or the like; of words such as grades, the `of` of their set under words, such as grade",
                )
            found[column] = unit or units.NUMBER
        if not found:
            self.reader.add(
                "RUL013",
                self.reader.place,
                f"{self.reader.label} 缺少 gives",
                f"{self.reader.label} has no gives",
                "写成 gives: {rate: ratio}",
                "write gives: {rate: ratio}",
            )
            raise Silent(self.name)
        return tuple(found), tuple(found.values())

    def unit(self, text: str) -> Unit | None:
        """Return what a column is counted in: a unit, or an attribute whose choices are declared (grade)."""
        declared = any(words.of == text for words in self.builder.words.values())
        return unit_named(text) or (units.choice(text) if declared else None)

    def word(self, text: Text, unit: Unit) -> t.Expr:
        """Return a choice that the table gives."""
        if any(words.of == unit.of for words in self.builder.words.values()):
            self.builder.check_word(unit.of, text.text, text.place)
        return t.WordConst(value=text.text, unit=unit, place=text.place)

    def versions(
        self, key_units: tuple[Unit, ...], column_units: tuple[Unit, ...], how: str
    ) -> tuple[t.TableVersion, ...]:
        reader = self.reader
        if reader.has("rows"):
            return (self.version(_ALWAYS, reader.tree("rows"), key_units, column_units, how),)
        found: list[t.TableVersion] = []
        tree = reader.tree("versions")
        for item in tree.items if isinstance(tree, Items) else ():
            inner = Reader(
                item, f"{reader.label} 的版本", ("from", "rows", "clause", "note"), self.builder.problems
            )
            start = date_of(inner.required("from"))
            if start is None:
                inner.add(
                    "RUL052",
                    inner.place_of("from"),
                    f"{inner.text('from')} 不是日期",
                    f"{inner.text('from')} is not a date",
                    "写成 2025-07-01",
                    "write 2025-07-01",
                )
                continue
            found.append(self.version(start, inner.tree("rows"), key_units, column_units, how))
        if not found:
            reader.add(
                "RUL013",
                reader.place,
                f"{reader.label} 缺少 rows 或 versions",
                f"{reader.label} has neither rows nor versions",
            )
            raise Silent(self.name)
        return tuple(sorted(found, key=lambda v: v.start))

    def version(
        self,
        start: date,
        tree: Tree | None,
        key_units: tuple[Unit, ...],
        column_units: tuple[Unit, ...],
        how: str,
    ) -> t.TableVersion:
        """Return the rows of one version, from the text or from the file that it names."""
        source = ""
        if isinstance(tree, Fields):
            source, tree = rows_of_file(self.builder, self.reader, tree, self.headings)
            if tree is None:
                raise Silent(self.name)
        return t.TableVersion(start=start, rows=self.rows(tree, key_units, column_units, how), source=source)

    def rows(
        self, tree: Tree | None, key_units: tuple[Unit, ...], column_units: tuple[Unit, ...], how: str
    ) -> tuple[t.TableRow, ...]:
        rows = [
            row
            for item in (tree.items if isinstance(tree, Items) else ())
            if (row := self.row(item, key_units, column_units)) is not None
        ]
        if not isinstance(tree, Items) or not tree.items:
            self.reader.add(
                "RUL013",
                self.reader.place_of("rows"),
                f"{self.reader.label} 没有一行",
                f"{self.reader.label} has no row",
            )
        wrong = overlap_of([row.cells for row in rows], how)
        if wrong is not None:
            upper, lower, what = wrong
            self.overlap(rows[upper], rows[lower], what)
        return tuple(rows)

    def overlap(self, upper: t.TableRow, lower: t.TableRow, what: str) -> None:
        if what == "hidden":
            self.reader.add(
                "RUL053",
                lower.place,
                f"这一行永远用不到: 第 {upper.place.line} 行已经包含它",
                f"this row can never be reached: line {upper.place.line} holds all of it",
                "调整顺序, 先写窄的再写宽的",
                "put the narrower row first",
            )
        else:
            self.reader.add(
                "RUL054",
                lower.place,
                f"区间和第 {upper.place.line} 行重叠",
                f"its range overlaps the one of line {upper.place.line}",
                "让相邻区间只有一边是闭的;原文两端都闭时写成 doubt",
                "close neighbouring ranges on one side only; when the text closes both, say so in a doubt",
            )

    def row(
        self, item: Tree, key_units: tuple[Unit, ...], column_units: tuple[Unit, ...]
    ) -> t.TableRow | None:
        wanted = len(key_units) + len(column_units)
        texts = [part for part in item.items if isinstance(part, Text)] if isinstance(item, Items) else []
        if len(texts) != wanted:
            self.reader.add(
                "RUL055",
                item.place,
                f"这一行有 {len(texts)} 格, 应当有 {wanted} 格",
                f"this row has {len(texts)} cells; it is to have {wanted}",
                "含逗号的格要加引号",
                "quote cells that hold a comma",
            )
            return None
        try:
            cells = tuple(self.cell(text, unit) for text, unit in zip(texts, key_units, strict=False))
            gives = tuple(
                self.give(text, unit)
                for text, unit in zip(texts[len(key_units) :], column_units, strict=True)
            )
        except TypeProblem as error:
            self.builder.problems.append(error.problem)
            return None
        return t.TableRow(cells=cells, gives=gives, place=item.place)

    def cell(self, text: Text, unit: Unit) -> t.Cell:
        try:
            cell = cell_of(text.text, numeric=not is_choice(unit), place=text.place)
        except CellProblem as error:
            raise TypeProblem(
                "RUL049",
                text.place,
                error.zh,
                error.en,
                '例如 "[8%, 15%)"、">= 90"、any',
                'such as "[8%, 15%)", ">= 90", any',
            ) from error
        if isinstance(cell, t.ChoiceCell):
            expanded: list[str] = []
            for choice in cell.choices:
                declared = self.builder.words.get(choice)
                if declared is None:
                    self.builder.check_word(unit.of, choice, text.place)
                expanded.extend(declared.choices if declared else (choice,))
            return t.ChoiceCell(tuple(expanded))
        return cell

    def give(self, text: Text, unit: Unit) -> t.Expr:
        if is_choice(unit):
            return self.word(text, unit)
        node = self.reader.parse(text)
        if node is None:
            raise Silent(self.name)
        expr = as_number(self.typer.expr(node))
        if not fits(expr.unit, unit):
            raise TypeProblem(
                "RUL031",
                text.place,
                f"这一格应当是 {unit}, 公式给出 {expr.unit}",
                f"this cell is to be {unit}; the formula gives {expr.unit}",
            )
        return expr

    def no_row(self, column_units: tuple[Unit, ...]) -> tuple[tuple[t.Expr, ...] | None, bool]:
        text = self.reader.text("no_row", "stop and list")
        if text in ("stop and list", "unknown", "undefined"):
            return None, text == "stop and list"
        tree = self.reader.tree("no_row")
        if isinstance(tree, Text) and all(is_choice(unit) for unit in column_units):
            return tuple(self.word(tree, unit) for unit in column_units), False
        node = self.reader.parse(tree) if tree is not None else None
        if node is None:
            return None, True
        value = as_number(self.typer.expr(node))
        return tuple(value for _ in column_units), False


__all__ = ["RowScope", "build_lookup"]
