"""A problem: something wrong in what a user gave us, with its place, code and remedy, in two languages.

Problems are values, collected and shown all at once; they are never raised one by one. A broken
invariant of our own is an exception instead (`values.exact.InvariantBroken`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: a file and, when known, line and column (both counted from 1) or a sheet.

    `is_cell`: the column counts cells, so all of a cell's text has one place.
    """

    file: str
    line: int = 0
    column: int = 0
    sheet: str = ""
    is_cell: bool = field(default=False, repr=False, compare=False)

    def __str__(self) -> str:
        """Return `file[sheet]:line:column`, leaving out what is not known.

        >>> str(Place("rulebook.yaml", 14, 3)), str(Place("facts.xlsx", 2, sheet="账户"))
        ('rulebook.yaml:14:3', 'facts.xlsx[账户]:2')
        """
        sheet = f"[{self.sheet}]" if self.sheet else ""
        line = f":{self.line}" if self.line else ""
        column = f":{self.column}" if self.column else ""
        return f"{self.file}{sheet}{line}{column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `zh`/`en` say what was seen and what was expected; the hints say what to do.

    `code` is one code for ever (RUL… rulebooks, FAC… facts, RUN… runs); `docs/reference/problems.md`
    lists them all. `severity` is `error` or `warning`; a warning never stops anything.
    """

    code: str
    place: Place
    zh: str
    en: str
    hint_zh: str = ""
    hint_en: str = ""
    clause: str = ""
    severity: str = "error"

    def text(self, lang: str = "zh") -> str:
        """Return the problem as printed: `place: CODE: sentence [clause]` and a hint on its own line."""
        sentence, hint, label = (
            (self.zh, self.hint_zh, "提示") if lang == "zh" else (self.en, self.hint_en, "hint")
        )
        clause = f" [{self.clause}]" if self.clause else ""
        tail = f"\n  {label}: {hint}" if hint else ""
        return f"{self.place}: {self.code}: {sentence}{clause}{tail}"


def errors_in(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that are errors, in place order."""
    return sorted((p for p in problems if p.severity == "error"), key=lambda p: (p.place, p.code))


class Refused(Exception):
    """A request that cannot be done, with all its problems; delivery layers print them and exit 1."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems; the first one is the exception's text."""
        self.problems = tuple(problems)
        super().__init__(self.problems[0].text("en") if self.problems else "refused")
