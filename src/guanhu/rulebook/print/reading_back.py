"""Reading a rulebook back: each declaration as one Chinese sentence, for its author to compare with the text."""

from __future__ import annotations

from collections.abc import Iterator

from guanhu.rulebook import tree as t
from guanhu.rulebook.print.sentence import EVERY, Speaker, window_text

_CREDIT = {
    "share": "按分配比例归属",
    "lead only": "只归主办",
    "each in full": "各人全额",
    "institution": "取所在机构的数",
    "person": "归当事人",
}
_TAKE = {
    "daily average": "日均",
    "balance days": "积数",
    "month-end average": "月末平均",
    "named days": "指定日平均",
    "at end": "期末时点",
    "count": "笔数",
    "sum": "合计",
    "distinct": "不重复计数",
    "mean": "各笔平均",
    "lowest": "最低一笔",
    "highest": "最高一笔",
}


def read_back(rulebook: t.Rulebook) -> Iterator[str]:
    """Yield one sentence for each measure, line, check and decision, and one for each doubt."""
    speaker = Speaker(rulebook)
    for measure in rulebook.measures.values():
        yield f"指标 {measure.title} [{measure.clause}]: {measure_sentence(speaker, measure)}"
    for line in rulebook.lines.values():
        yield f"行 {line.title} [{line.clause}]: {line_sentence(speaker, line)}"
    for decision in rulebook.decisions.values():
        yield f"决定 {decision.title} [{decision.clause}]: {decision_sentence(speaker, decision)}"
    for declared in (
        *rulebook.inputs.values(),
        *rulebook.tables.values(),
        *rulebook.measures.values(),
        *rulebook.lines.values(),
        *rulebook.decisions.values(),
    ):
        if declared.doubt is not None:
            other = "(有另一种读法)" if declared.doubt.other else ""
            yield f"疑点 {declared.doubt.name} [{declared.clause}]: {declared.doubt.says}{other}"


def measure_sentence(speaker: Speaker, measure: t.AnyMeasure) -> str:
    """Return what a measure says."""
    if isinstance(measure, t.FormulaMeasure):
        return speaker.say(measure.expr)
    if isinstance(measure, t.FigureMeasure):
        return f"银行提供的“{measure.item}”"
    where = f", 只计{speaker.say(measure.where)}的" if measure.where is not None else ""
    each = (
        f", 每笔取{speaker.say(measure.each)}"
        if measure.each is not None and not isinstance(measure.each, t.RowValue)
        else ""
    )
    take = _TAKE[measure.take.how]
    if measure.take.days:
        take = f"每月 {'、'.join('末' if d == 0 else str(d) for d in measure.take.days)} 日的平均"
    rounding = f", 每笔四舍五入到小数点后 {measure.round_to} 位" if measure.round_to is not None else ""
    prices = {"window end": ", 按期末价", "evaluation end": ", 按考核期末价"}.get(measure.prices_at, "")
    book = f", 账簿 {measure.book}" if measure.book else ""
    role = f", 角色 {measure.role}" if measure.role else ""
    return f"{window_text(measure.window, base=measure.base)}的{measure.kind.zh}{where}{each}{rounding}, 取{take}, {_CREDIT[measure.credit]}{prices}{book}{role}"


def line_sentence(speaker: Speaker, line: t.Line) -> str:
    """Return what a line says, with its bounds."""
    group = speaker.rulebook.groups[line.group].title
    if line.role == "check":
        return f"{group}{EVERY[line.every]}: {speaker.say(line.value)}的, 列出“{line.text or line.title}”"
    bounds = "".join(
        f", {word} {speaker.say(node)}"
        for node, word in ((line.most, "最高"), (line.least, "最低"))
        if node is not None
    )
    days = f", 乘以天数再除以 {line.for_days}" if line.for_days else ""
    weight = f", 权重 {line.weight}" if line.weight is not None else ""
    assume = f"(假设: {line.assume})" if line.assume else ""
    return f"{group}{EVERY[line.every]}: {speaker.say(line.value)}{bounds}{days}{weight}{assume}"


def decision_sentence(speaker: Speaker, decision: t.Decision) -> str:
    """Return what a decision says and from when it is in force."""
    group = speaker.rulebook.groups[decision.group].title
    force = {"next period": "下期起", "next month": "次月起", "at once": "即时"}[decision.in_force]
    sets = ""
    if decision.step:
        sets = f", {decision.state}{'升' if decision.step > 0 else '降'}一级, {force}生效"
    elif isinstance(decision.becomes, t.WordConst):
        sets = f", {decision.state}改为{decision.becomes.value}, {force}生效"
    says = f", 结论: {decision.text}" if decision.text else ""
    return f"{group}{EVERY[decision.every]}: {speaker.say(decision.when)}的{sets}{says}"
