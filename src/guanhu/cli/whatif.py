"""guanhu whatif: what a change of the rulebook would do to a run that was kept."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guanhu.cli.engines import duckdb_engine
from guanhu.cli.runs import AsJson, BankDir, tell_language
from guanhu.cli.shell import SHELL, bank_of, refusals, run_folder
from guanhu.cli.words import say

if TYPE_CHECKING:
    from guanhu.appraisal.whatif.laboratory import Laboratory, Sweep
    from guanhu.appraisal.whatif.page import Study
    from guanhu.appraisal.whatif.patch import Patch

PLACES_SHOWN = 10


def whatif(
    run_name: Annotated[
        str, typer.Option("--run", help="运行的文件夹或编号 / a run's folder or id", metavar="RUN")
    ],
    patch_file: Annotated[
        Path | None, typer.Option("--patch", help="补丁文件 / the patch", metavar="P.yaml")
    ] = None,
    sweep_text: Annotated[
        str,
        typer.Option(
            "--sweep",
            help="路径=从..到/步长, 如 inputs.increment_rate=1%..3%/0.1% / path=from..to/step",
            metavar="SWEEP",
        ),
    ] = "",
    meet: Annotated[
        str,
        typer.Option(
            "--meet",
            help="budget=金额 是成本变化的上限, total=金额 是全部成本的上限: 在 --sweep 的取值里找不超过它的最后一个 / budget=AMOUNT limits the change of cost, total=AMOUNT the whole cost: the last value of --sweep within it",
            metavar="budget=AMOUNT|total=AMOUNT",
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="写成 .html 或 .xlsx / write .html or .xlsx", metavar="FILE")
    ] = None,
    bank: BankDir = None,
    as_json: AsJson = False,
) -> None:
    """试算: 办法改一处, 谁增谁减、花多少 / what a change of the rulebook would cost, who gains and who loses."""
    from dataclasses import replace

    from guanhu.appraisal.whatif.chains import chains
    from guanhu.appraisal.whatif.laboratory import Laboratory, sweep_of
    from guanhu.appraisal.whatif.page import FORMATS, write_study
    from guanhu.appraisal.whatif.patch import Patch, read_patch

    if patch_file is None and not sweep_text:
        raise SHELL.wrong_use("--patch P.yaml | --sweep path=from..to/step")
    if out is not None and out.suffix not in FORMATS:
        raise SHELL.wrong_use(f"--out {out}: {' | '.join(FORMATS)}")
    budget = budget_of(meet)
    if budget is not None and not sweep_text:
        raise SHELL.wrong_use("--meet: --sweep path=from..to/step")
    with refusals(SHELL):
        patch = Patch(sweep_text, "", ()) if patch_file is None else read_patch(patch_file)
        sweep = sweep_of(sweep_text) if sweep_text else None
        from guanhu.appraisal.runs import RunFolder
        from guanhu.facts.store import Bank

        place = bank_of(SHELL, bank, run_name)
        folder = RunFolder(run_folder(SHELL, place, run_name))
        laboratory = Laboratory(duckdb_engine, Bank(place), folder)
        try:
            study = studied(laboratory, patch, sweep, budget, of_total=meet.strip().startswith("total"))
            if out is not None:
                largest = study.tried.effects.largest
                study = replace(study, chains=chains(laboratory, study.tried, largest))
                write_study(study, out)
        finally:
            laboratory.close()
        tell_language(folder)
        if as_json:
            typer.echo(json.dumps(record_of(study), ensure_ascii=False, indent=1))
        else:
            tell(study)
        if out is not None and not as_json:
            SHELL.say("written", path=out)


def budget_of(text: str) -> int | None:
    """Return the budget in fen, None when there is none; anything else is wrong use."""
    from guanhu.values.exact import decimal_of, in_digits

    if not text:
        return None
    name, _, amount = text.partition("=")
    value = decimal_of(amount.strip().replace(",", "").removesuffix("元"))
    if name.strip() not in ("budget", "total") or value is None or (value * 100).denominator != 1:
        digits = in_digits(amount)
        hint = f" (budget={digits})" if digits else ""
        raise SHELL.wrong_use(say("budget_form", SHELL.lang, text=text, hint=hint))
    return int(value * 100)


def studied(
    laboratory: Laboratory, patch: Patch, sweep: Sweep | None, budget: int | None, *, of_total: bool = False
) -> Study:
    """Return the study of a patch: alone, with a sweep, or with the value of a sweep that meets a budget."""
    from guanhu.appraisal.pages.kept import read_names
    from guanhu.appraisal.whatif.page import Study

    names = read_names(laboratory.engine)
    if sweep is None:
        return Study(laboratory, laboratory.tried(patch), names)
    chosen: int | None = None
    if budget is None:
        swept = laboratory.swept(patch, sweep)
    else:
        swept, chosen = laboratory.meeting(patch, sweep, budget, of_total=of_total)
    # What is shown in full is the value that meets the budget, else the last one.
    value = swept[-1 if chosen is None else chosen][0]
    shown = patch.with_value(sweep.path, sweep.text(value))
    return Study(laboratory, laboratory.tried(shown), names, sweep, swept, chosen, budget, of_total)


def tell(study: Study) -> None:
    """Print a study."""
    from guanhu.appraisal.whatif import page
    from guanhu.values.exact import money_shown

    effects, tried = study.tried.effects, study.tried
    for change in page.changes_told(study, SHELL.lang):
        typer.echo(f"  {change}")
    if tried.again:
        SHELL.say("whatif_again", measures=SHELL.listed(tried.again), seconds=f"{tried.seconds:.1f}")
    else:
        SHELL.say("whatif_frozen", seconds=f"{tried.seconds:.1f}")
    if study.sweep is not None:
        SHELL.table(page.SWEPT, list(page.swept_rows(study, study.sweep)))
        if study.budget is not None:
            typer.echo(_met(study, study.sweep, study.budget))
    SHELL.say(
        "whatif_cost",
        change=page.signed(effects.cost),
        before=money_shown(effects.before),
        after=money_shown(effects.after),
    )
    counted = [study.rulebook.titled(name) for name in study.paid]
    SHELL.say("whatif_counted" if counted else "whatif_no_pay", lines=SHELL.listed(counted))
    if study.rulebook.lots:
        typer.echo(page.WAITING[0 if SHELL.lang == "zh" else 1])
    SHELL.say(
        "whatif_people",
        gain=effects.gain,
        lose=effects.lose,
        same=effects.same,
        scores=effects.scores,
        unsettled=effects.unsettled_after,
    )
    for title, shares in (("机构", effects.by_institution), ("等级", effects.by_grade)):
        rows = [
            (
                page.place_name(study.names, x.name) if title == "机构" else x.name or "-",
                x.subjects,
                money_shown(x.before),
                money_shown(x.after),
                page.signed(x.after - x.before),
                x.gain,
                x.lose,
            )
            for x in shares[:PLACES_SHOWN]
        ]
        SHELL.table((title, *page.SHARES[1:]), rows)
    for person in effects.largest:
        typer.echo(
            f"◆ {person.subject} {study.names.of(person.subject)} {page.signed(person.change)} "
            f"({money_shown(person.before or 0)} → {money_shown(person.after or 0)})"
        )
        for row in list(page.line_rows(study, person))[:3]:
            typer.echo(f"    {row[0]} {row[1]}: {row[2]} → {row[3]} {row[4]}".rstrip())
    for name, before, after in effects.decided:
        if before != after:
            typer.echo(f"  {study.rulebook.titled(name)}: {before} → {after}")


def _met(study: Study, sweep: Sweep, budget: int) -> str:
    """Return which value meets a budget, as a sentence."""
    from guanhu.appraisal.whatif import page
    from guanhu.values.exact import money_shown

    if study.chosen is None:
        return say("not_met_total" if study.of_total else "not_met", SHELL.lang, budget=money_shown(budget))
    value, effects = study.swept[study.chosen]
    if study.of_total:
        shown = {"value": sweep.text(value), "cost": money_shown(effects.after)}
        return say("met_total", SHELL.lang, budget=money_shown(budget), **shown)
    return say(
        "met",
        SHELL.lang,
        value=sweep.text(value),
        cost=page.signed(effects.cost),
        budget=money_shown(budget),
    )


def record_of(study: Study) -> dict[str, Any]:
    """Return a study as plain data; money is in fen."""
    effects = study.tried.effects

    def plain(value: Fraction | str | None) -> str | None:
        return None if value is None else str(value)

    found: dict[str, Any] = {
        "patch": study.tried.patch.name,
        "changes": [str(change) for change in study.tried.patch.changes],
        "folded_again": list(study.tried.again),
        "seconds": round(study.tried.seconds, 3),
        "cost_before_fen": effects.before,
        "cost_after_fen": effects.after,
        "cost_of_lines": list(study.paid),
        "gain": effects.gain,
        "lose": effects.lose,
        "same": effects.same,
        "unsettled_before": effects.unsettled_before,
        "unsettled_after": effects.unsettled_after,
        "largest": [
            {
                "subject": x.subject,
                "before_fen": x.before,
                "after_fen": x.after,
                "lines": [
                    {
                        "instance": y.instance,
                        "line": y.line,
                        "before": plain(y.before),
                        "after": plain(y.after),
                    }
                    for y in x.lines
                ],
            }
            for x in effects.largest
        ],
        "decided": [{"name": x, "before": before, "after": after} for x, before, after in effects.decided],
    }
    if study.sweep is not None:
        found["sweep"] = [
            {
                "value": study.sweep.text(value),
                "cost_fen": e.cost,
                "gain": e.gain,
                "lose": e.lose,
                "same": e.same,
            }
            for value, e in study.swept
        ]
        if study.budget is not None:
            met = None if study.chosen is None else study.sweep.text(study.swept[study.chosen][0])
            found["budget_fen"], found["meets_budget"] = study.budget, met
    return found
