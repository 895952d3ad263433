"""What a shipped rulebook does row by row, counted by hand on tiny banks: rates, loss by class, two books."""

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.facts.store import Bank
from guanhu.rulebook import tree as t
from guanhu.rulebook.load.folder import load
from tests.pure.rulebook.tiny import line_values, tiny_bank

ROOT = Path(__file__).resolve().parents[3] / "rulebooks"


def loaded(name: str, **readings: str) -> t.Rulebook:
    rulebook, problems = load(ROOT / name, readings)
    assert [problem.text("en") for problem in problems] == []
    assert rulebook is not None
    return rulebook


COVERAGE = """coverage:
  - {kinds: [institutions, staff, posts, teams, customers, accounts, balances, account_rates, loans, loan_states,
             interest, fees, assignments, figures, parameters, human_decisions], from: 2024-01-01, to: 2025-12-31}
"""
INSTITUTIONS = "institution_id,from_day,to_day,name,level\nA,2020-01-01,,甲支行,支行\n"

# product, deposit and rate kinds, rate really paid; each account holds 100,000 on every day of 2025
DEPOSITS = [
    ("001", "活期", "活期", "0.35%", "CNY"),
    ("002", "定期", "定期", "2.75%", "CNY"),
    ("003", "通知", "活期", "1.35%", "CNY"),
    ("004", "保证金", "活期", "0.35%", "CNY"),
    ("005", "保证金", "定期", "2%", "CNY"),
    ("006", "保证金", "定期", "1.1%", "CNY"),
    ("007", "定活两便", "定期", "0.9%", "CNY"),
    ("008", "应解汇款", "不计息", "0%", "CNY"),
    ("009", "活期", "活期", "0.35%", "USD"),
]
# What one year of 100,000 comes to: lend at 3 %, less the rate that the clause counts, times the factor.
EFFECT = {
    "001": Fraction(100_000) * Fraction("0.0265"),  # demand at 0.35 %
    "002": Fraction(100_000) * Fraction("0.015") / 2,  # any term at one year's 1.5 %; factor 0.5
    "003": Fraction(100_000) * Fraction("0.0185"),  # call as agreement, 1.15 %
    "004": Fraction(100_000) * Fraction("0.0265"),  # margin paid as demand
    "005": Fraction(100_000) * Fraction("0.01"),  # paid 2 %, more than half a year's 1.3 %
    "006": Fraction(100_000) * Fraction("0.017"),  # paid 1.1 %, so half a year's 1.3 %
    "007": Fraction(100_000) * Fraction("0.0265"),  # 定活两便 as demand
}
PARAMETERS = [
    *(("sell_rate", product, "3%") for product in ("活期", "定期", "通知", "协定", "保证金", "定活两便")),
    *(("kind_factor", product, "1") for product in ("活期", "通知", "协定", "保证金", "定活两便")),
    ("kind_factor", "定期", "0.5"),
    *(("posted_rate", kind, rate) for kind, rate in (("活期", "0.35%"), ("半年", "1.3%"), ("一年", "1.5%"))),
    ("posted_rate", "协定", "1.15%"),
    ("stock_rate", "", "5%"),
    ("increment_rate", "A", "10%"),
    ("loan_factor", "流动资金贷款", "1.5%"),
    ("fee_rate", "", "10%"),
]


