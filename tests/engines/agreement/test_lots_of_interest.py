"""Pay for interest that waits for the loan behind it: paid once the loan is repaid, lost when it is bad."""

from __future__ import annotations

import copy
import os
import random
from pathlib import Path

import pytest

from guanhu.rulebook.load.folder import load_string
from tests.engines.agreement.fixed import Section, rulebook_text
from tests.engines.agreement.lot_histories import LotStory, hold_at_each_date
from tests.engines.agreement.test_lots_of_loans import MOVED, world_of
from tests.engines.agreement.test_lots_per_row import told
from tests.engines.agreement.world import World
from tests.engines.test_since import once_more

HISTORIES = int(os.environ.get("GUANHU_LOTS", "6"))
MONTHS = "2025-01-01..2025-05-31"
LOST: dict[str, object] = {"release": "loan repaid", "forfeits": "loan bad"}
INTEREST = [
    ("i1", "l1", "2025-01-20", "100.00", "100.00"),
    ("i2", "l2", "2025-01-20", "50.00", "50.00"),
    ("i3", "l1", "2025-02-20", "100.00", "40.00"),
]
GRANTED = ["01 granted 2025-01/i1 10.00", "01 granted 2025-01/i2 5.00", "02 granted 2025-02/i3 4.00"]
REPAID = ("l1", "2025-03-05", "0.00", "正常")


def text_of(ledger: dict[str, object], kind: str = "interest", each: str = "received * 10%") -> str:
    """Return the rulebook of one ledger of the interest that came in, or of what an event brings."""
    measures: Section = {"reward": {"from": kind, "each": each, "round": "fen per row"}}
    lines: Section = {"put": {"pay": "reward"}, "out": {"pay": "D.released"}}
    return rulebook_text(
        "month", "by days", lines, measures=measures, ledgers={"D": {"defers": "put", "per": "row", **ledger}}
    )


STORIES: dict[str, tuple[dict[str, object], list[tuple[str, ...]], list[str]]] = {
    "nothing falls due while the loans run": (LOST, [], GRANTED),
    "the interest of a loan is paid once the loan is": (
        LOST,
        [REPAID],
        [*GRANTED, "03 paid 2025-01/i1 10.00", "03 paid 2025-02/i3 4.00"],
    ),
    "the interest of a bad loan is lost, that of another is not": (
        {"release": "after 3 months", "forfeits": "loan bad"},
        [("l1", "2025-03-05", "9000.00", "次级")],
        [
            *GRANTED,
            "03 forfeited 2025-01/i1 10.00",
            "03 forfeited 2025-02/i3 4.00",
            "04 paid 2025-01/i2 5.00",
        ],
    ),
    "interest that comes in on a loan that is repaid already": (
        {"release": "loan repaid"},
        [("l1", "2025-02-10", "0.00", "正常")],
        [*GRANTED, "02 paid 2025-01/i1 10.00", "03 paid 2025-02/i3 4.00"],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, tmp_path: Path) -> None:
    ledger, states, wanted = STORIES[story]
    world = world_of(states, interest=INTEREST)
    _, rows = LotStory(tmp_path, world, text_of(ledger)).run(MONTHS)
    assert sorted(told(rows)) == sorted(wanted)
    hold_at_each_date(rows)


def test_the_loan_is_somebody_elses_now(tmp_path: Path) -> None:
    people = [(x, x, "在册", "2020-01-01", "") for x in ("p1", "p2")]
    posts = [(x, "2020-01-01", "", "经理", "", "A", "") for x in ("p1", "p2")]
    world = world_of([REPAID], interest=INTEREST[:1], assignments=MOVED, staff=people, posts=posts)
    _, rows = LotStory(tmp_path, world, text_of(LOST)).run(MONTHS)
    assert sorted(told(rows)) == ["01 granted 2025-01/i1 10.00", "03 paid 2025-01/i1 10.00"]
    assert {x.subject_id for x in rows} == {"p1"}


def test_of_a_row_that_is_gone_no_loan_is_known(tmp_path: Path) -> None:
    """A row of January was published and is in no batch any more; January is not run again: its lot waits."""
    world = world_of([REPAID], interest=INTEREST[:1])
    story = LotStory(tmp_path, world, text_of(LOST))
    story.run("2025-01-01..2025-01-31")
    late = copy.deepcopy(world)
    late.rows["interest"] = [("i9", "l2", "2025-02-20", "1.00", "1.00")]
    story.facts(late)
    compared, rows = story.run("2025-02-01..2025-03-31")
    assert sorted(told(rows)) == ["01 granted 2025-01/i1 10.00", "02 granted 2025-02/i9 0.10"]
    march = next(x for x in compared.traces["p1"] if x.instance.key == "2025-03")
    assert "D" in str(march.whole["out"])


def test_a_run_since_an_earlier_one_asks_the_loan_too(tmp_path: Path) -> None:
    world = world_of([], interest=INTEREST)
    story = LotStory(tmp_path, world, text_of(LOST))
    first, _ = story.run(MONTHS, publishes=False)
    late = copy.deepcopy(world)
    late.add("loan_states", (*REPAID, ""))
    story.facts(late)
    since, whole, _ = once_more(story.bank, story.rules, first.ran.folder)
    assert since.record["digest"] == whole.record["digest"] != first.ran.folder.record["digest"]


def drawn(seed: int) -> tuple[World, random.Random]:
    """Return a bank whose two loans get interest, are repaid in part or wholly, or turn bad."""
    draw = random.Random(f"lots of interest {seed}")
    world = world_of(states(draw), interest=interest(draw))
    return world, draw


def interest(draw: random.Random) -> list[tuple[str, ...]]:
    days = [f"2025-0{draw.randint(1, 5)}-{draw.choice(['05', '20', '28'])}" for _ in range(9)]
    return [
        (f"i{number}", draw.choice(["l1", "l2"]), day, "100.00", draw.choice(["100.00", "33.33", "0.00"]))
        for number, day in enumerate(days)
    ]


def states(draw: random.Random) -> list[tuple[str, ...]]:
    found = {}
    for loan in ("l1", "l2"):
        for month in (2, 3, 4, 5):
            if draw.random() < 0.4:
                day = f"2025-0{month}-{draw.choice(['01', '28'])}"
                balance = draw.choice(["0.00", "4000.00"])
                found[loan, day] = (loan, day, balance, draw.choice(["正常", "正常", "次级", "损失"]))
    return list(found.values())


@pytest.mark.parametrize("history", range(HISTORIES))
def test_history(history: int, tmp_path: Path) -> None:
    """Months are published, states and interest come late: run and explain agree on each lot."""
    world, draw = drawn(history)
    release = draw.choice(["loan repaid", "after 1 month"])
    story = LotStory(tmp_path, world, text_of({"release": release, "forfeits": "loan bad"}))
    for period in ("2025-01-01..2025-02-28", "2025-02-01..2025-04-30", "2025-03-01..2025-05-31"):
        _, rows = story.run(period)
        hold_at_each_date(rows)
        world = world_of(states(draw), interest=interest(draw))
        story.facts(world)


def test_rows_that_name_no_loan_are_refused() -> None:
    for kind, each in (("fees", "amount"), ("accounts", "1元")):
        rulebook, problems = load_string(text_of(LOST, kind, each))
        assert rulebook is None
        assert {p.code for p in problems} == {"RUL136"}
