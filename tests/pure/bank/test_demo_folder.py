"""The demo goes on with a bank that it would invent alike, makes another version's anew, and removes nothing but its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from guanhu.cli import demo, demo_folder
from guanhu.facts.store import Bank
from guanhu.values.problem import Refused

RUNS = "2025-huangshi"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a demo of one quarter, imported."""
    for name, value in (("ACCOUNTS", 500), ("MANAGERS", 20), ("QUARTERS", 1)):
        monkeypatch.setattr(demo, name, value)
    demo.ready(tmp_path, RUNS)
    demo.imported(tmp_path)
    return tmp_path


def of_another_version(root: Path) -> None:
    """Make the folder as the generator of another version would have left it."""
    (root / demo_folder.STAMP).write_text("0" * 64 + "\n", "utf-8")


def of_before_the_stamp(root: Path) -> None:
    """Make the folder as the first versions left it."""
    (root / demo_folder.STAMP).unlink()


def test_the_same_version_goes_on_with_its_bank(made: Path) -> None:
    before = (made / "bank/batches/0001/manifest.json").stat().st_mtime_ns
    demo.ready(made, RUNS)
    demo.imported(made)
    assert (made / "bank/batches/0001/manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("aged", [of_another_version, of_before_the_stamp])
def test_another_version_is_made_anew_and_says_so(
    made: Path, aged: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    first = Bank(made / "bank").batches()[0].imported_at
    run = made / "bank/runs" / f"{RUNS}-0123456789ab"
    (run / "rulebook/tables").mkdir(parents=True)
    for name in ("run.json", "lines.parquet", "rulebook/rulebook.yaml", "rulebook/tables/a.csv"):
        (run / name).touch()
    (made / "考核结果-2025.xlsx").touch()
    aged(made)
    demo.ready(made, RUNS)
    assert "别的版本编造的" in capsys.readouterr().err
    demo.imported(made)
    (batch,) = Bank(made / "bank").batches()
    assert batch.imported_at > first
    assert not run.exists()
    assert (made / "考核结果-2025.xlsx").exists()


@pytest.mark.parametrize(
    "foreign",
    [
        "facts/笔记.txt",
        "facts/2024Q4/accounts.xlsx",
        "facts/2024Q4/own/accounts.csv",
        "bank/published.jsonl",
        "bank/mapping.yaml",
        "bank/runs/2025Q3-changji-0123456789ab/run.json",
        "bank/runs/2025-huangshi-0123456789ab/notes.txt",
        "bank/batches/0002/manifest.json",
        "bank/batches/0001/own/a.parquet",
    ],
)
def test_what_is_not_its_own_is_not_removed(made: Path, foreign: str) -> None:
    path = made / foreign
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine", "utf-8")
    of_another_version(made)
    everything = sorted(made.rglob("*"))
    with pytest.raises(Refused) as refused:
        demo.ready(made, RUNS)
    (problem,) = refused.value.problems
    assert problem.code == "RUN072"
    assert foreign.split("/")[1] in problem.en
    assert problem.hint_en
    assert sorted(made.rglob("*")) == everything


def test_a_link_and_a_bank_of_another_name_are_not_its_own(made: Path) -> None:
    of_another_version(made)
    elsewhere = made.parent / f"{made.name}-elsewhere"
    (made / "facts").rename(elsewhere)
    (made / "facts").symlink_to(elsewhere)
    (made / "bank/bank.toml").write_text('format = 1\nname = "真银行"\n', "utf-8")
    with pytest.raises(Refused) as refused:
        demo.ready(made, RUNS)
    assert "bank/bank.toml, facts" in refused.value.problems[0].en
    assert any(elsewhere.iterdir())


def test_facts_that_were_cut_off_are_written_anew(made: Path) -> None:
    (made / "facts/.done").unlink()
    (quarter,) = (each for each in (made / "facts").iterdir() if each.is_dir())
    (quarter / "coverage.yaml").unlink()
    demo.ready(made, RUNS)
    demo.imported(made)
    assert (quarter / "coverage.yaml").exists()


def test_the_arguments_are_part_of_the_version() -> None:
    assert demo_folder.made_from(1, 2) != demo_folder.made_from(1, 3)
