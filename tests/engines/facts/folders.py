"""Small folders of facts for tests, written as a clerk would write them."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb

from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank, FactView

BASICS = {
    "institutions.csv": (
        "institution_id,from_day,to_day,name,level\nA,2020-01-01,,甲支行,支行\nB,2020-01-01,,乙支行,支行\n"
    ),
    "staff.csv": "person_id,name\np1,王一\np2,李二\np3,赵三\n",
    "accounts.csv": (
        "account_id,product,currency,institution_id,opened_on\n"
        "001,活期,CNY,A,2020-01-01\n002,定期,CNY,A,2020-01-01\n003,活期,CNY,B,2020-01-01\n"
    ),
}
"""Two branches, three people, three accounts."""
COVERED = "coverage:\n  - {kinds: [institutions, staff, accounts], from: 2024-01-01, to: 2025-12-31}\n"


def write_folder(folder: Path, files: Mapping[str, str | bytes], coverage: str) -> Path:
    """Write files and coverage into a new folder and return it."""
    folder.mkdir(parents=True)
    (folder / "coverage.yaml").write_text(coverage, "utf-8")
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return folder


def covering(kinds: str, first: str, last: str, institutions: str = "") -> str:
    """Return one line of coverage."""
    listed = f", institutions: [{institutions}]" if institutions else ""
    return f"  - {{kinds: [{kinds}], from: {first}, to: {last}{listed}}}\n"


def put(bank: Bank, folder: Path, files: Mapping[str, str], coverage: str) -> int:
    """Import files that must be accepted and return the batch's number; a file may be empty on purpose."""
    result = import_folder(write_folder(folder, files, coverage), bank)
    assert {problem.code for problem in result.problems} <= {"FAC017", "FAC093"}
    assert result.batch_no is not None
    return result.batch_no


def rows(view: FactView, query: str) -> list[tuple[object, ...]]:
    """Return what a query over the view's relations gives."""
    kinds = [
        name
        for name in (*view.kinds, "balance_months", "balance_cuts", "balance_quarters")
        if f"f_{name}" in query
    ]
    with duckdb.connect(config={"threads": 1}) as connection:
        view.register(connection, kinds)
        return connection.execute(query).fetchall()


def csv_of(heading: str, lines: list[tuple[object, ...]]) -> str:
    """Return csv text."""
    return heading + "\n" + "".join(",".join(map(str, line)) + "\n" for line in lines)


def days(first: date, count: int) -> list[date]:
    """Return `count` days from the first."""
    return [date.fromordinal(first.toordinal() + index) for index in range(count)]
