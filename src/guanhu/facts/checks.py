# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""Checks of rows against the coverage, against each other and against what is known already.

Each function tells faults of the rows that are good so far. The order matters only for noise: a row
with one fault is not told a second that follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from guanhu.facts import sql
from guanhu.facts.coverage import VIA_LOAN
from guanhu.facts.faults import ORDERED_DAYS
from guanhu.facts.pieces import covered_spans, spans_relation
from guanhu.facts.regions import NONE, Cell
from guanhu.facts.rows import Rows
from guanhu.facts.view import ACCOUNT_SPANS, in_scope
from guanhu.kinds.schema import Dated
from guanhu.values.exact import PPB


def check_day_order(rows: Rows) -> None:
    """Tell rows whose first day is after their last (FAC052)."""
    names = {column.name for column in rows.kind.file_columns}
    for first, last in ORDERED_DAYS:
        if {first, last} <= names:
            rows.tell(
                "FAC052",
                first,
                f"SELECT row_no, [CAST({first} AS VARCHAR), CAST({last} AS VARCHAR)] FROM {rows.staged} "
                f"WHERE {first} > {last}",
            )


def last_day_excluded(column: str) -> str:
    """Return the SQL of the first day after a span whose last day is `column`; an empty cell is open."""
    is_open = f"coalesce({column} >= DATE '9999-12-30', true)"
    return f"CASE WHEN {is_open} THEN DATE '9999-12-31' ELSE {column} + 1 END"


def check_coverage(rows: Rows, cells: Sequence[Cell]) -> None:
    """Tell rows of SPAN, DAY and ENTITY kinds outside the declared days or institutions (FAC053, FAC054)."""
    kind = rows.kind
    spans = covered_spans(cells)
    if kind.dated is Dated.CHANGE:
        return
    if kind.dated is not Dated.ENTITY:
        first = "s.from_day" if kind.dated is Dated.SPAN else f"s.{sql.name(kind.day)}"
        rows.tell(
            "FAC053",
            "from_day" if kind.dated is Dated.SPAN else kind.day,
            f"SELECT s.row_no, [CAST({first} AS VARCHAR), {sql.literal(said(cells))}] FROM {rows.good} AS s "
            f"ANTI JOIN {spans_relation(spans)} AS c ON {_meets(rows)}",
        )
    if all(cell.scope.is_all for cell in cells):
        return
    column, join = f"s.{sql.name(kind.institution)}", ""
    if kind.name in VIA_LOAN:
        column, join = "i.institution_id", " LEFT JOIN f_loans AS i ON i.loan_id = s.loan_id"
    scope = NONE
    inside = []
    for cell in cells:
        scope = scope.joined(cell.scope)
        start, end = sql.day(cell.span.start), sql.day(cell.span.end)
        meets = _meets(rows).replace("c.start_day", start).replace("c.end_day", end)
        inside.append(f"({meets} AND {in_scope(column, cell.scope)})")
    condition = in_scope(column, scope) if kind.dated is Dated.ENTITY else " OR ".join(inside)
    rows.tell(
        "FAC054",
        kind.institution or kind.key[0],
        f"SELECT s.row_no, [coalesce({column}, '-')] FROM {rows.good} AS s{join} "
        f"WHERE NOT coalesce({condition}, false)",
    )


def _meets(rows: Rows) -> str:
    """Return the condition that a row `s` has a day in the span `c`."""
    if rows.kind.dated is Dated.SPAN:
        return f"s.from_day < c.end_day AND {last_day_excluded('s.to_day')} > c.start_day"
    day = f"s.{sql.name(rows.kind.day if rows.kind.dated is Dated.DAY else 'from_day')}"
    return f"{day} >= c.start_day AND {day} < c.end_day"


def said(cells: Sequence[Cell]) -> str:
    """Return covered days as people write them."""
    return ", ".join(str(span) for span in covered_spans(cells))


def check_changes_covered(rows: Rows, cells: Sequence[Cell], pieces: str, joined: str) -> None:
    """Tell change rows outside the declared days (FAC053) or institutions (FAC054)."""
    meets = _meets(rows)
    if joined != "true":
        spans = spans_relation(covered_spans(cells))
        rows.tell(
            "FAC054",
            rows.kind.key[0],
            f"SELECT s.row_no, [i.institution_id] FROM {rows.good} AS s SEMI JOIN {spans} AS c ON {meets} "
            f"JOIN {_homes(rows)} WHERE NOT EXISTS (SELECT 1 FROM {pieces} AS c WHERE {joined} AND {meets})",
        )
    rows.tell(
        "FAC053",
        "from_day",
        f"SELECT s.row_no, [CAST(s.from_day AS VARCHAR), {sql.literal(said(cells))}] FROM {rows.good} AS s "
        f"ANTI JOIN {spans_relation(covered_spans(cells))} AS c ON {meets}",
    )


