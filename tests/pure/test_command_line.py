"""Wrong use is told in the language of the call, help is whole, and what is printed as JSON is JSON alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guanhu.bank.generate import generate
from guanhu.cli.main import app
from guanhu.cli.shell import progress_name
from guanhu.cli.starter import write_starter

# What is typed → what is said in Chinese, in English; the exit code is always 2.
WRONG_USE = [
    (["run"], "缺少选项 '--rulebook'", "Missing option '--rulebook'."),
    (["statement", "a", "b"], "缺少选项 '--out'", "Missing option '--out'."),
    (["run", "--foo"], "没有选项 --foo", "No such option: --foo"),
    (
        ["run", "--perio", "x"],
        "没有选项 --perio, 相近的有 --period",
        "No such option: --perio (Possible options: --period)",
    ),
    (["runs"], "没有命令 'runs', 相近的有 'run'", "No such command 'runs'. Did you mean 'run'?"),
    (["facts", "wipe"], "没有命令 'wipe'", "No such command 'wipe'."),
    (["explain", "a", "b", "c"], "多出的参数: c", "Got unexpected extra argument(s) (c)"),
    (["run", "--rulebook"], "选项 '--rulebook' 后面要写内容", "Option '--rulebook' requires an argument."),
    (["replay"], "缺少参数 'RUN'", "Missing argument 'RUN'."),
    (
        ["bank", "generate", "--accounts", "many", "--out", "x"],
        "'--accounts' 写的不是整数",
        "Invalid value for '--accounts': Input should be a valid integer, unable to parse string as an integer",
    ),
]


@pytest.mark.parametrize(("typed", "zh", "en"), WRONG_USE, ids=[" ".join(row[0]) for row in WRONG_USE])
def test_wrong_use_is_told_in_the_language_of_the_call(typed: list[str], zh: str, en: str) -> None:
    for words, said, usage in ((typed, zh, "用法: "), (["--lang", "en", *typed], en, "Usage: ")):
        found = subprocess.run(
            [sys.executable, "-m", "guanhu.cli.main", *words], capture_output=True, text=True, check=False
        )
        assert found.returncode == 2
        lines = found.stderr.splitlines()
        assert lines[-1] == said
        assert len(lines) == 1 or lines[0].startswith(usage)
        assert found.stdout == ""


@pytest.mark.parametrize(
    "group", [[], ["rulebook"], ["facts"], ["bank"]], ids=["guanhu", "rulebook", "facts", "bank"]
)
def test_no_sentence_of_the_help_is_cut(group: list[str]) -> None:
    told = CliRunner().invoke(app, [*group, "--help"])
    assert told.exit_code == 0
    assert "..." not in told.stdout.replace("[ARGS]...", "")
    assert "…" not in told.stdout


def test_a_group_without_a_command_shows_its_help() -> None:
    told = CliRunner().invoke(app, ["facts"])
    assert told.exit_code == 2
    assert "template" in told.stderr


def test_every_step_of_progress_has_a_chinese_name() -> None:
    """The steps are those that import and run hand over, written in the code as text."""
    steps = [
        "freeze",
        "seal",
        "rename",
        "write index",
        "write run.json",
        "read balances",
        "check loan_states",
    ]
    steps += [
        f"write {path}" for path in ("people", "lines", "measures", "decisions", "left_out", "reconcile")
    ]
    for name in steps:
        said = progress_name(name, "zh")
        assert not any("a" <= letter <= "z" for letter in said), said
        assert progress_name(name, "en") == name


def test_who_reads_no_further_makes_no_error(tmp_path: Path) -> None:
    write_starter(tmp_path / "book")
    command = f"{sys.executable} -m guanhu.cli.main rulebook check {tmp_path / 'book'} | true; echo ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert found.stdout == "0\n"
    assert found.stderr == ""


def test_a_folder_of_rulebooks_that_there_is_not(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["rulebook", "list", str(tmp_path / "none")])
    assert told.exit_code == 1
    assert "RUL001: 没有这个文件夹" in told.stderr
    assert json.loads(CliRunner().invoke(app, ["rulebook", "list", str(tmp_path), "--json"]).stdout) == []


def test_a_list_says_the_calendar_in_words_and_its_json_in_those_of_the_language(tmp_path: Path) -> None:
    write_starter(tmp_path / "book")
    assert "每季" in CliRunner().invoke(app, ["rulebook", "list", str(tmp_path)]).stdout
    (found,) = json.loads(CliRunner().invoke(app, ["rulebook", "list", str(tmp_path), "--json"]).stdout)
    assert found["周期"] == "quarter"


def test_an_import_prints_json_alone(tmp_path: Path) -> None:
    generate(tmp_path / "files", 500, 20, 1, 1)
    (folder,) = sorted((tmp_path / "files").iterdir())
    bank = ["--bank", str(tmp_path / "bank"), "--json"]
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "coverage.yaml").write_text((folder / "coverage.yaml").read_text("utf-8"), "utf-8")
    (bad / "staff.csv").write_text("person_id,name,hired_on\nE1,甲,2025-02-31\n", "utf-8")
    refused = CliRunner().invoke(app, ["facts", "import", str(bad), *bank])
    assert refused.exit_code == 1
    found = json.loads(refused.stdout)
    assert found["batch"] is None
    assert any(problem["code"] == "FAC032" for problem in found["problems"])
    taken = CliRunner().invoke(app, ["facts", "import", str(folder), *bank])
    assert taken.exit_code == 0, taken.output
    found = json.loads(taken.stdout)
    assert found["batch"] == 1
    assert found["rows"]["staff"] > 3


def test_no_key_of_json_is_empty(tmp_path: Path) -> None:
    write_starter(tmp_path)
    rows = json.loads(CliRunner().invoke(app, ["rulebook", "test", str(tmp_path), "--json"]).stdout)
    assert rows
    assert all(key for row in rows for key in row)
    assert all(row["成立"] is True for row in rows)


def test_a_line_is_tried_in_the_reading_that_is_asked_for(tmp_path: Path) -> None:
    write_starter(tmp_path)
    path = tmp_path / "rulebook.yaml"
    doubt = "    doubt: {name: 满分, says: 没有写满分, other: {most: 120}}\n    most: 100"
    path.write_text(path.read_text("utf-8").replace("    most: 100", doubt), "utf-8")
    words = [
        "rulebook",
        "try",
        str(tmp_path),
        "--line",
        "growth_points",
        "deposits=1000万元",
        "deposits_before=100万元",
    ]
    assert "最高 100" in CliRunner().invoke(app, words).stdout
    assert "最高 120" in CliRunner().invoke(app, [*words, "--reading", "满分=other"]).stdout
