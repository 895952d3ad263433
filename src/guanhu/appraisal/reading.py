"""Reading one subject's facts for the evaluator: plain rows from the same views that the run reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.lost import OWN_KINDS, Holes, lost_days
from guanhu.appraisal.rows import columns_read
from guanhu.kinds.catalogue import ACCOUNTS, CUSTOMERS, LOANS
from guanhu.kinds.schema import Column, Dated, Kind
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.facts import Assignment, Attributes, EventRow, PostSpan, SubjectFacts, Thing
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import FAR_FUTURE
from guanhu.values.exact import FIGURE_SCALE


def value_at_rest(column: Column, seen: Any) -> Any:
    """Return a cell in its unit: whole numbers become exact fractions."""
    if seen is None or (column.scale == 1 and not isinstance(seen, int | Decimal)):
        return seen
    if isinstance(seen, bool):
        return seen
    return Fraction(int(seen), column.scale)


_ASSIGNMENT = "f.grain, f.object_id, f.person_id, coalesce(f.role, ''), coalesce(f.book, 'main'), f.share, f.from_day, f.to_day"
_RESIDENT = {
    "f_staff": ("person_id",),
    "f_posts": ("person_id", "team_id"),
    "f_customers": ("customer_id",),
    "f_accounts": ("account_no", "account_id", "customer_id", "institution_id"),
    "f_account_institutions": ("account_id", "institution_id"),
    "f_account_rates": ("account_no",),
    "f_balances": ("account_no",),
    "f_loans": ("loan_id", "customer_id", "institution_id"),
    "f_loan_states": ("loan_id",),
    "f_assignments": ("person_id", "account_no", "object_id"),
    "f_figures": ("subject_id",),
    "f_human_decisions": ("person_id",),
}
"""What a subject's facts are read from, and by which columns."""
_LISTED_MAX = 5000
"""So many ids stand in the query itself; more go through a table."""


