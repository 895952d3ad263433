# ruff: noqa: INP001 - a script beside its data, not a package

"""Turn the Berka files into import folders of guanhu: `1993`, `1994` (to 03-30) and `1998` (its last day).

    python examples/berka/convert.py --data DIR --out DIR

What each folder holds, and what was decided on the way, is told in README.md beside this file. Amounts are
counted in hundredths of a crown; no balance printed in the ledger is used, because amounts were rounded and a
printed balance is not the sum of what was posted.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEDGER_END = date(1994, 3, 30)
"""The last whole day of the ledger that is at hand; what is later is left out, even where it is known."""
PERIODS = (
    ("1993", date(1993, 1, 1), date(1993, 12, 31)),
    ("1994", date(1994, 1, 1), LEDGER_END),
)
STATUS_DAY = date(1998, 12, 31)
"""The day whose state the loan file tells."""
CLASS_OF_STATUS = {"A": "正常", "B": "损失", "C": "正常", "D": "次级"}
DEBITS = ("VYDAJ", "VYBER")
CREDIT, FEE, REPAYMENT = "PRIJEM", "SLUZBY", "UVER"
PAY_DAY = 12
"""Every instalment in the ledger is paid on the 12th."""
CLASSES = ((1, "正常"), (31, "关注"), (91, "次级"), (181, "可疑"), (361, "损失"))
"""Days without a due instalment from which a loan is in a class, and where a state is written."""
ONE_DAY = timedelta(days=1)

Row = dict[str, str]
Cells = Sequence[str | int | date]


@dataclass(frozen=True)
class Account:
    """An account, the institution that keeps it and the client who owns it."""

    account_id: str
    district_id: str
    client_id: str
    opened_on: date


@dataclass
class Loan:
    """A loan and, from the ledger, what was repaid on which day."""

    loan_id: str
    account: Account
    granted_on: date
    months: int
    amount: int
    instalment: int
    status: str
    repaid: list[tuple[date, int]] = field(default_factory=list)


@dataclass
class Bank:
    """What the Berka files say up to `LEDGER_END`; balances are what accounts hold at the end of a day."""

    districts: list[Row]
    accounts: dict[str, Account]
    loans: list[Loan]
    movements: dict[str, dict[date, int]]
    fees: list[tuple[str, date, int, Account]]


def rows_of(data: Path, name: str) -> Iterator[Row]:
    """Yield the rows of a file, packed or not."""
    packed = data / f"{name}.asc.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (data / f"{name}.asc").read_bytes()
    yield from csv.DictReader(content.decode("ascii").splitlines(), delimiter=";")


def ledger_name(data: Path) -> str:
    """Return the name of the ledger: the whole one if it is there, else its first 15 months."""
    whole = any((data / f"trans.asc{suffix}").exists() for suffix in ("", ".gz"))
    return "trans" if whole else "trans_19930101_19940331"


def day_of(text: str) -> date:
    """Return the day of `YYMMDD`; all years are of the twentieth century."""
    return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:6]))


def hundredths(text: str) -> int:
    """Return an amount as a whole number of hundredths."""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def money(amount: int) -> str:
    """Return hundredths as a file writes money."""
    whole, part = divmod(abs(amount), 100)
    return f"{'-' if amount < 0 else ''}{whole}.{part:02d}"


def load(data: Path) -> Bank:
    """Return the bank, read from the files in `data`.

    Movements of one account on one day are one sum: their order within the day means nothing.
    """
    owner = {row["account_id"]: row["client_id"] for row in rows_of(data, "disp") if row["type"] == "OWNER"}
    accounts = {
        row["account_id"]: Account(
            row["account_id"], row["district_id"], owner[row["account_id"]], day_of(row["date"])
        )
        for row in rows_of(data, "account")
    }
    loans = [
        Loan(
            row["loan_id"],
            accounts[row["account_id"]],
            day_of(row["date"]),
            int(row["duration"]),
            hundredths(row["amount"]),
            hundredths(row["payments"]),
            row["status"],
        )
        for row in rows_of(data, "loan")
    ]
    loan_of = {loan.account.account_id: loan for loan in loans}
    movements: defaultdict[str, defaultdict[date, int]] = defaultdict(lambda: defaultdict(int))
    fees = []
    for row in rows_of(data, ledger_name(data)):
        day, amount, account_id = day_of(row["date"]), hundredths(row["amount"]), row["account_id"]
        if day > LEDGER_END:
            continue
        if row["type"] not in (CREDIT, *DEBITS):
            raise SystemExit(f"trans {row['trans_id']}: type {row['type']}; expected {CREDIT}, {DEBITS}")
        movements[account_id][day] += amount if row["type"] == CREDIT else -amount
        if row["k_symbol"] == FEE:
            fees.append((row["trans_id"], day, amount, accounts[account_id]))
        elif row["k_symbol"] == REPAYMENT:
            loan_of[account_id].repaid.append((day, amount))
    for loan in loans:
        loan.repaid.sort()
    districts = sorted(rows_of(data, "district"), key=lambda row: int(row["A1"]))
    by_day = {account_id: dict(sorted(days.items())) for account_id, days in movements.items()}
    return Bank(districts, accounts, loans, by_day, fees)


def institution_id(district_id: str) -> str:
    """Return the id of the branch of a district."""
    return f"D{int(district_id):02d}"


def balance_points(
    account: Account, movements: dict[date, int], first: date, last: date
) -> Iterator[tuple[date, int]]:
    """Yield the change points of an account from `first` to `last`, the first on the day it is there from."""
    start = max(first, account.opened_on)
    balance = sum(amount for day, amount in movements.items() if day <= start)
    yield start, balance
    for day, amount in movements.items():
        if start < day <= last and amount:
            balance += amount
            yield day, balance


def balance_days(points: Iterable[tuple[date, int]], last: date) -> int:
    """Return Σ closing balance × days up to `last`."""
    days = list(points)
    ends = [*(day for day, _ in days[1:]), last + ONE_DAY]
    return sum(balance * (end - day).days for (day, balance), end in zip(days, ends, strict=True))


def due_days(loan: Loan) -> list[date]:
    """Return the days on which an instalment is due: each 12th after the loan was granted."""
    year, month = loan.granted_on.year, loan.granted_on.month
    if loan.granted_on.day >= PAY_DAY:
        year, month = year + month // 12, month % 12 + 1
    days = []
    for number in range(loan.months):
        months = month - 1 + number
        days.append(date(year + months // 12, months % 12 + 1, PAY_DAY))
    return days


def repaid_on(loan: Loan, day: date) -> int:
    """Return what was repaid on one day."""
    return sum(amount for paid_on, amount in loan.repaid if paid_on == day)


def loan_states(loan: Loan, first: date, last: date) -> Iterator[tuple[date, int, str, int]]:
    """Yield day, balance, class and days overdue at `first` and whenever balance or class changes by `last`.

    A loan that is granted later begins on that day. Only what the ledger shows by then is used: the oldest
    instalment without a repayment is overdue.
    """
    due = due_days(loan)
    said: tuple[int, int] | None = None
    day = max(first, loan.granted_on)
    while day <= last:
        repaid = [amount for paid_on, amount in loan.repaid if paid_on <= day]
        balance = max(0, loan.amount - sum(repaid))
        oldest = due[len(repaid)] if len(repaid) < len(due) else last
        overdue = max(0, (day - oldest).days)
        step = sum(overdue >= days for days, _ in CLASSES)
        if (balance, step) != said:
            said = balance, step
            yield day, balance, CLASSES[step - 1][1] if step else "正常", overdue
        day += ONE_DAY


class Folder:
    """One import folder; every file that is written covers the days of the folder."""

    def __init__(self, path: Path, first: date, last: date) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.first = first
        self.last = last
        self.kinds: list[str] = []

    def write(self, kind: str, columns: str, rows: Iterable[Cells]) -> None:
        """Write the file of a kind; `columns` are its headings, separated by blanks."""
        self.kinds.append(kind)
        with (self.path / f"{kind}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns.split())
            writer.writerows(rows)

    def close(self) -> None:
        """Write `coverage.yaml`."""
        kinds = ", ".join(self.kinds)
        text = f"coverage:\n  - {{kinds: [{kinds}], from: {self.first}, to: {self.last}}}\n"
        (self.path / "coverage.yaml").write_text(text, "utf-8")

    def cut(self, first: str, last: str) -> tuple[date, date] | None:
        """Return the days of a dated row inside the folder, or None; an empty last day is open."""
        start = max(self.first, date.fromisoformat(first))
        end = min(self.last, date.fromisoformat(last)) if last else self.last
        return (start, end) if start <= end else None


def own_rows(name: str) -> list[Row]:
    """Return the rows of a file of ours beside this one."""
    with (HERE / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_institutions(folder: Folder, bank: Bank) -> None:
    """Write the 77 districts, each as one branch."""
    folder.write(
        "institutions",
        "institution_id from_day to_day name level area",
        (
            (institution_id(row["A1"]), folder.first, folder.last, row["A2"], "支行", row["A3"])
            for row in bank.districts
        ),
    )


def write_people(folder: Folder, accounts: Sequence[Account], loans: Sequence[Loan]) -> None:
    """Write staff and posts as people.csv has them, and who has each account and loan by its district."""
    people = own_rows("people.csv")
    folder.write("staff", "person_id name", ((row["person_id"], row["name"]) for row in people))
    folder.write(
        "posts",
        "person_id from_day to_day post grade institution_id",
        (
            (
                row["person_id"],
                folder.first,
                folder.last,
                "客户经理",
                row["grade"],
                institution_id(row["district_id"]),
            )
            for row in people
        ),
    )
    lines: defaultdict[str, list[tuple[Row, date, date]]] = defaultdict(list)
    for row in own_rows("managers.csv"):
        days = folder.cut(row["from_day"], row["to_day"])
        if days is not None:
            lines[row["district_id"]].append((row, *days))
    things = [("account", a.account_id, a.district_id, a.opened_on) for a in accounts]
    things += [("loan", loan.loan_id, loan.account.district_id, loan.granted_on) for loan in loans]
    folder.write(
        "assignments",
        "grain object_id person_id role share from_day to_day",
        (
            (grain, object_id, row["person_id"], row["role"], row["share"], max(start, since), end)
            for grain, object_id, district_id, since in things
            for row, start, end in lines[district_id]
            if since <= end
        ),
    )


def write_ledger(folder: Folder, bank: Bank, accounts: Sequence[Account]) -> None:
    """Write customers, accounts, balances and fees, and the totals that they add up to as figures."""
    owners = sorted({account.client_id for account in accounts}, key=int)
    folder.write("customers", "customer_id customer_kind", ((client_id, "个人") for client_id in owners))
    folder.write(
        "accounts",
        "account_id customer_id product deposit_kind currency institution_id opened_on",
        (
            (a.account_id, a.client_id, "活期", "活期", "CZK", institution_id(a.district_id), a.opened_on)
            for a in accounts
        ),
    )
    points = {
        a.account_id: list(balance_points(a, bank.movements.get(a.account_id, {}), folder.first, folder.last))
        for a in accounts
    }
    folder.write(
        "balances",
        "account_id from_day balance",
        ((account_id, day, money(balance)) for account_id, each in points.items() for day, balance in each),
    )
    fees = [fee for fee in bank.fees if folder.first <= fee[1] <= folder.last]
    folder.write(
        "fees",
        "fee_id day item amount account_id institution_id",
        (
            (trans_id, day, "账户服务费", money(amount), a.account_id, institution_id(a.district_id))
            for trans_id, day, amount, a in fees
        ),
    )
    totals: dict[str, defaultdict[str, int]] = {
        "存款积数总账": defaultdict(int),
        "中收总账": defaultdict(int),
    }
    for account in accounts:
        place = institution_id(account.district_id)
        totals["存款积数总账"][place] += balance_days(points[account.account_id], folder.last)
    for _, _, amount, account in fees:
        totals["中收总账"][institution_id(account.district_id)] += amount
    folder.write(
        "figures",
        "scope subject_id item from_day to_day value",
        (
            (scope, subject_id, item, folder.first, folder.last, money(total))
            for item, places in totals.items()
            for scope, subject_id, total in (
                *(("institution", place, places[place]) for place in sorted(places)),
                ("bank", "bank", sum(places.values())),
            )
        ),
    )


def write_loans(folder: Folder, loans: Sequence[Loan]) -> None:
    """Write loans as they were granted."""
    folder.write(
        "loans",
        "loan_id customer_id product institution_id granted_on amount",
        (
            (
                loan.loan_id,
                loan.account.client_id,
                "个人贷款",
                institution_id(loan.account.district_id),
                loan.granted_on,
                money(loan.amount),
            )
            for loan in loans
        ),
    )


def write_repayment(folder: Folder, loans: Sequence[Loan]) -> None:
    """Write the states of loans and the instalments due, as the ledger shows them by the folder's end."""
    folder.write(
        "loan_states",
        "loan_id from_day balance loan_class overdue_days",
        (
            (loan.loan_id, day, money(balance), loan_class, overdue)
            for loan in loans
            for day, balance, loan_class, overdue in loan_states(loan, folder.first, folder.last)
        ),
    )
    folder.write(
        "interest",
        "interest_id loan_id day due received",
        (
            (
                f"{loan.loan_id}-{day:%Y%m}",
                loan.loan_id,
                day,
                money(loan.instalment),
                money(repaid_on(loan, day)),
            )
            for loan in loans
            for day in due_days(loan)
            if folder.first <= day <= folder.last
        ),
    )


