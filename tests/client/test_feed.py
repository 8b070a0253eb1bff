from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx
import msgspec
import pytest

from clubai.client.feed import ClubFeed, FeedItem, FeedState, open_feed
from clubai.errors import (
    AuthenticationError,
    ConfigError,
    ConnectFailed,
    PermissionDenied,
)
from clubai.model import ClubStats
from clubai.protocol.feed import (
    ClubEvent,
    FeedGap,
    FeedMessage,
    FeedSnapshot,
    FeedStats,
    Position,
    feed_frame,
)
from clubai.storage import MemoryStore
from clubai.transport.server import serve_app
from support.api_calls import ApiClub, api_club
from support.serving import port_of

T = TypeVar("T")
STATS = ClubStats(**dict.fromkeys(ClubStats.__struct_fields__, 0))
Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


def snapshot(seq: int, boot: str = "b-operator") -> httpx.Response:
    body = FeedSnapshot(
        stats=STATS,
        models=(),
        nodes=(),
        tasks=(),
        boot=boot,
        seq=seq,
        role="operator",
    )
    return httpx.Response(200, stream=Pieces([msgspec.json.encode(body)]))


def event(seq: int, what: str = "closed") -> ClubEvent:
    return ClubEvent(seq=seq, at=1.0, kind="month", what=what, subject="2026-10")


def frames(*messages: FeedMessage, boot: str = "b-operator") -> bytes:
    return b"".join(feed_frame(each, Position(boot, each.seq)) for each in messages)


class Pieces(httpx.AsyncByteStream):
    """A body that ends, breaks off, or goes on in silence."""

    def __init__(self, pieces: list[bytes], end: str = "ends") -> None:
        self.pieces = pieces
        self.end = end
        self._closed = anyio.Event()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await anyio.lowlevel.checkpoint()
            yield piece
        if self.end == "breaks":
            raise httpx.ReadError("broken off")
        if self.end == "goes on":
            await self._closed.wait()

    async def aclose(self) -> None:
        self._closed.set()


def stream(*pieces: bytes, end: str = "breaks") -> httpx.Response:
    return httpx.Response(200, stream=Pieces(list(pieces), end))


def refusal(status: int, message: str) -> httpx.Response:
    body = msgspec.json.encode({"error": {"message": message}})
    return httpx.Response(status, stream=Pieces([body]))


