"""Figures of the others: read from the kept results of the same instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Protocol

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.facts import SubjectFacts
from guanhu.rulebook.explain.scalar import Env, evaluate
from guanhu.rulebook.explain.values import Traced, Unknown, Value


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group in an instance, as kept: the card in force at its end."""

    subject_id: str
    attributes: Mapping[str, Value]
    lines: Mapping[str, Value]
    measures: Mapping[str, Value]
    days: int
    decided: Mapping[str, list[tuple[date, str]]]


class Others(Protocol):
    """The kept results of other subjects, and the facts of institutions."""

    def members(self, instance_key: str, group: str) -> list[Member]:
        """Return the members of a group in an instance."""

    def institution(self, institution_id: str) -> SubjectFacts:
        """Return the facts of an institution and all below it."""


class Shared(Env, Protocol):
    """What the cards of one instance share: tables, inputs, the instance itself."""

    def input_for(self, node: t.InputRef, member: Member, env: Env) -> Traced:
        """Return an input for the keys of another member."""


class _MemberLeaves:
    """Leaves of a gathered formula, for another subject."""

    def __init__(self, member: Member, shared: Shared) -> None:
        self.member = member
        self.shared = shared

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        return self.shared.table_rows(name)

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
            case t.InstanceValue(name="spell_days"):
                return Traced(node, Fraction(self.member.days))
            case t.InstanceValue():
                return self.shared.leaf(node)
            case t.InputRef():
                return self.shared.input_for(node, self.member, self)
            case _:
                raise TypeError(f"{type(node).__name__} cannot be gathered from others")


@dataclass(frozen=True, slots=True)
class Asker:
    """The card that asks for a figure of a group.

    `own` is its value of what is gathered when it belongs to the group itself. Each member stands there with
    the card in force at the end: an earlier spell meets its own later card like those of the others.
    """

    subject_id: str
    attributes: Mapping[str, Value]
    own: Traced | None
    is_last: bool


def group_figure(node: t.Group, members: list[Member], asker: Asker, shared: Shared) -> Traced:
    """Return a figure among a group. One unknown member, or too few of them, make it unknown."""
    others: list[Value] = []
    itself: list[Value] = []
    for member in members:
        if any(member.attributes.get(by) != asker.attributes.get(by) for by in node.by):
            continue
        if member.subject_id != asker.subject_id or asker.own is None:
            others.append(evaluate(node.of, _MemberLeaves(member, shared)).value)
        elif asker.is_last:
            itself.append(asker.own.value)
        else:
            itself.append(evaluate(node.of, _MemberLeaves(member, shared)).value)
    mine = asker.own.value if asker.own is not None else None
    known = [*others, *itself, *([mine] if mine is not None and node.how == "rank" else [])]
    unknown = next((v for v in known if isinstance(v, Unknown)), None)
    if unknown is not None:
        return Traced(node, unknown)
    values = [*others, *(itself if node.self_in else [])]
    if len(values) < node.least_size:
        return Traced(node, Unknown(f"group.{node.among}", "undefined"))
    return Traced(node, _gathered(node, others if node.how == "rank" else values, mine))


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
        case "highest" | "lowest" if not numbers:
            return Unknown("undefined", "undefined")
        case "highest":
            return max(numbers)
        case "lowest":
            return min(numbers)
        case _:
            return sum(numbers, Fraction(0))
