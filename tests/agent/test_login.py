from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from clubai.agent import login as login_module
from clubai.agent.login import MAX_ANSWER_BYTES, NodeLogin
from clubai.crypto.identity import Identity, verify
from clubai.errors import (
    AuthenticationError,
    ConfigError,
    ConnectFailed,
    PermissionDenied,
)
from clubai.protocol.session import enrol_bytes, login_bytes
from support.api_calls import ApiClub, api_club
from support.serving import port_of, serving

BOOT = b"b" * 16
NONCE = b"n" * 32


class FalseCoordinator:
    """Answers as a test tells it, and keeps what it was told."""

    def __init__(self, **answers: tuple[int, Any] | list[tuple[int, Any]]) -> None:
        good = {
            "challenge": (200, {"nonce": NONCE, "expires_at": 1.0, "new": 1}),
            "login": (200, {"ticket": "cwt_t", "expires_at": 1.0}),
            "enrol": (201, {"node": "x", "state": "enrolled"}),
            "enrolments": (201, {"id": "x", "token": "cet_own", "expires_at": 1.0}),
        }
        self.answers: dict[str, Any] = good | answers
        self.told: list[tuple[str, dict[str, Any], str]] = []

    @property
    def app(self) -> Router:
        return Router(routes=[Route("/{rest:path}", self.call, methods=["POST"])])

    async def call(self, request: Request) -> Response:
        step = request.url.path.rpartition("/")[2]
        body = msgspec.json.decode(await request.body())
        self.told.append((step, body, request.headers.get("authorization", "")))
        answer = self.answers[step]
        status, said = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(said, bytes):
            return Response(said, status, headers={"location": "/nodes/other"})
        return Response(msgspec.json.encode(said), status)

    @property
    def steps(self) -> list[str]:
        return [step for step, _, _ in self.told]

    def said(self, step: str, kind: dict[str, type]) -> dict[str, Any]:
        [body] = [body for name, body, _ in self.told if name == step][-1:]
        return {
            name: msgspec.convert(body[name], type_) for name, type_ in kind.items()
        }


def node_login(url: str, token: str = "", **changes: Any) -> NodeLogin:
    address = f"{url.replace('http', 'ws', 1)}/nodes/connect"
    settings: dict[str, Any] = {
        "identity": Identity.generate(),
        "boot": BOOT,
        "name": "attic",
        "token": token,
        **changes,
    }
    return NodeLogin(address, **settings)


@asynccontextmanager
async def false_coordinator(
    **answers: Any,
) -> AsyncIterator[tuple[FalseCoordinator, str]]:
    coordinator = FalseCoordinator(**answers)
    async with serving(coordinator.app) as url:
        yield coordinator, url


async def test_what_is_signed_names_the_coordinator_that_was_dialled() -> None:
    identity = Identity.generate()
    async with false_coordinator() as (coordinator, url):
        address = f"ws://LOCALHOST:{port_of(url)}/nodes/connect"
        login = NodeLogin(
            address, identity=identity, boot=BOOT, name="", clock=lambda: 1.5
        )

        assert await login.ticket() == "cwt_t"

    said = coordinator.said(
        "login", {"nonce": bytes, "boot": bytes, "sig": bytes, "node": bytes}
    )
    signed = login_bytes(f"localhost:{port_of(url)}", NONCE, BOOT, 1500)
    assert verify(identity.key, signed, said["sig"])
    assert (said["nonce"], said["boot"]) == (NONCE, BOOT)
    assert said["node"] == identity.node_id
    assert coordinator.steps == ["challenge", "login"]


async def test_an_unknown_node_enrols_once_with_its_token() -> None:
    identity = Identity.generate()
    unknown = (401, {"error": {"message": "who?"}})
    good = (200, {"ticket": "cwt_t", "expires_at": 1.0})
    async with false_coordinator(login=[unknown, good]) as (coordinator, url):
        login = node_login(url, "cet_given", identity=identity)

        assert await login.ticket() == "cwt_t"

    steps = ["challenge", "login", "enrol", "challenge", "login"]
    assert coordinator.steps == steps
    said = coordinator.said("enrol", {"token": str, "sig": bytes, "name": str})
    signed = enrol_bytes("cet_given", f"127.0.0.1:{port_of(url)}", identity.node_id)
    assert verify(identity.key, signed, said["sig"])
    assert (said["token"], said["name"]) == ("cet_given", "attic")
    assert [key for _, _, key in coordinator.told] == [""] * 5


async def test_an_api_key_makes_a_token_and_goes_nowhere_else() -> None:
    unknown = (401, {"error": {"message": "who?"}})
    good = (200, {"ticket": "cwt_t", "expires_at": 1.0})
    async with false_coordinator(login=[unknown, good]) as (coordinator, url):
        await node_login(url, "cak_key").ticket()

    keys = {step: key for step, _, key in coordinator.told}
    assert keys.pop("enrolments") == "Bearer cak_key"
    assert set(keys.values()) == {""}
    assert coordinator.said("enrol", {"token": str}) == {"token": "cet_own"}
    assert coordinator.said("enrolments", {"life_s": float}) == {"life_s": 60.0}


