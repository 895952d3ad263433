"""Rulebooks with a defect planted in each, and whether the proof finds it.

A planted rulebook is one file. It begins with what it hides and the codes that have to be found:

    # finds: PRV001
    # says: 99% 和 100% 之间没有档

What is found besides, and what stays undecided, counts against the proof.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.prove.finding import DEFECT, FAULT
from guanhu.rulebook.prove.proof import Limits
from guanhu.rulebook.prove.reading import prove

_FINDS = re.compile(r"^# finds: (.+)$", re.MULTILINE)
_SAYS = re.compile(r"^# says: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Planted:
    """A rulebook and the codes of what is planted in it."""

    name: str
    text: str
    codes: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A planted rulebook as proved."""

    name: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    undecided: int
    seconds: str
    says: str

    @property
    def holds(self) -> bool:
        """Tell whether exactly what is planted was found, and nothing left open."""
        return sorted(set(self.wanted)) == sorted(set(self.found)) and self.undecided == 0


def planted_in(folder: Path) -> list[Planted]:
    """Return the planted rulebooks of a folder, by name."""
    found: list[Planted] = []
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text("utf-8")
        codes = tuple(code for line in _FINDS.findall(text) for code in line.split())
        found.append(Planted(path.stem, text, codes, " ".join(_SAYS.findall(text))))
    return found


def tried(planted: Planted, limits: Limits | None = None) -> Tried:
    """Return what the proof finds in a planted rulebook."""
    rulebook, problems = load_string(planted.text)
    if rulebook is None:
        codes = tuple(dict.fromkeys(p.code for p in problems))
        return Tried(planted.name, planted.codes, codes, 0, "0", planted.says)
    proof = prove(rulebook, limits_=limits)
    found = tuple(dict.fromkeys(f.code for f in proof.findings if f.severity in (DEFECT, FAULT)))
    return Tried(
        planted.name, planted.codes, found, proof.undecided, f"{int(proof.seconds * 100) / 100}", planted.says
    )
