"""One cell: the text a file may hold for each type of column, and the SQL that makes its value of it.

The text is tested by pattern before any cast, because an engine's casts round and accept in silence
('1.005', '12.7', '1e3', '0012', '2026-2-3'). A cell that fails becomes NULL and sets its column's bit
in `bad`; what is wrong with it is said later, for the few rows that have a bit set.
"""

from __future__ import annotations

from guanhu.facts import sql
from guanhu.facts.at_rest import WHEN_EMPTY
from guanhu.kinds.schema import Column
from guanhu.values.exact import PPB, RATE_SCALE

MARKS = r"\p{Cc}\p{Cf}\x{2028}\x{2029}"
"""Characters that nobody sees: controls, bidi and zero-width marks, line separators."""
_WHOLE = "(0|[1-9][0-9]{0,%d})"
PATTERNS = {
    "id": rf"[^{MARKS}\p{{Z}}０-９Ａ-Ｚａ-ｚ]+",
    "text": rf"[^{MARKS}\p{{Z}}]([^{MARKS}]*[^{MARKS}\p{{Z}}])?",
    "choice": rf"[^{MARKS}\p{{Z}}]([^{MARKS}]*[^{MARKS}\p{{Z}}])?",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "money": rf"-?{_WHOLE % 12}(\.[0-9]{{1,2}})?",
    "rate": rf"-?{_WHOLE % 2}((\.[0-9]{{1,10}})?|(\.[0-9]{{1,8}})?%|(\.[0-9]{{1,7}})?‰)",
    "share": (
        rf"(0|1|0\.[0-9]{{1,9}}|1\.0{{1,9}}|{_WHOLE % 2}(\.[0-9]{{1,7}})?%"
        r"|[1-9][0-9]{0,5}/[1-9][0-9]{0,5})"
    ),
    "number": rf"-?{_WHOLE % 19}((\.[0-9]{{1,6}})?|(\.[0-9]{{1,4}})?%)",
    "count": f"-?{_WHOLE % 14}",
    "yesno": "(是|否|yes|no|1|0)",
}
"""The text of each type, for a full match (RE2). Money stays below 10^13 yuan."""
LEAST_YEAR = 1900
"""The first year that a date may have; before it an account book is a slip of the pen."""


def value_of(column: Column, text: str, native: str = "VARCHAR") -> str:
    """Return the SQL of a column's value at rest from the source expression `text` of SQL type `native`.

    NULL when the cell is empty or its text does not fit. A source that is typed already (Parquet) skips
    the pattern where its type says as much.
    """
    direct = _native(column, text, native)
    if direct is not None:
        return direct
    if native != "VARCHAR":
        text = f"CAST({text} AS VARCHAR)"
    if native in ("DOUBLE", "FLOAT") and column.type == "count":
        text = f"regexp_replace({text}, '[.]0$', '')"
    fits = f"regexp_full_match({text}, {sql.literal(PATTERNS[column.type])})"
    return f"CASE WHEN {fits} THEN {_CASTS[column.type].format(x=text)} END"


def bad_of(column: Column, text: str, value: str) -> str:
    """Return the SQL that tells whether a cell is wrong, from the source text and the value made of it."""
    failed = f"{value} IS NULL"
    if column.type in _RANGES:
        failed = f"coalesce({value} NOT BETWEEN {_RANGES[column.type]}, true)"
    elif column.allowed:
        failed = f"coalesce({value} NOT IN {sql.strings(column.allowed)}, true)"
    return failed if column.required else f"({text} IS NOT NULL AND {failed})"


def at_rest_of(column: Column, value: str) -> str:
    """Return the SQL of what rests for a value: its documented meaning where the cell is empty."""
    return (
        f"coalesce({value}, {sql.literal(WHEN_EMPTY[column.name])})" if column.name in WHEN_EMPTY else value
    )


_RANGES = {
    "date": f"DATE '{LEAST_YEAR}-01-01' AND DATE '9999-12-31'",
    "rate": f"-{RATE_SCALE} AND {RATE_SCALE}",
    "share": f"0 AND {PPB}",
}
_PERCENT = (
    "CAST(rtrim({{x}}, '%‰') AS DECIMAL(38,{places})) * CASE right({{x}}, 1) "
    "WHEN '%' THEN {percent} WHEN '‰' THEN {mille} ELSE {one} END"
)
_CASTS = {
    "id": "{x}",
    "text": "{x}",
    "choice": "{x}",
    "date": "TRY_CAST({x} AS DATE)",
    "money": "CAST(CAST({x} AS DECIMAL(15,2)) * 100 AS BIGINT)",
    "rate": "CAST("
    + _PERCENT.format(places=10, percent=RATE_SCALE // 100, mille=RATE_SCALE // 1000, one=RATE_SCALE)
    + " AS BIGINT)",
    "share": (
        "CASE WHEN contains({x}, '/') THEN CAST(split_part({x}, '/', 1) AS BIGINT) * "
        f"{PPB}"
        " // CAST(split_part({x}, '/', 2) AS BIGINT) ELSE CAST("
        + _PERCENT.format(places=9, percent=PPB // 100, mille=PPB // 1000, one=PPB)
        + " AS BIGINT) END"
    ),
    "number": (
        "CAST(CAST(rtrim({x}, '%') AS DECIMAL(38,6)) * "
        "CASE WHEN right({x}, 1) = '%' THEN 10000 ELSE 1000000 END AS DECIMAL(38,0))"
    ),
    "count": "CAST({x} AS BIGINT)",
    "yesno": "{x} IN ('是', 'yes', '1')",
}
_WHOLE_TYPES = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})


def _native(column: Column, text: str, native: str) -> str | None:
    """Return the value from a source column that is typed so that no text need be looked at, or None."""
    limit = 10**13
    if column.type == "date" and native == "DATE":
        return text
    if column.type == "date" and native.startswith("TIMESTAMP") and "ZONE" not in native:
        return f"CASE WHEN CAST(CAST({text} AS DATE) AS TIMESTAMP) = {text} THEN CAST({text} AS DATE) END"
    if column.type == "money" and native.startswith("DECIMAL"):
        fen = f"TRY_CAST({text} AS DECIMAL(15,2))"
        return f"CASE WHEN {fen} = {text} THEN CAST({fen} * 100 AS BIGINT) END"
    if column.type == "money" and native in _WHOLE_TYPES:
        return f"CASE WHEN {text} > -{limit} AND {text} < {limit} THEN CAST({text} AS BIGINT) * 100 END"
    if column.type == "count" and native in _WHOLE_TYPES:
        return f"CASE WHEN {text} > -10 * {limit} AND {text} < 10 * {limit} THEN CAST({text} AS BIGINT) END"
    if column.type == "yesno" and native == "BOOLEAN":
        return text
    return None


def is_readable(column: Column, native: str) -> bool:
    """Tell whether a source type can be read for a column; a float can never hold an id.

    >>> is_readable(Column("account_id", "id", "账号"), "DOUBLE")
    False
    """
    if column.type in ("id", "text", "choice"):
        return native in _WHOLE_TYPES | {"VARCHAR", "HUGEINT", "UBIGINT"}
    if column.type == "date":
        return native in {"DATE", "VARCHAR"} or (native.startswith("TIMESTAMP") and "ZONE" not in native)
    if column.type == "yesno":
        return native in {"BOOLEAN", "VARCHAR"} | _WHOLE_TYPES
    return native in {"VARCHAR", "DOUBLE", "FLOAT", "HUGEINT", "UBIGINT"} | _WHOLE_TYPES or native.startswith(
        "DECIMAL"
    )
