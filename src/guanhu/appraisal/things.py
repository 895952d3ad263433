"""Things that rows belong to, their own figures, and what one cube has to hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sqlglot import exp

from guanhu.appraisal import shapes
from guanhu.rulebook import tree as t
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.fold import WEIGHT_WHOLE, Segment
from guanhu.rulebook.run.numeric import Num
from guanhu.rulebook.run.template import filled, table_named
from guanhu.values.dates import Span


@dataclass(frozen=True, slots=True)
class Derived:
    """A figure of each account, customer or loan: its table (id, value) and what the joined column means."""

    table: str
    thing: str
    column: Num


@dataclass(slots=True)
class CubePlan:
    """What one cube has to hold: days, price changes, attributes."""

    spans: set[Span] = field(default_factory=set)
    cuts: set[date] = field(default_factory=set)
    attributes: set[tuple[str, str]] = field(default_factory=set)

    def add(self, other: CubePlan) -> None:
        """Plan for what another plan asks too."""
        self.spans |= other.spans
        self.cuts |= other.cuts
        self.attributes |= other.attributes

    def holds(self, other: CubePlan) -> bool:
        """Tell whether a cube of this plan serves another."""
        return self.spans >= other.spans and self.cuts >= other.cuts and self.attributes >= other.attributes


@dataclass(frozen=True, slots=True)
class Cube:
    """A cube that was built: its flat table and its segments."""

    table: str
    segments: tuple[Segment, ...]

    def inside(self, spans: list[Span]) -> list[Segment]:
        """Return the segments that lie in one of the spans."""
        return [
            s for s in self.segments if any(x.start <= s.span.start and s.span.end <= x.end for x in spans)
        ]


ALIASES = {
    "": "b",
    "account": "a",
    "customer": "cu",
    "loan": "l",
    "account_rates": "ra",
    "institution": "i",
    "person": "sp",
}


def joined_things(query: exp.Select, tables: set[str], object_key: str) -> exp.Select:
    """Return the query with the things of a row joined."""
    if object_key == "account_no":
        if tables & {"account", "customer", "institution"}:
            query = query.join(
                "f_accounts AS a", on="a.account_no = b.account_no", join_type="left", copy=False
            )
        customer = "cu.customer_id = a.customer_id"
        place = "i.institution_id = a.institution_id"
    else:
        if tables & {"loan", "customer", "institution"}:
            query = query.join("f_loans AS l", on="l.loan_id = b.loan_id", join_type="left", copy=False)
        customer = "cu.customer_id = l.customer_id"
        place = "i.institution_id = l.institution_id"
    if "customer" in tables:
        query = query.join("f_customers AS cu", on=customer, join_type="left", copy=False)
    if "institution" in tables:
        query = query.join(
            exp.select("*")
            .from_("f_institutions", copy=False)
            .qualify("row_number() OVER (PARTITION BY institution_id ORDER BY from_day DESC) = 1")
            .subquery("i", copy=False),
            on=place,
            join_type="left",
            copy=False,
        )
    if "person" in tables:
        query = query.join("w_span AS sp", on="sp.span_no = k.span_no", join_type="left", copy=False)
    return query


def measures_of_rows(measure: t.Measure) -> list[str]:
    """Return the names of the figures of things that a measure's rows read."""
    nodes = (node for root in measure.formulas for node in t.walk(root))
    return list(dict.fromkeys(node.name for node in nodes if isinstance(node, t.MeasureRef)))


def with_derived(query: exp.Select, derived: dict[str, Derived], owners: dict[str, str]) -> exp.Select:
    """Return the query with each figure of a thing joined by the thing's id: 0 where it has no row."""
    for number, (name, found) in enumerate(derived.items()):
        alias = f"dv{number}"
        own = exp.alias_(table_named(found.table), alias, table=True)
        query = query.join(own, on=f"{alias}.id = {owners[found.thing]}", join_type="left", copy=False)
        none = exp.Is(this=exp.column("id", table=alias), expression=exp.Null())
        value = n.case([(none, n.integer(0))], exp.column("value", table=alias))
        query = query.select(exp.alias_(value, f"m:{name}", quoted=True), copy=False)
    return query


def pieces_of_things(thing: str, object_key: str) -> exp.Expr:
    """Return pieces in which a thing itself is the subject: every account, loan or customer counts whole."""
    whole = n.integer(WEIGHT_WHOLE)
    if thing == "customer":
        return filled(
            shapes.PIECES_CUSTOMER_ACCOUNTS if object_key == "account_no" else shapes.PIECES_CUSTOMER_LOANS,
            whole=whole,
        )
    return filled(shapes.PIECES_ACCOUNT if thing == "account" else shapes.PIECES_LOAN, whole=whole)
