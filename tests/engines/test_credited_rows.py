"""A run keeps the credited rows that its later lots are made of, and their amounts are the figures."""

from collections import defaultdict
from fractions import Fraction
from functools import partial
from pathlib import Path

import duckdb
import pytest

from guanhu.appraisal.running import Ran, run_rulebook
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.store import Bank
from tests.engines.kept_runs import kept_run

RULES = """\
rulebook: pieces
name: 逐笔办法
calendar: {every: quarter}
who:
  managers: {name: 客户经理, clause: 第一条, is: post = 客户经理}
words:
  posts: {of: post, are: [客户经理, 支行行长, 营业部总经理, 业务代办员, 内勤]}
tables:
  prices:
    clause: 第二条
    by: [pieces]
    gives: {price: money}
    how: per piece
    rows: [["[1, 3]", 5元], ["> 3", 8元]]
measures:
  rounded: {name: 手续费奖, clause: 第二条, from: fees, each: amount * 1.5%, round: fen per row}
  pieces: {name: 笔数, clause: 第二条, from: fees, take: count}
  plain: {name: 手续费, clause: 第二条, from: fees}
lines:
  bonus: {name: 奖励, clause: 第二条, pay: rounded}
  priced: {name: 逐笔, clause: 第二条, pay: prices}
  other: {name: 其他, clause: 第二条, pay: plain * 1%}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bank, Ran]:
    folder: Path = tmp_path_factory.mktemp("credited")
    bank = Bank(kept_run(folder).bank)
    (folder / "pieces").mkdir()
    (folder / "pieces" / "rulebook.yaml").write_text(RULES, "utf-8")
    return bank, run_rulebook(partial(DuckDBEngine, threads=1), bank, folder / "pieces", "2025Q4")


def table(ran: Ran, name: str) -> str:
    return f"read_parquet('{ran.folder.table(name)}')"


def test_amounts_are_the_figures(ran: tuple[Bank, Ran]) -> None:
    _, run = ran
    sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    rows = duckdb.sql(f"SELECT subject_id, measure, num, den, state FROM {table(run, 'credited')}").fetchall()
    for subject, measure, num, den, state in rows:
        assert state == "ok"
        sums[subject, measure] += Fraction(int(num), int(den))
    figures = duckdb.sql(
        f"SELECT subject_id, measure, sum(num), any_value(den) FROM {table(run, 'measures')} "
        "WHERE measure <> 'plain' GROUP BY ALL"
    ).fetchall()
    known = {(subject, measure): Fraction(int(num), int(den)) for subject, measure, num, den in figures}
    assert len(sums) > 10
    assert {key: value for key, value in known.items() if value} == {k: v for k, v in sums.items() if v}


def test_only_rows_that_matter_singly_are_kept(ran: tuple[Bank, Ran]) -> None:
    _, run = ran
    kept = duckdb.sql(f"SELECT DISTINCT measure FROM {table(run, 'credited')} ORDER BY 1").fetchall()
    assert kept == [("pieces",), ("rounded",)]


def test_each_row_is_found_again_by_its_key(ran: tuple[Bank, Ran]) -> None:
    bank, run = ran
    with duckdb.connect() as connection:
        bank.view().register(connection, ["fees"])
        rows, found = connection.execute(
            f"SELECT count(*), count(f.fee_id) FROM {table(run, 'credited')} AS c "
            "LEFT JOIN f_fees AS f ON f.batch_no = c.batch_no AND f.row_no = c.row_no "
            "AND f.fee_id = c.source AND f.day = c.day"
        ).fetchone()
    assert rows == found > 0


def test_each_amount_was_rounded_alone(ran: tuple[Bank, Ran]) -> None:
    bank, run = ran
    with duckdb.connect() as connection:
        bank.view().register(connection, ["fees"])
        rows = connection.execute(
            f"SELECT f.amount, c.share, c.num, c.den FROM {table(run, 'credited')} AS c "
            "JOIN f_fees AS f ON f.fee_id = c.source WHERE c.measure = 'rounded'"
        ).fetchall()
    for fen, share, num, den in rows:
        thousandths = Fraction(int(fen) * 15, 1000)
        rounded = int(abs(thousandths) + Fraction(1, 2)) * (1 if thousandths >= 0 else -1)
        assert Fraction(int(num), int(den)) == Fraction(rounded * int(share), 100 * 10**9)
