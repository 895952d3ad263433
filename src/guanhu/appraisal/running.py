"""Running a rulebook over a bank folder, from the files to the kept run; and opening a kept run again."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from guanhu.appraisal.appraise import Appraisal, Outcome, Progress, quiet
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.facts_read import facts_read, strangers
from guanhu.appraisal.increment.since import (
    lay_known,
    measured_delta,
    since as appraisal_since,
    touched_since,
)
from guanhu.appraisal.increment.touched import Touched
from guanhu.appraisal.published import past_from, published_runs, read_list, told_behind
from guanhu.appraisal.reconcile import reconciled, told_unowned
from guanhu.appraisal.runs import (
    LANGUAGE_VERSION,
    Freezer,
    Identity,
    RunFolder,
    leftovers,
)
from guanhu.facts.few import Shared
from guanhu.facts.store import Bank, FactView
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import planned
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.print.sentence import EVERY
from guanhu.rulebook.run.numeric import OVERFLOW
from guanhu.values.dates import Span, period_of
from guanhu.values.problem import Place, Problem, Refused, errors_in

EngineMaker = Callable[[], Engine]
DAYS_MAX = 3660


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that was made: its folder, and what was told on the way."""

    folder: RunFolder
    problems: tuple[Problem, ...]
    outcome: Outcome


def loaded(folder: Path, readings: Mapping[str, str] | None = None) -> tuple[t.Rulebook, list[Problem]]:
    """Return a checked rulebook and its warnings; Refused with all problems when it has errors."""
    rulebook, problems = load(folder, readings)
    if rulebook is None:
        raise Refused(errors_in(problems) or problems)
    return rulebook, problems


def period_named(text: str) -> Span:
    """Return the period that text names, or refuse it with what may be written."""
    span = period_of(text)
    if span is None:
        raise Refused(
            [
                Problem(
                    "RUN001",
                    Place("--period"),
                    f"看不懂期间 {text}",
                    f"{text} is not a period",
                    "写成 2025、2025H1、2025Q3、2025-07 或 2025-01-01..2025-03-30",
                    "write 2025, 2025H1, 2025Q3, 2025-07 or 2025-01-01..2025-03-30",
                )
            ]
        )
    return span


