"""`round` of a measure: each row's result, or what a customer comes to, at so many places."""

from __future__ import annotations

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.fields import Reader

PLACES_MAX = 12
_SUMMED = ("sum", "daily average", "balance days", "month-end average", "named days", "at end")
"""Takes that are sums of what the customers come to."""


def rounding_of(reader: Reader, take: t.Take) -> tuple[int | None, str]:
    """Return the places and what is rounded, `row` or `customer`; (None, '') without rounding."""
    text = reader.text("round")
    if not text:
        return None, ""
    match text.split():
        case ["fen", "per", "row" | "customer" as per]:
            places = 2
        case ["places", count, "per", "row" | "customer" as per] if (
            count.isdigit() and int(count) <= PLACES_MAX
        ):
            places = int(count)
        case _:
            reader.add(
                "RUL062",
                reader.place_of("round"),
                f"看不懂 round: {text}",
                f"round {text} is not understood",
                "写成 fen per row、fen per customer 或 places 2 per row",
                "write fen per row, fen per customer, or places 2 per row",
            )
            return None, ""
    if per == "customer" and (take.how not in _SUMMED or take.over_held or reader.text("per")):
        how = f"per: {reader.text('per')}" if reader.text("per") else f"take: {reader.text('take')}"
        reader.add(
            "RUL079",
            reader.place_of("round"),
            f"按客户取整只用于合计和平均, 不能和 {how} 一起写",
            f"rounding per customer is for sums and averages; it does not go with {how}",
            "写成 per row, 或在行的公式里用 round(…)",
            "write per row, or use round(…) in the formula of a line",
        )
    return places, per
