"""Words of the command line in Chinese and English: one key, two sentences, parameters by name."""

from __future__ import annotations

from collections.abc import Iterable

WORDS: dict[str, tuple[str, str]] = {
    "help": (
        "把银行的客户经理管理办法当作程序运行, 并解释每一分钱",
        "Run a bank's customer-manager rulebook and explain every fen",
    ),
    "no_problem": ("没有问题", "no problem found"),
    "problems": ("{errors} 个错误, {warnings} 个提醒", "{errors} errors, {warnings} warnings"),
    "imported": ("已导入第 {number} 批, 共 {rows} 行", "imported batch {number}, {rows} rows"),
    "not_imported": (
        "没有导入: 先改正上面的问题, 或用 --accept-good 只收合格的行",
        "nothing imported: mend the problems above, or take the good rows with --accept-good",
    ),
    "bad_rows": ("不合格的行写在 {path}", "rows with problems are in {path}"),
    "run_done": ("运行完成: {path}", "run kept: {path}"),
    "counts": (
        "参加考核 {appraised} 个, 其中未结清 {not_settled} 个, 未参加 {left_out} 个",
        "{appraised} appraised, {not_settled} of them not settled, {left_out} left out",
    ),
    "held": (
        "  未结清 {count} 个: {why} ({lines}; 例如 {subject} 的 {instance})",
        "  not settled {count}: {why} ({lines}; such as {subject} in {instance})",
    ),
    "held_more": (
        "  还有 {count} 种原因, 在导出的工作簿里",
        "  {count} more causes are in the exported workbook",
    ),
    "digest": ("摘要 {digest}", "digest {digest}"),
    "published": ("已发布: {run}", "published: {run}"),
    "written": ("已写出 {path}", "wrote {path}"),
    "written_folder": ("已写出文件夹 {path}", "wrote the folder {path}"),
    "period": ("期间 {period}, 共 {days} 天", "period {period}, {days} days"),
    "examples": ("{count} 个例子全部成立", "all {count} examples hold"),
    "examples_fail": (
        "{of} 个例子中 {count} 个不成立: {names}; 用 guanhu rulebook try 看是怎样算出来的",
        "{count} of {of} examples do not hold: {names}; guanhu rulebook try shows how they come out",
    ),
    "instance": ("【{instance}】 {subject}", "[{instance}] {subject}"),
    "nothing_told": ("{person} 在这次运行里没有可以解释的数", "{person} has no figure in this run"),
    "line_of_others": (
        "“{line}”是“{group}”的行, {person} 在这次运行里没有按它考核",
        "“{line}” is a line of “{group}”; {person} was not appraised by it in this run",
    ),
    "readings": ("疑点读法: {readings}", "readings of the doubts: {readings}"),
    "given_form": (
        "{part}: 写成 名称=数值, 每个名称一次",
        "{part}: write NAME=VALUE, each name once",
    ),
    "since_all": ("全部重算: {why}", "everything is computed again: {why}"),
    "since_nothing": (
        "那次运行之后的批次没有改变任何一行; 只重新评价各行",
        "no batch since that run changes a row; only the lines are evaluated again",
    ),
    "since_rows": ("那次运行之后变了的行: {rows}", "rows changed since that run: {rows}"),
    "since_people": (
        "牵动 {accounts} 个账户、{loans} 笔贷款、{events} 笔业务, 管户的有 {people} 人: {named}",
        "touched: {accounts} accounts, {loans} loans, {events} events; {people} people are in charge of them: {named}",
    ),
    "since_groups": (
        "有行读本组其他人的数(排名、平均、分摊), 所以还牵动全组: {groups}",
        "lines read the others of a group (rank, average, pool), so all of it is touched: {groups}",
    ),
    "replayed": ("重做的结果与存档相同: 摘要 {kept}", "it comes out as it was kept: digest {kept}"),
    "replay_differs": (
        "重做的结果与存档不同: 存档 {kept}, 重做 {now}; 事实批次可能被改动过(用 guanhu facts list 核对), 否则是现在的 guanhu 算法不同(见 CHANGELOG)",
        "it comes out otherwise: kept {kept}, now {now}; a batch of facts may have been changed (see guanhu facts list), else this guanhu computes otherwise (see the CHANGELOG)",
    ),
    "difference_none": ("两次运行的每个数都相同", "the two runs agree in every figure"),
    "difference_total": ("合计", "total"),
    "difference_more": ("还有 {count} 个对象, 用 --json 看全部", "{count} more; --json shows all"),
    "difference_people": ("计酬不同的对象共 {count} 个", "{count} subjects are paid differently"),
    "difference_open": (
        "未结清的行按没有付计入各项和差额, 合计里也一样: 先 {before} 个对象, 后 {after} 个",
        "what is not settled counts as not paid in causes, differences and the total: {before} subjects at first, {after} in the second",
    ),
    "not_settled": ("未结清", "not settled"),
    "whatif_frozen": (
        "指标用原运行存下的数, 没有重新汇总; 用时 {seconds} 秒",
        "scored from the frozen measures of the run; nothing was folded again; {seconds} s",
    ),
    "whatif_again": (
        "重新汇总了 {measures}; 用时 {seconds} 秒",
        "folded again: {measures}; {seconds} s",
    ),
    "whatif_cost": (
        "成本变化 {change} 元 ({before} → {after})",
        "cost {change} ({before} → {after})",
    ),
    "whatif_counted": (
        "  成本是这些行的合计: {lines}",
        "  the cost is the sum of these lines: {lines}",
    ),
    "whatif_no_pay": (
        "  办法里没有计酬的行, 成本为 0",
        "  no line of the rulebook is pay: the cost is 0",
    ),
    "met": (
        "取 {value} 时成本变化 {cost} 元, 是不超过预算 {budget} 元的最后一个取值",
        "at {value} the cost changes by {cost} yuan; it is the last value within the budget of {budget}",
    ),
    "not_met": (
        "这些取值的成本变化都超过预算 {budget} 元",
        "at each of these values the cost exceeds the budget of {budget} yuan",
    ),
    "met_total": (
        "取 {value} 时成本 {cost} 元, 是不超过总额 {budget} 元的最后一个取值",
        "at {value} the cost is {cost} yuan; it is the last value within the whole of {budget}",
    ),
    "not_met_total": (
        "这些取值的成本都超过总额 {budget} 元",
        "at each of these values the cost is above the whole of {budget} yuan",
    ),
    "budget_form": (
        "--meet {text}: 写 budget=金额(成本变化的上限)或 total=金额(全部成本的上限), 如 budget=1000000{hint}",
        "--meet {text}: write budget=AMOUNT (for the change of cost) or total=AMOUNT (for the whole), such as budget=1000000{hint}",
    ),
    "whatif_people": (
        "增加 {gain} 个, 减少 {lose} 个, 不变 {same} 个(其中 {scores} 个有别的行变化), 试算没有结清 {unsettled} 个",
        "{gain} gain, {lose} lose, {same} stay ({scores} of them with other lines changed), {unsettled} not settled",
    ),
    "prove_folder": (
        "要写办法文件夹, 或写 --planted",
        "name the rulebook's folder, or write --planted",
    ),
    "no_line": ("没有叫 {line} 的行或决定", "no line or decision is called {line}"),
    "no_ceiling": (
        "“{line}”没有给出预算上限: 这些数没有写 range: {names}",
        "no ceiling is given for {line}: these figures have no range: {names}",
    ),
    "no_ceiling_of_others": (
        "“{line}”没有给出预算上限: 它要看别人或别的期间的数",
        "no ceiling is given for {line}: it reads what others or other periods have",
    ),
    "no_staff": (
        "{name} 既不是组别也不是选项(如等级)",
        "{name} is neither a group nor a choice such as a grade",
    ),
    "staff_form": ("{part}: 写成 组别或等级=人数", "{part}: write GROUP=N"),
    "engine_form": ("没有引擎 {seen}: 写 {engines}", "there is no engine {seen}: write {engines}"),
    "since_engine": (
        "--since 只重算少数, 由 duckdb 来算: 去掉 --engine",
        "--since measures only a few again, and duckdb does it: leave out --engine",
    ),
    "spark_only": (
        "--master 和 --work 只用于 --engine spark",
        "--master and --work are for --engine spark",
    ),
    "spark_work": (
        "{master} 是集群: 用 --work DIR 指明各节点都看得到的文件夹, 银行文件夹也要各节点看得到",
        "{master} is a cluster: name with --work DIR a folder that every node sees, as every node must see the bank's folder",
    ),
    "cliff_form": (
        "{option} {limit}: 写 0 或以上的整数",
        "{option} {limit}: write a whole number, 0 or more",
    ),
    "no_planted": (
        "找不到 {path}; 写出埋有缺陷的办法的文件夹: guanhu rulebook prove DIR --planted",
        "{path} does not exist; name the folder of planted rulebooks: guanhu rulebook prove DIR --planted",
    ),
    "planted": ("{of} 个埋下的缺陷找到 {good} 个", "{good} of {of} planted defects found"),
    "not_found": ("找不到 {path}", "{path} does not exist"),
}

