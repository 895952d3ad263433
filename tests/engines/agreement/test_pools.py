"""Pools of the fixed bank are paid out to the last fen, among people who moved in mid-month too."""

from collections import defaultdict
from fractions import Fraction
from pathlib import Path

from guanhu.rulebook.explain.telling import Teller
from guanhu.rulebook.explain.values import Unknown
from tests.engines.agreement.fixed import PERIOD, TOPICS, fixed_world
from tests.engines.agreement.running import compare, opened, write_rulebook

POOLS = {"m_pool": Fraction("100.01"), "m_pool_owed": Fraction("-333.34")}
MONTHS = ("2025-01", "2025-02", "2025-03")


def test_parts_of_a_run_sum_to_the_pool(tmp_path: Path) -> None:
    bank = fixed_world().bank(tmp_path)
    compared = compare(bank, write_rulebook(tmp_path / "past", TOPICS["past"]), PERIOD)
    assert compared.found == []
    paid: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for traces in compared.traces.values():
        for trace in traces:
            for name in POOLS.keys() & trace.whole.keys():
                value = trace.whole[name]
                assert isinstance(value, Fraction)
                paid[name, trace.instance.key] += value
    assert paid == {(name, month): amount for name, amount in POOLS.items() for month in MONTHS}
    with opened(bank, compared.ran) as run:
        (told,) = Teller(run.rulebook).subject(compared.traces["p1"][0], "m_pools")
    texts = [text for _, text in told.lines()]
    assert "总额 100.00 元 × 7,784.95 元 ÷ 全部 2 个的 42,320.59 元, 舍到分为 18.39 元" in texts
    assert "余下 1 分按余数分, 这里得 1 分" in texts


def test_a_pool_that_cannot_be_shared_says_why(tmp_path: Path) -> None:
    bank = fixed_world().bank(tmp_path)
    compared = compare(bank, write_rulebook(tmp_path / "past", TOPICS["past"]), PERIOD)
    (first, *_) = compared.traces["p1"]
    for name in ("m_pool_unlike", "m_pool_below"):
        assert first.whole[name] == Unknown("pool.managers", "pool")
    kept = compared.ran.folder.table("lines")
    with opened(bank, compared.ran) as run:
        causes = run.engine.connection.execute(
            "SELECT DISTINCT cause FROM read_parquet(?) WHERE line = 'm_pool_below' AND spell_no = 0",
            [str(kept)],
        ).fetchall()
    assert causes == [("pool.managers",)]
