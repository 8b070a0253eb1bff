"""The dashboard in a browser, on loopback, for whoever started it and nobody else.

The page is another process's screen: who reaches it acts with this user's key. So each
start has a secret, without which nothing is answered: other users of this machine do
not know it, and other web pages are refused by their origin.
"""

from __future__ import annotations

import hmac
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from clubai.cli.place import Place
from clubai.errors import ConfigError

if TYPE_CHECKING:
    from aiohttp import web

HOST: Final = "127.0.0.1"
COOKIE: Final = "clubai"
_INSTALL: Final = "pip install 'clubai[serve]'"


def serve_dashboard(arguments: Sequence[str], place: Place, *, port: int) -> None:
    """Serve `clubai tui ARGUMENTS` at `http://127.0.0.1:PORT` until Ctrl-C.

    Raises:
        click.UsageError: what is needed for it is not installed.
        ConfigError: the port is taken.
    """
    try:
        server = make_server(arguments, port=free_port(port))
    except ImportError as error:
        message = f"--serve needs textual-serve: {_INSTALL}"
        raise click.UsageError(message) from error
    # By the environment: arguments are seen by everybody on this machine.
    os.environ["CLUBAI_URL"] = place.url
    os.environ["CLUBAI_API_KEY"] = place.api_key
    server.serve()


def free_port(port: int) -> int:
    """The port, or any free one for 0. Raises `ConfigError` when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            fix = f"{error.strerror}; choose another one, 0 takes any free one"
            raise ConfigError("--port", port, fix) from error
        return int(probe.getsockname()[1])


def make_server(arguments: Sequence[str], *, port: int) -> Any:
    """The server, not yet listening; its `secret` opens it. Raises `ImportError`."""
    from aiohttp import web
    from textual_serve.server import Server

    class Guarded(Server):
        """Answers nobody without the secret, and no other page's requests."""

        def __init__(self) -> None:
            command = [sys.executable, "-m", "clubai.cli", "tui", *arguments]
            super().__init__(shlex.join(command), host=HOST, port=port, title="ClubAI")
            self.secret = secrets.token_urlsafe(24)
            self.address = f"http://{HOST}:{port}/?key={self.secret}"

        def initialize_logging(self) -> None:
            """Nothing: the addresses that it would log hold the secret."""

        async def on_startup(self, app: web.Application) -> None:
            """Say where it is."""
            click.echo(f"Open {self.address}\nCtrl-C ends it.")

        async def _make_app(self) -> web.Application:
            app: web.Application = await super()._make_app()

            @web.middleware
            async def guard(
                request: web.Request,
                handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
            ) -> web.StreamResponse:
                self.admit(request)
                return await handler(request)

            app.middlewares.append(guard)
            return app

        def admit(self, request: web.Request) -> None:
            """Raise what is answered to whoever is not let through."""
            own = {f"{HOST}:{port}", f"localhost:{port}"}
            origin = request.headers.get("Origin")
            if request.host not in own or (
                origin is not None and origin.removeprefix("http://") not in own
            ):
                raise web.HTTPForbidden(text="not from here")
            if self.knows(request.query.get("key", "")) and request.path == "/":
                opened = web.HTTPSeeOther("/")
                opened.set_cookie(COOKIE, self.secret, httponly=True, samesite="Strict")
                raise opened
            if not self.knows(request.cookies.get(COOKIE, "")):
                raise web.HTTPForbidden(
                    text="Open the whole address that `clubai tui --serve` printed."
                )

        def knows(self, given: str) -> bool:
            """Whether it is the secret."""
            return hmac.compare_digest(given.encode(), self.secret.encode())

    return Guarded()
