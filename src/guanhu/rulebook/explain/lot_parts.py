"""A lot of one person as the text says it, and an amount in parts: by row, by instalment, as it was published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import MeasureNote, Value
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.lots import RATED, Moved, rated_as
from guanhu.values.dates import FAR_FUTURE, add_months
from guanhu.values.exact import truncate

if TYPE_CHECKING:
    from guanhu.rulebook.explain.subject import SubjectTrace

FEN = Fraction(1, 100)
NOTHING = Fraction(0)


@dataclass(slots=True)
class Lot:
    """One lot and everything that happened to it, in yuan."""

    id: str
    source: str
    granted_on: date
    due_on: date | None
    history: list[tuple[str, Fraction]] = field(default_factory=list)

    def total(self, *kinds: str) -> Fraction:
        """Return what the movements, or ratings, of some kinds come to."""
        return sum((amount for kind, amount in self.history if kind in kinds), NOTHING)

    @property
    def paid(self) -> Fraction:
        """Return what has been paid and not been recovered."""
        return self.total("paid") - self.total("recovered")

    @property
    def waiting(self) -> Fraction:
        """Return what waits."""
        return self.total("granted", "raised") - self.total("paid", "forfeited", "clawed_back")

    @property
    def is_rated(self) -> bool:
        """Tell whether it is known what a line would have granted."""
        return any(kind.startswith(RATED) for kind, _ in self.history)

    def rating(self, line: str) -> Fraction | None:
        """Return what a line would have granted; None where that was not known."""
        known = any(kind == rated_as(line) for kind, _ in self.history)
        return self.total(rated_as(line)) if known else None

    @property
    def age(self) -> tuple[date, date, str]:
        """Return what the oldest lot has least of: granted earlier, then due earlier, then the smaller id."""
        return self.granted_on, self.due_on or FAR_FUTURE, self.id


Step = tuple[Lot, str, Fraction]


def as_kept(was: Iterable[Moved], kind: str) -> list[tuple[Lot, Fraction]]:
    """Return lots that were published with what they had of one kind."""
    kept: dict[str, Lot] = {}
    for x in was:
        if x.kind == kind:
            lot = kept.setdefault(x.lot, Lot(x.lot, x.source, x.granted_on, x.due_on))
            lot.history.append((x.kind, x.fen * FEN))
    return [(lot, lot.total(kind)) for lot in kept.values()]


def split_by_row(
    ledger: t.LotLedger, instance: Instance, trace: SubjectTrace, line: str, amount: Value | None
) -> list[Step]:
    """Return the lots of what a line comes to: of each row its part, where each has a lot."""
    if not isinstance(amount, Fraction) or amount <= 0:
        return []
    measure = dict(ledger.granting)[line]
    rows = _rows_above_nothing(trace, measure) if measure else {}
    if not rows:
        return split(ledger, instance, amount)
    parts = _in_proportion(amount, rows)
    return [step for row, part in parts for step in split(ledger, instance, part, row)]


def together(steps: Iterable[Step]) -> list[Step]:
    """Return the steps of a lot and kind as one."""
    found: dict[tuple[str, str], Step] = {}
    for lot, kind, amount in steps:
        before = found[lot.id, kind][2] if (lot.id, kind) in found else NOTHING
        found[lot.id, kind] = (lot, kind, before + amount)
    return list(found.values())


def _rows_above_nothing(trace: SubjectTrace, measure: str) -> dict[str, Fraction]:
    """Return what each row of a measure adds in all cards of an instance, of those that add anything."""
    found: dict[str, Fraction] = {}
    for card in trace.cards:
        note = card.measures[measure].note if measure in card.measures else None
        for row in note.rows if isinstance(note, MeasureNote) else ():
            if isinstance(row.amount, Fraction):
                found[row.object_id] = found.get(row.object_id, NOTHING) + row.amount
    return {row: amount for row, amount in found.items() if amount > 0}


def _in_proportion(amount: Fraction, rows: Mapping[str, Fraction]) -> list[tuple[str, Fraction]]:
    """Return an amount by row: each exact part without its broken fen, and the odd fen to whom most was broken off."""
    exact = {row: amount * part / sum(rows.values()) for row, part in rows.items()}
    parts = {row: Fraction(truncate(x * 100), 100) for row, x in exact.items()}
    odd = int((amount - sum(parts.values(), NOTHING)) * 100)
    for row in sorted(rows, key=lambda row: (parts[row] - exact[row], row))[:odd]:
        parts[row] += FEN
    return sorted(parts.items())


def split(ledger: t.LotLedger, instance: Instance, amount: Fraction, row: str = "") -> list[Step]:
    """Return the lots of an amount: its parts by largest remainder, odd fen to the earlier ones."""
    days = instance.days
    of, source = (f"{instance.key}/{row}", row) if row else (instance.key, ledger.defers)
    parts = ledger.release.parts or ((0, Fraction(1)),)
    exact = [amount * share for _, share in parts]
    cut = [Fraction(truncate(x * 100), 100) for x in exact]
    odd = int((amount - sum(cut, NOTHING)) * 100)
    order = sorted(range(len(parts)), key=lambda place: (cut[place] - exact[place], place))
    found: list[Step] = []
    for place, (months, _) in enumerate(parts):
        part = cut[place] + (FEN if place in order[:odd] else 0)
        name = of if len(parts) == 1 else f"{of}#{place + 1}"
        due = add_months(days.end, months) - timedelta(days=1) if ledger.release.how == "lag" else None
        if part:
            lot = Lot(name, source, days.last_day, due, [("granted", part)])
            found.append((lot, "granted", part))
    return found


def taken(lots: list[Lot], left: dict[str, Fraction], amount: Fraction, kind: str) -> list[Step]:
    """Return what is taken of lots, the oldest first; `left` is less by it afterwards."""
    found: list[Step] = []
    for lot in lots:
        part = max(min(left[lot.id], amount), NOTHING)
        left[lot.id] -= part
        amount -= part
        if part:
            found.append((lot, kind, part))
    return found


__all__ = ["FEN", "NOTHING", "Lot", "Step", "as_kept", "split", "split_by_row", "taken", "together"]
