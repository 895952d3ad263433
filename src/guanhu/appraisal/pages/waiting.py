"""Pay that waits, as explain and the statement say it: each lot with its dates, what moved in the run, what waits."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from guanhu.appraisal.agreement import lot_differences
from guanhu.appraisal.lot_rows import LotKey, Standing, kept_lots, ratings, standings
from guanhu.appraisal.opened import OpenRun
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.telling import Told, value_text
from guanhu.rulebook.lots import Moved, rating_of
from guanhu.rulebook.print import blocks as b
from guanhu.rulebook.print.english import kind_text
from guanhu.values import units
from guanhu.values.exact import invariant, money_shown
from guanhu.values.language import ZH, worded

KINDS = {
    "granted": "记入",
    "raised": "重新定档补记",
    "paid": "支付",
    "forfeited": "不再支付",
    "clawed_back": "追回",
    "recovered": "从已付中追回",
}
_KINDS_EN = {
    "granted": "granted",
    "raised": "raised, rated again",
    "paid": "paid",
    "forfeited": "forfeited",
    "clawed_back": "clawed back",
    "recovered": "recovered from what was paid",
}
_EVENTS = {
    "left_on": (", 离职满 {n} 个月到期", ", due {n} months after leaving"),
    "left_post": (", 离岗满 {n} 个月到期", ", due {n} months after leaving the post"),
}
_ORIGINS = {
    "own": ("", ""),
    "corrected": ("(更正已发布的 {of})", " (corrects {of}, which was published)"),
    "published": ("", ""),
    "opening": ("(期初)", " (opening state)"),
}


def lots_of(opened: OpenRun, person: str) -> list[Moved]:
    """Return the movements of a person's lots that a run kept, the oldest first."""
    if not opened.rulebook.lots:
        return []
    rows = [x for x in kept_lots(opened.engine, opened.run) if x.subject_id == person]
    return sorted(rows, key=lambda x: (x.ledger, x.granted_on, x.lot, x.day))


def told(opened: OpenRun, person: str, lang: str = ZH) -> list[Told]:
    """Return what waits for a person, lot by lot, with every movement."""
    rows = lots_of(opened, person)
    found: list[Told] = []
    for (ledger, _, lot), standing in standings(rows).items():
        own = [x for x in rows if (x.ledger, x.lot) == (ledger, lot)]
        declared = opened.rulebook.lots[ledger]
        text = worded(
            lang,
            "{title} {lot}: {made}待付 {waiting}{due} [{clause}]",
            "{title} {lot}: {made}{waiting} waiting{due} [{clause}]",
            title=declared.title,
            lot=lot,
            made=_row_of_fact(opened, own[0], lang),
            waiting=_text(standing.waiting, lang),
            due=_due(opened, own[0], lang),
            clause=declared.clause,
        )
        told_lot = Told(
            text, Fraction(standing.waiting, 100), "lot", f"ledgers.{ledger}.{lot}", declared.clause
        )
        for x in own:
            why = worded(lang, *_ORIGINS[x.origin], of=x.of)
            line = rating_of(x.kind)
            if line:
                what = worded(lang, "按“{line}”为", "by “{line}”", line=opened.rulebook.titled(line))
            else:
                what = f"{x.day} {worded(lang, KINDS[x.kind], _KINDS_EN[x.kind])}"
            told_lot.parts.append(
                Told(f"{what} {_text(x.fen, lang)}{why}", Fraction(x.fen, 100), "rated" if line else "moved")
            )
        found.append(told_lot)
    return found


def blocks(opened: OpenRun, person: str) -> Iterator[b.Block]:
    """Yield the tables of what waits, by ledger; run and explain agree on each movement.

    Errors:   InvariantBroken INV-E1.
    """
    rows = lots_of(opened, person)
    if not rows:
        return
    wrong = lot_differences(opened, person)
    invariant(not wrong, "INV-E1", f"{person} lots: {wrong[:1]}")
    last = opened.period.last_day
    yield b.Heading(f"待付的薪酬(截至 {last})", 1)
    for name, declared in opened.rulebook.lots.items():
        own = [x for x in rows if x.ledger == name]
        if not own:
            continue
        lines = [
            _row(opened, next(x for x in own if x.lot == lot), standing)
            for (_, _, lot), standing in standings(own).items()
        ]
        total = Standing()
        for x in own:
            total.enter(x.kind, x.fen)
        heads = ("笔", "记入日", "到期", "记入(元)", "已付(元)", "不再支付(元)", "追回(元)", "待付(元)")
        lines.append(("合计", "", "", *_amounts(total)))
        yield b.Grid(heads, tuple(lines), align="lllrrrrr", caption=f"{declared.title} [{declared.clause}]")
        if rated := ratings(own):
            yield _tiers(opened, declared, rated)
    yield b.Text("记入 = 已付 + 不再支付 + 追回 + 待付。", quiet=True)


def _tiers(opened: OpenRun, ledger: t.LotLedger, rated: dict[LotKey, dict[str, int]]) -> b.Grid:
    """Return what each lot would be at each tier; "-" where that was not known."""
    lines = [line for line, _ in ledger.granting]
    found = [
        (lot, *(money_shown(own[line]) if line in own else "-" for line in lines))
        for (_, _, lot), own in rated.items()
    ]
    heads = ("笔", *(f"{opened.rulebook.titled(line)}(元)" for line in lines))
    caption = f"{ledger.title}: 各笔按各档是多少 [{ledger.clause}]"
    return b.Grid(heads, tuple(found), align="l" + "r" * len(lines), caption=caption)


def _row(opened: OpenRun, lot: Moved, standing: Standing) -> tuple[str, ...]:
    due = _due(opened, lot).removeprefix(", ").removesuffix("到期").strip()
    return lot.lot, str(lot.granted_on), due, *_amounts(standing)


def _amounts(standing: Standing) -> tuple[str, ...]:
    parts = (standing.granted, standing.paid, standing.forfeited, standing.clawed_back, standing.waiting)
    return tuple(money_shown(fen) for fen in parts)


def _due(opened: OpenRun, lot: Moved, lang: str = ZH) -> str:
    release = opened.rulebook.lots[lot.ledger].release
    if lot.due_on is not None:
        return worded(lang, ", {day} 到期", ", due {day}", day=lot.due_on)
    if release.how == "row" and release.column == "loan repaid":
        return worded(lang, ", 收回本金后到期", ", due when the loan is repaid")
    if release.how == "row":
        event = opened.rulebook.events[release.column.removeprefix("event_")]
        return worded(lang, ", 有“{event}”后到期", ", due after “{event}”", event=event.zh)
    if release.how == "event":
        return worded(lang, *_EVENTS[release.column], n=release.months)
    return worded(lang, ", 先记先付", ", the oldest is paid first")


def _row_of_fact(opened: OpenRun, lot: Moved, lang: str) -> str:
    """Say which row of fact a lot was granted for, where each row has one."""
    ledger = opened.rulebook.lots[lot.ledger]
    measure = opened.rulebook.measures.get(ledger.rows)
    if not isinstance(measure, t.Measure) or not ledger.is_row(lot.source):
        return ""
    kind = measure.kind.zh if lang == ZH else kind_text(measure.kind)
    return worded(lang, "出自{kind} {id}, ", "of {kind} {id}, ", kind=kind, id=lot.source)


def _text(fen: int, lang: str) -> str:
    return value_text(Fraction(fen, 100), units.MONEY, lang)


__all__ = ["blocks", "lots_of", "told"]
