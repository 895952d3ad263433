"""Pay that waits for a loan: paid once it is repaid, lost when it is bad; run, explain and an oracle agree."""

from __future__ import annotations

import copy
import os
import random
from collections import defaultdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from guanhu.appraisal import lot_things, lots
from guanhu.appraisal.lot_rows import kept_lots
from guanhu.appraisal.pages.waiting import told as told_lots
from guanhu.appraisal.whatif.laboratory import Laboratory
from guanhu.appraisal.whatif.patch import read_patch
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.lots import Moved
from guanhu.rulebook.print.reading_back import read_back
from guanhu.values.problem import errors_in
from tests.engines.agreement.fixed import Section, rulebook_text
from tests.engines.agreement.lot_histories import LotStory, hold_at_each_date
from tests.engines.agreement.running import Compared, compare, make_engine, opened, write_rulebook
from tests.engines.agreement.test_lots_per_row import told
from tests.engines.agreement.world import COVERAGE, World
from tests.engines.facts.folders import write_folder
from tests.engines.test_since import once_more

HISTORIES = int(os.environ.get("GUANHU_LOTS", "8"))
MONTHS = "2025-01-01..2025-05-31"
MEASURES: Section = {
    "reward": {"from": "loans", "each": "amount * 0.1%", "round": "fen per row"},
    "fees": {"from": "fees"},
    "opened": {"from": "accounts", "take": "count"},
}
LINES: Section = {"put": {"pay": "reward"}, "out": {"pay": "D.released"}}
REPAID: dict[str, object] = {"release": "loan repaid"}
LOST: dict[str, object] = {"release": "loan repaid", "forfeits": "loan bad"}


def text_of(ledger: dict[str, object], spells: str = "by days", **lines: Any) -> str:
    """Return the rulebook of one ledger of loans."""
    inputs: Section = {"back": {"unit": "money", "from": "person", "allowed": "[0, ]"}}
    own = {"defers": "put", "per": "row", **ledger}
    parts = {**LINES, **lines}
    return rulebook_text("month", spells, parts, measures=MEASURES, inputs=inputs, ledgers={"D": own})


def world_of(states: list[tuple[str, ...]], **more: list[tuple]) -> World:
    """Return a bank of one person and two loans of January, of 10,000 and 5,000 yuan; `states` are (loan, day, balance, class)."""
    world = World()
    world.add("institutions", ("A", "2020-01-01", "", "甲支行", "支行", "", ""))
    world.add("staff", *more.pop("staff", [("p1", "p1", "在册", "2020-01-01", "")]))
    world.add("posts", *more.pop("posts", [("p1", "2020-01-01", "", "经理", "", "A", "")]))
    world.add("customers", ("c1", "", "对公", ""))
    book = [("customer", "c1", "p1", "2020-01-01", "", "主办", "1", "")]
    world.add("assignments", *more.pop("assignments", book))
    for name, amount in (("l1", "10000.00"), ("l2", "5000.00")):
        world.add("loans", (name, "c1", "流贷", "", "A", "2025-01-10", "", amount, ""))
    starts = [("l1", "2025-01-10", "10000.00", "正常"), ("l2", "2025-01-10", "5000.00", "正常")]
    told_of = {(loan, day) for loan, day, *_ in states}
    world.add("loan_states", *((*row, "") for row in (*(x for x in starts if x[:2] not in told_of), *states)))
    for kind, rows in more.items():
        world.add(kind, *rows)
    return world


