"""Rows and cases read top-down: the first whose condition holds gives the value, for all figures at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from guanhu.rulebook.prove.terms import (
    ONE,
    ZERO,
    Name,
    Num,
    Picked,
    Sym,
    Truth,
    Yes,
    both,
    choose,
    choose_truth,
)


def merged(first: Truth, x: Num, y: Num, known: Truth) -> Num:
    """Return x where `first`, else y."""
    if isinstance(first, bool):
        return Num(x.n, x.d, known) if first else Num(y.n, y.d, known)
    if x.is_pair or y.is_pair:
        return Num(choose(first, x.n, y.n), choose(first, x.d, y.d), known)
    return Num(choose(first, x.n, y.n), ONE, known)


def read_down(rows: Sequence[tuple[Yes, Callable[[], Sym]]], last: Callable[[], Sym] | None) -> Sym:
    """Return the value of the first row that holds; an unknown condition on the way makes it unknown."""
    live: list[tuple[Yes, Sym]] = []
    found: Sym | None = None
    for condition, made in rows:
        if condition.fails is True:
            continue
        if condition.holds is True:
            found = made()
            break
        live.append((condition, made()))
    else:
        found = last() if last is not None else None
    names = [(condition, value) for condition, value in live if isinstance(value, Name | Picked)]
    if names and len(names) == len(live):
        return Picked(tuple(names), found if isinstance(found, Name | Picked) else None)
    if found is None:
        like = live[0][1] if live else Num(ZERO, ONE, False)
        found = Yes(False, False) if isinstance(like, Yes) else Num(ZERO, ONE, False)
    for condition, value in reversed(live):
        if isinstance(value, Num) and isinstance(found, Num):
            known = both(condition.k, choose_truth(condition.v, value.k, found.k))
            found = merged(condition.v, value, found, known)
        elif isinstance(value, Yes) and isinstance(found, Yes):
            known = both(condition.k, choose_truth(condition.v, value.k, found.k))
            found = Yes(choose_truth(condition.v, value.v, found.v), known)
    return found


def of_name(value: Sym, test: Callable[[Name], Yes]) -> Yes:
    """Return what a test says of a name, of each that may be picked; of what is no name nothing is known."""
    if isinstance(value, Name):
        return test(value) if value.value is not None else Yes(False, False)
    if not isinstance(value, Picked):
        return Yes(False, False)
    last = value.last
    found = read_down(
        [(condition, partial(of_name, name, test)) for condition, name in value.rows],
        partial(of_name, last, test) if last is not None else None,
    )
    return found if isinstance(found, Yes) else Yes(False, False)
