"""Every problem that the facts layer can report: one code for ever, a sentence and a remedy in two languages.

The sentences take their values by name; `problem` fills them in. `docs/reference/facts.md` lists the
same codes (a test compares the two).
"""

from __future__ import annotations

from dataclasses import dataclass

from guanhu.values.problem import Place, Problem


@dataclass(frozen=True, slots=True)
class Wording:
    """The sentence and the remedy of one code, Chinese and English, with values as `{name}`."""

    zh: str
    en: str
    hint_zh: str
    hint_en: str
    severity: str = "error"


def problem(code: str, place: Place, **values: object) -> Problem:
    """Return the problem `code` at `place` with its values filled in.

    >>> problem("FAC022", Place("balances.csv"), heading="余额2", kind="balances").zh
    '标题「余额2」不是 balances 的列'
    """
    wording = WORDINGS[code]
    return Problem(
        code,
        place,
        wording.zh.format(**values),
        wording.en.format(**values),
        wording.hint_zh.format(**values),
        wording.hint_en.format(**values),
        severity=wording.severity,
    )


WORDINGS: dict[str, Wording] = {
    # The folder and its coverage.
    "FAC001": Wording(
        "没有这个文件夹",
        "there is no such folder",
        "写出导入文件夹的路径",
        "give the path of the folder to import",
    ),
    "FAC002": Wording(
        "不是管户的银行文件夹: {seen}",
        "not a bank folder of guanhu: {seen}",
        "检查路径; guanhu facts import 会建立新的银行文件夹",
        "check the path; guanhu facts import makes a new one",
    ),
    "FAC003": Wording(
        "文件夹里没有 coverage.yaml, 不知道这批数据覆盖哪些日子",
        "the folder has no coverage.yaml, so the days these files cover are not known",
        "写 coverage: - {{kinds: [balances], from: 2025-01-01, to: 2025-03-31}}",
        "write coverage: - {{kinds: [balances], from: 2025-01-01, to: 2025-03-31}}",
    ),
    "FAC004": Wording(
        "{file} 读不懂: {seen}",
        "{file} cannot be read: {seen}",
        "存为 UTF-8, 按说明的写法改正此处",
        "save it as UTF-8 and correct this place as the reference has it",
    ),
    "FAC005": Wording(
        "「{seen}」不能写在这里, 此处应为 {expected}",
        "'{seen}' does not belong here; expected {expected}",
        "按模板的写法改正",
        "write it as the template does",
    ),
    "FAC006": Wording(
        "没有名为「{seen}」的数据种类",
        "there is no kind of fact named '{seen}'",
        "种类有: {expected}",
        "the kinds are: {expected}",
    ),
    "FAC007": Wording(
        "「{seen}」不是日期, 或起始日在截止日之后",
        "'{seen}' is not a date, or the first day is after the last",
        "写成 2025-01-31, 两端都含当日",
        "write 2025-01-31; both days are included",
    ),
    "FAC008": Wording(
        "{kind} 没有机构列, 不能按机构声明覆盖范围",
        "{kind} has no institution, so its coverage cannot be a list of institutions",
        "去掉 institutions, 整行提供",
        "leave out institutions and supply the whole bank",
    ),
    "FAC009": Wording(
        "文件 {file} 的种类 {kind} 没有写在 coverage.yaml 里",
        "file {file} has kind {kind}, which coverage.yaml does not name",
        "在 coverage 里加上 {kind} 与起止日, 或移走文件",
        "add {kind} and its days to coverage, or take the file away",
    ),
    "FAC010": Wording(
        "coverage.yaml 声明了 {kind}, 但没有它的文件",
        "coverage.yaml names {kind}, but there is no file of it",
        "补上文件; 确实没有数据时, 给一个只有标题行的文件",
        "supply the file; if there is nothing to tell, one with only its heading row",
    ),
    "FAC011": Wording(
        "文件名 {file} 不是数据种类的名称",
        "the name of file {file} is not that of a kind of fact",
        "按种类命名 (如 balances.csv 或 余额.csv), 或移走",
        "name it after its kind (such as balances.csv), or take it away",
    ),
    "FAC012": Wording(
        "{kind} 有两份文件: {first} 和 {second}",
        "{kind} has two files: {first} and {second}",
        "只留一份",
        "keep one of them",
    ),
    "FAC013": Wording(
        "coverage.yaml 没有声明任何覆盖范围",
        "coverage.yaml declares no coverage",
        "至少写一行 coverage",
        "write at least one line under coverage",
    ),
    "FAC014": Wording(
        "事件「{seen}」的声明不完整: {expected}",
        "the declaration of event '{seen}' is not complete: {expected}",
        "写 {{name: 违规, columns: {{points: {{type: number, zh: 扣分}}}}}}",
        "write {{name: 违规, columns: {{points: {{type: number, zh: 扣分}}}}}}",
    ),
    "FAC015": Wording(
        "不读 {suffix} 文件",
        "files of type {suffix} are not read",
        "另存为 csv (UTF-8)、xlsx 或 parquet",
        "save it as csv (UTF-8), xlsx or parquet",
    ),
    "FAC016": Wording(
        "事件「{event}」的列 {column} 以前是 {before}, 现在写成 {seen}",
        "column {column} of event '{event}' was {before} before and is {seen} now",
        "沿用以前的类型, 或换一个列名",
        "keep the type it had, or give the column another name",
    ),
    "FAC017": Wording(
        "{zh}({kind})一行也没有, 却覆盖 {days}: 第 {numbers} 批在这些日子里的{zh}不再算数",
        "{kind} has no row and covers {days}: its rows in batches {numbers} on these days no longer count",
        "真的没有就不用改; 没有要改动的, 把 {kind} 从 coverage.yaml 里去掉",
        "leave it if there was nothing; if nothing was to change, take {kind} out of coverage.yaml",
        severity="warning",
    ),
    # One file.
    "FAC020": Wording(
        "文件读不出来: {seen}",
        "the file cannot be read: {seen}",
        "重新导出这份文件",
        "export the file again",
    ),
    "FAC021": Wording(
        "文件是空的, 连标题行也没有",
        "the file is empty, without even a heading row",
        "补上标题行",
        "add the heading row",
    ),
    "FAC022": Wording(
        "标题「{heading}」不是 {kind} 的列",
        "heading '{heading}' is not a column of {kind}",
        "改用模板的标题, 或在 mapping.yaml 的 headings 里对应; 不需要的列请删去",
        "use a heading of the template, map it under headings in mapping.yaml, or remove the column",
    ),
    "FAC023": Wording(
        "缺少列「{zh}」({column})",
        "column {column} ({zh}) is missing",
        "补上这一列",
        "add the column",
    ),
    "FAC024": Wording(
        "列 {column} 出现了两次: 标题「{first}」和「{second}」",
        "column {column} appears twice: headings '{first}' and '{second}'",
        "只留一列",
        "keep one of them",
    ),
    "FAC025": Wording(
        "列 {column} 的存储类型是 {seen}, 不能当作 {type}",
        "column {column} is stored as {seen}, which cannot be read as {type}",
        "以文本导出该列",
        "export the column as text",
    ),
    "FAC026": Wording(
        "这一行有 {seen} 格, 标题有 {expected} 格",
        "this line has {seen} fields, the heading has {expected}",
        "内容里有逗号或换行时, 用双引号括起来",
        "put text that holds a comma or a line break in double quotes",
    ),
    "FAC027": Wording(
        "这一行不是 {encoding} 编码: {seen}",
        "this line is not {encoding}: {seen}",
        "整份文件用同一种编码 (UTF-8 或 GB18030) 重新导出",
        "export the whole file again in one encoding (UTF-8 or GB18030)",
    ),
    "FAC028": Wording(
        "从这一行开始的双引号没有配对",
        "a double quote that opens in this line is not closed",
        "内容里的双引号写成两个, 整格用双引号括起来",
        "write a quote inside text twice and put the whole field in quotes",
    ),
    "FAC029": Wording(
        "文件太大: {seen}, 上限 {most}",
        "the file is too large: {seen}, at most {most}",
        "拆成几批导入; 大量数据用 csv 或 parquet",
        "import it in parts; for bulk use csv or parquet",
    ),
    # One cell.
    "FAC030": Wording("「{zh}」没有填", "{column} is empty", "这一列必须填写", "this column must be filled"),
    "FAC031": Wording(
        "「{zh}」的值「{seen}」不是日期",
        "{column} is '{seen}', not a date",
        "{remedy_zh}",
        "{remedy_en}",
    ),
    "FAC032": Wording(
        "「{zh}」的值「{seen}」是不存在的日子",
        "{column} is '{seen}', a day that does not exist",
        "改成实际的日期",
        "correct the day",
    ),
    "FAC033": Wording(
        "「{zh}」的值「{seen}」不是{expected_zh}",
        "{column} is '{seen}', not {expected_en}",
        "{remedy_zh}",
        "{remedy_en}",
    ),
    "FAC034": Wording(
        "「{zh}」的值「{seen}」小数位太多, 最多 {places} 位",
        "{column} is '{seen}', with too many decimal places; at most {places}",
        "先按办法取整再提供",
        "round it before supplying it",
    ),
    "FAC035": Wording(
        "「{zh}」的值「{seen}」超出范围: {expected_zh}",
        "{column} is '{seen}', out of range: {expected_en}",
        "{remedy_zh}",
        "{remedy_en}",
    ),
    "FAC036": Wording(
        "「{zh}」的值「{seen}」前后或中间有空格",
        "{column} is '{seen}', with blanks around or inside it",
        "去掉空格",
        "remove the blanks",
    ),
    "FAC037": Wording(
        "「{zh}」的值「{seen}」含全角字符",
        "{column} is '{seen}', with full-width characters",
        "改成半角: {mended}",
        "write them half-width: {mended}",
    ),
    "FAC038": Wording(
        "「{zh}」的值「{seen}」含看不见的控制字符 ({marks})",
        "{column} is '{seen}', with invisible control characters ({marks})",
        "删去这些字符",
        "remove these characters",
    ),
    "FAC039": Wording(
        "「{zh}」的值「{seen}」不在允许的值里: {expected}",
        "{column} is '{seen}', not one of the allowed values: {expected}",
        "改成其中之一, 或在 mapping.yaml 的 values 里对应",
        "use one of them, or map it under values in mapping.yaml",
    ),
    "FAC040": Wording(
        "「{zh}」的单元格是公式, 只有缓存的结果「{seen}」",
        "{column} is a formula; only its cached result '{seen}' is there",
        "选择性粘贴为数值后再提供",
        "paste it as a value",
    ),
    "FAC041": Wording(
        "「{zh}」的单元格是错误值「{seen}」",
        "{column} is the error value '{seen}'",
        "改正单元格",
        "correct the cell",
    ),
    "FAC042": Wording(
        "「{zh}」的数值「{seen}」超过 15 位, 表格软件已丢失末尾数字",
        "{column} is the number '{seen}' of more than 15 digits; the spreadsheet has lost its last ones",
        "把这一列设为文本格式, 重新从系统导出",
        "format the column as text and export it again from its source",
    ),
    "FAC043": Wording(
        "「{zh}」的单元格是日期「{seen}」, 此处应为{expected_zh}",
        "{column} is the date '{seen}', expected {expected_en}",
        "把单元格设为文本或数值格式",
        "format the cell as text or number",
    ),
    # Rows against each other.
    "FAC050": Wording(
        "重复: {key} 在第 {other} 行也有",
        "doubled: {key} also stands in row {other}",
        "只留一行",
        "keep one of the rows",
    ),
    "FAC051": Wording(
        "{key} 的日期与第 {other} 行重叠, 重叠从 {day} 起",
        "the days of {key} overlap those of row {other}, from {day}",
        "改正起止日; 两端都含当日",
        "correct the days; both are included",
    ),
    "FAC052": Wording(
        "「{first_zh}」{first} 在「{last_zh}」{last} 之后",
        "{first_column} {first} is after {last_column} {last}",
        "改正其中一个日期",
        "correct one of the days",
    ),
    "FAC053": Wording(
        "{day} 不在声明的覆盖范围内: {expected}",
        "{day} is outside the declared coverage: {expected}",
        "改正日期, 或扩大 coverage.yaml 里的范围",
        "correct the day, or widen the range in coverage.yaml",
    ),
    "FAC054": Wording(
        "所属机构「{seen}」不在声明的覆盖范围内",
        "the row belongs to institution '{seen}', which is outside the declared coverage",
        "移走这一行, 或在 coverage.yaml 的 institutions 里加上该机构",
        "take the row away, or add the institution to coverage.yaml",
    ),
    "FAC055": Wording(
        "「{zh}」的值「{seen}」在{target_zh}里找不到",
        "{column} is '{seen}', which is not among {target}",
        "改正编号, 或在 {target} 里补上它",
        "correct the id, or add it to {target}",
    ),
    "FAC056": Wording(
        "「{zh}」要对照{target_zh}, 但还没有提供过{target_zh}",
        "{column} refers to {target}, which has not been supplied yet",
        "先提供 {target}, 或与这批数据一起提供",
        "supply {target} before or together with these files",
    ),
    "FAC057": Wording(
        "「{zh}」没有对照: 还没有提供过{target_zh}",
        "{column} was not compared with {target}, which has not been supplied yet",
        "需要核对时, 一起提供 {target}",
        "supply {target} too to have it compared",
        severity="warning",
    ),
    "FAC058": Wording(
        "{key} 在 {day} 之前就有, 但没有 {day} 当天的起始行",
        "{key} lived before {day} but has no opening row on {day}",
        "补上 {day} 当天日终的一行 (余额为零也要写); 之后新开的, 请填开户日或发放日",
        "add a row for {day} (even a zero); for one opened later, fill in its opening day",
    ),
    "FAC059": Wording(
        "「{zh}」的值「{seen}」所在的行没有被接受",
        "{column} is '{seen}', whose own row was not accepted",
        "先改正那一行",
        "correct that row first",
    ),
    "FAC060": Wording(
        "还有 {count} 行同样的问题 ({sort}, {column})",
        "{count} more rows with the same problem ({sort}, {column})",
        "全部列在坏行文件里",
        "all are listed in the file of bad rows",
    ),
    "FAC061": Wording(
        "{key} 的分配比例在 {day} 合计 {total}, 超过 100%",
        "the shares of {key} come to {total} on {day}, more than 100%",
        "改正比例或起止日, 使每天合计不超过 100%",
        "correct shares or days so that they come to 100% at most on every day",
    ),
    "FAC062": Wording(
        "流水号 {key} 已在第 {batch} 批出现, 日期 {day}, 不在这批的覆盖范围内",
        "id {key} is already in batch {batch}, on {day}, outside what these files cover",
        "流水号不能重复使用; 若是更正, 覆盖范围要包含原来的日期",
        "an id is used once; if this corrects that row, cover its day too",
    ),
    "FAC063": Wording(
        "{key} 在第 {batch} 批已有一行, 从 {day} 起与这一行同时有效",
        "{key} has a row in batch {batch} that holds together with this one from {day}",
        "覆盖范围要包含那一行所属的机构, 一并更正",
        "cover the institution of that row too and correct both",
    ),
    "FAC064": Wording(
        "机构的上级绕回了自己: {key}, {day} 起",
        "an institution is above itself: {key}, from {day}",
        "改正上级机构号",
        "correct the institution above",
    ),
    # A workbook.
    "FAC070": Wording(
        "工作簿打不开: {seen}",
        "the workbook cannot be opened: {seen}",
        "用表格软件打开, 不设密码, 另存为 xlsx",
        "open it in a spreadsheet and save it as xlsx without a password",
    ),
    "FAC071": Wording(
        "工作簿不安全, 没有读: {seen}",
        "the workbook is not safe and was not read: {seen}",
        "把数据复制到空白模板再提供",
        "copy the figures into an empty template",
    ),
    "FAC072": Wording(
        "工作表「{sheet}」不是数据种类的名称",
        "sheet '{sheet}' is not named after a kind of fact",
        "按模板的名称命名, 或删去这张工作表",
        "name it as the template does, or delete the sheet",
    ),
    "FAC073": Wording(
        "工作表「{sheet}」是隐藏的",
        "sheet '{sheet}' is hidden",
        "取消隐藏, 看过内容再提供",
        "unhide it and look at it before supplying it",
        severity="warning",
    ),
    "FAC074": Wording(
        "单元格 {seen} 是合并的, 其余的格会被当作空",
        "cells {seen} are merged; all but the first would count as empty",
        "取消合并, 每格都填",
        "unmerge them and fill each cell",
    ),
    # The bank's folder.
    "FAC080": Wording(
        "另一个导入正在进行: {seen}",
        "another import is running: {seen}",
        "等它结束后再试",
        "try again when it has ended",
    ),
    "FAC081": Wording(
        "上次导入中断, 留下了 {seen}; 已清除, 没有数据受影响",
        "an earlier import was cut off and left {seen}; it was removed, no facts are concerned",
        "如果上次的数据还需要, 再导入一次",
        "import those files again if they are still wanted",
        severity="warning",
    ),
    "FAC082": Wording(
        "批次清单读不出来: {seen}",
        "the manifest of a batch cannot be read: {seen}",
        "从备份恢复这个批次文件夹, 不要手工修改",
        "restore the folder of this batch from a backup; never edit it",
    ),
    "FAC083": Wording(
        "没有第 {seen} 批, 最后一批是 {last}",
        "there is no batch {seen}; the last is {last}",
        "用 guanhu facts list 查看批次",
        "guanhu facts list shows the batches",
    ),
    "FAC084": Wording(
        "坏行文件写不出来: {seen}",
        "the file of bad rows cannot be written: {seen}",
        "另给一个能写的路径",
        "give a path that can be written",
        severity="warning",
    ),
    "FAC088": Wording(
        "写不进银行文件夹, 没有导入: {seen}",
        "nothing was imported: the bank's folder cannot be written: {seen}",
        "检查磁盘空间与权限后重试",
        "look at free space and permissions, then try again",
    ),
    "FAC089": Wording(
        "内存不够, 没有导入: {seen}",
        "nothing was imported: not enough memory: {seen}",
        "拆成几批导入, 或用更大的机器",
        "import it in parts, or on a larger machine",
    ),
    "FAC085": Wording(
        "mapping.yaml 里的「{seen}」不是 {expected}",
        "'{seen}' in mapping.yaml is not {expected}",
        "写 headings: {{种类: {{行内标题: 列名}}}} 和 values: {{列名: {{行内代码: 值}}}}",
        "write headings: {{kind: {{own heading: column}}}} and values: {{column: {{own code: value}}}}",
    ),
    "FAC086": Wording(
        "事件「{event}」的列 {column} 导入时是 {before}, 办法里声明为 {seen}",
        "column {column} of event '{event}' was imported as {before}, the rulebook declares {seen}",
        "改正办法的声明, 或按新类型重新导入",
        "correct the declaration, or import it anew with the new type",
    ),
    "FAC087": Wording(
        "批次里的文件被改动或缺失",
        "a file of a batch was changed or is missing",
        "从备份恢复这个批次文件夹",
        "restore the folder of this batch from a backup",
    ),
    "FAC090": Wording(
        "批次编号不连续: 缺第 {missing} 批, 有的是 {seen}",
        "the batches are not numbered without gaps: {missing} is missing, there are {seen}",
        "从备份恢复缺少的批次文件夹; 要改正导入错的事实, 把正确的再导入一次, 不要删除批次",
        "restore the folder of the missing batch from a backup; to correct facts import them again, never delete a batch",
    ),
    "FAC091": Wording(
        "第 {number} 批不是第 {next} 批导入时的那一批: 它的清单被改过, 或这一批被删掉换过",
        "batch {number} is not the one after which batch {next} was imported: its manifest was edited, or it was deleted and replaced",
        "从备份恢复这个批次文件夹; 要改正导入错的事实, 把正确的再导入一次, 不要删除或修改批次",
        "restore the folder of this batch from a backup; to correct facts import them again, never delete or edit a batch",
    ),
    "FAC092": Wording(
        "这里已经有一个文件, 内容不同, 可能已经填过, 没有覆盖",
        "a file is there already and differs: it may have been filled in, and was left alone",
        "换一个 --out, 或先把它移走",
        "give another --out, or move it away first",
    ),
    "FAC093": Wording(
        "{count} 行余额为负(第一行: {account} 在 {day} 为 {seen} 元), 按透支计入日均",
        "{count} rows have a balance below zero (the first: {account} on {day}, {seen} yuan); they count as overdrawn",
        "确是透支的不用改; 是符号写反了的, 改正后重新导入",
        "where it is an overdraft nothing has to change; where the sign is wrong mend it and import again",
        severity="warning",
    ),
    "FAC094": Wording(
        "电脑的时钟是 {now}, 比上一批的导入时刻 {last} 还早: 时钟被拨回过, 没有导入",
        "the clock says {now}, earlier than the moment of the last batch, {last}: it was set back, and nothing was imported",
        "把时钟校准后再导入",
        "set the clock right and import again",
    ),
}
