"""One small bank and five rulebooks in which every rule of the language meets an edge: what mutants are tried on."""

from __future__ import annotations

import json

from tests.engines.agreement.rulebooks import CLAUSE, WORDS
from tests.engines.agreement.world import World

PERIOD = "2025Q1"
OPENED = "2019-05-01"
SINCE = "2024-01-01"


def fixed_world() -> World:
    """Return the bank: p1 moves on 18 February, p3 joins on 10 February, p4 leaves on 20 March."""
    world = World()
    add = world.add
    add(
        "institutions",
        ("H", "2020-01-01", "", "总行", "总行", "", ""),
        ("A", "2020-01-01", "", "甲支行", "支行", "H", "城区"),
        ("A1", "2020-01-01", "", "甲一网点", "网点", "A", "城区"),
        ("B", "2020-01-01", "", "乙支行", "支行", "H", "乡镇"),
    )
    add("teams", ("T1", "一队", "A"), ("T2", "二队", "B"))
    for person, joined, left in (
        ("p1", "2019-03-31", ""),
        ("p2", "2024-08-31", ""),
        ("p3", "2025-02-10", ""),
    ):
        add("staff", (person, person, "在册", joined, left))
    add("staff", ("p4", "p4", "在册", "", "2025-03-20"), ("p5", "p5", "在册", "2018-01-31", ""))
    add(
        "posts",
        ("p1", "2020-01-01", "2025-02-17", "经理", "中级", "A", "T1"),
        ("p1", "2025-02-18", "", "经理", "中级", "B", "T2"),
        ("p2", "2020-01-01", "2025-03-09", "经理", "初级", "A", "T1"),
        ("p2", "2025-03-10", "", "经理", "高级", "A", "T1"),
        ("p3", "2025-02-10", "", "经理", "初级", "A1", "T1"),
        ("p4", "2020-01-01", "2025-03-20", "经理", "高级", "B", "T2"),
        ("p5", "2020-01-01", "", "行长", "", "A", ""),
    )
    add("customers", ("c1", "", "对公", "重点"), ("c2", "", "个人", ""), ("c3", "", "", "普通"))
    _accounts(world)
    _book(world)
    _loans(world)
    _dated(world)
    _supplied(world)
    return world


def _accounts(world: World) -> None:
    accounts = (
        ("a1", "c1", "活期", "A", OPENED, ""),
        ("a2", "c1", "定期", "A1", OPENED, ""),
        ("a3", "c2", "活期", "B", OPENED, ""),
        ("a4", "c2", "通知", "B", OPENED, ""),
        ("a5", "", "活期", "A", OPENED, ""),
        ("a6", "c3", "定期", "A", OPENED, "2025-02-20"),
        ("a7", "c3", "活期", "A", "2025-01-20", ""),
    )
    for name, customer, product, place, opened, closed in accounts:
        world.add("accounts", (name, customer, product, "", "基本户", "CNY", place, opened, closed))
    world.add("account_institutions", ("a1", "2025-03-05", "2025-03-25", "B"))
    for name, day, balance in (
        ("a1", SINCE, "8000.00"), ("a1", "2025-01-10", "10000.00"), ("a1", "2025-02-20", "-123.45"),
        ("a1", "2025-03-31", "777.77"), ("a2", SINCE, "500.05"), ("a2", "2024-07-01", "-2000.00"),
        ("a2", "2025-02-10", "33.33"), ("a3", SINCE, "10000.01"), ("a3", "2025-03-15", "9999.99"),
        ("a4", SINCE, "30000.00"), ("a5", SINCE, "4321.09"), ("a5", "2025-03-01", "0.00"),
        ("a6", SINCE, "1234.56"), ("a6", "2025-02-20", "0.00"), ("a7", "2025-01-20", "0.01"),
        ("a7", "2025-02-28", "65.43"),
    ):  # fmt: skip
        world.add("balances", (name, day, balance))
    world.add("account_rates", ("a1", SINCE, "0.35%", "计息"), ("a1", "2025-02-05", "1.5%", "不计息"))
    world.add("account_rates", ("a7", "2025-02-01", "2%", "计息"))


