"""The table of how the nodes stand, and how their points are spread."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from clubai.model import NICKNAME_LENGTH, NodeSnapshot
from clubai.tui.grid import Column, Grid, age_column
from clubai.tui.look import Cell, Look, percent
from clubai.tui.picture import Change
from clubai.tui.tables.nodes import node_name
from clubai.tui.tables.standing import (
    Line,
    change_tone,
    change_word,
    read_lines,
    signed,
)

EDGES: Final = (50, 100, 200, 500, 1000, 5000)
"""Between the groups of the distribution: below the first a node gets checks only."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What `/api/reputation` says of one node."""

    id: str
    name: str
    owner: str
    points: int
    held: int
    state: str
    trusted: bool
    audit_rate: float
    streak: int
    audits_passed: int
    marks: int
    open_reviews: tuple[int, ...]
    suspended_until: float | None = None
    """None: it is not, or until a review by the members."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What `/api/reputation/NODE` answered."""

    told: Told
    lines: tuple[Line, ...]
    complete: bool
    """There are no older changes."""


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """How one node stands."""

    id: str
    rank: int
    """1 plus the number of nodes with more points."""
    name: str
    owner: str
    points: int
    held: int
    state: str
    """suspended, trusted, proven, probation, checks only; empty: not known."""
    moved: int
    """Points that it gained since the dashboard began."""
    done: int
    failed: int
    told: Told | None
    """None: the club was not asked yet, or did not answer."""
    last: str
    """The last change that was seen, in words; empty: none was."""
    last_kind: str
    last_points: int
    last_at: float


def read_told(answer: dict[str, Any]) -> dict[str, Told]:
    """What `/api/reputation` answered, by node.

    Raises:
        KeyError, msgspec.ValidationError: it is no such answer.
    """
    nodes = msgspec.convert(answer["nodes"], list[Told])
    return {told.id: told for told in nodes}


def read_page(answer: dict[str, Any]) -> Page:
    """What `/api/reputation/NODE` answered. Raises as `read_told`."""
    return Page(
        told=msgspec.convert(answer["node"], Told),
        lines=tuple(read_lines(answer)),
        complete=answer["next"] is None,
    )


def node_rows(
    nodes: Mapping[str, NodeSnapshot],
    told: Mapping[str, Told],
    changes: Sequence[Change],
) -> list[NodeRow]:
    """Every node that is judged: live where it is known live, else as it was told.

    `changes` are those that were seen, the oldest first.
    """
    last: dict[str, Change] = {}
    moved: dict[str, int] = {}
    for change in changes:
        last[change.change.node] = change
        moved[change.change.node] = (
            moved.get(change.change.node, 0) + change.change.points
        )
    ids = [node.id for node in nodes.values() if node.standing is not None]
    ids += [node for node in told if node not in nodes]
    rows = [
        _row(node, nodes.get(node), told.get(node), last.get(node), moved.get(node, 0))
        for node in ids
    ]
    return ranked(rows)


def ranked(rows: Iterable[NodeRow]) -> list[NodeRow]:
    """The rows with their ranks, the most points first; alike ones share a rank."""
    ordered = sorted(rows, key=lambda row: (-row.points, row.id))
    given: list[NodeRow] = []
    for place, row in enumerate(ordered, 1):
        alike = given and given[-1].points == row.points
        rank = given[-1].rank if alike else place
        given.append(msgspec.structs.replace(row, rank=rank))
    return given


def spread(points: Iterable[int]) -> list[tuple[str, int]]:
    """How many nodes have how many points, from the least group to the highest."""
    counts = [0] * (len(EDGES) + 1)
    for each in points:
        counts[sum(edge <= each for edge in EDGES)] += 1
    names = [f"under {EDGES[0]}"]
    names += [f"{low}-{high - 1}" for low, high in itertools.pairwise(EDGES)]
    names.append(f"{EDGES[-1]} and more")
    groups = list(zip(names, counts, strict=True))
    filled = [index for index, count in enumerate(counts) if count]
    return groups[filled[0] : filled[-1] + 1] if filled else []


def spread_lines(points: Iterable[int], look: Look, width: int) -> list[str]:
    """The groups as bars, one a line; the longest is the largest group."""
    groups = spread(points)
    top = max((count for _, count in groups), default=0)
    room = max(min(width - 24, 50), 4)
    return [
        f"{name:>13}  {look.bar(1, 1, max(round(room * count / top), 1))} {count}"
        if count
        else f"{name:>13}  0"
        for name, count in groups
    ]


def told_since(picture_changes: Sequence[Change], look: Look) -> str:
    """From when on changes were seen."""
    if not picture_changes:
        return "no change seen yet"
    return f"changes seen for {look.age(picture_changes[0].at)}"


def reputation_grid() -> Grid[NodeRow]:
    """The nodes, the most points first."""
    return Grid(REPUTATION, key=lambda row: row.id, sort="Rank")


