"""The plan of an oil dealer over three months of hand-made sales: what the text says, from both readings.

甲  hired long ago   1 t, 1 t, then 1.5 t of 3     below half twice, then exactly half; C1 reaches its tonne
乙  hired 14 February, the 30th day is 15 March     sells 999.99 on the 15th and 0.01 on the 16th
丙  not a manager     commission of 6 % only
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.running import Ran, run_rulebook
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank

ROOT = Path(__file__).resolve().parents[2]
RULEBOOK = ROOT / "rulebooks/industrial-oil"
FILES = {
    "institutions.csv": "institution_id,from_day,to_day,name,level\nA,2013-01-01,,本部,支行\n",
    "staff.csv": "person_id,name,hired_on\n甲,甲,2010-01-01\n乙,乙,2025-02-14\n丙,丙,2010-01-01\n",
    "posts.csv": (
        "person_id,from_day,to_day,post,grade,institution_id\n"
        "甲,2013-01-01,,客户经理,,A\n乙,2025-02-14,,客户经理,,A\n丙,2013-01-01,,其他人员,,A\n"
    ),
    "assignments.csv": "grain,object_id,person_id,role,share,from_day,to_day,origin\n",
    "customers.csv": "customer_id,name\nC1,一号\nC2,二号\nC3,三号\n",
    "figures.csv": (
        "scope,subject_id,item,from_day,to_day,value\n"
        "person,甲,底薪,2025-01-01,,2000\nperson,乙,底薪,2025-02-14,,1800\n"
    ),
    "parameters.csv": "rulebook,input,keys,from_day,to_day,value\nindustrial-oil,月定量,,2025-01-01,,3\n",
    "human_decisions.csv": "decision_id,day,rulebook,person_id,input,value,reason,decided_by\n",
    "event_receipt.csv": (
        "event_id,day,person_id,oil,tonnes,profit\n"
        "R1,2025-01-10,甲,工业油,1,1000\nR2,2025-02-10,甲,工业油,1,1000\nR3,2025-03-31,甲,车用油,1.5,1000\n"
        "R4,2025-03-20,乙,工业油,4.6,3000\nR5,2025-03-20,丙,工业油,1,500\n"
    ),
    "event_sale.csv": (
        "event_id,day,person_id,customer_id,buyer,tonnes,amount,is_old\n"
        "S1,2024-12-20,甲,C1,维修部或代理商,0.5,100,否\nS2,2025-01-05,甲,C1,维修部或代理商,0.5,100,否\n"
        "S3,2025-02-05,甲,C1,维修部或代理商,5,100,否\nS4,2025-02-05,甲,C2,规模以上企业,9,100,是\n"
        "S5,2025-03-15,乙,C3,中小工矿或车队,1.99,999.99,否\nS6,2025-03-16,乙,C3,中小工矿或车队,0.01,0.01,否\n"
    ),
    "coverage.yaml": """\
coverage:
  - {kinds: [institutions, posts, assignments, figures, parameters, human_decisions, receipt, sale], from: 2013-01-01, to: 2025-12-31}
  - {kinds: [staff, customers], from: 2013-01-01, to: 2025-12-31}
events:
  receipt: {name: 回款, columns: {oil: {type: choice}, tonnes: {type: number}, profit: {type: money}}}
  sale: {name: 出货, columns: {buyer: {type: choice}, tonnes: {type: number}, amount: {type: money}, is_old: {type: yesno}}}
""",
}
WANTED = """
    who  instance                 line          amount  why
    甲   2025-01                  提成              60  1000 × 6 %
    甲   2025-01                  底薪下浮        -100  the first month below half
    甲   2025-01                  开发奖           100  C1 comes to exactly one tonne, with December's half
    甲   2025-01                  应发            2060  2000 + 60 - 100 + 100
    甲   2025-02                  底薪下浮        -200  the second month in a row
    甲   2025-02                  开发奖             0  C1 was paid for; C2 is an old customer
    甲   2025-03                  提成             100  exactly half: 1000 × 10 %
    甲   2025-03                  底薪下浮           0  half is not below half
    乙   2025-03                  提成             600  153 %: 3000 × 20 %
    乙   2025-03                  开发奖           300  C3 comes to exactly two tonnes
    丙   2025-03                  其他人员提成      30  500 × 6 %
    乙   2025-02-14..2025-03-15   新人奖             0  the cent of the 31st day is too late
    甲   2025Q1                   季冠军奖           0  3.5 tonnes
    乙   2025Q1                   季冠军奖         300  4.6 tonnes
"""
ROWS = [line.split(maxsplit=4) for line in WANTED.strip().splitlines()[1:]]


def oil_bank(folder: Path) -> Bank:
    """Return the dealer's facts as a bank."""
    (folder / "in").mkdir()
    for name, text in FILES.items():
        (folder / "in" / name).write_text(text, "utf-8")
    bank = Bank.create(folder / "bank", "油品公司")
    assert [p.text("en") for p in import_folder(folder / "in", bank).problems] == []
    return bank


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRun]:
    bank = oil_bank(tmp_path_factory.mktemp("oil"))
    ran: Ran = run_rulebook(DuckDBEngine, bank, RULEBOOK, "2025Q1")
    assert [p.text("en") for p in ran.problems] == []
    with closing(OpenRun(DuckDBEngine, bank, ran.folder)) as run:
        yield run


@pytest.mark.parametrize(
    ("who", "instance", "line", "amount", "why"), ROWS, ids=[" ".join(r[:3]) for r in ROWS]
)
def test_both_readings_pay_what_the_text_says(
    opened: OpenRun, who: str, instance: str, line: str, amount: str, why: str
) -> None:
    traces = {trace.instance.key: trace for trace in opened.explain(who)}
    assert traces[instance].whole[line] == Fraction(amount), why
    query = "SELECT num, den FROM read_parquet($1) WHERE subject_id = $2 AND instance = $3 AND line = $4"
    with closing(DuckDBEngine()) as kept:
        ((num, den),) = kept.connection.execute(
            f"{query} AND spell_no = 0", [str(opened.run.table("lines")), who, instance, line]
        ).fetchall()
    assert Fraction(int(num), int(den)) == Fraction(amount), why
