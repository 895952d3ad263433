"""Rows of fact as a flat table for one measure: the columns its formulas read, under one name each.

`account.product` is the column "account.product"; a row's own column has its plain name. Things of a
row (its account, customer, loan) are joined by their newest row; rates, places and posts by day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.leaves import input_column, rows_in_force
from guanhu.appraisal.parameters import Parameters
from guanhu.kinds.catalogue import ACCOUNT_RATES, ACCOUNTS, CUSTOMERS, INSTITUTIONS, LOANS, POSTS
from guanhu.kinds.schema import Column, Kind
from guanhu.rulebook import tree as t
from guanhu.rulebook.parts import parts_of
from guanhu.rulebook.run.numeric import Bool, Compiled, Day, Num, Word
from guanhu.rulebook.run.scalar import Compiler
from guanhu.rulebook.run.sheet import Sheet

JOINED: dict[str, Kind] = {
    "account": ACCOUNTS,
    "customer": CUSTOMERS,
    "loan": LOANS,
    "account_rates": ACCOUNT_RATES,
    "institution": INSTITUTIONS,
    "person": POSTS,
}
BIGGEST = 2**62
"""The bound taken for a whole number whose statistics are not known."""


def flat_name(table: str, column: str) -> str:
    """Return the name of a column in a flat table of rows."""
    return f"{table}.{column}" if table else column


def columns_read(nodes: Iterable[t.Expr | None], tables: Mapping[str, t.Table]) -> set[tuple[str, str]]:
    """Return the (table, column) of every row value that formulas read, table rows included."""
    parts = parts_of(nodes, tables)
    return {(part.table, part.column) for part in parts if isinstance(part, t.RowValue)}


def column_of(kind: Kind, table: str, name: str) -> Column:
    """Return the declared column of a row value."""
    found = (JOINED[table] if table else kind).column(name)
    if found is None:
        raise KeyError(f"{kind.name}: {table}.{name}")
    return found


class RowEnv:
    """Where a formula over one row finds its leaves."""

    def __init__(
        self,
        source: exp.Expr,
        kind: Kind,
        rulebook: t.Rulebook,
        parameters: Parameters,
        day: date,
        bounds: Mapping[tuple[str, str], tuple[int, int]],
        balance: Num | None = None,
        derived: Mapping[str, Num] | None = None,
    ) -> None:
        """Stand on a flat table; `balance` replaces the balance (by balance·days, where that is linear)."""
        self.sheet = Sheet(source)
        self.measured: dict[t.Expr, Compiled] = {}
        self.kind = kind
        self.rulebook = rulebook
        self.parameters = parameters
        self.day = day
        self.bounds = bounds
        self.balance = balance
        self.derived = derived or {}
        self.compiler = Compiler(self)

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table and its rows in force on the day of these prices."""
        table = self.rulebook.tables[name]
        return table, rows_in_force(table, self.day)

    def leaf(self, node: t.Expr) -> Compiled:
        """Return a row value, an input, or a figure of the row's account or customer."""
        match node:
            case t.RowValue():
                if self.balance is not None and (node.table, node.column) == ("", "balance"):
                    return self.balance
                return self.row_value(node)
            case t.InputRef():
                return input_column(
                    self.compiler, node, self.rulebook.inputs[node.name], self.parameters, self.day
                )
            case t.MeasureRef():
                return self.derived[node.name]
            case _:
                raise TypeError(f"{type(node).__name__} has no meaning over one row ({node.place})")

    def row_value(self, node: t.RowValue) -> Compiled:
        """Return a column of the flat table."""
        declared = column_of(self.kind, node.table, node.column)
        sql = exp.column(flat_name(node.table, node.column), quoted=True)
        if declared.type in ("text", "id", "choice"):
            return Word(sql)
        if declared.type == "date":
            return Day(sql)
        if declared.type == "yesno":
            return Bool(sql)
        low, high = self.bounds.get((node.table, node.column), (-BIGGEST, BIGGEST))
        return Num(sql, Fraction(1, declared.scale), low, high)
