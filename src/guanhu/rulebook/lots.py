"""Movements of lots as they are kept: what the two readings hand to those who come later. No rule stands here.

A lot is a part of somebody's pay that waits. Every change of it is one movement, and the four accounts of a lot
are what its movements come to:

    kind          granted   paid   forfeited   clawed back
    granted          +
    raised           +                                     rated again by a line that gives more
    paid                      +
    forfeited                          +
    clawed_back                                     +          taken from what waits
    recovered                 −                     +          taken back from what had been paid

so that granted = paid + waiting + forfeited + clawed back, whatever happens (INV-L1).

Where lots are rated again, a lot also keeps what each of the lines would have granted for it: its ratings, rows of a
kind of their own (`rated as LINE`), which move nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from guanhu.values.dates import Span

if TYPE_CHECKING:
    from guanhu.rulebook.expressions import Expr

RATED = "rated as "
"""How the kind of a rating begins; the line follows."""
OPENING = "opening_state"
"""The source of a lot that was granted before the first run, and of no row of fact."""


@dataclass(frozen=True, slots=True)
class Release:
    """When a lot falls due.

    how      lag      `parts` of the lot, each so many months after the instance that granted it
             event    `months` after the person left the bank (left_on) or the post held on the day of the grant (left_post)
             oldest   so much as `LotLedger.amount` says in each instance, the oldest lot first
             row      once `column` has come true of the row that the lot is of: `loan repaid`, or a kind of event
    `parts` holds (months, share of the lot); the shares are 1 together.
    """

    how: str
    parts: tuple[tuple[int, Fraction], ...] = ()
    column: str = ""
    months: int = 0


@dataclass(frozen=True, slots=True)
class Rerating:
    """By which line the lots of a ledger are rated again, in the instance that ends a calendar unit `every`.

    `chosen` gives the place in `lines` of the line of the tier really reached; the first is the line that the ledger
    defers. `rows` names the measure of each, where each row of fact has a lot of its own. With `at_once` what is
    more falls due at once, else with its lot.
    """

    every: str
    chosen: Expr
    lines: tuple[str, ...]
    rows: tuple[str, ...] = ()
    at_once: bool = False


def rated_as(line: str) -> str:
    """Return the kind of the rating by a line."""
    return f"{RATED}{line}"


def rating_of(kind: str) -> str:
    """Return the line of a rating; "" of a movement.

    >>> rating_of(rated_as("put")), rating_of("paid")
    ('put', '')
    """
    return kind.removeprefix(RATED) if kind.startswith(RATED) else ""


@dataclass(frozen=True, slots=True)
class Moved:
    """One movement of a lot, or one of its ratings.

    `of` are the days of the instance that the movement belongs to; a correction of a published one is dated later.
    `origin`: own, corrected (by this run), published (by an earlier one), opening.
    """

    ledger: str
    subject_id: str
    lot: str
    source: str
    granted_on: date
    due_on: date | None
    of: Span
    day: date
    kind: str
    fen: int
    origin: str = "own"


@dataclass(frozen=True, slots=True)
class OpeningLot:
    """What had been granted before the first run, as `opening_state` says: the whole amount, in yuan.

    `row` is the row of fact that it was granted for, where each has a lot.
    """

    ledger: str
    subject_id: str
    of: Span
    amount: Fraction
    row: str = ""


__all__ = ["RATED", "Moved", "OpeningLot", "Release", "Rerating", "rated_as", "rating_of"]
