"""Every way in which a request does not end in an answer, as HTTP says it.

The one table from `FailCode` to status, and the one place that knows which of
ClubAI's errors is which status.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    PermissionDenied,
    PlanError,
    RateLimited,
    RemoteProtocolError,
    StorageError,
    TaskError,
    TaskRejected,
    TransportError,
    TrustError,
)
from clubai.model import FailCode
from clubai.protocol.openai import FieldError
from clubai.protocol.openai_answer import ErrorBody, ErrorEnvelope

Headers = list[tuple[bytes, bytes]]

LONGEST_RETRY_S: Final = 3600.0
"""Nobody should wait for longer by themselves: a key's month may last for weeks."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A response that is no answer."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    retry: bool = False
    """Asking again may help, and nothing was spent."""
    retry_after_s: float | None = None
    task: str = ""
    attempts: int = 0
    extra: tuple[tuple[bytes, bytes], ...] = ()

    def envelope(self) -> ErrorEnvelope:
        """The response's body."""
        return ErrorEnvelope(
            ErrorBody(
                message=self.message,
                type=self.type,
                param=self.param,
                code=self.code,
            )
        )

    def headers(self) -> Headers:
        """The headers that only this problem has."""
        headers = [(b"x-should-retry", b"true" if self.retry else b"false")]
        if self.retry_after_s is not None:
            milliseconds = math.ceil(self.retry_after_s * 1000)
            seconds = math.ceil(self.retry_after_s)
            headers.append((b"retry-after", b"%d" % max(seconds, 1)))
            headers.append((b"retry-after-ms", b"%d" % milliseconds))
        headers.extend(self.extra)
        return headers


class Row(msgspec.Struct, frozen=True):
    """How HTTP says one `FailCode`."""

    status: int
    type: str
    code: str
    retry_after_s: float | None = None
    """Of a refusal that names no time itself; None: asking again does not help."""


_INVALID: Final = "invalid_request_error"
_SERVER: Final = "server_error"
_OVERLOADED: Final = "overloaded"

TABLE: Final[dict[FailCode, Row]] = {
    FailCode.UNKNOWN_MODEL: Row(404, "not_found_error", "model_not_found"),
    FailCode.CONTEXT_LENGTH_EXCEEDED: Row(400, _INVALID, "context_length_exceeded"),
    FailCode.UNSUPPORTED: Row(400, _INVALID, "unsupported"),
    FailCode.BAD_REQUEST: Row(400, _INVALID, "bad_request"),
    FailCode.TOO_BIG: Row(413, _INVALID, "too_big"),
    FailCode.NOT_ALLOWED: Row(403, "permission_error", "permission_denied"),
    FailCode.RATE_LIMITED: Row(429, "rate_limit_error", "rate_limited", 1.0),
    FailCode.NO_CAPACITY: Row(503, _OVERLOADED, "no_capacity", 5.0),
    FailCode.QUEUE_FULL: Row(503, _OVERLOADED, "queue_full", 2.0),
    FailCode.QUEUE_TIMEOUT: Row(503, _OVERLOADED, "queue_timeout", 5.0),
    FailCode.BUSY: Row(503, _OVERLOADED, "busy", 1.0),
    FailCode.RESTARTING: Row(503, _OVERLOADED, "restarting", 2.0),
    FailCode.EXPIRED: Row(504, "timeout", "expired"),
    FailCode.BACKEND: Row(502, _SERVER, "backend"),
    FailCode.TRUNCATED: Row(502, _SERVER, "truncated"),
    FailCode.EMPTY: Row(502, _SERVER, "empty"),
    FailCode.NODE_LOST: Row(502, _SERVER, "node_lost"),
    FailCode.KEY_STALE: Row(502, _SERVER, "key_stale"),
    FailCode.OPEN_FAILED: Row(502, _SERVER, "open_failed"),
    FailCode.CANCELLED: Row(500, _SERVER, "cancelled"),
    FailCode.SLOW_READER: Row(500, _SERVER, "slow_reader"),
}

_PARAMS: Final = {
    FailCode.UNKNOWN_MODEL: "model",
    FailCode.CONTEXT_LENGTH_EXCEEDED: "messages",
}

INTERNAL: Final = Problem(
    status=500,
    type=_SERVER,
    code="internal",
    message="the gateway failed; the operator's log has the reason",
)

STORAGE: Final = Problem(
    status=503,
    type=_SERVER,
    code="storage",
    message="the club cannot read its store now; the operator's log has the reason",
    retry=True,
    retry_after_s=5.0,
)


