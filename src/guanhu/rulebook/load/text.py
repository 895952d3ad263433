"""YAML text to nodes that remember their place. Every scalar is text: nothing is guessed.

PyYAML's composer gives the node tree; refused here, with the corrected line where one exists:
doubled keys, anchors, aliases, merges, tags, folded text, empty values, tabs, unusual line ends,
full-width colons, and formulas that YAML itself would misread (`>= 30%`, `[8%, 15%)`, `*2`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from guanhu.values.problem import Place, Problem

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_ODD_LINE_ENDS = re.compile("[\u0085\u2028\u2029]")
_FULL_WIDTH_COLON = re.compile(r"^\s*(?:- )?[^\s#'\"：]+：")
_OPENS_AFTER_IT = re.compile(r"^\s*(?:- )?[^\s#'\"：:]+：\s*[\[{]")
_BAD_START = re.compile(
    r"(?P<lead>(?:^|[{,])\s*(?:- )?[^:#'\"{},]+: +|^\s*- +|[\[,] *)(?P<value>(?:>=?|\*|%|@|`)\s*[^,\]\}|#]+)"
)
_ANCHOR = re.compile(r"(?:: +|- +|[\[{,] *)(?:&\w|!\w|!!)")
_HALF_OPEN = re.compile(
    r"(?P<lead>: +|- +|\[ *|, *)(?P<value>\[[^\[\],]*,[^\[\],]*\)|\([^()\[\],]*,[^()\[\],]*\])"
)


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar as written. `quoted` tells an empty string from nothing."""

    text: str
    place: Place
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Tree, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping: key → (place of the key, value)."""

    fields: dict[str, tuple[Place, Tree]]
    place: Place

    def get(self, key: str) -> Tree | None:
        """Return the value of a key, or None."""
        found = self.fields.get(key)
        return found[1] if found else None

    def __iter__(self) -> Iterator[tuple[str, Tree]]:
        """Yield key and value in the order of the text."""
        return iter((key, value) for key, (_, value) in self.fields.items())


Tree = Text | Items | Fields


def load_text(path: Path, shown_as: str, problems: list[Problem]) -> Tree | None:
    """Return the tree of a YAML file, adding what is wrong to `problems`; None when nothing can be read.

    Errors:   RUL001 unreadable file, RUL002 YAML that does not parse, RUL003 doubled key, RUL004 anchor,
              alias, merge or tag, RUL005 folded text, RUL006 empty value, RUL007 unusual characters.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        problems.append(
            _problem(
                "RUL001",
                Place(shown_as),
                f"读不了文件: {error.strerror}",
                f"cannot read the file: {error.strerror}",
            )
        )
        return None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        problems.append(
            _problem(
                "RUL001",
                Place(shown_as, line),
                "文件不是 UTF-8 编码",
                "the file is not UTF-8",
                "用编辑器另存为 UTF-8",
                "save the file as UTF-8",
            )
        )
        return None
    return parse_text(text, shown_as, problems)


def parse_text(text: str, shown_as: str, problems: list[Problem]) -> Tree | None:
    """Return the tree of YAML text; see `load_text`."""
    before = len(problems)
    problems.extend(_scan(text, shown_as))
    if len(problems) > before:
        return None
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except RecursionError:
        problems.append(_too_deep(shown_as))
        return None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.append(
            _problem(
                "RUL007",
                Place(shown_as, line),
                "有看不见的控制字符",
                "there is an invisible control character",
                "删去它",
                "remove it",
            )
        )
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(shown_as, mark.line + 1, mark.column + 1) if mark else Place(shown_as)
        problems.append(
            _problem(
                "RUL002",
                place,
                f"这一行不能按 YAML 读: {error.problem}",
                f"this line does not read as YAML: {error.problem}",
                "检查缩进、冒号后的空格; 文字或公式里有半角的 : # [ { 时整句加引号, 或改成全角",
                "check indentation and the blank after colons; quote words and formulas that contain : # [ {",
            )
        )
        return None
    if node is None:
        problems.append(
            _problem(
                "RUL006",
                Place(shown_as),
                "文件是空的",
                "the file is empty",
                "用 guanhu rulebook new 开始一部办法",
                "begin a rulebook with guanhu rulebook new",
            )
        )
        return None
    try:
        return _tree(node, shown_as, problems)
    except RecursionError:
        problems.append(_too_deep(shown_as))
        return None


def _too_deep(shown_as: str) -> Problem:
    place = Place(shown_as)
    return _problem(
        "RUL002", place, "嵌套太深", "the nesting is too deep", "拆成几层以内", "use fewer levels"
    )


def _problem(code: str, place: Place, zh: str, en: str, hint_zh: str = "", hint_en: str = "") -> Problem:
    return Problem(code, place, zh, en, hint_zh, hint_en)


