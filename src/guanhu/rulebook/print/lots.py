"""A ledger of lots as one Chinese sentence: what it defers, when it is paid, what is lost and what is taken back."""

from __future__ import annotations

from guanhu.rulebook import tree as t
from guanhu.rulebook.print.sentence import EVERY, Speaker
from guanhu.values.exact import shown

_LEAVER = {
    "keeps": "",
    "forfeited": "离职的, 没有支付的全部不再支付",
    "paid": "离职的, 没有支付的一次到期",
}
_LAST = {
    "quarter": "每季最后一期把本季",
    "half": "每半年最后一期把这半年",
    "year": "每年最后一期把当年",
}
_EVENT = {"left_on": "离职", "left_post": "离开授予时所任的岗位(转岗或离职)"}


def lot_sentence(speaker: Speaker, ledger: t.LotLedger) -> str:
    """Return what a ledger of lots says, without its end."""
    group = speaker.rulebook.groups[ledger.group].title
    each = f"按“{speaker.name(ledger.rows)}”的每一笔分开" if ledger.rows else ""
    said = [
        f"{group}{EVERY[ledger.every]}把“{speaker.name(ledger.defers)}”{each}记为待付",
        _released(speaker, ledger),
    ]
    if ledger.loses == "loan bad":
        said.append("借据期末在不良类的, 没有支付的不再支付")
    elif ledger.loses:
        said.append(f"这一笔有“{_event(speaker, ledger.loses)}”的, 没有支付的不再支付")
    if ledger.rerates is not None:
        said.append(_rated(speaker, ledger, ledger.rerates))
    if ledger.when is not None:
        unpaid = "继续等待" if ledger.otherwise == "waits" else "不再支付"
        said.append(f"到期时{speaker.say(ledger.when)}的支付, 否则{unpaid}")
    if ledger.claws is not None:
        further = ", 不足的从已付的追回" if ledger.claws_paid else ""
        said.append(f"每期先追回{speaker.say(ledger.claws)}, 从最早的待付扣起{further}")
    said.append(_LEAVER[ledger.leaver])
    return "; ".join(x for x in said if x)


def _rated(speaker: Speaker, ledger: t.LotLedger, rerates: t.Rerating) -> str:
    """Say by which line lots are rated again, and where more goes and less comes from."""
    cases = rerates.chosen
    if not isinstance(cases, t.Cases):
        raise TypeError(ledger.id)
    tiers = [f"{speaker.say(case.when)}的按{_line(speaker, rerates, case.value)}" for case in cases.cases]
    otherwise = _line(speaker, rerates, cases.otherwise) if cases.otherwise is not None else ""
    tiers.append(f"其余按{otherwise}" if otherwise else "其余不结算并列出")
    due = "立即到期" if rerates.at_once else "随各笔到期"
    what = f"{_LAST[rerates.every]}各笔按实际达到的档次重算"
    return f"{what}({'; '.join(tiers)}), 多的补记, {due}, 少的从待付追回, 不足的从已付追回"


def _line(speaker: Speaker, rerates: t.Rerating, place: t.Expr) -> str:
    if not isinstance(place, t.Const):
        raise TypeError(type(place).__name__)
    return f"“{speaker.name(rerates.lines[int(place.value)])}”"


def _event(speaker: Speaker, kind: str) -> str:
    return speaker.rulebook.events[kind.removeprefix("event_")].zh


def _released(speaker: Speaker, ledger: t.LotLedger) -> str:
    release = ledger.release
    if release.how == "row" and release.column == "loan repaid":
        return "借据收回本金(余额为零, 不在不良类)后到期"
    if release.how == "row":
        return f"这一笔有“{_event(speaker, release.column)}”后到期"
    if release.how == "event":
        return f"{_EVENT[release.column]}满 {release.months} 个月到期"
    if ledger.amount is not None:
        return f"每期支付{speaker.say(ledger.amount)}, 先记的先付"
    if len(release.parts) == 1:
        return f"满 {release.parts[0][0]} 个月到期"
    shares = [share for _, share in release.parts]
    step = release.parts[0][0]
    if len(set(shares)) == 1:
        return f"分 {len(shares)} 期等额到期, 每 {step} 个月一期"
    return f"分 {len(shares)} 期到期, 每 {step} 个月一期, 各期 {'、'.join(f'{shown(share * 100)}%' for share in shares)}"


__all__ = ["lot_sentence"]
