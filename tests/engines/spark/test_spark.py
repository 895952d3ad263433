"""Spark gives the figures that DuckDB gives: the digest of a run is over every figure of every subject.

`GUANHU_SPARK=40` tries so many generated pairs. With `FEW` rows at home the facts and what is made of them are away and
the cards of persons come home, as in a bank; with none, every statement is executed by Spark.
"""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from guanhu.appraisal.engine import Engine
from guanhu.appraisal.replay import replayed
from guanhu.appraisal.running import EngineMaker, run_rulebook
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.store import Bank
from guanhu.rulebook.load.folder import load_string
from guanhu.values.problem import Refused
from tests.engines.agreement.fixed import PERIOD, TOPICS, fixed_world
from tests.engines.agreement.rulebooks import make_rulebook
from tests.engines.agreement.running import write_rulebook
from tests.engines.agreement.test_agreement import PERIODS
from tests.engines.agreement.test_wide import text_of as wide_text
from tests.engines.agreement.world import make_world
from tests.engines.test_industrial_oil import RULEBOOK as OIL, oil_bank
from tests.engines.test_shipped_rulebooks import PERIODS as SHIPPED, ROOT
from tests.invented import invented_bank

PAIRS = int(os.environ.get("GUANHU_SPARK", "4"))
FEW, SOME = 20, 1500
PROJECT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.filterwarnings("ignore")
duckdb = partial(DuckDBEngine, threads=1)


def on_spark(session: Any, home_rows: int) -> EngineMaker:
    """Return what makes an engine on a session."""
    from guanhu.engines.spark import SparkEngine

    def make() -> Engine:
        return SparkEngine(session, home_rows=home_rows, threads=1)

    return make


def digest(make: EngineMaker, bank: Bank, rulebook: Path, period: str) -> str:
    """Return the digest of a run, which is then taken away."""
    try:
        run = run_rulebook(make, bank, rulebook, period).folder
    except Refused as refused:
        return "refused: " + ", ".join(sorted(p.code for p in refused.problems))
    found = str(run.record["digest"])
    shutil.rmtree(run.path)
    return found


def test_every_construct(spark: Any, tmp_path: Path) -> None:
    bank = fixed_world().bank(tmp_path)
    for topic, text in TOPICS.items():
        rulebook = write_rulebook(tmp_path / topic, text)
        assert digest(on_spark(spark, FEW), bank, rulebook, PERIOD) == digest(duckdb, bank, rulebook, PERIOD)


def test_a_run_is_repeated_on_the_other_engine(spark: Any, tmp_path: Path) -> None:
    """Whatever made it: a run that outgrew one machine is repeated where it was made."""
    bank, rulebook = (
        fixed_world().bank(tmp_path),
        write_rulebook(tmp_path / "rules", next(iter(TOPICS.values()))),
    )
    for make, other in ((duckdb, on_spark(spark, FEW)), (on_spark(spark, FEW), duckdb)):
        run = run_rulebook(make, bank, rulebook, PERIOD).folder
        assert replayed(other, bank, run).is_same
        shutil.rmtree(run.path)


def test_what_is_too_wide_for_an_engine(spark: Any, tmp_path: Path) -> None:
    bank, rulebook = fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", wide_text("by days"))
    wanted = digest(duckdb, bank, rulebook, PERIOD)
    assert not wanted.startswith("refused")
    assert digest(on_spark(spark, FEW), bank, rulebook, PERIOD) == wanted


@pytest.mark.parametrize("pair", range(PAIRS))
def test_pair(spark: Any, pair: int, tmp_path: Path) -> None:
    world = make_world(pair)
    text = make_rulebook(pair, world.amounts())
    assert load_string(text)[0] is not None or pair >= 4
    bank, rulebook = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    period = "2025Q1" if '"every": "month"' not in text else PERIODS[pair % len(PERIODS)]
    rows = 0 if pair == 1 else FEW
    assert digest(on_spark(spark, rows), bank, rulebook, period) == digest(duckdb, bank, rulebook, period)


@pytest.mark.usefixtures("spark")
def test_executor_killed_at_its_task(tmp_path: Path) -> None:
    """The lost task is done again elsewhere, and the run ends with the same figures."""
    world = make_world(3)
    rulebook = write_rulebook(tmp_path / "rules", make_rulebook(3, world.amounts()))
    bank = world.bank(tmp_path)
    whole = digest(duckdb, bank, rulebook, "2025Q1")
    call = [sys.executable, "-m", "tests.engines.spark.killed", str(bank.path), str(rulebook), "2025Q1"]
    told = subprocess.run(call, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=600)
    assert told.stdout.split() == ["1", whole]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return invented_bank(tmp_path_factory.mktemp("spark"), accounts=500, managers=20)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_rulebook(spark: Any, bank: Bank, name: str) -> None:
    period = "2025Q4" if name != "huangshi" else "2025"
    found = digest(on_spark(spark, SOME), bank, ROOT / name, period)
    assert found == digest(duckdb, bank, ROOT / name, period)


def test_shipped_rulebook_over_facts_of_its_own(spark: Any, tmp_path: Path) -> None:
    bank = oil_bank(tmp_path)
    assert digest(on_spark(spark, FEW), bank, OIL, "2025Q1") == digest(duckdb, bank, OIL, "2025Q1")
