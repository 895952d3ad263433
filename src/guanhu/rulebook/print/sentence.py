"""Expressions as Chinese phrases: what a formula says, in the words of the regulation.

Every number, bound and choice of the tree occurs in its phrase; a reader with the phrase only could
write the formula again.
"""

from __future__ import annotations

from guanhu.rulebook import tree as t
from guanhu.rulebook.windows import Window

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
_SUBJECT = {
    "post": "岗位",
    "grade": "等级",
    "institution_id": "机构",
    "team_id": "团队",
    "area": "区域",
    "level": "机构层级",
    "person_kind": "人员类别",
    "hired_on": "入职日",
    "left_on": "离职日",
}
_INSTANCE = {
    "period_days": "本期天数",
    "spell_days": "在岗天数",
    "period_start": "期初日",
    "period_end": "期末日",
}
_TABLES = {
    "account": "账户",
    "customer": "客户",
    "loan": "贷款",
    "account_rates": "账户",
    "institution": "机构",
    "person": "经办人",
}
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

    def __init__(self, rulebook: t.Rulebook) -> None:
        """Take the rulebook whose names are used."""
        self.rulebook = rulebook

    def name(self, key: str) -> str:
        """Return the bank's name of a declaration."""
        book = self.rulebook
        base, _, window = key.partition(" over ")
        for store in (book.measures, book.lines, book.decisions, book.inputs, book.tables):
            found = store.get(base)
            if found is not None:
                return f"{found.title}({window_words(window)})" if window else str(found.title)
        return key

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
                return "是" if node.value else "否"
            case t.MeasureRef() | t.LineRef():
                return f"“{self.name(node.name)}”"
            case t.State():
                return state_name(node.name)
            case t.InputRef():
                keys = "、".join(self.say(key) for key in node.keys)
                return f"《{self.name(node.name)}》" + (f"(按{keys})" if keys else "")
            case t.RowValue(table="day"):
                return "当天合计"
            case t.RowValue():
                owner, column = _TABLES.get(node.table, ""), self.column(node)
                return column if column.startswith(owner) else owner + column
            case t.SubjectValue():
                return _SUBJECT.get(node.column, node.column)
            case t.InstanceValue():
                return _INSTANCE[node.name]
            case t.Negative():
                return f"负的{self.inner(node.x)}"
            case t.Sum():
                return self.sum(node)
            case t.Product():
                return self.product(node)
            case t.Quotient():
                return self.quotient(node)
            case t.Settled():
                return self.say(node.x)
            case t.ByDays():
                return f"{self.inner(node.x)}(按{_INSTANCE['spell_days']})"
            case t.Round():
                how = {"half": "四舍五入", "up": "进位", "down": "舍尾"}[node.mode]
                return f"{self.inner(node.x)}({how}到小数点后 {node.places} 位)"
            case t.Least():
                return f"{self.listed(node.terms)}中的较小者"
            case t.Most():
                return f"{self.listed(node.terms)}中的较大者"
            case t.Absolute():
                return f"{self.inner(node.x)}的绝对值"
            case t.Steps():
                return f"{self.inner(node.x)}每 {node.size_text} 计一步的步数({_STEPS[node.how]})"
            case t.Cases():
                return self.cases(node)
            case t.Lookup():
                return self.lookup(node)
            case t.Between():
                what = "天数" if node.what == "days" else "整月数"
                return f"从{self.say(node.first)}到{self.say(node.last)}的{what}"
            case t.DatePart():
                part = {"year": "年份", "month": "月份", "day": "日"}[node.part]
                return f"{self.inner(node.x)}的{part}"
            case t.Compare() | t.In() | t.And() | t.Or() | t.Not() | t.Given() | t.CountTrue():
                return self.condition(node)
            case _:
                return self.of_others_or_earlier(node)

    def of_others_or_earlier(self, node: t.Expr) -> str:
        """Return the phrase of a figure that comes from other instances, other subjects or what was supplied."""
        match node:
            case t.FirstGiven():
                return "、否则".join(self.inner(x) for x in node.terms) + "(取先有的)"
            case t.Balance():
                return f"账本“{self.rulebook.ledgers[node.ledger].title}”的期初余额"
            case t.LotFigure():
                return f"账本“{self.rulebook.lots[node.ledger].title}”{_LOTS[node.what]}"
            case t.OverInstances():
                return f"“{self.name(node.line)}”各{UNIT[node.every]}的{_HOW[node.how]}"
            case t.Previous():
                tail = f"(没有时取 {self.say(node.otherwise)})" if node.otherwise is not None else ""
                return f"{'上' if node.back == 1 else f'前第 {node.back} '}期“{self.name(node.line)}”{tail}"
            case t.Streak():
                return f"“{self.name(node.line)}”连续成立的期数"
            case t.Times():
                return f"最近 {node.last} 期中“{self.name(node.line)}”成立的期数"
            case t.Group():
                return self.group(node)
            case t.Pool():
                return self.pool(node)
            case _:
                raise TypeError(type(node).__name__)

    def condition(self, node: t.Expr) -> str:
        """Return the phrase of a condition."""
        match node:
            case t.Given():
                return f"已给出{self.inner(node.x)}"
            case t.Compare():
                return f"{self.inner(node.left, _SUM)}{_OPS[node.op]} {self.inner(node.right, _SUM)}"
            case t.In():
                return f"{self.say(node.x)}为{'或'.join(node.choices)}"
            case t.And():
                return ",且".join(self.inner(x, _CONDITION) for x in node.terms)
            case t.Or():
                return ",或".join(self.inner(x, _CONDITION) for x in node.terms)
            case t.Not(x=t.Given(x=x)):
                return f"未给出{self.inner(x)}"
            case t.Not():
                return f"并非({self.say(node.x)})"
            case t.CountTrue():
                return f"下列条件成立的个数: {self.listed(node.terms)}"
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
        return "、".join(self.inner(x) for x in terms)

    def column(self, node: t.RowValue) -> str:
        """Return the Chinese heading of a column."""
        for measure in self.rulebook.measures.values():
            if isinstance(measure, t.Measure):
                found = measure.kind.column(node.column) if not node.table else None
                if found is not None:
                    return found.zh
        from guanhu.kinds.catalogue import CATALOGUE  # noqa: PLC0415 - only for headings of joined kinds

        return next((c.zh for kind in CATALOGUE for c in kind.columns if c.name == node.column), node.column)

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
        none = "除数不大于 0 " if node.positive else "除数为 0 "
        tail = f"({none}时取 {self.say(node.undefined)})" if node.undefined is not None else ""
        dividend = node.dividend
        if (
            node.positive
            and isinstance(dividend, t.Sum)
            and len(dividend.terms) == 2
            and dividend.terms[1]
            == t.Negative(x=node.divisor, unit=node.divisor.unit, place=node.divisor.place)
        ):
            return f"{self.inner(dividend.terms[0])}比{self.inner(node.divisor)}的增长率{tail}"
        if node.positive:
            return f"{self.inner(dividend)}对{self.inner(node.divisor)}的完成率{tail}"
        return f"{self.inner(dividend, _PRODUCT)} ÷ {self.inner(node.divisor)}{tail}"

    def cases(self, node: t.Cases) -> str:
        """Return cases as a sentence."""
        parts = [f"{self.say(case.when)}的, 为 {self.say(case.value)}" for case in node.cases]
        last = self.say(node.otherwise) if node.otherwise is not None else "不结算并列出"
        return ";".join(parts) + f";其余为 {last}"

    def lookup(self, node: t.Lookup) -> str:
        """Return a look-up by its table's name and keys."""
        table = self.rulebook.tables[node.table]
        keys = "、".join(self.say(key) for key in node.keys)
        column = f"的{node.column}" if len(table.columns) > 1 else ""
        how = {"marginal": "分段累计", "per piece": "逐件分段累计"}.get(table.how, "查得")
        return f"按{keys}在《{table.title}》{how}{column}"

    def group(self, node: t.Group) -> str:
        """Return a figure of the others."""
        among = self.rulebook.groups[node.among].title
        by = "".join(f"同一{_SUBJECT.get(b, b)}的" for b in node.by)
        out = "(不含本人)" if not node.self_in else ""
        order = "(由低到高)" if node.lowest_first else ""
        size = f"(不足 {node.least_size} 人不计)" if node.least_size > 1 else ""
        below = "直接下级的" if node.below else ""
        on = {"": "", "start": "期初在册的", "end": "期末在册的"}[node.on]
        return f"{on}{below}{by}{among}的{self.inner(node.of)}{_GROUP[node.how]}{order}{out}{size}"

    def pool(self, node: t.Pool) -> str:
        """Return a part of an amount that a group shares out."""
        among = self.rulebook.groups[node.among].title
        by = "".join(f"同一{_SUBJECT.get(b, b)}的" for b in node.by)
        odd = "合计等于总额, 余下的分按余数从大到小补, 余数相同的编号小的先补"
        return f"{self.inner(node.amount)}在{by}{among}中按{self.say(node.of)}分得的一份({odd})"


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


