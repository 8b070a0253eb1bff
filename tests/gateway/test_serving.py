from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import platformdirs
import pytest

from clubai.agent import BackendConfig
from clubai.club import Club, open_club
from clubai.errors import (
    AuthenticationError,
    ConfigError,
    ConnectFailed,
    StorageError,
)
from clubai.gateway.serving import GatewayConfig, ServedGateway, serve_gateway
from support.fakes.base import MODEL, FakeServer, Script
from support.http_server import Request, Response
from support.serving import port_of

KEY = "cgk_of_this_machine"
HI = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
CHAT = "/v1/chat/completions"


@asynccontextmanager
async def opened_club(data: Path) -> AsyncIterator[tuple[Club, FakeServer]]:
    async with FakeServer().open() as fake:
        backend = BackendConfig(kind="generic", url=fake.url)
        async with open_club(agents=1, data=data, backend=backend) as club:
            with anyio.fail_after(30):
                yield club, fake


@asynccontextmanager
async def serving(club: Club, **changes: Any) -> AsyncIterator[ServedGateway]:
    config = GatewayConfig(
        **{"url": club.url, "token": club.api_key, "port": 0, "key": KEY, **changes}
    )
    async with anyio.create_task_group() as tasks:
        yield await tasks.start(serve_gateway, config)
        tasks.cancel_scope.cancel()


def http_of(served: ServedGateway, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=served.url, headers={"authorization": f"Bearer {KEY}", **headers}
    )


async def test_a_question_is_answered(tmp_path: Path) -> None:
    async with (
        opened_club(tmp_path) as (club, _),
        serving(club) as served,
        http_of(served) as http,
    ):
        whole = await http.post(CHAT, json=HI)
        own = await http.post("/inference", json={"prompt": "hi"})

    assert served.openai_url == f"{served.url}/v1"
    assert whole.json()["choices"][0]["message"]["content"] == "The answer."
    assert own.json()["answer"] == "The answer."


async def test_it_says_who_reads_what_the_client_itself_says(tmp_path: Path) -> None:
    async with (
        opened_club(tmp_path) as (club, _),
        club.client() as client,
        serving(club) as served,
        http_of(served) as http,
    ):
        said = (await client.ask("hi")).readable_by
        whole = await http.post(CHAT, json=HI)
        own = await http.post("/inference", json={"prompt": "hi"})

    assert whole.headers["x-clubai-readable-by"] == said
    assert own.json()["readable_by"] == said
    assert served.readable_by == said


async def test_the_clubs_key_is_no_key_here_and_reaches_nobody(tmp_path: Path) -> None:
    async with (
        opened_club(tmp_path) as (club, fake),
        serving(club) as served,
        http_of(served) as http,
    ):
        fake.server.requests.clear()
        key = {"authorization": f"Bearer {club.api_key}"}
        refused = await http.post(CHAT, json=HI, headers=key)
        answers = [await http.post(CHAT, json=HI), await http.get("/health")]
        (asked,) = fake.asked(CHAT)

    assert refused.status_code == 401
    for answer in (refused, *answers):
        assert club.api_key not in answer.text + repr(answer.headers)
    assert KEY not in repr(asked)
    assert club.api_key not in repr(asked)


async def test_a_refused_client_may_ask_on(tmp_path: Path) -> None:
    async with (
        opened_club(tmp_path) as (club, _),
        serving(club) as served,
        http_of(served, authorization="Bearer wrong") as http,
    ):
        refused = {(await http.post(CHAT, json=HI)).status_code for _ in range(50)}

    assert refused == {401}


async def test_health_needs_no_key_and_nothing_else_is_there(tmp_path: Path) -> None:
    async with (
        opened_club(tmp_path) as (club, _),
        serving(club) as served,
        httpx.AsyncClient(base_url=served.url) as http,
    ):
        health = await http.get("/health")
        wrong = await http.post("/health")
        api = await http.get("/api/nodes")
        models = await http.get("/v1/models")

    assert health.json() == {"status": "ok", "club": "connected"}
    assert wrong.status_code == 405
    assert wrong.json()["error"]["code"] == "method_not_allowed"
    assert api.json()["error"]["code"] == "unknown_path"
    assert models.status_code == 401


async def test_the_guard_stands_before_it(tmp_path: Path) -> None:
    async with (
        opened_club(tmp_path) as (club, _),
        serving(club) as served,
        http_of(served) as http,
    ):
        page = await http.post(CHAT, json=HI, headers={"origin": "http://evil"})
        host = await http.post(CHAT, json=HI, headers={"host": "evil.example"})

    assert (page.status_code, host.status_code) == (403, 421)


