"""What streaks and counts lead to: the states that decisions set by them, and after which they start anew.

A count leads to what a decision sets when the decision reads it, itself or through lines and checks. A
decision that sets no state stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from guanhu.rulebook import tree as t


def with_leads(
    lines: Mapping[str, t.Line], decisions: Mapping[str, t.Decision]
) -> tuple[dict[str, t.Line], dict[str, t.Decision]]:
    """Return lines and decisions in which each streak and count names what it leads to."""
    leading: dict[str, list[t.Decision]] = {}
    for decision in decisions.values():
        for name in (decision.id, *_read_by(decision.when, lines)):
            leading.setdefault(name, []).append(decision)

    def named(owner: str, root: t.Expr) -> t.Expr:
        return changed(root, lambda node: _leading_to(node, leading.get(owner, [])))

    return (
        {
            name: replace(
                line,
                value=named(name, line.value),
                least=named(name, line.least) if line.least is not None else None,
                most=named(name, line.most) if line.most is not None else None,
            )
            for name, line in lines.items()
        },
        {name: replace(decision, when=named(name, decision.when)) for name, decision in decisions.items()},
    )


def _read_by(root: t.Expr, lines: Mapping[str, t.Line]) -> Iterator[str]:
    """Yield the lines of the same instance that a formula reads, itself or through others, each once."""
    waiting, seen = [root], set[str]()
    while waiting:
        for node in t.walk(waiting.pop()):
            if isinstance(node, t.LineRef) and node.name in lines and node.name not in seen:
                seen.add(node.name)
                yield node.name
                waiting.extend(lines[node.name].formulas)


def _leading_to(node: t.Expr, decisions: list[t.Decision]) -> t.Expr:
    if not isinstance(node, t.Streak | t.Times):
        return node
    states = dict.fromkeys(d.state for d in decisions if d.state)
    return replace(node, states=tuple(states), decisions=tuple(d.id for d in decisions if not d.state))


def changed(node: t.Expr, change: Callable[[t.Expr], t.Expr]) -> t.Expr:
    """Return an expression in which every part has been changed, the innermost first."""
    return change(t.with_parts(node, lambda part: changed(part, change)))
