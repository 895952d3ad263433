"""The balances of the invented bank's deposit accounts, and the ledger totals that they must add up to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import TextIO

from guanhu.bank.amounts import OUTCOMES_BITS, yuan
from guanhu.bank.customers import Account
from guanhu.bank.timeline import Quarter
from guanhu.values.dates import Span

BalanceDays = dict[str, int]
"""Σ closing balance × days by institution, in fen·days."""
Points = list[tuple[int, int]]
"""Change points of one account: the day, counted from the first of the quarter, and the balance in fen."""


def write_balances(stream: TextIO, accounts: Sequence[Account], quarter: Quarter, seed: int) -> BalanceDays:
    """Write the change points of a quarter, an opening row for every account alive, and return their totals.

    An account belongs to the total of the institution that it belongs to on each day. Calls for
    quarters come in time order: each begins with the balances that the one before left.
    """
    rng = Random(f"{seed}/balances/{quarter.name}")
    start, days = quarter.span.start, quarter.span.days
    day_fields = [f",{start + timedelta(days=day)}," for day in range(days)]
    totals: defaultdict[str, int] = defaultdict(int)
    for account in accounts:
        if not account.lives_in(quarter.span):
            continue
        points = _points(rng, account, start, days)
        name = account.account_id
        stream.writelines([f"{name}{day_fields[day]}{yuan(balance)}\n" for day, balance in points])
        for span, institution_id in account.places_in(quarter.span):
            totals[institution_id] += balance_days(points, start, span)
    return dict(totals)


def _points(rng: Random, account: Account, start: date, days: int) -> Points:
    """Return the change points of an account and move its level and balance on."""
    bits = rng.getrandbits
    first = max(0, (account.opened_on - start).days)
    last = days if account.closed_on is None else min(days, (account.closed_on - start).days)
    if first == 0:
        growth = account.growth_per_mille + bits(6) - 32
        account.level_fen += account.level_fen * growth // 1000
    level, swings, balance = account.level_fen, account.product.swings, account.balance_fen
    points = [(first, balance)]
    count = (account.product.changes + bits(2)) * (last - first) // days
    width = (last - first - 1) // count if count else 0
    day = first + 1
    # Each change has a stretch of days of its own, so no two fall on one day.
    for _ in range(count if width else 0):
        balance = level * swings[bits(OUTCOMES_BITS)] // 1000 + bits(13)
        if account.overdraws and bits(2) == 0:
            balance = -(balance // 20)
        points.append((day + (bits(16) * width >> 16), balance))
        day += width
    if last < days:
        balance = 0
        points = [*(point for point in points if point[0] < last), (last, 0)]
    account.balance_fen = balance
    return points


def balance_days(points: Points, start: date, span: Span) -> int:
    """Return Σ balance × days of the points inside the span, in fen·days.

    >>> balance_days([(0, 100), (10, 300)], date(2025, 1, 1), Span(date(2025, 1, 6), date(2025, 1, 13)))
    1100
    """
    low, high = (span.start - start).days, (span.end - start).days
    total = 0
    end = high
    for day, balance in reversed(points):
        if day < end:
            begin = max(day, low)
            total += balance * (end - begin)
            end = begin
        if day <= low:
            break
    return total
