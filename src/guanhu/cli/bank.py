"""guanhu bank: generate a demo bank."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guanhu.cli.shell import SHELL, refusals
from guanhu.cli.usage import Group
from guanhu.values.problem import Place, Problem, Refused

app = typer.Typer(cls=Group, help="演示银行 / a demo bank", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Keep `generate` a subcommand although it is the only one."""


@app.command()
def generate(
    out: Annotated[Path, typer.Option("--out", help="写到的文件夹 / the folder to write", metavar="DIR")],
    accounts: Annotated[int, typer.Option(help="账户数 / accounts")] = 60_000,
    managers: Annotated[int, typer.Option(help="客户经理数 / managers")] = 600,
    quarters: Annotated[int, typer.Option(help="季度数, 到 2025 年末 / quarters up to 2025-12-31")] = 8,
    seed: Annotated[int, typer.Option(help="随机种子 / seed")] = 1,
) -> None:
    """编造一家银行: 每季度一个导入文件夹 / invent a bank, one import folder a quarter."""
    from guanhu.bank.generate import ACCOUNTS_LEAST, MANAGERS_LEAST, generate as invent

    with refusals(SHELL), SHELL.progress("生成" if SHELL.lang == "zh" else "generating") as step:
        try:
            invent(out, accounts, managers, quarters, seed, step)
        except ValueError as error:
            problem = Problem(
                "RUN070",
                Place("bank generate"),
                f"做不出这样的银行: {managers} 名客户经理, {accounts} 个账户, {quarters} 个季度",
                f"no such bank can be made: {managers} managers, {accounts} accounts, {quarters} quarters",
                f"至少 {MANAGERS_LEAST} 名客户经理、{ACCOUNTS_LEAST} 个账户、1 个季度",
                f"at least {MANAGERS_LEAST} managers, {ACCOUNTS_LEAST} accounts and one quarter",
            )
            raise Refused([problem]) from error
        except FileExistsError as error:
            problem = Problem(
                "RUN071",
                Place(str(out)),
                "这个文件夹里已经有东西",
                "this folder is not empty",
                "换一个空文件夹",
                "name an empty folder",
            )
            raise Refused([problem]) from error
    SHELL.say("written", path=out)
