"""The past as columns of a card: earlier instances, streaks, states; and what this instance adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlglot import exp

from guanhu.appraisal.decided import join_decided
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lines import Card, leaf_key
from guanhu.appraisal.parameters import value_of
from guanhu.appraisal.past_columns import loaded_values, past_query
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.past import Dated, Past, Value
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.lots import OpeningLot
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Bool, Compiled, Day, Num, Word
from guanhu.rulebook.run.template import filled, table_named
from guanhu.rulebook.windows import previous_instance
from guanhu.values import units
from guanhu.values.dates import Span, add_months, instances, month_start, unit_containing
from guanhu.values.exact import money_shown, shown
from guanhu.values.problem import Problem

if TYPE_CHECKING:
    from guanhu.appraisal.appraise import Outcome, Result


def read_opening(engine: Engine, rulebook: t.Rulebook, past: Past) -> None:
    """Read `opening_state` into the past: values of lines and decisions of earlier instances, and states."""
    query = filled(
        "SELECT subject_id, item, every, day, value FROM f_opening_state WHERE rulebook = :id ORDER BY ALL",
        id=exp.Literal.string(rulebook.id),
    )
    for subject, item, every, day, text in engine.rows(query):
        if item in rulebook.states:
            for store in (past.states, past.opening):
                store.setdefault(item, {}).setdefault(subject, []).append((day, text))
            continue
        ledger, _, row = item.partition("/")
        if ledger in rulebook.lots and (not row or rulebook.lots[ledger].rows):
            amount = value_of(units.MONEY, text)
            if isinstance(amount, Fraction):
                of = unit_containing(every, day)
                past.opening_lots.append(OpeningLot(ledger, subject, of, amount, row))
            continue
        line = rulebook.declared(item)
        if line is None:
            continue
        unit = line.unit if isinstance(line, t.Line) else units.YES_NO
        value = _yes_no(text) if unit == units.YES_NO else value_of(unit, text)
        key = (item, unit_containing(every, day))
        if not isinstance(value, date):
            past.published.setdefault(key, {})[subject] = value


class History:
    """Reads earlier values into cards and remembers what each instance gives."""

    def __init__(self, engine: Engine, rulebook: t.Rulebook, past: Past) -> None:
        """Keep the past that grows with the run."""
        self.engine = engine
        self.rulebook = rulebook
        self.past = past
        self.given: dict[str, dict[str, Dated]] = {}
        self.remembered = _lines_of_the_past(rulebook)
        self.count = 0

    # -- columns of a card --

    def with_states(self, table: str, instance: Instance) -> str:
        """Return the cards with a grade that a decision has set since the post's own row began."""
        found = self.past.state("grade", instance.days.start) if "grade" in self.past.states else {}
        if not found:
            return table
        name = f"{table}/states"
        rows = [(subject, since, value) for subject, (since, value) in sorted(found.items())]
        self.engine.load(
            "grade_states", (("subject_id", "VARCHAR"), ("since", "DATE"), ("value", "VARCHAR")), rows
        )
        self.engine.create(name, filled(_WITH_GRADE, cards=table))
        return name

    def join(self, card: Card, roots: list[t.Expr]) -> None:
        """Give a card the columns of the earlier figures that its formulas read."""
        for node in {
            leaf_key(x): x
            for root in roots
            for x in t.walk(root)
            if isinstance(x, t.OverInstances | t.Previous | t.Streak | t.Times | t.State | t.Balance)
        }.values():
            key = leaf_key(node)
            if key not in card.leaves:
                card.leaves[key] = self._leaf(card, node, key)
        inputs = {x.name: x for root in roots for x in t.walk(root) if isinstance(x, t.InputRef)}
        for name, asked in inputs.items():
            if self.rulebook.inputs[name].by_person:
                join_decided(self.engine, self.rulebook, card, asked, self._joined)

    def _leaf(self, card: Card, node: t.Expr, key: str) -> Compiled:
        instance = card.instance
        match node:
            case t.Previous():
                return self._previous(card, node, key)
            case t.OverInstances():
                return self._over(card, node, key)
            case t.Streak():
                before = self.past.streak(node.line, instance.days.start, self._since(node, instance))
                return self._joined(card, before, units.COUNT, key)
            case t.Times():
                first = self._first_of_last(instance, node.last)
                before = self.past.times(node.line, first, instance.days.start, self._since(node, instance))
                return self._joined(card, before, units.COUNT, key)
            case t.Balance():
                return self._balance(card, node, key)
            case t.State():
                held = self.past.state(node.name, instance.days.start)
                current = {subject: _state_value(node.unit, text) for subject, (_, text) in held.items()}
                return self._joined(card, current, node.unit, key)
            case _:
                raise TypeError(type(node).__name__)

    def _since(self, node: t.Streak | t.Times, instance: Instance) -> dict[str, date]:
        """Return, by subject, after which day a streak or count starts anew in an instance."""
        return self.past.changes(node, instance.days.end, self._given(node.states))

    def _given(self, states: tuple[str, ...]) -> dict[str, dict[str, Dated]]:
        """Return the grades and posts of the bank's own rows, read once, where a count leads to them."""
        for name in {"grade", "post"}.intersection(states).difference(self.given):
            query = filled(
                "SELECT person_id, from_day, :state FROM f_posts WHERE :state IS NOT NULL ORDER BY 1, 2",
                state=exp.column(name),
            )
            found = self.given.setdefault(name, {})
            for subject, day, value in self.engine.rows(query):
                found.setdefault(subject, []).append((day, value))
        return self.given

    def _first_of_last(self, instance: Instance, last: int) -> date:
        months = {"month": 1, "quarter": 3, "half": 6, "year": 12}.get(instance.every, 12)
        return add_months(instance.days.start, -months * (last - 1))

    def _joined(self, card: Card, values: Mapping[str, Value | int], unit: units.Unit, key: str) -> Compiled:
        """Join values by subject; where there is none the column is NULL and `<key>/there` too."""
        self.count += 1
        meaning = loaded_values(self.engine, f"past/{self.count}", values, unit)
        card.join(past_query(f"past/{self.count}", key, card.table), [key, f"{key}/there"])
        column = exp.column(key, quoted=True)
        match meaning:
            case Num():
                return Num(column, meaning.scale, meaning.low, meaning.high)
            case Bool():
                return Bool(column)
            case Day():
                return Day(column)
            case _:
                return Word(column)

    def _balance(self, card: Card, node: t.Balance, key: str) -> Compiled:
        """Return what a ledger holds; who has nothing entered holds 0."""
        ledger = self.rulebook.ledgers[node.ledger]
        values = self.past.balance(ledger.adds, ledger.uses, ledger.lapses_after, card.instance.days.start)
        joined = self._joined(card, dict(values), node.unit, key)
        if not isinstance(joined, Num):
            raise TypeError(node.ledger)
        there = exp.column(f"{key}/there", quoted=True)
        sql = n.case(
            [(n.is_null(there), n.typed(n.integer(0), joined.size))], n.typed(joined.sql, joined.size)
        )
        return Num(sql, joined.scale, min(joined.low, 0), joined.high, joined.level)

    def _previous(self, card: Card, node: t.Previous, key: str) -> Compiled:
        span = previous_instance(card.instance.days, card.instance.every, node.back)
        values = self.past.at(node.line, span) or {}
        joined = self._joined(card, values, node.unit, key)
        if node.otherwise is None:
            return joined
        fallback = card.compiler.number(node.otherwise)
        there = exp.column(f"{key}/there", quoted=True)
        if not isinstance(joined, Num):
            return joined
        scale = n.common_scale(joined.scale, fallback.scale)
        own, other = n.rescaled(joined, scale), n.rescaled(fallback, scale)
        size = max(own.size, other.size)
        sql = n.case([(n.is_null(there), n.typed(other.sql, size))], n.typed(own.sql, size))
        return Num(
            sql, scale, min(own.low, other.low), max(own.high, other.high), max(own.level, other.level)
        )

    def _over(self, card: Card, node: t.OverInstances, key: str) -> Compiled:
        known = [self.past.at(node.line, span) for span in instances(node.every, card.instance.days)]
        gathered: dict[str, list[Value]] = {}
        for values in known:
            for subject, value in (values or {}).items():
                gathered.setdefault(subject, []).append(value)
        if any(values is None for values in known):
            gathered = {}
        return self._joined(
            card, {subject: _over(node.how, values) for subject, values in gathered.items()}, node.unit, key
        )

    # -- what an instance adds --

    def remember(self, result: Result, outcome: Outcome) -> None:
        """Keep the values that later instances read, and the states that decisions set."""
        everything = {**result.lines, **result.decisions}
        names = [x for x in everything if x in self.remembered or x in self.rulebook.decisions]
        if names:
            self._keep(result, names, everything)
        # What a published instance decided was read with it: recomputed, it decides nothing anew.
        if (result.instance.every, result.instance.days) not in self.past.held:
            self._states(result, outcome)

    def _keep(self, result: Result, names: list[str], everything: dict[str, Compiled]) -> None:
        columns = [exp.column(x, quoted=True) for x in names]
        rows = self.engine.rows(
            exp.select("subject_id", *columns).from_(table_named(result.persons), copy=False)
        )
        for number, name in enumerate(names, 1):
            meaning = everything[name]
            store = self.past.computed.setdefault((name, result.instance.days), {})
            for row in rows:
                store[row[0]] = exact(row[number], meaning)

    def overdrawn(self, period: Span) -> list[Problem]:
        """Return a warning for each ledger and instance of a period that uses more than there is: the rest comes from nothing."""
        told: list[Problem] = []
        for ledger in self.rulebook.ledgers.values():
            by_days: dict[Span, list[tuple[str, Fraction]]] = {}
            for days, subject, more in self.past.overdrawn(
                ledger.adds, ledger.uses, ledger.lapses_after, period.end
            ):
                if period.start < days.end:
                    by_days.setdefault(days, []).append((subject, more))
            told.extend(
                _told_overdrawn(self.rulebook, ledger, days, by_days[days]) for days in sorted(by_days)
            )
        return told

    def _states(self, result: Result, outcome: Outcome) -> None:
        set_by: dict[tuple[str, str, date], list[tuple[t.Decision, str, str]]] = {}
        for name in result.decisions:
            decision = self.rulebook.decisions[name]
            values = self.past.computed[name, result.instance.days]
            fired = sorted(subject for subject, value in values.items() if value)
            current = self._current(decision, result) if decision.state else {}
            day = in_force_day(decision, result.instance.days)
            for subject in fired:
                before = current.get(subject, "")
                after = self._becomes(decision, before, result, subject)
                set_by.setdefault((subject, decision.state or decision.id, day), []).append(
                    (decision, before, after)
                )
        for (subject, state, day), decisions in sorted(
            set_by.items(), key=lambda item: (item[0][0], item[0][1], item[0][2])
        ):
            # A figure that is unknown cannot be kept: the person is named, and what was set before stays.
            kept = isinstance(decisions[0][0].becomes, t.LineRef)
            undecided = len(decisions) > 1 or (kept and not decisions[0][2])
            for decision, before, after in decisions:
                outcome.changes.append(
                    (result.instance.key, subject, decision.id, decision.state, before, after, day, undecided)
                )
            if not undecided and decisions[0][0].state:
                self.past.states.setdefault(state, {}).setdefault(subject, []).append((day, decisions[0][2]))

    def _current(self, decision: t.Decision, result: Result) -> dict[str, str]:
        if decision.state in ("grade", "post"):
            column = exp.column(decision.state)
            rows = self.engine.rows(
                exp.select("subject_id", column)
                .from_(table_named(result.persons), copy=False)
                .where("is_last", copy=False)
            )
            return {subject: value or "" for subject, value in rows}
        return {
            subject: value
            for subject, (_, value) in self.past.state(decision.state, result.instance.days.last_day).items()
        }

    def _becomes(self, decision: t.Decision, before: str, result: Result, subject: str) -> str:
        if isinstance(decision.becomes, t.LineRef):
            figure = self.past.computed[decision.becomes.name, result.instance.days].get(subject)
            return shown(figure) if isinstance(figure, Fraction) else ""
        if isinstance(decision.becomes, t.WordConst):
            return decision.becomes.value
        if not decision.step:
            return decision.text
        ladder = next(w.choices for w in self.rulebook.words.values() if w.of == decision.state and w.ladder)
        if before not in ladder:
            return before
        return ladder[min(max(ladder.index(before) + decision.step, 0), len(ladder) - 1)]


