"""Formula text to a raw syntax tree, with the column of everything.

A small precedence parser of our own: every refusal names the text that was seen and the text to write
instead, which is what an officer at a spreadsheet needs. Full-width punctuation is read as its
ordinary form, character by character, so that columns stay right.

    or  <  and  <  not  <  = <> < <= > >= in  <  + -  <  * /  <  unary -  <  call, phrase, number, name
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from guanhu.values.dates import date_of
from guanhu.values.problem import Place, Problem


@dataclass(frozen=True, slots=True)
class Num:
    """A number as written. `unit` is money, ratio or '' (plain)."""

    value: Fraction
    unit: str
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Str:
    """Quoted text: a choice."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Day:
    """A date."""

    day: date
    place: Place


@dataclass(frozen=True, slots=True)
class Name:
    """A name: of a measure, line, input, table, column, or a choice."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Call:
    """name(arg, …). `among` and `by` belong to group functions; words after a comma are `options`."""

    name: str
    args: tuple[Raw, ...]
    place: Place
    among: str = ""
    by: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """left op right."""

    op: str
    left: Raw
    right: Raw
    place: Place


@dataclass(frozen=True, slots=True)
class Unary:
    """- x or not x."""

    op: str
    x: Raw
    place: Place


@dataclass(frozen=True, slots=True)
class Within:
    """x in (a, b) or x in set; `negated` for `not in`."""

    x: Raw
    items: tuple[Raw, ...]
    negated: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Over:
    """`name over <window>`: a measure in another window; or `sum of name over its months`."""

    how: str
    name: str
    words: str
    place: Place


Raw = Num | Str | Day | Name | Call | Binary | Unary | Within | Over

_WIDE = str.maketrans(
    "０１２３４５６７８９（），．；：＋－＊／＝＜＞％【】“”‘’、×÷≥≤≠－",
    "0123456789(),.;:+-*/=<>%[]\"\"'',*/≥≤≠-",
)
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9]))
  | (?P<number>[0-9][0-9_]*(?:\.[0-9]+)?(?P<suffix>\s?(?:%|‰|万亿元|万亿|亿元|亿|百万元|百万|万元|万|元))?)
  | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
  | (?P<string>'[^']*'|"[^"]*")
  | (?P<op><=|>=|<>|!=|==|≥|≤|≠|[-+*/=<>(),|])
    """,
    re.VERBOSE,
)
_SUFFIX: dict[str, tuple[Fraction, str]] = {
    "": (Fraction(1), ""),
    "%": (Fraction(1, 100), "ratio"),
    "‰": (Fraction(1, 1000), "ratio"),
    "元": (Fraction(1), "money"),
    "万": (Fraction(10**4), "big"),
    "万元": (Fraction(10**4), "money"),
    "百万": (Fraction(10**6), "big"),
    "百万元": (Fraction(10**6), "money"),
    "亿": (Fraction(10**8), "big"),
    "亿元": (Fraction(10**8), "money"),
    "万亿": (Fraction(10**12), "big"),
    "万亿元": (Fraction(10**12), "money"),
}
_OPS = {"≥": ">=", "≤": "<=", "≠": "<>", "!=": "<>", "==": "="}
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_WORDS = {"且": "and", "或": "or", "非": "not", "属于": "in"}
_RESERVED = frozenset({"and", "or", "not", "in", "over", "among", "by", "of"})
_OVER_HOW = frozenset({"sum", "average", "highest", "lowest", "count", "last"})
_NUMERALS = frozenset("一二三四五六七八九十百千")


LENGTH_MAX, DEPTH_MAX, DIGITS_MAX = 4000, 50, 30
"""What a formula may be: a reader of the regulation could follow no longer one."""


def _depth(text: str) -> int:
    """Return how deep brackets and signs of one operand go at most."""
    deepest = depth = signs = 0
    for word in re.findall(r"\(|\)|-|\bnot\b|[^\s()-]+", text.translate(_WIDE)):
        depth += {"(": 1, ")": -1}.get(word, 0)
        signs = signs + 1 if word in ("-", "not") else 0
        deepest = max(deepest, depth + signs)
    return deepest


class FormulaError(Exception):
    """A formula that does not parse; carries the one problem."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem."""
        self.problem = problem
        super().__init__(problem.text("en"))


def _fail(place: Place, zh: str, en: str, hint_zh: str = "", hint_en: str = "") -> FormulaError:
    return FormulaError(Problem("RUL020", place, zh, en, hint_zh, hint_en))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: Place
    value: Fraction = Fraction(0)
    unit: str = ""


