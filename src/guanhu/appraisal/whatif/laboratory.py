"""Trying patches on a kept run: one after the other, on the same facts, past and frozen measures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from guanhu.appraisal.appraise import Outcome, Progress, kinds_read, quiet
from guanhu.appraisal.facts_read import facts_read
from guanhu.appraisal.ground import lay_ground, lay_people
from guanhu.appraisal.parameters import Parameters, given_parameters
from guanhu.appraisal.published import past_from, published_before
from guanhu.appraisal.running import EngineMaker, period_named
from guanhu.appraisal.runs import RunFolder
from guanhu.appraisal.whatif.effects import Effects, compared
from guanhu.appraisal.whatif.frozen import Frozen, FrozenAppraisal
from guanhu.appraisal.whatif.patch import Change, Patch, put_in, text_at, with_values
from guanhu.appraisal.whatif.reach import Reach, reach_of
from guanhu.facts.store import Bank
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.told import value_text
from guanhu.rulebook.instances import Version
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.load.text import Tree
from guanhu.values.exact import decimal_of
from guanhu.values.language import ZH
from guanhu.values.problem import Place, Problem, Refused, errors_in

STEPS_MAX = 1000
VALUES_SHOWN = 3
TOO_WIDE = "RUN021"
UNITS = {"%": 100, "‰": 1000, "元": 1, "": 1}
"""What may be written after a number, and how many of it are 1."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying a patch came to, and which measures had to be folded again; `seconds` it took."""

    patch: Patch
    effects: Effects
    again: tuple[str, ...]
    seconds: float
    outcome: Outcome
    versions: Sequence[Version]
    """The rulebooks, each from its day on."""
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Sweep:
    """The values that a path takes: from, to and step, as written."""

    path: str
    values: tuple[Fraction, ...]
    unit: str

    def text(self, value: Fraction) -> str:
        """Return a value as it would be written in a rulebook.

        >>> Sweep("x", (), "%").text(Fraction(1, 80)), Sweep("x", (), "元").text(Fraction(5))
        ('1.25%', '5元')
        """
        return f"{_decimal(value * UNITS[self.unit])}{self.unit}"


class Laboratory:
    """A kept run on which patches are tried. Nothing of it or of the bank is changed."""

    def __init__(
        self, make_engine: EngineMaker, bank: Bank, run: RunFolder, progress: Progress = quiet
    ) -> None:
        """Open the run and read its people, inputs and frozen measures.

        Errors:   Refused RUN045 a run folder that was changed by hand, RUN055 other batches than it read.
        """
        run.verify()
        self.make_engine = make_engine
        self.bank, self.run, self.record, self.progress = bank, run, run.record, progress
        self.sections: dict[str, dict[str, Tree]] = {}
        self.base = self._rulebook((), self.sections)
        self.period = period_named(self.record["period"])
        self.view = facts_read(bank, run, self.base)
        self.engine = make_engine()
        self.engine.facts(self.view, kinds_read(self.base))
        self.parameters, _ = given_parameters(self.engine, self.base)
        lay_people(self.engine)
        self._has_ground = False
        self.frozen = Frozen.of(self.engine, run)
        self.earlier = published_before(bank.path, self.base.id, run)

    def close(self) -> None:
        """Give back the engine."""
        self.engine.close()

    def tried(self, patch: Patch, *, detail: bool = True) -> Tried:
        """Return what a patch does.

        Errors:   Refused PAT003-PAT006 a patch that does not fit, RUL… a rulebook that it makes wrong.
        """
        started = time.perf_counter()
        versions = self._versions(patch)
        parameters = with_values(patch.changes, self.parameters, versions[-1][1])
        valued = {c.path[1] for c in patch.changes if c.is_value}
        since = min((c.start for c in patch.changes), default=date.max)
        reach = reach_of(self.base, versions, valued, since)
        self.frozen.misses = False
        try:
            outcome, again = self._scored(versions, parameters, reach)
        except Refused as refused:
            if {p.code for p in refused.problems} != {TOO_WIDE}:
                raise
            # A kept figure can be wider than the same one as it comes from the facts.
            self.frozen.misses = True
        if self.frozen.misses:
            # Or a decision brought somebody into a group, of whom nothing was kept.
            everything = replace(reach, measures=frozenset(versions[-1][1].measures))
            outcome, again = self._scored(versions, parameters, everything)
        effects = compared(self.engine, outcome, detail=detail)
        names = tuple(versions[-1][1].measures[x].title for x in sorted(again))
        seconds = time.perf_counter() - started
        return Tried(patch, effects, names, seconds, outcome, versions, parameters)

    def _scored(
        self, versions: list[Version], parameters: Parameters, reach: Reach
    ) -> tuple[Outcome, set[str]]:
        past = past_from(self.engine, self.earlier, self.base)
        appraisal = FrozenAppraisal(
            self.engine, self.view, versions, self.period, past, self.frozen, reach, self.progress
        )
        appraisal.parameters = parameters
        again = appraisal.again()
        if again and not self._has_ground:
            lay_ground(self.engine)
            self._has_ground = True
        return appraisal.run(), again

    def swept(self, patch: Patch, sweep: Sweep) -> list[tuple[Fraction, Effects]]:
        """Return what each value of a sweep does, in the order of the values."""
        return [(value, self.at(patch, sweep, value).effects) for value in sweep.values]

    def at(self, patch: Patch, sweep: Sweep, value: Fraction) -> Tried:
        """Return what one value of a sweep does; a refusal says which value it was."""
        try:
            return self.tried(patch.with_value(sweep.path, sweep.text(value)), detail=False)
        except Refused as refused:
            raise Refused([_at_value(p, sweep, value) for p in refused.problems]) from refused

    def meeting(
        self, patch: Patch, sweep: Sweep, budget: int, *, of_total: bool = False
    ) -> tuple[list[tuple[Fraction, Effects]], int | None]:
        """Return values tried and the place of the last one whose cost stays within a budget (fen), by halving.

        The budget is for what the patch costs beside the run; `of_total` it is for all that is paid.

        The cost is taken to go one way along the sweep; the ends are tried first, and say which.
        """
        tried: dict[int, Effects] = {}

        def fits(place: int) -> bool:
            if place not in tried:
                tried[place] = self.at(patch, sweep, sweep.values[place]).effects
            return asked(place) <= budget

        def asked(place: int) -> int:
            return tried[place].after if of_total else tried[place].cost

        low, high = 0, len(sweep.values) - 1
        first, last = fits(low), fits(high)
        best = high if last else low if first else None
        if first != last:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if fits(middle) == first else (low, middle)
            best = low if first else high
        elif first and asked(low) > asked(high):
            best = low
        places = sorted(tried)
        return [(sweep.values[i], tried[i]) for i in places], None if best is None else places.index(best)

    def was(self, change: Change, lang: str = ZH) -> str:
        """Return what stands before a change where it is made: the text, of an input the values; '' where nothing does."""
        if not change.is_value:
            return text_at(self.sections, change.path)
        declared = self.base.inputs[change.path[1]]
        rows = self.parameters.values.get(declared.id, {})
        day = max(change.start, self.period.start)
        given = [
            row.value
            for keys, dated in sorted(rows.items())
            for row in dated
            if (change.keys is None or keys == change.keys) and row.days.start <= day < row.days.end
        ]
        shown = list(
            dict.fromkeys(
                value_text(None if isinstance(value, date) else value, declared.unit, lang) or str(value)
                for value in given
            )
        )
        return "、".join(shown[:VALUES_SHOWN]) + ("…" if len(shown) > VALUES_SHOWN else "")

    def _rulebook(
        self, changes: Iterable[Change], read: dict[str, dict[str, Tree]] | None = None
    ) -> t.Rulebook:
        """Return the rulebook with changes; `read` is filled with its sections as they were read."""
        wanted = tuple(changes)

        def edit(sections: dict[str, dict[str, Tree]], problems: list[Problem]) -> None:
            if read is not None:
                read.update({name: dict(trees) for name, trees in sections.items()})
            put_in(wanted, sections, problems)

        rulebook, problems = load(self.run.rulebook_folder, self.record["readings"], edit)
        if rulebook is None:
            raise Refused(errors_in(problems) or problems)
        return rulebook

    def _versions(self, patch: Patch) -> list[Version]:
        """Return the rulebooks by the day from which they hold: as run, and from each day of the patch on."""
        found: list[Version] = [(date.min, self.base)]
        for day in patch.starts():
            rulebook = self._rulebook(c for c in patch.changes if c.start <= day)
            if day == date.min:
                found = []
            found.append((day, rulebook))
        return found


