# ruff: noqa: S608 - statements are put together from quoted names and literals of `facts.sql` only

"""Taking in a folder: every file staged and checked, the good rows in the shape in which they rest.

    t_/s_<kind>   staged rows            faults     what is wrong with which row
    r_<kind>      good rows at rest      f_<kind>   the view as it will be with this batch

Kinds are taken in the order of their references, so that what a row refers to is known by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from guanhu.facts import checks, faults, sql
from guanhu.facts.at_rest import columns_of
from guanhu.facts.coverage import FILE_NAME, VIA_ACCOUNT, VIA_LOAN, Declared, load_coverage, retyped
from guanhu.facts.folder import Found, find
from guanhu.facts.holes import holes_of
from guanhu.facts.manifest import Batch, Hole
from guanhu.facts.mapping import OwnWords, load_words
from guanhu.facts.pieces import is_whole_bank, make_pieces
from guanhu.facts.problems import problem
from guanhu.facts.reading.csv_file import open_csv
from guanhu.facts.reading.opened import Opened, engine_said
from guanhu.facts.reading.parquet_file import open_parquet
from guanhu.facts.reading.workbook import open_sheet
from guanhu.facts.regions import Cell
from guanhu.facts.relations import replace_relation
from guanhu.facts.rest import make_rest
from guanhu.facts.rows import Rows
from guanhu.facts.shares import share_out_fractions
from guanhu.facts.staging import stage
from guanhu.facts.store import FactView
from guanhu.facts.tree import check_tree
from guanhu.facts.view import ACCOUNT_SPANS, Piece, Relation, account_spans_query, relation_of
from guanhu.facts.writing import KEYS
from guanhu.kinds.schema import Column, Dated, Kind
from guanhu.values.exact import money_shown
from guanhu.values.problem import Place, Problem

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[str, int, int], None]
"""Called with the name of what is being done, how many steps are done and how many there are."""
UNREADABLE = frozenset({"FAC020", "FAC021", "FAC022", "FAC023", "FAC024", "FAC025", "FAC029"})
"""Problems of a file after which its rows say nothing."""
GRAINS = {"customer": "customers", "account": "accounts", "loan": "loans"}
"""What the object of an assignment refers to; an event's is any id of a dated row."""
SCOPES = {"person": "staff", "team": "teams", "institution": "institutions"}
"""What the subject of a figure refers to."""


_CREDIT_DAYS = """
WITH held AS (
    SELECT account_no, person_id, from_day, to_day FROM f_assignments
    WHERE grain = 'account' AND account_no IS NOT NULL
    UNION ALL
    SELECT a.account_no, g.person_id, g.from_day, g.to_day
    FROM f_assignments AS g JOIN f_accounts AS a ON a.customer_id = g.object_id WHERE g.grain = 'customer'
), turns AS (
    SELECT person_id, from_day AS day FROM f_posts UNION SELECT person_id, to_day FROM f_posts
)
SELECT account_no, from_day AS day FROM held
UNION ALL SELECT account_no, to_day FROM held
UNION ALL
SELECT h.account_no, t.day FROM held AS h
JOIN turns AS t ON t.person_id = h.person_id AND t.day > h.from_day AND t.day < h.to_day
UNION ALL
SELECT a.account_no, unnest([m.from_day, m.to_day])
FROM f_account_institutions AS m JOIN f_accounts AS a ON a.account_id = m.account_id
"""


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

    def old_relation(self, kind_name: str) -> Relation:
        """Return the SQL of what earlier batches will still own."""
        old = [piece for piece in self.pieces(kind_name) if not piece.is_table]
        return relation_of(self.kinds[kind_name], old)

    def is_supplied(self, kind_name: str) -> bool:
        """Tell whether any batch, or the one in hand, holds the kind."""
        return bool(self.pieces(kind_name))


