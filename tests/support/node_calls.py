"""A node's HTTP calls to the application of a club in memory, one at a time."""

from __future__ import annotations

import base64
from typing import Any

from clubai.crypto.identity import Identity
from clubai.crypto.keys import random_bytes
from clubai.model import node_nickname
from clubai.protocol.session import enrol_bytes, login_bytes
from support.api_calls import ApiClub
from support.asgi_driver import Response
from support.sealed_peers import PlayedNode

HOST = "club.example:8000"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class CallingNode:
    """One machine that wants to be a node of a club."""

    def __init__(self, api: ApiClub, *, origin: str = HOST, host: str = HOST) -> None:
        self.api = api
        self.identity = Identity.generate()
        self.boot = random_bytes(16)
        self.played: dict[bytes, PlayedNode] = {}
        """Its keys, by identity."""
        self.origin = origin
        """What it signs."""
        self.host = host
        """What its requests are addressed to."""

    @property
    def nickname(self) -> str:
        return node_nickname(self.identity.node_id)

    @property
    def now_ms(self) -> int:
        return int(self.api.coordinator.driver.clock() * 1000)

    async def post(self, path: str, json: Any, *, key: str = "") -> Response:
        headers = {"host": self.host}
        return await self.api.call("POST", path, json, key=key, headers=headers)

    async def enrol(self, token: str, **changes: Any) -> Response:
        node = self.identity.node_id
        body = {
            "token": token,
            "node": b64(node),
            "key": b64(self.identity.key),
            "now_ms": self.now_ms,
            "sig": b64(self.identity.sign(enrol_bytes(token, self.origin, node))),
            **changes,
        }
        return await self.post("/nodes/enrol", body)

    async def nonce(self) -> bytes:
        asked = {"node": b64(self.identity.node_id)}
        reply = await self.post("/nodes/challenge", asked)
        assert reply.status == 200
        return base64.b64decode(reply.json()["nonce"])

    async def login(
        self,
        nonce: bytes | None = None,
        *,
        signer: Identity | None = None,
        **changes: Any,
    ) -> Response:
        nonce = await self.nonce() if nonce is None else nonce
        now_ms = changes.get("now_ms", self.now_ms)
        signed = login_bytes(self.origin, nonce, self.boot, now_ms)
        body = {
            "node": b64(self.identity.node_id),
            "nonce": b64(nonce),
            "boot": b64(self.boot),
            "now_ms": now_ms,
            "sig": b64((signer or self.identity).sign(signed)),
            **changes,
        }
        return await self.post("/nodes/login", body)

    async def ticket(self) -> str:
        reply = await self.login()
        assert reply.status == 200, reply.body
        text: str = reply.json()["ticket"]
        return text


async def token_of(api: ApiClub, key: str, **wanted: Any) -> str:
    """A new enrolment token of whoever has `key`."""
    made = await api.call("POST", "/api/enrolments", wanted, key=key)
    assert made.status == 201, made.body
    token: str = made.json()["token"]
    return token
