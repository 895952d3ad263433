"""The named measures of the library: a rulebook may use every one, and they come to what a hand counts."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.rulebook.load.folder import load_library, load_string
from tests.pure.rulebook.tiny import line_values, tiny_bank

NAMES = tuple(load_library([])[0])
HEAD = """
rulebook: every
name: 用遍指标库
calendar: {every: year}
words: {岗位: {of: post, are: [客户经理]}}
who: {managers: {clause: 第一条, is: post = 客户经理}}
lines:
"""


def rulebook_with(names: Sequence[str]) -> str:
    """Return a rulebook with one line for each measure."""
    return HEAD + "".join(
        f"  line{number}: {{clause: 第一条, value: {name}}}\n" for number, name in enumerate(names)
    )


FILES = {
    "coverage.yaml": """coverage:
  - {kinds: [institutions, staff, posts, customers, accounts, balances, account_rates, loans, loan_states,
             interest, fees, assignments, figures], from: 2024-01-01, to: 2025-12-31}
""",
    "institutions.csv": "institution_id,from_day,to_day,name,level\nA,2020-01-01,,甲支行,支行\n",
    "staff.csv": "person_id,name\np1,王一\n",
    "posts.csv": "person_id,from_day,to_day,post,institution_id\np1,2024-01-01,,客户经理,A\n",
    "customers.csv": "customer_id,name,customer_kind\nC1,甲公司,对公\nC2,李二,个人\n",
    "accounts.csv": """account_id,customer_id,product,account_kind,currency,institution_id,opened_on
001,C1,活期,基本户,CNY,A,2024-01-01
002,C2,定期,,CNY,A,2024-01-01
003,C1,活期,一般户,USD,A,2024-01-01
004,C1,活期,基本户,CNY,A,2025-03-01
""",
    # 001: 2000 all year and 3650 more on the last 61 days, which is 610 on average.
    "balances.csv": """account_id,from_day,balance
001,2024-01-01,1000.00
001,2025-01-01,2000.00
001,2025-11-01,5650.00
002,2024-01-01,1000.00
003,2024-01-01,9999.00
004,2025-03-01,0.00
""",
    "account_rates.csv": """account_id,from_day,rate
001,2024-01-01,0.5%
002,2024-01-01,2%
003,2024-01-01,1%
004,2025-03-01,0.5%
""",
    "loans.csv": """loan_id,customer_id,product,institution_id,granted_on,amount,rate
L1,C1,流动资金贷款,A,2024-06-01,10000.00,4%
L2,C2,消费贷款,A,2025-01-01,5000.00,5%
""",
    "loan_states.csv": """loan_id,from_day,balance,loan_class,overdue_days
L1,2024-06-01,10000.00,正常,0
L1,2025-12-01,10000.00,次级,100
L2,2025-01-01,5000.00,正常,0
""",
    "interest.csv": """interest_id,loan_id,day,due,received
I1,L1,2025-06-20,100.00,99.00
I2,L2,2025-06-20,50.00,50.00
""",
    "fees.csv": """fee_id,day,item,amount,customer_id
F1,2024-05-05,结算手续费,100.00,C1
F2,2025-05-05,理财,150.00,C1
""",
    # 40 % of C2 is nobody's.
    "assignments.csv": """grain,object_id,person_id,share,from_day,to_day
customer,C1,p1,100%,2024-01-01,
customer,C2,p1,60%,2024-01-01,
""",
    "figures.csv": """scope,subject_id,item,from_day,to_day,value
person,p1,存款计划,2025-01-01,2025-12-31,6000
institution,A,在岗人数,2025-01-01,2025-12-31,3
""",
}

BY_HAND = {
    "存款日均": Fraction(2610 + 600),
    "存款时点": Fraction(5650 + 600),
    "存款积数": Fraction(3210 * 365),
    "日均增量": Fraction(3210 - 1600),
    "存款增长率": Fraction(1610, 1600),
    "活期日均": Fraction(2610),
    "定期日均": Fraction(600),
    "对公存款日均": Fraction(2610),
    "储蓄存款日均": Fraction(600),
    "存款年息": Fraction("13.05") + 12,
    "存款计划": Fraction(6000),
    "存款计划完成率": Fraction("0.535"),
    "基数存款": None,
    "有余额户数": Fraction("1.6"),
    "净增有余额户": Fraction(0),
    "新开户数": Fraction(1),
    "新开对公基本户": Fraction(1),
    "贷款余额": Fraction(10000 + 3000),
    "贷款发放额": Fraction(3000),
    "贷款年息": Fraction(400 + 150),
    "不良贷款余额": Fraction(10000),
    "不良率": Fraction(769230769231, 10**12),
    "新增不良": Fraction(10000),
    "应收利息": Fraction(100 + 30),
    "实收利息": Fraction(99 + 30),
    "欠息额": Fraction(1),
    "收息率": Fraction(992307692308, 10**12),
    "当年新放贷款收息率": Fraction(1),
    "中间业务收入": Fraction(150),
    "中收增长率": Fraction("0.5"),
    "理财收入": Fraction(150),
    "代理保险收入": Fraction(0),
    "人均日均": Fraction(1070),
}


def values_of(names: Sequence[str], folder: Path, files: Mapping[str, str]) -> list[object]:
    """Return the values of measures in 2025 for the one manager of a tiny bank."""
    rulebook, problems = load_string(rulebook_with(names))
    assert [problem.text("en") for problem in problems] == []
    assert rulebook is not None
    lines = [f"line{number}" for number in range(len(names))]
    values = line_values(tiny_bank(folder, files), rulebook, "2025", lines)
    return [values[line]["p1"] for line in lines]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return dict(zip(NAMES, values_of(NAMES, tmp_path_factory.mktemp("library"), FILES), strict=True))


def test_a_rulebook_may_use_every_measure() -> None:
    rulebook, problems = load_string(rulebook_with(NAMES))
    assert [problem.text("en") for problem in problems] == []
    assert rulebook is not None
    assert set(NAMES) <= set(rulebook.measures)


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_measure_is_what_a_hand_counts(name: str, found: dict[str, object]) -> None:
    assert found[name] == BY_HAND[name]


def test_every_measure_has_a_definition() -> None:
    for name, tree in load_library([])[0].items():
        assert tree.get("note") is not None, f"{name}: hint: say in `note` what it is and when it is unknown"


def test_nothing_over_nothing_is_as_the_definition_says(tmp_path: Path) -> None:
    """Without loans the bad ratio is 0 and all interest is collected; a growth over nothing is unknown."""
    emptied = {
        name: FILES[name].splitlines()[0] + "\n" for name in ("loans.csv", "loan_states.csv", "interest.csv")
    }
    names = ("不良率", "收息率", "贷款增长率")
    assert values_of(names, tmp_path, {**FILES, **emptied}) == [Fraction(0), Fraction(1), None]


def test_an_increment_cannot_be_put_into_another_window() -> None:
    """Both of its sides would be last year's, and the increment 0."""
    text = rulebook_with(["日均增量 over last year"])
    rulebook, problems = load_string(text)
    assert rulebook is None
    assert [(problem.code, problem.place.line) for problem in problems] == [("RUL044", text.count("\n"))]
