"""Lots that are granted at a tier foreseen, and rated again, row by row, at the tier really reached."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from guanhu.appraisal import lot_holders, lots
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.print.reading_back import read_back
from tests.engines.agreement.fixed import rulebook_text
from tests.engines.agreement.lot_histories import LotStory, hold_at_each_date
from tests.engines.agreement.rerated import (
    AT,
    FEES,
    LINES,
    MEASURES,
    MONTHS,
    TABLE,
    marks,
    rated,
    text_of,
    told,
)
from tests.engines.agreement.test_lots_per_row import world_of


def test_each_row_is_looked_up_at_each_tier(tmp_path: Path) -> None:
    """33.33 × 2% = 0.6666, 1% = 0.3333, 3% = 0.9999: rounded row by row; March is rated when it is granted."""
    _, rows = LotStory(tmp_path, world_of(FEES), text_of({})).run(MONTHS)
    assert rated(rows) == {
        "2025-01/f1": {"put": 200, "put_high": 300, "put_low": 100},
        "2025-01/f2": {"put": 67, "put_high": 100, "put_low": 33},
        "2025-02/f3": {"put": 100, "put_high": 150, "put_low": 50},
    }


GRANTED = ["01 granted 2025-01/f1 2.00", "01 granted 2025-01/f2 0.67", "02 granted 2025-02/f3 1.00"]
STORIES: dict[str, tuple[dict[str, object], dict[str, Any], list[str]]] = {
    # 3.00 − 2.00, 1.00 − 0.67, 1.50 − 1.00; f1 and f2 fall due in March as they then are; f4 is 3 % of 10.
    "more: falls due with its lot": (
        {},
        {"figures": marks(("2025-03", "10"))},
        [
            *GRANTED,
            "03 raised 2025-01/f1 1.00",
            "03 paid 2025-01/f1 3.00",
            "03 raised 2025-01/f2 0.33",
            "03 paid 2025-01/f2 1.00",
            "03 raised 2025-02/f3 0.50",
            "03 granted 2025-03/f4 0.30",
            "04 paid 2025-02/f3 1.50",
            "05 paid 2025-03/f4 0.30",
        ],
    ),
    "more: at once, before the rest of its lot": (
        {"more": "at once"},
        {"figures": marks(("2025-03", "10"))},
        [
            *GRANTED,
            "03 raised 2025-01/f1 1.00",
            "03 paid 2025-01/f1 3.00",
            "03 raised 2025-01/f2 0.33",
            "03 paid 2025-01/f2 1.00",
            "03 raised 2025-02/f3 0.50",
            "03 paid 2025-02/f3 0.50",
            "03 granted 2025-03/f4 0.30",
            "04 paid 2025-02/f3 1.00",
            "05 paid 2025-03/f4 0.30",
        ],
    ),
    "less: of what waits": (
        {},
        {"figures": marks(("2025-03", "4"))},
        [
            *GRANTED,
            "03 clawed_back 2025-01/f1 1.00",
            "03 paid 2025-01/f1 1.00",
            "03 clawed_back 2025-01/f2 0.34",
            "03 paid 2025-01/f2 0.33",
            "03 clawed_back 2025-02/f3 0.50",
            "03 granted 2025-03/f4 0.10",
            "04 paid 2025-02/f3 0.50",
            "05 paid 2025-03/f4 0.10",
        ],
    ),
    # January was paid in February: it is recovered. Half of it, in two parts: the one that waits and the one paid.
    "less: of what was paid, where nothing waits": (
        {"release": "after 1 month"},
        {"figures": marks(("2025-03", "4"))},
        [
            *GRANTED,
            "02 paid 2025-01/f1 2.00",
            "02 paid 2025-01/f2 0.67",
            "03 recovered 2025-01/f1 1.00",
            "03 recovered 2025-01/f2 0.34",
            "03 clawed_back 2025-02/f3 0.50",
            "03 paid 2025-02/f3 0.50",
            "03 granted 2025-03/f4 0.10",
            "04 paid 2025-03/f4 0.10",
        ],
    ),
    # Half of f1 has been paid in February; 2.00 − 0 of it: 1.00 that waits, then 1.00 that had been paid.
    "less: of what waits first, then of what was paid": (
        {
            "release": "oldest first",
            "amount": "D * 50%",
            "at": [{"when": "reached < 5", "line": "put_none"}, {"otherwise": "put"}],
        },
        {"figures": marks(("2025-03", "4")), "fees": FEES[:1]},
        [
            "01 granted 2025-01/f1 2.00",
            "02 paid 2025-01/f1 1.00",
            "03 clawed_back 2025-01/f1 1.00",
            "03 recovered 2025-01/f1 1.00",
        ],
    ),
    "each part of a row is rated by itself": (
        {"release": "in parts of 25% 75% every 1 months"},
        {"figures": marks(("2025-03", "10")), "fees": FEES[:1]},
        [
            "01 granted 2025-01/f1#1 0.50",
            "01 granted 2025-01/f1#2 1.50",
            "02 paid 2025-01/f1#1 0.50",
            "03 raised 2025-01/f1#1 0.25",
            "03 paid 2025-01/f1#1 0.25",
            "03 raised 2025-01/f1#2 0.75",
            "03 paid 2025-01/f1#2 2.25",
        ],
    ),
    "the tier foreseen was reached: nothing is moved": (
        {},
        {"figures": marks(("2025-03", "7"))},
        [
            *GRANTED,
            "03 paid 2025-01/f1 2.00",
            "03 paid 2025-01/f2 0.67",
            "03 granted 2025-03/f4 0.20",
            "04 paid 2025-02/f3 1.00",
            "05 paid 2025-03/f4 0.20",
        ],
    ),
    "nothing was foreseen: the row has a lot for its ratings": (
        {
            "defers": "put_none",
            "at": [{"when": "reached >= 10", "line": "put_high"}, {"otherwise": "put_none"}],
        },
        {"figures": marks(("2025-03", "10")), "fees": FEES[2:]},
        [
            "03 raised 2025-02/f3 1.50",
            "03 granted 2025-03/f4 0.30",
            "04 paid 2025-02/f3 1.50",
            "05 paid 2025-03/f4 0.30",
        ],
    ),
    # Nobody knows the mark of March: nothing moves then; what had fallen due falls due in April as it was.
    "an unknown tier moves nothing": (
        {},
        {},
        [
            *GRANTED,
            "03 granted 2025-03/f4 0.20",
            "04 paid 2025-01/f1 2.00",
            "04 paid 2025-01/f2 0.67",
            "04 paid 2025-02/f3 1.00",
            "05 paid 2025-03/f4 0.20",
        ],
    ),
    "rated again before it is clawed back": (
        {"claws": "first_given(back, 0元)", "claws_from": "waiting then paid"},
        {
            "figures": marks(("2025-03", "4")),
            "human_decisions": [("d1", "2025-03-20", "probe", "p1", "back", "1.20", "有据", "行长")],
        },
        [
            *GRANTED,
            "03 clawed_back 2025-01/f1 2.00",
            "03 clawed_back 2025-01/f2 0.54",
            "03 paid 2025-01/f2 0.13",
            "03 clawed_back 2025-02/f3 0.50",
            "03 granted 2025-03/f4 0.10",
            "04 paid 2025-02/f3 0.50",
            "05 paid 2025-03/f4 0.10",
        ],
    ),
    "what is more of what had been lost asks again": (
        {"release": "after 1 month", "when": "reached >= 10"},
        {"figures": marks(("2025-02", "9"), ("2025-03", "10")), "fees": FEES[:1]},
        [
            "01 granted 2025-01/f1 2.00",
            "02 forfeited 2025-01/f1 2.00",
            "03 raised 2025-01/f1 1.00",
            "03 paid 2025-01/f1 1.00",
        ],
    ),
    "who has left loses what is more too": (
        {
            "leaver": "forfeited",
            "release": "after 6 months",
            "at": [{"when": "mark >= 10", "line": "put_high"}, {"otherwise": "put"}],
        },
        {
            "figures": marks(("2025-03", "10")),
            "fees": FEES[:1],
            "staff": [("p1", "p1", "在册", "2020-01-01", "2025-03-10")],
            "posts": [("p1", "2020-01-01", "2025-03-10", "经理", "", "A", "")],
        },
        ["01 granted 2025-01/f1 2.00", "03 raised 2025-01/f1 1.00", "03 forfeited 2025-01/f1 3.00"],
    ),
    "who is not appraised any more is rated by what is known of anybody": (
        {"at": [{"when": "mark >= 10", "line": "put_high"}, {"otherwise": "put"}]},
        {
            "figures": marks(("2025-03", "10")),
            "fees": FEES[:1],
            "staff": [("p1", "p1", "在册", "2020-01-01", "2025-02-10")],
            "posts": [("p1", "2020-01-01", "2025-02-10", "经理", "", "A", "")],
        },
        ["01 granted 2025-01/f1 2.00", "03 raised 2025-01/f1 1.00", "03 paid 2025-01/f1 3.00"],
    ),
    # A lot of the whole month: 1.67 × 1.5.
    "a lot of the line is rated as a row is": (
        {"per": "line", "release": "after 6 months"},
        {"figures": marks(("2025-03", "10")), "fees": FEES[:2]},
        ["01 granted 2025-01 2.67", "03 raised 2025-01 1.33"],
    ),
    "a refund is taken off the others at each tier": (
        {"release": "after 6 months"},
        {"figures": marks(("2025-03", "10")), "fees": [*FEES[:1], ("f9", "2025-01-20", "-50.00", "")]},
        ["01 granted 2025-01/f1 1.00", "03 raised 2025-01/f1 0.50"],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, tmp_path: Path) -> None:
    ledger, given, wanted = STORIES[story]
    given = copy.deepcopy(given)
    world = world_of(given.pop("fees", FEES), **given)
    _, rows = LotStory(tmp_path, world, text_of(ledger)).run(MONTHS)
    hold_at_each_date(rows)
    assert sorted(told(rows)) == sorted(wanted)


BAD: dict[str, tuple[dict[str, object], str]] = {
    "no longer than the instance": ({"rerates": "month"}, "RUL137"),
    "no unit": ({"rerates": "week"}, "RUL014"),
    "without what is said of it": ({"rerates": None}, "RUL133"),
    "no cases": ({"at": None}, "RUL064"),
    "no otherwise": ({"at": AT[:1]}, "RUL064"),
    "no line": ({"at": [{"when": "reached > 1"}, *AT]}, "RUL013"),
    "no such line": ({"at": [{"when": "reached > 1", "line": "put_up"}, *AT]}, "RUL030"),
    "no such key": ({"at": [{"if": "reached > 1", "line": "put_low"}, *AT]}, "RUL011"),
    "no money": ({"at": [{"when": "reached > 1", "line": "reached"}, *AT]}, "RUL138"),
    "other rows": ({"at": [{"when": "reached > 1", "line": "put_others"}, *AT]}, "RUL138"),
    "no rows": ({"at": [{"when": "reached > 1", "line": "out"}, *AT]}, "RUL135"),
    "a figure that nobody has who is gone": (
        {"at": [{"when": "middle > 1元", "line": "put_low"}, *AT]},
        "RUL130",
    ),
    "a ring with a line": ({"at": [{"when": "gone > 1元", "line": "put_low"}, *AT]}, "RUL040"),
    "more is neither": ({"more": "later"}, "RUL014"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    ledger, code = BAD[case]
    own = {
        "defers": "put",
        "per": "row",
        "release": "after 1 month",
        "rerates": "quarter",
        "at": AT,
        **ledger,
    }
    lines = {**LINES, "put_others": {"unit": "money", "value": "others"}}
    kept = {key: value for key, value in own.items() if value is not None}
    text = rulebook_text("month", "none", lines, measures=MEASURES, tables=TABLE, ledgers={"D": kept})
    rulebook, problems = load_string(text)
    assert rulebook is None
    found = [p for p in problems if p.code == code]
    assert found
    assert all(p.text("zh") and p.text("en") for p in found)


def test_it_is_read_back() -> None:
    rulebook, _ = load_string(text_of({"more": "at once"}))
    assert rulebook is not None
    said = "\n".join(read_back(rulebook))
    tiers = "“reached”不低于 10的按“put_high”; “reached”低于 5的按“put_low”; 其余按“put”"
    assert f"每季最后一期把本季各笔按实际达到的档次重算({tiers}), 多的补记, 立即到期" in said


def the_first_line(own: Any) -> Any:
    return lambda rerates, lots, _chosen: own(rerates, lots, 0)


def never_less(own: Any) -> Any:
    return lambda steps, worth, left, paid: own(
        steps, {lot: max(fen, 0) for lot, fen in worth.items()}, left, paid
    )


def without_the_paid(own: Any) -> Any:
    return lambda steps, worth, left, paid: own(steps, worth, left, dict.fromkeys(paid, 0))


def unknown_is_the_first(own: Any) -> Any:
    return lambda claws=0, amount=0, when=True, chosen=0: own(claws, amount, when, chosen or 0)


def nothing_sooner(_own: Any) -> Any:
    return lambda due, _worth, _left: due


def every_lot(_own: Any) -> Any:
    return lambda rerates, _days, lots: [x for x in lots if rerates is not None and x.rated]


MUTANTS: dict[str, tuple[Any, str, Any, str]] = {
    "the tier foreseen": (lots, "differences", the_first_line, "more: falls due with its lot"),
    "never less": (lots, "rate", never_less, "less: of what waits"),
    "what was paid stays": (lots, "rate", without_the_paid, "less: of what was paid, where nothing waits"),
    "more waits": (lots, "due_at_once", nothing_sooner, "more: at once, before the rest of its lot"),
    "an unknown tier is the one foreseen": (
        lot_holders,
        "Answers",
        unknown_is_the_first,
        "an unknown tier moves nothing",
    ),
    "in each month": (lots, "to_be_rated", every_lot, "more: falls due with its lot"),
    "own rows at the tier foreseen": (
        lots.RunLots,
        "_granting",
        lambda _own: lambda _self, ledger, _days, _subject, **_: ledger.defers,
        "less: of what waits",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_planted_error_is_caught(mutant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, story = MUTANTS[mutant]
    monkeypatch.setattr(owner, name, wrong(getattr(owner, name)))
    with pytest.raises((AssertionError, ValueError)):
        test_story(story, tmp_path)