_WITH_GRADE = """
SELECT c.* REPLACE (CASE WHEN g.since > c.grade_since THEN g.value ELSE c.grade END AS grade)
FROM cards AS c LEFT JOIN grade_states AS g ON g.subject_id = c.subject_id
"""


def _told_overdrawn(
    rulebook: t.Rulebook, ledger: t.Ledger, days: Span, short: list[tuple[str, Fraction]]
) -> Problem:
    subject, more = min(short)
    uses, adds = rulebook.lines[ledger.uses], rulebook.lines[ledger.adds]
    is_money = uses.unit == units.MONEY
    amount = money_shown(int(more * 100)) if is_money else shown(more, 6)
    return Problem(
        "RUN058",
        ledger.place,
        f"{days}: {len(short)} 个对象用去的《{uses.title}》比《{ledger.title}》的结存加本期转入还多(如 {subject} 多 {amount}), 多出的没有来处",
        f"{days}: {len(short)} subjects use more ({ledger.uses}) than {ledger.id} holds and the instance enters (such as {subject}, by {amount}); the rest comes from nothing",
        f"要以结存为限, 写 min(..., {ledger.id} + {adds.id})",
        f"to keep within what is there write min(..., {ledger.id} + {adds.id})",
        clause=ledger.clause,
        severity="warning",
    )


