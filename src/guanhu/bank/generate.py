"""The demo bank: one import folder for each quarter, the last of which ends on 2025-12-31.

Everything is drawn from the seed: the same arguments write the same bytes. What happens is partly fixed by
the number of a thing (every 100th account is shared by three), so that each case is there in a small bank
too, from 20 managers and 500 accounts on. Each folder is what the bank knows when its quarter ends.

    institutions          总行, 分行, 支行 (one is the 营业部) and 网点, in two areas; 39 for 600 managers
    staff, posts, teams   a head for each 支行; 客户经理 in three grades and two teams for each 支行;
                          业务代办员 without a grade; 内勤, who are not appraised
      in each quarter     a manager leaves and the book is handed over; one joins; grades rise; managers
                          move to another institution; a manager becomes head (the old head becomes a
                          senior manager, or leaves); an agent becomes a junior manager. All of it happens
                          in the middle of the quarter.
    customers, accounts   every fourth customer is a firm; its first account is a 基本户, often a new one;
                          one account in twenty is closed, one in thirty moves to another institution
    assignments           by customer; by account, which goes before, for seven accounts in a hundred: 60/40,
                          three thirds, 90 % with a referrer of 10 %, 70 % with the rest nobody's; by loan for
                          every tenth; one customer in sixty is nobody's. In each quarter one in 25
                          changes hands in the middle, half of them on the 15th of a month, and where two
                          share, their shares change with it. `origin` says how a line came about.
                          Every fortieth account stands in the book `department` as well, wholly a team
                          member's there.
    balances              change points, about ten in a quarter, an opening row for each account alive;
                          every fortieth account overdraws
    account_rates         an opening row for each account alive
    loans, loan_states    three products, four guarantees, five classes that follow the days overdue
    interest              due each month on the 20th, some not received, some received late
    fees                  four items, of accounts and of customers, growing
    event_violation       points and level; each quarter one of 15 points
    event_card            product and quantity, credited through the book or to the seller
    figures               存款计划, 中收计划, 基数存款, 应发工资 by month, 综合评分 and 直接成本 by quarter;
                          分摊成本 of institutions; control totals
                          of the ledger: 存款积数总账 and 贷款积数总账 (Σ closing balance × days, exact),
                          the same as 日均, and 中收总账. An institution's total leaves out those below it.
    parameters            made-up inputs of the shipped rulebooks; a price of `huangshi` changes on 2025-04-01
    human_decisions       covered, and empty
    opening_state         score of the year before, and of heads whether it was too low, in the first folder only
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from guanhu.bank.activity import Fee, cards_of, fees_of, violations_of
from guanhu.bank.amounts import day_text, percent, share_text, yuan
from guanhu.bank.books import Assignment, assignments_for, double_bookings
from guanhu.bank.customers import Account, Customer, customers_for
from guanhu.bank.ledger import write_balances
from guanhu.bank.lending import Loan, loans_for
from guanhu.bank.people import AGENT, Staffing, staffing_for
from guanhu.bank.targets import (
    DOCUMENT,
    RULEBOOK,
    Figure,
    Targets,
    base_deposits,
    costs_of_institutions,
    parameters_of,
    past_outcomes,
    plans_of_institutions,
    totals_as_figures,
)
from guanhu.bank.timeline import Quarter, quarters_before_end
from guanhu.bank.writing import Cells, ImportFolder, event_named
from guanhu.values.dates import Span

MANAGERS_LEAST, ACCOUNTS_LEAST = 20, 500
ACCOUNTS_PER_LOAN = 10
DEPARTMENT = "department"
Progress = Callable[[str, int, int], None]
"""Told of each quarter when it is written: its name, how many are done, how many there are."""

EVENTS = {
    "event_violation": event_named(
        "violation", "违规", (("points", "number", "扣分"), ("level", "choice", "级别"))
    ),
    "event_card": event_named("card", "发卡", (("product", "choice", "卡种"), ("quantity", "count", "张数"))),
}


@dataclass(slots=True)
class Bank:
    """The whole bank over all quarters; balances are drawn while they are written."""

    seed: int
    quarters: tuple[Quarter, ...]
    staffing: Staffing
    customers: list[Customer]
    accounts: list[Account]
    loans: list[Loan]
    assignments: list[Assignment]
    double_booked: list[Assignment]
    """The lines of the book `department`."""
    targets: Targets
    plans: dict[str, int] = field(default_factory=dict)
    """What each institution held when the year began, in fen."""


def generate(
    out: Path, accounts: int, managers: int, quarters: int, seed: int, progress: Progress | None = None
) -> None:
    """Write the import folders of a bank with so many accounts and managers into `out`.

    Errors:   ValueError when the bank is too small for all its cases; FileExistsError when a quarter's
              folder is not empty.
    """
    if managers < MANAGERS_LEAST or accounts < ACCOUNTS_LEAST or quarters < 1:
        message = f"at least {MANAGERS_LEAST} managers, {ACCOUNTS_LEAST} accounts and one quarter"
        raise ValueError(f"{message}; got {managers}, {accounts} and {quarters}")
    bank = bank_for(accounts, managers, quarters, seed)
    for number, quarter in enumerate(bank.quarters):
        folder = ImportFolder(out / quarter.name, quarter.span, EVENTS)
        _write_people(folder, bank)
        _write_customers(folder, bank)
        _write_books(folder, bank)
        _write_quarter(folder, bank, number)
        folder.close()
        if progress is not None:
            progress(quarter.name, number + 1, len(bank.quarters))


def bank_for(accounts: int, managers: int, quarters: int, seed: int) -> Bank:
    """Return everything that is drawn before the first file is written."""
    timeline = quarters_before_end(quarters)
    staffing = staffing_for(seed, managers, timeline)
    customers, deposits = customers_for(seed, accounts, staffing.units, timeline)
    loans = loans_for(seed, accounts // ACCOUNTS_PER_LOAN, customers, timeline)
    assignments = assignments_for(seed, staffing, customers, deposits, loans, timeline)
    double_booked = double_bookings(seed, staffing, deposits, timeline[-1].span.end)
    targets = Targets(seed, staffing.posts)
    return Bank(seed, timeline, staffing, customers, deposits, loans, assignments, double_booked, targets)


def _known(day: date | None, span: Span) -> str:
    """Return a day that is known when the span ends; nothing for one that lies ahead."""
    return day_text(day) if day is not None and day < span.end else ""


def _days(span: Span) -> tuple[date, date]:
    """Return first and last day as a file has them."""
    return span.start, span.last_day


def _write_people(folder: ImportFolder, bank: Bank) -> None:
    span, staffing = folder.span, bank.staffing
    folder.write(
        "institutions",
        ("institution_id", "from_day", "to_day", "name", "level", "parent_id", "area"),
        (
            (i.institution_id, *_days(span), i.name, i.level, i.parent_id, i.area)
            for i in staffing.institutions
        ),
    )
    folder.write(
        "teams",
        ("team_id", "name", "institution_id"),
        ((team.team_id, team.name, team.institution_id) for team in staffing.teams),
    )
    posts = [(post, common) for post in staffing.posts if (common := post.span.overlap(span)) is not None]
    kinds = {post.person_id: "代办员" if post.post == AGENT else "在册" for post, _ in posts}
    people = [staffing.people[person_id] for person_id in kinds]
    folder.write(
        "staff",
        ("person_id", "name", "person_kind", "hired_on", "left_on"),
        ((p.person_id, p.name, kinds[p.person_id], p.hired_on, _known(p.left_on, span)) for p in people),
    )
    folder.write(
        "posts",
        ("person_id", "from_day", "to_day", "post", "grade", "institution_id", "team_id"),
        (
            (post.person_id, *_days(common), post.post, post.grade, post.institution_id, post.team_id)
            for post, common in posts
        ),
    )


def _write_customers(folder: ImportFolder, bank: Bank) -> None:
    span = folder.span
    folder.write(
        "customers",
        ("customer_id", "name", "customer_kind", "tier"),
        ((c.customer_id, c.name, c.kind, c.tier) for c in bank.customers if c.since < span.end),
    )
    alive = [account for account in bank.accounts if account.lives_in(span)]
    folder.write(
        "accounts",
        (
            "account_id",
            "customer_id",
            "product",
            "deposit_kind",
            "account_kind",
            "currency",
            "institution_id",
            "opened_on",
            "closed_on",
        ),
        (
            (
                account.account_id,
                account.customer.customer_id,
                account.product.product,
                account.deposit_kind,
                account.account_kind,
                "CNY",
                account.institution_id,
                account.opened_on,
                _known(account.closed_on, span),
            )
            for account in alive
        ),
    )
    folder.write(
        "account_institutions",
        ("account_id", "from_day", "to_day", "institution_id"),
        (
            (account.account_id, *_days(days), institution_id)
            for account in alive
            if len(account.places) > 1 and account.places[1][0].start < span.end
            for days, institution_id in account.places_in(span)
        ),
    )
    folder.write(
        "account_rates",
        ("account_id", "from_day", "rate", "rate_kind"),
        (
            (
                account.account_id,
                max(account.opened_on, span.start),
                percent(account.rate_bps),
                "活期" if account.deposit_kind == "活期" else "定期",
            )
            for account in alive
        ),
    )


def _write_books(folder: ImportFolder, bank: Bank) -> None:
    span = folder.span
    folder.write(
        "assignments",
        ("grain", "object_id", "person_id", "role", "share", "from_day", "to_day", "origin", "book"),
        (
            (
                line.grain,
                line.object_id,
                line.person_id,
                line.role,
                share_text(line.share),
                *_days(common),
                line.origin,
                book,
            )
            for book, lines in (("", bank.assignments), (DEPARTMENT, bank.double_booked))
            for line in lines
            if (common := line.span.overlap(span)) is not None
        ),
    )
    alive = [loan for loan in bank.loans if loan.lives_in(span)]
    folder.write(
        "loans",
        (
            "loan_id",
            "customer_id",
            "product",
            "guarantee",
            "institution_id",
            "granted_on",
            "due_on",
            "amount",
            "rate",
        ),
        (
            (
                loan.loan_id,
                loan.customer.customer_id,
                loan.product,
                loan.guarantee,
                loan.customer.institution_id,
                loan.granted_on,
                loan.due_on,
                yuan(loan.amount_fen),
                percent(loan.rate_bps),
            )
            for loan in alive
        ),
    )
    folder.write(
        "loan_states",
        ("loan_id", "from_day", "balance", "loan_class", "overdue_days"),
        (
            (loan.loan_id, state.day, yuan(state.balance_fen), state.loan_class, state.overdue_days)
            for loan in alive
            for state in loan.states_in(span)
        ),
    )
    folder.write(
        "interest", ("interest_id", "loan_id", "day", "due", "received"), _interest_rows(alive, span)
    )


def _interest_rows(loans: list[Loan], span: Span) -> Iterator[Cells]:
    for loan in loans:
        for number, each in enumerate(loan.interest, start=1):
            if each.day in span:
                yield (
                    f"I{loan.loan_id}-{number:03d}",
                    loan.loan_id,
                    each.day,
                    yuan(each.due_fen),
                    yuan(each.received_fen),
                )


def _write_quarter(folder: ImportFolder, bank: Bank, number: int) -> None:
    """Write what happens in the quarter, and last the figures that add it up."""
    quarter, posts = bank.quarters[number], bank.staffing.posts
    if number == 0 or quarter.is_first_of_year:
        start = quarter.span.start
        bank.targets.begin_year(base_deposits(bank.accounts, bank.assignments, start))
        bank.plans = _held_by_institution(bank, start)
    with folder.opened("balances", ("account_id", "from_day", "balance")) as stream:
        deposits = write_balances(stream, bank.accounts, quarter, bank.seed)
    fees = fees_of(bank.seed, quarter, number, bank.accounts)
    folder.write(
        "fees",
        ("fee_id", "day", "item", "amount", "account_id", "customer_id", "institution_id"),
        (
            (f.fee_id, f.day, f.item, yuan(f.amount_fen), f.account_id, f.customer_id, f.institution_id)
            for f in fees
        ),
    )
    folder.write(
        "event_violation",
        ("event_id", "day", "person_id", "institution_id", "points", "level"),
        (
            (v.event_id, v.day, v.person_id, v.institution_id, v.points, v.level)
            for v in violations_of(bank.seed, quarter, posts)
        ),
    )
    folder.write(
        "event_card",
        (
            "event_id",
            "day",
            "person_id",
            "customer_id",
            "account_id",
            "institution_id",
            "product",
            "quantity",
        ),
        (
            (
                c.event_id,
                c.day,
                c.person_id,
                c.customer_id,
                c.account_id,
                c.institution_id,
                c.product,
                c.quantity,
            )
            for c in cards_of(bank.seed, quarter, bank.accounts, posts)
        ),
    )
    totals = {
        "存款积数总账": deposits,
        "贷款积数总账": _loan_totals(bank.loans, quarter.span),
        "中收总账": _fee_totals(fees),
    }
    figures = [
        *bank.targets.of_people(quarter),
        *plans_of_institutions(quarter, bank.plans),
        *costs_of_institutions(quarter, [i.institution_id for i in bank.staffing.institutions]),
        *totals_as_figures(quarter, totals),
    ]
    _write_decided(folder, bank, quarter, figures, is_first=number == 0)


def _write_decided(
    folder: ImportFolder, bank: Bank, quarter: Quarter, figures: list[Figure], *, is_first: bool
) -> None:
    folder.write(
        "figures",
        ("scope", "subject_id", "item", "from_day", "to_day", "value"),
        ((f.scope, f.subject_id, f.item, *_days(f.span), f.value) for f in figures),
    )
    folder.write(
        "parameters",
        ("rulebook", "input", "keys", "from_day", "to_day", "value", "document", "approved_by"),
        (
            (p.rulebook, p.name, p.keys, *_days(p.span), p.value, DOCUMENT, "示例")
            for p in parameters_of(quarter, [i.institution_id for i in bank.staffing.institutions])
        ),
    )
    folder.write(
        "human_decisions",
        ("decision_id", "day", "rulebook", "person_id", "input", "value", "reason", "decided_by"),
        (),
    )
    if is_first:
        first = quarter.span.start
        year_before = Span(date(first.year - 1, 1, 1), date(first.year, 1, 1))
        folder.write(
            "opening_state",
            ("rulebook", "subject_id", "item", "every", "day", "value"),
            (
                (RULEBOOK, o.subject_id, o.item, "year", o.day, o.value)
                for o in past_outcomes(bank.seed, bank.staffing.posts, first)
            ),
            year_before,
        )


def _held_by_institution(bank: Bank, day: date) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for account in bank.accounts:
        if account.opened_on <= day and (account.closed_on is None or account.closed_on > day):
            found[account.place_on(day)] += account.level_fen
    return dict(found)


def _loan_totals(loans: list[Loan], span: Span) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for loan in loans:
        if loan.lives_in(span):
            found[loan.customer.institution_id] += loan.balance_days(span)
    return dict(found)


def _fee_totals(fees: list[Fee]) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for fee in fees:
        found[fee.institution_id] += fee.amount_fen
    return dict(found)
