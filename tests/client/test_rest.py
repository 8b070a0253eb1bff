from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio
import pytest

from clubai.client import rest
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConnectFailed,
    PermissionDenied,
)
from support.http_server import Request, Respond, Response, json_response, serve_http

REFUSAL = {"error": {"message": "not you", "type": "x"}}


def always(response: Response) -> Respond:
    async def respond(_: Request) -> Response:
        return response

    return respond


async def test_a_call_sends_its_body_and_key_and_returns_the_object() -> None:
    async with serve_http(always(json_response({"id": 1}))) as server:
        answer = await rest.call(
            "POST", server.url, "/api/keys", body={"label": "x"}, key="secret"
        )

    request = server.requests[0]
    assert answer == {"id": 1}
    assert (request.method, request.path) == ("POST", "/api/keys")
    assert request.json() == {"label": "x"}
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["user-agent"].startswith("clubai/")


@pytest.mark.parametrize("key", ["ключ", "a\nb"])
async def test_a_key_that_can_be_none_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(AuthenticationError, match="printable ASCII") as caught:
        await rest.call("GET", "http://127.0.0.1:9", "/api/me", key=key)

    assert key not in str(caught.value)


async def test_an_empty_answer_is_an_empty_object() -> None:
    async with serve_http(always(Response(status=204))) as server:
        assert await rest.call("DELETE", server.url, "/api/keys/1") == {}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthenticationError),
        (403, PermissionDenied),
        (400, rest.ApiError),
        (429, rest.ApiError),
        (500, rest.ApiError),
    ],
)
async def test_a_refusal_is_its_error_with_what_the_club_said(
    status: int, kind: type[ClubAIError]
) -> None:
    async with serve_http(always(json_response(REFUSAL, status))) as server:
        with pytest.raises(kind, match="not you"):
            await rest.call("GET", server.url, "/api/me")


@pytest.mark.parametrize(
    "response",
    [
        Response(body=b"<html>", content_type="text/html"),
        Response(status=404, body=b"<html>"),
        Response(status=302, headers={"location": "http://elsewhere/"}),
        json_response([1]),
    ],
    ids=["a page", "no page", "a redirection", "a list"],
)
async def test_what_is_no_club_is_told(response: Response) -> None:
    async with serve_http(always(response)) as server:
        with pytest.raises(ConnectFailed, match="does not answer like a club"):
            await rest.call("GET", server.url, "/api/me")


async def test_a_compressed_answer_is_told() -> None:
    response = Response(body=b"abcd", headers={"content-encoding": "gzip"})
    async with serve_http(always(response)) as server:
        with pytest.raises(ConnectFailed, match="compressed"):
            await rest.call("GET", server.url, "/api/me")

    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        while True:
            yield b" " * 64

    monkeypatch.setattr(rest, "MAX_ANSWER_BYTES", 1000)

    async def respond(_: Request) -> Response:
        return Response(stream=endless())

    async with serve_http(respond) as server:
        with pytest.raises(ConnectFailed, match="more than 1000 bytes"):
            await rest.call("GET", server.url, "/api/me")


async def test_nobody_there_is_told() -> None:
    async with serve_http(always(Response())) as server:
        url = server.url

    with pytest.raises(ConnectFailed) as caught:
        await rest.call("GET", url, "/health")

    assert caught.value.url == url


async def test_silence_is_told() -> None:
    async def respond(_: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    async with serve_http(respond) as server:
        with pytest.raises(ConnectFailed, match=r"no answer within 0\.2 s"):
            await rest.call("GET", server.url, "/health", timeout_s=0.2)
