"""Pay that waits row by row: each credited row of fact has a lot, and together they are the line to the fen."""

from __future__ import annotations

import copy
import os
import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from guanhu.appraisal import lot_amounts, lots
from guanhu.appraisal.pages.waiting import told as told_lots
from guanhu.appraisal.whatif.laboratory import Laboratory
from guanhu.appraisal.whatif.patch import read_patch
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.lots import Moved
from guanhu.rulebook.print.reading_back import read_back
from tests.engines.agreement.fixed import Section, rulebook_text
from tests.engines.agreement.lot_histories import LotStory, hold_at_each_date
from tests.engines.agreement.running import Compared, make_engine, opened
from tests.engines.agreement.world import World
from tests.engines.test_since import once_more

HISTORIES = int(os.environ.get("GUANHU_LOTS", "8"))
MONTHS = "2025-01-01..2025-04-30"
MEASURES: Section = {
    "reward": {"from": "fees", "each": "amount * 1.5%", "round": "fen per row"},
    "plain": {"from": "fees", "each": "amount * 1/3"},
    "pieces": {"from": "fees", "take": "count"},
    "mark": {"item": "评分", "scope": "person", "unit": "number"},
}
LINES: Section = {
    "put": {"pay": "reward"},
    "out": {"pay": "D.released"},
    "rest": {"unit": "money", "value": "D + D.paid"},
}


def text_of(ledger: dict[str, object], spells: str = "by days", **put: object) -> str:
    """Return the rulebook of one ledger that has a lot for each row."""
    lines = {**LINES, "put": put or LINES["put"]}
    own = {"defers": "put", "per": "row", "release": "after 1 month", **ledger}
    inputs: Section = {
        "back": {"unit": "money", "from": "person", "allowed": "[0, ]"},
        "part": {"unit": "ratio"},
    }
    return rulebook_text("month", spells, lines, measures=MEASURES, inputs=inputs, ledgers={"D": own})


def world_of(fees: list[tuple[str, str, str, str]], **more: list[tuple]) -> World:
    """Return a bank of one person and the fees of a customer: (id, day, amount, account or empty)."""
    world = World()
    world.add("institutions", ("A", "2020-01-01", "", "甲支行", "支行", "", ""))
    world.add("staff", *more.pop("staff", [("p1", "p1", "在册", "2020-01-01", "")]))
    world.add("posts", *more.pop("posts", [("p1", "2020-01-01", "", "经理", "", "A", "")]))
    world.add("customers", ("c1", "", "对公", ""))
    world.add(
        "assignments",
        *more.pop("assignments", [("customer", "c1", "p1", "2020-01-01", "", "主办", "1", "")]),
    )
    world.add("fees", *((key, day, "代理", amount, "", "c1", "") for key, day, amount, _ in fees))
    for kind, rows in more.items():
        world.add(kind, *rows)
    return world


FEES = [
    ("f1", "2025-01-03", "100.00", ""),
    ("f2", "2025-01-15", "33.33", ""),
    ("f3", "2025-02-10", "50.00", ""),
]
BACK = ("d1", "2025-02-20", "probe", "p1", "back", "1.60", "有据", "行长")


def told(rows: list[Moved]) -> list[str]:
    """Return movements as `02 paid 2025-01/f1 1.50`."""
    return [
        f"{x.day:%m} {x.kind} {x.lot} {x.fen / 100:.2f}"
        for x in sorted(rows, key=lambda x: (x.day, x.lot, x.kind))
    ]


def story_of(folder: Path, world: World, text: str, period: str = MONTHS) -> tuple[Compared, list[Moved]]:
    return LotStory(folder, world, text).run(period)


