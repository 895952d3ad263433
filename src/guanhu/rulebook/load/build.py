"""From YAML trees to a checked rulebook: declarations read on demand, so their order does not matter.

A measure, line, table or input is typed when something first needs it; a name met again while it is
being typed is a cycle. Everything wrong is collected; a declaration that fails leaves a mark, so that
those that use it stay silent and the list holds causes, not echoes.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from guanhu.kinds.schema import Kind
from guanhu.rulebook import tree as t
from guanhu.rulebook.load import formula as raw
from guanhu.rulebook.load.fields import COMMON, Reader
from guanhu.rulebook.load.lot_names import lot_figure
from guanhu.rulebook.load.proof_marks import accepted_of
from guanhu.rulebook.load.refusals import Silent, TypeProblem
from guanhu.rulebook.load.scope import DayScope, KeyScope, LineScope, RowScope, Scope
from guanhu.rulebook.load.text import Fields, Text, Tree
from guanhu.rulebook.load.typing import Typer, as_number, is_quotient
from guanhu.rulebook.windows import OWN_DAYS, Window, plural_of, window_of
from guanhu.values import units
from guanhu.values.dates import MONTHS_OF
from guanhu.values.problem import Place, Problem
from guanhu.values.units import Unit, is_choice

Built = TypeVar("Built")
SECTIONS = (
    "words",
    "inputs",
    "tables",
    "measures",
    "lines",
    "checks",
    "decisions",
    "ledgers",
)
_ORDER = {"month": 0, "quarter": 1, "half": 2, "year": 3, "campaign": 4}


def _key_hint(key: str, user: str) -> tuple[str, str]:
    """Return what to do about a key that is not known; a number for each person is a figure, not an input."""
    if key in ("person", "person_id"):
        return (
            f"每人一个数的由银行报送: 在 measures 里写 {user}: {{clause: …, item: {user}, unit: …}}",
            f"a number for each person is supplied: under measures write {user}: {{clause: …, item: {user}, unit: …}}",
        )
    return f"把键写出来: {user}(…)", f"write the key: {user}(…)"


def _ref(name: str, measure: t.AnyMeasure, place: Place) -> t.MeasureRef:
    of_rows = isinstance(measure, t.Measure) and (measure.take.how == "mean" or measure.take.over_held)
    exact = of_rows or (isinstance(measure, t.FormulaMeasure) and is_quotient(measure.expr))
    return t.MeasureRef(name=name, exact=exact, unit=measure.unit, place=place)


class Builder:
    """Holds the raw declarations, what has been built of them, and the problems."""

    def __init__(
        self,
        sections: dict[str, dict[str, Tree]],
        every: str,
        library: dict[str, Tree],
        problems: list[Problem],
        folder: Path | None = None,
    ) -> None:
        """Keep the raw sections; `every` is the rulebook's own calendar unit, `folder` holds its table files."""
        self.folder = folder
        self.table_files: dict[tuple[str, ...], Tree | None] = {}
        self.raw = sections
        self.library = library
        self.every = every
        self.problems = problems
        self.words: dict[str, t.ChoiceSet] = {}
        self.inputs: dict[str, t.Input] = {}
        self.tables: dict[str, t.Table] = {}
        self.measures: dict[str, t.AnyMeasure] = {}
        self.lines: dict[str, t.Line] = {}
        self.decisions: dict[str, t.Decision] = {}
        self.ledgers: dict[str, t.Ledger] = {}
        self.lots: dict[str, t.LotLedger] = {}
        self.groups: dict[str, t.GroupOfSubjects] = {}
        self.events: dict[str, Kind] = {}
        self.states: dict[str, Unit] = {}
        self.state_order: dict[str, tuple[str, ...]] = {}
        self.order: list[str] = []
        self.levels: frozenset[str] = frozenset()
        self._open: list[str] = []
        self.failed: set[str] = set()
        self._used: set[str] = set()

    # -- problems --

    def add(
        self,
        code: str,
        place: Place,
        zh: str,
        en: str,
        hint_zh: str = "",
        hint_en: str = "",
        clause: str = "",
    ) -> None:
        """Add a problem."""
        self.problems.append(Problem(code, place, zh, en, hint_zh, hint_en, clause=clause))

    def clause_of(self, key: str) -> str:
        """Return the clause of a declaration that is being built (`line:pay`), '' where it says none."""
        kind, _, name = key.partition(":")
        sections = {"line": ("lines", "checks")}.get(kind, (f"{kind}s",))
        trees = (self.raw.get(section, {}).get(name) for section in sections)
        clauses = (tree.get("clause") for tree in trees if isinstance(tree, Fields))
        return next((clause.text for clause in clauses if isinstance(clause, Text)), "")

    def on_demand(
        self, key: str, store: dict[str, Built], name: str, place: Place, build: Callable[[], Built]
    ) -> Built:
        """Return what `store` holds under `name`, building it now if needed; raise Silent after a failure."""
        if name in store:
            return store[name]
        if key in self.failed:
            raise Silent(key)
        if key in self._open:
            ring = [k.partition(":")[2] for k in self._open[self._open.index(key) :]] + [name]
            self.failed.update(self._open[self._open.index(key) :])
            self.add(
                "RUL040",
                place,
                f"互相引用成环: {' → '.join(ring)}",
                f"these refer to each other in a ring: {' → '.join(ring)}",
                "引用上一期的值用 previous(…)",
                "to read the instance before, write previous(…)",
            )
            raise Silent(key)
        self._open.append(key)
        before = len(self.problems)
        try:
            built = build()
        except TypeProblem as error:
            clause = self.clause_of(key)
            self.problems.extend(replace(x, clause=x.clause or clause) for x in error.problems)
            self.failed.add(key)
            raise Silent(key) from error
        except Silent:
            self.failed.add(key)
            raise
        finally:
            self._open.pop()
        if any(p.severity == "error" for p in self.problems[before:]):
            self.failed.add(key)
            raise Silent(key)
        store[name] = built
        if key.partition(":")[0] in ("measure", "line", "decision"):
            self.order.append(name)
        return built

    # -- names (the protocol of `typing.Names`) --

    def reference(self, name: str, scope: Scope, place: Place) -> t.Expr | None:
        """Return what a declared name stands for in this scope."""
        if name in self.raw["inputs"]:
            return self.input_ref(name, None, scope, place)
        if isinstance(scope, DayScope):
            return None
        if name in self.raw["tables"] and name not in self.raw["lines"]:
            return self.lookup(name, None, scope, place)
        if name.rpartition(".")[0] in self.raw["tables"]:
            return self.lookup(name, None, scope, place)
        if isinstance(scope, RowScope):
            return self._row_reference(name, scope, place)
        if isinstance(scope, KeyScope):
            return None
        if name in self.raw["lines"] or name in self.raw["checks"] or name in self.raw["decisions"]:
            return self._line_reference(name, scope, place)
        if name in self.raw["measures"] or name in self.library:
            measure = self.measure(name, place)
            self._refuse_per(measure, place)
            return _ref(name, measure, place)
        if (lots := lot_figure(self, name, scope, place)) is not None:
            return lots
        if name in self.raw["ledgers"]:
            return self._balance(name, scope, place)
        self._collect_states()
        if name in self.states and scope.column(name) is None:
            return t.State(name=name, unit=self.states[name], place=place)
        return None

    def _refuse_per(self, measure: t.AnyMeasure, place: Place) -> None:
        if isinstance(measure, t.Measure) and measure.per:
            raise TypeProblem(
                "RUL041",
                place,
                f"{measure.id} 是每个 {measure.per} 的量, 只能用在别的指标的 where 里",
                f"{measure.id} is a figure of each {measure.per}; it belongs in the `where` of other measures",
            )

    def _row_reference(self, name: str, scope: RowScope, place: Place) -> t.Expr | None:
        # The row's own columns come first: a measure called `due` does not hide the `due` of a row.
        if name not in self.raw["measures"] or scope.column(name) is not None:
            return None
        measure = self.measure(name, place)
        if not isinstance(measure, t.Measure) or not measure.per:
            raise TypeProblem(
                "RUL041",
                place,
                f"{name} 是人员的指标, 不能用在单行公式里",
                f"{name} is a figure of a subject; it has no value for one row",
                "给它写 per: account 或 per: customer",
                "give it per: account or per: customer",
            )
        if measure.per not in (*scope.reachable(), scope.kind.name.removesuffix("s")):
            raise TypeProblem(
                "RUL041", place, f"这种事实没有 {measure.per}", f"this kind of fact has no {measure.per}"
            )
        return t.MeasureRef(name=name, unit=measure.unit, place=place)

    def _line_reference(self, name: str, scope: Scope, place: Place) -> t.Expr:
        if isinstance(scope, LineScope) and scope.below:
            # Of the subjects below it may be the very line that asks: `levels` puts them in order.
            return self.line_ref(name, place, past=True)
        found = self.line_ref(name, place)
        own = scope.every if isinstance(scope, LineScope) else ""
        # A line that is still open reads itself, by way of others: building it again tells the ring.
        line = self.decision(name, place) if name in self.raw["decisions"] else self.line(name, place)
        if isinstance(scope, LineScope) and scope.group and line.group != scope.group:
            raise TypeProblem(
                "RUL068",
                place,
                f"{name} 是 {line.group} 的行, 这里是 {scope.group}",
                f"{name} is a line of {line.group}; this is one of {scope.group}",
                f"写明在谁之间: average({name} among {line.group})",
                f"say among whom: average({name} among {line.group})",
            )
        if own and line.every != own and line.every in _ORDER and own in _ORDER:
            raise TypeProblem(
                "RUL042",
                place,
                f"{name} 按{line.every}计算, 这里按{own}计算, 不能直接引用",
                f"{name} is evaluated every {line.every}; this is every {own}",
                f"写成 sum of {name} over its {plural_of(line.every)} 或 average of …",
                f"write sum of {name} over its {plural_of(line.every)}, or average of …",
            )
        return found

    def _balance(self, name: str, scope: LineScope, place: Place) -> t.Expr:
        """Return the balance of a ledger; its lines and the formula that reads it have one calendar."""
        tree = self.raw["ledgers"][name]
        adds = tree.get("adds") if isinstance(tree, Fields) else None
        every = tree.get("every") if isinstance(tree, Fields) else None
        own = every.text if isinstance(every, Text) else self.every
        if not isinstance(adds, Text) or adds.text not in self.raw["lines"]:
            raise Silent(name)
        if scope.every and scope.every != own:
            raise TypeProblem(
                "RUL042",
                place,
                f"账本 {name} 按{own}记, 这里按{scope.every}计算",
                f"ledger {name} is kept every {own}; this is every {scope.every}",
            )
        return t.Balance(ledger=name, unit=self.declared_unit(adds.text), place=place)

    def line_ref(self, name: str, place: Place, *, condition: bool = False, past: bool = False) -> t.LineRef:
        """Return a reference to a line, total, check or decision; `past` when its earlier value is read."""
        if name in self.raw["lines"] or name in self.raw["checks"]:
            # Reading the past (previous) is no cycle, nor is it through others: the unit then comes from the text.
            unbuilt = past and (self.says_unit(name) or name in self.raw["checks"])
            is_open = f"line:{name}" in self._open or unbuilt
            unit = self.declared_unit(name) if is_open else self.line(name, place).unit
        elif name in self.raw["decisions"]:
            unit = units.YES_NO
            if f"decision:{name}" not in self._open:
                self.decision(name, place)
        else:
            near = difflib.get_close_matches(name, [*self.raw["lines"], *self.raw["checks"]], n=1)
            raise TypeProblem(
                "RUL030",
                place,
                f"没有叫 {name} 的行",
                f"no line is called {name}",
                f"是不是 {near[0]}?" if near else "",
                f"did you mean {near[0]}?" if near else "",
            )
        if condition and unit != units.YES_NO:
            raise TypeProblem(
                "RUL032",
                place,
                f"{name} 不是条件",
                f"{name} is not a condition",
                "把条件写成一条 checks",
                "write the condition as one of the checks",
            )
        return t.LineRef(name=name, unit=unit, place=place)

    def declared_unit(self, name: str) -> Unit:
        """Return a line's unit as its keys say, without typing its formula."""
        if name in self.raw["checks"]:
            return units.YES_NO
        tree = self.raw["lines"][name]
        fields = tree.fields if isinstance(tree, Fields) else {}
        if "unit" in fields and isinstance(fields["unit"][1], Text):
            return units.unit_named(fields["unit"][1].text) or units.NUMBER
        return units.MONEY if "pay" in fields else units.POINTS if "score" in fields else units.NUMBER

    def says_unit(self, name: str) -> bool:
        """Tell whether a line's own keys say its unit."""
        tree = self.raw["lines"].get(name)
        return isinstance(tree, Fields) and not {"unit", "pay", "score"}.isdisjoint(tree.fields)

    def input_keys(self, name: str) -> Sequence[Unit] | None:
        """Return the units of an input's keys."""
        if name not in self.raw["inputs"]:
            return None
        return [units.choice(key.rpartition(".")[2]) for key in self.input(name, Place("")).by]

    def input_ref(
        self, name: str, keys: Sequence[t.Expr] | None, scope: Scope, place: Place
    ) -> t.Expr | None:
        """Return a reference to an input, its keys taken from the scope when none are written."""
        declared = self.input(name, place)
        if keys is None:
            keys = [self.key_in(key, scope, place, name) for key in declared.by]
        return t.InputRef(name=name, keys=tuple(keys), unit=declared.unit, place=place)

    def key_in(self, key: str, scope: Scope, place: Place, user: str) -> t.Expr:
        """Return the value in `scope` that a key attribute names."""
        found = Typer(self, scope).column(raw.Name(key, place))
        if found is None and isinstance(scope, RowScope) and scope.column(f"person.{key}") is not None:
            found = Typer(self, scope).column(raw.Name(f"person.{key}", place))
        if found is None:
            declared = self.reference(key, scope, place)
            if declared is not None:
                return declared
            raise TypeProblem(
                "RUL043",
                place,
                f"{user} 要按 {key} 查, 这里没有 {key}",
                f"{user} is looked up by {key}, which is not known here",
                *_key_hint(key, user),
            )
        return found

    def lookup(self, name: str, keys: Sequence[raw.Raw] | None, scope: Scope, place: Place) -> t.Expr | None:
        """Return a look-up in a table: `table`, `table.column`, `table(x)`."""
        from guanhu.rulebook.load.build_tables import build_lookup  # noqa: PLC0415 - builder and tables need each other

        return build_lookup(self, name, keys, scope, place)

    def windowed(self, name: str, words: str, scope: Scope, place: Place) -> t.Expr:
        """Return a measure in another window: it becomes a measure of its own, `name over words`."""
        base = words.startswith("base of ")
        window = window_of(words.removeprefix("base of "))
        if window is None:
            raise TypeProblem(
                "RUL044",
                place,
                f"看不懂时间窗 {words}",
                f"the window {words} is not one",
                "例如 last year、last year end、to date、last 3 months",
                "such as last year, last year end, to date, last 3 months",
            )
        if name not in self.raw["measures"] and name not in self.library:
            raise TypeProblem("RUL030", place, f"没有叫 {name} 的指标", f"no measure is called {name}")
        if isinstance(scope, RowScope):
            raise TypeProblem(
                "RUL041",
                place,
                "单行公式里不能换时间窗",
                "a window cannot be changed in a formula over one row",
            )
        full = f"{name} over {words}"
        measure = self.on_demand(
            f"measure:{full}",
            self.measures,
            full,
            place,
            lambda: self._rewindowed(name, full, window, base, place),
        )
        return _ref(full, measure, place)

    def _rewindowed(self, name: str, full: str, window: Window, base: bool, place: Place) -> t.AnyMeasure:
        from guanhu.rulebook.load.build_measures import rewindowed  # noqa: PLC0415 - builder and measures need each other

        return rewindowed(self, self.measure(name, place), full, window, base, place)

    def by_own_days(self, ref: t.MeasureRef, marked: Callable[[t.Expr], t.Expr]) -> t.MeasureRef:
        """Return what a line of money reads of a formula measure in a spell: `name over own days` where that differs."""
        measure = self.measures.get(ref.name)
        expr = marked(measure.expr) if isinstance(measure, t.FormulaMeasure) else None
        if not isinstance(measure, t.FormulaMeasure) or expr is None or expr == measure.expr:
            return ref
        full = f"{ref.name} over {OWN_DAYS}"
        path = f"{measure.path}@{OWN_DAYS}"
        in_spell = replace(measure, id=full, path=path, expr=expr)
        return _ref(
            full,
            self.on_demand(f"measure:{full}", self.measures, full, ref.place, lambda: in_spell),
            ref.place,
        )

    def over_instances(self, how: str, name: str, words: str, scope: Scope, place: Place) -> t.Expr:
        """Return `sum of line over its months`."""
        line = self.line_ref(name, place)
        every = self.lines[name].every if name in self.lines else self.decisions[name].every
        if words not in (f"its {plural_of(every)}", f"its {every}s", f"its {every}"):
            raise TypeProblem(
                "RUL042",
                place,
                f"{name} 按{every}计算, 应写 over its {plural_of(every)}",
                f"{name} is evaluated every {every}: write over its {plural_of(every)}",
            )
        own = scope.every if isinstance(scope, LineScope) else ""
        if own and _ORDER.get(own, 0) <= _ORDER.get(every, 0):
            raise TypeProblem(
                "RUL042", place, f"{name} 的周期不比这里短", f"{name} is not evaluated more often than this"
            )
        if how == "count" and line.unit != units.YES_NO:
            raise TypeProblem(
                "RUL032", place, "count of 只能数条件成立的次数", "count of counts how often a condition held"
            )
        unit = units.COUNT if how == "count" else line.unit
        found: t.Expr = t.OverInstances(line=name, every=every, how=how, unit=unit, place=place)
        return as_number(t.Settled(x=found, places=12, unit=unit, place=place)) if how == "average" else found

    def word_set(self, name: str) -> t.ChoiceSet | None:
        """Return a declared set of choices."""
        return self.words.get(name)

    def check_word(self, of: str, word: str, place: Place) -> None:
        """Refuse a choice that no declared set of the attribute holds, when some set of it is declared."""
        known = [w for s in self.words.values() if s.of == of for w in s.choices]
        if word in known:
            return
        near = difflib.get_close_matches(word, known, n=1)
        raise TypeProblem(
            "RUL045",
            place,
            f"{of} 的选项里没有 {word}" + (f" (有: {'、'.join(dict.fromkeys(known))})" if known else ""),
            f"{of} has no choice {word}",
            f"是不是 {near[0]}?" if near else f"在 words 里声明: 名称: {{of: {of}, are: [{word}, …]}}",
            f"did you mean {near[0]}?"
            if near
            else f"declare it under words: name: {{of: {of}, are: [{word}, …]}}",
        )

    def all_names(self, scope: Scope) -> Iterable[str]:
        """Return the names usable here, for a suggestion."""
        for section in ("inputs", "tables", "measures", "lines", "checks", "decisions", "ledgers"):
            yield from self.raw[section]
        yield from self.library
        yield from scope.names()

    def group_exists(self, name: str) -> bool:
        """Tell whether a group of subjects is declared."""
        return name in self.groups

    def subject_of(self, group: str) -> str:
        """Return what a group consists of; '' when there is no such group."""
        return self.groups[group].subject if group in self.groups else ""

    # -- declarations on demand --

    def input(self, name: str, place: Place) -> t.Input:
        """Return an input."""
        from guanhu.rulebook.load.build_small import build_input  # noqa: PLC0415 - builder and parts need each other

        return self.on_demand(f"input:{name}", self.inputs, name, place, lambda: build_input(self, name))

    def measure(self, name: str, place: Place) -> t.AnyMeasure:
        """Return a measure of the rulebook or of the library."""
        from guanhu.rulebook.load.build_measures import build_measure  # noqa: PLC0415 - builder and parts need each other

        return self.on_demand(
            f"measure:{name}", self.measures, name, place, lambda: build_measure(self, name)
        )

    def line(self, name: str, place: Place) -> t.Line:
        """Return a line, total or check."""
        from guanhu.rulebook.load.build_lines import build_check, build_line  # noqa: PLC0415 - builder and parts need each other

        build = build_line if name in self.raw["lines"] else build_check
        return self.on_demand(f"line:{name}", self.lines, name, place, lambda: build(self, name))

    def decision(self, name: str, place: Place) -> t.Decision:
        """Return a decision."""
        from guanhu.rulebook.load.build_lines import build_decision  # noqa: PLC0415 - builder and parts need each other

        return self.on_demand(
            f"decision:{name}", self.decisions, name, place, lambda: build_decision(self, name)
        )

    def _collect_states(self) -> None:
        """Learn the states that decisions set, without typing the decisions."""
        if self.states or not self.raw["decisions"]:
            return
        for tree in self.raw["decisions"].values():
            sets = tree.get("sets") if isinstance(tree, Fields) else None
            for name, value in sets if isinstance(sets, Fields) else ():
                self.states[name] = self.unit_of_state(name, value)

    def unit_of_state(self, name: str, value: Tree) -> Unit:
        """Return what a state is counted in: the unit of the line that it keeps, else its own choices."""
        text = value.text if isinstance(value, Text) else ""
        if text not in self.raw["lines"] or any(s.of == name for s in self.words.values()):
            return units.choice(name)
        return self.declared_unit(text)

    # -- what all declarations share --

    def common(self, reader: Reader, name: str, section: str, *, clause: bool = True) -> dict[str, Any]:
        """Return the fields of `Declaration`; a missing clause is a problem where one is needed."""
        if clause and not reader.has("clause"):
            reader.missing("clause")
        return {
            "id": name,
            "title": reader.text("name", "考核对象" if name == "everyone" else name),
            "clause": reader.text("clause"),
            "place": reader.place,
            "path": f"{section}.{name}",
            "assume": reader.text("assume"),
            "doubt": self._doubt(reader),
            "accepts": accepted_of(reader),
        }

    def _doubt(self, reader: Reader) -> t.Doubt | None:
        tree = reader.tree("doubt")
        if tree is None:
            return None
        inner = Reader(tree, f"{reader.label} 的 doubt", ("name", "says", "other"), self.problems)
        return t.Doubt(
            name=inner.required("name"),
            says=inner.required("says"),
            other=inner.has("other"),
            place=inner.place,
        )

    def reader(self, section: str, name: str, known: Sequence[str], tree: Tree | None = None) -> Reader:
        """Return a reader of one declaration."""
        return Reader(tree or self.raw[section][name], f"{section}.{name}", (*COMMON, *known), self.problems)

    def every_of(self, reader: Reader) -> str:
        """Return the calendar unit of a line or decision."""
        return reader.one_of("every", (*MONTHS_OF, "campaign", "once"), self.every)


__all__ = ["Builder", "Reader", "Silent", "is_choice"]
