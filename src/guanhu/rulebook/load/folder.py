"""A rulebook folder to a checked rulebook, or to the list of everything that is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.build import SECTIONS, Builder
from guanhu.rulebook.load.build_small import build_event, build_group, build_ledger, build_words
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.leading import with_leads
from guanhu.rulebook.load.levels import order_levels
from guanhu.rulebook.load.lots import build_lots, is_of_lots
from guanhu.rulebook.load.refusals import Silent
from guanhu.rulebook.load.sound_pay import put_checks
from guanhu.rulebook.load.text import Fields, Text, Tree, load_text, parse_text
from guanhu.values.dates import MONTHS_OF
from guanhu.values.problem import Place, Problem, errors_in

MAIN = "rulebook.yaml"
_ID = re.compile(r"[\w-]{1,64}")
_TOP = ("rulebook", "name", "calendar", "who", "events", "preamble", "out_of_scope", *SECTIONS)
_LIBRARY = Path(__file__).parent.parent / "library"


Edit = Callable[[dict[str, dict[str, Tree]], list[Problem]], None]
"""Changes the sections of a rulebook as they were read, before anything is built of them."""


def load(
    folder: Path, readings: Mapping[str, str] | None = None, edit: Edit | None = None
) -> tuple[t.Rulebook | None, list[Problem]]:
    """Return the checked rulebook of a folder (None when it has errors) and all problems in place order.

    `readings` maps the name of a doubt to `other`: that reading replaces the first one. `edit` may change
    what was read; the digest stays that of the files.

    Errors:   RUL0xx; see `docs/reference/problems.md`.
    """
    problems: list[Problem] = []
    path = folder / MAIN
    if not path.is_file():
        place = Place(str(folder))
        problems.append(
            Problem(
                "RUL001",
                place,
                f"这个文件夹里没有 {MAIN}",
                f"there is no {MAIN} in this folder",
                "用 guanhu rulebook new 新建一个",
                "make one with guanhu rulebook new",
            )
        )
        return None, problems
    tree = load_text(path, MAIN, problems)
    digest = _digest(folder)
    return _built(tree, problems, readings or {}, digest, folder, edit)


def load_string(
    text: str, readings: Mapping[str, str] | None = None
) -> tuple[t.Rulebook | None, list[Problem]]:
    """Return the rulebook of YAML text, as `load` does for a folder."""
    problems: list[Problem] = []
    tree = parse_text(text, MAIN, problems)
    return _built(tree, problems, readings or {}, hashlib.sha256(text.encode()).hexdigest())


def _digest(folder: Path) -> str:
    """Return the digest of every file that the rulebook consists of."""
    total = hashlib.sha256()
    for path in sorted(
        p for p in folder.rglob("*") if p.is_file() and p.suffix in (".yaml", ".csv", ".xlsx")
    ):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _built(
    tree: Tree | None,
    problems: list[Problem],
    readings: Mapping[str, str],
    digest: str,
    folder: Path | None = None,
    edit: Edit | None = None,
) -> tuple[t.Rulebook | None, list[Problem]]:
    if tree is None:
        return None, sorted(problems, key=lambda p: (p.place, p.code))
    top = Reader(tree, "rulebook", _TOP, problems)
    every = _every(top, problems)
    taken = set(readings)
    sections = {section: _section(top, section, problems, readings, taken) for section in SECTIONS}
    if edit is not None:
        edit(sections, problems)
    put_checks(sections, problems)
    _unknown_readings(taken, readings, problems)
    library, library_words = load_library(problems)
    builder = Builder(sections, every, library, problems, folder)
    for name, word in {**library_words, **sections["words"]}.items():
        build_words(builder, name, word)
    events = top.tree("events")
    for name, event in events if isinstance(events, Fields) else ():
        kind = build_event(builder, name, event)
        if kind is not None:
            builder.events[name] = kind
    _groups(top, builder)
    _everything(builder)
    rulebook = None
    if _ID.fullmatch(top.text("rulebook")) is None and top.has("rulebook"):
        top.add(
            "RUL015",
            top.place_of("rulebook"),
            "rulebook 是办法的编号: 字母、数字、汉字、- 和 _, 最多 64 个",
            "rulebook is an id: letters, digits, - and _, at most 64",
        )
    if not errors_in(problems):
        rulebook = _rulebook(top, builder, every, readings, digest)
    # A measure that is `like` a faulty one repeats its fault at the same place: told once.
    return rulebook, sorted(dict.fromkeys(problems), key=lambda p: (p.place, p.code))


def _every(top: Reader, problems: list[Problem]) -> str:
    calendar = top.tree("calendar")
    inner = Reader(calendar, "calendar", ("every", "clause"), problems) if calendar is not None else top
    if calendar is None:
        top.add(
            "RUL013",
            top.place,
            "缺少 calendar",
            "there is no calendar",
            "写 calendar: {every: quarter}",
            "write calendar: {every: quarter}",
        )
        return "quarter"
    return inner.one_of("every", (*MONTHS_OF, "campaign"), "quarter")


def _section(
    top: Reader, section: str, problems: list[Problem], readings: Mapping[str, str], taken: set[str]
) -> dict[str, Tree]:
    tree = top.tree(section)
    if tree is None:
        return {}
    if not isinstance(tree, Fields):
        problems.append(
            Problem(
                "RUL010",
                tree.place,
                f"{section} 应当是“名称: 内容”的形式",
                f"{section} is to be a mapping of names",
                f"写成 {section}: 下面一行一个“名称: {{…}}”",
                f"write under {section}: a line `name: {{…}}` for each",
            )
        )
        return {}
    return {name: _as_read(value, readings, taken) for name, value in tree}


def _as_read(tree: Tree, readings: Mapping[str, str], taken: set[str]) -> Tree:
    """Return a declaration with its doubt's other reading put in, when the run takes it."""
    doubt = tree.get("doubt") if isinstance(tree, Fields) else None
    name = doubt.get("name") if isinstance(doubt, Fields) else None
    if not isinstance(tree, Fields) or not isinstance(doubt, Fields) or not isinstance(name, Text):
        return tree
    other = doubt.get("other")
    if readings.get(name.text) != "other" or not isinstance(other, Fields):
        return tree
    taken.discard(name.text)
    return Fields({**tree.fields, **other.fields}, tree.place)


