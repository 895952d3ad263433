"""What spells come to, counted by hand: p1 is 48 days of the first quarter of 2025 in one branch, then 42 in another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.facts.store import Bank
from guanhu.rulebook.explain.subject import SubjectTrace
from guanhu.rulebook.explain.telling import Teller
from guanhu.rulebook.load.folder import load_string
from tests.engines.agreement.fixed import PERIOD, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, write_rulebook

MOVED = "p1"
MEASURES: Section = {"edge": {"item": "边", "scope": "person", "unit": "money"}}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return fixed_world().bank(tmp_path_factory.mktemp("spells"))


def quarter_of(bank: Bank, folder: Path, lines: Section, **more: Section) -> SubjectTrace:
    """Return what both readings say of the one who moved in the quarter."""
    text = rulebook_text("quarter", "by days", lines, measures=MEASURES, **more)
    compared = compare(bank, write_rulebook(folder, text), PERIOD)
    assert compared.found == []
    return compared.traces[MOVED][-1]


# What the lines of a total come to in a spell is 9999.99 each time; 9000 is 4800 in 48 days and 4200 in 42.
TOTALS = [
    ({"most": "9000元"}, (4800, 4200), 9000),
    ({"least": "90000元"}, (48000, 42000), 90000),
    ({"most": "20000元"}, (Fraction("9999.99"), Fraction("9333.33")), Fraction("19333.32")),
    ({"most": "90000元"}, (Fraction("9999.99"), Fraction("9999.99")), Fraction("19999.98")),
]


@pytest.mark.parametrize(("bounds", "spells", "whole"), TOTALS)
def test_a_bounded_total_keeps_its_earlier_spell(
    bank: Bank, tmp_path: Path, bounds: dict[str, str], spells: tuple[Fraction, ...], whole: Fraction
) -> None:
    lines: Section = {"own": {"pay": "edge"}, "all": {"total": ["own"], **bounds}}
    trace = quarter_of(bank, tmp_path / "rules", lines)
    assert tuple(card.lines["all"].value for card in trace.cards) == spells
    assert trace.whole["all"] == whole


YEARLY = [
    ({"most": "3650元"}, (480, 420), 900),
    ({"least": "36500元"}, (4800, 4200), 9000),
    ({"most": "floor_pay * 18.25"}, (480, 420), 900),
]
"""3650 a year is 900 in the 90 days of the quarter: 480 in 48 of them, 420 in 42, whoever moves or stays."""


@pytest.mark.parametrize(("bounds", "spells", "whole"), YEARLY)
def test_bounds_of_money_per_year_count_by_days(
    bank: Bank, tmp_path: Path, bounds: dict[str, str], spells: tuple[int, ...], whole: int
) -> None:
    lines: Section = {"x": {"pay": "edge", "for_days": "actual/365", **bounds}}
    trace = quarter_of(bank, tmp_path / "rules", lines)
    assert tuple(card.lines["x"].value for card in trace.cards) == spells
    assert trace.whole["x"] == whole


def test_a_total_of_totals_adds_what_they_came_to(bank: Bank, tmp_path: Path) -> None:
    lines: Section = {
        "own": {"pay": "edge"},
        "held": {"total": ["own"], "most": "9000元"},
        "free": {"total": ["own"]},
        "all": {"total": ["held", "free"]},
    }
    trace = quarter_of(bank, tmp_path / "rules", lines)
    assert trace.whole["all"] == 9000 + Fraction("19999.98")


FIXED = {
    "of the text": {"pay": "900元"},
    "supplied": {"pay": "floor_pay * 4.5"},
    "of a case": {"cases": [{"when": "edge > 5元", "pay": "900元"}, {"otherwise": "edge"}]},
    "of a table": {"pay": "amounts(edge)"},
    "beside a figure": {"pay": "900元 + edge - edge"},
    "counted by hand": {"pay": "900元 * spell_days / period_days"},
}
"""900 for the quarter, however it is written: 480 in 48 of 90 days, 420 in 42."""
AMOUNTS = {"by": ["key"], "gives": {"x": "money"}, "rows": [["<= 5元", "0元"], ["> 5元", "900元"]]}


@pytest.mark.parametrize("written", FIXED)
def test_a_fixed_amount_counts_by_days(bank: Bank, tmp_path: Path, written: str) -> None:
    more: dict[str, Section] = {"tables": {"amounts": AMOUNTS}} if written == "of a table" else {}
    trace = quarter_of(bank, tmp_path / "rules", {"x": FIXED[written]}, **more)
    assert [card.lines["x"].value for card in trace.cards] == [480, 420]
    assert trace.whole["x"] == 900


def test_a_newcomer_gets_the_part_of_the_days_in_post(bank: Bank, tmp_path: Path) -> None:
    """p3 joins on 10 February: 50 of 90 days."""
    text = rulebook_text("quarter", "by days", {"x": {"pay": "900元"}})
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    assert compared.traces["p3"][-1].whole["x"] == 500


def test_without_spells_a_fixed_amount_is_whole(bank: Bank, tmp_path: Path) -> None:
    text = rulebook_text("quarter", "none", {"x": {"pay": "900元"}})
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    assert {traces[-1].whole["x"] for traces in compared.traces.values()} == {Fraction(900)}


def test_the_days_of_a_fixed_amount_are_told(bank: Bank, tmp_path: Path) -> None:
    text = rulebook_text("quarter", "by days", {"x": {"pay": "900元"}})
    rulebook, _ = load_string(text)
    assert rulebook is not None
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    (told,) = Teller(rulebook).subject(compared.traces[MOVED][-1])
    said = [line for _, line in told.lines()]
    assert "规则: 900元(按在岗天数)" in said
    assert "× 在岗 48 天 ÷ 本期 90 天" in said


JUDGED: Section = {
    "score": {"score": "if(area = 城区, 100, 50)"},
    "pay": {"pay": "edge"},
    "all": {"total": ["pay"]},
}
# 76.67 points are 100 in 48 days and 50 in 42; pay is 9999.99 in each.
CONDITIONS = [
    ("score < 70", False),
    ("score > 70 and score < 80", True),
    ("pay > 15000元", True),
    ("all > 15000元", True),
    ("edge > 15000元", False),
    ("area = 乡镇", True),
]


@pytest.mark.parametrize(("when", "wanted"), CONDITIONS)
def test_a_decision_reads_what_the_statement_prints(
    bank: Bank, tmp_path: Path, when: str, wanted: bool
) -> None:
    trace = quarter_of(
        bank,
        tmp_path / "rules",
        JUDGED,
        checks={"low": {"when": when, "says": "看"}},
        decisions={"ends": {"when": when, "says": "看"}, "after": {"when": "low", "says": "看"}},
    )
    assert [trace.whole[name] for name in ("low", "ends", "after")] == [wanted] * 3


EARLIER: dict[str, tuple[str, Fraction]] = {
    "a sum over months": ("sum of monthly over its months", Fraction(300)),
    "a part of it": ("sum of monthly over its months * 10% + 60元", Fraction(90)),
    "the more of two": ("max(sum of monthly over its months, 250元)", Fraction(300)),
    "the quarter before": ("previous(x, 90元) + edge - edge", Fraction(90)),
}


@pytest.mark.parametrize("written", EARLIER)
def test_an_earlier_figure_is_paid_once(bank: Bank, tmp_path: Path, written: str) -> None:
    """It was paid in each spell, so that whoever moved got the sum of the months twice."""
    formula, wanted = EARLIER[written]
    lines: Section = {"monthly": {"every": "month", "pay": "100元"}, "x": {"pay": formula}}
    trace = quarter_of(bank, tmp_path / "rules", lines)
    first, second = (card.lines["x"].value for card in trace.cards)
    assert (first, second) == (wanted * 48 / 90, wanted * 42 / 90)
    assert trace.whole["x"] == wanted


def test_who_left_is_paid_the_whole_of_an_earlier_figure(bank: Bank, tmp_path: Path) -> None:
    """p4 leaves on 20 March, after 20 of 31 days: 100, 100 and 64.52 were earned, and all of it is summed."""
    lines: Section = {
        "monthly": {"every": "month", "pay": "100元"},
        "x": {"pay": "sum of monthly over its months"},
    }
    text = rulebook_text("quarter", "by days", lines)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    assert compared.traces["p4"][-1].whole["x"] == Fraction("264.52")


def test_a_ledger_is_used_once(bank: Bank, tmp_path: Path) -> None:
    """p1 moves in February: 30 wait at its start, 20 of them are given back, not 20 in each spell."""
    lines: Section = {
        "held": {"pay": "30元"},
        "back": {"pay": "min(waiting, 20元)"},
        "left": {"pay": "waiting"},
    }
    ledgers: Section = {"waiting": {"adds": "held", "uses": "back"}}
    text = rulebook_text("month", "by days", lines, ledgers=ledgers)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    assert [x.whole["left"] for x in compared.traces[MOVED]] == [0, 30, 40]


SCORES: Section = {
    "late": {"score": "if(area = 乡镇, 100, 50)"},
    "half": {"unit": "ratio", "value": "if(area = 乡镇, 100%, 50%)"},
}
PARTS = {
    "times a rate": {"pay": "900元 * half"},
    "times points": {"pay": "9元 * late"},
    "points first": {"pay": "late * 9元 + 0元"},
    "over a constant": {"pay": "1800元 * half / 2"},
    "times a table": {"pay": "900元 * rates(late)"},
    "in a case": {"cases": [{"when": "edge > 5元", "pay": "late * 9元"}, {"otherwise": "edge"}]},
    "held by hand": {"pay": "max(0元, min(5000元, 900元 * half))"},
    "rounded": {"pay": "round(900元 * half, 2)"},
    "held under an amount": {"pay": "min(900元 * half, 100000元)"},
}
"""450 for the 48 days in A, 900 for the 42 in B: 240 and 420."""
RATES = {"by": ["key"], "gives": {"x": "number"}, "rows": [["< 60", "0.5"], [">= 60", "1"]]}


@pytest.mark.parametrize("written", PARTS)
def test_a_part_of_an_amount_counts_by_days(bank: Bank, tmp_path: Path, written: str) -> None:
    more: dict[str, Section] = {"tables": {"rates": RATES}} if written == "times a table" else {}
    trace = quarter_of(bank, tmp_path / "rules", {**SCORES, "x": PARTS[written]}, **more)
    assert [card.lines["x"].value for card in trace.cards] == [240, 420]
    assert trace.whole["x"] == 660


QUANTITIES = {
    "a price of a count": ("10元 * pieces", {"pieces": {"from": "violation", "take": "count"}}),
    "a price of a sum": ("10元 * tonnes", {"tonnes": {"from": "violation", "each": "points"}}),
    "a rate of a balance": ("money * 1%", {"money": {"from": "balances"}}),
    "an amount by completion": (
        "900元 * completion(money, 1000元)",
        {"money": {"from": "balances"}},
    ),
}


@pytest.mark.parametrize("written", QUANTITIES)
def test_a_price_times_a_quantity_adds_up(bank: Bank, tmp_path: Path, written: str) -> None:
    """What the spells of a figure add up to is paid once without any days: the same as on one card."""
    formula, measures = QUANTITIES[written]
    own = {"measures": {**MEASURES, **measures}}
    text = rulebook_text("quarter", "by days", {"x": {"pay": formula}}, **own)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    one = rulebook_text("quarter", "none", {"x": {"pay": formula}}, **own)
    whole = compare(bank, write_rulebook(tmp_path / "whole", one), PERIOD)
    cut = compared.traces[MOVED][-1].whole["x"]
    uncut = whole.traces[MOVED][-1].whole["x"]
    assert isinstance(cut, Fraction)
    assert isinstance(uncut, Fraction)
    assert abs(cut - uncut) < Fraction(1, 50)


OTHER_DAYS: dict[str, tuple[str, Section]] = {
    "a rate of the year to date": (
        "now * 1%",
        {"now": {"from": "balances", "over": "to date since 2025-01-15"}},
    ),
    "a price of a count to date": (
        "10元 * pieces",
        {"pieces": {"from": "violation", "take": "count", "over": "to date"}},
    ),
    "pieces to date, one by one": (
        "rising",
        {"pieces": {"from": "violation", "take": "count", "over": "to date"}},
    ),
    "more than the quarter before": (
        "(money - before) * 1%",
        {"money": {"from": "balances"}, "before": {"from": "balances", "over": "previous period"}},
    ),
    "made of two": (
        "both",
        {"money": {"from": "balances", "over": "to date"}, "both": {"is": "money + money over last year"}},
    ),
    "its own and last year's, as one measure": (
        "more",
        {"money": {"from": "balances"}, "more": {"is": "money - money over same period last year"}},
    ),
    "a rate of such a measure": (
        "more * 1%",
        {"money": {"from": "balances"}, "more": {"is": "money - money over same period last year"}},
    ),
    "such a measure beside an amount": (
        "900元 + more",
        {"money": {"from": "balances"}, "more": {"is": "money - money over to date"}},
    ),
    "a measure of such a measure": (
        "max(twice, 0元 - 100000元)",
        {
            "money": {"from": "balances"},
            "more": {"is": "money - money over same period last year"},
            "twice": {"is": "more * 2"},
        },
    ),
    "an amount by a growth": (
        "900元 * grown",
        {"money": {"from": "balances"}, "grown": {"is": "growth(money, money over same period last year)"}},
    ),
    "an amount by one and a growth": (
        "900元 * (1 + grown)",
        {"money": {"from": "balances"}, "grown": {"is": "growth(money, money over same period last year)"}},
    ),
    "more than a fixed amount": (
        "more",
        {"money": {"from": "balances"}, "more": {"is": "money - 1000元"}},
    ),
    "a rate of more than a fixed amount": (
        "(money - 1000元) * 1%",
        {"money": {"from": "balances"}},
    ),
    "a measure by cases": (
        "more",
        {
            "money": {"from": "balances"},
            "more": {"is": "if(area = 城区 or area = 乡镇, money - money over last year, 0元)"},
        },
    ),
    "an amount by a completion to date": (
        "done",
        {"money": {"from": "balances", "over": "to date"}, "done": {"is": "900元 * completion(money, edge)"}},
    ),
    "steps of more than last year": (
        "steps(money - money over last year, 1元, proportional) * 10元",
        {"money": {"from": "balances"}},
    ),
}
RISING: Section = {
    "by": ["pieces"],
    "gives": {"x": "money"},
    "how": "per piece",
    "rows": [["[1, 1]", "10元"], ["> 1", "20元"]],
}


@pytest.mark.parametrize("written", OTHER_DAYS)
def test_a_figure_of_other_days_is_paid_once(bank: Bank, tmp_path: Path, written: str) -> None:
    """A year to date is no spell's own: whoever moved was paid all of it in each spell."""
    formula, measures = OTHER_DAYS[written]
    own: dict[str, Section] = {"measures": {**MEASURES, **measures}}
    if formula == "rising":
        own["tables"] = {"rising": RISING}
    text = rulebook_text("quarter", "by days", {"x": {"pay": formula}}, **own)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    one = rulebook_text("quarter", "none", {"x": {"pay": formula}}, **own)
    whole = compare(bank, write_rulebook(tmp_path / "whole", one), PERIOD)
    cut, uncut = (x.traces[MOVED][-1].whole["x"] for x in (compared, whole))
    assert isinstance(cut, Fraction)
    assert isinstance(uncut, Fraction)
    assert uncut
    assert abs(cut - uncut) < Fraction(1, 50)


