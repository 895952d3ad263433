"""The shipped rulebooks on an invented bank: what the evaluator gives for everybody is what the run kept.

Each is run as it stands, and once more with the other reading of every doubt taken.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from guanhu.appraisal.agreement import differences
from guanhu.appraisal.opened import OpenRun
from guanhu.appraisal.running import loaded, run_rulebook
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.store import Bank
from guanhu.rulebook import tree as t
from tests.invented import invented_bank

ROOT = Path(__file__).resolve().parents[2] / "rulebooks"
PERIODS = {
    "huangshi": "2025",
    "changji": "2025H2",
    "cixi": "2025H2",
    "virtual-profit": "2025H2",
    "sound-pay": "2025",
}
ELSEWHERE = {"industrial-oil": "test_industrial_oil.py"}
"""What no bank could run, and where it runs on facts of its own, from both readings."""
EVERY_THIRD = 3
make_engine = partial(DuckDBEngine, threads=1)


def doubts_of(name: str) -> list[str]:
    """Return the doubts of a rulebook that have another reading."""
    book, _ = loaded(ROOT / name)
    sections = (
        book.groups,
        book.inputs,
        book.tables,
        book.measures,
        book.lines,
        book.decisions,
        book.ledgers,
        book.lots,
    )
    declared: list[t.Declaration] = [x for section in sections for x in section.values()]
    return list(dict.fromkeys(x.doubt.name for x in declared if x.doubt is not None and x.doubt.other))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return invented_bank(tmp_path_factory.mktemp("shipped"), accounts=500, managers=20)


def test_every_shipped_rulebook_is_held_to_it() -> None:
    assert {*PERIODS, *ELSEWHERE} == {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert all((Path(__file__).parent / name).is_file() for name in ELSEWHERE.values())


@pytest.mark.slow
@pytest.mark.parametrize("reading", ["first", "other"])
@pytest.mark.parametrize("name", PERIODS)
def test_both_readings_agree(name: str, reading: str, bank: Bank) -> None:
    taken = dict.fromkeys(doubts_of(name), "other") if reading == "other" else {}
    ran = run_rulebook(make_engine, bank, ROOT / name, PERIODS[name], readings=taken)
    opened = OpenRun(make_engine, bank, ran.folder)
    try:
        assert opened.rulebook.readings == taken
        everybody = list(opened.subjects())
        count, found = differences(opened, everybody[:: EVERY_THIRD if taken else 1])
    finally:
        opened.close()
    assert count > len(everybody)
    assert found == []
