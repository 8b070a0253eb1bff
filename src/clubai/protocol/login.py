"""How a node comes in, before its WebSocket: enrolment once, a login for each dial.

```
agent                                          coordinator
  POST /nodes/enrol      {token, node, key, now_ms, sig}     once
                         ──▶ {node, state, owner}
  POST /nodes/challenge  {node}       ──▶ {nonce, expires_at}
  POST /nodes/login      {node, nonce, boot, now_ms, sig}
                         ──▶ {ticket, expires_at, owner}
  GET  /nodes/connect    Authorization: Bearer TICKET        the upgrade
```

Bodies are JSON; bytes in them are base64. What is signed is in `session`. Unknown
fields are skipped, so that an older side can read a newer one.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from clubai.model import Redacted
from clubai.protocol.messages import U63, Bytes32, Bytes64, Id16, Name

CHALLENGE_PATH: Final = "/nodes/challenge"
LOGIN_PATH: Final = "/nodes/login"
ENROL_PATH: Final = "/nodes/enrol"
ENROLMENTS_PATH: Final = "/api/enrolments"

CHALLENGE_SECONDS: Final = 60.0
TICKET_SECONDS: Final = 60.0
ENROLMENT_SECONDS: Final = 86_400.0
"""How long a nonce, a ticket and an enrolment token are good; each is for one use."""
SKEW_SECONDS: Final = 120.0
"""How far a node's clock may be from the coordinator's."""

TokenText = Annotated[str, Meta(max_length=128, pattern=r"^[\x21-\x7e]*\Z")]
NodeState = Literal["pending", "enrolled", "removed"]


class ChallengeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A node asks for something to sign."""

    node: Bytes32


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What the node is to sign, for one login."""

    nonce: Bytes32
    expires_at: float


class LoginRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A node proves its key, over `session.login_bytes`."""

    node: Bytes32
    nonce: Bytes32
    boot: Id16
    now_ms: U63
    sig: Bytes64


class LoginReply(Redacted, frozen=True, kw_only=True):
    """The way in, for one connection."""

    ticket: TokenText
    expires_at: float
    owner: str = ""
    """The name of the member whose node it is, for people."""

    def __repr__(self) -> str:
        return f"LoginReply(expires_at={self.expires_at!r}, owner={self.owner!r})"


class EnrolRequest(Redacted, frozen=True, kw_only=True):
    """A node becomes a member's, by a token of theirs; over `session.enrol_bytes`."""

    token: TokenText
    node: Bytes32
    key: Bytes32
    """The node's Ed25519 identity key; `node` is its hash."""
    now_ms: U63
    sig: Bytes64
    name: Name = ""
    """What people call the node; the name at its registration replaces it."""

    def __repr__(self) -> str:
        return f"EnrolRequest(node={self.node.hex()[:12]}, name={self.name!r})"


class EnrolReply(msgspec.Struct, frozen=True, kw_only=True):
    """The node is a member's."""

    node: str
    state: NodeState
    owner: str = ""


class EnrolmentMade(Redacted, frozen=True, kw_only=True):
    """A new enrolment token, for the only time that it is shown."""

    id: str
    token: TokenText
    expires_at: float
    confirm: bool = False

    def __repr__(self) -> str:
        return f"EnrolmentMade(id={self.id!r}, expires_at={self.expires_at!r})"


class EnrolledNode(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolled node, as its owner sees it."""

    node: str
    nickname: str
    name: str
    owner: str
    """The id of the member whose node it is."""
    state: NodeState
    enrolled_at: float
    changed_at: float


def origin_of(address: str) -> str:
    """Reduce an address or a `Host` header to what a node signs: `host[:port]`.

    Lower case, without the scheme, a final dot, or the ports 80 and 443. A proxy that
    ends TLS changes scheme and port behind it, and these stay the same for both sides.

    Raises:
        ValueError: there is no host in it, or it is not plain ASCII.
    """
    parts = urlsplit("//" + address.strip().rpartition("://")[2])
    host, port = (parts.hostname or "").rstrip("."), parts.port
    if not host or not host.isascii() or parts.username is not None:
        msg = f"{address[:80]!r} is no host: write it like club.example or [::1]:8000"
        raise ValueError(msg)
    shown = f"[{host}]" if ":" in host else host
    return shown if port in (None, 80, 443) else f"{shown}:{port}"
