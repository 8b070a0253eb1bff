"""A small HTTP/1.1 server for tests: h11 over anyio, so it runs on both loops.

One request a connection. It remembers every request, and notices when a client
leaves in the midst of an answer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
import h11
from anyio.abc import SocketAttribute, SocketStream


class Cut(Exception):
    """Raised by a body to drop the connection without ending the answer."""


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    stream: AsyncGenerator[bytes] | None = None
    """Sent chunk by chunk in place of `body`."""


def json_response(value: Any, status: int = 200, **headers: str) -> Response:
    return Response(status=status, body=json.dumps(value).encode(), headers=headers)


Respond = Callable[[Request], Awaitable[Response]]


class HttpServer:
    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self.url = ""
        self.requests: list[Request] = []
        self.left = 0
        """Clients that left before their answer had ended."""
        self._left = anyio.Event()

    async def client_left(self) -> None:
        """Wait until a client has left."""
        with anyio.fail_after(5):
            await self._left.wait()

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            connection = h11.Connection(h11.SERVER)
            request = await _read(stream, connection)
            if request is None:
                return
            self.requests.append(request)
            response = await self._respond(request)
            try:
                await self._write(stream, connection, response)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._note_left()
            except Cut:
                return

    async def _write(
        self, stream: SocketStream, connection: h11.Connection, response: Response
    ) -> None:
        headers = {
            "content-type": response.content_type,
            "connection": "close",
            **response.headers,
        }
        if response.stream is None:
            headers["content-length"] = str(len(response.body))
        else:
            headers["transfer-encoding"] = "chunked"
        head = h11.Response(status_code=response.status, headers=list(headers.items()))
        await stream.send(connection.send(head) or b"")
        if response.stream is None:
            await stream.send(connection.send(h11.Data(response.body)) or b"")
        else:
            await self._pour(stream, connection, response.stream)
        await stream.send(connection.send(h11.EndOfMessage()) or b"")

    async def _pour(
        self,
        stream: SocketStream,
        connection: h11.Connection,
        chunks: AsyncGenerator[bytes],
    ) -> None:
        """Send the chunks while watching whether the client leaves."""
        whole = False
        async with anyio.create_task_group() as tasks, aclosing(chunks):
            tasks.start_soon(self._watch, stream, tasks.cancel_scope)
            try:
                async for chunk in chunks:
                    await stream.send(connection.send(h11.Data(chunk)) or b"")
                whole = True
            except Cut:
                pass
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._note_left()
            tasks.cancel_scope.cancel()
        if not whole:
            raise Cut

    async def _watch(self, stream: SocketStream, scope: anyio.CancelScope) -> None:
        try:
            await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            self._note_left()
            scope.cancel()

    def _note_left(self) -> None:
        self.left += 1
        self._left.set()


async def _read(stream: SocketStream, connection: h11.Connection) -> Request | None:
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            try:
                connection.receive_data(await stream.receive())
            except anyio.EndOfStream:
                return None
            except anyio.BrokenResourceError:
                return None
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            break
        else:
            return None
    assert head is not None
    parts = urlsplit(head.target.decode())
    return Request(
        method=head.method.decode(),
        path=parts.path,
        query=parts.query,
        headers={name.decode(): value.decode() for name, value in head.headers},
        body=body,
    )


@asynccontextmanager
async def serve_http(respond: Respond) -> AsyncIterator[HttpServer]:
    """Serve `respond` on a free port of the loopback."""
    server = HttpServer(respond)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no Django here
    server.url = f"http://127.0.0.1:{port}"
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()
