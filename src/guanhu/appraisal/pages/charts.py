"""Small bar charts as SVG of our own: figures of several periods, with every value written out.

    value labels      1.2万  …        one bar for each period; a period without a figure is an open box
    bars              ▇  ▅  ▁         zero is a line; what is negative hangs below it
    period labels     1月 2月 …

One dark colour on white, and shapes instead of a second colour, so that nothing depends on seeing
colours. The numbers stand in a table beside the chart as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape

from guanhu.values.exact import money_shown, round_half_away, shown

WIDTH, HEIGHT = 720, 170
_TOP, _BOTTOM, _SIDE = 44, 26, 8
_INK, _QUIET, _DEEP, _HAIR = "#1c2430", "#5b6675", "#1b4f72", "#d5dae1"
_WAN = 10_000
_YI = 100_000_000


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: a value for each label; None is unknown and drawn as an open box."""

    title: str
    labels: Sequence[str]
    values: Sequence[Fraction | None]
    is_money: bool


def drawn(panels: Sequence[Panel]) -> str:
    """Return an SVG of charts beside each other."""
    width = Fraction(WIDTH, max(len(panels), 1))
    parts = [part for index, panel in enumerate(panels) for part in _panel(panel, width * index, width)]
    said = escape("; ".join(in_words(panel) for panel in panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}" '
        f'font-family="Noto Sans SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, sans-serif" '
        # A variable font inside a drawing is set in its thinnest cut unless the axis itself is named.
        f"style=\"font-variation-settings:'wght' 400\">"
        f"<title>{said}</title>{''.join(parts)}</svg>"
    )


def _panel(panel: Panel, start: Fraction, across: Fraction) -> Iterator[str]:
    known = [v for v in panel.values if v is not None]
    high, low = max([*known, Fraction(0)]), min([*known, Fraction(0)])
    reach = high - low or Fraction(1)
    # What hangs below zero needs room for its label above those of the periods.
    room = HEIGHT - _TOP - _BOTTOM - (14 if low < 0 else 0)
    zero = _TOP + high * room / reach
    left_edge, right_edge = start + _SIDE, start + across - _SIDE
    step = (right_edge - left_edge) / max(len(panel.values), 1)
    width = min(step * 6 / 10, Fraction(46))
    yield _text(left_edge, 14, panel.title, size=12, colour=_INK, anchor="start")
    yield _line(left_edge, zero, right_edge, zero)
    for index, (label, value) in enumerate(zip(panel.labels, panel.values, strict=True)):
        middle = left_edge + step * index + step / 2
        yield _text(middle, HEIGHT - 8, label, size=10, colour=_QUIET)
        left = middle - width / 2
        if value is None:
            yield _box(left, zero - 22, width, Fraction(22), 'fill="none" stroke-dasharray="3 2"')
            yield _text(middle, zero - 27, "未知", size=10, colour=_INK)
            continue
        tall = abs(value) * room / reach
        yield _box(left, zero - tall if value >= 0 else zero, width, tall, f'fill="{_DEEP}"')
        above = zero - tall - 5 if value >= 0 else zero + tall + 12
        yield _text(middle, above, short(value, is_money=panel.is_money), size=10, colour=_INK)


def in_words(panel: Panel) -> str:
    """Return a chart as a sentence, for those who do not see it.

    >>> in_words(Panel("得分", ["一季", "二季"], [Fraction(60), None], is_money=False))
    '得分: 一季 60, 二季 未知'
    """
    said = (
        f"{label} {'未知' if value is None else _full(value, is_money=panel.is_money)}"
        for label, value in zip(panel.labels, panel.values, strict=True)
    )
    return f"{panel.title}: {', '.join(said)}"


def short(value: Fraction, *, is_money: bool) -> str:
    """Return a value short enough to stand above a bar.

    >>> short(Fraction(1234567, 100), is_money=True), short(Fraction(605, 10), is_money=False)
    ('1.23万', '60.5')
    """
    if not is_money:
        return shown(value, 2)
    size = abs(value)
    if size >= _YI:
        return f"{shown(value / _YI, 2)}亿"
    if size >= _WAN:
        return f"{shown(value / _WAN, 2)}万"
    return shown(value, 0)


def _full(value: Fraction, *, is_money: bool) -> str:
    return f"{money_shown(int(round_half_away(value * 100)))} 元" if is_money else shown(value, 2)


def _at(value: Fraction | int) -> str:
    return shown(Fraction(value), 2)


def _text(
    x: Fraction | int, y: Fraction | int, text: str, *, size: int, colour: str, anchor: str = "middle"
) -> str:
    return f'<text x="{_at(x)}" y="{_at(y)}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x: Fraction | int, y: Fraction | int, x2: Fraction | int, y2: Fraction | int) -> str:
    return (
        f'<line x1="{_at(x)}" y1="{_at(y)}" x2="{_at(x2)}" y2="{_at(y2)}" stroke="{_HAIR}" stroke-width="1"/>'
    )


def _box(x: Fraction, y: Fraction, width: Fraction, height: Fraction, style: str) -> str:
    return f'<rect x="{_at(x)}" y="{_at(y)}" width="{_at(width)}" height="{_at(height)}" stroke="{_DEEP}" {style}/>'
