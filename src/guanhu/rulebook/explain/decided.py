"""What a person decided about a subject: the newest decision of the instance that lies in the allowed range."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Protocol

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import Inputs
from guanhu.rulebook.explain.scalar import Env, evaluate
from guanhu.rulebook.explain.values import Traced, Unknown
from guanhu.values.dates import Span


class Knows(Protocol):
    """What the declarations and the texts of decisions are read from."""

    rulebook: t.Rulebook
    inputs: Inputs


def decided(
    node: t.InputRef, knows: Knows, days: Span, decisions: Mapping[str, list[tuple[date, str]]], env: Env
) -> Traced:
    """Return a decision that somebody took in an instance; one outside the range is none.

    An older decision stands where a newer one lies outside. Where an end of the range is unknown, so is what
    was decided.
    """
    declared = knows.rulebook.inputs[node.name]
    values = [
        knows.inputs.parsed(node.name, text)
        for day, text in sorted(decisions.get(node.name, []))
        if day in days
    ]
    ends = [end for end in (declared.least, declared.most) if end is not None]
    bounds = tuple(evaluate(end, env) for end in ends) if values else ()
    low, high = None, None
    for end, bound in zip(ends, bounds, strict=False):
        if isinstance(bound.value, Unknown):
            return Traced(node, bound.value, bounds)
        if isinstance(bound.value, Fraction):
            low, high = (bound.value, high) if end is declared.least else (low, bound.value)
    for value in reversed(values):
        if value is not None and (not isinstance(value, Fraction) or declared.allows(value, low, high)):
            return Traced(node, value, bounds)
    return Traced(node, Unknown(f"inputs.{node.name}", "absent"), bounds)