STEPS: dict[str, str] = {
    "read": "读取",
    "check": "检查",
    "write": "写出",
    "freeze": "冻结结果",
    "seal": "封存",
    "rename": "改为正式名称",
    "index": "索引",
    "run.json": "运行记录",
    "people": "考核对象",
    "left_out": "未参加",
    "measures": "指标",
    "lines": "各行",
    "decisions": "决定",
    "credited": "计入的各笔",
    "lots": "待付的各笔",
    "reconcile": "对账",
    "published": "已发布的各期",
    "corrections": "更正",
    "recomputed_people": "重算的考核对象",
    "recomputed_measures": "重算的指标",
    "recomputed_lines": "重算的各行",
    "facts": "事实",
    "assignments": "管户和岗位",
    "parameters": "参数",
    "clauses": "条款",
    "rounding": "取整",
}
"""Steps of long work and the tables that they are about, for Chinese progress; kinds of fact have their own names."""

HEADINGS: dict[str, str] = {
    "事实": "kind",
    "行": "rows",
    "批": "batch",
    "导入时间": "imported at",
    "覆盖": "covers",
    "空洞": "holes",
    "说明": "note",
    "条款": "clause",
    "例子": "example",
    "应得": "wanted",
    "算出": "found",
    "算式": "reckoning",
    "名称": "name",
    "周期": "calendar",
    "行数": "lines",
    "错误": "errors",
    "期间": "period",
    "项目": "item",
    "先": "first",
    "后": "second",
    "差额": "difference",
    "机构": "institution",
    "等级": "grade",
    "对象": "subjects",
    "原来": "before",
    "试算": "draft",
    "变化": "change",
    "增加": "gain",
    "减少": "lose",
    "不变": "same",
    "取值": "value",
    "成本变化": "cost",
    "中位数": "median",
    "最低": "lowest",
    "最高": "highest",
    "办法": "rulebook",
    "埋下": "planted",
    "找到": "found",
    "未判定": "undecided",
    "秒": "seconds",
}
"""The headings of tables; those of JSON stay Chinese in both languages, so that a program reads one name."""


def heading(text: str, lang: str) -> str:
    """Return a table's heading in a language.

    >>> heading("条款", "en"), heading("DIR", "en")
    ('clause', 'DIR')
    """
    return text if lang == "zh" else HEADINGS.get(text, text)


def listed(names: Iterable[str], lang: str) -> str:
    """Return names one after the other.

    >>> listed(["a", "b"], "en")
    'a, b'
    """
    return ("、" if lang == "zh" else ", ").join(names)


def say(key: str, lang: str, **parts: object) -> str:
    """Return a sentence in a language.

    >>> say("digest", "en", digest="abc")
    'digest abc'
    """
    zh, en = WORDS[key]
    return (zh if lang == "zh" else en).format(**parts)
