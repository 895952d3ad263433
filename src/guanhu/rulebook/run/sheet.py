"""A sheet: a table of subjects that gains columns, stage by stage, as nested subqueries.

Each division names its operands several times; unless they are columns the SQL grows exponentially.
So every figure that is not a plain column is bound as one, in the first stage after all it reads.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from guanhu.rulebook.run.numeric import Bool, Compiled, Day, Num, Pair, Word, typed


class Sheet:
    """Columns by stage over a source. Stage 0 is the source itself."""

    def __init__(self, source: exp.Expr, prefix: str = "_") -> None:
        """Start from a table or subquery; its columns are at level 0. New ones are `prefix` and a number."""
        self.prefix = prefix
        self.source = source
        self.stages: list[list[tuple[str, exp.Expr]]] = []
        self._names: dict[tuple[int, str], str] = {}
        self._count = 0

    def bind(self, value: Compiled, name: str = "") -> Compiled:
        """Return the same value as a column of the stage after those it reads."""
        if isinstance(value, Pair):
            dividend, divisor = self.bind(value.dividend), self.bind(value.divisor)
            if not isinstance(dividend, Num) or not isinstance(divisor, Num):
                raise TypeError(name)
            return Pair(dividend, divisor)
        if not name and (isinstance(value.sql, exp.Column) or _is_literal(value.sql)):
            return value
        level = value.level + 1
        sql = typed(value.sql, value.size) if isinstance(value, Num) else value.sql
        # To print a node of a formula changes nothing in it (of string_agg it would): no copy is needed.
        key = (level, sql.sql(dialect=DuckDB, copy=False))
        if not name and key in self._names:
            bound = self._names[key]
        else:
            bound = name or self._fresh()
            self._names.setdefault(key, bound)
            self._at(level).append((bound, sql))
        column = exp.column(bound, quoted=True)
        match value:
            case Num():
                return Num(column, value.scale, value.low, value.high, level)
            case Bool():
                return Bool(column, level)
            case Word():
                return Word(column, level)
            case Day():
                return Day(column, level)

    def forget(self, names: set[str]) -> None:
        """Take back columns that were bound under these names."""
        self.stages = [[column for column in stage if column[0] not in names] for stage in self.stages]
        self._names = {key: name for key, name in self._names.items() if name not in names}

    def _fresh(self) -> str:
        self._count += 1
        return f"{self.prefix}{self._count}"

    def _at(self, level: int) -> list[tuple[str, exp.Expr]]:
        while len(self.stages) < level:
            self.stages.append([])
        return self.stages[level - 1]

    def select(self, columns: list[exp.Expr]) -> exp.Select:
        """Return SELECT columns FROM the last stage."""
        return selected(columns, self.table())

    def table(self) -> exp.Expr:
        """Return the last stage as a table expression."""
        current = self.source
        for stage in self.stages:
            if not stage:
                continue
            # Built by hand: the library's own builders copy all that they are given.
            made = [exp.Alias(this=sql, alias=exp.to_identifier(name, quoted=True)) for name, sql in stage]
            query = selected([exp.Star(), *made], current)
            current = query.subquery("s", copy=False)
        return current


def selected(columns: list[exp.Expr], source: exp.Expr) -> exp.Select:
    """Return SELECT columns FROM source, of the very trees that are given."""
    return exp.Select(expressions=columns).from_(source, copy=False)


def _is_literal(sql: exp.Expr) -> bool:
    inner = sql.this if isinstance(sql, exp.Neg | exp.Cast | exp.Paren) else sql
    return isinstance(inner, exp.Literal | exp.Boolean)
