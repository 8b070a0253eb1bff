"""Which role may do and see what: the coordinator's rules, as the screens offer them.

The coordinator decides. What stands here only keeps keys away that it would refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

ROLES: Final = ("member", "moderator", "treasurer", "operator", "auditor")
_OPERATOR: Final = ("operator",)
_DECIDING: Final = ("operator", "moderator")

DOES: Final[Mapping[str, Sequence[str]]] = {
    "drain": _OPERATOR,
    "pause": _OPERATOR,
    "resume": _OPERATOR,
    "kick": _OPERATOR,
    "note": _OPERATOR,
    "trust": _OPERATOR,
    "cancel": _OPERATOR,
    "adjust": _OPERATOR,
    "reinstate": _DECIDING,
    "uphold": _DECIDING,
    "dismiss": _DECIDING,
    "invite": ROLES,
    "role": _OPERATOR,
    "revoke": _OPERATOR,
}
"""The roles that may do an act, by its name in the screens' bindings."""
OWN: Final = ("drain", "pause", "resume", "cancel", "revoke")
"""What everybody may do to their own nodes, tasks and keys."""
SEES: Final[Mapping[str, Sequence[str]]] = {
    "members": (*_DECIDING, "auditor"),
    "reviews": (*_DECIDING, "auditor"),
    "notes": ("operator", "auditor"),
    "tasks": _OPERATOR,
}
"""The roles that see something: all members, reviews, notes on nodes, others' tasks."""


def may_do(role: str, what: str) -> bool:
    """Whether the key of an act is there: for all things, or for one's own."""
    return what in OWN or role in DOES[what]


def may_see(role: str, what: str) -> bool:
    """Whether something is shown."""
    return role in SEES[what]
