"""What the evaluator gives is what the run kept, for everybody, in banks and rulebooks that nobody thought of.

`GUANHU_AGREEMENT=500` tries so many pairs; a pair is one number, so `-k "pair[17]"` is the same one again.
"""

import os
from pathlib import Path

import pytest

from guanhu.appraisal.running import run_rulebook
from guanhu.rulebook.instances import planned
from guanhu.rulebook.load.folder import load_string
from guanhu.values.dates import period_of
from tests.engines.agreement.rulebooks import make_rulebook
from tests.engines.agreement.running import Refused, compare, make_engine, write_rulebook
from tests.engines.agreement.world import make_world

PAIRS = int(os.environ.get("GUANHU_AGREEMENT", "40"))
PERIODS = ("2025Q1", "2025-02", "2024Q4", "2025-03")
TOO_WIDE = "RUN021"
REPEATED = 8
"""Each so many-th pair is run a second time: the same facts and rules give the same digest."""


def period_for(pair: int, text: str) -> str:
    """Return the period that a pair is run for; a month where some line is of each month."""
    rulebook, _ = load_string(text)
    asked = PERIODS[pair % len(PERIODS)]
    days = period_of(asked)
    is_fit = rulebook is not None and days is not None and planned(rulebook, days)
    return asked if '"every": "month"' in text and is_fit else "2025Q1"


@pytest.mark.parametrize("pair", range(PAIRS))
def test_pair(pair: int, tmp_path: Path) -> None:
    world = make_world(pair)
    text = make_rulebook(pair, world.amounts())
    if load_string(text)[0] is None:
        return  # Counted by `test_few_rulebooks_are_refused`.
    bank, rulebook = world.bank(tmp_path), write_rulebook(tmp_path / "rules", text)
    period = period_for(pair, text)
    try:
        compared = compare(bank, rulebook, period)
    except Refused as refused:
        if {problem.code for problem in refused.problems} == {TOO_WIDE}:
            return
        raise
    print(f"pair {pair}: {compared.figures} figures compared")
    assert compared.found == []
    assert compared.unread == []
    assert all(row[-1] == "yes" for row in compared.ran.outcome.reconciled)
    if pair % REPEATED == 0:
        again = run_rulebook(make_engine, bank, rulebook, period)
        assert again.folder.record["digest"] == compared.ran.folder.record["digest"]


def test_few_rulebooks_are_refused() -> None:
    """A generator that writes mostly nonsense would test the loader, not the readings."""
    refused = [
        number
        for number in range(100)
        if load_string(make_rulebook(number, make_world(number).amounts()))[0] is None
    ]
    assert len(refused) < 20
