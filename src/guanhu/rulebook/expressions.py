"""Typed expressions: the formulas of a rulebook after every check has passed.

Every expression has a unit and a place. Money is in yuan here (an exact
`Fraction`); the whole fen appear where a line is rounded.

A *quotient* (ratio, growth, completion) is exact while it is compared, looked up in brackets or
stepped. Where it is used as a number the checker has put a `Settled` node, which rounds it half away
from zero at 12 places; so a reading never decides that for itself. Division by a constant is not a
quotient: it is exact and is written as a product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from fractions import Fraction
from typing import Any

from guanhu.values.problem import Place
from guanhu.values.units import Unit

NOWHERE = Place("")
"""The place of what stands in no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An expression: `unit` is what its value is counted in, `place` where it stands in the text."""

    unit: Unit
    place: Place

    def children(self) -> Iterator[Expr]:
        """Yield the expressions directly inside this one, in reading order."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Node):
                yield value  # type: ignore[misc]
            elif isinstance(value, tuple):
                for part in value:
                    if isinstance(part, Node):
                        yield part  # type: ignore[misc]
                    elif isinstance(part, tuple):
                        yield from (p for p in part if isinstance(p, Node))  # type: ignore[misc]


@dataclass(frozen=True, slots=True, kw_only=True)
class Const(Node):
    """A number of the text. `text` is how it is written there (`30%`, `800万`)."""

    value: Fraction
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WordConst(Node):
    """A choice of the text (活期, 高级)."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DateConst(Node):
    """A day of the text."""

    value: date


@dataclass(frozen=True, slots=True, kw_only=True)
class YesNoConst(Node):
    """`yes` or `no` of the text."""

    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRef(Node):
    """The figure of a measure for the subject, in the instance's own windows.

    `exact` marks a formula measure that is a quotient: a pair until it is used as a number.
    """

    name: str
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRef(Node):
    """The value of a line, total, check or decision (its condition) in the same instance.

    When the line belongs to a shorter calendar unit a phrase is needed (`OverInstances`). `whole`: in a spell it
    is what all spells come to, as the statement prints it (`whole(line)`).
    """

    name: str
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRef(Node):
    """What the bank supplies under `name` for these keys on the day that the context says."""

    name: str
    keys: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowValue(Node):
    """A column of the row of fact at hand; `table` is '' for the row itself or a joined kind of fact.

    Joined kinds: `account`, `customer`, `loan`, `account_rates`, `institution`; `person` is the
    credited person (post, grade on that day).
    """

    table: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectValue(Node):
    """An attribute of the subject: post, grade, institution_id, area, person_kind, hired_on or left_on."""

    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative(Node):
    """−x."""

    x: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(Node):
    """The sum of several terms."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Node):
    """x × y."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotient(Node):
    """dividend ÷ divisor, kept exact as a pair.

    Undefined where the divisor is 0, or, when `positive` (growth, completion), not above 0; then
    `undefined` is the value if the text gives one, else the figure is unknown.
    """

    dividend: Expr
    divisor: Expr
    positive: bool = False
    undefined: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Node):
    """A quotient used as a number: half away from zero at `places` places."""

    x: Expr
    places: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Node):
    """`round(x, places)` as the text asks for it: half away from zero, `up` or `down` (towards zero)."""

    x: Expr
    places: int
    mode: str = "half"


@dataclass(frozen=True, slots=True, kw_only=True)
class Least(Node):
    """The smallest of several (`min`); unknown when one is unknown."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Most(Node):
    """The largest of several (`max`); unknown when one is unknown."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absolute(Node):
    """The size of x without its sign."""

    x: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Node):
    """How many steps of `size` (a positive constant) are in x.

    `completed` cuts towards zero, `started` goes away from zero, `proportional` keeps the fraction
    (settled at 12 places when x is a quotient).
    """

    x: Expr
    size: Fraction
    size_text: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: the value when the condition holds and no case above it did."""

    when: Expr
    value: Expr
    clause: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases(Node):
    """Cases read top-down. An unknown condition makes the value unknown; `otherwise` None is unknown."""

    cases: tuple[Case, ...]
    otherwise: Expr | None

    def children(self) -> Iterator[Expr]:
        """Yield conditions and values in reading order, then the last value."""
        for case in self.cases:
            yield case.when
            yield case.value
        if self.otherwise is not None:
            yield self.otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Node):
    """A column of the row of `table` that the keys fall in; see `Table.how`.

    `pay` of a marginal or per-piece table: the value is Σ over brackets of the part of the first key
    in the bracket × the column.
    """

    table: str
    column: str
    keys: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstGiven(Node):
    """The first of several that is given; only inputs and figures can be not given, the last is a formula."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Node):
    """Whether an input or figure has been supplied: yes or no, never unknown."""

    x: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class OverInstances(Node):
    """sum, average, highest, lowest, count or last of a shorter line over its instances in this one.

    `line` belongs to the calendar unit `every`. One unknown instance makes it unknown; instances in
    which the subject was not appraised do not count. `count` counts the yes of a condition.
    """

    line: str
    every: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous(Node):
    """The value of a line in the instance before, or `back` instances before; `otherwise` where there was none."""

    line: str
    otherwise: Expr | None
    back: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak(Node):
    """How many instances in a row, this one last, a condition line held for the subject.

    Starts anew when one of `states` changes, or one of `decisions` (which set none) comes true: what it leads
    to, as the checker has found. An unknown instance makes it unknown.
    """

    line: str
    states: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Times(Node):
    """In how many of the last `last` instances, this one included, a condition line held.

    Starts anew like a streak.
    """

    line: str
    last: int
    states: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(Node):
    """What a ledger holds for the subject at the start of the instance: entered, not used, not lapsed."""

    ledger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFigure(Node):
    """What the lots of a ledger come to for a person.

    `waiting` and `paid` are those when the instance begins; in it `released`, `forfeited`, `clawed_back` and
    `recovered` (the part of what was clawed back that had been paid): these
    stand in the card in force at the end, and are 0 in the cards before.
    """

    ledger: str
    what: str

    @property
    def is_at_start(self) -> bool:
        """Tell whether it is known when the instance begins: the same in each of the person's cards."""
        return self.what in ("waiting", "paid")


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Node):
    """What a decision has set and is in force at the start of the instance (a choice or figure)."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Node):
    """A figure of the others: `sum`, `average`, `count`, `highest`, `lowest`, `rank` of `of` among a group.

    `by` narrows to those with the same attribute (institution_id, grade, post …). `self_in` tells
    whether the subject itself belongs. `rank` 1 is the highest (`lowest first` turns it); equals share
    the better rank. Fewer than `least_size` known members, or any unknown member, make it unknown.
    `average` is rounded at 9 places (12 for each quotient). `below`: among the institutions directly below the
    subject at the end of the instance; what is gathered may then be the line that asks. `on` is the day of the
    instance on which a member belongs to the group: `start`, `end`, or '' for any day.
    """

    how: str
    of: Expr
    among: str
    by: tuple[str, ...]
    self_in: bool
    least_size: int
    lowest_first: bool
    below: bool = False
    on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool(Node):
    """A subject's part of `amount`, which its group shares out by the line `of`, to the last fen.

    The amount is taken to the fen. Each part is amount × of ÷ Σ of, cut to the fen; what is left goes, a fen each,
    to the largest remainders, ties to the smaller subject id; so the parts sum to the amount. A negative amount is
    shared as its size is. One part for each subject: `of` is its figure over all its spells, the part stands in
    the card in force at the end, and 0 in the cards before. Unknown where an amount or a figure of a member is,
    where a figure is below 0 or all are 0, and where the members name different amounts.
    """

    amount: Expr
    of: LineRef
    among: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare(Node):
    """x op y with op one of < <= = <> >= >; on quotients without dividing."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class In(Node):
    """Whether a choice is one of several."""

    x: Expr
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class And(Node):
    """All of several; unknown and no is no."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Or(Node):
    """Any of several; unknown and yes is yes."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Node):
    """No for yes, yes for no, unknown for unknown."""

    x: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTrue(Node):
    """How many of several conditions hold; unknown when one is unknown."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatePart(Node):
    """year, month or day of a date."""

    part: str
    x: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Between(Node):
    """`days` or whole `months` from one date to another (the last day not counted)."""

    what: str
    first: Expr
    last: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceValue(Node):
    """A figure of the instance itself: `period_days`, `period_start`, `period_end`, `spell_days`.

    `own_days`, the days of all spells of a person, is written by the checker alone.
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDays(Node):
    """An amount of the whole instance in a spell: x × `part` ÷ `of`. The checker puts it; no text writes it.

    `of` is the days of the instance, or those of the person's own spells in it: that is a quotient.
    """

    x: Expr
    part: InstanceValue
    of: InstanceValue


