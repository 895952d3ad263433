"""The ten commands of the README, typed one after the other in an empty folder, and what it says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TITLES = {"README.md": "## Ten commands", "README.zh-CN.md": "## 十条命令"}
BLOCK = re.compile(r"```\n(.*?)```", re.DOTALL)
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
def typed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, subprocess.CompletedProcess[str]]]:
    """Return each command with what came of it."""
    folder = tmp_path_factory.mktemp("readme")
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
