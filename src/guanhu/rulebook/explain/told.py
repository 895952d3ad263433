"""One line of an explanation, and values as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from guanhu.rulebook.explain.values import LotNote, Unknown, Value
from guanhu.values import units
from guanhu.values.exact import money_shown, round_half_away, shown
from guanhu.values.units import Unit

WHY = {
    "absent": "没有提供",
    "undefined": "没有定义(除数为 0 或不为正)",
    "no row": "表中没有对应的行",
    "coverage": "事实没有覆盖所需的日子",
    "stop": "按规定不结算并列出",
    "past": "前期的数未知",
    "others": "同组有人的这个数未知",
    "pool": "不能分配: 各人的总额不同, 有人的分配依据为负, 或全组合计为 0",
}
_PLACES = 6


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


def value_text(value: Value | None, unit: Unit) -> str:
    """Return a value as people read it, with its unit."""
    match value:
        case None:
            return ""
        case Unknown():
            return f"未知({WHY.get(value.why, value.why)}: {value.cause})"
        case bool():
            return "是" if value else "否"
        case Fraction() if unit.kind.startswith("money"):
            fen = round_half_away(value * 100)
            tail = {"money per year": " 元/年", "money day": " 元·日"}.get(unit.kind, " 元")
            return f"{money_shown(int(fen))}{tail}"
        case Fraction() if unit in (units.RATIO, units.ANNUAL_RATE):
            return f"{shown(value * 100, _PLACES)}%"
        case Fraction():
            tail = {"points": " 分", "days": " 天"}.get(unit.kind, "")
            return f"{shown(value, _PLACES)}{tail}"
        case _:
            return str(value)


def told_lots(note: LotNote, unit: Unit) -> Iterator[Told]:
    """Yield the lots that a figure was made of: granted when, due when, how much."""
    for row in note.rows:
        due = f", {row.due_on} 到期" if row.due_on is not None else ""
        text = f"{row.lot}: {row.granted_on} 记入{due}, {value_text(row.amount, unit)}"
        facts = {"lot": row.lot, "granted_on": str(row.granted_on), "source": row.source}
        yield Told(text, row.amount, "lot", facts=facts)
