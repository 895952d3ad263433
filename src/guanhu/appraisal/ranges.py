"""The bank's inputs against ranges that are made of other inputs: day by day, for the keys of each row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.values import Traced, Unknown
from guanhu.values.dates import Span

if TYPE_CHECKING:
    from guanhu.appraisal.parameters import Dated, Parameters


class _Keys:
    """Leaves of a bound: the keys of a row, and other inputs on a day."""

    def __init__(
        self,
        rulebook: t.Rulebook,
        parameters: Parameters,
        declared: t.Input,
        keys: tuple[str, ...],
        day: date,
    ) -> None:
        self.rulebook, self.parameters, self.day = rulebook, parameters, day
        self.keys = dict(zip((_plain(key) for key in declared.by), keys, strict=True))

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        table = self.rulebook.tables[name]
        return table, rows_in_force(table, self.day)

    def leaf(self, node: t.Expr) -> Traced:
        match node:
            case t.SubjectValue(column=column):
                return Traced(node, self.keys[column])
            case t.InputRef(name=name):
                keys = tuple(evaluate(key, self) for key in node.keys)
                found = self.parameters.at(name, tuple(str(key.value) for key in keys), self.day)
                return Traced(node, found.value if found else Unknown(f"inputs.{name}", "absent"), keys)
            case _:
                raise TypeError(type(node).__name__)


def _plain(key: str) -> str:
    return {"institution": "institution_id", "team": "team_id"}.get(key, key)


def pieces(
    rulebook: t.Rulebook,
    parameters: Parameters,
    declared: t.Input,
    keys: tuple[str, ...],
    row: Dated,
    read: set[str],
) -> Iterator[tuple[Span, bool | Unknown]]:
    """Yield the days of a row cut where its range changes, and whether its value lies in it, or what is unknown.

    `read` are the inputs that the range reads. Neighbours that come to the same are one piece.
    """
    days = row.days
    starts = {version.start for table in rulebook.tables.values() for version in table.versions}
    cuts = parameters.cuts(read, days) | {day for day in starts if days.start < day < days.end}
    edges = [days.start, *sorted(cuts), days.end]
    found: list[tuple[Span, bool | Unknown]] = []
    for first, end in pairwise(edges):
        held = _allows(declared, row, _Keys(rulebook, parameters, declared, keys, first))
        if found and found[-1][1] == held:
            found[-1] = (Span(found[-1][0].start, end), held)
        else:
            found.append((Span(first, end), held))
    yield from found


def _allows(declared: t.Input, row: Dated, keys: _Keys) -> bool | Unknown:
    if not isinstance(row.value, Fraction):
        return True
    ends: list[Fraction | None] = []
    for bound in (declared.least, declared.most):
        value = evaluate(bound, keys).value if bound is not None else None
        if isinstance(value, Unknown):
            return value
        ends.append(value if isinstance(value, Fraction) else None)
    return declared.allows(row.value, *ends)
