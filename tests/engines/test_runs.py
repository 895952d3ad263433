"""Runs from the command line: kept whole or not at all, repeatable, published once, refused with a remedy."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from guanhu.appraisal.runs import RunFolder, seal_of
from guanhu.bank.generate import generate
from guanhu.cli.runs import moment_of
from guanhu.values.problem import Refused

RULES = """\
rulebook: trial
name: 试行办法
calendar: {every: month}
who: {clause: 第一条, is: post = 客户经理}
words:
  posts: {of: post, are: [客户经理]}
  grades: {of: grade, are: [初级, 中级, 高级], ladder: yes}
measures:
  deposits: {name: 存款日均, clause: 第二条, from: balances}
lines:
  score: {name: 得分, clause: 第二条, score: "steps(deposits / 1万元, 1, completed)", most: 100, least: 0}
  carried: {name: 上月得分, clause: 第三条, value: "previous(score, 0)"}
  pay: {name: 绩效, clause: 第四条, pay: deposits * 1‰, least: 0}
checks:
  low: {name: 偏低, clause: 第五条, when: score < 30, says: 得分偏低}
decisions:
  down: {name: 降级, clause: 第五条, when: streak(low) >= 2, sets: {grade: down}, says: 连续两月偏低}
"""


def guanhu(*words: str | Path, wanted: int = 0) -> str:
    """Call the command line in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "guanhu.cli.main", "--quiet", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == wanted, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    generate(folder / "files", 500, 20, 2, 5)
    for quarter in sorted((folder / "files").iterdir()):
        guanhu("facts", "import", quarter, "--bank", folder / "bank")
    return folder / "bank"


