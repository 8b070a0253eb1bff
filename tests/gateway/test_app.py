from __future__ import annotations

from typing import Any

import anyio
import msgspec
import pytest
from starlette.applications import Starlette

from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConnectionLost,
    PermissionDenied,
    RateLimited,
)
from clubai.gateway import GatewayLimits, gateway_routes
from clubai.protocol.decoding import decoded_bytes
from support.asgi_driver import open_call, request
from support.fake_client import FakeClient, FakeSource, model

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
PATH = "/v1/chat/completions"
POSTS = [PATH, "/v1/completions", "/v1/embeddings", "/inference"]
GETS = ["/v1/models", "/v1/models/m"]


def app_of(client: FakeClient | ClubAIError, **limits: Any) -> Starlette:
    return Starlette(
        routes=gateway_routes(FakeSource(client), limits=GatewayLimits(**limits))
    )


async def test_the_source_sees_the_key_and_the_address() -> None:
    source = FakeSource(FakeClient())
    app = Starlette(routes=gateway_routes(source))

    await request(app, "POST", PATH, CHAT, headers={"Authorization": "Bearer sk-1"})
    await request(app, "GET", "/v1/models")

    assert source.asked == [("Bearer sk-1", "127.0.0.1"), (None, "127.0.0.1")]


@pytest.mark.parametrize(
    ("method", "path"),
    [*(("POST", path) for path in POSTS), *(("GET", path) for path in GETS)],
)
async def test_nothing_is_open(method: str, path: str) -> None:
    refusal = AuthenticationError("no API key was given")

    response = await request(app_of(refusal), method, path, body=b"rubbish")

    assert response.status == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["x-should-retry"] == "false"
    assert response.json()["error"] == {
        "message": "no API key was given",
        "type": "authentication_error",
        "param": None,
        "code": "invalid_api_key",
    }


async def test_the_sources_other_refusals() -> None:
    denied = await request(
        app_of(PermissionDenied("asking", "the fee is due")), "POST", PATH, CHAT
    )
    limited = await request(app_of(RateLimited("log-ins", 7.5)), "POST", PATH, CHAT)
    lost = await request(app_of(ConnectionLost("gone")), "POST", PATH, CHAT)

    assert denied.status == 403
    assert (limited.status, limited.headers["retry-after"]) == (429, "8")
    assert (lost.status, lost.json()["error"]["code"]) == (
        503,
        "coordinator_unreachable",
    )


async def test_models_are_listed() -> None:
    client = FakeClient(models=(model("a"), model("vendor/b", slots_free=0)))
    app = app_of(client)

    listed = await request(app, "GET", "/v1/models")
    one = await request(app, "GET", "/v1/models/vendor/b")

    assert [each["id"] for each in listed.json()["data"]] == ["a", "vendor/b"]
    assert one.json() == listed.json()["data"][1]
    assert one.json()["clubai"]["slots_free"] == 0


async def test_a_model_that_nobody_has_is_not_found() -> None:
    client = FakeClient(models=(model("a"),))

    response = await request(app_of(client), "GET", "/v1/models/b")

    assert response.status == 404
    assert response.json()["error"]["code"] == "model_not_found"
    assert "there are: a" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/responses", "/v1/chat", "/v1/a/b"]
)
async def test_any_other_path_under_v1_is_an_envelope(path: str) -> None:
    response = await request(app_of(FakeClient()), "POST", path, {})

    assert response.status == 404
    assert response.headers["content-type"] == "application/json"
    assert response.json()["error"]["code"] == "unknown_path"
    assert path in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        *(("GET", path, "POST") for path in POSTS),
        *(("DELETE", path, "GET") for path in GETS),
        ("OPTIONS", PATH, "POST"),
    ],
)
async def test_a_wrong_method_is_an_envelope(
    method: str, path: str, allowed: str
) -> None:
    response = await request(app_of(FakeClient()), method, path)

    assert response.status == 405
    assert response.headers["allow"] == allowed
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.json()["error"]["code"] == "method_not_allowed"


async def test_head_is_as_get() -> None:
    assert (await request(app_of(FakeClient()), "HEAD", "/v1/models")).status == 200


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"[" * 50_000, b"{}"])
async def test_a_bad_body_is_an_envelope(path: str, body: bytes) -> None:
    client = FakeClient()

    response = await request(app_of(client), "POST", path, body=body)

    assert response.status == 400
    assert response.headers["x-should-retry"] == "false"
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert client.runs == []


async def test_no_messages_are_a_bad_request() -> None:
    response = await request(
        app_of(FakeClient()), "POST", PATH, {"model": "m", "messages": []}
    )

    assert response.status == 400
    assert response.json()["error"]["param"] == "messages"


async def test_a_completion_is_not_divided() -> None:
    asked = {"model": "m", "prompt": "x", "clubai": {"mode": "consensus"}}

    response = await request(app_of(FakeClient()), "POST", "/v1/completions", asked)

    assert response.status == 400
    error = response.json()["error"]
    assert (error["param"], error["code"]) == ("clubai.mode", "unsupported")


async def test_any_content_type_is_taken_when_it_is_json() -> None:
    response = await request(
        app_of(FakeClient()),
        "POST",
        PATH,
        CHAT,
        headers={"content-type": "text/plain"},
    )

    assert response.status == 200


