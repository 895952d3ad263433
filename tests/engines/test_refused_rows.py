"""One refused balance leaves its own manager's month unknown, and settles everybody else."""

import csv
from functools import partial
from pathlib import Path

import duckdb

from guanhu.appraisal.agreement import differences
from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.running import run_rulebook
from guanhu.bank.generate import generate
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.values.problem import errors_in

RULES = """\
rulebook: lost
name: 日均办法
calendar: {every: month}
who:
  managers: {name: 客户经理, clause: 第一条, is: "post in (客户经理, 支行行长)"}
  places: {name: 机构, clause: 第一条, is: level = 支行, subject: institution}
words:
  posts: {of: post, are: [客户经理, 支行行长, 营业部总经理, 业务代办员, 内勤]}
  levels: {of: level, are: [总行, 分行, 支行, 网点]}
measures:
  deposits: {name: 存款日均, clause: 第二条, from: balances}
  small: {name: 小额存款, clause: 第二条, from: balances, where: balance < 10万元}
  before: {name: 上年存款, clause: 第二条, like: deposits, over: base of last month}
lines:
  pay: {name: 计酬, clause: 第三条, who: managers, pay: deposits * 1‰}
  small_pay: {name: 小额计酬, clause: 第三条, who: managers, pay: small * 1‰}
  more: {name: 增量计酬, clause: 第三条, who: managers, pay: (deposits - before) * 1‰}
  place_pay: {name: 机构存款, clause: 第三条, who: places, pay: deposits * 1‰}
"""
ENGINE = partial(DuckDBEngine, threads=1)


def spoilt(path: Path, account: str, day: str) -> None:
    """Write a word where the balance of an account on a day stands."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    names = rows[0]
    (row,) = [
        r for r in rows[1:] if (r[names.index("account_id")], r[names.index("from_day")]) == (account, day)
    ]
    row[names.index("balance")] = "约十万"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_only_who_is_in_charge_is_not_settled(tmp_path: Path) -> None:
    generate(tmp_path / "files", 500, 20, 2, 5)
    first, second = sorted((tmp_path / "files").iterdir())
    with duckdb.connect() as connection:
        account, day, owner = connection.execute(
            f"SELECT b.account_id, CAST(b.from_day AS VARCHAR), a.person_id FROM read_csv('{second}/balances.csv', all_varchar=true) AS b "
            f"JOIN read_csv('{second}/assignments.csv', all_varchar=true) AS a "
            "ON a.object_id = b.account_id AND a.grain = 'account' "
            "WHERE coalesce(a.book, 'main') = 'main' AND b.from_day LIKE '2025-11-1%' AND a.from_day <= '2025-10-01' AND (a.to_day IS NULL OR a.to_day >= '2025-12-31') "
            f"AND a.share IN ('1', '100%') AND a.person_id IN (SELECT person_id FROM read_csv('{second}/posts.csv', all_varchar=true) WHERE post = '客户经理') ORDER BY 1, 2 LIMIT 1"
        ).fetchone()
    spoilt(second / "balances.csv", account, day)
    bank = Bank.create(tmp_path / "bank", "样行")
    assert errors_in(import_folder(first, bank).problems) == []
    taken = import_folder(second, bank, accept_good=True)
    assert taken.hole_count == 1
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rulebook.yaml").write_text(RULES, "utf-8")
    ran = run_rulebook(ENGINE, bank, tmp_path / "rules", "2025Q4")
    assert [p.code for p in ran.problems if p.code != "RUN062"] == ["RUN044"]
    unsettled = duckdb.sql(
        f"SELECT DISTINCT subject_id, instance FROM read_parquet('{ran.folder.table('lines')}') "
        "WHERE state <> 'ok' AND group_id = 'managers' AND line = 'pay' AND spell_no = 0 ORDER BY 2"
    ).fetchall()
    months = {month for _, month in unsettled}
    assert {person for person, _ in unsettled} == {owner}
    assert "2025-11" in months
    assert "2025-10" not in months
    opened = OpenRun(ENGINE, bank, ran.folder)
    compared, found = differences(opened)
    opened.close()
    assert found == []
    assert compared > 100
