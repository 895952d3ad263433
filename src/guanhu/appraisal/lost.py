"""What refused rows leave unknown, when a bank has taken the good ones of a file.

A refused balance of an account, or state of a loan, makes the figures unknown of those who are credited with
it in the calendar months that it touches (the month index knows no less), and of nobody else. A row whose key
could not be read, and one of any other kind, may concern everybody: its days count as not covered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from guanhu.appraisal.rows import columns_read
from guanhu.facts.coverage import VIA_ACCOUNT
from guanhu.rulebook import tree as t
from guanhu.rulebook.instances import Instance
from guanhu.rulebook.windows import span_of
from guanhu.values.dates import FAR_FUTURE, Span, add_months, month_start
from guanhu.values.problem import Place, Problem

OWN_KINDS = {"balances": "account_no", "loan_states": "loan_id"}
"""Kinds whose refused rows concern one account or loan, and the column of pieces by which it is found."""


WHERE_ELSE = frozenset({"account_institutions"})
"""Kinds without which something else holds: an account that never moved is where it was opened. Supplied once, they count."""
POSTS = "posts"
NO_POSTS = f"facts.{POSTS}"
"""Why lines are unknown of people whose posts are not known on all days of an instance."""


NO_CARD = {
    "no post": ("期内没有岗位", "no post"),
    "posts not known": ("没有导入全期的岗位表", "posts not known"),
}
"""Why somebody has no card, as a run keeps it, in two languages."""


class Holes(Protocol):
    """What is asked of the bank's facts."""

    def supplies(self, kind_name: str) -> bool:
        """Tell whether any batch holds a kind."""

    def missing(self, kind_name: str, span: Span) -> list[Span]:
        """Return the days of a span that no batch covers."""

    def holes(self, kind_name: str) -> Iterable[Any]:
        """Return the rows known to be missing, each with its `key` and `span`."""


def uncovered(view: Holes, kind: str, days: Span) -> list[Span]:
    """Return the days that no batch covers, or of which a refused row may concern anybody.

    Edges:    a refused post is its own person's matter, who then holds none: of posts no batch, only, leaves days open.
    """
    if kind in WHERE_ELSE and not view.supplies(kind):
        return []
    if kind == POSTS:
        return view.missing(kind, days)
    holes = [hole.span.overlap(days) for hole in view.holes(kind) if not _is_own(hole)]
    return [*view.missing(kind, days), *[hole for hole in holes if hole is not None]]


def lost_days(view: Holes, kind: str) -> list[tuple[str, Span]]:
    """Return the accounts or loans with refused rows, and the whole months that are unknown of each."""
    if kind not in OWN_KINDS:
        return []
    return sorted({(hole.key[0], _months(hole.span)) for hole in view.holes(kind) if _is_own(hole)})


def told_lost(view: Holes, period: Span) -> list[Problem]:
    """Return a warning for each kind of which rows of single accounts or loans were refused in the period."""
    found = []
    for kind in OWN_KINDS:
        keys = sorted({key for key, days in lost_days(view, kind) if days.overlap(period) is not None})
        if keys:
            shown = "、".join(keys[:3])
            found.append(
                Problem(
                    "RUN044",
                    Place(kind),
                    f"{len(keys)} 个账户或借据有被拒收的行(如 {shown}), 管户人当月的数未知, 其他人照常结算",
                    f"rows of {len(keys)} accounts or loans were refused (such as {shown}): figures of those months are unknown for whoever is in charge of them, all others are settled",
                    "改正这些行, 导入覆盖这些日子的批次后重新运行",
                    "mend these rows, import a batch that covers these days and run again",
                    severity="warning",
                )
            )
    return found


def _last_day(span: Span) -> Span:
    return Span(span.last_day, span.end)


def _is_own(hole: Any) -> bool:
    return hole.kind in OWN_KINDS and hole.key is not None


def _months(span: Span) -> Span:
    last = month_start(span.last_day)
    return Span(month_start(span.start), add_months(last, 1) if last.year < FAR_FUTURE.year else FAR_FUTURE)


@dataclass(frozen=True, slots=True)
class Need:
    """Days of a kind of fact that have to be covered, and the measure that reads them."""

    measure: t.Measure
    kind: str
    days: Span


def told_without_posts(view: Holes, instance: Instance) -> Problem | None:
    """Return a warning where it is not known on all days of an instance who held which post: people's lines are unknown."""
    gaps = uncovered(view, POSTS, instance.days)
    if not gaps:
        return None
    shown = "、".join(str(gap) for gap in gaps[:3])
    return Problem(
        "RUN059",
        Place(POSTS),
        f"{instance.key}: 岗位表缺 {shown}, 不知道谁在什么岗位, 按人考核的行都不结算",
        f"{instance.key}: no batch says who held which post on {shown}; the lines of people are not settled",
        "导入覆盖这些日子的岗位表后重新运行, 或换一个已有岗位表的期间",
        "import posts that cover these days and run again, or run a period of which the posts are known",
        severity="warning",
    )


def needs_of(
    measure: t.Measure, subject: str, span: Span, instance: Instance, rulebook: t.Rulebook
) -> list[Need]:
    """Return the kinds of fact that a figure needs, with the days that have to be covered.

    Rates that its rows read, and the institutions of accounts where institutions are credited, are needed on the days of
    the rows. Credit of an earlier window is taken from the assignments of its own days, that of a moving baseline from
    those of the instance. What its rows ask of an account, a customer or a loan is needed too, each in its own
    window.

    Edges:    what stands at the end of a window needs its last day alone.
    """
    own = instance.days
    rows = Need(measure, measure.kind.name, _last_day(span) if measure.is_of_last_day else span)
    found = [rows]
    read = {table for table, _ in columns_read(measure.formulas, rulebook.tables)}
    if "account_rates" in read:
        found.append(replace(rows, kind="account_rates"))
    if measure.kind.name in VIA_ACCOUNT and (subject == "institution" or "institution" in read):
        found.append(replace(rows, kind="account_institutions"))
    for name in dict.fromkeys(
        n.name for x in measure.formulas for n in t.walk(x) if isinstance(n, t.MeasureRef)
    ):
        of_thing = rulebook.measures[name]
        if isinstance(of_thing, t.Measure):
            its = span_of(of_thing.window, own, instance.every) or own
            found += needs_of(of_thing, of_thing.per, its, instance, rulebook)
    if subject == "person" and measure.credit not in ("person", "institution"):
        days = own if measure.base else span
        if measure.credit_at:
            at = {"window start": span.start, "window end": span.last_day}.get(
                measure.credit_at, own.last_day
            )
            days = Span(at, at + timedelta(days=1))
        elif measure.is_of_last_day:
            days = _last_day(days)
        found.append(Need(measure, "assignments", days))
    return found
