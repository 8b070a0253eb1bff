"""The coordinator's side of a client's connection, spoken by a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import msgspec
from anyio.abc import ObjectStream

from clubai.client import Client
from clubai.model import FailCode, Usage
from clubai.protocol.codec import decode_from_client, encode
from clubai.protocol.messages import (
    FromClient,
    Hello,
    Message,
    TaskAssign,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskReply,
    TaskRequest,
    TaskResult,
    Welcome,
)
from clubai.protocol.records import (
    Choice,
    RecordReader,
    RecordType,
    RecordWriter,
    encode_choice,
)
from clubai.transport.memory import memory_pair

T = TypeVar("T", bound=Message)
TASK = b"t" * 16


class Script:
    """What the coordinator says, one step after the other."""

    def __init__(self, stream: ObjectStream[bytes]) -> None:
        self.stream = stream
        self.writer = RecordWriter(TASK, 0, 0)

    async def say(self, message: Message) -> None:
        await self.stream.send(encode(message))

    async def hear(self, type_: type[T]) -> T:
        with anyio.fail_after(5):
            message: FromClient = decode_from_client(await self.stream.receive())
        assert isinstance(message, type_), message
        return message

    async def greet(self) -> None:
        await self.hear(Hello)
        await self.say(Welcome(version=1, challenge=bytes(32)))

    async def offer(
        self, request: TaskRequest, *, attempt: int = 0, node: bytes = b"n" * 32
    ) -> bytes:
        """Offer a node and read the whole request that comes for it."""
        self.writer = RecordWriter(TASK, 0, attempt)
        await self.say(
            TaskOffer(
                ref=request.ref,
                task=TASK,
                attempt=attempt,
                node=node,
                node_name="attic",
                model=request.model,
                queued_ms=3,
            )
        )
        assert (await self.hear(TaskAssign)).attempt == attempt
        reader = RecordReader()
        body = b""
        while not reader.finished:
            record = await self.hear(TaskRecord)
            assert record.attempt == attempt
            body += reader.read(record)[1]
        return body

    async def reply(self) -> None:
        await self.say(TaskReply(task=TASK))

    async def data(self, *choices: Choice) -> None:
        lines = b"".join(encode_choice(choice) for choice in choices)
        await self.say(self.writer.write(RecordType.DATA, lines))

    async def finish(self, prompt: int = 5, completion: int = 2) -> None:
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        body = msgspec.json.encode(usage)
        await self.say(self.writer.write(RecordType.USAGE, body, fin=True))
        await self.say(
            TaskResult(
                task=TASK,
                usage=Usage(prompt_tokens=prompt, completion_tokens=completion),
                records=self.writer.count,
            )
        )

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
        async with Client.over(here) as client:
            yield client, script
        tasks.cancel_scope.cancel()