STORIES: dict[str, tuple[dict[str, object], dict[str, Any], list[str]]] = {
    "a lot for each fee, as it was rounded": (
        {},
        {},
        [
            "01 granted 2025-01/f1 1.50",
            "01 granted 2025-01/f2 0.50",
            "02 granted 2025-02/f3 0.75",
            "02 paid 2025-01/f1 1.50",
            "02 paid 2025-01/f2 0.50",
            "03 paid 2025-02/f3 0.75",
        ],
    ),
    "the sum is rounded: the odd fen goes to the largest remainder": (
        {},
        {"put": {"pay": "plain"}},
        [
            "01 granted 2025-01/f1 33.33",
            "01 granted 2025-01/f2 11.11",
            "02 granted 2025-02/f3 16.67",
            "02 paid 2025-01/f1 33.33",
            "02 paid 2025-01/f2 11.11",
            "03 paid 2025-02/f3 16.67",
        ],
    ),
    "each row falls due in parts": (
        {"release": "in 2 equal parts every month"},
        {"put": {"pay": "reward * 50%"}},
        [
            "01 granted 2025-01/f1#1 0.38",
            "01 granted 2025-01/f1#2 0.37",
            "01 granted 2025-01/f2#1 0.13",
            "01 granted 2025-01/f2#2 0.12",
            "02 granted 2025-02/f3#1 0.19",
            "02 granted 2025-02/f3#2 0.19",
            "02 paid 2025-01/f1#1 0.38",
            "02 paid 2025-01/f2#1 0.13",
            "03 paid 2025-01/f1#2 0.37",
            "03 paid 2025-01/f2#2 0.12",
            "03 paid 2025-02/f3#1 0.19",
            "04 paid 2025-02/f3#2 0.19",
        ],
    ),
    "clawed back, the smaller id first": (
        {"release": "after 6 months", "claws": "first_given(back, 0元)"},
        {"human_decisions": [BACK]},
        [
            "01 granted 2025-01/f1 1.50",
            "01 granted 2025-01/f2 0.50",
            "02 clawed_back 2025-01/f1 1.50",
            "02 clawed_back 2025-01/f2 0.10",
            "02 granted 2025-02/f3 0.75",
        ],
    ),
    "a refund has no lot, and is taken off the others in proportion": (
        {"release": "after 6 months"},
        {"fees": [*FEES[:2], ("f9", "2025-01-20", "-66.67", "")]},
        ["01 granted 2025-01/f1 0.75", "01 granted 2025-01/f2 0.25"],
    ),
    "a least amount without a row is one lot": (
        {"release": "after 6 months"},
        {"put": {"pay": "reward", "least": "10元"}, "fees": FEES[2:]},
        [
            "01 granted 2025-01 10.00",
            "02 granted 2025-02/f3 10.00",
            "03 granted 2025-03 10.00",
            "04 granted 2025-04 10.00",
        ],
    ),
    "two shares of one person in a row are one lot": (
        {"release": "after 6 months"},
        {
            "assignments": [
                ("customer", "c1", "p1", "2020-01-01", "", "主办", "60%", ""),
                ("customer", "c1", "p1", "2020-01-01", "", "协办", "20%", ""),
            ]
        },
        ["01 granted 2025-01/f1 1.20", "01 granted 2025-01/f2 0.40", "02 granted 2025-02/f3 0.60"],
    ),
    "days in another post have no part in it": (
        {"release": "after 6 months"},
        {
            "posts": [
                ("p1", "2020-01-01", "2025-01-09", "行长", "", "A", ""),
                ("p1", "2025-01-10", "", "经理", "", "A", ""),
            ]
        },
        ["01 granted 2025-01/f2 0.50", "02 granted 2025-02/f3 0.75"],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, tmp_path: Path) -> None:
    ledger, given, wanted = STORIES[story]
    given = copy.deepcopy(given)
    text = text_of(ledger, **given.pop("put", {}))
    _, rows = story_of(tmp_path, world_of(given.pop("fees", FEES), **given), text)
    assert told(rows) == sorted(wanted, key=lambda x: (x[:2], x.split(" ")[2], x.split(" ")[1]))
    assert {x.source for x in rows if "/" in x.lot} <= {"f1", "f2", "f3"}


def test_a_late_refund_corrects_the_lots_of_its_rows(tmp_path: Path) -> None:
    """A fee of January turns out to have been less, and another not to have been one."""
    world = world_of(FEES)
    story = LotStory(tmp_path, world, text_of({}))
    story.run("2025-01-01..2025-02-28")
    late = copy.deepcopy(world)
    first, _, last = late.rows["fees"]
    late.rows["fees"] = [(*first[:3], "80.00", *first[4:]), last]
    story.facts(late)
    _, rows = story.run("2025-01-01..2025-03-31")
    corrected = [(f"{x.day}", x.lot, x.kind, x.fen) for x in rows if x.origin == "corrected"]
    assert sorted(corrected) == [
        ("2025-03-01", "2025-01/f1", "granted", -30),
        ("2025-03-01", "2025-01/f1", "paid", -30),
        ("2025-03-01", "2025-01/f2", "granted", -50),
        ("2025-03-01", "2025-01/f2", "paid", -50),
    ]
    hold_at_each_date(rows)


def test_explain_says_which_row(tmp_path: Path) -> None:
    story = LotStory(tmp_path, world_of(FEES), text_of({}))
    compared, _ = story.run("2025-01-01..2025-02-28")
    with opened(story.bank, compared.ran) as run:
        lines = [line.strip() for x in told_lots(run, "p1") for _, line in x.lines()]
    assert any("2025-02/f3: 出自中间业务收入 f3, 待付 0.75 元, 2025-03-31 到期" in line for line in lines)
    february = next(x for x in compared.traces["p1"] if x.instance.key == "2025-02")
    note = february.cards[0].lines["out"].parts[0].note
    assert [(x.source, x.amount) for x in note.rows] == [("f1", Fraction("1.5")), ("f2", Fraction("0.5"))]


def test_a_patch_has_the_lots_of_its_rows(tmp_path: Path) -> None:
    """The line is halved: each row's lot is, though no measure is another than before."""
    story = LotStory(tmp_path, world_of(FEES), text_of({}))
    compared, _ = story.run("2025-01-01..2025-01-31")
    path = tmp_path / "patch.yaml"
    path.write_text("changes:\n  lines.put.pay: reward * 50%\n", "utf-8")
    laboratory = Laboratory(make_engine, story.bank, compared.ran.folder)
    try:
        rows = laboratory.tried(read_patch(path)).outcome.lots
    finally:
        laboratory.close()
    assert told(rows) == ["01 granted 2025-01/f1 0.75", "01 granted 2025-01/f2 0.25"]


def test_a_run_since_an_earlier_one_has_the_same_lots(tmp_path: Path) -> None:
    world = world_of(FEES)
    story = LotStory(tmp_path, world, text_of({}))
    first, _ = story.run(MONTHS, publishes=False)
    late = copy.deepcopy(world)
    late.add("fees", ("f4", "2025-02-11", "代理", "9.99", "", "c1", ""))
    story.facts(late)
    since, whole, _ = once_more(story.bank, story.rules, first.ran.folder)
    assert since.record["digest"] == whole.record["digest"] != first.ran.folder.record["digest"]


class Drawn:
    """A bank drawn from a number: fees and refunds of three customers, shared, moved and changed late."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(f"lots per row {seed}")
        draw = self.draw
        self.world = World()
        add = self.world.add
        for place in ("A", "B"):
            add("institutions", (place, "2020-01-01", "", f"{place}支行", "支行", "", ""))
        for person in ("p1", "p2", "p3"):
            move = draw.choice(["2025-01-14", "2025-02-10", "2025-03-03"])
            after = f"{move[:8]}{int(move[8:]) + 1:02d}"
            left = move if person == "p3" and draw.random() < 0.5 else ""
            add("staff", (person, person, "在册", "2020-01-01", left))
            add("posts", (person, "2020-01-01", move, draw.choice(["经理", "经理", "行长"]), "", "A", ""))
            if not left:
                add("posts", (person, after, "", draw.choice(["经理", "经理", "行长"]), "", "B", ""))
        shares = [("1/3", "1/3", "1/3"), ("60%", "40%", "0"), ("50%", "25%", "12.5%")]
        for customer in ("c1", "c2", "c3"):
            add("customers", (customer, "", "对公", ""))
            for person, share in zip(("p1", "p2", "p3"), draw.choice(shares), strict=True):
                add("assignments", ("customer", customer, person, "2020-01-01", "", "主办", share, ""))
            if draw.random() < 0.4:
                add("assignments", ("customer", customer, "p1", "2025-01-20", "", "推荐", "1%", "二账"))
        add("parameters", ("probe", "part", "", "2020-01-01", "2025-02-11", "40%"))
        add("parameters", ("probe", "part", "", "2025-02-12", "", "33.3%"))
        self.fees()

    def fee(self, number: int) -> tuple[str, ...]:
        draw = self.draw
        day = f"2025-0{draw.randint(1, 4)}-{draw.choice([1, 9, 14, 15, 28])}"
        day = day if len(day) == 10 else day[:8] + "0" + day[8:]
        amount = draw.choice(["100.00", "33.33", "0.01", "0.00", "-50.00", "12.34", "77.70"])
        return (f"f{number:02d}", day, "代理", amount, "", draw.choice(["c1", "c2", "c3", ""]), "")

    def fees(self) -> None:
        self.world.add("fees", *(self.fee(number) for number in range(30)))

    def late(self) -> None:
        """Change some fees, and take one away."""
        fees = self.world.rows["fees"]
        for _ in range(3):
            place = self.draw.randrange(len(fees))
            fees[place] = self.fee(int(fees[place][0][1:]))
        fees.pop(self.draw.randrange(len(fees)))


PUTS: tuple[dict[str, object], ...] = (
    {"pay": "reward"},
    {"pay": "plain"},
    {"pay": "plain * 40%"},
    {"pay": "part * plain"},
    {"pay": "pieces * 3.33元"},
    {"pay": "reward", "least": "0元", "most": "1元"},
    {"pay": "plain", "least": "5元"},
)
LEDGERS: tuple[dict[str, object], ...] = (
    {},
    {"release": "in 3 equal parts every month"},
    {"release": "left_post + 1 month"},
    {"release": "oldest first", "amount": "D * 50%"},
    {"release": "after 2 months", "leaver": "forfeited"},
    {"release": "after 2 months", "claws": "max(D - 20元, 0元)", "claws_from": "waiting then paid"},
)


@pytest.mark.parametrize("history", range(HISTORIES))
def test_history(history: int, tmp_path: Path) -> None:
    """Run and explain agree on each lot; an oracle of its own says what each row has of the line."""
    drawn = Drawn(history)
    put, ledger = PUTS[history % len(PUTS)], drawn.draw.choice(LEDGERS)
    text = text_of(ledger, drawn.draw.choice(["by days", "none"]), **put)
    assert load_string(text)[1] == []
    story = LotStory(tmp_path, drawn.world, text)
    for period in ("2025-01-01..2025-02-28", "2025-02-01..2025-03-31", "2025-03-01..2025-05-31"):
        compared, rows = story.run(period)
        hold_at_each_date(rows)
        hold_rows_to_lines(compared, rows, str(put["pay"]))
        drawn.late()
        story.facts(drawn.world)


def hold_rows_to_lines(compared: Compared, rows: list[Moved], pay: str) -> None:
    """Hold the lots of an instance to be the line, and each to be its row's part, less than a fen apart."""
    granted: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for x in rows:
        if x.kind == "granted" and x.origin == "own":
            granted[x.subject_id, f"{x.of.start:%Y-%m}"][x.source] += x.fen
    name = next(x for x in ("reward", "plain", "pieces") if x in pay)
    for subject, traces in compared.traces.items():
        for trace in traces:
            value = trace.whole["put"]
            if trace.published or not isinstance(value, Fraction):
                continue
            own = granted[subject, trace.instance.key]
            assert sum(own.values()) == max(value * 100, 0)
            counted: dict[str, Fraction] = defaultdict(Fraction)
            for card in trace.cards:
                for row in card.measures[name].note.rows:
                    counted[row.object_id] += row.amount
            up = {row: x for row, x in counted.items() if x > 0}
            for row, fen in own.items():
                assert row == "put" if not up else abs(fen - value * 100 * up[row] / sum(up.values())) < 1


BAD: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "neither row nor line": ({"per": "day"}, {"pay": "reward"}, "RUL014"),
    "two measures": ({}, {"pay": "reward + plain"}, "RUL135"),
    "an amount beside it": ({}, {"pay": "reward + 1元"}, "RUL135"),
    "cases": ({}, {"cases": [{"when": "pieces > 1", "pay": "reward"}, {"otherwise": 0}]}, "RUL135"),
    "times nothing": ({}, {"pay": "reward * 0"}, "RUL135"),
    "a supplied figure": ({}, {"pay": "mark * 1元"}, "RUL135"),
    "balances": ({}, {"pay": "存款日均 * 1%"}, "RUL135"),
    "no measure": ({}, {"pay": "10元"}, "RUL135"),
    "the highest row": ({}, {"pay": "top"}, "RUL135"),
    "of another window": ({}, {"pay": "reward over last month"}, "RUL135"),
    "rounded per customer": ({}, {"pay": "each_customer"}, "RUL135"),
    "of the institution": ({}, {"pay": "of_place"}, "RUL135"),
}
MORE: Section = {
    "top": {"from": "fees", "take": "highest"},
    "each_customer": {"from": "fees", "each": "amount * 1%", "round": "fen per customer"},
    "of_place": {"from": "fees", "credit": "institution"},
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    ledger, put, code = BAD[case]
    lines = {**LINES, "put": put}
    own = {"defers": "put", "per": "row", "release": "after 1 month", **ledger}
    text = rulebook_text("month", "none", lines, measures={**MEASURES, **MORE}, ledgers={"D": own})
    rulebook, problems = load_string(text)
    assert rulebook is None
    (problem,) = [p for p in problems if p.code == code]
    assert problem.text("zh")
    assert problem.text("en")


def test_it_is_read_back() -> None:
    rulebook, _ = load_string(text_of({}))
    assert rulebook is not None
    assert "把“put”按“reward”的每一笔分开记为待付" in "\n".join(read_back(rulebook))


def without_odd_fen(own: Any) -> Any:
    return lambda fen, rows: {row: part // 2 * 2 for row, part in own(fen, rows).items()}


def refunds_too(_own: Any) -> Any:
    return lambda fen, rows: {row: abs(x) for row, x in rows.items()} if fen else {}


def all_on_one(own: Any) -> Any:
    return lambda ledger, instance, fen, _row="": own(ledger, instance, fen)


MUTANTS: dict[str, tuple[Any, str, Any, str]] = {
    "odd fen are lost": (lots, "shared_out", without_odd_fen, "each row falls due in parts"),
    "a refund has a lot": (
        lots,
        "shared_out",
        refunds_too,
        "a refund has no lot, and is taken off the others in proportion",
    ),
    "the row is forgotten": (lots, "split", all_on_one, "a lot for each fee, as it was rounded"),
    "days of another post count": (
        lot_amounts,
        "_ROWS",
        lambda text: text.replace("AND r.spell_no = c.spell_no", ""),
        "days in another post have no part in it",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_planted_error_is_caught(mutant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, story = MUTANTS[mutant]
    monkeypatch.setattr(owner, name, wrong(getattr(owner, name)))
    with pytest.raises((AssertionError, ValueError)):
        test_story(story, tmp_path)