def _book(world: World) -> None:
    for grain, thing, person, first, last, role, share in (
        ("customer", "c1", "p1", SINCE, "", "主办", "60%"), ("customer", "c1", "p2", SINCE, "", "协办", "40%"),
        ("account", "a2", "p2", "2025-02-05", "2025-02-25", "", "1"),
        ("account", "a3", "p1", SINCE, "", "", "1/3"), ("account", "a3", "p2", SINCE, "", "", "1/3"),
        ("account", "a3", "p4", SINCE, "", "", "1/3"),
        ("account", "a4", "p2", SINCE, "", "主办", "90%"), ("account", "a4", "p5", SINCE, "", "推荐", "10%"),
        ("account", "a6", "p4", SINCE, "2024-12-31", "", "1"), ("account", "a6", "p2", "2025-01-01", "2025-02-19", "", "1"),
        ("account", "a7", "p4", "2025-01-20", "2025-02-28", "", "1"), ("account", "a7", "p3", "2025-03-01", "", "", "1"),
        ("loan", "l1", "p2", SINCE, "", "主办", "70%"), ("loan", "l1", "p4", SINCE, "2025-03-09", "", "30%"),
        ("event", "f3", "p3", SINCE, "", "", "1"),
    ):  # fmt: skip
        world.add("assignments", (grain, thing, person, first, last, role, share, ""))
    world.add("assignments", ("customer", "c2", "p1", SINCE, "", "", "1", "二账"))


def _loans(world: World) -> None:
    world.add("loans", ("l1", "c1", "流贷", "抵押", "A", "2023-04-01", "", "50000.00", "5.5%"))
    world.add("loans", ("l2", "c2", "按揭", "保证", "B", "2025-02-10", "", "10000.00", ""))
    world.add("loans", ("l3", "c3", "流贷", "", "A", "2024-05-01", "", "900.00", ""))
    world.add("assignments", ("loan", "l2", "p1", SINCE, "", "", "1", ""))
    for person in ("p1", "p2", "p4"):
        world.add("assignments", ("loan", "l3", person, SINCE, "", "", "1/3", ""))
    world.add("loan_states", ("l3", "2024-05-01", "900.00", "次级", "100"))
    for name, day, balance, kind, overdue in (
        ("l1", SINCE, "50000.00", "正常", "0"), ("l1", "2025-02-01", "40000.00", "次级", "31"),
        ("l1", "2025-03-20", "40000.00", "关注", ""), ("l2", "2025-02-10", "10000.00", "可疑", "30"),
    ):  # fmt: skip
        world.add("loan_states", (name, day, balance, kind, overdue))
    for name, loan, day, due, received in (
        ("i1", "l1", "2025-01-20", "100.00", "100.00"), ("i2", "l1", "2025-02-20", "100.00", "33.33"),
        ("i3", "l2", "2025-03-31", "0.00", "0.00"), ("i4", "l1", "2024-02-20", "90.00", "0.00"),
    ):  # fmt: skip
        world.add("interest", (name, loan, day, due, received))


def _dated(world: World) -> None:
    for name, day, item, amount, account, customer, place in (
        ("f1", "2025-01-01", "代理", "100.00", "a1", "", ""), ("f2", "2025-02-17", "理财", "33.33", "a1", "", ""),
        ("f3", "2025-02-18", "理财", "-0.05", "a4", "", ""), ("f4", "2025-03-31", "代理", "12.34", "", "c1", "A"),
        ("f5", "2025-04-01", "代理", "1000.00", "a1", "", ""), ("f6", "2025-03-10", "理财", "7.77", "a3", "", ""),
        ("f7", "2025-02-07", "代理", "5.00", "a2", "", ""), ("f8", "2024-03-01", "代理", "55.00", "a2", "", ""),
        ("f9", "2025-02-25", "代理", "3.00", "a7", "", ""),
    ):  # fmt: skip
        world.add("fees", (name, day, item, amount, account, customer, place))
    for name, day, person, points in (
        ("v1", "2025-01-31", "p1", "6"), ("v2", "2025-02-18", "p1", "2.5"), ("v3", "2025-03-31", "p2", "-1"),
    ):  # fmt: skip
        world.add("event_violation", (name, day, person, "c1", "", "A", points, "轻"))


