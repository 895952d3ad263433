"""Leaves of a formula over one row: its columns, inputs and tables on the prices' day, and figures of its things."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import Inputs, read_input, rows_in_force
from guanhu.rulebook.explain.values import Traced, Unknown, Value


class RowLeaves:
    """Leaves of a formula over one row: its columns, and inputs and tables on the prices' day."""

    def __init__(
        self,
        rulebook: t.Rulebook,
        inputs: Inputs,
        values: Callable[[str, str], object],
        day: date,
        derived: Callable[[str], Traced],
    ) -> None:
        """Stand on one row."""
        self.rulebook, self.inputs, self.values, self.day, self.derived = (
            rulebook,
            inputs,
            values,
            day,
            derived,
        )

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table and its rows in force on the prices' day."""
        table = self.rulebook.tables[name]
        return table, rows_in_force(table, self.day)

    def leaf(self, node: t.Expr) -> Traced:
        """Return a leaf."""
        if isinstance(node, t.RowValue):
            return Traced(node, self.row_value(node))
        if isinstance(node, t.InputRef):
            return read_input(node, self.inputs, self.day, self)
        if isinstance(node, t.MeasureRef):
            return self.derived(node.name)
        raise TypeError(f"{type(node).__name__} has no meaning over one row")

    def row_value(self, node: t.RowValue) -> Value:
        """Return a column's value in its unit."""
        seen = self.values(node.table, node.column)
        if seen is None:
            return Unknown(f"{node.table}.{node.column}".lstrip("."), "absent")
        return seen  # type: ignore[return-value]
