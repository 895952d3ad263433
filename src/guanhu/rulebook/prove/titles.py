"""What people call the figures that a line stands on and that no declaration names."""

from __future__ import annotations

from guanhu.kinds.catalogue import CATALOGUE
from guanhu.rulebook import tree as t

_GATHERED = {
    "rank": "名次",
    "sum": "合计",
    "average": "平均",
    "count": "个数",
    "highest": "最高",
    "lowest": "最低",
}


def group_title(rulebook: t.Rulebook, node: t.Group) -> str:
    """Return what a figure of the others is called: 客户经理中得分的名次."""
    group = rulebook.groups[node.among].title if node.among in rulebook.groups else node.among
    columns = {column.name: column.zh for kind in CATALOGUE for column in kind.columns}
    alike = "".join(f"同{columns.get(each, each).removesuffix('号')}" for each in node.by)
    match node.of:
        case t.LineRef(name=name):
            of = f"{rulebook.titled(name)}的"
        case t.MeasureRef(name=name):
            of = f"{rulebook.measures[name].title}的"
        case _:
            of = "符合条件的" if node.how == "count" else "所列数的"
    where = "直属下级机构" if node.below else f"{alike}的{group}" if alike else group
    turned = "(由低到高)" if node.lowest_first else ""
    return f"{where}中{of}{_GATHERED.get(node.how, node.how)}{turned}"


def over_title(rulebook: t.Rulebook, node: t.OverInstances) -> str:
    """Return what a figure over instances is called: 各期绩效合计."""
    names = {
        "sum": "合计",
        "average": "平均",
        "highest": "最高",
        "lowest": "最低",
        "last": "最后一期",
        "count": "次数",
    }
    return f"各期{rulebook.titled(node.line)}{names.get(node.how, node.how)}"
