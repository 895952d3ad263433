"""How a sheet of a workbook comes onto paper."""

from __future__ import annotations

from typing import Any

_A4 = 9


def for_paper(sheet: Any, mark: str = "", across: int = 1) -> None:
    """Set a sheet for A4, so many pages across: at the foot `mark`, the name of the sheet and the page."""
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(across, 0)
    named = f"&L&8{mark}&C&8&A" if mark else "&L&8&A"
    sheet.set_footer(f"{named}&R&8第 &P 页 / 共 &N 页")


def text_width(text: str) -> int:
    """Return how many half-width characters a text takes: Chinese ones take two.

    >>> text_width("第 1 页")
    7
    """
    return sum(2 if ord(x) >= 0x2E80 else 1 for x in text)
