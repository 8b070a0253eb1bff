"""What can be done to nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from clubai.model import NICKNAME_LENGTH, NodeSnapshot
from clubai.tui.acts.act import Act
from clubai.tui.tables.nodes import node_name


def node_path(node: str, tail: str) -> str:
    """The path of something of a node."""
    return f"/api/nodes/{quote(node, safe='')}/{tail}"


def drain(node: NodeSnapshot) -> Act:
    """Let a node end what it has, and take nothing new."""
    return Act(
        f"Drain {node_name(node)}",
        "It ends what it works on and gets nothing new, until it is resumed.",
        "PUT",
        node_path(node.id[:NICKNAME_LENGTH], "drain"),
        {},
    )


def resume(node: NodeSnapshot) -> Act:
    """Let a node that is paused or drained go on."""
    return Act(
        f"Resume {node_name(node)}",
        "It gets tasks again.",
        "DELETE",
        node_path(node.id[:NICKNAME_LENGTH], "pause"),
    )


NODE_ACTS: Final[dict[str, Callable[[NodeSnapshot], Act]]] = {
    "drain": drain,
    "resume": resume,
}
"""By the name in the screens' bindings."""
