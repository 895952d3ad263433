"""Expressions as phrases: what a formula says, in the words of the regulation, Chinese or for an explanation English.

Every number, bound and choice of the tree occurs in its phrase; a reader with the phrase only could
write the formula again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from guanhu.rulebook import tree as t
from guanhu.rulebook.parts import parts_of
from guanhu.rulebook.print import english
from guanhu.rulebook.print.names import (
    SUBJECT,
    TABLES,
    attribute_name,
    joined_heading,
    state_name,
    title_of_choices,
)
from guanhu.rulebook.windows import Window
from guanhu.values.language import ZH, worded
from guanhu.values.problem import Place

EVERY = {
    "month": "每月",
    "quarter": "每季",
    "half": "每半年",
    "year": "每年",
    "campaign": "按活动期",
    "once": "一次性",
}
UNIT = {"month": "月", "quarter": "季", "half": "半年", "year": "年", "campaign": "期", "once": "期"}
_OPS = {"=": "等于", "<>": "不等于", "<": "低于", "<=": "不高于", ">": "高于", ">=": "不低于"}
_IS = {"=": "{left}为{right}", "<>": "{left}不是{right}"}
"""A choice is one of several: it is not less or more than another."""
_HOW = {
    "sum": "合计",
    "average": "平均",
    "highest": "最高",
    "lowest": "最低",
    "count": "次数",
    "last": "最后一个",
}
_GROUP = {
    "sum": "之和",
    "average": "平均",
    "highest": "最高值",
    "lowest": "最低值",
    "count": "人数",
    "rank": "名次",
}
_STEPS = {"completed": "不满一步不计", "started": "不满一步按一步计", "proportional": "不满一步按比例计"}
_INSTANCE = {
    "period_days": "本期天数",
    "spell_days": "在岗天数",
    "period_start": "期初日",
    "period_end": "期末日",
}
_ROUND = {"half": "四舍五入", "up": "进位", "down": "舍尾"}
_PART = {"year": "年份", "month": "月份", "day": "日"}
_ON = {"": "", "start": "期初在册的", "end": "期末在册的"}
_LOOKUP = {"marginal": "分段累计", "per piece": "逐件分段累计"}
_LOOKUP_EN = {"marginal": ", summed bracket by bracket", "per piece": ", summed piece by piece"}
_PRIMARY = (
    t.Const,
    t.MeasureRef,
    t.LineRef,
    t.InputRef,
    t.RowValue,
    t.SubjectValue,
    t.Lookup,
    t.WordConst,
    t.State,
    t.InstanceValue,
    t.OverInstances,
    t.Previous,
    t.Streak,
    t.Times,
    t.Group,
    t.Pool,
    t.LotFigure,
    t.ByDays,
)
_LOTS = {
    "waiting": "期初待付的",
    "paid": "期初已付的",
    "released": "本期支付的",
    "forfeited": "本期不再支付的",
    "clawed_back": "本期追回的",
    "recovered": "本期从已付中追回的",
}
# How tightly a phrase holds together; a part that holds less tightly than its place needs gets brackets.
_LOOSE, _CONDITION, _SUM, _QUOTIENT, _PRODUCT, _ONE = range(6)
ONE = _ONE
"""The tightness of a phrase that needs no brackets anywhere."""


class Speaker:
    """Says expressions of one rulebook."""

    def __init__(self, rulebook: t.Rulebook, lang: str = ZH) -> None:
        """Take the rulebook whose names are used, and the language of all other words."""
        self.rulebook, self.lang = rulebook, lang

    def put(self, zh: str, en: str, **parts: object) -> str:
        """Return a phrase in the speaker's language with its parts, already said, put in."""
        return worded(self.lang, zh, en, **parts)

    def word(self, key: str, zh: Mapping[str, str], en: Mapping[str, str]) -> str:
        """Return a word of one of two like dictionaries; the key itself when it is in neither."""
        return (zh if self.lang == ZH else en).get(key, key)

    def name(self, key: str) -> str:
        """Return the bank's name of a declaration."""
        book = self.rulebook
        base, _, window = key.partition(" over ")
        for store in (book.measures, book.lines, book.decisions, book.inputs, book.tables):
            found = store.get(base)
            if found is not None:
                if not window:
                    return str(found.title)
                words = window_words(window, self.lang)
                return self.put("{title}({words})", "{title} ({words})", title=found.title, words=words)
        return key

    def state(self, name: str) -> str:
        """Return the name of what decisions set."""
        return state_name(name, self.lang, self.rulebook)

    def key(self, key: str) -> str:
        """Return the name of what a table or an input goes by: an attribute, a column, a choice of the rulebook's own."""
        said = attribute_name(key)
        if said != key:
            return said
        column = key.rpartition(".")[2]
        columns = (kind.column(column) for kind in self.rulebook.events.values())
        titles = (x.zh for x in columns if x is not None)
        return next(titles, "") or title_of_choices(self.rulebook, key) or key

    def say(self, node: t.Expr) -> str:
        """Return the phrase of an expression."""
        match node:
            case t.Const():
                return number_text(node)
            case t.WordConst():
                return node.value
            case t.DateConst():
                return node.value.isoformat()
            case t.YesNoConst():
                return self.put("是", "yes") if node.value else self.put("否", "no")
            case t.LineRef(whole=True):
                return self.put("“{x}”(全期)", "“{x}” (whole period)", x=self.name(node.name))
            case t.MeasureRef() | t.LineRef():
                return f"“{self.name(node.name)}”"
            case t.State():
                return self.state(node.name)
            case t.InputRef():
                keys = self.joined(self.say(key) for key in node.keys)
                name = self.put("《{name}》", "“{name}”", name=self.name(node.name))
                return name + (self.put("(按{keys})", " (by {keys})", keys=keys) if keys else "")
            case t.RowValue(table="day"):
                return self.put("当天合计", "the day's total")
            case t.RowValue():
                return self.of_row(node)
            case t.SubjectValue():
                return self.word(node.column, SUBJECT, english.SUBJECT)
            case t.InstanceValue():
                return self.word(node.name, _INSTANCE, english.INSTANCE)
            case t.Negative():
                return self.put("负的{x}", "minus {x}", x=self.inner(node.x))
            case t.Sum():
                return self.sum(node)
            case t.Product():
                return self.product(node)
            case t.Quotient():
                return self.quotient(node)
            case t.Settled():
                return self.say(node.x)
            case t.ByDays():
                return self.put("{x}(按在岗天数)", "{x} (by days in the post)", x=self.inner(node.x))
            case t.Least():
                return self.put("{x}中的较小者", "the least of {x}", x=self.listed(node.terms))
            case t.Most():
                return self.put("{x}中的较大者", "the greatest of {x}", x=self.listed(node.terms))
            case t.Absolute():
                return self.put("{x}的绝对值", "the absolute value of {x}", x=self.inner(node.x))
            case t.Round() | t.Steps() | t.Between() | t.DatePart():
                return self.counted(node)
            case t.Cases():
                return self.cases(node)
            case t.Lookup():
                return self.lookup(node)
            case t.Compare() | t.In() | t.And() | t.Or() | t.Not() | t.Given() | t.CountTrue():
                return self.condition(node)
            case _:
                return self.of_others_or_earlier(node)

    def counted(self, node: t.Round | t.Steps | t.Between | t.DatePart) -> str:
        """Return the phrase of a rounding, of steps, and of what is counted of days."""
        match node:
            case t.Round():
                how = self.word(node.mode, _ROUND, english.ROUND)
                zh, en = "{x}({how}到小数点后 {places} 位)", "{x} ({how} to {places} decimal places)"
                if not node.places:
                    zh, en = "{x}({how}到整数)", "{x} ({how} to a whole number)"
                return self.put(zh, en, x=self.inner(node.x), how=how, places=node.places)
            case t.Steps():
                how = self.word(node.how, _STEPS, english.STEPS)
                zh, en = "{x}每 {size} 计一步的步数({how})", "steps of {size} in {x} ({how})"
                return self.put(zh, en, x=self.inner(node.x), size=node.size_text, how=how)
            case t.Between():
                what = self.put("天数", "days") if node.what == "days" else self.put("整月数", "whole months")
                first, last = self.say(node.first), self.say(node.last)
                zh, en = "从{first}到{last}的{what}", "{what} from {first} to {last}"
                return self.put(zh, en, first=first, last=last, what=what)
            case t.DatePart():
                part = self.word(node.part, _PART, english.PART)
                return self.put("{x}的{part}", "{part} of {x}", x=self.inner(node.x), part=part)

    def of_row(self, node: t.RowValue) -> str:
        """Return the name of a column with what it belongs to."""
        owner, column = self.word(node.table, TABLES, english.TABLES), self.column(node)
        if node.table not in TABLES or column.startswith(owner):
            return column
        return self.put("{owner}{column}", "{owner} {column}", owner=owner, column=column)

    def of_others_or_earlier(self, node: t.Expr) -> str:
        """Return the phrase of a figure that comes from other instances, other subjects or what was supplied."""
        match node:
            case t.FirstGiven():
                terms = self.put("、否则", ", else ").join(self.inner(x) for x in node.terms)
                return self.put("{x}(取先有的)", "{x} (the first that is given)", x=terms)
            case t.Balance():
                title = self.rulebook.ledgers[node.ledger].title
                return self.put("账本“{x}”的期初余额", "opening balance of ledger “{x}”", x=title)
            case t.LotFigure():
                what = self.word(node.what, _LOTS, english.LOTS)
                title = self.rulebook.lots[node.ledger].title
                return self.put("账本“{x}”{what}", "{what} ledger “{x}”", x=title, what=what)
            case t.OverInstances():
                how, unit = self.word(node.how, _HOW, english.HOW), self.word(node.every, UNIT, english.UNIT)
                zh, en = "“{x}”各{unit}的{how}", "{how} of “{x}” over its {unit}s"
                return self.put(zh, en, x=self.name(node.line), unit=unit, how=how)
            case t.Previous():
                return self.previous(node)
            case t.Streak():
                zh, en = "“{x}”连续成立的期数", "instances in a row in which “{x}” holds"
                return self.put(zh, en, x=self.name(node.line))
            case t.Times():
                zh = "最近 {last} 期中“{x}”成立的期数"
                en = "instances of the last {last} in which “{x}” holds"
                return self.put(zh, en, last=node.last, x=self.name(node.line))
            case t.Group():
                return self.group(node)
            case t.Pool():
                return self.pool(node)
            case _:
                raise TypeError(type(node).__name__)

    def previous(self, node: t.Previous) -> str:
        """Return the phrase of a line of an earlier instance."""
        back = (
            self.put("上", "the instance before")
            if node.back == 1
            else self.put("前第 {n} ", "{n} instances before", n=node.back)
        )
        text = self.put("{back}期“{x}”", "“{x}” of {back}", back=back, x=self.name(node.line))
        if node.otherwise is None:
            return text
        return text + self.put("(没有时取 {x})", " ({x} where there is none)", x=self.say(node.otherwise))

    def condition(self, node: t.Expr) -> str:
        """Return the phrase of a condition."""
        match node:
            case t.Given():
                return self.put("已给出{x}", "{x} is given", x=self.inner(node.x))
            case t.Compare():
                left, right = self.inner(node.left, _SUM), self.inner(node.right, _SUM)
                if isinstance(node.right, t.WordConst) and node.op in _IS:
                    zh, en = _IS[node.op], "{left} {op} {right}"
                    gap = " " if self.lang == ZH and right.isascii() else ""
                    return self.put(zh, en, left=left, op=english.OPS[node.op], right=gap + right)
                op = self.word(node.op, _OPS, english.OPS)
                return self.put("{left}{op} {right}", "{left} {op} {right}", left=left, op=op, right=right)
            case t.In():
                choices = self.put("或", " or ").join(node.choices)
                return self.put("{x}为{choices}", "{x} is {choices}", x=self.say(node.x), choices=choices)
            case t.And():
                return self.put(",且", ", and ").join(self.inner(x, _CONDITION) for x in node.terms)
            case t.Or():
                return self.put(",或", ", or ").join(self.inner(x, _CONDITION) for x in node.terms)
            case t.Not(x=t.Given(x=x)):
                return self.put("未给出{x}", "{x} is not given", x=self.inner(x))
            case t.Not():
                return self.put("并非({x})", "not ({x})", x=self.say(node.x))
            case t.CountTrue():
                zh, en = "下列条件成立的个数: {x}", "how many of these hold: {x}"
                return self.put(zh, en, x=self.listed(node.terms))
            case _:
                raise TypeError(type(node).__name__)

    def inner(self, node: t.Expr, needed: int = _ONE) -> str:
        """Return the phrase, in brackets when it holds together less tightly than its place needs."""
        if isinstance(node, t.Settled):
            return self.inner(node.x, needed)
        text = self.say(node)
        return text if _tightness(node) >= needed else f"({text})"

    def listed(self, terms: tuple[t.Expr, ...]) -> str:
        """Return phrases joined as a list."""
        return self.joined(self.inner(x) for x in terms)

    def joined(self, texts: Iterable[str]) -> str:
        """Return texts joined as a list."""
        return self.put("、", ", ").join(texts)

    def column(self, node: t.RowValue) -> str:
        """Return the Chinese heading of a column, or its name as English words."""
        if self.lang != ZH:
            return english.plain(node.column)
        if node.table:
            return joined_heading(node.table, node.column)
        return self._own_columns.get((node.place, node.column)) or joined_heading("", node.column)

    @cached_property
    def _own_columns(self) -> dict[tuple[Place, str], str]:
        """Return the headings of columns of the rows themselves, by where they are read.

        Kinds have columns of one name that mean another thing: the `product` of an account is a product,
        that of a loan a kind of loan.
        """
        found: dict[tuple[Place, str], str] = {}
        for measure in self.rulebook.measures.values():
            if not isinstance(measure, t.Measure):
                continue
            for part in parts_of(measure.all_formulas, self.rulebook.tables):
                column = (
                    measure.kind.column(part.column)
                    if isinstance(part, t.RowValue) and not part.table
                    else None
                )
                if column is not None:
                    found.setdefault((part.place, column.name), column.zh)
        return found

    def sum(self, node: t.Sum) -> str:
        """Return a sum, minus signs written as such."""
        first = node.terms[0]
        text = self.say(first) if isinstance(first, t.Negative) else self.inner(first, _QUOTIENT)
        for term in node.terms[1:]:
            if isinstance(term, t.Negative):
                text += f" − {self.inner(term.x, _QUOTIENT)}"
            elif isinstance(term, t.Const) and term.value < 0:
                text += f" − {number_text(term).removeprefix('-')}"
            else:
                text += f" + {self.inner(term, _QUOTIENT)}"
        return text

    def product(self, node: t.Product) -> str:
        """Return a product; division by a constant, which is kept as a product, as a division."""
        left = self.inner(node.left, _PRODUCT)
        if isinstance(node.right, t.Const) and node.right.text.startswith("1/"):
            return f"{left} ÷ {node.right.text.removeprefix('1/')}"
        return f"{left} × {self.inner(node.right, _PRODUCT)}"

    def quotient(self, node: t.Quotient) -> str:
        """Return a quotient; growth and completion by their own words."""
        none = self.put("除数不大于 0 ", "is not above 0") if node.positive else self.put("除数为 0 ", "is 0")
        tail = ""
        if node.undefined is not None:
            zh, en = "({none}时取 {x})", " ({x} where the divisor {none})"
            tail = self.put(zh, en, none=none, x=self.say(node.undefined))
        dividend, divisor = node.dividend, self.inner(node.divisor)
        if (
            node.positive
            and isinstance(dividend, t.Sum)
            and len(dividend.terms) == 2
            and isinstance(taken := dividend.terms[1], t.Negative)
            and _of_the_spell(taken.x) == node.divisor
        ):
            zh, en = "{x}比{y}的增长率{tail}", "growth of {x} over {y}{tail}"
            return self.put(
                zh, en, x=self.inner(dividend.terms[0]), y=self.inner(_unsettled(taken.x)), tail=tail
            )
        if node.positive:
            zh, en = "{x}对{y}的完成率{tail}", "completion of {x} against {y}{tail}"
            return self.put(zh, en, x=self.inner(dividend), y=divisor, tail=tail)
        return f"{self.inner(dividend, _PRODUCT)} ÷ {divisor}{tail}"

    def cases(self, node: t.Cases) -> str:
        """Return cases as a sentence."""
        zh, en = "{when}的, 为 {x}", "if {when}: {x}"
        parts = [self.put(zh, en, when=self.say(case.when), x=self.say(case.value)) for case in node.cases]
        last = (
            self.say(node.otherwise)
            if node.otherwise is not None
            else self.put("不结算并列出", "not settled, and listed")
        )
        between = self.put(";", "; ")
        return between.join(parts) + between + self.put("其余为 {x}", "else {x}", x=last)

    def lookup(self, node: t.Lookup) -> str:
        """Return a look-up by its table's name and keys."""
        table = self.rulebook.tables[node.table]
        keys = self.joined(self.say(key) for key in node.keys)
        column = self.put("的{x}", "{x} of ", x=node.column) if len(table.columns) > 1 else ""
        how = self.word(table.how, _LOOKUP, _LOOKUP_EN) if table.how in _LOOKUP else self.put("查得", "")
        zh, en = "按{keys}在《{title}》{how}{column}", "{column}table “{title}” by {keys}{how}"
        return self.put(zh, en, keys=keys, title=table.title, how=how, column=column)

    def group(self, node: t.Group) -> str:
        """Return a figure of the others."""
        among = self.rulebook.groups[node.among].title
        zh, en = "(不足 {n} 人不计)", " (not counted among fewer than {n})"
        return self.put(
            "{on}{below}{by}{among}的{of}{how}{order}{out}{size}",
            "{how} of {of} among {below}{among}{by}{on}{order}{out}{size}",
            on=self.word(node.on, _ON, english.ON),
            below=self.put("直接下级的", "those directly below, ") if node.below else "",
            by=self.alike(node.by),
            among=among,
            of=self.inner(node.of),
            how=self.word(node.how, _GROUP, english.GROUP),
            order=self.put("(由低到高)", " (the lowest first)") if node.lowest_first else "",
            out=self.put("(不含本人)", " (without the subject)") if not node.self_in else "",
            size=self.put(zh, en, n=node.least_size) if node.least_size > 1 else "",
        )

    def alike(self, keys: tuple[str, ...]) -> str:
        """Return what those of a group have in common."""
        words = (self.word(key, SUBJECT, english.SUBJECT) for key in keys)
        return "".join(self.put("同一{x}的", " of the same {x}", x=word) for word in words)

    def pool(self, node: t.Pool) -> str:
        """Return a part of an amount that a group shares out."""
        return self.put(
            "{amount}在{by}{among}中按{of}分得的一份(合计等于总额, 余下的分按余数从大到小补, 余数相同的编号小的先补)",
            "a part of {amount} shared among {among}{by} by {of} (the parts make the whole; odd fen go by largest remainder, ties to the smaller id)",
            amount=self.inner(node.amount),
            by=self.alike(node.by),
            among=self.rulebook.groups[node.among].title,
            of=self.say(node.of),
        )


