"""How much one member, one node and one connection may cost a coordinator.

Pure: the time is an argument. `Places` counts connections before the upgrade, `Meter`
weighs what one connection says after it. What a single address may hold open is
counted where connections are accepted, in `transport.doors`.
"""

from __future__ import annotations

import enum
from collections import Counter
from typing import Final, Literal, Self

import msgspec

from clubai.errors import RateLimited
from clubai.model import MemberId
from clubai.protocol.messages import (
    ClubQuery,
    Message,
    NodeHeartbeat,
    NodeRegister,
    TaskRecord,
    TaskRequest,
)
from clubai.transport.addresses import address_key, is_loopback

_TRY_AGAIN_S: Final = 5.0
_SLOTS_COUNTED: Final = 256
"""A node that says it has more slots gets no higher bounds for them."""

Kind = Literal["clients", "nodes"]


class EdgeLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What those on the other side of the network may cost. Sizes in bytes."""

    connections_per_address: int = 50
    """At once, of any kind; an IPv6 address is its /64."""
    count_loopback: bool = False
    """Whether that holds for this machine's own addresses, too."""
    clients_per_member: int = 20
    """Client connections of one member at once."""
    nodes_per_member: int = 50
    """Node connections of one member at once; each node has one of them."""
    messages_per_s: int = 100
    """Of one connection. What an admitted request entails, and records, are free."""
    messages_burst: int = 400
    slot_messages_per_s: int = 25
    """More for a node, for each slot that it has."""
    bytes_per_s: int = 32 << 20
    """Of one connection, records included."""
    bytes_burst: int = 128 << 20
    """Twice the longest request, and as much as the longest answer needs."""
    client_queue_bytes: int = 4 << 20
    """Waiting to be sent on one client's connection."""
    node_queue_bytes: int = 16 << 20
    """The same for a node: a whole request must fit, however slow the node's line."""
    queue_bytes: int = 512 << 20
    """Waiting to be sent on all connections together."""
    max_memory_mb: int = 2048
    """Of the coordinator's process: over it nobody new comes in. 0: no bound."""

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            value = getattr(self, field)
            least = 0 if field in ("max_memory_mb", "slot_messages_per_s") else 1
            if not isinstance(value, bool) and value < least:
                msg = f"{field} is {value}, it must not be below {least}"
                raise ValueError(msg)


class Bucket:
    """Evenly refilled; `burst` at most."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, *, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._at = now

    def take(self, amount: float, now: float) -> float:
        """What is left after taking `amount`; below 0: nothing was taken."""
        left = self._left
        if now > self._at:
            left = min(left + (now - self._at) * self._rate, self._burst)
            self._at = now
        left -= amount
        self._left = left if left >= 0 else left + amount
        return left

    def widen(self, rate: float, burst: float) -> None:
        """Change the bounds; what is left grows with the burst, and shrinks to it."""
        self._left = min(self._left + max(burst - self._burst, 0.0), burst)
        self._rate, self._burst = rate, burst


class Weighed(enum.Enum):
    """What is to be done with a message."""

    TAKE = enum.auto()
    SHED = enum.auto()
    """Too much: give up the task that it belongs to, and nothing else."""
    END = enum.auto()
    """Too much: end the connection."""


_ENTAILED: Final = 4
"""Messages that a request entails: an assignment for each attempt, and a cancel."""
_LEAST_RECORD: Final = 4096
"""Bytes that a record counts for at least: each costs work, too."""
_SNAPSHOT: Final = 20
"""Messages that a question for a whole snapshot counts for."""


class Meter:
    """What one connection has said lately.

    There are two bursts of messages. While the first lasts, all is well. On the second
    one new requests are refused; when it is used up, too, the connection ends.
    """

    def __init__(self, limits: EdgeLimits, *, now: float) -> None:
        self._limits = limits
        self._first = limits.messages_burst
        self._rate = limits.messages_per_s
        self._messages = Bucket(self._rate, 2 * self._first, now=now)
        self._bytes = Bucket(limits.bytes_per_s, limits.bytes_burst, now=now)
        self._entailed = 0
        self.retry_after_s = 0.0
        """How long the request that was shed last should wait."""

    def weigh(self, message: Message, size: int, now: float) -> Weighed:
        """Weigh a message of `size` bytes, and say what is to be done with it.

        Only a request or a record is ever shed.
        """
        match message:
            case TaskRecord():
                fits = self._bytes.take(max(size, _LEAST_RECORD), now) >= 0
                return Weighed.TAKE if fits else Weighed.SHED
            case TaskRequest():
                return self._weigh_request(size, now)
            case ClubQuery(what="snapshot"):
                return self._weigh_control(size, now, _SNAPSHOT)
            case NodeRegister() | NodeHeartbeat():
                self._set_slots(message.slots)
        return self._weigh_control(size, now, 1)

    def _weigh_request(self, size: int, now: float) -> Weighed:
        left = self._messages.take(1, now)
        if left < 0 or self._bytes.take(size, now) < 0:
            return Weighed.END
        if left < self._first:
            self.retry_after_s = (self._first - left) / self._rate
            return Weighed.SHED
        self._entailed = min(self._entailed + _ENTAILED, self._first)
        return Weighed.TAKE

    def _weigh_control(self, size: int, now: float, weight: int) -> Weighed:
        if self._bytes.take(size, now) < 0:
            return Weighed.END
        if self._entailed >= weight:
            self._entailed -= weight
            return Weighed.TAKE
        return Weighed.TAKE if self._messages.take(weight, now) >= 0 else Weighed.END

    def _set_slots(self, slots: int) -> None:
        more = self._limits.slot_messages_per_s * min(slots, _SLOTS_COUNTED)
        rate = self._limits.messages_per_s + more
        if rate != self._rate:
            self._rate = rate
            seconds = self._limits.messages_burst / self._limits.messages_per_s
            self._first = round(rate * seconds)
            self._messages.widen(rate, 2 * self._first)


class Places:
    """The connections that members and addresses have open."""

    def __init__(self, limits: EdgeLimits) -> None:
        self._limits = limits
        self._held: Counter[tuple[str, str]] = Counter()

    def place(self) -> Place:
        """A place that is to be taken, and is given back when its context is left."""
        return Place(self)

    def take(self, kind: Kind, member: MemberId, address: str) -> list[tuple[str, str]]:
        """Take one more. Raises `RateLimited`."""
        limits = self._limits
        most = limits.nodes_per_member
        if kind == "clients":
            most = limits.clients_per_member
        wanted: list[tuple[str, str, int, str]] = [
            (kind, member, most, f"{kind} of this member")
        ]
        if limits.count_loopback or not is_loopback(address):
            key, most = address_key(address), limits.connections_per_address
            wanted.append(("address", key, most, "connections from this address"))
        for what, whose, most, said in wanted:
            if self._held[what, whose] >= most:
                raise RateLimited(f"{said} (at most {most} at once)", _TRY_AGAIN_S)
        taken = [(what, whose) for what, whose, _, _ in wanted]
        self._held.update(taken)
        return taken

    def give_back(self, taken: list[tuple[str, str]]) -> None:
        """Give back what was taken."""
        for key in taken:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]


class Place:
    """Made by `Places.place`."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._taken: list[tuple[str, str]] = []

    def take(self, kind: Kind, member: MemberId, address: str) -> None:
        """Take it for one connection.

        Raises:
            RateLimited: the member or the address has as many as one may have.
        """
        self._taken = self._places.take(kind, member, address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._places.give_back(self._taken)
        self._taken = []
