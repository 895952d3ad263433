"""The demo bank: the same seed writes the same bytes, every promised case is there, every row is sound."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import pytest

from guanhu.bank.generate import generate
from guanhu.bank.timeline import Quarter, quarters_before_end
from guanhu.kinds.catalogue import CATALOGUE

SIZE = {"accounts": 600, "managers": 24, "quarters": 5, "seed": 7}
ONE_DAY = timedelta(days=1)
Row = dict[str, str]
Feature = tuple[str, Callable[["Written"], int], int]


class Written:
    """A bank as its files say it, read back as text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, kind: str, quarter: Quarter) -> list[Row]:
        with (self.folder / quarter.name / f"{kind}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def all(self, kind: str) -> list[Row]:
        quarters = QUARTERS[:1] if kind == "opening_state" else QUARTERS
        return [row for quarter in quarters for row in self.rows(kind, quarter)]

    @cached_property
    def assignments(self) -> list[Row]:
        """The lines of the first book."""
        return [row for row in self.all("assignments") if row["book"] == ""]

    def shares(self, grain: str) -> Counter[tuple[str, ...]]:
        """Return how often the lines of one object that begin together have which shares."""
        groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for row in self.assignments:
            if row["grain"] == grain:
                groups[row["object_id"], row["from_day"]].append(row["share"])
        return Counter(tuple(sorted(shares)) for shares in groups.values())


QUARTERS = quarters_before_end(SIZE["quarters"])


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("bank")
    generate(folder, **SIZE)
    return Written(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*"))}


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_the_same_seed_writes_the_same_bytes(bank: Written, tmp_path: Path) -> None:
    generate(tmp_path, **SIZE)
    assert files_of(tmp_path) == files_of(bank.folder)


def test_another_seed_writes_another_bank(bank: Written, tmp_path: Path) -> None:
    generate(tmp_path, **{**SIZE, "seed": 8})
    kinds = ("balances.csv", "assignments.csv", "posts.csv", "loan_states.csv")
    ours, others = files_of(bank.folder), files_of(tmp_path)
    assert all(ours[f"2025Q4/{kind}"] != others[f"2025Q4/{kind}"] for kind in kinds)


def test_each_quarter_is_told_when_it_is_written(tmp_path: Path) -> None:
    told = []
    generate(tmp_path, 500, 20, 2, 1, lambda *step: told.append(step))
    assert told == [("2025Q3", 1, 2), ("2025Q4", 2, 2)]


def test_a_folder_with_files_is_left_alone(bank: Written) -> None:
    with pytest.raises(FileExistsError):
        generate(bank.folder, **SIZE)


@pytest.mark.parametrize(("accounts", "managers", "quarters"), [(499, 20, 1), (500, 19, 1), (500, 20, 0)])
def test_a_bank_too_small_for_its_cases_is_refused(
    tmp_path: Path, accounts: int, managers: int, quarters: int
) -> None:
    with pytest.raises(ValueError, match="at least 20 managers, 500 accounts and one quarter"):
        generate(tmp_path, accounts, managers, quarters, 1)
    assert not list(tmp_path.iterdir())


def test_the_first_folder_covers_every_kind(bank: Written) -> None:
    names = {path.stem for path in (bank.folder / QUARTERS[0].name).glob("*.csv")}
    assert names == {kind.name for kind in CATALOGUE} | {"event_violation", "event_card"}


def test_headings_are_columns_of_the_kind(bank: Written) -> None:
    for kind in CATALOGUE:
        path = bank.folder / QUARTERS[0].name / f"{kind.name}.csv"
        heading = path.read_text("utf-8").partition("\n")[0].split(",")
        assert set(heading) <= {column.name for column in kind.file_columns}, kind.name


def test_coverage_says_both_days_and_declares_the_events(bank: Written) -> None:
    text = (bank.folder / "2025Q1" / "coverage.yaml").read_text("utf-8")
    assert "from: 2025-01-01, to: 2025-03-31}" in text
    columns = "{points: {type: number, zh: 扣分}, level: {type: choice, zh: 级别}}"
    assert f"violation: {{name: 违规, columns: {columns}}}" in text


# Posts: (before, after) of everybody whose post changes, as (post, grade, institution).
def changes(bank: Written) -> Iterator[tuple[Row, Row]]:
    before: Row = {}
    for row in sorted(bank.all("posts"), key=lambda row: (row["person_id"], row["from_day"])):
        if before.get("person_id") == row["person_id"]:
            yield before, row
        before = row


def changed(bank: Written, test: Callable[[Row, Row], bool]) -> int:
    """Return how many posts pass the test and change inside a quarter."""
    starts = {str(quarter.span.start) for quarter in QUARTERS}
    return sum(test(*pair) for pair in changes(bank) if pair[1]["from_day"] not in starts)


def is_promotion(before: Row, after: Row) -> bool:
    return (before["grade"], after["grade"]) in {("初级", "中级"), ("中级", "高级")}


def moves(before: Row, after: Row) -> bool:
    return before["post"] == after["post"] and before["institution_id"] != after["institution_id"]


def becomes_head(before: Row, after: Row) -> bool:
    return before["post"] == "客户经理" and after["post"] in ("支行行长", "营业部总经理")


def agent_becomes_manager(before: Row, after: Row) -> bool:
    return (before["post"], after["post"], after["grade"]) == ("业务代办员", "客户经理", "初级")


def begun_inside(bank: Written, origin: str) -> int:
    starts = {str(quarter.span.start) for quarter in QUARTERS}
    return sum(row["origin"] == origin and row["from_day"] not in starts for row in bank.assignments)


def overridden(bank: Written) -> int:
    """Return how many accounts have an owner of their own beside their customer's."""
    customers = {row["object_id"] for row in bank.assignments if row["grain"] == "customer"}
    owned = {row["object_id"] for row in bank.assignments if row["grain"] == "account"}
    owner = {row["account_id"]: row["customer_id"] for row in bank.all("accounts")}
    return sum(owner[account_id] in customers for account_id in owned)


def unassigned(bank: Written) -> int:
    assigned = {row["object_id"] for row in bank.assignments}
    accounts = {row["account_id"]: row["customer_id"] for row in bank.all("accounts")}
    return sum(account not in assigned and customer not in assigned for account, customer in accounts.items())


def count(kind: str, **wanted: str) -> Callable[[Written], int]:
    return lambda bank: sum(
        all(row[name] == value for name, value in wanted.items()) for row in bank.all(kind)
    )


def entries(kind: str, test: Callable[[Row], bool]) -> Callable[[Written], int]:
    return lambda bank: sum(test(row) for row in bank.all(kind))


def inside(column: str) -> Callable[[Row], bool]:
    return lambda row: row[column] >= str(QUARTERS[0].span.start)


def each(label: str, kind: str, column: str, values: str, least: int) -> list[Feature]:
    return [(f"{label}: {value}", count(kind, **{column: value}), least) for value in values.split()]


def is_new_basic(row: Row) -> bool:
    return row["account_kind"] == "基本户" and inside("opened_on")(row)


def is_unpaid(row: Row) -> bool:
    return row["due"] != "0.00" and row["received"] == "0.00"


def is_paid_late(row: Row) -> bool:
    return row["due"] == "0.00" and row["received"] != "0.00"


# feature, how to count it, at least
FEATURES: list[Feature] = [
    ("人员: 等级晋升", lambda bank: changed(bank, is_promotion), 5),
    ("人员: 换机构", lambda bank: changed(bank, moves), 5),
    ("人员: 客户经理升任负责人", lambda bank: changed(bank, becomes_head), 5),
    ("人员: 代办员转客户经理", lambda bank: changed(bank, agent_becomes_manager), 5),
    ("人员: 入职", entries("staff", inside("hired_on")), 5),
    ("人员: 离职", entries("staff", inside("left_on")), 5),
    ("人员: 团队", entries("posts", lambda row: row["team_id"] != ""), 24),
    *each("岗位", "posts", "post", "支行行长 营业部总经理 客户经理 业务代办员 内勤", 5),
    *each("等级", "posts", "grade", "高级 中级 初级", 5),
    *each("机构", "institutions", "level", "总行 分行 支行 网点", 5),
    *each("区域", "institutions", "area", "发达地区 其余地区", 5),
    ("管户: 季中调整", lambda bank: begun_inside(bank, "调整"), 20),
    ("管户: 移交", lambda bank: begun_inside(bank, "移交"), 20),
    ("管户: 客户 60/40", lambda bank: bank.shares("customer")["40%", "60%"], 10),
    ("管户: 账户 60/40", lambda bank: bank.shares("account")["40%", "60%"], 10),
    ("管户: 比例变动", lambda bank: bank.shares("account")["50%", "50%"], 1),
    ("管户: 三个三分之一", lambda bank: bank.shares("account")["1/3", "1/3", "1/3"], 5),
    ("管户: 推荐人", lambda bank: bank.shares("account")["10%", "90%"], 5),
    ("管户: 部分分配", lambda bank: bank.shares("account")["70%",], 5),
    ("管户: 账户优先于客户", overridden, 20),
    ("管户: 借据", lambda bank: bank.shares("loan")["100%",], 3),
    ("管户: 无人管户", unassigned, 5),
    ("账户: 换机构", lambda bank: len({row["account_id"] for row in bank.all("account_institutions")}), 5),
    ("账户: 新开", entries("accounts", inside("opened_on")), 20),
    ("账户: 新开基本户", entries("accounts", is_new_basic), 20),
    ("账户: 销户", entries("accounts", inside("closed_on")), 10),
    *each("产品", "accounts", "product", "活期 定期 协定 通知 保证金", 3),
    *each("存期", "accounts", "deposit_kind", "活期 三个月 半年 一年 二年 三年", 3),
    *each("客户", "customers", "customer_kind", "对公 个人", 100),
    ("余额: 透支", entries("balances", lambda row: row["balance"].startswith("-")), 20),
    *each("贷款", "loans", "product", "流动资金贷款 个人消费贷款 住房贷款", 3),
    *each("担保", "loans", "guarantee", "信用 保证 抵押 质押", 3),
    *each("五级分类", "loan_states", "loan_class", "正常 关注 次级 可疑 损失", 1),
    ("贷款: 逾期", entries("loan_states", lambda row: row["overdue_days"] != "0"), 5),
    ("贷款: 未收息", entries("interest", is_unpaid), 5),
    ("贷款: 补收欠息", entries("interest", is_paid_late), 1),
    *each("中收", "fees", "item", "结算手续费 代理保险 理财 银行卡", 5),
    *each("违规", "event_violation", "level", "轻微 一般 严重", 1),
    ("违规: 15 分", count("event_violation", points="15"), 5),
    *each("发卡", "event_card", "product", "借记卡 信用卡", 5),
    ("发卡: 记个人", entries("event_card", lambda row: row["person_id"] != ""), 5),
    ("发卡: 按管户", count("event_card", person_id=""), 5),
    *each("指标值", "figures", "item", "存款计划 中收计划 基数存款 应发工资 综合评分 存款日均总账", 24),
    *each("参数", "parameters", "input", "stock_price increment_price fee_price", 3),
    ("参数: 非原文", count("parameters", document="示例, 非原文", approved_by="示例"), 6),
    *each("期初", "opening_state", "item", "head_total head_low manager_total", 1),
]


@pytest.mark.parametrize(
    ("feature", "counted", "least"), FEATURES, ids=[feature for feature, _, _ in FEATURES]
)
def test_every_promised_feature_occurs(
    bank: Written, feature: str, counted: Callable[[Written], int], least: int
) -> None:
    assert counted(bank) >= least, feature


def test_a_price_changes_on_its_day(bank: Written) -> None:
    prices = {
        row["from_day"]: row["value"]
        for row in bank.all("parameters")
        if (row["input"], row["keys"]) == ("increment_price", "高级")
    }
    assert prices["2025-01-01"] == "3‰"
    assert prices["2025-04-01"] == "3.2‰"


def test_some_transfers_are_in_the_middle_of_a_month(bank: Written) -> None:
    days = Counter(row["from_day"][-2:] for row in bank.assignments if row["origin"] == "调整")
    assert days["15"] >= 5
    assert len(days) >= 10


def test_shares_of_one_thing_never_exceed_one(bank: Written) -> None:
    held: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in bank.assignments:
        held[row["grain"], row["object_id"]].append(row)
    for rows in held.values():
        for start in {row["from_day"] for row in rows}:
            running = [row for row in rows if row["from_day"] <= start <= row["to_day"]]
            assert sum(share_of(row["share"]) for row in running) <= 1
            assert len({(row["person_id"], row["role"]) for row in running}) == len(running)


def share_of(text: str) -> Fraction:
    return Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)


def test_posts_of_one_person_never_overlap(bank: Written) -> None:
    for before, after in changes(bank):
        assert day(before["from_day"]) <= day(before["to_day"]) < day(after["from_day"])


def test_every_fortieth_account_is_wholly_a_team_members_in_the_departments_book(bank: Written) -> None:
    teams: defaultdict[str, list[tuple[date, date]]] = defaultdict(list)
    for row in bank.all("posts"):
        if row["team_id"]:
            teams[row["person_id"]].append((day(row["from_day"]), day(row["to_day"])))
    rows = [row for row in bank.all("assignments") if row["book"] == "department"]
    accounts = {row["account_id"] for row in bank.all("accounts")}
    assert len(accounts) // 50 <= len({row["object_id"] for row in rows}) <= len(accounts) // 35
    assert {(row["grain"], row["share"]) for row in rows} == {("account", "100%")}
    for row in rows:
        assert any(first <= day(row["from_day"]) <= last for first, last in teams[row["person_id"]]), row
    days = [(row["object_id"], row["from_day"]) for row in rows]
    assert len(days) == len(set(days))


def test_whoever_has_a_book_is_manager_or_agent_on_every_day_of_it(bank: Written) -> None:
    held: defaultdict[str, list[tuple[date, date]]] = defaultdict(list)
    for row in bank.all("posts"):
        if row["post"] in ("客户经理", "业务代办员"):
            spans, first, last = held[row["person_id"]], day(row["from_day"]), day(row["to_day"])
            if spans and spans[-1][1] + ONE_DAY == first:
                spans[-1] = (spans[-1][0], last)
            else:
                spans.append((first, last))
    for row in bank.assignments:
        spans = held[row["person_id"]]
        assert any(first <= day(row["from_day"]) and day(row["to_day"]) <= last for first, last in spans), row


@pytest.mark.parametrize(
    "kind", ["institutions", "posts", "assignments", "account_institutions", "figures", "parameters"]
)
def test_spans_lie_inside_their_folder(bank: Written, kind: str) -> None:
    for quarter in QUARTERS:
        for row in bank.rows(kind, quarter):
            assert quarter.span.start <= day(row["from_day"]) <= day(row["to_day"]) <= quarter.span.last_day


def test_nothing_ahead_is_known(bank: Written) -> None:
    for quarter in QUARTERS:
        last = str(quarter.span.last_day)
        for kind, columns in (
            ("accounts", ("opened_on", "closed_on")),
            ("staff", ("hired_on", "left_on")),
            ("loans", ("granted_on",)),
        ):
            assert all(row[column] <= last for row in bank.rows(kind, quarter) for column in columns)


def test_every_account_alive_has_an_opening_row(bank: Written) -> None:
    for quarter in QUARTERS:
        first = str(quarter.span.start)
        opening: dict[str, str] = {}
        for row in bank.rows("balances", quarter):
            opening.setdefault(row["account_id"], row["from_day"])
        accounts = bank.rows("accounts", quarter)
        assert opening == {row["account_id"]: max(first, row["opened_on"]) for row in accounts}


def test_every_loan_alive_has_an_opening_row(bank: Written) -> None:
    for quarter in QUARTERS:
        first = str(quarter.span.start)
        opening: dict[str, str] = {}
        for row in bank.rows("loan_states", quarter):
            opening.setdefault(row["loan_id"], row["from_day"])
        loans = bank.rows("loans", quarter)
        assert opening == {row["loan_id"]: max(first, row["granted_on"]) for row in loans}


def test_a_balance_goes_on_where_the_quarter_before_left_it(bank: Written) -> None:
    left: dict[str, str] = {}
    for quarter in QUARTERS:
        first = str(quarter.span.start)
        opened = {row["account_id"] for row in bank.rows("accounts", quarter) if row["closed_on"] == first}
        for row in bank.rows("balances", quarter):
            if row["account_id"] not in opened and row["account_id"] in left:
                assert row["balance"] == left[row["account_id"]]
            opened.add(row["account_id"])
            left[row["account_id"]] = row["balance"]


def test_accounts_change_about_ten_times_in_a_quarter(bank: Written) -> None:
    rows = len(bank.all("balances"))
    assert 8 <= rows / len(bank.all("accounts")) <= 12


def test_ids_of_events_are_never_used_again(bank: Written) -> None:
    for kind, key in (
        ("fees", "fee_id"),
        ("interest", "interest_id"),
        ("event_card", "event_id"),
        ("event_violation", "event_id"),
    ):
        ids = [row[key] for row in bank.all(kind)]
        assert len(ids) == len(set(ids)), kind