GRANTED = ["01 granted 2025-01/l1 10.00", "01 granted 2025-01/l2 5.00"]
L1_REPAID = ("l1", "2025-03-05", "0.00", "正常")
MOVED = [
    ("customer", "c1", "p1", "2020-01-01", "2025-01-31", "主办", "1", ""),
    ("customer", "c1", "p2", "2025-02-01", "", "主办", "1", ""),
]
STORIES: dict[str, tuple[dict[str, object], list[tuple[str, ...]], dict[str, Any], list[str]]] = {
    "nothing falls due while loans run": (LOST, [], {}, GRANTED),
    "paid in the month in which it is repaid": (LOST, [L1_REPAID], {}, [*GRANTED, "03 paid 2025-01/l1 10.00"]),
    "repaid in part is not repaid": (LOST, [("l1", "2025-03-05", "0.01", "正常")], {}, GRANTED),
    "repaid on the last day of the month": (
        LOST,
        [("l1", "2025-02-28", "0.00", "关注")],
        {},
        [*GRANTED, "02 paid 2025-01/l1 10.00"],
    ),
    "a bad loan loses its own lot alone": (
        LOST,
        [("l1", "2025-03-05", "9000.00", "次级"), ("l2", "2025-04-20", "0.00", "正常")],
        {},
        [*GRANTED, "03 forfeited 2025-01/l1 10.00", "04 paid 2025-01/l2 5.00"],
    ),
    "bad and sound again within the month": (
        LOST,
        [("l1", "2025-03-05", "9000.00", "次级"), ("l1", "2025-03-30", "9000.00", "关注")],
        {},
        GRANTED,
    ),
    "written off is not repaid": (
        LOST,
        [("l1", "2025-03-05", "0.00", "损失")],
        {},
        [*GRANTED, "03 forfeited 2025-01/l1 10.00"],
    ),
    "a bad loan waits where nothing is said": (
        REPAID,
        [("l1", "2025-03-05", "9000.00", "次级"), ("l1", "2025-04-30", "0.00", "正常")],
        {},
        [*GRANTED, "04 paid 2025-01/l1 10.00"],
    ),
    "with a date of its own, and lost before it": (
        {"release": "after 3 months", "forfeits": "loan bad"},
        [("l1", "2025-03-05", "9000.00", "可疑")],
        {},
        [*GRANTED, "03 forfeited 2025-01/l1 10.00", "04 paid 2025-01/l2 5.00"],
    ),
    "on condition": (
        {**LOST, "when": "given(back)", "otherwise": "waits"},
        [L1_REPAID],
        {"human_decisions": [("d1", "2025-05-20", "probe", "p1", "back", "0", "有据", "行长")]},
        [*GRANTED, "05 paid 2025-01/l1 10.00"],
    ),
    "the loan is somebody else's now": (
        LOST,
        [L1_REPAID],
        {
            "assignments": MOVED,
            "staff": [(x, x, "在册", "2020-01-01", "") for x in ("p1", "p2")],
            "posts": [(x, "2020-01-01", "", "经理", "", "A", "") for x in ("p1", "p2")],
        },
        [*GRANTED, "03 paid 2025-01/l1 10.00"],
    ),
    "somebody who has left": (
        LOST,
        [L1_REPAID, ("l2", "2025-04-05", "5000.00", "次级")],
        {
            "staff": [("p1", "p1", "在册", "2020-01-01", "2025-02-10")],
            "posts": [("p1", "2020-01-01", "2025-02-10", "经理", "", "A", "")],
        },
        [*GRANTED, "03 paid 2025-01/l1 10.00", "04 forfeited 2025-01/l2 5.00"],
    ),
    "a leaver is paid, but not for a bad loan": (
        {**LOST, "leaver": "paid"},
        [("l2", "2025-02-05", "5000.00", "次级")],
        {
            "staff": [("p1", "p1", "在册", "2020-01-01", "2025-02-10")],
            "posts": [("p1", "2020-01-01", "2025-02-10", "经理", "", "A", "")],
        },
        [*GRANTED, "02 forfeited 2025-01/l2 5.00", "02 paid 2025-01/l1 10.00"],
    ),
    "granted before the first run": (
        LOST,
        [L1_REPAID],
        {"opening_state": [("probe", "p1", "D/l1", "month", "2024-11-30", "7"), ("probe", "p1", "D", "month", "2024-12-31", "3")]},
        [
            "11 granted 2024-11/l1 7.00",
            "12 granted 2024-12 3.00",
            *GRANTED,
            "03 paid 2024-11/l1 7.00",
            "03 paid 2025-01/l1 10.00",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, tmp_path: Path) -> None:
    ledger, states, more, wanted = STORIES[story]
    _, rows = LotStory(tmp_path, world_of(states, **copy.deepcopy(more)), text_of(ledger)).run(MONTHS)
    assert sorted(told(rows)) == sorted(wanted)
    hold_at_each_date(rows)


def test_of_a_loan_of_which_nothing_is_told_nothing_moves(tmp_path: Path) -> None:
    """No state of the second loan is known: what is released in the month is unknown, and no lot of the person moves."""
    world = world_of([L1_REPAID])
    world.rows["loan_states"] = [x for x in world.rows["loan_states"] if x[0] != "l2"]
    compared, rows = LotStory(tmp_path, world, text_of(LOST)).run(MONTHS)
    assert sorted(told(rows)) == GRANTED
    march = next(x for x in compared.traces["p1"] if x.instance.key == "2025-03")
    assert not isinstance(march.whole["out"], Fraction)


def lots_of_run(compared: Compared) -> list[Moved]:
    engine = make_engine()
    try:
        return kept_lots(engine, compared.ran.folder)
    finally:
        engine.close()


def test_a_refused_state_leaves_its_months_unknown(tmp_path: Path) -> None:
    """The bank takes the good rows of a file: what became of the first loan in March is not known, in April it is."""
    world = world_of([L1_REPAID, ("l1", "2025-03-20", "x", "正常"), ("l1", "2025-04-01", "0.00", "正常")])
    bank = Bank.create(tmp_path / "bank", "样行")
    import_folder(write_folder(tmp_path / "in", world.files(), COVERAGE), bank, accept_good=True)
    rules = write_rulebook(tmp_path / "rules", text_of(LOST))
    compared = compare(bank, rules, MONTHS)
    assert compared.found == []
    assert sorted(told(lots_of_run(compared))) == [*GRANTED, "04 paid 2025-01/l1 10.00"]


def test_it_is_explained_which_loan_waits(tmp_path: Path) -> None:
    story = LotStory(tmp_path, world_of([L1_REPAID]), text_of(LOST))
    compared, _ = story.run(MONTHS)
    with opened(story.bank, compared.ran) as run:
        lines = [line.strip() for x in told_lots(run, "p1") for _, line in x.lines()]
    assert any("出自贷款 l2, 待付 5.00 元, 收回本金后到期" in line for line in lines)
    march = next(x for x in compared.traces["p1"] if x.instance.key == "2025-03")
    assert [x.source for x in march.cards[0].lines["out"].parts[0].note.rows] == ["l1"]


def test_a_correction_of_the_state_takes_back_what_was_paid(tmp_path: Path) -> None:
    """The loan turns out not to have been repaid in March, but written off."""
    world = world_of([L1_REPAID])
    story = LotStory(tmp_path, world, text_of(LOST))
    story.run("2025-01-01..2025-03-31")
    late = copy.deepcopy(world)
    place = late.rows["loan_states"].index((*L1_REPAID, ""))
    late.rows["loan_states"][place] = ("l1", "2025-03-05", "0.00", "损失", "")
    story.facts(late)
    _, rows = story.run("2025-01-01..2025-04-30")
    corrected = [(f"{x.day}", x.lot, x.kind, x.fen) for x in rows if x.origin == "corrected"]
    assert sorted(corrected) == [
        ("2025-04-01", "2025-01/l1", "forfeited", 1000),
        ("2025-04-01", "2025-01/l1", "paid", -1000),
    ]
    hold_at_each_date(rows)


def test_a_patch_and_a_run_since_ask_the_loans_too(tmp_path: Path) -> None:
    world = world_of([("l2", "2025-04-20", "5000.00", "可疑")])
    story = LotStory(tmp_path, world, text_of(REPAID))
    first, _ = story.run(MONTHS, publishes=False)
    path = tmp_path / "patch.yaml"
    path.write_text("changes:\n  ledgers.D.forfeits: loan bad\n", "utf-8")
    laboratory = Laboratory(make_engine, story.bank, first.ran.folder)
    try:
        rows = laboratory.tried(read_patch(path)).outcome.lots
    finally:
        laboratory.close()
    assert sorted(told(rows)) == [*GRANTED, "04 forfeited 2025-01/l2 5.00"]
    late = copy.deepcopy(world)
    late.add("loan_states", (*L1_REPAID, ""))
    story.facts(late)
    since, whole, _ = once_more(story.bank, story.rules, first.ran.folder)
    assert since.record["digest"] == whole.record["digest"] != first.ran.folder.record["digest"]


FOR_ACCOUNTS = {"put": {"pay": "opened * 5元"}}
EVENTS: dict[str, tuple[dict[str, object], list[tuple[str, str]], list[str]]] = {
    "an event of the account pays its lot": (
        {"release": "event violation"},
        [("2025-03-31", "a1"), ("2025-03-31", ""), ("2025-06-01", "a2")],
        ["01 granted 2025-01/a1 5.00", "01 granted 2025-01/a2 5.00", "03 paid 2025-01/a1 5.00"],
    ),
    "an event of the account loses its lot": (
        {"release": "after 3 months", "forfeits": "event violation"},
        [("2025-03-01", "a2"), ("2025-03-02", "a2")],
        [
            "01 granted 2025-01/a1 5.00",
            "01 granted 2025-01/a2 5.00",
            "03 forfeited 2025-01/a2 5.00",
            "04 paid 2025-01/a1 5.00",
        ],
    ),
    "after it was paid an event loses nothing": (
        {"release": "after 1 month", "forfeits": "event violation"},
        [("2025-03-01", "a2")],
        [
            "01 granted 2025-01/a1 5.00",
            "01 granted 2025-01/a2 5.00",
            "02 paid 2025-01/a1 5.00",
            "02 paid 2025-01/a2 5.00",
        ],
    ),
    "what loses it comes before what pays it": (
        {"release": "event violation", "forfeits": "event violation"},
        [("2025-03-01", "a2")],
        ["01 granted 2025-01/a1 5.00", "01 granted 2025-01/a2 5.00", "03 forfeited 2025-01/a2 5.00"],
    ),
}


def with_accounts(events: list[tuple[str, str]]) -> World:
    """Return a bank with two accounts of January and events of them: (day, account)."""
    world = world_of([])
    for name in ("a1", "a2"):
        world.add("accounts", (name, "c1", "定期", "", "一般户", "CNY", "A", "2025-01-08", ""))
    for number, (day, account) in enumerate(events):
        world.add("event_violation", (f"v{number}", day, "", "c1", account, "", "1", "轻"))
    return world


@pytest.mark.parametrize("story", EVENTS)
def test_event(story: str, tmp_path: Path) -> None:
    """Each month is published before the next, so that the lots are read from earlier runs too."""
    ledger, events, wanted = EVENTS[story]
    made = LotStory(tmp_path, with_accounts(events), text_of(ledger, **FOR_ACCOUNTS))
    for period in ("2025-01-01..2025-02-28", "2025-03-01..2025-03-31", "2025-04-01..2025-05-31"):
        _, rows = made.run(period)
        hold_at_each_date(rows)
    assert sorted(told(rows)) == sorted(wanted)


def test_a_run_since_an_earlier_one_asks_the_events_too(tmp_path: Path) -> None:
    world = with_accounts([("2025-03-01", "a2")])
    text = text_of({"release": "after 3 months", "forfeits": "event violation"}, **FOR_ACCOUNTS)
    story = LotStory(tmp_path, world, text)
    first, _ = story.run(MONTHS, publishes=False)
    late = copy.deepcopy(world)
    late.add("event_violation", ("v9", "2025-02-01", "", "c1", "a1", "", "1", "轻"))
    story.facts(late)
    since, whole, _ = once_more(story.bank, story.rules, first.ran.folder)
    assert since.record["digest"] == whole.record["digest"] != first.ran.folder.record["digest"]


def test_events_that_no_batch_covers_leave_lots_where_they_are(tmp_path: Path) -> None:
    world = with_accounts([("2025-03-01", "a2")])
    bank = Bank.create(tmp_path / "bank", "样行")
    others = ", ".join(kind for kind in world.rows if kind != "event_violation")
    parts = [f"  - {{kinds: [{others}], from: 2024-01-01, to: 2026-06-30}}"]
    parts += ["  - {kinds: [event_violation], from: 2024-01-01, to: 2025-02-28}"]
    head, _, _ = COVERAGE.partition("coverage:")
    covered = head + "coverage:\n" + "\n".join(parts) + "\n"
    world.rows["event_violation"] = []
    result = import_folder(write_folder(tmp_path / "in", world.files(), covered), bank)
    assert [x.text("en") for x in errors_in(result.problems)] == []
    text = text_of({"release": "after 2 months", "forfeits": "event violation"}, **FOR_ACCOUNTS)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), MONTHS)
    assert compared.found == []
    assert {x.kind for x in lots_of_run(compared)} == {"granted"}