async def test_it_outlives_its_club_and_finds_it_again(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        async with opened_club(tmp_path) as (club, _):
            port = port_of(club.url)
            config = GatewayConfig(url=club.url, token=club.api_key, port=0, key=KEY)
            served = await tasks.start(serve_gateway, config)
        async with http_of(served) as http:
            away = await http.post(CHAT, json=HI)
            health = await http.get("/health")
            async with open_club(agents=0, data=tmp_path, port=port):
                with anyio.fail_after(15):
                    while (back := await http.get("/v1/models")).status_code == 503:
                        await anyio.sleep(int(back.headers["retry-after-ms"]) / 1000)
        tasks.cancel_scope.cancel()

    assert away.status_code == 503
    assert away.json()["error"]["code"] == "coordinator_unreachable"
    assert away.headers["x-should-retry"] == "true"
    assert 1 <= int(away.headers["retry-after"]) <= 5
    assert health.json()["club"] == "unreachable"
    assert back.status_code == 200


async def test_an_answer_under_way_may_end_when_it_stops(tmp_path: Path) -> None:
    answers: list[httpx.Response] = []
    asked, stopping = anyio.Event(), anyio.Event()

    async def ask(served: ServedGateway) -> None:
        async with http_of(served) as http:
            answers.append(await http.post(CHAT, json=HI))

    async def notice_the_stop(served: ServedGateway) -> None:
        try:
            while True:
                await (
                    await anyio.connect_tcp("127.0.0.1", port_of(served.url))
                ).aclose()
        except OSError:
            stopping.set()

    async with opened_club(tmp_path) as (club, fake), anyio.create_task_group() as all_:

        async def answer_late(request: Request) -> Response:
            asked.set()
            await stopping.wait()
            return await fake.chat(request)

        fake.routes["POST", CHAT] = answer_late
        async with serving(club) as served:
            all_.start_soon(ask, served)
            await asked.wait()
            all_.start_soon(notice_the_stop, served)

    assert answers[0].json()["choices"][0]["message"]["content"] == "The answer."


async def test_a_stream_that_would_not_end_ends_in_an_error(tmp_path: Path) -> None:
    lines: list[str] = []
    async with opened_club(tmp_path) as (club, fake), anyio.create_task_group() as all_:
        begun = anyio.Event()
        fake.script = Script(hang_after=1)

        async def follow(served: ServedGateway) -> None:
            async with (
                http_of(served) as http,
                http.stream("POST", CHAT, json={**HI, "stream": True}) as got,
            ):
                async for line in got.aiter_lines():
                    lines.append(line)
                    begun.set()

        async with serving(club) as served:
            all_.start_soon(follow, served)
            await begun.wait()
            before = anyio.current_time()
        assert anyio.current_time() - before < 4.5

    said = [line for line in lines if line]
    assert '"error"' in said[-1]
    assert "data: [DONE]" not in said


async def test_a_club_that_is_not_there_is_said_at_the_start() -> None:
    config = GatewayConfig(url="http://127.0.0.1:9", token="x", port=0, key=KEY)

    with pytest.raises(ConnectFailed):
        await serve_gateway(config)


async def test_a_token_that_is_not_good_is_said_at_the_start(tmp_path: Path) -> None:
    async with opened_club(tmp_path) as (club, _):
        config = GatewayConfig(url=club.url, token="cak_no", port=0, key=KEY)
        with pytest.raises(AuthenticationError):
            await serve_gateway(config)


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async with opened_club(tmp_path) as (club, _):
        config = GatewayConfig(
            url=club.url, token=club.api_key, port=port_of(club.url), key=KEY
        )
        with pytest.raises(ConfigError, match="another program listens there"):
            await serve_gateway(config)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "", "::", "192.168.1.5", "localhost", "club.example"],  # noqa: S104
)
def test_no_address_but_loopback_is_taken(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GatewayConfig(host=host)

    assert caught.value.field == "host"
    assert "over a network" in caught.value.fix
    assert "127.0.0.1" in caught.value.fix


@pytest.mark.parametrize("key", ["short", "with a space in the middle", "ключ" * 9])
def test_a_key_that_is_none_is_refused_unseen(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GatewayConfig(key=key)

    assert key not in str(caught.value)
    assert caught.value.field == "key"


def test_a_wrong_port_is_refused() -> None:
    with pytest.raises(ConfigError):
        GatewayConfig(port=65_536)


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    config = GatewayConfig(key_file=tmp_path / "home" / "gateway.key")

    key = config.local_key()

    assert config.local_key() == key
    assert key.startswith("cgk_")
    assert stat.S_IMODE(config.key_path.stat().st_mode) == 0o600


def test_a_key_that_is_given_needs_no_file(tmp_path: Path) -> None:
    path = tmp_path / "gateway.key"

    assert GatewayConfig(key=KEY, key_file=path).local_key() == KEY
    assert not path.exists()


def test_a_key_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    path = tmp_path / "gateway.key"
    path.write_bytes(b"\xff" * 54)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="no key"):
        GatewayConfig(key_file=path).local_key()
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        GatewayConfig(key_file=path).local_key()
    with pytest.raises(StorageError):
        GatewayConfig(key_file=path / "below").local_key()


def test_the_key_file_is_the_users() -> None:
    path = platformdirs.user_config_path("clubai") / "gateway.key"

    assert GatewayConfig().key_path == path


def test_no_secret_is_in_a_repr() -> None:
    config = GatewayConfig(token="cak_secret", key="cgk_secret_of_mine")
    served = ServedGateway(
        url="u", openai_url="v", key="cgk_secret", readable_by="node"
    )

    assert "secret" not in repr(config) + repr(served)
