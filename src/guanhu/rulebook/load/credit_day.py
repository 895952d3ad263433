"""`credit_at`: on which day it is looked up who is credited."""

from __future__ import annotations

from guanhu.kinds.schema import Dated, Kind
from guanhu.rulebook.load.fields import Reader
from guanhu.values.problem import Place

CREDIT_DAYS = ("each day", "row's day", "window start", "window end", "evaluation end")


def credit_day(reader: Reader, kind: Kind, credit: str, *, base: bool) -> str:
    """Return the fixed day on which credit is looked up; '' for each day of balances and the own day of rows."""
    usual = "each day" if kind.dated is Dated.CHANGE else "row's day"
    found = reader.one_of("credit_at", CREDIT_DAYS, usual)
    place = reader.place_of("credit_at")
    if found in ("each day", "row's day"):
        if found != usual:
            reader.add(
                "RUL077",
                place,
                f"{kind.zh}没有 {found}",
                f"{kind.name} have no {found}",
                f"写 {usual}, 或 window start、window end、evaluation end",
                f"write {usual}, or window start, window end, evaluation end",
            )
        return ""
    if base:
        reader.add(*both_days(found, place))
    elif reader.text("per") or credit == "person":
        word = f"per: {reader.text('per')}" if reader.text("per") else "credit: person"
        reader.add(
            "RUL077",
            place,
            f"{word} 不看管户, credit_at: {found} 没有意义",
            f"{word} looks up no credit, so that credit_at: {found} has no sense",
            "去掉 credit_at",
            "drop credit_at",
        )
    return found


def both_days(credit_at: str, place: Place) -> tuple[str, Place, str, str, str, str]:
    """Return the refusal of a moving baseline that is credited on a day of its own."""
    return (
        "RUL077",
        place,
        f"base of 按本期每天的管户归属, 不能再写 credit_at: {credit_at}",
        f"base of credits by each day of the instance's own window; credit_at: {credit_at} contradicts it",
        "去掉 base of, 例如 over: last year 加 credit_at: evaluation end",
        "drop `base of`, such as over: last year with credit_at: evaluation end",
    )
