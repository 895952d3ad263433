# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""The tree of institutions: on no day may one be above itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guanhu.facts.checks import last_day_excluded
from guanhu.facts.rows import Rows


def circle_in(parents: Mapping[str, str]) -> list[str]:
    """Return the ids of one circle of parents, or nothing.

    >>> circle_in({"a": "b", "b": "c", "c": "b"}), circle_in({"a": "b"})
    (['b', 'c', 'b'], [])
    """
    settled: set[str] = set()
    for start in sorted(parents):
        path: list[str] = []
        each = start
        while each in parents and each not in settled:
            if each in path:
                return [*path[path.index(each) :], each]
            path.append(each)
            each = parents[each]
        settled.update(path)
    return []


def check_tree(rows: Rows) -> None:
    """Tell the institutions of a circle of parents, on the first day on which there is one (FAC064)."""
    found = rows.all(
        f"SELECT row_no, institution_id, parent_id, from_day, {last_day_excluded('to_day')} FROM {rows.good} "
        "WHERE parent_id IS NOT NULL ORDER BY from_day, institution_id"
    )
    for day in sorted({row[3] for row in found}):
        there = {row[1]: (row[0], row[2]) for row in found if row[3] <= day < row[4]}
        circle = circle_in({key: parent for key, (_, parent) in there.items()})
        if circle:
            _tell(rows, (there[key][0] for key in circle[1:]), " → ".join(circle), str(day))
            return


def _tell(rows: Rows, row_numbers: Iterable[int], circle: str, day: str) -> None:
    """Tell the rows of a circle."""
    table = "VALUES " + ", ".join(f"({row_no})" for row_no in row_numbers)
    rows.connection.execute("CREATE OR REPLACE TABLE circle AS SELECT ? AS text, ? AS day", [circle, day])
    rows.tell(
        "FAC064", "parent_id", f"SELECT v.row_no, [c.text, c.day] FROM ({table}) AS v(row_no), circle AS c"
    )