def _supplied(world: World) -> None:
    for person, value in (("p1", "-500"), ("p2", "30000"), ("p3", "0"), ("p4", "-7.5")):
        world.add("figures", ("person", person, "目标", SINCE, "", value))
    for person, value in (("p1", "9999.99"), ("p2", "10000"), ("p3", "10000.01"), ("p4", "-10000.05")):
        world.add("figures", ("person", person, "边", SINCE, "", value))
    world.add("figures", ("person", "p1", "只一人", SINCE, "", "3"))
    for name, key, one, two in (
        ("price", "", "0.5%", "0.7%"), ("grade_price", "中级", "0.1%", "0.15%"), ("floor_pay", "", "100", "200"), ("fine", "", "-50", "-60"),
    ):  # fmt: skip
        world.add(
            "parameters",
            ("probe", name, key, SINCE, "2025-02-09", one),
            ("probe", name, key, "2025-02-10", "", two),
        )


MEASURES = {
    "goal": {"item": "目标", "scope": "person", "unit": "money"},
    "edge": {"item": "边", "scope": "person", "unit": "money"},
    "one": {"item": "只一人", "scope": "person", "unit": "count"},
    "stock": {"from": "balances"},
    "quotient": {"is": "edge / goal"},
    "grown": {"is": "growth(edge, goal)"},
}
BANDS = [["< -100%", "1"], ["[-100%, 33.33%]", "2"], ["(33.33%, 33.3333%)", "3"], [">= 33.3333%", "4"]]
TABLES = {
    "bands": {"by": ["key"], "gives": {"x": "points"}, "rows": BANDS},
    "marks": {"by": ["key"], "gives": {"x": "points"}, "rows": [["<= 10000元", "1"], ["> 10000元", "2"]]},
    "parts": {
        "by": ["key"],
        "gives": {"x": "ratio"},
        "how": "marginal",
        "rows": [["[0元, 9999.99元)", "1%"], [">= 9999.99元", "50%"]],
    },
    "pieces": {
        "by": ["key"],
        "gives": {"x": "points"},
        "how": "per piece",
        "rows": [["[1, 2]", "5"], [">= 3", "7"]],
    },
}
FORMULAS = {
    "above": {"score": "if(edge > 10000元, 1, 0)"},
    "at_least": {"score": "if(edge >= 10000元, 1, 0)"},
    "at_most": {"score": "if(edge <= 10000元, 1, 0)"},
    "below": {"score": "if(edge < 10000元, 1, 0)"},
    "cut": {"score": "steps(edge, 3元, completed)"},
    "begun": {"score": "steps(edge, 3元, started)"},
    "cut_ratio": {"score": "steps(quotient, 7%, completed)"},
    "between": {"score": "interpolate(edge, 1元, 10, 3元, 25.5, 10元, 30)"},
    "between_ratios": {"score": "interpolate(quotient, 7%, 60, 90%, 100, 120%, 110)"},
    "down": {"pay": "round(edge, 1, down)"},
    "half": {"pay": "round(edge, 1)"},
    "turned": {"score": "if(quotient > -1, 1, 0)"},
    "exact_ratio": {"value": "edge / goal", "unit": "ratio"},
    "grows": {"score": "if(grown > 0%, 1, 0)"},
    "smaller": {"pay": "min(edge, goal, first_given(never, 5元))"},
    "least_unknown": {"pay": "min(edge, never)"},
    "vetoed": {"cases": [{"when": "one > 2", "score": "1"}, {"otherwise": "2"}]},
    "counted": {"score": "count_true(one > 2, edge > 0元)"},
    "refused": {"score": "if(not (one > 2 and edge > 0元), 1, 0)"},
    "banded": {"score": "bands(quotient)"},
    "marked": {"score": "marks(edge)"},
    "progressive": {"pay": "parts(edge)"},
    "by_piece": {"score": "pieces(first_given(one, 2))"},
    "absent": {"pay": "floor_pay + never"},
    "average_ratio": {"score": "average(edge / 7元 among managers) * 1"},
    "missing": {"pay": "first_given(goal, 1元) + edge"},
}
CREDIT_MEASURES = {
    "at_last": {"from": "balances", "take": "at end"},
    "month_ends": {"from": "balances", "take": "month-end average"},
    "lead": {"from": "balances", "credit": "lead only"},
    "referred": {"from": "balances", "role": "推荐"},
    "second_book": {"from": "balances", "book": "二账"},
    "placed": {"from": "balances", "credit": "institution"},
    "before": {"from": "balances", "over": "base of last year"},
    "last_year": {"from": "balances", "over": "last year"},
    "increment": {"is": "stock - last_year - 100元"},
    "priced": {"from": "balances", "each": "balance * price"},
    "stepped": {"from": "balances", "each": "steps(balance, 7元, completed) * 1元"},
    "rounded": {"from": "balances", "each": "balance * 0.3", "round": "fen per row"},
    "rich": {"from": "balances", "where": "balance >= 10000.00元", "take": "count"},
    "corporate": {"from": "balances", "where": "customer_kind = 对公"},
    "bad": {"from": "loan_states", "where": "loan_class in 不良类"},
    "overdue": {"from": "loan_states", "where": "overdue_days > 30", "take": "at end"},
    "charges": {"from": "fees"},
    "charges_priced": {"from": "fees", "each": "amount * price"},
    "charge_mean": {"from": "fees", "take": "mean"},
    "due": {"from": "interest", "each": "due - received"},
    "conduct": {"from": "violation", "each": "points", "unit": "number"},
    "owned": {"from": "balances", "take": "count", "where": "whole > 10000元"},
    "whole": {"from": "balances", "per": "customer"},
    "at_least": {"from": "balances", "take": "lowest"},
    "good_days": {"from": "balances", "take": "days of balance >= 8000元", "unit": "number"},
    "good_run": {
        "from": "balances",
        "take": "longest run of balance < 7000元 or balance >= 9000元",
        "unit": "number",
    },
    "in_post": {"from": "balances", "take": "daily average over days held"},
    "of_the_start": {"from": "balances", "credit_at": "window start"},
    "at_least_before": {"from": "balances", "take": "lowest", "over": "last year"},
    "heads": {"from": "balances", "take": "distinct customer_id"},
    "by_customer": {"from": "balances", "each": "balance * 0.3", "round": "places 0 per customer"},
}
NO_MONEY = ("rich", "conduct", "owned", "whole", "good_days", "good_run", "heads")
CREDIT = {f"pay_{name}": {"pay": name} for name in CREDIT_MEASURES if name not in NO_MONEY} | {
    "stock_pay": {"pay": "stock"},
    "rich_points": {"score": "rich"},
    "owned_points": {"score": "owned"},
    "conduct_points": {"score": "conduct"},
    "good_points": {"score": "good_days + good_run * 0.01"},
    "heads_points": {"score": "heads"},
}
PAST = {
    "m_low": {"every": "month", "pay": "stock * 1%", "least": "floor_pay"},
    "m_score": {"every": "month", "score": "if(grade = 高级, 10, 20)"},
    "m_before": {"every": "month", "pay": "previous(m_low, 7元)"},
    "m_in_row": {"every": "month", "score": "streak(m_check)"},
    "m_times": {"every": "month", "score": "times(m_check, 2)"},
    "m_rank": {"every": "month", "score": "rank(stock among managers)"},
    "m_tied": {"every": "month", "score": "rank(round(stock / 1000000, 0) among managers)"},
    "m_others": {"every": "month", "pay": "sum(stock among managers, self out)"},
    "m_best_other": {"every": "month", "pay": "highest(stock among managers, self out)"},
    "m_few": {"every": "month", "pay": "sum(stock among managers by institution, at least 2)"},
    "m_total": {"every": "month", "total": ["m_low", "m_before"]},
    "m_held": {"every": "month", "pay": "max(stock, 0元)"},
    "m_pool": {"every": "month", "pay": "pool(100.01元, m_score among managers)"},
    "m_pools": {"every": "month", "pay": "pool(floor_pay, m_held among managers by institution)"},
    "m_pool_owed": {"every": "month", "pay": "pool(0元 - 333.335元, m_total_held among managers)"},
    "m_total_held": {"every": "month", "total": ["m_held", "m_held"]},
    "m_pool_unlike": {"every": "month", "pay": "pool(m_held, m_score among managers)"},
    "m_pool_below": {"every": "month", "pay": "pool(10元, m_signed among managers)"},
    "m_signed": {"every": "month", "pay": "edge"},
    "q_fixed": {"every": "quarter", "pay": "100元 + floor_pay - stock * 1%"},
    "q_minus": {"every": "quarter", "pay": "0元 - stock * 0.1%"},
    "q_both": {"every": "quarter", "total": ["q_pay", "q_minus"]},
    "q_both_least": {"every": "quarter", "total": ["q_pay", "q_minus"], "least": "20元"},
    "q_both_most": {"every": "quarter", "total": ["q_pay", "q_minus"], "most": "30.01元"},
    "q_both_free": {"every": "quarter", "total": ["q_pay", "q_minus"], "most": "100万元"},
    "q_both_unknown": {
        "every": "quarter",
        "total": ["q_pay", "q_minus"],
        "most": "if(area = 城区, never, 30元)",
    },
    "q_nested": {"every": "quarter", "total": ["q_both", "q_both_least", "q_pay"]},
    "q_both_points": {"every": "quarter", "total": ["q_score", "q_place"], "most": "20"},
    "q_pool_part": {"every": "quarter", "pay": "100元 * share(q_score among managers)"},
    "q_place": {"every": "quarter", "score": "rank(q_score among managers)"},
    "q_all": {"every": "quarter", "score": "sum(q_score among managers, self out)"},
    "q_sum": {"every": "quarter", "pay": "sum of m_low over its months"},
    "q_score": {"every": "quarter", "score": "if(area = 城区, 10, 31)"},
    "q_half_known": {"every": "quarter", "pay": "if(area = 城区, 10元, never)"},
    "q_pay": {"every": "quarter", "pay": "stock * 0.333%", "least": "floor_pay"},
}
CHECKS = {
    "m_check": {"every": "month", "when": "stock > 100元", "says": "看"},
    "q_low": {"every": "quarter", "when": "q_score < 20", "says": "看"},
    "q_paid": {"every": "quarter", "when": "q_pay > 150元 and q_nested > 500元", "says": "看"},
    "q_first": {"every": "quarter", "when": "rank(q_score among managers) = 1 or not q_low", "says": "看"},
    "m_third": {"every": "month", "when": "streak(m_check) >= 3", "says": "看"},
}
DECISIONS = {
    "d_down": {
        "every": "month",
        "when": "streak(m_check) >= 2 and grade <> 初级",
        "sets": {"grade": "down"},
        "in_force": "next period",
    },
    "d_quarter": {"every": "quarter", "when": "q_low and q_both_most > 30元", "says": "看"},
    "d_watch": {"every": "month", "when": "times(m_check, 3) >= 2", "sets": {"watch": "观察"}},
    "d_third": {"every": "month", "when": "m_third", "sets": {"contract": "解除"}},
    "d_level": {"every": "month", "when": "levels(m_low) = 高级", "sets": {"mark": "高"}},
    "d_said": {"every": "month", "when": "streak(m_check) >= 2", "says": "看"},
}
LEVELS = {
    "levels": {
        "by": ["key"],
        "gives": {"level": "grade"},
        "rows": [["< 150元", "初级"], ["[150元, 300元)", "中级"], [">= 300元", "高级"]],
    }
}
INPUTS = {
    "price": {"unit": "ratio"}, "grade_price": {"unit": "ratio", "by": ["grade"]},
    "floor_pay": {"unit": "money"}, "never": {"unit": "money"}, "fine": {"unit": "money"},
}  # fmt: skip
SITUATION_MEASURES = {
    "before": {"from": "balances", "over": "base of last year"},
    "before_unknown": {"from": "balances", "over": "base of last year", "where": "customer_kind = 对公"},
    "before_below": {
        "from": "balances",
        "over": "base of last year",
        "where": "product = 定期 and tier = 重点",
    },
    "books": {"from": "balances", "take": "count"},
    "year_end": {"from": "balances", "over": "base of last year end"},
    "low": {"from": "balances", "take": "lowest"},
    "low_term": {"from": "balances", "take": "lowest", "where": "product = 定期"},
    "high_unknown": {"from": "balances", "take": "highest", "where": "customer_kind = 对公"},
    "rich_days": {"from": "balances", "take": "days of balance >= 10000元", "unit": "number"},
    "rich_run": {"from": "balances", "take": "longest run of balance * price > 50元", "unit": "number"},
    "lent": {"from": "loan_states"},
    "corporate_fees": {"from": "fees", "where": "customer.customer_kind = 对公"},
}
SITUATIONS = {
    "s_band": {"score": "bands(stock / 20000元)"},
    "s_parts": {"pay": "parts(stock)"},
    "s_parts_unknown": {"pay": "parts(never)"},
    "s_pieces": {"score": "pieces(books * 3)"},
    "s_pieces_unknown": {"score": "pieces(one)"},
    "s_steps": {"score": "steps(stock, 7元, started)"},
    "s_steps_at": {"score": "steps(edge, 2.5元, completed)"},
    "s_round": {"pay": "round(stock, 1) + round(never, 1)"},
    "s_min": {"pay": "min(stock, 10000元) + min(edge, 10000元)"},
    "s_bound": {"pay": "edge", "most": "10000元", "least": "-5元"},
    "s_bound_unknown": {"pay": "stock", "most": "never"},
    "s_growth": {"value": "growth(stock, before)", "unit": "ratio"},
    "s_ratio": {"value": "stock / edge", "unit": "ratio"},
    "s_cases": {"score": "if(stock > 5000元, -2.5, 1)"},
    "s_given": {"pay": "first_given(never, stock)"},
    "s_is_given": {"score": "if(given(one), 1, 0)"},
    "s_count": {"score": "count_true(stock > 1元, stock > 5000元)"},
    "s_and": {"score": "if(stock > 1元 and not (stock > 5000元), 1, 0)"},
    "s_group": {"pay": "lowest(edge among managers)"},
    "s_quantity": {"value": "min(stock / 1元 - 100, 9000)", "unit": "number", "most": "8000"},
    "s_group_of_pay": {"pay": "average(s_bound among managers by institution)"},
    "s_rank_of_quantity": {"value": "rank(s_quantity among managers)", "unit": "count"},
    "s_of_whole": {"pay": "whole(s_bound) * if(whole(s_quantity) > 5000, 2, 1)"},
    "s_base": {"pay": "before_unknown"},
    "s_year_end": {"pay": "year_end"},
    "s_base_below": {"pay": "before_below"},
    "s_lent": {"pay": "lent"},
    "s_fees": {"pay": "corporate_fees"},
    "s_low": {"pay": "low + low_term"},
    "s_high": {"pay": "high_unknown"},
    "s_days": {"score": "rich_days + rich_run * 0.1"},
    "s_fine": {"pay": "goal + fine"},
    "s_unknown": {"every": "month", "score": "times(k_unknown, 2)"},
    "s_below": {"every": "month", "pay": "0元 - stock"},
    "s_below_before": {"every": "month", "pay": "previous(s_below)"},
    "s_total": {"every": "month", "total": ["s_below", "s_below_before"]},
}
SITUATION_CHECKS = {"k_unknown": {"every": "month", "when": "never > 1元", "says": "看"}}
SITUATION_DECISIONS = {"d_unknown": {"every": "month", "when": "k_unknown", "says": "看"}}
KEPT_MEASURES = {
    "whole": {"from": "balances", "per": "customer"},
    "rounded": {"from": "balances", "each": "balance * 0.3", "round": "fen per row"},
    "rounded_bad": {
        "from": "balances",
        "where": "never > 1元",
        "each": "balance * 0.3",
        "round": "fen per row",
    },
    "priced": {"from": "balances", "each": "balance * price"},
    "priced_bad": {"from": "balances", "each": "balance * grade_price(person.grade)"},
    "priced_at_end": {"from": "balances", "each": "balance * price", "prices_at": "window end"},
    "priced_bad_at_end": {
        "from": "balances",
        "each": "balance * grade_price(person.grade)",
        "prices_at": "evaluation end",
    },
    "rounded_below": {
        "from": "balances",
        "where": "product = 定期",
        "each": "balance * 0.3",
        "round": "fen per row",
    },
    "priced_below_at_end": {
        "from": "balances",
        "where": "product = 定期",
        "each": "balance * price",
        "prices_at": "window end",
    },
    "of_rich": {"from": "balances", "where": "whole > 1000元"},
    "of_rich_bad": {"from": "balances", "where": "whole > 1000元 and customer_kind = 对公"},
    "of_rich_below": {"from": "balances", "where": "whole < 10000元 and product = 定期"},
    "fees_low": {"from": "fees", "each": "amount * 10%"},
    "fees_high": {"like": "fees_low", "each": "amount * 15%"},
}
KEPT_TABLES = {
    "ladder": {
        "by": ["key"],
        "gives": {"x": "points"},
        "how": "ladder",
        "rows": [[">= 10000元", "3"], [">= 10元", "2"], ["any", "-1"]],
    },
    "dated": {
        "by": ["key"],
        "gives": {"x": "points"},
        "versions": [
            {"from": "2024-01-01", "rows": [["<= 10000元", "1"], ["> 10000元", "2"]]},
            {"from": "2025-02-15", "rows": [["< 10000元", "-3"], [">= 10000元", "4"]]},
        ],
    },
}
KEPT = {
    "k_ladder": {"every": "month", "score": "ladder(edge) + ladder(stock)"},
    "k_dated": {"every": "month", "score": "dated(edge) + dated(stock)"},
    "k_no_ladder": {"every": "month", "score": "ladder(never)"},
    "k_no_dated": {"every": "month", "score": "dated(never)"},
    "k_days": {"every": "month", "pay": "stock * 10% - 100元", "for_days": "actual/365"},
    "k_days_unknown": {"every": "month", "pay": "stock * 10% + never", "for_days": "actual/360"},
    "k_weighted": {"every": "month", "score": "stock / 100元 * 1 - 50", "weight": "30%"},
    "k_weighted_too": {"every": "month", "score": "if(never > 1元, 1, 2)", "weight": "70%"},
    "k_in": {"every": "month", "pay": "max(stock, 0元)"},
    "k_out": {"every": "month", "pay": "min(carried, 500元)"},
    "k_in_unknown": {"every": "month", "pay": "never"},
    "k_out_unknown": {"every": "month", "pay": "min(lost, 500元)"},
    "k_rows": {"every": "month", "pay": "rounded + rounded_bad"},
    "k_rows_known": {"every": "month", "pay": "rounded"},
    "k_rows_below": {"every": "month", "pay": "rounded_below + priced_below_at_end"},
    "k_priced": {"every": "month", "pay": "priced + priced_bad"},
    "k_priced_end": {"every": "month", "pay": "priced_at_end + priced_bad_at_end"},
    "k_rich": {"every": "month", "pay": "of_rich + of_rich_bad"},
    "k_rich_below": {"every": "month", "pay": "of_rich_below"},
    "k_pool": {"every": "month", "pay": "pool(0元 - 100.01元, k_in among managers)"},
    "k_pool_unknown": {"every": "month", "pay": "pool(100元, k_in_unknown among managers)"},
    "k_aside": {"every": "month", "pay": "aside + aside.paid + aside.released - aside.recovered"},
    "k_unsure": {"every": "month", "pay": "unsure.released + unsure.forfeited"},
    "k_fees": {"every": "month", "pay": "fees_low"},
    "k_fees_high": {"every": "month", "unit": "money", "value": "fees_high"},
    "k_rated": {"every": "month", "pay": "rated.released - rated.recovered"},
    "k_rated_unsure": {"every": "month", "pay": "rated_unsure.released"},
    "k_state": {"every": "month", "score": "if(watch = 观察, 1, 2)"},
}
KEPT_CHECKS = {"k_rich_check": {"every": "month", "when": "stock > 100元", "says": "看"}}
KEPT_DECISIONS = {"k_watch": {"every": "month", "when": "k_rich_check", "sets": {"watch": "观察"}}}
LEDGERS = {
    "carried": {"name": "结转", "adds": "k_in", "uses": "k_out", "lapses_after": "2"},
    "lost": {"name": "失落", "adds": "k_in_unknown", "uses": "k_out_unknown"},
    "aside": {
        "name": "延期",
        "defers": "k_in",
        "release": "in 3 equal parts every month",
        "when": "edge > 0元",
        "claws": "max(edge - 9999元, 0元)",
        "claws_from": "waiting then paid",
    },
    "unsure": {"name": "存疑", "defers": "k_in", "release": "after 1 month", "when": "one > 1"},
    "rated": {
        "name": "重新定档",
        "defers": "k_fees",
        "per": "row",
        "release": "after 1 month",
        "rerates": "quarter",
        "at": [{"when": "edge > 0元", "line": "k_fees_high"}, {"otherwise": "k_fees"}],
    },
    "rated_unsure": {
        "name": "档次不明",
        "defers": "k_fees_high",
        "per": "row",
        "release": "after 1 month",
        "rerates": "quarter",
        "at": [{"when": "one > 1", "line": "k_fees"}, {"otherwise": "k_fees_high"}],
    },
}
Section = dict[str, dict[str, object]]


