"""At depth day the printed parts sum to the figure, for every kind of measure, in banks nobody thought of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.appraisal.running import run_rulebook
from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.telling import Teller
from guanhu.rulebook.explain.told import Told
from guanhu.rulebook.load.folder import load_string
from tests.engines.agreement.fixed import PERIOD, TOPICS, fixed_world, rulebook_text
from tests.engines.agreement.rulebooks import make_rulebook
from tests.engines.agreement.running import Refused, make_engine, opened, write_rulebook
from tests.engines.agreement.world import World, make_world

PAIRS = range(0, 40, 4)
SUMMED = {
    "measure": ("account", "customer", "stretch of days"),
    "customer": ("account", "rounded off"),
    "account": ("days",),
    "balance days": ("stretch",),
    "days held": ("stretch",),
}
"""Kind of line → kinds of the lines under it that sum to it."""
KINDS = {
    *(("standing", "linear", x) for x in ("daily average", "month-end average", "at end", "balance days")),
    *(("standing", "each row", x) for x in ("daily average", "count")),
    *(("standing", "base", x) for x in ("daily average", "count")),
    ("standing", "each row", "distinct"),
    *(("standing", "days", x) for x in ("lowest", "highest", "days", "longest run")),
    *(("row", "", x) for x in ("sum", "count", "distinct", "mean", "lowest", "highest")),
}
SEEN: Counter[tuple[str, str, str]] = Counter()


def every(told: list[Told]) -> Iterator[Told]:
    for each in told:
        yield each
        yield from every(each.parts)


def kind_of(measure: t.Measure, told: Told) -> tuple[str, str, str]:
    if measure.kind.dated is not Dated.CHANGE:
        return "row", "", measure.take.how
    if measure.take.is_of_days:
        return "standing", "days", measure.take.how
    linear = any(x.kind == "balance days" for x in every(told.parts))
    return "standing", "base" if measure.base else "linear" if linear else "each row", measure.take.how


def wrong_sums(world: World, text: str, period: str, folder: Path) -> list[str]:
    bank = world.bank(folder)
    ran = run_rulebook(make_engine, bank, write_rulebook(folder / "rules", text), period)
    found: list[str] = []
    with opened(bank, ran) as run:
        teller = Teller(run.rulebook, "day", is_expanding=True)
        for subject in run.subjects():
            for trace in run.explained(subject, keeps_rows=True).traces:
                for told in every(teller.subject(trace)):
                    if told.kind not in SUMMED or not isinstance(told.value, Fraction):
                        continue
                    parts = [x.value for x in told.parts if x.kind in SUMMED[told.kind]]
                    if told.kind == "account" and not told.parts:
                        continue  # One of the accounts of a customer, whose figure a row reads.
                    measure = run.rulebook.measures.get(told.path.removeprefix("measures."))
                    if told.kind == "measure" and not isinstance(measure, t.Measure):
                        continue
                    if isinstance(measure, t.Measure) and parts:
                        SEEN[kind_of(measure, told)] += 1
                    found += wrong_print(told, SUMMED[told.kind], f"{subject} {trace.instance.key}")
                    found += wrong_stretches(told, f"{subject} {trace.instance.key}")
                    if sum(x for x in parts if isinstance(x, Fraction)) != told.value:
                        found.append(f"{subject} {trace.instance.key}: {told.text}")
                    found += wrong_days(told, f"{subject} {trace.instance.key}")
    return found


def wrong_stretches(told: Told, where: str) -> Iterator[str]:
    """Yield the balance-days whose stretches do not follow each other, are not balance × days or should be one."""
    ends, before = "", ("", "")
    for each in told.parts if told.kind == "balance days" else ():
        product = Fraction(each.facts["balance"]) * each.facts["days"]
        if each.value != product or each.facts["from"] <= ends or each.facts["to"] < each.facts["from"]:
            yield f"{where}: {each.text}"
        begins = str(date.fromisoformat(each.facts["from"]) - timedelta(days=1))
        if (begins, each.facts["balance"]) == before:
            yield f"{where}: {each.text} goes on from the stretch before"
        ends, before = each.facts["to"], (each.facts["to"], each.facts["balance"])


def wrong_print(told: Told, kinds: tuple[str, ...], where: str) -> Iterator[str]:
    """Yield figures of which the numbers that are printed under them do not sum to what is printed."""
    parts = [x for x in told.parts if x.kind in (*kinds, "odd")]
    if not any(x.kind in ("account", "days", "stretch") for x in parts):
        return
    unit = UNIT.search(told.text)
    shown = [Fraction(x.replace(",", "")) for x in map(last_number, parts) if x]
    if unit and len(shown) == len(parts) and sum(shown) != Fraction(last_number(told).replace(",", "")):
        yield f"{where}: {told.text} printed as {[x.text for x in parts]}"


UNIT = re.compile(r"(?:= |计入 |积数 |客户 .*取整为 )(-?[\d,.]+) (?:元|元/年|元·日)")
ADDED = re.compile(r"(?:尾差|计入|积数|差|取整为|=) (-?[\d,.]+) (?:元|元/年|元·日)")


def last_number(told: Told) -> str:
    """Return the money that a line prints as what it comes to, or ''."""
    found = ADDED.findall(told.text)
    return found[-1] if found else ""


def wrong_days(told: Told, where: str) -> Iterator[str]:
    """Yield the stretches of days of which the accounts do not sum to the total."""
    for each in told.parts:
        if each.kind == "stretch of days":
            parts = sum((x.value for x in each.parts if isinstance(x.value, Fraction)), Fraction(0))
            if str(parts) != each.facts["total"]:
                yield f"{where}: {each.text}"


COUNTED = ("count", "distinct account_id")
TAKES = {
    take.partition(" ")[0]: {
        "from": "fees",
        "take": take,
        **({} if take in COUNTED else {"each": "amount * 3"}),
    }
    for take in ("sum", "mean", "lowest", "highest", *COUNTED)
}
TAKEN = {f"of_{x}": {"score" if x in ("count", "distinct") else "pay": f"fees_{x}"} for x in TAKES}
BASES = {
    "base_count": {
        "from": "balances",
        "take": "count",
        "where": "balance > 0元",
        "over": "base of last year",
    },
    "base_steps": {"from": "balances", "each": "max(balance, 0元)", "over": "base of last year"},
    "days_held": {"from": "balances", "take": "balance days"},
}
PAID = {
    "of_days": {"pay": "days_held / period_days"},
    "of_steps": {"pay": "base_steps"},
    "of_base": {"score": "base_count"},
}
OF_DAYS = {
    "low": {"from": "balances", "take": "lowest", "where": "product = 活期"},
    "in_post": {"from": "balances", "take": "daily average over days held"},
    "high": {"from": "balances", "take": "highest", "over": "last year"},
    "rich_days": {"from": "balances", "take": "days of balance >= 10000元"},
    "rich_run": {"from": "balances", "take": "longest run of balance * price > 50元"},
}
LINES_OF_DAYS = {
    f"of_{name}": {"value": name, "unit": "days" if name.startswith("rich") else "money"} for name in OF_DAYS
}
CUSTOMERS = {
    "heads": {"from": "balances", "take": "distinct customer_id"},
    "cut": {"from": "balances", "round": "places 0 per customer"},
    "cut_base": {"from": "balances", "round": "places 0 per customer", "over": "base of last year"},
    "cut_fees": {"from": "fees", "each": "amount * 0.3", "round": "places 1 per customer"},
}
LINES_OF_CUSTOMERS = {f"of_{x}": {"score": x} if x == "heads" else {"pay": x} for x in CUSTOMERS}
MORE = {
    "customers": rulebook_text("quarter", "by days", LINES_OF_CUSTOMERS, measures=CUSTOMERS),
    "days": rulebook_text("quarter", "by days", LINES_OF_DAYS, measures=OF_DAYS),
    "takes": rulebook_text("quarter", "by days", TAKEN, measures={f"fees_{k}": v for k, v in TAKES.items()}),
    "bases": rulebook_text("quarter", "by days", PAID, measures=BASES),
}
ALL = {**TOPICS, **MORE}


@pytest.mark.parametrize("topic", ALL)
def test_parts_of_the_fixed_bank_sum_to_the_figure(topic: str, tmp_path: Path) -> None:
    assert wrong_sums(fixed_world(), ALL[topic], PERIOD, tmp_path) == []


@pytest.mark.parametrize("pair", PAIRS)
def test_parts_of_invented_banks_sum_to_the_figure(pair: int, tmp_path: Path) -> None:
    world = make_world(pair)
    text = make_rulebook(pair, world.amounts())
    if load_string(text)[0] is None:
        return
    try:
        assert wrong_sums(world, text, "2025Q1", tmp_path) == []
    except Refused:
        return


def test_every_kind_of_measure_is_summed(tmp_path: Path) -> None:
    SEEN.clear()
    for topic in ("credit", *MORE):
        assert wrong_sums(fixed_world(), ALL[topic], PERIOD, tmp_path / topic) == []
    assert KINDS - set(SEEN) == set()
