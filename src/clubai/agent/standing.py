"""What the agent says of its node, and who must know when that changes."""

from __future__ import annotations

from typing import Final

import anyio

from clubai.agent.backends.base import BackendInfo
from clubai.model import ModelOffer

MOST_WANTED: Final = 64
"""Slots that an owner can ask for."""


class Standing:
    """The node as it is now: models, slots, paused, draining."""

    def __init__(self) -> None:
        self.models: tuple[ModelOffer, ...] = ()
        self.slots = 1
        """Requests that the club may give at once: as the owner wants, or as many as
        the backend has."""
        self.wanted_slots = 0
        """What the owner wants; 0: as many as the backend has."""
        self._offered = 1
        self._most = 0
        self.backend = ""
        """Kind and version of the model server, for people."""
        self.paused = False
        self.draining = False
        self.changed = anyio.Event()
        """Set, and replaced, when the club should hear of it before its time."""
        self._look_again = anyio.Event()

    def update(self, info: BackendInfo) -> None:
        """Take over what a look at the backend found."""
        before = (self.models, self.slots)
        self.backend = f"{info.kind} {info.version}".strip()
        self.models = info.models
        self._offered, self._most = info.slots, info.most_slots
        self.slots = self._slots()
        if before != (self.models, self.slots):
            self._announce()

    def want_slots(self, wanted: int) -> None:
        """Take so many requests at once, or as many as can be; 0: as the backend has.

        Raises:
            ValueError: it is below 0, or above `MOST_WANTED`.
        """
        if not 0 <= wanted <= MOST_WANTED:
            msg = f"{wanted} slots: give 1 to {MOST_WANTED}, or 0 for the backend's own"
            raise ValueError(msg)
        self.wanted_slots = wanted
        before, self.slots = self.slots, self._slots()
        if before != self.slots:
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

    async def wait_draining(self) -> None:
        """Wait until the node is to go."""
        while not self.draining:
            await self.changed.wait()

    def look_again(self) -> None:
        """The backend surprised us: read it before its time."""
        self._look_again.set()

    async def wait_due(self, seconds: float) -> None:
        """Wait until the backend is to be read again."""
        with anyio.move_on_after(seconds):
            await self._look_again.wait()
        self._look_again = anyio.Event()

    def _slots(self) -> int:
        if not self.wanted_slots:
            return self._offered
        return min(self.wanted_slots, self._most or self.wanted_slots)

    def _announce(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()