class Intake:
    """One folder on its way in. Problems gather; nothing is written outside `connection`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        batches: Sequence[Batch],
        work: Path,
        *,
        words: OwnWords | None = None,
        accept_good: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Prepare to take in `folder` as the batch after `batches`, with room for copies in `work`.

        `words` are the bank's own headings and codes as it remembers them.
        """
        self.connection = connection
        self.folder = folder
        self.batches = tuple(batches)
        self.number = batches[-1].number + 1 if batches else 1
        self.problems: list[Problem] = []
        self.fault_problems: list[Problem] = []
        self.declared = Declared()
        self.files: dict[str, Opened] = {}
        self.counts: dict[str, int] = {}
        self.cells: dict[str, tuple[Cell, ...]] = {}
        self.holes: list[Hole] = []
        self.words = words or OwnWords()
        self._work = work
        self._accept_good = accept_good
        self._progress = progress or (lambda _what, _done, _all: None)
        self._rows: dict[str, Rows] = {}
        self._registered: set[str] = set()
        faults.make_table(connection)

    @property
    def is_stopped(self) -> bool:
        """Tell whether something that is not a matter of single rows stops the import."""
        return any(each.severity == "error" for each in self.problems)

    def run(self) -> None:
        """Read and check everything; afterwards problems, `counts` and the tables `r_` are there."""
        if not self.folder.is_dir():
            self.problems.append(problem("FAC001", Place(str(self.folder))))
            return
        self.declared, problems = load_coverage(self.folder)
        self.problems += problems
        if self.is_stopped:
            return
        for name, cells in self.declared.cells.items():
            self.cells[name] = tuple(replace(cell, batch_no=self.number) for cell in cells)
        known = [kind for batch in self.batches for kind in batch.events]
        self.problems += retyped(known, self.declared.events, "FAC016", FILE_NAME)
        own, problems = load_words(self.folder, self.declared.events)
        self.words = self.words.with_newer(own)
        self.problems += problems
        found, problems = find(self.folder, self.declared)
        self.problems += problems
        ordered = in_order(found)
        staged = []
        for done, each in enumerate(ordered):
            self._progress(f"read {each.kind.name}", done, 2 * len(ordered))
            staged += [each] if self._staged(each) else []
        self.view = PendingView(self.batches, self.number, self.cells, self.declared.events)
        for done, each in enumerate(staged):
            self._progress(f"check {each.kind.name}", len(ordered) + done, 2 * len(ordered))
            self._settle(self._rows[each.kind.name])
        self.fault_problems = faults.shown_problems(self.connection, self.files)
        self.problems += self._emptied()

    def _emptied(self) -> list[Problem]:
        """Return a warning for each kind that has no row here and had rows for some of the same days before.

        Such a sheet is either meant, or a sheet of the template that was never filled: what was known of
        these days would then be gone without a word.
        """
        told = []
        for name, count in self.counts.items():
            cells = self.cells[name]
            had = [
                batch.number
                for batch in self.batches
                if batch.counts.get(name) and _meet(cells, batch.cells[name])
            ]
            if not count and had:
                days = "、".join(dict.fromkeys(str(cell.span) for cell in cells))
                numbers = "、".join(map(str, had))
                values = {"kind": name, "zh": self.files[name].kind.zh, "days": days, "numbers": numbers}
                told.append(problem("FAC017", Place(FILE_NAME), **values))
        return told

    def _staged(self, found: Found) -> bool:
        """Open and stage one file; return whether its rows can be checked further."""
        import duckdb  # noqa: PLC0415 - it costs 0.2 s, which only who needs it pays

        try:
            opened, problems = self._opened(found)
        except OSError as error:
            opened, problems = None, [problem("FAC020", Place(found.path.name), seen=error.strerror)]
        self.problems += problems
        if opened is None or any(each.code in UNREADABLE for each in problems):
            return False
        try:
            self.counts[found.kind.name] = stage(self.connection, opened)
        except duckdb.Error as error:
            opened, problems = self._opened(found, is_mended=True)
            self.problems += problems
            if opened is None or not opened.row_no:
                said = engine_said(error, found.path)
                self.problems.append(problem("FAC020", Place(found.path.name), seen=said))
                return False
            self.counts[found.kind.name] = stage(self.connection, opened)
        self.files[found.kind.name] = opened
        faults.tell_cells(self.connection, opened)
        self._rows[found.kind.name] = Rows(self.connection, found.kind)
        return True

    def _opened(self, found: Found, *, is_mended: bool = False) -> tuple[Opened | None, list[Problem]]:
        """Open one file or sheet; a csv file that the engine could not read is written out anew."""
        own = self.words.headings.get(found.kind.name, {})
        if found.sheet is not None:
            opened, problems = open_sheet(found.sheet, found.kind, own, self._work)
        elif found.path.suffix.lower() == ".parquet":
            opened, problems = open_parquet(self.connection, found.path, found.kind, own)
        else:
            opened, problems = open_csv(found.path, found.kind, own, self._work, is_mended=is_mended)
        return (replace(opened, codes=self.words.values) if opened else None), problems

    def _settle(self, rows: Rows) -> None:
        """Check the staged rows of one kind and make `r_<kind>` of the good ones."""
        kind, cells = rows.kind, self.cells[rows.kind.name]
        if kind.name == "accounts":
            self._number_accounts()
        pieces, joined = "", "true"
        if not is_whole_bank(cells):
            self._know_institutions(kind)
        checks.check_day_order(rows)
        checks.check_coverage(rows, cells)
        if kind.dated is Dated.CHANGE:
            self._know(kind.columns[0].refers)
            pieces, joined = make_pieces(self.connection, kind, cells)
            checks.check_changes_covered(rows, cells, pieces, joined)
        self._check_references(rows)
        if kind.dated is not Dated.CHANGE:
            checks.check_doubles(rows)  # doubled change rows show when they are in order
        checks.check_overlaps(rows)
        if kind.dated is Dated.DAY and any(not piece.is_table for piece in self.view.pieces(kind.name)):
            replace_relation(self.connection, f"o_{kind.name}", self.view.old_relation(kind.name))
            checks.check_new_ids(rows, sql.name(f"o_{kind.name}"))
        if kind.dated is Dated.CHANGE:
            checks.check_openings(rows, pieces, joined)
        if kind.name == "assignments":
            self._know("accounts")
            checks.check_share_sums(rows)
            share_out_fractions(rows)
        if kind.name == "institutions":
            check_tree(rows)
        if kind.dated is Dated.SPAN and not is_whole_bank(cells):
            replace_relation(self.connection, f"o_{kind.name}", self.view.old_relation(kind.name))
            checks.check_other_batches(rows, sql.name(f"o_{kind.name}"), cells)
        if kind.name == "balances":
            self._told_below_zero(rows)
        make_rest(rows, self.number, cells, pieces, joined)
        if self._accept_good:
            self.holes += holes_of(rows, self.number, cells)

    def _told_below_zero(self, rows: Rows) -> None:
        """Say how many balances are below zero, and where the first is."""
        found = rows.all(
            f"SELECT count(*), min(row_no), arg_min(account_id, row_no), arg_min(from_day, row_no), arg_min(balance, row_no) "
            f"FROM {rows.good} WHERE balance < 0"
        )
        ((count, row_no, account, day, fen),) = found
        if count:
            place = self.files[rows.kind.name].place(row_no, "balance")
            values = {"count": count, "account": account, "day": day, "seen": money_shown(int(fen))}
            self.problems.append(problem("FAC093", place, **values))

    def credit_days(self) -> str:
        """Return a query of the days on which the credit of an account changes, as far as is known by now.

        Shapes:   out(account_no, day). Rows: any day, doubled ones too.
        """
        for name in ("accounts", "account_institutions", "assignments", "posts"):
            self._know(name)
        return _CREDIT_DAYS

    def _know(self, kind_name: str) -> None:
        """Make `f_<kind>` as it will be with this batch, once."""
        if kind_name not in self._registered:
            self._registered.add(kind_name)
            replace_relation(self.connection, f"f_{kind_name}", self.view.relation(kind_name))

    def _know_institutions(self, kind: Kind) -> None:
        """Make what says to which institution a row of `kind` belongs."""
        if kind.name in VIA_ACCOUNT:
            self._know("accounts")
            self._know("account_institutions")
            replace_relation(self.connection, ACCOUNT_SPANS, Relation(account_spans_query(), is_kept=True))
        elif kind.name in VIA_LOAN:
            self._know("loans")

    def _number_accounts(self) -> None:
        """Make `keys`: the number of every account ever seen, new ones counted on by institution, in file order.

        Rows at rest are in order of numbers: what one institution is asked for then lies together, and a reader skips
        what lies elsewhere.
        """
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
            "row_number() OVER (ORDER BY institution_id, row_no) AS INTEGER) AS account_no, account_id FROM ("
            " SELECT account_id, arg_min(institution_id, row_no) AS institution_id, min(row_no) AS row_no"
            " FROM s_accounts WHERE account_id IS NOT NULL"
            " AND account_id NOT IN (SELECT account_id FROM old_keys) GROUP BY account_id)"
        )
        self.connection.execute("CREATE VIEW keys AS FROM old_keys UNION ALL FROM new_keys")

    def _check_references(self, rows: Rows) -> None:
        """Compare every reference of the rows with what is known."""
        for column in rows.kind.file_columns:
            if column.refers:
                self._check_reference(rows, column, column.refers)
        if rows.kind.name == "assignments":
            self._check_by(rows, "object_id", "grain", GRAINS)
            self._check_events(rows)
        if rows.kind.name == "figures":
            self._check_by(rows, "subject_id", "scope", SCOPES)

    def _check_by(self, rows: Rows, column: str, chooser: str, targets: Mapping[str, str]) -> None:
        """Compare a reference whose kind another column of the row names."""
        found = rows.kind.column(column)
        used = {row[0] for row in rows.all(f"SELECT DISTINCT {chooser} FROM {rows.good}")}
        for word, target in targets.items():
            if found is not None and word in used:
                where = f"s.{chooser} = {sql.literal(word)}"
                self._check_reference(rows, replace(found, refers=target, required=False), target, where)

    def _check_reference(self, rows: Rows, column: Column, target: str, where: str = "true") -> None:
        """Tell rows whose reference is not among the target's ids; a target never supplied is told once."""
        if not self.view.is_supplied(target):
            filled = f"s.{sql.name(column.name)} IS NOT NULL AND {where}"
            if rows.one(f"SELECT count(*) FROM {rows.good} AS s WHERE {filled}"):
                code = "FAC056" if column.required else "FAC057"
                zh = self.view.kinds[target].zh
                place = self.files[rows.kind.name].place(1, column.name)
                told = problem(code, place, zh=column.zh, column=column.name, target=target, target_zh=zh)
                self.problems.append(told)
            return
        if target in self.cells and target not in self._rows:
            return  # Its file could not be read; that is told already.
        key = sql.name(self.view.kinds[target].key[0])
        if target == rows.kind.name:
            replace_relation(self.connection, f"o_{target}", self.view.old_relation(target))
            known = f"(SELECT {key} AS id FROM o_{target} UNION SELECT {key} FROM {rows.staged})"
            checks.check_references(rows, column.name, target, known, where=where)
            return
        self._know(target)
        known = f"(SELECT DISTINCT {key} AS id FROM f_{target})"
        refused = self._rows[target].refused if target in self._rows and self._rows[target].has_faults else ""
        lost = f"(SELECT DISTINCT {key} AS id FROM {refused} WHERE {key} IS NOT NULL)" if refused else ""
        checks.check_references(rows, column.name, target, known, lost, where)
        if lost and self._accept_good:
            checks.check_lost_references(rows, column.name, known, where)

    def _check_events(self, rows: Rows) -> None:
        """Compare the object of assignments of grain event with the ids of all dated rows."""
        where = "s.grain = 'event'"
        if not rows.one(f"SELECT count(*) FROM {rows.good} AS s WHERE {where}"):
            return
        parts = []
        for kind in self.view.kinds.values():
            if kind.dated is Dated.DAY and len(kind.key) == 1 and self.view.is_supplied(kind.name):
                if kind.name in self.cells and kind.name not in self._rows:
                    return
                self._know(kind.name)
                parts.append(f"SELECT {sql.name(kind.key[0])} AS id FROM {sql.name('f_' + kind.name)}")
        known = f"({' UNION '.join(parts)})" if parts else "(SELECT '' AS id WHERE false)"
        checks.check_references(rows, "object_id", "events", known, where=where)


def _meet(cells: Iterable[Cell], others: Iterable[Cell]) -> bool:
    """Tell whether some cell has a day and an institution in common with one of the others."""
    mine = list(cells)
    return any(
        cell.span.overlap(other.span) and not cell.scope.common(other.scope).is_empty
        for other in others
        for cell in mine
    )


def in_order(found: Sequence[Found]) -> list[Found]:
    """Return files so that a kind comes after the kinds it refers to; assignments and figures last."""
    left = {each.kind.name: each for each in found}
    done: list[Found] = []
    while left:
        free = [each for each in left.values() if not _waits(each.kind, left)] or list(left.values())
        done += free
        for each in free:
            del left[each.kind.name]
    return done


def _waits(kind: Kind, left: Mapping[str, Found]) -> bool:
    """Tell whether a kind refers to another that is still to come."""
    if kind.name in ("assignments", "figures"):
        return any(name not in ("assignments", "figures") for name in left)
    needed = {column.refers for column in kind.columns if column.refers not in ("", kind.name)}
    needed |= {"account_institutions", "loans"} - {kind.name} if kind.dated is Dated.CHANGE else set()
    return bool(needed & set(left))
