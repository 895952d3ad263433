"""The folder of the demo: which version of the invented bank it was made from, and making room for a newer one.

    demo/.made-from      digest of what wrote the bank: the code of `guanhu.bank` and `guanhu.kinds`, and the arguments
    demo/facts/          import folders, one a quarter; `.done` when all are written
    demo/bank/           the bank's folder and its runs

Facts of another version may lack what today's rulebook asks for, so they are made anew. Only `facts` and `bank` are ever
removed, and only when everything in them is what the demo writes there.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from guanhu import bank, kinds
from guanhu.facts.manifest import HOLES, MANIFEST
from guanhu.facts.store import BANK_FILE, BATCHES
from guanhu.values.problem import Place, Problem, Refused

STAMP = ".made-from"
FACTS, BANK, DONE = "facts", "bank", ".done"
_CODE = (bank, kinds)
_PARTIAL = r"\.partial-[^/]+"
_RUN_FILE = r"(?:[^/]+\.(?:parquet|json)|rulebook(?:/.+)?)"


def made_from(*arguments: int) -> str:
    """Return the digest of what would write the bank today: the generator's code and its arguments."""
    total = hashlib.sha256(repr(arguments).encode())
    for package in _CODE:
        home = Path(package.__path__[0])
        for path in sorted(each for each in home.rglob("*") if each.suffix in (".py", ".sql")):
            total.update(f"\n{package.__name__}/{path.relative_to(home).as_posix()}\n".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def is_made_from(root: Path, digest: str) -> bool:
    """Tell whether the folder's facts are of this version, or are yet to be made."""
    stamp = root / STAMP
    if stamp.is_file():
        return stamp.read_text("utf-8", errors="replace").strip() == digest
    return not any((root / name).exists() for name in (FACTS, BANK))


def stamped(root: Path, digest: str) -> None:
    """Write down which version the folder is made from, before the first fact is written."""
    (root / STAMP).write_text(digest + "\n", "utf-8")


def cleared(root: Path, bank_name: str, run_prefix: str, batches: int, names: Sequence[str]) -> None:
    """Remove these of `facts` and `bank`; the workbook and the statements stay and are written over.

    Own is what the demo writes: a bank of this name, batches up to this number, runs whose name begins so.

    Errors:   Refused RUN072 when anything else is there; then nothing is removed.
    """
    own = _own(run_prefix, batches)
    foreign = [path for name in names for path in _entries(root / name) if not _is_own(path, root, own)]
    toml = root / BANK / BANK_FILE
    if BANK in names and toml.is_file() and f'name = "{bank_name}"' not in toml.read_text("utf-8"):
        foreign.append(toml)
    if foreign:
        raise Refused([_not_own(root, sorted(foreign))])
    for name in names:
        if (root / name).is_dir():
            shutil.rmtree(root / name)


def _own(run_prefix: str, batches: int) -> re.Pattern[str]:
    """Return what the paths below the demo's folder look like that the demo writes."""
    numbers = "|".join(f"{number:04d}" for number in range(1, batches + 1))
    batch_file = rf"(?:{re.escape(MANIFEST)}|{re.escape(HOLES)}|[^/]+\.parquet)"
    run = rf"(?:{re.escape(run_prefix)}-[0-9a-f]{{12}}|{_PARTIAL})"
    known = (
        rf"{FACTS}/{re.escape(DONE)}",
        rf"{FACTS}/[0-9]{{4}}Q[1-4](?:/(?:coverage\.yaml|[a-z_]+\.csv))?",
        rf"{FACTS}/[0-9]{{4}}Q[1-4]-bad-rows\.csv",
        rf"{BANK}/(?:{re.escape(BANK_FILE)}|\.import-lock|{BATCHES}|runs)",
        rf"{BANK}/{BATCHES}/(?:{numbers}|{_PARTIAL})(?:/{batch_file})?",
        rf"{BANK}/runs/{run}(?:/{_RUN_FILE})?",
    )
    return re.compile("|".join(f"(?:{each})" for each in known))


def _entries(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder, links unfollowed; the folder itself when it is none."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        yield folder
    elif folder.is_dir():
        for each in folder.iterdir():
            yield each
            if each.is_dir() and not each.is_symlink():
                yield from _entries(each)


def _is_own(path: Path, root: Path, own: re.Pattern[str]) -> bool:
    return not path.is_symlink() and own.fullmatch(path.relative_to(root).as_posix()) is not None


def _not_own(root: Path, foreign: list[Path]) -> Problem:
    named = [path.relative_to(root).as_posix() for path in foreign[:3]]
    more = "…" if len(foreign) > len(named) else ""
    return Problem(
        "RUN072",
        Place(str(root)),
        f"演示文件夹是别的版本做的, 要重做; 但其中有不是演示写的东西, 没有删除: {'、'.join(named)}{more}",
        f"the demo's folder is of another version and has to be made anew, but it holds what the demo did not write, so nothing was removed: {', '.join(named)}{more}",
        "把这些移到别处再运行 make demo, 或换一个文件夹: GUANHU_DEMO=DIR make demo",
        "move these elsewhere and run make demo again, or use another folder: GUANHU_DEMO=DIR make demo",
    )