def run_rulebook(
    make_engine: EngineMaker,
    bank: Bank,
    rulebook_folder: Path,
    period_text: str,
    as_of: datetime | int | None = None,
    readings: Mapping[str, str] | None = None,
    progress: Progress = quiet,
    since: RunFolder | None = None,
    told: Callable[[Touched], None] = lambda _touched: None,
) -> Ran:
    """Run a rulebook over a bank for a period and keep the run.

    With `since`, an earlier run of the same rulebook, readings and period, only what late facts touch is measured
    again; `told` hears first what that is. The result is that of a whole run.

    Errors:   Refused with RUN001 period, RUL… rulebook, RUN002 no facts, RUN003 nothing to evaluate in the period.
    """
    started = time.perf_counter()
    period = period_named(period_text)
    rulebook, problems = loaded(rulebook_folder, readings)
    view = bank.view(as_of=as_of, events=tuple(rulebook.events.values()))
    refuse_empty(view, bank, rulebook, period)
    runs = bank.path / "runs"
    for partial in leftovers(runs):
        shutil.rmtree(partial, ignore_errors=True)
        problems.append(
            Problem(
                "RUN031",
                Place(partial.name),
                "上次运行被中断, 它的残留已清除",
                "an interrupted run was cleared away",
                severity="warning",
            )
        )
    problems.extend(read_list(bank.path)[1])
    before = published_runs(bank.path, rulebook.id)
    problems.extend(strangers(bank, before))
    asked = _Asked(view, rulebook, rulebook_folder, period, period_text, readings or {}, before)
    if since is not None:
        old = earlier_view(bank, since, asked)
        found = _kept_since(make_engine, asked, runs, list(problems), progress, started, (since, old), told)
        if found is not None:
            return found
    return _kept(make_engine, asked, runs, problems, progress, started)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a run is made of."""

    view: FactView
    rulebook: t.Rulebook
    folder: Path
    period: Span
    period_text: str
    readings: Mapping[str, str]
    before: Sequence[RunFolder]


def run_again(
    make_engine: EngineMaker,
    bank: Bank,
    run: RunFolder,
    before: Sequence[RunFolder],
    runs: Path,
    progress: Progress = quiet,
) -> RunFolder:
    """Return a kept run made once more into the folder `runs`, with these runs published before it."""
    record = run.record
    rulebook, problems = loaded(run.rulebook_folder, record["readings"])
    view = facts_read(bank, run, rulebook)
    asked = _Asked(
        view,
        rulebook,
        run.rulebook_folder,
        period_named(record["period"]),
        record["period_text"],
        record["readings"],
        before,
    )
    return _kept(make_engine, asked, runs, problems, progress, time.perf_counter()).folder


def earlier_view(bank: Bank, since: RunFolder, asked: _Asked) -> FactView:
    """Return the facts as an earlier run saw them.

    Errors:   Refused RUN045 a run that was changed by hand, RUN049 one of another rulebook, reading, period or later moment,
              RUN055 one that read other batches than the bank has.
    """
    since.verify()
    record = since.record
    wanted = {
        "rulebook_digest": asked.rulebook.digest,
        "readings": dict(asked.readings),
        "period": str(asked.period),
        "language": LANGUAGE_VERSION,
    }
    other = [key for key, value in wanted.items() if record[key] != value]
    if int(record["facts_as_of"]) > asked.view.as_of_batch:
        other.append("facts_as_of")
    if other:
        raise Refused([_not_since(since, other)])
    return facts_read(bank, since, asked.rulebook)


def _kept_since(
    make_engine: EngineMaker,
    asked: _Asked,
    runs: Path,
    problems: list[Problem],
    progress: Progress,
    started: float,
    earlier: tuple[RunFolder, FactView],
    told: Callable[[Touched], None],
) -> Ran | None:
    """Return the run since an earlier one and its facts; None when it has to be made whole."""
    run, old = earlier
    view, rulebook, period = asked.view, asked.rulebook, asked.period
    engine = make_engine()
    try:
        with tempfile.TemporaryDirectory(prefix="guanhu-") as folder, ThreadPoolExecutor(1) as pool:
            shared = Shared(Path(folder))
            # Who there is must be laid in any case; meanwhile it shows what late facts touch.
            people = pool.submit(lay_known, engine, view, rulebook)
            touched = touched_since(old, view, rulebook, shared)
            told(touched)
            if touched.why_all is not None:
                return None
            parameters = people.result()
            delta = pool.submit(measured_delta, make_engine, old, view, rulebook, period, touched, shared)
            past = past_from(engine, asked.before, rulebook)
            appraisal = appraisal_since(
                engine, view, rulebook, period, past, run, touched, parameters, delta.result, progress
            )
            outcome = appraisal.run()
            if appraisal.frozen.misses:
                return None
            outcome.reconciled.extend(appraisal.reconcile())
        return _frozen(engine, asked, outcome, runs, problems, progress, started)
    except Refused as refused:
        if {p.code for p in refused.problems} == {"RUN021"}:
            return None
        raise
    finally:
        engine.close()


def _not_since(since: RunFolder, other: list[str]) -> Problem:
    return Problem(
        "RUN049",
        Place(since.path.name),
        f"不能接着这次运行算: {'、'.join(other)} 不同",
        f"a run cannot go on from this one: {', '.join(other)} differ",
        "用同样的办法、读法和期间, 并且事实不早于那次运行; 否则去掉 --since",
        "use the same rulebook, readings and period, and facts no earlier than its own; else leave out --since",
    )


def _kept(
    make_engine: EngineMaker,
    asked: _Asked,
    runs: Path,
    problems: list[Problem],
    progress: Progress,
    started: float,
) -> Ran:
    rulebook, view = asked.rulebook, asked.view
    engine = make_engine()
    try:
        past = past_from(engine, asked.before, rulebook)
        appraisal = Appraisal(engine, view, rulebook, asked.period, past, progress)
        outcome = appraisal.run()
        outcome.reconciled.extend(reconciled(appraisal))
        outcome.problems.extend(told_unowned(appraisal, outcome.reconciled))
        outcome.problems.extend(told_behind(view, asked.period, asked.before))
        return _frozen(engine, asked, outcome, runs, problems, progress, started)
    except Exception as error:
        if OVERFLOW in str(error):
            raise Refused([_vast_quotient(rulebook)]) from error
        raise
    finally:
        engine.close()


def _frozen(
    engine: Engine,
    asked: _Asked,
    outcome: Outcome,
    runs: Path,
    problems: list[Problem],
    progress: Progress,
    started: float,
) -> Ran:
    """Keep an outcome as a run's folder."""
    rulebook, view = asked.rulebook, asked.view
    refuse_wrong(outcome.problems)
    outcome.problems[:0] = problems
    identity = Identity(
        rulebook.id,
        rulebook.digest,
        tuple(sorted(asked.readings.items())),
        asked.period,
        view.as_of_batch,
        view.digest,
        tuple(run.record["digest"] for run in asked.before),
    )
    times = {"appraise": time.perf_counter() - started}
    path = Freezer(engine, outcome, identity, asked.before).freeze(
        runs, asked.period_text, asked.folder, times, progress
    )
    return Ran(RunFolder(path), tuple(outcome.problems), outcome)