Expr = (
    Const
    | WordConst
    | DateConst
    | YesNoConst
    | MeasureRef
    | LineRef
    | InputRef
    | RowValue
    | SubjectValue
    | Negative
    | Sum
    | Product
    | Quotient
    | Settled
    | Round
    | Least
    | Most
    | Absolute
    | Steps
    | Cases
    | Lookup
    | FirstGiven
    | Given
    | OverInstances
    | Previous
    | Streak
    | Times
    | Balance
    | LotFigure
    | State
    | Group
    | Pool
    | Compare
    | In
    | And
    | Or
    | Not
    | CountTrue
    | DatePart
    | Between
    | InstanceValue
    | ByDays
)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield the expression and all expressions inside it, outermost first."""
    yield expr
    for child in expr.children():
        yield from walk(child)


def with_parts(expr: Expr, rule: Callable[[Expr], Expr]) -> Expr:
    """Return the expression with `rule` applied to each expression directly inside it; itself where nothing is changed."""
    old = {item.name: getattr(expr, item.name) for item in fields(expr)}
    new = {name: _with_part(value, rule) for name, value in old.items()}
    return expr if all(new[name] is old[name] for name in old) else replace(expr, **new)


def _with_part(value: Any, rule: Callable[[Expr], Expr]) -> Any:
    if isinstance(value, Node):
        return rule(value)  # type: ignore[arg-type]
    if isinstance(value, Case):
        return replace(value, when=rule(value.when), value=rule(value.value))
    if isinstance(value, tuple):
        new = tuple(_with_part(part, rule) for part in value)
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return value