class Drawn:
    """A bank drawn from a number: loans of three customers whose people move, and what becomes of the loans."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(f"lots of loans {seed}")
        draw = self.draw
        self.world = World()
        add = self.world.add
        add("institutions", ("A", "2020-01-01", "", "甲支行", "支行", "", ""))
        for person in ("p1", "p2", "p3"):
            left = draw.choice(["", "", "2025-03-10"])
            add("staff", (person, person, "在册", "2020-01-01", left))
            post = draw.choice(["经理", "经理", "行长"])
            add("posts", (person, "2020-01-01", "2025-02-14", "经理", "", "A", ""))
            add("posts", (person, "2025-02-15", left, post, "", "A", ""))
        for customer in ("c1", "c2"):
            add("customers", (customer, "", "对公", ""))
            first, second = draw.sample(["p1", "p2", "p3"], 2)
            move = draw.choice(["2025-01-20", "2025-03-01"])
            until = str(date.fromordinal(date.fromisoformat(move).toordinal() - 1))
            add("assignments", ("customer", customer, first, "2020-01-01", until, "", "60%", ""))
            add("assignments", ("customer", customer, second, move, "", "", "1", ""))
        for number in range(8):
            day = f"2025-0{draw.randint(1, 3)}-{draw.choice(['05', '17', '28'])}"
            amount = draw.choice(["10000.00", "3333.33", "500.50", "0.40"])
            customer = draw.choice(["c1", "c2"])
            add("loans", (f"l{number}", customer, "流贷", "", "A", day, "", amount, ""))
            if draw.random() < 0.3:
                add("assignments", ("loan", f"l{number}", "p3", "2020-01-01", "", "", "1/3", ""))
            add("loan_states", (f"l{number}", day, amount, "正常", ""))
            self.states(f"l{number}", day)

    def states(self, loan: str, granted: str) -> None:
        draw = self.draw
        days = draw.sample(
            ["2025-02-03", "2025-02-28", "2025-03-15", "2025-03-31", "2025-04-01", "2025-05-09"], 2
        )
        for day in sorted(x for x in days if x > granted):
            balance = draw.choice(["0.00", "0.00", "100.00"])
            self.world.add(
                "loan_states", (loan, day, balance, draw.choice(["正常", "关注", "次级", "损失"]), "")
            )

    def late(self) -> None:
        """Change what became of one loan."""
        rows = self.world.rows["loan_states"]
        place = self.draw.randrange(len(rows))
        rows[place] = (
            *rows[place][:2],
            self.draw.choice(["0.00", "7.00"]),
            self.draw.choice(["正常", "可疑"]),
            "",
        )


LEDGERS: tuple[dict[str, object], ...] = (
    LOST,
    REPAID,
    {**LOST, "leaver": "paid"},
    {**LOST, "leaver": "forfeited"},
    {**LOST, "claws": "max(D - 9元, 0元)", "claws_from": "waiting then paid"},
    {"release": "in 2 equal parts every month", "forfeits": "loan bad"},
)


def hold_to_states(world: World, rows: list[Moved], ledger: dict[str, object]) -> None:
    """Hold each movement of this run to what the bank's own rows say of the loan on the last day of the month."""
    for x in rows:
        if x.origin != "own" or x.kind == "granted":
            continue
        held = [
            row
            for row in world.rows["loan_states"]
            if row[0] == x.source and str(row[1]) <= str(x.of.last_day)
        ]
        _, _, balance, loan_class, _ = max(held, key=lambda row: str(row[1]))
        is_bad = loan_class in ("次级", "可疑", "损失")
        if x.kind == "paid" and "leaver" not in ledger and ledger["release"] == "loan repaid":
            assert float(balance) == 0
        if x.kind == "paid":
            assert not is_bad
        if x.kind == "forfeited" and ledger.get("leaver") != "forfeited":
            assert is_bad


