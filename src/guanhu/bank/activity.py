"""What happens in one quarter of the invented bank besides money on accounts: fees, cards, violations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from guanhu.bank.amounts import YUAN, size
from guanhu.bank.customers import FIRM, Account
from guanhu.bank.people import OFFICE, Post
from guanhu.bank.timeline import Quarter, day_in

SETTLEMENT, INSURANCE, WEALTH, CARD = "结算手续费", "代理保险", "理财", "银行卡"
_MIDDLE_YUAN = {SETTLEMENT: 60, INSURANCE: 400, WEALTH: 300, CARD: 20}
CARD_PRODUCTS = ("借记卡", "借记卡", "借记卡", "信用卡")
LEVELS = {"轻微": (1, 2), "一般": (3, 6), "严重": (8, 15)}
"""The least and the most points of each level of violation."""
_LEVEL_PATTERN = ("轻微", "一般", "轻微", "严重")


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee; a settlement or card fee belongs to an account, the others only to a customer."""

    fee_id: str
    day: date
    item: str
    amount_fen: int
    account_id: str
    customer_id: str
    institution_id: str


@dataclass(frozen=True, slots=True)
class Card:
    """Cards given to a customer; `person_id` is filled when somebody sold them outside his own book."""

    event_id: str
    day: date
    person_id: str
    customer_id: str
    account_id: str
    institution_id: str
    product: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Violation:
    """A breach of the rules of conduct with the points that it costs."""

    event_id: str
    day: date
    person_id: str
    institution_id: str
    points: int
    level: str


def fees_of(seed: int, quarter: Quarter, number: int, accounts: Sequence[Account]) -> list[Fee]:
    """Return the fees of a quarter, the `number`th from 0; each has about 4 % more than the one before."""
    rng = Random(f"{seed}/fees/{quarter.name}")
    alive = [account for account in accounts if account.lives_in(quarter.span)]
    found = []
    for count in range(max(8, len(alive) * (25 + number) // 100)):
        account = rng.choice(alive)
        is_firm = account.customer.kind == FIRM
        item = rng.choice((SETTLEMENT, SETTLEMENT, WEALTH) if is_firm else (CARD, CARD, INSURANCE, WEALTH))
        day = max(account.opened_on, day_in(rng, quarter.span))
        of_account = item in (SETTLEMENT, CARD)
        found.append(
            Fee(
                f"F{quarter.name}{count + 1:06d}",
                day,
                item,
                size(rng, _MIDDLE_YUAN[item] * (5 if is_firm else 1) * YUAN) + rng.randrange(100),
                account.account_id if of_account else "",
                account.customer.customer_id,
                account.place_on(day),
            )
        )
    return found


def cards_of(seed: int, quarter: Quarter, accounts: Sequence[Account], posts: Sequence[Post]) -> list[Card]:
    """Return the cards of a quarter: every third one is credited to the person who sold it."""
    rng = Random(f"{seed}/cards/{quarter.name}")
    alive = [account for account in accounts if account.lives_in(quarter.span)]
    sellers = [post for post in posts if post.has_book and _holds(post, quarter)]
    found = []
    for count in range(max(6, len(alive) // 20)):
        account = rng.choice(alive)
        seller = rng.choice(sellers).person_id if count % 3 == 0 else ""
        day = max(account.opened_on, day_in(rng, quarter.span))
        found.append(
            Card(
                f"K{quarter.name}{count + 1:06d}",
                day,
                seller,
                account.customer.customer_id,
                account.account_id,
                account.place_on(day),
                rng.choice(CARD_PRODUCTS),
                rng.choice((1, 1, 1, 2, 5)),
            )
        )
    return found


def violations_of(seed: int, quarter: Quarter, posts: Sequence[Post]) -> list[Violation]:
    """Return the violations of a quarter; the first one costs 15 points, which ends a contract."""
    rng = Random(f"{seed}/violations/{quarter.name}")
    people = [post for post in posts if post.post != OFFICE and _holds(post, quarter)]
    found = []
    for count in range(max(4, len(people) // 15)):
        post = rng.choice(people)
        level = "严重" if count == 0 else _LEVEL_PATTERN[count % 4]
        points = 15 if count == 0 else rng.randint(*LEVELS[level])
        found.append(
            Violation(
                f"V{quarter.name}{count + 1:04d}",
                day_in(rng, quarter.span),
                post.person_id,
                post.institution_id,
                points,
                level,
            )
        )
    return found


def _holds(post: Post, quarter: Quarter) -> bool:
    """Tell whether the post is held all through the quarter."""
    return post.span.start <= quarter.span.start and quarter.span.end <= post.span.end
