# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""Shares written as fractions: exact sums, and parts per billion by largest remainder.

`1/3` is no whole number of parts per billion. On each day the holders of one object and book share out
what is lost by rounding down, so that `1/3` written thrice makes exactly one. Where the holders change, a
row is cut, for its share may then differ by one part.

    1/3  1/3  1/3                 333,333,334  333,333,333  333,333,333       ties: smaller person id first
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby, pairwise

from guanhu.facts.checks import last_day_excluded
from guanhu.facts.rows import Rows
from guanhu.values.exact import PPB, decimal_of


@dataclass(frozen=True, slots=True)
class Held:
    """One assignment of a group: its row, holder, days `[start, end)` and exact share."""

    row_no: int
    person_id: str
    start: date
    end: date
    share: Fraction


@dataclass(frozen=True, slots=True)
class Part:
    """A share at rest for some days of a row, in parts per billion."""

    row_no: int
    start: date
    end: date
    share: int


def parts_per_billion(shares: Sequence[tuple[Fraction, str]]) -> list[int]:
    """Return whole parts per billion for exact (share, person id) of one day, by largest remainder.

    Rounding: down, then what the exact sum allows goes to the largest remainders, ties to the smaller id.

    >>> parts_per_billion([(Fraction(1, 3), "b"), (Fraction(1, 3), "a"), (Fraction(1, 3), "c")])
    [333333333, 333333334, 333333333]
    """
    exact = [share * PPB for share, _ in shares]
    whole = [value.numerator // value.denominator for value in exact]
    total = sum(exact, Fraction(0))
    left = total.numerator // total.denominator - sum(whole)
    order = sorted(range(len(shares)), key=lambda i: (whole[i] - exact[i], shares[i][1], i))
    for index in order[:left]:
        whole[index] += 1
    return whole


def shared_out(group: Sequence[Held]) -> tuple[list[Part], tuple[date, Fraction] | None]:
    """Return the shares at rest of one object and book, or the first day whose sum exceeds one."""
    edges = sorted({edge for held in group for edge in (held.start, held.end)})
    found: dict[int, list[Part]] = {}
    for start, end in pairwise(edges):
        there = [held for held in group if held.start <= start < held.end]
        total = sum((held.share for held in there), Fraction(0))
        if total > 1:
            return [], (start, total)
        parts = parts_per_billion([(held.share, held.person_id) for held in there])
        for held, part in zip(there, parts, strict=True):
            own = found.setdefault(held.row_no, [])
            if own and own[-1].end == start and own[-1].share == part:
                own[-1] = Part(held.row_no, own[-1].start, end, part)
            else:
                own.append(Part(held.row_no, start, end, part))
    return [part for own in found.values() for part in own], None


def share_out_fractions(rows: Rows) -> None:
    """Make `share_parts(row_no, from_day, end_day, share)` for groups with a fraction; tell sums above one.

    Errors:   FAC061.
    """
    rows.connection.execute(
        "CREATE TABLE share_parts (row_no BIGINT, from_day DATE, end_day DATE, share BIGINT);"
        "CREATE TABLE share_overs (row_no BIGINT, key VARCHAR, day VARCHAR, total VARCHAR)"
    )
    if not rows.one(f"SELECT count(*) FROM {rows.good} WHERE share_fraction IS NOT NULL"):
        return
    group = "grain, object_id, book"
    fetched = rows.all(
        f"SELECT {group}, row_no, person_id, from_day, {last_day_excluded('to_day')}, share, share_fraction "
        f"FROM {rows.good} SEMI JOIN (SELECT {group} FROM {rows.good} WHERE share_fraction IS NOT NULL) "
        f"USING ({group}) ORDER BY {group}, person_id, row_no"
    )
    parts: list[Part] = []
    overs: list[tuple[int, str, str, str]] = []
    for key, members in groupby(fetched, key=lambda row: row[:3]):
        held = [Held(row[3], row[4], row[5], row[6], _exact(row[7], row[8])) for row in members]
        shared, over = shared_out(held)
        parts += shared
        if over is not None:
            text = " / ".join(key)
            there = [each for each in held if each.start <= over[0] < each.end]
            overs += [(each.row_no, text, str(over[0]), str(int(over[1] * PPB) + 1)) for each in there]
    _fill(rows, "share_parts", [(part.row_no, part.start, part.end, part.share) for part in parts])
    _fill(rows, "share_overs", overs)
    if overs:
        rows.tell("FAC061", "share", "SELECT row_no, [key, day, total] FROM share_overs")


def _exact(share: int, fraction: str | None) -> Fraction:
    """Return the exact share from its parts per billion, or from the fraction as written."""
    if fraction is None:
        return Fraction(share, PPB)
    above, _, below = fraction.partition("/")
    return (decimal_of(above) or Fraction(0)) / (decimal_of(below) or Fraction(1))


def _fill(rows: Rows, table: str, tuples: Iterable[tuple[object, ...]]) -> None:
    """Add tuples to a table of four columns."""
    columns = list(zip(*tuples, strict=True))
    if columns:
        values = [list(column) for column in columns]
        rows.connection.execute(
            f"INSERT INTO {table} SELECT unnest(?), unnest(?), unnest(?), unnest(?)", values
        )
