# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""Late facts: the rows of a kind that differ between two moments, found from the batches that came between.

Only what newer batches cover can differ: there, the rows that they hid are set against the rows that they say.
A batch that repeats what was known changes nothing. Where the whole bank was delivered again, most things are as they
were: first each thing's rows of either side are compared by sums of hashes, then the rows of those that differ themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from guanhu.facts import sql
from guanhu.facts.at_rest import HAS_ACCOUNT_NO, columns_of
from guanhu.facts.regions import subtracted
from guanhu.facts.relations import replace_relation
from guanhu.facts.store import FactView
from guanhu.facts.view import ACCOUNT_SPANS, Piece, Relation, account_spans_query, relation_of
from guanhu.kinds.schema import Dated, Kind

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
    # What only listed institutions had said may have been said of all of them since: each moment's own views are asked.
    read = [x for view in (new, old) for x in view.with_needed([kind_name])[:-1]]
    needed = list(dict.fromkeys([*read, "accounts", "account_institutions", "loans"]))
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
    if any(cell.scope.is_all for piece in visible for cell in piece.owned):
        sides = _of_other_things(connection, kind, sides)
    name = f"late_{kind_name}"
    # Rows of one moment are put to one side, the same rows of the other take them away: one pass over both.
    earlier, later = sides
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {sql.name(name)} AS SELECT {columns} FROM "
        f"(SELECT *, 1 AS one FROM ({earlier}) UNION ALL SELECT *, -1 FROM ({later})) "
        f"GROUP BY {columns} HAVING sum(one) <> 0"
    )
    return name


def _of_other_things(connection: duckdb.DuckDBPyConnection, kind: Kind, sides: Sequence[str]) -> list[str]:
    """Return the rows of both sides whose thing (account, or what the key's first columns name) differs between them.

    The rows of a thing are the same when the sums of two hashes of 63 bits are: a difference that both miss has a
    chance of one in 2^126.
    """
    things = _things(kind)
    rest = [x for x, _ in columns_of(kind) if x not in (*things, "batch_no", "row_no", "account_id")]
    hashes = [f"CAST(hash({', '.join(map(sql.name, names))}) >> 1 AS BIGINT)" for names in (rest, rest[::-1])]
    of_things = sql.names(things)
    queries = [
        f"SELECT {of_things}, {sign}{hashes[0]} AS one, {sign}{hashes[1]} AS other FROM ({side})"
        for sign, side in zip(("", "-"), sides, strict=True)
    ]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE late_things AS SELECT {of_things} FROM ({' UNION ALL '.join(queries)}) "
        f"GROUP BY {of_things} HAVING sum(one) <> 0 OR sum(other) <> 0"
    )
    same = " AND ".join(f"t.{sql.name(x)} IS NOT DISTINCT FROM s.{sql.name(x)}" for x in things)
    return [f"SELECT s.* FROM ({side}) AS s SEMI JOIN late_things AS t ON {same}" for side in sides]


def _things(kind: Kind) -> tuple[str, ...]:
    """Return the columns that say what a row is about; an account's number says it as its id does."""
    if kind.name == "assignments":
        return ("grain", "object_id")
    return ("account_no",) if kind.name in HAS_ACCOUNT_NO else kind.key[:1]


def extended(old: FactView, new: FactView, kind_name: str) -> bool:
    """Tell whether newer batches cover days or institutions of a kind that none had covered."""
    return bool(subtracted(new.coverage(kind_name), old.coverage(kind_name)))