def test_a_newcomer_is_paid_the_whole_of_a_year_to_date(bank: Bank, tmp_path: Path) -> None:
    """Only the days of the own spells count: what somebody did since joining is not cut again."""
    measures: Section = {**MEASURES, "money": {"from": "balances", "over": "to date"}}
    found = {}
    for spells in ("by days", "none"):
        text = rulebook_text("quarter", spells, {"x": {"pay": "money * 1%"}}, measures=measures)
        compared = compare(bank, write_rulebook(tmp_path / spells, text), PERIOD)
        assert compared.found == []
        found[spells] = {who: traces[-1].whole["x"] for who, traces in compared.traces.items() if who != "p4"}
    for who, paid in found["none"].items():
        cut = found["by days"][who]
        assert isinstance(paid, Fraction)
        assert isinstance(cut, Fraction)
        assert abs(cut - paid) < Fraction(1, 50)


WHOLE = {
    "of the institution": ("inst", {"inst": {"from": "balances", "credit": "institution"}}),
    "part of it": ("inst * 1%", {"inst": {"from": "balances", "credit": "institution"}}),
    "made of it": (
        "double / 4",
        {"inst": {"from": "balances", "credit": "institution"}, "double": {"is": "inst * 2"}},
    ),
    "of the others": ("average(edge among managers by institution) * 2", {}),
    "a bare one of the others": ("highest(edge among managers, self out)", {}),
}


