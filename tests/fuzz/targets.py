"""What is fed: to add a target, add a line to `TARGETS`."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.lowlevel import checkpoint

from clubai.agent.backends.answer import Answer, read_usage
from clubai.agent.backends.faults import parse_fault
from clubai.agent.backends.sse import LineSplitter, payload_of
from clubai.agent.executor import decode_request
from clubai.client.answer import text_of
from clubai.dividing.planner import read_plan
from clubai.errors import (
    AuthenticationError,
    BackendError,
    PlanError,
    RemoteProtocolError,
    TaskFailed,
    TaskRejected,
    TrustError,
)
from clubai.gateway.native import parse_inference
from clubai.model import ModelOffer, TrustCode
from clubai.protocol import codec
from clubai.protocol.messages import TaskOffer, TaskRecord
from clubai.protocol.openai import parse_chat, parse_completion, parse_embedding
from clubai.protocol.openai_answer import embeddings
from clubai.protocol.openai_fold import AnswerFold
from clubai.protocol.records import (
    RecordReader,
    decode_choices,
)
from clubai.protocol.session import choose_version, expect_hello, expect_welcome
from clubai.transport.memory import MemoryStream
from fuzz.frames import GOLDEN_TASK
from fuzz.sealed import SEALED
from fuzz.target import Feed as Feed
from fuzz.target import Target as Target
from fuzz.target import reads as reads
from support.memory_club import ALICE, MemoryClub, memory_club
from support.raw_peers import RawClient, RawNode
from support.scripted_backend import ScriptedBackend, say
from support.sealed_peers import PlayedClient, PlayedNode

ALIVE_S = 10.0
"""An honest question among the fuzz must be answered in this time."""


def _session(frame: bytes) -> None:
    try:
        choose_version(expect_hello(codec.decode_from_client(frame)))
    except RemoteProtocolError:
        expect_welcome(codec.decode_to_client(frame))


class _Unsealed:
    """Opens what is not sealed: whatever a record could hold."""

    def __init__(self) -> None:
        self.count = 0
        self.finished = False

    def open(self, ct: bytes, *, seq: int, fin: bool) -> tuple[int, bytes]:
        if self.finished or seq != self.count:
            raise TrustError(TrustCode.OUT_OF_ORDER, "another one was due")
        self.count, self.finished = seq + 1, fin
        return ct[0] if ct else 0, ct[5:]


def _plan(frame: bytes) -> None:
    read_plan(frame.decode("utf-8", "replace"), most=12)


def _records(frame: bytes) -> None:
    message = codec.decode_from_node(frame)
    if isinstance(message, TaskRecord):
        reader = RecordReader(_Unsealed())
        for seq in range(3):
            record = TaskRecord(task=message.task, seq=seq, ct=message.ct)
            decode_choices(reader.read(record)[1])
        reader.read(message)


def _choices(frame: bytes) -> None:
    fold = AnswerFold()
    for choice in decode_choices(frame):
        text_of(choice)
        fold.add(choice)
    fold.messages()


def _backend_stream(frame: bytes) -> None:
    answer = Answer("chat", {"messages": []}, "http://backend")
    splitter = LineSplitter(limit=1 << 16)
    body = b"data: " + frame + b"\n\ndata: [DONE]\n"
    for line in [*splitter.feed(body), *splitter.end()]:
        payload = payload_of(line)
        if payload and payload != b"[DONE]":
            answer.feed(payload)
    answer.end()


def _embeddings(frame: bytes) -> None:
    for as_base64 in (False, True):
        embeddings(b"[" + frame + b"]", "m", {}, inputs=1, as_base64=as_base64)


class _Connected:
    """A connection to a real coordinator in memory, opened anew when it has ended."""

    def __init__(self, club: MemoryClub) -> None:
        self.club = club
        self.stream: MemoryStream | None = None
        self.task = b""
        """A live task of this connection, put in the place of the golden one."""
        self.turn = itertools.count()

    async def connect(self) -> MemoryStream:
        raise NotImplementedError

    async def feed(self, frame: bytes) -> bool:
        if next(self.turn) % 5000 == 0:
            await self.check()
        if self.stream is None:
            self.stream = await self.connect()
        if self.task:
            frame = frame.replace(GOLDEN_TASK, self.task)
        try:
            self.stream.send_nowait(frame)
            await checkpoint()
            self.drain()
        except (anyio.EndOfStream, anyio.BrokenResourceError, ValueError):
            await self.stream.aclose()
            self.stream = None
            return False
        return True

    def drain(self) -> None:
        """Take what the coordinator said."""
        assert self.stream is not None
        while True:
            try:
                frame = self.stream._incoming.receive_nowait()
            except anyio.WouldBlock:
                return
            if b"GOODBYE" in frame:
                raise anyio.EndOfStream
            self.hear(frame)

    def hear(self, frame: bytes) -> None:
        return

    async def close(self) -> None:
        """End; everyone else must still be served."""
        await self.check()
        if self.stream is not None:
            await self.stream.aclose()

    async def check(self) -> None:
        """An honest member is answered."""
        with anyio.fail_after(ALIVE_S):
            async with self.club.client() as client:
                assert (await client.ask("Q", model="honest")).text == "fine"


class _Client(_Connected):
    async def connect(self) -> MemoryStream:
        self.task = b""
        client = await RawClient(self.club.connect_raw(node=False)).greet()
        self.club.raw.remove(client.stream)
        return client.stream

    def hear(self, frame: bytes) -> None:
        message = codec.decode_to_client(frame)
        if isinstance(message, TaskOffer):
            self.task = message.task


class _Node(_Connected):
    def __init__(self, club: MemoryClub, asker: RawClient) -> None:
        super().__init__(club)
        self.asker = asker
        self.refs = itertools.count(1)
        self.played = PlayedNode()
        self.client = PlayedClient()

    async def connect(self) -> MemoryStream:
        node = RawNode(self.club.connect_raw(node=True), self.played)
        self.club.raw.remove(node.stream)
        await node.register("fuzzed", models=(ModelOffer(name="fuzzed"),), slots=8)
        await self.asker.say(
            self.client.request(next(self.refs), model="fuzzed", stream=False)
        )
        while not isinstance(offer := await self.asker.hear(), TaskOffer):
            pass
        await self.asker.say(self.client.take(offer).assign)
        self.task = offer.task
        return node.stream

    def drain(self) -> None:
        super().drain()
        while True:
            try:
                self.asker.stream._incoming.receive_nowait()
            except anyio.WouldBlock:
                return


@asynccontextmanager
async def _club() -> AsyncIterator[MemoryClub]:
    with tempfile.TemporaryDirectory(prefix="clubai-fuzz-") as data:
        async with memory_club(Path(data), without_policies="slash") as club:
            backend = ScriptedBackend(say("fine"), models=("honest", "tiny"))
            await club.add("honest", backend)
            yield club


@asynccontextmanager
async def _client() -> AsyncIterator[Feed]:
    async with _club() as club:
        connected = _Client(club)
        yield connected.feed
        await connected.close()


@asynccontextmanager
async def _node() -> AsyncIterator[Feed]:
    async with _club() as club, club.coordinator.link(ALICE) as stream:
        asker = await RawClient(stream).greet()  # type: ignore[arg-type]
        connected = _Node(club, asker)
        yield connected.feed
        await connected.close()


@asynccontextmanager
async def _tokens() -> AsyncIterator[Feed]:
    async with _club() as club:
        accounts = club.coordinator.accounts

        async def feed(frame: bytes) -> bool:
            try:
                await accounts.authenticate(frame.decode("latin-1"))
            except AuthenticationError:
                return False
            return True

        yield feed


TARGETS: tuple[Target, ...] = (
    reads("codec from node", codec.decode_from_node, RemoteProtocolError),
    reads("codec to node", codec.decode_to_node, RemoteProtocolError),
    reads("codec from client", codec.decode_from_client, RemoteProtocolError),
    reads("codec to client", codec.decode_to_client, RemoteProtocolError),
    reads("session", _session, RemoteProtocolError),
    reads("records", _records, RemoteProtocolError, TrustError),
    reads("answer's steps", _choices, RemoteProtocolError, TaskFailed, binary=False),
    reads("embeddings", _embeddings, TaskFailed, binary=False),
    reads("chat body", parse_chat, TaskRejected, binary=False),
    reads("completion body", parse_completion, TaskRejected, binary=False),
    reads("embedding body", parse_embedding, TaskRejected, binary=False),
    reads("inference body", parse_inference, TaskRejected, binary=False),
    reads("request at the agent", decode_request, BackendError, binary=False),
    reads("backend's stream", _backend_stream, BackendError, binary=False),
    reads("backend's error", parse_fault, binary=False),
    reads("backend's usage", read_usage, binary=False),
    reads("model's plan", _plan, PlanError, binary=False),
    Target("tokens", False, _tokens, 0.1),
    Target("client connection", True, _client),
    Target("node connection", True, _node),
    *SEALED,
)
