"""Small public files over HTTP: bounded, no redirects, nothing of the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
import httpx

from clubai.errors import ConnectFailed

MAX_FETCH_BYTES: Final = 2 * 1024 * 1024
FETCH_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 2.0

Fetch = Callable[[str], Awaitable[bytes]]


def http_fetch(url: str, *, limit: int = MAX_FETCH_BYTES) -> Fetch:
    """What reads `url` followed by a path, on a connection of its own each time.

    Args:
        url: What all paths have in common, such as `http://127.0.0.1:8000/log/`.
        limit: The most bytes that an answer may have.

    Returns:
        A function that raises `ConnectFailed`, with the HTTP status when there was one.
    """

    async def fetch(path: str) -> bytes:
        async with open_fetch(url, limit=limit) as fetch_here:
            return await fetch_here(path)

    return fetch


@asynccontextmanager
async def open_fetch(url: str, *, limit: int = MAX_FETCH_BYTES) -> AsyncIterator[Fetch]:
    """The same for many paths: the connection is kept as long as the context is."""
    # Compressed, a short answer could become a long one.
    headers = {"accept-encoding": "identity"}
    async with httpx.AsyncClient(
        timeout=FETCH_TIMEOUT_S, trust_env=False, headers=headers
    ) as http:

        async def fetch(path: str) -> bytes:
            try:
                async with http.stream("GET", url + path) as response:
                    return await read_answer(response, url + path, limit)
            except httpx.TimeoutException as error:
                reason = f"no answer within {FETCH_TIMEOUT_S:g} s"
                raise ConnectFailed(url, reason) from error
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise ConnectFailed(url, str(error) or type(error).__name__) from error

        yield fetch


async def read_answer(response: httpx.Response, url: str, limit: int) -> bytes:
    """Read the body of a streamed answer, of at most `limit` bytes.

    Raises:
        ConnectFailed: it has another status than 200, is compressed, or too long.
    """
    status = response.status_code
    if status != httpx.codes.OK:
        raise ConnectFailed(url, f"status {status}", status)
    return await read_body(response, url, limit)


async def read_body(response: httpx.Response, url: str, limit: int) -> bytes:
    """Read the body of a streamed answer of any status, of at most `limit` bytes.

    Raises:
        ConnectFailed: it is compressed, or too long.
    """
    status = response.status_code
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ConnectFailed(url, "the answer is compressed, unasked", status)
    content = bytearray()
    pieces = response.aiter_raw()
    try:
        async for piece in pieces:
            content += piece
            if len(content) > limit:
                reason = f"the answer has more than {limit} bytes"
                raise ConnectFailed(url, reason, status)
    finally:
        await end_answer(response, pieces)
    return bytes(content)


async def end_answer(response: httpx.Response, pieces: AsyncIterator[bytes]) -> None:
    """Close the connection, and the chain of generators that reads from it.

    Under trio each one that is dropped half-way warns.
    """
    with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
        await response.aclose()
        with suppress(httpx.HTTPError, httpx.StreamError):
            while await anext(pieces, None) is not None:
                pass
