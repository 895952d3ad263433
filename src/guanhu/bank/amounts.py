"""Sizes that look like a bank's, made of integers only: the same seed gives the same fen everywhere."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from random import Random

from guanhu.values.exact import FEN_PER_YUAN, divide_half_away, shown

YUAN = FEN_PER_YUAN
WAN = 10_000 * YUAN
"""Fen in 10,000 yuan."""
OUTCOMES_BITS = 12


def spread(step_percent: int) -> tuple[int, ...]:
    """Return 4,096 equally likely ratios per mille around 1,000, shaped like a log-normal.

    The exponent is the sum of three dice of 16 sides, so each side of a die is one step of
    `step_percent`; most outcomes lie near the middle and a few far above it.
    """
    step = Fraction(100 + step_percent, 100)
    ratios = [max(1, int(1000 * step ** (dice - 22))) for dice in range(46)]
    return tuple(ratios[a + b + c] for a in range(16) for b in range(16) for c in range(16))


WIDE = spread(14)
"""Sizes of accounts and loans: one in a hundred is eight times the middle one or more."""
FLOWING = spread(5)
"""A current account from one change to the next."""
STEADY = spread(1)
"""A term deposit from one change to the next."""


def size(rng: Random, middle_fen: int) -> int:
    """Return a size around `middle_fen`, in whole yuan."""
    fen = middle_fen * WIDE[rng.getrandbits(OUTCOMES_BITS)] // 1000
    return max(YUAN, fen // YUAN * YUAN)


def yuan(fen: int) -> str:
    """Return fen as a file writes money.

    >>> yuan(123456), yuan(-5)
    ('1234.56', '-0.05')
    """
    whole, part = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{whole}.{part:02d}"


def percent(rate_bps: int) -> str:
    """Return basis points as a rate in percent.

    >>> percent(435)
    '4.35%'
    """
    return f"{rate_bps // 100}.{rate_bps % 100:02d}%"


def share_text(share: Fraction) -> str:
    """Return a share as a file writes it: percent when it is whole, a fraction otherwise.

    >>> share_text(Fraction(3, 5)), share_text(Fraction(1, 3))
    ('60%', '1/3')
    """
    return f"{shown(share * 100)}%" if 100 % share.denominator == 0 else str(share)


def average(balance_days_fen: int, days: int) -> str:
    """Return a daily average in yuan, rounded half away from zero at the six places of a figure."""
    return shown(Fraction(divide_half_away(balance_days_fen * 10**4, days), 10**6), 6)


def day_text(day: date | None) -> str:
    """Return a day as a file writes it; nothing for None."""
    return "" if day is None else day.isoformat()
