"""What a rulebook needs from the bank: kinds of fact for its template, inputs for its parameter sheet."""

from __future__ import annotations

from guanhu.facts.template import Asked, ParameterRow
from guanhu.kinds.catalogue import CATALOGUE
from guanhu.kinds.schema import Kind
from guanhu.rulebook import tree as t
from guanhu.rulebook.print.names import attribute_name
from guanhu.rulebook.print.sentence import Speaker
from guanhu.rulebook.print.unit_words import allowed_text, unit_text

_ALWAYS = {"institutions", "staff", "posts", "assignments"}


def needed_kinds(rulebook: t.Rulebook) -> list[Kind]:
    """Return the kinds of fact that a rulebook reads, in the order of the catalogue."""
    wanted = {*_ALWAYS, *rulebook.kinds()}
    if wanted & {"balances", "account_rates", "accounts", "fees"}:
        wanted |= {"accounts", "customers", "account_institutions"}
    if wanted & {"loan_states", "interest", "loans"}:
        wanted |= {"loans", "customers"}
    groups = {group.subject for group in rulebook.groups.values()}
    if "team" in groups or any(
        isinstance(m, t.FigureMeasure) and m.scope == "team" for m in rulebook.measures.values()
    ):
        wanted.add("teams")
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


def asked_for(rulebook: t.Rulebook) -> list[Asked]:
    """Return what a rulebook asks for by name: parameters, people's decisions and supplied figures, each with its unit."""
    found: list[Asked] = []
    speaker = Speaker(rulebook)
    for each in rulebook.inputs.values():
        kind = "human_decisions" if each.by_person else "parameters"
        allowed = allowed_text(each, speaker)
        parts = (
            each.title if each.title != each.id else "",
            f"单位: {unit_text(each.unit)}",
            f"按 {'、'.join(attribute_name(x.rpartition('.')[2]) for x in each.by)} 各一行"
            if each.by
            else "",
            f"范围 {allowed}" if allowed else "",
            f"[{each.clause}]" if each.clause else "",
        )
        en = f"{each.title}, in {each.unit}" + (f", for each {' | '.join(each.by)}" if each.by else "")
        found.append(
            Asked(
                kind,
                each.id,
                "; ".join(x for x in parts if x),
                en + (f", within {allowed}" if allowed else ""),
            )
        )
    for measure in rulebook.measures.values():
        if isinstance(measure, t.FigureMeasure) and not any(x.name == measure.item for x in found):
            scope = {"person": "人员", "institution": "机构", "team": "团队", "bank": "全行"}[measure.scope]
            zh = f"{measure.title}; 口径: {scope}; 单位: {unit_text(measure.unit)}; [{measure.clause}]"
            found.append(Asked("figures", measure.item, zh, f"of each {measure.scope}, in {measure.unit}"))
    return found


def parameter_rows(rulebook: t.Rulebook) -> list[ParameterRow]:
    """Return a row to fill in for each input that the bank supplies."""
    return [
        ParameterRow(rulebook=rulebook.id, input=i.id, keys=" | ".join(i.by))
        for i in rulebook.inputs.values()
        if not i.by_person
    ]
