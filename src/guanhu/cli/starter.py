"""The small rulebook that `guanhu rulebook new` writes: it runs, has one example, and shows each word once."""

from __future__ import annotations

from pathlib import Path

from guanhu.values.problem import Place, Problem, Refused

_RULEBOOK = """\
rulebook: {id}
name: {id}试行办法
calendar: {{every: quarter}}
who:
  managers: {{name: 客户经理, clause: 第一条, is: post = 客户经理}}
words:
  posts: {{of: post, are: [客户经理]}}
  grades: {{of: grade, are: [初级, 中级, 高级], ladder: yes}}
inputs:
  price: {{name: 计酬率, clause: 第三条, by: [grade], unit: ratio, allowed: "[0, 1%]"}}
measures:
  deposits: {{name: 存款日均, clause: 第二条, from: balances, where: currency = CNY, take: daily average}}
  deposits_before: {{name: 上年存款日均, clause: 第二条, like: deposits, over: base of last year}}
lines:
  growth_points:
    name: 增长得分
    clause: 第二条
    score: "60 + steps(growth(deposits, deposits_before) - 10%, 1%, completed) * 2"
    most: 100
    least: 0
  pay: {{name: 绩效, clause: 第三条, pay: deposits * price, least: 0}}
checks:
  low: {{name: 得分偏低, clause: 第四条, when: growth_points < 60, says: 本季得分低于六十分}}
decisions:
  watch: {{name: 警示, clause: 第四条, when: streak(low) >= 2, says: 连续两季低于六十分}}
"""
_EXAMPLES = """\
examples:
  - name: 恰好增长一成
    clause: 第二条
    line: growth_points
    given: {deposits: 1100万元, deposits_before: 1000万元}
    says: 增长率 10%, 不加不减, 得 60 分
    gives: 60
"""


def write_starter(folder: Path) -> list[Path]:
    """Write the files and return their paths.

    Errors:   Refused RUL090 when the folder holds a rulebook already.
    """
    main = folder / "rulebook.yaml"
    if main.exists():
        problem = Problem(
            "RUL090",
            Place(str(main)),
            "这里已经有一个办法",
            "there is a rulebook here already",
            "换一个文件夹",
            "name another folder",
        )
        raise Refused([problem])
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "rulebook.yaml": _RULEBOOK.format(id=folder.resolve().name.replace(" ", "_")),
        "examples.yaml": _EXAMPLES,
        "NOTES.md": "# 说明\n\n长的表放在旁边的文件里: `rows: {file: 价目.csv}`。\n\n条款 | 写成 | 备注\n---|---|---\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]
