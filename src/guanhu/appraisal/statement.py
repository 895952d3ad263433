"""One subject's statement: a page that a manager understands without help.

    姓名 → 得分、计酬、结论 → 没有结清的 → 各期 → 每一行怎样得来、离下一档多远 → 检查和决定
    → 指标、参数 → 假设和疑点

Everything comes from the subject's own traces, so each figure on the page can be explained down to the
account; the page shows what fits on one to three sheets.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from guanhu.appraisal.pages.card import GroupPart
from guanhu.appraisal.pages.kept import BANK_NAME, Names, read_names
from guanhu.appraisal.pages.reasons import Reasons
from guanhu.appraisal.published import literal
from guanhu.appraisal.running import OpenRun
from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.subject import SubjectTrace
from guanhu.rulebook.print import blocks as b
from guanhu.rulebook.print.html import html
from guanhu.rulebook.print.pdf import pdf
from guanhu.rulebook.print.sentence import state_name
from guanhu.rulebook.run.template import filled

from sqlglot import exp

FORMATS = ("html", "pdf")


def write_statement(opened: OpenRun, person: str, format_: str, out: Path) -> None:
    """Write the statement of a person, institution or the bank: `html` or `pdf`, whole or not at all.

    Errors:   Refused RUN050 or RUN051 for one who is not in the run; OSError when it cannot be written;
              ValueError for another format.
    """
    if format_ not in FORMATS:
        raise ValueError(f"{format_} is none of {FORMATS}")
    page = statement(opened, person)
    made = datetime.fromisoformat(opened.record["created_at"])
    b.write_whole(out, html(page).encode() if format_ == "html" else pdf(page, made))


def statement(opened: OpenRun, person: str) -> b.Page:
    """Return the page of a subject."""
    return _Statement(opened, person).page()
