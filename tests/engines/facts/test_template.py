"""The template asks for what is needed, in Chinese, and what is filled into it is read back as meant."""

import zipfile
from datetime import date
from pathlib import Path

import pytest
import python_calamine

from guanhu.appraisal.needs import asked_for, needed_kinds, parameter_rows
from guanhu.appraisal.running import loaded
from guanhu.facts.coverage import declared_in
from guanhu.facts.importing import check_folder, import_folder
from guanhu.facts.store import Bank
from guanhu.facts.template import ParameterRow, coverage_text, write_template
from guanhu.kinds.catalogue import CATALOGUE, KINDS, event_kind
from guanhu.kinds.schema import Column
from guanhu.values.dates import Span
from guanhu.values.problem import Refused, errors_in
from tests.engines.facts.folders import rows
from tests.engines.facts.workbooks import workbook

ROOT = Path(__file__).resolve().parents[3]
QUARTER = Span(date(2025, 1, 1), date(2025, 4, 1))
VIOLATION = event_kind(
    "violation",
    "违规, 处分",
    [
        Column("points", "number", "扣分", required=True),
        Column("level", "choice", "级别: 轻或重", required=False, allowed=("轻", "重")),
        Column("is_open", "yesno", "未结", required=False),
    ],
)


def test_no_kind_has_two_columns_of_one_heading() -> None:
    for kind in (*CATALOGUE, VIOLATION):
        headings = [column.zh for column in kind.file_columns]
        assert len(headings) == len(set(headings)), kind.name


def test_every_kind_has_a_sheet_with_its_headings(tmp_path: Path) -> None:
    path = write_template(tmp_path, CATALOGUE, [VIOLATION], covers=QUARTER)
    with python_calamine.load_workbook(path) as book:
        assert book.sheet_names == ["说明", *(kind.zh for kind in CATALOGUE), VIOLATION.zh]
        for kind in (*CATALOGUE, VIOLATION):
            headings = book.get_sheet_by_name(kind.zh).to_python()[0]
            assert headings == [column.zh for column in kind.file_columns]


def test_an_empty_template_is_read_without_a_problem(tmp_path: Path) -> None:
    write_template(tmp_path, CATALOGUE, [VIOLATION], covers=QUARTER)
    checked = check_folder(tmp_path)
    assert checked.problems == ()
    assert set(checked.counts.values()) == {0}


def test_only_what_is_needed_is_asked_for(tmp_path: Path) -> None:
    path = write_template(tmp_path / "only.xlsx", [KINDS["balances"], KINDS["staff"]], covers=QUARTER)
    with python_calamine.load_workbook(path) as book:
        assert book.sheet_names == ["说明", "人员", "余额"]


def test_days_that_nobody_gave_must_be_filled_in() -> None:
    _, problems = declared_in(coverage_text([KINDS["staff"]]))
    assert [problem.code for problem in problems] == ["FAC007", "FAC007"]


def test_declared_events_come_back_as_they_were() -> None:
    declared, problems = declared_in(coverage_text([VIOLATION], QUARTER))
    assert problems == []
    assert declared.events == (VIOLATION,)


def test_an_event_and_its_columns_may_have_chinese_names(tmp_path: Path) -> None:
    case = event_kind("案件", "案件", [Column("损失", "money", "损失", required=True)])
    write_template(tmp_path / "in", [case], covers=QUARTER)
    assert check_folder(tmp_path / "in").counts == {"event_案件": 0}
    (tmp_path / "in/event_案件.csv").write_text("流水号,日期,损失\nX1,2025-02-01,12.34\n", "utf-8")
    bank = Bank.create(tmp_path / "bank", "样行")
    assert errors_in(import_folder(tmp_path / "in", bank).problems) == []
    assert rows(bank.view(), 'SELECT event_id, "损失" FROM "f_event_案件"') == [("X1", 1234)]


def test_parameters_to_be_given_stand_in_their_sheet(tmp_path: Path) -> None:
    wanted = [ParameterRow("cixi", "sell_rate", "活期", "存款卖出利率")]
    path = write_template(tmp_path, [KINDS["parameters"]], parameters=wanted, covers=QUARTER)
    with python_calamine.load_workbook(path) as book:
        _, row = book.get_sheet_by_name("参数").to_python()
    assert row[:3] == ["cixi", "sell_rate", "活期"]
    assert {problem.code for problem in check_folder(tmp_path).problems} == {"FAC030"}


def test_the_same_template_is_the_same_file(tmp_path: Path) -> None:
    first = write_template(tmp_path / "a", CATALOGUE, [VIOLATION], covers=QUARTER).read_bytes()
    second = write_template(tmp_path / "b", CATALOGUE, [VIOLATION], covers=QUARTER).read_bytes()
    assert first == second


