"""Run folders: what a run keeps, under a name made of its period, rulebook and identity.

    runs/<period>-<rulebook>-<first 12 of identity>/
        run.json            identity and its parts, status, counts, times, canonical digest
        rulebook/           the exact files that were run
        people.parquet      subject, instance, group, spell, post, grade, institution, days
        left_out.parquet    who was not appraised, and why
        measures.parquet    subject, spell, instance, measure, num, den, state
        lines.parquet       subject, spell, instance, path, num, den, text, state, cause
        decisions.parquet   what changes, from when; undecided ones marked
        credited.parquet    rows of fact behind figures that later depend on the single row (see `credited`)
        lots.parquet        pay that waits: one row for each movement (see `lot_rows`)
        reconcile.parquet   managers + unassigned = institutions = bank
        published.parquet   instances that were published before, shown as published: instance, every, run
        corrections.parquet what is due or owed of them: recomputed, published, corrected so far
        recomputed_*.parquet people, measures and lines of those instances as this run made them
        problems.json       what was told

A run is written under a name that begins with `.partial-`, synced, and renamed: it is there whole or
not at all. Its folder never changes afterwards. spell 0 is the whole subject.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlglot import exp

from guanhu import __version__
from guanhu.appraisal import corrections
from guanhu.appraisal.appraise import Outcome, Progress, quiet
from guanhu.appraisal.credited import gathered
from guanhu.appraisal.engine import Engine
from guanhu.appraisal.long_tables import create_lines, create_measures, create_people
from guanhu.appraisal.lot_rows import load_lots
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import planned
from guanhu.rulebook.run.template import filled
from guanhu.values.dates import Span, period_of
from guanhu.values.problem import Place, Problem, Refused

LANGUAGE_VERSION = "5"
"""Changes when the meaning of a rulebook's text changes."""
PARTIAL = ".partial-"
TABLES = (
    "people",
    "left_out",
    "measures",
    "lines",
    "decisions",
    "credited",
    "lots",
    "reconcile",
    *corrections.NEW_TABLES,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a run the run it is: the same identity gives the same canonical digest."""

    rulebook: str
    rulebook_digest: str
    readings: tuple[tuple[str, str], ...]
    period: Span
    facts_as_of: int
    facts_digest: str
    published: tuple[str, ...]
    language: str = LANGUAGE_VERSION

    @property
    def digest(self) -> str:
        """Return the digest of all parts."""
        return hashlib.sha256(
            json.dumps(self.parts(), ensure_ascii=False, sort_keys=True).encode()
        ).hexdigest()

    def parts(self) -> dict[str, Any]:
        """Return the parts, as they stand in run.json."""
        return {
            "rulebook": self.rulebook,
            "rulebook_digest": self.rulebook_digest,
            "readings": dict(self.readings),
            "period": str(self.period),
            "facts_as_of": self.facts_as_of,
            "facts_digest": self.facts_digest,
            "published": list(self.published),
            "language": self.language,
        }


def run_name(identity: Identity, period_text: str) -> str:
    """Return the name of a run's folder."""
    safe = period_text.replace("..", "_")
    return f"{safe}-{identity.rulebook}-{identity.digest[:12]}"


class Freezer:
    """Writes one run's folder."""

    def __init__(
        self, engine: Engine, outcome: Outcome, identity: Identity, published: Sequence[RunFolder] = ()
    ) -> None:
        """Take the tables that the run left in the engine, and the runs that were published before it."""
        self.engine = engine
        self.outcome = outcome
        self.identity = identity
        self.published = published
        own = {(r.instance.key, r.instance.every) for r in outcome.results}
        held = corrections.held_instances(engine, published)
        self.held = {key: run for key, run in held.items() if key in own}

    def freeze(
        self,
        runs: Path,
        period_text: str,
        rulebook_folder: Path,
        times: dict[str, float] | None = None,
        progress: Progress = quiet,
    ) -> Path:
        """Write the folder and return its path; a run of the same identity is there already and stays.

        `progress` hears of each step before it is taken; killed at any of them, only the partial folder is left.

        Errors:   Refused RUN030 when the run came out otherwise before, RUN045 when it was changed by hand.
        """
        runs.mkdir(parents=True, exist_ok=True)
        target = runs / run_name(self.identity, period_text)
        folder = runs / f"{PARTIAL}{target.name}-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        steps = ("freeze", *(f"write {name}" for name in TABLES), "write run.json", "seal", "rename")

        def step(name: str) -> None:
            progress(name, steps.index(name), len(steps))

        step("freeze")
        self._tables()
        rulebook = self.outcome.rulebook
        current = planned(rulebook, self.outcome.period)[-1].key
        corrections.settle(self.engine, rulebook, self.published, self.held, current)
        self.outcome.problems.extend([*self._without_row(), *self._published_before()])
        digest = self._digest()
        if target.exists():
            shutil.rmtree(folder)
            return _same_run(target, digest)
        for name in TABLES:
            step(f"write {name}")
            self.engine.write(
                filled("SELECT * FROM x ORDER BY ALL", x=f"frozen/{name}"), folder / f"{name}.parquet"
            )
        shutil.copytree(rulebook_folder, folder / "rulebook", ignore=shutil.ignore_patterns(".*"))
        step("write run.json")
        self._write_record(folder, digest, period_text, times or {})
        step("seal")
        for path in folder.rglob("*"):
            sync(path)
        sync(folder)
        step("rename")
        folder.rename(target)
        sync(runs)
        return target

    def _write_record(self, folder: Path, digest: str, period_text: str, times: dict[str, float]) -> None:
        """Write what was told, and what the run is."""
        problems = [
            {"code": p.code, "place": str(p.place), "zh": p.zh, "en": p.en} for p in self.outcome.problems
        ]
        (folder / "problems.json").write_text(
            json.dumps(problems, ensure_ascii=False, indent=1), encoding="utf-8"
        )
        files = {
            path.relative_to(folder).as_posix(): _file_digest(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        record = {
            "identity": self.identity.digest,
            "program": __version__,
            **self.identity.parts(),
            "period_text": period_text,
            "digest": digest,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "counts": self.counts(),
            **corrections.summary(self.engine, self.held),
            "times": {key: f"{value:.3f}" for key, value in times.items()},
            "files": files,
        }
        record["seal"] = seal_of(record)
        (folder / "run.json").write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")

    def _published_before(self) -> list[Problem]:
        """Tell which instances are shown as published, and how many corrections follow."""
        if not self.held:
            return []
        count = corrections.summary(self.engine, self.held)["corrections"]["count"]
        shown = "、".join(
            f"{instance}({run.path.name})" for (instance, _), run in sorted(self.held.items())[:3]
        )
        more = "…" if len(self.held) > len(shown.split("、")) else ""
        return [
            Problem(
                "RUN043",
                Place(self.identity.rulebook),
                f"{shown}{more} 已经发布, 按发布时的数列示; 重算与已付的差额列为 {count} 条更正",
                f"{shown}{more} was published and is shown as published; what is recomputed gives {count} corrections",
                "更正列在本次运行的最后一期",
                "corrections stand in the last instance of this run",
                severity="warning",
            )
        ]

    def _without_row(self) -> list[Problem]:
        """List those whose figure fell in no row of a table that says `stop and list`."""
        query = filled(
            "SELECT cause, instance, count(DISTINCT subject_id), min(subject_id) FROM l WHERE cause LIKE 'tables.%' GROUP BY ALL ORDER BY ALL",
            l="frozen/lines",
        )
        found: list[Problem] = []
        for cause, instance, count, first in self.engine.rows(query):
            table = self.outcome.rulebook.tables.get(cause.removeprefix("tables."))
            if table is None or not table.stops:
                continue
            found.append(
                Problem(
                    "RUN023",
                    table.place,
                    f"{instance}: {count} 个对象在《{table.title}》里没有对应的行(如 {first}), 相关的行不结算",
                    f"{instance}: {count} subjects fall in no row of table {table.id} (such as {first}); lines that read it are not settled",
                    "补上缺的行, 或写明 no_row 取什么值",
                    "add the row, or say with no_row what stands instead",
                    clause=table.clause,
                    severity="warning",
                )
            )
        return found

    def counts(self) -> dict[str, int]:
        """Return how many subjects were appraised, how many are not settled and how many were left out."""
        (appraised,) = self.engine.rows(
            filled("SELECT count(DISTINCT subject_id) FROM p", p="frozen/people")
        )[0]
        (unsettled,) = self.engine.rows(
            filled("SELECT count(DISTINCT subject_id) FROM l WHERE state <> 'ok'", l="frozen/lines")
        )[0]
        (left_out,) = self.engine.rows(
            filled(
                "SELECT count(DISTINCT subject_id) FROM l WHERE subject_id NOT IN (SELECT subject_id FROM p)",
                l="frozen/left_out",
                p="frozen/people",
            )
        )[0]
        return {"appraised": appraised, "not_settled": unsettled, "left_out": left_out}

    # -- long tables --

    def _tables(self) -> None:
        results = self.outcome.results
        create_people(self.engine, "frozen/people", results)
        create_lines(self.engine, "frozen/lines", results)
        create_measures(self.engine, "frozen/measures", results)
        text = "VARCHAR"
        self.engine.load(
            "frozen/left_out",
            (("instance", text), ("every", text), ("subject_id", text), ("reason", text), ("post", text)),
            self.outcome.left_out,
        )
        columns = (
            ("instance", text),
            ("subject_id", text),
            ("decision", text),
            ("sets", text),
            ("before", text),
            ("after", text),
            ("in_force", "DATE"),
            ("undecided", "BOOLEAN"),
        )
        self.engine.load("frozen/decisions", columns, self.outcome.changes)
        gathered(self.engine, self.outcome.credited)
        load_lots(self.engine, "frozen/lots", self.outcome.lots)
        named = (
            "instance",
            "measure",
            "book",
            "managers",
            "unassigned",
            "institutions",
            "bank",
            "control",
            "unit",
            "exact",
            "holds",
        )
        self.engine.load("frozen/reconcile", tuple((x, text) for x in named), self.outcome.reconciled)

    def _digest(self) -> str:
        """Return the canonical digest: SHA-256 over the sorted rows of every result."""
        total = hashlib.sha256()
        # Without published instances there is nothing to correct: such a run's digest is of its results alone.
        more = ("published", "corrections") if self.held else ()
        kept = (*(("credited",) if self.outcome.credited else ()), *(("lots",) if self.outcome.lots else ()))
        for name in ("people", "left_out", "measures", "lines", "decisions", *kept, *more):
            query = filled(
                "SELECT coalesce(sha256(string_agg(r, chr(10) ORDER BY r)), '') FROM (SELECT CAST(x AS VARCHAR) AS r FROM t AS x) AS y",
                t=f"frozen/{name}",
            )
            ((part,),) = self.engine.rows(query)
            total.update(f"{name}:{part}\n".encode())
        return total.hexdigest()


def sync(path: Path) -> None:
    """Have the system write a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _same_run(target: Path, digest: str) -> Path:
    """Return the run that is there already; it has to be whole, and to have come out alike."""
    run = RunFolder(target)
    run.verify()
    kept = run.record["digest"]
    if kept != digest:
        raise Refused([_came_out_otherwise(run, kept, digest)])
    return target


def _came_out_otherwise(run: RunFolder, kept: str, now: str) -> Problem:
    """Return that the program computes what went into a run otherwise than the one that made it."""
    made = run.record.get("program", "")
    # A run of before says no version, and one of the same version was made while the program was worked on.
    zh, en = (
        (f"guanhu {made} 版和现在的 {__version__} 版", f"guanhu {made} and this one, {__version__},")
        if made not in ("", __version__)
        else ("当时的 guanhu 和现在的", "the guanhu of that time and this one")
    )
    return Problem(
        "RUN030",
        Place(str(run.path)),
        f"同样的办法、期间和数据, 算出的数和存档的运行不同: 存档 {kept[:12]}, 现在 {now[:12]}; 存档没有被改动, 是 {zh}算法不同",
        f"the same rulebook, period and facts come out otherwise than the run that was kept: kept {kept[:12]}, now {now[:12]}; nobody changed it: {en} compute otherwise",
        "改用现在的数: 把这个文件夹移到 runs 之外, 重新运行, 再用 guanhu difference 旧文件夹 新文件夹 看谁差多少; 保留原来的数: 照旧发布它, 以后的运行会把差额列为更正。什么变了见 CHANGELOG",
        "to take today's figures, move this folder out of runs, run again, and see with guanhu difference OLD NEW who differs by how much; to keep the old ones, publish it as it is: later runs list the difference as corrections. What changed is in the CHANGELOG",
    )


NEEDED: Mapping[str, type] = {
    "rulebook": str,
    "rulebook_digest": str,
    "readings": dict,
    "period": str,
    "period_text": str,
    "facts_as_of": int,
    "language": str,
    "digest": str,
    "published": list,
}
"""What run.json says of every run, and how."""
BESIDES: Mapping[str, type] = {
    "identity": str,
    "program": str,
    "facts_digest": str,
    "created_at": str,
    "counts": dict,
    "published_instances": dict,
    "corrections": dict,
    "times": dict,
    "files": dict,
}
"""What it may say too."""


def _is_a_record(found: object) -> bool:
    """Tell whether run.json says what it must, and says it as a run does: without a seal nothing else would tell."""
    if not isinstance(found, dict) or not found.keys() >= NEEDED.keys():
        return False
    kinds = {**NEEDED, **BESIDES}
    if not all(type(found[key]) is kind for key, kind in kinds.items() if key in found):
        return False
    words = (*found["published"], *found["readings"].values())
    return (
        all(isinstance(x, str) for x in words)
        and period_of(found["period"]) is not None
        and found["facts_as_of"] >= 0
        and _is_a_moment(found.get("created_at"))
    )


def _is_a_moment(text: str | None) -> bool:
    try:
        return text is None or bool(datetime.fromisoformat(text))
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run that was kept."""

    path: Path

    @property
    def record(self) -> dict[str, Any]:
        """Return run.json.

        Errors:   Refused RUN045 when it is not there or cannot be read.
        """
        try:
            found: dict[str, Any] = json.loads((self.path / "run.json").read_text("utf-8"))
        except FileNotFoundError as error:
            raise Refused([changed(self.path, "run.json", is_missing=True)]) from error
        except ValueError as error:
            raise Refused([changed(self.path, "run.json")]) from error
        if not _is_a_record(found):
            raise Refused([changed(self.path, "run.json")])
        return found

    @property
    def rulebook_folder(self) -> Path:
        """Return the exact rulebook files that were run."""
        return self.path / "rulebook"

    def table(self, name: str) -> Path:
        """Return the path of a kept table."""
        return self.path / f"{name}.parquet"

    def verify(self) -> None:
        """Check that no file of the run was changed since it was written.

        Errors:   Refused RUN045, naming the first file that differs; run.json where it has lost its seal or its list of files.
        """
        record = self.record
        if record.get("seal") != seal_of(record) or not record.get("files"):
            raise Refused([changed(self.path, "run.json")])
        self.verify_there()
        for name, digest in record["files"].items():
            if _file_digest(self.path / name) != digest:
                raise Refused([changed(self.path, name)])

    def verify_there(self) -> None:
        """Check that no file of the run is missing, without reading them.

        Errors:   Refused RUN045, naming the first that is.
        """
        for name in self.record.get("files", {}):
            if not (self.path / name).is_file():
                raise Refused([changed(self.path, name, is_missing=True)])


def kept_rows(run: RunFolder, name: str) -> exp.Expr:
    """Return the rows of a kept table, as the run shows them."""
    return filled("SELECT * FROM read_parquet(:path)", path=exp.Literal.string(str(run.table(name))))


def made_rows(run: RunFolder, name: str) -> exp.Expr:
    """Return the rows of a kept table as the run made them: of published instances the recomputed ones."""
    if not run.record.get("published_instances"):
        return kept_rows(run, name)
    return filled(
        "SELECT x.* FROM x AS x ANTI JOIN p AS p ON p.instance = x.instance AND p.every = x.every UNION ALL SELECT * FROM y AS y",
        x=kept_rows(run, name),
        p=kept_rows(run, "published"),
        y=kept_rows(run, f"recomputed_{name}"),
    )


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def seal_of(record: Mapping[str, Any]) -> str:
    """Return the digest of run.json itself."""
    shown = {key: value for key, value in record.items() if key != "seal"}
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def changed(run: Path, name: str, *, is_missing: bool = False) -> Problem:
    """Return that a file of a run is missing or is not as it was written."""
    return Problem(
        "RUN045",
        Place(str(run / name)),
        f"运行文件夹里缺 {name}" if is_missing else f"运行文件夹里的 {name} 在写成之后被改动过",
        f"{name} is missing from the run's folder"
        if is_missing
        else f"{name} was changed after the run was written",
        "把这个运行移走, 用同样的办法、期间和 --as-of 重新运行, 会得到原来的结果",
        "move this run away and run again with the same rulebook, period and --as-of: it gives what it gave",
    )


def leftovers(runs: Path) -> list[Path]:
    """Return folders of runs that were interrupted, for removal and a word about them."""
    return sorted(p for p in runs.glob(f"{PARTIAL}*") if p.is_dir()) if runs.is_dir() else []


def value_kept(num: Any, den: Any) -> Fraction | None:
    """Return the exact value of a kept figure."""
    return None if num is None else Fraction(int(num), int(den))


def value_meaning(rulebook: t.Rulebook, line: str) -> str:
    """Return the unit of a kept line, as text."""
    found = rulebook.lines.get(line)
    return str(found.unit) if found is not None else "yes/no"


__all__ = [
    "Freezer",
    "Identity",
    "RunFolder",
    "leftovers",
    "run_name",
    "value_kept",
    "value_meaning",
]