async def test_a_node_that_stays_unknown_is_not_enrolled_for_ever() -> None:
    unknown = (401, {"error": {"message": "who?"}})
    async with false_coordinator(login=unknown) as (coordinator, url):
        with pytest.raises(AuthenticationError, match="HTTP 401: who"):
            await node_login(url, "cet_given").ticket()

    assert coordinator.steps.count("enrol") == 1


async def test_without_a_token_the_coordinators_word_is_passed_on() -> None:
    unknown = (401, {"error": {"message": "clubai node enrol"}})
    async with false_coordinator(login=unknown) as (coordinator, url):
        with pytest.raises(AuthenticationError, match="clubai node enrol"):
            await node_login(url).ticket()

    assert coordinator.steps == ["challenge", "login"]


@pytest.mark.parametrize("step", ["challenge", "login", "enrol", "enrolments"])
async def test_what_is_not_allowed_is_for_good(step: str) -> None:
    answers: dict[str, Any] = {"login": (401, {})}
    answers[step] = (403, {"error": {"message": "removed"}})
    async with false_coordinator(**answers) as (_, url):
        with pytest.raises(PermissionDenied, match="removed"):
            await node_login(url, "cak_key").ticket()


@pytest.mark.parametrize(
    "answer",
    [
        (302, b""),
        (400, {"error": {"message": "this machine's clock is 500 s behind"}}),
        (404, b"Not Found"),
        (429, {"error": {"message": "too many"}}),
        (500, b"[" * 5000),
        (502, b"<html>"),
        (200, b"<html>"),
        (200, b"[" * 5000),
        (200, {"ticket": "a\nb", "expires_at": 1.0}),
        (200, {"ticket": 1}),
        (200, b'{"ticket":"t","expires_at":1.0}'.ljust(MAX_ANSWER_BYTES + 1)),
        (204, b""),
    ],
    ids=str,
)
async def test_anything_else_may_be_better_later(answer: tuple[int, Any]) -> None:
    async with false_coordinator(login=answer) as (coordinator, url):
        with pytest.raises(ConnectFailed) as failed:
            await node_login(url, "cak_key").ticket()

    assert coordinator.steps == ["challenge", "login"], "and no redirect is followed"
    if answer[0] == 400:
        assert "500 s behind" in failed.value.reason
    if answer[0] != 200:
        assert failed.value.status == answer[0]


async def test_a_nonce_of_another_size_is_not_signed() -> None:
    for nonce in (b"", b"n" * 31, b"n" * 33):
        challenge = (200, {"nonce": nonce, "expires_at": 1.0})
        async with false_coordinator(challenge=challenge) as (coordinator, url):
            with pytest.raises(ConnectFailed, match="like a coordinator"):
                await node_login(url).ticket()
        assert coordinator.steps == ["challenge"]


async def test_nobody_there_is_connect_failed() -> None:
    async with serving(FalseCoordinator().app) as url:
        pass

    with pytest.raises(ConnectFailed) as failed:
        await node_login(url, "cak_key").ticket()

    assert failed.value.status is None
    assert "cak_key" not in f"{failed.value}"


async def test_a_coordinator_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(login_module, "CALL_SECONDS", 0.05)

    async def silent(_request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    app = Router(routes=[Route("/{rest:path}", silent, methods=["POST"])])
    async with serving(app) as url:
        with pytest.raises(ConnectFailed, match=r"no answer within 0\.05 s"):
            await node_login(url).ticket()


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("ws://h:1/nodes/connect", "http://h:1"),
        ("wss://h/club/nodes/connect", "https://h/club"),
        ("wss://h/other", "https://h/other"),
        ("ws://[::1]:8000/nodes/connect", "http://[::1]:8000"),
    ],
)
def test_the_calls_go_to_where_the_websocket_goes(url: str, base: str) -> None:
    login = NodeLogin(url, identity=Identity.generate(), boot=BOOT, name="")

    assert login.url == base


def test_a_host_that_cannot_be_dialled_is_refused() -> None:
    with pytest.raises(ConfigError, match="COORDINATOR_URL"):
        NodeLogin(
            "ws://\u2603.example/x", identity=Identity.generate(), boot=BOOT, name=""
        )


def test_the_token_does_not_show() -> None:
    login = NodeLogin(
        "ws://h/", identity=Identity.generate(), boot=BOOT, name="", token="cet_secret"
    )

    assert "secret" not in repr(login)


Origins = Callable[[str], tuple[str, ...]]


@pytest.mark.parametrize(
    ("origins", "good"),
    [
        (lambda url: (), True),
        (lambda url: ("club.example", url), True),
        (lambda url: ("club.example",), False),
    ],
    ids=["any", "this one too", "another"],
)
async def test_a_real_coordinator_takes_the_address_that_it_goes_by(
    origins: Origins, good: bool, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        api.coordinator.config = msgspec.structs.replace(
            api.coordinator.config, origins=origins(url)
        )
        alice = await api.join("alice")
        login = node_login(url, alice.key)

        if good:
            assert (await login.ticket()).startswith("cwt_")
        else:
            with pytest.raises(AuthenticationError, match="CLUBAI_ORIGINS"):
                await login.ticket()
        assert await nodes_of(api) == (1 if good else 0)


async def nodes_of(api: ApiClub) -> int:
    return len(await api.coordinator.store.enrolled_nodes())
