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

TIMEOUT_S: Final = 10.0


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
        AuthenticationError, PermissionDenied: on 401 and 403.
        ApiError: any other refusal.
    """
    headers = {"user-agent": f"clubai/{__version__}"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    try:
        async with httpx.AsyncClient(
            timeout=timeout_s, trust_env=False, headers=headers
        ) as http:
            response = await http.request(method, url + path, json=body)
    except httpx.TimeoutException as error:
        raise ConnectFailed(url, f"no answer within {timeout_s:g} s") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ConnectFailed(url, str(error) or type(error).__name__) from error
    return _answer_of(response, url, f"{method} {path}")


def _answer_of(response: httpx.Response, url: str, action: str) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(response.content or b"{}")
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
