from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

from clubai.agent import agent as agent_module
from clubai.agent.agent import Agent, serve_agent
from clubai.agent.backends.base import BackendInfo
from clubai.agent.config import AgentConfig, BackendConfig
from clubai.errors import (
    AuthenticationError,
    BackendError,
    ClubAIError,
    ConfigError,
    PermissionDenied,
    RemoteProtocolError,
)
from clubai.model import FailCode, ModelOffer
from clubai.protocol.codec import encode
from clubai.protocol.messages import CloseCode, Goodbye
from clubai.transport.asgi import WebSocketStream
from support.agent_club import (
    Backoffs,
    Running,
    Shown,
    Tally,
    alive,
    config_for,
    running_club,
)
from support.scripted_backend import ScriptedBackend, say
from support.serving import port_of, serving


@pytest.fixture
def backoffs(monkeypatch: pytest.MonkeyPatch) -> Backoffs:
    backoffs = Backoffs()
    monkeypatch.setattr(agent_module, "backoff", backoffs)
    return backoffs


async def refused(config: AgentConfig) -> ClubAIError:
    """What ends an agent before its node is in the club."""
    try:
        with anyio.fail_after(10):
            async with Agent.open(config, backend=ScriptedBackend()) as agent:
                await agent.joined()
    except ClubAIError as error:
        return error
    pytest.fail("it joined")


async def test_a_node_joins_as_it_is_and_leaves_with_its_agent(tmp_path: Path) -> None:
    async with running_club(tmp_path) as club:
        config = config_for(club, tmp_path, vram_gb=24.5)
        backend = ScriptedBackend(models=("m", "n"), slots=3)
        with anyio.fail_after(10):
            async with Agent.open(config, backend=backend) as agent:
                await agent.joined()

                [node] = await club.until(alive("attic"))

        assert (node.id, node.name, node.owner) == (agent.node, "attic", "operator")
        assert [model.name for model in node.models] == ["m", "n"]
        assert (node.slots, node.vram_gb, node.backend) == (3, 24.5, "scripted 1")
        assert node.version.startswith("clubai-agent ")
        await club.until(alive())


async def test_an_identity_is_kept_for_the_next_start(tmp_path: Path) -> None:
    async with running_club(tmp_path) as club:
        seen: set[str] = set()
        for name in ("attic", "renamed"):
            config = config_for(club, tmp_path, name=name)
            async with Agent.open(config, backend=ScriptedBackend()) as agent:
                await agent.joined()
                await club.until(alive(name))
                seen.add(agent.node)

        assert len(seen) == 1
        assert config.key_file.stat().st_mode & 0o777 == 0o600


async def test_a_node_comes_back_when_the_coordinator_does(
    tmp_path: Path, backoffs: Backoffs
) -> None:
    async with anyio.create_task_group() as tasks:
        running = Running()
        async with running_club(tmp_path) as club:
            port = port_of(club.url)
            backend = ScriptedBackend(say("back again"))
            await tasks.start(running.run, config_for(club, tmp_path), backend)
        await backoffs.tally.reach(3)
        assert not running.ended.is_set()
        assert backoffs.attempts[:3] == [0, 1, 2]

        async with running_club(tmp_path, port=port) as again:
            await again.until(alive("attic"))
            assert again.coordinator is not club.coordinator
            tasks.cancel_scope.cancel()
    assert running.error is None


@pytest.mark.parametrize("code", [CloseCode.GOING_AWAY, CloseCode.TOO_SLOW])
async def test_a_connection_that_ends_is_made_anew_from_the_shortest_wait(
    code: CloseCode, tmp_path: Path, backoffs: Backoffs
) -> None:
    async with running_club(tmp_path) as club, anyio.create_task_group() as tasks:
        running = Running()
        await tasks.start(running.run, config_for(club, tmp_path), ScriptedBackend())
        for _ in range(2):
            [before] = (await club.until(alive("attic")))[:1]
            club.end_connections(code)

            def anew(nodes: Shown, joined_at: float = before.joined_at) -> bool:
                return alive("attic")(nodes) and nodes[0].joined_at > joined_at

            await club.until(anew)

        assert backoffs.attempts == [0, 0]
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("token", ["", "cak_no", "a.b.c"])
async def test_a_token_that_is_not_good_ends_the_agent(
    token: str, tmp_path: Path, backoffs: Backoffs
) -> None:
    async with running_club(tmp_path) as club:
        config = config_for(club, tmp_path, token=token)

        error = await refused(config)

        assert isinstance(error, AuthenticationError)
        assert "401" in error.reason
        assert "cak_no" not in str(error)
        assert backoffs.attempts == []


