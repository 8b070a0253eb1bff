"""The routes about keys: the key log for anybody, countersignatures for owners."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import require
from clubai.coordinator.keylog import NotInKeyLog
from clubai.coordinator.replies import (
    json_reply,
    read_body,
    unknown_path,
)
from clubai.crypto.keytext import key_text, read_key
from clubai.crypto.tiles import TILE_WIDTH, read_path
from clubai.model import NodeId
from clubai.protocol.keylog import (
    CHECKPOINT_PATH,
    CLUB_KEY_PATH,
    LOG_PREFIX,
    NODE_PREFIX,
    ClubKey,
)

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_FOR_NOW: Final = "public, max-age=300"
_FRESH: Final = "no-cache"


class Countersignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An owner's key and what it signed, as base32 and base64."""

    key: str
    sig: bytes


class KeyRoutes:
    """The endpoints about keys of one coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    def routes(self) -> list[Route]:
        """All of them."""
        read = {
            CLUB_KEY_PATH: self.club_key,
            LOG_PREFIX + CHECKPOINT_PATH: self.checkpoint,
            f"{LOG_PREFIX}tile/{{path:path}}": self.tile,
            f"{LOG_PREFIX}{NODE_PREFIX}{{node}}": self.node,
        }
        return [
            *(api_route(path, get, "GET") for path, get in read.items()),
            api_route("/api/nodes/{node}/owner", self.put_owner, "PUT"),
        ]

    async def club_key(self, _request: Request) -> ASGIApp:
        """The key that the club signs with; members pin it."""
        log = self._coordinator.keylog
        return json_reply(ClubKey(log.origin, key_text(log.key), log.size))

    async def checkpoint(self, _request: Request) -> ASGIApp:
        """What the key log is now, signed."""
        return Response(
            self._coordinator.keylog.checkpoint(),
            media_type="text/plain; charset=utf-8",
            headers={"cache-control": _FRESH},
        )

    async def tile(self, request: Request) -> ASGIApp:
        """A tile of the key log, or a bundle of its entries."""
        path = f"tile/{request.path_params['path']}"
        found = read_path(path)
        full = found is not None and found.width == TILE_WIDTH
        return await self._read(
            path, "application/octet-stream", _FOR_EVER if full else _FOR_NOW
        )

    async def node(self, request: Request) -> ASGIApp:
        """Where the key log has a node's keys."""
        path = f"{NODE_PREFIX}{request.path_params['node']}"
        return await self._read(path, "application/json", _FRESH)

    async def put_owner(self, request: Request) -> ASGIApp:
        """Countersign a node of the caller's."""
        member = await caller(self._coordinator.accounts, request)
        require(member, "countersigning a node", "node")
        node = NodeId(read_key(request.path_params["node"], "node"))
        given = await read_body(request, Countersignature)
        await self._coordinator.owners.countersign(
            member, node, key=read_key(given.key, "key"), sig=given.sig
        )
        return Response(status_code=204)

    async def _read(self, path: str, media_type: str, cache: str) -> ASGIApp:
        try:
            content = await self._coordinator.keylog.read(path)
        except NotInKeyLog:
            return unknown_path(LOG_PREFIX + path[:200]).reply()
        headers = {"cache-control": cache}
        return Response(content, media_type=media_type, headers=headers)
