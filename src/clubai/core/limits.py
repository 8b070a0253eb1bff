"""The numbers by which the coordinator's machine decides, all in one struct."""

from __future__ import annotations

import msgspec


class CoordinatorLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds. The defaults suit heartbeats every 15 s."""

    suspect_after_s: float = 25.0
    """A node that is silent for so long gets no new work."""
    lost_after_s: float = 45.0
    """A node that is silent for so long is dropped, and its work tried elsewhere."""
    offer_s: float = 15.0
    """From an offer to the node's acceptance."""
    lease_s: float = 45.0
    """How long a node may hold a task without listing it in a heartbeat."""
    missed_reports: int = 2
    """Heartbeats in a row that do not list an accepted task: the node lost it."""
    max_attempts: int = 3
    max_queue: int = 2048
    max_queue_member: int = 512
    say_wait_s: float = 5.0
    """A waiting task is looked at anew, and its client told of a change, this often."""
    load_s: float = 20.0
    """Assumed time to load a cold model: a shorter wait for a warm one is better."""
    returning_s: float = 10.0
    """How long after a node is gone a task may wait for it to come back."""
    remember_model_s: float = 3600.0
    """How long a model is known to the club after its last node is gone."""
    show_lost_s: float = 600.0
    """How long a silent node that was dropped stays in the snapshots."""
    timeout_after_s: float = 60.0
    """A task that expires sooner after a node accepted it is not the node's timeout."""
    canary_every_s: float = 900.0
    """A node that gets no members' work owes an audit this often: it may earn its way
    back."""
    retry_after_s: float = 15.0
    """What a refused client is told where nothing better was measured."""
    ended_kept: int = 200
    """Ended tasks that snapshots and stories still show."""
