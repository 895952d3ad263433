"""A thousand random formulas over rows of nothing, zero, edges and extremes: compiled, and evaluated."""

from __future__ import annotations

import json
import random
from datetime import date
from fractions import Fraction

import duckdb
from sqlglot import exp

from guanhu.rulebook import tree as t
from guanhu.rulebook.explain.scalar import evaluate
from guanhu.rulebook.explain.values import Traced, Unknown, Value
from guanhu.rulebook.load.folder import load_string
from guanhu.rulebook.run import numeric as n
from guanhu.rulebook.run.numeric import Compiled, Day, Num, Pair, TooWide, Word
from guanhu.rulebook.run.scalar import Compiler
from guanhu.rulebook.run.sheet import Sheet
from tests.engines.agreement.rulebooks import CLAUSE, INPUTS, WORDS, Drawer

FORMULAS, ROWS, TOGETHER = 1000, 60, 20
EDGES = (0, 1, -1, 100, 9_999_99, 10_000_00, 10_000_01, 30_000_00, -10_000_00, 33, 10**11, -(10**11) + 1)
MONEY = {
    name: Fraction(1, 100) for name in ("stock", "base", "fees", "floor_pay", "never", "目标", "单位目标")
}
RATIO = {name: Fraction(1, 10**6) for name in ("price", "late_price", "grade_price")}
COUNT = {name: Fraction(1) for name in ("books", "judged")}
NUMBERS = {**MONEY, **RATIO, **COUNT}
CHOICES = {
    "grade": ("初级", "中级", "高级", None),
    "post": ("经理", "行长", None),
    "area": ("城区", "乡镇", None),
}
DAYS = (date(2025, 2, 10), date(2025, 2, 9), date(2024, 2, 29), date(2019, 3, 31), None)
FIXED: dict[str, Value] = {
    "period_days": Fraction(90),
    "period_start": date(2025, 1, 1),
    "period_end": date(2025, 3, 31),
}
Row = dict[str, object]


BY_UNIT = {
    "money": ["stock", "base", "fees"],
    "ratio": ["exact", "averaged"],
    "count": ["books"],
    "number": ["books"],
}


