"""What is not covered says nothing: who held which post, at which rate a balance stood, where an account was kept."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest

from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.rulebook.explain.values import Unknown
from tests.engines.agreement.fixed import PERIOD, Section, fixed_world, rulebook_text
from tests.engines.agreement.running import Compared, compare, write_rulebook
from tests.engines.agreement.world import COVERAGE, FIRST, HEADINGS, write_folder

LINES: Section = {
    "fixed": {"pay": "900元"},
    "points": {"score": "60"},
    "whole": {"total": ["fixed"], "most": "800元"},
    "kept": {"value": "post"},
    "first": {"value": "rank(points among managers)", "unit": "count"},
}
CHECKS: Section = {"few": {"when": "points < 70", "says": "低"}}


def bank_with(folder: Path, kind: str, last: str) -> Bank:
    """Return the fixed bank of which one kind is covered up to a day only; '' for a kind that was never supplied."""
    bank = Bank.create(folder / "bank", "小银行")
    kinds = [x for x in HEADINGS if x != kind]
    text = COVERAGE.replace(f"[{', '.join(HEADINGS)}]", f"[{', '.join(kinds)}]")
    text += f"  - {{kinds: [{kind}], from: {FIRST}, to: {last}}}\n" if last else ""
    world = fixed_world()
    if last:
        world.rows[kind] = [row for row in world.rows[kind] if str(row[1]) <= last]
    files = write_folder(folder / "in", world.files(), text)
    if not last:
        (files / f"{kind}.csv").unlink()
    assert [x.text("en") for x in import_folder(files, bank).problems if x.severity == "error"] == []
    return bank


def told(compared: Compared, code: str) -> list[str]:
    return [x.zh for x in compared.ran.outcome.problems if x.code == code]


@pytest.mark.parametrize("spells", ["none", "by days"])
def test_people_are_not_settled_where_their_posts_are_not_known(spells: str, tmp_path: Path) -> None:
    """Until the middle of March: January and February stand, March and the quarter do not; nobody is paid for half of it."""
    bank = bank_with(tmp_path, "posts", "2025-03-15")
    for unit, known in (("month", [True, True, False]), ("quarter", [False])):
        text = rulebook_text(unit, spells, LINES, checks=CHECKS)
        compared = compare(bank, write_rulebook(tmp_path / unit, text), PERIOD)
        assert (compared.found, compared.unread) == ([], [])
        (only,) = told(compared, "RUN059")
        assert "岗位表缺 2025-03-16..2025-03-31" in only
        for name in (*LINES, "few"):
            values = [x.whole[name] for x in compared.traces["p2"]]
            assert [not isinstance(x, Unknown) for x in values] == known[: len(values)], name
        cause = duckdb.sql(
            f"SELECT DISTINCT cause FROM '{compared.ran.folder.table('lines')}' WHERE state <> 'ok'"
        ).fetchall()
        assert cause == [("facts.posts",)]
        shutil.rmtree(compared.ran.folder.path)


def test_nobody_is_without_a_post_where_none_is_known(tmp_path: Path) -> None:
    bank = bank_with(tmp_path, "posts", "2024-12-31")
    rules = write_rulebook(tmp_path / "rules", rulebook_text("quarter", "none", {"fixed": {"pay": "900元"}}))
    compared = compare(bank, rules, PERIOD)
    assert len(told(compared, "RUN059")) == 1
    assert {row[3] for row in compared.ran.outcome.left_out} == {"posts not known"}


@pytest.mark.parametrize("last", ["2025-02-28", ""])
def test_a_price_by_rate_needs_the_rates(last: str, tmp_path: Path) -> None:
    """Never supplied, it was refused as too wide; in part, settled as unknown without a word."""
    bank = bank_with(tmp_path, "account_rates", last)
    measures: Section = {"cost": {"from": "balances", "each": "balance * account.rate", "unit": "money"}}
    text = rulebook_text("month", "none", {"pay": {"pay": "cost"}}, measures=measures)
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert (compared.found, compared.unread) == ([], [])
    assert len(told(compared, "RUN020")) == (1 if last else 3)
    assert all("账户利率" in x for x in told(compared, "RUN020"))
    march = [x.whole["pay"] for x in compared.traces["p2"]][-1]
    assert isinstance(march, Unknown)


@pytest.mark.parametrize(("last", "known"), [("2025-02-28", False), ("", True)])
def test_an_institution_needs_to_know_which_accounts_were_its_own(
    last: str, known: bool, tmp_path: Path
) -> None:
    """Where no account ever moved nothing has to be supplied; where some did, uncovered days put them back."""
    bank = bank_with(tmp_path, "account_institutions", last)
    text = rulebook_text(
        "month",
        "none",
        {"held": {"unit": "money", "value": "stock"}},
        measures={"stock": {"from": "balances"}},
    ).replace('{"is": "post = 经理", "spells": "none"', '{"subject": "institution"')
    compared = compare(bank, write_rulebook(tmp_path / "rules", text), PERIOD)
    assert (compared.found, compared.unread) == ([], [])
    values = [
        x.whole["held"] for trace in compared.traces.values() for x in trace if x.instance.key == "2025-03"
    ]
    assert values
    assert {isinstance(x, Fraction) for x in values} == {known}
    assert any("账户机构" in x or "机构" in x for x in told(compared, "RUN020")) != known
