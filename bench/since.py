"""A run since an earlier one: the balances of one of a hundred institutions are delivered again, late.

The bank has a million accounts and a run of the quarter. Then one branch's balances come anew, all of them raised: a
hundredth of the accounts. What is timed is a run since the earlier one, from the files of the bank to a kept run,
against a whole run of the same moment; both must have the same digest. Imports and the earlier run are not timed.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from bench.banks import DATA, FULL, RULEBOOKS, SEED, bank_of, managers_of
from bench.measure import THREADS, Plan, Row, best_of
from guanhu.appraisal.increment.touched import Touched
from guanhu.appraisal.running import run_rulebook
from guanhu.appraisal.runs import RunFolder
from guanhu.bank.scale import generate_scale
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.values.problem import errors_in

BAR = 0.15
BRANCH = "B0007"
PERIOD = "2025Q1"


def late_bank(accounts: int) -> Bank:
    """Return the bank to which one branch's balances were delivered once more."""
    target = DATA / f"late-{accounts}"
    if target.exists():
        return Bank(target)
    first, partial, folder = bank_of(accounts), DATA / "late.part", DATA / "late.in"
    for left in (partial, folder):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(first.path / "batches", partial / "batches")
    shutil.copy(first.path / "bank.toml", partial)
    generate_scale(folder, accounts, managers_of(accounts), SEED)
    raise_one_branch(folder)
    result = import_folder(folder, Bank(partial))
    if wrong := errors_in(result.problems):
        raise RuntimeError(wrong[0].text())
    shutil.rmtree(folder)
    partial.rename(target)
    return Bank(target)


def raise_one_branch(folder: Path) -> None:
    """Leave of an import folder the balances of one branch, one fen in each of them more."""
    with duckdb.connect() as connection:
        balances, accounts, out = (str(folder / f"{x}.parquet") for x in ("balances", "accounts", "late"))
        query = f"""
            SELECT b.account_id, b.from_day, CAST(b.balance + 0.01 AS DECIMAL(18, 2)) AS balance
            FROM read_parquet('{balances}') AS b JOIN read_parquet('{accounts}') AS a USING (account_id)
            WHERE a.institution_id = '{BRANCH}'"""
        connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet)")
    for path in folder.glob("*.parquet"):
        if path.stem != "late":
            path.unlink()
    (folder / "late.parquet").rename(folder / "balances.parquet")
    text = (
        f"coverage:\n  - {{kinds: [balances], institutions: [{BRANCH}], from: 2025-01-01, to: 2025-03-31}}\n"
    )
    (folder / "coverage.yaml").write_text(text, "utf-8")


def engine() -> DuckDBEngine:
    """Return an engine of as many threads as all others."""
    return DuckDBEngine(threads=THREADS)


def rows(plan: Plan) -> Iterable[Row]:
    """Measure a run since an earlier one against a whole run, in turns."""
    accounts = FULL // 4 if plan.quick else FULL
    bank = late_bank(accounts)
    shutil.rmtree(bank.path / "runs", ignore_errors=True)
    earlier = run_rulebook(engine, bank, RULEBOOKS / "fold", PERIOD, as_of=1).folder
    before = DATA / "since.earlier"
    shutil.rmtree(before, ignore_errors=True)
    shutil.move(str(earlier.path), before)
    digests: set[str] = set()
    touched: list[Touched] = []

    def run(since: RunFolder | None) -> None:
        shutil.rmtree(bank.path / "runs", ignore_errors=True)
        made = run_rulebook(engine, bank, RULEBOOKS / "fold", PERIOD, since=since, told=touched.append)
        digests.add(made.folder.record["digest"])

    pairs = 2 if plan.quick else 3
    part, whole = best_of(pairs, lambda: run(RunFolder(before)), lambda: run(None))
    shutil.rmtree(before)
    detail = (
        f"{len(touched[0].ids['account']):,} of {accounts:,} accounts touched; "
        f"since {part:.2f} s, whole {whole:.2f} s; {'the same digest' if len(digests) == 1 else 'DIGESTS DIFFER'}"
    )
    yield Row("since", 100 * part / whole, 100 * BAR, detail, unit="%", is_right=len(digests) == 1)
