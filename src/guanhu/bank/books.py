"""Whose book each customer, account and loan of the invented bank is in, day by day.

The steps are gone through in time order. Whoever takes something over holds a post with a book on that
day, so an assignment never names somebody who has left or not come yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from random import Random

from guanhu.bank.customers import FIRM, Account, Customer
from guanhu.bank.lending import Loan
from guanhu.bank.people import AGENT, MIDDLE, SENIOR, Handover, Post, Staffing
from guanhu.bank.timeline import Quarter, day_in_middle
from guanhu.values.dates import FAR_FUTURE, Span

LEAD, SECOND, REFERRER = "", "second", "referrer"
"""Roles as files write them; an empty role is the lead."""

OPENED, HANDED_OVER, TRANSFERRED = "分配", "移交", "调整"
"""How somebody came to have something."""

Thing = tuple[str, str]
"""What is assigned: its grain and its id."""
Pattern = tuple[tuple[str, Fraction], ...]
"""Roles and shares, without people yet."""
Holding = dict[tuple[str, str], Fraction]
"""Shares by person and role."""

DOUBLE_EVERY, DOUBLE_AT = 40, 21
"""Every fortieth account is in the department's book as well."""

ALONE: Pattern = ((LEAD, Fraction(1)),)
SIXTY_FORTY: Pattern = ((LEAD, Fraction(3, 5)), (SECOND, Fraction(2, 5)))
HALVES: Pattern = ((LEAD, Fraction(1, 2)), (SECOND, Fraction(1, 2)))
THIRDS: Pattern = ((LEAD, Fraction(1, 3)), (SECOND, Fraction(1, 3)), (SECOND, Fraction(1, 3)))
REFERRED: Pattern = ((LEAD, Fraction(9, 10)), (REFERRER, Fraction(1, 10)))
PART: Pattern = ((LEAD, Fraction(7, 10)),)
"""Three tenths are nobody's."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One line of a book."""

    grain: str
    object_id: str
    person_id: str
    role: str
    share: Fraction
    origin: str
    span: Span


@dataclass(frozen=True, slots=True)
class _Departure:
    post: Post


@dataclass(frozen=True, slots=True)
class _Arrival:
    post: Post


@dataclass(frozen=True, slots=True)
class _Opening:
    thing: Thing
    unit: str
    pattern: Pattern
    is_for_agents: bool


@dataclass(frozen=True, slots=True)
class _Transfer:
    """Something, drawn on the day, goes to somebody else."""


_Step = _Departure | _Arrival | Handover | _Opening | _Transfer
_RANKS = {_Departure: 0, _Arrival: 1, Handover: 2, _Opening: 3, _Transfer: 4}
"""The order of the steps of one day."""


def customer_pattern(customer: Customer) -> Pattern | None:
    """Return how a customer is shared; None for those whom nobody has."""
    return {5: None, 2: SIXTY_FORTY, 32: SIXTY_FORTY}.get(customer.number % 60, ALONE)


def account_pattern(account: Account) -> Pattern | None:
    """Return how an account is shared that is assigned by itself; None when it follows its customer."""
    patterns = {3: SIXTY_FORTY, 7: THIRDS, 9: REFERRED, 13: PART, 28: SIXTY_FORTY, 41: ALONE, 61: ALONE}
    return patterns.get(account.number % 100)


def loan_pattern(loan: Loan) -> Pattern | None:
    """Return how a loan is shared that is assigned by itself; None when it follows its customer."""
    return {4: ALONE, 9: HALVES}.get(loan.number % 20)


