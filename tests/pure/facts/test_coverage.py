"""`coverage.yaml` says which kinds, days and institutions are covered; a manifest says it again, unchanged."""

from datetime import date

from guanhu.facts.coverage import (
    cells_of_plain,
    coverage_as_plain,
    declared_in,
    events_as_plain,
    events_of_plain,
)
from guanhu.facts.regions import ALL, Cell, listed
from guanhu.values.dates import Span

TEXT = """
coverage:
  - {kinds: [balances, 机构], from: 2025-01-01, to: 2025-01-31}
  - {kinds: balances, from: 2025-02-01, to: 2025-02-28}
  - kinds: [posts]
    from: 2025-01-01
    to: 2025-03-31
    institutions: [A, "01"]
  - {kinds: [violation], from: 2025-01-01, to: 2025-01-31}
events:
  violation: {name: 违规, columns: {points: {type: number, zh: 扣分, required: yes}, level: {type: choice, allowed: [轻]}}}
"""


def test_both_days_are_included_and_neighbours_join() -> None:
    declared, problems = declared_in(TEXT)
    assert problems == []
    assert declared.cells["balances"] == (Cell(Span(date(2025, 1, 1), date(2025, 3, 1)), ALL, 0),)
    assert declared.cells["institutions"] == (Cell(Span(date(2025, 1, 1), date(2025, 2, 1)), ALL, 0),)


def test_institutions_are_text_even_when_they_look_like_numbers() -> None:
    declared, _ = declared_in(TEXT)
    (cell,) = declared.cells["posts"]
    assert cell.scope == listed(["A", "01"])
    assert cell.institutions == ("01", "A")


def test_events_have_their_own_columns_after_the_common_ones() -> None:
    declared, _ = declared_in(TEXT)
    (kind,) = declared.events
    assert (kind.name, kind.zh) == ("event_violation", "违规")
    assert [(c.name, c.type, c.zh, c.required, c.allowed) for c in kind.columns[-2:]] == [
        ("points", "number", "扣分", True, ()),
        ("level", "choice", "level", False, ("轻",)),
    ]


def test_a_manifest_keeps_coverage_and_events() -> None:
    declared, _ = declared_in(TEXT)
    again = cells_of_plain(coverage_as_plain(declared.cells), 0)
    assert again == declared.cells
    assert events_of_plain(events_as_plain(declared.events)) == declared.events


def test_all_but_some_is_kept_too() -> None:
    cells = {"posts": (Cell(Span(date(2025, 1, 1), date(2025, 2, 1)), ALL.without(listed(["A"])), 3),)}
    assert cells_of_plain(coverage_as_plain(cells), 3) == cells


def test_a_column_may_be_its_type_alone_as_in_a_rulebook() -> None:
    own = "{name: 违规, columns: {points: {type: number, zh: 扣分, required: yes}, level: {type: choice, allowed: [轻]}}}"
    declared, problems = declared_in(TEXT.replace(own, "{columns: {points: number, level: text}}"))
    assert problems == []
    (kind,) = declared.events
    assert [(c.name, c.type, c.required) for c in kind.columns[-2:]] == [
        ("points", "number", True),
        ("level", "text", True),
    ]
    assert [p.code for p in declared_in(TEXT.replace(own, "{columns: {points: numbre}}"))[1]] != []