def rulebook_text(every: str, spells: str, lines: Section, **more: Section) -> str:
    """Return a rulebook; each declaration has the one clause."""

    def claused(section: Section) -> Section:
        return {name: {"clause": CLAUSE, **spec} for name, spec in section.items()}

    parts = {
        "rulebook": "probe",
        "name": "试办法",
        "calendar": {"every": every},
        "who": {"managers": {"is": "post = 经理", "spells": spells, "clause": CLAUSE}},
        "words": WORDS,
        "events": {"violation": {"name": "违规", "columns": {"points": {"type": "number"}, "level": {"type": "choice"}}}},
        "inputs": claused(INPUTS),
        "lines": claused(lines),
        **{key: claused(section) for key, section in more.items()},
    }  # fmt: skip
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in parts.items())


TOPICS = {
    "formulas": rulebook_text("quarter", "none", FORMULAS, measures=MEASURES, tables=TABLES),
    "credit": rulebook_text("quarter", "by days", CREDIT, measures={**MEASURES, **CREDIT_MEASURES}),
    "past": rulebook_text(
        "month", "by days", PAST, measures=MEASURES, tables=LEVELS, checks=CHECKS, decisions=DECISIONS
    ),
    "situations": rulebook_text(
        "quarter",
        "by days",
        SITUATIONS,
        measures={**MEASURES, **SITUATION_MEASURES},
        tables=TABLES,
        checks=SITUATION_CHECKS,
        decisions=SITUATION_DECISIONS,
    ),
    "kept": rulebook_text(
        "month",
        "by days",
        KEPT,
        measures={**MEASURES, **KEPT_MEASURES},
        tables=KEPT_TABLES,
        checks=KEPT_CHECKS,
        decisions=KEPT_DECISIONS,
        ledgers=LEDGERS,
    ),
}
