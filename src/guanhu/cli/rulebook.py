"""guanhu rulebook: new, check, test, list, print, try."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guanhu.cli.shell import PROBLEMS, SHELL, WRONG_USE, exit_of, readings_of, refusals
from guanhu.cli.usage import Group
from guanhu.cli.words import say
from guanhu.values.problem import Place, Problem, errors_in

app = typer.Typer(
    cls=Group, help="办法: 新建、检查、试算、打印 / rulebooks", no_args_is_help=True, rich_markup_mode=None
)
Dir = Annotated[Path, typer.Argument(help="办法文件夹 / the rulebook's folder", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
Reading = Annotated[
    list[str],
    typer.Option("--reading", help="疑点=other / DOUBT=other", default_factory=list, show_default=False),
]


@app.command()
def new(folder: Dir) -> None:
    """新建一个可运行的办法样例 / make a small rulebook that runs."""
    from guanhu.cli.starter import write_starter

    with refusals(SHELL):
        for path in write_starter(folder):
            SHELL.say("written", path=path)


@app.command()
def check(folder: Dir, reading: Reading, as_json: AsJson = False) -> None:
    """检查办法并把每一行读回成中文 / check a rulebook and read each line back."""
    from guanhu.rulebook.load.folder import load
    from guanhu.rulebook.print.reading_back import read_back

    rulebook, problems = load(folder, readings_of(SHELL, reading))
    if as_json:
        SHELL.problems(problems, as_json=True)
    else:
        SHELL.problems(problems)
        for text in read_back(rulebook) if rulebook is not None else ():
            typer.echo(text)
        if not problems:
            SHELL.say("no_problem")
    if errors_in(problems):
        raise typer.Exit(exit_of(problems))


@app.command("test")
def try_examples(folder: Dir, reading: Reading, as_json: AsJson = False) -> None:
    """核对算例 / try the worked examples."""
    from guanhu.rulebook.explain.examples import tried_examples
    from guanhu.rulebook.load.folder import load

    rulebook, problems = load(folder, readings_of(SHELL, reading))
    if rulebook is None:
        SHELL.problems(problems, as_json=as_json)
        raise typer.Exit(exit_of(problems))
    tried, wrong = tried_examples(rulebook, folder)
    rows = [
        (x.holds if as_json else "✓" if x.holds else "✗", x.clause, x.name, x.wanted, x.found, x.says)
        for x in tried
    ]
    SHELL.table(["成立" if as_json else "", "条款", "例子", "应得", "算出", "算式"], rows, as_json=as_json)
    if wrong:
        SHELL.problems(wrong)
    failed = [x.name for x in tried if not x.holds]
    if failed and not as_json:
        SHELL.say("examples_fail", count=len(failed), of=len(tried), names=SHELL.listed(failed))
    if wrong or failed:
        raise typer.Exit(PROBLEMS)
    if not as_json:
        SHELL.say("examples", count=len(tried))


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("rulebooks"), as_json: AsJson = False
) -> None:
    """列出文件夹里的各个办法 / list the rulebooks of a folder."""
    from guanhu.rulebook.load.folder import MAIN, load
    from guanhu.rulebook.print.sentence import EVERY

    if not folder.is_dir():
        place = Place(str(folder))
        zh, en = "没有这个文件夹", "there is no such folder"
        hints = (
            "写装着各个办法的文件夹, 如 rulebooks",
            "name the folder that holds rulebooks, such as rulebooks",
        )
        SHELL.problems([Problem("RUL001", place, zh, en, *hints)], as_json=as_json)
        raise typer.Exit(PROBLEMS)
    rows: list[tuple[str, str, str, int | str, int]] = []
    for path in sorted(p.parent for p in folder.glob(f"*/{MAIN}")):
        rulebook, problems = load(path)
        if rulebook is None:
            rows.append((path.name, "", "", "", len(errors_in(problems))))
        else:
            every = EVERY[rulebook.every] if SHELL.lang == "zh" and not as_json else rulebook.every
            rows.append((path.name, rulebook.title, every, len(rulebook.lines), 0))
    SHELL.table(["DIR", "名称", "周期", "行数", "错误"], rows, as_json=as_json)


@app.command("print")
def print_(
    folder: Dir,
    out: Annotated[Path, typer.Option("--out", help="写到的文件 / the file to write", metavar="FILE")],
    reading: Reading,
    format_: Annotated[str, typer.Option("--format", help="html | md | pdf")] = "html",
) -> None:
    """把办法打印成规章 / print a rulebook as a regulation."""
    from guanhu.appraisal.running import loaded
    from guanhu.rulebook.print.document import write_document

    if format_ not in ("html", "md", "pdf"):
        raise SHELL.wrong_use(f"--format {format_}: html | md | pdf")
    with refusals(SHELL):
        rulebook, _ = loaded(folder, readings_of(SHELL, reading))
        write_document(rulebook, folder, format_, out)
        SHELL.say("written", path=out)


def given_pairs(given: list[str]) -> dict[str, str]:
    """Return `name=value` pairs; what has no `=`, or stands twice, is wrong use."""
    found: dict[str, str] = {}
    for part in given:
        name, equals, value = part.partition("=")
        if not equals or not value or name in found:
            raise SHELL.wrong_use(say("given_form", SHELL.lang, part=part))
        found[name] = value
    return found


@app.command("try")
def try_(
    folder: Dir,
    line: Annotated[str, typer.Option("--line", help="要算的行 / the line", metavar="X")],
    given: Annotated[
        list[str], typer.Argument(help="a=… b=…", metavar="A=…", default_factory=list, show_default=False)
    ],
    reading: Reading,
    as_json: AsJson = False,
) -> None:
    """给几个数, 试算一行并解释 / try one line with given figures."""
    import json

    from guanhu.appraisal.running import loaded
    from guanhu.rulebook.explain.examples import not_evaluated, try_line, unit_of
    from guanhu.rulebook.explain.given import GivenProblem
    from guanhu.rulebook.explain.telling import Teller
    from guanhu.rulebook.load.formula import FormulaError

    with refusals(SHELL):
        rulebook, _ = loaded(folder, readings_of(SHELL, reading))
        pairs = given_pairs(given)
        try:
            traced = try_line(rulebook, line, pairs)
        except (GivenProblem, FormulaError) as error:
            SHELL.problems([not_evaluated(error, Place(line))])
            known = line in rulebook.lines or line in rulebook.decisions
            raise typer.Exit(PROBLEMS if known else WRONG_USE) from error
        told = Teller(rulebook, is_expanding=True, lang=SHELL.lang).tried(
            line, traced, unit_of(rulebook, line)
        )
    if as_json:
        typer.echo(json.dumps(told.as_dict(), ensure_ascii=False, indent=1))
        return
    for depth, text in told.lines():
        typer.echo("  " * depth + text)