def _scan(text: str, shown_as: str) -> list[Problem]:
    """Return what must be answered before YAML sees the text: it would misread these without a word."""
    found: list[Problem] = []
    in_block = -1
    for number, line in enumerate(text.split("\n"), 1):
        body = line.rstrip("\r")
        indent = len(body) - len(body.lstrip(" "))
        if in_block >= 0 and (not body.strip() or indent > in_block):
            continue
        in_block = indent if re.search(r"[:\-] +\|[-+]?\s*$", body) else -1
        found.extend(_line_problems(body, Place(shown_as, number)))
    return found


def _line_problems(line: str, place: Place) -> Iterator[Problem]:
    # What stands in quotes is safe; it is blanked so that columns stay.
    bare = _QUOTED.sub(lambda found: "'" * len(found[0]), line)
    code = bare.split(" #")[0] if not bare.lstrip().startswith("#") else ""
    if "\t" in line or _ODD_LINE_ENDS.search(line) or "\u3000" in code or "\u00a0" in code:
        yield _problem(
            "RUL007",
            place,
            "行内有制表符、全角空格或特殊换行符",
            "the line holds a tab, a full-width blank or an unusual line end",
            "换成普通空格",
            "use ordinary blanks",
        )
    elif _FULL_WIDTH_COLON.match(code) and (": " not in code or _OPENS_AFTER_IT.match(code)):
        fixed = code.replace("：", ": ", 1).strip()
        yield _problem(
            "RUL008",
            place,
            "键后用了全角冒号",
            "a full-width colon follows the key",
            f"改写成: {fixed}",
            f"write: {fixed}",
        )
    elif _ANCHOR.search(code):
        yield _anchor_problem(place)
    elif found := _BAD_START.search(code):
        value = found["value"].strip()
        yield _problem(
            "RUL009",
            place,
            f"公式以 {value[0]} 开头, YAML 会误读",
            f"the formula begins with {value[0]}, which YAML misreads",
            f'加引号: "{value}"',
            f'quote it: "{value}"',
        )
    elif found := _HALF_OPEN.search(code):
        yield _problem(
            "RUL009",
            place,
            f"区间 {found['value']} 没有加引号",
            f"the range {found['value']} is not quoted",
            f'加引号: "{found["value"]}"',
            f'quote it: "{found["value"]}"',
        )


def _tree(node: yaml.Node, shown_as: str, problems: list[Problem]) -> Tree:
    place = Place(shown_as, node.start_mark.line + 1, node.start_mark.column + 1)
    anchored = getattr(node, "anchor", None)
    if anchored or (node.tag and not node.tag.startswith("tag:yaml.org,2002:")):
        problems.append(_anchor_problem(place))
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, place, problems)
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(_tree(item, shown_as, problems) for item in node.value), place)
    fields: dict[str, tuple[Place, Tree]] = {}
    for key_node, value_node in node.value:
        key_place = Place(shown_as, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
        if not isinstance(key_node, yaml.ScalarNode) or not key:
            problems.append(_problem("RUL002", key_place, "键不是文字", "the key is not text"))
        elif key == "<<":
            problems.append(_anchor_problem(key_place))
        elif key in fields:
            first = fields[key][0]
            problems.append(
                _problem(
                    "RUL003",
                    key_place,
                    f"键 {key} 已在第 {first.line} 行写过",
                    f"key {key} stands in line {first.line} already",
                    "同一层里每个键只写一次",
                    "write each key once",
                )
            )
        else:
            fields[key] = (key_place, _tree(value_node, shown_as, problems))
    return Fields(fields, place)


def _anchor_problem(place: Place) -> Problem:
    return _problem(
        "RUL004",
        place,
        "不支持 YAML 的锚点、引用、合并和标签",
        "anchors, aliases, merges and tags of YAML are not read",
        "把内容写全;以 & * ! 开头的文字加引号",
        "write the text out; quote text that begins with & * !",
    )


def _scalar(node: yaml.ScalarNode, place: Place, problems: list[Problem]) -> Text:
    quoted = node.style in ("'", '"')
    if node.style == ">":
        problems.append(
            _problem(
                "RUL005",
                place,
                "不支持用 > 折行的文字",
                "text folded with > is not read",
                "写成一行,或用 | 逐行书写",
                "write it on one line, or line by line with |",
            )
        )
    value = node.value
    if not quoted and node.style != "|" and value in ("", "~", "null"):
        problems.append(
            _problem(
                "RUL006",
                place,
                "冒号后面没有内容",
                "nothing stands after the colon",
                "删去这个键,或写上内容",
                "remove the key or give it a value",
            )
        )
    # A formula's column is the scalar's own for plain text and one more for quoted text.
    column = place.column + (1 if quoted else 0)
    return Text(value, Place(place.file, place.line + (1 if node.style == "|" else 0), column), quoted)
