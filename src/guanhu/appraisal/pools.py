"""Pools: an amount that a group shares out by a line, to the last fen.

    the card's last rows + the line over all spells ──► amount × line ÷ Σ line, cut to the fen
                                                    ──► what is left, a fen each, to the largest remainders

Remainders stand over the one divisor Σ line, so that they are compared as whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lines import FEN, Card, leaf_key
from guanhu.appraisal.persons import person_table
from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import WIDE, Num, TooWide
from guanhu.rulebook.run.template import filled, table_named


def join_pools(engine: Engine, card: Card, rulebook: t.Rulebook, roots: Iterable[t.Expr | None]) -> None:
    """Give a card the column of each pool that formulas read; the lines that it is shared by stand there already."""
    for root in roots:
        for node in t.walk(root) if root is not None else ():
            if isinstance(node, t.Pool) and leaf_key(node) not in card.leaves:
                _join(engine, card, rulebook, node)


def _join(engine: Engine, card: Card, rulebook: t.Rulebook, node: t.Pool) -> None:
    key = leaf_key(node)
    amount = n.rounded(card.compiler.number(node.amount), FEN)
    card.sheet.bind(amount, f"{key}/amount")
    card.flush()
    whole, lines = person_table(engine, card, rulebook)
    by = [exp.column(b, table="c", quoted=True) for b in node.by]
    pool_no = exp.Window(this=exp.DenseRank(), order=exp.Order(expressions=by)) if by else n.integer(1)
    members = filled(
        _MEMBERS,
        cards=card.table,
        persons=whole,
        pool_no=pool_no,
        amount=exp.column(f"{key}/amount", table="c", quoted=True),
        share=exp.column(node.of.name, table="p", quoted=True),
    )
    table = f"{card.name}/{key}"
    engine.create(table, members)
    ((amount_max, share_max, share_sum),) = engine.rows(filled(_SIZES, m=table))
    if not isinstance(lines[node.of.name], Num):
        raise TypeError(node.of.name)
    if max(int(amount_max) * int(share_max), int(share_sum)) >= WIDE:
        raise TooWide(key)
    engine.create(f"{table}/parts", filled(_PARTS, m=table))
    column = exp.column(key, quoted=True)
    card.join(
        exp.select("subject_no", exp.alias_(exp.column("part"), key, quoted=True)).from_(
            table_named(f"{table}/parts"), copy=False
        ),
        [key],
    )
    size = int(amount_max)
    sql = n.case([(exp.column("is_last"), n.typed(column, size))], n.typed(n.integer(0), size))
    card.leaves[key] = Num(sql, FEN, -size, size)


_MEMBERS = """
SELECT c.subject_no, c.subject_id, :pool_no AS pool_no, :amount AS pool_amount, :share AS pool_share
FROM cards AS c JOIN persons AS p ON p.subject_no = c.subject_no WHERE c.is_last
"""
_SIZES = """
SELECT coalesce(max(abs(pool_amount)), 0), coalesce(max(abs(pool_share)), 0), coalesce(sum(abs(pool_share)), 0) FROM m
"""
_PARTS = """
WITH sized AS (
  SELECT subject_no, subject_id, pool_no, pool_amount,
    CAST(abs(pool_amount) AS HUGEINT) AS size, CAST(pool_share AS HUGEINT) AS share,
    CAST(sum(pool_share) OVER w AS HUGEINT) AS total,
    count(pool_amount) OVER w = count(*) OVER w AND count(pool_share) OVER w = count(*) OVER w
      AND min(pool_amount) OVER w = max(pool_amount) OVER w AND min(pool_share) OVER w >= 0
      AND max(pool_share) OVER w > 0 AS can_be_shared
  FROM m WINDOW w AS (PARTITION BY pool_no)
), cut AS (
  SELECT *, (size * share) // total AS whole, (size * share) % total AS rest FROM sized WHERE can_be_shared
), placed AS (
  SELECT *, row_number() OVER (PARTITION BY pool_no ORDER BY rest DESC, subject_id) AS place,
    size - CAST(sum(whole) OVER (PARTITION BY pool_no) AS HUGEINT) AS odd
  FROM cut
)
SELECT subject_no, sign(pool_amount) * (whole + CASE WHEN place <= odd THEN 1 ELSE 0 END) AS part FROM placed
"""
