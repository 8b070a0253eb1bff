"""The data plane: hands the frames of an assignment from one connection to the other.

It owns the routes, and counts bytes; it never looks into a record. A frame that finds
no room on the other side ends its own assignment, and nothing else.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, NamedTuple

from clubai.coordinator.assigner import Made
from clubai.core.commands import OfferTask
from clubai.model import NodeId, TaskId
from clubai.transport.postbox import Postbox

SEALING_BYTES: Final = 16 + 5
"""The tag of a record, and its type and length."""


class RouteKey(NamedTuple):
    """One assignment."""

    task: TaskId
    part: int
    attempt: int


class Route:
    """The two ends of one assignment, while it lives."""

    __slots__ = (
        "answer_bytes",
        "begun",
        "client",
        "cut",
        "made",
        "node",
        "node_id",
        "offer",
        "request_bytes",
        "result",
        "th",
    )

    def __init__(
        self, offer: OfferTask, made: Made, client: Postbox, node: Postbox
    ) -> None:
        self.offer = offer
        self.made = made
        self.client = client
        self.node = node
        self.node_id: NodeId = offer.node
        self.th = b""
        """What the request is sealed under, known once its head has passed."""
        self.request_bytes = 0
        self.answer_bytes = 0
        """What the records that passed can have held at most."""
        self.begun = False
        """A record of the answer has been handed on."""
        self.cut = False
        """The attempt was given up: what still comes for it is late."""
        self.result = b""
        """The `TASK_RESULT` frame for the client, kept until the facts are stored."""


class Relayed(Enum):
    """What became of a frame."""

    SENT = auto()
    STALE = auto()
    """The assignment is over or was never made: the frame is late, nothing is wrong."""
    FOREIGN = auto()
    """The assignment belongs to another connection."""
    FULL = auto()
    """The other side does not read fast enough."""


class Relay:
    """All routes of one coordinator."""

    def __init__(self) -> None:
        self._routes: dict[RouteKey, Route] = {}

    def __len__(self) -> int:
        return len(self._routes)

    def open(
        self, offer: OfferTask, made: Made, client: Postbox, node: Postbox
    ) -> None:
        """Join the two ends for one assignment."""
        key = RouteKey(offer.task, offer.part, offer.attempt)
        self._routes[key] = Route(offer, made, client, node)

    def close(self, key: RouteKey) -> None:
        """Forget one assignment; what comes for it later is stale."""
        self._routes.pop(key, None)

    def find(self, key: RouteKey) -> Route | None:
        """The route of one assignment, if it lives."""
        return self._routes.get(key)

    def is_from_client(self, key: RouteKey, sender: Postbox) -> bool:
        """Whether `sender` is the client of this assignment."""
        route = self._routes.get(key)
        return route is not None and route.client is sender

    def is_from_node(self, key: RouteKey, sender: Postbox) -> bool:
        """Whether `sender` is the node of this assignment."""
        route = self._routes.get(key)
        return route is not None and route.node is sender

    def to_node(
        self, key: RouteKey, sender: Postbox, frame: bytes, *, held: int = 0
    ) -> Relayed:
        """Hand a client's frame to the node; `held` is what its record may hold."""
        route = self._routes.get(key)
        if route is None or route.cut:
            return Relayed.STALE
        if route.client is not sender:
            return Relayed.FOREIGN
        route.request_bytes += held
        return Relayed.SENT if route.node.post_data(frame) else Relayed.FULL

    def to_client(
        self, key: RouteKey, sender: Postbox, frame: bytes, *, held: int = 0
    ) -> Relayed:
        """Hand a node's frame to the client; `held` is what its record may hold."""
        route = self._routes.get(key)
        if route is None or route.cut:
            return Relayed.STALE
        if route.node is not sender:
            return Relayed.FOREIGN
        route.answer_bytes += held
        return Relayed.SENT if route.client.post_data(frame) else Relayed.FULL


def held(ct: bytes) -> int:
    """Most bytes that a record's ciphertext can hold: all but its tag and its head."""
    return max(len(ct) - SEALING_BYTES, 0)
