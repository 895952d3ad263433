"""Raw formulas to typed expressions: names resolved, units checked, quotients settled.

`Typer.expr` is one case per raw node. What a name means comes from `Names`, which the builder
implements: it types measures, lines, inputs and tables on demand, so that the order of the text does
not matter and cycles are found.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from guanhu.rulebook import tree as t
from guanhu.rulebook.load import formula as raw
from guanhu.rulebook.load.refusals import TypeProblem, each_of
from guanhu.rulebook.load.scope import LineScope, RowScope, Scope
from guanhu.values import units
from guanhu.values.exact import QUOTIENT_PLACES
from guanhu.values.problem import Place
from guanhu.values.units import Unit, fits, is_choice, product_of, quotient_of, sum_of


class Names(Protocol):
    """What the builder knows about names."""

    def reference(self, name: str, scope: Scope, place: Place) -> t.Expr | None:
        """Return the expression that a declared name stands for here, or None when it is not declared."""

    def input_ref(
        self, name: str, keys: Sequence[t.Expr] | None, scope: Scope, place: Place
    ) -> t.Expr | None:
        """Return a reference to an input; keys None takes them from the scope."""

    def input_keys(self, name: str) -> Sequence[Unit] | None:
        """Return the units of an input's keys, or None when there is no such input."""

    def lookup(self, name: str, keys: Sequence[raw.Raw] | None, scope: Scope, place: Place) -> t.Expr | None:
        """Return a look-up in a table; keys None takes them from the scope."""

    def windowed(self, name: str, words: str, scope: Scope, place: Place) -> t.Expr:
        """Return a measure in another window."""

    def over_instances(self, how: str, name: str, words: str, scope: Scope, place: Place) -> t.Expr:
        """Return a shorter line gathered over its instances."""

    def line_ref(self, name: str, place: Place, *, condition: bool = False, past: bool = False) -> t.LineRef:
        """Return a reference to a line, total, check or decision."""

    def word_set(self, name: str) -> t.ChoiceSet | None:
        """Return a declared set of choices."""

    def check_word(self, of: str, word: str, place: Place) -> None:
        """Refuse a choice that no set of the attribute holds."""

    def all_names(self, scope: Scope) -> Iterable[str]:
        """Return the names usable here, for a suggestion."""

    def group_exists(self, name: str) -> bool:
        """Tell whether a group of subjects is declared."""

    def subject_of(self, group: str) -> str:
        """Return person, team, institution or bank; '' when there is no such group."""


def is_quotient(expr: t.Expr) -> bool:
    """Tell whether the value is carried as an exact pair (see the module docstring of `tree`)."""
    match expr:
        case t.Quotient():
            return True
        case t.MeasureRef(exact=exact):
            return exact
        case t.ByDays(of=of):
            return of.name == "own_days"
        case t.Negative(x=x):
            return is_quotient(x)
        case t.Sum(terms=terms):
            return any(is_quotient(x) for x in terms)
        case t.Product(left=left, right=right):
            return is_quotient(left) or is_quotient(right)
        case _:
            return False


def as_number(expr: t.Expr) -> t.Expr:
    """Return the expression settled at 12 places when it is a quotient."""
    if is_quotient(expr):
        return t.Settled(x=expr, places=QUOTIENT_PLACES, unit=expr.unit, place=expr.place)
    return expr


