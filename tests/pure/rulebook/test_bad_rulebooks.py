"""Every kind of defect in a rulebook is told with its code, its line, what was seen and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from guanhu.rulebook.load.folder import load, load_string
from guanhu.values.problem import Problem

BASE = """\
rulebook: t
name: 试行
calendar: {every: quarter}
who: {clause: 一, is: post = 客户经理}
words:
  posts: {of: post, are: [客户经理]}
  grades: {of: grade, are: [初级, 高级], ladder: yes}
inputs:
  price: {clause: 一, by: [grade], unit: ratio}
tables:
  steps_of: {clause: 一, by: [deposits], gives: {points: points}, rows: [["< 100万", 1], [">= 100万", 2]]}
measures:
  deposits: {clause: 一, from: balances}
  ratio: {clause: 一, is: "deposits / (deposits over last year)"}
lines:
  score: {clause: 一, score: steps_of}
  pay: {clause: 一, pay: deposits * price}
checks:
  low: {clause: 一, when: score < 1, says: 低}
"""

# code, the line that is put in place of another (old → new), and a word of the message
DEFECTS = [
    (
        "RUL003",
        "  pay: {clause: 一, pay: deposits * price}",
        "  pay: {clause: 一, pay: deposits * price}\n  pay: {clause: 一, pay: deposits}",
        "已在第",
    ),
    ("RUL004", "name: 试行", "name: &a 试行", "锚点"),
    ("RUL005", "name: 试行", "name: >\n  试行", "折行"),
    ("RUL006", "name: 试行", "name:", "没有内容"),
    ("RUL007", "name: 试行", "name:\u3000试行", "空格"),
    ("RUL008", "name: 试行", "name：试行", "全角冒号"),
    ("RUL009", "when: score < 1", "when: >= 30%", "YAML 会误读"),
    ("RUL009", '["< 100万", 1]', "[[0, 100万), 1]", "没有加引号"),
    ("RUL011", "says: 低", "say: 低", "是不是 says"),
    ("RUL013", "  score: {clause: 一, score: steps_of}", "  score: {score: steps_of}", "clause"),
    ("RUL014", "  score: {clause: 一, score", "  score: {every: week, clause: 一, score", "week"),
    ("RUL014", "inputs:\n", "events: {3月案件: {columns: {额: money}}}\ninputs:\n", "不能叫 3月案件"),
    ("RUL014", "inputs:\n", "events: {案件: {columns: {Loss: money}}}\ninputs:\n", "不能叫 Loss"),
    ("RUL020", "when: score < 1", "when: 1 < score < 3", "只能比较一次"),
    ("RUL020", "when: score < 1", "when: score < 10个", "单位由所在的项目决定"),
    ("RUL020", "when: score < 1", "when: score < 12-1", "是减法还是一个名称"),
    ("RUL020", "when: score < 1", "when: score < 1%—5%", "—"),
    ("RUL020", "when: score < 1", "when: (score < 1", "应当是 )"),
    ("RUL030", "when: score < 1", "when: scores < 1", "是不是 score"),
    ("RUL031", "pay: deposits * price", "pay: ratio", "应当是 money"),
    ("RUL032", "when: score < 1", "when: score", "要写一个条件"),
    ("RUL035", "when: score < 1", "when: ratio > score", "不能和"),
    ("RUL035", "pay: deposits * price", "pay: deposits * deposits", "没有意义"),
    ("RUL036", "pay: deposits * price", "pay: deposits / 0", "除数是 0"),
    ("RUL037", "is: post = 客户经理", "is: post > 客户经理", "不能用 >"),
    ("RUL038", "when: score < 1", "when: min(score) < 1", "个参数"),
    ("RUL039", "when: score < 1", 'when: "steps(score, 1, sometimes) < 1"', "completed"),
    ("RUL039", "when: score < 1", 'when: "interpolate(score, 2, 10, 1, 20) < 1"', "从小到大"),
    ("RUL039", "when: score < 1", 'when: "interpolate(score, 1, 10, 2) < 1"', "成对"),
    ("RUL040", "when: score < 1", "when: low", "环"),
    (
        "RUL042",
        "  pay: {clause: 一, pay: deposits * price}",
        "  pay: {clause: 一, every: month, pay: deposits * price}\n  p: {clause: 一, pay: pay}",
        "不能直接引用",
    ),
    ("RUL043", "by: [grade], unit", "by: [person], unit", "item: price"),
    ("RUL044", "from: balances}", "from: balances, over: sometimes}", "时间窗"),
    ("RUL045", "is: post = 客户经理", "is: post = 客户经里", "是不是 客户经理"),
    ("RUL048", "unit: ratio}", "unit: euro}", "不认识单位"),
    ("RUL050", "  low: {clause", "  low: {who: nobody, clause", "没有 nobody"),
    ("RUL053", '[">= 100万", 2]', '["< 50万", 2]', "永远用不到"),
    ("RUL054", '[">= 100万", 2]', '[">= 90万", 2]', "重叠"),
    ("RUL055", '[">= 100万", 2]', '[">= 100万", 2, 3]', "应当有 2 格"),
    ("RUL056", "  deposits: {clause: 一, from: balances}", "  deposits: {clause: 一}", "from"),
    ("RUL060", "from: balances}", "from: balance}", "没有叫 balance 的事实"),
    ("RUL061", "from: balances}", "from: balances, take: median}", "不能这样汇总"),
    ("RUL063", "  score: {clause: 一, score: steps_of}", "  score: {clause: 一}", "score"),
    ("RUL064", "score: steps_of}", "cases: [{when: deposits > 1元, score: 1}]}", "otherwise"),
    (
        "RUL065",
        "checks:\n",
        "  all: {clause: 一, total: [pay, score]}\nchecks:\n",
        "单位是 points, 合计的是 money",
    ),
    (
        "RUL065",
        "checks:\n",
        "  one: {clause: 一, every: once, over: hired_on + 1 months, pay: 1元}\n  all: {clause: 一, total: [pay, one]}\nchecks:\n",
        "one 按 once 计算, 合计按 quarter",
    ),
    ("RUL031", "pay: deposits * price", "pay: deposits * period_days * 1%", "÷ period_days"),
    ("RUL002", "name: 试行", "name: 试行: 甲", "改成全角"),
    ("RUL072", "checks:\n", "checks:\n  pay: {clause: 一, when: score < 1}\n", "已经有了"),
    ("RUL085", "{clause: 一, score: steps_of}", "{clause: 一, score: steps_of, accept: 断崖}", "发现的编号"),
    ("RUL073", "from: balances}", "from: fees, over: base of last year}", "移动基数"),
    ("RUL049", "unit: ratio}", "unit: ratio, allowed: many}", "不是范围"),
    ("RUL049", "unit: ratio}", 'unit: ratio, allowed: "[2%, 1%]"}', "没有数"),
    ("RUL049", "unit: ratio}", 'unit: ratio, allowed: "[1%, 2%, 3%]"}', "不是范围"),
    ("RUL020", "unit: ratio}", 'unit: ratio, allowed: "[1% +, 2%]"}', ""),
    ("RUL030", "unit: ratio}", 'unit: ratio, allowed: "[flor, 2%]"}', "flor"),
    ("RUL031", "unit: ratio}", 'unit: ratio, allowed: "[1元 * 2, 2%]"}', "应当是 ratio"),
    ("RUL040", "unit: ratio}", 'unit: ratio, allowed: "[0%, price * 2]"}', "环"),
    ("RUL030", "unit: ratio}", 'unit: ratio, allowed: "[0%, deposits]"}', "deposits"),
    ("RUL041", "unit: ratio}", 'unit: money, from: person, allowed: "[0, deposits * 10%]"}', "写在行里"),
    ("RUL061", "from: balances}", "from: balances, take: days of}", "days of balance >= 100万"),
    ("RUL078", "from: balances}", "from: balances, take: lowest, over: base of last year}", "在岗的日子"),
    (
        "RUL078",
        "from: balances}",
        "from: balances, take: days of balance > 1元, over: base of last year}",
        "不能作移动基数",
    ),
    (
        "RUL078",
        "from: balances}",
        "from: balances, take: daily average over days held, over: base of last year}",
        "不能作移动基数",
    ),
    (
        "RUL076",
        "from: balances}",
        "from: balances, take: daily average over days held, credit: institution}",
        "写 take: daily average",
    ),
    (
        "RUL076",
        "from: balances}",
        "from: balances, take: daily average over days held, per: customer}",
        "在岗的天数",
    ),
    ("RUL062", "from: balances}", "from: balances, round: fen per person}", "fen per customer"),
    ("RUL062", "from: balances}", "from: balances, round: places 13 per row}", "看不懂 round"),
    ("RUL079", "from: balances}", "from: balances, round: fen per customer, take: lowest}", "take: lowest"),
    ("RUL079", "from: balances}", "from: balances, round: fen per customer, per: customer}", "per: customer"),
    ("RUL079", "from: balances}", "from: fees, round: fen per customer, take: mean}", "只用于合计和平均"),
    ("RUL061", "from: balances}", "from: balances, take: distinct product}", "distinct customer_id"),
    ("RUL077", "from: balances}", "from: balances, credit_at: row's day}", "写 each day"),
    ("RUL077", "from: balances}", "from: fees, credit_at: each day}", "写 row's day"),
    (
        "RUL077",
        "from: balances}",
        "from: balances, credit_at: window end, over: base of last year}",
        "去掉 base of",
    ),
    ("RUL077", "from: balances}", "from: balances, credit_at: window end, per: account}", "去掉 credit_at"),
    ("RUL014", "from: balances}", "from: balances, credit_at: month end}", "window end"),
    ("RUL075", "from: balances}", "from: balances, take: days of product = 活期}", "写进 where"),
    ("RUL075", "from: balances}", "from: balances, take: days of 2 > 1}", "写到 balance"),
    ("RUL075", "from: balances}", "from: balances, take: longest run of ratio > 1}", "写到 balance"),
    ("RUL020", "from: balances}", "from: balances, take: days of balance >}", "公式没有写完"),
    ("RUL035", "from: balances}", "from: balances, take: days of balance > 3%}", "不能和"),
]

SETS = {
    "存款 * 2": "RUL069",
    "deposits": "RUL069",
    "存款日均": "RUL069",
    "100万元": "RUL069",
    "12.5": "RUL069",
    "[甲, 乙]": "RUL069",
    "if(score > 1, 甲, 乙)": "RUL069",
    "待岗": "",
    "3级": "",
}


@pytest.mark.parametrize(("value", "code"), SETS.items())
def test_what_a_decision_sets_is_one_word(value: str, code: str) -> None:
    written = value if value.startswith("[") else f'"{value}"'
    problems = told(
        BASE + f"decisions:\n  base: {{clause: 一, when: score < 1, sets: {{基数: {written}}}}}\n"
    )
    assert [p.code for p in problems] == ([code] if code else [])
    if code:
        assert problems[0].place.line == 21
        assert "previous(行)" in problems[0].hint_zh


GRADES = (
    BASE.replace(
        "measures:\n",
        '  level: {clause: 二, by: [score], gives: {级: grade}, rows: [["< 1", 初级], [">= 1", 高级]]}\nmeasures:\n',
    )
    + "decisions:\n  高: {clause: 二, when: level = 高级, sets: {grade: 高级}}\n"
)


def test_a_table_gives_a_grade_that_a_decision_sets() -> None:
    assert told(GRADES) == []


@pytest.mark.parametrize("value", ["level", "level.级"])
def test_a_state_does_not_become_a_table(value: str) -> None:
    (problem,) = told(GRADES.replace("{grade: 高级}", f"{{grade: {value}}}"))
    assert problem.code == "RUL139"
    assert f"when: {value} = 初级, sets: {{grade: 初级}}" in problem.hint_zh
    assert f"when: {value} = 初级, sets: {{grade: 初级}}" in problem.hint_en


def test_a_grade_that_a_table_gives_is_one_of_the_set() -> None:
    (problem,) = told(GRADES.replace('["< 1", 初级]', '["< 1", 实习]'))
    assert (problem.code, problem.place.line) == ("RUL045", 12)


CARRIED = BASE + "ledgers:\n  left: {clause: 一, adds: score, uses: score}\n"
LEDGERS = {
    "it holds": ("", "", ""),
    "a measure": ("adds: score", "adds: deposits", "RUL030"),
    "another calendar": ("uses: score", "uses: score, every: month", "RUL142"),
    "no number": ("uses: score", "uses: score, lapses_after: 两期", "RUL142"),
}


@pytest.mark.parametrize("what", LEDGERS)
def test_a_ledger_carries_lines_of_its_own_calendar(what: str) -> None:
    old, new, code = LEDGERS[what]
    problems = told(CARRIED.replace(old, new) if old else CARRIED)
    assert {p.code for p in problems} == ({code} if code else set())
    assert all(p.place.line == 21 and p.hint_zh and p.hint_en for p in problems)


READ = {
    "by what members have": ("rank(score among people by grade)", ""),
    "by what they have not": ("rank(score among people by person_id)", "RUL140"),
    "the whole": ("whole(score)", ""),
    "the whole of a formula": ("whole(score * 2)", "RUL141"),
    "the whole of a measure": ("whole(deposits) / 1元", "RUL141"),
}


@pytest.mark.parametrize("what", READ)
def test_what_others_and_the_whole_are_asked(what: str) -> None:
    formula, code = READ[what]
    text = BASE.replace(
        "who: {clause: 一, is: post = 客户经理}", "who: {people: {clause: 一, is: post = 客户经理}}"
    )
    problems = told(
        text.replace("checks:", f'  x: {{clause: 一, unit: number, value: "{formula}"}}\nchecks:')
    )
    assert [p.code for p in problems] == ([code] if code else [])
    assert all(p.hint_zh and p.hint_en for p in problems)


def test_a_choice_may_have_the_name_of_a_measure_of_it() -> None:
    text = BASE.replace("posts: {", "goods: {of: product, are: [大额存单]}\n  posts: {")
    assert (
        told(
            text.replace(
                "lines:", "  大额存单: {clause: 一, from: balances, where: product = 大额存单}\nlines:"
            )
        )
        == []
    )


@pytest.mark.parametrize("words", ["halves", "halfs"])
def test_halves_are_gathered(words: str) -> None:
    lines = f"""  h: {{clause: 一, every: half, pay: 1元}}
  y: {{clause: 一, every: year, pay: sum of h over its {words}}}
