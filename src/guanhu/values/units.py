"""Units of figures. A formula whose units do not fit is refused when the rulebook is loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit. `of` names the ladder, choice set, day count or label where the kind has one."""

    kind: str
    of: str = ""

    def __str__(self) -> str:
        """Return the unit as a rulebook writes it."""
        return f"{self.kind} {self.of}".rstrip()


MONEY = Unit("money")
MONEY_DAY = Unit("money day")
MONEY_YEAR = Unit("money per year")
RATIO = Unit("ratio")
ANNUAL_RATE = Unit("annual rate")
POINTS = Unit("points")
COUNT = Unit("count")
DAYS = Unit("days")
DATE = Unit("date")
YES_NO = Unit("yes/no")
NUMBER = Unit("number")
TEXT = Unit("choice", "")

SCALARS = (RATIO, NUMBER, COUNT, POINTS, DAYS, ANNUAL_RATE, MONEY, MONEY_DAY, MONEY_YEAR)
"""Units whose values are numbers."""


def choice(name: str) -> Unit:
    """Return the unit of a choice set, such as product or post."""
    return Unit("choice", name)


def is_choice(unit: Unit) -> bool:
    """Tell whether values of the unit are names, not numbers."""
    return unit.kind == "choice"


def sum_of(left: Unit, right: Unit) -> Unit | None:
    """Return the unit of left + right (also of a comparison, `min`, `max`), or None when they do not fit.

    A plain number takes the other side's unit when that is not money with a currency of its own
    meaning: `40 + steps` is fine, `ratio + points` is not.

    >>> str(sum_of(MONEY, MONEY)), sum_of(RATIO, POINTS), str(sum_of(POINTS, NUMBER))
    ('money', None, 'points')
    """
    if left == right:
        return left
    plain = {NUMBER, COUNT}
    if left == NUMBER and right in SCALARS:
        return right
    if right == NUMBER and left in SCALARS:
        return left
    if left in plain and right in {COUNT, POINTS, DAYS}:
        return right
    if right in plain and left in {COUNT, POINTS, DAYS}:
        return left
    return None


_PRODUCTS: dict[tuple[Unit, Unit], Unit] = {
    (MONEY, ANNUAL_RATE): MONEY_YEAR,
    (MONEY, DAYS): MONEY_DAY,
    (MONEY, COUNT): MONEY,
    (MONEY, POINTS): MONEY,
    (POINTS, COUNT): POINTS,
    (COUNT, COUNT): COUNT,
    (COUNT, DAYS): DAYS,
}


def product_of(left: Unit, right: Unit) -> Unit | None:
    """Return the unit of left × right, or None when the product means nothing.

    >>> product_of(MONEY, MONEY), str(product_of(MONEY, ANNUAL_RATE)), str(product_of(RATIO, POINTS))
    (None, 'money per year', 'points')
    """
    # A plain number of the text takes its meaning from where it stands: `completion × 60` may be points.
    if NUMBER in (left, right):
        other = right if left == NUMBER else left
        return (NUMBER if other == RATIO else other) if other in SCALARS else None
    if RATIO in (left, right):
        other = right if left == RATIO else left
        return other if other in SCALARS else None
    return _PRODUCTS.get((left, right)) or _PRODUCTS.get((right, left))


def quotient_of(left: Unit, right: Unit) -> Unit | None:
    """Return the unit of left ÷ right, or None when the quotient means nothing.

    >>> str(quotient_of(MONEY, MONEY)), str(quotient_of(MONEY, COUNT)), quotient_of(COUNT, MONEY)
    ('ratio', 'money', None)
    """
    if left == right and left in SCALARS:
        return NUMBER if left == NUMBER else RATIO
    if right in (NUMBER, RATIO) and left in SCALARS:
        return left
    if left == MONEY_DAY and right == DAYS:
        return MONEY
    if left in (MONEY, POINTS, DAYS) and right == COUNT:
        return left
    if left == NUMBER and right in (COUNT, POINTS, DAYS):
        return NUMBER
    if {left, right} <= {COUNT, POINTS, DAYS, NUMBER}:
        return RATIO
    return None


def fits(seen: Unit, wanted: Unit) -> bool:
    """Tell whether a figure of unit `seen` may stand where `wanted` is declared.

    Plain numbers and counts may become points, counts, days or ratios where a unit is declared; a
    ratio never becomes points. A plain number of the text where money is declared is in yuan.

    >>> fits(NUMBER, POINTS), fits(RATIO, POINTS), fits(NUMBER, MONEY), fits(RATIO, ANNUAL_RATE)
    (True, False, True, True)
    """
    if seen == wanted:
        return True
    if seen == NUMBER:
        return wanted in SCALARS
    if seen == COUNT:
        return wanted in (POINTS, NUMBER, DAYS)
    if seen == RATIO:
        return wanted in (ANNUAL_RATE, NUMBER)
    return seen in (POINTS, DAYS) and wanted == NUMBER


def unit_named(text: str) -> Unit | None:
    """Return the unit that a rulebook names by `text`, or None when there is none such.

    >>> str(unit_named("annual rate")), unit_named("euro")
    ('annual rate', None)
    """
    plain = {u.kind: u for u in (*SCALARS, DATE, YES_NO)}
    if text in plain:
        return plain[text]
    kind, _, of = text.partition(" ")
    return Unit(kind, of) if kind in ("choice", "number") and of else None
