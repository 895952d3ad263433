"""How a text file is encoded, and the same text in UTF-8.

A byte order mark decides. Else it is UTF-8 or GB18030, whichever makes known headings of the first line;
when both do (plain ASCII headings), UTF-8 if the whole file is, else GB18030. After that a line of the
other encoding is told, never replaced: read wrongly, 王 would become another name without a word.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

UTF8, GB18030 = "UTF-8", "GB18030"
CHUNK = 1 << 22
HEADING_BYTES = 1 << 16
"""How much of a file is looked at to find its heading row."""
_MARKS = ((codecs.BOM_UTF8, UTF8), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
_BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r")
FIRST_THREE_BYTE_SIGN = 0x800
"""From here on UTF-8 takes three bytes: a GB18030 line that decodes to such signs was UTF-8 all along."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a file's bytes shows."""

    sha256: str
    start: bytes
    is_utf8: bool
    has_blank_lines: bool
    size: int


def surveyed(path: Path) -> Survey:
    """Return what one pass over the bytes shows."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    start, tail, size, is_utf8, has_blank = b"", b"", 0, True, False
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            start = start or chunk[:HEADING_BYTES]
            size += len(chunk)
            digest.update(chunk)
            if is_utf8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    is_utf8 = False
            if not has_blank:
                seam = tail + chunk[:2]
                has_blank = any(each in chunk or each in seam for each in _BLANK_LINES)
            tail = chunk[-2:]
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    return Survey(digest.hexdigest(), start, is_utf8, has_blank, size)


def encoding_of(survey: Survey, known: Callable[[str], int]) -> tuple[str, str]:
    """Return the encoding and the decoded beginning; `known` counts known headings in a text's first line."""
    for mark, encoding in _MARKS:
        if survey.start.startswith(mark):
            return encoding, survey.start.decode(encoding, errors="ignore").removeprefix("\ufeff")
    texts = {}
    line = survey.start.split(b"\n", 1)[0]
    for encoding in (UTF8, GB18030):
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            continue
        texts[encoding] = survey.start.decode(encoding, errors="ignore")
    if not texts:
        return UTF8, survey.start.decode("latin-1")
    best = max(known(text) for text in texts.values())
    fitting = [encoding for encoding, text in texts.items() if known(text) == best]
    chosen = fitting[0] if survey.is_utf8 or len(fitting) == 1 else fitting[-1]
    return chosen, texts[chosen]


def transcoded(path: Path, encoding: str, target: Path) -> list[tuple[int, str]]:
    """Write the text of `path` as UTF-8 to `target`; return (line, beginning) of lines that do not decode.

    A line that does not decode is left empty in `target`, so that lines keep their numbers.
    """
    bad: list[tuple[int, str]] = []
    with target.open("wb") as out:
        line_no = 1
        for block in _blocks(path, encoding):
            if isinstance(block, str):
                out.write(block.encode("utf-8"))
                continue
            sound = _sound(block, encoding)
            if sound is not None:
                out.write(sound.encode("utf-8"))
                line_no += block.count(b"\n")
                continue
            for line in block.splitlines(keepends=True):
                text = _line(line, encoding)
                if text is None:
                    bad.append((line_no, line[:40].decode("ascii", errors="backslashreplace").strip()))
                out.write((text or "\n").encode("utf-8"))
                line_no += 1
    return bad


def _blocks(path: Path, encoding: str) -> Iterator[str | bytes]:
    """Yield the file in blocks: whole lines as bytes, or text where lines cannot be cut in bytes (UTF-16)."""
    if encoding == "UTF-16":
        with path.open("r", encoding="utf-16", newline="") as text:
            while part := text.read(CHUNK):
                yield part
        return
    with path.open("rb") as stream:
        left = b""
        while chunk := stream.read(CHUNK):
            whole, newline, left = (left + chunk).rpartition(b"\n")
            if newline:
                yield whole + newline
        if left:
            yield left


def _sound(block: bytes, encoding: str) -> str | None:
    """Return the text of a block of whole lines, or None when one of them may be of another encoding."""
    if block.isascii():
        return block.decode("ascii")
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError:
        return None
    if encoding == GB18030 and any(_line(line, encoding) is None for line in block.splitlines()):
        return None
    return text


def _line(line: bytes, encoding: str) -> str | None:
    """Return the text of one line, or None when it is of another encoding."""
    if line.isascii():
        return line.decode("ascii")
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        return None
    if encoding == GB18030:
        try:
            other = line.decode("utf-8")
        except UnicodeDecodeError:
            return text
        if any(ord(sign) >= FIRST_THREE_BYTE_SIGN for sign in other):
            return None
    return text