def _homes(rows: Rows) -> str:
    """Return the relation `i` that says to which institution a change row `s` belongs, and its join."""
    if rows.kind.name in VIA_LOAN:
        return "f_loans AS i ON i.loan_id = s.loan_id"
    dated = (
        f"(SELECT a.account_id, n.* FROM {ACCOUNT_SPANS} AS n "
        "JOIN f_accounts AS a ON a.account_no = n.account_no)"
    )
    on = "i.account_id = s.account_id AND s.from_day >= i.from_day AND s.from_day < i.to_day"
    return f"{dated} AS i ON {on}"


def check_doubles(rows: Rows) -> None:
    """Tell rows that have the key (and day) of another one (FAC050). All rows of the key are told."""
    kind = rows.kind
    if kind.dated is Dated.SPAN:
        return
    key = list(kind.key)
    if kind.dated is Dated.CHANGE:
        key.append("from_day")
    elif kind.dated is Dated.DAY and len(kind.key) > 1:
        key.append(kind.day)
    columns = sql.names(key)
    named = " AND ".join(f"d.{sql.name(each)} IS NOT DISTINCT FROM s.{sql.name(each)}" for each in key)
    shown = ", ".join(f"CAST(s.{sql.name(each)} AS VARCHAR)" for each in key)
    rows.tell(
        "FAC050",
        key[0],
        f"SELECT s.row_no, [concat_ws(' / ', {shown}), "
        f"CAST(CASE WHEN s.row_no = d.first THEN d.last ELSE d.first END AS VARCHAR)] FROM {rows.good} AS s "
        f"JOIN (SELECT {columns}, min(row_no) AS first, max(row_no) AS last FROM {rows.good} "
        f"GROUP BY {columns} HAVING count(*) > 1) AS d ON {named}",
    )


def check_overlaps(rows: Rows) -> None:
    """Tell spans of one key that share a day (FAC051), each with the row it overlaps."""
    if rows.kind.dated is not Dated.SPAN:
        return
    key = sql.names(rows.kind.key)
    text = rows.key_text("a")
    query = f"""
WITH spans AS (SELECT *, {last_day_excluded("to_day")} AS end_day FROM {rows.good}),
neighbours AS (
    SELECT *, max(end_day) OVER w AS before, arg_max(row_no, end_day) OVER w AS before_row FROM spans
    WINDOW w AS (
        PARTITION BY {key} ORDER BY from_day, row_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
pairs AS (SELECT {key}, row_no, before_row, from_day FROM neighbours WHERE before > from_day)
SELECT a.row_no, [{text}, CAST(a.before_row AS VARCHAR), CAST(a.from_day AS VARCHAR)] FROM pairs AS a
UNION ALL
SELECT a.before_row, [{text}, CAST(min(a.row_no) AS VARCHAR), CAST(min(a.from_day) AS VARCHAR)]
FROM pairs AS a WHERE a.before_row NOT IN (SELECT row_no FROM pairs)
GROUP BY a.before_row, {sql.names(rows.kind.key, "a")}"""
    rows.tell("FAC051", "from_day", query)


def check_references(
    rows: Rows, column: str, target: str, known: str, refused: str = "", where: str = "true"
) -> None:
    """Tell rows whose `column` is not in the relation `known(id)` of the kind `target` (FAC055).

    `refused(id)` holds ids of rows that were refused themselves: what refers to them is told as FAC059
    when the good rows are accepted, and not at all before that.
    """
    quoted = f"s.{sql.name(column)}"
    lost = f" ANTI JOIN {refused} AS x ON x.id = {quoted}" if refused else ""
    rows.tell(
        "FAC055",
        column,
        f"SELECT s.row_no, [{quoted}, {sql.literal(target)}] FROM {rows.staged} AS s "
        f"ANTI JOIN {known} AS f ON f.id = {quoted}{lost} WHERE {quoted} IS NOT NULL AND {where}",
    )


def check_lost_references(rows: Rows, column: str, known: str, where: str = "true") -> None:
    """Tell rows that refer to a row which was refused itself (FAC059)."""
    quoted = f"s.{sql.name(column)}"
    rows.tell(
        "FAC059",
        column,
        f"SELECT s.row_no, [{quoted}] FROM {rows.staged} AS s ANTI JOIN {known} AS f ON f.id = {quoted} "
        f"WHERE {quoted} IS NOT NULL AND {where} "
        f"AND s.row_no NOT IN (SELECT row_no FROM faults WHERE kind = {sql.literal(rows.kind.name)})",
    )


