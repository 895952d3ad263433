"""Habits that no other tool checks: each rule is a function from files to offences, and is shown one offence.

A rule sees every file that git tracks or would track, as text; what is not text it sees as empty. To add a
rule, add it to `RULES` with a planted offence.
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 600

# The packages in which figures are made. `cli`, `bank` and the workbench only ask them.
CORE = ("values", "files", "kinds", "rulebook", "facts", "engines", "appraisal", "margin", "planning", "desk")
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "data", "info", "misc"}

# The words that we look for are put together here: this file is searched like any other.
LOOSE_END = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME")) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w./:-])/(?:work|root|home|Users)(?:/|\b)(?![-\w])")
REGISTRY_HOST = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("npmmirror", "com"),
            ("tuna", "tsinghua", "edu"),
            ("mirrors", "aliyun"),
            ("proxy", "golang", "org"),
        )
    )
)
ADDRESS = re.compile(
    r"\w+://|^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b", re.MULTILINE
)
PINNED = re.compile(r"^([\w.-]+==\S+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
MARKDOWN_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")

Files = Mapping[str, str]
Offences = list[str]


@cache
def repository() -> Files:
    """Return the text of every file of the repository by its place, new files included."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    places = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return {place: text_of(ROOT / place) for place in sorted(set(places)) if (ROOT / place).is_file()}


def text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def python(files: Files, *folders: str) -> Iterator[tuple[str, str]]:
    for place, text in files.items():
        if place.endswith(".py") and (not folders or place.startswith(folders)):
            yield place, text


def core_nodes(files: Files) -> Iterator[tuple[str, ast.AST]]:
    for place, text in python(files, *(f"src/guanhu/{package}" for package in CORE)):
        for node in ast.walk(ast.parse(text)):
            yield place, node


def lines_matching(files: Files, pattern: re.Pattern[str], reason: str) -> Offences:
    return [
        f"{place}:{number}: {reason}: {line.strip()[:100]}"
        for place, text in files.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def long_functions(files: Files) -> Offences:
    found = []
    for place, text in python(files):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    found.append(
                        f"{place}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"
                    )
    return found


def long_modules(files: Files) -> Offences:
    return [
        f"{place}: {lines} lines, at most {MODULE_LINES_MAX}"
        for place, text in python(files)
        if (lines := text.count("\n")) > MODULE_LINES_MAX
    ]


def floats_in_core(files: Files) -> Offences:
    return [
        f"{place}:{node.lineno}: float literal {node.value}; use integer fen or Fraction"
        for place, node in core_nodes(files)
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]


def asserts_in_core(files: Files) -> Offences:
    return [
        f"{place}:{node.lineno}: assert vanishes under python -O; raise InvariantBroken"
        for place, node in core_nodes(files)
        if isinstance(node, ast.Assert)
    ]


def empty_names(files: Files) -> Offences:
    return [
        f"{place}: the name says nothing; name it for what it holds"
        for place in files
        if place.startswith("src/") or place.endswith(".py")
        if EMPTY_NAMES & {PurePosixPath(part).stem for part in place.split("/")}
    ]


def loose_ends(files: Files) -> Offences:
    return lines_matching(files, LOOSE_END, "finish it, or write an issue")


def machine_paths(files: Files) -> Offences:
    return lines_matching(files, MACHINE_PATH, "a path of one machine")


def registry_hosts(files: Files) -> Offences:
    return lines_matching(files, REGISTRY_HOST, "address of a package registry")


def lock_files(files: Files) -> dict[str, str]:
    return {
        place: text
        for place, text in files.items()
        if re.search(r"(^|/)(requirements[^/]*\.txt|[^/]*lock[^/]*)$", place)
        and not place.endswith((".py", ".md"))
    }


def addresses_in_locks(files: Files) -> Offences:
    return lines_matching(lock_files(files), ADDRESS, "a lock file holds hashes, not addresses")


def unhashed_pins(files: Files) -> Offences:
    return [
        f"{place}: {pin[1]} has no hash"
        for place, text in lock_files(files).items()
        for pin in PINNED.finditer(text)
        if "--hash=sha256:" not in pin[2]
    ]


def packages_without_docstring(files: Files) -> Offences:
    folders = {str(parent) for place, _ in python(files, "src/") for parent in PurePosixPath(place).parents}
    return [
        f"{folder}/__init__.py: missing, or without a docstring that says what the package is for"
        for folder in sorted(folders - {".", "src"})
        if not ast.get_docstring(ast.parse(files.get(f"{folder}/__init__.py", "")))
    ]


def broken_links(files: Files) -> Offences:
    places = {PurePosixPath(place) for place in files}
    known = places | {parent for place in places for parent in place.parents}
    found = []
    for place, text in files.items():
        for link in MARKDOWN_LINK.findall(text) if place.endswith(".md") else ():
            target = PurePosixPath(place).parent / link
            if "://" not in link and not link.startswith("mailto:") and resolved(target) not in known:
                found.append(f"{place}: link to {link}, which does not exist")
    return found


def resolved(target: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in target.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def function_of(lines: int) -> str:
    return "def long():\n" + "    pass\n" * (lines - 1)


# rule, and a small repository that breaks it once
RULES: list[tuple[Callable[[Files], Offences], Files]] = [
    (
        long_functions,
        {"tests/test_a.py": function_of(FUNCTION_LINES_MAX) + function_of(FUNCTION_LINES_MAX + 1)},
    ),
    (long_modules, {"src/guanhu/a.py": "\n" * (MODULE_LINES_MAX + 1), "b.py": "\n" * MODULE_LINES_MAX}),
    (floats_in_core, {"src/guanhu/facts/a.py": "rate = 0.1\n", "src/guanhu/cli/a.py": "wait = 0.1\n"}),
    (asserts_in_core, {"src/guanhu/facts/a.py": "assert True\n", "tests/test_a.py": "assert True\n"}),
    (empty_names, {"src/guanhu/facts/utils.py": "", "docs/data.md": ""}),
    (loose_ends, {"docs/a.md": "TO" + "DO: finish\nA method, to do well.\n"}),
    (machine_paths, {"Makefile": "cd " + "/wo" + "rk/x\ncd net/work /workbench docs/home\n"}),
    (registry_hosts, {"docs/a.md": "https://" + "pypi" + ".org/simple\n"}),
    (addresses_in_locks, {"requirements-x.txt": "--index-url https" + "://host/\na==1\n"}),
    (unhashed_pins, {"requirements.txt": "a==1 \\\n    --hash=sha256:00\nb==2\n    # via a\n"}),
    (packages_without_docstring, {"src/p/__init__.py": '"""P."""\n', "src/p/q/a.py": ""}),
    (broken_links, {"docs/a.md": "[b](b.md) [a](../docs/a.md#x) [up](..) [web](https" + "://x.y)\n"}),
]


def name_of(value: object) -> str:
    return getattr(value, "__name__", "").replace("_", "-")


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES], ids=name_of)
def test_repository_has_no(rule: Callable[[Files], Offences]) -> None:
    offences = rule(repository())
    assert not offences, "\n" + "\n".join(offences)


@pytest.mark.parametrize(("rule", "planted"), RULES, ids=name_of)
def test_a_planted_offence_is_found(rule: Callable[[Files], Offences], planted: Files) -> None:
    """The planted repository breaks the rule once, and comes as close as it may everywhere else."""
    assert len(rule(planted)) == 1


def test_repository_is_seen() -> None:
    """A rule over no files would always pass."""
    assert {"pyproject.toml", "src/guanhu/__init__.py", "tests/test_tidy.py"} <= set(repository())
