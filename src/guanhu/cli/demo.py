"""make demo: a demo bank of 600 managers, imported and run under the Huangshi rulebook, in one go.

Every step says what it does and how long it took; a step that fails says what to do. What is done
already (the generated folders, the imported batches) is not done again, unless another version of the
invented bank did it (see `demo_folder`).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from guanhu.cli import demo_folder
from guanhu.cli.engines import duckdb_engine
from guanhu.cli.shell import PROBLEMS, SHELL, refusals
from guanhu.values.problem import Refused

if TYPE_CHECKING:
    from guanhu.appraisal.opened import OpenRun
    from guanhu.appraisal.runs import RunFolder
    from guanhu.facts.store import Bank

ACCOUNTS, MANAGERS, QUARTERS, SEED = 60_000, 600, 8, 1
PERIOD = "2025"
PRICES = "价目和限额是编的(示例价目), 不是任何银行的"
BANK_NAME = "演示银行"
TOLD = 3
LABEL_WIDTH = 12
_LEFT_OUT = """
WITH latest AS (
  SELECT arg_max(CASE reason WHEN 'no post' THEN '没有岗位' WHEN 'posts not known' THEN '没有导入全期的岗位表' ELSE '岗位不在考核范围: ' || post END, instance) AS why
  FROM read_parquet($1) WHERE subject_id NOT IN (SELECT subject_id FROM read_parquet($2)) GROUP BY subject_id
)
SELECT why, count(*) FROM latest GROUP BY ALL ORDER BY 2 DESC, 1
"""
"""How many were never appraised by each reason, everybody once: by the instance whose name comes last."""


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    typer.echo(f"▶ {text}", err=True)
    started = time.perf_counter()
    yield
    typer.echo(f"  {time.perf_counter() - started:.1f} 秒", err=True)


def main(root: Path, rulebook: Path) -> None:
    """Run the whole demo in the folder `root`."""
    from guanhu.appraisal.exporting import export_run
    from guanhu.appraisal.opened import OpenRun
    from guanhu.appraisal.running import run_rulebook
    from guanhu.appraisal.statement import write_statement

    with refusals(SHELL):
        ready(root, f"{PERIOD}-{rulebook.name}")
        bank = imported(root)
        with step(f"按《{titled(rulebook)}》运行 {PERIOD} 年"), SHELL.progress("  运行") as progress:
            ran = run_rulebook(duckdb_engine, bank, rulebook, PERIOD, progress=progress)
        if ran.problems:
            SHELL.note(f"  {len(ran.problems)} 条提醒, 见 {ran.folder.path / 'problems.json'}")
        typer.echo(PRICES)
        told_counts(ran.folder)
        opened = OpenRun(duckdb_engine, bank, ran.folder)
        try:
            people = told_scores(opened)
            for person in people:
                told_person(opened, person)
            told_reconciliation(opened)
            with step("写出工作簿和考核单"):
                workbook = export_run(
                    duckdb_engine, bank.path, ran.folder, "xlsx", root / f"考核结果-{PERIOD}.xlsx"
                )
                statement = root / f"考核单-{people[0]}.pdf"
                write_statement(opened, people[0], "pdf", statement)
        finally:
            opened.close()
        typer.echo(f"工作簿: {workbook}")
        typer.echo(f"考核单: {statement}")
        typer.echo(f"运行: {ran.folder.path}")
        typer.echo(f"再看一个人: guanhu explain {ran.folder.path} {people[-1]} --depth account")


def titled(rulebook: Path) -> str:
    """Return the name of a rulebook in its bank's words; that of its folder where it does not load."""
    from guanhu.rulebook.load.folder import load

    book, _ = load(rulebook)
    return book.title if book is not None else rulebook.name


def ready(root: Path, run_prefix: str) -> None:
    """Make room for the bank where another version of it stands, or facts that were cut off."""
    source = root / demo_folder.FACTS
    digest = demo_folder.made_from(ACCOUNTS, MANAGERS, QUARTERS, SEED)
    stale: list[str] = []
    if not demo_folder.is_made_from(root, digest):
        stale = [demo_folder.BANK, demo_folder.FACTS]
        text = f"{root} 里的演示银行是别的版本编造的: 重新编造, 重新导入"
    elif source.exists() and not (source / demo_folder.DONE).exists():
        stale = [demo_folder.FACTS]
        text = f"{source} 上次没有写完: 重新编造"
    if stale:
        typer.echo(f"▶ {text}", err=True)
        try:
            demo_folder.cleared(root, BANK_NAME, run_prefix, QUARTERS, stale)
        except Refused as refused:
            # The demo has no --lang: who cannot read the first sentence reads the second.
            typer.echo(refused.problems[0].text("en"), err=True)
            raise
    demo_folder.stamped(root, digest)


def imported(root: Path) -> Bank:
    """Return the demo bank with all quarters imported."""
    from guanhu.bank.generate import generate
    from guanhu.facts.importing import import_folder
    from guanhu.facts.store import Bank

    source, target = root / demo_folder.FACTS, root / demo_folder.BANK
    if not (source / demo_folder.DONE).exists():
        with (
            step(f"编造演示银行: {MANAGERS} 名客户经理, {ACCOUNTS:,} 个账户, {QUARTERS} 个季度"),
            SHELL.progress("  生成") as progress,
        ):
            generate(source, ACCOUNTS, MANAGERS, QUARTERS, SEED, progress)
            (source / demo_folder.DONE).touch()
    bank = Bank(target) if (target / "bank.toml").is_file() else Bank.create(target, BANK_NAME)
    folders = sorted(p for p in source.iterdir() if p.is_dir())
    for folder in folders[len(bank.batches()) :]:
        with step(f"导入 {folder.name}"):
            result = import_folder(folder, bank)
            if result.batch_no is None:
                SHELL.problems(result.problems)
                raise typer.Exit(PROBLEMS)
            typer.echo(f"  {sum(result.counts.values()):,} 行", err=True)
    return bank


