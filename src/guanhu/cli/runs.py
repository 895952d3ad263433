"""guanhu run, publish, explain, export, statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guanhu.cli.engines import duckdb_engine, engine_named
from guanhu.cli.shell import PROBLEMS, SHELL, bank_of, readings_of, refusals, run_folder
from guanhu.cli.words import say
from guanhu.values.dates import BEIJING

if TYPE_CHECKING:
    from guanhu.appraisal.increment.touched import Touched
    from guanhu.appraisal.runs import RunFolder
    from guanhu.rulebook.tree import Rulebook
    from guanhu.values.problem import Problem

BankDir = Annotated[
    Path | None, typer.Option("--bank", help="银行文件夹 / the bank's folder", metavar="BANK")
]
RunName = Annotated[str, typer.Argument(help="运行的文件夹或编号 / a run's folder or id", metavar="RUN")]
Person = Annotated[
    str, typer.Argument(help="人员、团队或机构 / person, team or institution", metavar="PERSON")
]
Out = Annotated[Path, typer.Option("--out", help="写到的文件 / the file to write", metavar="FILE")]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
RulebookDir = Annotated[
    Path, typer.Option("--rulebook", help="办法文件夹 / the rulebook's folder", metavar="DIR")
]
Readings = Annotated[
    list[str],
    typer.Option("--reading", help="疑点=other / DOUBT=other", default_factory=list, show_default=False),
]
AsOf = Annotated[
    str,
    typer.Option(
        "--as-of",
        help="批次号或时刻, 没写时区的按北京时间 / batch number or moment; Asia/Shanghai where it names no zone",
        metavar="MOMENT",
    ),
]
EngineName = Annotated[str, typer.Option("--engine", help="duckdb | spark")]
Master = Annotated[
    str,
    typer.Option(
        "--master", help="Spark 主节点, 默认本机 / Spark's master, this machine by default", metavar="URL"
    ),
]
Work = Annotated[
    Path | None,
    typer.Option(
        "--work",
        help="Spark 存放中间结果的文件夹, 各节点都看得到 / where Spark keeps what it makes; every node sees it",
        metavar="DIR",
    ),
]
Since = Annotated[
    str,
    typer.Option(
        "--since",
        help="接着一次运行, 只重算后来的事实牵动的 / go on from a run: only what late facts touch is measured again",
        metavar="RUN",
    ),
]
CAUSES_MAX, LINES_MAX = 6, 4
TOUCHED_SHOWN = 10
"""How many causes a run tells, and how many lines of each."""
DEPTHS = ("clause", "account", "day")


def run(
    rulebook: RulebookDir,
    period: Annotated[str, typer.Option("--period", help="2025|2025H1|2025Q3|2025-07|FROM..TO")],
    reading: Readings,
    bank: BankDir = None,
    as_of: AsOf = "",
    engine: EngineName = "duckdb",
    master: Master = "",
    work: Work = None,
    since: Since = "",
    as_json: AsJson = False,
) -> None:
    """按办法运行一个期间 / run a rulebook over a period."""
    import json

    from guanhu.appraisal.exporting import corrections_of
    from guanhu.appraisal.running import period_named, run_rulebook
    from guanhu.appraisal.runs import RunFolder
    from guanhu.facts.store import Bank

    if since and engine != "duckdb":
        raise SHELL.wrong_use(say("since_engine", SHELL.lang))
    with refusals(SHELL), engine_named(engine, master, work) as make_engine:
        target = Bank(bank_of(SHELL, bank))
        days = period_named(period)
        earlier = RunFolder(run_folder(SHELL, target.path, since)) if since else None
        if not as_json:
            SHELL.say("period", period=days, days=days.days)
        seen: list[Touched] = []
        with SHELL.progress("运行" if SHELL.lang == "zh" else "running") as step:
            ran = run_rulebook(
                make_engine,
                target,
                rulebook,
                period,
                moment_of(as_of),
                readings_of(SHELL, reading),
                step,
                since=earlier,
                told=seen.append if as_json else tell_touched,
            )
        record = ran.folder.record
        if as_json:
            found = {"run": str(ran.folder.path), "days": days.days, **record}
            found["corrections"] = {
                **record["corrections"],
                "rows": corrections_of(duckdb_engine, ran.folder),
            }
            if seen:
                found["touched"] = touched_record(seen[0])
            typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
            return
        SHELL.problems(folded(ran.problems))
        SHELL.say("counts", **record["counts"])
        tell_unsettled(ran.folder)
        SHELL.say("digest", digest=record["digest"])
        SHELL.say("run_done", path=ran.folder.path)


def folded(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems with those of one code and place told once, and how many more there are.

    A kind of fact that is not there is missed anew by each measure in each month.
    """
    alike: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        alike.setdefault((problem.code, str(problem.place)), []).append(problem)
    return [
        group[0]
        if len(group) == 1
        else replace(
            group[0],
            zh=f"{group[0].zh} (同样的还有 {len(group) - 1} 条, 都在运行的 problems.json 里)",
            en=f"{group[0].en} ({len(group) - 1} more like it are in problems.json of the run)",
        )
        for group in alike.values()
    ]


