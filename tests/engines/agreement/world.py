"""A small bank drawn from a seed: people who move, join and leave, and books in every shape that is allowed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from tests.engines.facts.folders import csv_of, write_folder

FIRST, LAST = date(2024, 1, 1), date(2025, 12, 31)
MIDDLE = date(2025, 1, 1)
PRODUCTS = ("活期", "定期", "通知")
GRADES = ("初级", "中级", "高级")
CLASSES = ("正常", "关注", "次级", "可疑", "损失")
ROUND = (0, 1, 100, 9_999_99, 10_000_00, 10_000_01, 30_000_00, 50_000_00, -123_45, -10_000_00)
"""Amounts in fen that edges are put at, beside and between."""

Row = tuple[object, ...]
HEADINGS = {
    "institutions": "institution_id,from_day,to_day,name,level,parent_id,area",
    "teams": "team_id,name,institution_id",
    "staff": "person_id,name,person_kind,hired_on,left_on",
    "posts": "person_id,from_day,to_day,post,grade,institution_id,team_id",
    "customers": "customer_id,name,customer_kind,tier",
    "accounts": "account_id,customer_id,product,deposit_kind,account_kind,currency,institution_id,opened_on,closed_on",
    "account_institutions": "account_id,from_day,to_day,institution_id",
    "balances": "account_id,from_day,balance",
    "account_rates": "account_id,from_day,rate,rate_kind",
    "loans": "loan_id,customer_id,product,guarantee,institution_id,granted_on,due_on,amount,rate",
    "loan_states": "loan_id,from_day,balance,loan_class,overdue_days",
    "interest": "interest_id,loan_id,day,due,received",
    "fees": "fee_id,day,item,amount,account_id,customer_id,institution_id",
    "assignments": "grain,object_id,person_id,from_day,to_day,role,share,book",
    "figures": "scope,subject_id,item,from_day,to_day,value",
    "parameters": "rulebook,input,keys,from_day,to_day,value",
    "human_decisions": "decision_id,day,rulebook,person_id,input,value,reason,decided_by",
    "opening_state": "rulebook,subject_id,item,every,day,value",
    "event_violation": "event_id,day,person_id,customer_id,account_id,institution_id,points,level",
}
COVERAGE = (
    "events:\n  violation: {name: 违规, columns: {points: {type: number}, level: {type: choice}}}\n"
    f"coverage:\n  - {{kinds: [{', '.join(HEADINGS)}], from: {FIRST}, to: {LAST}}}\n"
)


def money(fen: int) -> str:
    """Return fen as yuan with two decimals."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


@dataclass
class World:
    """Rows by kind, as a clerk would write them."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {kind: [] for kind in HEADINGS})

    def add(self, kind: str, *rows: Row) -> None:
        """Add rows to a kind."""
        self.rows[kind].extend(rows)

    def files(self) -> dict[str, str]:
        """Return the import folder's files."""
        return {f"{kind}.csv": csv_of(HEADINGS[kind], rows) for kind, rows in self.rows.items()}

    def bank(self, folder: Path) -> Bank:
        """Return a new bank that has accepted all rows."""
        bank = Bank.create(folder / "bank", "样行")
        result = import_folder(write_folder(folder / "in", self.files(), COVERAGE), bank)
        told = [problem.text("en") for problem in result.problems if problem.severity == "error"]
        assert told == []
        return bank

    def amounts(self) -> list[int]:
        """Return the balances that occur, in fen, for edges to stand at."""
        return sorted({round(float(str(row[2])) * 100) for row in self.rows["balances"]})


