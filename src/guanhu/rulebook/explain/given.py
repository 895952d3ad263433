"""Figures that are given instead of measured: the leaves of a worked example, and what it leaves out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from fractions import Fraction

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.line import settled
from guanhu.rulebook.explain.reads import rows_in_force
from guanhu.rulebook.explain.scalar import evaluate, number
from guanhu.rulebook.explain.values import GivenNote, LineNote, Traced, Unknown, Value, first_unknown
from guanhu.rulebook.load.formula import Num, Unary, parse_formula
from guanhu.rulebook.windows import plural_of
from guanhu.values import units
from guanhu.values.dates import Span, date_of, period_of
from guanhu.values.exact import round_half_away, truncate
from guanhu.values.problem import Place
from guanhu.values.units import Unit

_ATTRIBUTES = frozenset(
    [
        "post",
        "grade",
        "institution",
        "institution_id",
        "team",
        "team_id",
        "area",
        "level",
        "person_kind",
        "hired_on",
        "left_on",
    ]
)
_GROUPS = frozenset(["rank", "average", "sum", "count", "highest", "lowest", "share", "oddfen"])
LOT_FIGURES = ("waiting", "paid", "released", "forfeited", "clawed_back", "recovered")
_PREVIOUS = re.compile(r"previous\(([^,()]+),(?!\d+back\)).*?(,\d+back)?\)")
_OVER = re.compile(
    r"(?:sum|average|highest|lowest|count|last)of(?P<line>.+)overits(?:month|quarter|half|halve)s"
)


class GivenProblem(Exception):
    """A figure that an example needs and does not give, or gives in a form that cannot be read."""

    def __init__(self, zh: str, en: str, hint_zh: str = "", hint_en: str = "") -> None:
        """Keep the sentence and what to do, Chinese and English."""
        self.zh, self.en, self.hint_zh, self.hint_en = zh, en, hint_zh, hint_en
        super().__init__(en)


def parsed_value(text: str, unit: Unit, place: Place) -> Value:
    """Return the value that text gives in a unit; `unknown` is unknown."""
    words = text.strip()
    if words in ("unknown", "未知"):
        return Unknown("given", "absent")
    if unit == units.YES_NO:
        return {"yes": True, "是": True, "no": False, "否": False}.get(words, Unknown("given", "absent"))
    if unit == units.DATE:
        return date_of(words) or Unknown("given", "absent")
    if units.is_choice(unit):
        return words
    node = parse_formula(words, place)
    if isinstance(node, Num):
        return node.value
    if isinstance(node, Unary) and isinstance(node.x, Num):
        return -node.x.value
    raise GivenProblem(
        f"{text} 不是数",
        f"{text} is not a number",
        "写成 30%、4‰、800万元、0.5, 不知道的写 unknown",
        "write 30%, 4‰, 800万元, 0.5, or unknown",
    )


class Given:
    """Leaves that come from what is given; lines that are not given are evaluated.

    What is needed and not given is unknown for the moment and stands in `missing`, so that all of it can
    be told at once; `asked` are the keys that were looked for.
    """

    def __init__(self, rulebook: t.Rulebook, given: Mapping[str, str]) -> None:
        self.rulebook = rulebook
        self.given = {_plain(key): value for key, value in given.items()}
        self.missing: list[str] = []
        self.asked = {"period"}
        period = period_of(given.get("period", "2025"))
        if period is None:
            raise GivenProblem(
                f"period 应当是一个期间, 写的是 {given['period']}",
                f"period is to be a period; it is {given['period']}",
                "例如 2025Q3、2025-07、2025",
                "for example 2025Q3, 2025-07, 2025",
            )
        self.days: Span = period
        self.cache: dict[str, Traced] = {}

    def line(self, name: str) -> Traced:
        """Return the value of a line, check or decision, bounds and rounding included."""
        if name in self.cache:
            return self.cache[name]
        line = self.rulebook.lines.get(name)
        if line is None:
            decision = self.rulebook.decisions.get(name)
            if decision is None:
                raise self._no_line(name)
            return evaluate(decision.when, self)
        formula = evaluate(line.value, self)
        value: Value = formula.value
        bound = ""
        for node, what in ((line.least, "least"), (line.most, "most")):
            if node is None or not isinstance(value, Fraction):
                continue
            limit = evaluate(node, self).value
            if isinstance(limit, Unknown):
                value = limit
            elif isinstance(limit, Fraction) and (
                (what == "least" and value < limit) or (what == "most" and value > limit)
            ):
                value, bound = limit, what
        if isinstance(value, Fraction):
            if line.for_days:
                value = value * Fraction(self.days.days, line.for_days)
            value = settled(value, line.unit)
        self.cache[name] = Traced(
            line.value, value, (formula,), note=LineNote(name, formula.value, bound, value, formula)
        )
        return self.cache[name]

    def value(self, keys: list[str], unit: Unit, place: Place) -> Value | None:
        """Return what is given under the first of the keys that is, or None."""
        plain = [_plain(key) for key in keys]
        self.asked.update(plain)
        found = next((key for key in plain if key in self.given), None)
        if found is None:
            return None
        if units.is_choice(unit):
            self._check_choice(found, unit.of)
        value = parsed_value(self.given[found], unit, place)
        return Unknown(found, value.why) if isinstance(value, Unknown) else value

    def needed(self, node: t.Expr, *keys: str) -> Traced:
        """Return what is given under one of the keys; what is not is noted as missing."""
        value = self.value(list(keys), node.unit, node.place)
        if value is None:
            self.missing += [keys[0]] if keys[0] not in self.missing else []
            return Traced(node, Unknown("given", "absent"))
        return Traced(node, value, note=GivenNote())

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        """Return a table and its rows in force on the last day."""
        table = self.rulebook.tables[name]
        return table, rows_in_force(table, self.days.last_day)

    def leaf(self, node: t.Expr) -> Traced:
        """Return the value of a leaf of a formula: as given, or evaluated from what is given."""
        match node:
            case t.MeasureRef(name=name):
                measure = self.rulebook.measures[name]
                value = self.value([name, measure.title], node.unit, node.place)
                if value is None and isinstance(measure, t.FormulaMeasure):
                    formula = evaluate(measure.expr, self)
                    return Traced(node, formula.value, (formula,))
                return self.needed(node, name, measure.title)
            case t.LineRef(name=name):
                value = self.value([name], node.unit, node.place)
                if value is not None:
                    return Traced(node, value, note=GivenNote())
                found = self.line(name)
                return Traced(node, found.value, (found,))
            case t.InputRef(name=name):
                keys = tuple(evaluate(key, self) for key in node.keys) if f"{name}" not in self.given else ()
                written = "|".join(str(k.value) for k in keys)
                return self.needed(node, *((f"{name}({written})", name) if keys else (name,)))
            case t.SubjectValue(column=column) | t.RowValue(column=column):
                return self.needed(
                    node, column, {"institution_id": "institution", "team_id": "team"}.get(column, column)
                )
            case t.InstanceValue(name="spell_days" as name):
                days = self.value([name], node.unit, node.place)
                return Traced(node, self._instance(name) if days is None else days)
            case t.InstanceValue(name=name):
                return Traced(node, self._instance(name))
            case t.OverInstances():
                said = f"{node.how} of {node.line} over its "
                return self.needed(node, said + plural_of(node.every), f"{said}{node.every}s")
            case t.Previous(line=name):
                key = f"previous({name})" if node.back == 1 else f"previous({name},{node.back} back)"
                value = self.value([key], node.unit, node.place)
                if value is None and node.otherwise is not None:
                    return evaluate(node.otherwise, self)
                return self.needed(node, key)
            case t.Streak(line=name):
                return self.needed(node, f"streak({name})")
            case t.Times():
                return self.needed(node, f"times({node.line},{node.last})")
            case t.State(name=name) | t.Balance(ledger=name):
                return self.needed(node, name)
            case t.LotFigure(ledger=name, what=what):
                return self.needed(node, *((name,) if what == "waiting" else ()), f"{name}.{what}")
            case t.Group():
                return self.needed(node, *group_keys(node))
            case t.Pool():
                return self.pool(node)
            case _:
                name = type(node).__name__
                raise GivenProblem(f"算例里还不能给出 {name}", f"an example cannot give {name}")

    def pool(self, node: t.Pool) -> Traced:
        """Return a part of a pool: `sum` is what all have together; `odd fen` is 1 where a fen left over came here."""
        parts = (evaluate(node.amount, self), evaluate(node.of, self), self.needed(node.of, "sum"))
        unknown = first_unknown(parts)
        if unknown is not None:
            return Traced(node, unknown, parts)
        amount, own, total = (number(part) for part in parts)
        if own < 0 or total <= 0:
            return Traced(node, Unknown(f"pool.{node.among}", "pool"), parts)
        fen = round_half_away(amount * 100)
        exact = abs(fen) * own / total
        cut = Fraction(truncate(exact))
        odd = self.needed(node, "odd fen") if cut != exact else Traced(node, Fraction(0))
        if not isinstance(odd.value, Fraction):
            return Traced(node, odd.value, parts)
        part = (cut + odd.value) / 100
        return Traced(node, -part if fen < 0 else part, parts)

    def _instance(self, name: str) -> Value:
        found: dict[str, Value] = {
            "period_days": Fraction(self.days.days),
            "spell_days": Fraction(self.days.days),
            "own_days": Fraction(self.days.days),
            "period_start": self.days.start,
        }
        return found.get(name, self.days.last_day)

    def _no_line(self, name: str) -> GivenProblem:
        """Return that nothing that an example could ask for has this name."""
        known = [*self.rulebook.lines, *self.rulebook.decisions]
        if name in self.rulebook.measures:
            return GivenProblem(
                f"{name} 是指标, 不是行: 算例只算行、条件和决定",
                f"{name} is a measure, not a line: an example gives a line, a check or a decision",
                "指标怎样从明细汇总, 看 check 读回的句子, 再用 run 和 explain 对一个人",
                "read back what the measure sums with check, then run and explain one person",
            )
        near = difflib.get_close_matches(name, known, n=1)
        return GivenProblem(
            f"没有叫 {name} 的行",
            f"no line is called {name}",
            f"是不是 {near[0]}?" if near else f"行: {'、'.join(known)}",
            f"did you mean {near[0]}?" if near else f"lines: {', '.join(known)}",
        )

    def _check_choice(self, key: str, of: str) -> None:
        """Refuse a choice that no declared set of the attribute holds, when some set of it is declared."""
        word = self.given[key].strip()
        known = list(dict.fromkeys(w for s in self.rulebook.words.values() if s.of == of for w in s.choices))
        if known and word not in (*known, "unknown", "未知"):
            raise GivenProblem(
                f"{key} 的选项里没有 {word}",
                f"{key} has no choice {word}",
                f"有: {'、'.join(known)}",
                f"there are: {', '.join(known)}",
            )

    def told(self) -> GivenProblem | None:
        """Return what is given and called like nothing of the rulebook, or else what is missing."""
        stray = [key for key in self.given if key not in self.asked and not self._is_called(key)]
        if stray:
            near = difflib.get_close_matches(stray[0], [*self.asked, *self._names()], n=1)
            return GivenProblem(
                f"没有叫 {'、'.join(stray)} 的量",
                f"nothing is called {', '.join(stray)}",
                f"是不是 {near[0]}?" if near else "去掉它, 或检查拼写",
                f"did you mean {near[0]}?" if near else "take it out, or check the spelling",
            )
        if self.missing:
            keys = "、".join(self.missing)
            return GivenProblem(
                f"没有给出 {keys}",
                f"not given: {', '.join(self.missing)}",
                f"逐个给出, 例如 {_as_argument(self.missing[0])}; 不知道的写 unknown",
                f"give each, such as {_as_argument(self.missing[0])}; what is not known is unknown",
            )
        return None

    def _names(self) -> set[str]:
        """Return what the rulebook calls its figures, and what it may ask of a subject."""
        book = self.rulebook
        names = {*book.measures, *book.lines, *book.decisions, *book.inputs, *book.states, *book.ledgers}
        names |= {f"{name}.{what}" for name in book.lots for what in LOT_FIGURES} | {*book.lots}
        names |= {measure.title for measure in book.measures.values()}
        return {_plain(name) for name in names} | _ATTRIBUTES | _GROUPS

    def _is_called(self, key: str) -> bool:
        """Tell whether a key, with or without brackets, names a figure though this line does not need it."""
        name, bracket, inner = key.partition("(")
        if over := _OVER.fullmatch(key):
            return over["line"] in self._names()
        if bracket and name in ("previous", "streak", "times"):
            return re.split(r"[,)]", inner)[0] in self._names()
        return name in self._names()


def _plain(key: str) -> str:
    """Return a key without blanks, as keys are compared; `previous` without what it is where there is none.

    >>> _plain("previous(paid, 0元)"), _plain("previous(paid, 0元, 4 back)")
    ('previous(paid)', 'previous(paid,4back)')
    """
    return _PREVIOUS.sub(r"previous(\1\2)", re.sub(r"\s+", "", key))


def _as_argument(key: str) -> str:
    """Return how a shell is given a key: quoted when a bracket or a blank is in it.

    >>> _as_argument("streak(low)")
    "'streak(low)=…'"
    """
    return f"{key}=…" if key.isidentifier() else f"'{key}=…'"


def group_keys(node: t.Group) -> tuple[str, ...]:
    """Return what a figure of a group may be called: as the formula has it, or shorter.

    The first names no other figure: from the top and from the bottom are two ranks.
    """
    of = node.of.name if isinstance(node.of, t.LineRef) else ""
    by = "".join(f" by {each.removesuffix('_id')}" for each in node.by)
    options = {
        ", self out": not node.self_in,
        ", lowest first": node.lowest_first,
        f", at {node.on}": bool(node.on),
        ", directly below": node.below,
    }
    written = "".join(option for option, is_so in options.items() if is_so)
    names = dict.fromkeys((f"{by}{written}", by, ""))
    full = [f"{node.how}({of} among {node.among}{x})" for x in names] if of else []
    return (*full, f"{node.how}(among {node.among})", node.how)