@pytest.mark.parametrize("written", WHOLE)
def test_a_figure_of_the_whole_period_counts_by_days(bank: Bank, tmp_path: Path, written: str) -> None:
    """Else a head who moves is paid for all of the institution's period twice."""
    formula, measures = WHOLE[written]
    text = rulebook_text("quarter", "by days", {"x": {"pay": formula}}, measures={**MEASURES, **measures})
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    number = {"whole": {"unit": "number", "value": f"({formula}) / 1000元"}}
    text = rulebook_text("quarter", "by days", number, measures={**MEASURES, **measures})
    plain = compare(bank, write_rulebook(tmp_path / "plain", text), PERIOD)
    assert plain.found == []
    for paid, full in zip(compared.traces[MOVED][-1].cards, plain.traces[MOVED][-1].cards, strict=True):
        value, whole = paid.lines["x"].value, full.lines["whole"].value
        assert isinstance(value, Fraction)
        assert isinstance(whole, Fraction)
        assert value
        assert abs(value - whole * 1000 * paid.spell_days / 90) <= Fraction(1, 200)


def test_a_rate_of_more_than_the_institutions_counts_it_by_days(bank: Bank, tmp_path: Path) -> None:
    """In a formula with what adds up too: the own book as it is, what is the institution's for the days of the spell."""
    measures: Section = {
        **MEASURES,
        "money": {"from": "balances"},
        "inst": {"from": "balances", "credit": "institution"},
        "more": {"is": "money - inst / 10"},
    }
    lines: Section = {
        "x": {"pay": "more * 1%"},
        "own": {"unit": "number", "value": "money / 1元"},
        "part": {"unit": "number", "value": "inst / 10元"},
        "seen": {"score": "more / 1元 * 1"},
    }
    text = rulebook_text("quarter", "by days", lines, measures=measures)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    for card in compared.traces[MOVED][-1].cards:
        value, own, part, seen = (card.lines[name].value for name in ("x", "own", "part", "seen"))
        assert isinstance(value, Fraction)
        assert isinstance(own, Fraction)
        assert isinstance(part, Fraction)
        assert seen == own - part
        assert abs(value - (own - part * card.spell_days / 90) / 100) <= Fraction(1, 200)