def problem_of(error: ClubAIError) -> Problem:
    """Say an error as HTTP does; `INTERNAL` for what only the operator may know."""
    match error:
        case TaskError():
            return _task_problem(error)
        case AuthenticationError():
            return Problem(
                status=401,
                type="authentication_error",
                code="invalid_api_key",
                message=str(error),
                extra=((b"www-authenticate", b'Bearer realm="clubai"'),),
            )
        case PermissionDenied():
            return Problem(
                status=403,
                type="permission_error",
                code="permission_denied",
                message=str(error),
            )
        case RateLimited():
            return Problem(
                status=429,
                type="rate_limit_error",
                code="rate_limited",
                message=str(error),
                retry=True,
                retry_after_s=error.retry_after,
            )
        case PlanError():
            return Problem(
                status=400,
                type=_INVALID,
                code="cannot_be_divided",
                message=str(error),
                param="clubai",
            )
        case TransportError():
            return Problem(
                status=503,
                type=_OVERLOADED,
                code="coordinator_unreachable",
                message=str(error),
                retry=True,
                retry_after_s=1.0,
            )
        case StorageError():
            return STORAGE
        case TrustError():
            return Problem(
                status=502, type=_SERVER, code=error.code.value, message=str(error)
            )
        case RemoteProtocolError():
            return Problem(
                status=502, type=_SERVER, code="protocol_error", message=str(error)
            )
    return INTERNAL


def no_such_path(path: str) -> Problem:
    """Nothing is at `path`."""
    return Problem(
        status=404,
        type="not_found_error",
        code="unknown_path",
        message=f"there is nothing at {path}: GET /v1/models, POST "
        "/v1/chat/completions, /v1/completions, /v1/embeddings and /inference are here",
    )


def no_such_method(method: str, path: str, allowed: str) -> Problem:
    """`path` is not for `method`."""
    return Problem(
        status=405,
        type=_INVALID,
        code="method_not_allowed",
        message=f"{method} is not for {path}: use {allowed}",
        extra=((b"allow", allowed.encode("ascii")),),
    )


def body_too_big(most: int) -> Problem:
    """The body is over the bound."""
    return Problem(
        status=413,
        type=_INVALID,
        code="request_too_large",
        message=f"the body is too big: at most {most} bytes",
    )


def body_too_slow(seconds: float) -> Problem:
    """The body did not arrive in time."""
    return Problem(
        status=408,
        type="timeout",
        code="body_timeout",
        message=f"the body did not arrive within {seconds:g} seconds",
    )


def club_unreachable(reason: str, retry_after_s: float) -> Problem:
    """A gateway away from the coordinator has no connection to it now."""
    return Problem(
        status=503,
        type=_OVERLOADED,
        code="coordinator_unreachable",
        message=f"this gateway has no connection to the club now: {reason}",
        retry=True,
        retry_after_s=retry_after_s,
    )


def club_refuses(reason: str) -> Problem:
    """The club no longer takes the key with which a gateway asks."""
    return Problem(
        status=502,
        type=_SERVER,
        code="refused_by_the_club",
        message=f"the club does not let this gateway in: {reason}; start it again "
        "with a key that is good",
    )


def foreign_host(names: str) -> Problem:
    """The request was meant for another host than this machine."""
    return Problem(
        status=421,
        type=_INVALID,
        code="unknown_host",
        message=f"this gateway answers to {names} only: other names are not its own",
    )


def from_a_page() -> Problem:
    """The request comes from a web page."""
    return Problem(
        status=403,
        type="permission_error",
        code="origin_refused",
        message="web pages may not use this gateway: a request with an Origin is "
        "refused, and no page is given leave to send one",
    )


def _task_problem(error: TaskError) -> Problem:
    row = TABLE[error.code]
    # Whatever a node has tried may have cost tokens: only a refusal is for retrying.
    retry = isinstance(error, TaskRejected) and row.retry_after_s is not None
    after = error.retry_after if error.retry_after is not None else row.retry_after_s
    retry = retry and (after or 0.0) <= LONGEST_RETRY_S
    param = error.field if isinstance(error, FieldError) else _PARAMS.get(error.code)
    return Problem(
        status=row.status,
        type=row.type,
        code=row.code,
        message=error.message,
        param=param,
        retry=retry,
        retry_after_s=after if row.retry_after_s is not None else None,
        task=error.task,
        attempts=error.attempts,
    )
