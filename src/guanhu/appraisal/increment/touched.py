"""What late facts touch: from changed rows to accounts, loans, customers and events, and from there to people.

changed rows ─► the account, loan, customer or event that each is about
             ─► whoever is credited with it, before or after
             ─► whoever is in a group whose rank, average or pool reads them
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import duckdb

from guanhu.facts.late import extended, late_rows
from guanhu.facts.store import FactView
from guanhu.kinds.schema import Dated

EVERYBODY = ("institutions", "staff", "posts", "teams")
"""Kinds of which any change may concern everybody."""
READ_ANEW = ("figures", "parameters", "human_decisions", "opening_state")
"""Kinds that the lines read themselves: they are evaluated anew in any case."""
OBJECTS = ("account", "loan", "customer", "event")


@dataclass(slots=True)
class Touched:
    """Ids of what changed rows are about, how many rows of each kind changed, and why everything must run."""

    ids: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in OBJECTS})
    rows: dict[str, int] = field(default_factory=dict)
    extended: set[str] = field(default_factory=set)
    """Kinds that now cover days which none had covered: their measures are computed in full."""
    people: set[str] = field(default_factory=set)
    """Who is credited with what was touched, before or after."""
    groups: tuple[str, ...] = ()
    """Groups whose members read each other: a rank, an average, a pool."""
    why_all: tuple[str, str] | None = None


def touched_between(old: FactView, new: FactView, kinds: Iterable[str]) -> Touched:
    """Return what the batches between two moments touch, of the kinds that a run reads."""
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
        new.register(connection, ["assignments"])
        _credited(connection, found)
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
        return
    for column, name in (("account_id", "account"), ("loan_id", "loan")):
        if column in columns:
            _gather(connection, table, column, name, found)
    if kind == "customers":
        _gather(connection, table, "customer_id", "customer", found)


def _gather(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, name: str, found: Touched
) -> None:
    query = f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
    found.ids[name].update(str(x) for (x,) in connection.execute(query).fetchall())


def _closed(connection: duckdb.DuckDBPyConnection, found: Touched) -> None:
    """Add the accounts and loans of customers that changed or whose charge did."""
    customers = sorted(found.ids["customer"])
    for kind, key, name in (("accounts", "account_id", "account"), ("loans", "loan_id", "loan")):
        if customers:
            rows = connection.execute(
                f"SELECT {key} FROM f_{kind} WHERE customer_id IN (SELECT unnest(?))",
                [customers],
            ).fetchall()
            found.ids[name].update(str(x) for (x,) in rows)


def _credited(connection: duckdb.DuckDBPyConnection, found: Touched) -> None:
    """Add the people who are credited with what was touched."""
    for grain in OBJECTS:
        ids = sorted(found.ids[grain])
        if ids:
            rows = connection.execute(
                "SELECT DISTINCT person_id FROM f_assignments WHERE grain = ? AND object_id IN (SELECT unnest(?))",
                [grain, ids],
            ).fetchall()
            found.people.update(str(x) for (x,) in rows)
    accounts = sorted(found.ids["account"])
    # To find that nobody is assigned a customer costs nothing; to read the customers of accounts does.
    of_customers = "FROM f_assignments WHERE grain = 'customer' LIMIT 1"
    if accounts and connection.execute(of_customers).fetchall():
        rows = connection.execute(
            "SELECT DISTINCT g.person_id FROM f_assignments AS g JOIN f_accounts AS a ON a.customer_id = g.object_id "
            "WHERE g.grain = 'customer' AND a.account_id IN (SELECT unnest(?))",
            [accounts],
        ).fetchall()
        found.people.update(str(x) for (x,) in rows)
