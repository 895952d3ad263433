"""Pieces: from when to when a thing counts for a subject, and with what weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from guanhu.rulebook.explain.facts import PostSpan
from guanhu.rulebook.explain.reads import Question, credit_day, taken
from guanhu.values.dates import FAR_FUTURE, Span


@dataclass(frozen=True, slots=True)
class Piece:
    """A thing counts for the subject with a weight on some days, in one post span."""

    start: date
    end: date
    weight: int
    post: PostSpan | None


def in_spell(piece: Piece, question: Question) -> bool:
    """Tell whether a piece counts for the card: in the own window days without a post are nobody's."""
    measure = question.measure
    is_of_instance = measure.window.is_own or measure.base
    if (is_of_instance or measure.take.over_held) and piece.post is not None and piece.post.post is None:
        return False
    spell = question.spell if is_of_instance else None
    return spell is None or (piece.start < spell.end and piece.end > spell.start)


def of_credit_day(pieces: list[Piece], question: Question) -> Iterator[Piece]:
    """Yield the pieces of the day on which credit is looked up, for the whole window; none of another spell's day."""
    day = credit_day(question)
    spell = question.spell if question.measure.window.is_own else None
    for piece in pieces:
        if day is not None and piece.start <= day < piece.end and (spell is None or day in spell):
            yield Piece(date.min, FAR_FUTURE, piece.weight, piece.post)


def clipped(piece: Piece, span: Span) -> Piece:
    """Return the days of a piece that lie in a span."""
    return Piece(max(piece.start, span.start), min(piece.end, span.end), piece.weight, piece.post)


def as_base(pieces: list[Piece], question: Question) -> Iterator[Piece]:
    """Yield the pieces of a moving baseline: the weight is share × the days taken of the instance's own window."""
    spans, _ = taken(question.measure.take, question.own)
    for piece in pieces:
        days = sum(max((min(piece.end, x.end) - max(piece.start, x.start)).days, 0) for x in spans)
        if days > 0:
            yield Piece(date.min, FAR_FUTURE, piece.weight * days, piece.post)
