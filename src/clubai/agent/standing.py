"""What the agent says of its node, and who must know when that changes."""

from __future__ import annotations

import anyio

from clubai.agent.backends.base import BackendInfo
from clubai.model import ModelOffer


class Standing:
    """The node as it is now: models, slots, paused, draining."""

    def __init__(self) -> None:
        self.models: tuple[ModelOffer, ...] = ()
        self.slots = 1
        self.backend = ""
        """Kind and version of the model server, for people."""
        self.paused = False
        self.draining = False
        self.changed = anyio.Event()
        """Set, and replaced, when the club should hear of it before its time."""
        self._look_again = anyio.Event()

    def update(self, info: BackendInfo) -> None:
        """Take over what a look at the backend found."""
        found = (info.models, info.slots)
        self.backend = f"{info.kind} {info.version}".strip()
        if found != (self.models, self.slots):
            self.models, self.slots = found
            self._announce()

    def lose_backend(self) -> None:
        """The backend does not answer: the node offers nothing until it does."""
        if self.models:
            self.models = ()
            self._announce()

    def pause(self) -> None:
        """Take no new work until `resume`; what runs goes on."""
        self.paused = True
        self._announce()

    def resume(self) -> None:
        """Take work again."""
        self.paused = False
        self._announce()

    def drain(self) -> None:
        """Take no new work any more: the node is about to go."""
        self.draining = True
        self._announce()

    def look_again(self) -> None:
        """The backend surprised us: read it before its time."""
        self._look_again.set()

    async def wait_due(self, seconds: float) -> None:
        """Wait until the backend is to be read again."""
        with anyio.move_on_after(seconds):
            await self._look_again.wait()
        self._look_again = anyio.Event()

    def _announce(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()
