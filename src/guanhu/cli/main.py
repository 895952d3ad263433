"""guanhu: the command line. Heavy libraries are imported inside commands, so that help is quick."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from guanhu import __version__
from guanhu.cli import bank, difference, facts, proving, rulebook, runs, whatif
from guanhu.cli.shell import PROBLEMS, SHELL, WRONG_USE
from guanhu.cli.usage import Group
from guanhu.cli.words import say
from guanhu.values.problem import Place, Problem

app = typer.Typer(
    cls=Group,
    help=say("help", "zh") + "\n\n" + say("help", "en"),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
rulebook.app.command()(proving.prove)
rulebook.app.command()(proving.diff)
app.add_typer(rulebook.app, name="rulebook")
app.add_typer(facts.app, name="facts")
app.add_typer(bank.app, name="bank")
for command in (
    runs.run,
    runs.publish,
    runs.replay,
    runs.explain,
    runs.export,
    runs.statement,
    whatif.whatif,
    difference.difference,
):
    app.command()(command)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"guanhu {__version__}")
        raise typer.Exit


@app.callback()
def options(
    lang: Annotated[str, typer.Option(help="zh 或 en / zh or en")] = "zh",
    quiet: Annotated[bool, typer.Option("--quiet", help="不显示进度 / no progress")] = False,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="版本 / version")
    ] = False,
) -> None:
    """Set the language and how much to say."""
    if lang not in ("zh", "en"):
        typer.echo(f"--lang {lang}: zh | en", err=True)
        raise typer.Exit(WRONG_USE)
    SHELL.lang = lang
    SHELL.quiet = quiet


def run() -> None:
    """Run the command line; a broken pipe is no error, and a fault of ours is told without a page of code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show Chinese shows escapes instead of failing.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        if os.environ.get("GUANHU_DEBUG"):
            raise
        first = (str(error).splitlines() or [""])[0]
        fault = f"{type(error).__name__}: {first}"
        SHELL.problems(
            [
                Problem(
                    "RUN099",
                    Place("guanhu"),
                    f"程序自身出错, 没有写出任何结果: {fault}",
                    f"a fault of guanhu itself; nothing was written: {fault}",
                    "设 GUANHU_DEBUG=1 重跑, 把输出连同办法一起报告给我们",
                    "run again with GUANHU_DEBUG=1 and report the output with the rulebook",
                )
            ]
        )
        sys.exit(PROBLEMS)


if __name__ == "__main__":
    run()
