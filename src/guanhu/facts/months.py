"""The month index: balance × days of each account in each calendar month that is wholly covered.

It is stored with the batch and read as it stands; only months that several batches share are summed
again from the intervals. Beside it lie the cuts: the same sums up to the days on which an account's credit
changes, so that a month in which an account changed hands need not be opened either.
"""

# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from guanhu.facts import sql
from guanhu.facts.at_rest import CUT_COLUMNS, MONTH_COLUMNS, MONTH_NAMES, QUARTER_COLUMNS
from guanhu.facts.manifest import Hole
from guanhu.facts.regions import ALL, Cell, scope_on_every_day
from guanhu.facts.view import ACCOUNT_SPANS, Piece, Relation, empty_query, in_scope
from guanhu.values.dates import Span, add_months, month_start


def month_span(start: date) -> Span:
    """Return the calendar month that begins on `start`."""
    return Span(start, add_months(start, 1))


def months_within(cells: Iterable[Cell]) -> list[date]:
    """Return the first days of the calendar months that lie wholly in one of the cells."""
    found: set[date] = set()
    for cell in cells:
        month = month_start(cell.span.start)
        if month < cell.span.start:
            month = add_months(month, 1)
        while add_months(month, 1) <= cell.span.end:
            found.add(month)
            month = add_months(month, 1)
    return sorted(found)


def sums_query(relation: str, months: Sequence[date]) -> str:
    """Return the SQL that sums balance × days per account and month over intervals.

    Shapes:   in(relation: account_no, from_day, to_day, balance) -> out(account_no, month_start,
              balance_days). Rows: one for each account with an interval in the month.
    Units:    fen·days. A balance is below 10^15 fen, so a month is below 10^17 and fits 64 bits.
    """
    if not months:
        return empty_query(MONTH_COLUMNS)
    return f"""
SELECT r.account_no, m.month_start,
    CAST(sum(r.balance * date_diff('day', greatest(r.from_day, m.month_start), least(r.to_day, m.month_end))) AS BIGINT)
        AS balance_days
FROM {relation} AS r JOIN {_months_relation(months)} AS m
    ON r.from_day < m.month_end AND r.to_day > m.month_start
GROUP BY r.account_no, m.month_start"""


def by_quarter(query: str) -> str:
    """Return the SQL of sums by month with the three months of a quarter in one row.

    Shapes:   in(account_no, month_start, balance_days) -> out(columns of `at_rest.QUARTER_COLUMNS`).
    """
    months = ", ".join(
        f"CAST(sum(s.balance_days) FILTER (month(s.month_start) % 3 = {place % 3}) AS BIGINT) AS {name}"
        for place, name in enumerate(MONTH_NAMES, start=1)
    )
    return f"""
SELECT s.account_no, CAST(date_trunc('quarter', s.month_start) AS DATE) AS quarter_start, {months}
FROM ({query}) AS s GROUP BY ALL"""


def by_month(quarters: str) -> str:
    """Return the SQL of the month index with a row for each account and month."""
    return "\nUNION ALL\n".join(
        f"SELECT account_no, CAST(quarter_start + INTERVAL {place} MONTH AS DATE) AS month_start, "
        f"{name} AS balance_days FROM {quarters} WHERE {name} IS NOT NULL"
        for place, name in enumerate(MONTH_NAMES)
    )


def cuts_query(relation: str, days: str, months: Sequence[date]) -> str:
    """Return the SQL that sums balance × days from the first day of a month up to each of some days.

    Shapes:   in(relation as of `sums_query`; days: account_no, day) -> out(account_no, day, balance_days?).
              Rows: one for each of the days inside one of `months` that is not its first.
    """
    if not months:
        return empty_query(CUT_COLUMNS)
    return f"""
SELECT d.account_no, d.day,
    CAST(sum(r.balance * date_diff('day', greatest(r.from_day, d.month_start), least(r.to_day, d.day))) AS BIGINT)
        AS balance_days
FROM (
    SELECT DISTINCT s.account_no, s.day, m.month_start FROM ({days}) AS s
    JOIN {_months_relation(months)} AS m ON s.day > m.month_start AND s.day < m.month_end
) AS d
LEFT JOIN {relation} AS r ON r.account_no = d.account_no AND r.from_day < d.day AND r.to_day > d.month_start
GROUP BY d.account_no, d.day"""


def without_holes(query: str, keys: str, holes: Sequence[Hole]) -> str:
    """Return sums without those of an account in a month of which a day is a hole.

    `keys` is a relation (account_no, account_id). A hole without a key takes the month from all accounts.
    """
    if not holes:
        return query
    keys_of = [sql.literal(hole.key[0]) if hole.key else "NULL" for hole in holes]
    spans = [f"{sql.day(hole.span.start)}, {sql.day(hole.span.end)}" for hole in holes]
    rows = ", ".join(f"({key}, {span})" for key, span in zip(keys_of, spans, strict=True))
    return f"""
SELECT s.* FROM ({query}) AS s JOIN {keys} AS k ON k.account_no = s.account_no
WHERE NOT EXISTS (
    SELECT 1 FROM (VALUES {rows}) AS h(account_id, from_day, to_day)
    WHERE coalesce(h.account_id = k.account_id, true)
        AND h.from_day < s.month_start + INTERVAL 1 MONTH AND h.to_day > s.month_start
)"""


