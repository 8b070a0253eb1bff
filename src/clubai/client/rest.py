"""The few calls to a club's HTTP API that commands make: accounts and health."""

from __future__ import annotations

from typing import Any, Final

import httpx
import msgspec

from clubai import __version__
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConnectFailed,
    PermissionDenied,
)
from clubai.protocol.decoding import UNREADABLE
from clubai.transport.fetch import read_body

TIMEOUT_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 1 << 26


class ApiError(ClubAIError):
    """The club answered, and refused: `status` and what it said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def call(
    method: str,
    url: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    key: str = "",
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """Make one call and return the JSON object it answers.

    Raises:
        ConnectFailed: nobody answers there, or not a club.
        AuthenticationError, PermissionDenied: on 401 and 403; the key can be none.
        ApiError: any other refusal.
    """
    # Compressed, a short answer could become a long one.
    headers = {"user-agent": f"clubai/{__version__}", "accept-encoding": "identity"}
    if key:
        headers["authorization"] = bearer(key)
    try:
        async with (
            httpx.AsyncClient(
                timeout=timeout_s, trust_env=False, headers=headers
            ) as http,
            http.stream(method, url + path, json=body) as response,
        ):
            content = await read_body(response, url, MAX_ANSWER_BYTES)
    except httpx.TimeoutException as error:
        raise ConnectFailed(url, f"no answer within {timeout_s:g} s") from error
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise ConnectFailed(url, str(error) or type(error).__name__) from error
    return _answer_of(response, content, url, f"{method} {path}")


def bearer(key: str) -> str:
    """The header that proves who asks.

    Raises:
        AuthenticationError: no club has made such a key. It does not tell the key.
    """
    if not (key.isascii() and key.isprintable()):
        raise AuthenticationError("the key is not plain printable ASCII")
    return f"Bearer {key}"


def _answer_of(
    response: httpx.Response, content: bytes, url: str, action: str
) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(content or b"{}")
    except UNREADABLE:
        answer = None
    if response.is_success and isinstance(answer, dict):
        return answer
    message = _message_in(answer) or f"status {response.status_code}"
    match response.status_code:
        case 401:
            raise AuthenticationError(message)
        case 403:
            raise PermissionDenied(action, message)
        case status if isinstance(answer, dict) and status >= 400:
            raise ApiError(status, message)
        case status:
            reason = f"it does not answer like a club (status {status})"
            raise ConnectFailed(url, reason, status)


def _message_in(answer: object) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else ""
