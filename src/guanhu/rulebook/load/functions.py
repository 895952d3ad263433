"""All the functions there are in a formula: one small typing rule each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final

from guanhu.rulebook import tree as t
from guanhu.rulebook.load import formula as raw
from guanhu.rulebook.load.refusals import TypeProblem, each_of
from guanhu.rulebook.load.scope import LineScope
from guanhu.rulebook.load.typing import Typer, as_number, is_quotient, least_unit
from guanhu.values import units
from guanhu.values.exact import AVERAGE_PLACES
from guanhu.values.units import quotient_of, sum_of

Rule = Callable[[Typer, raw.Call], t.Expr]
_STEP_MODES = ("completed", "started", "proportional")
_PLACES_MAX = 12


def _arity(node: raw.Call, least: int, most: int = 99) -> None:
    if not least <= len(node.args) <= most:
        wanted = str(least) if least == most else f"{least}…{most}" if most < 99 else f"≥ {least}"
        raise TypeProblem(
            "RUL038",
            node.place,
            f"{node.name} 要 {wanted} 个参数, 这里有 {len(node.args)} 个",
            f"{node.name} takes {wanted} arguments; there are {len(node.args)}",
        )


def _typed(typer: Typer, args: Iterable[raw.Raw]) -> list[t.Expr]:
    """Return all arguments; what is wrong with each is told together."""
    return each_of(*(partial(typer.expr, arg) for arg in args))


def _numbers(typer: Typer, node: raw.Call) -> tuple[t.Expr, ...]:
    terms = tuple(map(as_number, _typed(typer, node.args)))
    for term in terms:
        typer.need_scalar(term)
    return terms


def _least(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 2)
    terms = _numbers(typer, node)
    kind = t.Least if node.name == "min" else t.Most
    return kind(terms=terms, unit=least_unit(terms, node.place), place=node.place)


def _abs(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 1, 1)
    (x,) = _numbers(typer, node)
    return t.Absolute(x=x, unit=x.unit, place=node.place)


def _round(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 2, 3)
    x = typer.expr(node.args[0])
    typer.need_scalar(x)
    places = node.args[1]
    if (
        not isinstance(places, raw.Num)
        or places.value.denominator != 1
        or not 0 <= places.value <= _PLACES_MAX
    ):
        raise TypeProblem(
            "RUL039",
            node.place,
            "round 的位数要是 0 到 12 的整数",
            "the places of round are a whole number from 0 to 12",
        )
    mode = node.args[2].text if len(node.args) > 2 and isinstance(node.args[2], raw.Name) else "half"
    if mode not in ("half", "up", "down"):
        raise TypeProblem(
            "RUL039",
            node.place,
            f"round 的方式是 half、up 或 down, 不是 {mode}",
            f"round goes half, up or down, not {mode}",
        )
    return t.Round(x=x, places=int(places.value), mode=mode, unit=x.unit, place=node.place)


def _steps(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 3, 3)
    x = typer.expr(node.args[0])
    size = typer.expr(node.args[1])
    how = node.args[2].text if isinstance(node.args[2], raw.Name) else ""
    if how not in _STEP_MODES:
        raise TypeProblem(
            "RUL039",
            node.args[2].place,
            "steps 的第三项要写 completed(满才算)、started(不足也算)或 proportional(按比例)",
            "the third part of steps is completed, started or proportional",
        )
    if not isinstance(size, t.Const) or size.value <= 0:
        raise TypeProblem(
            "RUL039",
            node.args[1].place,
            "steps 的步长要是正的常数",
            "the size of a step is a positive constant",
        )
    if sum_of(x.unit, size.unit) is None:
        raise TypeProblem(
            "RUL035",
            node.place,
            f"{x.unit} 不能按 {size.unit} 分步",
            f"{x.unit} cannot be stepped by {size.unit}",
        )
    if how == "proportional":
        x = as_number(x) if not is_quotient(x) else x
    return t.Steps(
        x=x,
        size=size.value,
        size_text=size.text,
        how=how,
        unit=units.NUMBER,
        place=node.place,
    )


def _growth(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 2, 2)
    now, before = _numbers(typer, node)
    unit = quotient_of(now.unit, before.unit)
    if unit is None or sum_of(now.unit, before.unit) is None:
        raise TypeProblem(
            "RUL035",
            node.place,
            f"{now.unit} 与 {before.unit} 不能求增长率",
            f"no growth from {before.unit} to {now.unit}",
        )
    change: t.Expr = t.Sum(
        terms=(now, t.Negative(x=before, unit=before.unit, place=before.place)),
        unit=now.unit,
        place=node.place,
    )
    return t.Quotient(dividend=change, divisor=before, positive=True, unit=units.RATIO, place=node.place)


def _completion(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 2, 2)
    done, target = _numbers(typer, node)
    if sum_of(done.unit, target.unit) is None:
        raise TypeProblem(
            "RUL035",
            node.place,
            f"{done.unit} 与 {target.unit} 不能求完成率",
            f"no completion of {target.unit} by {done.unit}",
        )
    return t.Quotient(dividend=done, divisor=target, positive=True, unit=units.RATIO, place=node.place)


def _share_of(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 3, 3)
    part, whole, fallback = _typed(typer, node.args)
    part, whole = as_number(part), as_number(whole)
    unit = quotient_of(part.unit, whole.unit)
    if unit is None:
        raise TypeProblem(
            "RUL035",
            node.place,
            f"{part.unit} ÷ {whole.unit} 没有意义",
            f"{part.unit} ÷ {whole.unit} has no meaning",
        )
    return t.Quotient(
        dividend=part, divisor=whole, undefined=as_number(fallback), unit=unit, place=node.place
    )


def _if(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 3, 3)
    when, value, otherwise = each_of(
        partial(typer.condition, node.args[0]), *(partial(typer.expr, arg) for arg in node.args[1:])
    )
    value, otherwise = as_number(value), as_number(otherwise)
    unit = least_unit((value, otherwise), node.place)
    case = t.Case(when=when, value=value, place=node.place)
    return t.Cases(cases=(case,), otherwise=otherwise, unit=unit, place=node.place)


def _interpolate(typer: Typer, node: raw.Call) -> t.Expr:
    """Return a value on the straight line between two written points; outside them it is that of the nearest.

    `interpolate(x, 80%, 60, 100%, 100)` is nothing but cases: 60 up to 80 %, then 60 + (x − 80%) / 20% × 40,
    and 100 from 100 % on.
    """
    points = [arg for arg in node.args[1:] if isinstance(arg, raw.Num)]
    pairs = list(zip(points[::2], points[1::2], strict=False))
    rising = all(before.value < after.value for (before, _), (after, _) in pairwise(pairs))
    if len(points) != len(node.args) - 1 or len(points) % 2 or len(pairs) < 2 or not rising:
        raise TypeProblem(
            "RUL039",
            node.place,
            "interpolate 后面成对写点: 先写从小到大的数, 再写这一点的值, 至少两点, 如 interpolate(完成率, 80%, 60, 100%, 100)",
            "interpolate takes pairs of numbers after x: rising points, each with its value, two at least, such as interpolate(done, 80%, 60, 100%, 100)",
        )
    x, place = node.args[0], node.place
    found: raw.Raw = pairs[-1][1]
    for (first, low), (last, high) in reversed(list(pairwise(pairs))):
        part = raw.Binary("/", raw.Binary("-", x, first, place), _between_points(first, last), place)
        risen = raw.Binary("*", part, _between_points(low, high), place)
        on_line = raw.Binary("+", low, risen, place)
        found = raw.Call("if", (raw.Binary("<", x, last, place), on_line, found), place)
    below = raw.Binary("<=", x, pairs[0][0], place)
    return _if(typer, raw.Call("if", (below, pairs[0][1], found), place))


def _between_points(first: raw.Num, last: raw.Num) -> raw.Num:
    """Return the distance between two numbers of the text."""
    distance = last.value - first.value
    text = f"{last.text} - {first.text}"
    return raw.Num(distance, last.unit or first.unit, f"({text})", last.place)


def _first_given(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 2)
    typed = _typed(typer, node.args)
    for x in typed[:-1]:
        _need_supplied(x)
    if typed[0].unit not in units.SCALARS and len({x.unit for x in typed}) == 1:
        return t.FirstGiven(terms=tuple(typed), unit=typed[0].unit, place=node.place)
    terms = _numbers(typer, node)
    return t.FirstGiven(terms=terms, unit=least_unit(terms, node.place), place=node.place)


def _given(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 1, 1)
    x = typer.expr(node.args[0])
    _need_supplied(x)
    return t.Given(x=x, unit=units.YES_NO, place=node.place)


def _need_supplied(x: t.Expr) -> None:
    if not isinstance(x, t.InputRef | t.MeasureRef | t.State | t.RowValue):
        raise TypeProblem(
            "RUL039",
            x.place,
            "只有参数、银行提供的指标值和明细的栏才有给与不给之分",
            "only inputs, supplied figures and columns of a row can be given or not",
            "行没有值时写 cases 或 divide",
            "for a line without a value write cases, or divide",
        )


def _count_true(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 1)
    terms = tuple(each_of(*(partial(typer.condition, arg) for arg in node.args)))
    return t.CountTrue(terms=terms, unit=units.COUNT, place=node.place)


def _line_name(node: raw.Call) -> str:
    first = node.args[0] if node.args else None
    if not isinstance(first, raw.Name):
        raise TypeProblem(
            "RUL039", node.place, f"{node.name} 里要写一行的名称", f"{node.name} takes the name of a line"
        )
    return first.text


def _previous(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 1, 2)
    line = typer.names.line_ref(_line_name(node), node.place, past=True)
    back = _back(node)
    otherwise = (
        as_number(typer.number(node.args[1], line.unit, "previous 的第二项")) if len(node.args) > 1 else None
    )
    return t.Previous(line=line.name, otherwise=otherwise, back=back, unit=line.unit, place=node.place)


def _back(node: raw.Call) -> int:
    """Return how many instances back: the one before, or as many as an option such as `4 back` says."""
    back = 1
    for option in node.options:
        match option.split():
            case [count, "back"] if count.isdigit() and 1 <= int(count) <= 120:
                back = int(count)
            case _:
                raise TypeProblem(
                    "RUL039",
                    node.place,
                    f"{node.name} 不认识选项 {option}",
                    f"{node.name} has no option {option}",
                    "往前第四期写 previous(行, 4 back)",
                    "four instances back is previous(line, 4 back)",
                )
    return back


def _streak(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 1, 1)
    line = typer.names.line_ref(_line_name(node), node.place, condition=True)
    return t.Streak(line=line.name, unit=units.COUNT, place=node.place)


def _times(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 2, 2)
    line = typer.names.line_ref(_line_name(node), node.place, condition=True)
    last = node.args[1]
    if not isinstance(last, raw.Num) or last.value.denominator != 1 or not 1 <= last.value <= 120:
        raise TypeProblem(
            "RUL039",
            node.place,
            "times 的第二项是 1 到 120 的期数",
            "the second part of times is a number of instances from 1 to 120",
        )
    return t.Times(line=line.name, last=int(last.value), unit=units.COUNT, place=node.place)


def _date_part(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 1, 1)
    x = typer.expr(node.args[0])
    _need_date(x)
    return t.DatePart(part=node.name, x=x, unit=units.NUMBER, place=node.place)


def _between(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 2, 2)
    first, last = _typed(typer, node.args)
    _need_date(first)
    _need_date(last)
    what = node.name.removesuffix("_between")
    return t.Between(
        what=what,
        first=first,
        last=last,
        unit=units.DAYS if what == "days" else units.COUNT,
        place=node.place,
    )


def _need_date(x: t.Expr) -> None:
    if x.unit != units.DATE:
        raise TypeProblem(
            "RUL039", x.place, f"这里要写日期, 给出的是 {x.unit}", f"a date is needed here; this is {x.unit}"
        )


_GROUP_HOW: Final = ("rank", "average", "highest", "lowest", "sum", "count", "share")


_NOT_OF_OTHERS = (
    t.Previous,
    t.OverInstances,
    t.Streak,
    t.Times,
    t.State,
    t.Group,
    t.Pool,
    t.LotFigure,
)
"""What is known of a subject itself only."""


def _group(typer: Typer, node: raw.Call) -> t.Expr:
    _arity(node, 1, 1)
    scope, by = _among(typer, node)
    options, below = _below(typer, node)
    on = next((x.removeprefix("at ") for x in options if x in ("at start", "at end")), "")
    self_in, least_size, lowest_first = _group_options(node, options)
    if below and node.name == "count" and not any(x.startswith("at least") for x in options):
        least_size = 0
    # What is gathered is a figure of the others: it is read in their group's scope, not in ours.
    others = Typer(typer.names, replace(scope, group=node.among, below=below))
    of = as_number(others.condition(node.args[0]) if node.name == "count" else others.expr(node.args[0]))
    _refuse_own(of, node)
    unit = {"rank": units.COUNT, "count": units.COUNT, "share": units.RATIO}.get(node.name, of.unit)
    common = {
        "among": node.among,
        "by": by,
        "self_in": self_in,
        "least_size": least_size,
        "lowest_first": lowest_first,
        "below": below,
        "on": on,
    }
    if node.name == "share":
        _need_own_group(node, scope)
        total = t.Group(how="sum", of=of, unit=of.unit, place=node.place, **common)  # type: ignore[arg-type]
        return t.Quotient(dividend=of, divisor=total, unit=units.RATIO, place=node.place)
    group: t.Expr = t.Group(how=node.name, of=of, unit=unit, place=node.place, **common)  # type: ignore[arg-type]
    if node.name == "average":
        return t.Settled(x=group, places=AVERAGE_PLACES, unit=unit, place=node.place)
    return group


def _pool(typer: Typer, node: raw.Call) -> t.Expr:
    """Return a part of an amount that the group shares out by a line, as the statement prints it."""
    _arity(node, 2, 2)
    scope, by = _among(typer, node)
    _need_own_group(node, scope)
    amount, of = as_number(typer.expr(node.args[0])), typer.expr(node.args[1])
    if amount.unit != units.MONEY or node.options:
        raise TypeProblem(
            "RUL039",
            node.place,
            f"pool 分的是一笔金额, 没有选项; 给出的是 {amount.unit}",
            f"pool shares out an amount of money and has no options; this is {amount.unit}",
            "写成 pool(总额, 行 among 组)",
            "write pool(amount, line among GROUP)",
        )
    if not isinstance(of, t.LineRef) or of.unit not in units.SCALARS:
        raise TypeProblem(
            "RUL039",
            of.place,
            "pool 按一行分: 每人一个数, 就是考核单上印的那个",
            "pool shares by a line: one figure a person, as the statement prints it",
            "把分配依据写成单独一行",
            "write what it is shared by as a line of its own",
        )
    _refuse_own(amount, node)
    return t.Pool(amount=amount, of=of, among=node.among, by=by, unit=units.MONEY, place=node.place)


def _whole(typer: Typer, node: raw.Call) -> t.Expr:
    """Return a line of one's own group as the whole instance has it: in a spell, what all spells come to."""
    _arity(node, 1, 1)
    of = typer.expr(node.args[0])
    if (
        not isinstance(of, t.LineRef)
        or of.unit not in units.SCALARS
        or not isinstance(typer.scope, LineScope)
    ):
        raise TypeProblem(
            "RUL141",
            node.place,
            "whole 里写一行的名称, 取它全期的数",
            "whole reads the figure that one line has over the whole instance",
            "把里面的公式写成单独一行, 再写 whole(那一行)",
            "write the formula as a line of its own, then whole(that line)",
        )
    return replace(of, whole=True)


