"""The institutions and the people of the invented bank, and what happens to them over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from guanhu.bank.names import BANK, person_name, place_name
from guanhu.bank.timeline import Quarter, day_in, day_in_middle
from guanhu.values.dates import FAR_FUTURE, Span, add_months

MANAGER, AGENT, OFFICE = "客户经理", "业务代办员", "内勤"
BRANCH_HEAD, DEPARTMENT_HEAD = "支行行长", "营业部总经理"
HEADS = (BRANCH_HEAD, DEPARTMENT_HEAD)
SENIOR, MIDDLE, JUNIOR = "高级", "中级", "初级"
GRADES = (JUNIOR, MIDDLE, SENIOR)
_GRADE_PATTERN = (SENIOR, JUNIOR, MIDDLE, JUNIOR, MIDDLE, JUNIOR, SENIOR, MIDDLE, JUNIOR, MIDDLE)
"""Of ten managers two are senior, four middle and four junior."""
MANAGERS_PER_BRANCH = 50


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution; `area` is where it stands, not its size."""

    institution_id: str
    name: str
    level: str
    parent_id: str
    area: str


@dataclass(frozen=True, slots=True)
class Team:
    """A team of managers in one branch."""

    team_id: str
    name: str
    institution_id: str


@dataclass(slots=True)
class Person:
    """Somebody who works for the bank; `left_on` is the last day."""

    person_id: str
    name: str
    hired_on: date
    left_on: date | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody is from `span.start` on; `FAR_FUTURE` ends the post that is still held."""

    person_id: str
    post: str
    grade: str
    institution_id: str
    team_id: str
    span: Span

    @property
    def has_book(self) -> bool:
        """Tell whether customers may be in the charge of this post."""
        return self.post in (MANAGER, AGENT)


@dataclass(frozen=True, slots=True)
class Handover:
    """From `day` on the whole book of one person is another's."""

    day: date
    person_id: str
    successor_id: str


@dataclass(slots=True)
class Staffing:
    """Who works where and when. `units` are the institutions in which customers come in."""

    institutions: tuple[Institution, ...]
    units: tuple[Institution, ...]
    teams: tuple[Team, ...]
    people: dict[str, Person] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)
    handovers: list[Handover] = field(default_factory=list)


