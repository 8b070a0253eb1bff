"""Targets of the sealing protocol: every reader of bytes that somebody else signed.

Much of what is fed is signed, or sealed, by the one whose key is expected: a signature
that fails would hide all that comes after it.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from clubai.agent.intake import Intake
from clubai.client.attempt import Attempt, begin_attempt
from clubai.client.job import Compared, Job
from clubai.client.logview import bundle_in
from clubai.client.trust import Trust
from clubai.crypto import sealing
from clubai.crypto.assignment import sign_assignment
from clubai.crypto.attestation import (
    Verdict,
    VerdictValue,
    read_attestation,
    read_verdict,
)
from clubai.crypto.bundles import read_bundle
from clubai.crypto.checkpoint import (
    Checkpoint,
    key_id,
    read_checkpoint,
    sign_checkpoint,
)
from clubai.crypto.identity import Identity
from clubai.crypto.leaves import BundleLeaf, RotationLeaf, encode_leaf, read_leaf
from clubai.crypto.merkle import Node, leaf_hash
from clubai.crypto.records import RecordOpener
from clubai.crypto.replay import ReplaySet
from clubai.crypto.schedule import request_keys, transcript_hash
from clubai.crypto.sealing import open_request
from clubai.crypto.tiles import (
    Entries,
    Tile,
    decode_entries,
    encode_entries,
    hashes_in_tiles,
    read_path,
)
from clubai.errors import RemoteProtocolError, TrustError
from clubai.model import FailCode, TrustCode
from clubai.protocol.assignment import LABEL, decode_assignment
from clubai.protocol.codec import decode_to_client, encode
from clubai.protocol.keylog import NodeLeaves, PlacedLeaf, read_json
from clubai.protocol.messages import (
    TaskAssign,
    TaskFail,
    TaskRecord,
    TaskReply,
    TaskResult,
)
from fuzz.target import Feed, Target, reads
from support.bundles import bundle
from support.coordinator_script import stop, word
from support.sealed_peers import (
    BOOT,
    NOW_MS,
    PlayedAnswer,
    PlayedClient,
    PlayedNode,
    attested,
    made_offer,
)
from support.sealing import (
    node_private_key,
    vector,
    vector_binding,
    vector_client,
)

COORDINATOR = Identity(b"c" * 32)
NODE = PlayedNode(Identity(b"n" * 32))
CLIENT = PlayedClient()
TASK = b"t" * 16
OFFER = made_offer(COORDINATOR, CLIENT.request(), NODE.keys, task=TASK)
REQUEST = CLIENT.take(OFFER)
ORIGIN = "clubai/fuzz"
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 5, b"r" * 32), COORDINATOR)
BUNDLE = bundle("attic")
LEAF = encode_leaf(BundleLeaf(BUNDLE.body, BUNDLE.sig))


def _raw(
    name: str, read: Callable[[bytes], object], *corpus: bytes, share: float = 1.0
) -> Target:
    """A reader of bytes that are neither msgpack nor JSON."""
    errors = (TrustError, RemoteProtocolError)
    return reads(name, read, *errors, share=share, corpus=corpus, structured=False)


# --- openers

_BINDING, _PRIVATE = vector_binding(), node_private_key()
_HEAD = vector("request", "enc_head") + vector("request", "c2n_commit")
_INFO = sealing._REQUEST_LABEL + _BINDING.hash()


def _head(frame: bytes) -> None:
    open_request(_BINDING, frame[:176], frame[176:], _PRIVATE)


def _sealed_head(frame: bytes) -> None:
    """A client's head, sealed and committed to as it should be, whatever it says."""
    enc_head = sealing._SUITE.encrypt(frame, _PRIVATE.public_key(), _INFO)
    th = transcript_hash(_BINDING.hash(), enc_head)
    commit = request_keys(th, frame[4:36]).commit
    open_request(_BINDING, enc_head, commit, _PRIVATE).begin_reply()


def _reply_head(frame: bytes) -> None:
    vector_client().open_reply(frame)


_KEYS = request_keys(b"h" * 32, b"s" * 32)
_AEAD = AESGCM(_KEYS.key)


def _record(frame: bytes) -> None:
    opener = RecordOpener(_KEYS, context=b"h" * 32 + b"\0")
    opener.open(frame, seq=0, fin=True)
    opener.close()


def _sealed_record(frame: bytes) -> None:
    """Whatever a peer with the keys could seal; and nothing opens after a failure."""
    opener = RecordOpener(_KEYS, context=b"h" * 32 + b"\0")
    for seq in range(2):
        plain = frame.ljust(256, b"\0") if len(frame) < 256 else frame
        nonce = (int.from_bytes(_KEYS.iv) ^ seq).to_bytes(12)
        aad = b"h" * 32 + b"\0\0" + seq.to_bytes(8)
        ct = _AEAD.encrypt(nonce, plain, aad)
        try:
            opener.open(ct, seq=seq, fin=False)
        except TrustError as error:
            _still_fails(opener, error.code)
            raise


