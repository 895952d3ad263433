"""Disagreements and crashes that generated pairs have found, each as the smallest rulebook that showed it."""

import json
from pathlib import Path

import pytest

from guanhu.rulebook.load.folder import load_string
from tests.engines.agreement.fixed import fixed_world
from tests.engines.agreement.rulebooks import CLAUSE, GROUPS, INPUTS, WORDS
from tests.engines.agreement.running import Refused, compare, write_rulebook
from tests.engines.agreement.world import make_world

MEASURES = {
    "stock": {"from": "balances", "clause": CLAUSE},
    "whole": {"from": "balances", "per": "customer", "clause": CLAUSE},
    "of_rich": {"from": "balances", "where": "whole > 5000元", "clause": CLAUSE},
    "of_current": {"from": "fees", "where": "account.product <> 通知", "clause": CLAUSE},
    "of_companies": {"from": "fees", "where": "customer.customer_kind = 个人", "clause": CLAUSE},
    "of_the_city": {
        "from": "interest",
        "each": "received",
        "where": "institution.area = 城区",
        "clause": CLAUSE,
    },
    "of_the_known": {
        "from": "violation",
        "each": "points",
        "unit": "number",
        "over": "last year",
        "where": "whole > 0元",
        "clause": CLAUSE,
    },
    "own": {"item": "目标", "scope": "person", "unit": "money", "clause": CLAUSE},
}
FOUND = {
    # An institution that read a person's figure stopped the run with an error of the engine.
    "a person's figure is unknown for an institution": {"pay": "first_given(own, 5元)", "who": "places"},
    "a person's figure is unknown for the bank": {"pay": "own", "who": "whole"},
    # A spell before the last one had no figure of its group at all, so that whoever moved was not settled.
    "a spell before the last meets the group at its end": {"pay": "highest(stock among managers)"},
    "a rank of an earlier spell leaves out its own later card": {"score": "rank(stock among managers)"},
    "the same, lowest first": {"score": "rank(stock among managers, lowest first)"},
    # The highest of the others was the highest of all.
    "the highest without oneself": {"pay": "highest(stock among managers, self out)"},
    "the lowest without oneself": {"pay": "lowest(stock among managers, self out)"},
    "the highest without oneself, all alike": {"score": "highest(3 among managers, self out)"},
    "an average without oneself": {"pay": "average(stock among managers by institution, self out)"},
    "too few without oneself": {"pay": "sum(stock among managers by grade, self out, at least 2)"},
    # Others had no date of hiring, no area and no team.
    "attributes of the others": {"score": "count(hired_on >= 2025-01-01 and area = 城区 among managers)"},
    # Members without the attribute by which a group is parted found nobody of another group.
    "another group by an empty attribute": {"pay": "sum(stock among managers by grade)", "who": "heads"},
    # An institution knew only its own accounts of a customer, and not the account of another one that a fee named.
    "a customer is counted with all accounts": {"pay": "of_rich", "who": "places"},
    "a fee of another institution's account": {"pay": "of_current", "who": "places"},
    # Explained, a customer whom only an event names had but the account of that event.
    "a customer is met only in an event": {"score": "of_the_known"},
    # A fee that names only its account had no customer in the run; interest had no institution.
    "the customer of a fee's account": {"pay": "of_companies"},
    "the institution of an interest's loan": {"pay": "of_the_city"},
    "teams rank by the institution they belong to": {
        "score": "rank(stock among squads by institution)",
        "who": "squads",
    },
}


def rulebook_of(line: dict[str, str], measures: dict[str, dict[str, str]]) -> str:
    """Return a rulebook of one line."""
    who = str(line.get("who", "managers"))
    parts = {
        "rulebook": "probe",
        "name": "试办法",
        "calendar": {"every": "quarter"},
        "who": {name: GROUPS[name] for name in dict.fromkeys((who, "managers"))},
        "words": WORDS,
        "events": {
            "violation": {
                "name": "违规",
                "columns": {"points": {"type": "number"}, "level": {"type": "choice"}},
            }
        },
        "inputs": {name: {"clause": CLAUSE, **spec} for name, spec in INPUTS.items()},
        "measures": measures,
        "lines": {"x": {"clause": CLAUSE, "who": who, **line}},
    }
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in parts.items())


