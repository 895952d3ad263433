"""Two explanations side by side."""

from __future__ import annotations

from guanhu.appraisal.whatif.chains import beside


def test_sentences_beside_each_other_keep_what_they_stand_under() -> None:
    before = [(0, "a"), (1, "b"), (2, "c"), (1, "d"), (2, "e")]
    after = [(0, "a"), (1, "b"), (2, "c"), (1, "d"), (2, "f"), (2, "g")]
    assert list(beside(before, after)) == [
        ("a", "a"),
        ("　d", "　d"),
        ("　　e", "　　f"),
        ("", "　　g"),
    ]
    assert list(beside(before, before)) == []
    assert list(beside([], [(0, "a")])) == [("", "a")]
