"""Taking in a folder: every file staged and checked, the good rows in the shape in which they rest.

    t_/s_<kind>   staged rows            faults     what is wrong with which row
    r_<kind>      good rows at rest      f_<kind>   the view as it will be with this batch

Kinds are taken in the order of their references, so that what a row refers to is known by then.
"""

# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from guanhu.facts import faults, sql
from guanhu.facts.at_rest import HAS_ACCOUNT_NO, columns_of, order_of
from guanhu.facts.coverage import Declared, load_coverage
from guanhu.facts.folder import Found, find
from guanhu.facts.manifest import Batch
from guanhu.facts.problems import problem
from guanhu.facts.reading.csv_file import open_csv
from guanhu.facts.reading.opened import Opened
from guanhu.facts.reading.parquet_file import open_parquet
from guanhu.facts.regions import Cell
from guanhu.facts.staging import stage
from guanhu.facts.store import FactView, replace_relation
from guanhu.facts.view import Piece
from guanhu.facts.writing import KEYS
from guanhu.kinds.schema import Dated, Kind
from guanhu.values.dates import FAR_FUTURE
from guanhu.values.problem import Place, Problem

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[str, int, int], None]
"""Called with the name of what is being done, how many steps are done and how many there are."""


class PendingView(FactView):
    """The view as it will be once the batch in hand is there; its rows are still tables."""

    def __init__(
        self,
        batches: Sequence[Batch],
        number: int,
        cells: Mapping[str, tuple[Cell, ...]],
        events: Sequence[Kind],
    ) -> None:
        """Plan over `batches` and the tables `r_<kind>` of the kinds in `cells`."""
        super().__init__(batches, events)
        self._number = number
        self._cells = cells

    def sayings(self, kind_name: str) -> list[Piece]:
        """Return what each batch says, the one in hand last."""
        said = super().sayings(kind_name)
        if kind_name in self._cells:
            columns = tuple(name for name, _ in columns_of(self.kinds[kind_name]))
            table = sql.name(f"r_{kind_name}")
            said.append(Piece(table, columns, self._number, self._cells[kind_name], is_table=True))
        return said


class Intake:
    """One folder on its way in. Problems gather; nothing is written outside `connection`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        batches: Sequence[Batch],
        progress: Progress | None = None,
    ) -> None:
        """Prepare to take in `folder` as the batch after `batches`."""
        self.connection = connection
        self.folder = folder
        self.batches = tuple(batches)
        self.number = batches[-1].number + 1 if batches else 1
        self.problems: list[Problem] = []
        self.declared = Declared()
        self.files: dict[str, Opened] = {}
        self.counts: dict[str, int] = {}
        self.cells: dict[str, tuple[Cell, ...]] = {}
        self._progress = progress or (lambda _what, _done, _all: None)
        faults.make_table(connection)

    @property
    def has_errors(self) -> bool:
        """Tell whether something stops the import."""
        return any(each.severity == "error" for each in self.problems)

    def run(self) -> None:
        """Read and check everything; afterwards `problems`, `counts` and the tables `r_` are there."""
        if not self.folder.is_dir():
            self.problems.append(problem("FAC001", Place(str(self.folder))))
            return
        self.declared, problems = load_coverage(self.folder)
        self.problems += problems
        if self.has_errors:
            return
        self.cells = {
            name: tuple(replace(cell, batch_no=self.number) for cell in cells)
            for name, cells in self.declared.cells.items()
        }
        found, problems = find(self.folder, self.declared)
        self.problems += problems
        view = PendingView(self.batches, self.number, self.cells, self.declared.events)
        ordered = in_order(found)
        for done, each in enumerate(ordered):
            self._progress(each.kind.name, done, len(ordered))
            if self._staged(each):
                self._settle(each.kind, view)
        self.problems += faults.shown_problems(self.connection, self.files)

    def _staged(self, found: Found) -> bool:
        """Open and stage one file; return whether its rows can be checked further."""
        import duckdb  # noqa: PLC0415 - it costs 0.2 s, which only who needs it pays

        own: Mapping[str, str] = {}
        if found.path.suffix.lower() == ".parquet":
            opened, problems = open_parquet(self.connection, found.path, found.kind, own)
        else:
            opened, problems = open_csv(found.path, found.kind, own)
        self.problems += problems
        if opened is None or any(each.severity == "error" for each in problems):
            return False
        try:
            self.counts[found.kind.name] = stage(self.connection, opened)
        except duckdb.Error as error:
            self.problems.append(problem("FAC020", Place(opened.file), seen=str(error).splitlines()[0]))
            return False
        self.files[found.kind.name] = opened
        faults.tell_cells(self.connection, opened)
        return True

    def _settle(self, kind: Kind, view: PendingView) -> None:
        """Check the staged rows of one kind and make `r_<kind>` of the good ones."""
        connection = self.connection
        if kind.name == "accounts":
            self._number_accounts()
        for column in kind.file_columns:
            if column.refers and column.refers != kind.name:
                self._check_reference(kind, column.name, column.refers, view)
        good = (
            f"SELECT * FROM {sql.name('s_' + kind.name)} WHERE bad = 0 AND row_no NOT IN "
            f"(SELECT row_no FROM faults WHERE kind = {sql.literal(kind.name)})"
        )
        query = rest_query(kind, good, self.number, self.cells[kind.name])
        connection.execute(
            f"CREATE TABLE {sql.name('r_' + kind.name)} AS {query} ORDER BY {sql.names(order_of(kind))}"
        )
        if kind.name in ("accounts", "loans", "institutions", "account_institutions"):
            replace_relation(connection, f"f_{kind.name}", view.relation(kind.name))

    def _number_accounts(self) -> None:
        """Make `keys`: the number of every account ever seen, new ones counted on in file order."""
        known = [str(batch.file_path(KEYS)) for batch in self.batches if KEYS in batch.files]
        base = (
            f"SELECT account_no, account_id FROM {sql.parquet(known)}"
            if known
            else "SELECT 0, '' WHERE false"
        )
        self.connection.execute(
            f"CREATE TABLE old_keys AS SELECT * FROM ({base}) AS k(account_no, account_id)"
        )
        self.connection.execute(
            "CREATE TABLE new_keys AS SELECT CAST((SELECT coalesce(max(account_no), 0) FROM old_keys) + "
            "row_number() OVER (ORDER BY row_no) AS INTEGER) AS account_no, account_id FROM ("
            " SELECT account_id, min(row_no) AS row_no FROM s_accounts WHERE account_id IS NOT NULL"
            " AND account_id NOT IN (SELECT account_id FROM old_keys) GROUP BY account_id)"
        )
        self.connection.execute("CREATE VIEW keys AS FROM old_keys UNION ALL FROM new_keys")

    def _check_reference(self, kind: Kind, column: str, target: str, view: PendingView) -> None:
        """Tell rows whose reference is not among the target's ids."""
        target_kind = view.kinds[target]
        replace_relation(self.connection, f"f_{target}", view.relation(target))
        key, staged = sql.name(target_kind.key[0]), sql.name("s_" + kind.name)
        quoted = sql.name(column)
        faults.tell(
            self.connection,
            kind.name,
            "FAC055",
            column,
            f"SELECT s.row_no, [s.{quoted}] FROM {staged} AS s ANTI JOIN f_{target} AS f ON f.{key} = s.{quoted} "
            f"WHERE s.{quoted} IS NOT NULL",
        )


