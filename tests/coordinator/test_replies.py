from __future__ import annotations

import logging

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.routing import Route

from clubai.coordinator.replies import (
    MAX_BODY_BYTES,
    address_of,
    guarded,
    json_reply,
    problem_of,
    read_body,
    whole_number,
)
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConfigError,
    InvariantError,
    NotFound,
    PermissionDenied,
    RateLimited,
    StorageError,
    TooLate,
)
from support.api_calls import error_of
from support.asgi_driver import Response, open_call, request


class Body(msgspec.Struct, forbid_unknown_fields=True):
    text: str = "none"


async def echo(request: Request) -> object:
    body = await read_body(request, Body)
    return json_reply({"text": body.text, "from": address_of(request)})


ECHO = Route("/", guarded(echo), methods=["POST"])  # type: ignore[arg-type]


async def failing(error: Exception) -> Response:
    async def fail(request: Request) -> object:
        raise error

    route = Route("/", guarded(fail))  # type: ignore[arg-type]
    return await request(route, "GET", "/")


@pytest.mark.parametrize(
    ("error", "status", "type_", "code", "param"),
    [
        (
            AuthenticationError("who?"),
            401,
            "authentication_error",
            "invalid_credentials",
            None,
        ),
        (
            PermissionDenied("this", "no"),
            403,
            "permission_error",
            "permission_denied",
            None,
        ),
        (RateLimited("tries", 2.1), 429, "rate_limit_error", "rate_limited", None),
        (
            ConfigError("name", "x", "fix it"),
            400,
            "invalid_request_error",
            "invalid_value",
            "name",
        ),
        (NotFound("no such task"), 404, "not_found_error", "not_found", None),
        (TooLate("it is done"), 409, "invalid_request_error", "too_late", None),
        (StorageError("/srv", "full"), 503, "server_error", "storage", None),
        (InvariantError("/srv"), 500, "server_error", "internal", None),
        (ClubAIError("/srv"), 500, "server_error", "internal", None),
        (RuntimeError("/srv"), 500, "server_error", "internal", None),
    ],
)
async def test_each_error_has_its_status_and_the_one_shape(
    error: Exception,
    status: int,
    type_: str,
    code: str,
    param: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = await failing(error)

    assert reply.status == status
    said = error_of(reply)
    assert (said["type"], said["code"], said["param"]) == (type_, code, param)
    assert ("/srv" in said["message"]) is False
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == (status >= 500)
    if status < 500:
        assert said["message"] == str(error)


@pytest.mark.parametrize(
    ("seconds", "header"), [(0.0, "1"), (0.2, "1"), (2.1, "3"), (12.0, "12")]
)
def test_a_try_after_the_given_time_is_not_too_early(
    seconds: float, header: str
) -> None:
    problem = problem_of(RateLimited("tries", seconds))

    assert problem.headers["retry-after"] == header


async def test_a_body_is_read_with_its_defaults() -> None:
    assert (await request(ECHO, "POST", "/", {"text": "hi"})).json() == {
        "text": "hi",
        "from": "127.0.0.1",
    }
    assert (await request(ECHO, "POST", "/")).json()["text"] == "none"


async def test_a_body_of_the_outermost_size_is_read() -> None:
    text = "x" * (MAX_BODY_BYTES - len(b'{"text":""}'))

    whole = await request(ECHO, "POST", "/", {"text": text})
    over = await request(ECHO, "POST", "/", {"text": text + "x"})

    assert (whole.status, over.status) == (200, 413)
    assert error_of(over)["code"] == "request_too_large"


async def test_a_body_in_pieces_is_one_body() -> None:
    async with open_call(ECHO, "POST", "/", body=None) as call:
        for byte in b'{"text":"hi"':
            call.put_body(bytes([byte]), more=True)
        call.put_body(b"}")

        assert (await call.response()).json()["text"] == "hi"


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        expected = msgspec.json.decode(data or b"{}", type=Body).text
    except msgspec.DecodeError:
        expected = ""

    assert _read_alone(data) == expected


def _read_alone(data: bytes) -> str:
    messages = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> dict[str, object]:
        return messages.pop()

    scope = {"type": "http", "method": "POST", "headers": []}
    reading = read_body(Request(scope, receive), Body)  # type: ignore[arg-type]
    try:
        reading.send(None)
    except StopIteration as done:
        text: str = done.value.text
        return text
    except ConfigError as error:
        return "" if error.field == "body" else error.field
    raise AssertionError("it waits for more")


def test_an_unknown_address_is_empty() -> None:
    assert address_of(Request({"type": "http", "headers": [], "client": None})) == ""


@given(st.integers(0, 999_999))
def test_a_whole_number_is_read(number: int) -> None:
    assert whole_number(str(number), "limit") == number


@given(st.text(max_size=8).filter(lambda text: not re_digits(text)))
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        whole_number(text, "limit")

    assert refused.value.field == "limit"


def re_digits(text: str) -> bool:
    return 0 < len(text) <= 6 and set(text) <= set("0123456789")
