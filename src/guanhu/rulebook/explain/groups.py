"""Figures of the others: read from the kept results of the same instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.facts import SubjectFacts
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.values import Traced, Unknown, Value


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group in an instance, as kept: the card in force at its end."""

    subject_id: str
    attributes: Mapping[str, Value]
    lines: Mapping[str, Value]
    measures: Mapping[str, Value]


class Others(Protocol):
    """The kept results of other subjects, and the facts of institutions."""

    def members(self, instance_key: str, group: str) -> list[Member]:
        """Return the members of a group in an instance."""

    def institution(self, institution_id: str) -> SubjectFacts:
        """Return the facts of an institution and all below it."""


class _MemberLeaves:
    """Leaves of a gathered formula, for another subject."""

    def __init__(self, member: Member) -> None:
        self.member = member

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        raise TypeError(f"table {name} cannot be looked up for others")

    def leaf(self, node: t.Expr) -> Traced:
        match node:
            case t.LineRef():
                return Traced(node, self.member.lines.get(node.name, Unknown(f"lines.{node.name}", "absent")))
            case t.MeasureRef():
                return Traced(
                    node, self.member.measures.get(node.name, Unknown(f"measures.{node.name}", "absent"))
                )
            case t.SubjectValue():
                return Traced(
                    node, self.member.attributes.get(node.column, Unknown(f"subject.{node.column}", "absent"))
                )
            case _:
                raise TypeError(f"{type(node).__name__} cannot be gathered from others")


def group_figure(
    node: t.Group,
    others: Others,
    instance_key: str,
    subject_id: str,
    attributes: Mapping[str, Value],
    own: Traced | None,
) -> Traced:
    """Return a figure among a group. One unknown member, or too few of them, make it unknown."""
    values: list[Value] = []
    mine: Value | None = own.value if own is not None else None
    for member in others.members(instance_key, node.among):
        if any(member.attributes.get(by) != attributes.get(by) for by in node.by):
            continue
        if member.subject_id == subject_id and own is not None:
            if node.self_in:
                values.append(own.value)
            continue
        values.append(evaluate(node.of, _MemberLeaves(member)).value)
    gathered = [*values, *([mine] if mine is not None and not node.self_in else [])]
    unknown = next((v for v in gathered if isinstance(v, Unknown)), None)
    if unknown is not None:
        return Traced(node, unknown)
    if len(values) < node.least_size:
        return Traced(node, Unknown(f"group.{node.among}", "undefined"))
    return Traced(node, _gathered(node, values, mine))


def _gathered(node: t.Group, values: list[Value], mine: Value | None) -> Value:
    numbers = [
        Fraction(int(v)) if isinstance(v, bool) else v for v in values if isinstance(v, bool | Fraction)
    ]
    match node.how:
        case "rank":
            better = [
                v
                for v in numbers
                if isinstance(mine, Fraction) and (v < mine if node.lowest_first else v > mine)
            ]
            return Fraction(1 + len(better))
        case "average":
            return sum(numbers, Fraction(0)) / len(numbers) if numbers else Unknown("undefined", "undefined")
        case "highest":
            return max(numbers)
        case "lowest":
            return min(numbers)
        case _:
            return sum(numbers, Fraction(0))
