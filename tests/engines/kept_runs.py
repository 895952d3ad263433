"""A small bank and a kept run of a small rulebook, for what is written about runs."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.running import run_rulebook
from guanhu.appraisal.runs import RunFolder
from guanhu.bank.generate import generate
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.values.problem import errors_in

NASTY_NAME = "=1+1<b>|*名*"
RULES = """\
rulebook: small
name: 小办法
calendar: {every: quarter}
who:
  managers: {name: "=客户经理", clause: 第一条, is: post = 客户经理}
  places: {name: 机构, clause: 第一条, is: level = 支行, subject: institution}
words:
  posts: {of: post, are: [客户经理, 支行行长, 营业部总经理, 业务代办员, 内勤]}
  grades: {of: grade, are: [初级, 中级, 高级], ladder: yes}
  levels: {of: level, are: [总行, 分行, 支行, 网点]}
inputs:
  price: {name: 计酬率, clause: 第三条, unit: ratio}
  stock_price: {name: 存量价, clause: 第三条, by: [grade], unit: ratio}
tables:
  size_points:
    name: 规模得分
    clause: 第二条
    by: [deposits]
    gives: {points: points}
    rows: [["< 100万", 10], ["[100万, 1000万)", 20], [">= 1000万", 30]]
    assume: 上限归上一档
    doubt: {name: 档次, says: 按一百万分档, other: {rows: [["< 200万", 10], [">= 200万", 20]]}}
measures:
  deposits: {name: 存款日均, clause: 第二条, from: balances, where: currency = CNY}
  before: {name: 上季存款日均, clause: 第二条, like: deposits, over: last quarter}
lines:
  growth_points:
    name: 增长得分
    clause: 第二条
    who: managers
    score: "40 + steps(growth(deposits, before) - 5%, 1%, completed) * 2"
    most: 60
    least: 0
  size: {name: 规模得分, clause: 第二条, who: managers, score: size_points}
  total: {name: "@总分", clause: 第二条, who: managers, total: [growth_points, size]}
  stock_pay: {name: 存量计酬, clause: 第三条, who: managers, every: month, pay: deposits * stock_price, least: 0}
  extra_pay: {name: 另计, clause: 第三条, who: managers, every: month, pay: deposits * price, doubt: {name: 另计, says: 没有写价}}
  place_deposits: {name: 机构存款, clause: 第四条, who: places, unit: money, value: deposits}
checks:
  low: {name: 得分偏低, clause: 第四条, who: managers, when: total < 60, says: 低于六十分}
decisions:
  watch: {name: 警示, clause: 第四条, who: managers, when: low, says: 给予警示}
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A bank folder and one kept run of it."""

    bank: Path
    run: RunFolder

    def open(self) -> OpenRun:
        """Open the run for explaining."""
        return OpenRun(DuckDBEngine, Bank(self.bank), self.run)


def kept_run(folder: Path) -> Kept:
    """Invent a bank of two quarters, run the rulebook over the second, and keep the run."""
    generate(folder / "files", 500, 20, 2, 3)
    for quarter in sorted((folder / "files").iterdir()):
        _rename(quarter / "staff.csv")
        _price(quarter / "parameters.csv")
    bank = Bank.create(folder / "bank", "小银行")
    for quarter in sorted((folder / "files").iterdir()):
        result = import_folder(quarter, bank)
        assert [problem.text("en") for problem in errors_in(result.problems)] == []
    rules = folder / "rules"
    rules.mkdir()
    (rules / "rulebook.yaml").write_text(RULES, "utf-8")
    ran = run_rulebook(DuckDBEngine, bank, rules, "2025Q4")
    return Kept(folder / "bank", ran.folder)


def _rename(path: Path) -> None:
    """Give everybody in a staff file a name that spreadsheets, browsers and Markdown would misread."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    name = rows[0].index("name")
    for row in rows[1:]:
        row[name] = NASTY_NAME
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _price(path: Path) -> None:
    """Supply the prices of stock by grade; `price` stays unknown."""
    lines = path.read_text("utf-8").splitlines()
    first, last = lines[1].split(",")[3:5]
    rates = {"高级": "0.6‰", "中级": "0.5‰", "初级": "0.4‰"}
    lines += [f"small,stock_price,{grade},{first},{last},{rate},文件,行长" for grade, rate in rates.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
