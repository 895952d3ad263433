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
from guanhu.facts.relations import replace_relation
from guanhu.facts.store import FactView
from guanhu.facts.view import ACCOUNT_SPANS, Piece, Relation, account_spans_query, relation_of
from guanhu.kinds.schema import Dated

_SPANS_ANEW = 4
"""How often the institutions of accounts are asked for before they are kept."""


def late_rows(connection: duckdb.DuckDBPyConnection, old: FactView, new: FactView, kind_name: str) -> str:
    """Make the table `late_<kind>` of rows that one moment has and the other has not, and return its name.

    Shapes:   out(the kind's columns at rest but batch_no and row_no). Both the row as it was and as it is; of equal rows one.
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
    needed = [*new.with_needed([kind_name])[:-1], "accounts", "account_institutions", "loans"]
    new.register(connection, [x for x in needed if x != ACCOUNT_SPANS])
    if ACCOUNT_SPANS in needed:
        # Of few institutions: where each is asked for once or twice, that costs less than to keep those of all accounts.
        asked = sum(not cell.scope.is_all for piece in (*hidden, *visible) for cell in piece.owned)
        spans = Relation(account_spans_query(), is_kept=asked > _SPANS_ANEW)
        replace_relation(connection, ACCOUNT_SPANS, spans)
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
    # Rows of one moment are put to one side, the same rows of the other take them away: one pass over both.
    earlier, later = sides
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {sql.name(name)} AS SELECT {columns} FROM "
        f"(SELECT *, 1 AS one FROM ({earlier}) UNION ALL SELECT *, -1 FROM ({later})) "
        f"GROUP BY {columns} HAVING sum(one) <> 0"
    )
    return name


def extended(old: FactView, new: FactView, kind_name: str) -> bool:
    """Tell whether newer batches cover days or institutions of a kind that none had covered."""
    return bool(subtracted(new.coverage(kind_name), old.coverage(kind_name)))
