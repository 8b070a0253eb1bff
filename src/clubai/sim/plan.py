"""What shall be simulated."""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.model import Value
from clubai.reputation.rules import ASKED, CLUB, POLICIES, Rules
from clubai.sim.populations import PRESETS, Population

TASKS_PER_DAY: Final = 20
"""For each node of the club."""
SHARDED_FROM: Final = 2000
"""Nodes, from which on a club is simulated as independent halves."""
SHARDS: Final = 2


class Plan(Value, frozen=True, kw_only=True):
    """One simulation of one club. Equal plans have equal results."""

    nodes: int = 1000
    days: int = 90
    seed: int = 1
    rules: Rules = CLUB
    as_asked: bool = False
    """One task in ten is compared before delivery, no other check is made, and the pool
    is shared by points. Otherwise nodes are checked after their work as the rules say,
    and the club's own close pays them."""
    mix: dict[str, Population] = msgspec.field(default_factory=PRESETS.copy)
    tasks_per_day: int = TASKS_PER_DAY
    """For each node of the club."""


def rules_without(policies: tuple[str, ...]) -> Rules:
    """The club's rules with some policies off. Raises `ValueError` for other names."""
    unknown = next((each for each in policies if each not in POLICIES), None)
    if unknown is not None:
        msg = f"{unknown!r} is none of the policies {', '.join(POLICIES)}"
        raise ValueError(msg)
    return Rules(**dict.fromkeys(policies, False))


def as_asked(plan: Plan) -> Plan:
    """The same club by the numbers that were asked for, and nothing else."""
    return Plan(
        nodes=plan.nodes,
        days=plan.days,
        seed=plan.seed,
        rules=ASKED,
        as_asked=True,
        mix=plan.mix,
        tasks_per_day=plan.tasks_per_day,
    )


def shards(plan: Plan) -> list[Plan]:
    """The clubs in whose place the plan stands: itself, or two independent halves.

    How many depends on the nodes alone, so a seed gives the same on every machine.
    """
    if plan.nodes < SHARDED_FROM:
        return [plan]
    sizes = [
        plan.nodes * (place + 1) // SHARDS - plan.nodes * place // SHARDS
        for place in range(SHARDS)
    ]
    return [
        Plan(
            nodes=nodes,
            days=plan.days,
            seed=plan.seed * SHARDS + place,
            rules=plan.rules,
            as_asked=plan.as_asked,
            mix=plan.mix,
            tasks_per_day=plan.tasks_per_day,
        )
        for place, nodes in enumerate(sizes)
    ]
