"""What a ledger asks about the people who have lots: its own formulas, and when they left.

A holder need not be appraised in the instance, nor have a post: a card is made for each, with the attributes of
the person's last card in the instance. Lines are those of the whole instance; who is not appraised has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.history import History
from guanhu.appraisal.joining import Joiner
from guanhu.appraisal.lines import FEN, Card, Known, leaf_key
from guanhu.appraisal.lot_ratings import unit_ended
from guanhu.appraisal.measures import date_sql
from guanhu.appraisal.people import cards
from guanhu.appraisal.persons import join_wholes
from guanhu.appraisal.supplied import supplied_figure
from guanhu.appraisal.wide import add_wide_answer, too_wide
from guanhu.rulebook import tree as t
from guanhu.rulebook.parts import parts_of
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Bool, Num, Pair
from guanhu.rulebook.run.template import filled, table_named
from guanhu.values import units
from guanhu.values.dates import FAR_FUTURE
from guanhu.values.problem import Refused

_HOLDERS = """
SELECT coalesce(p.subject_no, -row_number() OVER (ORDER BY h.subject_id)) AS subject_no, 1 AS spell_no, h.subject_id, c.post, c.grade, c.institution_id, c.team_id, c.area, c.level,
       s.person_kind, s.hired_on, s.left_on, :start AS spell_start, :stop AS spell_end,
       CAST(date_diff('day', :start, :stop) AS BIGINT) AS spell_days, CAST(date_diff('day', :start, :stop) AS BIGINT) AS own_days, TRUE AS is_last,
       c.grade_since, FALSE AS at_start, FALSE AS at_end
FROM holders AS h
LEFT JOIN w_person AS p ON p.subject_id = h.subject_id
LEFT JOIN everyone AS c ON c.subject_no = p.subject_no AND c.is_last
LEFT JOIN f_staff AS s ON s.person_id = h.subject_id
"""
_KEYS = ("claws", "amount", "when")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a ledger's formulas come to for one holder: fen, fen, yes or no, the place of a line; None is unknown."""

    claws: int | None = 0
    amount: int | None = 0
    when: bool | None = True
    chosen: int | None = 0


class Run(Protocol):
    """The run that asks."""

    engine: Engine
    rulebook: t.Rulebook
    history: History

    def known(self) -> Known:
        """Return what a card can read from outside."""


