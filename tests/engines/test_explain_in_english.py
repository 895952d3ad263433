"""An explanation in English holds no Chinese word but those of the rulebook and of the bank's facts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guanhu.appraisal.pages.waiting import told as lots_told
from guanhu.appraisal.running import run_rulebook
from guanhu.rulebook.explain.telling import Teller
from tests.engines.agreement.fixed import PERIOD, TOPICS, fixed_world
from tests.engines.agreement.running import make_engine, opened, write_rulebook
from tests.engines.agreement.world import World

CLASSES = ("正常", "关注", "次级", "可疑", "损失")
"""How the facts write the five classes of loans; measures of the library name them."""
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+")


def own_words(world: World, rulebook: str) -> list[str]:
    """Return the Chinese words of a rulebook and of the facts, the longest first."""
    return sorted(
        {word for text in (rulebook, *world.files().values(), *CLASSES) for word in CHINESE.findall(text)},
        key=len,
        reverse=True,
    )


def left_over(lines: list[str], known: list[str]) -> list[str]:
    """Return the lines in which Chinese is left without the known words."""
    found = []
    for line in lines:
        rest = line
        for word in known:
            rest = rest.replace(word, "")
        if CHINESE.search(rest):
            found.append(line)
    return found


@pytest.mark.parametrize("topic", TOPICS)
def test_every_construct_is_told_in_english(topic: str, tmp_path: Path) -> None:
    world = fixed_world()
    bank = world.bank(tmp_path / "bank")
    ran = run_rulebook(make_engine, bank, write_rulebook(tmp_path / topic, TOPICS[topic]), PERIOD)
    known = own_words(world, TOPICS[topic])
    told: dict[str, list[str]] = {"en": [], "zh": []}
    with opened(bank, ran) as run:
        for subject in run.subjects():
            explained = run.explained(subject, keeps_rows=True)
            for lang, lines in told.items():
                teller = Teller(run.rulebook, "day", is_expanding=True, lang=lang)
                tree = [x for trace in explained.traces for x in teller.subject(trace)]
                tree += lots_told(run, subject, lang)
                lines += [text for each in tree for _, text in each.lines()]
    assert left_over(told["en"], known) == []
    # Told in Chinese nearly every line is left over: the words of the rulebook hide none of the program's.
    assert len(left_over(told["zh"], known)) > len(told["zh"]) // 3
    assert len(told["en"]) == len(told["zh"])
