"""The ground tables of a run: who there is, from when to when in which post, and who is credited with what.

w_person(subject_no, subject_id)                   every person that facts name
w_institution(subject_no, subject_id)              every institution
w_above(subject_no, above_no)                      an institution and all above it, itself included
w_span(span_no, subject_no, start_day, end_day, post, grade, institution_id, team_id)
                                                   a person's days cut wherever the post's row changes;
                                                   days without a post have NULL
w_credit_account(account_no, subject_no, span_no, role, book, share, start_day, end_day)
w_credit_loan(loan_id, …), w_credit_customer(customer_id, …)
                                                   the most specific assignment of each day
w_account_place(account_no, subject_no, start_day, end_day)
                                                   the institution that an account belongs to
w_rate(account_no, start_day, end_day, rate, rate_kind)
                                                   an account's rate on each day, NULL where none is known
w_team(subject_no, subject_id)                     every team
"""

from __future__ import annotations

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.rulebook.run.template import filled

_PERSONS = """
SELECT CAST(row_number() OVER (ORDER BY person_id) - 1 AS INTEGER) AS subject_no, person_id AS subject_id
FROM (SELECT person_id FROM f_staff UNION SELECT person_id FROM f_posts UNION SELECT person_id FROM f_assignments) AS p
WHERE person_id IS NOT NULL
"""
_INSTITUTIONS = """
SELECT CAST(row_number() OVER (ORDER BY institution_id) - 1 AS INTEGER) AS subject_no, institution_id AS subject_id
FROM (
  SELECT institution_id FROM f_institutions UNION SELECT institution_id FROM f_posts
  UNION SELECT institution_id FROM f_accounts UNION SELECT institution_id FROM f_account_institutions
  UNION SELECT institution_id FROM f_loans
) AS i
WHERE institution_id IS NOT NULL
"""
_ABOVE = """
WITH RECURSIVE latest AS (
  SELECT institution_id, parent_id FROM f_institutions
  QUALIFY row_number() OVER (PARTITION BY institution_id ORDER BY from_day DESC) = 1
), climb AS (
  SELECT i.subject_id AS low, i.subject_id AS high, 0 AS depth FROM w_institution AS i
  UNION ALL
  SELECT c.low, l.parent_id, c.depth + 1
  FROM climb AS c JOIN latest AS l ON l.institution_id = c.high
  WHERE l.parent_id IS NOT NULL AND c.depth < 20
)
SELECT DISTINCT low.subject_no, high.subject_no AS above_no
FROM climb AS c JOIN w_institution AS low ON low.subject_id = c.low
JOIN w_institution AS high ON high.subject_id = c.high
"""
_SPANS = """
WITH held AS (
  SELECT p.subject_no, q.from_day AS start_day, q.to_day AS end_day, q.post, q.grade, q.institution_id, q.team_id
  FROM f_posts AS q JOIN w_person AS p ON p.subject_id = q.person_id
), gaps AS (
  SELECT subject_no, end_day AS start_day,
         coalesce(lead(start_day) OVER (PARTITION BY subject_no ORDER BY start_day), DATE '9999-12-31') AS end_day
  FROM held
  UNION ALL
  SELECT p.subject_no, DATE '0001-01-01', coalesce(min(h.start_day), DATE '9999-12-31')
  FROM w_person AS p LEFT JOIN held AS h ON h.subject_no = p.subject_no GROUP BY p.subject_no
), every_day AS (
  SELECT * FROM held
  UNION ALL
  SELECT subject_no, start_day, end_day, NULL, NULL, NULL, NULL FROM gaps WHERE start_day < end_day
)
SELECT CAST(row_number() OVER (ORDER BY subject_no, start_day) - 1 AS INTEGER) AS span_no, * FROM every_day
"""
_SPECIFIC_FIRST = """
WITH chosen AS (
  SELECT object, person_id, role, book, share, from_day, to_day, rank FROM candidates
), mixed AS (
  SELECT object, book FROM chosen GROUP BY object, book HAVING count(DISTINCT rank) > 1
), edges AS (
  SELECT c.object, c.book, c.from_day AS day FROM chosen AS c JOIN mixed AS m ON m.object = c.object AND m.book = c.book
  UNION
  SELECT c.object, c.book, c.to_day FROM chosen AS c JOIN mixed AS m ON m.object = c.object AND m.book = c.book
), parts AS (
  SELECT object, book, day AS start_day, lead(day) OVER (PARTITION BY object, book ORDER BY day) AS end_day FROM edges
), cut AS (
  SELECT c.object, c.person_id, c.role, c.book, c.share, p.start_day, p.end_day
  FROM parts AS p
  JOIN chosen AS c ON c.object = p.object AND c.book = p.book AND c.from_day < p.end_day AND c.to_day > p.start_day
  WHERE p.end_day IS NOT NULL
  QUALIFY c.rank = min(c.rank) OVER (PARTITION BY p.object, p.book, p.start_day)
), resolved AS (
  SELECT object, person_id, role, book, share, start_day, end_day FROM cut
  UNION ALL
  SELECT c.object, c.person_id, c.role, c.book, c.share, c.from_day, c.to_day
  FROM chosen AS c ANTI JOIN mixed AS m ON m.object = c.object AND m.book = c.book
)
SELECT r.object, s.subject_no, s.span_no, r.role, r.book, r.share,
       greatest(r.start_day, s.start_day) AS start_day, least(r.end_day, s.end_day) AS end_day
FROM resolved AS r
JOIN w_person AS p ON p.subject_id = r.person_id
JOIN w_span AS s ON s.subject_no = p.subject_no AND s.start_day < r.end_day AND s.end_day > r.start_day
"""
_ACCOUNT_CANDIDATES = """
SELECT account_no AS object, person_id, role, coalesce(book, 'main') AS book, share, from_day, to_day, 1 AS rank
FROM f_assignments WHERE grain = 'account' AND account_no IS NOT NULL
UNION ALL
SELECT a.account_no, g.person_id, g.role, coalesce(g.book, 'main'), g.share, g.from_day, g.to_day, 2
FROM f_assignments AS g JOIN f_accounts AS a ON a.customer_id = g.object_id WHERE g.grain = 'customer'
"""
_LOAN_CANDIDATES = """
SELECT object_id AS object, person_id, role, coalesce(book, 'main') AS book, share, from_day, to_day, 1 AS rank
FROM f_assignments WHERE grain = 'loan'
UNION ALL
SELECT l.loan_id, g.person_id, g.role, coalesce(g.book, 'main'), g.share, g.from_day, g.to_day, 2
FROM f_assignments AS g JOIN f_loans AS l ON l.customer_id = g.object_id WHERE g.grain = 'customer'
"""
_PLAIN_CANDIDATES = """
SELECT object_id AS object, person_id, role, coalesce(book, 'main') AS book, share, from_day, to_day, 1 AS rank
FROM f_assignments WHERE grain = :grain
"""
_PLACES = """
WITH moved AS (
  SELECT a.account_no, a.institution_id AS opened_at, m.institution_id, m.from_day, m.to_day,
         lead(m.from_day) OVER (PARTITION BY a.account_no ORDER BY m.from_day) AS next_day,
         lag(m.to_day) OVER (PARTITION BY a.account_no ORDER BY m.from_day) AS last_day
  FROM f_account_institutions AS m JOIN f_accounts AS a ON a.account_id = m.account_id
), places AS (
  SELECT account_no, institution_id, from_day AS start_day, to_day AS end_day FROM moved
  UNION ALL
  SELECT account_no, opened_at, to_day, coalesce(next_day, DATE '9999-12-31') FROM moved
  WHERE to_day < coalesce(next_day, DATE '9999-12-31')
  UNION ALL
  SELECT account_no, opened_at, DATE '0001-01-01', from_day FROM moved WHERE last_day IS NULL
  UNION ALL
  SELECT a.account_no, a.institution_id, DATE '0001-01-01', DATE '9999-12-31'
  FROM f_accounts AS a ANTI JOIN f_account_institutions AS m ON m.account_id = a.account_id
)
SELECT p.account_no, i.subject_no, p.start_day, p.end_day
FROM places AS p JOIN w_institution AS i ON i.subject_id = p.institution_id
"""

