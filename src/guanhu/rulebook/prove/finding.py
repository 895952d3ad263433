"""What *prove* reports: a code for ever, a sentence in two languages, the clauses, and a manager that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from guanhu.rulebook.prove.replay import Point

DEFECT, NOTICE, ACCEPTED, OPEN, FACT, FAULT = "defect", "notice", "accepted", "undecided", "bound", "fault"
"""Severities: wrong; worth a look; known and taken as it is; not decided; a figure; a fault of guanhu itself."""

CODES: dict[str, tuple[str, str]] = {
    "PRV001": ("档次之间有空缺", "brackets leave a gap"),
    "PRV002": ("档次重叠", "brackets overlap"),
    "PRV003": ("被前面的遮住, 永远轮不到", "hidden by what stands above it"),
    "PRV004": ("永远不会成立", "can never apply"),
    "PRV005": ("门槛谁也够不着", "a threshold that nobody can reach"),
    "PRV006": ("封顶从不起作用", "a cap that never binds"),
    "PRV007": ("保底从不起作用", "a floor that never binds"),
    "PRV008": ("保底可以高过封顶", "the floor can lie above the cap"),
    "PRV010": ("干得更多反而更少", "more work gets less"),
    "PRV011": ("断崖: 差一点就差很多", "a cliff: one step moves much"),
    "PRV012": (
        "各条单看都对, 连起来干得更多反而更少",
        "each clause is right by itself, together more work gets less",
    ),
    "PRV013": ("升了级反而拿得更少", "a higher grade gets less"),
    "PRV014": ("干得更多反而被降或不升", "more work is demoted or not promoted"),
    "PRV015": (
        "本期干得更多, 两期合计反而更少",
        "more work now gets less in this instance and the next together",
    ),
    "PRV020": ("两项决定可能同时改同一状态", "two decisions can set the same state at once"),
    "PRV021": ("权重之和不是一", "weights do not sum to one"),
    "PRV022": ("可能除以零, 结果未知", "a division by zero can happen: the figure is unknown"),
    "PRV023": ("数可能大到批量计算装不下", "a figure can be too wide for the engine"),
    "PRV030": ("最少和最多", "the least and the most"),
    "PRV031": ("给定人数的预算上限", "the ceiling of the budget for a staff"),
    "PRV040": ("没有判定", "not decided"),
    "PRV099": ("证明和解释不一致, 是 guanhu 的错", "proof and explanation disagree: a fault of guanhu"),
}
"""Every code with what it means, Chinese and English; `docs/reference/prove.md` lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding about a line, table, measure or decision.

    subjects  paths of what it is about; an `accept` of any of these with the code takes it
    clauses   every clause that has a part in it
    points    managers that show it; `line` is what to try at them
    aside     `line` stands for a formula of a ledger or an input, which nobody can try
    facts     other words that a program may read
    """

    code: str
    severity: str
    subjects: tuple[str, ...]
    clauses: tuple[str, ...]
    zh: str
    en: str
    line: str = ""
    points: tuple[Point, ...] = ()
    why: str = ""
    aside: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {
            "code": self.code,
            "severity": self.severity,
            "subjects": list(self.subjects),
            "clauses": list(self.clauses),
            "zh": self.zh,
            "en": self.en,
            "line": self.line,
            "shown_by": [point.given() for point in self.points],
            "accepted_because": self.why,
            **self.facts,
        }

    def text(self, lang: str, folder: str = "DIR") -> str:
        """Return the finding as printed: code, what it means, sentence with clauses, and what to try."""
        head = CODES[self.code][0 if lang == "zh" else 1]
        clauses = "、".join(self.clauses) if lang == "zh" else ", ".join(self.clauses)
        label = _SEVERITIES[self.severity][0 if lang == "zh" else 1]
        lines = [f"{self.code} [{label}] {head} [{clauses}]", f"  {self.zh if lang == 'zh' else self.en}"]
        if self.why:
            lines.append(f"  {'接受的理由' if lang == 'zh' else 'accepted because'}: {self.why}")
        lines += [
            f"  {'试算' if lang == 'zh' else 'try'}: {command(folder, self.line, point)}"
            for point in self.points
            if self.line and not self.aside
        ]
        return "\n".join(lines)


_SEVERITIES = {
    DEFECT: ("缺陷", "defect"),
    NOTICE: ("留意", "notice"),
    ACCEPTED: ("已知", "known"),
    OPEN: ("未判定", "undecided"),
    FACT: ("界限", "bound"),
    FAULT: ("程序错误", "fault"),
}


_IN_ENGLISH = {" 元/年": " yuan a year", " 元": " yuan", " 分": " points", " 天": " days"}


def english(text: str) -> str:
    """Return a sentence with the units after its numbers in English.

    >>> english("绩效 falls from 1200.5 元 to 800 元, 得分 is 90 分"), english("from 未知 to 3")
    ('绩效 falls from 1200.5 yuan to 800 yuan, 得分 is 90 points', 'from unknown to 3')
    """
    units = "|".join(map(re.escape, _IN_ENGLISH))
    told = re.sub(rf"(?<=\d)({units})", lambda found: _IN_ENGLISH[found[1]], text)
    return re.sub(r"(?<![^\s])未知(?![^\s,;])", "unknown", told)


def command(folder: str, line: str, point: Point) -> str:
    """Return the command that tries a point again.

    >>> command("DIR", "pay", Point("2025", {}))
    'guanhu rulebook try DIR --line pay period=2025'
    """
    parts = [f"{key}={value}" for key, value in point.given().items()]
    quoted = [f"'{part}'" if any(c in part for c in "()|,; ") else part for part in parts]
    return f"guanhu rulebook try {folder} --line {line} {' '.join(quoted)}"


def clauses_of(*found: str) -> tuple[str, ...]:
    """Return clauses in reading order, each once and none empty."""
    return tuple(dict.fromkeys(clause for clause in found if clause))


def worst(findings: Iterable[Finding]) -> bool:
    """Tell whether one of the findings is a defect, or a fault of guanhu."""
    return any(f.severity in (DEFECT, FAULT) for f in findings)