def in_force_day(decision: t.Decision, days: Span) -> date:
    """Return from which day a decision of an instance is in force."""
    if decision.in_force == "next month":
        first = month_start(days.end)
        return first if first >= days.end else add_months(first, 1)
    return days.end


def exact(value: object, meaning: Compiled) -> Value:
    """Return the exact value of a cell."""
    if value is None:
        return None
    if isinstance(meaning, Num) and isinstance(value, int | Decimal):
        return Fraction(int(value)) * meaning.scale
    return bool(value) if isinstance(meaning, Bool) else str(value)


def _over(how: str, values: list[Value]) -> Value:
    if any(value is None for value in values):
        return None
    numbers = [
        Fraction(int(v)) if isinstance(v, bool) else v for v in values if isinstance(v, bool | Fraction)
    ]
    match how:
        case "sum" | "count":
            return sum(numbers, Fraction(0))
        case "average":
            return sum(numbers, Fraction(0)) / len(numbers) if numbers else None
        case "highest":
            return max(numbers)
        case "lowest":
            return min(numbers)
        case _:
            return values[-1]


def _state_value(unit: units.Unit, text: str) -> Value:
    """Return what a decision has set; a figure is kept as decimal text."""
    value = value_of(unit, text)
    return None if isinstance(value, date) else value


def _yes_no(text: str) -> bool | None:
    return {"是": True, "yes": True, "1": True, "否": False, "no": False, "0": False}.get(
        text.strip().lower()
    )


def _lines_of_the_past(rulebook: t.Rulebook) -> set[str]:
    """Return the lines that later instances read."""
    roots = [root for x in rulebook.evaluated() for root in x.formulas]
    kept = {line for ledger in rulebook.ledgers.values() for line in (ledger.adds, ledger.uses)}
    kept |= {line for ledger in rulebook.lots.values() for line, _ in ledger.granting}
    kept |= {d.becomes.name for d in rulebook.decisions.values() if isinstance(d.becomes, t.LineRef)}
    return kept | {
        node.line
        for root in roots
        for node in t.walk(root)
        if isinstance(node, t.OverInstances | t.Previous | t.Streak | t.Times)
    }
