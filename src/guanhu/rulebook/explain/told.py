"""One line of an explanation, and values as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from guanhu.rulebook.explain.values import LotNote, Unknown, Value
from guanhu.values import units
from guanhu.values.exact import money_shown, round_half_away, shown
from guanhu.values.language import ZH, worded
from guanhu.values.units import Unit

WHY = {
    "absent": "没有提供",
    "undefined": "没有定义(除数为 0 或不为正)",
    "no row": "表中没有对应的行",
    "coverage": "所需的日子没有导入, 或有行被拒收",
    "stop": "按规定不结算并列出",
    "past": "前期的数未知",
    "others": "同组有人的这个数未知",
    "pool": "不能分配: 各人的总额不同, 有人的分配依据为负, 或全组合计为 0",
}
WHY_EN = {
    "absent": "not supplied",
    "undefined": "undefined: the divisor is 0 or not above 0",
    "no row": "the table has no row for it",
    "coverage": "facts of the days were not imported, or rows of them refused",
    "stop": "by the rule not settled, and listed",
    "past": "a figure of an earlier instance is unknown",
    "others": "this figure of somebody else of the group is unknown",
    "pool": "cannot be shared out: the amounts differ, a share is below 0, or all come to 0",
}
_UNITS = {
    "money per year": (" 元/年", " yuan a year"),
    "money day": (" 元·日", " yuan·days"),
    "points": (" 分", " points"),
    "days": (" 天", " days"),
}
_PLACES = 6
POINTS_PLACES = 4
"""Places at which points are shown, wherever they are: one score looks the same on every paper."""


def count_word(kind: str) -> str:
    """Return what things of a kind of fact are counted in, in Chinese.

    >>> count_word("balances"), count_word("fees")
    ('户', '笔')
    """
    return "户" if kind == "balances" else "笔"


@dataclass(slots=True)
class Told:
    """One line of an explanation. `facts` are what its text says, as data: days, shares, dates, sources."""

    text: str
    value: Value | None = None
    kind: str = ""
    path: str = ""
    clause: str = ""
    parts: list[Told] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the line and what stands under it as plain data."""
        value = (
            None
            if self.value is None
            else str(self.value)
            if not isinstance(self.value, Unknown)
            else f"unknown: {self.value.cause}"
        )
        found: dict[str, Any] = {
            "text": self.text,
            "kind": self.kind,
            "path": self.path,
            "clause": self.clause,
            "value": value,
            "facts": self.facts,
        }
        return {
            **{k: v for k, v in found.items() if v not in (None, "", {})},
            **({"parts": [p.as_dict() for p in self.parts]} if self.parts else {}),
        }

    def lines(self, depth: int = 0) -> Iterator[tuple[int, str]]:
        """Yield (depth, text) of this line and all under it."""
        yield depth, self.text
        for part in self.parts:
            yield from part.lines(depth + 1)


def value_text(value: Value | None, unit: Unit, lang: str = ZH) -> str:
    """Return a value as people read it, with its unit."""
    match value:
        case None:
            return ""
        case Unknown():
            why = (WHY if lang == ZH else WHY_EN).get(value.why, value.why)
            return worded(
                lang, "未知({why}: {cause})", "unknown ({why}: {cause})", why=why, cause=value.cause
            )
        case bool():
            return worded(lang, "是", "yes") if value else worded(lang, "否", "no")
        case Fraction() if unit.kind.startswith("money"):
            fen = round_half_away(value * 100)
            return money_shown(int(fen)) + worded(lang, *_UNITS.get(unit.kind, (" 元", " yuan")))
        case Fraction() if unit in (units.RATIO, units.ANNUAL_RATE):
            return f"{shown(value * 100, _PLACES)}%"
        case Fraction():
            places = POINTS_PLACES if unit == units.POINTS else _PLACES
            return shown(value, places) + worded(lang, *_UNITS.get(unit.kind, ("", "")))
        case _:
            return str(value)


def printed(value: Fraction, unit: Unit) -> Fraction:
    """Return a number as `value_text` prints it: money to the fen, points, a share at six places of its percent, else six.

    >>> printed(Fraction(1, 3), units.MONEY), printed(Fraction(1, 3), units.RATIO)
    (Fraction(33, 100), Fraction(33333333, 100000000))
    """
    if unit.kind.startswith("money"):
        return round_half_away(value, 2)
    if unit == units.POINTS:
        return round_half_away(value, POINTS_PLACES)
    return round_half_away(value, _PLACES + 2 if unit in (units.RATIO, units.ANNUAL_RATE) else _PLACES)


def odd_told(whole: Value | None, parts: Iterable[Told], unit: Unit, lang: str = ZH) -> Iterator[Told]:
    """Yield what the printed parts of a figure lack of the printed figure; nothing where they sum to it.

    The values themselves sum: only what is printed is rounded, each part by itself. So the line has no value.
    """
    numbers = [x.value for x in parts if isinstance(x.value, Fraction)]
    if not isinstance(whole, Fraction) or not numbers:
        return
    # Parts that are averaged or weighted come to something else, and nothing is odd about that.
    if printed(sum(numbers, Fraction(0)), unit) != printed(whole, unit):
        return
    odd = printed(whole, unit) - sum((printed(x, unit) for x in numbers), Fraction(0))
    if odd:
        zh = "尾差 {odd}: 上面各数是分别四舍五入后印出的, 合计按未取整的数"
        en = (
            "odd {odd}: the parts above are printed rounded, each by itself; the sum is that of the unrounded"
        )
        yield Told(worded(lang, zh, en, odd=value_text(odd, unit, lang)), kind="odd")


def gap_text(gap: Fraction, unit: Unit, lang: str = ZH) -> str:
    """Return a distance between two figures: that of shares in percentage points.

    >>> gap_text(Fraction(5, 1000), units.RATIO), gap_text(Fraction(2), units.MONEY)
    ('0.5 个百分点', '2.00 元')
    """
    if unit not in (units.RATIO, units.ANNUAL_RATE):
        return value_text(gap, unit, lang)
    return worded(lang, "{x} 个百分点", "{x} percentage points", x=shown(gap * 100, _PLACES))


def told_lots(note: LotNote, unit: Unit, lang: str = ZH) -> Iterator[Told]:
    """Yield the lots that a figure was made of: granted when, due when, how much."""
    for row in note.rows:
        due = worded(lang, ", {x} 到期", ", due {x}", x=row.due_on) if row.due_on is not None else ""
        zh, en = "{lot}: {day} 记入{due}, {amount}", "{lot}: granted {day}{due}, {amount}"
        amount = value_text(row.amount, unit, lang)
        text = worded(lang, zh, en, lot=row.lot, day=row.granted_on, due=due, amount=amount)
        facts = {"lot": row.lot, "granted_on": str(row.granted_on), "source": row.source}
        yield Told(text, row.amount, "lot", facts=facts)
