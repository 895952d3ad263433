"""Why a file cannot be read. The room that asked turns it into a problem of its own, with code and hint."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unfit:
    """A file or sheet that cannot be read: `large` (beyond `most`), `broken` or `unsafe`, and what was seen."""

    why: str
    seen: str
    most: str = ""
    sheet: str = ""
