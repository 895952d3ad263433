"""Table cells and rows: ranges closed as written, overlaps and rows that can never be reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from guanhu.rulebook.load.formula import FormulaError, Num, Unary, parse_formula
from guanhu.rulebook.tree import AnyCell, Cell, ChoiceCell, RangeCell
from guanhu.values.problem import Place

_RANGE = re.compile(r"(?P<open>[\[(])(?P<low>[^,]*),(?P<high>[^,]*)(?P<close>[\])])")
_COMPARED = re.compile(r"(?P<op><=|>=|=|<|>)(?P<value>.+)")
_WIDE = str.maketrans("（）［］【】，≥≤＜＞＝％、", "()[][],≥≤<>=%|")


class CellProblem(Exception):
    """A cell that cannot be read; carries the sentence in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        """Keep the sentences."""
        self.zh, self.en = zh, en
        super().__init__(en)


def cell_of(text: str, *, numeric: bool, place: Place) -> Cell:
    """Return the cell that `text` writes.

    `any`; names joined by `|`; `>= 30%`, `< 1`, `= 0`, `[8%, 15%)`, or a plain number (equal to it).

    >>> cell_of("[8%, 15%)", numeric=True, place=Place("x")).holds(Fraction(15, 100))
    False
    """
    plain = text.translate(_WIDE).replace("≥", ">=").replace("≤", "<=").strip()
    if plain == "any":
        return AnyCell()
    if not numeric:
        return ChoiceCell(tuple(part.strip().strip("'\"") for part in plain.split("|")))
    if found := _RANGE.fullmatch(plain):
        low, high = _bound(found["low"], place), _bound(found["high"], place)
        low_in, high_in = found["open"] == "[", found["close"] == "]"
        empty = (
            low is not None
            and high is not None
            and (low > high or (low == high and not (low_in and high_in)))
        )
        if empty:
            raise CellProblem(f"区间 {text} 里没有数", f"no number lies in the range {text}")
        return RangeCell(low, low_in, high, high_in, plain)
    if found := _COMPARED.fullmatch(plain):
        value = _bound(found["value"], place)
        match found["op"]:
            case ">=":
                return RangeCell(value, True, None, False, plain)
            case ">":
                return RangeCell(value, False, None, False, plain)
            case "<=":
                return RangeCell(None, False, value, True, plain)
            case "<":
                return RangeCell(None, False, value, False, plain)
    value = _bound(plain.removeprefix("="), place)
    return RangeCell(value, True, value, True, plain)


def _bound(text: str, place: Place) -> Fraction | None:
    words = text.strip()
    if words in ("", "∞", "+∞", "-∞"):
        return None
    try:
        found = parse_formula(words, place)
    except FormulaError as error:
        raise CellProblem(error.problem.zh, error.problem.en) from error
    if isinstance(found, Num):
        return found.value
    if isinstance(found, Unary) and isinstance(found.x, Num) and found.op == "-":
        return -found.x.value
    raise CellProblem(f"表格里的界限 {words} 不是数", f"the bound {words} is not a number")


def covers(upper: Cell, lower: Cell) -> bool:
    """Tell whether every value of `lower` falls in `upper` too."""
    if isinstance(upper, AnyCell):
        return True
    if isinstance(upper, ChoiceCell):
        return isinstance(lower, ChoiceCell) and set(lower.choices) <= set(upper.choices)
    if not isinstance(lower, RangeCell):
        return False
    low_ok = upper.low is None or (
        lower.low is not None
        and (lower.low > upper.low or (lower.low == upper.low and (upper.low_in or not lower.low_in)))
    )
    high_ok = upper.high is None or (
        lower.high is not None
        and (lower.high < upper.high or (lower.high == upper.high and (upper.high_in or not lower.high_in)))
    )
    return low_ok and high_ok


def meet(one: Cell, other: Cell) -> bool:
    """Tell whether some value falls in both."""
    if isinstance(one, AnyCell) or isinstance(other, AnyCell):
        return True
    if isinstance(one, ChoiceCell) and isinstance(other, ChoiceCell):
        return bool(set(one.choices) & set(other.choices))
    if not isinstance(one, RangeCell) or not isinstance(other, RangeCell):
        return False
    return _starts_before_end(one, other) and _starts_before_end(other, one)


def _starts_before_end(one: RangeCell, other: RangeCell) -> bool:
    if one.low is None or other.high is None:
        return True
    return one.low < other.high or (one.low == other.high and one.low_in and other.high_in)


def overlap_of(rows: Sequence[Sequence[Cell]], how: str) -> tuple[int, int, str] | None:
    """Return the first (upper row, lower row, what) that is wrong, or None.

    `hidden`: the lower row can never be reached. `overlap`: two ranges hold the same number for the
    same other keys; a ladder's rows may.
    """
    above = _may_share(rows)
    for lower in range(len(rows)):
        for upper in above(lower):
            pairs = list(zip(rows[upper], rows[lower], strict=True))
            if all(covers(a, b) for a, b in pairs):
                return upper, lower, "hidden"
            ranges = [(a, b) for a, b in pairs if isinstance(a, RangeCell) and isinstance(b, RangeCell)]
            if how != "ladder" and ranges and all(meet(a, b) for a, b in pairs):
                return upper, lower, "overlap"
    return None


def _may_share(rows: Sequence[Sequence[Cell]]) -> Callable[[int], Iterable[int]]:
    """Return a function from a row to those above it that may hold a choice of it: a price list is long."""
    by_choice: list[dict[str, list[int]]] = [{} for _ in (rows[0] if rows else ())]
    without: list[list[int]] = [[] for _ in by_choice]
    for number, row in enumerate(rows):
        for position, cell in enumerate(row):
            if not isinstance(cell, ChoiceCell):
                without[position].append(number)
                continue
            for choice in cell.choices:
                by_choice[position].setdefault(choice, []).append(number)

    def above(lower: int) -> Iterable[int]:
        sharing = [
            {*without[position], *(n for choice in cell.choices for n in by_choice[position][choice])}
            for position, cell in enumerate(rows[lower])
            if isinstance(cell, ChoiceCell)
        ]
        fewest = min(sharing, key=len, default=range(lower))
        return sorted(number for number in fewest if number < lower)

    return above
