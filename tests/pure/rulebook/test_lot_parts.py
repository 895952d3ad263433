"""An amount in parts: no fen is lost or made, odd fen go to the earlier part, and both readings cut alike."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, strategies as st

from guanhu.appraisal.lots import split
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.lot_parts import split as split_exactly
from guanhu.rulebook.instances import Instance
from guanhu.values.dates import period_of
from guanhu.values.problem import Place

YEAR = period_of("2025")


def ledger_of(weights: list[int], step: int) -> t.LotLedger:
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    parts = tuple((step * place, share) for place, share in enumerate(shares, 1))
    return t.LotLedger(
        id="D",
        title="D",
        clause="一",
        place=Place(""),
        path="ledgers.D",
        group="g",
        every="year",
        defers="put",
        release=t.Release("lag", parts),
    )


@given(
    st.integers(min_value=1, max_value=10**12),
    st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=6),
    st.integers(min_value=1, max_value=12),
)
def test_the_parts_are_the_whole(fen: int, weights: list[int], step: int) -> None:
    assert YEAR is not None
    ledger, instance = ledger_of(weights, step), Instance(YEAR, "year")
    lots = split(ledger, instance, fen)
    assert sum(lot.granted for lot in lots) == fen
    exact = [
        (lot.id, lot.due_on, amount * 100)
        for lot, _, amount in split_exactly(ledger, instance, Fraction(fen, 100))
    ]
    assert exact == [(lot.lot, lot.due_on, lot.granted) for lot in lots]
    if len(set(weights)) == 1:
        amounts = [lot.granted for lot in lots]
        assert amounts == sorted(amounts, reverse=True)
        assert max(amounts) - min(amounts) <= 1 or len(amounts) < len(weights)
