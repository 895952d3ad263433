"""An import is there as a whole or not at all: killed anywhere, under a lock, with the clock turned back."""

import errno
import json
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from guanhu.facts.importing import check_folder, import_folder
from guanhu.facts.lock import import_lock
from guanhu.facts.store import Bank
from guanhu.kinds.catalogue import event_kind
from guanhu.kinds.schema import Column
from guanhu.values.problem import Refused
from tests.engines.facts.folders import BASICS, COVERED, covering, put, rows, write_folder

OPENING = "account_id,from_day,balance\n001,2025-01-01,1.00\n002,2025-01-01,2.00\n003,2025-01-01,3.00\n"
COVERAGE = COVERED + covering("balances", "2025-01-01", "2025-03-31")
FEES = "fee_id,day,item,amount\nf1,2025-01-05,结算,5\n"

KILLED_AT = """
import os, signal, sys
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank

folder, bank, wanted = sys.argv[1:]

def progress(what, done, count):
    print(what, flush=True)
    if what == wanted:
        os.kill(os.getpid(), signal.SIGKILL)

import_folder(folder, Bank(bank), progress=progress)
"""


def run_until(folder: Path, bank: Bank, point: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", KILLED_AT, str(folder), str(bank.path), point]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_killed_anywhere_leaves_the_bank_as_it_was(tmp_path: Path) -> None:
    files = {**BASICS, "balances.csv": OPENING}
    folder = write_folder(tmp_path / "in", files, COVERAGE)
    spare = Bank.create(tmp_path / "spare", "样行")
    whole = run_until(folder, spare, "never")
    assert whole.returncode == 0, whole.stderr
    points = whole.stdout.splitlines()
    assert points[-2:] == ["seal", "rename"]

    bank = Bank.create(tmp_path / "bank", "样行")
    put(
        bank,
        tmp_path / "first",
        {**BASICS, "fees.csv": FEES},
        COVERED + covering("fees", "2025-01-01", "2025-01-31"),
    )
    before = bank.view().digest
    for point in points[:1] + points[-6:]:
        assert run_until(folder, bank, point).returncode == -signal.SIGKILL
        assert bank.view().digest == before
    result = import_folder(folder, bank)
    assert [problem.code for problem in result.problems] == ["FAC081"]
    assert result.batch_no == 2
    assert rows(bank.view(), "SELECT sum(balance) FROM f_balances") == [(600,)]


def test_a_second_import_waits_for_the_first(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    folder = write_folder(tmp_path / "in", BASICS, COVERED)
    with import_lock(bank.path):
        (problem,) = import_folder(folder, bank).problems
    assert problem.code == "FAC080"
    assert import_folder(folder, bank).batch_no == 1


def test_a_full_disk_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    folder = write_folder(tmp_path / "in", BASICS, COVERED)

    def no_space(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    (problem,) = import_folder(folder, bank).problems
    assert problem.en == "nothing was imported: the bank's folder cannot be written: No space left on device"
    assert list((bank.path / "batches").iterdir()) == []


def with_moment(bank: Bank, moment: datetime) -> None:
    """Say that the first batch was imported at a moment."""
    manifest = bank.path / "batches/0001/manifest.json"
    plain = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps({**plain, "imported_at": moment.isoformat()}), "utf-8")


def test_a_clock_that_was_set_back_is_told_and_nothing_written(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(bank, tmp_path / "in1", BASICS, COVERED)
    with_moment(bank, datetime.now(UTC) + timedelta(days=3))
    told = import_folder(write_folder(tmp_path / "in2", BASICS, COVERED), bank).problems
    assert [x.code for x in told if x.severity == "error"] == ["FAC094"]
    assert [each.name for each in sorted((bank.path / "batches").iterdir())] == ["0001"]


def test_moments_rise_even_when_the_clock_slips(tmp_path: Path) -> None:
    """By what a machine is set right by itself; moments still tell the order."""
    bank = Bank.create(tmp_path / "bank", "样行")
    put(bank, tmp_path / "in1", BASICS, COVERED)
    soon = datetime.now(UTC) + timedelta(seconds=30)
    with_moment(bank, soon)
    put(bank, tmp_path / "in2", BASICS, COVERED)
    first, second = bank.batches()
    assert second.imported_at == first.imported_at + timedelta(microseconds=1)
    assert bank.batches(as_of=soon) == (first,)


def test_a_batch_number_that_is_not_there_is_refused(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    with pytest.raises(Refused, match="there is no batch 7; the last is 0"):
        bank.view(as_of=7)
    assert bank.view(as_of=0).as_of_batch == 0


def test_a_batch_that_was_taken_out_of_the_middle_is_missed(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    for number in (1, 2, 3):
        put(bank, tmp_path / f"in{number}", BASICS, COVERED)
    shutil.rmtree(bank.path / "batches/0002")
    with pytest.raises(Refused, match="without gaps: 2 is missing, there are 1, 3"):
        bank.view()
    (problem,) = import_folder(tmp_path / "in1", bank).problems
    assert problem.code == "FAC090"


def test_a_batch_under_another_number_is_told(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(bank, tmp_path / "in1", BASICS, COVERED)
    (bank.path / "batches/0001").rename(bank.path / "batches/0002")
    with pytest.raises(Refused, match="number 1, expected 2 by the name of the folder"):
        bank.view()


def test_a_damaged_manifest_is_told(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(bank, tmp_path / "in1", BASICS, COVERED)
    (bank.path / "batches/0001/manifest.json").write_text("{", "utf-8")
    with pytest.raises(Refused, match="the manifest of a batch cannot be read"):
        bank.view()
    (problem,) = import_folder(tmp_path / "in1", bank).problems
    assert problem.code == "FAC082"


def test_a_folder_that_is_no_bank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not a bank folder"):
        Bank(tmp_path)
    (tmp_path / "x").write_text("x")
    with pytest.raises(Refused, match="not a bank folder"):
        Bank.create(tmp_path, "样行")


def test_an_id_used_before_is_told(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(
        bank,
        tmp_path / "in1",
        {**BASICS, "fees.csv": FEES},
        COVERED + covering("fees", "2025-01-01", "2025-01-31"),
    )
    again = {"fees.csv": FEES.replace("2025-01", "2025-02")}
    folder = write_folder(
        tmp_path / "in2", again, "coverage:\n" + covering("fees", "2025-02-01", "2025-02-28")
    )
    (problem,) = import_folder(folder, bank).problems
    assert problem.en == "id f1 is already in batch 1, on 2025-01-05, outside what these files cover"
    corrected = {"fees.csv": FEES.replace("5\n", "6\n")}
    put(bank, tmp_path / "in3", corrected, "coverage:\n" + covering("fees", "2025-01-01", "2025-01-31"))
    assert rows(bank.view(), "SELECT amount FROM f_fees") == [(600,)]


def test_a_post_that_another_batch_still_has_is_told(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    heading = "person_id,from_day,to_day,post,institution_id\n"
    quarter = ("posts", "2025-01-01", "2025-03-31")
    first = {**BASICS, "posts.csv": heading + "p1,2025-01-01,,rm,B\n"}
    put(bank, tmp_path / "in1", first, COVERED + covering(*quarter))
    moved = {"posts.csv": heading + "p1,2025-02-10,,rm,A\n"}
    folder = write_folder(tmp_path / "in2", moved, "coverage:\n" + covering(*quarter, "A"))
    (problem,) = import_folder(folder, bank).problems
    assert problem.en == "p1 has a row in batch 1 that holds together with this one from 2025-02-10"
    both = {"posts.csv": heading + "p1,2025-01-01,2025-02-09,rm,B\np1,2025-02-10,,rm,A\n"}
    put(bank, tmp_path / "in3", both, "coverage:\n" + covering(*quarter, "A, B"))


def test_an_event_column_keeps_its_type(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    events = "events:\n  sale: {name: 销售, columns: {quantity: {type: count, zh: 数量}}}\n"
    sales = {"event_sale.csv": "event_id,day,quantity\ne1,2025-01-05,3\n"}
    coverage = covering("event_sale", "2025-01-01", "2025-01-31") + events
    put(bank, tmp_path / "in1", {**BASICS, **sales}, COVERED + coverage)
    folder = write_folder(tmp_path / "in2", sales, "coverage:\n" + coverage.replace("count", "number"))
    (problem,) = import_folder(folder, bank).problems
    assert problem.en == "column quantity of event 'sale' was count before and is number now"
    declared = event_kind("sale", "销售", [Column("quantity", "number", "数量")])
    with pytest.raises(Refused, match="was imported as count, the rulebook declares number"):
        bank.view(events=[declared])
    wider = event_kind("sale", "销售", [Column("quantity", "count", "数量"), Column("note", "text", "备注")])
    assert rows(bank.view(events=[wider]), "SELECT quantity, note FROM f_event_sale") == [(3, None)]


@pytest.mark.parametrize(
    ("coverage", "told"),
    [
        (covering("event_violation", "2025-01-15", "2025-02-15"), ["FAC017"]),
        (covering("event_violation", "2025-02-01", "2025-02-28"), []),
        (covering("event_violation", "2025-01-01", "2025-01-31", "B"), []),
    ],
    ids=["some of the same days", "other days", "another branch"],
)
def test_an_empty_file_that_takes_rows_away_is_told(tmp_path: Path, coverage: str, told: list[str]) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    events = "events: {violation: {name: 违规, columns: {points: {type: number, zh: 扣分}}}}\n"
    heading = "event_id,day,institution_id,points\n"
    put(
        bank,
        tmp_path / "first",
        {**BASICS, "event_violation.csv": heading + "v1,2025-01-20,A,3\n"},
        COVERED + covering("event_violation", "2025-01-01", "2025-01-31", "A") + events,
    )
    folder = write_folder(
        tmp_path / "empty", {"event_violation.csv": heading}, "coverage:\n" + coverage + events
    )
    assert [p.code for p in check_folder(folder, bank).problems] == told
    result = import_folder(folder, bank)
    assert [p.code for p in result.problems] == told
    assert result.batch_no == 2


def test_a_changed_file_is_found(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(bank, tmp_path / "in1", BASICS, COVERED)
    assert bank.damaged() == []
    (bank.path / "batches/0001/staff.parquet").write_bytes(b"PAR1")
    (problem,) = bank.damaged()
    assert str(problem.place) == "batches/0001/staff.parquet"


def test_account_numbers_are_dense_and_kept(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    put(bank, tmp_path / "in1", BASICS, COVERED)
    more = BASICS["accounts.csv"].replace("opened_on\n", "opened_on\n000,活期,CNY,A,2025-01-01\n")
    put(bank, tmp_path / "in2", {**BASICS, "accounts.csv": more}, COVERED)
    query = "SELECT account_id, account_no FROM f_accounts ORDER BY account_no"
    assert rows(bank.view(as_of=1), query) == [("001", 1), ("002", 2), ("003", 3)]
    assert rows(bank.view(), query) == [("001", 1), ("002", 2), ("003", 3), ("000", 4)]


def test_accounts_of_one_institution_are_numbered_together(tmp_path: Path) -> None:
    bank = Bank.create(tmp_path / "bank", "样行")
    new = "account_id,product,currency,institution_id,opened_on\n"
    new += "".join(f"{n},活期,CNY,{where},2025-01-01\n" for n, where in enumerate("BABA"))
    institutions = "institution_id,from_day,to_day,name,level\nA,2020-01-01,,甲,支行\nB,2020-01-01,,乙,支行\n"
    put(bank, tmp_path / "in1", {**BASICS, "institutions.csv": institutions, "accounts.csv": new}, COVERED)
    query = "SELECT account_id, institution_id FROM f_accounts ORDER BY account_no"
    assert rows(bank.view(), query) == [("1", "A"), ("3", "A"), ("0", "B"), ("2", "B")]
