"""What was published: the past that later periods read. One line of `published.jsonl` for each run.

A published run's folder never changes; publishing it again, or another run for an instance that has
been published, is refused: corrections are lines of the current period. The list is written beside and
renamed: a line is there whole or not at all.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.facts_read import facts_read
from guanhu.appraisal.lot_rows import published_lots
from guanhu.appraisal.runs import RunFolder, changed, sync, value_kept
from guanhu.facts.store import Bank, FactView
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Past
from guanhu.rulebook.run.template import filled
from guanhu.values import units
from guanhu.values.dates import Span, period_of
from guanhu.values.problem import Place, Problem, Refused

FILE = "published.jsonl"
LOCK_FILE = ".publish-lock"


def published_runs(bank: Path, rulebook_id: str = "") -> list[RunFolder]:
    """Return the published runs in the order of publication, of one rulebook when it is named.

    Errors:   Refused RUN042 when a line of the list cannot be read, RUN045 a run that says another digest than was published.
    """
    records, _ = read_list(bank)
    found: list[RunFolder] = []
    for record in records:
        if rulebook_id and record["rulebook"] != rulebook_id:
            continue
        run = RunFolder(bank / "runs" / record["run"])
        kept = run.record["digest"]
        if record.get("digest", kept) != kept:
            raise Refused([changed(run.path, "run.json")])
        found.append(run)
    return found


def published_before(bank: Path, rulebook_id: str, run: RunFolder) -> list[RunFolder]:
    """Return the published runs that a run read as its past."""
    read = run.record["published"]
    return [each for each in published_runs(bank, rulebook_id) if each.record["digest"] in read]


def read_list(bank: Path) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return the lines of the list; of a torn last line, which never was a publication, the problem RUN041.

    Errors:   Refused RUN042 when another line cannot be read: the past would not be what was published.
    """
    path = bank / FILE
    text = path.read_text("utf-8", errors="replace") if path.is_file() else ""
    lines = text.splitlines()
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines) and not text.endswith("\n"):
                return found, [_torn(number)]
            raise Refused([_damaged(number)]) from error
    return found, []


def _torn(number: int) -> Problem:
    return Problem(
        "RUN041",
        Place(FILE, number),
        "最后一行没有写完, 已忽略: 那次发布没有生效",
        "the last line is cut off and left out: that run was not published",
        "重新发布那次运行",
        "publish that run again",
        severity="warning",
    )


def _damaged(number: int) -> Problem:
    return Problem(
        "RUN042",
        Place(FILE, number),
        "这一行已损坏, 不知道发布了哪次运行",
        "this line is damaged: which run was published is not known",
        "从备份恢复 published.jsonl",
        "restore published.jsonl from a backup",
    )


