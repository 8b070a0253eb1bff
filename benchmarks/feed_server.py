"""A coordinator's feed without a coordinator: a replayed club over HTTP.

Run as `python -m benchmarks.feed_server`; it prints its port and ends with its stdin.
Events go out every tenth of a second and counts every half, as the coordinator sends
them; any key will do.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import suppress

import msgspec

from benchmarks.replayed_club import ReplayedClub
from clubai.coordinator.following import STATS_SECONDS, TOGETHER_SECONDS
from clubai.coordinator.ring import Ring
from clubai.protocol.feed import ClubEvent, FeedStats, Position, feed_frame

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


class FeedServer:
    """Serves one replayed club, whoever asks."""

    def __init__(self, club: ReplayedClub) -> None:
        self._club = club
        self._boot = club.snapshot().boot
        self._ring: Ring[ClubEvent] = Ring()
        self._ring.last = club.seq
        self._counts: FeedStats | None = None
        self._moved = asyncio.Condition()

    async def run(self) -> None:
        """Let the club go on until cancelled."""
        counted = 0.0
        while True:
            for event in self._club.until(time.time()):
                self._ring.add(event)
            self._counts = None
            if self._club.now - counted >= STATS_SECONDS:
                counted, self._counts = self._club.now, self._club.counts()
            async with self._moved:
                self._moved.notify_all()
            await asyncio.sleep(TOGETHER_SECONDS)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                if path.startswith("/api/events"):
                    await self._stream(writer, since_in(path))
                else:
                    writer.write(self._answer(path))
                    await writer.drain()
        writer.close()

    def _answer(self, path: str) -> bytes:
        found = path.startswith("/api/snapshot")
        body = b'{"error":{"message":"not here"}}'
        if found:
            body = msgspec.json.encode(self._club.snapshot())
        return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%b" % (
            b"200 OK" if found else b"404 Not Found",
            len(body),
            body,
        )

    async def _stream(self, writer: asyncio.StreamWriter, since: int) -> None:
        writer.write(STREAM_HEAD)
        while True:
            async with self._moved:
                await self._moved.wait()
            frames = [
                feed_frame(event, Position(self._boot, event.seq))
                for event in self._ring.after(since, self._ring.size)
            ]
            since = self._ring.last
            if self._counts is not None:
                frames.append(feed_frame(self._counts, Position(self._boot, since)))
            piece = b"".join(frames)
            if piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()


def since_in(path: str) -> int:
    """The number of the last event that whoever asks has seen."""
    query = path.partition("?")[2]
    pairs = dict(part.partition("=")[::2] for part in query.split("&"))
    return int(pairs["since"])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--events", type=float, default=2000.0, help="per second")
    args = parser.parse_args()
    club = ReplayedClub(nodes=args.nodes, per_second=args.events, now=time.time())
    feed = FeedServer(club)
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    going = asyncio.create_task(feed.run())
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    going.cancel()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
