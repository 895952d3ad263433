"""A figure: one measure for one instance and kind of subject, as it is asked for and as a table.

    (subject_no, spell_no, num, den, bad)

num is a whole number at the figure's scale; `bad` counts rows whose amount is unknown: then the figure is
unknown too. `den` is used by means only. spell_no is 0 but in an instance's own window.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance
from guanhu.values.dates import Span


@dataclass(frozen=True, slots=True)
class Figure:
    """Where a measure's values are: a table, the scale of `num`, and whether `den` divides it."""

    table: str
    scale: Fraction
    by_spell: bool
    is_mean: bool = False
    unknown: str = ""
    empty_is_zero: bool = True
    by_days: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """One measure for one instance and kind of subject.

    `only` names a table of the few subjects asked for (own-date windows). `rolled` False leaves institutions without those below them, and people in one piece: for reconciliation.
    """

    measure: t.Measure
    instance: Instance
    subject: str
    span: Span
    cut: bool = True
    rolled: bool = True
    only: str = ""


def in_spells(wanted: Wanted) -> bool:
    """Tell whether a figure has a row for each spell of a person: in the instance's own window."""
    measure = wanted.measure
    return wanted.subject == "person" and wanted.rolled and (measure.window.is_own or measure.base)


def spell_table(instance: Instance, *, cut: bool) -> str:
    """Return the name of the table that says to which spell of an instance each span belongs."""
    return f"spells/{instance.every}/{instance.days}/{'cut' if cut else 'whole'}"
