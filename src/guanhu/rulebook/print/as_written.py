"""What a rulebook's text says beside its rules: its notes, and what was assumed in the reading that is taken.

The tree has no notes, since nothing is computed from them; a reader of the print needs them all the same. And
of a declaration whose doubt is read the other way the tree has the first reading's assumption, which does not
hold in the other: what is assumed there stands in `other`, or nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.folder import MAIN
from guanhu.rulebook.load.text import Fields, Items, Text, Tree, load_text
from guanhu.rulebook.print.plan import declarations
from guanhu.values.language import ZH, worded

_BESIDE = ("doubt", "other")
_D = TypeVar("_D", bound=t.Declaration)


def is_other(rulebook: t.Rulebook, declared: t.Declaration) -> bool:
    """Tell whether a declaration's doubt is read the other way."""
    doubt = declared.doubt
    return doubt is not None and doubt.other and rulebook.readings.get(doubt.name) == "other"


def taken_text(rulebook: t.Rulebook, lang: str = ZH) -> str:
    """Return which readings are taken, in words; '' where no doubt has another reading."""
    others = [name for name, how in rulebook.readings.items() if how == "other"]
    if others:
        said = (worded(lang, "“{x}”取另一种读法", "the other reading of “{x}”", x=name) for name in others)
        tail = worded(lang, ", 其余疑点取第一种读法", ", the first reading of every other doubt")
        return worded(lang, "、", ", ").join(said) + tail
    if not any(x.doubt is not None and x.doubt.other for x in declarations(rulebook)):
        return ""
    return worded(lang, "各处疑点都取第一种读法", "the first reading of every doubt")


def as_taken(rulebook: t.Rulebook, folder: Path) -> t.Rulebook:
    """Return a rulebook without the assumptions of readings that are not taken; `folder` is where its text stands."""
    if "other" not in rulebook.readings.values():
        return rulebook
    text = _text(folder)

    def held(declared: _D) -> _D:
        if not declared.assume or not is_other(rulebook, declared):
            return declared
        own = _other(_of(text, declared.path))
        return declared if own is not None and own.get("assume") is not None else replace(declared, assume="")

    return replace(
        rulebook,
        groups={k: held(x) for k, x in rulebook.groups.items()},
        inputs={k: held(x) for k, x in rulebook.inputs.items()},
        tables={k: held(x) for k, x in rulebook.tables.items()},
        measures={k: held(x) for k, x in rulebook.measures.items()},
        lines={k: held(x) for k, x in rulebook.lines.items()},
        decisions={k: held(x) for k, x in rulebook.decisions.items()},
        ledgers={k: held(x) for k, x in rulebook.ledgers.items()},
        lots={k: held(x) for k, x in rulebook.lots.items()},
    )


def notes(rulebook: t.Rulebook, folder: Path) -> dict[str, tuple[str, ...]]:
    """Return by path of a declaration its notes, in the order of the text: its own, and those of its cases and versions.

    Notes of the other reading of a doubt stand there where that reading is taken, in place of its own.
    """
    text = _text(folder)
    found: dict[str, tuple[str, ...]] = {}
    for section, tree in text if isinstance(text, Fields) else ():
        for name, declared in tree if isinstance(tree, Fields) else ():
            other = _other(declared)
            doubt = declared.get("doubt") if isinstance(declared, Fields) else None
            called = doubt.get("name") if isinstance(doubt, Fields) else None
            is_taken = isinstance(called, Text) and rulebook.readings.get(called.text) == "other"
            if is_taken and isinstance(declared, Fields) and other is not None:
                declared = Fields({**declared.fields, **other.fields}, declared.place)  # noqa: PLW2901 - as it is read
            own = tuple(_notes(declared))
            if own:
                found[f"{section}.{name}"] = own
    return found


def _notes(tree: Tree) -> Iterator[str]:
    match tree:
        case Fields():
            for key, value in tree:
                if key == "note" and isinstance(value, Text):
                    yield value.text
                elif key not in _BESIDE:
                    yield from _notes(value)
        case Items():
            for item in tree.items:
                yield from _notes(item)
        case Text():
            return


def _text(folder: Path) -> Tree | None:
    # What is wrong with the text was said when it was loaded.
    return load_text(folder / MAIN, MAIN, []) if (folder / MAIN).is_file() else None


def _of(text: Tree | None, path: str) -> Tree | None:
    section, _, name = path.partition(".")
    declared = text.get(section) if isinstance(text, Fields) else None
    name = name.partition(" over ")[0]
    return declared.get(name) if isinstance(declared, Fields) else None


def _other(declared: Tree | None) -> Fields | None:
    doubt = declared.get("doubt") if isinstance(declared, Fields) else None
    other = doubt.get("other") if isinstance(doubt, Fields) else None
    return other if isinstance(other, Fields) else None
