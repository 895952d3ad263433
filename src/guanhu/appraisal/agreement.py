"""Agreement: what the evaluator gives for a subject is what the run kept, figure by figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from guanhu.appraisal.lot_rows import kept_lots
from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.others import known_value
from guanhu.appraisal.published import literal
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.run.template import filled

_KEPT = """
SELECT instance, group_id, spell_no, line, num, den, text, state FROM read_parquet(:path)
WHERE subject_id = :subject
"""

_CORRECTED = (
    "SELECT group_id, of_instance, line, correction_fen FROM read_parquet(:path) WHERE subject_id = :subject"
)
Card = tuple[str, str, int]
"""An instance, a group and the number of a spell; 0 is the whole subject."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure on which the two readings do not agree; None is unknown, "absent" is no figure at all.

    `spell_no` 0 is the whole subject.
    """

    subject_id: str
    instance: str
    group: str
    spell_no: int
    line: str
    run: Value | None
    explain: Value | None


def differences(opened: OpenRun, subjects: Iterable[str] | None = None) -> tuple[int, list[Difference]]:
    """Return how many figures were compared and those that differ, for some or all subjects of a run."""
    kinds = opened.subjects()
    count = 0
    found: list[Difference] = []
    for subject in kinds if subjects is None else subjects:
        own: dict[Card, Mapping[str, Value]] = {}
        for trace in opened.explain(subject):
            own[trace.instance.key, trace.group, 0] = trace.whole
            for card in trace.cards:
                lines = {name: traced.value for name, traced in card.lines.items()}
                own[trace.instance.key, trace.group, card.spell_no] = lines
        found.extend(correction_differences(opened, subject))
        found.extend(lot_differences(opened, subject))
        for card_of, line, kept in kept_values(opened, subject):
            count += 1
            told: Value | None = own.get(card_of, {}).get(line, "absent")
            told = None if isinstance(told, Unknown) else told
            if told != kept:
                found.append(Difference(subject, *card_of, line, kept, told))
    return count, found


def correction_differences(opened: OpenRun, subject: str) -> list[Difference]:
    """Return the corrections of a subject on which the evaluator and the run do not agree."""
    from sqlglot import exp  # noqa: PLC0415 - one literal

    if not opened.record.get("published_instances"):
        return []
    query = filled(
        _CORRECTED, path=literal(opened.run.table("corrections")), subject=exp.Literal.string(subject)
    )
    kept: dict[tuple[str, str, str], Value | None] = {
        (group, of, line): Fraction(int(fen), 100) if fen is not None else None
        for group, of, line, fen in opened.engine.rows(query)
    }
    told = {
        (x.line.group, x.of.key, x.line.id): _known(x.amount) for x in opened.explained(subject).corrections
    }
    keys = sorted(kept.keys() | told.keys())
    return [
        Difference(
            subject,
            of,
            group,
            0,
            f"{line}~correction",
            kept.get((group, of, line), "absent"),
            told.get((group, of, line), "absent"),
        )
        for group, of, line in keys
        if kept.get((group, of, line), "absent") != told.get((group, of, line), "absent")
    ]


def lot_differences(opened: OpenRun, subject: str) -> list[Difference]:
    """Return the movements of a subject's lots on which the evaluator and the run do not agree."""
    if not opened.rulebook.lots:
        return []
    opened.explain(subject)
    run, explained = (
        Counter({(x.day, x.kind, f"{x.ledger}/{x.lot}/{x.of}/{x.due_on}/{x.origin}"): x.fen for x in rows})
        for rows in (
            [x for x in kept_lots(opened.engine, opened.run) if x.subject_id == subject and x.origin in _OWN],
            opened.explainer.lots[subject],
        )
    )
    return [
        Difference(
            subject, str(key[0]), "", 0, f"{key[1]} {key[2]}", Fraction(run[key]), Fraction(explained[key])
        )
        for key in sorted({*run, *explained})
        if run[key] != explained[key]
    ]


_OWN = ("own", "corrected")


def _known(value: Value) -> Value | None:
    return None if isinstance(value, Unknown) else value


def kept_values(opened: OpenRun, subject: str) -> list[tuple[Card, str, Value | None]]:
    """Return (card, line, value) of everything that a run kept of a subject, its spells included."""
    from sqlglot import exp  # noqa: PLC0415 - one literal

    query = filled(_KEPT, path=literal(opened.run.table("lines")), subject=exp.Literal.string(subject))
    found: list[tuple[Card, str, Value | None]] = []
    for instance, group, spell_no, line, num, den, text, state in opened.engine.rows(query):
        value: Value | None = None
        if state == "ok":
            value = (
                known_value(num, den) if text is None else text == "yes" if text in ("yes", "no") else text
            )
        found.append(((instance, group, int(spell_no)), line, value))
    return found


__all__ = ["Difference", "Fraction", "differences"]