async def test_a_huge_body_is_refused_before_it_is_read() -> None:
    app = app_of(FakeClient())
    length = {"content-length": str((8 << 20) + 1)}

    with anyio.fail_after(5):
        async with open_call(app, "POST", PATH, headers=length, body=None) as call:
            response = await call.response()

    assert response.status == 413
    assert response.json()["error"]["code"] == "request_too_large"


async def test_a_body_that_lies_about_its_size_is_refused_too() -> None:
    with anyio.fail_after(5):
        async with open_call(
            app_of(FakeClient(), max_body_bytes=100), "POST", PATH, body=None
        ) as call:
            for _ in range(11):
                call.put_body(b"x" * 10, more=True)
            response = await call.response()

    assert response.status == 413


async def test_a_reader_that_leaves_before_asking_is_not_answered() -> None:
    client = FakeClient()

    with anyio.fail_after(5):
        async with open_call(app_of(client), "POST", PATH, body=None) as call:
            call.put_body(b"{", more=True)
            call.disconnect()
            await call.ended.wait()

    assert call.error is None
    assert client.runs == []


async def test_a_member_who_asks_too_often_is_told_when_to_come_again() -> None:
    app = app_of(FakeClient(), requests_per_minute=2)

    first = await request(app, "POST", PATH, CHAT)
    await request(app, "POST", PATH, CHAT)
    third = await request(app, "POST", PATH, CHAT)

    assert first.status == 200
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert first.headers["x-ratelimit-reset-requests"].endswith("ms")
    assert third.status == 429
    assert third.headers["x-should-retry"] == "true"
    assert 1 <= int(third.headers["retry-after"]) <= 30
    assert third.json()["error"]["type"] == "rate_limit_error"


async def test_a_members_budget_is_one_however_many_keys() -> None:
    clients = [FakeClient(), FakeClient(), FakeClient()]
    for client, member in zip(clients, ("m_ann", "m_ann", "m_bob"), strict=True):
        client.speaks_for = member
    source = FakeSource(clients[0])
    routes = gateway_routes(source, limits=GatewayLimits(requests_per_minute=1))
    app = Starlette(routes=routes)
    statuses = []
    for client in clients:
        source.client = client
        statuses.append((await request(app, "POST", PATH, CHAT)).status)

    assert statuses == [200, 429, 200]


async def test_each_member_has_a_budget_of_their_own() -> None:
    source = FakeSource(FakeClient())
    limits = GatewayLimits(requests_per_minute=1)
    app = Starlette(routes=gateway_routes(source, limits=limits))

    first = await request(app, "POST", PATH, CHAT)
    spent = await request(app, "POST", PATH, CHAT)
    source.client = FakeClient()
    other = await request(app, "POST", PATH, CHAT)

    assert [first.status, spent.status, other.status] == [200, 429, 200]


async def test_a_request_that_is_done_makes_room_for_the_next() -> None:
    gate = anyio.Event()
    client = FakeClient(before=[gate])
    app = app_of(client, requests_at_once=1)
    body = msgspec.json.encode(CHAT)

    with anyio.fail_after(5):
        async with open_call(app, "POST", PATH, body=body) as call:
            await anyio.wait_all_tasks_blocked()
            assert (await request(app, "POST", PATH, CHAT)).status == 429
            gate.set()
            assert (await call.response()).status == 200
            await call.ended.wait()
    assert (await request(app, "POST", PATH, CHAT)).status == 200


async def test_a_reader_that_leaves_makes_room_and_gives_memory_back() -> None:
    client = FakeClient(before=[anyio.Event()])
    body = msgspec.json.encode(CHAT)
    room = len(body) + decoded_bytes(body)
    app = app_of(client, requests_at_once=1, max_held_bytes=room)

    for _ in range(3):
        with anyio.fail_after(5):
            async with open_call(app, "POST", PATH, body=body) as call:
                await anyio.wait_all_tasks_blocked()
                call.disconnect()
                await call.ended.wait()

    assert len(client.runs) == 3


async def test_bodies_under_way_are_bounded_together() -> None:
    gate = anyio.Event()
    client = FakeClient(before=[gate])
    body = msgspec.json.encode(CHAT)
    app = app_of(client, max_held_bytes=len(body) + decoded_bytes(body) + 10)

    with anyio.fail_after(5):
        async with open_call(app, "POST", PATH, body=body) as call:
            await anyio.wait_all_tasks_blocked()
            refused = await request(app, "POST", PATH, CHAT)
            gate.set()
            await call.response()

    assert refused.status == 503
    assert refused.headers["retry-after"] == "1"
    assert len(client.runs) == 1


@pytest.mark.parametrize("depth", [200, 900, 975, 5000])
async def test_a_body_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    body = msgspec.json.encode(CHAT)[:-1] + b',"deep":' + deep + b"}"

    response = await request(app_of(FakeClient()), "POST", PATH, body=body)

    assert response.status == 400
    assert "too deeply" in response.json()["error"]["message"]


async def test_a_body_that_would_grow_beyond_all_room_is_refused_undecoded() -> None:
    app = app_of(FakeClient(), max_held_bytes=20 << 20)
    bomb = b'{"model":"m","messages":[' + b"{}," * 200_000 + b"{}]}"

    refused = await request(app, "POST", PATH, body=bomb)
    served = await request(app, "POST", PATH, CHAT)

    assert (refused.status, refused.json()["error"]["code"]) == (503, "queue_full")
    assert served.status == 200
