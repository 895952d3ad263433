"""A patch: what would be changed in a rulebook or its parameters, and from when.

    patch: 增量计酬率提到 3%
    reason: 2026 年预算
    from: 2026-01-01                       # for all changes; left out: the whole period
    changes:
      inputs.increment_rate: 3%            # the bank's value of an input
      inputs.sell_rate: {to: 2.1%, by: 活期, from: 2026-04-01}
      lines.increment_pay.most: 20000元    # a field of a declaration
      tables.grades.rows.2: [客户经理, ">= 80", 一级]   # the second row of a table

The rulebook's own files are never touched: a patch is put into the tree that was read from them, before
units are checked, so that a patch which makes a rulebook wrong is refused as a wrong rulebook is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path

from guanhu.appraisal.parameters import Dated, Parameters, held_to_formulas, value_of, written_out
from guanhu.rulebook import tree as t
from guanhu.rulebook.load.text import Fields, Items, Text, Tree, load_text
from guanhu.rulebook.parts import parts_of
from guanhu.values import units
from guanhu.values.dates import FAR_FUTURE, Span, date_of
from guanhu.values.exact import shown
from guanhu.values.problem import Place, Problem, Refused, errors_in

SECTIONS = ("inputs", "tables", "measures", "lines", "checks", "decisions", "ledgers", "words")
_TOP = ("patch", "reason", "from", "changes")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the path, what is put there, from which day, for which keys of an input."""

    path: tuple[str, ...]
    to: Tree
    start: date
    keys: tuple[str, ...] | None
    place: Place

    @property
    def is_value(self) -> bool:
        """Tell whether it is the value of an input, and not a field of a declaration."""
        return len(self.path) == 2 and self.path[0] == "inputs"

    def __str__(self) -> str:
        """Return the change as a line in Chinese."""
        return self.text("zh")

    def text(self, lang: str, was: str = "") -> str:
        """Return the change as a line; `was` is what stands there before it."""
        keys = f"({' | '.join(self.keys)})" if self.keys else ""
        since = f", 自 {self.start} 起" if lang == "zh" else f", from {self.start} on"
        before = f": {was}" if was else ""
        return f"{'.'.join(self.path)}{keys}{before} → {written(self.to)}{since if self.start > date.min else ''}"


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch: its name, why, and its changes."""

    name: str
    reason: str
    changes: tuple[Change, ...]

    def with_value(self, path: str, value: str) -> Patch:
        """Return the patch with one more change, from the same day as an earlier one of the same path."""
        parts = tuple(path.split("."))
        before = next((c for c in self.changes if c.path == parts), None)
        place = Place("--sweep")
        start, keys = (before.start, before.keys) if before is not None else (date.min, None)
        change = Change(parts, Text(value, place), start, keys, place)
        return Patch(self.name, self.reason, (*(c for c in self.changes if c.path != parts), change))

    def starts(self) -> list[date]:
        """Return the days on which something of the rulebook's text changes."""
        return sorted({c.start for c in self.changes if not c.is_value})


def read_patch(path: Path) -> Patch:
    """Return the patch of a file.

    Errors:   Refused RUL001-RUL007 unreadable text, PAT001 not of the form, PAT002 a day that is none.
    """
    problems: list[Problem] = []
    tree = load_text(path, path.name, problems)
    if tree is None:
        raise Refused(problems)
    changes = tree.get("changes") if isinstance(tree, Fields) else None
    unknown = [key for key in tree.fields if key not in _TOP] if isinstance(tree, Fields) else []
    if not isinstance(tree, Fields) or not isinstance(changes, Fields) or not changes.fields or unknown:
        raise Refused([_no_form(tree.place, unknown)])
    found: list[Change] = []
    first = _day(tree, date.min, problems)
    for key, (place, value) in changes.fields.items():
        found.append(_change(key, place, value, first, problems))
    if problems:
        raise Refused(problems)
    return Patch(_text(tree, "patch") or path.stem, _text(tree, "reason"), tuple(found))


