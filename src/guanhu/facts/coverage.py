"""`coverage.yaml`: which kinds, days and institutions a folder of files covers, and declared events.

    coverage:
      - {kinds: [balances, fees], from: 2025-01-01, to: 2025-03-31}          # both days included
      - {kinds: [posts], from: 2025-01-01, to: 2025-03-31, institutions: [A01, A02]}
    events:
      violation: {name: 违规, columns: {points: {type: number, zh: 扣分}}}

The text is read as a tree of nodes, so that nothing is guessed and every problem has its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from guanhu.facts.at_rest import kind_named
from guanhu.facts.nodes import Reader, seen
from guanhu.facts.problems import problem
from guanhu.facts.regions import ALL, Cell, Scope, disjoint, listed
from guanhu.kinds.catalogue import CATALOGUE, event_kind
from guanhu.kinds.schema import SQL_TYPES, Column, Kind, is_declared_name
from guanhu.values.dates import FAR_FUTURE, Span, date_of
from guanhu.values.problem import Place, Problem

FILE_NAME = "coverage.yaml"
VIA_ACCOUNT = frozenset({"balances", "account_rates"})
"""Kinds whose rows belong to the institution of their account on the day."""
VIA_LOAN = frozenset({"loan_states", "interest"})
"""Kinds whose rows belong to the institution of their loan."""
_COLUMN_KEYS = {"type", "zh", "required", "allowed"}


def has_institution(kind: Kind) -> bool:
    """Tell whether rows of the kind belong to institutions, so that coverage may name some of them."""
    return bool(kind.institution) or kind.name in VIA_ACCOUNT | VIA_LOAN


@dataclass(frozen=True, slots=True)
class Declared:
    """What a folder declares: cells per kind of fact (batch number 0) and its kinds of event."""

    cells: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)
    events: tuple[Kind, ...] = ()


def load_coverage(folder: Path) -> tuple[Declared, list[Problem]]:
    """Return what `coverage.yaml` of the folder declares, and its problems.

    Errors:   FAC003 … FAC008, FAC013, FAC014.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return Declared(), [problem("FAC003", Place(FILE_NAME))]
    except (OSError, UnicodeDecodeError) as error:
        return Declared(), [problem("FAC004", Place(FILE_NAME), file=FILE_NAME, seen=_read_error(error))]
    return declared_in(text)


def _read_error(error: OSError | UnicodeDecodeError) -> str:
    """Return what kept a small text file from being read."""
    return "UTF-8?" if isinstance(error, UnicodeDecodeError) else str(error.strerror)


def declared_in(text: str, file: str = FILE_NAME) -> tuple[Declared, list[Problem]]:
    """Return what a coverage text declares, and its problems."""
    reader = Reader(file)
    root = reader.root(text)
    if root is None:
        return Declared(), reader.problems or [problem("FAC013", Place(file))]
    top = reader.mapping(root, {"coverage", "events"}, "coverage, events")
    events = _events(reader, top["events"]) if "events" in top else ()
    cells = _cells(reader, top.get("coverage"), events)
    if not cells and not reader.problems:
        reader.tell("FAC013", root)
    return Declared(cells, events), reader.problems


def _cells(reader: Reader, node: yaml.Node | None, events: tuple[Kind, ...]) -> dict[str, tuple[Cell, ...]]:
    """Return the cells of every kind that the entries under `coverage` name."""
    found: dict[str, list[Cell]] = {}
    if node is None:
        return {}
    if not isinstance(node, yaml.SequenceNode):
        reader.tell("FAC005", node, seen=seen(node), expected="- {kinds: […], from: …, to: …}")
        return {}
    for entry in node.value:
        parts = reader.mapping(
            entry, {"kinds", "from", "to", "institutions"}, "kinds, from, to, institutions"
        )
        if not {"kinds", "from", "to"} <= set(parts):
            if isinstance(entry, yaml.MappingNode):
                reader.tell("FAC005", entry, seen=", ".join(parts) or "{}", expected="kinds, from, to")
            continue
        span = _span(reader, parts["from"], parts["to"])
        scope = ALL
        if "institutions" in parts:
            scope = listed(text for text, _ in reader.texts(parts["institutions"]))
        for kind in _kinds(reader, parts["kinds"], events, scope):
            if span is not None and not scope.is_empty:
                found.setdefault(kind.name, []).append(Cell(span, scope, 0))
    return {name: disjoint(cells) for name, cells in found.items()}


def _kinds(reader: Reader, node: yaml.Node, events: tuple[Kind, ...], scope: Scope) -> list[Kind]:
    """Return the kinds that an entry names, in English or Chinese."""
    kinds = []
    for text, each in reader.texts(node):
        kind = kind_called(text, events)
        if kind is None:
            known = ", ".join(k.name for k in (*CATALOGUE, *events))
            reader.tell("FAC006", each, seen=text, expected=known)
        elif not scope.is_all and not has_institution(kind):
            reader.tell("FAC008", each, kind=kind.name)
        else:
            kinds.append(kind)
    return kinds


def kind_called(text: str, events: tuple[Kind, ...] = ()) -> Kind | None:
    """Return the kind that people call `text`: by its name, its Chinese name, or an event by its own.

    >>> kind_called("余额").name
    'balances'
    """
    named = kind_named(text, events) or kind_named(f"event_{text}", events)
    return named or next((kind for kind in (*CATALOGUE, *events) if kind.zh == text), None)


