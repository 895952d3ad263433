"""What parts of a rulebook say, apart from where they stand: two that say the same have one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

PLACE = ("place",)
_ROOM = __name__.rpartition(".")[0]


def shape(part: Any, left_out: tuple[str, ...] = PLACE, looked_through: tuple[type[Any], ...] = ()) -> object:
    """Return a part of a tree without some of its fields, to be compared.

    Shapes:   in(an expression, a declaration, lists and mappings of such) -> out(nested tuples; leaves as they
              are). Of a node that is `looked_through` only its `x` counts.
    """
    while isinstance(part, looked_through):
        part = part.x

    def inner(other: Any) -> object:
        return shape(other, left_out, looked_through)

    if is_dataclass(part) and type(part).__module__.startswith(_ROOM):
        names = [field.name for field in fields(part) if field.name not in left_out]
        return (type(part).__name__, *(inner(getattr(part, name)) for name in names))
    if isinstance(part, tuple | list):
        return tuple(inner(x) for x in part)
    if isinstance(part, Mapping):
        return tuple((key, inner(value)) for key, value in part.items())
    return part
