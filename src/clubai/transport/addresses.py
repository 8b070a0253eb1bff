"""Whose an address is: what counts as one somebody, and whose word about it counts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final

_FORWARDED: Final = b"x-forwarded-for"
_HEADER_LENGTH: Final = 1024


def address_key(address: str) -> str:
    """Reduce an address to what one somebody has: of IPv6 a whole /64."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`, or be it."""
    if host == "localhost":
        return True
    parsed = _parsed(host)
    return parsed is not None and parsed.is_loopback


def host_name(header: bytes) -> str:
    """The name in a `Host` header or an origin's authority, without its port."""
    host = header.decode("latin-1").strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


class Networks:
    """Addresses and networks, as text: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.

    Raises:
        ValueError: one of them is neither.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(each, strict=False) for each in texts]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in each for each in self._networks)


def forwarded_for(
    headers: Iterable[tuple[bytes, bytes]], peer: str, proxies: Networks
) -> str:
    """Whom a request came from, when `peer` may be a proxy that says so.

    Only what our own proxies wrote counts: the last address in `X-Forwarded-For` that
    is none of them. What stands before it is the sender's own word.
    """
    if peer not in proxies:
        return peer
    said = b",".join(value for name, value in headers if name == _FORWARDED)
    found = peer
    for entry in reversed(said[-_HEADER_LENGTH:].decode("latin-1").split(",")):
        parsed = _parsed(entry.strip())
        if parsed is None:
            break
        found = str(parsed)
        if found not in proxies:
            break
    return found


def caller_address(scope: Mapping[str, Any]) -> str:
    """Where an ASGI request came from; empty when that is not known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
