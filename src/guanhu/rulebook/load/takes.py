"""How the rows of a measure are taken together: the words of `take`, and the condition of its days.

`days of balance >= 100万` counts the days on which the subject's total of that day fulfils a condition, `longest run
of …` the longest that follow each other. `balance` is then the total of the day, in the unit of `each`.
"""

from __future__ import annotations

from dataclasses import replace

from guanhu.kinds.schema import Dated, Kind
from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.refusals import Silent, TypeProblem
from guanhu.rulebook.load.scope import DayScope
from guanhu.rulebook.load.text import Text
from guanhu.rulebook.load.typing import Typer
from guanhu.values.problem import Place
from guanhu.values.units import Unit

INTERVAL_TAKES = (
    "daily average",
    "daily average over days held",
    "balance days",
    "month-end average",
    "at end",
    "count",
    "lowest",
    "highest",
)
ROW_TAKES = ("sum", "count", "distinct", "mean", "lowest", "highest")
DAY_COUNTS = {"days of ": "days", "longest run of ": "longest run"}
"""How a take begins that counts days on which a condition holds → the take."""
DAY_TAKES = ("lowest", "highest", *DAY_COUNTS.values())
"""Of balances and loans: takes of the totals of single days."""
_FOREIGN = (
    t.MeasureRef,
    t.Lookup,
    t.LineRef,
    t.SubjectValue,
    t.InstanceValue,
    t.OverInstances,
    t.Previous,
    t.Streak,
    t.Times,
    t.Balance,
    t.LotFigure,
    t.State,
    t.Group,
    t.Pool,
)
"""What a condition of days may not read: it is asked of each day, not of a row or of the whole instance."""


def take_of(reader: Reader, kind: Kind, label: str) -> t.Take:
    """Return how a measure takes its rows; the condition of days is read later, when the unit is known."""
    interval = kind.dated is Dated.CHANGE
    text = reader.text("take", "daily average" if interval else "sum")
    words = text.split()
    days = _day_count(text)
    if text.startswith("mean of days ") and interval:
        named = tuple(
            0 if w == "end" else int(w) if w.isdigit() else -1
            for w in text.removeprefix("mean of days ").replace(",", " ").split()
        )
        if all(0 <= d <= 31 for d in named):
            return t.Take(how="named days", days=named)
    elif words[:1] == ["distinct"] and len(words) == 2 and _counts_things(kind, words[1]):
        return t.Take(how="distinct", column=words[1])
    elif days and interval:
        return t.Take(how=DAY_COUNTS[days])
    elif text == "daily average over days held" and interval:
        return t.Take(how="daily average", over_held=True)
    elif text in (INTERVAL_TAKES if interval else ROW_TAKES):
        return t.Take(how=text)
    allowed = "、".join(
        (
            *INTERVAL_TAKES,
            "distinct customer_id",
            "mean of days 10 20 end",
            "days of balance >= 100万",
            "longest run of balance > 0元",
        )
        if interval
        else (*ROW_TAKES, "distinct customer_id")
    )
    reader.add(
        "RUL061",
        reader.place_of("take"),
        f"{kind.zh} 不能这样汇总: {text}",
        f"{kind.name} cannot be taken as {text}",
        f"可写: {allowed}",
        f"known: {allowed}",
    )
    raise Silent(label)


def _counts_things(kind: Kind, column: str) -> bool:
    """Tell whether the things in a column can be counted: of balances and loans only customers have several."""
    return column == "customer_id" if kind.dated is Dated.CHANGE else kind.column(column) is not None


def _day_count(text: str) -> str:
    return next((begin for begin in DAY_COUNTS if text.startswith(begin)), "")


def with_condition(builder: Builder, reader: Reader, take: t.Take, unit: Unit) -> t.Take:
    """Return the take with the condition of its days, `balance` being a day's total in the unit of `each`."""
    tree = reader.tree("take")
    if take.how not in DAY_COUNTS.values() or not isinstance(tree, Text):
        return take
    lead = len(_day_count(tree.text.strip()))
    shift = len(tree.text) - len(tree.text.lstrip()) + lead
    written = Text(
        tree.text.strip()[lead:],
        replace(tree.place, column=tree.place.column + shift) if tree.place.column else tree.place,
        quoted=tree.quoted,
    )
    node = reader.parse(written)
    if node is None:
        raise Silent(reader.label)
    try:
        condition = Typer(builder, DayScope(unit)).condition(node)
    except TypeProblem as error:
        if error.problem.code != "RUL030":
            raise
        raise _not_of_a_day(error.problem.place) from error
    parts = list(t.walk(condition))
    foreign = [x.place for x in parts if isinstance(x, _FOREIGN)]
    if foreign or not any(isinstance(x, t.RowValue) for x in parts):
        raise _not_of_a_day(foreign[0] if foreign else written.place)
    return replace(take, condition=condition)


def check_days_held(reader: Reader, take: t.Take, per: str, credit: str) -> None:
    """Refuse days held of what holds no post: an account, a customer, the institution of a person."""
    if take.over_held and (per or credit == "institution"):
        word = f"per: {per}" if per else "credit: institution"
        reader.add(
            "RUL076",
            reader.place_of("take"),
            f"over days held 除以本人在岗的天数, 不能和 {word} 一起写",
            f"over days held divides by the person's days in post; it does not go with {word}",
            "写 take: daily average",
            "write take: daily average",
        )


def _not_of_a_day(place: Place) -> TypeProblem:
    return TypeProblem(
        "RUL075",
        place,
        "按天数的条件只能用 balance(当天的合计)、数和参数, 并且要写到 balance",
        "a condition of days reads balance (the total of the day), numbers and inputs, and has to read balance",
        "要按账户、客户筛选的写进 where; 例如 take: days of balance >= 100万",
        "what chooses accounts or customers belongs in where; such as take: days of balance >= 100万",
    )


def refuse_base(take: t.Take, place: Place) -> None:
    """Refuse a moving baseline of what looks at the days held: it is credited by the days of another window."""
    if take.how in DAY_TAKES or take.over_held:
        how = f"{take.how} over days held" if take.over_held else take.how
        raise TypeProblem(
            "RUL078",
            place,
            f"{how} 看的是窗内在岗的日子, 不能作移动基数(base of)",
            f"{how} looks at the days held in its window and cannot be a moving baseline (base of)",
            "去掉 base of, 用 last year 或 same period last year(按当时的管户)",
            "drop `base of`: the days of last year go to those in charge then",
        )
