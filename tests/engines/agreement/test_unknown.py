"""What is compiled without tests for NULL still answers NULL as Python's None does, for every pair of figures."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from itertools import product

import duckdb
import pytest
from sqlglot import exp

from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Num
from guanhu.rulebook.run.scalar import Taken

FIGURES = (None, -1500, -25, -6, -5, -1, 0, 1, 4, 5, 6, 15, 25, 1500)
PAIRS = list(product(FIGURES, FIGURES))
ONE = Fraction(1)
X, Y = n.column("x", ONE, -1500, 1500), n.column("y", ONE, -1500, 1500)


def number(value: int) -> Num:
    return n.constant(Fraction(value))


def answers(*columns: exp.Expr) -> list[tuple[object, ...]]:
    """Return what the engine says of each pair, in their order."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE pairs (place INTEGER, x BIGINT, y BIGINT)")
        connection.executemany(
            "INSERT INTO pairs VALUES (?, ?, ?)", [(i, x, y) for i, (x, y) in enumerate(PAIRS)]
        )
        text = ", ".join(column.sql(dialect="duckdb") for column in columns)
        return connection.execute(f"SELECT {text} FROM pairs ORDER BY place").fetchall()


def known(reckon: Callable[..., int]) -> Callable[..., int | None]:
    return lambda *figures: None if None in figures else reckon(*figures)


def half_away(x: int, divisor: int) -> int:
    size = int(Fraction(abs(x), divisor) + Fraction(1, 2))
    return -size if x < 0 else size


CASES: dict[str, tuple[Num, Callable[[int | None, int | None], int | None]]] = {
    "the least of two": (n.extreme([X, Y], "least"), known(min)),
    "the most of two": (n.extreme([X, Y], "most"), known(max)),
    "at most 5": (n.extreme([X, number(5)], "least"), lambda x, _: known(lambda a: min(a, 5))(x)),
    "at least 5, the constant first": (
        n.extreme([number(5), X], "most"),
        lambda x, _: known(lambda a: max(a, 5))(x),
    ),
    "at least what it always is": (n.extreme([X, number(-1500)], "most"), lambda x, _: x),
    "between −5 and 5": (
        n.held(X, number(-5), number(5)),
        lambda x, _: known(lambda a: min(max(a, -5), 5))(x),
    ),
    "a floor above the cap": (
        n.held(X, number(6), number(4)),
        lambda x, _: known(lambda a: min(max(a, 6), 4))(x),
    ),
    "to tens": (n.rounded(X, Fraction(10)), lambda x, _: known(lambda a: half_away(a, 10))(x)),
    "to threes": (n.rounded(X, Fraction(3)), lambda x, _: known(lambda a: half_away(a, 3))(x)),
}


@pytest.mark.parametrize("name", CASES)
def test_unknown_stays_unknown(name: str) -> None:
    made, meaning = CASES[name]
    assert [row[0] for row in answers(made.sql)] == [meaning(x, y) for x, y in PAIRS]


TESTS = {
    "x < 5": (n.compare("<", X, number(5)).sql, lambda x, _: None if x is None else x < 5),
    "y < 0": (n.compare("<", Y, number(0)).sql, lambda _, y: None if y is None else y < 0),
    "x > y": (n.compare(">", X, Y).sql, lambda x, y: None if None in (x, y) else x > y),
    "always": (exp.Boolean(this=True), lambda _x, _y: True),
}


@pytest.mark.parametrize("otherwise", [None, n.integer(9), X.sql, Y.sql])
@pytest.mark.parametrize("names", [*product(TESTS, repeat=2), ("x < 5", "x > y", "y < 0")])
def test_an_unknown_condition_before_the_one_that_holds(
    names: tuple[str, ...], otherwise: exp.Expr | None
) -> None:
    def meaning(x: int | None, y: int | None) -> int | None:
        for place, name in enumerate(names):
            holds = TESTS[name][1](x, y)
            if holds is None or holds:
                return None if holds is None else place
        left = {X.sql: x, Y.sql: y}
        return None if otherwise is None else left.get(otherwise, 9)

    values = [n.integer(place) for place in range(len(names))]
    made = n.first_that_holds([TESTS[name][0] for name in names], values, otherwise)
    assert [row[0] for row in answers(made)] == [meaning(x, y) for x, y in PAIRS]


EDGES = (None, -5, 0, 5)
CELLS = [
    t.RangeCell(None if low is None else Fraction(low), low_in, None if high is None else Fraction(high), high_in, "")
    for low, high in product(EDGES, EDGES)
    if low is None or high is None or low < high
    for low_in, high_in in product((False, True), repeat=2)
    if not (low is None and high is None)
]  # fmt: skip


def test_rows_without_the_ends_that_are_taken_choose_the_same_row() -> None:
    figures = [Fraction(x) / 2 for x in range(-12, 13)]
    key = n.column("x", Fraction(1, 2), -12, 12)
    triples = [*product(CELLS, repeat=3)]
    for rows in random.Random(1).sample(triples, 5000):
        taken = Taken()
        shortened = [taken.shortened(cell, key) for cell in rows]
        for figure in figures:
            chosen = [
                next((i for i, c in enumerate(cells) if c.holds(figure)), None) for cells in (rows, shortened)
            ]
            assert chosen[0] == chosen[1], (rows, figure)
        # Each row keeps a test, for an unknown key is unknown.
        assert all(cell.low is not None or cell.high is not None for cell in shortened)