def _change(key: str, place: Place, value: Tree, first: date, problems: list[Problem]) -> Change:
    parts = tuple(key.split("."))
    if not isinstance(value, Fields):
        return Change(parts, value, first, None, place)
    to = value.get("to")
    unknown = [x for x in value.fields if x not in ("to", "from", "by")]
    if to is None or unknown:
        problems.append(_no_entry(key, value, unknown))
        return Change(parts, value, first, None, place)
    by = value.get("by")
    cells = by.items if isinstance(by, Items) else (by,) if by is not None else ()
    keys = tuple(x.strip() for cell in cells if isinstance(cell, Text) for x in cell.text.split("|"))
    if by is not None and (not all(isinstance(cell, Text) for cell in cells) or not all(keys) or not keys):
        problems.append(_no_keys_in(by))
    return Change(parts, to, _day(value, first, problems), keys or None, place)


def put_in(changes: Iterable[Change], sections: dict[str, dict[str, Tree]], problems: list[Problem]) -> None:
    """Put changes into the sections of a rulebook as read, adding what does not fit to `problems`.

    Errors:   PAT003 a section that a patch cannot change, PAT004 a path that does not exist, PAT006 keys of what
              is no value of an input.
    """
    for change in changes:
        if change.is_value:
            continue
        if change.keys is not None:
            problems.append(_no_keys_here(change))
            continue
        section, *rest = change.path
        if section not in SECTIONS or not rest:
            problems.append(_no_section(change))
            continue
        known = sections.get(section, {})
        if rest[0] not in known:
            problems.append(_no_path(change, rest[0], list(known), f"{section}"))
            continue
        changed = _put(known[rest[0]], rest[1:], change, problems)
        if changed is not None:
            sections[section][rest[0]] = changed


def _put(tree: Tree, path: list[str], change: Change, problems: list[Problem]) -> Tree | None:
    if not path:
        return change.to
    key, *rest = path
    if isinstance(tree, Fields):
        # A bound or exception that the text does not have yet may be added; inside it there must be something.
        inner = tree.get(key)
        if inner is None and rest:
            problems.append(_no_path(change, key, list(tree.fields), ".".join(change.path[: -len(path)])))
            return None
        put = _put(inner, rest, change, problems) if inner is not None else change.to
        if put is None:
            return None
        return Fields({**tree.fields, key: (tree.fields.get(key, (change.place,))[0], put)}, tree.place)
    if isinstance(tree, Items) and key.isdigit() and 1 <= int(key) <= len(tree.items):
        put = _put(tree.items[int(key) - 1], rest, change, problems)
        if put is None:
            return None
        items = list(tree.items)
        items[int(key) - 1] = put
        return Items(tuple(items), tree.place)
    known = [f"1..{len(tree.items)}"] if isinstance(tree, Items) else []
    problems.append(_no_path(change, key, known, ".".join(change.path[: -len(path)])))
    return None


def text_at(sections: Mapping[str, Mapping[str, Tree]], path: tuple[str, ...]) -> str:
    """Return what a rulebook's text says at a path of a declaration; '' where it says nothing."""
    section, *rest = path
    tree: Tree | None = Fields(
        {name: (x.place, x) for name, x in sections.get(section, {}).items()}, Place("")
    )
    for key in rest:
        if isinstance(tree, Items):
            tree = tree.items[int(key) - 1] if key.isdigit() and 1 <= int(key) <= len(tree.items) else None
        else:
            tree = tree.get(key) if isinstance(tree, Fields) else None
    return "" if tree is None else written(tree)


