# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""The staged rows of one kind while they are being checked: which are good so far, and their faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guanhu.facts import faults, sql
from guanhu.kinds.schema import Kind

if TYPE_CHECKING:
    import duckdb


class Rows:
    """Staged rows `s_<kind>` of one kind. A row with a fault is good no longer; no later check sees it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, kind: Kind) -> None:
        """Take up the staged rows; bad cells must have been told already."""
        self.connection = connection
        self.kind = kind
        self.has_faults = self.one(f"SELECT count(*) FROM ({self._refused})") > 0

    @property
    def staged(self) -> str:
        """Return the relation of all rows."""
        return sql.name(f"s_{self.kind.name}")

    @property
    def _refused(self) -> str:
        """Return the query of the numbers of refused rows."""
        return f"SELECT row_no FROM faults WHERE kind = {sql.literal(self.kind.name)} AND {faults.REFUSING}"

    @property
    def good(self) -> str:
        """Return the relation of the rows without a fault so far."""
        if not self.has_faults:
            return self.staged
        return f"(SELECT * FROM {self.staged} WHERE row_no NOT IN ({self._refused}))"

    @property
    def refused(self) -> str:
        """Return the relation of the rows with a fault."""
        return f"(SELECT * FROM {self.staged} WHERE row_no IN ({self._refused}))"

    def tell(self, code: str, column: str, query: str) -> None:
        """Add a fault for each row of `query`, which yields (row_no, params)."""
        count = faults.tell(self.connection, self.kind.name, code, column, query)
        self.has_faults = self.has_faults or (count > 0 and code not in faults.NOT_REFUSING)

    def one(self, query: str) -> int:
        """Return the one whole number that a query gives."""
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(query).fetchall()

    def key_text(self, of: str) -> str:
        """Return the SQL of a row's key as people read it."""
        parts = (f"{of}.{sql.name(column)}" for column in self.kind.key)
        return f"concat_ws(' / ', {', '.join(parts)})"
