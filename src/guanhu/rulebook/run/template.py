"""SQL shapes written once as text, parsed, and filled with syntax trees: never joined from strings."""

from __future__ import annotations

from functools import cache

import sqlglot
from sqlglot import exp


@cache
def _parsed(text: str) -> exp.Expr:
    found: exp.Expr = sqlglot.parse_one(text, dialect="duckdb")
    for node in found.walk():
        # Where each word stood in the text: nobody asks, and to copy it takes half the time of copying a tree.
        node._meta = None  # noqa: SLF001 - the property makes an empty one anew
    return found


def filled(text: str, /, **parts: exp.Expr | str) -> exp.Expr:
    """Return the query of `text` with its parts put in.

    A part given as text names a table; a part given as an expression stands for the placeholder
    `:part`, or, where the part is used as a table, for that subquery.

    >>> filled("SELECT DISTINCT :x AS y FROM t", x=exp.Literal.number(1), t="other").sql()
    'SELECT DISTINCT 1 AS y FROM "other"'
    """
    query = _parsed(text).copy()
    if not parts:
        return query
    # All holes are found before any is filled: what is put in is not looked through.
    holes = list(query.find_all(exp.Table, exp.Placeholder))
    for table in (hole for hole in holes if isinstance(hole, exp.Table)):
        part = parts.get(table.name)
        if isinstance(part, str):
            table.set("this", exp.to_identifier(part, quoted=True))
        elif part is not None:
            alias = table.alias or table.name
            table.replace(part.subquery(alias, copy=False) if isinstance(part, exp.Query) else part.copy())
    for hole in (hole for hole in holes if isinstance(hole, exp.Placeholder)):
        part = parts.get(hole.name)
        if isinstance(part, exp.Expr):
            hole.replace(exp.Paren(this=part.copy()) if isinstance(part, exp.Binary) else part.copy())
    return query


def table_named(name: str) -> exp.Table:
    """Return a table by its whole name, whatever characters it holds."""
    return exp.Table(this=exp.to_identifier(name, quoted=True))


def union_all(queries: list[exp.Expr]) -> exp.Expr:
    """Return the queries joined by UNION ALL."""
    found = queries[0]
    for query in queries[1:]:
        found = exp.Union(this=found, expression=query, distinct=False)
    return found