def _tightness(node: t.Expr) -> int:
    match node:
        case t.Settled():
            return _tightness(node.x)
        case t.Product():
            return _PRODUCT
        case t.Quotient() if not node.positive and node.undefined is None:
            return _QUOTIENT
        case t.Sum() | t.Quotient():
            return _SUM
        case t.Compare() | t.In() | t.Not():
            return _CONDITION
        case _:
            return _ONE if isinstance(node, _PRIMARY) else _LOOSE


def number_text(node: t.Const) -> str:
    """Return a number as the text writes it; of numbers that were put together, their arithmetic.

    >>> from fractions import Fraction
    >>> from guanhu.values.units import NUMBER
    >>> number_text(t.Const(value=Fraction(2), text="60 × 1/30", unit=NUMBER, place=t.Place("")))
    '60 ÷ 30'
    """
    text = node.text.replace(" × 1/", " ÷ ")
    return f"1 ÷ {text.removeprefix('1/')}" if text.startswith("1/") else text


def window_text(window: Window, *, base: bool, at_end: bool = False, lang: str = ZH) -> str:
    """Return a window as a phrase; of a base what counts at the end is credited by the books of one day."""
    unit = (UNIT if lang == ZH else english.UNIT).get(window.unit, "")
    column = (SUBJECT if lang == ZH else english.SUBJECT).get(window.date_column, "")
    length = (
        worded(lang, "{n} 天", "{n} days", n=window.days)
        if window.days
        else worded(lang, "{n} 个月", "{n} months", n=window.months)
    )
    texts = {
        "period": ("本期", "the period"),
        "to date": ("本年初至期末", "the year to date"),
        "unit": ("所在{unit}至期末", "its {unit} to date"),
        "same period last year": ("上年同期", "the same period last year"),
        "last": ("上{unit}", "the {unit} before"),
        "last end": ("上{unit}末那一天", "the last day of the {unit} before"),
        "previous period": ("上一期", "the period before"),
        "rolling": ("最近 {months} 个月", "the last {months} months"),
        "days": ("{span}", "{span}"),
        "since": ("{since} 起至期末", "since {since}"),
        "own": ("{column}起 {length}", "{length} from the {column}"),
    }
    found = worded(
        lang,
        *texts[window.how],
        unit=unit,
        months=window.months,
        span=window.span,
        since=window.since,
        column=column,
        length=length,
    )
    if not base:
        return found
    if at_end:
        zh = "{x}(作为基数, 按本期末那一天的管户和比例归属)"
        return worded(
            lang, zh, "{x} (as base, credited by the books and shares of the period's last day)", x=found
        )
    zh = "{x}(作为基数, 按本期的管户和比例归属)"
    return worded(lang, zh, "{x} (as base, credited by the books and shares of the period)", x=found)


def _unsettled(node: t.Expr) -> t.Expr:
    return node.x if isinstance(node, t.Settled) else node


def _of_the_spell(node: t.Expr) -> t.Expr:
    """Return a base as the text has it, where the days of a spell were put to it."""
    inner = _unsettled(node)
    return _unsettled(inner.x) if isinstance(inner, t.ByDays) else node


def window_words(words: str, lang: str = ZH) -> str:
    """Return a window written in the language as a phrase."""
    from guanhu.rulebook.windows import OWN_DAYS, window_of  # noqa: PLC0415 - only for inline windows

    own, _, days = words.rpartition(OWN_DAYS)
    if not days and words.endswith(OWN_DAYS):
        in_spell = worded(lang, "非本段的数按在岗天数", "what is not of the spell by days in the post")
        before = window_words(own.removesuffix(" over "), lang) if own else ""
        return worded(lang, "{x}; {y}", "{x}; {y}", x=before, y=in_spell) if before else in_spell
    base = words.startswith("base of ")
    window = window_of(words.removeprefix("base of "))
    return window_text(window, base=base, lang=lang) if window else words