async def test_a_key_that_is_ended_meanwhile_is_not_needed_any_more(
    tmp_path: Path,
) -> None:
    async with running_club(tmp_path) as club:
        config = config_for(club, tmp_path)
        async with Agent.open(config, backend=ScriptedBackend()) as agent:
            await agent.joined()
        accounts = club.coordinator.accounts
        owner = await accounts.authenticate(club.key)
        await accounts.revoke_api_key(owner.id, club.key.split("_")[1])

        for token in (club.key, ""):
            later = msgspec.structs.replace(config, token=token)
            with anyio.fail_after(10):
                async with Agent.open(later, backend=ScriptedBackend()) as agent:
                    await agent.joined()
                    await club.until(alive("attic"))


async def test_a_token_alone_brings_a_node_in_and_back(tmp_path: Path) -> None:
    async with running_club(tmp_path) as club:
        owner = await club.coordinator.accounts.authenticate(club.key)
        made = await club.coordinator.enrolments.make(owner)
        with_token = config_for(club, tmp_path, token="", enrol=made.token)
        seen = []
        for config in (
            with_token,
            config_for(club, tmp_path, token=""),
            with_token,  # a used one in its settings does no harm
        ):
            with anyio.fail_after(10):
                async with Agent.open(config, backend=ScriptedBackend()) as agent:
                    await agent.joined()
                    [node] = await club.until(alive("attic"))
                    seen.append((node.id, node.owner))

        assert len(set(seen)) == 1
        assert seen[0][1] == "operator"
        assert await club.coordinator.enrolments.open_ones(owner) == []


async def test_a_used_token_brings_no_second_node_in(tmp_path: Path) -> None:
    async with running_club(tmp_path) as club:
        owner = await club.coordinator.accounts.authenticate(club.key)
        made = await club.coordinator.enrolments.make(owner)
        config = config_for(club, tmp_path, token=made.token)
        async with Agent.open(config, backend=ScriptedBackend()) as agent:
            await agent.joined()

        other = msgspec.structs.replace(config, data=tmp_path / "other", name="b")
        error = await refused(other)

        assert isinstance(error, AuthenticationError)
        assert "clubai node enrol" in error.reason
        assert made.token not in str(error)


async def test_a_node_that_is_removed_ends_and_stays_out(
    tmp_path: Path, backoffs: Backoffs
) -> None:
    async with running_club(tmp_path) as club, anyio.create_task_group() as tasks:
        running = Running()
        config = config_for(club, tmp_path)
        await tasks.start(running.run, config, ScriptedBackend())
        owner = await club.coordinator.accounts.authenticate(club.key)

        await club.coordinator.remove_node(owner, running.agent.nickname)

        with anyio.fail_after(10):
            await running.ended.wait()
        assert isinstance(running.error, RemoteProtocolError)
        assert running.error.code == CloseCode.NOT_YOURS
        error = await refused(config)
        assert isinstance(error, PermissionDenied)
        assert "another data directory" in error.reason
        assert backoffs.attempts == []


async def test_a_node_that_waits_for_its_owner_says_how_it_is_let_in(
    tmp_path: Path,
) -> None:
    async with running_club(tmp_path) as club:
        owner = await club.coordinator.accounts.authenticate(club.key)
        made = await club.coordinator.enrolments.make(owner, confirm=True)
        config = config_for(club, tmp_path, token=made.token)

        error = await refused(config)

        assert isinstance(error, PermissionDenied)
        [pending] = await club.coordinator.enrolments.nodes(owner)
        assert f"clubai node confirm {pending.nickname}" in error.reason
        await club.coordinator.enrolments.confirm(owner, pending.nickname)
        async with Agent.open(config, backend=ScriptedBackend()) as agent:
            await agent.joined()
            assert agent.nickname == pending.nickname


