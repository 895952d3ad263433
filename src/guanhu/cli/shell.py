"""What every command shares: language, output, problems, exit codes, the run a user means."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from guanhu.cli.words import STEPS, heading, listed, say
from guanhu.values.problem import Place, Problem, Refused, errors_in

DONE, PROBLEMS, WRONG_USE = 0, 1, 2
_OF_THE_CALL = ("RUN001", "RUL070")
"""Problems of what was asked, a period or a reading that there is not, and not of what was read."""


@dataclass(slots=True)
class Shell:
    """The settings of one call."""

    lang: str = "zh"
    quiet: bool = False

    def say(self, key: str, **parts: object) -> None:
        """Print a sentence to stdout."""
        typer.echo(say(key, self.lang, **parts))

    def listed(self, names: Iterable[str]) -> str:
        """Return names one after the other."""
        return listed(names, self.lang)

    def note(self, text: str) -> None:
        """Print a line to stderr, unless asked to be quiet."""
        if not self.quiet:
            typer.echo(text, err=True)

    def wrong_use(self, text: str) -> typer.Exit:
        """Print what was wrong with the call, quiet or not, and return the exit to raise."""
        typer.echo(text, err=True)
        return typer.Exit(WRONG_USE)

    def problems(self, problems: Iterable[Problem], *, as_json: bool = False) -> int:
        """Print problems and return how many are errors."""
        everything = list(problems)
        errors = errors_in(everything)
        if as_json:
            typer.echo(json.dumps([problem_record(p) for p in everything], ensure_ascii=False, indent=1))
            return len(errors)
        for problem in everything:
            typer.echo(problem.text(self.lang), err=bool(errors))
        if everything:
            typer.echo(
                say("problems", self.lang, errors=len(errors), warnings=len(everything) - len(errors)),
                err=bool(errors),
            )
        return len(errors)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, as_json: bool = False) -> None:
        """Print rows as a table in the language of the call, or as JSON objects."""
        if as_json:
            typer.echo(
                json.dumps(
                    [dict(zip(columns, row, strict=True)) for row in rows],
                    ensure_ascii=False,
                    indent=1,
                    default=str,
                )
            )
            return
        from rich.console import Console
        from rich.table import Table

        table = Table(show_edge=False, pad_edge=False)
        for column in columns:
            table.add_column(heading(column, self.lang), overflow="fold")
        for row in rows:
            table.add_row(*["" if cell is None else str(cell) for cell in row])
        Console(file=sys.stdout, soft_wrap=True, width=None if sys.stdout.isatty() else 160).print(table)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[str, int, int], None]]:
        """Yield a function that shows progress: a live line on a terminal, plain lines otherwise."""
        live = sys.stderr.isatty() and not self.quiet
        shown = -1

        def step(name: str, done: int, everything: int) -> None:
            nonlocal shown
            if self.quiet or not everything:
                return
            tenth = done * 10 // everything
            said = progress_name(name, self.lang)
            if live:
                typer.echo(f"\r\033[K{what} {done}/{everything} {said}", err=True, nl=False)
            elif tenth != shown:
                shown = tenth
                typer.echo(f"{what} {done}/{everything} {said}".rstrip(), err=True)

        yield step
        if live:
            typer.echo("\r\033[K", err=True, nl=False)


def progress_name(name: str, lang: str) -> str:
    """Return what is being done in a language: a step, with the kind of fact or table that it is about.

    >>> (
    ...     progress_name("read customers", "zh"),
    ...     progress_name("write left_out", "zh"),
    ...     progress_name("2025-07", "zh"),
    ... )
    ('读取客户', '写出未参加', '2025-07')
    >>> progress_name("read customers", "en")
    'read customers'
    """
    if lang != "zh":
        return name
    from guanhu.kinds.catalogue import KINDS

    verb, _, what = name.partition(" ")
    thing = KINDS[what].zh if what in KINDS else STEPS.get(what, what)
    return f"{STEPS[verb]}{thing}" if verb in STEPS else name


def problem_record(problem: Problem) -> dict[str, Any]:
    """Return a problem as plain data."""
    return {
        "code": problem.code,
        "place": str(problem.place),
        "severity": problem.severity,
        "zh": problem.zh,
        "en": problem.en,
        "hint_zh": problem.hint_zh,
        "hint_en": problem.hint_en,
        "clause": problem.clause,
    }


def exit_of(problems: Iterable[Problem]) -> int:
    """Return the exit code of refused work: 2 when the call asked for what there is not, else 1."""
    return WRONG_USE if any(problem.code in _OF_THE_CALL for problem in problems) else PROBLEMS


_PARTIAL = re.compile(r"(?:^|(?<=/))\.(?:(?P<name>[^/]+?)\.partial(?:-[^/]*)?$|partial-[^/]*(?:/.*)?$)")


def _meant(path: str) -> str:
    """Return the file or folder that was to be written, not the hidden one beside it that is renamed at the end.

    >>> (
    ...     _meant("out/.a.html.partial-12"),
    ...     _meant("bank/runs/.partial-2025-x-12/lines.parquet"),
    ...     _meant("a/b.csv"),
    ... )
    ('out/a.html', 'bank/runs/', 'a/b.csv')
    """
    return _PARTIAL.sub(lambda found: found["name"] or "", path)


@contextmanager
def refusals(shell: Shell) -> Iterator[None]:
    """Turn a refused request into its problems and exit code; a full disk or a lost file too."""
    try:
        yield
    except Refused as refused:
        shell.problems(refused.problems)
        raise typer.Exit(exit_of(refused.problems)) from refused
    except BrokenPipeError:
        # Who reads the output has read enough; the group of commands ends quietly.
        raise
    except OSError as error:
        place = Place(_meant(str(error.filename or "")))
        reason = error.strerror or str(error)
        shell.problems(
            [
                Problem(
                    "RUN090",
                    place,
                    f"读写文件时出错: {reason}",
                    f"reading or writing failed: {reason}",
                    "检查路径、权限和磁盘空间",
                    "check the path, the rights and the free space",
                )
            ]
        )
        raise typer.Exit(PROBLEMS) from error


def bank_of(shell: Shell, bank: Path | None, run: str = "") -> Path:
    """Return the bank folder: as given, from GUANHU_BANK, or the folder above a run."""
    found = bank or (Path(os.environ["GUANHU_BANK"]) if os.environ.get("GUANHU_BANK") else None)
    if found is None and run and Path(run).is_dir():
        found = Path(run).resolve().parent.parent
    if found is None or not (found / "bank.toml").is_file():
        place = Place(str(found or "--bank"))
        shell.problems(
            [
                Problem(
                    "RUN060",
                    place,
                    "这里不是银行文件夹(没有 bank.toml)",
                    "this is not a bank folder (no bank.toml)",
                    "用 --bank 指明, 或先 guanhu facts import DIR --bank BANK",
                    "name it with --bank, or make one with guanhu facts import DIR --bank BANK",
                )
            ]
        )
        raise typer.Exit(PROBLEMS)
    return found


def run_folder(shell: Shell, bank: Path, run: str) -> Path:
    """Return the folder of a run: a path, its whole name, or a unique part of its name."""
    if Path(run, "run.json").is_file():
        return Path(run)
    names = (
        sorted(p.name for p in (bank / "runs").glob("*") if not p.name.startswith("."))
        if (bank / "runs").is_dir()
        else []
    )
    fits = [name for name in names if name == run] or [name for name in names if run in name]
    if len(fits) == 1:
        return bank / "runs" / fits[0]
    zh = f"没有唯一的运行叫 {run}" + (f", 相符的有: {'、'.join(fits)}" if fits else "")
    en = f"no single run is called {run}" + (f"; these match: {', '.join(fits)}" if fits else "")
    hint_zh = f"现有: {listed(names, 'zh') or '(还没有运行)'}"
    hint_en = f"there are: {listed(names, 'en') or '(no run yet)'}"
    shell.problems([Problem("RUN061", Place(run), zh, en, hint_zh, hint_en)])
    raise typer.Exit(PROBLEMS)


def readings_of(shell: Shell, readings: Sequence[str]) -> Mapping[str, str]:
    """Return `NAME=other` pairs, or refuse the use."""
    found: dict[str, str] = {}
    for text in readings:
        name, equals, value = text.partition("=")
        if not equals or value not in ("other", "first"):
            raise shell.wrong_use(f"--reading {text}: NAME=other")
        if value == "other":
            found[name] = value
    return found


SHELL = Shell()
