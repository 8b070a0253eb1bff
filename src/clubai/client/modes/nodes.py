"""Which nodes can be asked, and how a job is spread over their owners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from clubai.dividing.plan import Plan
from clubai.errors import TaskRejected
from clubai.model import FailCode, NodeId, NodeSnapshot, node_bytes

MOST_PINNED: Final = 256
"""Nodes that one request can be limited to."""
UNKNOWN_CONTEXT: Final = 4096
"""Tokens that a node is taken to hold when it does not say."""
_USABLE: Final = frozenset({"alive", "suspect"})


class Offering(NamedTuple):
    """A node that offers the model."""

    node: NodeId
    owner: str
    slots: int
    slots_free: int
    context: int
    """Tokens; 0: it does not say."""
    tokens_per_second: float
    quantization: str


def offering(nodes: Iterable[NodeSnapshot], model: str) -> tuple[Offering, ...]:
    """The nodes that offer `model` for chat now, the quickest with free slots first.

    Raises:
        TaskRejected: none does.
    """
    found = [
        Offering(
            node=node_bytes(node.id),
            owner=node.owner or node.id,
            slots=node.slots,
            slots_free=max(node.slots - node.slots_used, 0),
            context=offer.context,
            tokens_per_second=node.tokens_per_second or offer.tokens_per_second,
            quantization=offer.quantization,
        )
        for node in nodes
        if node.state in _USABLE
        for offer in node.models
        if offer.name == model and "chat" in offer.kinds
    ]
    if not found:
        raise TaskRejected(
            FailCode.UNKNOWN_MODEL, f"no node offers the model {model!r} for chat"
        )
    return tuple(sorted(found, key=_rank))


def slots(nodes: Sequence[Offering]) -> int:
    """How many requests they answer at once."""
    return sum(node.slots for node in nodes)


def context(nodes: Sequence[Offering]) -> int:
    """Tokens that each of them holds: what is made to fit this fits any of them."""
    return min(
        (node.context for node in nodes if node.context), default=UNKNOWN_CONTEXT
    )


def alike(nodes: Sequence[Offering]) -> tuple[Offering, ...]:
    """Those of the quantisation that most have; one that does not say fits any."""
    counts = Counter(node.quantization for node in nodes if node.quantization)
    if not counts:
        return tuple(nodes)
    most = min(counts, key=lambda name: (-counts[name], name))
    return tuple(node for node in nodes if node.quantization in ("", most))


def owners(nodes: Sequence[Offering]) -> int:
    """How many owners they have."""
    return len({node.owner for node in nodes})


def shares(nodes: Sequence[Offering], most: int) -> list[tuple[NodeId, ...]]:
    """Divide nodes so that answers from different shares are independent.

    With as many owners as shares, no owner is in two of them; with fewer, no node is.
    As many shares as can be, at most `most`; the quickest node of each comes first.
    """
    by_owner: dict[str, list[Offering]] = {}
    for node in nodes:
        by_owner.setdefault(node.owner, []).append(node)
    if len(by_owner) >= most:
        units = list(by_owner.values())
    else:
        units = [[node] for node in _in_turns(list(by_owner.values()))]
    made: list[list[NodeId]] = [[] for _ in range(min(most, len(units)))]
    for number, unit in enumerate(units):
        made[number % len(made)] += [node.node for node in unit]
    return [tuple(share[:MOST_PINNED]) for share in made]


def expected_s(plan: Plan, nodes: Sequence[Offering]) -> float | None:
    """Seconds that a plan takes if every answer is at its longest, by measured speeds.

    All answers over all slots, or the longest row of steps that wait for each other on
    the quickest node, whichever is longer. Reading the prompts is not in it. None: no
    node's speed is known, or an answer has no bound.
    """
    speeds = [node.tokens_per_second for node in nodes if node.tokens_per_second > 0]
    tokens = plan.bounds.completion_tokens
    if not speeds or not tokens:
        return None
    typical = sum(speeds) / len(speeds)
    together = sum((n.tokens_per_second or typical) * max(n.slots, 1) for n in nodes)
    longest = max(step.max_tokens for step in plan.steps)
    return max(tokens / together, plan.depth * longest / max(speeds))


def _in_turns(lines: list[list[Offering]]) -> list[Offering]:
    """The first of each line, then the second of each, and so on."""
    longest = max(map(len, lines), default=0)
    return [
        line[place] for place in range(longest) for line in lines if place < len(line)
    ]


def _rank(node: Offering) -> tuple[bool, float, NodeId]:
    return (not node.slots_free, -node.tokens_per_second, node.node)
