"""The loans of the invented bank: what is owed, in which class, how long overdue; the interest of each month.

A loan is paid month by month on the 20th. What goes wrong is fixed by the loan's number: every 100th stops
paying for good, some of them before the first quarter; every 21st pays late for a while. The days overdue
are written when they begin and when they pass into another class:

    days overdue   1      31     91     181    361
    class          正常   关注   次级   可疑   损失
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from guanhu.bank.amounts import WAN, size
from guanhu.bank.customers import FIRM, Customer
from guanhu.bank.timeline import Quarter, day_in
from guanhu.values.dates import Span, add_months

PAY_DAY = 20
STOPPING = {6: 300, 31: 60, 56: None}
"""Which loans of 300 stop paying for good, and how many days before the first quarter; None is some day."""
CLASSES = ((1, "正常"), (31, "关注"), (91, "次级"), (181, "可疑"), (361, "损失"))
GUARANTEES = ("信用", "保证", "抵押", "质押")
_WORKING, _CONSUMER, _HOUSING = "流动资金贷款", "个人消费贷款", "住房贷款"
_MONTHS = {_WORKING: 12, _CONSUMER: 36, _HOUSING: 240}


@dataclass(frozen=True, slots=True)
class LoanState:
    """What is owed from `day` on."""

    day: date
    balance_fen: int
    loan_class: str
    overdue_days: int


@dataclass(frozen=True, slots=True)
class Interest:
    """Interest due on a day, and what of it was received; arrears received later are due nothing."""

    day: date
    due_fen: int
    received_fen: int


@dataclass(slots=True)
class Loan:
    """A loan and all that happened to it, in time order."""

    number: int
    loan_id: str
    customer: Customer
    product: str
    guarantee: str
    granted_on: date
    due_on: date
    amount_fen: int
    rate_bps: int
    states: list[LoanState] = field(default_factory=list)
    interest: list[Interest] = field(default_factory=list)

    def lives_in(self, span: Span) -> bool:
        """Tell whether something is owed on some day of the span, or was paid off on one."""
        last = self.states[-1]
        return self.granted_on < span.end and (last.balance_fen > 0 or last.day >= span.start)

    def states_in(self, span: Span) -> list[LoanState]:
        """Return the states that begin in the span, after the one in which it begins."""
        days = [state.day for state in self.states]
        first = max(0, bisect_right(days, span.start) - 1)
        inside = [state for state in self.states[first:] if state.day < span.end]
        if inside and inside[0].day < span.start:
            head = inside[0]
            inside[0] = LoanState(span.start, head.balance_fen, head.loan_class, head.overdue_days)
        return inside

    def balance_days(self, span: Span) -> int:
        """Return Σ balance × days of the span, in fen·days."""
        states = self.states_in(span)
        ends = [*(state.day for state in states[1:]), span.end]
        return sum(
            state.balance_fen * (end - state.day).days for state, end in zip(states, ends, strict=True)
        )


def loans_for(
    seed: int, count: int, customers: Sequence[Customer], quarters: Sequence[Quarter]
) -> list[Loan]:
    """Return `count` loans, some older than the first quarter, none granted before its customer came."""
    rng = Random(f"{seed}/loans")
    horizon = Span(quarters[0].span.start, quarters[-1].span.end)
    old = add_months(horizon.start, -11)
    borrowers = {
        (is_firm, stops): [
            each for each in customers if (each.kind == FIRM) == is_firm and (each.since <= old or not stops)
        ]
        for is_firm in (True, False)
        for stops in (True, False)
    }
    loans = []
    for number in range(count):
        is_firm = number % 2 == 0
        product = _WORKING if is_firm else _CONSUMER if number % 4 == 1 else _HOUSING
        stops = stops_for_good(number)
        customer = rng.choice(borrowers[is_firm, stops])
        first = max(customer.since, add_months(horizon.start, -min(_MONTHS[product] - 1, 72)))
        amount = size(rng, (80 if is_firm else 9 if product == _CONSUMER else 45) * WAN) // WAN * WAN + WAN
        granted_on = old if stops else day_in(rng, Span(first, horizon.end))
        loan = Loan(
            number,
            f"L{number + 1:07d}",
            customer,
            product,
            "抵押" if product == _HOUSING else rng.choice(GUARANTEES),
            granted_on,
            add_months(granted_on, _MONTHS[product]),
            amount,
            rng.randint(320, 360) if product == _HOUSING else rng.randint(380, 620),
        )
        _live(loan, _trouble(rng, loan, horizon), horizon)
        loans.append(loan)
    return loans


def stops_for_good(number: int) -> bool:
    """Tell whether the loan of that number stops paying for good."""
    return number % 300 in STOPPING


def _trouble(rng: Random, loan: Loan, horizon: Span) -> Span | None:
    """Return the days on which nothing is paid, if there are any."""
    first = max(loan.granted_on + timedelta(days=40), add_months(horizon.start, -8))
    last = min(loan.due_on, horizon.end)
    if first >= last:
        return None
    begin = day_in(rng, Span(first, last))
    if stops_for_good(loan.number):
        days_before = STOPPING[loan.number % 300]
        if days_before is not None:
            begin = horizon.start - timedelta(days=days_before)
        return Span(begin, date.max)
    return Span(begin, begin + timedelta(days=rng.randint(20, 100))) if loan.number % 21 == 3 else None


def _live(loan: Loan, trouble: Span | None, horizon: Span) -> None:
    """Fill the states and interest of a loan up to the end of the horizon."""
    balance = loan.amount_fen
    months = _MONTHS[loan.product]
    part = 0 if loan.product == _WORKING else loan.amount_fen // months
    loan.states.append(LoanState(loan.granted_on, balance, "正常", 0))
    stopped_on: date | None = None
    arrears = 0
    day = add_months(loan.granted_on.replace(day=PAY_DAY), 1)
    while day < horizon.end and balance > 0:
        is_last = add_months(day, 1) > loan.due_on
        due = balance * loan.rate_bps // 120_000
        if trouble is not None and day in trouble:
            stopped_on = stopped_on or day
            arrears += due
            loan.interest.append(Interest(day, due, 0))
        else:
            if stopped_on is not None:
                _overdue(loan, balance, stopped_on, day)
                loan.interest.append(Interest(day, 0, arrears))
                stopped_on, arrears = None, 0
            loan.interest.append(Interest(day, due, due))
            paid = balance if is_last else part
            if paid or loan.states[-1].overdue_days:
                balance -= paid
                loan.states.append(LoanState(day, balance, "正常", 0))
        day = add_months(day, 1)
    if stopped_on is not None:
        _overdue(loan, balance, stopped_on, horizon.end)


def _overdue(loan: Loan, balance: int, stopped_on: date, end: date) -> None:
    """Write the states of a spell: nothing was paid on `stopped_on`, and all was on `end`."""
    for days, loan_class in CLASSES:
        day = stopped_on + timedelta(days=days)
        if day < end:
            loan.states.append(LoanState(day, balance, loan_class, days))
