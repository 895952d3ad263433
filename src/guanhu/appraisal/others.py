"""What everybody got, as the evaluator reads it of others: for ranks, averages and pools."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.runs import value_kept
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.groups import Member
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.run.template import filled

Key = tuple[str, str, str]
"""Instance, group, subject."""


@dataclass(frozen=True, slots=True)
class LongTables:
    """The rows of people, lines and measures, in the shapes of a run's folder: queries, or names of tables."""

    people: exp.Expr | str
    lines: exp.Expr | str
    measures: exp.Expr | str


def members_of(
    engine: Engine, rulebook: t.Rulebook, tables: LongTables
) -> dict[tuple[str, str], list[Member]]:
    """Return by instance and group what everybody got; nothing where no line asks for others."""
    roots = [root for x in rulebook.evaluated() for root in x.formulas]
    if not any(isinstance(node, t.Group | t.Pool) for root in roots for node in t.walk(root)):
        return {}
    lines, measures = _of_last_cards(engine, tables)
    whole, decided = _over_all_spells(engine, tables), _decided(engine, rulebook)
    found: dict[tuple[str, str], list[Member]] = {}
    for instance, group, subject, days, first, last, *seen in engine.rows(
        filled(_LAST_CARDS, people=tables.people)
    ):
        kind = rulebook.groups[group].subject
        attributes = dict(zip(_ATTRIBUTES, seen, strict=True))
        if kind != "person":
            attributes |= dict.fromkeys(("team_id", "person_kind", "hired_on", "left_on"))
            attributes |= {"team_id": subject} if kind == "team" else {}
        if kind not in ("person", "institution"):
            attributes |= dict.fromkeys(("area", "level"))
        if kind != "institution":
            attributes["above_id"] = None
        key = (instance, group, subject)
        member = Member(
            subject,
            {k: v for k, v in attributes.items() if v is not None},
            lines.get(key, {}),
            measures.get(key, {}),
            int(days),
            decided.get(subject, {}),
            whole.get(key, {}),
            first,
            last,
        )
        found.setdefault((instance, group), []).append(member)
    return found


def known_value(num: Any, den: Any) -> Fraction:
    """Return the exact value of a kept figure that is known."""
    return value_kept(num, den) or Fraction(0)


def _decided(engine: Engine, rulebook: t.Rulebook) -> dict[str, dict[str, list[tuple[date, str]]]]:
    """Return what people have decided for themselves, by person and input."""
    found: dict[str, dict[str, list[tuple[date, str]]]] = {}
    query = filled(
        "SELECT person_id, input, day, value FROM f_human_decisions WHERE rulebook = :id",
        id=exp.Literal.string(rulebook.id),
    )
    for person, name, day, text in engine.rows(query):
        found.setdefault(person, {}).setdefault(name, []).append((day, text))
    return found


def _over_all_spells(engine: Engine, tables: LongTables) -> dict[Key, dict[str, Value]]:
    """Return the lines over all spells."""
    query = filled(
        "SELECT instance, group_id, subject_id, line, num, den, text, state FROM x WHERE spell_no = 0",
        x=tables.lines,
    )
    return _lines(engine, query)


def _of_last_cards(
    engine: Engine, tables: LongTables
) -> tuple[dict[Key, dict[str, Value]], dict[Key, dict[str, Value]]]:
    """Return the lines and the measures of last cards."""
    query = filled(
        "SELECT instance, group_id, subject_id, line, num, den, text, state FROM x QUALIFY row_number() OVER (PARTITION BY instance, group_id, subject_id, line ORDER BY spell_no DESC) = 1",
        x=tables.lines,
    )
    query_of_measures = filled(
        "SELECT instance, group_id, subject_id, measure, num, den, divisor FROM x QUALIFY row_number() OVER (PARTITION BY instance, group_id, subject_id, measure ORDER BY spell_no DESC) = 1",
        x=tables.measures,
    )
    measures: dict[Key, dict[str, Value]] = {}
    for instance, group, subject, name, num, den, divisor in engine.rows(query_of_measures):
        unknown = num is None or not divisor
        value = Unknown(f"measures.{name}", "others") if unknown else known_value(num, den) / int(divisor)
        measures.setdefault((instance, group, subject), {})[name] = value
    return _lines(engine, query), measures


def _lines(engine: Engine, query: exp.Expr) -> dict[Key, dict[str, Value]]:
    found: dict[Key, dict[str, Value]] = {}
    for instance, group, subject, name, *kept in engine.rows(query):
        found.setdefault((instance, group, subject), {})[name] = _line_value(name, *kept)
    return found


def _line_value(name: str, num: Any, den: Any, text: str | None, state: str) -> Value:
    """Return a kept line of somebody else."""
    if state != "ok":
        return Unknown(f"lines.{name}", "others")
    if text is None:
        return known_value(num, den)
    return text == "yes" if text in ("yes", "no") else text


_ATTRIBUTES = (
    "post",
    "grade",
    "institution_id",
    "area",
    "level",
    "team_id",
    "person_kind",
    "hired_on",
    "left_on",
    "above_id",
)
_LAST_CARDS = """
SELECT p.instance, p.group_id, p.subject_id, p.days, p.own_first, p.last_day, p.post, p.grade, p.institution_id, i.area, i.level, q.team_id,
       s.person_kind, s.hired_on, s.left_on, i.parent_id
FROM (
  SELECT *, min(first_day) OVER (PARTITION BY instance, group_id, subject_id) AS own_first FROM people
  QUALIFY row_number() OVER (PARTITION BY instance, group_id, subject_id ORDER BY spell_no DESC) = 1
) AS p
LEFT JOIN f_staff AS s ON s.person_id = p.subject_id
LEFT JOIN f_posts AS q ON q.person_id = p.subject_id AND q.from_day <= p.last_day AND q.to_day > p.last_day
ASOF LEFT JOIN f_institutions AS i ON i.institution_id = p.institution_id AND i.from_day <= p.last_day
"""
