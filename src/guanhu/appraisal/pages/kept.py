"""The rows of a kept run with names: what an export and a statement read.

Rows are read one instance at a time: a year of months of a large bank does not fit a cell grid at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.facts_read import facts_read
from guanhu.appraisal.pages.causes import cause_text, first_cause
from guanhu.appraisal.published import literal
from guanhu.appraisal.running import loaded
from guanhu.appraisal.runs import RunFolder, value_kept
from guanhu.facts.store import Bank
from guanhu.rulebook import tree as t
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import MONTHS_OF, period_of
from guanhu.values.units import MONEY

LENGTH = {**MONTHS_OF, "campaign": 99, "once": 0}
"""Calendar units by their length, to put the longest first."""
BANK_NAME = "全行"


@dataclass(frozen=True, slots=True)
class Figure:
    """One kept line: a number, or a text (yes, no, a choice), or unknown with its cause in words."""

    value: Fraction | None
    text: str
    known: bool
    why: str


@dataclass(slots=True)
class Card:
    """A subject in one instance: who it was and what its lines came to. spell 0 is the whole subject."""

    subject: str
    instance: str
    every: str
    group: str
    spell: int
    post: str = ""
    grade: str = ""
    place: str = ""
    days: int = 0
    spells: int = 1
    first_day: date | None = None
    last_day: date | None = None
    lines: dict[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of people, teams and institutions, as the run saw them."""

    subjects: dict[str, str]
    places: dict[str, str]

    def of(self, subject: str) -> str:
        """Return the name of a subject."""
        return (
            self.subjects.get(subject) or self.places.get(subject) or ("" if subject != "bank" else BANK_NAME)
        )


def read_names(engine: Engine) -> Names:
    """Return the names from the facts that the engine holds."""
    people = engine.rows(filled("SELECT person_id, name FROM f_staff"))
    teams = engine.rows(filled("SELECT team_id, name FROM f_teams"))
    places = engine.rows(
        filled(
            "SELECT institution_id, name FROM f_institutions QUALIFY row_number() OVER (PARTITION BY institution_id ORDER BY from_day DESC) = 1"
        )
    )
    return Names({str(k): str(v) for k, v in (*people, *teams)}, {str(k): str(v) for k, v in places})


class KeptRun:
    """A kept run, opened for reading."""

    def __init__(self, engine: Engine, bank: Path, run: RunFolder) -> None:
        """Read the run's identity, its rulebook and the names of its subjects."""
        run.verify()
        self.engine = engine
        self.run = run
        self.record = run.record
        self.rulebook, _ = loaded(run.rulebook_folder, self.record["readings"])
        view = facts_read(Bank(bank), run, self.rulebook)
        self.held: dict[str, str] = self.record.get("published_instances", {})
        engine.facts(view, ["staff", "teams", "institutions", "parameters"])
        self.names = read_names(engine)

    def table(self, name: str) -> exp.Expr:
        """Return the path of a kept table as a literal."""
        return literal(self.run.table(name))

    def instances(self) -> list[tuple[str, str]]:
        """Return (instance, unit) in time order, of those that end together the shorter first."""
        rows = self.engine.rows(
            filled("SELECT DISTINCT instance, every FROM read_parquet(:path)", path=self.table("people"))
        )
        return sorted(((str(i), str(e)) for i, e in rows), key=lambda row: in_time(*row))

    def cards(self, instance: str, every: str) -> list[Card]:
        """Return the cards of an instance by subject, the whole before its spells; spells only of several."""
        found = self._people(instance, every)
        causes: dict[tuple[str, str, int], dict[str, str]] = {}
        kept: list[tuple[tuple[str, str, int], str, Any, Any, Any, str]] = []
        for subject, group, spell, line, num, den, text, state, cause in self.engine.rows(
            filled(_LINES, path=self.table("lines"), instance=_text(instance), every=_text(every))
        ):
            key = (str(subject), str(group), int(spell))
            if key not in found:
                continue
            if state != "ok":
                causes.setdefault(key, {})[line] = str(cause or "")
            kept.append((key, str(line), num, den, text, str(state)))
        for key, line, num, den, text, state in kept:
            known = state == "ok"
            why = "" if known else cause_text(self.rulebook, first_cause(causes[key], line))
            value = value_kept(num, den) if known and text is None else None
            found[key].lines[line] = Figure(value, str(text or ""), known, why)
        return sorted(found.values(), key=lambda c: (c.subject, c.group, c.spell))

    def _people(self, instance: str, every: str) -> dict[tuple[str, str, int], Card]:
        spells: dict[tuple[str, str], list[Card]] = {}
        for subject, group, spell, post, grade, place, first, last, days in self.engine.rows(
            filled(_PEOPLE, path=self.table("people"), instance=_text(instance), every=_text(every))
        ):
            card = Card(
                str(subject),
                instance,
                every,
                str(group),
                int(spell),
                post or "",
                grade or "",
                place or "",
                int(days),
                1,
                first,
                last,
            )
            spells.setdefault((card.subject, card.group), []).append(card)
        found: dict[tuple[str, str, int], Card] = {}
        for (subject, group), cards in spells.items():
            last = cards[-1]
            days = sum(card.days for card in cards)
            found[subject, group, 0] = Card(
                subject,
                instance,
                every,
                group,
                0,
                last.post,
                last.grade,
                last.place,
                days,
                len(cards),
                cards[0].first_day,
                last.last_day,
            )
            if len(cards) > 1:
                found.update({(subject, group, card.spell): card for card in cards})
        return found

    # -- small tables --

    def rows(self, name: str, columns: str, order: str) -> Iterator[tuple[Any, ...]]:
        """Yield rows of a small kept table; columns and order are names written in this package."""
        query = f"SELECT {columns} FROM read_parquet(:path) ORDER BY {order}"
        yield from self.engine.rows(filled(query, path=self.table(name)))

    def parameters(self) -> list[tuple[Any, ...]]:
        """Return the supplied inputs: input, keys, value, from, to, document, approved by."""
        return self.engine.rows(filled(_PARAMETERS, rulebook=_text(self.rulebook.id)))

    def longest(self, group: str) -> str:
        """Return the longest calendar unit of a group's lines; '' when it has none but `once`."""
        units = {x.every for x in self.rulebook.lines.values() if x.group == group and x.every != "once"}
        return max(units, key=lambda unit: LENGTH[unit], default="")

    def units(self) -> list[str]:
        """Return the calendar units of the lines, the longest first."""
        found = {x.every for x in self.rulebook.lines.values()}
        return sorted(found, key=lambda unit: -LENGTH[unit])