def refuse_wrong(problems: list[Problem]) -> None:
    """Refuse a run whose inputs are wrong."""
    wrong = errors_in(problems)
    if wrong:
        raise Refused(wrong)


def _vast_quotient(rulebook: t.Rulebook) -> Problem:
    return Problem(
        "RUN022",
        Place(rulebook.id),
        "有一个比率大得不合情理(超过一千万亿), 不能保证精确",
        "a ratio is beyond all reason (above 10^15) and cannot be kept exact",
        "检查除数是否接近 0, 或用 divide(a, b, 值) 写明除不尽时取什么",
        "check for divisors near 0, or say with divide(a, b, value) what stands instead",
    )


def refuse_empty(view: FactView, bank: Bank, rulebook: t.Rulebook, period: Span) -> None:
    """Refuse a run without facts, or for a period in which nothing ends."""
    if not view.as_of_batch and (first := next(iter(bank.batches()), None)) is not None:
        raise Refused([_before_all(first.imported_at)])
    if not view.as_of_batch:
        raise Refused(
            [
                Problem(
                    "RUN002",
                    Place(str(bank.path)),
                    "这家银行还没有导入事实",
                    "no facts have been imported into this bank",
                    "先运行 guanhu facts import",
                    "run guanhu facts import first",
                )
            ]
        )
    if period.days > DAYS_MAX:
        raise Refused(
            [
                Problem(
                    "RUN004",
                    Place("--period"),
                    f"{period} 有 {period.days} 天, 一次最多运行十年",
                    f"{period} has {period.days} days; a run spans ten years at most",
                    "分成几次运行",
                    "run it in parts",
                )
            ]
        )
    if not planned(rulebook, period):
        units = sorted({x.every for x in rulebook.evaluated()}, key=[*EVERY].index)
        raise Refused(
            [
                Problem(
                    "RUN003",
                    Place("--period"),
                    f"{period} 内没有可算的行: 办法的行{'、'.join(EVERY[x] for x in units)}考核, 期间里没有这样完整的一期",
                    f"nothing to evaluate in {period}: the lines are of each {' or '.join(units)}, and none of them ends there",
                    "换一个包含完整月、季或年的期间",
                    "name a period that holds whole months, quarters or years",
                )
            ]
        )


def _before_all(first: datetime) -> Problem:
    return Problem(
        "RUN005",
        Place("--as-of"),
        f"那时还没有导入任何事实: 第一批是 {first.isoformat(timespec='seconds')} 导入的",
        f"no facts had been imported then: the first batch came at {first.isoformat(timespec='seconds')}",
        "写晚一些的时刻, 或批次号; guanhu facts list 列出各批",
        "name a later moment, or a batch's number; guanhu facts list shows them",
    )