@pytest.mark.parametrize("case", FOUND)
def test_found(case: str, tmp_path: Path) -> None:
    text = rulebook_of(FOUND[case], MEASURES)
    assert [problem.text("en") for problem in load_string(text)[1]] == []
    compared = compare(make_world(5).bank(tmp_path), write_rulebook(tmp_path / "rules", text), "2025Q1")
    assert compared.figures
    assert compared.found == []


def test_days_without_a_post_are_nobodys_where_spells_are_not_cut(tmp_path: Path) -> None:
    """Whoever left kept the balances of the days after in the evaluator, and not in the run."""
    who = {"clause": CLAUSE, "is": "post = 经理", "spells": "none"}
    text = rulebook_of({"pay": "stock + fees"}, {**MEASURES, "fees": {"from": "fees", "clause": CLAUSE}})
    text = text.replace(
        json.dumps(GROUPS["managers"], ensure_ascii=False), json.dumps(who, ensure_ascii=False)
    )
    assert '"spells": "none"' in text
    compared = compare(fixed_world().bank(tmp_path), write_rulebook(tmp_path / "rules", text), "2025Q1")
    assert "p4" in compared.traces
    assert compared.found == []


def test_a_cube_is_built_anew_when_more_is_asked_of_it(tmp_path: Path) -> None:
    """Reconciliation asks for an institution's months after a head's quarter was taken from the cube."""
    text = rulebook_of({"pay": "stock", "every": "month"}, MEASURES)
    more = {"pay": "placed", "clause": CLAUSE, "who": "managers", "every": "quarter"}
    text = text.replace(
        "measures: {",
        'measures: {"placed": {"from": "balances", "credit": "institution", "clause": "第一条"}, ',
    )
    text = text.replace("lines: {", f'lines: {{"y": {json.dumps(more, ensure_ascii=False)}, ')
    compared = compare(make_world(5).bank(tmp_path), write_rulebook(tmp_path / "rules", text), "2025Q1")
    assert compared.found == []
    assert len(compared.ran.outcome.reconciled) == 3


def test_earlier_figures_of_others_are_refused() -> None:
    text = rulebook_of({"pay": "average(previous(x, 0元) among managers)"}, MEASURES)
    assert [problem.code for problem in load_string(text)[1]] == ["RUL039"]


def test_what_tests_the_person_is_not_reconciled(tmp_path: Path) -> None:
    """Institutions have no post: such a measure did not add up, and said so of every period."""
    measures = {**MEASURES, "posted": {"from": "balances", "where": "person.post = 经理", "clause": CLAUSE}}
    text = rulebook_of({"pay": "posted + stock"}, measures)
    compared = compare(make_world(5).bank(tmp_path), write_rulebook(tmp_path / "rules", text), "2025Q1")
    assert [(row[1], row[-1]) for row in compared.ran.outcome.reconciled] == [("stock", "yes")]


def test_a_measure_that_is_too_wide_is_refused(tmp_path: Path) -> None:
    each = "balance * 0.000000000001 * 0.000000000001 + balance * 1000000000"
    wide = {"from": "balances", "each": each, "clause": CLAUSE}
    text = rulebook_of({"pay": "wide"}, {"wide": wide})
    with pytest.raises(Refused) as refused:
        compare(make_world(5).bank(tmp_path), write_rulebook(tmp_path / "rules", text), "2025Q1")
    assert [problem.code for problem in refused.value.problems] == ["RUN021"]


def test_points_too_wide_for_their_average_are_refused(tmp_path: Path) -> None:
    """Not with an error of the compiler: the average over spells needs more than the line itself."""
    text = rulebook_of(
        {"score": "10000000000000000000000000 * given_points"},
        {
            **MEASURES,
            "given_points": {"item": "目标", "unit": "points", "clause": CLAUSE},
        },
    )
    with pytest.raises(Refused) as refused:
        compare(make_world(5).bank(tmp_path), write_rulebook(tmp_path / "rules", text), "2025Q1")
    assert [problem.code for problem in refused.value.problems] == ["RUN021"]
