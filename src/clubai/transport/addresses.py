"""Whose an address is: what counts as one somebody, and whose word about it counts."""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Iterable

_FORWARDED = b"x-forwarded-for"


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


def forwarded_for(
    headers: Iterable[tuple[bytes, bytes]], peer: str, proxies: Container[str]
) -> str:
    """Whom a request came from, when `peer` may be a proxy that says so.

    Only what our own proxies wrote counts: the last address in `X-Forwarded-For` that
    is none of them. What stands before it is the sender's own word.
    """
    if peer not in proxies:
        return peer
    said = b",".join(value for name, value in headers if name == _FORWARDED)
    for entry in reversed(said.decode("latin-1").split(",")):
        parsed = _parsed(entry.strip())
        if parsed is None:
            return peer
        if str(parsed) not in proxies:
            return str(parsed)
    return peer


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
