"""The facts as a kept run read them: the bank's batches up to its moment, if they are still those.

A run's record holds `facts_digest`, over what each batch said. Batches are never changed, so the bank gives the same digest for
ever; another one means that a batch was deleted and another imported in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from guanhu.appraisal.runs import RunFolder
from guanhu.facts.problems import problem
from guanhu.facts.store import Bank, FactView
from guanhu.rulebook import tree as t
from guanhu.values.problem import Place, Problem, Refused


def facts_read(bank: Bank, run: RunFolder, rulebook: t.Rulebook | None = None) -> FactView:
    """Return the facts as a kept run saw them; with a rulebook, its kinds of event are declared.

    Errors:   Refused FAC083 when the bank has not so many batches, RUN055 when they are not those that the run read.
    """
    record = run.record
    events = tuple(rulebook.events.values()) if rulebook is not None else ()
    view = bank.view(as_of=int(record["facts_as_of"]), events=events)
    kept = record.get("facts_digest", view.digest)
    if kept != view.digest:
        raise Refused([_other_batches(run, view.as_of_batch)])
    return view


def _other_batches(run: RunFolder, number: int) -> Problem:
    return Problem(
        "RUN055",
        Place(run.path.name),
        f"这次运行读的第 1 到 {number} 批不是银行文件夹里现在的: 有批次被删掉后另导入过",
        f"batches 1 to {number} of the bank are not those that this run read: one was deleted and another imported in its place",
        "从备份恢复当时的批次文件夹; 不能恢复, 就按现在的事实重新运行",
        "restore the folders of the batches of that time from a backup; else run again on the facts there are now",
    )


def strangers(bank: Bank, runs: Iterable[RunFolder] | None = None) -> list[Problem]:
    """Return for each run, of all that are kept by default, that read other batches than the bank has a warning.

    What else may be wrong with a run is told by who opens it.

    Errors:   Refused when the batches themselves cannot be read.
    """
    if runs is None:
        runs = [RunFolder(path.parent) for path in sorted((bank.path / "runs").glob("[!.]*/run.json"))]
    # Manifests are read once, however many runs there are.
    batches = bank.batches()
    found: list[Problem] = []
    for run in runs:
        try:
            record = run.record
        except Refused:
            continue
        number = int(record["facts_as_of"])
        view = FactView(batches[:number])
        place = Place(run.path.name)
        if number > len(batches):
            found.append(problem("FAC083", place, seen=number, last=len(batches)))
        elif record.get("facts_digest", view.digest) != view.digest:
            found.append(_other_batches(run, number))
    return [replace(each, severity="warning") for each in found]
