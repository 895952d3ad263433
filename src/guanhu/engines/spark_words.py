"""The words of Spark SQL for trees that are written for DuckDB.

Where the two mean different things by the same word, the tree's meaning (DuckDB's) is kept:

    128-bit integers        DECIMAL(38, 0); the compiler proves every figure below 2^126 < 10^38
    n // d                  (n − n % d) / d: `div` gives a BIGINT, silently wrong above 2^63
    sum                     over DECIMAL(38, 0): the sum of BIGINT would stay one
    least, greatest         unknown when a part is unknown, unless the tree says that they skip it
    date_diff               a BIGINT
    last(x ORDER BY y)      max_by(x, y), which, too, may give an unknown value
    QUALIFY                 a condition kept as a column, and asked outside
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.spark import Spark

_WIDE = "DECIMAL(38, 0)"
_QUALIFIES = "_qualifies"


def _int_div(words: Any, node: exp.IntDiv) -> str:
    """Print division towards zero; the caller guards the divisor."""
    over, under = (f"CAST({words.sql(x)} AS {_WIDE})" for x in (node.this, node.expression))
    return f"CAST(({over} - {over} % {under}) / {under} AS {_WIDE})"


def _sum(words: Any, node: exp.Sum) -> str:
    return f"SUM(CAST({words.sql(node.this)} AS {_WIDE}))"


def _days(words: Any, node: exp.DateDiff) -> str:
    return f"CAST(DATEDIFF({words.sql(node.this)}, {words.sql(node.expression)}) AS BIGINT)"


def _of_all(words: Any, node: exp.Least | exp.Greatest) -> str:
    parts = [words.sql(x) for x in (node.this, *node.expressions)]
    call = f"{type(node).__name__.upper()}({', '.join(parts)})"
    if node.args.get("ignore_nulls"):
        return call
    unknown = " OR ".join(f"({part}) IS NULL" for part in parts)
    return f"CASE WHEN {unknown} THEN NULL ELSE {call} END"


def _last(words: Any, node: exp.Last) -> str:
    """Print the last value by an order; as in the tree, it may be unknown."""
    if isinstance(node.this, exp.Order):
        (key,) = node.this.expressions
        return f"MAX_BY({words.sql(node.this.this)}, {words.sql(key.this)})"
    return f"LAST({words.sql(node.this)})"


def _known(words: Any, node: exp.IgnoreNulls) -> str:
    """Print a choice among the known values; as an argument, so that FILTER and OVER may follow."""
    chosen = node.this
    name = {exp.AnyValue: "ANY_VALUE", exp.First: "FIRST", exp.Last: "LAST"}[type(chosen)]
    return f"{name}({words.sql(chosen.this)}, TRUE)"


def _call(words: Any, node: exp.Anonymous) -> str:
    """Print a call; `error` ends the query with its message."""
    name = "RAISE_ERROR" if node.name.lower() == "error" else node.name
    return f"{name}({words.expressions(node, flat=True)})"


class SparkWords(Spark):
    """Spark SQL as guanhu's trees need it."""

    class Generator(Spark.Generator):  # type: ignore[misc, valid-type]
        """Prints the nodes whose meaning differs; all others as SQLGlot does."""

        TYPE_MAPPING: ClassVar = {**Spark.Generator.TYPE_MAPPING, exp.DType.INT128: _WIDE}
        TRANSFORMS: ClassVar = {
            **Spark.Generator.TRANSFORMS,
            exp.Anonymous: _call,
            exp.DateDiff: _days,
            exp.Greatest: _of_all,
            exp.IgnoreNulls: _known,
            exp.IntDiv: _int_div,
            exp.Last: _last,
            exp.Least: _of_all,
            exp.Sum: _sum,
        }


def without_qualify(query: exp.Expr) -> exp.Expr:
    """Return a query in which each QUALIFY has become a column asked by a select around it.

    >>> import sqlglot
    >>> tree = sqlglot.parse_one("SELECT a FROM t QUALIFY max(b) OVER () = b", dialect="duckdb")
    >>> without_qualify(tree).sql(dialect=SparkWords)
    'SELECT * EXCEPT (_qualifies) FROM (SELECT a, MAX(b) OVER () = b AS _qualifies FROM t) AS _q WHERE _qualifies'
    """
    for select in [x for x in query.find_all(exp.Select) if x.args.get("qualify")]:
        condition = select.args["qualify"].this
        select.set("qualify", None)
        inner = select.copy().select(exp.alias_(condition, _QUALIFIES), copy=False)
        outer = exp.select(exp.Star(except_=[exp.to_identifier(_QUALIFIES)]))
        outer = outer.from_(inner.subquery("_q", copy=False)).where(exp.column(_QUALIFIES))
        if order := inner.args.get("order"):
            inner.set("order", None)
            outer.set("order", order)
        if select is query:
            query = outer
        else:
            select.replace(outer)
    return query
