"""Why subjects of a kept run are not settled: each first cause once, with how many it holds up and one of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.pages.causes import cause_text, first_cause
from guanhu.appraisal.published import literal
from guanhu.appraisal.runs import RunFolder
from guanhu.rulebook import tree as t
from guanhu.rulebook.run.template import filled
from guanhu.values.language import ZH


@dataclass(slots=True)
class Held:
    """One cause: the subjects it holds up, the first of them with its instance, and the lines.

    An echo is what others, or earlier instances, left unknown: it goes once they are settled.
    """

    why: str
    is_echo: bool = False
    subjects: set[str] = field(default_factory=set)
    first: tuple[str, str] = ("", "")
    lines: dict[str, None] = field(default_factory=dict)


def held_up(engine: Engine, run: RunFolder, rulebook: t.Rulebook, lang: str = ZH) -> list[Held]:
    """Return what holds subjects up, most subjects first, and after that what is but an echo of others.

    A line that is unknown because another is counts under what the other lacks.
    """
    causes: dict[tuple[str, str, str], dict[str, str]] = {}
    for instance, subject, group, line, cause in engine.rows(
        filled(
            "SELECT instance, subject_id, group_id, line, cause FROM read_parquet(:path) "
            "WHERE state <> 'ok' AND spell_no = 0 ORDER BY ALL",
            path=literal(run.table("lines")),
        )
    ):
        causes.setdefault((str(instance), str(subject), str(group)), {})[str(line)] = str(cause or "")
    found: dict[str, Held] = {}
    for (instance, subject, _), lines in causes.items():
        for line in lines:
            cause = first_cause(lines, line)
            section, _, read = cause.partition(".")
            if section == "past" and lines.get(read):  # the past begins with this very instance
                cause = first_cause(lines, read)
            why = cause_text(rulebook, cause, lang=lang)
            held = found.setdefault(
                why, Held(why, cause.partition(".")[0] in ("members", "past"), first=(subject, instance))
            )
            held.subjects.add(subject)
            held.lines[rulebook.titled(line)] = None
    return sorted(found.values(), key=lambda held: (held.is_echo, -len(held.subjects), held.why))