def _still_fails(opener: RecordOpener, code: TrustCode) -> None:
    said = None
    try:
        opener.open(bytes(272), seq=opener.count, fin=True)
    except TrustError as again:
        said = again.code
    assert said is code, "it opens a record after one that failed"
    assert not opener.finished


# --- what is signed


def _bundle(frame: bytes) -> None:
    read_bundle(frame[:-64], frame[-64:])


def _signed_bundle(frame: bytes) -> None:
    identity = Identity(b"attic".ljust(32, b"-"))
    read_bundle(frame, identity.sign(frame))


def _verdict(frame: bytes) -> None:
    said = read_verdict(frame)
    assert said.encode() == frame


def _attestation(frame: bytes) -> None:
    said = read_attestation(frame)
    assert said.encode() == frame


def _assignment(frame: bytes) -> None:
    body = LABEL + frame
    with suppress(RemoteProtocolError):
        decode_assignment(frame)
    assignment = decode_assignment(body)
    assert assignment.find(0, 0) in (None, *assignment.parts)


def _checkpoint(frame: bytes) -> None:
    read_checkpoint(frame, key=COORDINATOR.key)


def _signed_checkpoint(frame: bytes) -> None:
    """Whatever the club could sign, under a name of its choice."""
    text = frame.decode("utf-8", "replace").partition("\n\n")[0] + "\n"
    name = text.partition("\n")[0]
    sig = key_id(name, COORDINATOR.key) + COORDINATOR.sign(text.encode())
    line = f"\u2014 {name} {base64.b64encode(sig).decode('ascii')}\n"
    read_checkpoint(f"{text}\n{line}".encode(), key=COORDINATOR.key)


# --- the key log


def _leaf(frame: bytes) -> None:
    try:
        read_leaf(frame)
    finally:
        bundle_in(PlacedLeaf(0, frame), BUNDLE.node)


def _entries(frame: bytes) -> None:
    for width in (1, 2, 256):
        try:
            found = decode_entries(frame, Entries(0, width))
        except TrustError:
            continue
        assert encode_entries(found) == frame
        return
    raise TrustError(TrustCode.LOG_FORK, "of no width")


def _tile(frame: bytes) -> None:
    path = frame.decode("utf-8", "replace")
    found = read_path(path)
    if found is not None:
        assert found.path == path
    hashes_in_tiles({Tile(0, 0, 5): frame}, 5)(Node(0, 0))


def _node_leaves(frame: bytes) -> None:
    for entry in read_json(frame, NodeLeaves).leaves:
        leaf_hash(entry.leaf)
        bundle_in(entry, BUNDLE.node)


# --- the agent's door


class _Keys:
    """The keys of `NODE`, of one epoch only."""

    def private(self, bundle_hash: bytes) -> X25519PrivateKey | None:
        return NODE.private_key if bundle_hash == NODE.bundle.hash else None


@asynccontextmanager
async def _door() -> AsyncIterator[Feed]:
    """Assignments that the coordinator signed, whatever they say."""
    intake = Intake(
        node=NODE.identity.node_id,
        boot=BOOT,
        keys=_Keys(),  # type: ignore[arg-type]
        replays=ReplaySet(),
        wall_ms=lambda: NOW_MS,
    )

    async def feed(frame: bytes) -> bool:
        body = LABEL + frame
        try:
            assign = CLIENT.take(replace(OFFER, body=body)).assign
        except (TrustError, RemoteProtocolError, ValueError):
            assign = replace(CLIENT.take(OFFER).assign, body=body)
        sig = sign_assignment(COORDINATOR, body)
        signed = replace(assign, sig=sig, attempt=0)
        for message in (signed, replace(signed, body=frame)):
            try:
                intake.admit(message, coordinator_key=COORDINATOR.key)
            except TrustError:
                continue
            return True
        return False

    yield feed


# --- the client's end of an attempt

_KEY = b"k" * 32


class _Played:
    """A new attempt for each frame: after one failure nothing is read any more."""

    def __init__(self) -> None:
        self.trust = Trust.of_own_process(COORDINATOR.key, clock_ms=lambda: NOW_MS)
        self.verdict_key = Identity(b"v" * 32)
        self.request = CLIENT.request(cvk=self.verdict_key.key)
        self.offer = made_offer(COORDINATOR, self.request, NODE.keys, task=TASK)
        compared = Compared(key=_KEY, group=b"g" * 16, size=2)
        self.job = Job(kind="chat", model="m", body={})
        self.compared = replace(self.job, compared=compared)

    async def attempt(self, job: Job | None = None) -> tuple[Attempt, PlayedAnswer]:
        attempt = await begin_attempt(
            self.offer,
            job or self.job,
            verdict_key=self.verdict_key,
            after=-1,
            trust=self.trust,
            fetch=_nothing,
            now_ms=NOW_MS,
        )
        assign, *_ = attempt.request(b"{}")
        assert isinstance(assign, TaskAssign)
        return attempt, NODE.open(assign)


async def _nothing(path: str) -> bytes:
    raise AssertionError(path)


