"""Single words of phrases in English; the Chinese ones stand in `sentence`."""

from __future__ import annotations

from guanhu.kinds.catalogue import CATALOGUE
from guanhu.kinds.schema import Kind

UNIT = {
    "month": "month",
    "quarter": "quarter",
    "half": "half-year",
    "year": "year",
    "campaign": "campaign",
    "once": "instance",
}
OPS = {
    "=": "is",
    "<>": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
}
HOW = {
    "sum": "sum",
    "average": "average",
    "highest": "highest",
    "lowest": "lowest",
    "count": "number",
    "last": "last",
}
GROUP = {
    "sum": "sum",
    "average": "average",
    "highest": "highest",
    "lowest": "lowest",
    "count": "number",
    "rank": "rank",
}
STEPS = {
    "completed": "a part of a step does not count",
    "started": "a part of a step counts as one",
    "proportional": "a part of a step counts in proportion",
}
SUBJECT = {
    "post": "post",
    "grade": "grade",
    "institution_id": "institution",
    "team_id": "team",
    "area": "area",
    "level": "level of institution",
    "person_kind": "kind of person",
    "hired_on": "day of hire",
    "left_on": "day of leaving",
}
INSTANCE = {
    "period_days": "days of the period",
    "spell_days": "days in the post",
    "period_start": "first day of the period",
    "period_end": "last day of the period",
}
TABLES = {
    "account": "account",
    "customer": "customer",
    "loan": "loan",
    "account_rates": "account",
    "institution": "institution",
    "person": "person in charge",
}
LOTS = {
    "waiting": "waiting at the start of the period in",
    "paid": "paid before the period from",
    "released": "paid in the period from",
    "forfeited": "forfeited in the period from",
    "clawed_back": "clawed back in the period from",
    "recovered": "recovered in the period from what was paid from",
}
ROUND = {"half": "rounded", "up": "rounded up", "down": "rounded down"}
ON = {"": "", "start": " there when the period began", "end": " there when the period ended"}
PART = {"year": "year", "month": "month", "day": "day"}


def plain(name: str) -> str:
    """Return a name of the program's own as words.

    >>> plain("account_rates")
    'account rates'
    """
    return name.replace("_", " ")


def kind_text(kind: Kind) -> str:
    """Return the name of a kind of fact; of one that the rulebook declares, the rulebook's."""
    return plain(kind.name) if any(kind.name == each.name for each in CATALOGUE) else kind.zh
