"""Faults of rows: found in SQL, kept in one table, said in words only for those that are shown.

    faults(kind, row_no, col, code, params)

A row with a fault is refused. The first faults of each sort become problems; the file of bad rows
holds all of them.
"""

# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from guanhu.facts import sql
from guanhu.facts.cells import MARKS, PATTERNS
from guanhu.facts.problems import problem
from guanhu.facts.reading.marks import DATE, ERROR, FORMULA, LONG_NUMBER, MARK
from guanhu.facts.reading.opened import Opened
from guanhu.kinds.catalogue import KINDS
from guanhu.kinds.schema import Column
from guanhu.values.exact import PPB, shown
from guanhu.values.problem import Place, Problem

if TYPE_CHECKING:
    import duckdb

ORDERED_DAYS = (
    ("from_day", "to_day"),
    ("opened_on", "closed_on"),
    ("hired_on", "left_on"),
    ("granted_on", "due_on"),
)
"""Pairs of columns of which the first may not be after the second."""
SHOWN_MAX = 20
"""How many faults of one kind, column and code become problems of their own."""
NOT_REFUSING = frozenset({"FAC058"})
"""Faults of a key, not of the row at which they are shown: the row itself is good."""
REFUSING = f"code NOT IN {sql.strings(sorted(NOT_REFUSING))}"
PARAMS: dict[str, tuple[str, ...]] = {
    "FAC030": (),
    "FAC050": ("key", "other"),
    "FAC051": ("key", "other", "day"),
    "FAC052": ("first", "last"),
    "FAC053": ("day", "expected"),
    "FAC055": ("seen", "target"),
    "FAC058": ("key", "day"),
    "FAC061": ("key", "day", "total"),
    "FAC062": ("key", "batch", "day"),
    "FAC063": ("key", "batch", "day"),
    "FAC064": ("key", "day"),
}
"""The names of a fault's own values; one value `seen` where a code is not listed."""
_PLACES = {"money": 2, "rate": 10, "share": 9, "number": 6}
SERIAL_DIGITS = 5
"""How many digits a spreadsheet's number of a day has (1927 to 2173)."""
_EXPECTED = {
    "id": ("编号 (不含空格)", "an id without blanks"),
    "text": ("文字", "text"),
    "choice": ("名称", "a name"),
    "money": ("金额 (元)", "an amount in yuan"),
    "rate": ("利率", "a rate"),
    "share": ("比例", "a share"),
    "number": ("数值", "a number"),
    "count": ("整数", "a whole number"),
    "yesno": ("是或否", "yes or no"),
}
_LIKE = {
    "money": "1234.56",
    "rate": "2.275% / 0.02275",
    "share": "60% / 0.6 / 1/3",
    "number": "12.5",
    "count": "12",
    "yesno": "是 / 否",
}
_RANGES = {
    "date": ("1900 年以后", "from 1900 on"),
    "money": ("小于 10 万亿元", "below 10^13 yuan"),
    "rate": ("-100% 到 100%", "from -100% to 100%"),
    "share": ("0 到 100%", "from 0 to 100%"),
    "number": ("整数部分至多 20 位", "at most 20 digits before the point"),
    "count": ("至多 15 位", "at most 15 digits"),
}


