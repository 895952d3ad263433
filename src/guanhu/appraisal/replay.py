"""A kept run made once more: from its own rulebook, the facts as of its moment, and what had been published then.

The same identity gives the same digest, however far rulebooks and facts have moved on.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from guanhu.appraisal.appraise import Progress, quiet
from guanhu.appraisal.published import published_runs
from guanhu.appraisal.running import EngineMaker, run_again
from guanhu.appraisal.runs import LANGUAGE_VERSION, RunFolder
from guanhu.facts.store import Bank
from guanhu.values.problem import Place, Problem, Refused


@dataclass(frozen=True, slots=True)
class Replayed:
    """The digest that was kept and the one that came out now."""

    kept: str
    now: str

    @property
    def is_same(self) -> bool:
        """Tell whether every row is what it was."""
        return self.kept == self.now


def replayed(make_engine: EngineMaker, bank: Bank, run: RunFolder, progress: Progress = quiet) -> Replayed:
    """Return what making a run once more gives; nothing is kept.

    Errors:   Refused RUN045 a run that was changed by hand, RUN047 one of another version of the language,
              RUN048 one that had read published runs which are not listed any more, RUN055 other batches than it read.
    """
    run.verify()
    record = run.record
    refuse_another_language(run)
    listed = {r.record["digest"]: r for r in published_runs(bank.path, record["rulebook"])}
    lacking = [digest for digest in record["published"] if digest not in listed]
    if lacking:
        raise Refused([_not_listed(run, lacking)])
    before = [listed[digest] for digest in record["published"]]
    with tempfile.TemporaryDirectory(prefix="guanhu-") as folder:
        made = run_again(make_engine, bank, run, before, Path(folder), progress)
        return Replayed(record["digest"], made.record["digest"])


def refuse_another_language(run: RunFolder) -> None:
    """Refuse to go on from a run of another version of the language.

    Errors:   Refused RUN047.
    """
    if run.record["language"] != LANGUAGE_VERSION:
        raise Refused([_other_language(run)])


def told_by_another_language(run: RunFolder) -> list[Problem]:
    """Return a warning where what explains a run reads the rulebook as another version of the language than the run did."""
    kept = run.record["language"]
    if kept == LANGUAGE_VERSION:
        return []
    return [
        Problem(
            "RUN057",
            Place(run.path.name),
            f"这次运行用的是第 {kept} 版的办法语言, 下面按第 {LANGUAGE_VERSION} 版解释, 可能和存档的数不同",
            f"this run is of version {kept} of the rulebook language; what follows is by version {LANGUAGE_VERSION}, and may differ from the kept figures",
            "存档的数以 guanhu export 为准; 要解释它们, 用当时版本的 guanhu",
            "guanhu export gives the kept figures; to have them explained use the guanhu of that time",
            severity="warning",
        )
    ]


def _other_language(run: RunFolder) -> Problem:
    kept = run.record["language"]
    return Problem(
        "RUN047",
        Place(run.path.name),
        f"这次运行用的是第 {kept} 版的办法语言, 现在是第 {LANGUAGE_VERSION} 版: 同样的文字意思可能不同",
        f"this run is of version {kept} of the rulebook language, now it is {LANGUAGE_VERSION}: the same text may mean another thing",
        "用当时版本的 guanhu 重做",
        "repeat it with the guanhu of that time",
    )


def _not_listed(run: RunFolder, lacking: list[str]) -> Problem:
    return Problem(
        "RUN048",
        Place(run.path.name),
        f"这次运行读过的已发布运行不在 published.jsonl 里: 摘要 {'、'.join(x[:12] for x in lacking)}",
        f"published runs that this one read are not in published.jsonl: digest {', '.join(x[:12] for x in lacking)}",
        "从备份恢复 published.jsonl",
        "restore published.jsonl from a backup",
    )