def institutions_for(managers: int) -> tuple[Institution, ...]:
    """Return head office, sub-banks, branches and outlets: 39 institutions for 600 managers."""
    branches = max(2, managers // MANAGERS_PER_BRANCH) - 1
    head = Institution("0000", f"{BANK}总行", "总行", "", "发达地区")
    desk = Institution("0001", f"{BANK}营业部", "支行", "0000", "发达地区")
    found = [head, desk]
    sub_banks = max(1, -(-branches // 3))
    for sub in range(sub_banks):
        area = "发达地区" if sub % 2 else "其余地区"
        sub_id = f"{sub + 1:02d}00"
        found.append(Institution(sub_id, f"{BANK}{place_name(sub)}分行", "分行", "0000", area))
        for branch in range(sub * 3, min(branches, sub * 3 + 3)):
            branch_id = f"{sub + 1:02d}{branch % 3 + 1:02d}"
            name = f"{BANK}{place_name(20 + branch)}支行"
            found.append(Institution(branch_id, name, "支行", sub_id, area))
            for outlet in range(2):
                name = f"{BANK}{place_name(100 + 2 * branch + outlet)}网点"
                outlet_id = f"{branch_id}{outlet + 1:02d}"
                found.append(Institution(outlet_id, name, "网点", branch_id, area))
    return tuple(found)


def staffing_for(seed: int, managers: int, quarters: Sequence[Quarter]) -> Staffing:
    """Return the bank's people over all quarters: `managers` managers to begin with, and all the others."""
    institutions = institutions_for(managers)
    units = tuple(each for each in institutions if each.level in ("支行", "网点"))
    branches = [each for each in units if each.level == "支行"]
    teams = tuple(
        Team(
            f"T{branch.institution_id}{number}",
            f"{branch.name.removeprefix(BANK)}{kind}团队",
            branch.institution_id,
        )
        for branch in branches
        for number, kind in enumerate(("公司", "零售"), start=1)
    )
    roster = _Roster(Random(f"{seed}/people"), Staffing(institutions, units, teams))
    start = quarters[0].span.start
    for branch in branches:
        post = DEPARTMENT_HEAD if branch.institution_id == "0001" else BRANCH_HEAD
        roster.hire(post, "", branch.institution_id, roster.day_before(start))
    for number in range(managers):
        unit = units[number % len(units)].institution_id
        roster.hire(MANAGER, _GRADE_PATTERN[number % 10], unit, roster.day_before(start))
    for number in range(max(3, managers // 10)):
        roster.hire(AGENT, "", units[number * 5 % len(units)].institution_id, roster.day_before(start))
    for number in range(max(3, managers // 5)):
        roster.hire(OFFICE, "", units[number * 3 % len(units)].institution_id, roster.day_before(start))
    for number, quarter in enumerate(quarters):
        roster.live(quarter, number, managers)
    return roster.done()


class _Roster:
    """Keeps the post that each person holds and writes down each change."""

    def __init__(self, rng: Random, staffing: Staffing) -> None:
        self.rng = rng
        self.staffing = staffing
        self.held: dict[str, Post] = {}
        self.touched: set[str] = set()
        """Nobody changes twice in one quarter."""

    def day_before(self, start: date) -> date:
        """Return a day in the twelve years before `start`."""
        return day_in(self.rng, Span(add_months(start, -144), start))

    def hire(self, post: str, grade: str, institution_id: str, day: date) -> str:
        person_id = f"E{len(self.staffing.people) + 1:05d}"
        self.staffing.people[person_id] = Person(person_id, person_name(self.rng), day)
        self.begin(person_id, post, grade, institution_id, day)
        return person_id

    def begin(self, person_id: str, post: str, grade: str, institution_id: str, day: date) -> None:
        """Give a person a post from `day` on; the one held before ends the day before."""
        self.end(person_id, day)
        team_id = ""
        if post == MANAGER:
            number = 1 + int(person_id[1:]) % 2
            team_id = f"T{institution_id[:4]}{number}"
        self.held[person_id] = Post(person_id, post, grade, institution_id, team_id, Span(day, FAR_FUTURE))
        self.touched.add(person_id)

    def end(self, person_id: str, day: date) -> None:
        old = self.held.pop(person_id, None)
        if old is not None:
            ended = Post(
                old.person_id, old.post, old.grade, old.institution_id, old.team_id, Span(old.span.start, day)
            )
            self.staffing.posts.append(ended)

    def leave(self, person_id: str, day: date) -> None:
        """Let a person leave; `day` is the first day without the person."""
        self.end(person_id, day)
        self.staffing.people[person_id].left_on = day - timedelta(days=1)
        self.touched.add(person_id)

    def hand_over(self, person_id: str, day: date) -> None:
        """Give the book of a person to a manager, of the same institution if there is one."""
        at = self.held[person_id].institution_id
        others = self.some(lambda post: post.post == MANAGER and post.person_id != person_id)
        near = [each for each in others if self.held[each].institution_id == at] or others
        successor = self.rng.choice(near)
        self.touched.add(successor)
        self.staffing.handovers.append(Handover(day, person_id, successor))

    def some(self, test: Callable[[Post], bool]) -> list[str]:
        """Return the people who pass the test and have not changed in this quarter; anyone if all have."""
        passing = sorted(each for each, post in self.held.items() if test(post))
        return [each for each in passing if each not in self.touched] or passing

    def live(self, quarter: Quarter, number: int, managers: int) -> None:
        """Let one quarter happen: leavers, joiners, promotions, moves, a new head, a promoted agent."""
        self.touched.clear()
        for _ in range(max(1, managers // 100)):
            day = day_in_middle(self.rng, quarter)
            leaver = self.rng.choice(self.some(lambda post: post.post == MANAGER))
            self.touched.add(leaver)
            self.hand_over(leaver, day)
            institution_id = self.held[leaver].institution_id
            self.leave(leaver, day)
            self.hire(MANAGER, JUNIOR, institution_id, day_in_middle(self.rng, quarter))
        for _ in range(max(1, managers // 50)):
            self._promote(day_in_middle(self.rng, quarter))
        for _ in range(max(1, managers // 50)):
            self._move(day_in_middle(self.rng, quarter))
        self._change_head(day_in_middle(self.rng, quarter), leaves=number % 2 == 1)
        day = day_in_middle(self.rng, quarter)
        agent = self.rng.choice(self.some(lambda post: post.post == AGENT))
        self.begin(agent, MANAGER, JUNIOR, self.held[agent].institution_id, day)
        unit = self.rng.choice(self.staffing.units)
        self.hire(AGENT, "", unit.institution_id, day_in_middle(self.rng, quarter))

    def _promote(self, day: date) -> None:
        person_id = self.rng.choice(self.some(lambda post: post.grade in (JUNIOR, MIDDLE)))
        post = self.held[person_id]
        grade = GRADES[GRADES.index(post.grade) + 1]
        self.begin(person_id, MANAGER, grade, post.institution_id, day)

    def _move(self, day: date) -> None:
        person_id = self.rng.choice(self.some(lambda post: post.post == MANAGER))
        post = self.held[person_id]
        elsewhere = [each for each in self.staffing.units if each.institution_id != post.institution_id]
        self.begin(person_id, MANAGER, post.grade, self.rng.choice(elsewhere).institution_id, day)

    def _change_head(self, day: date, *, leaves: bool) -> None:
        """Make a manager head of a branch; the old head leaves or becomes a senior manager there."""
        old = self.rng.choice(self.some(lambda post: post.post in HEADS))
        new = self.rng.choice(self.some(lambda post: post.post == MANAGER))
        seat = self.held[old]
        self.touched.add(new)
        self.hand_over(new, day)
        if leaves:
            self.leave(old, day)
        else:
            self.begin(old, MANAGER, SENIOR, seat.institution_id, day)
        self.begin(new, seat.post, "", seat.institution_id, day)

    def done(self) -> Staffing:
        """Return all that happened, posts by person and time."""
        self.staffing.posts.extend(self.held.values())
        self.staffing.posts.sort(key=lambda post: (post.person_id, post.span.start))
        return self.staffing
