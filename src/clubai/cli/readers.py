"""How the commands say who can read a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from clubai.model import ReadableBy

READERS: Final[dict[ReadableBy, str]] = {
    "node": "the node that answers; not the coordinator",
    "coordinator and node": "the coordinator, and the node that answers",
}
