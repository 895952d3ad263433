"""A page made of blocks: what is said, apart from how it is set. Three writers set it: HTML, Markdown, PDF.

Text in a block is plain text. Nothing in it is markup, whoever wrote it: each writer escapes for its own
format, and the PDF gets its blocks as data.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1, 2 or 3; `number` is printed before it (`3.1`)."""

    text: str
    level: int = 1
    number: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; `quiet` is set smaller."""

    text: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, numbered when the order matters."""

    items: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. `align` has a letter for each column: l or r; `widths` weighs the columns (0: as its text)."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str = ""
    widths: tuple[int, ...] = ()
    caption: str = ""

    def aligned(self, column: int) -> str:
        """Return `l` or `r` for a column.

        >>> Grid(("a", "b"), (), align="lr").aligned(1), Grid(("a",), ()).aligned(0)
        ('r', 'l')
        """
        return self.align[column] if column < len(self.align) else "l"


@dataclass(frozen=True, slots=True)
class Mark:
    """A remark that a reader must not miss. kind: assume, doubt, other, open, good, note."""

    kind: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with its number, title, value, clause and code; its parts stand under it."""

    title: str
    number: str = ""
    value: str = ""
    clause: str = ""
    code: str = ""
    parts: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """A few figures that a reader looks for first: label, value, a word under it."""

    figures: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing as SVG with the same in words."""

    svg: str
    alt: str
    caption: str = ""


Block = Heading | Text | Listed | Grid | Mark | Rule | Figures | Drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole document. `running` stands at the head of every page, `foot` at its foot beside the number."""

    title: str
    subtitle: str
    running: str
    foot: str
    blocks: tuple[Block, ...]
    facts: tuple[tuple[str, str], ...] = ()
    wide: bool = False


def plain(blocks: tuple[Block, ...]) -> Iterator[str]:
    """Yield every text of the blocks in reading order.

    >>> list(plain((Rule("得分", clause="第一条", parts=(Text("满分 60"),)),)))
    ['得分', '第一条', '满分 60']
    """
    for block in blocks:
        match block:
            case Heading() | Text():
                yield block.text
            case Listed():
                yield from block.items
            case Grid():
                yield from (text for text in (block.caption, *block.head) if text)
                yield from (cell for row in block.rows for cell in row)
            case Mark():
                yield f"{block.label}: {block.text}"
            case Rule():
                yield from (x for x in (block.title, block.value, block.clause, block.code) if x)
                yield from plain(block.parts)
            case Figures():
                yield from (text for figure in block.figures for text in figure if text)
            case Drawing():
                yield block.alt


MISSING = "〓"
"""What printers set for a character that cannot be shown."""
_UNSHOWN = ("Cc", "Cs", "Co", "Cn")
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def readable(text: str) -> str:
    r"""Return text without characters that no page shows, or that turn what stands around them.

    >>> readable("a\x07b"), readable("\u202eabc"), readable("一行\n二行")
    ('a〓b', '〓abc', '一行\n二行')
    """
    if text.isprintable():
        return text
    return "".join(
        MISSING if char != "\n" and (char in _TURNING or category(char) in _UNSHOWN) else char
        for char in text
    )


def write_whole(out: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Errors:   OSError when it cannot be written; what stood there before stays.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{out.name}.partial-", dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
