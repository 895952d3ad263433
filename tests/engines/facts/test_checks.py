"""Every problem of files and rows, word for word, with its place: one small wrong folder each.

The golden file holds what is printed in both languages; a code that no folder shows fails the test.
"""

from datetime import date, datetime
from pathlib import Path

import pytest

from guanhu.facts.importing import check_folder
from guanhu.facts.problems import WORDINGS
from guanhu.values.problem import Problem
from tests.engines.facts.folders import BASICS, COVERED, covering, write_folder
from tests.engines.facts.workbooks import parquet, sheet_of, workbook, workbook_of

GOLDEN = Path(__file__).with_name("golden") / "problems.txt"
QUARTER = ("2025-01-01", "2025-03-31")
BALANCES = COVERED + covering("balances", *QUARTER)
OPENING = "account_id,from_day,balance\n001,2025-01-01,1.00\n002,2025-01-01,2.00\n003,2025-01-01,3.00\n"
POSTS = COVERED + covering("posts", *QUARTER)
POST_HEADING = "person_id,from_day,to_day,post,institution_id\n"
ASSIGNED = COVERED + covering("assignments", *QUARTER)
ASSIGNED_HEADING = "grain,object_id,person_id,from_day,to_day,share\n"
LOANS = COVERED + covering("loans, loan_states, interest", *QUARTER)
LOAN = "loan_id,product,institution_id,granted_on,due_on,amount\nL1,流贷,A,2024-05-01,2025-05-01,100\n"