async def test_a_name_that_is_taken_ends_the_agent(
    tmp_path: Path, backoffs: Backoffs
) -> None:
    async with running_club(tmp_path) as club, anyio.create_task_group() as tasks:
        first = Running()
        await tasks.start(first.run, config_for(club, tmp_path), ScriptedBackend())
        config = config_for(club, tmp_path, data=tmp_path / "other", name="ATTIC")

        error = await refused(config)

        assert isinstance(error, RemoteProtocolError)
        assert error.code == CloseCode.NAME_TAKEN
        assert "NODE_ID" in error.reason
        assert backoffs.attempts == []
        assert not first.ended.is_set()
        await club.until(alive("attic"))
        tasks.cancel_scope.cancel()


async def test_an_enrolled_node_stays_its_owners_whatever_key_it_is_given(
    tmp_path: Path,
) -> None:
    async with running_club(tmp_path) as club:
        mine = config_for(club, tmp_path)
        async with Agent.open(mine, backend=ScriptedBackend()) as agent:
            await agent.joined()
        theirs = msgspec.structs.replace(mine, token=await club.key_of("bob"))

        async with Agent.open(theirs, backend=ScriptedBackend()) as agent:
            await agent.joined()
            [node] = await club.until(alive("attic"))

        assert node.owner == "operator"


async def test_a_newer_agent_of_the_same_identity_ends_the_older(
    tmp_path: Path, backoffs: Backoffs
) -> None:
    async with running_club(tmp_path) as club, anyio.create_task_group() as tasks:
        older, newer = Running(), Running()
        config = config_for(club, tmp_path)
        await tasks.start(older.run, config, ScriptedBackend())

        await tasks.start(newer.run, config, ScriptedBackend(models=("new",)))

        with anyio.fail_after(10):
            await older.ended.wait()
        assert isinstance(older.error, RemoteProtocolError)
        assert older.error.code == CloseCode.REPLACED
        assert backoffs.attempts == []
        [node] = await club.until(alive("attic"))
        assert [model.name for model in node.models] == ["new"]
        assert not newer.ended.is_set()
        tasks.cancel_scope.cancel()


class MortalBackend(ScriptedBackend):
    """Dies, and comes back with one more model."""

    def __init__(self) -> None:
        super().__init__(models=("m",))
        self.dead = False
        self.looks = Tally()

    async def look(self) -> BackendInfo:
        self.looks.add()
        if self.dead:
            raise BackendError(FailCode.BACKEND, "connection refused")
        return self.info


def offering(*models: str) -> Callable[[Shown], bool]:
    return lambda nodes: [m.name for node in nodes for m in node.models] == [*models]


async def test_a_backend_that_dies_offers_nothing_until_it_is_back(
    tmp_path: Path,
) -> None:
    async with running_club(tmp_path) as club:
        backend = MortalBackend()
        config = config_for(club, tmp_path, look_s=0.01)
        async with Agent.open(config, backend=backend) as agent:
            await agent.joined()
            await club.until(offering("m"))

            backend.dead = True
            await club.until(offering())
            assert club.coordinator.driver.machine.models() == ()
            await backend.looks.reach(backend.looks.count + 2)

            backend.dead = False
            models = (*backend.info.models, ModelOffer(name="n"))
            backend.info = msgspec.structs.replace(backend.info, models=models)
            await club.until(offering("m", "n"))


async def test_a_failed_answer_is_a_reason_to_look(tmp_path: Path) -> None:
    async with running_club(tmp_path) as club:
        backend = MortalBackend()
        config = config_for(club, tmp_path, look_s=3600.0)
        async with Agent.open(config, backend=backend) as agent:
            await agent.joined()
            await club.until(offering("m"))
            backend.dead = True

            agent.standing.look_again()

            await club.until(offering())


def paused(nodes: Shown) -> bool:
    return [node.state for node in nodes] == ["paused"]


async def test_pause_and_resume_reach_the_club(tmp_path: Path) -> None:
    async with running_club(tmp_path) as club:
        config = config_for(club, tmp_path)
        async with Agent.open(config, backend=ScriptedBackend()) as agent:
            await agent.joined()
            await club.until(alive("attic"))

            agent.standing.pause()
            await club.until(paused)

            agent.standing.resume()
            await club.until(alive("attic"))


