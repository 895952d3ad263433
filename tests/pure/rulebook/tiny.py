"""Tiny banks: a handful of rows whose figures a hand can count."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from guanhu.appraisal.appraise import Appraisal
from guanhu.appraisal.history import exact
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.rulebook import tree as t
from guanhu.values.dates import period_of

Found = Fraction | bool | str | None


def tiny_bank(folder: Path, files: Mapping[str, str]) -> Bank:
    """Return a bank that holds these files and nothing else."""
    written = folder / "files"
    written.mkdir()
    for name, text in files.items():
        (written / name).write_text(text, "utf-8")
    bank = Bank.create(folder / "bank", "一家小银行")
    assert [problem.text("en") for problem in import_folder(written, bank).problems] == []
    return bank


def line_values(
    bank: Bank, rulebook: t.Rulebook, period: str, lines: Sequence[str]
) -> dict[str, dict[str, Found]]:
    """Return the values of lines by subject: of the last instance of each line in the period."""
    found: dict[str, dict[str, Found]] = {}
    with closing(DuckDBEngine(threads=1)) as engine:
        view = bank.view(events=tuple(rulebook.events.values()))
        span = period_of(period)
        assert span is not None
        for result in Appraisal(engine, view, rulebook, span).run().results:
            for name in {*result.lines, *result.decisions} & set(lines):
                meaning = {**result.lines, **result.decisions}[name]
                query = f'SELECT subject_id, "{name}" FROM "{result.persons}"'
                rows = engine.connection.execute(query).fetchall()
                found[name] = {subject: exact(cell, meaning) for subject, cell in rows}
    return found
