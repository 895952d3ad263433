"""What an input may be: `allowed: "[8%, 15%]"`, with numbers, or with formulas of its keys and other inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.formula import FormulaError, Num, Raw, Unary, parse_formula
from guanhu.rulebook.load.refusals import TypeProblem
from guanhu.rulebook.load.scope import KeyScope, LineScope
from guanhu.rulebook.load.text import Text
from guanhu.rulebook.load.typing import Typer, as_number
from guanhu.values.problem import Place
from guanhu.values.units import SCALARS, Unit

_WIDE = str.maketrans("（）［］【】，＜＞＝％", "()[][],<>=%")
_COMPARED = re.compile(r"(?P<op><=|>=|=|<|>|≤|≥)(?P<bound>.+)")
_OPEN_ENDS = ("", "∞", "+∞", "-∞")
_READS = (t.Const, t.SubjectValue, t.InputRef, t.Lookup)
_WORKS = (
    t.WordConst,
    t.Negative,
    t.Sum,
    t.Product,
    t.Quotient,
    t.Settled,
    t.Round,
    t.Least,
    t.Most,
    t.Absolute,
    t.Steps,
    t.Cases,
    t.Compare,
    t.In,
    t.And,
    t.Or,
    t.Not,
)
"""What a bound may be made of: nothing that belongs to one subject's figures."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A range: numbers of the text, or formulas; None on both sides of an end that is open."""

    low: Fraction | None = None
    high: Fraction | None = None
    low_in: bool = True
    high_in: bool = True
    least: t.Expr | None = None
    most: t.Expr | None = None


def allowed_of(
    builder: Builder, reader: Reader, unit: Unit, by: tuple[str, ...], *, by_person: bool
) -> Allowed:
    """Return what an input may be.

    Errors:   RUL049 not a range, RUL020 and RUL03x a formula that does not fit, RUL041 one that reads more than
              the keys, the bank's inputs and tables.
    """
    tree = reader.tree("allowed")
    if not isinstance(tree, Text):
        reader.text("allowed")
        return Allowed()
    if unit not in SCALARS:
        _refuse(reader, tree.place, f"{unit} 没有范围", f"{unit} has no range")
        return Allowed()
    written = _split(tree)
    if written is None:
        _refuse(reader, tree.place, f"{tree.text} 不是范围", f"{tree.text} is not a range")
        return Allowed()
    low_in, high_in = written[0] == "[", written[3] == "]"
    scope = LineScope() if by_person else KeyScope(reader.label, by)
    ends: list[tuple[Fraction | None, t.Expr | None]] = []
    for text, place in written[1:3]:
        node = None if text.strip() in _OPEN_ENDS else _parsed(reader, text, place)
        number = _number(node)
        ends.append((number, _typed(builder, scope, node, unit) if node and number is None else None))
    (low, least), (high, most) = ends
    if low is not None and high is not None and (low > high or (low == high and not (low_in and high_in))):
        _refuse(reader, tree.place, f"区间 {tree.text} 里没有数", f"no number lies in {tree.text}")
    return Allowed(low, high, low_in, high_in, least, most)


def _refuse(reader: Reader, place: Place, zh: str, en: str) -> None:
    reader.add(
        "RUL049",
        place,
        zh,
        en,
        '写成 "[8%, 15%]" 或 "[下限, 上限]"',
        'write "[8%, 15%]" or "[floor, ceiling]"',
    )


def _split(tree: Text) -> tuple[str, tuple[str, Place], tuple[str, Place], str] | None:
    """Return the opening bracket, both ends with their places, and the closing bracket."""
    text = tree.text.translate(_WIDE)

    def at(position: int) -> Place:
        place = tree.place
        return Place(place.file, place.line, place.column + position)

    nothing = ("", tree.place)
    if found := _COMPARED.fullmatch(text.strip()):
        end = (found["bound"], at(text.index(found["bound"])))
        closed = "[" if found["op"] in (">=", "≥", "=") else "("
        shut = "]" if found["op"] in ("<=", "≤", "=") else ")"
        low = end if found["op"] in (">=", "≥", ">", "=") else nothing
        high = end if found["op"] in ("<=", "≤", "<", "=") else nothing
        return closed, low, high, shut
    bare = text.strip()
    if len(bare) < 3 or bare[0] not in "[(" or bare[-1] not in "])":
        return None
    start = text.index(bare[0]) + 1
    depth, commas = 0, []
    for position in range(start, start + len(bare) - 2):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[position], 0)
        if text[position] == "," and depth == 0:
            commas.append(position)
    if len(commas) != 1:
        return None
    first, last = text[start : commas[0]], text[commas[0] + 1 : start + len(bare) - 2]
    return bare[0], (first, at(start)), (last, at(commas[0] + 1)), bare[-1]


def _parsed(reader: Reader, text: str, place: Place) -> Raw | None:
    try:
        return parse_formula(text, place)
    except FormulaError as error:
        p = error.problem
        reader.add(p.code, p.place, p.zh, p.en, p.hint_zh, p.hint_en)
        return None


def _number(node: Raw | None) -> Fraction | None:
    if isinstance(node, Num):
        return node.value
    return -node.x.value if isinstance(node, Unary) and node.op == "-" and isinstance(node.x, Num) else None


def _typed(builder: Builder, scope: KeyScope | LineScope, node: Raw, unit: Unit) -> t.Expr:
    """Return a bound as a figure of the input's unit that reads nothing of one subject's own."""
    bound = as_number(Typer(builder, scope).number(node, unit, "allowed"))
    for part in t.walk(bound):
        of_person = isinstance(part, t.InputRef) and builder.inputs[part.name].by_person
        if of_person or not isinstance(part, (*_READS, *_WORKS)):
            raise TypeProblem(
                "RUL041",
                part.place,
                "allowed 只能用自身的键、银行给的参数和表",
                "what is allowed reads only the input's own keys, the bank's inputs and tables",
                "和业绩有关的上限写在行里: min(参数, 绩效 * 10%)",
                "a limit of somebody's figures belongs in the line: min(input, pay * 10%)",
            )
    return bound