async def test_a_pause_outlives_the_connection(
    tmp_path: Path, backoffs: Backoffs
) -> None:
    async with running_club(tmp_path) as club:
        config = config_for(club, tmp_path)
        async with Agent.open(config, backend=ScriptedBackend()) as agent:
            await agent.joined()
            agent.standing.pause()
            [before] = await club.until(paused)

            club.end_connections(CloseCode.RESTARTING)

            await club.until(
                lambda nodes: paused(nodes) and nodes[0].joined_at > before.joined_at
            )


async def test_without_a_backend_there_is_no_node(tmp_path: Path) -> None:
    async with running_club(tmp_path) as club:
        backend = MortalBackend()
        backend.dead = True

        with pytest.raises(BackendError):
            async with Agent.open(config_for(club, tmp_path), backend=backend):
                pytest.fail("opened")

        assert club.coordinator.feed.nodes() == ()


@pytest.mark.parametrize("url", ["ftp://club.example", "ws://a:b@club.example"])
async def test_a_wrong_address_is_refused_at_once(url: str, tmp_path: Path) -> None:
    config = AgentConfig(coordinator_url=url, data=tmp_path)

    with pytest.raises(ConfigError) as refused:
        async with Agent.open(config, backend=ScriptedBackend()):
            pytest.fail("opened")

    assert refused.value.field == "COORDINATOR_URL"


async def test_a_key_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    config = AgentConfig(data=tmp_path)
    config.key_file.write_bytes(bytes(32))
    config.key_file.chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        async with Agent.open(config, backend=ScriptedBackend()):
            pytest.fail("opened")


class Door:
    """Where a coordinator should be: refuses everybody, at one step or another."""

    def __init__(
        self, status: int = 0, code: CloseCode | None = None, step: str = "connect"
    ) -> None:
        self.status = status
        self.code = code
        self.step = step
        self.knocks = Tally()

    @property
    def app(self) -> Router:
        return Router(
            routes=[
                Route("/nodes/{step}", self.call, methods=["POST"]),
                WebSocketRoute("/nodes/connect", self.connect),
            ]
        )

    async def call(self, request: Request) -> Response:
        step = request.path_params["step"]
        if step == self.step:
            self.knocks.add()
            return JSONResponse({"error": {"message": "not you"}}, self.status)
        return JSONResponse(
            {"nonce": "AAAA" * 10 + "AAA=", "ticket": "t", "expires_at": 1.0}
        )

    async def connect(self, websocket: WebSocket) -> None:
        self.knocks.add()
        if self.status:
            body = {"error": {"message": "not you"}}
            await websocket.send_denial_response(JSONResponse(body, self.status))
            return
        assert self.code is not None
        await websocket.accept(subprotocol=websocket.scope["subprotocols"][0])
        stream = WebSocketStream(websocket)
        await stream.send(encode(Goodbye(code=self.code, reason="not you")))
        await stream.aclose()

    async def try_to_enter(self, data: Path) -> ClubAIError | None:
        """What ends an agent there; None when it still tries after three refusals."""
        async with serving(self.app) as url:
            config = AgentConfig(coordinator_url=url, token="t", data=data)
            try:
                async with Agent.open(config, backend=ScriptedBackend()):
                    await self.knocks.reach(4)
            except ClubAIError as error:
                return error
        return None


STEPS = ["challenge", "login", "connect"]


@pytest.mark.parametrize("step", STEPS)
async def test_a_refusal_for_good_is_permission_denied(
    step: str, tmp_path: Path, backoffs: Backoffs
) -> None:
    door = Door(status=403, step=step)

    error = await door.try_to_enter(tmp_path)

    assert isinstance(error, PermissionDenied)
    assert "not you" in error.reason
    assert door.knocks.count == 1


@pytest.mark.parametrize(
    ("status", "step"),
    [
        *[(status, "connect") for status in (401, 404, 429, 500, 502, 503)],
        *[(status, "login") for status in (302, 400, 404, 429, 500)],
        (503, "challenge"),
    ],
)
async def test_a_refusal_for_now_is_tried_again_and_later_each_time(
    status: int, step: str, tmp_path: Path, backoffs: Backoffs
) -> None:
    assert await Door(status=status, step=step).try_to_enter(tmp_path) is None

    assert backoffs.attempts[:3] == [0, 1, 2]