class Names:
    """Measures by unit."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def named(self, unit: str) -> str:
        return self.draw.choice(BY_UNIT[unit])


class ScalarDrawer(Drawer):
    """Draws formulas without a past and without others."""

    def __init__(self) -> None:
        super().__init__(1, EDGES)
        self.measures = Names(self.draw)  # type: ignore[assignment]

    def past(self, unit: str) -> str:
        return {"money": "100元", "points": "8"}[unit]

    def among(self, unit: str) -> str:
        return {"money": "0.01元", "ratio": "7%", "points": "-2"}[unit]

    def plain(self, unit: str) -> dict[str, str]:
        """Return a line that needs nobody else."""
        key = {"money": "pay", "points": "score", "ratio": "value", "check": "value"}[unit]
        maker = {"money": self.money, "points": self.points, "ratio": self.ratio, "check": self.condition}[
            unit
        ]
        while True:
            found = maker(self.draw.choice((1, 2, 3)))
            if " among " not in found:
                return {key: found, "clause": CLAUSE, **({"unit": "ratio"} if unit == "ratio" else {})}


def drawn() -> t.Rulebook:
    """Return a rulebook of as many lines as there are formulas; those that do not fit are left out."""
    drawer = ScalarDrawer()
    lines = {f"x{i}": drawer.plain(drawer.draw.choice(["money", "points", "ratio"])) for i in range(FORMULAS)}
    checks = {
        f"k{i}": {"when": drawer.plain("check")["value"], "clause": CLAUSE} for i in range(FORMULAS // 4)
    }
    measures = {
        name: {"item": name, "unit": unit, "clause": CLAUSE}
        for names, unit in ((("stock", "base", "fees", "目标", "单位目标"), "money"), (("books",), "count"))
        for name in names
    }
    exact = {
        "exact": {"is": "stock / base", "clause": CLAUSE},
        "averaged": {"is": "growth(fees, base)", "undefined": "100%", "clause": CLAUSE},
    }
    parts = {
        "rulebook": "probe",
        "name": "试办法",
        "calendar": {"every": "quarter"},
        "who": {"managers": {"is": "post = 经理", "clause": CLAUSE}},
        "words": WORDS,
        "inputs": {name: {"clause": CLAUSE, **spec} for name, spec in INPUTS.items()},
        "measures": {**measures, **exact},
        "tables": drawer.tables,
    }
    while True:
        everything = {**parts, "lines": lines, "checks": checks}
        text = "\n".join(f"{k}: {json.dumps(v, ensure_ascii=False, indent=1)}" for k, v in everything.items())
        rulebook, problems = load_string(text)
        if rulebook is not None:
            return rulebook
        wrong = [p for p in problems if p.severity == "error"]
        numbered = text.splitlines()
        for problem in wrong:
            _leave_out(problem.place.line, numbered, lines, checks)


def _leave_out(line: int, text: list[str], *sections: dict[str, dict[str, str]]) -> None:
    """Leave out the declaration that holds a line of the text."""
    for number in range(line - 1, 0, -1):
        name = text[number].strip().partition(":")[0].strip('"')
        for section in sections:
            if text[number].startswith(' "') and name in section:
                del section[name]
                return
        if text[number] and not text[number].startswith(" "):
            raise AssertionError(text[line - 1])


def name_of(node: t.Expr) -> str:
    """Return the column that a leaf reads."""
    if isinstance(node, t.SubjectValue):
        return node.column
    if isinstance(node, t.MeasureRef | t.InputRef | t.InstanceValue):
        return node.name
    raise TypeError(type(node).__name__)


class Compiling:
    """Leaves as columns of a table."""

    def __init__(self, rulebook: t.Rulebook) -> None:
        self.rulebook = rulebook
        self.sheet = Sheet(exp.to_table("facts"))
        self.measured: dict[t.Expr, Compiled] = {}
        self.compiler = Compiler(self)

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        table = self.rulebook.tables[name]
        return table, table.versions[-1].rows

    def leaf(self, node: t.Expr) -> Compiled:
        name = name_of(node)
        measure = self.rulebook.measures.get(name)
        if isinstance(measure, t.FormulaMeasure):
            return self.compiler.compile(measure.expr)
        if name in NUMBERS:
            return n.column(name, NUMBERS[name], -(10**11), 10**11)
        if name == "spell_days":
            return n.column(name, Fraction(1), 0, 90)
        if name in CHOICES:
            return Word(exp.column(name, quoted=True))
        if name == "hired_on":
            return Day(exp.column(name, quoted=True))
        fixed = FIXED[name]
        if isinstance(fixed, Fraction):
            return n.constant(fixed)
        return Day(exp.Cast(this=exp.Literal.string(str(fixed)), to=exp.DataType.build("DATE")))


class Evaluating:
    """Leaves as values of a row."""

    def __init__(self, rulebook: t.Rulebook, row: Row) -> None:
        self.rulebook, self.row = rulebook, row

    def table_rows(self, name: str) -> tuple[t.Table, tuple[t.TableRow, ...]]:
        table = self.rulebook.tables[name]
        return table, table.versions[-1].rows

    def leaf(self, node: t.Expr) -> Traced:
        name = name_of(node)
        measure = self.rulebook.measures.get(name)
        if isinstance(measure, t.FormulaMeasure):
            return Traced(node, evaluate(measure.expr, self).value)
        found = FIXED[name] if name in FIXED else self.row[name]
        if found is None:
            return Traced(node, Unknown(name, "absent"))
        if isinstance(found, int):
            return Traced(node, Fraction(found) * NUMBERS.get(name, Fraction(1)))
        return Traced(node, found)  # type: ignore[arg-type]


def made_rows() -> list[Row]:
    draw = random.Random("rows")
    found: list[Row] = []
    for _ in range(ROWS):
        row: Row = {"spell_days": draw.choice((90, 31, 1))}
        for name in MONEY:
            row[name] = draw.choice((None, 0, *EDGES, draw.randint(-(10**9), 10**9)))
        for name in RATIO:
            row[name] = draw.choice((None, 0, 1, 300_000, 1_000_000, -50_000, draw.randint(0, 10**6)))
        for name in COUNT:
            row[name] = draw.choice((None, 0, 1, 2, 3, 5))
        row |= {name: draw.choice(choices) for name, choices in CHOICES.items()}
        row["hired_on"] = draw.choice(DAYS)
        found.append(row)
    return found


def table_of(rows: list[Row]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    types = dict.fromkeys((*NUMBERS, "spell_days"), "BIGINT") | dict.fromkeys(CHOICES, "VARCHAR")
    types["hired_on"] = "DATE"
    columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    connection.execute(f"CREATE TABLE facts (row_no INTEGER, {columns})")
    holes = ", ".join("?" * (len(types) + 1))
    values = [[i, *(row[name] for name in types)] for i, row in enumerate(rows)]
    connection.executemany(f"INSERT INTO facts VALUES ({holes})", values)
    return connection


def known(value: object, meaning: Compiled) -> object:
    """Return a cell of the engine in its unit."""
    if value is None:
        return None
    return Fraction(int(str(value))) * meaning.scale if isinstance(meaning, Num) else value


def read(cells: tuple[object, ...], meaning: Compiled) -> object:
    if isinstance(meaning, Pair):
        above, below = known(cells[0], meaning.dividend), known(cells[1], meaning.divisor)
        return (
            above / below if isinstance(above, Fraction) and isinstance(below, Fraction) and below else None
        )
    return known(cells[0], meaning)


def columns_of(meaning: Compiled) -> list[exp.Expr]:
    if isinstance(meaning, Pair):
        return [meaning.dividend.sql, meaning.divisor.sql]
    return [meaning.sql]


def test_compiled_formulas_give_what_the_evaluator_gives() -> None:
    rulebook, rows = drawn(), made_rows()
    connection = table_of(rows)
    lines = list(rulebook.lines.values())
    wide = figures = unknown = 0
    for start in range(0, len(lines), TOGETHER):
        env = Compiling(rulebook)
        meanings: dict[str, Compiled] = {}
        for line in lines[start : start + TOGETHER]:
            try:
                meanings[line.id] = env.compiler.compile(line.value)
            except TooWide:
                wide += 1
        cells = [
            exp.alias_(sql, f"c{i}")
            for i, sql in enumerate(s for m in meanings.values() for s in columns_of(m))
        ]
        query = env.sheet.select([exp.column("row_no"), *cells]).sql(dialect="duckdb")
        for row_no, *values in connection.execute(query).fetchall():
            place = 0
            for name, meaning in meanings.items():
                width = len(columns_of(meaning))
                seen = read(tuple(values[place : place + width]), meaning)
                place += width
                line = rulebook.lines[name]
                told = evaluate(line.value, Evaluating(rulebook, rows[row_no])).value
                told = None if isinstance(told, Unknown) else told
                assert seen == told, (name, line.place, rows[row_no])
                figures, unknown = figures + 1, unknown + (told is None)
    print(f"{figures} figures compared, {unknown} unknown, {wide} formulas too wide")
    assert figures > 40_000
    assert wide < len(lines) / 5
    assert unknown < figures * 0.6