def test_a_measure_of_other_days_in_a_spell_is_told_by_its_name(bank: Bank, tmp_path: Path) -> None:
    measures: Section = {
        "money": {"from": "balances"},
        "more": {"name": "增量", "is": "money - money over same period last year"},
    }
    text = rulebook_text("quarter", "by days", {"x": {"pay": "more * 1%"}}, measures=measures)
    rulebook, _ = load_string(text)
    assert rulebook is not None
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    (told,) = Teller(rulebook).subject(compared.traces[MOVED][-1])
    said = [line for _, line in told.lines()]
    assert "规则: “增量(非本段的数按在岗天数)” × 1%" in said
    assert "× 在岗 48 天 ÷ 本人各段共 90 天" in said


def test_month_by_month_a_head_who_moved_reads_the_institution_of_the_month(
    bank: Bank, tmp_path: Path
) -> None:
    """The figure itself is the period's; whoever wants the days in the post takes the average of the months."""
    measures: Section = {**MEASURES, "inst": {"from": "balances", "credit": "institution"}}
    lines: Section = {
        "month": {"every": "month", "unit": "money", "value": "inst"},
        "mean": {"unit": "money", "value": "average of month over its months"},
    }
    text = rulebook_text("quarter", "by days", lines, measures=measures)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert compared.found == []
    january, february, march, quarter = compared.traces[MOVED]
    places = [
        [(card.attributes["institution_id"], card.spell_days) for card in trace.cards]
        for trace in (january, february, march)
    ]
    assert places == [[("A", 31)], [("A", 17), ("B", 11)], [("B", 31)]]
    months = [trace.whole["month"] for trace in (january, february, march)]
    assert months == [Fraction("12975.01"), Fraction("22567.09"), Fraction("39916.37")]
    assert quarter.whole["mean"] == Fraction("25152.82")


def test_a_rank_in_a_decision_is_that_of_the_whole_period(bank: Bank, tmp_path: Path) -> None:
    """p1 has 60 in A and 100 in B, 78.67 over all: behind p4 with 100 and p2 with 80."""
    lines: Section = {"score": {"score": "if(area = 乡镇, 100, if(grade = 高级, 80, 60))"}}
    checks: Section = {
        "third": {"when": "rank(score among managers) = 3", "says": "看"},
        "below": {"when": "average(score among managers, self out) > score", "says": "看"},
    }
    decisions: Section = {"last": {"when": "rank(score among managers) >= 3", "says": "看"}}
    trace = quarter_of(bank, tmp_path / "rules", lines, checks=checks, decisions=decisions)
    assert trace.whole["third"] is True
    assert trace.whole["last"] is True
    assert trace.whole["below"] is True
