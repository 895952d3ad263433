"""Why a figure is unknown, in words and with the bank's own names: the first cause, not the chain."""

from __future__ import annotations

from collections.abc import Mapping

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.print.english import SUBJECT
from guanhu.rulebook.print.names import attribute_name, missing_name, state_name, title_of_choices
from guanhu.values.language import ZH, worded

_WHY = {
    "absent": ("没有提供", "is not supplied"),
    "undefined": (
        "没有定义(除数为 0, 或基数不大于 0)",
        "is not defined (the divisor is 0, or the base not above 0)",
    ),
    "no row": ("没有符合的行", "has no row for it"),
    "coverage": (
        "没有导入所需日子的数据, 或有行被拒收",
        "lacks facts of the days it needs, or rows of them were refused",
    ),
    "stop": ("按规定不结算并列出", "is not settled and listed, as the rule says"),
    "past": ("以前各期的数未知", "is not known of earlier instances"),
    "pool": (
        "各人的总额不同, 有人的分配依据未知或为负, 或全组合计为 0",
        "the amounts differ, what it is shared by is unknown or negative for somebody, or all of it together is 0",
    ),
}
_CHAIN_MAX = 50


def cause_text(rulebook: t.Rulebook, cause: str, why: str = "", lang: str = ZH) -> str:
    """Return a kept cause in words.

    Shapes:   `cause` is a path (`inputs.price`, `lines.pay`) or a bare word (`undefined`).
    """
    section, _, name = cause.partition(".")
    base = name.partition(" over ")[0].partition("@")[0]
    reason = _why(why, lang)
    match section:
        case "inputs" if base in rulebook.inputs:
            title, reason = rulebook.inputs[base].title, reason or _why("absent", lang)
            return worded(lang, "参数“{x}”{why}", "the input “{x}” {why}", x=title, why=reason)
        case "measures" if base in rulebook.measures:
            zh, en = "的数据没有提供, 或其中用到的参数没有提供", "lacks facts, or an input that it reads"
            title, reason = rulebook.measures[base].title, reason or worded(lang, zh, en)
            return worded(lang, "指标“{x}”{why}", "the measure “{x}” {why}", x=title, why=reason)
        case "lines" if base in rulebook.lines or base in rulebook.decisions:
            return worded(lang, "“{x}”未知", "“{x}” is unknown", x=rulebook.titled(base))
        case "past":
            zh, en = "以前各期的“{x}”未知", "“{x}” of earlier instances is unknown"
            return worded(lang, zh, en, x=rulebook.titled(base))
        case "tables" if base in rulebook.tables:
            title = rulebook.tables[base].title
            return worded(lang, "表“{x}”{why}", "the table “{x}” {why}", x=title, why=_why("no row", lang))
        case "subject":
            named = attribute_name(base) if lang == ZH else SUBJECT.get(base, base)
            return worded(lang, "没有{x}", "there is no {x}", x=named)
        case "state":
            titled = rulebook if title_of_choices(rulebook, base) else None
            return worded(lang, "没有{x}", "there is no {x}", x=state_name(base, lang, titled))
        case _ if missing_name(cause, lang):
            zh, en = "{x}没有提供", "{x} was not supplied"
            return worded(lang, zh, en, x=missing_name(cause, lang))
        case "group" if base in rulebook.groups:
            zh, en = "“{x}”的人数不足, 不计名次和平均", "too few in “{x}” for a rank or an average"
            return worded(lang, zh, en, x=rulebook.groups[base].title)
        case "members" if base in rulebook.groups:
            zh, en = "“{x}”中有人未结清, 或人数不足", "somebody in “{x}” is not settled, or they are too few"
            return worded(lang, zh, en, x=rulebook.groups[base].title)
        case "pool" if base in rulebook.groups:
            zh, en = "在“{x}”中不能分配: {why}", "it cannot be shared out in “{x}”: {why}"
            return worded(lang, zh, en, x=rulebook.groups[base].title, why=_why("pool", lang))
        case "facts":
            return worded(lang, "没有导入全期的岗位表", "it is not known who held which post on all days")
        case "otherwise":
            return _bare("stop", lang)
        case _:
            return _bare(cause, lang) or reason or worded(lang, "未知", "unknown")


def _why(why: str, lang: str) -> str:
    return worded(lang, *_WHY[why]) if why in _WHY else ""


def _bare(why: str, lang: str) -> str:
    """Return a reason that stands alone: in English a figure is its subject."""
    reason = _why(why, lang)
    return worded(lang, "{x}", "a figure {x}", x=reason) if reason else ""


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
