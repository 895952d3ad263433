"""`mapping.yaml`: the bank's own headings and codes, in our words.

    headings: {balances: {客户账号: account_id, 日终余额: balance}}
    values: {product: {"2010101": 活期, "2010102": 定期}}

It may stand in a folder of files; it is then remembered in the bank's folder for the next imports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from guanhu.facts.coverage import kind_called
from guanhu.facts.folder import MAPPING
from guanhu.facts.nodes import Reader, seen
from guanhu.facts.problems import problem
from guanhu.facts.writing import flush
from guanhu.kinds.catalogue import CATALOGUE
from guanhu.kinds.schema import Kind
from guanhu.values.problem import Place, Problem

Words = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class OwnWords:
    """Headings by kind, and codes by column, each to our word for it."""

    headings: Words = field(default_factory=dict)
    values: Words = field(default_factory=dict)

    def with_newer(self, other: OwnWords) -> OwnWords:
        """Return these words with those of `other` added; where both say something, `other` is right."""
        return OwnWords(_joined(self.headings, other.headings), _joined(self.values, other.values))


def _joined(old: Words, new: Words) -> Words:
    """Return two levels of words joined."""
    return {name: {**old.get(name, {}), **new.get(name, {})} for name in {**old, **new}}


def load_words(folder: Path, events: tuple[Kind, ...] = ()) -> tuple[OwnWords, list[Problem]]:
    """Return the words of the folder's `mapping.yaml`, none when there is no such file.

    Errors:   FAC004, FAC005, FAC085.
    """
    path = folder / MAPPING
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return OwnWords(), []
    except (OSError, UnicodeDecodeError):
        return OwnWords(), [problem("FAC004", Place(MAPPING), file=MAPPING, seen="UTF-8?")]
    reader = Reader(MAPPING)
    root = reader.root(text)
    if root is None:
        return OwnWords(), reader.problems
    top = reader.mapping(root, {"headings", "values"}, "headings, values")
    headings: dict[str, dict[str, str]] = {}
    for name, node in _entries(reader, top.get("headings")):
        kind = kind_called(name, events)
        if kind is None:
            reader.tell("FAC085", node, seen=name, expected="kind")
            continue
        columns = {column.name for column in kind.file_columns}
        for heading, column in _entries(reader, node):
            if seen(column) in columns:
                headings.setdefault(kind.name, {})[heading] = seen(column)
            else:
                reader.tell("FAC085", column, seen=seen(column), expected=", ".join(sorted(columns)))
    choices = {
        c.name for kind in (*CATALOGUE, *events) for c in kind.columns if c.type in ("choice", "yesno")
    }
    values: dict[str, dict[str, str]] = {}
    for name, node in _entries(reader, top.get("values")):
        if name not in choices:
            reader.tell("FAC085", node, seen=name, expected=", ".join(sorted(choices)))
            continue
        values[name] = {code: seen(word) for code, word in _entries(reader, node)}
    return OwnWords(headings, values), reader.problems


def _entries(reader: Reader, node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
    """Return the entries of a mapping node, none when it is not there."""
    return [] if node is None else list(reader.mapping(node, None, "{…}").items())


def save_words(folder: Path, words: OwnWords) -> None:
    """Write the words into the folder's `mapping.yaml`, whole or not at all."""
    lines = []
    for title, groups in (("headings", words.headings), ("values", words.values)):
        lines.append(f"{title}:{'' if groups else ' {}'}")
        for name, entries in sorted(groups.items()):
            lines.append(f"  {_quoted(name)}:{'' if entries else ' {}'}")
            lines += [f"    {_quoted(own)}: {_quoted(word)}" for own, word in sorted(entries.items())]
    partial = folder / f".{MAPPING}.partial"
    partial.write_text("\n".join(lines) + "\n", "utf-8")
    flush(partial)
    partial.replace(folder / MAPPING)
    flush(folder)


def _quoted(text: str) -> str:
    """Return text as a quoted YAML scalar (JSON text is YAML)."""
    return json.dumps(text, ensure_ascii=False)
