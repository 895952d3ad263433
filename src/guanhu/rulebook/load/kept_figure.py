"""A decision that keeps a figure: `sets: {基数: 存款基数}`, where 存款基数 is a line of its own instance."""

from __future__ import annotations

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.refusals import Silent
from guanhu.rulebook.load.text import Fields, Text
from guanhu.values import units


def kept_figure(builder: Builder, reader: Reader, state: str, group: str, every: str) -> t.LineRef:
    """Return the line whose figure, as it is printed, becomes the state.

    Errors:   RUL068 of another group, RUL042 of another calendar unit, RUL069 no figure, one whose unit its keys do
              not say, or a state that another decision sets to something else.
    """
    tree = reader.tree("sets")
    value = tree.get(state) if isinstance(tree, Fields) else None
    if not isinstance(value, Text):
        raise Silent(reader.label)
    line = builder.line(value.text, value.place)
    if line.group != group:
        reader.add(
            "RUL068",
            value.place,
            f"{line.id} 是 {line.group} 的行, 这里是 {group}",
            f"{line.id} is a line of {line.group}; this is one of {group}",
        )
    if line.every != every:
        reader.add(
            "RUL042",
            value.place,
            f"{line.id} 按{line.every}计算, 这里按{every}计算",
            f"{line.id} is evaluated every {line.every}; this is every {every}",
        )
    if line.unit not in units.SCALARS or not builder.says_unit(line.id):
        reader.add(
            "RUL069",
            value.place,
            f"{line.id} 存不下来: 要是一个数, 并用 pay、score 或 unit 写明单位",
            f"{line.id} cannot be kept: it is to be a figure whose unit pay, score or unit says",
            "给这一行写 unit",
            "give the line a unit",
        )
    elif len({str(unit) for unit in _units(builder, state)}) > 1:
        reader.add(
            "RUL069",
            value.place,
            f"{state} 在别处存的是另一种量",
            f"{state} is set to something else by another decision",
            "换一个状态名",
            "name another state",
        )
    return t.LineRef(name=line.id, unit=line.unit, place=value.place)


def _units(builder: Builder, state: str) -> list[units.Unit]:
    found = []
    for tree in builder.raw["decisions"].values():
        sets = tree.get("sets") if isinstance(tree, Fields) else None
        value = sets.get(state) if isinstance(sets, Fields) else None
        if value is not None:
            found.append(builder.unit_of_state(state, value))
    return found
