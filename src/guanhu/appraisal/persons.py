"""From spells to persons: points average by days, what adds up is added and then rounded, the rest is the last spell's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lines import Card, settled
from guanhu.appraisal.wide import wide_whole
from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Compiled, Num, Pair
from guanhu.rulebook.run.template import filled, table_named
from guanhu.values import units


def person_table(engine: Engine, card: Card, rulebook: t.Rulebook) -> tuple[str, dict[str, Compiled]]:
    """Return the table of one row per subject and what its line columns mean.

    Rounding: pay is summed exactly over spells and rounded to the fen once, a quantity that adds up at 12 places; points are Σ(points × days) ÷ Σ days
              at 12 places; a total is the sum of its rounded lines, but where `least` or `most` holds it in a
              spell it is summed like pay.
    """
    if not _has_several(engine, card):
        return card.table, dict(card.lines)
    lines = {
        name: value for name, value in card.lines.items() if not name.endswith(("~raw", "~held", "~paid"))
    }
    return _summed(engine, card, rulebook, f"{card.name}/persons", lines)


def join_wholes(engine: Engine, card: Card, rulebook: t.Rulebook, when: t.Expr) -> None:
    """Give a card the lines of the whole instance that a condition reads: a score is judged as it is printed."""
    names = [node.name for node in t.walk(when) if isinstance(node, t.LineRef)]
    new = [name for name in dict.fromkeys(names) if name not in card.wholes]
    if not new or not _has_several(engine, card):
        return
    card.flush()
    wanted = {name: card.lines[name] for name in _with_terms(new, rulebook)}
    table, lines = _summed(engine, card, rulebook, f"{card.name}/wholes/{card.flushes}", wanted)
    columns = [exp.alias_(exp.column(name, quoted=True), f"{name}~whole", quoted=True) for name in new]
    query = exp.select("subject_no", *columns).from_(table_named(table), copy=False)
    card.join(query, [f"{name}~whole" for name in new])
    for name in new:
        value = lines[name]
        if isinstance(value, Pair):
            raise TypeError(name)
        card.wholes[name] = replace(value, sql=exp.column(f"{name}~whole", quoted=True), level=0)


def _has_several(engine: Engine, card: Card) -> bool:
    (count,) = engine.rows(filled("SELECT count(*) FROM c WHERE NOT is_last", c=card.table))[0]
    return bool(count)


def _with_terms(names: list[str], rulebook: t.Rulebook) -> list[str]:
    """Return lines and the terms of those that are totals, each after its own terms."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        line = rulebook.lines.get(name)
        for term in line.terms if line is not None else ():
            visit(term)
        found[name] = None

    for name in names:
        visit(name)
    return list(found)


def _summed(
    engine: Engine, card: Card, rulebook: t.Rulebook, name: str, wanted: Mapping[str, Compiled]
) -> tuple[str, dict[str, Compiled]]:
    """Return the table `name` of what the spells of some lines come to, and what its columns mean."""
    lines: dict[str, Compiled] = {}
    columns: list[exp.Expr] = []
    for line_id, value in wanted.items():
        line = rulebook.lines.get(line_id)
        column = exp.column(line_id, quoted=True)
        last: exp.Expr = filled("SELECT any_value(:x) FILTER (WHERE is_last)", x=column).expressions[0]
        lines[line_id] = value
        try:
            found = _of_spells(line, column, value, card)
        except n.TooWide as error:
            raise n.TooWide(line_id) from error
        if found is not None:
            lines[line_id] = Num(column, found.scale, found.low, found.high)
            last = found.sql
        columns.append(exp.alias_(last, line_id, quoted=True))
        cause = filled(
            "SELECT CASE WHEN :last IS NULL THEN any_value(:x) FILTER (WHERE :x IS NOT NULL) END",
            last=last,
            x=exp.column(f"{line_id}~cause", quoted=True),
        )
        columns.append(exp.alias_(cause.expressions[0], f"{line_id}~cause", quoted=True))
        if f"{line_id}~held" in card.lines:
            held = exp.column(f"{line_id}~held", quoted=True)
            columns.append(exp.alias_(exp.LogicalOr(this=held), f"{line_id}~held", quoted=True))
    attributes = [
        exp.alias_(filled("SELECT any_value(:x) FILTER (WHERE is_last)", x=exp.column(a)).expressions[0], a)
        for a in ("post", "grade", "institution_id", "team_id", "spell_end")
    ]
    source = table_named(card.table)
    days = exp.alias_(exp.Sum(this=exp.column("spell_days")), "spell_days")
    query = exp.select(
        "subject_no", "subject_id", *attributes, days, exp.alias_(exp.Boolean(this=True), "is_last"), *columns
    ).from_(source, copy=False)
    engine.create(f"{name}/sums", query.group_by("subject_no", "subject_id", copy=False))
    return _with_totals(engine, f"{name}/sums", name, card, rulebook, lines)


