"""Drives an ASGI application in process: streams, backpressure, disconnects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
from starlette.types import ASGIApp, Message


class Response(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def events(self) -> list[Any]:
        """The `data:` of each event, decoded; `[DONE]` as that text."""
        found = []
        for block in self.body.decode().split("\n\n"):
            for line in block.splitlines():
                if line == "data: [DONE]":
                    found.append("[DONE]")
                elif line.startswith("data: "):
                    found.append(msgspec.json.decode(line[6:]))
        return found


class Call:
    """One request on its way through the application."""

    def __init__(self) -> None:
        self._to_app, self._app_receives = anyio.create_memory_object_stream[Message](
            1000
        )
        self._app_sends, self._from_app = anyio.create_memory_object_stream[Message](0)
        self.error: Exception | None = None
        self.ended = anyio.Event()

    async def receive(self) -> Message:
        return await self._app_receives.receive()

    async def send(self, message: Message) -> None:
        await self._app_sends.send(message)

    def put_body(self, body: bytes, *, more: bool = False) -> None:
        self._to_app.send_nowait(
            {"type": "http.request", "body": body, "more_body": more}
        )

    def disconnect(self) -> None:
        self._to_app.send_nowait({"type": "http.disconnect"})

    async def start(self) -> tuple[int, dict[str, str]]:
        """Wait for status and headers."""
        message = await self._from_app.receive()
        assert message["type"] == "http.response.start"
        headers: dict[str, str] = {}
        for name, value in message["headers"]:
            assert name == name.lower()
            assert name.decode() not in headers, f"{name!r} is sent twice"
            headers[name.decode()] = value.decode("latin-1")
        return message["status"], headers

    async def part(self) -> tuple[bytes, bool]:
        """Wait for the next piece of the body, and whether more will come."""
        message = await self._from_app.receive()
        assert message["type"] == "http.response.body"
        return message.get("body", b""), message.get("more_body", False)

    async def response(self) -> Response:
        """Wait for the whole response."""
        status, headers = await self.start()
        body, more = b"", True
        while more:
            part, more = await self.part()
            body += part
        return Response(status, headers, body)

    async def run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            self.ended.set()

    def close(self) -> None:
        for stream in (
            self._to_app,
            self._app_receives,
            self._app_sends,
            self._from_app,
        ):
            stream.close()


@asynccontextmanager
async def open_call(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | None = b"",
) -> AsyncIterator[Call]:
    """Send a request; with `body` None the test sends it piece by piece."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode(),
        "query_string": path.partition("?")[2].encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in (headers or {}).items()
        ],
        "client": ("127.0.0.1", 1234),
        "server": ("127.0.0.1", 80),
        "state": {},
        "extensions": {},
    }
    call = Call()
    if body is not None:
        call.put_body(body)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call.run, app, scope)
        try:
            yield call
        finally:
            tasks.cancel_scope.cancel()
            call.close()


async def request(
    app: ASGIApp,
    method: str,
    path: str,
    json: Any = None,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Send a request and wait for the whole response."""
    if body is None:
        body = b"" if json is None else msgspec.json.encode(json)
    with anyio.fail_after(20):
        async with open_call(app, method, path, headers=headers, body=body) as call:
            response = await call.response()
            await call.ended.wait()
    if call.error is not None:
        raise call.error
    return response
