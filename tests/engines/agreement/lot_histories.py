"""Banks whose people have pay that waits: drawn from a number, with facts that come late and posts that end."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

from guanhu.appraisal.lot_rows import kept_lots, standings
from guanhu.appraisal.published import publish
from guanhu.facts.importing import import_folder
from guanhu.rulebook.lots import Moved
from guanhu.values.problem import errors_in
from tests.engines.agreement.fixed import Section, rulebook_text
from tests.engines.agreement.running import Compared, compare, make_engine, write_rulebook
from tests.engines.agreement.world import COVERAGE, World
from tests.engines.facts.folders import write_folder

PEOPLE = ("p1", "p2", "p3", "p4", "p5")
MONTHS = tuple(date(2025, month, 1) for month in range(1, 10))
MEASURES: Section = {
    "basis": {"item": "基数", "scope": "person", "unit": "money"},
    "mark": {"item": "评分", "scope": "person", "unit": "number"},
}
INPUTS: Section = {
    "back": {"unit": "money", "from": "person", "allowed": "[0, ]"},
    "loss": {"unit": "money", "from": "person", "allowed": "[0, ]"},
}
LINES: Section = {
    "bonus": {"unit": "money", "value": "basis * 10%"},
    "put": {"unit": "money", "value": "bonus * 40% + 0.01元"},
    "out": {"pay": "bonus - put + D.released - D.recovered"},
    "rest": {"unit": "money", "value": "D + D.paid"},
    "gone": {"unit": "money", "value": "D.forfeited + D.clawed_back"},
}
CHECKS: Section = {
    "good": {"when": "bonus > 20元", "says": "好"},
    "owes": {"when": "D.recovered > 0元", "says": "欠"},
}


def ledger_of(draw: random.Random) -> dict[str, object]:
    """Return a ledger drawn by chance."""
    release = draw.choice(
        [
            "after 1 month",
            "after 2 months",
            "in 3 equal parts every month",
            "in parts of 20% 30% 50% every month",
            "left_on + 1 month",
            "left_post + 1 month",
            "oldest first",
        ]
    )
    ledger: dict[str, object] = {"defers": "put", "release": release}
    if release == "oldest first":
        ledger["amount"] = draw.choice(["D * 50%", "mark * 1元", "D - D.paid * 10%"])
    if draw.random() < 0.7:
        ledger["when"] = draw.choice(["good", "mark > 5", "not given(loss)", "post = 经理 or given(loss)"])
        ledger["otherwise"] = draw.choice(["forfeited", "waits"])
    if draw.random() < 0.7:
        ledger["claws"] = draw.choice(
            ["first_given(back, 0元)", "first_given(loss, 0元) * 1/3", "max(bonus - 25元, 0元)"]
        )
        ledger["claws_from"] = draw.choice(["waiting", "waiting then paid"])
    if "left" not in release:
        ledger["leaver"] = draw.choice(["keeps", "forfeited", "paid"])
    return ledger


def text_of(ledger: dict[str, object], spells: str = "by days", **more: Section) -> str:
    """Return the rulebook of one ledger."""
    return rulebook_text(
        "month",
        spells,
        {**LINES, **more.get("lines", {})},
        measures=MEASURES,
        inputs=INPUTS,
        checks=CHECKS,
        ledgers={"D": ledger},
    )


class Drawn:
    """A world drawn from a number, and later versions of it."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(f"lots {seed}")
        self.world = World()
        self.people()
        self.figures()

    def day(self, first: int = 1, last: int = 9) -> date:
        return date(2025, self.draw.randint(first, last), self.draw.choice([1, 15, 28]))

    def people(self) -> None:
        self.world.add(
            "institutions",
            ("H", "2020-01-01", "", "总行", "总行", "", ""),
            ("A", "2020-01-01", "", "甲支行", "支行", "H", "城区"),
            ("B", "2020-01-01", "", "乙支行", "支行", "H", ""),
        )
        for person in PEOPLE:
            fate = self.draw.choice(["stays", "stays", "leaves", "moves", "changes", "returns"])
            day = self.day(2, 6)
            left = str(day) if fate == "leaves" else ""
            self.world.add("staff", (person, person, "在册", "2020-01-01", left))
            rows = {
                "stays": [("2020-01-01", "", "经理", "A")],
                "leaves": [("2020-01-01", str(day), "经理", "A")],
                "moves": [("2020-01-01", str(day), "经理", "A"), (after(day), "", "经理", "B")],
                "changes": [("2020-01-01", str(day), "经理", "A"), (after(day), "", "行长", "A")],
                "returns": [("2020-01-01", str(day), "经理", "A"), (after(day, 40), "", "经理", "A")],
            }[fate]
            for first, last, post, place in rows:
                self.world.add("posts", (person, first, last, post, "初级", place, ""))

    def figures(self) -> None:
        for person in PEOPLE:
            for number, month in enumerate(MONTHS):
                last = MONTHS[number + 1] if number + 1 < len(MONTHS) else date(2025, 12, 1)
                until = str(date.fromordinal(last.toordinal() - 1))
                if self.draw.random() < 0.9:
                    fen = self.draw.choice([0, 100, 20001, 33333, 50050, -700])
                    self.world.add(
                        "figures", ("person", person, "基数", str(month), until, f"{fen / 100:.2f}")
                    )
                if self.draw.random() < 0.8:
                    mark = str(self.draw.choice([0, 5, 6, 12]))
                    self.world.add("figures", ("person", person, "评分", str(month), until, mark))
                for name, chance in (("back", 0.2), ("loss", 0.15)):
                    if self.draw.random() < chance:
                        self.decide(person, name, month)

    def decide(self, person: str, name: str, month: date) -> None:
        amount = self.draw.choice(["0", "3.33", "7.77", "40"])
        count = len(self.world.rows["human_decisions"])
        row = (f"d{count}", str(month.replace(day=20)), "probe", person, name, amount, "有据", "行长")
        self.world.add("human_decisions", row)

    def late(self) -> None:
        """Change facts of months that may have been published."""
        for _ in range(3):
            figures = self.world.rows["figures"]
            place = self.draw.randrange(len(figures))
            figures[place] = (*figures[place][:5], self.draw.choice(["0", "350.05", "120", "9"]))
        self.decide(self.draw.choice(PEOPLE), "back", self.draw.choice(MONTHS[:4]))
        if self.draw.random() < 0.5:
            figures = self.world.rows["figures"]
            figures.pop(self.draw.randrange(len(figures)))


