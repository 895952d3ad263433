"""What a patch does: cost, who gains and who loses, where, and which lines made the largest changes.

Compared are the lines of whole subjects (spell 0), by subject, group and instance. Money is whole fen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sqlglot import exp

from guanhu.appraisal.appraise import Outcome
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.long_tables import create_lines, create_measures, create_people
from guanhu.appraisal.pages.kept import adds_up, made_of
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import evaluated_in, planned
from guanhu.rulebook.run.template import filled
from guanhu.values.units import MONEY, POINTS

LARGEST = 10
FEN = 100
SPREAD = (0, 10, 25, 50, 75, 90, 100)
"""The percentiles by which a spread is told."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one subject that came out otherwise: before and after, None where it is unknown."""

    instance: str
    line: str
    before: Fraction | str | None
    after: Fraction | str | None

    @property
    def moved(self) -> Fraction:
        """Return by how much a number changed, 0 where one of them is none."""
        if isinstance(self.before, Fraction) and isinstance(self.after, Fraction):
            return abs(self.after - self.before)
        return Fraction(0)


@dataclass(frozen=True, slots=True)
class Person:
    """One subject: its pay before and after, in fen, and the lines that changed in the order of the text."""

    subject: str
    group: str
    institution: str
    grade: str
    before: int | None
    after: int | None
    lines: tuple[Line, ...] = ()

    @property
    def change(self) -> int:
        """Return after − before, 0 where one of them is unknown."""
        return 0 if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True)
class Share:
    """Subjects that belong together (an institution, a grade): how many, their cost before and after, gains and losses."""

    name: str
    subjects: int
    before: int
    after: int
    gain: int
    lose: int


@dataclass(slots=True)
class Effects:
    """Everything that a patch does. Cost before and after is that of who is settled before and after."""

    subjects: int = 0
    before: int = 0
    after: int = 0
    gain: int = 0
    lose: int = 0
    same: int = 0
    unsettled_before: int = 0
    unsettled_after: int = 0
    scores: int = 0
    """Subjects without a change of pay of whom some other line changed."""
    decided: tuple[tuple[str, int, int], ...] = ()
    """Decision or check, how many it held for before and after."""
    spread: tuple[tuple[int, int, int], ...] = ()
    """Percentile, pay before and after, in fen."""
    by_institution: tuple[Share, ...] = ()
    by_grade: tuple[Share, ...] = ()
    largest: tuple[Person, ...] = ()
    """The ten whose pay changes most, filled up by those whose scores do."""
    changes: tuple[int, ...] = ()
    """The change of each settled subject, in fen, ascending."""
    people: list[Person] = field(default_factory=list)

    @property
    def cost(self) -> int:
        """Return what the patch costs, in fen."""
        return self.after - self.before