class Maker:
    """Draws a world."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(f"world {seed}")
        self.world = World()

    def day(self, first: date = FIRST, last: date = LAST) -> date:
        return first + timedelta(days=self.draw.randint(0, (last - first).days))

    def middle(self) -> date:
        """Return a day inside the first months of the second year; month ends and starts are likely."""
        edges = [date(2025, 1, 31), date(2025, 2, 1), date(2025, 2, 28), date(2025, 3, 1), date(2025, 3, 31)]
        return (
            self.draw.choice(edges) if self.draw.random() < 0.3 else self.day(MIDDLE, MIDDLE + timedelta(110))
        )

    def amount(self) -> int:
        if self.draw.random() < 0.5:
            return self.draw.choice(ROUND)
        return self.draw.randint(-2_000_000, 60_000_00)

    def make(self) -> World:
        self.bank_itself()
        self.people()
        self.customers()
        for number in range(1, self.draw.randint(6, 10) + 1):
            self.account(number)
        self.constant_account()
        self.book()
        self.loans()
        self.dated()
        self.supplied()
        return self.world

    def bank_itself(self) -> None:
        self.world.add(
            "institutions",
            ("H", "2020-01-01", "", "总行", "总行", "", ""),
            ("A", "2020-01-01", "", "甲支行", "支行", "H", "城区"),
            ("A1", "2020-01-01", "", "甲一网点", "网点", "A", "城区"),
            ("B", "2020-01-01", "", "乙支行", "支行", "H", self.draw.choice(["乡镇", ""])),
        )
        self.world.add("teams", ("T1", "一队", "A"), ("T2", "二队", "B"))

    def people(self) -> None:
        names = ("p1", "p2", "p3", "p4", "p5", "p6")
        joined, left, moved, graded = self.middle(), self.middle(), self.middle(), self.middle()
        for name in names:
            self.world.add(
                "staff",
                (
                    name,
                    name,
                    self.draw.choice(["在册", "虚拟", ""]),
                    joined if name == "p3" else self.draw.choice(["2019-03-31", "2024-08-31", ""]),
                    left if name == "p4" else "",
                ),
            )
        before, after = moved - timedelta(days=1), moved
        grades = self.draw.sample(GRADES, 2)
        self.world.add(
            "posts",
            # Moves between posts and institutions in mid-period, and later moves back.
            ("p1", "2020-01-01", before, "经理", self.draw.choice(GRADES), "A", "T1"),
            ("p1", after, after + timedelta(40), "行长", "", "B", ""),
            ("p1", after + timedelta(41), "", "经理", "初级", "B", "T2"),
            # Is promoted in mid-period: no spell.
            ("p2", "2020-01-01", graded - timedelta(days=1), "经理", grades[0], "A", "T1"),
            ("p2", graded, "", "经理", grades[1], "A", "T1"),
            ("p3", joined, "", "经理", "初级", self.draw.choice(["A1", "B"]), "T2"),
            ("p4", "2020-01-01", left, "经理", "高级", "B", "T2"),
            ("p5", "2020-01-01", "", "行长", "", "A", ""),
        )
        gap = self.middle()
        self.world.add(
            "posts",
            ("p6", "2020-01-01", gap, "经理", "中级", "A1", "T1"),
            ("p6", gap + timedelta(self.draw.randint(2, 40)), "", "经理", "中级", "A1", "T1"),
        )

    def customers(self) -> None:
        self.world.add(
            "customers",
            ("c1", "", "对公", "重点"),
            ("c2", "", "个人", ""),
            ("c3", "", self.draw.choice(["对公", ""]), "普通"),
        )

    def account(self, number: int) -> None:
        name = f"a{number:02d}"
        opened = self.middle() if number == 1 else self.draw.choice([date(2019, 5, 1), date(2024, 6, 15)])
        closed = max(self.middle(), opened) + timedelta(days=30) if number in (1, 2) else None
        customer = self.draw.choice(["c1", "c2", "c3"]) if number != 6 else ""
        self.world.add(
            "accounts",
            (
                name,
                customer,
                self.draw.choice(PRODUCTS),
                "",
                self.draw.choice(["基本户", "一般户", ""]),
                "USD" if number == 5 else "CNY",
                self.draw.choice(["A", "A1", "B"]),
                opened,
                closed or "",
            ),
        )
        if number == 3:
            moved = self.middle()
            self.world.add("account_institutions", (name, moved, moved + timedelta(50), "B"))
        start = max(opened, FIRST)
        days = {
            start,
            *(self.day(start, (closed or LAST)) for _ in range(self.draw.randint(2, 7))),
            self.middle(),
        }
        for day in sorted(d for d in days if d >= start and (closed is None or d < closed)):
            self.world.add(
                "balances", (name, day, money(0 if number == 7 and day < MIDDLE else self.amount()))
            )
        if closed is not None:
            self.world.add("balances", (name, closed, "0.00"))
        if self.draw.random() < 0.7:
            # Of the account opened in mid-period the first days have no rate: a gap.
            first = start + timedelta(days=9) if number == 1 else start
            for day in sorted({first, self.middle()}):
                if day >= first:
                    rate = self.draw.choice(["0.35%", "1.5%", "2%", "0"])
                    self.world.add(
                        "account_rates", (name, day, rate, self.draw.choice(["计息", "不计息", ""]))
                    )

    def constant_account(self) -> None:
        """Add an account whose balance never changes: its daily average stands exactly at an edge."""
        self.world.add("accounts", ("a50", "c1", "活期", "", "基本户", "CNY", "A", "2019-01-01", ""))
        self.world.add("balances", ("a50", FIRST, money(self.draw.choice((10_000_00, 30_000_00, 9_999_99)))))

    def book(self) -> None:
        add = self.world.add
        split = self.middle()
        first, second = self.draw.sample(["p1", "p2", "p4", "p6"], 2)
        add("assignments", ("customer", "c1", first, FIRST, split - timedelta(days=1), "", "100%", ""))
        add("assignments", ("customer", "c1", second, split, "", "主办", "100%", ""))
        add("assignments", ("customer", "c2", "p1", FIRST, "", "主办", "60%", ""))
        add("assignments", ("customer", "c2", "p3", FIRST, "", "协办", "40%", ""))
        over = self.middle()
        add(
            "assignments",
            ("account", "a03", "p2", over, over + timedelta(self.draw.randint(5, 60)), "", "1", ""),
        )
        for person in ("p1", "p2", "p6"):
            add("assignments", ("account", "a04", person, FIRST, "", "", "1/3", ""))
        add("assignments", ("account", "a02", "p2", FIRST, "", "主办", "90%", ""))
        add("assignments", ("account", "a02", "p5", FIRST, "", "推荐", "10%", ""))
        add("assignments", ("account", "a06", "p5", self.middle(), "", "", "37.5%", ""))
        add("assignments", ("customer", "c2", "p2", FIRST, self.middle(), "", "1", "二账"))
        add("assignments", ("account", "a50", "p2", FIRST, "", "", "1", "二账"))

    def loans(self) -> None:
        for number in range(1, 5):
            name = f"l{number}"
            granted = self.draw.choice([date(2023, 4, 1), self.middle()])
            self.world.add(
                "loans",
                (
                    name,
                    self.draw.choice(["c1", "c2", "c3", ""]),
                    self.draw.choice(["流贷", "按揭"]),
                    self.draw.choice(["抵押", "保证", ""]),
                    self.draw.choice(["A", "A1", "B"]),
                    granted,
                    "",
                    money(abs(self.amount()) + 1),
                    self.draw.choice(["5.5%", "4.25%", ""]),
                ),
            )
            start = max(granted, FIRST)
            for day in sorted({start, *(self.day(start, LAST) for _ in range(3)), self.middle()}):
                if day >= start:
                    overdue = self.draw.choice(["0", "30", "91", ""])
                    self.world.add(
                        "loan_states",
                        (name, day, money(abs(self.amount())), self.draw.choice(CLASSES), overdue),
                    )
            for index in range(8):
                day = self.day() if index < 3 else self.middle()
                due = self.draw.choice((0, 0, 100_00, 33_33))
                received = self.draw.choice((0, due, due // 2))
                self.world.add("interest", (f"i{number}{index}", name, day, money(due), money(received)))
        self.world.add("assignments", ("loan", "l1", "p2", FIRST, "", "主办", "70%", ""))
        self.world.add("assignments", ("loan", "l1", "p4", FIRST, self.middle(), "", "30%", ""))

    def dated(self) -> None:
        accounts = [str(row[0]) for row in self.world.rows["accounts"]]
        for index in range(30):
            day = self.day() if index < 12 else self.middle()
            by_account = self.draw.random() < 0.6
            account = self.draw.choice(accounts) if by_account else ""
            customer = "" if by_account else self.draw.choice(["c1", "c2", "c3", ""])
            place = self.draw.choice(["A", "B", ""])
            amount = self.draw.choice((100_00, 33_33, 1, 0, -50_00, 12_34))
            self.world.add(
                "fees",
                (
                    f"f{index:02d}",
                    day,
                    self.draw.choice(["代理", "理财"]),
                    money(amount),
                    account,
                    customer,
                    place,
                ),
            )
        self.world.add("assignments", ("event", "f03", "p2", FIRST, "", "", "1", ""))
        self.world.add("assignments", ("event", "f14", "p3", FIRST, "", "推荐", "50%", ""))
        for index in range(14):
            person = self.draw.choice(["p1", "p2", "p3", "p4", "p5", "p6", ""])
            self.world.add(
                "event_violation",
                (
                    f"v{index:02d}",
                    self.middle() if index > 3 else self.day(),
                    person,
                    self.draw.choice(["c1", "c2", ""]),
                    self.draw.choice(["a02", "a04", ""]),
                    self.draw.choice(["A", "B", ""]),
                    self.draw.choice(["1", "2.5", "6", "0", "-1"]),
                    self.draw.choice(["轻", "重"]),
                ),
            )

    def supplied(self) -> None:
        add = self.world.add
        for person in ("p1", "p2", "p4", "p6"):
            value = self.draw.choice(["10000", "9999.99", "0", "-500", "30000", "123.456789"])
            if self.draw.random() < 0.8:
                add("figures", ("person", person, "目标", FIRST, "", value))
        for place in ("A", "B"):
            add("figures", ("institution", place, "目标", MIDDLE, "", self.draw.choice(["100", "250000"])))
        add("figures", ("bank", "bank", "人数", FIRST, "2025-02-28", "17"))
        add("figures", ("bank", "bank", "人数", "2025-03-01", "", "19"))
        add("figures", ("team", "T1", "目标", FIRST, "", "42"))
        change = self.middle()
        for name, key, one, two in (
            ("price", "", "0.5%", "0.7%"),
            ("grade_price", "初级", "1‰", "1.5‰"),
            ("grade_price", "高级", "3‰", "3‰"),
            ("product_price", "活期", "40%", "35%"),
            ("product_price", "定期", "33.3%", "-5%"),
            ("floor_pay", "", "100", "200"),
        ):
            unit = {"1‰": "0.001", "1.5‰": "0.0015", "3‰": "0.003"}
            add("parameters", ("probe", name, key, FIRST, change - timedelta(days=1), unit.get(one, one)))
            add("parameters", ("probe", name, key, change, "", unit.get(two, two)))
        add("parameters", ("probe", "late_price", "", self.middle(), "", "2%"))
        for index, person in enumerate(("p1", "p2", "p6")):
            value = self.draw.choice(["0.5", "1", "0", "3"])
            add(
                "human_decisions",
                (f"h{index}", self.middle(), "probe", person, "judged", value, "事由", "行长"),
            )


def make_world(seed: int) -> World:
    """Return the world of a seed."""
    return Maker(seed).make()
