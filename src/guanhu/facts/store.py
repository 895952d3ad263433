"""A bank's folder and its facts as of any moment.

    bank.toml            name and format of the folder
    batches/0001/ …      immutable imports: Parquet files and a manifest
    mapping.yaml         the bank's own headings and codes, remembered from import to import

Nothing here writes facts; `importing` does.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from guanhu.facts.at_rest import CUTS, INDEXES, MONTHS, QUARTERS
from guanhu.facts.coverage import VIA_ACCOUNT, VIA_LOAN, retyped
from guanhu.facts.manifest import MANIFEST, Batch, Hole, load_batch, sha256_of
from guanhu.facts.months import by_month, cuts_relation, index_relation
from guanhu.facts.problems import problem
from guanhu.facts.regions import ALL, Cell, listed, owned, subtracted
from guanhu.facts.relations import Named, named, replace_relation
from guanhu.facts.view import ACCOUNT_SPANS, Piece, Relation, relation_of
from guanhu.kinds.catalogue import CATALOGUE
from guanhu.kinds.schema import Dated, Kind
from guanhu.values.dates import Span
from guanhu.values.problem import Place, Problem, Refused

if TYPE_CHECKING:
    import duckdb

BANK_FILE = "bank.toml"
BANK_FORMAT = 1
BATCHES = "batches"
_NUMBER = re.compile(r"[0-9]{4,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """Where visible rows of a kind rest: a Parquet file, the days and institutions of it that count.

    `institutions` is None for all institutions but those in `all_but`.
    """

    path: Path
    span: Span
    institutions: tuple[str, ...] | None
    all_but: tuple[str, ...]
    batch_no: int


class Bank:
    """A bank's folder."""

    def __init__(self, path: Path | str, name: str | None = None) -> None:
        """Open the folder.

        Errors:   Refused with FAC002 when it is not a bank's folder of a format that is known.
        """
        self.path = Path(path)
        self.name = name if name is not None else _name_in(self.path)

    @classmethod
    def create(cls, path: Path | str, name: str) -> Bank:
        """Make an empty bank's folder named `name` at `path`, which must be new or empty.

        Errors:   Refused with FAC002 when something is there already.
        """
        folder = Path(path)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Refused([problem("FAC002", Place(str(folder)), seen="…")])
        (folder / BATCHES).mkdir(parents=True)
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        (folder / BANK_FILE).write_text(f'format = {BANK_FORMAT}\nname = "{quoted}"\n', "utf-8")
        return cls(folder, name)

    def batches(self, as_of: datetime | int | None = None) -> tuple[Batch, ...]:
        """Return the batches in order of number: all, up to a number, or imported up to a moment.

        Errors:   Refused with FAC082 when a manifest cannot be read, FAC083 when the number is not there, FAC090 when
                  a batch before the last is not there: an import gives the next number only when it is complete;
                  FAC091 when a batch is not the one after which the next was imported.
        """
        found, problems = [], []
        folder = self.path / BATCHES
        there = [each for each in folder.iterdir() if _NUMBER.fullmatch(each.name)] if folder.is_dir() else []
        for each in sorted(there, key=lambda path: int(path.name)):
            try:
                found.append(load_batch(each))
            except (OSError, ValueError, KeyError, TypeError) as error:
                problems.append(problem("FAC082", Place(f"{BATCHES}/{each.name}/{MANIFEST}"), seen=error))
        if problems:
            raise Refused(problems)
        numbers = [batch.number for batch in found]
        if numbers != [*range(1, len(numbers) + 1)]:
            missing = sorted({*range(1, max(numbers) + 1)}.difference(numbers)) or numbers
            texts = {"missing": ", ".join(map(str, missing)), "seen": ", ".join(map(str, numbers))}
            raise Refused([problem("FAC090", Place(str(folder)), **texts)])
        if problems := _replaced(found):
            raise Refused(problems)
        if isinstance(as_of, int) and as_of not in {0, *(batch.number for batch in found)}:
            last = found[-1].number if found else 0
            raise Refused([problem("FAC083", Place(str(self.path)), seen=as_of, last=last)])
        return tuple(batch for batch in found if _is_known(batch, as_of))

    def view(self, as_of: datetime | int | None = None, events: Sequence[Kind] = ()) -> FactView:
        """Return the facts as they were known: at the end of a batch, at a moment, or now.

        `events` are the kinds of event that a rulebook declares; without them those of the batches serve.

        Errors:   Refused with FAC082, FAC083, or FAC086 when an event's column rests as another type.
        """
        batches = self.batches(as_of)
        known = [kind for batch in batches for kind in batch.events]
        if problems := retyped(known, events, "FAC086", str(self.path)):
            raise Refused(problems)
        return FactView(batches, events)

    def damaged(self) -> list[Problem]:
        """Return a problem for each file that is not what its batch's manifest says; reads every byte.

        Errors:   FAC087; Refused with FAC082 when a manifest cannot be read.
        """
        found = []
        for batch in self.batches():
            for stored in batch.files.values():
                path = batch.path / stored.file
                if not path.is_file() or sha256_of(path) != stored.sha256:
                    found.append(problem("FAC087", Place(f"{BATCHES}/{batch.path.name}/{stored.file}")))
        return found


