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
from guanhu.values import units
from guanhu.values.exact import invariant

KINDS = {
    "granted": "记入",
    "raised": "重新定档补记",
    "paid": "支付",
    "forfeited": "不再支付",
    "clawed_back": "追回",
    "recovered": "从已付中追回",
}
EVENTS = {"left_on": "离职满 {} 个月", "left_post": "离岗满 {} 个月"}
ORIGINS = {"own": "", "corrected": "(更正已发布的 {})", "published": "", "opening": "(期初)"}


def lots_of(opened: OpenRun, person: str) -> list[Moved]:
    """Return the movements of a person's lots that a run kept, the oldest first."""
    if not opened.rulebook.lots:
        return []
    rows = [x for x in kept_lots(opened.engine, opened.run) if x.subject_id == person]
    return sorted(rows, key=lambda x: (x.ledger, x.granted_on, x.lot, x.day))


def told(opened: OpenRun, person: str) -> list[Told]:
    """Return what waits for a person, lot by lot, with every movement."""
    rows = lots_of(opened, person)
    found: list[Told] = []
    for (ledger, _, lot), standing in standings(rows).items():
        own = [x for x in rows if (x.ledger, x.lot) == (ledger, lot)]
        declared = opened.rulebook.lots[ledger]
        made = _row_of_fact(opened, own[0])
        text = f"{declared.title} {lot}: {made}待付 {_text(standing.waiting)}{_due(opened, own[0])} [{declared.clause}]"
        told_lot = Told(
            text, Fraction(standing.waiting, 100), "lot", f"ledgers.{ledger}.{lot}", declared.clause
        )
        for x in own:
            why = ORIGINS[x.origin].format(x.of)
            line = rating_of(x.kind)
            what = f"按“{opened.rulebook.titled(line)}”为" if line else f"{x.day} {KINDS[x.kind]}"
            told_lot.parts.append(
                Told(f"{what} {_text(x.fen)}{why}", Fraction(x.fen, 100), "rated" if line else "moved")
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
        (lot, *(_yuan(own[line]) if line in own else "-" for line in lines))
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
    return tuple(_yuan(fen) for fen in parts)


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def _due(opened: OpenRun, lot: Moved) -> str:
    release = opened.rulebook.lots[lot.ledger].release
    if lot.due_on is not None:
        return f", {lot.due_on} 到期"
    if release.how == "row" and release.column == "loan repaid":
        return ", 收回本金后到期"
    if release.how == "row":
        event = opened.rulebook.events[release.column.removeprefix("event_")]
        return f", 有“{event.zh}”后到期"
    if release.how == "event":
        return f", {EVENTS[release.column].format(release.months)}到期"
    return ", 先记先付"


def _row_of_fact(opened: OpenRun, lot: Moved) -> str:
    """Say which row of fact a lot was granted for, where each row has one."""
    ledger = opened.rulebook.lots[lot.ledger]
    measure = opened.rulebook.measures.get(ledger.rows)
    if not isinstance(measure, t.Measure) or not ledger.is_row(lot.source):
        return ""
    return f"出自{measure.kind.zh} {lot.source}, "


def _text(fen: int) -> str:
    return value_text(Fraction(fen, 100), units.MONEY)


__all__ = ["blocks", "lots_of", "told"]
