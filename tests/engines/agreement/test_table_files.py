"""A table in a file gives what its rows in the text give, in both readings; the run keeps the file."""

from __future__ import annotations

from pathlib import Path

from guanhu.appraisal.running import run_rulebook
from guanhu.rulebook.explain.subject import SubjectTrace
from tests.engines.agreement.fixed import PERIOD, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, make_engine, opened, write_rulebook

TABLE = (
    "product,stock,rate,bonus\n活期,< 5000,1.5%,1元\n活期,>= 5000,4‰,2.5元\n定期 | 通知,any,0.1,stock * 1%\n"
)
ROWS = [
    ["活期", "< 5000", "1.5%", "1元"],
    ["活期", ">= 5000", "4‰", "2.5元"],
    ["定期 | 通知", "any", "0.1", "stock * 1%"],
]
MEASURES = {
    "stock": {"from": "balances", "per": "account"},
    "effect": {"from": "balances", "each": "balance * prices.rate"},
}


def figures_of(traces: dict[str, list[SubjectTrace]]) -> list[tuple[str, str, object]]:
    """Return what each subject got."""
    return [(name, x.instance.key, x.whole) for name, own in traces.items() for x in own]


def text_with(rows: object) -> str:
    table = {"by": ["product", "stock"], "gives": {"rate": "ratio", "bonus": "money"}, "rows": rows}
    table["no_row"] = "0"
    lines = {"pay": {"pay": "effect"}}
    return rulebook_text("quarter", "by days", lines, measures=MEASURES, tables={"prices": table})


def test_a_table_file_gives_what_its_rows_would(tmp_path: Path) -> None:
    bank = fixed_world().bank(tmp_path)
    plain = compare(bank, write_rulebook(tmp_path / "plain", text_with(ROWS)), PERIOD)
    folder = write_rulebook(tmp_path / "filed", text_with({"file": "价目.csv"}))
    (folder / "价目.csv").write_bytes(TABLE.encode("gbk"))
    filed = compare(bank, folder, PERIOD)
    assert plain.found == filed.found == []
    assert filed.figures > 0
    assert figures_of(plain.traces) == figures_of(filed.traces)


def test_the_run_keeps_the_file_and_is_another_when_it_changes(tmp_path: Path) -> None:
    bank = fixed_world().bank(tmp_path)
    folder = write_rulebook(tmp_path / "filed", text_with({"file": "价目.csv"}))
    (folder / "价目.csv").write_bytes(TABLE.encode("gbk"))
    ran = run_rulebook(make_engine, bank, folder, PERIOD)
    assert (ran.folder.rulebook_folder / "价目.csv").read_bytes() == TABLE.encode("gbk")
    (folder / "价目.csv").write_text(TABLE.replace("4‰", "5‰").replace("0.1", "0.2"), "utf-8")
    other = run_rulebook(make_engine, bank, folder, PERIOD)
    assert other.folder.path != ran.folder.path
    with opened(bank, ran) as kept, opened(bank, other) as changed:
        assert kept.rulebook.digest != changed.rulebook.digest
        figures = [run.explain("p2")[-1].whole["pay"] for run in (kept, changed)]
        assert figures[0] != figures[1]
