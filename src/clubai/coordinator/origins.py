"""Which web pages may speak to a coordinator: its own, and no other.

Browsers name the page that makes a request in `Origin`. A page of another host that
reaches the coordinator, on the reader's own machine for instance, does it behind the
reader's back. Programs that are no browsers send no `Origin`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from clubai.errors import PermissionDenied
from clubai.transport.addresses import host_name


def refuse_foreign(connection: HTTPConnection) -> None:
    """Refuse what a page of another host asks for.

    Raises:
        PermissionDenied: there is an `Origin`, and its host is not the one addressed.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return
    host = connection.headers.get("host", "")
    if not _same_host(origin, host):
        reason = "the page that asks is of another host"
        raise PermissionDenied("asking from a web page", reason)


def _same_host(origin: str, host: str) -> bool:
    try:
        named = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(named) and host_name(named.encode("latin-1", "replace")) == host_name(
        host.encode("latin-1", "replace")
    )
