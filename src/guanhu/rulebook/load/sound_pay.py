"""The guideline on sound pay, as a ledger of lots asks to be held to it.

    sound_pay: {of: 浮动薪酬, when: "post in (支行行长, 风险经理)", least: 40%}

商业银行稳健薪酬监管指引: of the variable pay of senior posts and of posts with major risk impact at least 40 % is
deferred, for three years at least, in equal parts or later heavier. What depends on the person becomes a check of the
rulebook, which lists those of whom less is deferred; what the ledger's own text says is looked at when it is loaded.
"""

from __future__ import annotations

from guanhu.rulebook import tree as t
from guanhu.rulebook.load.fields import Reader
from guanhu.rulebook.load.text import Fields, Text, Tree
from guanhu.values.problem import Place, Problem

LEAST = "40%"
YEARS = 3


def put_checks(sections: dict[str, dict[str, Tree]], problems: list[Problem]) -> None:
    """Add the check of each ledger that asks to be held to the guideline: `<ledger>_sound_pay`."""
    for name, tree in sections["ledgers"].items():
        asked = tree.get("sound_pay") if isinstance(tree, Fields) else None
        if not isinstance(tree, Fields) or asked is None:
            continue
        reader = Reader(asked, f"ledgers.{name}.sound_pay", ("of", "when", "least", "note"), problems)
        of, when, defers = reader.required("of"), reader.required("when"), tree.get("defers")
        if not of or not when or not isinstance(defers, Text):
            continue
        least = reader.text("least", LEAST)
        place = reader.place

        def text(words: str, at: Place = place) -> tuple[Place, Tree]:
            return at, Text(words, at)

        own: dict[str, tuple[Place, Tree]] = {
            key: tree.fields[key] for key in ("clause", "who", "every") if key in tree.fields
        }
        sections["checks"][f"{name}_sound_pay"] = Fields(
            {
                **own,
                "name": text(f"延期支付不足 {least}"),
                "when": text(f"({when}) and {defers.text} < ({of}) * {least}"),
                "says": text(f"稳健薪酬监管指引: 应延期的不到 {least}"),
            },
            place,
        )


def tell_schedule(reader: Reader, release: t.Release) -> None:
    """Warn of a schedule that the guideline does not allow: shorter than three years, or earlier parts heavier."""
    if not reader.has("sound_pay"):
        return
    shares = [share for _, share in release.parts]
    lasts = release.how == "lag" and release.parts[-1][0] >= 12 * YEARS
    if lasts and shares == sorted(shares):
        return
    reader.problems.append(
        Problem(
            "RUL134",
            reader.place_of("release"),
            f"{reader.label} 的 release 不合稳健薪酬监管指引: 延期要满 {YEARS} 年, 分期等额或者后期更多",
            f"release of {reader.label} is not what the guideline on sound pay asks: {YEARS} years at least, in equal parts or later heavier",
            "写 in 3 equal parts every 12 months",
            "write in 3 equal parts every 12 months",
            clause=reader.text("clause"),
            severity="warning",
        )
    )
