"""What was published: the past that later periods read. One line of `published.jsonl` for each run.

A published run's folder never changes; publishing it again, or another run for an instance that has
been published, is refused: corrections are lines of the current period.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.runs import RunFolder, value_kept
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past
from guanhu.rulebook.run.template import filled
from guanhu.values import units
from guanhu.values.dates import Span, period_of
from guanhu.values.problem import Place, Problem, Refused

FILE = "published.jsonl"


def published_runs(bank: Path, rulebook_id: str = "") -> list[RunFolder]:
    """Return the published runs in the order of publication, of one rulebook when it is named."""
    path = bank / FILE
    if not path.is_file():
        return []
    found: list[RunFolder] = []
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        if not rulebook_id or record["rulebook"] == rulebook_id:
            found.append(RunFolder(bank / "runs" / record["run"]))
    return found


def publish(bank: Path, run: RunFolder) -> None:
    """Make a run the past that later periods read.

    Errors:   Refused RUN040 when it, or another run with an instance of the same rulebook and days, has been published.
    """
    record = run.record
    own = Span(*_days(record["period"]))
    for other in published_runs(bank, record["rulebook"]):
        theirs = Span(*_days(other.record["period"]))
        if own.overlap(theirs) is not None:
            raise Refused(
                [
                    Problem(
                        "RUN040",
                        Place(str(run.path.name)),
                        f"{theirs} 已经发布过({other.path.name})",
                        f"{theirs} has been published already ({other.path.name})",
                        "已发布的期间不再改写; 更正作为本期的一行",
                        "a published period is never rewritten; a correction is a line of the current period",
                    )
                ]
            )
    line = {
        "run": run.path.name,
        "rulebook": record["rulebook"],
        "digest": record["digest"],
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with (bank / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _days(text: str) -> tuple[date, date]:
    span = period_of(text)
    if span is None:
        raise ValueError(text)
    return span.start, span.end


def past_from(engine: Engine, runs: Iterable[RunFolder], rulebook: t.Rulebook) -> Past:
    """Return what published runs gave for the lines and states of a rulebook."""
    past = Past()
    for run in runs:
        _read_lines(engine, run, rulebook, past)
        query = filled(
            "SELECT subject_id, sets, after, in_force FROM read_parquet(:path) WHERE NOT undecided AND sets <> '' ORDER BY in_force",
            path=literal(run.table("decisions")),
        )
        for subject, state, after, day in engine.rows(query):
            past.states.setdefault(state, {}).setdefault(subject, []).append((day, after))
    return past


def _read_lines(engine: Engine, run: RunFolder, rulebook: t.Rulebook, past: Past) -> None:
    query = filled(
        "SELECT subject_id, instance, line, num, den, text, state FROM read_parquet(:path) WHERE spell_no = 0",
        path=literal(run.table("lines")),
    )
    for subject, instance, name, num, den, text, state in engine.rows(query):
        span = period_of(instance)
        line = rulebook.lines.get(name)
        if span is None or (line is None and name not in rulebook.decisions):
            continue
        unit = line.unit if line is not None else units.YES_NO
        value = (
            None
            if state != "ok"
            else text == "yes"
            if unit == units.YES_NO
            else text
            if units.is_choice(unit)
            else value_kept(num, den)
        )
        past.published.setdefault((name, span), {})[subject] = value


def literal(path: Path) -> exp.Expr:
    """Return a path as a text literal."""
    return exp.Literal.string(str(path))
