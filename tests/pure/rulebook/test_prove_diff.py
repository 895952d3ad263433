"""Two versions are proved equal, or it is shown where they differ and who gains."""

from __future__ import annotations

from pathlib import Path

import pytest
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


# -- what differs beside the formulas --

KEPT = """\
rulebook: v
name: 两版
calendar: {every: month}
who: {managers: {clause: 一, is: post = 客户经理, spells: none}}
words: {岗位: {of: post, are: [客户经理, 大堂经理]}, 等级: {of: grade, are: [初级, 高级], ladder: yes}}
inputs: {price: {name: 单价, clause: 二, by: [grade], unit: ratio, allowed: "[0, 1%]"}}
tables:
  factor: {clause: 二, by: [product], gives: {factor: number}, rows: [[活期, 1], [定期, 0.6]], no_row: 0}
  rate: {clause: 二, by: [fees], gives: {rate: ratio}, how: marginal, rows: [["[0, 10万元]", 2%], ["> 10万元", 3%]]}
  each: {clause: 二, by: [cards], gives: {price: money}, how: per piece, rows: [["[1, 10]", 5元], ["> 10", 8元]]}
  marks: {clause: 二, by: [rating], gives: {prize: money}, rows: [[">= 60", 100元]], no_row: 0元}
measures:
  held: {name: 存款, clause: 三, from: balances, where: currency = CNY, each: balance * factor}
  fees: {name: 收入, clause: 三, like: 中间业务收入, range: "[0, 50万元]"}
  cards: {name: 卡数, clause: 三, item: 卡数, unit: count, range: "[1, 100]"}
  rating: {name: 评分, clause: 三, item: 评分, unit: points, range: "[0, 100]"}
lines:
  pay: {name: 计酬, clause: 四, pay: held * price}
  earned: {name: 提成, clause: 四, pay: rate}
  pieces: {name: 发卡奖, clause: 四, pay: each}
  prize: {name: 奖, clause: 四, pay: marks}
  waits: {name: 延期, clause: 五, unit: money, value: earned * 40%}
  paid: {name: 发放, clause: 五, pay: earned - waits + kept.released}
  before: {name: 上期计酬, clause: 四, unit: money, value: "previous(pay, 0元)"}
  mean: {name: 平均计酬, clause: 四, unit: money, value: average(pay among managers)}
checks:
  low: {name: 不足, clause: 六, when: rating < 60, says: 不足}
decisions:
  down: {name: 降级, clause: 六, when: streak(low) >= 3, sets: {grade: down}, says: 降级}
ledgers:
  kept: {name: 延期账, clause: 五, defers: waits, release: after 12 months}
"""

# What is changed, and what is then no longer equal: `beside` where formulas are the same, else `differs`.
BESIDE_CASES = [
    (
        "where: currency = CNY",
        "where: currency = USD",
        {"pay": "beside", "before": "beside", "mean": "beside"},
    ),
    ("[定期, 0.6]", "[定期, 0.5]", {"pay": "beside", "before": "beside", "mean": "beside"}),
    ('allowed: "[0, 1%]"', 'allowed: "[0, 2%]"', {"pay": "beside", "before": "beside", "mean": "beside"}),
    ("sets: {grade: down}", "sets: {合同: 解除}", {"down": "beside", "pay": "beside"}),
    ("streak(low) >= 3,", "streak(low) >= 3, in_force: at once,", {"down": "beside"}),
    ("rating < 60", "rating < 70", {"low": "differs", "down": "beside"}),
    ("after 12 months", "after 24 months", {"kept": "beside", "paid": "beside"}),
    ("earned * 40%", "earned * 30%", {"waits": "differs", "paid": "differs", "kept": "beside"}),
    ("no_row: 0元", "no_row: 10元", {"prize": "differs"}),
    ("how: per piece,", "how: whole,", {"pieces": "differs"}),
    ("spells: none", "spells: by days", {"prize": "beside", "low": "beside"}),
    ("is: post = 客户经理", 'is: "post in (客户经理, 大堂经理)"', {"prize": "beside", "mean": "beside"}),
    ("every: month", "every: quarter", {"prize": "beside", "down": "beside"}),
    ("held * price", "held * price * 2", {"pay": "differs", "before": "beside", "mean": "beside"}),
]


@pytest.mark.parametrize(("old", "new", "wanted"), BESIDE_CASES, ids=[new for _, new, _ in BESIDE_CASES])
def test_nothing_is_equal_that_stands_on_something_else(old: str, new: str, wanted: dict[str, str]) -> None:
    books = [load_string(text)[0] for text in (KEPT, KEPT.replace(old, new))]
    assert all(books), new
    found = {d.line: d for d in compared(books[0], books[1])}  # type: ignore[arg-type]
    assert {name: found[name].state for name in wanted} == wanted
    assert all(d.beside for d in found.values() if d.state == "beside")
    text = told(list(found.values()), "en")
    assert "what differs stands beside it" in text or "not kept alike" in text or "differs" in str(wanted)


def test_one_line_alone_is_told_from_what_it_reads_of_others() -> None:
    books = [load_string(text)[0] for text in (KEPT, KEPT.replace("held * price", "held * price * 2"))]
    (found,) = compared(books[0], books[1], "mean")  # type: ignore[arg-type]
    assert (found.state, [x.en for x in found.beside]) == ("beside", ["计酬 of the others differs"])


def test_a_name_that_a_table_gives_is_compared() -> None:
    old = KEPT.replace("  prize:", "  mark: {clause: 四, value: grades}\n  prize:").replace(
        "  marks:",
        '  grades: {clause: 二, by: [rating], gives: {级: grade}, rows: [[">= 90", 高级], ["< 90", 初级]]}\n  marks:',
    )
    turned = old.replace('[[">= 90", 高级], ["< 90", 初级]]', '[["< 90", 初级], [">= 90", 高级]]')
    moved = old.replace('[[">= 90", 高级], ["< 90", 初级]]', '[[">= 80", 高级], ["< 80", 初级]]')
    for new, state in ((turned, "equal"), (moved, "differs")):
        books = [load_string(text)[0] for text in (old, new)]
        assert all(books)
        assert compared(books[0], books[1], "mark")[0].state == state  # type: ignore[arg-type]


def test_a_wider_range_of_the_new_version_is_looked_into() -> None:
    """Above 10 million the new cap bites: the old version expected no such figure, the new one does."""
    old = OLD.replace("pay: fees * rate", "pay: fees * 1%")
    new = OLD.replace("pay: fees * rate", 'pay: "min(fees * 1%, 1万元)"').replace("100万元", "1亿元")
    books = [load_string(text)[0] for text in (old, new)]
    (found,) = compared(books[0], books[1], "pay")  # type: ignore[arg-type]
    assert (found.state, [(r.low, r.high) for r in found.regions]) == ("differs", [("1000000.5 元", "")])