_PARTED_BY: Final = {
    **{name: f"{name}_id" for name in ("institution", "team")},
    **{name: name for name in ("institution_id", "team_id", "post", "grade", "area", "level")},
    **{name: name for name in ("person_kind", "hired_on", "left_on")},
}
"""What a group may be parted by, as it is written → the attribute of its members."""


def _parts(node: raw.Call) -> tuple[str, ...]:
    """Return the attributes that part a group, or refuse what no member has."""
    for written in node.by:
        if written not in _PARTED_BY:
            known = [name for name in _PARTED_BY if not name.endswith("_id")]
            raise TypeProblem(
                "RUL140",
                node.place,
                f"不能按 {written} 分组",
                f"a group cannot be parted by {written}",
                f"可写: {'、'.join(known)}; 本人全期的数写 whole(行)",
                f"known: {', '.join(known)}; one's own figure of the whole period is whole(line)",
            )
    return tuple(_PARTED_BY[written] for written in node.by)


def _among(typer: Typer, node: raw.Call) -> tuple[LineScope, tuple[str, ...]]:
    """Return the scope of the line and the attributes that part the group, or refuse what names no group."""
    if not isinstance(typer.scope, LineScope):
        raise TypeProblem(
            "RUL039",
            node.place,
            f"{node.name} … among 只能写在行里",
            f"{node.name} … among belongs in a line",
        )
    if not node.among or not typer.names.group_exists(node.among):
        raise TypeProblem(
            "RUL039",
            node.place,
            f"{node.name} 要写明在谁之间: among 组名",
            f"{node.name} has to say among whom: among GROUP",
        )
    return typer.scope, _parts(node)


