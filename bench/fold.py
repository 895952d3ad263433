"""The fold: from balances and credit to one sum per manager, against SQL by hand, a scan, pandas and Polars.

All sides start from the same: the balances and the month index as stored (Parquet), and who is credited
with which account from when to when, with which share, ready in memory. All end with one exact sum per
manager (fen · days · share), but pandas and Polars, which may use floating point. All run on as many
threads as we do. Ours compiles its SQL from the rulebook inside the time that is taken.

By hand there are two ways, and the faster counts: every interval clipped to the credited days; and whole
quarters from the month index, intervals only where credit changed in the quarter. pandas and Polars get the
same two. The scan is the least that any way without an index can do: it sums the balance column once.

A third way by hand does what we do: the month index, and the sums that are stored for the days on which credit
changes. Against it `fold-vs-own` shows what it costs us to write the SQL from a rulebook, to keep the figures by
post, and to know nothing beforehand of the credit.
"""

from collections.abc import Callable, Iterable
from datetime import date
from functools import partial

from bench.banks import FULL, RULEBOOKS, bank_of
from bench.measure import THREADS, Plan, Row, best_of
from guanhu.appraisal.appraise import Appraisal
from guanhu.appraisal.figure import Wanted
from guanhu.appraisal.measures import Fold
from guanhu.appraisal.people import cards
from guanhu.appraisal.running import loaded
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.rulebook.instances import Instance
from guanhu.values.dates import period_of

QUARTER = period_of("2025Q1")
CLIPPED = """
SELECT manager, sum(days_sum::HUGEINT * share) AS total FROM (
    SELECT p.manager, p.share,
        sum(b.balance * (least(b.to_day, p.last, :end) - greatest(b.from_day, p.first, :start))) AS days_sum
    FROM f_balances AS b JOIN credit AS p
        ON p.account_no = b.account_no AND p.first < b.to_day AND b.from_day < p.last
    WHERE b.from_day < :end AND b.to_day > :start GROUP BY ALL
) GROUP BY manager"""
QUARTERS = """
SELECT manager, sum(days_sum::HUGEINT * share) AS total FROM (
    SELECT p.manager, p.share, sum(m.month_1 + m.month_2 + m.month_3) AS days_sum
    FROM f_balance_quarters AS m JOIN credit AS p ON p.account_no = m.account_no
    WHERE p.first <= :start AND p.last >= :end AND m.quarter_start = :start GROUP BY ALL
    UNION ALL
    SELECT p.manager, p.share,
        sum(b.balance * (least(b.to_day, p.last, :end) - greatest(b.from_day, p.first, :start)))
    FROM credit AS p JOIN f_balances AS b
        ON p.account_no = b.account_no AND p.first < b.to_day AND b.from_day < p.last
    WHERE (p.first > :start OR p.last < :end) AND b.from_day < :end AND b.to_day > :start GROUP BY ALL
) GROUP BY manager"""
CUTS = """
WITH held AS (
    SELECT account_no, manager, share, (first < :end_1 AND last >= :end_1)::BIGINT AS h1,
        (first < :end_2 AND last >= :end_2)::BIGINT AS h2, (first < :end AND last >= :end)::BIGINT AS h3
    FROM credit
), edges AS (
    SELECT account_no, manager, share, last AS day, 1 AS sign FROM credit WHERE last > :start AND last < :end
    UNION ALL
    SELECT account_no, manager, share, first, -1 FROM credit WHERE first > :start AND first < :end
)
SELECT manager, sum(days_sum::HUGEINT * share) AS total FROM (
    SELECT p.manager, p.share, sum(h1 * m.month_1 + h2 * m.month_2 + h3 * m.month_3) AS days_sum
    FROM f_balance_quarters AS m JOIN held AS p ON p.account_no = m.account_no
    WHERE m.quarter_start = :start GROUP BY ALL
    UNION ALL
    SELECT e.manager, e.share, sum(e.sign * c.balance_days)
    FROM edges AS e JOIN f_balance_cuts AS c ON c.account_no = e.account_no AND c.day = e.day GROUP BY ALL
) GROUP BY manager"""
BY_HAND = {"clipped intervals": CLIPPED, "whole quarters": QUARTERS, "stored cuts": CUTS}


