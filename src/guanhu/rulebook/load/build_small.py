"""Building words, events, groups of subjects, inputs and ledgers."""

from __future__ import annotations

from dataclasses import replace

from guanhu.kinds.catalogue import event_kind
from guanhu.kinds.schema import SQL_TYPES, Column, Kind, is_declared_name
from guanhu.rulebook import tree as t
from guanhu.rulebook.load.allowed import Allowed, allowed_of
from guanhu.rulebook.load.build import Builder
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.proof_marks import range_of
from guanhu.rulebook.load.refusals import Silent, TypeProblem
from guanhu.rulebook.load.scope import LineScope
from guanhu.rulebook.load.text import Fields, Text, Tree
from guanhu.rulebook.load.typing import Typer
from guanhu.values import units
from guanhu.values.problem import Place
from guanhu.values.units import unit_named


def build_words(builder: Builder, name: str, tree: Tree) -> None:
    """Add one set of choices; `ladder: yes` means from low to high."""
    reader = Reader(
        tree, f"words.{name}", ("name", "of", "are", "ladder", "clause", "note"), builder.problems
    )
    of = {"institution": "institution_id"}.get(reader.required("of"), reader.text("of"))
    choices = tuple(text for text, _ in reader.names("are"))
    doubled = {c for c in choices if choices.count(c) > 1}
    if doubled or not choices:
        builder.add(
            "RUL046",
            reader.place,
            f"words.{name} 的选项为空或重复",
            f"words.{name}: no choices, or one twice",
        )
    common = builder.common(reader, name, "words", clause=False)
    builder.words[name] = t.ChoiceSet(of=of, choices=choices, ladder=reader.yes("ladder"), **common)


def build_event(builder: Builder, name: str, tree: Tree) -> Kind | None:
    """Return a declared kind of event: `events: {violations: {name: 违规, columns: {points: number}}}`."""
    reader = Reader(tree, f"events.{name}", ("name", "columns", "note", "clause"), builder.problems)
    _refuse_odd_name(builder, name, reader.place)
    columns: list[Column] = []
    inner = reader.tree("columns")
    for column, spec in inner if isinstance(inner, Fields) else ():
        detail = (
            Reader(spec, f"events.{name}.{column}", ("type", "name", "required"), builder.problems)
            if isinstance(spec, Fields)
            else None
        )
        kind = detail.required("type") if detail else spec.text if isinstance(spec, Text) else ""
        title = detail.text("name", column) if detail else column
        _refuse_odd_name(builder, column, spec.place)
        if kind not in SQL_TYPES:
            builder.add(
                "RUL014",
                spec.place,
                f"列 {column} 的类型是 {kind}, 应当是 {'、'.join(SQL_TYPES)} 之一",
                f"column {column} has type {kind}; it is to be one of {', '.join(SQL_TYPES)}",
            )
            continue
        columns.append(
            Column(column, kind, title, required=detail.yes("required", default=True) if detail else True)
        )
    return event_kind(name, reader.text("name", name), columns)


def _refuse_odd_name(builder: Builder, name: str, place: Place) -> None:
    """Refuse a name of an event, or of a column of one, that no file of facts could have."""
    if not is_declared_name(name):
        builder.add(
            "RUL014",
            place,
            f"事件和它的栏不能叫 {name}",
            f"an event or a column of one cannot be called {name}",
            "用汉字、小写字母、数字和 _, 以字开头, 最多 25 个字; 别的叫法写在 name 里",
            "use letters without capitals, digits and _, a letter first, 25 at most; other words go into name",
        )


def build_group(builder: Builder, name: str, tree: Tree) -> t.GroupOfSubjects:
    """Return a group of subjects: `who: {managers: {clause, is, subject, spells}}`.

    Edges:    one whose condition is wrong stands as if everybody belonged to it, so that its lines are still checked.
    """
    reader = Reader(
        tree,
        f"who.{name}",
        ("name", "clause", "is", "subject", "spells", "assume", "doubt", "note"),
        builder.problems,
    )
    subject = reader.one_of("subject", ("person", "team", "institution", "bank"), "person")
    spells = reader.one_of("spells", ("by days", "none"), "by days") == "by days"
    node = reader.formula("is") if reader.has("is") else None
    everybody = t.YesNoConst(value=True, unit=units.YES_NO, place=reader.place)
    condition: t.Expr = everybody
    try:
        if node is not None:
            condition = Typer(builder, LineScope()).condition(node)
    except TypeProblem as error:
        clause = reader.text("clause")
        builder.problems.extend(replace(x, clause=x.clause or clause) for x in error.problems)
    except Silent:
        pass
    for part in t.walk(condition):
        if isinstance(part, t.MeasureRef | t.LineRef):
            builder.add(
                "RUL047",
                part.place,
                "who 只能用人员自身的属性(岗位、等级、机构、入职日)",
                "who reads only a subject's own attributes (post, grade, institution, hired_on)",
                "要按得分或数额挑人的, 写成一行的 cases 或一条检查",
                "to pick people by a figure, write cases in a line, or a check",
                clause=reader.text("clause"),
            )
            condition = everybody
            break
    common = builder.common(reader, name, "who")
    return t.GroupOfSubjects(
        subject=subject, condition=condition, spells=spells and subject == "person", **common
    )


