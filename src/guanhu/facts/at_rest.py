"""How a kind of fact rests in a batch: the columns of its Parquet file, in order, with their types."""

from __future__ import annotations

from guanhu.kinds.catalogue import KINDS
from guanhu.kinds.schema import SQL_TYPES, Dated, Kind

HAS_ACCOUNT_NO = frozenset({"accounts", "balances", "account_rates", "assignments"})
"""Kinds whose rows carry `account_no`, the bank-wide dense number of the account."""
QUARTERS = "balance_quarters"
"""The month index of balances: Σ balance × days of an account in each month of a quarter, in fen·days.

Three months lie in one row, as one account's quarter is read at once; NULL is a month without an interval
of the account or not wholly covered.
"""
MONTH_NAMES = ("month_1", "month_2", "month_3")
QUARTER_COLUMNS = (
    ("account_no", "INTEGER"),
    ("quarter_start", "DATE"),
    *((name, "BIGINT") for name in MONTH_NAMES),
)
MONTHS = "balance_months"
"""The same, one row for each account and month; made of `QUARTERS`, not stored."""
MONTH_COLUMNS = (("account_no", "INTEGER"), ("month_start", "DATE"), ("balance_days", "BIGINT"))
CUTS = "balance_cuts"
"""Σ balance × days of an account from a month's first day to a day on which its credit changes, that day excluded.

Only a shortcut: it holds the days that were known at import, and what it lacks is summed from the intervals.
NULL says that the account has no interval before that day in that month.
"""
CUT_COLUMNS = (("account_no", "INTEGER"), ("day", "DATE"), ("balance_days", "BIGINT"))
INDEXES = (QUARTERS, MONTHS, CUTS)
WHEN_EMPTY = {"role": "lead", "book": "main"}
"""What an empty cell of `assignments` rests as."""


def kind_named(name: str, declared: tuple[Kind, ...] = ()) -> Kind | None:
    """Return the kind of that name from the catalogue or the declared events, or None."""
    return KINDS.get(name) or next((kind for kind in declared if kind.name == name), None)


def columns_of(kind: Kind) -> tuple[tuple[str, str], ...]:
    """Return the names and types at rest, `batch_no` and `row_no` last.

    >>> [name for name, _ in columns_of(KINDS["balances"])]
    ['account_no', 'account_id', 'from_day', 'to_day', 'balance', 'batch_no', 'row_no']
    """
    found = [("account_no", "INTEGER")] if kind.name in HAS_ACCOUNT_NO else []
    for column in kind.file_columns:
        found.append((column.name, SQL_TYPES[column.type]))
        if kind.dated is Dated.CHANGE and column.name == "from_day":
            found.append(("to_day", "DATE"))
    return (*found, ("batch_no", "INTEGER"), ("row_no", "BIGINT"))


def order_of(kind: Kind) -> tuple[str, ...]:
    """Return the columns by which the file is sorted: the key, then the day."""
    key = ("account_no",) if kind.name in HAS_ACCOUNT_NO - {"assignments"} else kind.key
    if kind.name == "assignments":
        grain, *others = kind.key
        key = (grain, "account_no", *others)
    if kind.dated in (Dated.SPAN, Dated.CHANGE):
        return (*key, "from_day")
    return (kind.day, *key) if kind.dated is Dated.DAY else key


def values_of(kind: Kind) -> tuple[str, ...]:
    """Return the names of all columns at rest but the dates of a span and the row's place."""
    left_out = {"batch_no", "row_no"}
    if kind.dated in (Dated.SPAN, Dated.CHANGE):
        left_out |= {"from_day", "to_day"}
    return tuple(name for name, _ in columns_of(kind) if name not in left_out)
