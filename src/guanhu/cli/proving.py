"""guanhu rulebook: prove, diff."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guanhu.cli.rulebook import AsJson, Reading
from guanhu.cli.shell import DONE, PROBLEMS, SHELL, exit_of, readings_of
from guanhu.cli.words import say

if TYPE_CHECKING:
    from guanhu.rulebook.prove.proof import Proof

PLANTED = Path(__file__).parents[3] / "tests/pure/rulebook/planted"
"""Where the planted rulebooks stand in the source; an installed guanhu is told where they are."""
Folder = Annotated[
    Path | None,
    typer.Argument(help="办法文件夹 / the rulebook's folder", metavar="DIR", show_default=False),
]
OneLine = Annotated[
    str, typer.Option("--line", help="只证这一行或决定 / this line or decision only", metavar="X")
]
Staff = Annotated[
    list[str],
    typer.Option(
        "--staff",
        help="组别或等级=人数, 算预算上限 / GROUP=N, for the ceiling of the budget",
        metavar="G=N",
        default_factory=list,
        show_default=False,
    ),
]


def prove(
    reading: Reading,
    staff: Staff,
    folder: Folder = None,
    line: OneLine = "",
    as_json: AsJson = False,
    cliff: Annotated[
        int, typer.Option("--cliff", help="断崖的钱数(元) / a cliff moves pay by more (yuan)")
    ] = 1000,
    cliff_points: Annotated[
        int, typer.Option("--cliff-points", help="断崖的分数 / … and a score by more")
    ] = 15,
    planted: Annotated[
        bool, typer.Option("--planted", help="证一批埋有缺陷的办法 / prove the planted defects")
    ] = False,
) -> None:
    """对所有可能的人证明办法没有缺陷, 或给出反例 / prove a rulebook for everybody, or show who it fails."""
    from guanhu.rulebook.load.folder import load
    from guanhu.rulebook.prove.finding import worst
    from guanhu.rulebook.prove.proof import Limits
    from guanhu.rulebook.prove.reading import prove as proved
    from guanhu.rulebook.prove.report import report

    for option, limit in (("--cliff", cliff), ("--cliff-points", cliff_points)):
        if limit < 0:
            raise SHELL.wrong_use(say("cliff_form", SHELL.lang, option=option, limit=limit))
    if planted:
        raise typer.Exit(_planted(folder or PLANTED, as_json=as_json))
    if folder is None:
        raise SHELL.wrong_use(say("prove_folder", SHELL.lang))
    counts = _staff(staff)
    rulebook, problems = load(folder, readings_of(SHELL, reading))
    if rulebook is None:
        SHELL.problems(problems, as_json=as_json)
        raise typer.Exit(exit_of(problems))
    if line and line not in rulebook.lines and line not in rulebook.decisions:
        raise SHELL.wrong_use(say("no_line", SHELL.lang, line=line))
    strange = [name for name in counts if not rulebook.knows_staff(name)]
    if strange:
        raise SHELL.wrong_use(say("no_staff", SHELL.lang, name=strange[0]))
    proof = proved(
        rulebook, line, Limits(cliff_money=Fraction(cliff), cliff_points=Fraction(cliff_points)), counts
    )
    typer.echo(report(proof, SHELL.lang, str(folder), as_json=as_json))
    if counts and not as_json and not any(x.code == "PRV031" for x in proof.findings):
        _tell_no_ceiling(proof, line)
    raise typer.Exit(PROBLEMS if worst(proof.findings) else DONE)


def _tell_no_ceiling(proof: Proof, line: str) -> None:
    """Say why there is no ceiling for the staff that was named: which figures have no range."""
    from guanhu.rulebook.prove.bounds import top_lines, unranged

    for name in top_lines(proof, line):
        lacking = unranged(proof, name)
        title = proof.rulebook.titled(name)
        if lacking:
            SHELL.say("no_ceiling", line=title, names=SHELL.listed(lacking))
        elif lacking is None:
            SHELL.say("no_ceiling_of_others", line=title)


def _staff(staff: list[str]) -> dict[str, int]:
    """Return how many there are of each group or choice."""
    found: dict[str, int] = {}
    for part in staff:
        name, equals, count = part.partition("=")
        if not equals or not count.isdigit() or name in found:
            raise SHELL.wrong_use(say("staff_form", SHELL.lang, part=part))
        found[name] = int(count)
    return found


def _planted(folder: Path, *, as_json: bool) -> int:
    """Prove every planted rulebook of a folder and print which defects were found."""
    from guanhu.rulebook.prove.planted import planted_in, tried

    if not folder.is_dir():
        raise SHELL.wrong_use(say("no_planted", SHELL.lang, path=folder))
    found = [tried(each) for each in planted_in(folder)]
    rows = [
        (
            x.holds if as_json else "✓" if x.holds else "✗",
            x.name,
            " ".join(x.wanted),
            " ".join(x.found),
            x.undecided,
            x.seconds,
            x.says,
        )
        for x in found
    ]
    SHELL.table(
        ["成立" if as_json else "", "办法", "埋下", "找到", "未判定", "秒", "说明"], rows, as_json=as_json
    )
    good = sum(x.holds for x in found)
    if not as_json:
        SHELL.say("planted", good=good, of=len(found))
    return DONE if found and good == len(found) else PROBLEMS


def diff(
    one: Annotated[Path, typer.Argument(metavar="A", help="旧办法 / the old rulebook")],
    other: Annotated[Path, typer.Argument(metavar="B", help="新办法 / the new one")],
    line: OneLine = "",
    as_json: AsJson = False,
) -> None:
    """证明两版办法相等, 或指出哪些人不同、谁多得 / prove two versions equal, or show where they differ and who gains."""
    from guanhu.rulebook.load.folder import load
    from guanhu.rulebook.prove.difference import compared, told

    books = []
    for folder in (one, other):
        rulebook, problems = load(folder)
        if rulebook is None:
            SHELL.problems(problems, as_json=as_json)
            raise typer.Exit(exit_of(problems))
        books.append(rulebook)
    if line and not any(line in book.lines or line in book.decisions for book in books):
        raise SHELL.wrong_use(say("no_line", SHELL.lang, line=line))
    result = compared(books[0], books[1], line)
    if as_json:
        typer.echo(json.dumps([d.record() for d in result], ensure_ascii=False, indent=1))
    else:
        typer.echo(told(result, SHELL.lang, (str(one), str(other))))
    raise typer.Exit(DONE if all(d.state == "equal" for d in result) else PROBLEMS)
