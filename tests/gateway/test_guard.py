from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clubai.gateway.guard import LocalGuard, is_local_name, refusal
from support.asgi_driver import Response, request

LOCAL = {"host": "127.0.0.1:8011"}


class Behind:
    """The guarded application: remembers what came through."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope.get("path", scope["type"]))
        if scope["type"] == "http":
            start = {"type": "http.response.start", "status": 200, "headers": []}
            await send(start)
            await send({"type": "http.response.body", "body": b"through"})


async def ask(
    path: str, *, method: str = "POST", headers: dict[str, str]
) -> tuple[Response, list[str]]:
    behind = Behind()
    got = await request(LocalGuard(behind), method, path, headers=headers)
    return got, behind.seen


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/models", "/v1/chat/completions", "/inference", "/health"]
)
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8011", "localhost", "LocalHost:1", "[::1]", "[::1]:80"],
)
async def test_a_local_program_passes(path: str, host: str) -> None:
    got, seen = await ask(path, headers={"host": host})

    assert got.body == b"through"
    assert seen == [path]


FOREIGN = [
    "",
    "evil.example",
    "evil.example:8011",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1:8011.evil.example",
    "evil.example#127.0.0.1",
    "localhost.",
    "localhost:",
    "localhost:80:80",
    "localhost@evil",
    "localhost\n",
    "::1",
    "[::1",
    "[::2]",
    "0.0.0.0",  # noqa: S104 - a name that is asked for
    "127.0.0.2",
    "192.168.1.5:8011",
    "2130706433",
]


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_name_that_is_not_this_machines_is_refused(host: str) -> None:
    got, seen = await ask("/v1/models", method="GET", headers={"host": host})

    assert got.status == 421
    assert got.json()["error"]["code"] == "unknown_host"
    assert got.headers["content-type"] == "application/json"
    assert seen == []


async def test_a_request_for_no_host_is_refused() -> None:
    got, seen = await ask("/v1/models", headers={})

    assert got.status == 421
    assert seen == []


def test_two_hosts_are_refused() -> None:
    hosts = [(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")]

    problem = refusal({"headers": hosts, "path": "/v1/models"})

    assert problem is not None
    assert problem.code == "unknown_host"


@given(st.text(st.characters(codec="latin-1"), max_size=30))
@example("127.0.0.1:")
def test_only_this_machines_names_are_its_names(host: str) -> None:
    name, mark, port = host.lower().rpartition(":")
    plain = host.lower() in ("127.0.0.1", "localhost", "[::1]")
    ported = (
        name in ("127.0.0.1", "localhost", "[::1]")
        and mark == ":"
        and 1 <= len(port) <= 5
        and set(port) <= set("0123456789")
    )

    assert is_local_name(host) == (plain or ported)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:8011", "null", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_no_page_gets_in(origin: str, method: str) -> None:
    got, seen = await ask(
        "/v1/chat/completions", method=method, headers={**LOCAL, "origin": origin}
    )

    assert got.status == 403
    assert got.json()["error"]["code"] == "origin_refused"
    assert not [name for name in got.headers if name.startswith("access-control")]
    assert seen == []


async def test_a_preflight_is_refused_whatever_it_leaves_out() -> None:
    got, seen = await ask(
        "/v1/chat/completions",
        method="OPTIONS",
        headers={**LOCAL, "access-control-request-method": "POST"},
    )

    assert got.status == 403
    assert seen == []


@pytest.mark.parametrize(
    "path", ["/", "/v2/models", "/v1x", "/api/keys", "/metrics", "/inference/x", "//v1"]
)
async def test_there_is_nothing_else(path: str) -> None:
    got, seen = await ask(path, method="GET", headers=LOCAL)

    assert got.status == 404
    assert got.json()["error"]["code"] == "unknown_path"
    assert seen == []


async def test_no_websocket_passes() -> None:
    behind, sent = Behind(), []

    async def send(message: Any) -> None:
        await anyio.lowlevel.checkpoint()
        sent.append(message)

    await LocalGuard(behind)(
        {"type": "websocket", "path": "/v1/models", "headers": []},
        anyio.sleep_forever,  # type: ignore[arg-type]
        send,
    )

    assert [message["type"] for message in sent] == ["websocket.close"]
    assert behind.seen == []


async def test_the_lifespan_passes() -> None:
    behind = Behind()

    await LocalGuard(behind)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    assert behind.seen == ["lifespan"]
