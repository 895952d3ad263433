-- One import folder as views over numbered accounts. Needs the variables `accounts`, `managers` and `seed`.
-- Draws are hashes of the account's number, the seed and a number of their own.

SET enable_progress_bar = false;

CREATE MACRO draw(number, salt, sides) AS CAST(hash(number, getvariable('seed'), salt) % sides AS BIGINT);
CREATE MACRO account_id(number) AS printf('A%09d', number);
CREATE MACRO person_id(number) AS printf('E%06d', number);
CREATE MACRO branch_id(number) AS printf('B%04d', number);
CREATE MACRO first_day() AS DATE '2025-01-01';
CREATE MACRO last_day() AS DATE '2025-03-31';
CREATE MACRO branches() AS greatest(1, getvariable('managers') // 50);
CREATE MACRO owner(number) AS draw(number, 1, getvariable('managers'));
CREATE MACRO other_owner(number) AS
    (owner(number) + 1 + draw(number, 2, getvariable('managers') - 1)) % getvariable('managers');

CREATE VIEW institutions AS
SELECT 'B' AS institution_id, first_day() AS from_day, last_day() AS to_day, '示例市商业银行' AS name,
    '总行' AS level, CAST(NULL AS VARCHAR) AS parent_id
UNION ALL
SELECT branch_id(number), first_day(), last_day(), printf('示例市第%d支行', number + 1), '支行', 'B'
FROM range(branches()) AS t(number);

CREATE VIEW staff AS
SELECT person_id(number) AS person_id, printf('示例员工%d', number + 1) AS name, '在册' AS person_kind
FROM range(getvariable('managers')) AS t(number);

CREATE VIEW posts AS
SELECT person_id(number) AS person_id, first_day() AS from_day, last_day() AS to_day, '客户经理' AS post,
    ['高级', '中级', '中级', '初级', '初级'][1 + number % 5] AS grade, branch_id(number % branches()) AS institution_id
FROM range(getvariable('managers')) AS t(number);

CREATE VIEW customers AS
SELECT printf('C%09d', number) AS customer_id, CASE WHEN number % 4 = 0 THEN '对公' ELSE '个人' END AS customer_kind
FROM range((getvariable('accounts') + 1) // 2) AS t(number);

CREATE VIEW accounts AS
SELECT account_id(number) AS account_id, printf('C%09d', number // 2) AS customer_id,
    ['活期', '定期', '协定', '通知'][1 + number % 4] AS product,
    ['活期', '一年', '协定', '七天'][1 + number % 4] AS deposit_kind,
    'CNY' AS currency, branch_id(owner(number) % branches()) AS institution_id,
    DATE '2019-01-01' + CAST(draw(number, 3, 2000) AS INTEGER) AS opened_on
FROM range(getvariable('accounts')) AS t(number);

-- An opening row and 8 to 12 changes; each has a week of its own, so no two fall on one day.
CREATE VIEW changes AS
SELECT number,
    CASE WHEN week = 0 THEN 0 ELSE 7 * week - 6 + draw(number * 13 + week, 4, 7) END AS day,
    (1 + draw(number, 5, 999)) * [10000, 100000, 100000, 1000000][1 + draw(number, 6, 4)]
        // 100 * (20 + draw(number * 13 + week, 7, 180)) + draw(number * 13 + week, 8, 100) AS fen
FROM (
    SELECT number, unnest(range(9 + draw(number, 9, 5))) AS week
    FROM range(getvariable('accounts')) AS t(number)
);

CREATE VIEW balances AS
SELECT account_id(number) AS account_id, first_day() + CAST(day AS INTEGER) AS from_day,
    CAST(fen AS DECIMAL(16, 0)) * CAST(0.01 AS DECIMAL(2, 2)) AS balance
FROM changes;

-- 5 % are shared 60/40, 10 % change hands in the middle of the quarter, 5 % on some other day of a month.
CREATE VIEW assignments AS
SELECT 'account' AS grain, account_id(number) AS object_id, person_id(part.owner) AS person_id, part.role AS role,
    CAST(part.share AS DECIMAL(3, 0)) * CAST(0.01 AS DECIMAL(2, 2)) AS share, part.from_day AS from_day, part.to_day AS to_day
FROM (
    SELECT number, unnest(
        CASE
            WHEN number % 20 = 1 THEN [
                {owner: owner(number), role: 'lead', share: 60, from_day: first_day(), to_day: last_day()},
                {owner: other_owner(number), role: 'second', share: 40, from_day: first_day(), to_day: last_day()}
            ]
            WHEN turn IS NOT NULL THEN [
                {owner: owner(number), role: 'lead', share: 100, from_day: first_day(), to_day: turn - 1},
                {owner: other_owner(number), role: 'lead', share: 100, from_day: turn, to_day: last_day()}
            ]
            ELSE [{owner: owner(number), role: 'lead', share: 100, from_day: first_day(), to_day: last_day()}]
        END
    ) AS part
    FROM (
        SELECT number,
            CASE
                WHEN number % 10 = 0 THEN DATE '2025-02-15'
                WHEN number % 20 = 7 THEN first_day() + CAST(5 + draw(number, 10, 40) + 41 * draw(number, 11, 2) AS INTEGER)
            END AS turn
        FROM range(getvariable('accounts')) AS t(number)
    )
);

CREATE VIEW figures AS
WITH ends AS (
    SELECT fen, coalesce(lead(day) OVER (PARTITION BY number ORDER BY day), 90) - day AS days FROM changes
)
SELECT 'bank' AS scope, 'bank' AS subject_id, '存款积数总账' AS item, first_day() AS from_day, last_day() AS to_day,
    CAST(sum(fen * days) AS DECIMAL(30, 0)) * CAST(0.01 AS DECIMAL(2, 2)) AS value
FROM ends;
