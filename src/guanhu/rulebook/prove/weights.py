"""Weights that do not make one: of totals, of weighted sums, of tables that give them, of lines out of a hundred. Exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.prove.brackets import cell_text
from guanhu.rulebook.prove.finding import DEFECT, Finding, clauses_of
from guanhu.rulebook.prove.proof import Proof
from guanhu.rulebook.prove.uses import own_nodes
from guanhu.rulebook.shape import shape
from guanhu.values import units
from guanhu.values.exact import shown as decimal

_WEIGHED = (units.POINTS, units.RATIO, units.NUMBER)


def weights(proof: Proof, names: list[str]) -> None:
    """Add the weights of totals and of weighted sums: they make one."""
    for name in names:
        line = proof.rulebook.lines.get(name)
        if line is None:
            continue
        if line.role == "total":
            _total(proof, line)
            continue
        for node in own_nodes(proof, name):
            if isinstance(node, t.Sum):
                _sum(proof, line, node)


def _total(proof: Proof, line: t.Line) -> None:
    terms = [proof.rulebook.lines[term] for term in line.terms]
    found = [x.weight for x in terms]
    if all(w is None for w in found):
        # Without the key the weights may stand in the formulas: so much of a hundred each.
        found = [_of_hundred(x.value) for x in terms]
        if any(w is None for w in found) or len(found) < 2:
            _total_by_rows(proof, line, terms)
            return
    proof.counted()
    total = sum((w for w in found if w is not None), Fraction(0))
    if total not in (1, 100) or any(w is None for w in found):
        _unsummed(proof, line, total, [x.clause for x in terms])


def _total_by_rows(proof: Proof, line: t.Line, terms: list[t.Line]) -> None:
    """Add the weights where each line of a total is weighed by a column of one table."""
    parts = [_weight(x.value) for x in terms]
    looked = [x for x in parts if isinstance(x, t.Lookup)]
    same = len({(x.table, repr([shape(key) for key in x.keys])) for x in looked}) == 1
    if len(looked) == len(terms) > 1 and same:
        _by_rows(proof, line, Fraction(0), looked)


def _of_hundred(node: t.Expr) -> Fraction | None:
    """Return the weight of a score that is a ratio, times a hundred, times its weight; None of anything else."""
    factors, waiting = list[Fraction](), [node]
    while waiting:
        part = waiting.pop()
        match part:
            case t.Product(left=left, right=right):
                waiting += [left, right]
            case t.Const(value=value):
                factors.append(value)
            case _:
                pass
    below = [x for x in factors if 0 < x < 1]
    return below[0] if Fraction(100) in factors and len(below) == 1 and len(factors) == 2 else None


def _sum(proof: Proof, line: t.Line, node: t.Sum) -> None:
    parts = [_weight(term) for term in node.terms]
    if len(parts) < 2 or any(part is None for part in parts):
        return
    fixed = sum((x.value for x in parts if isinstance(x, t.Const)), Fraction(0))
    looked = [x for x in parts if isinstance(x, t.Lookup)]
    if not looked:
        proof.counted()
        if fixed != 1:
            _unsummed(proof, line, fixed, [])
        return
    if len({(x.table, repr([shape(key) for key in x.keys])) for x in looked}) == 1:
        _by_rows(proof, line, fixed, looked)


def _weight(term: t.Expr) -> t.Const | t.Lookup | None:
    """Return what a term of a sum is weighed by: a number between 0 and 1, or what a table gives; None when it is no such term."""
    if not isinstance(term, t.Product) or term.unit not in _WEIGHED:
        return None
    sides = [x for x in (term.left, term.right) if isinstance(x, t.Const | t.Lookup)]
    if len(sides) != 1:
        return None
    (side,) = sides
    if isinstance(side, t.Const):
        return side if 0 < side.value < 1 else None
    return side if side.unit == units.RATIO else None


def _by_rows(proof: Proof, line: t.Line, fixed: Fraction, looked: list[t.Lookup]) -> None:
    """Add the weights that each row of a table gives."""
    table = proof.rulebook.tables[looked[0].table]
    at = [table.columns.index(x.column) for x in looked]
    if table.how not in ("whole", "ladder"):
        return
    for version in table.versions:
        for row in version.rows:
            given = [row.gives[i] for i in at]
            values = [x.value for x in given if isinstance(x, t.Const)]
            if len(values) < len(given) or not all(0 <= x <= 1 for x in values):
                continue
            proof.counted()
            total = fixed + sum(values, Fraction(0))
            if total != 1:
                said = " ".join(cell_text(cell) for cell in row.cells)
                _unsummed(proof, line, total, [table.clause], said, (table.path,))


def _unsummed(
    proof: Proof,
    line: t.Line,
    total: Fraction,
    clauses: list[str],
    row: str = "",
    more: tuple[str, ...] = (),
) -> None:
    said = decimal(total * 100) + "%" if total <= 10 else decimal(total)
    of_row, of_row_en = (f"“{row}”一档", f" for {row}") if row else ("", "")
    proof.add(
        Finding(
            code="PRV021",
            severity=DEFECT,
            subjects=(line.path, *more),
            clauses=clauses_of(line.clause, *clauses),
            zh=f"{line.title}{of_row}各部分的权重加起来是 {said}, 不是 100%",
            en=f"the weights of {line.title}{of_row_en} sum to {said}, not to 100%",
            facts={"sum": said},
        )
    )
