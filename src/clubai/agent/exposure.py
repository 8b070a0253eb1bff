"""Refuses a model server that others than this machine can use without a key.

Whoever reaches such a server runs models on it, past the club, and may read or change
what it holds. What is looked at: the host of its URL, and whether the same port also
answers on this machine's other addresses. What cannot be seen from here: whether a
firewall keeps the network away, and what a server on another machine shows to others.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

import anyio

from clubai.agent.backends.http import Document, Http
from clubai.errors import BackendError, ConfigError

PROBE_SECONDS: Final = 1.0
FLAG: Final = "--i-know-the-backend-is-open"

_GUARDED: Final = (401, 403)
_ELSEWHERE: Final = ("192.0.2.1", "10.255.255.254", "172.31.255.254", "192.168.255.254")
_ELSEWHERE_6: Final = ("2001:db8::1", "fd00::1")
"""Asked which way a packet to them would leave; none is sent."""

Reach = Literal["this machine", "its network", "elsewhere"]


async def refuse_exposed(
    url: str, *, api_key: str, own: Sequence[str] | None = None
) -> None:
    """Refuse the model server at `url` when others can use it without a key.

    Args:
        url: Its base address; empty: it has none, and nobody can reach it.
        api_key: The key that it is used with.
        own: This machine's addresses beside loopback; None: find them out.

    Raises:
        ConfigError: it is open; with what to do.
    """
    if not url:
        return
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _default_port(parts.scheme)
    found = own_addresses() if own is None else own
    match await _reach(host, found):
        case "this machine":
            exposed = await _first_open(parts, found, port)
            if exposed:
                raise _listens_beyond(url, exposed)
        case "its network":
            if not api_key or await _is_open(url):
                raise _listens_beyond(url, url)
        case "elsewhere":
            if not api_key:
                raise _unguarded_elsewhere(url)


def own_addresses() -> tuple[str, ...]:
    """This machine's addresses beside loopback, as far as they can be found.

    Those that packets to other networks would leave by, and those of its own name.
    """
    found: dict[str, None] = {}
    for family, targets in (
        (socket.AF_INET, _ELSEWHERE),
        (socket.AF_INET6, _ELSEWHERE_6),
    ):
        for target in targets:
            with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))  # sets the route, sends nothing
                found[probe.getsockname()[0]] = None
    with suppress(OSError):
        for *_, address in socket.getaddrinfo(socket.gethostname(), None):
            found[str(address[0])] = None
    return tuple(address for address in found if not _is_loopback(address))


async def _reach(host: str, own: Sequence[str]) -> Reach:
    try:
        answers = await anyio.getaddrinfo(host, None)
    except OSError:
        addresses = {host}
    else:
        addresses = {str(address[0]) for *_, address in answers}
    if all(map(_is_loopback, addresses)):
        return "this machine"
    beside = {address for address in addresses if not _is_loopback(address)}
    return "its network" if beside <= set(own) else "elsewhere"


async def _first_open(parts: SplitResult, own: Sequence[str], port: int) -> str:
    """The first of our addresses at which the port answers without a key."""
    opened: list[str] = []

    async def ask(address: str) -> None:
        shown = f"[{address}]" if ":" in address else address
        url = f"{parts.scheme}://{shown}:{port}{parts.path}"
        if await _is_open(url):
            opened.append(url)

    async with anyio.create_task_group() as tasks:
        for address in own:
            tasks.start_soon(ask, address)
    return min(opened, default="")


async def _is_open(url: str) -> bool:
    """Whether it lists models and would take a chat, for somebody without a key.

    Only GET is asked: some servers list their models for anybody and guard the rest,
    and where the rest is guarded the key is missed before the method is.
    """
    http = Http(url, connect_seconds=PROBE_SECONDS, read_seconds=PROBE_SECONDS)
    models = await _answer(http, "/v1/models")
    if models is None or models.status != 200:
        return False
    chat = await _answer(http, "/v1/chat/completions")
    return chat is None or chat.status not in _GUARDED


async def _answer(http: Http, path: str) -> Document | None:
    try:
        return await http.get(path, seconds=PROBE_SECONDS)
    except BackendError:
        return None


def _listens_beyond(url: str, exposed: str) -> ConfigError:
    return ConfigError(
        "backend url",
        url,
        f"others on the network reach it at {exposed} without a key: let the model"
        " server listen on 127.0.0.1 only, or demand a key and set"
        f" CLUBAI_BACKEND_API_KEY; {FLAG} uses it as it is",
    )


def _unguarded_elsewhere(url: str) -> ConfigError:
    return ConfigError(
        "backend url",
        url,
        "it is on another machine and is used without a key, so that everybody who"
        " reaches it can use it too: run the agent on that machine, or demand a key and"
        f" set CLUBAI_BACKEND_API_KEY; {FLAG} uses it as it is",
    )


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
