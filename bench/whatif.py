"""A patch tried on a kept run: the scorecard of ten thousand and of a hundred thousand managers.

The run is kept and open, as a process that tries one patch after another holds it; how long opening takes is
printed. What is timed is everything from the patch to its effects: the patched rulebook loaded and checked, what
it reaches found, the lines reached scored from the frozen measures, and cost, gains, losses, spread, shares by
institution and grade, and the ten largest changes worked out. The patch moves the bound of a score, which moves
totals, tiers and pay. Beside it one query by hand that sums both sides of one line, already kept, as a floor.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from bench.banks import RULEBOOKS, SEED, kept
from bench.measure import THREADS, Plan, Row, seconds
from guanhu.appraisal.running import run_rulebook
from guanhu.appraisal.whatif.laboratory import Laboratory
from guanhu.appraisal.whatif.patch import read_patch
from guanhu.bank.scale import generate_scale
from guanhu.engines.duckdb import DuckDBEngine

BARS = {10_000: 0.5, 100_000: 2.0}
PATCH = "patch: 第一项封顶\nchanges: {lines.k1.most: 45}\n"
ITEMS = {"指标一": 100, "指标二": 50, "指标三": 8, "指标四": 300, "指标五": 10, "基数": 60_000}
TIMES = 5


def engine() -> DuckDBEngine:
    """Return an engine of as many threads as all others."""
    return DuckDBEngine(threads=THREADS)


def make_managers(out: Path, managers: int) -> None:
    """Write an import folder of managers with five figures and a base each, and hardly any account."""
    generate_scale(out, 2, managers, SEED)
    items = ", ".join(f"('{name}', {high})" for name, high in ITEMS.items())
    query = f"""
        SELECT 'person' AS scope, s.person_id AS subject_id, i.item, DATE '2025-01-01' AS from_day,
            DATE '2025-03-31' AS to_day,
            (CAST(hash(s.person_id || i.item) % 10000 AS DECIMAL(18, 9)) / 10000 * i.high)::DECIMAL(18, 2) AS value
        FROM read_parquet('{out / "staff.parquet"}') AS s, (VALUES {items}) AS i(item, high)"""
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{out / 'figures.parquet'}' (FORMAT parquet)")


def rows(plan: Plan) -> Iterable[Row]:
    """Measure both sizes."""
    patch = Path(__file__).parent / ".data" / "patch.yaml"
    for managers, bar in BARS.items():
        bank = kept(f"managers-{managers}", lambda out, n=managers: make_managers(out, n))
        patch.write_text(PATCH, "utf-8")
        shutil.rmtree(bank.path / "runs", ignore_errors=True)
        run = run_rulebook(engine, bank, RULEBOOKS / "scorecard", "2025Q1").folder
        opened: list[Laboratory] = []
        started = seconds(lambda r=run, b=bank, o=opened: o.append(Laboratory(engine, b, r)))
        laboratory = opened[0]
        wanted = read_patch(patch)
        laboratory.tried(wanted)
        times = 2 if plan.quick else TIMES
        took = [seconds(lambda x=laboratory, p=wanted: x.tried(p)) for _ in range(times)]
        effects = laboratory.tried(wanted).effects
        by_hand = seconds(
            lambda x=laboratory: x.engine.connection.execute(
                'SELECT sum(b.num), sum(d.num) FROM "kept/lines" AS b JOIN "draft/lines" AS d USING (subject_id, line) '
                "WHERE line = 'pay'"
            ).fetchall()
        )
        laboratory.close()
        detail = (
            f"{effects.subjects:,} managers, {effects.gain + effects.lose:,} with other pay; best of {len(took)}; "
            f"opened in {started:.2f} s; a sum by hand of what is kept {by_hand:.3f} s"
        )
        yield Row(f"whatif-{managers // 1000}k", min(took), bar, detail, unit="s")
