"""Credited rows that a run keeps: which row of fact counted how much for whom.

Most are made again from the facts when they are asked for. Kept are those of which the order or the single
amount matters afterwards: of measures rounded row by row, of counts paid piece by piece, and of what a ledger
carries on. Lots of later pay are made of them, by the key (run, measure, subject, row).

    credited(subject_id, instance, measure, source, day, batch_no, row_no, share, num, den, state)

`source` is the row's id in its kind; `share` is in parts per billion; the amount num ÷ den has the share in it.
Rows of one subject and measure are in the order in which pieces are counted: by day, then by id.
"""

from __future__ import annotations

from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.fold import WEIGHT_WHOLE
from guanhu.rulebook.run.template import filled

ROW_COLUMNS = ("batch_no", "row_no", "day", "weight", "source")
"""What a row needs beside its amount to be kept."""
EMPTY = """
SELECT CAST(NULL AS VARCHAR) AS subject_id, CAST(NULL AS VARCHAR) AS instance, CAST(NULL AS VARCHAR) AS measure,
       CAST(NULL AS VARCHAR) AS source, CAST(NULL AS DATE) AS day, CAST(NULL AS INTEGER) AS batch_no,
       CAST(NULL AS BIGINT) AS row_no, CAST(NULL AS BIGINT) AS share, CAST(NULL AS DECIMAL(38,0)) AS num,
       CAST(NULL AS DECIMAL(38,0)) AS den, CAST(NULL AS VARCHAR) AS state
WHERE FALSE
"""
LOT_ROWS = """
SELECT r.subject_no, s.spell_no, CAST(r.source AS VARCHAR) AS source, sum(CAST(r.amount AS HUGEINT)) AS amount
FROM rows_ AS r JOIN spells AS s ON s.span_no = r.span_no
GROUP BY r.subject_no, s.spell_no, r.source
"""
"""What each row of fact counts for a person in a spell, all shares in it together."""
_KEPT = """
SELECT p.subject_id, :of_instance AS instance, :of_measure AS measure, CAST(r.source AS VARCHAR) AS source, r.day,
       CAST(r.batch_no AS INTEGER) AS batch_no, CAST(r.row_no AS BIGINT) AS row_no, CAST(r.weight AS BIGINT) AS share,
       CASE WHEN r.is_bad THEN NULL ELSE CAST(r.amount AS DECIMAL(38,0)) * :factor END AS num, :den AS den,
       CASE WHEN r.is_bad THEN 'unknown' ELSE 'ok' END AS state
FROM rows_ AS r JOIN w_person AS p ON p.subject_no = r.subject_no
"""


def kept_measures(rulebook: t.Rulebook) -> frozenset[str]:
    """Return the names of the measures whose credited rows a run keeps."""
    found = {m.id for m in rulebook.measures.values() if isinstance(m, t.Measure) and m.round_per == "row"}
    ledgers = {name for ledger in rulebook.ledgers.values() for name in (ledger.adds, ledger.uses)}
    for line in rulebook.lines.values():
        for root in line.formulas:
            for node in t.walk(root):
                is_piecewise = isinstance(node, t.Lookup) and rulebook.tables[node.table].how == "per piece"
                if is_piecewise or (line.id in ledgers and node is root):
                    found |= {x.name for x in t.walk(node) if isinstance(x, t.MeasureRef)}
    return frozenset(found | lot_measures(rulebook))


def lot_measures(rulebook: t.Rulebook) -> set[str]:
    """Return the names of the measures of which each credited row has a lot of its own."""
    return {rows for ledger in rulebook.lots.values() for _, rows in ledger.granting if rows}


def kept_query(rows: str, measure: t.Measure, instance: Instance, scale: Fraction) -> exp.Expr:
    """Return the rows to keep of one measure and instance; `scale` is that of `amount`, its share included."""
    per = scale / WEIGHT_WHOLE
    return filled(
        _KEPT,
        rows_=rows,
        of_instance=exp.Literal.string(instance.key),
        of_measure=exp.Literal.string(measure.id),
        factor=n.integer(per.numerator),
        den=exp.Cast(this=n.integer(per.denominator), to=exp.DataType.build("DECIMAL(38,0)")),
    )


def gathered(engine: Engine, tables: list[str]) -> None:
    """Make `frozen/credited` of what the measures kept, for those who were appraised (`frozen/people`)."""
    engine.create("frozen/credited", filled(EMPTY))
    for table in tables:
        rows = filled(
            "SELECT x.* FROM kept AS x SEMI JOIN p AS p ON p.subject_id = x.subject_id AND p.instance = x.instance",
            kept=table,
            p="frozen/people",
        )
        engine.execute(
            exp.Insert(
                this=exp.Table(this=exp.to_identifier("frozen/credited", quoted=True)), expression=rows
            )
        )
