from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio
import pytest
from anyio.abc import SocketAttribute

from clubai.agent.backends.http import CLOSE_SECONDS, MAX_DOCUMENT_BYTES, Http, base_url
from clubai.errors import BackendError, ConfigError
from clubai.model import FailCode
from support.http_server import Cut, Request, Response, serve_http


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("http://localhost:1234", "http://localhost:1234"),
        ("http://localhost:1234/", "http://localhost:1234"),
        ("http://localhost:1234/v1", "http://localhost:1234"),
        (" http://localhost:1234/v1/ ", "http://localhost:1234"),
        ("localhost:1234", "http://localhost:1234"),
        ("localhost:1234/v1", "http://localhost:1234"),
        ("localhost", "http://localhost:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - replaced
        ("0.0.0.0:5", "http://127.0.0.1:5"),
        ("[::1]:5", "http://[::1]:5"),
        ("https://models.example/v1", "https://models.example"),
        ("https://models.example/team/v1", "https://models.example/team"),
        ("http://h:1/v1?x=1#y", "http://h:1"),
        ("http://h:1/v1v1", "http://h:1/v1v1"),
    ],
)
def test_addresses_as_people_write_them(text: str, base: str) -> None:
    assert base_url(text, port=11434) == base


@pytest.mark.parametrize(
    "text", ["", "ws://h:1", "http://", "file:///x", "h:port", "http://a:secret@h:1"]
)
def test_what_is_no_address_is_refused_without_its_secrets(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        base_url(text)

    assert "secret" not in str(caught.value)


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(Http("http://h:1", api_key="secret"))


async def test_a_document_is_read_within_its_bound() -> None:
    async def endless(_request: Request) -> Response:
        return Response(body=b"x" * (MAX_DOCUMENT_BYTES + 100))

    async with serve_http(endless) as server:
        found = await Http(server.url).get("/")

        assert len(found.body) == MAX_DOCUMENT_BYTES


async def test_a_redirect_is_not_followed() -> None:
    async def away(_request: Request) -> Response:
        return Response(302, headers={"location": "/elsewhere"})

    async with serve_http(away) as server:
        found = await Http(server.url).get("/")

        assert found.status == 302
        assert len(server.requests) == 1


async def test_a_slow_answer_is_given_up() -> None:
    async def never(_request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    async with serve_http(never) as server:
        with pytest.raises(BackendError, match=r"within 0\.1 s"):
            await Http(server.url).get("/", seconds=0.1)


async def test_a_refused_connection_names_the_address() -> None:
    with pytest.raises(BackendError, match=r"http://127\.0\.0\.1:1 ") as caught:
        await Http("http://127.0.0.1:1").get("/")

    assert caught.value.code is FailCode.BACKEND


async def test_a_connection_that_breaks_before_the_answer() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no Django here

    async def slam() -> None:
        async with await listener.listeners[0].accept() as stream:
            await stream.receive()

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(slam)
        with pytest.raises(BackendError) as caught:
            await Http(f"http://127.0.0.1:{port}").get("/")

    assert caught.value.code is FailCode.BACKEND


async def test_a_body_that_breaks_off_is_truncated() -> None:
    async def broken(_request: Request) -> Response:
        async def body() -> AsyncGenerator[bytes]:
            yield b"half"
            raise Cut

        return Response(stream=body())

    async with serve_http(broken) as server:
        with pytest.raises(BackendError) as caught:
            await Http(server.url).get("/")

    assert caught.value.code is FailCode.TRUNCATED


async def test_the_proxy_of_the_environment_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hello(_request: Request) -> Response:
        return Response(body=b"{}")

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with serve_http(hello) as server:
        assert (await Http(server.url).get("/")).status == 200


async def test_leaving_half_way_leaves_nothing_open() -> None:
    async def endless(_request: Request) -> Response:
        async def body() -> AsyncGenerator[bytes]:
            while True:
                yield b"x" * 1000
                await anyio.sleep(0)

        return Response(stream=body())

    async with serve_http(endless) as server:
        async with Http(server.url).open("GET", "/") as download:
            assert await download.chunk()

        await server.client_left()


async def test_leaving_a_silent_answer_does_not_wait_for_it() -> None:
    async def one_chunk(_request: Request) -> Response:
        async def body() -> AsyncGenerator[bytes]:
            yield b"x"
            await anyio.sleep_forever()

        return Response(stream=body())

    async with serve_http(one_chunk) as server:
        async with Http(server.url).open("GET", "/") as download:
            assert await download.chunk()
            started = anyio.current_time()

        assert anyio.current_time() - started < CLOSE_SECONDS / 2
        await server.client_left()