@pytest.mark.parametrize("history", range(HISTORIES))
def test_history(history: int, tmp_path: Path) -> None:
    """Months are published one after the other, and what became of the loans is known late."""
    drawn = Drawn(history)
    ledger = LEDGERS[history % len(LEDGERS)]
    story = LotStory(tmp_path, drawn.world, text_of(ledger, drawn.draw.choice(["by days", "none"])))
    for period in ("2025-01-01..2025-02-28", "2025-03-01..2025-04-30", "2025-04-01..2025-06-30"):
        _, rows = story.run(period)
        hold_at_each_date(rows)
        hold_to_states(drawn.world, rows, ledger)
        by_loan: dict[tuple[str, str], int] = defaultdict(int)
        for x in rows:
            by_loan[x.subject_id, x.lot] += x.fen * (x.kind == "granted")
        assert min(by_loan.values(), default=0) >= 0
        drawn.late()
        story.facts(drawn.world)


BAD: dict[str, tuple[dict[str, object], dict[str, Any], str]] = {
    "no row": ({**REPAID, "per": "line"}, {}, "RUL136"),
    "rows of fees": (REPAID, {"put": {"pay": "fees * 1%"}}, "RUL136"),
    "forfeits of fees": (
        {"release": "after 1 month", "forfeits": "loan bad"},
        {"put": {"pay": "fees * 1%"}},
        "RUL136",
    ),
    "another event": ({**REPAID, "forfeits": "loan late"}, {}, "RUL132"),
    "another release": ({"release": "loan closed"}, {}, "RUL132"),
    "no such event": ({"release": "event matured"}, {}, "RUL136"),
    "an event that names no loan": ({"release": "event violation"}, {}, "RUL136"),
    "an event of a line": ({"release": "event violation", "per": "line"}, {}, "RUL136"),
    "forfeits by no such event": ({**REPAID, "forfeits": "event matured"}, {}, "RUL136"),
    "amount with it": ({**REPAID, "amount": "1元"}, {}, "RUL133"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    ledger, lines, code = BAD[case]
    rulebook, problems = load_string(text_of(ledger, **lines))
    assert rulebook is None
    assert code in {p.code for p in problems}


def test_it_is_read_back() -> None:
    rulebook, _ = load_string(text_of(LOST))
    assert rulebook is not None
    said = "\n".join(read_back(rulebook))
    for words in ("借据收回本金(余额为零, 不在不良类)后到期", "借据期末在不良类的, 没有支付的不再支付"):
        assert words in said
    assert "loan_states" in rulebook.kinds()


def test_an_event_is_read_back() -> None:
    ledger = {"release": "event violation", "forfeits": "event violation"}
    rulebook, _ = load_string(text_of(ledger, **FOR_ACCOUNTS))
    assert rulebook is not None
    said = "\n".join(read_back(rulebook))
    for words in ("这一笔有“违规”后到期", "这一笔有“违规”的, 没有支付的不再支付"):
        assert words in said
    assert "event_violation" in rulebook.kinds()


MUTANTS: dict[str, tuple[Any, str, Any, str]] = {
    "written off is repaid": (
        lot_things,
        "_STATES",
        lambda text: text.replace("'次级', '可疑', '损失'", "'次级', '可疑'"),
        "written off is not repaid",
    ),
    "repaid a day too late": (
        lot_things,
        "_STATES",
        lambda text: text.replace("s.from_day <= :day", "s.from_day < :day").replace(
            "s.to_day >", "s.to_day >="
        ),
        "repaid on the last day of the month",
    ),
    "a cent is nothing": (
        lot_things,
        "_STATES",
        lambda text: text.replace("s.balance = 0", "s.balance <= 1"),
        "repaid in part is not repaid",
    ),
    "all of them are": (
        lots,
        "_come_true",
        lambda _own: lambda lots_, left, _became: [(x.lot, left[x.lot]) for x in lots_ if left[x.lot]],
        "nothing falls due while loans run",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_planted_error_is_caught(mutant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, story = MUTANTS[mutant]
    monkeypatch.setattr(owner, name, wrong(getattr(owner, name)))
    with pytest.raises(AssertionError):
        test_story(story, tmp_path)
