"""A published instance is never shown anew: what late facts change of it is one correction, and only one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from guanhu.appraisal.published import publish
from guanhu.appraisal.running import Ran, run_rulebook
from guanhu.facts.importing import import_folder
from guanhu.values.problem import Refused, errors_in
from tests.engines.agreement.fixed import MEASURES, fixed_world, rulebook_text
from tests.engines.agreement.running import compare, make_engine, write_rulebook
from tests.engines.agreement.world import COVERAGE, World
from tests.engines.facts.folders import write_folder

LINES = {
    "held": {"every": "month", "score": "if(stock > 0元, 10, 1)"},
    "m_pay": {"every": "month", "pay": "stock * 1% + price * 0元"},
    "m_extra": {"every": "month", "pay": "pool(33.35元, held among managers)"},
    "m_total": {"every": "month", "total": ["m_pay", "m_extra"]},
    "q_pay": {"every": "quarter", "pay": "sum of m_pay over its months * 20%"},
}
CHECKS = {"low": {"every": "month", "when": "stock < 5000元", "says": "低"}}
DECISIONS = {"down": {"every": "month", "when": "low", "sets": {"grade": "down"}, "in_force": "next period"}}
RULES = rulebook_text(
    "month", "by days", LINES, measures={"stock": MEASURES["stock"]}, checks=CHECKS, decisions=DECISIONS
)
Figures = dict[tuple[str, str, str], Fraction | str | None]


class Story:
    """A bank whose facts come in batches, and runs of it that may be published."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = fixed_world()
        self.bank = self.world.bank(folder)
        self.rules = write_rulebook(folder / "rules", RULES)
        self.batches = 1

    def facts(self, change: Callable[[World], None]) -> World:
        """Import all facts again with something changed, and return them."""
        self.batches += 1
        self.world = copy.deepcopy(fixed_world())
        change(self.world)
        result = import_folder(
            write_folder(self.folder / f"in{self.batches}", self.world.files(), COVERAGE), self.bank
        )
        assert [problem.text("en") for problem in errors_in(result.problems)] == []
        return self.world

    def run(self, period: str) -> Ran:
        """Run, hold run and explain to agree, and return the run."""
        compared = compare(self.bank, self.rules, period)
        assert compared.found == []
        assert compared.unread == []
        return compared.ran

    def publish(self, ran: Ran) -> None:
        publish(self.bank.path, ran.folder)

    def anew(self, period: str) -> Figures:
        """Return what the present facts give in a bank where nothing was published."""
        folder = self.folder / f"anew{self.batches}"
        bank = self.world.bank(folder)
        return lines_of(run_rulebook(make_engine, bank, self.rules, period))


def rows(ran: Ran, name: str, columns: str) -> list[tuple]:
    import duckdb

    with duckdb.connect() as connection:
        path = str(ran.folder.table(name))
        return connection.execute(f"SELECT {columns} FROM read_parquet($1) ORDER BY ALL", [path]).fetchall()


def lines_of(ran: Ran, table: str = "lines") -> Figures:
    return {
        (subject, instance, line): (Fraction(int(num), int(den)) if num is not None else text)
        for subject, instance, line, num, den, text, spell in rows(
            ran, table, "subject_id, instance, line, num, den, text, spell_no"
        )
        if not spell
    }


def corrections(ran: Ran) -> dict[tuple[str, str, str], Fraction | None]:
    found = rows(ran, "corrections", "subject_id, of_instance, line, correction_fen")
    return {(s, i, line): Fraction(int(fen), 100) if fen is not None else None for s, i, line, fen in found}


def differing(then: Figures, now: Figures, instance: str) -> dict[tuple[str, str, str], Fraction]:
    """Return now − then for the pay lines of an instance; who has no figure has 0."""
    found: dict[tuple[str, str, str], Fraction] = {}
    for key in then.keys() | now.keys():
        if key[1] == instance and key[2] in ("m_pay", "m_extra", "m_total"):
            gap = (now.get(key) or Fraction(0)) - (then.get(key) or Fraction(0))  # type: ignore[operator]
            if gap:
                found[key] = gap
    return found


def late_balance(world: World) -> None:
    world.rows["balances"] = [
        ("a3", "2025-02-07", "77777.77") if row[:2] == ("a3", "2025-03-15") else row
        for row in world.rows["balances"]
    ]


def as_first(_world: World) -> None:
    """Change nothing: the facts are those of the first batch."""


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def test_a_late_balance_is_one_correction_to_the_fen(story: Story) -> None:
    first = story.run("2025-02")
    story.publish(first)
    published = lines_of(first)
    story.facts(late_balance)
    ran = story.run("2025Q1")
    shown = lines_of(ran)
    assert {k: v for k, v in shown.items() if k[1] == "2025-02"} == published
    wanted = differing(published, story.anew("2025-02"), "2025-02")
    assert wanted
    assert corrections(ran) == wanted
    assert {row[0] for row in rows(ran, "corrections", "instance")} == {"2025Q1"}
    assert "RUN043" in [problem.code for problem in ran.problems]
    # The quarter reads February as it was published.
    months = sum(shown["p2", f"2025-0{n}", "m_pay"] for n in (1, 2, 3))  # type: ignore[misc]
    assert abs(shown["p2", "2025Q1", "q_pay"] - months / 5) < Fraction(1, 100)  # type: ignore[operator]


