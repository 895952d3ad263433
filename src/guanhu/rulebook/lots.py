"""Movements of lots as they are kept: what the two readings hand to those who come later. No rule stands here.

A lot is a part of somebody's pay that waits. Every change of it is one movement, and the four accounts of a lot
are what its movements come to:

    kind          granted   paid   forfeited   clawed back
    granted          +
    paid                      +
    forfeited                          +
    clawed_back                                     +          taken from what waits
    recovered                 −                     +          taken back from what had been paid

so that granted = paid + waiting + forfeited + clawed back, whatever happens (INV-L1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from guanhu.values.dates import Span

KINDS = ("granted", "paid", "forfeited", "clawed_back", "recovered")
OPENING = "opening_state"
"""The source of a lot that was granted before the first run, and of no row of fact."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One movement of a lot.

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


__all__ = ["KINDS", "Moved", "OpeningLot"]