class Holders:
    """Evaluates the formulas of ledgers for those who have lots."""

    def __init__(self, run: Run) -> None:
        """Take the run."""
        self.run = run

    def answers(
        self,
        ledger: t.LotLedger,
        card: Card,
        subjects: Sequence[str],
        at_start: dict[str, dict[str, int | None]],
    ) -> dict[str, Answers]:
        """Return the answers by subject; `card` is that of the appraised, `at_start` the ledger's own figures."""
        formulas = {key: x for key in _KEYS if (x := getattr(ledger, key)) is not None}
        if ledger.rerates is not None and unit_ended(ledger.rerates, card.instance.days) is not None:
            formulas["chosen"] = ledger.rerates.chosen
        if not formulas or not subjects:
            return {subject: Answers() for subject in subjects}
        roots = list(formulas.values())
        holder = self._card(ledger, card, subjects)
        self._join_figures(holder, roots)
        self.run.history.join(holder, roots)
        self._join_lines(holder, card, roots)
        for what, values in at_start.items():
            self._join_lots(holder, ledger, what, values)
        for key, formula in formulas.items():
            try:
                _answer(holder, f"lots~{key}", formula, is_money=key != "when")
            except n.TooWide as error:
                raise Refused([too_wide(ledger)]) from error
        holder.flush()
        columns = [exp.column(f"lots~{key}", quoted=True) for key in formulas]
        rows = self.run.engine.rows(
            exp.select("subject_id", *columns).from_(table_named(holder.table), copy=False)
        )
        answers: dict[str, Answers] = {}
        for subject, *answered in rows:
            own: dict[str, object] = dict(zip(formulas, answered, strict=True))
            when, chosen = own.get("when", True), _whole(own.get("chosen", 0))
            answers[subject] = Answers(
                _whole(own.get("claws", 0)),
                _whole(own.get("amount", 0)),
                None if when is None else bool(when),
                None if chosen is None else chosen // 100,
            )
        return answers

    def _card(self, ledger: t.LotLedger, card: Card, subjects: Sequence[str]) -> Card:
        engine, instance = self.run.engine, card.instance
        name = f"lots/{ledger.id}/{instance.every}/{instance.days}"
        engine.load(f"{name}/who", (("subject_id", "VARCHAR"),), [(x,) for x in subjects])
        everyone = self.run.history.with_states(cards(engine, instance, card.group), instance)
        days = {"start": date_sql(instance.days.start), "stop": date_sql(instance.days.end)}
        engine.create(name, filled(_HOLDERS, holders=f"{name}/who", everyone=everyone, **days))
        whole = replace(card.group, id=f"{ledger.id}/holders", spells=False)
        return Card(engine, self.run.rulebook, whole, instance, self.run.known(), name)

    def _join_figures(self, holder: Card, roots: Iterable[t.Expr]) -> None:
        """Give the holders the figures that the bank supplies."""
        names = dict.fromkeys(
            x.name for x in parts_of(roots, self.run.rulebook.tables) if isinstance(x, t.MeasureRef)
        )
        joined = []
        for name in names:
            measure = self.run.rulebook.measures[name]
            if not isinstance(measure, t.FigureMeasure):
                raise TypeError(name)
            figure = supplied_figure(self.run.engine, measure, holder.instance, holder.group)
            joined.append((name, figure, "subject_id" if measure.scope == "person" else measure.scope))
        if joined:
            Joiner(self.run.engine, holder).join(joined)

    def _join_lines(self, holder: Card, card: Card, roots: Iterable[t.Expr]) -> None:
        """Give the holders the lines of the whole instance that the formulas read."""
        refs = {x.name: x for x in parts_of(roots, self.run.rulebook.tables) if isinstance(x, t.LineRef)}
        if not refs:
            return
        for node in refs.values():
            join_wholes(self.run.engine, card, self.run.rulebook, node)
        card.flush()
        columns = []
        for name in refs:
            value = card.wholes.get(name, card.lines[name])
            if isinstance(value, Pair):
                raise TypeError(name)
            columns.append(exp.alias_(value.sql, f"line~{name}", quoted=True))
            holder.lines[name] = replace(value, sql=exp.column(f"line~{name}", quoted=True), level=0)
        query = exp.select("subject_no", *columns).from_(table_named(card.table), copy=False)
        holder.join(query.where("is_last", copy=False), [f"line~{name}" for name in refs])

    def _join_lots(self, holder: Card, ledger: t.LotLedger, what: str, values: dict[str, int | None]) -> None:
        """Give the holders what waits, or what has been paid, when the instance begins."""
        name = f"{holder.table}/{what}"
        rows = [(subject, fen) for subject, fen in sorted(values.items())]
        self.run.engine.load(name, (("subject_id", "VARCHAR"), ("fen", "HUGEINT")), rows)
        key = leaf_key(t.LotFigure(ledger=ledger.id, what=what, unit=units.MONEY, place=ledger.place))
        query = (
            exp.select(
                exp.column("subject_no", table="h"),
                exp.alias_(exp.column("fen", table="v"), key, quoted=True),
            )
            .from_(exp.alias_(table_named(holder.table), "h", table=True), copy=False)
            .join(
                exp.alias_(table_named(name), "v", table=True), on="v.subject_id = h.subject_id", copy=False
            )
        )
        holder.join(query, [key])
        sizes = [abs(fen) for fen in values.values() if fen is not None]
        holder.leaves[key] = n.column(key, FEN, 0, max(sizes, default=1))


@dataclass(frozen=True, slots=True)
class Held:
    """A post and the days on which somebody held it."""

    start: date
    end: date
    post: str


class Leaving:
    """When people left the bank, and the posts that they held: read once."""

    def __init__(self, engine: Engine) -> None:
        """Read the facts."""
        self.left_on: dict[str, date] = dict(
            engine.rows(filled("SELECT person_id, left_on FROM f_staff WHERE left_on IS NOT NULL"))
        )
        self.posts: dict[str, list[Held]] = {}
        query = filled(
            "SELECT person_id, from_day, to_day, post FROM f_posts WHERE post IS NOT NULL ORDER BY 1, 2"
        )
        for person, start, end, post in engine.rows(query):
            self.posts.setdefault(person, []).append(Held(start, end, post))

    def day(self, subject: str, column: str, granted_on: date) -> date | None:
        """Return the first day on which a person had left the bank, or the post held on a day; None if not yet."""
        left = self.left_on.get(subject)
        if column == "left_on":
            return left
        end: date | None = None
        post = ""
        for held in self.posts.get(subject, []):
            if held.start <= granted_on or (held.start == end and held.post == post):
                end, post = held.end, held.post
            else:
                break
        days = [day for day in (end, left) if day is not None and day < FAR_FUTURE]
        return min(days, default=None)


def _answer(holder: Card, name: str, formula: t.Expr, *, is_money: bool) -> None:
    """Keep what a formula comes to for each holder: a condition, or an amount in whole fen."""
    try:
        holder.keep(name, _compiled(holder, formula, is_money=is_money))
    except n.TooWide:
        add_wide_answer(holder, name, formula, is_money=is_money)


def _compiled(holder: Card, formula: t.Expr, *, is_money: bool) -> Num | Bool:
    compiler = holder.compiler
    return n.rounded(compiler.number(formula), FEN) if is_money else compiler.condition(formula)


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))
