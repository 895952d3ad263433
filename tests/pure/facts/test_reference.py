"""The reference of the facts lists what the code has: kinds, columns, problem codes. `make golden` rewrites it."""

import re
from collections.abc import Callable
from pathlib import Path

from guanhu.facts.problems import WORDINGS
from guanhu.kinds.catalogue import CATALOGUE, event_kind
from guanhu.kinds.schema import Kind

REFERENCE = Path(__file__).resolve().parents[3] / "docs/reference/facts.md"


def kind_section(kind: Kind) -> str:
    lines = [f"### {kind.name} {kind.zh}", ""]
    key = ", ".join(kind.key)
    lines += [f"{kind.dated.value}; key: {key}" + (f"; {kind.note_en}" if kind.note_en else ""), ""]
    lines += ["| column | 列 | type | must be filled | |", "|---|---|---|---|---|"]
    for column in kind.file_columns:
        notes = [f"→ {column.refers}" if column.refers else "", column.listed, column.note_en]
        told = "; ".join(filter(None, notes))
        lines.append(
            f"| {column.name} | {column.zh} | {column.type} | {'yes' if column.required else ''} | {told} |"
        )
    return "\n".join(lines) + "\n"


def kinds_text() -> str:
    event = event_kind("<name>", "事件", [])
    return "\n".join(kind_section(kind) for kind in (*CATALOGUE, event))


def problems_text() -> str:
    lines = ["| code | 说明 | what it says |", "|---|---|---|"]
    for code, wording in sorted(WORDINGS.items()):
        mark = " (warning)" if wording.severity == "warning" else ""
        texts = [
            text.replace("{{", "{").replace("}}", "}").replace("|", "\\|")
            for text in (wording.zh, wording.en)
        ]
        lines.append(f"| {code}{mark} | {texts[0]} | {texts[1]} |")
    return "\n".join(lines) + "\n"


def with_sections(text: str) -> str:
    for name, section in (("kinds", kinds_text()), ("problems", problems_text())):
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{section}\n{end}{after}"
    return text


def test_reference_lists_kinds_and_codes(golden: Callable[[Path, str], None]) -> None:
    golden(REFERENCE, with_sections(REFERENCE.read_text("utf-8")))


def test_every_wording_has_both_languages_and_a_remedy() -> None:
    for code, wording in WORDINGS.items():
        assert re.fullmatch(r"FAC[0-9]{3}", code)
        for text in (wording.zh, wording.en, wording.hint_zh, wording.hint_en):
            assert text, code
