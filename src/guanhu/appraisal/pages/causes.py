"""Why a figure is unknown, in words and with the bank's own names: the first cause, not the chain."""

from __future__ import annotations

from collections.abc import Mapping

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.print.sentence import attribute_name, state_name

_WHY = {
    "absent": "没有提供",
    "undefined": "没有定义(除数为 0, 或基数不大于 0)",
    "no row": "没有符合的行",
    "coverage": "没有导入所需日子的数据",
    "stop": "按规定不结算并列出",
    "past": "以前各期的数未知",
    "pool": "各人的总额不同, 有人的分配依据未知或为负, 或全组合计为 0",
}
_CHAIN_MAX = 50


def cause_text(rulebook: t.Rulebook, cause: str, why: str = "") -> str:
    """Return a kept cause in words.

    Shapes:   `cause` is a path (`inputs.price`, `lines.pay`) or a bare word (`undefined`).
    """
    section, _, name = cause.partition(".")
    reason = _WHY.get(why, "")
    base = name.partition(" over ")[0].partition("@")[0]
    match section:
        case "inputs" if base in rulebook.inputs:
            return f"参数“{rulebook.inputs[base].title}”{reason or _WHY['absent']}"
        case "measures" if base in rulebook.measures:
            return (
                f"指标“{rulebook.measures[base].title}”{reason or '的数据没有提供, 或其中用到的参数没有提供'}"
            )
        case "lines" if base in rulebook.lines or base in rulebook.decisions:
            return f"“{rulebook.titled(base)}”未知"
        case "past":
            return f"以前各期的“{rulebook.titled(base)}”未知"
        case "tables" if base in rulebook.tables:
            return f"表“{rulebook.tables[base].title}”{_WHY['no row']}"
        case "subject":
            return f"没有{attribute_name(base)}"
        case "state":
            return f"没有{state_name(base)}"
        case "group" if base in rulebook.groups:
            return f"“{rulebook.groups[base].title}”的人数不足, 不计名次和平均"
        case "pool" if base in rulebook.groups:
            return f"在“{rulebook.groups[base].title}”中不能分配: {_WHY['pool']}"
        case "otherwise":
            return _WHY["stop"]
        case _:
            return _WHY.get(cause, reason or "未知")


def first_cause(causes: Mapping[str, str], name: str) -> str:
    """Return the cause at the end of the chain: what is missing, not the lines between.

    >>> first_cause({"total": "lines.pay", "pay": "inputs.price"}, "total")
    'inputs.price'
    """
    cause = causes.get(name, "")
    for _ in range(_CHAIN_MAX):
        section, _, line = cause.partition(".")
        if section != "lines" or line == name or not causes.get(line):
            break
        cause = causes[line]
    return cause


def unknown_text(rulebook: t.Rulebook, unknown: Unknown) -> str:
    """Return why a traced figure is unknown."""
    return cause_text(rulebook, unknown.cause, unknown.why)