class SubjectReader:
    """Reads subjects one by one."""

    def __init__(self, engine: Engine, rulebook: t.Rulebook, view: Holes) -> None:
        """Stand on an engine that has the facts of the view."""
        self.engine = engine
        self._lost = {kind: lost_days(view, kind) for kind in OWN_KINDS}
        self.kinds: list[Kind] = []
        self._tables: set[str] = set()
        for measure in rulebook.measures.values():
            if isinstance(measure, t.Measure):
                if measure.kind not in self.kinds:
                    self.kinds.append(measure.kind)
                read = columns_read(measure.formulas, rulebook.tables)
                self._tables |= {measure.kind.name, *(table for table, _ in read)}
        self.rulebook = rulebook
        self._institutions: dict[str, dict[str, Any]] | None = None
        self._is_resident = False
        self._empty: set[str] = set()
        """Kinds of which there is nothing, as far as is known."""
        self._grains: set[str] = set()
        """What may be assigned, as far as is known."""
        self._numbers: dict[str, int] = {}
        """The number of each account that was read: its rows are found by it without comparing texts."""

    def reside(self) -> None:
        """Hold what is read in memory, found by index: for a process that explains many subjects.

        Reading one subject from the files passes over the whole of each; 1 m accounts with 11 m balances take
        about 4 s and 1 GiB to hold, and then 1/10 of the time to read.
        """
        for name, keys in _RESIDENT.items():
            self.engine.reside(name, keys)
            if not self.engine.rows(filled("SELECT 1 FROM f LIMIT 1", f=name)):
                self._empty.add(name.removeprefix("f_"))
        grains = self.engine.rows(filled("SELECT DISTINCT grain FROM f_assignments"))
        self._grains = {grain for (grain,) in grains}
        self._is_resident = True

    # -- whole subjects --

    def person(self, person_id: str) -> SubjectFacts:
        """Return the facts of a person."""
        facts = SubjectFacts("person", person_id, institutions=self.institutions())
        self._about(facts)
        own, numbers = self._own_assignments(person_id)
        named: dict[str, set[str]] = {
            grain: {a.object_id for a in own if a.grain == grain}
            for grain in ("account", "customer", "loan", "event")
        }
        self._accounts(
            facts,
            {
                **self._by_ids(ACCOUNTS, "account_no", numbers),
                **self._by_ids(ACCOUNTS, "customer_id", named["customer"]),
            },
        )
        self._loans(
            facts,
            {
                **self._by_ids(LOANS, "loan_id", named["loan"]),
                **self._by_ids(LOANS, "customer_id", named["customer"]),
            },
        )
        customers = self._with_events(facts, named["customer"], named["event"], person_id)
        events = {row.id for rows in facts.events.values() for row in rows}
        facts.assignments = self._assignments_of(facts, {*facts.loans, *customers, *events})
        return facts

    def _with_events(
        self, facts: SubjectFacts, customers: set[str], events: set[str], person_id: str | None
    ) -> set[str]:
        """Read the rows of dated kinds; return the customers met, those whom only such a row names included."""
        whole = any(isinstance(m, t.Measure) and m.per == "customer" for m in self.rulebook.measures.values())
        while True:
            customers = customers | _owners_of(facts)
            if whole:
                self._whole_customers(facts, customers)
            self._events(facts, customers, events, person_id)
            met = {row.customer_id for rows in facts.events.values() for row in rows if row.customer_id}
            if not whole or customers >= met | _owners_of(facts):
                return customers
            customers |= met

    def _whole_customers(self, facts: SubjectFacts, customers: set[str]) -> None:
        """Read all accounts and loans of customers: a figure of a customer counts them all."""
        more = self._by_ids(ACCOUNTS, "customer_id", customers)
        self._accounts(facts, {k: v for k, v in more.items() if k not in facts.accounts})
        more = self._by_ids(LOANS, "customer_id", customers)
        self._loans(facts, {k: v for k, v in more.items() if k not in facts.loans})

    def team(self, team_id: str) -> SubjectFacts:
        """Return the facts of a team: those of all who belong to it on some day."""
        facts = SubjectFacts("team", team_id, institutions=self.institutions())
        places = self._select("f.institution_id", "teams", "team_id", [team_id])
        facts.team_institution = places[0][0] if places else None
        self._figures(facts)
        assignments: dict[Assignment, None] = {}
        for (person,) in self._select("DISTINCT f.person_id", "posts", "team_id", [team_id]):
            member = self.person(person)
            facts.members[person] = member.spans
            facts.accounts.update(member.accounts)
            facts.loans.update(member.loans)
            assignments.update(dict.fromkeys(member.assignments))
            for kind, rows in member.events.items():
                known = {row.id for row in facts.events.get(kind, ())}
                facts.events.setdefault(kind, []).extend(row for row in rows if row.id not in known)
        facts.assignments = list(assignments)
        return facts

    def institution(self, institution_id: str) -> SubjectFacts:
        """Return the facts of an institution and of all below it."""
        below = self._below(institution_id)
        facts = SubjectFacts("institution", institution_id, below=below, institutions=self.institutions())
        self._figures(facts)
        rows = self._by_ids(ACCOUNTS, "institution_id", below)
        moved = {r[0] for r in self._select("f.account_id", "account_institutions", "institution_id", below)}
        self._accounts(facts, {**rows, **self._by_ids(ACCOUNTS, "account_id", moved)})
        self._loans(facts, self._by_ids(LOANS, "institution_id", below))
        self._with_events(facts, set(), set(), None)
        return facts

    def bank(self) -> SubjectFacts:
        """Return the facts of the whole bank."""
        facts = self.institution("")
        facts.kind, facts.subject_id = "bank", "bank"
        self._figures(facts)
        self._accounts(facts, self._all(ACCOUNTS))
        self._loans(facts, self._all(LOANS))
        self._events(facts, None, set(), None)
        return facts

    # -- parts --

    def institutions(self) -> dict[str, dict[str, Any]]:
        """Return the newest row of every institution."""
        if self._institutions is None:
            query = filled(
                "SELECT institution_id, name, level, parent_id, area FROM f_institutions QUALIFY row_number() OVER (PARTITION BY institution_id ORDER BY from_day DESC) = 1"
            )
            self._institutions = {
                r[0]: {"institution_id": r[0], "name": r[1], "level": r[2], "parent_id": r[3], "area": r[4]}
                for r in self.engine.rows(query)
            }
        return self._institutions

    def _below(self, institution_id: str) -> frozenset[str]:
        found = {institution_id}
        while True:
            more = {k for k, v in self.institutions().items() if v["parent_id"] in found} - found
            if not more:
                return frozenset(found)
            found |= more

    def _select(
        self, columns: str, kind: str, key: str, ids: Iterable[str | int], order: str = ""
    ) -> list[tuple[Any, ...]]:
        """Return columns of the rows `f` of a kind of which the key is among the ids."""
        wanted = sorted({i for i in ids if i})
        if not wanted or kind in self._empty:
            return []
        # A list of ids finds rows by an index, and is slower than a join without one.
        source = f"SELECT {columns} FROM f_{kind} AS f"
        joined = f"{source} JOIN x ON f.{key} = x.id {order}"
        if len(wanted) > _LISTED_MAX:
            self.engine.load(
                "x", (("id", "INTEGER" if isinstance(wanted[0], int) else "VARCHAR"),), [(i,) for i in wanted]
            )
            return self.engine.rows(filled(joined))
        # Whole numbers need no quoting: as one node they cost a tenth of one node each.
        numbers = all(isinstance(i, int) for i in wanted)
        listed: list[exp.Expr] = (
            [exp.Var(this=", ".join(map(str, wanted)))]
            if numbers
            else [exp.Literal.string(str(i)) for i in wanted]
        )
        if self._is_resident:
            query = filled(f"{source} WHERE TRUE {order}")
            chosen = exp.Where(this=exp.In(this=exp.column(key, table="f"), expressions=listed))
            query.set("where", chosen)
            return self.engine.rows(query)
        ids_query = filled("SELECT unnest(:ids) AS id", ids=exp.Array(expressions=listed))
        return self.engine.rows(filled(joined, x=ids_query))

    def _about(self, facts: SubjectFacts) -> None:
        subject = [facts.subject_id]
        for row in self._select("f.person_kind, f.hired_on, f.left_on", "staff", "person_id", subject):
            facts.staff = {"person_kind": row[0], "hired_on": row[1], "left_on": row[2]}
        held = "f.from_day, f.to_day, f.post, f.grade, f.institution_id, f.team_id"
        rows = self._select(held, "posts", "person_id", subject, "ORDER BY 1")
        facts.spans = with_gaps([PostSpan(*row) for row in rows])
        for rulebook, name, day, text in self._select(
            "f.rulebook, f.input, f.day, f.value", "human_decisions", "person_id", subject
        ):
            if rulebook == self.rulebook.id:
                facts.decided.setdefault(name, []).append((day, text))
        self._figures(facts)

    def _figures(self, facts: SubjectFacts) -> None:
        ids = {
            facts.subject_id,
            "bank",
            facts.team_institution or "",
            *(s.institution_id or "" for s in facts.spans),
            *(s.team_id or "" for s in facts.spans),
        }
        columns = "f.scope, f.subject_id, f.item, f.from_day, f.to_day, CAST(f.value AS HUGEINT)"
        for scope, subject, item, start, end, value in self._select(columns, "figures", "subject_id", ids):
            facts.figures.setdefault((scope, subject, item), []).append(
                (start, end, Fraction(int(value), FIGURE_SCALE))
            )

    def _own_assignments(self, person_id: str) -> tuple[list[Assignment], set[int]]:
        """Return a person's assignments, and the numbers of the accounts among them."""
        rows = self._select(f"{_ASSIGNMENT}, f.account_no", "assignments", "person_id", [person_id])
        return [Assignment(*row) for *row, _ in rows], {number for *_, number in rows if number}

    def _assignments_of(self, facts: SubjectFacts, others: set[str]) -> list[Assignment]:
        """Return all that is assigned of the accounts read and of other things: loans, customers, events."""
        numbers = {self._numbers[key] for key in facts.accounts}
        rows = self._select(_ASSIGNMENT, "assignments", "account_no", numbers)
        if not self._is_resident or self._grains != {"account"}:
            # Opening an account is an event with the account's id: its own assignments are not read twice.
            found = self._select(_ASSIGNMENT, "assignments", "object_id", others)
            rows += [row for row in found if row[0] != "account"]
        return [Assignment(*row) for row in rows]

    def _by_ids(self, kind: Kind, column: str, ids: Iterable[str | int]) -> dict[str, Attributes]:
        return self._attributes(kind, self._select(_columns_of(kind), kind.name, column, ids))

    def _all(self, kind: Kind) -> dict[str, Attributes]:
        return self._attributes(
            kind,
            self.engine.rows(filled(f"SELECT {_columns_of(kind)} FROM f_{kind.name} AS f")),
        )

    def _attributes(self, kind: Kind, rows: list[tuple[Any, ...]]) -> dict[str, Attributes]:
        table = kind.name.removesuffix("s")
        found: dict[str, Attributes] = {}
        for row in rows:
            values = {(table, c.name): value_at_rest(c, v) for c, v in zip(kind.columns, row, strict=False)}
            key = str(values[table, kind.key[0]])
            found[key] = values
            if kind is ACCOUNTS:
                self._numbers[key] = row[-1]
        return found

    def _customers(self, ids: Iterable[str]) -> dict[str, Attributes]:
        """Return the attributes of customers, where a measure reads any."""
        return self._by_ids(CUSTOMERS, "customer_id", ids) if "customer" in self._tables else {}

    def _accounts(self, facts: SubjectFacts, found: dict[str, Attributes]) -> None:
        customers = self._customers({a["account", "customer_id"] for a in found.values()})
        new: dict[str, Thing] = {}
        for key, attributes in found.items():
            customer = attributes["account", "customer_id"]
            known = {**attributes, **customers.get(customer, {})}
            new[key] = Thing(key, known, customer, attributes["account", "closed_on"])
        by_number: dict[str | int, Thing] = {self._numbers[key]: thing for key, thing in new.items()}
        self._intervals(by_number, "balances", "account_no", ("balance",))
        rates = "f.account_no, f.from_day, f.to_day, f.rate, f.rate_kind"
        rated = by_number if "account_rates" in self._tables else ()
        for number, start, end, rate, kind in self._select(
            rates, "account_rates", "account_no", rated, "ORDER BY 1, 2"
        ):
            by_number[number].rates.append((start, end, rate, kind))
        moves: dict[str, list[tuple[date, date, str]]] = {}
        moved = "f.account_id, f.from_day, f.to_day, f.institution_id"
        for key, start, end, place in self._select(
            moved, "account_institutions", "account_id", new, "ORDER BY 1, 2"
        ):
            moves.setdefault(key, []).append((start, end, place))
        for key, thing in new.items():
            thing.places = places_of(moves.get(key, []), str(thing.attributes["account", "institution_id"]))
        self._mark_lost(new, "balances")
        facts.accounts.update(new)

    def _loans(self, facts: SubjectFacts, found: dict[str, Attributes]) -> None:
        customers = self._customers({a["loan", "customer_id"] for a in found.values()})
        new: dict[str, Thing] = {}
        for key, attributes in found.items():
            customer = attributes["loan", "customer_id"]
            new[key] = Thing(key, {**attributes, **customers.get(customer, {})}, customer)
            new[key].places = [(date.min, FAR_FUTURE, str(attributes["loan", "institution_id"]))]
        by_id: dict[str | int, Thing] = dict(new.items())
        self._intervals(by_id, "loan_states", "loan_id", ("balance", "loan_class", "overdue_days"))
        self._mark_lost(new, "loan_states")
        facts.loans.update(new)

    def rows_of_lots(self, facts: SubjectFacts, sources: Iterable[str]) -> None:
        """Read what ledgers ask about the rows of a person's lots, earlier ones too: who has them now is another matter."""
        for ledger in self.rulebook.lots.values():
            measure = self.rulebook.measures.get(ledger.rows)
            if not isinstance(measure, t.Measure):
                continue
            kind = measure.kind
            rows = {row.id for row in facts.events.get(kind.name, ())} | set(sources)
            if any(what.startswith("loan ") for what in ledger.of_rows):
                apart = SubjectFacts(facts.kind, facts.subject_id)
                behind = [(row, row) for row in rows]
                if kind.name != "loans":
                    behind = self._select(f"f.{kind.key[0]}, f.loan_id", kind.name, kind.key[0], rows)
                self._loans(apart, self._by_ids(LOANS, "loan_id", {loan for _, loan in behind if loan}))
                facts.lot_loans.update(apart.loans)
                facts.lot_loan_of.update({(ledger.id, row): loan for row, loan in behind})
            for what in ledger.of_rows:
                if not what.startswith("loan "):
                    for row, day in self._select(f"f.{kind.key[0]}, f.day", what, kind.key[0], rows):
                        facts.lot_events.setdefault((ledger.id, what, row), []).append(day)

    def _mark_lost(self, things: dict[str, Thing], kind: str) -> None:
        for key, span in self._lost[kind]:
            if key in things:
                things[key].lost.setdefault(kind, []).append((span.start, span.end))

    def _intervals(
        self, things: dict[str | int, Thing], kind: str, key: str, columns: tuple[str, ...]
    ) -> None:
        selected = ", ".join(f"f.{c}" for c in (key, "from_day", "to_day", *columns))
        for row in self._select(selected, kind, key, things, "ORDER BY 1, 2"):
            values: Attributes = {("", "balance"): Fraction(int(row[3]), 100)}
            if kind == "loan_states":
                values["", "loan_class"] = row[4]
                values["", "overdue_days"] = None if row[5] is None else Fraction(int(row[5]))
            things[row[0]].intervals.setdefault(kind, []).append((row[1], row[2], values))

    # -- dated rows --

    def _events(
        self, facts: SubjectFacts, customers: set[str] | None, events: set[str], person_id: str | None
    ) -> None:
        """Read the rows of dated kinds that may concern the subject: more is harmless, credit decides."""
        for kind in self.kinds:
            if kind.dated is Dated.CHANGE:
                continue
            rows = self._event_rows(kind, facts, customers, events, person_id)
            facts.events[kind.name] = sorted(rows, key=lambda r: (r.day, r.id))

    def _things_of_rows(self, facts: SubjectFacts, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        """Read the accounts and loans that rows name and that were not met before."""
        for column, kind, known, read in (
            ("account_id", ACCOUNTS, facts.accounts, self._accounts),
            ("loan_id", LOANS, facts.loans, self._loans),
        ):
            if column in columns:
                place = columns.index(column)
                new = {row[place] for row in rows if row[place]} - known.keys()
                if new:
                    read(facts, self._by_ids(kind, column, new))

    def _event_rows(
        self,
        kind: Kind,
        facts: SubjectFacts,
        customers: set[str] | None,
        events: set[str],
        person_id: str | None,
    ) -> list[EventRow]:
        names = [c.name for c in kind.columns]
        columns = [c.name for c in kind.columns]
        if kind.dated is Dated.DAY and kind.day not in names:
            columns.append(kind.day)
        selected = ", ".join(f"f.{c}" for c in columns)
        routes: list[tuple[str, Iterable[str]]] = [(kind.key[0], events)]
        if "account_id" in names:
            routes.append(("account_id", facts.accounts))
        if "loan_id" in names:
            routes.append(("loan_id", facts.loans))
        if "customer_id" in names:
            routes.append(("customer_id", customers or ()))
        if "person_id" in names and person_id is not None:
            routes.append(("person_id", [person_id]))
        if "institution_id" in names:
            routes.append(("institution_id", facts.below))
        found: dict[str, EventRow] = {}
        if customers is None:
            seen = self.engine.rows(filled(f"SELECT {selected} FROM f_{kind.name} AS f"))
        else:
            seen = [row for column, ids in routes for row in self._select(selected, kind.name, column, ids)]
        self._things_of_rows(facts, columns, seen)
        extra = {c.name: c for c in kind.columns}
        owners = (
            self._customers({row[columns.index("customer_id")] for row in seen})
            if "customer_id" in columns
            else {}
        )
        for row in seen:
            values: Attributes = {
                ("", c): value_at_rest(extra[c], v) if c in extra else v
                for c, v in zip(columns, row, strict=True)
            }
            if values["", kind.day] is not None:
                event = self._event(kind, values, facts, owners)
                found[event.id] = event
        return list(found.values())

    def _event(
        self, kind: Kind, values: Attributes, facts: SubjectFacts, owners: dict[str, Attributes]
    ) -> EventRow:
        def own(name: str) -> Any:
            return values.get(("", name))

        account = facts.accounts.get(own("account_id") or "")
        loan = facts.loans.get(own("loan_id") or "")
        if kind.name == "loans":
            loan_id, place = own("loan_id"), own("institution_id")
        elif loan is not None or own("loan_id"):
            loan_id, place = own("loan_id"), loan.attributes["loan", "institution_id"] if loan else None
        else:
            loan_id, place = None, own("institution_id")
        day = values["", kind.day]
        if place is None and account is not None and kind.name != "accounts":
            place = next((p for start, end, p in account.places if start <= day < end), None)
        # A row belongs to the customer that it names, else to that of its account or loan.
        customer = own("customer_id")
        if customer:
            values.update(owners.get(customer, {}))
        for thing in (account, loan):
            if thing is not None:
                more = {k: v for k, v in thing.attributes.items() if not (customer and k[0] == "customer")}
                values.update({k: v for k, v in more.items() if k not in values})
        return EventRow(
            str(own(kind.key[0])), day, values, own("person_id"), own("account_id"), loan_id, customer, place
        )


def _columns_of(kind: Kind) -> str:
    """Return the columns of a thing as they are selected; the number of an account comes last."""
    number = ["account_no"] if kind is ACCOUNTS else []
    return ", ".join(f"f.{name}" for name in (*(c.name for c in kind.columns), *number))


def _owners_of(facts: SubjectFacts) -> set[str]:
    """Return the customers of the accounts and loans that were read."""
    things = (*facts.accounts.values(), *facts.loans.values())
    return {thing.customer_id for thing in things if thing.customer_id}


def with_gaps(held: list[PostSpan]) -> list[PostSpan]:
    """Return the spans with days without a post filled by empty ones."""
    found: list[PostSpan] = []
    day = date.min
    for span in held:
        if day < span.start:
            found.append(PostSpan(day, span.start, None, None, None, None))
        found.append(span)
        day = span.end
    if day < FAR_FUTURE:
        found.append(PostSpan(day, FAR_FUTURE, None, None, None, None))
    return found


def places_of(moves: list[tuple[date, date, str]], opened_at: str) -> list[tuple[date, date, str]]:
    """Return where an account belongs on each day: its moves, and where it was opened on all other days."""
    found: list[tuple[date, date, str]] = []
    day = date.min
    for start, end, place in moves:
        if day < start:
            found.append((day, start, opened_at))
        found.append((start, end, place))
        day = end
    if day < FAR_FUTURE:
        found.append((day, FAR_FUTURE, opened_at))
    return found


__all__ = ["SubjectReader", "exp", "places_of", "with_gaps"]