def test_a_name_that_no_sheet_can_have_gives_way_to_the_kind(tmp_path: Path) -> None:
    odd = event_kind("odd", "进/出[一]", [])
    write_template(tmp_path, [odd], covers=QUARTER)
    assert check_folder(tmp_path).counts == {"event_odd": 0}


def test_choices_are_offered(tmp_path: Path) -> None:
    path = write_template(tmp_path, [VIOLATION], covers=QUARTER)
    with zipfile.ZipFile(path) as archive:
        xml = archive.read("xl/worksheets/sheet2.xml").decode()
    assert '"轻,重"' in xml
    assert '"是,否"' in xml


@pytest.mark.parametrize("uses_1904", [False, True])
def test_a_filled_workbook_is_read_as_meant(tmp_path: Path, uses_1904: bool) -> None:
    sheets = {
        "机构": [
            ["机构号", "起始日", "截止日", "机构名称", "机构层级"],
            ["A", date(2020, 1, 1), "", "甲", "支行"],
        ],
        "账户": [
            ["账号", "产品", "币种", "开户机构号", "开户日"],
            ["001", "活期", "CNY", "A", date(2020, 2, 29)],
            [1002, "定期", "CNY", "A", date(2025, 1, 1)],
        ],
        "余额": [
            ["余额", "账号", "起始日"],
            [1234.56, "001", date(2025, 1, 1)],
            [-0.07, "001", date(2025, 3, 1)],
            [60, 1002, "2025-01-01"],
        ],
    }
    (tmp_path / "in").mkdir()
    (tmp_path / "in/facts.xlsx").write_bytes(workbook(sheets, uses_1904=uses_1904))
    (tmp_path / "in/coverage.yaml").write_text(
        "coverage:\n"
        "  - {kinds: [机构, 账户], from: 2020-01-01, to: 2025-12-31}\n"
        "  - {kinds: [余额], from: 2025-01-01, to: 2025-03-31}\n",
        "utf-8",
    )
    bank = Bank.create(tmp_path / "bank", "样行")
    assert errors_in(import_folder(tmp_path / "in", bank).problems) == []
    query = "SELECT account_id, from_day, balance, row_no FROM f_balances ORDER BY ALL"
    assert rows(bank.view(), query) == [
        ("001", date(2025, 1, 1), 123456, 2),
        ("001", date(2025, 3, 1), -7, 3),
        ("1002", date(2025, 1, 1), 6000, 4),
    ]
    assert rows(bank.view(), "SELECT opened_on FROM f_accounts WHERE account_id = '001'") == [
        (date(2020, 2, 29),)
    ]


def test_a_file_fills_in_for_an_empty_sheet(tmp_path: Path) -> None:
    write_template(tmp_path, [KINDS["staff"]], covers=QUARTER)
    (tmp_path / "staff.csv").write_text("person_id,name\np1,王一\n", "utf-8")
    assert check_folder(tmp_path).counts == {"staff": 1}


def test_a_template_that_was_filled_in_is_left_alone(tmp_path: Path) -> None:
    """Written anew it took the figures and the days of coverage with it."""
    path = write_template(tmp_path / "data.xlsx", CATALOGUE, covers=QUARTER)
    assert write_template(path, CATALOGUE, covers=QUARTER) == path  # the same again is no harm
    path.write_bytes(path.read_bytes() + b"filled")
    (tmp_path / "coverage.yaml").write_text("# own days\n", "utf-8")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(Refused) as refused:
        write_template(path, CATALOGUE, covers=QUARTER)
    told = refused.value.problems
    assert [(x.code, Path(str(x.place)).name) for x in told] == [
        ("FAC092", "data.xlsx"),
        ("FAC092", "coverage.yaml"),
    ]
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_the_notes_say_what_a_rulebook_asks_for_by_name(tmp_path: Path) -> None:
    """Of the profit models: teams, the prices with their units, a person's decision, supplied costs."""
    rulebook, _ = loaded(ROOT / "rulebooks/virtual-profit")
    kinds = needed_kinds(rulebook)
    path = write_template(tmp_path / "x.xlsx", kinds, (), parameter_rows(rulebook), asked_for(rulebook))
    with python_calamine.load_workbook(path) as book:
        assert "团队" in book.sheet_names
        notes = {row[2]: row[4] for row in book.get_sheet_by_name("说明").to_python()}
    assert notes["lend_rate"] == "拆出存款利率; 单位: 年利率; [业务收入]"
    assert "按 担保方式 各一行" in notes["risk_fee_rate"]
    assert "单位: 元" in notes["adjustment"]
    assert notes["分摊成本"] == "机构间接成本; 口径: 机构; 单位: 元; [效益模型]"
