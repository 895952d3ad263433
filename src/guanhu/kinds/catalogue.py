"""The catalogue: every kind of fact that a bank supplies.

Grain chains (most specific first) decide how a row finds its owner: a fee by its own event, then
its account, then its customer.
"""

from __future__ import annotations

from collections.abc import Sequence

from guanhu.kinds.schema import Column, Dated, Kind

_INSTITUTION = Column("institution_id", "id", "机构号", refers="institutions")
_PERSON = Column("person_id", "id", "员工号", refers="staff")
_CUSTOMER = Column("customer_id", "id", "客户号", refers="customers")
_ACCOUNT = Column("account_id", "id", "账号", refers="accounts")
_LOAN = Column("loan_id", "id", "借据号", refers="loans")


def _optional(column: Column) -> Column:
    """Return the column, not required."""
    return Column(column.name, column.type, column.zh, required=False, refers=column.refers)


INSTITUTIONS = Kind(
    "institutions",
    "机构",
    Dated.SPAN,
    (
        Column("institution_id", "id", "机构号"),
        Column("name", "text", "机构名称"),
        Column(
            "level",
            "choice",
            "机构层级",
            note_zh="总行/一级分行/二级分行/支行/网点",
            note_en="head office … outlet",
        ),
        Column("parent_id", "id", "上级机构号", required=False, refers="institutions"),
        Column("area", "choice", "区域", required=False),
    ),
    key=("institution_id",),
    institution="institution_id",
)
STAFF = Kind(
    "staff",
    "人员",
    Dated.ENTITY,
    (
        Column("person_id", "id", "员工号"),
        Column("name", "text", "姓名"),
        Column(
            "person_kind",
            "choice",
            "人员类别",
            required=False,
            note_zh="在册/代办员/虚拟",
            note_en="staff, agent, virtual",
        ),
        Column("hired_on", "date", "入职日", required=False),
        Column("left_on", "date", "离职日", required=False),
    ),
    key=("person_id",),
)
POSTS = Kind(
    "posts",
    "岗位与等级",
    Dated.SPAN,
    (
        _PERSON,
        Column("post", "choice", "岗位"),
        Column("grade", "choice", "等级", required=False),
        _INSTITUTION,
        Column("team_id", "id", "团队号", required=False, refers="teams"),
    ),
    key=("person_id",),
    institution="institution_id",
)
TEAMS = Kind(
    "teams",
    "团队",
    Dated.ENTITY,
    (Column("team_id", "id", "团队号"), Column("name", "text", "团队名称"), _optional(_INSTITUTION)),
    key=("team_id",),
)
CUSTOMERS = Kind(
    "customers",
    "客户",
    Dated.ENTITY,
    (
        Column("customer_id", "id", "客户号"),
        Column("name", "text", "客户名称", required=False),
        Column(
            "customer_kind",
            "choice",
            "客户类别",
            required=False,
            note_zh="对公/个人",
            note_en="corporate, personal",
        ),
        Column("tier", "choice", "客户层级", required=False),
    ),
    key=("customer_id",),
)
ACCOUNTS = Kind(
    "accounts",
    "账户",
    Dated.ENTITY,
    (
        Column("account_id", "id", "账号"),
        _optional(_CUSTOMER),
        Column("product", "choice", "产品"),
        Column("deposit_kind", "choice", "存期", required=False),
        Column(
            "account_kind",
            "choice",
            "账户性质",
            required=False,
            note_zh="基本户/一般户…",
            note_en="basic, general …",
        ),
        Column("currency", "choice", "币种"),
        Column("institution_id", "id", "开户机构号", refers="institutions"),
        Column("opened_on", "date", "开户日", required=False),
        Column("closed_on", "date", "销户日", required=False),
    ),
    key=("account_id",),
    grain=("account_id", "customer_id"),
    day="opened_on",
    institution="institution_id",
)
ACCOUNT_INSTITUTIONS = Kind(
    "account_institutions",
    "账户机构变动",
    Dated.SPAN,
    (_ACCOUNT, _INSTITUTION),
    key=("account_id",),
    institution="",
    note_zh="只写变动过归属的账户;未写的用开户机构",
    note_en="only accounts that moved; others stay with the institution that opened them",
)
BALANCES = Kind(
    "balances",
    "余额",
    Dated.CHANGE,
    (
        _ACCOUNT,
        Column(
            "balance", "money", "余额", note_zh="当日日终余额;只写变动日或每日", note_en="closing balance"
        ),
    ),
    key=("account_id",),
    grain=("account_id", "customer_id"),
)
ACCOUNT_RATES = Kind(
    "account_rates",
    "账户利率",
    Dated.CHANGE,
    (_ACCOUNT, Column("rate", "rate", "执行利率"), Column("rate_kind", "choice", "计息方式", required=False)),
    key=("account_id",),
)
LOANS = Kind(
    "loans",
    "贷款",
    Dated.ENTITY,
    (
        Column("loan_id", "id", "借据号"),
        _optional(_CUSTOMER),
        Column("product", "choice", "贷款品种"),
        Column("guarantee", "choice", "担保方式", required=False),
        Column("institution_id", "id", "经办机构号", refers="institutions"),
        Column("granted_on", "date", "发放日"),
        Column("due_on", "date", "到期日", required=False),
        Column("amount", "money", "发放金额"),
        Column("rate", "rate", "执行利率", required=False),
    ),
    key=("loan_id",),
    grain=("loan_id", "customer_id"),
    day="granted_on",
    institution="institution_id",
)
BAD_CLASSES = ("次级", "可疑", "损失")
"""不良类 of the five: a loan that was written off owes nothing and is not repaid."""
LOAN_STATES = Kind(
    "loan_states",
    "贷款状态",
    Dated.CHANGE,
    (
        _LOAN,
        Column("balance", "money", "贷款余额"),
        Column(
            "loan_class", "choice", "五级分类", note_zh="正常/关注/次级/可疑/损失", note_en="five classes"
        ),
        Column("overdue_days", "count", "逾期天数", required=False),
    ),
    key=("loan_id",),
    grain=("loan_id", "customer_id"),
)
INTEREST = Kind(
    "interest",
    "贷款收息",
    Dated.DAY,
    (
        Column("interest_id", "id", "流水号"),
        _LOAN,
        Column("day", "date", "应收日"),
        Column(
            "due",
            "money",
            "应收金额",
            note_zh="应收利息;收贷收息办法连本金",
            note_en="interest due (and principal)",
        ),
        Column("received", "money", "实收金额"),
    ),
    key=("interest_id",),
    grain=("loan_id", "customer_id"),
)
FEES = Kind(
    "fees",
    "中间业务收入",
    Dated.DAY,
    (
        Column("fee_id", "id", "流水号"),
        Column("day", "date", "日期"),
        Column("item", "choice", "项目"),
        Column("amount", "money", "金额"),
        _optional(_ACCOUNT),
        _optional(_CUSTOMER),
        _optional(_INSTITUTION),
    ),
    key=("fee_id",),
    grain=("fee_id", "account_id", "customer_id"),
    institution="institution_id",
)
ASSIGNMENTS = Kind(
    "assignments",
    "管户",
    Dated.SPAN,
    (
        Column(
            "grain",
            "choice",
            "管户粒度",
            allowed=("customer", "account", "loan", "event"),
            allowed_zh=("客户", "账户", "贷款", "事件"),
        ),
        Column(
            "object_id",
            "id",
            "对象号",
            note_zh="客户号、账号、借据号或流水号",
            note_en="id of the customer, account, loan or event",
        ),
        _PERSON,
        Column("role", "choice", "角色", required=False, note_zh="空=主办", note_en="empty = lead"),
        Column("share", "share", "分配比例"),
        Column(
            "book",
            "choice",
            "账簿",
            required=False,
            note_zh="空=main;双重记账用不同账簿",
            note_en="empty = main",
        ),
        Column("origin", "choice", "来源", required=False),
    ),
    key=("grain", "object_id", "person_id", "role", "book"),
)
FIGURES = Kind(
    "figures",
    "指标值",
    Dated.SPAN,
    (
        Column(
            "scope",
            "choice",
            "范围",
            allowed=("person", "team", "institution", "bank"),
            allowed_zh=("人员", "团队", "机构", "全行"),
        ),
        Column(
            "subject_id",
            "id",
            "对象号",
            note_zh="员工号、团队号、机构号;全行写 bank",
            note_en="bank for the bank",
        ),
        Column("item", "choice", "项目"),
        Column("value", "number", "数值", note_zh="金额以元计", note_en="money in yuan"),
    ),
    key=("scope", "subject_id", "item"),
)
PARAMETERS = Kind(
    "parameters",
    "参数",
    Dated.SPAN,
    (
        Column("rulebook", "id", "办法"),
        Column("input", "id", "参数名"),
        Column(
            "keys",
            "text",
            "键",
            required=False,
            note_zh="多个键用 | 分开",
            note_en="several keys joined by |",
        ),
        Column("value", "text", "值"),
        Column("document", "text", "依据文件", required=False),
        Column("approved_by", "text", "批准人", required=False),
    ),
    key=("rulebook", "input", "keys"),
)
HUMAN_DECISIONS = Kind(
    "human_decisions",
    "人工决定",
    Dated.DAY,
    (
        Column("decision_id", "id", "编号"),
        Column("day", "date", "日期"),
        Column("rulebook", "id", "办法"),
        _PERSON,
        Column("input", "id", "参数名"),
        Column("value", "text", "值"),
        Column("reason", "text", "理由"),
        Column("decided_by", "text", "决定人"),
    ),
    key=("decision_id",),
)
OPENING_STATE = Kind(
    "opening_state",
    "期初状态",
    Dated.DAY,
    (
        Column("rulebook", "id", "办法"),
        Column("subject_id", "id", "对象号"),
        Column(
            "item", "id", "项目", note_zh="行、判断或状态的名称", note_en="name of a line, decision or state"
        ),
        Column(
            "every",
            "choice",
            "周期",
            allowed=("month", "quarter", "half", "year"),
            allowed_zh=("月", "季", "半年", "年"),
        ),
        Column("day", "date", "期末日", note_zh="所属周期的最后一天", note_en="last day of the instance"),
        Column("value", "text", "值"),
    ),
    key=("rulebook", "subject_id", "item", "every"),
)

