"""Figures, parameters and the state before the first quarter: what the invented bank decides by itself.

A figure that holds for a whole year is written again in each quarter of the year, cut to the quarter.
Figures of one item that follow each other are never equal, so that they stay two figures when a reader
joins equal neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from random import Random

from guanhu.bank.amounts import WAN, YUAN, average, yuan
from guanhu.bank.books import Assignment
from guanhu.bank.customers import Account
from guanhu.bank.people import (
    AGENT,
    BRANCH_HEAD,
    DEPARTMENT_HEAD,
    HEADS,
    JUNIOR,
    MANAGER,
    MIDDLE,
    OFFICE,
    SENIOR,
    Post,
)
from guanhu.bank.timeline import Quarter
from guanhu.values.dates import Span, instances
from guanhu.values.exact import shown, truncate

RULEBOOK = "huangshi"
DOCUMENT = "示例, 非原文"
_LEAST_BASE = {SENIOR: 100 * WAN, MIDDLE: 60 * WAN, JUNIOR: 30 * WAN}
_FEE_PLAN = {SENIOR: 12 * WAN, MIDDLE: 6 * WAN, JUNIOR: 3 * WAN}
_PAY = {
    BRANCH_HEAD: 11_000,
    DEPARTMENT_HEAD: 12_000,
    SENIOR: 9000,
    MIDDLE: 6500,
    JUNIOR: 4800,
    AGENT: 2600,
    OFFICE: 5200,
}
"""Yuan a month, by grade where there is one and by post otherwise."""
PRICES: dict[str, dict[str, dict[str, str]]] = {
    RULEBOOK: {
        "stock_price": {SENIOR: "0.6‰", MIDDLE: "0.5‰", JUNIOR: "0.4‰"},
        "increment_price": {SENIOR: "3‰", MIDDLE: "2.5‰", JUNIOR: "2‰"},
        "fee_price": {SENIOR: "12%", MIDDLE: "10%", JUNIOR: "8%"},
        "agent_price": {"": "0.3‰"},
        "middle_deposits_most": {"": "8000000"},
        "middle_loans_most": {"": "10000000"},
        "accident_limit": {"": "100000"},
        "risk_deposit": {"": "5000"},
    },
    "sound-pay": {"bonus_months": {"": "6"}, "deferred_share": {"": "40%"}},
    "cixi": {
        "sell_rate": {"活期": "1.9%", "定期": "2.3%", "协定": "2%", "通知": "2%", "保证金": "2.1%"},
        "posted_rate": {"活期": "0.1%", "半年": "1.05%", "一年": "1.25%", "协定": "0.6%"},
        "kind_factor": {"活期": "1", "定期": "0.9", "协定": "0.8", "通知": "0.8", "保证金": "1.1"},
        "stock_rate": {"": "5%"},
        "loan_factor": {"流动资金贷款": "1.5%", "个人消费贷款": "1.8%", "住房贷款": "0.8%"},
        "fee_rate": {"": "10%"},
    },
    "virtual-profit": {
        "lend_rate": {"": "1.8%"},
        "borrow_rate": {"": "2.2%"},
        "risk_fee_rate": {"信用": "0.6%", "保证": "0.4%", "抵押": "0.2%", "质押": "0.1%"},
    },
}
"""By rulebook and input: the values by key, or under no key. What a text leaves to another paper, or lacks."""
PRICES_FROM_APRIL_2025 = {"increment_price": {SENIOR: "3.2‰"}}
"""One price changes on 2025-04-01: a year that holds the day has two."""
PRICE_CHANGE = date(2025, 4, 1)
LEAST_SCORE = 90
"""Below it a head is moved down, and after two years in a row the contract ends."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `value` is as the file has it, money in yuan."""

    scope: str
    subject_id: str
    item: str
    span: Span
    value: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """The value of one input of a rulebook."""

    rulebook: str
    name: str
    keys: str
    span: Span
    value: str


