from __future__ import annotations

import pytest

from clubai.core.nodes import Node, node_snapshot
from clubai.model import MemberId, NodeState
from support.scene import node_id, task_id


def make(**fields: object) -> Node:
    node = Node(
        id=node_id("a"),
        text="a-text",
        name="a",
        owner=MemberId("m_owner"),
        backend="generic",
        program="agent 1",
        vram_gb=8.0,
        joined_at=100.0,
        seen_at=100.0,
        slots=2,
    )
    for name, value in fields.items():
        setattr(node, name, value)
    return node


@pytest.mark.parametrize(
    ("fields", "state", "free"),
    [
        ({}, "alive", 2),
        ({"silent": True}, "suspect", 0),
        ({"paused": True}, "paused", 0),
        ({"draining": True}, "draining", 0),
        ({"draining": True, "paused": True}, "draining", 0),
        ({"silent": True, "paused": True}, "suspect", 0),
        ({"held": "paused"}, "paused", 0),
        ({"held": "draining", "paused": True}, "draining", 0),
        ({"held": "paused", "draining": True}, "draining", 0),
        ({"refusing": True}, "alive", 0),
        ({"leases": {task_id("t"): 0}}, "alive", 1),
        ({"leases": {task_id("t"): 0, task_id("u"): 1}, "slots": 1}, "alive", 0),
    ],
)
def test_the_state_says_whether_there_is_room(
    fields: dict[str, object], state: NodeState, free: int
) -> None:
    node = make(**fields)

    assert (node.state, node.free) == (state, free)


def test_the_snapshot_shows_the_leases_as_used_slots() -> None:
    snapshot = node_snapshot(make(leases={task_id("t"): 0}), "lost")

    assert (snapshot.state, snapshot.slots, snapshot.slots_used) == ("lost", 2, 1)
    assert snapshot.version == "agent 1"
