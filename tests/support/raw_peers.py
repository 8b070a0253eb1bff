"""The far ends of connections, on which a test says what it likes."""

from __future__ import annotations

import anyio
import pytest

from clubai.model import ModelOffer
from clubai.protocol.codec import decode_to_client, decode_to_node, encode
from clubai.protocol.messages import (
    Goodbye,
    Hello,
    Message,
    NodeHeard,
    NodeRegister,
    Welcome,
)
from clubai.transport.memory import MemoryStream
from support.sealed_peers import PlayedNode

MODELS = (ModelOffer(name="m"),)


class RawNode:
    """A node's connection on which a test says what it likes."""

    def __init__(self, stream: MemoryStream, played: PlayedNode | None = None) -> None:
        self.stream = stream
        self.played = played or PlayedNode()
        self.identity = self.played.identity

    async def say(self, message: Message | bytes) -> None:
        data = message if isinstance(message, bytes) else encode(message)
        await self.stream.send(data)

    async def hear(self) -> object:
        with anyio.fail_after(5):
            while True:
                message = decode_to_node(await self.stream.receive())
                if not isinstance(message, NodeHeard):
                    return message

    async def greet(self) -> Welcome:
        await self.say(Hello(versions=(1,)))
        welcome = await self.hear()
        assert isinstance(welcome, Welcome)
        return welcome

    async def register(self, name: str = "attic", **changes: object) -> object:
        await self.greet()
        boot = self.played.boot
        fields = {
            "key": self.identity.key,
            "boot": boot,
            "bundle": self.played.bundle.body,
            "bundle_sig": self.played.bundle.sig,
            "name": name,
            "models": MODELS,
            **changes,
        }
        await self.say(NodeRegister(**fields))  # type: ignore[arg-type]
        return await self.hear()

    async def goodbye(self) -> Goodbye:
        """The coordinator's last word; then the stream ends."""
        message = await self.hear()
        assert isinstance(message, Goodbye), message
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await self.stream.receive()
        return message


class RawClient:
    """A client's connection on which a test says what it likes."""

    def __init__(self, stream: MemoryStream) -> None:
        self.stream = stream

    async def say(self, message: Message | bytes) -> None:
        data = message if isinstance(message, bytes) else encode(message)
        await self.stream.send(data)

    async def hear(self) -> object:
        with anyio.fail_after(5):
            return decode_to_client(await self.stream.receive())

    async def greet(self) -> RawClient:
        await self.say(Hello(versions=(1,)))
        assert isinstance(await self.hear(), Welcome)
        return self

    async def goodbye(self) -> Goodbye:
        message = await self.hear()
        assert isinstance(message, Goodbye), message
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await self.stream.receive()
        return message
