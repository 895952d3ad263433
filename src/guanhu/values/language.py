"""The two languages of the program's own words. Names and clauses of a rulebook stay as they are written."""

from __future__ import annotations

ZH, EN = "zh", "en"


def worded(lang: str, zh: str, en: str, **parts: object) -> str:
    """Return a sentence in one of the two languages with its parts put in.

    The parts are said in that language already; they are not templates, so a name may hold braces.

    >>> worded("en", "{x}的绝对值", "the absolute value of {x}", x="{a}")
    'the absolute value of {a}'
    """
    return (zh if lang == ZH else en).format(**parts)
