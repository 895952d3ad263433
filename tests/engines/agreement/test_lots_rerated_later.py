"""Lots that are rated again go on in later runs: what was published, what comes late, patches, histories."""

from __future__ import annotations

import copy
import csv
import os
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.appraisal.difference import Difference, in_total
from guanhu.appraisal.exporting import export_run
from guanhu.appraisal.pages.waiting import told as told_lots
from guanhu.appraisal.statement import statement
from guanhu.appraisal.whatif.laboratory import Laboratory
from guanhu.appraisal.whatif.patch import read_patch
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.lots import Moved
from guanhu.rulebook.print import blocks as b
from tests.engines.agreement.lot_histories import LotStory, hold_at_each_date
from tests.engines.agreement.rerated import FEES, MONTHS, marks, text_of, told
from tests.engines.agreement.running import Compared, make_engine, opened
from tests.engines.agreement.test_lots_per_row import Drawn, world_of
from tests.engines.test_since import once_more

HISTORIES = int(os.environ.get("GUANHU_LOTS", "12"))


def corrections(rows: list[Moved]) -> list[tuple[str, str, str, int]]:
    return sorted((f"{x.day}", x.lot, x.kind, x.fen) for x in rows if x.origin == "corrected")


def test_a_late_mark_corrects_what_was_rated_again(tmp_path: Path) -> None:
    """March was published as reached; a mark of 10 comes late: the difference stands in April, and is paid then."""
    world = world_of(FEES[1:], figures=marks(("2025-03", "7")))
    story = LotStory(tmp_path, world, text_of({"release": "after 1 month"}))
    story.run("2025-01-01..2025-03-31")
    late = copy.deepcopy(world)
    late.rows["figures"] = marks(("2025-03", "10"))
    story.facts(late)
    _, rows = story.run("2025-01-01..2025-04-30")
    assert corrections(rows) == [
        ("2025-04-01", "2025-01/f2", "paid", 33),
        ("2025-04-01", "2025-01/f2", "raised", 33),
        ("2025-04-01", "2025-02/f3", "paid", 50),
        ("2025-04-01", "2025-02/f3", "raised", 50),
        ("2025-04-01", "2025-03/f4", "granted", 10),
    ]
    hold_at_each_date(rows)


def test_a_late_row_corrects_its_ratings_too(tmp_path: Path) -> None:
    """A fee of January was 80.00, and March, run by itself afterwards, rates the lot by what it then is."""
    world = world_of(FEES[:1], figures=marks(("2025-03", "4")))
    story = LotStory(tmp_path, world, text_of({"release": "after 6 months"}))
    story.run("2025-01-01..2025-01-31")
    late = copy.deepcopy(world)
    late.rows["fees"] = [(*world.rows["fees"][0][:3], "80.00", *world.rows["fees"][0][4:])]
    story.facts(late)
    _, rows = story.run("2025-01-01..2025-02-28")
    assert corrections(rows) == [
        ("2025-02-01", "2025-01/f1", "granted", -40),
        ("2025-02-01", "2025-01/f1", "rated as put", -40),
        ("2025-02-01", "2025-01/f1", "rated as put_high", -60),
        ("2025-02-01", "2025-01/f1", "rated as put_low", -20),
    ]
    _, rows = story.run("2025-03-01..2025-03-31")
    assert [x for x in told(rows) if x.startswith("03")] == ["03 clawed_back 2025-01/f1 0.80"]
    hold_at_each_date(rows)


def test_a_late_row_of_no_price_is_known_to_be_worth_nothing(tmp_path: Path) -> None:
    """A fee comes late; at the tier reached it is worth nothing, which is another thing than not known."""
    at = [{"when": "reached < 5", "line": "put_none"}, {"otherwise": "put"}]
    world = world_of(FEES[:1], figures=marks(("2025-03", "4")))
    story = LotStory(tmp_path, world, text_of({"release": "after 6 months", "at": at}))
    story.run("2025-01-01..2025-01-31")
    late = copy.deepcopy(world)
    late.add("fees", ("f2", "2025-01-09", "代理", "50.00", "", "c1", ""))
    story.facts(late)
    story.run("2025-01-01..2025-02-28")
    _, rows = story.run("2025-03-01..2025-03-31")
    march = ["03 clawed_back 2025-01/f1 2.00", "03 clawed_back 2025-01/f2 1.00"]
    assert [x for x in told(rows) if x.startswith("03")] == march


