"""No file brings the import down: what cannot be read is a problem with a code, what can is read as meant."""

import random
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from guanhu.facts.importing import check_folder, import_folder
from guanhu.facts.store import Bank
from tests.engines.facts.folders import BASICS, COVERED, covering, put, rows, write_folder
from tests.engines.facts.workbooks import packed, parquet, sheet_of, workbook, workbook_of

QUARTER = covering("balances", "2025-01-01", "2025-03-31")
OPENING = "account_id,from_day,balance\n001,2025-01-01,1.00\n002,2025-01-01,2.00\n003,2025-01-01,3.00\n"
STAFF = "员工号,姓名\np1,王一\np2,䶮𠮷\n"
NAMES = [("p1", "王一"), ("p2", "䶮𠮷")]


def noise(size: int) -> bytes:
    return random.Random(7).randbytes(size)


def many_parts() -> bytes:
    return packed({f"xl/part{number}.xml": "<x/>" for number in range(501)})


def lying_size() -> bytes:
    """Return a workbook whose sheet unpacks to more than its directory says."""
    made = workbook_of(sheet_of("A1=员工号", "B1=姓名") + " " * 5000)
    with zipfile.ZipFile(BytesIO(made)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    return made.replace(size.to_bytes(4, "little"), (size - 4000).to_bytes(4, "little"))


HOSTILE: dict[str, tuple[str, bytes, set[str]]] = {
    "csv of noise": ("staff.csv", noise(5000), {"FAC022", "FAC023"}),
    "csv of NULs": ("staff.csv", b"\0" * 5000, {"FAC022", "FAC023"}),
    "csv with a NUL in a name": ("staff.csv", "员工号,姓名\np1,王\0一\n".encode(), {"FAC038"}),
    "csv with a bidi mark": ("staff.csv", "员工号,姓名\np1,\u202e王一\n".encode(), {"FAC038"}),
    "csv with a joined emoji": ("staff.csv", "员工号,姓名\np1,王\u200d一\n".encode(), {"FAC038"}),
    "csv of 10,000 columns": ("staff.csv", b"x," * 10_000 + b"y\n", {"FAC022", "FAC023", "FAC060"}),
    "csv with one huge cell": (
        "staff.csv",
        "员工号,姓名\np1,".encode() + b'"' + b"x" * 3_000_000 + b'"\n',
        {"FAC028"},
    ),
    "csv that ends in a quote": ("staff.csv", '员工号,姓名\np1,"王'.encode(), {"FAC028"}),
    "csv with a stray end of file mark": ("staff.csv", STAFF.encode() + b"\x1a", {"FAC026"}),
    "csv with half a UTF-16 character": ("staff.csv", STAFF.encode("utf-16")[:-1], {"FAC020"}),
    "csv in UTF-16 without a mark": ("staff.csv", STAFF.encode("utf-16-le"), {"FAC022", "FAC023"}),
    "Parquet cut short": ("staff.parquet", b"SELECT 'p1' AS person_id, 'x' AS name", {"FAC020"}),
    "Parquet of noise": ("staff.parquet", b"PAR1" + noise(500) + b"PAR1", {"FAC020"}),
    "Parquet with lists": ("staff.parquet", b"SELECT ['p1'] AS person_id, {'a': 1} AS name", {"FAC025"}),
    "workbook cut short": ("facts.xlsx", workbook({"人员": [["员工号", "姓名"]]})[:-300], {"FAC070"}),
    "workbook of noise": ("facts.xlsx", b"PK\x03\x04" + noise(500), {"FAC070"}),
    "workbook without parts": ("facts.xlsx", packed({"a.txt": "x"}), {"FAC070"}),
    "workbook of 501 parts": ("facts.xlsx", many_parts(), {"FAC071"}),
    "workbook that unpacks 1:1000": (
        "facts.xlsx",
        workbook_of(sheet_of("A1=x") + " " * 30_000_000),
        {"FAC071"},
    ),
    "workbook that lies about its size": ("facts.xlsx", lying_size(), {"FAC070"}),
    "workbook of broken XML": ("facts.xlsx", workbook_of("<worksheet><sheetData><row"), {"FAC070"}),
    "workbook of UTF-16 parts": (
        "facts.xlsx",
        workbook_of(sheet_of("A1=x"), **{"xl/styles.xml": "<x/>".encode("utf-16")}),
        {"FAC070"},
    ),
    "workbook with a column far away": ("facts.xlsx", workbook_of(sheet_of("A1=x", "XFD1=y")), {"FAC029"}),
    "coverage nested too deep": ("coverage.yaml", b"[" * 5000, {"FAC004"}),
    "coverage that is no text": ("coverage.yaml", b"\xff\xfe\xfd", {"FAC004"}),
    "coverage of aliases": ("coverage.yaml", b"coverage: &a\n  - *a\n", {"FAC005"}),
    "coverage in full width": ("coverage.yaml", "coverage：[]\n".encode(), {"FAC005"}),
    "coverage with a word twice": ("coverage.yaml", COVERED.encode() + b"coverage: []\n", {"FAC005"}),
    "mapping that is no text": ("mapping.yaml", b"\xff\xfe\xfd", {"FAC004"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_answered(name: str, tmp_path: Path) -> None:
    file, content, expected = HOSTILE[name]
    if content.startswith(b"SELECT "):
        content = parquet(tmp_path, content.decode())
        content = content[:-20] if "cut" in name else content
    files: dict[str, str | bytes] = {**BASICS, file: content}
    if file.startswith(("staff.p", "facts")):
        del files["staff.csv"]
    folder = tmp_path / "in"
    write_folder(folder, files, COVERED)
    if file == "coverage.yaml":
        (folder / file).write_bytes(content)
    assert {problem.code for problem in check_folder(folder).problems} == expected


READABLE: dict[str, bytes] = {
    "UTF-8": STAFF.encode(),
    "UTF-8 with a mark": STAFF.encode("utf-8-sig"),
    "UTF-16 with a mark": STAFF.encode("utf-16"),
    "GB18030": STAFF.encode("gb18030"),
    "GB18030 under English headings": STAFF.replace("员工号,姓名", "person_id,name").encode("gb18030"),
    "lines that end in CR LF": STAFF.replace("\n", "\r\n").encode(),
    "lines that end in CR": STAFF.replace("\n", "\r").encode(),
    "lines that end in both ways": STAFF.replace("\n", "\r\n", 1).encode(),
    "blank lines": STAFF.replace("\n", "\n\n").encode(),
    "no end of the last line": STAFF.rstrip().encode(),
    "tabs": STAFF.replace(",", "\t").encode(),
    "semicolons": STAFF.replace(",", ";").encode(),
    "quotes": '"员工号","姓名"\n"p1","王一"\n"p2","䶮𠮷"\n'.encode(),
    "a comma at the end of each line": "员工号,姓名\np1,王一,\np2,䶮𠮷,\n".encode(),
    "columns turned round": "姓名,员工号\n王一,p1\n䶮𠮷,p2\n".encode(),
    "other columns that may be empty": "员工号,姓名,入职日\np1,王一,\np2,䶮𠮷,\n".encode(),
}


@pytest.mark.parametrize("name", READABLE)
def test_odd_but_sound_file_is_read_as_meant(name: str, tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(
        bank,
        tmp_path / "in",
        {"staff.csv": READABLE[name]},
        "coverage:\n" + covering("staff", "2025-01-01", "2025-01-31"),
    )
    assert rows(bank.view(), "SELECT person_id, name FROM f_staff ORDER BY ALL") == NAMES


def test_every_name_that_gb18030_can_hold_comes_back(tmp_path: Path) -> None:
    signs = [chr(code) for code in [*range(0x4E00, 0x9FA6, 37), 0x4DAE, 0x3400, 0x20000, 0x20BB7, 0x2A6D6]]
    lines = "".join(f"p{index},王{sign}\n" for index, sign in enumerate(signs))
    bank = Bank.create(tmp_path / "bank", "样行")
    files = {"staff.csv": ("员工号,姓名\n" + lines).encode("gb18030")}
    put(bank, tmp_path / "in", files, "coverage:\n" + covering("staff", "2025-01-01", "2025-01-31"))
    seen = rows(bank.view(), "SELECT name FROM f_staff ORDER BY row_no")
    assert [name for (name,) in seen] == [f"王{sign}" for sign in signs]


def test_rows_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    text = OPENING.replace("002", "\n002") + '\n\n003,2025-02-01,"x"\n'
    folder = write_folder(tmp_path / "in", {**BASICS, "balances.csv": text}, COVERED + QUARTER)
    (problem,) = check_folder(folder).problems
    assert str(problem.place) == "balances.csv:8:3"


def test_parquet_columns_of_any_sound_type_are_read(tmp_path: Path) -> None:
    query = (
        "SELECT account_id, TIMESTAMP '2025-01-01' AS from_day, 1.5::DECIMAL(18,6) AS balance "
        "FROM (VALUES ('001'), ('002'), ('003')) AS v(account_id)"
    )
    bank = Bank.create(tmp_path / "bank", "样行")
    files = {**BASICS, "balances.parquet": parquet(tmp_path, query)}
    put(bank, tmp_path / "in", files, COVERED + QUARTER)
    assert rows(bank.view(), "SELECT DISTINCT from_day::VARCHAR, balance FROM f_balances") == [
        ("2025-01-01", 150)
    ]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("1.005::DECIMAL(18,3)", "FAC034"),
        ("1e13::DECIMAL(18,2)", "FAC035"),
        ("10000000000000::BIGINT", "FAC035"),
        ("1.005::DOUBLE", "FAC034"),
        ("'NaN'::DOUBLE", "FAC033"),
        ("1e300::DOUBLE", "FAC033"),
        ("NULL::DOUBLE", "FAC030"),
    ],
)
def test_typed_money_is_checked_too(value: str, code: str, tmp_path: Path) -> None:
    query = f"SELECT '001' AS account_id, DATE '2025-01-01' AS from_day, {value} AS balance"
    files = {**BASICS, "balances.parquet": parquet(tmp_path, query)}
    folder = write_folder(tmp_path / "in", files, COVERED + QUARTER)
    assert [problem.code for problem in check_folder(folder).problems if problem.code != "FAC058"] == [code]


def test_own_headings_and_codes_are_remembered(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    accounts = (
        BASICS["accounts.csv"]
        .replace("account_id", "客户账号")
        .replace("活期", "101")
        .replace("定期", "O'2\"")
    )
    mapping = (
        'headings: {accounts: {客户账号: account_id}}\nvalues: {product: {"101": 活期, "O\'2\\"": 定期}}\n'
    )
    put(bank, tmp_path / "in1", {**BASICS, "accounts.csv": accounts, "mapping.yaml": mapping}, COVERED)
    put(bank, tmp_path / "in2", {**BASICS, "accounts.csv": accounts}, COVERED)
    query = "SELECT account_id, product FROM f_accounts ORDER BY account_id"
    for number in (1, 2):
        assert rows(bank.view(as_of=number), query) == [("001", "活期"), ("002", "定期"), ("003", "活期")]


def test_the_few_allowed_words_may_be_chinese(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    header = "scope,subject_id,item,from_day,to_day,value\n"
    files = {
        **BASICS,
        "figures.csv": header + "全行,bank,总额,2025-01-01,,5\nbank,bank,另一项,2025-01-01,,6\n",
    }
    covered = COVERED + "  - {kinds: [figures], from: 2025-01-01, to: 2025-12-31}\n"
    put(bank, tmp_path / "in", files, covered)
    assert rows(bank.view(), "SELECT scope FROM f_figures ORDER BY item") == [("bank",), ("bank",)]


def test_a_path_with_pattern_signs_is_only_a_path(tmp_path: Path) -> None:
    place = tmp_path / "a[1]*? 'x'"
    bank = Bank.create(place / "bank", '样 "行" \\ ')
    put(bank, place / "in", {**BASICS, "balances.csv": OPENING}, COVERED + QUARTER)
    assert rows(Bank(bank.path).view(), "SELECT sum(balance) FROM f_balances") == [(600,)]
    assert Bank(bank.path).name == '样 "行" \\ '


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert [problem.code for problem in check_folder(tmp_path / "x").problems] == ["FAC001"]
    bank = Bank.create(tmp_path / "bank", "样行")
    assert import_folder(tmp_path / "x", bank).batch_no is None


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before: Callable[[], set[str]] = lambda: {str(path) for path in tmp_path.rglob("*")}  # noqa: E731
    folder = write_folder(tmp_path / "in", BASICS, COVERED)
    seen = before()
    check_folder(folder)
    assert before() == seen
