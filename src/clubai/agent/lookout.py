"""Looks at the model server, now and then and when asked, and tells the standing."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
import msgspec

from clubai.agent.backends.base import Backend, BackendInfo
from clubai.agent.standing import Standing
from clubai.agent.view import BackendView
from clubai.errors import BackendError
from clubai.model import ModelOffer

logger = logging.getLogger(__name__)


class Lookout:
    """The looks at one model server; `wall_ms` gives Unix milliseconds."""

    def __init__(
        self, backend: Backend, standing: Standing, *, wall_ms: Callable[[], int]
    ) -> None:
        self._backend = backend
        self._standing = standing
        self._wall_ms = wall_ms
        self._lock = anyio.Lock()
        self._info = BackendInfo(kind="", version="", url="", models=(), slots=0)
        self._looked_at = 0.0
        self._error = ""

    async def first(self) -> None:
        """Look for the first time. Raises `BackendError`."""
        self._take(await self._backend.look())

    async def look(self) -> bool:
        """Look now; whether the server answered."""
        async with self._lock:  # of two answers the later one must count
            try:
                self._take(await self._backend.look())
            except BackendError as error:
                logger.warning("the backend does not answer: %s", error)
                self._error, self._looked_at = str(error), self._wall_ms() / 1000
                self._standing.lose_backend()
            return not self._error

    async def watch(self, every_s: float) -> None:
        """Look so often, and sooner when the standing asks, until cancelled."""
        while True:
            await self._standing.wait_due(every_s)
            await self.look()

    def view(self, speed: Callable[[str], float]) -> BackendView:
        """What was found; `speed` gives a model's tokens per second, 0: unknown."""
        info = self._info
        return BackendView(
            kind=info.kind,
            version=info.version,
            url=info.url,
            models=tuple(_measured(offer, speed(offer.name)) for offer in info.models),
            slots=info.slots,
            most_slots=info.most_slots,
            answers=not self._error,
            looked_at=self._looked_at,
            error=self._error,
        )

    def _take(self, info: BackendInfo) -> None:
        self._info, self._error = info, ""
        self._looked_at = self._wall_ms() / 1000
        self._standing.update(info)


def _measured(offer: ModelOffer, speed: float) -> ModelOffer:
    if not speed:
        return offer
    return msgspec.structs.replace(offer, tokens_per_second=round(speed, 1))
