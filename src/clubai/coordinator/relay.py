"""The data plane: hands the frames of an assignment from one connection to the other.

It owns the routes, and counts bytes; it never looks into a record. A frame that finds
no room on the other side ends its own assignment, and nothing else.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from clubai.core.commands import OfferTask
from clubai.model import NodeId, TaskId
from clubai.transport.postbox import Postbox


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
        "node",
        "node_id",
        "offer",
        "result",
    )

    def __init__(self, offer: OfferTask, client: Postbox, node: Postbox) -> None:
        self.offer = offer
        self.client = client
        self.node = node
        self.node_id: NodeId = offer.node
        self.answer_bytes = 0
        self.begun = False
        """A record of the answer has been handed on."""
        self.cut = False
        """The attempt was given up: what still comes for it is late."""
        self.result = b""
        """The node's `TASK_RESULT` frame, kept until the facts are stored."""


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

    def open(self, offer: OfferTask, client: Postbox, node: Postbox) -> None:
        """Join the two ends for one assignment."""
        key = RouteKey(offer.task, offer.part, offer.attempt)
        self._routes[key] = Route(offer, client, node)

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

    def to_node(self, key: RouteKey, sender: Postbox, frame: bytes) -> Relayed:
        """Hand a client's frame to the node."""
        route = self._routes.get(key)
        if route is None or route.cut:
            return Relayed.STALE
        if route.client is not sender:
            return Relayed.FOREIGN
        return Relayed.SENT if route.node.post_data(frame) else Relayed.FULL

    def to_client(self, key: RouteKey, sender: Postbox, frame: bytes) -> Relayed:
        """Hand a node's frame to the client, and count it."""
        route = self._routes.get(key)
        if route is None or route.cut:
            return Relayed.STALE
        if route.node is not sender:
            return Relayed.FOREIGN
        route.answer_bytes += len(frame)
        return Relayed.SENT if route.client.post_data(frame) else Relayed.FULL