def tell_unsettled(run: RunFolder) -> None:
    """Print what keeps subjects from being settled: the most frequent causes, each with one subject."""
    from guanhu.appraisal.pages.unsettled import held_up
    from guanhu.appraisal.running import loaded

    if not run.record["counts"]["not_settled"]:
        return
    rulebook, _ = loaded(run.rulebook_folder, run.record["readings"])
    engine = duckdb_engine()
    try:
        causes = held_up(engine, run, rulebook, SHELL.lang)
    finally:
        engine.close()
    for held in causes[:CAUSES_MAX]:
        subject, instance = held.first
        lines = SHELL.listed([*held.lines][:LINES_MAX]) + ("…" if len(held.lines) > LINES_MAX else "")
        SHELL.say(
            "held", count=len(held.subjects), why=held.why, subject=subject, instance=instance, lines=lines
        )
    if len(causes) > CAUSES_MAX:
        SHELL.say("held_more", count=len(causes) - CAUSES_MAX)


def moment_of(text: str) -> datetime | int | None:
    """Return a batch number or a moment, Beijing's where it names no zone; exit 2 when it is neither."""
    if not text:
        return None
    if text.isdigit():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SHELL.wrong_use(f"--as-of {text}: 3 | 2025-04-01T12:00:00+08:00") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=BEIJING)


def publish(run_name: RunName, bank: BankDir = None) -> None:
    """发布一次运行, 成为以后各期读到的过去 / make a run the past that later periods read."""
    from guanhu.appraisal.published import publish as publish_run
    from guanhu.appraisal.runs import RunFolder

    with refusals(SHELL):
        place = bank_of(SHELL, bank, run_name)
        folder = run_folder(SHELL, place, run_name)
        SHELL.problems(publish_run(place, RunFolder(folder)))
        SHELL.say("published", run=folder.name)


def tell_touched(touched: Touched) -> None:
    """Print what late facts touch, before anything is computed."""
    if touched.why_all is not None:
        SHELL.say("since_all", why=touched.why_all[SHELL.lang == "en"])
        return
    rows = SHELL.listed(f"{name} {count}" for name, count in sorted(touched.rows.items()))
    if not rows:
        SHELL.say("since_nothing")
        return
    SHELL.say("since_rows", rows=rows)
    SHELL.say(
        "since_people",
        accounts=len(touched.ids["account"]),
        loans=len(touched.ids["loan"]),
        events=len(touched.ids["event"]),
        people=len(touched.people),
        named=SHELL.listed(sorted(touched.people)[:TOUCHED_SHOWN])
        + ("…" if len(touched.people) > TOUCHED_SHOWN else ""),
    )
    if touched.groups:
        SHELL.say("since_groups", groups=SHELL.listed(touched.groups))


def touched_record(touched: Touched) -> dict[str, Any]:
    """Return what late facts touch as plain data: rows by kind, ids, people and groups, or why everything is run."""
    return {
        "rows": dict(sorted(touched.rows.items())),
        **{f"{name}s": sorted(ids) for name, ids in touched.ids.items()},
        "people": sorted(touched.people),
        "groups": list(touched.groups),
        "everything_because": touched.why_all and dict(zip(("zh", "en"), touched.why_all, strict=True)),
    }


def replay(
    run_name: RunName,
    bank: BankDir = None,
    engine: EngineName = "duckdb",
    master: Master = "",
    work: Work = None,
    as_json: AsJson = False,
) -> None:
    """把一次运行原样重做一遍, 核对摘要 / make a kept run once more and compare the digest."""
    import json

    from guanhu.appraisal.replay import replayed
    from guanhu.appraisal.runs import RunFolder
    from guanhu.facts.store import Bank

    with refusals(SHELL), engine_named(engine, master, work) as make_engine:
        place = bank_of(SHELL, bank, run_name)
        folder = RunFolder(run_folder(SHELL, place, run_name))
        with SHELL.progress("重做" if SHELL.lang == "zh" else "replaying") as step:
            found = replayed(make_engine, Bank(place), folder, step)
    if as_json:
        typer.echo(json.dumps({"kept": found.kept, "now": found.now, "same": found.is_same}))
    else:
        SHELL.say("replayed" if found.is_same else "replay_differs", kept=found.kept[:12], now=found.now[:12])
    if not found.is_same:
        raise typer.Exit(PROBLEMS)


def tell_language(*runs: RunFolder) -> None:
    """Warn of each run whose rulebook now means something else than when it was run."""
    from guanhu.appraisal.replay import told_by_another_language

    for run in runs:
        for other in told_by_another_language(run):
            typer.echo(other.text(SHELL.lang), err=True)


