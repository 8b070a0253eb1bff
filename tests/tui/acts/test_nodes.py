from __future__ import annotations

from clubai.tui.acts.nodes import NODE_ACTS, node_path
from support.dashboard import node


def test_nodes_are_drained_and_resumed() -> None:
    attic = node(0)
    acts = [make(attic) for make in NODE_ACTS.values()]

    assert [act.title for act in acts[:2]] == ["Drain attic", "Resume attic"]
    assert [act.method for act in acts[:2]] == ["PUT", "DELETE"]
    assert all(act.asks for act in acts)


def test_a_path_holds_any_name() -> None:
    assert node_path("a/b ?", "drain") == "/api/nodes/a%2Fb%20%3F/drain"
