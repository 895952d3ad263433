"""Two versions of a rulebook: proved equal line by line, or where they differ and who gains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.prove.ask import OPEN, PROVED, Asker, Question
from guanhu.rulebook.prove.encode import Encoder, rounds_alike
from guanhu.rulebook.prove.figures import Figures
from guanhu.rulebook.prove.finding import clauses_of, command
from guanhu.rulebook.prove.kinds import Kinds
from guanhu.rulebook.prove.leaves import LEAVES, Book, Leaf, key_of, leaf_of, optional_keys
from guanhu.rulebook.prove.replay import Point, shown_value, value_at
from guanhu.rulebook.prove.terms import (
    Num,
    Sym,
    Term,
    Truth,
    Yes,
    both,
    choose_truth,
    compared as _compared,
    either,
    mul,
    no,
)
from guanhu.rulebook.shape import shape
from guanhu.values import units
from guanhu.values.units import Unit

EQUAL, DIFFERS, UNDECIDED, ONLY = "equal", "differs", "undecided", "only"
MIXED, UNPROVED = "mixed", "open"
EVERYBODY, THERE, NOWHERE = "everybody", "there", "nowhere"
CUTS_MAX = 4
"""So often a range is cut anew at values that speak against it."""


@dataclass(frozen=True, slots=True)
class Region:
    """Values of one figure, the ends included, the other figures as at a point, and what the new version does there.

    `gains`: more, less, other are proved of every value on the figure's grid; mixed tells that the sign changes
    within, or that some are equal; open that nothing is proved.
    """

    figure: str
    low: str
    high: str
    gains: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One line in two versions. `side` is old or new for a line that only one has.

    `elsewhere` tells of whom it is proved that the versions are equal outside the regions: everybody, those whose
    other figures are as at the point, or nobody.
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
            "only_in": self.side,
            "because": self.because,
        }


class _TwoBooks(Asker):
    """Asks of two rulebooks at once: the first encoder reads the old, the second the new, over the same figures."""

    def __init__(self, one: Book, other: Book) -> None:
        super().__init__(one)
        self.other, self.other_kinds = other, Kinds(other)

    def encoders(self, question: Question, figures: Figures, period: str) -> list[Encoder]:
        """Return the two readings of one manager."""
        books = (self.book, self.other)
        nodes = [[n for name in question.names for n in b.closure(name)] for b in books]
        for book, found in zip(books, nodes, strict=True):
            figures.optional |= optional_keys(book, found, figures.chosen)
        cuts = self.cuts(question) & Asker(self.other).cuts(question)
        cuts = frozenset(name for name in cuts if name in self.rulebook.measures)
        same = {name for name in cuts if _measure(self.book, name) == _measure(self.other, name)}
        return [Encoder(figures, book, period, "", frozenset(), frozenset(same)) for book in books]

    def between(self, encoders: list[Encoder]) -> list[Any]:
        """Return that the two round alike."""
        return rounds_alike(encoders[0], encoders[1])

    def contexts(self, question: Question) -> Iterator[tuple[dict[str, Any], str, bool]]:
        """Yield the combinations of both rulebooks."""
        yielded: set[object] = set()
        books = (self.book, self.other)
        choices = [c for b in books for n in question.names for c in b.choices(n) if c.values]
        more = {c.key: c.values[0] for c in choices if c.key != "period"}
        for kinds in (self.kinds, self.other_kinds):
            for kind in kinds.all(question.names, question.fixed_choices):
                full = {**more, **kind.chosen}
                mark = self.signature(question, full, kind.period)
                if mark not in yielded:
                    yielded.add(mark)
                    yield full, kind.period, kind.all_said

    def signature(
        self, question: Question, chosen: Mapping[str, Any], period: str, *, any_day: bool = False
    ) -> object:
        """Return what the formulas of both make of names, days and period."""
        both_kinds = (self.kinds, self.other_kinds)
        return tuple(k.signature(question.names, chosen, period, any_day=any_day) for k in both_kinds)


def _measure(book: Book, name: str) -> object:
    return shape(getattr(book.rulebook.measures.get(name), "expr", None))


def compared(one: t.Rulebook, other: t.Rulebook, line: str = "") -> list[Difference]:
    """Return the difference of two rulebooks for each line, check and decision, or for one of them."""
    books = Book(one), Book(other)
    asker = _TwoBooks(*books)
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
    # Whether they differ is asked of all lines before where: the time is for both.
    return [_with_regions(asker, x) for x in found]


def _with_regions(asker: _TwoBooks, found: Difference) -> Difference:
    if found.point is None:
        return found
    regions, elsewhere = _regions(asker, found.line, found.point)
    return replace(found, regions=regions, elsewhere=elsewhere)


def _of_line(asker: _TwoBooks, name: str) -> Difference:
    one, other = asker.book, asker.other
    owners = one.owner(name), other.owner(name)
    clauses = clauses_of(owners[0].clause, owners[1].clause)
    if _whole(one, name) == _whole(other, name):
        return Difference(name, owners[0].title, EQUAL, clauses)
    units_of = [x.unit if isinstance(x, t.Line) else units.YES_NO for x in owners]
    if units_of[0] != units_of[1]:
        return Difference(name, owners[0].title, UNDECIDED, clauses, because=f"{units_of[0]} / {units_of[1]}")

    def confirm(points: tuple[Point, ...]) -> bool:
        return _values(asker, name, points[0])[0] != _values(asker, name, points[0])[1]

    verdict = asker.ask(Question((name,), lambda pair: _differ(name, pair), confirm, two_books=True))
    if verdict.state == PROVED:
        return Difference(name, owners[0].title, EQUAL, clauses)
    if verdict.state == OPEN:
        return Difference(name, owners[0].title, UNDECIDED, clauses, because=verdict.why)
    point = verdict.points[0]
    before, after = _values(asker, name, point)
    return Difference(
        name,
        owners[0].title,
        DIFFERS,
        clauses,
        shown_value(before, units_of[0]),
        shown_value(after, units_of[0]),
        _gains(before, after),
        point,
    )


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
            (x, [(v.start, [(r.cells, shape(r.gives)) for r in v.rows]) for v in rulebook.tables[x].versions])
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


def _differ(name: str, pair: list[Encoder]) -> Truth:
    first, second = (encoder.line(name) for encoder in pair)
    raw = (pair[0].raw.get(name), pair[1].raw.get(name))
    if isinstance(first, Num) and isinstance(second, Num):
        if raw[0] is not None and raw[1] is not None and not pair[0].figures.exact:
            first, second = raw[0], raw[1]
        other = no(_compared("=", mul(first.n, second.d), mul(second.n, first.d)))
        return either(both(first.k, second.k, other), _known_apart(first, second))
    if isinstance(first, Yes) and isinstance(second, Yes):
        apart = choose_truth(first.v, no(second.v), second.v)
        return either(both(first.k, second.k, apart), _known_apart(first, second))
    return True


def _known_apart(first: Sym, second: Sym) -> Truth:
    if isinstance(first, Num | Yes) and isinstance(second, Num | Yes):
        return either(both(first.k, no(second.k)), both(no(first.k), second.k))
    return False


def _values(asker: _TwoBooks, name: str, point: Point) -> tuple[Value, Value]:
    found = [value_at(b.rulebook, name, point) for b in (asker.book, asker.other)]
    # An unknown is an unknown, whatever stood in the way.
    before, after = (Unknown("", "") if isinstance(v, Unknown) else v for v in found)
    return before, after


def _gains(before: Value, after: Value) -> str:
    if isinstance(before, Fraction) and isinstance(after, Fraction) and before != after:
        return "more" if after > before else "less"
    return "" if before == after else "other"


# -- the region --


def _regions(asker: _TwoBooks, name: str, point: Point) -> tuple[tuple[Region, ...], str]:
    """Return, figure by figure with the others as at the point, where the versions differ, and for whom they are equal elsewhere.

    When one figure decides it alone, outside its regions they are proved equal whatever the other figures are.
    """
    told: list[tuple[bool, int, list[Region]]] = []
    complete = True
    for leaf in _leaves(asker, name, point):
        spans, no_more = _proved_spans(asker, name, point, leaf)
        ends = sum(end is None for low, high, _ in spans for end in (low, high))
        if not spans or (len(spans) == 1 and ends == 2 and spans[0][2] != MIXED):
            continue
        regions = [
            Region(leaf.title, _shown_end(low, leaf), _shown_end(high, leaf), gains)
            for low, high, gains in spans
        ]
        alone = not _covers_all(spans, leaf) and _equal_elsewhere(asker, name, point, leaf, spans)
        told.append((alone, ends, regions))
        complete = complete and no_more
    exact = [x for x in told if x[0]]
    if exact:
        return tuple(min(exact, key=lambda x: (x[1], len(x[2])))[2]), EVERYBODY
    every = tuple(region for _, _, regions in told for region in regions)
    return every, THERE if every and complete else NOWHERE


def _covers_all(spans: list[_Span], leaf: Leaf) -> bool:
    """Tell whether no value of a figure lies outside the spans: then to be equal elsewhere says nothing."""
    low, high = spans[0][0], spans[-1][1]
    closed = all(
        b is not None and c is not None and c - b <= leaf.step for (_, b, _), (c, _, _) in pairwise(spans)
    )
    starts = low is None or (leaf.low is not None and low <= leaf.low)
    return closed and starts and (high is None or (leaf.high is not None and high >= leaf.high))


def _shown_end(end: Fraction | None, leaf: Leaf) -> str:
    return shown_value(end, leaf.unit) if end is not None else ""


def _leaves(asker: _TwoBooks, name: str, point: Point) -> list[Leaf]:
    found: dict[str, Leaf] = {}
    for book in (asker.book, asker.other):
        for node in book.closure(name):
            if (
                not isinstance(node, LEAVES)
                or units.is_choice(node.unit)
                or node.unit in (units.YES_NO, units.DATE)
            ):
                continue
            key = key_of(node, point.figures)  # type: ignore[arg-type]
            if isinstance(point.figures.get(key), Fraction):
                found.setdefault(key, leaf_of(book, node, point.figures))  # type: ignore[arg-type]
    return list(found.values())


_Span = tuple[Fraction | None, Fraction | None, str]


def _proved_spans(asker: _TwoBooks, name: str, point: Point, leaf: Leaf) -> tuple[list[_Span], bool]:
    """Return the ranges of a figure in which the versions differ, others as at the point, and whether there are no more.

    Each is proved, or said to be open. A value that speaks against them cuts them anew, a few times; if there are ever
    more, all is mixed.
    """
    against: dict[_Span, Fraction | str] = {}
    seen: frozenset[Fraction] = frozenset()
    for _ in range(CUTS_MAX):
        spans = _spans(asker, name, point, leaf, seen)
        for span in spans:
            if span not in against:
                against[span] = _against(asker, name, point, leaf, span)
        beside = _beside(asker, name, point, leaf, spans)
        more = {x for x in (beside, *(against[span] for span in spans)) if isinstance(x, Fraction)}
        if not more:
            told = [(a, b, g if against[a, b, g] == PROVED else UNPROVED) for a, b, g in spans]
            return told, beside == PROVED
        seen |= more
    return [(None, None, MIXED)], True


def _beside(asker: _TwoBooks, name: str, point: Point, leaf: Leaf, spans: list[_Span]) -> Fraction | str:
    """Return whether the versions are proved equal outside the spans, others as at the point, or a value where not."""

    def holds(pair: list[Encoder]) -> Truth:
        return both(_outside(_figure_in(name, point, leaf, pair), leaf, spans), _differ(name, pair))

    question = Question((name,), holds, lambda _: False, two_books=True)
    state, value = asker.at_point(question, point, leaf.key)
    if value is None:
        return state
    return value if _gains(*_values(asker, name, point.at(leaf.key, value))) else OPEN


def _outside(at: Term, leaf: Leaf, spans: list[_Span]) -> Truth:
    """Return that a figure lies outside the spans."""
    away: list[Truth] = []
    for low, high, _ in spans:
        below = _compared("<=", at, low - leaf.step) if low is not None else False
        above = _compared(">=", at, high + leaf.step) if high is not None else False
        away.append(either(below, above))
    return both(*away)


def _against(asker: _TwoBooks, name: str, point: Point, leaf: Leaf, span: _Span) -> Fraction | str:
    """Return whether a span is proved to be what it is said to be, or a value in it that is otherwise."""
    low, high, mark = span

    def holds(pair: list[Encoder]) -> Truth:
        at = _figure_in(name, point, leaf, pair)
        above = _compared(">=", at, low) if low is not None else True
        below = _compared("<=", at, high) if high is not None else True
        return both(above, below, no(_claim(mark, *(encoder.line(name) for encoder in pair))))

    question = Question((name,), holds, lambda _: False, two_books=True)
    state, value = asker.at_point(question, point, leaf.key)
    if value is None:
        return state
    inside = (low is None or value >= low) and (high is None or value <= high)
    otherwise = _gains(*_values(asker, name, point.at(leaf.key, value))) != mark
    return value if inside and otherwise else OPEN


def _claim(mark: str, first: Sym, second: Sym) -> Truth:
    """Return that the second is what a mark says of it."""
    if isinstance(first, Num) and isinstance(second, Num):
        if mark == "other":
            return _known_apart(first, second)
        op = ">" if mark == "more" else "<"
        return both(first.k, second.k, _compared(op, mul(second.n, first.d), mul(first.n, second.d)))
    if isinstance(first, Yes) and isinstance(second, Yes):
        apart = choose_truth(first.v, no(second.v), second.v)
        return either(both(first.k, second.k, apart), _known_apart(first, second))
    return False


def _figure_in(name: str, point: Point, leaf: Leaf, pair: list[Encoder]) -> Term:
    """Return the term of a figure in the encoder that reads it."""
    for encoder in pair:
        for node in encoder.book.closure(name):
            if isinstance(node, LEAVES) and key_of(node, point.figures) == leaf.key:  # type: ignore[arg-type]
                return encoder.number(node).n
    raise KeyError(leaf.key)


def _spans(asker: _TwoBooks, name: str, point: Point, leaf: Leaf, more: frozenset[Fraction]) -> list[_Span]:
    """Return the ranges of a figure in which the versions differ as tried at and beside their edges; None is an open end."""
    here = point.figures[leaf.key]
    ends = ({Fraction(str(here))} if isinstance(here, Fraction) else set()) | more
    for book in (asker.book, asker.other):
        ends |= set(_edges(book, name, leaf.unit))
    ends |= {e for e in (leaf.low, leaf.high) if e is not None}
    far = max((abs(e) for e in ends), default=Fraction(1)) * 10 + 1000
    ends |= {-far, far}
    tried = sorted(
        x
        for e in ends
        for x in {(e - leaf.step), e, (e + leaf.step)}
        if (leaf.low is None or x >= leaf.low) and (leaf.high is None or x <= leaf.high)
    )
    tried = sorted({(x / leaf.step).__floor__() * leaf.step for x in tried})

    def gains(x: Fraction) -> str:
        return _gains(*_values(asker, name, point.at(leaf.key, x)))

    spans: list[_Span] = []
    marks = [(x, gains(x)) for x in tried]
    start: Fraction | None = None
    for (x, mark), (y, after) in zip(marks, [*marks[1:], (None, "end")], strict=True):
        if start is None and mark:
            start = x
        if mark and mark != after:
            edge = x if y is None else _last(gains, mark, x, y, leaf.step)
            spans.append((start, edge, mark))
            start = None
        if y is not None and after and mark != after:
            start = _first(gains, after, x, y, leaf.step)
    outer_low, outer_high = (tried[0], tried[-1]) if tried else (None, None)
    return [(None if a == outer_low else a, None if b == outer_high else b, g) for a, b, g in spans]


def _last(gains: Any, mark: str, x: Fraction, y: Fraction, step: Fraction) -> Fraction:
    while (y - x) > step:
        middle = x + ((y - x) / step / 2).__floor__() * step
        x, y = (middle, y) if gains(middle) == mark else (x, middle)
    return x


def _first(gains: Any, mark: str, x: Fraction, y: Fraction, step: Fraction) -> Fraction:
    while (y - x) > step:
        middle = x + ((y - x) / step / 2).__floor__() * step
        x, y = (x, middle) if gains(middle) == mark else (middle, y)
    return y


def _edges(book: Book, name: str, unit: Unit) -> Iterator[Fraction]:
    for node in book.closure(name):
        if isinstance(node, t.Compare):
            yield from (x.value for x in (node.left, node.right) if isinstance(x, t.Const))
        elif isinstance(node, t.Const) and node.unit == unit:
            yield node.value
        elif isinstance(node, t.Lookup):
            for version in book.rulebook.tables[node.table].versions:
                for row in version.rows:
                    for cell in row.cells:
                        if isinstance(cell, t.RangeCell):
                            yield from (e for e in (cell.low, cell.high) if e is not None)


def _equal_elsewhere(asker: _TwoBooks, name: str, point: Point, leaf: Leaf, spans: list[_Span]) -> bool:
    """Tell whether the versions are proved equal wherever a figure lies outside the spans, whatever the others are."""

    def holds(pair: list[Encoder]) -> Truth:
        at = _figure_in(name, point, leaf, pair)
        return both(_outside(at, leaf, spans), _differ(name, pair))

    question = Question((name,), holds, lambda _: False, two_books=True)
    before = len(asker.clashes)
    verdict = asker.ask(question)
    del asker.clashes[before:]
    return verdict.state == PROVED


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
    equal = sum(each.state == EQUAL for each in found)
    lines.append(
        f"{equal} 行证明相等, 共 {len(found)} 行"
        if lang == "zh"
        else f"{equal} of {len(found)} lines are proved equal"
    )
    return "\n".join(lines)


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
    if each.point is not None:
        label = "试算" if lang == "zh" else "try"
        lines += [f"  {label}: {command(folder, each.line, each.point)}" for folder in folders]
    return lines
