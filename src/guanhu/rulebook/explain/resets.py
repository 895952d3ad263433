"""After which days a streak starts anew: those on which a decision that reads it came true."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Value
from guanhu.values.dates import Span


def resets_in(
    rulebook: t.Rulebook, values: Mapping[tuple[str, Span], Mapping[str, Value]]
) -> dict[str, dict[str, list[date]]]:
    """Return line → subject → last days (exclusive) of the instances after which counting starts anew."""
    found: dict[str, dict[str, list[date]]] = {}
    for decision in rulebook.decisions.values():
        lines = {node.line for node in t.walk(decision.when) if isinstance(node, t.Streak | t.Times)}
        for (name, span), by_subject in values.items():
            if name != decision.id:
                continue
            for subject, value in by_subject.items():
                for line in lines if value else ():
                    found.setdefault(line, {}).setdefault(subject, []).append(span.end)
    return found
