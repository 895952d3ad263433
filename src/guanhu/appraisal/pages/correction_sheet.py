"""Corrections of what was published, as a sheet, and what they add to each subject's pay."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from guanhu.appraisal.pages.causes import cause_text
from guanhu.appraisal.pages.kept import Card, KeptRun
from guanhu.appraisal.pages.sheet import NOT_OF_IT, Cell, Column, Row, Sheet
from guanhu.appraisal.runs import value_kept
from guanhu.values.exact import FEN_PER_YUAN


class Corrections:
    """The corrections of one kept run; none where it holds no published instance."""

    def __init__(self, kept: KeptRun, group_width: int) -> None:
        """Take the run, and how wide the names of its groups are."""
        self.kept = kept
        self.group_width = group_width

    def sheet(self) -> Sheet:
        """Return what is due or owed: recomputed − published − corrected before."""
        columns = (
            Column("对象号", 12),
            Column("姓名/名称", 16),
            Column("考核对象", self.group_width),
            Column("列入期间", 12),
            Column("更正的期间", 12),
            Column("行", 26),
            Column("行号", 20),
            Column("重算", 16, "money"),
            Column("已发布", 16, "money"),
            Column("已更正", 16, "money"),
            Column("更正", 16, "money"),
            Column("计入合计", 12),
            Column("未知的原因", 50),
            Column("发布的运行", 40),
            Column("条款", 18),
        )
        return Sheet("更正", "corrections", columns, self._rows, frozen=2)

    def _rows(self) -> Iterator[Row]:
        book = self.kept.rulebook
        for subject, group, name, into, of, *amounts, counts, cause, run in self._kept():
            yield (
                subject,
                self.kept.names.of(subject),
                book.groups[group].title,
                into,
                of,
                book.lines[name].title,
                name,
                *amounts,
                "是" if counts else "已含在别的行",
                cause_text(book, cause) if cause else "",
                run,
                book.lines[name].clause,
            )

    def _kept(self) -> Iterator[tuple[Any, ...]]:
        """Yield the kept corrections, amounts in yuan; None is unknown, or was never published."""
        if not self.kept.held:
            return
        names = "subject_id, group_id, line, instance, of_instance, recomputed_fen, published_fen, corrected_fen, correction_fen, counts, coalesce(cause, ''), run"
        for row in self.kept.rows("corrections", names, "1, 5, 3"):
            yield (*map(str, row[:5]), *(value_kept(x, FEN_PER_YUAN) for x in row[5:9]), *row[9:])

    def by_subject(self) -> dict[tuple[str, str], Fraction | None]:
        """Return what corrections add to the pay, by subject and group; None is unknown."""
        found: dict[tuple[str, str], Fraction | None] = {}
        for subject, group, *_, due, counts, _cause, _run in self._kept():
            if counts:
                before = found.get((subject, group), Fraction(0))
                found[subject, group] = None if due is None or before is None else before + due
        return found

    def taken(self, card: Card, due: dict[tuple[str, str], Fraction | None]) -> tuple[list[Cell], str]:
        """Take out what corrections add to a subject's pay; a dash where there is none, blank where it is unknown."""
        if not self.kept.held:
            return [], ""
        own = due.pop((card.subject, card.group), Fraction(0))
        return [NOT_OF_IT if own == 0 else own], "更正未结清" if own is None else ""