def test_another_run_goes_on_from_the_published_ratings(tmp_path: Path) -> None:
    """March is run by itself: what January's row is at each tier stands in what January's run kept."""
    world = world_of(FEES[:1], figures=marks(("2025-03", "10")))
    story = LotStory(tmp_path, world, text_of({"release": "after 6 months"}))
    for month in ("2025-01-01..2025-01-31", "2025-02-01..2025-02-28"):
        story.run(month)
    _, rows = story.run("2025-03-01..2025-03-31")
    assert told(rows) == ["01 granted 2025-01/f1 2.00", "03 raised 2025-01/f1 1.00"]


def test_lots_of_before_the_first_run_keep_their_tier(tmp_path: Path) -> None:
    """Nobody knows what their rows would be at another tier."""
    before = ("p1", "D/f0", "month", "2025-02-28", "5.00")
    world = world_of([], figures=marks(("2025-03", "10")), opening_state=[("probe", *before)])
    _, rows = LotStory(tmp_path, world, text_of({"release": "after 6 months"})).run("2025-03-01..2025-04-30")
    assert told(rows) == ["02 granted 2025-02/f0 5.00"]


def test_explain_statement_and_export_say_what_each_tier_is(tmp_path: Path) -> None:
    story = LotStory(tmp_path, world_of(FEES, figures=marks(("2025-03", "10"))), text_of({}))
    compared, _ = story.run("2025-01-01..2025-03-31")
    with opened(story.bank, compared.ran) as run:
        lines = [line.strip() for x in told_lots(run, "p1") for _, line in x.lines()]
        (grid,) = [
            x for x in statement(run, "p1").blocks if isinstance(x, b.Grid) and "put_low(元)" in x.head
        ]
    export_run(make_engine, story.bank.path, compared.ran.folder, "csv", tmp_path / "out")
    with (tmp_path / "out" / "lots.csv").open(encoding="utf-8-sig", newline="") as file:
        exported = [row["各档"] for row in csv.DictReader(file)]
    for line in ("按“put_high”为 1.50 元", "2025-03-31 重新定档补记 0.50 元", "2025-03-31 支付 3.00 元"):
        assert line in lines
    assert grid.rows == (
        ("2025-01/f1", "2.00", "3.00", "1.00"),
        ("2025-01/f2", "0.67", "1.00", "0.33"),
        ("2025-02/f3", "1.00", "1.50", "0.50"),
    )
    assert exported == [
        "put 2.00; put_high 3.00; put_low 1.00",
        "put 0.67; put_high 1.00; put_low 0.33",
        "put 1.00; put_high 1.50; put_low 0.50",
        "",
    ]
    march = next(x for x in compared.traces["p1"] if x.instance.key == "2025-03")
    released = march.cards[0].lines["out"].parts[0].parts[0]
    assert [part.value for part in released.parts] == [True]


def test_a_patch_of_a_tier_is_followed(tmp_path: Path) -> None:
    """The price of the tier reached is 4 %: 4.00 − 2.00."""
    world = world_of(FEES[:1], figures=marks(("2025-03", "10")))
    story = LotStory(tmp_path, world, text_of({}))
    compared, _ = story.run("2025-01-01..2025-03-31")
    path = tmp_path / "patch.yaml"
    path.write_text("changes:\n  measures.high_price.each: amount * 4%\n", "utf-8")
    laboratory = Laboratory(make_engine, story.bank, compared.ran.folder)
    try:
        rows = laboratory.tried(read_patch(path)).outcome.lots
    finally:
        laboratory.close()
    assert "03 raised 2025-01/f1 2.00" in told(rows)


def test_a_run_since_an_earlier_one_rates_alike(tmp_path: Path) -> None:
    world = world_of(FEES, figures=marks(("2025-03", "10")))
    story = LotStory(tmp_path, world, text_of({}))
    first, _ = story.run(MONTHS, publishes=False)
    late = copy.deepcopy(world)
    late.add("fees", ("f5", "2025-02-11", "代理", "9.99", "", "c1", ""))
    story.facts(late)
    since, whole, _ = once_more(story.bank, story.rules, first.ran.folder)
    assert since.record["digest"] == whole.record["digest"] != first.ran.folder.record["digest"]


MORE_LINES: tuple[dict[str, object], ...] = (
    {"pay": "middle"},
    {"pay": "middle * 40%"},
    {"pay": "part * middle"},
    {"pay": "middle", "least": "0元", "most": "1元"},
)
LEDGERS: tuple[dict[str, object], ...] = (
    {},
    {"release": "after 1 month"},
    {"release": "in 3 equal parts every month", "more": "at once"},
    {"release": "left_post + 1 month"},
    {"release": "oldest first", "amount": "D * 50%", "more": "at once"},
    {"per": "line", "release": "after 1 month"},
    {"leaver": "forfeited", "more": "at once"},
    {"leaver": "paid"},
    {"when": "mark > 4", "otherwise": "waits"},
    {"when": "mark > 4", "release": "after 1 month"},
    {"claws": "max(D - 1元, 0元)", "claws_from": "waiting then paid"},
    {"claws": "max(D.paid - 1元, 0元)", "claws_from": "waiting then paid", "release": "after 1 month"},
)
WITHOUT_LOSS = 6
"""So many of the ledgers above take nothing but by rating again."""


