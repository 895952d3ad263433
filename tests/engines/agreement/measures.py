"""Measures drawn at random: every source, take, credit, window, price day and figure of a thing."""

from __future__ import annotations

import random
from collections.abc import Callable

CLAUSE = "第一条"
OWN = ("period",)
WINDOWS = (
    *OWN * 9,
    "to date",
    "to date since 2025-01-10",
    "month",
    "quarter",
    "half",
    "year",
    "same period last year",
    "last year",
    "last half",
    "last quarter",
    "last month",
    "previous period",
    "last 3 months",
    "2025-01-10..2025-02-27",
    *("base of last year",) * 3,
    "base of same period last year",
    "base of previous period",
)
STANDING = (
    "daily average",
    "daily average",
    "month-end average",
    "mean of days 10 20 end",
    "at end",
    "count",
    "balance days",
    "daily average over days held",
    "distinct customer_id",
    "lowest",
    "highest",
    "days of balance >= ",
    "longest run of balance < ",
)
DATED = ("sum", "sum", "count", "distinct customer_id", "mean", "lowest", "highest")
CREDITS = ("share", "share", "share", "share", "lead only", "each in full", "institution")
PRICES = ("each day", "row's day", "window end", "evaluation end")
ACCOUNT_WHERE = (
    "product = 活期",
    "product in 存款",
    "product in (活期, 定期)",
    "currency = CNY",
    "customer.customer_kind = 对公",
    "customer_kind = 个人 or currency = USD",
    "account.rate_kind = 计息",
    "account.rate > 0.01",
    "institution.area = 城区",
    "institution.level = 支行",
    "person.grade = 高级",
    "person.post = 经理",
    "opened_on >= 2025-01-15",
    "months_between(opened_on, 2025-02-28) >= 12",
    "not (product = 活期)",
    "price >= 0.6%",
    "given(late_price)",
    "tier = 重点",
    "product <> 定期 and customer_kind <> 对公",
)
BALANCE_EACH = (
    "",
    "",
    "",
    "balance * price",
    "balance * late_price",
    "balance * product_price(活期)",
    "balance * product_price",
    "balance * product_price(活期) * price",
    "balance * account.rate",
    "balance * row_rate",
    "balance * (row_rate - price)",
    "max(balance, 0元)",
    "min(balance, 10000元)",
    "if(balance > 10000元, balance, 0元)",
    "steps(balance, 1000元, completed) * 3元",
    "steps(balance, 7元, started) * 0.1元",
    "round(balance * 0.3, 0)",
    "row_steps(balance)",
    "abs(balance) * 0.5",
    "balance * grade_price(高级)",
)
LOAN_WHERE = (
    "loan_class in 不良类",
    "overdue_days > 30",
    "guarantee = 抵押",
    "loan.rate > 0.05",
    "product = 流贷",
    "balance >= 10000元",
    "customer.customer_kind = 对公",
    "granted_on >= 2025-01-01",
)
LOAN_EACH = ("", "", "balance * price", "balance * loan.rate", "if(overdue_days > 30, balance, 0元)")
ROW_TABLES = {
    "row_rate": {
        "by": ["product"],
        "gives": {"rate": "ratio"},
        "clause": CLAUSE,
        "versions": [
            {"from": "2023-01-01", "rows": [["活期", "1%"], ["定期", "price"], ["any", "late_price"]]},
            {"from": "2025-02-15", "rows": [["活期 | 定期", "2%"], ["通知", "0%"]]},
        ],
    },
    "row_steps": {
        "by": ["key"],
        "gives": {"pay": "ratio"},
        "clause": CLAUSE,
        "how": "marginal",
        "rows": [["[0元, 10000元)", "1%"], [">= 10000元", "0.5%"]],
    },
}


