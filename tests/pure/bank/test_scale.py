"""The large import folder: same seed, same rows; shares and transfers are there; the total is exact."""

from pathlib import Path

import duckdb
import pytest

from guanhu.bank.scale import KINDS, generate_scale

ACCOUNTS, MANAGERS = 2000, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale")
    generate_scale(folder, ACCOUNTS, MANAGERS, 1)
    return folder


def answer(folder: Path, query: str) -> tuple:
    with duckdb.connect() as connection:
        for kind in KINDS:
            connection.read_parquet(str(folder / f"{kind}.parquet")).create_view(kind)
        row = connection.execute(query).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_rows(folder: Path, tmp_path: Path, kind: str) -> None:
    generate_scale(tmp_path / "again", ACCOUNTS, MANAGERS, 1)
    with duckdb.connect() as connection:
        first, again = (
            connection.read_parquet(str(each / f"{kind}.parquet")).fetchall()
            for each in (folder, tmp_path / "again")
        )
    assert first == again


# what is counted, the query, expected
COUNTS = [
    ("accounts", "SELECT count(DISTINCT account_id) FROM accounts", ACCOUNTS),
    ("opening rows", "SELECT count(*) FROM balances WHERE from_day = DATE '2025-01-01'", ACCOUNTS),
    ("doubled days", "SELECT count(*) - count(DISTINCT (account_id, from_day)) FROM balances", 0),
    (
        "days outside",
        "SELECT count(*) FROM balances WHERE from_day NOT BETWEEN '2025-01-01' AND '2025-03-31'",
        0,
    ),
    ("shared 60/40", "SELECT count(*) FROM assignments WHERE share = 0.6 AND role = 'lead'", ACCOUNTS // 20),
    (
        "the other 40",
        "SELECT count(*) FROM assignments WHERE share = 0.4 AND role = 'second'",
        ACCOUNTS // 20,
    ),
    ("on 15 February", "SELECT count(*) FROM assignments WHERE from_day = '2025-02-15'", ACCOUNTS // 10),
    (
        "on another day",
        "SELECT count(*) FROM assignments WHERE from_day NOT IN ('2025-01-01', '2025-02-15')",
        ACCOUNTS // 20,
    ),
    (
        "transfers to oneself",
        """
        SELECT count(*) FROM (
            SELECT object_id FROM assignments GROUP BY object_id HAVING count(*) > count(DISTINCT person_id)
        )""",
        0,
    ),
    (
        "shares that do not sum to one on the last day",
        """
        SELECT count(*) FROM (
            SELECT object_id FROM assignments WHERE to_day = '2025-03-31'
            GROUP BY object_id HAVING sum(share) <> 1
        )""",
        0,
    ),
]


@pytest.mark.parametrize(
    ("query", "expected"), [(query, n) for _, query, n in COUNTS], ids=[c[0] for c in COUNTS]
)
def test_count_of(folder: Path, query: str, expected: int) -> None:
    assert answer(folder, query) == (expected,)


def test_accounts_change_about_ten_times(folder: Path) -> None:
    rows, least, most = answer(
        folder, "SELECT sum(n), min(n), max(n) FROM (SELECT count(*) AS n FROM balances GROUP BY account_id)"
    )
    assert (least, most) == (9, 13)
    assert 10 <= rows / ACCOUNTS <= 12


def test_columns_are_typed(folder: Path) -> None:
    types = answer(
        folder, "SELECT typeof(account_id), typeof(from_day), typeof(balance) FROM balances LIMIT 1"
    )
    assert types == ("VARCHAR", "DATE", "DECIMAL(18,2)")


def test_the_control_total_is_a_sum_over_days(folder: Path) -> None:
    equal = answer(
        folder,
        """
        SELECT sum(b.balance) = (SELECT value FROM figures WHERE item = '存款积数总账')
        FROM (
            SELECT account_id, DATE '2025-01-01' + CAST(number AS INTEGER) AS day
            FROM accounts, range(90) AS t(number)
        ) AS d
        ASOF JOIN balances AS b ON b.account_id = d.account_id AND b.from_day <= d.day
        """,
    )
    assert equal == (True,)


def test_one_manager_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least two managers"):
        generate_scale(tmp_path, 10, 1, 1)
