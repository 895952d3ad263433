"""Brackets of tables: gaps, and rows that are hidden or that nobody can reach."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.explain.values import Unknown
from guanhu.rulebook.prove.ask import PROVED, Question
from guanhu.rulebook.prove.encode import Encoder
from guanhu.rulebook.prove.finding import DEFECT, NOTICE, Finding, clauses_of
from guanhu.rulebook.prove.leaves import days_for, leaf_of
from guanhu.rulebook.prove.proof import Proof, shown
from guanhu.rulebook.prove.replay import Point, expression_at, shown_value
from guanhu.rulebook.prove.terms import Num, Truth, both
from guanhu.rulebook.prove.uses import Use, came_to, comes_to, title_of, uses
from guanhu.values import units

# -- gaps --


def table_gaps(proof: Proof, names: list[str]) -> None:
    """Ask of each look-up by numbers: can a key fall in no row, and leave the line unknown."""
    done: set[str] = set()
    # One that is always reckoned speaks for those that are reckoned in some cases only.
    for use in sorted(uses(proof, names, t.Lookup), key=lambda use: bool(use.guards)):
        node = use.node
        if not isinstance(node, t.Lookup) or node.table in done:
            continue
        if not use.guards:
            done.add(node.table)
        table = proof.rulebook.tables[node.table]
        if table.how in ("whole", "ladder") and table.no_row is None and _gap(proof, use, node, table):
            done.add(node.table)
    done |= {use.node.table for use in uses(proof, names, t.Lookup) if isinstance(use.node, t.Lookup)}
    for name, table in proof.rulebook.tables.items():
        if name in done and table.how in ("marginal", "per piece"):
            _marginal_gaps(proof, table)


def _gap(proof: Proof, use: Use, node: t.Lookup, table: t.Table) -> bool:
    seen: list[Fraction] = []
    numeric = [at for at, unit in enumerate(table.key_units) if not units.is_choice(unit)]
    # Nobody asks a table about the days before its first version, unless the text says from which day it is read.
    since_when = any(isinstance(n, t.DateConst) for when, _ in use.guards for n in t.walk(when))
    for _ in range(4):

        def holds(copies: list[Encoder]) -> Truth:
            one = copies[0]
            keys = [one.encode(key) for key in node.keys]
            rows = [one.row_holds(row.cells, keys) for row in one.rows(node.table)]
            known = [key.k for key in keys if isinstance(key, Num)]
            rows_there = one.rows(node.table)
            if not rows_there and not since_when:
                return False
            away = [_outside(one, rows_there, table, keys[numeric[0]], value) for value in seen if numeric]
            return both(comes_to(one, use.guards), *known, *(row.fails for row in rows), *away)

        def confirm(points: tuple[Point, ...]) -> bool:
            found = expression_at(proof.rulebook, node, points[0])
            missing = isinstance(found.value, Unknown) and found.value.why == "no row"
            return missing and came_to(proof, use.guards, points[0])

        zh, en = f"{table.title}有没有空缺", f"whether {table.title} leaves a gap"
        verdict = proof.ask(Question((use.name,), holds, confirm), "PRV001", (table.path,), zh, en)
        if not shown(verdict):
            return bool(seen)
        value = _tell_gap(proof, use, node, table, verdict.points[0], numeric)
        if value is None:
            return True
        seen.append(value)
    return True


def _outside(one: Encoder, rows: Sequence[t.TableRow], table: t.Table, key: object, value: Fraction) -> Truth:
    """Return that a key is not in the hole that `value` lies in."""
    low, high = hole_around(table, rows, value)
    cell = t.RangeCell(low[0], low[1], high[0], high[1], "")
    return one.row_holds((cell,), [key]).fails if isinstance(key, Num) else True


def hole_around(
    table: t.Table, rows: Sequence[t.TableRow], value: Fraction
) -> tuple[tuple[Fraction | None, bool], tuple[Fraction | None, bool]]:
    """Return the hole of the first numeric key around a value that no row holds: its ends, and whether they belong to it."""
    at = next(i for i, unit in enumerate(table.key_units) if not units.is_choice(unit))
    low: tuple[Fraction | None, bool] = (None, False)
    high: tuple[Fraction | None, bool] = (None, False)
    for row in rows:
        cell = row.cells[at]
        if not isinstance(cell, t.RangeCell):
            continue
        if cell.high is not None and cell.high <= value and (low[0] is None or cell.high >= low[0]):
            low = (cell.high, not cell.high_in)
        if cell.low is not None and cell.low >= value and (high[0] is None or cell.low <= high[0]):
            high = (cell.low, not cell.low_in)
    return low, high


def _tell_gap(
    proof: Proof, use: Use, node: t.Lookup, table: t.Table, point: Point, numeric: list[int]
) -> Fraction | None:
    keys = [expression_at(proof.rulebook, key, point).value for key in node.keys]
    said = ", ".join(
        f"{title_of(proof, key_node)} {shown_value(value, unit)}"
        for key_node, value, unit in zip(node.keys, keys, table.key_units, strict=True)
    )
    value = keys[numeric[0]] if numeric else None
    severity, where_zh, where_en = DEFECT, "", ""
    if isinstance(value, Fraction):
        low, high = hole_around(table, rows_in_force(table, days_for(point.period).last_day), value)
        if low[0] is not None and high[0] is not None:
            where_zh = f", 在 {shown_value(low[0], table.key_units[numeric[0]])} 和 {shown_value(high[0], table.key_units[numeric[0]])} 两档之间"
            where_en = f", between the rows at {shown_value(low[0], table.key_units[numeric[0]])} and {shown_value(high[0], table.key_units[numeric[0]])}"
        elif value < 0 and not _ranged(proof, key := node.keys[numeric[0]]) and not _is_change(proof, key):
            severity = NOTICE
    owner = proof.book.owner(use.name)
    rows = rows_in_force(table, days_for(point.period).last_day)
    if not rows:
        start = min(v.start for v in table.versions)
        where_zh, where_en = f", {start} 之前没有这张表", f": before {start} there is no such table"
    elif len(table.versions) > 1:
        start = next(v.start for v in table.versions if v.rows is rows)
        where_zh, where_en = f"{where_zh}({start} 起的一版)", f"{where_en} (the version from {start} on)"
    proof.add(
        Finding(
            code="PRV001",
            severity=severity,
            subjects=(table.path, owner.path),
            clauses=clauses_of(table.clause, owner.clause),
            zh=f"{table.title}没有一档包含 {said}{where_zh}, {owner.title}没有结果",
            en=f"no row of {table.title} holds {said}{where_en}: {owner.title} is unknown",
            line=use.name,
            points=(point,),
        )
    )
    return value if isinstance(value, Fraction) else None


def _ranged(proof: Proof, node: t.Expr) -> bool:
    found = [leaf_of(proof.book, p, {}) for p in t.walk(node) if isinstance(p, t.MeasureRef | t.InputRef)]
    return bool(found) and all(leaf.low is not None for leaf in found)


def _is_change(proof: Proof, node: t.Expr) -> bool:
    """Tell whether a figure is what has become more or less, as a growth is: below 0 lies the ordinary half of it."""
    return any(
        isinstance(n, t.Sum) and len(n.terms) == 2 and any(isinstance(x, t.Negative) for x in n.terms)
        for n in proof.book.reached([node])
    )


def _marginal_gaps(proof: Proof, table: t.Table) -> None:
    """Find holes between the brackets of a marginal table: what falls in them is paid nothing. Exact, by the ends."""
    for version in table.versions:
        groups: dict[tuple[t.Cell, ...], list[t.TableRow]] = {}
        for row in version.rows:
            groups.setdefault(row.cells[1:], []).append(row)
        for rows in groups.values():
            proof.counted()
            cells = sorted(
                (r.cells[0] for r in rows if isinstance(r.cells[0], t.RangeCell)),
                key=lambda c: (c.low is not None, c.low or 0),
            )
            for one, other in pairwise(cells):
                if one.high is None or other.low is None:
                    continue
                step = Fraction(1) if table.how == "per piece" else Fraction(0)
                end = one.high if table.how != "per piece" or one.high_in else one.high - 1
                start = other.low if table.how != "per piece" or other.low_in else other.low + 1
                if start > end + step:
                    a, b = (
                        shown_value(one.high, table.key_units[0]),
                        shown_value(other.low, table.key_units[0]),
                    )
                    proof.add(
                        Finding(
                            code="PRV001",
                            severity=DEFECT,
                            subjects=(table.path,),
                            clauses=clauses_of(table.clause),
                            zh=f"{table.title}在 {a} 和 {b} 之间没有档, 这一段一分不计",
                            en=f"{table.title} has no bracket between {a} and {b}: that part is paid nothing",
                        )
                    )


# -- rows that are never taken --


def unreached_rows(proof: Proof, names: list[str]) -> None:
    """Ask of each row of a whole or ladder table: can it ever be the one."""
    by_table: dict[str, list[Use]] = {}
    for use in uses(proof, names, t.Lookup):
        if isinstance(use.node, t.Lookup):
            by_table.setdefault(use.node.table, []).append(use)
    for name, found in by_table.items():
        table = proof.rulebook.tables[name]
        rows = table.versions[-1].rows
        for at, row in enumerate(rows):
            if table.how in ("whole", "ladder") and not all(isinstance(c, t.AnyCell) for c in row.cells):
                _row(proof, table, found, at)


def _row(proof: Proof, table: t.Table, found: list[Use], at: int) -> None:
    row = table.versions[-1].rows[at]
    said = " ".join(cell_text(cell) for cell in row.cells)
    zh, en = (
        f"{table.title}的“{said}”一档能不能用到",
        f"whether the row {said} of {table.title} can be reached",
    )
    alone_shown = None
    for use in found:
        for with_above in (True, False):
            question = _row_question(proof, use, at, with_above=with_above)
            verdict = proof.ask(question, "PRV003", (table.path,), zh, en)
            if verdict.state != PROVED and with_above:
                return
            if shown(verdict):
                alone_shown = (use, verdict.points[0])
                break
    owner = proof.book.owner(found[0].name)
    guarded = all(use.guards for use in found)
    hidden = "外层的条件和前面各档" if guarded else "前面各档"
    hidden_en = "the conditions around it, with the rows above," if guarded else "the rows above"
    common = {
        "severity": DEFECT,
        "subjects": (table.path, owner.path),
        "clauses": clauses_of(table.clause, owner.clause),
    }
    if alone_shown is not None:
        use, point = alone_shown
        proof.add(
            Finding(
                code="PRV003",
                zh=f"{table.title}的“{said}”一档永远轮不到: {hidden}{'已经把它排除' if guarded else '合起来已经包含它'}",
                en=f"the row {said} of {table.title} is never reached: {hidden_en} {'rule it out' if guarded else 'hold all of it'}",
                line=use.name,
                points=(point,),
                **common,  # type: ignore[arg-type]
            )
        )
    else:
        proof.add(
            Finding(
                code="PRV005",
                zh=f"{table.title}的“{said}”一档谁也够不着",
                en=f"nobody can reach the row {said} of {table.title}",
                **common,  # type: ignore[arg-type]
            )
        )


def _row_question(proof: Proof, use: Use, at: int, *, with_above: bool) -> Question:
    node = use.node
    rulebook = proof.rulebook

    def holds(copies: list[Encoder]) -> Truth:
        one = copies[0]
        if not isinstance(node, t.Lookup):
            return False
        keys = [one.encode(key) for key in node.keys]
        if one.rows(node.table) is not rulebook.tables[node.table].versions[-1].rows:
            return False
        rows = [one.row_holds(row.cells, keys) for row in one.rows(node.table)]
        above = [row.fails for row in rows[:at]] if with_above else []
        around = comes_to(one, use.guards) if with_above else True
        return both(around, rows[at].holds, *above)

    def confirm(points: tuple[Point, ...]) -> bool:
        hit = expression_at(rulebook, node, points[0]).hit
        return hit == at and came_to(proof, use.guards, points[0]) if with_above else 0 <= hit <= at

    return Question((use.name,), holds, confirm)


def cell_text(cell: t.Cell) -> str:
    """Return a cell as it is written."""
    if isinstance(cell, t.AnyCell):
        return "any"
    return " | ".join(cell.choices) if isinstance(cell, t.ChoiceCell) else cell.text