def explain(
    run_name: RunName,
    person: Person,
    bank: BankDir = None,
    line: Annotated[str, typer.Option("--line", help="只解释这一行 / only this line", metavar="X")] = "",
    depth: Annotated[str, typer.Option("--depth", help="clause|account|day")] = "clause",
    as_json: AsJson = False,
) -> None:
    """解释一个人的每个数 / explain every figure of one subject."""
    import json

    from guanhu.appraisal.opened import OpenRun
    from guanhu.appraisal.pages.corrected import told as corrections_told
    from guanhu.appraisal.pages.waiting import told as lots_told
    from guanhu.appraisal.runs import RunFolder
    from guanhu.facts.store import Bank
    from guanhu.rulebook.explain.telling import Teller
    from guanhu.rulebook.print.as_written import as_taken, taken_text

    if depth not in DEPTHS:
        raise SHELL.wrong_use(f"--depth {depth}: {' | '.join(DEPTHS)}")
    with refusals(SHELL):
        place = bank_of(SHELL, bank, run_name)
        kept = RunFolder(run_folder(SHELL, place, run_name))
        opened = OpenRun(duckdb_engine, Bank(place), kept)
        try:
            explained = opened.explained(person, keeps_rows=depth == "day")
            known = [*opened.rulebook.lines, *opened.rulebook.decisions]
            if line and line not in known:
                raise SHELL.wrong_use(f"--line {line}: {SHELL.listed(known)}")
            rulebook = as_taken(opened.rulebook, opened.run.rulebook_folder)
            readings = taken_text(rulebook, SHELL.lang)
            teller = Teller(rulebook, depth, is_expanding=bool(line), lang=SHELL.lang)
            told = [(trace.instance.key, teller.subject(trace, line)) for trace in explained.traces]
            told.append((explained.current, corrections_told(teller, explained, line)))
            told.append((str(opened.period), [] if line else lots_told(opened, person, SHELL.lang)))
        finally:
            opened.close()
    told = [(key, lines) for key, lines in told if lines]
    tell_language(kept)
    if not told:
        tell_nothing_told(rulebook, line, person)
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {
                        "instance": key,
                        "readings": kept.record["readings"],
                        "lines": [x.as_dict() for x in lines],
                    }
                    for key, lines in told
                ],
                ensure_ascii=False,
                indent=1,
            )
        )
        if not told:
            raise typer.Exit(PROBLEMS)
        return
    if told and readings:
        SHELL.say("readings", readings=readings)
    for key, lines in told:
        SHELL.say("instance", instance=key, subject=person)
        for told_line in lines:
            for level, text in told_line.lines():
                typer.echo("  " * (level + 1) + text)
    if not told:
        raise typer.Exit(PROBLEMS)


def tell_nothing_told(rulebook: Rulebook, line: str, person: str) -> None:
    """Say on stderr why there is nothing to explain: a line of a group that the subject does not belong to."""
    declared = rulebook.declared(line)
    if declared is None:
        text = say("nothing_told", SHELL.lang, person=person)
    else:
        group = rulebook.groups[declared.group].title
        text = say("line_of_others", SHELL.lang, line=declared.title, group=group, person=person)
    typer.echo(text, err=True)


def export(
    run_name: RunName,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="写到的文件; csv 和 parquet 写成一个文件夹 / the file to write; a folder for csv and parquet",
            metavar="FILE|DIR",
        ),
    ],
    format_: Annotated[str, typer.Option("--format", help="xlsx|csv|parquet")] = "xlsx",
    bank: BankDir = None,
) -> None:
    """导出结果 / export the results of a run."""
    from guanhu.appraisal.exporting import export_run
    from guanhu.appraisal.runs import RunFolder

    if format_ not in ("xlsx", "csv", "parquet"):
        raise SHELL.wrong_use(f"--format {format_}: xlsx | csv | parquet")
    with refusals(SHELL):
        place = bank_of(SHELL, bank, run_name)
        path = export_run(duckdb_engine, place, RunFolder(run_folder(SHELL, place, run_name)), format_, out)
        SHELL.say("written_folder" if path.is_dir() else "written", path=path)


def statement(
    run_name: RunName,
    person: Person,
    out: Out,
    format_: Annotated[str, typer.Option("--format", help="html|pdf")] = "html",
    bank: BankDir = None,
) -> None:
    """写出一个人的考核单 / write one subject's statement."""
    from guanhu.appraisal.opened import OpenRun
    from guanhu.appraisal.runs import RunFolder
    from guanhu.appraisal.statement import write_statement
    from guanhu.facts.store import Bank

    if format_ not in ("html", "pdf"):
        raise SHELL.wrong_use(f"--format {format_}: html | pdf")
    with refusals(SHELL):
        place = bank_of(SHELL, bank, run_name)
        kept = RunFolder(run_folder(SHELL, place, run_name))
        opened = OpenRun(duckdb_engine, Bank(place), kept)
        try:
            write_statement(opened, person, format_, out)
        finally:
            opened.close()
        tell_language(kept)
        SHELL.say("written", path=out)