def assignments_for(
    seed: int,
    staffing: Staffing,
    customers: Sequence[Customer],
    accounts: Sequence[Account],
    loans: Sequence[Loan],
    quarters: Sequence[Quarter],
) -> list[Assignment]:
    """Return every line of every book, by grain, object and time.

    In each quarter one thing for every 25 customers changes hands in the middle, every other time on the
    15th of a month.
    """
    rng = Random(f"{seed}/books")
    start = quarters[0].span.start
    steps: list[tuple[date, _Step]] = []
    for post in staffing.posts:
        if post.has_book:
            steps.append((post.span.start, _Arrival(post)))
            if post.span.end < FAR_FUTURE:
                steps.append((post.span.end, _Departure(post)))
    steps += [(each.day, each) for each in staffing.handovers]
    steps += [(max(start, since), each) for since, each in _openings(customers, accounts, loans)]
    for quarter in quarters:
        for number in range(max(4, len(customers) // 25)):
            day = day_in_middle(rng, quarter)
            steps.append((day.replace(day=15) if number % 2 else day, _Transfer()))
    steps.sort(key=lambda step: (step[0], _RANKS[type(step[1])]))
    desk = _Desk(rng)
    for day, step in steps:
        desk.take(day, step)
    return desk.done(quarters[-1].span.end)


def double_bookings(
    seed: int, staffing: Staffing, accounts: Sequence[Account], end: date
) -> list[Assignment]:
    """Return the second book, `department`: every fortieth account is wholly a team's there, through a member.

    Who has the account in the first book changes nothing here, and the draws are a stream of their own. Where
    the member leaves, another one of the institution takes over.
    """
    members: defaultdict[str, list[Post]] = defaultdict(list)
    for post in staffing.posts:
        if post.team_id and post.has_book:
            members[post.institution_id].append(post)
    found: list[Assignment] = []
    for account in accounts:
        if account.number % DOUBLE_EVERY != DOUBLE_AT:
            continue
        rng, holder = Random(f"{seed}/department/{account.account_id}"), ""
        day = max(
            account.opened_on, min((post.span.start for post in members[account.institution_id]), default=end)
        )
        while day < end:
            here = [post for post in members[account.institution_id] if day in post.span]
            if not here:
                break
            # Who got another grade or team here keeps the account: two equal lines would be one in a bank.
            post = next((each for each in here if each.person_id == holder), None) or rng.choice(here)
            until = min(post.span.end, end)
            since = found.pop().span.start if post.person_id == holder else day
            thing = ("account", account.account_id)
            found.append(Assignment(*thing, post.person_id, LEAD, Fraction(1), OPENED, Span(since, until)))
            day, holder = until, post.person_id
    return found


def _openings(
    customers: Sequence[Customer], accounts: Sequence[Account], loans: Sequence[Loan]
) -> Iterator[tuple[date, _Opening]]:
    """Yield what comes into a book and when."""
    for customer in customers:
        shared = customer_pattern(customer)
        if shared is not None:
            thing = ("customer", customer.customer_id)
            yield customer.since, _Opening(thing, customer.institution_id, shared, customer.kind != FIRM)
    for account in accounts:
        shared = account_pattern(account)
        if shared is not None:
            thing = ("account", account.account_id)
            is_for_agents = account.customer.kind != FIRM
            yield account.opened_on, _Opening(thing, account.institution_id, shared, is_for_agents)
    for loan in loans:
        shared = loan_pattern(loan)
        if shared is not None:
            thing = ("loan", loan.loan_id)
            yield loan.granted_on, _Opening(thing, loan.customer.institution_id, shared, is_for_agents=False)


class _Desk:
    """Keeps who has what today and writes down each line when it ends."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.lines: list[Assignment] = []
        self.openings: dict[Thing, _Opening] = {}
        self.things: list[Thing] = []
        """Everything that is in a book, in the order of coming: what is transferred is drawn from it."""
        self.held: dict[Thing, tuple[date, str, Holding]] = {}
        """Since when it is held, how that came about, and by whom."""
        self.things_of: defaultdict[str, set[Thing]] = defaultdict(set)
        self.people_at: defaultdict[str, list[str]] = defaultdict(list)
        """The people with a book, by institution; a senior stands there four times, so draws more."""
        self.agents: set[str] = set()

    def take(self, day: date, step: _Step) -> None:
        """Let one step happen."""
        match step:
            case _Departure(post):
                here = self.people_at[post.institution_id]
                self.people_at[post.institution_id] = [each for each in here if each != post.person_id]
                self.agents.discard(post.person_id)
            case _Arrival(post):
                weight = {SENIOR: 4, MIDDLE: 2}.get(post.grade, 1)
                self.people_at[post.institution_id] += [post.person_id] * weight
                if post.post == AGENT:
                    self.agents.add(post.person_id)
            case Handover():
                self._hand_over(day, step)
            case _Opening(thing):
                self.openings[thing] = step
                self.things.append(thing)
                self._set(thing, day, OPENED, self._drawn(step, set()))
            case _Transfer():
                self._transfer(day)

    def _hand_over(self, day: date, handover: Handover) -> None:
        leaver, successor = handover.person_id, handover.successor_id
        for thing in sorted(self.things_of[leaver]):
            holding: Holding = {}
            for (person_id, role), share in self.held[thing][2].items():
                key = (successor if person_id == leaver else person_id, role)
                holding[key] = holding.get(key, Fraction(0)) + share
            self._set(thing, day, HANDED_OVER, holding)

    def _transfer(self, day: date) -> None:
        """Give a drawn thing to others; where two share, the new shares differ from the old ones."""
        thing = self.rng.choice(self.things)
        opening = self.openings[thing]
        if opening.pattern in (SIXTY_FORTY, HALVES):
            pattern = HALVES if opening.pattern == SIXTY_FORTY else SIXTY_FORTY
            opening = self.openings[thing] = _Opening(thing, opening.unit, pattern, opening.is_for_agents)
        holders = {person_id for person_id, _ in self.held[thing][2]}
        self._set(thing, day, TRANSFERRED, self._drawn(opening, holders))

    def _drawn(self, opening: _Opening, not_these: set[str]) -> Holding:
        """Return a person for each part of a pattern, of the thing's institution if there are enough."""
        barred = not_these if opening.is_for_agents else not_these | self.agents
        near = [each for each in self.people_at[opening.unit] if each not in barred]
        if len(set(near)) < len(opening.pattern):
            near = [each for here in self.people_at.values() for each in here if each not in barred]
        holding: Holding = {}
        for role, share in opening.pattern:
            person_id = self.rng.choice(near)
            holding[person_id, role] = share
            near = [each for each in near if each != person_id]
        return holding

    def _set(self, thing: Thing, day: date, origin: str, holding: Holding) -> None:
        """End the lines of a thing the day before and begin new ones."""
        self._end(thing, day)
        self.held[thing] = (day, origin, holding)
        for person_id, _ in holding:
            self.things_of[person_id].add(thing)

    def _end(self, thing: Thing, day: date) -> None:
        since, origin, holding = self.held.pop(thing, (day, OPENED, {}))
        for (person_id, role), share in holding.items():
            self.things_of[person_id].discard(thing)
            if since < day:
                self.lines.append(Assignment(*thing, person_id, role, share, origin, Span(since, day)))

    def done(self, end: date) -> list[Assignment]:
        """Return all lines; those that still run end with the last quarter."""
        for thing in sorted(self.held):
            self._end(thing, end)
        self.lines.sort(key=lambda line: (line.grain, line.object_id, line.span, line.person_id, line.role))
        return self.lines
