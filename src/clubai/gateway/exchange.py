"""One HTTP request and its response, on the bare ASGI interface.

Owns the state of the response: whether it has begun and whether it has ended. Knows
neither models nor members.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Final

import msgspec
from anyio import CancelScope, create_task_group, fail_after
from starlette.types import Receive, Scope, Send

from clubai.gateway.limits import GatewayLimits, HeldBytes
from clubai.gateway.problems import (
    Headers,
    Problem,
    body_too_big,
    body_too_slow,
)
from clubai.transport.addresses import caller_address
from clubai.transport.inbox import INBOX, Inbox

Clock = Callable[[], float]

_LONGEST_NUMBER: Final = 20
_encoder: Final = msgspec.json.Encoder()


class ReaderGone(Exception):
    """Whoever asked has gone before the request was whole."""


class Refused(Exception):
    """The request ends with `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Exchange:
    """One request and its response."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, clock: Clock, request: str
    ) -> None:
        self.scope = scope
        self.request = request
        """Names the request where no task does."""
        self.begun = False
        self._ended = False
        self.headers: Headers = []
        """Headers of the response that are known before it begins."""
        self._receive = receive
        self._send = send
        self._clock = clock
        self._since = clock()
        self._inbox: Inbox | None = scope.get("extensions", {}).get(INBOX)
        self._unread = self._has_body()

    @property
    def authorization(self) -> str | None:
        """The header of that name."""
        return self._header(b"authorization")

    @property
    def address(self) -> str:
        """Where the request came from; empty when that is not known."""
        return caller_address(self.scope)

    async def read_body(self, limits: GatewayLimits, space: HeldBytes) -> bytes:
        """Read the whole body; the caller gives its bytes back to `space`.

        Raises:
            Refused: it is too big or too slow.
            ReaderGone: the connection went away first.
            TaskRejected: there is no room for it.
        """
        most = limits.max_body_bytes
        announced = self._header(b"content-length")
        if announced is not None and announced.isdigit():
            _check_size(
                len(announced) < _LONGEST_NUMBER and int(announced) <= most, most
            )
        pieces: list[bytes] = []
        size = 0
        here = self._inbox is not None and self._inbox.has_whole_body
        try:
            with nullcontext() if here else fail_after(limits.body_s):
                more = True
                while more:
                    piece, more = await self._piece()
                    _check_size(size + len(piece) <= most, most)
                    space.take(len(piece))
                    size += len(piece)
                    pieces.append(piece)
        except BaseException as error:
            space.give_back(size)
            if isinstance(error, TimeoutError):
                raise Refused(body_too_slow(limits.body_s)) from error
            raise
        return b"".join(pieces)

    async def watch(self, scope: CancelScope) -> None:
        """Cancel `scope` when whoever asked goes away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    async def while_wanted(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`, and stop it when whoever asked goes away.

        No task watches for that where the server tells; another server is asked.
        """
        if self._inbox is None:
            await while_wanted(work, self.watch)
            return
        with CancelScope() as scope:

            def leave() -> None:
                if not self._ended:  # else it is only told that the exchange is over
                    scope.cancel()

            with self._inbox.calling_when_gone(leave):
                await work()

    async def begin(self, status: int, headers: Headers, *, request: str = "") -> None:
        """Send status and headers.

        What is said before the body was read is the last thing said on the connection,
        and whoever asked is told so: the rest of the body is not waited for.
        """
        self.begun = True
        if self._unread:
            headers = [*headers, (b"connection", b"close")]
        took = round((self._clock() - self._since) * 1000)
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    *headers,
                    *self.headers,
                    (b"x-request-id", (request or self.request).encode("ascii")),
                    (b"openai-processing-ms", b"%d" % took),
                ],
            }
        )

    async def write(self, body: bytes, *, more: bool) -> None:
        """Send a piece of the response's body."""
        self._ended = not more
        await self._send(
            {"type": "http.response.body", "body": body, "more_body": more}
        )

    async def respond(
        self, status: int, body: bytes, headers: Headers, *, request: str = ""
    ) -> None:
        """Send a whole JSON response."""
        await self.begin(
            status,
            [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
            request=request,
        )
        await self.write(body, more=False)

    async def refuse(self, problem: Problem) -> None:
        """Send `problem` as the whole response."""
        headers = problem.headers()
        if problem.task:
            headers += task_headers(problem.task, attempts=problem.attempts)
        body = _encoder.encode(problem.envelope())
        await self.respond(problem.status, body, headers, request=problem.task)

    async def _piece(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ReaderGone
        more = message.get("more_body", False)
        self._unread = more
        return message.get("body", b""), more

    def _has_body(self) -> bool:
        length = self._header(b"content-length")
        return length not in (None, "0") or bool(self._header(b"transfer-encoding"))

    def _header(self, name: bytes) -> str | None:
        for key, value in self.scope["headers"]:
            if key == name:
                return str(value, "latin-1")
        return None


def _check_size(fits: bool, most: int) -> None:
    if not fits:
        raise Refused(body_too_big(most))


def task_headers(
    task: str, *, node: str = "", attempts: int, readable_by: str = ""
) -> Headers:
    """Say which task a response is of, and who could read it."""
    headers = [
        (b"x-clubai-task", task.encode("ascii")),
        (b"x-clubai-attempts", b"%d" % attempts),
    ]
    if node:
        headers.append((b"x-clubai-node", node.encode("ascii")))
    if readable_by:
        headers.append((b"x-clubai-readable-by", readable_by.encode("ascii")))
    return headers


async def while_wanted(
    work: Callable[[], Awaitable[None]],
    watch: Callable[[CancelScope], Coroutine[Any, Any, None]],
) -> None:
    """Do `work`, and stop it when `watch` cancels the scope that it is given.

    A failure is let go of: with this frame in its traceback it would hold itself, and
    the prompt in the frames below, until the collector runs.
    """
    failure: Exception | None = None
    async with create_task_group() as tasks:
        tasks.start_soon(watch, tasks.cancel_scope)
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - raised below, out of the group
            failure = error
        tasks.cancel_scope.cancel()
    try:
        if failure is not None:
            raise failure
    finally:
        del failure
