"""Pay that waits in lots: run and explain agree on every movement, and to the fen nothing is lost or made.

`GUANHU_LOTS=100` tries so many histories; a history is one number.
"""

from __future__ import annotations

import os
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.lots import Moved
from tests.engines.agreement.lot_histories import Drawn, LotStory, hold_at_each_date, ledger_of, text_of
from tests.engines.agreement.running import Compared

HISTORIES = int(os.environ.get("GUANHU_LOTS", "12"))


@pytest.mark.parametrize("history", range(HISTORIES))
def test_history(history: int, tmp_path: Path) -> None:
    drawn = Drawn(history)
    text = text_of(ledger_of(drawn.draw), drawn.draw.choice(["by days", "none"]))
    assert load_string(text)[1] == []
    story = LotStory(tmp_path, drawn.world, text)
    met: set[str] = set()
    for period in ("2025Q1", "2025-01-01..2025-05-31", "2025-04-01..2025-07-31"):
        compared, rows = story.run(period)
        hold_at_each_date(rows)
        hold_lines_to_movements(compared, rows)
        met.update(f"{x.kind} {x.origin}" for x in rows)
        drawn.late()
        story.facts(drawn.world)
    print(f"history {history}: {', '.join(sorted(met))}")


def hold_lines_to_movements(compared: Compared, rows: list[Moved]) -> None:
    """Hold what a line shows as gone to be what was moved of the lots in its instance."""
    lost: Counter[tuple[str, str]] = Counter()
    for x in rows:
        if x.kind in ("forfeited", "clawed_back", "recovered"):
            lost[x.subject_id, f"{x.of.start:%Y-%m}"] += x.fen if x.origin == "own" else 0
    for subject, traces in compared.traces.items():
        for trace in traces:
            value = trace.whole["gone"]
            if not trace.published and isinstance(value, Fraction):
                assert value * 100 == lost[subject, trace.instance.key]
