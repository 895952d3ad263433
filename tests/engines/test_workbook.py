"""An exported run: real numbers that are the run's own, causes in words, no cell that a spreadsheet obeys."""

from __future__ import annotations

import csv
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
from python_calamine import CalamineWorkbook

from guanhu.appraisal import workbook
from guanhu.appraisal.exporting import export_run
from guanhu.engines.duckdb import DuckDBEngine
from guanhu.facts.template import write_template
from guanhu.kinds.catalogue import KINDS
from tests.engines.kept_runs import NASTY_NAME, Kept, kept_run

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
SHEETS = ["说明", "结果", "各期(月)", "明细行", "未参加", "决定", "检查", "对账", "参数"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return kept_run(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def book(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> CalamineWorkbook:
    out = tmp_path_factory.mktemp("xlsx") / "run.xlsx"
    assert export_run(DuckDBEngine, kept.bank, kept.run, "xlsx", out) == out
    return CalamineWorkbook.from_path(str(out))


def rows(book: CalamineWorkbook, sheet: str) -> Iterator[dict[str, object]]:
    heads, *found = book.get_sheet_by_name(sheet).to_python()
    return (dict(zip(heads, row, strict=True)) for row in found)


def whole_lines(kept: Kept) -> dict[tuple[str, str, str], tuple[Fraction | None, str | None, str]]:
    """Return what the run kept of whole subjects: (subject, instance, line) → (value, text, state)."""
    query = f"SELECT subject_id, instance, line, num, den, text, state FROM '{kept.run.table('lines')}' WHERE spell_no = 0"
    return {
        (s, i, line): (None if num is None else Fraction(int(num), int(den)), text, state)
        for s, i, line, num, den, text, state in duckdb.sql(query).fetchall()
    }


def test_the_workbook_has_its_sheets_and_quotes_the_digest(kept: Kept, book: CalamineWorkbook) -> None:
    assert book.sheet_names == SHEETS
    notes = dict(row[:2] for row in book.get_sheet_by_name("说明").to_python())
    assert notes["结果摘要"] == kept.run.record["digest"]
    assert notes["参加考核"] == f"{kept.run.record['counts']['appraised']} 个"


def test_every_kept_line_stands_in_the_long_sheet_as_the_same_number(
    kept: Kept, book: CalamineWorkbook
) -> None:
    found = {(r["对象号"], r["期间"], r["行号"]): r for r in rows(book, "明细行") if r["段"] == "全部"}
    expected = whole_lines(kept)
    assert found.keys() == expected.keys()
    for key, (value, text, state) in expected.items():
        row = found[key]
        assert row["状态"] == ("已算" if state == "ok" else "未知"), key
        if state != "ok":
            assert row["数值"] == ""
            assert row["未知的原因"], key
        elif text is None:
            assert abs(Fraction(row["数值"]) - value) < Fraction(1, 10**6), key
        else:
            assert row["文字"] == {"yes": "是", "no": "否"}[text], key


def test_money_is_the_double_nearest_to_its_fen(kept: Kept, book: CalamineWorkbook) -> None:
    expected = whole_lines(kept)
    seen = 0
    for row in rows(book, "各期(月)"):
        value = expected[row["对象号"], row["期间"], "stock_pay"][0]
        assert value is not None
        assert row["存量计酬(元)"] == int(value * 100) / 100
        seen += 1
    assert seen > 20


def test_results_have_a_row_for_each_subject_and_its_pay_over_the_run(
    kept: Kept, book: CalamineWorkbook
) -> None:
    expected = whole_lines(kept)
    found = list(rows(book, "结果"))
    keys = [(row["对象号"], row["考核对象"]) for row in found]
    assert len(keys) == len(set(keys))
    for row in found:
        total = expected.get((row["对象号"], "2025Q4", "total"), (None, None, ""))[0]
        # A dash is what is not of this subject; a blank is what is unknown.
        is_manager = row["考核对象"] != "机构"
        unknown = "" if is_manager else "—"
        assert row["@总分(分)".replace("@", "'@")] == (unknown if total is None else float(total))
        paid = [
            v for (s, _, line), (v, _, _) in expected.items() if s == row["对象号"] and line == "stock_pay"
        ]
        assert row["存量计酬(全期合计)"] == ("—" if not paid else int(sum(paid) * 100) / 100)
        assert row["另计(全期合计)"] == unknown
    institutions = [row for row in found if row["考核对象"] == "机构"]
    assert all(row["机构存款(元)"] for row in institutions)
    assert len(institutions) == 2


def test_the_moment_of_the_run_is_told_by_the_clock_of_the_bank(kept: Kept, book: CalamineWorkbook) -> None:
    notes = dict(row[:2] for row in book.get_sheet_by_name("说明").to_python())
    told = datetime.strptime(str(notes["运行时刻"]), "%Y-%m-%d %H:%M:%S(北京时间)")  # noqa: DTZ007 - the text names the zone
    made = datetime.fromisoformat(kept.run.record["created_at"])
    assert told.replace(tzinfo=UTC) - made == timedelta(hours=8)


def test_ids_are_told_by_their_names(book: CalamineWorkbook) -> None:
    assert {row["账簿"] for row in rows(book, "对账")} == {"主账簿"}


def test_a_blank_is_explained_in_words(book: CalamineWorkbook) -> None:
    managers = [row for row in rows(book, "各期(月)") if row["另计(元)"] == ""]
    assert managers
    assert {row["备注: 未结清的原因"] for row in managers} == {"参数“计酬率”没有提供: 另计未结清"}
    for row in rows(book, "结果"):
        if row["考核对象"] != "机构":
            assert "2025-1" in str(row["备注: 未结清的原因"])


def test_no_cell_is_taken_for_a_formula(book: CalamineWorkbook) -> None:
    texts = [
        cell
        for name in book.sheet_names
        for row in book.get_sheet_by_name(name).to_python()
        for cell in row
        if isinstance(cell, str)
    ]
    assert [text for text in texts if text.startswith(FORMULA_SIGNS)] == []
    assert f"'{NASTY_NAME}" in texts


def test_reconciliation_says_plainly_whether_it_holds(book: CalamineWorkbook) -> None:
    found = list(rows(book, "对账"))
    assert found
    assert {row["结论"] for row in found} == {"平", "不适用"}
    # What does not add up says why, and has no sums.
    assert all(bool(row["说明"]) == (row["结论"] == "不适用") for row in found)
    assert all(row["全行"] == "" for row in found if row["结论"] == "不适用")
    for row in found:
        if row["结论"] == "不适用":
            continue
        parts = round(row["各经理合计"] * 100) + round(row["无人管户"] * 100) - round(row["全行"] * 100)
        assert abs(parts) <= 1
        assert row["差额"] == 0


def test_parameters_name_what_was_not_supplied(book: CalamineWorkbook) -> None:
    found = {(row["报送名"], row["键"]): row["值"] for row in rows(book, "参数")}
    assert found["price", ""] == "没有提供"
    assert found["stock_price", "高级"] == "0.6‰"


def test_who_was_left_out_is_said_with_the_reason(kept: Kept, book: CalamineWorkbook) -> None:
    query = f"SELECT DISTINCT subject_id FROM '{kept.run.table('left_out')}'"
    expected = {subject for (subject,) in duckdb.sql(query).fetchall()}
    found = list(rows(book, "未参加"))
    assert {row["员工号"] for row in found} == expected
    assert all("岗位" in str(row["原因"]) for row in found)


def test_csv_says_the_same_in_exact_decimals(kept: Kept, tmp_path: Path) -> None:
    out = export_run(DuckDBEngine, kept.bank, kept.run, "csv", tmp_path / "csv")
    assert sorted(p.name for p in out.iterdir()) == [
        "checks.csv",
        "decisions.csv",
        "left_out.csv",
        "lines.csv",
        "measures.csv",
        "parameters.csv",
        "periods_month.csv",
        "reconcile.csv",
        "results.csv",
        "run.json",
    ]
    content = (out / "lines.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    found = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert {row["结果摘要"] for row in found} == {kept.run.record["digest"]}
    expected = whole_lines(kept)
    for row in found:
        value = expected[row["对象号"], row["期间"], row["行号"]][0]
        if row["段"] == "全部" and value is not None:
            assert Fraction(row["数值"]) == value
        assert not row["姓名/名称"].startswith(FORMULA_SIGNS)


def test_parquet_is_the_runs_own_tables(kept: Kept, tmp_path: Path) -> None:
    out = export_run(DuckDBEngine, kept.bank, kept.run, "parquet", tmp_path / "tables")
    assert (out / "lines.parquet").read_bytes() == kept.run.table("lines").read_bytes()
    assert json.loads((out / "run.json").read_text("utf-8")) == kept.run.record


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(kept: Kept, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    export_run(DuckDBEngine, kept.bank, kept.run, "parquet", out)
    (out / "left over").write_text("x")
    export_run(DuckDBEngine, kept.bank, kept.run, "parquet", out)
    assert not (out / "left over").exists()
    shutil.rmtree(out)
    out.mkdir()
    (out / "somebody's").write_text("x")
    with pytest.raises(FileExistsError):
        export_run(DuckDBEngine, kept.bank, kept.run, "parquet", out)
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]
    assert (out / "somebody's").read_text() == "x"


def test_the_sheets_and_the_csv_files_are_the_same(
    kept: Kept, book: CalamineWorkbook, tmp_path: Path
) -> None:
    out = export_run(DuckDBEngine, kept.bank, kept.run, "csv", tmp_path / "csv")
    for sheet, name in (("结果", "results"), ("参数", "parameters"), ("检查", "checks")):
        found = list(csv.DictReader((out / f"{name}.csv").read_text("utf-8-sig").splitlines()))
        assert len(found) == len(list(rows(book, sheet)))
        assert found[0].keys() - {"结果摘要"} == next(rows(book, sheet)).keys()


def page_setups(path: Path) -> dict[str, str]:
    """Return the XML of each sheet of a workbook, and of the workbook itself."""
    with zipfile.ZipFile(path) as parts:
        return {
            name.removeprefix("xl/").removeprefix("worksheets/"): parts.read(name).decode()
            for name in parts.namelist()
            if name == "xl/workbook.xml" or name.startswith("xl/worksheets/sheet")
        }


def test_every_sheet_prints_with_its_headings_on_each_page(kept: Kept, tmp_path: Path) -> None:
    made = {
        "run": export_run(DuckDBEngine, kept.bank, kept.run, "xlsx", tmp_path / "run.xlsx"),
        "template": write_template(tmp_path / "facts.xlsx", [KINDS["accounts"], KINDS["balances"]]),
    }
    for path in made.values():
        sheets = page_setups(path)
        repeated = sheets.pop("workbook.xml").count("_xlnm.Print_Titles")
        listed = {name: xml for name, xml in sheets.items() if "<autoFilter" in xml}
        assert repeated >= len(listed) > 0
        for name, xml in sheets.items():
            assert 'orientation="landscape"' in xml, name
            assert "<pageSetUpPr fitToPage=" in xml, name
            assert "第 &amp;P 页 / 共 &amp;N 页" in xml, name
        assert all("<pane " in xml for xml in listed.values())


def test_a_wide_sheet_takes_several_pages_across_with_its_names_on_each(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "PAGE_WIDTH", 100)
    path = export_run(DuckDBEngine, kept.bank, kept.run, "xlsx", tmp_path / "run.xlsx")
    sheets = page_setups(path)
    assert "结果!$A:$B,结果!$1:$1" in sheets["workbook.xml"].replace("'", "")
    assert re.search(r'<pageSetup [^>]*fitToWidth="[2-9]" [^>]*fitToHeight="0"', sheets["sheet2.xml"])
    assert "fitToWidth" not in sheets["sheet1.xml"]
