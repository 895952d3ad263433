"""Explaining one manager's quarter, as a screen would ask for it: the facts read anew and every step kept.

The run is kept and open, its rulebook loaded and the facts of the bank held in memory, as a process that serves
screens holds them; how long that takes once is printed. What is timed is everything from a manager's id to the
traces of the quarter: finding the accounts, balances and assignments of that manager among those of the whole
bank, and evaluating each line from whole numbers. Different managers are asked for in turn, none
twice and none with more than 500 accounts, and the median counts: nothing read for one serves another.
"""

import shutil
from collections.abc import Iterable
from statistics import median

from bench.banks import FULL, RULEBOOKS, bank_of
from bench.measure import THREADS, Plan, Row, seconds
from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.running import run_rulebook
from guanhu.engines.duckdb import DuckDBEngine

ACCOUNTS_MOST = 500
ALLOWED_MS = 50


def engine() -> DuckDBEngine:
    """Return an engine of as many threads as all others."""
    return DuckDBEngine(threads=THREADS)


def managers(opened: OpenRun, count: int) -> list[str]:
    """Return managers with as many accounts as allowed, those with most first."""
    query = (
        "SELECT person_id FROM f_assignments GROUP BY person_id "
        f"HAVING count(DISTINCT object_id) <= {ACCOUNTS_MOST} ORDER BY count(DISTINCT object_id) DESC, 1 LIMIT ?"
    )
    return [person for (person,) in opened.engine.connection.execute(query, [count]).fetchall()]


def rows(plan: Plan) -> Iterable[Row]:
    """Measure the median over managers."""
    bank = bank_of(FULL)
    shutil.rmtree(bank.path / "runs", ignore_errors=True)
    opened = OpenRun(engine, bank, run_rulebook(engine, bank, RULEBOOKS / "fold", "2025Q1").folder)
    resided = seconds(opened.explainer.reader.reside)
    first, *people = managers(opened, 1 + (5 if plan.quick else 21))
    opened.explain(first)
    taken, read = [], []
    for person in people:
        planned = opened.planned_for(person, "person")
        taken.append(seconds(lambda p=person, i=planned: opened.explainer.subject(p, "person", i)))
        read.append(seconds(lambda p=person: opened.explainer.facts(p, "person")))
    accounts = len(opened.explainer.facts(people[0], "person").accounts)
    opened.close()
    detail = (
        f"reading {1000 * median(read):.0f} ms of it; {len(people)} managers with up to {accounts} accounts; "
        f"facts held in memory once in {resided:.1f} s"
    )
    yield Row("explain", 1000 * median(taken), ALLOWED_MS, detail, unit="ms")
