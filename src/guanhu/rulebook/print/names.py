"""Names of what formulas read: attributes of a subject, columns of facts, states that decisions set."""

from __future__ import annotations

from guanhu.kinds.catalogue import CATALOGUE, KINDS
from guanhu.rulebook import tree as t
from guanhu.rulebook.print import english
from guanhu.values.language import ZH, worded

SUBJECT = {
    "post": "岗位",
    "grade": "等级",
    "institution_id": "机构",
    "institution": "机构",
    "team_id": "团队",
    "area": "区域",
    "level": "机构层级",
    "person_kind": "人员类别",
    "hired_on": "入职日",
    "left_on": "离职日",
}
TABLES = {
    "account": "账户",
    "customer": "客户",
    "loan": "贷款",
    "account_rates": "账户",
    "institution": "机构",
    "person": "经办人",
}
KIND_OF = {
    "account": "accounts",
    "customer": "customers",
    "loan": "loans",
    "account_rates": "account_rates",
    "institution": "institutions",
    "person": "posts",
}
_NUMERALS = "一二三四五六七八九十"


def attribute_name(key: str) -> str:
    """Return the name of a key: an attribute of a subject, or a column of a row of fact.

    >>> attribute_name("grade"), attribute_name("account.rate_kind"), attribute_name("quantity")
    ('等级', '账户计息方式', 'quantity')
    >>> attribute_name("account.product"), attribute_name("loan.product")
    ('账户产品', '贷款品种')
    """
    table, _, column = key.rpartition(".")
    if not table and column in SUBJECT:
        return SUBJECT[column]
    heading = joined_heading(table, column)
    owner = TABLES.get(table, "")
    return heading if heading.startswith(owner) else owner + heading


def joined_heading(table: str, column: str) -> str:
    """Return the heading of a column of what a row belongs to, or of the first kind of fact that has one."""
    own = [KINDS[KIND_OF[table]]] if table in KIND_OF else []
    kinds = (*own, *CATALOGUE)
    return next((c.zh for kind in kinds for c in kind.columns if c.name == column), column)


def state_name(state: str, lang: str = ZH, rulebook: t.Rulebook | None = None) -> str:
    """Return the name of what decisions set: an attribute of a person, or a state of the rulebook's own.

    A state goes by the name of the set of its choices, or by its own in Chinese. Where there is none it has but an id, and goes by its number
    among those that have none: a reader needs to know which decisions set the same state.
    """
    known = (SUBJECT if lang == ZH else english.SUBJECT).get(state)
    if known or rulebook is None:
        return known or worded(lang, "状态“{x}”", "state “{x}”", x=state)
    if title := title_of_choices(rulebook, state) or ("" if state.isascii() else state):
        return worded(lang, "状态“{x}”", "state “{x}”", x=title)
    nameless = [
        x
        for x in dict.fromkeys(decision.state for decision in rulebook.decisions.values())
        if x and x not in SUBJECT and not title_of_choices(rulebook, x)
    ]
    number = nameless.index(state) + 1 if len(nameless) > 1 and state in nameless else 0
    if not number:
        return worded(lang, "状态", "state")
    zh = _NUMERALS[number - 1] if number <= len(_NUMERALS) else str(number)
    return f"状态{zh}" if lang == ZH else f"state {number}"


def title_of_choices(rulebook: t.Rulebook, of: str) -> str:
    """Return the name of the choices of an attribute, column or state; '' where there are none."""
    return next((x.title for x in rulebook.words.values() if x.of == of), "")


def missing_name(cause: str, lang: str = ZH) -> str:
    """Return the name of what is missing, a column of a kind of fact or an attribute; '' for anything else.

    >>> missing_name("account_rates.rate"), missing_name("subject.grade"), missing_name("inputs.price")
    ('账户利率的执行利率', '等级', '')
    """
    section, _, name = cause.partition(".")
    if section == "subject" and name in SUBJECT:
        return (SUBJECT if lang == ZH else english.SUBJECT).get(name, name)
    kind = KINDS.get(section)
    column = kind.column(name) if kind is not None else None
    if kind is None or column is None:
        return ""
    zh, en = "{kind}的{column}", "{column} of {kind}"
    return (
        worded(lang, zh, en, kind=kind.zh, column=column.zh)
        if lang == ZH
        else worded(lang, zh, en, kind=english.plain(kind.name), column=english.plain(column.name))
    )
