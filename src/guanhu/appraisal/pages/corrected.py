"""Corrections of what was published, as explain and the statement say them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from guanhu.appraisal.pages.reasons import Reasons
from guanhu.appraisal.paid import Correction, Explained
from guanhu.rulebook.explain.telling import Teller, Told
from guanhu.rulebook.explain.values import Unknown, Value, known_or
from guanhu.rulebook.print import blocks as b
from guanhu.values import units

TAKEN_UP = "已含在引用它的行的更正里, 不另计"
_TAKEN_UP_EN = "it is in the correction of the line that reads it, and not counted again"


def total_of(corrections: list[Correction]) -> Value:
    """Return what corrections add to the pay, or the first that is unknown."""
    counted = [x.amount for x in corrections if x.counts]
    unknown = next((x for x in counted if isinstance(x, Unknown)), None)
    return known_or(unknown, sum((x for x in counted if isinstance(x, Fraction)), Fraction(0)))


def told(teller: Teller, explained: Explained, line: str = "") -> list[Told]:
    """Return the corrections of a subject with the figures that they come from; only of `line` when it is named."""
    return [_told(teller, x) for x in explained.corrections if line in ("", x.line.id)]


def _told(teller: Teller, each: Correction) -> Told:
    unit, line, put = each.line.unit, each.line, teller.put
    zh, en = "更正 {of} {title} = {amount} [{clause}]", "correction {of} {title} = {amount} [{clause}]"
    said = {"of": each.of.key, "title": line.title, "amount": teller.said(each.amount, unit)}
    found = Told(
        put(zh, en, clause=line.clause, **said),
        each.amount,
        "correction",
        f"corrections.{line.id}.{each.of.key}",
        line.clause,
    )
    was = put("未列", "nothing") if each.published is None else teller.said(each.published, unit)
    zh, en = "已发布 {was}(运行 {run})", "published {was} (run {run})"
    found.parts.append(Told(put(zh, en, was=was, run=each.run), each.published, "published"))
    if each.corrected:
        zh, en = "以前各期已更正 {x}", "corrected in earlier instances {x}"
        found.parts.append(
            Told(put(zh, en, x=teller.said(each.corrected, unit)), each.corrected, "corrected")
        )
    recomputed = put("重算 {x}", "computed anew {x}", x=teller.said(each.recomputed, unit))
    anew = Told(recomputed, each.recomputed, "recomputed")
    if each.anew is not None:
        anew.parts.append(teller.whole(each.anew, line.id))
    else:
        anew.text += put("(重算不在考核之内)", " (not appraised when computed anew)")
    found.parts.append(anew)
    if not each.counts:
        found.parts.append(Told(put(TAKEN_UP, _TAKEN_UP_EN), kind="note"))
    return found


def headline(reasons: Reasons, explained: Explained) -> Iterator[tuple[str, str, str]]:
    """Yield what corrections add to the pay of the run, when there are any."""
    if explained.corrections:
        total = total_of(explained.corrections)
        said = "未结清" if isinstance(total, Unknown) else reasons.shown(total, units.MONEY)
        yield ("更正", said, f"列入 {explained.current}")


def blocks(reasons: Reasons, explained: Explained) -> Iterator[b.Block]:
    """Yield the table of corrections: recomputed − published − corrected before."""
    if not explained.corrections:
        return
    rows = tuple(
        (
            each.of.key,
            each.line.title,
            reasons.bare(each.recomputed, units.MONEY),
            "" if each.published is None else reasons.bare(each.published, units.MONEY),
            reasons.bare(each.corrected, units.MONEY) if each.corrected else "",
            reasons.bare(each.amount, units.MONEY),
            each.line.clause,
        )
        for each in explained.corrections
    )
    yield b.Heading(f"对已发布各期的更正(列入 {explained.current})", 1)
    heads = ("期间", "行", "重算(元)", "已发布(元)", "已更正(元)", "更正(元)", "条款")
    yield b.Grid(heads, rows, align="llrrrrl", widths=(2, 4, 3, 3, 3, 3, 2))
    taken = list(dict.fromkeys(x.line.title for x in explained.corrections if not x.counts))
    if taken:
        yield b.Text(f"{'、'.join(f'“{x}”' for x in taken)}: {TAKEN_UP}。", quiet=True)
    runs = "、".join(dict.fromkeys(x.run for x in explained.corrections))
    yield b.Text(f"更正 = 重算 − 已发布 − 已更正。已发布的数见运行 {runs}。", quiet=True)
