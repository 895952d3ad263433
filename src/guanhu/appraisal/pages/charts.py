"""Small bar charts as SVG of our own: figures of several periods, with every value written out.

    value labels      1.2万  …        one bar for each period; a period without a figure is an open box
    bars              ▇  ▅  ▁         zero is a line; what is negative hangs below it
    period labels     1月 2月 …

One dark colour on white, and shapes instead of a second colour, so that nothing depends on seeing
colours. The numbers stand in a table beside the chart as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from html import escape

from guanhu.values.exact import money_shown, round_half_away, shown

WIDTH, HEIGHT = 720, 170
_TOP, _BOTTOM, _LEFT, _RIGHT = 44, 26, 8, 8
_INK, _QUIET, _DEEP, _HAIR = "#1c2430", "#5b6675", "#1b4f72", "#d5dae1"
_WAN = 10_000
_YI = 100_000_000


def bars(title: str, labels: Sequence[str], values: Sequence[Fraction | None], *, is_money: bool) -> str:
    """Return an SVG of one bar for each label; None is unknown and drawn as an open box."""
    known = [v for v in values if v is not None]
    high = max([*known, Fraction(0)])
    low = min([*known, Fraction(0)])
    reach = high - low or Fraction(1)
    # What hangs below zero needs room for its label above those of the periods.
    room = HEIGHT - _TOP - _BOTTOM - (14 if low < 0 else 0)
    zero = _TOP + high * room / reach
    step = Fraction(WIDTH - _LEFT - _RIGHT, max(len(values), 1))
    width = min(step * 6 / 10, Fraction(46))
    parts = [_text(_LEFT, 14, title, size=12, colour=_INK, anchor="start")]
    parts.append(_line(_LEFT, zero, WIDTH - _RIGHT, zero))
    for index, (label, value) in enumerate(zip(labels, values, strict=True)):
        middle = _LEFT + step * index + step / 2
        parts.append(_text(middle, HEIGHT - 8, label, size=10, colour=_QUIET))
        left = middle - width / 2
        if value is None:
            parts.append(_box(left, zero - 22, width, Fraction(22), 'fill="none" stroke-dasharray="3 2"'))
            parts.append(_text(middle, zero - 27, "未知", size=10, colour=_INK))
            continue
        tall = abs(value) * room / reach
        top = zero - tall if value >= 0 else zero
        parts.append(_box(left, top, width, tall, f'fill="{_DEEP}"'))
        above = top - 5 if value >= 0 else zero + tall + 12
        parts.append(_text(middle, above, short(value, is_money=is_money), size=10, colour=_INK))
    said = escape(in_words(title, labels, values, is_money=is_money))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}" '
        f'font-family="Noto Sans SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, sans-serif" '
        # A variable font inside a drawing is set in its thinnest cut unless the axis itself is named.
        f"style=\"font-variation-settings:'wght' 400\">"
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def in_words(title: str, labels: Sequence[str], values: Sequence[Fraction | None], *, is_money: bool) -> str:
    """Return the chart as a sentence, for those who do not see it.

    >>> in_words("得分", ["一季", "二季"], [Fraction(60), None], is_money=False)
    '得分: 一季 60, 二季 未知'
    """
    said = (
        f"{label} {'未知' if value is None else _full(value, is_money=is_money)}"
        for label, value in zip(labels, values, strict=True)
    )
    return f"{title}: {', '.join(said)}"


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