def with_values(changes: Iterable[Change], parameters: Parameters, rulebook: t.Rulebook) -> Parameters:
    """Return the parameters, as the bank gave them, with values of inputs replaced from a day on.

    Errors:   Refused PAT004 no such input, PAT005 not of the input's unit or outside what is allowed, or a value
              of the bank that is so after the patch, PAT006 keys that do not fit, RUN012 outside what other inputs
              allow, RUN014 where what they allow is never known.
    """
    changes = tuple(changes)
    found = Parameters(
        {name: {k: list(v) for k, v in rows.items()} for name, rows in parameters.values.items()}
    )
    problems: list[Problem] = []
    for change in changes:
        if not change.is_value:
            continue
        declared = rulebook.inputs.get(change.path[1])
        if declared is None or declared.by_person:
            known = [name for name, x in rulebook.inputs.items() if not x.by_person]
            problems.append(_no_path(change, change.path[1], known, "inputs"))
            continue
        written_value = change.to.text if isinstance(change.to, Text) else ""
        value = value_of(declared.unit, written_value)
        if value is None or (isinstance(value, Fraction) and not declared.allows(value)):
            problems.append(_no_value(change, declared, written(change.to)))
            continue
        rows = found.values.setdefault(declared.id, {})
        listed = _listed(declared, rulebook)
        keys = _keys_of(change, declared, rows, listed)
        if not keys:
            problems.append(_no_keys(change, declared, rows, listed))
        days = Span(change.start, FAR_FUTURE)
        for key in keys:
            before = [
                replace(d, days=Span(d.days.start, min(d.days.end, change.start)))
                for d in rows.get(key, [])
                if d.days.start < change.start
            ]
            rows[key] = [*before, Dated(days, value, str(change), "")]
    problems.extend(_of_the_bank(changes, found, rulebook))
    if not problems:
        for problem in held_to_formulas(rulebook, found):
            cause = _cause(problem.place.sheet, changes, rulebook)
            if cause is not None and (problem.severity == "error" or not _stands(cause, found)):
                problems.append(_outside(problem, cause))
    if problems:
        raise Refused(errors_in(problems))
    return found


def _listed(declared: t.Input, rulebook: t.Rulebook) -> list[set[str]]:
    """Return for each key of an input the words that the rulebook lists for its attribute; none: any word."""
    return [
        {word for words in rulebook.words.values() if words.of == by for word in words.choices}
        for by in declared.by
    ]


def _keys_of(
    change: Change,
    declared: t.Input,
    rows: dict[tuple[str, ...], list[Dated]],
    listed: list[set[str]],
) -> list[tuple[str, ...]]:
    """Return the keys that a change of value is for: those named, else all that the bank has given.

    A named key has to be met with: a word that is listed for its attribute, or a key that the bank has given.
    """
    if not declared.by:
        return [()] if change.keys is None else []
    if change.keys is None or change.keys in rows:
        return list(rows) if change.keys is None else [change.keys]
    fits = len(change.keys) == len(listed) and all(
        not words or key in words for key, words in zip(change.keys, listed, strict=True)
    )
    return [change.keys] if fits else []


def _of_the_bank(changes: Iterable[Change], found: Parameters, rulebook: t.Rulebook) -> list[Problem]:
    """Return a problem for each value of the bank that an input, changed in its declaration, does not take."""
    problems: list[Problem] = []
    for change in changes:
        declared = rulebook.inputs.get(change.path[1]) if change.path[0] == "inputs" else None
        if change.is_value or declared is None or declared.by_person:
            continue
        given = found.values.get(declared.id, {})
        if any(len(keys) != len(declared.by) for keys in given):
            problems.append(_no_keys(change, declared, given, _listed(declared, rulebook)))
            continue
        rows = [row for rows in given.values() for row in rows if row.days.end > change.start]
        seen = [row.value for row in rows if not _takes(declared, row.value)]
        texts = (shown(x) if isinstance(x, Fraction) else str(x) for x in seen)
        problems += [_no_value(change, declared, text) for text in dict.fromkeys(texts)]
    return problems


def _takes(declared: t.Input, value: Fraction | date | str) -> bool:
    """Tell whether a value is of an input's unit and lies between its numbers."""
    if declared.unit == units.DATE:
        return isinstance(value, date)
    if units.is_choice(declared.unit):
        return isinstance(value, str)
    return isinstance(value, Fraction) and declared.allows(value)


