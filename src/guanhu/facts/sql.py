"""Pieces of SQL text: quoted literals and names. Every value that reaches a statement passes through here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path


def literal(text: str) -> str:
    """Return `text` as an SQL string.

    >>> literal("O'Hara")
    "'O''Hara'"
    """
    return "'" + text.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """Return `identifier` as a quoted SQL name.

    >>> name("级别")
    '"级别"'
    """
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: Iterable[str], of: str = "") -> str:
    """Return quoted names, comma separated, each with the table `of` before it when one is given.

    >>> names(["a", "b"], of="t")
    't."a", t."b"'
    """
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + name(each) for each in identifiers)


def day(value: date) -> str:
    """Return a date as an SQL literal.

    >>> day(date(2025, 1, 31))
    "DATE '2025-01-31'"
    """
    return f"DATE '{value.isoformat()}'"


def strings(texts: Iterable[str]) -> str:
    """Return texts as a parenthesised list for IN.

    >>> strings(["a", "b"])
    "('a', 'b')"
    """
    return "(" + ", ".join(literal(text) for text in texts) + ")"


def parquet(paths: Iterable[Path | str]) -> str:
    """Return the table function that reads these Parquet files."""
    return f"read_parquet([{', '.join(literal(unglobbed(path)) for path in paths)}])"


def unglobbed(path: Path | str) -> str:
    """Return a path whose pattern signs stand for themselves.

    >>> unglobbed("/a/[1]/b.csv")
    '/a/[[]1]/b.csv'
    """
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))