def sweep_of(text: str) -> Sweep:
    """Return a sweep: `path=1%..3%/0.1%`.

    >>> [sweep_of("inputs.rate=1%..3%/1%").text(x) for x in sweep_of("inputs.rate=1%..3%/1%").values]
    ['1%', '2%', '3%']

    Errors:   Refused PAT007 not of the form, without steps, or with more than 1,000.
    """
    path, _, span = text.partition("=")
    ends, _, step_text = span.partition("/")
    low_text, _, high_text = ends.partition("..")
    numbers = [decimal_of(x.strip().removesuffix("元")) for x in (low_text, high_text, step_text)]
    low, high, step = numbers
    if not path or low is None or high is None or step is None or step <= 0 or high < low:
        raise Refused([_no_sweep(text)])
    count = (high - low) // step + 1
    if count > STEPS_MAX:
        raise Refused([_no_sweep(text)])
    values = tuple(low + step * i for i in range(int(count)))
    unit = next(x for x in UNITS if low_text.strip().endswith(x))
    return Sweep(path.strip(), values, unit)


def _decimal(value: Fraction) -> str:
    """Return a decimal as written, without exponent."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = f"{abs(int(value * 10**places)):0{places + 1}d}"
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def _at_value(problem: Problem, sweep: Sweep, value: Fraction) -> Problem:
    shown = sweep.text(value)
    return Problem(
        problem.code,
        problem.place,
        f"{sweep.path} 取 {shown} 时: {problem.zh}",
        f"with {sweep.path} at {shown}: {problem.en}",
        problem.hint_zh,
        problem.hint_en,
        problem.clause,
    )


def _no_sweep(text: str) -> Problem:
    is_big = any(word in text.partition("=")[2] for word in "万亿")
    big, big_en = ("; 数不带“万”“亿”", "; numbers stand without 万 and 亿") if is_big else ("", "")
    return Problem(
        "PAT007",
        Place("--sweep"),
        f"看不懂 {text}: 写“路径=从..到/步长”, 步长大于 0, 最多 {STEPS_MAX} 步",
        f"{text} is not `path=from..to/step` with a step above 0 and at most {STEPS_MAX} steps",
        f"例如 inputs.increment_rate=1%..3%/0.1%{big}",
        f"such as inputs.increment_rate=1%..3%/0.1%{big_en}",
    )


__all__ = ["Laboratory", "Sweep", "Tried", "sweep_of"]
