"""Running a rulebook over a bank folder, from the files to the kept run; and opening a kept run again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlglot import exp

from guanhu.appraisal.appraise import Appraisal, Outcome, Progress, quiet
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.explaining import Explainer
from guanhu.appraisal.history import read_opening
from guanhu.appraisal.lot_rows import holders
from guanhu.appraisal.paid import Explained, Paid
from guanhu.appraisal.parameters import read_parameters
from guanhu.appraisal.published import literal, past_from, published_runs, read_list
from guanhu.appraisal.reconcile import reconciled
from guanhu.appraisal.runs import Freezer, Identity, RunFolder, kept_rows, leftovers, made_rows, value_kept
from guanhu.facts.store import Bank, FactView
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.groups import Member
from guanhu.rulebook.explain.subject import SubjectTrace
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.instances import Instance, planned
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.run.numeric import OVERFLOW
from guanhu.rulebook.run.template import filled
from guanhu.rulebook.windows import span_of
from guanhu.values.dates import Span, period_of
from guanhu.values.problem import Place, Problem, Refused, errors_in

EngineMaker = Callable[[], Engine]


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
) -> Ran:
    """Run a rulebook over a bank for a period and keep the run.

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
    asked = _Asked(view, rulebook, rulebook_folder, period, period_text, readings or {}, before)
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
    view = bank.view(as_of=int(record["facts_as_of"]), events=tuple(rulebook.events.values()))
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
    except Exception as error:
        if OVERFLOW in str(error):
            raise Refused([_vast_quotient(rulebook)]) from error
        raise
    finally:
        engine.close()
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
        raise Refused(
            [
                Problem(
                    "RUN003",
                    Place("--period"),
                    f"{period} 内没有一个完整的{rulebook.every}结束, 没有可算的行",
                    f"no {rulebook.every} ends inside {period}: nothing to evaluate",
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


class OpenRun:
    """A kept run with the facts as it saw them, ready to explain its subjects."""

    def __init__(self, make_engine: EngineMaker, bank: Bank, run: RunFolder) -> None:
        """Open the run's rulebook, facts and kept results.

        Errors:   Refused RUN045 a run folder that was changed by hand.
        """
        run.verify()
        record = run.record
        self.run = run
        self.record = record
        self.rulebook, _ = loaded(run.rulebook_folder, record["readings"])
        self.period = period_named(record["period"])
        self.engine = make_engine()
        view = bank.view(as_of=int(record["facts_as_of"]), events=tuple(self.rulebook.events.values()))
        kinds = sorted({*_KINDS, *self.rulebook.kinds()})
        self.engine.facts(view, kinds)
        parameters, _problems = read_parameters(self.engine, self.rulebook)
        earlier = [
            r
            for r in published_runs(bank.path, self.rulebook.id)
            if r.record["digest"] in record["published"]
        ]
        past = past_from(self.engine, earlier, self.rulebook)
        read_opening(self.engine, self.rulebook, past)
        self.paid = Paid(self.engine, self.rulebook, earlier)
        self.explainer = Explainer(self.engine, view, self.rulebook, parameters, past, self._members())

    def close(self) -> None:
        """Give back the engine."""
        self.engine.close()

    def subjects(self) -> dict[str, str]:
        """Return subject id → kind of subject, of all who were appraised."""
        query = filled("SELECT DISTINCT subject_id, group_id FROM x ORDER BY 1", x=self._kept("people"))
        found = {subject: self.rulebook.groups[group].subject for subject, group in self.engine.rows(query)}
        # Who has left still has what waits.
        found.update({who: "person" for who in holders(self.engine, self.run) if who not in found})
        if self._has_published():
            # Who is in no table but that of corrections was published, and is not appraised any more.
            more = filled(
                "SELECT DISTINCT subject_id, group_id FROM x ORDER BY 1", x=self._kept("corrections")
            )
            anew = filled("SELECT DISTINCT subject_id, group_id FROM x ORDER BY 1", x=self._made("people"))
            for subject, group in (*self.engine.rows(more), *self.engine.rows(anew)):
                found.setdefault(subject, self.rulebook.groups[group].subject)
        return found

    def _has_published(self) -> bool:
        """Tell whether the run holds an instance that had been published."""
        return bool(self.record.get("published_instances"))

    def _kept(self, name: str) -> exp.Expr:
        """Return the rows of a kept table, as the run shows them."""
        return kept_rows(self.run, name)

    def _made(self, name: str) -> exp.Expr:
        """Return the rows of a kept table as the run made them."""
        return made_rows(self.run, name)

    def explain(self, subject_id: str) -> list[SubjectTrace]:
        """Return the traces of a subject, published instances as published; an unknown one is refused with the nearest ids."""
        return self.explained(subject_id).traces

    def explained(self, subject_id: str, *, keeps_rows: bool = False) -> Explained:
        """Return the traces of a subject, of each credited row if asked, and the corrections of what was published."""
        kinds = self.subjects()
        if subject_id not in kinds:
            raise Refused([self._unknown(subject_id, list(kinds))])
        kind = kinds[subject_id]
        instances = self.planned_for(subject_id, kind)
        made = self.explainer.subject(subject_id, kind, instances, keeps_rows=keeps_rows)
        return self.paid.explained(subject_id, made, instances, planned(self.rulebook, self.period)[-1].key)

    def planned_for(self, subject_id: str, kind: str) -> list[Instance]:
        """Return the instances of the run, those from the person's own date included."""
        found = planned(self.rulebook, self.period)
        if kind == "person":
            windows = {x.once for x in self.rulebook.evaluated() if x.once is not None}
            staff = self.explainer.reader.person(subject_id).staff if windows else {}
            for window in windows:
                span = span_of(window, self.period, "once", staff.get(window.date_column))
                if span is not None and span.last_day in self.period:
                    found.append(Instance(span, "once", window))
        return sorted(found, key=lambda i: i.days.end)

    def _unknown(self, subject_id: str, known: list[str]) -> Problem:
        import difflib  # noqa: PLC0415 - only for the refusal

        left = self.engine.rows(
            filled(
                "SELECT DISTINCT reason, post FROM read_parquet(:path) WHERE subject_id = :id",
                path=literal(self.run.table("left_out")),
                id=exp.Literal.string(subject_id),
            )
        )
        if left:
            reasons = "、".join(f"{post or reason}" for reason, post in left)
            return Problem(
                "RUN051",
                Place(subject_id),
                f"{subject_id} 没有参加考核: 岗位为 {reasons}",
                f"{subject_id} was not appraised: {reasons}",
                "考核对象由办法的 who 决定",
                "who is appraised is decided by the rulebook's who",
            )
        near = "、".join(difflib.get_close_matches(subject_id, known, n=3))
        return Problem(
            "RUN050",
            Place(subject_id),
            f"这次运行里没有 {subject_id}",
            f"nobody called {subject_id} in this run",
            f"相近的有 {near}" if near else "用 guanhu export 看全部对象",
            f"near: {near}" if near else "guanhu export lists all subjects",
        )

    def _members(self) -> dict[tuple[str, str], list[Member]]:
        """Return the kept results of everybody, for ranks and averages."""
        if not any(isinstance(node, t.Group | t.Pool) for node in _roots(self.rulebook)):
            return {}
        values = self._kept_values()
        decided, whole = self._decided(), self._whole_values()
        found: dict[tuple[str, str], list[Member]] = {}
        for instance, group, subject, days, first, last, *seen in self.engine.rows(
            filled(_LAST_CARDS, people=self._made("people"))
        ):
            attributes = dict(zip(_ATTRIBUTES, seen, strict=True))
            kind = self.rulebook.groups[group].subject
            if kind != "person":
                attributes |= dict.fromkeys(("team_id", "person_kind", "hired_on", "left_on"))
                attributes |= {"team_id": subject} if kind == "team" else {}
            if kind not in ("person", "institution"):
                attributes |= dict.fromkeys(("area", "level"))
            if kind != "institution":
                attributes["above_id"] = None
            known = {k: v for k, v in attributes.items() if v is not None}
            lines, measures = values.get((instance, group, subject), ({}, {}))
            own = whole.get((instance, group, subject), {})
            member = Member(
                subject, known, lines, measures, int(days), decided.get(subject, {}), own, first, last
            )
            found.setdefault((instance, group), []).append(member)
        return found

    def _decided(self) -> dict[str, dict[str, list[tuple[date, str]]]]:
        """Return what people have decided for themselves, by person and input."""
        found: dict[str, dict[str, list[tuple[date, str]]]] = {}
        query = filled(
            "SELECT person_id, input, day, value FROM f_human_decisions WHERE rulebook = :id",
            id=exp.Literal.string(self.rulebook.id),
        )
        for person, name, day, text in self.engine.rows(query):
            found.setdefault(person, {}).setdefault(name, []).append((day, text))
        return found

    def _whole_values(self) -> dict[tuple[str, str, str], dict[str, Value]]:
        """Return the lines over all spells, by instance, group and subject."""
        query = filled(
            "SELECT instance, group_id, subject_id, line, num, den, text, state FROM x WHERE spell_no = 0",
            x=self._made("lines"),
        )
        found: dict[tuple[str, str, str], dict[str, Value]] = {}
        for instance, group, subject, name, *kept in self.engine.rows(query):
            found.setdefault((instance, group, subject), {})[name] = _line_value(name, *kept)
        return found

    def _kept_values(self) -> dict[tuple[str, str, str], tuple[dict[str, Value], dict[str, Value]]]:
        found: dict[tuple[str, str, str], tuple[dict[str, Value], dict[str, Value]]] = {}
        lines = filled(
            "SELECT instance, group_id, subject_id, line, num, den, text, state FROM x QUALIFY row_number() OVER (PARTITION BY instance, group_id, subject_id, line ORDER BY spell_no DESC) = 1",
            x=self._made("lines"),
        )
        for instance, group, subject, name, *kept in self.engine.rows(lines):
            found.setdefault((instance, group, subject), ({}, {}))[0][name] = _line_value(name, *kept)
        measures = filled(
            "SELECT instance, group_id, subject_id, measure, num, den, divisor FROM x QUALIFY row_number() OVER (PARTITION BY instance, group_id, subject_id, measure ORDER BY spell_no DESC) = 1",
            x=self._made("measures"),
        )
        for instance, group, subject, name, num, den, divisor in self.engine.rows(measures):
            unknown = num is None or not divisor
            value = Unknown(f"measures.{name}", "others") if unknown else known_value(num, den) / int(divisor)
            found.setdefault((instance, group, subject), ({}, {}))[1][name] = value
        return found


def _line_value(name: str, num: Any, den: Any, text: str | None, state: str) -> Value:
    """Return a kept line of somebody else."""
    if state != "ok":
        return Unknown(f"lines.{name}", "others")
    if text is None:
        return known_value(num, den)
    return text == "yes" if text in ("yes", "no") else text


def known_value(num: Any, den: Any) -> Fraction:
    """Return the exact value of a kept figure that is known."""
    return value_kept(num, den) or Fraction(0)


_ATTRIBUTES = (
    "post",
    "grade",
    "institution_id",
    "area",
    "level",
    "team_id",
    "person_kind",
    "hired_on",
    "left_on",
    "above_id",
)
_LAST_CARDS = """
SELECT p.instance, p.group_id, p.subject_id, p.days, p.own_first, p.last_day, p.post, p.grade, p.institution_id, i.area, i.level, q.team_id,
       s.person_kind, s.hired_on, s.left_on, i.parent_id
FROM (
  SELECT *, min(first_day) OVER (PARTITION BY instance, group_id, subject_id) AS own_first FROM people
  QUALIFY row_number() OVER (PARTITION BY instance, group_id, subject_id ORDER BY spell_no DESC) = 1
) AS p
LEFT JOIN f_staff AS s ON s.person_id = p.subject_id
LEFT JOIN f_posts AS q ON q.person_id = p.subject_id AND q.from_day <= p.last_day AND q.to_day > p.last_day
ASOF LEFT JOIN f_institutions AS i ON i.institution_id = p.institution_id AND i.from_day <= p.last_day
"""


def _roots(rulebook: t.Rulebook) -> list[t.Expr]:
    lines = [
        x for line in rulebook.lines.values() for x in (line.value, line.least, line.most) if x is not None
    ]
    return [
        node for root in (*lines, *(d.when for d in rulebook.decisions.values())) for node in t.walk(root)
    ]


DAYS_MAX = 3660
_KINDS = (
    "institutions",
    "staff",
    "posts",
    "teams",
    "customers",
    "accounts",
    "account_institutions",
    "balances",
    "account_rates",
    "loans",
    "loan_states",
    "assignments",
    "figures",
    "parameters",
    "human_decisions",
    "opening_state",
)

__all__ = ["OpenRun", "Ran", "loaded", "period_named", "run_rulebook"]
