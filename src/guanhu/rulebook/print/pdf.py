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
    """Return the page as PDF (PDF/A-2a, PDF/UA-1); the same page and moment give the same bytes.

    A rare character that Noto Sans SC lacks is taken from the fonts of its sisters (TC, JP, KR). One that
    none of them has is drawn as an empty box, and only then the file claims no standard.
    """
    import typst  # noqa: PLC0415 - 70 MB of compiler: only who writes a PDF pays for it

    for folder in (fonts(), fonts().parent):
        try:
            return _compiled(page, made_at, folder, to_standard=True)
        except typst.TypstError:
            continue
    return _compiled(page, made_at, fonts().parent, to_standard=False)


def _compiled(page: b.Page, made_at: datetime, folder: Path, *, to_standard: bool) -> bytes:
    import typst  # noqa: PLC0415 - see `pdf`

    found = typst.compile(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        font_paths=[str(folder)],
        ignore_system_fonts=True,
        sys_inputs={"page": page_json(page)},
        timestamp=int(made_at.timestamp()),
        pdf_standards=["a-2a", "ua-1"] if to_standard else [],
    )
    return bytes(found)


def page_json(page: b.Page) -> str:
    """Return the page as the template reads it."""
    return json.dumps(
        {
            **{f.name: _plain(getattr(page, f.name)) for f in dataclasses.fields(page) if f.name != "blocks"},
            "blocks": [_record(block) for block in page.blocks],
        },
        ensure_ascii=False,
    )


def _record(block: b.Block) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": type(block).__name__}
    for item in dataclasses.fields(block):
        value = getattr(block, item.name)
        name = "mark" if item.name == "kind" else item.name
        found[name] = [_record(part) for part in value] if item.name == "parts" else _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return b.readable(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


@cache
def fonts() -> Path:
    """Return the folder of Noto Sans SC."""
    return Path(str(files("justmytype_intl_cjk"))) / "fonts" / "ofl" / "notosanssc"