@contextmanager
def _one_at_a_time(bank: Path) -> Iterator[None]:
    """Hold back a second publication until the first is done; the system releases the lock of a killed process."""
    with (bank / LOCK_FILE).open("a", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def publish(bank: Path, run: RunFolder) -> list[Problem]:
    """Make a run the past that later periods read; return what was told of the list.

    Errors:   Refused RUN040 when it, or another run with an instance of the same rulebook and days, has been published,
              RUN045 a run that was changed by hand, RUN055 one that read other batches than the bank has.
    """
    run.verify()
    facts_read(Bank(bank), run)
    record = run.record
    line = {
        "run": run.path.name,
        "rulebook": record["rulebook"],
        "digest": record["digest"],
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with _one_at_a_time(bank):
        records, problems = read_list(bank)
        _refuse_published(bank, run)
        _write_list(bank, [*records, line])
    return problems


def _write_list(bank: Path, records: list[dict[str, Any]]) -> None:
    beside = bank / f".{FILE}.partial"
    with beside.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(bank / FILE)
    sync(bank)


def _refuse_published(bank: Path, run: RunFolder) -> None:
    """Refuse a run that did not know of an instance that has been published, and one that adds nothing."""
    record = run.record
    own = Span(*_days(record["period"]))
    for other in published_runs(bank, record["rulebook"]):
        theirs = Span(*_days(other.record["period"]))
        if own.overlap(theirs) is not None and other.record["digest"] not in record["published"]:
            raise Refused(
                [
                    Problem(
                        "RUN040",
                        Place(str(run.path.name)),
                        f"{theirs} 已经发布过({other.path.name})",
                        f"{theirs} has been published already ({other.path.name})",
                        "已发布的期间不再改写; 重新运行, 差额会作为本期的一行更正",
                        "a published period is never rewritten; run again, and what differs is a correction of the current period",
                    )
                ]
            )


def _days(text: str) -> tuple[date, date]:
    span = period_of(text)
    if span is None:
        raise ValueError(text)
    return span.start, span.end


def told_behind(view: FactView, period: Span, runs: Iterable[RunFolder]) -> list[Problem]:
    """Return a warning for each published period of which newer batches say something that this run does not follow.

    Corrections stand in a run over the published days; one of later days reads them as they were paid.
    """
    told: list[Problem] = []
    for run in runs:
        record = run.record
        days = Span(*_days(record["period"]))
        if days.overlap(period) is not None or days.start >= period.start:
            continue
        newer = [
            batch.number
            for batch in view.batches
            if batch.number > int(record["facts_as_of"])
            and any(cell.span.overlap(days) for cells in batch.cells.values() for cell in cells)
        ]
        if newer:
            span = f"{days.start}..{period.last_day}"
            told.append(
                Problem(
                    "RUN063",
                    Place(run.path.name),
                    f"{days} 发布以后, 第 {'、'.join(map(str, newer[:3]))} 批又改到这些日子; 如有差额, 不在这次运行里",
                    f"after {days} was published batches {', '.join(map(str, newer[:3]))} said more of its days; what differs is not in this run",
                    f"要列出更正, 运行 --period {span}: 已发布的照旧, 差额列在最后一期",
                    f"to have corrections run --period {span}: what was published stands, what differs is listed in the last instance",
                    severity="warning",
                )
            )
    return told


def past_from(engine: Engine, runs: Iterable[RunFolder], rulebook: t.Rulebook) -> Past:
    """Return what published runs gave for the lines and states of a rulebook; an instance is the first one's that published it.

    Errors:   Refused RUN045 when a file of one of them is missing or was changed: what was paid would be another figure.
    """
    past = Past()
    known: set[str] = set()
    for run in runs:
        run.verify()
        own = _read_lines(engine, run, rulebook, past, known)
        query = filled(
            "SELECT subject_id, sets, after, in_force, instance FROM read_parquet(:path) WHERE NOT undecided AND sets <> '' ORDER BY in_force",
            path=literal(run.table("decisions")),
        )
        for subject, state, after, day, instance in engine.rows(query):
            if instance not in known:
                past.states.setdefault(state, {}).setdefault(subject, []).append((day, after))
        known |= own
        moved = [x for x in published_lots(engine, run) if x.ledger in rulebook.lots]
        # Lots move in an instance in which nobody is appraised too: it has no lines to be known by.
        past.held |= {(rulebook.lots[x.ledger].every, x.of) for x in moved}
        past.lots += moved
    return past


def _read_lines(
    engine: Engine, run: RunFolder, rulebook: t.Rulebook, past: Past, known: set[str]
) -> set[str]:
    """Read the lines of the instances that are not known yet, and return these."""
    query = filled(
        "SELECT subject_id, instance, every, line, num, den, text, state FROM read_parquet(:path) WHERE spell_no = 0",
        path=literal(run.table("lines")),
    )
    own: set[str] = set()
    for subject, instance, every, name, num, den, text, state in engine.rows(query):
        span = period_of(instance)
        if span is None or instance in known:
            continue
        own.add(instance)
        past.held.add((every, span))
        line = rulebook.lines.get(name)
        if line is None and name not in rulebook.decisions:
            continue
        unit = line.unit if line is not None else units.YES_NO
        past.published.setdefault((name, span), {})[subject] = kept_value(unit, num, den, text, state)
    return own


def kept_value(
    unit: units.Unit, num: Any, den: Any, text: str | None, state: str
) -> Fraction | bool | str | None:
    """Return the value of a kept line; None is unknown."""
    if state != "ok":
        return None
    if unit == units.YES_NO:
        return text == "yes"
    return text if units.is_choice(unit) else value_kept(num, den)


def literal(path: Path) -> exp.Expr:
    """Return a path as a text literal."""
    return exp.Literal.string(str(path))
