"""Exact numbers: rounding half away from zero, and decimals read from text without a float on the way.

Every rounding of the product ends in `round_half_away`; a dialect's own `round` is never used on money.
"""

from __future__ import annotations

import re
from fractions import Fraction

FEN_PER_YUAN = 100
PPB = 1_000_000_000
"""A share is a whole number of parts per billion; after import that is the truth."""
RATE_SCALE = 10**10
"""A rate at rest is a whole number of 1e-10 (2.275 % is 227,500,000)."""
FIGURE_SCALE = 10**6
"""A figure or plain number at rest is a whole number of 1e-6."""
QUOTIENT_PLACES = 12
"""A quotient used as a number is rounded half away from zero at this many places."""
AVERAGE_PLACES = 9
"""An average of ratios is rounded at this many places before it is compared."""

_DECIMAL = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]+))?(?P<suffix>[%‰]?)", re.ASCII)
_BIG = re.compile(r"(?P<number>[+-]?[0-9]+(?:\.[0-9]+)?)\s*(?P<word>[万亿])元?", re.ASCII)


class InvariantBroken(Exception):
    """An invariant of the product does not hold; the work stops here and nothing is written."""


def invariant(holds: bool, number: str, seen: str) -> None:
    """Raise `InvariantBroken` with the number and the values seen, unless `holds`."""
    if not holds:
        raise InvariantBroken(f"{number} broken: {seen}")


def divide_half_away(numerator: int, divisor: int) -> int:
    """Return numerator / divisor as the nearest integer; a half goes away from zero.

    Errors:   ZeroDivisionError when the divisor is zero.

    >>> [divide_half_away(n, 2) for n in (-3, -1, 1, 3)]
    [-2, -1, 1, 2]
    """
    if divisor < 0:
        numerator, divisor = -numerator, -divisor
    size = (2 * abs(numerator) + divisor) // (2 * divisor)
    return size if numerator >= 0 else -size


def round_half_away(value: Fraction, places: int = 0) -> Fraction:
    """Return `value` at `places` decimal places; a half goes away from zero.

    >>> round_half_away(Fraction(5, 2)), round_half_away(Fraction(-1, 8), 2)
    (Fraction(3, 1), Fraction(-13, 100))
    """
    scale = 10**places
    return Fraction(divide_half_away(value.numerator * scale, value.denominator), scale)


def truncate(value: Fraction) -> int:
    """Return `value` cut towards zero.

    >>> truncate(Fraction(-7, 2))
    -3
    """
    size = abs(value.numerator) // value.denominator
    return size if value >= 0 else -size


def decimal_of(text: str) -> Fraction | None:
    """Return the exact value of a plain decimal, percent or per-mille text; None when it is not one.

    Signs, one point, `%` and `‰` are understood; thousands separators, exponents and blanks are not.

    >>> decimal_of("2.275%"), decimal_of("-0.5"), decimal_of("1e3"), decimal_of("1,000")
    (Fraction(91, 4000), Fraction(-1, 2), None, None)
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        return None
    part = found["part"] or ""
    value = Fraction(int(found["whole"] + part), 10 ** len(part))
    value /= {"": 1, "%": 100, "‰": 1000}[found["suffix"]]
    return -value if found["sign"] == "-" else value


def in_digits(text: str) -> str | None:
    """Return the number that text with 万 or 亿 means, as plain digits; None when there is no such word in it.

    >>> in_digits("50万"), in_digits("1.5 亿元"), in_digits("50")
    ('500000', '150000000', None)
    """
    found = _BIG.fullmatch(text.strip().replace(",", ""))
    if found is None:
        return None
    value = (decimal_of(found["number"]) or Fraction(0)) * {"万": 10**4, "亿": 10**8}[found["word"]]
    return shown(value, 12)


def scaled(value: Fraction, scale: int) -> int | None:
    """Return `value` as a whole number of 1/scale, or None when it does not fit exactly.

    >>> scaled(Fraction("12.34"), 100), scaled(Fraction("0.005"), 100)
    (1234, None)
    """
    whole = value * scale
    return whole.numerator if whole.denominator == 1 else None


def shown(value: Fraction, places_max: int = QUOTIENT_PLACES) -> str:
    """Return `value` as decimal text without trailing zeros, rounded at `places_max` places.

    >>> shown(Fraction(5, 4)), shown(Fraction(1, 3), 4), shown(Fraction(-200)), shown(Fraction(0))
    ('1.25', '0.3333', '-200', '0')
    """
    rounded = round_half_away(value, places_max)
    digits = f"{abs(rounded.numerator) * 10**places_max // rounded.denominator:0{places_max + 1}d}"
    whole, part = (digits[:-places_max], digits[-places_max:].rstrip("0")) if places_max else (digits, "")
    text = whole + ("." + part if part else "")
    return "-" + text if rounded < 0 else text


def money_shown(fen: int) -> str:
    """Return an amount of fen as yuan with two places and thousands separators.

    >>> money_shown(-123456789), money_shown(5)
    ('-1,234,567.89', '0.05')
    """
    yuan, part = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{yuan:,}.{part:02d}"