class Ours:
    """A run up to its first figure: facts registered, ground tables laid, pieces and classes made."""

    def __init__(self, bank, rulebook_name: str = "fold", period: str = "2025Q1") -> None:
        self.engine = DuckDBEngine(threads=THREADS)
        self.rulebook, _ = loaded(RULEBOOKS / rulebook_name)
        view = bank.view(events=tuple(self.rulebook.events.values()))
        self.appraisal = Appraisal(self.engine, view, self.rulebook, period_of(period))
        self.appraisal.prepare()
        self.group = self.rulebook.groups["managers"]

    @property
    def connection(self):
        return self.engine.connection

    @property
    def fold(self) -> Fold:
        return self.appraisal.fold

    def wanted(self, measure: str, instance: Instance, span) -> Wanted:
        """Return the order of one figure, its cards made."""
        cards(self.engine, instance, self.group)
        return Wanted(self.rulebook.measures[measure], instance, "person", span, self.group.spells)

    def figures(self, wanted: list[Wanted]) -> list:
        """Return the figures, computed anew: no cube is left from before."""
        self.forget()
        return [self.fold.standing(one) for one in wanted]

    def forget(self) -> None:
        """Drop all cubes, so that the next figures are made from the facts."""
        self.fold.forget()


def by_hand(connection, text: str) -> None:
    """Run SQL written by hand, its result kept as a table, as ours is."""
    days = {"end_1": date(2025, 2, 1), "end_2": date(2025, 3, 1), "start": QUARTER.start, "end": QUARTER.end}
    for name, day in days.items():
        text = text.replace(f":{name}", f"DATE '{day}'")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE hand AS {text}")


def credit_ready(ours: Ours, wanted: Wanted) -> None:
    """Make the credit of the peers from our pieces: manager numbers and days, nothing to resolve."""
    pieces = ours.fold.pieces(wanted.measure, "person", "account_no")
    ours.connection.execute(
        f"CREATE TEMP TABLE credit AS SELECT account_no, subject_no AS manager, weight AS share, "
        f'start_day AS "first", end_day AS "last" FROM "{pieces}" '
        "WHERE start_day < DATE '2025-04-01' AND end_day > DATE '2025-01-01'"
    )


def differing(connection, figure) -> int:
    """Return how many managers have another sum by hand than in our figure, to the last fen · day · share."""
    query = f'SELECT count(*) FROM hand AS h FULL JOIN "{figure.table}" AS f ON f.subject_no = h.manager '
    return connection.execute(query + "WHERE h.total IS DISTINCT FROM f.num").fetchone()[0]


def polars_ways(connection) -> dict[str, Callable[[], object]]:
    """Return the ways in Polars: lazy, streaming, from the same files and a ready frame of credit."""
    import polars as pl

    credit = pl.from_arrow(connection.table("credit").to_arrow_table()).with_columns(
        share=pl.col("share") / 1e9
    )
    balances, quarters = files_of(connection)
    start, end = pl.lit(QUARTER.start), pl.lit(QUARTER.end)

    def clipped(some: pl.DataFrame) -> pl.LazyFrame:
        joined = pl.scan_parquet(balances).join(some.lazy(), on="account_no")
        days = pl.min_horizontal("to_day", "last", end) - pl.max_horizontal("from_day", "first", start)
        amount = pl.col("balance") * pl.col("share") * days.dt.total_days().clip(lower_bound=0)
        return joined.group_by("manager").agg(total=amount.sum())

    whole = (pl.col("first") <= start) & (pl.col("last") >= end)

    def indexed() -> pl.DataFrame:
        index = pl.scan_parquet(quarters).filter(pl.col("quarter_start") == start)
        of_index = index.join(credit.filter(whole).lazy(), on="account_no").group_by("manager")
        days_sum = pl.col("month_1") + pl.col("month_2") + pl.col("month_3")
        sums = of_index.agg(total=(days_sum * pl.col("share")).sum())
        both = pl.concat([sums, clipped(credit.filter(~whole))])
        return both.group_by("manager").agg(pl.col("total").sum()).collect(engine="streaming")

    return {
        "clipped intervals": lambda: clipped(credit).collect(engine="streaming"),
        "whole quarters": indexed,
    }


