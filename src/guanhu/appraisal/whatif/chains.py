"""Why the largest changes are what they are: the line that moved a subject's pay most, explained before and after.

kept run ─► evaluator, the rulebook as it was run           ─► the line's tree ──┐
draft    ─► evaluator, the rulebooks each from its day on   ─► the line's tree ──┴─► side by side, what differs
what others got: the kept tables, the instances that the patch reaches replaced
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from guanhu.appraisal.explaining import Explainer
from guanhu.appraisal.history import read_opening
from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.others import LongTables, members_of
from guanhu.appraisal.published import past_from
from guanhu.appraisal.whatif.effects import Line, Person, draft_tables, pay_lines
from guanhu.appraisal.whatif.laboratory import Laboratory, Tried
from guanhu.rulebook.explain.subject import SubjectTrace
from guanhu.rulebook.explain.telling import Teller
from guanhu.rulebook.explain.told import Told
from guanhu.rulebook.explain.values import Unknown
from guanhu.values.exact import invariant
from guanhu.values.language import ZH
from guanhu.values.units import POINTS

INDENT = "　"
Row = tuple[str, str]
"""A sentence before and after, the same where it is the same."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One line of one subject in one instance, explained before and after: only what differs, and what it stands under."""

    person: Person
    line: Line
    rows: tuple[Row, ...]


class Chains:
    """Explains subjects of a kept run before and after a patch."""

    def __init__(self, laboratory: Laboratory, tried: Tried, lang: str = ZH) -> None:
        """Open the run once more, with the draft beside it."""
        self.tried = tried
        self.draft = tried.outcome.rulebook
        self.opened = OpenRun(laboratory.make_engine, laboratory.bank, laboratory.run)
        engine = self.opened.engine
        past = past_from(engine, laboratory.earlier, laboratory.base)
        read_opening(engine, self.draft, past)
        tables = LongTables(*draft_tables(laboratory.engine, tried.outcome))
        members = members_of(laboratory.engine, self.draft, tables)
        self.explainer = Explainer(
            engine, laboratory.view, self.draft, tried.parameters, past, members, tried.versions
        )
        self.tellers = tuple(
            Teller(rulebook, is_expanding=True, lang=lang) for rulebook in (self.opened.rulebook, self.draft)
        )

    def close(self) -> None:
        """Give back the engine."""
        self.opened.close()

    def of(self, person: Person) -> Chain | None:
        """Return why the pay of a subject changes, or its score; None when no line of one instance says it."""
        scores = [x.id for x in self.draft.lines.values() if x.unit == POINTS]
        line = told_line(person, pay_lines(self.draft, self.tried.outcome)) or told_line(person, scores)
        if line is None:
            return None
        traces = self.traces(person)
        told: list[list[tuple[int, str]]] = []
        for teller, found, value in zip(self.tellers, traces, (line.before, line.after), strict=True):
            trace = next(
                (x for x in found if x.instance.key == line.instance and x.group == person.group), None
            )
            if trace is None or line.line not in trace.whole:
                told.append([])
                continue
            seen = trace.whole[line.line]
            invariant(
                not isinstance(seen, Unknown) and seen == value,
                "INV-E1",
                f"{person.subject} {line.instance} {line.line}: scored {value}, explained {seen}",
            )
            told.append(_flat(teller.subject(trace, line.line)))
        return Chain(person, line, tuple(beside(*told)))

    def traces(self, person: Person) -> tuple[list[SubjectTrace], list[SubjectTrace]]:
        """Return the traces of a subject before and after."""
        kind = self.opened.rulebook.groups[person.group].subject
        facts = self.explainer.facts(person.subject, kind)
        instances = self.opened.planned_for(person.subject, kind, facts)
        before = self.opened.explainer.subject(person.subject, kind, instances, facts)
        return before, self.explainer.subject(person.subject, kind, instances, facts)


def chains(laboratory: Laboratory, tried: Tried, people: Sequence[Person], lang: str = ZH) -> list[Chain]:
    """Return why the pay of some subjects changes, in their order."""
    if not people:
        return []
    found = Chains(laboratory, tried, lang)
    try:
        return [chain for chain in map(found.of, people) if chain is not None]
    finally:
        found.close()


def told_line(person: Person, among: Iterable[str]) -> Line | None:
    """Return the line to tell: of those named the one that changed most, the first of equal ones in the text."""
    names = set(among)
    changed = [x for x in person.lines if x.line in names and x.moved]
    return max(changed, key=lambda x: x.moved, default=None)


def _flat(told: Iterable[Told]) -> list[tuple[int, str]]:
    return [row for x in told for row in x.lines()]


def beside(before: Sequence[tuple[int, str]], after: Sequence[tuple[int, str]]) -> Iterator[Row]:
    """Yield sentences (depth, text) before and after, side by side: those that differ, and what they stand under.

    >>> for row in beside([(0, "pay 3"), (1, "a 1"), (1, "b 2")], [(0, "pay 4"), (1, "a 1"), (1, "b 3")]):
    ...     print(row)
    ('pay 3', 'pay 4')
    ('　b 2', '　b 3')
    """
    matched = SequenceMatcher(None, before, after, autojunk=False)
    above: list[tuple[int, str]] = []
    for word, a, b, c, d in matched.get_opcodes():
        if word == "equal":
            for depth, text in before[a:b]:
                above = [x for x in above if x[0] < depth] + [(depth, text)]
            continue
        first = min(depth for depth, _ in (*before[a:b], *after[c:d]))
        for depth, text in above:
            if depth < first:
                yield (_indented((depth, text)),) * 2
        # What has been written once is not written again above the next difference.
        above = []
        for pair in zip_longest(before[a:b], after[c:d]):
            was, now = (_indented(x) if x is not None else "" for x in pair)
            yield was, now


def _indented(row: tuple[int, str]) -> str:
    return INDENT * row[0] + row[1]
