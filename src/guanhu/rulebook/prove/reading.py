"""All that is asked of a rulebook, in the order in which it is asked."""

from __future__ import annotations

from collections.abc import Mapping

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove import (
    aside,
    bounds,
    brackets,
    cases,
    dated,
    decided,
    lasting,
    limits,
    outcomes,
    overlaps,
    row_work,
    rows,
    weights,
    work,
)
from guanhu.rulebook.prove.proof import Limits, Proof, started, timed


def prove(
    rulebook: t.Rulebook,
    line: str = "",
    limits_: Limits | None = None,
    staff: Mapping[str, int] | None = None,
) -> Proof:
    """Return the proof of a rulebook, or of one line or decision of it.

    `staff` asks for the ceiling of the budget: so many of a group, or of a choice such as a grade.
    """
    proof = started(rulebook if line else aside.with_asides(rulebook), limits_ or Limits())
    proof.untried = frozenset(proof.rulebook.lines) - frozenset(rulebook.lines)
    names = [line] if line else [x.id for x in proof.rulebook.evaluated()]
    names = cases.for_somebody(proof, names)
    rewards = [name for name in work.rewards(proof, line) if name in names]
    return timed(
        proof,
        (
            lambda p: brackets.table_gaps(p, names),
            lambda p: overlaps.bracket_cases(p, names),
            lambda p: dated.dated_cases(p, names),
            lambda p: rows.rows(p, line),
            lambda p: brackets.unreached_rows(p, names),
            lambda p: cases.unreached_cases(p, names),
            lambda p: limits.conditions(p, names),
            lambda p: limits.bounds_of_lines(p, names),
            lambda p: limits.bounds_in_formulas(p, names),
            lambda p: limits.divisions(p, names),
            lambda p: weights.weights(p, names),
            lambda p: limits.widths(p, names),
            lambda p: work.falls(p, rewards),
            lambda p: work.cliffs(p, rewards),
            lambda p: row_work.row_work(p, line),
            aside.allowed_ends,
            aside.rated_again,
            lambda p: lasting.lasting(p, rewards),
            lambda p: decided.at_once(p, names),
            lambda p: outcomes.marks(p, names),
            lambda p: decided.contrary(p, names),
            lambda p: decided.chains(p, names),
            lambda p: bounds.bounds(p, line),
            lambda p: bounds.ceiling(p, staff or {}),
        ),
    )