_RATES = """
WITH held AS (
  SELECT a.account_no, r.from_day AS start_day, r.to_day AS end_day, r.rate, r.rate_kind
  FROM f_account_rates AS r JOIN f_accounts AS a ON a.account_id = r.account_id
), gaps AS (
  SELECT account_no, end_day AS start_day,
         coalesce(lead(start_day) OVER (PARTITION BY account_no ORDER BY start_day), DATE '9999-12-31') AS end_day
  FROM held
  UNION ALL
  SELECT a.account_no, DATE '0001-01-01', coalesce(min(h.start_day), DATE '9999-12-31')
  FROM f_accounts AS a LEFT JOIN held AS h ON h.account_no = a.account_no GROUP BY a.account_no
)
SELECT account_no, start_day, end_day, rate, rate_kind FROM held
UNION ALL
SELECT account_no, start_day, end_day, NULL, NULL FROM gaps WHERE start_day < end_day
"""
_TEAMS = """
SELECT CAST(row_number() OVER (ORDER BY team_id) - 1 AS INTEGER) AS subject_no, team_id AS subject_id
FROM (SELECT team_id FROM f_teams UNION SELECT team_id FROM f_posts) AS x WHERE team_id IS NOT NULL
"""


def lay_people(engine: Engine) -> None:
    """Create the ground tables of who there is, and in which post; not of what anybody is credited with."""
    engine.create("w_person", filled(_PERSONS))
    engine.create("w_institution", filled(_INSTITUTIONS))
    engine.create("w_above", filled(_ABOVE))
    engine.create("w_span", filled(_SPANS))
    engine.create("w_team", filled(_TEAMS))


def lay_ground(engine: Engine) -> None:
    """Create the ground tables from the facts that the engine reads."""
    lay_people(engine)
    engine.create("w_credit_account", filled(_SPECIFIC_FIRST, candidates=filled(_ACCOUNT_CANDIDATES)))
    engine.create("w_credit_loan", filled(_SPECIFIC_FIRST, candidates=filled(_LOAN_CANDIDATES)))
    for grain in ("customer", "event"):
        plain = filled(_PLAIN_CANDIDATES, grain=literal(grain))
        engine.create(f"w_credit_{grain}", filled(_SPECIFIC_FIRST, candidates=plain))
    engine.create("w_account_place", filled(_PLACES))
    engine.create("w_rate", filled(_RATES))


def literal(text: str) -> exp.Expr:
    """Return a text literal."""
    return exp.Literal.string(text)