@dataclass(frozen=True, slots=True)
class PastOutcome:
    """What was decided of a person for the year before the first quarter."""

    subject_id: str
    item: str
    day: date
    value: str


def base_deposits(
    accounts: Iterable[Account], assignments: Iterable[Assignment], day: date
) -> dict[str, int]:
    """Return what each person's book holds on a day, by the levels of its accounts, in fen."""
    of_account: defaultdict[str, list[Assignment]] = defaultdict(list)
    of_customer: defaultdict[str, list[Assignment]] = defaultdict(list)
    for line in assignments:
        if day in line.span and line.grain == "account":
            of_account[line.object_id].append(line)
        elif day in line.span and line.grain == "customer":
            of_customer[line.object_id].append(line)
    found: defaultdict[str, Fraction] = defaultdict(Fraction)
    for account in accounts:
        if account.opened_on <= day and (account.closed_on is None or account.closed_on > day):
            owners = of_account.get(account.account_id) or of_customer.get(account.customer.customer_id)
            for line in owners or ():
                found[line.person_id] += account.level_fen * line.share
    return {person_id: truncate(fen) for person_id, fen in found.items()}


class Targets:
    """The plans, bases, pay and ratings of people, year by year."""

    def __init__(self, seed: int, posts: Sequence[Post]) -> None:
        self.seed = seed
        self.posts = posts
        self.bases: dict[str, int] = {}
        """Base deposits of each person in the year that runs, in fen."""
        self.plans: dict[tuple[str, str], int] = {}
        """The last plan of each person and item, which the next one must differ from."""
        self.ratings: dict[str, int] = {}

    def begin_year(self, held: Mapping[str, int]) -> None:
        """Set the bases of a year from what the books hold on its first day."""
        self.bases = dict(held)

    def of_people(self, quarter: Quarter) -> Iterator[Figure]:
        """Yield the figures of all people who hold a post in the quarter, cut to the days they hold it."""
        rng = Random(f"{self.seed}/targets/{quarter.name}")
        spans: dict[str, Span] = {}
        last: dict[str, Post] = {}
        for post in self.posts:
            days = post.span.overlap(quarter.span)
            if days is not None:
                start = spans[post.person_id].start if post.person_id in spans else days.start
                spans[post.person_id], last[post.person_id] = Span(start, days.end), post
        for person_id, days in spans.items():
            yield from self._of_person(rng, last[person_id], days, quarter)

    def _of_person(self, rng: Random, post: Post, days: Span, quarter: Quarter) -> Iterator[Figure]:
        person_id = post.person_id
        pay = _PAY[post.grade or post.post] * YUAN
        for month in instances("month", quarter.span):
            employed = days.overlap(month)
            if employed is not None:
                fen = pay * rng.randint(850, 1250) // 1000 // YUAN * YUAN + month.start.month
                yield Figure("person", person_id, "应发工资", employed, yuan(fen))
        if post.post == OFFICE:
            return
        yield Figure("person", person_id, "直接成本", days, yuan(pay * 3 * 6 // 5 + _ordinal(quarter)))
        rating = rng.randint(140, 200)
        rating += rating == self.ratings.get(person_id)
        self.ratings[person_id] = rating
        yield Figure("person", person_id, "综合评分", days, shown(Fraction(rating, 2)))
        if post.post in (MANAGER, AGENT):
            grade = post.grade or JUNIOR
            base = max(self.bases.get(person_id, 0), _LEAST_BASE[grade])
            year = quarter.span.start.year
            for item, fen in (
                ("基数存款", base),
                ("存款计划", base * 13 // 10),
                ("中收计划", _FEE_PLAN[grade] * (year - 2000) // 20),
            ):
                yield Figure("person", person_id, item, days, yuan(self._fixed(person_id, item, year, fen)))

    def _fixed(self, person_id: str, item: str, year: int, fen: int) -> int:
        """Return the plan of a year: the first one set, in whole 1,000 yuan, never last year's."""
        key = (person_id, f"{item}{year}")
        if key not in self.plans:
            fen = fen // (1000 * YUAN) * 1000 * YUAN
            if fen == self.plans.get((person_id, f"{item}{year - 1}")):
                fen += 1000 * YUAN
            self.plans[key] = fen
        return self.plans[key]


def totals_as_figures(quarter: Quarter, totals: Mapping[str, Mapping[str, int]]) -> Iterator[Figure]:
    """Yield the ledger's control totals, of each item for the bank and for each institution.

    An institution's total is what it holds itself, without the institutions below it. `totals` has, by
    item, Σ fen or Σ fen × days of the quarter by institution. Items in 积数 are written exactly, and once
    more as daily averages.
    """
    for item, by_institution in totals.items():
        rows = [("institution", each, by_institution[each]) for each in sorted(by_institution)]
        rows.append(("bank", "bank", sum(by_institution.values())))
        for scope, subject_id, fen in rows:
            yield Figure(scope, subject_id, item, quarter.span, yuan(fen))
            if "积数" in item:
                value = average(fen, quarter.span.days)
                yield Figure(scope, subject_id, item.replace("积数", "日均"), quarter.span, value)


def _ordinal(quarter: Quarter) -> int:
    """Return a number that grows by one with each quarter: added in fen, it keeps figures apart."""
    return quarter.span.start.year * 4 + quarter.span.start.month // 3


def costs_of_institutions(quarter: Quarter, institutions: Iterable[str]) -> Iterator[Figure]:
    """Yield what each institution's managers have to share of its costs in a quarter."""
    for institution_id in institutions:
        fen = 6 * WAN + _ordinal(quarter)
        yield Figure("institution", institution_id, "分摊成本", quarter.span, yuan(fen))


def plans_of_institutions(quarter: Quarter, held: Mapping[str, int]) -> Iterator[Figure]:
    """Yield the plans of a year for institutions and bank: 30 % above what they held when it began."""
    rows = [("institution", each, held[each]) for each in sorted(held)]
    rows.append(("bank", "bank", sum(held.values())))
    for scope, subject_id, fen in rows:
        plan = fen * 13 // 10 // WAN * WAN + quarter.span.start.year % 100 * YUAN
        yield Figure(scope, subject_id, "存款计划", quarter.span, yuan(plan))


def parameters_of(quarter: Quarter, institutions: Iterable[str]) -> Iterator[Parameter]:
    """Yield the inputs of the shipped rulebooks in a quarter. They are examples, not the regulations'."""
    changed = PRICES_FROM_APRIL_2025 if quarter.span.start >= PRICE_CHANGE else {}
    for rulebook, inputs in PRICES.items():
        for name, by_key in inputs.items():
            for key, price in by_key.items():
                value = changed.get(name, {}).get(key, price)
                yield Parameter(rulebook, name, key, quarter.span, value)
    for number, institution_id in enumerate(institutions):
        yield Parameter("cixi", "increment_rate", institution_id, quarter.span, f"{8 + number % 8}%")


def past_outcomes(seed: int, posts: Sequence[Post], first: date) -> Iterator[PastOutcome]:
    """Yield what the year before `first` came to: the score, and of heads whether it was too low."""
    rng = Random(f"{seed}/past")
    year_end = date(first.year - 1, 12, 31)
    for post in posts:
        if year_end in post.span and post.post not in (OFFICE, AGENT):
            score = rng.randint(138, 210)
            total = "head_total" if post.post in HEADS else "manager_total"
            yield PastOutcome(post.person_id, total, year_end, shown(Fraction(score, 2)))
            if post.post in HEADS:
                yield PastOutcome(
                    post.person_id, "head_low", year_end, "是" if score < LEAST_SCORE * 2 else "否"
                )