def after(day: date, days: int = 1) -> str:
    return str(date.fromordinal(day.toordinal() + days))


class LotStory:
    """A bank that runs and publishes one rulebook with a ledger of lots, month after month."""

    def __init__(self, folder: Path, world: World, text: str) -> None:
        self.folder = folder
        self.bank = world.bank(folder)
        self.rules = write_rulebook(folder / "rules", text)
        self.batches = 1

    def facts(self, world: World, change: Callable[[World], None] | None = None) -> None:
        """Import all facts again, with something changed."""
        self.batches += 1
        world = copy.deepcopy(world)
        if change is not None:
            change(world)
        folder = write_folder(self.folder / f"in{self.batches}", world.files(), COVERAGE)
        assert [problem.text("en") for problem in errors_in(import_folder(folder, self.bank).problems)] == []

    def run(self, period: str, *, publishes: bool = True) -> tuple[Compared, list[Moved]]:
        """Run, hold run and explain to agree, and return what was compared and all lots."""
        compared = compare(self.bank, self.rules, period)
        assert compared.found == []
        assert compared.unread == []
        if publishes:
            publish(self.bank.path, compared.ran.folder)
        engine = make_engine()
        try:
            return compared, kept_lots(engine, compared.ran.folder)
        finally:
            engine.close()


def hold_at_each_date(rows: list[Moved]) -> None:
    """Hold granted = paid + waiting + forfeited + clawed back of each lot on each day, nothing below zero."""
    for day in sorted({x.day for x in rows}):
        for key, lot in standings(rows, day).items():
            parts = (lot.paid, lot.waiting, lot.forfeited, lot.clawed_back)
            assert lot.granted == sum(parts), (day, key, lot)
            assert min(parts) >= 0, (day, key, lot)
