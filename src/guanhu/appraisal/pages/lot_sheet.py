"""Pay that waits as a sheet: one row for each lot, those of people who are not appraised any more included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from guanhu.appraisal.lot_rows import kept_lots, ratings, standings
from guanhu.appraisal.pages.kept import KeptRun
from guanhu.appraisal.pages.sheet import Column, Row, Sheet
from guanhu.rulebook.lots import OPENING, Moved


def lot_sheets(kept: KeptRun) -> list[Sheet]:
    """Return the sheet of lots; none where the rulebook keeps none."""
    if not kept.rulebook.lots:
        return []
    columns = (
        Column("对象号", 12),
        Column("姓名/名称", 16),
        Column("账本", 20),
        Column("笔", 14),
        Column("来源", 20),
        Column("记入日", 12, "date"),
        Column("到期日", 12, "date"),
        Column("记入", 16, "money"),
        Column("已付", 16, "money"),
        Column("其中本次运行", 16, "money"),
        Column("不再支付", 16, "money"),
        Column("追回", 16, "money"),
        Column("待付", 16, "money"),
        Column("条款", 18),
        *((Column("各档", 40),) if _rates(kept) else ()),
    )
    return [Sheet("待付", "lots", columns, lambda: _rows(kept), frozen=2)]


def _rates(kept: KeptRun) -> bool:
    """Tell whether there is a ledger that rates its lots again."""
    return any(ledger.rerates is not None for ledger in kept.rulebook.lots.values())


def _tiers(kept: KeptRun, rated: dict[str, int]) -> str:
    """Return what a lot would be by the line of each tier, as `LINE 2.00; LINE 3.00`."""
    titles = kept.rulebook.titled
    return "; ".join(f"{titles(line)} {fen // 100}.{fen % 100:02d}" for line, fen in rated.items())


def _source(kept: KeptRun, source: str) -> str:
    """Return what a lot was granted for: a line by its name, the opening state, or a row of fact by its id."""
    return "期初" if source == OPENING else kept.rulebook.titled(source)


def _rows(kept: KeptRun) -> Iterator[Row]:
    rows = sorted(
        kept_lots(kept.engine, kept.run), key=lambda x: (x.subject_id, x.ledger, x.granted_on, x.lot)
    )
    first: dict[tuple[str, str, str], Moved] = {}
    paid: dict[tuple[str, str, str], int] = {}
    for x in rows:
        key = (x.ledger, x.subject_id, x.lot)
        first.setdefault(key, x)
        sign = {"paid": 1, "recovered": -1}.get(x.kind, 0) if x.origin in ("own", "corrected") else 0
        paid[key] = paid.get(key, 0) + sign * x.fen
    rated, rates = ratings(rows), _rates(kept)
    for key, lot in standings(rows).items():
        ledger = kept.rulebook.lots[key[0]]
        amounts = (lot.granted, lot.paid, paid[key], lot.forfeited, lot.clawed_back, lot.waiting)
        due: date | None = first[key].due_on
        yield (
            key[1],
            kept.names.of(key[1]),
            ledger.title,
            key[2],
            _source(kept, first[key].source),
            first[key].granted_on,
            due,
            *(Fraction(fen, 100) for fen in amounts),
            ledger.clause,
            *((_tiers(kept, rated.get(key, {})),) if rates else ()),
        )


__all__ = ["lot_sheets"]
