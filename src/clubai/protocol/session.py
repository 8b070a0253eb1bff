"""How a connection begins: versions, and what a node signs before it may.

```
HELLO ──▶ WELCOME ──▶ (client) ready
                  └─▶ (node) NODE_REGISTER ──▶ NODE_REGISTERED ──▶ ready
```

Whoever dials has proved who it is before the connection stands: a client by its token,
a node by the ticket that it got for a signature.
"""

from __future__ import annotations

from typing import Final

from clubai.errors import RemoteProtocolError
from clubai.protocol.messages import (
    PROTOCOL_VERSION,
    CloseCode,
    Goodbye,
    Hello,
    Message,
    Welcome,
)

NODE_PATH: Final = "/nodes/connect"
CLIENT_PATH: Final = "/clients/connect"
"""Where a coordinator accepts the two kinds of connection."""
HEARTBEAT_SECONDS: Final = 15.0
LOGIN_SECONDS: Final = 5.0
"""A connection that has not finished its beginning by then is closed."""


def choose_version(hello: Hello) -> int:
    """Pick the newest version that both sides speak.

    Raises:
        RemoteProtocolError: there is none.
    """
    if PROTOCOL_VERSION not in hello.versions:
        raise RemoteProtocolError(
            CloseCode.VERSION,
            f"this side speaks version {PROTOCOL_VERSION} of the protocol, the other "
            f"speaks {sorted(hello.versions)!r}: update the older program",
        )
    return PROTOCOL_VERSION


def expect_hello(message: Message) -> Hello:
    """Take the first message of whoever dialled. Raises `RemoteProtocolError`."""
    if isinstance(message, Hello):
        return message
    raise _out_of_turn(message, "HELLO")


def expect_welcome(message: Message) -> Welcome:
    """Take the coordinator's answer to `Hello`. Raises `RemoteProtocolError`."""
    if isinstance(message, Welcome):
        choose_version(Hello(versions=(message.version,)))
        return message
    if isinstance(message, Goodbye):
        raise RemoteProtocolError(message.code, message.reason)
    raise _out_of_turn(message, "WELCOME")


def login_bytes(origin: str, nonce: bytes, boot: bytes, now_ms: int) -> bytes:
    """What a node signs for a ticket, bound to the coordinator that it dialled.

    Args:
        origin: See `login.origin_of`.
        nonce: The coordinator's, for this one login.
        boot: The agent's process.
        now_ms: The node's clock, Unix milliseconds.
    """
    signed = _lp(origin.encode("ascii")) + _lp(nonce) + _lp(boot)
    return b"clubai/1 login" + signed + now_ms.to_bytes(8, "big")


def enrol_bytes(token: str, origin: str, node: bytes) -> bytes:
    """What a node signs to become a member's, with the member's one-use token."""
    signed = _lp(token.encode("ascii")) + _lp(origin.encode("ascii"))
    return b"clubai/1 enrol" + signed + node


def _lp(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _out_of_turn(message: Message, due: str) -> RemoteProtocolError:
    tag = message.__struct_config__.tag
    return RemoteProtocolError(CloseCode.BAD_MESSAGE, f"{tag} came where {due} was due")