def _need_own_group(node: raw.Call, scope: LineScope) -> None:
    if node.among != scope.group:
        raise TypeProblem(
            "RUL039",
            node.place,
            f"{node.name} 要在自己的组里算",
            f"{node.name} belongs among one's own group",
        )


def _refuse_own(of: t.Expr, node: raw.Call) -> None:
    """Refuse to ask others for what is known of a subject itself only."""
    if any(isinstance(part, _NOT_OF_OTHERS) for part in t.walk(of)):
        raise TypeProblem(
            "RUL039",
            node.place,
            f"{node.name} … among 里不能读上一期、连续次数、状态或另一个 among",
            f"{node.name} … among cannot gather earlier figures, streaks, states or another among",
            "把它写成单独一行, 再汇总那一行",
            "write it as a line of its own, and gather that line",
        )


def _below(typer: Typer, node: raw.Call) -> tuple[tuple[str, ...], bool]:
    """Return the other options, and whether it is the institutions directly below that are asked."""
    options = tuple(option for option in node.options if option.split() != ["directly", "below"])
    if len(options) == len(node.options):
        return options, False
    scope = typer.scope
    groups = [node.among, scope.group] if isinstance(scope, LineScope) else []
    of_places = all(typer.names.subject_of(group) == "institution" for group in groups)
    unfit = node.by or node.name in ("rank", "share") or any(not x.startswith("at least") for x in options)
    if unfit or not of_places:
        raise TypeProblem(
            "RUL039",
            node.place,
            "directly below 只用于机构之间的 sum、average、highest、lowest、count, 不和 by、self out 连用",
            "directly below belongs to sum, average, highest, lowest and count among institutions, without by or self out",
            "写成 average(得分 among 机构, directly below)",
            "write average(score among PLACES, directly below)",
        )
    return options, True


