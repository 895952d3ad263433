"""What late facts touch: from changed rows to accounts, loans, customers and events, and from there to people.

changed rows ─► the account, loan, customer or event that each is about
             ─► whoever is credited with it, before or after
             ─► whoever is in a group whose rank, average or pool reads them
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import duckdb

from guanhu.facts.few import FewView, Shared
from guanhu.facts.late import extended, late_rows
from guanhu.facts.store import FactView
from guanhu.kinds.schema import Dated, Kind

EVERYBODY = ("institutions", "staff", "posts", "teams")
"""Kinds of which any change may concern everybody."""
READ_ANEW = ("figures", "parameters", "human_decisions", "opening_state")
"""Kinds that the lines read themselves: they are evaluated anew in any case."""
OBJECTS = ("account", "loan", "customer", "event")


@dataclass(slots=True)
class Touched:
    """Ids of what changed rows are about, how many rows of each kind changed, and why everything must run."""

    ids: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in OBJECTS})
    numbers: list[tuple[int, int] | None] = field(default_factory=list)
    """The least and greatest account number of each that was looked at; None where that is unknown."""
    rows: dict[str, int] = field(default_factory=dict)
    extended: set[str] = field(default_factory=set)
    """Kinds that now cover days which none had covered: their measures are computed in full."""
    people: set[str] = field(default_factory=set)
    """Who is credited with what was touched, before or after."""
    groups: tuple[str, ...] = ()
    """Groups whose members read each other: a rank, an average, a pool."""
    why_all: tuple[str, str] | None = None

    @property
    def near(self) -> tuple[int, int] | None:
        """Return the least and greatest number of the accounts in `ids`; None where that is unknown."""
        known = [pair for pair in self.numbers if pair is not None]
        if not known or len(known) < len(self.numbers):
            return None
        return min(low for low, _ in known), max(high for _, high in known)


def touched_between(
    old: FactView, new: FactView, kinds: Iterable[str], measured: Sequence[Kind], shared: Shared
) -> Touched:
    """Return what the batches between two moments touch, of the kinds that a run reads.

    Who is credited is read of the few things that were touched; what of these both moments say alike is left in `shared`.
    """
    found = Touched()
    with duckdb.connect() as connection:
        for name in kinds:
            if not any(piece.batch_no > old.as_of_batch for piece in new.pieces(name)):
                continue
            if old.holes(name) != new.holes(name):
                found.why_all = (f"{name} 的被拒行变了", f"refused rows of {name} are others now")
                return found
            if extended(old, new, name):
                found.extended.add(name)
            table = late_rows(connection, old, new, name)
            (count,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone() or (0,)
            if not count:
                continue
            found.rows[name] = count
            if name in EVERYBODY:
                found.why_all = (f"{name} 变了 {count} 行", f"{count} rows of {name} changed")
                return found
            if name not in READ_ANEW:
                _about(connection, table, new.kinds[name].name, found)
                if new.kinds[name].dated is Dated.DAY:
                    _gather(connection, table, new.kinds[name].key[0], "event", found)
                if "person_id" in {c.name for c in new.kinds[name].columns}:
                    query = f'SELECT DISTINCT person_id FROM "{table}" WHERE person_id IS NOT NULL'
                    found.people.update(str(x) for (x,) in connection.execute(query).fetchall())
        _closed(connection, found)
        few = FewView(new, found.ids, measured, old, shared, found.near)
        few.register(connection, ["assignments", *(x.name for x in measured if x.dated is Dated.DAY)])
        query = "SELECT DISTINCT person_id FROM f_assignments"
        found.people.update(str(x) for (x,) in connection.execute(query).fetchall())
    return found


def _about(connection: duckdb.DuckDBPyConnection, table: str, kind: str, found: Touched) -> None:
    """Gather what the rows of a table are about."""
    columns = {row[0] for row in connection.execute(f'DESCRIBE "{table}"').fetchall()}
    if kind == "assignments":
        for grain in OBJECTS:
            rows = connection.execute(
                f'SELECT DISTINCT object_id FROM "{table}" WHERE grain = ?',
                [grain],
            ).fetchall()
            found.ids[grain].update(str(x) for (x,) in rows)
        _number(connection, f"FROM \"{table}\" WHERE grain = 'account'", found)
        return
    if "account_no" in columns:
        _number(connection, f'FROM "{table}"', found)
    elif "account_id" in columns:
        found.numbers.append(None)
    for column, name in (("account_id", "account"), ("loan_id", "loan")):
        if column in columns:
            _gather(connection, table, column, name, found)
    if kind == "customers":
        _gather(connection, table, "customer_id", "customer", found)


def _number(connection: duckdb.DuckDBPyConnection, rows: str, found: Touched) -> None:
    """Note between which numbers the accounts of some rows lie."""
    query = f"SELECT min(account_no), max(account_no), count(*) - count(account_no), count(*) {rows}"
    low, high, unknown, count = connection.execute(query).fetchone() or (None, None, 0, 0)
    if count:
        found.numbers.append(None if unknown or low is None else (low, high))


def _gather(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, name: str, found: Touched
) -> None:
    query = f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
    found.ids[name].update(str(x) for (x,) in connection.execute(query).fetchall())


def _closed(connection: duckdb.DuckDBPyConnection, found: Touched) -> None:
    """Add the accounts and loans of customers that changed or whose charge did."""
    customers = sorted(found.ids["customer"])
    if not customers:
        return
    found.numbers.append(None)
    for kind, key, name in (("accounts", "account_id", "account"), ("loans", "loan_id", "loan")):
        rows = connection.execute(
            f"SELECT {key} FROM f_{kind} WHERE customer_id IN (SELECT unnest(?))",
            [customers],
        ).fetchall()
        found.ids[name].update(str(x) for (x,) in rows)
