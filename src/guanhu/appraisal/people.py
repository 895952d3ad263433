"""Who is appraised in an instance: cards. A card is one subject, or one spell of a person's instance.

    card(subject_no, spell_no, subject_id, post, grade, institution_id, team_id, area, level,
         person_kind, hired_on, left_on, spell_start, spell_end, spell_days, is_last)

A change of post or institution cuts a person's instance into spells; a change of grade does not. The
attributes of a card are those of its last day.
"""

from __future__ import annotations

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.figure import spell_table
from guanhu.appraisal.measures import date_sql
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run.template import filled

_SPELLS = """
WITH inside AS (
  SELECT span_no, subject_no, post, grade, institution_id, team_id,
         greatest(start_day, :start) AS start_day, least(end_day, :stop) AS end_day, start_day AS row_start
  FROM w_span WHERE start_day < :stop AND end_day > :start AND post IS NOT NULL
), marked AS (
  SELECT *, CASE WHEN lag(post) OVER w IS NOT DISTINCT FROM post
                  AND lag(institution_id) OVER w IS NOT DISTINCT FROM institution_id
                  AND lag(end_day) OVER w = start_day THEN 0 ELSE 1 END AS is_new
  FROM inside WINDOW w AS (PARTITION BY subject_no ORDER BY start_day)
)
SELECT span_no, subject_no, post, grade, institution_id, team_id, start_day, end_day, row_start,
       CAST(:number AS INTEGER) AS spell_no
FROM marked
"""
_PERSON_CARDS = """
SELECT x.subject_no, x.spell_no, p.subject_id, x.post, x.grade, x.institution_id, x.team_id,
       i.area, i.level, s.person_kind, s.hired_on, s.left_on,
       x.spell_start, x.spell_end, CAST(x.spell_days AS BIGINT) AS spell_days,
       row_number() OVER (PARTITION BY x.subject_no ORDER BY x.spell_no DESC) = 1 AS is_last,
       x.grade_since
FROM (
  SELECT subject_no, spell_no, last(post ORDER BY start_day) AS post, last(grade ORDER BY start_day) AS grade,
         last(institution_id ORDER BY start_day) AS institution_id, last(team_id ORDER BY start_day) AS team_id,
         min(start_day) AS spell_start, max(end_day) AS spell_end, sum(date_diff('day', start_day, end_day)) AS spell_days,
         max(row_start) AS grade_since
  FROM spells GROUP BY subject_no, spell_no
) AS x
JOIN w_person AS p ON p.subject_no = x.subject_no
LEFT JOIN f_staff AS s ON s.person_id = p.subject_id
LEFT JOIN places AS i ON i.institution_id = x.institution_id
"""
_PLACES = """
SELECT institution_id, area, level, parent_id FROM f_institutions WHERE from_day < :stop
QUALIFY row_number() OVER (PARTITION BY institution_id ORDER BY from_day DESC) = 1
"""
_INSTITUTION_CARDS = """
SELECT w.subject_no, 1 AS spell_no, w.subject_id, CAST(NULL AS VARCHAR) AS post, CAST(NULL AS VARCHAR) AS grade,
       w.subject_id AS institution_id, CAST(NULL AS VARCHAR) AS team_id, i.area, i.level,
       CAST(NULL AS VARCHAR) AS person_kind, CAST(NULL AS DATE) AS hired_on, CAST(NULL AS DATE) AS left_on,
       :start AS spell_start, :stop AS spell_end, CAST(date_diff('day', :start, :stop) AS BIGINT) AS spell_days, TRUE AS is_last,
       CAST(NULL AS DATE) AS grade_since, i.parent_id AS above_id
FROM w_institution AS w LEFT JOIN places AS i ON i.institution_id = w.subject_id
"""
_TEAM_CARDS = """
SELECT w.subject_no, 1 AS spell_no, w.subject_id, CAST(NULL AS VARCHAR) AS post, CAST(NULL AS VARCHAR) AS grade,
       m.institution_id, w.subject_id AS team_id, CAST(NULL AS VARCHAR) AS area, CAST(NULL AS VARCHAR) AS level,
       CAST(NULL AS VARCHAR) AS person_kind, CAST(NULL AS DATE) AS hired_on, CAST(NULL AS DATE) AS left_on,
       :start AS spell_start, :stop AS spell_end, CAST(date_diff('day', :start, :stop) AS BIGINT) AS spell_days, TRUE AS is_last,
       CAST(NULL AS DATE) AS grade_since
FROM w_team AS w LEFT JOIN f_teams AS m ON m.team_id = w.subject_id
"""
_BANK_CARD = """
SELECT 0 AS subject_no, 1 AS spell_no, 'bank' AS subject_id, CAST(NULL AS VARCHAR) AS post, CAST(NULL AS VARCHAR) AS grade,
       CAST(NULL AS VARCHAR) AS institution_id, CAST(NULL AS VARCHAR) AS team_id, CAST(NULL AS VARCHAR) AS area,
       CAST(NULL AS VARCHAR) AS level, CAST(NULL AS VARCHAR) AS person_kind, CAST(NULL AS DATE) AS hired_on,
       CAST(NULL AS DATE) AS left_on, :start AS spell_start, :stop AS spell_end,
       CAST(date_diff('day', :start, :stop) AS BIGINT) AS spell_days, TRUE AS is_last, CAST(NULL AS DATE) AS grade_since
"""
_CUT = "sum(is_new) OVER (PARTITION BY subject_no ORDER BY start_day)"


def cards(engine: Engine, instance: Instance, group: t.GroupOfSubjects) -> str:
    """Return the table of all cards of an instance for this kind of subject, whoever they belong to."""
    cut = group.spells
    name = f"cards/{instance.every}/{instance.days}/{group.subject}/{'cut' if cut else 'whole'}"
    days = {"start": date_sql(instance.days.start), "stop": date_sql(instance.days.end)}
    places = filled(_PLACES, **days)
    match group.subject:
        case "person":
            number = filled(f"SELECT {_CUT}").expressions[0] if cut else exp.Literal.number(1)
            spells = spell_table(instance, cut=cut)
            engine.create(spells, filled(_SPELLS, number=number, **days))
            engine.create(name, filled(_PERSON_CARDS, spells=spells, places=places))
        case "institution":
            engine.create(name, filled(_INSTITUTION_CARDS, places=places, **days))
        case "team":
            engine.create(name, filled(_TEAM_CARDS, **days))
        case _:
            engine.create(name, filled(_BANK_CARD, **days))
    return name
