"""Carries bytes, and knows no message.

Every adapter is an `anyio.abc.ObjectStream[bytes]`; `base` says what may come out of
one. Dial with `open_websocket`; join two ends in one process with `memory_pair`. The
accepting side (`asgi`, `server`) is imported by its full name, so that an agent or a
client never loads a web framework.
"""

from __future__ import annotations

from clubai.transport.memory import MemoryNetwork, MemoryStream, memory_pair
from clubai.transport.websocket import open_websocket

__all__ = ["MemoryNetwork", "MemoryStream", "memory_pair", "open_websocket"]