_PAY = """
SELECT subject_id, group_id, CAST(sum(CAST(num AS HUGEINT) * 100 // CAST(den AS HUGEINT)) AS HUGEINT) AS fen,
       count(*) FILTER (WHERE state <> 'ok') AS unknown
FROM x WHERE spell_no = 0 AND line IN (SELECT line FROM pay) GROUP BY ALL
"""
_BOTH = """
SELECT coalesce(b.subject_id, d.subject_id) AS subject_id, coalesce(b.group_id, d.group_id) AS group_id,
       CASE WHEN b.unknown > 0 THEN NULL ELSE coalesce(b.fen, 0) END AS before,
       CASE WHEN d.unknown > 0 THEN NULL ELSE coalesce(d.fen, 0) END AS after,
       coalesce(p.institution_id, '') AS institution_id, coalesce(p.grade, '') AS grade
FROM before AS b FULL JOIN after AS d ON d.subject_id = b.subject_id AND d.group_id = b.group_id
LEFT JOIN (
  SELECT * FROM people QUALIFY row_number() OVER (PARTITION BY subject_id, group_id ORDER BY last_day DESC, spell_no DESC) = 1
) AS p ON p.subject_id = coalesce(b.subject_id, d.subject_id) AND p.group_id = coalesce(b.group_id, d.group_id)
"""
_TOTALS = """
SELECT count(*), coalesce(sum(before) FILTER (WHERE after IS NOT NULL), 0),
       coalesce(sum(after) FILTER (WHERE before IS NOT NULL), 0), count(*) FILTER (WHERE after > before),
       count(*) FILTER (WHERE after < before), count(*) FILTER (WHERE after = before),
       count(*) FILTER (WHERE before IS NULL), count(*) FILTER (WHERE after IS NULL)
FROM both_
"""
_SHARES = """
SELECT subjects, :key AS name, before, after, gain, lose FROM (
  SELECT :key, count(*) AS subjects, coalesce(sum(before) FILTER (WHERE after IS NOT NULL), 0) AS before,
         coalesce(sum(after) FILTER (WHERE before IS NOT NULL), 0) AS after,
         count(*) FILTER (WHERE after > before) AS gain, count(*) FILTER (WHERE after < before) AS lose
  FROM both_ GROUP BY :key
) AS s ORDER BY abs(after - before) DESC, name
"""
_DIFFERENT = """
SELECT count(DISTINCT b.subject_id) FROM before AS b JOIN after AS d
ON d.subject_id = b.subject_id AND d.group_id = b.group_id AND d.instance = b.instance AND d.every = b.every AND d.line = b.line
JOIN both_ AS p ON p.subject_id = b.subject_id AND p.group_id = b.group_id
WHERE b.spell_no = 0 AND d.spell_no = 0 AND p.after IS NOT DISTINCT FROM p.before
AND (b.state, b.text, b.num * d.den) IS DISTINCT FROM (d.state, d.text, d.num * b.den)
"""
_HELD = """
SELECT line, count(DISTINCT subject_id) FROM x WHERE spell_no = 0 AND text = 'yes' GROUP BY line
"""
_ALL = """
SELECT k.* FROM kept AS k ANTI JOIN touched AS x ON x.instance = k.instance AND x.every = k.every
UNION ALL SELECT * FROM draft AS d
"""
_LINES_OF = """
SELECT coalesce(b.subject_id, d.subject_id), coalesce(b.instance, d.instance), coalesce(b.line, d.line),
       b.num, b.den, b.text, d.num, d.den, d.text
FROM (
  SELECT k.* FROM before AS k JOIN touched AS x ON x.instance = k.instance AND x.every = k.every
  WHERE k.spell_no = 0 AND k.subject_id IN (SELECT subject_id FROM few)
) AS b
FULL JOIN (SELECT * FROM after WHERE spell_no = 0 AND subject_id IN (SELECT subject_id FROM few)) AS d
ON d.subject_id = b.subject_id AND d.group_id = b.group_id AND d.instance = b.instance AND d.every = b.every AND d.line = b.line
WHERE (b.state, b.text, b.num * d.den) IS DISTINCT FROM (d.state, d.text, d.num * b.den)
"""
_PERSON = "subject_id, group_id, institution_id, grade, before, after"
_MOST = "abs(after - before) DESC, moved DESC, subject_id, group_id"
# Doubles order those who are shown; what is shown of them is exact.
_SCORED = """
SELECT d.subject_id, d.group_id, max(abs(CAST(d.num AS DOUBLE) / CAST(d.den AS DOUBLE) - CAST(b.num AS DOUBLE) / CAST(b.den AS DOUBLE))) AS moved
FROM (SELECT * FROM after WHERE spell_no = 0 AND state = 'ok' AND line IN (SELECT line FROM points)) AS d
JOIN (SELECT * FROM before WHERE spell_no = 0 AND state = 'ok') AS b
ON d.subject_id = b.subject_id AND d.group_id = b.group_id AND d.instance = b.instance AND d.every = b.every AND d.line = b.line
WHERE d.num * b.den <> b.num * d.den GROUP BY ALL
"""
_FEW = f"""
SELECT {_PERSON}, moved FROM (
  SELECT p.*, coalesce(s.moved, 0) AS moved FROM both_ AS p
  LEFT JOIN scored AS s ON s.subject_id = p.subject_id AND s.group_id = p.group_id
) AS x WHERE before IS NOT NULL AND after IS NOT NULL AND (after <> before OR moved > 0)
ORDER BY {_MOST} LIMIT {LARGEST}
"""


def pay_lines(rulebook: t.Rulebook, outcome: Outcome) -> list[str]:
    """Return the lines whose sum is what the bank pays: pay and totals of the period that no other pay takes up.

    A figure for information or a check that reads a pay line does not take it up, unless pay is made of it.
    """
    planned_lines = [x for i in planned(rulebook, outcome.period) for x in evaluated_in(rulebook, i)]
    lines = {x.id: x for x in planned_lines if isinstance(x, t.Line) and x.role != "check"}
    paid = [x.id for x in lines.values() if x.unit == MONEY and adds_up(x)]
    taken = {name for x in paid for name in made_of(x, lines)}
    return [x for x in paid if x not in taken]


def draft_tables(engine: Engine, outcome: Outcome) -> tuple[exp.Expr, exp.Expr, exp.Expr]:
    """Return the people, lines and measures of the last comparison's draft: as kept, but where the patch reaches.

    Shapes:   in(kept/people, kept/measures, draft/lines, whatif/touched in the engine).
    """
    create_people(engine, "draft/people", outcome.results)
    create_measures(engine, "draft/measures", outcome.results)
    people, measures = (
        filled(_ALL, kept=f"kept/{name}", touched="whatif/touched", draft=f"draft/{name}")
        for name in ("people", "measures")
    )
    return people, filled("SELECT * FROM x", x="draft/lines"), measures


