from __future__ import annotations

import pytest

from clubai.model import NodeStanding
from clubai.tui.acts.nodes import NODE_ACTS, node_acts, node_path
from support.dashboard import node, node_id

ATTIC = f"/api/nodes/{node_id(0)[:12]}"
TRUSTED = NodeStanding(points=1, held=0, trusted=True)
KNOWN = NodeStanding(points=1, held=0)


@pytest.mark.parametrize(
    ("what", "method", "path", "reason"),
    [
        ("drain", "PUT", "/drain", ""),
        ("pause", "PUT", "/pause", ""),
        ("resume", "DELETE", "/pause", ""),
        ("kick", "DELETE", "/connection", "why"),
        ("note", "POST", "/note", "text"),
        ("trust", "DELETE", "/trusted", ""),
    ],
)
def test_each_act_is_one_call(what: str, method: str, path: str, reason: str) -> None:
    act = NODE_ACTS[what](node(0))  # a trusted one

    assert (act.method, act.path, act.reason) == (method, ATTIC + path, reason)
    assert act.asks
    assert act.done
    assert "attic" in act.title


def test_trust_is_given_or_taken_back() -> None:
    assert NODE_ACTS["trust"](node(1)).method == "PUT"
    assert NODE_ACTS["trust"](node(1, standing=None)).method == "PUT"


@pytest.mark.parametrize(
    ("what", "state", "says"),
    [
        ("drain", "draining", "barn is draining already."),
        ("pause", "paused", "barn is paused already."),
        ("resume", "alive", "barn is at work already."),
        ("kick", "lost", "barn is not connected."),
    ],
)
def test_what_is_so_already_is_left_out(what: str, state: str, says: str) -> None:
    assert node_acts(what, [node(1, state=state)]) == ([], says)
    acts, left_out = node_acts(what, [node(1, state="suspect")])
    assert (len(acts), left_out) == (1, "")


def test_of_several_the_others_are_done_and_the_rest_is_counted() -> None:
    nodes = [node(number, state="alive") for number in range(5)]

    acts, left_out = node_acts("resume", [*nodes, node(5, state="lost")])

    assert [act.title for act in acts] == ["Resume forge"]
    assert left_out == "attic, barn, cellar and 2 more are at work already."


def test_of_mixed_ones_those_that_are_not_trusted_become_so() -> None:
    mixed = [node(0, standing=TRUSTED), node(1, standing=KNOWN)]

    acts, left_out = node_acts("trust", mixed)

    assert [(act.method, act.title) for act in acts] == [("PUT", "Trust barn")]
    assert left_out == "attic is trusted already."
    assert node_acts("trust", mixed[:1])[0][0].method == "DELETE"
    assert node_acts("trust", []) == ([], "")


def test_a_node_cannot_change_the_path() -> None:
    assert node_path("../x", "drain") == "/api/nodes/..%2Fx/drain"
