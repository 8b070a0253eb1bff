from __future__ import annotations

from pathlib import Path

import anyio
import httpx
import pytest

from clubai.agent import BackendConfig
from clubai.client import Client
from clubai.club import OPERATOR, open_club, serve_coordinator
from clubai.coordinator.config import CoordinatorConfig
from clubai.errors import (
    AuthenticationError,
    BackendError,
    ConfigError,
    ConnectFailed,
    StorageError,
)
from support.fakes.base import FakeServer


async def test_a_club_without_nodes_is_a_club(tmp_path: Path) -> None:
    async with open_club(agents=0, data=tmp_path) as club, club.client() as client:
        assert await client.models() == ()
        assert club.openai_url == f"{club.url}/v1"
        assert (await club.snapshot()).stats.members == 1


async def test_nodes_join_by_name_and_answer(tmp_path: Path) -> None:
    async with FakeServer().open() as fake:
        backend = BackendConfig(kind="generic", url=fake.url)
        async with (
            open_club(agents=2, data=tmp_path, backend=backend) as club,
            club.client() as client,
        ):
            assert [agent.name for agent in club.agents] == ["node-1", "node-2"]
            assert (await client.ask("Q")).text == "The answer."
            (model,) = await client.models()
            assert model.nodes == 2


async def test_an_operator_starts_more_nodes_than_a_member_may(tmp_path: Path) -> None:
    async with FakeServer().open() as fake:
        backend = BackendConfig(kind="generic", url=fake.url)
        async with open_club(agents=12, data=tmp_path, backend=backend) as club:
            assert len((await club.snapshot()).nodes) == 12


async def test_a_restart_keeps_key_nodes_and_history(tmp_path: Path) -> None:
    async with FakeServer().open() as fake:
        backend = BackendConfig(kind="generic", url=fake.url)
        async with open_club(agents=1, data=tmp_path, backend=backend) as club:
            key, node = club.api_key, club.agents[0].node
            async with club.client() as client:
                await client.ask("Q")
        async with open_club(agents=1, data=tmp_path, backend=backend) as club:
            assert club.api_key == key
            assert club.agents[0].node == node
            async with club.client() as client:
                assert (await client.snapshot()).stats.tasks_ever == 1


async def test_a_key_that_was_revoked_is_replaced(tmp_path: Path) -> None:
    async with open_club(agents=0, data=tmp_path) as club:
        headers = {"authorization": f"Bearer {club.api_key}"}
        async with httpx.AsyncClient(base_url=club.url, headers=headers) as http:
            (row,) = (await http.get("/api/keys")).json()["keys"]
            await http.delete(f"/api/keys/{row['id']}")
        old = club.api_key

    async with open_club(agents=0, data=tmp_path) as club, club.client() as client:
        assert club.api_key != old
        assert await client.models() == ()
        member = await club._coordinator.store.member_named(OPERATOR)
        assert member is not None
        assert member.role == "operator"


async def test_nobody_gets_in_without_a_key(tmp_path: Path) -> None:
    async with open_club(agents=0, data=tmp_path) as club:
        with pytest.raises(AuthenticationError):
            async with Client.connect(club.url, "cak_nonsense"):
                pass


async def test_an_address_in_use_is_refused_with_a_fix(tmp_path: Path) -> None:
    async with open_club(agents=0, data=tmp_path / "a") as club:
        port = int(club.url.rpartition(":")[2])
        with pytest.raises(ConfigError) as caught:
            async with open_club(agents=0, data=tmp_path / "b", port=port):
                pass

    assert (caught.value.field, caught.value.value) == ("port", port)


async def test_a_data_directory_in_use_is_refused(tmp_path: Path) -> None:
    async with open_club(agents=0, data=tmp_path):
        with pytest.raises(StorageError):
            async with open_club(agents=0, data=tmp_path):
                pass


async def test_a_backend_that_is_not_there_is_said(tmp_path: Path) -> None:
    backend = BackendConfig(url="http://127.0.0.1:9")

    with pytest.raises(BackendError):
        async with open_club(agents=2, data=tmp_path, backend=backend):
            pass


async def test_what_is_raised_inside_comes_out_plain(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        async with open_club(agents=0, data=tmp_path):
            raise KeyError("mine")


async def test_stopping_with_clients_attached_takes_a_moment(tmp_path: Path) -> None:
    config = CoordinatorConfig(data=tmp_path, port=0)
    async with anyio.create_task_group() as outer:
        async with anyio.create_task_group() as tasks:
            served = await tasks.start(serve_coordinator, config)
            async with httpx.AsyncClient(base_url=served.url) as http:
                assert (await http.get("/health")).status_code == 200
                with anyio.fail_after(5):
                    tasks.cancel_scope.cancel()
        with pytest.raises(ConnectFailed):
            async with Client.connect(served.url, "x"):
                pass
        outer.cancel_scope.cancel()


async def test_behind_a_trusted_proxy_each_caller_has_tries_of_their_own(
    tmp_path: Path,
) -> None:
    config = CoordinatorConfig(data=tmp_path, port=0, trusted_proxies=("127.0.0.1",))

    async def guess(http: httpx.AsyncClient, origin: str, path: str) -> int:
        headers = {"x-forwarded-for": origin, "authorization": "Bearer cak_guess"}
        return (await http.get(path, headers=headers)).status_code

    async with anyio.create_task_group() as tasks:
        served = await tasks.start(serve_coordinator, config)
        async with httpx.AsyncClient(base_url=served.url) as http:
            for _ in range(20):
                assert await guess(http, "192.0.2.1", "/api/me") == 401
            for path in ("/api/me", "/v1/models"):
                assert await guess(http, "192.0.2.1", path) == 429
                assert await guess(http, "6.6.6.6, 192.0.2.1", path) == 429
                assert await guess(http, "192.0.2.2", path) == 401
        tasks.cancel_scope.cancel()


async def test_without_a_trusted_proxy_the_header_says_nothing(tmp_path: Path) -> None:
    config = CoordinatorConfig(data=tmp_path, port=0)
    async with anyio.create_task_group() as tasks:
        served = await tasks.start(serve_coordinator, config)
        async with httpx.AsyncClient(base_url=served.url) as http:
            statuses = []
            for number in range(21):
                headers = {
                    "x-forwarded-for": f"192.0.2.{number}",
                    "authorization": "Bearer cak_guess",
                }
                statuses.append(
                    (await http.get("/api/me", headers=headers)).status_code
                )
        tasks.cancel_scope.cancel()

    assert statuses == [401] * 20 + [429]
