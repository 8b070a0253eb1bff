"""Where a request comes from, when some of them come through a proxy.

A proxy that is trusted says in `X-Forwarded-For` who asked it. Nobody else is believed:
anybody can write that header.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_FORWARDED: Final = b"x-forwarded-for"
_HEADER_LENGTH: Final = 1024
_KINDS: Final = ("http", "websocket")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BehindProxies:
    """An application whose requests come from whom the trusted proxies say.

    Args:
        app: What serves them.
        trusted: Addresses and networks, as text.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[str]) -> None:
        self._app = app
        self._trusted = [ipaddress.ip_network(each, strict=False) for each in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._trusted and scope["type"] in _KINDS:
            scope = {**scope, "client": (self._origin(scope), 0)}
        await self._app(scope, receive, send)

    def _origin(self, scope: Scope) -> str:
        """The last hop that is none of the proxies; an unreadable one ends the way."""
        found = caller_address(scope)
        for hop in reversed(_hops(scope)):
            if not self._trusts(found):
                break
            address = _read(hop)
            if address is None:
                break
            found = str(address)
        return found

    def _trusts(self, text: str) -> bool:
        address = _read(text)
        return address is not None and any(address in each for each in self._trusted)


def caller_address(scope: Scope) -> str:
    """Where a request came from; empty when that is not known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _hops(scope: Scope) -> list[str]:
    lines = [value for name, value in scope["headers"] if name == _FORWARDED]
    text = b",".join(lines)[-_HEADER_LENGTH:].decode("latin-1")
    return [hop.strip() for hop in text.split(",") if hop.strip()]


def _read(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
