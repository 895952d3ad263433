"""Wrong use of the command line, told in the language of the call, and help whose sentences are not cut off.

Typer says in English what is wrong with a call. The forms of its sentences are few; they stand here with their
Chinese. One that is not here is shown as it is, after a Chinese word that says what it is about.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from guanhu.cli.shell import DONE, SHELL, WRONG_USE
from guanhu.values.language import ZH, worded

HELP_MAX = 400
"""So long a sentence of a list of commands is shown whole, on several lines where it has to."""
_FORMS = (
    (re.compile(r"Missing option (?P<x>.+?)\."), "缺少选项 {x}"),
    (re.compile(r"Missing argument (?P<x>.+?)\."), "缺少参数 {x}"),
    (re.compile(r"No such option: (?P<x>\S+)(?: \(Possible options: (?P<near>.+)\))?"), "没有选项 {x}{near}"),
    (re.compile(r"No such command (?P<x>.+?)\.(?: Did you mean (?P<near>.+)\?)?"), "没有命令 {x}{near}"),
    (re.compile(r"Missing command\."), "缺少命令"),
    (re.compile(r"Got unexpected extra argument\(?s?\)? \((?P<x>.+)\)"), "多出的参数: {x}"),
    (re.compile(r"Option (?P<x>.+) requires an argument\."), "选项 {x} 后面要写内容"),
    (re.compile(r"Option (?P<x>.+) requires (?P<n>\d+) arguments\."), "选项 {x} 后面要写 {n} 项"),
    (re.compile(r"Option (?P<x>.+) does not take a value\."), "选项 {x} 后面不写内容"),
    (
        re.compile(r"Invalid value for (?P<x>.+?): (?:Value )?(?P<y>.+) is not a valid (?P<kind>.+)\."),
        "{x} 写的 {y} 不是{kind}",
    ),
    (
        re.compile(r"Invalid value for (?P<x>.+?): Input should be a valid (?P<kind>\w+)\b.*"),
        "{x} 写的不是{kind}",
    ),
    (re.compile(r"Invalid value for (?P<x>.+?): (?P<y>.+)"), "{x} 写得不对: {y}"),
)
_KINDS = {"int": "整数", "integer": "整数", "float": "数", "number": "数", "bool": "是否", "boolean": "是否"}


def in_chinese(message: str) -> str:
    """Return a message of wrong use in Chinese.

    >>> in_chinese("Missing option '--rulebook'."), in_chinese("No such option: --foo")
    ("缺少选项 '--rulebook'", '没有选项 --foo')
    >>> in_chinese("Invalid value for '--meet': Value 'x' is not a valid int.")
    "'--meet' 写的 'x' 不是整数"
    """
    for form, zh in _FORMS:
        found = form.fullmatch(message.strip())
        if found is None:
            continue
        parts = {name: text or "" for name, text in found.groupdict().items()}
        if parts.get("near"):
            parts["near"] = f", 相近的有 {parts['near']}"
        if "kind" in parts:
            parts["kind"] = _KINDS.get(parts["kind"], f" {parts['kind']}")
        return zh.format(**parts)
    return f"命令写得不对: {message}"


def tell(error: TyperException) -> int:
    """Print what is wrong with a call and how it is used; return the exit code."""
    lang = asked_language()
    said = error.format_message()
    if said.startswith("Usage:"):
        # A group that was called without a command shows its help.
        typer.echo(said, err=True)
        return error.exit_code
    context = getattr(error, "ctx", None)
    if context is not None:
        usage = context.get_usage()
        typer.echo(usage if lang != ZH else usage.replace("Usage:", "用法:", 1), err=True)
        path = context.command_path
        typer.echo(worded(lang, "看 '{x} --help'", "Try '{x} --help' for help.", x=path), err=True)
    typer.echo(in_chinese(said) if lang == ZH else said, err=True)
    return error.exit_code


def asked_language() -> str:
    """Return the language of the call, also where the call was refused before its options were read."""
    words = sys.argv[1:]
    named = [*words, ""][words.index("--lang") + 1] if "--lang" in words else ""
    return "en" if "en" in (named, SHELL.lang) or "--lang=en" in words else ZH


class Group(TyperGroup):
    """A group of commands that tells wrong use in the language of the call and cuts no sentence of its help."""

    def main(self, *args: Any, **rest: Any) -> Any:
        """Run the command line; wrong use is told and exits with 2."""
        if not rest.get("standalone_mode", True):
            return super().main(*args, **rest)
        rest["standalone_mode"] = False
        try:
            code = super().main(*args, **rest)
        except TyperException as error:
            sys.exit(tell(error))
        except typer.Abort:
            sys.exit(WRONG_USE)
        sys.exit(code if isinstance(code, int) else DONE)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Who reads no further (`| head`) has seen enough: that is no error."""
        try:
            found = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still in the buffer would be written, and fail, when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(DONE) from None
        return found

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands, each with its whole sentence."""
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, x.get_short_help_str(HELP_MAX)) for name, x in named if x is not None and not x.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
