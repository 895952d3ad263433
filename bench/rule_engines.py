"""The rule engines: one scorecard on the same persons through guanhu and three engines of others, in one run.

The persons are those of `scorecard.py`; so is what is timed of ours, and what every pay is compared with, person
by person: 64-bit whole numbers. Each engine has the card as its documentation would have it written, with the
numbers as the regulation writes them, and keeps every line of every person. Rules are loaded beforehand, and
the figures of the persons lie ready in the form that the engine takes; ours compiles its SQL inside the time
that is taken, on `THREADS` threads. Theirs use one: none of them spreads this work over several.

    OpenFisca-Core      a variable with a formula for each line, on NumPy arrays; numbers and tiers are
                        parameters. Amounts are float32. No setting asks for float64: for those rows the
                        type of each variable is changed after it was added.
    policyengine-core   the same, with its own classes.
    ZEN                 a decision model in JSON: expressions, a decision table, an expression, each in loop mode
                        over a thousand persons; `evaluate_batch` takes the thousands as text. Of what its
                        binding offers (single calls, batches of single persons, a loop over a sub-decision,
                        threads) this was the fastest. It reckons in decimals, so it ought to be exact.

All round half a fen up, which each of them can write. Money is yuan, as their own rules have it; beside the wrong
pays stands how many stay wrong when it is counted in whole fen. An engine may get fewer persons, always the first
of them, for what counts is persons per second.

The bars: none of our pays is wrong, and we do as many persons per second as the engine; not so against float32,
which only shows its ratio. An engine that is not installed misses its bar; `make bench` installs all three.

They are extras of the bench and no dependencies: OpenFisca-Core and policyengine-core are under the AGPL, ZEN
under the MIT licence. Nothing in `src` may import them (the contract `bench-extras`).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import pairwise

import numpy as np

from bench import scorecard
from bench.banks import RULEBOOKS
from bench.measure import THREADS, Plan, Row, best_of
from guanhu.appraisal.running import loaded

TERM = ("start", "slope", "target", "least", "most", "weight")
# Of each figure: the points at its target, the points per unit above it, the target, least, most, the weight.
TERMS = {
    "x1": (40, 2, 30, 0, 60, 0.3),
    "x2": (60, 1.5, 10, 0, 100, 0.25),
    "x3": (100, -20, 1, 0, 100, 0.2),
    "x4": (0, 0.5, 0, 0, 120, 0.15),
    "x5": (50, 10, 3, 0, 100, 0.1),
}
# The rate of each tier by the lowest score in it.
RATES = {0: 0.5, 40: 0.8, 60: 1.0, 75: 1.2, 85: 1.5}

MONTH = "2025-03"
ZEN_PERSONS = 100_000
IN_ONE_LOOP = 1_000

Given = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine with its rules and persons loaded."""

    work: Callable[[], object]
    pays: Callable[[], np.ndarray]
    """Return the pays in fen; they need not be whole."""
    note: str = ""


def misses(pays: np.ndarray, exact: np.ndarray) -> tuple[int, int]:
    """Return how many pays are wrong to the nearest fen, and the largest error in fen."""
    errors = np.abs(np.rint(pays).astype(np.int64) - exact[: len(pays)])
    return int((errors > 0).sum()), int(errors.max())


def parameters(fen_each: int) -> dict:
    """Return the numbers of the card as OpenFisca writes parameters; a unit of money is so many fen."""

    def since(value: float) -> dict:
        return {"2020-01-01": {"value": value}}

    terms = {
        figure: {name: {"values": since(value)} for name, value in zip(TERM, term, strict=True)}
        for figure, term in TERMS.items()
    }
    brackets = [{"threshold": since(lowest), "amount": since(rate)} for lowest, rate in RATES.items()]
    rate = {"metadata": {"type": "single_amount"}, "brackets": brackets}
    return {"terms": terms, "rate": rate, "fen_each": {"values": since(fen_each)}}


