"""Planted errors of the compiler are all caught: each is tried on the fixed bank, figure by figure.

The expected figures are the evaluator's. A mutant that survives is a hole in the fixed rulebooks: add a line.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest
from sqlglot import exp

from guanhu.appraisal.appraise import Appraisal
from guanhu.appraisal.history import exact
from guanhu.facts.store import Bank
from guanhu.rulebook.explain.subject import SubjectTrace
from guanhu.rulebook.explain.values import Unknown, Value
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.run.template import table_named
from guanhu.values.dates import period_of
from tests.engines.agreement.fixed import PERIOD, TOPICS, fixed_world
from tests.engines.agreement.mutants import MUTANTS, Planted, without_cuts
from tests.engines.agreement.running import compare, make_engine, write_rulebook

Figures = dict[tuple[str, str, int, str], object]
"""Subject, instance, number of the spell (0 is the whole) and line."""
LEAST_MUTANTS = 20
TRIED = sorted({mutant.topic for mutant in MUTANTS})


@dataclass(slots=True)
class Suite:
    """The fixed bank and what the evaluator says of it, by topic."""

    bank: Bank
    expected: dict[str, Figures]


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bank = fixed_world().bank(folder)
        expected: dict[str, Figures] = {}
        for topic in TRIED:
            text = TOPICS[topic]
            compared = compare(bank, write_rulebook(folder / topic, text), PERIOD)
            assert compared.found == []
            expected[topic] = {
                (subject, trace.instance.key, spell_no, line): None if isinstance(value, Unknown) else value
                for subject, traces in compared.traces.items()
                for trace in traces
                for spell_no, lines in told_by(trace)
                for line, value in lines.items()
            }
        yield Suite(bank, expected)


def told_by(trace: SubjectTrace) -> Iterator[tuple[int, Mapping[str, Value]]]:
    """Yield the whole and each spell with what the evaluator says of its lines."""
    yield 0, trace.whole
    for card in trace.cards:
        yield card.spell_no, {name: traced.value for name, traced in card.lines.items()}


def figures_of(bank: Bank, text: str) -> Figures:
    """Return what the compiler makes of a rulebook, without keeping a run."""
    rulebook, _ = load_string(text)
    period = period_of(PERIOD)
    assert rulebook is not None
    assert period is not None
    engine = make_engine()
    found: Figures = {}
    try:
        view = bank.view(events=tuple(rulebook.events.values()))
        for result in Appraisal(engine, view, rulebook, period).run().results:
            for table, spell_no, meanings in (
                (result.persons, "0", {**result.lines, **result.decisions}),
                (result.spells, "spell_no", result.cards),
            ):
                columns = [exp.column(name, quoted=True) for name in meanings]
                query = exp.select("subject_id", spell_no, *columns).from_(table_named(table), copy=False)
                for subject, number, *values in engine.rows(query):
                    for (name, meaning), value in zip(meanings.items(), values, strict=True):
                        found[subject, result.instance.key, number, name] = exact(value, meaning)
    finally:
        engine.close()
    return found


def shown(value: object) -> str:
    if isinstance(value, Fraction):
        return str(value) if value.denominator == 1 else f"{float(value):.6g}"
    return "unknown" if value is None else str(value)


def test_the_compiler_itself_is_right(suite: Suite) -> None:
    for topic in TRIED:
        assert figures_of(suite.bank, TOPICS[topic]) == suite.expected[topic]


def test_stored_sums_are_a_shortcut_only(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the sums of the days on which credit changes, the intervals give the same figures."""
    without_cuts(monkeypatch)
    assert figures_of(suite.bank, TOPICS["credit"]) == suite.expected["credit"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_caught(mutant: Planted, suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = mutant.plant(monkeypatch)
    try:
        found = figures_of(suite.bank, TOPICS[mutant.topic])
    except duckdb.ConversionException as error:
        # A figure beyond the bound that was proved of it: the engine stops, and nobody is paid wrongly.
        assert planted(), "the mutant was never reached"
        print(f"{mutant.name} | {str(error).splitlines()[0]}")
        return
    assert planted(), "the mutant was never reached"
    expected = suite.expected[mutant.topic]
    wrong = [key for key in expected if found.get(key, "absent") != expected[key]]
    assert wrong, f"{mutant.name} survives: add a line that catches it"
    first = min(wrong, key=lambda key: (key[3], key[1], key[0], key[2]))
    subject, instance, _, line = first
    now, right = found.get(first), expected[first]
    print(
        f"{mutant.name} | {line}, {subject}, {instance}: {shown(now)}, not {shown(right)} | {len(wrong)} figures"
    )


def test_there_are_enough_mutants() -> None:
    assert len({mutant.name for mutant in MUTANTS}) >= LEAST_MUTANTS
