"""Every construct has met every situation in which it has a sense; `docs/agreement.md` shows the table."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from guanhu.rulebook.load.folder import load_string
from tests.engines.agreement.coverage import (
    SENSELESS,
    Marks,
    Situation,
    counted,
    document,
    empty_cells,
    marks_of,
)
from tests.engines.agreement.fixed import PERIOD, TOPICS, fixed_world
from tests.engines.agreement.mutants import MUTANTS
from tests.engines.agreement.running import compare, write_rulebook

PAGE = Path(__file__).resolve().parents[3] / "docs" / "agreement.md"
HEAD = f"""# How run and explain are held to agree

A rulebook is read twice: *run* compiles it to SQL for everybody at once, *explain* evaluates it for one subject with exact fractions. They share no code.
`tests/engines/agreement` compares them on every figure of every subject:

- **Generated pairs.** A small bank and a rulebook are drawn from a number; `GUANHU_AGREEMENT=500 make test ARGS="-k test_pair"` tries five hundred.
- **All of these, wider.** `make soak` tries some fourteen hundred generated cases: pairs, late facts, patches, histories; about an hour.
- **Formulas by themselves.** A thousand random formulas over rows of nothing, zero, edges and extremes.
- **Planted errors.** {len(MUTANTS)} errors in the compiler, each caught by a figure of a fixed bank.
- **Histories of pay that waits.** People who leave, move and return, months published one after the other, facts that come late: every movement of every lot, and
  granted = paid + waiting + forfeited + clawed back on every day; `GUANHU_LOTS=100` tries a hundred. Eight planted errors are caught.
- **Histories of pay that waits row by row.** Fees and refunds with shares, moves and late changes: the lots of an instance are its line to the fen, and each is less than
  a fen from its row's part. Of loans and events: what the bank's own rows say on the month's last day decides what is paid and what is lost. Eight planted errors are caught.
- **Histories of pay that is rated again.** Rows at a tier foreseen, marks and fees that come late, people who move and leave: after a quarter the lots of each of its months are the
  line of the tier really reached, to the fen. Seven planted errors are caught.
- **What was found before** stands in `test_found.py` as the smallest rulebook that showed it.

The table is read off the evaluator's traces on the fixed bank: *met* says that the construct was evaluated there in that situation and gave what the run kept.
A cell that has no sense names why.

"""


def test_no_cell_is_empty(tmp_path: Path, golden: Callable[[Path, str], None]) -> None:
    bank = fixed_world().bank(tmp_path)
    marks: Marks = Counter()
    figures = 0
    for topic, text in TOPICS.items():
        compared = compare(bank, write_rulebook(tmp_path / topic, text), PERIOD)
        assert compared.found == []
        assert compared.unread == []
        figures += compared.figures
        rulebook, _ = load_string(text)
        assert rulebook is not None
        for traces in compared.traces.values():
            marks += marks_of(traces, rulebook)
    print(f"{figures} figures compared\n{counted(marks)}")
    assert empty_cells(marks) == []
    golden(PAGE, HEAD + document(marks))


def test_an_empty_cell_is_told() -> None:
    assert ("comparison", Situation.AT.value) in empty_cells(Counter())
    assert len(empty_cells(Counter())) == sum(len(Situation) - len(without) for without in SENSELESS.values())