def _tokens(text: str, at: Place) -> list[_Token]:
    plain = text.translate(_WIDE)
    found: list[_Token] = []
    position = 0
    while position < len(plain):
        place = _place(plain, position, at)
        match = _TOKEN.match(plain, position)
        if match is None:
            raise _unknown_character(plain[position], place)
        kind = match.lastgroup if match.lastgroup != "suffix" else "number"
        word = match[0]
        position = match.end()
        if kind == "number":
            found.append(_number(match, place, plain, position))
        elif kind == "name":
            found.append(_Token("name", _WORDS.get(word, word), place))
        elif kind == "op":
            found.append(_Token("op", _OPS.get(word, word), place))
        elif kind != "space":
            found.append(_Token(str(kind), word, place))
    end = at if at.is_cell else Place(at.file, at.line, at.column + len(plain))
    found.append(_Token("end", "", end))
    return found


def _place(plain: str, position: int, at: Place) -> Place:
    """Return the place of a character of a formula that begins at `at`; in a cell, that of the cell."""
    if at.is_cell:
        return at
    line_start = plain.rfind("\n", 0, position) + 1
    column = position - line_start + (at.column if line_start == 0 else 1)
    return Place(at.file, at.line + plain.count("\n", 0, position), column)


def _unknown_character(character: str, place: Place) -> FormulaError:
    if character in "—–~～至":
        return _fail(
            place,
            f"公式里有 {character}",
            f"the formula holds {character}",
            "区间写成 [5%, 10%] 放在表格里;减号写成 -",
            "write a range as [5%, 10%] in a table; a minus sign is -",
        )
    return _fail(
        place,
        f"公式里有不认识的字符 {character}",
        f"the formula holds {character}, which has no meaning here",
    )


def _number(match: re.Match[str], place: Place, plain: str, end: int) -> _Token:
    suffix = (match["suffix"] or "").strip()
    digits = match["number"].removesuffix(match["suffix"] or "").replace("_", "")
    if len(digits) > DIGITS_MAX:
        raise _fail(
            place,
            f"这个数有 {len(digits)} 位",
            f"this number has {len(digits)} digits",
            "检查是否多写了",
            "check it",
        )
    factor, unit = _SUFFIX[suffix]
    following = plain[end : end + 1]
    if following and (following.isalpha() or following in _NUMERALS):
        raise _fail(
            place,
            f"数字 {match[0]} 后面紧跟着 {following}",
            f"{following} stands right after the number {match[0]}",
            f"单位由所在的项目决定,只写 {digits}",
            f"the unit comes from where the number stands; write only {digits}",
        )
    return _Token("number", match[0], place, Fraction(digits) * factor, unit)


