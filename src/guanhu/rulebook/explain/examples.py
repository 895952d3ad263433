"""Worked examples: figures in, the value of one line out, compared exactly.

Examples:
      - name: 增长恰好三成
        clause: 第十三条
        line: deposit_points
        given: {deposits: 1300万元, deposits_before: 1000万元, grade: 高级, "price(高级)": 4‰}
        says: 增长率 30%, 不加不减, 得 40 分
        gives: 40

`given` may name measures, inputs (with or without keys), subject attributes, lines, `previous(line)`,
`streak(check)`, `times(check, n)`, `sum of line over its months`, states, and `period`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.subject import settled
from guanhu.rulebook.explain.values import LineNote, Traced, Unknown, Value
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.load.formula import FormulaError, Num, Unary, parse_formula
from guanhu.rulebook.load.text import Fields, Items, Text, Tree, load_text
from guanhu.values import units
from guanhu.values.dates import Span, date_of, period_of
from guanhu.values.exact import shown
from guanhu.values.problem import Place, Problem
from guanhu.values.units import Unit

EXAMPLES = "examples.yaml"
_KEYS = ("name", "clause", "line", "given", "says", "gives", "note")


@dataclass(frozen=True, slots=True)
class Tried:
    """One example as tried."""

    name: str
    clause: str
    line: str
    says: str
    wanted: str
    found: str
    holds: bool
    place: Place


def run_examples(folder: Path, readings: Mapping[str, str] | None = None) -> list[Problem]:
    """Return what is wrong with a rulebook's worked examples; an empty list means that all hold.

    Errors:   RUL080 an example gives another value, RUL081 it cannot be evaluated, and the loader's own.
    """
    rulebook, problems = load(folder, readings)
    if rulebook is None:
        return problems
    tried, wrong = tried_examples(rulebook, folder)
    for example in tried:
        if not example.holds:
            wrong.append(
                Problem(
                    "RUL080",
                    example.place,
                    f"例子“{example.name}”应得 {example.wanted}, 算出 {example.found}",
                    f"example {example.name} is to give {example.wanted}; it gives {example.found}",
                    "核对条款和例子里的算式",
                    "check the clause against the arithmetic of the example",
                    clause=example.clause,
                )
            )
    return wrong


def tried_examples(rulebook: t.Rulebook, folder: Path) -> tuple[list[Tried], list[Problem]]:
    """Return every worked example of a folder with what it gives, and the problems of the file itself."""
    problems: list[Problem] = []
    path = folder / EXAMPLES
    if not path.is_file():
        return [], problems
    tree = load_text(path, EXAMPLES, problems)
    found: list[Tried] = []
    items = tree.get("examples") if isinstance(tree, Fields) else None
    if tree is not None and not isinstance(items, Items):
        problems.append(
            Problem(
                "RUL010",
                tree.place,
                "examples.yaml 应当是 examples: 下的一个列表",
                "examples.yaml is to be a list under examples:",
            )
        )
    for item in items.items if isinstance(items, Items) else ():
        reader = Reader(item, "examples", _KEYS, problems)
        line, wanted = reader.required("line"), reader.required("gives")
        try:
            value = try_line(rulebook, line, given_of(reader.tree("given")))
            holds = matches(value.value, wanted, unit_of(rulebook, line), reader.place)
        except (GivenProblem, FormulaError) as error:
            reader.add(
                "RUL081",
                reader.place,
                f"例子“{reader.text('name')}”算不出来: {error}",
                f"example {reader.text('name')} cannot be evaluated: {error}",
            )
            continue
        found.append(
            Tried(
                reader.text("name"),
                reader.text("clause"),
                line,
                reader.text("says"),
                wanted,
                value_shown(value.value),
                holds,
                reader.place,
            )
        )
    return found, problems


class GivenProblem(Exception):
    """A figure that an example needs and does not give, or gives in a form that cannot be read."""


def given_of(tree: Tree | None) -> dict[str, str]:
    """Return the `given` of an example."""
    return (
        {key: value.text for key, value in tree if isinstance(value, Text)}
        if isinstance(tree, Fields)
        else {}
    )


def try_line(rulebook: t.Rulebook, line: str, given: Mapping[str, str]) -> Traced:
    """Return the value of a line, check or decision for given figures, with its trace.

    Errors:   GivenProblem when a figure is needed that is not given.
    """
    return _Given(rulebook, given).line(line)


def unit_of(rulebook: t.Rulebook, line: str) -> Unit:
    """Return the unit of a line; a decision is yes or no."""
    found = rulebook.lines.get(line)
    return found.unit if found is not None else units.YES_NO


def value_shown(value: Value) -> str:
    """Return a value as people write it."""
    if isinstance(value, Unknown):
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(value) if isinstance(value, Fraction) else str(value)


def matches(value: Value, wanted: str, unit: Unit, place: Place) -> bool:
    """Tell whether a value is what an example says."""
    if isinstance(value, Unknown) or wanted == "unknown":
        return isinstance(value, Unknown) and wanted == "unknown"
    parsed = parsed_value(wanted, unit, place)
    return value == parsed


def parsed_value(text: str, unit: Unit, place: Place) -> Value:
    """Return the value that text gives in a unit; `unknown` is unknown."""
    words = text.strip()
    if words in ("unknown", "未知"):
        return Unknown("given", "absent")
    if unit == units.YES_NO:
        return {"yes": True, "是": True, "no": False, "否": False}.get(words, Unknown("given", "absent"))
    if unit == units.DATE:
        return date_of(words) or Unknown("given", "absent")
    if units.is_choice(unit):
        return words
    node = parse_formula(words, place)
    if isinstance(node, Num):
        return node.value
    if isinstance(node, Unary) and isinstance(node.x, Num):
        return -node.x.value
    raise GivenProblem(f"{text} 不是数 (is not a number)")


class _Given:
    """Leaves that come from what is given; lines that are not given are evaluated."""

    def __init__(self, rulebook: t.Rulebook, given: Mapping[str, str]) -> None:
        self.rulebook = rulebook
        self.given = {re.sub(r"\s+", "", key): value for key, value in given.items()}
        period = period_of(given.get("period", "2025"))
        if period is None:
            raise GivenProblem(f"period {given.get('period')}")
        self.days: Span = period
        self.cache: dict[str, Traced] = {}

    def line(self, name: str) -> Traced:
        if name in self.cache:
            return self.cache[name]
        line = self.rulebook.lines.get(name)
        if line is None:
            decision = self.rulebook.decisions.get(name)
            if decision is None:
                raise GivenProblem(f"没有叫 {name} 的行 (no line {name})")
            return evaluate(decision.when, self)
        formula = evaluate(line.value, self)
        value: Value = formula.value
        bound = ""
        for node, what in ((line.least, "least"), (line.most, "most")):
            if node is None or not isinstance(value, Fraction):
                continue
            limit = evaluate(node, self).value
            if isinstance(limit, Unknown):
                value = limit
            elif isinstance(limit, Fraction) and (
                (what == "least" and value < limit) or (what == "most" and value > limit)
            ):
                value, bound = limit, what
        if isinstance(value, Fraction):
            if line.for_days:
                value = value * Fraction(self.days.days, line.for_days)
            value = settled(value, line.unit)
        self.cache[name] = Traced(
            line.value, value, (formula,), note=LineNote(name, formula.value, bound, value, formula)
        )
        return self.cache[name]

    def value(self, keys: list[str], unit: Unit, place: Place) -> Value | None:
        for key in keys:
            plain = re.sub(r"\s+", "", key)
            if plain in self.given:
                return parsed_value(self.given[plain], unit, place)
        return None

    def needed(self, node: t.Expr, *keys: str) -> Traced:
        value = self.value(list(keys), node.unit, node.place)
        if value is None:
            raise GivenProblem(f"没有给出 {keys[0]} ({keys[0]} is not given)")
        return Traced(node, value)

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        table = self.rulebook.tables[name]
        return table, rows_in_force(table, self.days.last_day)

    def leaf(self, node: t.Expr) -> Traced:
        match node:
            case t.MeasureRef(name=name):
                measure = self.rulebook.measures[name]
                value = self.value([name, measure.title], node.unit, node.place)
                if value is None and isinstance(measure, t.FormulaMeasure):
                    formula = evaluate(measure.expr, self)
                    return Traced(node, formula.value, (formula,))
                return self.needed(node, name, measure.title)
            case t.LineRef(name=name):
                value = self.value([name], node.unit, node.place)
                return Traced(node, value) if value is not None else self.line(name)
            case t.InputRef(name=name):
                keys = tuple(evaluate(key, self) for key in node.keys) if f"{name}" not in self.given else ()
                written = "|".join(str(k.value) for k in keys)
                return self.needed(node, f"{name}({written})", name)
            case t.SubjectValue(column=column) | t.RowValue(column=column):
                return self.needed(
                    node, column, {"institution_id": "institution", "team_id": "team"}.get(column, column)
                )
            case t.InstanceValue(name=name):
                return Traced(node, self._instance(name))
            case t.OverInstances():
                return self.needed(node, f"{node.how} of {node.line} over its {node.every}s")
            case t.Previous(line=name):
                value = self.value([f"previous({name})"], node.unit, node.place)
                if value is None and node.otherwise is not None:
                    return evaluate(node.otherwise, self)
                return self.needed(node, f"previous({name})")
            case t.Streak(line=name):
                return self.needed(node, f"streak({name})")
            case t.Times():
                return self.needed(node, f"times({node.line},{node.last})")
            case t.State(name=name) | t.Balance(ledger=name):
                return self.needed(node, name)
            case t.Group():
                return self.needed(node, f"{node.how}(among {node.among})", node.how)
            case _:
                raise GivenProblem(type(node).__name__)

    def _instance(self, name: str) -> Value:
        found: dict[str, Value] = {
            "period_days": Fraction(self.days.days),
            "spell_days": Fraction(self.days.days),
            "period_start": self.days.start,
        }
        return found.get(name, self.days.last_day)


__all__ = ["GivenProblem", "Tried", "date", "run_examples", "tried_examples", "try_line", "value_shown"]