def top_money(rulebook: t.Rulebook, group: str) -> list[t.Line]:
    """Return the money lines of a group that stand for themselves: no other line of money takes them up.

    Pay and totals come first. What is neither (an amount for information) must not be added over instances; where it
    reads pay it does not take it up, so what a year's cap leaves is paid although the year's sum so far reads it.
    """
    lines = {x.id: x for x in rulebook.lines.values() if x.group == group and x.role != "check"}
    own = [x for x in lines.values() if x.unit == MONEY]
    made = {name for line in own if adds_up(line) for name in made_of(line.id, lines)}
    read = {name for line in own for name, _ in taken_up(line)} | made
    return sorted(
        (x for x in own if x.id not in (made if adds_up(x) else read)), key=lambda x: not adds_up(x)
    )


def made_of(pay: str, lines: Mapping[str, t.Line]) -> set[str]:
    """Return the lines that a pay line takes up, itself or through others; never itself, over earlier instances."""
    found: set[tuple[str, bool]] = set()
    waiting = list(taken_up(lines[pay]))
    while waiting:
        name, taken_off = waiting.pop()
        if name != pay and name in lines and (name, taken_off) not in found:
            found.add((name, taken_off))
            waiting += taken_up(lines[name], taken_off=taken_off)
    return {name for name, _ in found}


def taken_up(line: t.Line, *, taken_off: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the lines that a line takes up, and whether it takes them off.

    What earlier instances came to and is taken off was paid then: an advance is paid beside its settlement. With
    `taken_off` the line itself is taken off by who asks.
    """
    yield from ((name, taken_off) for name in line.terms)
    yield from _taken_up(line.value, taken_off=taken_off)


def _taken_up(node: t.Expr, *, taken_off: bool) -> Iterator[tuple[str, bool]]:
    match node:
        case t.LineRef():
            yield node.name, taken_off
        case t.OverInstances() | t.Previous() if not taken_off:
            yield node.line, taken_off
    for part in node.children():
        yield from _taken_up(part, taken_off=taken_off != isinstance(node, t.Negative))


def adds_up(line: t.Line) -> bool:
    """Tell whether the figures of several instances may be added: pay and totals of pay."""
    return line.unit == MONEY and line.role in ("pay", "total")


def _text(value: str) -> exp.Expr:
    return exp.Literal.string(value)


def in_time(key: str, every: str = "") -> tuple[str, int, str]:
    """Return what instances are sorted by: their end, of those that end together the shorter first."""
    span = period_of(key)
    if span is None:
        return (key, LENGTH.get(every, 0), key)
    return (str(span.end), LENGTH.get(every, span.days), key)


_PEOPLE = """
SELECT subject_id, group_id, spell_no, post, grade, institution_id, first_day, last_day, days
FROM read_parquet(:path) WHERE instance = :instance AND every = :every ORDER BY subject_id, group_id, spell_no
"""
_LINES = """
SELECT subject_id, group_id, spell_no, line, num, den, text, state, cause
FROM read_parquet(:path) WHERE instance = :instance AND every = :every
"""
_PARAMETERS = """
SELECT input, coalesce(keys, ''), value, from_day, to_day, coalesce(document, ''), coalesce(approved_by, '')
FROM f_parameters WHERE rulebook = :rulebook ORDER BY 1, 2, 4
"""
