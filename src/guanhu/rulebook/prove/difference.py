"""Two versions of a rulebook: proved equal line by line, or where they differ and who gains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.ask import OPEN, PROVED, Question
from guanhu.rulebook.prove.beside import (
    Beside,
    beside as beside_of,
    kept_alike,
    ledgers_of,
    lines_of_ledger,
    read_from_elsewhere,
    said,
)
from guanhu.rulebook.prove.finding import clauses_of, command
from guanhu.rulebook.prove.leaves import Book
from guanhu.rulebook.prove.regions import EVERYBODY, MIXED, NOWHERE, THERE, UNPROVED, Region, regions_of
from guanhu.rulebook.prove.replay import Point, shown_value
from guanhu.rulebook.prove.two_books import TwoBooks, differ, gains_of, moved, values_in
from guanhu.rulebook.shape import shape
from guanhu.values import units

EQUAL, DIFFERS, UNDECIDED, ONLY = "equal", "differs", "undecided", "only"
BESIDE = "beside"
"""The formulas are proved equal, or there is none to compare; what they stand on, or what follows, is not the same."""


@dataclass(frozen=True, slots=True)
class Contrary:
    """Whether anybody fares the other way than who was found first: found, with the figures; none, proved; or open."""

    state: str
    gains: str
    before: str = ""
    after: str = ""
    point: Point | None = None

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "state": self.state,
            "gains": self.gains,
            "before": self.before,
            "after": self.after,
            "shown_by": self.point.given() if self.point else None,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One line in two versions. `side` is old or new for a line that only one has.

    `elsewhere` tells of whom it is proved that the versions are equal outside the regions: everybody, those whose
    other figures are as at the point, or nobody. `beside` is what differs apart from the formulas.
    """

    line: str
    title: str
    state: str
    clauses: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    gains: str = ""
    point: Point | None = None
    regions: tuple[Region, ...] = ()
    elsewhere: str = NOWHERE
    side: str = ""
    because: str = ""
    beside: tuple[Beside, ...] = ()
    contrary: Contrary | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Tell whether outside the regions the versions are proved equal for everybody."""
        return self.elsewhere == EVERYBODY

    def record(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {
            "line": self.line,
            "title": self.title,
            "state": self.state,
            "clauses": list(self.clauses),
            "before": self.before,
            "after": self.after,
            "gains": self.gains,
            "shown_by": self.point.given() if self.point else None,
            "regions": [
                {"figure": r.figure, "from": r.low, "to": r.high, "gains": r.gains} for r in self.regions
            ],
            "equal_elsewhere": self.exact,
            "equal_beside": self.elsewhere != NOWHERE,
            "contrary": self.contrary.record() if self.contrary else None,
            "only_in": self.side,
            "because": self.because,
            "beside": [{"zh": x.zh, "en": x.en} for x in self.beside],
        }


def compared(one: t.Rulebook, other: t.Rulebook, line: str = "") -> list[Difference]:
    """Return the difference of two rulebooks for each line, check and decision, or for one of them."""
    books = Book(one), Book(other)
    asker = TwoBooks(*books)
    names = list(dict.fromkeys([*(x.id for x in one.evaluated()), *(x.id for x in other.evaluated())]))
    found: list[Difference] = []
    for name in [line] if line else names:
        has = [name in b.rulebook.lines or name in b.rulebook.decisions for b in books]
        if not all(has):
            book, side = (books[0], "old") if has[0] else (books[1], "new")
            owner = book.owner(name)
            found.append(Difference(name, owner.title, ONLY, clauses_of(owner.clause), side=side))
        else:
            found.append(_of_line(asker, name))
    found = _with_beside(books, found)
    # Whether they differ is asked of all lines before where: the time is for both.
    found = [_with_regions(asker, x) for x in found]
    return found if line else [*found, *_ledgers(books, found)]


def _with_beside(books: tuple[Book, Book], found: list[Difference]) -> list[Difference]:
    """Return the differences with what differs beside the formulas, and with what lines read of other instances and people."""
    told = [x if x.state == ONLY else _noted(x, beside_of(books, x.line)) for x in found]
    states = {x.line: x.state for x in told}
    while True:
        before = dict(states)
        told = [x if x.state == ONLY else _noted(x, _from_elsewhere(books, x.line, states)) for x in told]
        states = {x.line: x.state for x in told}
        if states == before:
            return told


def _noted(found: Difference, more: tuple[Beside, ...]) -> Difference:
    notes = tuple(dict.fromkeys((*found.beside, *more)))
    return replace(found, beside=notes, state=BESIDE if notes and found.state == EQUAL else found.state)


def _from_elsewhere(books: tuple[Book, Book], name: str, states: Mapping[str, str]) -> tuple[Beside, ...]:
    read = read_from_elsewhere(books[0], name) | read_from_elsewhere(books[1], name)
    return tuple(
        Beside(f"{zh}不同", f"{en} differs") for x, (zh, en) in read.items() if _changed(books, x, states)
    )


def _changed(books: tuple[Book, Book], name: str, states: Mapping[str, str]) -> bool:
    """Tell whether a line, decision or ledger is not the same in both; of a line that was not asked about, by what is written."""
    if name in states:
        return states[name] != EQUAL
    kept = [name in ledgers_of(b) for b in books]
    if any(kept):
        if not all(kept) or not kept_alike(books, name):
            return True
        return any(_changed(books, x, states) for x in lines_of_ledger(ledgers_of(books[1])[name]))
    if not all(b.rulebook.declared(name) for b in books):
        return True
    return _whole(books[0], name) != _whole(books[1], name) or bool(beside_of(books, name))


def _ledgers(books: tuple[Book, Book], lines: list[Difference]) -> Iterator[Difference]:
    """Yield the ledgers that are kept otherwise, or that one version only has."""
    states = {x.line: x.state for x in lines}
    one, other = (ledgers_of(b) for b in books)
    for name in dict.fromkeys((*one, *other)):
        ledger = other.get(name) or one[name]
        clauses = clauses_of(*(x[name].clause for x in (one, other) if name in x))
        if name not in one or name not in other:
            side = "old" if name in one else "new"
            yield Difference(name, ledger.title, ONLY, clauses, side=side)
            continue
        notes = []
        if not kept_alike(books, name):
            notes.append(Beside("记账、支付或扣回的办法不同", "how it is kept, paid or taken back differs"))
        for line in sorted(lines_of_ledger(ledger)):
            if _changed(books, line, states):
                title = books[1].rulebook.titled(line)
                notes.append(Beside(f"所用的{title}不同", f"{title}, which it uses, differs"))
        state = BESIDE if notes else EQUAL
        yield Difference(name, ledger.title, state, clauses, beside=tuple(notes), facts={"ledger": True})


def _with_regions(asker: TwoBooks, found: Difference) -> Difference:
    if found.point is None:
        return found
    regions, elsewhere = regions_of(asker, found.line, found.point)
    return replace(found, regions=regions, elsewhere=elsewhere)


def _of_line(asker: TwoBooks, name: str) -> Difference:
    one, other = asker.book, asker.other
    owners = one.owner(name), other.owner(name)
    clauses = clauses_of(owners[0].clause, owners[1].clause)
    if _whole(one, name) == _whole(other, name):
        return Difference(name, owners[0].title, EQUAL, clauses)
    units_of = [x.unit if isinstance(x, t.Line) else units.YES_NO for x in owners]
    if units_of[0] != units_of[1]:
        return Difference(name, owners[0].title, UNDECIDED, clauses, because=f"{units_of[0]} / {units_of[1]}")

    def confirm(points: tuple[Point, ...]) -> bool:
        return values_in(asker, name, points[0])[0] != values_in(asker, name, points[0])[1]

    verdict = asker.ask(Question((name,), lambda pair: differ(name, pair), confirm, two_books=True))
    if verdict.state == PROVED:
        return Difference(name, owners[0].title, EQUAL, clauses)
    if verdict.state == OPEN:
        return Difference(name, owners[0].title, UNDECIDED, clauses, because=verdict.why)
    point = verdict.points[0]
    before, after = values_in(asker, name, point)
    return Difference(
        name,
        owners[0].title,
        DIFFERS,
        clauses,
        shown_value(before, units_of[0]),
        shown_value(after, units_of[0]),
        gains_of(before, after),
        point,
        contrary=_contrary(asker, name, gains_of(before, after), units_of[0]),
    )


def _contrary(asker: TwoBooks, name: str, gains: str, unit: units.Unit) -> Contrary | None:
    """Return whether somebody fares the other way; of what is no number nothing is asked."""
    wanted = {"more": "less", "less": "more"}.get(gains)
    if wanted is None:
        return None

    def confirm(points: tuple[Point, ...]) -> bool:
        return gains_of(*values_in(asker, name, points[0])) == wanted

    verdict = asker.ask(Question((name,), lambda pair: moved(name, pair, wanted), confirm, two_books=True))
    if verdict.state in (PROVED, OPEN):
        return Contrary("none" if verdict.state == PROVED else "open", wanted)
    before, after = values_in(asker, name, verdict.points[0])
    return Contrary("found", wanted, shown_value(before, unit), shown_value(after, unit), verdict.points[0])


def _whole(book: Book, name: str) -> object:
    """Return all that a line stands on, without places: two versions that say the same are equal."""
    rulebook = book.rulebook
    closure = [
        n for n in book.closure(name) if isinstance(n, t.Lookup | t.MeasureRef | t.LineRef | t.InputRef)
    ]
    tables = sorted({n.table for n in closure if isinstance(n, t.Lookup)})
    measures = sorted({n.name for n in closure if isinstance(n, t.MeasureRef)})
    lines = sorted({n.name for n in closure if isinstance(n, t.LineRef)} | {name})
    return (
        [
            (
                x,
                rulebook.tables[x].how,
                said(rulebook.tables[x].no_row),
                [(v.start, [(r.cells, shape(r.gives)) for r in v.rows]) for v in rulebook.tables[x].versions],
            )
            for x in tables
        ],
        [
            (
                x,
                shape(getattr(rulebook.measures[x], "expr", None)),
                rulebook.measures[x].low,
                rulebook.measures[x].high,
            )
            for x in measures
        ],
        [(x, [shape(root) for root in book.roots(x)], getattr(book.owner(x), "for_days", 0)) for x in lines],
        shape(book.condition(name)),
    )


def told(found: list[Difference], lang: str, folders: tuple[str, str] = ("A", "B")) -> str:
    """Return the differences of the rulebooks in two folders as text, then how many lines are equal."""
    lines: list[str] = []
    for each in found:
        clauses = ("、" if lang == "zh" else ", ").join(each.clauses)
        if each.state == ONLY:
            where = {"old": ("只在旧办法里", "only in the old"), "new": ("只在新办法里", "only in the new")}[
                each.side
            ]
            lines.append(f"{each.title} [{clauses}]: {where[0 if lang == 'zh' else 1]}")
        elif each.state == UNDECIDED:
            word = "没有判定是否相等" if lang == "zh" else "not decided whether equal"
            lines.append(f"{each.title} [{clauses}]: {word} ({each.because})")
        elif each.state == DIFFERS:
            lines += _told_one(each, clauses, lang, folders)
        elif each.state == BESIDE:
            words = _OF_LEDGER if each.facts.get("ledger") else _BESIDE
            lines.append(f"{each.title} [{clauses}]: {words[0 if lang == 'zh' else 1]}")
        lines += [f"  - {x.zh if lang == 'zh' else x.en}" for x in each.beside]
    equal = sum(each.state == EQUAL for each in found)
    lines.append(
        f"{equal} 行证明相等, 共 {len(found)} 行"
        if lang == "zh"
        else f"{equal} of {len(found)} lines are proved equal"
    )
    return "\n".join(lines)


_OF_LEDGER = ("记账不同", "not kept alike")
_BESIDE = ("算式证明相等, 算式以外不同", "proved equal as a formula; what differs stands beside it")
_GAINS = {
    "more": ("新办法多得", "the new one gives more"),
    "less": ("新办法少得", "the new one gives less"),
    "other": ("结果不同", "the outcome differs"),
    MIXED: ("里面时多时少, 或有相同的", "more and less by turns, or equal at places"),
    UNPROVED: ("没有判定", "not decided"),
    "": ("", ""),
}


_ELSEWHERE = {
    EVERYBODY: (
        "其余各数如试算所给; 以外证明相等, 不论其余各数是多少",
        "with the other figures as tried; everywhere else they are proved equal, whatever the others are",
    ),
    THERE: (
        "其余各数如试算所给, 这时以外证明相等",
        "with the other figures as tried; with these they are proved equal everywhere else",
    ),
    NOWHERE: (
        "其余各数如试算所给; 以外没有证明",
        "with the other figures as tried; nothing is proved elsewhere",
    ),
}


_CONTRARY = {
    ("found", "more"): ("也有人多得", "others get more"),
    ("found", "less"): ("也有人少得", "others get less"),
    ("none", "more"): ("没有人多得(已证明)", "nobody gets more (proved)"),
    ("none", "less"): ("没有人少得(已证明)", "nobody gets less (proved)"),
    ("open", "more"): ("有没有人多得, 没有判定", "whether anybody gets more is not decided"),
    ("open", "less"): ("有没有人少得, 没有判定", "whether anybody gets less is not decided"),
}


def _told_one(each: Difference, clauses: str, lang: str, folders: tuple[str, str]) -> list[str]:
    at = 0 if lang == "zh" else 1
    lines = [f"{each.title} [{clauses}]: {each.before} → {each.after}, {_GAINS[each.gains][at]}"]
    for region in each.regions:
        low = region.low or ("最小" if lang == "zh" else "the least")
        high = region.high or ("最大" if lang == "zh" else "the most")
        span = f"{region.figure} {low} … {high}"
        lines.append(f"  {span}: {_GAINS[region.gains][at]}")
    if each.regions:
        zh, en = _ELSEWHERE[each.elsewhere]
        lines.append(f"  ({zh if lang == 'zh' else en})")
    other = each.contrary
    if other is not None:
        zh, en = _CONTRARY[other.state, other.gains]
        figures = f": {other.before} → {other.after}" if other.point is not None else ""
        lines.append(f"  {zh if lang == 'zh' else en}{figures}")
        if other.point is not None:
            label = "试算" if lang == "zh" else "try"
            lines += [f"  {label}: {command(folder, each.line, other.point)}" for folder in folders]
    if each.point is not None:
        label = "试算" if lang == "zh" else "try"
        lines += [f"  {label}: {command(folder, each.line, each.point)}" for folder in folders]
    return lines
