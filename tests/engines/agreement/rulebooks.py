"""Rulebooks drawn from a seed: random formulas that are well typed because each is drawn for its unit.

Edges stand at balances that occur in the world, one fen below them and one above.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

from tests.engines.agreement.measures import MeasureDrawer
from tests.engines.agreement.world import GRADES, money

CLAUSE = "第一条"
OPS = ("<", "<=", "=", "<>", ">=", ">")
GROUPS = {
    "managers": {"is": "post = 经理", "clause": CLAUSE},
    "heads": {"is": "post = 行长", "spells": "none", "clause": CLAUSE},
    "everyone": {"is": "post in (经理, 行长) or person_kind = 在册", "clause": CLAUSE},
    "places": {"subject": "institution", "is": "level in (支行, 网点, 总行)", "clause": CLAUSE},
    "squads": {"subject": "team", "clause": CLAUSE},
    "whole": {"subject": "bank", "clause": CLAUSE},
}
WORDS = {
    "岗位": {"of": "post", "are": ["经理", "行长"]},
    "等级": {"of": "grade", "are": list(GRADES), "ladder": "yes"},
    "产品": {"of": "product", "are": ["活期", "定期", "通知", "流贷", "按揭"]},
    "存款": {"of": "product", "are": ["活期", "定期", "通知"]},
    "层级": {"of": "level", "are": ["总行", "支行", "网点", "轻", "重"]},
    "区域": {"of": "area", "are": ["城区", "乡镇"]},
    "类别": {"of": "person_kind", "are": ["在册", "虚拟"]},
    "项目": {"of": "item", "are": ["代理", "理财"]},
    "计息方式": {"of": "rate_kind", "are": ["计息", "不计息"]},
    "担保": {"of": "guarantee", "are": ["抵押", "保证"]},
    "性质": {"of": "account_kind", "are": ["基本户", "一般户"]},
    "客户层级": {"of": "tier", "are": ["重点", "普通"]},
    "状态": {"of": "watch", "are": ["观察", "正常"]},
    "币": {"of": "currency", "are": ["CNY", "USD"]},
}
INPUTS = {
    "price": {"unit": "ratio"},
    "late_price": {"unit": "ratio"},
    "grade_price": {"unit": "ratio", "by": ["grade"]},
    "product_price": {"unit": "ratio", "by": ["product"]},
    "floor_pay": {"unit": "money"},
    "never": {"unit": "money"},
    "judged": {"unit": "number", "from": "person", "allowed": "[0, 2]"},
}

NOT_OF_OTHERS = (" among ", " its ", "previous(", "streak(", "times(", "spell_days", "period_", *INPUTS)
"""What a formula gathered from others may not read."""


class Drawer:
    """Draws one rulebook."""

    def __init__(self, seed: int, amounts: Sequence[int]) -> None:
        self.draw = random.Random(f"rulebook {seed}")
        self.amounts = list(amounts)
        self.measures = MeasureDrawer(self.draw, self.edge)
        self.tables: dict[str, dict[str, object]] = {}
        self.lines: dict[str, dict[str, object]] = {}
        self.checks: dict[str, dict[str, object]] = {}
        self.decisions: dict[str, dict[str, object]] = {}
        self.group, self.every = "managers", "month"
        # (group, every) → unit → names of lines that stand there already.
        self.stood: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.ratio_table_used = False

    # -- small things --

    def edge(self) -> str:
        """Return an amount that occurs, or one beside it."""
        fen = self.draw.choice(self.amounts) + self.draw.choice((-1, 0, 0, 0, 1))
        return f"{money(fen)}元"

    def pick(self, *makers: Callable[[], str]) -> str:
        return self.draw.choice(makers)()

    def own(self, unit: str) -> list[str]:
        return self.stood.get((self.group, self.every), {}).get(unit, [])

    # -- formulas by unit --

    def money(self, depth: int) -> str:
        if depth <= 0 or self.draw.random() < 0.2:
            return self.pick(
                lambda: self.measures.named("money"),
                lambda: self.measures.named("money"),
                lambda: self.draw.choice([*["floor_pay"] * 5, *["0元", "0.01元", "目标"] * 2, "never"]),
                self.edge,
                lambda: self.draw.choice(self.own("money") or ["100元"]),
            )
        less = depth - 1
        return self.pick(
            lambda: f"({self.money(less)} + {self.money(less)})",
            lambda: f"({self.money(less)} - {self.money(less)})",
            lambda: f"({self.money(less)} * {self.ratio(less)})",
            lambda: f"({self.ratio(less)} * {self.money(less)})",
            lambda: f"{self.draw.choice(['min', 'max'])}({self.money(less)}, {self.money(less)})",
            lambda: f"abs({self.money(less)})",
            lambda: f"round({self.money(less)}, {self.rounding()})",
            lambda: f"if({self.condition(less)}, {self.money(less)}, {self.money(less)})",
            lambda: f"first_given({self.draw.choice(['never', 'floor_pay', '目标'])}, {self.money(less)})",
            lambda: self.past("money"),
            lambda: self.among("money"),
            lambda: self.table("money", less),
            self.pool,
            lambda: f"({self.money(less)} / {self.draw.choice(['3', '7', '0.25', '100'])})",
            lambda: f"divide({self.money(less)}, {self.count(less)}, 1元)",
            lambda: f"({self.money(less)} * {self.count(0)})",
        )

    def measured(self, depth: int) -> str:
        """Return money that is no constant: a divisor."""
        name = self.measures.named("money")
        return f"({name} + {self.money(0)})" if depth > 0 and self.draw.random() < 0.4 else name

    def ratio(self, depth: int) -> str:
        if depth <= 0 or self.draw.random() < 0.2:
            return self.pick(
                lambda: self.measures.named("ratio"),
                lambda: self.draw.choice([*["price"] * 4, "late_price", "grade_price", "grade_price(高级)"]),
                lambda: self.draw.choice(["30%", "100%", "0%", "-5%", "4‰", "33.3%"]),
                lambda: self.draw.choice(self.own("ratio") or ["12.5%"]),
            )
        less = depth - 1
        return self.pick(
            lambda: f"({self.money(0)} / {self.measured(less)})",
            lambda: f"growth({self.money(0)}, {self.measured(less)})",
            lambda: f"completion({self.money(0)}, {self.draw.choice(['目标', self.measured(0)])})",
            lambda: f"divide({self.money(0)}, {self.measured(less)}, {self.draw.choice(['0%', '100%'])})",
            lambda: "(spell_days / period_days)",
            lambda: f"({self.ratio(less)} - {self.ratio(less)})",
            lambda: f"({self.ratio(less)} * 3)",
            lambda: f"(0 - {self.ratio(less)})" if self.draw.random() < 0.3 else f"-{self.ratio(0)}",
            lambda: f"abs({self.ratio(less)})",
            lambda: f"{self.draw.choice(['min', 'max'])}({self.ratio(less)}, {self.ratio(less)})",
            lambda: f"round({self.ratio(less)}, {self.rounding()})",
            lambda: f"if({self.condition(less)}, {self.ratio(less)}, {self.ratio(less)})",
            lambda: f"share({self.money(0)} among {self.group}{self.options()})",
            lambda: self.table("ratio", less),
            lambda: self.among("ratio"),
            lambda: f"({self.count(0)} / {self.count(0)})",
        )

    def points(self, depth: int) -> str:
        less = depth - 1
        how = self.draw.choice(["completed", "started", "proportional"])
        size = self.draw.choice(["1%", "0.1%", "5%", "7%"])
        return self.pick(
            lambda: (
                f"{self.draw.choice(['40', '0', '12.5'])} + steps({self.ratio(less)} - {self.draw.choice(['30%', '100%', '0%'])}, {size}, {how}) * 2"
            ),
            lambda: f"steps({self.money(less)}, {self.draw.choice(['1000元', '0.07元', '100万元'])}, {how})",
            lambda: f"({self.ratio(less)}) * {self.draw.choice(['60', '7.5', '100'])}",
            lambda: self.table("points", less),
            lambda: f"{self.count(less)} * {self.draw.choice(['2', '0.5', '-3'])}",
            lambda: (
                f"if({self.condition(less)}, {self.draw.choice(['10', '0', '-2.5'])}, {self.draw.choice(['3', '100'])})"
            ),
            lambda: self.past("points"),
            lambda: self.among("points"),
            lambda: f"{self.draw.choice(self.own('points') or ['8'])} + {self.measures.named('number')}",
            lambda: f"round({self.draw.choice(self.own('points') or ['8'])} * 0.37, {self.rounding()})",
        )

    def count(self, depth: int) -> str:
        if depth <= 0 or self.draw.random() < 0.3:
            return self.measures.named("count")
        less = depth - 1
        return self.pick(
            lambda: f"count_true({self.condition(less)}, {self.condition(less)}, {self.condition(0)})",
            lambda: f"streak({self.draw.choice(self.own('check'))})" if self.own("check") else "3",
            lambda: (
                f"times({self.draw.choice(self.own('check'))}, {self.draw.choice('123')})"
                if self.own("check")
                else "2"
            ),
            lambda: f"rank({self.gathered('money')} among {self.group}{self.options()})",
            lambda: f"count({self.gathered('yes')} among {self.group}{self.options()})",
            lambda: "months_between(hired_on, period_end)",
            lambda: self.draw.choice(["year(period_end)", "month(period_start)", "day(hired_on)"]),
            lambda: f"{self.draw.choice(['min', 'max'])}({self.count(less)}, {self.count(0)})",
            lambda: f"abs({self.count(less)} - 2)",
        )

    def condition(self, depth: int) -> str:
        op = self.draw.choice(OPS)
        if depth <= 0:
            return self.pick(
                lambda: f"{self.measures.named('money')} {op} {self.edge()}",
                lambda: (
                    f"{self.measures.named('ratio')} {op} {self.draw.choice(['0%', '100%', '30%', '-100%'])}"
                ),
                lambda: f"{self.measures.named('count')} {op} {self.draw.choice('0123')}",
                lambda: self.draw.choice(["grade = 高级", "grade in (初级, 中级)", "post <> 行长"]),
                lambda: self.draw.choice(["given(never)", "given(judged)", "given(目标)", "judged >= 1"]),
                lambda: f"hired_on {op} 2025-02-10",
                lambda: f"days_between(period_start, hired_on) {op} 9",
                lambda: self.draw.choice(self.own("check") or ["area = 城区"]),
            )
        less = depth - 1
        return self.pick(
            lambda: f"{self.money(less)} {op} {self.money(0)}",
            lambda: f"{self.ratio(0)} {op} {self.measures.named('ratio')}",
            lambda: f"{self.ratio(less)} {op} {self.draw.choice(['30%', '100%', '0%', 'price'])}",
            lambda: f"{self.count(less)} {op} {self.count(0)}",
            lambda: f"({self.condition(less)} and {self.condition(less)})",
            lambda: f"({self.condition(less)} or {self.condition(less)})",
            lambda: f"not ({self.condition(less)})",
        )

    def rounding(self) -> str:
        return self.draw.choice(["0", "1", "2", "4"]) + self.draw.choice(["", ", up", ", down", ", half"])

    def options(self) -> str:
        by = self.draw.choice(["", "", " by institution", " by grade"])
        extra = self.draw.choice(
            ["", "", ", self out", ", at least 2", ", lowest first", ", at end", ", at start"]
        )
        return by + extra

    # -- other lines, earlier and other people's --

    def past(self, unit: str) -> str:
        """Return an earlier figure: the instance before, or the shorter instances inside this one."""
        zero = {"money": "0元", "points": "0"}[unit]
        shorter = {"quarter": ("month",), "year": ("month", "quarter"), "half": ("month", "quarter")}
        found = [
            (every, name)
            for every in shorter.get(self.every, ())
            for name in self.stood.get((self.group, every), {}).get(unit, [])
        ]
        if found and self.draw.random() < 0.7:
            every, name = self.draw.choice(found)
            how = self.draw.choice(["sum", "average", "highest", "lowest", "last"])
            return f"{how} of {name} over its {every}s"
        own = self.own(unit)
        if not own:
            return zero
        return f"previous({self.draw.choice(own)}{self.draw.choice(['', f', {zero}', f', {zero}, 2 back'])})"

    def among(self, unit: str) -> str:
        """Return a figure of the others: of this group, or of another one that stands already."""
        how = self.draw.choice(["average", "highest", "lowest", "sum"])
        others = [
            (group, names[unit])
            for (group, every), names in self.stood.items()
            if every == self.every and group != self.group and names.get(unit)
        ]
        if others and self.draw.random() < 0.4:
            group, names = self.draw.choice(others)
            return f"{how}({self.draw.choice(names)} among {group})"
        own = self.own(unit)
        of = self.draw.choice(own) if own and self.draw.random() < 0.5 else ""
        of = of or self.gathered(unit)
        return f"{how}({of} among {self.group}{self.options()})"

    def pool(self) -> str:
        """Return a part of an amount that the group shares out by one of its lines."""
        lines = [name for unit in ("money", "points", "count", "ratio") for name in self.own(unit)]
        if not lines:
            return "3元"
        amount = self.draw.choice(["100元", "0.01元", "floor_pay", "never", "0元 - 0.07元", self.edge()])
        return f"pool({amount}, {self.draw.choice(lines)} among {self.group}{self.draw.choice(['', ' by institution'])})"

    def gathered(self, unit: str) -> str:
        """Return a formula that others can be asked for: without a past and without others."""
        maker = {"money": self.money, "ratio": self.ratio, "points": self.points, "yes": self.condition}[unit]
        kept = dict(self.tables)
        while True:
            found = maker(1)
            if self.tables == kept and not any(word in found for word in NOT_OF_OTHERS):
                return found
            self.tables = dict(kept)

    def table(self, unit: str, depth: int) -> str:
        """Declare a table that gives the unit and return a look-up in it."""
        name = f"t{len(self.tables) + 1}"
        how = self.draw.choice(["whole", "whole", "ladder", "marginal", "per piece"])
        if unit == "money" and how == "marginal":
            self.tables[name] = self.marginal(how)
            return f"{name}({self.money(depth)})"
        if unit == "points" and how == "per piece":
            self.tables[name] = self.pieces()
            return f"{name}({self.count(depth)})"
        if self.draw.random() < 0.25:
            self.tables[name] = {"by": ["grade"], "gives": {"x": unit}, "clause": CLAUSE, "how": "whole"}
            rows = [[grade, self.value(unit)] for grade in GRADES[: self.draw.randint(1, 3)]]
            self.tables[name] |= {"rows": rows, **self.no_row(unit)}
            return f"{name}(grade)"
        self.tables[name] = self.brackets(unit, how if how in ("whole", "ladder") else "whole")
        return f"{name}({self.ratio(depth)})"

    def value(self, unit: str) -> str:
        plain = {
            "money": ["100元", "0.005元", "-20元", "floor_pay"],
            "ratio": ["3%", "0%", "-7%", "price", "price"],
            "points": ["10", "0", "-3.5", "20"],
        }
        return self.draw.choice(plain[unit])

    def no_row(self, unit: str) -> dict[str, object]:
        zero = {"money": "0元", "ratio": "0%", "points": "0"}[unit]
        chosen = self.draw.choice(["", "unknown", "stop and list", zero])
        return {"no_row": chosen} if chosen else {}

    def brackets(self, unit: str, how: str) -> dict[str, object]:
        edges = sorted(self.draw.sample([-100, -5, 0, 1, 12, 30, 50, 100, 250], 3))
        low, middle, high = (f"{edge}%" for edge in edges)
        shapes = [
            [f"< {low}", f"[{low}, {middle})", f"[{middle}, {high}]", f"> {high}"],
            [f"<= {low}", f"({low}, {middle}]", f"({middle}, {high})", f">= {high}"],
            [f"= {low}", f"({low}, {middle}]", f"> {middle}"],
        ]
        if how == "ladder":
            shapes = [[f">= {high}", f">= {middle}", f"> {low}"]]
        rows = [[cell, self.value(unit)] for cell in self.draw.choice(shapes)]
        found: dict[str, object] = {
            "by": ["key"],
            "gives": {"x": unit},
            "clause": CLAUSE,
            "how": how,
            **self.no_row(unit),
        }
        if self.draw.random() < 0.3:
            later = [[row[0], self.value(unit)] for row in rows]
            found["versions"] = [{"from": "2024-05-01", "rows": rows}, {"from": "2025-02-15", "rows": later}]
        else:
            found["rows"] = rows
        return found

    def marginal(self, how: str) -> dict[str, object]:
        low, high = sorted(self.draw.sample([100, 9999.99, 10000, 10000.01, 30000], 2))
        rows = [
            [f"< {low}元", "1%"],
            [f"[{low}元, {high}元)", self.value("ratio")],
            [f">= {high}元", "0.5%"],
        ]
        rows[0][0] = f"[0元, {low}元)"
        return {"by": ["key"], "gives": {"x": "ratio"}, "clause": CLAUSE, "how": how, "rows": rows}

    def pieces(self) -> dict[str, object]:
        rows = [["[1, 2]", "5"], ["[3, 5)", "3"], [">= 5", self.value("points")]]
        return {"by": ["key"], "gives": {"x": "points"}, "clause": CLAUSE, "how": "per piece", "rows": rows}

    # -- declarations --

    def line(self) -> None:
        name = f"x{len(self.lines) + 1}"
        unit = self.draw.choice(["money", "money", "points", "ratio", "total"])
        spec: dict[str, object] = {"who": self.group, "every": self.every, "clause": CLAUSE}
        own = self.own("money") if self.draw.random() < 0.5 else self.own("points")
        if unit == "total" and own:
            unit = "money" if own is self.own("money") else "points"
            spec["total"] = self.draw.sample(own, min(len(own), self.draw.randint(1, 3)))
        else:
            unit = "money" if unit == "total" else unit
            spec |= self.formula(unit)
        for bound, chance in (("least", 0.35), ("most", 0.35)):
            if self.draw.random() < chance:
                spec[bound] = self.bound(unit, bound)
        self.lines[name] = spec
        self.remember(unit, name)

    def formula(self, unit: str) -> dict[str, object]:
        maker = {"money": self.money, "points": self.points, "ratio": self.ratio}[unit]
        key = {"money": "pay", "points": "score", "ratio": "value"}[unit]
        extra: dict[str, object] = {"unit": "ratio"} if unit == "ratio" else {}
        if unit == "money" and self.draw.random() < 0.1:
            return {"pay": f"{self.measures.named('money')} * 2%", "for_days": "actual/365"}
        if self.draw.random() < 0.25:
            cases: list[dict[str, str]] = [
                {"when": self.condition(1), key: maker(1)} for _ in range(self.draw.randint(1, 3))
            ]
            last = self.draw.choice(["unknown", "stop and list", maker(1)])
            return {"cases": [*cases, {"otherwise": last}], **extra}
        return {key: maker(self.draw.choice((1, 2, 2))), **extra}

    def bound(self, unit: str, bound: str) -> str:
        choices = {
            "money": [self.edge(), "0元", "floor_pay", self.measures.named("money")],
            "points": ["0", "60", "-10", "12.5"],
            "ratio": ["0%", "100%", "price"],
        }[unit]
        return self.draw.choice(choices) if bound == "most" else self.draw.choice(choices[1:])

    def remember(self, unit: str, name: str) -> None:
        self.stood.setdefault((self.group, self.every), {}).setdefault(unit, []).append(name)

    def check(self) -> None:
        name = f"k{len(self.checks) + 1}"
        self.checks[name] = {
            "who": self.group,
            "every": self.every,
            "when": self.condition(2),
            "says": "看",
            "clause": CLAUSE,
        }
        self.remember("check", name)

    def decision(self) -> None:
        name = f"d{len(self.decisions) + 1}"
        checks = self.own("check")
        when = f"streak({self.draw.choice(checks)}) >= 2" if checks else self.condition(1)
        sets = self.draw.choice([{"grade": "down"}, {"grade": "up"}, {"watch": "观察"}, {"watch": "正常"}])
        self.decisions[name] = {
            "who": self.group,
            "every": self.every,
            "when": when,
            "sets": sets,
            "in_force": self.draw.choice(["next period", "next month", "at once"]),
            "clause": CLAUSE,
        }

    def make(self, *, counts_days: bool = False) -> str:
        """Return the rulebook's text."""
        groups = ["managers", *self.draw.sample([g for g in GROUPS if g != "managers"], 2)]
        everies = self.draw.choice([("month",), ("month", "quarter"), ("quarter",), ("month", "half")])
        for _ in range(self.draw.randint(4, 6)):
            self.measures.add()
        self.measures.formulas()
        for every in everies:
            for group in groups:
                self.group, self.every = group, every
                for _ in range(self.draw.randint(1, 2)):
                    self.check()
                for _ in range(self.draw.randint(2, 3)):
                    self.line()
                if group == "managers" and self.draw.random() < 0.7:
                    self.decision()
        if counts_days:
            self.count_days(self.draw.choice(groups), self.draw.choice(everies))
        return self.text(groups)

    def text(self, groups: Sequence[str]) -> str:
        inputs = {name: {"clause": CLAUSE, **spec} for name, spec in INPUTS.items()}
        parts: dict[str, object] = {
            "rulebook": "probe",
            "name": "试办法",
            "calendar": {"every": "month"},
            "who": {name: GROUPS[name] for name in groups},
            "words": WORDS,
            "events": {
                "violation": {
                    "name": "违规",
                    "columns": {"points": {"type": "number"}, "level": {"type": "choice"}},
                }
            },
            "inputs": inputs,
            "tables": {**self.measures.tables, **self.tables},
            "measures": self.measures.declared,
            "lines": self.lines,
            "checks": self.checks,
            "decisions": self.decisions,
        }
        return "\n".join(
            f"{key}: {json.dumps(value, ensure_ascii=False, indent=1)}"
            for key, value in parts.items()
            if value
        )

    def count_days(self, group: str, every: str) -> None:
        """Add a measure whose only input stands in the condition on a day's total, and a line that reads it."""
        take = self.draw.choice(["days of balance >= floor_pay", "longest run of balance < floor_pay"])
        self.measures.declared["counted"] = {"from": "balances", "take": take, "clause": CLAUSE}
        self.lines["days_counted"] = {
            "who": group, "every": every, "unit": "days", "value": "counted", "clause": CLAUSE
        }  # fmt: skip


def make_rulebook(seed: int, amounts: Sequence[int], *, counts_days: bool = False) -> str:
    """Return the rulebook of a seed, with edges at and beside these amounts (fen).

    With `counts_days` it counts days whose total reaches an input, too.
    """
    return Drawer(seed, amounts).make(counts_days=counts_days)
