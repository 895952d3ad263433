"""Spark: what is large stays there, what is small comes home.

A relation has one of two places. *Away* it is Parquet that Spark wrote, or a view over it, read by as many workers as
there are; *at home* it is a table of a DuckDB connection beside the driver. A query that reads anything away is
executed there, with what it reads of home sent along; its result comes home when it has few rows (one for each
manager, say), and stays away otherwise. A query that reads only home never leaves it: a run asks hundreds of
small questions, and each would cost Spark a tenth of a second.

Facts, too, stay away when they have more rows than that. With `home_rows` 0 everything is executed by Spark.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlglot
from pyspark.sql import DataFrame, SparkSession
from sqlglot import exp

from guanhu.engines.duckdb import DuckDBEngine
from guanhu.engines.spark_words import SparkWords, without_qualify

HOME_ROWS = 200_000
"""The most rows of a relation that is kept at home unless the caller says otherwise."""
LOCAL = "local[*]"
_TOLD = 2000
"""How much of what Spark told is shown when its session cannot be opened."""
_SETTINGS = {
    # An overflow or a bad cast ends the run; it never gives a null or a wrapped figure.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "Asia/Shanghai",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # What is small as a file or in a shuffle may be millions of accounts, more than one machine can hand to all others.
    "spark.sql.sources.fileCompressionFactor": "30",
    "spark.sql.adaptive.autoBroadcastJoinThreshold": "2MB",
}


@contextmanager
def spark_session(master: str = LOCAL, settings: dict[str, str] | None = None) -> Iterator[SparkSession]:
    """Open a session on a master (`local[2]`, `spark://host:7077`, `yarn`), and stop it at the end.

    What Spark tells on its way is kept in a file until then, and shown when the session cannot be opened.
    """
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="guanhu-") as folder:
        builder = SparkSession.builder.master(master).appName("guanhu")
        own = {"spark.sql.warehouse.dir": folder, "spark.local.dir": folder}
        if master.startswith("local"):
            # The 200 of a cluster cost a second for each statement here.
            own |= {
                "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),
                "spark.driver.memory": "2g",
            }
        for name, value in {**_SETTINGS, **own, **(settings or {})}.items():
            builder = builder.config(name, value)
        told = Path(folder) / "spark.log"
        try:
            with _errors_into(told):
                session = builder.getOrCreate()
        except Exception as error:
            error.add_note(told.read_text("utf-8", errors="replace")[-_TOLD:])
            raise
        try:
            yield session
        finally:
            session.stop()


@contextmanager
def _errors_into(path: Path) -> Iterator[None]:
    """Have what a child process that is started meanwhile says of errors written to a file."""
    with path.open("wb") as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class SparkEngine:
    """Executes syntax trees in Spark, and small ones beside it."""

    def __init__(
        self, session: SparkSession, work: Path | None = None, home_rows: int = HOME_ROWS, threads: int = 0
    ) -> None:
        """Take a session, and a folder that the driver and all workers see; without one, one of this machine's."""
        self.session = session
        self.home = DuckDBEngine(threads=threads)
        self.home_rows = home_rows
        self._work = Path(tempfile.mkdtemp(prefix="guanhu-", dir=work)).resolve()
        self._away: dict[str, str] = {}
        """The relations away, and the name of each in Spark."""
        self._views: dict[str, set[str]] = {}
        """The views away that were never kept, and what each reads there."""
        self._folders: dict[str, Path] = {}
        """The files of the relations that were kept away."""
        self._kept = 0
        self._sent: dict[str, str] = {}
        """The relations at home that were sent, and the name of each in Spark."""
        self._held: list[DataFrame] = []
        """Parts of the query that is being executed, held because it reads them more than once."""
        self._names: list[str] = []
        """Every name that Spark was given."""
        self._at_home: dict[str, str] = {}
        """What each relation at home is: TABLE or VIEW."""

    def facts(self, view: Any, kinds: Sequence[str]) -> None:
        """Make the facts of these kinds readable as `f_<kind>`, the large ones away."""
        for name, relation, rows in view.relations(kinds):
            query = sqlglot.parse_one(relation.query, dialect="duckdb")
            if rows <= self.home_rows and not self._reads_away(query):
                self._make_room(name, "TABLE" if relation.is_kept else "VIEW")
                (self.home.create if relation.is_kept else self.home.show)(name, query)
            elif relation.is_kept:
                self._keep(name, self._frame(query))
            else:
                self._show(name, query)

    def execute(self, query: exp.Expr) -> None:
        """Execute an insert; what it inserts is brought to where its table is, which is at home."""
        if not isinstance(query, exp.Insert):
            raise TypeError(f"{type(query).__name__} is no insert")
        target = query.this.name
        if target in self._away:
            self._bring(target)
        self._sent.pop(target, None)
        rows = query.expression
        if self._reads_away(rows):
            frame = self._frame(rows)
            # Values are inserted by their place: the names may be none, or twice the same.
            frame = frame.toDF(*(f"c{place}" for place in range(len(frame.columns))))
            self._keep("~inserted", frame, at_home=True)
            rows = exp.select(exp.Star()).from_(exp.table_("~inserted", quoted=True))
        self.home.execute(exp.Insert(this=query.this, expression=rows))

    def rows(self, query: exp.Expr) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        if not self._reads_away(query):
            return self.home.rows(query)
        found = self._frame(query).toArrow()
        columns = [[_plain(value) for value in column.to_pylist()] for column in found.columns]
        return list(zip(*columns, strict=True)) if columns else []

    def create(self, name: str, query: exp.Expr) -> None:
        """Keep the rows of a query as the table `name`."""
        if self._reads_away(query):
            self._keep(name, self._frame(query))
        else:
            self._make_room(name, "TABLE")
            self.home.create(name, query)

    def show(self, name: str, query: exp.Expr) -> None:
        """Make the rows of a query readable as `name` without keeping them."""
        if self._reads_away(query):
            self._show(name, query)
        else:
            self._make_room(name, "VIEW")
            self.home.show(name, query)

    def load(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        """Keep given rows as the table `name`, at home."""
        self._make_room(name, "TABLE")
        self.home.load(name, columns, rows)

    def reside(self, name: str, keys: Sequence[str]) -> None:
        """Hold the rows of a relation in memory from now on, with an index on each of the key columns."""
        if name in self._away:
            self._bring(name)
        self.home.reside(name, keys)

    def drop(self, name: str) -> None:
        """Forget a table, wherever it is."""
        self._make_room(name)

    def write(self, query: exp.Expr, path: Path) -> None:
        """Write the rows of a query as one Parquet file, in the query's order; it is read at home for that."""
        for name in self._read(query):
            if name in self._views:
                self._keep(name, self.session.table(self._away[name]))
        self.home.write(query, path)

    def close(self) -> None:
        """Forget all that was kept; the session stays open."""
        for name in self._names:
            self.session.catalog.dropTempView(name)
        self.home.close()
        shutil.rmtree(self._work, ignore_errors=True)

    # -- places --

    def _read(self, query: exp.Expr) -> set[str]:
        """Return the relations that a query reads."""
        named = {cte.alias for cte in query.find_all(exp.CTE)}
        return {x.name for x in query.find_all(exp.Table) if isinstance(x.this, exp.Identifier)} - named

    def _reads_away(self, query: exp.Expr) -> bool:
        if self.home_rows == 0 and query.find(exp.ReadParquet):
            return True
        return not self._away.keys().isdisjoint(self._read(query))

    def _keep(self, name: str, frame: DataFrame, *, at_home: bool = False) -> None:
        """Have Spark write a result; take it home when it is small, or when it has to be there."""
        self._kept += 1
        folder = self._work / f"r{self._kept}"
        frame.write.parquet(str(folder))
        for part in self._held:
            part.unpersist()
        self._held.clear()
        source = self._source_at_home(folder)
        ((count,),) = self.home.rows(exp.select(exp.Count(this=exp.Star())).from_(source.subquery("x")))
        stays = not at_home and count > self.home_rows
        self._make_room(name, "VIEW" if stays else "TABLE")
        if not stays:
            self.home.create(name, source)
            shutil.rmtree(folder)
            return
        # At home it stays readable, for what only one file can hold.
        self.home.show(name, source)
        self._away[name] = self._named(self.session.read.parquet(str(folder)))
        self._folders[name] = folder

    def _show(self, name: str, query: exp.Expr) -> None:
        reads = self._read(query)
        frame = self._frame(query)
        self._make_room(name)
        self._away[name] = self._named(frame)
        self._views[name] = reads

    def _make_room(self, name: str, kind: str = "") -> None:
        """Make room for a relation of this name: at home, where it will be a TABLE or a VIEW, or away."""
        self._sent.pop(name, None)
        if name in self._away:
            self._forget(name)
        if self._at_home.get(name, kind) != kind:
            self.home.connection.execute(f'DROP {self._at_home.pop(name)} IF EXISTS "{name}"')
        if kind:
            self._at_home[name] = kind

    def _forget(self, name: str) -> None:
        """Forget a relation away, and its files unless a view reads them."""
        self.session.catalog.dropTempView(self._away.pop(name))
        self._views.pop(name, None)
        folder = self._folders.pop(name, None)
        if folder is not None and not any(name in reads for reads in self._views.values()):
            shutil.rmtree(folder)

    def _bring(self, name: str) -> None:
        """Bring a relation home for good."""
        self._keep(name, self.session.table(self._away[name]), at_home=True)

    def _source_at_home(self, folder: Path) -> exp.Select:
        """Return the select at home over what Spark wrote: its wide decimals are whole numbers of 128 bits."""
        files = exp.ReadParquet(expressions=[exp.Literal.string(f"{folder}/*.parquet")])
        return self._retyped(files, r"DECIMAL\(\d+,0\)", "INT128")

    def _retyped(self, source: exp.Expr, kind: str, wanted: str) -> exp.Select:
        """Return the select at home of all columns of a source, those whose type matches a pattern cast to another."""
        whole = self.home.text(exp.select(exp.Star()).from_(source))
        shown: list[exp.Expr] = []
        for name, its, *_ in self.home.connection.execute(f"DESCRIBE {whole}").fetchall():
            column: exp.Expr = exp.column(name, quoted=True)
            if re.fullmatch(kind, its):
                column = exp.alias_(exp.Cast(this=column, to=exp.DataType.build(wanted)), name, quoted=True)
            shown.append(column)
        return exp.select(*shown).from_(source)

    # -- what is said to Spark --

    def _frame(self, query: exp.Expr) -> DataFrame:
        """Return the frame of a query, all it reads at home sent along."""
        tree = without_qualify(query.copy())
        read = Counter(table.name for table in tree.find_all(exp.Table))
        parts: dict[str, str] = {}
        for part in _parts(tree):
            # Spark would compute a part anew wherever it is read.
            frame = self._said(part.this, parts)
            if read[part.alias] > 1:
                self._held.append(frame.persist())
            parts[part.alias] = self._named(frame)
        return self._said(tree, parts)

    def _said(self, tree: exp.Expr, parts: Mapping[str, str]) -> DataFrame:
        """Return the frame of a tree whose relations get their names in Spark; `parts` are those of one query."""
        inside = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in list(tree.find_all(exp.Table)):
            if isinstance(table.this, exp.Identifier) and table.name not in inside:
                name = table.name
                there = parts.get(name) or self._away.get(name) or self._send(name)
            elif isinstance(table.this, exp.ReadParquet):
                name = table.alias
                there = self._files([x.name for x in table.this.find_all(exp.Literal)])
            else:
                continue
            if not table.alias and name:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
            table.set("this", exp.to_identifier(there, quoted=True))
        self._write_out(tree)
        return self.session.sql(tree.sql(dialect=SparkWords, copy=False))

    def _send(self, name: str) -> str:
        """Return the name in Spark of a relation at home, sent if it is not there yet."""
        if name not in self._sent:
            query = self._retyped(exp.table_(name, quoted=True), "HUGEINT", "DECIMAL(38,0)")
            table = self.home.connection.sql(self.home.text(query)).to_arrow_table()
            self._sent[name] = self._named(self.session.createDataFrame(table))
        return self._sent[name]

    def _files(self, paths: Sequence[str]) -> str:
        """Return the name in Spark of Parquet files read as one."""
        return self._named(self.session.read.parquet(*(str(Path(path).resolve()) for path in paths)))

    def _named(self, frame: DataFrame) -> str:
        """Give a frame a name in Spark and return it."""
        name = f"guanhu_{id(self)}_{len(self._names)}"
        frame.createOrReplaceTempView(name)
        self._names.append(name)
        return name

    def _write_out(self, tree: exp.Expr) -> None:
        """Write out `* REPLACE`, which Spark does not know: it takes the columns of what is selected from."""
        for select in list(tree.find_all(exp.Select))[::-1]:
            for star in [x for x in select.expressions if _star_of(x) is not None]:
                inside = _star_of(star)
                replaced = {x.alias: x for x in (inside.args.get("replace") or ())} if inside else {}
                if not replaced:
                    continue
                owner = star.table if isinstance(star, exp.Column) else ""
                plain = exp.Column(this=exp.Star(), table=exp.to_identifier(owner)) if owner else exp.Star()
                probe = select.copy()
                probe.set("expressions", [plain])
                for part in ("order", "group", "having", "limit", "distinct"):
                    probe.set(part, None)
                columns = self.session.sql(probe.sql(dialect=SparkWords)).columns
                out = [
                    replaced.get(column) or exp.column(column, table=owner or None, quoted=True)
                    for column in columns
                ]
                place = select.expressions.index(star)
                select.set(
                    "expressions", [*select.expressions[:place], *out, *select.expressions[place + 1 :]]
                )


def _parts(tree: exp.Expr) -> list[exp.CTE]:
    """Take the named parts (WITH) out of a query and return them in order."""
    found = tree.args.get("with_")
    if found is None or found.args.get("recursive"):
        return []
    tree.set("with_", None)
    return list(found.expressions)


def _star_of(node: exp.Expr) -> exp.Star | None:
    inside = node.this if isinstance(node, exp.Column) else node
    return inside if isinstance(inside, exp.Star) else None


def _plain(value: Any) -> Any:
    """Return a value as DuckDB gives it: whole numbers are ints."""
    return int(value) if isinstance(value, Decimal) else value
