"""The lists in a prompt.

A list is two items or more that begin with `-`, `*`, `+`, `•`, `1.`, `1)`, `(1)`, `a)`
or `(a)`, all alike and at one depth; numbers and letters go up by one, or all are 1.
What is indented below an item is its own, and so are another kind of marker and text
right below it; but below the last item, a new sentence at the list's depth is behind
the list. Code blocks hold no list.

A bulleted list ends at text of its own depth behind a blank line. A numbered one goes
on; where such text follows its last item too, nobody can tell whose that is, and there
is no list. "First, ... Second, ..." tells an order, and is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

NESTED: Final = 2
"""Columns by which what belongs to an item is further in than the item."""
CODE: Final = 4
"""Columns from which on it is a code block, where there is no list."""

_MARKER: Final = re.compile(
    r"(?:[-*+•]|\(?(?:\d{1,3}|[a-zA-Z])\)|\d{1,3}\.)[ \t]+(?=[^ \t\r\n])"
)
_NUMBER: Final = re.compile(r"\d+|[a-zA-Z]")
_FENCE: Final = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_RULE: Final = re.compile(r"([-*_])(?:[ \t]*\1){2,}\s*$")
_ENDED: Final = re.compile(r"[.?!。？！]['\"”’)*_]*\s*$")  # noqa: RUF001


class Listed(NamedTuple):
    """A list, and the text on both sides of it."""

    before: str
    items: tuple[str, ...]
    after: str


class _Line(NamedTuple):
    start: int
    text: str
    code: bool
    """Inside of a fence, or the end of one."""

    @property
    def indent(self) -> int:
        expanded = self.text.expandtabs(4)
        return len(expanded) - len(expanded.lstrip())

    @property
    def body(self) -> str:
        return self.text.strip()

    @property
    def marker(self) -> str:
        """With the spaces behind it; empty: none."""
        match = (
            None if self.code or _RULE.match(self.body) else _MARKER.match(self.body)
        )
        return match[0] if match else ""


@dataclass
class _Run:
    """Items of one list, while its lines are read."""

    indent: int
    style: str
    number: int
    lines: list[int]
    parted: bool = False
    """Text at its own depth came since its last item."""
    resumed: bool = False
    """It went on behind such text."""

    def goes_on(self, indent: int, style: str, number: int) -> bool:
        if style != self.style or abs(indent - self.indent) >= NESTED:
            return False
        if number == self.number + 1:
            return True
        return number == self.number <= 1 and not self.parted

    def add(self, line: int, number: int) -> None:
        self.lines.append(line)
        self.number = number
        self.resumed |= self.parted
        self.parted = False


def lists_in(prompt: str) -> list[Listed]:
    """The lists of `prompt`; those inside of an item are not looked at."""
    lines = list(_lines(prompt))
    return [
        listed
        for run in _runs(lines)
        if len(run.lines) > 1 and (listed := _listed(prompt, lines, run))
    ]


def _lines(prompt: str) -> Iterator[_Line]:
    start, fence = 0, ""
    for text in prompt.splitlines(keepends=True):
        body = text.strip()
        opening = _FENCE.match(body)
        yield _Line(start, text, bool(fence))
        start += len(text)
        if not fence:
            fence = (opening[1] or opening[2]) if opening else ""
        elif body.startswith(fence) and not body.strip(fence[0]):
            fence = ""


def _runs(lines: Sequence[_Line]) -> list[_Run]:
    runs: list[_Run] = []
    run: _Run | None = None
    gap = True
    for index, line in enumerate(lines):
        if not line.body and not line.code:
            gap = True
            continue
        indent, marker = line.indent, line.marker
        inside = run is not None and indent >= run.indent + NESTED
        if marker and not inside:
            style, number = _kind(marker)
            if run and run.goes_on(indent, style, number):
                run.add(index, number)
            elif indent < CODE and (run is None or gap or run.parted):
                run = _Run(indent, style, number, [index])
                runs.append(run)
        elif run and gap and not inside:
            run.parted = True
        gap = False
    return runs


def _kind(marker: str) -> tuple[str, int]:
    """How a marker looks without its number, and the number: 0 for a bullet."""
    found = _NUMBER.search(marker)
    if found is None:
        return marker.strip(), 0
    number = found[0]
    style = "1" if number.isdigit() else "a" if number.islower() else "A"
    value = int(number) if number.isdigit() else ord(number.lower()) - ord("a") + 1
    return _NUMBER.sub(style, marker.strip()), value


def _listed(prompt: str, lines: Sequence[_Line], run: _Run) -> Listed | None:
    end = _end(lines, run.lines[-1])
    if run.resumed and prompt[end:].strip():
        return None
    starts = [lines[index].start for index in run.lines]
    items = []
    for index, stop in zip(run.lines, [*starts[1:], end], strict=True):
        line = lines[index]
        indented = len(line.text) - len(line.text.lstrip())
        first = line.start + indented + len(line.marker)
        items.append(prompt[first:stop].rstrip())
    return Listed(prompt[: starts[0]], tuple(items), prompt[end:])


def _end(lines: Sequence[_Line], last: int) -> int:
    """Where the item ends that begins in line `last`, and with it the list."""
    gap = False
    for before, line in pairwise(lines[last:]):
        inside = line.indent >= lines[last].indent + NESTED
        if line.body and not inside and (gap or _begins_anew(before, line)):
            return line.start
        gap = not line.code and not line.body
    return lines[-1].start + len(lines[-1].text)


def _begins_anew(before: _Line, line: _Line) -> bool:
    if line.code or line.marker or not line.body[0].isalpha():
        return False
    return _ENDED.search(before.body) is not None