def _of_spells(line: t.Line | None, column: exp.Expr, value: Compiled, card: Card) -> Num | None:
    """Return what the spells of a line come to, None where the last one speaks for all."""
    if line is None or not isinstance(value, Num):
        return None
    paid, raw = card.lines.get(f"{line.id}~paid"), card.lines.get(f"{line.id}~raw")
    try:
        if isinstance(raw, Num):
            spells_max = card.instance.days.days
            total = _known_sum(exp.column(f"{line.id}~raw", quoted=True))
            return settled(
                Num(total, raw.scale, min(raw.low, 0) * spells_max, max(raw.high, 0) * spells_max),
                line.unit,
            )
        if line.unit == units.POINTS:
            return _average(column, value)
    except n.TooWide:
        paid = wide_whole(card, line, replace(value, sql=column, level=0))
    if not isinstance(paid, Num):
        return None
    last: exp.Expr = filled("SELECT any_value(:x) FILTER (WHERE is_last)", x=paid.sql).expressions[0]
    return replace(paid, sql=last)


def _known_sum(column: exp.Expr) -> exp.Expr:
    known = (
        "SELECT CASE WHEN count(*) FILTER (WHERE :x IS NULL) > 0 THEN NULL ELSE CAST(sum(:x) AS HUGEINT) END"
    )
    found: exp.Expr = filled(known, x=column).expressions[0]
    return found


def _average(column: exp.Expr, value: Num) -> Num:
    days_max = 4000
    top = filled(
        "SELECT CASE WHEN count(*) FILTER (WHERE :x IS NULL) > 0 THEN NULL ELSE CAST(sum(CAST(:x AS HUGEINT) * spell_days) AS HUGEINT) END",
        x=column,
    ).expressions[0]
    bottom = filled("SELECT CAST(sum(spell_days) AS BIGINT)").expressions[0]
    pair = Pair(
        Num(top, value.scale, value.low * days_max, value.high * days_max),
        Num(bottom, Fraction(1), 1, days_max),
    )
    found = n.quotient_rounded(pair, 12, lambda x: x)
    return Num(found.sql, found.scale, min(value.low * 10**12, -1), max(value.high * 10**12, 1))


def _with_totals(
    engine: Engine, sums: str, name: str, card: Card, rulebook: t.Rulebook, lines: dict[str, Compiled]
) -> tuple[str, dict[str, Compiled]]:
    """Return the persons with each money total as the sum of its own rounded lines."""
    changes: list[exp.Expr] = []
    totals: dict[str, Num] = {}
    for line_id in list(lines):
        line = rulebook.lines.get(line_id)
        if line is None or not line.sums_lines:
            continue
        found = _sum_of_terms(line, lines)
        if found is not None:
            if f"{line_id}~held" in card.lines:
                found = _where_held(line_id, lines[line_id], found)
            changes.append(exp.alias_(found.sql, line_id, quoted=True))
            # Spelt out, not by its name, for a total of it: the name is still what the spells came to.
            lines[line_id] = totals[line_id] = found
    for line_id, found in totals.items():
        lines[line_id] = Num(exp.column(line_id, quoted=True), found.scale, found.low, found.high)
    star = exp.Star(replace=changes) if changes else exp.Star()
    engine.create(name, exp.select(star).from_(table_named(sums), copy=False))
    return name, lines


def _sum_of_terms(line: t.Line, lines: dict[str, Compiled]) -> Num | None:
    found: Num | None = None
    for term in line.terms:
        value = lines[term]
        if isinstance(value, Num):
            found = value if found is None else n.add(found, value)
    return found


def _where_held(line_id: str, own: Compiled, terms: Num) -> Num:
    """Return the sum of the spells of a total where a bound holds one of them, else the sum of its rounded lines."""
    if not isinstance(own, Num):
        raise TypeError(line_id)
    scale = n.common_scale(own.scale, terms.scale)
    spells, whole = n.rescaled(own, scale), n.rescaled(terms, scale)
    size = max(spells.size, whole.size)
    # A bound that is unknown in a spell makes the total unknown, though all its lines may be known.
    held = n.any_of([n.is_null(spells.sql), exp.column(f"{line_id}~held", quoted=True)])
    sql = n.case([(held, n.typed(spells.sql, size))], n.typed(whole.sql, size))
    return Num(sql, scale, min(spells.low, whole.low), max(spells.high, whole.high))
