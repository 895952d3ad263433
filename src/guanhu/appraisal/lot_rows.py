"""Lots as a run keeps them: one row for each movement and rating, those of earlier runs and of opening_state included.

    lots(subject_id, ledger, lot, source, granted_on, due_on, of_start, of_end, day, kind, fen, origin)

`of_start` and `of_end` (not included) are the days of the instance that a movement belongs to, `day` is when it was
moved. `origin`: own and corrected are this run's, and are what later runs read of it; published and opening were
there before. So the rows of a run alone tell what waits after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from guanhu.appraisal.corrections import Kept, path_of
from guanhu.appraisal.engine import Engine
from guanhu.rulebook.lots import Moved, rating_of
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import Span
from guanhu.values.exact import invariant

_COLUMNS = (
    ("subject_id", "VARCHAR"),
    ("ledger", "VARCHAR"),
    ("lot", "VARCHAR"),
    ("source", "VARCHAR"),
    ("granted_on", "DATE"),
    ("due_on", "DATE"),
    ("of_start", "DATE"),
    ("of_end", "DATE"),
    ("day", "DATE"),
    ("kind", "VARCHAR"),
    ("fen", "BIGINT"),
    ("origin", "VARCHAR"),
)
_ROWS = """
SELECT ledger, subject_id, lot, source, granted_on, due_on, of_start, of_end, day, kind, fen, origin
FROM read_parquet(:path) ORDER BY ALL
"""


@dataclass(slots=True)
class Standing:
    """What one lot has come to by a day, in fen."""

    granted: int = 0
    paid: int = 0
    forfeited: int = 0
    clawed_back: int = 0

    @property
    def waiting(self) -> int:
        """Return what waits."""
        return self.granted - self.paid - self.forfeited - self.clawed_back

    def enter(self, kind: str, fen: int) -> None:
        """Enter a movement: what is recovered had been paid, and is not any more. A rating moves nothing."""
        if rating_of(kind):
            return
        if kind == "recovered":
            self.paid -= fen
        name = {"recovered": "clawed_back", "raised": "granted"}.get(kind, kind)
        setattr(self, name, getattr(self, name) + fen)


LotKey = tuple[str, str, str]
"""Ledger, subject and lot."""


def standings(rows: Iterable[Moved], day: date | None = None) -> dict[LotKey, Standing]:
    """Return what each lot has come to, by a day if one is named."""
    found: dict[LotKey, Standing] = {}
    for x in rows:
        if day is None or x.day <= day:
            found.setdefault((x.ledger, x.subject_id, x.lot), Standing()).enter(x.kind, x.fen)
    return found


def ratings(rows: Iterable[Moved]) -> dict[LotKey, dict[str, int]]:
    """Return what each line would have granted of each lot that is rated, in fen."""
    found: dict[LotKey, dict[str, int]] = {}
    for x in rows:
        if line := rating_of(x.kind):
            own = found.setdefault((x.ledger, x.subject_id, x.lot), {})
            own[line] = own.get(line, 0) + x.fen
    return found


def hold_balance(rows: Iterable[Moved]) -> None:
    """Hold INV-L1: of no lot is more paid, forfeited and clawed back than was granted, and nothing is below zero."""
    for key, lot in standings(rows).items():
        parts = (lot.waiting, lot.paid, lot.forfeited, lot.clawed_back)
        invariant(min(parts) >= 0, "INV-L1", f"{' '.join(key)}: {lot}")


def load_lots(engine: Engine, name: str, rows: list[Moved]) -> None:
    """Make the table `name` of movements.

    Errors:   InvariantBroken INV-L1.
    """
    hold_balance(rows)
    engine.load(
        name,
        _COLUMNS,
        [
            (
                x.subject_id,
                x.ledger,
                x.lot,
                x.source,
                x.granted_on,
                x.due_on,
                x.of.start,
                x.of.end,
                x.day,
                x.kind,
                x.fen,
                x.origin,
            )
            for x in rows
        ],
    )


def kept_lots(engine: Engine, run: Kept) -> list[Moved]:
    """Return the movements that a run kept; a run of before there were lots kept none."""
    if not run.table("lots").is_file():
        return []
    query = filled(_ROWS, path=path_of(run, "lots"))
    return [
        Moved(ledger, who, lot, source, granted, due, Span(start, end), day, kind, int(fen), origin)
        for ledger, who, lot, source, granted, due, start, end, day, kind, fen, origin in engine.rows(query)
    ]


def published_lots(engine: Engine, run: Kept) -> list[Moved]:
    """Return what a published run moved itself, for the runs after it."""
    own = [x for x in kept_lots(engine, run) if x.origin in ("own", "corrected")]
    return [
        Moved(
            x.ledger,
            x.subject_id,
            x.lot,
            x.source,
            x.granted_on,
            x.due_on,
            x.of,
            x.day,
            x.kind,
            x.fen,
            "published",
        )
        for x in own
    ]


def holders(engine: Engine, run: Kept) -> list[str]:
    """Return everybody of whom a run kept lots."""
    if not run.table("lots").is_file():
        return []
    query = filled(
        "SELECT DISTINCT subject_id FROM read_parquet(:path) ORDER BY 1", path=path_of(run, "lots")
    )
    return [str(subject) for (subject,) in engine.rows(query)]


__all__ = [
    "LotKey",
    "Standing",
    "hold_balance",
    "holders",
    "kept_lots",
    "load_lots",
    "published_lots",
    "ratings",
    "standings",
]
