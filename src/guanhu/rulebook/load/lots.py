"""Building ledgers of lots: deferral, release, forfeiture and clawback.

ledgers:
  延期:
    clause: 第十六条
    defers: 延期额                               # a line of money: what it comes to becomes a lot
    per: row                                    # a lot for each row of fact that the line is made of (`lot_per_row`)
    release: in 3 equal parts every 12 months   # after 12 months | in parts of 20% 30% 50% every 12 months
                                                # left_on + 6 months | left_post + 6 months | oldest first
                                                # loan repaid | event 到期兑付: with `per: row`
    forfeits: loan bad                          # or: event 提前支取; with `per: row`
    amount: 可兑付                               # with `oldest first`: so much in each instance
    when: 考核合格                               # looked at when a part falls due
    otherwise: forfeited                        # or: waits
    leaver: keeps                               # or: forfeited, paid
    claws: 追回额                                # so much in each instance, the oldest lot first
    claws_from: waiting                         # or: waiting then paid
    rerates: year                               # in its last instance: the lots granted in it, by the tier reached
    at:                                         # read from the top, like the cases of a line (`lot_rating`)
      - {when: 完成率 >= 120%, line: 提成三档}
      - {otherwise: 提成}
    more: with its lot                          # or: at once
    sound_pay: {of: 浮动薪酬, when: post = 行长}    # hold it to the guideline on sound pay (`sound_pay`)
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.build_small import group_of
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.lot_names import is_of_lots
from guanhu.rulebook.load.lot_per_row import measure_of_rows, refuse_other_rows
from guanhu.rulebook.load.lot_rating import of_the_same_rows, rerating
from guanhu.rulebook.load.refusals import Silent, TypeProblem
from guanhu.rulebook.load.scope import LineScope
from guanhu.rulebook.load.sound_pay import tell_schedule
from guanhu.rulebook.load.text import Tree
from guanhu.rulebook.load.typing import Typer, as_number
from guanhu.rulebook.parts import parts_of
from guanhu.values import units
from guanhu.values.dates import MONTHS_OF
from guanhu.values.exact import decimal_of
from guanhu.values.problem import Place

_KEYS = (
    "who",
    "every",
    "defers",
    "per",
    "release",
    "forfeits",
    "amount",
    "when",
    "otherwise",
    "leaver",
    "claws",
    "claws_from",
    "rerates",
    "at",
    "more",
    "sound_pay",
)
_EVERY = r"every (?:(?P<months>[1-9][0-9]?) months|(?P<unit>month|quarter|half|year))"
_LAG = re.compile(r"after (?P<months>[1-9][0-9]{0,2}) months?", re.ASCII)
_EQUAL = re.compile(rf"in (?P<count>[1-9][0-9]?) equal parts {_EVERY}", re.ASCII)
_PARTS = re.compile(rf"in parts of (?P<shares>[0-9.]+%(?: [0-9.]+%)*) {_EVERY}", re.ASCII)
_OF_ROW = re.compile(r"event \w+")
_EVENT = re.compile(r"(?P<column>left_on|left_post) \+ (?P<months>[1-9][0-9]{0,2}) months?", re.ASCII)


def lot_ledger(builder: Builder, name: str, place: Place) -> t.LotLedger:
    """Return a ledger of lots, built now if it has not been."""
    return builder.on_demand(f"ledger:{name}", builder.lots, name, place, lambda: _built(builder, name))


def build_lots(builder: Builder, name: str, tree: Tree) -> None:
    """Add a ledger of lots, and hold the line that it defers to be one of its own group and calendar.

    Errors:   RUL030 no such line, RUL131 the line is no money, or of another group or calendar unit.
    """
    ledger = lot_ledger(builder, name, tree.place)
    reader = builder.reader("ledgers", name, _KEYS)
    if ledger.defers not in builder.raw["lines"]:
        reader.add(
            "RUL030",
            reader.place_of("defers"),
            f"没有叫 {ledger.defers} 的行",
            f"no line is called {ledger.defers}",
        )
        return
    line = builder.line(ledger.defers, tree.place)
    if (line.group, line.every, line.unit) != (ledger.group, ledger.every, units.MONEY):
        reader.add(
            "RUL131",
            reader.place_of("defers"),
            f"{ledger.defers} 应当是 {ledger.group} 按{ledger.every}算的金额, 它是 {line.group} 按{line.every}算的 {line.unit}",
            f"{ledger.defers} is to be money of {ledger.group} every {ledger.every}; it is {line.unit} of {line.group} every {line.every}",
        )
    if reader.one_of("per", ("line", "row"), "line") == "row":
        # Not while the ledger is built: the line may read what the ledger comes to.
        ledger = builder.lots[name] = replace(ledger, rows=measure_of_rows(builder, reader, line))
    if ledger.rerates is not None:
        ledger = builder.lots[name] = replace(ledger, rerates=of_the_same_rows(builder, reader, ledger))
    refuse_other_rows(builder, reader, ledger)


def _built(builder: Builder, name: str) -> t.LotLedger:
    reader = builder.reader("ledgers", name, _KEYS)
    common = builder.common(reader, name, "ledgers")
    group, every = group_of(builder, reader), builder.every_of(reader)
    if builder.groups[group].subject != "person" or every not in MONTHS_OF:
        reader.add(
            "RUL131",
            reader.place,
            f"{reader.label} 的账本按人、按月季半年或年记",
            f"{reader.label}: lots are kept for persons, every month, quarter, half or year",
        )
        raise Silent(name)
    typer = Typer(builder, LineScope(every=every, group=group, own=name))
    ledger = t.LotLedger(
        group=group,
        every=every,
        defers=reader.required("defers"),
        release=_release(reader),
        loses=_loses(reader),
        amount=_money(reader, typer, "amount"),
        when=_when(reader, typer),
        otherwise=reader.one_of("otherwise", ("forfeited", "waits"), "forfeited"),
        leaver=reader.one_of("leaver", ("keeps", "forfeited", "paid"), "keeps"),
        claws=_money(reader, typer, "claws"),
        claws_paid=reader.one_of("claws_from", ("waiting", "waiting then paid"), "waiting")
        == "waiting then paid",
        rerates=rerating(builder, reader, typer, every),
        **common,
    )
    _refuse_contradictions(reader, ledger)
    tell_schedule(reader, ledger.release)
    for node in ledger.formulas():
        _refuse_foreign(builder, ledger, node)
    return ledger


def _money(reader: Reader, typer: Typer, key: str) -> t.Expr | None:
    node = reader.formula(key) if reader.has(key) else None
    return as_number(typer.number(node, units.MONEY, key)) if node is not None else None


def _when(reader: Reader, typer: Typer) -> t.Expr | None:
    node = reader.formula("when") if reader.has("when") else None
    return typer.condition(node) if node is not None else None


def _loses(reader: Reader) -> str:
    text = " ".join(reader.text("forfeits").split())
    if text in ("", "loan bad") or _OF_ROW.fullmatch(text):
        return text.replace("event ", "event_")
    reader.add(
        "RUL132",
        reader.place_of("forfeits"),
        f"看不懂 forfeits: {text}",
        f"forfeits {text} is not understood",
        "写 loan bad 或 event 加申报的事件名",
        "write loan bad, or event and the name of a declared event",
    )
    raise Silent(reader.label)


def _release(reader: Reader) -> t.Release:
    text = " ".join(reader.required("release").split())
    if text == "oldest first":
        return t.Release("oldest")
    if text == "loan repaid" or _OF_ROW.fullmatch(text):
        return t.Release("row", column=text.replace("event ", "event_"))
    if found := _LAG.fullmatch(text):
        return t.Release("lag", ((int(found["months"]), Fraction(1)),))
    if found := _EVENT.fullmatch(text):
        return t.Release("event", column=found["column"], months=int(found["months"]))
    equal, unlike = _EQUAL.fullmatch(text), _PARTS.fullmatch(text)
    shares: list[Fraction] = []
    if equal is not None:
        shares = [Fraction(1, int(equal["count"]))] * int(equal["count"])
    elif unlike is not None:
        shares = [x for x in (decimal_of(part) for part in unlike["shares"].split()) if x is not None]
    parts = equal or unlike
    if parts is None or sum(shares) != 1:
        reader.add(
            "RUL132",
            reader.place_of("release"),
            f"看不懂 release: {text}",
            f"release {text} is not understood",
            "写 after 12 months、in 3 equal parts every 12 months、in parts of 20% 30% 50% every 12 months(合计 100%)、left_on + 6 months、left_post + 6 months、loan repaid、event 事件名 或 oldest first",
            "write after 12 months, in 3 equal parts every 12 months, in parts of 20% 30% 50% every 12 months (100% together), left_on + 6 months, left_post + 6 months, loan repaid, event NAME or oldest first",
        )
        raise Silent(reader.label)
    step = int(parts["months"]) if parts["months"] else MONTHS_OF[parts["unit"]]
    return t.Release("lag", tuple((step * place, share) for place, share in enumerate(shares, 1)))


def _refuse_contradictions(reader: Reader, ledger: t.LotLedger) -> None:
    """Refuse keys that say something that another key leaves no room for."""
    wrong = [
        ("amount", (ledger.release.how == "oldest") != (ledger.amount is not None)),
        ("otherwise", reader.has("otherwise") and ledger.when is None),
        ("claws_from", reader.has("claws_from") and ledger.claws is None),
        ("leaver", reader.has("leaver") and ledger.release.how == "event"),
    ]
    hints = {
        "amount": ("amount 和 release: oldest first 一起写", "amount goes with release: oldest first"),
        "otherwise": ("otherwise 要和 when 一起写", "otherwise goes with when"),
        "claws_from": ("claws_from 要和 claws 一起写", "claws_from goes with claws"),
        "leaver": (
            "按离开时间释放的, 离开后怎么办由 when 和 otherwise 写明",
            "what is released after leaving says with when and otherwise what becomes of it",
        ),
    }
    for key, is_wrong in wrong:
        if is_wrong:
            zh, en = hints[key]
            reader.add(
                "RUL133",
                reader.place_of(key),
                f"{reader.label} 的 {key} 和别的项矛盾",
                f"{key} of {reader.label} contradicts another key",
                zh,
                en,
            )


_READABLE = (
    t.Const,
    t.WordConst,
    t.DateConst,
    t.YesNoConst,
    t.InputRef,
    t.LineRef,
    t.LotFigure,
    t.SubjectValue,
    t.InstanceValue,
)


def _refuse_foreign(builder: Builder, ledger: t.LotLedger, node: t.Expr) -> None:
    """Refuse what is not known of somebody who has lots and is not appraised any more.

    Errors:   TypeProblem RUL130.
    """
    for part in parts_of([node], builder.tables):
        if isinstance(part, t.MeasureRef):
            if isinstance(builder.measures[part.name], t.FigureMeasure):
                continue
        elif isinstance(part, t.LotFigure):
            if part.ledger == ledger.id and part.what in ("waiting", "paid"):
                continue
        elif isinstance(part, _READABLE) or (
            any(True for _ in part.children()) and not isinstance(part, t.Group | t.Pool | t.Previous)
        ):
            continue
        raise TypeProblem(
            "RUL130",
            part.place,
            f"账本 {ledger.id} 的公式不能读这个量",
            f"a formula of ledger {ledger.id} cannot read this figure",
            "可读: 参数、人工决定、银行报送的指标值、本人的属性、同组的行、本账本的余额; 别的先写成一行",
            "it reads inputs, people's decisions, figures supplied, the person's attributes, lines of the group and the ledger's own balance; make anything else a line",
        )


__all__ = ["build_lots", "is_of_lots", "lot_ledger"]