@pytest.fixture
def own_bank(bank: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(bank, tmp_path / "bank", ignore=shutil.ignore_patterns("runs"))
    return tmp_path / "bank"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rulebook.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path / "rules"


def run(bank: Path, rules: Path, period: str, *more: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        guanhu("run", "--bank", bank, "--rulebook", rules, "--period", period, "--json", *more)
    )
    return found


def test_the_same_run_again_is_the_same_folder_and_digest(own_bank: Path, rules: Path) -> None:
    first, again = run(own_bank, rules, "2025-11"), run(own_bank, rules, "2025-11")
    assert (first["run"], first["digest"]) == (again["run"], again["digest"])
    assert len(list((own_bank / "runs").iterdir())) == 1


def test_a_changed_table_of_a_kept_run_is_noticed_when_it_is_run_again(own_bank: Path, rules: Path) -> None:
    kept = Path(str(run(own_bank, rules, "2025-11")["run"]))
    record = json.loads((kept / "run.json").read_text("utf-8"))
    (kept / "run.json").write_text(json.dumps({**record, "digest": "0" * 64}), encoding="utf-8")
    told = guanhu("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025-11", wanted=1)
    assert "run.json: RUN045" in told


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("readings", ["a"]),
        ("period", 2025),
        ("period", "2025-99"),
        ("period_text", None),
        ("readings", {"a": 1}),
        ("facts_as_of", -1),
        ("created_at", "yesterday"),
        ("facts_as_of", [1]),
        ("language", None),
        ("digest", 7),
        ("published", [[1]]),
        ("files", [["a"]]),
        ("program", 1),
    ],
)
def test_a_record_that_no_run_writes_is_told(own_bank: Path, rules: Path, key: str, value: object) -> None:
    """Without its seal too: each was an error of the program."""
    kept = Path(str(run(own_bank, rules, "2025-11")["run"]))
    record = json.loads((kept / "run.json").read_text("utf-8"))
    del record["seal"]
    if value is None:
        del record[key]
    else:
        record[key] = value
    (kept / "run.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(Refused) as refused:
        RunFolder(kept).verify()
    assert [problem.code for problem in refused.value.problems] == ["RUN045"]


def test_a_run_of_a_guanhu_that_computed_otherwise_is_told_with_what_to_do(
    own_bank: Path, rules: Path, tmp_path: Path
) -> None:
    """Nobody changed the folder, and that was what the refusal said."""
    asked = ("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025-11")
    kept = Path(str(run(own_bank, rules, "2025-11")["run"]))
    record = {**json.loads((kept / "run.json").read_text("utf-8")), "digest": "0" * 64, "program": "0.0.9"}
    record["seal"] = seal_of(record)
    (kept / "run.json").write_text(json.dumps(record), encoding="utf-8")
    told = guanhu(*asked, wanted=1)
    assert "RUN030" in told
    assert "存档没有被改动, 是 guanhu 0.0.9 版和现在的" in told
    kept.rename(tmp_path / "before")
    guanhu(*asked)
    assert "每个数都相同" in guanhu("difference", tmp_path / "before", kept, "--bank", own_bank)


def test_who_explains_a_run_of_another_language_says_so(own_bank: Path, rules: Path) -> None:
    """The same text may mean another thing now: the figures told would be taken for the kept ones."""
    kept = Path(str(run(own_bank, rules, "2025-11")["run"]))
    person = duckdb.sql(f"SELECT min(subject_id) FROM '{kept / 'people.parquet'}'").fetchall()[0][0]
    assert "RUN057" not in guanhu("explain", kept, person, "--bank", own_bank)
    record = {**json.loads((kept / "run.json").read_text("utf-8")), "language": "3"}
    record["seal"] = seal_of(record)
    (kept / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert "RUN057" in guanhu("explain", kept, person, "--bank", own_bank)
    page = kept.parent.parent / "page.html"
    assert "RUN057" in guanhu("statement", kept, person, "--bank", own_bank, "--out", page)
    assert "RUN057" in guanhu(
        "whatif", "--run", kept, "--bank", own_bank, "--sweep", "lines.pay.least=0..1/1"
    )
    guanhu("publish", kept, "--bank", own_bank)


@pytest.mark.parametrize("is_bare", [False, True])
def test_a_published_run_that_was_changed_is_no_past(own_bank: Path, rules: Path, is_bare: bool) -> None:
    """Read on, it made another correction of money; without its seal and list of files nobody noticed."""
    kept = Path(str(run(own_bank, rules, "2025-10")["run"]))
    guanhu("publish", kept, "--bank", own_bank)
    table = kept / "lines.parquet"
    duckdb.sql(f"SELECT * REPLACE (num + 100 AS num) FROM '{table}'").write_parquet(str(own_bank / "lines"))
    shutil.move(own_bank / "lines", table)
    if is_bare:
        record = json.loads((kept / "run.json").read_text("utf-8"))
        del record["seal"], record["files"]
        (kept / "run.json").write_text(json.dumps(record), encoding="utf-8")
    asked = ("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025-11")
    assert "RUN045" in guanhu(*asked, wanted=1)
    assert [x.name for x in (own_bank / "runs").iterdir()] == [kept.name]
    assert "RUN045" in guanhu("export", kept, "--bank", own_bank, "--out", own_bank / "x.xlsx", wanted=1)


def test_figures_of_another_language_are_neither_printed_nor_passed_over(
    own_bank: Path, rules: Path, tmp_path: Path
) -> None:
    """The same text gave another figure then: a statement would show what nobody was paid."""
    kept = Path(str(run(own_bank, rules, "2025-11")["run"]))
    table = kept / "lines.parquet"
    ((person,),) = duckdb.sql(
        f"SELECT subject_id FROM '{table}' WHERE line = 'pay' AND spell_no = 0 AND num > 0 ORDER BY ALL LIMIT 1"
    ).fetchall()
    other = f"CASE WHEN line = 'pay' AND subject_id = '{person}' THEN num + den ELSE num END"
    duckdb.sql(f"SELECT * REPLACE ({other} AS num) FROM '{table}'").write_parquet(str(tmp_path / "lines"))
    shutil.move(tmp_path / "lines", table)
    record = {**json.loads((kept / "run.json").read_text("utf-8")), "language": "3", "digest": "0" * 64}
    record["files"]["lines.parquet"] = hashlib.sha256(table.read_bytes()).hexdigest()
    record["seal"] = seal_of(record)
    (kept / "run.json").write_text(json.dumps(record), encoding="utf-8")
    kept = kept.rename(tmp_path / "before")
    page = tmp_path / "page.html"
    assert "RUN047" in guanhu("statement", kept, person, "--bank", own_bank, "--out", page, wanted=1)
    assert not page.exists()
    now = str(run(own_bank, rules, "2025-11")["run"])
    told = json.loads(
        guanhu("difference", kept, now, person, "--bank", own_bank, "--json").partition("\n}")[0] + "\n}"
    )
    assert [x["clauses_fen"] for x in told["people"]] == [-100]
    assert "RUN057" in guanhu("difference", kept, now, "--bank", own_bank)


def test_an_earlier_batch_gives_an_earlier_truth(own_bank: Path, rules: Path) -> None:
    told = guanhu("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025-11", "--as-of", "1")
    assert "RUN020" in told
    assert "覆盖" in told


def test_a_published_month_is_read_by_the_next_and_never_published_again(own_bank: Path, rules: Path) -> None:
    first = run(own_bank, rules, "2025-10")
    guanhu("publish", str(first["run"]))
    assert "RUN040" in guanhu("publish", str(first["run"]), wanted=1)
    person = next(iter(sorted(subjects(str(first["run"])))))
    scored = explained(str(first["run"]), person)["score"]
    later = run(own_bank, rules, "2025-11")
    assert explained(str(later["run"]), person)["carried"] == scored
    assert later["published"] == [first["digest"]]


def test_a_run_of_which_something_is_gone_or_torn_is_told_with_its_place(own_bank: Path, rules: Path) -> None:
    first = Path(str(run(own_bank, rules, "2025-10")["run"]))
    later = ("run", "--bank", own_bank, "--rulebook", rules, "--period")
    person = next(iter(sorted(subjects(str(first)))))
    record = (first / "run.json").read_text("utf-8")
    for torn in (record[:40], "[]", "{}", ""):
        (first / "run.json").write_text(torn, "utf-8")
        for command in (
            ("explain", first, person),
            ("publish", first),
            ("export", first, "--format", "parquet", "--out", own_bank / "out"),
            (*later, "2025-10"),
        ):
            told = guanhu(*command, wanted=1)
            assert "run.json: RUN045" in told
            assert "改动过" in told
    (first / "run.json").write_text(record, "utf-8")
    guanhu("publish", first)
    lines = (first / "lines.parquet").read_bytes()
    (first / "lines.parquet").unlink()
    for command in (
        ("explain", first, person),
        ("export", first, "--format", "parquet", "--out", own_bank / "out"),
        (*later, "2025-10"),
        (*later, "2025-11"),
    ):
        told = guanhu(*command, wanted=1)
        assert "lines.parquet: RUN045" in told
        assert "运行文件夹里缺 lines.parquet" in told
    (first / "lines.parquet").write_bytes(lines)
    guanhu(*later, "2025-11")


def test_a_torn_last_line_of_the_published_is_told_and_left_out(own_bank: Path, rules: Path) -> None:
    first, second = run(own_bank, rules, "2025-10"), run(own_bank, rules, "2025-11")
    guanhu("publish", str(first["run"]))
    ledger = own_bank / "published.jsonl"
    whole = ledger.read_text("utf-8")
    ledger.write_text(whole + whole[: len(whole) // 2], "utf-8")
    told = guanhu("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025-12")
    assert "RUN041" in told
    assert "RUN041" in guanhu("publish", str(second["run"]))
    assert [line.count("{") for line in ledger.read_text("utf-8").splitlines()] == [1, 1]
    assert ledger.read_text("utf-8").startswith(whole)
    assert "RUN041" not in guanhu("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025-12")


def test_a_damaged_line_among_the_published_is_refused(own_bank: Path, rules: Path) -> None:
    guanhu("publish", str(run(own_bank, rules, "2025-10")["run"]))
    ledger = own_bank / "published.jsonl"
    ledger.write_text(ledger.read_text("utf-8").replace('"digest"', "digest"), "utf-8")
    told = guanhu("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025-12", wanted=1)
    assert "RUN042" in told


PUBLISHED_UNTIL = """
import os, signal, sys
from pathlib import Path
from guanhu.appraisal.published import publish
from guanhu.appraisal.runs import RunFolder

def killed(*_words):
    os.kill(os.getpid(), signal.SIGKILL)

bank, run, point = sys.argv[1:]
setattr(os, point, killed)
publish(Path(bank), RunFolder(Path(run)))
"""


@pytest.mark.parametrize("point", ["fsync", "replace"])
def test_a_killed_publish_publishes_nothing(own_bank: Path, rules: Path, point: str) -> None:
    first, second = str(run(own_bank, rules, "2025-10")["run"]), str(run(own_bank, rules, "2025-11")["run"])
    guanhu("publish", first)
    before = (own_bank / "published.jsonl").read_bytes()
    words = [sys.executable, "-c", PUBLISHED_UNTIL, str(own_bank), second, point]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert (own_bank / "published.jsonl").read_bytes() == before
    guanhu("publish", second)
    assert (own_bank / "published.jsonl").read_bytes().startswith(before)
    assert not list(own_bank.glob(".published*"))


def subjects(folder: str) -> set[str]:

    with duckdb.connect() as connection:
        path = str(Path(folder, "people.parquet"))
        return {
            row[0] for row in connection.execute("SELECT subject_id FROM read_parquet($1)", [path]).fetchall()
        }


def explained(folder: str, person: str) -> dict[str, str]:
    told = json.loads(guanhu("explain", folder, person, "--json"))
    return {line["path"].partition(".")[2]: line["value"] for line in told[-1]["lines"]}


def test_the_accounts_of_a_measure_sum_to_it(own_bank: Path, rules: Path) -> None:
    from fractions import Fraction

    folder = str(run(own_bank, rules, "2025-12")["run"])
    person = sorted(subjects(folder))[3]
    told = json.loads(guanhu("explain", folder, person, "--line", "pay", "--depth", "day", "--json"))

    def measures(lines: list[dict[str, object]]) -> Iterator[dict[str, object]]:
        for line in lines:
            if line.get("kind") == "measure":
                yield line
            yield from measures(line.get("parts", []))  # type: ignore[arg-type]

    found = list(measures(told[0]["lines"]))
    assert found
    for measure in found:
        accounts = [p for p in measure["parts"] if p["kind"] == "account"]  # type: ignore[union-attr,index]
        assert sum(Fraction(p["value"]) for p in accounts) == Fraction(str(measure["value"]))
        for account in accounts:
            days = [Fraction(p["value"]) for p in account.get("parts", [])]
            assert sum(days) == Fraction(account["value"])


RUN_UNTIL = """
import os, signal, sys
from pathlib import Path
from guanhu.appraisal.running import run_rulebook
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.store import Bank

bank, rules, wanted = sys.argv[1:]

def progress(what, done, count):
    print(what, flush=True)
    if what == wanted:
        os.kill(os.getpid(), signal.SIGKILL)

run_rulebook(DuckDBEngine, Bank(Path(bank)), Path(rules), "2025Q4", progress=progress)
"""


def run_until(bank: Path, rules: Path, point: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", RUN_UNTIL, str(bank), str(rules), point]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def kept_and_partial(bank: Path) -> tuple[list[Path], list[Path]]:
    found = sorted((bank / "runs").iterdir()) if (bank / "runs").is_dir() else []
    return [p for p in found if p.name[0] != "."], [p for p in found if p.name[0] == "."]


def test_a_run_killed_anywhere_leaves_nothing_half_done(own_bank: Path, rules: Path) -> None:
    spare = own_bank.with_name("spare")
    shutil.copytree(own_bank, spare)
    whole = run_until(spare, rules, "never")
    assert whole.returncode == 0, whole.stderr
    points = [point for point in whole.stdout.splitlines() if point]
    assert points[0] == "2025-10"
    assert points[-2:] == ["seal", "rename"]
    assert {"freeze", "write lines", "write corrections", "write run.json"} <= set(points)
    for point in points:
        assert run_until(own_bank, rules, point).returncode == -signal.SIGKILL
        kept, partial = kept_and_partial(own_bank)
        assert kept == []
        # What the run before this one left has been cleared: there is one leftover at most.
        assert len(partial) == (1 if points.index(point) >= points.index("freeze") else 0), point
    told = guanhu("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025Q4")
    assert "RUN031" in told
    (kept,), partial = kept_and_partial(own_bank)
    assert partial == []
    ((first, _),) = [kept_and_partial(spare)]
    records = [json.loads((p / "run.json").read_text("utf-8")) for p in (kept, *first)]
    assert records[0]["digest"] == records[1]["digest"]
    assert "RUN031" not in guanhu("run", "--bank", own_bank, "--rulebook", rules, "--period", "2025Q4")


WRONG = [
    (("--period", "2025-13"), 2, "RUN001"),
    (("--period", "2025-11-02..2025-11-20"), 1, "RUN003"),
    (("--period", "2025-11", "--reading", "没有=other"), 2, "RUL070"),
    (("--period", "2025-11", "--engine", "abacus"), 2, "duckdb"),
    (("--period", "2025-11", "--as-of", "yesterday"), 2, "--as-of"),
]


@pytest.mark.parametrize(("words", "code", "told"), WRONG)
def test_wrong_use_is_told(own_bank: Path, rules: Path, words: tuple[str, ...], code: int, told: str) -> None:
    assert told in guanhu("run", "--bank", own_bank, "--rulebook", rules, *words, wanted=code)


OF_RULEBOOKS = [
    (("check", "--reading", "没有=other"), 2, "RUL070"),
    (("test", "--reading", "没有=other"), 2, "RUL070"),
    (("try", "--line", "nope"), 2, "没有叫 nope 的行"),
    (("try", "--line", "pay", "zz=1"), 1, "没有叫 zz 的量"),
    (("try", "--line", "pay"), 1, "没有给出 deposits"),
]


@pytest.mark.parametrize(("words", "code", "told"), OF_RULEBOOKS)
def test_wrong_use_of_a_rulebook_is_told(rules: Path, words: tuple[str, ...], code: int, told: str) -> None:
    assert told in guanhu("rulebook", words[0], rules, *words[1:], wanted=code)


def test_a_run_as_data_says_how_long_its_period_is(own_bank: Path, rules: Path) -> None:
    assert run(own_bank, rules, "2025-11")["days"] == 30


def test_csv_and_parquet_are_folders_and_the_message_says_so(own_bank: Path, rules: Path) -> None:
    folder = str(run(own_bank, rules, "2025-11")["run"])
    for kind in ("csv", "parquet"):
        told = guanhu("export", folder, "--format", kind, "--out", own_bank.parent / kind)
        assert told.strip() == f"已写出文件夹 {own_bank.parent / kind}"
        assert (own_bank.parent / kind).is_dir()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_moment_without_a_zone_is_of_beijing_wherever_it_is_asked(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert moment_of("2025-04-01T12:00") == datetime.fromisoformat("2025-04-01T12:00+08:00")
        assert moment_of("2025-04-01T12:00+00:00") == datetime.fromisoformat("2025-04-01T20:00+08:00")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_unknown_person_gets_the_nearest_and_a_left_out_one_the_reason(
    own_bank: Path, rules: Path
) -> None:
    folder = Path(str(run(own_bank, rules, "2025-12")["run"]))
    assert "RUN050" in guanhu("explain", folder, "E0000X", wanted=1)

    with duckdb.connect() as connection:
        path = str(folder / "left_out.parquet")
        (left,) = connection.execute(
            "SELECT min(subject_id) FROM read_parquet($1) WHERE reason = 'post'", [path]
        ).fetchone()  # type: ignore[misc]
    told = guanhu("explain", folder, left, wanted=1)
    assert "RUN051" in told or "RUN050" not in told


def test_a_bank_without_facts_and_a_folder_that_is_no_bank(tmp_path: Path, rules: Path) -> None:
    from guanhu.facts.store import Bank

    Bank.create(tmp_path / "empty", "空")
    assert "RUN002" in guanhu(
        "run", "--bank", tmp_path / "empty", "--rulebook", rules, "--period", "2025", wanted=1
    )
    assert "RUN060" in guanhu("run", "--bank", tmp_path, "--rulebook", rules, "--period", "2025", wanted=1)


def test_a_new_rulebook_checks_and_its_example_holds(tmp_path: Path) -> None:
    guanhu("rulebook", "new", tmp_path / "own")
    assert "没有问题" in guanhu("rulebook", "check", tmp_path / "own")
    assert "全部成立" in guanhu("rulebook", "test", tmp_path / "own")
    assert "RUL090" in guanhu("rulebook", "new", tmp_path / "own", wanted=1)
    guanhu("facts", "template", "--rulebook", tmp_path / "own", "--out", tmp_path / "facts.xlsx")
    assert (tmp_path / "facts.xlsx").stat().st_size > 4000
    assert (tmp_path / "coverage.yaml").is_file()


def test_a_run_tells_what_keeps_people_from_being_settled(bank: Path, tmp_path: Path) -> None:
    rules = RULES.replace(
        "measures:\n", "inputs: {rate: {name: 单价, clause: 第四条, unit: ratio}}\nmeasures:\n"
    )
    (tmp_path / "rulebook.yaml").write_text(
        rules.replace("deposits * 1‰", "deposits * rate").replace("rulebook: trial", "rulebook: unsettled"),
        "utf-8",
    )
    told = guanhu("run", "--bank", bank, "--rulebook", tmp_path, "--period", "2025-07")
    assert "个: 参数“单价”没有提供 (绩效; 例如 E" in told


def test_a_kind_of_fact_that_is_not_there_is_told_once(bank: Path, tmp_path: Path) -> None:
    rules = RULES.replace(
        "measures:\n",
        "events: {案件: {columns: {额: money}}}\nmeasures:\n  案件数: {clause: 第六条, from: 案件, take: count}\n",
    )
    (tmp_path / "rulebook.yaml").write_text(
        rules.replace('value: "previous(score, 0)"', "value: 案件数").replace(
            "rulebook: trial", "rulebook: gaps"
        ),
        "utf-8",
    )
    told = guanhu("run", "--bank", bank, "--rulebook", tmp_path, "--period", "2025Q3")
    assert told.count("RUN020") == 1
    assert "同样的还有 2 条" in told
    assert "只有标题的表" in told


CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    "words",
    [
        ("bank", "generate", "--accounts", "1", "--out", "OUT"),
        ("facts", "list", "--bank", "BANK"),
        ("run", "--bank", "BANK", "--rulebook", "RULES", "--period", "2025-13"),
        ("explain", "2031", "someone", "--bank", "BANK"),
        ("rulebook", "list", "OUT"),
        ("rulebook", "try", "RULES", "--line", "pay", "deposits"),
    ],
)
def test_fixed_words_are_english_when_asked(bank: Path, rules: Path, words: tuple[str, ...]) -> None:
    """What a bank or a rulebook calls its own things stays as it is; here they are called nothing."""
    places = {"OUT": str(rules.parent / "out"), "BANK": str(bank), "RULES": str(rules)}
    done = subprocess.run(
        [sys.executable, "-m", "guanhu.cli.main", "--lang", "en", *(places.get(w, w) for w in words)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout + done.stderr
    assert CHINESE.findall(done.stdout + done.stderr) == []