def write_period(out: Path, bank: Bank, name: str, first: date, last: date) -> None:
    """Write the folder of one period of the ledger."""
    accounts = sorted(
        (a for a in bank.accounts.values() if a.opened_on <= last), key=lambda a: int(a.account_id)
    )
    loans = [loan for loan in bank.loans if loan.granted_on <= last]
    folder = Folder(out / name, first, last)
    write_institutions(folder, bank)
    write_people(folder, accounts, loans)
    write_ledger(folder, bank, accounts)
    write_loans(folder, loans)
    write_repayment(folder, loans)
    folder.close()


def write_status(out: Path, bank: Bank) -> None:
    """Write the folder of `STATUS_DAY`: what became of every loan, for looking back only."""
    folder = Folder(out / str(STATUS_DAY.year), STATUS_DAY, STATUS_DAY)
    write_institutions(folder, bank)
    owners = sorted({loan.account.client_id for loan in bank.loans}, key=int)
    folder.write("customers", "customer_id customer_kind", ((client_id, "个人") for client_id in owners))
    write_loans(folder, bank.loans)
    folder.write(
        "loan_states",
        "loan_id from_day balance loan_class",
        (
            (
                loan.loan_id,
                STATUS_DAY,
                "0.00" if loan.status == "A" else money(loan.amount),
                CLASS_OF_STATUS[loan.status],
            )
            for loan in bank.loans
        ),
    )
    folder.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the files and write the three folders."""
    parser = argparse.ArgumentParser(description="Turn the Berka files into import folders of guanhu.")
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder of account.asc(.gz) and the others"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder in which 1993, 1994 and 1998 are made"
    )
    chosen = parser.parse_args(arguments)
    bank = load(chosen.data)
    for name, first, last in PERIODS:
        write_period(chosen.out, bank, name, first, last)
    write_status(chosen.out, bank)
    sys.stdout.write(f"{chosen.out}: 1993, 1994, 1998\n")


if __name__ == "__main__":
    main()
