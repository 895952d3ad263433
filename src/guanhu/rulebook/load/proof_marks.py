"""What a declaration says for *prove*: the range of a figure, and the findings that the bank accepts."""

from __future__ import annotations

import re
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.tables import CellProblem, cell_of
from guanhu.rulebook.load.text import Fields, Text

_CODE = re.compile(r"PRV[0-9]{3}")


def range_of(reader: Reader) -> tuple[Fraction | None, Fraction | None]:
    """Return the least and the most that `range` names; None is an open end, or no range."""
    if not reader.has("range"):
        return None, None
    try:
        cell = cell_of(reader.text("range"), numeric=True, place=reader.place_of("range"))
    except CellProblem as error:
        reader.add(
            "RUL049",
            reader.place_of("range"),
            error.zh,
            error.en,
            '写成 "[0, 100]" 或 "[0, ]"',
            'write "[0, 100]" or "[0, ]"',
        )
        return None, None
    return (cell.low, cell.high) if isinstance(cell, t.RangeCell) else (None, None)


def accepted_of(reader: Reader) -> tuple[t.Accepted, ...]:
    """Return the findings that `accept: {PRV013: why}` names."""
    tree = reader.tree("accept")
    if tree is None:
        return ()
    found: list[t.Accepted] = []
    for code, why in tree if isinstance(tree, Fields) else ():
        if _CODE.fullmatch(code) is None or not isinstance(why, Text) or not why.text.strip():
            found.clear()
            break
        found.append(t.Accepted(code=code, why=why.text))
    if not found:
        reader.add(
            "RUL085",
            reader.place_of("accept"),
            "accept 写成 {发现的编号: 理由}",
            "write accept as {code of the finding: why}",
            "例如 accept: {PRV021: 原文如此, 档界上有断崖}; 编号见 guanhu rulebook prove",
            "such as accept: {PRV021: as the text has it}; guanhu rulebook prove tells the codes",
        )
    return tuple(found)
