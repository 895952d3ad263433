"""Errors that a compiler of rulebooks could have: each plants one in one small place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from sqlglot import exp

from guanhu.appraisal import (
    among,
    appraise,
    by_customer,
    cubes,
    day_totals,
    events,
    ground,
    history,
    leaves,
    lines,
    measures,
    people,
    persons,
    pools,
)
from guanhu.facts.at_rest import CUT_COLUMNS, CUTS
from guanhu.facts.store import FactView
from guanhu.facts.view import Relation, empty_query
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain import past
from guanhu.rulebook.run import cube, numeric as n, scalar

Plant = Callable[[pytest.MonkeyPatch], Callable[[], bool]]


@dataclass(frozen=True, slots=True)
class Planted:
    """A mutant: its name, the rulebook it is tried on, and how it is planted (which returns: was it reached?)."""

    name: str
    topic: str
    plant: Plant


def always() -> bool:
    return True


def setting(owner: Any, name: str, make: Callable[[Any], Any]) -> Plant:
    """Put something made of the original in the original's place."""

    def plant(patch: pytest.MonkeyPatch) -> Callable[[], bool]:
        seen: list[bool] = []
        changed = make(getattr(owner, name))

        def reached(*args: Any, **kwargs: Any) -> Any:
            seen.append(True)
            return changed(*args, **kwargs)

        patch.setattr(owner, name, reached)
        return lambda: bool(seen)

    return plant


def entry(table: dict[str, Any], key: str, value: Any) -> Plant:
    """Change an entry of a table."""

    def plant(patch: pytest.MonkeyPatch) -> Callable[[], bool]:
        patch.setitem(table, key, value)
        return always

    return plant


def text(module: ModuleType, old: str, new: str) -> Plant:
    """Change the SQL texts that a module fills."""

    def plant(patch: pytest.MonkeyPatch) -> Callable[[], bool]:
        seen: list[bool] = []
        filled = module.filled  # type: ignore[attr-defined]

        def changed(query: str, /, **parts: Any) -> Any:
            if old in query:
                seen.append(True)
            return filled(query.replace(old, new), **parts)

        patch.setattr(module, "filled", changed)
        return lambda: bool(seen)

    return plant


def without_cuts(patch: pytest.MonkeyPatch) -> None:
    """Forget the sums stored for the days on which credit changes: all have to be made from the intervals."""
    relation = FactView.relation
    empty = Relation(empty_query(CUT_COLUMNS))
    patch.setattr(FactView, "relation", lambda self, kind: empty if kind == CUTS else relation(self, kind))


def unindexed(plant: Plant) -> Plant:
    """Plant where no sums are stored for the days on which credit changes."""

    def planted(patch: pytest.MonkeyPatch) -> Callable[[], bool]:
        without_cuts(patch)
        return plant(patch)

    return planted


def nothing_lacks(filled: Any) -> Any:
    return lambda query, /, **parts: filled(query.replace("lacking > 0", "lacking < 0"), **parts)


