"""A proof of one rulebook: what was asked, what was found, what stayed open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Value
from guanhu.rulebook.prove.ask import OPEN as NOT_DECIDED, SHOWN, Asker, Question, Verdict
from guanhu.rulebook.prove.finding import ACCEPTED, DEFECT, FAULT, OPEN, Finding, clauses_of, english
from guanhu.rulebook.prove.leaves import Book
from guanhu.rulebook.prove.replay import Point, replayed


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as a cliff, and how long to think: seconds for a question and for all of them."""

    cliff_money: Fraction = Fraction(1000)
    cliff_points: Fraction = Fraction(15)
    seconds: Fraction = Fraction(2)
    total: Fraction = Fraction(30)


@dataclass(slots=True)
class Proof:
    """The findings of a rulebook, with the questions that led to them. `untried` are lines that nobody can try."""

    book: Book
    limits: Limits
    asker: Asker
    findings: list[Finding] = field(default_factory=list)
    questions: int = 0
    undecided: int = 0
    seconds: Fraction = Fraction(0)
    untried: frozenset[str] = frozenset()
    proved_lines: dict[tuple[str, str], bool] = field(default_factory=dict)
    two_states: dict[tuple[str, str, str, str], tuple[Point, Point] | None] = field(default_factory=dict)

    @property
    def rulebook(self) -> t.Rulebook:
        """Return the rulebook."""
        return self.book.rulebook

    def ask(self, question: Question, code: str, subjects: Sequence[str], zh: str, en: str) -> Verdict:
        """Return the verdict on a question; one that is not decided is noted with what was asked."""
        before = len(self.asker.clashes)
        verdict = self.asker.ask(question)
        self._noted(verdict, code, subjects, self.book.owner(question.names[0]).clause, zh, en)
        for names, point in self.asker.clashes[before:]:
            self.clash(names[0], point)
        return verdict

    def settle(self, verdict: Verdict, code: str, about: t.Declaration, zh: str, en: str) -> bool:
        """Count a question that was asked of rows; tell whether it was shown. One that is not decided is noted."""
        self._noted(verdict, code, (about.path,), about.clause, zh, en)
        return verdict.state == SHOWN

    def _noted(
        self, verdict: Verdict, code: str, subjects: Sequence[str], clause: str, zh: str, en: str
    ) -> None:
        self.questions += 1
        if verdict.state != NOT_DECIDED:
            return
        self.undecided += 1
        self.findings.append(
            Finding(
                code="PRV040",
                severity=OPEN,
                subjects=tuple(subjects),
                clauses=clauses_of(clause),
                zh=f"{zh}: 在时限内没有判定",
                en=f"{en}: not decided in its time",
                facts={"asked": code, "because": verdict.why},
            )
        )

    def counted(self) -> None:
        """Count a question that an exact argument has answered without the solver."""
        self.questions += 1

    def clash(self, name: str, point: Point) -> None:
        """Report loudly that *explain* does not confirm what was proved to be so."""
        owner = self.book.owner(name)
        self.findings.append(
            Finding(
                code="PRV099",
                severity=FAULT,
                subjects=(owner.path,),
                clauses=clauses_of(owner.clause),
                zh=f"{owner.title}: 证明给出的反例, 解释算出来不是这样; 请报告给我们",
                en=f"{owner.title}: explain does not confirm the counterexample; please report this",
                line=name,
                points=(point,),
            )
        )

    def add(self, finding: Finding) -> None:
        """Add a finding; one that its declarations accept is kept as known, with the reason."""
        why = next(
            (a.why for path in finding.subjects for a in self._accepts(path) if a.code == finding.code), ""
        )
        finding = replace(finding, en=english(finding.en))
        if finding.line in self.untried:
            finding = replace(finding, aside=True)
        if why and finding.severity == DEFECT:
            finding = replace(finding, severity=ACCEPTED, why=why)
        if not any(f.code == finding.code and f.zh == finding.zh for f in self.findings):
            self.findings.append(finding)

    def _accepts(self, path: str) -> tuple[t.Accepted, ...]:
        found = self.declared(path)
        return found.accepts if found is not None else ()

    def declared(self, path: str) -> t.Declaration | None:
        """Return the declaration at a path, or None."""
        book = self.rulebook
        stores: tuple[Iterable[t.Declaration], ...] = (
            book.lines.values(),
            book.decisions.values(),
            book.measures.values(),
            book.tables.values(),
            book.inputs.values(),
            book.words.values(),
        )
        return next((d for store in stores for d in store if d.path == path), None)

    def value(self, name: str, point: Point) -> Value:
        """Return what *explain* has for a line at a point."""
        return self.asker.values.at(name, point)

    def replay_agrees(self, name: str, point: Point) -> bool:
        """Tell whether `try` gives at a point, written as text, the figure that the proof speaks of."""
        again = replayed(self.rulebook, name, point)
        return again is None or again == self.value(name, point)


Step = Callable[[Proof], None]


def shown(verdict: Verdict) -> bool:
    """Tell whether a verdict shows managers."""
    return verdict.state == SHOWN


def started(rulebook: t.Rulebook, limits: Limits) -> Proof:
    """Return a proof with nothing asked yet."""
    book = Book(rulebook)
    return Proof(book, limits, Asker(book, limits.seconds, limits.total))


def timed(proof: Proof, steps: Iterable[Step]) -> Proof:
    """Take the steps of a proof and keep how long they took."""
    begun = time.monotonic()
    for step in steps:
        step(proof)
    proof.seconds = Fraction(int((time.monotonic() - begun) * 1000), 1000)
    return proof


def summary(proof: Proof) -> dict[str, Any]:
    """Return the counts of a proof as plain data."""
    counts: dict[str, int] = {}
    for finding in proof.findings:
        counts[finding.severity] = counts.get(finding.severity, 0) + 1
    return {
        "rulebook": proof.rulebook.id,
        "questions": proof.questions,
        "undecided": proof.undecided,
        "seconds": f"{int(proof.seconds * 10) / 10}",
        "counts": counts,
    }
