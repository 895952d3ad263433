"""The parts of formulas, through the tables that they look up and the measures that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from guanhu.rulebook import tree as t


def parts_of(
    roots: Iterable[t.Expr | None],
    tables: Mapping[str, t.Table],
    measures: Mapping[str, t.AnyMeasure] | None = None,
) -> Iterator[t.Expr]:
    """Yield every part of formulas, and of the rows of the tables that they look up: each table once.

    With `measures`, the formulas of the measures that are made of others too, each once.
    """
    seen: set[str] = set()

    def visit(root: t.Expr) -> Iterator[t.Expr]:
        for part in t.walk(root):
            yield part
            if isinstance(part, t.Lookup) and part.table not in seen:
                seen.add(part.table)
                for version in tables[part.table].versions:
                    for row in version.rows:
                        for give in row.gives:
                            yield from visit(give)
            elif (
                isinstance(part, t.MeasureRef) and measures is not None and f"measure {part.name}" not in seen
            ):
                seen.add(f"measure {part.name}")
                measure = measures[part.name]
                if isinstance(measure, t.FormulaMeasure):
                    yield from visit(measure.expr)

    for root in roots:
        if root is not None:
            yield from visit(root)
