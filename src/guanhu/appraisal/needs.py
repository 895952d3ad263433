"""What a rulebook needs from the bank: kinds of fact for its template, inputs for its parameter sheet."""

from __future__ import annotations

from guanhu.facts.template import ParameterRow
from guanhu.kinds.catalogue import CATALOGUE
from guanhu.kinds.schema import Kind
from guanhu.rulebook import tree as t

_ALWAYS = {"institutions", "staff", "posts", "assignments"}


def needed_kinds(rulebook: t.Rulebook) -> list[Kind]:
    """Return the kinds of fact that a rulebook reads, in the order of the catalogue."""
    wanted = {*_ALWAYS, *rulebook.kinds()}
    if wanted & {"balances", "account_rates", "accounts", "fees"}:
        wanted |= {"accounts", "customers", "account_institutions"}
    if wanted & {"loan_states", "interest", "loans"}:
        wanted |= {"loans", "customers"}
    if any(isinstance(m, t.FigureMeasure) for m in rulebook.measures.values()):
        wanted.add("figures")
    if rulebook.inputs:
        wanted.add("parameters")
    if any(i.by_person for i in rulebook.inputs.values()):
        wanted.add("human_decisions")
    if _reads_rates(rulebook):
        wanted.add("account_rates")
    if _reads_past(rulebook):
        wanted.add("opening_state")
    return [kind for kind in CATALOGUE if kind.name in wanted]


def _formulas(rulebook: t.Rulebook) -> list[t.Expr]:
    found = [root for x in rulebook.evaluated() for root in x.formulas]
    for measure in rulebook.measures.values():
        if isinstance(measure, t.Measure):
            found += measure.formulas
    found += [
        g for table in rulebook.tables.values() for v in table.versions for row in v.rows for g in row.gives
    ]
    return [node for root in found for node in t.walk(root)]


def _reads_rates(rulebook: t.Rulebook) -> bool:
    keyed = any("account.rate" in key for table in rulebook.tables.values() for key in table.by)
    return keyed or any(isinstance(n, t.RowValue) and n.table == "account_rates" for n in _formulas(rulebook))


def _reads_past(rulebook: t.Rulebook) -> bool:
    return bool(rulebook.lots) or any(
        isinstance(n, t.Previous | t.Streak | t.Times | t.State | t.Balance) for n in _formulas(rulebook)
    )


def parameter_rows(rulebook: t.Rulebook) -> list[ParameterRow]:
    """Return a row to fill in for each input that the bank supplies."""
    return [
        ParameterRow(rulebook=rulebook.id, input=i.id, keys=" | ".join(i.by))
        for i in rulebook.inputs.values()
        if not i.by_person
    ]
