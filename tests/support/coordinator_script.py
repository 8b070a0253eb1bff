"""The coordinator's side of a client's connection, spoken by a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import msgspec
from anyio.abc import ObjectStream

from clubai.client import Client
from clubai.client.client import wall_clock_ms
from clubai.client.trust import Trust
from clubai.crypto.identity import Identity
from clubai.model import FailCode
from clubai.protocol.codec import decode_from_client, encode
from clubai.protocol.messages import (
    FromClient,
    Hello,
    Message,
    TaskAssign,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskRequest,
    Welcome,
)
from clubai.protocol.records import Choice
from clubai.transport.memory import memory_pair
from support.sealed_peers import PlayedAnswer, PlayedNode, made_offer

T = TypeVar("T", bound=Message)
TASK = b"t" * 16


class Script:
    """What the coordinator and a node say, one step after the other."""

    def __init__(self, stream: ObjectStream[bytes]) -> None:
        self.stream = stream
        self.identity = Identity.generate()
        self.node = PlayedNode()
        self.answer: PlayedAnswer

    async def say(self, message: Message) -> None:
        await self.stream.send(encode(message))

    async def hear(self, type_: type[T]) -> T:
        with anyio.fail_after(5):
            message: FromClient = decode_from_client(await self.stream.receive())
        assert isinstance(message, type_), message
        return message

    async def greet(self) -> None:
        await self.hear(Hello)
        await self.say(Welcome(version=1, key=self.identity.key))

    def make_offer(self, request: TaskRequest, **changes: Any) -> TaskOffer:
        now_ms = wall_clock_ms()
        return made_offer(
            self.identity, request, self.node.keys, task=TASK, now_ms=now_ms, **changes
        )

    async def offer(self, request: TaskRequest, *, attempt: int = 0) -> bytes:
        """Offer a node and read the whole request that comes for it."""
        await self.say(self.make_offer(request, attempt=attempt))
        message = await self.hear(TaskAssign)
        assert message.attempt == attempt
        self.answer = self.node.open(message)
        body = b""
        while not self.answer.reader.finished:
            body += self.answer.read([await self.hear(TaskRecord)])
        return body

    async def reply(self) -> None:
        await self.say(self.answer.reply())

    async def data(self, *choices: Choice) -> None:
        await self.say(self.answer.data(*choices))

    async def finish(self, prompt: int = 5, completion: int = 2) -> None:
        await self.say(self.answer.usage(prompt, completion))
        await self.say(self.answer.result(prompt, completion))

    async def fail(
        self, request: TaskRequest, code: FailCode, *, attempts: int = 0
    ) -> None:
        await self.say(
            TaskFail(
                code=code,
                message=f"because {code.value}",
                ref=request.ref,
                task=TASK,
                attempts=attempts,
                retry_after_s=2.5,
            )
        )


def word(text: str) -> Choice:
    return Choice(delta=msgspec.Raw(msgspec.json.encode({"content": text})))


def stop() -> Choice:
    return Choice(delta=msgspec.Raw(b"{}"), finish_reason="stop")


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[Client, Script]]:
    """A client that has been greeted, and the script at its other end."""
    here, there = memory_pair()
    script = Script(there)
    async with here, there, anyio.create_task_group() as tasks:
        tasks.start_soon(script.greet)
        trust = Trust.of_own_process(script.identity.key, clock_ms=wall_clock_ms)
        async with Client.over(here, trust=trust) as client:
            yield client, script
        tasks.cancel_scope.cancel()