def _cause(name: str, changes: tuple[Change, ...], rulebook: t.Rulebook) -> Change | None:
    """Return the change by which an input left its range: of itself, of what its range reads, else the last one."""
    declared = rulebook.inputs[name]
    parts = list(parts_of((declared.least, declared.most), rulebook.tables))
    read = {("inputs", part.name) for part in parts if isinstance(part, t.InputRef)}
    read |= {("tables", part.table) for part in parts if isinstance(part, t.Lookup)}
    for wanted in ({("inputs", name)}, read):
        for change in reversed(changes):
            if change.path[:2] in wanted:
                return change
    return None


def _stands(change: Change, found: Parameters) -> bool:
    """Tell whether a value that a patch gives counts on any day."""
    rows = found.values.get(change.path[1], {}).values()
    return not change.is_value or any(row.document == str(change) for of_key in rows for row in of_key)


def written(tree: Tree) -> str:
    """Return a tree as one line of YAML."""
    match tree:
        case Text():
            return tree.text
        case Items():
            return f"[{', '.join(written(x) for x in tree.items)}]"
        case Fields():
            return f"{{{', '.join(f'{k}: {written(v)}' for k, v in tree)}}}"


def _text(tree: Fields, key: str) -> str:
    found = tree.get(key)
    return found.text if isinstance(found, Text) else ""


def _day(tree: Fields, otherwise: date, problems: list[Problem]) -> date:
    found = tree.get("from")
    if found is None:
        return otherwise
    day = date_of(found.text) if isinstance(found, Text) else None
    if day is None:
        problems.append(
            Problem(
                "PAT002",
                found.place,
                f"from 应当是日期, 看到 {written(found)}",
                f"from is to be a date, not {written(found)}",
                "写成 2026-01-01",
                "write 2026-01-01",
            )
        )
    return day or otherwise


def _no_form(place: Place, unknown: list[str]) -> Problem:
    known = ", ".join(sorted(_TOP))
    seen = f"不认识 {'、'.join(unknown)}, 补丁里可以写 {known}; " if unknown else ""
    seen_en = f"{', '.join(unknown)} is not known, a patch has {known}; " if unknown else ""
    return Problem(
        "PAT001",
        place,
        f"{seen}补丁应当写明 changes, 每条是“路径: 新值”或“路径: {{to: 新值, from: 日期, by: 键}}”",
        f"{seen_en}a patch lists changes, each `path: value` or `path: {{to: value, from: day, by: keys}}`",
        "例如 changes: {lines.increment_pay.most: 20000元}",
        "such as changes: {lines.increment_pay.most: 20000元}",
    )


def _no_entry(path: str, value: Fields, unknown: list[str]) -> Problem:
    to = f"{{{', '.join(f'{k}: {written(v)}' for k, v in value)}}}"
    seen = f"不认识 {'、'.join(unknown)}" if unknown else "没有 to"
    seen_en = f"{', '.join(unknown)} is not known" if unknown else "there is no `to`"
    form, form_en = "{to: 新值, from: 日期, by: 键}", "{to: value, from: day, by: keys}"
    return Problem(
        "PAT001",
        value.place,
        f"{path}: {seen}; 看到 {to}, 应当是 {form}, from 和 by 可以不写",
        f"{path}: {seen_en}; {to} is to be {form_en}, `from` and `by` may be left out",
        f"写成 {path}: {{to: …, from: 2026-01-01}}; 新值本身是一组键时, 也放在 to 里面",
        f"write {path}: {{to: …, from: 2026-01-01}}; a value that is itself a mapping stands in `to`, too",
    )


def _no_keys_in(by: Tree) -> Problem:
    return Problem(
        "PAT001",
        by.place,
        f"by 应当是键, 看到 {written(by) or '(空)'}",
        f"`by` is to be keys, not {written(by) or '(nothing)'}",
        "写成 by: 活期, 几个键写成 by: [高级, 城区]",
        "write by: 活期, or by: [高级, 城区] for several keys",
    )


