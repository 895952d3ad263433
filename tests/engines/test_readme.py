"""The ten commands of the README, typed one after the other in an empty folder, and what it says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.running import run_rulebook
from guanhu.cli import demo
from guanhu.cli.engines import duckdb_engine
from guanhu.facts.store import Bank

ROOT = Path(__file__).parents[2]
TITLES = {"README.md": "## Ten commands", "README.zh-CN.md": "## 十条命令"}
BLOCK = re.compile(r"```\n(.*?)```", re.DOTALL)
DEMO = {"README.md": "`make demo` ends like this:", "README.zh-CN.md": "`make demo` 最后显示:"}
LEFT_OUT = "…"
ACTIVATE = ". .venv/bin/activate"


def blocks(name: str) -> list[str]:
    """Return the blocks under the title of the ten commands: what to type, then what the third prints."""
    text = (ROOT / name).read_text("utf-8")
    return BLOCK.findall(text[text.index(TITLES[name]) :])[:2]


def commands(name: str) -> list[str]:
    """Return the commands without their remarks."""
    lines = [line.split("  #")[0].rstrip() for line in blocks(name)[0].splitlines()]
    return [line for line in lines if line and line != ACTIVATE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the commands are typed."""
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def typed(folder: Path) -> list[tuple[str, subprocess.CompletedProcess[str]]]:
    """Return each command with what came of it."""
    (folder / "rulebooks").symlink_to(ROOT / "rulebooks")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = []
    for command in commands("README.md"):
        found = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=folder,
            env={"PATH": path, "HOME": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        done.append((command, found))
    return done


def test_there_are_ten_and_the_same_in_both_languages() -> None:
    assert len(commands("README.md")) == 10
    assert commands("README.md") == commands("README.zh-CN.md")


def test_each_does_what_it_says(typed: list[tuple[str, subprocess.CompletedProcess[str]]]) -> None:
    failed = [f"{command}\n{done.stdout}{done.stderr}" for command, done in typed if done.returncode]
    assert failed == []
    assert not any("Traceback" in done.stderr for _, done in typed)


def test_the_third_prints_what_is_shown(typed: list[tuple[str, subprocess.CompletedProcess[str]]]) -> None:
    assert typed[2][1].stdout.strip() == blocks("README.md")[1].strip()


def demo_lines(name: str) -> list[str]:
    """Return what the README shows of the demo, line by line."""
    text = (ROOT / name).read_text("utf-8")
    return BLOCK.findall(text[text.index(DEMO[name]) :])[0].splitlines()


def form(line: str) -> str:
    """Return a line without its figures: numbers, ids, bars, the digest, the order in which blanks align."""
    line = re.sub(r"(摘要) [0-9a-f]{64}", r"\1 #", line)
    line = re.sub(r"E\d{5}|-?\d[\d,]*(\.\d+)?", "#", line)
    return re.sub(r"[ █]+", " ", line).rstrip()


def test_the_demo_is_shown_alike_in_both_languages() -> None:
    assert demo_lines("README.md") == demo_lines("README.zh-CN.md")


def test_the_demo_prints_lines_as_they_are_shown(
    folder: Path,
    typed: list[tuple[str, subprocess.CompletedProcess[str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The demo's own functions tell a small bank: what is shown is what they print, in that order, figures apart."""
    assert typed[-1][1].returncode == 0
    bank = Bank(folder / "small-bank")
    ran = run_rulebook(duckdb_engine, bank, ROOT / "rulebooks" / "huangshi", "2025")
    opened = OpenRun(duckdb_engine, bank, ran.folder)
    capsys.readouterr()
    demo.told_counts(ran.folder)
    demo.told_scores(opened)
    head = [form(line) for line in capsys.readouterr().out.splitlines()]
    managers = [who for who, kind in opened.subjects().items() if kind == "person"]
    for person in managers:
        demo.told_person(opened, person)
    cards = {form(line) for line in capsys.readouterr().out.splitlines()}
    demo.told_reconciliation(opened)
    tail = {form(line) for line in capsys.readouterr().out.splitlines()}
    opened.close()
    shown = demo_lines("README.md")
    assert shown[0] == demo.PRICES
    first = next(index for index, line in enumerate(shown) if line.startswith("◆"))
    # Those who are left out for other reasons in the small bank are as many lines.
    wanted = [LEFT_OUT if line.startswith("摘要") else line for line in head]
    assert [form(line) for line in shown[1:first]] == wanted
    rest = [line for line in shown[first:] if line.strip() != LEFT_OUT]
    assert [line for line in rest if form(line) not in cards | tail] == []
    assert any(line.startswith("        ") for line in rest)
    # What is left out is marked: the block shows no more lines than there are and ends where the demo does.
    assert shown[-1].strip() == LEFT_OUT
