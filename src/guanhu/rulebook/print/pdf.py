"""Blocks as PDF: the template `page.typ` reads them as data, so no text of a user is ever markup."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from guanhu.rulebook.print import blocks as b

TEMPLATE = Path(__file__).with_name("page.typ")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def pdf(page: b.Page, made_at: datetime = _EPOCH) -> bytes:
    """Return the page as PDF; the same page and moment give the same bytes."""
    import typst  # noqa: PLC0415 - 70 MB of compiler: only who writes a PDF pays for it

    found = typst.compile(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        font_paths=[str(fonts())],
        ignore_system_fonts=True,
        sys_inputs={"page": page_json(page)},
        timestamp=int(made_at.timestamp()),
        pdf_standards=["a-2a", "ua-1"],
    )
    return bytes(found)


def page_json(page: b.Page) -> str:
    """Return the page as the template reads it."""
    return json.dumps(
        {
            **{f.name: getattr(page, f.name) for f in dataclasses.fields(page) if f.name != "blocks"},
            "blocks": [_record(block) for block in page.blocks],
        },
        ensure_ascii=False,
    )


def _record(block: b.Block) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": type(block).__name__}
    for item in dataclasses.fields(block):
        value = getattr(block, item.name)
        name = "mark" if item.name == "kind" else item.name
        found[name] = [_record(part) for part in value] if item.name == "parts" else value
    return found


@cache
def fonts() -> Path:
    """Return the folder of Noto Sans SC."""
    return Path(str(files("justmytype_intl_cjk"))) / "fonts" / "ofl" / "notosanssc"