# name, files beside the basics (None takes one away), coverage (None: no coverage.yaml)
CASES: dict[str, tuple[dict[str, str | bytes | None], str | None]] = {
    "no coverage": ({}, None),
    "coverage that is no yaml": ({}, "coverage: [\n"),
    "coverage with an unknown word": ({}, COVERED + "  - {kinds: [staff], until: 2025-01-01}\nkind: x\n"),
    "coverage of an unknown kind": ({}, COVERED + covering("balance", *QUARTER)),
    "coverage with days turned round": ({}, COVERED + covering("fees", "2025-03-31", "2025-01-01")),
    "coverage with a day that does not exist": ({}, COVERED + covering("fees", "2025-02-30", "2025-03-31")),
    "coverage by institution of a kind that has none": ({}, COVERED + covering("parameters", *QUARTER, "A")),
    "empty coverage": ({}, "coverage: []\n"),
    "event without a type": (
        {},
        COVERED + "events:\n  violation: {name: 违规, columns: {points: {zh: 扣分}}}\n",
    ),
    "file without coverage": ({"fees.csv": "fee_id,day,item,amount\n"}, COVERED),
    "coverage without file": ({}, COVERED + covering("fees", *QUARTER)),
    "file of no kind": ({"balance.csv": OPENING}, COVERED),
    "two files of a kind": ({"员工.csv": "", "人员.csv": "person_id,name\np9,孙\n"}, COVERED),
    "file of another sort": ({"balances.xls": "x"}, COVERED),
    "empty file": ({"balances.csv": ""}, BALANCES),
    "unknown heading": ({"balances.csv": OPENING.replace("balance\n", "余额2\n", 1)}, BALANCES),
    "doubled heading": ({"balances.csv": "account_id,账号,from_day,balance\n"}, BALANCES),
    "damaged parquet": ({"balances.csv": None, "balances.parquet": "PAR1"}, BALANCES),
    "required cells empty": ({"balances.csv": OPENING + "001,2025-02-01,\n,2025-02-01,5\n"}, BALANCES),
    "dates": (
        {
            "balances.csv": OPENING
            + "001,2025-2-3,1\n001,2025/02/03,1\n001,2025-02-30,1\n001,45678,1\n001,1025-02-03,1\n"
        },
        BALANCES,
    ),
    "money": (
        {
            "balances.csv": OPENING
            + "001,2025-02-01,1.005\n001,2025-02-02,1e3\n001,2025-02-03,1_000\n001,2025-02-04,0012\n"
            + '001,2025-02-05, 12 \n001,2025-02-06,"1,234.56"\n001,2025-02-07,￥5\n001,2025-02-08,１２\n'
            + "001,2025-02-09,10000000000000\n001,2025-02-10,+5\n001,2025-02-11,.5\n001,2025-02-12,NaN\n"
        },
        BALANCES,
    ),
    "an overdraft": (
        {"balances.csv": OPENING + "001,2025-02-01,-1.50\n001,2025-02-03,0\n001,2025-02-04,-2\n"},
        BALANCES,
    ),
    "marks and blanks": (
        {"staff.csv": "person_id,name\np1,王一\u202e\np2, 李二\np 3,赵\nｐ4,钱\np5,孙\u200b\n"},
        COVERED,
    ),
    "a value that is not allowed": (
        {"assignments.csv": ASSIGNED_HEADING + "acount,001,p1,2025-01-01,,60%\n"},
        ASSIGNED,
    ),
    "shares and rates": (
        {
            "assignments.csv": ASSIGNED_HEADING
            + "account,001,p1,2025-01-01,,60\naccount,002,p1,2025-01-01,,-5%\n"
            + "account,003,p1,2025-01-01,,3/2\n"
            + "account,003,p2,2025-01-01,,0.3333333333\n",
            "account_rates.csv": "account_id,from_day,rate\n001,2025-01-01,2.275\n002,2025-01-01,2.275％\n",
        },
        ASSIGNED + covering("account_rates", *QUARTER),
    ),
    "doubled rows": ({"balances.csv": OPENING + "001,2025-02-01,1\n001,2025-02-01,1\n"}, BALANCES),
    "doubled ids": ({"staff.csv": "person_id,name\np1,王一\np1,王一\n"}, COVERED),
    "two posts on one day": (
        {
            "posts.csv": POST_HEADING
            + "p1,2025-01-01,2025-02-10,rm,A\np1,2025-02-10,,head,A\np2,2025-01-01,,rm,A\n"
        },
        POSTS,
    ),
    "last day before the first": ({"posts.csv": POST_HEADING + "p1,2025-02-01,2025-01-31,rm,A\n"}, POSTS),
    "closed before opened": (
        {
            "accounts.csv": BASICS["accounts.csv"]
            .replace("opened_on\n", "opened_on,closed_on\n")
            .replace("01\n", "01,2019-12-31\n")
        },
        COVERED,
    ),
    "rows outside the coverage": (
        {
            "balances.csv": OPENING + "001,2025-04-01,1\n001,2024-12-31,1\n",
            "posts.csv": POST_HEADING + "p1,2024-01-01,2024-12-31,rm,A\n",
        },
        BALANCES + covering("posts", *QUARTER),
    ),
    "rows of an institution outside the coverage": (
        {
            "balances.csv": OPENING,
            "posts.csv": POST_HEADING + "p1,2025-01-01,,rm,B\n",
            "fees.csv": "fee_id,day,item,amount,institution_id\n"
            "f1,2025-01-02,结算,5,\nf2,2025-01-02,结算,5,A\n",
        },
        COVERED + covering("balances, posts, fees", *QUARTER, "A"),
    ),
    "unknown references": (
        {
            "balances.csv": OPENING + "009,2025-01-01,1\n",
            "posts.csv": POST_HEADING + "p9,2025-01-01,,rm,C\n",
            "institutions.csv": BASICS["institutions.csv"]
            .replace("level\n", "level,parent_id\n")
            .replace("支行\n", "支行,Z\n"),
        },
        BALANCES + covering("posts", *QUARTER),
    ),
    "unknown objects of assignments": (
        {
            "assignments.csv": ASSIGNED_HEADING
            + "account,009,p1,2025-01-01,,1\nloan,L9,p1,2025-01-01,,1\nevent,f9,p1,2025-01-01,,1\n",
            "figures.csv": "scope,subject_id,item,from_day,to_day,value\nperson,p9,目标,2025-01-01,,5\n",
            "loans.csv": LOAN,
        },
        ASSIGNED + covering("loans", *QUARTER) + covering("figures", *QUARTER),
    ),
    "references to kinds never supplied": (
        {
            "accounts.csv": BASICS["accounts.csv"]
            .replace("opened_on\n", "opened_on,customer_id\n")
            .replace("01\n", "01,c1\n"),
            "interest.csv": "interest_id,loan_id,day,due,received\ni1,L1,2025-01-21,5,5\n",
        },
        COVERED + covering("interest", *QUARTER),
    ),
    "no opening row": (
        {"balances.csv": "account_id,from_day,balance\n001,2025-01-02,1\n002,2025-01-01,2\n"},
        BALANCES,
    ),
    "no opening row of a loan": (
        {
            "loans.csv": LOAN + "L2,流贷,A,2025-02-01,,50\n",
            "loan_states.csv": "loan_id,from_day,balance,loan_class\n"
            "L1,2025-02-01,90,正常\nL2,2025-02-01,50,正常\n",
            "interest.csv": "interest_id,loan_id,day,due,received\n",
        },
        LOANS,
    ),
    "an institution above itself": (
        {
            "institutions.csv": "institution_id,from_day,to_day,name,level,parent_id\n"
            "A,2020-01-01,2025-01-31,甲,支行,\nA,2025-02-01,,甲,支行,B\nB,2020-01-01,,乙,支行,C\nC,2020-01-01,,丙,支行,A\n"
        },
        COVERED,
    ),
    "shares above one": (
        {
            "assignments.csv": ASSIGNED_HEADING
            + "account,001,p1,2025-01-01,2025-02-10,60%\naccount,001,p2,2025-02-10,,40.0000001%\n"
            + "account,002,p1,2025-01-01,,1/3\naccount,002,p2,2025-01-01,,1/3\n"
            + "account,002,p3,2025-03-01,,0.333333335\n"
        },
        ASSIGNED,
    ),
    "a column stored as a float that should be an id": (
        {
            "balances.csv": None,
            "balances.parquet": b"SELECT 1.0::DOUBLE AS account_id, '2025-01-01' AS from_day, 1.5 AS balance",
        },
        BALANCES,
    ),
    "lines of another width": (
        {"balances.csv": OPENING + "001,2025-02-01\n001,2025-02-02,1,2\n\n001,x,1\n"},
        BALANCES,
    ),
    "a quote that is not closed": ({"staff.csv": 'person_id,name\np1,"王\np2,李\n' + "p,x\n" * 60}, COVERED),
    "a GB18030 line in a UTF-8 file": (
        {"staff.csv": "员工号,姓名\np1,王一\n".encode() + "p2,李二\n".encode("gb18030") + "p3,赵\n".encode()},
        COVERED,
    ),
    "a UTF-8 line in a GB18030 file": (
        {"staff.csv": "员工号,姓名\np1,王一\n".encode("gb18030") + "p2,李二\n".encode()},
        COVERED,
    ),
    "cells of a workbook that are not what they seem": (
        {
            "accounts.csv": None,
            "facts.xlsx": workbook(
                {
                    "账户": [
                        ["账号", "产品", "币种", "开户机构号", "开户日"],
                        [622202123456789012, "活期", "CNY", "A", date(2020, 1, 1)],
                        ["002", date(2025, 1, 2), "=1+1", "=NA()", 45678],
                        ["003", "活期", "CNY", "A", datetime(2020, 1, 1, 12, 30)],  # noqa: DTZ001
                    ]
                }
            ),
        },
        COVERED,
    ),
    "a hidden sheet, merged cells and a sheet of no kind": (
        {
            "staff.csv": None,
            "facts.xlsx": workbook(
                {"杂": [["x"]], "人员": [["员工号", "姓名"], ["p1", "王"]]}, hidden="人员", merged="A3:B4"
            ),
        },
        COVERED,
    ),
    "a workbook with a password or of another format": ({"facts.xlsx": b"\xd0\xcf\x11\xe0 old"}, COVERED),
    "a workbook with a DTD": (
        {"facts.xlsx": workbook_of('<!DOCTYPE x [<!ENTITY a "b">]>' + sheet_of("A1=员工号"))},
        COVERED,
    ),
    "a workbook with one cell far away": (
        {"facts.xlsx": workbook_of(sheet_of("A1=员工号", "A1048576=x"))},
        COVERED,
    ),
    "an error value in a cell": (
        {
            "staff.csv": None,
            "facts.xlsx": workbook_of(
                sheet_of("A1=员工号", "B1=姓名", "A2=p1").replace(
                    "</sheetData>", '<row r="2"><c r="B2" t="e"><v>#N/A</v></c></row></sheetData>'
                )
            ),
        },
        COVERED,
    ),
    "a mapping of unknown words": (
        {"mapping.yaml": "headings: {balances: {余额2: saldo}, books: {}}\nvalues: {colour: {a: b}}\n"},
        COVERED,
    ),
    "more of the same": ({"staff.csv": "person_id,name\n" + "p 1,x\n" * 60}, COVERED),
}
TOLD_ELSEWHERE = {
    "FAC092",
    "FAC094",
    "FAC001",
    "FAC002",
    "FAC016",
    "FAC017",
    "FAC025",
    "FAC026",
    "FAC059",
    "FAC062",
    "FAC063",
    "FAC080",
    "FAC081",
    "FAC082",
    "FAC083",
    "FAC084",
    "FAC086",
    "FAC087",
    "FAC088",
    "FAC089",
    "FAC090",
    "FAC091",
}
"""Codes of the bank's folder and of imports after others; their own tests show them."""


