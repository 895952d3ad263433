"""SQL shapes of the fold: written once as text, parsed, and filled with tables and trees."""

from __future__ import annotations

ALWAYS = "CAST(:whole AS BIGINT) AS weight, DATE '0001-01-01' AS start_day, DATE '9999-12-31' AS end_day"
PIECES_ACCOUNT = f"SELECT account_no, account_no AS subject_no, 0 AS span_no, {ALWAYS} FROM f_accounts"
PIECES_LOAN = f"SELECT k.subject_id AS loan_id, k.subject_no, 0 AS span_no, {ALWAYS} FROM w_loan AS k"
PIECES_CUSTOMER_ACCOUNTS = f"SELECT a.account_no, k.subject_no, 0 AS span_no, {ALWAYS} FROM f_accounts AS a JOIN w_customer AS k ON k.subject_id = a.customer_id"
PIECES_CUSTOMER_LOANS = f"SELECT l.loan_id, k.subject_no, 0 AS span_no, {ALWAYS} FROM f_loans AS l JOIN w_customer AS k ON k.subject_id = l.customer_id"
CUSTOMERS = "SELECT CAST(row_number() OVER (ORDER BY customer_id) - 1 AS INTEGER) AS subject_no, customer_id AS subject_id FROM f_customers"
LOANS = "SELECT CAST(row_number() OVER (ORDER BY loan_id) - 1 AS INTEGER) AS subject_no, loan_id AS subject_id FROM f_loans"
DERIVED = {
    "account": "SELECT a.account_id AS id, CASE WHEN f.bad > 0 THEN NULL ELSE f.num END AS value FROM figure AS f JOIN f_accounts AS a ON a.account_no = f.subject_no",
    "customer": "SELECT k.subject_id AS id, CASE WHEN f.bad > 0 THEN NULL ELSE f.num END AS value FROM figure AS f JOIN w_customer AS k ON k.subject_no = f.subject_no",
    "loan": "SELECT k.subject_id AS id, CASE WHEN f.bad > 0 THEN NULL ELSE f.num END AS value FROM figure AS f JOIN w_loan AS k ON k.subject_no = f.subject_no",
}
LOAN_PLACES = """
SELECT l.loan_id, i.subject_no, 0 AS span_no, CAST(:whole AS BIGINT) AS weight, DATE '0001-01-01' AS start_day, DATE '9999-12-31' AS end_day
FROM f_loans AS l JOIN w_institution AS i ON i.subject_id = l.institution_id
"""
BASE_ACCOUNTS = """
SELECT account_no, subject_no, span_no, CAST(sum(weight * days) AS BIGINT) AS weight,
       DATE '0001-01-01' AS start_day, DATE '9999-12-31' AS end_day
FROM (
  SELECT p.account_no, p.subject_no, p.span_no, p.weight,
         date_diff('day', greatest(p.start_day, s.start_day), least(CASE WHEN p.end_day >= a.closed_on THEN DATE '9999-12-31' ELSE p.end_day END, s.end_day)) AS days
  FROM pieces AS p JOIN f_accounts AS a ON a.account_no = p.account_no
  JOIN spans AS s ON p.start_day < s.end_day
  WHERE a.closed_on IS NULL OR p.start_day < a.closed_on
) AS x
WHERE days > 0 GROUP BY ALL
"""
BASE_ACCOUNTS_OF_PEOPLE = """
WITH owned AS (
  SELECT p.*, a.closed_on, p.end_day >= a.closed_on AS is_last
  FROM pieces AS p JOIN f_accounts AS a ON a.account_no = p.account_no
  WHERE a.closed_on IS NULL OR p.start_day < a.closed_on
), held AS (
  SELECT account_no, subject_no, span_no, weight, start_day, end_day FROM owned
  UNION ALL
  SELECT o.account_no, o.subject_no, w.span_no, o.weight, greatest(w.start_day, o.end_day), w.end_day
  FROM owned AS o JOIN w_span AS w ON w.subject_no = o.subject_no AND w.end_day > o.end_day
  WHERE o.is_last
)
SELECT account_no, subject_no, span_no,
       CAST(sum(weight * date_diff('day', greatest(h.start_day, s.start_day), least(h.end_day, s.end_day))) AS BIGINT) AS weight,
       DATE '0001-01-01' AS start_day, DATE '9999-12-31' AS end_day
FROM held AS h JOIN spans AS s ON h.start_day < s.end_day AND h.end_day > s.start_day GROUP BY ALL
"""
BASE_LOANS = """
SELECT loan_id, subject_no, span_no,
       CAST(sum(weight * date_diff('day', greatest(p.start_day, s.start_day), least(p.end_day, s.end_day))) AS BIGINT) AS weight,
       DATE '0001-01-01' AS start_day, DATE '9999-12-31' AS end_day
FROM pieces AS p JOIN spans AS s ON p.start_day < s.end_day AND p.end_day > s.start_day GROUP BY ALL
"""
INTERVALS_ACCOUNT = """
SELECT k.subject_no, k.span_no, k.weight, k.seg_no,
       date_diff('day', greatest(b.from_day, k.start_day), least(b.to_day, k.end_day)) AS days
FROM (
  SELECT p.account_no, p.subject_no, p.span_no, p.weight, s.seg_no,
         greatest(p.start_day, s.start_day) AS start_day, least(p.end_day, s.end_day) AS end_day
  FROM pieces AS p JOIN segments AS s ON p.start_day < s.end_day AND p.end_day > s.start_day
) AS k
JOIN facts AS b ON b.account_no = k.account_no AND b.from_day < k.end_day AND b.to_day > k.start_day
"""
INTERVALS_LOAN = INTERVALS_ACCOUNT.replace("account_no", "loan_id")
INTERVALS_RATED = """
SELECT k.subject_no, k.span_no, k.weight, k.seg_no,
       date_diff('day', greatest(b.from_day, k.start_day, ra.start_day), least(b.to_day, k.end_day, ra.end_day)) AS days
FROM (
  SELECT p.account_no, p.subject_no, p.span_no, p.weight, s.seg_no,
         greatest(p.start_day, s.start_day) AS start_day, least(p.end_day, s.end_day) AS end_day
  FROM pieces AS p JOIN segments AS s ON p.start_day < s.end_day AND p.end_day > s.start_day
) AS k
JOIN facts AS b ON b.account_no = k.account_no AND b.from_day < k.end_day AND b.to_day > k.start_day
JOIN w_rate AS ra ON ra.account_no = k.account_no AND ra.start_day < least(b.to_day, k.end_day)
  AND ra.end_day > greatest(b.from_day, k.start_day)
"""
OWNER_OF_ACCOUNT = {
    "": "a.customer_id AS thing",
    "customer": "coalesce('c:' || a.customer_id, 'a:' || a.account_id) AS thing",
}
OWNER_OF_LOAN = {
    "": "l.customer_id AS thing",
    "customer": "coalesce('c:' || l.customer_id, 'l:' || l.loan_id) AS thing",
}
"""Whose a row is: of a count the customer; of a rounding each account or loan without a customer by itself."""
PIECES_ON = """
SELECT p.* REPLACE (DATE '0001-01-01' AS start_day, DATE '9999-12-31' AS end_day)
FROM pieces AS p WHERE p.start_day <= :day AND p.end_day > :day
"""
LOST_LOANS = """
SELECT p.subject_no, p.span_no, CAST(0 AS BIGINT) AS amount, TRUE AS is_bad
FROM lost AS h JOIN pieces AS p ON p.loan_id = h.id AND p.start_day < h.end_day AND p.end_day > h.start_day
"""
LOST_ACCOUNTS = """
SELECT p.subject_no, p.span_no, CAST(0 AS BIGINT) AS amount, TRUE AS is_bad
FROM lost AS h JOIN f_accounts AS a ON a.account_id = h.id
JOIN pieces AS p ON p.account_no = a.account_no AND p.start_day < h.end_day AND p.end_day > h.start_day
"""
LOST_DAYS = (
    "greatest(h.start_day, p.start_day) AS first_day",
    "date_diff('day', greatest(h.start_day, p.start_day), least(h.end_day, p.end_day)) AS days",
)
GATHER = """
SELECT subject_no, 0 AS spell_no, sum(amount) AS num, CAST(1 AS BIGINT) AS den, count(*) FILTER (WHERE is_bad) AS bad
FROM rows_ GROUP BY subject_no
"""
GATHER_SPELLS = """
SELECT r.subject_no, s.spell_no, sum(r.amount) AS num, CAST(1 AS BIGINT) AS den, count(*) FILTER (WHERE r.is_bad) AS bad
FROM rows_ AS r JOIN spells AS s ON s.span_no = r.span_no GROUP BY r.subject_no, s.spell_no
"""
GATHER_ABOVE = """
SELECT w.above_no AS subject_no, 0 AS spell_no, sum(r.num) AS num, CAST(1 AS BIGINT) AS den, sum(r.bad) AS bad
FROM rows_ AS r JOIN w_above AS w ON w.subject_no = r.subject_no GROUP BY w.above_no
"""
GATHER_WIDE = "SELECT subject_no, 0 AS spell_no, CAST(1 AS BIGINT) AS den FROM rows_ GROUP BY subject_no"
GATHER_WIDE_SPELLS = """
SELECT r.subject_no, s.spell_no, CAST(1 AS BIGINT) AS den
FROM rows_ AS r JOIN spells AS s ON s.span_no = r.span_no GROUP BY r.subject_no, s.spell_no
"""
GATHER_WIDE_ABOVE = """
SELECT w.above_no AS subject_no, 0 AS spell_no, CAST(1 AS BIGINT) AS den
FROM rows_ AS r JOIN w_above AS w ON w.subject_no = r.subject_no GROUP BY w.above_no
"""
