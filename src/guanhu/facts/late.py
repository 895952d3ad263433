# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""Late facts: the rows of a kind that differ between two moments, found from the batches that came between.

Only what newer batches cover can differ: there, the rows that they hid are set against the rows that they say.
A batch that repeats what was known changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

import duckdb

from guanhu.facts import sql
from guanhu.facts.at_rest import columns_of
from guanhu.facts.regions import subtracted
from guanhu.facts.store import FactView
from guanhu.facts.view import Piece, relation_of
from guanhu.kinds.schema import Dated


def late_rows(connection: duckdb.DuckDBPyConnection, old: FactView, new: FactView, kind_name: str) -> str:
    """Make the table `late_<kind>` of rows that one moment has and the other has not, and return its name.

    Shapes:   out(the kind's columns at rest but batch_no and row_no). Both the row as it was and as it is.
    """
    kind = new.kinds[kind_name]
    before = {piece.batch_no: piece for piece in old.pieces(kind_name)}
    hidden: list[Piece] = []
    visible: list[Piece] = []
    for piece in new.pieces(kind_name):
        was = before.pop(piece.batch_no, None)
        if was is None:
            visible.append(piece)
            continue
        lost = subtracted(was.owned, piece.owned)
        if lost:
            hidden.append(replace(was, owned=lost))
    new.register(
        connection, [*new.with_needed([kind_name])[:-1], "accounts", "account_institutions", "loans"]
    )
    columns = sql.names(name for name, _ in columns_of(kind) if name not in ("batch_no", "row_no"))
    if kind.dated is Dated.ENTITY:
        # A row that no newer batch repeats stays what it was.
        ids = sql.names(kind.key)
        sides = [
            f"SELECT {columns} FROM ({relation_of(kind, pieces).query})"
            for pieces in (old.pieces(kind_name), new.pieces(kind_name))
        ]
        told = (
            f"SELECT {ids} FROM ({relation_of(kind, [replace(p, owned=p.declared) for p in visible]).query})"
        )
        sides = [f"SELECT * FROM ({side}) SEMI JOIN ({told}) USING ({ids})" for side in sides]
    else:
        sides = [f"SELECT {columns} FROM ({relation_of(kind, pieces).query})" for pieces in (hidden, visible)]
    name = f"late_{kind_name}"
    earlier, later = sides
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {sql.name(name)} AS "
        f"(({earlier}) EXCEPT ALL ({later})) UNION ALL (({later}) EXCEPT ALL ({earlier}))"
    )
    return name


def extended(old: FactView, new: FactView, kind_name: str) -> bool:
    """Tell whether newer batches cover days or institutions of a kind that none had covered."""
    return bool(subtracted(new.coverage(kind_name), old.coverage(kind_name)))