def index_relation(
    balances: Sequence[Piece], index_paths: dict[int, str], holes: Sequence[Hole] = ()
) -> Relation:
    """Return the SQL of `f_balance_quarters`: stored sums, and sums of months that batches share.

    Shapes:   out(columns of `at_rest.QUARTER_COLUMNS`). Rows: an account's quarter may have several rows, each
              month of it in one of them.
    """
    selects, stored = [], set()
    whole: list[str] = []
    for path, months, is_whole in _stored(balances, index_paths):
        stored |= set(months)
        if is_whole:
            whole.append(path)
        else:
            shown = ", ".join(
                f"CASE WHEN CAST(quarter_start + INTERVAL {place} MONTH AS DATE) IN ({_listed(months)}) "
                f"THEN {name} END AS {name}"
                for place, name in enumerate(MONTH_NAMES)
            )
            selects.append(f"SELECT account_no, quarter_start, {shown} FROM {sql.parquet([path])}")
    if whole:
        selects.insert(0, f"SELECT * FROM {sql.parquet(whole)}")
    selects += [by_quarter(without_holes(query, "f_accounts", holes)) for query in _shared(balances, stored)]
    return Relation("\nUNION ALL\n".join(selects) if selects else empty_query(QUARTER_COLUMNS))


def cuts_relation(balances: Sequence[Piece], cut_paths: dict[int, str]) -> Relation:
    """Return the SQL of `f_balance_cuts`: the stored cuts of the months that their batches still own.

    Shapes:   out(columns of `at_rest.CUT_COLUMNS`). Rows: at most one for an account and day.
    """
    selects = []
    for path, months, is_whole in _stored(balances, cut_paths):
        where = "" if is_whole else f" WHERE CAST(date_trunc('month', day) AS DATE) IN ({_listed(months)})"
        selects.append(f"SELECT * FROM {sql.parquet([path])}{where}")
    return Relation("\nUNION ALL\n".join(selects) if selects else empty_query(CUT_COLUMNS))


def _stored(balances: Sequence[Piece], paths: dict[int, str]) -> Iterable[tuple[str, list[date], bool]]:
    """Give each stored index with the months that count of it, and whether these are all it has."""
    for piece in balances:
        path = paths.get(piece.batch_no)
        months = months_within(cell for cell in piece.owned if cell.scope.is_all)
        if path is not None and months:
            yield (
                path,
                months,
                months == months_within(cell for cell in piece.declared if cell.scope.is_all),
            )


def _listed(months: Iterable[date]) -> str:
    """Return months for IN."""
    return ", ".join(sql.day(month) for month in months)


def _shared(balances: Sequence[Piece], stored: set[date]) -> list[str]:
    """Return selects over `f_balances` for months covered by several cells together."""
    cells = [cell for piece in balances for cell in piece.owned]
    spans = [Span(start, end) for start, end in _unions(cells)]
    months = [m for m in months_within(Cell(span, ALL, 0) for span in spans) if m not in stored]
    whole = [month for month in months if scope_on_every_day(cells, month_span(month)).is_all]
    partly = [month for month in months if month not in whole]
    found = [sums_query("f_balances", whole)] if whole else []
    if partly:
        sums = sums_query("f_balances", partly)
        covered = _wholly(cells, partly)
        found.append(f"SELECT s.* FROM ({sums}) AS s SEMI JOIN ({covered}) USING (account_no, month_start)")
    return found


def _wholly(cells: Sequence[Cell], months: Sequence[date]) -> str:
    """Return the SQL of the accounts and months of which every day is covered, at its own institution.

    Shapes:   in(f_account_spans) -> out(account_no, month_start). Owned cells do not overlap, so days add up.
    """
    parts = " UNION ALL ".join(
        f"SELECT account_no, greatest(from_day, {sql.day(cell.span.start)}) AS from_day, "
        f"least(to_day, {sql.day(cell.span.end)}) AS to_day FROM {ACCOUNT_SPANS} "
        f"WHERE {in_scope('institution_id', cell.scope)}"
        for cell in cells
    )
    return f"""
SELECT p.account_no, m.month_start FROM ({parts}) AS p JOIN {_months_relation(months)} AS m
    ON p.from_day < m.month_end AND p.to_day > m.month_start AND p.from_day < p.to_day
GROUP BY p.account_no, m.month_start, m.month_end
HAVING sum(date_diff('day', greatest(p.from_day, m.month_start), least(p.to_day, m.month_end)))
    = date_diff('day', m.month_start, m.month_end)"""


def _months_relation(months: Iterable[date]) -> str:
    """Return months as a relation (month_start, month_end)."""
    rows = ", ".join(f"({sql.day(month)}, {sql.day(add_months(month, 1))})" for month in months)
    return f"(SELECT * FROM (VALUES {rows}) AS v(month_start, month_end))"


def _unions(cells: Iterable[Cell]) -> list[tuple[date, date]]:
    """Return the days that any cell covers, as disjoint spans."""
    done: list[tuple[date, date]] = []
    for start, end in sorted((cell.span.start, cell.span.end) for cell in cells):
        if done and start <= done[-1][1]:
            done[-1] = (done[-1][0], max(end, done[-1][1]))
        else:
            done.append((start, end))
    return done
