"""One person's lots of one ledger while a run goes on: what stands in them, and what is taken of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from guanhu.rulebook import tree as t
from guanhu.rulebook.lots import Moved, rating_of
from guanhu.values.dates import FAR_FUTURE, Span

_IN_ORDER = ("raised", "clawed_back", "recovered", "forfeited", "paid")
"""What may happen to a lot in an instance, in this order."""


@dataclass(slots=True)
class Lot:
    """One lot: what has been granted, paid, forfeited and clawed back of it, in fen; `rated` is its rating by line."""

    lot: str
    source: str
    granted_on: date
    due_on: date | None
    granted: int = 0
    paid: int = 0
    forfeited: int = 0
    clawed: int = 0
    rated: dict[str, int] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Return what waits."""
        return self.granted - self.paid - self.forfeited - self.clawed

    def put(self, kind: str, fen: int) -> None:
        """Enter a movement or a rating."""
        if line := rating_of(kind):
            self.rated[line] = self.rated.get(line, 0) + fen
            return
        match kind:
            case "granted" | "raised":
                self.granted += fen
            case "paid":
                self.paid += fen
            case "forfeited":
                self.forfeited += fen
            case "clawed_back":
                self.clawed += fen
            case "recovered":
                self.clawed += fen
                self.paid -= fen
            case _:
                raise ValueError(kind)


Lots = dict[str, dict[str, Lot]]
"""Subject → id of the lot → the lot."""
Steps = list[tuple[str, str, int]]
"""Lot, kind, fen: what happens to one person's lots in one instance, in order."""


def age(lot: Lot) -> tuple[date, date, str]:
    """Return what the oldest lot has least of: granted earlier, then due earlier, then the smaller id."""
    return lot.granted_on, lot.due_on or FAR_FUTURE, lot.lot


def taken(steps: Steps, lot: str, kind: str, left: dict[str, int], wanted: int) -> int:
    """Take so much of a lot as is wanted and there is, and return it."""
    part = max(min(left[lot], wanted), 0)
    if part:
        left[lot] -= part
        steps.append((lot, kind, part))
    return part


def as_published(was: Iterable[Moved], lots: Mapping[str, Lot]) -> Steps:
    """Return what was published of lots that are there, in order, so far as they still have it.

    A lot may be less than it was: an earlier instance has been followed anew.
    """
    total: Counter[tuple[str, str]] = Counter()
    for x in was:
        total[x.lot, x.kind] += x.fen
    steps: Steps = []
    left, paid = {x.lot: x.waiting for x in lots.values()}, {x.lot: x.paid for x in lots.values()}
    for kind in _IN_ORDER:
        for name in sorted(lots):
            if kind == "raised" and total[name, kind]:
                left[name] += total[name, kind]
                steps.append((name, kind, total[name, kind]))
            elif kind != "raised":
                taken(steps, name, kind, paid if kind == "recovered" else left, total[name, kind])
    return steps


def moved_of(ledger: t.LotLedger, subject: str, lot: Lot, of: Span, kind: str, fen: int) -> Moved:
    """Return a movement of a lot, dated on the last day of its instance."""
    return Moved(
        ledger.id, subject, lot.lot, lot.source, lot.granted_on, lot.due_on, of, of.last_day, kind, fen
    )


__all__ = ["Lot", "Lots", "Steps", "age", "as_published", "moved_of", "taken"]
