"""Reading a rulebook back: each declaration as one Chinese sentence, for its author to compare with the text."""

from __future__ import annotations

from collections.abc import Iterator

from guanhu.kinds.schema import Dated
from guanhu.rulebook import tree as t
from guanhu.rulebook.print.lots import lot_sentence
from guanhu.rulebook.print.sentence import EVERY, Speaker, window_text
from guanhu.rulebook.windows import OWN_DAYS

_CREDIT = {
    "share": "按分配比例归属",
    "lead only": "只归主办",
    "each in full": "各人全额",
    "institution": "取所在机构的数",
    "person": "归当事人",
}
SCOPE = {"person": "人员", "team": "团队", "institution": "机构", "bank": "全行"}
PER = {"account": "账户", "customer": "客户", "loan": "贷款"}
_PRICES = {
    "each day": "价格按每日",
    "row's day": "价格按发生日",
    "window end": "价格按期末",
    "evaluation end": "价格按考核期末",
}
CREDIT_DAYS = {
    "window start": "按时间窗第一天的管户归属",
    "window end": "按时间窗最后一天的管户归属",
    "evaluation end": "按考核期末的管户归属",
}
_COUNTED = ("count", "distinct")
_TAKE = {
    "daily average": "日均",
    "balance days": "积数",
    "month-end average": "月末平均",
    "named days": "指定日平均",
    "at end": "期末时点",
    "count": "笔数",
    "sum": "合计",
    "distinct": "不重复个数",
    "mean": "各笔平均",
    "lowest": "最低一笔",
    "highest": "最高一笔",
}
_TAKE_OF_DAYS = {
    "lowest": "最低一天的合计",
    "highest": "最高一天的合计",
    "days": "合计达到条件的天数",
    "longest run": "合计达到条件的最长连续天数",
}
"""Of balances and loans: takes of the totals of single days."""


def read_back(rulebook: t.Rulebook) -> Iterator[str]:
    """Yield one sentence for each measure, line, check and decision, and one for each doubt."""
    speaker = Speaker(rulebook)
    for measure in rulebook.measures.values():
        if measure.id.endswith(OWN_DAYS):
            # The same measure as a line of money reads it in a spell: the line says so.
            continue
        yield f"指标 {measure.title}{_clause(measure)}: {measure_sentence(speaker, measure)}"
    for line in rulebook.lines.values():
        yield f"行 {line.title}{_clause(line)}: {line_sentence(speaker, line)}"
    for decision in rulebook.decisions.values():
        yield f"决定 {decision.title}{_clause(decision)}: {decision_sentence(speaker, decision)}"
    for carried in rulebook.ledgers.values():
        yield f"账本 {carried.title}{_clause(carried)}: {ledger_sentence(speaker, carried)}"
    for ledger in rulebook.lots.values():
        yield f"账本 {ledger.title}{_clause(ledger)}: {lot_sentence(speaker, ledger)}"
    for declared in (
        *rulebook.inputs.values(),
        *rulebook.tables.values(),
        *rulebook.measures.values(),
        *rulebook.lines.values(),
        *rulebook.decisions.values(),
        *rulebook.ledgers.values(),
        *rulebook.lots.values(),
    ):
        if declared.doubt is not None:
            is_taken = declared.doubt.other and rulebook.readings.get(declared.doubt.name) == "other"
            other = "(这里取另一种读法)" if is_taken else "(有另一种读法)" if declared.doubt.other else ""
            yield f"疑点 {declared.doubt.name}{_clause(declared)}: {declared.doubt.says}{other}"


def ledger_sentence(speaker: Speaker, ledger: t.Ledger) -> str:
    """Return what a carry-over says, without its end."""
    lapses = f"满 {ledger.lapses_after} 期未用的失效" if ledger.lapses_after else "不失效"
    return (
        f"{speaker.rulebook.groups[ledger.group].title}{EVERY[ledger.every]}: 转入“{speaker.name(ledger.adds)}”, "
        f"由“{speaker.name(ledger.uses)}”使用(本期转入的也可以用), 先入先用, {lapses}"
    )


def _clause(declared: t.Declaration) -> str:
    """Return the clause in brackets, as the printed regulation has it."""
    clause = clause_of(declared)
    return f" [{clause}]" if clause else ""


def clause_of(declared: t.Declaration) -> str:
    """Return the clause; a measure of the library has none and says so."""
    return declared.clause or ("通用指标" if isinstance(declared, t.AnyMeasure) else "")


