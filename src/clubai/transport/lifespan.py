"""The lifespan of an ASGI application: told to start, and told to stop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import anyio

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from clubai.transport.limits import App

STOP_TIMEOUT_S: Final = 5.0

_log = logging.getLogger("clubai.transport.server")


class Lifespan:
    """Runs the application's lifespan; `failure` is why it could not start."""

    def __init__(self, app: App) -> None:
        self.state: dict[str, Any] = {}
        self.failure: Exception | None = None
        self._app = app
        self._scope = anyio.CancelScope(shield=True)
        self._asked = 0
        self._started = anyio.Event()
        self._stop = anyio.Event()
        self._stopped = anyio.Event()
        self._refused = ""

    async def run(self) -> None:
        """Run in the caller's task group; ends after `stop`."""
        scope = {
            "type": "lifespan",
            "asgi": {"spec_version": "2.0", "version": "3.0"},
            "state": self.state,
        }
        try:
            with self._scope:
                await self._app(scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - an application may raise anything
            # Before it started, an error means that it has no lifespan, unless it
            # said that it failed.
            if self._started.is_set():
                _log.exception("the application's lifespan failed")
            elif self._refused:
                self.failure = error
        finally:
            if self._refused and not self.failure and not self._started.is_set():
                self.failure = RuntimeError(self._refused)
            self._started.set()
            self._stopped.set()

    async def started(self) -> None:
        """Wait until the application is ready, or has `failure`."""
        await self._started.wait()

    async def stop(self) -> None:
        """Let the application clean up, for a bounded time."""
        self._stop.set()
        with anyio.move_on_after(STOP_TIMEOUT_S, shield=True):
            await self._stopped.wait()
        self._scope.cancel()

    async def _receive(self) -> MutableMapping[str, Any]:
        self._asked += 1
        if self._asked == 1:
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        match message["type"]:
            case "lifespan.startup.complete":
                self._started.set()
            case "lifespan.startup.failed":
                self._refused = message.get("message") or "the application gave up"
            case "lifespan.shutdown.complete" | "lifespan.shutdown.failed":
                self._stopped.set()
            case other:
                raise RuntimeError(f"{other!r} does not belong to a lifespan")
