"""What two versions of a rulebook differ in beside the formulas of a line.

Formulas are proved equal over the same figures; this tells where the same name stands for another figure, or the same
outcome for something else: who is appraised and how often, how rows are gathered, what may be supplied, what a decision
sets, how pay waits, and figures of earlier instances or of others that have come about otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.leaves import Book
from guanhu.rulebook.prove.uses import column_title
from guanhu.rulebook.shape import shape

_SAID = (
    "place",
    "path",
    "id",
    "title",
    "clause",
    "assume",
    "doubt",
    "accepts",
    "text",
    "size_text",
    "source",
)
"""What is written of a declaration and changes no figure."""
_FOR_PROOF = ("better", "low", "high")
_EVERY = {
    "month": "每月",
    "quarter": "每季",
    "half": "每半年",
    "year": "每年",
    "campaign": "每次活动",
    "once": "一次",
}

_IN_FORCE = {"next period": "下期起", "next month": "下月起", "at once": "立即"}


@dataclass(frozen=True, slots=True)
class Beside:
    """One thing that differs beside the formulas, in Chinese and English."""

    zh: str
    en: str


Books = tuple[Book, Book]


def said(part: object) -> object:
    """Return what a declaration or formula means, without how it is written and what it is called."""
    return shape(part, _SAID)


def beside(books: Books, name: str) -> tuple[Beside, ...]:
    """Return what differs between two books beside the formulas of a line, check or decision that both have."""
    one, other = (b.owner(name) for b in books)
    found: list[Beside] = []
    if (one.every, said(one.once)) != (other.every, said(other.once)):
        a, b = (_EVERY.get(x.every, x.every) for x in (one, other))
        found.append(
            Beside(f"周期由{a}变为{b}", f"evaluated every {one.every} before, every {other.every} now")
        )
    found += _groups(books, one.group, other.group, "考核的人", "who is appraised")
    if isinstance(one, t.Decision) and isinstance(other, t.Decision):
        found += _outcomes(one, other)
    elif isinstance(one, t.Line) and isinstance(other, t.Line) and one.role != other.role:
        found.append(Beside(f"由 {one.role} 变为 {other.role}", f"a {one.role} before, a {other.role} now"))
    closures = [list(b.closure(name)) for b in books]
    found += _gathered(books, closures)
    found += _supplied(books, closures)
    among = [{n.among for n in nodes if isinstance(n, t.Group | t.Pool)} for nodes in closures]
    for group in sorted(among[0] & among[1]):
        if all(group in b.rulebook.groups for b in books):
            title = books[1].rulebook.groups[group].title
            found += _groups(books, group, group, f"{title}里的人", f"who belongs to {title}")
    return tuple(dict.fromkeys(found))


def _groups(books: Books, one: str, other: str, zh: str, en: str) -> list[Beside]:
    a, b = (book.rulebook.groups[group] for book, group in zip(books, (one, other), strict=True))
    found: list[Beside] = []
    if (a.subject, said(a.condition)) != (b.subject, said(b.condition)):
        found.append(Beside(f"{zh}不同", f"{en} differs"))
    if a.spells != b.spells:
        found.append(Beside("期中变动是否分段不同", "whether a change of post cuts the instance differs"))
    return found


def _outcomes(one: t.Decision, other: t.Decision) -> list[Beside]:
    found: list[Beside] = []
    if (one.state, said(one.becomes), one.step) != (other.state, said(other.becomes), other.step):
        a, b = _outcome(one), _outcome(other)
        found.append(Beside(f"结论由“{a}”变为“{b}”", f"it set {a} before and sets {b} now"))
    if one.in_force != other.in_force:
        zh = f"生效的日子由{_IN_FORCE[one.in_force]}变为{_IN_FORCE[other.in_force]}"
        found.append(Beside(zh, f"in force {one.in_force} before, {other.in_force} now"))
    return found


def _outcome(decision: t.Decision) -> str:
    if not decision.state:
        return decision.text
    becomes = decision.becomes
    what = (
        becomes.value
        if isinstance(becomes, t.WordConst)
        else becomes.name
        if isinstance(becomes, t.LineRef)
        else ""
    )
    step = {1: "升一级", -1: "降一级"}.get(decision.step, what)
    return f"{column_title(decision.state)} {step}"


# -- how figures come about --


def _gathered(books: Books, closures: list[list[t.Expr]]) -> list[Beside]:
    found: list[Beside] = []
    names = [{n.name for n in nodes if isinstance(n, t.MeasureRef)} for nodes in closures]
    for name in sorted(names[0] & names[1]):
        one, other = (b.rulebook.measures[name] for b in books)
        if isinstance(one, t.FormulaMeasure) and isinstance(other, t.FormulaMeasure):
            continue
        made = [made_of(b, b.rulebook.measures[name], frozenset()) for b in books]
        if made[0] != made[1]:
            zh = f"指标“{other.title}”的取数不同"
            found.append(Beside(zh, f"the measure {other.title} is gathered otherwise"))
    return found


def made_of(book: Book, measure: t.AnyMeasure, above: frozenset[str]) -> object:
    """Return all that a measure is made of: its own keys, and the tables, inputs and measures that its rows read."""
    own = shape(measure, (*_SAID, *_FOR_PROOF))
    if measure.id in above:
        return own
    roots = measure.all_formulas if isinstance(measure, t.Measure) else ()
    if isinstance(measure, t.FormulaMeasure):
        roots = (measure.expr,)
    return own, _read_by(book, roots, above | {measure.id})


def _read_by(book: Book, roots: Iterable[t.Expr], above: frozenset[str]) -> object:
    rulebook = book.rulebook
    found: dict[str, object] = {}
    for root in roots:
        for node in t.walk(root):
            if isinstance(node, t.MeasureRef):
                found[f"measure {node.name}"] = made_of(book, rulebook.measures[node.name], above)
            elif isinstance(node, t.InputRef):
                found[f"input {node.name}"] = _allowed(rulebook.inputs[node.name])
            elif isinstance(node, t.Lookup) and f"table {node.table}" not in found:
                table = rulebook.tables[node.table]
                found[f"table {node.table}"] = said(table)
                gives = [g for v in table.versions for r in v.rows for g in r.gives]
                found[f"of table {node.table}"] = _read_by(book, [*gives, *(table.no_row or ())], above)
    return tuple(sorted(found.items(), key=lambda item: item[0]))


def _supplied(books: Books, closures: list[list[t.Expr]]) -> list[Beside]:
    found: list[Beside] = []
    names = [{n.name for n in nodes if isinstance(n, t.InputRef)} for nodes in closures]
    for name in sorted(names[0] & names[1]):
        one, other = (b.rulebook.inputs[name] for b in books)
        if _allowed(one) != _allowed(other):
            zh = f"参数“{other.title}”由谁给、按什么给或可给的范围不同"
            en = f"by whom the input {other.title} is given, by which keys or within which range differs"
            found.append(Beside(zh, en))
    return found


def _allowed(declared: t.Input) -> object:
    return shape(declared, (*_SAID, "range_low", "range_high"))


# -- what comes from other instances and other people --


def read_from_elsewhere(book: Book, name: str) -> dict[str, tuple[str, str]]:
    """Return the lines, decisions and ledgers whose outcome in other instances, or for others, a line reads; with words."""
    found: dict[str, tuple[str, str]] = {}
    rulebook = book.rulebook
    for node in book.closure(name):
        match node:
            case t.Previous(line=read) | t.Streak(line=read) | t.Times(line=read):
                found[read] = (
                    f"以前各期的{rulebook.titled(read)}",
                    f"{rulebook.titled(read)} of earlier instances",
                )
            case t.OverInstances(line=read):
                found[read] = (
                    f"各期的{rulebook.titled(read)}",
                    f"{rulebook.titled(read)} over its instances",
                )
            case t.Group(of=of) | t.Pool(of=of):
                for part in t.walk(of):
                    if isinstance(part, t.LineRef):
                        title = rulebook.titled(part.name)
                        found[part.name] = (f"大家的{title}", f"{title} of the others")
            case t.Balance(ledger=read) | t.LotFigure(ledger=read):
                declared: t.Declaration = (
                    rulebook.ledgers[read] if isinstance(node, t.Balance) else rulebook.lots[read]
                )
                found[read] = (f"账上的{declared.title}", f"what stands in {declared.title}")
            case t.State(name=state) | t.SubjectValue(column=state):
                for decision in rulebook.decisions.values():
                    if decision.state == state and decision.id != name:
                        title = column_title(state)
                        found[decision.id] = (
                            f"{decision.title}定下的{title}",
                            f"{title} as {decision.title} sets it",
                        )
            case _:
                pass
    found.pop(name, None)
    return found


def ledgers_of(book: Book) -> Mapping[str, t.Ledger | t.LotLedger]:
    """Return the carry-overs and the ledgers of lots of a book."""
    return {**book.rulebook.ledgers, **book.rulebook.lots}


def kept_alike(books: Books, name: str) -> bool:
    """Tell whether two versions keep a ledger alike, by what is written; the lines that it reads are told by themselves."""
    one, other = (ledgers_of(b)[name] for b in books)
    roots = [x.formulas() if isinstance(x, t.LotLedger) else [] for x in (one, other)]
    read = [_read_by(book, found, frozenset()) for book, found in zip(books, roots, strict=True)]
    return said(one) == said(other) and read[0] == read[1]


def lines_of_ledger(ledger: t.Ledger | t.LotLedger) -> set[str]:
    """Return the lines that a ledger takes its amounts from, or that say when it pays."""
    if isinstance(ledger, t.Ledger):
        return {ledger.adds, ledger.uses}
    read = {n.name for root in ledger.formulas() for n in t.walk(root) if isinstance(n, t.LineRef)}
    return read | {line for line, _ in ledger.granting}


__all__ = ["Beside", "beside", "kept_alike", "ledgers_of", "lines_of_ledger", "read_from_elsewhere", "said"]
