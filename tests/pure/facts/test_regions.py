"""Regions of coverage agree with single points: (day, institution) pairs that a set holds or does not."""

from datetime import date, timedelta

from hypothesis import given, strategies as st

from guanhu.facts.regions import (
    ALL,
    Cell,
    Scope,
    disjoint,
    joined,
    listed,
    owned,
    scope_on_every_day,
    subtracted,
)
from guanhu.values.dates import Span

DAYS = [date(2025, 1, 1) + timedelta(days=index) for index in range(8)]
INSTITUTIONS = ("A", "B", "C", "unknown")

spans = st.tuples(st.integers(0, 6), st.integers(1, 7)).filter(lambda ends: ends[0] < ends[1])
scopes = st.builds(Scope, st.frozensets(st.sampled_from(INSTITUTIONS[:3])), st.booleans()).filter(
    lambda scope: not scope.is_empty
)
cells = st.builds(
    lambda ends, scope, batch: Cell(Span(DAYS[ends[0]], DAYS[ends[1]]), scope, batch),
    spans,
    scopes,
    st.just(1),
)
regions = st.lists(cells, max_size=4).map(disjoint)


def points(region: tuple[Cell, ...]) -> list[tuple[date, str]]:
    return sorted(
        (day, institution)
        for cell in region
        for day in DAYS
        for institution in INSTITUTIONS
        if day in cell.span and institution in cell.scope
    )


@given(st.lists(cells, max_size=4))
def test_disjoint_cells_hold_each_point_once(found: list[Cell]) -> None:
    assert points(disjoint(found)) == sorted(set(points(tuple(found))))


@given(regions, regions)
def test_what_is_left_is_what_the_other_does_not_hold(one: tuple[Cell, ...], other: tuple[Cell, ...]) -> None:
    assert set(points(subtracted(one, other))) == set(points(one)) - set(points(other))


@given(regions)
def test_joining_changes_no_point(region: tuple[Cell, ...]) -> None:
    assert points(joined(region)) == points(region)


@given(st.lists(regions, max_size=4))
def test_every_point_belongs_to_the_newest_that_covers_it(newest_first: list[tuple[Cell, ...]]) -> None:
    found = owned(newest_first)
    for day in DAYS:
        for institution in INSTITUTIONS:
            covering = [(day, institution) in points(region) for region in newest_first]
            owning = [(day, institution) in points(region) for region in found]
            newest = covering.index(True) if True in covering else None
            assert owning == [index == newest for index in range(len(newest_first))]


@given(regions)
def test_scope_on_every_day_is_what_each_day_has(region: tuple[Cell, ...]) -> None:
    span = Span(DAYS[1], DAYS[5])
    scope = scope_on_every_day(region, span)
    held = set(points(region))
    for institution in INSTITUTIONS:
        is_held = all((day, institution) in held for day in DAYS if day in span)
        assert (institution in scope) == is_held


@given(scopes, scopes)
def test_scopes_are_sets(one: Scope, other: Scope) -> None:
    for institution in INSTITUTIONS:
        here, there = institution in one, institution in other
        assert (institution in one.common(other)) == (here and there)
        assert (institution in one.joined(other)) == (here or there)
        assert (institution in one.without(other)) == (here and not there)


def test_the_whole_bank_holds_institutions_that_nobody_knows() -> None:
    assert "new" in ALL
    assert "new" not in listed(["A"])
    assert "new" in ALL.without(listed(["A"]))
