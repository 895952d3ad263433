"""Units and amounts in Chinese, as a regulation writes them."""

from __future__ import annotations

from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.print.names import attribute_name
from guanhu.rulebook.print.sentence import Speaker
from guanhu.values import units
from guanhu.values.exact import shown
from guanhu.values.units import Unit

_WORDS = {
    "money": "元",
    "money day": "元·天",
    "money per year": "元/年",
    "ratio": "比率",
    "annual rate": "年利率",
    "points": "分",
    "count": "个数",
    "days": "天",
    "date": "日期",
    "yes/no": "是否",
    "number": "数",
}
COLUMN_TYPES = {
    "text": "文字",
    "id": "编号",
    "choice": "名称",
    "date": "日期",
    "money": "金额(元)",
    "rate": "利率",
    "share": "比例",
    "number": "数",
    "count": "整数",
    "yesno": "是否",
}


def unit_text(unit: Unit) -> str:
    """Return a unit in Chinese.

    >>> unit_text(units.MONEY), unit_text(units.choice("grade")), unit_text(Unit("number", "户"))
    ('元', '等级', '户')
    """
    if units.is_choice(unit):
        return attribute_name(unit.of) if unit.of else "名称"
    if unit.kind == "number" and unit.of:
        return unit.of
    return _WORDS.get(unit.kind, str(unit))


def amount_text(value: Fraction, unit: Unit) -> str:
    """Return an exact amount with its unit, as a bound of what is allowed is written.

    >>> amount_text(Fraction(2, 25), units.RATIO), amount_text(Fraction(500), units.MONEY)
    ('8%', '500 元')
    """
    if unit in (units.RATIO, units.ANNUAL_RATE):
        return f"{shown(value * 100)}%"
    tail = {"money": " 元", "points": " 分", "days": " 天"}.get(unit.kind, "")
    return shown(value) + tail


def range_text(
    low: Fraction | str | None, high: Fraction | str | None, unit: Unit, closed: str = "[]"
) -> str:
    """Return a range in words, an end that is a formula as its sentence; '' when both ends are open.

    >>> range_text(Fraction(0), None, units.MONEY), range_text(Fraction(1), Fraction(1), units.COUNT)
    ('不低于 0 元', '只能是 1')
    >>> range_text(Fraction(0), "《上限》(按等级)", units.RATIO, "(]")
    '高于 0%, 不高于 《上限》(按等级)'
    """

    def said(end: Fraction | str) -> str:
        return end if isinstance(end, str) else amount_text(end, unit)

    if low is not None and low == high:
        return f"只能是 {said(low)}"
    ends = (("不低于" if closed[0] == "[" else "高于", low), ("不高于" if closed[1] == "]" else "低于", high))
    return ", ".join(f"{word} {said(end)}" for word, end in ends if end is not None)


def allowed_text(declared: t.Input, speaker: Speaker) -> str:
    """Return what the bank may give for an input, in words; '' where the text names no end."""
    low = speaker.say(declared.least) if declared.least is not None else declared.low
    high = speaker.say(declared.most) if declared.most is not None else declared.high
    return range_text(low, high, declared.unit, declared.closed)
