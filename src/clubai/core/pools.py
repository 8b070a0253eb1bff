"""Which nodes have a model, and which of them are free: the index of the registry.

A `ModelPool` holds one `Shelf` per shape in which the model is offered (context, kinds,
warm or cold), so that what a task needs is checked once per shape, not once per node.
A shelf counts its nodes and keeps the free ones sorted by expected time. Putting a node
on a shelf or taking it off costs one bisection. The registry alone calls those.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from clubai.core.speeds import FASTEST, REFERENCE_TOKENS, Pace, Speed, expected_s
from clubai.model import Kind, ModelOffer, ModelSnapshot, NodeId

IdleKey = tuple[bool, float, float, NodeId]
"""Its last attempt failed, expected seconds, used share of slots, id: least is best."""
KIND_ORDER: Final[tuple[Kind, ...]] = ("chat", "completion", "embedding")


class Shape(NamedTuple):
    """What an offer can do."""

    context: int
    """Tokens; 0: not known."""
    warm: bool
    kinds: tuple[Kind, ...]


class Load(NamedTuple):
    """What one node adds to each shelf that it stands on."""

    node: NodeId
    serving: bool
    silent: bool
    slots: int
    used: int
    free: int
    failing: bool

    @property
    def used_share(self) -> float:
        """Used slots of all slots."""
        return self.used / self.slots if self.slots else 1.0


class Shelf:
    """The nodes that offer one model in one shape."""

    __slots__ = (
        "free",
        "idle",
        "left_at",
        "members",
        "pool",
        "serving",
        "shape",
        "silent",
        "slots",
    )

    def __init__(self, pool: ModelPool, shape: Shape) -> None:
        self.pool = pool
        self.shape = shape
        self.left_at = 0.0
        """When a node last left it."""
        self.members = 0
        """Registered nodes, whatever their state."""
        self.serving = 0
        """Those that are not paused or draining; the counts below are theirs."""
        self.silent = 0
        """Those of the serving that are not heard from."""
        self.slots = 0
        self.free = 0
        self.idle: list[IdleKey] = []
        """Those with a free slot, best first."""

    def put(self, place: Place, load: Load) -> None:
        """Count a node in."""
        self.members += 1
        if not load.serving:
            return
        self.serving += 1
        self.silent += load.silent
        self.slots += load.slots
        if load.free:
            self.free += load.free
            place.idle_key = (
                load.failing,
                place.expected_s(REFERENCE_TOKENS),
                load.used_share,
                load.node,
            )
            insort(self.idle, place.idle_key)

    def take(self, place: Place, load: Load) -> None:
        """Count a node out again, with the very load it was counted in with."""
        self.members -= 1
        if not load.serving:
            return
        self.serving -= 1
        self.silent -= load.silent
        self.slots -= load.slots
        if place.idle_key is not None:
            self.free -= load.free
            del self.idle[bisect_left(self.idle, place.idle_key)]
            place.idle_key = None


@dataclass(slots=True, eq=False)
class Place:
    """One node's offer of one model: where it stands, and how fast it is."""

    shelf: Shelf
    claimed: float
    """Tokens per second that the node says it reaches; 0: it does not say."""
    quantization: str = ""
    speed: Speed | None = None
    idle_key: IdleKey | None = None

    def expected_s(self, tokens: float) -> float:
        """Seconds that an answer of `tokens` takes here."""
        prior = self.claimed or self.shelf.pool.pace.typical
        return expected_s(self.speed, tokens, prior)


class Gone(NamedTuple):
    """A node that had the model a moment ago."""

    at: float
    shape: Shape


@dataclass(slots=True, eq=False)
class ModelPool:
    """Everything that is known of one model."""

    name: str
    shelves: dict[Shape, Shelf] = field(default_factory=dict)
    """Those of gone nodes too: they tell what the model could do."""
    gone: dict[NodeId, Gone] = field(default_factory=dict)
    """Oldest first."""
    offered_at: float = 0.0
    """When it last lost a node."""
    owners: dict[str, dict[str, dict[NodeId, None]]] = field(default_factory=dict)
    """The registered nodes that offer it, by quantisation and owner."""
    pace: Pace = field(default_factory=Pace)

    @property
    def members(self) -> int:
        """Registered nodes that offer the model, whatever their state."""
        return sum(shelf.members for shelf in self.shelves.values())

    @property
    def has_warm(self) -> bool:
        """Whether a node that is heard from has the model in memory."""
        return any(
            shelf.shape.warm and shelf.serving > shelf.silent
            for shelf in self.shelves.values()
        )

    @property
    def has_idle(self) -> bool:
        """Whether any node has a free slot."""
        return any(shelf.idle for shelf in self.shelves.values())

    def enter(self, node: NodeId, owner: str, quantization: str) -> None:
        """A node offers the model now."""
        owners = self.owners.setdefault(quantization, {})
        owners.setdefault(owner, {})[node] = None

    def leave(self, node: NodeId, owner: str, quantization: str) -> None:
        """It no longer does."""
        owners = self.owners[quantization]
        del owners[owner][node]
        if not owners[owner]:
            del owners[owner]
        if not owners:
            del self.owners[quantization]

    def draw(
        self, rng: Random, *, besides: str, quantization: str, most: int
    ) -> list[NodeId]:
        """At most `most` nodes, of as many owners but `besides` as there are.

        Those of this quantisation come first.
        """
        others = [each for each in self.owners if each != quantization]
        drawn: list[NodeId] = []
        for each in (quantization, *rng.sample(others, len(others))):
            left = most - len(drawn)
            drawn += _some(rng, self.owners.get(each, {}), besides, left)
        return drawn

    def shelf(self, shape: Shape) -> Shelf:
        """Find the shelf of a shape, or make it."""
        found = self.shelves.get(shape)
        if found is None:
            found = self.shelves[shape] = Shelf(self, shape)
        return found

    def snapshot(self) -> ModelSnapshot:
        """Add the shelves that have nodes up."""
        shelves = [shelf for shelf in self.shelves.values() if shelf.members]
        kinds = {kind for shelf in shelves for kind in shelf.shape.kinds}
        return ModelSnapshot(
            name=self.name,
            nodes=sum(shelf.serving for shelf in shelves),
            warm=sum(shelf.serving for shelf in shelves if shelf.shape.warm),
            slots=sum(shelf.slots for shelf in shelves),
            slots_free=sum(shelf.free for shelf in shelves),
            context=max((shelf.shape.context for shelf in shelves), default=0),
            kinds=tuple(kind for kind in KIND_ORDER if kind in kinds),
        )


def _some(
    rng: Random, owners: Mapping[str, Mapping[NodeId, None]], besides: str, most: int
) -> list[NodeId]:
    others = [owner for owner in owners if owner != besides]
    chosen = rng.sample(others, min(most, len(others)))
    drawn: list[NodeId] = []
    for place, owner in enumerate(chosen):
        owned = list(owners[owner])
        share = (most - len(drawn)) // (len(chosen) - place)
        drawn += rng.sample(owned, min(share, len(owned)))
    return drawn


def shape_of(offer: ModelOffer) -> Shape:
    """Reduce an offer to what decides whether a task fits."""
    kinds = tuple(kind for kind in KIND_ORDER if kind in offer.kinds)
    return Shape(context=max(offer.context, 0), warm=offer.warm, kinds=kinds)


def claimed_speed(offer: ModelOffer) -> float:
    """Take the node's word for its speed as far as it makes sense."""
    claimed = offer.tokens_per_second
    return min(claimed, FASTEST) if claimed > 0 else 0.0
