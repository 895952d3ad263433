"""What only a whole run shows: ledgers, campaigns, what was before it, what stays undecided or unsettled, teams."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.appraisal.statement import statement
from guanhu.facts.store import Bank
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.print.blocks import plain
from tests.engines.agreement.fixed import MEASURES, PERIOD, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import Compared, compare, opened, write_rulebook


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Return the fixed bank with what stood at its opening: p2 was low in November and December, and is watched."""
    world = fixed_world()
    for item, day, value in (
        ("low", "2024-11-30", "是"),
        ("low", "2024-12-31", "是"),
        ("pay", "2024-12-31", "12.34"),
        ("watch", "2024-10-31", "观察"),
    ):
        world.add("opening_state", ("probe", "p2", item, "month", day, value))
    return world.bank(tmp_path_factory.mktemp("kinds"))


def ran(bank: Bank, folder: Path, text: str, period: str = PERIOD) -> Compared:
    """Return a run on which both readings agree."""
    compared = compare(bank, write_rulebook(folder, text), period)
    assert compared.found == []
    assert compared.unread == []
    return compared


def told(compared: Compared, subject: str, line: str) -> list[Value]:
    """Return what a line comes to, instance by instance."""
    return [x.whole[line] for x in compared.traces[subject] if line in x.whole]


def test_a_ledger_carries_over_what_is_not_used(bank: Bank, tmp_path: Path) -> None:
    """Each month 30 are held and from February on 20 given back; what was held in January has lapsed by March."""
    lines: Section = {
        "held": {"pay": "30元"},
        "back": {"pay": "min(waiting, 20元)"},
        "left": {"pay": "waiting"},
    }
    for after, wanted in ((0, [0, 30, 40]), (1, [0, 30, 30])):
        ledgers: Section = {"waiting": {"adds": "held", "uses": "back", "lapses_after": str(after)}}
        text = rulebook_text("month", "none", lines, ledgers=ledgers)
        assert told(ran(bank, tmp_path / f"after-{after}", text), "p2", "left") == wanted


def test_a_ledger_that_uses_more_than_it_holds_is_told(bank: Bank, tmp_path: Path) -> None:
    """30 are entered each month and 40 used: 10 of them come from nothing, in each of the three months."""
    lines: Section = {"held": {"pay": "30元"}, "back": {"pay": "40元"}, "left": {"pay": "waiting"}}
    ledgers: Section = {"waiting": {"adds": "held", "uses": "back"}}
    compared = ran(bank, tmp_path / "rules", rulebook_text("month", "none", lines, ledgers=ledgers))
    short = [x for x in compared.ran.outcome.problems if x.code == "RUN058"]
    assert [x.zh.partition(":")[0] for x in short] == [
        "2025-01-01..2025-01-31",
        "2025-02-01..2025-02-28",
        "2025-03-01..2025-03-31",
    ]
    assert all("多 10.00" in x.zh and x.severity == "warning" for x in short)


def test_a_campaign_is_the_days_of_its_run(bank: Bank, tmp_path: Path) -> None:
    """p1 moves on 18 February: 34 of the 80 days are before."""
    text = rulebook_text(
        "campaign", "by days", {"prize": {"pay": "800元"}, "average": {"pay": "stock"}}, measures=MEASURES
    )
    compared = ran(bank, tmp_path / "rules", text, "2025-01-15..2025-04-04")
    (trace,) = compared.traces["p1"]
    assert [card.spell_days for card in trace.cards] == [34, 46]
    assert [card.lines["prize"].value for card in trace.cards] == [340, 460]
    assert trace.whole["prize"] == 800


def test_two_decisions_of_one_state_leave_it_undecided(bank: Bank, tmp_path: Path) -> None:
    decisions: Section = {
        "up": {"when": "grade = 中级", "sets": {"grade": "up"}, "says": "升"},
        "down": {"when": "grade in (中级, 高级)", "sets": {"grade": "down"}, "says": "降"},
    }
    compared = ran(
        bank, tmp_path / "rules", rulebook_text("month", "none", {"one": {"pay": "1元"}}, decisions=decisions)
    )
    changes = [row for row in compared.ran.outcome.changes if row[0] == "2025-01"]
    assert sorted((row[1], row[2], row[-1]) for row in changes) == [
        ("p1", "down", True),
        ("p1", "up", True),
        ("p4", "down", False),
    ]
    # Who is undecided keeps the grade, so that the same is asked in the next month; p4 is in the middle by then.
    assert told(compared, "p1", "up") == [True, True, True]
    assert told(compared, "p4", "up") == [False, True, True]


def test_what_stood_at_the_opening_is_read(bank: Bank, tmp_path: Path) -> None:
    lines: Section = {"pay": {"pay": "10元"}, "before": {"pay": "previous(pay, 0元)"}}
    more: dict[str, Section] = {
        "checks": {
            "low": {"when": "pay < 11元", "says": "低"},
            "watched": {"when": "watch = 观察", "says": "看"},
        },
        "decisions": {
            "third": {"when": "streak(low) >= 3", "sets": {"contract": "解除"}},
            "calm": {"when": "pay > 11元", "sets": {"watch": "正常"}},
        },
    }
    compared = ran(bank, tmp_path / "rules", rulebook_text("month", "none", lines, **more))
    assert told(compared, "p2", "before")[:2] == [Fraction("12.34"), 10]
    assert told(compared, "p1", "before")[:2] == [0, 10]
    assert told(compared, "p2", "third") == [True, False, False]
    assert told(compared, "p1", "third") == [False, False, True]
    assert told(compared, "p2", "watched") == [True, True, True]


def test_who_falls_in_no_row_is_listed_and_the_others_are_settled(bank: Bank, tmp_path: Path) -> None:
    rows = {
        "by": ["grade"],
        "gives": {"x": "money"},
        "rows": [["初级 | 中级", "5元"]],
        "no_row": "stop and list",
    }
    text = rulebook_text("month", "none", {"extra": {"pay": "extras(grade)"}}, tables={"extras": rows})
    compared = ran(bank, tmp_path / "rules", text)
    assert told(compared, "p1", "extra") == [5, 5, 5]
    assert [isinstance(x, Unknown) for x in told(compared, "p2", "extra")] == [False, False, True]
    problems = json.loads((compared.ran.folder.path / "problems.json").read_text("utf-8"))
    assert [(x["code"], x["en"].partition(":")[0]) for x in problems] == [
        ("RUN023", "2025-01"),
        ("RUN023", "2025-02"),
        ("RUN023", "2025-03"),
    ]
    assert compared.ran.folder.record["counts"]["not_settled"] == 2


def test_a_team_is_explained_and_gets_a_statement(bank: Bank, tmp_path: Path) -> None:
    text = rulebook_text("quarter", "by days", {"kept": {"pay": "stock", "who": "squads"}}, measures=MEASURES)
    team = '{"squads": {"subject": "team", "clause": "第一条"}, "managers": '
    compared = ran(bank, tmp_path / "rules", text.replace('{"managers": ', team, 1))
    (trace,) = compared.traces["T1"]
    with opened(bank, compared.ran) as run:
        page = statement(run, "T1")
    said = "\n".join(plain(page.blocks))
    assert page.title == "一队 考核单"
    assert dict(page.facts)["机构"] == "甲支行 A"
    assert f"{float(trace.whole['kept']):,.2f}" in said  # type: ignore[arg-type]