def make_table(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table of faults."""
    connection.execute(
        "CREATE TABLE faults (kind VARCHAR, row_no BIGINT, col VARCHAR, code VARCHAR, params VARCHAR[])"
    )


def tell(connection: duckdb.DuckDBPyConnection, kind: str, code: str, column: str, query: str) -> int:
    """Add a fault for each row of `query`, which yields (row_no, params), and return how many."""
    said = f"{sql.literal(kind)}, row_no, {sql.literal(column)}, {sql.literal(code)}, params"
    added = connection.execute(
        f"INSERT INTO faults SELECT {said} FROM ({query}) AS q(row_no, params)"
    ).fetchone()
    return int(added[0]) if added else 0


def tell_cells(connection: duckdb.DuckDBPyConnection, opened: Opened) -> None:
    """Add a fault for each bad cell of a staged file, read again as text for the bad rows only."""
    name = opened.kind.name
    staged = sql.name("s_" + name)
    seen = connection.execute(f"SELECT bit_or(bad) FROM {staged} WHERE bad <> 0").fetchone()
    if not seen or not seen[0]:
        return
    columns = [(i, c) for i, c in enumerate(opened.kind.file_columns) if seen[0] >> i & 1]
    texts = ", ".join(f"CAST({opened.text_of(column)} AS VARCHAR) AS x{index}" for index, column in columns)
    number = f", CAST(s.{sql.name(opened.row_no)} AS BIGINT) AS row_no" if opened.row_no else ""
    connection.execute(f"CREATE TABLE raw AS SELECT {texts}{number} FROM {opened.relation} AS s")
    counted = "raw.row_no" if opened.row_no else "raw.rowid + 2"
    for index, column in columns:
        connection.execute(
            f"INSERT INTO faults SELECT {sql.literal(name)}, b.row_no, {sql.literal(column.name)}, "
            f"{_code_of(column, f'x{index}')}, [x{index}] FROM raw "
            f"JOIN (SELECT row_no FROM {staged} WHERE bad & {1 << index} <> 0) AS b ON b.row_no = {counted}"
        )
    connection.execute("DROP TABLE raw")


def _code_of(column: Column, text: str) -> str:
    """Return the SQL that says which code a bad cell has."""
    marks = (("FAC040", FORMULA), ("FAC041", ERROR), ("FAC042", LONG_NUMBER), ("FAC043", DATE))
    arms = [
        (f"{text} IS NULL", "FAC030"),
        *((f"starts_with({text}, {sql.literal(mark)})", code) for code, mark in marks),
        (f"regexp_matches({text}, {sql.literal(f'[{MARKS}]')})", "FAC038"),
        (f"regexp_matches({text}, '[０-９Ａ-Ｚａ-ｚ．％－]')", "FAC037"),
        (f"regexp_matches({text}, {sql.literal(chr(92) + 'p{Z}')})", "FAC036"),
    ]
    if column.type == "date":
        arms.append((f"TRY_CAST({text} AS DATE) IS NOT NULL AND {_fits(column, text)}", "FAC035"))
        arms.append((_fits(column, text), "FAC032"))
        return _cases(arms, "FAC031")
    if column.type in _PLACES:
        arms.append(
            (
                f"regexp_full_match({text}, '-?(0|[1-9][0-9]*)[.][0-9]{{{_PLACES[column.type] + 1},}}[%‰]?')",
                "FAC034",
            )
        )
    if column.type in _RANGES:
        arms.append((f"regexp_full_match({text}, '-?(0|[1-9][0-9]*)([.][0-9]+)?[%‰]?')", "FAC035"))
    if column.allowed:
        return _cases(arms, "FAC039")
    return _cases(arms, "FAC033")


def _fits(column: Column, text: str) -> str:
    """Return the SQL that tells whether the text has the form of its type."""
    return f"regexp_full_match({text}, {sql.literal(PATTERNS[column.type])})"


def _cases(arms: list[tuple[str, str]], otherwise: str) -> str:
    """Return a CASE of codes."""
    return (
        "CASE " + " ".join(f"WHEN {when} THEN '{code}'" for when, code in arms) + f" ELSE '{otherwise}' END"
    )


def fault_problem(opened: Opened, row_no: int, column_name: str, code: str, params: list[str]) -> Problem:
    """Return a fault as a problem in words."""
    values: dict[str, object] = {"kind": opened.kind.name}
    params = [text[2:] if text and text[0] == MARK else text for text in params]
    names = PARAMS.get(code, ("seen",))
    values.update(zip(names, params, strict=False))
    column = next((c for c in opened.kind.file_columns if c.name == column_name), None)
    if code == "FAC052":
        values |= _both_days(opened, column_name)
    if code == "FAC055":
        target = KINDS.get(params[1])
        values["target_zh"] = target.zh if target else "事件"
    if code == "FAC061":
        values["total"] = shown(Fraction(int(params[2]), PPB // 100)) + "%"
    if column is not None:
        values |= {"zh": column.zh, "column": column.name}
        values |= _said_of(column, code, params[0] if params and params[0] is not None else "")
    return problem(code, opened.place(row_no, column_name), **values)


def _both_days(opened: Opened, first_name: str) -> Mapping[str, object]:
    """Return the headings of a pair of days."""
    last_name = dict(ORDERED_DAYS)[first_name]
    found = {column.name: column.zh for column in opened.kind.file_columns}
    return {
        "first_zh": found[first_name],
        "last_zh": found[last_name],
        "first_column": first_name,
        "last_column": last_name,
    }


def _said_of(column: Column, code: str, seen: str) -> Mapping[str, object]:
    """Return the values of a wording that follow from the column and the text seen."""
    if code == "FAC043":
        zh, en = _EXPECTED.get(column.type, ("日期", "a date without a time"))
        return {"expected_zh": zh, "expected_en": en}
    if code == "FAC031":
        remedy_zh, remedy_en = _remedy_of_date(seen)
        return {"remedy_zh": remedy_zh, "remedy_en": remedy_en}
    if code == "FAC033":
        zh, en = _EXPECTED[column.type]
        remedy_zh, remedy_en = _remedy(column, seen)
        return {"expected_zh": zh, "expected_en": en, "remedy_zh": remedy_zh, "remedy_en": remedy_en}
    if code == "FAC034":
        return {"places": _PLACES[column.type]}
    if code == "FAC035":
        zh, en = _RANGES[column.type]
        remedy_zh, remedy_en = _remedy(column, seen)
        return {"expected_zh": zh, "expected_en": en, "remedy_zh": remedy_zh, "remedy_en": remedy_en}
    if code == "FAC037":
        return {"mended": unicodedata.normalize("NFKC", seen)}
    if code == "FAC038":
        unseen = sorted(
            {f"U+{ord(c):04X}" for c in seen if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}
        )
        return {"marks": ", ".join(unseen)}
    if code == "FAC039":
        return {"expected": column.listed}
    return {}


def _remedy_of_date(seen: str) -> tuple[str, str]:
    """Return what to do about a text that is no date."""
    if len(seen) == SERIAL_DIGITS and seen.isdigit():
        return (
            "这是表格软件的日期序号, 把单元格设为日期格式再导出",
            "this is a spreadsheet's number of a day; format the cell as a date",
        )
    return "写成 2025-01-31 的样子", "write it like 2025-01-31"


def _remedy(column: Column, seen: str) -> tuple[str, str]:
    """Return what to do about a text that does not have the form of its type."""
    if column.type == "date":
        return "检查年份", "check the year"
    if column.type not in _LIKE:
        return "检查这一格", "check this cell"
    like = _LIKE[column.type]
    if any(sign in seen for sign in ",，"):
        return f"去掉千位分隔符, 写成 {like}", f"take out the thousands separators; write it like {like}"
    if "e" in seen.lower() and column.type != "yesno":
        return f"不用科学计数, 写成 {like}", f"write it without an exponent, like {like}"
    if any(sign in seen for sign in "￥¥元万亿"):
        return f"只写数字, 以元为单位, 如 {like}", f"write the figure alone, in yuan, like {like}"
    if column.type == "money" and seen.lstrip("-").isdigit():
        return "检查单位: 应以元计", "check the unit: it should be in yuan"
    return f"写成 {like}", f"write it like {like}"


def shown_problems(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Opened]) -> list[Problem]:
    """Return the first faults of each sort as problems, and one line for the rest of the sort."""
    rows = connection.execute(
        "SELECT kind, row_no, col, code, params, total FROM ("
        " SELECT *, row_number() OVER (PARTITION BY kind, col, code ORDER BY row_no) AS nth,"
        " count(*) OVER (PARTITION BY kind, col, code) AS total FROM faults)"
        f" WHERE nth <= {SHOWN_MAX} ORDER BY kind, row_no, col, code"
    ).fetchall()
    found = []
    rest = {}
    for kind, row_no, column, code, params, total in rows:
        found.append(fault_problem(files[kind], row_no, column, code, params))
        if total > SHOWN_MAX:
            rest[kind, column, code] = total - SHOWN_MAX
    for (kind, column, code), count in rest.items():
        at = Place(files[kind].file, sheet=files[kind].sheet)
        found.append(problem("FAC060", at, count=count, sort=code, column=column or kind))
    return found


def all_faults(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, int, str, str, list[str]]]:
    """Yield every fault in order of kind and row."""
    cursor = connection.execute(
        "SELECT kind, row_no, col, code, params FROM faults ORDER BY kind, row_no, col, code"
    )
    while rows := cursor.fetchmany(10_000):
        yield from rows
