"""Who asks over HTTP, and from where: what every route of the coordinator begins with.

Nothing is decided by a path: each endpoint says what it takes.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.accounts import Accounts
from clubai.coordinator.grants import Member
from clubai.coordinator.replies import Endpoint, address_of, bearer_of, guarded
from clubai.errors import PermissionDenied

_READING: Final = ("GET", "HEAD")
_USUAL_PORTS: Final = (80, 443)


def api_route(path: str, endpoint: Endpoint, method: str) -> Route:
    """A route whose errors are replies, and that changes nothing for foreign pages."""

    async def own_pages_only(request: Request) -> ASGIApp:
        refuse_foreign_origin(request)
        return await endpoint(request)

    chosen = endpoint if method in _READING else own_pages_only
    return Route(path, guarded(chosen), methods=[method])


async def caller(accounts: Accounts, connection: HTTPConnection) -> Member:
    """The member who asks.

    Raises:
        AuthenticationError: nobody is known by what the request brings.
        RateLimited: too many from its address were not.
    """
    bearer = bearer_of(connection.headers.get("authorization"))
    return await accounts.authenticate(bearer, address_of(connection))


def refuse_foreign_origin(connection: HTTPConnection) -> None:
    """Refuse what a web page of another host asks for. Raises `PermissionDenied`."""
    origin = connection.headers.get("origin")
    if origin is None:
        return
    host = connection.headers.get("host", "")
    if _host_of(origin) != _host_of(f"//{host}") or not _host_of(origin):
        reason = "a web page of another address asks for it"
        raise PermissionDenied("changing anything here", reason)


def _host_of(url: str) -> tuple[str, int | None] | None:
    """Host and unusual port. Of a usual one a proxy on the way leaves no trace."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return parts.hostname, None if port in _USUAL_PORTS else port
