"""One node as the registry keeps it. Only the registry changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from clubai.core.pools import Load, Place
from clubai.model import (
    MemberId,
    ModelOffer,
    NodeId,
    NodeSnapshot,
    NodeStanding,
    NodeState,
    TaskId,
)

Hold = Literal["paused", "draining"]
"""How an owner keeps new work from a node: both do, and differ in what is shown."""


@dataclass(slots=True, eq=False)
class Node:
    """One node that is connected."""

    id: NodeId
    text: str
    """Its id for people."""
    name: str
    owner: MemberId
    backend: str
    program: str
    vram_gb: float
    joined_at: float
    seen_at: float
    models: tuple[ModelOffer, ...] = ()
    slots: int = 0
    paused: bool = False
    draining: bool = False
    held: Hold | None = None
    """By its owner's word at the coordinator; it outlives the connection."""
    silent: bool = False
    """Nothing was heard for a while: suspect."""
    barred: bool = False
    """It gets no members' work for now, by its standing; checks may still come."""
    refusing: bool = False
    """It said that it is busy though we thought it free; until its next word."""
    failed_in_row: int = 0
    tasks_done: int = 0
    tasks_failed: int = 0
    tokens_per_second: float = 0.0
    leases: dict[TaskId, int] = field(default_factory=dict)
    """The attempt by which it holds each task."""
    places: dict[str, Place] = field(default_factory=dict)
    standing: NodeStanding | None = None
    """None: nobody judges nodes here."""
    snapshot: NodeSnapshot | None = None
    """Made when somebody looks, dropped when anything changes."""

    @property
    def state(self) -> NodeState:
        """In one word, the most hindering first."""
        if self.silent:
            return "suspect"
        if self.draining or self.held == "draining":
            return "draining"
        return "paused" if self.paused or self.held else "alive"

    @property
    def serving(self) -> bool:
        """Whether it gets members' work, now or as soon as it is heard from again."""
        return self.working and not self.barred

    @property
    def working(self) -> bool:
        """Whether it takes work at all: neither it nor its owner says no."""
        return not (self.paused or self.draining or self.held)

    @property
    def free(self) -> int:
        """Slots that members' work may lease now."""
        return 0 if self.barred else self.room

    @property
    def room(self) -> int:
        """Slots that may be leased now, if only for checks."""
        if not self.working or self.silent or self.refusing:
            return 0
        return max(self.slots - len(self.leases), 0)

    @property
    def load(self) -> Load:
        """What it adds to the counts at this moment."""
        serving = self.serving
        return Load(
            node=self.id,
            serving=serving,
            silent=self.silent,
            slots=self.slots,
            used=len(self.leases),
            free=self.room if serving else 0,
            failing=self.failed_in_row > 0,
        )


def node_snapshot(node: Node, state: NodeState) -> NodeSnapshot:
    """Show a node as it is, in the given state."""
    return NodeSnapshot(
        id=node.text,
        name=node.name,
        state=state,
        owner=node.owner,
        backend=node.backend,
        models=node.models,
        slots=node.slots,
        slots_used=len(node.leases),
        vram_gb=node.vram_gb,
        tokens_per_second=node.tokens_per_second,
        tasks_done=node.tasks_done,
        tasks_failed=node.tasks_failed,
        joined_at=node.joined_at,
        seen_at=node.seen_at,
        version=node.program,
        standing=node.standing,
    )
