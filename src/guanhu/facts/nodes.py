"""A YAML text as a tree of nodes with places: nothing is guessed, doubled and unknown keys are told."""

from __future__ import annotations

from typing import Any

import yaml

from guanhu.facts.problems import problem
from guanhu.values.problem import Place, Problem


class Reader:
    """Walks the nodes of one small YAML text and collects problems on the way."""

    def __init__(self, file: str) -> None:
        """Begin on the text of `file`."""
        self.file = file
        self.problems: list[Problem] = []

    def root(self, text: str) -> yaml.Node | None:
        """Return the root node of `text`; None when it is empty or no YAML, which is told (FAC004)."""
        try:
            found: Any = yaml.compose(text, Loader=yaml.BaseLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)
            said = getattr(error, "problem", None) or str(error).splitlines()[0]
            self.problems.append(problem("FAC004", place, file=self.file, seen=said))
            return None
        except RecursionError:
            self.problems.append(problem("FAC004", Place(self.file), file=self.file, seen="[[[[…"))
            return None
        return found if isinstance(found, yaml.Node) else None

    def tell(self, code: str, node: yaml.Node | None, **values: object) -> None:
        """Add a problem at a node."""
        mark = node.start_mark if node else None
        place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)
        self.problems.append(problem(code, place, **values))

    def mapping(self, node: yaml.Node, allowed: set[str] | None, expected: str) -> dict[str, yaml.Node]:
        """Return the entries of a mapping; unknown and doubled keys are told (FAC005)."""
        if not isinstance(node, yaml.MappingNode):
            self.tell("FAC005", node, seen=seen(node), expected=expected)
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            text = str(key.value)
            if text in found or (allowed is not None and text not in allowed):
                self.tell("FAC005", key, seen=text, expected=expected)
            else:
                found[text] = value
        return found

    def texts(self, node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
        """Return the scalars of a list, or the one scalar."""
        found: list[tuple[str, yaml.Node]] = []
        if isinstance(node, yaml.ScalarNode):
            return [(str(node.value), node)]
        if not isinstance(node, yaml.SequenceNode):
            self.tell("FAC005", node, seen=seen(node), expected="[…]")
            return []
        for each in node.value:
            if isinstance(each, yaml.ScalarNode):
                found.append((str(each.value), each))
            else:
                self.tell("FAC005", each, seen=seen(each), expected="[…]")
        return found


def seen(node: yaml.Node | None) -> str:
    """Return a node as a message shows it; a scalar is its text."""
    if node is None:
        return "-"
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    return "{…}" if isinstance(node, yaml.MappingNode) else "[…]"