def _group_options(node: raw.Call, options: tuple[str, ...]) -> tuple[bool, int, bool]:
    self_in, least_size, lowest_first = True, 1, False
    for option in options:
        match option.split():
            case ["self", "out"]:
                self_in = False
            case ["self", "in"]:
                self_in = True
            case ["at", "least", size] if size.isdigit():
                least_size = int(size)
            case ["at", "start" | "end"]:
                continue
            case ["lowest", "first"]:
                lowest_first = True
            case ["highest", "first"]:
                lowest_first = False
            case _:
                raise TypeProblem(
                    "RUL039",
                    node.place,
                    f"{node.name} 不认识选项 {option}",
                    f"{node.name} has no option {option}",
                    "可写: self out、at least 5、lowest first、at end、at start、directly below",
                    "options: self out, at least 5, lowest first, at end, at start, directly below",
                )
    return self_in, least_size, lowest_first


FUNCTIONS: Final[dict[str, Rule]] = {
    "min": _least,
    "max": _least,
    "abs": _abs,
    "round": _round,
    "steps": _steps,
    "growth": _growth,
    "completion": _completion,
    "divide": _share_of,
    "if": _if,
    "interpolate": _interpolate,
    "first_given": _first_given,
    "given": _given,
    "count_true": _count_true,
    "previous": _previous,
    "streak": _streak,
    "times": _times,
    "year": _date_part,
    "month": _date_part,
    "day": _date_part,
    "days_between": _between,
    "months_between": _between,
    **dict.fromkeys(_GROUP_HOW, _group),
    "pool": _pool,
    "whole": _whole,
}
"""Name → typing rule."""