def _no_section(change: Change) -> Problem:
    return Problem(
        "PAT003",
        change.place,
        f"补丁不能改 {'.'.join(change.path)}: 可以改的是 {'、'.join(SECTIONS)} 里的一项",
        f"a patch cannot change {'.'.join(change.path)}: it may change one of {', '.join(SECTIONS)}",
        "考核对象和考核周期要改, 另建一部办法再比较两次运行",
        "to change who is appraised or how often, make another rulebook and compare two runs",
    )


def _no_path(change: Change, key: str, known: list[str], where: str) -> Problem:
    near = get_close_matches(key, known, n=3) or known[:8]
    return Problem(
        "PAT004",
        change.place,
        f"{where} 里没有 {key}(补丁的路径是 {'.'.join(change.path)})",
        f"there is no {key} in {where} (the path of the patch is {'.'.join(change.path)})",
        f"有的是: {'、'.join(near) or '(空)'}",
        f"there is: {', '.join(near) or '(nothing)'}",
    )


def _no_value(change: Change, declared: t.Input, seen: str) -> Problem:
    hint, hint_en = written_out(seen)
    if change.is_value:
        hint = hint or "改成允许的值, 或连同 allowed 一起改"
        hint_en = hint_en or "write an allowed value, or change `allowed` too"
        zh, en = "", ""
    else:
        path = ".".join(change.path)
        hint, hint_en = "连同它的值一起改", "change its value too"
        zh, en = f"{path} 改后, 银行给的值不合: ", f"with {path} changed, what the bank gave does not fit: "
    return Problem(
        "PAT005",
        change.place,
        f"{zh}{declared.title} 不能取 {seen}: 单位是 {declared.unit}, 并且要在允许的范围内",
        f"{en}{declared.id} cannot be {seen}: it is counted in {declared.unit}, within what is allowed",
        hint,
        hint_en,
    )


def _outside(problem: Problem, change: Change) -> Problem:
    """Return a problem of the parameters at the change that brings it about."""
    name = problem.place.sheet
    return Problem(
        problem.code,
        change.place,
        f"{'.'.join(change.path)} 改后, 参数 {name}: {problem.zh}",
        f"with {'.'.join(change.path)} changed, the input {name}: {problem.en}",
        "改补丁里的值, 或连同它的范围所用的参数一起改",
        "change the value in the patch, or the inputs that its range is made of too",
    )


def _no_keys_here(change: Change) -> Problem:
    path, keys = ".".join(change.path), " | ".join(change.keys or ())
    return Problem(
        "PAT006",
        change.place,
        f"{path} 没有键, 补丁写的是 {keys}: by 只用于银行给的参数值(inputs.名称)",
        f"{path} has no keys, the patch has {keys}: `by` is for the bank's values of inputs (inputs.name)",
        "删去 by, 或在公式、表里按它区分",
        "leave out `by`, or tell them apart in the formula or table",
    )


def _no_keys(
    change: Change,
    declared: t.Input,
    rows: dict[tuple[str, ...], list[Dated]],
    listed: list[set[str]],
) -> Problem:
    wanted = " | ".join(declared.by) or "(无键)"
    wanted_en = " | ".join(declared.by) or "none"
    there = [" | ".join(keys) for keys in rows] or (sorted(listed[0]) if len(listed) == 1 else [])
    known = "、".join(there[:8])
    return Problem(
        "PAT006",
        change.place,
        f"{declared.title} 的键是 {wanted}, 补丁写的是 {' | '.join(change.keys or ()) or '(无)'}",
        f"the keys of {declared.id} are {wanted_en}, the patch has {' | '.join(change.keys or ()) or 'none'}",
        f"已有的键: {known or '(银行还没有提供)'}",
        f"keys that there are: {known or '(the bank has supplied none)'}",
    )
