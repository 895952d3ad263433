"""Regions of coverage: days × institutions, and what is left of an older batch under newer ones.

A region is a list of cells that do not overlap:

    institution A  ████████████░░░░░░░░      █ batch 1 owns      ░ batch 2 owns (it is newer)
    institution B  ████████████████████
                   January     March
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from guanhu.values.dates import Span


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of institutions: exactly `ids`, or all but `ids` when `is_all_but`."""

    ids: frozenset[str]
    is_all_but: bool

    @property
    def is_empty(self) -> bool:
        """Tell whether no institution is in the scope."""
        return not self.ids and not self.is_all_but

    @property
    def is_all(self) -> bool:
        """Tell whether every institution is in the scope, unknown ones included."""
        return not self.ids and self.is_all_but

    def __contains__(self, institution_id: str) -> bool:
        """Tell whether one institution is in the scope."""
        return (institution_id in self.ids) != self.is_all_but

    def without(self, other: Scope) -> Scope:
        """Return the institutions that are here and not in `other`.

        >>> ALL.without(listed(["A"])) == Scope(frozenset({"A"}), True)
        True
        """
        return self.common(Scope(other.ids, not other.is_all_but))

    def common(self, other: Scope) -> Scope:
        """Return the institutions in both.

        >>> sorted(ALL.without(listed(["A"])).common(listed(["A", "B"])).ids)
        ['B']
        """
        if self.is_all_but and other.is_all_but:
            return Scope(self.ids | other.ids, is_all_but=True)
        if self.is_all_but:
            return Scope(other.ids - self.ids, is_all_but=False)
        if other.is_all_but:
            return Scope(self.ids - other.ids, is_all_but=False)
        return Scope(self.ids & other.ids, is_all_but=False)

    def joined(self, other: Scope) -> Scope:
        """Return the institutions in either."""
        if self.is_all_but and other.is_all_but:
            return Scope(self.ids & other.ids, is_all_but=True)
        if self.is_all_but:
            return Scope(self.ids - other.ids, is_all_but=True)
        if other.is_all_but:
            return Scope(other.ids - self.ids, is_all_but=True)
        return Scope(self.ids | other.ids, is_all_but=False)


ALL = Scope(frozenset(), is_all_but=True)
NONE = Scope(frozenset(), is_all_but=False)


def listed(ids: Iterable[str]) -> Scope:
    """Return the scope of exactly these institutions."""
    return Scope(frozenset(ids), is_all_but=False)


@dataclass(frozen=True, slots=True)
class Cell:
    """Days × institutions that one batch covers or owns for one kind of fact.

    `institutions` is None when the cell holds all institutions but those in `all_but`.
    """

    span: Span
    scope: Scope
    batch_no: int

    @property
    def institutions(self) -> tuple[str, ...] | None:
        """Return the institutions of the cell in order, or None for all (but `all_but`)."""
        return None if self.scope.is_all_but else tuple(sorted(self.scope.ids))

    @property
    def all_but(self) -> tuple[str, ...]:
        """Return the institutions that a cell of all institutions leaves out."""
        return tuple(sorted(self.scope.ids)) if self.scope.is_all_but else ()


def subtracted(cells: Iterable[Cell], taken: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return what is left of `cells` where none of `taken` lies, as cells that keep their batch."""
    left = list(cells)
    for other in taken:
        left = [piece for cell in left for piece in _cut(cell, other)]
    return joined(left)


def _cut(cell: Cell, other: Cell) -> list[Cell]:
    """Return the pieces of `cell` outside `other`."""
    common = cell.span.overlap(other.span)
    if common is None or cell.scope.common(other.scope).is_empty:
        return [cell]
    pieces = []
    if cell.span.start < common.start:
        pieces.append(replace(cell, span=Span(cell.span.start, common.start)))
    scope = cell.scope.without(other.scope)
    if not scope.is_empty:
        pieces.append(replace(cell, span=common, scope=scope))
    if common.end < cell.span.end:
        pieces.append(replace(cell, span=Span(common.end, cell.span.end)))
    return pieces


def joined(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return the same region with neighbours of one batch and scope as one cell, in day order.

    Cells must not overlap.
    """
    done: list[Cell] = []
    key = {cell: (cell.batch_no, cell.scope.is_all_but, sorted(cell.scope.ids)) for cell in set(cells)}
    for cell in sorted(key, key=lambda each: (key[each], each.span)):
        last = done[-1] if done else None
        if (
            last
            and (last.batch_no, last.scope) == (cell.batch_no, cell.scope)
            and last.span.end == cell.span.start
        ):
            done[-1] = replace(last, span=Span(last.span.start, cell.span.end))
        else:
            done.append(cell)
    return tuple(sorted(done, key=lambda each: (each.span, key.get(each, (0, False, [])))))


def disjoint(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return cells of one batch as a region: what is written twice counts once."""
    done: tuple[Cell, ...] = ()
    for cell in cells:
        done = (*done, *subtracted([cell], done))
    return joined(done)


def owned(newest_first: Iterable[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """Return, for each batch's cells from the newest to the oldest, the cells that no newer batch covers."""
    taken: list[Cell] = []
    found = []
    for cells in newest_first:
        found.append(subtracted(cells, taken))
        taken.extend(cells)
    return found


def scope_on_every_day(cells: Iterable[Cell], span: Span) -> Scope:
    """Return the institutions that `cells` cover on each day of `span`."""
    inside = [cell for cell in cells if cell.span.overlap(span)]
    edges = {span.start, span.end}
    for cell in inside:
        edges |= {day for day in (cell.span.start, cell.span.end) if day in span}
    ordered = sorted(edges)
    full = ALL
    for start in ordered[:-1]:
        that_day = NONE
        for cell in inside:
            if start in cell.span:
                that_day = that_day.joined(cell.scope)
        full = full.common(that_day)
    return full
