"""How work is measured: units of tasks, the cap between two members, and weights.

Everything is a whole number. A work unit is counted in thousandths: 1000 tokens of a
prompt on a model of 1B parameters are 250 000 of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from clubai.economics.sharing import BASIS
from clubai.model import MemberId, NodeId, Value, node_text
from clubai.reputation.events import Change, StandingEvent

if TYPE_CHECKING:
    from clubai.economics.settling import Item

PAIR_CAP_BP: Final = 2_000
LEAST_BP: Final = 5_000
MOST_BP: Final = 12_500
POINT_BP: Final = 5
_ANSWER: Final = 4
"""A token of an answer counts as four of a prompt."""

Due = tuple[bytes, NodeId, MemberId, int]
"""A task to be paid: its id, node, asker and metered units."""


class Standing(Value, frozen=True, kw_only=True):
    """What a node's standing is at the end of a month."""

    points: int = 0
    suspended: bool = False

    @property
    def multiplier_bp(self) -> int:
        """By what its work is multiplied, in basis points: 5000 to 12500, or 0."""
        if self.suspended:
            return 0
        return min(max(LEAST_BP + POINT_BP * self.points, LEAST_BP), MOST_BP)


class Weight(Value, frozen=True, kw_only=True):
    """What a member's nodes did in a month."""

    member: MemberId
    wu: int
    """Weighted work units, by which the pool is shared."""


def work_units(prompt_tokens: int, answer_tokens: int, rate_milli: int) -> int:
    """The work units of one task, in thousandths."""
    return (prompt_tokens + _ANSWER * answer_tokens) * rate_milli // _ANSWER


def capped(
    due: Sequence[Due], *, cap_bp: int = PAIR_CAP_BP, exempt: Collection[str] = ()
) -> dict[bytes, int]:
    """The units that each task is paid, when no asker may bring too much of a node's.

    T are the metered units of all tasks that the close pays one node for, before any
    cap. C = T x `cap_bp` // 10000 is the most that one asker's tasks bring it. Where an
    asker's tasks have S > C, each of them counts its own units x C // S. So the result
    follows from sums alone, whatever the order; and leaving an asker out of the cap
    gives the others nothing.

    Args:
        due: The tasks, each once.
        cap_bp: In basis points of the node's units; 10000 is no cap.
        exempt: Askers without a cap.
    """
    if cap_bp >= BASIS:
        return {task: units for task, _, _, units in due}
    totals: dict[NodeId, int] = {}
    pairs: dict[tuple[NodeId, MemberId], int] = {}
    for _, node, asker, units in due:
        totals[node] = totals.get(node, 0) + units
        pairs[node, asker] = pairs.get((node, asker), 0) + units
    paid: dict[bytes, int] = {}
    for task, node, asker, units in due:
        most = totals[node] * cap_bp // BASIS
        brought = pairs[node, asker]
        free = asker in exempt or brought <= most
        paid[task] = units if free else units * most // brought
    return paid


def standings(
    events: Iterable[StandingEvent], *, before_ms: int
) -> dict[NodeId, Standing]:
    """What the standing of each node was at a moment (Unix milliseconds).

    Points belong to a node and its owner: of a node that changed hands, its last one's.
    """
    found: dict[tuple[NodeId, MemberId], Standing] = {}
    owners: dict[NodeId, MemberId] = {}
    for event in sorted(events, key=lambda each: each.seq):
        if event.at * 1000 >= before_ms:
            continue
        place = (event.node, event.member)
        before = found.get(place, Standing())
        suspended = before.suspended
        if event.change in (Change.SUSPENDED, Change.REINSTATED):
            suspended = event.change is Change.SUSPENDED
        points = before.points + event.points
        found[place] = Standing(points=points, suspended=suspended)
        owners[event.node] = event.member
    return {node: found[node, owner] for node, owner in owners.items()}


def snapshot(found: Mapping[NodeId, Standing]) -> list[list[object]]:
    """Standings as they are published: node, points and 1 for suspended, sorted."""
    return [
        [node_text(node), found[node].points, int(found[node].suspended)]
        for node in sorted(found)
    ]


def weigh(
    items: Iterable[Item],
    found: Mapping[NodeId, Standing],
    *,
    banned: Collection[str] = (),
) -> tuple[Weight, ...]:
    """The weight of every member whose nodes are among `items`, sorted by id as bytes.

    Of each node the paid units x multiplier // 10000, summed; 0 for banned members.
    """
    nodes: dict[tuple[MemberId, NodeId], int] = {}
    for item in items:
        if item.owner:
            place = (item.owner, item.node)
            nodes[place] = nodes.get(place, 0) + item.wu
    weights: dict[MemberId, int] = {}
    for (member, node), units in nodes.items():
        factor = found.get(node, Standing()).multiplier_bp
        counted = 0 if member in banned else units * factor // BASIS
        weights[member] = weights.get(member, 0) + counted
    return tuple(
        Weight(member=member, wu=weights[member])
        for member in sorted(weights, key=str.encode)
    )


def read_standing(raw: object) -> Standing:
    """Read one of `snapshot` without its node. Raises `ValueError`."""
    try:
        points, suspended = msgspec.convert(raw, tuple[int, int])
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    return Standing(points=points, suspended=bool(suspended))
