from __future__ import annotations

import pytest

from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    InvariantError,
    LocalProtocolError,
    PermissionDenied,
    RateLimited,
    RemoteProtocolError,
    StorageError,
    TaskFailed,
    TaskRejected,
    TrustError,
)
from clubai.gateway.problems import (
    INTERNAL,
    TABLE,
    Problem,
    club_refuses,
    club_unreachable,
    problem_of,
)
from clubai.model import FailCode, TrustCode
from clubai.protocol.openai import FieldError

STATUS = {
    FailCode.UNKNOWN_MODEL: (404, "not_found_error", "model_not_found"),
    FailCode.CONTEXT_LENGTH_EXCEEDED: (
        400,
        "invalid_request_error",
        "context_length_exceeded",
    ),
    FailCode.UNSUPPORTED: (400, "invalid_request_error", "unsupported"),
    FailCode.BAD_REQUEST: (400, "invalid_request_error", "bad_request"),
    FailCode.NO_CAPACITY: (503, "overloaded", "no_capacity"),
    FailCode.QUEUE_FULL: (503, "overloaded", "queue_full"),
    FailCode.QUEUE_TIMEOUT: (503, "overloaded", "queue_timeout"),
    FailCode.NOT_ALLOWED: (403, "permission_error", "permission_denied"),
    FailCode.RATE_LIMITED: (429, "rate_limit_error", "rate_limited"),
    FailCode.BUSY: (503, "overloaded", "busy"),
    FailCode.BACKEND: (502, "server_error", "backend"),
    FailCode.TRUNCATED: (502, "server_error", "truncated"),
    FailCode.EMPTY: (502, "server_error", "empty"),
    FailCode.NODE_LOST: (502, "server_error", "node_lost"),
    FailCode.EXPIRED: (504, "timeout", "expired"),
    FailCode.TOO_BIG: (413, "invalid_request_error", "too_big"),
    FailCode.CANCELLED: (500, "server_error", "cancelled"),
    FailCode.SLOW_READER: (500, "server_error", "slow_reader"),
    FailCode.KEY_STALE: (502, "server_error", "key_stale"),
    FailCode.OPEN_FAILED: (502, "server_error", "open_failed"),
    FailCode.RESTARTING: (503, "overloaded", "restarting"),
}
WORTH_RETRYING = {
    FailCode.NO_CAPACITY,
    FailCode.QUEUE_FULL,
    FailCode.QUEUE_TIMEOUT,
    FailCode.RATE_LIMITED,
    FailCode.BUSY,
    FailCode.RESTARTING,
}


def headers(problem: Problem) -> dict[bytes, bytes]:
    return dict(problem.headers())


def test_every_code_has_a_row() -> None:
    assert set(TABLE) == set(FailCode) == set(STATUS)


@pytest.mark.parametrize("code", FailCode)
def test_the_status_of_each_code(code: FailCode) -> None:
    for kind in (TaskRejected, TaskFailed):
        problem = problem_of(kind(code, "the reason"))

        assert (problem.status, problem.type, problem.code) == STATUS[code]
        assert problem.message == "the reason"


@pytest.mark.parametrize("code", FailCode)
def test_only_a_refusal_that_may_pass_is_worth_retrying(code: FailCode) -> None:
    refused = headers(problem_of(TaskRejected(code, "x")))
    failed = headers(problem_of(TaskFailed(code, "x", attempts=1)))

    worth = code in WORTH_RETRYING
    assert refused[b"x-should-retry"] == (b"true" if worth else b"false")
    assert (b"retry-after" in refused) == worth
    assert failed[b"x-should-retry"] == b"false"


def test_the_refusals_own_time_is_passed_on() -> None:
    error = TaskRejected(FailCode.NO_CAPACITY, "x", retry_after=2.25)

    found = headers(problem_of(error))

    assert found[b"retry-after"] == b"3"
    assert found[b"retry-after-ms"] == b"2250"


def test_a_wrong_field_is_the_param() -> None:
    problem = problem_of(FieldError("messages[1].role", 5, "use 'user'"))

    assert problem.status == 400
    assert problem.param == "messages[1].role"
    assert problem.envelope().error.param == "messages[1].role"


def test_an_unknown_model_and_a_long_prompt_name_their_field() -> None:
    assert problem_of(TaskRejected(FailCode.UNKNOWN_MODEL, "x")).param == "model"
    too_long = TaskFailed(FailCode.CONTEXT_LENGTH_EXCEEDED, "x")
    assert problem_of(too_long).param == "messages"


@pytest.mark.parametrize(
    ("error", "status", "kind", "retry"),
    [
        (AuthenticationError("no key"), 401, "authentication_error", False),
        (PermissionDenied("asking", "x"), 403, "permission_error", False),
        (RateLimited("log-ins", 7), 429, "rate_limit_error", True),
        (ConnectionLost("x"), 503, "overloaded", True),
        (ConnectFailed("ws://x", "y"), 503, "overloaded", True),
        (RemoteProtocolError(4002, "x"), 502, "server_error", False),
        (TrustError(TrustCode.BAD_BUNDLE, "x"), 502, "server_error", False),
        (StorageError("/secret/place", "x"), 503, "server_error", True),
    ],
)
def test_the_other_errors(
    error: ClubAIError, status: int, kind: str, retry: bool
) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.type, problem.retry) == (status, kind, retry)
    assert (b"retry-after" in headers(problem)) == retry
    assert "/secret/place" not in problem.message


def test_a_missing_key_is_asked_for() -> None:
    found = headers(problem_of(AuthenticationError("no key")))

    assert found[b"www-authenticate"] == b'Bearer realm="clubai"'


@pytest.mark.parametrize(
    "error",
    [
        InvariantError("a secret of the house"),
        LocalProtocolError("a secret of the house"),
        ConfigError("a", "secret", "of the house"),
    ],
)
def test_what_only_the_operator_may_know_is_not_said(error: ClubAIError) -> None:
    assert problem_of(error) is INTERNAL
    assert "secret" not in INTERNAL.message


def test_without_the_club_a_gateway_says_when_to_ask_again() -> None:
    away = club_unreachable("it is down", 2.5)
    refused = club_refuses("the key was revoked")

    assert (away.status, away.code) == (503, "coordinator_unreachable")
    assert headers(away)[b"retry-after"] == b"3"
    assert headers(away)[b"x-should-retry"] == b"true"
    assert (refused.status, refused.code) == (502, "refused_by_the_club")
    assert headers(refused) == {b"x-should-retry": b"false"}
    assert "the key was revoked" in refused.message


def test_what_helps_only_after_hours_is_not_for_retrying() -> None:
    soon = problem_of(TaskRejected(FailCode.RATE_LIMITED, "x", retry_after=3600.0))
    late = problem_of(TaskRejected(FailCode.RATE_LIMITED, "x", retry_after=3601.0))

    assert headers(soon)[b"x-should-retry"] == b"true"
    assert headers(late)[b"x-should-retry"] == b"false"
    assert headers(late)[b"retry-after"] == b"3601"
