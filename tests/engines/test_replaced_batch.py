"""A batch that was deleted by hand and replaced is told: by the batch after it, or by the runs that read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from guanhu.appraisal.published import publish
from guanhu.appraisal.running import run_rulebook
from guanhu.appraisal.runs import RunFolder
from guanhu.facts.store import Bank
from guanhu.values.problem import Refused
from tests.engines.agreement.running import make_engine, write_rulebook
from tests.engines.test_difference import PERIOD, World, handed_over, raised
from tests.engines.test_runs import guanhu
from tests.engines.test_whatif import RULES

LAST = "batches/0002"
PATCH = "changes: {lines.part.most: 100元}\n"


def replaced(world: World) -> None:
    """Delete the last batch by hand and import other facts in its place."""
    shutil.rmtree(world.bank.path / LAST)
    world.again({"balances": raised})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a bank whose last batch was replaced after a run that read it."""
    found = World(tmp_path_factory.mktemp("world"))
    found.run()
    replaced(found)
    return found


def only_run(world: World) -> RunFolder:
    (path,) = (p for p in (world.bank.path / "runs").iterdir() if not p.name.startswith("."))
    return RunFolder(path)


@pytest.mark.parametrize(
    "command",
    [
        ("explain", "RUN", "E00003"),
        ("statement", "RUN", "E00003", "--out", "OUT.html"),
        ("export", "RUN", "--out", "OUT.xlsx"),
        ("publish", "RUN"),
        ("replay", "RUN"),
        ("difference", "RUN", "RUN"),
        ("whatif", "--run", "RUN", "--patch", "PATCH", "--out", "OUT.html"),
        ("run", "--bank", "BANK", "--rulebook", "RULES", "--period", PERIOD, "--since", "RUN"),
    ],
    ids=lambda command: command[0],
)
def test_whatever_reads_the_run_refuses(world: World, command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "PATCH").write_text(PATCH, "utf-8")
    rules = write_rulebook(tmp_path / "rules", RULES)
    run = only_run(world)
    places = {"RUN": run.path, "BANK": world.bank.path, "RULES": rules}
    words = [
        str(places[word]) if word in places else str(tmp_path / word) if word[:3] in ("OUT", "PAT") else word
        for word in command
    ]
    told = guanhu("--lang", "en", *words, wanted=1)
    assert f"{run.path.name}: RUN055: batches 1 to 2 of the bank are not those that this run read" in told
    assert "hint: restore the folders of the batches" in told
    assert not list(tmp_path.glob("OUT*"))


def test_import_and_list_tell_of_the_run(world: World, tmp_path: Path) -> None:
    assert "RUN055" in guanhu("facts", "list", "--bank", world.bank.path)
    own = tmp_path / "bank"
    shutil.copytree(world.bank.path, own)
    assert "RUN055" in guanhu("facts", "import", world.quarters()[-1], "--bank", own)
    shutil.rmtree(own / LAST)
    shutil.rmtree(own / "batches/0003")
    assert "FAC083" in guanhu("facts", "list", "--bank", own)


def test_a_bank_that_only_grew_tells_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    run = world.run()
    world.again({"balances": raised})
    assert "RUN" not in guanhu("facts", "list", "--bank", world.bank.path)
    assert "相同" in guanhu("replay", run.path)


def test_a_run_over_published_ones_whose_batch_is_gone_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    publish(world.bank.path, world.run())
    replaced(world)
    rules = write_rulebook(tmp_path / "rules-again", RULES)
    ran = run_rulebook(make_engine, world.bank, rules, PERIOD)
    (told,) = [problem for problem in ran.problems if problem.code == "RUN055"]
    assert told.severity == "warning"


def test_a_replaced_batch_is_told_by_the_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    replaced_copy = tmp_path / "kept"
    shutil.copytree(world.bank.path / LAST, replaced_copy)
    replaced(world)
    world.again({"assignments": handed_over})
    assert [batch.number for batch in world.bank.batches()] == [1, 2, 3]
    shutil.rmtree(world.bank.path / LAST)
    replaced_copy.rename(world.bank.path / LAST)
    with pytest.raises(Refused) as refused:
        world.bank.view()
    (problem,) = refused.value.problems
    assert problem.text("en").startswith(
        "batches/0002/manifest.json: FAC091: batch 2 is not the one after which batch 3 was imported"
    )


def test_an_edited_manifest_is_told_by_the_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    path = world.bank.path / "batches/0001/manifest.json"
    path.write_text(path.read_text("utf-8").replace('"note": ""', '"note": "later"'), "utf-8")
    with pytest.raises(Refused, match="FAC091"):
        world.bank.batches()


def test_batches_of_an_earlier_version_open_and_are_followed(tmp_path: Path) -> None:
    world = World(tmp_path)
    for path in sorted(world.bank.path.glob("batches/*/manifest.json")):
        plain = json.loads(path.read_text("utf-8"))
        del plain["before"]
        path.write_text(json.dumps(plain), "utf-8")
    world.again({"balances": raised})
    first, second, third = Bank(world.bank.path).batches()
    assert (first.before_sha256, second.before_sha256) == ("", "")
    assert third.before_sha256 == second.manifest_sha256
