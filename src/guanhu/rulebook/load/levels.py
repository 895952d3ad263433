"""Lines that read lines of the institutions below: what is evaluated level by level, and in which order all stand.

A line that reads itself below, by way of others or not, forms a ring; the ring ends with the lowest
institution. Rings of any other sort have been refused while the lines were built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.parts import parts_of
from guanhu.values.problem import Place

Edges = Mapping[str, set[str]]


def order_levels(builder: Builder) -> None:
    """Put each line after those that it reads below, and mark those that are evaluated level by level.

    Errors:   RUL068, RUL042 a line below of another group or calendar unit; RUL074 a ring that goes through another group.
    """
    below = {name: list(_below(builder, name)) for name in builder.order if name not in builder.measures}
    if not any(below.values()):
        return
    for name, reads in below.items():
        _check(builder, name, reads)
    edges = {name: _read(builder, name) for name in below}
    order: list[str] = []
    marked: set[str] = set()
    for ring in _rings(edges, [name for name in builder.order if name in edges]):
        order.extend(name for name in builder.order if name in ring)
        if len(ring) > 1 or ring & edges[min(ring)]:
            marked |= ring
            _check_ring(builder, ring)
    builder.order[:] = [*(name for name in builder.order if name in builder.measures), *order]
    builder.levels = frozenset(marked)


def _nodes(builder: Builder, name: str) -> Iterator[t.Expr]:
    """Yield all parts of a line's formulas, those of the rows of its tables included."""
    declared = builder.lines.get(name) or builder.decisions[name]
    return parts_of(declared.formulas, builder.tables)


def _below(builder: Builder, name: str) -> Iterator[tuple[t.Group, t.LineRef]]:
    for part in _nodes(builder, name):
        if isinstance(part, t.Group) and part.below:
            for inner in t.walk(part.of):
                if isinstance(inner, t.LineRef):
                    yield part, inner


def _read(builder: Builder, name: str) -> set[str]:
    """Return the lines that a line reads in the same instance."""
    found: set[str] = set()
    for part in _nodes(builder, name):
        if isinstance(part, t.LineRef):
            found.add(part.name)
        elif isinstance(part, t.Streak | t.Times):
            found.add(part.line)
        elif isinstance(part, t.LotFigure) and part.ledger in builder.lots:
            formulas = builder.lots[part.ledger].formulas()
            found.update(x.name for node in formulas for x in t.walk(node) if isinstance(x, t.LineRef))
    return found


def _check(builder: Builder, name: str, reads: list[tuple[t.Group, t.LineRef]]) -> None:
    own = builder.lines.get(name) or builder.decisions[name]
    for group, ref in reads:
        line = builder.lines.get(ref.name) or builder.decisions[ref.name]
        if line.group != group.among:
            zh, en = (
                f"{ref.name} 是 {line.group} 的行, 这里是 {group.among}",
                f"{ref.name} is a line of {line.group}; this is one of {group.among}",
            )
            builder.add("RUL068", ref.place, zh, en)
        elif line.every != own.every:
            zh, en = (
                f"{ref.name} 按{line.every}计算, 这里按{own.every}计算",
                f"{ref.name} is evaluated every {line.every}; this is every {own.every}",
            )
            builder.add("RUL042", ref.place, zh, en)


def _check_ring(builder: Builder, ring: set[str]) -> None:
    """Refuse a ring that leaves its group: only the tree of institutions brings it to an end."""
    found = [builder.lines.get(name) or builder.decisions[name] for name in sorted(ring)]
    if any(isinstance(x, t.Decision) for x in found) or len({x.group for x in found}) > 1:
        place: Place = found[0].place
        names = "、".join(x.id for x in found)
        builder.add(
            "RUL074",
            place,
            f"{names} 读下级机构的数又绕回自己, 只能是同一组的行",
            f"{names} come back to themselves by way of the institutions below: they are to be lines of one group",
            "决定和别组的行不能在这个圈里",
            "decisions and lines of other groups do not belong in the ring",
        )


def _rings(edges: Edges, order: list[str]) -> list[set[str]]:
    """Return the strongly connected parts, each after those that it reads (Tarjan).

    >>> _rings({"a": {"b"}, "b": {"b", "c"}, "c": set()}, ["a", "b", "c"])
    [{'c'}, {'b'}, {'a'}]
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in sorted(edges[name] & edges.keys(), key=order.index):
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            at = stack.index(name)
            found.append(set(stack[at:]))
            del stack[at:]

    for name in order:
        if name not in number:
            visit(name)
    return found