def measure_sentence(speaker: Speaker, measure: t.AnyMeasure) -> str:
    """Return what a measure says."""
    if isinstance(measure, t.FormulaMeasure):
        return speaker.say(measure.expr)
    if isinstance(measure, t.FigureMeasure):
        by_days = ", 按在岗天数折算" if measure.by_days else ""
        window = window_text(measure.window, base=False)
        return f"银行按{SCOPE[measure.scope]}提供的“{measure.item}”, 取{window}末有效的数{by_days}"
    window = window_text(measure.window, base=measure.base, at_end=measure.is_of_last_day)
    parts = [f"{window}的{measure.kind.zh}"]
    if measure.where is not None:
        parts.append(f"只计{speaker.say(measure.where)}的")
    if measure.each is not None and measure.take.how not in _COUNTED and not _is_usual(measure.each):
        parts.append(f"每笔取{speaker.say(measure.each)}")
    if measure.round_to is not None:
        per = {"row": "每笔", "customer": "每个客户"}.get(measure.round_per, "每笔")
        places = f"小数点后 {measure.round_to} 位" if measure.round_to else "整数"
        parts.append(f"{per}四舍五入到{places}")
    parts.append(f"取{take_text(speaker, measure)}")
    parts.append(f"每个{PER[measure.per]}自己的全数" if measure.per else _CREDIT[measure.credit])
    if measure.credit_at:
        parts.append(CREDIT_DAYS[measure.credit_at])
    parts += _other_windows(speaker, measure)
    if _reads_prices(measure):
        parts.append(_PRICES[measure.prices_at])
    if measure.book:
        parts.append(f"只看“账簿”一栏写 {measure.book} 的分配")
    if measure.role:
        parts.append(f"只看“角色”一栏写 {measure.role} 的分配")
    return ", ".join(parts)


def take_text(speaker: Speaker, measure: t.Measure) -> str:
    """Return how the rows of a measure become one figure."""
    take = measure.take
    if take.days:
        days = [f"{day} 日" for day in take.days if day] + ["月末"] * (0 in take.days)
        return f"每月 {'、'.join(days)}的平均"
    if take.over_held:
        return "日均(除以在岗天数)"
    if take.how == "distinct" and measure.kind.dated is Dated.CHANGE:
        return "期末客户数(按人头)"
    if take.how == "distinct":
        column = measure.kind.column(take.column)
        return f"{column.zh if column is not None else take.column}的{_TAKE[take.how]}"
    if take.how == "count" and measure.kind.dated is Dated.CHANGE:
        return "期末户数" if measure.kind.name == "balances" else "期末笔数"
    if measure.kind.dated is Dated.CHANGE and take.how in _TAKE_OF_DAYS:
        held = f"({speaker.say(take.condition)})" if take.condition is not None else ""
        return f"{_TAKE_OF_DAYS[take.how]}{held}"
    return _TAKE[take.how]


def _other_windows(speaker: Speaker, measure: t.Measure) -> list[str]:
    """Return the windows of the figures in the condition that do not look at the same days as the rows.

    A measure that is put into last year keeps the figures of its condition where they were: who "counts
    now" and who "counted then" are different sets, and the sentence has to show which one is meant.
    """
    if measure.where is None:
        return []
    read = {
        node.name: speaker.rulebook.measures[node.name]
        for node in t.walk(measure.where)
        if isinstance(node, t.MeasureRef)
    }
    return [
        f"条件里的“{speaker.name(name)}”是{window_text(each.window, base=each.base, at_end=each.is_of_last_day)}的"
        for name, each in read.items()
        if isinstance(each, t.Measure) and (each.window, each.base) != (measure.window, measure.base)
    ]


def _is_usual(each: t.Expr) -> bool:
    return isinstance(each, t.RowValue) and each.column in ("balance", "amount") and not each.table


def _reads_prices(measure: t.Measure) -> bool:
    return any(
        isinstance(node, t.InputRef | t.Lookup) for root in measure.all_formulas for node in t.walk(root)
    )


def when_text(declared: t.Line | t.Decision) -> str:
    """Return how often a line or decision is evaluated; once over a window of a person's own."""
    if declared.once is not None:
        return f"一次({window_text(declared.once, base=False)})"
    return EVERY[declared.every]


def line_sentence(speaker: Speaker, line: t.Line) -> str:
    """Return what a line says, with its bounds."""
    group = speaker.rulebook.groups[line.group].title
    if line.role == "check":
        return f"{group}{when_text(line)}: {speaker.say(line.value)}的, 列出“{line.text or line.title}”"
    bounds = "".join(
        f", {word} {speaker.say(node)}"
        for node, word in ((line.most, "最高"), (line.least, "最低"))
        if node is not None
    )
    days = f", 乘以天数再除以 {line.for_days}" if line.for_days else ""
    weight = f", 权重 {line.weight}" if line.weight is not None else ""
    assume = f"(假设: {line.assume})" if line.assume else ""
    return f"{group}{when_text(line)}: {speaker.say(line.value)}{bounds}{days}{weight}{assume}"


def decision_sentence(speaker: Speaker, decision: t.Decision) -> str:
    """Return what a decision says and from when it is in force."""
    group = speaker.rulebook.groups[decision.group].title
    force = {"next period": "下期起", "next month": "次月起", "at once": "即时"}[decision.in_force]
    sets = ""
    state = speaker.state(decision.state)
    if decision.step:
        sets = f", {state}{'升' if decision.step > 0 else '降'}一级, {force}生效"
    elif decision.becomes is not None:
        sets = f", {state}改为{speaker.say(decision.becomes)}, {force}生效"
    says = f", 结论: {decision.text}" if decision.text else ""
    return f"{group}{when_text(decision)}: {speaker.say(decision.when)}的{sets}{says}"
