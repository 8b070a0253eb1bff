"""The HTTP routes of the feed: a snapshot, and what happens after it."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.event_stream import EventStream, data_frame
from clubai.coordinator.grants import Member, require
from clubai.coordinator.limits import Place
from clubai.coordinator.replies import address_of, json_reply, whole_number
from clubai.errors import ConfigError
from clubai.protocol.feed import Position, read_position

SNAPSHOT_SECONDS: Final = 0.5
"""Between two snapshots of `/api/events?form=snapshots`."""
PING_SECONDS: Final = 5.0
"""A follower hears something at least so often."""
MOST_BOOT: Final = 64


def feed_routes(coordinator: Coordinator) -> list[Route]:
    """All of them, for the application that serves them."""
    api = _FeedApi(coordinator)
    return [
        api_route("/api/snapshot", api.snapshot, "GET"),
        api_route("/api/events", api.events, "GET"),
    ]


class _FeedApi:
    """The endpoints of one coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    async def snapshot(self, request: Request) -> ASGIApp:
        """The club as the caller may see it, and from where to follow."""
        member = await self._reader(request)
        return json_reply(self._coordinator.feed.beginning(member))

    async def events(self, request: Request) -> ASGIApp:
        """What happened since `since`, then what happens, as server-sent events.

        With `form=snapshots` whole snapshots instead: now and after changes.
        """
        member = await self._reader(request)
        feed = self._coordinator.feed
        stream: ASGIApp
        match request.query_params.get("form", "events"):
            case "events":
                follower = feed.follow(member, _since(request))
                stream = EventStream(follower, bytes, ping_s=PING_SECONDS)
            case "snapshots":
                watch = feed.watch(member, SNAPSHOT_SECONDS)
                stream = EventStream(watch, data_frame)
            case other:
                fix = "give `events` or `snapshots`"
                raise ConfigError("form", other[:80], fix)
        place = self._coordinator.places.place()
        place.take("clients", member.id, address_of(request))
        return _Placed(stream, place)

    async def _reader(self, request: Request) -> Member:
        member = await caller(self._coordinator.accounts, request)
        require(member, "looking at the club", "read")
        return member


class _Placed:
    """A stream that counts as one of its reader's connections."""

    def __init__(self, stream: ASGIApp, place: Place) -> None:
        self._stream = stream
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await self._stream(scope, receive, send)


def _since(request: Request) -> Position | None:
    """What the caller has seen; None: they want what happens from now on.

    A browser that comes again sends what it saw last beside the address that it was
    first given: the header counts.
    """
    last_id = request.headers.get("last-event-id")
    if last_id:
        return read_position(last_id) or Position("", 0)
    since = request.query_params.get("since")
    if since is None:
        return None
    boot = request.query_params.get("boot", "")
    if not 0 < len(boot) <= MOST_BOOT:
        fix = "give the `boot` of the snapshot that `since` is from"
        raise ConfigError("boot", boot[:80], fix)
    return Position(boot, whole_number(since, "since", digits=15))
