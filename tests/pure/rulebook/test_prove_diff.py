"""Two versions are proved equal, or it is shown where they differ and who gains."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from guanhu.cli.main import app
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.prove.difference import Difference, compared, told

OLD = """\
rulebook: v
name: 两版
calendar: {every: quarter}
who: {managers: {clause: 一, is: post = 客户经理}}
words: {岗位: {of: post, are: [客户经理]}}
tables:
  rate: {clause: 二, by: [done], gives: {rate: ratio}, rows: [[">= 100%", 3%], ["[60%, 100%)", 2%], ["< 60%", 1%]]}
measures:
  done: {clause: 三, item: 完成率, unit: ratio, range: "[0, 300%]", better: more}
  fees: {clause: 三, item: 收入, unit: money, range: "[0, 100万元]", better: more}
lines:
  pay: {name: 计酬, clause: 四, pay: fees * rate}
  flat: {name: 津贴, clause: 五, pay: "min(fees * 1%, 500元)"}
checks:
  low: {name: 不足, clause: 六, when: done < 60%, says: 不足六成}
"""


def differences(new: str, line: str = "") -> dict[str, Difference]:
    books = [load_string(text)[0] for text in (OLD, new)]
    assert all(books)
    return {d.line: d for d in compared(books[0], books[1], line)}  # type: ignore[arg-type]


def test_what_is_written_otherwise_and_means_the_same_is_equal() -> None:
    new = OLD.replace('"min(fees * 1%, 500元)"', '"if(fees >= 50000元, 500元, fees / 100)"')
    new = new.replace("when: done < 60%", "when: not (done >= 60%)").replace("fees * rate", "rate * fees")
    assert {d.state for d in differences(new).values()} == {"equal"}


def test_a_moved_edge_is_shown_with_its_exact_region() -> None:
    found = differences(OLD.replace("[60%, 100%)", "[50%, 100%)").replace('< 60%", 1%', '< 50%", 1%'))
    assert {n: d.state for n, d in found.items()} == {"pay": "differs", "flat": "equal", "low": "equal"}
    pay = found["pay"]
    assert [(r.figure, r.low, r.high, r.gains) for r in pay.regions] == [("done", "50%", "59.99%", "more")]
    assert (pay.gains, pay.exact) == ("more", True)


def test_who_loses_is_told() -> None:
    found = differences(OLD.replace("500元", "400元"))["flat"]
    assert [(r.low, r.high, r.gains) for r in found.regions] == [("40000.5 元", "", "less")]
    assert (found.gains, found.exact) == ("less", True)
    text = told([found], "zh")
    assert "新办法少得" in text
    assert "以外证明相等" in text


def test_a_check_that_turns_is_a_difference() -> None:
    found = differences(OLD.replace("when: done < 60%", "when: done <= 60%"))["low"]
    assert (found.before, found.after) == ("否", "是")
    assert [(r.low, r.high) for r in found.regions] == [("60%", "60%")]


def test_a_line_of_one_version_only_is_told() -> None:
    found = differences(OLD.replace("  flat:", "  other:"))
    assert {n: (d.state, d.side) for n, d in found.items() if d.state == "only"} == {
        "flat": ("only", "old"),
        "other": ("only", "new"),
    }


def test_where_the_sign_changes_again_and_again_nothing_is_claimed() -> None:
    """A round figure is more than the exact one for 0.50 yuan, less for 0.40, and so on without end."""
    found = differences(OLD.replace("pay: fees * rate", 'pay: "round(fees * rate, 0)"'), "pay")["pay"]
    fees = [(r.low, r.high, r.gains) for r in found.regions if r.figure == "fees"]
    assert fees == [("", "", "mixed")]
    assert "里面时多时少" in told([found], "zh")


def test_a_change_of_sign_between_the_edges_is_found() -> None:
    """4 (done − 1.5)(done − 2.5) % more: less between 150% and 250%, where no number of either formula stands."""
    more = "pay: fees * rate + fees * done * done * 4% - fees * done * 16% + fees * 15%"
    found = differences(OLD.replace("pay: fees * rate", more), "pay")["pay"]
    done = [(r.low, r.high, r.gains) for r in found.regions if r.figure == "done"]
    assert done == [("", "149.99%", "more"), ("150.01%", "249.99%", "less"), ("250.01%", "", "more")]


def test_exit_codes(tmp_path: Path) -> None:
    for name, text in (("a", OLD), ("b", OLD.replace("500元", "400元"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rulebook.yaml").write_text(text, "utf-8")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert CliRunner().invoke(app, ["rulebook", "diff", a, a]).exit_code == 0
    shown = CliRunner().invoke(app, ["rulebook", "diff", a, b])
    assert shown.exit_code == 1
    assert f"guanhu rulebook try {a} --line flat" in shown.stdout
    assert f"guanhu rulebook try {b} --line flat" in shown.stdout
    assert CliRunner().invoke(app, ["rulebook", "diff", a, b, "--line", "low"]).exit_code == 0
    assert CliRunner().invoke(app, ["rulebook", "diff", a, b, "--line", "no"]).exit_code == 2
    assert CliRunner().invoke(app, ["rulebook", "diff", a, b, "--json"]).stdout.startswith("[")
