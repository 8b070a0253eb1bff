"""Logs hold ids, sizes, codes and times: never what was asked, answered or proved."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio
import httpx
import pytest

from clubai.agent.login import NodeLogin
from clubai.client import Client
from clubai.errors import ClubAIError
from clubai.protocol.codec import encode
from clubai.protocol.messages import (
    Goodbye,
    Hello,
    NodeRegistered,
    Notice,
    TaskRequest,
)
from clubai.transport.websocket import DialledStream, open_websocket
from support.commands import started
from support.raw_peers import RawNode
from support.sealed_peers import PlayedNode
from support.thread_backend import MODEL, parrot

MARK = "MARKED-6b1f0c"
TEXT = bytes([0xA0 + len(MARK)]) + MARK.encode()
"""As msgpack."""
FORGED = "2026-01-01 [critical] forged"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="stops by a signal"),
]


@pytest.fixture
def anyio_backend() -> str:
    """What is looked at are other processes: one loop is enough."""
    return "asyncio"


async def test_no_log_line_tells_what_is_not_its_business(tmp_path: Path) -> None:
    with parrot() as backend:
        with started(
            "clubai.cli",
            "up",
            "--processes",
            "--json",
            "--port=0",
            "--agents=1",
            "--log-level=debug",
            f"--data={tmp_path / 'club'}",
            f"--backend={backend.url}",
            home=tmp_path,
            CLUBAI_BACKEND_API_KEY=f"{MARK}-backend-key",
        ) as up:
            club = up.ready()
            await by_http(club["coordinator"], club["api_key"])
            await by_client(club["coordinator"], club["api_key"])
            await by_wrong_clients(club["coordinator"], club["api_key"])
            await by_a_node(club["coordinator"], club["api_key"], "shed")
            evil = f"evil\n{FORGED}\x1b[2J"
            await by_a_node(club["coordinator"], club["api_key"], evil)
            up.stop()
        log = up.err()
        asked = json.dumps(backend.chats)

    assert MARK in asked  # it was there to be told
    lines = log.splitlines()
    assert any("joined" in line for line in lines), log
    assert MARK not in log
    assert club["api_key"] not in log
    for line in lines:
        assert isinstance(json.loads(line), dict)
        assert not line.startswith(FORGED)


async def by_http(url: str, key: str) -> None:
    chat = {"model": MODEL, "messages": [{"role": "user", "content": f"{MARK} prompt"}]}
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        http.headers["authorization"] = f"Bearer {key}"
        for stream in (False, True):
            answer = await http.post(
                "/v1/chat/completions", json=chat | {"stream": stream}
            )
            assert f"{MARK}" in answer.text
        wrong = [
            ("/v1/chat/completions", {"model": f"{MARK}-model", "messages": [{}]}),
            ("/v1/chat/completions", {**chat, "n": f"{MARK}"}),
            ("/v1/chat/completions", {**chat, "model": f"{MARK}\n{FORGED}"}),
            ("/api/login", {"name": "operator", "password": f"{MARK}-password"}),
            ("/api/login", {"name": f"{MARK}", "password": 7}),
            ("/api/register", {"name": "bob", "password": f"{MARK} password"}),
            (f"/api/{MARK}?ticket={MARK}", {}),
        ]
        for path, body in wrong:
            await http.post(path, json=body, headers={"x-ticket": MARK})
        await http.post("/v1/chat/completions", content=f'{{"{MARK}'.encode())
        for token in (f"cak_{MARK}", f"{MARK}.{MARK}.{MARK}", MARK * 40):
            http.headers["authorization"] = f"Bearer {token}"
            assert (await http.get("/api/me")).status_code == 401


async def by_client(url: str, key: str) -> None:
    async with Client.connect(url, key) as client:
        assert MARK in (await client.ask(f"{MARK} prompt", model=MODEL)).text
        with pytest.raises(ClubAIError):
            await client.ask("Q", model=f"{MARK}\n{FORGED}", wait_s=0.1)


async def by_wrong_clients(url: str, key: str) -> None:
    address = url.replace("http", "ws", 1) + "/clients/connect"
    with pytest.raises(ClubAIError):
        async with open_websocket(address, token=f"cak_{MARK}"):
            pytest.fail("it was let in")
    for wrong in (
        encode(TaskRequest(ref=1, model=MARK, cvk=bytes(32)))[:-1] + b"\xff",
        encode(TaskRequest(ref=1, model="m", cvk=bytes(32))).replace(b"\xa4chat", TEXT),
        encode(Goodbye(code=1000, reason=f"{MARK}\n{FORGED}")),
        MARK.encode(),
    ):
        async with open_websocket(address, token=key) as stream:
            await stream.send(encode(Hello(versions=(1,), program=f"{MARK}\n{FORGED}")))
            await stream.receive()
            await stream.send(wrong)
            await until_end(stream)


async def by_a_node(url: str, key: str, name: str) -> None:
    address = url.replace("http", "ws", 1) + "/nodes/connect"
    played = PlayedNode()
    login = NodeLogin(
        address,
        identity=played.identity,
        boot=played.boot,
        name="played",
        token=key,
    )
    async with open_websocket(address, token=await login.ticket()) as stream:
        node = RawNode(stream, played)  # type: ignore[arg-type]
        told = await node.register(
            name, program=MARK, backend=f"{MARK}\n{FORGED}", models=()
        )
        if isinstance(told, NodeRegistered):
            await stream.send(encode(Notice(code=f"odd\n{FORGED}", text=MARK)))
            await stream.send(encode(Goodbye(code=1000, reason=f"{MARK}\n{FORGED}")))
        await until_end(stream)


async def until_end(stream: DialledStream) -> None:
    with anyio.move_on_after(5):
        try:
            while True:
                await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return