checks:"""
    assert told(BASE.replace("checks:", lines)) == []


def told(text: str) -> list[Problem]:
    rulebook, problems = load_string(text)
    assert rulebook is None or not problems
    return problems


def test_the_base_has_no_problem() -> None:
    rulebook, problems = load_string(BASE)
    assert problems == []
    assert rulebook is not None


@pytest.mark.parametrize(("code", "old", "new", "word"), DEFECTS)
def test_a_defect_is_told(code: str, old: str, new: str, word: str) -> None:
    assert BASE.count(old) == 1, old
    text = BASE.replace(old, new)
    problems = told(text)
    found = [p for p in problems if p.code == code]
    assert found, [p.text() for p in problems]
    assert word in found[0].text(), found[0].text()
    assert found[0].en
    assert found[0].place.line > 0
    assert found[0].place.line <= text.count("\n") + 1


def test_all_defects_are_told_at_once_in_order_of_place() -> None:
    text = (
        BASE.replace("score < 1", "scores < 1")
        .replace("deposits * price", "deposits * deposits")
        .replace("unit: ratio", "unit: euro")
    )
    problems = told(text)
    assert {"RUL030", "RUL035", "RUL048"} <= {p.code for p in problems}
    assert [p.place.line for p in problems] == sorted(p.place.line for p in problems)


def test_one_fault_has_no_echoes() -> None:
    problems = told(BASE.replace("from: balances}", "from: balance}"))
    assert [p.code for p in problems] == ["RUL060"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "RUL006"),
        (b"\xff\xfe\x00", "RUL001"),
        ("名称: 值".encode("gb18030"), "RUL001"),
        (b"a: [1", "RUL002"),
        (b"- 1\n- 2\n", "RUL010"),
    ],
)
def test_a_file_that_is_no_rulebook_is_told(tmp_path: Path, raw: bytes, code: str) -> None:
    (tmp_path / "rulebook.yaml").write_bytes(raw)
    rulebook, problems = load(tmp_path)
    assert rulebook is None
    assert code in [p.code for p in problems]


def test_an_unknown_reading_is_told() -> None:
    _, problems = load_string(BASE, {"没有": "other"})
    assert [p.code for p in problems] == ["RUL070"]
