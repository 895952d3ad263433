"""Many windows: twelve measures in each of eight quarters, against one measure in one window of the same rows.

The bank has two years of changes, some 88 of each account, and credit that changed once for every seventh
account. The peer is our own fold of a single daily average over the two years: it reads the same balances
and the same credit once. Both begin with ready pieces and classes and without cubes. The ratio says what
96 figures cost when one would have cost 1; it stays small only if the balances are passed over once for all.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from bench.banks import SEED, kept, managers_of
from bench.fold import Ours
from bench.measure import Plan, Row, best_of
from guanhu.bank.scale import generate_scale
from guanhu.rulebook.instances import Instance, planned
from guanhu.values.dates import period_of

ACCOUNTS = 100_000
YEARS = period_of("2024-01-01..2025-12-31")
BAR = 3
# The quarter's changes come again in each quarter of the two years; spans reach over all of it.
FIRST = "DATE '2024-01-01'"
STRETCHED = f"""* REPLACE (
    CASE WHEN from_day = DATE '2025-01-01' THEN {FIRST} ELSE from_day END AS from_day,
    CASE WHEN to_day = DATE '2025-03-31' THEN DATE '2025-12-31' ELSE to_day END AS to_day)"""
REPEATED = f"""* EXCLUDE (q) REPLACE (
    ({FIRST} + to_months(3 * CAST(q AS INTEGER)))::DATE + CAST(from_day - DATE '2025-01-01' AS INTEGER) AS from_day)"""
CHANGED = {
    "institutions": f"SELECT {STRETCHED} FROM given",
    "posts": f"SELECT {STRETCHED} FROM given",
    "assignments": f"SELECT {STRETCHED} FROM given",
    "balances": f"SELECT {REPEATED} FROM given, range(8) AS r(q)",
}


def make_two_years(out: Path) -> None:
    """Write an import folder of two years into `out`."""
    generate_scale(out, ACCOUNTS, managers_of(ACCOUNTS), SEED)
    (out / "figures.parquet").unlink()
    with duckdb.connect() as connection:
        for name, query in CHANGED.items():
            path, partial = out / f"{name}.parquet", out / f"{name}.partial"
            connection.execute(f"CREATE OR REPLACE VIEW given AS SELECT * FROM read_parquet('{path}')")
            connection.execute(f"COPY ({query}) TO '{partial}' (FORMAT parquet, COMPRESSION zstd)")
            partial.rename(path)
    text = (out / "coverage.yaml").read_text("utf-8").replace(", figures]", "]")
    for old, new in (("2025-01-01", "2024-01-01"), ("2025-03-31", "2025-12-31")):
        text = text.replace(old, new)
    (out / "coverage.yaml").write_text(text, "utf-8")


def rows(plan: Plan) -> Iterable[Row]:
    """Measure 96 figures against one."""
    bank = kept(f"years-{ACCOUNTS}", make_two_years)
    many = Ours(bank, "windows", str(YEARS))
    quarters = planned(many.rulebook, YEARS)
    asked = [
        many.wanted(name, quarter, quarter.days) for quarter in quarters for name in many.rulebook.measures
    ]
    one = Ours(bank, "fold", str(YEARS))
    one.fold.cubes.plans.clear()
    single = [one.wanted("deposits", Instance(YEARS, "campaign"), YEARS)]
    mine, alone = best_of(plan.pairs, lambda: many.figures(asked), lambda: one.figures(single))
    (changes,) = one.connection.execute("SELECT count(*) FROM f_balances").fetchone()
    detail = f"{len(asked)} figures {mine:.3f} s, one {alone:.3f} s; {changes:,} balances"
    yield Row("windows", mine / alone, BAR, detail)