def _replaced(batches: Sequence[Batch]) -> list[Problem]:
    """Return a problem for each batch whose manifest is not the one that the next batch names."""
    return [
        problem(
            "FAC091", Place(f"{BATCHES}/{one.path.name}/{MANIFEST}"), number=one.number, next=after.number
        )
        for one, after in pairwise(batches)
        if after.before_sha256 and after.before_sha256 != one.manifest_sha256
    ]


def _is_known(batch: Batch, as_of: datetime | int | None) -> bool:
    """Tell whether a batch was there as of a number or moment."""
    if as_of is None:
        return True
    return batch.number <= as_of if isinstance(as_of, int) else batch.imported_at <= as_of


def _name_in(path: Path) -> str:
    """Return the bank's name from its `bank.toml`."""
    try:
        plain = tomllib.loads((path / BANK_FILE).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused([problem("FAC002", Place(str(path / BANK_FILE)), seen=error)]) from error
    if plain.get("format") != BANK_FORMAT or not isinstance(plain.get("name"), str):
        seen = f"format = {plain.get('format')}, expected {BANK_FORMAT}"
        raise Refused([problem("FAC002", Place(str(path / BANK_FILE)), seen=seen)])
    return str(plain["name"])


class FactView:
    """The facts as of some batch: one relation per kind, and what is known about their coverage."""

    def __init__(self, batches: Sequence[Batch], events: Sequence[Kind] = ()) -> None:
        """Plan the view; nothing is read but manifests, already loaded."""
        self.batches = tuple(batches)
        declared = {kind.name: kind for batch in self.batches for kind in batch.events}
        declared |= {kind.name: kind for kind in events}
        self.kinds = {kind.name: kind for kind in (*CATALOGUE, *declared.values())}
        self._pieces: dict[str, tuple[Piece, ...]] = {}

    @property
    def as_of_batch(self) -> int:
        """Return the number of the newest batch seen, 0 when there is none."""
        return self.batches[-1].number if self.batches else 0

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 over what the batches say; the moments of import do not count."""
        return hashlib.sha256("\n".join(batch.digest for batch in self.batches).encode()).hexdigest()

    def sayings(self, kind_name: str) -> list[Piece]:
        """Return what each batch says of a kind, oldest first, as if each owned all it declared."""
        found = []
        for batch in self._saying(kind_name):
            stored = batch.files[kind_name]
            path = str(batch.file_path(kind_name))
            found.append(Piece(path, stored.columns, batch.number, batch.cells[kind_name]))
        return found

    def pieces(self, kind_name: str) -> tuple[Piece, ...]:
        """Return what each batch says of a kind and still owns, oldest first."""
        if kind_name not in self._pieces:
            said = self.sayings(kind_name)
            left = owned(piece.declared for piece in reversed(said))
            pairs = zip(said, reversed(left), strict=True)
            self._pieces[kind_name] = tuple(replace(piece, owned=cells) for piece, cells in pairs)
        return self._pieces[kind_name]

    def sources(self, kind_name: str) -> tuple[Source, ...]:
        """Return the owned part of each Parquet file of a kind, oldest first, as pure values."""
        return tuple(
            Source(Path(piece.relation), cell.span, cell.institutions, cell.all_but, piece.batch_no)
            for piece in self.pieces(kind_name)
            for cell in piece.owned
        )

    def coverage(self, kind_name: str) -> tuple[Cell, ...]:
        """Return the owned cells of a kind in order of days."""
        cells = (cell for piece in self.pieces(kind_name) for cell in piece.owned)
        return tuple(sorted(cells, key=lambda cell: (cell.span, cell.batch_no)))

    def relation(self, kind_name: str) -> Relation:
        """Return the SQL of a kind's view, or of an index of the balances."""
        if kind_name == MONTHS:
            return Relation(by_month(f"f_{QUARTERS}"))
        if kind_name in INDEXES:
            paths = {b.number: str(b.file_path(kind_name)) for b in self.batches if kind_name in b.files}
            balances = self.pieces("balances")
            if kind_name == CUTS:
                return cuts_relation(balances, paths)
            return index_relation(balances, paths, self.holes("balances"))
        return relation_of(self.kinds[kind_name], self.pieces(kind_name))

    def relations(self, kinds: Iterable[str] | None = None) -> Iterator[Named]:
        """Yield the relations of these kinds (all by default, and the indexes), and first what their views read."""
        yield from named(lambda _kind: self, [*self.kinds, *INDEXES] if kinds is None else kinds)

    def register(self, connection: duckdb.DuckDBPyConnection, kinds: Iterable[str] | None = None) -> None:
        """Make `f_<kind>` in `connection` for each kind (all by default), and the indexes of the balances.

        Plain reads of Parquet become SQL views; what needs merging or choosing is kept as a table, and
        so made once. What a kind's view itself reads (accounts for balances by institution) is made too.
        """
        for name, relation, _ in self.relations(kinds):
            replace_relation(connection, name, relation)

    def rows(self, kind_name: str) -> int:
        """Return the most rows that a kind's view, or an index, can have: each cut of a file counts whole."""
        base = "balances" if kind_name in INDEXES else kind_name
        stored = QUARTERS if kind_name == MONTHS else kind_name
        pairs = zip(self.pieces(base), self._saying(base), strict=True)
        return sum(batch.files[stored].rows * len(p.owned) for p, batch in pairs if stored in batch.files)

    def with_needed(self, wanted: list[str]) -> list[str]:
        """Return the wanted kinds with those that their views read, in an order that works."""
        needed: list[str] = []
        for name in wanted:
            base = "balances" if name in INDEXES else name
            parts = (
                []
                if all(cell.scope.is_all for piece in self.pieces(base) for cell in piece.owned)
                else [base]
            )
            if parts and base in VIA_ACCOUNT:
                needed += ["accounts", "account_institutions", ACCOUNT_SPANS]
            if parts and base in VIA_LOAN:
                needed.append("loans")
            if name in INDEXES:
                needed += ["accounts", "balances", *([QUARTERS] if name == MONTHS else [])]
            needed.append(name)
        return list(dict.fromkeys(needed))

    def supplies(self, kind_name: str) -> bool:
        """Tell whether any batch holds a kind."""
        return any(kind_name in batch.cells for batch in self.batches)

    def missing(self, kind_name: str, span: Span) -> list[Span]:
        """Return the days of `span` that no batch covers for at least one institution that is known.

        When only listed institutions are covered and no institution is known, the days are missing.
        """
        return [cell.span for cell in self.missing_cells(kind_name, span)]

    def missing_cells(self, kind_name: str, span: Span) -> tuple[Cell, ...]:
        """Return what `missing` tells with the institutions that lack, as cells of batch 0."""
        found = []
        for cell in subtracted([Cell(span, ALL, 0)], self.coverage(kind_name)):
            if cell.scope.is_all or not self.institution_ids:
                found.append(cell)
                continue
            lacking = listed(self.institution_ids).common(cell.scope)
            if not lacking.is_empty:
                found.append(Cell(cell.span, lacking, 0))
        return tuple(found)

    @cached_property
    def institution_ids(self) -> frozenset[str]:
        """Return the ids of all institutions seen; reads their Parquet files."""
        import duckdb  # noqa: PLC0415 - it costs 0.2 s, which only who needs it pays

        if not self.pieces("institutions"):
            return frozenset()
        with duckdb.connect() as connection:
            self.register(connection, ["institutions"])
            rows = connection.execute("SELECT DISTINCT institution_id FROM f_institutions").fetchall()
        return frozenset(row[0] for row in rows)

    def holes(self, kind_name: str) -> tuple[Hole, ...]:
        """Return the rows of a kind known to be missing, cut to the cells that their batches still own."""
        found = []
        for piece, batch in zip(self.pieces(kind_name), self._saying(kind_name), strict=True):
            for hole in batch.holes() if batch.hole_count else ():
                if hole.kind == kind_name:
                    found += _still_open(hole, piece.owned, self.kinds[kind_name])
        return tuple(found)

    def _saying(self, kind_name: str) -> list[Batch]:
        """Return the batches that hold a file of the kind, in the order of `pieces`."""
        return [batch for batch in self.batches if kind_name in batch.cells and kind_name in batch.files]

    def statistics(self, kind_name: str, column: str) -> tuple[int, int, int] | None:
        """Return (least, greatest, row count) of a whole-number column over all visible files.

        A bound, not an exact range: rows that are no longer visible may widen it. A file that is read in
        several cuts counts its rows once per cut. None when there is no row.
        """
        rows, lows, highs = 0, [], []
        base = "balances" if kind_name in INDEXES else kind_name
        for piece, batch in zip(self.pieces(base), self._saying(base), strict=True):
            stored = batch.files.get(kind_name)
            if stored is None or not piece.owned:
                continue
            rows += stored.rows * len(piece.owned)
            if column in stored.ranges:
                lows.append(stored.ranges[column][0])
                highs.append(stored.ranges[column][1])
        return (min(lows), max(highs), rows) if lows else None


def _still_open(hole: Hole, cells: Sequence[Cell], kind: Kind) -> list[Hole]:
    """Return the part of a hole that no newer batch has covered."""
    if kind.dated is Dated.ENTITY:
        return [hole] if cells else []
    found = []
    for cell in cells:
        common = hole.span.overlap(cell.span)
        if common and (not hole.institution_id or hole.institution_id in cell.scope):
            found.append(
                Hole(hole.kind, hole.key, common, hole.batch_no, hole.row_no, hole.code, hole.institution_id)
            )
    return found
