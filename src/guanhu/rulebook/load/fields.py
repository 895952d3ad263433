"""Reading one declaration's fields: known keys, required text, one problem for each thing wrong."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from guanhu.rulebook.load.formula import FormulaError, Raw, parse_formula
from guanhu.rulebook.load.text import Fields, Items, Text, Tree
from guanhu.values.problem import Place, Problem

COMMON = ("name", "clause", "assume", "doubt", "note", "accept")
"""Keys that every declaration may have."""


class Reader:
    """Fields of one declaration, with the list that problems go to."""

    def __init__(self, tree: Tree, label: str, known: Sequence[str], problems: list[Problem]) -> None:
        """Report keys that are not known; `label` is how messages call the declaration."""
        self.problems = problems
        self.label = label
        self.place = tree.place
        self.fields = tree.fields if isinstance(tree, Fields) else {}
        if not isinstance(tree, Fields):
            self.add(
                "RUL010",
                tree.place,
                f"{label} 应当是“键: 值”的形式",
                f"{label} is to be a mapping of keys to values",
                f"写成 {{键: 值, …}}, 可写的键: {'、'.join(known)}",
                f"write {{key: value, …}}; known keys: {', '.join(known)}",
            )
        for key, (place, _) in self.fields.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                self.add(
                    "RUL011",
                    place,
                    f"{label} 里没有 {key} 这一项",
                    f"{label} has no key {key}",
                    f"是不是 {near[0]}? 可写: {'、'.join(known)}" if near else f"可写: {'、'.join(known)}",
                    f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}",
                )

    def add(self, code: str, place: Place, zh: str, en: str, hint_zh: str = "", hint_en: str = "") -> None:
        """Add a problem of this declaration."""
        clause = self.fields.get("clause")
        text = clause[1].text if clause and isinstance(clause[1], Text) else ""
        self.problems.append(Problem(code, place, zh, en, hint_zh, hint_en, clause=text))

    def has(self, key: str) -> bool:
        """Tell whether the key is written."""
        return key in self.fields

    def place_of(self, key: str) -> Place:
        """Return where the key stands, or the declaration's own place."""
        found = self.fields.get(key)
        return found[0] if found else self.place

    def tree(self, key: str) -> Tree | None:
        """Return the value of a key as it stands."""
        found = self.fields.get(key)
        return found[1] if found else None

    def text(self, key: str, default: str = "") -> str:
        """Return text of a key; a list or mapping there is a problem."""
        value = self.tree(key)
        if value is None:
            return default
        if not isinstance(value, Text):
            self.add(
                "RUL012",
                value.place,
                f"{self.label} 的 {key} 应当是一段文字",
                f"{key} of {self.label} is to be text",
            )
            return default
        return value.text.strip()

    def required(self, key: str) -> str:
        """Return text of a key that must be there."""
        if not self.has(key):
            self.missing(key)
        return self.text(key)

    def missing(self, key: str) -> None:
        """Report a key that must be there."""
        reasons = {"clause": ("没有条款的规则不能执行", "a rule without a clause is refused")}
        zh, en = reasons.get(key, (f"补上 {key}", f"add {key}"))
        self.add("RUL013", self.place, f"{self.label} 缺少 {key}", f"{self.label} has no {key}", zh, en)

    def one_of(self, key: str, allowed: Sequence[str], default: str) -> str:
        """Return text of a key that has to be one of several."""
        value = self.text(key, default)
        if value in allowed:
            return value
        self.add(
            "RUL014",
            self.place_of(key),
            f"{self.label} 的 {key} 是 {value}, 应当是 {'、'.join(allowed)} 之一",
            f"{key} of {self.label} is {value}; it is to be one of {', '.join(allowed)}",
            *self._nearest(value, allowed, default),
        )
        return default

    @staticmethod
    def _nearest(value: str, allowed: Sequence[str], default: str) -> tuple[str, str]:
        """Return a hint to the word that is meant, or to the one that holds when none is written."""
        near = difflib.get_close_matches(value, allowed, n=1)
        if near:
            return f"是不是 {near[0]}?", f"did you mean {near[0]}?"
        return (f"不写就是 {default}", f"left out, it is {default}") if default else ("", "")

    def yes(self, key: str, *, default: bool = False) -> bool:
        """Return a yes/no key."""
        return self.one_of(key, ("yes", "no"), "yes" if default else "no") == "yes"

    def names(self, key: str) -> tuple[tuple[str, Place], ...]:
        """Return a list of names; one name alone is a list of one."""
        value = self.tree(key)
        if value is None:
            return ()
        if isinstance(value, Text):
            return ((value.text, value.place),)
        found: list[tuple[str, Place]] = []
        for item in value.items if isinstance(value, Items) else ():
            if isinstance(item, Text):
                found.append((item.text, item.place))
            else:
                self.add(
                    "RUL012",
                    item.place,
                    f"{self.label} 的 {key} 应当是名称的列表",
                    f"{key} of {self.label} is to be a list of names",
                )
        if isinstance(value, Fields):
            self.add(
                "RUL012",
                value.place,
                f"{self.label} 的 {key} 应当是名称的列表",
                f"{key} of {self.label} is to be a list of names",
            )
        return tuple(found)

    def formula(self, key: str) -> Raw | None:
        """Return the parsed formula of a key; None when there is none or it does not parse."""
        value = self.tree(key)
        return self.parse(value) if value is not None else None

    def parse(self, value: Tree) -> Raw | None:
        """Return the parsed formula of a scalar, reporting what is wrong with it."""
        if not isinstance(value, Text):
            self.add(
                "RUL012",
                value.place,
                f"{self.label} 这里应当是一个公式",
                f"{self.label}: a formula is needed here",
                "公式里有逗号时整个加引号",
                "quote a formula that holds commas",
            )
            return None
        try:
            return parse_formula(value.text, value.place)
        except FormulaError as error:
            p = error.problem
            self.add(p.code, p.place, p.zh, p.en, p.hint_zh, p.hint_en)
            return None
