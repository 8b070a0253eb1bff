"""The gateway on a member's own machine: its settings, its key, and its run.

The same routes as in the coordinator, over a client that seals: the prompt leaves this
machine readable by the node that answers, and by nobody on the way.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import msgspec
from anyio.abc import TaskStatus
from platformdirs import user_config_path
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from clubai.client.client import Client, wall_clock_ms
from clubai.client.pins import Pins
from clubai.client.trust import Trust
from clubai.crypto.keyfiles import load_or_create
from clubai.crypto.keys import GATEWAY_KEY_LENGTH, new_gateway_key
from clubai.errors import ConfigError
from clubai.gateway.app import gateway_routes, new_request_id
from clubai.gateway.exchange import Exchange
from clubai.gateway.guard import HEALTH_PATH, LocalGuard
from clubai.gateway.limits import GatewayLimits
from clubai.gateway.local import LocalClient
from clubai.gateway.problems import no_such_method
from clubai.model import ReadableBy, Redacted
from clubai.transport.server import ServerLimits, serve_app

DEFAULT_PORT: Final = 8011
SHORTEST_KEY: Final = 16
ANSWERS_S: Final = 1.5
"""For what is being answered when the gateway stops; then it fails, and says so."""
DRAIN_S: Final = 3.0
"""For all connections to end when the gateway stops."""

_HOSTS: Final = ("127.0.0.1", "::1")


class GatewayConfig(Redacted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a gateway on a member's own machine."""

    url: str = "http://127.0.0.1:8000"
    """The club: http, https, ws or wss."""
    token: str = ""
    """What the club knows the member by: an API key or an access token."""
    host: str = "127.0.0.1"
    """`127.0.0.1` or `::1`; no other address is taken."""
    port: int = DEFAULT_PORT
    """0: any free port."""
    key: str = ""
    """What programs on this machine show. Empty: from `key_file`."""
    key_file: Path | None = None
    """Made when missing, mode 0600. None: `gateway.key` in the user's configuration
    directory."""

    def __post_init__(self) -> None:
        if self.host not in _HOSTS:
            raise ConfigError(
                "host",
                self.host,
                f"a gateway listens on {' or '.join(_HOSTS)} only: over a network, "
                "prompts would reach it unencrypted, and others could try its key; run "
                "one on each machine",
            )
        if not 0 <= self.port <= 65_535:
            raise ConfigError("port", self.port, "a port is a number from 0 to 65535")
        if self.key and (
            len(self.key) < SHORTEST_KEY or not self.key.isascii() or " " in self.key
        ):
            raise ConfigError(
                "key",
                "(not shown)",
                f"take at least {SHORTEST_KEY} ASCII characters without a space, or "
                "none to have one made",
            )

    def __repr__(self) -> str:
        address = f"host={self.host!r}, port={self.port}"
        return f"GatewayConfig(url={self.url!r}, {address})"

    @property
    def key_path(self) -> Path:
        """The key file with the default filled in."""
        return self.key_file or user_config_path("clubai") / "gateway.key"

    def local_key(self) -> str:
        """The key that programs on this machine show; made when there is none.

        Raises:
            ConfigError: others can read the key file, or it holds something else.
            StorageError: the key file cannot be read or written.
        """
        if self.key:
            return self.key
        made = load_or_create(
            self.key_path,
            lambda: new_gateway_key().encode(),
            size=GATEWAY_KEY_LENGTH,
        )
        try:
            return made.decode("ascii")
        except UnicodeDecodeError as error:
            fix = "it holds no key: move it away to get a new one"
            raise ConfigError("key file", str(self.key_path), fix) from error


class ServedGateway(Redacted, frozen=True, kw_only=True):
    """A gateway that listens and is connected to its club."""

    url: str
    """Where it listens, such as `http://127.0.0.1:8011`."""
    openai_url: str
    """The base URL for OpenAI clients."""
    key: str
    """The key for them."""
    readable_by: ReadableBy
    """Who can read what is asked here."""

    def __repr__(self) -> str:
        return f"ServedGateway(url={self.url!r}, readable_by={self.readable_by!r})"


async def serve_gateway(
    config: GatewayConfig,
    *,
    limits: GatewayLimits | None = None,
    trust: Trust | None = None,
    task_status: TaskStatus[ServedGateway] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Run a gateway for this machine's programs until cancelled.

    Ready once it listens and the club has taken it in. When the connection is lost
    later, requests are refused until it is back. When cancelled, answers may go on for
    `ANSWERS_S`. `trust` is what is known of the club and asked of its nodes; None: what
    the coordinator says first is believed, and kept as long as the gateway runs.

    Raises:
        ConfigError: a setting cannot be used, a port that is taken included.
        StorageError: the key file cannot be read or written.
        ConnectFailed, ConnectionLost: the club cannot be reached.
        AuthenticationError, PermissionDenied: the club does not take the token.
        RemoteProtocolError: the coordinator speaks another version.
        TrustError: the coordinator is not the one that was pinned.
    """
    key = config.local_key()
    trust = trust or Trust(Pins.in_memory(), clock_ms=wall_clock_ms)
    connect = partial(Client.connect, config.url, config.token, trust=trust)
    async with (
        LocalClient.open(connect, key=key) as local,
        anyio.create_task_group() as tasks,
    ):
        stop, ended = anyio.Event(), anyio.Event()
        app = make_local_app(local, limits=limits)
        url = await tasks.start(partial(_listen, app, config, stop, ended))
        task_status.started(
            ServedGateway(
                url=url,
                openai_url=f"{url}/v1",
                key=key,
                readable_by=local.readable_by,
            )
        )
        try:
            await anyio.sleep_forever()
        finally:
            stop.set()
            with anyio.move_on_after(ANSWERS_S, shield=True):
                await ended.wait()
            local.close()


def make_local_app(
    local: LocalClient, *, limits: GatewayLimits | None = None
) -> LocalGuard:
    """The ASGI application of a gateway on a member's own machine."""
    routes = gateway_routes(local, limits=limits)
    return LocalGuard(Router(routes=[*routes, Route(HEALTH_PATH, _Health(local))]))


class _Health:
    """`GET /health`, the one path without a key: alive, and whether the club is."""

    def __init__(self, local: LocalClient) -> None:
        self._local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(
            scope, receive, send, clock=time.monotonic, request=new_request_id()
        )
        if scope["method"] not in ("GET", "HEAD"):
            problem = no_such_method(scope["method"], scope["path"], "GET")
            await exchange.refuse(problem)
            return
        club = "connected" if self._local.connected else "unreachable"
        body = msgspec.json.encode({"status": "ok", "club": club})
        await exchange.respond(200, body, [])


async def _listen(
    app: LocalGuard,
    config: GatewayConfig,
    stop: anyio.Event,
    ended: anyio.Event,
    *,
    task_status: TaskStatus[str],
) -> None:
    # Shielded: what is being answered ends before the listening does.
    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as tasks:
            serve = partial(
                serve_app,
                app,
                host=config.host,
                port=config.port,
                limits=ServerLimits(drain_s=DRAIN_S),
                stop=stop.wait,
            )
            (url, *_) = await tasks.start(serve)
            task_status.started(url)
        ended.set()
