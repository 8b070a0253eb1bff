"""What can be done to nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        "It ends what it works on and gets nothing new, until it is resumed. For a "
        "machine that is to be stopped.",
        "PUT",
        _path(node, "drain"),
        {},
        done="It ends what it has.",
    )


def pause(node: NodeSnapshot) -> Act:
    """Give a node nothing new for a while."""
    return Act(
        f"Pause {node_name(node)}",
        "It gets nothing new until it is resumed, and ends what it works on.",
        "PUT",
        _path(node, "pause"),
        {},
        done="It gets nothing new.",
    )


def resume(node: NodeSnapshot) -> Act:
    """Let a node that is paused or drained go on."""
    return Act(
        f"Resume {node_name(node)}",
        "It gets tasks again.",
        "DELETE",
        _path(node, "pause"),
        done="It gets tasks again.",
    )


def kick(node: NodeSnapshot) -> Act:
    """End a node's connection."""
    return Act(
        f"Kick {node_name(node)}",
        "Its connection ends and its tasks go to other nodes. It loses no points, and "
        "it may come back by itself: Pause keeps work from it. It is told why.",
        "DELETE",
        _path(node, "connection"),
        {},
        reason="why",
        done="It is disconnected.",
    )


def note(node: NodeSnapshot) -> Act:
    """Leave a remark on a node."""
    return Act(
        f"Note on {node_name(node)}",
        "One line of at most 200 characters. It is kept in the audit log, for "
        "operators and auditors.",
        "POST",
        _path(node, "note"),
        {},
        reason="text",
        done="It is noted.",
    )


def trust(node: NodeSnapshot) -> Act:
    """Make a node a reference for others, or take that back."""
    if _trusted(node):
        return Act(
            f"Trust {node_name(node)} no longer",
            "Its answers are no longer what others are compared with.",
            "DELETE",
            _path(node, "trusted"),
            done="It is no reference any more.",
        )
    return Act(
        f"Trust {node_name(node)}",
        "It becomes a reference: the answers of other nodes are compared with its own.",
        "PUT",
        _path(node, "trusted"),
        {},
        done="It is a reference now.",
    )


NODE_ACTS: Final[dict[str, Callable[[NodeSnapshot], Act]]] = {
    "drain": drain,
    "pause": pause,
    "resume": resume,
    "kick": kick,
    "note": note,
    "trust": trust,
}
"""By the name in the screens' bindings."""
_LEAVES_OUT: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "drain": (("draining",), "draining already"),
    "pause": (("paused",), "paused already"),
    "resume": (("alive",), "at work already"),
    "kick": (("lost",), "not connected"),
}
"""The states in which there is nothing to do, and what they are called."""


def node_acts(what: str, nodes: Sequence[NodeSnapshot]) -> tuple[list[Act], str]:
    """What there is to do to these nodes, and which of them are left out, in words."""
    states, word = _LEAVES_OUT.get(what, ((), ""))
    some = [node for node in nodes if node.state not in states]
    if what == "trust" and not all(map(_trusted, some)):
        some, word = [node for node in some if not _trusted(node)], "trusted already"
    kept = {node.id for node in some}
    left = [node_name(node) for node in nodes if node.id not in kept]
    verb = "is" if len(left) == 1 else "are"
    names = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if left[3:] else "")
    return [NODE_ACTS[what](node) for node in some], (
        f"{names} {verb} {word}." if left else ""
    )


def _trusted(node: NodeSnapshot) -> bool:
    return node.standing is not None and node.standing.trusted


def _path(node: NodeSnapshot, tail: str) -> str:
    return node_path(node.id[:NICKNAME_LENGTH], tail)