def problems_of(
    folder: Path, files: dict[str, str | bytes | None], coverage: str | None
) -> tuple[Problem, ...]:
    present = {name: text for name, text in {**BASICS, **files}.items() if text is not None}
    for name, text in present.items():
        if isinstance(text, bytes) and text.startswith(b"SELECT "):
            present[name] = parquet(folder.parent, text.decode())
    write_folder(folder, present, coverage or "")
    if coverage is None:
        (folder / "coverage.yaml").unlink()
    return check_folder(folder).problems


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Problem, ...]]:
    place = tmp_path_factory.mktemp("folders")
    return {name: problems_of(place / str(i), *case) for i, (name, case) in enumerate(CASES.items())}


def test_every_problem_is_told_in_words(told, golden) -> None:
    parts = []
    for name, problems in told.items():
        texts = [f"{problem.text('zh')}\n{problem.text('en')}\n" for problem in problems]
        parts.append(f"## {name}\n\n" + "".join(texts))
    golden(GOLDEN, "\n".join(parts))


def test_every_code_is_shown(told) -> None:
    shown = {problem.code for problems in told.values() for problem in problems}
    assert shown | TOLD_ELSEWHERE == set(WORDINGS)


def test_the_basics_are_right(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "in", {"balances.csv": OPENING}, BALANCES) == ()