def cixi_bank(folder: Path) -> object:
    customers = [f"C{number}" for number, *_ in DEPOSITS]
    files = {
        "coverage.yaml": COVERAGE,
        "institutions.csv": INSTITUTIONS,
        "staff.csv": "person_id,name\np1,王一\np2,李二\n",
        "posts.csv": "person_id,from_day,to_day,post,institution_id\n"
        "p1,2024-01-01,,客户经理,A\np2,2024-01-01,,客户经理,A\n",
        "customers.csv": "customer_id,name\n" + "".join(f"{c},{c}\n" for c in customers),
        "accounts.csv": "account_id,customer_id,product,currency,institution_id,opened_on\n"
        + "".join(f"{a},C{a},{product},{money},A,2025-01-01\n" for a, product, _, _, money in DEPOSITS),
        "account_rates.csv": "account_id,from_day,rate,rate_kind\n"
        + "".join(f"{a},2025-01-01,{rate},{kind}\n" for a, _, kind, rate, _ in DEPOSITS),
        "balances.csv": "account_id,from_day,balance\n"
        + "".join(f"{a},2025-01-01,100000.00\n" for a, *_ in DEPOSITS),
        # Last year 100,000, this year twice that: half of it is stock and half increment.
        "loans.csv": "loan_id,customer_id,product,institution_id,granted_on,amount,rate\n"
        "L1,C001,流动资金贷款,A,2024-01-01,200000.00,5%\n",
        "loan_states.csv": "loan_id,from_day,balance,loan_class,overdue_days\n"
        "L1,2024-01-01,100000.00,正常,0\nL1,2025-01-01,200000.00,正常,0\n",
        "interest.csv": "interest_id,loan_id,day,due,received\n",
        "fees.csv": "fee_id,day,item,amount,customer_id\n",
        "teams.csv": "team_id,name\n",
        "figures.csv": "scope,subject_id,item,from_day,to_day,value\n",
        "human_decisions.csv": "decision_id,day,rulebook,person_id,input,value,reason,decided_by\n",
        # The first account is shared 60/40; all others are p1's.
        "assignments.csv": "grain,object_id,person_id,share,from_day,to_day\n"
        "account,001,p1,60%,2025-01-01,\naccount,001,p2,40%,2025-01-01,\n"
        + "".join(f"account,{a},p1,100%,2025-01-01,\n" for a, *_ in DEPOSITS[1:])
        + "loan,L1,p1,60%,2025-01-01,\nloan,L1,p2,40%,2025-01-01,\n",
        "parameters.csv": "rulebook,input,keys,from_day,to_day,value\n"
        + "".join(f"cixi,{name},{keys},2024-01-01,,{value}\n" for name, keys, value in PARAMETERS),
    }
    return tiny_bank(folder, files)


def quarter_pay(yearly: Fraction, rate: str) -> Fraction:
    """Return a yearly amount at a rate for the 90 days of the first quarter, to the fen."""
    exactly = yearly * Fraction(rate) * Fraction(90, 365)
    return Fraction(int(exactly * 100 + Fraction(1, 2)), 100)


def test_each_deposit_counts_at_the_rate_of_its_clause(tmp_path: Path) -> None:
    """All of it is increment, since last year held nothing; transfers to be paid out and dollars count for nothing."""
    bank = cixi_bank(tmp_path)
    found = line_values(bank, loaded("cixi"), "2025Q1", ["increment_pay", "stock_pay"])
    p1 = EFFECT["001"] * Fraction(60, 100) + sum(EFFECT[a] for a in EFFECT if a != "001")
    p2 = EFFECT["001"] * Fraction(40, 100)
    assert found["increment_pay"] == {"p1": quarter_pay(p1, "0.1"), "p2": quarter_pay(p2, "0.1")}
    assert found["stock_pay"] == {"p1": 0, "p2": 0}


def test_the_other_reading_puts_the_factor_on_the_rate_paid(tmp_path: Path) -> None:
    """Of the accounts only the term deposit has another factor than one: 3 % − 1.5 % × 0.5."""
    bank = cixi_bank(tmp_path)
    found = line_values(bank, loaded("cixi", 品种系数乘什么="other"), "2025Q1", ["increment_pay"])
    term = Fraction(100_000) * Fraction("0.0225")
    p1 = EFFECT["001"] * Fraction(60, 100) + sum(EFFECT[a] for a in EFFECT if a not in ("001", "002")) + term
    assert found["increment_pay"]["p1"] == quarter_pay(p1, "0.1")


