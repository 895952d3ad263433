"""Formulas over one row: tables that leave a gap for rows, conditions that no row fulfils, cases that are hidden. Exact, by the ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.ordinary import on_grid
from guanhu.rulebook.prove.overlaps import Bracket, box_of
from guanhu.rulebook.prove.proof import Proof
from guanhu.rulebook.prove.replay import shown_value
from guanhu.rulebook.prove.uses import Guards, guarded
from guanhu.rulebook.shape import shape
from guanhu.values import units

_LIBRARY = "library/"


def rows(proof: Proof, line: str) -> None:
    """Look at the formulas over rows; not when one line only is asked about."""
    if line:
        return
    for measure in proof.rulebook.measures.values():
        if isinstance(measure, t.Measure) and not measure.place.file.startswith(_LIBRARY):
            _measure(proof, measure)
    for name, table in proof.rulebook.tables.items():
        if "@" in name and table.no_row is None:
            _table(proof, table)


# -- conditions --


def _measure(proof: Proof, measure: t.Measure) -> None:
    where = measure.where
    if where is not None and box_of(where):
        proof.counted()
        if _empty([where]) is not None:
            _never(proof, measure, "条件没有一行会符合", "no row can fulfil its condition", "PRV004")
            return
    outer: Guards = ((where, True),) if where is not None else ()
    for node, guards in guarded(measure.each, outer) if measure.each is not None else ():
        if isinstance(node, t.Cases):
            _cases(proof, measure, node, guards)


def _cases(proof: Proof, measure: t.Measure, node: t.Cases, guards: Guards) -> None:
    around = [when for when, wanted in guards if wanted] + _turned(guards)
    for at, case in enumerate(node.cases):
        if not box_of(case.when):
            continue
        proof.counted()
        above = _turned(tuple((c.when, False) for c in node.cases[:at]))
        which, which_en = f"第 {at + 1} 种情形", f"case {at + 1}"
        if _empty([case.when]) is not None:
            _never(proof, measure, f"{which}永远不会成立", f"{which_en} can never hold", "PRV004")
        elif _empty([*around, *above, case.when]) is not None:
            zh = f"{which}永远轮不到: 前面的情形和外层的条件已经把它排除"
            en = f"{which_en} is never reached: the cases above and the conditions around it rule it out"
            _never(proof, measure, zh, en, "PRV003")


def _turned(guards: Guards) -> list[t.Expr]:
    """Return what holds where conditions fail, of those that are one comparison."""
    turned = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
    return [
        t.Compare(unit=w.unit, place=w.place, op=turned[w.op], left=w.left, right=w.right)
        for w, wanted in guards
        if not wanted and isinstance(w, t.Compare) and w.op in turned
    ]


def _empty(conditions: Sequence[t.Expr]) -> Bracket | None:
    """Return a figure for which the ranges of conditions leave no number; those that are no ranges are left out."""
    terms = [x for c in conditions for x in (c.terms if isinstance(c, t.And) else (c,))]
    ranges = [x for x in terms if isinstance(x, t.Compare) and box_of(x)]
    figures: dict[str, list[Bracket]] = {}
    for one in ranges:
        for bracket in box_of(one):
            figures.setdefault(repr(shape(bracket.figure)), []).append(bracket)
    for found in figures.values():
        edges = sorted({e for b in found for e in (b.cell.low, b.cell.high) if e is not None})
        tried = [*edges, *((a + b) / 2 for a, b in pairwise(edges))]
        tried += [edges[0] - 1, edges[-1] + 1] if edges else []
        if edges and not any(all(b.cell.holds(v) for b in found) for v in tried):
            return found[0]
    return None


def _never(proof: Proof, measure: t.Measure, zh: str, en: str, code: str) -> None:
    proof.add(
        Finding(
            code=code,
            severity=DEFECT,
            subjects=(measure.path,),
            clauses=clauses_of(measure.clause),
            zh=f"{measure.title}: {zh}",
            en=f"{measure.title}: {en}",
        )
    )


# -- tables --


def _table(proof: Proof, table: t.Table) -> None:
    asked = _asked(proof, table)
    for version in table.versions:
        for at, unit in enumerate(table.key_units):
            proof.counted()
            cells = [row.cells[at] for row in version.rows]
            if units.is_choice(unit):
                missing = [] if len(table.key_units) > 1 else list(_missing(proof, unit.of, cells, asked))
            else:
                step = proof.book.step_of(unit)
                missing = [shown_value(v, unit) for v in _holes(cells, step, asked)]
            if missing:
                said = "、".join(missing)
                proof.add(
                    Finding(
                        code="PRV001",
                        severity=DEFECT,
                        subjects=(table.path,),
                        clauses=clauses_of(table.clause),
                        zh=f"{table.title}没有一档包含 {said}: 有这样一行的人没有结果",
                        en=f"no row of {table.title} holds {said}: whoever has such a row is unknown",
                    )
                )


def _asked(proof: Proof, table: t.Table) -> list[t.Expr]:
    """Return what holds of every row that is looked up in a table, where it is looked up once."""
    conditions: list[t.Expr] = []
    looked = 0
    for measure in proof.rulebook.measures.values():
        if not isinstance(measure, t.Measure):
            continue
        outer: Guards = ((measure.where, True),) if measure.where is not None else ()
        roots = [r for r in (measure.each, measure.where) if r is not None]
        for root in roots:
            for node, guards in guarded(root, outer if root is measure.each else ()):
                if isinstance(node, t.Lookup) and node.table == table.id:
                    looked += 1
                    conditions += [when for when, wanted in guards if wanted] + _turned(guards)
    return conditions if looked == 1 else []


def _holes(cells: Sequence[t.Cell], step: Fraction, asked: list[t.Expr]) -> Iterator[Fraction]:
    """Yield the first number on the grid between the ranges that no cell holds and that a row can have."""
    edges = sorted({e for c in cells if isinstance(c, t.RangeCell) for e in (c.low, c.high) if e is not None})
    beside = [e + d for e in edges for d in (-step, step)] + [
        on_grid((a + b) / 2, step) for a, b in pairwise(edges)
    ]
    tried = sorted(v for v in {*edges, *beside} if edges[0] <= v <= edges[-1]) if edges else []
    brackets = [b for c in asked for b in box_of(c) if len(box_of(c)) == 1]
    for value in tried:
        inside = all(b.cell.holds(value) for b in brackets)
        if inside and not any(not isinstance(c, t.RangeCell) or c.holds(value) for c in cells):
            yield value
            return


def _missing(proof: Proof, of: str, cells: Sequence[t.Cell], asked: list[t.Expr]) -> Iterator[str]:
    """Yield the names that a table leaves out of a set that the rulebook declares, of which it names others."""
    if any(isinstance(c, t.AnyCell) for c in cells) or any(_names(c, of) for c in asked):
        return
    named = {x for c in cells if isinstance(c, t.ChoiceCell) for x in c.choices}
    for words in proof.rulebook.words.values():
        own = words.of == of and not words.place.file.startswith(_LIBRARY)
        if own and named & set(words.choices):
            yield from (x for x in words.choices if x not in named)


def _names(node: t.Expr, of: str) -> bool:
    """Tell whether a condition speaks of names of a kind."""
    return any(units.is_choice(n.unit) and n.unit.of == of for n in t.walk(node))