def variables(library: str) -> list[type]:
    """Return the variables of the card: six that are given, and one with a formula for each line."""
    api = import_module(f"{library}.model_api")
    entity = import_module(f"{library}.entities").Entity("person", "persons", "a customer manager", "")

    def variable(name: str, formula: Callable | None = None) -> type:
        body = {"value_type": float, "entity": entity, "definition_period": api.MONTH, "label": name}
        return type(name, (api.Variable,), body if formula is None else {**body, "formula": formula})

    def points(figure: str) -> Callable:
        def formula(person, period, parameters):
            term = parameters(period).terms[figure]
            reached = term.start + term.slope * (person(figure, period) - term.target)
            return api.min_(api.max_(reached, term.least), term.most)

        return formula

    def score(person, period, parameters):
        terms = parameters(period).terms
        return sum(person(f"points_{figure}", period) * terms[figure].weight for figure in TERMS)

    def rate(person, period, parameters):
        return parameters(period).rate.calc(person("score", period))

    def pay(person, period, parameters):
        fen_each = parameters(period).fen_each
        exact = person("base", period) * person("rate", period)
        return np.floor(exact * fen_each + 0.5) / fen_each

    given = [variable(name) for name in (*TERMS, "base")]
    scores = [variable(f"points_{figure}", points(figure)) for figure in TERMS]
    return [*given, *scores, variable("score", score), variable("rate", rate), variable("pay", pay)]


def simulation(library: str, given: Given, width: type, fen_each: int):
    """Return a simulation that holds what is given, and the names of the variables that have formulas."""
    made = variables(library)
    system = import_module(f"{library}.taxbenefitsystems").TaxBenefitSystem([made[0].entity])
    system.parameters = import_module(f"{library}.parameters").ParameterNode("", data=parameters(fen_each))
    for variable in made:
        system.add_variable(variable)
        system.get_variable(variable.__name__).dtype = np.dtype(width)
    builder = import_module(f"{library}.simulations.simulation_builder").SimulationBuilder()
    found = builder.build_default_simulation(system, len(given["base"]))
    for figure in TERMS:
        found.set_input(figure, MONTH, given[figure] / 100)
    found.set_input("base", MONTH, given["base"] / fen_each)
    return found, [one.__name__ for one in made if hasattr(one, "formula")]


def arrays(library: str, width: type, given: Given, exact: np.ndarray) -> Peer:
    """Return OpenFisca-Core or policyengine-core with amounts of that width."""
    yuan, lines = simulation(library, given, width, 100)

    def work() -> None:
        for name in lines:
            yuan.delete_arrays(name, MONTH)
        yuan.calculate("pay", MONTH)

    in_fen, _ = simulation(library, given, width, 1)
    wrong, _ = misses(in_fen.calculate("pay", MONTH), exact)
    return Peer(work, lambda: yuan.calculate("pay", MONTH).astype(np.float64) * 100, f"in fen {wrong:,}")


def decision() -> dict:
    """Return the card as a decision model in JSON."""
    points = {
        f"points_{figure}": f"min([max([{start} + {slope} * ({figure} - {target}), {least}]), {most}])"
        for figure, (start, slope, target, least, most, _) in TERMS.items()
    }
    score = " + ".join(f"$.points_{figure} * {term[-1]}" for figure, term in TERMS.items())
    ends = [*list(RATES)[1:], None]
    tiers = [
        {
            "_id": f"tier {lowest}",
            "score": f">= {lowest}" if end is None else f"[{lowest}..{end})",
            "rate": f"{rate}",
        }
        for (lowest, rate), end in zip(RATES.items(), ends, strict=True)
    ]
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": "score", "name": "Score", "field": "score"}],
        "outputs": [{"id": "rate", "name": "Rate", "field": "rate"}],
        "rules": tiers,
    }
    each = {"executionMode": "loop", "inputField": "persons", "outputPath": "persons", "passThrough": True}
    contents = {
        "points": ("expressionNode", expressions({**points, "score": score}) | each),
        "tier": ("decisionTableNode", table | each),
        "pay": ("expressionNode", expressions({"pay": "floor(base * rate * 100 + 0.5) / 100"}) | each),
    }
    nodes = [node("persons", "inputNode", {}), *(node(name, *one) for name, one in contents.items())]
    nodes.append(node("paid", "outputNode", {}))
    edges = [
        {"id": f"to {after['id']}", "type": "edge", "sourceId": before["id"], "targetId": after["id"]}
        for before, after in pairwise(nodes)
    ]
    return {"nodes": nodes, "edges": edges}