def in_order(found: Sequence[Found]) -> list[Found]:
    """Return files so that a kind comes after the kinds it refers to."""
    left = {each.kind.name: each for each in found}
    done: list[Found] = []
    while left:
        free = [
            each
            for each in left.values()
            if not any(c.refers in left and c.refers != each.kind.name for c in each.kind.columns)
        ] or list(left.values())
        done += free
        for each in free:
            del left[each.kind.name]
    return done


def rest_query(kind: Kind, good: str, number: int, cells: Sequence[Cell]) -> str:
    """Return the SQL of the rows at rest from good staged rows, cut to the batch's own cells."""
    spans = [cell.span for cell in cells]
    shown = []
    for name, _type in columns_of(kind):
        quoted = sql.name(name)
        special = {
            "batch_no": f"CAST({number} AS INTEGER) AS batch_no",
            "account_no": "k.account_no",
        }
        if kind.dated is Dated.CHANGE:
            special["to_day"] = (
                f"least(lead(s.from_day) OVER (PARTITION BY {sql.names(kind.key, 's')} ORDER BY s.from_day), c.end_day) AS to_day"
            )
        if kind.dated is Dated.SPAN:
            special["from_day"] = "greatest(s.from_day, c.start_day) AS from_day"
            special["to_day"] = f"least({_end('s.to_day')}, c.end_day) AS to_day"
        shown.append(special.get(name, f"s.{quoted}"))
    join = ""
    if kind.name in HAS_ACCOUNT_NO:
        on = (
            "k.account_id = s.object_id AND s.grain = 'account'"
            if kind.name == "assignments"
            else "k.account_id = s.account_id"
        )
        join = f" {'LEFT ' if kind.name == 'assignments' else ''}JOIN {'keys' if kind.name == 'accounts' else 'f_accounts'} AS k ON {on}"
    if kind.dated in (Dated.SPAN, Dated.CHANGE):
        rows = ", ".join(f"({sql.day(span.start)}, {sql.day(span.end)})" for span in spans)
        inside = (
            "s.from_day >= c.start_day AND s.from_day < c.end_day"
            if kind.dated is Dated.CHANGE
            else f"s.from_day < c.end_day AND {_end('s.to_day')} > c.start_day"
        )
        join += f" JOIN (VALUES {rows}) AS c(start_day, end_day) ON {inside}"
    return f"SELECT {', '.join(shown)} FROM ({good}) AS s{join}"


def _end(last_day: str) -> str:
    """Return the SQL of the first day after a span whose last day is included; empty is open."""
    far = sql.day(FAR_FUTURE)
    return f"CASE WHEN {last_day} IS NULL OR {last_day} >= {sql.day(date(FAR_FUTURE.year, 12, 30))} THEN {far} ELSE {last_day} + 1 END"
