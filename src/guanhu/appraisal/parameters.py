"""The values of inputs: what the bank supplied for a rulebook, by keys and from a day on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.ranges import pieces
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.parts import parts_of
from guanhu.rulebook.print.unit_words import range_text
from guanhu.rulebook.run.template import filled
from guanhu.values import units
from guanhu.values.dates import Span, date_of
from guanhu.values.exact import decimal_of, in_digits, shown
from guanhu.values.problem import Place, Problem


@dataclass(frozen=True, slots=True)
class Dated:
    """One value and the days it is in force; where it comes from."""

    days: Span
    value: Fraction | date | str
    document: str
    approved_by: str


@dataclass(slots=True)
class Parameters:
    """Input → keys → dated values. `at` answers for one day; nothing in force there is None, never zero."""

    values: dict[str, dict[tuple[str, ...], list[Dated]]] = field(default_factory=dict)

    def at(self, name: str, keys: tuple[str, ...], day: date) -> Dated | None:
        """Return the value in force on a day; the row that starts latest wins."""
        found = [d for d in self.values.get(name, {}).get(keys, ()) if day in d.days]
        return max(found, key=lambda d: d.days.start) if found else None

    def in_force(self, name: str, day: date) -> dict[tuple[str, ...], Dated]:
        """Return the values of all keys in force on a day."""
        found = {keys: self.at(name, keys, day) for keys in self.values.get(name, {})}
        return {keys: value for keys, value in found.items() if value is not None}

    def cuts(self, names: Iterable[str], span: Span) -> set[date]:
        """Return the days inside `span` on which a value of these inputs changes."""
        days: set[date] = set()
        for name in names:
            for dated in self.values.get(name, {}).values():
                for d in dated:
                    days.update(day for day in (d.days.start, d.days.end) if span.start < day < span.end)
        return days


_QUERY = """
SELECT input, coalesce(keys, ''), value, from_day, to_day, coalesce(document, ''), coalesce(approved_by, '')
FROM f_parameters WHERE rulebook = :rulebook
"""


def read_parameters(engine: Engine, rulebook: t.Rulebook) -> tuple[Parameters, list[Problem]]:
    """Return the inputs that the bank supplied for a rulebook, and what is wrong with them.

    Errors:   RUN010-RUN013 as `given_parameters`, RUN012 and RUN014 as `held_to_formulas`.
    """
    parameters, problems = given_parameters(engine, rulebook)
    problems.extend(held_to_formulas(rulebook, parameters))
    return parameters, problems


def given_parameters(engine: Engine, rulebook: t.Rulebook) -> tuple[Parameters, list[Problem]]:
    """Return the inputs as the bank supplied them, not yet held to ranges that are made of other inputs.

    Errors:   RUN010 unknown input, RUN011 value not of the input's unit, RUN012 outside the allowed range,
              RUN013 wrong number of keys.
    """
    parameters = Parameters()
    problems: list[Problem] = []
    for name, keys, value, start, end, document, approved_by in engine.rows(
        filled(_QUERY, rulebook=exp.Literal.string(rulebook.id))
    ):
        declared = rulebook.inputs.get(name)
        if declared is None or declared.by_person:
            problems.append(
                _problem(
                    "RUN010",
                    name,
                    f"办法 {rulebook.id} 没有叫 {name} 的参数",
                    f"rulebook {rulebook.id} has no input {name}",
                    severity="warning",
                )
            )
            continue
        split = tuple(k.strip() for k in keys.split("|")) if keys else ()
        if len(split) != len(declared.by):
            wanted = " | ".join(declared.by)
            problems.append(
                _problem(
                    "RUN013",
                    name,
                    f"键 {keys or '(空)'} 应当是 {wanted or '(空)'}",
                    f"the keys {keys or '(none)'} are to be {wanted or '(none)'}",
                )
            )
            continue
        found = value_of(declared.unit, value)
        if found is None:
            problems.append(
                _problem(
                    "RUN011",
                    name,
                    f"值 {value} 不是 {declared.unit}",
                    f"the value {value} is not {declared.unit}",
                    hints=written_out(value),
                )
            )
            continue
        if isinstance(found, Fraction) and not declared.allows(found):
            problems.append(_outside(declared, split, value))
            continue
        row = Dated(Span(start, end), found, document, approved_by)
        parameters.values.setdefault(name, {}).setdefault(split, []).append(row)
    return parameters, problems


def _outside(declared: t.Input, keys: tuple[str, ...], value: str, since: date | None = None) -> Problem:
    """Return that a value is not allowed: of which key, from when, and between which numbers it is to be."""
    of = f"({' | '.join(keys)})" if keys else ""
    zh, en = (f"{since} 起", f" from {since} on") if since is not None else ("", "")
    held = range_text(declared.low, declared.high, declared.unit, declared.closed)
    return _problem(
        "RUN012",
        declared.id,
        f"{declared.title}{of} {zh}的值 {value} 不在允许的范围内({held or '由别的参数定'})",
        f"the value {value} of {declared.id}{of}{en} lies outside the allowed range ({held or 'set by other inputs'})",
    )


def held_to_formulas(rulebook: t.Rulebook, parameters: Parameters) -> list[Problem]:
    """Hold inputs to ranges that are made of other inputs; on days without a range the value is absent.

    Errors:   RUN012 outside, RUN014 the range is not known (a warning).
    """
    problems: list[Problem] = []
    # In the order in which the text needs them: what a range reads has been held to its own range before.
    for declared in rulebook.inputs.values():
        if declared.by_person or (declared.least is None and declared.most is None):
            continue
        read = inputs_in([declared.least, declared.most], rulebook.tables)
        for keys, rows in parameters.values.get(declared.id, {}).items():
            kept: list[Dated] = []
            for row in rows:
                for days, held in pieces(rulebook, parameters, declared, keys, row, read):
                    if isinstance(held, Unknown):
                        problems.append(_no_range(declared.id, keys, days, held))
                    elif not held:
                        shown_value = shown(row.value) if isinstance(row.value, Fraction) else str(row.value)
                        problems.append(_outside(declared, keys, shown_value, days.start))
                    else:
                        kept.append(replace(row, days=days))
            parameters.values[declared.id][keys] = kept
    return problems


def _no_range(name: str, keys: tuple[str, ...], days: Span, unknown: Unknown) -> Problem:
    of = f"({' | '.join(keys)})" if keys else ""
    return _problem(
        "RUN014",
        name,
        f"{name}{of} 在 {days.start} 起允许的范围不明({unknown.cause} 没有提供), 这些天当作没有给定",
        f"what {name}{of} may be from {days.start} on is not known ({unknown.cause} is not supplied): on these days it counts as not given",
        severity="warning",
    )


def value_of(unit: units.Unit, text: str) -> Fraction | date | str | None:
    """Return the value that text gives in a unit, or None."""
    if unit == units.DATE:
        return date_of(text)
    if units.is_choice(unit):
        return text
    return decimal_of(text.strip().replace(",", "").removesuffix("元"))


def written_out(text: str) -> tuple[str, str]:
    """Return hints of how to write a value that is no number: with 万 or 亿 the digits, else nothing.

    >>> written_out("50万")[1]
    'write 500000: values stand without 万 and 亿'
    """
    digits = in_digits(text)
    if digits is None:
        return "", ""
    return f"写成 {digits}: 值不带“万”“亿”", f"write {digits}: values stand without 万 and 亿"


def _problem(
    code: str, name: str, zh: str, en: str, severity: str = "error", hints: tuple[str, str] = ("", "")
) -> Problem:
    return Problem(
        code,
        Place("parameters", sheet=name),
        zh,
        en,
        "; ".join(x for x in (hints[0], "改正参数表后重新导入") if x),
        "; ".join(x for x in (hints[1], "mend the parameters and import them again") if x),
        severity=severity,
    )


def inputs_in(nodes: Iterable[t.Expr | None], tables: Mapping[str, t.Table]) -> set[str]:
    """Return the inputs that formulas read, those of the rows of their tables included."""
    return {part.name for part in parts_of(nodes, tables) if isinstance(part, t.InputRef)}