def compared(engine: Engine, outcome: Outcome, *, detail: bool = True) -> Effects:
    """Return what a patch does: the outcome of the instances that it reaches, against the kept run.

    Shapes:   in(kept/lines, kept/people in the engine). Without `detail` only the totals and the spread, as a
              sweep needs them.
    """
    rulebook = outcome.rulebook
    create_lines(engine, "draft/touched", outcome.results)
    instances = sorted({(r.instance.key, r.instance.every) for r in outcome.results})
    engine.load("whatif/touched", (("instance", "VARCHAR"), ("every", "VARCHAR")), instances)
    rows = filled(_ALL, kept="kept/lines", touched="whatif/touched", draft="draft/touched")
    engine.create("draft/lines", rows)
    engine.load("whatif/pay", (("line", "VARCHAR"),), [(x,) for x in pay_lines(rulebook, outcome)])
    for side, lines in (("base", "kept/lines"), ("draft", "draft/lines")):
        engine.create(f"{side}/pay", filled(_PAY, x=lines, pay="whatif/pay"))
    engine.create("whatif/both", filled(_BOTH, before="base/pay", after="draft/pay", people="kept/people"))
    found = Effects()
    (totals,) = engine.rows(filled(_TOTALS, both_="whatif/both"))
    (
        found.subjects,
        found.before,
        found.after,
        found.gain,
        found.lose,
        found.same,
        found.unsettled_before,
        found.unsettled_after,
    ) = (int(x) for x in totals)
    found.spread = _spread(engine)
    if not detail:
        return found
    ((scores,),) = engine.rows(
        filled(_DIFFERENT, before="kept/lines", after="draft/touched", both_="whatif/both")
    )
    found.scores = int(scores)
    held = [dict(engine.rows(filled(_HELD, x=lines))) for lines in ("kept/lines", "draft/lines")]
    names = [x for x in (*rulebook.lines, *rulebook.decisions) if x in held[0] or x in held[1]]
    found.decided = tuple((x, int(held[0].get(x, 0)), int(held[1].get(x, 0))) for x in names)
    found.by_institution = _shares(engine, "institution_id")
    found.by_grade = _shares(engine, "grade")
    found.changes = tuple(
        int(x)
        for (x,) in engine.rows(
            filled(f"SELECT after - before AS d FROM b WHERE {_SETTLED} ORDER BY 1", b="whatif/both")
        )
    )
    found.largest = _largest(engine, rulebook)
    return found


_SETTLED = "before IS NOT NULL AND after IS NOT NULL"


def _spread(engine: Engine) -> tuple[tuple[int, int, int], ...]:
    """Return pay at the percentiles: the smallest pay that so many in a hundred do not exceed."""
    found: list[list[int]] = []
    for side in ("before", "after"):
        columns = ", ".join(f"quantile_disc({side}, {p / 100})" for p in SPREAD)
        ((*row,),) = engine.rows(filled(f"SELECT {columns} FROM b WHERE {side} IS NOT NULL", b="whatif/both"))
        found.append([int(x or 0) for x in row])
    return tuple(zip(SPREAD, found[0], found[1], strict=True))


def _shares(engine: Engine, key: str) -> tuple[Share, ...]:
    rows = engine.rows(filled(_SHARES, key=exp.column(key), both_="whatif/both"))
    return tuple(
        Share(str(name), int(subjects), int(before), int(after), int(gain), int(lose))
        for subjects, name, before, after, gain, lose in rows
    )


def everybody(engine: Engine) -> list[Person]:
    """Return every subject of the last comparison, the largest change first."""
    rows = engine.rows(
        filled(
            "SELECT subject_id, group_id, institution_id, grade, before, after FROM b "
            "ORDER BY abs(coalesce(after - before, 0)) DESC, subject_id, group_id",
            b="whatif/both",
        )
    )
    return [Person(s, g, place, grade, _whole(b), _whole(a)) for s, g, place, grade, b, a in rows]


def _largest(engine: Engine, rulebook: t.Rulebook) -> tuple[Person, ...]:
    """Return those whose pay changes most; where fewer than ten have another pay, also those whose scores change most."""
    points = [(x.id,) for x in rulebook.lines.values() if x.unit == POINTS]
    engine.load("whatif/points", (("line", "VARCHAR"),), points)
    engine.create(
        "whatif/scored", filled(_SCORED, before="kept/lines", after="draft/touched", points="whatif/points")
    )
    engine.create("whatif/few", filled(_FEW, both_="whatif/both", scored="whatif/scored"))
    order = {name: i for i, name in enumerate(rulebook.order)}
    lines: dict[str, list[Line]] = {}
    query = filled(
        _LINES_OF, before="kept/lines", after="draft/touched", few="whatif/few", touched="whatif/touched"
    )
    for subject, instance, line, *cells in engine.rows(query):
        lines.setdefault(subject, []).append(Line(instance, line, _value(*cells[:3]), _value(*cells[3:])))
    people = engine.rows(filled(f"SELECT {_PERSON} FROM few ORDER BY {_MOST}", few="whatif/few"))
    return tuple(
        Person(
            subject,
            group,
            place,
            grade,
            _whole(before),
            _whole(after),
            tuple(sorted(lines.get(subject, ()), key=lambda x: (x.instance, order.get(x.line, 0)))),
        )
        for subject, group, place, grade, before, after in people
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _value(num: Any, den: Any, text: str | None) -> Fraction | str | None:
    if text is not None:
        return text
    return None if num is None else Fraction(int(num), int(den))