class MeasureDrawer:
    """Draws measures and keeps them by unit."""

    def __init__(self, draw: random.Random, edge: Callable[[], str]) -> None:
        self.draw, self.edge = draw, edge
        self.declared: dict[str, dict[str, object]] = {
            "目标": {"item": "目标", "scope": "person", "unit": "money", "clause": CLAUSE},
            "人数": {"item": "人数", "scope": "bank", "unit": "count", "clause": CLAUSE},
            "单位目标": {"item": "目标", "scope": "institution", "unit": "money", "clause": CLAUSE},
            "占比": {"is": "stock / (stock + 目标)", "undefined": "0%", "clause": CLAUSE},
            "stock": {"from": "balances", "clause": CLAUSE},
            "books": {"from": "balances", "take": "count", "where": "balance > 0元", "clause": CLAUSE},
            "conduct": {"from": "violation", "each": "points", "unit": "number", "clause": CLAUSE},
            "thing": self.of_thing(),
        }
        self.tables: dict[str, dict[str, object]] = dict(ROW_TABLES)
        self.by_unit = {
            "money": ["stock", "stock over last year", "单位目标"],
            "ratio": ["占比"],
            "count": ["books", "人数"],
            "number": ["conduct"],
        }

    def named(self, unit: str) -> str:
        return self.draw.choice(self.by_unit[unit])

    def of_thing(self) -> dict[str, object]:
        """Return a figure of an account, customer or loan, for the `where` of others."""
        per = self.draw.choice(["account", "customer"])
        take = self.draw.choice(["at end", "daily average"])
        return {"from": "balances", "take": take, "per": per, "clause": CLAUSE}

    def add(self) -> None:
        kind = self.draw.choice(["balances"] * 5 + ["loan_states", "fees", "interest", "loans", "accounts"])
        kind = self.draw.choice([kind] * 7 + ["violation"])
        name = f"m{len(self.declared)}"
        spec: dict[str, object] = {"from": kind, "over": self.draw.choice(WINDOWS), "clause": CLAUSE}
        if kind not in ("balances", "loan_states"):
            spec["over"] = str(spec["over"]).removeprefix("base of ")
        unit = {
            "balances": self.balances,
            "loan_states": self.loan_states,
        }.get(kind, self.rows)(spec)
        if self.draw.random() < 0.3:
            spec["prices_at"] = self.draw.choice(PRICES)
        if self.draw.random() < 0.4 and kind != "violation":
            spec["credit"] = self.draw.choice(CREDITS)
        if spec.get("credit") == "institution" and str(spec.get("take")).endswith("held"):
            del spec["credit"]
        if self.draw.random() < 0.12:
            spec |= self.draw.choice([{"book": "二账"}, {"role": "主办"}, {"role": "推荐"}])
        base = str(spec["over"]).startswith("base of ")
        if self.draw.random() < 0.15 and not base and (kind != "violation" or "credit" in spec):
            spec["credit_at"] = self.draw.choice(["window start", "window end", "evaluation end"])
        self.declared[name] = spec
        self.by_unit[unit].append(f"({name} / period_days)" if spec.get("take") == "balance days" else name)

    def balances(self, spec: dict[str, object]) -> str:
        spec["take"] = self.draw.choice(STANDING)
        if self.draw.random() < 0.55:
            spec["where"] = self.where(
                ACCOUNT_WHERE, f"balance {self.draw.choice(['>', '>=', '<', '='])} {self.edge()}"
            )
        if spec["take"] in ("count", "distinct customer_id"):
            return "count"
        self.each(spec, BALANCE_EACH)
        return self.of_days(spec)

    def of_days(self, spec: dict[str, object]) -> str:
        """Finish a measure that may take totals of single days, and return its unit."""
        take = str(spec["take"])
        if take in ("lowest", "highest", "daily average over days held") or take.endswith(" "):
            spec["over"] = str(spec["over"]).removeprefix("base of ")
        if take.endswith(" "):
            spec["take"] = take + self.draw.choice([self.edge(), "10000元", "0元", "floor_pay"])
            spec["unit"] = "number"
            return "number"
        return "money"

    def loan_states(self, spec: dict[str, object]) -> str:
        spec["take"] = self.draw.choice(STANDING)
        if self.draw.random() < 0.6:
            spec["where"] = self.draw.choice(LOAN_WHERE)
        if spec["take"] in ("count", "distinct customer_id"):
            return "count"
        self.each(spec, LOAN_EACH)
        return self.of_days(spec)

    def rows(self, spec: dict[str, object]) -> str:
        kind = spec["from"]
        spec["take"] = self.draw.choice(DATED)
        columns, where = {
            "fees": (
                ("amount", "amount * price", "amount * late_price"),
                (
                    "item = 理财",
                    "amount > 0元",
                    "customer.customer_kind = 对公",
                    "account.product = 活期",
                    "institution.area = 城区",
                    "thing > 0元",
                ),
            ),
            "interest": (
                ("due", "received", "received - due"),
                ("received < due", "loan.product = 流贷", "customer_kind = 对公", "institution.area = 城区"),
            ),
            "loans": (("amount", "amount * price"), ("amount > 10000元", "guarantee = 抵押")),
            "accounts": (("1元", "2元"), ("product = 活期", "account_kind = 基本户")),
            "violation": (
                ("points * 1元", "abs(points) * 2元"),
                ("level = 重", "points > 1", "customer.customer_kind = 对公", "thing > 0元"),
            ),
        }[str(kind)]
        if self.draw.random() < 0.5:
            spec["where"] = self.draw.choice(where)
        if str(spec["take"]).startswith("distinct") and kind == "interest":
            spec["take"] = "sum"
        if str(spec["take"]).startswith(("distinct", "count")):
            return "count"
        self.each(spec, columns)
        if not spec.get("each"):
            spec["each"] = columns[0]
        if kind == "violation" and self.draw.random() < 0.4:
            spec["credit"] = self.draw.choice(["share", "each in full"])
        return "money"

    def each(self, spec: dict[str, object], choices: tuple[str, ...]) -> None:
        chosen = self.draw.choice(choices)
        if chosen:
            spec["each"] = chosen
        if "account.rate" in chosen or "loan.rate" in chosen:
            spec["unit"] = "money"
        if self.draw.random() < 0.15:
            summed = spec.get("take") in ("sum", "daily average", "month-end average", "at end")
            customers = ["fen per customer", "places 0 per customer"] if summed else []
            spec["round"] = self.draw.choice(["fen per row", "places 0 per row", *customers])

    def where(self, choices: tuple[str, ...], plain: str) -> str:
        found = self.draw.choice([*choices, plain, plain, plain, f"thing > {self.edge()}"])
        if self.draw.random() < 0.25:
            found = f"({found}) {self.draw.choice(['and', 'or'])} {self.draw.choice(choices)}"
        return found

    def formulas(self) -> None:
        """Declare ratios of the measures drawn."""
        plain = [name for name in self.by_unit["money"] if "/" not in name and " over " not in name]
        for index in range(3):
            one, other = self.draw.choice(plain), self.draw.choice(plain)
            shape = self.draw.choice(
                ["growth({a}, {b})", "{a} / {b}", "completion({a}, {b})", "{a} / 单位目标"]
            )
            spec: dict[str, object] = {"is": shape.format(a=one, b=other), "clause": CLAUSE}
            if self.draw.random() < 0.3:
                spec["undefined"] = self.draw.choice(["0%", "100%"])
            self.declared[f"r{index}"] = spec
            self.by_unit["ratio"].append(f"r{index}")
