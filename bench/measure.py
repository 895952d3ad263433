"""How a figure is taken: pairs that take turns, the best of each, and a row that knows its bar."""

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

THREADS = 2
"""Threads of every engine and library that is measured."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure against its bar; `at_least` says that more is better. A row without a bar is only printed."""

    name: str
    measured: float
    bar: float | None
    detail: str
    unit: str = "×"
    at_least: bool = False
    is_right: bool = True
    """False when the two sides did not give the same values."""

    @property
    def ok(self) -> bool:
        """Tell whether the bar is met by right values."""
        if self.bar is None:
            return self.is_right
        met = self.measured >= self.bar if self.at_least else self.measured <= self.bar
        return met and self.is_right


@dataclass(frozen=True, slots=True)
class Plan:
    """How thoroughly to measure."""

    quick: bool

    @property
    def pairs(self) -> int:
        """Return how often each side runs."""
        return 3 if self.quick else 7


Make = Callable[[Plan], Iterable[Row]]


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes, without a collection of garbage in its midst."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.enable()


def best_of(pairs: int, *works: Callable[[], object]) -> list[float]:
    """Return the best time of each of several works that take turns; one turn before is not counted."""
    for work in works:
        work()
    best = [float("inf")] * len(works)
    for _ in range(pairs):
        for number, work in enumerate(works):
            best[number] = min(best[number], seconds(work))
    return best
