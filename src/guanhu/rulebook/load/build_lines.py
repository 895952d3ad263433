"""Building lines, totals, checks and decisions."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.adding_up import AddingUp
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.build_small import group_of
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.formula import Raw
from guanhu.rulebook.load.kept_figure import kept_figure
from guanhu.rulebook.load.refusals import Silent, TypeProblem, each_of
from guanhu.rulebook.load.scope import LineScope
from guanhu.rulebook.load.spell_days import SpellDays
from guanhu.rulebook.load.text import Fields, Items, Text, Tree
from guanhu.rulebook.load.typing import Typer, as_number
from guanhu.rulebook.windows import Window, window_of
from guanhu.values import units
from guanhu.values.exact import decimal_of, shown
from guanhu.values.units import Unit, fits, unit_named

_VALUES = {"score": units.POINTS, "pay": units.MONEY, "value": None}
_KNOWN = (
    "who",
    "every",
    "over",
    "score",
    "pay",
    "value",
    "unit",
    "total",
    "cases",
    "most",
    "least",
    "weight",
    "for_days",
)
_DAY_COUNTS = {"actual/365": 365, "actual/360": 360}
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"[0-9]+(元|角|分|十|百|千|万|亿|天|日|个|户|笔|月|年)*")


_UNIT_HINTS = {
    units.MONEY_YEAR: (
        "金额乘年利率得到一年的金额: 加 for_days: actual/365",
        "money × annual rate is money per year: add for_days: actual/365",
    ),
    units.MONEY_DAY: (
        "金额乘天数是积数, 除以天数才是金额(÷ period_days); 除以 365、360 的, 给那个指标写 unit: money",
        "money × days is money when divided by days (/ period_days); for 365 give that measure unit: money",
    ),
}
"""What to do about a unit that a line does not have."""


class _LineBuilder:
    """Builds one line or total."""

    def __init__(self, builder: Builder, name: str) -> None:
        self.builder = builder
        self.name = name
        self.reader = builder.reader("lines", name, _KNOWN)
        self.every = builder.every_of(self.reader)
        self.group = group_of(builder, self.reader)
        self.typer = Typer(builder, LineScope(every=self.every, group=self.group, own=name))

    def build(self) -> t.Line:
        reader = self.reader
        if reader.has("total"):
            return self.total()
        role = next((key for key in _VALUES if reader.has(key)), "") or self.role_of_cases()
        wanted = self.wanted(role)
        value, *_ = each_of(
            lambda: self.value(role, wanted), *(partial(self.typed, key) for key in ("least", "most"))
        )
        if value is None:
            raise Silent(self.name)
        unit = wanted or value.unit
        for_days = self.for_days()
        if value.unit == units.MONEY_YEAR and for_days:
            unit = units.MONEY
        least, most = self.bound("least", unit), self.bound("most", unit)
        value, adds_up = self.by_days(as_number(value), unit)
        return t.Line(
            role=role,
            unit=unit,
            value=value,
            adds_up=adds_up,
            least=least,
            most=most,
            weight=self.weight(),
            for_days=for_days,
            **self.common(),
        )

    def by_days(self, value: t.Expr, unit: Unit) -> tuple[t.Expr, bool]:
        """Return a value in which what is no spell's own counts by days, and whether the spells add up to the whole.

        Money does, and so does a quantity of what each spell has for itself: cards sold, days attended. Without
        spells nothing is changed.
        """
        group = self.builder.groups[self.group]
        adds_up = AddingUp(self.builder)
        if not group.spells or group.subject != "person":
            return value, False
        days = SpellDays(self.builder.tables.get, adds_up, self.builder.by_own_days)
        if unit == units.MONEY:
            return days.marked(value), True
        if unit not in units.SCALARS or unit == units.POINTS or not adds_up(value):
            return value, False
        return days.quantity(value), True

    def common(self) -> dict[str, Any]:
        once = None
        if self.every == "once":
            once = window_of(self.reader.text("over"))
            if once is None or once.how != "own":
                self.reader.add(
                    "RUL044",
                    self.reader.place,
                    "every: once 要写 over: hired_on + 6 months 或 hired_on + 30 days 一类",
                    "every: once needs over: hired_on + 6 months, hired_on + 30 days or the like",
                )
                raise Silent(self.name)
        return {
            "group": self.group,
            "every": self.every,
            "once": once,
            **self.builder.common(self.reader, self.name, "lines"),
        }

    def role_of_cases(self) -> str:
        for item in self.case_items():
            if isinstance(item, Fields):
                for key in _VALUES:
                    if key in item.fields:
                        return key
        self.reader.add(
            "RUL063",
            self.reader.place,
            f"{self.reader.label} 要有 score(得分)、pay(计酬)、value(其他)、total(合计)或 cases(分情形)之一",
            f"{self.reader.label} needs one of score, pay, value, total, cases",
        )
        raise Silent(self.name)

    def wanted(self, role: str) -> Unit | None:
        if self.reader.has("unit"):
            found = unit_named(self.reader.text("unit"))
            if found is None:
                self.reader.add(
                    "RUL048",
                    self.reader.place_of("unit"),
                    f"不认识单位 {self.reader.text('unit')}",
                    f"{self.reader.text('unit')} is not a unit",
                )
            return found
        return _VALUES[role]

    def case_items(self) -> tuple[Tree, ...]:
        tree = self.reader.tree("cases")
        return tree.items if isinstance(tree, Items) else ()

    def value(self, role: str, wanted: Unit | None) -> t.Expr:
        if not self.reader.has("cases"):
            node = self.reader.formula(role)
            if node is None:
                raise Silent(self.name)
            return self.checked(self.typer.expr(node), wanted)
        makes: list[Callable[[], t.Case | t.Expr | None]] = []
        last: Callable[[], t.Expr | None] | None = None
        for item in self.case_items():
            inner = Reader(
                item,
                f"{self.reader.label} 的情形",
                ("when", "clause", "note", "otherwise", *_VALUES),
                self.builder.problems,
            )
            if inner.has("otherwise"):
                last = partial(self.otherwise, inner, wanted)
            else:
                makes.append(partial(self.case, inner, wanted))
        own = self.reader.formula(role) if self.reader.has(role) else None
        if own is not None and last is None:
            last = partial(self.numbered, own, wanted)
        if last is None:
            self.reader.add(
                "RUL064",
                self.reader.place_of("cases"),
                "cases 的最后要有 otherwise",
                "the last of the cases has to be otherwise",
                "写 - otherwise: 值, 或 unknown, 或 stop and list",
                "write - otherwise: a value, unknown, or stop and list",
            )
        made = each_of(*makes, last or (lambda: None))
        cases = [case for case in made[:-1] if isinstance(case, t.Case)]
        otherwise = made[-1] if not isinstance(made[-1], t.Case) else None
        unit = wanted or (cases[0].value.unit if cases else units.NUMBER)
        return t.Cases(
            cases=tuple(cases), otherwise=otherwise, unit=unit, place=self.reader.place_of("cases")
        )

    def case(self, inner: Reader, wanted: Unit | None) -> t.Case | None:
        when = inner.formula("when") if inner.has("when") else None
        key = next((k for k in _VALUES if inner.has(k)), "")
        node = inner.formula(key) if key else None
        if when is None or node is None:
            if not inner.has("when") or not key:
                inner.add(
                    "RUL013", inner.place, "每个情形要有 when 和一个值", "each case needs when and a value"
                )
            return None
        holds, value = each_of(
            lambda: self.typer.condition(when), lambda: self.checked(self.typer.expr(node), wanted)
        )
        return t.Case(when=holds, value=as_number(value), clause=inner.text("clause"), place=inner.place)

    def otherwise(self, inner: Reader, wanted: Unit | None) -> t.Expr | None:
        if inner.text("otherwise") in ("unknown", "stop and list"):
            return None
        node = inner.formula("otherwise")
        return self.numbered(node, wanted) if node is not None else None

    def numbered(self, node: Raw, wanted: Unit | None) -> t.Expr:
        return as_number(self.checked(self.typer.expr(node), wanted))

    def checked(self, expr: t.Expr, wanted: Unit | None) -> t.Expr:
        if wanted is None:
            return expr
        yearly = expr.unit == units.MONEY_YEAR and wanted == units.MONEY and self.reader.has("for_days")
        if not yearly and not fits(expr.unit, wanted):
            raise TypeProblem(
                "RUL031",
                expr.place,
                f"{self.reader.label} 应当是 {wanted}, 公式给出的是 {expr.unit}",
                f"{self.reader.label} is to be {wanted}; the formula gives {expr.unit}",
                *_UNIT_HINTS.get(
                    expr.unit, ("比率乘以分值才是分, 金额乘以比率才是金额", "a ratio times points is points")
                ),
            )
        return expr

    def for_days(self) -> int:
        text = self.reader.text("for_days")
        if text and text not in _DAY_COUNTS:
            self.reader.add(
                "RUL014",
                self.reader.place_of("for_days"),
                f"for_days 是 {text}, 应当是 actual/365 或 actual/360",
                f"for_days is {text}; it is to be actual/365 or actual/360",
            )
        return _DAY_COUNTS.get(text, 0)

    def typed(self, key: str) -> t.Expr | None:
        """Return the formula of a key, whatever its unit."""
        node = self.reader.formula(key) if self.reader.has(key) else None
        return self.typer.expr(node) if node is not None else None

    def bound(self, key: str, unit: Unit) -> t.Expr | None:
        if not self.reader.has(key):
            return None
        node = self.reader.formula(key)
        return as_number(self.typer.number(node, unit, key)) if node is not None else None

    def weight(self) -> Fraction | None:
        text = self.reader.text("weight")
        if not text:
            return None
        found = decimal_of(text)
        if self.reader.has("pay"):
            self.reader.add(
                "RUL014",
                self.reader.place_of("weight"),
                "计酬行没有权重, 把比例写进公式",
                "a pay line has no weight; write the ratio in the formula",
            )
        if found is None:
            self.reader.add(
                "RUL014",
                self.reader.place_of("weight"),
                f"权重 {text} 不是数",
                f"the weight {text} is not a number",
            )
        return found

    def weighted(self, ref: t.LineRef) -> t.Expr:
        """Return a term of a total: the line, times its weight where it has one."""
        line = self.builder.lines.get(ref.name)
        if line is None or line.weight is None:
            return ref
        weight = t.Const(value=line.weight, text=shown(line.weight), unit=units.NUMBER, place=line.place)
        return t.Product(left=ref, right=weight, unit=ref.unit, place=ref.place)

    def unlike(self, ref: t.LineRef, line: t.Line | None, unit: Unit) -> tuple[str, str, str, str]:
        """Return in what a term of a total differs from it, and what to do."""
        if ref.unit != unit:
            return (
                f"{ref.name} 的单位是 {ref.unit}, 合计的是 {unit}",
                f"{ref.name} is in {ref.unit}, the total in {unit}",
                "合计的各行单位要一样",
                "the lines of a total have one unit",
            )
        if line is not None and line.group != self.group:
            return (
                f"{ref.name} 算给 {line.group}, 合计算给 {self.group}",
                f"{ref.name} is for {line.group}, the total for {self.group}",
                "各组分别合计",
                "write a total for each group",
            )
        return (
            f"{ref.name} 按 {line.every if line else ''} 计算, 合计按 {self.every}",
            f"{ref.name} is of each {line.every if line else ''}, the total of each {self.every}",
            f"短的先汇总: value: sum of {ref.name} over its …s; 一次性的(once)另发, 不能合计",
            f"gather the shorter one: value: sum of {ref.name} over its …s; what is evaluated once stands alone",
        )

    def total(self) -> t.Line:
        names = self.reader.names("total")
        refs = each_of(*(partial(self.builder.line_ref, name, place) for name, place in names))
        if not refs:
            self.reader.missing("total")
            raise Silent(self.name)
        unit = refs[0].unit
        for ref in refs:
            line = self.builder.lines.get(ref.name)
            if ref.unit != unit or (
                line is not None and (line.group, line.every) != (self.group, self.every)
            ):
                raise TypeProblem(
                    "RUL065",
                    ref.place,
                    *self.unlike(ref, line, unit),
                )
        terms = tuple(self.weighted(ref) for ref in refs)
        value: t.Expr = t.Sum(terms=terms, unit=unit, place=self.reader.place_of("total"))
        value, adds_up = self.by_days(value, unit) if unit != units.MONEY else (value, True)
        return t.Line(
            role="total",
            unit=unit,
            value=value,
            adds_up=adds_up,
            least=self.bound("least", unit),
            most=self.bound("most", unit),
            terms=tuple(r.name for r in refs),
            **self.common(),
        )


def build_line(builder: Builder, name: str) -> t.Line:
    """Return the line or total `name`."""
    return _LineBuilder(builder, name).build()


def _conditional(
    builder: Builder, name: str, section: str, known: tuple[str, ...]
) -> tuple[Reader, str, str, t.Expr, Window | None]:
    reader = builder.reader(section, name, known)
    every = builder.every_of(reader)
    group = group_of(builder, reader)
    once = window_of(reader.text("over")) if every == "once" else None
    if every == "once" and (once is None or once.how != "own"):
        reader.add(
            "RUL044",
            reader.place,
            "every: once 要写 over: hired_on + 6 months 或 hired_on + 30 days 一类",
            "every: once needs over: hired_on + 6 months, hired_on + 30 days or the like",
        )
        raise Silent(name)
    node = reader.formula("when") if reader.has("when") else None
    if node is None:
        if not reader.has("when"):
            reader.missing("when")
        raise Silent(name)
    when = Typer(builder, LineScope(every=every, group=group, own=name)).condition(node)
    return reader, every, group, when, once


def build_check(builder: Builder, name: str) -> t.Line:
    """Return the check `name`: a line that pays nothing and lists those for whom `when` holds."""
    reader, every, group, when, once = _conditional(
        builder, name, "checks", ("who", "every", "over", "when", "says")
    )
    common = builder.common(reader, name, "checks")
    return t.Line(
        role="check",
        group=group,
        every=every,
        unit=units.YES_NO,
        value=when,
        text=reader.text("says"),
        once=once,
        **common,
    )


def build_decision(builder: Builder, name: str) -> t.Decision:
    """Return the decision `name`: `sets: {grade: down}` or `sets: {contract: 解除}`, or only `says`."""
    reader, every, group, when, once = _conditional(
        builder, name, "decisions", ("who", "every", "over", "when", "sets", "says", "in_force")
    )
    common = builder.common(reader, name, "decisions")
    state, becomes, step = _what_it_sets(builder, reader, group, every)
    in_force = reader.one_of("in_force", ("next period", "next month", "at once"), "next period")
    return t.Decision(
        group=group,
        every=every,
        when=when,
        state=state,
        becomes=becomes,
        step=step,
        in_force=in_force,
        text=reader.text("says"),
        once=once,
        **common,
    )


def _what_it_sets(builder: Builder, reader: Reader, group: str, every: str) -> tuple[str, t.Expr | None, int]:
    tree = reader.tree("sets")
    if tree is None:
        if not reader.has("says"):
            reader.add(
                "RUL066",
                reader.place,
                "决定要有 sets(改变什么状态)或 says(结论)",
                "a decision needs sets (what state changes) or says (the outcome)",
            )
        return "", None, 0
    if not isinstance(tree, Fields) or len(tree.fields) != 1:
        reader.add(
            "RUL066",
            tree.place,
            "sets 写成 {状态: 新值}",
            "write sets as {state: new value}",
            "例如 sets: {grade: down}",
            "such as sets: {grade: down}",
        )
        return "", None, 0
    ((state, (_, value)),) = tree.fields.items()
    text = value.text if isinstance(value, Text) else ""
    if text in ("up", "down"):
        if not any(s.of == state and s.ladder for s in builder.words.values()):
            reader.add(
                "RUL067",
                value.place,
                f"{state} 没有由低到高的阶梯",
                f"{state} has no ladder",
                f"在 words 里写 {{of: {state}, are: [低, …, 高], ladder: yes}}",
                f"under words write {{of: {state}, are: [low, …, high], ladder: yes}}",
            )
        return state, None, 1 if text == "up" else -1
    declared = {word for words in builder.words.values() if words.of == state for word in words.choices}
    if text.partition(".")[0] in builder.raw["tables"] and text not in declared:
        reader.add("RUL139", value.place, *_of_a_table(builder, state, text))
    elif declared:
        try:
            builder.check_word(state, text, value.place)
        except TypeProblem as error:
            builder.problems.append(error.problem)
    elif text in builder.raw["lines"]:
        return state, kept_figure(builder, reader, state, group, every), 0
    elif not _is_plain_word(builder, text):
        # Without a set of choices whatever stands here would be stored as a word, a formula too.
        seen = text or "…"
        reader.add(
            "RUL069",
            value.place,
            f"{state} 的新值 {seen} 不是一个词: 决定只能把状态改成一个选项",
            f"the new value {seen} of {state} is not a word: a decision sets a state to one of its choices",
            f"先在 words 里声明 名称: {{of: {state}, are: [甲, 乙, …]}}, 再写其中一个; 要存下一个数的, 先写成行, 再写行名; 上一期的数用 previous(行) 来读",
            f"declare name: {{of: {state}, are: [one, other, …]}} under words and write one of them; to keep a figure, make it a line and write the line's name; that of the instance before is previous(line)",
        )
    return state, t.WordConst(value=text, unit=units.choice(state), place=value.place), 0


def _of_a_table(builder: Builder, state: str, text: str) -> tuple[str, str, str, str]:
    """Return that a state does not become what a table gives, and how that is written."""
    word = next((s.choices[0] for s in builder.words.values() if s.of == state), "…")
    return (
        f"{state} 的新值 {text} 是一张表: 一项决定只改成一个选项",
        f"the new value {text} of {state} is a table: a decision sets a state to one choice",
        f"每个选项写一项决定, 条件写查表的结果: when: {text} = {word}, sets: {{{state}: {word}}}; 表里写 gives: {{级: {state}}}",
        f"write one decision for each choice and look it up in the condition: when: {text} = {word}, sets: {{{state}: {word}}}; the table says gives: {{level: {state}}}",
    )


def _is_plain_word(builder: Builder, text: str) -> bool:
    """Tell whether a text is one word that is neither a number nor the name of a figure.

    A decision may be called like what it sets (解除), and a check like a state.
    """
    figures = ("measures", "lines", "inputs", "tables", "ledgers")
    if not _WORD.fullmatch(text) or _NUMBER.fullmatch(text) or text in builder.library:
        return False
    return not any(text in builder.raw[section] for section in figures)