def _unknown_readings(taken: set[str], readings: Mapping[str, str], problems: list[Problem]) -> None:
    for name in sorted(taken):
        if readings[name] in ("first", ""):
            continue
        problems.append(
            Problem(
                "RUL070",
                Place(MAIN),
                f"没有叫 {name} 的疑点, 或它没有另一种读法",
                f"no doubt is called {name}, or it has no other reading",
                "用 guanhu rulebook check 列出疑点",
                "guanhu rulebook check lists the doubts",
            )
        )


def load_library(problems: list[Problem]) -> tuple[dict[str, Tree], dict[str, Tree]]:
    """Return the named measures that every rulebook may use, and the words they need."""
    measures: dict[str, Tree] = {}
    words: dict[str, Tree] = {}
    for path in sorted(_LIBRARY.glob("*.yaml")):
        tree = load_text(path, f"library/{path.name}", problems)
        for section, store in (("measures", measures), ("words", words)):
            found = tree.get(section) if isinstance(tree, Fields) else None
            store.update(dict(found) if isinstance(found, Fields) else {})
    return measures, words


def _groups(top: Reader, builder: Builder) -> None:
    who = top.tree("who")
    if not isinstance(who, Fields) or not who.fields:
        top.missing("who")
        # Everything else would only echo that there is nobody to appraise.
        builder.raw.update({section: {} for section in ("lines", "checks", "decisions", "ledgers")})
        return
    if "is" in who.fields or "clause" in who.fields:
        who = Fields({"everyone": (who.place, who)}, who.place)
    for name, tree in who:
        builder.groups[name] = build_group(builder, name, tree)


def _everything(builder: Builder) -> None:
    """Build every declaration, so that problems of unused ones are found too."""
    wanted: list[tuple[str, Callable[[str, Place], object]]] = [
        ("inputs", builder.input),
        ("measures", builder.measure),
        ("lines", builder.line),
        ("checks", builder.line),
        ("decisions", builder.decision),
    ]
    for section, build in wanted:
        for name, tree in builder.raw[section].items():
            try:
                build(name, tree.place)
            except Silent:
                continue
    for name, tree in builder.raw["ledgers"].items():
        try:
            (build_lots if is_of_lots(tree) else build_ledger)(builder, name, tree)
        except Silent:
            continue
    _clashes(builder)
    if not errors_in(builder.problems):
        order_levels(builder)
    if not errors_in(builder.problems):
        # Beside errors this would only be their echo: what would use the table has failed.
        _unused_tables(builder)


def _unused_tables(builder: Builder) -> None:
    used = {name.split("@")[0] for name in builder.tables}
    for name, tree in builder.raw["tables"].items():
        if name not in used and f"table:{name}" not in builder.failed:
            builder.problems.append(
                Problem(
                    "RUL071",
                    tree.place,
                    f"表 {name} 没有被用到, 没有检查它的内容",
                    f"table {name} is not used; its rows were not checked",
                    severity="warning",
                )
            )


def _clashes(builder: Builder) -> None:
    """Refuse a name that two sections declare: a formula could not tell which is meant."""
    seen: dict[str, str] = {}
    for section in ("inputs", "tables", "measures", "lines", "checks", "decisions", "ledgers"):
        for name, tree in builder.raw[section].items():
            if name in seen:
                builder.add(
                    "RUL072",
                    tree.place,
                    f"{name} 在 {seen[name]} 里已经有了",
                    f"{name} stands in {seen[name]} already",
                    "换一个名称",
                    "choose another name",
                )
            seen.setdefault(name, section)


def _rulebook(
    top: Reader, builder: Builder, every: str, readings: Mapping[str, str], digest: str
) -> t.Rulebook:
    scope = top.tree("out_of_scope")
    out_of_scope = (
        {name: value.text for name, value in scope if isinstance(value, Text)}
        if isinstance(scope, Fields)
        else {}
    )
    lines, decisions = with_leads(builder.lines, builder.decisions)
    return t.Rulebook(
        id=top.required("rulebook"),
        title=top.required("name"),
        every=every,
        groups=builder.groups,
        words=builder.words,
        inputs=builder.inputs,
        tables=builder.tables,
        measures=builder.measures,
        lines=lines,
        decisions=decisions,
        ledgers=builder.ledgers,
        lots=builder.lots,
        events=builder.events,
        out_of_scope=out_of_scope,
        order=tuple(builder.order),
        digest=digest,
        readings=dict(readings),
        states=builder.states,
        levels=builder.levels,
        preamble=top.text("preamble"),
    )
