"""What an appraisal came to, as long tables: people, lines and measures, a row for each.

The shapes are those of a run's folder (see `runs`); every result of an instance and group adds its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from guanhu.appraisal.appraise import Result
from guanhu.appraisal.engine import Engine
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Bool, Compiled, Num, Pair
from guanhu.rulebook.run.template import filled, table_named, union_all


def create_people(engine: Engine, name: str, results: Sequence[Result]) -> None:
    """Keep who was appraised as the table `name`, a row for each card."""
    _create(engine, name, [_people(r) for r in results], _PEOPLE_EMPTY)


def create_lines(engine: Engine, name: str, results: Sequence[Result]) -> None:
    """Keep the lines of results as the table `name`: those of whole subjects as spell 0, and those of spells."""
    lines = [q for r in results for q in _line_rows(r, r.persons, "0", {**r.lines, **r.decisions})]
    lines += [
        q for r in results if r.spells != r.persons for q in _line_rows(r, r.spells, "spell_no", r.cards)
    ]
    _create(engine, name, lines, _LINES_EMPTY)


def create_measures(engine: Engine, name: str, results: Sequence[Result]) -> None:
    """Keep the measures of results as the table `name`."""
    _create(engine, name, [q for r in results for q in _measure_rows(r)], _MEASURES_EMPTY)


def _create(engine: Engine, name: str, queries: Sequence[exp.Expr], empty: str) -> None:
    # Many small inserts instead of one union: a year of months has hundreds of parts.
    engine.create(name, filled(empty))
    for start in range(0, len(queries), 50):
        rows = union_all(list(queries[start : start + 50]))
        engine.execute(exp.Insert(this=table_named(name), expression=rows))


_PEOPLE_EMPTY = """
SELECT CAST(NULL AS VARCHAR) AS subject_id, CAST(NULL AS VARCHAR) AS instance, CAST(NULL AS VARCHAR) AS every,
  CAST(NULL AS VARCHAR) AS group_id, CAST(NULL AS INTEGER) AS spell_no, CAST(NULL AS VARCHAR) AS post,
  CAST(NULL AS VARCHAR) AS grade, CAST(NULL AS VARCHAR) AS institution_id, CAST(NULL AS DATE) AS first_day,
  CAST(NULL AS DATE) AS last_day, CAST(NULL AS BIGINT) AS days WHERE FALSE
"""
_LINES_EMPTY = """
SELECT CAST(NULL AS VARCHAR) AS subject_id, CAST(NULL AS INTEGER) AS spell_no, CAST(NULL AS VARCHAR) AS instance,
  CAST(NULL AS VARCHAR) AS every, CAST(NULL AS VARCHAR) AS group_id, CAST(NULL AS VARCHAR) AS line,
  CAST(NULL AS DECIMAL(38, 0)) AS num, CAST(NULL AS DECIMAL(38, 0)) AS den, CAST(NULL AS VARCHAR) AS text,
  CAST(NULL AS VARCHAR) AS state, CAST(NULL AS VARCHAR) AS cause WHERE FALSE
"""
_MEASURES_EMPTY = """
SELECT CAST(NULL AS VARCHAR) AS subject_id, CAST(NULL AS INTEGER) AS spell_no, CAST(NULL AS VARCHAR) AS instance,
  CAST(NULL AS VARCHAR) AS every, CAST(NULL AS VARCHAR) AS group_id, CAST(NULL AS VARCHAR) AS measure,
  CAST(NULL AS DECIMAL(38, 0)) AS num, CAST(NULL AS DECIMAL(38, 0)) AS den, CAST(NULL AS DECIMAL(38, 0)) AS divisor
WHERE FALSE
"""


def _marks(result: Result) -> dict[str, exp.Expr]:
    return {
        "instance": exp.Literal.string(result.instance.key),
        "every": exp.Literal.string(result.instance.every),
        "grp": exp.Literal.string(result.group.id),
    }


def _people(result: Result) -> exp.Expr:
    return filled(
        "SELECT subject_id, :instance, :every, :grp, spell_no, post, grade, institution_id, spell_start, CAST(spell_end - 1 AS DATE), spell_days FROM c",
        c=result.spells,
        **_marks(result),
    )


def whole(sql: exp.Expr) -> exp.Expr:
    """Return a whole number as it is kept: DECIMAL(38,0), which Parquet holds exactly."""
    return exp.Cast(this=sql.copy(), to=exp.DataType.build("DECIMAL(38, 0)"))


def _line_rows(result: Result, table: str, spell: str, values: Mapping[str, Compiled]) -> list[exp.Expr]:
    """Return one query for each line: the columns of a table, read as `values` says of that very table."""
    found: list[exp.Expr] = []
    for name, value in values.items():
        column = exp.column(name, quoted=True)
        nothing: exp.Expr = exp.Cast(this=exp.Null(), to=exp.DataType.build("VARCHAR"))
        num = den = whole(exp.Null())
        text = nothing
        if isinstance(value, Num):
            num = whole(
                column
                if value.scale.numerator == 1
                else exp.Mul(this=whole(column), expression=n.integer(value.scale.numerator))
            )
            den = whole(n.integer(value.scale.denominator))
        elif isinstance(value, Bool):
            text = filled("SELECT CASE WHEN :x THEN 'yes' WHEN NOT :x THEN 'no' END", x=column).expressions[0]
        else:
            text = exp.Cast(this=column, to=exp.DataType.build("VARCHAR"))
        found.append(
            filled(
                "SELECT subject_id, :spell, :instance, :every, :grp, :name, :num, :den, :text, CASE WHEN :x IS NULL THEN 'unknown' ELSE 'ok' END, :cause FROM c",
                c=table,
                spell=exp.Literal.number(0) if spell == "0" else exp.column(spell),
                name=exp.Literal.string(name),
                num=num,
                den=den,
                text=text,
                x=column,
                cause=exp.column(f"{name}~cause", quoted=True),
                **_marks(result),
            )
        )
    return found


def _measure_rows(result: Result) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    for name, value in result.measures.items():
        num, divisor = (value.dividend, value.divisor) if isinstance(value, Pair) else (value, None)
        if not isinstance(num, Num):
            continue
        scale = num.scale / divisor.scale if isinstance(divisor, Num) else num.scale
        found.append(
            filled(
                "SELECT subject_id, spell_no, :instance, :every, :grp, :name, :num, :den, :divisor FROM c",
                c=result.spells,
                name=exp.Literal.string(name),
                num=whole(_scaled(num.sql, scale.numerator)),
                den=whole(n.integer(scale.denominator)),
                divisor=whole(divisor.sql) if isinstance(divisor, Num) else whole(n.integer(1)),
                **_marks(result),
            )
        )
    return found


def _scaled(sql: exp.Expr, factor: int) -> exp.Expr:
    # The column is as narrow as its own bound allows; the product may not be.
    return sql if factor == 1 else exp.Mul(this=n.wrap(whole(sql)), expression=n.integer(factor))
