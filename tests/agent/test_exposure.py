from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from clubai.agent.agent import Agent
from clubai.agent.config import AgentConfig, BackendConfig
from clubai.agent.exposure import own_addresses, refuse_exposed
from clubai.errors import ConfigError
from clubai.transport.server import serve_app
from support.serving import port_of

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the tests are about
BESIDE = "127.0.0.2"
"""Stands for this machine's address on the network, where it has none."""


class ModelServer:
    """Lists one model; with `key` it asks everybody for that."""

    def __init__(self, *, key: str = "", models_for_all: bool = False) -> None:
        self.key = key
        self.models_for_all = models_for_all
        self.asked: list[str] = []

    @property
    def app(self) -> Router:
        paths = {"/v1/models": self.models, "/v1/chat/completions": self.chat}
        return Router(routes=[Route(path, run) for path, run in paths.items()])

    async def models(self, request: Request) -> Response:
        if not self.models_for_all and not self._may(request):
            return Response(status_code=401)
        model = {"id": "m", "object": "model", "owned_by": "test"}
        return JSONResponse({"object": "list", "data": [model]})

    async def chat(self, request: Request) -> Response:
        return Response(status_code=405 if self._may(request) else 401)

    def _may(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        self.asked.append(given)
        return given == (f"Bearer {self.key}" if self.key else "")


@asynccontextmanager
async def listening(server: ModelServer, host: str) -> AsyncIterator[int]:
    """Give the port on which it listens at `host`."""
    async with anyio.create_task_group() as tasks:
        [url] = await tasks.start(partial(serve_app, server.app, host=host, port=0))
        yield port_of(url)
        tasks.cancel_scope.cancel()


async def check(port: int, *, api_key: str = "", host: str = "127.0.0.1") -> None:
    await refuse_exposed(f"http://{host}:{port}", api_key=api_key, own=[BESIDE])


async def test_a_server_on_loopback_alone_is_used() -> None:
    async with listening(ModelServer(), "127.0.0.1") as port:
        await check(port)
        await check(port, host="localhost")


@pytest.mark.parametrize("api_key", ["", "secret"])
async def test_a_server_that_listens_everywhere_is_refused_with_the_fix(
    api_key: str,
) -> None:
    server = ModelServer()
    async with listening(server, EVERYWHERE) as port:
        with pytest.raises(ConfigError) as refused:
            await check(port, api_key=api_key)

    assert refused.value.value == f"http://127.0.0.1:{port}"
    assert f"http://{BESIDE}:{port}" in refused.value.fix
    assert "--i-know-the-backend-is-open" in refused.value.fix
    assert "127.0.0.1" in refused.value.fix
    assert set(server.asked) == {""}, "the key is not sent to find out"


@pytest.mark.parametrize("models_for_all", [False, True])
async def test_a_server_that_asks_for_a_key_is_used(models_for_all: bool) -> None:
    server = ModelServer(key="secret", models_for_all=models_for_all)
    async with listening(server, EVERYWHERE) as port:
        await check(port, api_key="secret")


async def test_another_program_at_the_same_port_elsewhere_is_no_model_server() -> None:
    async with (
        listening(ModelServer(), "127.0.0.1") as port,
        anyio.create_task_group() as tasks,
    ):
        await tasks.start(partial(serve_app, Router(), host=BESIDE, port=port))
        await check(port)
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_on_another_machine_needs_a_key(scheme: str) -> None:
    url = f"{scheme}://192.0.2.1:1234"

    with pytest.raises(ConfigError, match="another machine") as refused:
        await refuse_exposed(url, api_key="", own=[BESIDE])

    assert "CLUBAI_BACKEND_API_KEY" in refused.value.fix
    await refuse_exposed(url, api_key="secret", own=[BESIDE])


async def test_a_name_that_nobody_knows_is_another_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unknown(_host: str, _port: None) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("clubai.agent.exposure.anyio.getaddrinfo", unknown)

    with pytest.raises(ConfigError, match="another machine"):
        await refuse_exposed("http://nowhere.invalid:1", api_key="", own=[])


async def test_an_address_of_this_machine_on_the_network_needs_a_key() -> None:
    url = "http://192.0.2.7:9"  # nobody listens there

    with pytest.raises(ConfigError, match="others on the network"):
        await refuse_exposed(url, api_key="", own=["192.0.2.7"])


async def test_a_backend_without_an_address_is_used() -> None:
    await refuse_exposed("", api_key="", own=[BESIDE])


def test_this_machines_own_addresses_are_beyond_loopback() -> None:
    found = own_addresses()

    assert len(found) == len(set(found))
    assert not any(address.startswith("127.") or address == "::1" for address in found)


@pytest.mark.parametrize("key", ["", "secret"])
async def test_at_a_real_address_the_server_must_ask_for_its_key(key: str) -> None:
    addresses = [address for address in own_addresses() if "." in address]
    if not addresses:
        pytest.skip("this machine has no address beside loopback")
    async with listening(ModelServer(key=key), addresses[0]) as port:
        url = f"http://{addresses[0]}:{port}"
        if key:
            await refuse_exposed(url, api_key=key)
        else:
            with pytest.raises(ConfigError, match="others on the network"):
                await refuse_exposed(url, api_key="secret")


async def test_an_agent_refuses_it_unless_it_is_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clubai.agent.exposure.own_addresses", lambda: (BESIDE,))
    async with listening(ModelServer(), EVERYWHERE) as port:
        backend = BackendConfig(url=f"http://127.0.0.1:{port}/v1", kind="generic")
        config = AgentConfig(data=tmp_path, backend=backend)
        with pytest.raises(ConfigError, match="others on the network"):
            async with Agent.open(config):
                pytest.fail("opened")
        assert not config.key_file.exists()

        told = BackendConfig(url=backend.url, kind="generic", open_ok=True)
        async with Agent.open(AgentConfig(data=tmp_path, backend=told)):
            pass