@asynccontextmanager
async def _coordinators_answer() -> AsyncIterator[Feed]:
    """What a coordinator could say in place of the answer."""
    played = _Played()

    async def feed(frame: bytes) -> bool:
        try:
            message = decode_to_client(frame)
        except RemoteProtocolError:
            return False
        attempt, answer = await played.attempt()
        try:
            match message:
                case TaskReply():
                    attempt.reply(message)
                case TaskRecord():
                    attempt.reply(answer.reply())
                    attempt.record(message)
                case TaskResult():
                    attempt.reply(answer.reply())
                    attempt.record(answer.usage())
                    await attempt.result(message)
                case TaskFail():
                    attempt.failure(message)
                    attempt.failure(message)
                case _:
                    return False
        except (TrustError, RemoteProtocolError):
            return False
        return True

    yield feed


@asynccontextmanager
async def _nodes_answer() -> AsyncIterator[Feed]:
    """What a node could seal and sign in place of an answer."""
    played = _Played()

    async def feed(frame: bytes) -> bool:
        attempt, answer = await played.attempt()
        attempt.reply(answer.reply())
        assert isinstance(attempt.failure(_failure(answer, frame)), str)
        try:
            for job in (played.compared, played.job):
                attempt, answer = await played.attempt(job)
                attempt.reply(answer.reply())
                attempt.record(answer.raw(frame[:60_000]))
            attempt.record(answer.usage())
            await attempt.result(answer.result())
        except (TrustError, RemoteProtocolError):
            return False
        return True

    yield feed


def _failure(answer: PlayedAnswer, content: bytes) -> TaskFail:
    ct = answer.keys.records.seal(2, content[:60_000], fin=True)
    return TaskFail(
        code=FailCode.BACKEND, task=TASK, attempt=0, sealed=answer.keys.hdr + ct
    )


def _of_an_answer() -> tuple[bytes, ...]:
    answer = NODE.open(REQUEST.assign)
    steps = (answer.reply(), answer.data(word("a"), stop()), answer.usage())
    failing = NODE.open(CLIENT.take(OFFER).assign)
    failure = failing.failure(FailCode.BACKEND, "words")
    return tuple(map(encode, (*steps, answer.result(), failure)))


_STEPS = (
    b'{"index":0,"delta":{"content":"a"}}\n{"delta":{},"finish_reason":"stop"}\n',
    b'{"delta":{"content":"\\ud83d\\ude00 \\u0000"}}\n',
    b'{"text":"a","index":1}\n',
    b'{"delta":{"content":[{"type":"text","text":"a"}]}}\n',
    b'{"delta":{"content":null,"tool_calls":[{"index":0}]}}\n',
    b'{"message":"it fell over"}',
)
_ANSWER = _of_an_answer()
_RECORD_PLAIN = b"\0\0\0\0\x05hello", b"\1\0\0\0\x02{}", b"\4\0\0\0\0", b"\2\0\0\1\0"
_VERDICT = Verdict(
    th=b"h" * 32,
    node=BUNDLE.node,
    attestation_hash=bytes(32),
    value=VerdictValue.TRUNCATED,
    score_milli=0,
    now_ms=NOW_MS,
).encode()
_LEAVES = msgspec.json.encode(NodeLeaves((PlacedLeaf(0, LEAF), PlacedLeaf(7, LEAF))))

SEALED: tuple[Target, ...] = (
    _raw("sealed head", _head, _HEAD, share=0.5),
    _raw("head of a client", _sealed_head, vector("request", "head"), share=0.3),
    _raw("reply head", _reply_head, vector("response", "header"), share=0.3),
    _raw("sealed record", _record, *(bytes(n) for n in (272, 1040, 4112))),
    _raw("record of a peer", _sealed_record, *_RECORD_PLAIN),
    _raw("bundle", _bundle, BUNDLE.body + BUNDLE.sig),
    _raw("bundle of a node", _signed_bundle, BUNDLE.body, share=0.5),
    _raw("attestation", _attestation, attested(TASK).body, share=0.5),
    _raw("verdict", _verdict, _VERDICT, share=0.5),
    _raw("checkpoint", _checkpoint, NOTE),
    _raw("checkpoint of the club", _signed_checkpoint, NOTE),
    _raw("entry of the log", _leaf, LEAF, encode_leaf(RotationLeaf(b"k" * 32, 9))),
    _raw("entries of the log", _entries, encode_entries([LEAF, b"", LEAF])),
    _raw("tile of the log", _tile, bytes(160), b"tile/0/x001/234.p/5"),
    reads(
        "a node in the log",
        _node_leaves,
        TrustError,
        RemoteProtocolError,
        binary=False,
        corpus=(_LEAVES,),
    ),
    reads(
        "assignment",
        _assignment,
        RemoteProtocolError,
        corpus=(OFFER.body[len(LABEL) :],),
    ),
    Target("agent's door", True, _door, 0.3, (OFFER.body[len(LABEL) :],)),
    Target("attempt, coordinator", True, _coordinators_answer, 0.3, _ANSWER),
    Target("attempt, node", False, _nodes_answer, 0.3, _STEPS, structured=False),
)
