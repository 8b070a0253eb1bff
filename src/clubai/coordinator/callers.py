"""Who asks over HTTP, and from where: what every route of the coordinator begins with.

Nothing is decided by a path: each endpoint says what it takes.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.accounts import Accounts
from clubai.coordinator.grants import Member
from clubai.coordinator.origins import refuse_foreign
from clubai.coordinator.replies import Endpoint, address_of, guarded
from clubai.transport.bearer import bearer_token

_READING: Final = ("GET", "HEAD")


def api_route(path: str, endpoint: Endpoint, method: str) -> Route:
    """A route whose errors are replies, and that changes nothing for foreign pages."""

    async def own_pages_only(request: Request) -> ASGIApp:
        refuse_foreign(request)
        return await endpoint(request)

    chosen = endpoint if method in _READING else own_pages_only
    return Route(path, guarded(chosen), methods=[method])


async def caller(accounts: Accounts, connection: HTTPConnection) -> Member:
    """The member who asks.

    Raises:
        AuthenticationError: nobody is known by what the request brings.
        RateLimited: too many from its address were not.
    """
    bearer = bearer_token(connection.headers.get("authorization"))
    return await accounts.authenticate(bearer, address_of(connection))