def attribute_name(key: str) -> str:
    """Return the name of a key: an attribute of a subject, or a column of a row of fact.

    >>> attribute_name("grade"), attribute_name("account.rate_kind"), attribute_name("quantity")
    ('等级', '账户计息方式', 'quantity')
    """
    from guanhu.kinds.catalogue import CATALOGUE  # noqa: PLC0415 - only for headings

    table, _, column = key.rpartition(".")
    if not table and column in _SUBJECT:
        return _SUBJECT[column]
    heading = next((c.zh for kind in CATALOGUE for c in kind.columns if c.name == column), column)
    owner = _TABLES.get(table, "")
    return heading if heading.startswith(owner) else owner + heading


def state_name(state: str) -> str:
    """Return the name of what decisions set: an attribute of a person, or a state of the rulebook's own."""
    return _SUBJECT.get(state) or f"状态“{state}”"


def window_text(window: Window, *, base: bool) -> str:
    """Return a window as a phrase."""
    texts = {
        "period": "本期",
        "to date": "本年初至期末",
        "unit": f"所在{UNIT.get(window.unit, '')}至期末",
        "same period last year": "上年同期",
        "last": f"上{UNIT.get(window.unit, '')}",
        "previous period": "上一期",
        "rolling": f"最近 {window.months} 个月",
        "days": str(window.span),
        "since": f"{window.since} 起至期末",
        "own": f"{_SUBJECT.get(window.date_column, '')}起 "
        + (f"{window.days} 天" if window.days else f"{window.months} 个月"),
    }
    found = texts[window.how]
    return f"{found}(作为基数, 按本期的管户和比例归属)" if base else found


def window_words(words: str) -> str:
    """Return a window written in the language as a phrase."""
    from guanhu.rulebook.windows import window_of  # noqa: PLC0415 - only for inline windows

    base = words.startswith("base of ")
    window = window_of(words.removeprefix("base of "))
    return window_text(window, base=base) if window else words
