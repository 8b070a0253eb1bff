"""How the coordinator's routes read a request, and how they say what went wrong.

Every error has one shape: `{"error": {message, type, param, code}}`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from clubai.coordinator.origins import refuse_foreign
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConfigError,
    NotFound,
    PermissionDenied,
    RateLimited,
    StorageError,
    TooLate,
)
from clubai.protocol.decoding import UNREADABLE
from clubai.transport.addresses import caller_address

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[ASGIApp]]

MAX_BODY_BYTES: Final = 65_536

_INVALID: Final = "invalid_request_error"
_SERVER: Final = "server_error"
_STORE_RETRY_S: Final = 5
_READING: Final = ("GET", "HEAD")

logger = logging.getLogger(__name__)


class BodyTooBig(ClubAIError):
    """A request's body is over `MAX_BODY_BYTES`."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, as HTTP says it."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = {}

    def reply(self) -> Response:
        """The whole response."""
        envelope = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return json_reply(
            {"error": envelope}, status_code=self.status, headers=self.headers
        )


INTERNAL: Final = Problem(
    status=500,
    type=_SERVER,
    code="internal",
    message="the coordinator failed; the operator's log has the reason",
)


def problem_of(error: ClubAIError) -> Problem:
    """Say an error as HTTP does; `INTERNAL` for what only the operator may know."""
    message = str(error)
    match error:
        case AuthenticationError():
            return Problem(
                status=401,
                type="authentication_error",
                code="invalid_credentials",
                message=message,
                headers={"www-authenticate": 'Bearer realm="clubai"'},
            )
        case PermissionDenied():
            return Problem(
                status=403,
                type="permission_error",
                code="permission_denied",
                message=message,
            )
        case NotFound():
            return Problem(
                status=404,
                type="not_found_error",
                code="not_found",
                message=message,
            )
        case TooLate():
            return Problem(status=409, type=_INVALID, code="too_late", message=message)
        case RateLimited():
            return Problem(
                status=429,
                type="rate_limit_error",
                code="rate_limited",
                message=message,
                headers={"retry-after": str(max(math.ceil(error.retry_after), 1))},
            )
        case ConfigError():
            return Problem(
                status=400,
                type=_INVALID,
                code="invalid_value",
                message=message,
                param=error.field,
            )
        case BodyTooBig():
            return Problem(
                status=413, type=_INVALID, code="request_too_large", message=message
            )
        case StorageError():
            return Problem(
                status=503,
                type=_SERVER,
                code="storage",
                message="the club cannot use its store now; the operator's log has the"
                " reason",
                headers={"retry-after": str(_STORE_RETRY_S)},
            )
    return INTERNAL


def unknown_path(path: str) -> Problem:
    """Nothing is at `path`."""
    return Problem(
        status=404,
        type="not_found_error",
        code="unknown_path",
        message=f"there is nothing at {path}: /openapi.json says what there is",
    )


def wrong_method(method: str, path: str, allowed: str) -> Problem:
    """`path` is for other methods."""
    return Problem(
        status=405,
        type=_INVALID,
        code="method_not_allowed",
        message=f"{method} is not for {path}: use {allowed}",
        headers={"allow": allowed},
    )


def upgrade_required(path: str) -> Problem:
    """`path` is for WebSockets only."""
    return Problem(
        status=426,
        type=_INVALID,
        code="upgrade_required",
        message=f"{path} takes WebSockets only: a proxy on the way must pass the"
        " headers Upgrade and Connection",
        headers={"upgrade": "websocket", "connection": "upgrade"},
    )


def guarded(endpoint: Endpoint) -> Endpoint:
    """`endpoint`, whose errors are replies."""

    async def guard(request: Request) -> ASGIApp:
        try:
            if request.method not in _READING:
                refuse_foreign(request)
            return await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except ClubAIError as error:
            return refusal(error)
        except Exception as error:  # noqa: BLE001 - its bug costs its own request only
            return refusal(error)

    return guard


def refusal(error: Exception) -> Response:
    """The reply to a request that ended in `error`."""
    problem = problem_of(error) if isinstance(error, ClubAIError) else INTERNAL
    if problem.status >= 500:
        logger.error("a request failed: %s", error, exc_info=error)
    return problem.reply()


def address_of(connection: HTTPConnection) -> str:
    """Where a request came from; empty when that is not known."""
    return caller_address(connection.scope)


async def read_body(request: Request, type_: type[T]) -> T:
    """Read a JSON body.

    Raises:
        ConfigError: it is not what it should be.
        BodyTooBig: it is too long.
    """
    data = b""
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            data += piece
            if len(data) > MAX_BODY_BYTES:
                raise BodyTooBig(f"the body is too big: at most {MAX_BODY_BYTES} bytes")
    try:
        return msgspec.json.decode(data or b"{}", type=type_)
    except UNREADABLE as error:
        raise ConfigError("body", "...", str(error)) from error


def whole_number(text: str, field: str, *, digits: int = 6) -> int:
    """Read a number of a query, of at most so many digits. Raises `ConfigError`."""
    if not text.isascii() or not text.isdigit() or len(text) > digits:
        most = 10**digits - 1
        raise ConfigError(field, text[:80], f"give a whole number from 0 to {most}")
    return int(text)


def json_reply(
    value: Any, *, status_code: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response."""
    return Response(
        msgspec.json.encode(value),
        status_code=status_code,
        headers=headers,
        media_type="application/json",
    )
