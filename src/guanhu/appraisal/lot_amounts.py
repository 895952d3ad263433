"""What single rows of fact are of a deferred line: the rows of its cards, and an amount shared out over them."""

from __future__ import annotations

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lines import Card
from guanhu.appraisal.measures import Fold
from guanhu.rulebook.run.template import filled

_ROWS = """
SELECT c.subject_id, r.source, sum(r.amount) AS amount
FROM card AS c JOIN rows_ AS r ON r.subject_no = c.subject_no AND r.spell_no = c.spell_no
GROUP BY c.subject_id, r.source ORDER BY ALL
"""


def amounts_by_row(engine: Engine, fold: Fold, measure: str, card: Card) -> dict[str, dict[str, int]]:
    """Return by subject what each row of fact counts in the cards of its group; nothing where there is no figure."""
    table = fold.lot_rows.get((measure, card.instance, card.group.spells))
    if table is None:
        return {}
    found: dict[str, dict[str, int]] = {}
    for subject, row, amount in engine.rows(filled(_ROWS, card=card.table, rows_=table)):
        if amount is not None:
            found.setdefault(str(subject), {})[str(row)] = int(amount)
    return found


def shared_out(fen: int, rows: dict[str, int]) -> dict[str, int]:
    """Return an amount by row, in proportion to what the rows above 0 count: the largest remainders get the odd fen.

    >>> shared_out(100, {"b": 1, "a": 1, "c": 1, "d": -1})
    {'a': 34, 'b': 33, 'c': 33}
    """
    counted = {row: amount for row, amount in sorted(rows.items()) if amount > 0}
    total = sum(counted.values())
    cut = {row: fen * amount // total for row, amount in counted.items()}
    order = sorted(counted, key=lambda row: (-(fen * counted[row] % total), row))
    for row in order[: fen - sum(cut.values())]:
        cut[row] += 1
    return cut if fen > 0 else {}


__all__ = ["amounts_by_row", "shared_out"]