def build_input(builder: Builder, name: str) -> t.Input:
    """Return an input."""
    known = ("by", "unit", "allowed", "from", "range")
    reader = builder.reader("inputs", name, known)
    unit = unit_named(reader.required("unit"))
    if unit is None:
        builder.add(
            "RUL048",
            reader.place_of("unit"),
            f"不认识单位 {reader.text('unit')}",
            f"{reader.text('unit')} is not a unit",
            *_UNIT_HINT,
        )
        unit = units.NUMBER
    by_person = reader.one_of("from", ("bank", "person"), "bank") == "person"
    by = tuple(k for k, _ in reader.names("by"))
    allowed = Allowed()
    if reader.has("allowed"):
        allowed = allowed_of(builder, reader, unit, by, by_person=by_person)
    expected = range_of(reader)
    common = builder.common(reader, name, "inputs")
    return t.Input(
        unit=unit,
        by=by,
        low=allowed.low,
        high=allowed.high,
        low_in=allowed.low_in,
        high_in=allowed.high_in,
        least=allowed.least,
        most=allowed.most,
        by_person=by_person,
        range_low=expected[0],
        range_high=expected[1],
        **common,
    )


_UNIT_HINT = (
    "可写: money, ratio, annual rate, points, count, days, number, date",
    "units: money, ratio, annual rate, points, count, days, number, date",
)


def build_ledger(builder: Builder, name: str, tree: Tree) -> None:
    """Add a carry-over ledger.

    Errors:   RUL030 no such line, RUL142 a line of another group or calendar unit, or no number of instances.
    """
    reader = builder.reader("ledgers", name, ("who", "every", "adds", "uses", "lapses_after"), tree)
    adds, uses = reader.required("adds"), reader.required("uses")
    group, every = group_of(builder, reader), builder.every_of(reader)
    for key, line in (("adds", adds), ("uses", uses)):
        if line and line not in builder.raw["lines"]:
            what = "指标" if line in builder.raw["measures"] else ""
            reader.add(
                "RUL030",
                reader.place_of(key),
                f"没有叫 {line} 的行" + (f", 它是{what}" if what else ""),
                f"no line is called {line}" + (": it is a measure" if what else ""),
                f"先写成一行: lines: 转入: {{value: {line}}}, 再写 {key}: 转入" if what else "",
                f"write it as a line of its own, and {key}: that line" if what else "",
            )
            return
        if line:
            _hold_to_ledger(reader, key, builder.line(line, reader.place_of(key)), (group, every))
    lapses = reader.text("lapses_after", "0")
    is_number = lapses.isascii() and lapses.isdigit()
    if not is_number:
        reader.add(
            "RUL142",
            reader.place_of("lapses_after"),
            f"lapses_after 是 {lapses}, 应当是期数",
            f"lapses_after is {lapses}; it is to be a number of instances",
            "写一个整数: 几期未用就失效, 0 是不失效",
            "write a whole number: after how many instances it lapses, 0 is never",
        )
    builder.ledgers[name] = t.Ledger(
        group=group,
        every=every,
        adds=adds,
        uses=uses,
        lapses_after=int(lapses) if is_number else 0,
        **builder.common(reader, name, "ledgers"),
    )


def _hold_to_ledger(reader: Reader, key: str, line: t.Line, own: tuple[str, str]) -> None:
    """Refuse a line of another group or calendar unit: its instances are not those of the ledger."""
    if (line.group, line.every) != own:
        group, every = own
        reader.add(
            "RUL142",
            reader.place_of(key),
            f"{reader.label} 的 {key} 应当是 {group} 按{every}算的一行, {line.id} 是 {line.group} 按{line.every}算的",
            f"{key} of {reader.label} is to be a line of {group} every {every}; {line.id} is of {line.group} every {line.every}",
            f"给账本写 every: {line.every}, 或换一行",
            f"write every: {line.every} at the ledger, or name another line",
        )


def group_of(builder: Builder, reader: Reader) -> str:
    """Return the group that a line belongs to: the written one, or the only one there is."""
    written = reader.text("who")
    if written in builder.groups:
        return written
    if not written and len(builder.groups) == 1:
        return next(iter(builder.groups))
    names = "、".join(builder.groups)
    if written:
        reader.add(
            "RUL050",
            reader.place_of("who"),
            f"who 里没有 {written}",
            f"there is no {written} under who",
            f"可写: {names}",
            f"known: {names}",
        )
    else:
        reader.add(
            "RUL050",
            reader.place,
            f"{reader.label} 没写算给谁",
            f"{reader.label} does not say for whom",
            f"加 who: {names} 之一",
            f"add who: one of {names}",
        )
    raise Silent(reader.label)
