# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""A view of few: the facts of a moment about some accounts, loans, customers and events, and nothing else.

    loans as they are ─► rows that belong to a loan's institution      (cut before the loans are few)
    few accounts ─► their institutions ─► their balances and rates, the sums of these by month
    few of all ─► who is credited with them

Files are in order of account numbers: between the least and the greatest of the few, row groups are skipped.

What a view of another moment says in the very same rows is read once, and lies in a file for the other; the two may
be read at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from guanhu.facts import sql
from guanhu.facts.at_rest import INDEXES
from guanhu.facts.relations import replace_relation
from guanhu.facts.store import FactView
from guanhu.facts.view import ACCOUNT_SPANS, Relation, account_spans_query
from guanhu.kinds.schema import Dated, Kind

if TYPE_CHECKING:
    import duckdb

OF_ACCOUNTS = ("account_rates", "balances", *INDEXES)
"""Kinds whose rows carry `account_no` and count for that account alone."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A folder for what two moments say alike: who comes first writes a file, the other waits and reads it."""

    folder: Path
    being_written: Lock = field(default_factory=Lock)


@dataclass(frozen=True, slots=True)
class FewView:
    """The view of a moment, of which only rows about the things in `ids` count: account, loan, customer, event."""

    view: FactView
    ids: Mapping[str, Collection[str]]
    kinds: Sequence[Kind]
    """The kinds that are measured; those of a day are the events."""
    other: FactView
    """The moment that is compared with."""
    shared: Shared
    numbers: tuple[int, int] | None = None
    """The least and greatest number of the accounts, where it is known."""
    reads_intervals: bool = True
    """Whether balances are read interval by interval, so that they are worth keeping; else their sums serve."""

    def register(self, connection: duckdb.DuckDBPyConnection, kinds: Iterable[str] | None = None) -> None:
        """Make `f_<kind>` in `connection` for each kind, and what their views read."""
        wanted = self.view.with_needed([*self.view.kinds, *INDEXES] if kinds is None else list(kinds))
        for name, ids in self.ids.items():
            connection.execute(f"CREATE OR REPLACE TEMP TABLE only_{name} (id VARCHAR)")
            connection.execute(f"INSERT INTO only_{name} SELECT unnest(?)", [sorted(ids)])
        events = [kind.name for kind in self.kinds if kind.dated is Dated.DAY]
        first = ["loans", *events, "loan_states"]
        then = ["accounts", "account_institutions", ACCOUNT_SPANS, *OF_ACCOUNTS]
        tests = self._tests(events)
        for name in dict.fromkeys(wanted):
            if name not in {*first, *then, "assignments"}:
                replace_relation(connection, f"f_{name}", self.view.relation(name))
        replace_relation(connection, "f_loans", self.view.relation("loans"))
        for name in [*first[1:], "loans", *then, "assignments"]:
            if name == ACCOUNT_SPANS and name in wanted:
                replace_relation(connection, name, Relation(account_spans_query(), is_kept=True))
            elif name in wanted or name in ("accounts", "loans"):
                replace_relation(connection, f"f_{name}", self._few(connection, name, tests[name]))

    def _few(
        self, connection: duckdb.DuckDBPyConnection, name: str, test: tuple[list[str], set[str]]
    ) -> Relation:
        """Return the rows of a kind that pass its test: one of some conditions that exclude each other."""
        conditions, reads = test
        whole = self.view.relation(name)
        if whole.is_kept:
            # To merge the rows of many batches again for each condition costs more than it saves.
            conditions = [" OR ".join(f"({x})" for x in conditions)]
        query = " UNION ALL ".join(f"SELECT f.* FROM ({whole.query}) AS f WHERE {x}" for x in conditions)
        if name == "balances" and not self.reads_intervals and self._is_whole(name):
            return Relation(query)
        if name in INDEXES or any(self.view.pieces(x) != self.other.pieces(x) for x in (name, *reads)):
            return Relation(query, is_kept=True)
        path = self.shared.folder / f"{name}.parquet"
        with self.shared.being_written:
            if not path.exists():
                connection.execute(f"COPY ({query}) TO {sql.literal(str(path))} (FORMAT parquet)")
        return Relation(f"SELECT * FROM {sql.parquet([path])}")

    def _is_whole(self, name: str) -> bool:
        return all(piece.is_whole for piece in self.view.pieces(name) if piece.owned)

    def _tests(self, events: list[str]) -> dict[str, tuple[list[str], set[str]]]:
        """Return for each kind which of its rows `f` count, and what other kinds that reads."""
        near = (
            "true"
            if self.numbers is None
            else f"f.account_no BETWEEN {self.numbers[0]} AND {self.numbers[1]}"
        )
        spans = {"accounts", "account_institutions"}
        account, loan = "f.account_id IN (FROM only_account)", "f.loan_id IN (FROM only_loan)"
        found: dict[str, tuple[list[str], set[str]]] = {
            "accounts": ([f"{near} AND {account}"], set()),
            "account_institutions": ([account], set()),
            "loans": ([loan], set()),
            "loan_states": ([loan], {"loans"}),
        }
        number = "f.account_no IN (SELECT a.account_no FROM f_accounts AS a)"
        found.update(dict.fromkeys(OF_ACCOUNTS, ([number], spans)))
        customers = ["SELECT a.customer_id FROM f_accounts AS a", "SELECT l.customer_id FROM f_loans AS l"]
        rows = ["FROM only_event"]
        for kind in self.kinds:
            if kind.name not in events:
                continue
            columns = {column.name for column in kind.columns}
            tests = [f"f.{sql.name(kind.key[0])} IN (FROM only_event)"]
            tests += [
                f"f.{name}_id IN (FROM only_{name})"
                for name in ("account", "loan", "customer")
                if f"{name}_id" in columns
            ]
            found[kind.name] = ([" OR ".join(tests)], {"loans"})
            rows.append(f"SELECT e.{sql.name(kind.key[0])} FROM f_{kind.name} AS e")
            if "customer_id" in columns:
                customers.append(f"SELECT e.customer_id FROM f_{kind.name} AS e")
        sides = {
            "account": "FROM only_account",
            "loan": "FROM only_loan",
            "customer": " UNION ALL ".join(customers),
            "event": " UNION ALL ".join(rows),
        }
        conditions = [
            f"f.grain = {sql.literal(grain)} AND f.object_id IN ({query})" for grain, query in sides.items()
        ]
        conditions[0] += f" AND {near}"
        found["assignments"] = (conditions, {"accounts", "loans", *events})
        return found
