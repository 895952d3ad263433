"""How a declaration is refused: with the problems that explain it, or silently after another's failure.

Parts that do not need each other are all tried (`each_of`), so that a declaration with three mistakes tells three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from guanhu.values.problem import Place, Problem

Made = TypeVar("Made")


class Silent(Exception):
    """Something that this declaration needs has failed already and has been reported."""


class TypeProblem(Exception):
    """A formula that has no meaning; carries the problem that explains it, and those of parts beside it."""

    def __init__(
        self, code: str, place: Place, zh: str, en: str, hint_zh: str = "", hint_en: str = ""
    ) -> None:
        """Build the problem."""
        self.problem = Problem(code, place, zh, en, hint_zh, hint_en)
        self.others: tuple[Problem, ...] = ()
        super().__init__(en)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return everything that is wrong, in reading order."""
        return (self.problem, *self.others)


def each_of(*makes: Callable[[], Made]) -> list[Made]:
    """Return what several parts come to; where some fail all are tried, and what they tell is raised together.

    Errors:   TypeProblem with the problems of all, Silent where none has one of its own.
    """
    made: list[Made] = []
    told: list[Problem] = []
    first: TypeProblem | None = None
    silent: Silent | None = None
    for make in makes:
        try:
            made.append(make())
        except TypeProblem as error:
            first = first or error
            told += [problem for problem in error.problems if problem not in told]
        except Silent as error:
            silent = silent or error
    if first is not None:
        first.others = tuple(told[1:])
        raise first
    if silent is not None:
        raise silent
    return made
