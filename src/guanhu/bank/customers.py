"""The customers and deposit accounts of the invented bank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from guanhu.bank.amounts import FLOWING, STEADY, WAN, YUAN, size
from guanhu.bank.names import firm_name, person_name
from guanhu.bank.people import Institution
from guanhu.bank.timeline import Quarter, day_in, day_in_middle
from guanhu.values.dates import FAR_FUTURE, Span, add_months

FIRM, PRIVATE = "对公", "个人"
BASIC, GENERAL = "基本户", "一般户"
DEMAND, TERM, AGREEMENT, CALL, MARGIN = "活期", "定期", "协定", "通知", "保证金"


@dataclass(frozen=True, slots=True)
class Product:
    """What an account of a product is like: size in fen, changes in a quarter and how far each goes."""

    product: str
    middle_fen: int
    changes: int
    swings: tuple[int, ...]
    deposit_kinds: tuple[tuple[str, int], ...]
    """Terms and their rates in basis points."""


_TERMS = (("三个月", 85), ("半年", 105), ("一年", 125), ("二年", 145), ("三年", 175))
FIRM_PRODUCTS = (
    Product(DEMAND, 11 * WAN, 12, FLOWING, (("活期", 10),)),
    Product(AGREEMENT, 36 * WAN, 12, FLOWING, (("协定", 60),)),
    Product(TERM, 24 * WAN, 2, STEADY, _TERMS),
    Product(MARGIN, 15 * WAN, 3, STEADY, (("活期", 10), ("半年", 105))),
    Product(CALL, 30 * WAN, 7, FLOWING, (("七天", 65),)),
)
PRIVATE_PRODUCTS = (
    Product(DEMAND, 6000 * YUAN, 12, FLOWING, (("活期", 10),)),
    Product(TERM, 3 * WAN, 2, STEADY, _TERMS),
    Product(CALL, 5 * WAN, 7, FLOWING, (("七天", 65),)),
)
_FIRM_PATTERN = (0, 0, 1, 2, 0, 3, 0, 4)
_PRIVATE_PATTERN = (0, 1, 0, 0, 1, 2, 0, 0)
"""Which product the next further account has."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer; the first account is opened on `since`."""

    number: int
    customer_id: str
    name: str
    kind: str
    tier: str
    institution_id: str
    since: date


@dataclass(slots=True)
class Account:
    """A deposit account. `level_fen` and `balance_fen` move on as the ledger is written."""

    number: int
    account_id: str
    customer: Customer
    product: Product
    deposit_kind: str
    rate_bps: int
    account_kind: str
    places: tuple[tuple[Span, str], ...]
    """The institutions it belongs to, one after the other, from the opening for ever."""
    opened_on: date
    closed_on: date | None
    level_fen: int
    growth_per_mille: int
    overdraws: bool
    balance_fen: int

    @property
    def institution_id(self) -> str:
        """Return the institution that opened it."""
        return self.places[0][1]

    def lives_in(self, span: Span) -> bool:
        """Tell whether the account is open on some day of the span."""
        return self.opened_on < span.end and (self.closed_on is None or self.closed_on >= span.start)

    def places_in(self, span: Span) -> Iterator[tuple[Span, str]]:
        """Return the institutions it belongs to on the days of the span."""
        for days, institution_id in self.places:
            common = days.overlap(span)
            if common is not None:
                yield common, institution_id

    def place_on(self, day: date) -> str:
        """Return the institution it belongs to on a day after its opening."""
        return next(institution_id for days, institution_id in self.places if day in days)


def customers_for(
    seed: int, count: int, units: Sequence[Institution], quarters: Sequence[Quarter]
) -> tuple[list[Customer], list[Account]]:
    """Return customers with `count` accounts among them, one to three each; every fourth is a firm."""
    maker = _Maker(Random(f"{seed}/customers"), quarters)
    customers: list[Customer] = []
    accounts: list[Account] = []
    while len(accounts) < count:
        customer = maker.customer(len(customers), units)
        customers.append(customer)
        wanted = 1 + (customer.number % 3 == 0) + (customer.number % 7 == 0)
        for place in range(min(wanted, count - len(accounts))):
            accounts.append(maker.account(len(accounts), customer, place))
    return customers, accounts


class _Maker:
    """Draws one customer or account after the other."""

    def __init__(self, rng: Random, quarters: Sequence[Quarter]) -> None:
        self.rng = rng
        self.quarters = quarters
        self.horizon = Span(quarters[0].span.start, quarters[-1].span.end)
        self.past = Span(add_months(self.horizon.start, -96), self.horizon.start)

    def customer(self, number: int, units: Sequence[Institution]) -> Customer:
        rng = self.rng
        is_firm = number % 4 == 0
        is_new = rng.randrange(20) < (9 if is_firm else 3)
        return Customer(
            number,
            f"C{number + 1:07d}",
            firm_name(rng) if is_firm else person_name(rng),
            FIRM if is_firm else PRIVATE,
            rng.choice(("一般", "一般", "重点")) if is_firm else rng.choice(("普通", "普通", "普通", "财富")),
            rng.choice(units).institution_id,
            day_in(rng, self.horizon if is_new else self.past),
        )

    def account(self, number: int, customer: Customer, place: int) -> Account:
        """Return the next account: its customer's first one (`place` 0), second or third."""
        rng = self.rng
        is_firm = customer.kind == FIRM
        kinds = (FIRM_PRODUCTS, _FIRM_PATTERN) if is_firm else (PRIVATE_PRODUCTS, _PRIVATE_PATTERN)
        products, pattern = kinds
        product = products[0 if is_firm and place == 0 else pattern[number % 8]]
        deposit_kind, rate_bps = rng.choice(product.deposit_kinds)
        opened_on = customer.since if place == 0 else day_in(rng, Span(customer.since, self.horizon.end))
        account_kind = (BASIC if place == 0 else GENERAL) if is_firm else ""
        level = size(rng, product.middle_fen)
        return Account(
            number,
            f"A{number + 1:08d}",
            customer,
            product,
            deposit_kind,
            rate_bps,
            account_kind,
            self._places(number, customer.institution_id, opened_on),
            opened_on,
            self._closing(number, opened_on),
            level,
            rng.randint(-60, 90),
            number % 40 == 17 and product.product == DEMAND,
            level,
        )

    def _closing(self, number: int, opened_on: date) -> date | None:
        """Return the day on which every twentieth account is closed, some time after its opening."""
        first = max(self.horizon.start, add_months(opened_on, 2))
        if number % 20 != 5 or first >= self.horizon.end:
            return None
        return day_in(self.rng, Span(first, self.horizon.end))

    def _places(self, number: int, institution_id: str, opened_on: date) -> tuple[tuple[Span, str], ...]:
        """Return one institution, or two for every thirtieth account: it moves in the middle of a quarter."""
        day = day_in_middle(self.rng, self.rng.choice(self.quarters))
        if number % 30 != 8 or day <= opened_on:
            return ((Span(opened_on, FAR_FUTURE), institution_id),)
        parent = institution_id[:4]
        other = parent if institution_id != parent else "0001" if institution_id != "0001" else "0101"
        return ((Span(opened_on, day), institution_id), (Span(day, FAR_FUTURE), other))