class _Parser:
    """Reads tokens left to right; each method reads one level of precedence."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.token
        self.at += 1
        return token

    def accept(self, *texts: str) -> _Token | None:
        if self.token.kind in ("op", "name") and self.token.text in texts:
            return self.take()
        return None

    def expect(self, text: str) -> _Token:
        found = self.accept(text)
        if found is None:
            seen = self.token.text
            raise _fail(
                self.token.place,
                f"这里应当是 {text}, 看到的是 {seen or '结尾'}",
                f"expected {text} here, saw {seen or 'the end'}",
                "检查括号和逗号是否成对" if seen else "检查括号是否成对; 公式里有逗号时, 整个公式加引号",
                "check brackets and commas" if seen else "check brackets; quote a formula that holds a comma",
            )
        return found

    def whole(self) -> Raw:
        expr = self.either()
        if self.token.kind != "end":
            raise self.unexpected()
        return expr

    def unexpected(self) -> FormulaError:
        token = self.token
        if token.kind == "end":
            return _fail(token.place, "公式没有写完", "the formula is not finished")
        if token.text in _COMPARISONS:
            return _fail(
                token.place,
                f"一个式子里只能比较一次, 这里又有 {token.text}",
                f"one comparison at a time; {token.text} is a second one",
                "写成 a < b and b < c",
                "write a < b and b < c",
            )
        return _fail(
            token.place,
            f"这里不应出现 {token.text}",
            f"{token.text} is not expected here",
            "两个量之间要有运算符",
            "put an operator between two figures",
        )

    def either(self) -> Raw:
        left = self.both()
        while found := self.accept("or"):
            left = Binary("or", left, self.both(), found.place)
        return left

    def both(self) -> Raw:
        left = self.negation()
        while found := self.accept("and"):
            left = Binary("and", left, self.negation(), found.place)
        return left

    def negation(self) -> Raw:
        if found := self.accept("not"):
            return Unary("not", self.negation(), found.place)
        return self.comparison()

    def comparison(self) -> Raw:
        left = self.addition()
        if found := self.accept(*_COMPARISONS):
            return Binary(found.text, left, self.addition(), found.place)
        if found := self.accept("in"):
            return self.membership(left, found.place, negated=False)
        if self.token.text == "not" and self.tokens[self.at + 1].text == "in":
            place = self.take().place
            self.take()
            return self.membership(left, place, negated=True)
        return left

    def membership(self, x: Raw, place: Place, *, negated: bool) -> Raw:
        if self.accept("("):
            items = [self.atom()]
            while self.accept(",", "|"):
                items.append(self.atom())
            self.expect(")")
            return Within(x, tuple(items), negated, place)
        return Within(x, (self.atom(),), negated, place)

    def addition(self) -> Raw:
        left = self.multiplication()
        while found := self.accept("+", "-"):
            right = self.multiplication()
            self.refuse_rank_step(found, left, right)
            left = Binary(found.text, left, right, found.place)
        return left

    def refuse_rank_step(self, op: _Token, left: Raw, right: Raw) -> None:
        # `12-1` is a rank step in many regulations and a subtraction to a parser: made to be said.
        touching = isinstance(left, Num) and isinstance(right, Num) and left.place.line == right.place.line
        if not touching or op.text != "-" or not isinstance(left, Num) or not isinstance(right, Num):
            return
        if (
            left.place.column + len(left.text) == op.place.column
            and op.place.column + 1 == right.place.column
        ):
            text = f"{left.text}-{right.text}"
            raise _fail(
                op.place,
                f"{text} 是减法还是一个名称?",
                f"is {text} a subtraction or a name?",
                f"减法写成 {left.text} - {right.text};名称写成 '{text}'",
                f"write {left.text} - {right.text} to subtract, or '{text}' for a name",
            )

    def multiplication(self) -> Raw:
        left = self.unary()
        while found := self.accept("*", "/"):
            left = Binary(found.text, left, self.unary(), found.place)
        return left

    def unary(self) -> Raw:
        if found := self.accept("-"):
            return Unary("-", self.unary(), found.place)
        return self.atom()

    def atom(self) -> Raw:
        token = self.token
        if token.kind == "number":
            self.take()
            return Num(token.value, token.unit, token.text, token.place)
        if token.kind == "day":
            self.take()
            day = date_of(token.text)
            if day is None:
                raise _fail(token.place, f"没有 {token.text} 这一天", f"there is no day {token.text}")
            return Day(day, token.place)
        if token.kind == "string":
            self.take()
            return Str(token.text[1:-1], token.place)
        if self.accept("("):
            inner = self.either()
            self.expect(")")
            return inner
        if token.kind == "name" and token.text not in _RESERVED:
            return self.named()
        raise self.unexpected()

    def named(self) -> Raw:
        token = self.take()
        following = self.token
        if following.text == "of" and token.text in _OVER_HOW:
            self.take()
            name = self.take().text
            if not self.accept("over"):
                raise _fail(
                    token.place,
                    f"{token.text} of {name} 之后要写 over its months 一类",
                    f"after {token.text} of {name} write over its months, quarters, …",
                )
            return Over(token.text, name, self.window_words(), token.place)
        if following.text == "over":
            self.take()
            return Over("", token.text, self.window_words(), token.place)
        if following.text == "(" and following.kind == "op":
            self.take()
            return self.call(token)
        return Name(token.text, token.place)

    def window_words(self) -> str:
        words: list[str] = []
        while self.token.kind in ("name", "number", "day") and self.token.text not in (
            "and",
            "or",
            "not",
            "in",
            "among",
            "by",
        ):
            words.append(self.take().text)
        return " ".join(words)

    def call(self, name: _Token) -> Raw:
        args: list[Raw] = []
        options: list[str] = []
        by: list[str] = []
        among = ""
        while not self.accept(")"):
            if args or options:
                self.expect(",")
            option = self.option_words()
            if option:
                options.append(option)
                continue
            args.append(self.either())
            if self.accept("among"):
                among = self.take().text
                while self.accept("by"):
                    by.append(self.take().text)
        return Call(name.text, tuple(args), name.place, among, tuple(by), tuple(options))

    def option_words(self) -> str:
        """Return words such as `self out` or `at least 5` that stand alone between commas, or ''."""
        end = self.at
        while self.tokens[end].kind in ("name", "number") and self.tokens[end].text not in _RESERVED:
            end += 1
        words = [t.text for t in self.tokens[self.at : end]]
        if len(words) > 1 and self.tokens[end].text in (",", ")"):
            self.at = end
            return " ".join(words)
        return ""


def parse_formula(text: str, place: Place) -> Raw:
    """Return the raw tree of a formula.

    Errors:   FormulaError with one RUL020 problem at the column where reading stopped.

    >>> parse_formula("800万元", Place("x", 1, 1))
    Num(value=Fraction(8000000, 1), unit='money', text='800万元', place=Place(file='x', line=1, column=1, sheet=''))
    """
    if not text.strip():
        raise _fail(place, "公式是空的", "the formula is empty")
    if len(text) > LENGTH_MAX or _depth(text) > DEPTH_MAX:
        raise _fail(
            place,
            f"公式太长或括号太深(最多 {LENGTH_MAX} 个字、{DEPTH_MAX} 层)",
            f"the formula is too long or nested too deep (at most {LENGTH_MAX} characters, {DEPTH_MAX} levels)",
            "拆成几行, 逐行引用",
            "split it into several lines",
        )
    return _Parser(_tokens(text, place)).whole()
