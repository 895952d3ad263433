"""The relations that an engine reads: what each kind's view is called, what it says, and how large it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from guanhu.facts import sql
from guanhu.facts.view import ACCOUNT_SPANS, Relation, account_spans_query

if TYPE_CHECKING:
    import duckdb


class Named(NamedTuple):
    """One relation: its name, its SQL in DuckDB's words, and the most rows that it can have."""

    name: str
    relation: Relation
    rows: int


class Source(Protocol):
    """What has the relations of kinds (`guanhu.facts.store.FactView`)."""

    def with_needed(self, wanted: list[str]) -> list[str]:
        """Return the wanted kinds with those that their views read, in an order that works."""

    def relation(self, kind_name: str) -> Relation:
        """Return the SQL of a kind's view."""

    def rows(self, kind_name: str) -> int:
        """Return the most rows that it can have."""


def named(source_of: Callable[[str], Source], kinds: Iterable[str]) -> Iterator[Named]:
    """Yield the relations of kinds, each as its source has it, after those that it reads itself."""
    needed = dict.fromkeys(x for kind in kinds for x in source_of(kind).with_needed([kind]))
    for name in needed:
        source = source_of(name)
        if name == ACCOUNT_SPANS:
            rows = source.rows("accounts") + source.rows("account_institutions") * 2
            yield Named(ACCOUNT_SPANS, Relation(account_spans_query(), is_kept=True), rows)
        else:
            yield Named(f"f_{name}", source.relation(name), source.rows(name))


def replace_relation(connection: duckdb.DuckDBPyConnection, name: str, relation: Relation) -> None:
    """Make or replace the view or table `name`; one may take the place of the other."""
    import duckdb  # noqa: PLC0415 - it costs 0.2 s, which only who needs it pays

    wanted, other = ("TABLE", "VIEW") if relation.is_kept else ("VIEW", "TABLE")
    statement = f"CREATE OR REPLACE {wanted} {sql.name(name)} AS {relation.query}"
    try:
        connection.execute(statement)
    except duckdb.CatalogException:
        # To ask the catalogue first costs more than most relations do.
        connection.execute(f"DROP {other} {sql.name(name)}")
        connection.execute(statement)
