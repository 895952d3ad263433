"""Where a relation is, and that arithmetic away is the arithmetic at home."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from guanhu.engines.duckdb import DuckDBEngine

WIDE = 2**126 - 1
pytestmark = pytest.mark.filterwarnings("ignore")


def sql(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, dialect="duckdb")


@pytest.fixture
def engine(spark: Any) -> Iterator[Any]:
    from guanhu.engines.spark import SparkEngine

    with closing(SparkEngine(spark, home_rows=3, threads=1)) as found:
        found.load(
            "many", (("k", "BIGINT"), ("x", "HUGEINT")), [(i, 10**30 * (i - 5) + i) for i in range(10)]
        )
        # What is loaded is at home, however much it is; a part of it is asked of Spark.
        found._keep("away", found.session.table(found._send("many")))
        yield found


def test_a_small_result_comes_home_and_a_large_one_stays(engine: Any) -> None:
    assert "away" in engine._away
    engine.create("some", sql("SELECT k % 2 AS odd, sum(x) AS x FROM away GROUP BY 1"))
    engine.create("all", sql("SELECT k, x FROM away"))
    assert "some" not in engine._away
    assert "all" in engine._away
    assert sorted(engine.rows(sql("SELECT odd, x FROM some"))) == [
        (odd, sum(10**30 * (i - 5) + i for i in range(10) if i % 2 == odd)) for odd in (0, 1)
    ]


def test_a_name_changes_its_place_and_its_kind(engine: Any, tmp_path: Path) -> None:
    engine.create("it", sql("SELECT k, x FROM away WHERE k < 2"))
    assert engine.rows(sql("SELECT count(*) FROM it")) == [(2,)]
    engine.create("it", sql("SELECT k, x FROM away"))
    engine.show("view", sql("SELECT k FROM it WHERE k > 6"))
    engine.create("it", sql("SELECT k, x FROM it WHERE k < 8"))
    assert engine.rows(sql("SELECT k FROM view ORDER BY k")) == [(7,), (8,), (9,)]
    engine.create("it", sql("SELECT 1 AS k"))
    assert engine.rows(sql("SELECT * FROM it")) == [(1,)]
    engine.show("it", sql("SELECT 2 AS k"))
    assert engine.rows(sql("SELECT * FROM it")) == [(2,)]
    engine.write(sql("SELECT k, CAST(x AS VARCHAR) AS x FROM away ORDER BY k DESC"), tmp_path / "out.parquet")
    with closing(DuckDBEngine(threads=1)) as other:
        found = other.rows(sql(f"SELECT k, x FROM read_parquet('{tmp_path}/out.parquet')"))
    assert found == [(i, str(10**30 * (i - 5) + i)) for i in reversed(range(10))]


def test_inserted_by_place_from_away(engine: Any) -> None:
    engine.create("target", sql("SELECT CAST(0 AS BIGINT) AS a, CAST(0 AS HUGEINT) AS b"))
    rows = sql("SELECT k, x FROM away WHERE k = 6 UNION ALL SELECT k, k FROM away WHERE k = 7")
    engine.execute(exp.Insert(this=exp.to_table("target"), expression=rows))
    assert sorted(engine.rows(sql("SELECT a, b FROM target"))) == [(0, 0), (6, 10**30 + 6), (7, 7)]


@pytest.mark.parametrize(
    ("over", "under"), [(7, 2), (-7, 2), (7, -2), (10**29, 2), (WIDE, 10**8), (-WIDE, 10**9)]
)
def test_division_goes_towards_zero_at_any_width(engine: Any, over: int, under: int) -> None:
    query = f"SELECT CAST({over} AS HUGEINT) // CAST({under} AS HUGEINT), CAST({over} AS HUGEINT) % CAST({under} AS HUGEINT) FROM away WHERE k = 1"
    whole = abs(over) // abs(under) * (1 if (over < 0) == (under < 0) else -1)
    assert engine.rows(sql(query)) == [(whole, over - whole * under)]


def test_what_leaves_the_width_ends_the_query(engine: Any) -> None:
    with pytest.raises(Exception, match=r"OVERFLOW|OUT_OF_RANGE|ARITHMETIC"):
        engine.rows(sql(f"SELECT CAST({WIDE} AS HUGEINT) * k FROM away"))


def test_unknown_parts(engine: Any) -> None:
    engine.load("gaps", (("a", "BIGINT"), ("b", "BIGINT")), [(1, None), (None, 2), (3, 4), (6, 5)])
    engine._keep("gaps", engine.session.table(engine._send("gaps")))
    guarded = exp.select(
        exp.column("a"), exp.Least(this=exp.column("a"), expressions=[exp.column("b")])
    ).from_("gaps")
    assert sorted(engine.rows(guarded), key=str) == [(1, None), (3, 3), (6, 5), (None, None)]
    assert engine.rows(sql("SELECT sum(a), count(b), min(least(a, b)) FROM gaps")) == [(10, 3, 1)]
    with closing(DuckDBEngine(threads=1)) as other:
        other.load("gaps", (("a", "BIGINT"), ("b", "BIGINT")), [(1, None), (None, 2), (3, 4), (6, 5)])
        assert sorted(other.rows(guarded), key=str) == sorted(engine.rows(guarded), key=str)
