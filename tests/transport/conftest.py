from __future__ import annotations

import pytest

from clubai.transport import asgi, websocket, wire_asyncio, wire_trio


@pytest.fixture
def close_timeout_s(monkeypatch: pytest.MonkeyPatch) -> float:
    """How long a close waits for its peer: a tenth of what it does in earnest."""
    short = asgi.CLOSE_TIMEOUT_S / 10
    for module in (asgi, websocket, wire_asyncio, wire_trio):
        monkeypatch.setattr(module, "CLOSE_TIMEOUT_S", short)
    return short