CATALOGUE: tuple[Kind, ...] = (
    INSTITUTIONS,
    STAFF,
    POSTS,
    TEAMS,
    CUSTOMERS,
    ACCOUNTS,
    ACCOUNT_INSTITUTIONS,
    BALANCES,
    ACCOUNT_RATES,
    LOANS,
    LOAN_STATES,
    INTEREST,
    FEES,
    ASSIGNMENTS,
    FIGURES,
    PARAMETERS,
    HUMAN_DECISIONS,
    OPENING_STATE,
)
"""Every kind in the order in which a template lists its sheets."""

KINDS: dict[str, Kind] = {kind.name: kind for kind in CATALOGUE}

_EVENT_COLUMNS = (
    Column("event_id", "id", "流水号"),
    Column("day", "date", "日期"),
    Column("person_id", "id", "员工号", required=False, refers="staff"),
    Column("customer_id", "id", "客户号", required=False, refers="customers"),
    Column("account_id", "id", "账号", required=False, refers="accounts"),
    Column("institution_id", "id", "机构号", required=False, refers="institutions"),
)
"""Columns that every declared kind of event has; who is credited is `person_id` when it is filled."""


def event_kind(name: str, zh: str, columns: Sequence[Column]) -> Kind:
    """Return the kind of an event that a rulebook declares, with its own columns after the common ones."""
    return Kind(
        f"event_{name}",
        zh,
        Dated.DAY,
        (*_EVENT_COLUMNS, *columns),
        key=("event_id",),
        grain=("person_id", "event_id", "account_id", "customer_id"),
        institution="institution_id",
        declared=True,
    )
