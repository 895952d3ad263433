"""What becomes of pay that waits, one small story for each rule; run and explain agree on all of it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from guanhu.appraisal import lot_holders, lots
from guanhu.appraisal.lot_book import Lot
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.lots import Moved
from guanhu.rulebook.print.reading_back import read_back
from guanhu.values.exact import InvariantBroken
from tests.engines.agreement.lot_histories import LotStory, ledger_of, text_of
from tests.engines.agreement.world import World

Ledger = dict[str, object]
EVERY_MONTH = "2025-01-01..2025-06-30"


def world_of(**more: list[tuple]) -> World:
    """Return a bank of one person with 250 yuan of bonus a month: 100.01 yuan of it wait."""
    world = World()
    world.add("institutions", ("A", "2020-01-01", "", "甲支行", "支行", "", ""))
    world.add("staff", *more.pop("staff", [("p1", "p1", "在册", "2020-01-01", "")]))
    world.add("posts", *more.pop("posts", [("p1", "2020-01-01", "", "经理", "", "A", "")]))
    world.add("figures", ("person", "p1", "基数", "2025-01-01", "2025-01-31", "2500"))
    world.add("figures", ("person", "p1", "基数", "2025-02-01", "", "-1"))
    world.add("figures", ("person", "p1", "评分", "2025-01-01", "2025-03-31", "6"))
    for kind, rows in more.items():
        world.add(kind, *rows)
    return world


def told(rows: list[Moved]) -> list[str]:
    """Return movements as `03 paid #1 33.34`: the month, what, which part, how much."""
    return [
        f"{x.day:%m} {x.kind}{' ' + x.lot[7:] if '#' in x.lot else ''} {x.fen / 100:.2f}"
        for x in sorted(rows, key=lambda x: (x.day, x.lot, x.kind))
    ]


def decision(month: str, name: str, amount: str) -> tuple:
    return (f"{month}{name}", f"{month}-20", "probe", "p1", name, amount, "有据", "行长")


THREE = "in 3 equal parts every month"
LEFT = [("p1", "p1", "在册", "2020-01-01", "2025-02-10")]
POST_ENDS = [("p1", "2020-01-01", "2025-02-10", "经理", "", "A", "")]
MOVES_ON = [*POST_ENDS, ("p1", "2025-02-11", "", "行长", "", "A", "")]
GRANTED = ["01 granted 100.01"]
PARTS = ["01 granted #1 33.34", "01 granted #2 33.34", "01 granted #3 33.33"]
STORIES: dict[str, tuple[Ledger, dict[str, list[tuple]], list[str]]] = {
    "after two months": ({"release": "after 2 months"}, {}, [*GRANTED, "03 paid 100.01"]),
    "odd fen go to the first parts": (
        {"release": THREE},
        {},
        [*PARTS, "02 paid #1 33.34", "03 paid #2 33.34", "04 paid #3 33.33"],
    ),
    "later parts may be heavier": (
        {"release": "in parts of 20% 30% 50% every month"},
        {},
        [
            "01 granted #1 20.00",
            "01 granted #2 30.00",
            "01 granted #3 50.01",
            "02 paid #1 20.00",
            "03 paid #2 30.00",
            "04 paid #3 50.01",
        ],
    ),
    "half a year and no month less": ({"release": "after 6 months"}, {}, GRANTED),
    "forfeited where the condition fails": (
        {"release": THREE, "when": "mark > 6"},
        {},
        [*PARTS, "02 forfeited #1 33.34", "03 forfeited #2 33.34"],
    ),
    "waits where the condition fails": (
        {"release": THREE, "when": "good", "otherwise": "waits"},
        {},
        PARTS,
    ),
    "an unknown condition moves nothing": (
        {"release": "after 3 months", "when": "mark > 5"},
        {},
        GRANTED,
    ),
    "clawed back, the oldest first": (
        {"release": THREE, "claws": "first_given(back, 0元)"},
        {"human_decisions": [decision("2025-02", "back", "40")]},
        [*PARTS, "02 clawed_back #1 33.34", "02 clawed_back #2 6.66", "03 paid #2 26.68", "04 paid #3 33.33"],
    ),
    "no more than waits": (
        {"release": "after 1 month", "claws": "first_given(back, 0元)"},
        {"human_decisions": [decision("2025-03", "back", "40")]},
        [*GRANTED, "02 paid 100.01"],
    ),
    "then from what had been paid": (
        {"release": THREE, "claws": "first_given(back, 0元)", "claws_from": "waiting then paid"},
        {"human_decisions": [decision("2025-03", "back", "90")]},
        [
            *PARTS,
            "02 paid #1 33.34",
            "03 recovered #1 23.33",
            "03 clawed_back #2 33.34",
            "03 clawed_back #3 33.33",
        ],
    ),
    "a leaver keeps it": (
        {"release": "after 4 months"},
        {"staff": LEFT, "posts": POST_ENDS},
        [*GRANTED, "05 paid 100.01"],
    ),
    "a leaver loses it": (
        {"release": "after 4 months", "leaver": "forfeited"},
        {"staff": LEFT, "posts": POST_ENDS},
        [*GRANTED, "02 forfeited 100.01"],
    ),
    "a leaver is paid at once": (
        {"release": "after 4 months", "leaver": "paid"},
        {"staff": LEFT, "posts": POST_ENDS},
        [*GRANTED, "02 paid 100.01"],
    ),
    "so long after leaving the bank": (
        {"release": "left_on + 2 months"},
        {"staff": LEFT, "posts": POST_ENDS},
        [*GRANTED, "04 paid 100.01"],
    ),
    "leaving the post is not leaving the bank": (
        {"release": "left_on + 2 months"},
        {"posts": MOVES_ON},
        GRANTED,
    ),
    "so long after leaving the post": (
        {"release": "left_post + 2 months", "when": "not given(loss)"},
        {"posts": MOVES_ON},
        [*GRANTED, "04 paid 100.01"],
    ),
    "with a loss it is taken and the rest paid": (
        {"release": "left_post + 2 months", "claws": "first_given(loss, 0元)"},
        {"posts": POST_ENDS, "human_decisions": [decision("2025-04", "loss", "60")]},
        [*GRANTED, "04 clawed_back 60.00", "04 paid 40.01"],
    ),
    "a part of the balance, oldest first": (
        {"release": "oldest first", "amount": "D * 50%"},
        {},
        [*GRANTED, "02 paid 50.01", "03 paid 25.00", "04 paid 12.50", "05 paid 6.25", "06 paid 3.13"],
    ),
    "before the first run": (
        {"release": THREE},
        {"opening_state": [("probe", "p1", "D", "month", "2024-11-30", "90")]},
        [
            "11 granted #1 30.00",
            "11 granted #2 30.00",
            "11 granted #3 30.00",
            "11 paid #1 30.00",
            "01 paid #2 30.00",
            "02 paid #1 33.34",
            "02 paid #3 30.00",
            "03 paid #2 33.34",
            "04 paid #3 33.33",
            *PARTS,
        ],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, tmp_path: Path) -> None:
    ledger, facts, wanted = STORIES[story]
    lot_story = LotStory(tmp_path, world_of(**copy.deepcopy(facts)), text_of({"defers": "put", **ledger}))
    _, rows = lot_story.run(EVERY_MONTH)
    assert sorted(told(rows)) == sorted(wanted)


def test_a_correction_stands_where_the_next_instance_begins(tmp_path: Path) -> None:
    """The deferred pay of January turns out to be less after its first part has been paid."""
    world = world_of()
    story = LotStory(tmp_path, world, text_of({"defers": "put", "release": THREE}))
    story.run("2025-01-01..2025-02-28")
    changed = copy.deepcopy(world)
    changed.rows["figures"][0] = ("person", "p1", "基数", "2025-01-01", "2025-01-31", "1000")
    story.facts(changed)
    compared, rows = story.run("2025-01-01..2025-04-30")
    corrected = [(f"{x.day}", x.lot, x.kind, x.fen) for x in rows if x.origin == "corrected"]
    assert sorted(corrected) == [
        ("2025-03-01", "2025-01#1", "granted", -2000),
        ("2025-03-01", "2025-01#1", "paid", -2000),
        ("2025-03-01", "2025-01#2", "granted", -2000),
        ("2025-03-01", "2025-01#3", "granted", -2000),
    ]
    march = next(x for x in compared.traces["p1"] if x.instance.key == "2025-03")
    assert march.whole["out"] == Fraction("13.27")
    _, rows = story.run("2025-01-01..2025-05-31")
    assert [x for x in rows if x.origin == "corrected"] == []


def test_what_was_published_stands_so_far_as_the_lot_still_has_it(tmp_path: Path) -> None:
    """February paid 100.01; January turns out to have put 10.01 aside, and February's mark is lost: 10.01 stand."""
    world = world_of()
    story = LotStory(
        tmp_path, world, text_of({"defers": "put", "release": "after 1 month", "when": "mark > 5"})
    )
    story.run("2025-01-01..2025-02-28")
    late = copy.deepcopy(world)
    late.rows["figures"] = [
        ("person", "p1", "基数", "2025-01-01", "2025-01-31", "250"),
        ("person", "p1", "基数", "2025-02-01", "", "-1"),
    ]
    story.facts(late)
    _, rows = story.run("2025-01-01..2025-03-31")
    assert [(f"{x.day}", x.kind, x.fen) for x in rows if x.origin == "corrected"] == [
        ("2025-03-01", "granted", -9000),
        ("2025-03-01", "paid", -9000),
    ]


