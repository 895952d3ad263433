"""A kept run, opened again: its rulebook, the facts as it saw them, and what it kept."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from guanhu.appraisal.explaining import Explainer
from guanhu.appraisal.facts_read import facts_read
from guanhu.appraisal.history import read_opening
from guanhu.appraisal.lost import NO_CARD
from guanhu.appraisal.lot_rows import holders
from guanhu.appraisal.others import LongTables, members_of
from guanhu.appraisal.paid import Explained, Paid
from guanhu.appraisal.parameters import read_parameters
from guanhu.appraisal.published import literal, past_from, published_before
from guanhu.appraisal.running import EngineMaker, loaded, period_named
from guanhu.appraisal.runs import RunFolder, kept_rows, made_rows
from guanhu.facts.store import Bank
from guanhu.rulebook.explain.facts import SubjectFacts
from guanhu.rulebook.explain.subject import SubjectTrace
from guanhu.rulebook.instances import Instance, planned
from guanhu.rulebook.run.template import filled
from guanhu.rulebook.windows import span_of
from guanhu.values.problem import Place, Problem, Refused


def nobody(subject_id: str, known: list[str], ids: Sequence[str] = ()) -> Problem:
    """Return the problem that nobody of a run has this id; `ids` are those of whoever has it as a name."""
    import difflib  # noqa: PLC0415 - only for the refusal

    if ids:
        return Problem(
            "RUN050",
            Place(subject_id),
            f"这次运行里没有编号 {subject_id}, 它是姓名",
            f"{subject_id} is a name; nobody in this run has it as an id",
            f"写员工号: {'、'.join(ids)}",
            f"write the id: {', '.join(ids)}",
        )
    near = "、".join(difflib.get_close_matches(subject_id, known, n=3))
    return Problem(
        "RUN050",
        Place(subject_id),
        f"这次运行里没有 {subject_id}",
        f"nobody called {subject_id} in this run",
        f"相近的有 {near}" if near else "用 guanhu export 看全部对象",
        f"near: {near}" if near else "guanhu export lists all subjects",
    )


class OpenRun:
    """A kept run with the facts as it saw them, ready to explain its subjects."""

    def __init__(self, make_engine: EngineMaker, bank: Bank, run: RunFolder) -> None:
        """Open the run's rulebook, facts and kept results.

        Errors:   Refused RUN045 a run folder that was changed by hand, RUN055 other batches than it read.
        """
        run.verify()
        record = run.record
        self.run = run
        self.record = record
        self.rulebook, _ = loaded(run.rulebook_folder, record["readings"])
        self.period = period_named(record["period"])
        self.engine = make_engine()
        view = facts_read(bank, run, self.rulebook)
        kinds = sorted({*_KINDS, *self.rulebook.kinds()})
        self.engine.facts(view, kinds)
        parameters, _problems = read_parameters(self.engine, self.rulebook)
        earlier = published_before(bank.path, self.rulebook.id, run)
        past = past_from(self.engine, earlier, self.rulebook)
        read_opening(self.engine, self.rulebook, past)
        self.paid = Paid(self.engine, self.rulebook, earlier)
        tables = LongTables(self._made("people"), self._made("lines"), self._made("measures"))
        members = members_of(self.engine, self.rulebook, tables)
        self.explainer = Explainer(self.engine, view, self.rulebook, parameters, past, members)

    def close(self) -> None:
        """Give back the engine."""
        self.engine.close()

    def subjects(self) -> dict[str, str]:
        """Return subject id → kind of subject, of all who were appraised."""
        query = filled("SELECT DISTINCT subject_id, group_id FROM x ORDER BY 1", x=self._kept("people"))
        found = {subject: self.rulebook.groups[group].subject for subject, group in self.engine.rows(query)}
        # Who has left still has what waits.
        found.update({who: "person" for who in holders(self.engine, self.run) if who not in found})
        if self._has_published():
            # Who is in no table but that of corrections was published, and is not appraised any more.
            more = filled(
                "SELECT DISTINCT subject_id, group_id FROM x ORDER BY 1", x=self._kept("corrections")
            )
            anew = filled("SELECT DISTINCT subject_id, group_id FROM x ORDER BY 1", x=self._made("people"))
            for subject, group in (*self.engine.rows(more), *self.engine.rows(anew)):
                found.setdefault(subject, self.rulebook.groups[group].subject)
        return found

    def _has_published(self) -> bool:
        """Tell whether the run holds an instance that had been published."""
        return bool(self.record.get("published_instances"))

    def _kept(self, name: str) -> exp.Expr:
        """Return the rows of a kept table, as the run shows them."""
        return kept_rows(self.run, name)

    def _made(self, name: str) -> exp.Expr:
        """Return the rows of a kept table as the run made them."""
        return made_rows(self.run, name)

    def explain(self, subject_id: str) -> list[SubjectTrace]:
        """Return the traces of a subject, published instances as published; an unknown one is refused with the nearest ids."""
        return self.explained(subject_id).traces

    def explained(self, subject_id: str, *, keeps_rows: bool = False) -> Explained:
        """Return the traces of a subject, of each credited row if asked, and the corrections of what was published."""
        kinds = self.subjects()
        if subject_id not in kinds:
            raise Refused([self._unknown(subject_id, list(kinds))])
        kind = kinds[subject_id]
        facts = self.explainer.facts(subject_id, kind)
        instances = self.planned_for(subject_id, kind, facts)
        made = self.explainer.subject(subject_id, kind, instances, facts, keeps_rows=keeps_rows)
        return self.paid.explained(subject_id, made, instances, planned(self.rulebook, self.period)[-1].key)

    def planned_for(self, subject_id: str, kind: str, facts: SubjectFacts | None = None) -> list[Instance]:
        """Return the instances of the run, those from the person's own date included."""
        found = planned(self.rulebook, self.period)
        if kind == "person":
            windows = {x.once for x in self.rulebook.evaluated() if x.once is not None}
            staff = (facts or self.explainer.reader.person(subject_id)).staff if windows else {}
            for window in windows:
                span = span_of(window, self.period, "once", staff.get(window.date_column))
                if span is not None and span.last_day in self.period:
                    found.append(Instance(span, "once", window))
        return sorted(found, key=lambda i: i.days.end)

    def _unknown(self, subject_id: str, known: list[str]) -> Problem:
        left = self.engine.rows(
            filled(
                "SELECT DISTINCT reason, post FROM read_parquet(:path) WHERE subject_id = :id",
                path=literal(self.run.table("left_out")),
                id=exp.Literal.string(subject_id),
            )
        )
        if left:
            zh = "、".join(NO_CARD[reason][0] if not post else f"岗位为{post}" for reason, post in left)
            en = ", ".join(NO_CARD[reason][1] if not post else f"the post is {post}" for reason, post in left)
            return Problem(
                "RUN051",
                Place(subject_id),
                f"{subject_id} 没有参加考核: {zh}",
                f"{subject_id} was not appraised: {en}",
                "考核对象由办法的 who 决定",
                "who is appraised is decided by the rulebook's who",
            )
        named = self.engine.rows(
            filled(
                "SELECT DISTINCT person_id FROM f_staff WHERE name = :id ORDER BY 1 LIMIT 3",
                id=exp.Literal.string(subject_id),
            )
        )
        return nobody(subject_id, known, [str(person) for (person,) in named])


_KINDS = (
    "institutions",
    "staff",
    "posts",
    "teams",
    "customers",
    "accounts",
    "account_institutions",
    "balances",
    "account_rates",
    "loans",
    "loan_states",
    "assignments",
    "figures",
    "parameters",
    "human_decisions",
    "opening_state",
)