def on_node(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change the node that a compiler's method is given."""
    return lambda original: lambda self, node, *rest: original(self, change(node), *rest)


def half_up(_original: Any) -> Any:
    def rounded(x: n.Num, scale: Fraction) -> n.Num:
        ratio = scale / x.scale
        if ratio.numerator == 1:
            return n.rescaled(x, scale)
        half, whole = n.integer(ratio.numerator // 2), n.integer(ratio.numerator)
        above = exp.Add(this=n.wrap(x.sql), expression=half)
        # The engine's remainder has the sign of what is divided: shifted, it is a floor.
        rest = exp.Mod(
            this=exp.Paren(
                this=exp.Add(
                    this=exp.Paren(this=exp.Mod(this=exp.Paren(this=above), expression=whole)),
                    expression=whole,
                )
            ),
            expression=whole,
        )
        floor = exp.IntDiv(
            this=exp.Paren(this=exp.Sub(this=exp.Paren(this=above), expression=exp.Paren(this=rest))),
            expression=whole,
        )
        bound = x.size // ratio.numerator + 2
        return n.Num(floor, scale, -bound, bound, x.level)

    return rounded


def floored(original: Any) -> Any:
    def truncated(x: n.Num, divisor: int) -> n.Num:
        cut = original(x, divisor)
        rest = exp.Mod(this=n.wrap(x.sql), expression=n.integer(divisor))
        less = n.case(
            [(exp.LT(this=exp.Paren(this=rest), expression=n.integer(0)), n.integer(1))], n.integer(0)
        )
        sql = exp.Sub(this=n.wrap(cut.sql), expression=n.wrap(less))
        return n.Num(sql, cut.scale, cut.low - 1, cut.high, cut.level)

    return truncated


def skipping_unknown(original: Any) -> Any:
    def extreme(terms: list[n.Num], how: str) -> n.Num:
        found = original(terms, how)
        scaled = [n.rescaled(term, found.scale).sql for term in terms]
        kind = exp.Least if how == "least" else exp.Greatest
        return n.Num(
            kind(this=scaled[0], expressions=scaled[1:], ignore_nulls=True),
            found.scale,
            found.low,
            found.high,
            found.level,
        )

    return extreme


def without_unknown_arms(original: Any) -> Any:
    def picked(self: Any, conditions: list[n.Bool], values: list[Any], last: Any) -> Any:
        known = [
            n.Bool(exp.Coalesce(this=c.sql, expressions=[exp.Boolean(this=False)]), c.level)
            for c in conditions
        ]
        return original(self, known, values, last)

    return picked


def unknown_is_no(original: Any) -> Any:
    def joined(self: Any, node: Any) -> n.Bool:
        found = original(self, node)
        return n.Bool(exp.Coalesce(this=found.sql, expressions=[exp.Boolean(this=False)]), found.level)

    return joined


def counting_unknown_as_no(_original: Any) -> Any:
    def count_true(self: Any, node: t.CountTrue) -> n.Num:
        tests = [self.condition(x) for x in node.terms]
        ones = [
            n.Num(n.case([(x.sql, n.integer(1))], n.integer(0)), Fraction(1), 0, 1, x.level) for x in tests
        ]
        found = ones[0]
        for one in ones[1:]:
            found = n.add(found, one)
        return found

    return count_true


def ignoring_the_divisors_sign(original: Any) -> Any:
    del original
    return lambda op, left, right: n.Bool(
        n.comparison(op, *(n.multiply(*pair).sql for pair in _crossed(left, right))),
        max(scalar.level_of(left), scalar.level_of(right)),
    )


def _crossed(left: Any, right: Any) -> list[tuple[n.Num, n.Num]]:
    one = n.constant(Fraction(1))
    (a, b), (c, d) = ((x.dividend, x.divisor) if isinstance(x, n.Pair) else (x, one) for x in (left, right))
    first, second = n.multiply(a, d), n.multiply(c, b)
    scale = n.common_scale(first.scale, second.scale)
    return [(n.rescaled(first, scale), one), (n.rescaled(second, scale), one)]


def flat_cell(original: Any) -> Any:
    def cell(self: Any, cell: t.Cell, key: Any) -> Any:
        if isinstance(cell, t.RangeCell):
            cell = replace(cell, high_in=not cell.high_in if cell.high is not None else cell.high_in)
        return original(self, cell, key)

    return cell


def report_day_only(original: Any) -> Any:
    def pieces(self: Any, measure: Any, subject: str, object_key: str, book: str) -> exp.Expr:
        query = original(self, measure, subject, object_key, book)
        if subject != "person":
            return query
        return measures.filled(
            "SELECT * REPLACE (DATE '0001-01-01' AS start_day, DATE '9999-12-31' AS end_day) FROM q "
            "WHERE start_day <= DATE '2025-03-31' AND end_day > DATE '2025-03-31'",
            q=query,
        )

    return pieces


def day_before(original: Any) -> Any:
    def taken(take: t.Take, span: Any) -> Any:
        spans, divisor = original(take, span)
        if take.how == "at end":
            spans = [
                replace(s, start=s.start.fromordinal(s.start.toordinal() - 1), end=s.start) for s in spans
            ]
        return spans, divisor

    return taken


def one_day_fewer(original: Any) -> Any:
    def taken(take: t.Take, span: Any) -> Any:
        spans, divisor = original(take, span)
        return spans, divisor - 1 if take.how == "daily average" else divisor

    return taken


def measure_changed(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda original: lambda self, measure, *rest: original(self, change(measure), *rest)


def wanted_changed(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda original: (
        lambda self, wanted: original(self, replace(wanted, measure=change(wanted.measure)))
    )


def window_node(**changes: Any) -> Callable[[Any], Any]:
    return lambda original: lambda self, node, *rest: original(self, replace(node, **changes), *rest)


def zero_when_absent(_original: Any) -> Any:
    return lambda _unit: n.constant(Fraction(0))


def plain_sum_of_points(original: Any) -> Any:
    def average(column: exp.Expr, value: n.Num) -> n.Num:
        found = original(column, value)
        changed = found.sql.transform(
            lambda node: n.integer(1) if isinstance(node, exp.Column) and node.name == "spell_days" else node
        )
        return n.Num(changed, found.scale, found.low, found.high)

    return average


def whole_bounds(original: Any) -> Any:
    def held(self: Any, line: t.Line, value: n.Num) -> n.Num:
        return original(self, replace(line, adds_up=False), value)

    return held


def _without_bounds_days() -> Plant:
    return setting(lines.Card, "_held", whole_bounds)


MUTANTS = (
    Planted("> becomes >=", "formulas", entry(n._OPS, ">", exp.GTE)),
    Planted(">= becomes >", "formulas", entry(n._OPS, ">=", exp.GT)),
    Planted("<= becomes <", "formulas", entry(n._OPS, "<=", exp.LT)),
    Planted("< becomes <=", "formulas", entry(n._OPS, "<", exp.LTE)),
    Planted("negatives are floored, not cut", "formulas", setting(n, "truncated", floored)),
    Planted("half goes up, not away from zero", "formulas", setting(n, "rounded", half_up)),
    Planted("a started step is not counted", "formulas", setting(n, "away", lambda _: n.truncated)),
    Planted("unknown is skipped by min", "formulas", setting(n, "extreme", skipping_unknown)),
    Planted("a quotient has 2 places", "formulas", setting(n, "quotient_rounded", lambda f: lambda pair, _places, bind: n.rescaled(f(pair, 2, bind), Fraction(1, 10**12)))),
    Planted("the divisor's sign is ignored", "formulas", setting(n, "_compare_pairs", ignoring_the_divisors_sign)),
    Planted("growth over less than nothing", "formulas", setting(scalar.Compiler, "_quotient", on_node(lambda q: replace(q, positive=False)))),
    Planted("an unknown case is passed over", "formulas", setting(scalar.Compiler, "picked", without_unknown_arms)),
    Planted("unknown and yes is no", "formulas", setting(scalar.Compiler, "_joined", unknown_is_no)),
    Planted("an unknown condition counts as no", "formulas", setting(scalar.Compiler, "_count_true", counting_unknown_as_no)),
    Planted("a bracket is closed on the other side", "formulas", setting(scalar.Compiler, "cell", flat_cell)),
    Planted("the first piece is lost", "formulas", setting(scalar, "bracket_edges", lambda f: lambda cell, _piece: f(cell, Fraction(0)))),
    Planted("an absent input is zero", "formulas", setting(leaves, "_nothing", zero_when_absent)),
    Planted("a figure not supplied is zero", "formulas", setting(appraise, "supplied_figure", lambda f: lambda *args: replace(f(*args), empty_is_zero=True))),
    Planted("the last day is lost", "credit", unindexed(text(cube, "least(b.to_day, e.day))) AS days_sum", "least(b.to_day, e.day) - 1)) AS days_sum"))),
    Planted("the month's index serves a cut month", "credit", text(cube, "d.day < f.end_day", "d.day < f.start_day")),
    Planted("a month that credit ends with is lost", "credit", text(cube, "q.end_day >= :month_end", "q.end_day > :month_end")),
    Planted("what was before is not taken off", "credit", text(cube, "sum(e.sign * x.balance_days)", "sum(x.balance_days)")),
    Planted("a sum that is not stored is zero", "credit", unindexed(setting(cubes, "filled", nothing_lacks))),
    Planted("the share of the report day", "credit", setting(measures.Fold, "_pieces_query", report_day_only)),
    Planted("the price of the window's end", "credit", setting(measures.Fold, "price_day", lambda _: lambda _self, _measure, _day, wanted: wanted.span.last_day)),
    Planted("rounding before summing", "credit", text(measures, "sum(r.amount)", "sum(CAST(round(r.amount / 1e12) * 1000000000000 AS HUGEINT))")),
    Planted("at end is the day before", "credit", setting(measures, "taken_spans", day_before)),
    Planted("an average over one day fewer", "credit", setting(measures, "taken_spans", one_day_fewer)),
    Planted("the role is ignored", "credit", setting(measures.Fold, "_pieces_query", measure_changed(lambda m: replace(m, role="")))),
    Planted("the book is ignored", "credit", text(measures, "WHERE c.book = :book AND", "WHERE")),
    Planted("the referrer counts as lead", "credit", setting(measures.Fold, "_pieces_query", measure_changed(lambda m: replace(m, credit="each in full" if m.credit == "lead only" else m.credit)))),
    Planted("the customer's owner counts too", "credit", text(ground, "QUALIFY c.rank = min(c.rank) OVER (PARTITION BY p.object, p.book, p.start_day)", "")),
    Planted("the customer's owner of a fee counts too", "credit", text(events, "QUALIFY rank = min(rank) OVER (PARTITION BY batch_no, row_no)", "")),
    Planted("what nobody has goes to the first", "credit", text(ground, "FROM f_assignments WHERE grain = 'account' AND account_no IS NOT NULL", "FROM f_assignments WHERE grain = 'account' AND account_no IS NOT NULL UNION ALL SELECT a.account_no, 'p1', NULL, 'main', 1000000000, DATE '2020-01-01', DATE '9999-12-31', 3 FROM f_accounts AS a WHERE a.customer_id IS NULL")),
    Planted("the odd part of a third is lost", "credit", text(ground, "r.role, r.book, r.share,", "r.role, r.book, r.share // 1000 * 1000 AS share,")),
    Planted("the base is credited by its own owners", "credit", setting(measures.Fold, "standing", wanted_changed(lambda m: replace(m, base=False)))),
    Planted("a closed account loses its owner", "credit", text(measures, "p.end_day >= a.closed_on", "p.end_day > a.closed_on")),
    Planted("an account stays where it was opened", "credit", text(ground, "SELECT account_no, institution_id, from_day AS start_day", "SELECT account_no, opened_at AS institution_id, from_day AS start_day")),
    Planted("an institution without those below it", "credit", text(ground, "c.depth < 20", "c.depth < 0")),
    Planted("a fee of the day after counts", "credit", text(events, "k.day < :stop", "k.day <= :stop")),
    Planted("the first day of a window is lost", "credit", text(events, "k.day >= :start AND", "k.day > :start AND")),
    Planted("days before the post have a total", "credit", text(day_totals, "WHERE w.post IS NOT NULL AND w.start_day", "WHERE w.start_day")),
    Planted("a run goes on over other days", "credit", text(day_totals, "THEN 0 ELSE 1 END AS is_new", "THEN 0 ELSE 0 END AS is_new")),
    Planted("the last day of a balance has no total", "credit", text(day_totals, "first_day + CAST(days AS INTEGER)", "first_day + CAST(days AS INTEGER) - 1")),
    Planted("days held are those of the window", "credit", text(day_totals, "h.days AS den", "90 AS den")),
    Planted("credit of the day before", "credit", text(measures, "WHERE p.start_day <= :day AND p.end_day > :day", "WHERE p.start_day < :day AND p.end_day >= :day")),
    Planted("a customer counts once for each account", "credit", text(by_customer, "count(DISTINCT thing)", "count(thing)")),
    Planted("all customers are rounded as one", "credit", text(by_customer, "r.thing, r.amount, r.is_bad FROM rows_ AS r JOIN spells", "'one' AS thing, r.amount, r.is_bad FROM rows_ AS r JOIN spells")),
    Planted("a change of institution does not cut", "past", text(people, "lag(institution_id) OVER w IS NOT DISTINCT FROM institution_id", "TRUE")),
    Planted("a spell ends a day early", "past", text(people, "least(end_day, :stop) AS end_day", "least(end_day, :stop) - 1 AS end_day")),
    Planted("points do not average by days", "past", setting(persons, "_average", plain_sum_of_points)),
    Planted("spell rows at the whole's scale", "past", setting(appraise, "Result", lambda f: lambda *parts: f(*parts[:-1], {**parts[4], **parts[6]}))),
    Planted("a held total is the sum of its lines", "past", setting(persons, "_where_held", lambda _: lambda _name, _own, terms: terms)),
    Planted("a decision reads the last spell", "past", setting(appraise, "join_wholes", lambda _: lambda *_args: None)),
    Planted("a group and the whole read the spell", "situations", setting(appraise, "join_wholes", lambda _: lambda *_args: None)),
    Planted("fixed amounts do not count by days", "past", setting(scalar.Compiler, "_by_days", lambda _: lambda self, node: self.number(node.x))),
    Planted("bounds do not count by days", "past", _without_bounds_days()),
    Planted("an unknown spell is left out of pay", "past", text(persons, "CASE WHEN count(*) FILTER (WHERE :x IS NULL) > 0 THEN NULL ELSE CAST(sum(:x) AS HUGEINT) END", "CAST(sum(:x) AS HUGEINT)")),
    Planted("a streak does not start anew", "past", setting(past.Past, "streak", lambda f: lambda self, line, day, _since: f(self, line, day, {}))),
    Planted("a count does not start anew", "past", setting(past.Past, "times", lambda f: lambda self, line, first, day, _since: f(self, line, first, day, {}))),
    Planted("every change starts every count anew", "past", setting(past.Past, "changes", lambda f: lambda self, node, *rest: f(self, replace(node, states=tuple(self.states)), *rest))),
    Planted("the bank's own rows start no count anew", "past", setting(history.History, "_given", lambda _: lambda _self, _states: {})),
    Planted("previous reads two instances before", "past", setting(history, "previous_instance", lambda f: lambda days, every, back: f(days, every, back + 1))),
    Planted("times looks one instance further back", "past", setting(history.History, "_first_of_last", lambda f: lambda self, instance, last: f(self, instance, last + 1))),
    Planted("the last month is not summed", "past", setting(history, "instances", lambda f: lambda every, span: list(f(every, span))[:-1])),
    Planted("a decision is in force a month late", "past", setting(history, "in_force_day", lambda f: lambda decision, days: f(decision, replace(days, end=days.end.replace(month=days.end.month + 1))))),
    Planted("the others include oneself", "past", setting(among.Window, "__init__", window_node(self_in=True))),
    Planted("a group of any size will do", "past", setting(among.Window, "__init__", window_node(least_size=1))),
    Planted("the group is the whole bank", "past", setting(among.Window, "__init__", window_node(by=()))),
    Planted("odd fen lost", "past", text(pools, "CASE WHEN place <= odd THEN 1 ELSE 0 END", "0")),
    Planted("an odd fen goes to the larger id", "past", text(pools, "ORDER BY rest DESC, subject_id", "ORDER BY rest DESC, subject_id DESC")),
    Planted("an odd fen goes to the smallest remainder", "past", text(pools, "ORDER BY rest DESC", "ORDER BY rest")),
    Planted("a pool is shared by the last spell's figure", "past", setting(pools, "person_table", lambda _: lambda _engine, card, _rulebook: (card.table, card.lines))),
    Planted("a figure below 0 takes part in a pool", "past", text(pools, "AND min(pool_share) OVER w >= 0", "")),
    Planted("members of a pool may name different amounts", "past", text(pools, "AND min(pool_amount) OVER w = max(pool_amount) OVER w", "")),
    Planted("the rank runs the other way", "past", setting(among.Window, "__init__", lambda f: lambda self, node, *rest: f(self, replace(node, lowest_first=not node.lowest_first), *rest))),
)  # fmt: skip
