"""A view of two moments at once: some kinds as of one, all others as of another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import duckdb

from guanhu.facts.at_rest import INDEXES
from guanhu.facts.manifest import Hole
from guanhu.facts.relations import Named, named, replace_relation
from guanhu.facts.store import FactView
from guanhu.values.dates import Span


class MixedView:
    """Answers for each kind as the view that it belongs to does."""

    def __init__(self, view: FactView, others: Mapping[str, FactView]) -> None:
        """Take the view of most kinds, and those of single kinds."""
        self.view = view
        self.others = dict(others)

    @classmethod
    def of(cls, view: FactView, other: FactView, kinds: Collection[str]) -> MixedView:
        """Return `view` but for these kinds, which are as in `other`."""
        return cls(view, dict.fromkeys(kinds, other))

    def _view_of(self, kind_name: str) -> FactView:
        return self.others.get("balances" if kind_name in INDEXES else kind_name, self.view)

    def relations(self, kinds: Iterable[str] | None = None) -> Iterator[Named]:
        """Yield the relations of these kinds, and first what their views read."""
        yield from named(self._view_of, [*self.view.kinds, *INDEXES] if kinds is None else kinds)

    def register(self, connection: duckdb.DuckDBPyConnection, kinds: Iterable[str] | None = None) -> None:
        """Make `f_<kind>` in `connection` for each kind, and what their views read."""
        for name, relation, _ in self.relations(kinds):
            replace_relation(connection, name, relation)

    def supplies(self, kind_name: str) -> bool:
        """Tell whether any batch holds a kind."""
        return self._view_of(kind_name).supplies(kind_name)

    def missing(self, kind_name: str, span: Span) -> list[Span]:
        """Return the days of a span that no batch covers."""
        return self._view_of(kind_name).missing(kind_name, span)

    def holes(self, kind_name: str) -> tuple[Hole, ...]:
        """Return the rows of a kind known to be missing."""
        return self._view_of(kind_name).holes(kind_name)

    def statistics(self, kind_name: str, column: str) -> tuple[int, int, int] | None:
        """Return least, greatest and number of a column of whole numbers."""
        return self._view_of(kind_name).statistics(kind_name, column)
