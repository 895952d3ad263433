"""The plan of a printed rulebook: its sections, and a number for everything that is declared.

    1 适用对象   2 用语   3 事件 … 7 得分与计酬: 7.1 客户经理 · 每月 → 7.1.1 存量含量工资

Two declarations may have the same name in the bank's words (不良率得分 of heads and of managers). Where
such a name is used, its number is said too, so that a reader never takes one for the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from guanhu.rulebook import tree as t
from guanhu.rulebook.print.reading_back import when_text
from guanhu.rulebook.print.sentence import Speaker


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its number, its title, and what it declares, in parts with headings of their own."""

    key: str
    number: str
    title: str
    parts: tuple[tuple[str, tuple[t.Declaration, ...]], ...] = ()


@dataclass(slots=True)
class Plan:
    """All sections, and the number of each declaration by its path."""

    sections: list[Section] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)


def plan_of(rulebook: t.Rulebook) -> Plan:
    """Return the sections of a rulebook that have something to say, numbered."""
    lines = [x for x in rulebook.lines.values() if x.role != "check"]
    checks = [x for x in rulebook.lines.values() if x.role == "check"]
    wanted: list[tuple[str, str, tuple[tuple[str, tuple[t.Declaration, ...]], ...]]] = [
        ("who", "适用对象", _flat(rulebook.groups.values())),
        ("words", "用语", _flat(used_words(rulebook))),
        ("events", "银行报送的事件", (("", ()),) if rulebook.events else ()),
        ("inputs", "参数: 由银行或有权人给定", _flat(rulebook.inputs.values())),
        ("tables", "数表", _flat(tables(rulebook))),
        ("measures", "指标", _flat(m for key, m in rulebook.measures.items() if " over " not in key)),
        ("lines", "得分与计酬", _by_card(rulebook, lines)),
        ("checks", "检查", _by_card(rulebook, checks)),
        ("decisions", "决定", _by_card(rulebook, list(rulebook.decisions.values()))),
        ("ledgers", "账本", _flat([*rulebook.ledgers.values(), *rulebook.lots.values()])),
        ("out_of_scope", "不在计算之内的条款", (("", ()),) if rulebook.out_of_scope else ()),
        ("doubts", "疑点", _flat(x for x in declarations(rulebook) if x.doubt is not None)),
        ("assumptions", "假设", _flat(x for x in declarations(rulebook) if x.assume)),
        ("conventions", "计算的约定", (("", ()),)),
    ]
    plan = Plan()
    for key, title, parts in wanted:
        if not parts:
            continue
        number = str(len(plan.sections) + 1)
        plan.sections.append(Section(key, number, title, parts))
        if key in ("doubts", "assumptions"):
            continue
        for place, (heading, declared) in enumerate(parts, 1):
            before = f"{number}.{place}" if heading else number
            for index, each in enumerate(declared, 1):
                plan.numbers[each.path] = f"{before}.{index}"
    return plan


def declarations(rulebook: t.Rulebook) -> list[t.Declaration]:
    """Return everything that is declared, in the order of the sections."""
    return [
        *rulebook.groups.values(),
        *rulebook.inputs.values(),
        *tables(rulebook),
        *(m for key, m in rulebook.measures.items() if " over " not in key),
        *rulebook.lines.values(),
        *rulebook.decisions.values(),
        *rulebook.ledgers.values(),
        *rulebook.lots.values(),
    ]


def tables(rulebook: t.Rulebook) -> list[t.Table]:
    """Return each table once: one that is used for rows and for subjects is kept twice."""
    found: dict[str, t.Table] = {}
    for table in rulebook.tables.values():
        found.setdefault(table.id, table)
    return list(found.values())


def used_words(rulebook: t.Rulebook) -> list[t.ChoiceSet]:
    """Return the sets of choices, those of the library (without a place in the rulebook) last."""
    sets = list(rulebook.words.values())
    return sorted(sets, key=lambda word: word.place.file.startswith("library"))


def _flat(declared: Iterable[t.Declaration]) -> tuple[tuple[str, tuple[t.Declaration, ...]], ...]:
    found = tuple(declared)
    return (("", found),) if found else ()


def _by_card(
    rulebook: t.Rulebook, declared: list[t.Line] | list[t.Decision]
) -> tuple[tuple[str, tuple[t.Declaration, ...]], ...]:
    """Return lines or decisions by group of subjects and calendar unit, in the order of the text."""
    found: dict[str, list[t.Declaration]] = {}
    for each in declared:
        heading = f"{rulebook.groups[each.group].title} · {when_text(each)}"
        found.setdefault(heading, []).append(each)
    return tuple((heading, tuple(rows)) for heading, rows in found.items())


class NumberedSpeaker(Speaker):
    """Says names with their number where two declarations share one."""

    def __init__(self, rulebook: t.Rulebook, plan: Plan) -> None:
        """Take the plan that gives the numbers."""
        super().__init__(rulebook)
        self.plan = plan
        stores = (rulebook.measures, rulebook.lines, rulebook.decisions, rulebook.inputs)
        titles = Counter(x.title for store in stores for key, x in store.items() if " over " not in key)
        self.shared = {title for title, count in titles.items() if count > 1}

    def name(self, key: str) -> str:
        """Return the bank's name of a declaration, with its number where the name alone is not enough."""
        said = super().name(key)
        base = key.partition(" over ")[0]
        book = self.rulebook
        found = book.measures.get(base) or book.lines.get(base) or book.decisions.get(base)
        declared = found or book.inputs.get(base)
        if declared is None or declared.title not in self.shared or declared.path not in self.plan.numbers:
            return said
        return f"{said}〔{self.plan.numbers[declared.path]}〕"
