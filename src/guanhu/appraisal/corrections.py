"""Instances that were published before: shown as published, and what is recomputed of them as corrections.

    an instance of the run that an earlier run published
        its people, measures, lines, decisions ──► those of the run that published it first
        what this run made of them            ──► recomputed_people, recomputed_measures, recomputed_lines
        recomputed − published − corrected so far ──► corrections, paid in the last instance of this run

A correction belongs to a pay line or total of pay, a person and the instance that it corrects. Who was not
appraised then has been paid nothing; who is not appraised any more is due nothing. An unknown figure was not
paid; where the recomputed one is unknown, so is the correction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlglot import exp

from guanhu.appraisal.engine import Engine
from guanhu.rulebook import tree as t
from guanhu.rulebook.run.template import filled, union_all
from guanhu.values import units

RECOMPUTED = ("people", "measures", "lines")
"""The tables of which a published instance has two: as published, and `recomputed_…`."""
NEW_TABLES = ("published", "corrections", *(f"recomputed_{name}" for name in RECOMPUTED))
COLUMNS = (
    "subject_id",
    "group_id",
    "line",
    "instance",
    "of_instance",
    "every",
    "published_fen",
    "corrected_fen",
    "recomputed_fen",
    "correction_fen",
    "state",
    "cause",
    "run",
    "counts",
)
Held = Mapping[tuple[str, str], "Kept"]
"""(instance, calendar unit) → the run that published it first."""


class Kept(Protocol):
    """A published run's folder."""

    @property
    def path(self) -> Path:
        """Return the folder."""

    def table(self, name: str) -> Path:
        """Return the path of a kept table."""


@dataclass(frozen=True, slots=True)
class PayLine:
    """A line that pays. `counts` tells whether its correction adds to the pay: no other line of its instance takes it up."""

    line: t.Line
    counts: bool


def pay_lines(rulebook: t.Rulebook) -> list[PayLine]:
    """Return pay lines and totals of pay; one that another of the same instance reads is paid in that one."""
    pays = [x for x in rulebook.lines.values() if x.unit == units.MONEY and x.role in ("pay", "total")]
    taken = {term for line in pays for term in line.terms}
    taken |= {node.name for line in pays for node in t.walk(line.value) if isinstance(node, t.LineRef)}
    return [PayLine(line, line.id not in taken) for line in pays]


def held_instances(engine: Engine, runs: Sequence[Kept]) -> dict[tuple[str, str], Kept]:
    """Return the instances that runs published, each with the first of them that did."""
    found: dict[tuple[str, str], Kept] = {}
    for run in runs:
        query = filled(
            "SELECT DISTINCT instance, every FROM read_parquet(:path) ORDER BY ALL",
            path=path_of(run, "lines"),
        )
        for instance, every in engine.rows(query):
            found.setdefault((instance, every), run)
    return found


def path_of(run: Kept, name: str) -> exp.Expr:
    """Return the path of a kept table as a literal."""
    return exp.Literal.string(str(run.table(name)))


def settle(engine: Engine, rulebook: t.Rulebook, runs: Sequence[Kept], held: Held, current: str) -> None:
    """Put the published instances in the place of the recomputed ones in the frozen tables, and find the corrections."""
    text = "VARCHAR"
    engine.load(
        "frozen/published",
        (("instance", text), ("every", text), ("run", text)),
        [
            (instance, every, run.path.name)
            for (instance, every), run in sorted(held.items(), key=lambda x: x[0])
        ],
    )
    for name in RECOMPUTED:
        query = filled(_OF_PUBLISHED, x=f"frozen/{name}", p="frozen/published")
        engine.create(f"frozen/recomputed_{name}", query)
    if held:
        # A rulebook of the same name may have lost groups and lines since: what it cannot name is not shown.
        engine.load("known_groups", (("name", text),), [(name,) for name in rulebook.groups])
        engine.load("known_lines", (("name", text),), [(x.id,) for x in rulebook.evaluated()])
        for name, part in _SHOWN.items():
            _show_published(engine, name, held, part)
    engine.load(
        "pay_lines",
        (("line", text), ("every", text), ("group_id", text), ("counts", "BOOLEAN")),
        [(x.line.id, x.line.every, x.line.group, x.counts) for x in pay_lines(rulebook)],
    )
    earlier = [run for run in runs if run.table("corrections").is_file()]
    queries = [
        filled("SELECT * FROM read_parquet(:path)", path=path_of(run, "corrections")) for run in earlier
    ]
    engine.create("corrected", union_all([filled(_NO_CORRECTIONS), *queries]))
    found = filled(
        _CORRECTIONS,
        made_lines="frozen/recomputed_lines",
        shown_lines="frozen/lines",
        p="frozen/published",
        y="pay_lines",
        corrected="corrected",
        current=exp.Literal.string(current),
    )
    engine.create("frozen/corrections", found)


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows that stay of a table, and those that come from a published run."""

    own: str
    kept: str


_OTHERS = "SELECT x.* FROM x AS x ANTI JOIN p AS p ON p.instance = x.instance AND p.every = x.every"
_KEPT = "SELECT x.* FROM read_parquet(:path) AS x SEMI JOIN p AS p ON p.instance = x.instance AND p.every = x.every AND p.run = :run"
_GROUPS = " SEMI JOIN known_groups AS g ON g.name = x.group_id"
_SHOWN = {
    "people": _Part(_OTHERS, _KEPT + _GROUPS),
    "measures": _Part(_OTHERS, _KEPT + _GROUPS),
    "lines": _Part(_OTHERS, _KEPT + _GROUPS + " SEMI JOIN known_lines AS n ON n.name = x.line"),
    "left_out": _Part(_OTHERS, _KEPT),
    # A decision names its instance only.
    "decisions": _Part(
        "SELECT x.* FROM x AS x ANTI JOIN p AS p ON p.instance = x.instance",
        "SELECT x.* FROM read_parquet(:path) AS x SEMI JOIN p AS p ON p.instance = x.instance AND p.run = :run",
    ),
}


def _show_published(engine: Engine, name: str, held: Held, part: _Part) -> None:
    queries = [filled(part.own, x=f"frozen/{name}", p="frozen/published")]
    for run in {run.path.name: run for run in held.values()}.values():
        where = {"path": path_of(run, name), "run": exp.Literal.string(run.path.name)}
        queries.append(filled(part.kept, p="frozen/published", **where))
    engine.create(f"shown/{name}", union_all(queries))
    engine.create(f"frozen/{name}", filled("SELECT * FROM x", x=f"shown/{name}"))
    engine.drop(f"shown/{name}")


def summary(engine: Engine, held: Held) -> dict[str, Any]:
    """Return what run.json says: which instances were published before and by which run, and what is corrected."""
    query = filled(
        "SELECT count(*), count(*) FILTER (WHERE state <> 'ok'), coalesce(sum(correction_fen) FILTER (WHERE counts), 0) FROM c",
        c="frozen/corrections",
    )
    ((count, unknown, fen),) = engine.rows(query)
    return {
        "published_instances": {
            instance: run.path.name for (instance, _), run in sorted(held.items(), key=lambda x: x[0])
        },
        "corrections": {"count": int(count), "not_settled": int(unknown), "sum_fen": int(fen)},
    }


_OF_PUBLISHED = "SELECT x.* FROM x AS x SEMI JOIN p AS p ON p.instance = x.instance AND p.every = x.every"
_NO_CORRECTIONS = """
SELECT CAST(NULL AS VARCHAR) AS subject_id, CAST(NULL AS VARCHAR) AS group_id, CAST(NULL AS VARCHAR) AS line,
  CAST(NULL AS VARCHAR) AS instance, CAST(NULL AS VARCHAR) AS of_instance, CAST(NULL AS VARCHAR) AS every,
  CAST(NULL AS DECIMAL(38, 0)) AS published_fen, CAST(NULL AS DECIMAL(38, 0)) AS corrected_fen,
  CAST(NULL AS DECIMAL(38, 0)) AS recomputed_fen, CAST(NULL AS DECIMAL(38, 0)) AS correction_fen,
  CAST(NULL AS VARCHAR) AS state, CAST(NULL AS VARCHAR) AS cause, CAST(NULL AS VARCHAR) AS run,
  CAST(NULL AS BOOLEAN) AS counts WHERE FALSE
