"""What a name means where it stands: the columns that a row, or a subject, offers to a formula."""

from __future__ import annotations

from dataclasses import dataclass, field

from guanhu.kinds.catalogue import ACCOUNT_RATES, ACCOUNTS, CUSTOMERS, INSTITUTIONS, LOANS, POSTS
from guanhu.kinds.schema import Kind
from guanhu.values import units
from guanhu.values.units import Unit

SUBJECT_COLUMNS: dict[str, Unit] = {
    "post": units.choice("post"),
    "grade": units.choice("grade"),
    "institution_id": units.choice("institution_id"),
    "team_id": units.choice("team_id"),
    "area": units.choice("area"),
    "level": units.choice("level"),
    "person_kind": units.choice("person_kind"),
    "hired_on": units.DATE,
    "left_on": units.DATE,
}
"""Attributes of a subject; those of a post are the ones in force on the last day of the instance or spell."""

INSTANCE_COLUMNS: dict[str, Unit] = {
    "period_days": units.DAYS,
    "spell_days": units.DAYS,
    "period_start": units.DATE,
    "period_end": units.DATE,
}

_ALIASES = {"institution": "institution_id", "team": "team_id"}
_PERSON_COLUMNS = ("post", "grade", "institution_id")

JOINS: dict[str, tuple[str, Kind]] = {
    "account": ("account_id", ACCOUNTS),
    "customer": ("customer_id", CUSTOMERS),
    "loan": ("loan_id", LOANS),
}
"""Things a row may belong to: prefix → (the row's column, the kind)."""


@dataclass(frozen=True, slots=True)
class RowScope:
    """Formulas over one row of a kind of fact."""

    kind: Kind

    @property
    def key(self) -> str:
        """Return what tells this scope from others."""
        return self.kind.name

    def column(self, name: str) -> tuple[str, str, Unit] | None:
        """Return (table, column, unit) of a name, dotted or plain, or None.

        A plain name is the row's own column first, then its account's, loan's and customer's.

        >>> from guanhu.kinds.catalogue import BALANCES
        >>> RowScope(BALANCES).column("product")[:2], RowScope(BALANCES).column("account.rate")[:2]
        (('account', 'product'), ('account_rates', 'rate'))
        """
        name = _ALIASES.get(name, name)
        prefix, _, rest = name.rpartition(".")
        if not prefix:
            own = self.kind.column(name)
            if own is not None:
                return "", name, own.unit
            for table in self.reachable():
                found = JOINS[table][1].column(name)
                if found is not None:
                    return table, name, found.unit
            return None
        return self._dotted(prefix, _ALIASES.get(rest, rest))

    def _dotted(self, prefix: str, rest: str) -> tuple[str, str, Unit] | None:
        if prefix == "person" and rest in _PERSON_COLUMNS:
            column = POSTS.column(rest)
            return ("person", rest, column.unit) if column else None
        if prefix == "institution":
            column = INSTITUTIONS.column(rest)
            return ("institution", rest, column.unit) if column else None
        if prefix not in self.reachable():
            return None
        column = JOINS[prefix][1].column(rest)
        if column is not None:
            return prefix, rest, column.unit
        if prefix == "account" and (rate := ACCOUNT_RATES.column(rest)) is not None:
            return "account_rates", rest, rate.unit
        return None

    def reachable(self) -> list[str]:
        """Return the things that a row of this kind belongs to, nearest first."""
        found = [
            name
            for name, (column, kind) in JOINS.items()
            if self.kind.column(column) and kind is not self.kind
        ]
        if ("account" in found or self.kind is ACCOUNTS) and "customer" not in found:
            found.append("customer")
        if ("loan" in found or self.kind is LOANS) and "customer" not in found:
            found.append("customer")
        return found

    def names(self) -> list[str]:
        """Return the names that a formula may use here."""
        own = [c.name for c in self.kind.columns]
        return own + [f"{t}.{c.name}" for t in self.reachable() for c in JOINS[t][1].columns]


@dataclass(frozen=True, slots=True)
class LineScope:
    """Formulas over one subject in one instance of `every`. `every` '' is a measure's own formula."""

    every: str = ""
    group: str = ""
    own: str = ""
    below: bool = False
    extra: dict[str, Unit] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return what tells this scope from others: all subject formulas share their tables."""
        return ""

    def column(self, name: str) -> tuple[str, str, Unit] | None:
        """Return ('subject' or 'instance', column, unit) of a name, or None."""
        name = _ALIASES.get(name, name)
        if name in SUBJECT_COLUMNS:
            return "subject", name, SUBJECT_COLUMNS[name]
        if name in INSTANCE_COLUMNS:
            return "instance", name, INSTANCE_COLUMNS[name]
        return None

    def names(self) -> list[str]:
        """Return the names that a formula may use here."""
        return [*SUBJECT_COLUMNS, *INSTANCE_COLUMNS]


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What an input of the bank may be: formulas over its own keys."""

    owner: str
    keys: tuple[str, ...]
    every: str = ""

    @property
    def key(self) -> str:
        """Return what tells this scope from others."""
        return self.owner

    def column(self, name: str) -> tuple[str, str, Unit] | None:
        """Return ('subject', column, unit) of a key, or None."""
        wanted = _ALIASES.get(name, name)
        for key in self.keys:
            if wanted == _ALIASES.get(key, key):
                return "subject", wanted, units.choice(key.rpartition(".")[2])
        return None

    def names(self) -> list[str]:
        """Return the names that a formula may use here."""
        return list(self.keys)


@dataclass(frozen=True, slots=True)
class DayScope:
    """The condition of a day: `balance` is the subject's total of that day."""

    unit: Unit

    @property
    def key(self) -> str:
        """Return what tells this scope from others."""
        return "day"

    def column(self, name: str) -> tuple[str, str, Unit] | None:
        """Return the total of the day, or None.

        >>> from guanhu.values import units
        >>> DayScope(units.MONEY).column("balance")[:2], DayScope(units.MONEY).column("product")
        (('day', 'total'), None)
        """
        return ("day", "total", self.unit) if name == "balance" else None

    def names(self) -> list[str]:
        """Return the names that a condition may use here."""
        return ["balance"]


Scope = RowScope | LineScope | KeyScope | DayScope
