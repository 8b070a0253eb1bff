"""Which web pages may speak to a coordinator: its own, and no other.

Browsers name the page that makes a request in `Origin`. A page of another address that
reaches the coordinator, on the reader's own machine for instance, does it behind the
reader's back. Programs that are no browsers send no `Origin`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from clubai.errors import PermissionDenied

_USUAL_PORTS: Final = (80, 443)


def refuse_foreign(connection: HTTPConnection) -> None:
    """Refuse what a page of another address asks for.

    Raises:
        PermissionDenied: there is an `Origin`, and it is not the request's address.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return
    named = _place_of(origin)
    if named is None or named != _place_of(f"//{connection.headers.get('host', '')}"):
        reason = "the page that asks is of another address"
        raise PermissionDenied("asking from a web page", reason)


def _place_of(url: str) -> tuple[str, int | None] | None:
    """Host and unusual port. Of a usual one a proxy on the way leaves no trace."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None:
        return None
    return parts.hostname, None if port in _USUAL_PORTS else port