"""
_CORRECTIONS = """
WITH was AS (
  SELECT l.subject_id, l.instance, l.every, l.line, l.state,
    CASE WHEN l.state = 'ok' THEN CAST(l.num AS HUGEINT) * 100 // CAST(l.den AS HUGEINT) END AS fen
  FROM shown_lines AS l SEMI JOIN p AS p ON p.instance = l.instance AND p.every = l.every SEMI JOIN y AS y ON y.line = l.line AND y.every = l.every
  WHERE l.spell_no = 0
), known AS (
  SELECT DISTINCT instance, every, line FROM was
), found AS (
  SELECT l.subject_id, l.instance, l.every, l.line, l.state, l.cause,
    CASE WHEN l.state = 'ok' THEN CAST(l.num AS HUGEINT) * 100 // CAST(l.den AS HUGEINT) END AS fen
  FROM made_lines AS l SEMI JOIN known AS k ON k.instance = l.instance AND k.every = l.every AND k.line = l.line
  WHERE l.spell_no = 0
), more AS (
  SELECT c.subject_id, c.of_instance AS instance, c.every, c.line, CAST(sum(c.correction_fen) AS HUGEINT) AS fen
  FROM corrected AS c SEMI JOIN known AS k ON k.instance = c.of_instance AND k.every = c.every AND k.line = c.line
  GROUP BY ALL
), keys AS (
  SELECT subject_id, instance, every, line FROM was UNION SELECT subject_id, instance, every, line FROM found
  UNION SELECT subject_id, instance, every, line FROM more
), both_ AS (
  SELECT k.*, w.fen AS published, coalesce(m.fen, 0) AS corrected, f.cause,
    CASE WHEN f.line IS NULL THEN 0 ELSE f.fen END AS recomputed
  FROM keys AS k
  LEFT JOIN was AS w ON w.subject_id = k.subject_id AND w.instance = k.instance AND w.every = k.every AND w.line = k.line
  LEFT JOIN found AS f ON f.subject_id = k.subject_id AND f.instance = k.instance AND f.every = k.every AND f.line = k.line
  LEFT JOIN more AS m ON m.subject_id = k.subject_id AND m.instance = k.instance AND m.every = k.every AND m.line = k.line
)
SELECT b.subject_id, y.group_id, b.line, :current AS instance, b.instance AS of_instance, b.every,
  CAST(b.published AS DECIMAL(38, 0)) AS published_fen, CAST(b.corrected AS DECIMAL(38, 0)) AS corrected_fen,
  CAST(b.recomputed AS DECIMAL(38, 0)) AS recomputed_fen,
  CAST(b.recomputed - coalesce(b.published, 0) - b.corrected AS DECIMAL(38, 0)) AS correction_fen,
  CASE WHEN b.recomputed IS NULL THEN 'unknown' ELSE 'ok' END AS state, b.cause, p.run, y.counts
FROM both_ AS b JOIN y AS y ON y.line = b.line JOIN p AS p ON p.instance = b.instance AND p.every = b.every
WHERE coalesce(b.recomputed, 0) <> coalesce(b.published, 0) + b.corrected
"""
