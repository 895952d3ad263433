"""guanhu facts: template, check, import, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guanhu.cli.shell import PROBLEMS, SHELL, bank_of, problem_record, refusals
from guanhu.cli.usage import Group
from guanhu.values.dates import in_beijing
from guanhu.values.problem import errors_in

if TYPE_CHECKING:
    from guanhu.facts.importing import ImportResult

app = typer.Typer(
    cls=Group, help="事实: 模板、检查、导入 / the bank's facts", no_args_is_help=True, rich_markup_mode=None
)
Dir = Annotated[Path, typer.Argument(help="导入文件夹 / the import folder", metavar="DIR")]
BankDir = Annotated[
    Path | None, typer.Option("--bank", help="银行文件夹 / the bank's folder", metavar="BANK")
]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]


@app.command()
def template(
    out: Annotated[Path, typer.Option("--out", help="写到的文件 / the file to write", metavar="FILE.xlsx")],
    rulebook: Annotated[
        Path | None,
        typer.Option(
            "--rulebook", help="只要这个办法用到的表 / only what this rulebook needs", metavar="DIR"
        ),
    ] = None,
) -> None:
    """写出要填的工作簿和 coverage.yaml / write the workbook to fill in."""
    from guanhu.appraisal.needs import asked_for, needed_kinds, parameter_rows
    from guanhu.appraisal.running import loaded
    from guanhu.facts.template import write_template
    from guanhu.kinds.catalogue import CATALOGUE

    with refusals(SHELL):
        if rulebook is None:
            path = write_template(out, CATALOGUE)
        else:
            book, _ = loaded(rulebook)
            events = tuple(book.events.values())
            path = write_template(out, needed_kinds(book), events, parameter_rows(book), asked_for(book))
        SHELL.say("written", path=path)


@app.command()
def check(folder: Dir, bank: BankDir = None, as_json: AsJson = False) -> None:
    """检查要导入的文件 / check files before importing them."""
    from guanhu.facts.importing import check_folder
    from guanhu.facts.store import Bank

    with refusals(SHELL):
        found = check_folder(
            folder, Bank(bank) if bank is not None and (bank / "bank.toml").is_file() else None
        )
        SHELL.problems(found.problems, as_json=as_json)
        if errors_in(found.problems):
            raise typer.Exit(PROBLEMS)
        if not as_json:
            named = [(kind_name(name), count) for name, count in sorted(found.counts.items())]
            SHELL.table(["事实", "行"], named)
            if not found.problems:
                SHELL.say("no_problem")


@app.command("import")
def import_(
    folder: Dir,
    bank: BankDir = None,
    accept_good: Annotated[
        bool, typer.Option("--accept-good", help="只收合格的行 / take the good rows")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """导入一批事实 / import one batch."""
    import json

    from guanhu.appraisal.facts_read import strangers
    from guanhu.facts.importing import import_folder
    from guanhu.facts.store import Bank

    with refusals(SHELL):
        if bank is not None and not (bank / "bank.toml").is_file():
            Bank.create(bank, bank.name)
        target = Bank(bank_of(SHELL, bank))
        with SHELL.progress("导入" if SHELL.lang == "zh" else "importing") as step:
            result = import_folder(folder, target, accept_good, step)
        if as_json:
            typer.echo(json.dumps(import_record(result), ensure_ascii=False, indent=1))
        elif result.problems:
            SHELL.problems(result.problems)
        if result.bad_rows_file is not None and not as_json:
            SHELL.say("bad_rows", path=result.bad_rows_file)
        if result.batch_no is None:
            if not as_json:
                SHELL.say("not_imported")
            raise typer.Exit(PROBLEMS)
        if not as_json:
            SHELL.say("imported", number=result.batch_no, rows=sum(result.counts.values()))
            SHELL.problems(strangers(target))


def kind_name(name: str) -> str:
    """Return the name of a kind of fact in the language of the call; of one that a rulebook declares, as its file has it."""
    from guanhu.kinds.catalogue import KINDS

    return KINDS[name].zh if SHELL.lang == "zh" and name in KINDS else name


def import_record(result: ImportResult) -> dict[str, Any]:
    """Return what came of an import as plain data: the batch (null when nothing was imported), its rows, the problems."""
    return {
        "batch": result.batch_no,
        "rows": dict(sorted(result.counts.items())),
        "bad_rows_file": None if result.bad_rows_file is None else str(result.bad_rows_file),
        "problems": [problem_record(x) for x in result.problems],
    }


@app.command("list")
def list_(bank: BankDir = None, as_json: AsJson = False) -> None:
    """列出已导入的批次 / list the batches of a bank."""
    from guanhu.appraisal.facts_read import strangers
    from guanhu.facts.store import Bank

    with refusals(SHELL):
        target = Bank(bank_of(SHELL, bank))
        found = target.batches()
        rows = []
        for batch in found:
            days = sorted({str(cell.span) for cells in batch.cells.values() for cell in cells})
            rows.append(
                (
                    batch.number,
                    in_beijing(batch.imported_at).isoformat(timespec="seconds"),
                    SHELL.listed(days[:4]),
                    sum(batch.counts.values()),
                    batch.hole_count,
                    batch.note,
                )
            )
        SHELL.table(["批", "导入时间", "覆盖", "行", "空洞", "说明"], rows, as_json=as_json)
        if not as_json:
            SHELL.problems(strangers(target))
