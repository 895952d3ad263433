"""A rulebook of one ledger whose lots are rated again in the last month of each quarter, and what is told of them."""

from __future__ import annotations

from guanhu.rulebook.lots import Moved, rating_of
from tests.engines.agreement.fixed import Section, rulebook_text
from tests.engines.agreement.test_lots_per_row import told as told_all

TABLE: Section = {
    "tier_price": {
        "by": ["key"],
        "gives": {"rate": "ratio"},
        "rows": [["1", "1%"], ["2", "2%"], ["3", "3%"]],
    }
}
MONTHS = "2025-01-01..2025-06-30"
MEASURES: Section = {
    "middle": {"from": "fees", "each": "amount * tier_price(2)", "round": "fen per row"},
    "low_price": {"like": "middle", "each": "amount * tier_price(1)"},
    "high_price": {"like": "middle", "each": "amount * tier_price(3)"},
    "nothing": {"like": "middle", "each": "amount * 0%"},
    "others": {"from": "fees", "where": "amount > 1元", "each": "amount * 1%"},
    "mark": {"item": "评分", "scope": "person", "unit": "number"},
}
LINES: Section = {
    "put": {"pay": "middle"},
    "put_low": {"unit": "money", "value": "low_price"},
    "put_high": {"unit": "money", "value": "high_price"},
    "put_none": {"unit": "money", "value": "nothing"},
    "reached": {"unit": "number", "value": "mark"},
    "out": {"pay": "D.released - D.recovered"},
    "rest": {"unit": "money", "value": "D + D.paid"},
    "gone": {"unit": "money", "value": "D.forfeited + D.clawed_back"},
}
AT = [
    {"when": "reached >= 10", "line": "put_high"},
    {"when": "reached < 5", "line": "put_low"},
    {"otherwise": "put"},
]
FEES = [
    ("f1", "2025-01-03", "100.00", ""),
    ("f2", "2025-01-15", "33.33", ""),
    ("f3", "2025-02-10", "50.00", ""),
    ("f4", "2025-03-05", "10.00", ""),
]


def text_of(ledger: dict[str, object], spells: str = "by days", **put: object) -> str:
    """Return the rulebook of one ledger that rates its lots again in the last month of each quarter."""
    lines = {**LINES, "put": put or LINES["put"]}
    own = {
        "defers": "put",
        "per": "row",
        "release": "after 2 months",
        "rerates": "quarter",
        "at": AT,
        **ledger,
    }
    inputs: Section = {
        "back": {"unit": "money", "from": "person", "allowed": "[0, ]"},
        "part": {"unit": "ratio"},
    }
    return rulebook_text(
        "month", spells, lines, measures=MEASURES, inputs=inputs, tables=TABLE, ledgers={"D": own}
    )


def marks(*given: tuple[str, str]) -> list[tuple[str, ...]]:
    """Return the marks of p1 in months."""
    last = {"2025-02": "28", "2025-03": "31"}
    return [("person", "p1", "评分", f"{month}-01", f"{month}-{last[month]}", mark) for month, mark in given]


def told(rows: list[Moved]) -> list[str]:
    """Return movements as `03 raised 2025-01/f1 1.00`, without ratings."""
    return told_all([x for x in rows if not rating_of(x.kind)])


def rated(rows: list[Moved]) -> dict[str, dict[str, int]]:
    """Return the ratings of each lot by line, in fen."""
    found: dict[str, dict[str, int]] = {}
    for x in rows:
        if line := rating_of(x.kind):
            own = found.setdefault(x.lot, {})
            own[line] = own.get(line, 0) + x.fen
    return found