def _span(reader: Reader, first: yaml.Node, last: yaml.Node) -> Span | None:
    """Return the days from `first` to `last`, both included."""
    start = date_of(seen(first))
    end = date_of(seen(last))
    if start is None:
        reader.tell("FAC007", first, seen=seen(first))
    if end is None or (start is not None and end < start) or end >= FAR_FUTURE:
        reader.tell("FAC007", last, seen=seen(last))
        return None
    return Span(start, end + timedelta(days=1)) if start else None


def _events(reader: Reader, node: yaml.Node) -> tuple[Kind, ...]:
    """Return the kinds of event declared under `events`."""
    kinds = []
    for name, body in reader.mapping(node, None, "violation: {name: …, columns: {…}}").items():
        parts = reader.mapping(body, {"name", "columns"}, "name, columns")
        if not is_declared_name(name):
            reader.tell("FAC014", body, seen=name, expected="违规 / violation / violation_2")
            continue
        columns = []
        if "columns" in parts:
            for column_name, spec in reader.mapping(
                parts["columns"], None, "points: {type: number, zh: 扣分}"
            ).items():
                column = _event_column(reader, name, column_name, spec)
                columns += [column] if column else []
        zh = seen(parts["name"]) if "name" in parts else name
        kind = event_kind(name, zh, columns)
        doubled = [c.name for c in columns if sum(other.name == c.name for other in kind.columns) > 1]
        if doubled:
            reader.tell("FAC014", body, seen=name, expected=f"{doubled[0]} ×1")
        else:
            kinds.append(kind)
    return tuple(kinds)


def _event_column(reader: Reader, event: str, name: str, spec: yaml.Node) -> Column | None:
    """Return one own column of an event; it need not be filled unless `required: yes`.

    A bare type (`扣分: number`) is what it is in a rulebook: a column that must be filled.
    """
    if isinstance(spec, yaml.ScalarNode) and seen(spec) in SQL_TYPES and is_declared_name(name):
        return Column(name, seen(spec), name, required=True)
    parts = reader.mapping(spec, _COLUMN_KEYS, ", ".join(sorted(_COLUMN_KEYS)))
    type_name = seen(parts["type"]) if "type" in parts else ""
    if type_name not in SQL_TYPES or not is_declared_name(name):
        reader.tell("FAC014", spec, seen=event, expected=f"{name}: type = {', '.join(SQL_TYPES)}")
        return None
    required = "required" in parts and seen(parts["required"]) in ("yes", "true", "是")
    allowed = tuple(text for text, _ in reader.texts(parts["allowed"])) if "allowed" in parts else ()
    zh = seen(parts["zh"]) if "zh" in parts else name
    return Column(name, type_name, zh, required=required, allowed=allowed)


def retyped(known: Sequence[Kind], declared: Sequence[Kind], code: str, file: str) -> list[Problem]:
    """Return a problem for each own column of an event that is declared with another type at rest.

    Errors:   `code`, which is FAC016 (at import) or FAC086 (when a rulebook reads the event).
    """
    before = {kind.name: kind for kind in known}
    found = []
    for kind in declared:
        for column in kind.columns:
            old = before[kind.name].column(column.name) if kind.name in before else None
            if old and (SQL_TYPES[old.type], old.scale) != (SQL_TYPES[column.type], column.scale):
                event = kind.name.removeprefix("event_")
                types = {"before": old.type, "seen": column.type}
                found.append(problem(code, Place(file), event=event, column=column.name, **types))
    return found


def coverage_as_plain(cells: Mapping[str, tuple[Cell, ...]]) -> dict[str, list[dict[str, Any]]]:
    """Return cells as a manifest writes them; `to` is the last day, included."""
    return {
        name: [
            {
                "from": cell.span.start.isoformat(),
                "to": cell.span.last_day.isoformat(),
                "institutions": None if cell.institutions is None else list(cell.institutions),
                **({"all_but": list(cell.all_but)} if cell.all_but else {}),
            }
            for cell in group
        ]
        for name, group in sorted(cells.items())
    }


def events_as_plain(events: tuple[Kind, ...]) -> dict[str, Any]:
    """Return declared events as a manifest writes them."""
    common = {column.name for column in event_kind("x", "x", ()).columns}
    return {
        kind.name.removeprefix("event_"): {
            "name": kind.zh,
            "columns": {
                c.name: {"type": c.type, "zh": c.zh, "required": c.required, "allowed": list(c.allowed)}
                for c in kind.columns
                if c.name not in common
            },
        }
        for kind in events
    }


def events_of_plain(plain: Mapping[str, Any]) -> tuple[Kind, ...]:
    """Return the declared events of a manifest."""
    return tuple(
        event_kind(
            name,
            body["name"],
            [
                Column(
                    column,
                    spec["type"],
                    spec["zh"],
                    required=spec["required"],
                    allowed=tuple(spec["allowed"]),
                )
                for column, spec in body["columns"].items()
            ],
        )
        for name, body in plain.items()
    )


def cells_of_plain(plain: Mapping[str, Any], batch_no: int) -> dict[str, tuple[Cell, ...]]:
    """Return the cells of a manifest."""
    found = {}
    for name, group in plain.items():
        cells = []
        for each in group:
            start, last = date_of(each["from"]), date_of(each["to"])
            if start is None or last is None:
                message = f"coverage of {name} has {each['from']}..{each['to']}"
                raise ValueError(message)
            scope = ALL if each["institutions"] is None else listed(each["institutions"])
            scope = scope.without(listed(each.get("all_but", ())))
            cells.append(Cell(Span(start, last + timedelta(days=1)), scope, batch_no))
        found[name] = tuple(cells)
    return found
