"""Blocks as Markdown (CommonMark with tables)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from guanhu.rulebook.print import blocks as b

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_AT_START = re.compile(r"^(\s*)([#>+-]|\d+[.)])(?=\s|$)")


def markdown(page: b.Page) -> str:
    """Return the page as Markdown text."""
    lines = [f"# {escaped(page.title)}", ""]
    if page.subtitle:
        lines += [escaped(page.subtitle), ""]
    if page.facts:
        lines += [*_table(b.Grid(("项目", "内容"), page.facts)), ""]
    for block in page.blocks:
        lines.extend(_block(block))
        lines.append("")
    lines += ["---", "", escaped(page.foot), ""]
    return "\n".join(lines)


def escaped(text: str) -> str:
    r"""Return plain text so that Markdown shows it as it is.

    >>> escaped("a*b <b> [1%, 5%] < 5%"), escaped("- 5")
    ('a\\*b &lt;b> [1%, 5%] < 5%', '\\- 5')
    """
    safe = (
        b.readable(text).replace("\\", "\\\\").replace("*", "\\*").replace("`", "\\`").replace("](", "]\\(")
    )
    return _AT_START.sub(r"\1\\\2", _TAG.sub("&lt;", safe))


def _block(block: b.Block) -> Iterator[str]:
    match block:
        case b.Heading():
            number = f"{block.number} " if block.number else ""
            yield f"{'#' * (block.level + 1)} {number}{escaped(block.text)}"
        case b.Text():
            yield escaped(block.text).replace("\n", "  \n")
        case b.Listed():
            for index, item in enumerate(block.items, 1):
                yield f"{index}. {escaped(item)}" if block.ordered else f"- {escaped(item)}"
        case b.Grid():
            if block.caption:
                yield f"**{escaped(block.caption)}**"
                yield ""
            yield from _table(block)
        case b.Mark():
            yield f"> **{escaped(block.label)}**: {escaped(block.text)}"
        case b.Rule():
            yield from _rule(block)
        case b.Figures():
            for label, value, word in block.figures:
                yield f"- **{escaped(label)}**: {escaped(value)}" + (f"({escaped(word)})" if word else "")
        case b.Drawing():
            yield f"*{escaped(block.alt)}*"


def _rule(rule: b.Rule) -> Iterator[str]:
    number = f"{rule.number} " if rule.number else ""
    value = f" = {escaped(rule.value)}" if rule.value else ""
    clause = f" [{escaped(rule.clause)}]" if rule.clause else ""
    code = f" `{rule.code}`" if rule.code else ""
    yield f"**{number}{escaped(rule.title)}**{value}{clause}{code}"
    for part in rule.parts:
        yield ""
        yield from _block(part)


def _table(grid: b.Grid) -> Iterator[str]:
    def row(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(escaped(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    yield row(grid.head)
    yield (
        "|" + "|".join(" ---: " if grid.aligned(i) == "r" else " --- " for i in range(len(grid.head))) + "|"
    )
    for cells in grid.rows:
        yield row(cells)
