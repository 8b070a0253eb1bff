"""What stands before the gateway on a member's own machine.

Everything that runs here, and every web page that is open here, can reach a loopback
port. The key says which programs may ask; this says that no page may, whatever key it
has: a browser sends an `Origin` with what a page asks for, and a name that a page has
made point here (DNS rebinding) is no name of this machine.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from clubai.gateway.app import new_request_id
from clubai.gateway.exchange import Clock, Exchange
from clubai.gateway.problems import Problem, foreign_host, from_a_page, no_such_path

LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
HEALTH_PATH: Final = "/health"

_PATHS: Final = frozenset({"/v1", "/inference", HEALTH_PATH})
_BELOW: Final = "/v1/"
_PORT: Final = re.compile(r"(:[0-9]{1,5})?")
_FROM_PAGES: Final = frozenset({b"origin", b"access-control-request-method"})


class LocalGuard:
    """An ASGI application that lets only local programs through to `app`.

    Args:
        app: What is guarded; it sees HTTP requests and the lifespan, no WebSocket.
        clock: Seconds that only go forward.
        new_id: Names the requests that are refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        clock: Clock = time.monotonic,
        new_id: Callable[[], str] = new_request_id,
    ) -> None:
        self._app = app
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        match scope["type"]:
            case "lifespan":
                await self._app(scope, receive, send)
            case "http":
                problem = refusal(scope)
                if problem is None:
                    await self._app(scope, receive, send)
                    return
                exchange = Exchange(
                    scope, receive, send, clock=self._clock, request=self._new_id()
                )
                await exchange.refuse(problem)
            case _:
                await send({"type": "websocket.close", "code": 1008})


def refusal(scope: Scope) -> Problem | None:
    """Say why a request may not pass, or None when it may."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not is_local_name(hosts[0].decode("latin-1")):
        return foreign_host(", ".join(LOCAL_NAMES))
    if any(name in _FROM_PAGES for name, _ in scope["headers"]):
        return from_a_page()
    path = scope["path"]
    if path not in _PATHS and not path.startswith(_BELOW):
        return no_such_path(path)
    return None


def is_local_name(host: str) -> bool:
    """Tell whether a `Host` header names this machine, with or without a port."""
    host = host.lower()
    return any(
        host.startswith(name) and _PORT.fullmatch(host, len(name)) is not None
        for name in LOCAL_NAMES
    )