class Club:
    """Answers in turn what a test has laid out."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.keys: set[str] = set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        self.asked.append(request.url.raw_path.decode())
        self.keys.add(request.headers["authorization"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def following(
    *answers: httpx.Response | Exception,
) -> AsyncIterator[tuple[ClubFeed, Club]]:
    club = Club(*answers)
    async with open_feed(
        "http://club.test",
        "key",
        clock=lambda: 5.0,
        jitter=lambda: 0.0,
        transport=httpx.MockTransport(club),
    ) as feed:
        with anyio.fail_after(5):
            yield feed, club


async def take(feed: ClubFeed, count: int) -> list[FeedItem]:
    return [await anext(feed) for _ in range(count)]


def words(items: list[FeedItem]) -> list[str]:
    said = []
    for item in items:
        match item:
            case FeedSnapshot():
                said.append(f"snapshot {item.seq}")
            case ClubEvent():
                said.append(f"event {item.seq}")
            case FeedStats():
                said.append(f"stats {item.seq}")
            case FeedState(connected=True):
                said.append(f"connected {item.gaps} {item.reason}".rstrip())
            case FeedState():
                said.append(f"lost {item.reason}")
    return said


async def test_a_snapshot_then_what_happens_after_it() -> None:
    body = frames(event(4), FeedStats(seq=6, stats=STATS), event(7))
    cut = [body[:50], body[50:51], body[51:]]
    async with following(snapshot(3), stream(b": ping\n\n", *cut, end="goes on")) as (
        feed,
        club,
    ):
        items = await take(feed, 5)

        assert words(items) == [
            "snapshot 3",
            "connected 0",
            "event 4",
            "stats 6",
            "event 7",
        ]
        assert feed.state == FeedState(connected=True, since=5.0, gaps=0)
    assert club.asked == [
        "/api/snapshot",
        "/api/events?since=3&boot=b-operator",
    ]
    assert club.keys == {"Bearer key"}


async def test_after_a_break_it_asks_for_what_it_missed() -> None:
    async with following(
        snapshot(3),
        stream(frames(event(4)), frames(event(5))[:30]),
        httpx.ConnectError("refused"),
        refusal(503, "stopping"),
        stream(frames(event(4), event(5), event(6)), end="goes on"),
    ) as (feed, club):
        items = await take(feed, 9)

    assert words(items) == [
        "snapshot 3",
        "connected 0",
        "event 4",
        "lost broken off",
        "lost refused",
        "lost stopping",
        "connected 0",
        "event 5",
        "event 6",
    ]
    assert club.asked[2:] == ["/api/events?since=4&boot=b-operator"] * 3


async def test_who_sees_little_asks_from_where_the_counts_were() -> None:
    async with following(
        snapshot(3),
        stream(frames(FeedStats(seq=900, stats=STATS)), end="ends"),
        stream(end="goes on"),
    ) as (feed, club):
        assert words(await take(feed, 5))[2:] == [
            "stats 900",
            "lost the club ended the stream",
            "connected 0",
        ]

    assert club.asked[-1] == "/api/events?since=900&boot=b-operator"


async def test_a_gap_takes_a_new_snapshot_and_leaves_out_what_it_has() -> None:
    gap = FeedGap(boot="c-operator", seq=2, reason="the coordinator was started anew")
    body = frames(gap, event(3), event(4), event(5), boot="c-operator")
    async with following(
        snapshot(900), stream(body, end="goes on"), snapshot(4, "c-operator")
    ) as (feed, club):
        items = await take(feed, 5)

        assert words(items) == [
            "snapshot 900",
            "connected 0",
            "connected 1 the coordinator was started anew",
            "snapshot 4",
            "event 5",
        ]
        assert feed.state.gaps == 1
    assert len(club.asked) == 3


async def test_a_gap_whose_snapshot_cannot_be_had_is_no_reason_to_go_on() -> None:
    gap = FeedGap(boot="c-operator", seq=2, reason="gone")
    async with following(
        snapshot(900),
        stream(frames(gap, event(3), boot="c-operator"), end="goes on"),
        httpx.ReadTimeout("slow"),
        snapshot(3, "c-operator"),
        stream(frames(event(3), event(4), boot="c-operator"), end="goes on"),
    ) as (feed, club):
        items = await take(feed, 7)

    assert words(items)[3:] == ["lost slow", "snapshot 3", "connected 1", "event 4"]
    assert club.asked[-1] == "/api/events?since=3&boot=c-operator"


async def test_a_snapshot_of_another_process_than_the_events() -> None:
    gap = FeedGap(boot="c-operator", seq=2, reason="gone")
    async with following(
        snapshot(900),
        stream(frames(gap, event(3), boot="c-operator"), end="goes on"),
        snapshot(1, "d-operator"),
        stream(frames(event(2), boot="d-operator"), end="goes on"),
    ) as (feed, _):
        items = await take(feed, 7)

    assert words(items)[3:] == [
        "snapshot 1",
        "lost the snapshot is of another process than the events",
        "connected 1",
        "event 2",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"event: gap\nid: b-operator:4\ndata: {}\n\n",
        b"event: club\nid: b-operator:4\ndata: \xff\n\n",
        b"data: " + b"x" * (1 << 22),
    ],
)
async def test_what_cannot_be_read_ends_the_connection(body: bytes) -> None:
    async with following(
        snapshot(3), stream(body, end="goes on"), stream(end="goes on")
    ) as (feed, _):
        said = words(await take(feed, 4))

    assert said[2].startswith("lost an event ")
    assert said[3] == "connected 0"


async def test_what_is_not_known_is_left_out() -> None:
    body = b"event: later\nid: b-operator:4\ndata: ?\n\n" + frames(event(5))
    async with following(snapshot(3), stream(body, end="goes on")) as (feed, _):
        assert words(await take(feed, 3))[2] == "event 5"


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AuthenticationError), (403, PermissionDenied), (404, ConnectFailed)],
)
async def test_what_trying_again_cannot_help_is_raised(
    status: int, error: type[Exception]
) -> None:
    for answers in (
        [refusal(status, "the reason")],
        [snapshot(1), refusal(status, "the reason")],
    ):
        async with following(*answers) as (feed, _):
            await take(feed, len(answers) - 1)

            with pytest.raises(error, match="the reason"):
                await anext(feed)


async def test_something_else_than_a_club_is_told() -> None:
    for status in (200, 404):
        answer = httpx.Response(status, stream=Pieces([b"<html>"]))
        async with following(answer) as (feed, _):
            with pytest.raises(ConnectFailed):
                await anext(feed)
    with pytest.raises(ConfigError):
        async with open_feed("ftp://club.test", "key"):
            pass


async def test_pauses_grow_while_it_fails_and_are_told() -> None:
    answers = [httpx.ConnectError("refused") for _ in range(4)]
    club = Club(*answers)
    fractions = iter([0.0, 0.002, 0.002, 0.002])
    async with open_feed(
        "http://club.test",
        "key",
        jitter=lambda: next(fractions),
        transport=httpx.MockTransport(club),
    ) as feed:
        states = await take(feed, 4)

    pauses = [each.retry_s for each in states if isinstance(each, FeedState)]
    assert pauses == [0.0, 0.002, 0.004, 0.008]


async def test_a_call_that_is_cancelled_loses_nothing() -> None:
    async with following(
        snapshot(3),
        stream(frames(event(4)), end="goes on"),
        stream(frames(event(4), event(5)), end="goes on"),
    ) as (feed, _):
        assert words(await take(feed, 3))[-1] == "event 4"
        with anyio.move_on_after(0.01) as scope:
            await anext(feed)
        assert scope.cancelled_caught

        said = words(await take(feed, 3))

    assert said == ["lost the club ended the stream", "connected 0", "event 5"]


async def test_leaving_closes_the_connection() -> None:
    body = Pieces([], "goes on")
    async with following(snapshot(3), httpx.Response(200, stream=body)) as (feed, _):
        await take(feed, 2)
        assert not body.closed

    assert body.closed


# over sockets


async def until(
    feed: ClubFeed, done: Callable[[FeedItem], bool], into: list[FeedItem]
) -> FeedItem:
    with anyio.fail_after(15):
        async for item in feed:
            into.append(item)
            if done(item):
                return item
    raise AssertionError


def of_node(name: str, what: str) -> Callable[[FeedItem], bool]:
    def is_it(item: FeedItem) -> bool:
        return (
            isinstance(item, ClubEvent)
            and item.node is not None
            and (item.node.name, item.what) == (name, what)
        )

    return is_it


def lost(item: FeedItem) -> bool:
    return isinstance(item, FeedState) and not item.connected


async def serve_here(
    api: ApiClub, port: int, *, task_status: anyio.abc.TaskStatus[tuple[Any, str]]
) -> None:
    """The application on a port, until its scope is cancelled."""
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            serve = partial(serve_app, api.app, host="127.0.0.1", port=port)
            [url] = await tasks.start(serve)
            task_status.started((scope, url))


async def test_no_event_is_missed_or_repeated_while_the_server_is_away(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    seen: list[FeedItem] = []
    async with (
        anyio.create_task_group() as tasks,
        api_club(tmp_path, store=store) as api,
    ):
        alice = await api.join("alice")
        scope, url = await tasks.start(serve_here, api, 0)
        async with open_feed(url, alice.key, jitter=lambda: 0.05) as feed:
            await until(feed, lambda item: isinstance(item, FeedStats), seen)
            await api.club.add("attic", owner=alice.member)
            await until(feed, of_node("attic", "joined"), seen)

            scope.cancel()
            await until(feed, lost, seen)
            await api.club.add("cellar", owner=alice.member)
            async with api.club.client(alice.member) as client:
                await client.ask("Q", model="m")
            scope, _ = await tasks.start(serve_here, api, port_of(url))
            await api.club.add("loft", owner=alice.member)
            await until(feed, of_node("loft", "joined"), seen)

            first = seen[0]
            assert isinstance(first, FeedSnapshot)
            events = [each for each in seen if isinstance(each, ClubEvent)]
            assert [event.seq for event in events] == list(
                range(first.seq + 1, first.seq + 1 + len(events))
            )
            assert [e.what for e in events if e.kind == "task"][-1] == "done"
            assert feed.state.gaps == 0

            await restarted(tasks, scope, api, feed, store, url, tmp_path)


async def restarted(
    tasks: anyio.abc.TaskGroup,
    scope: anyio.CancelScope,
    api: ApiClub,
    feed: ClubFeed,
    store: MemoryStore,
    url: str,
    data: Path,
) -> None:
    """Another coordinator's process, with the same store and key file."""
    scope.cancel()
    seen: list[FeedItem] = []
    await until(feed, lost, seen)
    await api.coordinator.close()
    async with api_club(data, store=store) as again:
        scope, _ = await tasks.start(serve_here, again, port_of(url))
        await until(feed, lambda item: isinstance(item, FeedSnapshot), seen)
        fresh = seen[-1]
        assert isinstance(fresh, FeedSnapshot)
        assert fresh.nodes == ()
        assert feed.state.gaps == 1
        assert feed.state.reason == "the coordinator was started anew"

        await again.club.add("barn", owner=(await again.join("bob")).member)
        await until(feed, of_node("barn", "joined"), seen)
        assert seen[-1].seq > fresh.seq  # type: ignore[union-attr]
        scope.cancel()


async def test_a_key_that_can_be_none_is_refused_and_not_shown() -> None:
    with pytest.raises(AuthenticationError, match="printable ASCII") as caught:
        async with open_feed("http://127.0.0.1:9", "ключ"):
            raise AssertionError

    assert "ключ" not in str(caught.value)