def test_a_month_in_which_nobody_is_appraised_is_published_too(tmp_path: Path) -> None:
    """The one person left in February: what was paid in March is not paid once more by a run that begins there."""
    story = LotStory(
        tmp_path, world_of(staff=LEFT, posts=POST_ENDS), text_of({"defers": "put", "release": THREE})
    )
    story.run("2025-01-01..2025-03-31")
    _, rows = story.run("2025-03-01..2025-04-30")
    assert told(rows) == sorted([*PARTS, "02 paid #1 33.34", "03 paid #2 33.34", "04 paid #3 33.33"])
    assert [x.kind for x in rows if x.origin == "own"] == ["paid"]


BAD: dict[str, tuple[Ledger, str]] = {
    "no such schedule": ({"release": "now and then"}, "RUL132"),
    "shares are not the whole": ({"release": "in parts of 20% 30% every month"}, "RUL132"),
    "amount without oldest first": ({"release": THREE, "amount": "1元"}, "RUL133"),
    "oldest first without amount": ({"release": "oldest first"}, "RUL133"),
    "otherwise without when": ({"release": THREE, "otherwise": "waits"}, "RUL133"),
    "claws_from without claws": ({"release": THREE, "claws_from": "waiting"}, "RUL133"),
    "a leaver of what is released by leaving": ({"release": "left_on + 1 month", "leaver": "paid"}, "RUL133"),
    "reads others": ({"release": THREE, "when": "average(bonus among managers) > 1元"}, "RUL130"),
    "reads the instance before": ({"release": THREE, "when": "previous(bonus, 0元) > 1元"}, "RUL130"),
    "reads what it decides itself": ({"release": THREE, "when": "D.released > 1元"}, "RUL040"),
    "in a ring with a line": ({"release": THREE, "claws": "gone"}, "RUL040"),
    "no such line": ({"defers": "nothing", "release": THREE}, "RUL030"),
    "not money": ({"defers": "good", "release": THREE}, "RUL030"),
    "of another calendar": ({"every": "quarter", "release": THREE}, "RUL042"),
    "no key": ({"release": THREE, "frees": "1元"}, "RUL011"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    ledger, code = BAD[case]
    rulebook, problems = load_string(text_of({"defers": "put", **ledger}))
    assert rulebook is None
    assert code in {p.code for p in problems}


def test_no_such_figure() -> None:
    lines = {"more": {"pay": "D.lost"}}
    _, problems = load_string(text_of({"defers": "put", "release": THREE}, lines=lines))
    assert [p.code for p in problems] == ["RUL051"]


def test_it_is_read_back() -> None:
    ledger = {
        "defers": "put",
        "release": "in parts of 20% 80% every 12 months",
        "when": "good",
        "claws": "first_given(back, 0元)",
        "claws_from": "waiting then paid",
        "leaver": "forfeited",
    }
    rulebook, _ = load_string(text_of(ledger))
    assert rulebook is not None
    said = "\n".join(read_back(rulebook))
    for words in ("分 2 期到期, 每 12 个月一期, 各期 20%、80%", "不足的从已付的追回", "离职的", "本期支付的"):
        assert words in said


def youngest_first(lot: Lot) -> tuple[int, int]:
    return -lot.granted_on.toordinal(), -(lot.due_on or lot.granted_on).toordinal()


def without_odd_fen(own: Any) -> Any:
    return lambda ledger, instance, fen: own(ledger, instance, fen // 3 * 3)


def a_month_early(own: Any) -> Any:
    return lambda day, months: own(day, months - 1)


def more_than_waits(_own: Any) -> Any:
    return lambda steps, lot, kind, _left, wanted: steps.append((lot, kind, wanted)) or wanted


def the_bank_alone(own: Any) -> Any:
    return lambda self, subject, _column, granted: own(self, subject, "left_on", granted)


def the_post_too(own: Any) -> Any:
    return lambda self, subject, _column, granted: own(self, subject, "left_post", granted)


def unknown_is_yes(own: Any) -> Any:
    return lambda claws=0, amount=0, when=True, chosen=0: own(claws, amount, when is None or when, chosen)


def nothing_paid(own: Any) -> Any:
    return lambda self, ledger, days: (x for x in own(self, ledger, days) if x.kind == "granted")


MUTANTS: dict[str, tuple[Any, str, Callable[[Any], Any], str]] = {
    "the youngest first": (lots, "age", lambda _own: youngest_first, "clawed back, the oldest first"),
    "odd fen are lost": (lots, "split", without_odd_fen, "odd fen go to the first parts"),
    "a month early": (lots, "add_months", a_month_early, "half a year and no month less"),
    "more is taken than waits": (lots, "taken", more_than_waits, "clawed back, the oldest first"),
    "the bank alone is left": (lot_holders.Leaving, "day", the_bank_alone, "so long after leaving the post"),
    "the post is the bank": (
        lot_holders.Leaving,
        "day",
        the_post_too,
        "leaving the post is not leaving the bank",
    ),
    "unknown is yes": (lot_holders, "Answers", unknown_is_yes, "an unknown condition moves nothing"),
    "nothing paid before": (lots.RunLots, "_opening", nothing_paid, "before the first run"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_planted_error_is_caught(mutant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, story = MUTANTS[mutant]
    monkeypatch.setattr(owner, name, wrong(getattr(owner, name)))
    with pytest.raises((AssertionError, InvariantBroken)):
        test_story(story, tmp_path)


def test_every_way_of_releasing_is_drawn() -> None:
    drawn = [ledger_of(random.Random(f"lots {seed}")) for seed in range(40)]
    assert len({ledger["release"] for ledger in drawn}) == 7