def told_counts(run: RunFolder) -> None:
    """Print how many were appraised, and how many left out and why, each person by the latest reason."""
    import duckdb

    SHELL.say("counts", **run.record["counts"])
    # Somebody who was an agent until June and an office worker after it is one person, told by the later post.
    with duckdb.connect() as connection:
        rows = connection.execute(
            _LEFT_OUT, [str(run.table(name)) for name in ("left_out", "people")]
        ).fetchall()
    for why, count in rows:
        typer.echo(f"  未参加 {count} 人: {why}")
    SHELL.say("digest", digest=run.record["digest"])


def told_scores(opened: OpenRun) -> list[str]:
    """Print the spread of the yearly scores of managers and return three managers: low, middle, high."""
    import duckdb
    from rich.cells import cell_len

    totals = [
        x
        for x in opened.rulebook.lines.values()
        if x.role == "total" and str(x.unit) == "points" and x.group == "managers"
    ]
    if not totals:
        return sorted(opened.subjects())[:TOLD]
    line = totals[0]
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT subject_id, num / den FROM read_parquet($1) WHERE line = $2 AND spell_no = 0 AND state = 'ok' ORDER BY 2, 1",
            [str(opened.run.table("lines")), line.id],
        ).fetchall()
    typer.echo(f"{line.title}: 结清 {len(rows)} 人")
    for low, high in ((None, 70), (70, 85), (85, 90), (90, 100), (100, None)):
        inside = [s for _, s in rows if (low is None or s >= low) and (high is None or s < high)]
        label = (
            f"{low}–{high} 分"
            if low is not None and high is not None
            else f"低于 {high} 分"
            if low is None
            else f"{low} 分及以上"
        )
        # A Chinese character is as wide as two digits.
        label = " " * (LABEL_WIDTH - cell_len(label)) + label
        typer.echo(f"  {label} {len(inside):>4} {'█' * (len(inside) * 40 // max(len(rows), 1))}")
    picks = (
        [rows[len(rows) * part // 10][0] for part in (1, 5, 9)] if rows else sorted(opened.subjects())[:TOLD]
    )
    return [str(p) for p in picks]


def told_person(opened: OpenRun, person: str) -> None:
    """Print the yearly card of one manager: each line with its value and clause, and under it the reason."""
    from guanhu.appraisal.pages.reasons import Reasons
    from guanhu.rulebook.explain.telling import Teller, value_text

    teller, reasons = Teller(opened.rulebook), Reasons(opened.rulebook)
    for trace in opened.explain(person):
        if trace.instance.every != opened.rulebook.every:
            continue
        typer.echo(f"◆ {person} {trace.instance.key} {opened.rulebook.groups[trace.group].title}")
        for name, value in trace.whole.items():
            declared = opened.rulebook.lines.get(name) or opened.rulebook.decisions[name]
            typer.echo(f"    {declared.title} {value_text(value, teller.unit(name))} [{declared.clause}]")
            why = "" if trace.published else reasons.in_short(declared, trace.cards[-1])
            if why:
                # Who moved has a card for each spell; the last one tells the reason.
                typer.echo(
                    f"        {f'第 {trace.cards[-1].spell_no} 段: ' if len(trace.cards) > 1 else ''}{why}"
                )


def told_reconciliation(opened: OpenRun) -> None:
    """Print the reconciliation of the first measure of each unit, and whether all hold."""
    import duckdb

    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT instance, measure, managers, unassigned, institutions, bank, control, holds FROM read_parquet($1) ORDER BY instance, measure",
            [str(opened.run.table("reconcile"))],
        ).fetchall()
    good = sum(1 for row in rows if row[-1] == "yes")
    typer.echo(f"对账: {good}/{len(rows)} 项相符(客户经理 + 未分配 = 机构 = 全行, 未取整的积数)")
    for row in [r for r in rows if r[-1] != "yes"][:TOLD] or rows[:TOLD]:
        title = opened.rulebook.measures[row[1]].title
        control = f" = 总账 {row[6]}" if row[6] else ""
        typer.echo(f"  {row[0]} {title}: {row[2]} + {row[3]} = {row[4]} = {row[5]}{control}")


def start() -> None:
    """Run the demo from the repository: results go to the folder `demo`."""
    root = Path(os.environ.get("GUANHU_DEMO", "demo"))
    rulebook = Path("rulebooks") / "huangshi"
    if not (rulebook / "rulebook.yaml").is_file():
        typer.echo(
            "找不到 rulebooks/huangshi: 请在仓库的根目录运行 make demo / run make demo in the repository's root",
            err=True,
        )
        sys.exit(PROBLEMS)
    root.mkdir(parents=True, exist_ok=True)
    try:
        main(root, rulebook)
    except typer.Exit as stopped:
        sys.exit(stopped.exit_code)


if __name__ == "__main__":
    start()
