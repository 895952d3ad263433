"""Worked examples: figures in, the value of one line out, compared exactly.

Examples:
      - name: 增长恰好三成
        clause: 第十三条
        line: deposit_points
        given: {deposits: 1300万元, deposits_before: 1000万元, grade: 高级, "price(高级)": 4‰}
        says: 增长率 30%, 不加不减, 得 40 分
        gives: 40

`given` may name measures, inputs (with or without keys), subject attributes, lines, `previous(line)`,
`streak(check)`, `times(check, n)`, `sum of line over its months`, states, and `period`; of a group its figure
(`rank`, `sum` …); of a pool the `sum` of what it is shared by, and `odd fen` (0 or 1) where the part is no whole fen.

`reading: {DOUBT: other}` tries the example under the other reading of a doubt, `first` under the first one, whatever
the readings of the call are; an example without it takes those of the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.given import Given, GivenProblem, parsed_value
from guanhu.rulebook.explain.values import Traced, Unknown, Value
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.folder import load
from guanhu.rulebook.load.formula import FormulaError
from guanhu.rulebook.load.text import Fields, Items, Text, Tree, load_text
from guanhu.values import units
from guanhu.values.exact import shown
from guanhu.values.problem import Place, Problem, errors_in
from guanhu.values.units import Unit

EXAMPLES = "examples.yaml"
_KEYS = ("name", "clause", "line", "given", "reading", "says", "gives", "note")


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
    items = tree.get("examples") if isinstance(tree, Fields) else None
    if tree is not None and not isinstance(items, Items):
        problems.append(
            Problem(
                "RUL010",
                tree.place,
                "examples.yaml 应当是 examples: 下的一个列表",
                "examples.yaml is to be a list under examples:",
                "写成 examples: 下面一行一个“- name: …”",
                "write under examples: an item `- name: …` for each",
            )
        )
    read: _Read = {frozenset(rulebook.readings.items()): rulebook}
    found: list[Tried] = []
    for item in items.items if isinstance(items, Items) else ():
        reader = Reader(item, "examples", _KEYS, problems)
        as_read = _as_read(rulebook, folder, reader, read)
        if as_read is not None and (tried := _tried(as_read, reader)) is not None:
            found.append(tried)
    return found, problems


_Read = dict[frozenset[tuple[str, str]], t.Rulebook | None]
"""The rulebook under each set of readings that an example has asked for; None where it does not load."""


def _as_read(rulebook: t.Rulebook, folder: Path, reader: Reader, read: _Read) -> t.Rulebook | None:
    """Return the rulebook in the readings of an example, or None with the problems noted."""
    tree = reader.tree("reading")
    if tree is None:
        return rulebook
    names = tree.fields if isinstance(tree, Fields) else {}
    wanted = Reader(tree, "reading", tuple(names), reader.problems)
    own = {name: wanted.one_of(name, ("other", "first"), "first") for name in names}
    readings = {name: which for name, which in {**rulebook.readings, **own}.items() if which == "other"}
    key = frozenset(readings.items())
    if key not in read:
        read[key], problems = load(folder, readings)
        reader.problems += [replace(p, place=reader.place_of("reading")) for p in errors_in(problems)]
    return read[key]


def _tried(rulebook: t.Rulebook, reader: Reader) -> Tried | None:
    """Return an example as tried, or None with the problem noted."""
    line, wanted = reader.required("line"), reader.required("gives")
    try:
        value = try_line(rulebook, line, given_of(reader.tree("given")))
        holds = matches(value.value, wanted, unit_of(rulebook, line), reader.place)
    except (GivenProblem, FormulaError) as error:
        told = not_evaluated(error, reader.place, reader.text("name"))
        reader.problems.append(replace(told, clause=reader.text("clause")))
        return None
    return Tried(
        reader.text("name"),
        reader.text("clause"),
        line,
        reader.text("says"),
        wanted,
        value_shown(value.value),
        holds,
        reader.place,
    )


def given_of(tree: Tree | None) -> dict[str, str]:
    """Return the `given` of an example."""
    return (
        {key: value.text for key, value in tree if isinstance(value, Text)}
        if isinstance(tree, Fields)
        else {}
    )


def try_line(rulebook: t.Rulebook, line: str, given: Mapping[str, str]) -> Traced:
    """Return the value of a line, check or decision for given figures, with its trace.

    Errors:   GivenProblem when figures are needed that are not given, or one is given that nothing is
              called; FormulaError when a figure cannot be read.
    """
    figures = Given(rulebook, given)
    traced = figures.line(line)
    if (problem := figures.told()) is not None:
        raise problem
    return traced


def not_evaluated(error: GivenProblem | FormulaError, place: Place, name: str = "") -> Problem:
    """Return the problem RUL081 for a line, or the example `name`, that cannot be evaluated."""
    told = error.problem if isinstance(error, FormulaError) else error
    zh = f"例子“{name}”算不出来: " if name else ""
    en = f"example {name} cannot be evaluated: " if name else ""
    return Problem("RUL081", place, zh + told.zh, en + told.en, told.hint_zh, told.hint_en)


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
