"""guanhu difference: why two runs of one period differ, cause by cause."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guanhu.cli.engines import duckdb_engine
from guanhu.cli.runs import AsJson, BankDir, tell_language
from guanhu.cli.shell import SHELL, bank_of, refusals, run_folder
from guanhu.cli.words import say

if TYPE_CHECKING:
    from guanhu.appraisal.difference import Difference, Explained, Step
    from guanhu.rulebook import tree as t

SHOWN = 20
CAUSE_NAMES = {
    "facts": "事实",
    "assignments": "管户和岗位",
    "parameters": "参数",
    "clauses": "条款",
    "rounding": "取整",
}


def difference(
    run_a: Annotated[str, typer.Argument(help="先的运行 / the first run", metavar="RUN_A")],
    run_b: Annotated[str, typer.Argument(help="后的运行 / the second run", metavar="RUN_B")],
    person: Annotated[
        str, typer.Argument(help="只看一个对象的各行 / the lines of one subject", metavar="[PERSON]")
    ] = "",
    bank: BankDir = None,
    as_json: AsJson = False,
) -> None:
    """两次运行为什么不同: 事实、管户、参数、条款、取整, 逐项相加 / why two runs differ, cause by cause."""
    from guanhu.appraisal.difference import Difference, by_subject, in_total, lines_of, refuse_unknown
    from guanhu.appraisal.runs import RunFolder
    from guanhu.facts.store import Bank

    with refusals(SHELL):
        place = bank_of(SHELL, bank, run_a)
        first, second = (RunFolder(run_folder(SHELL, place, name)) for name in (run_a, run_b))
        with SHELL.progress("比较" if SHELL.lang == "zh" else "comparing") as step:
            opened = Difference(duckdb_engine, Bank(place), first, second, step)
            steps = opened.steps()
        if person:
            refuse_unknown(steps, person)
        tell_language(first, second)
    total, people = in_total(steps), by_subject(steps)
    if as_json:
        found: dict[str, Any] = {"total": record_of(total), "people": [record_of(x) for x in people]}
        if person:
            found["people"] = [x for x in found["people"] if x["subject"] == person]
            found["lines"] = [
                {"instance": key[2], "line": key[3], "way": [None if v is None else str(v) for v in way]}
                for key, way in lines_of(steps, person)
            ]
            found["steps"] = ["before", *(s.cause for s in steps[1:])]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    tell(opened, steps, total, people, person)


def tell(
    opened: Difference, steps: list[Step], total: Explained, people: list[Explained], person: str
) -> None:
    """Print the total and the people, or the lines of one of them."""
    from guanhu.appraisal.difference import CAUSES, lines_of
    from guanhu.values.exact import money_shown

    names = [CAUSE_NAMES[x] if SHELL.lang == "zh" else x for x in CAUSES]
    if len(steps) == 1 or not any(x.figures != steps[0].figures for x in steps):
        SHELL.say("difference_none")
        return
    heads = ("对象", "先", *names, "后", "差额")
    chosen = [x for x in people if x.subject == person] if person else people[:SHOWN]
    rows = [
        (
            x.subject or say("difference_total", SHELL.lang),
            _paid(x, 0),
            *(money_shown(x.causes[c]) if x.causes[c] else "" for c in CAUSES),
            _paid(x, 1),
            money_shown(x.change),
        )
        for x in (*chosen, total)
    ]
    SHELL.table(heads, rows)
    if any(total.open):
        SHELL.say("difference_open", before=total.open[0], after=total.open[1])
    if not person:
        if len(people) > SHOWN:
            SHELL.say("difference_more", count=len(people) - SHOWN)
        SHELL.say("difference_people", count=len(people))
        return
    rulebook = opened.sides[1].rulebook
    heads = (
        "期间",
        "行",
        "先",
        *(CAUSE_NAMES[x.cause] if SHELL.lang == "zh" else x.cause for x in steps[1:]),
    )
    SHELL.table(
        heads,
        [
            (key[2], rulebook.titled(key[3]), *(shown_as(rulebook, key[3], value) for value in way))
            for key, way in lines_of(steps, person)
        ],
    )


def _paid(found: Explained, side: int) -> str:
    """Return what is paid in the first or the second run; of one who is not settled that it is so."""
    from guanhu.values.exact import money_shown

    if found.subject and found.open[side]:
        return say("not_settled", SHELL.lang)
    return money_shown((found.before, found.after)[side])


def shown_as(rulebook: t.Rulebook, name: str, value: Fraction | str | None) -> str:
    """Return a figure as it is written."""
    from guanhu.values import units
    from guanhu.values.exact import money_shown, shown

    if value is None:
        return "未知" if SHELL.lang == "zh" else "unknown"
    if isinstance(value, str):
        return {"yes": "是", "no": "否"}.get(value, value) if SHELL.lang == "zh" else value
    line = rulebook.lines.get(name)
    is_money = line is not None and line.unit == units.MONEY
    return money_shown(int(value * 100)) if is_money else shown(value, 6)


def record_of(found: Explained) -> dict[str, Any]:
    """Return a difference as plain data, in fen."""
    return {
        "subject": found.subject,
        "before_fen": found.before,
        "after_fen": found.after,
        "not_settled_before": found.open[0],
        "not_settled_after": found.open[1],
        **{f"{cause}_fen": fen for cause, fen in found.causes.items()},
    }