def _row(
    node: str,
    live: NodeSnapshot | None,
    told: Told | None,
    last: Change | None,
    moved: int,
) -> NodeRow:
    standing = live.standing if live is not None else None
    if standing is not None:
        points, held = standing.points, standing.held
        suspended, trusted = standing.suspended, standing.trusted
    else:
        points, held = (told.points, told.held) if told else (0, 0)
        suspended = told is not None and told.state == "suspended"
        trusted = told is not None and told.trusted
    name = node_name(live) if live is not None else (told.name if told else "")
    change = last.change if last else None
    return NodeRow(
        id=node,
        rank=0,
        name=name or node[:NICKNAME_LENGTH],
        owner=live.owner if live is not None else told.owner if told else "",
        points=points,
        held=held,
        state=_state(told, suspended=suspended, trusted=trusted),
        moved=moved,
        done=live.tasks_done if live is not None else 0,
        failed=live.tasks_failed if live is not None else 0,
        told=told,
        last=_last(last),
        last_kind=change.change if change else "",
        last_points=change.points if change else 0,
        last_at=last.at if last else 0.0,
    )


def _state(told: Told | None, *, suspended: bool, trusted: bool) -> str:
    if suspended:
        return "suspended"
    if trusted:
        return "trusted"
    word = told.state if told else ""
    return "" if word == "suspended" else word  # it was, and is no more


def _last(last: Change | None) -> str:
    if last is None:
        return ""
    change = last.change
    points = f" {change.points:+}" if change.points else ""
    why = f": {change.why}" if change.why else ""
    return f"{change_word(change.change)}{points}{why}"


def _state_cell(row: NodeRow, _look: Look) -> Cell:
    if row.state == "suspended":
        return Cell("suspended", "bad")
    if row.state == "trusted":
        return Cell("trusted", "good")
    return Cell(row.state or "-", "warn" if row.state == "checks only" else "")


def _failed(row: NodeRow, _look: Look) -> Cell:
    ended = row.done + row.failed
    if not ended:
        return Cell("-", "muted")
    return Cell(percent(row.failed / ended), "bad" if row.failed else "")


def _share(row: NodeRow) -> float:
    ended = row.done + row.failed
    return row.failed / ended if ended else -1.0


def _told(row: NodeRow, of: str) -> int:
    return int(getattr(row.told, of)) if row.told is not None else -1


def _told_cell(row: NodeRow, of: str) -> Cell:
    return Cell("-", "muted") if row.told is None else Cell(str(_told(row, of)))


REPUTATION: Final[tuple[Column[NodeRow], ...]] = (
    Column(
        name="Rank",
        width=5,
        right=True,
        cell=lambda row, _: Cell(str(row.rank)),
        sort=lambda row: row.rank,
        says="By points; nodes with as many share a rank.",
    ),
    Column(
        name="Node",
        width=10,
        cell=lambda row, _: Cell(row.name),
        sort=lambda row: row.name.lower(),
        says="Its name, which its owner chose.",
    ),
    Column(
        name="Points",
        width=7,
        right=True,
        cell=lambda row, _: Cell(str(row.points)),
        sort=lambda row: row.points,
        falling=True,
        says="Points that count, live.",
    ),
    Column(
        name="Escrow",
        rank=4,
        width=6,
        right=True,
        cell=lambda row, _: Cell(str(row.held) if row.held else "-"),
        sort=lambda row: row.held,
        falling=True,
        says="Points that count once the node passed a check.",
    ),
    Column(
        name="Standing",
        width=11,
        cell=_state_cell,
        sort=lambda row: row.state,
        says="In words: suspended; trusted (a reference for others); proven; on "
        "probation; checks only (under 50 points).",
    ),
    Column(
        name="Seen",
        rank=1,
        width=6,
        right=True,
        cell=lambda row, _: Cell(signed(row.moved), "bad" if row.moved < 0 else ""),
        sort=lambda row: row.moved,
        falling=True,
        says="Points that the changes moved which this dashboard saw since it began "
        "(the newest 5000); those of the last 24 hours are on the node's own page.",
    ),
    Column(
        name="Done",
        rank=5,
        width=6,
        right=True,
        cell=lambda row, _: Cell(str(row.done)),
        sort=lambda row: row.done,
        falling=True,
        says="Tasks that it ended well since the coordinator started.",
    ),
    Column(
        name="Failed",
        rank=3,
        width=6,
        right=True,
        cell=_failed,
        sort=_share,
        falling=True,
        says="The share of its tasks that it did not end well.",
    ),
    Column(
        name="Checks",
        rank=6,
        width=6,
        right=True,
        cell=lambda row, _: _told_cell(row, "audits_passed"),
        sort=lambda row: _told(row, "audits_passed"),
        falling=True,
        says="Checks that it passed, when the club was asked.",
    ),
    Column(
        name="Row",
        rank=8,
        width=5,
        right=True,
        cell=lambda row, _: _told_cell(row, "streak"),
        sort=lambda row: _told(row, "streak"),
        falling=True,
        says="Checks that it passed in a row, when the club was asked.",
    ),
    Column(
        name="Marks",
        rank=7,
        width=5,
        right=True,
        cell=lambda row, _: _told_cell(row, "marks"),
        sort=lambda row: _told(row, "marks"),
        falling=True,
        says="Soft marks: failed checks and complaints that no review has settled.",
    ),
    Column(
        name="Last change",
        rank=2,
        width=16,
        grow=True,
        cell=lambda row, _: Cell(
            row.last or "-", change_tone(row.last_kind, row.last_points)
        ),
        sort=lambda row: row.last,
        says="The last change of its standing that was seen, and why.",
    ),
    age_column(lambda row: row.last_at, says="How long ago that was.", rank=3, width=6),
    Column(
        name="Owner",
        rank=9,
        width=10,
        cell=lambda row, _: Cell(row.owner or "-"),
        sort=lambda row: row.owner,
        says="The member who lends it.",
    ),
)
