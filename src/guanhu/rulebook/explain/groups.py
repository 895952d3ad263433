"""Figures of the others: read from the kept results of the same instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Protocol

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.facts import SubjectFacts
from guanhu.rulebook.explain.scalar import Env, evaluate
from guanhu.rulebook.explain.values import PoolNote, Traced, Unknown, Value
from guanhu.values.dates import Span
from guanhu.values.exact import round_half_away


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group in an instance, as kept: the card in force at its end; `whole` its lines over all spells.

    `first_day` and `last_day` are those of its days in the group.
    """

    subject_id: str
    attributes: Mapping[str, Value]
    lines: Mapping[str, Value]
    measures: Mapping[str, Value]
    days: int
    decided: Mapping[str, list[tuple[date, str]]]
    whole: Mapping[str, Value] = field(default_factory=dict)
    first_day: date = date.min
    last_day: date = date.max

    def belongs(self, on: str, period: Span) -> bool:
        """Tell whether it belongs to the group on the first or last day of a period; '' is any day."""
        return (on != "start" or self.first_day <= period.start) and (
            on != "end" or self.last_day >= period.last_day
        )


class Others(Protocol):
    """The kept results of other subjects, and the facts of institutions."""

    def members(self, instance_key: str, group: str) -> list[Member]:
        """Return the members of a group in an instance."""

    def institution(self, institution_id: str) -> SubjectFacts:
        """Return the facts of an institution and all below it."""


_ALWAYS = Span(date.min, date.max)


class Shared(Env, Protocol):
    """What the cards of one instance share: tables, inputs, the instance itself."""

    def input_for(self, node: t.InputRef, member: Member, env: Env) -> Traced:
        """Return an input for the keys of another member."""


class _MemberLeaves:
    """Leaves of a gathered formula, for another subject."""

    def __init__(self, member: Member, shared: Shared) -> None:
        self.member = member
        self.shared = shared
        self.lines = member.whole

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        return self.shared.table_rows(name)

    def leaf(self, node: t.Expr) -> Traced:
        match node:
            case t.LineRef():
                return Traced(node, self.lines.get(node.name, Unknown(f"lines.{node.name}", "absent")))
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

    `own` is its value of what is gathered when it belongs to the group itself. Each member stands there with its
    lines over all spells, as they are printed, and else with the card in force at the end: an earlier spell meets
    its own later card like those of the others.
    """

    subject_id: str
    attributes: Mapping[str, Value]
    own: Traced | None
    is_last: bool
    period: Span = _ALWAYS


def group_figure(node: t.Group, members: list[Member], asker: Asker, shared: Shared) -> Traced:
    """Return a figure among a group. One unknown member, or too few of them, make it unknown."""
    others: list[Value] = []
    itself: list[Value] = []
    for member in members:
        if any(member.attributes.get(by) != asker.attributes.get(by) for by in node.by):
            continue
        if not member.belongs(node.on, asker.period):
            continue
        if node.below and member.attributes.get("above_id") != asker.subject_id:
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


def pool_part(node: t.Pool, members: list[Member], asker: Asker, own: Value, shared: Shared) -> Traced:
    """Return the part of a pool that the last card of a subject gets.

    `asker.own` is the amount as that card names it, `own` the subject's figure over all its spells.
    """
    line = node.of.name
    parts = (asker.own,) if asker.own is not None else ()
    amounts: list[Value] = [part.value for part in parts]
    weights: dict[str, Value] = {asker.subject_id: own}
    for member in members:
        same = all(member.attributes.get(by) == asker.attributes.get(by) for by in node.by)
        if same and member.subject_id != asker.subject_id:
            amounts.append(evaluate(node.amount, _MemberLeaves(member, shared)).value)
            weights[member.subject_id] = member.whole.get(line, Unknown(f"lines.{line}", "absent"))
    unknown = next((v for v in (*amounts, *weights.values()) if isinstance(v, Unknown)), None)
    if unknown is not None:
        return Traced(node, unknown, parts)
    # What is unknown has been told: these are numbers, all of them.
    fen = {round_half_away(v * 100) for v in amounts if isinstance(v, Fraction)}
    shares = {subject: v for subject, v in weights.items() if isinstance(v, Fraction)}
    if len(fen) > 1 or min(shares.values()) < 0 or not sum(shares.values()):
        return Traced(node, Unknown(f"pool.{node.among}", "pool"), parts)
    paid, note = _paid_out(int(fen.pop()), shares, asker.subject_id)
    return Traced(node, paid, parts, note=note)


def _paid_out(amount: int, shares: Mapping[str, Fraction], subject: str) -> tuple[Fraction, PoolNote]:
    """Return one subject's part of `amount` fen, and how it came about."""
    parts = parts_of(abs(amount), shares)
    total = sum(shares.values(), Fraction(0))
    cut = {each: int(abs(amount) * share / total) for each, share in shares.items()}
    sign = -1 if amount < 0 else 1
    note = PoolNote(
        Fraction(amount, 100),
        shares[subject],
        total,
        len(shares),
        abs(amount) - sum(cut.values()),
        Fraction(sign * cut[subject], 100),
    )
    return Fraction(sign * parts[subject], 100), note


def parts_of(amount: int, shares: Mapping[str, Fraction]) -> dict[str, int]:
    """Return how `amount` fen, not negative, are shared out by figures not below 0 that do not sum to 0.

    Rounding: each is cut to the fen; what is left goes, a fen each, to the largest remainders, ties to the smaller id.

    >>> parts_of(10000, {"a": Fraction(1), "b": Fraction(1), "c": Fraction(1)})
    {'a': 3334, 'b': 3333, 'c': 3333}
    """
    total = sum(shares.values(), Fraction(0))
    exact = {subject: amount * share / total for subject, share in shares.items()}
    cut = {subject: int(part) for subject, part in exact.items()}
    left = amount - sum(cut.values())
    first = sorted(shares, key=lambda subject: (cut[subject] - exact[subject], subject))
    return {subject: part + (subject in first[:left]) for subject, part in cut.items()}
