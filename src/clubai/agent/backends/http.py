"""The one place that knows the HTTP client; foreign errors become `BackendError` here.

Every request has a connection of its own: leaving its context closes just that
connection, which is how a model server learns that nobody wants the answer any more,
and an instance holds nothing open between requests.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import anyio
import httpx
import msgspec

from clubai.errors import BackendError, ConfigError
from clubai.model import FailCode
from clubai.protocol.decoding import UNREADABLE

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 300.0
"""Longest silence between two chunks of a body; loading a cold model is silence."""
CLOSE_SECONDS: Final = 2.0
MAX_DOCUMENT_BYTES: Final = 8 << 20
MAX_ERROR_BYTES: Final = 64 << 10


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A whole response, read within a bound."""

    status: int
    software: str
    """The `Server` header."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return msgspec.json.decode(self.body)
        except UNREADABLE:
            return None

    def json_object(self) -> dict[str, Any]:
        """The body when it is a JSON object answered with 200; else empty."""
        found = self.json() if self.status == 200 else None
        return found if isinstance(found, dict) else {}


class Download:
    """One response whose body is read piece by piece."""

    def __init__(self, response: httpx.Response, url: str) -> None:
        self._chunks = response.aiter_bytes()
        self._response = response
        self._url = url
        self.status = response.status_code
        self.content_type = response.headers.get("content-type", "")
        self.software = response.headers.get("server", "")

    async def chunk(self) -> bytes | None:
        """The next bytes of the body; None at its end.

        Raises:
            BackendError: `TRUNCATED` when the connection broke before the end.
        """
        with _mapped(self._url, FailCode.TRUNCATED):
            return await anext(self._chunks, None)

    async def read(self, limit: int) -> bytes:
        """The rest of the body, cut at `limit` bytes."""
        body = b""
        while len(body) < limit and (chunk := await self.chunk()) is not None:
            body += chunk
        return body[:limit]

    async def aclose(self) -> None:
        """Close the connection, whatever is still under way on it."""
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await self._response.aclose()
            # The client's body is a chain of async generators, and under trio each
            # one that is dropped half-way warns. On a closed connection they end.
            try:
                while await anext(self._chunks, None) is not None:
                    pass
            except (httpx.HTTPError, httpx.StreamError):
                pass


class Http:
    """Requests to one base address, which has neither `/v1` nor a slash at its end."""

    def __init__(
        self,
        base: str,
        *,
        api_key: str = "",
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.base = base
        self._headers = {"accept-encoding": "identity"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        # Without kept connections there is nothing in it that would need closing.
        self._client = httpx.AsyncClient(
            verify=_tls_context(base),
            trust_env=False,
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
        )

    def __repr__(self) -> str:
        return f"Http({self.base!r})"

    async def get(self, path: str, *, seconds: float = READ_SECONDS) -> Document:
        """GET a small document, the whole of it within `seconds`."""
        return await self._document("GET", path, None, seconds)

    async def post(
        self, path: str, body: object, *, seconds: float = READ_SECONDS
    ) -> Document:
        """POST JSON, and read the small document that answers it."""
        return await self._document("POST", path, body, seconds)

    @asynccontextmanager
    async def open(
        self, method: str, path: str, body: object = None
    ) -> AsyncIterator[Download]:
        """Send a request and give its response; leaving closes the connection."""
        url = self.base + path
        headers = self._headers
        content = None
        if body is not None:
            headers = {**headers, "content-type": "application/json"}
            content = msgspec.json.encode(body)
        with _mapped(self.base, FailCode.BACKEND):
            request = self._client.build_request(
                method, url, headers=headers, content=content
            )
            response = await self._client.send(request, stream=True)
        download = Download(response, self.base)
        try:
            yield download
        finally:
            await download.aclose()

    async def _document(
        self, method: str, path: str, body: object, seconds: float
    ) -> Document:
        try:
            with anyio.fail_after(seconds):
                async with self.open(method, path, body) as download:
                    return Document(
                        status=download.status,
                        software=download.software,
                        body=await download.read(MAX_DOCUMENT_BYTES),
                    )
        except TimeoutError:
            raise BackendError(
                FailCode.BACKEND,
                f"the model server at {self.base} did not answer {path} "
                f"within {seconds:g} s",
            ) from None


def base_url(text: str, *, port: int = 80) -> str:
    """Make the base address of what people and variables write.

    A scheme is added where there is none, with `port` if that is missing too;
    a `/v1` at the end and any slash after it go; an address to listen on
    (`0.0.0.0`, `::`) becomes the one to dial.

    Raises:
        ConfigError: it is no http or https address.
    """
    text = text.strip()
    bare = "://" not in text
    try:
        url = httpx.URL(f"http://{text}" if bare else text)
    except (httpx.InvalidURL, ValueError) as error:
        raise _bad_url(text) from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise _bad_url(text)
    if bare and url.port is None:
        url = url.copy_with(port=port)
    if url.host in ("0.0.0.0", "::"):  # noqa: S104 - an address that is replaced
        url = url.copy_with(host="127.0.0.1")
    path = url.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return str(url.copy_with(path="/", query=None, fragment=None)).rstrip("/") + path


def _bad_url(text: str) -> ConfigError:
    shown = text if "@" not in text else "...@" + text.rpartition("@")[2]
    return ConfigError(
        "backend url",
        shown,
        "write http://HOST:PORT or http://HOST:PORT/v1; a key is given on its own",
    )


def _tls_context(base: str) -> ssl.SSLContext:
    # Loading the system's certificates takes milliseconds; plain http needs none.
    if base.startswith("https:"):
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def _mapped(base: str, broken: FailCode) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise BackendError(
            FailCode.BACKEND,
            f"no model server answers at {base} "
            f"({str(error) or 'no connection in time'}); is it running?",
        ) from error
    except httpx.TimeoutException as error:
        raise BackendError(
            FailCode.BACKEND, f"the model server at {base} went silent"
        ) from error
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        raise BackendError(
            broken,
            f"the connection to the model server at {base} broke "
            f"({type(error).__name__})",
        ) from error
