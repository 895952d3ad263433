"""What the appraisal asks of an engine. Engines do not know this page: they only fit it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlglot import exp


class Facts(Protocol):
    """The bank's facts as of a moment (`guanhu.facts.store.FactView`)."""

    def register(self, connection: Any, kinds: Iterable[str] | None = None) -> None:
        """Create one view per kind of fact, `f_<kind>`, in a connection of DuckDB."""


class NamedFacts(Facts, Protocol):
    """Facts that an engine other than DuckDB can read too (those of a whole run; not those of a few accounts)."""

    def relations(self, kinds: Iterable[str] | None = None) -> Iterable[Any]:
        """Yield the same as (name, relation, most rows), the relation's `query` in DuckDB's words."""


class Engine(Protocol):
    """Executes syntax trees over tables of its own."""

    def facts(self, view: Facts, kinds: Sequence[str]) -> None:
        """Make the facts of these kinds readable as `f_<kind>`."""

    def execute(self, query: exp.Expr) -> None:
        """Execute a statement."""

    def rows(self, query: exp.Expr) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

    def create(self, name: str, query: exp.Expr) -> None:
        """Keep the rows of a query as the table `name`, in place of an earlier one."""

    def show(self, name: str, query: exp.Expr) -> None:
        """Make the rows of a query readable as `name` without keeping them."""

    def load(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        """Keep given rows as the table `name`; columns are (name, type)."""

    def reside(self, name: str, keys: Sequence[str]) -> None:
        """Hold the rows of a relation in memory from now on, with an index on each of the key columns."""

    def drop(self, name: str) -> None:
        """Forget a table."""

    def write(self, query: exp.Expr, path: Path) -> None:
        """Write the rows of a query as one Parquet file."""

    def close(self) -> None:
        """Give back what the engine holds."""
