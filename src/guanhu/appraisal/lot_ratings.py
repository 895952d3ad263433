"""Lots that are rated again at the tier really reached: what each is then worth, and what is moved for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guanhu.appraisal.lot_book import Lot, Steps, taken
from guanhu.rulebook.lots import Rerating
from guanhu.values.dates import Span, unit_containing


def unit_ended(rerates: Rerating | None, days: Span) -> Span | None:
    """Return the calendar unit that an instance ends, the lots of which are rated again; None where none are."""
    unit = unit_containing(rerates.every, days.last_day) if rerates is not None else None
    return unit if unit is not None and unit.end == days.end else None


def to_be_rated(rerates: Rerating | None, days: Span, lots: Iterable[Lot]) -> list[Lot]:
    """Return the lots that an instance rates again: granted earlier in the unit that it ends, and rated then."""
    unit = unit_ended(rerates, days)
    return [x for x in lots if unit is not None and x.granted_on in unit and x.rated]


def differences(rerates: Rerating, lots: Iterable[Lot], chosen: int | None) -> dict[str, int] | None:
    """Return how much more or less each lot is worth by the chosen line; None where that is unknown.

    Units:    fen. A lot of which the line of the tier, or that of the grant, was unknown has no such rating.
    """
    found: dict[str, int] = {}
    for x in lots:
        was = x.rated.get(rerates.lines[0])
        now = x.rated.get(rerates.lines[chosen]) if chosen is not None else None
        if was is None or now is None:
            return None
        found[x.lot] = now - was
    return found


def rate(steps: Steps, worth: Mapping[str, int], left: dict[str, int], paid: dict[str, int]) -> None:
    """Move what lots are worth more or less: less is taken of what waits, then of what had been paid."""
    for lot, fen in worth.items():
        if fen > 0:
            left[lot] += fen
            steps.append((lot, "raised", fen))
        rest = -fen - taken(steps, lot, "clawed_back", left, -fen)
        taken(steps, lot, "recovered", paid, rest)


def due_at_once(
    due: list[tuple[str, int]], worth: Mapping[str, int], left: Mapping[str, int]
) -> list[tuple[str, int]]:
    """Return what falls due, and what lots are worth more with it."""
    known = dict(due)
    more = {lot: min(fen, left[lot] - known.get(lot, 0)) for lot, fen in worth.items() if fen > 0}
    return [*due, *((lot, fen) for lot, fen in more.items() if fen > 0)]


def merged(steps: Steps) -> Steps:
    """Return the steps with one for each lot and kind."""
    found: dict[tuple[str, str], int] = {}
    for lot, kind, fen in steps:
        found[lot, kind] = found.get((lot, kind), 0) + fen
    return [(lot, kind, fen) for (lot, kind), fen in found.items()]


__all__ = ["differences", "due_at_once", "merged", "rate", "to_be_rated", "unit_ended"]