def node(name: str, kind: str, content: dict) -> dict:
    """Return a node of a decision model."""
    return {"id": name, "name": name, "type": kind, "position": {"x": 0, "y": 0}, "content": content}


def expressions(texts: dict[str, str]) -> dict:
    """Return the content of a node of expressions."""
    return {"expressions": [{"id": key, "key": key, "value": value} for key, value in texts.items()]}


def zen(given: Given, _exact: np.ndarray) -> Peer:
    """Return ZEN with the first persons."""
    engine = import_module("zen").ZenEngine({"loader": {"type": "static", "content": {"card": decision()}}})
    columns = ((given[name][:ZEN_PERSONS] / 100).tolist() for name in (*TERMS, "base"))
    persons = [dict(zip((*TERMS, "base"), one, strict=True)) for one in zip(*columns, strict=True)]
    asked = [
        {"key": "card", "context": json.dumps({"persons": persons[first : first + IN_ONE_LOOP]})}
        for first in range(0, ZEN_PERSONS, IN_ONE_LOOP)
    ]
    answers: list[dict] = []

    def work() -> None:
        answers[:] = engine.evaluate_batch(asked)

    def pays() -> np.ndarray:
        found = [person["pay"] for one in answers for person in one["data"]["result"]["persons"]]
        return np.array(found, np.float64) * 100

    return Peer(work, pays)


PEERS: dict[str, tuple[Callable[[Given, np.ndarray], Peer], bool]] = {
    "engine-openfisca": (partial(arrays, "openfisca_core", np.float32), False),
    "engine-openfisca64": (partial(arrays, "openfisca_core", np.float64), True),
    "engine-policyengine": (partial(arrays, "policyengine_core", np.float32), False),
    "engine-policyengine64": (partial(arrays, "policyengine_core", np.float64), True),
    "engine-zen": (zen, True),
}
"""Each engine, and whether there is a bar for its speed."""


def rows(plan: Plan) -> Iterable[Row]:
    """Measure the engines in turns; each row is our persons per second ÷ theirs."""
    given = scorecard.figures()
    exact = scorecard.by_hand(given)[-1]
    rulebook, _ = loaded(RULEBOOKS / "scorecard")
    engine, alone = scorecard.engine_with(given), scorecard.engine_with(given, 1)
    peers, missing = {}, {}
    for name, (make, _) in PEERS.items():
        try:
            peers[name] = make(given, exact)
        except ImportError as error:
            missing[name] = error
    works = [peer.work for peer in peers.values()]
    ours = [lambda one=one: scorecard.ours(one, rulebook) for one in (engine, alone)]
    mine, mine_alone, *theirs = best_of(plan.pairs, *ours, *works)
    wrong = scorecard.wrong_pays(engine, exact)
    engine.close()
    alone.close()
    rate = scorecard.PERSONS / mine
    rate_alone = scorecard.PERSONS / mine_alone
    detail = f"{rate:,.0f} persons/s on {THREADS} threads, {rate_alone:,.0f} on one; wrong pays of {scorecard.PERSONS:,}"
    yield Row("engine-guanhu", wrong, 0, detail, unit="wrong")
    for (name, peer), took in zip(peers.items(), theirs, strict=True):
        pays = peer.pays()
        their_rate = len(pays) / took
        count, error = misses(pays, exact)
        note = f" ({peer.note})" if peer.note else ""
        told = f"{their_rate:,.0f} persons/s on one; {count:,} of {len(pays):,} pays wrong{note}, by {error:,} fen at most"
        bar = 1 if PEERS[name][1] else None
        yield Row(name, rate / their_rate, bar, told, at_least=True, is_right=not wrong)
    for name, error in missing.items():
        yield Row(name, 0, 1, f"NOT MEASURED: {error}; `make bench` installs it", at_least=True)
