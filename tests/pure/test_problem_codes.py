"""Every problem code is documented once, and every documented code exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"((?:RUL|RUN|FAC|PAT)[0-9]{3})"')
ROW = re.compile(r"^\| ((?:RUL|RUN|FAC|PAT)[0-9]{3})\b", re.MULTILINE)


def test_codes_and_documents_agree() -> None:
    in_code = {c for p in (ROOT / "src").rglob("*.py") for c in CODE.findall(p.read_text("utf-8"))}
    rows = [
        c
        for name in ("problems.md", "facts.md")
        for c in ROW.findall((ROOT / "docs/reference" / name).read_text("utf-8"))
    ]
    assert sorted(in_code - set(rows)) == []
    assert sorted(set(rows) - in_code) == []
    assert sorted(c for c in set(rows) if rows.count(c) > 1) == []


def test_every_documented_code_has_both_sentences() -> None:
    text = (ROOT / "docs/reference/problems.md").read_text("utf-8")
    short = [
        line for line in text.splitlines() if ROW.match(line) and min(map(len, line.split("|")[2:4])) < 5
    ]
    assert short == []
