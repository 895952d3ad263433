"""`per: row`: a deferred line of which each row of fact has a lot of its own.

The line has to be made of one measure of dated rows, times a number that is the same in all of a person's spells: only
then is a row's part of the line its part of the measure. What is kept of such a measure are its credited rows.
"""

from __future__ import annotations

from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.refusals import Silent

_OF_LOANS = ("loans", "interest")
"""Kinds of which each row is a loan, or names one."""


def measure_of_rows(builder: Builder, reader: Reader, line: t.Line) -> str:
    """Return the name of the measure that a deferred line is made of, row by row.

    Errors:   RUL135 the line is not one measure of dated rows, times a number above 0.
    """
    names = [x.name for x in t.walk(line.value) if isinstance(x, t.MeasureRef)]
    measure = builder.measures.get(names[0]) if len(names) == 1 else None
    if not isinstance(measure, t.Measure) or not _is_in_proportion(line.value):
        _refuse(
            reader,
            f"{line.id} 不是一个逐笔指标, 也不是它乘一个数",
            f"{line.id} is not one measure of rows, nor one times a number",
            "写 pay: 指标, 或 指标 * 40%, 或 指标 * 参数(不分键的); 每笔的价放进指标的 each",
            "write pay: MEASURE, MEASURE * 40% or MEASURE * INPUT (one without keys); the price of each row belongs in the measure's `each`",
        )
    elif (wrong := _not_of_rows(measure)) is not None:
        _refuse(
            reader,
            f"{measure.title} 的行不能一笔一笔记: {wrong[0]}",
            f"the rows of {measure.id} cannot have lots of their own: {wrong[1]}",
            "用 fees、interest、loans、accounts 或申报的事件, take: sum 或 count, over: period",
            "use fees, interest, loans, accounts or a declared event, take: sum or count, over: period",
        )
    else:
        return measure.id
    raise Silent(line.id)


def refuse_other_rows(builder: Builder, reader: Reader, ledger: t.LotLedger) -> None:
    """Refuse what asks something about rows that the rows of the lots cannot answer.

    Errors:   RUL136.
    """
    measure = builder.measures.get(ledger.rows)
    kind = measure.kind if isinstance(measure, t.Measure) else None
    for asked in ledger.of_rows:
        key = "forfeits" if asked == ledger.loses else "release"
        if asked.startswith("loan "):
            if kind is None or kind.name not in _OF_LOANS:
                reader.add(
                    "RUL136",
                    reader.place_of(key),
                    f"{reader.label} 的 {key} 问借据, 它的各笔却不是借据, 也没写明借据",
                    f"{key} of {reader.label} asks about a loan, and its lots are neither loans nor name one",
                    "写 per: row, defers 的行要由 from: loans 或 interest 的指标得来",
                    "write per: row, and defer a line that is made of a measure from: loans or interest",
                )
            continue
        event = builder.events.get(asked.removeprefix("event_"))
        if event is None or kind is None or kind.key[0] not in {x.name for x in event.columns}:
            column = kind.key[0] if kind is not None else "account_id"
            reader.add(
                "RUL136",
                reader.place_of(key),
                f"{reader.label} 的 {key} 问的 {asked} 不是申报的事件, 或说不出是哪一笔",
                f"{key} of {reader.label} asks about {asked}, which is no declared event, or cannot say of which row it is",
                f"写 per: row, 在 events 申报这个事件, 它要有列 {column}",
                f"write per: row, and declare the event under events, with the column {column}",
            )


def _is_in_proportion(node: t.Expr) -> bool:
    """Tell whether a formula is its measure, times numbers above 0 and inputs without keys."""
    if isinstance(node, t.Product):
        return all(_is_in_proportion(x) for x in (node.left, node.right))
    if isinstance(node, t.Const):
        return node.value > 0
    return isinstance(node, t.MeasureRef) or (isinstance(node, t.InputRef) and not node.keys)


def _not_of_rows(measure: t.Measure) -> tuple[str, str] | None:
    """Return why single rows of a measure are not kept, in two languages; None where they are."""
    if measure.kind.dated is Dated.CHANGE:
        return "余额和贷款状态按天累计, 没有单独的笔", "balances and loan states add up over days"
    if measure.take.how not in ("sum", "count"):
        return f"take 是 {measure.take.how}", f"it takes {measure.take.how}"
    if not measure.window.is_own:
        return "over 不是 period", "it is not over the period"
    if measure.credit == "institution":
        return "它是机构的数", "it is a figure of the institution"
    if measure.round_per == "customer":
        return "它按客户取整", "it is rounded per customer"
    return None


def _refuse(reader: Reader, zh: str, en: str, hint_zh: str, hint_en: str) -> None:
    reader.add("RUL135", reader.place_of("per"), zh, en, hint_zh, hint_en)


__all__ = ["measure_of_rows", "refuse_other_rows"]
