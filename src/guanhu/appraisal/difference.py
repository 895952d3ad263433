"""Why two runs of one period differ: causes applied one after the other, always in the same order.

    run A ─ facts ─► ─ assignments ─► ─ parameters ─► ─ clauses ─► ─ rounding ─► run B

Each cause is what changes when, after all causes before it, this one too is taken from run B. So the causes sum
to the difference, for each person and in total. What nobody could see apart (a new account and who is in charge
of it) falls to the cause that comes later.

    facts         balances, loans, events, figures, accounts, customers, institutions, and the published past
    assignments   assignments, posts, teams, staff
    parameters    the bank's inputs and people's own decisions
    clauses       the rulebook's text, the readings taken, and what the text means (the version of the language)
    rounding      declarations of the rulebook that differ in nothing but how they round
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from guanhu.appraisal.appraise import Appraisal, Outcome, Progress, quiet
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.facts_read import facts_read
from guanhu.appraisal.long_tables import create_lines
from guanhu.appraisal.opened import nobody
from guanhu.appraisal.published import past_from, published_before
from guanhu.appraisal.running import EngineMaker, period_named
from guanhu.appraisal.runs import RunFolder, made_rows
from guanhu.appraisal.whatif.effects import pay_lines
from guanhu.facts.mixed import MixedView
from guanhu.facts.store import Bank, FactView
from guanhu.rulebook import tree as t
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.load.text import Tree
from guanhu.rulebook.run.template import filled
from guanhu.rulebook.shape import shape
from guanhu.values.problem import Place, Problem, Refused, errors_in

CAUSES = ("facts", "assignments", "parameters", "clauses", "rounding")
_OF_ASSIGNMENTS = ("assignments", "posts", "teams", "staff")
_OF_PARAMETERS = ("parameters", "human_decisions")
_MARKS = ("place", "clause", "title", "assume", "doubt", "says")
"""What a declaration says beside its rule: it cannot change a figure."""
_ROUNDING = ("round_to", "round_per", "places", "mode")
_ROUNDED = (t.Round, t.Settled)
Key = tuple[str, str, str, str]
"""Subject, calendar unit, instance, line."""
Figures = dict[Key, Fraction | str | None]


@dataclass(frozen=True, slots=True)
class Step:
    """The figures after a cause: all lines of whole subjects, and which lines are pay."""

    cause: str
    figures: Figures
    pay: frozenset[str]

    def paid(self) -> dict[str, int]:
        """Return pay in fen by subject; what is not settled counts as nothing paid."""
        found: dict[str, int] = {}
        for (subject, _, _, line), value in self.figures.items():
            if line in self.pay and isinstance(value, Fraction):
                found[subject] = found.get(subject, 0) + int(value * 100)
        return found

    def open(self) -> set[str]:
        """Return the subjects of whom a line of pay is not settled."""
        return {key[0] for key, value in self.figures.items() if key[3] in self.pay and value is None}


@dataclass(slots=True)
class Explained:
    """A subject or the total: pay in run A, what each cause adds, pay in run B, in fen.

    `open` tells of either run how many subjects are not settled: their pay is that of the lines that are.
    """

    subject: str
    before: int
    after: int
    causes: dict[str, int] = field(default_factory=dict)
    open: tuple[int, int] = (0, 0)

    @property
    def change(self) -> int:
        """Return after − before."""
        return self.after - self.before


class Difference:
    """Two kept runs of the same period, opened to be told apart."""

    def __init__(
        self,
        make_engine: EngineMaker,
        bank: Bank,
        before: RunFolder,
        after: RunFolder,
        progress: Progress = quiet,
    ) -> None:
        """Open both runs.

        Errors:   Refused RUN045 a run that was changed by hand, RUN046 runs of different periods.
        """
        before.verify()
        after.verify()
        self.make_engine, self.bank, self.progress = make_engine, bank, progress
        self.sides = (_Side(bank, before), _Side(bank, after))
        periods = [side.record["period"] for side in self.sides]
        if periods[0] != periods[1]:
            raise Refused([_other_period(before, after, periods)])

    def steps(self) -> list[Step]:
        """Return the figures of run A, then after each cause; the last are those of run B.

        A state that is that of a run is read from its folder and not computed again.
        """
        first, last = self.sides
        found = [self._kept("", first)]
        same_facts = first.view.digest == last.view.digest and first.past_digests == last.past_digests
        rounded = _rounding_only(first.rulebook, last.rulebook)
        changes = {
            "facts": not same_facts,
            "assignments": not same_facts,
            "parameters": not same_facts,
            "clauses": first.identity != last.identity,
            "rounding": bool(rounded),
        }
        left = [cause for cause in CAUSES if changes[cause]]
        for place, cause in enumerate(left):
            self.progress(cause, place, len(left))
            if place == len(left) - 1:
                found.append(self._kept(cause, last))
            else:
                found.append(self._computed(cause, rounded))
        return found

    def _kept(self, cause: str, side: _Side) -> Step:
        engine = self.make_engine()
        try:
            engine.create("lines", made_rows(side.run, "lines"))
            outcome = Outcome(side.rulebook, period_named(side.record["period"]))
            return Step(cause, _figures(engine, "lines"), frozenset(pay_lines(side.rulebook, outcome)))
        finally:
            engine.close()

    def _computed(self, cause: str, rounded: set[tuple[str, str]]) -> Step:
        first, last = self.sides
        done = CAUSES[: CAUSES.index(cause) + 1]
        rulebook = first.rulebook
        if "clauses" in done:
            rulebook = _with_old_rounding(first, last, rounded)
        old: list[str] = []
        if "assignments" not in done:
            old += _OF_ASSIGNMENTS
        if "parameters" not in done:
            old += _OF_PARAMETERS
        view = MixedView.of(last.view, first.view, old)
        engine = self.make_engine()
        try:
            past = past_from(engine, last.earlier, rulebook)
            appraisal = Appraisal(engine, view, rulebook, period_named(first.record["period"]), past)
            outcome = appraisal.run()
            create_lines(engine, "lines", outcome.results)
            return Step(cause, _figures(engine, "lines"), frozenset(pay_lines(rulebook, outcome)))
        finally:
            engine.close()


class _Side:
    """One of the two runs."""

    def __init__(self, bank: Bank, run: RunFolder) -> None:
        self.run, self.record = run, run.record
        self.sections: dict[str, dict[str, Tree]] = {}
        self.rulebook = _loaded(run, self._remember)
        self.view: FactView = facts_read(bank, run, self.rulebook)
        self.past_digests = tuple(self.record["published"])
        self.earlier = published_before(bank.path, self.rulebook.id, run)

    def _remember(self, sections: dict[str, dict[str, Tree]], _problems: list[Problem]) -> None:
        self.sections = {name: dict(trees) for name, trees in sections.items()}

    @property
    def identity(self) -> tuple[Any, ...]:
        """Return what the text, its readings and the meaning of both are told by."""
        record = self.record
        return record["rulebook_digest"], tuple(sorted(record["readings"].items())), record["language"]


def by_subject(steps: list[Step]) -> list[Explained]:
    """Return each subject whose pay differs anywhere on the way, the largest difference first."""
    paid, unsettled = [step.paid() for step in steps], [step.open() for step in steps]
    found = []
    for subject in sorted({x for one in (*paid, *unsettled) for x in one}):
        way = [one.get(subject, 0) for one in paid]
        at_ends = (int(subject in unsettled[0]), int(subject in unsettled[-1]))
        if len(set(way)) > 1 or at_ends[0] != at_ends[1]:
            found.append(_explained(subject, way, steps, at_ends))
    return sorted(found, key=lambda x: (-abs(x.change), x.subject))


def in_total(steps: list[Step]) -> Explained:
    """Return the difference of all subjects together."""
    at_ends = (len(steps[0].open()), len(steps[-1].open()))
    return _explained("", [sum(step.paid().values()) for step in steps], steps, at_ends)


def refuse_unknown(steps: list[Step], subject: str) -> None:
    """Refuse a subject of whom neither run has a line.

    Errors:   Refused RUN050.
    """
    known = sorted({key[0] for step in steps for key in step.figures})
    if subject not in known:
        raise Refused([nobody(subject, known)])


def lines_of(steps: list[Step], subject: str) -> list[tuple[Key, list[Fraction | str | None]]]:
    """Return the lines of a subject that differ anywhere on the way, with their figure after each cause."""
    keys = dict.fromkeys(key for step in steps for key in step.figures if key[0] == subject)
    found = []
    for key in keys:
        way = [step.figures.get(key) for step in steps]
        if any(value != way[0] for value in way):
            found.append((key, way))
    return found


def _explained(subject: str, way: list[int], steps: list[Step], at_ends: tuple[int, int]) -> Explained:
    causes = dict.fromkeys(CAUSES, 0)
    for place, step in enumerate(steps[1:], 1):
        causes[step.cause] = way[place] - way[place - 1]
    return Explained(subject, way[0], way[-1], causes, at_ends)


def _figures(engine: Engine, table: str) -> Figures:
    query = filled(
        "SELECT subject_id, every, instance, line, num, den, text, state FROM x WHERE spell_no = 0 ORDER BY ALL",
        x=table,
    )
    found: Figures = {}
    for subject, every, instance, line, num, den, text, state in engine.rows(query):
        value: Fraction | str | None = None
        if state == "ok":
            value = text if text is not None else Fraction(int(num), int(den))
        found[subject, every, instance, line] = value
    return found


def _loaded(run: RunFolder, edit: Any) -> t.Rulebook:
    rulebook, problems = load(run.rulebook_folder, run.record["readings"], edit)
    if rulebook is None:
        raise Refused(errors_in(problems) or problems)
    return rulebook


def _with_old_rounding(first: _Side, last: _Side, rounded: set[tuple[str, str]]) -> t.Rulebook:
    """Return the rulebook of the last run, with the rounding of the first where nothing else differs."""

    def edit(sections: dict[str, dict[str, Tree]], _problems: list[Problem]) -> None:
        for section, name in rounded:
            sections[section][name] = first.sections[section][name]

    return _loaded(last.run, edit)


def _rounding_only(before: t.Rulebook, after: t.Rulebook) -> set[tuple[str, str]]:
    """Return the declarations (section, name) of both rulebooks that differ in nothing but their rounding."""
    found: set[tuple[str, str]] = set()
    for section in ("measures", "lines", "decisions"):
        old, new = getattr(before, section), getattr(after, section)
        for name in old.keys() & new.keys():
            if not alike(old[name], new[name]) and alike(old[name], new[name], rounding=False):
                is_check = section == "lines" and new[name].role == "check"
                found.add(("checks" if is_check else section, name))
    return found


def alike(left: Any, right: Any, *, rounding: bool = True) -> bool:
    """Tell whether two parts of a tree give the same figures; `rounding` False looks through how they round."""
    if rounding:
        return shape(left, _MARKS) == shape(right, _MARKS)
    marks = (*_MARKS, *_ROUNDING)
    return shape(left, marks, _ROUNDED) == shape(right, marks, _ROUNDED)


def _other_period(before: RunFolder, after: RunFolder, periods: Iterable[str]) -> Problem:
    first, last = periods
    return Problem(
        "RUN046",
        Place(after.path.name),
        f"{before.path.name} 是 {first}, {after.path.name} 是 {last}: 只能比较同一期间的两次运行",
        f"{before.path.name} is of {first}, {after.path.name} of {last}: only runs of one period can be told apart",
        "用同样的 --period 再运行一次",
        "run again with the same --period",
    )
