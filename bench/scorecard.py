"""The scorecard: five figures of a person to points held between bounds, a weighted score, a tier and pay.

Ours are the lines of `rulebooks/scorecard`, compiled to SQL inside the time that is taken and executed over
a table of a million persons with the figures as whole hundredths. The peer is NumPy on 64-bit whole
numbers, its scales worked out by hand for this one card. Both keep every line of every person: five
scores, the total and the pay. Pay is compared person by person; one fen that differs fails the row.

Beside it, without a bar: one quotient at 12 places, of 128-bit whole numbers, for as many persons.
"""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from sqlglot import exp

from bench.banks import RULEBOOKS
from bench.measure import THREADS, Plan, Row, best_of
from guanhu.appraisal.lines import Card, Known
from guanhu.appraisal.parameters import Parameters
from guanhu.appraisal.running import loaded
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.rulebook.explain.past import Past
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run import numeric as n
from guanhu.values.dates import period_of

PERSONS = 1_000_000
BAR = 4
HIGH = {"x1": 100_00, "x2": 50_00, "x3": 8_00, "x4": 300_00, "x5": 10_00, "base": 60_000_00, "done": 10**12}
# Of each figure: the line's start and slope in thousandths per hundredth, least and most, and its weight.
CARD = {
    "x1": (-20_000, 20, 0, 60_000, 30),
    "x2": (45_000, 15, 0, 100_000, 25),
    "x3": (120_000, -200, 0, 100_000, 20),
    "x4": (0, 5, 0, 120_000, 15),
    "x5": (20_000, 100, 0, 100_000, 10),
}
TIERS = np.array([40, 60, 75, 85], np.int64) * 100_000
RATES = np.array([50, 80, 100, 120, 150], np.int64)


def figures() -> dict[str, np.ndarray]:
    """Return the figures of all persons, in hundredths."""
    draw = np.random.default_rng(7)
    found = {name: draw.integers(0, high, PERSONS, dtype=np.int64) for name, high in HIGH.items()}
    found["base"] += 3_000_00
    return found


def by_hand(given: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return the five scores in thousandths, the total in hundred-thousandths and the pay in fen."""
    scores = [
        np.clip(start + slope * given[name], least, most)
        for name, (start, slope, least, most, _) in CARD.items()
    ]
    total = sum(weight * score for score, (*_, weight) in zip(scores, CARD.values(), strict=True))
    rate = RATES[np.searchsorted(TIERS, total, side="right")]
    return [*scores, total, (given["base"] * rate + 50) // 100]


def engine_with(given: dict[str, np.ndarray], threads: int = THREADS) -> DuckDBEngine:
    """Return an engine with the persons as a table."""
    engine = DuckDBEngine(threads=threads)
    engine.connection.register("given", {"subject_no": np.arange(PERSONS), **given})
    columns = ", ".join(f'CAST({name} AS BIGINT) AS "m:{name}"' for name in given)
    engine.connection.execute(
        f"CREATE TABLE persons AS SELECT CAST(subject_no AS INTEGER) AS subject_no, {columns} FROM given"
    )
    engine.connection.unregister("given")
    return engine


def ours(engine: DuckDBEngine, rulebook) -> str:
    """Compile all lines and keep them for everybody; return the table's name."""
    group = rulebook.groups["managers"]
    known = Known({}, {}, Parameters(), Past())
    card = Card(engine, rulebook, group, Instance(period_of("2025Q1"), "quarter"), known, "persons")
    for name in rulebook.measures:
        card.leaves[f"measure:{name}"] = n.column(f"m:{name}", Fraction(1, 100), 0, HIGH[name] + 3_000_00)
    for name in rulebook.order:
        if name in rulebook.lines:
            card.add_line(rulebook.lines[name])
    names = ("subject_no", *rulebook.lines)
    engine.create("lines", card.sheet.select([exp.column(name, quoted=True) for name in names]))
    return "lines"


def wrong_pays(engine: DuckDBEngine, pay: np.ndarray) -> int:
    """Return how many persons' pay is not what NumPy came to."""
    kept = engine.connection.execute("SELECT pay FROM lines ORDER BY subject_no").fetchnumpy()["pay"]
    return int((kept.astype(np.int64) != pay).sum())


def rows(plan: Plan) -> Iterable[Row]:
    """Measure the card against NumPy, and a quotient."""
    given = figures()
    engine = engine_with(given)
    rulebook, _ = loaded(RULEBOOKS / "scorecard")
    mine, theirs = best_of(plan.pairs, lambda: ours(engine, rulebook), lambda: by_hand(given))
    wrong = wrong_pays(engine, by_hand(given)[-1])
    detail = f"ours {mine:.3f} s, NumPy int64 {theirs:.3f} s; {wrong} of {PERSONS:,} persons differ"
    yield Row("scorecard", mine / theirs, BAR, detail, is_right=not wrong)
    quotient, _ = loaded(RULEBOOKS / "quotient")
    (took,) = best_of(plan.pairs, lambda: ours(engine, quotient))
    yield Row("quotient", took, None, f"12 places, {PERSONS:,} persons", unit="s")
    engine.close()