@pytest.mark.parametrize(
    "code", [CloseCode.VERSION, CloseCode.BAD_SIGNATURE, CloseCode.NAME_TAKEN]
)
async def test_a_goodbye_for_good_ends_the_agent(
    code: CloseCode, tmp_path: Path, backoffs: Backoffs
) -> None:
    door = Door(code=code)

    error = await door.try_to_enter(tmp_path)

    assert isinstance(error, RemoteProtocolError)
    assert (error.code, error.reason) == (code, "not you")
    assert (door.knocks.count, backoffs.attempts) == (1, [])


@pytest.mark.parametrize(
    ("code", "warnings"), [(CloseCode.RESTARTING, 0), (CloseCode.TOO_MANY, 1)]
)
async def test_a_goodbye_for_now_is_tried_again(
    code: CloseCode,
    warnings: int,
    tmp_path: Path,
    backoffs: Backoffs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await Door(code=code).try_to_enter(tmp_path) is None

    assert backoffs.attempts[:3] == [0, 1, 2]
    warned = [record for record in caplog.records if record.levelname == "WARNING"]
    assert bool(warned) == bool(warnings)


def test_the_real_backoff_is_random_and_grows() -> None:
    assert agent_module.backoff(0, 0.5) == 0.25
    assert agent_module.backoff(3, 0.5) == 2.0
    assert agent_module.backoff(50, 1.0) == 30.0


async def test_the_backend_is_found_as_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    async def detect(url: str, **options: Any) -> ScriptedBackend:
        asked.append((url, options))
        return ScriptedBackend()

    monkeypatch.setattr(agent_module, "detect", detect)
    chosen = BackendConfig(kind="vllm", url="http://x", api_key="k", slots=2)
    async with running_club(tmp_path) as club:
        config = config_for(club, tmp_path, backend=chosen)
        async with Agent.open(config, env={"LMSTUDIO_URL": "http://y"}) as agent:
            await agent.joined()

    options = {
        "api_key": "k",
        "kind": "vllm",
        "slots": 2,
        "env": {"LMSTUDIO_URL": "http://y"},
    }
    assert asked == [("http://x", options)]


async def test_the_embedded_model_is_fetched_and_ended_with_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[Path, dict[str, int]]] = []
    closed: list[Path] = []

    async def ensure(name: str, **_: Any) -> Path:
        return tmp_path / name

    @asynccontextmanager
    async def open_embedded(
        model: Path, **options: int
    ) -> AsyncIterator[ScriptedBackend]:
        opened.append((model, options))
        yield ScriptedBackend(models=("small",))
        closed.append(model)

    monkeypatch.setattr(agent_module, "ensure_model", ensure)
    monkeypatch.setattr(agent_module, "open_embedded", open_embedded)
    chosen = BackendConfig(embedded=True, model="tiny.gguf", threads=2, context=512)
    async with running_club(tmp_path) as club:
        config = config_for(club, tmp_path, backend=chosen)
        async with Agent.open(config) as agent:
            await agent.joined()
            await club.until(offering("small"))
            assert closed == []

    model = tmp_path / "tiny.gguf"
    assert opened == [(model, {"slots": 1, "threads": 2, "context": 512})]
    assert closed == [model]


async def test_an_agent_is_served_once_its_node_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def detect(url: str, **_: Any) -> ScriptedBackend:
        return ScriptedBackend()

    monkeypatch.setattr(agent_module, "detect", detect)
    async with running_club(tmp_path) as club, anyio.create_task_group() as tasks:
        with anyio.fail_after(10):
            agent: Agent = await tasks.start(serve_agent, config_for(club, tmp_path))

        [node] = club.coordinator.feed.nodes()
        assert (node.id, node.state) == (agent.node, "alive")
        tasks.cancel_scope.cancel()


async def test_an_agent_that_is_refused_is_never_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def detect(url: str, **_: Any) -> ScriptedBackend:
        return ScriptedBackend()

    monkeypatch.setattr(agent_module, "detect", detect)
    async with running_club(tmp_path) as club:
        with pytest.raises(AuthenticationError):
            await serve_agent(config_for(club, tmp_path, token="cak_no"))