def test_a_run_of_later_days_names_the_period_in_which_corrections_stand(story: Story) -> None:
    """Late facts of a published month were passed over in silence by the run of the next."""
    story.publish(story.run("2025-02"))
    assert "RUN063" not in [x.code for x in story.run("2025-03").problems]
    story.facts(late_balance)
    (told,) = [x for x in story.run("2025-03").problems if x.code == "RUN063"]
    assert "第 2 批" in told.zh
    assert "--period 2025-02-01..2025-03-31" in told.hint_zh
    named = story.run("2025-02-01..2025-03-31")
    assert corrections(named)
    assert "RUN063" not in [x.code for x in named.problems]


def test_a_published_correction_is_not_made_again(story: Story) -> None:
    story.publish(story.run("2025-02"))
    story.facts(late_balance)
    correcting = story.run("2025Q1")
    made = corrections(correcting)
    story.publish(correcting)
    assert corrections(story.run("2025Q1")) == {}
    assert corrections(story.run("2025-02")) == {}
    story.facts(as_first)
    undone = story.run("2025-02")
    assert corrections(undone).items() >= {key: -value for key, value in made.items() if value}.items()
    story.publish(undone)
    assert corrections(story.run("2025-02")) == {}


def test_the_same_facts_correct_nothing(story: Story) -> None:
    first = story.run("2025-02")
    story.publish(first)
    again = story.run("2025-02")
    assert corrections(again) == {}
    assert lines_of(again) == lines_of(first)
    assert lines_of(again, "recomputed_lines") == lines_of(first)
    assert again.folder.record["published_instances"] == {"2025-02": first.folder.path.name}
    assert rows(again, "decisions", "*") == rows(first, "decisions", "*")


def posts_changed(world: World) -> None:
    """In February p2 was a head all along; p5, the head, was a manager."""
    changed = []
    for row in world.rows["posts"]:
        if row[0] == "p2":
            changed.append((*row[:3], "行长", *row[4:]))
        elif row[0] == "p5":
            changed.append((*row[:3], "经理", "高级", *row[5:]))
        else:
            changed.append(row)
    world.rows["posts"] = changed


def test_who_came_or_left_is_corrected_by_the_whole_amount(story: Story) -> None:
    first = story.run("2025-02")
    story.publish(first)
    published = lines_of(first)
    story.facts(posts_changed)
    ran = story.run("2025-02")
    now = story.anew("2025-02")
    found = corrections(ran)
    assert found == differing(published, now, "2025-02")
    assert found["p2", "2025-02", "m_total"] == -published["p2", "2025-02", "m_total"]  # type: ignore[operator]
    assert found["p5", "2025-02", "m_total"] == now["p5", "2025-02", "m_total"]
    story.publish(ran)
    assert corrections(story.run("2025Q1")) == {}


def without_price(world: World) -> None:
    world.rows["parameters"] = [row for row in world.rows["parameters"] if row[1] != "price"]


def test_a_figure_that_is_not_known_any_more_is_not_settled(story: Story) -> None:
    story.publish(story.run("2025-02"))
    story.facts(without_price)
    ran = story.run("2025-02")
    found = corrections(ran)
    assert found["p1", "2025-02", "m_pay"] is None
    assert ("p1", "2025-02", "m_extra") not in found
    assert ran.folder.record["corrections"]["not_settled"] == len(found)


def test_a_figure_that_was_not_known_is_paid_when_it_is(story: Story) -> None:
    story.facts(without_price)
    first = story.run("2025-02")
    assert lines_of(first)["p1", "2025-02", "m_pay"] is None
    story.publish(first)
    story.facts(as_first)
    ran = story.run("2025-02")
    assert corrections(ran)["p1", "2025-02", "m_pay"] == story.anew("2025-02")["p1", "2025-02", "m_pay"]
    story.publish(ran)
    assert corrections(story.run("2025-02")) == {}


def test_a_run_that_did_not_know_of_the_publication_is_not_published(story: Story) -> None:
    stale = story.run("2025Q1")
    story.publish(story.run("2025-02"))
    with pytest.raises(Refused) as refused:
        story.publish(stale)
    assert [problem.code for problem in refused.value.problems] == ["RUN040"]


def test_only_what_stands_for_itself_adds_to_the_pay(story: Story) -> None:
    story.publish(story.run("2025-02"))
    story.facts(late_balance)
    found = rows(story.run("2025-02"), "corrections", "line, counts")
    assert {(line, counts) for line, counts in found} == {("m_pay", False), ("m_total", True)}


def test_a_line_that_the_rulebook_has_lost_is_not_taken_back(story: Story) -> None:
    story.publish(story.run("2025-02"))
    lost = {
        **LINES,
        "m_extra": {"every": "quarter", "pay": "1元"},
        "m_total": {"every": "month", "total": ["m_pay"]},
    }
    text = rulebook_text(
        "month", "by days", lost, measures={"stock": MEASURES["stock"]}, checks=CHECKS, decisions=DECISIONS
    )
    story.rules = write_rulebook(story.folder / "later", text)
    found = corrections(story.run("2025-02"))
    assert {line for _, _, line in found} == {"m_total"}