def test_loans_have_stock_and_increment_as_deposits_do(tmp_path: Path) -> None:
    """Of 200,000 at 1.5 % half was there last year; the shares of this year hold for both halves."""
    bank = cixi_bank(tmp_path)
    lines = ["loan_stock_pay", "loan_increment_pay"]
    found = line_values(bank, loaded("cixi"), "2025Q1", lines)
    half = Fraction(100_000) * Fraction("0.015")
    for line, rate in zip(lines, ("0.05", "0.1"), strict=True):
        assert found[line] == {
            "p1": quarter_pay(half * Fraction(60, 100), rate),
            "p2": quarter_pay(half * Fraction(40, 100), rate),
        }


AUTHORITY = {"初级": 100, "中级": 300, "高级": 500}
"""In 万元, as 第二十五条3 of Huangshi has it; the first of each two people lends just so much, the second a fen more."""


@pytest.fixture(scope="module")
def lenders(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    rows = [
        (f"{grade}{extra}", grade, f"{limit * 10_000}.0{extra}")
        for grade, limit in AUTHORITY.items()
        for extra in (0, 1)
    ]
    files = {
        "coverage.yaml": COVERAGE,
        "institutions.csv": INSTITUTIONS,
        "staff.csv": "person_id,name\n" + "".join(f"{p},{p}\n" for p, *_ in rows),
        "posts.csv": "person_id,from_day,to_day,post,grade,institution_id\n"
        + "".join(f"{p},2024-01-01,,客户经理,{grade},A\n" for p, grade, _ in rows),
        "customers.csv": "customer_id,name\nC1,甲公司\n",
        "loans.csv": "loan_id,customer_id,product,institution_id,granted_on,amount,rate\n"
        + "".join(f"L{p},C1,流动资金贷款,A,2025-01-10,{amount},5%\n" for p, _, amount in rows),
        "loan_states.csv": "loan_id,from_day,balance,loan_class,overdue_days\n",
        "assignments.csv": "grain,object_id,person_id,share,from_day,to_day\n"
        + "".join(f"loan,L{p},{p},100%,2025-01-10,\n" for p, *_ in rows),
    }
    empty = {
        "teams.csv": "team_id,name\n",
        "accounts.csv": "account_id,customer_id,product,currency,institution_id,opened_on\n",
        "account_rates.csv": "account_id,from_day,rate\n",
        "balances.csv": "account_id,from_day,balance\n",
        "interest.csv": "interest_id,loan_id,day,due,received\n",
        "fees.csv": "fee_id,day,item,amount,customer_id\n",
        "figures.csv": "scope,subject_id,item,from_day,to_day,value\n",
        "human_decisions.csv": "decision_id,day,rulebook,person_id,input,value,reason,decided_by\n",
        "parameters.csv": "rulebook,input,keys,from_day,to_day,value\n",
    }
    return tiny_bank(tmp_path_factory.mktemp("lenders"), {**files, **empty})


@pytest.mark.parametrize(
    ("reading", "over", "joint"),
    [
        ("first", ["中级1", "初级1", "高级1"], ["高级1"]),
        ("other", ["中级1", "初级1", "高级0", "高级1"], ["高级0", "高级1"]),
    ],
)
def test_a_loan_of_just_the_authority_is_within_it(
    reading: str, over: list[str], joint: list[str], lenders: Bank
) -> None:
    """Only 500 万元 exactly is in doubt: it is a senior's 以下 and a head's 以上."""
    rulebook = loaded("huangshi", 恰好五百万元=reading)
    found = line_values(lenders, rulebook, "2025-01", ["over_authority", "joint_duty"])
    assert sorted(p for p, yes in found["over_authority"].items() if yes) == over
    assert sorted(p for p, yes in found["joint_duty"].items() if yes) == joint


LOANS = [
    ("L1", "正常", 10000),
    ("L2", "关注", 10000),
    ("L3", "次级", 1000),
    ("L4", "可疑", 600),
    ("L5", "损失", 50),
]
PROFIT_BANK = {
    "coverage.yaml": COVERAGE,
    "institutions.csv": INSTITUTIONS,
    "teams.csv": "team_id,name,institution_id\nT1,产品部,A\n",
    "staff.csv": "person_id,name\np1,王一\np2,李二\n",
    "posts.csv": "person_id,from_day,to_day,post,institution_id,team_id\n"
    "p1,2024-01-01,,客户经理,A,\np2,2024-01-01,,产品经理,A,T1\n",
    "customers.csv": "customer_id,name\nC1,甲公司\n",
    "accounts.csv": "account_id,customer_id,product,currency,institution_id,opened_on\n001,C1,活期,CNY,A,2024-01-01\n",
    "account_rates.csv": "account_id,from_day,rate\n001,2024-01-01,1%\n",
    # 旬均: the 10th, the 20th and the last day. 36,500 from 2025-01-15 to 01-24 meets one of nine days.
    "balances.csv": "account_id,from_day,balance\n"
    "001,2024-01-01,0.00\n001,2025-01-15,36500.00\n001,2025-01-25,0.00\n",
    "loans.csv": "loan_id,customer_id,product,institution_id,granted_on,amount,rate\n"
    + "".join(f"{loan},C1,流动资金贷款,A,2024-01-01,{amount}.00,5%\n" for loan, _, amount in LOANS),
    "loan_states.csv": "loan_id,from_day,balance,loan_class,overdue_days\n"
    + "".join(f"{loan},2024-01-01,{amount}.00,{kind},0\n" for loan, kind, amount in LOANS),
    "interest.csv": "interest_id,loan_id,day,due,received\nI1,L1,2025-02-20,120.00,100.00\n",
    "fees.csv": "fee_id,day,item,amount,customer_id\nF1,2025-02-05,国际结算,30.00,C1\nF2,2025-02-05,代理保险,70.00,C1\n",
    "figures.csv": "scope,subject_id,item,from_day,to_day,value\n",
    "human_decisions.csv": "decision_id,day,rulebook,person_id,input,value,reason,decided_by\n",
    # The customer is the manager's in the bank's book and wholly the department's in its own.
    "assignments.csv": "grain,object_id,person_id,share,book,from_day,to_day\n"
    "customer,C1,p1,100%,,2024-01-01,\ncustomer,C1,p2,100%,department,2024-01-01,\n",
    "parameters.csv": "rulebook,input,keys,from_day,to_day,value\n"
    "virtual-profit,lend_rate,,2024-01-01,,2%\nvirtual-profit,borrow_rate,,2024-01-01,,3%\n",
}
BY_HAND = {
    "interest_income": {"p1": Fraction(100)},
    "abroad_income": {"p1": Fraction(30)},
    "other_income": {"p1": Fraction(70)},
    "lent_income": {"p1": Fraction(0)},
    # 36,500 ÷ 9 days × 1 % × 90/365 = 10
    "own_cost": {"p1": Fraction(10)},
    # (21,650 − 36,500/9) × 3 % × 90/365 = 130.15…
    "borrowed_cost": {"p1": Fraction("130.15")},
    # 1,000 × 30 % + 600 × 50 % + 50 × 100 %
    "loan_loss": {"p1": Fraction(650)},
    "profit": {"p1": Fraction(200) - Fraction("140.15") - 650},
    "department_income": {"T1": Fraction(100)},
    "bank_income": {"bank": Fraction(100)},
}


@pytest.fixture(scope="module")
def profit(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    bank = tiny_bank(tmp_path_factory.mktemp("profit"), PROFIT_BANK)
    return line_values(bank, loaded("virtual-profit"), "2025Q1", list(BY_HAND))


@pytest.mark.parametrize("line", BY_HAND)
def test_virtual_profit_is_what_a_hand_counts(line: str, profit: dict[str, dict[str, object]]) -> None:
    assert profit[line] == BY_HAND[line]