def check_openings(rows: Rows, pieces: str, joined: str) -> None:
    """Tell keys that lived before a covered piece and have no row on its first day (FAC058).

    Balances are compared with every account; other kinds only with the keys they have rows of.
    """
    if rows.kind.name == "loan_states":
        lived = "SELECT loan_id AS key, granted_on AS opened_on, CAST(NULL AS DATE) AS closed_on FROM f_loans"
    else:
        lived = "SELECT account_id AS key, opened_on, closed_on FROM f_accounts"
    key = sql.name(rows.kind.key[0])
    keep = "true" if rows.kind.name == "balances" else "s.first_row IS NOT NULL"
    touched = (
        f"SELECT DISTINCT {key} AS key FROM {rows.refused} WHERE {key} IS NOT NULL" if rows.has_faults else ""
    )
    skip = f" AND s.{key} NOT IN ({touched})" if touched else ""
    query = f"""
WITH lived AS ({lived}),
expected AS (
    SELECT s.{key}, c.start_day, c.end_day FROM (SELECT key AS {key}, opened_on, closed_on FROM lived) AS s
    JOIN {pieces} AS c ON {joined}
    WHERE coalesce(s.opened_on < c.start_day, true) AND coalesce(s.closed_on > c.start_day, true)
),
opened AS (SELECT {key}, from_day FROM {rows.good}),
lacking AS (
    SELECT e.* FROM expected AS e ANTI JOIN opened AS o ON o.{key} = e.{key} AND o.from_day = e.start_day
),
first AS (
    SELECT s.{key}, s.start_day, s.end_day, arg_min(b.row_no, b.from_day) AS first_row FROM lacking AS s
    LEFT JOIN {rows.good} AS b ON b.{key} = s.{key} AND b.from_day >= s.start_day AND b.from_day < s.end_day
    GROUP BY s.{key}, s.start_day, s.end_day
)
SELECT coalesce(s.first_row, 0), [s.{key}, CAST(s.start_day AS VARCHAR)] FROM first AS s WHERE {keep}{skip}"""
    rows.tell("FAC058", rows.kind.key[0], query)


def check_new_ids(rows: Rows, old: str) -> None:
    """Tell event rows whose id another batch has on a day that it still owns (FAC062)."""
    if rows.kind.dated is not Dated.DAY or len(rows.kind.key) > 1:
        return
    key, day = sql.name(rows.kind.key[0]), sql.name(rows.kind.day)
    rows.tell(
        "FAC062",
        rows.kind.key[0],
        f"SELECT s.row_no, [s.{key}, CAST(o.batch_no AS VARCHAR), CAST(o.{day} AS VARCHAR)] "
        f"FROM {rows.good} AS s JOIN {old} AS o ON o.{key} = s.{key}",
    )


def check_other_batches(rows: Rows, old: str, cells: Sequence[Cell]) -> None:
    """Tell spans whose key has a row of an earlier batch, of another institution, on these days (FAC063)."""
    start, end = "greatest(s.from_day, c.start_day)", f"least({last_day_excluded('s.to_day')}, c.end_day)"
    same = " AND ".join(
        f"o.{sql.name(each)} IS NOT DISTINCT FROM s.{sql.name(each)}" for each in rows.kind.key
    )
    rows.tell(
        "FAC063",
        "from_day",
        f"SELECT s.row_no, [{rows.key_text('s')}, CAST(min(o.batch_no) AS VARCHAR), "
        f"CAST(min(greatest(o.from_day, {start})) AS VARCHAR)] FROM {rows.good} AS s "
        f"JOIN {spans_relation(covered_spans(cells))} AS c ON {_meets(rows)} "
        f"JOIN {old} AS o ON {same} AND o.from_day < {end} AND o.to_day > {start} "
        f"GROUP BY s.row_no, {sql.names(rows.kind.key, 's')}",
    )


def check_share_sums(rows: Rows) -> None:
    """Tell assignments of one object and book whose shares exceed one on some day (FAC061)."""
    group = "grain, object_id, book"
    query = f"""
WITH spans AS (SELECT *, {last_day_excluded("to_day")} AS end_day FROM {rows.good}),
heavy AS (SELECT {group} FROM spans GROUP BY {group} HAVING sum(share) > {PPB}),
held AS (SELECT s.* FROM spans AS s SEMI JOIN heavy AS h USING ({group})),
edges AS (
    SELECT {group}, from_day AS day, share AS delta FROM held
    UNION ALL SELECT {group}, end_day, -share FROM held
),
days AS (SELECT {group}, day, sum(delta) AS delta FROM edges GROUP BY {group}, day),
totals AS (SELECT {group}, day, sum(delta) OVER (PARTITION BY {group} ORDER BY day) AS total FROM days),
over AS (SELECT {group}, min(day) AS day, arg_min(total, day) AS total, list(day) AS all_days
    FROM totals WHERE total > {PPB} GROUP BY {group})
SELECT h.row_no,
    [concat_ws(' / ', h.grain, h.object_id, h.book), CAST(o.day AS VARCHAR), CAST(o.total AS VARCHAR)]
FROM held AS h JOIN over AS o USING ({group})
WHERE len(list_filter(o.all_days, lambda d: d >= h.from_day AND d < h.end_day)) > 0"""
    rows.tell("FAC061", "share", query)