class Marked(Drawn):
    """A drawn bank of fees, with a mark for most people in each month."""

    def fees(self) -> None:
        super().fees()
        self.mark()

    def mark(self) -> None:
        rows = []
        for person in ("p1", "p2", "p3"):
            for month in range(1, 7):
                last = {2: 28, 4: 30, 6: 30}.get(month, 31)
                if self.draw.random() < 0.85:
                    mark = str(self.draw.choice([0, 4, 5, 7, 10, 12]))
                    days = (f"2025-0{month}-01", f"2025-0{month}-{last}")
                    rows.append(("person", person, "评分", *days, mark))
        self.world.rows["figures"] = rows

    def late(self) -> None:
        super().late()
        self.mark()


@pytest.mark.parametrize("history", range(HISTORIES))
def test_history(history: int, tmp_path: Path) -> None:
    """Months are published one after the other, fees and marks come late: run and explain agree on each lot."""
    drawn = Marked(history)
    put, ledger = MORE_LINES[history % len(MORE_LINES)], LEDGERS[history % len(LEDGERS)]
    text = text_of(ledger, drawn.draw.choice(["by days", "none"]), **put)
    assert load_string(text)[1] == []
    story = LotStory(tmp_path, drawn.world, text)
    met: Counter[str] = Counter()
    for period in ("2025-01-01..2025-02-28", "2025-02-01..2025-04-30", "2025-03-01..2025-06-30"):
        _, rows = story.run(period)
        hold_at_each_date(rows)
        met.update(f"{x.kind.split()[0]} {x.origin}" for x in rows)
        drawn.late()
        story.facts(drawn.world)
    print(f"history {history}: {dict(met)}")


@pytest.mark.parametrize("history", range(max(HISTORIES // 2, 1)))
def test_together_they_are_the_line_of_the_tier_reached(history: int, tmp_path: Path) -> None:
    """After a quarter of which the tier is known, the lots of each of its months are that tier's line, to the fen."""
    drawn = Marked(1000 + history)
    posts = drawn.world.rows["posts"]
    drawn.world.rows["posts"] = [(*row[:3], "经理", *row[4:]) if row[0] == "p1" else row for row in posts]
    marked = {row[1] for row in drawn.world.rows["figures"] if row[3] == "2025-03-01"}
    for person in {"p1", "p2", "p3"} - marked:
        drawn.world.add("figures", ("person", person, "评分", "2025-03-01", "2025-03-31", "10"))
    put, ledger = MORE_LINES[history % len(MORE_LINES)], LEDGERS[history % WITHOUT_LOSS]
    compared, rows = LotStory(tmp_path, drawn.world, text_of(ledger, **put)).run("2025Q1")
    hold_rows_to_the_tier(compared, rows)


def hold_rows_to_the_tier(compared: Compared, rows: list[Moved]) -> None:
    count = 0
    for subject, traces in compared.traces.items():
        by_month = {trace.instance.key: trace.whole for trace in traces}
        mark = by_month.get("2025-03", {}).get("reached")
        if not isinstance(mark, Fraction):
            continue
        line = "put_high" if mark >= 10 else "put_low" if mark < 5 else "put"
        for month, whole in by_month.items():
            signs = {"granted": 1, "raised": 1, "clawed_back": -1, "recovered": -1}
            own = [x for x in rows if (x.subject_id, f"{x.granted_on:%Y-%m}") == (subject, month)]
            value = whole[line]
            assert isinstance(value, Fraction)
            assert sum(signs.get(x.kind, 0) * x.fen for x in own) == max(value * 100, 0)
            count += 1
    assert count


def test_a_difference_is_told_by_its_cause(tmp_path: Path) -> None:
    """A mark comes late: 1.00 and 0.33 more are paid in March, all of it by facts."""
    world = world_of(FEES[:2], figures=marks(("2025-03", "7")))
    story = LotStory(tmp_path, world, text_of({}))
    first, _ = story.run("2025-01-01..2025-04-30", publishes=False)
    late = copy.deepcopy(world)
    late.rows["figures"] = marks(("2025-03", "10"))
    story.facts(late)
    second, _ = story.run("2025-01-01..2025-04-30", publishes=False)
    steps = Difference(make_engine, story.bank, first.ran.folder, second.ran.folder).steps()
    total = in_total(steps)
    assert total.before + sum(total.causes.values()) == total.after
    assert {cause: fen for cause, fen in total.causes.items() if fen} == {"facts": 133}
