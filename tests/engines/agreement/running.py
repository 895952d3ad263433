"""One pair of world and rulebook, run and explained; the bank and the text can be written down again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from guanhu.appraisal.agreement import Difference, differences
from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.running import Ran, run_rulebook
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.store import Bank
from guanhu.rulebook.explain.subject import SubjectTrace
from guanhu.values.problem import Refused

make_engine = partial(DuckDBEngine, threads=1)


@dataclass(slots=True)
class Compared:
    """What a run and the evaluator said of each other."""

    ran: Ran
    figures: int
    found: list[Difference]
    traces: dict[str, list[SubjectTrace]]
    unread: list[tuple[str, str, str]]


def write_rulebook(folder: Path, text: str) -> Path:
    """Write a rulebook's folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rulebook.yaml").write_text(text, "utf-8")
    return folder


@contextmanager
def opened(bank: Bank, ran: Ran) -> Iterator[OpenRun]:
    """Open a kept run."""
    run = OpenRun(make_engine, bank, ran.folder)
    try:
        yield run
    finally:
        run.close()


def compare(bank: Bank, rulebook: Path, period: str) -> Compared:
    """Run the rulebook and compare each figure of each subject with the evaluator's, both ways."""
    ran = run_rulebook(make_engine, bank, rulebook, period)
    with opened(bank, ran) as run:
        traces = {subject: run.explain(subject) for subject in run.subjects()}
        run.explain = traces.__getitem__  # type: ignore[method-assign]
        figures, found = differences(run)
        kept = {
            (subject, instance, group)
            for instance, group, subject in run.engine.connection.execute(
                "SELECT DISTINCT instance, group_id, subject_id FROM read_parquet(?)",
                [str(ran.folder.table("lines"))],
            ).fetchall()
        }
    told = {(s, x.instance.key, x.group) for s, own in traces.items() for x in own if x.whole}
    return Compared(ran, figures, found, traces, sorted(told ^ kept))


__all__ = ["Compared", "Refused", "compare", "make_engine", "opened", "write_rulebook"]