def pandas_ways(connection) -> dict[str, Callable[[], object]]:
    """Return the ways in pandas: whole numbers of days, from the same files and a ready frame of credit."""
    import pandas as pd

    credit = connection.table("credit").df()
    credit["share"] /= 1e9
    balances, quarters = files_of(connection)
    start, end = (pd.Timestamp(day) for day in (QUARTER.start, QUARTER.end))

    def days_of(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
        for name in columns:
            frame[name] = pd.to_datetime(frame[name])
        return frame

    # Its own dates know no year 9999.
    credit["first"] = credit["first"].clip(lower=start)
    credit["last"] = credit["last"].clip(upper=end)

    def clipped(some: pd.DataFrame) -> pd.Series:
        columns = ["account_no", "from_day", "to_day", "balance"]
        rows = days_of(pd.read_parquet(balances, columns=columns), ("from_day", "to_day"))
        rows = rows.merge(some, on="account_no")
        first = rows["from_day"].where(rows["from_day"] > rows["first"], rows["first"])
        last = rows["to_day"].where(rows["to_day"] < rows["last"], rows["last"])
        days = (last - first).dt.days.clip(lower=0)
        return (rows["balance"] * rows["share"] * days).groupby(rows["manager"]).sum()

    whole = (credit["first"] <= start) & (credit["last"] >= end)

    def indexed() -> pd.Series:
        index = days_of(pd.read_parquet(quarters), ("quarter_start",))
        index = index[index["quarter_start"] == start].merge(credit[whole], on="account_no")
        days_sum = index["month_1"] + index["month_2"] + index["month_3"]
        sums = (days_sum * index["share"]).groupby(index["manager"]).sum()
        return sums.add(clipped(credit[~whole]), fill_value=0)

    return {"clipped intervals": lambda: clipped(credit), "whole quarters": indexed}


def files_of(connection) -> tuple[str, str]:
    """Return the Parquet files of the balances and of the month index."""
    found = []
    for name in ("f_balances", "f_balance_quarters"):
        plan = connection.execute("SELECT sql FROM duckdb_views() WHERE view_name = ?", [name]).fetchone()[0]
        found.append(next(part for part in plan.split("'") if part.endswith(".parquet")))
    return found[0], found[1]


def ready(accounts: int = FULL) -> tuple[Ours, Wanted]:
    """Return our side and the order of the one figure."""
    ours = Ours(bank_of(accounts))
    wanted = ours.wanted("deposits", Instance(QUARTER, "quarter"), QUARTER)
    credit_ready(ours, wanted)
    return ours, wanted


def rows(plan: Plan) -> Iterable[Row]:
    """Measure the fold against each of its peers."""
    ours, wanted = ready()
    work = partial(ours.figures, [wanted])
    (figure,) = work()
    wrong = 0
    for text in BY_HAND.values():
        by_hand(ours.connection, text)
        wrong += differing(ours.connection, figure)
    hands = {name: partial(by_hand, ours.connection, text) for name, text in BY_HAND.items()}
    own = {"stored cuts": hands.pop("stored cuts")}
    yield against("fold-vs-hand", plan, work, hands, 1.1, is_right=not wrong)
    yield against("fold-vs-own", plan, work, own, None, is_right=not wrong)
    scan = "SELECT sum(balance), count(*) FROM f_balances"
    bare = {"scan": lambda: ours.connection.execute(scan).fetchall()}
    yield against("fold-vs-scan", plan, work, bare, 4)
    for name, ways, bar in (("pandas", pandas_ways, 5), ("polars", polars_ways, 1)):
        peers = ways(ours.connection)
        is_right = all(is_near(ours.connection, way()) for way in peers.values())
        yield faster(f"fold-vs-{name}", plan, work, peers, bar, is_right=is_right)


def is_near(connection, sums) -> bool:
    """Tell whether sums in floating point are those by hand, each manager's to a thousand-millionth."""
    exact = connection.execute("SELECT manager, total FROM hand ORDER BY manager").fetchall()
    if hasattr(sums, "sort_index"):
        near = list(sums.sort_index().items())
    else:
        near = sums.sort("manager").select("manager", "total").rows()
    same = [number for number, _ in exact] == [number for number, _ in near]
    return same and all(
        abs(e / 10**9 - f) <= abs(f) / 10**9 for (_, e), (_, f) in zip(exact, near, strict=True)
    )


def against(name, plan, work, peers, bar: float | None, *, is_right=True) -> Row:
    """Return the row of our time ÷ that of the best peer."""
    mine, *theirs = best_of(plan.pairs, work, *peers.values())
    shown = ", ".join(f"{way} {took:.3f} s" for way, took in zip(peers, theirs, strict=True))
    equal = "" if is_right else "; NOT EQUAL"
    return Row(name, mine / min(theirs), bar, f"ours {mine:.3f} s; {shown}{equal}", is_right=is_right)


def faster(name, plan, work, peers, bar, *, is_right) -> Row:
    """Return the row of the best peer's time ÷ ours."""
    row = against(name, plan, work, peers, bar, is_right=is_right)
    return Row(name, 1 / row.measured, bar, row.detail, at_least=True, is_right=is_right)
