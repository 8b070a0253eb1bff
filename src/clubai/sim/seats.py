"""Who sits in a simulated club: a seat is a node, also when it gets a new name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clubai.model import MemberId, NodeId
from clubai.sim.populations import Population, counts

_ID_BYTES: Final = 32


class Machine:
    """What the identities of one machine share: its work of a day."""

    __slots__ = ("answered",)

    def __init__(self) -> None:
        self.answered = 0


class Seat:
    """One node with its owner, and what came of it so far."""

    __slots__ = (
        "answers",
        "bad",
        "checks",
        "cost",
        "fees",
        "from_hour",
        "group",
        "machine",
        "member",
        "name",
        "node",
        "pace",
        "population",
        "renewals",
        "suspended_at",
        "taken",
    )

    def __init__(
        self, name: str, population: Population, group: int, machine: Machine
    ) -> None:
        self.name = name
        self.population = population
        self.group = group
        """Seats of one group belong to one member."""
        self.machine = machine
        self.node = NodeId(b"")
        self.member = MemberId("")
        self.pace = 1.0
        """Seconds for an answer, as a share of what a node in the middle takes."""
        self.from_hour = 0
        """UTC; in the hours from it on it can be reached."""
        self.answers = 0
        self.bad = 0
        """Bad answers that reached members."""
        self.checks = 0
        self.cost = 0.0
        """Work that its compute is worth, in the tokens of `work.Size.tokens`."""
        self.fees = 0
        """Minor units that new names cost it."""
        self.renewals = 0
        self.suspended_at = -1.0
        """When it was suspended first; negative: never."""
        self.taken = 0
        """Tasks and checks of the day."""

    def is_here(self, hour: int) -> bool:
        """Whether it can be reached in an hour of the day."""
        return (hour - self.from_hour) % 24 < self.population.hours


def take_seats(mix: dict[str, Population], nodes: int) -> Iterator[Seat]:
    """Seat all populations, in the order of the mix."""
    group = -1
    for name, count in counts(mix, nodes).items():
        population = mix[name]
        machine = Machine()
        for place in range(count):
            if place % population.machine == 0:
                machine = Machine()
            if place % population.owns == 0:
                group += 1
            yield Seat(name, population, group, machine)


def node_id(number: int) -> NodeId:
    """The id of the node with this number; it has the form of a real one."""
    return NodeId(number.to_bytes(_ID_BYTES, "big"))


def member_id(number: int) -> MemberId:
    """The id of the member with this number."""
    return MemberId(f"m_{number:016}")