class Typer:
    """Types one formula in one scope."""

    def __init__(self, names: Names, scope: Scope) -> None:
        """Keep what names mean and where the formula stands."""
        self.names = names
        self.scope = scope

    # -- entry points --

    def number(self, node: raw.Raw, wanted: Unit, what: str) -> t.Expr:
        """Return a figure of the wanted unit (exact, possibly a quotient)."""
        expr = self.expr(node)
        if not fits(expr.unit, wanted):
            raise TypeProblem(
                "RUL031",
                expr.place,
                f"{what}应当是 {wanted}, 公式给出的是 {expr.unit}",
                f"{what} is to be {wanted}; the formula gives {expr.unit}",
                "检查每个量的单位;比率乘以分值才是分",
                "check the unit of each figure",
            )
        return replace(expr, unit=wanted)

    def condition(self, node: raw.Raw) -> t.Expr:
        """Return a yes/no expression."""
        expr = self.expr(node)
        if expr.unit != units.YES_NO:
            raise TypeProblem(
                "RUL032",
                expr.place,
                f"这里要写一个条件, 公式给出的是 {expr.unit}",
                f"a condition is needed here; the formula gives {expr.unit}",
                "加上比较, 例如 x >= 90",
                "add a comparison, such as x >= 90",
            )
        return expr

    # -- one case per raw node --

    def expr(self, node: raw.Raw) -> t.Expr:
        """Return the typed expression of a raw node."""
        match node:
            case raw.Num():
                unit = {"ratio": units.RATIO, "money": units.MONEY}.get(node.unit, units.NUMBER)
                return t.Const(value=node.value, text=node.text, unit=unit, place=node.place)
            case raw.Day():
                return t.DateConst(value=node.day, unit=units.DATE, place=node.place)
            case raw.Str():
                raise self.no_context(node.text, node.place)
            case raw.Name():
                return self.name(node)
            case raw.Call():
                return self.call(node)
            case raw.Unary(op="not"):
                return t.Not(x=self.condition(node.x), unit=units.YES_NO, place=node.place)
            case raw.Unary():
                x = self.expr(node.x)
                self.need_scalar(x)
                if isinstance(x, t.Const):
                    return t.Const(value=-x.value, text="-" + x.text, unit=x.unit, place=node.place)
                return t.Negative(x=x, unit=x.unit, place=node.place)
            case raw.Binary():
                return self.binary(node)
            case raw.Within():
                return self.within(node)
            case raw.Over():
                if node.how:
                    return self.names.over_instances(node.how, node.name, node.words, self.scope, node.place)
                return self.names.windowed(node.name, node.words, self.scope, node.place)

    def name(self, node: raw.Name) -> t.Expr:
        """Return what a bare name stands for, or refuse it with the nearest known one."""
        if node.text in ("yes", "no"):
            return t.YesNoConst(value=node.text == "yes", unit=units.YES_NO, place=node.place)
        found = self.names.reference(node.text, self.scope, node.place) or self.column(node)
        if found is None:
            near = difflib.get_close_matches(node.text, list(self.names.all_names(self.scope)), n=1)
            hint = (
                (f"是不是 {near[0]}?", f"did you mean {near[0]}?")
                if near
                else ("先声明它, 或检查拼写", "declare it first, or check the spelling")
            )
            raise TypeProblem(
                "RUL030", node.place, f"没有叫 {node.text} 的量", f"nothing is called {node.text}", *hint
            )
        return found

    def column(self, node: raw.Name) -> t.Expr | None:
        """Return a column of the row or subject, or None."""
        found = self.scope.column(node.text)
        if found is None:
            return None
        table, column, unit = found
        if table == "subject":
            return t.SubjectValue(column=column, unit=unit, place=node.place)
        if table == "instance":
            return t.InstanceValue(name=column, unit=unit, place=node.place)
        return t.RowValue(table=table, column=column, unit=unit, place=node.place)

    def no_context(self, word: str, place: Place) -> TypeProblem:
        """Return the refusal of a choice that stands beside no choice."""
        return TypeProblem(
            "RUL033",
            place,
            f"名称 {word} 只能和一个选项(如产品、等级)比较",
            f"the choice {word} can only be compared with a choice (such as product or grade)",
        )

    def word(self, node: raw.Raw, of: Unit) -> t.Expr | None:
        """Return the choice that a bare or quoted name means beside a choice, or None when it is a figure."""
        if isinstance(node, raw.Str):
            text = node.text
        elif isinstance(node, raw.Name) and self._is_word(node, of):
            # A product may have the name of a measure of it: beside a product the product is meant.
            text = node.text
        elif isinstance(node, raw.Name) and self.names.reference(node.text, self.scope, node.place) is None:
            if self.scope.column(node.text) is not None:
                return None
            text = node.text
        else:
            return None
        self.names.check_word(of.of, text, node.place)
        return t.WordConst(value=text, unit=of, place=node.place)

    def binary(self, node: raw.Binary) -> t.Expr:
        """Return arithmetic, a comparison, or a conjunction."""
        if node.op in ("and", "or"):
            left, right = each_of(lambda: self.condition(node.left), lambda: self.condition(node.right))
            kind = t.And if node.op == "and" else t.Or
            terms = (*(left.terms if isinstance(left, kind) else (left,)), right)
            return kind(terms=terms, unit=units.YES_NO, place=node.place)
        if node.op in ("+", "-", "*", "/"):
            left, right = each_of(lambda: self.expr(node.left), lambda: self.expr(node.right))
            self.need_scalar(left)
            self.need_scalar(right)
            return self.arithmetic(node, left, right)
        return self.compare(node)

    def need_scalar(self, x: t.Expr) -> None:
        """Refuse what cannot be added or multiplied."""
        if x.unit not in units.SCALARS:
            raise TypeProblem(
                "RUL034",
                x.place,
                f"{x.unit} 不能参加四则运算",
                f"{x.unit} cannot be added or multiplied",
                "条件写成 if(条件, 1, 0);日期用 days_between",
                "write if(condition, 1, 0); for dates use days_between",
            )

    def arithmetic(self, node: raw.Binary, left: t.Expr, right: t.Expr) -> t.Expr:
        """Return a sum, product or quotient whose units fit."""
        unit_rule = {"+": sum_of, "-": sum_of, "*": product_of, "/": quotient_of}[node.op]
        unit = unit_rule(left.unit, right.unit)
        if unit is None:
            raise TypeProblem(
                "RUL035",
                node.place,
                f"{left.unit} {node.op} {right.unit} 没有意义",
                f"{left.unit} {node.op} {right.unit} has no meaning",
                "检查两边各是金额、比率还是分",
                "check what each side is: money, ratio or points",
            )
        if node.op == "*":
            return self.product(left, right, unit, node.place)
        if node.op == "/":
            return self.divide(left, right, unit, node.place)
        if node.op == "-":
            right = (
                t.Const(value=-right.value, text=f"-{right.text}", unit=right.unit, place=right.place)
                if isinstance(right, t.Const)
                else t.Negative(x=right, unit=right.unit, place=right.place)
            )
        return self.add(left, right, unit, node.place)

    def add(self, left: t.Expr, right: t.Expr, unit: Unit, place: Place) -> t.Expr:
        """Return a sum; a quotient stays exact only beside constants."""
        # A quotient stays exact only beside constants: (n/d) + c is (n + c·d)/d.
        if not isinstance(right, t.Const):
            left = as_number(left)
        if not isinstance(left, t.Const):
            right = as_number(right)
        terms = (*(left.terms if isinstance(left, t.Sum) else (left,)), right)
        return t.Sum(terms=terms, unit=unit, place=place)

    def product(self, left: t.Expr, right: t.Expr, unit: Unit, place: Place) -> t.Expr:
        """Return a product; a quotient stays exact only beside a constant."""
        if isinstance(left, t.Const) and isinstance(right, t.Const):
            return t.Const(
                value=left.value * right.value, text=f"{left.text} × {right.text}", unit=unit, place=place
            )
        if not isinstance(right, t.Const):
            left = as_number(left)
        if not isinstance(left, t.Const):
            right = as_number(right)
        return t.Product(left=left, right=right, unit=unit, place=place)

    def divide(self, left: t.Expr, right: t.Expr, unit: Unit, place: Place) -> t.Expr:
        """Return a quotient; division by a constant is an exact product."""
        if isinstance(right, t.Const):
            if right.value == 0:
                raise TypeProblem(
                    "RUL036",
                    place,
                    "除数是 0",
                    "the divisor is 0",
                    "改成不为 0 的数; 要在除数为 0 时取某个值的, 用 cases",
                    "write another number; for a value where the divisor is 0 use cases",
                )
            inverse = t.Const(
                value=1 / right.value, text=f"1/{right.text}", unit=units.NUMBER, place=right.place
            )
            return self.product(left, inverse, unit, place)
        return t.Quotient(dividend=as_number(left), divisor=as_number(right), unit=unit, place=place)

    def compare(self, node: raw.Binary) -> t.Expr:
        """Return a comparison of two figures, dates or choices."""
        left, right = self.compare_sides(node)
        same_kind = left.unit == right.unit and (
            is_choice(left.unit) or left.unit in (units.DATE, units.YES_NO)
        )
        if is_choice(left.unit) and node.op not in ("=", "<>"):
            raise TypeProblem(
                "RUL037",
                node.place,
                f"选项不能用 {node.op} 比较",
                f"choices cannot be compared with {node.op}",
                "用 in (甲, 乙) 列出; 要比高低的, 写一张表 位次: {by: [grade], gives: {位: number}, …}, 再比 位次(甲) > 位次",
                "list them: in (a, b); to ask which is higher write a table place: {by: [grade], gives: {n: number}, …}, then place(a) > place",
            )
        if not same_kind and sum_of(left.unit, right.unit) is None:
            raise TypeProblem(
                "RUL035",
                node.place,
                f"{left.unit} 不能和 {right.unit} 比较",
                f"{left.unit} cannot be compared with {right.unit}",
                "检查两边各是金额、比率还是分",
                "check what each side is: money, ratio or points",
            )
        return t.Compare(op=node.op, left=left, right=right, unit=units.YES_NO, place=node.place)

    def _is_word(self, node: raw.Name, of: Unit) -> bool:
        try:
            self.names.check_word(of.of, node.text, node.place)
        except TypeProblem:
            return False
        return True

    def compare_sides(self, node: raw.Binary) -> tuple[t.Expr, t.Expr]:
        """Return both sides; a bare name beside a choice is a choice."""
        told: list[TypeProblem] = []
        for first, second, swapped in ((node.left, node.right, False), (node.right, node.left, True)):
            if isinstance(first, raw.Str | raw.Num | raw.Day):
                continue
            try:
                known = self.expr(first)
            except TypeProblem as error:
                told.append(error)
                if swapped:
                    # Of `curency = CNY` the word beside the unknown figure is no mistake.
                    raise told[0] from error
                continue
            other = self.word(second, known.unit) if is_choice(known.unit) else None
            other = other or self.expr(second)
            return (other, known) if swapped else (known, other)
        return self.expr(node.left), self.expr(node.right)

    def within(self, node: raw.Within) -> t.Expr:
        """Return membership in a list of choices."""
        x = self.expr(node.x)
        if not is_choice(x.unit):
            raise TypeProblem(
                "RUL033",
                node.place,
                f"in 的左边要是选项(如产品、等级), 这里是 {x.unit}",
                f"the left of `in` is to be a choice; it is {x.unit}",
                "数字写成 x >= a and x <= b",
                "for numbers write x >= a and x <= b",
            )
        choices: list[str] = []
        for item in node.items:
            if not isinstance(item, raw.Name | raw.Str):
                raise self.no_context("…", item.place)
            declared = self.names.word_set(item.text) if isinstance(item, raw.Name) else None
            if declared is not None:
                choices.extend(declared.choices)
            else:
                self.names.check_word(x.unit.of, item.text, item.place)
                choices.append(item.text)
        found = t.In(x=x, choices=tuple(dict.fromkeys(choices)), unit=units.YES_NO, place=node.place)
        return t.Not(x=found, unit=units.YES_NO, place=node.place) if node.negated else found

    def call(self, node: raw.Call) -> t.Expr:
        """Return a function, an input with keys, or a look-up."""
        from guanhu.rulebook.load.functions import FUNCTIONS  # noqa: PLC0415 - the two modules need each other

        function = FUNCTIONS.get(node.name)
        if function is not None:
            return function(self, node)
        keys = self.names.input_keys(node.name)
        if keys is not None:
            typed = tuple(self.key(arg, unit) for arg, unit in zip(node.args, keys, strict=False))
            if len(node.args) != len(keys):
                raise TypeProblem(
                    "RUL038",
                    node.place,
                    f"{node.name} 有 {len(keys)} 个键, 这里写了 {len(node.args)} 个",
                    f"{node.name} has {len(keys)} keys; {len(node.args)} are written here",
                )
            found = self.names.input_ref(node.name, typed, self.scope, node.place)
        else:
            found = self.names.lookup(node.name, node.args, self.scope, node.place)
        if found is None:
            near = difflib.get_close_matches(node.name, [*FUNCTIONS, *self.names.all_names(self.scope)], n=1)
            raise TypeProblem(
                "RUL030",
                node.place,
                f"没有叫 {node.name} 的函数、表或参数",
                f"no function, table or input is called {node.name}",
                f"是不是 {near[0]}?" if near else "",
                f"did you mean {near[0]}?" if near else "",
            )
        return found

    def key(self, node: raw.Raw, unit: Unit) -> t.Expr:
        """Return a key of a table or input: a choice as written, or an expression."""
        if is_choice(unit):
            word = self.word(node, unit)
            if word is not None:
                return word
        return self.expr(node)


def least_unit(terms: Sequence[t.Expr], place: Place) -> Unit:
    """Return the common unit of several figures, or refuse."""
    unit = terms[0].unit
    for term in terms[1:]:
        common = sum_of(unit, term.unit)
        if common is None:
            raise TypeProblem(
                "RUL035",
                place,
                f"{unit} 和 {term.unit} 不能放在一起",
                f"{unit} and {term.unit} do not go together",
            )
        unit = common
    return unit


__all__ = [
    "Fraction",
    "LineScope",
    "Names",
    "RowScope",
    "TypeProblem",
    "Typer",
    "as_number",
    "is_quotient",
    "least_unit",
]
